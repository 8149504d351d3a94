//! Whole runs: they happen, they repeat, and every promise is kept.

use std::collections::BTreeSet;

use homeostat_sim_harness::Plan;
use homeostat_sim_harness::history::What;
use homeostat_sim_harness::oracle::judge;
use homeostat_sim_harness::plan::{Fault, FaultKind, Operation};
use homeostat_sim_harness::story::story;

use crate::desk::{calm, run, seconds, stormy};

fn keeps_every_promise(plan: &Plan) {
    let run = run(plan);
    let violations = judge(&run.evidence);
    assert!(violations.is_empty(), "seed {}: {violations:#?}\n{}", plan.seed, story(&run.evidence));
}

#[test]
fn a_calm_run_keeps_every_promise() {
    for seed in 0..4 {
        keeps_every_promise(&calm(seed));
    }
}

#[test]
fn a_run_with_every_fault_keeps_every_promise() {
    for seed in 0..8 {
        keeps_every_promise(&stormy(seed));
    }
}

#[test]
fn a_run_does_what_its_plan_says() {
    let evidence = run(&stormy(1)).evidence;
    let counted = |wanted: fn(&What) -> bool| {
        evidence.history.lines.iter().filter(|line| wanted(&line.what)).count()
    };
    // Two crashes and two ends of disk faults stop it; each time it comes back.
    assert_eq!(counted(|what| matches!(what, What::Crashed)), 4);
    assert_eq!(counted(|what| matches!(what, What::Started)), 5);
    assert_eq!(counted(|what| matches!(what, What::Sent { .. })), 15);
    assert!(counted(|what| matches!(what, What::Acknowledged { .. })) >= 15);
    assert_eq!(counted(|what| matches!(what, What::Looked { .. })), 2);
    assert_eq!(counted(|what| matches!(what, What::Decided { .. })), 2);
    let types: BTreeSet<&str> =
        evidence.log.events.iter().map(|event| event.event.r#type.as_str()).collect();
    for r#type in ["agent.spawned", "agent.ended", "gap.opened", "gap.closed", "deadline.missed"] {
        assert!(types.contains(r#type), "{types:?}");
    }
    assert!(evidence.log.checkpoint.is_some(), "a graceful stop leaves a checkpoint");
}

#[test]
fn a_disk_error_that_met_no_commit_is_over_when_it_ends() {
    let mut plan = calm(1);
    // The only request comes after the fault, and meets an engine that was started since.
    plan.steps.truncate(1);
    plan.steps.iter_mut().for_each(|step| step.at = seconds(20));
    let kind = FaultKind::DiskError { on: Operation::Write, restart_after: seconds(1) };
    plan.faults = vec![Fault { at: seconds(10), kind }];
    let lines = run(&plan).evidence.history.lines;
    let started: Vec<_> = lines.iter().filter(|line| line.what == What::Started).collect();
    assert_eq!(started.len(), 2, "{started:?}");
}

#[test]
fn the_same_plan_gives_the_same_bytes_and_another_seed_gives_others() {
    let (first, second, other) = (run(&stormy(3)), run(&stormy(3)), run(&stormy(4)));
    assert_eq!(story(&first.evidence), story(&second.evidence));
    assert_eq!(first.trace, second.trace);
    assert_ne!(first.trace, other.trace);
}
