//! Marks are no decoration: each can be reached, none is reached by a run in which nothing happens.

use std::collections::BTreeSet;

use homeostat_sim_harness::lane::NATIVE;
use homeostat_sim_harness::marks;
use homeostat_sim_harness::run::run_and_judge;
use homeostat_sim_harness::write::write;

use crate::desk::{calm, evidence};
use crate::quarter::quarter;
use crate::smoke::scenario;

/// Marks reached by the quarter and by the first seeds of each scenario, until `enough` says so.
fn reached_by_seeds(enough: impl Fn(&BTreeSet<&str>) -> bool) -> BTreeSet<&'static str> {
    // The nights in which clocks are changed.
    let mut reached = BTreeSet::from_iter(marks::reached(&evidence(&quarter())));
    let scenarios = ["words.toml", "edges.toml", "crm.toml"].map(scenario);
    for seed in 0..100 {
        for scenario in &scenarios {
            let judged = run_and_judge(NATIVE, &write(seed, scenario)).unwrap();
            let run = judged.run.unwrap_or_else(|| panic!("seed {seed} left nothing to read"));
            reached.extend(marks::reached(&run.evidence));
        }
        if enough(&reached) {
            break;
        }
    }
    reached
}

#[test]
fn every_mark_is_reached_by_some_seed() {
    let all: BTreeSet<&str> = marks::all().map(|mark| mark.name).collect();
    let reached = reached_by_seeds(|reached| all.is_subset(reached));
    let never: Vec<_> = all.difference(&reached).collect();
    assert!(never.is_empty(), "no seed reaches {never:?}");
}

#[test]
fn a_run_in_which_nothing_happens_reaches_next_to_nothing() {
    let mut nothing = calm(1);
    nothing.steps.clear();
    assert_eq!(marks::reached(&evidence(&nothing)), ["intent-adopted", "no-fault-at-all"]);
}

#[test]
fn a_day_without_faults_reaches_no_mark_of_faults() {
    let reached = marks::reached(&evidence(&calm(2)));
    assert!(reached.contains(&"gap-fulfilled"), "{reached:?}");
    let of_faults = |name: &&&str| {
        name.starts_with("fault-") || name.contains("crash") || name.contains("down")
    };
    let wrong: Vec<_> = reached.iter().filter(of_faults).collect();
    assert!(wrong.is_empty(), "{wrong:?}");
}

#[test]
fn every_kind_of_fault_that_seeds_write_has_its_mark() {
    let names: BTreeSet<String> = marks::all().map(|mark| mark.name.to_owned()).collect();
    let scenario = scenario("crm.toml");
    for seed in 0..300 {
        for fault in write(seed, &scenario).faults {
            let name = format!("fault-{}", fault.kind.name());
            assert!(names.contains(&name), "add a mark `{name}` to marks/faults.rs");
        }
    }
}

#[test]
fn no_two_marks_have_one_name() {
    let names: BTreeSet<&str> = marks::all().map(|mark| mark.name).collect();
    assert_eq!(names.len(), marks::all().count());
}
