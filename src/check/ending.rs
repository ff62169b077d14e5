//! Endings in the model: what an end, `exit`, `terminate` or `kill` does to whom.
//! Who is born where is `process`. What `conc run` does with real processes is
//! `run::finish` and `run::supervisor`; what the kernel leaves open there (when a
//! signal takes effect) is open here.

use super::model::Memorable;
use super::moves::Move;
use super::order::Knower;
use super::part::*;
use super::process::*;
use super::seen::Event;
use super::step::Ran;
use crate::machine::Step;
use crate::objects::{self, TaskId, World, pool, task};
use crate::program::value::{Error, ObjRef, Value};

const SIGTERM: i32 = 15;
const SIGKILL: i32 = 9;

impl Move<'_> {
    /// The end of a body, a job or a process.
    pub(super) fn come_to_end(&mut self, ended: Ended) -> bool {
        let me = self.me;
        let exits = matches!(ended.how, How::Exited(_));
        if let (Some(job), false) = (self.task(me, |t| t.job).flatten(), exits) {
            self.finish_handle(job.id, &ended);
            let pool = self.task(me, |t| t.birth.pool).flatten().unwrap_or(0);
            self.change_task(me, |t| {
                t.job = None;
                t.machine = None;
                t.at = Self::take_step(pool);
            });
            return false;
        }
        if exits || self.task(me, |t| t.birth.process).unwrap_or(false) {
            return self.process_ends(ended);
        }
        self.say(|_| "ends".to_string());
        self.tell_end(me, &ended);
        true
    }

    /// Whether it has ended; if not, it waits for a child first.
    fn process_ends(&mut self, ended: Ended) -> bool {
        let me = self.me;
        if !matches!(ended.how, How::Exited(_))
            && let Some(child) = self.next_child()
        {
            if self.together() && self.child_that_runs().is_some() {
                self.change_task(me, |t| {
                    t.machine = None;
                    t.at = At::Closing(ended);
                });
                return false;
            }
            let args = task::quietly().to_vec();
            let op = Box::new(Try { target: handle(child), method: task::JOIN, args, memo: None });
            let then = Then::Child { child, ended: Box::new(ended) };
            self.change_task(me, |t| {
                t.machine = None;
                t.at = At::Operate { op, timed: false, then };
            });
            return false;
        }
        let code = match ended.how {
            How::Exited(code) => code,
            How::Failed(_) => 1,
            _ => 0,
        };
        self.note_children();
        let home = self.home;
        self.come_after_threads();
        self.change_process(home, |p| p.exit_code = code);
        let pool = self.task(me, |t| t.birth.pool).flatten();
        self.say(|_| match ended.how {
            How::Exited(code) => format!("exit {code}"),
            _ if pool.is_some() => "leaves the pool".to_string(),
            _ => "ends".to_string(),
        });
        if let Some(pool) = pool {
            // A job's `exit` takes its worker along: who joins the pool waits for it no more.
            // Its leaving hands on what it has done, so it comes before its end.
            self.operate(objects::place::pool, pool, pool::LEAVE, &[], None);
        }
        self.tell_end(me, &ended);
        if self.model.movers.workers && self.has_workers(home) {
            self.model.guards().give_up(Memorable::Workers);
        }
        self.process_is_over(How::Exited(code));
        true
    }

    /// The task at hand ends its process: all that the threads of that did comes before.
    /// They make no further step, so nobody need be compared with them.
    fn come_after_threads(&mut self) {
        let (me, home) = (self.me, self.home);
        let others: Vec<TaskId> =
            self.threads(home, |all| all.iter().copied().filter(|t| *t != me).collect()).unwrap_or_default();
        for thread in others {
            self.order_thread(thread);
            self.footprint_of(thread);
        }
        if me == home {
            self.order_acquire(Knower::Clock(home, 0));
        }
    }

    /// What the thread did comes before the end of its process, which it is not the first
    /// task of.
    fn pass_to_process(&mut self, of: TaskId, home: TaskId) {
        // Of races that footprints tell its end says enough, and nobody joins `main`.
        if of != home && home != self.program.objects.len() as TaskId && self.model.exact && !self.has_ended(home) {
            self.operate(objects::place::task, home, task::PASS, &[], None);
        }
    }

    /// This process ends, with what is left in it.
    fn process_is_over(&mut self, how: How) {
        let home = self.home;
        // As in a run: the end of a process is one moment for all its threads.
        let others = self.threads(home, <[TaskId]>::to_vec).unwrap_or_default();
        for thread in &others {
            self.change_task(*thread, |t| t.halted = true);
        }
        let alone = others.is_empty()
            && self.process(home, |p| p.children.iter().all(|c| c.settled || !c.process)).unwrap_or(true);
        self.change_process(home, |p| {
            p.dying = p.dying.or(Some(how));
            p.dead = alone;
        });
    }

    /// Whether workers are left that end with the process, whatever they hold.
    fn has_workers(&self, process: TaskId) -> bool {
        let tasks = self.threads(process, <[TaskId]>::to_vec).unwrap_or_default();
        let children = self.process(process, |p| p.children.clone()).unwrap_or_default();
        tasks.iter().any(|t| self.task(*t, |t| t.birth.pool.is_some()).unwrap_or(false))
            || children.iter().any(|c| c.worker && c.process && self.process(c.task, |p| !p.dead).unwrap_or(false))
    }

    /// Where the two were made.
    fn birth_sites(&self, child: TaskId, parent: TaskId) -> [Option<u32>; 2] {
        [child, parent].map(|of| self.task(of, |t| t.birth.site).flatten())
    }

    fn note_children(&mut self) {
        let children: Vec<TaskId> = self.forked_children(None);
        // Children are the process's, whichever of its threads ends it.
        let parent = self.home;
        for child in children {
            let sites = self.birth_sites(child, parent);
            let event = if self.word(child, task::STATE) != task::RUNNING {
                Event::Zombie { child, parent, sites }
            } else {
                Event::Orphan { child, parent, sites }
            };
            self.events.push(event);
        }
    }

    fn finish_handle(&mut self, id: u32, ended: &Ended) {
        let state = match ended.how {
            How::Returned => task::RETURNED,
            How::Failed(_) => task::FAILED,
            _ => task::ENDED,
        };
        let code = match ended.how {
            How::Failed(_) => 1,
            How::Exited(code) => i64::from(code),
            How::Signalled(n) => -i64::from(n),
            _ => 0,
        };
        let args = [Value::Int(state as i64), Value::Int(code), ended.result.clone()];
        self.operate(objects::place::task, id, task::FINISH, &args, None);
        // A job, which has no task of its own, is born as one that has returned: of another end
        // it is kept how it came, since it is told of to those who wait for what it would have done.
        if ended.how != How::Returned && self.task(id, |t| matches!(t.at, At::Ended(_))).unwrap_or(false) {
            self.change_task(id, |t| t.at = At::Ended(Ended { how: ended.how, result: Value::None }));
        }
    }

    /// Publishes a task's end: what it still holds stays held.
    fn tell_end(&mut self, of: TaskId, ended: &Ended) {
        let (held, home) = self.task(of, |t| (t.held.clone(), t.process)).unwrap_or_default();
        let wanted_by_none = !held.is_empty() && self.buries && self.serves(of) && self.only_serve();
        if !wanted_by_none {
            self.events.extend(held.into_iter().map(|hold| Event::Abandoned { task: of, hold }));
        }
        self.pass_to_process(of, home);
        self.finish_handle(of, ended);
        self.order_ended(of);
        self.change_task(of, |t| {
            if let Some(machine) = &t.machine {
                t.site = machine.pc();
            }
            t.machine = None;
            t.spawned.clear();
            t.at = At::Ended(ended.clone());
        });
        self.change_threads(home, |tasks| tasks.retain(|t| *t != of));
    }

    /// A daemon or a pool's worker: it is there for others.
    fn serves(&self, task: TaskId) -> bool {
        self.task(task, |t| t.birth.daemon || t.birth.pool.is_some()).unwrap_or(false)
    }

    /// Whether nobody lives but those who are there for others: then nobody wants
    /// what they hold any more.
    fn only_serve(&self) -> bool {
        let wants = |m: &Self, process| {
            let tasks = m.threads(process, <[TaskId]>::to_vec).unwrap_or_default();
            tasks.iter().any(|t| !m.serves(*t))
        };
        !self.some_process(wants)
    }

    /// There are no more jobs for a worker; whether it has ended. One that is a process
    /// leaves with it, as it ends.
    pub(super) fn leave_worker(&mut self) -> bool {
        let me = self.me;
        let ended = Ended { how: How::Returned, result: Value::None };
        if self.task(me, |t| t.birth.process).unwrap_or(false) {
            return self.process_ends(ended);
        }
        let pool = self.task(me, |t| t.birth.pool).flatten().unwrap_or(0);
        self.say(|_| "leaves the pool".to_string());
        // Its leaving hands on what it has done, so it comes before its end.
        self.operate(objects::place::pool, pool, pool::LEAVE, &[], None);
        self.tell_end(me, &ended);
        true
    }

    // --------------------------------------------------- terminate, kill, death

    pub fn terminate(&mut self, target: ObjRef) -> Result<Value, Error> {
        let runs = task::terminated(target, |word| self.word(target.id, word))?;
        self.say(|m| format!("terminate {}", m.marked_name(target.id)));
        if runs {
            self.stop_task(target.id, How::Signalled(SIGTERM));
        }
        Ok(Value::None)
    }

    pub fn kill(&mut self, target: ObjRef) -> Result<Value, Error> {
        let is_task = target.kind == objects::place::task;
        let process = is_task && self.task(target.id, |t| t.birth.process).unwrap_or(false);
        let runs = task::killed(target, process, |word| self.word(target.id, word))?;
        self.say(|m| format!("kill {}", m.marked_name(target.id)));
        if runs {
            self.stop_task(target.id, How::Signalled(SIGKILL));
        }
        Ok(Value::None)
    }

    /// A process gets the signal; a thread is told to stop. It takes effect at
    /// some moment from now on; on the task that says so, at once.
    pub fn stop_task(&mut self, target: TaskId, how: How) {
        let process = self.task(target, |t| t.birth.process).unwrap_or(false);
        if process {
            self.change_process(target, |p| p.dying = p.dying.or(Some(how)));
            if target == self.home {
                self.change_task(self.me, |t| t.halted = true);
            }
        } else {
            self.change_task(target, |t| t.dying = true);
        }
    }

    /// Whether the task has stopped itself, or its process, by the step at hand; then it
    /// makes no further one.
    pub(super) fn has_stopped_itself(&self, step: &Step) -> bool {
        let (Step::Terminate(target) | Step::Kill(target)) = step else { return false };
        self.task(self.me, |t| t.halted || target.id == self.me && t.dying).unwrap_or(false)
    }

    /// Its end after that: of a thread now, of a process when the system gets to it.
    pub(super) fn stop_itself(&mut self) {
        if self.task(self.me, |t| !t.halted).unwrap_or(false) {
            self.stop_thread();
            self.say(|_| "terminate itself".to_string());
        }
    }

    /// The transition of a thread that was told to stop, or of a pool's worker.
    pub fn stop_thread(&mut self) -> Ran {
        let me = self.me;
        if self.task(me, |t| t.halted).unwrap_or(false) {
            return Ran::Blocked;
        }
        self.say(|_| "is stopped".to_string());
        self.withdraw(me);
        let process = self.task(me, |t| t.birth.process).unwrap_or(false);
        if process {
            self.note_children();
        }
        let ended = Ended { how: How::Terminated, result: Value::None };
        if let Some(job) = self.task(me, |t| t.job).flatten() {
            self.finish_handle(job.id, &ended);
        }
        let pool = self.task(me, |t| t.birth.pool).flatten();
        if let Some(pool) = pool {
            self.operate(objects::place::pool, pool, pool::LEAVE, &[], None);
        }
        self.tell_end(me, &ended);
        if process {
            self.process_is_over(How::Exited(0));
        }
        Ran::Went { alone: false }
    }

    fn withdraw(&mut self, of: TaskId) {
        let objects: Vec<u32> = self
            .task(of, |t| match &t.at {
                At::Operate { op, .. } if op.memo.is_some() => vec![op.target.id],
                At::Select { arms, arrived: true, .. } => arms.iter().map(|a| a.1.target.id).collect(),
                _ => Vec::new(),
            })
            .unwrap_or_default();
        for object in objects {
            self.leave(object, of);
        }
    }

    /// The transition of a process that is to end: all its tasks end.
    pub fn bury(&mut self, process: TaskId) -> Ran {
        let Some((Some(how), children)) = self.process(process, |p| (p.dying, p.children.clone())) else {
            return Ran::Blocked;
        };
        let mut tasks = self.threads(process, <[TaskId]>::to_vec).unwrap_or_default();
        // Whoever waits for the end of the process waits for its first task.
        tasks.sort_by_key(|of| *of == process);
        self.say(|_| "its process ends".to_string());
        // A process that told its end by itself ended its threads, though it may have been
        // killed on its way out.
        let signalled = matches!(how, How::Signalled(_)) && !self.has_ended(process);
        self.buries = true;
        for of in tasks {
            self.withdraw(of);
            let first = self.task(of, |t| t.birth.process).unwrap_or(false);
            let how = if first || signalled { how } else { How::Terminated };
            let ended = Ended { how, result: Value::None };
            let pool = self.task(of, |t| t.birth.pool).flatten();
            // Its last deed, in its own name.
            let (me, home) = (std::mem::replace(&mut self.me, of), self.home);
            self.site = self.task(of, TaskPart::pc).unwrap_or(NOWHERE);
            if let Some(pool) = pool {
                self.operate(objects::place::pool, pool, pool::LEAVE, &[], None);
            }
            self.tell_end(of, &ended);
            self.footprint_clear();
            (self.me, self.home) = (me, home);
        }
        self.buries = false;
        for child in children.iter().filter(|c| c.process) {
            let alive = self.process(child.task, |p| !p.dead).unwrap_or(false);
            if !alive {
                continue;
            }
            if !child.forked {
                self.change_process(child.task, |p| p.dying = p.dying.or(Some(How::Signalled(SIGKILL))));
            } else if signalled && self.word(child.task, task::STATE) == task::RUNNING {
                let sites = self.birth_sites(child.task, process);
                self.events.push(Event::Orphan { child: child.task, parent: process, sites });
            }
        }
        self.change_process(process, |p| p.dead = true);
        Ran::Went { alone: false }
    }
}
