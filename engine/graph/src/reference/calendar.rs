//! The calendar, by way of `jiff` and by another way than the evaluator's: lengths of time, ticks of
//! a period on a local clock, the periods of a budget.
//!
//! In: instants, lengths, a zone. Out: instants.
//! Never: asks what zone the machine is in.
//! Promise: a local time that is skipped is taken later, one that is repeated is taken first, and a
//! date that a zone skips has no tick. Start reading at [`next_tick`].

use homeostat_intent::lowered::{Length, Period};
use homeostat_world::{Duration, Timestamp};
use jiff::civil::{Date, DateTime};
use jiff::tz::{AmbiguousOffset, TimeZone};

const SECOND: i64 = 1_000_000;
const DAY: i64 = 86_400 * SECOND;
/// No clock is put forward or back by more.
const LEAP: i64 = 25 * 3_600 * SECOND;
/// Within so many days there is a tick of any period that counts days.
const DAYS: usize = 70;

/// The instant `length` after `start`: calendar months first, counted in UTC.
pub(super) fn after(start: Timestamp, length: Length) -> Timestamp {
    let micros = Duration::from_micros(length.micros);
    if length.months == 0 {
        return start + micros;
    }
    let moved = jiff::Timestamp::from_microsecond(start.as_micros()).and_then(|start| {
        let months = jiff::Span::new().try_months(length.months)?;
        start.to_zoned(TimeZone::UTC).checked_add(months)
    });
    moved.map_or(Timestamp::MAX, |it| taken(it.timestamp())) + micros
}

/// The zone of that name, if there is one.
pub(super) fn zone(name: &str) -> Option<TimeZone> {
    TimeZone::get(name).ok()
}

/// The first tick at or after `from`, and the local date that it is of. `last` is the tick before,
/// which it is later than, on a later date if the period counts days.
pub(super) fn next_tick(
    period: Period,
    of_day: i64,
    zone: &TimeZone,
    from: Timestamp,
    last: Option<(Timestamp, Date)>,
) -> Option<(Timestamp, Date)> {
    let is_next = |at: Timestamp| at >= from && last.is_none_or(|(last, _)| at > last);
    if let Period::Fixed(length) = period {
        let ticks = fixed_ticks(length, zone, last.map_or(from, |(last, _)| last.max(from)));
        let at = ticks.into_iter().filter(|at| is_next(*at)).min()?;
        return Some((at, local(zone, at)?.date()));
    }
    let mut date = local(zone, from)?.date().yesterday().ok()?;
    for _ in 0..DAYS {
        let counts = match period {
            Period::Fixed(_) | Period::Day => true,
            Period::Week(day) => date.weekday().to_monday_one_offset() == i8::try_from(day).ok()?,
            Period::Month => date.day() == 1,
        };
        if counts
            && last.is_none_or(|(_, last)| date > last)
            && let Some(at) = on(zone, date, of_day)
            && is_next(at)
        {
            return Some((at, date));
        }
        date = date.tomorrow().ok()?;
    }
    None
}

/// The instants around and after `from` at which the local clock reads a multiple of `length`, and
/// those to which a multiple is moved that the clock skips.
fn fixed_ticks(length: i64, zone: &TimeZone, from: Timestamp) -> Vec<Timestamp> {
    let mut ticks = Vec::new();
    let (Some(start), true) = (local(zone, from), length > 0) else { return ticks };
    let start = micros_of(start);
    // Where the clock is not changed, the next two multiples are enough.
    let until = from + Duration::from_micros(length.saturating_add(LEAP));
    let since = instant(from - Duration::from_micros(LEAP));
    let mut changes = since.into_iter().flat_map(|since| zone.following(since));
    let steady = changes.next().is_none_or(|change| taken(change.timestamp()) > until);
    let (mut multiple, upto) = if steady {
        (start.div_euclid(length) * length, start + 2 * length)
    } else {
        ((start - LEAP).div_euclid(length) * length, start + length + LEAP)
    };
    while multiple <= upto {
        if let Some(reading) = reading(multiple) {
            let ambiguous = zone.to_ambiguous_timestamp(reading);
            if let AmbiguousOffset::Fold { after, .. } = ambiguous.offset() {
                ticks.extend(after.to_timestamp(reading).ok().map(taken));
            }
            ticks.extend(ambiguous.compatible().ok().map(taken));
        }
        multiple += length;
    }
    ticks
}

