//! The real doors come to the end that the simulated ones come to.
#![expect(clippy::unwrap_used, reason = "a test may fail")]

use std::path::Path;

use homeostat_sim_harness::Plan;
use homeostat_sim_harness::converged::Converged;
use homeostat_sim_harness::history::What;
use homeostat_sim_harness::lane::NATIVE;
use homeostat_sim_harness::oracle::ALL;
use homeostat_sim_harness::plan::{Fault, FaultKind};
use homeostat_sim_harness::run::{Run, Setup};
use homeostat_sim_harness::story::story;
use homeostat_sim_harness::write::{Scenario, write};
use homeostat_sim_tokio::LANE;
use homeostat_world::Duration;

/// A Plan of the scenario whose end hangs on no race.
#[expect(clippy::disallowed_methods, reason = "a test reads the files that it is about")]
fn calm(seed: u64) -> Plan {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scenarios");
    let read =
        |name: &str| std::fs::read_to_string(folder.join(name)).map_err(|error| error.to_string());
    let text = read("lanes_calm.toml").unwrap();
    write(seed, &Scenario::from_toml(&text, read).unwrap())
}

fn run(plan: &Plan) -> Run {
    (LANE.run)(plan, &Setup::of(plan).unwrap()).unwrap()
}

/// What does not depend on how long a busy machine let somebody wait.
const UNTIMED: [&str; 8] =
    ["panics", "chain", "acknowledged", "clock", "replay", "dispatch", "agents_end", "brief"];

fn ends_as_in_native(seed: u64) {
    let plan = calm(seed);
    let real = run(&plan);
    let native = (NATIVE.run)(&plan, &Setup::of(&plan).unwrap()).unwrap();
    let ends = [&native, &real].map(|run| Converged::of(&run.evidence));
    assert!(!ends[0].lines.is_empty(), "seed {seed} asks for nothing");
    let told = || story(&real.evidence);
    assert_eq!(ends[0].difference(&ends[1]), None, "seed {seed}\n{}", told());
    for oracle in ALL.iter().filter(|oracle| UNTIMED.contains(&oracle.name)) {
        let violations = oracle.judge(&real.evidence);
        assert!(violations.is_empty(), "seed {seed}: {violations:#?}\n{}", told());
    }
    let lines = &real.evidence.history.lines;
    assert!(lines.iter().any(|line| matches!(line.what, What::Acknowledged { .. })), "{}", told());
    assert!(lines.iter().any(|line| line.what == What::Stopped), "{}", told());
}

// One test for each, so that they wait for their clocks side by side.

#[test]
fn the_first_plan_ends_as_in_native() {
    ends_as_in_native(1);
}

#[test]
fn the_second_plan_ends_as_in_native() {
    ends_as_in_native(2);
}

#[test]
fn the_third_plan_ends_as_in_native() {
    ends_as_in_native(3);
}

#[test]
fn the_fourth_plan_ends_as_in_native() {
    ends_as_in_native(4);
}

#[test]
fn a_plan_with_faults_is_refused_with_the_way_out() {
    let mut plan = calm(1);
    let kind = FaultKind::Reset { client: 1 };
    plan.faults.push(Fault { at: Duration::from_secs(1), kind });
    let refused = (LANE.run)(&plan, &Setup::of(&plan).unwrap()).unwrap_err();
    assert_eq!(
        refused,
        "lane `tokio` runs Plans without faults, and this one has `1`, the first of them \
         `reset`; run it in `native`, or take its faults out"
    );
}
