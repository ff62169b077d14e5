//! The layer's tests: `sample` has scripts, `tree` what they become, `wrong`
//! the messages, `layout` the formatter, `property` what holds for any script.

mod layout;
mod property;
mod sample;
mod tree;
mod wrong;

use super::ast::Script;

/// The tree without its places, for comparison.
fn shape(script: &Script) -> String {
    let text = format!("{script:?}");
    let mut shape = String::with_capacity(text.len());
    let mut rest = text.as_str();
    while let Some(found) = rest.find("span: ") {
        shape.push_str(&rest[..found]);
        rest = rest[found + "span: ".len()..].trim_start_matches(|c: char| c.is_ascii_digit() || c == '.');
    }
    shape + rest
}
