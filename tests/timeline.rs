//! Pictures of real runs: what is recorded of tasks, locks, messages and
//! memory, across threads and processes, and the files that are made of it.

mod support;

use serde_json::Value;
use std::collections::BTreeSet;

/// What the page is told, and the trace, of one run.
struct Drawn {
    code: Option<i32>,
    words: Value,
    page: Value,
    trace: Value,
}

fn draw(script: &str) -> Drawn {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (page, trace) = (folder.path().join("t.html"), folder.path().join("t.json"));
    let ended = support::run(script).args(["--timeline"]).args([&page]).args(["--trace"]).args([&trace]).finish();
    let read = |path| std::fs::read_to_string(path).unwrap_or_else(|e| panic!("{e}\n{}", ended.stderr));
    let page = read(&page);
    let (_, data) = page.split_once("id=\"data\">").expect("the data has its element");
    let data = data.split("</script>").next().expect("it ends");
    let page: Value = serde_json::from_str(data).expect("JSON");
    Drawn {
        code: ended.code,
        words: page["words"].clone(),
        page: page["executions"][0].clone(),
        trace: serde_json::from_str(&read(&trace)).expect("JSON"),
    }
}

impl Drawn {
    fn rows(&self, of: &str) -> Vec<Value> {
        self.page[of].as_array().expect("rows").clone()
    }

    fn task(&self, row: &Value, at: usize) -> String {
        let task = row[at].as_u64().expect("a number") as usize;
        self.page["tasks"][task]["name"].as_str().expect("a name").to_string()
    }

    fn object(&self, row: &Value, at: usize) -> String {
        match row[at].as_i64() {
            Some(o @ 0..) => self.page["objects"][o as usize].as_str().expect("a name").to_string(),
            _ => String::new(),
        }
    }

    /// Events as words: task, deed, object, text.
    fn deeds(&self) -> BTreeSet<String> {
        let one = |e: &Value| {
            let word = self.words[e[2].as_u64().expect("a kind") as usize].as_str().expect("a word");
            let object = if matches!(e[2].as_u64(), Some(2 | 3)) { self.task(e, 3) } else { self.object(e, 3) };
            let text = e[5].as_str().expect("a text");
            [self.task(e, 0).as_str(), word, &object, text].join(" ").trim_end().to_string()
        };
        self.rows("events").iter().map(one).collect()
    }

    /// Task, object, line and whether it is open.
    fn stretches(&self, of: &str) -> BTreeSet<(String, String, i64, bool)> {
        let one = |r: &Value| {
            (self.task(r, 0), self.object(r, 3), r[4].as_i64().expect("a line"), r[5].as_i64() == Some(1))
        };
        self.rows(of).iter().map(one).collect()
    }
}

#[test]
fn messages_memory_and_prints_are_recorded_across_processes() {
    let drawn = draw("queue q(2)\nshared x = 1\nvar y = 0\ntask w {\n    q.put(7)\n    x += 2\n}\n\
                      let h = spawn process w\njoin h\nprint q.get()\ny = x\n");
    assert_eq!(drawn.code, Some(0));
    let deeds = drawn.deeds();
    for wanted in [
        "main begins", "main spawns w", "w begins", "w puts into q 7", "w reads x 1", "w writes x 3", "w ends",
        "main joins w", "main gets from q 7", "main prints  7", "main reads x 3", "main writes y 3", "main ends",
    ] {
        assert!(deeds.contains(wanted), "{wanted} is not in {deeds:#?}");
    }
    let arrows: Vec<(String, String, i64)> = drawn
        .rows("arrows")
        .iter()
        .map(|a| (drawn.task(a, 0), drawn.task(a, 2), a[4].as_i64().expect("a kind")))
        .collect();
    let arrow = |from: &str, to: &str, kind: i64| (from.to_string(), to.to_string(), kind);
    assert_eq!(arrows, [arrow("main", "w", 1), arrow("w", "main", 2), arrow("w", "main", 0)]);
    for a in drawn.rows("arrows") {
        assert!(a[1].as_u64() <= a[3].as_u64(), "an arrow goes forward in time: {a}");
    }
    assert!(drawn.page["tasks"][0]["pid"] != drawn.page["tasks"][1]["pid"]);
}

