//! Recording what a free run does, for who holds it against the model: each
//! turn with its answer, under a number that is taken while the guard of what
//! it is about is held. It owns the table of entries in the arena and when an
//! entry is made; what entries mean, `detect::trace` says.
//!
//! The numbers are an order in which the turns could have come one after the
//! other: of two that concern the same object or cell the later one has the
//! higher number, for both took it under the same guard; who completes the wait of
//! another, which may wait for objects that are not guarded too, took it before that.
//! An operation's entry is put down as a change of a word like its others, so a
//! process that is killed in the middle leaves both or neither; a write to memory takes
//! effect by itself, and its entry says that it is unsure until it is done.

use super::arena::{Arena, facts, run};
use super::codec;
use super::executor::Executor;
use super::image::Image;
use super::wait::Pending;
use crate::detect::trace::{Came, Deed, Entry, Turn, What, is_told};
use crate::objects::{self, KINDS, pool, task};
use crate::program::value::{ObjRef, Value};
use std::sync::atomic::Ordering::{Relaxed, SeqCst};

/// A block is aligned, so the lowest bit is free to say that its entry is
/// unsure.
const UNSURE: u64 = 1;

/// A task's part in it.
#[derive(Default)]
pub(super) struct Tracing {
    pub on: bool,
    turn: Turn,
    /// The number of the turn under way, if it had to be taken before its end.
    number: Option<usize>,
    /// Where the `atomically` or the look of an `await` under way began: up to
    /// its end all is one turn.
    pub block: Option<u32>,
    /// The step under way has an entry.
    pub told: bool,
    /// The numbers of the arms that it waits in.
    pub arms: Vec<u32>,
    /// The next `finish` of a handle is a turn of this task.
    pub ends: bool,
    /// That there will be no more jobs is told by the worker's leaving.
    leaves: bool,
    /// The process ends; what it waits for meanwhile is a part of that.
    pub quiet: bool,
}

impl Tracing {
    pub(super) fn new(on: bool) -> Tracing {
        Tracing { on, told: true, ..Tracing::default() }
    }
}

/// Room for so many entries.
pub fn prepare(image: &Image) -> Result<(), super::heap::OutOfMemory> {
    let arena = image.arena;
    if image.options.trace > 0 {
        let table = arena.heap().allocate(8 * image.options.trace, 1)?;
        arena.run(run::TRACE).store(table as u64, SeqCst);
    }
    Ok(())
}

/// What was recorded, in order, and whether that is all.
pub fn recorded(image: &Image) -> (Vec<Entry>, bool) {
    let arena = image.arena;
    let table = arena.run(run::TRACE).load(SeqCst) as usize;
    let count = arena.run(run::TRACE_NEXT).load(SeqCst) as usize;
    let read = |i: usize| {
        let word = arena.at(table + 8 * i).load(SeqCst);
        let block = (word & !UNSURE) as usize;
        let entry: Option<Entry> =
            if block == 0 { None } else { serde_json::from_slice(&codec::load_bytes(block, arena.heap())).ok() };
        entry.map(|e| Entry { unsure: word & UNSURE != 0, ..e })
    };
    let most = count.min(image.options.trace);
    ((0..most).filter_map(read).collect(), count <= most)
}

fn number_of(arena: &Arena, task: u32) -> u32 {
    arena.facts(task, facts::NUMBER).load(SeqCst) as u32
}

/// Where an entry stands that is unsure.
#[derive(Clone, Copy)]
pub(super) struct Unsure(usize);

impl Executor {
    #[inline]
    pub(super) fn traces(&self) -> bool {
        self.trace.on && !self.outside && !self.supervising && !self.trace.quiet
    }

    /// A place in the table, and the block to stand there.
    fn entry(&mut self, what: What) -> Option<(usize, u64)> {
        let kept = if matches!(what, What::Turn(_)) { self.trace.number.take() } else { None };
        let number = kept.unwrap_or_else(|| self.next_number());
        let entry = Entry { task: number_of(self.arena, self.task), what, unsure: false };
        let bytes = serde_json::to_vec(&entry).unwrap_or_default();
        if number >= self.image.options.trace {
            return None;
        }
        match codec::store_bytes(&bytes, self.arena.heap(), self.holder) {
            Ok(block) => Some((self.arena.run(run::TRACE).load(Relaxed) as usize + 8 * number, block as u64)),
            Err(e) => {
                self.check_memory(Err(e));
                None
            }
        }
    }

