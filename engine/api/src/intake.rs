//! Bodies of `POST /v1/events` as events: one CloudEvent, a batch, or JSON Lines.
//!
//! In: a content type and a body. Out: events in the order of the body, or the first thing that is
//! wrong, with its index and field. Never: takes a part of a request.
//! Start reading at [`events`].

use homeostat_log::cloudevents::{self, CloudEventError};
use homeostat_log::{LinkError, NewEvent};
use homeostat_world::limits::APPEND_EVENTS_MAX;
use http::HeaderMap;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use serde::de::{DeserializeOwned, Deserializer, SeqAccess, Visitor};
use serde_json::error::Category;
use serde_json::value::RawValue;

use crate::problem::{Code, Problem};

/// How a body holds its events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// One JSON object.
    One,
    /// A JSON array of objects.
    Batch,
    /// One or the other.
    Either,
    /// One object a line.
    Lines,
}

/// The media types that are read, and how.
pub(crate) const MEDIA_TYPES: [(&str, Form); 5] = [
    ("application/cloudevents+json", Form::One),
    ("application/cloudevents-batch+json", Form::Batch),
    ("application/json", Form::Either),
    ("application/x-ndjson", Form::Lines),
    ("application/jsonl", Form::Lines),
];

/// How the body of a request with `headers` holds its events.
pub(crate) fn form(headers: &HeaderMap) -> Result<Form, Problem> {
    json_type(headers, &MEDIA_TYPES)
}

