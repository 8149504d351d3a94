//! Calendar periods: in which one an instant lies.
//!
//! In: a length and an instant. Out: the period's first instant and the first behind it.
//! Never: starts a month, a week or a day anywhere but at a local midnight.
//! Promise: every instant lies in one period; what the clock shows is the zone's.
//! Start reading at [`Zone::period`].

use homeostat_intent::lowered::Length;

use super::Zone;
use crate::calendar::{DAY, civil_from_days, days_from_civil};

/// 1969-12-29, from which weeks are counted.
const A_MONDAY: i64 = -3;

impl Zone {
    /// The calendar period of this length that an instant lies in. Months are counted from January of
    /// the year 0, a week from Monday, and anything else from what the local clock showed at midnight
    /// of 1970-01-01.
    pub(crate) fn period(&self, per: Length, at: i64) -> Option<(i64, i64)> {
        let local = at.checked_add(self.offset(at)?)?;
        let today = local.div_euclid(DAY);
        if per.months > 0 {
            let (first, next) = months(i64::from(per.months), today);
            return Some((self.resolve(first, 0)?, self.resolve(next, 0)?));
        }
        if per.micros == 7 * DAY {
            let monday = today - (today - A_MONDAY).rem_euclid(7);
            return Some((self.resolve(monday, 0)?, self.resolve(monday + 7, 0)?));
        }
        let start = local.checked_sub(local.checked_rem_euclid(per.micros)?)?;
        let end = start.checked_add(per.micros).filter(|end| *end > start)?;
        Some((self.showing(start)?, self.showing(end)?))
    }

    /// The instant at which the local clock shows so many microseconds since 1970-01-01.
    fn showing(&self, local: i64) -> Option<i64> {
        self.resolve(local.div_euclid(DAY), local.rem_euclid(DAY))
    }
}

fn months(count: i64, today: i64) -> (i64, i64) {
    let (year, month, _) = civil_from_days(today);
    let first = (year * 12 + month - 1).div_euclid(count) * count;
    let start = |months: i64| days_from_civil(months.div_euclid(12), months.rem_euclid(12) + 1, 1);
    (start(first), start(first + count))
}
