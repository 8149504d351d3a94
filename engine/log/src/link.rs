//! What an enrichment says of itself: which event it was derived from, and how sure it is.
//!
//! In: a position, or a source and an id; a number from 0 to 1. Out: a [`Link`]. Never: looks anything up; the log does
//! that at append and fills in what was not said. Promise: in a stored event both names of the source are there, its
//! place in this log and its identity in any, so that an export can be taken in by another log.
//! Start reading at [`Link`].

use std::fmt;

use homeostat_world::Position;
use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::cloudevents::{self, CloudEventError};
use crate::event::{Kind, NewEvent};

/// Ties an enrichment to the event that it enriches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// Where the enriched event stands.
    pub position: Option<Position>,
    /// How its producer named it. Where both are said this one counts: a position is of one log.
    pub name: Option<EventName>,
    /// How sure the enrichment is.
    pub confidence: Confidence,
}

/// The identity of an event in any log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventName {
    /// Its source.
    pub source: String,
    /// Its id, unique within the source.
    pub id: String,
}

/// How sure an enrichment is: from 0, a guess, to 1, a certainty. Kept in millionths.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Confidence(u32);

/// Why an event cannot be an enrichment of another.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LinkError {
    /// It names no event.
    #[error(
        "an enrichment says which event it enriches: give `enriches` (its position) or `enrichesid` \
         (its id), and `confidence`"
    )]
    Missing,
    /// It does not say how sure it is.
    #[error("an enrichment says how sure it is: give `confidence`, a number from 0 to 1")]
    Unsure,
    /// It is something else than an enrichment.
    #[error(
        "`enriches` and `confidence` stand in an event that is no enrichment; say `kind`: `enrichment` or leave them out"
    )]
    NoEnrichment,
    /// It names its source twice.
    #[error("`enriches` and `enrichesid` name the same thing; give one of them")]
    Twice,
    /// There is no such event before it.
    #[error("it enriches {0}, and the log has no such event before it; append that one first")]
    Unknown(String),
    /// What it names is nothing that can be enriched.
    #[error(
        "it enriches the event at position `{position}`, which is {what}; only what the world or an agent said can be enriched"
    )]
    NotEnrichable {
        /// Where that stands.
        position: Position,
        /// What it is.
        what: &'static str,
    },
}

impl Link {
    /// To the event at `position`.
    #[must_use]
    pub const fn to(position: Position, confidence: Confidence) -> Self {
        Self { position: Some(position), name: None, confidence }
    }

    /// To the event that `source` sent as `id`.
    #[must_use]
    pub const fn to_named(source: String, id: String, confidence: Confidence) -> Self {
        Self { position: None, name: Some(EventName { source, id }), confidence }
    }

    /// What it points at, in words.
    pub(crate) fn target(&self) -> String {
        match (&self.name, self.position) {
            (Some(name), _) => format!("event `{}` of source `{}`", name.id, name.source),
            (None, Some(position)) => format!("the event at position `{position}`"),
            (None, None) => "no event".to_owned(),
        }
    }

    /// The texts in it with the names of their attributes.
    pub(crate) fn names(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let name = self.name.iter();
        name.flat_map(|name| {
            [("enrichesid", name.id.as_str()), ("enrichessource", name.source.as_str())]
        })
    }
}

impl Confidence {
    /// None for what is no number from 0 to 1. Rounded to a millionth.
    #[must_use]
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "checked to lie between 0 and 1, a million at most"
    )]
    pub fn new(value: f64) -> Option<Self> {
        (0.0..=1.0).contains(&value).then(|| Self((value * WHOLE).round() as u32))
    }

    /// From millionths; none for more than a million.
    #[must_use]
    pub const fn from_millionths(millionths: u32) -> Option<Self> {
        if millionths <= MILLION { Some(Self(millionths)) } else { None }
    }

    /// In millionths.
    #[must_use]
    pub const fn millionths(self) -> u32 {
        self.0
    }

    /// As a number from 0 to 1.
    #[must_use]
    pub fn get(self) -> f64 {
        f64::from(self.0) / WHOLE
    }
}

const MILLION: u32 = 1_000_000;
const WHOLE: f64 = MILLION as f64;

impl fmt::Display for Confidence {
    /// `0.95`: no digit more than it takes.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.get())
    }
}

