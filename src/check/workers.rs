//! The threads of an exploration. It owns how work is shared among them; what
//! work there is, and that its result does not depend on who does it, is of
//! those who bring it.

use rayon::ThreadPool;
use rayon::prelude::*;
use std::sync::OnceLock;

/// One thread, or several. They are made once there is work for them: a small
/// script is explored before they would have begun.
pub struct Workers {
    jobs: usize,
    pool: OnceLock<Option<ThreadPool>>,
}

impl Workers {
    /// As many threads as wanted; one, if there cannot be more.
    pub fn new(jobs: usize) -> Workers {
        Workers { jobs, pool: OnceLock::new() }
    }

    /// One thread: whoever asks.
    pub fn one() -> Workers {
        Workers::new(1)
    }

    fn pool(&self) -> Option<&ThreadPool> {
        let name = |n: usize| format!("explorer#{n}");
        let made = || rayon::ThreadPoolBuilder::new().num_threads(self.jobs).thread_name(name).build().ok();
        if self.jobs > 1 { self.pool.get_or_init(made).as_ref() } else { None }
    }

    /// How many threads there are.
    pub fn count(&self) -> usize {
        self.pool().map_or(1, ThreadPool::current_num_threads)
    }

    /// What `work` makes of each item, in their order. Where all of it is little,
    /// who asks does it.
    pub fn each<T: Send, R: Send>(
        &self,
        little: bool,
        items: &mut [T],
        work: impl Fn(usize, &mut T) -> R + Sync + Send,
    ) -> Vec<R> {
        match if little { None } else { self.pool() } {
            Some(pool) => pool.install(|| items.par_iter_mut().enumerate().map(|(n, item)| work(n, item)).collect()),
            None => items.iter_mut().enumerate().map(|(n, item)| work(n, item)).collect(),
        }
    }
}
