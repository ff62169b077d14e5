//! The handles of threads and processes: made with what is known of a task, and given back
//! when it has ended and nobody can reach them. It owns who has a share in a handle, and
//! what the end of a run tells of those that are gone.
//!
//! A handle has three kinds of shares: that of its task until that has told its end, that
//! of whoever made it until it is neither on his stack nor left for `join all`, and one for
//! each task that it has made and whose handle is there, for that one says who made it. Who
//! gives up the last one gives the handle back.
//!
//! Reports tell tasks apart, and of a few all is told of each. So of each place in the
//! source the first handles stay, and the later ones are given back: their facts are the
//! same but for the numbers that the system gave them. What the end of the run tells of
//! them is counted in a *tally*. Whom a finding names stays, from the moment it is found.
//!
//! A record of an access may name a task whose number is another's by now. It says too at
//! which clock of which slot the access was, and no two tasks have had that: so the record
//! is of the task of that number if that has had the slot since before (`is_same`).

use super::arena::{Arena, ending, facts, flag, object, process, run, slot};
use super::clock;
use super::codec;
use super::collect::{self, GIVEN, PUBLISHED, STANDS_FOR, TAKEN, Whole};
use super::executor::Executor;
use super::finish::has_ended;
use super::guard;
use super::heap::OutOfMemory;
use super::process::Child;
use super::spawn::{Birth, Name};
use crate::objects::{self, task};
use crate::program::value::ObjRef;
use std::collections::HashSet;
use std::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, SeqCst};

/// So many of each place in the source stay.
pub const KEPT: u64 = 64;

/// Of a new handle: its task has one, and whoever made it.
const BORN_WITH: u64 = 2;
/// It has not begun.
const NEVER: u64 = u64::MAX;

/// A handle with its facts, for a task or a job.
pub fn make_handle(
    arena: &Arena,
    birth: &Birth,
    site: Option<u32>,
    spawner: u32,
    holder: u32,
) -> Result<u32, OutOfMemory> {
    let id = arena.reserve_objects(1)?;
    let block = arena.heap().allocate(8 * facts::COUNT, holder)?;
    arena.at(block + 8 * facts::FLAGS).store(0, Relaxed);
    fill_facts(arena, block, birth, (site, spawner), holder)?;
    arena.make_object(id, objects::place::task, [0; objects::WORDS], 0, holder)?;
    arena.object(id, object::BEGAN).store(NEVER, Relaxed);
    arena.object(id, object::INFO).store(block as u64, SeqCst);
    Ok(id)
}

/// The handle of a job, of that number, and its facts in that block.
pub fn fill_handle(
    arena: &Arena,
    (id, block): (u32, usize),
    birth: &Birth,
    origin: (Option<u32>, u32),
    holder: u32,
) -> Result<(), OutOfMemory> {
    fill_facts(arena, block, birth, origin, holder)?;
    arena.make_object(id, objects::place::task, [0; objects::WORDS], 0, holder)?;
    arena.object(id, object::INFO).store(block as u64, SeqCst);
    Ok(())
}

fn fill_facts(
    arena: &Arena,
    block: usize,
    birth: &Birth,
    (site, spawner): (Option<u32>, u32),
    holder: u32,
) -> Result<(), OutOfMemory> {
    let (name, flags) = match &birth.name {
        Name::Own { text, numbered } => {
            let number = if *numbered { flag::NUMBERED } else { 0 };
            (own_name(arena, block, text, holder)? as u64, flag::OWN_NAME | number)
        }
        Name::Shared { block, numbered, .. } => (*block, if *numbered { flag::NUMBERED } else { 0 }),
    };
    for i in 0..facts::COUNT {
        arena.at(block + 8 * i).store(0, Relaxed);
    }
    let words = [
        (facts::NAME, name),
        (facts::SPAWNER, u64::from(spawner)),
        (facts::SITE, site.map_or(0, |s| u64::from(s) + 1)),
        (facts::FLAGS, birth.flags | flags),
        (facts::PROCESS, birth.process as u64),
        (facts::FUNCTION, u64::from(birth.function)),
        (facts::INDEX, u64::from(birth.index)),
        (facts::NUMBER, arena.run(run::BIRTHS).fetch_add(1, SeqCst)),
    ];
    for (word, value) in words {
        arena.at(block + 8 * word).store(value, Relaxed);
    }
    Ok(())
}

