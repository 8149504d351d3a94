//! One value as the evaluator keeps it: small, copied freely, compared by machine words.
//!
//! In: a [`Value`] of a payload. Out: a [`Datum`], and what comparisons of two of them say.
//! Never: rounds: a whole number that a float can hold exactly is the same value either way.
//! Promise: equal data are equal values; texts are equal when their symbols are.
//! Start reading at [`Datum`], then [`compare`].

use std::cmp::Ordering;
use std::hash::{Hash, Hasher};

use homeostat_intent::lowered::{Comparison, Direction};
use homeostat_log::Value;
use serde::Serialize;

use crate::intern::{Symbol, Symbols};

/// A value, or that there is none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Datum {
    /// Nothing was carried.
    #[default]
    Absent,
    /// It was carried, and says that nothing is known.
    Null,
    /// True or false.
    Truth(bool),
    /// A whole number.
    Int(i64),
    /// Any other number, by its bits.
    Float(u64),
    /// A text.
    Text(Symbol),
    /// A list or a map, of which only this is kept: whether it is empty.
    Nested { empty: bool },
}

/// What a condition comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Truth {
    /// It does not hold.
    False,
    /// It holds.
    True,
    /// Something that it reads is undefined.
    Unknown,
}

/// Whole numbers up to this are exact as a float.
const EXACT: f64 = 9_007_199_254_740_992.0;

impl Datum {
    /// A number, whole where it can be.
    pub(crate) fn number(number: f64) -> Self {
        if number.is_nan() {
            return Self::Null;
        }
        if number.fract() == 0.0 && number.abs() <= EXACT {
            #[expect(
                clippy::cast_possible_truncation,
                reason = "whole and within 2^53, so the conversion is exact"
            )]
            return Self::Int(number as i64);
        }
        Self::Float(number.to_bits())
    }

    /// `value` as a datum. Its text lasts for this event; whoever keeps it holds it.
    pub(crate) fn take(value: Value<'_>, symbols: &mut Symbols) -> Self {
        match value {
            Value::Null => Self::Null,
            Value::Truth(truth) => Self::Truth(truth),
            Value::Int(number) => Self::Int(number),
            Value::Float(number) => Self::number(number),
            Value::Text(text) => Self::Text(symbols.look_up(text)),
            Value::Nested(cbor) => Self::Nested { empty: cbor.len() <= 1 },
        }
    }

    /// Whether there is a value.
    pub(crate) fn is_known(self) -> bool {
        !matches!(self, Self::Absent | Self::Null)
    }

    /// Whether it can name an instance of an entity.
    pub(crate) fn is_name(self) -> bool {
        self.is_known() && !matches!(self, Self::Nested { .. })
    }

    /// The same for all ways to write the name of one instance: the text of a whole number names
    /// what the number does, since a subject is text and a payload may carry a number.
    pub(crate) fn as_instance(self, symbols: &Symbols) -> Self {
        let Self::Text(symbol) = self else { return self };
        if symbols.first_byte(symbol).is_none_or(|first| first > b'9') {
            return self;
        }
        whole(symbols.text(symbol)).map_or(self, Self::Int)
    }

    /// As a number, when it is one.
    pub(crate) fn as_number(self) -> Option<f64> {
        match self {
            #[expect(
                clippy::cast_precision_loss,
                reason = "levels and measures are far below 2^53"
            )]
            Self::Int(number) => Some(number as f64),
            Self::Float(bits) => Some(f64::from_bits(bits)),
            _ => None,
        }
    }

    /// Holds its text once more.
    pub(crate) fn retain(self, symbols: &mut Symbols) -> Self {
        if let Self::Text(symbol) = self {
            symbols.retain(symbol);
        }
        self
    }

    /// Lets go of its text.
    pub(crate) fn release(self, symbols: &mut Symbols) {
        if let Self::Text(symbol) = self {
            symbols.release(symbol);
        }
    }

    /// For people and programs outside.
    pub(crate) fn to_json(self, symbols: &Symbols) -> serde_json::Value {
        match self {
            Self::Absent | Self::Null => serde_json::Value::Null,
            Self::Truth(truth) => truth.into(),
            Self::Int(number) => number.into(),
            Self::Float(bits) => f64::from_bits(bits).into(),
            Self::Text(symbol) => symbols.text(symbol).into(),
            Self::Nested { empty: true } => serde_json::Value::Array(Vec::new()),
            Self::Nested { empty: false } => serde_json::Value::String("(nested)".to_owned()),
        }
    }

    /// Machine words that differ where the data do.
    pub(crate) fn word(self) -> u64 {
        match self {
            Self::Absent => 1,
            Self::Null => 2,
            Self::Truth(truth) => 3 + u64::from(truth),
            Self::Int(number) => number.cast_unsigned() ^ 0x9e37_79b9_7f4a_7c15,
            Self::Float(bits) => bits.rotate_left(17),
            Self::Text(symbol) => u64::from(symbol.0) | 1 << 40,
            Self::Nested { empty } => 5 + u64::from(empty),
        }
    }
}

/// The number that a text writes in the one way in which numbers are written: `17`, not `017`.
fn whole(text: &str) -> Option<i64> {
    let first = *text.strip_prefix('-').unwrap_or(text).as_bytes().first()?;
    let usual = first.is_ascii_digit() && (first != b'0' || text == "0");
    if usual { text.parse().ok() } else { None }
}

impl Hash for Datum {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.word());
    }
}

