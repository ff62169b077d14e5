//! Random programs as text, each from its seed: small enough that every
//! interleaving of the finest division can be gone through, and biased so that
//! races, deadlocks, lost wake-ups and clean programs are all common. It owns
//! the shape of a program and its choice of objects; the statements on each
//! kind are in `deeds`, dropping parts of a program in `smaller`.

// Each test file is a program of its own and uses its part of this.
#![allow(dead_code)]

mod deeds;
pub mod smaller;

use conc::objects::KINDS;
use conc::program::Program;
use deeds::Kind;

/// A number of the environment, such as how many programs are wanted.
pub fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|v| v.parse().ok()).unwrap_or(default)
}

/// A program from its text, for as long as the test runs; none if it does not
/// compile.
pub fn compile(text: &str) -> Option<&'static Program> {
    let script = conc::lang::parse::parse(text).ok()?;
    let program = conc::program::compile(&script, text, KINDS, &[]).ok()?;
    Some(Box::leak(Box::new(program)))
}

/// A splitmix64 generator: the same numbers for a seed everywhere.
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Random {
        Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x5851_f42d_4c95_7f2d)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `n`.
    pub fn below(&mut self, n: usize) -> usize {
        (self.next() % n as u64) as usize
    }

    pub fn chance(&mut self, percent: u64) -> bool {
        self.next() % 100 < percent
    }

    pub fn one<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[self.below(of.len())]
    }
}

/// A statement or declaration: heads, each with a block or without, such as
/// `try`, `catch Empty`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    pub parts: Vec<(String, Option<Vec<Node>>)>,
}

impl Node {
    pub fn line(text: impl Into<String>) -> Node {
        Node { parts: vec![(text.into(), None)] }
    }

    pub fn block(head: impl Into<String>, body: Vec<Node>) -> Node {
        Node { parts: vec![(head.into(), Some(body))] }
    }

    pub fn and(mut self, head: impl Into<String>, body: Vec<Node>) -> Node {
        self.parts.push((head.into(), Some(body)));
        self
    }

    fn write(&self, depth: usize, out: &mut String) {
        let indent = "    ".repeat(depth);
        out.push_str(&indent);
        for (i, (head, body)) in self.parts.iter().enumerate() {
            if i > 0 {
                out.push(' ');
            }
            out.push_str(head);
            let Some(body) = body else { continue };
            if body.is_empty() {
                out.push_str(" { }");
                continue;
            }
            out.push_str(" {\n");
            body.iter().for_each(|n| n.write(depth + 1, out));
            out.push_str(&indent);
            out.push('}');
        }
        out.push('\n');
    }
}

/// The text of a program.
pub fn text(program: &[Node]) -> String {
    let mut out = String::new();
    program.iter().for_each(|n| n.write(0, &mut out));
    out
}

/// What a program may contain besides what every program does.
#[derive(Clone, Copy, Debug)]
pub struct Wish {
    /// Only what ends by itself when run for real: no busy waiting.
    pub ends: bool,
}

/// Who is being written, and what it may name.
pub(crate) struct Scene<'r> {
    random: &'r mut Random,
    wish: Wish,
    memory: Vec<(&'static str, &'static str)>,
    objects: Vec<(Kind, &'static str)>,
    /// A record `o` with these fields is there.
    record: bool,
    /// Locals that hold integers.
    numbers: Vec<String>,
    /// Locals that hold handles.
    handles: Vec<String>,
    locals: usize,
    /// Locks held around the place, so that few tasks wait for themselves.
    held: Vec<String>,
    depth: usize,
    in_atomic: bool,
    in_task: bool,
}

impl Scene<'_> {
    fn local(&mut self) -> String {
        self.locals += 1;
        format!("v{}", self.locals)
    }
}

const MEMORY: [(&str, &str); 7] =
    [("var", "x"), ("var", "y"), ("shared", "s"), ("shared", "t"), ("atomic", "a"), ("var", "row"), ("atomic", "flag")];