/// The name of a task that no other has. One that has room in the block of who had the
/// number before goes there: whoever reads that finds a name, and blocks do not add up.
fn own_name(arena: &Arena, facts: usize, text: &str, holder: u32) -> Result<usize, OutOfMemory> {
    let word = |w: usize| arena.at(facts + 8 * w).load(Relaxed);
    let old = word(facts::NAME) as usize;
    if word(facts::FLAGS) & flag::OWN_NAME != 0 && old != 0 && codec::replace_bytes(old, text.as_bytes(), arena.heap())
    {
        return Ok(old);
    }
    codec::store_bytes(text.as_bytes(), arena.heap(), holder)
}

/// Whether it was this task, and none that had its number before, that was in that slot at
/// that clock.
pub fn is_same(arena: &Arena, task: u32, slot: usize, clock: u64) -> bool {
    let began = arena.object(task, object::BEGAN).load(SeqCst);
    began != NEVER && began <= clock && arena.facts(task, facts::SLOT).load(SeqCst) as usize == slot
}

/// A finding names the task of that number, which stays. Whether it is still, and is not
/// about to be another.
pub fn keep(arena: &Arena, task: u32) -> bool {
    arena.object(task, object::SHARED).fetch_or(PUBLISHED, SeqCst) & TAKEN == 0
}

/// What the number of a task was another's before, by its place in the order of birth plus
/// one; 0 for the first one.
pub fn life(arena: &Arena, task: u32) -> u64 {
    match arena.object_at(task) {
        0 => 0,
        at => arena.at(at + 8 * object::LIFE).load(Relaxed),
    }
}

/// Whether nobody has the handle, of a task or a job.
pub fn is_given_back(arena: &Arena, task: u32) -> bool {
    arena.object(task, object::SHARED).load(SeqCst) & GIVEN != 0
}

// ------------------------------------------------------------------ what is told

/// So many words a tally has: the next one, whose it is, how many, who stands for them.
mod tally {
    pub const NEXT: usize = 0;
    pub const SITE: usize = 8;
    pub const HOW: usize = 16;
    pub const CODE: usize = 24;
    pub const COUNT: usize = 32;
    pub const TASK: usize = 40;
    pub const BYTES: usize = 48;
    /// In `HOW`, above the way of its end: of those whose result nobody asked for.
    pub const UNJOINED: u64 = 1 << 8;
}

/// Tasks that are gone and of which the same is to be told.
pub struct Tally {
    /// As the facts of a task have them.
    pub site: u64,
    pub ending: u64,
    pub code: u64,
    pub count: u64,
}

fn tallies(arena: &Arena) -> impl Iterator<Item = usize> + '_ {
    let next = |at: usize| Some(arena.at(at).load(Acquire) as usize).filter(|at| *at != 0);
    let first = Some(arena.run(run::TALLIES).load(Acquire) as usize).filter(|at| *at != 0);
    std::iter::successors(first, move |at| next(*at + tally::NEXT))
}

/// All tallies, but of what stands for others itself.
pub fn gone(arena: &Arena) -> Vec<Tally> {
    let tally_at = |at: usize| {
        let word = |w: usize| arena.at(at + w).load(Relaxed);
        let (site, ending, code, count) = (word(tally::SITE), word(tally::HOW), word(tally::CODE), word(tally::COUNT));
        (count > 0).then_some(Tally { site, ending, code, count })
    };
    let mut all: Vec<Tally> = tallies(arena).filter_map(tally_at).collect();
    all.sort_by_key(|t| (t.site, t.ending, t.code));
    all
}

/// The tally with these words. Two tasks may make it at once: then there are two.
fn tally_of(arena: &Arena, words: [u64; 3], holder: u32) -> Option<usize> {
    let has = |at: &usize| {
        [tally::SITE, tally::HOW, tally::CODE].into_iter().zip(words).all(|(w, v)| arena.at(at + w).load(Relaxed) == v)
    };
    if let Some(known) = tallies(arena).find(has) {
        return Some(known);
    }
    let new = arena.heap().allocate(tally::BYTES, holder).ok()?;
    (0..tally::BYTES).step_by(8).for_each(|w| arena.at(new + w).store(0, Relaxed));
    for (w, value) in [tally::SITE, tally::HOW, tally::CODE].into_iter().zip(words) {
        arena.at(new + w).store(value, Relaxed);
    }
    let head = arena.run(run::TALLIES);
    let mut seen = head.load(Acquire);
    loop {
        arena.at(new + tally::NEXT).store(seen, Relaxed);
        match head.compare_exchange_weak(seen, new as u64, AcqRel, Acquire) {
            Ok(_) => return Some(new),
            Err(now) => seen = now,
        }
    }
}

