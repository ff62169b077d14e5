//! What an exploration keeps beside its states is counted as memory.

use super::*;
use crate::check::watched;
use crate::objects::KINDS;

/// Each number that the daemon comes to is another state in which nobody else can go on.
#[test]
fn what_is_kept_of_who_is_left_going_counts_as_memory() {
    let text =
        "event e\ntask d {\n    let n = 0\n    loop { n = (n + 1) % 200\n yield }\n}\nspawn daemon d\ne.wait()\n";
    let script = crate::lang::parse::parse(text).expect(text);
    let program = Box::leak(Box::new(crate::program::compile(&script, text, KINDS, &[]).expect(text)));
    let model = Model::finest(program, watched(program));
    let options = Options::default();
    let mut explorer = Explorer::new(&model, &options);
    explorer.run(&mut |_| None).expect("an event can be made");
    let many = explorer.standstills.len();
    assert!(many >= 200 && explorer.standing.len() >= 200, "{many} {}", explorer.standing.len());
    let before = explorer.bytes();
    (explorer.standstills, explorer.standing_tasks) = (HashMap::default(), 0);
    let beside = before - explorer.bytes();
    assert!(beside >= many * size_of::<(u64, Option<Vec<TaskId>>)>(), "{beside} bytes for {many}");
}
