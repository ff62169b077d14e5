//! Where a walk comes first, only those are looked at whom the policy draws, one after
//! the other until one can go on: most states of a large script are met once, and with
//! hundreds of tasks whose next steps all depend on what was just written, looking at all of
//! them takes hundreds of times as long as the step that is made. It owns that
//! step of a walk; `walk` owns the others.
//!
//! Two things are otherwise seen on the way because all are looked at. A step that is
//! nobody else's affair is made before all others; here it is made as soon as its
//! task is drawn, counts for nothing, and somebody is drawn again: what others do
//! commutes with it. And who is stuck is told where it comes about; here it is
//! told where the walk ends, since whoever is stuck for good stays so, and before a
//! task is taken away by others, the only way in which that ends.

use super::draw::Draw;
use super::policy::{Policy, Tried};
use super::walk::{At, Fan, Graph, Limit, PARTS_A_LOOK, WAYS_MAX};
use crate::check::memo::Leaf;
use crate::check::part::{PartId, PartIx};
use crate::check::store::Row;
use crate::check::turn::Mover;

/// Who may have a step to make.
pub type Who = (PartIx, Mover, PartId);

/// With fewer there is nothing to be spared.
pub const SEVERAL: usize = 3;

impl Graph<'_> {
    /// One step of a walk out of a state in which all these may move.
    pub(super) fn go_from_several(
        &mut self,
        row: &Row,
        movers: Vec<Who>,
        policy: &mut Policy,
        draw: &mut Draw,
        limit: &mut Limit,
    ) -> At {
        self.explorer.forget_waiting();
        self.looks += row.parts().len() as u64 / PARTS_A_LOOK;
        let mut fan = std::mem::take(&mut self.off);
        let mut tried = Tried::new(movers);
        let next = loop {
            let Some(who) = policy.tries(&self.explorer, &mut tried, draw) else {
                fan.clear();
                break At::End(self.look(row, &fan));
            };
            if self.is_stopped(limit) {
                break At::End(None);
            }
            fan.clear();
            let whole = self.explorer.each_way(row, who, WAYS_MAX, &mut fan.out);
            let Some((_, leaf)) = fan.out.first() else { continue };
            let alone = !self.explorer.model.plain && whole && fan.out.iter().all(|(_, leaf)| leaf.alone);
            if !alone && !policy.takes(&self.explorer, &mut tried, who, leaf, draw) {
                continue;
            }
            self.alone = if alone { self.alone + 1 } else { 0 };
            if fan.out.iter().any(|(_, leaf)| self.takes_away(row, who.0, leaf)) {
                self.look_at_all(row, limit);
                if self.stop.is_some() {
                    break At::End(None);
                }
            }
            if !whole {
                break self.drawn(row, who, policy, draw);
            }
            let ways = fan.out.len() as u64;
            let way = if ways > 1 { draw.below(ways) as usize } else { 0 };
            let (turn, leaf) = fan.out[way].clone();
            break self.made(row, who, (turn, &leaf), !alone, policy, draw);
        };
        self.off = fan;
        next
    }

    /// Whether somebody else is there before it and not after it.
    fn takes_away(&mut self, row: &Row, actor: PartIx, leaf: &Leaf) -> bool {
        leaf.writes.iter().any(|(ix, part)| *ix != actor && self.explorer.ceases(row.get(*ix), *part))
    }

    /// Tells of who is stuck here.
    fn look_at_all(&mut self, row: &Row, limit: &mut Limit) {
        if let Some(fan) = self.fan(row, true, Fan::default(), limit) {
            self.look(row, &fan);
        }
    }
}
