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

/// Talks until the client leaves. The reading goes on in a thread of its own,
/// so that several changes in a row are answered by one list of errors.
pub fn serve(reader: impl BufRead + Send + 'static, writer: impl Write) -> Ended {
    let (sender, incoming) = sync_channel(WAITING_MAX);
    std::thread::spawn(move || {
        let mut reader = reader;
        while let Some(next) = read(&mut reader) {
            // `exit` is the last that a client says; its pipe may stay open.
            let last = matches!(&next, Incoming::Message(Message::Notification(n)) if n.method == "exit");
            if sender.send(next).is_err() || last {
                break;
            }
        }
    });
    Conversation { server: None, writer, ending: false, ended: None }.go_on(&incoming)
}

/// The next message; `None` at the end. After something broken the reading
/// goes on at the next header that can be read.
fn read(reader: &mut impl BufRead) -> Option<Incoming> {
    match catch_unwind(AssertUnwindSafe(|| Message::read(reader))) {
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
    fn go_on(mut self, incoming: &Receiver<Incoming>) -> Ended {
        loop {
            // Errors are told when nothing else is waiting.
            let next = match incoming.try_recv() {
                Ok(next) => next,
                Err(_) => {
                    let told = self.server.as_mut().map(Server::diagnostics).unwrap_or_default();
                    told.into_iter().for_each(|n| self.send(Message::Notification(n)));
                    match incoming.recv() {
                        Ok(next) => next,
                        Err(_) => return if self.ending { Ended::InOrder } else { Ended::Abruptly },
                    }
                }
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
            (Some(server), _) => {
                // A fault in one answer does not take the others along.
                let answered = catch_unwind(AssertUnwindSafe(|| server.answer(&request.method, request.params)));
                match answered {
                    Ok(Ok(value)) => self.send(Message::Response(Response { id, response_result: Ok(value) })),
                    Ok(Err((code, text))) => self.fail(id, code, &text),
                    Err(_) => self.fail(id, ErrorCode::InternalError, "a fault in conc; please report it"),
                }
            }
        }
    }

    fn notification(&mut self, notification: Notification) {
        if notification.method == "exit" {
            self.ended = Some(if self.ending { Ended::InOrder } else { Ended::Abruptly });
            return;
        }
        let Some(server) = &mut self.server else { return };
        let heard = catch_unwind(AssertUnwindSafe(|| server.hear(&notification.method, notification.params)));
        match heard {
            Ok(Ok(())) => {}
            Ok(Err(why)) => self.log(&why),
            Err(_) => self.log("a fault in conc; please report it"),
        }
    }
}
