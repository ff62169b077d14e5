//! Reports as JUnit XML, which CI servers read: suites with cases, each passed,
//! failed, or in error where there is no answer. It owns the XML and what is a
//! case: of a test a script, in a suite for each folder; of a check a kind of
//! finding. The attributes are those that Jenkins, GitLab and GitHub's actions
//! read: `name`, `classname`, `file`, `time`, the counts of the suites.

use super::source::Source;
use super::tested::{Outcome, Status, Tested};
use super::{Style, lanes};
use quick_xml::Writer;
use quick_xml::events::{BytesDecl, BytesEnd, BytesStart, BytesText, Event};

/// One case.
#[derive(Clone, Debug, Default)]
pub struct Case {
    pub name: String,
    /// Groups cases where a server shows no suites.
    pub class: String,
    pub file: String,
    pub seconds: f64,
    pub outcome: CaseOutcome,
    /// What else there is to say.
    pub output: String,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum CaseOutcome {
    #[default]
    Passed,
    /// A word for the kind, one line, the whole report.
    Failed { kind: String, message: String, text: String },
    /// No answer.
    Error { kind: String, message: String, text: String },
}

#[derive(Clone, Debug, Default)]
pub struct Suite {
    pub name: String,
    pub cases: Vec<Case>,
}

/// The suites as a document.
pub fn document(suites: &[Suite], seconds: f64) -> String {
    let mut writer = Writer::new_with_indent(Vec::new(), b' ', 2);
    // Into memory nothing fails to be written.
    let _ = write(&mut writer, suites, seconds);
    let mut text = String::from_utf8(writer.into_inner()).unwrap_or_default();
    text.push('\n');
    text
}

type Written = std::io::Result<()>;
type Xml = Writer<Vec<u8>>;

fn write(writer: &mut Xml, suites: &[Suite], seconds: f64) -> Written {
    writer.write_event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)))?;
    let all: Vec<&Case> = suites.iter().flat_map(|s| &s.cases).collect();
    let mut top = BytesStart::new("testsuites");
    push(&mut top, "name", "conc");
    counts(&mut top, &all, seconds);
    writer.write_event(Event::Start(top))?;
    for suite in suites {
        let cases: Vec<&Case> = suite.cases.iter().collect();
        let mut start = BytesStart::new("testsuite");
        push(&mut start, "name", &suite.name);
        counts(&mut start, &cases, cases.iter().map(|c| c.seconds).sum());
        push(&mut start, "skipped", "0");
        writer.write_event(Event::Start(start))?;
        for one in cases {
            case(writer, one)?;
        }
        writer.write_event(Event::End(BytesEnd::new("testsuite")))?;
    }
    writer.write_event(Event::End(BytesEnd::new("testsuites")))
}

fn counts(element: &mut BytesStart, cases: &[&Case], seconds: f64) {
    let of = |f: fn(&CaseOutcome) -> bool| cases.iter().filter(|c| f(&c.outcome)).count().to_string();
    push(element, "tests", &cases.len().to_string());
    push(element, "failures", &of(|o| matches!(o, CaseOutcome::Failed { .. })));
    push(element, "errors", &of(|o| matches!(o, CaseOutcome::Error { .. })));
    push(element, "time", &format!("{seconds:.3}"));
}

fn case(writer: &mut Xml, case: &Case) -> Written {
    let mut start = BytesStart::new("testcase");
    push(&mut start, "name", &case.name);
    push(&mut start, "classname", &case.class);
    push(&mut start, "file", &case.file);
    push(&mut start, "time", &format!("{:.3}", case.seconds));
    if case.outcome == CaseOutcome::Passed && case.output.is_empty() {
        return writer.write_event(Event::Empty(start));
    }
    writer.write_event(Event::Start(start))?;
    match &case.outcome {
        CaseOutcome::Passed => {}
        CaseOutcome::Failed { kind, message, text } => fault(writer, "failure", kind, message, text)?,
        CaseOutcome::Error { kind, message, text } => fault(writer, "error", kind, message, text)?,
    }
    if !case.output.is_empty() {
        writer.write_event(Event::Start(BytesStart::new("system-out")))?;
        writer.write_event(Event::Text(BytesText::new(&legal(&case.output))))?;
        writer.write_event(Event::End(BytesEnd::new("system-out")))?;
    }
    writer.write_event(Event::End(BytesEnd::new("testcase")))
}

fn fault(writer: &mut Xml, element: &str, kind: &str, message: &str, text: &str) -> Written {
    let mut start = BytesStart::new(element);
    push(&mut start, "type", kind);
    push(&mut start, "message", message);
    writer.write_event(Event::Start(start))?;
    writer.write_event(Event::Text(BytesText::new(&legal(text))))?;
    writer.write_event(Event::End(BytesEnd::new(element)))
}

fn push(element: &mut BytesStart, name: &str, value: &str) {
    element.push_attribute((name, legal(value).replace('\n', " ").as_str()));
}

/// XML has no way to write most control characters.
fn legal(text: &str) -> String {
    let is_legal =
        |c: char| c >= ' ' && !matches!(c, '\u{7f}'..='\u{9f}' | '\u{fffe}' | '\u{ffff}') || matches!(c, '\n' | '\t');
    text.chars().map(|c| if is_legal(c) { c } else { '\u{fffd}' }).collect()
}

