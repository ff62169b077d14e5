//! What stands wrong in or behind a `spawn`, a `join` or a `submit` at which the grammar stops.

use super::super::recover::Within;
use super::super::slip::{self, short};
use super::{STATEMENTS, Stop, is_spawn, last_word, line};
use crate::lang::error::ScriptError;
use crate::lang::word::{is_name, is_of_word};

/// What is wrong with a `spawn`, a `join` or a `submit` here, if it is one.
pub(super) fn of(stop: &Stop<'_>) -> Option<ScriptError> {
    let first = match stop.rest.chars().next()? {
        '.' => handle(stop).or_else(|| part_of_a_task(stop)),
        _ if is_spawn(stop.statement) && matches!(stop.word(), "fn" | "task") => spawned_by_kind(stop),
        _ => None,
    };
    let second = first.or_else(|| spawn_option(stop)).or_else(|| joined_at_once(stop));
    second.or_else(|| task_spelt_out(stop)).or_else(|| submitted(stop))
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
    let (spawned, count) = stop.statement.rsplit_once(" x")?;
    let digits = |text: &str| !text.is_empty() && text.chars().all(|c| c.is_ascii_digit());
    if !stop.rest.starts_with('.') || !digits(count) || !spawned.contains("spawn") {
        return None;
    }
    stop.error("a number of tasks is a whole number", &format!("write `{} x{count}`", short(spawned)))
}

/// `spawn process task w`, at the end of which the grammar takes `process` for what is spawned.
fn task_spelt_out(stop: &Stop<'_>) -> Option<ScriptError> {
    let whole = format!("{}{}", stop.statement, rest_of(stop));
    let (spawn, named) = whole.split_once(" task ")?;
    let how = spawn.rsplit("spawn").next().filter(|how| how.len() < spawn.len())?;
    let words = ["process", "thread", "daemon"];
    if !how.split_whitespace().all(|word| words.contains(&word)) || stop.rest.starts_with('{') {
        return None;
    }
    let help = format!("write `{} {}`", short(spawn), short(named.trim()));
    stop.error("what is spawned is a task by its name, or a block", &help)
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
    let (before, spawned) = match stop.statement.split_once("= ") {
        Some((before, spawned)) => (before, spawned.trim()),
        None => ("", stop.statement.trim()),
    };
    if !spawned.starts_with("spawn ") || !spawned.ends_with(')') {
        return None;
    }
    let asked = rest_of(stop)[1..].trim();
    let method = asked.split(|c| !is_of_word(c)).next().unwrap_or("");
    if matches!(method, "start" | "run") {
        return stop.error("what is spawned runs already", &format!("leave `.{}` out", short(asked)));
    }
    let name = Some(last_word(before)).filter(|name| is_name(name)).unwrap_or("h");
    let then = match method {
        "join" => format!("join {name}"),
        _ => format!("{name}.{}", short(asked)),
    };
    let help = format!("write `let {name} = {}`, then `{then}`", short(spawned));
    stop.error("what `spawn` gives has a name before it is asked", &help)
}

/// `spawn task w(1)`, `spawn fn() { }`
fn spawned_by_kind(stop: &Stop<'_>) -> Option<ScriptError> {
    let spawn = stop.statement.trim();
    let named = line(&stop.rest[stop.word().len()..]).split([';', '}', '#']).next().unwrap_or("").trim();
    let meant = match named.starts_with(|c: char| is_of_word(c)) && !named.contains('{') {
        true => short(named),
        false => "{ }".to_owned(),
    };
    stop.error("what is spawned is a task by its name, or a block", &format!("write `{spawn} {meant}`"))
}

/// `spawn w(1), daemon: true`, `let h = spawn w, name="a"`, `spawn w, count: 3`
fn spawn_option(stop: &Stop<'_>) -> Option<ScriptError> {
    if stop.within != Within::Block || !stop.rest.starts_with([',', ':', '=']) {
        return None;
    }
    let (lead, spawned) = stop.statement.split_once("spawn ")?;
    if !lead.is_empty() && !lead.ends_with("= ") {
        return None;
    }
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
