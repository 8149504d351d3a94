//! The outside shape of an event: CloudEvents 1.0 in JSON, one object, one line in files.
//!
//! In: JSON text. Out: a [`NewEvent`] to append, or an [`Event`] read back from an export; and
//! the way out again. Never: drops an attribute silently; what cannot be kept is refused.
//! Promise: what [`write`] wrote, [`read_exported`] reads back equal.
//! Start reading at [`read`].

mod parse;

use homeostat_world::limits::{EVENT_BYTES_MAX, NAME_BYTES_MAX};
use serde::Serialize;

use crate::data::Data;
use crate::event::{Actor, Event, Kind, NewEvent, UNTIMED};
use crate::link::{self, LinkError};

/// The version of CloudEvents that is spoken here.
pub const SPECVERSION: &str = "1.0";

/// Why a text is no event. Names the attribute, what was found, and what helps.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CloudEventError {
    /// Not JSON at all.
    #[error("event is not valid JSON: {0}")]
    Json(String),
    /// JSON, but no object.
    #[error("event is {found}; expected a JSON object")]
    NotAnObject {
        /// What it is.
        found: &'static str,
    },
    /// A required attribute is not there.
    #[error(
        "event has no `{0}`; CloudEvents 1.0 requires `specversion`, `id`, `source` and `type`"
    )]
    Missing(&'static str),
    /// An attribute stands twice.
    #[error("attribute `{0}` stands twice")]
    Twice(&'static str),
    /// An attribute does not have the form it must have.
    #[error("attribute `{attribute}` is malformed: {reason}")]
    Malformed {
        /// Which.
        attribute: &'static str,
        /// What is wrong with it, and what is expected.
        reason: String,
    },
    /// Another version of CloudEvents.
    #[error("`specversion` is `{0}`; expected `1.0`")]
    Version(String),
    /// An attribute that this engine does not keep.
    #[error("unknown attribute `{0}`; move it into `data`, where every field is kept")]
    Unknown(String),
    /// An attribute that only the engine sets.
    #[error("attribute `{0}` is set by the engine; leave it out")]
    Forbidden(&'static str),
    /// Kind `control` from outside.
    #[error(
        "`kind` is `control`, which only the engine appends; expected `primary`, `enrichment` or `tombstone`"
    )]
    Control,
    /// A payload in a form that is not kept.
    #[error("`datacontenttype` is `{0}`; expected `application/json`")]
    ContentType(String),
    /// Too large.
    #[error(
        "event has `{found}` bytes, at most `{limit}` are kept; store the payload elsewhere and refer to it"
    )]
    TooLarge {
        /// How many it has.
        found: usize,
        /// The bound.
        limit: usize,
    },
    /// A name that is empty, too long, or holds control characters.
    #[error("attribute `{attribute}` {reason}")]
    Name {
        /// Which.
        attribute: &'static str,
        /// What is wrong.
        reason: NameError,
    },
    /// It says what it enriches, and cannot, or does not say it and should.
    #[error(transparent)]
    Link(#[from] LinkError),
}

/// Why a text cannot be a name in an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// Nothing in it.
    #[error("is empty; leave it out or give it a value")]
    Empty,
    /// Longer than [`NAME_BYTES_MAX`].
    #[error("has `{found}` bytes; expected at most `{NAME_BYTES_MAX}`")]
    TooLong {
        /// How many bytes it has.
        found: usize,
    },
    /// Holds a control character.
    #[error("holds a control character; remove it")]
    ControlCharacter,
}

/// The event that a producer outside wants appended, from one JSON object.
///
/// Without `time` it gets the moment of its recording. The engine's own attributes are refused.
///
/// # Errors
/// When it is not a CloudEvent that the log can keep; the error says why and what helps.
pub fn read(text: &str) -> Result<NewEvent, CloudEventError> {
    let raw = parse::parse(text)?;
    let forbidden = [
        ("actor", raw.actor.is_some()),
        ("depth", raw.depth.is_some()),
        ("position", raw.position.is_some()),
        ("recorded", raw.recorded.is_some()),
    ];
    if let Some((name, _)) = forbidden.into_iter().find(|(_, set)| *set) {
        return Err(CloudEventError::Forbidden(name));
    }
    let new = raw.into_new()?;
    if new.kind == Kind::Control {
        return Err(CloudEventError::Control);
    }
    if new.enriches.as_ref().is_some_and(|link| link.position.is_some() && link.name.is_some()) {
        return Err(LinkError::Twice.into());
    }
    link::check(&new)?;
    Ok(new)
}

