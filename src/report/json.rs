//! Reports as JSON lines: one object a line, versioned by `schema`, described
//! by `schema.json`. It owns the field names; the words in them are those of
//! the text reports.

use serde::Serialize;

use super::source::Source;
use super::{Style, finding as findings};
use crate::detect::finding::{Code, Finding};
use crate::lang::ast::Span;

/// The version of the schema: raised when a field changes its meaning or goes.
pub const SCHEMA_VERSION: u32 = 1;

/// The schema of one line, as a JSON Schema document.
pub const SCHEMA: &str = include_str!("schema.json");

/// The first line.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "type", rename = "start")]
pub struct Start {
    pub schema: u32,
    /// The version of `conc`.
    pub conc: String,
    /// `run`, `check`, ….
    pub command: String,
    pub file: String,
    /// The hash of the script.
    pub hash: String,
    pub seed: u64,
}

/// A line that the script printed.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "type", rename = "print")]
pub struct Print {
    pub task: String,
    pub text: String,
}

/// A place in the script: line and column from 1, column and length in
/// characters; the length ends with the line.
#[derive(Clone, Debug, Serialize)]
pub struct Place {
    pub file: String,
    pub line: usize,
    pub column: usize,
    pub length: usize,
    /// The task that was there, where the place is about one.
    pub task: Option<String>,
    pub label: String,
}

#[derive(Clone, Debug, Serialize)]
#[serde(tag = "type", rename = "finding")]
struct FindingLine<'a> {
    code: &'static str,
    severity: &'static str,
    on: &'a [String],
    /// What those behind it wait for, and names that it is on in other interleavings; absent
    /// if there are none.
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    also_on: &'a [String],
    tasks: Vec<Task<'a>>,
    message: String,
    help: Option<String>,
    notes: Vec<String>,
    places: Vec<Place>,
    certainty: &'static str,
    count: u64,
    schedule: Option<&'a str>,
}

#[derive(Clone, Debug, Serialize)]
struct Task<'a> {
    name: &'a str,
    kind: &'static str,
    /// As the kernel had them; absent where there was no real run.
    pid: Option<i32>,
    tid: Option<i32>,
    spawner: Option<&'a str>,
}

/// What came of an `expect some` or `expect every`.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(tag = "type", rename = "expectation")]
pub struct Expectation {
    /// `some` or `every`.
    pub expect: &'static str,
    /// `holds`, `fails`, or `undecided` while ends may come that decide it.
    pub status: &'static str,
    /// At how many ends it is true.
    pub holds: u64,
    /// Of how many.
    pub ends: u64,
    /// Where it is neither true nor false at an end: why, of one of them.
    pub why: Option<String>,
    /// The line.
    pub places: Vec<Place>,
}

/// One way in which an execution ended, and how often.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(tag = "type", rename = "outcome")]
pub struct Outcome {
    /// Final values of `var`, `shared` and `atomic`, as the script prints them.
    pub values: Pairs,
    /// What each task printed last.
    pub prints: Pairs,
    /// How each task ended.
    pub ended: Pairs,
    pub count: u64,
}

/// Names and what belongs to them, in an order that is kept: a JSON object.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Pairs(pub Vec<(String, String)>);

impl Serialize for Pairs {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, value)| (name, value)))
    }
}

/// The last line.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(tag = "type", rename = "summary")]
pub struct Summary {
    pub exit_code: i32,
    pub findings: u64,
    pub notes: u64,
    pub tasks: u64,
    pub threads: u64,
    pub processes: u64,
    pub duration_ms: f64,
    /// Of `check`: whether every interleaving was explored.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub complete: Option<bool>,
    /// Why not, if it was not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub states: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub transitions: Option<u64>,
    /// Code to `absent`, `found` or `undecided`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verdicts: Option<Pairs>,
    /// Of `check --strategy`: how many schedules were drawn.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub schedules: Option<u64>,
    /// Of a replay.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replay: Option<Replay>,
}

/// What a replay's schedule was, and what came of it.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Replay {
    /// The schedule was made for another script, or for another `-D`.
    pub script_changed: bool,
    /// Whether it has shown what the schedule promises; none if that promises nothing.
    pub shows_promised: Option<bool>,
    /// What the schedule promises and it has not shown.
    pub missing: Vec<&'static str>,
}

