//! What the operations on the pool come to, and what its workers do between jobs.

use crate::code::Ins;
use crate::model::{Fault, Spawned};
use crate::state::{Clock, End, Job, JobStatus, State, Status, TASKS, Value, Wait};
use crate::step::{Machine, Step, others, step};

impl Machine<'_> {
    /// One of the operations; `n` is the state in which it is over.
    pub fn pool(&mut self, s: &State, mut n: State, t: usize, ins: &Ins, out: &mut Vec<Step>) {
        let mut progress = true;
        match ins {
            Ins::Submit(_) if s.closed => {
                n.tasks[t].pc -= 1;
                self.fail(&mut n, t, Fault::Closed);
                progress = false;
            }
            Ins::Submit(d) => {
                let clock = self.release(&mut n, t);
                n.jobs.push(Job { declared: *d, status: JobStatus::Queued, clock });
            }
            Ins::ClosePool => {
                n.closed = true;
                progress = !s.closed;
            }
            Ins::TerminatePool => {
                progress = !s.closed;
                n.closed = true;
                for job in n.jobs.iter_mut().filter(|j| j.status == JobStatus::Queued) {
                    job.status = JobStatus::Gone;
                    progress = true;
                }
                for task in n.tasks.iter_mut().filter(|u| u.job.is_some()) {
                    progress |= !task.to_end;
                    task.to_end = true;
                }
            }
            Ins::JoinPool(into) => {
                let workers: Vec<usize> = (0..s.tasks.len()).filter(|u| s.tasks[*u].kind == Spawned::Worker).collect();
                let ended = workers.iter().all(|u| s.ended(*u));
                progress = false;
                if ended {
                    workers.iter().for_each(|u| self.acquire(&mut n, t, &s.tasks[*u].clock));
                } else if into.is_none() {
                    return;
                } else if s.tasks[t].wait == Wait::No {
                    n.tasks[t].pc -= 1;
                    n.tasks[t].wait = Wait::Timed;
                    out.push(step(t, n));
                    return;
                }
                if let Some(r) = into {
                    n.tasks[t].regs[*r] = Value::Bool(ended);
                }
            }
            other => unreachable!("{other:?} is none of a pool"),
        }
        self.settle(&mut n, t);
        out.push(Step { progress, ..step(t, n) });
    }

    /// A worker without a job takes the oldest one, or leaves if no more can come.
    pub fn idle(&mut self, s: &State, t: usize, out: &mut Vec<Step>) {
        let mut n = s.clone();
        match s.jobs.iter().position(|j| j.status == JobStatus::Queued) {
            Some(at) => {
                let Job { declared, clock, .. } = s.jobs[at];
                n.jobs[at].status = JobStatus::Runs(t);
                // Whoever asks for it next asks for its end.
                n.jobs[at].clock = [0; TASKS];
                self.acquire(&mut n, t, &clock);
                let task = &mut n.tasks[t];
                task.declared = declared;
                task.job = Some(at);
                task.status = Status::Runs;
                self.settle(&mut n, t);
            }
            None if s.closed => self.end(&mut n, t, End::Returned, others(s, t)),
            None => return,
        }
        out.push(Step { progress: true, ..step(t, n) });
    }

    /// A worker's job ends, as one who joins it sees it; what it holds the worker holds.
    pub fn job_over(&mut self, n: &mut State, t: usize) {
        let clock: Clock = self.release(n, t);
        for object in &mut n.objects {
            object.forget(t);
        }
        let task = &mut n.tasks[t];
        let job = task.job.take().expect("it is at one");
        task.clear();
        task.status = Status::Idle;
        n.jobs[job].status = JobStatus::Ended;
        n.jobs[job].clock = clock;
    }
}
