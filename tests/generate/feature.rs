//! What random programs use: words by which their objects and statements can be
//! counted, so that it can be seen that each comes up.

/// A line of the program begins with the second and has the third in it.
const FEATURES: [(&str, &str, &str); 69] = [
    ("var", "var ", ""),
    ("shared", "shared ", ""),
    ("atomic", "atomic ", ""),
    ("array of memory", "", "row[2]"),
    ("record", "struct ", ""),
    ("lock", "lock ", ""),
    ("lock, several", "lock ms[2]", ""),
    ("lock, reentrant", "lock ", " reentrant"),
    ("rwlock", "rwlock ", ""),
    ("semaphore", "semaphore ", ""),
    ("condition", "condition ", ""),
    ("event", "event ", ""),
    ("barrier", "barrier ", ""),
    ("latch", "latch ", ""),
    ("queue", "queue ", ""),
    ("queue, handing over", "queue ", "(0)"),
    ("queue, of a manager", "queue ", "via manager"),
    ("pool", "pool ", ""),
    ("pool of processes", "pool ", "of processes"),
    ("lock of a record", "", "o.mu"),
    ("queue of a record", "", "o.q."),
    ("spawn", "", "spawn "),
    ("spawn of two", "", " x2"),
    ("spawn of three", "", " x3"),
    ("spawn within a task", "    ", "spawn"),
    ("process", "", "spawn process"),
    ("daemon", "", "spawn daemon"),
    ("fork", "", "fork()"),
    ("wait for a child", "", " wait()"),
    ("submit", "", "submit "),
    ("join", "", "join v"),
    ("join all", "join all", ""),
    ("join for a time", "", " for 1ms"),
    ("terminate", "", "terminate "),
    ("terminate of a pool", "", ".terminate()"),
    ("kill", "", "kill "),
    ("exit", "", "exit"),
    ("alive", "", ".alive"),
    ("result", "", ".result"),
    ("time-out", "", "timeout: "),
    ("without waiting", "", "blocking: false"),
    ("nowait", "", "_nowait("),
    ("select", "", "select {"),
    ("select with after", "", "after 1ms =>"),
    ("select with else", "", "else =>"),
    ("choose", "", "choose("),
    ("atomically", "", "atomically {"),
    ("await", "", "await "),
    ("join of several", "", "join ["),
    ("object by a value", "", "][0]"),
    ("continue", "", "continue"),
    ("terminate itself", "", "terminate self"),
    ("indivisible on plain memory", "", ".cas("),
    ("repeat", "", "repeat "),
    ("for over numbers", "", "for i in "),
    ("for over a queue", "", "for v"),
    ("while", "", "while "),
    ("break", "", "break"),
    ("function", "fn ", ""),
    ("function in a condition", " ", " see("),
    ("return", "", "return "),
    ("raise", "", "raise "),
    ("try", "", "try {"),
    ("assert", "", "assert "),
    ("sleep", "", "sleep "),
    ("print", "", "print "),
    ("invariant", "invariant ", ""),
    ("finally", "finally ", ""),
    ("expect", "expect ", ""),
];

/// The places of what a program uses in [`names`].
pub fn of(text: &str) -> Vec<usize> {
    let uses =
        |(_, start, within): &(&str, &str, &str)| text.lines().any(|l| l.starts_with(start) && l.contains(within));
    (0..FEATURES.len()).filter(|i| uses(&FEATURES[*i])).collect()
}

pub fn names() -> impl Iterator<Item = &'static str> {
    FEATURES.iter().map(|f| f.0)
}
