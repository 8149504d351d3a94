//! An event as the evaluator reads it: borrowed, with its fields wherever they happen to lie.
//!
//! In: an [`Event`] of the log, one line of CloudEvents JSON, or plain values. Out: a [`Fact`].
//! Never: copies a field that no clause reads; fields are visited where they stand.
//! Promise: the same event gives the same fact by either way.
//! Start reading at [`Fact`].

use std::borrow::Cow;
use std::fmt;

use homeostat_log::{Data, Event, Kind, Value};
use homeostat_world::{Position, Timestamp};
use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

/// One event, borrowed.
#[derive(Clone, Debug)]
pub struct Fact<'a> {
    /// Its place in the log.
    pub position: Position,
    /// The time that deadlines are measured by: see [`Event::effective_time`].
    pub time: Timestamp,
    /// What sort of record it is.
    pub kind: Kind,
    /// How many agents deep it is.
    pub depth: u16,
    /// Its type, by any name that the spec knows.
    pub r#type: Cow<'a, str>,
    /// What it is about, as `entity/id`.
    pub subject: Option<Cow<'a, str>>,
    /// The obligation that it answers.
    pub cause: Option<Cow<'a, str>>,
    /// Its payload.
    pub fields: Fields<'a>,
}

/// A payload, wherever it lies.
#[derive(Clone, Copy, Debug)]
pub enum Fields<'a> {
    /// As the log stores it.
    Data(&'a Data),
    /// As JSON text.
    Json(&'a str),
    /// As plain values.
    List(&'a [(&'a str, Value<'a>)]),
}

/// Why a line is no event.
#[derive(Debug, thiserror::Error)]
#[error("not a CloudEvents JSON object: {0}")]
pub struct LineError(#[from] serde_json::Error);

#[derive(Deserialize)]
struct Line<'a> {
    #[serde(borrow)]
    r#type: Cow<'a, str>,
    #[serde(borrow)]
    time: Cow<'a, str>,
    #[serde(borrow, default)]
    subject: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    cause: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    data: Option<&'a RawValue>,
}

impl<'a> Fact<'a> {
    /// An event of the log as a fact.
    #[must_use]
    pub fn of(event: &'a Event) -> Self {
        let inner = &event.event;
        Self {
            position: event.position,
            time: event.effective_time(),
            kind: inner.kind,
            depth: inner.depth,
            r#type: Cow::Borrowed(&inner.r#type),
            subject: inner.subject.as_deref().map(Cow::Borrowed),
            cause: inner.cause.as_deref().map(Cow::Borrowed),
            fields: Fields::Data(&inner.data),
        }
    }

    /// A primary event of the world, from one line of CloudEvents JSON. Only what evaluation needs
    /// is read; the log's own reader is the one that checks an event in full.
    ///
    /// # Errors
    /// When the line is not such an object, or has no type or no time.
    pub fn from_json_line(position: Position, line: &'a str) -> Result<Self, LineError> {
        let line: Line<'a> = serde_json::from_str(line)?;
        let time = read_time(&line.time).map_or_else(
            || line.time.parse().map_err(<serde_json::Error as serde::de::Error>::custom),
            Ok,
        )?;
        if line.data.is_some_and(|data| !data.get().starts_with('{')) {
            return Err(LineError(serde::de::Error::custom("`data` is not an object")));
        }
        Ok(Self {
            position,
            time,
            kind: Kind::Primary,
            depth: 0,
            r#type: line.r#type,
            subject: line.subject,
            cause: line.cause,
            fields: line.data.map_or(Fields::List(&[]), |data| Fields::Json(data.get())),
        })
    }
}

impl Fields<'_> {
    /// Hands every field of the payload to `visit`, in order. JSON is visited as far as it is an
    /// object; [`Fact::from_json_line`] has checked that it is one to its end.
    pub fn each(&self, visit: &mut dyn FnMut(&str, Value<'_>)) {
        match self {
            Self::Data(data) => data.fields().for_each(|(name, value)| visit(name, value)),
            Self::List(fields) => fields.iter().for_each(|(name, value)| visit(name, *value)),
            Self::Json(text) => {
                let mut deserializer = serde_json::Deserializer::from_str(text);
                deserializer.deserialize_any(ObjectVisitor(visit)).unwrap_or_default();
            }
        }
    }
}

struct ObjectVisitor<'v>(&'v mut dyn FnMut(&str, Value<'_>));

impl<'de> Visitor<'de> for ObjectVisitor<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(name) = map.next_key_seed(NameSeed)? {
            map.next_value_seed(ValueSeed { name: &name, visit: &mut *self.0 })?;
        }
        Ok(())
    }
}

struct NameSeed;

impl<'de> DeserializeSeed<'de> for NameSeed {
    type Value = Cow<'de, str>;
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for NameSeed {
    type Value = Cow<'de, str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Cow::Borrowed(text))
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Cow::Owned(text.to_owned()))
    }
}

