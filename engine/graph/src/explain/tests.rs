//! The seed's own example, event by event, and how it is printed.

use std::sync::Arc;

use homeostat_world::{Position, Timestamp};

use super::{Explainer, TimeLine};
use crate::draw;
use crate::fixtures::{at, caused, event, program};

const PLATFORM: &str = r#"
system "customer_platform" {
  entity customer { has: interactions[], primary_account_manager, has_account_manager }
  entity interaction { belongs_to: customer }
  event engagement.updated
  measure engagement(customer) from engagement.updated { trend }
  threshold churn_warning: 45 falling
  threshold churn_critical: 20 falling
  action update_engagement_score(customer) { satisfied_by: engagement.updated }
  action acknowledge_to_rep(interaction) { satisfied_by: interaction.acknowledged }

  when interaction.created {
    must: update_engagement_score(interaction.customer)
      within: 5s
    must: acknowledge_to_rep(interaction)
      within: 5s
    if engagement(interaction.customer).trend crosses threshold.churn_warning {
      must: alert_rep(
        customer: interaction.customer,
        reason: churn_risk_rising,
        actionable: true
      )
        within: 1m
      must: log_alert_event
    }
    if engagement(interaction.customer).trend crosses threshold.churn_critical
       AND interaction.customer.has_account_manager {
      must: notify_account_manager(manager: interaction.customer.primary_account_manager)
        within: 5m
      must: await_manager_acknowledgment
        within: 24h
        fallback: escalate_to_sales_director
    }
  }
}
"#;

/// Compares with a golden file in `snapshots/graph`.
fn golden(name: &str, text: &str) {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("../../../../snapshots/graph");
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!(name, text));
}

fn explained(
    events: &[homeostat_log::Event],
    trigger: u64,
    now: Option<Timestamp>,
) -> super::Consequences {
    let program = program(PLATFORM);
    let mut explainer = Explainer::new(program, Position::new(trigger), TimeLine::EventTime);
    events.iter().for_each(|event| explainer.see(event));
    match explainer.finish(now) {
        Some(consequences) => consequences,
        None => unreachable!("the trigger is among the events"),
    }
}

