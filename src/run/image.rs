//! What all processes of a run have from the start: the program, the options,
//! the arena, the memory of `var`s, the way to call the supervisor. Made once,
//! before the first fork, and the same afterwards but for the memory of `var`s,
//! of which every forked process has its own copy.

use super::arena::{Arena, object};
use super::cell::{CELL, Cell};
use super::heap::{HEAP_WORDS, Heap, OutOfMemory};
use super::memory::Memory;
use super::prompt::Grown;
use super::version::Current;
use crate::detect::names::{Made, Objects, Thing};
use crate::detect::places::PLACES_MAX;
use crate::machine::{Home, Place};
use crate::objects::{self, KINDS, place};
use crate::program::Program;
use crate::program::code::{Field, FieldKind, Struct};
use crate::program::kind::Memory as MemoryKind;
use crate::program::value::{Names, ObjRef};
use nix::sys::eventfd::{EfdFlags, EventFd};
use std::collections::HashMap;
use std::sync::Mutex;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;

/// How a script is run.
#[derive(Clone, Debug)]
pub struct Options {
    pub seed: u64,
    /// Races, lock orders and what else needs clocks.
    pub detect: bool,
    pub shake: bool,
    pub gil: bool,
    /// Waiters go to sleep without looking first: there is one processor.
    pub hurried: bool,
    /// Leave a deadlock standing.
    pub hang: bool,
    pub time_limit_ns: Option<u64>,
    /// Keep what an outcome is made of.
    pub outcomes: bool,
    /// A line of standard output for what a task printed.
    pub print: fn(task: &str, text: &str) -> String,
    /// How many bytes the script's objects may take.
    pub memory: usize,
    /// Record what happens, for pictures.
    pub record: bool,
    /// The one interleaving to run; none: as it comes.
    pub replay: Option<std::sync::Arc<super::replay::Plan>>,
    /// So many entries of what happens are kept; none otherwise.
    pub trace: usize,
}

const VARS_AT: usize = 4096;
const _: () = assert!(HEAP_WORDS <= VARS_AT);
/// How much room is asked for the values of `var`s, of which nothing is taken
/// before it is used; where the system does not like to promise that much, half
/// of it, and so on.
const VARS_BYTES: usize = 1 << 36;
const VARS_BYTES_MIN: usize = 64 << 20;
/// See the head of the file.
pub struct Image {
    pub program: Current,
    pub options: Options,
    pub arena: &'static Arena,
    pub vars: Memory,
    /// How many places and objects can be declared: of a script all that are.
    pub room: Room,
    /// Of a session: what this process knows of it.
    pub growth: Mutex<Option<Grown>>,
    /// How many of its texts this process knows.
    pub known: AtomicU64,
    /// Where the declared places of shared memory begin.
    shared: usize,
    bell: EventFd,
    /// Where what happens is recorded, if it is.
    pub events: Option<super::events::Events>,
    /// What reports call the tasks, and how many had been born by then.
    pub told: Mutex<(u64, Told)>,
}

/// The names of tasks, each with its number in the order of birth.
pub type Told = HashMap<u32, (u64, String)>;

/// Room for what can be declared.
#[derive(Clone, Copy, Debug)]
pub struct Room {
    pub cells: usize,
    pub objects: usize,
    /// The program grows: a session.
    pub grows: bool,
}

/// The script cannot be set up: a declaration's arguments, or no memory.
#[derive(Debug)]
pub enum SetupError {
    /// A declaration, by its place in `Program::objects`, and why.
    Object(usize, String),
    Memory,
    System(nix::Error),
}

impl SetupError {
    /// Why the system refused it, if it did: what is missing, and whose limit that is.
    pub fn refusal(error: nix::Error) -> String {
        match error {
            nix::Error::EAGAIN => {
                "there is no room for another process or thread (`ulimit -u`, or the machine's)".into()
            }
            nix::Error::ENOMEM => {
                let gib = super::arena::ADDRESSES_AT_LEAST.div_ceil(1 << 30);
                format!("out of memory; it takes {gib} GiB of addresses at least (`ulimit -v`), most of them unused")
            }
            nix::Error::EMFILE | nix::Error::ENFILE => {
                format!("{} (`ulimit -n`, or the machine's)", error.desc().to_lowercase())
            }
            error => error.desc().to_lowercase(),
        }
    }
}

