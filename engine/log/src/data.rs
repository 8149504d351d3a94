//! Event payloads: a map of named values in CBOR (RFC 8949), read field by field without decoding
//! the rest.
//!
//! In: JSON, a builder, or stored bytes. Out: fields, JSON. Never: copies on read; panics on
//! damaged bytes, which [`Data::from_bytes`] refuses.
//! Promise: names stand in byte order and only once, so equal payloads have equal bytes.
//! Start reading at [`Data::get`].

mod builder;
mod check;
mod json;
mod read;

use std::fmt;

use bytes::Bytes;
use minicbor::Decoder;
use minicbor::data::Type;

use crate::cbor;

pub use builder::DataBuilder;
pub(crate) use json::ObjectSeed;

/// The payload of an event: a map from names to values, kept in its stored form.
///
/// Promise: always a valid CBOR map with text keys in ascending order, definite lengths, nested no
/// deeper than [`DATA_DEPTH_MAX`](homeostat_world::limits::DATA_DEPTH_MAX).
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Data(Bytes);

/// One value of a payload, borrowed from it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Value<'a> {
    /// Nothing.
    Null,
    /// True or false.
    Truth(bool),
    /// A whole number.
    Int(i64),
    /// Any other number. Whole numbers beyond 64 bits become one of these, as they do in JSON.
    Float(f64),
    /// A text.
    Text(&'a str),
    /// A list or map, in CBOR.
    Nested(&'a [u8]),
}

/// Why something is no payload.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DataError {
    /// The payload is not a map.
    #[error("data is {found}; expected a JSON object")]
    NotAnObject {
        /// What it is.
        found: &'static str,
    },
    /// The text is not JSON, or holds what no payload may hold.
    #[error("data is not valid JSON: {0}")]
    Json(String),
    /// Nested deeper than [`DATA_DEPTH_MAX`](homeostat_world::limits::DATA_DEPTH_MAX).
    #[error(
        "data is nested deeper than {limit} levels; flatten it or store it elsewhere and refer to it"
    )]
    TooDeep {
        /// The bound.
        limit: usize,
    },
    /// The bytes are not a payload as this engine writes them.
    #[error("stored data is malformed: {0}")]
    Malformed(String),
}

impl Data {
    /// The payload that the JSON object `value` describes.
    ///
    /// # Errors
    /// When it is no object, or nested too deep.
    pub fn from_json(value: &serde_json::Value) -> Result<Self, DataError> {
        json::from_value(value)
    }

    /// The payload that the JSON text `text` describes, without building a tree of it.
    ///
    /// # Errors
    /// When it is no JSON object, names something twice, or is nested too deep.
    pub fn from_json_text(text: &str) -> Result<Self, DataError> {
        json::from_text(text)
    }

    /// An empty payload, to be filled.
    #[must_use]
    pub fn builder() -> DataBuilder {
        DataBuilder::default()
    }

    /// The payload in stored form, after checking that it is one.
    ///
    /// # Errors
    /// When the bytes break the promise of [`Data`].
    pub fn from_bytes(bytes: Bytes) -> Result<Self, DataError> {
        check::check(&bytes)?;
        Ok(Self(bytes))
    }

    /// Takes the payload that stands at `decoder`, which reads `bytes`, without copying it.
    pub(crate) fn read_from(
        decoder: &mut Decoder<'_>,
        bytes: &Bytes,
        offset: usize,
    ) -> Result<Self, DataError> {
        let start = decoder.position();
        check::map(decoder, 1)?;
        // The range lies inside `bytes`: the decoder has just read it there.
        Ok(Self(bytes.slice(offset + start..offset + decoder.position())))
    }

    /// Takes bytes that this module has just written.
    fn trusted(bytes: Vec<u8>) -> Self {
        debug_assert!(check::check(&bytes).is_ok());
        Self(Bytes::from(bytes))
    }

    /// The stored form.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Whether it holds no field.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.fields().next().is_none()
    }

    /// The value called `name`, when there is one.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<Value<'_>> {
        get_in(&self.0, name)
    }

    /// Every field, in the order of the names.
    pub fn fields(&self) -> impl Iterator<Item = (&str, Value<'_>)> {
        Fields::of(&self.0)
    }

    /// As a JSON object.
    #[must_use]
    pub fn to_json(&self) -> serde_json::Value {
        Value::Nested(&self.0).to_json()
    }
}