/// The event that an export of a log holds, from one JSON object, the engine's attributes included.
///
/// # Errors
/// When it is not a CloudEvent, or one that no log has recorded.
pub fn read_exported(text: &str) -> Result<Event, CloudEventError> {
    let raw = parse::parse(text)?;
    let position = raw.position.ok_or(CloudEventError::Missing("position"))?;
    let recorded = raw.recorded.ok_or(CloudEventError::Missing("recorded"))?;
    Ok(Event { position, recorded, event: raw.into_new()? })
}

/// The event as one JSON object without a line break, attributes in the order of the
/// specification, the engine's own after them.
#[must_use]
pub fn write(event: &Event) -> String {
    // Every part can be written as JSON: names are text and a payload has text keys.
    serde_json::to_string(&Outside::of(&event.event, Some(event))).unwrap_or_default()
}

/// The event as JSON.
#[must_use]
pub fn to_json(event: &Event) -> serde_json::Value {
    serde_json::to_value(Outside::of(&event.event, Some(event))).unwrap_or_default()
}

/// An event that is not appended yet, as a producer would send it.
#[must_use]
pub fn write_new(event: &NewEvent) -> String {
    serde_json::to_string(&Outside::of(event, None)).unwrap_or_default()
}

/// Checks the names and the size of an event, wherever it comes from.
///
/// # Errors
/// When a name is empty, too long or unprintable, or all of it is too large.
pub fn check_bounds(event: &NewEvent) -> Result<(), CloudEventError> {
    let actor = match &event.actor {
        Actor::World | Actor::Engine => None,
        Actor::Agent(name) | Actor::Human(name) => Some(name.as_str()),
    };
    let names = [
        ("id", Some(event.id.as_str())),
        ("source", Some(event.source.as_str())),
        ("type", Some(event.r#type.as_str())),
        ("subject", event.subject.as_deref()),
        ("cause", event.cause.as_deref()),
        ("actor", actor),
    ];
    for (attribute, name) in names {
        if let Some(name) = name {
            check_name(attribute, name)?;
        }
    }
    match event.data.as_bytes().len() {
        found if found > EVENT_BYTES_MAX => {
            Err(CloudEventError::TooLarge { found, limit: EVENT_BYTES_MAX })
        }
        _ => Ok(()),
    }
}

pub(crate) fn check_name(attribute: &'static str, name: &str) -> Result<(), CloudEventError> {
    let reason = if name.is_empty() {
        NameError::Empty
    } else if name.len() > NAME_BYTES_MAX {
        NameError::TooLong { found: name.len() }
    } else if name.bytes().any(|byte| byte < 0x20 || byte == 0x7f) {
        NameError::ControlCharacter
    } else {
        return Ok(());
    };
    Err(CloudEventError::Name { attribute, reason })
}

/// What stands in the JSON object, in this order.
#[derive(Serialize)]
struct Outside<'a> {
    specversion: &'static str,
    id: &'a str,
    source: &'a str,
    r#type: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    time: Option<homeostat_world::Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    subject: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    datacontenttype: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    kind: Option<Kind>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cause: Option<&'a str>,
    /// A text, as `position`.
    #[serde(skip_serializing_if = "Option::is_none")]
    enriches: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    enrichesid: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    enrichessource: Option<&'a str>,
    /// A text too: CloudEvents has no fractions.
    #[serde(skip_serializing_if = "Option::is_none")]
    confidence: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    actor: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    depth: Option<u16>,
    /// A text: an integer of CloudEvents ends at 32 bits.
    #[serde(skip_serializing_if = "Option::is_none")]
    position: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    recorded: Option<homeostat_world::Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<&'a Data>,
}

impl<'a> Outside<'a> {
    fn of(new: &'a NewEvent, stored: Option<&Event>) -> Self {
        let data = (!new.data.is_empty()).then_some(&new.data);
        let link = new.enriches.as_deref();
        let enriched = link.and_then(|link| link.name.as_ref());
        Self {
            specversion: SPECVERSION,
            id: &new.id,
            source: &new.source,
            r#type: &new.r#type,
            time: (new.time != UNTIMED).then_some(new.time),
            subject: new.subject.as_deref(),
            datacontenttype: data.map(|_| "application/json"),
            kind: (new.kind != Kind::Primary).then_some(new.kind),
            cause: new.cause.as_deref(),
            enriches: link.and_then(|link| link.position).map(|position| position.to_string()),
            enrichesid: enriched.map(|name| name.id.as_str()),
            enrichessource: enriched.map(|name| name.source.as_str()),
            confidence: link.map(|link| link.confidence.to_string()),
            actor: (new.actor != Actor::World).then(|| new.actor.to_string()),
            depth: (new.depth != 0).then_some(new.depth),
            position: stored.map(|event| event.position.to_string()),
            recorded: stored.map(|event| event.recorded),
            data,
        }
    }
}

#[cfg(test)]
mod tests;