impl From<OutOfMemory> for SetupError {
    fn from(_: OutOfMemory) -> SetupError {
        SetupError::Memory
    }
}

impl From<nix::Error> for SetupError {
    fn from(e: nix::Error) -> SetupError {
        SetupError::System(e)
    }
}

/// The number under which the setup holds guards.
const SETUP: u32 = 1;

impl Image {
    pub fn new(program: &'static Program, options: Options, arena: &'static Arena) -> Result<Image, SetupError> {
        let room = Room { cells: program.cells.len(), objects: program.objects.len(), grows: false };
        let image = Image::with_room(program, options, arena, room)?;
        image.declare_cells(0, None, SETUP)?;
        image.declare_objects(0, SETUP)?;
        super::collect::prepare(&image, SETUP)?;
        super::trace::prepare(&image)?;
        Ok(image)
    }

    /// An image in which nothing is declared yet.
    pub fn with_room(
        program: &'static Program,
        options: Options,
        arena: &'static Arena,
        room: Room,
    ) -> Result<Image, SetupError> {
        let vars = reserve_vars(VARS_BYTES.max(2 * CELL * room.cells))?;
        let bell = EventFd::from_flags(EfdFlags::EFD_CLOEXEC | EfdFlags::EFD_NONBLOCK)?;
        let bytes = CELL * room.cells + 64;
        let shared = arena.heap().allocate(bytes, SETUP)?.next_multiple_of(64);
        let first = arena.reserve_objects(room.objects as u32)?;
        debug_assert_eq!(first, 0, "declared objects have the first numbers");
        let (program, growth, known) = (Current::new(program), Mutex::new(None), AtomicU64::new(0));
        let events = if options.record { Some(super::events::Events::new()?) } else { None };
        let told = Mutex::default();
        Ok(Image { program, options, arena, vars, room, growth, known, shared, bell, events, told })
    }

    /// First values for the declared places from `first` on, of private memory
    /// or of shared if only one is wanted.
    pub fn declare_cells(&self, first: u32, private: Option<bool>, holder: u32) -> Result<(), SetupError> {
        let wanted = |memory| private.is_none_or(|p| p == (memory == MemoryKind::Var));
        let memory = &self.program.memory;
        let new = memory.iter().rev().take_while(|d| d.first >= first).count();
        for decl in memory.iter().skip(memory.len() - new).filter(|d| wanted(d.memory)) {
            for i in 0..decl.count.unwrap_or(1) {
                self.declared_cell(decl.first + i).init(&decl.init, holder)?;
            }
        }
        Ok(())
    }

    /// Makes the declared objects from `first` on.
    pub fn declare_objects(&self, first: usize, holder: u32) -> Result<(), SetupError> {
        for (id, decl) in self.program.objects.iter().enumerate().skip(first) {
            let words = objects::init(decl.kind, &decl.args, decl.options).map_err(|e| SetupError::Object(id, e.1))?;
            self.arena.make_object(id as u32, decl.kind, words, 0, holder)?;
            self.arena.object(id as u32, object::OPTIONS).store(u64::from(decl.options), Relaxed);
        }
        Ok(())
    }

