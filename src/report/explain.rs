//! A page for each finding: what it is, a script that shows it, why, and the
//! mended script. The pages are Markdown, one file a code; their scripts carry
//! `expect` lines and are run by the tests of the project.

use crate::detect::finding::Code;
use crate::lang::error::nearest as nearest_word;

/// The page that is about no finding.
const OK: &str = "ok";

/// The page on a code, as Markdown; `None` for what is no code.
pub fn explain(code: &str) -> Option<String> {
    let code = code.trim();
    if code.eq_ignore_ascii_case(OK) {
        return Some(include_str!("explain/ok.md").to_string());
    }
    Code::from_word(&code.to_lowercase()).map(|code| page(code).to_string())
}

/// Every code that has a page, with the line that sums it up.
pub fn codes() -> Vec<(&'static str, &'static str)> {
    let findings = Code::ALL.into_iter().map(|code| (code.word(), summary(page(code))));
    findings.chain([(OK, summary(include_str!("explain/ok.md")))]).collect()
}

/// The code that was probably meant.
pub fn nearest(code: &str) -> Option<&'static str> {
    let words = Code::ALL.into_iter().map(Code::word).chain([OK]);
    nearest_word(code.trim(), words)
}

/// The scripts of a page: its blocks of `conc`.
pub fn scripts(page: &str) -> Vec<&str> {
    let blocks = page.split("```conc\n").skip(1);
    blocks.filter_map(|rest| rest.split_once("```")).map(|(script, _)| script).collect()
}

/// The first line after the heading.
fn summary(page: &'static str) -> &'static str {
    page.lines().skip(1).find(|line| !line.is_empty()).unwrap_or("").trim_end_matches('.')
}

fn page(code: Code) -> &'static str {
    match code {
        Code::Race => include_str!("explain/race.md"),
        Code::Deadlock => include_str!("explain/deadlock.md"),
        Code::SelfDeadlock => include_str!("explain/self-deadlock.md"),
        Code::LockOrder => include_str!("explain/lock-order.md"),
        Code::AbandonedLock => include_str!("explain/abandoned-lock.md"),
        Code::LostWakeup => include_str!("explain/lost-wakeup.md"),
        Code::Assertion => include_str!("explain/assertion.md"),
        Code::Invariant => include_str!("explain/invariant.md"),
        Code::Error => include_str!("explain/error.md"),
        Code::Livelock => include_str!("explain/livelock.md"),
        Code::Starvation => include_str!("explain/starvation.md"),
        Code::Orphan => include_str!("explain/orphan.md"),
        Code::Zombie => include_str!("explain/zombie.md"),
        Code::DroppedJobs => include_str!("explain/dropped-jobs.md"),
        Code::Unjoined => include_str!("explain/unjoined.md"),
        Code::LeftInQueue => include_str!("explain/left-in-queue.md"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_has_a_page_in_the_same_form() {
        for (code, line) in codes() {
            let page = explain(code).unwrap();
            assert!(page.starts_with(&format!("# {code}\n\n{line}.\n")), "{code}");
            assert!(!line.contains('!') && line.len() <= 76, "{code}: {line}");
            assert!(page.lines().all(|l| l.chars().count() <= 80), "{code}");
            let scripts = scripts(&page);
            assert!(scripts.len() >= 2 || code == OK, "{code}");
            for script in &scripts {
                assert!(script.lines().any(|l| l.starts_with("expect ")), "{code}:\n{script}");
            }
            assert!(
                scripts.last().unwrap().lines().any(|l| l == "expect ok"),
                "{code}: the last script is the mended one"
            );
        }
    }

    #[test]
    fn a_mistyped_code_finds_its_page() {
        assert_eq!(nearest("deadlok"), Some("deadlock"));
        assert_eq!(nearest("lost-wake-up"), Some("lost-wakeup"));
        assert_eq!(nearest("banana"), None);
        assert!(explain("RACE").is_some());
        assert!(explain("banana").is_none());
    }
}
