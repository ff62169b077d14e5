//! Pictures of runs, checks and replays: what is recorded of tasks, locks,
//! messages and memory, across threads and processes, and the files that are
//! made of it. With `CONC_TEST_BROWSER=chromium` the page is tried in that
//! browser too.

use crate::support;

use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::{Command, Stdio};

/// What the page is told, and the trace, of one run.
struct Drawn {
    code: Option<i32>,
    words: Value,
    page: Value,
    trace: Value,
}

fn draw(script: &str) -> Drawn {
    draw_by("run", script, &[]).1.remove(0)
}

/// The whole page of a command, and each of its executions.
fn draw_by(command: &str, script: &str, args: &[&str]) -> (String, Vec<Drawn>) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (page, trace) = (folder.path().join("t.html"), folder.path().join("t.json"));
    let conc =
        support::conc().file("script.conc", script).args([command, "--color", "never", "script.conc"]).args(args);
    let ended = conc.args(["--timeline"]).args([&page]).args(["--trace"]).args([&trace]).finish();
    let told = || format!("{}{}", ended.stdout, ended.stderr);
    let read = |path| std::fs::read_to_string(path).unwrap_or_else(|e| panic!("{e}\n{}", told()));
    let page = read(&page);
    let (_, data) = page.split_once("id=\"data\">").expect("the data has its element");
    let data: Value = serde_json::from_str(data.split("</script>").next().expect("it ends")).expect("JSON");
    let trace: Value = serde_json::from_str(&read(&trace)).expect("JSON");
    check_trace(&trace);
    let drawn = |page: &Value| Drawn {
        code: ended.code,
        words: data["words"].clone(),
        page: page.clone(),
        trace: trace.clone(),
    };
    (page.clone(), data["executions"].as_array().expect("executions").iter().map(drawn).collect())
}

/// What the trace event format asks of each event, and of those that belong
/// together.
fn check_trace(trace: &Value) {
    let events = trace["traceEvents"].as_array().expect("events");
    let mut tracks: BTreeSet<(i64, i64)> = BTreeSet::new();
    for e in events {
        let (phase, name) = (e["ph"].as_str().expect("a phase"), e["name"].as_str().expect("a name"));
        assert!(!name.is_empty(), "{e}");
        let track = (e["pid"].as_i64().expect("a pid"), e["tid"].as_i64().expect("a tid"));
        match phase {
            "M" => {
                let names = ["process_name", "process_sort_index", "thread_name", "thread_sort_index"];
                assert!(names.contains(&name), "{e}");
                tracks.insert(track);
            }
            "X" => assert!(e["ts"].as_f64() >= Some(0.0) && e["dur"].as_f64() >= Some(0.0), "{e}"),
            // Of the process, or it stands apart from all.
            "b" | "e" => assert!(e["ts"].is_number() && e["id2"]["local"].is_string() && e["cat"].is_string(), "{e}"),
            // Perfetto takes no other ids for flows.
            "s" | "f" => assert!(e["ts"].is_number() && e["id"].is_u64() && e["cat"].is_string(), "{e}"),
            "i" => assert!(e["ts"].is_number() && e["s"] == "t", "{e}"),
            other => panic!("an unknown phase {other}"),
        }
        assert!(tracks.contains(&track), "a track without a name: {e}");
    }
    for (begin, end) in [("b", "e"), ("s", "f")] {
        let of = |phase: &str| {
            let key =
                |e: &Value| (e["cat"].to_string(), e["id"].to_string(), e["id2"].to_string(), e["name"].to_string());
            let times = events.iter().filter(|e| e["ph"] == phase).map(|e| (key(e), e["ts"].as_f64().expect("a time")));
            let found: BTreeMap<_, _> = times.collect();
            assert_eq!(found.len(), events.iter().filter(|e| e["ph"] == phase).count(), "each id once");
            found
        };
        let (begins, ends) = (of(begin), of(end));
        assert!(begins.keys().eq(ends.keys()), "{begin} and {end} come in pairs");
        assert!(begins.iter().all(|(key, at)| *at <= ends[key]), "none ends before it begins");
    }
    slices_nest(events);
    flows_are_bound(events);
    let times: Vec<f64> = events.iter().filter_map(|e| e["ts"].as_f64()).collect();
    assert!(times.is_sorted(), "in the order of time");
    let first = |e: &&Value| e["name"] == "process_name";
    assert!(events.iter().filter(first).all(|e| e["pid"] == e["tid"]), "the first thread has the process's number");
}

