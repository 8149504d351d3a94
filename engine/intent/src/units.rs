//! The units of time, and the longer names that people write for them.
//!
//! In: a word. Out: the unit that the language has for it.
//! Never: guesses from part of a word.
//! Promise: one letter or two is a unit of the language, anything longer an offer.

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