/// The period of this length that an instant lies in: its first instant, and the first after it.
pub(super) fn period(
    at: Timestamp,
    per: Length,
    zone: &TimeZone,
) -> Option<(Timestamp, Timestamp)> {
    let now = local(zone, at)?;
    if per.months > 0 {
        let months = i64::from(per.months);
        let index = i64::from(now.year()) * 12 + i64::from(now.month()) - 1;
        let first = index.div_euclid(months) * months;
        return Some((on(zone, month(first)?, 0)?, on(zone, month(first + months)?, 0)?));
    }
    if per.micros == 7 * DAY {
        let back = i64::from(now.date().weekday().to_monday_zero_offset());
        let monday = now.date().checked_sub(jiff::Span::new().try_days(back).ok()?).ok()?;
        let next = monday.checked_add(jiff::Span::new().try_days(7).ok()?).ok()?;
        return Some((moved(zone, monday.at(0, 0, 0, 0))?, moved(zone, next.at(0, 0, 0, 0))?));
    }
    if per.micros <= 0 {
        return None;
    }
    let start = micros_of(now).div_euclid(per.micros) * per.micros;
    Some((moved(zone, reading(start)?)?, moved(zone, reading(start.checked_add(per.micros)?)?)?))
}

fn month(index: i64) -> Option<Date> {
    let year = i16::try_from(index.div_euclid(12)).ok()?;
    Date::new(year, i8::try_from(index.rem_euclid(12) + 1).ok()?, 1).ok()
}

/// The instant at which it is so late on a date. None on a date that the zone skips.
fn on(zone: &TimeZone, date: Date, of_day: i64) -> Option<Timestamp> {
    let midnight = moved(zone, date.at(0, 0, 0, 0))?;
    if local(zone, midnight)?.date() != date {
        return None;
    }
    moved(zone, reading(micros_of(date.at(0, 0, 0, 0)).checked_add(of_day)?)?)
}

/// The instant of a local time: later, if the clock skips it; the first, if it comes twice.
fn moved(zone: &TimeZone, at: DateTime) -> Option<Timestamp> {
    zone.to_ambiguous_timestamp(at).compatible().ok().map(taken)
}

fn local(zone: &TimeZone, at: Timestamp) -> Option<DateTime> {
    Some(zone.to_datetime(instant(at)?))
}

fn instant(at: Timestamp) -> Option<jiff::Timestamp> {
    jiff::Timestamp::from_microsecond(at.as_micros()).ok()
}

fn taken(at: jiff::Timestamp) -> Timestamp {
    Timestamp::from_micros(at.as_microsecond())
}

/// What a clock reads, as microseconds since it read midnight of 1970-01-01.
fn micros_of(reading: DateTime) -> i64 {
    let as_utc = TimeZone::UTC.to_timestamp(reading);
    as_utc.map_or(0, jiff::Timestamp::as_microsecond)
}

fn reading(micros: i64) -> Option<DateTime> {
    let as_utc = jiff::Timestamp::from_microsecond(micros).ok()?;
    Some(TimeZone::UTC.to_datetime(as_utc))
}

/// Microseconds since midnight of `09:30` or `09:30:15`.
pub(super) fn time_of_day(text: &str) -> Option<i64> {
    let parts: Vec<&str> = text.split(':').collect();
    let number = |part: &str, below: i64| {
        let digits = part.len() == 2 && part.bytes().all(|byte| byte.is_ascii_digit());
        part.parse::<i64>().ok().filter(|number| digits && *number < below)
    };
    let (hour, minute, second) = match parts.as_slice() {
        [hour, minute] => (number(hour, 24)?, number(minute, 60)?, 0),
        [hour, minute, second] => (number(hour, 24)?, number(minute, 60)?, number(second, 60)?),
        _ => return None,
    };
    Some(((hour * 60 + minute) * 60 + second) * SECOND)
}
