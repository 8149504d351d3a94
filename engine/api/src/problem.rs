//! What went wrong, as RFC 9457 problem documents with stable codes.
//!
//! In: refusals of every room below, and of HTTP itself. Out: `application/problem+json`.
//! Never: speaks of Rust types, or echoes a body back.
//! Promise: a [`Code`] keeps its name, status and title for good; `detail` says what was expected
//! and what was found, and `help` what a person can do. Start reading at [`Problem::new`].

use axum::response::{IntoResponse, Response};
use homeostat_kernel::{AdoptError, AppendError, AskError, DecideError, ReportError};
use homeostat_log::Refusal;
use http::header::{CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderValue, StatusCode};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::intake;

/// The media type of problem documents.
pub const PROBLEM_JSON: &str = "application/problem+json";

/// One problem document. Members that do not apply are absent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Problem {
    /// `urn:homeostat:problem:` and the code.
    #[serde(rename = "type")]
    pub kind: String,
    /// The same for every problem of this code.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// Stable; what programs look at.
    pub code: String,
    /// This problem: what was expected, what was found.
    pub detail: String,
    /// What a person can do about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub help: Option<String>,
    /// Which event of the request, from 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub index: Option<usize>,
    /// Which field or parameter.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// What the request expected of the log.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected: Option<String>,
    /// What the log has instead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub found: Option<String>,
}

