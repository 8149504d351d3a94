//! Time as whole microseconds: [`Timestamp`] on the UTC time line, [`Duration`] between two of them.
//!
//! Never: asks what time it is; that is the [`Clock`](crate::Clock) door's to say.
//! Promise: arithmetic saturates at the ends of the time line and never panics.

use std::fmt;
use std::ops::{Add, Sub};
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// An instant: microseconds since 1970-01-01T00:00:00Z, leap seconds not counted.
///
/// Shown and serialised as RFC 3339 in UTC with as many fraction digits as are needed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

/// A length of time in microseconds. May be negative as the difference of two instants.
///
/// Shown as the intent language writes it: `250ms`, `5s`, `1h 30m`, `14d`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Duration(i64);

impl Timestamp {
    /// 1970-01-01T00:00:00Z.
    pub const EPOCH: Self = Self(0);
    /// The earliest instant that can be written as RFC 3339: year 0000.
    pub const MIN: Self = Self(-62_167_219_200_000_000);
    /// The latest instant that can be written as RFC 3339: end of year 9999, less a day so that
    /// every zone can write it.
    pub const MAX: Self = Self(253_402_207_199_999_999);

    /// The instant `micros` microseconds after the epoch, held inside `MIN..=MAX`.
    #[must_use]
    pub const fn from_micros(micros: i64) -> Self {
        if micros < Self::MIN.0 {
            Self::MIN
        } else if micros > Self::MAX.0 {
            Self::MAX
        } else {
            Self(micros)
        }
    }

    /// Microseconds since the epoch.
    #[must_use]
    pub const fn as_micros(self) -> i64 {
        self.0
    }

    /// How long after `earlier` this is; negative when it is before.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Duration {
        Duration(self.0.saturating_sub(earlier.0))
    }
}

impl Add<Duration> for Timestamp {
    type Output = Self;
    fn add(self, length: Duration) -> Self {
        Self::from_micros(self.0.saturating_add(length.0))
    }
}

impl Sub<Duration> for Timestamp {
    type Output = Self;
    fn sub(self, length: Duration) -> Self {
        Self::from_micros(self.0.saturating_sub(length.0))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_microsecond(self.0) {
            Ok(instant) => instant.fmt(f),
            Err(_) => write!(f, "{}us", self.0),
        }
    }
}

/// Why a text is no instant.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TimestampError {
    /// It is not written as one.
    #[error("`{0}` is not an RFC 3339 time with a zone; expected the form `2026-03-01T09:30:00Z`")]
    Malformed(String),
    /// It is one, but lies at or beyond the ends of the time line: moving it inside without a
    /// word would store another time than was sent.
    #[error("`{0}` is too far away; expected a time after `{min}` and before `{max}`", min = Timestamp::MIN, max = Timestamp::MAX)]
    OutOfRange(String),
}

impl FromStr for Timestamp {
    type Err = TimestampError;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.parse::<jiff::Timestamp>().map(jiff::Timestamp::as_microsecond) {
            Ok(micros) if (Self::MIN.0 + 1..=Self::MAX.0).contains(&micros) => Ok(Self(micros)),
            Err(_) if !is_dated(text) => Err(TimestampError::Malformed(text.to_owned())),
            _ => Err(TimestampError::OutOfRange(text.to_owned())),
        }
    }
}

/// Whether `text` is a date, a time and a zone, on the time line or not.
fn is_dated(text: &str) -> bool {
    jiff::fmt::temporal::Pieces::parse(text)
        .is_ok_and(|pieces| pieces.time().is_some() && pieces.offset().is_some())
}

impl Serialize for Timestamp {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(TimestampVisitor)
    }
}

/// Reads an instant where its text stands, without a copy.
struct TimestampVisitor;

impl serde::de::Visitor<'_> for TimestampVisitor {
    type Value = Timestamp;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Timestamp, E> {
        text.parse().map_err(E::custom)
    }
}

impl Duration {
    /// No time at all.
    pub const ZERO: Self = Self(0);
    /// The longest length there is, about 292,000 years.
    pub const MAX: Self = Self(i64::MAX);

    /// `micros` microseconds.
    #[must_use]
    pub const fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    /// `millis` milliseconds.
    #[must_use]
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis.saturating_mul(1_000))
    }

    /// `seconds` seconds.
    #[must_use]
    pub const fn from_secs(seconds: i64) -> Self {
        Self(seconds.saturating_mul(1_000_000))
    }

    /// Whole microseconds.
    #[must_use]
    pub const fn as_micros(self) -> i64 {
        self.0
    }

    /// As the standard library's duration; a negative length is none.
    #[must_use]
    pub const fn to_std(self) -> std::time::Duration {
        std::time::Duration::from_micros(if self.0 < 0 { 0 } else { self.0.unsigned_abs() })
    }
}

