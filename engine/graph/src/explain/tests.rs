//! The seed's own example, event by event, and how it is printed.

use std::sync::Arc;

use homeostat_world::{Position, Timestamp};

use super::{Explainer, TimeLine};
use crate::draw;
use crate::fixtures::{about, at, caused, event, of_kind, program};
use homeostat_log::{Event, Kind};

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

const ALWAYS: &str = r#"
time_zone: "UTC"
entity customer { has: email, phone  immutable: false }
entity visit { belongs_to: customer  has: mood }
entity alert { state unacknowledged: from created until acknowledged }
event customer.created
event customer.changed
event visit.made
event http.served
metric response_time from http.served { duration }
action follow_up(visit) { satisfied_by: visit.followed_up }
action shred_backups(customer) { satisfied_by: backups.shredded }
always {
  assert: every(customer) has email AND phone
  assert late: no(alert) is unacknowledged for > 4h
}
invariant response_time < 500ms
invariant backups_restore { check: "./restore" }
when visit.made {
  must: follow_up(visit) using inferred within: 1d
  if visit.mood = sour { should: call(visit.customer) using inferred }
  if visit.customer.email exists { could: praise(visit) }
}
when customer.erased { must: shred_backups(customer) }
"#;

/// What an explainer says that has seen these events and is asked about an event or a gap.
fn told(text: &str, events: &[Event], asked: &str, now: i64) -> String {
    let program = program(text);
    let mut explainer = match asked.parse() {
        Ok(position) => Explainer::new(program, Position::new(position), TimeLine::Recorded),
        Err(_) => {
            let name = program.parse_name(asked);
            let Some(name) = name else { unreachable!("`{asked}` names a clause") };
            Explainer::of(program, &name, TimeLine::Recorded)
        }
    };
    events.iter().for_each(|event| explainer.see(event));
    explainer.finish(Some(at(now))).map_or_else(|| "nothing".to_owned(), |it| it.to_string())
}

