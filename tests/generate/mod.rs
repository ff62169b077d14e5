//! Random programs as text, each from its seed: small enough that every
//! interleaving of the finest division can be gone through, and biased so that
//! races, deadlocks, lost wake-ups and clean programs are all common. It owns
//! the shape of a program and its choice of objects; the statements on each
//! kind are in `deeds`, what a program uses in `feature`, dropping parts of a
//! program in `smaller`.

// Each test file is a program of its own and uses its part of this.
#![allow(dead_code)]

mod deeds;
pub mod feature;
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
    objects: Vec<(Kind, String)>,
    /// A record `o` with a lock and a number is there.
    record: bool,
    /// A function `g` is there.
    called: bool,
    /// A function `see` is there, which gives a bool.
    sees: bool,
    /// Locals that hold integers.
    numbers: Vec<String>,
    /// Locals that hold handles.
    handles: Vec<String>,
    /// Those of processes.
    processes: Vec<String>,
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
    let mut chosen = deeds::choose(&mut random);
    // Two that meet at a queue or go another way: seldom by chance.
    let opens = random.chance(7).then(|| *random.one(&deeds::OPENERS));
    if let Some(opener) = opens {
        chosen.retain(|one| *one != opener && *one != deeds::MEETING && one.0 != Kind::Pool);
        chosen.truncate(1);
        chosen.extend([deeds::MEETING, opener]);
    }
    let mut objects: Vec<_> = chosen.iter().map(|(kind, name)| (*kind, name.to_string())).collect();
    let record = random.chance(8);
    let mut out = Vec::new();
    for (kind, name) in &memory {
        let of = if *name == "row" { "row[2]" } else { name };
        out.push(Node::line(format!("{kind} {of} = 0")));
    }
    for (kind, name) in &chosen {
        out.extend(kind.declaration(name, &mut random).into_iter().map(Node::line));
    }
    if record {
        let mut fields = vec![Node::line("lock mu"), Node::line("shared f = 0")];
        if random.chance(60) {
            let (kind, name) = deeds::field(&mut random);
            fields.extend(kind.declaration(name, &mut random).into_iter().map(Node::line));
            objects.push((kind, format!("o.{name}")));
        }
        out.push(Node::block("struct S", fields));
    }
    let mut scene = Scene {
        random: &mut random,
        wish,
        memory,
        objects,
        record,
        called: false,
        sees: false,
        numbers: Vec::new(),
        handles: Vec::new(),
        processes: Vec::new(),
        locals: 0,
        held: Vec::new(),
        depth: 0,
        in_atomic: false,
        in_task: true,
    };
    let parameters = if record { "(o)" } else { "" };
    if scene.random.chance(15) {
        scene.depth = 1;
        let body = scene.steps(1);
        scene.depth = 0;
        let head = if record { "fn g(o)" } else { "fn g()" };
        out.push(Node::block(head, body));
        scene.called = true;
    }
    if scene.random.chance(12) {
        let mut body = if scene.random.chance(30) { scene.inner() } else { Vec::new() };
        scene.numbers.clear();
        scene.handles.clear();
        let place = scene.place().1;
        let look = scene.look(place);
        body.push(Node::line(format!("return {look}")));
        let head = if record { "fn see(o)" } else { "fn see()" };
        out.push(Node::block(head, body));
        scene.sees = true;
    }
    let tasks: &[&str] = if opens.is_none() && scene.random.chance(35) { &["p"] } else { &["p", "q1"] };
    for task in tasks {
        let count = 1 + scene.random.below(if opens.is_some() { 2 } else { 3 });
        let mut body = match opens {
            Some(opener) => vec![scene.meets(opener, *task == "p")],
            None => Vec::new(),
        };
        body.extend(scene.steps(count));
        if scene.random.chance(8) {
            body.push(Node::line("return 7"));
        }
        out.push(Node::block(format!("task {task}{parameters}"), body));
        (scene.numbers, scene.handles, scene.held) = (Vec::new(), Vec::new(), Vec::new());
        scene.processes.clear();
    }
    if scene.random.chance(8) && !scene.memory.is_empty() {
        let (_, name) = scene.memory[scene.random.below(scene.memory.len())];
        if name != "row" {
            let most = 1 + scene.random.below(2);
            out.push(Node::line(format!("invariant {name} <= {most}")));
        }
    }
    if scene.random.chance(10) {
        let (_, name) = scene.memory[0];
        if name != "row" {
            let how = if scene.random.chance(50) { "some" } else { "every" };
            out.push(Node::line(format!("expect {how} {name} == {}", scene.random.below(3))));
        }
    }
    scene.main(tasks, opens, &mut out);
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
    fn main(&mut self, tasks: &[&str], opens: Option<deeds::Named>, out: &mut Vec<Node>) {
        self.in_task = false;
        if self.record {
            out.push(Node::line("let o = S()"));
        }
        let (before, after) = opens.map(deeds::opening).unwrap_or_default();
        out.extend(before.map(Node::line));
        if self.random.chance(20) {
            let before = self.steps(1);
            out.extend(before);
        }
        let arguments = if self.record { "(o)" } else { "" };
        let mut several = Vec::new();
        for task in tasks {
            let how = match self.random.below(100) {
                0..15 => "spawn process ",
                15..18 => "spawn daemon ",
                18 => "spawn daemon process ",
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
                self.remember(handle, how.contains("process"));
            } else if self.random.chance(15) {
                let handles = self.local();
                out.push(Node::line(format!("let {handles} = {how}{task}{arguments}{twice}")));
                several.push(handles);
            } else if self.random.chance(30) {
                self.again_and_again(&format!("{how}{task}{arguments}"), out);
            } else {
                out.push(Node::line(format!("{how}{task}{arguments}{twice}")));
            }
        }
        if self.random.chance(4) {
            self.forked(out);
        }
        out.extend(after.filter(|_| self.random.chance(80)).map(Node::line));
        let count = self.random.below(3);
        let own = self.steps(count);
        out.extend(own);
        match self.random.below(100) {
            0..45 => out.push(Node::line("join all")),
            45..90 if !several.is_empty() => out.push(Node::line(format!("join {}", several[0]))),
            45..55 if !self.handles.is_empty() => out.push(Node::line(format!("join {}", self.handles[0]))),
            _ => {}
        }
        // A pool that is closed and joined on every way, as most are.
        let pool = self.objects.iter().find(|o| o.0 == Kind::Pool).map(|o| o.1.clone());
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

    /// Two tasks of one `spawn`, the second perhaps behind something else.
    fn again_and_again(&mut self, spawn: &str, out: &mut Vec<Node>) {
        let mut body = vec![Node::line(spawn)];
        match self.random.below(4) {
            0..2 => body.push(Node::line("join all")),
            2 => body.extend(self.inner()),
            _ => {}
        }
        out.push(Node::block("repeat 2", body));
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
            0..24 => self.memory_deed(out),
            24..67 if !self.objects.is_empty() => self.object_deed(out),
            67..76 if shallow => self.branch(out),
            76..91 => self.other(out),
            91..97 if !self.in_atomic => match self.handles.last().cloned() {
                Some(last) => self.handle_deed(&last, out),
                None => self.memory_deed(out),
            },
            _ => self.memory_deed(out),
        }
    }
}