impl Executor {
    // -------------------------------------------------------------------- births

    /// The handle of a new task of the script, made at that place.
    pub(super) fn make_task(&mut self, birth: &Birth, site: Option<u32>) -> Result<u32, OutOfMemory> {
        let arena = self.arena;
        let Some(place) = site.filter(|_| self.possession.has_tasks()) else {
            let id = make_handle(arena, birth, site, self.task, self.holder)?;
            arena.object(id, object::SHARED).store(BORN_WITH | PUBLISHED, SeqCst);
            return Ok(id);
        };
        let order = arena.count_birth(collect::counter_of_tasks(self.program, place));
        let free = if order < KEPT { None } else { self.take_free_handle(place) };
        let id = match free {
            Some(id) => {
                self.fill_again(id, birth, site)?;
                id
            }
            None => make_handle(arena, birth, site, self.task, self.holder)?,
        };
        arena.object(id, object::ORDER).store(order, Relaxed);
        let stays = if order < KEPT { PUBLISHED } else { 0 };
        arena.object(id, object::SHARED).store(BORN_WITH | stays, SeqCst);
        self.add_share_of_maker();
        if order >= KEPT {
            self.possession.add_task(id);
        }
        Ok(id)
    }

    /// One more handle says that this task has made it.
    pub(super) fn add_share_of_maker(&self) {
        let own = ObjRef { id: self.task, kind: objects::place::task };
        if self.is_counted(own) {
            self.arena.object(self.task, object::SHARED).fetch_add(1, SeqCst);
        }
    }

    /// A number of tasks of that place that no finding has named meanwhile.
    fn take_free_handle(&self, place: u32) -> Option<u32> {
        let list = collect::list_of_tasks(self.program, place);
        loop {
            let id = self.arena.take_free(list)?;
            let take = |shares: u64| (shares & PUBLISHED == 0).then_some(shares | TAKEN);
            if self.arena.object(id, object::SHARED).fetch_update(SeqCst, SeqCst, take).is_ok() {
                return Some(id);
            }
        }
    }

    /// The words of a handle that is free. Somebody may look there late, so it stays one, and
    /// its guard is a guard.
    fn fill_again(&self, id: u32, birth: &Birth, site: Option<u32>) -> Result<(), OutOfMemory> {
        let arena = self.arena;
        let (guard, version) = arena.guard(id);
        guard::spin_lock(guard, self.holder);
        arena.object(id, object::BEGAN).store(NEVER, SeqCst);
        let block = arena.object(id, object::INFO).load(Relaxed) as usize;
        // It is another's before it says that it runs.
        let filled = fill_facts(arena, block, birth, (site, self.task), self.holder);
        let number = arena.facts(id, facts::NUMBER).load(SeqCst);
        let kept = [object::GUARD, object::KIND, object::INFO, object::SHARED, object::BEGAN];
        for word in (0..object::COUNT).filter(|word| !kept.contains(word)) {
            arena.object(id, word).store(0, SeqCst);
        }
        arena.object(id, object::LIFE).store(number + 1, Relaxed);
        version.fetch_add(1, SeqCst);
        guard.store(0, SeqCst);
        filled
    }

    // -------------------------------------------------------------------- shares