struct ValueSeed<'v> {
    name: &'v str,
    visit: &'v mut dyn FnMut(&str, Value<'_>),
}

/// Stands for a list or map that is not empty: the evaluator keeps no more of it than that.
const NESTED: &[u8] = &[0x81, 0xf6];
const NESTED_EMPTY: &[u8] = &[0x80];

impl<'de> DeserializeSeed<'de> for ValueSeed<'_> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for ValueSeed<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        (self.visit)(self.name, Value::Null);
        Ok(())
    }

    fn visit_bool<E>(self, truth: bool) -> Result<(), E> {
        (self.visit)(self.name, Value::Truth(truth));
        Ok(())
    }

    fn visit_i64<E>(self, number: i64) -> Result<(), E> {
        (self.visit)(self.name, Value::Int(number));
        Ok(())
    }

    fn visit_u64<E>(self, number: u64) -> Result<(), E> {
        #[expect(clippy::cast_precision_loss, reason = "what does not fit in i64 is a float")]
        let value = i64::try_from(number).map_or(Value::Float(number as f64), Value::Int);
        (self.visit)(self.name, value);
        Ok(())
    }

    fn visit_f64<E>(self, number: f64) -> Result<(), E> {
        (self.visit)(self.name, Value::Float(number));
        Ok(())
    }

    fn visit_str<E>(self, text: &str) -> Result<(), E> {
        (self.visit)(self.name, Value::Text(text));
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        let mut empty = true;
        while items.next_element::<IgnoredAny>()?.is_some() {
            empty = false;
        }
        (self.visit)(self.name, Value::Nested(if empty { NESTED_EMPTY } else { NESTED }));
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let mut empty = true;
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {
            empty = false;
        }
        (self.visit)(self.name, Value::Nested(if empty { NESTED_EMPTY } else { NESTED }));
        Ok(())
    }
}

/// The usual form of a time, `2026-03-01T09:30:00[.ffffff]Z`, without the generality of a full
/// reader, which takes over where this gives none.
fn read_time(text: &str) -> Option<Timestamp> {
    let bytes = text.as_bytes();
    let (head, tail) = bytes.split_at_checked(19)?;
    let [y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2, b'T', h1, h2, b':', i1, i2, b':', s1, s2] =
        *head
    else {
        return None;
    };
    let year = two(y1, y2)? * 100 + two(y3, y4)?;
    let (month, day) = (two(m1, m2)?, two(d1, d2)?);
    let (hour, minute, second) = (two(h1, h2)?, two(i1, i2)?, two(s1, s2)?);
    // Days 29 to 31, leap seconds and the like are left to the full reader.
    if !(1..=12).contains(&month)
        || !(1..=28).contains(&day)
        || hour > 23
        || minute > 59
        || second > 59
    {
        return None;
    }
    let fraction = match tail {
        [b'Z'] => 0,
        [b'.', digits @ .., b'Z'] if (1..=6).contains(&digits.len()) => {
            let mut micros = 0_i64;
            for place in 0..6 {
                let digit = match digits.get(place) {
                    Some(digit) if digit.is_ascii_digit() => i64::from(digit - b'0'),
                    Some(_) => return None,
                    None => 0,
                };
                micros = micros * 10 + digit;
            }
            micros
        }
        _ => return None,
    };
    let days = crate::calendar::days_from_civil(year, month, day);
    let seconds = ((days * 24 + hour) * 60 + minute) * 60 + second;
    Some(Timestamp::from_micros(seconds * 1_000_000 + fraction))
}

fn two(tens: u8, ones: u8) -> Option<i64> {
    (tens.is_ascii_digit() && ones.is_ascii_digit())
        .then(|| i64::from(tens - b'0') * 10 + i64::from(ones - b'0'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_quick_reader_of_times_agrees_with_the_full_one() {
        for text in [
            "2026-03-01T09:30:00Z",
            "1969-12-28T23:59:59.000001Z",
            "2000-02-28T00:00:00.5Z",
            "0001-01-01T00:00:00Z",
        ] {
            assert_eq!(read_time(text), text.parse().ok(), "{text}");
        }
        for text in ["2026-03-01T09:30:00+01:00", "2026-03-31T09:30:00Z", "2026-13-01T09:30:00Z"] {
            assert_eq!(read_time(text), None, "{text}");
        }
    }
}
