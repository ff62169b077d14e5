//! Text to syntax tree and back: the grammar, the messages for what does not
//! parse, the one layout. It knows nothing of what a lock is.

pub mod ast;
pub mod error;
pub mod format;
pub mod hash;
pub mod parse;
pub mod word;

#[cfg(test)]
mod tests;
