//! Which instances are alive, since when, and in which order they are gone through.

use homeostat_intent::lowered::{
    Assertion, Check, ClauseId, Condition, Expr, Item, Literal, Origin, Spec, Strength,
};
use homeostat_intent::source::Span;
use homeostat_log::{Event, Kind};

use crate::Evaluator;
use crate::fixtures::{Told, about, compiled, event, of_kind, spec};
use crate::instances::name;

/// A spec that quantifies over `entity`.
fn over(text: &str, entity: &str) -> Spec {
    let mut spec = spec(text);
    let value = Expr::Literal(Literal::Truth(true));
    spec.assertions.push(Assertion {
        id: ClauseId(1),
        slug: "kept".to_owned(),
        text: "kept".to_owned(),
        over: Some(entity.to_owned()),
        filter: None,
        check: Check::Holds(Condition::Holds { value, text: "true".to_owned() }),
        origin: Origin::Always,
        span: Span::default(),
    });
    spec
}

/// The living instances of the only tracked entity, by name.
fn alive(evaluator: &mut Evaluator) -> String {
    let state = &mut evaluator.state;
    let order = state.instances.in_order(0, &state.symbols).to_vec();
    let with_since = order.into_iter().map(|instance| {
        let since = state.instances.since(0, instance).unwrap_or(0);
        format!("{}@{since}", name(instance, &state.symbols))
    });
    with_since.collect::<Vec<_>>().join(" ")
}

fn after(spec: &Spec, events: &[Event]) -> String {
    let mut told = Told::of(spec);
    for event in events {
        told.see(event);
    }
    alive(&mut told.evaluator)
}

const CUSTOMER: &str = "entity customer { has: tier }
    event customer.moved  event deal.won
    action look(customer) { satisfied_by: customer.looked_at }
    when deal.won { could: look(customer) }";

