//! One pass over the JSON of a CloudEvent.
//!
//! In: text. Out: its attributes, checked one by one. Never: builds a tree; ignores an attribute.
//! Promise: an error names the attribute that it is about. Start reading at [`parse`].

use std::borrow::Cow;
use std::fmt;

use homeostat_world::limits::EVENT_BYTES_MAX;
use homeostat_world::{Position, Timestamp};
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, Visitor};

use super::{CloudEventError, SPECVERSION, check_bounds};
use crate::data::{Data, ObjectSeed};
use crate::event::{Actor, Kind, NewEvent, UNTIMED};
use crate::link::{Confidence, EventName, Link, LinkError, Place};

/// The attributes as they stand in the text.
#[derive(Default)]
pub(super) struct Raw<'a> {
    specversion: Option<Cow<'a, str>>,
    id: Option<Cow<'a, str>>,
    source: Option<Cow<'a, str>>,
    r#type: Option<Cow<'a, str>>,
    time: Option<Timestamp>,
    subject: Option<Cow<'a, str>>,
    datacontenttype: Option<Cow<'a, str>>,
    kind: Option<Kind>,
    cause: Option<Cow<'a, str>>,
    enriches: Option<Position>,
    enrichesid: Option<Cow<'a, str>>,
    enrichessource: Option<Cow<'a, str>>,
    confidence: Option<Confidence>,
    data: Option<Data>,
    pub(super) actor: Option<Actor>,
    pub(super) depth: Option<u16>,
    pub(super) position: Option<Position>,
    pub(super) recorded: Option<Timestamp>,
}

/// Every attribute that is known here.
const ATTRIBUTES: [&str; 18] = [
    "specversion",
    "id",
    "source",
    "type",
    "time",
    "subject",
    "datacontenttype",
    "kind",
    "cause",
    "enriches",
    "enrichesid",
    "enrichessource",
    "confidence",
    "data",
    "actor",
    "depth",
    "position",
    "recorded",
];

/// Reads the attributes of one JSON object.
pub(super) fn parse(text: &str) -> Result<Raw<'_>, CloudEventError> {
    if text.len() > EVENT_BYTES_MAX {
        return Err(CloudEventError::TooLarge { found: text.len(), limit: EVENT_BYTES_MAX });
    }
    let mut at = At { attribute: None, fault: None };
    let mut source = serde_json::Deserializer::from_str(text);
    let raw = RawSeed(&mut at).deserialize(&mut source).and_then(|raw| source.end().map(|()| raw));
    raw.map_err(|error| match (at.fault, at.attribute) {
        (Some(fault), _) => fault,
        // A fault of the text itself, wherever it shows, is not the attribute's.
        (None, Some(attribute)) if error.is_data() => {
            CloudEventError::Malformed { attribute, reason: plain(&error) }
        }
        (None, _) => match not_an_object(text) {
            Some(found) => CloudEventError::NotAnObject { found },
            None => CloudEventError::Json(error.to_string()),
        },
    })
}

/// What serde says, without its place inside the line, since the attribute is named.
fn plain(error: &serde_json::Error) -> String {
    let text = error.to_string();
    text.rfind(" at line ").and_then(|end| text.get(..end)).unwrap_or(&text).to_owned()
}

fn not_an_object(text: &str) -> Option<&'static str> {
    match text.trim_start().bytes().next() {
        None => Some("empty"),
        Some(b'[') => Some("a list"),
        Some(b'"') => Some("a text"),
        Some(b'0'..=b'9' | b'-') => Some("a number"),
        Some(_) => None,
    }
}

