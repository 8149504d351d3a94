//! Whole runs: they happen, they repeat, and every promise is kept.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use homeostat_log::Control;
use homeostat_sim_harness::Plan;
use homeostat_sim_harness::history::What;
use homeostat_sim_harness::oracle::{Evidence, judge};
use homeostat_sim_harness::plan::{Fault, FaultKind, Ways};
use homeostat_sim_harness::run::{Run, Setup, run_and_judge};
use homeostat_sim_harness::story::story;
use homeostat_sim_harness::write::{Scenario, write};
use homeostat_sim_madsim::LANE;
use homeostat_world::Duration;

use crate::desk::{calm, evidence, seconds, stormy};

fn run(plan: &Plan) -> Run {
    let ran = Setup::of(plan).and_then(|setup| (LANE.run)(plan, &setup));
    ran.unwrap_or_else(|why| panic!("{why}"))
}

fn keeps_every_promise(plan: &Plan) -> Evidence {
    let run = run(plan);
    let violations = judge(&run.evidence);
    assert!(violations.is_empty(), "seed {}: {violations:#?}\n{}", plan.seed, story(&run.evidence));
    run.evidence
}

#[test]
fn a_calm_run_keeps_every_promise() {
    for seed in 0..4 {
        keeps_every_promise(&calm(seed));
    }
}

#[test]
fn a_run_with_every_fault_does_what_its_plan_says_and_keeps_every_promise() {
    for seed in 0..8 {
        let evidence = keeps_every_promise(&stormy(seed));
        let counted = |wanted: fn(&What) -> bool| {
            evidence.history.lines.iter().filter(|line| wanted(&line.what)).count()
        };
        // Two crashes and two ends of disk faults stop it; each time it comes back.
        assert_eq!(counted(|what| matches!(what, What::Crashed)), 4);
        assert_eq!(counted(|what| matches!(what, What::Started)), 5);
        assert_eq!(counted(|what| matches!(what, What::Sent { .. })), 15);
        assert!(counted(|what| matches!(what, What::Acknowledged { .. })) >= 15);
        assert_eq!(counted(|what| matches!(what, What::Decided { .. })), 2);
    }
}

#[test]
fn partitions_of_every_kind_and_a_crash_in_the_middle_of_recovery_break_no_promise() {
    for seed in 0..4 {
        let mut plan = calm(seed);
        // The second of the storm: the power fails, and is back after 20 milliseconds.
        let crash = stormy(seed).faults.into_iter().rfind(|it| it.kind.name() == "crash").unwrap();
        assert_eq!(crash.kind.lasts(), Duration::from_millis(20));
        let crash = |at| Fault { at: Duration::from_millis(at), ..crash.clone() };
        let partitions = [(3, 1, Ways::Both), (7, 2, Ways::ToEngine), (11, 1, Ways::FromEngine)];
        for (at, client, ways) in partitions {
            let kind = FaultKind::Partition { client, ways, lasts: seconds(3) };
            plan.faults.push(Fault { at: seconds(at), kind });
            // It crashes behind the cut: half-open connections until the heal.
            plan.faults.push(crash(at * 1_000 + 500));
        }
        plan.faults.extend([20_000, 20_021, 20_042].map(crash));
        plan.sort();
        keeps_every_promise(&plan);
    }
}

/// The gaps that were open at some time.
fn gaps(evidence: &Evidence) -> BTreeSet<String> {
    let controls = evidence.log.controls.iter();
    controls
        .filter_map(|(_, control)| match control {
            Control::GapOpened { gap, .. } => Some(gap.split('@').next()?.to_owned()),
            _ => None,
        })
        .collect()
}

#[test]
fn a_calm_plan_opens_gaps_of_the_same_clauses_as_in_the_native_lane() {
    for seed in 0..4 {
        let (here, there) = (gaps(&run(&calm(seed)).evidence), gaps(&evidence(&calm(seed))));
        assert!(!here.is_empty());
        assert_eq!(here, there);
    }
}

#[test]
fn the_same_plan_gives_the_same_bytes_and_another_seed_gives_others() {
    let (first, second, other) = (run(&stormy(3)), run(&stormy(3)), run(&stormy(4)));
    assert_eq!(story(&first.evidence), story(&second.evidence));
    assert_eq!(first.trace, second.trace);
    assert_ne!(first.trace, other.trace);
    // A thread of its own has seen no other run, and hashes with keys of its own.
    let elsewhere = std::thread::scope(|scope| scope.spawn(|| run(&stormy(3)).trace).join());
    assert_eq!(elsewhere.unwrap(), first.trace);
}

/// The name of the next test, and what it says.
const SPEAKS: (&str, &str) = ("runs::the_hashes_of_a_few_runs_can_be_told_apart", "hashes: ");

/// The runs that two processes are compared by.
fn hashes() -> String {
    let mut plans: Vec<Plan> = (0..3).map(stormy).collect();
    plans.extend((0..3).map(|seed| write(seed, &scenario("crm.toml"))));
    let hashes: Vec<String> = plans.iter().map(|plan| run(plan).trace).collect();
    assert_eq!(hashes.iter().collect::<BTreeSet<_>>().len(), plans.len());
    hashes.join(" ")
}

#[test]
#[expect(clippy::print_stdout, reason = "the test below reads it in another process")]
fn the_hashes_of_a_few_runs_can_be_told_apart() {
    println!("{}{}", SPEAKS.1, hashes());
}

#[test]
#[expect(clippy::disallowed_methods, reason = "two processes are what this test is about")]
fn two_processes_give_the_same_hashes() {
    let exe = std::env::current_exe().unwrap();
    let said = || {
        let output =
            Command::new(&exe).args(["--exact", SPEAKS.0, "--nocapture"]).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let line = text.lines().find_map(|line| Some(line.split_once(SPEAKS.1)?.1.to_owned()));
        line.unwrap_or_else(|| panic!("{text}"))
    };
    let own = hashes();
    assert_eq!(said(), own);
    assert_eq!(said(), own);
}

#[expect(clippy::disallowed_methods, reason = "a test reads the files that it is about")]
fn scenario(name: &str) -> Scenario {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scenarios");
    let read = |name: &str| {
        std::fs::read_to_string(folder.join(name)).map_err(|error| format!("{name}: {error}"))
    };
    Scenario::from_toml(&read(name).unwrap(), read).unwrap_or_else(|errors| panic!("{errors}"))
}

#[test]
fn a_few_seeds_of_each_scenario_keep_every_promise() {
    for (name, seeds) in [("crm.toml", 0..6), ("claims.toml", 0..3), ("permits.toml", 0..3)] {
        let scenario = scenario(name);
        for seed in seeds {
            let judged = run_and_judge(LANE, &write(seed, &scenario)).unwrap();
            let told = judged.run.as_ref().map(|run| story(&run.evidence)).unwrap_or_default();
            assert!(
                judged.violations.is_empty(),
                "{name} {seed}: {:#?}\n{told}",
                judged.violations
            );
        }
    }
}
