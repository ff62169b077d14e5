//! Memory in the model: what an access does to a place, what it is ordered by,
//! whether it races with one that was made before, and for how long it may. Whether a lock guards a place is
//! `moves`' to say, and the order of accesses is kept by `order`.

use super::type_error;
use crate::check::moves::Move;
use crate::check::order::{Deed, Knower};
use crate::check::part::*;
use crate::check::said::{self, Said};
use crate::check::seen::{self, Event, Reached};
use crate::detect::names::Thing;
use crate::machine::local::updated;
use crate::machine::{Access, Home, Place};
use crate::objects::TaskId;
use crate::program::kind::{Memory, Update};
use crate::program::value::{Error, Value, brief};

impl Move<'_> {
    pub(super) fn access(&mut self, place: Place, access: &Access) -> Result<Value, Error> {
        let ix = self.cell_ix(place);
        let Some(old) = self.cell(ix, |c| c.value.clone()) else {
            let name = match place.home {
                Home::Record(record) => self.object_name(record),
                Home::Declared => "memory".to_string(),
            };
            return Err(type_error(format!(
                "`{name}` has var fields, which are memory of the process that made it, not of this one"
            )));
        };
        let atomic = place.memory == Memory::Atomic || matches!(access, Access::Update(..));
        // One that changes nothing is a read: a `cas` that fails has seen what is there.
        let read = self.log.is_some().then(|| old.clone());
        let (new, answer, write) = match access {
            Access::Read => (None, old, false),
            Access::Write(value) => (Some(value.clone()), Value::None, true),
            Access::Update(which, a, b) => {
                let (new, answer) = updated(*which, &old, a, b)?;
                let write = new.is_some();
                (new, answer, write)
            }
        };
        if let Some(read) = read {
            let seen = new.clone().unwrap_or(read);
            self.log_access(place, ix, (write, atomic), new.as_ref().unwrap_or(&answer).clone(), &seen);
        }
        if self.log.is_some() && !self.outside {
            let (ordered, sees) = (
                place.memory == Memory::Atomic,
                !matches!(access, Access::Write(_) | Access::Update(Update::Store, ..)),
            );
            let name = self.name_of(place).0;
            self.did(seen::Deed::Reached { ix, name, write, atomic, ordered, sees });
        }
        // An indivisible operation comes after the one whose value it sees; a
        // store sees none.
        let stores = matches!(access, Access::Write(_) | Access::Update(Update::Store, ..));
        if atomic && !stores {
            self.order_acquire(Knower::Place(ix));
        }
        if place.memory != Memory::Atomic && !self.outside && !self.model.blind && !self.model.careless {
            self.aside(|m| m.compare(place, ix, write, atomic));
        }
        if let Some(value) = new {
            self.change_cell(ix, |c| c.value = value);
        }
        if atomic {
            let loads = matches!(access, Access::Read | Access::Update(Update::Load, ..));
            self.released |= !loads && !self.outside;
            if write {
                self.order_release(Knower::Place(ix), true);
            }
        } else if write {
            self.order_forget(Knower::Place(ix));
        }
        Ok(answer)
    }

    /// `value`: what it gives, or writes; `seen`: what is there then, as reports tell it.
    fn log_access(&mut self, place: Place, ix: PartIx, (write, atomic): (bool, bool), value: Value, seen: &Value) {
        let (name, _) = self.name_of(place);
        let mark = match place.home {
            Home::Record(record) => said::mark(Thing::Places(record)),
            Home::Declared => String::new(),
        };
        let (marked, value, site) = (self.marked(seen), self.shown(&value), self.site);
        let told = Said::new(&marked);
        let held = match self.log {
            Some(_) => self.task(self.me, |t| t.held.clone()).unwrap_or_default(),
            None => Vec::new(),
        };
        if let Some(log) = &mut self.log {
            let deed = if write { "write" } else { "read" };
            let text = format!("{deed} {name}{mark}: {marked}");
            if log.text.is_empty() {
                log.text = text;
            } else {
                log.text = brief(format_args!("{}; {text}", log.text));
            }
            log.reached.push(Reached { ix, name, write, atomic, value, told, site, held });
        }
    }

    /// Whether an access races with one that another task has made since it
    /// last released anything; and keeps it for theirs.
    fn compare(&mut self, place: Place, ix: PartIx, write: bool, atomic: bool) {
        let me = self.me;
        let deed = Deed::Access { ix, write, atomic };
        let others: Vec<(TaskId, bool)> = if self.model.exact {
            self.order_races(deed)
        } else {
            let all = |c: &CellPart| c.accessors.iter().filter(|a| a.0 != me).map(|a| (a.0, a.1 & 2 != 0)).collect();
            self.cell(ix, all).unwrap_or_default()
        };
        let conflicts = others.iter().copied().filter(|(_, wrote)| write || *wrote);
        // Exploring, one is enough to know the place; a schedule shows all.
        let most = if self.named.is_some() { usize::MAX } else { 1 };
        for (other, other_wrote) in conflicts.take(most) {
            let (name, memory) = self.name_of(place);
            if !self.model.known_races.contains(&name) {
                let site = self.site;
                self.events.push(Event::Race { ix, name, memory, other, task: me, site, write, other_wrote });
            }
        }
        // An indivisible access of a plain place counts for its guard as well:
        // plain accesses under a lock would race with it.
        let private = place.memory == Memory::Var;
        if self.is_guarded(ix, self.memorable(place), private, write) {
            return;
        }
        if !self.model.known_races.is_empty() && self.model.known_races.contains(&self.name_of(place).0) {
            return;
        }
        if self.model.exact {
            self.reached |= self.order_reach(deed, private);
            return;
        }
        if atomic {
            return;
        }
        let what = if write { 2 } else { 1 };
        let known = self.cell(ix, |c| c.accessors.iter().any(|a| a.0 == me && a.1 & what != 0)).unwrap_or(true);
        if known {
            return;
        }
        self.change_cell(ix, |c| match c.accessors.iter_mut().find(|a| a.0 == me) {
            Some(a) => a.1 |= what,
            None => {
                c.accessors.push((me, what));
                c.accessors.sort_unstable();
            }
        });
        self.reached = true;
        self.change_task(me, |t| {
            if let Err(at) = t.footprint.binary_search(&ix) {
                t.footprint.insert(at, ix);
            }
        });
    }

    /// The running task has released something.
    pub fn footprint_clear(&mut self) {
        self.footprint_of(self.me);
    }

    /// What a task has reached is no longer to be compared with what others
    /// reach.
    pub fn footprint_of(&mut self, task: TaskId) {
        if self.task(task, |t| t.footprint.is_empty()).unwrap_or(true) {
            return;
        }
        let places = self.change_task(task, |t| std::mem::take(&mut t.footprint)).unwrap_or_default();
        for ix in places {
            self.aside(|m| m.change_cell(ix, |c| c.accessors.retain(|a| a.0 != task)));
        }
    }
}
