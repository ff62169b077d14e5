//! The language's reference, offline: the page of the documentation, cut into
//! its sections and set for a terminal.

use super::command::{COMMANDS, usage};
use super::show::{broken, columns};
use crate::lang::error::nearest;
use crate::report::{Style, reference, wrap};

const REFERENCE: &str = include_str!("../../docs/language.md");

/// What people call things elsewhere, and what they are here.
const ALIASES: &[(&str, &str)] = &[
    ("mutex", "lock"),
    ("rlock", "lock"),
    ("thread", "tasks"),
    ("process", "tasks"),
    ("spawn", "tasks"),
    ("join", "tasks"),
    ("terminate", "tasks"),
    ("var", "memory"),
    ("shared", "memory"),
    ("atomic", "memory"),
    ("channel", "queue"),
    ("try", "errors"),
    ("catch", "errors"),
    ("raise", "errors"),
    ("let", "statements"),
    ("if", "statements"),
    ("for", "statements"),
    ("while", "statements"),
    ("print", "statements"),
    ("await", "statements"),
    ("atomically", "statements"),
    ("exit", "tasks"),
    ("kill", "tasks"),
    ("fork", "processes by fork"),
    ("struct", "structs, and objects made while running"),
    ("fn", "a script"),
    ("const", "a script"),
    ("expect", "what a script expects"),
    ("some", "what a script expects"),
    ("every", "what a script expects"),
    ("after", "select"),
    ("reentrant", "lock"),
    ("daemon", "tasks"),
    ("all", "tasks"),
    ("x", "tasks"),
    ("thread", "tasks"),
    ("threads", "pool"),
    ("processes", "pool"),
    ("of", "pool"),
    ("to", "pool"),
    ("via", "queue"),
    ("manager", "queue"),
    ("ns", "values and expressions"),
    ("us", "values and expressions"),
    ("ms", "values and expressions"),
    ("s", "values and expressions"),
];

struct Section {
    level: usize,
    title: String,
    body: String,
}

/// The reference by its headings. `#` in a fence is no heading.
fn sections() -> Vec<Section> {
    let mut found: Vec<Section> = Vec::new();
    let mut fenced = false;
    for line in REFERENCE.lines() {
        fenced ^= line.starts_with("```");
        let level = line.chars().take_while(|c| *c == '#').count();
        if !fenced && (1..=3).contains(&level) && line[level..].starts_with(' ') {
            let title = line[level..].trim().replace('`', "");
            let numbered = title.split_once(". ").filter(|(n, _)| n.chars().all(|c| c.is_ascii_digit()));
            let title = numbered.map_or(title.clone(), |(_, rest)| rest.to_string());
            found.push(Section { level, title, body: String::new() });
        } else if let Some(section) = found.last_mut() {
            section.body.push_str(line);
            section.body.push('\n');
        }
    }
    found
}

/// Every topic, for completion.
pub fn topics() -> Vec<String> {
    sections().into_iter().skip(1).map(|s| s.title.to_lowercase()).collect()
}