/// Units from large to small, as microseconds. Weeks are not used for display: `14d` reads better
/// than `2w` beside a deadline.
const UNITS: [(&str, i64); 6] = [
    ("d", 86_400_000_000),
    ("h", 3_600_000_000),
    ("m", 60_000_000),
    ("s", 1_000_000),
    ("ms", 1_000),
    ("us", 1),
];

impl fmt::Display for Duration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 == 0 {
            return f.write_str("0s");
        }
        let mut rest = self.0.unsigned_abs();
        let mut separator = if self.0 < 0 { "-" } else { "" };
        for (unit, micros) in UNITS {
            let count = rest / micros.unsigned_abs();
            if count > 0 {
                write!(f, "{separator}{count}{unit}")?;
                separator = " ";
                rest %= micros.unsigned_abs();
            }
        }
        Ok(())
    }
}

/// Why a text is no length of time.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{text}` is not a duration; expected a number and a unit of us, ms, s, m, h, d or w, as in `90s` or `1h 30m`"
)]
pub struct DurationError {
    text: String,
}

impl FromStr for Duration {
    type Err = DurationError;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        parse_duration(text).map(Self).ok_or_else(|| DurationError { text: text.to_owned() })
    }
}

fn parse_duration(text: &str) -> Option<i64> {
    let mut total = 0_i64;
    let mut rest = text.trim();
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let (digits, tail) = rest.split_at_checked(rest.find(|c: char| !c.is_ascii_digit())?)?;
        let (unit, tail) =
            tail.split_at_checked(tail.find(|c: char| !c.is_alphabetic()).unwrap_or(tail.len()))?;
        let micros = match unit {
            "w" => 604_800_000_000,
            _ => UNITS.iter().find(|(name, _)| *name == unit)?.1,
        };
        total = total.checked_add(digits.parse::<i64>().ok()?.checked_mul(micros)?)?;
        rest = tail.trim_start();
    }
    Some(total)
}

impl Serialize for Duration {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Duration {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timestamp_reads_back_what_it_shows() {
        for text in ["2026-03-29T00:59:59.999999Z", "1969-12-31T23:59:59Z", "2017-01-09T09:49:50Z"]
        {
            assert_eq!(text.parse::<Timestamp>().map(|t| t.to_string()), Ok(text.to_owned()));
        }
        let zoned = "2017-01-09T09:49:50.000+01:00".parse::<Timestamp>();
        assert_eq!(zoned.map(|t| t.to_string()), Ok("2017-01-09T08:49:50Z".to_owned()));
    }

    #[test]
    fn a_time_without_a_zone_is_refused() {
        assert!("2017-01-09T09:49:50".parse::<Timestamp>().is_err());
    }

    #[test]
    fn a_time_at_the_ends_of_the_time_line_is_refused_and_not_moved() {
        for text in [
            "0000-01-01T00:00:00Z",
            "-000044-03-15T12:00:00Z",
            "9999-12-31T23:59:59Z",
            "0000-01-01T00:00:00+05:00",
        ] {
            let error = text.parse::<Timestamp>().map_err(|error| error.to_string());
            let expected = format!(
                "`{text}` is too far away; expected a time after `0000-01-01T00:00:00Z` and before \
                 `9999-12-30T21:59:59.999999Z`"
            );
            assert_eq!(error, Err(expected));
        }
        for text in ["0000-01-01T00:00:00.000001Z", "9999-12-30T21:59:59Z"] {
            assert_eq!(text.parse::<Timestamp>().map(|t| t.to_string()), Ok(text.to_owned()));
        }
        for text in ["10000-01-01T00:00:00Z", "2026-02-30T00:00:00Z", "2026", "now"] {
            let error = text.parse::<Timestamp>();
            assert_eq!(error, Err(TimestampError::Malformed(text.to_owned())));
        }
    }

    #[test]
    fn durations_read_back_what_they_show() {
        for text in ["0s", "250ms", "5s", "1h 30m", "14d", "1d 2h 3m 4s 5ms 6us"] {
            assert_eq!(text.parse::<Duration>().map(|d| d.to_string()), Ok(text.to_owned()));
        }
        assert_eq!("2w".parse(), Ok(Duration::from_secs(14 * 86_400)));
        for bad in ["", "5", "s", "5 s", "-5s", "99999999999999999999s", "5x"] {
            assert!(bad.parse::<Duration>().is_err(), "{bad}");
        }
    }

    #[test]
    fn arithmetic_saturates() {
        assert_eq!(Timestamp::MAX + Duration::MAX, Timestamp::MAX);
        assert_eq!(Timestamp::MIN - Duration::MAX, Timestamp::MIN);
    }
}
