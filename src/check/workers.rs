//! The threads of an exploration. It owns how work is shared among them; what
//! work there is, and that its result does not depend on who does it, is of
//! those who bring it.

use rayon::prelude::*;

/// One thread, or several.
pub struct Workers {
    pool: Option<rayon::ThreadPool>,
}

impl Workers {
    /// As many threads as wanted; one, if there cannot be more.
    pub fn new(jobs: usize) -> Workers {
        let name = |n: usize| format!("explorer#{n}");
        let pool = || rayon::ThreadPoolBuilder::new().num_threads(jobs).thread_name(name).build().ok();
        Workers { pool: if jobs > 1 { pool() } else { None } }
    }

    /// How many threads there are.
    pub fn count(&self) -> usize {
        self.pool.as_ref().map_or(1, rayon::ThreadPool::current_num_threads)
    }

    /// What `work` makes of each item, in their order.
    pub fn each<T: Send, R: Send>(&self, items: &mut [T], work: impl Fn(usize, &mut T) -> R + Sync + Send) -> Vec<R> {
        match &self.pool {
            Some(pool) => pool.install(|| items.par_iter_mut().enumerate().map(|(n, item)| work(n, item)).collect()),
            None => items.iter_mut().enumerate().map(|(n, item)| work(n, item)).collect(),
        }
    }
}
