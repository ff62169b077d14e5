//! The program of a run as this process knows it. A script's never changes; a
//! session's grows, and each process catches up when it needs to. It owns the
//! versions and their publication; how a text becomes one belongs to
//! `program`, when to catch up to `session`.

use crate::program::Program;
use crate::program::kind::Memory;
use std::ops::Deref;
use std::sync::atomic::AtomicPtr;
use std::sync::atomic::Ordering::{AcqRel, Acquire};
use std::sync::{Arc, Mutex, PoisonError};

enum Kept {
    Given(&'static Program),
    Grown(Arc<Program>),
}

/// A program, and what every executor needs of it.
struct Version {
    program: Kept,
    /// Of each declared place, whether it is a `var`.
    private_cells: Arc<[bool]>,
}

impl Version {
    /// What the version before knew of the places still holds.
    fn new(program: Kept, known: &Arc<[bool]>) -> Box<Version> {
        let of: &Program = match &program {
            Kept::Given(given) => given,
            Kept::Grown(grown) => grown,
        };
        let private = |decl: &u32| of.memory[*decl as usize].memory == Memory::Var;
        let private_cells = match of.cells.len() == known.len() {
            true => known.clone(),
            false => known.iter().copied().chain(of.cells.iter().skip(known.len()).map(private)).collect(),
        };
        Box::new(Version { program, private_cells })
    }

    fn program(&self) -> &Program {
        match &self.program {
            Kept::Given(given) => given,
            Kept::Grown(grown) => grown,
        }
    }
}

/// The newest version. It stands for the program itself: `current.functions`.
pub struct Current {
    newest: AtomicPtr<Version>,
    /// Versions that somebody may still look at. Only taken by who publishes,
    /// and that is one thread at a time.
    #[expect(clippy::vec_box, reason = "others look at a version where it stands")]
    older: Mutex<Vec<Box<Version>>>,
}

impl Current {
    pub fn new(program: &'static Program) -> Current {
        let newest = AtomicPtr::new(Box::into_raw(Version::new(Kept::Given(program), &Arc::from([]))));
        Current { newest, older: Mutex::new(Vec::new()) }
    }

    fn version(&self) -> &'static Version {
        // SAFETY: the pointer is always that of a whole version from a box,
        // which is freed only by `retire`, when nobody holds on to it, and
        // with the image, which outlives all that looks at the program.
        unsafe { &*self.newest.load(Acquire) }
    }

    pub fn get(&self) -> &'static Program {
        self.version().program()
    }

    pub fn private_cells(&self) -> Arc<[bool]> {
        self.version().private_cells.clone()
    }

    pub fn publish(&self, program: Arc<Program>) {
        let new = Box::into_raw(Version::new(Kept::Grown(program), &self.version().private_cells));
        let old = self.newest.swap(new, AcqRel);
        // SAFETY: made by `Box::into_raw`, and now nobody else's.
        let old = unsafe { Box::from_raw(old) };
        self.older.lock().unwrap_or_else(PoisonError::into_inner).push(old);
    }

    /// Frees the versions before the newest.
    ///
    /// # Safety
    /// SAFETY: nobody holds on to one of them: no other thread of this process looks
    /// at the program, and the caller has let go of the older ones.
    pub unsafe fn retire(&self) {
        self.older.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

impl Deref for Current {
    type Target = Program;
    fn deref(&self) -> &Program {
        self.get()
    }
}

impl Drop for Current {
    fn drop(&mut self) {
        // SAFETY: made by `Box::into_raw`; nobody looks any more.
        drop(unsafe { Box::from_raw(*self.newest.get_mut()) });
    }
}
