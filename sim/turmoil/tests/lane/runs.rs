//! Whole runs of the real engine on turmoil: every promise is kept, and a Plan is its bytes.

use std::collections::BTreeSet;

use homeostat_sim_harness::Plan;
use homeostat_sim_harness::converged::Converged;
use homeostat_sim_harness::history::What;
use homeostat_sim_harness::lane::NATIVE;
use homeostat_sim_harness::run::{Run, run_and_judge};
use homeostat_sim_harness::story::story;
use homeostat_sim_turmoil::LANE;

use crate::plans::{every_fault, of_seed, written};

/// Runs a Plan, which keeps every promise.
fn kept(name: &str, plan: &Plan) -> Run {
    let judged = run_and_judge(LANE, plan).unwrap();
    let told = judged.run.as_ref().map(|run| story(&run.evidence)).unwrap_or_default();
    let violations = judged.violations;
    assert!(violations.is_empty(), "{name} {}: {violations:#?}\n{told}", plan.seed);
    judged.run.unwrap()
}

#[test]
fn a_run_with_every_fault_does_what_its_plan_says_and_keeps_every_promise() {
    for seed in 0..8 {
        let evidence = kept("every fault", &every_fault(seed)).evidence;
        let counted = |wanted: fn(&What) -> bool| {
            evidence.history.lines.iter().filter(|line| wanted(&line.what)).count()
        };
        // Two crashes and two ends of disk faults stop it; each time it comes back.
        assert_eq!(counted(|what| matches!(what, What::Crashed)), 4);
        assert_eq!(counted(|what| matches!(what, What::Started)), 5);
        assert_eq!(counted(|what| matches!(what, What::Sent { .. })), 8);
        assert!(counted(|what| matches!(what, What::Acknowledged { .. })) >= 8);
        assert_eq!(counted(|what| matches!(what, What::Looked { up: true, .. })), 2);
        let faults =
            counted(|what| matches!(what, What::Fault { text } if text.contains("begins")));
        assert_eq!(faults, 14);
        let types: BTreeSet<&str> =
            evidence.log.events.iter().map(|event| event.event.r#type.as_str()).collect();
        for r#type in ["agent.spawned", "agent.ended", "gap.opened", "gap.closed"] {
            assert!(types.contains(r#type), "{types:?}");
        }
    }
}

#[test]
fn the_plans_that_come_with_the_house_keep_every_promise() {
    for (name, plan) in written() {
        kept(name, &plan);
    }
}

#[test]
fn seeds_keep_every_promise() {
    let crashes_in = |name: &str, seeds: std::ops::Range<u64>| {
        let runs = seeds.map(|seed| kept(name, &of_seed(name, seed)));
        let lines = runs.flat_map(|run| run.evidence.history.lines);
        lines.filter(|line| line.what == What::Crashed).count()
    };
    assert!(crashes_in("crm.toml", 0..10) > 0, "no seed stopped the engine");
    assert!(crashes_in("claims.toml", 0..5) > 0, "no seed stopped the engine");
    assert!(crashes_in("permits.toml", 0..5) > 0, "no seed stopped the engine");
    assert_eq!(crashes_in("calm.toml", 0..1), 0, "calm is calm");
}

#[test]
fn a_calm_run_converges_to_what_it_converges_to_in_the_native_lane() {
    let plan = of_seed("calm.toml", 0);
    let here = Converged::of(&kept("calm", &plan).evidence);
    let there = run_and_judge(NATIVE, &plan).unwrap().run.unwrap();
    assert_eq!(here, Converged::of(&there.evidence));
}

#[test]
fn the_same_plan_gives_the_same_bytes_and_another_seed_gives_others() {
    let run = |seed| kept("every fault", &every_fault(seed));
    let (first, second, other) = (run(3), run(3), run(4));
    assert_eq!(story(&first.evidence), story(&second.evidence));
    assert_eq!(first.trace, second.trace);
    assert_ne!(first.trace, other.trace);
}

#[test]
fn whoever_else_makes_tasks_in_the_process_changes_nothing() {
    // tokio numbers the tasks of all runtimes together.
    let elsewhere = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let traces: BTreeSet<String> = (0..4)
        .map(|_| {
            let trace = kept("every fault", &every_fault(1)).trace;
            drop(elsewhere.spawn(async {}));
            trace
        })
        .collect();
    assert_eq!(traces.len(), 1);
}
