//! What the supervisor does about the plan: it ends processes in their turns, and sees that
//! all is over, or that somebody who is to have the turn is not there.

use super::{Divergence, Plan, at, bump, cursor, is_live};
use crate::run::arena::{Arena, facts, process, run, slot};
use crate::run::codec;
use crate::run::image::Image;
use crate::run::process as proc;
use std::sync::atomic::Ordering::{Relaxed, SeqCst};

/// What the supervisor does about the plan, and what it comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::run) enum Standing {
    /// Turns are still to come.
    UnderWay,
    /// All that there is stays at its last gate.
    Over,
    Diverged(Divergence),
}

/// The process that a task is the first of.
fn process_of(arena: &Arena, number: u32) -> Option<usize> {
    (1..arena.processes()).find(|p| {
        let first = arena.process(*p, process::TASK).load(SeqCst);
        first != 0 && arena.facts(first as u32 - 1, facts::NUMBER).load(SeqCst) == u64::from(number)
    })
}

/// Whether the end of a process is the turn now.
pub(in crate::run) fn is_turn_to_end(image: &Image, index: usize) -> bool {
    let Some(plan) = &image.options.replay else { return true };
    let turn = plan.turns.get(cursor(image.arena));
    turn.is_some_and(|t| t.ended && t.process && process_of(image.arena, t.task) == Some(index))
}

/// One look of the supervisor, after it has buried the dead. `quiet`: no
/// process is on its way into the run.
pub(in crate::run) fn look(image: &Image, plan: &Plan, quiet: bool) -> Standing {
    let arena = image.arena;
    let fault = arena.run(run::REPLAY_FAULT).load(SeqCst) as usize;
    if fault != 0
        && let Ok(fault) = serde_json::from_slice(&codec::load_bytes(fault, arena.heap()))
    {
        return Standing::Diverged(fault);
    }
    let now = cursor(arena);
    let Some(turn) = plan.turns.get(now) else {
        return if quiet && is_settled(arena, &[at::LAST, at::BY_ITSELF]) {
            Standing::Over
        } else {
            Standing::UnderWay
        };
    };
    let diverged = |task: String, reason: &str| {
        Standing::Diverged(Divergence { turn: now, task, planned: turn.site, site: None, reason: reason.to_string() })
    };
    let nobody = || diverged(format!("task {}", turn.task), "it has ended, or was never made");
    if turn.ended && turn.process {
        let Some(index) = process_of(arena, turn.task) else { return nobody() };
        match arena.process(index, process::STATE).load(SeqCst) {
            process::DEAD => bump(image, plan),
            // Whoever ends a process says so before the next turn begins.
            process::ALIVE if turn.signal == 0 => {
                let first = arena.process(index, process::TASK).load(SeqCst);
                return diverged(arena.task_name(first as u32 - 1), "its process goes on");
            }
            _ => {
                if let Ok(signal) = nix::sys::signal::Signal::try_from(turn.signal) {
                    proc::send(arena.process(index, process::PID).load(SeqCst) as i32, signal);
                }
            }
        }
        return Standing::UnderWay;
    }
    let here = (0..arena.slots_high())
        .find(|s| is_live(arena, *s) && arena.slot(*s, slot::NUMBER).load(SeqCst) == u64::from(turn.task));
    // Who has the turn may have ended in it, and is about to hand it on.
    let taken = arena.run(run::REPLAY_TAKEN).load(SeqCst) == now as u64 + 1;
    let settled = quiet && is_settled(arena, &[at::GATE, at::BY_ITSELF]);
    if here.is_none() && !taken && settled && cursor(arena) == now {
        return nobody();
    }
    Standing::UnderWay
}

/// Whether every task that lives is at one of these gates, and no process is on
/// its way out.
fn is_settled(arena: &Arena, gates: &[u64]) -> bool {
    if arena.run_half(run::REPLAY_MOVING).load(SeqCst) != 0 {
        return false;
    }
    let live: Vec<usize> = (0..arena.slots_high()).filter(|s| is_live(arena, *s)).collect();
    // One at its last gate that was woken late sleeps again at once; until then it would
    // seem to go on.
    let sleeps = |s: usize| arena.park(s).0.load(SeqCst) == 0 && arena.park(s).1.load(SeqCst) != 0;
    let stands = |s: &usize| match arena.slot(*s, slot::GATE).load(SeqCst) {
        at::LAST => gates.contains(&at::LAST) && sleeps(*s),
        gate => gates.contains(&gate),
    };
    let has_tasks = |p: usize| live.iter().any(|s| arena.slot(*s, slot::PROCESS).load(Relaxed) as usize == p);
    let leaves = |p: usize| {
        let word = |w: usize| arena.process(p, w).load(SeqCst);
        let own = matches!(word(process::KIND), process::KEEPER | process::MANAGER);
        !own && !has_tasks(p) && !matches!(word(process::STATE), process::LEAVING | process::DEAD)
    };
    live.iter().all(stands) && !(1..arena.processes()).any(leaves)
}
