//! Keeps the documentation true. Every script in `README.md` and `docs/` must
//! compile and have the one layout; every `console` block is run and compared
//! with what it shows; every link must lead somewhere; every kind, method,
//! finding, error, option and field must be described. The scripts of the
//! pages of `conc explain` are run too.
//!
//! A script is a fenced block ```` ```conc NAME ````; `NAME` is needed only where
//! a console block runs it. ```` ```conc wrong NAME ```` must not compile.
//!
//! A ```` ```console ```` block has lines `$ conc …` and `$ echo $?`, each
//! followed by what it prints: standard output first, then standard error.
//! Words behind `console` say how to compare:
//!
//! - `any-order`: lines in any order, and the numbers of tasks do not matter;
//! - `varies`: only the codes of the findings must be the same;
//! - `timing`: a sleep decides, so it may take several attempts.
//!
//! With `CONC_DOCS=write` in the environment a block that differs is written
//! anew instead, to be read before it is committed.

use conc::detect::finding::Code;
use conc::lang::format::format;
use conc::lang::parse::parse;
use conc::objects::KINDS;
use conc::program::kind::{Memory, Update};
use conc::program::value::ErrorKind;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Runs are compared one at a time, so that they do not slow down each other.
static ALONE: Mutex<()> = Mutex::new(());

/// How often a console block marked `timing` may be tried.
const ATTEMPTS_MAX: usize = 8;

