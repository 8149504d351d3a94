#![expect(clippy::unwrap_used, reason = "tests say what they expect")]

use homeostat_intent::lowered::Spec;

use super::{Facet, Fate, mutate, run};
use crate::fixtures::spec;

const ORDERS: &str = r#"
entity customer { has: tier, credit }
entity order { belongs_to: customer  has: total }
event order.placed
event order.shipped
event customer.told
event consent.granted
event consent.revoked
action ship(order) { satisfied_by: order.shipped | order.collected }
action apologise(customer) { satisfied_by: customer.told }
action call(customer) { satisfied_by: customer.called  by: system }
action invoice(order) { satisfied_by: order.invoiced  by: human }
action thank(customer) { satisfied_by: customer.thanked }
when order.placed {
  must: ship(order)
    within: 2d
    fallback: apologise(order.customer)
      within: 4h
  if order.total >= 100 {
    must: call(order.customer)
      within: 1h
  }
  should: invoice(order)
  each must: thank(customer: order.customer, requires: consent)
}
"#;

fn with(scenarios: &str) -> Spec {
    spec(&format!("{ORDERS}{scenarios}"))
}

/// One scenario; its failures, a line for each line of what was found.
fn play(steps: &str) -> String {
    let spec = with(&format!("scenario \"s\" {{\n{steps}\n}}\n"));
    let report = run(&spec, |_| true).unwrap();
    let mut lines = Vec::new();
    for failure in report.scenarios.iter().flat_map(|scenario| &scenario.failures) {
        lines.push(format!("{} {}", failure.at, failure.expected));
        lines.extend(failure.found.iter().map(|line| format!("  {line}")));
    }
    lines.join("\n")
}

const PLACED: &str = "given e1: { type: order.placed, order: o1, customer: c1, total: 100 }\n";

#[track_caller]
fn check(steps: &str, expected: &str) {
    assert_eq!(play(&format!("{PLACED}{steps}")), expected.trim_matches('\n'));
}

#[test]
fn what_is_due_at_an_instant_can_still_happen_at_it() {
    check(
        "at 2d expect active ship(o1)
         expect no lapsed ship(o1)
         at 2d 1us expect lapsed ship(o1)
         expect active apologise(c1)
         at 2d 4h expect active apologise(c1)
         at 2d 4h 1us expect overdue apologise(c1)
         expect gap apologise(c1)",
        "",
    );
}

#[test]
fn every_state_can_be_expected_and_denied() {
    check(
        "expect gap ship(o1)
         expect active ship(o1)
         expect no overdue apologise
         expect no fulfilled ship(o1)
         expect no gap call(c1)
         at 1h 1s expect gap call(c1)
         expect overdue call(c1)
         at 2h e2: { type: customer.called, customer: c1 }
         expect fulfilled call(c1)
         expect late call(c1)
         expect no gap call(c1)
         at 3d e3: { type: order.shipped, order: o1, time: 1d }
         expect fulfilled ship(o1)
         expect no late ship(o1)
         expect no lapsed ship(o1)
         expect withdrawn apologise(c1)
         expect no gap ship
         expect active invoice(o1)",
        "",
    );
}

#[test]
fn a_lapsed_duty_whose_fallback_happened_stays_lapsed() {
    check(
        "at 2d 1h e2: { type: customer.told, customer: c1 }
         expect fulfilled apologise(c1)
         expect lapsed ship(o1)
         at 3d e3: { type: order.shipped, order: o1 }
         expect lapsed ship(o1)
         expect no fulfilled ship(o1)",
        "",
    );
}

#[test]
fn agents_cannot_back_date_and_the_world_can() {
    check(
        "at 3d e2: { type: order.shipped, order: o1, time: 1d, actor: agent }
         expect late ship(o1)
         expect no withdrawn ship",
        "",
    );
}

#[test]
fn a_cause_answers_one_duty_and_a_person_may_waive_one() {
    check(
        r#"given e2: { type: order.placed, order: o1, customer: c2 }
           at 1h e3: { type: order.shipped, cause: "ship@e2" }
           expect gap ship(o1)
           expect fulfilled ship(o1)
           at 2h w: { type: gap.decided, gap: "ship@e1", decision: waive, by: anna }
           expect no gap ship(o1)
           expect no active ship(o1)"#,
        "",
    );
}

