//! What a run must not leave behind: shared memory, temporary files, sockets.
//! Processes are found by their mark, see `proc`.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// The folders that all programs share.
const SHARED: [&str; 2] = ["/dev/shm", "/tmp"];

/// What was there before the run.
pub struct Before {
    files: BTreeSet<PathBuf>,
}

impl Before {
    pub fn look() -> Before {
        Before { files: shared_files() }
    }

    /// Others use these folders at the same time, and name files after the
    /// program too, so only what carries the run's number counts.
    /// A process that is being ended closes its sockets after it has left its
    /// memory, by which it is found; so those may take up to `grace`.
    pub fn assert_nothing_new(&self, pid: i32, grace: Duration) {
        let pid = pid.to_string();
        let ours = |path: &PathBuf| {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            name.contains(&pid)
        };
        let new: Vec<PathBuf> = shared_files().difference(&self.files).filter(|p| ours(p)).cloned().collect();
        assert!(new.is_empty(), "files are left behind: {new:?}");
        let began = Instant::now();
        while !sockets_of(&pid).is_empty() {
            assert!(began.elapsed() < grace, "sockets are left behind: {:?}", sockets_of(&pid));
            std::thread::sleep(Duration::from_millis(2));
        }
    }
}

fn shared_files() -> BTreeSet<PathBuf> {
    SHARED.iter().flat_map(|folder| entries(Path::new(folder))).collect()
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    std::fs::read_dir(folder).into_iter().flatten().flatten().map(|e| e.path()).collect()
}

/// The manager's sockets of a run, by their last column.
pub fn sockets_of(pid: &str) -> Vec<String> {
    let table = std::fs::read_to_string("/proc/net/unix").unwrap_or_default();
    let name = format!("@conc-manager-{pid}");
    table
        .lines()
        .filter_map(|line| line.split_whitespace().next_back())
        .filter(|n| *n == name)
        .map(String::from)
        .collect()
}

/// Every file below a folder, in order.
pub fn files_in(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in entries(folder) {
        if entry.is_dir() {
            found.extend(files_in(&entry));
        }
        found.push(entry);
    }
    found.sort();
    found
}
