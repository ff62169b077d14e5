//! Recordings made by hand, and what is drawn of them.

use super::stretch::{ArrowKind, picture};
use super::*;
use crate::detect::event::{Event, Kind};
use crate::detect::finding::TaskFacts;

const SCRIPT: &str = "lock m\nqueue q\ntask w {\n    with m { q.put(\"</script>\") }\n}\nspawn w\nq.get()\n";

fn task(serial: u32, name: &str) -> TaskFacts {
    let (spawned, spawner) = (None, (serial > 0).then(|| "main".to_string()));
    TaskFacts {
        serial,
        name: name.to_string(),
        process: serial == 0,
        home: Some(0),
        pid: 7,
        tid: 7 + serial as i32,
        spawned,
        spawner,
    }
}

fn recording() -> Recording {
    let line = |n: usize| {
        let start = SCRIPT.lines().take(n - 1).map(|l| l.len() + 1).sum();
        Some(Span::new(start, start + 1))
    };
    let event = |at, task, kind, object, peer, on: usize| {
        let text = if matches!(kind, Kind::Send | Kind::Receive) { "\"</script>\"".to_string() } else { String::new() };
        Event { at, task, kind, object, peer, site: line(on), text }
    };
    let events = vec![
        event(0, 0, Kind::Begin, None, None, 1),
        event(10, 0, Kind::Spawn, None, Some(1), 6),
        event(20, 1, Kind::Begin, None, None, 3),
        event(25, 0, Kind::Wait, Some(1), None, 7),
        event(30, 1, Kind::Hold, Some(0), None, 4),
        event(40, 1, Kind::Send, Some(1), None, 4),
        event(50, 0, Kind::Go, None, None, 7),
        event(55, 0, Kind::Receive, Some(1), None, 7),
        event(60, 1, Kind::Release, Some(0), None, 4),
        event(70, 1, Kind::Hold, Some(0), None, 4),
        event(80, 1, Kind::End, None, None, 5),
        event(85, 0, Kind::Join, None, Some(1), 7),
        event(90, 0, Kind::Wait, Some(0), None, 7),
    ];
    Recording {
        clock: Clock::Nanoseconds,
        tasks: vec![task(0, "main"), task(1, "w")],
        processes: vec![0, 0],
        objects: vec!["m".to_string(), "q".to_string()],
        events,
        end: 100,
        lost: 0,
    }
}

#[test]
fn events_are_paired() {
    let picture = picture(&recording());
    let times = |list: &[Stretch]| list.iter().map(|s| (s.task, s.from, s.to, s.open)).collect::<Vec<_>>();
    assert_eq!(times(&picture.lives), [(0, 0, 100, true), (1, 20, 80, false)]);
    assert_eq!(times(&picture.holds), [(1, 30, 60, false), (1, 70, 100, true)], "an abandoned lock stays held");
    assert_eq!(times(&picture.waits), [(0, 25, 50, false), (0, 90, 100, true)]);
    let arrows: Vec<_> = picture.arrows.iter().map(|a| (a.from, a.from_at, a.to, a.to_at, a.what)).collect();
    let wanted =
        [(0, 10, 1, 20, ArrowKind::Spawn), (1, 40, 0, 55, ArrowKind::Message), (1, 80, 0, 85, ArrowKind::Join)];
    assert_eq!(arrows, wanted);
}

#[test]
fn the_page_has_its_data_and_asks_for_nothing() {
    let source = Source::new("s.conc", SCRIPT);
    let mut page = Vec::new();
    let executions = [Execution { title: "a run", recording: &recording(), findings: &[] }];
    write(&source, &executions, &mut page).expect("a vector takes all");
    let page = String::from_utf8(page).expect("text");
    assert!(!page.contains(PLACE));
    assert_eq!(page.matches("</script>").count(), PAGE.matches("</script>").count(), "a script's text ends no element");
    for outside in ["http://", "https://", "src=", "<link", "@import", "fetch("] {
        assert!(!PAGE.contains(outside), "{outside}");
    }
    let (_, rest) = page.split_once("id=\"data\">").expect("the data has its element");
    let data: Value = serde_json::from_str(rest.split("</script>").next().unwrap()).expect("it is JSON");
    let execution = &data["executions"][0];
    assert_eq!(execution["events"].as_array().unwrap().len(), 13);
    assert_eq!(execution["holds"][0], value!([1, 30, 60, 0, 4, 0, ""]));
    assert_eq!(data["source"], SCRIPT);
}

#[test]
fn a_trace_has_tracks_slices_and_flows() {
    let (source, recording) = (Source::new("s.conc", SCRIPT), recording());
    let executions = [Execution { title: "a run", recording: &recording, findings: &[] }];
    let mut trace = Vec::new();
    super::super::trace::write(&source, &executions, &mut trace).expect("a vector takes all");
    let trace: Value = serde_json::from_slice(&trace).expect("JSON");
    let events = trace["traceEvents"].as_array().unwrap();
    let count = |phase: &str| events.iter().filter(|e| e["ph"] == phase).count();
    let holds: Vec<_> = events.iter().filter(|e| e["cat"] == "hold").map(|e| (&e["ph"], &e["ts"])).collect();
    let wanted = [("X", 0.03), ("b", 0.07), ("e", 0.1)].map(|(phase, at)| (value!(phase), value!(at)));
    assert!(
        holds.iter().copied().eq(wanted.iter().map(|w| (&w.0, &w.1))),
        "one that outlives its task is none of its slices"
    );
    assert_eq!((count("s"), count("f")), (3, 3));
    let wait = events.iter().find(|e| e["cat"] == "wait").unwrap();
    assert_eq!((&wait["ts"], &wait["dur"], &wait["pid"]), (&value!(0.025), &value!(0.025), &value!(7)));
    assert!(events.iter().any(|e| e["ph"] == "M" && e["args"]["name"] == "w"));
    assert!(events.iter().all(|e| e["ph"] == "M" || e["ts"].is_number()));
}

#[test]
fn a_select_waits_for_each_of_its_arms() {
    let mut recording = recording();
    let event = |at, kind, object, text: &str| Event {
        at,
        task: 0,
        kind,
        object,
        peer: None,
        site: None,
        text: text.to_string(),
    };
    recording.events = vec![
        event(1, Kind::Begin, None, ""),
        event(2, Kind::Wait, Some(1), "get"),
        event(2, Kind::Arm, Some(0), "acquire"),
        // It began anew.
        event(3, Kind::Wait, Some(1), "get"),
        event(3, Kind::Arm, Some(0), "acquire"),
        event(4, Kind::Go, None, ""),
        event(5, Kind::Wait, Some(0), "acquire"),
        event(6, Kind::Go, None, ""),
    ];
    let waits: Vec<_> =
        picture(&recording).waits.iter().map(|w| (w.from, w.to, w.waits_for(&recording.objects))).collect();
    assert_eq!(waits, [(2, 4, "select get q, acquire m".to_string()), (5, 6, "acquire m".to_string())]);
}
