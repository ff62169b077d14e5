//! The grammar of conc for tree-sitter, as Rust sees it.

use tree_sitter_language::LanguageFn;

unsafe extern "C" {
    fn tree_sitter_conc() -> *const ();
}

/// The language, for `Parser::set_language`.
// SAFETY: the function is the generated parser's own, which takes nothing and
// gives a pointer to its constant tables.
pub const LANGUAGE: LanguageFn = unsafe { LanguageFn::from_raw(tree_sitter_conc) };

/// What is highlighted as what.
pub const HIGHLIGHTS: &str = include_str!("../../queries/highlights.scm");