/// The document of a test.
///
/// `missing`: sentences about paths that were given and have no script; each is a case with an
/// error, since a server may look at nothing else.
pub fn tested(all: &[Tested], missing: &[String], seconds: f64) -> String {
    let mut suites: Vec<Suite> = Vec::new();
    for one in all {
        let (folder, name) = split(&one.source);
        let class = folder.trim_start_matches(['.', '/']).replace('/', ".");
        let case = Case {
            name: name.to_string(),
            class: if class.is_empty() { "conc".to_string() } else { class },
            file: one.source.name.clone(),
            seconds: one.duration_ms / 1e3,
            outcome: outcome(one),
            output: String::new(),
        };
        match suites.iter_mut().find(|s| s.name == folder) {
            Some(suite) => suite.cases.push(case),
            None => suites.push(Suite { name: folder.to_string(), cases: vec![case] }),
        }
    }
    let no_script = |sentence: &String| Case {
        name: sentence.clone(),
        class: "conc".to_string(),
        outcome: CaseOutcome::Error {
            kind: "wrong".to_string(),
            message: sentence.clone(),
            text: format!("\n{sentence}\n"),
        },
        ..Case::default()
    };
    if !missing.is_empty() {
        suites.push(Suite { name: "paths".to_string(), cases: missing.iter().map(no_script).collect() });
    }
    document(&suites, seconds)
}

fn split(source: &Source) -> (&str, &str) {
    source.name.rsplit_once('/').unwrap_or((".", &source.name))
}

fn outcome(tested: &Tested) -> CaseOutcome {
    let reasons = tested.reasons();
    let message = reasons.join("; ");
    let text = full_text(tested, &reasons);
    match tested.status() {
        Status::Passed => CaseOutcome::Passed,
        Status::Failed => CaseOutcome::Failed { kind: "failed".to_string(), message, text },
        Status::Undecided => CaseOutcome::Error { kind: "undecided".to_string(), message, text },
        Status::Wrong => CaseOutcome::Error { kind: "wrong".to_string(), message, text },
    }
}

/// The reasons, then each finding that nobody expected as it is told elsewhere.
fn full_text(tested: &Tested, reasons: &[String]) -> String {
    let style = Style { width: 100, ..Style::default() };
    if let Outcome::Wrong(errors) = &tested.outcome {
        return format!("\n{}", super::script_errors(&tested.source, errors, &style));
    }
    let mut text = format!("\n{}\n", reasons.join("\n"));
    for (found, way) in tested.unexpected() {
        text.push_str(&format!("\n{}\n", super::finding(&tested.source, found, &style)));
        text.push_str(&lanes::text(way, &tested.source, &style));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::finding::Code;
    use crate::report::tested::tests::{left, tested as script};

    #[test]
    fn a_test_as_a_document() {
        let mut all = [
            script("queue q\nexpect ok\n", vec![left("q", Code::LeftInQueue)], &[], None),
            script("queue q\nexpect ok\n", vec![left("q<&\"\u{1b}", Code::Error)], &[], None),
            script("expect race", vec![], &[], Some("the limit of states was reached")),
        ];
        for (one, name) in all.iter_mut().zip(["a.conc", "deep/er/b.conc", "deep/er/c.conc"]) {
            one.source.name = name.to_string();
        }
        let text = tested(&all, &[], 1.5);
        for part in [
            r#"<testsuites name="conc" tests="3" failures="1" errors="1" time="1.500">"#,
            r#"  <testsuite name="." tests="1" failures="0" errors="0" time="0.003" skipped="0">"#,
            r#"    <testcase name="a.conc" classname="conc" file="a.conc" time="0.003"/>"#,
            r#"  <testsuite name="deep/er" tests="2" failures="1" errors="1" time="0.005" skipped="0">"#,
            r#"<testcase name="b.conc" classname="deep.er" file="deep/er/b.conc" time="0.003">"#,
            r#"<failure type="failed" message="error on q&lt;&amp;&quot;"#,
            r#"<error type="undecided" message="the limit of states was reached; "#,
        ] {
            assert!(text.contains(part), "{part} is not in {text}");
        }
        assert!(!text.contains('\u{1b}'));
    }

    #[test]
    fn no_text_makes_the_document_wrong() {
        let wild: String = (0..0x300u32).chain([0xfffe, 0xffff, 0x1f600]).filter_map(char::from_u32).collect();
        let failed = CaseOutcome::Failed { kind: wild.clone(), message: wild.clone(), text: wild.clone() };
        let case = Case {
            name: wild.clone(),
            class: wild.clone(),
            file: wild.clone(),
            outcome: failed,
            output: wild,
            seconds: 0.0,
        };
        let text = document(&[Suite { name: "s".into(), cases: vec![case] }], 0.0);
        let mut reader = quick_xml::Reader::from_str(&text);
        let mut depth = 0;
        loop {
            match reader.read_event().expect("it is well-formed") {
                Event::Start(_) => depth += 1,
                Event::End(_) => depth -= 1,
                Event::Eof => break,
                _ => {}
            }
        }
        assert_eq!(depth, 0);
        assert!(text.chars().all(|c| c >= ' ' || c == '\n' || c == '\t'));
    }
}
