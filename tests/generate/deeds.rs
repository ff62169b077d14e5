//! The statements of random programs: on memory, on each kind of object, and
//! those that are about none.

use super::{Node, Random, Scene};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Lock,
    Reentrant,
    Rwlock,
    Semaphore,
    Condition,
    Event,
    Barrier,
    Latch,
    Queue,
    Pool,
}

/// An object, and how it is declared.
pub type Named = (Kind, &'static str);

/// Where two meet.
pub const MEETING: Named = (Kind::Queue, "h");

/// What the other arm of those that meet may be.
pub const OPENERS: [Named; 3] = [(Kind::Event, "e"), (Kind::Lock, "m"), (Kind::Semaphore, "sem")];

/// What `main` does before those that meet are there, so that the other arm waits, and what
/// it does later, so that it does not.
pub fn opening((kind, name): Named) -> (Option<String>, Option<String>) {
    match kind {
        Kind::Event => (None, Some(format!("{name}.set()"))),
        Kind::Lock => (Some(format!("{name}.acquire()")), Some(format!("{name}.release()"))),
        _ => (None, Some(format!("{name}.release()"))),
    }
}

/// Of `ms` there are two, of which one is as good as the other.
const KINDS: [(Kind, &str); 15] = [
    (Kind::Lock, "m"),
    (Kind::Lock, "n"),
    (Kind::Lock, "ms"),
    (Kind::Reentrant, "r"),
    (Kind::Rwlock, "rw"),
    (Kind::Semaphore, "sem"),
    (Kind::Condition, "c"),
    (Kind::Condition, "d"),
    (Kind::Event, "e"),
    (Kind::Barrier, "b"),
    (Kind::Latch, "l"),
    (Kind::Queue, "q"),
    (Kind::Queue, "k"),
    (Kind::Queue, "h"),
    (Kind::Pool, "w"),
];

/// What a record may hold besides a lock and a number.
const FIELDS: [(Kind, &str); 8] = [
    (Kind::Queue, "q"),
    (Kind::Queue, "q"),
    (Kind::Event, "e"),
    (Kind::Semaphore, "sem"),
    (Kind::Rwlock, "rw"),
    (Kind::Condition, "c"),
    (Kind::Barrier, "b"),
    (Kind::Latch, "l"),
];

/// A field of a record that is an object.
pub fn field(random: &mut Random) -> Named {
    *random.one(&FIELDS)
}

/// One to three objects.
pub fn choose(random: &mut Random) -> Vec<Named> {
    let mut objects = Vec::new();
    for _ in 0..1 + random.below(3) {
        let mut one = *random.one(&KINDS);
        // A pool's workers make a program large.
        if one.0 == Kind::Pool && random.chance(30) {
            one = KINDS[0];
        }
        if !objects.contains(&one) {
            objects.push(one);
        }
    }
    objects
}

impl Kind {
    pub fn declaration(self, name: &str, random: &mut Random) -> Vec<String> {
        let one = |text: String| vec![text];
        match self {
            Kind::Lock if name == "ms" => one("lock ms[2]".to_string()),
            Kind::Lock => one(format!("lock {name}")),
            Kind::Reentrant => one(format!("lock {name} reentrant")),
            Kind::Rwlock => one(format!("rwlock {name}")),
            Kind::Semaphore => one(format!("semaphore {name}({})", random.below(3))),
            Kind::Condition => vec![format!("lock {name}m"), format!("condition {name}({name}m)")],
            Kind::Event => one(format!("event {name}")),
            Kind::Barrier => one(format!("barrier {name}(2)")),
            Kind::Latch => one(format!("latch {name}({})", 1 + random.below(2))),
            Kind::Queue => {
                let most = match random.below(4) {
                    _ if name == MEETING.1 => "(0)".to_string(),
                    0 => String::new(),
                    1 => "(0)".to_string(),
                    _ => format!("({})", 1 + random.below(2)),
                };
                let via = if random.chance(12) { " via manager" } else { "" };
                one(format!("queue {name}{most}{via}"))
            }
            Kind::Pool => {
                let of = if random.chance(30) { " of processes" } else { "" };
                one(format!("pool {name}({}){of}", 1 + random.below(2)))
            }
        }
    }
}

fn line(text: impl Into<String>) -> Node {
    Node::line(text)
}

impl Scene<'_> {
    pub(super) fn place(&mut self) -> (&'static str, String) {
        if self.record && self.random.chance(40) {
            return ("shared", "o.f".to_string());
        }
        let (kind, name) = self.memory[self.random.below(self.memory.len())];
        if name != "row" {
            return (kind, name.to_string());
        }
        let index = match self.numbers.last() {
            Some(n) if self.random.chance(30) => format!("abs({n}) % 2"),
            _ => self.random.below(2).to_string(),
        };
        (kind, format!("row[{index}]"))
    }

    fn number(&mut self) -> String {
        match self.numbers.last() {
            Some(n) if self.random.chance(40) => n.clone(),
            _ => self.random.below(3).to_string(),
        }
    }

    /// One of the objects, and how it is named here.
    fn object(&mut self) -> (Kind, String) {
        let (kind, name) = self.objects[self.random.below(self.objects.len())].clone();
        match name.as_str() {
            "ms" => (kind, format!("ms[{}]", self.random.below(2))),
            // Which object it is, only the running task knows.
            _ if self.random.chance(6) && !matches!(kind, Kind::Condition | Kind::Pool) => {
                (kind, format!("[{name}][0]"))
            }
            _ => (kind, name),
        }
    }

    pub(super) fn memory_deed(&mut self, out: &mut Vec<Node>) {
        let (_, place) = self.place();
        match self.random.below(20) {
            0..7 => {
                let value = self.number();
                out.push(line(format!("{place} = {value}")));
            }
            7..10 => {
                let how = match self.random.below(20) {
                    0 => "-= 1",
                    1 => "*= 2",
                    2 => "/= 0",
                    _ => "+= 1",
                };
                out.push(line(format!("{place} {how}")));
            }
            10..15 => {
                let v = self.local();
                out.push(line(format!("let {v} = {place}")));
                self.numbers.push(v);
            }
            15 => out.push(line(format!("{place}.add(1)"))),
            16 => {
                let v = self.local();
                out.push(line(format!("let {v} = {place}.load()")));
                self.numbers.push(v);
            }
            17 => {
                let value = if self.random.chance(10) { "\"a\"".to_string() } else { self.number() };
                out.push(line(format!("{place}.store({value})")));
            }
            18 => {
                let body = self.inner();
                out.push(Node::block(format!("if {place}.cas(0, 1)"), body));
            }
            _ => {
                let v = self.local();
                out.push(line(format!("let {v} = {place}.swap(2)")));
                self.numbers.push(v);
            }
        }
    }

    pub(super) fn branch(&mut self, out: &mut Vec<Node>) {
        let condition = match (self.numbers.last(), self.random.below(4)) {
            (Some(n), 0..3) => format!("{n} == {}", self.random.below(2)),
            (None, 0) => "choose([true, false])".to_string(),
            (_, 3) if self.random.chance(30) => "choose(0..2) == 1".to_string(),
            (_, 3) if self.in_task && self.random.chance(20) => "self.index == 0".to_string(),
            _ => {
                let (_, place) = self.place();
                let first = format!("{place} == {}", self.random.below(2));
                match self.random.below(50) {
                    0..6 => format!("{first} and {}", self.sight()),
                    6..16 if self.sees => self.look(place),
                    _ => first,
                }
            }
        };
        let body = self.inner();
        let mut node = Node::block(format!("if {condition}"), body);
        if self.random.chance(30) {
            node = node.and("else", self.inner());
        }
        out.push(node);
    }

    /// What an `await` looks at: what comes second in it is reached by what the first finds.
    pub(super) fn look(&mut self, place: String) -> String {
        let first = match self.sees && self.random.chance(50) {
            true if self.record => "see(o)".to_string(),
            true => "see()".to_string(),
            false => self.look_at(&place, false),
        };
        if !self.random.chance(35) {
            return first;
        }
        let word = if self.random.chance(70) { "and" } else { "or" };
        if self.random.chance(35) {
            return format!("{first} {word} {}", self.sight());
        }
        let (_, other) = self.place();
        let changes = self.random.chance(40);
        format!("{first} {word} {}", self.look_at(&other, changes))
    }

    /// What can be seen of an object, of a task, or of a place.
    fn sight(&mut self) -> String {
        if let Some(handle) = self.handles.last().filter(|_| self.random.chance(20)) {
            return format!("not {handle}.alive");
        }
        let of = (!self.objects.is_empty()).then(|| self.object());
        let (place, n) = (self.place().1, self.random.below(2));
        match of {
            Some((Kind::Lock | Kind::Reentrant, name)) if n == 0 => format!("{name}.acquire(blocking: false)"),
            Some((Kind::Lock | Kind::Reentrant, name)) => format!("not {name}.locked()"),
            Some((Kind::Rwlock, name)) => format!("{name}.acquire_write(blocking: false)"),
            Some((Kind::Semaphore, name)) if n == 0 => format!("{name}.acquire(blocking: false)"),
            Some((Kind::Semaphore | Kind::Latch, name)) => format!("{name}.value() == 0"),
            Some((Kind::Event, name)) => format!("{name}.is_set()"),
            Some((Kind::Queue, name)) if n == 0 => format!("not {name}.empty()"),
            Some((Kind::Queue, name)) => format!("{name}.qsize() == 1"),
            _ => format!("{place} == {n}"),
        }
    }

    fn look_at(&mut self, place: &str, changes: bool) -> String {
        match self.random.below(10) {
            _ if changes => format!("{place}.cas({}, 1)", self.random.below(2)),
            0 => format!("{place}.cas(0, 1)"),
            1..4 => format!("{place}.load() == {}", self.random.below(2)),
            _ => format!("{place} == {}", self.random.below(2)),
        }
    }

    fn call(&self) -> Node {
        line(if self.record { "g(o)" } else { "g()" })
    }

    pub(super) fn other(&mut self, out: &mut Vec<Node>) {
        // What it does may be within a block by its caller alone.
        if self.called && self.random.chance(10) {
            return out.push(self.call());
        }
        let last = self.handles.last().cloned();
        match self.random.below(30) {
            0..4 if !self.in_atomic => {
                let (_, place) = self.place();
                self.in_atomic = true;
                let mut body = self.inner();
                self.in_atomic = false;
                if self.random.chance(20) {
                    let look = self.look(place);
                    body.insert(0, line(format!("await {look}")));
                }
                out.push(Node::block("atomically", body));
            }
            4 if !self.in_atomic => {
                let (_, place) = self.place();
                let look = if self.random.chance(20) { self.sight() } else { self.look(place) };
                out.push(line(format!("await {look}")));
            }
            5..8 if self.depth == 0 => {
                let mut body = self.inner();
                let head = match self.random.below(6) {
                    0 => "for i in 0..2",
                    1 => "for i in [2, 1]",
                    2 => {
                        let leaves = if self.random.chance(70) { "break" } else { "continue" };
                        body.insert(
                            self.random.below(body.len() + 1),
                            line(format!("if choose([true, false]) {{ {leaves} }}")),
                        );
                        "repeat 3"
                    }
                    _ => "repeat 2",
                };
                out.push(Node::block(head, body));
            }
            8 if self.depth == 0 && !self.wish.ends => {
                let (_, place) = self.place();
                let body = if self.random.chance(50) { vec![line("yield")] } else { self.inner() };
                let until = if self.random.chance(25) { self.sight() } else { format!("{place} != 0") };
                out.push(Node::block(format!("while not ({until})"), body));
            }
            9..11 => {
                let n = self.number();
                let (_, place) = self.place();
                out.push(line(format!("assert {place} == {n}")));
            }
            11..14 => {
                let body = self.inner();
                out.push(Node::block("try", body).and("catch any", vec![line("yield")]));
            }
            14 => out.push(line("raise \"no\"")),
            15 if !self.in_atomic => out.push(line("sleep 1ms")),
            16 => {
                let n = self.number();
                out.push(line(format!("print \"{{{n}}}\"")));
            }
            17..19 if !self.in_atomic => {
                let body = self.inner();
                let process = self.random.chance(15);
                let v = self.local();
                let how = if process { " process" } else { "" };
                out.push(Node::block(format!("let {v} = spawn{how}"), body));
                self.remember(v, process);
            }
            19..23 if last.is_some() && !self.in_atomic => self.handle_deed(&last.unwrap_or_default(), out),
            23..26 if !self.in_atomic => self.select(out),
            26 if self.random.chance(50) => out.push(line("exit 3")),
            26 if self.random.chance(25) => out.push(line("terminate self")),
            26 if self.called => out.push(self.call()),
            27 if self.in_task && self.random.chance(60) => out.push(line("return 5")),
            28 => {
                let v = self.local();
                out.push(line(format!("let {v} = choose(0..2)")));
                self.numbers.push(v);
            }
            _ => self.memory_deed(out),
        }
    }

    /// A handle that later statements may use.
    pub(super) fn remember(&mut self, handle: String, process: bool) {
        if process {
            self.processes.push(handle.clone());
        }
        self.handles.push(handle);
    }

    pub(super) fn handle_deed(&mut self, handle: &str, out: &mut Vec<Node>) {
        match self.random.below(10) {
            0..3 if self.handles.len() > 1 && self.random.chance(40) => {
                let time = if self.random.chance(25) { " for 1ms" } else { "" };
                out.push(line(format!("join [{}, {handle}]{time}", self.handles[0])));
            }
            0..3 => out.push(line(format!("join {handle}"))),
            3 | 4 => {
                let body = self.inner();
                out.push(Node::block(format!("if join {handle} for 1ms"), body));
            }
            5 | 6 => {
                let body = self.inner();
                let not = if self.random.chance(70) { "not " } else { "" };
                out.push(Node::block(format!("if {not}{handle}.alive"), body));
            }
            7 => {
                out.push(line(format!("join {handle}")));
                out.push(line(format!("print {handle}.result")));
            }
            8 | 9 if self.random.chance(70) && self.processes.iter().any(|p| p == handle) => {
                out.push(line(format!("kill {handle}")));
            }
            8 => out.push(line(format!("terminate {handle}"))),
            _ => out.push(line(format!("print {handle}.exit_code == none"))),
        }
    }

    /// One side of those that meet.
    pub(super) fn meets(&mut self, (kind, name): Named, gets: bool) -> Node {
        let (queue, inner) = (MEETING.1, self.inner());
        let operation = if gets { "get()" } else { "put(1)" };
        let met = Node::block(format!("{queue}.{operation} =>"), inner);
        let (operation, body) = match kind {
            Kind::Event => ("wait()", self.inner()),
            Kind::Lock => ("acquire()", vec![line(format!("{name}.release()"))]),
            _ => ("acquire()", self.inner()),
        };
        Node::block("select", vec![met, Node::block(format!("{name}.{operation} =>"), body)])
    }

    fn select(&mut self, out: &mut Vec<Node>) {
        let mut parts: Vec<(String, Vec<Node>)> = Vec::new();
        for _ in 0..1 + self.random.below(3) {
            let handle = self.handles.last().filter(|_| self.random.chance(10)).cloned();
            if let Some(handle) = handle {
                parts.push((format!("join {handle}"), self.inner()));
                continue;
            }
            let (kind, name) = self.object();
            let write = self.random.chance(50);
            let operation = match kind {
                Kind::Queue if self.random.chance(50) => format!("{name}.get()"),
                Kind::Queue => format!("{name}.put(1)"),
                Kind::Lock => format!("{name}.acquire()"),
                Kind::Semaphore => format!("{name}.acquire()"),
                Kind::Rwlock if write => format!("{name}.acquire_write()"),
                Kind::Rwlock => format!("{name}.acquire_read()"),
                Kind::Event | Kind::Latch => format!("{name}.wait()"),
                _ => continue,
            };
            let mut body = self.inner();
            match kind {
                Kind::Lock => body.push(line(format!("{name}.release()"))),
                Kind::Rwlock if write => body.push(line(format!("{name}.release_write()"))),
                Kind::Rwlock => body.push(line(format!("{name}.release_read()"))),
                _ => {}
            }
            parts.push((operation, body));
        }
        if parts.is_empty() {
            return self.memory_deed(out);
        }
        match self.random.below(4) {
            0 => parts.push(("after 1ms".to_string(), self.inner())),
            1 => parts.push(("else".to_string(), self.inner())),
            _ => {}
        }
        let arms = parts.into_iter().map(|(head, body)| Node::block(format!("{head} =>"), body));
        out.push(Node::block("select", arms.collect()));
    }

    pub(super) fn object_deed(&mut self, out: &mut Vec<Node>) {
        if self.record && self.random.chance(15) {
            let body = self.inner();
            return out.push(Node::block("with o.mu", body));
        }
        let (kind, name) = self.object();
        let name = name.as_str();
        match kind {
            Kind::Lock => self.lock(name, out),
            Kind::Reentrant => {
                let mut body = self.inner();
                if self.random.chance(40) {
                    body = vec![Node::block(format!("with {name}"), body)];
                }
                out.push(Node::block(format!("with {name}"), body));
            }
            Kind::Rwlock => self.rwlock(name, out),
            Kind::Semaphore => self.semaphore(name, out),
            Kind::Condition => self.condition(name, out),
            Kind::Event => self.event(name, out),
            Kind::Barrier => self.barrier(name, out),
            Kind::Latch => self.latch(name, out),
            Kind::Queue => self.queue(name, out),
            Kind::Pool => self.pool(name, out),
        }
    }

    fn held_inner(&mut self, name: &str) -> Vec<Node> {
        self.held.push(name.to_string());
        let body = self.inner();
        self.held.pop();
        body
    }

    fn lock(&mut self, name: &str, out: &mut Vec<Node>) {
        if self.held.iter().any(|h| h == name) && self.random.chance(80) {
            return self.memory_deed(out);
        }
        match self.random.below(20) {
            0..11 => {
                let body = self.held_inner(name);
                out.push(Node::block(format!("with {name}"), body));
            }
            11..13 => {
                out.push(line(format!("{name}.acquire()")));
                let body = self.held_inner(name);
                out.extend(body);
                if self.random.chance(85) {
                    out.push(line(format!("{name}.release()")));
                }
            }
            13..17 => {
                let how = if self.random.chance(50) { "blocking: false" } else { "timeout: 1ms" };
                let mut body = self.held_inner(name);
                body.push(line(format!("{name}.release()")));
                let mut node = Node::block(format!("if {name}.acquire({how})"), body);
                if self.random.chance(50) {
                    node = node.and("else", self.inner());
                }
                out.push(node);
            }
            17..19 => {
                let body = self.inner();
                out.push(Node::block(format!("if {name}.locked()"), body));
            }
            _ => {
                let body = vec![line(format!("{name}.release()"))];
                let caught = self.inner();
                out.push(Node::block("try", body).and("catch NotOwner", caught));
            }
        }
    }

    fn rwlock(&mut self, name: &str, out: &mut Vec<Node>) {
        let mode = if self.random.chance(55) { "read" } else { "write" };
        if self.random.chance(75) {
            let body = self.held_inner(name);
            return out.push(Node::block(format!("with {name}.{mode}"), body));
        }
        if self.random.chance(25) {
            out.push(line(format!("{name}.acquire_{mode}()")));
            let body = self.held_inner(name);
            out.extend(body);
            let other = if self.random.chance(90) { mode } else { "write" };
            return out.push(line(format!("{name}.release_{other}()")));
        }
        let how = if self.random.chance(50) { "blocking: false" } else { "timeout: 1ms" };
        let mut body = self.held_inner(name);
        body.push(line(format!("{name}.release_{mode}()")));
        let mut node = Node::block(format!("if {name}.acquire_{mode}({how})"), body);
        if self.random.chance(40) {
            node = node.and("else", self.inner());
        }
        out.push(node);
    }

    fn semaphore(&mut self, name: &str, out: &mut Vec<Node>) {
        match self.random.below(10) {
            0..3 => out.push(line(format!("{name}.acquire()"))),
            3..6 => {
                let most = if self.random.chance(20) { "2" } else { "" };
                out.push(line(format!("{name}.release({most})")));
            }
            6 => {
                let body = self.inner();
                out.push(Node::block(format!("with {name}"), body));
            }
            7 | 8 => {
                let how = if self.random.chance(50) { "blocking: false" } else { "timeout: 1ms" };
                let body = self.inner();
                let mut node = Node::block(format!("if {name}.acquire({how})"), body);
                if self.random.chance(50) {
                    node = node.and("else", self.inner());
                }
                out.push(node);
            }
            _ => {
                let n = self.random.below(2);
                let body = self.inner();
                out.push(Node::block(format!("if {name}.value() == {n}"), body));
            }
        }
    }

    fn condition(&mut self, name: &str, out: &mut Vec<Node>) {
        let lock = format!("{name}m");
        if self.held.contains(&lock) {
            return self.memory_deed(out);
        }
        if self.random.chance(5) {
            let what = if self.random.chance(70) { "notify()" } else { "wait()" };
            let caught = self.inner();
            return out.push(Node::block("try", vec![line(format!("{name}.{what}"))]).and("catch NotOwner", caught));
        }
        let (_, place) = self.place();
        let body = match self.random.below(12) {
            0..2 => vec![line(format!("{name}.wait()"))],
            2..5 => vec![Node::block(format!("while {place} == 0"), vec![line(format!("{name}.wait()"))])],
            5 => vec![Node::block(format!("if {place} == 0"), vec![line(format!("{name}.wait()"))])],
            6 => {
                let late = self.inner();
                vec![Node::block(format!("if not {name}.wait(timeout: 1ms)"), late)]
            }
            7..10 => {
                let most = if self.random.chance(15) { "2" } else { "" };
                vec![line(format!("{place} = 1")), line(format!("{name}.notify({most})"))]
            }
            10 => vec![line(format!("{name}.notify_all()"))],
            _ => self.held_inner(&lock),
        };
        out.push(Node::block(format!("with {lock}"), body));
    }

    fn event(&mut self, name: &str, out: &mut Vec<Node>) {
        match self.random.below(12) {
            0..4 => out.push(line(format!("{name}.set()"))),
            4..8 => out.push(line(format!("{name}.wait()"))),
            8 => out.push(line(format!("{name}.clear()"))),
            9 | 10 => {
                let body = self.inner();
                out.push(Node::block(format!("if {name}.is_set()"), body));
            }
            _ => {
                let not = if self.random.chance(50) { "not " } else { "" };
                let body = self.inner();
                out.push(Node::block(format!("if {not}{name}.wait(timeout: 1ms)"), body));
            }
        }
    }

    fn barrier(&mut self, name: &str, out: &mut Vec<Node>) {
        match self.random.below(10) {
            0..6 => out.push(line(format!("{name}.wait()"))),
            6 => {
                let v = self.local();
                out.push(line(format!("let {v} = {name}.wait()")));
                self.numbers.push(v);
            }
            7 | 8 => {
                let how = if self.random.chance(50) { "timeout: 1ms" } else { "" };
                let caught = self.inner();
                let body = vec![line(format!("{name}.wait({how})"))];
                out.push(Node::block("try", body).and("catch BrokenBarrier", caught));
            }
            _ => {
                let what = if self.random.chance(50) { "abort" } else { "reset" };
                out.push(line(format!("{name}.{what}()")));
            }
        }
    }

    fn latch(&mut self, name: &str, out: &mut Vec<Node>) {
        match self.random.below(12) {
            0..4 => out.push(line(format!("{name}.count_down()"))),
            4..7 => out.push(line(format!("{name}.wait()"))),
            7 => {
                let body = self.inner();
                out.push(Node::block(format!("if {name}.wait(timeout: 1ms)"), body));
            }
            8 => out.push(line(format!("{name}.add(1)"))),
            9 => {
                let body = vec![line(format!("{name}.count_down()"))];
                let caught = self.inner();
                out.push(Node::block("try", body).and("catch Negative", caught));
            }
            _ => {
                let n = self.random.below(2);
                let body = self.inner();
                out.push(Node::block(format!("if {name}.value() == {n}"), body));
            }
        }
    }

    fn queue(&mut self, name: &str, out: &mut Vec<Node>) {
        let value = 1 + self.random.below(2);
        match self.random.below(24) {
            0..6 => out.push(line(format!("{name}.put({value})"))),
            6..9 => {
                let v = self.local();
                out.push(line(format!("let {v} = {name}.get()")));
                self.numbers.push(v);
            }
            9..11 => out.push(line(format!("{name}.get()"))),
            11..14 => {
                let how = if self.random.chance(50) { "get_nowait()" } else { "get(timeout: 1ms)" };
                let mut body = vec![line(format!("{name}.{how}"))];
                body.extend(self.inner());
                let caught = self.inner();
                out.push(Node::block("try", body).and("catch Empty", caught));
            }
            14..16 => {
                let how = if self.random.chance(50) { "put_nowait(1)" } else { "put(1, timeout: 1ms)" };
                let body = vec![line(format!("{name}.{how}"))];
                let caught = self.inner();
                out.push(Node::block("try", body).and("catch Full, Closed", caught));
            }
            16..19 => {
                let test = match self.random.below(4) {
                    0 => format!("{name}.empty()"),
                    1 => format!("{name}.full()"),
                    2 => format!("not {name}.empty()"),
                    _ => format!("{name}.qsize() == {}", self.random.below(2)),
                };
                let body = self.inner();
                out.push(Node::block(format!("if {test}"), body));
            }
            19 | 20 => out.push(line(format!("{name}.close()"))),
            21 => {
                let body = vec![line(format!("{name}.put({value})"))];
                let caught = self.inner();
                out.push(Node::block("try", body).and("catch Closed", caught));
            }
            22 if self.depth == 0 => {
                let v = self.local();
                let mut body = self.inner();
                if self.random.chance(50) {
                    body.push(line("break"));
                }
                out.push(Node::block(format!("for {v} in {name}"), body));
            }
            _ => {
                let v = self.local();
                out.push(line(format!("let {v} = {name}.get()")));
                let body = self.inner();
                out.push(Node::block(format!("if {v} == {value}"), body));
            }
        }
    }

    fn pool(&mut self, name: &str, out: &mut Vec<Node>) {
        match self.random.below(12) {
            0..6 if self.in_task => self.memory_deed(out),
            0..6 => {
                let v = self.local();
                let arguments = if self.record { "(o)" } else { "" };
                out.push(line(format!("let {v} = submit p{arguments} to {name}")));
                self.handles.push(v);
            }
            6..9 => out.push(line(format!("{name}.close()"))),
            9 => out.push(line(format!("{name}.terminate()"))),
            _ => {
                out.push(line(format!("{name}.close()")));
                out.push(line(format!("join {name}")));
            }
        }
    }
}
