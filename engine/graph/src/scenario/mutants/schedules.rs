//! Mutants of periodic blocks: other periods, another time of the day, another way to catch up.
//!
//! In: schedules. Out: at most one change, by way of the hand.
//! Never: gives a block another clock.
//! Promise: a period is made both shorter and longer.

use homeostat_intent::lowered::{At, CatchUp, Period, Schedule};

use super::{Hand, Site};

const HOUR: i64 = 3_600_000_000;
const DAY: i64 = 24 * HOUR;

impl Hand {
    pub(super) fn schedule(&mut self, schedule: &mut Schedule, site: &Site) {
        for period in others(schedule.period) {
            if self.takes() {
                let (from, to) = (words(schedule.period), words(period));
                schedule.period = period;
                return self.make(site, format!("{from} turned into {to}"));
            }
        }
        if let At::Time(time) = &mut schedule.at
            && !matches!(schedule.period, Period::Fixed(_))
        {
            for (moved, word) in [(*time + HOUR, "later"), (*time - HOUR, "earlier")] {
                if self.takes() {
                    *time = moved.rem_euclid(DAY);
                    return self.make(site, format!("an hour {word}"));
                }
            }
        }
        for catch_up in [CatchUp::Latest, CatchUp::All, CatchUp::None] {
            if catch_up != schedule.catch_up && self.takes() {
                let from = std::mem::replace(&mut schedule.catch_up, catch_up);
                return self
                    .make(site, format!("catch-up {} turned into {}", way(from), way(catch_up)));
            }
        }
    }
}

/// A shorter period and a longer one, and another day of the week.
fn others(period: Period) -> Vec<Period> {
    match period {
        Period::Fixed(micros) => {
            vec![Period::Fixed((micros / 2).max(1)), Period::Fixed(micros.saturating_mul(2))]
        }
        Period::Day => vec![Period::Fixed(12 * HOUR), Period::Week(1)],
        Period::Week(day) => vec![Period::Day, Period::Month, Period::Week(day % 7 + 1)],
        Period::Month => vec![Period::Day, Period::Week(1)],
    }
}

fn words(period: Period) -> String {
    let days = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];
    match period {
        Period::Fixed(micros) => {
            format!("every {}", homeostat_world::Duration::from_micros(micros))
        }
        Period::Day => "every day".to_owned(),
        Period::Week(day) => {
            let name = usize::from(day).checked_sub(1).and_then(|index| days.get(index));
            format!("every {}", name.unwrap_or(&"week"))
        }
        Period::Month => "every month".to_owned(),
    }
}

fn way(catch_up: CatchUp) -> &'static str {
    match catch_up {
        CatchUp::Latest => "latest",
        CatchUp::All => "all",
        CatchUp::None => "none",
    }
}
