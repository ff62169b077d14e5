//! What the server knows and can: the open documents, and which request is
//! answered where.

use super::document::Document;
use super::position::Encoding;
use super::{complete, diagnostic, hover, navigate, outline};
use lsp_server::{ErrorCode, Notification};
use lsp_types as lsp;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// An answer, or why there is none.
pub type Answer = Result<Value, (ErrorCode, String)>;

/// What this client can show.
#[derive(Clone, Copy, Debug)]
pub struct Client {
    pub encoding: Encoding,
    /// Further places of an error, each with its sentence.
    pub related: bool,
    /// Completion that leaves the cursor between parentheses.
    pub snippets: bool,
}

pub struct Server {
    client: Client,
    documents: BTreeMap<String, Document>,
    /// Those whose errors have to be told.
    changed: Vec<String>,
    /// Compiles what has changed of a document.
    look: fn(&mut Document),
}

impl Server {
    /// A server for a client, and what it says of itself.
    pub fn new(params: &lsp::InitializeParams) -> (Server, Value) {
        let general = params.capabilities.general.as_ref();
        let offered = general.and_then(|g| g.position_encodings.as_deref()).unwrap_or_default();
        let document = params.capabilities.text_document.as_ref();
        let diagnostics = document.and_then(|d| d.publish_diagnostics.as_ref());
        let item = document.and_then(|d| d.completion.as_ref()).and_then(|c| c.completion_item.as_ref());
        let client = Client {
            encoding: Encoding::choose(offered),
            related: diagnostics.and_then(|d| d.related_information).unwrap_or(false),
            snippets: item.and_then(|i| i.snippet_support).unwrap_or(false),
        };
        let answer = json!({
            "capabilities": capabilities(client.encoding),
            "serverInfo": { "name": "conc", "version": env!("CARGO_PKG_VERSION") },
        });
        (Server { client, documents: BTreeMap::new(), changed: Vec::new(), look: Document::look }, answer)
    }

    /// Takes in what the client tells; the error is a sentence for its log.
    pub fn hear(&mut self, method: &str, params: Value) -> Result<(), String> {
        match method {
            "textDocument/didOpen" => {
                let lsp::DidOpenTextDocumentParams { text_document: d } = read(params).map_err(|e| e.1)?;
                let uri = d.uri.as_str().to_string();
                self.documents.insert(uri.clone(), Document::new(d.text, d.version, self.client.encoding));
                self.changed.push(uri);
            }
            "textDocument/didChange" => {
                let p: lsp::DidChangeTextDocumentParams = read(params).map_err(|e| e.1)?;
                let uri = p.text_document.uri.as_str().to_string();
                let Some(document) = self.documents.get_mut(&uri) else {
                    return Err(format!("a change to {uri}, which is not open"));
                };
                document.change(p.text_document.version, p.content_changes);
                self.changed.push(uri);
            }
            "textDocument/didClose" => {
                let p: lsp::DidCloseTextDocumentParams = read(params).map_err(|e| e.1)?;
                let uri = p.text_document.uri.as_str().to_string();
                self.documents.remove(&uri);
                self.changed.push(uri);
            }
            // `initialized`, `didSave`, `$/cancelRequest` and what comes after:
            // nothing follows from them here.
            _ => {}
        }
        Ok(())
    }

    /// The errors of all documents that changed since the last call.
    pub fn diagnostics(&mut self) -> Vec<Notification> {
        let mut changed = std::mem::take(&mut self.changed);
        changed.sort();
        changed.dedup();
        changed.into_iter().map(|uri| self.diagnostics_of(&uri)).collect()
    }

    /// A fault while a document is looked at is told in its place.
    fn diagnostics_of(&mut self, uri: &str) -> Notification {
        let (client, look) = (self.client, self.look);
        let params = match self.documents.get_mut(uri) {
            Some(document) => {
                let found = super::sheltered(|| {
                    look(document);
                    diagnostic::all(document, uri, client)
                });
                let found = found.unwrap_or_else(|fault| vec![diagnostic::fault(fault)]);
                json!({ "uri": uri, "version": document.version, "diagnostics": found })
            }
            None => json!({ "uri": uri, "diagnostics": [] }),
        };
        Notification { method: "textDocument/publishDiagnostics".to_string(), params }
    }