/// Mixes one word into a running hash.
pub(crate) fn mix(hash: u64, word: u64) -> u64 {
    let product = u128::from(hash ^ word ^ 0x2d35_8dcc_aa6c_78a5) * 0x9e37_79b9_7f4a_7c15;
    #[expect(clippy::cast_possible_truncation, reason = "both halves are folded into one word")]
    let folded = (product as u64) ^ ((product >> 64) as u64);
    folded
}

/// What `left op right` comes to. Values of different sorts are different, and have no order.
pub(crate) fn compare(left: Datum, op: Comparison, right: Datum, symbols: &Symbols) -> Truth {
    if !left.is_known() || !right.is_known() {
        return Truth::Unknown;
    }
    let order = match (left, right) {
        (Datum::Int(a), Datum::Int(b)) => Some(a.cmp(&b)),
        (Datum::Text(a), Datum::Text(b)) => Some(symbols.text(a).cmp(symbols.text(b))),
        (Datum::Truth(a), Datum::Truth(b)) => {
            return match op {
                Comparison::Equal => (a == b).into(),
                Comparison::NotEqual => (a != b).into(),
                _ => Truth::Unknown,
            };
        }
        (Datum::Nested { .. }, _) | (_, Datum::Nested { .. }) => return Truth::Unknown,
        _ => match (left.as_number(), right.as_number()) {
            (Some(a), Some(b)) => a.partial_cmp(&b),
            _ => None,
        },
    };
    let Some(order) = order else {
        return match op {
            Comparison::Equal => Truth::False,
            Comparison::NotEqual => Truth::True,
            _ => Truth::Unknown,
        };
    };
    let holds = match op {
        Comparison::Equal => order == Ordering::Equal,
        Comparison::NotEqual => order != Ordering::Equal,
        Comparison::Less => order == Ordering::Less,
        Comparison::LessOrEqual => order != Ordering::Greater,
        Comparison::Greater => order == Ordering::Greater,
        Comparison::GreaterOrEqual => order != Ordering::Less,
    };
    holds.into()
}

/// Whether a value that was `before` and is `after` went over `level`.
pub(crate) fn crosses(before: Datum, after: Datum, level: f64, direction: Direction) -> Truth {
    let Some(after) = after.as_number() else { return Truth::Unknown };
    let before = before.as_number();
    let edge = match direction {
        Direction::Falling => before.is_none_or(|before| before > level) && after <= level,
        Direction::Rising => before.is_none_or(|before| before < level) && after >= level,
    };
    edge.into()
}

/// Whether a bare value counts as true: it is there and neither false, zero nor empty.
pub(crate) fn holds(value: Datum, symbols: &Symbols) -> Truth {
    let holds = match value {
        Datum::Absent | Datum::Null => false,
        Datum::Truth(truth) => truth,
        Datum::Int(number) => number != 0,
        Datum::Float(bits) => f64::from_bits(bits) != 0.0,
        Datum::Text(symbol) => !symbols.text(symbol).is_empty(),
        Datum::Nested { empty } => !empty,
    };
    holds.into()
}

impl From<bool> for Truth {
    fn from(truth: bool) -> Self {
        if truth { Self::True } else { Self::False }
    }
}

impl Truth {
    /// Both: false as soon as one is false.
    pub(crate) fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::False, _) | (_, Self::False) => Self::False,
            (Self::True, Self::True) => Self::True,
            _ => Self::Unknown,
        }
    }

    /// Either: true as soon as one is true.
    pub(crate) fn or(self, other: Self) -> Self {
        match (self, other) {
            (Self::True, _) | (_, Self::True) => Self::True,
            (Self::False, Self::False) => Self::False,
            _ => Self::Unknown,
        }
    }
}

impl std::ops::Not for Truth {
    type Output = Self;
    fn not(self) -> Self {
        match self {
            Self::False => Self::True,
            Self::True => Self::False,
            Self::Unknown => Self::Unknown,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_whole_float_is_the_whole_number() {
        assert_eq!(Datum::number(45.0), Datum::Int(45));
        assert_ne!(Datum::number(45.5), Datum::Int(45));
        assert_eq!(Datum::number(f64::NAN), Datum::Null);
    }

    #[test]
    fn a_crossing_is_an_edge_that_includes_the_level() {
        let falling = |before, after| crosses(before, after, 45.0, Direction::Falling);
        assert_eq!(falling(Datum::Int(46), Datum::Int(45)), Truth::True);
        assert_eq!(falling(Datum::Int(45), Datum::Int(44)), Truth::False);
        assert_eq!(falling(Datum::Absent, Datum::Int(44)), Truth::True);
        assert_eq!(falling(Datum::Int(46), Datum::Absent), Truth::Unknown);
        let rising = |before, after| crosses(before, after, 45.0, Direction::Rising);
        assert_eq!(rising(Datum::Int(44), Datum::Int(45)), Truth::True);
        assert_eq!(rising(Datum::Int(45), Datum::Int(46)), Truth::False);
    }

    #[test]
    fn unknown_gives_way_only_to_what_decides_without_it() {
        assert_eq!(Truth::Unknown.and(Truth::False), Truth::False);
        assert_eq!(Truth::Unknown.and(Truth::True), Truth::Unknown);
        assert_eq!(Truth::Unknown.or(Truth::True), Truth::True);
        assert_eq!(!Truth::Unknown, Truth::Unknown);
    }
}