fn story() -> Vec<homeostat_log::Event> {
    vec![
        event(4019, 0, "engagement.updated", r#"{"customer":"c1","trend":61}"#),
        event(
            4020,
            10,
            "interaction.created",
            r#"{"interaction":"i1","customer":"c1","type":"call","sentiment":"negative"}"#,
        ),
        event(4021, 12, "engagement.updated", r#"{"customer":"c1","trend":42}"#),
        event(4022, 20, "alert_rep", r#"{"customer":"c1"}"#),
        event(4023, 21, "log_alert_event", "{}"),
        event(4024, 22, "interaction.acknowledged", r#"{"interaction":"i2"}"#),
    ]
}

#[test]
fn the_seeds_example_prints_as_the_seed_prints_it() {
    golden("explain-seed", &explained(&story(), 4020, None).to_string());
}

#[test]
fn the_same_graph_as_json() {
    let consequences = explained(&story(), 4020, None);
    let json = serde_json::to_string_pretty(&consequences).unwrap_or_default();
    golden("explain-seed-json", &json);
}

#[test]
fn a_critical_customer_with_a_manager_who_does_not_answer_in_time() {
    let mut events = story();
    events.insert(
        0,
        event(
            4018,
            0,
            "customer.updated",
            r#"{"customer":"c1","has_account_manager":true,"primary_account_manager":"m7"}"#,
        ),
    );
    if let Some(update) = events.iter_mut().find(|event| event.position.get() == 4021) {
        *update = event(4021, 19, "engagement.updated", r#"{"customer":"c1","trend":17.5}"#);
        update.event.time = at(19);
    }
    let answer = event(4025, 23, "interaction.acknowledged", r#"{"interaction":"i1"}"#);
    events.push(caused(answer, "acknowledge_to_rep@4020"));
    let a_day_later = at(19 + 86_401);
    golden("explain-critical", &explained(&events, 4020, Some(a_day_later)).to_string());
}

#[test]
fn before_the_score_is_known_the_conditions_wait() {
    let events: Vec<_> = story().into_iter().filter(|event| event.position.get() == 4020).collect();
    golden("explain-undecided", &explained(&events, 4020, None).to_string());
}

#[test]
fn an_event_that_triggers_nothing_says_so() {
    let text = explained(&story(), 4023, None).to_string();
    assert_eq!(text, "Event: log_alert_event\n\nNo consequences expected.\n");
}

#[test]
fn a_place_that_the_log_does_not_have_is_no_event() {
    let explainer = Explainer::new(program(PLATFORM), Position::new(9), TimeLine::Recorded);
    assert!(explainer.finish(None).is_none());
}

#[test]
fn the_spec_draws_as_text_as_mermaid_and_as_dot() {
    let program = Arc::clone(&program(PLATFORM));
    golden("draw-text", &draw::text(&program));
    golden("draw-mermaid", &draw::mermaid(&program));
    golden("draw-dot", &draw::dot(&program));
}

const ROUNDS: &str = r#"
time_zone: "Europe/London"
entity rep { has: preferred_time }
entity customer { belongs_to: rep  has: tier }
measure mood(customer) from mood.taken { level }
action plan(rep) { satisfied_by: day.planned }
action ask(rep, customer) { satisfied_by: mood.taken  by: system }
action cheer(customer) { satisfied_by: customer.cheered }
every day at rep.preferred_time {
  must: plan(rep) within: 1h
  for each customer with tier = "gold" {
    must: ask(rep, customer) within: 8h
    if mood(customer).level < 3 { should: cheer(customer) within: 2h }
  }
}
"#;

/// A morning of two reps and two customers, in seconds since the start of 1970-01-05.
fn morning() -> Vec<homeostat_log::Event> {
    let start = 4 * 86_400;
    vec![
        event(1, start, "rep.moved", r#"{"rep":"r1","preferred_time":"09:00"}"#),
        event(2, start, "rep.moved", r#"{"rep":"r 2","preferred_time":"09:00"}"#),
        event(3, start, "customer.moved", r#"{"customer":"c1","tier":"gold"}"#),
        event(4, start, "customer.moved", r#"{"customer":"c2","tier":"gold"}"#),
        event(5, start, "customer.moved", r#"{"customer":"c3","tier":"tin"}"#),
        event(6, start + 34_000, "day.planned", r#"{"rep":"r9"}"#),
        event(7, start + 36_000, "mood.taken", r#"{"customer":"c1","rep":"r1","level":2}"#),
        event(8, start + 36_001, "day.planned", r#"{"rep":"r 2"}"#),
    ]
}

fn named(gap: &str) -> Option<super::Consequences> {
    let program = program(ROUNDS);
    let name = program.parse_name(gap)?;
    let mut explainer = Explainer::of(program, &name, TimeLine::Recorded);
    morning().iter().for_each(|event| explainer.see(event));
    explainer.finish(Some(at(4 * 86_400 + 40_000)))
}

#[test]
fn a_tick_is_explained_with_everyone_that_it_went_through() {
    let tick = named("plan@1970-01-05T08:00:00Z~r1").map(|it| it.to_string());
    golden("explain-tick", &tick.unwrap_or_default());
    let inside = named("cheer@1970-01-05T08:00:00Z~r1~c1").map(|it| it.to_string());
    golden("explain-tick", &inside.unwrap_or_default());
    let other = named("plan@1970-01-05T08:00:00Z~r%202");
    assert!(other.is_some_and(|other| other.instance.as_deref() == Some("r 2")
        && other.gaps.iter().all(|gap| !gap.id.contains("r1"))));
}

#[test]
fn a_tick_that_never_was_has_no_consequences() {
    assert_eq!(named("plan@1970-01-05T08:00:01Z~r1"), None);
    assert_eq!(named("plan@1970-01-05T08:00:00Z~r3"), None);
    assert_eq!(named("plan@7~r1"), None);
}

#[test]
fn an_event_is_explained_with_everyone_that_it_went_through() {
    let text = r#"
        entity customer { has: tier }
        event sale.opened
        action offer(customer) { satisfied_by: offer.made }
        when sale.opened {
          for each customer with tier = "gold" { must: offer(customer) within: 1h }
          for each customer with tier = "tin" { must: offer(customer) within: 2h }
        }"#;
    let program = program(text);
    let events = [
        event(1, 0, "customer.moved", r#"{"customer":"c2","tier":"gold"}"#),
        event(2, 0, "customer.moved", r#"{"customer":"c1","tier":"gold"}"#),
        event(3, 0, "sale.opened", r#"{"sale":"s1"}"#),
        event(4, 9, "offer.made", r#"{"customer":"c2"}"#),
    ];
    let name = program.parse_name("offer@3~c2");
    assert!(name.is_some());
    let Some(name) = name else { return };
    let mut explainer = Explainer::of(program, &name, TimeLine::Recorded);
    events.iter().for_each(|event| explainer.see(event));
    let found = explainer.finish(None).map(|it| it.to_string()).unwrap_or_default();
    golden("explain-each", &found);
}

#[test]
fn blocks_without_trigger_events_are_drawn_by_their_headings() {
    let program = Arc::clone(&program(ROUNDS));
    golden("draw-rounds-text", &draw::text(&program));
    golden("draw-rounds-mermaid", &draw::mermaid(&program));
    golden("draw-rounds-dot", &draw::dot(&program));
}
