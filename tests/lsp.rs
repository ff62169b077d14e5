//! The server for editors as an editor meets it: a process, messages over its
//! standard input and output, scripts whole, half typed and broken.

use crate::support;

use serde_json::{Value, json};
use support::editor::{Editor, URI, at};

const BANK: &str = "\
# bank.conc
const N = 2
lock m
queue q(3)
var balance = 100

struct Account {
    lock mu
    shared money = 0
}

task teller(amount) {
    with m { balance += amount }
    q.put(amount, timeout: 1s)
}

let a = Account(money: N)
with a.mu { a.money -= 1 }
spawn teller(10) x2
join all
print \"balance is {balance}\"
expect ok
";

/// The line and the column of the `nth` occurrence of a piece of text.
fn find(text: &str, piece: &str, nth: usize) -> (u32, u32) {
    let (byte, _) = text.match_indices(piece).nth(nth).expect("the piece is there");
    let line = text[..byte].matches('\n').count();
    let column = text[..byte].rsplit('\n').next().unwrap_or("").encode_utf16().count();
    (line as u32, column as u32)
}

fn labels(items: &Value) -> Vec<String> {
    items.as_array().expect("a list").iter().map(|i| i["label"].as_str().expect("a label").to_string()).collect()
}

#[track_caller]
fn complete(text: &str) -> Vec<String> {
    let cursor = find(text, "|", 0);
    let mut editor = Editor::open(&text.replacen('|', "", 1));
    let found = labels(&editor.ask_at("textDocument/completion", cursor.0, cursor.1));
    editor.leave();
    found
}

fn has(found: &[String], wanted: &[&str]) -> bool {
    wanted.iter().all(|w| found.iter().any(|f| f == w))
}

// ----------------------------------------------------------------- beginnings

#[test]
fn a_conversation_begins_and_ends_as_the_protocol_says() {
    let mut editor = Editor::start();
    let early = editor.answer("textDocument/hover", at(0, 0));
    assert_eq!(early["error"]["code"], -32002, "{early}");
    editor.tell("textDocument/didOpen", json!({ "nonsense": true }));
    let answer = editor.initialize(json!({}));
    assert_eq!(answer["serverInfo"]["name"], "conc");
    assert_eq!(answer["capabilities"]["positionEncoding"], "utf-16");
    assert_eq!(answer["capabilities"]["hoverProvider"], true);
    let again = editor.answer("initialize", json!({ "capabilities": {} }));
    assert_eq!(again["error"]["code"], -32600, "{again}");
    let unknown = editor.answer("textDocument/telepathy", json!({}));
    assert_eq!(unknown["error"]["code"], -32601, "{unknown}");
    let closed = editor.answer("textDocument/hover", at(0, 0));
    assert_eq!(closed["error"]["code"], -32602, "{closed}");
    editor.ask("shutdown", Value::Null);
    let late = editor.answer("textDocument/hover", at(0, 0));
    assert_eq!(late["error"]["code"], -32600, "{late}");
    editor.tell("exit", Value::Null);
    assert_eq!(editor.ended(), (Some(0), String::new()));
}

#[test]
fn an_editor_that_vanishes_takes_the_server_along() {
    let mut editor = Editor::open(BANK);
    editor.close_input();
    assert_eq!(editor.ended(), (Some(1), String::new()));
    let mut editor = Editor::open(BANK);
    editor.tell("exit", Value::Null);
    assert_eq!(editor.ended(), (Some(1), String::new()));
}

