//! Reading a script and compiling it, with `-D` and standard input, and
//! showing its errors.

use super::{Common, Format, exit, put_err, put_out};
use crate::lang::ast::{ExprKind, Span, StrPart, UnaryOp};
use crate::lang::error::ScriptError;
use crate::lang::parse::{ERRORS_MAX, Parsed};
use crate::objects::KINDS;
use crate::program::Program;
use crate::program::compile::analyse;
use crate::program::value::{Value, duration_text};
use crate::report::{self, STANDARD_INPUT, Source, phrase};
use crate::run::{Interruption, open_at_once, read_heeding};
use std::collections::{BTreeMap, BTreeSet};
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};

/// Reads a file, or standard input for `-`. The error is the exit code, with
/// the sentence printed.
pub fn read(path: impl AsRef<Path>) -> Result<Source, u8> {
    source(path, None).map_err(|sentence| {
        put_err(&format!("conc: {sentence}\n"));
        exit::WRONG
    })
}

/// The same, with the sentence for the error. A name that is no text is told as near to it as
/// can be, and read as it is. An interruption that is `over` ends it, which is an error too.
pub fn source(path: impl AsRef<Path>, over: Option<&Interruption>) -> Result<Source, String> {
    let path = path.as_ref();
    let name = path.to_string_lossy();
    let bytes = opened(path).and_then(|file| Ok(read_heeding(file, over.and_then(Interruption::descriptor))?));
    let bytes = bytes.map_err(|e| unreadable(&name, &e))?;
    Source::from_bytes(if name == "-" { STANDARD_INPUT } else { &name }, bytes)
}

/// What stands for a script that cannot be read, where what is told needs one: an empty one, and
/// the error in it.
pub fn unread(name: impl Into<String>, sentence: String) -> (Source, ScriptError) {
    (Source::new(name, ""), ScriptError::new(Span::default(), sentence))
}

/// Why there is no script, or no session: a sentence.
pub fn unreadable(path: &str, e: &std::io::Error) -> String {
    let why = match e.raw_os_error().map(nix::Error::from_raw) {
        Some(nix::Error::EBADF) if path == "-" => "it is closed, or open only for writing".to_string(),
        _ => plain(e),
    };
    let name = match path {
        "-" => STANDARD_INPUT,
        "" => "a file without a name",
        path => path,
    };
    format!("{name} cannot be read: {why}")
}

/// Standard input by the descriptor: Rust's `Stdin` takes one that cannot be read for an empty
/// one. A pipe by its name is not waited for here, but where it is read.
fn opened(path: &Path) -> std::io::Result<OwnedFd> {
    match path.to_str() {
        Some("-") => std::io::stdin().as_fd().try_clone_to_owned(),
        _ => open_at_once(path),
    }
}

/// An error of the system without its number.
pub fn plain(e: &std::io::Error) -> String {
    match e.raw_os_error() {
        Some(n) => nix::Error::from_raw(n).desc().to_lowercase(),
        None => e.to_string(),
    }
}

/// Parses and compiles with what `-D` gives, which the script has from then on; the errors
/// are printed.
pub fn compile(
    source: &mut Source,
    defines: &[String],
    common: &Common,
    format: Format,
) -> Result<&'static Program, u8> {
    let defines = defined(defines)?;
    source.given = given(&defines);
    compiled(source, &defines).map_err(|errors| {
        show_errors(source, &errors, common, format);
        exit::WRONG
    })
}

/// What `-D` gives, in the one way in which it is told: of several values of a name the last
/// counts.
pub fn given(defines: &[(String, Value)]) -> Vec<(String, String)> {
    let each: BTreeMap<&String, &Value> = defines.iter().map(|(name, value)| (name, value)).collect();
    each.into_iter().map(|(name, value)| (name.clone(), written(value))).collect()
}

/// A value as it is written after the `=` of a `-D`.
fn written(value: &Value) -> String {
    match value {
        Value::Int(i) => i.to_string(),
        Value::Bool(b) => b.to_string(),
        Value::Duration(ns) => duration_text(*ns),
        Value::Str(text) if phrase::plain(text) == **text && literal(text) == Value::Str(text.clone()) => {
            text.to_string()
        }
        Value::Str(text) => {
            let mut out = String::from("\"");
            for c in text.chars() {
                match c {
                    '\n' => out.push_str("\\n"),
                    '\t' => out.push_str("\\t"),
                    '"' | '\\' | '{' | '}' => out.extend(['\\', c]),
                    c => out.push(c),
                }
            }
            out + "\""
        }
        // `define` makes no other value.
        _ => String::new(),
    }
}

/// What `-D` gives; the error is printed.
pub fn defined(defines: &[String]) -> Result<Vec<(String, Value)>, u8> {
    defines.iter().map(|d| define(d)).collect::<Result<Vec<_>, String>>().map_err(|text| {
        put_err(&format!("conc: {text}\n"));
        exit::WRONG
    })
}

/// Parses and compiles.
///
/// # Errors
///
/// Everything that is wrong with the script.
pub fn compiled(source: &Source, defines: &[(String, Value)]) -> Result<&'static Program, Vec<ScriptError>> {
    let program = match crate::lang::parse::parse_all(&source.text) {
        Parsed { script: Some(script), errors, .. } if errors.is_empty() => {
            crate::program::compile(&script, &source.text, KINDS, defines)?
        }
        parsed => return Err(analyse(parsed, &source.text, KINDS, defines).2),
    };
    // A run's processes share it until they end, and so does this one.
    Ok(Box::leak(Box::new(program)))
}

