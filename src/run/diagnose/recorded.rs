//! The findings that the end of a run tells of: what the tasks have recorded, the orders in
//! which locks were taken, and what was left.

use super::*;

/// What the tasks themselves saw, and what the end of the run shows. `stuck`
/// are the findings made so far; a lock that stuck tasks wait for is told
/// there. What is left over in a run that was cut short is nobody's mistake.
pub fn recorded(image: &Image, stuck: &[Finding], stop: &Stop) -> Vec<Finding> {
    let mut findings: Vec<Finding> = Vec::new();
    let told = |lock: &String| stuck.iter().any(|f| matches!(f.code, Code::AbandonedLock) && f.on.contains(lock));
    for (raw, count) in record::all(image.arena) {
        if let Some(finding) = from_raw(image, raw, count) {
            if matches!(finding.code, Code::AbandonedLock) && finding.on.iter().any(told) {
                continue;
            }
            findings.push(finding);
        }
    }
    findings.extend(lock_orders(image, stuck));
    // What is left of a run that came to no end is nobody's fault but its.
    if matches!(stop, Stop::Finished) {
        findings.extend(uncollected(image));
        findings.extend(leftovers(image));
    }
    findings
}

fn finding(code: Code, on: Vec<String>, facts: Facts, count: u64) -> Finding {
    Finding { code, certainty: Certainty::Observed, count, on, also_on: Vec::new(), facts, schedule: None }
}

pub(super) fn from_raw(image: &Image, raw: Raw, count: u64) -> Option<Finding> {
    let program = &image.program;
    Some(match raw {
        Raw::Race { key, earlier, later } => {
            let (variable, declared) = image.place_name(key);
            let [earlier, later] = accesses(image, [&earlier, &later]);
            let facts = Facts::Race { variable: image.told_place(key), declared, earlier, later };
            finding(Code::Race, vec![variable], facts, count)
        }
        Raw::Failed { task, job, site, kind, message, calls, held } => {
            let kind = *ErrorKind::ALL.get(kind as usize)?;
            let code = if kind == ErrorKind::Assertion { Code::Assertion } else { Code::Error };
            let on = stuck::failed_on(program, site, kind, &message);
            let facts = Facts::Failed {
                task: task.map(|t| task_facts(image, t)),
                job,
                span: program.span(site),
                kind: kind.word().to_string(),
                message,
                calls: calls.into_iter().map(|c| program.span(c)).collect(),
                holds: raw_held(image, &held),
            };
            finding(code, on, facts, count)
        }
        Raw::Abandoned { task, lock, mode, site } => {
            let name = image.object_name(lock);
            let facts = Facts::Abandoned {
                lock: image.told_object(lock),
                mode: mode_of(u64::from(mode)),
                declared: declared_at(image, lock),
                owner: task_facts(image, task),
                since: Some(program.span(site)),
                ending: ending_of(image.arena, task).unwrap_or(Ending::Returned),
            };
            finding(Code::AbandonedLock, vec![name], facts, count)
        }
        Raw::Invariant { task, site, index, values, why } => {
            let (function, _) = &program.invariants[index as usize];
            let on = values.iter().map(|v| v.0.clone()).collect();
            let facts = Facts::Invariant {
                task: task_facts(image, task),
                step: site.map(|site| program.span(site)),
                invariant: program.functions[*function as usize].span,
                values,
                why: why.map(|(text, site)| Undecided { text, failed: site.map(|s| program.span(s)) }),
            };
            finding(Code::Invariant, on, facts, count)
        }
        Raw::Orphan { child, parent } => {
            let parent_ending = ending_of(image.arena, parent).unwrap_or(Ending::Returned);
            let facts =
                Facts::Orphan { child: task_facts(image, child), parent: task_facts(image, parent), parent_ending };
            finding(Code::Orphan, Vec::new(), facts, count)
        }
        Raw::Zombie { child, parent } => {
            let facts = Facts::Zombie { child: task_facts(image, child), parent: task_facts(image, parent) };
            finding(Code::Zombie, Vec::new(), facts, count)
        }
    })
}

