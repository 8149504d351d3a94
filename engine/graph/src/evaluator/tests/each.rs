//! `for each`: the body once for every instance that is alive when it is reached.

use homeostat_intent::lowered::Spec;
use homeostat_log::Event;

use crate::fixtures::{Told, caused, compiled, event, spec};
use crate::{Began, Evaluator, ObligationState};

/// Says what a log comes to, and that a restart before any event changes nothing.
fn told(spec: &Spec, events: &[Event]) -> String {
    let mut straight = Told::of(spec);
    let mut restarted = Told::of(spec);
    for event in events {
        let bytes = restarted.evaluator.checkpoint();
        let again = Evaluator::restore(compiled(spec), &bytes);
        assert!(again.is_ok(), "{again:?}");
        if let Ok(again) = again {
            restarted.evaluator = again;
        }
        assert_eq!(restarted.evaluator.checkpoint(), bytes);
        straight.see(event);
        restarted.see(event);
        assert_eq!(restarted.lines, straight.lines);
    }
    assert_eq!(restarted.evaluator.state_hash(), straight.evaluator.state_hash());
    straight.said()
}

const OFFER: &str = "
entity customer { has: tier }
entity sale { has: season }
action offer(customer, season) { satisfied_by: offer.made  by: system }
action close(sale) { satisfied_by: sale.closed  by: system }
when sale.opened {
  must: close(sale) within: 9s
  for each customer with tier = \"gold\" { must: offer(customer, sale.season) within: 5s }
}";