/// Checks that an enrichment has a link that stays within the bounds of names, and nothing else has one.
pub(crate) fn check(event: &NewEvent) -> Result<(), CloudEventError> {
    match (&event.enriches, event.kind) {
        (None, Kind::Enrichment) => Err(LinkError::Missing.into()),
        (Some(_), Kind::Primary | Kind::Tombstone | Kind::Control) => {
            Err(LinkError::NoEnrichment.into())
        }
        (Some(link), Kind::Enrichment) if link.position.is_none() && link.name.is_none() => {
            Err(LinkError::Missing.into())
        }
        (Some(link), Kind::Enrichment) => {
            link.names().try_for_each(|(attribute, name)| cloudevents::check_name(attribute, name))
        }
        (None, Kind::Primary | Kind::Tombstone | Kind::Control) => Ok(()),
    }
}

/// Whether an event of that kind can be enriched, or what it is instead.
pub(crate) const fn enrichable(kind: Kind) -> Result<(), &'static str> {
    match kind {
        Kind::Primary | Kind::Enrichment => Ok(()),
        Kind::Tombstone => Err("a tombstone"),
        Kind::Control => Err("the engine's own"),
    }
}

/// A position as producers and agents write it: a number, or digits in a text, since numbers of CloudEvents end at 32 bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Place(pub Position);

impl<'de> Deserialize<'de> for Place {
    fn deserialize<D: Deserializer<'de>>(source: D) -> Result<Self, D::Error> {
        match NumberOrText::deserialize(source)? {
            NumberOrText::Whole(number) => Ok(Self(Position::new(number))),
            NumberOrText::Text(text) => text
                .parse()
                .map(Self)
                .map_err(|_| D::Error::custom(format!("`{text}` is no position; expected digits"))),
            NumberOrText::Fraction(number) => {
                Err(D::Error::custom(format!("`{number}` is no position; expected a whole number")))
            }
        }
    }
}

impl Serialize for Confidence {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_f64(self.get())
    }
}

impl<'de> Deserialize<'de> for Confidence {
    fn deserialize<D: Deserializer<'de>>(source: D) -> Result<Self, D::Error> {
        let wrong = |found: &dyn fmt::Display| {
            D::Error::custom(format!("`{found}` is no confidence; expected a number from 0 to 1"))
        };
        match NumberOrText::deserialize(source)? {
            NumberOrText::Whole(number @ (0 | 1)) => {
                Ok(Self(if number == 0 { 0 } else { MILLION }))
            }
            NumberOrText::Whole(number) => Err(wrong(&number)),
            NumberOrText::Fraction(number) => Self::new(number).ok_or_else(|| wrong(&number)),
            NumberOrText::Text(text) => {
                text.parse().ok().and_then(Self::new).ok_or_else(|| wrong(&text))
            }
        }
    }
}

#[derive(Deserialize)]
#[serde(untagged, expecting = "expected a number, or a number in a text")]
enum NumberOrText {
    Whole(u64),
    Fraction(f64),
    Text(String),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_confidence_lies_between_0_and_1_and_reads_as_it_was_written() {
        for (value, shown) in [(0.0, "0"), (0.95, "0.95"), (1.0, "1"), (0.123_456_78, "0.123457")] {
            assert_eq!(Confidence::new(value).map(|it| it.to_string()).as_deref(), Some(shown));
        }
        for value in [-0.01, 1.01, f64::NAN, f64::INFINITY] {
            assert_eq!(Confidence::new(value), None);
        }
        assert_eq!(Confidence::from_millionths(MILLION + 1), None);
    }

    #[test]
    fn numbers_are_read_bare_and_as_text() {
        let read = |text| {
            serde_json::from_str::<(Place, Confidence)>(text).map_err(|error| error.to_string())
        };
        let expected = Ok((Place(Position::new(4021)), Confidence(950_000)));
        assert_eq!(read("[4021, 0.95]"), expected);
        assert_eq!(read(r#"["4021", "0.95"]"#), expected);
        assert_eq!(read("[1, 1]").map(|it| it.1), Ok(Confidence(MILLION)));
        for (text, message) in [
            ("[1.5, 1]", "`1.5` is no position; expected a whole number"),
            ("[-1, 1]", "`-1` is no position; expected a whole number"),
            (r#"["e1", 1]"#, "`e1` is no position; expected digits"),
            ("[1, 2]", "`2` is no confidence; expected a number from 0 to 1"),
            ("[1, -0.5]", "`-0.5` is no confidence; expected a number from 0 to 1"),
            (r#"[1, "sure"]"#, "`sure` is no confidence; expected a number from 0 to 1"),
            ("[1, null]", "expected a number, or a number in a text"),
        ] {
            let found = read(text)
                .map(|_| ())
                .map_err(|error| error.split(" at line").next().unwrap_or_default().to_owned());
            assert_eq!(found, Err(message.to_owned()), "{text}");
        }
    }
}
