//! Who waits for whom, drawn: circles, closed; then each other task that waits
//! with an arrow through the object to who has it, followed as far as it goes.

use crate::detect::finding::Reason;
use crate::report::Style;
use crate::report::circle::{self, Side};
use crate::run::scene::{Scene, TaskState};
use std::collections::{BTreeMap, HashSet};

/// Columns for the words beside a circle.
const WORDS: usize = 20;

/// One arrow: the object, and the task that it leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Edge {
    object: String,
    to: Option<u32>,
}

pub fn draw(scene: &Scene, style: &Style) -> String {
    let edges: BTreeMap<u32, Vec<Edge>> =
        scene.tasks.iter().map(|t| (t.facts.serial, edges_of(t))).filter(|(_, e)| !e.is_empty()).collect();
    if edges.is_empty() {
        return "nobody waits\n".to_string();
    }
    let mut drawing = Drawing { scene, edges: &edges, style, done: HashSet::new(), out: String::new() };
    for task in edges.keys() {
        drawing.circle(*task);
    }
    // Whom nobody waits for comes first.
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
    style: &'a Style,
    done: HashSet<u32>,
    out: String,
}

impl Drawing<'_> {
    fn name(&self, task: u32) -> String {
        self.scene.tasks.iter().find(|t| t.facts.serial == task).map_or("?".to_string(), |t| t.facts.name.clone())
    }

    fn arrows(&self) -> (&'static str, &'static str) {
        if self.style.unicode { ("──", "──▶") } else { ("--", "-->") }
    }

    /// The circle that a task is in, along the first arrow of each.
    fn circle(&mut self, first: u32) {
        let mut path = vec![first];
        while let Some(to) = self.edges.get(path.last().unwrap_or(&first)).and_then(|e| e.first()?.to) {
            if to == first {
                break;
            }
            if path.contains(&to) || self.done.contains(&to) {
                return;
            }
            path.push(to);
        }
        let ends = self.edges.get(path.last().unwrap_or(&first)).and_then(|e| e.first()?.to);
        if ends != Some(first) || self.done.contains(&first) {
            return;
        }
        let side = |t: &u32| Side { task: self.name(*t), through: self.edges[t][0].object.clone() };
        let sides: Vec<Side> = path.iter().map(side).collect();
        let mut rows = circle::draw(&sides, self.style.width.saturating_sub(WORDS), self.style.unicode);
        if rows.is_empty() {
            let (dash, arrow) = self.arrows();
            let row: String = sides.iter().map(|s| format!("{} {dash} {} {arrow} ", s.task, s.through)).collect();
            rows.push(format!("{row}{}", sides[0].task));
        }
        if let Some(last) = rows.last_mut() {
            last.push_str(&format!("   (a circle of {})", sides.len()));
        }
        self.out.push_str(&format!("{}\n", rows.join("\n")));
        path.iter().for_each(|t| self.others(*t));
        self.done.extend(path);
    }

    /// The arrows of a task but its first.
    fn others(&mut self, task: u32) {
        let (dash, arrow) = self.arrows();
        for other in self.edges[&task].iter().skip(1) {
            let to = other.to.map_or("nobody yet".to_string(), |t| self.name(t));
            self.out.push_str(&format!("{} {dash} {} {arrow} {to}\n", self.name(task), other.object));
        }
    }

    /// One task that is in no circle and all behind its first arrow, up to a
    /// task that is drawn already; then its other arrows.
    fn chain(&mut self, first: u32) {
        let (dash, arrow) = self.arrows();
        let mut line = self.name(first);
        let mut path = Vec::new();
        let mut task = first;
        while self.done.insert(task) {
            path.push(task);
            let Some(edge) = self.edges[&task].first() else { break };
            let to = edge.to.map_or("nobody yet".to_string(), |t| self.name(t));
            line.push_str(&format!(" {dash} {} {arrow} {to}", edge.object));
            match edge.to.filter(|to| self.edges.contains_key(to)) {
                Some(to) => task = to,
                None => break,
            }
        }
        self.out.push_str(&format!("{line}\n"));
        path.into_iter().for_each(|t| self.others(t));
    }
}
