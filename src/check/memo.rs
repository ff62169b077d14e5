//! What a transition did is kept, with what it looked at: in another state
//! where it would see the same it is not carried out again. It owns the tree of
//! looks; Harmony's model checker memoises steps by all shared memory, here it
//! is by the parts that were really read.

use super::moves::Look;
use super::part::{PartId, PartIx};
use super::seen::Event;
use crate::objects::TaskId;
use std::cell::OnceCell;
use std::rc::Rc;

/// What a transition comes to.
#[derive(Debug, Default)]
pub struct Leaf {
    pub blocked: bool,
    /// Nobody else has to do with it.
    pub alone: bool,
    pub printed: bool,
    /// All ways were taken by `choose`, which takes each again and again.
    pub fair: bool,
    pub cut: Option<&'static str>,
    /// Of one that cannot go ahead: the tasks of which each must get on with it
    /// first, or end; empty if it waits for something else.
    pub needs: Vec<TaskId>,
    pub writes: Vec<(PartIx, PartId)>,
    pub events: Vec<Event>,
    /// The objects and places it is about, where somebody has asked.
    pub touches: OnceCell<Box<[PartIx]>>,
}

enum Node {
    Unknown,
    Read { ix: PartIx, hits: Hits },
    Choice { next: Vec<u32> },
    Leaf(Rc<Leaf>),
}

enum Hits {
    Few(Vec<(PartId, u32)>),
    Many(hashbrown::HashMap<PartId, u32, rustc_hash::FxBuildHasher>),
}

impl Hits {
    fn get(&self, id: PartId) -> Option<u32> {
        match self {
            Hits::Few(few) => few.iter().find(|h| h.0 == id).map(|h| h.1),
            Hits::Many(many) => many.get(&id).copied(),
        }
    }

    fn add(&mut self, id: PartId, node: u32) {
        match self {
            Hits::Few(few) if few.len() < 8 => few.push((id, node)),
            Hits::Few(few) => {
                let mut many: hashbrown::HashMap<_, _, _> = few.iter().copied().collect();
                many.insert(id, node);
                *self = Hits::Many(many);
            }
            Hits::Many(many) => {
                many.insert(id, node);
            }
        }
    }
}

/// See the head of the file.
#[derive(Default)]
pub struct Memo {
    nodes: Vec<Node>,
    /// By the number of the actor's part.
    roots: Vec<u32>,
}

/// What a look-up came to.
pub enum Found {
    Leaf(Rc<Leaf>),
    /// Not seen yet with these ways.
    Unknown,
}

const NONE: u32 = u32::MAX;

impl Memo {
    /// About how much memory it takes: a node, and the leaf of about each
    /// second one.
    pub fn bytes(&self) -> usize {
        self.nodes.len() * (size_of::<Node>() + size_of::<Leaf>() / 2) + 4 * self.roots.capacity()
    }

    pub fn len(&self) -> usize {
        self.nodes.len()
    }

    fn root(&mut self, part: PartId) -> u32 {
        let at = part as usize;
        if self.roots.len() <= at {
            self.roots.resize(at + 1, NONE);
        }
        if self.roots[at] == NONE {
            self.roots[at] = self.new_node();
        }
        self.roots[at]
    }

    fn new_node(&mut self) -> u32 {
        self.nodes.push(Node::Unknown);
        self.nodes.len() as u32 - 1
    }

    /// Walks on with the given ways; `ways` is cut or filled up with zeros to
    /// those that there are, and `widths` says how many each has.
    #[inline]
    pub fn find(&mut self, part: PartId, row: &[PartId], ways: &mut Vec<u32>, widths: &mut Vec<u32>) -> Found {
        let mut at = self.root(part);
        let mut taken = 0;
        widths.clear();
        loop {
            match &self.nodes[at as usize] {
                Node::Unknown => return Found::Unknown,
                Node::Leaf(leaf) => {
                    ways.truncate(taken);
                    return Found::Leaf(leaf.clone());
                }
                Node::Read { ix, hits } => {
                    let id = row.get(*ix as usize).copied().unwrap_or(0);
                    match hits.get(id) {
                        Some(next) => at = next,
                        None => return Found::Unknown,
                    }
                }
                Node::Choice { next } => {
                    if ways.len() == taken {
                        ways.push(0);
                    }
                    widths.push(next.len() as u32);
                    at = next[ways[taken] as usize];
                    taken += 1;
                }
            }
        }
    }

    /// Keeps what was carried out.
    pub fn add(&mut self, part: PartId, looks: &[Look], leaf: Leaf) -> Rc<Leaf> {
        let mut at = self.root(part);
        for look in looks {
            if let Node::Unknown = self.nodes[at as usize] {
                self.nodes[at as usize] = match look {
                    Look::Read(ix, _) => Node::Read { ix: *ix, hits: Hits::Few(Vec::new()) },
                    Look::Choice(_, count) => {
                        let first = self.nodes.len() as u32;
                        for _ in 0..*count {
                            self.new_node();
                        }
                        Node::Choice { next: (first..first + count).collect() }
                    }
                };
            }
            at = match (look, &self.nodes[at as usize]) {
                (Look::Read(_, id), Node::Read { hits, .. }) => match hits.get(*id) {
                    Some(next) => next,
                    None => {
                        let next = self.new_node();
                        if let Node::Read { hits, .. } = &mut self.nodes[at as usize] {
                            hits.add(*id, next);
                        }
                        next
                    }
                },
                (Look::Choice(way, _), Node::Choice { next }) => next[*way as usize],
                // A transition does the same as long as it sees the same.
                _ => at,
            };
        }
        let leaf = Rc::new(leaf);
        self.nodes[at as usize] = Node::Leaf(leaf.clone());
        leaf
    }
}