pub(super) fn lock_orders(image: &Image, stuck: &[Finding]) -> Vec<Finding> {
    let raw = record::orders(image.arena);
    let mode = |m: u8| mode_of(u64::from(m));
    let dependencies: Vec<Dependency> = raw
        .iter()
        .map(|o| Dependency {
            task: o.task,
            slot: o.slot,
            own: o.own,
            known: o.known.clone(),
            held: o.held.iter().map(|h| lock_order::Held { lock: h.0, mode: mode(h.1), site: h.2 }).collect(),
            lock: o.lock,
            mode: mode(o.mode),
            site: o.site,
        })
        .collect();
    let span = |site: u32| image.program.span(site);
    let mut findings = Vec::new();
    for cycle in lock_order::cycles(&dependencies) {
        let of =
            |e: &lock_order::CycleEdge| (dependencies[e.dependency].held[e.held].lock, dependencies[e.dependency].lock);
        let edges: Vec<OrderEdge> = cycle
            .edges
            .iter()
            .map(|e| {
                let d = &dependencies[e.dependency];
                OrderEdge {
                    task: task_facts(image, d.task),
                    holds: image.told_object(of(e).0),
                    held_since: Some(span(d.held[e.held].site)),
                    wants: image.told_object(of(e).1),
                    wants_at: span(d.site),
                }
            })
            .collect();
        let mut on: Vec<String> = cycle.edges.iter().map(|e| image.object_name(of(e).0)).collect();
        on.dedup();
        // The deadlock itself was seen.
        if stuck.iter().any(|f| f.code == Code::Deadlock && on.iter().all(|l| f.on.contains(l))) {
            continue;
        }
        let facts = Facts::LockOrder { edges };
        findings.push(Finding {
            code: Code::LockOrder,
            certainty: Certainty::Predicted,
            count: 1,
            on,
            facts,
            also_on: Vec::new(),
            schedule: None,
        });
    }
    findings
}

/// Results that nobody asked for; one note for each place and function.
fn uncollected(image: &Image) -> Vec<Finding> {
    let arena = image.arena;
    let mut groups: HashMap<(u64, u64), (u32, u64)> = HashMap::new();
    let mut order = Vec::new();
    for t in handles(arena) {
        let word = |w: usize| arena.object(t, object::WORD + w).load(Relaxed);
        let has_result = arena.object(t, object::RING_LEN).load(Relaxed) > 0;
        if t == image.main_task() || !has_result || word(task::JOINED) != 0 {
            continue;
        }
        let key = (arena.facts(t, facts::SITE).load(Relaxed), arena.facts(t, facts::FUNCTION).load(Relaxed));
        let entry = groups.entry(key).or_insert_with(|| {
            order.push(key);
            (t, 0)
        });
        entry.1 += crate::run::collect::stands_for(arena, t);
    }
    order
        .into_iter()
        .map(|key| {
            let (t, count) = groups[&key];
            let facts =
                Facts::Unjoined { task: task_facts(image, t), value: result_text(image, t).unwrap_or_default() };
            finding(Code::Unjoined, vec![arena.task_name(t)], facts, count)
        })
        .collect()
}

/// Jobs that were never begun, and values left in queues.
fn leftovers(image: &Image) -> Vec<Finding> {
    let arena = image.arena;
    let mut findings: Vec<Finding> = Vec::new();
    let mut seen: HashSet<(String, &'static str)> = HashSet::new();
    for id in 0..arena.objects() as u32 {
        if arena.object_at(id) == 0 {
            continue;
        }
        let count = crate::run::ends::values_in(arena, id);
        let word = KINDS[arena.kind(id) as usize].word;
        if count == 0 || !matches!(word, "queue" | "pool") {
            continue;
        }
        let name = image.object_name(id);
        let declared = declared_at(image, id);
        if !seen.insert((name.clone(), word)) {
            if let Some(f) = findings.iter_mut().find(|f| f.on == [name.clone()]) {
                f.count += crate::run::collect::stands_for(arena, id);
            }
            continue;
        }
        let (code, facts) = if word == "queue" {
            (Code::LeftInQueue, Facts::LeftInQueue { queue: image.told_object(id), declared, count })
        } else {
            let submitted = first_job(image, id);
            let closed = arena.object(id, object::WORD + objects::pool::CLOSED).load(Relaxed) != 0;
            (Code::DroppedJobs, Facts::DroppedJobs { pool: image.told_object(id), declared, count, submitted, closed })
        };
        findings.push(finding(code, vec![name], facts, crate::run::collect::stands_for(arena, id)));
    }
    findings
}

/// Where the oldest job that was not begun was submitted.
fn first_job(image: &Image, id: u32) -> Option<Span> {
    let arena = image.arena;
    let word = |w: usize| arena.object(id, w).load(Relaxed) as usize;
    let place = ring::value(word(object::RING), word(object::RING_FIRST) % word(object::RING_PLACES).max(1));
    let job = pool::handle(&arena.value(arena.at(place).load(Relaxed)))?;
    let site = arena.facts(job, facts::SITE).load(Relaxed).checked_sub(1)?;
    Some(image.program.span(site as u32))
}
