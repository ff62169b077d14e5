//! What reports say of tasks, objects and places of a run: names, numbers, what was held.

use super::*;

pub fn task_facts(image: &Image, task: u32) -> TaskFacts {
    let arena = image.arena;
    if task as usize >= arena.objects() || arena.object_at(task) == 0 || KINDS[arena.kind(task) as usize].word != "task"
    {
        return TaskFacts {
            serial: task,
            name: "?".to_string(),
            process: false,
            home: None,
            pid: 0,
            tid: 0,
            spawned: None,
            spawner: None,
        };
    }
    let word = |w: usize| arena.facts(task, w).load(SeqCst);
    let main = task == image.main_task();
    let spawned = word(facts::SITE).checked_sub(1).map(|s| image.program.span(s as u32));
    let pid = word(facts::PID) as i32;
    TaskFacts {
        serial: match handle::life(arena, task) {
            0 => task - image.main_task(),
            life => serial_of(life),
        },
        name: told_name(image, task),
        process: word(facts::FLAGS) & flag::PROCESS != 0,
        home: (pid != 0).then_some(pid as u32),
        pid,
        tid: word(facts::TID) as i32,
        spawned,
        spawner: (!main && spawned.is_some()).then(|| told_name(image, word(facts::SPAWNER) as u32)),
    }
}

/// In this run no other task has it.
pub(super) fn serial_of(life: u64) -> u32 {
    OBJECTS as u32 + life as u32
}

/// In the number of a process that is gone, in which no number of a process of the system
/// has it.
const GONE: u32 = 1 << 31;

/// A task that had that number before and is gone: what those of one place in the source
/// have in common. `life` tells it from others.
pub(super) fn gone_facts(image: &Image, task: u32, life: u64) -> TaskFacts {
    let word = |w: usize| image.arena.facts(task, w).load(SeqCst);
    let spawned = word(facts::SITE).checked_sub(1).map(|s| image.program.span(s as u32));
    let process = word(facts::FLAGS) & flag::PROCESS != 0;
    TaskFacts {
        serial: serial_of(life),
        name: common_name(image, task),
        process,
        // Which process a thread was in is not known any more.
        home: process.then_some(GONE | life as u32),
        pid: 0,
        tid: 0,
        spawned,
        spawner: None,
    }
}

/// What all tasks that the same place makes are called.
fn common_name(image: &Image, task: u32) -> String {
    let word = |w: usize| image.arena.facts(task, w).load(SeqCst);
    let own = word(facts::FLAGS) & flag::OWN_NAME != 0;
    let text = image.arena.text(word(facts::NAME) as usize);
    if own && word(facts::FLAGS) & flag::WORKER == 0 {
        // It may have been made up for each of them; a forked one has its parent's.
        let parent = text.rsplit_once('#').filter(|_| handle::is_forked(image.arena, task));
        let function = || crate::program::value::Names::function(image, word(facts::FUNCTION) as u32);
        return parent.map_or_else(function, |(parent, _)| parent.to_string());
    }
    text
}

/// So many tasks are named anew whenever some have been born.
const NAMED_ANEW: usize = 2_000;

/// What reports call a task: of several of one name, each has its own. All are
/// looked at again only when tasks have been born; of a great many, who has been named
/// keeps his name, so that tasks which bear others without end do not keep those who
/// look at them from all else.
pub(in crate::run) fn told_name(image: &Image, task: u32) -> String {
    let arena = image.arena;
    let born = arena.run(run::BIRTHS).load(SeqCst);
    let mut told = image.told.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let number = |t: u32| arena.facts(t, facts::NUMBER).load(SeqCst);
    // That of a job may have been another's.
    let known = told.1.get(&task).is_some_and(|(of, _)| *of == number(task));
    if told.0 != born && told.1.len() < NAMED_ANEW || !known {
        let tasks: Vec<u32> = handles(arena).collect();
        let names = names::distinct(&tasks.iter().map(|t| named(image, *t)).collect::<Vec<_>>());
        *told = (born, tasks.into_iter().zip(names).map(|(t, name)| (t, (number(t), name))).collect());
    }
    told.1.get(&task).map(|(_, name)| name.clone()).unwrap_or_else(|| arena.task_name(task))
}

fn named(image: &Image, task: u32) -> Named {
    let arena = image.arena;
    let word = |w: usize| arena.facts(task, w).load(SeqCst) as u32;
    let birth = |task: u32| arena.facts(task, facts::NUMBER).load(SeqCst) as u32;
    // Who made it is there as long as it is.
    let spawner = (task != image.main_task()).then(|| birth(word(facts::SPAWNER)));
    let alike = !is_job(arena, task) && word(facts::FLAGS) & (flag::NUMBERED | flag::OWN_NAME) as u32 == 0;
    let before = alike.then(|| arena.object(task, object::ORDER).load(Relaxed) as u32);
    Named { id: birth(task), name: arena.task_name(task), spawner, site: word(facts::SITE), before }
}

pub(super) fn held_facts(image: &Image, held: &[(u32, Mode, u32)]) -> Vec<Held> {
    stuck::held_facts(image.program.get(), &|id| image.told_object(id), held)
}

