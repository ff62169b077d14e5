//! The grammar made a parser. It owns nothing but the derivation.

/// The parser that `grammar/conc.pest` describes.
#[derive(pest_derive::Parser)]
#[grammar = "../grammar/conc.pest"]
pub(super) struct Grammar;

/// Whether a rule is a keyword's own, which carries no meaning in the tree.
pub(super) fn is_keyword(rule: Rule) -> bool {
    use Rule::*;
    matches!(
        rule,
        kw_const
            | kw_struct
            | kw_invariant
            | kw_finally
            | kw_expect
            | kw_some
            | kw_every
            | kw_on
            | kw_spawn
            | kw_x
            | kw_as
            | kw_join
            | kw_submit
            | kw_to
            | kw_terminate
            | kw_kill
            | kw_exit
            | kw_return
            | kw_if
            | kw_else
            | kw_while
            | kw_loop
            | kw_repeat
            | kw_for
            | kw_in
            | kw_break
            | kw_continue
            | kw_let
            | kw_print
            | kw_sleep
            | kw_busy
            | kw_yield
            | kw_assert
            | kw_await
            | kw_atomically
            | kw_select
            | kw_after
            | kw_try
            | kw_catch
            | kw_raise
            | kw_with
            | kw_lambda
    )
}