/// What `choices` gives for the content type of `headers`: UTF-8, not compressed.
pub(crate) fn json_type<T: Copy>(
    headers: &HeaderMap,
    choices: &[(&'static str, T)],
) -> Result<T, Problem> {
    let unsupported = |detail: String| {
        let names: Vec<_> = choices.iter().map(|(name, _)| *name).collect();
        Problem::new(Code::UnsupportedMediaType, detail)
            .field("content-type")
            .help(format!("send one of `{}`", names.join("`, `")))
    };
    if let Some(coding) = headers.get(CONTENT_ENCODING).filter(|coding| *coding != "identity") {
        let detail = format!("the body is encoded as `{}`", text(coding));
        return Err(unsupported(detail).field("content-encoding").help("send it unencoded"));
    }
    let Some(value) = headers.get(CONTENT_TYPE) else {
        return Err(unsupported("the request has no `Content-Type`".to_owned()));
    };
    let value = text(value);
    let mut parts = value.split(';');
    let media_type = parts.next().unwrap_or_default().trim();
    for parameter in parts {
        let Some((name, set)) = parameter.trim().split_once('=') else { continue };
        let utf8 = set.trim_matches('"').eq_ignore_ascii_case("utf-8");
        if name.eq_ignore_ascii_case("charset") && !utf8 {
            return Err(unsupported(format!("the body's charset is `{set}`; expected `utf-8`")));
        }
    }
    choices
        .iter()
        .find(|(name, _)| name.eq_ignore_ascii_case(media_type))
        .map(|(_, choice)| *choice)
        .ok_or_else(|| unsupported(format!("the body is `{media_type}`")))
}

fn text(value: &http::HeaderValue) -> String {
    String::from_utf8_lossy(value.as_bytes()).into_owned()
}

/// The events of a body.
pub(crate) fn events(form: Form, body: &[u8]) -> Result<Vec<NewEvent>, Problem> {
    let text = utf8(body)?;
    let blank = text.trim_ascii();
    if blank.is_empty() {
        return Err(no_events("the body is empty"));
    }
    let events = match form {
        Form::Lines => lines(text)?,
        Form::Batch => batch(text)?,
        Form::Either if blank.starts_with('[') => batch(text)?,
        Form::One | Form::Either => vec![one(text, 0)?],
    };
    if events.is_empty() { Err(no_events("the batch is empty")) } else { Ok(events) }
}

/// The body as text.
pub(crate) fn utf8(body: &[u8]) -> Result<&str, Problem> {
    std::str::from_utf8(body).map_err(|error| {
        let at = error.valid_up_to();
        Problem::new(Code::NotUtf8, format!("the body is not UTF-8 from byte `{at}` on"))
            .help("JSON is UTF-8; other encodings are not read")
    })
}

fn no_events(detail: &str) -> Problem {
    Problem::new(Code::NoEvents, detail).help("send at least one CloudEvent")
}

fn lines(text: &str) -> Result<Vec<NewEvent>, Problem> {
    let mut events = Vec::new();
    for line in text.lines().map(str::trim_ascii).filter(|line| !line.is_empty()) {
        if events.len() == APPEND_EVENTS_MAX {
            return Err(too_many());
        }
        events.push(one(line, events.len())?);
    }
    Ok(events)
}

fn batch(text: &str) -> Result<Vec<NewEvent>, Problem> {
    let mut json = serde_json::Deserializer::from_str(text);
    let parts = json.deserialize_any(Parts).and_then(|parts| json.end().map(|()| parts));
    let Some(parts) = parts.map_err(|error| malformed(&error))? else { return Err(too_many()) };
    parts.into_iter().enumerate().map(|(index, part)| one(part.get(), index)).collect()
}

fn one(text: &str, index: usize) -> Result<NewEvent, Problem> {
    cloudevents::read(text).map_err(|error| refused(&error).at(index))
}

/// What a refusal of the log's own reader is to HTTP.
pub(crate) fn refused(error: &CloudEventError) -> Problem {
    let code = match error {
        CloudEventError::Json(_) => Code::MalformedJson,
        CloudEventError::TooLarge { .. } => Code::EventTooLarge,
        _ => Code::InvalidEvent,
    };
    let problem = Problem::new(code, error.to_string());
    match error {
        CloudEventError::Missing(field)
        | CloudEventError::Twice(field)
        | CloudEventError::Forbidden(field)
        | CloudEventError::Malformed { attribute: field, .. }
        | CloudEventError::Name { attribute: field, .. } => problem.field(*field),
        CloudEventError::Version(_) => problem.field("specversion"),
        CloudEventError::Unknown(field) => problem.field(field.clone()),
        CloudEventError::Control => problem.field("kind"),
        CloudEventError::Link(LinkError::Unsure) => problem.field("confidence"),
        CloudEventError::Link(LinkError::NoEnrichment) => problem.field("kind"),
        CloudEventError::Link(_) => problem.field("enriches"),
        CloudEventError::ContentType(_) => problem.field("datacontenttype"),
        CloudEventError::Json(_)
        | CloudEventError::NotAnObject { .. }
        | CloudEventError::TooLarge { .. } => problem,
    }
}

/// A body that is not JSON, or not of the expected form.
pub(crate) fn malformed(error: &serde_json::Error) -> Problem {
    let (code, help) = match error.classify() {
        Category::Data => (Code::InvalidEvent, "`GET /openapi.json` describes what is expected"),
        Category::Eof => (Code::MalformedJson, "the body ends too early"),
        Category::Syntax | Category::Io => (Code::MalformedJson, "send valid JSON"),
    };
    Problem::new(code, format!("the body is not as expected: {error}")).help(help)
}

/// The one object of a body that is no event; `code` and `help` if it is another.
pub(crate) fn object<T: DeserializeOwned>(
    body: &[u8],
    code: Code,
    help: &str,
) -> Result<T, Problem> {
    serde_json::from_str(utf8(body)?).map_err(|error| {
        let problem = malformed(&error);
        match problem.is(Code::MalformedJson) {
            true => problem,
            false => Problem::new(code, problem.detail).help(help),
        }
    })
}

/// What a person says has some text and not too much, since the log is what people ask later.
pub(crate) fn worded(
    code: Code,
    field: &'static str,
    text: &str,
    most: usize,
) -> Result<(), Problem> {
    let wrong = |detail: String| Err(Problem::new(code, detail).field(field));
    if text.trim().is_empty() {
        wrong(format!("`{field}` is empty; expected some text"))
    } else if text.len() > most {
        wrong(format!("`{field}` has {} bytes; expected at most {most}", text.len()))
    } else {
        Ok(())
    }
}

fn too_many() -> Problem {
    Problem::new(
        Code::TooManyEvents,
        format!("the request has more than {APPEND_EVENTS_MAX} events"),
    )
    .help("split them over several requests")
}

/// The elements of a batch as they stand; `None` when there are too many, and none is kept.
struct Parts;

impl<'de> Visitor<'de> for Parts {
    type Value = Option<Vec<&'de RawValue>>;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a JSON array of CloudEvents")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        let mut parts = Vec::new();
        while parts.len() < APPEND_EVENTS_MAX {
            match seq.next_element::<&RawValue>()? {
                Some(part) => parts.push(part),
                None => return Ok(Some(parts)),
            }
        }
        // What comes after the bound is read over without being kept, to leave the reader whole.
        let mut over = false;
        while seq.next_element::<serde::de::IgnoredAny>()?.is_some() {
            over = true;
        }
        Ok((!over).then_some(parts))
    }
}