    /// Answers a request.
    pub fn answer(&mut self, method: &str, params: Value) -> Answer {
        match method {
            "textDocument/hover" => self
                .at(params, |d, p: lsp::HoverParams| hover::hover(d, d.byte(p.text_document_position_params.position))),
            "textDocument/definition" => self.at(params, |d, p: lsp::GotoDefinitionParams| {
                let p = p.text_document_position_params;
                navigate::definition(d, &p.text_document.uri, d.byte(p.position))
            }),
            "textDocument/references" => self.at(params, |d, p: lsp::ReferenceParams| {
                let at = p.text_document_position;
                let byte = d.byte(at.position);
                navigate::references(d, &at.text_document.uri, byte, p.context.include_declaration)
            }),
            "textDocument/documentHighlight" => self.at(params, |d, p: lsp::DocumentHighlightParams| {
                navigate::highlights(d, d.byte(p.text_document_position_params.position))
            }),
            "textDocument/prepareRename" => {
                let (document, p) = self.document::<lsp::TextDocumentPositionParams>(params)?;
                let byte = document.byte(p.position);
                value(navigate::prepare_rename(document, byte).map_err(refused)?)
            }
            "textDocument/rename" => {
                let (document, p) = self.document::<lsp::RenameParams>(params)?;
                let at = p.text_document_position;
                let byte = document.byte(at.position);
                let edits = navigate::rename(document, byte, &p.new_name).map_err(refused)?;
                Ok(json!({ "changes": { (at.text_document.uri.as_str()): edits } }))
            }
            "textDocument/completion" => {
                let snippets = self.client.snippets;
                self.at(params, |d, p: lsp::CompletionParams| {
                    Some(complete::complete(d, d.byte(p.text_document_position.position), snippets))
                })
            }
            "textDocument/documentSymbol" => {
                self.at(params, |d, _: lsp::DocumentSymbolParams| Some(outline::symbols(d)))
            }
            "textDocument/formatting" => self.at(params, |d, _: lsp::DocumentFormattingParams| outline::formatting(d)),
            "textDocument/codeLens" => {
                self.at(params, |d, p: lsp::CodeLensParams| Some(outline::lenses(d, &p.text_document.uri)))
            }
            "textDocument/codeAction" => self
                .at(params, |d, p: lsp::CodeActionParams| Some(diagnostic::actions(d, &p.text_document.uri, p.range))),
            _ => Err((ErrorCode::MethodNotFound, format!("`{method}` is not offered"))),
        }
    }

    /// The document that the parameters name, with what is known of it.
    fn document<P: DeserializeOwned>(&mut self, params: Value) -> Result<(&Document, P), (ErrorCode, String)> {
        let uri = params["textDocument"]["uri"].as_str().unwrap_or_default().to_string();
        let params = read(params)?;
        let document = self.documents.get_mut(&uri);
        let document = document.ok_or_else(|| (ErrorCode::InvalidParams, format!("{uri} is not open")))?;
        (self.look)(document);
        Ok((document, params))
    }

    fn at<P: DeserializeOwned, T: Serialize>(
        &mut self,
        params: Value,
        answer: impl FnOnce(&Document, P) -> Option<T>,
    ) -> Answer {
        let (document, params) = self.document(params)?;
        value(answer(document, params))
    }
}

fn read<P: DeserializeOwned>(params: Value) -> Result<P, (ErrorCode, String)> {
    serde_json::from_value(params).map_err(|e| (ErrorCode::InvalidParams, e.to_string()))
}

fn value(of: impl Serialize) -> Answer {
    serde_json::to_value(of).map_err(|e| (ErrorCode::InternalError, e.to_string()))
}

/// The client shows the sentence to the user.
fn refused(why: String) -> (ErrorCode, String) {
    (ErrorCode::RequestFailed, why)
}

fn capabilities(encoding: Encoding) -> Value {
    json!({
        "positionEncoding": encoding.kind(),
        "textDocumentSync": { "openClose": true, "change": lsp::TextDocumentSyncKind::INCREMENTAL },
        "hoverProvider": true,
        "definitionProvider": true,
        "referencesProvider": true,
        "documentHighlightProvider": true,
        "renameProvider": { "prepareProvider": true },
        "completionProvider": { "triggerCharacters": ["."] },
        "documentSymbolProvider": true,
        "documentFormattingProvider": true,
        "codeLensProvider": {},
        "codeActionProvider": { "codeActionKinds": [lsp::CodeActionKind::QUICKFIX] },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A text at which conc has a fault is told so, and the next text is looked at as ever.
    #[test]
    fn a_fault_takes_only_its_answer_along() {
        let (mut server, _) = Server::new(&lsp::InitializeParams::default());
        let uri = "file:///a.conc";
        let opened = json!({ "uri": uri, "languageId": "conc", "version": 1, "text": "nope()\n" });
        server.look = |_| panic!("for this test");
        server.hear("textDocument/didOpen", json!({ "textDocument": opened })).unwrap();
        let told = |server: &mut Server| {
            let told = server.diagnostics();
            assert_eq!(told.len(), 1);
            told[0].params["diagnostics"][0]["message"].as_str().unwrap_or_default().to_string()
        };
        assert_eq!(told(&mut server), "a fault in conc; please report it");
        server.look = Document::look;
        let changed =
            json!({ "textDocument": { "uri": uri, "version": 2 }, "contentChanges": [{ "text": "nope()\n\n" }] });
        server.hear("textDocument/didChange", changed).unwrap();
        let told = told(&mut server);
        assert!(told.starts_with("`nope` is not defined"), "{told}");
    }
}
