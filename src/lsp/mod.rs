//! The server for editors, `conc lsp`: the Language Server Protocol over a
//! reader and a writer. This file owns the conversation: messages in and out,
//! its beginning and end. What is answered is in `server` and its neighbours;
//! names and errors come from `program`, the layout from `lang`, words from
//! `report`.

pub mod complete;
mod diagnostic;
mod document;
mod hover;
mod member;
mod navigate;
mod outline;
mod position;
mod server;
mod unfinished;

use lsp_server::{ErrorCode, Message, Notification, Request, RequestId, Response};
use server::Server;
use std::io::{BufRead, ErrorKind, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};

/// How a conversation ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// `shutdown`, then `exit`.
    InOrder,
    /// `exit` without `shutdown`, or nobody is there any more.
    Abruptly,
}

/// What the reader hands on.
enum Incoming {
    Message(Message),
    /// What cannot be read; the sentence says why.
    Broken(String),
}

/// Messages that may wait; a client that sends faster is made to wait.
const WAITING_MAX: usize = 1024;

/// What is said of a fault of conc's own.
const FAULT: &str = "a fault in conc; please report it";

/// Does something in which conc may have a fault; that takes nothing else along.
fn sheltered<T>(work: impl FnOnce() -> T) -> Result<T, &'static str> {
    catch_unwind(AssertUnwindSafe(work)).map_err(|_| FAULT)
}

/// Talks until the client leaves.
pub fn serve(reader: impl BufRead + Send + 'static, writer: impl Write) -> Ended {
    talk(Messages::of(reader), writer)
}

fn talk(messages: Messages<impl BufRead>, writer: impl Write) -> Ended {
    Conversation { server: None, writer, ending: false, ended: None }.go_on(messages)
}

/// How the client's messages come.
enum Messages<R> {
    /// A thread reads ahead, so that several changes in a row are answered by one list of
    /// errors.
    Ahead(Receiver<Incoming>),
    /// The machine has no room for another thread: each is read once the one before it has
    /// been answered.
    Here(Arc<Mutex<R>>),
}

impl<R: BufRead + Send + 'static> Messages<R> {
    fn of(reader: R) -> Messages<R> {
        let (sender, incoming) = sync_channel(WAITING_MAX);
        let here = Arc::new(Mutex::new(reader));
        let reader = here.clone();
        let ahead = move || {
            let mut reader = reader.lock().unwrap_or_else(PoisonError::into_inner);
            while let Some(next) = read(&mut *reader) {
                // `exit` is the last that a client says; its pipe may stay open.
                let last = matches!(&next, Incoming::Message(Message::Notification(n)) if n.method == "exit");
                if sender.send(next).is_err() || last {
                    break;
                }
            }
        };
        match std::thread::Builder::new().name("reader".to_string()).spawn(ahead) {
            Ok(_) => Messages::Ahead(incoming),
            Err(_) => Messages::Here(here),
        }
    }
}

impl<R: BufRead> Messages<R> {
    /// The next, if it is there already.
    fn come(&self) -> Option<Incoming> {
        match self {
            Messages::Ahead(incoming) => incoming.try_recv().ok(),
            Messages::Here(_) => None,
        }
    }

    /// The next, which may take its time; none at the end.
    fn next(&self) -> Option<Incoming> {
        match self {
            Messages::Ahead(incoming) => incoming.recv().ok(),
            Messages::Here(reader) => read(&mut *reader.lock().unwrap_or_else(PoisonError::into_inner)),
        }
    }
}

/// The next message; `None` at the end. After something broken the reading
/// goes on at the next header that can be read.
fn read(reader: &mut impl BufRead) -> Option<Incoming> {
    match sheltered(|| Message::read(reader)) {
        Ok(Ok(message)) => message.map(Incoming::Message),
        Ok(Err(e)) if e.kind() == ErrorKind::InvalidData => Some(Incoming::Broken(e.to_string())),
        Ok(Err(_)) | Err(_) => None,
    }
}

struct Conversation<W> {
    /// None until `initialize`.
    server: Option<Server>,
    writer: W,
    /// `shutdown` has come.
    ending: bool,
    ended: Option<Ended>,
}