    /// A declared place, whichever memory it is in.
    pub fn declared_cell(&self, index: u32) -> Cell<'_> {
        let memory = self.program.memory_of(index);
        let always_atomic = memory == MemoryKind::Atomic;
        self.cell_at(index, memory == MemoryKind::Var, always_atomic)
    }

    /// The same for who knows of which memory it is.
    #[inline(always)]
    pub fn cell_at(&self, index: u32, private: bool, always_atomic: bool) -> Cell<'_> {
        let at = if private { self.var_at(index) } else { self.shared_at(index) };
        Cell::new(self, private, at, always_atomic, u64::from(index))
    }

    #[inline]
    pub fn var_at(&self, index: u32) -> usize {
        VARS_AT + CELL * index as usize
    }

    #[inline]
    pub fn shared_at(&self, index: u32) -> usize {
        self.shared + CELL * index as usize
    }

    /// The heap of the values of `var`s.
    pub fn var_heap(&self) -> Heap<'_> {
        let start = (VARS_AT + CELL * self.room.cells).next_multiple_of(4096);
        let room = self.vars.len().saturating_sub(start);
        Heap::new(&self.vars, 0, start, start + self.options.memory.min(room), true)
    }

    /// Tells the supervisor that something has happened.
    pub fn call_supervisor(&self) {
        let _ = self.bell.write(1);
    }

    /// The same if it asked to be told, or if the last task has ended.
    pub fn call_supervisor_if_needed(&self) {
        use super::arena::run;
        use std::sync::atomic::Ordering::SeqCst;
        if self.arena.run(run::SUPERVISOR_IDLE).load(SeqCst) != 0 || self.arena.run(run::LIVE).load(SeqCst) == 0 {
            self.call_supervisor();
        }
    }

    /// Carries out a task's life. A fault of `conc` itself in it ends the
    /// process, never only a thread that others would wait for, and the run.
    pub fn watched(&self, life: impl FnOnce()) {
        use super::arena::run;
        use std::sync::atomic::Ordering::SeqCst;
        if std::panic::catch_unwind(std::panic::AssertUnwindSafe(life)).is_err() {
            let _ = self.arena.run(run::MACHINE).compare_exchange(0, super::spawn::refused::PANIC, SeqCst, SeqCst);
            self.call_supervisor();
            super::process::end(101);
        }
    }

    /// The number of `main`'s handle: the first after the declared objects.
    pub fn main_task(&self) -> u32 {
        self.room.objects as u32
    }

    pub fn bell(&self) -> &EventFd {
        &self.bell
    }

    /// The field of a record that an object is; none if it is no such one, or of a struct that this
    /// process does not know yet.
    pub fn field_of(&self, id: u32) -> Option<(&'static Struct, &'static Field)> {
        if (id as usize) < self.program.objects.len() || self.arena.object_at(id) == 0 {
            return None;
        }
        let word = |w: usize| self.arena.object(id, w).load(Relaxed);
        if matches!(KINDS[self.arena.kind(id) as usize].word, "task" | "record") || word(object::INFO4) == 0 {
            return None;
        }
        let structure = self.program.get().structs.get(word(object::INFO) as usize)?;
        Some((structure, structure.fields.get(word(object::INFO2) as usize)?))
    }

    /// What reports and `print` call an object.
    pub fn object_name(&self, id: u32) -> String {
        if let Some(decl) = self.program.objects.get(id as usize) {
            return decl.name.clone();
        }
        if self.arena.object_at(id) == 0 {
            return "an object".to_string();
        }
        let word = |w: usize| self.arena.object(id, w).load(Relaxed);
        match KINDS[self.arena.kind(id) as usize].word {
            "task" => self.arena.task_name(id),
            "record" => match self.record_site(id) {
                Some(site) => site,
                None => self.structure_name(word(object::INFO)),
            },
            _ if word(object::INFO4) != 0 => match self.field_of(id) {
                Some((structure, field)) => structure.field_name(field, word(object::INFO3) as u32),
                None => "a field".to_string(),
            },
            _ => match word(object::BORN) {
                0 => "an object".to_string(),
                born => self.program.news.get(born as usize - 1).map_or("an object".to_string(), |n| n.name.clone()),
            },
        }
    }

    /// What tells the objects that there are by now, and the places in them, apart.
    pub fn told_objects(&self) -> Objects {
        let arena = self.arena;
        let made = |id: &u32| arena.object_at(*id) != 0 && arena.kind(*id) != place::task;
        let all = (self.program.objects.len() as u32..arena.objects() as u32).filter(made);
        let all = all.flat_map(|id| {
            let word = |w: usize| arena.object(id, w).load(Relaxed);
            let maker = object::maker(word(object::OPTIONS)).filter(|t| *t != self.main_task());
            let is_record = arena.kind(id) == place::record;
            let name = match word(object::INFO4) {
                field if field != 0 && !is_record => {
                    Called::Field(word(object::INFO), word(object::INFO2), word(object::INFO3))
                }
                _ => Called::Name(self.object_name(id)),
            };
            let places = Made { thing: Thing::Places(id), name: Called::Places(word(object::INFO)), maker };
            std::iter::once(Made { thing: Thing::Object(id), name, maker }).chain(is_record.then_some(places))
        });
        Objects::new(all, |task| Some(super::diagnose::told_name(self, task)))
    }

    /// What reports call an object among all that there are by now.
    pub fn told_object(&self, id: u32) -> String {
        let name = self.object_name(id);
        if (id as usize) < self.program.objects.len() { name } else { self.told_objects().of(Thing::Object(id), name) }
    }

    /// And a place in memory.
    pub fn told_place(&self, key: u64) -> String {
        let (name, _) = self.place_name(key);
        record_of(key).map_or(name.clone(), |record| self.told_objects().of(Thing::Places(record), name))
    }

    /// A process may hear of a record of a struct that it does not know yet.
    fn structure_name(&self, structure: u64) -> String {
        self.program.structs.get(structure as usize).map_or("a record".to_string(), |s| s.name.clone())
    }

    fn record_site(&self, id: u32) -> Option<String> {
        let born = self.arena.object(id, object::BORN).load(Relaxed).checked_sub(1)?;
        let name = &self.program.records.get(born as usize)?.name;
        (!name.starts_with("line ")).then(|| name.clone())
    }

    /// The places of a record's fields in memory, with their names; of a row of them no more
    /// than can be shown.
    pub fn places_of(&self, record: u32) -> impl Iterator<Item = (Place, String)> + '_ {
        let structure = self.arena.object(record, object::INFO).load(Relaxed) as usize;
        let structure = self.program.structs.get(structure);
        structure.into_iter().flat_map(move |structure| {
            structure.fields.iter().flat_map(move |field| {
                let (first, memory) = match field.what {
                    FieldKind::Memory { memory, first, .. } => (first, Some(memory)),
                    FieldKind::Object { .. } => (0, None),
                };
                let count = field.count.unwrap_or(1).min(PLACES_MAX);
                memory.into_iter().flat_map(move |memory| {
                    let place = move |i| Place { home: Home::Record(record), index: first + i, memory };
                    (0..count).map(move |i| (place(i), structure.field_name(field, i)))
                })
            })
        })
    }

    /// The name and the declaration's place of memory, by a cell's key.
    pub fn place_name(&self, key: u64) -> (String, Option<crate::lang::ast::Span>) {
        if record_of(key).is_none() {
            let decl = &self.program.memory[self.program.cells[key as usize] as usize];
            return (self.program.cell_name(key as u32), Some(decl.span));
        }
        let (private, index) = (key >> 62 & 1 == 1, key as u32 & 0xff_ffff);
        let record = record_of(key).unwrap_or_default();
        let structure = &self.program.structs[self.arena.object(record, object::INFO).load(Relaxed) as usize];
        match structure.memory_at(private, index) {
            Some((n, index)) => {
                let field = &structure.fields[n];
                (structure.field_name(field, index), Some(field.span))
            }
            None => (structure.name.clone(), Some(structure.span)),
        }
    }
}