macro_rules! codes {
    ($($(#[doc = $doc:literal])* $name:ident = $text:literal, $status:ident, $title:literal;)*) => {
        /// Every problem that the API can answer with.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Code { $($(#[doc = $doc])* $name,)* }

        impl Code {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The stable name.
            #[must_use]
            pub const fn text(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }

            /// The HTTP status.
            #[must_use]
            pub const fn status(self) -> StatusCode {
                match self { $(Self::$name => StatusCode::$status,)* }
            }

            /// The title, the same for each occurrence.
            #[must_use]
            pub const fn title(self) -> &'static str {
                match self { $(Self::$name => $title,)* }
            }
        }
    };
}

codes! {
    /// A parameter of the query or a header does not parse, or is unknown.
    BadParameter = "bad-parameter", BAD_REQUEST, "a parameter is not understood";
    /// The path has a part that does not parse.
    BadPath = "bad-path", BAD_REQUEST, "the path is not understood";
    /// The body broke off or could not be read.
    BodyUnreadable = "body-unreadable", BAD_REQUEST, "the body could not be read";
    /// The body is not UTF-8.
    NotUtf8 = "not-utf8", BAD_REQUEST, "the body is not UTF-8";
    /// The body is not JSON.
    MalformedJson = "malformed-json", BAD_REQUEST, "the body is not valid JSON";
    /// There is no such event.
    NoSuchEvent = "no-such-event", NOT_FOUND, "no event at this position";
    /// There is no such open gap.
    NoSuchGap = "no-such-gap", NOT_FOUND, "no such open gap";
    /// The spec asks nobody about it.
    NoSuchCheck = "no-such-check", NOT_FOUND, "the spec asks nobody about this";
    /// There is nothing at this path.
    NoSuchRoute = "no-such-route", NOT_FOUND, "nothing is served here";
    /// The path is right, the method is not.
    MethodNotAllowed = "method-not-allowed", METHOD_NOT_ALLOWED, "the method does not fit the path";
    /// No representation fits the `Accept` header.
    NotAcceptable = "not-acceptable", NOT_ACCEPTABLE, "no representation that the client accepts";
    /// The body came too slowly.
    BodyTimeout = "body-timeout", REQUEST_TIMEOUT, "the body did not arrive in time";
    /// The log does not stand where the request expected it.
    ExpectationFailed = "expectation-failed", CONFLICT, "the log is not where the request expected it";
    /// An id that is already in the log, with other content.
    IdReused = "id-reused", CONFLICT, "an event id was used twice for different events";
    /// The version is in force already.
    InForce = "in-force", CONFLICT, "this version is in force already";
    /// Another version is in force than the request expected.
    OtherVersion = "other-version", CONFLICT, "another version is in force than the request expected";
    /// Somebody else answers for the proposition.
    NotYours = "not-yours", CONFLICT, "somebody else answers for this proposition";
    /// Agents still work on the gap.
    NotEscalated = "not-escalated", CONFLICT, "the gap is not waiting for a person";
    /// The cursor of a listing has closed meanwhile.
    CursorGone = "cursor-gone", GONE, "the gap to continue after is no longer open";
    /// The body has too many bytes.
    BodyTooLarge = "body-too-large", PAYLOAD_TOO_LARGE, "the body is too large";
    /// One event has too many bytes.
    EventTooLarge = "event-too-large", PAYLOAD_TOO_LARGE, "an event is too large";
    /// The request has too many events.
    TooManyEvents = "too-many-events", PAYLOAD_TOO_LARGE, "too many events in one request";
    /// The body is of a media type that is not read here.
    UnsupportedMediaType = "unsupported-media-type", UNSUPPORTED_MEDIA_TYPE, "the media type is not read here";
    /// Valid JSON that is no CloudEvent, or one that the log does not take.
    InvalidEvent = "invalid-event", UNPROCESSABLE_ENTITY, "an event is not valid";
    /// A request to append nothing.
    NoEvents = "no-events", UNPROCESSABLE_ENTITY, "there is no event in the request";
    /// Valid JSON that is no decision.
    InvalidDecision = "invalid-decision", UNPROCESSABLE_ENTITY, "the decision is not valid";
    /// A spec that has errors, or that nobody can evaluate.
    InvalidSpec = "invalid-spec", UNPROCESSABLE_ENTITY, "the spec is not valid";
    /// Valid JSON that is no finding.
    InvalidFinding = "invalid-finding", UNPROCESSABLE_ENTITY, "the finding is not valid";
    /// Valid JSON that is no adoption.
    InvalidAdoption = "invalid-adoption", UNPROCESSABLE_ENTITY, "the adoption is not valid";
    /// A defect or damage on this side.
    Internal = "internal", INTERNAL_SERVER_ERROR, "the engine cannot answer";
    /// A write failed earlier: nothing is acknowledged any more.
    ReadOnly = "read-only", SERVICE_UNAVAILABLE, "the log is read-only";
    /// The engine is stopping.
    Stopping = "stopping", SERVICE_UNAVAILABLE, "the engine is stopping";
    /// Too much is in flight.
    Busy = "busy", SERVICE_UNAVAILABLE, "too much is in flight";
    /// The engine's loop did not answer in time.
    Unresponsive = "unresponsive", SERVICE_UNAVAILABLE, "the engine does not answer";
}

/// After how many seconds a client may ask again. Read-only lasts until somebody has made room and
/// restarted; anything else passes by itself.
const RETRY_AFTER_READ_ONLY_S: &str = "30";
const RETRY_AFTER_S: &str = "2";

impl Problem {
    /// A problem with what was expected and found in `detail`.
    #[must_use]
    pub fn new(code: Code, detail: impl Into<String>) -> Self {
        Self {
            kind: format!("urn:homeostat:problem:{}", code.text()),
            title: code.title().to_owned(),
            status: code.status().as_u16(),
            code: code.text().to_owned(),
            detail: detail.into(),
            help: None,
            index: None,
            field: None,
            expected: None,
            found: None,
        }
    }

    /// With what a person can do.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// With the event it is about.
    #[must_use]
    pub const fn at(mut self, index: usize) -> Self {
        self.index = Some(index);
        self
    }

    /// With the field or parameter it is about.
    #[must_use]
    pub fn field(mut self, field: impl Into<String>) -> Self {
        self.field = Some(field.into());
        self
    }

    /// With what the request expected of the log and what the log has.
    #[must_use]
    pub fn difference(mut self, expected: impl ToString, found: impl ToString) -> Self {
        self.expected = Some(expected.to_string());
        self.found = Some(found.to_string());
        self
    }

    /// Whether it has this code.
    #[must_use]
    pub fn is(&self, code: Code) -> bool {
        self.code == code.text()
    }
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.code, self.detail)
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let body = serde_json::to_vec(&self).unwrap_or_default();
        let mut response = (status, body).into_response();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(PROBLEM_JSON));
        if self.is(Code::ReadOnly) {
            headers.insert(RETRY_AFTER, HeaderValue::from_static(RETRY_AFTER_READ_ONLY_S));
        } else if self.status == StatusCode::SERVICE_UNAVAILABLE.as_u16() {
            headers.insert(RETRY_AFTER, HeaderValue::from_static(RETRY_AFTER_S));
        }
        response
    }
}

