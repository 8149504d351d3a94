//! Local clocks over both nights of the year, in zones of all sorts.

use homeostat_intent::lowered::Period;
use homeostat_world::Timestamp;

use super::*;

const HOUR: i64 = 3_600_000_000;
const MINUTE: i64 = 60_000_000;

fn zone(name: &str) -> Zone {
    let found = Zone::named(name);
    assert!(found.is_some(), "{name}");
    found.unwrap_or_else(Zone::utc)
}

fn micros(text: &str) -> i64 {
    text.parse::<Timestamp>().map_or(0, Timestamp::as_micros)
}

/// The next ticks after an instant, as UTC without the date's century and the seconds.
fn ticks(next: impl Fn(i64, Option<Tick>) -> Option<Tick>, after: &str, count: usize) -> String {
    let (mut after, mut last) = (micros(after), None);
    let mut found = Vec::new();
    for _ in 0..count {
        let Some(tick) = next(after, last) else { break };
        let text = Timestamp::from_micros(tick.time).to_string();
        found.push(text.get(5..16).unwrap_or_default().to_owned());
        (after, last) = (tick.time, Some(tick));
    }
    found.join(" ")
}

fn on(name: &str, period: Period, of_day: i64, after: &str, count: usize) -> String {
    let zone = zone(name);
    let next =
        |after, last: Option<Tick>| zone.next_on(period, of_day, after, last.map(|last| last.date));
    ticks(next, after, count)
}

fn fixed(name: &str, period: i64, after: &str, count: usize) -> String {
    let zone = zone(name);
    let next = |after, _| zone.next_fixed(period, after).map(|time| Tick { time, date: 0 });
    ticks(next, after, count)
}

#[test]
fn a_time_that_the_spring_night_skips_comes_as_much_later_and_only_once() {
    // London: 2026-03-29, 01:00 becomes 02:00. New York: 2026-03-08, 02:00 becomes 03:00.
    let london = on("Europe/London", Period::Day, 90 * MINUTE, "2026-03-27T12:00:00Z", 4);
    assert_eq!(london, "03-28T01:30 03-29T01:30 03-30T00:30 03-31T00:30");
    let york = on("America/New_York", Period::Day, 150 * MINUTE, "2026-03-06T12:00:00Z", 3);
    assert_eq!(york, "03-07T07:30 03-08T07:30 03-09T06:30");
}

#[test]
fn a_time_that_the_autumn_night_repeats_comes_the_first_time_and_only_once() {
    let london = on("Europe/London", Period::Day, 90 * MINUTE, "2026-10-23T12:00:00Z", 4);
    assert_eq!(london, "10-24T00:30 10-25T00:30 10-26T01:30 10-27T01:30");
    let york = on("America/New_York", Period::Day, 90 * MINUTE, "2026-10-30T12:00:00Z", 3);
    assert_eq!(york, "10-31T05:30 11-01T05:30 11-02T06:30");
}

#[test]
fn zones_are_not_all_whole_hours_apart() {
    let kathmandu = on("Asia/Kathmandu", Period::Day, 9 * HOUR, "2026-01-01T00:00:00Z", 2);
    assert_eq!(kathmandu, "01-01T03:15 01-02T03:15");
    // Lord Howe's clocks are put back by half an hour, at 02:00 on 2026-04-05, and forward again on
    // 2026-10-04.
    let back = on("Australia/Lord_Howe", Period::Day, 105 * MINUTE, "2026-04-03T15:00:00Z", 3);
    assert_eq!(back, "04-04T14:45 04-05T15:15 04-06T15:15");
    let forward = on("Australia/Lord_Howe", Period::Day, 135 * MINUTE, "2026-10-02T16:00:00Z", 2);
    assert_eq!(forward, "10-03T15:45 10-04T15:15");
}

#[test]
fn weeks_and_months_are_counted_by_local_dates() {
    let monday = on("Europe/London", Period::Week(1), 0, "2026-03-20T00:00:00Z", 3);
    assert_eq!(monday, "03-23T00:00 03-29T23:00 04-05T23:00");
    let friday = on("America/New_York", Period::Week(5), 16 * HOUR, "2026-02-27T21:00:00Z", 3);
    assert_eq!(friday, "03-06T21:00 03-13T20:00 03-20T20:00");
    let month = on("Europe/London", Period::Month, 0, "2026-01-31T23:59:59Z", 4);
    assert_eq!(month, "02-01T00:00 03-01T00:00 03-31T23:00 04-30T23:00");
    let years = on("UTC", Period::Month, 0, "2027-11-30T12:00:00Z", 4);
    assert_eq!(years, "12-01T00:00 01-01T00:00 02-01T00:00 03-01T00:00");
}

