//! `--timeline` and `--trace`, which several commands have: the options and
//! the writing of the files. What is in them is `report`'s.

use super::{exit, put_err, script};
use crate::check::follow;
use crate::check::stepper::Stepper;
use crate::check::{Schedule, Shown};
use crate::detect::event::Recording;
use crate::detect::finding::Finding;
use crate::program::Program;
use crate::report::{Source, Style, timeline, trace};
use crate::run::{self, Interruption};
use clap::Args;
use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

/// So many executions of a check are drawn.
const EXECUTIONS_MAX: usize = 20;
/// So long an execution that shows nothing may be.
const TURNS_MAX: usize = 5_000;

#[derive(Args)]
pub struct PictureArgs {
    /// Draw what happens, as one page for a browser
    #[arg(long, value_name = "FILE.html", add = super::complete::file("html"))]
    timeline: Option<PathBuf>,
    /// Write what happens as trace events, for Perfetto
    #[arg(long, value_name = "FILE.json", add = super::complete::file("json"))]
    trace: Option<PathBuf>,
}

/// One execution to be drawn.
pub struct Drawn {
    pub title: String,
    pub recording: Recording,
    pub findings: Vec<Finding>,
}

impl PictureArgs {
    pub fn wanted(&self) -> bool {
        self.timeline.is_some() || self.trace.is_some()
    }

    /// Whether the files that were asked for can be made, before there is anything to
    /// write. What stands there stays as it is, and nothing is left there; the script is not
    /// written over. The error is the command's exit code, with the reason printed.
    pub fn look(&self, script: &str) -> Result<(), u8> {
        let both = self.timeline.as_deref().zip(self.trace.as_deref());
        let same = |pair: &(&Path, &Path)| is_same_file(pair.0, pair.1);
        let wrong = |text: String| {
            put_err(&format!("conc: {text}\n"));
            Err(exit::WRONG)
        };
        if let Some((path, _)) = both.filter(same) {
            return wrong(format!("`--timeline` and `--trace` both name {}: give each its own file", path.display()));
        }
        if let Some(path) = self.timeline.iter().chain(&self.trace).find(|path| is_same_file(path, Path::new(script))) {
            return wrong(format!(
                "{} is the script, which a picture would be written over: name another file",
                path.display()
            ));
        }
        let refused = |path: &PathBuf| may_be_written(path).err().map(|e| not_written(path, &e));
        match self.timeline.iter().chain(&self.trace).find_map(refused) {
            Some(code) => Err(code),
            None => Ok(()),
        }
    }

    /// Writes the files that were asked for: the command's exit code then,
    /// which was to be `code`.
    pub fn write(&self, source: &Source, drawn: &[Drawn], code: u8) -> u8 {
        if drawn.is_empty() {
            put_err("conc: there is nothing to draw\n");
            return code;
        }
        let executions: Vec<timeline::Execution> = drawn
            .iter()
            .map(|d| timeline::Execution { title: &d.title, recording: &d.recording, findings: &d.findings })
            .collect();
        let lost: u64 = drawn.iter().map(|d| d.recording.lost).sum();
        if lost > 0 && self.wanted() {
            put_err(&format!("conc: the picture ends early: {lost} events were too many to keep\n"));
        }
        type Drawer = fn(&Source, &[timeline::Execution], &mut dyn Write) -> io::Result<()>;
        let page = self.timeline.as_ref().map(|path| (path, timeline::write as Drawer));
        let trace = self.trace.as_ref().map(|path| (path, trace::write as Drawer));
        let mut code = code;
        for (path, draw) in page.into_iter().chain(trace) {
            let mut interrupted = false;
            let written = File::create(path).and_then(|file| {
                let is_file = file.metadata().is_ok_and(|m| m.is_file());
                // Who reads a pipe may take his time: there a signal ends the program at once.
                let interruption = is_file.then(run::interruption);
                let drawn = drawn_into(file, interruption.as_ref(), |out| draw(source, &executions, out));
                interrupted = drawn.is_err() && interruption.is_some_and(|i| i.requested());
                // Half of a picture is none.
                if drawn.is_err() && is_file {
                    let _ = std::fs::remove_file(path);
                }
                drawn
            });
            match written {
                Err(_) if interrupted => {
                    put_err(&format!("conc: interrupted; {} was not written\n", path.display()));
                    return exit::INTERRUPTED;
                }
                Err(e) => code = not_written(path, &e),
                Ok(()) => {}
            }
        }
        code
    }
}

