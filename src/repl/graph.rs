//! Who waits for whom, drawn: each waiting task with an arrow through the
//! object to who has it, followed as far as it goes; a circle is closed.

use crate::detect::finding::Reason;
use crate::run::scene::{Scene, TaskState};
use std::collections::{BTreeMap, HashSet};

/// One arrow: the object, and the task that it leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Edge {
    object: String,
    to: Option<u32>,
}

pub fn draw(scene: &Scene, unicode: bool) -> String {
    let edges: BTreeMap<u32, Vec<Edge>> =
        scene.tasks.iter().map(|t| (t.facts.serial, edges_of(t))).filter(|(_, e)| !e.is_empty()).collect();
    if edges.is_empty() {
        return "nobody waits\n".to_string();
    }
    let mut drawing = Drawing { scene, edges: &edges, unicode, done: HashSet::new(), out: String::new() };
    // Whom nobody waits for comes first; what is left are circles.
    let awaited: HashSet<u32> = edges.values().flatten().filter_map(|e| e.to).collect();
    let (inner, outer): (Vec<u32>, Vec<u32>) = edges.keys().partition(|t| awaited.contains(t));
    for task in outer.into_iter().chain(inner) {
        if !drawing.done.contains(&task) {
            drawing.chain(task);
        }
    }
    drawing.out
}

fn edges_of(task: &TaskState) -> Vec<Edge> {
    let mut edges = Vec::new();
    for wait in &task.waits {
        let object = if wait.object_kind == "task" {
            "its end".to_string()
        } else {
            format!("{} {}", wait.object_kind, wait.object)
        };
        let holders: Vec<u32> = wait
            .reasons
            .iter()
            .filter_map(|r| match r {
                Reason::HeldBy { task, .. }
                | Reason::WaitsForEnd { task }
                | Reason::BehindWriter { task }
                | Reason::OwnerEnded { task, .. } => Some(task.serial),
                _ => None,
            })
            .collect();
        match holders[..] {
            [] => edges.push(Edge { object, to: None }),
            _ => edges.extend(holders.into_iter().map(|t| Edge { object: object.clone(), to: Some(t) })),
        }
    }
    edges
}

struct Drawing<'a> {
    scene: &'a Scene,
    edges: &'a BTreeMap<u32, Vec<Edge>>,
    unicode: bool,
    done: HashSet<u32>,
    out: String,
}

impl Drawing<'_> {
    fn name(&self, task: u32) -> String {
        self.scene.tasks.iter().find(|t| t.facts.serial == task).map_or("?".to_string(), |t| t.facts.name.clone())
    }

    /// One task and all behind its first arrow, then its other arrows.
    fn chain(&mut self, first: u32) {
        let arrow = if self.unicode { "──▶" } else { "-->" };
        let dash = if self.unicode { "──" } else { "--" };
        let mut line = self.name(first);
        let mut path = vec![first];
        let mut task = first;
        loop {
            let edges = &self.edges[&task];
            let seen = !self.done.insert(task);
            for other in edges.iter().skip(1).filter(|_| !seen) {
                let to = other.to.map_or("nobody".to_string(), |t| self.name(t));
                self.out.push_str(&format!("{} {dash} {} {arrow} {to}\n", self.name(task), other.object));
            }
            let Some(edge) = edges.first() else { break };
            line.push_str(&format!(" {dash} {} {arrow} ", edge.object));
            let Some(to) = edge.to else {
                line.push_str("nobody yet");
                break;
            };
            line.push_str(&self.name(to));
            if path.contains(&to) {
                let circle = path.len() - path.iter().position(|t| *t == to).unwrap_or(0);
                line.push_str(&format!("   (a circle of {circle})"));
                break;
            }
            if !self.edges.contains_key(&to) || self.done.contains(&to) {
                break;
            }
            path.push(to);
            task = to;
        }
        self.out.push_str(&line);
        self.out.push('\n');
    }
}