/// The help on a topic; without one, the commands. An error names the nearest.
pub fn topic(name: &str, style: &Style) -> Result<String, String> {
    if name.is_empty() {
        return Ok(overview(style));
    }
    let wanted = name.to_lowercase();
    let command = wanted.strip_prefix(':').unwrap_or("");
    if let Some(command) = COMMANDS.iter().find(|c| c.names.contains(&command)) {
        return Ok(format!(":{}\n    {}\n", usage(command), command.help));
    }
    let sections = sections();
    let alias = ALIASES.iter().find(|a| a.0 == wanted).map_or(wanted.as_str(), |a| a.1);
    let title = |name: &str| sections.iter().position(|s| s.level > 1 && s.title.to_lowercase() == name);
    let begins = || sections.iter().position(|s| s.level > 1 && s.title.to_lowercase().starts_with(&wanted));
    if let Some(place) = title(&wanted).or_else(|| title(alias)).or_else(begins) {
        return Ok(page(&sections, place, style));
    }
    // A method, an error: wherever a table or the text names it as code. A word that stands
    // nowhere alone: what it is used in.
    let quoted = [
        format!("`{wanted}("),
        format!("`{wanted}`"),
        format!(".{wanted}`"),
        format!(".{wanted}("),
        format!("`{name}`"),
    ];
    let names = |l: &str| l.starts_with('|') && quoted.iter().any(|q| l.contains(q));
    let uses = |l: &str| l.starts_with('|') && cells(l).first().is_some_and(|c| reference::has_word(c, &wanted));
    let rows_of = |is_one: &dyn Fn(&str) -> bool| -> Vec<usize> {
        (1..sections.len()).filter(|i| sections[*i].body.lines().any(is_one)).collect()
    };
    let alone = rows_of(&names);
    let (naming, is_row): (_, &dyn Fn(&str) -> bool) =
        if alone.is_empty() { (rows_of(&uses), &uses) } else { (alone, &names) };
    match naming[..] {
        [] => {
            let all: Vec<String> = topics();
            let words = all.iter().map(String::as_str).chain(ALIASES.iter().map(|a| a.0));
            let near = nearest(&wanted, words).map(|n| format!("did you mean `{n}`?\n")).unwrap_or_default();
            Err(format!("there is nothing on `{name}`; {near}`:help` lists the topics\n"))
        }
        [one] => Ok(page(&sections, one, style)),
        _ => {
            let mut out = String::new();
            for place in naming {
                let lines = sections[place].body.lines();
                let rows: Vec<Vec<String>> =
                    lines.filter(|l| is_row(l)).map(|l| cells(l).iter().map(|c| without_links(c)).collect()).collect();
                out.push_str(&format!("{}\n", heading(&sections[place].title, style)));
                out.push_str(&table(&rows, style));
            }
            Ok(out)
        }
    }
}

fn overview(style: &Style) -> String {
    let rows: Vec<Vec<String>> = COMMANDS.iter().map(|c| vec![format!(":{}", usage(c)), c.help.to_string()]).collect();
    let mut out = String::from(
        "Statements and declarations are carried out as they are entered, on real\nthreads and processes; an expression shows its value. Commands:\n\n",
    );
    out.push_str(&broken(&columns(&rows), &rows, style.width));
    out.push_str("\nTopics of `:help`, besides every method, error and finding:\n\n");
    let list = topics().join("; ");
    out.extend(wrap(&list, style.width.min(76)).iter().map(|l| format!("{l}\n")));
    out
}

fn heading(title: &str, style: &Style) -> String {
    if style.color { format!("\u{1b}[1m{title}\u{1b}[0m") } else { title.to_string() }
}

/// A section with the smaller ones below it.
fn page(sections: &[Section], place: usize, style: &Style) -> String {
    let level = sections[place].level;
    let mut out = String::new();
    for (i, section) in sections.iter().enumerate().skip(place) {
        if i > place && section.level <= level {
            break;
        }
        out.push_str(&format!("{}\n", heading(&section.title, style)));
        out.push_str(&set(&section.body, style));
    }
    format!("{}\n", out.trim_end())
}

/// Markdown for a terminal: tables in columns, code indented, links as their
/// text, paragraphs broken to the width.
fn set(body: &str, style: &Style) -> String {
    let mut out = String::new();
    let (mut rows, mut words): (Vec<Vec<String>>, Vec<String>) = (Vec::new(), Vec::new());
    let mut fenced = false;
    let flush_words = |words: &mut Vec<String>, out: &mut String| {
        if !words.is_empty() {
            let text = without_links(&words.join(" "));
            out.extend(wrap(&text, style.width).iter().map(|l| format!("{l}\n")));
            words.clear();
        }
    };
    for line in body.lines().chain([""]) {
        if !line.starts_with('|') && !rows.is_empty() {
            out.push_str(&table(&std::mem::take(&mut rows), style));
        }
        if line.starts_with("```") {
            flush_words(&mut words, &mut out);
            fenced = !fenced;
        } else if fenced {
            out.push_str(format!("    {line}").trim_end());
            out.push('\n');
        } else if line.starts_with('|') {
            flush_words(&mut words, &mut out);
            let cells: Vec<String> = cells(line).iter().map(|c| without_links(c)).collect();
            if !cells.iter().all(|c| c.chars().all(|c| c == '-')) && cells.iter().any(|c| !c.is_empty()) {
                rows.push(cells);
            }
        } else if line.trim().is_empty() {
            flush_words(&mut words, &mut out);
            if !out.ends_with("\n\n") && !out.is_empty() {
                out.push('\n');
            }
        } else {
            words.push(line.trim().to_string());
        }
    }
    out
}

