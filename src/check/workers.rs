//! The threads of an exploration. It owns how work is shared among them; what
//! work there is, and that its result does not depend on who does it, is of
//! those who bring it.

use rayon::ThreadPool;
use std::sync::{Mutex, OnceLock, PoisonError};

/// Whoever asks, alone or with others, who are made once there is work for them: a small
/// script is explored before they would have begun.
pub struct Workers {
    jobs: usize,
    others: OnceLock<Option<ThreadPool>>,
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

    fn others(&self) -> Option<&ThreadPool> {
        let name = |n: usize| format!("explorer#{}", n + 1);
        let made = || rayon::ThreadPoolBuilder::new().num_threads(self.jobs - 1).thread_name(name).build().ok();
        if self.jobs > 1 { self.others.get_or_init(made).as_ref() } else { None }
    }

    /// How many threads there are.
    pub fn count(&self) -> usize {
        self.others().map_or(1, |others| others.current_num_threads() + 1)
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
        others.in_place_scope(|scope| {
            for _ in 1..self.jobs {
                scope.spawn(|_| share(true));
            }
            share(false);
        });
        // Each has been taken and done.
        results.into_iter().flatten().collect()
    }
}
