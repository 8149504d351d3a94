//! JSON to payload in one pass: each value is written as CBOR while it is parsed.
//!
//! In: JSON text, or a tree that somebody else built. Out: [`Data`]. Never: builds a tree.
//! Promise: any order of names gives the same bytes; a name that stands twice is refused.
//! Start reading at [`ObjectSeed`].

use std::cmp::Ordering;
use std::fmt;

use homeostat_world::limits::DATA_DEPTH_MAX;
use minicbor::Decoder;
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Unexpected, Visitor};

use super::{Data, DataError};
use crate::cbor::{self, LIST, MAP};

pub(super) fn from_text(text: &str) -> Result<Data, DataError> {
    let mut source = serde_json::Deserializer::from_str(text);
    let data = ObjectSeed.deserialize(&mut source).and_then(|data| source.end().map(|()| data));
    data.map_err(|error| explain(&error, text))
}

/// Finds the plain words for what serde says.
fn explain(error: &serde_json::Error, text: &str) -> DataError {
    if let Some(found) = not_an_object(text) {
        return DataError::NotAnObject { found };
    }
    if error.to_string().starts_with(TOO_DEEP) {
        return DataError::TooDeep { limit: DATA_DEPTH_MAX };
    }
    DataError::Json(error.to_string())
}

fn not_an_object(text: &str) -> Option<&'static str> {
    match text.trim_start().bytes().next()? {
        b'[' => Some("a list"),
        b'"' => Some("a text"),
        b'0'..=b'9' | b'-' => Some("a number"),
        b't' | b'f' => Some("a truth value"),
        b'n' => Some("null"),
        _ => None,
    }
}

pub(super) fn from_value(value: &serde_json::Value) -> Result<Data, DataError> {
    use serde_json::Value as Json;
    let found = match value {
        Json::Object(_) => {
            return ObjectSeed.deserialize(value).map_err(|error| {
                if error.to_string().starts_with(TOO_DEEP) {
                    DataError::TooDeep { limit: DATA_DEPTH_MAX }
                } else {
                    DataError::Json(error.to_string())
                }
            });
        }
        Json::Null => "null",
        Json::Bool(_) => "a truth value",
        Json::Number(_) => "a number",
        Json::String(_) => "a text",
        Json::Array(_) => "a list",
    };
    Err(DataError::NotAnObject { found })
}

/// Writes `value`, which stands at nesting `depth`, to `out`.
pub(super) fn write_value(
    value: &serde_json::Value,
    depth: usize,
    out: &mut Vec<u8>,
) -> Result<(), DataError> {
    ValueSeed { out, depth }.deserialize(value).map_err(|error| {
        if error.to_string().starts_with(TOO_DEEP) {
            DataError::TooDeep { limit: DATA_DEPTH_MAX }
        } else {
            DataError::Json(error.to_string())
        }
    })
}

const TOO_DEEP: &str = "nested too deep";

/// Reads one JSON object as a payload, from any serde source.
pub(crate) struct ObjectSeed;

impl<'de> DeserializeSeed<'de> for ObjectSeed {
    type Value = Data;
    fn deserialize<D: Deserializer<'de>>(self, source: D) -> Result<Data, D::Error> {
        source.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for ObjectSeed {
    type Value = Data;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Data, A::Error> {
        let mut out = Vec::with_capacity(128);
        ValueSeed { out: &mut out, depth: 0 }.visit_map(map)?;
        Ok(Data::trusted(out))
    }
}

/// Writes one value to `out`.
struct ValueSeed<'o> {
    out: &'o mut Vec<u8>,
    /// Of what is around it.
    depth: usize,
}

