//! Adds a length of the intent language to an instant: calendar months first, then microseconds.
//!
//! In: a [`Timestamp`] and a [`Length`]. Out: a [`Timestamp`].
//! Never: reads a zone; months are counted in UTC, so that a deadline is the same everywhere.
//! Promise: the day of the month is kept where the month has it, else its last day is taken.
//! Start reading at [`after`].

use homeostat_intent::lowered::Length;
use homeostat_world::{Duration, Timestamp, canary};

pub(crate) const DAY: i64 = 86_400_000_000;

/// The instant `length` after `start`.
pub(crate) fn after(start: Timestamp, length: Length) -> Timestamp {
    let moved = if length.months == 0 { start } else { plus_months(start, length.months) };
    moved + Duration::from_micros(length.micros)
}

fn plus_months(start: Timestamp, months: u32) -> Timestamp {
    let days = start.as_micros().div_euclid(DAY);
    let of_day = start.as_micros().rem_euclid(DAY);
    let (year, month, day) = civil_from_days(days);
    let count = year * 12 + (month - 1) + i64::from(months);
    let (year, month) = (count.div_euclid(12), count.rem_euclid(12) + 1);
    let spills_over = canary::planted("a_long_month_spills_over");
    let day = if spills_over { day } else { day.min(days_in_month(year, month)) };
    let moved = days_from_civil(year, month, day);
    Timestamp::from_micros(moved.saturating_mul(DAY).saturating_add(of_day))
}

/// Days since 1970-01-01 of a date of the proleptic Gregorian calendar. The year begins in March
/// here, so that the leap day comes last (Howard Hinnant's method).
pub(crate) fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = of_era * 365 + of_era / 4 - of_era / 100 + of_year;
    era * 146_097 + day_of_era - 719_468
}

pub(crate) fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let of_era = shifted.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month, day)
}

fn days_in_month(year: i64, month: i64) -> i64 {
    let (next_year, next_month) = if month == 12 { (year + 1, 1) } else { (year, month + 1) };
    days_from_civil(next_year, next_month, 1) - days_from_civil(year, month, 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn months_after(start: &str, months: u32) -> String {
        let start = start.parse().unwrap_or(Timestamp::MAX);
        after(start, Length { months, micros: 0 }).to_string()
    }

    #[test]
    fn a_month_keeps_the_day_and_the_time_of_day() {
        assert_eq!(months_after("2026-01-15T10:30:00Z", 1), "2026-02-15T10:30:00Z");
        assert_eq!(months_after("1969-12-31T23:59:59Z", 1), "1970-01-31T23:59:59Z");
    }

    #[test]
    fn a_day_that_the_month_does_not_have_becomes_its_last() {
        assert_eq!(months_after("2026-01-31T00:00:00Z", 1), "2026-02-28T00:00:00Z");
        assert_eq!(months_after("2024-02-29T00:00:00Z", 12), "2025-02-28T00:00:00Z");
        assert_eq!(months_after("2023-12-31T00:00:00Z", 2), "2024-02-29T00:00:00Z");
    }

    #[test]
    fn every_day_of_eight_centuries_goes_there_and_back() {
        for days in -146_097..146_097 {
            let (year, month, day) = civil_from_days(days);
            assert_eq!(days_from_civil(year, month, day), days);
        }
    }
}