    fn next_number(&self) -> usize {
        self.arena.run(run::TRACE_NEXT).fetch_add(1, SeqCst) as usize
    }

    /// Before another task's wait is completed, by winning it: it may wait for other
    /// objects as well, which are not guarded, and who finds there that it waits no more
    /// comes later. If nobody is won, the turn comes when it is over.
    pub(super) fn trace_wins(&mut self, tries: bool) {
        if self.traces() {
            self.trace.number = (tries && self.trace.block.is_none()).then(|| self.next_number());
        }
    }

    /// The turn up to here; none if it goes on.
    fn take_turn(&mut self, site: Option<u32>) -> Option<Turn> {
        if self.trace.block.is_some() {
            return None;
        }
        self.trace.told = true;
        Some(Turn { site, ..std::mem::take(&mut self.trace.turn) })
    }

    fn own_site(&self) -> Option<u32> {
        (self.site != super::spawn::NOWHERE).then_some(self.site)
    }

    fn put_down(&mut self, turn: Option<Turn>) {
        if let Some((at, block)) = turn.and_then(|t| self.entry(What::Turn(t))) {
            self.arena.at(at).store(block, SeqCst);
        }
    }

    /// A turn of which nothing is to be said but that it came.
    pub(super) fn trace_turn(&mut self) {
        if self.traces() {
            let turn = self.take_turn(self.own_site());
            self.put_down(turn);
        }
    }

    /// The same for a step that has no entry yet.
    pub(super) fn trace_rest(&mut self) {
        if !self.trace.told {
            self.trace_turn();
        }
    }

    /// The same before a fork, which does not come if the process is killed first: it is
    /// unsure until `traced`.
    pub(super) fn trace_fork(&mut self) -> Option<Unsure> {
        if self.trace.told || !self.traces() {
            return None;
        }
        let turn = self.take_turn(self.own_site())?;
        let (at, block) = self.entry(What::Turn(turn))?;
        self.arena.at(at).store(block | UNSURE, SeqCst);
        Some(Unsure(at))
    }

    pub(super) fn trace_note(&mut self, what: What) {
        if self.traces()
            && let Some((at, block)) = self.entry(what)
        {
            self.arena.at(at).store(block, SeqCst);
        }
    }

    pub(super) fn trace_born(&mut self, child: u32) {
        if self.traces() {
            self.trace_note(What::Born(number_of(self.arena, child)));
        }
    }

    // ------------------------------------------------------------------ memory

    /// The cell's guard is held. A write is unsure until `traced`.
    #[inline]
    pub(super) fn trace_access(&mut self, key: u64, write: bool, value: &Value) -> Option<Unsure> {
        if self.traces() { self.trace_reached(key, write, value) } else { None }
    }

    #[cold]
    fn trace_reached(&mut self, key: u64, write: bool, value: &Value) -> Option<Unsure> {
        let (name, value) = (self.image.place_name(key).0, self.shown(value));
        self.trace.turn.deeds.push(Deed::Reached { name, write, value });
        let turn = self.take_turn(self.own_site())?;
        let (at, block) = self.entry(What::Turn(turn))?;
        self.arena.at(at).store(block | if write { UNSURE } else { 0 }, SeqCst);
        write.then_some(Unsure(at))
    }

    #[inline]
    pub(super) fn traced(&self, unsure: Option<Unsure>) {
        if let Some(Unsure(at)) = unsure {
            self.arena.at(at).fetch_and(!UNSURE, SeqCst);
        }
    }

    // -------------------------------------------------------------- operations

    /// All that the operation is about is guarded, and it is not let go of yet.
    #[inline]
    pub(super) fn trace_operated(&mut self, target: ObjRef, method: u8, came: impl FnOnce(&Self) -> Came) {
        if self.traces() {
            self.trace_operation(target, method, came);
        }
    }

    #[cold]
    fn trace_operation(&mut self, target: ObjRef, method: u8, came: impl FnOnce(&Self) -> Came) {
        if !is_told(target.kind, method) {
            return self.trace_part(target, method);
        }
        let came = came(self);
        let takes = target.kind == objects::place::pool && method == pool::TAKE;
        let over = takes && came == Came::Done("none".to_string());
        // Jobs are named as they are submitted.
        let came = if takes && !over { Came::Done("a job".to_string()) } else { came };
        let name = KINDS[target.kind as usize].methods[method as usize].name;
        let object = self.image.object_name(target.id);
        self.trace.turn.deeds.push(Deed::Operated { object, method: name.to_string(), came });
        if over {
            // That stays so: the worker's leaving is in the same turn.
            self.trace.leaves = true;
        } else {
            self.trace_change();
        }
    }

