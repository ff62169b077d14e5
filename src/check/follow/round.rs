//! Whether a schedule that has been followed goes round for ever, and what is wrong with that.
//! It owns which turns are once round, and by which of them who goes round is told. What may
//! come back to a state, and what that means, `live` says; who has to do with whom, `groups`.

use super::Done;
use crate::check::explore::Explorer;
use crate::check::groups::Groups;
use crate::check::joined;
use crate::check::live::{self, Circle};
use crate::check::part::{Key, Part, PartIx};
use crate::check::store::{Row, same_parts};
use crate::check::turn::Turn;
use crate::detect::finding::Finding;
use crate::objects::TaskId;

/// From which turn on it goes round, and what is wrong with doing so for ever.
/// `around`: the state at the end may be one that comes again but for what is nobody
/// else's affair.
pub(super) fn circles(explorer: &mut Explorer, done: &Done, around: bool) -> (Option<usize>, Vec<Finding>) {
    let stands = |row: &Row| live::without_order(explorer, row);
    let end = done.rows.last().map(stands);
    let comes_back = |row: &Row| end.as_ref().is_some_and(|end| same_parts(stands(row).parts(), end.parts()));
    let from = done.rows.iter().rev().skip(1).rposition(comes_back);
    let returned = from.map(|n| done.rows.len() - 2 - n);
    let from = returned.or((!done.rounds.is_empty()).then_some(done.turns.len()));
    let mut found = from.map(|from| circle(explorer, done, from, around)).unwrap_or_default();
    // Where only those go round that take no turn for it, the others may as well.
    if around && returned.is_none() {
        let circles = recurring(explorer, &done.row).unwrap_or_default();
        for finding in findings(explorer, &circles, &done.row) {
            let is_it = |other: &Finding| (other.code, other.places()) == (finding.code, finding.places());
            if !found.iter().any(is_it) {
                found.push(finding);
            }
        }
    }
    (from.or((!found.is_empty()).then_some(done.turns.len())), found)
}

/// What going on for ever so that it comes back to a state comes to.
fn recurring(explorer: &mut Explorer, row: &Row) -> Option<Vec<Circle>> {
    let mut left = live::AROUND;
    live::recurring(explorer, row, &mut left)
}

fn findings(explorer: &Explorer, circles: &[Circle], row: &Row) -> Vec<Finding> {
    circles.iter().map(|circle| live::finding(explorer, circle, row)).collect()
}

/// What going round for ever from a turn on comes to: if it is fair, what is wrong with that;
/// of one that takes some ways where there are others, or leaves out who could go, what is wrong
/// with all that may come back there. Which tasks have to do with each other is seen in all that
/// may come back there in any case, and who goes round is told by the turns of the schedule.
fn circle(explorer: &mut Explorer, done: &Done, from: usize, around: bool) -> Vec<Finding> {
    let turns_of = |moves: &mut dyn Iterator<Item = &(usize, Turn)>| moves.map(|m| m.1.clone()).collect::<Vec<_>>();
    let mut turns = turns_of(&mut done.moves.iter().filter(|m| (from + 1..=done.turns.len()).contains(&m.0)));
    // Those that take no turn on it stand where they stay, or go round by themselves.
    let on_it: Vec<PartIx> = turns.iter().map(|t| t.actor).collect();
    let start = done.rows[from].clone();
    turns.extend(done.rounds.iter().filter(|t| !on_it.contains(&t.actor)).cloned());
    // A way that the schedule leaves open is one of several too.
    let Some(chooses) = chooses(explorer, &start, &turns) else { return Vec::new() };
    let fair = if chooses { None } else { fair_round(explorer, &start, &turns) };
    let mut circles = match fair {
        Some(fair) if fair.iter().all(|c| c.starved.is_some()) => fair,
        None if !chooses && !around => Vec::new(),
        fair => match (recurring(explorer, &start), fair) {
            (Some(around), Some(fair)) => {
                let livelocks = around.into_iter().filter(|c| c.starved.is_none());
                livelocks.chain(fair.into_iter().filter(|c| c.starved.is_some())).collect()
            }
            (around, fair) => around.or(fair).unwrap_or_default(),
        },
    };
    let goers: Vec<TaskId> = turns.iter().map(|turn| explorer.task_of(turn)).collect();
    let goes = |circle: &Circle| circle.group.iter().all(|task| goers.contains(task));
    circles.retain(goes);
    for circle in circles.iter_mut().filter(|c| c.starved.is_none()) {
        circle.turns.clone_from(&turns);
    }
    findings(explorer, &circles, &start)
}

/// Whether one of several ways is taken in some of these turns; none, if they cannot be made.
fn chooses(explorer: &mut Explorer, start: &Row, turns: &[Turn]) -> Option<bool> {
    let (mut row, mut chooses) = (start.clone(), false);
    for turn in turns {
        let (next, log, _) = explorer.logged(&row, turn)?;
        chooses |= log.steps.iter().any(|step| !step.choices.is_empty());
        row = next;
    }
    Some(chooses)
}

/// What going round for ever by these turns comes to, if it is fair: if whoever can go
/// somewhere on it does so on it.
fn fair_round(explorer: &mut Explorer, start: &Row, turns: &[Turn]) -> Option<Vec<Circle>> {
    let goes = |turn: &Turn| turns.iter().any(|t| (t.actor, t.mover) == (turn.actor, turn.mover));
    let mut row = start.clone();
    let (mut out, mut busy, mut groups) = (Vec::new(), Vec::new(), Groups::default());
    for turn in turns {
        explorer.successors(&row, true, &mut out);
        if !out.iter().all(|(t, leaf)| leaf.vain || goes(t)) {
            return None;
        }
        let task = explorer.task_of(turn);
        if !out.iter().any(|(t, leaf)| t == turn && leaf.vain) {
            groups.take_in(task, &explorer.touched(&row, turn));
        }
        let (next, ..) = explorer.logged(&row, turn)?;
        if out.iter().any(|(t, leaf)| t == turn && leaf.progress) {
            busy.push(task);
        }
        row = next;
    }
    let live = |part: &Part| match part {
        Part::Task(t) if !live::is_excused(part) => Some(t.birth.id),
        _ => None,
    };
    let live: Vec<TaskId> = explorer.task_parts(start).iter().filter_map(|(_, part)| live(part)).collect();
    let circle = |starved, group| Circle { turns: turns.to_vec(), starved, group, round: None };
    let is_quiet = |group: &Vec<TaskId>| {
        group.iter().any(|task| live.contains(task)) && !group.iter().any(|task| busy.contains(task))
    };
    let groups = groups.all();
    let mut found: Vec<Circle> = groups.iter().filter(|g| is_quiet(g)).map(|g| circle(None, g.clone())).collect();
    for task in live.iter().filter(|t| !groups.iter().flatten().any(|goes| goes == *t)) {
        let goes_on = |other: TaskId| {
            let group = groups.iter().find(|group| group.contains(&other))?;
            Some(busy.contains(&other) || !is_quiet(group))
        };
        let in_vain = || {
            let part = explorer.part(start, Key::Task(*task));
            part.is_some_and(|part| joined::has_more_to_do(explorer, start, &part))
                && joined::waits_in_vain(explorer, start, *task, &goes_on)
        };
        // Who is stuck has been told of.
        if (!joined::joins(explorer, start, *task, false) || in_vain()) && !explorer.is_stuck(start, *task) {
            found.push(circle(Some(*task), Vec::new()));
        }
    }
    Some(found)
}