#[test]
fn a_requirement_counts_from_when_it_is_granted() {
    check(
        "at 1s e2: { type: customer.thanked, customer: c1 }
         expect gap thank(c1)
         at 2s e3: { type: consent.granted, customer: c1 }
         at 3s e4: { type: customer.thanked, customer: c1 }
         expect fulfilled thank(c1)",
        "",
    );
}

#[test]
fn a_failure_says_where_the_obligation_stands_and_what_closed_its_gap() {
    check(
        "at 1h e2: { type: order.shipped, order: o1 }
         at 3d expect gap ship(o1)
         expect no overdue call
         expect late ship(o1)",
        "
3d expect gap ship(o1)
  ship(o1) of e1 was fulfilled in time by e2 (order.shipped); its gap closed at 1h: fulfilled
3d expect no overdue call
  call(c1) of e1 is overdue since 1h; its gap is open
3d expect late ship(o1)
  ship(o1) of e1 was fulfilled in time by e2 (order.shipped); its gap closed at 1h: fulfilled",
    );
}

#[test]
fn a_failure_names_near_misses() {
    check(
        "at 1h e2: { type: order.shipped, order: o2 }
         at 2h expect fulfilled ship(o1)
         expect active ship(o2)",
        "
2h expect fulfilled ship(o1)
  ship(o1) of e1 is active, due 2d; its gap is open
  near miss: e2 (order.shipped): `order` is `o2`; expected `o1`
2h expect active ship(o2)
  `ship` is not owed for `o2`, but:
  ship(o1) of e1 is active, due 2d; its gap is open",
    );
}

#[test]
fn a_failure_says_why_nothing_is_owed() {
    check(
        "at 1h e2: { type: order.placed, order: o2, customer: c2, total: 99 }
         expect gap call(c2)
         at 2h expect gap apologise(c2)",
        "
1h expect gap call(c2)
  `call` is not owed for `c2`, but:
  call(c1) of e1 is active, due 1h; it has no gap
  `if order.total >= 100` of e2 was not entered: order.total >= 100: 99 against 100 → does not hold
2h expect gap apologise(c2)
  what `apologise` is the fallback of has not lapsed for e2",
    );
}

#[test]
fn scenarios_know_nothing_of_each_other() {
    let spec = with(
        "scenario \"a\" { given e1: { type: order.placed, order: o1 }  expect gap ship(o1) }
         scenario \"b\" { given e1: { type: order.placed, order: o2 }  expect no gap ship(o1) }",
    );
    let report = run(&spec, |_| true).unwrap();
    assert_eq!(report.failed(), 0, "{report:#?}");
    let report = run(&spec, |scenario| scenario.name == "b").unwrap();
    assert_eq!(report.scenarios.len(), 1);
    assert_eq!(report.scenarios.first().unwrap().expectations, 1);
}

fn missing(spec: &Spec) -> Vec<String> {
    let coverage = run(spec, |_| true).unwrap().coverage;
    let lines = coverage.clauses.iter().filter_map(|covered| {
        let missing: Vec<&str> = covered.missing().map(Facet::word).collect();
        (!missing.is_empty()).then(|| format!("{}: {}", covered.name, missing.join(", ")))
    });
    lines.collect()
}

#[test]
fn coverage_says_what_no_scenario_reaches() {
    let spec = with(
        "scenario \"a\" {
           given e1: { type: order.placed, order: o1, customer: c1, total: 100 }
           at 1h e2: { type: order.collected, order: o1 }
           at 2h expect overdue call(c1)
         }",
    );
    assert_eq!(
        missing(&spec),
        [
            "ship: missed",
            "apologise: triggered, fulfilled, missed",
            "order.total >= 100: not entered",
            "call: fulfilled",
            "invoice: fulfilled",
            "thank: fulfilled",
        ]
    );
    let coverage = run(&spec, |_| true).unwrap().coverage;
    assert_eq!(coverage.counts(), (17, 9));
    assert_eq!(coverage.percent(), 52);
}

/// The mutants that nobody notices, a line each.
fn survivors(spec: &Spec) -> Vec<String> {
    let mutation = mutate(spec, |_| true).unwrap();
    let lines = mutation.mutants.iter().filter(|tried| tried.fate == Fate::Survived);
    lines.map(|tried| format!("{}: {}", tried.mutant.clause, tried.mutant.change)).collect()
}