    /// The same for one arm of a wait, if it is a `select`'s with its number.
    pub(super) fn trace_arm(
        &mut self,
        number: Option<u32>,
        target: ObjRef,
        method: u8,
        came: impl FnOnce(&Self) -> Came,
    ) {
        if self.traces() {
            self.trace.turn.arms.extend(number);
            self.trace_operated(target, method, came);
        }
    }

    /// It has been put into the lists of what it waits for. That is a turn if
    /// it matters to others.
    pub(super) fn trace_arrival(&mut self, pending: &[Pending]) {
        let matters = |p: &Pending| objects::arrival_matters(p.target.kind, self.object_word(p.target.id, 0));
        if self.traces() && pending.iter().any(matters) {
            self.trace_waited(pending, Came::Waits);
        }
    }

    /// Its time is over, and it is out of the lists.
    pub(super) fn trace_time_out(&mut self, pending: &[Pending]) {
        if self.traces() {
            self.trace_waited(pending, Came::TimeOut);
        }
    }

    fn trace_waited(&mut self, pending: &[Pending], came: Came) {
        if let Some(Pending { target, method, .. }) = pending.first() {
            let object = self.image.object_name(target.id);
            let method = KINDS[target.kind as usize].methods[*method as usize].name.to_string();
            self.trace.turn.deeds.push(Deed::Operated { object, method, came });
        }
        self.trace_change();
    }

    /// What is the last of a turn that began elsewhere.
    fn trace_part(&mut self, target: ObjRef, method: u8) {
        let finishes = target.kind == objects::place::task && method == task::FINISH && self.trace.ends;
        let leaves = target.kind == objects::place::pool && method == pool::LEAVE && self.trace.leaves;
        if !finishes && !leaves {
            return;
        }
        (self.trace.ends, self.trace.leaves) = (false, false);
        let turn = Turn { site: None, ..std::mem::take(&mut self.trace.turn) };
        self.trace.told = true;
        if let Some((at, block)) = self.entry(What::Turn(turn)) {
            self.change(at, block);
        }
    }

    /// A turn on objects, whose changes are taken back together.
    pub(super) fn trace_change(&mut self) {
        if self.traces()
            && let Some(turn) = self.take_turn(self.own_site())
            && let Some((at, block)) = self.entry(What::Turn(turn))
        {
            self.change(at, block);
        }
    }

    /// Another task's wait is completed, or moved on.
    pub(super) fn trace_pick(&mut self, node: usize) {
        if self.traces() {
            self.trace.turn.picks.push(self.pick_of(node));
        }
    }

    /// Does something about a task while nobody can tell its end.
    pub(super) fn traced_with<T>(&mut self, target: ObjRef, f: impl FnOnce(&mut Self) -> T) -> T {
        if !self.traces() {
            return f(self);
        }
        self.guard(target.id);
        self.trace_change();
        let result = f(self);
        self.unguard();
        result
    }

    /// The same for what ends the task; its own process at once, so that nothing of the turn
    /// must be taken back then.
    pub(super) fn traced_signal<T>(&mut self, target: ObjRef, f: impl FnOnce(&mut Self) -> T) -> T {
        if !self.traces() || !self.is_own_process(target) {
            return self.traced_with(target, f);
        }
        // Before the guard, which somebody within a block may want.
        let holds_off = self.may_hold_off();
        if holds_off {
            self.take_gate(false);
        }
        self.guard(target.id);
        self.trace_block_end();
        self.trace_rest();
        let result = f(self);
        self.unguard();
        if holds_off {
            self.leave_gate(false);
        }
        result
    }

    // ------------------------------------------------------------------ blocks

    /// From here on all is one turn. Others are held off.
    pub(super) fn trace_block(&mut self) {
        if self.traces() {
            self.trace.told = true;
            self.trace.block = self.trace.block.or(Some(self.site));
        }
    }

    /// Up to here; others are held off still.
    pub(super) fn trace_block_end(&mut self) {
        if let Some(site) = self.trace.block.take() {
            let turn = self.take_turn(Some(site));
            self.put_down(turn);
        }
    }

    /// The look came to nothing, and has changed nothing.
    pub(super) fn trace_forget(&mut self) {
        self.trace.turn = Turn::default();
    }
}
