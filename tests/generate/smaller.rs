//! A smaller program that still shows something: parts are dropped as long as
//! it does.

use super::Node;

/// All programs with one node fewer, or with a block in place of what it
/// belongs to, the largest cuts first.
fn candidates(program: &[Node]) -> Vec<Vec<Node>> {
    let mut out = Vec::new();
    for at in 0..program.len() {
        let mut without = program.to_vec();
        without.remove(at);
        out.push(without);
    }
    for at in 0..program.len() {
        for body in program[at].parts.iter().filter_map(|p| p.1.as_ref()) {
            let mut hoisted = program.to_vec();
            hoisted.splice(at..=at, body.iter().cloned());
            out.push(hoisted);
        }
        for part in 1..program[at].parts.len() {
            let mut fewer = program.to_vec();
            fewer[at].parts.remove(part);
            out.push(fewer);
        }
        for part in 0..program[at].parts.len() {
            let Some(body) = &program[at].parts[part].1 else { continue };
            for inner in candidates(body) {
                let mut one = program.to_vec();
                one[at].parts[part].1 = Some(inner);
                out.push(one);
            }
        }
    }
    out
}

/// The smallest program that `shows`, as far as dropping parts leads there.
pub fn smallest(program: &[Node], mut shows: impl FnMut(&[Node]) -> bool) -> Vec<Node> {
    let mut best = program.to_vec();
    loop {
        let found = candidates(&best).into_iter().find(|c| shows(c));
        match found {
            Some(smaller) => best = smaller,
            None => return best,
        }
    }
}
