//! A script's errors for an editor: the same sentences as on the command line,
//! with the mend and the further places; and the mend as an edit where it is
//! another word.

use super::document::Document;
use super::server::Client;
use crate::lang::error::ScriptError;
use lsp_types as lsp;
use serde_json::{Value, json};

/// All errors of a document.
pub fn all(document: &Document, uri: &str, client: Client) -> Vec<Value> {
    document.known().errors.iter().map(|e| one(document, uri, e, client)).collect()
}

fn one(document: &Document, uri: &str, error: &ScriptError, client: Client) -> Value {
    let mut message = error.message.clone();
    if let Some(help) = &error.help {
        message.push_str(&format!("\nhelp: {help}"));
    }
    let mut related = Vec::new();
    for (span, label) in &error.related {
        let range = document.range(*span);
        if client.related {
            related.push(json!({ "location": { "uri": uri, "range": range }, "message": label }));
        } else {
            message.push_str(&format!("\nline {}: {label}", range.start.line + 1));
        }
    }
    json!({
        "range": document.range(error.span),
        "severity": lsp::DiagnosticSeverity::ERROR,
        "source": "conc",
        "message": message,
        "relatedInformation": related,
    })
}

/// What stands in the place of a document's errors that could not be found out.
pub fn fault(sentence: &str) -> Value {
    let start = lsp::Position::default();
    json!({
        "range": lsp::Range { start, end: start },
        "severity": lsp::DiagnosticSeverity::ERROR,
        "source": "conc",
        "message": sentence,
    })
}

/// The mends of errors in a range that are another word for the one there.
pub fn actions(document: &Document, uri: &lsp::Uri, range: lsp::Range) -> Vec<Value> {
    let (start, end) = (document.byte(range.start) as u32, document.byte(range.end) as u32);
    let here = document.known().errors.iter().filter(|e| e.span.start <= end && start <= e.span.end);
    here.filter_map(|e| action(document, uri, e)).collect()
}

fn action(document: &Document, uri: &lsp::Uri, error: &ScriptError) -> Option<Value> {
    let word = meant(error.help.as_deref()?)?;
    let (written, span) = document.word(error.span.start as usize)?;
    // Only a word that the error is about as a whole.
    (span == error.span && written != word).then_some(())?;
    let client = Client { encoding: super::position::Encoding::Utf16, related: false, snippets: false };
    let edit = json!({ "range": document.range(span), "newText": word });
    Some(json!({
        "title": format!("Replace `{written}` by `{word}`"),
        "kind": lsp::CodeActionKind::QUICKFIX,
        "isPreferred": true,
        "diagnostics": [one(document, uri.as_str(), error, client)],
        "edit": { "changes": { (uri.as_str()): [edit] } },
    }))
}

/// The word that a help such as "did you mean `get`?" offers.
fn meant(help: &str) -> Option<&str> {
    let rest = ["did you mean `", "there is `", "write `"].iter().find_map(|begin| help.strip_prefix(begin))?;
    let (word, after) = rest.split_once('`')?;
    let is_word = word.chars().all(|c| c.is_alphanumeric() || c == '_' || c == '-');
    (matches!(after, "" | "?") && is_word).then_some(word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_help_that_is_a_word_is_a_mend() {
        assert_eq!(meant("did you mean `get`?"), Some("get"));
        assert_eq!(meant("write `true`"), Some("true"));
        assert_eq!(meant("write `q.get()`"), None);
        assert_eq!(meant("write `lock m`, and then more"), None);
    }
}