impl<'a> Value<'a> {
    /// The text, when it is one.
    #[must_use]
    pub const fn as_str(self) -> Option<&'a str> {
        if let Self::Text(text) = self { Some(text) } else { None }
    }

    /// The whole number, when it is one.
    #[must_use]
    pub const fn as_i64(self) -> Option<i64> {
        if let Self::Int(number) = self { Some(number) } else { None }
    }

    /// The number, whole or not.
    #[must_use]
    #[expect(
        clippy::cast_precision_loss,
        reason = "asked for as a float; JSON readers do the same"
    )]
    pub const fn as_f64(self) -> Option<f64> {
        match self {
            Self::Int(number) => Some(number as f64),
            Self::Float(number) => Some(number),
            _ => None,
        }
    }

    /// The field called `name`, when this is a map that has it.
    #[must_use]
    pub fn get(self, name: &str) -> Option<Value<'a>> {
        if let Self::Nested(bytes) = self { get_in(bytes, name) } else { None }
    }

    /// The fields, when this is a map; nothing otherwise.
    pub fn fields(self) -> impl Iterator<Item = (&'a str, Value<'a>)> {
        Fields::of(if let Self::Nested(bytes) = self { bytes } else { &[] })
    }

    /// The elements, when this is a list; nothing otherwise.
    pub fn elements(self) -> impl Iterator<Item = Value<'a>> {
        Elements::of(if let Self::Nested(bytes) = self { bytes } else { &[] })
    }

    /// Whether this is a list.
    #[must_use]
    pub fn is_list(self) -> bool {
        matches!(self, Self::Nested(bytes) if bytes.first().is_some_and(|head| head >> 5 == 4))
    }

    /// As JSON.
    #[must_use]
    pub fn to_json(self) -> serde_json::Value {
        use serde_json::Value as Json;
        match self {
            Self::Null => Json::Null,
            Self::Truth(truth) => Json::from(truth),
            Self::Int(number) => Json::from(number),
            Self::Float(number) => Json::from(number),
            Self::Text(text) => Json::from(text),
            Self::Nested(_) if self.is_list() => self.elements().map(Value::to_json).collect(),
            Self::Nested(_) => {
                self.fields().map(|(name, value)| (name.to_owned(), value.to_json())).collect()
            }
        }
    }
}

/// Finds one field of a map, without reading the values before it.
fn get_in<'a>(map: &'a [u8], name: &str) -> Option<Value<'a>> {
    let mut decoder = Decoder::new(map);
    let count = decoder.map().ok()??;
    for _ in 0..count {
        let found = cbor::read_text(&mut decoder).ok()?;
        // Names ascend, so the first greater one ends the search.
        match found.cmp(name) {
            std::cmp::Ordering::Less => decoder.skip().ok()?,
            std::cmp::Ordering::Equal => return read(&mut decoder),
            std::cmp::Ordering::Greater => return None,
        }
    }
    None
}

/// Reads the value at hand; none when the bytes end or mean nothing here, which [`check`] excludes.
fn read<'a>(decoder: &mut Decoder<'a>) -> Option<Value<'a>> {
    match decoder.datatype().ok()? {
        Type::Null => decoder.null().ok().map(|()| Value::Null),
        Type::Bool => decoder.bool().ok().map(Value::Truth),
        Type::String => cbor::read_text(decoder).ok().map(Value::Text),
        Type::F64 => decoder.f64().ok().map(Value::Float),
        Type::Array | Type::Map => {
            let start = decoder.position();
            decoder.skip().ok()?;
            decoder.input().get(start..decoder.position()).map(Value::Nested)
        }
        _ => decoder.i64().ok().map(Value::Int),
    }
}

/// Walks a map.
struct Fields<'a> {
    decoder: Decoder<'a>,
    left: u64,
}

impl<'a> Fields<'a> {
    fn of(map: &'a [u8]) -> Self {
        let mut decoder = Decoder::new(map);
        let left = decoder.map().ok().flatten().unwrap_or(0);
        Self { decoder, left }
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = (&'a str, Value<'a>);
    fn next(&mut self) -> Option<Self::Item> {
        self.left = self.left.checked_sub(1)?;
        Some((cbor::read_text(&mut self.decoder).ok()?, read(&mut self.decoder)?))
    }
}

/// Walks a list.
struct Elements<'a> {
    decoder: Decoder<'a>,
    left: u64,
}

impl<'a> Elements<'a> {
    fn of(list: &'a [u8]) -> Self {
        let mut decoder = Decoder::new(list);
        let left = decoder.array().ok().flatten().unwrap_or(0);
        Self { decoder, left }
    }
}

impl<'a> Iterator for Elements<'a> {
    type Item = Value<'a>;
    fn next(&mut self) -> Option<Self::Item> {
        self.left = self.left.checked_sub(1)?;
        read(&mut self.decoder)
    }
}

impl Default for Data {
    fn default() -> Self {
        Self(Bytes::from_static(&[0xa0]))
    }
}

impl fmt::Debug for Data {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Data({self})")
    }
}

impl serde::Serialize for Data {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Value::Nested(&self.0).serialize(serializer)
    }
}

impl serde::Serialize for Value<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match *self {
            Self::Null => serializer.serialize_unit(),
            Self::Truth(truth) => serializer.serialize_bool(truth),
            Self::Int(number) => serializer.serialize_i64(number),
            Self::Float(number) => serializer.serialize_f64(number),
            Self::Text(text) => serializer.serialize_str(text),
            Self::Nested(_) if self.is_list() => serializer.collect_seq(self.elements()),
            Self::Nested(_) => serializer.collect_map(self.fields()),
        }
    }
}

impl<'de> serde::Deserialize<'de> for Data {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        serde::de::DeserializeSeed::deserialize(ObjectSeed, deserializer)
    }
}

/// As JSON.
impl fmt::Display for Data {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.to_json().fmt(f)
    }
}

#[cfg(test)]
mod tests;