impl From<AppendError> for Problem {
    fn from(error: AppendError) -> Self {
        match error {
            AppendError::Refused(refusal) => refusal.into(),
            AppendError::ReadOnly(_) => Self::new(Code::ReadOnly, error.to_string())
                .help("free space or replace the disk, then restart the engine; reads go on"),
            AppendError::Stopping => stopping(),
        }
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        let said = refusal.to_string();
        match refusal {
            Refusal::Head { expected, found } => {
                Self::new(Code::ExpectationFailed, said).difference(expected, found)
            }
            Refusal::Subject { expected, found, .. } => {
                // As in the request: 0 stands for no event at all.
                let [expected, found] = [expected, found].map(Option::unwrap_or_default);
                Self::new(Code::ExpectationFailed, said).difference(expected, found)
            }
            Refusal::Conflict { field, .. } => Self::new(Code::IdReused, said).field(field),
            Refusal::Event { index, reason } => intake::refused(&reason).at(index),
            Refusal::TooMany { .. } => Self::new(Code::TooManyEvents, said),
            Refusal::TooLarge { .. } => Self::new(Code::BodyTooLarge, said),
            Refusal::GroupFull => Self::new(Code::Busy, said),
        }
    }
}

impl From<AskError> for Problem {
    fn from(error: AskError) -> Self {
        match &error {
            AskError::NoSuchGap(_) => Self::new(Code::NoSuchGap, error.to_string()),
            AskError::NoSuchPosition { .. } => Self::new(Code::NoSuchEvent, error.to_string())
                .help("`GET /v1/status` tells the last position as `head`"),
            AskError::Log(_) => Self::new(Code::Internal, error.to_string())
                .help("stop the engine and run `homeostat verify` on the log"),
            AskError::Stopping => stopping(),
        }
    }
}

impl From<DecideError> for Problem {
    fn from(error: DecideError) -> Self {
        match error {
            DecideError::Unknown(_) => Self::new(Code::NoSuchGap, error.to_string())
                .help("it may have closed meanwhile; `GET /v1/gaps` lists what is open"),
            DecideError::NotEscalated(_) => Self::new(Code::NotEscalated, error.to_string())
                .help("wait until the gap is escalated, or decide `waive`"),
            DecideError::NotBackfill(_) => Self::new(Code::InvalidDecision, error.to_string())
                .field("decision")
                .help("decide `retry` or `waive`; `GET /v1/gaps?action=backfill` lists the others"),
            DecideError::Backfill(_) => Self::new(Code::InvalidDecision, error.to_string())
                .field("decision")
                .help("decide `backfill` or `waive`"),
            DecideError::Append(append) => append.into(),
        }
    }
}

impl From<ReportError> for Problem {
    fn from(error: ReportError) -> Self {
        let said = error.to_string();
        match error {
            ReportError::Unknown { .. } => Self::new(Code::NoSuchCheck, said)
                .help("`GET /v1/contract` lists what the spec says, and whom it asks"),
            ReportError::Own(_) => {
                Self::new(Code::NotYours, said).help("`POST /v1/checks` lets the engine look again")
            }
            ReportError::Assertion(_) => Self::new(Code::NotYours, said)
                .help("it follows from the events; `GET /v1/contract` tells how it stands"),
            ReportError::NoInstance(_) => Self::new(Code::InvalidFinding, said).field("instance"),
            ReportError::Untold(_) => Self::new(Code::InvalidFinding, said).field("holds"),
            ReportError::Unwritable => Self::new(Code::InvalidFinding, said),
            ReportError::Append(append) => append.into(),
        }
    }
}

impl From<AdoptError> for Problem {
    fn from(error: AdoptError) -> Self {
        let said = error.to_string();
        match error {
            AdoptError::Spec { .. } => Self::new(Code::InvalidSpec, said)
                .field("sources")
                .help("`homeostat check` shows the same, `homeostat explain CODE` tells more"),
            AdoptError::Compile(_) => Self::new(Code::InvalidSpec, said).field("sources"),
            AdoptError::InForce(_) => {
                Self::new(Code::InForce, said).help("there is nothing to adopt")
            }
            AdoptError::Expected { expected, found } => Self::new(Code::OtherVersion, said)
                .field("expected")
                .difference(expected, found)
                .help("look again at what the version would change: add `?dry-run=true`"),
            AdoptError::Nobody => Self::new(Code::InvalidAdoption, said).field("by"),
            AdoptError::Busy => Self::new(Code::Busy, said),
            AdoptError::Log(_) => Self::new(Code::Internal, said)
                .help("stop the engine and run `homeostat verify` on the log"),
            AdoptError::Unwritable => Self::new(Code::InvalidSpec, said).field("sources"),
            AdoptError::Append(append) => append.into(),
        }
    }
}

fn stopping() -> Problem {
    Problem::new(Code::Stopping, "the engine is stopping; nothing of the request was kept")
        .help("send the request again in a moment, events with the same ids")
}
