//! Random entries of a session: declarations, statements and commands that may
//! or may not fit together, and garbage. Each is whole, so that one entry does
//! not swallow the next.

use super::Random;
use conc::repl::is_complete;

const NAMES: [&str; 12] = ["a", "b", "q", "x", "t", "w", "p", "e", "s", "c", "l", "n"];
const KINDS: [&str; 12] = [
    "lock",
    "queue",
    "event",
    "semaphore",
    "latch",
    "barrier",
    "rwlock",
    "var",
    "shared",
    "atomic",
    "condition",
    "pool",
];
const METHODS: [&str; 14] = [
    "get_nowait",
    "put",
    "acquire",
    "release",
    "set",
    "wait",
    "value",
    "locked",
    "qsize",
    "load",
    "add",
    "close",
    "notify",
    "count_down",
];
const TOKENS: [&str; 28] = [
    "if", "{", "}", "(", ")", "lock", "m", "=", "+", "\"x", "print", "spawn", "task", "let", "1", "ms", "..", "catch",
    "try", "select", "=>", "#", ";", "join", "all", "[", "]", ":x",
];
const SIGNS: [char; 22] = [
    '(', ')', '{', '}', '[', ']', '"', '\\', '#', ';', ':', ',', '.', '=', '<', '>', 'é', '\t', '\0', '\u{1b}', '日',
    '`',
];

pub struct Entries(pub Random);

impl Entries {
    fn one_of<'a>(&mut self, words: &[&'a str]) -> &'a str {
        words[self.0.below(words.len() as u64) as usize]
    }

    fn name(&mut self) -> &'static str {
        self.one_of(&NAMES)
    }

    /// The next one. A `let` or a declaration is now and then defined twice, a
    /// name means nothing, a lock is never let go: all that is wanted.
    pub fn entry(&mut self) -> String {
        loop {
            let text = match self.0.below(20) {
                0..5 => self.garbage(),
                5..7 => self.command(),
                7..12 => self.declaration(),
                _ => self.statement(0),
            };
            if is_complete(&text) {
                return text;
            }
        }
    }

    fn garbage(&mut self) -> String {
        let count = self.0.below(24);
        match self.0.below(3) {
            0 => (0..count).map(|_| char::from(32 + self.0.below(95) as u8)).collect(),
            1 => (0..count).map(|_| SIGNS[self.0.below(SIGNS.len() as u64) as usize]).collect(),
            _ => (0..count / 3).map(|_| self.one_of(&TOKENS)).collect::<Vec<_>>().join(" "),
        }
    }

    fn command(&mut self) -> String {
        match self.0.below(40) {
            0 => ":undo".to_string(),
            1 => ":reset".to_string(),
            2..10 => format!(":time {}", self.expression(0)),
            _ => self
                .one_of(&[
                    ":tasks",
                    ":objects",
                    ":graph",
                    ":help queue",
                    ":help zzz",
                    ":findings",
                    ":objects q",
                    ":nope",
                ])
                .to_string(),
        }
    }

    fn expression(&mut self, depth: u64) -> String {
        if depth > 2 || self.0.below(3) == 0 {
            let name = self.name();
            return match self.0.below(8) {
                0 => format!("{}", self.0.below(99)),
                1 => format!("\"s{{{name}}}\""),
                2 => format!("{name}{}", self.0.below(30)),
                3 => self.one_of(&["true", "none", "10ms", "[1, 2]", "self", "-3"]).to_string(),
                _ => name.to_string(),
            };
        }
        let inner = self.expression(depth + 1);
        match self.0.below(3) {
            0 => {
                let sign = self.one_of(&["+", "-", "*", "/", "==", "<", "and", "..", "in"]);
                format!("{inner} {sign} {}", self.expression(depth + 1))
            }
            1 => {
                let (name, method) = (self.name(), self.one_of(&METHODS));
                let args = [String::new(), inner, "timeout: 1ms".to_string(), "blocking: false".to_string()];
                format!("{name}.{method}({})", args[self.0.below(4) as usize])
            }
            _ => format!("{}({inner})", self.one_of(&["len", "min", "str", "int", "choose", "f", "g", "fork"])),
        }
    }

    fn statement(&mut self, depth: u64) -> String {
        let name = self.name();
        let value = self.expression(0);
        if depth > 2 {
            return value;
        }
        match self.0.below(40) {
            0..5 => format!("let {name}{} = {value}", self.0.below(30)),
            5..9 => format!("{name} = {value}"),
            9..13 => format!("print {value}"),
            13..17 => {
                let how = self.one_of(&["", "", "process ", "daemon "]);
                format!("spawn {how}{{ {} }}", self.statement(depth + 1))
            }
            17..20 => format!("spawn {}", self.one_of(&["t", "w", "t(1)", "process t", "t x2"])),
            20 => format!("sleep {}ms", self.0.below(3)),
            21 => format!("if {value} {{ {} }} else {{ yield }}", self.statement(depth + 1)),
            22 => format!("with {name} {{ {} }}", self.statement(depth + 1)),
            23 => format!("try {{ {} }} catch any as e {{ print e }}", self.statement(depth + 1)),
            24 => format!("for i in 0..3 {{ {} }}", self.statement(depth + 1)),
            25 => "join all for 1ms".to_string(),
            26 => format!("terminate {name}"),
            27 => format!("kill {}", self.one_of(&["a", "w", "t0", "a1"])),
            28 => format!("atomically {{ {} }}", self.statement(depth + 1)),
            29 => format!("assert {value}"),
            30 if self.0.below(8) == 0 => self.one_of(&["kill self", "terminate self"]).to_string(),
            _ => value,
        }
    }

    fn declaration(&mut self) -> String {
        let (name, number) = (self.name(), self.0.below(40));
        match self.0.below(20) {
            0..8 => {
                let kind = self.one_of(&KINDS);
                let rest = match kind {
                    "var" | "shared" | "atomic" => " = 0",
                    "condition" => "(a)",
                    "barrier" => "(2)",
                    "pool" | "latch" => "(1)",
                    _ => self.one_of(&["", "(1)", "[2]", " = 1", " reentrant"]),
                };
                format!("{kind} {name}{rest}")
            }
            8..15 => {
                let (kind, name) = (self.one_of(&["task", "fn"]), self.one_of(&["t", "w", "f", "g"]));
                let params = self.one_of(&["", "(n)", "(n = 1)"]);
                format!("{kind} {name}{params} {{ {}; {} }}", self.statement(1), self.statement(1))
            }
            15 => format!("const N{number} = {}", self.expression(0)),
            16 => format!("struct S{number} {{ lock l\n var n = 0 }}"),
            17 if self.0.below(10) == 0 => "invariant true".to_string(),
            _ => self.statement(0),
        }
    }
}
