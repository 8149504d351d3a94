//! Blocks that the calendar opens: when they tick, for whom, and what a tick calls for.

use homeostat_intent::lowered::Spec;
use homeostat_log::Event;
use homeostat_world::Timestamp;

use crate::fixtures::{Told, compiled, event, of_kind, spec};
use crate::{Began, Change, Evaluator};

fn time(text: &str) -> Timestamp {
    let parsed = text.parse::<Timestamp>();
    assert!(parsed.is_ok(), "{text}");
    parsed.unwrap_or(Timestamp::MAX)
}

fn told_at(position: u64, when: &str, name: &str, json: &str) -> Event {
    event(position, time(when).as_micros() / 1_000_000, name, json)
}

/// What was said, with instants in place of seconds.
fn said(told: &mut Told) -> String {
    let instant = |word: &str| match word.parse::<i64>() {
        Ok(seconds) if seconds > 1_000_000_000 => {
            Timestamp::from_micros(seconds * 1_000_000).to_string()
        }
        _ => word.to_owned(),
    };
    let line = |line: &str| line.split(' ').map(instant).collect::<Vec<_>>().join(" ");
    told.said().lines().map(line).collect::<Vec<_>>().join("\n")
}

/// The names of what was activated.
fn activated(told: &mut Told) -> Vec<String> {
    let said = said(told);
    let lines = said.lines().filter(|line| line.contains(" activated "));
    lines.filter_map(|line| line.split(' ').next().map(str::to_owned)).collect()
}

/// Stops the evaluator and starts it again from what it wrote, which must change nothing.
fn restart(told: &mut Told, spec: &Spec) {
    let bytes = told.evaluator.checkpoint();
    let again = Evaluator::restore(compiled(spec), &bytes);
    assert!(again.is_ok(), "{again:?}");
    if let Ok(again) = again {
        assert_eq!(again.next_deadline(), told.evaluator.next_deadline());
        told.evaluator = again;
    }
    assert_eq!(told.evaluator.checkpoint(), bytes);
}

const REPORT: &str = "
time_zone: \"Europe/London\"
entity book { has: page }
action report { satisfied_by: report.sent  by: system }
every day at 09:00 { must: report }
";

#[test]
fn a_tick_triggers_what_is_due_at_the_next_and_a_miss_comes_before_it() {
    let spec = spec(REPORT);
    let mut told = Told::of(&spec);
    assert_eq!(told.evaluator.next_deadline(), None, "no tick before the first instant");
    told.pass(time("2026-03-27T09:00:00Z"));
    assert_eq!(said(&mut told), "", "time is not past it");
    restart(&mut told, &spec);
    told.pass(time("2026-03-27T12:00:00Z"));
    assert_eq!(
        said(&mut told),
        "report@2026-03-27T09:00:00Z activated 2026-03-27T09:00:00Z due 2026-03-28T09:00:00Z"
    );
    let next = told.evaluator.next_deadline();
    assert_eq!(next, Some(time("2026-03-28T09:00:00.000001Z")));
    told.see(&told_at(1, "2026-03-27T13:00:00Z", "report.sent", "{}"));
    assert_eq!(said(&mut told), "report@2026-03-27T09:00:00Z InTime by 1");
    restart(&mut told, &spec);
    // The night of 29 March puts the clocks forward.
    told.pass(time("2026-03-29T10:00:00Z"));
    assert_eq!(
        said(&mut told),
        "report@2026-03-28T09:00:00Z activated 2026-03-28T09:00:00Z due 2026-03-29T08:00:00Z\n\
         report@2026-03-28T09:00:00Z missed\n\
         report@2026-03-28T09:00:00Z gap Temporal 2026-03-29T08:00:00Z\n\
         report@2026-03-29T08:00:00Z activated 2026-03-29T08:00:00Z due 2026-03-30T08:00:00Z"
    );
    restart(&mut told, &spec);
    let late = told_at(2, "2026-03-29T11:00:00Z", "report.sent", "{}");
    told.see(&crate::fixtures::caused(late, "report@2026-03-28T09:00:00Z"));
    assert_eq!(
        said(&mut told),
        "report@2026-03-28T09:00:00Z Late by 2\nreport@2026-03-28T09:00:00Z closed Late"
    );
}

const CALLS: &str = "
time_zone: \"America/New_York\"
entity rep { has: preferred_time, time_zone, mood }
entity customer { has: rep }
action plan(rep) { satisfied_by: day.planned }
every day at rep.preferred_time { must: plan(rep) within: 1h }
";

fn rep(position: u64, when: &str, json: &str) -> Event {
    told_at(position, when, "rep.moved", json)
}

