//! Instants as a scenario writes them: `2026-03-28T12:00:00Z`.
//!
//! In: a text. Out: microseconds since 1970 in UTC, or nothing where it is no instant.
//! Never: reads a zone by name, which this room knows nothing of.
//! Promise: a date that does not exist is none.

/// Reads `2026-03-28T12:00Z`, with seconds or without, in UTC or with an offset as `+01:00`.
pub(super) fn read(text: &str) -> Option<i64> {
    let (date, time) = text.split_once('T')?;
    let mut parts = date.splitn(3, '-');
    let (year, month, day) = (digits(parts.next()?, 4)?, two(parts.next()?)?, two(parts.next()?)?);
    let (clock, offset) = match time.strip_suffix('Z') {
        Some(clock) => (clock, 0),
        None => {
            let at = time.rfind(['+', '-'])?;
            let (clock, offset) = time.split_at_checked(at)?;
            let sign = if offset.starts_with('-') { -1 } else { 1 };
            let (hours, minutes) = offset.get(1..)?.split_once(':')?;
            (clock, sign * (two(hours)?.min(24) * 60 + two(minutes)?))
        }
    };
    let mut parts = clock.splitn(3, ':');
    let (hour, minute) = (two(parts.next()?)?, two(parts.next()?)?);
    let second = parts.next().map_or(Some(0), two)?;
    let exists = (1..=12).contains(&month)
        && (1..=days_in_month(year, month)).contains(&day)
        && hour <= 23
        && minute <= 59
        && second <= 59;
    let minutes = (days(year, month, day) * 24 + hour) * 60 + minute - offset;
    exists.then_some((minutes * 60 + second) * 1_000_000)
}

fn two(text: &str) -> Option<i64> {
    digits(text, 2)
}

fn digits(text: &str, count: usize) -> Option<i64> {
    let all = text.len() == count && text.bytes().all(|byte| byte.is_ascii_digit());
    all.then(|| text.parse().ok()).flatten()
}

fn days_in_month(year: i64, month: i64) -> i64 {
    let (next_year, next) = if month == 12 { (year + 1, 1) } else { (year, month + 1) };
    days(next_year, next, 1) - days(year, month, 1)
}

/// Days since 1970-01-01. The year begins in March here, so that the leap day comes last.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let of_era = year.rem_euclid(400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    year.div_euclid(400) * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

#[cfg(test)]
mod tests {
    use super::read;

    #[test]
    fn an_instant_is_read_and_a_date_that_does_not_exist_is_none() {
        assert_eq!(read("1970-01-01T00:00:00Z"), Some(0));
        assert_eq!(read("2026-01-07T12:00:00Z"), Some(crate::lowered::SCENARIO_START));
        assert_eq!(read("2026-01-07T13:00+01:00"), Some(crate::lowered::SCENARIO_START));
        assert_eq!(read("2024-02-29T00:00Z"), Some(1_709_164_800_000_000));
        for text in [
            "2026-02-29T00:00:00Z",
            "2026-13-01T00:00:00Z",
            "2026-01-07T24:00:00Z",
            "2026-01-07",
            "2026-01-07T12:00:00",
            "2026-1-7T12:00:00Z",
            "tomorrow",
            "",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