#[test]
fn an_instance_lives_from_its_first_mention_when_nothing_creates_it() {
    let spec = over(CUSTOMER, "customer");
    let events = [
        event(1, 0, "deal.won", r#"{"customer":"c2"}"#),
        event(2, 1, "customer.moved", r#"{"customer":"c10"}"#),
        about(event(3, 2, "who.knows", "{}"), "customer/c1"),
        event(4, 3, "who.knows", r#"{"customer":"c3"}"#),
        event(5, 4, "customer.greeted", r#"{"customer":17}"#),
        event(6, 5, "deal.won", r#"{"customer":"c2"}"#),
        about(event(7, 6, "customer.greeted", "{}"), "customer/17"),
        event(8, 7, "deal.won", r#"{"customer":true}"#),
        of_kind(event(9, 8, "deal.won", r#"{"customer":"c9"}"#), Kind::Enrichment),
    ];
    assert_eq!(after(&spec, &events), "17@5 c1@3 c10@2 c2@1");
}

#[test]
fn an_instance_lives_from_what_creates_it_when_the_spec_knows_that() {
    let spec = over(&format!("{CUSTOMER} event customer.created as signed_up"), "customer");
    let events = [
        event(1, 0, "deal.won", r#"{"customer":"c1"}"#),
        event(2, 1, "customer.moved", r#"{"customer":"c1"}"#),
        event(3, 2, "signed_up", r#"{"customer":"c1"}"#),
        about(event(4, 3, "customer.created", "{}"), "customer/c2"),
    ];
    assert_eq!(after(&spec, &events), "c1@3 c2@4");
}

#[test]
fn instances_stay_in_order_however_often_one_looks() {
    let spec = over(CUSTOMER, "customer");
    let mut told = Told::of(&spec);
    for (position, id) in (1..).zip(["m", "a", "z"]) {
        told.see(&event(position, 0, "deal.won", &format!(r#"{{"customer":"{id}"}}"#)));
    }
    assert_eq!(alive(&mut told.evaluator), "a@2 m@1 z@3");
    told.see(&event(4, 0, "deal.won", r#"{"customer":"b"}"#));
    assert_eq!(alive(&mut told.evaluator), "a@2 b@4 m@1 z@3");
    let bytes = told.evaluator.checkpoint();
    let restored = Evaluator::restore(compiled(&spec), &bytes);
    let again = restored.map(|mut evaluator| (alive(&mut evaluator), evaluator.checkpoint()));
    assert!(matches!(again, Ok(ref found) if *found == ("a@2 b@4 m@1 z@3".to_owned(), bytes)));
}

#[test]
fn nothing_is_remembered_of_what_nothing_quantifies_over() {
    let mut told = Told::new(CUSTOMER);
    told.see(&event(1, 0, "deal.won", r#"{"customer":"c2"}"#));
    assert_eq!(told.evaluator.footprint().instances, 0);
}

/// A guard over how many visits a customer has.
fn visits(more: &str) -> Spec {
    let text = format!(
        "entity customer {{ has: tier }}
         entity visit {{ belongs_to: customer }}
         event visit.moved  event customer.asked
         action call(customer) {{ satisfied_by: customer.called  by: system }}
         when customer.asked {{ if customer.tier > 1 {{ should: call(customer) }} }}
         when visit.moved {{ if visit.customer.tier > 1 {{ should: call(visit.customer) }} }} {more}"
    );
    let mut spec = spec(&text);
    for block in &mut spec.blocks {
        let Some(Item::Guard(guard)) = block.body.first_mut() else { continue };
        let Condition::Compare { left, .. } = &mut guard.condition else { continue };
        let Expr::Path(path) = &*left else { continue };
        let mut of = path.clone();
        of.hops.pop();
        let (member, through) = ("visit".to_owned(), "customer".to_owned());
        *left = Expr::Count { of, member, through };
    }
    spec
}

fn decided(told: &mut Told) -> String {
    let said = told.said();
    let truth = said.split(": ").nth(1).and_then(|rest| rest.split(' ').next());
    truth.unwrap_or(&said).to_owned()
}

#[test]
fn a_collection_counts_the_members_that_name_the_owner_now() {
    let mut told = Told::of(&visits(""));
    let asked =
        |n, customer: &str| event(n, 0, "customer.asked", &format!(r#"{{"customer":{customer}}}"#));
    told.see(&event(1, 0, "visit.made", r#"{"visit":"v1","customer":"c1"}"#));
    told.see(&event(2, 0, "visit.made", r#"{"visit":"v1","customer":"c1"}"#));
    assert_eq!(decided(told.see(&asked(3, r#""c1""#))), "False", "one visit, told twice");
    told.see(&about(event(4, 0, "visit.made", r#"{"customer":"c1"}"#), "visit/v2"));
    assert_eq!(decided(told.see(&asked(5, r#""c1""#))), "True");
    assert_eq!(decided(told.see(&asked(6, r#""c2""#))), "False", "none is a number");
    let moved = |n, visit, customer| {
        event(n, 0, "visit.moved", &format!(r#"{{"visit":"{visit}","customer":"{customer}"}}"#))
    };
    assert_eq!(decided(told.see(&moved(7, "v1", "c2"))), "False");
    assert_eq!(decided(told.see(&asked(8, r#""c1""#))), "False", "it lost one");
    assert_eq!(decided(told.see(&moved(9, "v2", "c2"))), "True", "what moves is counted at once");
    assert_eq!(decided(told.see(&asked(10, "null"))), "Unknown", "nobody's collection");
}

#[test]
fn whom_an_enrichment_names_counts_only_where_enrichments_are_read() {
    let mut told = Told::of(&visits(""));
    told.see(&event(1, 0, "visit.made", r#"{"visit":"v1","customer":"c1"}"#));
    told.see(&event(2, 0, "visit.made", r#"{"visit":"v2"}"#));
    let inferred = event(3, 0, "visit.made", r#"{"visit":"v2","customer":"c1"}"#);
    told.see(&of_kind(inferred, Kind::Enrichment));
    let asked = event(4, 0, "customer.asked", r#"{"customer":"c1"}"#);
    assert_eq!(decided(told.see(&asked)), "True", "a `should` reads it");
    let mut spec = visits("");
    for block in &mut spec.blocks {
        let Some(Item::Guard(guard)) = block.body.first_mut() else { continue };
        if let Some(Item::Duty(duty)) = guard.body.first_mut() {
            duty.strength = Strength::Must;
        }
    }
    let mut strict = Told::of(&spec);
    strict.see(&event(1, 0, "visit.made", r#"{"visit":"v1","customer":"c1"}"#));
    strict.see(&event(2, 0, "visit.made", r#"{"visit":"v2"}"#));
    let inferred = event(3, 0, "visit.made", r#"{"visit":"v2","customer":"c1"}"#);
    strict.see(&of_kind(inferred, Kind::Enrichment));
    assert_eq!(decided(strict.see(&asked)), "False", "a `must` does not");
}

#[test]
fn a_member_counts_from_its_creation_whatever_was_said_of_it_before() {
    let mut told = Told::of(&visits("event visit.created"));
    for (position, visit) in [(1, "v1"), (2, "v2")] {
        let json = format!(r#"{{"visit":"{visit}","customer":"c1"}}"#);
        told.see(&event(position, 0, "visit.moved", &json)).said();
    }
    let asked = |n| event(n, 0, "customer.asked", r#"{"customer":"c1"}"#);
    assert_eq!(decided(told.see(&asked(3))), "False");
    told.see(&event(4, 0, "visit.created", r#"{"visit":"v1"}"#));
    told.see(&event(5, 0, "visit.created", r#"{"visit":"v2"}"#));
    let bytes = told.evaluator.checkpoint();
    assert_eq!(decided(told.see(&asked(6))), "True");
    let spec = visits("event visit.created");
    let restored = Evaluator::restore(compiled(&spec), &bytes);
    let Ok(evaluator) = restored else { unreachable!("{restored:?}") };
    let mut told = Told { evaluator, lines: Vec::new() };
    assert_eq!(decided(told.see(&asked(6))), "True", "a restored evaluator counts alike");
}

#[test]
fn what_exists_is_known_to_be_there_or_not() {
    let mut spec = spec(
        "entity customer { has: tier }
         action call(customer) { satisfied_by: customer.called  by: system }
         when customer.asked { if customer.tier { should: call(customer) } }",
    );
    for block in &mut spec.blocks {
        let Some(Item::Guard(guard)) = block.body.first_mut() else { continue };
        if let Condition::Holds { value, text } = guard.condition.clone() {
            guard.condition = Condition::Not(Box::new(Condition::Exists { value, text }));
        }
    }
    let mut told = Told::of(&spec);
    let asked = |n, json| event(n, 0, "customer.asked", json);
    assert_eq!(decided(told.see(&asked(1, r#"{"customer":"c1"}"#))), "True");
    assert_eq!(decided(told.see(&asked(2, r#"{"customer":"c1","tier":0}"#))), "False");
    assert_eq!(decided(told.see(&asked(3, r#"{"customer":"c1","tier":[]}"#))), "True");
    assert_eq!(decided(told.see(&asked(4, r#"{"customer":"c1","tier":null}"#))), "True");
}
