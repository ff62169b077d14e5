//! An editor's side of the conversation with `conc lsp`: a real process,
//! messages over its pipes. What should be answered belongs to the tests.

use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

/// After this an answer is taken to be missing; the test fails.
const LIMIT: Duration = Duration::from_secs(60);

pub struct Editor {
    child: Child,
    /// None once it is closed.
    stdin: Option<ChildStdin>,
    incoming: Receiver<Value>,
    /// Notifications that nobody has asked for yet.
    told: Vec<Value>,
    next: i64,
}

pub const URI: &str = "file:///tmp/bank.conc";

impl Editor {
    /// The server, without a word said.
    pub fn start() -> Editor {
        let mut command = Command::new(env!("CARGO_BIN_EXE_conc"));
        command.arg("lsp").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("conc can be started");
        let stdin = child.stdin.take();
        let mut stdout = BufReader::new(child.stdout.take().expect("it is a pipe"));
        let (sender, incoming) = channel();
        std::thread::spawn(move || {
            while let Some(message) = read(&mut stdout) {
                if sender.send(message).is_err() {
                    break;
                }
            }
        });
        Editor { child, stdin, incoming, told: Vec::new(), next: 0 }
    }

    /// After the first words, with a script open.
    pub fn open(text: &str) -> Editor {
        let mut editor = Editor::start();
        editor.initialize(json!({ "textDocument": {
            "publishDiagnostics": { "relatedInformation": true },
            "completion": { "completionItem": { "snippetSupport": true } },
        } }));
        editor.did_open(text);
        editor
    }

    pub fn initialize(&mut self, capabilities: Value) -> Value {
        let answer =
            self.ask("initialize", json!({ "processId": null, "rootUri": null, "capabilities": capabilities }));
        self.tell("initialized", json!({}));
        answer
    }

    pub fn did_open(&mut self, text: &str) {
        let document = json!({ "uri": URI, "languageId": "conc", "version": 1, "text": text });
        self.tell("textDocument/didOpen", json!({ "textDocument": document }));
    }

    /// The whole text anew.
    pub fn did_change(&mut self, version: i32, text: &str) {
        self.changes(version, json!([{ "text": text }]));
    }

    pub fn changes(&mut self, version: i32, changes: Value) {
        let document = json!({ "uri": URI, "version": version });
        self.tell("textDocument/didChange", json!({ "textDocument": document, "contentChanges": changes }));
    }

    pub fn tell(&mut self, method: &str, params: Value) {
        self.write(&json!({ "jsonrpc": "2.0", "method": method, "params": params }).to_string());
    }

    /// A request and its whole answer.
    pub fn answer(&mut self, method: &str, params: Value) -> Value {
        self.next += 1;
        let id = self.next;
        self.write(&json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params }).to_string());
        loop {
            let message = self.receive();
            if message["id"] == json!(id) {
                return message;
            }
            self.told.push(message);
        }
    }

    /// A request that succeeds.
    #[track_caller]
    pub fn ask(&mut self, method: &str, params: Value) -> Value {
        let answer = self.answer(method, params);
        assert!(answer.get("error").is_none(), "{method}: {answer}");
        answer["result"].clone()
    }

    /// One about a place in the document.
    #[track_caller]
    pub fn ask_at(&mut self, method: &str, line: u32, character: u32) -> Value {
        self.ask(method, at(line, character))
    }

    /// The next notification of a kind.
    pub fn notification(&mut self, method: &str) -> Value {
        loop {
            if let Some(place) = self.told.iter().position(|m| m["method"] == method) {
                return self.told.remove(place)["params"].clone();
            }
            let message = self.receive();
            self.told.push(message);
        }
    }

    /// The errors of a version of the document.
    pub fn errors(&mut self, version: i32) -> Vec<Value> {
        loop {
            let told = self.notification("textDocument/publishDiagnostics");
            if told["version"] == json!(version) {
                return told["diagnostics"].as_array().expect("a list").clone();
            }
        }
    }

    fn receive(&mut self) -> Value {
        self.incoming.recv_timeout(LIMIT).unwrap_or_else(|e| panic!("no answer: {e}"))
    }

    /// A message with its header.
    pub fn write(&mut self, text: &str) {
        self.write_raw(&format!("Content-Length: {}\r\n\r\n{text}", text.len()));
    }

    pub fn write_raw(&mut self, text: &str) {
        let stdin = self.stdin.as_mut().expect("it is open");
        stdin.write_all(text.as_bytes()).and_then(|()| stdin.flush()).expect("the server reads");
    }

    pub fn close_input(&mut self) {
        self.stdin = None;
    }

    /// Waits for the server's end: its exit code and standard error.
    pub fn ended(mut self) -> (Option<i32>, String) {
        let status = self.wait();
        let mut text = String::new();
        let mut stderr = self.child.stderr.take().expect("it is a pipe");
        stderr.read_to_string(&mut text).expect("standard error can be read");
        (status.code(), text)
    }

    fn wait(&mut self) -> ExitStatus {
        let began = std::time::Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().expect("it can be waited for") {
                return status;
            }
            assert!(began.elapsed() < LIMIT, "the server does not end");
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    /// `shutdown` and `exit`, as an editor that closes.
    #[track_caller]
    pub fn leave(mut self) {
        self.ask("shutdown", Value::Null);
        self.tell("exit", Value::Null);
        assert_eq!(self.ended(), (Some(0), String::new()));
    }
}

impl Drop for Editor {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The parameters for a place in the document.
pub fn at(line: u32, character: u32) -> Value {
    json!({ "textDocument": { "uri": URI }, "position": { "line": line, "character": character } })
}

fn read(from: &mut impl BufRead) -> Option<Value> {
    let mut length = 0;
    loop {
        let mut line = String::new();
        if from.read_line(&mut line).ok()? == 0 {
            return None;
        }
        match line.trim_end().split_once(": ") {
            Some(("Content-Length", n)) => length = n.parse().ok()?,
            Some(_) => {}
            None => break,
        }
    }
    let mut bytes = vec![0; length];
    from.read_exact(&mut bytes).ok()?;
    serde_json::from_slice(&bytes).ok()
}
