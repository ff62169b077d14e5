//! Random walks over the states of a script. It owns the states that walks have
//! met, as a graph that grows with them: where a walk goes the way of two earlier
//! ones, a step is a look at an edge. Beyond the memory for the graph, walks go
//! on from row to row with the explorer's memo alone. Who goes next, a policy
//! says.

use super::draw::Draw;
use super::policy::Policy;
use super::several::{SEVERAL, Who};
use crate::check::Stop;
use crate::check::explore::{Explorer, Found1};
use crate::check::memo::Leaf;
use crate::check::part::{PartId, PartIx};
use crate::check::store::Row;
use crate::check::turn::{Mover, Turn};
use hashbrown::HashTable;
use std::hash::BuildHasher;
use std::rc::Rc;

/// An actor with more ways than this has them drawn one by one.
pub(super) const WAYS_MAX: usize = 32;
/// After so many transitions in a row that are nobody else's affair the others
/// have a chance as well: whoever goes round by itself must not end the walk.
const ALONE_MAX: u32 = 1_000;
/// Off the graph: who has gone on alone for so long is taken to go round.
const STREAK_MAX: u32 = 500;

/// After so many transitions in a row to states where the walk has been it is
/// taken to go round for ever: a task that goes on out of a circle, if there is
/// one, has had its turn many times.
const ROUND_MAX: u32 = 1_024;

const UNKNOWN: u32 = u32::MAX;
/// In a trace, in place of a state: the turn is kept by itself.
const OWN: u32 = u32::MAX;

/// Somebody who can go on.
pub struct Candidate {
    pub actor: PartIx,
    pub mover: Mover,
    pub part: PartId,
    from: u32,
    to: u32,
    /// All its ways are there.
    whole: bool,
}

/// What can be done in a state.
#[derive(Default)]
pub struct Fan {
    pub out: Vec<(Turn, Rc<Leaf>)>,
    pub candidates: Vec<Candidate>,
    /// It is of one actor whose next step is nobody else's affair.
    alone: bool,
}

impl Fan {
    pub(super) fn clear(&mut self) {
        self.out.clear();
        self.candidates.clear();
        self.alone = false;
    }

    /// What the candidate does on its first way.
    pub fn leaf(&self, candidate: &Candidate) -> &Rc<Leaf> {
        &self.out[candidate.from as usize].1
    }
}

struct Node {
    row: Row,
    fan: Option<Fan>,
    next: Vec<u32>,
    outcome: Option<usize>,
    /// The last walk that was here; 0 if none was.
    walk: u32,
}

/// After so many transitions, or looks at who might make one, it is asked whether to go on.
pub const WORK: u64 = 1 << 12;
const LOOKS: u64 = 1 << 14;
/// Going through so many places of a row takes as long as a look.
pub(super) const PARTS_A_LOOK: u64 = 8;

/// How a walk came to its end.
pub struct Walked {
    /// Its outcome's place; none if it was cut, or there are too many.
    pub outcome: Option<usize>,
    pub steps: u64,
    /// It reached the limit of steps, or went round, or was stopped from outside.
    pub cut: bool,
    /// Why it was stopped.
    pub stop: Option<Stop>,
}

/// Something that the explorer has found for the first time.
pub struct Fresh {
    /// The place in `Explorer::found`.
    pub found: usize,
    /// The way there.
    pub turns: Vec<Turn>,
}

/// See the head of the file.
pub struct Graph<'a> {
    pub explorer: Explorer<'a>,
    nodes: Vec<Node>,
    known: HashTable<u32>,
    bytes: u64,
    bytes_max: u64,
    /// At most so many states, by whoever asked for the walks.
    states_max: u64,
    /// There was one more.
    is_full: bool,
    walk: u32,
    trace: Vec<(u32, u32)>,
    own: Vec<Turn>,
    /// What was found and not fetched yet.
    pub fresh: Vec<Fresh>,
    noted: usize,
    pub(super) alone: u32,
    round: u32,
    streak: (PartIx, u32),
    pub(super) off: Fan,
    /// So many looks at who might go on since it was last asked whether to.
    pub(super) looks: u64,
    /// It was stopped while it looked at who can go on.
    pub(super) stop: Option<Stop>,
}

/// Who says whether to go on, and what that is told.
pub(super) struct Limit<'l> {
    pub(super) steps: u64,
    pub(super) ask: &'l mut dyn FnMut(u64, &Graph) -> Option<Stop>,
}

/// Where a walk is.
pub(super) enum At {
    Known(u32),
    Row(Row),
    End(Option<usize>),
}

fn hash(parts: &[PartId]) -> u64 {
    rustc_hash::FxBuildHasher.hash_one(parts)
}