impl Raw<'_> {
    /// The event that the attributes describe, engine attributes taken as they are.
    pub(super) fn into_new(self) -> Result<NewEvent, CloudEventError> {
        let version = required(self.specversion, "specversion")?;
        if version != SPECVERSION {
            return Err(CloudEventError::Version(version));
        }
        if let Some(content) = &self.datacontenttype {
            check_content_type(content)?;
        }
        let id = required(self.id, "id")?;
        let source = required(self.source, "source")?;
        let named = |id: Cow<'_, str>| EventName {
            // Most producers enrich what they sent themselves.
            source: self.enrichessource.as_ref().map_or(&*source, |it| it).to_owned(),
            id: id.into_owned(),
        };
        if self.enrichessource.is_some() && self.enrichesid.is_none() {
            return Err(LinkError::Missing.into());
        }
        let (position, name) = (self.enriches, self.enrichesid.map(named));
        let enriches = match self.confidence {
            Some(confidence) => Some(Box::new(Link { position, name, confidence })),
            None if position.is_some() || name.is_some() => return Err(LinkError::Unsure.into()),
            None => None,
        };
        let new = NewEvent {
            id,
            source,
            kind: self.kind.unwrap_or_default(),
            r#type: required(self.r#type, "type")?,
            time: self.time.unwrap_or(UNTIMED),
            subject: self.subject.map(Cow::into_owned),
            cause: self.cause.map(Cow::into_owned),
            actor: self.actor.unwrap_or_default(),
            depth: self.depth.unwrap_or_default(),
            enriches,
            data: self.data.unwrap_or_default(),
        };
        check_bounds(&new)?;
        Ok(new)
    }
}

fn required(value: Option<Cow<'_, str>>, name: &'static str) -> Result<String, CloudEventError> {
    value.map(Cow::into_owned).ok_or(CloudEventError::Missing(name))
}

/// JSON in any of its names; parameters such as a charset do not matter, JSON is UTF-8.
fn check_content_type(content: &str) -> Result<(), CloudEventError> {
    let media = content.split(';').next().unwrap_or_default().trim();
    if media == "application/json" || media.ends_with("+json") || media == "text/json" {
        Ok(())
    } else {
        Err(CloudEventError::ContentType(content.to_owned()))
    }
}

/// Where in the object the reading is, and what stopped it.
struct At {
    attribute: Option<&'static str>,
    fault: Option<CloudEventError>,
}

impl At {
    /// Stops the reading for `fault`.
    fn stop<E: Error>(&mut self, fault: CloudEventError) -> E {
        self.fault = Some(fault);
        E::custom("stopped")
    }
}

struct RawSeed<'s>(&'s mut At);

impl<'de> DeserializeSeed<'de> for RawSeed<'_> {
    type Value = Raw<'de>;
    fn deserialize<D: Deserializer<'de>>(self, source: D) -> Result<Raw<'de>, D::Error> {
        source.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for RawSeed<'_> {
    type Value = Raw<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Raw<'de>, A::Error> {
        let at = self.0;
        let mut raw = Raw::default();
        while let Some(name) = map.next_key_seed(TextSeed)? {
            let Some(name) = ATTRIBUTES.into_iter().find(|known| **known == *name) else {
                return Err(at.stop(CloudEventError::Unknown(name.into_owned())));
            };
            at.attribute = Some(name);
            raw.read_attribute(name, &mut map, at)?;
            at.attribute = None;
        }
        Ok(raw)
    }
}

impl<'de> Raw<'de> {
    fn read_attribute<A: MapAccess<'de>>(
        &mut self,
        name: &'static str,
        map: &mut A,
        at: &mut At,
    ) -> Result<(), A::Error> {
        match name {
            "specversion" => text(&mut self.specversion, name, map, at),
            "id" => text(&mut self.id, name, map, at),
            "source" => text(&mut self.source, name, map, at),
            "type" => text(&mut self.r#type, name, map, at),
            "subject" => text(&mut self.subject, name, map, at),
            "datacontenttype" => text(&mut self.datacontenttype, name, map, at),
            "cause" => text(&mut self.cause, name, map, at),
            "time" => value(&mut self.time, name, map, at),
            "recorded" => value(&mut self.recorded, name, map, at),
            "kind" => value(&mut self.kind, name, map, at),
            "depth" => value(&mut self.depth, name, map, at),
            "enrichesid" => text(&mut self.enrichesid, name, map, at),
            "enrichessource" => text(&mut self.enrichessource, name, map, at),
            "enriches" => {
                not_twice(self.enriches.is_some(), name, at)?;
                self.enriches = map.next_value::<Option<Place>>()?.map(|it| it.0);
                Ok(())
            }
            "confidence" => {
                not_twice(self.confidence.is_some(), name, at)?;
                self.confidence = map.next_value()?;
                Ok(())
            }
            "position" => {
                let mut digits = self.position.map(|_| Cow::Borrowed(""));
                text(&mut digits, name, map, at)?;
                let digits = digits.unwrap_or_default();
                self.position = Some(digits.parse().map_err(|_| {
                    A::Error::custom(format!("`{digits}` is no position; expected digits"))
                })?);
                Ok(())
            }
            "actor" => {
                let mut actor = self.actor.as_ref().map(|_| Cow::Borrowed(""));
                text(&mut actor, name, map, at)?;
                self.actor = Some(parse_actor(&actor.unwrap_or_default())?);
                Ok(())
            }
            _ => {
                not_twice(self.data.is_some(), name, at)?;
                self.data = map.next_value_seed(OptionalObjectSeed)?;
                Ok(())
            }
        }
    }
}