#[test]
fn a_deadlock_shows_who_holds_and_who_waits() {
    let drawn = draw("lock a\nlock b\nbarrier both(2)\ntask one {\n    with a {\n        both.wait()\n        with b { }\n    }\n}\n\
                      task two {\n    with b {\n        both.wait()\n        with a { }\n    }\n}\nspawn one\nspawn two\njoin all\n");
    assert_eq!(drawn.code, Some(1));
    let row = |task: &str, object: &str, line: i64| (task.to_string(), object.to_string(), line, true);
    let holds = drawn.stretches("holds");
    assert!(holds.contains(&row("one", "a", 5)) && holds.contains(&row("two", "b", 11)), "{holds:?}");
    let waits = drawn.stretches("waits");
    assert!(waits.contains(&row("one", "b", 7)) && waits.contains(&row("two", "a", 13)), "{waits:?}");
    let finding = &drawn.page["findings"][0];
    assert_eq!(finding["code"], "deadlock");
    assert!(!finding["at"].as_array().expect("moments").is_empty());
}

#[test]
fn a_rendezvous_is_one_message() {
    let drawn = draw("queue q(0)\nspawn { q.put(\"over\") }\nprint q.get()\njoin all\n");
    let messages: Vec<Value> = drawn.rows("arrows").into_iter().filter(|a| a[4] == 0).collect();
    assert_eq!(messages.len(), 1, "{messages:?}");
    assert_eq!((drawn.task(&messages[0], 0).as_str(), drawn.task(&messages[0], 2).as_str()), ("main:2", "main"));
}

#[test]
fn a_killed_process_leaves_a_whole_recording() {
    let drawn = draw("lock m\nevent held\ntask w {\n    m.acquire()\n    held.set()\n    sleep 1000s\n}\n\
                      let h = spawn process w\nheld.wait()\nkill h\njoin h\n");
    assert!(drawn.stretches("holds").contains(&("w".to_string(), "m".to_string(), 4, true)));
    assert!(drawn.rows("sleeps").iter().any(|r| drawn.task(r, 0) == "w" && r[5] == 1));
}

#[test]
fn a_trace_is_made_of_the_same_run() {
    let drawn = draw("lock m\ntask w { with m { sleep 1ms } }\nspawn w x2\njoin all\n");
    let events = drawn.trace["traceEvents"].as_array().expect("events");
    let named = |name: &str| events.iter().any(|e| e["ph"] == "M" && e["args"]["name"] == name);
    assert!(named("w#0") && named("w#1") && named("main"));
    let count = |phase: &str| events.iter().filter(|e| e["ph"] == phase).count();
    assert_eq!((count("b"), count("e")), (2, 2), "each task holds the lock once");
    assert_eq!(count("s"), count("f"));
    let slices = events.iter().filter(|e| e["ph"] == "X");
    assert!(slices.into_iter().all(|e| e["ts"].is_number() && e["dur"].as_f64() >= Some(0.0)));
}

#[test]
fn a_picture_that_cannot_be_written_is_said() {
    let ended = support::run("print 1\n").args(["--timeline", "nowhere/t.html"]).finish().expect_code(4);
    assert!(ended.stderr.contains("nowhere/t.html cannot be written: no such file or directory"), "{}", ended.stderr);
    assert_eq!(ended.stdout, "1\n", "the script ran all the same");
}

/// With recording every access goes the long way; the script means the same.
#[test]
fn recording_changes_nothing_that_a_script_can_see() {
    let script = "atomic n = 0\nlock m\nvar x = 0\ntask w {\n    repeat 200 {\n        n += 1\n        with m { x += 1 }\n    }\n}\n\
                  spawn w x3\njoin all\nprint n, x\n";
    let folder = tempfile::tempdir().expect("a temporary folder");
    let ended = support::run(script).args(["--trace"]).args([folder.path().join("t.json")]).finish().expect_code(0);
    assert_eq!(ended.stdout, "600 600\n");
}