#[test]
fn an_instant_is_after_itself_and_no_sooner() {
    let at = |after| on("Europe/London", Period::Day, 9 * HOUR, after, 1);
    assert_eq!(at("2026-01-05T08:59:59.999999Z"), "01-05T09:00");
    assert_eq!(at("2026-01-05T09:00:00Z"), "01-06T09:00");
}

#[test]
fn a_date_is_ticked_on_once_whatever_becomes_of_its_time() {
    let london = zone("Europe/London");
    let noon = micros("2026-01-05T12:00:00Z");
    let today = london.date(noon);
    let next = |last| london.next_on(Period::Day, 15 * HOUR, noon, last).map(|tick| tick.time);
    assert_eq!(next(None), Some(micros("2026-01-05T15:00:00Z")));
    assert_eq!(next(today), Some(micros("2026-01-06T15:00:00Z")));
}

#[test]
fn a_date_that_a_zone_skips_has_no_tick() {
    // Samoa had no 2011-12-30: it went from one side of the date line to the other.
    let apia = on("Pacific/Apia", Period::Day, 9 * HOUR, "2011-12-28T00:00:00Z", 4);
    assert_eq!(apia, "12-28T19:00 12-29T19:00 12-30T19:00 12-31T19:00");
    let zone = zone("Pacific/Apia");
    let mut after = micros("2011-12-27T00:00:00Z");
    let mut dates = Vec::new();
    for _ in 0..4 {
        let Some(tick) = zone.next_on(Period::Day, 9 * HOUR, after, None) else { break };
        dates.push(tick.date - crate::calendar::days_from_civil(2011, 12, 27));
        after = tick.time;
    }
    assert_eq!(dates, [0, 1, 2, 4]);
}

#[test]
fn an_hour_goes_by_the_local_clock_and_does_not_stop_in_the_autumn_night() {
    let london = fixed("Europe/London", HOUR, "2026-10-24T23:30:00Z", 4);
    assert_eq!(london, "10-25T00:00 10-25T01:00 10-25T02:00 10-25T03:00");
    // Six hours of the local clock: the night is an hour longer, or shorter.
    let longer = fixed("Europe/London", 6 * HOUR, "2026-10-24T20:00:00Z", 3);
    assert_eq!(longer, "10-24T23:00 10-25T06:00 10-25T12:00");
    let shorter = fixed("Europe/London", 6 * HOUR, "2026-03-28T23:00:00Z", 3);
    assert_eq!(shorter, "03-29T00:00 03-29T05:00 03-29T11:00");
}

#[test]
fn a_multiple_that_the_spring_night_skips_comes_later_but_not_twice_at_one_instant() {
    // 01:00 to 02:00 is skipped; every three quarters of an hour, 01:30 would have been a tick.
    let london = fixed("Europe/London", 45 * MINUTE, "2026-03-29T00:30:00Z", 4);
    assert_eq!(london, "03-29T00:45 03-29T01:15 03-29T01:30 03-29T02:00");
    let quarters = fixed("Europe/London", 15 * MINUTE, "2026-03-29T00:30:00Z", 4);
    assert_eq!(quarters, "03-29T00:45 03-29T01:00 03-29T01:15 03-29T01:30");
}

#[test]
fn a_time_of_the_day_is_read_in_the_two_forms_that_it_has() {
    assert_eq!(time_of_day("09:30"), Some(9 * HOUR + 30 * MINUTE));
    assert_eq!(time_of_day("23:59:59"), Some(24 * HOUR - 1_000_000));
    for wrong in ["9:30", "24:00", "09:60", "09:30:60", "09", "09:30:15:00", "", "ab:cd", "+9:30"] {
        assert_eq!(time_of_day(wrong), None, "{wrong}");
    }
}

#[test]
fn nobody_knows_every_zone() {
    assert!(Zone::named("Europe/Lond").is_none());
    assert!(Zone::named("").is_none());
}
