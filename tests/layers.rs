//! The rules of the source: imports point one way, every file says what it
//! owns, unsafe code argues why it is sound and stays in `src/run`, and
//! nothing unfinished is left.

use std::path::{Path, PathBuf};

/// From the top to the bottom; each imports only what stands after it.
const LAYERS: [&str; 11] =
    ["cli", "repl", "lsp", "report", "run", "check", "detect", "machine", "objects", "program", "lang"];

/// What reports are about, and the language they quote; nothing that runs.
const BELOW_REPORT: [&str; 2] = ["detect", "lang"];

struct Source {
    path: PathBuf,
    text: String,
}

impl Source {
    /// The layer it belongs to; none for `main.rs` and `lib.rs`.
    fn layer(&self) -> Option<&str> {
        let below = self.path.strip_prefix(root().join("src")).ok()?;
        let first = below.components().next()?.as_os_str().to_str()?;
        LAYERS.into_iter().find(|l| *l == first || format!("{l}.rs") == first)
    }

    fn place(&self, line: usize) -> String {
        format!("{}:{}", self.path.strip_prefix(root()).unwrap_or(&self.path).display(), line + 1)
    }
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn sources(folder: &str) -> Vec<Source> {
    let mut found = Vec::new();
    read_below(&root().join(folder), &mut found);
    assert!(!found.is_empty(), "no source below {folder}");
    found.sort_by(|a, b| a.path.cmp(&b.path));
    found
}

fn read_below(folder: &Path, found: &mut Vec<Source>) {
    for entry in std::fs::read_dir(folder).expect("the source can be read").flatten() {
        let path = entry.path();
        if path.is_dir() {
            read_below(&path, found);
        } else if path.extension().is_some_and(|e| e == "rs") {
            let text = std::fs::read_to_string(&path).expect("the source can be read");
            found.push(Source { path, text });
        }
    }
}

/// The code of a line, without its comment and without what stands in strings.
fn code(line: &str) -> String {
    let (mut out, mut in_string, mut chars) = (String::new(), false, line.chars().peekable());
    while let Some(c) = chars.next() {
        match c {
            '\\' if in_string => drop(chars.next()),
            '"' => in_string = !in_string,
            '\'' if !in_string && chars.peek() == Some(&'"') => drop(chars.next()),
            '/' if !in_string && chars.peek() == Some(&'/') => break,
            c if !in_string => out.push(c),
            _ => {}
        }
    }
    out
}

/// The words right after each `crate::` of a line, also those of a group
/// `crate::{a::x, b::y}`.
fn named_layers(line: &str) -> Vec<String> {
    let code = code(line);
    let mut found = Vec::new();
    for rest in code.split("crate::").skip(1) {
        let heads = match rest.strip_prefix('{') {
            Some(group) => heads_of_group(group),
            None => vec![rest.to_string()],
        };
        let word = |h: String| h.trim().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect::<String>();
        found.extend(heads.into_iter().map(word));
    }
    found
}

fn heads_of_group(group: &str) -> Vec<String> {
    let (mut depth, mut heads) = (0, vec![String::new()]);
    for c in group.chars() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => heads.push(String::new()),
            c => heads.last_mut().expect("there is one from the start").push(c),
        }
    }
    heads
}

fn may_import(layer: &str, other: &str) -> bool {
    let depth = |name: &str| LAYERS.iter().position(|l| *l == name);
    match (depth(layer), depth(other)) {
        _ if layer == other => true,
        (Some(_), Some(_)) if layer == "report" => BELOW_REPORT.contains(&other),
        (Some(_), Some(_)) if (layer, other) == ("run", "check") => false,
        (Some(own), Some(other)) => other > own,
        // A macro or an item of the crate's root.
        _ => true,
    }
}

#[track_caller]
fn assert_none(what: &str, places: Vec<String>) {
    assert!(places.is_empty(), "{what}:\n{}", places.join("\n"));
}

#[test]
fn imports_point_one_way() {
    let mut wrong = Vec::new();
    for source in sources("src") {
        let Some(layer) = source.layer() else { continue };
        for (number, line) in source.text.lines().enumerate() {
            for other in named_layers(line).iter().filter(|other| !may_import(layer, other)) {
                wrong.push(format!("{}: {layer} imports {other}", source.place(number)));
            }
        }
    }
    assert_none("imports against the order of the layers", wrong);
}