/// Of which some have the same name.
#[derive(PartialEq, Eq, Hash)]
enum Called {
    Name(String),
    /// A field of a struct, and its place in a row.
    Field(u64, u64, u64),
    /// What is in the memory of a struct's record.
    Places(u64),
}

/// The record whose place in memory has a key.
pub fn record_of(key: u64) -> Option<u32> {
    (key >> 63 == 1).then_some((key >> 24) as u32)
}

fn reserve_vars(bytes: usize) -> nix::Result<Memory> {
    match Memory::private(bytes) {
        Err(nix::Error::ENOMEM) if bytes / 2 >= VARS_BYTES_MIN => reserve_vars(bytes / 2),
        result => result,
    }
}

/// Names in what is told of all that there is by now.
pub struct ByToldNames<'i>(pub &'i Image);

impl Names for ByToldNames<'_> {
    fn object(&self, object: ObjRef) -> String {
        if object.kind == place::task { self.0.object_name(object.id) } else { self.0.told_object(object.id) }
    }
    fn function(&self, function: u32) -> String {
        self.0.function(function)
    }
}

impl Names for Image {
    fn object(&self, object: ObjRef) -> String {
        self.object_name(object.id)
    }
    fn function(&self, function: u32) -> String {
        self.program.functions.get(function as usize).map_or("a function".to_string(), |f| f.name.clone())
    }
}