pub(super) fn declared_at(image: &Image, id: u32) -> Option<Span> {
    let program = &image.program;
    if let Some(decl) = program.objects.get(id as usize) {
        return Some(decl.span);
    }
    let word = |w: usize| image.arena.object(id, w).load(Relaxed);
    match KINDS[image.arena.kind(id) as usize].word {
        "task" | "record" => None,
        _ if word(object::INFO4) != 0 => Some(image.field_of(id)?.1.span),
        _ => {
            let site = word(object::BORN).checked_sub(1)? as u32;
            let at = program
                .code
                .iter()
                .position(|i| matches!(i, crate::program::code::Instr::NewObject(s) if *s == site))?;
            Some(program.span(at as u32))
        }
    }
}

pub(super) fn ending_of(arena: &Arena, task: u32) -> Option<Ending> {
    let fact = |w: usize| arena.facts(task, w).load(SeqCst);
    ending(fact(facts::ENDING), fact(facts::ENDING_CODE))
}

pub(super) fn ending(how: u64, code: u64) -> Option<Ending> {
    let code = code as i64;
    Some(match how {
        ending::RETURNED => Ending::Returned,
        ending::FAILED => Ending::Failed(ErrorKind::ALL.get(code as usize).map_or("error", |k| k.word()).to_string()),
        ending::EXITED => Ending::Exited(code as i32),
        ending::SIGNALLED => Ending::Signalled(code as i32),
        ending::TERMINATED => Ending::Terminated,
        _ => return None,
    })
}

pub(super) fn handles(arena: &Arena) -> impl Iterator<Item = u32> + '_ {
    (0..arena.objects() as u32)
        .filter(|id| arena.object_at(*id) != 0 && KINDS[arena.kind(*id) as usize].word == "task")
        .filter(|id| arena.object(*id, object::INFO).load(SeqCst) != 0 && !handle::is_given_back(arena, *id))
        .filter(|id| is_born(arena, *id))
}

/// Whether there is or was such a task: whoever makes one may be killed before it has a
/// slot, or before its process is forked.
pub(super) fn is_born(arena: &Arena, task: u32) -> bool {
    let unborn = arena.facts(task, facts::FLAGS).load(SeqCst) & flag::UNBORN != 0;
    !unborn && (is_job(arena, task) || has_ended(arena, task) || slot_of_ended(arena, task).is_some())
}

pub(super) fn is_job(arena: &Arena, id: u32) -> bool {
    task::is_job(|word| arena.object(id, object::WORD + word).load(Relaxed))
}

/// Values of a lock set's block: how many, then object, mode, place.
pub(super) fn lockset(image: &Image, block: u64) -> Vec<(u32, Mode, u32)> {
    if block == 0 {
        return Vec::new();
    }
    let word = |i: usize| image.arena.at(block as usize + 8 * i).load(Relaxed);
    (0..(word(0) as usize).min(crate::run::arena::HELD))
        .map(|i| (word(1 + 3 * i) as u32, mode_of(word(2 + 3 * i)), word(3 + 3 * i) as u32))
        .collect()
}

/// The two accesses of a race.
pub(super) fn accesses(image: &Image, both: [&RawAccess; 2]) -> [Access; 2] {
    let held = both.map(|a| lockset(image, a.locks));
    let mut held = held.map(|held| held_facts(image, &held)).into_iter();
    both.map(|a| access(image, a, held.next().unwrap_or_default()))
}

fn access(image: &Image, a: &RawAccess, held: Vec<Held>) -> Access {
    let kind = match (a.write, a.atomic) {
        (false, false) => AccessKind::Read,
        (true, false) => AccessKind::Write,
        (false, true) => AccessKind::AtomicRead,
        (true, true) => AccessKind::AtomicWrite,
    };
    let shown = |value: &Value| {
        crate::program::value::brief(Shown { value, names: &crate::run::image::ByToldNames(image), quoted: true })
    };
    let value = (a.value != codec::UNKNOWN).then(|| shown(&image.arena.value(a.value)));
    let task = match a.gone {
        true => gone_facts(image, a.task, u64::from(u32::MAX / 2) + u64::from(a.site)),
        false => task_facts(image, a.task),
    };
    Access { task, span: image.program.span(a.site), kind, value, held }
}

pub(super) fn raw_held(image: &Image, held: &[(u32, u8, u32)]) -> Vec<Held> {
    let held: Vec<(u32, Mode, u32)> = held.iter().map(|h| (h.0, mode_of(u64::from(h.1)), h.2)).collect();
    held_facts(image, &held)
}

pub(super) fn result_text(image: &Image, t: u32) -> Option<String> {
    let arena = image.arena;
    if arena.object(t, object::RING_LEN).load(Relaxed) == 0 {
        return None;
    }
    let place = ring::value(arena.object(t, object::RING).load(Relaxed) as usize, 0);
    let value: Value = arena.value(arena.at(place).load(Relaxed));
    Some(Shown { value: &value, names: image, quoted: true }.to_string())
}
