//! The places of declared memory in an outcome. It owns which of a row are told by
//! themselves and how the others are put together, so that two ends that differ in any
//! place are two outcomes; what stands in a place its caller says.

use crate::lang::hash;
use crate::program::Program;
use crate::program::code::MemoryDecl;
use std::fmt::Write;

/// So many places of a row are told by themselves, and shown where rows are shown.
pub const PLACES_MAX: u32 = 64;
/// What is told of all others has so many bytes; behind that their hash tells them apart.
const TEXT_MAX: usize = 200;

/// Each place of a declaration with what stands there; of a long row the first ones, and all
/// others as one: `r[64..100]` with `0 x35, 1`. `shown` says what stands in a cell.
pub fn told(program: &Program, decl: &MemoryDecl, mut shown: impl FnMut(u32) -> String) -> Vec<(String, String)> {
    let count = decl.count.unwrap_or(1);
    let few = count.min(PLACES_MAX);
    let mut all: Vec<(String, String)> =
        (decl.first..decl.first + few).map(|cell| (program.cell_name(cell), shown(cell))).collect();
    if few < count {
        let name = format!("{}[{few}..{count}]", decl.name);
        all.push((name, together((decl.first + few..decl.first + count).map(shown))));
    }
    all
}

/// Equal neighbours as one, with how many there are.
fn together(values: impl Iterator<Item = String>) -> String {
    let mut text = String::new();
    let mut whole = hash::EMPTY;
    let mut add = |value: &str, times: u32| {
        let comma = if text.is_empty() { "" } else { ", " };
        let times = if times == 1 { String::new() } else { format!(" x{times}") };
        let part = format!("{comma}{value}{times}");
        whole = hash::with_more(whole, part.bytes());
        if text.len() <= TEXT_MAX {
            text.push_str(&part);
        }
    };
    let mut run: Option<(String, u32)> = None;
    for value in values {
        match &mut run {
            Some((same, times)) if *same == value => *times += 1,
            _ => {
                if let Some((value, times)) = run.replace((value, 1)) {
                    add(&value, times);
                }
            }
        }
    }
    if let Some((value, times)) = run {
        add(&value, times);
    }
    if text.len() > TEXT_MAX {
        let end = (0..=TEXT_MAX).rev().find(|at| text.is_char_boundary(*at));
        text.truncate(end.unwrap_or(0));
        let _ = write!(text, "… #{whole:016x}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(values: &[&str]) -> String {
        together(values.iter().map(|v| v.to_string()))
    }

    #[test]
    fn equal_neighbours_are_one() {
        assert_eq!(of(&["0", "0", "1", "0"]), "0 x2, 1, 0");
        assert_eq!(of(&["7"]), "7");
        assert_eq!(of(&["0"; 1000]), "0 x1000");
    }

    #[test]
    fn what_is_cut_is_told_apart() {
        let values = |last: u32| (0..500).chain([last]).map(|n| n.to_string());
        let (one, other) = (together(values(1)), together(values(2)));
        assert_ne!(one, other);
        assert!(one.len() < TEXT_MAX + 24, "{one}");
        assert_eq!(one, together(values(1)));
    }
}
