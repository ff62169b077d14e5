//! Whether somebody in a state may wait in vain although others go on. It owns
//! the look at who waits for which tasks, which is cheap and errs on the side of
//! *may*; whether they are stuck indeed, `finding` says.

use crate::objects::TaskId;

/// One that cannot go ahead, and the tasks of which each must get on with it
/// first; none if it waits for something else than tasks.
pub type Waits<'n> = (TaskId, &'n [TaskId]);

/// Whether somebody waits for tasks none of which goes on, and not only for those
/// that wait for others in their turn, who go on in the end: a queue of tasks
/// behind one that works is no reason to look closer.
pub fn is_hopeless<'n>(waiting: impl Iterator<Item = Waits<'n>> + Clone, goes: impl Fn(TaskId) -> bool) -> bool {
    let in_vain = |needs: &[TaskId]| !needs.is_empty() && !needs.iter().any(|t| goes(*t));
    if !waiting.clone().any(|(_, needs)| in_vain(needs)) {
        return false;
    }
    // Those that get on once all before them have.
    let mut helped: Vec<TaskId> = Vec::new();
    loop {
        let before = helped.len();
        for (task, needs) in waiting.clone() {
            let gets_on = |t: &TaskId| goes(*t) || helped.contains(t);
            if !needs.is_empty() && !helped.contains(&task) && needs.iter().all(gets_on) {
                helped.push(task);
            }
        }
        if helped.len() == before {
            return waiting.clone().any(|(task, needs)| in_vain(needs) && !helped.contains(&task));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Waits;
    use crate::objects::TaskId;

    fn is_hopeless(waiting: &[Waits], goes: impl Fn(TaskId) -> bool) -> bool {
        super::is_hopeless(waiting.iter().copied(), goes)
    }

    #[test]
    fn a_queue_behind_one_that_works_is_not_hopeless() {
        let goes = |t| t == 1;
        assert!(!is_hopeless(&[(2, &[1]), (3, &[2]), (4, &[3])], goes));
        // Whoever waits for none that goes, but for one of whom nothing is known.
        assert!(is_hopeless(&[(2, &[1]), (3, &[4]), (4, &[])], goes));
        // A circle, and one behind it.
        assert!(is_hopeless(&[(2, &[3]), (3, &[2])], goes));
        assert!(is_hopeless(&[(4, &[3]), (3, &[1, 5]), (5, &[])], goes));
        // For a task that has ended.
        assert!(is_hopeless(&[(2, &[7])], goes));
        assert!(!is_hopeless(&[(2, &[])], goes));
    }
}