/// The row behind a transition, without empty places at its end.
pub fn applied(row: &Row, writes: &[(PartIx, PartId)]) -> Row {
    row.with(writes).trimmed()
}

impl<'a> Graph<'a> {
    /// `explorer` has begun.
    pub fn new(explorer: Explorer<'a>, bytes_max: u64) -> Graph<'a> {
        let states_max = explorer.options.states_max.unwrap_or(u64::MAX).max(1);
        let first = applied(&explorer.row(0), &[]);
        let mut graph = Graph {
            explorer,
            nodes: Vec::new(),
            known: HashTable::new(),
            bytes: 0,
            bytes_max: bytes_max.max(1),
            states_max,
            is_full: false,
            walk: 0,
            trace: Vec::new(),
            own: Vec::new(),
            fresh: Vec::new(),
            noted: 0,
            alone: 0,
            round: 0,
            streak: (0, 0),
            off: Fan::default(),
            looks: 0,
            stop: None,
        };
        graph.place(first);
        graph
    }

    pub fn states(&self) -> u64 {
        self.nodes.len() as u64
    }

    /// About how much memory all of it takes, with what the explorer keeps.
    pub fn bytes(&self) -> u64 {
        let own = size_of_val(&self.own[..]) + size_of_val(&self.trace[..]);
        self.bytes + (self.explorer.bytes() + own) as u64
    }

    /// One walk from the first state. `ask` is told now and then how many steps it has made,
    /// and may stop it. It ends too once something is found that is `enough`, and where what it
    /// rests on turns out wrong.
    pub fn walk(
        &mut self,
        policy: &mut Policy,
        draw: &mut Draw,
        steps_max: u64,
        ask: &mut dyn FnMut(u64, &Graph) -> Option<Stop>,
        enough: &dyn Fn(&Found1) -> bool,
    ) -> Walked {
        self.walk += 1;
        self.trace.clear();
        self.own.clear();
        (self.alone, self.round, self.streak) = (0, 0, (0, 0));
        let mut at = At::Known(0);
        // Where it was before: of that it is known who can go on.
        let mut before = None;
        let (mut steps, mut looked_at) = (0, 0);
        let mut due = WORK;
        let mut stop = None;
        loop {
            if steps >= due || self.looks >= LOOKS || self.explorer.took_long() {
                (due, self.looks) = (steps + WORK, 0);
                stop = ask(steps, self);
            }
            // The state that is one too many is where the walk is now, so that it is looked at.
            if self.is_full {
                stop = stop.or(Some(Stop::States));
            }
            let is_enough = |f: &Fresh| enough(&self.explorer.found[f.found]);
            if self.explorer.guards_broken() || self.fresh[looked_at..].iter().any(is_enough) {
                return Walked { outcome: None, steps, cut: false, stop };
            }
            looked_at = self.fresh.len();
            let cut = steps == steps_max || self.round > ROUND_MAX || stop.is_some();
            let next = match &at {
                At::End(outcome) => return Walked { outcome: *outcome, steps, cut: false, stop },
                _ if cut => return self.cut_at(&at, steps, stop),
                At::Known(node) => self.go_from_known(*node, policy, draw, &mut Limit { steps, ask }),
                At::Row(row) => self.go_from_row(row, policy, draw, &mut Limit { steps, ask }),
            };
            if self.stop.is_some() {
                stop = self.stop.take();
                return self.cut_at(before.as_ref().unwrap_or(&At::Known(0)), steps, stop);
            }
            before = Some(std::mem::replace(&mut at, next));
            steps += 1;
        }
    }

    /// The walk ends there, with what is told of who is stuck: what waits for others is
    /// otherwise seen where nobody goes on.
    fn cut_at(&mut self, at: &At, steps: u64, stop: Option<Stop>) -> Walked {
        let row = match at {
            At::Known(node) => self.nodes[*node as usize].row.clone(),
            At::Row(row) => row.clone(),
            At::End(_) => self.explorer.row(0),
        };
        self.explorer.tell_of_the_last(&row);
        self.note_fresh();
        Walked { outcome: None, steps, cut: true, stop }
    }

    /// The state's place in the graph, if it has one or there is room.
    fn place(&mut self, row: Row) -> At {
        let h = hash(row.parts());
        let nodes = &self.nodes;
        if let Some(at) = self.known.find(h, |n| nodes[*n as usize].row.parts() == row.parts()) {
            return At::Known(*at);
        }
        self.is_full |= nodes.len() as u64 >= self.states_max;
        if self.bytes >= self.bytes_max || self.is_full {
            return At::Row(row);
        }
        let id = nodes.len() as u32;
        self.bytes += (size_of::<Node>() + 4 * row.parts().len() + 8) as u64;
        self.known.insert_unique(h, id, |n| hash(nodes[*n as usize].row.parts()));
        self.nodes.push(Node { row, fan: None, next: Vec::new(), outcome: None, walk: 0 });
        At::Known(id)
    }

    /// One more is looked at, unless it is stopped.
    pub(super) fn is_stopped(&mut self, limit: &mut Limit) -> bool {
        self.looks += 1;
        if self.looks >= LOOKS || self.explorer.took_long() {
            self.looks = 0;
            self.stop = (limit.ask)(limit.steps, self);
        }
        self.stop.is_some()
    }

    /// Who can go on, unless it is stopped: of thousands of tasks each may have to look at all
    /// of them.
    pub(super) fn fan(&mut self, row: &Row, all: bool, mut fan: Fan, limit: &mut Limit) -> Option<Fan> {
        fan.clear();
        self.explorer.forget_waiting();
        // A row is gone through as well, and copied.
        self.looks += row.parts().len() as u64 / PARTS_A_LOOK;
        for (actor, mover, part) in self.explorer.movers(row) {
            if self.is_stopped(limit) {
                return None;
            }
            let from = fan.out.len();
            let whole = self.explorer.each_way(row, (actor, mover, part), WAYS_MAX, &mut fan.out);
            if fan.out.len() == from {
                continue;
            }
            let alone = !all && whole && fan.out[from..].iter().all(|(_, leaf)| leaf.alone);
            if alone {
                fan.out.drain(..from);
                fan.candidates.clear();
            }
            let from = if alone { 0 } else { from as u32 };
            fan.candidates.push(Candidate { actor, mover, part, from, to: fan.out.len() as u32, whole });
            if alone {
                fan.alone = true;
                break;
            }
        }
        Some(fan)
    }

    /// What the explorer says of a state: its outcome if it is an end, and who
    /// is stuck in it.
    pub(super) fn look(&mut self, row: &Row, fan: &Fan) -> Option<usize> {
        let outcome = if fan.candidates.is_empty() {
            self.explorer.at_end(0, row)
        } else {
            if !fan.alone {
                self.explorer.stuck_partly(0, row, &fan.out);
            }
            None
        };
        self.explorer.tell_of_the_start(0, row);
        self.note_fresh();
        outcome
    }

    fn open(&mut self, node: u32, all: bool, limit: &mut Limit) {
        let row = self.nodes[node as usize].row.clone();
        let all = all || self.explorer.model.plain;
        let Some(mut fan) = self.fan(&row, all, Fan::default(), limit) else { return };
        let outcome = self.look(&row, &fan);
        fan.out.shrink_to_fit();
        fan.candidates.shrink_to_fit();
        self.bytes += (fan.out.len() * (size_of::<(Turn, Rc<Leaf>)>() + 4)) as u64;
        self.bytes += (fan.candidates.len() * size_of::<Candidate>()) as u64;
        let node = &mut self.nodes[node as usize];
        node.next = vec![UNKNOWN; fan.out.len()];
        (node.fan, node.outcome) = (Some(fan), outcome);
    }

    /// The walk is in this state.
    fn met(&mut self, at: usize) {
        self.round = if self.nodes[at].walk == self.walk { self.round + 1 } else { 0 };
        self.nodes[at].walk = self.walk;
    }

    fn go_from_known(&mut self, id: u32, policy: &mut Policy, draw: &mut Draw, limit: &mut Limit) -> At {
        let at = id as usize;
        if self.nodes[at].fan.is_none() {
            if self.nodes[at].walk == 0 {
                let row = self.nodes[at].row.clone();
                let movers = self.explorer.movers(&row);
                if movers.len() >= SEVERAL {
                    self.met(at);
                    return self.go_from_several(&row, movers, policy, draw, limit);
                }
            }
            self.open(id, false, limit);
        }
        if self.alone > ALONE_MAX {
            if self.nodes[at].fan.as_ref().is_some_and(|f| f.alone) {
                // The edges get other numbers.
                self.own = self.turns();
                self.trace = (0..self.own.len() as u32).map(|n| (OWN, n)).collect();
                self.open(id, true, limit);
            }
            self.alone = 0;
        }
        self.met(at);
        let node = &self.nodes[at];
        let Some(fan) = &node.fan else { return At::End(None) };
        if fan.candidates.is_empty() {
            return At::End(node.outcome);
        }
        self.looks += fan.candidates.len() as u64;
        let chosen = choose(fan, &self.explorer, policy, draw);
        let candidate = &fan.candidates[chosen];
        let who = (candidate.actor, candidate.mover, candidate.part);
        let alone = fan.alone;
        self.alone = if fan.alone { self.alone + 1 } else { 0 };
        if !candidate.whole {
            let row = node.row.clone();
            return self.drawn(&row, who, policy, draw);
        }
        let ways = candidate.to - candidate.from;
        let edge = candidate.from + if ways > 1 { draw.below(u64::from(ways)) as u32 } else { 0 };
        self.trace.push((id, edge));
        let next = node.next[edge as usize];
        if next != UNKNOWN {
            let repeated = self.nodes[next as usize].walk == self.walk;
            if !alone {
                policy.went(&self.explorer, who, &fan.out[edge as usize].1, repeated, draw);
            }
            return At::Known(next);
        }
        let (turn, leaf) = fan.out[edge as usize].clone();
        let row = applied(&node.row, &leaf.writes);
        self.happened(&turn, &leaf);
        if !alone {
            policy.went(&self.explorer, who, &leaf, false, draw);
        }
        let next = self.place(row);
        if let At::Known(next) = next {
            self.nodes[at].next[edge as usize] = next;
        }
        next
    }

    fn go_from_row(&mut self, row: &Row, policy: &mut Policy, draw: &mut Draw, limit: &mut Limit) -> At {
        let movers = self.explorer.movers(row);
        if movers.len() >= SEVERAL {
            return self.go_from_several(row, movers, policy, draw, limit);
        }
        let all = self.explorer.model.plain || self.alone > ALONE_MAX;
        let fan = std::mem::take(&mut self.off);
        let Some(fan) = self.fan(row, all, fan, limit) else { return At::End(None) };
        let outcome = self.look(row, &fan);
        let next = match fan.candidates.is_empty() {
            true => At::End(outcome),
            false => {
                let candidate = &fan.candidates[choose(&fan, &self.explorer, policy, draw)];
                self.alone = if fan.alone { self.alone + 1 } else { 0 };
                self.drawn(row, (candidate.actor, candidate.mover, candidate.part), policy, draw)
            }
        };
        self.off = fan;
        next
    }

    /// A transition whose ways are drawn now.
    pub(super) fn drawn(&mut self, row: &Row, who: Who, policy: &mut Policy, draw: &mut Draw) -> At {
        let (turn, leaf) = self.explorer.drawn(row, who, &mut |count| draw.below(u64::from(count)) as u32);
        if leaf.blocked {
            // This way leads nowhere now; another one is drawn next.
            return self.place(applied(row, &[]));
        }
        self.made(row, who, (turn, &leaf), true, policy, draw)
    }

    /// A transition off the edges; `counts`: the policy is told of it in any case.
    pub(super) fn made(
        &mut self,
        row: &Row,
        who: Who,
        (turn, leaf): (Turn, &Leaf),
        counts: bool,
        policy: &mut Policy,
        draw: &mut Draw,
    ) -> At {
        self.trace.push((OWN, self.own.len() as u32));
        self.own.push(turn.clone());
        self.happened(&turn, leaf);
        self.streak = if self.streak.0 == who.0 { (who.0, self.streak.1 + 1) } else { (who.0, 0) };
        let next = self.place(applied(row, &leaf.writes));
        let repeated = match &next {
            At::Known(node) => self.nodes[*node as usize].walk == self.walk,
            _ => self.streak.1 > STREAK_MAX,
        };
        if counts || repeated {
            policy.went(&self.explorer, who, leaf, repeated, draw);
        }
        next
    }

    /// What went wrong in a transition.
    fn happened(&mut self, turn: &Turn, leaf: &Leaf) {
        self.explorer.cut = self.explorer.cut.or(leaf.rare.cut);
        for event in &leaf.rare.events {
            self.explorer.event(0, turn, event);
        }
        self.note_fresh();
    }

    fn note_fresh(&mut self) {
        while self.noted < self.explorer.found.len() {
            let turns = self.turns();
            self.fresh.push(Fresh { found: self.noted, turns });
            self.noted += 1;
        }
    }

    /// The walk so far.
    fn turns(&self) -> Vec<Turn> {
        let turn = |(node, edge): &(u32, u32)| match *node {
            OWN => self.own.get(*edge as usize).cloned(),
            node => self.nodes[node as usize].fan.as_ref().map(|f| f.out[*edge as usize].0.clone()),
        };
        self.trace.iter().filter_map(turn).collect()
    }
}

fn choose(fan: &Fan, explorer: &Explorer, policy: &mut Policy, draw: &mut Draw) -> usize {
    if fan.alone { 0 } else { policy.pick(explorer, fan, draw) }
}