/// Each end of a flow stands behind a mark of its thread at its time, with nothing
/// but other ends of flows between; the mark lies within the task's life.
fn flows_are_bound(events: &[Value]) {
    let same = |a: &Value, b: &Value, of: &str| a[of] == b[of];
    for (place, flow) in events.iter().enumerate().filter(|(_, e)| e["ph"] == "s" || e["ph"] == "f") {
        let own = |e: &&Value| same(e, flow, "pid") && same(e, flow, "tid");
        let before = events[..place].iter().rev().find(|e| e["ph"] != "s" && e["ph"] != "f").filter(own);
        assert!(before.is_some_and(|e| e["ph"] == "i" && same(e, flow, "ts")), "{flow}");
        let at = flow["ts"].as_f64().expect("a time");
        let around = |e: &Value| {
            let from = e["ts"].as_f64().expect("a time");
            from <= at && at < from + e["dur"].as_f64().expect("a duration")
        };
        assert!(events.iter().filter(|e| e["cat"] == "task").filter(own).any(around), "{flow}");
    }
}

/// Slices of one track lie inside or beside each other, never across.
fn slices_nest(events: &[Value]) {
    // In nanoseconds, which is what the clock tells apart and a reader makes of it: a sum
    // of two of the file's numbers is not quite the third.
    let mut by_track: BTreeMap<(i64, i64), Vec<(i64, i64)>> = BTreeMap::new();
    for e in events.iter().filter(|e| e["ph"] == "X") {
        let number = |of: &str| e[of].as_f64().expect("a number");
        let nanoseconds = |of: &str| (number(of) * 1000.0).round() as i64;
        let track = (number("pid") as i64, number("tid") as i64);
        let from = nanoseconds("ts");
        by_track.entry(track).or_default().push((from, from + nanoseconds("dur")));
    }
    for slices in by_track.values_mut() {
        slices.sort_by_key(|(from, to)| (*from, -to));
        let mut open: Vec<i64> = Vec::new();
        for (from, to) in slices {
            while open.last().is_some_and(|end| end <= from) {
                open.pop();
            }
            assert!(open.last().is_none_or(|end| *to <= *end), "{from} to {to} goes across an end of {open:?}");
            open.push(*to);
        }
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

    /// What each task does, in its order, without its waits, which in a real
    /// replay are for its turn.
    fn deeds_of_tasks(&self) -> BTreeMap<String, Vec<String>> {
        let mut found: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for e in self.rows("events") {
            let word = self.words[e[2].as_u64().expect("a kind") as usize].as_str().expect("a word");
            if ["waits", "goes on", "sleeps", "begins"].contains(&word) {
                continue;
            }
            let object = if matches!(e[2].as_u64(), Some(2 | 3)) { self.task(&e, 3) } else { self.object(&e, 3) };
            let text = e[5].as_str().expect("a text");
            // A wait that another ended goes on by taking the lock again.
            if text == "wait" {
                continue;
            }
            found.entry(self.task(&e, 0)).or_default().push(format!("{word} {object} {text} line {}", e[4]));
        }
        found
    }

    /// Task, object, line and whether it is open.
    fn stretches(&self, of: &str) -> BTreeSet<(String, String, i64, bool)> {
        let one =
            |r: &Value| (self.task(r, 0), self.object(r, 3), r[4].as_i64().expect("a line"), r[5].as_i64() == Some(1));
        self.rows(of).iter().map(one).collect()
    }
}

#[test]
fn messages_memory_and_prints_are_recorded_across_processes() {
    let drawn = draw(
        "queue q(2)\nshared x = 1\nvar y = 0\ntask w {\n    q.put(7)\n    x += 2\n}\n\
                      let h = spawn process w\njoin h\nprint q.get()\ny = x\n",
    );
    assert_eq!(drawn.code, Some(0));
    let deeds = drawn.deeds();
    for wanted in [
        "main begins",
        "main spawns w",
        "w begins",
        "w puts into q 7",
        "w reads x 1",
        "w writes x 3",
        "w ends",
        "main joins w",
        "main gets from q 7",
        "main prints  7",
        "main reads x 3",
        "main writes y 3",
        "main ends",
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
    let drawn = draw(
        "lock a\nlock b\nbarrier both(2)\ntask one {\n    with a {\n        both.wait()\n        with b { }\n    }\n}\n\
                      task two {\n    with b {\n        both.wait()\n        with a { }\n    }\n}\nspawn one\nspawn two\njoin all\n",
    );
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
    let drawn = draw(
        "lock m\nevent held\ntask w {\n    m.acquire()\n    held.set()\n    sleep 1000s\n}\n\
                      let h = spawn process w\nheld.wait()\nkill h\njoin h\n",
    );
    assert!(drawn.stretches("holds").contains(&("w".to_string(), "m".to_string(), 4, true)));
    let deeds = drawn.deeds();
    assert!(deeds.contains("w begins") && deeds.contains("w ends"), "{deeds:#?}");
}

#[test]
fn a_trace_is_made_of_the_same_run() {
    let drawn = draw("lock m\ntask w { with m { sleep 1ms } }\nspawn w x2\njoin all\n");
    let events = drawn.trace["traceEvents"].as_array().expect("events");
    let named = |name: &str| events.iter().any(|e| e["ph"] == "M" && e["args"]["name"] == name);
    assert!(named("w#0") && named("w#1") && named("main"));
    let count = |phase: &str| events.iter().filter(|e| e["ph"] == phase).count();
    assert_eq!(events.iter().filter(|e| e["cat"] == "hold").count(), 2, "each task holds the lock once");
    assert_eq!(count("s"), count("f"));
    assert_eq!(events.iter().filter(|e| e["cat"] == "sleep").count(), 2, "each sleeps once");
    let slices = events.iter().filter(|e| e["ph"] == "X");
    assert!(slices.into_iter().all(|e| e["ts"].is_number() && e["dur"].as_f64() >= Some(0.0)));
}

/// That the file cannot be made is known before anything runs, and the look leaves all as
/// it is: what stands there, and that nothing does.
#[test]
fn a_picture_that_cannot_be_written_is_said_before_the_run() {
    let pictures = ["--timeline", "old.html", "--trace", "nowhere/t.json"];
    for args in [&["run", "script.conc"][..], &["check", "script.conc"], &["replay", "script.conc", "0"]] {
        let conc = support::conc().file("script.conc", "print 1\n").file("old.html", "old").args(args);
        let ended = conc.args(pictures).finish().expect_code(4);
        let says = "conc: nowhere/t.json cannot be written: no such file or directory\n";
        assert_eq!((ended.stdout.as_str(), ended.stderr.as_str()), ("", says), "{args:?}");
    }
    let script = "cat old.html; \"$CONC\" run script.conc --timeline new.html --trace tmp; echo $?; ls; cat old.html";
    let shell = support::program("sh").args(["-c", script]).env("CONC", env!("CARGO_BIN_EXE_conc"));
    let ended = shell.file("script.conc", "print 1\n").file("old.html", "old").finish();
    assert_eq!(ended.stdout, "old4\nold.html\nscript.conc\ntmp\nold");
    assert_eq!(ended.stderr, "conc: tmp cannot be written: is a directory\n");
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

const CIRCLE: &str = "lock a\nlock b\nqueue q(1)\nshared n = 0\nevent go\n\
    task left { print q.get(); with a { n += 1; go.wait(); with b { } } }\n\
    task right { q.put(\"r\"); with b { go.set(); with a { } } }\n\
    let l = spawn left\nlet r = spawn process right\njoin l\n";

#[test]
fn a_check_draws_the_way_to_each_finding() {
    let (_, drawn) = draw_by("check", CIRCLE, &[]);
    let titles: Vec<&str> = drawn.iter().map(|d| d.page["title"].as_str().expect("a title")).collect();
    assert!(titles[0].starts_with("deadlock: left and right wait for each other"), "{titles:?}");
    let circle = &drawn[0];
    assert_eq!(circle.page["clock"], "steps");
    let open = |of: &str| {
        let rows = circle.stretches(of).into_iter().filter(|s| s.3);
        rows.map(|s| (s.0, s.1, s.2)).collect::<Vec<_>>()
    };
    let row = |task: &str, object: &str, line: i64| (task.to_string(), object.to_string(), line);
    assert_eq!(open("holds"), [row("left", "a", 6), row("right", "b", 7)]);
    assert_eq!(open("waits"), [row("left", "b", 6), row("main", "left", 10), row("right", "a", 7)]);
    let message = circle.rows("arrows").into_iter().find(|a| a[4] == 0).expect("a message");
    assert_eq!((circle.task(&message, 0).as_str(), circle.task(&message, 2).as_str()), ("right", "left"));
    assert_eq!(circle.page["tasks"][2]["first"], 2, "a process of its own");
    assert_eq!(circle.page["tasks"][1]["first"], 0, "a thread of main's");
    let marks = circle.page["findings"][0]["at"].as_array().expect("moments");
    assert!(marks.len() >= 4, "{marks:?}");
}

#[test]
fn a_check_that_finds_nothing_draws_one_execution() {
    let (_, drawn) = draw_by("check", "lock m\nvar n = 0\ntask w { with m { n += 1 } }\nspawn w x2\njoin all\n", &[]);
    assert_eq!(drawn.len(), 1);
    assert_eq!((drawn[0].code, &drawn[0].page["title"]), (Some(0), &Value::from("one execution of many")));
    let words = "w#0 begins|w#1 begins|w#1 takes m|w#1 writes n 2|w#1 lets go of m|w#1 ends|main joins w#0|main ends";
    let deeds = drawn[0].deeds();
    for deed in words.split('|') {
        assert!(deeds.contains(deed), "{deed} is not in {deeds:#?}");
    }
}

/// The model and real threads and processes tell the same of one schedule.
#[test]
fn a_replay_draws_what_the_model_draws() {
    let scripts = [
        CIRCLE,
        "queue q(0)\nspawn { q.put(1); q.put(2) }\nspawn process { print q.get() }\nprint q.get()\njoin all\nassert false\n",
        "semaphore s(1)\nlock m\ncondition c(m)\n\
         task w { s.acquire(); with m { c.wait() }; s.release() }\n\
         spawn w x2\nwith m { c.notify() }\njoin all\n",
        "lock m\nlet p = spawn process { m.acquire(); sleep 1s }\nsleep 1ms\nkill p\njoin p\nwith m { print 1 }\n",
    ];
    for script in scripts {
        let checked =
            support::conc().file("script.conc", script).args(["check", "--format", "json", "script.conc"]).finish();
        let schedules =
            checked.of_type("finding").into_iter().filter_map(|f| Some(f["schedule"].as_str()?.to_string()));
        let schedules: Vec<String> = schedules.collect();
        assert!(!schedules.is_empty(), "{script}\n{}", checked.stdout);
        for schedule in schedules {
            let real = draw_by("replay", script, &[&schedule]).1.remove(0);
            let model = draw_by("replay", script, &[&schedule, "--model"]).1.remove(0);
            assert_eq!(real.deeds_of_tasks(), model.deeds_of_tasks(), "{schedule} of\n{script}");
            assert_eq!(real.page["clock"], "steps");
            assert!(real.page["tasks"][0]["pid"].as_i64() > Some(0), "those are real processes");
        }
    }
}

#[test]
fn with_repeat_there_is_no_picture() {
    let ended = support::run("print 1\n").args(["--repeat", "2", "--trace", "t.json"]).finish().expect_code(2);
    assert!(ended.stderr.contains("cannot be used with"), "{}", ended.stderr);
}

/// Opens a page in the browser that the environment names, lets a script look
/// at it and gives what that returns; none without a browser.
fn browse(page: &str, script: &str, folder: &Path) -> Option<Value> {
    let browser = std::env::var_os("CONC_TEST_BROWSER").filter(|b| !b.is_empty())?;
    let probe = format!(
        "<pre id=probe></pre><script>{{const key = (k) => document.dispatchEvent(new KeyboardEvent('keydown', \
         {{ key: k, bubbles: true }})); let r; try {{ r = (() => {{ {script} }})() }} catch (e) {{ r = String(e.stack) }} \
         document.getElementById('probe').textContent = JSON.stringify(r);}}</script></body>"
    );
    let file = folder.join("probe.html");
    std::fs::write(&file, page.replace("</body>", &probe)).expect("the page can be written");
    let mut command = Command::new(browser);
    command.args([
        "--headless=new",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-dev-shm-usage",
        "--window-size=1400,800",
    ]);
    command.arg(format!("--user-data-dir={}", folder.join("profile").display())).arg("--dump-dom");
    command.arg(format!("file://{}", file.display())).stdin(Stdio::null());
    let shown = String::from_utf8_lossy(&command.output().expect("the browser can be started").stdout).into_owned();
    let (_, rest) = shown.split_once("<pre id=\"probe\">").unwrap_or_else(|| panic!("no page:\n{shown}"));
    let text = rest.split("</pre>").next().unwrap_or("");
    let text = text.replace("&gt;", ">").replace("&lt;", "<").replace("&quot;", "\"").replace("&amp;", "&");
    Some(serde_json::from_str(&text).unwrap_or_else(|e| panic!("{e}: {text}")))
}

#[test]
fn the_head_of_the_page_says_how_many() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let look = |script: &str| browse(&draw_by("check", script, &[]).0, "return $('facts').textContent", folder.path());
    let Some(one) = look("print 1\n") else { return };
    let words = one.as_str().unwrap_or("").split(", ").collect::<Vec<_>>();
    assert!(words[0] == "1 task" && words[1].ends_with(" events"), "{one}");
    assert!(look(CIRCLE).is_some_and(|several| several.as_str().unwrap_or("").starts_with("3 tasks, ")));
}

#[test]
fn the_times_stay_in_view() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (page, _) = draw_by("run", "task t { sleep 1ms }\nspawn t x30\njoin all\n", &[]);
    let script = "
        const texts = [], write = ctx.fillText;
        ctx.fillText = function (s, px, py) { texts.push([s, py]); write.apply(ctx, arguments); };
        box.scrollTop = 400; cancelAnimationFrame(raf); paint();
        const top = box.scrollTop;
        select(0);
        return { top, times: texts.filter(([s, py]) => py === top + 11 && / (ns|µs|ms)$/.test(s)).length,
                 first: laneOf[0].y >= box.scrollTop + RULER };";
    let Some(told) = browse(&page, script, folder.path()) else { return };
    assert!(told["top"].as_f64() > Some(0.0) && told["times"].as_u64() > Some(2), "{told:#}");
    assert_eq!(told["first"], true, "{told:#}");
}

#[test]
fn the_page_works_in_a_browser() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (page, drawn) = draw_by("check", CIRCLE, &[]);
    let script = "
        const told = () => $('what').textContent, lit = () => [...document.querySelectorAll('.lit')].map((d) => rows.indexOf(d) + 1);
        const seen = []; let wrong = [];
        for (let i = 0; i < D.events.length; i++) {
            select(i);
            const e = D.events[i];
            if (e[4] && lit().join() !== String(e[4])) wrong.push(['line', i, lit()]);
            if (!told().includes(D.tasks[e[0]].name)) wrong.push(['told', i, told()]);
            seen.push(told());
        }
        select(0); key('.'); const next = selected; key(','); const back = selected;
        key('ArrowDown'); const below = lane; key('ArrowRight'); const there = D.events[selected][0];
        key('0'); const whole = to - from; key('+'); const nearer = to - from; key('d'); const right = from; key('a'); const left = from;
        key('f'); const found = told();
        const theme = document.documentElement.dataset.theme; key('t'); const other = document.documentElement.dataset.theme;
        scheme.dispatchEvent(new Event('change')); const followed = document.documentElement.dataset.theme === wished();
        key('?'); const help = $('keys').open; $('keys').close();
        const texts = [], frames = [], write = ctx.fillText, frame = ctx.strokeRect;
        ctx.fillText = function (s, px, py) { texts.push([s, px, py]); write.apply(ctx, arguments); };
        ctx.strokeRect = function (px, py, w, h) { if (w < 20) frames.push([px, py, w, h]); frame.apply(ctx, arguments); };
        key('0'); cancelAnimationFrame(raf); paint();
        const under = ([px, py, w, h]) => texts.filter(([, a, b]) => px <= a && a <= px + w && py <= b && b <= py + h);
        const hidden = frames.flatMap(under);
        const w = D.waits.find((r) => r[5]), ratio = window.devicePixelRatio || 1;
        const at = ctx.getImageData((x(w[2]) - 2) * ratio, (laneOf[w[0]].y + 8 + 4) * ratio, 1, 1).data;
        const probe = document.createElement('canvas').getContext('2d'); probe.fillStyle = colour.wait; probe.fillRect(0, 0, 1, 1);
        return { wrong, seen, next, back, below, there, whole, nearer, right, left, found, changed: theme !== other, followed, hidden, frames: frames.length, help,
                 wait: [...at].join() === [...probe.getImageData(0, 0, 1, 1).data].join(),
                 options: $('which').options.length, outside: performance.getEntriesByType('resource').map((r) => r.name) };";
    let Some(told) = browse(&page, script, folder.path()) else { return };
    assert_eq!(told["wrong"], Value::Array(Vec::new()), "{told:#}");
    assert_eq!(told["outside"], Value::Array(Vec::new()), "nothing is fetched");
    assert_eq!(told["options"], drawn.len());
    assert!(told["frames"].as_u64() > Some(0), "{told:#}");
    assert_eq!((&told["hidden"], &told["followed"]), (&Value::Array(Vec::new()), &Value::Bool(true)), "{told:#}");
    let at = |of: &str| told[of].as_f64().unwrap_or_else(|| panic!("{of} in {told:#}"));
    assert_eq!((at("next"), at("back"), at("below"), at("there")), (1.0, 0.0, 1.0, 1.0), "{told:#}");
    assert!(at("nearer") < at("whole") && at("left") < at("right"), "{told:#}");
    assert!(told["found"].as_str().is_some_and(|f| f.starts_with("deadlock: ")), "{told:#}");
    assert_eq!(
        (&told["changed"], &told["help"], &told["wait"]),
        (&Value::Bool(true), &Value::Bool(true), &Value::Bool(true))
    );
}

