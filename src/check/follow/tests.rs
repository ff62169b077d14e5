//! Every schedule of every finding, followed in the model; wrong schedules and
//! what is said about them.

use super::*;
use crate::check::{self, schedule::Schedule};
use crate::detect::finding::Code;
use crate::objects::KINDS;

fn program(text: &str) -> &'static Program {
    let script = crate::lang::parse::parse(text).expect("it parses");
    Box::leak(Box::new(crate::program::compile(&script, text, KINDS, &[]).expect("it compiles")))
}

fn scripts() -> Vec<(String, String)> {
    fn below(folder: &std::path::Path, into: &mut Vec<std::path::PathBuf>) {
        for entry in std::fs::read_dir(folder).expect("the folder is there").flatten() {
            match entry.path() {
                path if path.is_dir() => below(&path, into),
                path if path.extension().is_some_and(|e| e == "conc") => into.push(path),
                _ => {}
            }
        }
    }
    let mut paths = Vec::new();
    below(&std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios"), &mut paths);
    paths.sort();
    let read = |p: std::path::PathBuf| {
        let text = std::fs::read_to_string(&p).expect("the script can be read");
        (p.to_string_lossy().into_owned(), text)
    };
    paths.into_iter().map(read).collect()
}

/// Enough for all findings of all scenarios but the largest.
const STATES: u64 = 60_000;

#[test]
fn every_schedule_can_be_followed_and_shows_the_same() {
    let mut followed = 0;
    let mut wrong = Vec::new();
    for (name, text) in scripts() {
        let program = program(&text);
        let options = Options { states_max: Some(STATES), ..Options::default() };
        let report = check::check(program, &options, &mut |_| None).expect("the declarations can be made");
        for shown in &report.found {
            let schedule: Schedule = shown.way.schedule.to_string().parse().expect("it reads its own form");
            match follow(program, &schedule) {
                Err(refused) => wrong.push(format!("{name}: {:?} {schedule}: {refused:?}", shown.finding.code)),
                Ok(done) => {
                    followed += 1;
                    let circle = matches!(shown.finding.code, Code::Livelock | Code::Starvation);
                    let same = match circle {
                        true => done.circle.iter().any(|f| f.code == shown.finding.code),
                        false => done.shown.iter().any(|f| f.is_same(&shown.finding)),
                    };
                    if !same {
                        let codes: Vec<_> = done.shown.iter().map(|f| (f.code, &f.on, f.places())).collect();
                        let wanted = (shown.finding.code, &shown.finding.on, shown.finding.places());
                        wrong.push(format!("{name}: {schedule}: {wanted:?} is not among {codes:?}"));
                    }
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{} followed, {} wrong:\n{}", followed, wrong.len(), wrong.join("\n"));
    assert!(followed > 50, "only {followed} schedules");
}
