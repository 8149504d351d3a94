//! `homeostat test`: scenarios run, covered, and held against changed specs.

use crate::bench::{Bench, golden, workspace};
use crate::specs::ORDERS;

/// One scenario that holds and one that does not.
const STORIES: &str = r#"
scenario "confirmed in time" {
  given e1: { type: order.placed, order: o1 }
  at 5s expect active confirm(o1)
  at 5s e2: { type: order.confirmed, order: o2 }
  at 6s expect gap confirm(o1)
}

scenario "shipped & <forgotten>" {
  given e1: { type: order.placed, order: o1 }
  at 1d e2: { type: order.shipped, order: o1 }
  expect gap ship(o1)
  at 3d expect fulfilled confirm(o1)
  expect active ship(o2)
}
"#;

/// The same with what was wrong put right.
const MENDED: &str = r#"
scenario "shipped" {
  given e1: { type: order.placed, order: o1 }
  at 1d e2: { type: order.shipped, order: o1 }
  expect no gap ship(o1)
}
"#;

fn bench(scenarios: &str) -> Bench {
    let bench = Bench::new();
    bench.write("specs/orders.intent", ORDERS);
    bench.write("specs/scenarios.intent", scenarios);
    bench
}

/// The first scenario with its events above its expectations.
fn stories() -> String {
    STORIES.replace(
        "  at 5s expect active confirm(o1)\n  at 5s e2: { type: order.confirmed, order: o2 }\n",
        "  at 5s e2: { type: order.confirmed, order: o2 }\n  expect active confirm(o1)\n",
    )
}

#[test]
fn scenarios_that_hold_are_fine_and_what_is_not_reached_is_listed() {
    let bench = bench(MENDED);
    let run = bench.run(&["test", "specs"]).fine();
    golden("test-fine", &run.stdout);
}

#[test]
fn a_scenario_that_fails_says_what_was_found_instead() {
    let bench = bench(&stories());
    let run = bench.run(&["test", "specs"]).ended(1);
    golden("test-failed", &run.stdout);
    let one = bench.run(&["test", "specs", "--scenario", "confirmed in time"]).fine();
    assert!(one.stdout.contains("running 1 scenario of orders"), "{one:#?}");
    bench.run(&["test", "specs", "--scenario", "forgotten"]).ended(1);
}

#[test]
fn changes_that_no_scenario_notices_are_named() {
    let bench = bench(MENDED);
    let run = bench.run(&["test", "specs", "--mutate"]).fine();
    golden("test-mutate", &run.stdout);
    let json = bench.run(&["test", "specs", "--mutate", "--format", "json"]).fine().json();
    let mutants = json["mutation"]["mutants"].as_array().unwrap();
    let survived = mutants.iter().filter(|mutant| mutant["fate"] == "survived").count();
    assert_eq!(json["mutation"]["survived"], survived);
    assert!(mutants.iter().all(|mutant| mutant["place"]["line"].is_u64()), "{json:#}");
}

#[test]
fn minimums_that_are_missed_end_with_one() {
    let bench = bench(MENDED);
    bench.run(&["test", "specs", "--min-coverage", "10"]).fine();
    bench.run(&["test", "specs", "--min-coverage", "100"]).ended(1).shows("less than the 100%");
    bench.run(&["test", "specs", "--mutate", "--min-score", "100"]).ended(1);
    bench.run(&["test", "specs", "--min-score", "90"]).ended(2).says("--mutate");
    bench.run(&["test", "specs", "--min-coverage", "101"]).ended(2);
}

#[test]
fn mutants_are_not_tried_where_scenarios_fail() {
    let bench = bench(&stories());
    let run = bench.run(&["test", "specs", "--mutate", "--min-score", "100"]).ended(1);
    assert!(run.stdout.contains("mutants: not tried"), "{run:#?}");
}

#[test]
fn programs_read_json_and_ci_reads_junit() {
    let bench = bench(&stories());
    let json = bench.run(&["test", "specs", "--format", "json"]).ended(1).json();
    assert_eq!((&json["passed"], &json["failed"]), (&1.into(), &1.into()));
    assert_eq!(json["scenarios"][1]["failures"][0]["at"], "1d");
    assert_eq!(json["coverage"]["clauses"][0]["name"], "confirm");
    let run = bench.run(&["test", "specs", "--format", "junit", "--min-coverage", "100"]).ended(1);
    golden("test-junit", &run.stdout);
    // Only `test` speaks to CI.
    bench.run(&["check", "specs", "--format", "junit"]).ended(2);
}

#[test]
fn what_cannot_be_run_is_said() {
    let bench = bench("");
    bench.run(&["test", "specs"]).ended(2).says("the spec has no scenario");
    let bench = self::bench(MENDED);
    bench.run(&["test", "specs", "--scenario", "lost"]).ended(2).says("`shipped`");
    bench.write("specs/scenarios.intent", &MENDED.replace("ship(o1)", "shp(o1)"));
    bench.run(&["test", "specs"]).ended(2).says("did you mean `ship`?");
}

#[test]
fn the_customer_platform_is_held_fast_by_its_scenarios() {
    let crm = workspace("scenarios/specs/crm");
    let crm = crm.to_str().unwrap();
    Bench::new()
        .run(&["test", crm, "--min-coverage", "100", "--mutate", "--min-score", "90"])
        .fine();
}