fn alone() -> MutexGuard<'static, ()> {
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// `README.md` and every page of `docs/`.
fn documents() -> Vec<PathBuf> {
    let mut found = vec![root().join("README.md")];
    for entry in std::fs::read_dir(root().join("docs")).expect("docs/ is there") {
        let path = entry.expect("docs/ can be read").path();
        if path.extension().is_some_and(|e| e == "md") {
            found.push(path);
        }
    }
    found.sort();
    found
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

// ---------------------------------------------------------------------- blocks

/// A fenced block: the words behind the fence, the text, the line of the fence.
struct Block {
    words: Vec<String>,
    text: String,
    line: usize,
}

impl Block {
    fn is(&self, word: &str) -> bool {
        self.words.first().is_some_and(|w| w == word)
    }
    fn has(&self, word: &str) -> bool {
        self.words.iter().skip(1).any(|w| w == word)
    }
    /// The file that a script is written to.
    fn name(&self) -> Option<&str> {
        self.words.iter().skip(1).find(|w| w.ends_with(".conc")).map(String::as_str)
    }
}

fn blocks(text: &str) -> Vec<Block> {
    let mut found: Vec<Block> = Vec::new();
    let mut open: Option<Block> = None;
    for (index, line) in text.lines().enumerate() {
        match (&mut open, line.strip_prefix("```")) {
            (Some(_), Some(_)) => found.extend(open.take()),
            (Some(block), None) => {
                block.text.push_str(line);
                block.text.push('\n');
            }
            (None, Some(words)) => {
                let words = words.split_whitespace().map(String::from).collect();
                open = Some(Block { words, text: String::new(), line: index + 1 });
            }
            (None, None) => {}
        }
    }
    assert!(open.is_none(), "a fence is not closed");
    found
}

// --------------------------------------------------------------------- scripts

/// Whether a script compiles; else the first error.
fn compile(text: &str) -> Result<(), String> {
    let script = parse(text).map_err(|e| e[0].message.clone())?;
    conc::program::compile(&script, text, KINDS, &[]).map(|_| ()).map_err(|e| e[0].message.clone())
}

#[test]
fn scripts_compile_and_have_the_one_layout() {
    let mut wrong = Vec::new();
    for path in documents() {
        for block in blocks(&read(&path)).iter().filter(|b| b.is("conc")) {
            let place = format!("{}:{}", path.display(), block.line);
            match compile(&block.text) {
                Ok(()) if block.has("wrong") => wrong.push(format!("{place}: it compiles")),
                Err(message) if !block.has("wrong") => wrong.push(format!("{place}: {message}")),
                _ => {}
            }
            if let Ok(text) = format(&block.text)
                && text != block.text
            {
                wrong.push(format!("{place}: `conc fmt` makes of it\n{text}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

// -------------------------------------------------------------------- consoles

/// A line `$ …` and what is shown below it.
struct Shown {
    command: String,
    output: String,
}

fn shown(block: &Block) -> Vec<Shown> {
    let mut found: Vec<Shown> = Vec::new();
    for line in block.text.lines() {
        if let Some(command) = line.strip_prefix("$ ") {
            found.push(Shown { command: command.to_string(), output: String::new() });
        } else if let Some(last) = found.last_mut() {
            last.output.push_str(line);
            last.output.push('\n');
        }
    }
    found
}

struct Ran {
    code: i32,
    out: String,
    err: String,
}

/// Words as a shell would make them of a line with simple quotes.
fn words(line: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    for c in line.chars() {
        match (quote, c) {
            (Some(q), c) if c == q => quote = None,
            (None, '\'' | '"') => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (None, ' ') => found.extend(word.take()),
            (_, c) => word.get_or_insert_default().push(c),
        }
    }
    found.extend(word);
    found
}

/// The lines that are shown as typed at the prompt of `conc step`, which
/// repeats what does not come from a terminal.
fn typed(shown: &Shown) -> Stdio {
    use std::io::{Seek, Write};
    if !shown.command.starts_with("conc step ") {
        return Stdio::null();
    }
    let lines = shown.output.lines().filter_map(|l| l.strip_prefix("> ")).map(|l| format!("{l}\n"));
    let mut file = tempfile::tempfile().expect("a temporary file");
    file.write_all(lines.collect::<String>().as_bytes()).and_then(|()| file.rewind()).expect("it can be written");
    file.into()
}

fn conc(args: &[String], folder: &Path) -> Ran {
    conc_reading(args, folder, Stdio::null())
}

fn conc_reading(args: &[String], folder: &Path, input: Stdio) -> Ran {
    let mut args = args.to_vec();
    if args.first().is_some_and(|a| ["run", "check"].contains(&a.as_str())) && !args.iter().any(|a| a == "--time-limit")
    {
        args.extend(["--time-limit".to_string(), "60s".to_string()]);
    }
    let output = Command::new(env!("CARGO_BIN_EXE_conc"))
        .args(&args)
        .current_dir(folder)
        .stdin(input)
        .env("COLUMNS", "80")
        .env("NO_COLOR", "1")
        .env("LANG", "C.UTF-8")
        .env_remove("LC_ALL")
        .env_remove("LC_CTYPE")
        .output()
        .expect("conc can be started");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("conc prints UTF-8");
    Ran { code: output.status.code().unwrap_or(-1), out: text(output.stdout), err: text(output.stderr) }
}

/// A folder with a document's scripts, and the scenarios.
fn folder_of(document: &[Block]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    for block in document.iter().filter(|b| b.is("conc")) {
        if let Some(name) = block.name() {
            let path = folder.path().join(name);
            assert!(!path.exists(), "two scripts are named {name}");
            std::fs::write(path, &block.text).expect("a script can be written");
        }
    }
    std::os::unix::fs::symlink(root().join("scenarios"), folder.path().join("scenarios")).expect("a link");
    folder
}

/// Runs a block's commands: what differs, or none.
fn differences(block: &Block, folder: &Path) -> Option<String> {
    let mut last_code = 0;
    for shown in shown(block) {
        let got = if shown.command == "echo $?" {
            Ran { code: 0, out: format!("{last_code}\n"), err: String::new() }
        } else {
            let words = words(&shown.command);
            assert_eq!(words.first().map(String::as_str), Some("conc"), "`{}` cannot be tested", shown.command);
            conc_reading(&words[1..], folder, typed(&shown))
        };
        last_code = got.code;
        let got = format!("{}{}", got.out, got.err);
        let (want, have) = (comparable(&shown.output, block), comparable(&got, block));
        if want != have {
            return Some(format!("$ {}\n--- shown\n{}\n--- now\n{}\n--- as printed\n{got}", shown.command, want, have));
        }
    }
    None
}

fn check_consoles(name: &str) {
    let path = root().join(name);
    let document = blocks(&read(&path));
    let folder = folder_of(&document);
    let (mut wrong, mut fresh) = (Vec::new(), Vec::new());
    for block in document.iter().filter(|b| b.is("console")) {
        for word in block.words.iter().skip(1) {
            assert!(["any-order", "varies", "timing"].contains(&word.as_str()), "{name}:{}: `{word}`", block.line);
        }
        let _alone = alone();
        let attempts = if block.has("timing") { ATTEMPTS_MAX } else { 1 };
        let mut found = None;
        for _ in 0..attempts {
            found = differences(block, folder.path());
            if found.is_none() {
                break;
            }
        }
        if found.is_some() && std::env::var_os("CONC_DOCS").is_some_and(|v| v == "write") {
            fresh.push((block.line, printed(block, folder.path())));
            continue;
        }
        wrong.extend(found.map(|text| format!("{name}:{}\n{text}", block.line)));
    }
    write_anew(&path, &fresh);
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

/// A block's commands with what they print now.
fn printed(block: &Block, folder: &Path) -> String {
    let mut text = String::new();
    let mut last_code = 0;
    for shown in shown(block) {
        let got = match shown.command.as_str() {
            "echo $?" => Ran { code: 0, out: format!("{last_code}\n"), err: String::new() },
            command => conc_reading(&words(command)[1..], folder, typed(&shown)),
        };
        last_code = got.code;
        text.push_str(&format!("$ {}\n{}{}", shown.command, got.out, got.err));
    }
    text.lines().flat_map(|l| [l.trim_end(), "\n"]).collect()
}

/// Puts the texts of blocks, by the lines of their fences, into a document.
fn write_anew(path: &Path, fresh: &[(usize, String)]) {
    let text = read(path);
    let mut lines: Vec<&str> = text.lines().collect();
    for (fence, block) in fresh.iter().rev() {
        let end = (*fence..lines.len()).find(|i| lines[*i].starts_with("```")).expect("a fence is closed");
        lines.splice(fence..&end, block.lines());
    }
    if !fresh.is_empty() {
        std::fs::write(path, lines.join("\n") + "\n").expect("a document can be written");
    }
}

// A test a document, so that each fails by its name.

#[test]
fn consoles_of_the_readme() {
    check_consoles("README.md");
}

#[test]
fn consoles_of_the_tour() {
    check_consoles("docs/tour.md");
}

#[test]
fn consoles_of_the_language() {
    check_consoles("docs/language.md");
}

#[test]
fn consoles_of_the_command() {
    check_consoles("docs/cli.md");
}

#[test]
fn consoles_of_testing() {
    check_consoles("docs/testing.md");
}

#[test]
fn consoles_of_stepping() {
    check_consoles("docs/step.md");
}

#[test]
fn consoles_of_the_editors() {
    check_consoles("docs/editors.md");
}

#[test]
fn consoles_of_checking() {
    check_consoles("docs/checking.md");
}

#[test]
fn consoles_of_the_architecture() {
    check_consoles("docs/architecture.md");
}

// -------------------------------------------------------------------- sessions

/// What is typed in a transcript: the lines behind a prompt, `3> `, ` . ` or
/// `step> `.
fn entered(transcript: &str) -> String {
    let behind = |line: &str| {
        if let Some(command) = line.strip_prefix("step>") {
            return Some(format!("{}\n", command.trim_start()));
        }
        let number = line.trim_start_matches(|c: char| c.is_ascii_digit());
        let prompt =
            if number.len() < line.len() { number.strip_prefix('>') } else { line.trim_start().strip_prefix('.') };
        let at_margin = number.len() < line.len() || line.starts_with(' ');
        prompt.filter(|_| at_margin).map(|rest| format!("{}\n", rest.strip_prefix(' ').unwrap_or(rest)))
    };
    transcript.lines().filter_map(behind).collect()
}

/// Columns move with the digits of a pid.
fn blank_columns(text: &str) -> String {
    text.lines().map(|l| l.split_whitespace().collect::<Vec<_>>().join(" ") + "\n").collect()
}

#[test]
fn sessions_of_the_page() {
    let document = blocks(&read(&root().join("docs/repl.md")));
    let mut wrong = Vec::new();
    for block in document.iter().filter(|b| b.is("repl")) {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let input = folder.path().join("input");
        std::fs::write(&input, entered(&block.text)).expect("the input can be written");
        let _alone = alone();
        let output = Command::new(env!("CARGO_BIN_EXE_conc"))
            .args(["repl", "--transcript", "--color", "never"])
            .current_dir(folder.path())
            .stdin(std::fs::File::open(&input).expect("it has just been written"))
            .env("COLUMNS", "80")
            .env("LC_ALL", "C.UTF-8")
            .output()
            .expect("conc can be started");
        let got = String::from_utf8(output.stdout).expect("conc prints UTF-8");
        let comparable = |text: &str| match block.has("varies") {
            true => comparable(text, block),
            false => blank_columns(&comparable(text, block)),
        };
        let (want, have) = (comparable(&block.text), comparable(&got));
        if want != have {
            wrong.push(format!("docs/repl.md:{}\n--- shown\n{want}\n--- now\n{have}", block.line));
        }
        let err = String::from_utf8_lossy(&output.stderr);
        assert!(err.is_empty(), "docs/repl.md:{}: standard error has\n{err}", block.line);
    }
    assert!(document.iter().filter(|b| b.is("repl")).count() > 5, "the page has sessions");
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

// ------------------------------------------------------------------- comparing

/// Output with all that differs from run to run taken out.
fn comparable(output: &str, block: &Block) -> String {
    if block.has("varies") {
        return codes(output).into_iter().collect::<Vec<_>>().join("\n");
    }
    let mut lines: Vec<String> = logical_lines(output).iter().map(|l| blank_numbers(l)).collect();
    if block.has("any-order") {
        lines = lines.iter().map(|l| blank_tasks(l)).collect();
        lines.sort();
    }
    lines.join("\n")
}

/// The codes of the findings, `error[race]` and so on, also of those told in
/// one line, `bank.conc:1:5: error[race]: …`.
fn codes(output: &str) -> BTreeSet<String> {
    let headline = |line: &str| {
        let (head, _) = line.split_once("]: ")?;
        let head = head.rsplit(": ").next()?;
        let known = head.strip_prefix("error[").or(head.strip_prefix("note["))?;
        Code::from_word(known).map(|_| format!("{head}]"))
    };
    output.lines().filter_map(headline).collect()
}

/// Lines without blank ones at the end. Where a line was broken depends on how
/// many digits a pid has, so notes and the last line are made whole again.
fn logical_lines(output: &str) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for line in output.lines().map(str::trim_end) {
        let joined = lines.last().is_some_and(|last| {
            let note = last.starts_with("  = ") && line.starts_with("      ");
            let summary = last.starts_with(|c: char| c.is_ascii_digit()) && last.contains(" task");
            !line.is_empty()
                && (note || summary && !line.starts_with(' ') && !last.contains("): ") && !last.ends_with("findings"))
        });
        match lines.last_mut() {
            Some(last) if joined => {
                last.push(' ');
                last.push_str(line.trim_start());
            }
            _ => lines.push(line.to_string()),
        }
    }
    while lines.last().is_some_and(String::is_empty) {
        lines.pop();
    }
    lines
}

/// Pids, tids, times, counts of repetitions and shares, each as a letter.
fn blank_numbers(line: &str) -> String {
    let mut out = String::new();
    let mut rest = line;
    while let Some(start) = rest.find(|c: char| c.is_ascii_digit()) {
        out.push_str(&rest[..start]);
        rest = &rest[start..];
        let end = rest.find(|c: char| !(c.is_ascii_digit() || c == '.')).unwrap_or(rest.len());
        let number = rest[..end].trim_end_matches('.');
        let after = &rest[number.len()..];
        let before = out.trim_end_matches([' ', ':', '"']);
        let unit = [" ms", " s", " min"]
            .into_iter()
            .find(|u| after.strip_prefix(*u).is_some_and(|r| !r.starts_with(|c: char| c.is_alphanumeric())));
        let of_system = ["process", "thread", "pid", "tid", "seed", "duration_ms"].iter().any(|w| before.ends_with(w));
        rest = after;
        if of_system && !out.ends_with(|c: char| c.is_alphabetic()) {
            out.push('N');
        } else if let Some(unit) = unit {
            out.push('T');
            rest = &after[unit.len()..];
        } else if [" times", "%"].iter().any(|a| after.starts_with(a)) {
            out.push('N');
        } else {
            out.push_str(number);
        }
    }
    out + rest
}

/// `worker#1` as `worker#N`.
fn blank_tasks(line: &str) -> String {
    let mut out = String::new();
    let mut rest = line;
    while let Some(at) = rest.find('#') {
        out.push_str(&rest[..=at]);
        rest = rest[at + 1..].trim_start_matches(|c: char| c.is_ascii_digit());
        if line[..line.len() - rest.len()].ends_with(|c: char| c.is_ascii_digit()) {
            out.push('N');
        }
    }
    out + rest
}

#[test]
fn what_differs_from_run_to_run_is_taken_out() {
    assert_eq!(
        blank_numbers("3 tasks (2 threads, 1 process), 5.8 ms: 2 findings"),
        "3 tasks (2 threads, 1 process), T: 2 findings"
    );
    assert_eq!(
        blank_numbers("  = tasks: a and b are threads of process 4470"),
        "  = tasks: a and b are threads of process N"
    );
    assert_eq!(blank_numbers("worker pid 3546 tid 3547, line 8"), "worker pid N tid N, line 8");
    assert_eq!(
        blank_numbers("{\"pid\":3541,\"count\":1,\"duration_ms\":6.15}"),
        "{\"pid\":N,\"count\":1,\"duration_ms\":N}"
    );
    assert_eq!(
        blank_numbers("23 states, 40 transitions, 0.4 ms: 1 finding"),
        "23 states, 40 transitions, T: 1 finding"
    );
    assert_eq!(blank_numbers("x is 1. 10ms, fork[0]"), "x is 1. 10ms, fork[0]");
    assert_eq!(blank_tasks("add#0 and add#11 # rest"), "add#N and add#N # rest");
    let broken = "  = tasks: a is a thread of\n             process 1\n  = help: b\n\n1 task (1 process), 5.0 ms (4 ms of the\nlock): no findings\n\n";
    let whole = [
        "  = tasks: a is a thread of process 1",
        "  = help: b",
        "",
        "1 task (1 process), 5.0 ms (4 ms of the lock): no findings",
    ];
    assert_eq!(logical_lines(broken), whole);
}

// --------------------------------------------------------------- explain pages

/// These pages are about what only an exploration of all interleavings finds.
const ONLY_EXPLORED: [&str; 2] = ["livelock", "starvation"];
/// The examples of these come out as expected in some runs only.
const SOME_RUNS: [&str; 5] = ["assertion", "error", "lost-wakeup", "dropped-jobs", "orphan"];

#[test]
fn scripts_of_the_explain_pages_do_what_they_expect() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut wrong = Vec::new();
    for entry in std::fs::read_dir(root().join("src/report/explain")).expect("the pages are there") {
        let path = entry.expect("the pages can be read").path();
        let page = path.file_stem().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
        for block in blocks(&read(&path)).iter().filter(|b| b.is("conc")) {
            let place = format!("{page}.md:{}", block.line);
            if let Err(message) = compile(&block.text) {
                wrong.push(format!("{place}: {message}"));
                continue;
            }
            if ONLY_EXPLORED.contains(&page.as_str()) {
                continue;
            }
            let _alone = alone();
            std::fs::write(folder.path().join("page.conc"), &block.text).expect("a script can be written");
            let got = conc(&["run".to_string(), "page.conc".to_string()], folder.path());
            let difference = unexpected(&block.text, &got, SOME_RUNS.contains(&page.as_str()));
            wrong.extend(difference.map(|text| format!("{place}: {text}\n{}", got.err)));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What a run shows that its `expect` lines do not name, or the other way
/// round unless the finding is one of some runs.
fn unexpected(script: &str, got: &Ran, some_runs: bool) -> Option<String> {
    let expected: Vec<Code> = script
        .lines()
        .filter_map(|l| l.trim().strip_prefix("expect "))
        .filter_map(|l| Code::from_word(l.split_whitespace().next()?))
        .collect();
    let word = |head: &String| head.trim_end_matches(']').split('[').nth(1).and_then(Code::from_word);
    let found: Vec<Code> = codes(&got.err).iter().filter_map(word).collect();
    // A predicted deadlock is the same danger as one that happened.
    let same = |a: Code, b: Code| a == b || (a, b) == (Code::LockOrder, Code::Deadlock);
    for f in found.iter().filter(|f| !f.is_note()) {
        if !expected.iter().any(|e| same(*f, *e)) {
            return Some(format!("`{}` was not expected", f.word()));
        }
    }
    for e in expected {
        if !some_runs && !found.iter().any(|f| same(*f, e)) {
            return Some(format!("`{}` was expected and not found", e.word()));
        }
    }
    None
}

// ---------------------------------------------------------------- completeness

/// A document's text outside and inside of fences.
fn prose(text: &str) -> String {
    let mut inside = false;
    let mut out = String::new();
    for line in text.lines() {
        if line.starts_with("```") {
            inside = !inside;
        } else if !inside {
            out.push_str(line);
            out.push('\n');
        }
    }
    out
}

#[test]
fn the_reference_names_everything() {
    let text = prose(&read(&root().join("docs/language.md")));
    let mut missing = Vec::new();
    let mut need = |what: &str, word: &str| {
        if !text.contains(word) {
            missing.push(format!("{what} {word}"));
        }
    };
    for kind in KINDS.iter().filter(|k| !k.internal) {
        need("the kind", &format!("### `{}`", kind.word));
        for method in kind.methods.iter().filter(|m| !m.name.starts_with('-')) {
            need(kind.word, &format!("`{}(", method.name));
        }
        for option in kind.options {
            need(kind.word, option);
        }
    }
    for memory in [Memory::Var, Memory::Shared, Memory::Atomic] {
        need("the memory", &format!("`{}`", memory.word()));
    }
    for (name, _, _) in Update::METHODS {
        need("the method", &format!("`{name}("));
    }
    for code in Code::ALL {
        need("the finding", &format!("### `{}`", code.word()));
    }
    for kind in ErrorKind::ALL {
        need("the error", &format!("`{}`", kind.word()));
    }
    assert!(missing.is_empty(), "docs/language.md does not say: {}", missing.join(", "));
}

#[test]
fn the_command_page_names_every_option_and_field() {
    let text = read(&root().join("docs/cli.md"));
    let mut missing = Vec::new();
    for command in ["run", "test", "step", "fmt", "explain", "lsp", "completions", "man"] {
        let help = conc(&[command.to_string(), "--help".to_string()], &root()).out;
        let options = help.split_whitespace().filter(|w| w.starts_with("--"));
        missing
            .extend(options.map(|o| o.trim_end_matches(',').to_string()).filter(|o| !text.contains(&format!("`{o}"))));
    }
    let schema: serde_json::Value = serde_json::from_str(conc::report::json::SCHEMA).expect("the schema is JSON");
    let kinds = schema["oneOf"].as_array().cloned().unwrap_or_default();
    let parts = ["place", "task"].iter().map(|d| schema["$defs"][d].clone());
    for part in kinds.into_iter().chain(parts) {
        let fields = part["properties"].as_object().cloned().unwrap_or_default();
        missing.extend(fields.keys().filter(|f| !text.contains(&format!("`{f}`"))).cloned());
    }
    assert!(missing.is_empty(), "docs/cli.md does not say: {}", missing.join(", "));
}

// ----------------------------------------------------------------------- links

/// The targets of `[text](target)`, but for those in code.
fn links(text: &str) -> Vec<String> {
    let text: String = text.split('`').step_by(2).collect();
    let targets = text.split("](").skip(1);
    targets.filter_map(|rest| rest.split_once(')')).map(|(target, _)| target.to_string()).collect()
}

/// The anchor of a heading, as GitHub makes it.
fn anchor(heading: &str) -> String {
    let kept = heading.trim().to_lowercase();
    let kept = kept.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
    kept.map(|c| if c == ' ' { '-' } else { c }).collect()
}

#[test]
fn links_lead_somewhere() {
    let mut wrong = Vec::new();
    for path in documents() {
        for link in links(&prose(&read(&path))) {
            if link.starts_with("https://") {
                continue;
            }
            let (file, part) = link.split_once('#').unwrap_or((&link, ""));
            let target = if file.is_empty() { path.clone() } else { path.parent().expect("a folder").join(file) };
            let place = format!("{}: {link}", path.display());
            if !target.exists() {
                wrong.push(place);
            } else if !part.is_empty() {
                let heading = |l: &str| l.starts_with('#').then(|| anchor(l.trim_start_matches('#')));
                if !prose(&read(&target)).lines().filter_map(heading).any(|a| a == part) {
                    wrong.push(place);
                }
            }
        }
    }
    assert!(wrong.is_empty(), "links that lead nowhere:\n{}", wrong.join("\n"));
}