#[test]
fn mutants_that_no_scenario_notices_are_named() {
    let spec = with(
        "scenario \"a\" {
           given e1: { type: order.placed, order: o1, customer: c1, total: 100 }
           at 1h expect active call(c1)
           at 1h 1s expect overdue call(c1)
           at 2d expect active ship(o1)
           at 2d 1s expect lapsed ship(o1)
         }",
    );
    assert_eq!(
        survivors(&spec),
        [
            "ship: satisfier `order.shipped` dropped",
            "ship: satisfier `order.collected` dropped",
            "apologise: deadline 4h halved to 2h",
            "apologise: deadline 4h doubled to 8h",
            "if order.total >= 100: dropped, what is inside kept",
            "if order.total >= 100: in `order.total >= 100`, bound 100 moved to 99",
            "invoice: dropped",
            "thank: dropped",
            "thank: `each` dropped",
            "thank: `requires: consent` dropped",
        ]
    );
    let mutation = mutate(&spec, |_| true).unwrap();
    assert_eq!((mutation.killed(), mutation.survived(), mutation.equivalent()), (11, 10, 0));
    assert_eq!(mutation.score(), 52);
}

#[test]
fn a_mutant_is_killed_by_the_first_scenario_that_notices() {
    let spec = with(
        "scenario \"a\" { given e1: { type: order.placed, order: o1 }  expect gap ship(o1) }
         scenario \"b\" { given e1: { type: order.placed, order: o1 }  expect gap ship(o1) }",
    );
    let mutation = mutate(&spec, |_| true).unwrap();
    let dropped = mutation.mutants.iter().find(|tried| tried.mutant.clause == "ship").unwrap();
    assert_eq!(dropped.mutant.change, "dropped");
    assert_eq!(dropped.fate, Fate::Killed { by: "a".to_owned() });
}

#[test]
fn what_nothing_can_tell_apart_is_listed_apart_and_counts_for_nothing() {
    let spec = spec(
        "entity order { has: total }
         event order.placed
         action ship(order) { satisfied_by: order.shipped }
         when order.placed {
           must: ship(order)
           if order.total > 5 { }
         }
         scenario \"a\" { given e1: { type: order.placed, order: o1 }  expect gap ship(o1) }",
    );
    let mutation = mutate(&spec, |_| true).unwrap();
    let equivalent: Vec<String> = mutation
        .mutants
        .iter()
        .filter_map(|tried| match &tried.fate {
            Fate::Equivalent { why } => Some(format!("{}: {why}", tried.mutant.clause)),
            _ => None,
        })
        .collect();
    assert!(
        equivalent.contains(&"if order.total > 5: nothing is owed inside the guard".to_owned())
    );
    assert_eq!(mutation.killed(), 1, "{mutation:#?}");
    assert_eq!(
        mutation.killed() + mutation.survived() + mutation.equivalent(),
        mutation.mutants.len()
    );
}

#[test]
fn a_proposition_that_is_reported_is_covered_and_its_loss_noticed() {
    let spec = spec(
        "event order.placed
         action ship(order) { satisfied_by: order.shipped }
         when order.placed { could: ship(order) }
         invariant backups_restore { check: \"./restore\" }
         invariant fair { review: human }
         invariant nobody_looks
         scenario \"a\" {
           given e1: { type: check.reported, check: backups_restore, holds: false }
           expect gap backups_restore
           at 1h e2: { type: check.reported, check: backups_restore, holds: true }
           expect no gap backups_restore
         }",
    );
    let report = run(&spec, |_| true).unwrap();
    assert_eq!(report.failed(), 0, "{report:#?}");
    let missing = missing(&spec);
    assert!(missing.contains(&"fair: violated, restored".to_owned()), "{missing:?}");
    assert!(
        !missing.iter().any(|it| it.contains("backups") || it.contains("nobody")),
        "{missing:?}"
    );
    let survivors = survivors(&spec);
    assert!(survivors.contains(&"fair: dropped".to_owned()), "{survivors:?}");
    assert!(!survivors.contains(&"backups_restore: dropped".to_owned()), "{survivors:?}");
}
