//! A run in which everything is used at once, for whoever is to be killed or interrupted in
//! the middle of it.

use super::{Running, run_json};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

pub fn kill_9(pid: i32) {
    kill(Pid::from_raw(pid), Signal::SIGKILL).expect("the process is there");
}

/// Every kind of object in use, between threads and processes, `ROUNDS` times.
pub const BUSY: &str = "
const ROUNDS = 1000000
lock m
condition changed(m)
rwlock book
semaphore two(2)
barrier meeting(2)
queue q(3)
queue hand(0)
queue back via manager
pool p(2) of processes
shared inside = 0
shared turn = 0
shared pages = 0
atomic count = 0

task locker { repeat ROUNDS { with m { inside += 1; assert inside == 1, \"two inside\"; inside -= 1 } } }
task turner(me) {
    repeat ROUNDS {
        with m {
            while turn % 2 != me { changed.wait() }
            turn += 1
            changed.notify_all()
        }
    }
}
task reader { repeat ROUNDS { with book.read { assert pages >= 0 } } }
task writer { repeat ROUNDS { with book.write { pages += 1 } } }
task producer { repeat ROUNDS { q.put(\"value\") } }
task consumer { repeat ROUNDS { assert q.get() == \"value\" } }
task giver { for i in 0..ROUNDS { hand.put(i) } }
task taker { for i in 0..ROUNDS { assert hand.get() == i } }
task walker { repeat ROUNDS { with two { count += 1 } } }
task meeter { repeat ROUNDS { meeting.wait() } }
task job(n) { with two { back.put(n) } }

spawn locker
spawn process locker
spawn turner(0)
spawn process turner(1)
spawn process reader x2
spawn writer
spawn process producer
spawn consumer
spawn giver
spawn process taker
spawn process walker
spawn walker x2
spawn process meeter x2
print \"busy\"
for i in 0..ROUNDS {
    submit job(i) to p
    back.get()
}
";

pub fn start_busy(rounds: u32, options: &[&str]) -> Running {
    let mut conc = run_json(BUSY).args(["-D", &format!("ROUNDS={rounds}")]).args(options).start();
    conc.until("print `busy`", |run| run.stdout().contains("\"busy\"").then_some(()));
    conc
}