/// The last line of a `test`: a summary with how many scripts came to what.
#[derive(Clone, Debug, Default, Serialize)]
pub struct TestSummary {
    #[serde(flatten)]
    pub summary: Summary,
    pub passed: u64,
    pub failed: u64,
    pub undecided: u64,
    /// That do not compile.
    pub wrong: u64,
}

/// One script of a `test`; the findings that it does not expect stand above.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "type", rename = "test")]
pub struct Test {
    pub file: String,
    /// The hash of the script.
    pub hash: String,
    /// `passed`, `failed`, `undecided`, or `wrong` if it does not compile.
    pub status: &'static str,
    /// Why it did not pass.
    pub reasons: Vec<String>,
    pub states: u64,
    pub duration_ms: f64,
}

/// An error in a script: nothing ran.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "type", rename = "error")]
struct ErrorLine {
    message: String,
    help: Option<String>,
    places: Vec<Place>,
}

/// The line that opens the output.
pub fn start(start: &Start) -> String {
    line(start)
}

/// A line that `task` printed.
pub fn print(task: &str, text: &str) -> String {
    line(&Print { task: task.to_string(), text: text.to_string() })
}

/// What came of one expectation.
pub fn expectation(expectation: &Expectation) -> String {
    line(expectation)
}

/// One outcome with its count.
pub fn outcome(outcome: &Outcome) -> String {
    line(outcome)
}

/// What came of one script of a test.
pub fn test(test: &Test) -> String {
    line(test)
}

/// The line that closes the output of a test.
pub fn test_summary(summary: &TestSummary) -> String {
    line(summary)
}

/// The line that closes the output.
pub fn summary(summary: &Summary) -> String {
    line(summary)
}

/// A finding, with the sentence, labels and help of its text report.
pub fn finding(source: &Source, found: &Finding) -> String {
    let diagnostic = findings::describe(source, found, &Style { verbose: true, ..Style::default() });
    let tasks = findings::tasks(found).into_iter().map(|task| Task {
        name: &task.name,
        kind: if task.process { "process" } else { "thread" },
        pid: (task.pid != 0).then_some(task.pid),
        tid: (task.tid != 0).then_some(task.tid),
        spawner: task.spawner.as_deref(),
    });
    line(&FindingLine {
        code: found.code.word(),
        severity: severity(found.code),
        on: &found.on,
        also_on: &found.also_on,
        tasks: tasks.collect(),
        places: places(source, &diagnostic),
        notes: diagnostic.notes.into_iter().flat_map(|n| n.lines).collect(),
        message: diagnostic.message,
        help: diagnostic.help,
        certainty: found.certainty.word(),
        count: found.count,
        schedule: found.schedule.as_deref(),
    })
}

/// What is wrong with a script, one line an error.
pub fn script_error(source: &Source, error: &crate::lang::error::ScriptError) -> String {
    let diagnostic = super::script_error(error);
    let places = places(source, &diagnostic);
    line(&ErrorLine { message: diagnostic.message, help: diagnostic.help, places })
}

/// `failure` or `note`.
pub fn severity(code: Code) -> &'static str {
    if code.is_note() { "note" } else { "failure" }
}

/// The places of a report, the primary one first.
pub fn places(source: &Source, diagnostic: &super::Diagnostic) -> Vec<Place> {
    let mut ordered: Vec<&super::Place> = diagnostic.places.iter().collect();
    ordered.sort_by_key(|p| !p.primary);
    let place = |p: &super::Place| Place { task: p.who.clone(), ..place(source, p.span, p.label()) };
    ordered.into_iter().map(place).collect()
}

/// A place that is about no task.
pub fn place(source: &Source, span: Span, label: String) -> Place {
    let at = source.position(span);
    Place { file: source.name.clone(), line: at.line, column: at.column, length: at.length, task: None, label }
}