#[test]
fn every_layer_is_there() {
    let sources = sources("src");
    for layer in LAYERS {
        assert!(sources.iter().any(|s| s.layer() == Some(layer)), "no file of {layer}");
    }
    let strange = sources.iter().filter(|s| s.layer().is_none());
    let names: Vec<_> = strange.filter_map(|s| s.path.file_name()?.to_str()).collect();
    assert_eq!(names, ["lib.rs", "main.rs"], "a file outside the layers");
}

#[test]
fn every_file_says_what_it_owns() {
    let without = |s: &Source| !s.text.starts_with("//! ");
    let all = sources("src").into_iter().chain(sources("tests"));
    assert_none("files without a leading `//!`", all.filter(without).map(|s| s.place(0)).collect());
}

#[test]
fn nothing_unfinished_is_left() {
    // Put together here, so that this file does not show them.
    let words = ["dbg", "todo", "unimplemented"].map(|w| format!("{w}!"));
    assert_none("unfinished code", lines_with(sources("src"), |code| words.iter().any(|w| code.contains(w.as_str()))));
}

fn lines_with(sources: Vec<Source>, has: impl Fn(&str) -> bool) -> Vec<String> {
    let mut found = Vec::new();
    for source in sources {
        for (number, line) in source.text.lines().enumerate() {
            if has(&code(line)) {
                found.push(format!("{}: {}", source.place(number), line.trim()));
            }
        }
    }
    found
}

fn is_unsafe(code: &str) -> bool {
    code.split(|c: char| !c.is_alphanumeric() && c != '_').any(|word| word == "unsafe")
}

/// The one file outside `run` with unsafe code: an instruction that is a hint to the processor.
const HINT: &str = "check/fetch.rs";

#[test]
fn unsafe_code_stays_in_run() {
    let outside = sources("src").into_iter().filter(|s| s.layer() != Some("run"));
    let (hint, outside): (Vec<Source>, Vec<Source>) = outside.partition(|s| s.path.ends_with(HINT));
    assert_none("unsafe outside src/run", lines_with(outside, is_unsafe));
    let unsafe_lines = lines_with(hint, is_unsafe);
    assert_eq!(unsafe_lines.len(), 1, "{unsafe_lines:?}");
    assert!(unsafe_lines[0].contains("_mm_prefetch"), "{unsafe_lines:?}");
}

/// What the other layers know of the system are the names of its errors and signals.
const NAMES_OF_THE_SYSTEM: [&str; 2] = ["nix::Error", "nix::sys::signal::Signal"];

fn calls_the_system(code: &str) -> bool {
    let others = NAMES_OF_THE_SYSTEM.into_iter().fold(code.to_string(), |code, name| code.replace(name, ""));
    others.split(|c: char| !c.is_alphanumeric() && c != '_').any(|word| ["nix", "libc"].contains(&word))
}

#[test]
fn system_calls_stay_in_run() {
    let outside: Vec<Source> = sources("src").into_iter().filter(|s| s.layer() != Some("run")).collect();
    assert_none("system calls outside src/run", lines_with(outside, calls_the_system));
    assert!(calls_the_system("use nix::poll::poll;") && calls_the_system("libc::close(fd)"));
    assert!(!calls_the_system("use std::os::unix::fs::MetadataExt;"));
}

#[test]
fn unsafe_code_says_why_it_is_sound() {
    const ABOVE: usize = 6;
    let mut wrong = Vec::new();
    for source in sources("src") {
        let lines: Vec<&str> = source.text.lines().collect();
        for (number, line) in lines.iter().enumerate().filter(|(_, line)| is_unsafe(&code(line))) {
            let above = &lines[number.saturating_sub(ABOVE)..number];
            if !above.iter().any(|l| l.contains("SAFETY:")) {
                wrong.push(format!("{}: {}", source.place(number), line.trim()));
            }
        }
    }
    assert_none("unsafe without a SAFETY comment", wrong);
}

#[test]
fn the_reader_of_imports_reads_them() {
    assert_eq!(named_layers("use crate::objects::{self, Mode};"), ["objects"]);
    assert_eq!(named_layers("use crate::{lang::ast, report::{self, json}, run};"), ["lang", "report", "run"]);
    assert_eq!(named_layers("let x: crate::run::Report = crate::lang::parse();"), ["run", "lang"]);
    assert!(named_layers("// see crate::run").is_empty());
    assert!(named_layers("\"crate::run\"").is_empty());
}
