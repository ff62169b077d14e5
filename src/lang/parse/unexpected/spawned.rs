//! What stands wrong in or behind a `spawn`, a `join` or a `submit` at which the grammar stops.

use super::super::recover::Within;
use super::super::slip::{self, short};
use super::{STATEMENTS, Stop, is_spawn, last_word, line};
use crate::lang::error::ScriptError;
use crate::lang::word::{is_name, is_of_word};

/// What is wrong with a `spawn`, a `join` or a `submit` here, if it is one.
pub(super) fn of(stop: &Stop<'_>) -> Option<ScriptError> {
    match stop.rest.chars().next()? {
        '.' if let Some(error) = handle(stop).or_else(|| part_of_a_task(stop)) => Some(error),
        ',' | ':' | '=' if let Some(error) = spawn_option(stop) => Some(error),
        _ => joined_at_once(stop).or_else(|| spawned_by_kind(stop)).or_else(|| submitted(stop)),
    }
}

/// What is left of the statement, as far as it can be told where that ends.
fn rest_of<'t>(stop: &Stop<'t>) -> &'t str {
    line(stop.rest).split([';', '}', '#']).next().unwrap_or("")
}

/// `let r = join spawn w`
fn joined_at_once(stop: &Stop<'_>) -> Option<ScriptError> {
    if stop.word() != "spawn" || last_word(stop.statement) != "join" || stop.within != Within::Block {
        return None;
    }
    let spawned = rest_of(stop).trim();
    let spawned = if spawned.contains('{') { "spawn { }" } else { spawned };
    let joins = format!("{}h", stop.statement);
    let help = format!("write `let h = {}`, then `{}`", short(spawned), short(&joins));
    stop.error("what is joined has a name", &help)
}

/// `spawn w x2.5`
fn part_of_a_task(stop: &Stop<'_>) -> Option<ScriptError> {
    let (spawned, count) = stop.statement.rsplit_once(' ')?;
    if !slip::is_count(count) || !spawned.contains("spawn") {
        return None;
    }
    stop.error("a number of tasks is a whole number", &format!("write `{} {count}`", short(spawned)))
}

/// `submit print(1) to p`, `submit { }`
fn submitted(stop: &Stop<'_>) -> Option<ScriptError> {
    if stop.statement.trim() != "submit" && !stop.statement.trim_end().ends_with("= submit") {
        return None;
    }
    if !STATEMENTS.contains(&stop.word()) && !stop.rest.starts_with('{') {
        return None;
    }
    let given = rest_of(stop);
    let (job, pool) = given.rsplit_once(" to ").unwrap_or((given, "p"));
    let pool = Some(pool.trim()).filter(|pool| is_name(pool)).unwrap_or("p");
    let does = if stop.rest.starts_with('{') { "" } else { job.trim() };
    let body = if does.is_empty() { "{ }".to_owned() } else { format!("{{ {} }}", short(does)) };
    stop.error("a job is a task by its name", &format!("write `task job {body}`, then `submit job to {pool}`"))
}

/// `spawn w().start()`, `let t = spawn w().join()`
fn handle(stop: &Stop<'_>) -> Option<ScriptError> {
    let (lead, spawned) = slip::led(stop.statement.trim());
    if !spawned.starts_with("spawn ") || !spawned.ends_with(')') {
        return None;
    }
    let asked = rest_of(stop)[1..].trim();
    let method = asked.split(|c| !is_of_word(c)).next().unwrap_or("");
    if matches!(method, "start" | "run") {
        return stop.error("what is spawned runs already", &format!("leave `.{}` out", short(asked)));
    }
    let name = Some(last_word(lead.trim_end_matches(['=', ' ']))).filter(|name| is_name(name)).unwrap_or("h");
    let then = match method {
        "join" => format!("join {name}"),
        _ => format!("{name}.{}", short(asked)),
    };
    let help = format!("write `let {name} = {}`, then `{then}`", short(spawned));
    stop.error("what `spawn` gives has a name before it is asked", &help)
}

/// `spawn task w(1)`, `spawn fn() { }`; `spawn process task w`, at the end of which the grammar
/// takes `process` for what is spawned.
fn spawned_by_kind(stop: &Stop<'_>) -> Option<ScriptError> {
    let whole = format!("{}{}", stop.statement, rest_of(stop));
    let (spawn, named) = match stop.word() {
        word @ ("fn" | "task") if is_spawn(stop.statement) => (stop.statement, &rest_of(stop)[word.len()..]),
        _ => whole.split_once(" task ").filter(|(spawn, _)| is_spawn(spawn) && !stop.rest.starts_with('{'))?,
    };
    let named = named.trim();
    let meant = match named.starts_with(|c: char| is_of_word(c)) && !named.contains('{') {
        true => short(named),
        false => "{ }".to_owned(),
    };
    stop.error("what is spawned is a task by its name, or a block", &format!("write `{} {meant}`", spawn.trim()))
}

/// `spawn w(1), daemon: true`, `let h = spawn w, name="a"`, `spawn w, count: 3`
fn spawn_option(stop: &Stop<'_>) -> Option<ScriptError> {
    if stop.within != Within::Block {
        return None;
    }
    let (lead, deed) = slip::led(stop.statement);
    let spawned = deed.strip_prefix("spawn ")?;
    let rest = rest_of(stop);
    let (task, option) = match rest.strip_prefix(',') {
        Some(option) => (spawned, option.to_owned()),
        // It stopped behind the option's name.
        None => {
            let word = last_word(spawned);
            let task = spawned.trim_end().strip_suffix(word)?.trim_end().trim_end_matches(',');
            (task, format!("{word}{rest}"))
        }
    };
    let (message, meant) = slip::spawn_option(lead, task, &option).filter(|_| !task.trim().is_empty())?;
    stop.error(message, &format!("write `{}`", short(&meant)))
}