impl<W: Write> Conversation<W> {
    fn go_on(mut self, messages: Messages<impl BufRead>) -> Ended {
        loop {
            // Errors are told when nothing else is waiting.
            let next = messages.come().or_else(|| {
                let told = self.server.as_mut().map(Server::diagnostics).unwrap_or_default();
                told.into_iter().for_each(|n| self.send(Message::Notification(n)));
                messages.next()
            });
            let Some(next) = next else {
                return if self.ending { Ended::InOrder } else { Ended::Abruptly };
            };
            match next {
                Incoming::Message(Message::Request(request)) => self.request(request),
                Incoming::Message(Message::Notification(notification)) => self.notification(notification),
                // This server asks for nothing that it needs an answer to.
                Incoming::Message(Message::Response(_)) => {}
                Incoming::Broken(why) => self.log(&format!("a message cannot be read: {why}")),
            }
            if let Some(ended) = self.ended {
                return ended;
            }
        }
    }

    /// A client that does not read any more has left.
    fn send(&mut self, message: Message) {
        if message.write(&mut self.writer).is_err() {
            self.ended = Some(Ended::Abruptly);
        }
    }

    fn fail(&mut self, id: RequestId, code: ErrorCode, text: &str) {
        self.send(Message::Response(Response::new_err(id, code as i32, text.to_string())));
    }

    fn log(&mut self, text: &str) {
        let params = serde_json::json!({ "type": 1, "message": text });
        self.send(Message::Notification(Notification { method: "window/logMessage".to_string(), params }));
    }

    fn request(&mut self, request: Request) {
        let id = request.id.clone();
        match (&mut self.server, request.method.as_str()) {
            (_, _) if self.ending => self.fail(id, ErrorCode::InvalidRequest, "the server is shutting down"),
            (None, "initialize") => match serde_json::from_value(request.params) {
                Ok(params) => {
                    let (server, answer) = Server::new(&params);
                    self.server = Some(server);
                    self.send(Message::Response(Response { id, response_result: Ok(answer) }));
                }
                Err(e) => self.fail(id, ErrorCode::InvalidParams, &e.to_string()),
            },
            (None, _) => self.fail(id, ErrorCode::ServerNotInitialized, "`initialize` comes first"),
            (Some(_), "initialize") => self.fail(id, ErrorCode::InvalidRequest, "`initialize` comes once"),
            (Some(_), "shutdown") => {
                self.ending = true;
                self.send(Message::Response(Response { id, response_result: Ok(serde_json::Value::Null) }));
            }
            (Some(server), _) => match sheltered(|| server.answer(&request.method, request.params)) {
                Ok(Ok(value)) => self.send(Message::Response(Response { id, response_result: Ok(value) })),
                Ok(Err((code, text))) => self.fail(id, code, &text),
                Err(fault) => self.fail(id, ErrorCode::InternalError, fault),
            },
        }
    }

    fn notification(&mut self, notification: Notification) {
        if notification.method == "exit" {
            self.ended = Some(if self.ending { Ended::InOrder } else { Ended::Abruptly });
            return;
        }
        let Some(server) = &mut self.server else { return };
        match sheltered(|| server.hear(&notification.method, notification.params)) {
            Ok(Ok(())) => {}
            Ok(Err(why)) => self.log(&why),
            Err(fault) => self.log(fault),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn framed(message: &Value) -> String {
        format!("Content-Length: {}\r\n\r\n{message}", message.to_string().len())
    }

    /// Where there is no thread that reads ahead all is answered the same.
    #[test]
    fn messages_are_read_in_place_too() {
        let uri = "file:///a.conc";
        let said = [
            json!({ "jsonrpc": "2.0", "id": 1, "method": "initialize", "params": { "capabilities": {} } }),
            json!({ "jsonrpc": "2.0", "method": "textDocument/didOpen", "params": { "textDocument":
                { "uri": uri, "languageId": "conc", "version": 1, "text": "nope()\n" } } }),
            json!({ "jsonrpc": "2.0", "id": 2, "method": "shutdown" }),
            json!({ "jsonrpc": "2.0", "method": "exit" }),
        ];
        let text: String = said.iter().map(framed).collect();
        for messages in [
            Messages::Here(Arc::new(Mutex::new(std::io::Cursor::new(text.clone())))),
            Messages::of(std::io::Cursor::new(text.clone())),
        ] {
            let is_in_place = matches!(messages, Messages::Here(_));
            let mut written = Vec::new();
            assert_eq!(talk(messages, &mut written), Ended::InOrder);
            let mut answers = std::io::Cursor::new(written);
            let mut seen = Vec::new();
            while let Ok(Some(message)) = Message::read(&mut answers) {
                seen.push(match message {
                    Message::Response(r) => r.id.to_string(),
                    Message::Notification(n) => n.method,
                    Message::Request(r) => r.method,
                });
            }
            // Read ahead, the end may come before the errors were told.
            let errors = "textDocument/publishDiagnostics";
            assert!(seen == ["1", errors, "2"] || !is_in_place && seen == ["1", "2"], "{seen:?}");
        }
    }
}
