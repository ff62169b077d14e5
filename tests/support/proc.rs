//! What the kernel says about processes and threads, read from `/proc`.

use super::MARK;

/// A process, as it was at the moment of the look.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Process {
    pub pid: i32,
    pub ppid: i32,
    pub group: i32,
    pub state: char,
    pub name: String,
}

impl Process {
    pub fn describe(&self) -> String {
        format!("{} {} (parent {}, group {}, state {})", self.pid, self.name, self.ppid, self.group, self.state)
    }
}

/// A thread, by what `ps -T` shows of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Thread {
    pub tid: i32,
    pub name: String,
    pub state: char,
    /// Processor time in the kernel's ticks, its own and the kernel's for it.
    pub ticks: u64,
}

/// Every process that was started with this mark and is not just waiting to
/// be reaped.
pub fn marked(mark: &str) -> Vec<Process> {
    let entry = format!("{MARK}={mark}");
    let has_mark = |pid: &i32| {
        let environ = std::fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
        environ.split(|byte| *byte == 0).any(|var| var == entry.as_bytes())
    };
    let pids = std::fs::read_dir("/proc").expect("/proc can be read").flatten();
    let pids = pids.filter_map(|e| e.file_name().to_str()?.parse::<i32>().ok());
    pids.filter(has_mark).filter_map(process).filter(|p| !matches!(p.state, 'Z' | 'X')).collect()
}

pub fn process(pid: i32) -> Option<Process> {
    let (name, fields) = stat(&format!("/proc/{pid}/stat"))?;
    let number = |i: usize| fields.get(i)?.parse().ok();
    Some(Process { pid, ppid: number(1)?, group: number(2)?, state: fields.first()?.chars().next()?, name })
}

pub fn threads(pid: i32) -> Vec<Thread> {
    let entries = std::fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    entries.filter_map(|e| thread(pid, e.file_name().to_str()?.parse().ok()?)).collect()
}

pub fn thread(pid: i32, tid: i32) -> Option<Thread> {
    let (name, fields) = stat(&format!("/proc/{pid}/task/{tid}/stat"))?;
    let number = |i: usize| fields.get(i)?.parse::<u64>().ok();
    Some(Thread { tid, name, state: fields.first()?.chars().next()?, ticks: number(11)? + number(12)? })
}

/// How often a thread has given its processor away to wait for something.
pub fn waits(pid: i32, tid: i32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/task/{tid}/status")).ok()?;
    status.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"))?.trim().parse().ok()
}

/// The name, and the fields after it. A name may hold spaces and brackets,
/// but nothing after the last bracket is part of it.
fn stat(path: &str) -> Option<(String, Vec<String>)> {
    let text = std::fs::read_to_string(path).ok()?;
    let (head, rest) = text.rsplit_once(')')?;
    let name = head.split_once('(')?.1.to_string();
    Some((name, rest.split_whitespace().map(String::from).collect()))
}
