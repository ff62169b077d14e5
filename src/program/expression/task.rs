//! Expressions about tasks: `spawn`, `join`, `submit`.

use super::*;
use crate::lang::parse::spawn_option;
use crate::program::value::names_a_task;
use std::borrow::Cow;

impl Compiler<'_> {
    // ----------------------------------------------------------------- tasks

    pub(super) fn spawn(&mut self, s: &Spawn, span: Span) {
        let (target, argc, captures) = match &s.what {
            SpawnWhat::Call { callee, args } => {
                let args = self.without_options(callee, args.as_deref().unwrap_or(&[]), span);
                let target = self.spawn_target(callee, &args, span, "spawned");
                (target, args.len() as u8, Vec::new())
            }
            SpawnWhat::Block(block) => {
                let (function, captures) = self.spawn_block(block, span);
                (SpawnTarget::Function(function), 0, captures)
            }
        };
        if let Some(count) = &s.count {
            self.want_count(count, "a number of tasks is an integer from 0 on", "write `spawn worker x3`");
            self.expression(count);
        }
        if let Some(name) = &s.name {
            if let Some(Value::Str(text)) = self.exactly(name)
                && !names_a_task(&text)
            {
                let error = ScriptError::new(name.span, "a task's name is not empty");
                self.error(error.help("leave `as` out, and the task is called after what it runs"));
            }
            self.expression(name);
        }
        let index = self.program.spawns.len() as u32;
        let process = s.kind == Some(SpawnKind::Process);
        let (counted, named) = (s.count.is_some(), s.name.is_some());
        self.program.spawns.push(SpawnSite { process, daemon: s.daemon, target, captures, argc, counted, named });
        let head = match &s.what {
            SpawnWhat::Block(block) => Span { start: span.start, end: (block.span.start + 1).min(span.end) },
            _ => span,
        };
        self.emit(Instr::Spawn(index), head);
    }

    /// The arguments of what is spawned, without those that are options of `spawn` in other
    /// languages, `daemon=True`: these are told.
    fn without_options<'s>(&mut self, callee: &Expr, args: &'s [Arg], span: Span) -> Cow<'s, [Arg]> {
        let source = self.source;
        let parameters = match &callee.kind {
            ExprKind::Name(name) => match self.globals.get(name) {
                Some(Global::Function(f)) => self.parameter_names.get(f).map_or(&[][..], Vec::as_slice),
                _ => return Cow::Borrowed(args),
            },
            _ => return Cow::Borrowed(args),
        };
        let named = |arg: &Arg| arg.name.as_ref().filter(|name| !parameters.contains(&name.text)).cloned();
        let option = |arg: &Arg| {
            let (name, value) = (named(arg)?, arg.value.span.text(source));
            let option = format!("{}={value}", name.text);
            spawn_option("", &option).map(|(message, _)| (name, option, message))
        };
        let (options, own): (Vec<_>, Vec<_>) = args.iter().partition(|arg| option(arg).is_some());
        let Some(last) = args.last().filter(|_| !options.is_empty()) else { return Cow::Borrowed(args) };
        let between = |start, end| Span { start, end }.text(source);
        let (head, tail) = (between(span.start, callee.span.end), between(last.value.span.end, span.end));
        let (head, tail) = (head.trim_start_matches("spawn "), tail.split_once(')').map_or("", |t| t.1));
        let given: Vec<&str> = own.iter().map(|arg| arg.value.span.text(source)).collect();
        let given = if given.is_empty() { String::new() } else { format!("({})", given.join(", ")) };
        let told: Vec<(Name, String, &str)> = options.into_iter().filter_map(option).collect();
        let meant = told.iter().fold(format!("{head}{given}{tail}"), |task, (_, option, _)| {
            let meant = spawn_option(&task, option).map(|(_, meant)| meant).unwrap_or_default();
            meant.trim_start_matches("spawn ").to_owned()
        });
        for (name, _, message) in told {
            self.error(ScriptError::new(name.span, message).help(format!("write `spawn {meant}`")));
        }
        Cow::Owned(own.into_iter().cloned().collect())
    }

    fn spawn_target(&mut self, callee: &Expr, args: &[Arg], span: Span, done: &str) -> SpawnTarget {
        if let ExprKind::Name(name) = &callee.kind
            && self.local(name, callee.span).is_none()
        {
            match self.globals.get(name).cloned() {
                Some(Global::Function(f)) => {
                    let is_fn = self.program.functions[f as usize].kind == FunctionKind::Fn;
                    if done != "spawned" || !is_fn {
                        self.function_args(f, args, span);
                    } else {
                        self.positional(args);
                        let error = ScriptError::new(callee.span, format!("`{name}` is a fn and cannot be spawned"))
                            .related(self.program.functions[f as usize].span, "defined here")
                            .help(format!(
                                "make it a task: `task {name}`; or spawn a block that calls it: `spawn {{ {name}() }}`"
                            ));
                        self.error(error);
                    }
                    return SpawnTarget::Function(f);
                }
                Some(Global::Memory(_)) => {}
                Some(Global::Object(id)) => {
                    let word = self.spec(self.program.objects[id as usize].kind).word;
                    self.error(
                        ScriptError::new(callee.span, format!("`{name}` is {} and cannot be {done}", a(word)))
                            .help("a task can: `task worker { }`"),
                    );
                    return SpawnTarget::Value;
                }
                Some(_) => {
                    self.error(
                        ScriptError::new(callee.span, format!("`{name}` is no task and cannot be {done}"))
                            .help("a task can: `task worker { }`"),
                    );
                    return SpawnTarget::Value;
                }
                None => {
                    if let ("process" | "thread" | "daemon", [task]) = (name.as_str(), args) {
                        let error = ScriptError::new(callee.span, format!("`{name}` is not defined"));
                        let help = format!("write `spawn {name} {}`", task.value.span.text(self.source));
                        self.error(error.label("not defined").unknown().help(help));
                    } else {
                        self.undefined(name, callee.span, Use::Read);
                    }
                    return SpawnTarget::Value;
                }
            }
        }
        self.expression(callee);
        self.positional(args);
        SpawnTarget::Value
    }

    fn spawn_block(&mut self, block: &ast::Block, span: Span) -> (u32, Vec<(Slot, Slot)>) {
        let line = self.line(span);
        let name = format!("{}:{line}", self.frame().name);
        let index = self.new_function(&name, FunctionKind::Block, span);
        let over = self.emit(Instr::Jump(0), span);
        let entry = self.here();
        self.frames.push(Frame::new(name, true));
        self.names.enter();
        let keeper = std::mem::take(&mut self.keeper);
        self.block_contents(block);
        self.keeper = keeper;
        let close = Span::new((block.span.end as usize).saturating_sub(1), block.span.end as usize);
        self.emit(Instr::None, close);
        self.emit(Instr::Return, close);
        let end = self.here();
        let frame = self.frames.pop();
        self.names.leave(block.span.end);
        self.land(over);
        let (captures, slots) = frame.map(|f| (f.captures, f.slots)).unwrap_or_default();
        let f = &mut self.program.functions[index as usize];
        (f.entry, f.end, f.slots) = (entry, end, slots);
        (index, captures)
    }

    pub(super) fn join(&mut self, what: &JoinWhat, timeout: Option<&Expr>, span: Span) {
        if let JoinWhat::Value(e) = what {
            self.want_handle(e, "join");
            if let ExprKind::Name(name) = &e.kind
                && nearest(name, ["all"]).is_some()
                && self.local(name, e.span).is_none()
                && self.globals.get(name).is_none()
            {
                let error = ScriptError::new(e.span, format!("`{name}` is not defined")).label("not defined").unknown();
                return self.error(error.help("did you mean `all`?"));
            }
            self.expression(e);
        }
        if let Some(timeout) = timeout {
            self.want_duration(timeout, "for");
            self.expression(timeout);
        }
        let timeout = timeout.is_some();
        self.emit(if *what == JoinWhat::All { Instr::JoinAll { timeout } } else { Instr::Join { timeout } }, span);
    }

    pub(super) fn submit(&mut self, job: &Expr, args: &[Arg], pool: &Expr, span: Span) {
        if let SpawnTarget::Function(f) = self.submit_target(job, args, span) {
            // The callee must lie below its arguments.
            debug_assert!((f as usize) < self.program.functions.len());
        }
        if let Some(found) = self.certain(pool)
            && !matches!(found, certain::Certain::Object(kind) if self.spec(kind).word == "pool")
        {
            let text = format!("{} takes no jobs", self.named(found));
            self.error(ScriptError::new(pool.span, text).help("declare a pool: `pool p(3)`"));
        }
        self.expression(pool);
        self.emit(Instr::Submit { argc: args.len() as u8 }, span);
    }

    fn submit_target(&mut self, job: &Expr, args: &[Arg], span: Span) -> SpawnTarget {
        if let ExprKind::Name(name) = &job.kind
            && self.local(name, job.span).is_none()
            && let Some(Global::Function(f)) = self.globals.get(name).cloned()
        {
            self.emit(Instr::Function(f), job.span);
            self.function_args(f, args, span);
            return SpawnTarget::Function(f);
        }
        self.spawn_target(job, args, span, "submitted")
    }
}