/// Plain data always serialises; were it not so, the line would be empty.
fn line(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::finding::{Certainty, Facts};
    use crate::lang::error::ScriptError;

    /// The fields that the schema requires of a line of this type.
    fn required(kind: &str) -> Vec<String> {
        let schema: serde_json::Value = serde_json::from_str(SCHEMA).unwrap();
        let of = |s: &&serde_json::Value| s["title"] == kind;
        let shape = schema["oneOf"].as_array().unwrap().iter().find(of).unwrap();
        shape["required"].as_array().unwrap().iter().map(|v| v.as_str().unwrap().to_string()).collect()
    }

    /// Every line is one object, has what the schema requires, and nothing that
    /// the schema does not know.
    fn check(kind: &str, line: &str) {
        assert!(!line.contains('\n'));
        let value: serde_json::Value = serde_json::from_str(line).unwrap();
        assert_eq!(value["type"], kind);
        for field in required(kind) {
            assert!(value.get(&field).is_some(), "{field} is missing: {line}");
        }
        let schema: serde_json::Value = serde_json::from_str(SCHEMA).unwrap();
        let shape = schema["oneOf"].as_array().unwrap().iter().find(|s| s["title"] == kind).unwrap();
        for field in value.as_object().unwrap().keys() {
            assert!(shape["properties"].get(field).is_some(), "{field} is not in the schema");
        }
    }

    #[test]
    fn a_finding_as_one_line() {
        let source = Source::new("s.conc", "# \u{e9}\nqueue q\n");
        let facts = Facts::LeftInQueue { queue: "q".into(), declared: Some(Span::new(5, 12)), count: 2 };
        let found = Finding {
            code: Code::LeftInQueue,
            certainty: Certainty::Observed,
            count: 1,
            on: vec!["q".into()],
            facts,
            also_on: Vec::new(),
            schedule: None,
        };
        let line = finding(&source, &found);
        check("finding", &line);
        insta::assert_snapshot!(line, @r#"
        {"type":"finding","code":"left-in-queue","severity":"note","on":["q"],"tasks":[],"message":"2 values are left in queue q at the end","help":"take what was put before the end: `q.close()`, then `for v in q { … }`","notes":[],"places":[{"file":"s.conc","line":2,"column":1,"length":7,"task":null,"label":"q is declared here"}],"certainty":"observed","count":1,"schedule":null}
        "#);
    }

    #[test]
    fn the_other_lines() {
        let first = Start {
            schema: SCHEMA_VERSION,
            conc: "0.1.0".into(),
            command: "run".into(),
            file: "s.conc".into(),
            hash: "ab12".into(),
            seed: 7,
        };
        check("start", &start(&first));
        insta::assert_snapshot!(print("main", "a \"b\""), @r#"
        {"type":"print","task":"main","text":"a \"b\""}
        "#);
        check("print", &print("main", "x"));
        let pairs = Pairs(vec![("z".into(), "1".into()), ("a".into(), "2".into())]);
        let one = Outcome { values: pairs.clone(), count: 3, ..Outcome::default() };
        check("outcome", &outcome(&one));
        insta::assert_snapshot!(outcome(&one), @r#"
        {"type":"outcome","values":{"z":"1","a":"2"},"prints":{},"ended":{},"count":3}
        "#);
        let place = place(&Source::new("s", "x\nexpect every x"), Span::new(2, 16), "no".to_string());
        let one = Expectation { expect: "every", status: "fails", places: vec![place], ..Expectation::default() };
        check("expectation", &expectation(&one));
        insta::assert_snapshot!(expectation(&one), @r#"
        {"type":"expectation","expect":"every","status":"fails","holds":0,"ends":0,"why":null,"places":[{"file":"s","line":2,"column":1,"length":14,"task":null,"label":"no"}]}
        "#);
        check("summary", &summary(&Summary::default()));
        let full = Summary {
            complete: Some(true),
            reason: Some("the time limit was reached".into()),
            states: Some(4),
            transitions: Some(5),
            verdicts: Some(pairs),
            ..Summary::default()
        };
        check("summary", &summary(&full));
        check("summary", &test_summary(&TestSummary { passed: 3, failed: 1, ..TestSummary::default() }));
        let one = Test {
            file: "a.conc".into(),
            hash: "ab12".into(),
            status: "failed",
            reasons: vec!["no".into()],
            states: 4,
            duration_ms: 0.5,
        };
        check("test", &test(&one));
        let error = ScriptError::new(Span::new(0, 1), "no").help("yes");
        check("error", &script_error(&Source::new("s", "x"), &error));
    }

    #[test]
    fn the_schema_knows_every_code() {
        let schema: serde_json::Value = serde_json::from_str(SCHEMA).unwrap();
        let codes: Vec<&str> =
            schema["$defs"]["code"]["enum"].as_array().unwrap().iter().filter_map(|v| v.as_str()).collect();
        assert_eq!(codes, Code::ALL.map(Code::word));
    }
}
