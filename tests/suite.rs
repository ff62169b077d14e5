//! All tests that need no program of their own, in one: so what they share is compiled once, and
//! as many are at work as there are processors until the last. Others have programs of their own:
//! long runs of random programs, and those that fork within themselves.

mod generate;
mod support;

mod agreement;
mod blocks;
mod check;
mod completion;
mod corpus;
mod deaths;
mod docs;
mod editors;
mod grammar;
mod growth;
mod json;
mod layers;
mod limits;
mod lsp;
mod mistakes;
mod name;
mod repl;
mod replay;
mod run_objects;
mod run_real;
mod scenarios;
mod signals;
mod step;
mod stress;
mod terminal;
mod test_command;
mod timeline;
mod values;
mod wrong;