/// The same of what was entered in a session.
///
/// # Errors
///
/// As above.
pub fn entered(whole: &crate::repl::Whole) -> Result<&'static Program, Vec<ScriptError>> {
    Ok(Box::leak(Box::new(whole.program()?)))
}

/// A file itself, or every `.conc` below a folder, in order. Each folder once, however many
/// links lead to it: one may lead to what it is in. There only what is a file is a script: a
/// pipe of this name would be waited for. Once it is `over` those that were found by then.
pub fn below(path: &Path, over: &dyn Fn() -> bool) -> Below {
    let mut below = Below { scripts: Vec::new(), unreadable: Vec::new(), known: BTreeSet::new() };
    match std::fs::metadata(path) {
        Ok(it) if it.is_dir() => below.add(path, over),
        Ok(_) => below.scripts.push(path.to_path_buf()),
        Err(e) => below.refuse(path, &e),
    }
    if below.scripts.is_empty() && below.unreadable.is_empty() && !over() {
        below.unreadable.push(format!("there is no .conc script below {}", path.display()));
    }
    below
}

/// What is found there.
pub struct Below {
    pub scripts: Vec<PathBuf>,
    /// Of each folder that cannot be looked into a sentence, or that there is nothing; the others
    /// are looked into all the same.
    pub unreadable: Vec<String>,
    /// The folders by now.
    known: BTreeSet<PathBuf>,
}

impl Below {
    fn add(&mut self, folder: &Path, over: &dyn Fn() -> bool) {
        if over() {
            return;
        }
        match std::fs::canonicalize(folder) {
            Ok(whole) => {
                if !self.known.insert(whole) {
                    return;
                }
            }
            Err(e) => return self.refuse(folder, &e),
        }
        let entries = std::fs::read_dir(folder).and_then(Iterator::collect::<std::io::Result<Vec<_>>>);
        let mut entries = match entries {
            Ok(entries) => entries,
            Err(e) => return self.refuse(folder, &e),
        };
        entries.sort_by_key(std::fs::DirEntry::path);
        for entry in entries {
            let path = entry.path();
            let is_script = path.extension().is_some_and(|e| e == "conc");
            // The folder above may tell what it is where looking at it is refused.
            let kind = entry.file_type();
            match std::fs::metadata(&path) {
                Ok(it) if it.is_dir() => self.add(&path, over),
                Ok(it) if is_script && it.is_file() => self.scripts.push(path),
                Ok(_) => {}
                // Who reads it says why it cannot be read.
                Err(_) if is_script => self.scripts.push(path),
                // A link to nothing is no folder.
                Err(e) if e.kind() == std::io::ErrorKind::NotFound => {}
                Err(e) if kind.is_ok_and(|kind| !kind.is_file()) => self.refuse(&path, &e),
                Err(_) => {}
            }
        }
    }

    fn refuse(&mut self, path: &Path, e: &std::io::Error) {
        self.unreadable.push(unreadable(&path.to_string_lossy(), e));
    }
}

pub fn show_errors(source: &Source, errors: &[ScriptError], common: &Common, format: Format) {
    // What the command line defines has no place in the script.
    let (mine, scripts): (Vec<&ScriptError>, Vec<&ScriptError>) =
        errors.iter().partition(|e| e.message.starts_with("-D ") && e.span.is_empty());
    for error in mine {
        let help = error.help.as_ref().map(|h| format!(" ({h})")).unwrap_or_default();
        put_err(&format!("conc: {}{help}\n", error.message));
    }
    let scripts: Vec<ScriptError> = scripts.into_iter().cloned().collect();
    if scripts.is_empty() {
        return;
    }
    match format {
        Format::Json => scripts
            .iter()
            .take(ERRORS_MAX)
            .for_each(|e| put_out(&format!("{}\n", report::json::script_error(source, e)))),
        Format::Human => put_err(&report::script_errors(source, &scripts, &common.style(super::on_terminal().1))),
    }
}

/// Of paths to several scripts, `-` may be one.
pub fn reads_once(paths: &[String]) -> Result<(), u8> {
    if paths.iter().filter(|path| *path == "-").count() < 2 {
        return Ok(());
    }
    put_err("conc: `-` is given twice, and standard input can be read once: leave one out\n");
    Err(exit::WRONG)
}

/// `NAME=VALUE`: an integer, a bool, a duration, else a string.
fn define(text: &str) -> Result<(String, Value), String> {
    let Some((name, value)) = text.split_once('=') else {
        return Err(format!("-D {text}: write NAME=VALUE"));
    };
    if name.trim().is_empty() {
        return Err(format!("-D {text}: the name is missing, write NAME=VALUE"));
    }
    Ok((name.trim().to_string(), literal(value)))
}

/// The value that is written so.
fn literal(value: &str) -> Value {
    let literal = crate::lang::parse::parse_expr(value).ok().and_then(|e| match e.kind {
        ExprKind::Int(i) => Some(Value::Int(i)),
        ExprKind::Bool(b) => Some(Value::Bool(b)),
        ExprKind::Duration(d) => Some(Value::Duration(d)),
        ExprKind::Unary { op: UnaryOp::Neg, value } => match value.kind {
            ExprKind::Int(i) => Some(Value::Int(-i)),
            ExprKind::Duration(d) => Some(Value::Duration(-d)),
            _ => None,
        },
        ExprKind::Str(parts) => match &parts[..] {
            [StrPart::Text(t)] => Some(Value::string(t.clone())),
            _ => None,
        },
        _ => None,
    });
    literal.unwrap_or_else(|| Value::string(value))
}

/// The script's hash, for telling schedules of other scripts apart.
pub fn hash(source: &Source) -> String {
    format!("{:016x}", crate::lang::hash::of(source.text.bytes()))
}
