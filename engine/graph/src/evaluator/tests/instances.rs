//! Which instances are alive, since when, and in which order they are gone through.

use homeostat_intent::lowered::{
    Assertion, Check, ClauseId, Condition, Expr, Literal, Origin, Spec,
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