/// The cells of a row; a bar in code is escaped.
fn cells(line: &str) -> Vec<String> {
    let marked = line.trim().trim_start_matches('|').trim_end_matches('|').replace("\\|", "\u{1}");
    marked.split('|').map(|c| c.trim().replace('\u{1}', "|")).collect()
}

/// No column is made narrower.
const COLUMN_MIN: usize = 16;

/// Columns, the widest ones broken until all fit into the width.
fn table(rows: &[Vec<String>], style: &Style) -> String {
    let count = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| rows.iter().filter_map(|r| r.get(column)).map(|c| c.chars().count()).max().unwrap_or(0);
    let mut widths: Vec<usize> = (0..count).map(width).collect();
    let gaps = 2 * count;
    while widths.iter().sum::<usize>() + gaps > style.width
        && let Some(widest) = widths.iter_mut().max().filter(|w| **w > COLUMN_MIN)
    {
        *widest -= 1;
    }
    let mut set: Vec<Vec<String>> = Vec::new();
    for row in rows {
        let parts: Vec<Vec<String>> = row.iter().zip(&widths).map(|(cell, width)| wrap(cell, *width)).collect();
        let height = parts.iter().map(Vec::len).max().unwrap_or(0);
        let line = |i: usize| parts.iter().map(|p| p.get(i).cloned().unwrap_or_default()).collect();
        set.extend((0..height).map(line));
    }
    columns(&set).lines().map(|l| format!("  {l}\n")).collect()
}

/// `[text](where)` as its text.
fn without_links(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(close) = rest.find("](") {
        let Some(open) = rest[..close].rfind('[') else {
            out.push_str(&rest[..close + 2]);
            rest = &rest[close + 2..];
            continue;
        };
        let Some(end) = rest[close..].find(')') else { break };
        out.push_str(&rest[..open]);
        out.push_str(&rest[open + 1..close]);
        rest = &rest[close + end + 1..];
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_topic_has_a_page() {
        for topic_name in topics() {
            let text = topic(&topic_name, &Style::default()).unwrap_or_else(|e| panic!("{e}"));
            assert!(text.lines().count() > 1, "{topic_name}: {text}");
            assert!(!text.contains("]("), "{topic_name} shows a link: {text}");
        }
    }

    #[test]
    fn the_overview_fits_and_its_topics_stand_apart() {
        let text = topic("", &Style { width: 60, ..Style::default() }).unwrap();
        let list = text.rsplit("\n\n").next().unwrap_or("").replace('\n', " ");
        assert_eq!(list.trim().split("; ").collect::<Vec<_>>(), topics());
        assert!(text.lines().skip(3).all(|l| l.chars().count() <= 60), "{text}");
    }

    #[test]
    fn methods_errors_and_other_words_are_found() {
        for (word, shows) in
            [("lock", "reentrant"), ("put", "queue"), ("Empty", "get_nowait"), ("mutex", "lock"), (":undo", "again")]
        {
            let text = topic(word, &Style::default()).unwrap_or_else(|e| panic!("{e}"));
            assert!(text.contains(shows), "{word}: {text}");
        }
        for word in crate::lang::word::reserved().into_iter().chain(crate::lang::word::contextual()) {
            if let Err(e) = topic(word, &Style::default()) {
                panic!("{e}");
            }
        }
        assert!(topic("sleep", &Style::default()).is_ok_and(|text| text.contains("sleep 1")), "its row");
        assert!(topic("semaphor", &Style::default()).is_ok(), "the beginning of a title is enough");
        let unknown = |word: &str| topic(word, &Style::default()).unwrap_err();
        let lists = "`:help` lists the topics\n";
        assert_eq!(unknown("semafore"), format!("there is nothing on `semafore`; did you mean `semaphore`?\n{lists}"));
        assert_eq!(unknown("xyzzy"), format!("there is nothing on `xyzzy`; {lists}"));
    }
}