fn troubled() -> Vec<Event> {
    vec![
        event(1, 0, "customer.created", r#"{"customer":"c1","email":"a@b"}"#),
        event(2, 1, "customer.changed", r#"{"customer":"c2","phone":"1"}"#),
        event(3, 2, "customer.changed", r#"{"customer":"c1","email":"c@d"}"#),
        event(4, 3, "alert.created", r#"{"alert":"a1"}"#),
        event(5, 4, "http.served", r#"{"duration":0.75}"#),
        event(6, 5, "http.served", r#"{"duration":0.6}"#),
        of_kind(
            event(
                7,
                6,
                "check.reported",
                r#"{"check":"backups_restore","instance":null,"holds":false,"detail":"exit status 1"}"#,
            ),
            Kind::Control,
        ),
        event(8, 20_000, "customer.changed", r#"{"customer":"c1","phone":"2"}"#),
    ]
}

#[test]
fn a_violation_is_explained_by_its_values_the_event_that_broke_it_and_what_mends_it() {
    let all = troubled();
    let before: Vec<Event> = all.iter().take(7).cloned().collect();
    let mut text = String::new();
    for (events, asked) in [
        (&before, "every_customer_has_email_and_phone@1~c1"),
        (&all, "every_customer_has_email_and_phone@1~c1"),
        (&all, "late@4~a1"),
        (&all, "response_time@5"),
        (&all, "backups_restore@7"),
    ] {
        text.push_str(&format!("== {asked}, {} events\n", events.len()));
        text.push_str(&told(ALWAYS, events, asked, 20_001));
    }
    golden("explain-breach", &text);
}

#[test]
fn an_event_says_what_it_broke() {
    let text = told(ALWAYS, &troubled(), "1", 9) + &told(ALWAYS, &troubled(), "5", 9);
    golden("explain-breaking-event", &text);
}

#[test]
fn a_violation_that_never_was_has_no_consequences() {
    for none in ["every_customer_has_email_and_phone@3~c1", "response_time@6", "late@4"] {
        assert_eq!(told(ALWAYS, &troubled(), none, 20_001), "nothing", "{none}");
    }
}

#[test]
fn another_event_is_explained_though_a_bound_is_broken_beside_it() {
    let events = vec![
        event(1, 0, "http.served", r#"{"duration":0.75}"#),
        event(2, 1, "visit.made", r#"{"visit":"v1"}"#),
    ];
    assert!(told(ALWAYS, &events, "2", 9).contains("MUST follow_up(v1)"));
}

/// An event that says more about the first of them.
fn enrichment(event: Event) -> Event {
    let mut event = of_kind(event, Kind::Enrichment);
    let confidence = homeostat_log::Confidence::new(0.8);
    event.event.enriches = confidence.map(|confidence| {
        let name = homeostat_log::EventName { source: "crm".to_owned(), id: "e1".to_owned() };
        Box::new(homeostat_log::Link {
            position: Some(Position::new(1)),
            name: Some(name),
            confidence,
        })
    });
    event
}

#[test]
fn an_enrichment_says_how_sure_it_is_and_what_used_it() {
    let events = vec![
        event(1, 0, "visit.made", r#"{"visit":"v0","customer":"c1"}"#),
        about(enrichment(event(2, 1, "visit.read", r#"{"visit":"v1","mood":"sour"}"#)), "visit/v1"),
        about(
            enrichment(event(3, 2, "customer.read", r#"{"customer":"c1","phone":"1"}"#)),
            "customer/c1",
        ),
        about(event(4, 3, "visit.made", r#"{"customer":"c1"}"#), "visit/v1"),
        about(enrichment(event(5, 4, "visit.followed_up", r#"{"visit":"v1"}"#)), "visit/v1"),
        about(enrichment(event(6, 5, "visit.read", r#"{"visit":"v1","mood":"good"}"#)), "visit/v1"),
        about(event(7, 6, "visit.made", r#"{"customer":"c1"}"#), "visit/v1"),
    ];
    let mut text = String::new();
    for asked in ["2", "3", "5", "6"] {
        text.push_str(&format!("== {asked}\n{}", told(ALWAYS, &events, asked, 9)));
    }
    golden("explain-enrichment", &text);
}

#[test]
fn a_tombstone_says_whom_it_erased_and_what_it_voided() {
    let mut events = vec![
        event(1, 0, "customer.created", r#"{"customer":"c1"}"#),
        event(2, 1, "visit.made", r#"{"visit":"v1","customer":"c1"}"#),
        about(enrichment(event(3, 2, "visit.read", r#"{"visit":"v2","mood":"sour"}"#)), "visit/v2"),
        event(4, 3, "visit.made", r#"{"visit":"v2","customer":"c1"}"#),
        of_kind(event(5, 4, "customer.erased", r#"{"customer":"c1"}"#), Kind::Tombstone),
    ];
    let text = told(ALWAYS, &events, "5", 9);
    events.push(of_kind(event(6, 7, "planet.erased", r#"{"planet":"p1"}"#), Kind::Tombstone));
    golden("explain-tombstone", &(text + &told(ALWAYS, &events, "6", 9)));
}

#[test]
fn the_inner_of_nested_rounds_is_explained_with_those_around_it() {
    let text = r#"
        time_zone: "UTC"
        entity region { has: name }
        entity rep { belongs_to: region  has: tier }
        entity customer { belongs_to: rep }
        event region.closed
        action move(customer) { satisfied_by: customer.moved }
        when region.closed {
          for each rep with rep.region = region {
            for each customer with customer.rep = rep {
              must: move(customer) within: 1h
              if rep.tier = gold { should: greet(customer) }
            }
          }
        }"#;
    let events = [
        event(1, 0, "rep.hired", r#"{"rep":"r1","region":"n","tier":"gold"}"#),
        event(2, 0, "rep.hired", r#"{"rep":"r2","region":"n","tier":"tin"}"#),
        event(3, 0, "customer.met", r#"{"customer":"c1","rep":"r1"}"#),
        event(4, 0, "customer.met", r#"{"customer":"c2","rep":"r1"}"#),
        event(5, 0, "region.closed", r#"{"region":"n"}"#),
        event(6, 9, "customer.moved", r#"{"customer":"c2"}"#),
    ];
    golden("explain-nested", &told(text, &events, "move@5~r1~c1", 10));
    assert_eq!(told(text, &events, "greet@5~r1~c2", 10), told(text, &events, "5", 10));
}
