//! The units of time: the longer names that people write for them, and lengths written with them.
//!
//! In: a word; a length. Out: the unit that the language has for it; the length as a text has it.
//! Never: guesses from part of a word.
//! Promise: one letter or two is a unit of the language, anything longer an offer.

use std::fmt;

use crate::lowered::Length;

/// The unit that `word` most plainly means: `minutes` and `MIN` are `m`.
pub(crate) fn meant(word: &str) -> Option<&'static str> {
    Some(match word.to_lowercase().as_str() {
        "us" | "micros" | "microsecond" | "microseconds" => "us",
        "ms" | "msec" | "millis" | "millisecond" | "milliseconds" => "ms",
        "s" | "sec" | "secs" | "second" | "seconds" => "s",
        "m" | "min" | "mins" | "minute" | "minutes" => "m",
        "h" | "hr" | "hrs" | "hour" | "hours" => "h",
        "d" | "day" | "days" => "d",
        "w" | "wk" | "week" | "weeks" => "w",
        "mo" | "mon" | "month" | "months" => "mo",
        "y" | "yr" | "year" | "years" => "y",
        _ => return None,
    })
}

impl fmt::Display for Length {
    /// As the language writes it: `5s`, `1mo 2d`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut separator = if self.micros < 0 { "-" } else { "" };
        if self.months > 0 {
            write!(f, "{}mo", self.months)?;
            separator = " ";
        } else if self.micros == 0 {
            return f.write_str("0s");
        }
        let mut rest = self.micros.unsigned_abs();
        for (unit, micros) in FIXED {
            if rest >= micros {
                write!(f, "{separator}{}{unit}", rest / micros)?;
                separator = " ";
                rest %= micros;
            }
        }
        Ok(())
    }
}

const FIXED: [(&str, u64); 6] = [
    ("d", 86_400_000_000),
    ("h", 3_600_000_000),
    ("m", 60_000_000),
    ("s", 1_000_000),
    ("ms", 1_000),
    ("us", 1),
];