    /// The task has told its end, and has come to no more. From here on its handle may be
    /// another's. A process is at its end too, and has each page that it uses given anew: so
    /// it does no more than it must.
    pub(super) fn let_go_of_self(&mut self) {
        let own = ObjRef { id: self.task, kind: objects::place::task };
        let shares = self.arena.object(self.task, object::SHARED);
        if !self.is_counted(own) || shares.load(SeqCst) & PUBLISHED != 0 {
            return;
        }
        if self.slot_word(slot::HELD_COUNT).load(Relaxed) != 0 {
            // As long as it holds something it is told of.
            shares.fetch_or(PUBLISHED, SeqCst);
            return;
        }
        self.slot_word(slot::FLAGS).fetch_or(flag::TOLD, SeqCst);
        let first = self.arena.process(self.slot_word(slot::PROCESS).load(Relaxed) as usize, process::TASK);
        if first.load(SeqCst) == u64::from(self.task) + 1 {
            first.fetch_or(process::TOLD, SeqCst);
        }
        if shares.fetch_sub(1, AcqRel) & (collect::SHARES | PUBLISHED) == 1 {
            self.give_back_handles(self.task);
        }
    }

    /// A share for who looks at a child of its process without having its handle: whether
    /// the child's handle is its own still. It stays so until `give_up_handle`, since nobody
    /// who has given up the last share is followed by another one.
    pub(super) fn hold_child(&mut self, child: &Child) -> bool {
        if !self.is_counted(child.task) {
            return true;
        }
        // One that stays has the shares that it had by then.
        let more = |shares: u64| if shares & PUBLISHED == 0 { 1 } else { 0 };
        let one_more = |shares: u64| (shares & collect::SHARES != 0).then(|| shares + more(shares));
        let held = self.arena.object(child.task.id, object::SHARED).fetch_update(SeqCst, SeqCst, one_more).is_ok();
        if held && !child.is_there(self.arena) {
            // It is of who has the number now.
            self.give_up_handle(child.task.id);
            return false;
        }
        held
    }

    /// What was made by this task and is not on its stack. `ends`: it comes to an end itself.
    pub(super) fn let_go_of_tasks(&mut self, tasks: Vec<u32>, ends: bool) {
        if tasks.is_empty() {
            return;
        }
        let unsettled: HashSet<u32> = {
            let family = self.home.family();
            let processes = family.children.iter().filter(|c| c.process.is_some() && !c.settled);
            processes.map(|c| c.task.id).collect()
        };
        let wanted: HashSet<u32> = self.spawned.iter().map(|handle| handle.id).collect();
        let (mut joined, mut given_up) = (HashSet::new(), Vec::new());
        for id in tasks {
            if self.is_published(id) {
                continue;
            }
            let waited_for = unsettled.contains(&id);
            if ends && waited_for && is_forked(self.arena, id) {
                // By any thread of the process, or its end tells of it.
                keep(self.arena, id);
                continue;
            }
            let stays = !has_ended(self.arena, id) || waited_for;
            if !ends && (stays || wanted.contains(&id) && self.is_told_by_join_all(id)) {
                self.possession.add_task(id);
                continue;
            }
            if !ends && wanted.contains(&id) {
                joined.insert(id);
                if self.detect {
                    let clock = self.arena.object(id, object::CLOCK);
                    let added = clock::add(self.arena, clock, &self.past, self.holder);
                    self.check_memory(added);
                }
            }
            given_up.push(id);
        }
        if !joined.is_empty() {
            self.spawned.retain(|handle| !joined.contains(&handle.id));
        }
        given_up.into_iter().for_each(|id| self.give_up_handle(id));
    }

    /// Of a task that `join all` would ask for its result: whether it stands for others to
    /// be asked then. Any other is, by the one that stands for it.
    fn is_told_by_join_all(&mut self, id: u32) -> bool {
        let arena = self.arena;
        if !has_result_unasked(arena, id) {
            return false;
        }
        let key = (arena.facts(id, facts::SITE).load(Relaxed), arena.facts(id, facts::FUNCTION).load(Relaxed));
        let other = *self.possession.unasked.entry(key).or_insert(id);
        if other == id {
            return true;
        }
        let count = collect::stands_for(arena, id);
        arena.object(other, object::SHARED).fetch_add(count << STANDS_FOR, SeqCst);
        arena.object(id, object::WORD + task::JOINED).store(1, SeqCst);
        false
    }

    /// `join all` comes after those too whose handles are gone.
    pub(super) fn join_past(&mut self) {
        if self.past.load(Relaxed) != 0 {
            self.clock().acquire(&self.past);
        }
    }

    /// It has joined all that there were.
    pub(super) fn joined_all(&mut self) {
        self.spawned.clear();
        self.possession.unasked.clear();
        clock::give_back(self.arena, &self.past, self.holder);
    }