/// A picture is not written over the script, nor over the other picture, however they are named.
#[test]
fn each_file_is_its_own() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = |name: &str| folder.path().join(name).to_str().expect("a name").to_string();
    let text = "print 1\n";
    std::fs::write(at("s.conc"), text).expect("a file");
    std::os::unix::fs::symlink(at("s.conc"), at("link")).expect("a link");
    let cases: [&[&str]; 4] = [
        &["--timeline", &at("s.conc")],
        &["--trace", &at("./link")],
        &["--timeline", &at("x.html"), "--trace", &at("./x.html")],
        &["--timeline", &at("link"), "--trace", "/dev/null"],
    ];
    for command in ["run", "check"] {
        for case in cases {
            let ended = support::conc().args([command]).args(case).args([at("s.conc")]).finish();
            assert_eq!(ended.code, Some(2), "{case:?}: {}", ended.stderr);
            assert_eq!(std::fs::read_to_string(at("s.conc")).expect("it is there"), text, "{case:?}");
            assert!(!folder.path().join("x.html").exists());
        }
        let twice = ["--timeline", "/dev/null", "--trace", "/dev/null"];
        assert_eq!(support::conc().args([command]).args(twice).args([at("s.conc")]).finish().code, Some(0));
    }
}

/// Whoever does not wait for a picture finds all of it or nothing.
#[test]
fn no_half_of_a_picture_is_left_by_who_interrupts_it() {
    let script = "lock a\nshared x = 0\ntask w { repeat 40_000 { with a { x += 1 } } }\nspawn w x2\njoin all\n";
    for (option, end) in [("--timeline", "</html>\n"), ("--trace", "}\n")] {
        let conc = support::conc().file("s.conc", script).args(["run", option, "picture", "s.conc"]);
        let mut conc = conc.start();
        let picture = conc.folder().join("picture");
        let is_begun = |path: &Path| path.metadata().is_ok_and(|m| m.len() > 0);
        conc.until("the picture is begun", |_| is_begun(&picture).then_some(()));
        conc.signal(nix::sys::signal::Signal::SIGINT);
        let is_over = |conc: &support::Running| !conc.processes().iter().any(|p| p.name == "conc");
        let left = conc.until("it is over", |conc| is_over(conc).then(|| std::fs::read_to_string(&picture).ok()));
        let ended = conc.finish();
        match left {
            // It was too late to interrupt the drawing.
            Some(all) => assert!(all.ends_with(end), "{} bytes\n{}", all.len(), ended.stderr),
            None => {
                assert_eq!(ended.code, Some(130), "{}", ended.stderr);
                assert!(ended.stderr.contains("conc: interrupted; picture was not written\n"), "{}", ended.stderr);
            }
        }
    }
}
