//! Of what is made several at once, such as the tasks of a `spawn t x3` or the workers of a
//! pool, whether each is made by a step of its own. One step is fewer interleavings, and is
//! right where nobody can tell the difference. It owns what the code says about that; it
//! errs on the side of several steps.
//!
//! What can tell:
//!
//! - Threads, where processes are made: each gets a copy of the memory at that moment, and a
//!   thread may change that between two of them.
//! - Whoever ends the process that makes them, between two of them: then there are the first
//!   ones and no others. That is a `kill` or `terminate`, or the end of a process that takes
//!   its children along: by `exit`, or of a daemon, or of a pool's worker. (The end of a
//!   process by one of its own threads waits until all threads are made.) `main` is nobody's
//!   child, so only who was given its handle can end it.
//!
//! Of a pool's workers the latter is nobody's affair: until the last one is made nobody knows
//! the pool, so they do nothing, and end with the process that makes them.

use super::Program;
use super::code::{Field, FieldKind, FunctionKind, Instr, SelfInfo};

/// What a program's code says about it. Nothing, in a session: nobody lists what its steps
/// may come to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Apart {
    /// There may be threads beside `main`.
    threads: bool,
    /// A process may be ended by another, or with it.
    ends: bool,
    /// So may `main` be.
    ends_main: bool,
}

impl Apart {
    pub(super) fn of(program: &Program) -> Apart {
        let (mut processes, mut told, mut taken) = (false, false, false);
        for instr in program.code.iter() {
            match instr {
                Instr::Spawn(site) => {
                    let site = &program.spawns[*site as usize];
                    processes |= site.process;
                    taken |= site.process && site.daemon;
                }
                Instr::Fork => processes = true,
                Instr::Kill | Instr::Terminate => told = true,
                Instr::Exit => taken = true,
                _ => {}
            }
        }
        // A process may end before the workers that are its children.
        let workers = program.makes_pool(|kind, options| program.is_of_processes(kind, options));
        let ends_main = told && program.names_main();
        Apart {
            threads: program.spawns.iter().any(|s| !s.process)
                || program.makes_pool(|kind, options| !program.is_of_processes(kind, options)),
            ends: workers || processes && (told || taken) || ends_main,
            ends_main,
        }
    }
}

impl Program {
    /// Whether of several tasks of one `spawn` each is made by a step of its own;
    /// `by_main`: it is `main` that makes them.
    pub fn spawns_apart(&self, processes: bool, by_main: bool) -> bool {
        let Apart { threads, ends, ends_main } = self.apart;
        processes && threads || if by_main { ends_main } else { ends }
    }

    /// Whether the workers of an object made while running are, each by a step of its own.
    pub fn hires_apart(&self, kind: u8, options: u32) -> bool {
        self.apart.threads && self.is_of_processes(kind, options)
    }

    /// The same of the objects of a record's field.
    pub fn field_hires_apart(&self, field: &Field) -> bool {
        matches!(field.what, FieldKind::Object { kind, options, .. } if self.hires_apart(kind, options))
    }

    /// Whether the objects of a record's field are pools.
    pub fn field_is_pool(&self, field: &Field) -> bool {
        matches!(field.what, FieldKind::Object { kind, .. } if self.kinds[kind as usize].word == "pool")
    }

    /// Whether an object is a pool `of processes`.
    fn is_of_processes(&self, kind: u8, options: u32) -> bool {
        let phrases = self.kinds[kind as usize].options.iter().enumerate();
        options != 0 && phrases.into_iter().any(|(bit, p)| *p == "of processes" && options & (1 << bit) != 0)
    }

    /// Whether some pool is made that is such a one.
    fn makes_pool(&self, is_such: impl Fn(u8, u32) -> bool) -> bool {
        let makes = |kind: u8, options: u32| self.kinds[kind as usize].word == "pool" && is_such(kind, options);
        let field = |f: &Field| matches!(f.what, FieldKind::Object { kind, options, .. } if makes(kind, options));
        self.objects.iter().any(|o| makes(o.kind, o.options))
            || self.news.iter().any(|n| makes(n.kind, n.options))
            || self.structs.iter().any(|s| s.fields.iter().any(field))
    }

    /// Whether something that `main` may run says `self`, and means a handle.
    fn names_main(&self) -> bool {
        let of_main = self.functions.iter().filter(|f| matches!(f.kind, FunctionKind::Main | FunctionKind::Fn));
        let mut code = of_main.flat_map(|f| self.code.range(f.entry as usize..f.end as usize));
        code.any(|instr| matches!(instr, Instr::SelfInfo(SelfInfo::Handle)))
    }
}