    /// One share less; who has none is given back. No guard may be held.
    pub(super) fn give_up_handle(&mut self, id: u32) {
        if self.was_last(id) {
            self.give_back_handles(id);
        }
    }

    /// One share less; whether it was the last one.
    fn was_last(&self, id: u32) -> bool {
        let counted = self.is_counted(ObjRef { id, kind: objects::place::task });
        let shares = self.arena.object(id, object::SHARED);
        counted
            && shares.load(SeqCst) & PUBLISHED == 0
            && shares.fetch_sub(1, AcqRel) & (collect::SHARES | PUBLISHED) == 1
    }

    /// Nobody has it, and its maker has one share less; and so on.
    #[cold]
    fn give_back_handles(&mut self, id: u32) {
        let (mut next, mut given_up) = (Some(id), Vec::new());
        while let Some(maker) = next.and_then(|id| self.give_back_handle(id, &mut given_up)) {
            next = self.was_last(maker).then_some(maker);
        }
        given_up.into_iter().for_each(|other| self.give_up_share(other));
    }

    /// Who made it.
    fn give_back_handle(&mut self, id: u32, given_up: &mut Vec<u32>) -> Option<u32> {
        let arena = self.arena;
        let fact = |w: usize| arena.facts(id, w).load(SeqCst);
        let site = fact(facts::SITE).checked_sub(1)?;
        if arena.object(id, object::HEAD).load(SeqCst) != 0 || !self.is_tallied(id) {
            keep(arena, id);
            return None;
        }
        let spawner = fact(facts::SPAWNER) as u32;
        self.free_values(id, given_up);
        arena.object(id, object::SHARED).fetch_or(GIVEN, SeqCst);
        arena.give_free(collect::list_of_tasks(self.program, site as u32), id);
        Some(spawner)
    }

    /// Whether the end of the run tells of it without it.
    fn is_tallied(&self, id: u32) -> bool {
        let (arena, holder) = (self.arena, self.holder);
        let fact = |w: usize| arena.facts(id, w).load(SeqCst);
        let (site, how) = (fact(facts::SITE), fact(facts::ENDING));
        if has_result_unasked(arena, id) {
            let words = [site, how | tally::UNJOINED, fact(facts::FUNCTION)];
            let Some(at) = tally_of(arena, words, holder) else { return false };
            let other = arena.at(at + tally::TASK);
            match other.compare_exchange(0, u64::from(id) + 1, SeqCst, SeqCst) {
                // It stands for those to come.
                Ok(_) => return false,
                Err(other) => {
                    let count = collect::stands_for(arena, id);
                    arena.object(other as u32 - 1, object::SHARED).fetch_add(count << STANDS_FOR, SeqCst);
                }
            }
        }
        let Some(at) = tally_of(arena, [site, how, fact(facts::ENDING_CODE)], holder) else { return false };
        // The first one that has not returned stays: it may be why others wait.
        let first = arena.at(at + tally::TASK);
        if how != ending::RETURNED && first.compare_exchange(0, u64::from(id) + 1, SeqCst, SeqCst).is_ok() {
            return false;
        }
        arena.at(at + tally::COUNT).fetch_add(1, Relaxed);
        true
    }

    /// What is left to `collect`: those of a task that are on its stack or not.
    pub(super) fn tasks_as_wholes(&mut self) -> Vec<Whole> {
        std::mem::take(&mut self.possession.tasks).into_iter().map(Whole::task).collect()
    }
}

fn has_result_unasked(arena: &Arena, id: u32) -> bool {
    let word = |w: usize| arena.object(id, w).load(SeqCst);
    let returned = arena.facts(id, facts::ENDING).load(SeqCst) == ending::RETURNED;
    returned && word(object::RING_LEN) > 0 && word(object::WORD + task::JOINED) == 0
}

/// Whether it is the first task of a process that was forked: no script has its handle.
pub fn is_forked(arena: &Arena, id: u32) -> bool {
    let fact = |w: usize| arena.facts(id, w).load(Relaxed);
    let kind = arena.process(fact(facts::PROCESS) as usize, process::KIND).load(Relaxed);
    fact(facts::FLAGS) & flag::PROCESS != 0 && kind == process::FORKED
}
