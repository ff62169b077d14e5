//! The lines of a report that tell how to see a finding again: pasted as they stand into a shell
//! they show it, with what `-D` gave.

use crate::support::{self, conc};

/// A script that needs `-D` to go wrong, under a name that looks like an option.
const BUG: &str = "\
const BUG = false
const NAME = \"m\"
lock m
task t { if BUG { with m { m.acquire() } } }
spawn t
join all
if BUG { assert NAME == \"m\", \"{NAME}\" }
";

/// Of each line that tells how to see something again, what a shell makes of it after `conc`.
fn replay_lines(text: &str) -> Vec<Vec<String>> {
    let lines =
        text.lines().filter_map(|l| l.split_once("conc replay ")).map(|(_, rest)| rest.trim_end_matches(['"', ',']));
    let words = |line: &str| {
        let echo = format!("for word in {line}; do printf '%s\\n' \"$word\"; done");
        let said = support::program("sh").args(["-c", &echo]).finish();
        said.stdout.lines().map(str::to_string).collect()
    };
    lines.map(words).collect()
}

/// The lines that `args` prints are pasted as they stand.
#[track_caller]
fn pasted_lines_show_it(name: &str, args: &[&str], given: &[&str]) {
    let told = conc().file(name, BUG).args(args).finish();
    let lines = replay_lines(&format!("{}{}", told.stdout, told.stderr));
    assert!(!lines.is_empty(), "{args:?}: {}{}", told.stdout, told.stderr);
    for line in lines {
        let of_d: Vec<&str> = line.windows(2).filter(|w| w[0] == "-D").map(|w| w[1].as_str()).collect();
        assert_eq!(of_d, given, "{args:?}");
        for model in [&["replay"][..], &["replay", "--model"]] {
            let words = model.iter().map(|w| w.to_string()).chain(line.clone());
            let ended = conc().file(name, BUG).args(words).finish();
            let shown = format!("{}{}", ended.stdout, ended.stderr);
            assert_eq!(ended.code, Some(1), "{args:?} {line:?}: {shown}");
            assert!(!shown.contains("has changed"), "{shown}");
        }
    }
}

#[test]
fn a_line_that_is_pasted_has_what_the_constants_were_given() {
    let bug = &["BUG=true"][..];
    pasted_lines_show_it("s.conc", &["check", "-D", "BUG=true", "s.conc"], bug);
    pasted_lines_show_it(
        "s.conc",
        &["check", "-D", "BUG=false", "-D", "BUG = true", "--format", "sarif", "s.conc"],
        &["BUG=true"],
    );
    pasted_lines_show_it("s.conc", &["check", "-D", "BUG=true", "--format", "junit", "s.conc"], bug);
    pasted_lines_show_it("s.conc", &["test", "-v", "-D", "BUG=true", "s.conc"], bug);
    // Whatever a shell or the language makes of it.
    for name in ["it's {m}", "a\nb", "\\", "1ms", "-5", "", "\"m\""] {
        let (given, both) = (format!("NAME={name}"), ["check", "-D", "BUG=true", "-D"]);
        let args: Vec<&str> = both.into_iter().chain([given.as_str(), "s.conc"]).collect();
        let told = conc().file("s.conc", BUG).args(&args).finish();
        let lines = replay_lines(&told.stdout);
        assert!(!lines.is_empty(), "{name:?}: {}{}", told.stdout, told.stderr);
        for line in lines {
            let ended = conc().file("s.conc", BUG).args(["replay".to_string()].into_iter().chain(line)).finish();
            assert_eq!(ended.code, Some(1), "{name:?}: {}", ended.stderr);
            assert!(!ended.stderr.contains("has changed"), "{name:?}: {}", ended.stderr);
        }
    }
}

#[test]
fn a_line_that_is_pasted_names_a_script_whatever_its_name_begins_with() {
    pasted_lines_show_it("-dash.conc", &["check", "-D", "BUG=true", "--", "-dash.conc"], &["BUG=true"]);
}

/// The prediction of a run too.
#[test]
fn a_confirmed_prediction_has_what_the_constants_were_given() {
    let script = "const A = \"\"\nlock a\nlock b\nif A != \"\" {\nspawn { with a { with b { } } }\nsleep 50ms\n\
                  spawn { with b { with a { } } }\n}\njoin all\n";
    let ran = conc().file("s.conc", script).args(["run", "-D", "A=a b", "s.conc"]).finish();
    let line = replay_lines(&ran.stderr).pop().expect("the prediction is confirmed");
    assert_eq!(line[..3], ["-D", "A=a b", "s.conc"], "{}", ran.stderr);
    let ended = conc().file("s.conc", script).args(["replay".to_string()].into_iter().chain(line)).finish();
    assert!(ended.stderr.contains("it shows what the schedule promises"), "{}", ended.stderr);
}

#[test]
fn a_schedule_of_other_constants_is_said_to_be_of_such() {
    let words = "the script, or what -D gives, has changed since";
    let checked = conc().file("s.conc", BUG).args(["check", "-D", "BUG=true", "s.conc"]).finish();
    let line = replay_lines(&checked.stdout).pop().expect("it is found");
    let schedule = line.last().expect("it has a schedule");
    for args in [&["s.conc"][..], &["-D", "BUG=true", "-D", "NAME=n", "s.conc"], &["-D", "NAME=n", "s.conc"]] {
        let args: Vec<&str> = ["replay"].into_iter().chain(args.iter().copied()).chain([schedule.as_str()]).collect();
        let ended = conc().file("s.conc", BUG).args(args).finish();
        assert!(ended.stderr.contains(words), "{:?} {}", ended.code, ended.stderr);
    }
}
