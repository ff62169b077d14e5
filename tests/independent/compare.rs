//! What `conc check` says of a program, against what the oracle does.

use crate::explore::{Outcome, races};
use crate::model::{Memory, Program};
use crate::support::conc;
use crate::verdict::{Told, judge};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// How far to go; a program with more states is left out.
#[derive(Clone, Copy)]
pub struct Limits {
    pub states: usize,
    /// Of states with clocks, of which only races are asked.
    pub ordered: usize,
}

/// What came of a comparison.
#[derive(Debug)]
pub enum Compared {
    TooLarge,
    /// With what was found, and whether all orders were gone through.
    Alike {
        found: BTreeSet<String>,
        ordered: bool,
    },
    Differ(Vec<String>),
}

/// What `conc check` said.
#[derive(Debug, Default)]
pub struct Said {
    pub found: BTreeSet<String>,
    pub races: BTreeSet<String>,
    pub outcomes: BTreeSet<Outcome>,
    pub exit_code: i64,
}

/// Asks `conc check` about a script.
fn check(script: &str) -> Result<Said, String> {
    let conc = conc().file("script.conc", script).limit(Duration::from_secs(120));
    let ended = conc.args(["check", "--format", "json", "--jobs", "1", "script.conc"]).finish();
    let mut said = Said::default();
    let mut complete = false;
    for line in ended.stdout.lines() {
        let line: Value = serde_json::from_str(line).map_err(|e| format!("{e}: {line}"))?;
        let texts = |field: &str| -> BTreeMap<String, String> {
            let entries = line[field].as_object().into_iter().flatten();
            entries.map(|(k, v)| (k.clone(), v.as_str().unwrap_or_default().to_string())).collect()
        };
        match line["type"].as_str() {
            Some("outcome") => {
                let outcome = Outcome { values: texts("values"), prints: texts("prints"), ended: texts("ended") };
                said.outcomes.insert(outcome);
            }
            Some("finding") if line["code"] == "race" => {
                let on =
                    line["on"].as_array().into_iter().flatten().chain(line["also_on"].as_array().into_iter().flatten());
                said.races.extend(on.filter_map(|n| n.as_str()).map(str::to_string));
            }
            Some("error") => return Err(format!("it does not compile: {line}")),
            Some("summary") => {
                complete = line["complete"] == Value::Bool(true);
                said.exit_code = line["exit_code"].as_i64().unwrap_or(-1);
                let verdicts = texts("verdicts");
                said.found = verdicts.into_iter().filter(|(_, v)| v == "found").map(|(k, _)| k).collect();
            }
            _ => {}
        }
    }
    if complete { Ok(said) } else { Err(format!("no whole answer: {}", ended.stderr)) }
}

/// Both on one program.
pub fn compare(program: &Program, limits: Limits) -> Compared {
    let Some(told) = judge(program, limits.states) else { return Compared::TooLarge };
    let said = match check(&program.text()) {
        Ok(said) => said,
        Err(error) => return Compared::Differ(vec![error]),
    };
    let mut out = Vec::new();
    outcomes(&told, &said, &mut out);
    findings(&told, &said, &mut out);
    let ordered = order(program, limits.ordered, &said, &mut out);
    expectations(&told, &said, &mut out);
    if out.is_empty() { Compared::Alike { found: said.found, ordered } } else { Compared::Differ(out) }
}

fn outcomes(told: &Told, said: &Said, out: &mut Vec<String>) {
    if told.standing {
        return;
    }
    let said: BTreeSet<_> = said.outcomes.iter().filter(|o| !o.ended.values().any(|e| e == "cut short")).collect();
    let told: BTreeSet<_> = told.outcomes.iter().collect();
    for outcome in said.difference(&told).take(3) {
        out.push(format!("an outcome only check has: {outcome:?}"));
    }
    for outcome in told.difference(&said).take(3) {
        out.push(format!("an outcome only the oracle has: {outcome:?}"));
    }
}

fn findings(told: &Told, said: &Said, out: &mut Vec<String>) {
    let mut differ = |code: &str| {
        if said.found.contains(code) != told.found.contains(code) && !told.unsure.contains(code) {
            let who = if said.found.contains(code) { "check" } else { "the oracle" };
            out.push(format!("{code}: only {who} finds it"));
        }
    };
    for code in ["assertion", "error", "invariant", "livelock", "abandoned-lock"] {
        differ(code);
    }
    // One that waits for itself, beside others who might end its process, starves.
    if !(told.beside && said.found.contains("starvation")) {
        differ("self-deadlock");
    }
    if told.beside {
        // Whether it is a deadlock or a starvation depends on what the others might do.
        let any = |codes: &[&str]| codes.iter().any(|c| said.found.contains(*c));
        if !any(&["deadlock", "lost-wakeup", "starvation", "self-deadlock", "abandoned-lock"]) {
            out.push("somebody is stuck beside others who go on: only the oracle finds it".to_string());
        }
        for code in ["deadlock", "lost-wakeup", "starvation", "lock-order"] {
            if told.found.contains(code) && !any(&[code]) && !told.unsure.contains(code) {
                out.push(format!("{code}: only the oracle finds it"));
            }
        }
    } else {
        for code in ["deadlock", "lost-wakeup", "starvation", "lock-order"] {
            differ(code);
        }
    }
}

fn order(program: &Program, most: usize, said: &Said, out: &mut Vec<String>) -> bool {
    let plain = program.places.iter().any(|p| p.memory != Memory::Atomic);
    let (places, all) = if plain { races(program, most) } else { Default::default() };
    let told: BTreeSet<String> = places.into_iter().map(|p| program.places[p].told()).collect();
    for name in said.races.difference(&told).filter(|_| all) {
        out.push(format!("race on {name}: only check finds it"));
    }
    for name in told.difference(&said.races) {
        out.push(format!("race on {name}: only the oracle finds it"));
    }
    all
}

fn expectations(told: &Told, said: &Said, out: &mut Vec<String>) {
    let found = !said.found.is_empty();
    if told.complete && !found && (said.exit_code == 1) != told.expects.contains(&false) {
        out.push(format!("expect: the oracle says {:?}, the exit code is {}", told.expects, said.exit_code));
    }
}
