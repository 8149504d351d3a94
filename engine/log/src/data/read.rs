//! Payloads as serde reads them, straight from their stored form.
//!
//! In: a [`Value`]. Out: whatever deserialises from it. Never: builds a tree of JSON in between.
//! Promise: gives what the same value as JSON would give. Start reading at the `Deserializer`.

use serde::de::value::{Error, MapDeserializer, SeqDeserializer};
use serde::de::{Deserializer, IntoDeserializer, Unexpected, Visitor};

use super::Value;

impl<'de> Deserializer<'de> for Value<'de> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self {
            Self::Null => visitor.visit_unit(),
            Self::Truth(truth) => visitor.visit_bool(truth),
            Self::Int(number) => visitor.visit_i64(number),
            Self::Float(number) => visitor.visit_f64(number),
            Self::Text(text) => visitor.visit_borrowed_str(text),
            Self::Nested(_) if self.is_list() => {
                visitor.visit_seq(SeqDeserializer::new(self.elements()))
            }
            Self::Nested(_) => visitor.visit_map(MapDeserializer::new(self.fields())),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self {
            Self::Null => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    /// A variant without content is its name; no payload of ours holds another.
    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        match self {
            Self::Text(name) => visitor.visit_enum(name.into_deserializer()),
            other => {
                Err(serde::de::Error::invalid_type(other.unexpected(), &"the name of a variant"))
            }
        }
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf
        unit unit_struct seq tuple tuple_struct map struct identifier ignored_any
    }
}

impl<'de> IntoDeserializer<'de, Error> for Value<'de> {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

impl<'a> Value<'a> {
    fn unexpected(self) -> Unexpected<'a> {
        match self {
            Self::Null => Unexpected::Unit,
            Self::Truth(truth) => Unexpected::Bool(truth),
            Self::Int(number) => Unexpected::Signed(number),
            Self::Float(number) => Unexpected::Float(number),
            Self::Text(text) => Unexpected::Str(text),
            Self::Nested(_) if self.is_list() => Unexpected::Seq,
            Self::Nested(_) => Unexpected::Map,
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may fail")]

    use serde::Deserialize;
    use serde_json::json;

    use super::*;
    use crate::data::Data;

    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(rename_all = "snake_case")]
    enum Colour {
        Red,
        DarkBlue,
    }

    #[derive(Debug, PartialEq, Deserialize)]
    struct Number(u16);

    #[derive(Debug, PartialEq, Deserialize)]
    struct Thing {
        name: String,
        count: u32,
        share: f64,
        is_new: bool,
        colour: Colour,
        number: Number,
        missing: Option<i64>,
        absent: Option<String>,
        parts: Vec<Part>,
    }

    #[derive(Debug, PartialEq, Deserialize)]
    struct Part {
        label: String,
    }

    /// Reads the same from the stored form as from JSON: the value, or that there is none.
    fn check(json: &serde_json::Value) -> Option<Thing> {
        let data = Data::from_json(json).unwrap();
        let read = Thing::deserialize(Value::Nested(data.as_bytes()));
        let from_json = serde_json::from_value::<Thing>(json.clone());
        assert_eq!(read.is_ok(), from_json.is_ok(), "{read:?} and {from_json:?}");
        assert_eq!(read.as_ref().ok(), from_json.as_ref().ok());
        read.ok()
    }

    fn thing() -> serde_json::Value {
        json!({
            "name": "lamp", "count": 3, "share": 0.5, "is_new": true, "colour": "dark_blue",
            "number": 7, "missing": null, "parts": [{"label": "a"}, {"label": "b", "more": [1]}],
            "unknown": {"is": ["left", "alone"]},
        })
    }

    #[test]
    fn what_is_stored_reads_as_its_json_does() {
        let thing = check(&thing()).unwrap();
        assert_eq!((thing.colour, thing.number), (Colour::DarkBlue, Number(7)));
        assert_eq!(thing.parts.len(), 2);
    }

    #[test]
    fn what_does_not_fit_is_refused_as_its_json_is() {
        for (field, value) in [
            ("name", json!(3)),
            ("count", json!(-1)),
            ("count", json!(1.5)),
            ("colour", json!("green")),
            ("colour", json!(null)),
            ("colour", json!(["red"])),
            ("number", json!(70_000)),
            ("missing", json!("text")),
            ("parts", json!({})),
            ("parts", json!([1])),
        ] {
            let mut json = thing();
            json.as_object_mut().unwrap().insert(field.to_owned(), value);
            assert_eq!(check(&json), None, "{json}");
        }
        let mut json = thing();
        json.as_object_mut().unwrap().remove("name");
        assert_eq!(check(&json), None);
    }
}