fn not_twice<E: Error>(set: bool, name: &'static str, at: &mut At) -> Result<(), E> {
    if set { Err(at.stop(CloudEventError::Twice(name))) } else { Ok(()) }
}

fn text<'de, A: MapAccess<'de>>(
    slot: &mut Option<Cow<'de, str>>,
    name: &'static str,
    map: &mut A,
    at: &mut At,
) -> Result<(), A::Error> {
    not_twice(slot.is_some(), name, at)?;
    *slot = map.next_value_seed(OptionalTextSeed)?;
    Ok(())
}

fn value<'de, T: serde::Deserialize<'de>, A: MapAccess<'de>>(
    slot: &mut Option<T>,
    name: &'static str,
    map: &mut A,
    at: &mut At,
) -> Result<(), A::Error> {
    not_twice(slot.is_some(), name, at)?;
    *slot = map.next_value()?;
    Ok(())
}

fn parse_actor<E: Error>(text: &str) -> Result<Actor, E> {
    match text.split_once('/') {
        None if text == "world" => Ok(Actor::World),
        None if text == "engine" => Ok(Actor::Engine),
        Some(("agent", id)) => Ok(Actor::Agent(id.to_owned())),
        Some(("human", name)) => Ok(Actor::Human(name.to_owned())),
        _ => Err(E::custom(format!(
            "`{text}` is no actor; expected `world`, `engine`, `agent/<id>` or `human/<name>`"
        ))),
    }
}

/// A text, borrowed from the input unless it holds escapes.
struct TextSeed;

impl<'de> DeserializeSeed<'de> for TextSeed {
    type Value = Cow<'de, str>;
    fn deserialize<D: Deserializer<'de>>(self, source: D) -> Result<Self::Value, D::Error> {
        source.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for TextSeed {
    type Value = Cow<'de, str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text")
    }

    fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Cow::Borrowed(text))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Cow::Owned(text.to_owned()))
    }
}

/// A text or null, which CloudEvents' JSON format reads as an attribute that is not there.
struct OptionalTextSeed;

impl<'de> DeserializeSeed<'de> for OptionalTextSeed {
    type Value = Option<Cow<'de, str>>;
    fn deserialize<D: Deserializer<'de>>(self, source: D) -> Result<Self::Value, D::Error> {
        source.deserialize_option(self)
    }
}

impl<'de> Visitor<'de> for OptionalTextSeed {
    type Value = Option<Cow<'de, str>>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text")
    }

    fn visit_none<E: Error>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_some<D: Deserializer<'de>>(self, source: D) -> Result<Self::Value, D::Error> {
        TextSeed.deserialize(source).map(Some)
    }
}

/// A payload or null.
struct OptionalObjectSeed;

impl<'de> DeserializeSeed<'de> for OptionalObjectSeed {
    type Value = Option<Data>;
    fn deserialize<D: Deserializer<'de>>(self, source: D) -> Result<Self::Value, D::Error> {
        source.deserialize_option(self)
    }
}

impl<'de> Visitor<'de> for OptionalObjectSeed {
    type Value = Option<Data>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_none<E: Error>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_some<D: Deserializer<'de>>(self, source: D) -> Result<Self::Value, D::Error> {
        ObjectSeed.deserialize(source).map(Some)
    }
}