#[test]
fn each_instance_ticks_at_its_own_time_in_its_own_zone() {
    let spec = spec(CALLS);
    let mut told = Told::of(&spec);
    let start = "2026-01-05T00:00:00Z";
    told.see(&rep(1, start, r#"{"rep":"r2","preferred_time":"09:00"}"#));
    told.see(&rep(
        2,
        start,
        r#"{"rep":"r1","preferred_time":"09:00","time_zone":"Europe/London"}"#,
    ));
    told.see(&rep(3, start, r#"{"rep":"r10","preferred_time":"09:00","time_zone":"Nowhere"}"#));
    told.see(&rep(4, start, r#"{"rep":"r3"}"#));
    told.see(&rep(5, start, r#"{"rep":"r4","preferred_time":"nine"}"#));
    restart(&mut told, &spec);
    told.pass(time("2026-01-06T00:00:00Z"));
    assert_eq!(
        said(&mut told),
        "plan@2026-01-05T09:00:00Z~r1 activated 2026-01-05T09:00:00Z due 2026-01-05T10:00:00Z\n\
         plan@2026-01-05T09:00:00Z~r1 gap Temporal 2026-01-05T09:00:00Z\n\
         plan@2026-01-05T09:00:00Z~r1 missed\n\
         plan@2026-01-05T14:00:00Z~r10 activated 2026-01-05T14:00:00Z due 2026-01-05T15:00:00Z\n\
         plan@2026-01-05T14:00:00Z~r10 gap Temporal 2026-01-05T14:00:00Z\n\
         plan@2026-01-05T14:00:00Z~r2 activated 2026-01-05T14:00:00Z due 2026-01-05T15:00:00Z\n\
         plan@2026-01-05T14:00:00Z~r2 gap Temporal 2026-01-05T14:00:00Z\n\
         plan@2026-01-05T14:00:00Z~r10 missed\n\
         plan@2026-01-05T14:00:00Z~r2 missed"
    );
    let id = told.evaluator.parse_id("plan@2026-01-05T14:00:00Z~r2");
    let origin = id.and_then(|id| told.evaluator.origin(id));
    let bound = vec![("rep".to_owned(), "r2".to_owned())];
    assert_eq!(origin, Some((Began::Tick(time("2026-01-05T14:00:00Z")), bound)));
    restart(&mut told, &spec);
    told.see(&told_at(6, "2026-01-06T00:30:00Z", "day.planned", r#"{"rep":"r2"}"#));
    assert_eq!(
        said(&mut told),
        "plan@2026-01-05T14:00:00Z~r2 Late by 6\nplan@2026-01-05T14:00:00Z~r2 closed Late"
    );
}

#[test]
fn a_changed_time_counts_if_it_is_still_to_come_and_makes_no_second_tick_of_a_date() {
    let spec = spec(CALLS);
    let mut told = Told::of(&spec);
    let set = |told: &mut Told, position, when: &str, to: &str| {
        let json = format!(r#"{{"rep":"r1","preferred_time":"{to}","time_zone":"UTC"}}"#);
        told.see(&rep(position, when, &json));
        restart(told, &spec);
        activated(told)
    };
    assert!(set(&mut told, 1, "2026-01-05T08:00:00Z", "12:00").is_empty());
    // Sooner, and still to come.
    assert!(set(&mut told, 2, "2026-01-05T08:30:00Z", "09:00").is_empty());
    let first = set(&mut told, 3, "2026-01-05T09:30:00Z", "11:00");
    assert_eq!(first, ["plan@2026-01-05T09:00:00Z~r1"]);
    // Ticked today: the new time counts from tomorrow.
    let second = set(&mut told, 4, "2026-01-06T11:30:00Z", "10:00");
    assert_eq!(second, ["plan@2026-01-06T11:00:00Z~r1"]);
    assert_eq!(set(&mut told, 5, "2026-01-07T09:00:00Z", "08:00"), [""; 0]);
    // Not ticked today, and the new time is over: tomorrow.
    told.pass(time("2026-01-08T09:00:00Z"));
    assert_eq!(activated(&mut told), ["plan@2026-01-08T08:00:00Z~r1"]);
    // Another zone in which this date has yet to begin does not give it back.
    let west = r#"{"rep":"r1","preferred_time":"08:00","time_zone":"Pacific/Honolulu"}"#;
    told.see(&rep(6, "2026-01-08T09:30:00Z", west));
    restart(&mut told, &spec);
    told.pass(time("2026-01-09T19:00:00Z"));
    assert_eq!(activated(&mut told), ["plan@2026-01-09T18:00:00Z~r1"]);
    let never = r#"{"rep":"r1","preferred_time":null}"#;
    told.see(&rep(7, "2026-01-09T19:00:00Z", never));
    restart(&mut told, &spec);
    told.pass(time("2026-02-09T19:00:00Z"));
    assert_eq!(activated(&mut told), [""; 0]);
}

#[test]
fn what_an_enrichment_says_of_a_time_counts_only_where_it_may_be_read() {
    let prefers = r#"{"rep":"r1","preferred_time":"09:00","time_zone":"UTC"}"#;
    let later = r#"{"rep":"r1","preferred_time":"10:00"}"#;
    let ticks = |text: &str| {
        let spec = spec(text);
        let mut told = Told::of(&spec);
        told.see(&rep(1, "2026-01-05T08:00:00Z", prefers));
        let inferred = rep(2, "2026-01-05T08:00:00Z", later);
        told.see(&of_kind(inferred, homeostat_log::Kind::Enrichment));
        restart(&mut told, &spec);
        told.pass(time("2026-01-05T12:00:00Z"));
        activated(&mut told)
    };
    assert_eq!(ticks(CALLS), ["plan@2026-01-05T09:00:00Z~r1"]);
    assert_eq!(ticks(&CALLS.replace("must:", "should:")), ["plan@2026-01-05T10:00:00Z~r1"]);
}

const ALL: &str = "
catch_up: all
time_zone: \"UTC\"
entity rep { has: preferred_time }
action look { satisfied_by: look.taken  by: system }
action plan(rep) { satisfied_by: day.planned  by: system }
every 15m { could: look within: 1m }
every day at rep.preferred_time { could: plan(rep) within: 1m }
";

#[test]
fn after_a_time_of_being_down_a_block_catches_up_as_it_says() {
    let after = |catch_up: &str| {
        let text = ALL.replace("catch_up: all", &format!("catch_up: {catch_up}"));
        let spec = spec(&text);
        let mut told = Told::of(&spec);
        told.see(&rep(1, "2026-01-05T08:00:00Z", r#"{"rep":"r1","preferred_time":"08:10"}"#));
        told.pass(time("2026-01-05T08:20:00Z"));
        assert_eq!(activated(&mut told).len(), 3, "the quarters of 08:00 and 08:15, and r1's");
        let mut changes: Vec<Change> = Vec::new();
        told.evaluator.resume(time("2026-01-07T08:40:00Z"), &mut |change| changes.push(change));
        let evaluator = &told.evaluator;
        let names = changes.into_iter().filter_map(|change| match change {
            Change::Activated { id, .. } => Some(evaluator.show(id)),
            _ => None,
        });
        let names: Vec<String> = names.collect();
        restart(&mut told, &spec);
        told.pass(time("2026-01-07T08:50:00Z"));
        assert_eq!(activated(&mut told), ["look@2026-01-07T08:45:00Z"]);
        names
    };
    let latest = ["plan@2026-01-07T08:10:00Z~r1", "look@2026-01-07T08:30:00Z"];
    assert_eq!(after("latest"), latest);
    assert_eq!(after("none"), [""; 0]);
    let all = after("all");
    assert_eq!(all.len(), 2 * 96 + 1 + 2, "two days of quarters, and two days of r1");
    assert_eq!(all.first().map(String::as_str), Some("look@2026-01-05T08:30:00Z"));
}

#[test]
fn a_tick_that_was_passed_over_is_the_one_of_its_date() {
    let text = CALLS.replace("within: 1h }", "within: 1h catch_up: none }");
    let spec = spec(&text);
    let mut told = Told::of(&spec);
    let prefers =
        |time: &str| format!(r#"{{"rep":"r1","preferred_time":"{time}","time_zone":"UTC"}}"#);
    told.see(&rep(1, "2026-01-05T08:00:00Z", &prefers("09:00")));
    told.evaluator.resume(time("2026-01-05T10:00:00Z"), &mut |_| {});
    told.see(&rep(2, "2026-01-05T10:30:00Z", &prefers("11:00")));
    restart(&mut told, &spec);
    told.pass(time("2026-01-05T12:00:00Z"));
    assert_eq!(activated(&mut told), [""; 0]);
}

#[test]
fn a_resume_before_any_instant_is_known_is_the_first_instant() {
    let spec = spec(REPORT);
    let mut told = Told::of(&spec);
    told.evaluator.resume(time("2026-03-27T09:00:00Z"), &mut |_| {});
    told.pass(time("2026-03-27T12:00:00Z"));
    assert_eq!(activated(&mut told), ["report@2026-03-27T09:00:00Z"]);
}

#[test]
fn a_duty_under_a_guard_that_is_decided_later_is_due_at_the_tick_after_that() {
    let spec = spec(
        "
        time_zone: \"UTC\"
        entity rep { has: preferred_time }
        measure load(rep) from load.taken { hours }
        action weigh(rep) { satisfied_by: load.taken  by: system }
        action relieve(rep) { satisfied_by: rep.relieved  by: system }
        every day at rep.preferred_time {
          must: weigh(rep) within: 3d
          if load(rep).hours > 40 { must: relieve(rep) }
        }",
    );
    let mut told = Told::of(&spec);
    told.see(&rep(1, "2026-01-05T08:00:00Z", r#"{"rep":"r1","preferred_time":"09:00"}"#));
    told.pass(time("2026-01-05T10:00:00Z"));
    assert_eq!(activated(&mut told), ["weigh@2026-01-05T09:00:00Z~r1"]);
    told.see(&rep(2, "2026-01-05T11:00:00Z", r#"{"rep":"r1","preferred_time":"15:00"}"#));
    restart(&mut told, &spec);
    told.see(&told_at(3, "2026-01-05T12:00:00Z", "load.taken", r#"{"rep":"r1","hours":50}"#));
    let said = said(&mut told);
    assert!(
        said.ends_with(
            "relieve@2026-01-05T09:00:00Z~r1 activated 2026-01-05T12:00:00Z due \
             2026-01-06T15:00:00Z"
        ),
        "{said}"
    );
}

#[test]
fn a_tick_goes_through_what_it_is_for_each_of() {
    let spec = spec(
        "
        time_zone: \"UTC\"
        entity rep { has: preferred_time }
        entity customer { belongs_to: rep  has: tier }
        action greet(rep, customer) { satisfied_by: customer.greeted  by: system }
        every day at rep.preferred_time {
          for each customer with tier = \"gold\" { must: greet(rep, customer) }
        }",
    );
    let mut told = Told::of(&spec);
    told.see(&rep(1, "2026-01-05T08:00:00Z", r#"{"rep":"r1","preferred_time":"09:00"}"#));
    for (position, id) in (2..).zip(["c2", "c1"]) {
        let json = format!(r#"{{"customer":"{id}","tier":"gold"}}"#);
        told.see(&told_at(position, "2026-01-05T08:00:00Z", "customer.moved", &json));
    }
    restart(&mut told, &spec);
    told.pass(time("2026-01-05T10:00:00Z"));
    assert_eq!(
        said(&mut told),
        "greet@2026-01-05T09:00:00Z~r1~c1 activated 2026-01-05T09:00:00Z due 2026-01-06T09:00:00Z\n\
         greet@2026-01-05T09:00:00Z~r1~c2 activated 2026-01-05T09:00:00Z due 2026-01-06T09:00:00Z"
    );
    restart(&mut told, &spec);
    let both = r#"{"customer":"c2","rep":"r1"}"#;
    told.see(&told_at(4, "2026-01-05T11:00:00Z", "customer.greeted", both));
    assert_eq!(said(&mut told), "greet@2026-01-05T09:00:00Z~r1~c2 InTime by 4");
}

#[test]
fn a_time_that_is_said_of_another_instance_is_followed_there() {
    let spec = spec(
        "
        time_zone: \"UTC\"
        entity rep { has: preferred_time }
        entity alert { belongs_to: rep }
        action look(alert) { satisfied_by: alert.looked_at  by: system }
        every day at alert.rep.preferred_time { must: look(alert) within: 1h }",
    );
    let mut told = Told::of(&spec);
    told.see(&rep(1, "2026-01-05T08:00:00Z", r#"{"rep":"r1","preferred_time":"09:00"}"#));
    let raised = told_at(2, "2026-01-05T08:00:00Z", "alert.raised", r#"{"alert":"a1","rep":"r1"}"#);
    told.see(&raised);
    told.see(&rep(3, "2026-01-05T08:30:00Z", r#"{"rep":"r1","preferred_time":"10:00"}"#));
    restart(&mut told, &spec);
    told.pass(time("2026-01-05T12:00:00Z"));
    assert_eq!(activated(&mut told), ["look@2026-01-05T10:00:00Z~a1"]);
}

#[test]
fn a_time_further_along_a_path_concerns_those_whose_path_leads_there() {
    let text = "
        time_zone: \"Europe/London\"
        entity customer { has: at }
        entity order { belongs_to: customer }
        action look(order) { satisfied_by: order.looked_at  by: system }
        every day at order.customer.at { must: look(order) }";
    let mut told = Told::new(text);
    let now = "2026-03-02T08:00:00Z";
    for n in 1..=200_u64 {
        let order = format!(r#"{{"order":"o{n}","customer":"c{}"}}"#, n % 100);
        told.see(&told_at(n, now, "order.placed", &order));
    }
    let before = told.evaluator.state.ticks.looked_for;
    told.see(&told_at(201, now, "customer.changed", r#"{"customer":"c7","at":"09:00"}"#));
    // Orders 7 and 107, and not the other 198.
    assert_eq!(told.evaluator.state.ticks.looked_for - before, 2);
    told.pass(time("2026-03-02T10:00:00Z"));
    assert_eq!(
        activated(&mut told),
        ["look@2026-03-02T09:00:00Z~o107", "look@2026-03-02T09:00:00Z~o7"]
    );
}
