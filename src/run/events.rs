//! Recording what happens, for pictures: a stretch of memory that all the
//! run's processes share, in which each event takes the next free place. It
//! owns the events' form there and the reading at the end. A run that records
//! nothing has no such memory, and its tasks take the same short ways as ever.

use super::executor::Executor;
use super::futex;
use super::image::{Image, record_of};
use super::memory::Memory;
use crate::detect::event::{Clock, Event, Kind, Recording};
use crate::detect::finding::TaskFacts;
use crate::detect::names::{self, Thing};
use std::collections::HashMap;
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};

/// The most events that are kept.
pub const EVENTS_MAX: usize = 1 << 20;
const WORDS: usize = 8;
/// Words of an event; the time is written last and says that the rest stands.
const TIME: usize = 0;
const WHO: usize = 1;
const OBJECT: usize = 2;
const SITE: usize = 3;
const PEER: usize = 4;
const TEXT: usize = 5;
const TEXT_BYTES: usize = 8 * (WORDS - TEXT);

/// See the head of the file.
pub struct Events {
    memory: Memory,
}

/// What an event is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum About {
    Nothing,
    Object(u32),
    /// A place in memory, by its key.
    Place(u64),
}

impl Events {
    pub fn new() -> nix::Result<Events> {
        Ok(Events { memory: Memory::shared(8 * (1 + WORDS * EVENTS_MAX))? })
    }

    pub(super) fn note(&self, task: u32, kind: Kind, about: About, site: u32, peer: Option<u32>, text: &str) {
        let place = self.memory.word(0).fetch_add(1, Relaxed) as usize;
        if place >= EVENTS_MAX {
            return;
        }
        let base = 8 * (1 + WORDS * place);
        let set = |word: usize, value: u64| self.memory.word(base + 8 * word).store(value, Relaxed);
        set(WHO, u64::from(task) << 8 | kind as u64);
        let (tag, key) = match about {
            About::Nothing => (0, 0),
            About::Object(id) => (1, u64::from(id)),
            About::Place(key) => (2, key),
        };
        // A key has its top bits in use, the tag goes beside the site.
        set(OBJECT, key);
        set(SITE, u64::from(site) << 8 | tag);
        set(PEER, peer.map_or(0, |p| u64::from(p) + 1));
        for (i, bytes) in shortened(text).as_bytes().chunks(8).enumerate() {
            let mut word = [0; 8];
            word[..bytes.len()].copy_from_slice(bytes);
            set(TEXT + i, u64::from_le_bytes(word));
        }
        self.memory.word(base + 8 * TIME).store(futex::now_ns().max(1), Release);
    }

    /// Everything recorded since `began`. All who record have ended. `ids` are
    /// the numbers under which the `tasks` recorded.
    pub fn read(&self, image: &Image, ids: &[u32], tasks: Vec<TaskFacts>, began: u64, end: u64) -> Recording {
        let count = self.memory.word(0).load(Acquire) as usize;
        let places: HashMap<u32, usize> = ids.iter().enumerate().map(|(i, id)| (*id, i)).collect();
        let told = image.told_objects();
        let mut objects = Objects { image, told, names: Vec::new(), known: HashMap::new() };
        let mut events = Vec::new();
        for place in 0..count.min(EVENTS_MAX) {
            let base = 8 * (1 + WORDS * place);
            let time = self.memory.word(base + 8 * TIME).load(Acquire);
            let word = |w: usize| self.memory.word(base + 8 * w).load(Relaxed);
            let task = places.get(&((word(WHO) >> 8) as u32)).copied();
            let kind = Kind::ALL.get((word(WHO) & 0xff) as usize).copied();
            // A process may have been killed while it wrote.
            let (Some(task), Some(kind), true) = (task, kind, time != 0) else { continue };
            let object = match word(SITE) & 0xff {
                1 => Some(objects.place(About::Object(word(OBJECT) as u32))),
                2 => Some(objects.place(About::Place(word(OBJECT)))),
                _ => None,
            };
            let peer = word(PEER).checked_sub(1).and_then(|p| places.get(&(p as u32)).copied());
            let site = image.program.get().spans.get((word(SITE) >> 8) as usize).copied();
            let bytes: Vec<u8> = (TEXT..WORDS).flat_map(|w| word(w).to_le_bytes()).take_while(|b| *b != 0).collect();
            let text = String::from_utf8_lossy(&bytes).into_owned();
            events.push(Event { at: time.saturating_sub(began), task, kind, object, peer, site, text });
        }
        events.sort_by_key(|e| e.at);
        let lost = count.saturating_sub(EVENTS_MAX) as u64;
        let end = end.saturating_sub(began).max(events.last().map_or(0, |e| e.at));
        let processes = processes(&tasks);
        Recording { clock: Clock::Nanoseconds, tasks, processes, objects: objects.names, events, end, lost }
    }
}

/// For each task the first task of its process: of those before it with its
/// pid, which the system may have given again, the last.
fn processes(tasks: &[TaskFacts]) -> Vec<usize> {
    let first = |(n, task): (usize, &TaskFacts)| {
        if task.process { n } else { tasks[..n].iter().rposition(|t| t.process && t.pid == task.pid).unwrap_or(n) }
    };
    tasks.iter().enumerate().map(first).collect()
}

/// The names of what events are about, each once.
struct Objects<'a> {
    image: &'a Image,
    told: names::Objects,
    names: Vec<String>,
    known: HashMap<(u8, u64), usize>,
}

impl Objects<'_> {
    fn place(&mut self, about: About) -> usize {
        let (image, told) = (self.image, &self.told);
        let key = match about {
            About::Place(key) => (2, key),
            About::Object(id) => (1, u64::from(id)),
            About::Nothing => (0, 0),
        };
        *self.known.entry(key).or_insert_with(|| {
            self.names.push(match about {
                About::Place(key) => {
                    let (name, _) = image.place_name(key);
                    record_of(key).map_or(name.clone(), |record| told.of(Thing::Places(record), name))
                }
                About::Object(id) => told.of(Thing::Object(id), image.object_name(id)),
                About::Nothing => String::new(),
            });
            self.names.len() - 1
        })
    }
}

/// As much as an event keeps, whole characters.
fn shortened(text: &str) -> &str {
    let mut end = text.len().min(TEXT_BYTES);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

impl Executor {
    /// Records, if this run does.
    pub(super) fn note(&self, kind: Kind, about: About, text: &str) {
        self.note_with(kind, about, None, text);
    }

    pub(super) fn note_peer(&self, kind: Kind, peer: u32) {
        self.note_with(kind, About::Nothing, Some(peer), "");
    }

    fn note_with(&self, kind: Kind, about: About, peer: Option<u32>, text: &str) {
        if let Some(events) = &self.image.events
            && !self.outside
        {
            events.note(self.task, kind, about, self.site, peer, text);
        }
    }

    /// Whether what happens is recorded.
    pub(super) fn records(&self) -> bool {
        self.image.events.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_cut_at_whole_characters() {
        assert_eq!(shortened("short"), "short");
        assert_eq!(shortened("aéééééééééééééé"), "aééééééééééé");
        assert!(shortened(&"x".repeat(99)).len() == TEXT_BYTES);
    }
}
