//! Times as files write them.
//!
//! In: a text, and what the caller knows about it. Out: an instant. Never: guesses a zone.
//! Promise: a time without a zone is refused unless the caller named one. Start at
//! [`TimeFormat::read`].

use homeostat_world::Timestamp;
use jiff::civil::DateTime;
use jiff::fmt::strtime;
use jiff::tz::{Offset, TimeZone};

use super::refusal::Refusal;

/// How a file writes times.
#[derive(Clone, Debug, Default)]
pub struct TimeFormat {
    /// A `strftime` pattern such as `%d.%m.%Y %H:%M`; without one, ISO 8601 with `T` or a blank
    /// between date and time.
    pub pattern: Option<String>,
    /// The zone of times that name none.
    pub zone: Option<TimeZone>,
}

impl TimeFormat {
    /// Reads one time.
    pub(crate) fn read(&self, text: &str) -> Result<Timestamp, Refusal> {
        let text = text.trim();
        let refused = |expected: &str| Refusal::BadTime {
            found: super::refusal::shortened(text, 60),
            expected: expected.to_owned(),
        };
        let naive = match &self.pattern {
            Some(pattern) => {
                let parts = strtime::parse(pattern, text)
                    .map_err(|error| refused(&format!("the pattern `{pattern}` ({error})")))?;
                if let Ok(instant) = parts.to_timestamp() {
                    return Ok(Timestamp::from_micros(instant.as_microsecond()));
                }
                // A date alone is its first instant.
                parts.to_datetime().or_else(|_| parts.to_date().map(|date| date.at(0, 0, 0, 0)))
            }
            None => {
                if let Ok(instant) = text.parse::<jiff::Timestamp>() {
                    return Ok(Timestamp::from_micros(instant.as_microsecond()));
                }
                text.parse::<DateTime>()
            }
        };
        let naive = naive.map_err(|_| {
            refused("a time such as `2026-03-01T09:30:00Z`, or a pattern for it (`--time-format`)")
        })?;
        let Some(zone) = &self.zone else {
            return Err(refused("a time with a zone, or the zone of this file (`--time-zone`)"));
        };
        // A local time that a clock change skips moves later; one that it repeats is the first.
        let instant = zone
            .to_ambiguous_timestamp(naive)
            .compatible()
            .map_err(|_| refused("a time between the years 0 and 9999"))?;
        Ok(Timestamp::from_micros(instant.as_microsecond()))
    }
}

/// Why a text names no time zone.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "no time zone `{0}`; expected an IANA name such as `Europe/Amsterdam`, `UTC`, or an offset such as `+01:00`"
)]
pub struct ZoneError(String);

/// The zone that `text` names: an IANA name, or a fixed offset.
///
/// # Errors
/// When there is no such zone.
pub fn zone(text: &str) -> Result<TimeZone, ZoneError> {
    if text.eq_ignore_ascii_case("utc") || text == "Z" {
        return Ok(TimeZone::UTC);
    }
    if text.starts_with(['+', '-']) {
        let parsed = strtime::parse("%:z", text).or_else(|_| strtime::parse("%z", text));
        let offset: Option<Offset> = parsed.ok().and_then(|parts| parts.offset());
        return offset.map(TimeZone::fixed).ok_or_else(|| ZoneError(text.to_owned()));
    }
    TimeZone::get(text).map_err(|_| ZoneError(text.to_owned()))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed step fails the test")]
    use super::*;

    fn read(format: &TimeFormat, text: &str) -> String {
        match format.read(text) {
            Ok(instant) => instant.to_string(),
            Err(refusal) => format!("refused: {refusal}"),
        }
    }

    #[test]
    fn the_forms_of_real_files_are_read() {
        let plain = TimeFormat::default();
        for (text, instant) in [
            ("2011-10-11 13:45:40.276000+02:00", "2011-10-11T11:45:40.276Z"),
            ("2011-10-11T13:45:40.276+0200", "2011-10-11T11:45:40.276Z"),
            ("2017-01-09T09:49:50.000+01:00", "2017-01-09T08:49:50Z"),
            (" 2026-03-01T09:30:00Z ", "2026-03-01T09:30:00Z"),
        ] {
            assert_eq!(read(&plain, text), instant);
        }
    }

    #[test]
    fn a_time_without_a_zone_needs_one_and_takes_the_one_it_is_given() {
        let text = "2026-07-01 12:00:00";
        assert!(read(&TimeFormat::default(), text).contains("--time-zone"));
        for (name, instant) in [
            ("Europe/Amsterdam", "2026-07-01T10:00:00Z"),
            ("+05:30", "2026-07-01T06:30:00Z"),
            ("-0800", "2026-07-01T20:00:00Z"),
            ("utc", "2026-07-01T12:00:00Z"),
        ] {
            let format = TimeFormat { zone: Some(zone(name).unwrap()), pattern: None };
            assert_eq!(read(&format, text), instant, "{name}");
        }
        assert!(zone("Europe/Atlantis").unwrap_err().to_string().contains("`Europe/Atlantis`"));
        assert!(zone("+99:99").is_err());
    }

    #[test]
    fn a_skipped_local_time_moves_later_and_a_repeated_one_is_the_first() {
        let format = TimeFormat { zone: Some(zone("Europe/Amsterdam").unwrap()), pattern: None };
        assert_eq!(read(&format, "2026-03-29T02:30:00"), "2026-03-29T01:30:00Z");
        assert_eq!(read(&format, "2026-10-25T02:30:00"), "2026-10-25T00:30:00Z");
    }

    #[test]
    fn a_pattern_is_followed() {
        let utc = Some(TimeZone::UTC);
        let day = TimeFormat { pattern: Some("%d.%m.%Y %H:%M".to_owned()), zone: utc.clone() };
        assert_eq!(read(&day, "05.02.2026 07:15"), "2026-02-05T07:15:00Z");
        assert!(read(&day, "2026-02-05").starts_with("refused: `2026-02-05` is no time"));
        let date = TimeFormat { pattern: Some("%Y-%m-%d".to_owned()), zone: utc };
        assert_eq!(read(&date, "2026-02-05"), "2026-02-05T00:00:00Z");
        let unix = TimeFormat { pattern: Some("%s".to_owned()), zone: None };
        assert_eq!(read(&unix, "1700000000"), "2023-11-14T22:13:20Z");
    }
}
