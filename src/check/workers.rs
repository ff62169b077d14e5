//! The threads of an exploration. It owns how work is shared among them; what
//! work there is, and that its result does not depend on who does it, is of
//! those who bring it.

use rayon::{ThreadPool, Yield};
use std::num::NonZero;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::{AcqRel, Acquire, Release};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

/// Whoever asks, alone or with others, who are made once there is work for them: a small
/// script is explored before they would have begun.
pub struct Workers {
    jobs: usize,
    others: OnceLock<Option<Others>>,
}

struct Others {
    pool: ThreadPool,
    /// So many of them stay awake now, though there is no work.
    awake: Arc<AtomicUsize>,
    /// There are as many processors as threads: who stays awake keeps none of them from work.
    each_has_one: bool,
}

/// Work comes in short pieces with little between them, of which the longest take a few
/// milliseconds. Who slept in between would come to each late, by what it takes to be woken, and
/// perhaps on the processor of who woke it.
const AWAKE: Duration = Duration::from_millis(5);
/// So many looks whether there is something to do before somebody else may have the processor.
const LOOKS: u32 = 64;

/// Waits without sleeping until it is so, or for `AWAKE` since `busy` was last so.
fn stay_awake(mut over: impl FnMut() -> bool, mut busy: impl FnMut() -> bool) {
    let mut since = Instant::now();
    let mut looks = 0;
    while !over() {
        if busy() {
            since = Instant::now();
        }
        std::hint::spin_loop();
        looks += 1;
        if looks % LOOKS == 0 {
            if since.elapsed() > AWAKE {
                break;
            }
            std::thread::yield_now();
        }
    }
}

impl Others {
    fn new(count: usize) -> Option<Others> {
        let name = |n: usize| format!("explorer#{}", n + 1);
        let pool = rayon::ThreadPoolBuilder::new().num_threads(count).thread_name(name).build().ok()?;
        let processors = std::thread::available_parallelism().map_or(1, NonZero::get);
        Some(Others { pool, awake: Arc::default(), each_has_one: count < processors })
    }

    /// They are awake from now on, until there has been nothing to do for some time.
    fn wake(&self) {
        if self.each_has_one && self.awake.compare_exchange(0, self.pool.current_num_threads(), AcqRel, Acquire).is_ok()
        {
            let awake = self.awake.clone();
            self.pool.spawn_broadcast(move |_| {
                stay_awake(|| false, || rayon::yield_now() == Some(Yield::Executed));
                awake.fetch_sub(1, Release);
            });
        }
    }
}

impl Workers {
    /// As many threads as wanted; one, if there cannot be more.
    pub fn new(jobs: usize) -> Workers {
        Workers { jobs, others: OnceLock::new() }
    }

    /// One thread: whoever asks.
    pub fn one() -> Workers {
        Workers::new(1)
    }

    fn others(&self) -> Option<&Others> {
        if self.jobs > 1 { self.others.get_or_init(|| Others::new(self.jobs - 1)).as_ref() } else { None }
    }

    /// How many threads there are.
    pub fn count(&self) -> usize {
        self.others().map_or(1, |others| others.pool.current_num_threads() + 1)
    }

    /// What `work` makes of each item, in their order. Where all of it is little,
    /// who asks does it. It does its share in any case: nobody has to be woken before
    /// anything is done, and who wakes late finds less left.
    pub fn each<T: Send, R: Send>(
        &self,
        little: bool,
        items: &mut [T],
        work: impl Fn(usize, &mut T) -> R + Sync + Send,
    ) -> Vec<R> {
        let Some(others) = (if little { None } else { self.others() }) else {
            return items.iter_mut().enumerate().map(|(n, item)| work(n, item)).collect();
        };
        let mut results: Vec<Option<R>> = Vec::new();
        results.resize_with(items.len(), || None);
        let left = Mutex::new(items.iter_mut().zip(&mut results).enumerate());
        // The one begins at one end and the others at the other one: so each mostly does
        // what it did the time before, and finds it in its own cache.
        let share = |other: bool| {
            let take = || {
                let mut left = left.lock().unwrap_or_else(PoisonError::into_inner);
                if other { left.next_back() } else { left.next() }
            };
            while let Some((n, (item, result))) = take() {
                *result = Some(work(n, item));
            }
        };
        others.wake();
        let working = AtomicUsize::new(self.jobs - 1);
        others.pool.in_place_scope(|scope| {
            for _ in 1..self.jobs {
                scope.spawn(|_| {
                    share(true);
                    working.fetch_sub(1, Release);
                });
            }
            share(false);
            // Mostly they are done soon: the scope's own wait sleeps.
            if others.each_has_one {
                stay_awake(|| working.load(Acquire) == 0, || false);
            }
        });
        // Each has been taken and done.
        results.into_iter().flatten().collect()
    }
}
