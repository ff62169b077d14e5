//! A script compiled: names resolved, arity and kinds checked, flat code with
//! its places in the source. It knows nothing of how the code is executed.

mod apart;
pub mod built_in;
pub mod code;
pub mod compile;
pub mod constant;
mod dictionary;
mod foreign;
pub mod kind;
pub mod name;
pub mod reads;
pub mod scope;
pub mod table;
pub mod value;

pub use code::Program;
pub use compile::{Entry, Growth, compile};
