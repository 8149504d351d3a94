//! The conversation: which message is for what, and when findings are published.
//!
//! In: messages. Out: answers, notifications.
//! Never: ends on a message that it does not understand; it says so to who asked.
//! Promise: each request has exactly one answer. Start reading at [`Server::on`].

use std::collections::BTreeSet;

use homeostat_intent::analysis::Text;
use homeostat_intent::{Diagnostic as Finding, Severity, codes};
use lsp_server::{ErrorCode, Message, Notification, Request, RequestId, Response};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::documents::{Documents, Spec, range};
use super::protocol::{
    At, Diagnostic, DidChange, DidOpen, In, Initialize, Location, Over, Range, Related,
};
use super::{Ended, actions, answers, uri};

/// What happens after a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    GoOn,
    Exit(Ended),
}

/// Why a request has no result: a code of the protocol, and what to say.
pub(super) struct Refused(pub(super) ErrorCode, pub(super) String);

pub(super) type Answer = Result<Value, Refused>;

/// One editor's server.
pub(super) struct Server {
    /// The way to the editor.
    send: Box<dyn Fn(Message)>,
    documents: Documents,
    /// Whether the editor understands edits of documents by version.
    versioned: bool,
    /// Documents whose findings the editor shows.
    published: BTreeSet<String>,
    /// Whether something has changed since findings were published.
    stale: bool,
    /// Whether `shutdown` was asked for.
    closing: bool,
}

/// What the server can do, as the editor is told.
pub(super) fn capabilities() -> Value {
    json!({
        "capabilities": {
            "positionEncoding": "utf-16",
            "textDocumentSync": { "openClose": true, "change": 2, "save": true },
            "hoverProvider": true,
            "completionProvider": { "triggerCharacters": [".", ":", "(", " "] },
            "definitionProvider": true,
            "referencesProvider": true,
            "documentHighlightProvider": true,
            "documentSymbolProvider": true,
            "documentFormattingProvider": true,
            "renameProvider": { "prepareProvider": true },
            "codeActionProvider": { "codeActionKinds": ["quickfix", "source.fixAll"] },
        },
        "serverInfo": { "name": "homeostat", "version": env!("CARGO_PKG_VERSION") },
    })
}

impl Server {
    pub(super) fn new(send: Box<dyn Fn(Message)>, params: &Value) -> Self {
        // What an editor says wrongly at the beginning is taken as not said.
        let said: Initialize = Initialize::deserialize_leniently(params);
        let folders = said.workspace_folders.unwrap_or_default();
        let roots =
            folders.iter().map(|folder| folder.uri.as_str()).chain(said.root_uri.as_deref());
        let roots = roots.filter_map(uri::path).collect();
        let told = said.initialization_options.unwrap_or_default().spec;
        let versioned = said.capabilities.pointer("/workspace/workspaceEdit/documentChanges");
        Self {
            send,
            documents: Documents::new(roots, &told),
            versioned: versioned.and_then(Value::as_bool).unwrap_or_default(),
            published: BTreeSet::new(),
            stale: false,
            closing: false,
        }
    }

    pub(super) fn on(&mut self, message: Message) -> Next {
        match message {
            Message::Request(request) => {
                self.request(request);
                Next::GoOn
            }
            Message::Notification(notification) if notification.method == "exit" => {
                Next::Exit(if self.closing { Ended::Orderly } else { Ended::Abruptly })
            }
            Message::Notification(notification) => {
                self.notification(notification);
                Next::GoOn
            }
            // Nothing is ever asked of the editor that it must answer.
            Message::Response(_) => Next::GoOn,
        }
    }

    /// Publishes findings, when anything has changed since.
    pub(super) fn settle(&mut self) {
        if !std::mem::take(&mut self.stale) || self.closing {
            return;
        }
        let mut shown = BTreeSet::new();
        for spec in self.documents.specs() {
            for (source, uri) in (0_u32..).zip(&spec.uris) {
                let found = findings(&spec, source);
                if !found.is_empty() || self.documents.is_open(uri) {
                    shown.insert(uri.clone());
                    let version = usize::try_from(source).ok().and_then(|at| spec.versions.get(at));
                    self.publish(uri, version.copied().flatten(), &found);
                }
            }
            for (uri, reason) in &spec.unread {
                shown.insert(uri.clone());
                self.publish(uri, None, &[unread(reason)]);
            }
        }
        for gone in std::mem::replace(&mut self.published, shown.clone()) {
            if !shown.contains(&gone) {
                self.publish(&gone, None, &[]);
            }
        }
    }

    fn publish(&self, uri: &str, version: Option<i64>, found: &[Diagnostic]) {
        let mut params = json!({ "uri": uri, "diagnostics": found });
        if let (Some(version), Some(fields)) = (version, params.as_object_mut()) {
            fields.insert("version".to_owned(), version.into());
        }
        self.send(Notification { method: "textDocument/publishDiagnostics".to_owned(), params });
    }

    fn send(&self, message: impl Into<Message>) {
        (self.send)(message.into());
    }

    fn notification(&mut self, notification: Notification) {
        let Notification { method, params } = notification;
        match method.as_str() {
            "textDocument/didOpen" => {
                if let Ok(DidOpen { text_document: opened }) = serde_json::from_value(params) {
                    self.documents.open(opened.uri, opened.text, opened.version);
                    self.stale = true;
                }
            }
            "textDocument/didChange" => {
                if let Ok(changed) = serde_json::from_value::<DidChange>(params) {
                    let id = changed.text_document;
                    self.stale |=
                        self.documents.change(&id.uri, id.version, changed.content_changes);
                }
            }
            "textDocument/didClose" => {
                if let Ok(In { text_document }) = serde_json::from_value(params) {
                    self.documents.close(&text_document.uri);
                    self.stale = true;
                }
            }
            "textDocument/didSave"
            | "workspace/didChangeWatchedFiles"
            | "workspace/didChangeConfiguration" => {
                self.documents.forget();
                self.stale = true;
            }
            _ => {}
        }
    }

