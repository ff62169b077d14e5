//! Reports as SARIF 2.1.0 (OASIS, Static Analysis Results Interchange Format),
//! which code hosts and editors show beside the source. It owns the shape: a
//! log with one run, a rule for each code, a result for each finding, and the
//! way to it as a code flow with a thread flow for each task, whose steps are
//! numbered across the tasks. The words are those of the text reports.

use super::source::Source;
use super::tested::{self, Outcome, Status, Tested};
use super::{Style, explain, finding as findings, lanes};
use crate::detect::expect::Fault;
use crate::detect::finding::Finding;
use crate::lang::ast::Span;
use crate::lang::error::ScriptError;
use serde::Serialize;
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;

/// Where the schema of the format is published.
const SCHEMA: &str = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json";

/// The rule of an `expect` line that is not met.
const EXPECT: &str = "expect";
/// The rule of a script that does not compile.
const SCRIPT: &str = "script";

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Log {
    #[serde(rename = "$schema")]
    schema: &'static str,
    version: &'static str,
    runs: [Run; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Run {
    tool: Tool,
    /// Columns count characters.
    column_kind: &'static str,
    invocations: [Invocation; 1],
    artifacts: Vec<Artifact>,
    results: Vec<SarifResult>,
}

#[derive(Serialize)]
struct Tool {
    driver: Driver,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Driver {
    name: &'static str,
    semantic_version: &'static str,
    rules: Vec<Rule>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Rule {
    id: &'static str,
    short_description: Message,
    #[serde(skip_serializing_if = "Option::is_none")]
    help: Option<Help>,
    default_configuration: Configuration,
}

#[derive(Serialize)]
struct Help {
    text: String,
    markdown: String,
}

#[derive(Serialize)]
struct Configuration {
    level: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Invocation {
    execution_successful: bool,
    exit_code: u8,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tool_execution_notifications: Vec<Notification>,
}

/// Something about the check and not about the script: a limit was reached.
#[derive(Serialize)]
struct Notification {
    level: &'static str,
    message: Message,
    locations: Vec<Location>,
}

#[derive(Serialize)]
struct Artifact {
    location: ArtifactLocation,
}

#[derive(Clone, Serialize)]
struct ArtifactLocation {
    uri: String,
}

#[derive(Clone, Serialize)]
struct Message {
    text: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SarifResult {
    rule_id: &'static str,
    rule_index: usize,
    level: &'static str,
    message: Message,
    locations: Vec<Location>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    related_locations: Vec<Location>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    code_flows: Vec<CodeFlow>,
    partial_fingerprints: Map<String, Value>,
    #[serde(skip_serializing_if = "Map::is_empty")]
    properties: Map<String, Value>,
}

#[derive(Clone, Serialize)]
#[serde(rename_all = "camelCase")]
struct Location {
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<usize>,
    physical_location: PhysicalLocation,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<Message>,
}

#[derive(Clone, Serialize)]
#[serde(rename_all = "camelCase")]
struct PhysicalLocation {
    artifact_location: ArtifactLocation,
    #[serde(skip_serializing_if = "Option::is_none")]
    region: Option<Region>,
}

#[derive(Clone, Serialize)]
#[serde(rename_all = "camelCase")]
struct Region {
    start_line: usize,
    start_column: usize,
    end_column: usize,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct CodeFlow {
    message: Message,
    thread_flows: Vec<ThreadFlow>,
}

#[derive(Serialize)]
struct ThreadFlow {
    id: String,
    locations: Vec<Stop>,
}

/// One step in the way of a task.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Stop {
    execution_order: usize,
    location: Location,
}

/// A script that was checked.
pub struct Checked<'a> {
    pub source: &'a Source,
    /// With the ways to them.
    pub found: Vec<(&'a Finding, lanes::Lanes)>,
    /// The `expect some` and `expect every` that do not hold, in words.
    pub claims: Vec<(Span, String)>,
    /// Why not all was explored.
    pub reason: Option<String>,
}

/// The log of a check.
pub fn checked(checked: &Checked, exit_code: u8) -> String {
    let mut results: Vec<SarifResult> =
        checked.found.iter().map(|(f, way)| of_finding(checked.source, f, Some(way))).collect();
    results.extend(checked.claims.iter().map(|(span, text)| plain(checked.source, EXPECT, *span, text)));
    let notice = |r: &String| notification(checked.source, r);
    log(&[checked.source], results, checked.reason.iter().map(notice).collect(), exit_code)
}

/// The log of a script that does not compile.
pub fn script_errors(source: &Source, errors: &[ScriptError], exit_code: u8) -> String {
    let results = errors.iter().map(|e| of_error(source, e)).collect();
    log(&[source], results, Vec::new(), exit_code)
}

/// The log of a test: what is against the expectations of the scripts.
pub fn tested(all: &[Tested], exit_code: u8) -> String {
    let (mut results, mut notices) = (Vec::new(), Vec::new());
    for one in all {
        match &one.outcome {
            Outcome::Wrong(errors) => results.extend(errors.iter().map(|e| of_error(&one.source, e))),
            Outcome::Judged { judgement, found, .. } => {
                results.extend(judgement.faults.iter().map(|f| of_fault(one, f, found)));
            }
            Outcome::NotReached => {}
        }
        if one.status() == Status::Undecided {
            notices.extend(one.reasons().iter().map(|r| notification(&one.source, r)));
        }
    }
    let sources: Vec<&Source> = all.iter().map(|t| &t.source).collect();
    log(&sources, results, notices, exit_code)
}

fn log(sources: &[&Source], results: Vec<SarifResult>, notices: Vec<Notification>, exit_code: u8) -> String {
    let mut results = results;
    let ids: BTreeSet<&'static str> = results.iter().map(|r| r.rule_id).collect();
    let ids: Vec<&'static str> = ids.into_iter().collect();
    for result in &mut results {
        result.rule_index = ids.iter().position(|id| *id == result.rule_id).unwrap_or(0);
    }
    let run = Run {
        tool: Tool {
            driver: Driver {
                name: "conc",
                semantic_version: env!("CARGO_PKG_VERSION"),
                rules: ids.into_iter().map(rule).collect(),
            },
        },
        column_kind: "unicodeCodePoints",
        // Findings are an answer; nothing else than an answer is no success.
        invocations: [Invocation {
            execution_successful: exit_code <= 1,
            exit_code,
            tool_execution_notifications: notices,
        }],
        artifacts: sources.iter().map(|s| Artifact { location: artifact(s) }).collect(),
        results,
    };
    let log = Log { schema: SCHEMA, version: "2.1.0", runs: [run] };
    let mut text = serde_json::to_string_pretty(&log).unwrap_or_default();
    text.push('\n');
    text
}

fn rule(id: &'static str) -> Rule {
    let (short, level) = match id {
        EXPECT => ("an `expect` line of the script is not met".to_string(), "error"),
        SCRIPT => ("the script does not compile".to_string(), "error"),
        code => {
            let codes = explain::codes();
            let line = codes.iter().find(|c| c.0 == code).map_or(code, |c| c.1);
            let note = crate::detect::finding::Code::from_word(code).is_some_and(|c| c.is_note());
            (line.to_string(), if note { "note" } else { "error" })
        }
    };
    let page = explain::explain(id).filter(|_| id != EXPECT && id != SCRIPT);
    let help = page.map(|page| Help { text: page.clone(), markdown: page });
    Rule { id, short_description: Message { text: short }, help, default_configuration: Configuration { level } }
}

fn of_finding(source: &Source, finding: &Finding, way: Option<&lanes::Lanes>) -> SarifResult {
    let told = findings::describe(source, finding, &Style::default());
    let mut text = told.message.clone();
    if let Some(help) = &told.help {
        text.push_str(&format!(". Help: {help}"));
    }
    let first = told.first_place();
    let at = |p: &super::Place| location(source, Some(p.span), Some(p.label()));
    let related = told.places.iter().enumerate().map(|(n, p)| Location { id: Some(n), ..at(p) });
    let mut properties = Map::new();
    properties.insert("on".into(), json!(finding.on));
    properties.insert("certainty".into(), json!(finding.certainty.word()));
    if let Some(replay) = &told.replay {
        properties.insert("replay".into(), json!(replay));
    }
    let lines: Vec<&str> = told.places.iter().map(|p| line_text(source, p.span)).collect();
    SarifResult {
        rule_id: finding.code.word(),
        rule_index: 0,
        level: if finding.code.is_note() { "note" } else { "error" },
        message: Message { text },
        locations: vec![location(source, first.map(|p| p.span), None)],
        related_locations: related.collect(),
        code_flows: way.and_then(|w| flow(source, w)).into_iter().collect(),
        partial_fingerprints: fingerprint(&[finding.code.word(), &finding.on.join(","), &lines.join("\n")]),
        properties,
    }
}

fn of_fault(tested: &Tested, fault: &Fault, found: &[(Finding, lanes::Lanes)]) -> SarifResult {
    let text = tested.fault(fault, found);
    match fault {
        Fault::Unexpected { seen, .. } => match found.get(*seen) {
            Some((one, way)) => of_finding(&tested.source, one, Some(way)),
            None => plain(&tested.source, EXPECT, Span::default(), &text),
        },
        Fault::Missing { line, .. } | Fault::Refuted { line, .. } => {
            let span = tested.expectations.lines.get(*line).map_or(Span::default(), |l| l.span);
            plain(&tested.source, EXPECT, span, &text)
        }
    }
}

fn of_error(source: &Source, error: &ScriptError) -> SarifResult {
    let text = match &error.help {
        Some(help) => format!("{}. Help: {help}", error.message),
        None => error.message.clone(),
    };
    let related = error.related.iter().enumerate();
    let related = related
        .map(|(n, (span, label))| Location { id: Some(n), ..location(source, Some(*span), Some(label.clone())) });
    SarifResult { related_locations: related.collect(), ..plain(source, SCRIPT, error.span, &text) }
}

fn plain(source: &Source, rule_id: &'static str, span: Span, text: &str) -> SarifResult {
    SarifResult {
        rule_id,
        rule_index: 0,
        level: "error",
        message: Message { text: text.to_string() },
        locations: vec![location(source, Some(span), None)],
        related_locations: Vec::new(),
        code_flows: Vec::new(),
        partial_fingerprints: fingerprint(&[rule_id, line_text(source, span)]),
        properties: Map::new(),
    }
}

fn notification(source: &Source, text: &str) -> Notification {
    let message = Message { text: text.to_string() };
    Notification { level: "warning", message, locations: vec![location(source, None, None)] }
}

/// The way as SARIF has it: a flow a task, each step with its number in the
/// whole.
fn flow(source: &Source, way: &lanes::Lanes) -> Option<CodeFlow> {
    let stop = |(n, step): (usize, &lanes::Step)| Stop {
        execution_order: n + 1,
        location: location(source, Some(step.span), Some(format!("{}: {}", way.names[step.lane], step.text))),
    };
    let of_lane = |lane: usize| -> Vec<Stop> {
        way.steps.iter().enumerate().filter(|(_, s)| s.lane == lane && s.span != Span::default()).map(stop).collect()
    };
    let flows = way.names.iter().enumerate().map(|(n, name)| ThreadFlow { id: name.clone(), locations: of_lane(n) });
    let thread_flows: Vec<ThreadFlow> = flows.filter(|f| !f.locations.is_empty()).collect();
    let message = Message { text: "the steps of each task, numbered in the order in which they happen".to_string() };
    (!thread_flows.is_empty()).then_some(CodeFlow { message, thread_flows })
}

fn location(source: &Source, span: Option<Span>, text: Option<String>) -> Location {
    let region = span.map(|span| {
        let at = source.position(span);
        Region { start_line: at.line, start_column: at.column, end_column: at.column + at.length }
    });
    Location {
        id: None,
        physical_location: PhysicalLocation { artifact_location: artifact(source), region },
        message: text.map(|text| Message { text }),
    }
}

fn line_text(source: &Source, span: Span) -> &str {
    source.text.lines().nth(source.line(span) - 1).unwrap_or("").trim()
}

/// The same for the same finding though lines above it come and go.
fn fingerprint(parts: &[&str]) -> Map<String, Value> {
    let bytes = parts.iter().flat_map(|p| p.bytes().chain([0]));
    let hash = crate::lang::hash::of(bytes);
    Map::from_iter([("finding/v1".to_string(), json!(format!("{hash:016x}")))])
}

/// A path as a URI reference (RFC 3986), relative if the path is.
fn artifact(source: &Source) -> ArtifactLocation {
    let path = source.name.strip_prefix("./").unwrap_or(&source.name);
    let mut uri = if path.starts_with('/') { "file://".to_string() } else { String::new() };
    for byte in path.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => uri.push(char::from(byte)),
            byte => uri.push_str(&format!("%{byte:02X}")),
        }
    }
    ArtifactLocation { uri }
}

/// The words of a claim that does not hold, for `Checked::claims`.
pub fn claim(every: bool, holds: u64, fails: u64, why: Option<&str>) -> String {
    let what = tested::words(&crate::detect::expect::Line {
        what: crate::detect::expect::What::Claim { every },
        span: Span::default(),
    });
    let ends = holds + fails;
    let why = tested::at_an_end(ends, why);
    format!("`{what}` does not hold: true at {holds} of {}{why}", super::phrase::count(ends, "end"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::finding::Code;
    use crate::report::tested::tests::{left, tested as case};

    #[test]
    fn a_test_as_a_log() {
        let mut unexpected = case("queue q\nexpect ok\n", vec![left("q", Code::Error)], &[], None);
        unexpected.source.name = "./a b/é#1.conc".into();
        let Outcome::Judged { found, .. } = &mut unexpected.outcome else { panic!("it is judged") };
        let step = |lane, start| lanes::Step { lane, span: Span::new(start, start + 5), text: "put q".into() };
        found[0].1 = lanes::Lanes {
            names: vec!["main".into(), "a".into()],
            steps: vec![step(0, 0), step(1, 8), step(0, 8)],
            circle_from: None,
        };
        let missing = case("queue q\nexpect race on x\n", vec![], &[], None);
        let open = case("expect race", vec![], &[], Some("the time limit was reached"));
        let log: Value = serde_json::from_str(&tested(&[unexpected, missing, open], 1)).expect("it is JSON");
        let run = &log["runs"][0];
        let uri = "a%20b/%C3%A9%231.conc";
        let region = |line: u64, from: u64, to: u64| json!({"startLine": line, "startColumn": from, "endColumn": to});
        assert_eq!(run["artifacts"][0]["location"]["uri"], uri);
        let ids = run["tool"]["driver"]["rules"].as_array().expect("rules").iter().map(|r| &r["id"]);
        assert_eq!(ids.collect::<Vec<_>>(), ["error", "expect"]);
        let place = json!({"artifactLocation": {"uri": uri}, "region": region(1, 1, 6)});
        assert_eq!(run["results"][0]["locations"][0]["physicalLocation"], place);
        let flows = &run["results"][0]["codeFlows"][0]["threadFlows"];
        let order = |flow: usize, stop: usize| &flows[flow]["locations"][stop]["executionOrder"];
        assert_eq!((order(0, 0), order(1, 0), order(0, 1)), (&json!(1), &json!(2), &json!(3)));
        assert_eq!(flows[1]["locations"][0]["location"]["message"]["text"], "a: put q");
        assert_eq!((&run["results"][1]["ruleId"], &run["results"][1]["ruleIndex"]), (&json!("expect"), &json!(1)));
        assert_eq!(run["results"][1]["locations"][0]["physicalLocation"]["region"], region(2, 1, 17));
        assert_eq!(run["results"].as_array().map(Vec::len), Some(2));
        let notice = &run["invocations"][0]["toolExecutionNotifications"][0]["message"]["text"];
        assert_eq!(notice, "the time limit was reached; not seen so far: `expect race` (line 1)");
    }

    #[test]
    fn an_absolute_path_is_a_file_uri() {
        assert_eq!(artifact(&Source::new("/tmp/x y.conc", "")).uri, "file:///tmp/x%20y.conc");
    }
}
