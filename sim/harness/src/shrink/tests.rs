//! That the smallest Plan is reached, for failures that are made up.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use homeostat_intent::Source;
use homeostat_world::Timestamp;
use serde_json::json;

use super::*;
use crate::plan::{Expect, FaultKind};
use crate::write::{Cast, Family, Scenario, write};

fn scenario() -> Scenario {
    let text = "action b(a) { satisfied_by: a.done }\n\
        when a.created { must: b(a)\n within: 5s }\n\
        when c.created { must: d(c)\n within: 9s }";
    let sources = vec![Source { name: "x.intent".to_owned(), text: text.to_owned() }];
    let loaded = homeostat_intent::load(&sources);
    assert!(!loaded.has_errors());
    Scenario {
        name: "x".to_owned(),
        sources,
        spec: loaded.spec,
        cast: Cast::Generated,
        start: Some(Timestamp::EPOCH),
        active: Duration::from_secs(60),
        settle: Duration::from_secs(600),
        clients: 4,
        events: 60,
        checkpoint_every: None,
        families: Family::ALL.to_vec(),
        expect: Expect::default(),
    }
}

fn has_crash(plan: &Plan) -> bool {
    plan.faults.iter().any(|fault| matches!(fault.kind, FaultKind::Crash { .. }))
}

fn events(plan: &Plan) -> Vec<PlannedEvent> {
    let of = |place| values::event(plan, place).cloned();
    values::event_places(plan).into_iter().filter_map(of).collect()
}

fn has_event(plan: &Plan, id: &str) -> bool {
    events(plan).iter().any(|event| event.id == id)
}

/// Plans on which `fails` says yes.
fn failing(fails: impl Fn(&Plan) -> bool) -> Vec<Plan> {
    let scenario = scenario();
    let plans = (0..200).map(|seed| write(seed, &scenario));
    let found: Vec<Plan> = plans.filter(|plan| fails(plan)).take(10).collect();
    assert_eq!(found.len(), 10);
    found
}

const PLENTY: usize = 100_000;

#[test]
fn a_crash_and_one_event_shrink_to_one_fault_and_one_step() {
    let fails = |plan: &Plan| has_crash(plan) && has_event(plan, "e7");
    for plan in failing(fails) {
        let small = shrink(&plan, fails, PLENTY);
        assert!(fails(&small));
        assert_eq!((small.faults.len(), small.steps.len(), small.clients), (1, 1, 1));
        let event = events(&small).pop().unwrap();
        assert_eq!((event.data.len(), event.time, event.subject), (0, None, None));
        assert_eq!(small.active, Duration::from_secs(1));
        assert_eq!(small.settle, Duration::from_secs(1));
        assert!(!small.agents.text.as_deref().unwrap().contains("[[agent]]"));
        assert!(small.prepare().is_ok());
    }
}

#[test]
fn two_events_of_two_clients_that_must_be_apart_stay_apart() {
    let by = |plan: &Plan, id: &str| {
        let sends = |step: &&crate::plan::Step| match &step.action {
            Action::Append { events, .. } => events.iter().any(|event| event.id == id),
            _ => false,
        };
        plan.steps.iter().find(sends).map(|step| step.client)
    };
    let fails = |plan: &Plan| {
        let clients = by(plan, "e3").zip(by(plan, "e12"));
        clients.is_some_and(|(one, other)| one != other)
    };
    for plan in failing(fails) {
        let small = shrink(&plan, fails, PLENTY);
        assert_eq!((small.faults.len(), small.steps.len(), small.clients), (0, 2, 2));
    }
}

#[test]
fn a_value_that_matters_stays_and_the_others_become_plain() {
    let mut plan = write(3, &scenario());
    let place = *values::event_places(&plan).first().unwrap();
    let data = json!({ "trend": 45, "mood": "sour", "note": "x" });
    values::event_mut(&mut plan, place).unwrap().data = data.as_object().unwrap().clone();
    let fails = |plan: &Plan| {
        events(plan).iter().any(|event| {
            event.data.get("trend") == Some(&json!(45)) && event.data.contains_key("mood")
        })
    };
    let small = shrink(&plan, fails, PLENTY);
    let all = events(&small);
    assert_eq!(all.len(), 1);
    let left = all.first().unwrap().data.clone();
    assert_eq!(serde_json::Value::from(left), json!({ "mood": "", "trend": 45 }));
}

#[test]
fn an_agent_that_matters_stays_and_the_others_go() {
    let fails = |plan: &Plan| {
        values::agents(plan).is_some_and(|agents| {
            agents.iter().any(|agent| {
                agent.get("name").and_then(toml::Value::as_str) == Some("does-b")
                    && agent.get("plan").is_some()
            })
        })
    };
    for plan in failing(fails) {
        let small = shrink(&plan, fails, PLENTY);
        let agents = values::agents(&small).unwrap();
        assert_eq!(agents.len(), 1);
        assert!(agents.first().unwrap().get("takes").is_none());
        assert!(small.steps.is_empty() && small.prepare().is_ok());
    }
}

#[test]
fn the_same_plan_shrinks_to_the_same_plan() {
    let fails = |plan: &Plan| has_crash(plan) && events(plan).len() > 3;
    let plan = failing(fails).pop().unwrap();
    let first = shrink(&plan, fails, PLENTY);
    assert_eq!(first, shrink(&plan, fails, PLENTY));
    assert_eq!(events(&first).len(), 4);
}

#[test]
fn it_asks_no_more_often_than_it_may_and_gives_back_what_still_fails() {
    let fails = |plan: &Plan| has_crash(plan);
    let plan = failing(fails).pop().unwrap();
    for budget in [0, 1, 7, 40] {
        let mut asked = 0;
        let small = shrink(
            &plan,
            |plan| {
                asked += 1;
                fails(plan)
            },
            budget,
        );
        assert!(asked <= budget);
        assert!(fails(&small));
    }
}

#[test]
fn what_does_not_fail_any_other_way_is_left_as_it_is() {
    let plan = write(1, &scenario());
    assert_eq!(shrink(&plan, |_| false, PLENTY), plan);
}
