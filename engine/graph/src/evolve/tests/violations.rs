//! What an edit does to what is violated: kept with its gap and its waiver, withdrawn, found anew.

use homeostat_intent::lowered::Backfill as Policy;
use homeostat_log::Kind;

use super::Story;
use crate::fixtures::{at, event, of_kind};

const BARE: &str = "
entity deal { has: why, size }
event deal.created  event deal.changed
action greet(deal) { satisfied_by: deal.greeted }
when deal.created { could: greet(deal) }";

fn with(rule: &str) -> String {
    format!("{BARE} {rule}")
}

fn explained() -> String {
    with("always { assert explained: every(deal) has why }")
}

/// The same assertions beside one more duty.
fn edited(text: &str) -> String {
    format!("{text} when deal.changed {{ could: wave(deal) }}")
}

fn story(text: &str, deals: i64) -> Story {
    let mut story = Story::new(text);
    for n in 1..=deals {
        story.add(n, "deal.created", &format!(r#"{{"deal":"d{n}"}}"#));
    }
    story
}

fn waive(story: &mut Story, second: i64, gap: &str) {
    let word = format!(r#"{{"gap":"{gap}","decision":"waive","by":"ann","reason":"known"}}"#);
    story.control(second, "gap.decided", &word);
    let said = story.said();
    assert!(said.starts_with(&format!("{gap} waived")), "{said}");
}

/// What is said of the clause, of all that is said.
fn of(story: &mut Story, slug: &str) -> String {
    let said = story.said();
    let lines: Vec<&str> = said.lines().filter(|line| line.starts_with(slug)).collect();
    lines.join("\n")
}

#[test]
fn a_violation_of_a_kept_assertion_goes_on_with_its_gap() {
    let mut story = story(&explained(), 2);
    story.said();
    assert_eq!(story.preview(&edited(&explained())).retroactive(), 0);
    story.adopt(10, Policy::ProspectiveOnly, &edited(&explained()));
    assert_eq!(story.restart().said(), "");
    story.add(11, "deal.changed", r#"{"deal":"d1","why":"big"}"#);
    assert_eq!(
        of(&mut story, "explained"),
        "explained@1~d1 InTime by 4\nexplained@1~d1 closed Fulfilled"
    );
    story.add(12, "deal.changed", r#"{"deal":"d1","why":null}"#);
    assert_eq!(
        of(&mut story, "explained"),
        "explained@5~d1 activated 12\nexplained@5~d1 gap Intent 12",
        "once it is broken again"
    );
    let tally = story.evaluator.summary().clauses.into_iter().find(|it| it.slug == "explained");
    let tally = tally.map(|it| it.tally).unwrap_or_default();
    assert_eq!((tally.triggers, tally.met, tally.pending), (3, 1, 2));
}

#[test]
fn what_a_person_let_go_stays_silent_under_a_new_version() {
    let mut story = story(&explained(), 1);
    story.said();
    waive(&mut story, 2, "explained@1~d1");
    story.adopt(10, Policy::Sequential, &edited(&explained()));
    assert_eq!(story.restart().said(), "");
    story.add(11, "deal.changed", r#"{"deal":"d1","why":"big"}"#);
    assert_eq!(of(&mut story, "explained"), "", "its episode ends in silence");
    story.add(12, "deal.changed", r#"{"deal":"d1","why":null}"#);
    assert!(of(&mut story, "explained").starts_with("explained@5~d1 activated 12"));
}

#[test]
fn each_instance_that_violates_a_new_assertion_is_a_gap_of_intent_at_once() {
    for policy in [Policy::Sequential, Policy::HumanDecision, Policy::ProspectiveOnly] {
        let mut story = story(BARE, 4);
        story.add(5, "deal.changed", r#"{"deal":"d2","why":"big"}"#).said();
        let preview = story.preview(&explained());
        assert_eq!(preview.retroactive(), 3);
        story.adopt(100, policy, &explained()).restart();
        // More than may be in flight of what is asked of the past: it is not work on the past.
        assert_eq!(
            story.said(),
            "explained@1~d1 activated 100\nexplained@1~d1 gap Intent 100\n\
             explained@3~d3 activated 100\nexplained@3~d3 gap Intent 100\n\
             explained@4~d4 activated 100\nexplained@4~d4 gap Intent 100"
        );
        assert_eq!(story.progress().total, 0);
        story.add(101, "deal.changed", r#"{"deal":"d3","why":"old"}"#);
        assert_eq!(story.said(), "explained@3~d3 InTime by 7\nexplained@3~d3 closed Fulfilled");
    }
}

#[test]
fn an_assertion_with_another_text_is_another_assertion() {
    let mut story = story(&explained(), 1);
    story.said();
    let sized = with("always { assert explained: every(deal) has size }");
    story.adopt(10, Policy::Sequential, &sized).restart();
    assert_eq!(
        story.said(),
        "explained@1~d1 withdrawn\nexplained@1~d1 closed Withdrawn\n\
         explained@1~d1 activated 10\nexplained@1~d1 gap Intent 10"
    );
    story.add(11, "deal.changed", r#"{"deal":"d1","why":"big"}"#);
    assert_eq!(story.said(), "", "nobody asks why any more");
}

#[test]
fn violations_of_what_is_no_longer_asserted_are_withdrawn() {
    let mut story = story(&explained(), 2);
    story.said();
    waive(&mut story, 3, "explained@2~d2");
    assert_eq!(story.preview(BARE).withdrawn(), 1);
    story.adopt(10, Policy::Sequential, BARE).restart();
    assert_eq!(story.said(), "explained@1~d1 withdrawn\nexplained@1~d1 closed Withdrawn");
    assert_eq!(story.evaluator.footprint().episodes, 0);
    story.add(11, "deal.changed", r#"{"deal":"d1","why":"big"}"#);
    assert_eq!(story.said(), "");
}

const OPEN: &str = "
entity alert { state critical: from raised until calmed
  state unseen: from created until seen }";

fn seen() -> String {
    format!("{OPEN} always {{ assert seen: no(alert.critical) is unseen for > 10s }}")
}

#[test]
fn what_must_not_last_is_measured_from_where_it_began_whenever_it_is_adopted() {
    let alerts = |text: &str| {
        let mut story = Story::new(text);
        for n in [1, 4] {
            let alert = format!(r#"{{"alert":"a{n}"}}"#);
            story.add(n, "alert.created", &alert).add(n + 1, "alert.raised", &alert);
        }
        story
    };
    // Found by a new version: the first has lasted, the second has yet to.
    let mut story = alerts(OPEN);
    story.adopt(13, Policy::Sequential, &seen()).restart();
    assert_eq!(story.said(), "seen@2~a1 activated 13\nseen@2~a1 gap Intent 13");
    story.pass(at(20));
    assert_eq!(story.said(), "seen@4~a4 activated 15\nseen@4~a4 gap Temporal 15");
    // Kept: the same, but nothing happens by the adoption.
    let mut story = alerts(&seen());
    story.pass(at(13)).said();
    let more = format!("{} when alert.seen {{ could: wave(alert) }}", seen());
    story.adopt(13, Policy::Sequential, &more).restart();
    assert_eq!(story.said(), "");
    story.pass(at(20));
    assert_eq!(story.said(), "seen@4~a4 activated 15\nseen@4~a4 gap Temporal 15");
    story.add(21, "alert.seen", r#"{"alert":"a1"}"#);
    assert_eq!(of(&mut story, "seen"), "seen@2~a1 InTime by 6\nseen@2~a1 closed Fulfilled");
}

#[test]
fn a_violation_that_lasts_over_an_adoption_is_void_with_its_instance() {
    let mut story = story(&explained(), 1);
    story.said();
    story.adopt(10, Policy::Sequential, &edited(&explained())).restart();
    let erased = event(3, 11, "deal.erased", r#"{"deal":"d1"}"#);
    story.see(of_kind(erased, Kind::Tombstone));
    assert_eq!(of(&mut story, "explained"), "explained@1~d1 void\nexplained@1~d1 closed Void");
}

#[test]
fn a_change_of_what_is_immutable_stays_let_go_or_owed() {
    let fixed = BARE.replace("has: why, size", "has: why, size  immutable: true");
    let mut story = story(&fixed, 2);
    for n in [1, 2] {
        for (second, why) in [(3, "big"), (4, "small")] {
            let change = format!(r#"{{"deal":"d{n}","why":"{why}"}}"#);
            story.add(second, "deal.changed", &change);
        }
    }
    story.said();
    waive(&mut story, 5, "deal_immutable@4~d1");
    story.adopt(10, Policy::Sequential, &edited(&fixed)).restart();
    assert_eq!(of(&mut story, "deal_immutable"), "", "the first is let be, the second as before");
    story.add(11, "deal.changed", r#"{"deal":"d1","why":"odd"}"#);
    let said = of(&mut story, "deal_immutable");
    assert!(said.starts_with("deal_immutable@9~d1 activated 11"), "{said}");
    waive(&mut story, 12, "deal_immutable@6~d2");
}

#[test]
fn what_lay_in_no_future_that_anybody_knew_does_not_lie_there_by_an_edit() {
    let fixed = BARE.replace("has: why, size", "has: why, size  rule: timestamp_never_in_future");
    // Seed 21498, shuffled: the event came before time was known, and is looked at again when it is.
    let mut story = Story::new(&fixed);
    let mut early = event(1, 1, "deal.created", r#"{"deal":"d1"}"#);
    early.event.time = at(20);
    story.evaluator.on_event(&early, &mut |_| {});
    story.log.push(early);
    story.adopt(10, Policy::Sequential, &edited(&fixed)).restart();
    assert_eq!(story.said(), "", "the old version found nothing");
    let mut late = event(3, 11, "deal.changed", r#"{"deal":"d1"}"#);
    late.event.time = at(15);
    story.see(late);
    let slug = "timestamp_never_in_future";
    assert_eq!(
        of(&mut story, slug),
        format!("{slug}@3~d1 activated 11\n{slug}@3~d1 gap Consistency 11")
    );
    story.pass(at(16));
    assert_eq!(
        of(&mut story, slug),
        format!("{slug}@3~d1 InTime by 3\n{slug}@3~d1 closed Fulfilled")
    );
}

#[test]
fn what_a_checker_reported_before_counts_for_a_new_assertion_and_for_a_kept_one() {
    let shown = with("always { assert shown: every(deal) is reachable_through_projection }");
    let report = |story: &mut Story, second, holds: bool| {
        let json = format!(
            r#"{{"check":"reachable_through_projection","instance":"deal/d1","holds":{holds},"detail":"x"}}"#
        );
        story.control(second, "check.reported", &json);
    };
    let mut story = story(BARE, 1);
    // A report counts only of what some version asks about, and of what is alive under that.
    report(&mut story, 2, false);
    story.said();
    story.adopt(10, Policy::Sequential, &shown).restart();
    assert_eq!(story.said(), "shown@2~d1 activated 10\nshown@2~d1 gap Intent 10");
    story.adopt(20, Policy::Sequential, &edited(&shown)).restart();
    assert_eq!(story.said(), "");
    report(&mut story, 21, true);
    assert_eq!(story.said(), "shown@2~d1 InTime by 5\nshown@2~d1 closed Fulfilled");
}

const BOUND: &str = "
entity order
event http.served
metric response_time from http.served { duration }
metric cost from http.served { cost }
action ship(order) { satisfied_by: order.shipped }
when order.created { could: ship(order) }";

#[test]
fn a_bound_of_a_metric_and_a_budget_stand_as_they_stood() {
    let bounded = format!(
        "{BOUND}
         invariant response_time < 500ms
         optimise cost within budget($200/month)"
    );
    let mut story = Story::new(&bounded);
    story.add(1, "http.served", r#"{"duration":0.9}"#);
    story.add(2, "http.served", r#"{"cost":300}"#);
    let said = story.said();
    assert_eq!(said.matches("gap Quality").count(), 2, "{said}");
    let more = format!("{bounded} when order.shipped {{ could: wave(order) }}");
    story.adopt(10, Policy::Sequential, &more).restart();
    assert_eq!(story.said(), "");
    story.add(11, "http.served", r#"{"cost":1}"#);
    story.add(12, "http.served", r#"{"duration":0.1}"#);
    assert_eq!(story.said(), "response_time@1 InTime by 5\nresponse_time@1 closed Fulfilled");
    story.adopt(20, Policy::Sequential, BOUND).restart();
    let said = story.said();
    assert!(said.ends_with("closed Withdrawn"), "{said}");
    story.adopt(30, Policy::Sequential, &bounded).restart();
    let said = story.said();
    assert!(said.contains("@2 activated 30") && said.contains("gap Intent 30"), "{said}");
    assert!(!said.contains("response_time"), "that is kept: {said}");
}

/// A spec whose one invariant is judged as `binding` says.
fn judged(binding: &str) -> String {
    format!(
        "entity order
         action ship(order) {{ satisfied_by: order.shipped }}
         when order.created {{ could: ship(order) }}
         invariant customer_data_never_lost{binding}"
    )
}

fn report(story: &mut Story, second: i64, check: &str, holds: &str) {
    let json = format!(r#"{{"check":"{check}","holds":{holds},"detail":"","by":null}}"#);
    story.control(second, "check.reported", &json);
}

#[test]
fn what_a_person_let_go_of_a_proposition_stays_let_go_under_the_next_version() {
    let mut story = Story::new(&judged(""));
    report(&mut story, 1, "event_log_intact", "false");
    story.said();
    waive(&mut story, 2, "customer_data_never_lost@1");
    story.adopt(10, Policy::Sequential, &format!("{} event b", judged(""))).restart();
    report(&mut story, 11, "event_log_intact", "false");
    assert_eq!(story.said(), "");
    report(&mut story, 12, "event_log_intact", "true");
    report(&mut story, 13, "event_log_intact", "false");
    assert!(story.said().contains("customer_data_never_lost@6 gap Consistency"), "a new episode");
}

#[test]
fn a_proposition_that_somebody_else_judges_now_is_as_that_one_said_last() {
    let (own, asked) = (judged(""), judged(r#" { check: "./compare" }"#));
    // Violated as the engine found; the command had said that it holds.
    let mut story = Story::new(&own);
    report(&mut story, 1, "customer_data_never_lost", "true");
    report(&mut story, 2, "event_log_intact", "false");
    story.said();
    story.adopt(10, Policy::Sequential, &asked).restart();
    let gap = "customer_data_never_lost@2";
    assert_eq!(story.said(), format!("{gap} InTime by 3\n{gap} closed Fulfilled"));
    // And back: the engine's word is still that it does not.
    story.adopt(20, Policy::Sequential, &own).restart();
    let gap = "customer_data_never_lost@4";
    assert_eq!(story.said(), format!("{gap} activated 20\n{gap} gap Consistency 20"));
    // Nobody has been asked yet whether it holds for a person: what was found stands.
    let mut story = Story::new(&own);
    report(&mut story, 1, "event_log_intact", "false");
    story.said();
    story.adopt(10, Policy::Sequential, &asked).restart();
    assert_eq!(story.said(), "");
    report(&mut story, 11, "event_log_intact", "true");
    assert_eq!(story.said(), "", "nobody asks for that any more");
    report(&mut story, 12, "customer_data_never_lost", "true");
    assert!(story.said().contains("closed Fulfilled"));
}