impl<'de> DeserializeSeed<'de> for ValueSeed<'_> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, source: D) -> Result<(), D::Error> {
        source.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for ValueSeed<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        cbor::write_null(self.out);
        Ok(())
    }

    fn visit_bool<E: Error>(self, truth: bool) -> Result<(), E> {
        cbor::write_truth(self.out, truth);
        Ok(())
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<(), E> {
        cbor::write_int(self.out, number);
        Ok(())
    }

    #[expect(clippy::cast_precision_loss, reason = "beyond 63 bits JSON promises no more")]
    fn visit_u64<E: Error>(self, number: u64) -> Result<(), E> {
        match i64::try_from(number) {
            Ok(number) => cbor::write_int(self.out, number),
            Err(_) => cbor::write_float(self.out, number as f64),
        }
        Ok(())
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<(), E> {
        if !number.is_finite() {
            return Err(E::invalid_value(Unexpected::Float(number), &"a finite number"));
        }
        cbor::write_float(self.out, number);
        Ok(())
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<(), E> {
        cbor::write_text(self.out, text);
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        let depth = deeper(self.depth)?;
        let start = open(self.out);
        let mut count = 0_u64;
        while list.next_element_seed(ValueSeed { out: self.out, depth })?.is_some() {
            count += 1;
        }
        close(self.out, start, LIST, count);
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let depth = deeper(self.depth)?;
        let start = open(self.out);
        let mut count = 0_u64;
        let mut sorted = true;
        let mut before = 0..0;
        while let Some(name) = map.next_key_seed(NameSeed(self.out))? {
            if count > 0 {
                sorted &= self.out.get(before).cmp(&self.out.get(name.clone())) == Ordering::Less;
            }
            before = name;
            map.next_value_seed(ValueSeed { out: self.out, depth })?;
            count += 1;
        }
        if !sorted {
            sort(self.out, start + 1, count).map_err(A::Error::custom)?;
        }
        close(self.out, start, MAP, count);
        Ok(())
    }
}

/// Writes a name to the output, and says where its text stands there.
struct NameSeed<'o>(&'o mut Vec<u8>);

impl<'de> DeserializeSeed<'de> for NameSeed<'_> {
    type Value = std::ops::Range<usize>;
    fn deserialize<D: Deserializer<'de>>(self, source: D) -> Result<Self::Value, D::Error> {
        source.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for NameSeed<'_> {
    type Value = std::ops::Range<usize>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<Self::Value, E> {
        cbor::write_text(self.0, name);
        Ok(self.0.len() - name.len()..self.0.len())
    }
}

fn deeper<E: Error>(depth: usize) -> Result<usize, E> {
    if depth < DATA_DEPTH_MAX { Ok(depth + 1) } else { Err(E::custom(TOO_DEEP)) }
}

/// Leaves one byte for the head of a list or map whose length is not known yet.
fn open(out: &mut Vec<u8>) -> usize {
    out.push(0);
    out.len() - 1
}

/// Writes the head that [`open`] left room for. Only a count of 24 or more has to move bytes.
fn close(out: &mut Vec<u8>, start: usize, major: u8, count: u64) {
    let mut head = Vec::new();
    match u8::try_from(count) {
        Ok(count) if count < 24 => {
            if let Some(first) = out.get_mut(start) {
                *first = major << 5 | count;
            }
        }
        _ => {
            cbor::write_head(&mut head, major, count);
            out.splice(start..=start, head);
        }
    }
}

/// Puts the `count` fields from `start` on in the order of their names.
fn sort(out: &mut Vec<u8>, start: usize, count: u64) -> Result<(), String> {
    let written = out.split_off(start);
    let mut fields = Vec::with_capacity(usize::try_from(count).unwrap_or(0));
    let mut decoder = Decoder::new(&written);
    for _ in 0..count {
        let from = decoder.position();
        let name = decoder.str().map_err(|error| error.to_string())?;
        decoder.skip().map_err(|error| error.to_string())?;
        fields.push((name, written.get(from..decoder.position()).unwrap_or_default()));
    }
    fields.sort_by_key(|(name, _)| *name);
    let twice = fields.windows(2).find_map(|pair| match pair {
        [(a, _), (b, _)] if a == b => Some(*a),
        _ => None,
    });
    if let Some(name) = twice {
        return Err(format!("name `{name}` stands twice in one object"));
    }
    for (_, field) in fields {
        out.extend_from_slice(field);
    }
    Ok(())
}