/// The program of a seed.
pub fn program(seed: u64, wish: Wish) -> Vec<Node> {
    let mut random = Random::new(seed);
    let memory = choose_memory(&mut random);
    let objects = deeds::choose(&mut random);
    let record = random.chance(8);
    let mut out = Vec::new();
    for (kind, name) in &memory {
        let of = if *name == "row" { "row[2]" } else { name };
        out.push(Node::line(format!("{kind} {of} = 0")));
    }
    for (kind, name) in &objects {
        out.extend(kind.declaration(name, &mut random).into_iter().map(Node::line));
    }
    if record {
        out.push(Node::block("struct S", vec![Node::line("lock mu"), Node::line("shared f = 0")]));
    }
    let mut scene = Scene {
        random: &mut random,
        wish,
        memory,
        objects,
        record,
        numbers: Vec::new(),
        handles: Vec::new(),
        locals: 0,
        held: Vec::new(),
        depth: 0,
        in_atomic: false,
        in_task: true,
    };
    let tasks: &[&str] = if scene.random.chance(35) { &["p"] } else { &["p", "q1"] };
    let parameters = if record { "(o)" } else { "" };
    for task in tasks {
        let count = 1 + scene.random.below(3);
        let mut body = scene.steps(count);
        if scene.random.chance(8) {
            body.push(Node::line("return 7"));
        }
        out.push(Node::block(format!("task {task}{parameters}"), body));
        (scene.numbers, scene.handles, scene.held) = (Vec::new(), Vec::new(), Vec::new());
    }
    if scene.random.chance(8) && !scene.memory.is_empty() {
        let (_, name) = scene.memory[scene.random.below(scene.memory.len())];
        if name != "row" {
            let most = 1 + scene.random.below(2);
            out.push(Node::line(format!("invariant {name} <= {most}")));
        }
    }
    scene.main(tasks, &mut out);
    out
}

fn choose_memory(random: &mut Random) -> Vec<(&'static str, &'static str)> {
    let mut memory = Vec::new();
    for _ in 0..1 + random.below(2) {
        let one = *random.one(&MEMORY);
        if !memory.contains(&one) {
            memory.push(one);
        }
    }
    memory
}

impl Scene<'_> {
    /// What `main` does: spawns the tasks, something of its own, and waits for
    /// them or not.
    fn main(&mut self, tasks: &[&str], out: &mut Vec<Node>) {
        self.in_task = false;
        if self.record {
            out.push(Node::line("let o = S()"));
        }
        if self.random.chance(20) {
            let before = self.steps(1);
            out.extend(before);
        }
        let arguments = if self.record { "(o)" } else { "" };
        for task in tasks {
            let how = match self.random.below(100) {
                0..15 => "spawn process ",
                15..19 => "spawn daemon ",
                _ => "spawn ",
            };
            let twice = match (tasks.len(), self.random.below(100)) {
                (1, 0..55) | (2, 0..15) => " x2",
                (1, 55..70) => " x3",
                _ => "",
            };
            if twice.is_empty() {
                let handle = self.local();
                out.push(Node::line(format!("let {handle} = {how}{task}{arguments}")));
                self.handles.push(handle);
            } else {
                out.push(Node::line(format!("{how}{task}{arguments}{twice}")));
            }
        }
        if self.random.chance(4) {
            self.forked(out);
        }
        let count = self.random.below(3);
        let own = self.steps(count);
        out.extend(own);
        match self.random.below(100) {
            0..45 => out.push(Node::line("join all")),
            45..55 if !self.handles.is_empty() => out.push(Node::line(format!("join {}", self.handles[0]))),
            _ => {}
        }
        // A pool that is closed and joined on every way, as most are.
        let pool = self.objects.iter().find(|o| o.0 == Kind::Pool).map(|o| o.1);
        if let Some(pool) = pool.filter(|_| self.random.chance(50)) {
            out.push(Node::line(format!("{pool}.close()")));
            out.push(Node::line(format!("join {pool}")));
        }
        if self.random.chance(35) {
            let after = self.steps(1);
            out.extend(after);
        }
        if self.random.chance(15) {
            let (_, name) = self.memory[0];
            if name != "row" {
                let n = self.random.below(3);
                out.push(Node::block("finally", vec![Node::line(format!("assert {name} == {n}"))]));
            }
        }
    }

    fn forked(&mut self, out: &mut Vec<Node>) {
        let mut child = self.steps(1);
        if self.random.chance(70) {
            child.push(Node::line("exit"));
        }
        let mut parent = self.steps(1);
        if self.random.chance(70) {
            parent.push(Node::line("wait()"));
        }
        out.push(Node::line("let pid = fork()"));
        out.push(Node::block("if pid == 0", child).and("else", parent));
    }

    /// So many statements.
    pub(crate) fn steps(&mut self, count: usize) -> Vec<Node> {
        let (numbers, handles) = (self.numbers.len(), self.handles.len());
        let mut body = Vec::new();
        for _ in 0..count {
            self.step(&mut body);
        }
        if self.depth > 0 {
            self.numbers.truncate(numbers);
            self.handles.truncate(handles);
        }
        body
    }

    /// A block one deeper, of one or two statements.
    pub(crate) fn inner(&mut self) -> Vec<Node> {
        self.depth += 1;
        let count = 1 + usize::from(self.random.chance(30));
        let body = self.steps(count);
        self.depth -= 1;
        body
    }

    fn step(&mut self, out: &mut Vec<Node>) {
        let shallow = self.depth < 2;
        match self.random.below(100) {
            0..28 => self.memory_deed(out),
            28..74 if !self.objects.is_empty() => self.object_deed(out),
            74..84 if shallow => self.branch(out),
            84..94 => self.other(out),
            _ => self.memory_deed(out),
        }
    }
}
