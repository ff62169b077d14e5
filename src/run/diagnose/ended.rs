//! How the tasks of a run ended, and the values that were left: for its summary and its
//! outcome.

use super::*;

/// The numbers of the tasks that `task_ends` tells of, in the same order.
pub fn task_ids(image: &Image) -> Vec<u32> {
    handles(image.arena).filter(|t| !is_job(image.arena, *t)).collect()
}

/// How each task of the script ended, jobs aside; of those that are gone, how many ended in
/// the same way.
pub fn task_ends(image: &Image) -> Vec<TaskEnd> {
    let arena = image.arena;
    let tasks: Vec<u32> = handles(arena).filter(|t| !is_job(arena, *t)).collect();
    let is_worker = |t: u32| arena.facts(t, facts::FLAGS).load(Relaxed) & flag::WORKER != 0;
    let one = |t: &u32| TaskEnd {
        facts: task_facts(image, *t),
        count: 1,
        ending: ending_of(arena, *t),
        result: result_text(image, *t),
        stuck: is_stuck(arena, *t),
        worker: is_worker(*t),
    };
    // The first ones of each place are there.
    let alike = |site: u64| tasks.iter().find(|t| arena.facts(**t, facts::SITE).load(Relaxed) == site);
    let gone = handle::gone(arena).into_iter().filter_map(|tally| {
        let other = *alike(tally.site)?;
        Some(TaskEnd {
            facts: gone_facts(image, other, 0),
            count: tally.count,
            ending: ending(tally.ending, tally.code),
            result: None,
            stuck: false,
            worker: is_worker(other),
        })
    });
    tasks.iter().map(one).chain(gone).collect()
}

fn is_stuck(arena: &Arena, task: u32) -> bool {
    let reported = |s: usize| arena.slot(s, slot::REPORTED).load(Relaxed) != 0;
    !has_ended(arena, task) && slot_of_ended(arena, task).is_some_and(reported)
}

/// Names with something about each.
pub type Pairs = Vec<(String, String)>;

pub fn shared_values(image: &Image) -> Vec<(String, String)> {
    let mut values = Vec::new();
    for decl in image.program.memory.iter().filter(|d| d.memory != Memory::Var) {
        values.extend(places::told(&image.program, decl, |cell| {
            let value = image.declared_cell(cell).peek(1);
            Shown { value: &value, names: image, quoted: true }.to_string()
        }));
    }
    values
}

/// What each task printed last, and `finally`, and how each task ended; by name.
pub fn prints_and_endings(image: &Image) -> (Pairs, Pairs) {
    let arena = image.arena;
    let (mut prints, mut ended, mut told) = (Vec::new(), Vec::new(), Vec::new());
    for t in handles(arena) {
        let name = told_name(image, t);
        told.push(name.clone());
        let printed = arena.facts(t, facts::PRINTED).load(SeqCst) as usize;
        if printed != 0 {
            prints.push((name.clone(), arena.text(printed)));
        }
        if is_job(arena, t) || arena.facts(t, facts::FLAGS).load(Relaxed) & flag::WORKER != 0 {
            continue;
        }
        let how = match ending_of(arena, t) {
            None if is_stuck(arena, t) => "stuck".to_string(),
            None => "cut short".to_string(),
            Some(Ending::Returned) => "returned".to_string(),
            Some(Ending::Failed(kind)) => format!("failed: {kind}"),
            Some(Ending::Exited(code)) => format!("exited {code}"),
            Some(Ending::Signalled(n)) => format!("signal {n}"),
            Some(Ending::Terminated) => "terminated".to_string(),
        };
        ended.push((name, how));
    }
    // Of a run that did not come to its end: a worker is told of if it was at a job then.
    for s in (0..arena.slots_high()).filter(|s| is_live(arena, *s)) {
        let word = |w: usize| arena.slot(s, w).load(SeqCst);
        let at_job = word(slot::POOL) != 0 && word(slot::PC) as u32 != crate::run::spawn::NOWHERE;
        if at_job && word(slot::REPORTED) == 0 {
            ended.push((told_name(image, word(slot::TASK) as u32), "cut short".to_string()));
        }
    }
    let by_finally = arena.run(run::FINALLY_PRINTED).load(SeqCst) as usize;
    if by_finally != 0 {
        prints.push((names::of_finally(&told), arena.text(by_finally)));
    }
    (prints, ended)
}