    fn request(&mut self, request: Request) {
        let Request { id, method, params } = request;
        if self.closing {
            let refused = Refused(ErrorCode::InvalidRequest, "the server is shutting down".into());
            return self.answer(id, Err(refused));
        }
        let answer = match method.as_str() {
            "shutdown" => {
                self.closing = true;
                Ok(Value::Null)
            }
            "textDocument/hover" => self.at(params, answers::hover),
            "textDocument/completion" => self.at(params, answers::completion),
            "textDocument/definition" => self.at(params, answers::definition),
            "textDocument/references" => self.at(params, answers::references),
            "textDocument/documentHighlight" => self.at(params, answers::highlight),
            "textDocument/prepareRename" => self.at(params, answers::prepare_rename),
            "textDocument/rename" => {
                let versioned = self.versioned;
                self.at(params, |spec, source, offset, at| {
                    actions::rename(spec, source, offset, &at.new_name, versioned)
                })
            }
            "textDocument/documentSymbol" => self.in_document(params, answers::symbols),
            "textDocument/formatting" => self.in_document(params, answers::formatting),
            "textDocument/codeAction" => self.over(params),
            other => Err(Refused(
                ErrorCode::MethodNotFound,
                format!("`{other}` is not something that this server does"),
            )),
        };
        self.answer(id, answer);
    }

    fn answer(&self, id: RequestId, answer: Answer) {
        self.send(match answer {
            Ok(value) => Response::new_ok(id, value),
            // The codes of the protocol are small.
            Err(Refused(code, message)) => Response::new_err(id, code as i32, message),
        });
    }

    /// Answers what is asked about a place.
    fn at(&mut self, params: Value, answer: impl FnOnce(&Spec, u32, u32, &At) -> Answer) -> Answer {
        let at: At = read(params)?;
        let (spec, source) = self.spec(&at.text_document.uri)?;
        let offset = super::documents::byte(spec.text(source), at.position);
        answer(&spec, source, offset, &at)
    }

    fn in_document(&mut self, params: Value, answer: impl FnOnce(&Spec, u32) -> Answer) -> Answer {
        let asked: In = read(params)?;
        let (spec, source) = self.spec(&asked.text_document.uri)?;
        answer(&spec, source)
    }

    fn over(&mut self, params: Value) -> Answer {
        let over: Over = read(params)?;
        let (spec, source) = self.spec(&over.text_document.uri)?;
        actions::offered(&spec, source, over.range, self.versioned)
    }

    /// The spec of a document that is open, and its number there.
    fn spec(&mut self, uri: &str) -> Result<(std::rc::Rc<Spec>, u32), Refused> {
        let unknown = || Refused(ErrorCode::InvalidParams, format!("`{uri}` is not open"));
        if !self.documents.is_open(uri) {
            return Err(unknown());
        }
        let spec = self.documents.spec_of(uri);
        let source = spec.source(uri).ok_or_else(unknown)?;
        Ok((spec, source))
    }
}

impl Initialize {
    fn deserialize_leniently(params: &Value) -> Self {
        serde_json::from_value(params.clone()).unwrap_or_default()
    }
}

fn read<T: DeserializeOwned>(params: Value) -> Result<T, Refused> {
    serde_json::from_value(params)
        .map_err(|error| Refused(ErrorCode::InvalidParams, error.to_string()))
}

/// A value as JSON.
pub(super) fn value(value: impl Serialize) -> Answer {
    serde_json::to_value(value)
        .map_err(|error| Refused(ErrorCode::InternalError, error.to_string()))
}

/// The findings of one source, as the editor shows them.
fn findings(spec: &Spec, source: u32) -> Vec<Diagnostic> {
    let text = Text::new(spec.text(source));
    let found = spec.analysis.diagnostics().iter();
    found
        .filter(|found| found.primary.span.source == source)
        .map(|found| finding(spec, &text, found))
        .collect()
}

fn finding(spec: &Spec, text: &Text<'_>, found: &Finding) -> Diagnostic {
    let mut message = found.message.clone();
    for more in [&found.primary.text, found.help.as_deref().unwrap_or_default()] {
        if !more.is_empty() {
            message.push('\n');
            message.push_str(more);
        }
    }
    let related = found.secondary.iter().map(|label| Related {
        location: location(spec, label.span),
        message: if label.text.is_empty() { "see here".to_owned() } else { label.text.clone() },
    });
    let page = codes::page(found.code.as_str());
    Diagnostic {
        range: range(text, found.primary.span),
        severity: match found.severity {
            Severity::Error => 1,
            Severity::Warning => 2,
            Severity::Note => 3,
        },
        code: found.code.as_str().to_owned(),
        source: "homeostat",
        message,
        related_information: related.collect(),
        data: json!({ "page": page }),
    }
}

/// A span as a place in its document.
pub(super) fn location(spec: &Spec, span: homeostat_intent::Span) -> Location {
    let text = Text::new(spec.text(span.source));
    Location { uri: spec.uri(span.source).to_owned(), range: range(&text, span) }
}

fn unread(reason: &str) -> Diagnostic {
    Diagnostic {
        range: Range::default(),
        severity: 1,
        code: "unread".to_owned(),
        source: "homeostat",
        message: format!("{reason}\nwhat it says is missing from the spec of its folder"),
        related_information: Vec::new(),
        data: Value::Null,
    }
}