fn drawn_into(
    file: File,
    interruption: Option<&Interruption>,
    draw: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> io::Result<()> {
    let mut out = BufWriter::new(Heeding { file, interruption });
    draw(&mut out)?;
    out.flush()
}

/// A file of which nothing more is written once somebody wants an end.
struct Heeding<'i> {
    file: File,
    interruption: Option<&'i Interruption>,
}

impl Write for Heeding<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.interruption.is_some_and(Interruption::requested) {
            return Err(nix::Error::ECANCELED.into());
        }
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// Says so: the command's exit code.
fn not_written(path: &Path, e: &io::Error) -> u8 {
    put_err(&format!("conc: {} cannot be written: {}\n", path.display(), script::plain(e)));
    exit::FAILED
}

/// Whether two paths lead to one file, be it there or not; what is no file, such as `/dev/null`,
/// can be written to twice.
fn is_same_file(one: &Path, other: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let place = |path: &Path| {
        let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
        Some((folder.canonicalize().ok()?, path.file_name()?.to_os_string()))
    };
    match (std::fs::metadata(one), std::fs::metadata(other)) {
        (Ok(a), Ok(b)) => a.is_file() && (a.dev(), a.ino()) == (b.dev(), b.ino()),
        (Err(_), Err(_)) => place(one).is_some() && place(one) == place(other),
        _ => false,
    }
}

/// Whether a file can be written there, by trying.
fn may_be_written(path: &Path) -> io::Result<()> {
    match std::fs::metadata(path) {
        // To open a pipe would wait for its reader, or tell it of an end.
        Ok(there) if !there.is_file() && !there.is_dir() => Ok(()),
        Ok(_) => OpenOptions::new().write(true).open(path).map(drop),
        // A link that leads to nothing: the file would be made where it leads.
        Err(_) if path.is_symlink() => Ok(()),
        Err(_) => {
            OpenOptions::new().write(true).create_new(true).open(path)?;
            std::fs::remove_file(path)
        }
    }
}

/// The ways that a check found; if it found none, one execution of many.
pub fn of_check(program: &'static Program, source: &Source, hash: u16, found: &[Shown]) -> Vec<Drawn> {
    let mut found: Vec<&Shown> = found.iter().collect();
    found.sort_by_key(|s| s.finding.code.is_note());
    let mut drawn: Vec<Drawn> = found
        .iter()
        .take(EXECUTIONS_MAX)
        .filter_map(|s| of_schedule(program, &s.way.schedule, title(source, &s.finding), vec![s.finding.clone()]))
        .collect();
    if drawn.is_empty() {
        drawn.extend(one_of_many(program, hash));
    }
    drawn
}

/// A schedule followed in the model.
fn of_schedule(program: &'static Program, schedule: &Schedule, title: String, findings: Vec<Finding>) -> Option<Drawn> {
    let recording = follow::follow_and(program, schedule, true, &mut || None).ok()?.recording?;
    Some(Drawn { title, recording, findings })
}

/// All in turn up to the end.
fn one_of_many(program: &'static Program, hash: u16) -> Option<Drawn> {
    let mut stepper = Stepper::new(program, hash).ok()?;
    stepper.go_on(None, TURNS_MAX, &mut || false);
    of_schedule(program, &stepper.way().schedule, "one execution of many".to_string(), Vec::new())
}

pub fn title(source: &Source, finding: &Finding) -> String {
    let message = crate::report::finding::describe(source, finding, &Style::default()).message;
    format!("{}: {message}", finding.code.word())
}
