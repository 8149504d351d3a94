//! Local clocks: which instants a schedule means in a time zone.
//!
//! In: a zone by its name, a period, an instant. Out: the next instant after it.
//! Never: reads the machine's own zone or its files; the rules are those that are built in.
//! Promise: a local time that a night skips comes as much later as the clocks are put forward. Of a
//! time of the day that is repeated the first one counts, and a date that does not exist is passed
//! over; a period shorter than days goes on through the repeated hour.
//! Start reading at [`Zone::next_on`] and [`Zone::next_fixed`].

mod periods;

use homeostat_intent::lowered::Period;
use homeostat_world::canary;
use jiff::Timestamp as Instant;
use jiff::civil::Date;
use jiff::tz::{AmbiguousOffset, TimeZone, TimeZoneDatabase};

use crate::calendar::{DAY, civil_from_days, days_from_civil};

/// A zone's clock.
#[derive(Clone, Debug)]
pub(crate) struct Zone(TimeZone);

/// A tick of a schedule that goes by dates.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Tick {
    pub(crate) time: i64,
    /// The local date that it is for, in days since 1970-01-01.
    pub(crate) date: i64,
}

/// Changes of a zone's clock that are gone through in search of one instant. Periods are shorter than
/// the years that this makes.
const CHANGES_MAX: usize = 1_000;
/// Dates that are gone through: one that is over, one that does not exist, and some to spare.
const DATES_MAX: usize = 8;

impl Zone {
    /// The clock of everybody.
    pub(crate) fn utc() -> Self {
        Self(TimeZone::UTC)
    }

    /// The zone of this name, `Europe/London`. None when nobody knows it.
    pub(crate) fn named(name: &str) -> Option<Self> {
        TimeZoneDatabase::bundled().get(name).ok().map(Self)
    }

    /// The first instant after `after` at which the local clock, counted from midnight of 1970-01-01,
    /// is a multiple of `period` microseconds, or would have been, had the clock not skipped it.
    pub(crate) fn next_fixed(&self, period: i64, after: i64) -> Option<i64> {
        let mut from = after.checked_add(1)?;
        for _ in 0..CHANGES_MAX {
            let offset = self.offset(from)?;
            let start = self.0.preceding(instant(from.checked_add(1)?)?).next();
            let start = start.map(|change| change.timestamp().as_microsecond());
            let before = start.map_or(Some(offset), |start| self.offset(start - 1))?;
            let start = start.unwrap_or(i64::MIN / 2);
            let plain = next_multiple(from.checked_add(offset)?, period)? - offset;
            // What the clock would have shown, had it not been put forward, comes by the old offset.
            let skipped = next_multiple(from.max(start).saturating_add(before), period)?;
            let moved = (skipped < start.saturating_add(offset)).then(|| skipped - before);
            let next = moved.map_or(plain, |moved| moved.min(plain));
            let end = self.0.following(instant(from)?).next();
            match end.map(|change| change.timestamp().as_microsecond()) {
                Some(end) if next >= end => from = end,
                _ => return Some(next),
            }
        }
        None
    }

    /// The first tick after `after` of the dates that `period` names, at the local time `of_day`, on a
    /// date later than `last`.
    pub(crate) fn next_on(
        &self,
        period: Period,
        of_day: i64,
        after: i64,
        last: Option<i64>,
    ) -> Option<Tick> {
        let today = after.checked_add(self.offset(after)?)?.div_euclid(DAY);
        // What yesterday skipped may have moved into today.
        let mut date = last.map_or(today - 1, |last| (today - 1).max(last + 1));
        for _ in 0..DATES_MAX {
            date = first_date(period, date);
            let time = self.resolve(date, of_day)?;
            if time > after && self.exists(date)? {
                return Some(Tick { time, date });
            }
            date += 1;
        }
        None
    }

    /// The local date at an instant.
    #[cfg(test)]
    pub(crate) fn date(&self, at: i64) -> Option<i64> {
        Some((at + self.offset(at)?).div_euclid(DAY))
    }

    fn exists(&self, date: i64) -> Option<bool> {
        let start = self.resolve(date, 0)?;
        Some((start + self.offset(start)?).div_euclid(DAY) == date)
    }

    fn resolve(&self, date: i64, of_day: i64) -> Option<i64> {
        let (year, month, day) = civil_from_days(date);
        let date = Date::new(year.try_into().ok()?, month.try_into().ok()?, day.try_into().ok()?);
        let (seconds, micros) = (of_day.div_euclid(1_000_000), of_day.rem_euclid(1_000_000));
        let (minutes, second) = (seconds.div_euclid(60), seconds.rem_euclid(60));
        let (hour, minute) = (minutes.div_euclid(60), minutes.rem_euclid(60));
        let local = date.ok()?.at(
            hour.try_into().ok()?,
            minute.try_into().ok()?,
            second.try_into().ok()?,
            (micros * 1_000).try_into().ok()?,
        );
        let local = self.0.to_ambiguous_timestamp(local);
        let at = match local.offset() {
            AmbiguousOffset::Gap { .. } if canary::planted("a_skipped_hour_comes_early") => {
                local.earlier()
            }
            AmbiguousOffset::Fold { .. }
                if canary::planted("a_repeated_hour_counts_when_it_comes_again") =>
            {
                local.later()
            }
            _ => local.compatible(),
        };
        Some(at.ok()?.as_microsecond())
    }

    fn offset(&self, at: i64) -> Option<i64> {
        Some(i64::from(self.0.to_offset(instant(at)?).seconds()) * 1_000_000)
    }
}

fn instant(micros: i64) -> Option<Instant> {
    Instant::from_microsecond(micros).ok()
}

/// The first multiple of `period` at or after `from`.
fn next_multiple(from: i64, period: i64) -> Option<i64> {
    let over = from.rem_euclid(period);
    if over == 0 { Some(from) } else { from.checked_add(period - over) }
}

/// The first date at or after `date` that `period` names.
fn first_date(period: Period, date: i64) -> i64 {
    match period {
        Period::Week(weekday) => {
            // 1970-01-01 was a Thursday, the fourth.
            let today = (date + 3).rem_euclid(7) + 1;
            date + (i64::from(weekday) - today).rem_euclid(7)
        }
        Period::Month => match civil_from_days(date) {
            (_, _, 1) => date,
            (year, 12, _) => days_from_civil(year + 1, 1, 1),
            (year, month, _) => days_from_civil(year, month + 1, 1),
        },
        Period::Day | Period::Fixed(_) => date,
    }
}

/// The microseconds since midnight that a text says: `09:30`, `09:30:15`.
pub(crate) fn time_of_day(text: &str) -> Option<i64> {
    let two = |text: &str, below: i64| {
        let is_two = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
        is_two.then(|| text.parse().ok()).flatten().filter(|number| *number < below)
    };
    let mut parts = text.split(':');
    let (hour, minute) = (two(parts.next()?, 24)?, two(parts.next()?, 60)?);
    let second = parts.next().map_or(Some(0), |second| two(second, 60))?;
    let whole: i64 = (hour * 60 + minute) * 60 + second;
    parts.next().is_none().then_some(whole * 1_000_000)
}

#[cfg(test)]
mod tests;