fn customer(position: u64, id: &str, tier: &str) -> Event {
    let data = format!(r#"{{"customer":"{id}","tier":"{tier}"}}"#);
    event(position, 0, "customer.moved", &data)
}

#[test]
fn the_body_is_owed_for_each_instance_that_passes_in_the_order_of_their_names() {
    let spec = spec(OFFER);
    let events = [
        customer(1, "c2", "gold"),
        customer(2, "c10", "gold"),
        customer(3, "c1", "tin"),
        customer(4, "c 3", "gold"),
        event(5, 1, "sale.opened", r#"{"sale":"s1","season":"spring"}"#),
        // Who comes later, or passes later, is not among them.
        customer(6, "c1", "gold"),
        customer(7, "c4", "gold"),
        event(8, 2, "offer.made", r#"{"customer":"c10"}"#),
        caused(event(9, 2, "offer.made", "{}"), "offer@5~c%203"),
        event(10, 20, "sale.closed", r#"{"sale":"s1"}"#),
    ];
    assert_eq!(
        told(&spec, &events),
        "close@5 activated 1 due 10\n\
         offer@5~c%203 activated 1 due 6\n\
         offer@5~c10 activated 1 due 6\n\
         offer@5~c2 activated 1 due 6\n\
         offer@5~c10 InTime by 8\n\
         offer@5~c%203 InTime by 9\n\
         offer@5~c2 missed\n\
         offer@5~c2 gap Temporal 6\n\
         close@5 missed\n\
         close@5 gap Temporal 10\n\
         close@5 Late by 10\n\
         close@5 closed Late"
    );
}

#[test]
fn what_is_owed_to_an_instance_is_found_by_its_name_and_says_where_it_began() {
    let spec = spec(OFFER);
    let mut told = Told::of(&spec);
    told.see(&customer(1, "c 2", "gold"));
    told.see(&event(2, 1, "sale.opened", r#"{"sale":"s1","season":"spring"}"#));
    let evaluator = &told.evaluator;
    let id = evaluator.parse_id("offer@2~c%202");
    assert_eq!(id.map(|id| evaluator.show(id)).as_deref(), Some("offer@2~c%202"));
    let origin = id.and_then(|id| evaluator.origin(id));
    let bound = vec![("customer".to_owned(), "c 2".to_owned())];
    let began = id.and_then(|id| evaluator.program().parse_name(&evaluator.show(id)));
    assert_eq!(origin, began.map(|name| (name.began, bound)));
    assert!(matches!(origin, Some((Began::Event(at), _)) if at.get() == 2));
    let view = id.and_then(|id| evaluator.obligation(id));
    let view = view.map(|view| (view.name, view.state, view.bindings));
    let season =
        vec![("customer".to_owned(), "c 2".into()), ("season".to_owned(), "spring".into())];
    assert_eq!(view, Some(("offer@2~c%202".to_owned(), ObligationState::Active, season)));
    for wrong in ["offer@2", "offer@2~c2", "offer@3~c%202", "close@2~c%202", "offer@2~c%202~x"] {
        let found = evaluator.parse_id(wrong).and_then(|id| evaluator.obligation(id));
        assert_eq!(found, None, "{wrong}");
    }
}

const SCORED: &str = "
entity customer { has: tier }
entity sale { has: season }
measure trend(customer) from trend.updated { value }
action score(customer) { satisfied_by: trend.updated  by: system }
action call(customer) { satisfied_by: customer.called  by: system }
when sale.opened {
  for each customer with tier = \"gold\" {
    must: score(customer) within: 5s
    if trend(customer).value < 50 { must: call(customer) within: 9s }
  }
}";

#[test]
fn a_guard_inside_waits_for_the_duty_of_its_own_instance() {
    let spec = spec(SCORED);
    let events = [
        customer(1, "c1", "gold"),
        customer(2, "c2", "gold"),
        event(3, 1, "sale.opened", r#"{"sale":"s1"}"#),
        event(4, 2, "trend.updated", r#"{"customer":"c2","value":40}"#),
        event(5, 3, "trend.updated", r#"{"customer":"c1","value":60}"#),
    ];
    let heard = told(&spec, &events);
    let guards: Vec<&str> = heard.lines().skip(2).collect();
    let first = 1_u64 << 63;
    let second = first + 1;
    assert_eq!(
        guards,
        [
            "score@3~c2 InTime by 4".to_owned(),
            format!("guard `trend(customer).value < 50` of {second}: True at 4"),
            "call@3~c2 activated 2 due 11".to_owned(),
            "score@3~c1 InTime by 5".to_owned(),
            format!("guard `trend(customer).value < 50` of {first}: False at 5"),
        ]
    );
}

#[test]
fn a_guard_inside_may_wait_for_a_duty_of_the_block_around() {
    let spec = spec(
        "
        entity customer { has: tier }
        entity visit { belongs_to: customer }
        measure trend(customer) from trend.updated { value }
        action score(customer) { satisfied_by: trend.updated  by: system }
        action call(customer) { satisfied_by: customer.called  by: system }
        when visit.made {
          must: score(visit.customer) within: 5s
          for each customer with tier = \"gold\" {
            if trend(customer).value < 50 { must: call(customer) within: 9s }
          }
        }",
    );
    let events = [
        customer(1, "c1", "gold"),
        customer(2, "c2", "gold"),
        event(3, 1, "visit.made", r#"{"visit":"v1","customer":"c1"}"#),
        event(4, 2, "trend.updated", r#"{"customer":"c2","value":40}"#),
        event(5, 3, "trend.updated", r#"{"customer":"c1","value":60}"#),
    ];
    let heard = told(&spec, &events);
    let calls: Vec<&str> = heard.lines().filter(|line| line.starts_with("call")).collect();
    assert_eq!(calls, ["call@3~c2 activated 3 due 12"], "{heard}");
    assert_eq!(heard.lines().filter(|line| line.contains("at 5")).count(), 2, "{heard}");
}

#[test]
fn nothing_of_an_instance_is_kept_once_nothing_is_owed_for_it() {
    let spec = spec(OFFER);
    let mut told = Told::of(&spec);
    told.see(&customer(1, "c1", "gold"));
    for round in 0..1_000_u64 {
        let second = i64::try_from(round).unwrap_or(0);
        let opened = event(2 + 3 * round, second, "sale.opened", r#"{"sale":"s1"}"#);
        let made = event(3 + 3 * round, second, "offer.made", r#"{"customer":"c1"}"#);
        let closed = event(4 + 3 * round, second, "sale.closed", r#"{"sale":"s1"}"#);
        told.see(&opened).see(&made).see(&closed);
    }
    told.pass(crate::fixtures::at(2_000));
    assert_eq!(told.evaluator.open_count(), 0);
    assert_eq!(told.evaluator.state.occasions.count(), 0);
}
