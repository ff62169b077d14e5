// The editor's side of `conc lsp`: starts the server, and carries out the
// lenses `check` and `run` in a terminal.

const vscode = require("vscode");
const { LanguageClient } = require("vscode-languageclient/node");

let client;
// The program that the client was started with.
let started;
// Starts and stops come one after another, however quickly the settings change.
let last = Promise.resolve();

function program() {
  return vscode.workspace.getConfiguration("conc").get("path") || "conc";
}

async function start() {
  started = program();
  const server = { command: started, args: ["lsp"] };
  client = new LanguageClient("conc", "conc", { run: server, debug: server }, {
    documentSelector: [{ language: "conc" }],
  });
  try {
    await client.start();
  } catch (error) {
    client = undefined;
    // The user may take his time to answer; what comes next does not wait for it.
    offerSettings(error);
  }
}

async function offerSettings(error) {
  const open = "Open the settings";
  const why = error?.message ?? error;
  const chosen = await vscode.window.showErrorMessage(
    `conc: \`${started} lsp\` could not be started${why ? `: ${why}` : ""}. ` +
      "Put conc on the path, or say in the settings where it is.",
    open,
  );
  if (chosen === open) {
    vscode.commands.executeCommand("workbench.action.openSettings", "conc.path");
  }
}

async function stop() {
  const old = client;
  client = undefined;
  if (old?.needsStop()) {
    await old.stop();
  }
}

function inTurn(deed) {
  last = last.then(deed, deed);
  return last;
}

function restart() {
  return inTurn(async () => {
    await stop().catch(() => {});
    await start();
  });
}

// The script that a lens names, else the one in view; saved, since conc reads
// the file.
async function script(argument) {
  const uri = argument
    ? typeof argument === "string" ? vscode.Uri.parse(argument, true) : argument
    : vscode.window.activeTextEditor?.document.uri;
  if (!uri || uri.scheme !== "file") {
    vscode.window.showWarningMessage("conc: save the script as a file first");
    return undefined;
  }
  const document = vscode.workspace.textDocuments.find((d) => d.uri.toString() === uri.toString());
  if (document?.isDirty && !(await document.save())) {
    return undefined;
  }
  return uri.fsPath;
}

// A task gets its words as they are, whatever the shell, and its own terminal.
function command(name) {
  return async (argument) => {
    const path = await script(argument);
    if (!path) {
      return;
    }
    const folder = vscode.workspace.getWorkspaceFolder(vscode.Uri.file(path));
    const task = new vscode.Task(
      { type: "conc", command: name },
      folder ?? vscode.TaskScope.Workspace,
      `${name} ${vscode.workspace.asRelativePath(path)}`,
      "conc",
      new vscode.ProcessExecution(program(), [name, path]),
    );
    task.presentationOptions = { reveal: vscode.TaskRevealKind.Always, clear: true, panel: vscode.TaskPanelKind.Shared };
    await vscode.tasks.executeTask(task);
  };
}

exports.activate = async function activate(context) {
  context.subscriptions.push(
    vscode.commands.registerCommand("conc.check", command("check")),
    vscode.commands.registerCommand("conc.run", command("run")),
    vscode.commands.registerCommand("conc.restart", restart),
    vscode.workspace.onDidChangeConfiguration((change) => {
      if (change.affectsConfiguration("conc.path") && !(client && started === program())) {
        restart();
      }
    }),
  );
  await inTurn(start);
};

exports.deactivate = () => inTurn(stop);