#[test]
fn an_editor_that_reads_no_more_ends_the_server() {
    use std::io::Write;
    use std::process::{Command, Stdio};
    let mut command = Command::new(env!("CARGO_BIN_EXE_conc"));
    command.arg("lsp").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("conc can be started");
    drop(child.stdout.take());
    let mut stdin = child.stdin.take().expect("a pipe");
    let text =
        json!({ "jsonrpc": "2.0", "id": 1, "method": "initialize", "params": { "capabilities": {} } }).to_string();
    // Another test may be starting a program, which has the other end of the pipe for an
    // instant: what is answered then is read by nobody, and the next answer finds it closed.
    while child.try_wait().expect("it can be asked").is_none() {
        if write!(stdin, "Content-Length: {}\r\n\r\n{text}", text.len()).is_err() {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    let ended = child.wait_with_output().expect("it ends by itself, with its input still open");
    assert_eq!(ended.status.code(), Some(1));
    assert_eq!(String::from_utf8_lossy(&ended.stderr), "");
    drop(stdin);
}

#[test]
fn broken_messages_are_told_and_the_conversation_goes_on() {
    let mut editor = Editor::open(BANK);
    editor.write("{ this is no JSON");
    let told = editor.notification("window/logMessage");
    assert!(told["message"].as_str().expect("a text").contains("cannot be read"), "{told}");
    editor.write_raw("no header at all\r\n");
    editor.notification("window/logMessage");
    editor.write_raw("Content-Length: many\r\n");
    editor.notification("window/logMessage");
    editor.write_raw("\r\n");
    editor.write("[]");
    editor.write("{\"jsonrpc\":\"2.0\",\"method\":\"textDocument/didChange\",\"params\":7}");
    editor.changes(2, json!([{ "range": { "start": { "line": 9999, "character": 7 }, "end": { "line": 0, "character": 99999 } }, "text": "# end\n" }]));
    assert!(editor.errors(2).is_empty());
    let wrong = editor.answer("textDocument/hover", json!({ "textDocument": { "uri": URI }, "position": "here" }));
    assert_eq!(wrong["error"]["code"], -32602, "{wrong}");
    assert!(!editor.ask_at("textDocument/hover", 2, 5).is_null());
    editor.leave();
}

// --------------------------------------------------------------------- errors

#[test]
fn errors_are_those_of_the_command_line() {
    let mut editor = Editor::open("lock m\nvar x = 1\nlock m\nm.aquire()\nballance = 2\n");
    let errors = editor.errors(1);
    let messages: Vec<&str> = errors.iter().map(|e| e["message"].as_str().expect("a text")).collect();
    assert_eq!(messages.len(), 3, "{messages:?}");
    assert_eq!(messages[0], "`m` is defined twice\nhelp: names live in one space: give one of them another name");
    assert_eq!(errors[0]["range"]["start"], json!({ "line": 2, "character": 5 }));
    let related = &errors[0]["relatedInformation"][0];
    assert_eq!(related["message"], "first defined here");
    assert_eq!(related["location"]["range"]["start"], json!({ "line": 0, "character": 5 }));
    assert_eq!(messages[1], "a lock has no method `aquire`\nhelp: did you mean `acquire`?");
    editor.did_change(2, "lock m\n");
    assert!(editor.errors(2).is_empty());
    editor.tell("textDocument/didClose", json!({ "textDocument": { "uri": URI } }));
    let told = editor.notification("textDocument/publishDiagnostics");
    assert_eq!(told["diagnostics"], json!([]));
    editor.leave();
}

#[test]
fn errors_of_form_and_of_meaning_are_told_as_conc_run_tells_them() {
    for script in
        ["spawn q\nqueue q(3)\n", "if x { }\nlock a, b\n", "def f():\n  pass\n", "print \"a\nx++\n", "lock m[2\n"]
    {
        let run = support::run(script).args(["--format", "json"]).finish();
        let of_run: Vec<(String, u64)> = run
            .json()
            .iter()
            .map(|e| (e["message"].as_str().unwrap_or("").to_string(), e["places"][0]["line"].as_u64().unwrap_or(0)))
            .collect();
        let mut editor = Editor::open(script);
        let of_server: Vec<(String, u64)> = editor
            .errors(1)
            .iter()
            .map(|e| {
                let message = e["message"].as_str().unwrap_or("").lines().next().unwrap_or("").to_string();
                (message, e["range"]["start"]["line"].as_u64().unwrap_or(0) + 1)
            })
            .collect();
        assert!(!of_run.is_empty());
        assert_eq!(of_server, of_run, "{script}");
        editor.leave();
    }
}

#[test]
fn a_mend_that_is_a_word_is_offered_as_an_edit() {
    let mut editor = Editor::open("queue q\nq.gett()\n");
    let here = json!({ "start": { "line": 1, "character": 3 }, "end": { "line": 1, "character": 3 } });
    let params = json!({ "textDocument": { "uri": URI }, "range": here, "context": { "diagnostics": [] } });
    let actions = editor.ask("textDocument/codeAction", params);
    assert_eq!(actions[0]["title"], "Replace `gett` by `get`");
    let edit = &actions[0]["edit"]["changes"][URI][0];
    assert_eq!(edit["newText"], "get");
    assert_eq!(edit["range"]["end"], json!({ "line": 1, "character": 6 }));
    editor.leave();
}

#[test]
fn many_changes_in_a_row_leave_the_errors_of_the_last() {
    let mut editor = Editor::open("");
    for version in 2..=200 {
        editor.did_change(version, &"x = 1\n".repeat(version as usize % 5));
    }
    editor.did_change(201, "var x = 0\nx = y\n");
    assert_eq!(editor.errors(201).len(), 1);
    editor.leave();
}

// ---------------------------------------------------------------------- places

#[test]
fn columns_count_in_utf16_and_in_bytes_where_agreed() {
    let script = "print \"🦀é\", nothing\nlock m\n";
    let mut editor = Editor::open(script);
    let error = &editor.errors(1)[0];
    assert_eq!(
        error["range"],
        json!({
            "start": { "line": 0, "character": 13 },
            "end": { "line": 0, "character": 20 },
        })
    );
    let insert = json!({ "start": { "line": 0, "character": 9 }, "end": { "line": 0, "character": 10 } });
    editor.changes(2, json!([{ "range": insert, "text": "e" }]));
    assert_eq!(editor.errors(2)[0]["range"]["start"]["character"], 13);
    editor.leave();

    let mut editor = Editor::start();
    let answer = editor.initialize(json!({ "general": { "positionEncodings": ["utf-16", "utf-8"] } }));
    assert_eq!(answer["capabilities"]["positionEncoding"], "utf-8");
    editor.did_open(script);
    assert_eq!(editor.errors(1)[0]["range"]["start"]["character"], 16);
    editor.leave();
}

#[test]
fn a_definition_is_found_from_each_use() {
    let mut editor = Editor::open(BANK);
    for (piece, nth, definition) in [
        ("balance", 1, ("balance", 0)),
        ("balance", 3, ("balance", 0)),
        ("amount", 2, ("amount", 0)),
        ("teller", 1, ("teller", 0)),
        ("mu ", 0, ("mu", 0)),
    ] {
        let place = find(BANK, piece, nth);
        let found = editor.ask_at("textDocument/definition", place.0, place.1);
        let wanted = find(BANK, definition.0, definition.1);
        assert_eq!(found[0]["range"]["start"], json!({ "line": wanted.0, "character": wanted.1 }), "{piece} {nth}");
        assert_eq!(found[0]["uri"], URI);
    }
    assert!(editor.ask_at("textDocument/definition", 0, 3).is_null());
    editor.leave();
}

#[test]
fn references_are_all_uses() {
    let mut editor = Editor::open(BANK);
    let place = find(BANK, "balance", 0);
    let mut params = at(place.0, place.1);
    params["context"] = json!({ "includeDeclaration": true });
    let all = editor.ask("textDocument/references", params.clone());
    assert_eq!(all.as_array().expect("a list").len(), 3, "the word in the string is no use, the hole is: {all}");
    params["context"] = json!({ "includeDeclaration": false });
    assert_eq!(editor.ask("textDocument/references", params).as_array().expect("a list").len(), 2);
    let marks = editor.ask_at("textDocument/documentHighlight", place.0, place.1);
    assert_eq!(marks.as_array().expect("a list").len(), 3);
    editor.leave();
}

/// The text after the edits of a rename.
fn renamed(text: &str, piece: &str, nth: usize, name: &str) -> Result<String, String> {
    let place = find(text, piece, nth);
    let mut editor = Editor::open(text);
    let mut params = at(place.0, place.1);
    params["newName"] = json!(name);
    let answer = editor.answer("textDocument/rename", params);
    editor.leave();
    if let Some(error) = answer.get("error") {
        return Err(error["message"].as_str().expect("a text").to_string());
    }
    let mut edits = answer["result"]["changes"][URI].as_array().expect("edits").clone();
    edits.reverse();
    let mut lines: Vec<String> = text.lines().map(String::from).collect();
    for edit in edits {
        let (start, end) = (&edit["range"]["start"], &edit["range"]["end"]);
        let number = |v: &Value| v.as_u64().expect("a number") as usize;
        let line = &mut lines[number(&start["line"])];
        line.replace_range(
            number(&start["character"])..number(&end["character"]),
            edit["newText"].as_str().expect("text"),
        );
    }
    Ok(lines.join("\n") + "\n")
}

#[test]
fn a_name_is_renamed_everywhere_and_nowhere_else() {
    let text = renamed(BANK, "balance", 0, "sum").expect("it can be");
    assert!(text.contains("var sum = 100\n") && text.contains("with m { sum += amount }"), "{text}");
    assert!(text.contains("\"balance is {sum}\""), "{text}");
    let text = renamed(BANK, "money", 0, "cents").expect("fields can be");
    assert!(text.contains("shared cents = 0") && text.contains("Account(cents: N)") && text.contains("a.cents -= 1"));
    let text = renamed(BANK, "amount", 1, "sum").expect("a parameter can be");
    assert!(text.contains("task teller(sum)") && text.contains("q.put(sum, timeout: 1s)"), "{text}");
}

#[test]
fn a_rename_that_would_change_the_meaning_is_refused() {
    let refused = |piece: &str, nth: usize, name: &str| renamed(BANK, piece, nth, name).expect_err("it is refused");
    assert!(refused("balance", 0, "spawn").contains("word of the language"));
    assert!(refused("balance", 0, "1x").contains("cannot be a name"));
    assert!(refused("balance", 0, "m").contains("defined twice"));
    assert!(refused("amount", 0, "balance").contains("defined twice"));
    assert!(refused("money", 0, "result").contains("handles"));
    assert!(refused("# bank", 0, "x").contains("no name"));
    let hides = "let xs = [1]\nvar n = 0\nprint len(xs), n\n";
    assert!(renamed(hides, "n = 0", 0, "len").is_err());
    assert!(renamed("x = 1\nlock m\n", "m", 0, "n").expect_err("it has errors").contains("errors"));
}

// ------------------------------------------------------------- what it says

#[test]
fn a_hover_has_the_declaration_and_the_operations() {
    let mut editor = Editor::open(BANK);
    let mut hover = |piece: &str, nth: usize, beyond: u32| {
        let place = find(BANK, piece, nth);
        let found = editor.ask_at("textDocument/hover", place.0, place.1 + beyond);
        found["contents"]["value"].as_str().unwrap_or("").to_string()
    };
    let queue = hover("q.put", 0, 0);
    assert!(
        queue.starts_with("```conc\nqueue q(3)\n```") && queue.contains("`get(blocking: true, timeout: none)`"),
        "{queue}"
    );
    let put = hover("put", 0, 1);
    assert!(put.contains("`put(v, blocking: true, timeout: none)`") && put.contains("of a queue"), "{put}");
    assert!(hover("teller", 1, 2).starts_with("```conc\ntask teller(amount)\n```"));
    assert!(hover("money", 0, 0).contains("shared money = 0  # of Account"));
    assert!(hover("spawn", 0, 0).contains("a new thread"));
    assert!(hover("lock m", 0, 1).contains("A mutex"));
    assert!(hover("ok", 0, 0).contains("**ok**"));
    assert_eq!(hover("bank.conc", 0, 2), "", "a comment has none");
    assert_eq!(hover("balance is", 0, 2), "", "a string has none");
    editor.leave();
    for (line, word, says) in [
        ("let b = true", "true", "a condition is a bool"),
        ("try { b() } catch any { }", "catch", "see errors"),
        ("lock r reentrant", "reentrant", "may take it again"),
        ("queue v via manager", "via", "manager"),
        ("spawn daemon d", "daemon", "not waited for"),
        ("let h = submit t to p", "submit", "handle"),
        ("select { after 1s => { } }", "after", "limits the wait"),
    ] {
        let mut editor = Editor::open(line);
        let place = find(line, word, 0);
        let found = editor.ask_at("textDocument/hover", place.0, place.1);
        let text = found["contents"]["value"].as_str().unwrap_or("");
        assert!(text.contains(says), "{word}: {text}");
        editor.leave();
    }
}

#[test]
fn members_are_those_of_the_kind() {
    let found = complete("queue q(3)\nlock fork[2]\nq.|\n");
    assert!(has(&found, &["put", "get", "qsize", "close"]) && !has(&found, &["acquire"]), "{found:?}");
    let found = complete("queue q(3)\nlock fork[2]\nfork[i + 1].ac|\n");
    assert!(has(&found, &["acquire", "release", "locked"]) && !has(&found, &["put"]), "{found:?}");
    let found = complete("task t { }\nlet w = spawn t\nprint w.|\n");
    assert_eq!(found, ["name", "alive", "pid", "result", "exit_code"]);
    assert!(has(&complete("let q = queue(3)\nq.|"), &["put", "get"]));
    assert!(has(&complete("struct A { lock mu }\nlet a = A()\na.mu.|"), &["acquire"]));
    assert!(has(&complete("struct A { lock mu }\nqueue q\nlet a = q.get()\na.|"), &["mu", "result", "put"]));
    assert_eq!(complete("struct A { lock mu; var n = 0 }\nlet a = A()\na.|"), ["mu", "n"]);
    assert_eq!(complete("print self.|"), ["name", "index", "pid", "ppid", "tid"]);
    assert!(has(&complete("atomic n = 0\nn.|"), &["load", "cas"]));
    assert_eq!(complete("rwlock rw\nwith rw.|"), ["read", "write"]);
}

#[test]
fn words_are_those_that_can_stand_there() {
    let found = complete("lock m\ntask t(n) {\n    |\n}\nlet later = 1\n");
    assert!(has(&found, &["m", "n", "t", "spawn", "with", "queue", "len"]), "{found:?}");
    assert!(!has(&found, &["later"]), "a local of main is not seen in a task");
    let found = complete("task t { }\nlock m\nspawn |\n");
    assert!(has(&found, &["t", "process", "daemon"]) && !has(&found, &["m", "print"]), "{found:?}");
    let found = complete("expect |");
    assert!(has(&found, &["race", "lost-wakeup", "ok", "some", "every"]) && !has(&found, &["spawn"]), "{found:?}");
    assert!(has(&complete("var x = 0\nexpect race on |"), &["x"]));
    let all = "var x = 0\nlock m\nqueue q\ntask t { return x }\n";
    assert_eq!(complete(&format!("{all}expect race on |")), ["x"]);
    assert_eq!(complete(&format!("{all}expect left-in-queue on |")), ["q"]);
    assert_eq!(complete(&format!("{all}expect unjoined on |")), ["t"]);
    assert_eq!((complete("expect race |"), complete("expect zombie |")), (vec!["on".to_string()], Vec::new()));
    assert!(has(&complete("try { } catch |"), &["Empty", "any"]));
    assert_eq!(complete("lock m |"), ["reentrant"]);
    assert_eq!(complete("queue q(3) |"), ["via manager"]);
    assert_eq!(complete("pool p(3) |"), ["of processes"]);
    assert_eq!(complete("pool p(2)\nlock m\ntask t { }\nsubmit t to |"), ["p"]);
    assert!(has(&complete("queue q\nlet v = q.get(|"), &["blocking: ", "timeout: ", "q"]));
    assert!(complete("# a comm|").is_empty());
    assert!(complete("print \"a str|\"").is_empty());
    assert!(has(&complete("var x = 0\nprint \"{|}\""), &["x"]));
    assert!(complete("lock |").is_empty());
    assert!(has(&complete("queue q\nselect {\n    |\n}"), &["q", "after", "else"]));
}

#[test]
fn a_script_has_an_outline_and_lenses() {
    let mut editor = Editor::open(BANK);
    let document = json!({ "textDocument": { "uri": URI } });
    let symbols = editor.ask("textDocument/documentSymbol", document.clone());
    let names: Vec<&str> =
        symbols.as_array().expect("a list").iter().map(|s| s["name"].as_str().unwrap_or("")).collect();
    assert_eq!(names, ["N", "m", "q", "balance", "Account", "teller"]);
    assert_eq!(symbols[4]["children"][0]["name"], "mu");
    assert_eq!(symbols[5]["range"]["end"], json!({ "line": 14, "character": 1 }));
    let lenses = editor.ask("textDocument/codeLens", document);
    assert_eq!(lenses[0]["command"], json!({ "title": "▶ check", "command": "conc.check", "arguments": [URI] }));
    assert_eq!(lenses[1]["command"]["command"], "conc.run");
    editor.leave();
}

#[test]
fn the_layout_is_that_of_conc_fmt() {
    let mut editor = Editor::open("lock m\n\n\n\nwith   m {print 1}\nprint  2\n");
    let params = json!({ "textDocument": { "uri": URI }, "options": { "tabSize": 2, "insertSpaces": false } });
    let edits = editor.ask("textDocument/formatting", params.clone());
    assert_eq!(
        edits,
        json!([{
            "range": { "start": { "line": 2, "character": 0 }, "end": { "line": 6, "character": 0 } },
            "newText": "with m { print 1 }\nprint 2\n",
        }])
    );
    editor.did_change(2, "lock m\n");
    assert_eq!(editor.ask("textDocument/formatting", params.clone()), json!([]));
    editor.did_change(3, "lock m(\n");
    assert!(editor.ask("textDocument/formatting", params).is_null(), "what is wrong stays as it is");
    editor.leave();
}

// ----------------------------------------------------------------- half typed

#[test]
fn every_prefix_of_a_script_is_answered() {
    let mut editor = Editor::open("");
    let ends: Vec<usize> = BANK.char_indices().map(|(at, _)| at).collect();
    for (version, end) in ends.into_iter().enumerate() {
        let text = &BANK[..end];
        editor.did_change(version as i32 + 2, text);
        let line = text.matches('\n').count() as u32;
        let column = text.rsplit('\n').next().unwrap_or("").len() as u32;
        editor.ask_at("textDocument/completion", line, column);
        editor.ask_at("textDocument/hover", line, column.saturating_sub(1));
        editor.ask("textDocument/documentSymbol", json!({ "textDocument": { "uri": URI } }));
    }
    editor.leave();
}

#[test]
fn names_are_known_while_a_line_does_not_parse() {
    let found = complete("lock m\ntask worker(n) {\n    with m { }\n    if n == |\n}\nspawn worker(1)\n");
    assert!(has(&found, &["n", "m", "worker"]), "{found:?}");
    let found = complete("lock m\ntask worker(n) {\n    m.|\n");
    assert!(has(&found, &["acquire"]), "{found:?}");
}
