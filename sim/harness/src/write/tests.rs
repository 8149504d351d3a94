//! What seeds write, and what is said about a scenario that makes no sense.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeSet;

use super::*;
use crate::plan::{Operation, Version};

/// The files of `scenarios/`, as a reader of files would find them.
fn file(name: &str) -> Result<String, String> {
    let text = match name.trim_start_matches("../") {
        "specs/crm/customer_platform.intent" => {
            include_str!("../../../../scenarios/specs/crm/customer_platform.intent")
        }
        "specs/crm/declarations.intent" => {
            include_str!("../../../../scenarios/specs/crm/declarations.intent")
        }
        "specs/claims/domestic.intent" => {
            include_str!("../../../../scenarios/specs/claims/domestic.intent")
        }
        "specs/permits/receipt.intent" => {
            include_str!("../../../../scenarios/specs/permits/receipt.intent")
        }
        "agents/crm.toml" => include_str!("../../../../scenarios/agents/crm.toml"),
        _ => return Err("no such file".to_owned()),
    };
    Ok(text.to_owned())
}

fn scenarios() -> Vec<Scenario> {
    [
        include_str!("../../../../scenarios/crm.toml"),
        include_str!("../../../../scenarios/claims.toml"),
        include_str!("../../../../scenarios/permits.toml"),
        include_str!("../../../../scenarios/calm.toml"),
    ]
    .map(|text| Scenario::from_toml(text, file).unwrap())
    .into()
}

#[test]
fn the_same_seed_writes_the_same_bytes_and_another_writes_others() {
    for scenario in scenarios() {
        let text = |seed| write(seed, &scenario).to_toml();
        assert_eq!(text(5), text(5));
        assert_ne!(text(5), text(6));
    }
}

#[test]
fn every_plan_of_two_hundred_seeds_is_valid_and_reads_back() {
    for scenario in scenarios() {
        for seed in 0..200 {
            let plan = write(seed, &scenario);
            plan.check().unwrap_or_else(|errors| unreachable!("seed {seed}: {errors}"));
            let text = plan.to_toml();
            assert_eq!(Plan::from_toml(&text).unwrap(), plan, "seed {seed}");
            // Loading the same spec again and again is slow; the agents differ by seed.
            if seed % 20 == 0 {
                plan.prepare().unwrap_or_else(|errors| unreachable!("seed {seed}: {errors}"));
            }
        }
    }
}

#[test]
fn every_kind_of_fault_occurs_and_some_runs_have_none() {
    let scenario = scenarios().remove(0);
    let plans: Vec<Plan> = (0..400).map(|seed| write(seed, &scenario)).collect();
    let mut seen = BTreeSet::new();
    for plan in &plans {
        for fault in &plan.faults {
            seen.insert(match &fault.kind {
                FaultKind::Crash { after_commits: Some(_), .. } => "crash at a step",
                FaultKind::Crash { power: true, .. } => "power cut",
                FaultKind::ClockJump { .. } if fault.at == Duration::ZERO => "skewed start",
                FaultKind::ClockJump { node, .. } if node == "engine" => "engine clock",
                FaultKind::ClockJump { by_micros, .. } if *by_micros < 0 => "clock back",
                FaultKind::Adopt { spec: Version::Other, .. } => "another spec",
                FaultKind::Adopt { spec: Version::Invalid, .. } => "no spec",
                FaultKind::Adopt { spec: Version::Later, .. } => "a later spec",
                FaultKind::DiskError { on: Operation::Read, .. } => "disk_error on read",
                FaultKind::DiskError { on: Operation::Sync, .. } => "disk_error on sync",
                kind => kind.name(),
            });
        }
        for step in &plan.steps {
            seen.insert(match &step.action {
                Action::Decide { times, .. } if *times > 1 => "decide twice",
                Action::Decide { thinks, .. } if *thinks > Duration::ZERO => "decide late",
                Action::Decide { .. } => "decide",
                Action::Read { .. } => "read",
                Action::Append { times, .. } if *times > 1 => "duplicate",
                Action::Append { .. } => "append",
                Action::Adopt => "adopt a version",
                Action::Answer { decision: Decision::Backfill } => "let the past be done",
                Action::Answer { .. } => "let the past be",
                Action::Check => "check",
                Action::Report { .. } => unreachable!("nothing in this spec is left to people"),
            });
        }
        seen.extend(plan.faults.is_empty().then_some("quiet"));
        let agents = plan.agents.text.as_deref().unwrap_or_default();
        let odd = agents.contains("plan =") || agents.contains("chance =");
        seen.insert(if odd { "odd agents" } else { "good agents" });
    }
    let wanted = [
        "a later spec",
        "adopt",
        "adopt a version",
        "another spec",
        "append",
        "bit_rot",
        "check",
        "clock back",
        "clock_drift",
        "clock_jump",
        "crash",
        "crash at a step",
        "decide",
        "decide late",
        "decide twice",
        "disk_error",
        "disk_error on read",
        "disk_error on sync",
        "disk_full",
        "duplicate",
        "engine clock",
        "good agents",
        "half_open",
        "let the past be",
        "let the past be done",
        "lost_answers",
        "no spec",
        "odd agents",
        "partition",
        "pause",
        "power cut",
        "quiet",
        "read",
        "refuse",
        "reset",
        "restart",
        "skewed start",
        "slow",
        "slow_peer",
        "slow_sync",
        "stale_log",
        "stale_pad",
    ];
    assert_eq!(seen.into_iter().collect::<Vec<_>>(), wanted);
}

#[test]
fn some_crash_falls_into_the_recovery_from_another() {
    let scenario = scenarios().remove(0);
    let falls = |seed: &u64| {
        let plan = write(*seed, &scenario);
        let outages: Vec<_> = plan.faults.iter().filter(|it| it.kind.stops_engine()).collect();
        outages.windows(2).any(|pair| {
            let [first, second] = pair else { return false };
            second.at.as_micros() - first.ends().as_micros() <= 50_000
        })
    };
    assert!((0..200).any(|seed| falls(&seed)));
}

#[test]
fn families_that_may_not_be_on_never_are() {
    let mut scenario = scenarios().remove(0);
    scenario.families = vec![Family::Net];
    for seed in 0..50 {
        let plan = write(seed, &scenario);
        let of_net = |kind: &FaultKind| kind.client().is_some();
        assert!(plan.faults.iter().all(|fault| of_net(&fault.kind)), "seed {seed}");
        let plain = |action: &Action| {
            matches!(action, Action::Append { times: 1, .. } | Action::Read { .. })
        };
        assert!(plan.steps.iter().all(|step| plain(&step.action)));
    }
}

#[test]
fn a_seed_of_any_size_writes_a_plan_that_reads_back() {
    let plan = write(u64::MAX, &scenarios().remove(0));
    assert_eq!(Plan::from_toml(&plan.to_toml()).unwrap(), plan);
}

#[test]
fn mistakes_in_a_scenario_are_told_together() {
    let text = "version = 3\nname = \"x\"\nspec = [\"a.intent\"]\nclients = 0\nactive = \"0s\"";
    let error = Scenario::from_toml(text, file).unwrap_err().to_string();
    for part in
        ["unknown version `3`", "file `a.intent`: no such file", "clients: `0`", "active: `0s`"]
    {
        assert!(error.contains(part), "{part} in {error}");
    }
    let text = "version = 1\nname = \"x\"\nspec = []\nfaults = [\"plague\"]";
    let error = Scenario::from_toml(text, file).unwrap_err().to_string();
    assert!(error.starts_with("line 4:") && error.contains("plague"), "{error}");
}

#[test]
fn seeds_are_a_range_or_one() {
    assert_eq!(parse_seeds("3..7"), Ok(3..7));
    assert_eq!(parse_seeds("9"), Ok(9..10));
    for bad in ["7..3", "a", "1..", "", "18446744073709551615"] {
        assert!(parse_seeds(bad).is_err(), "{bad}");
    }
}

#[test]
fn the_plans_of_the_house_can_be_run() {
    for text in [
        include_str!("../../../../scenarios/plans/power_cut_while_storing.toml"),
        include_str!("../../../../scenarios/plans/three_outages_in_a_row.toml"),
        include_str!("../../../../scenarios/plans/deadline_behind_a_partition.toml"),
    ] {
        let plan = Plan::from_toml(text).unwrap().resolved(file).unwrap();
        plan.prepare().unwrap_or_else(|errors| unreachable!("{errors}"));
    }
}

/// The examples of `sim/README.md`.
fn examples() -> Vec<String> {
    let page = include_str!("../../../README.md");
    let rest = page.split("```toml\n").skip(1);
    rest.filter_map(|rest| rest.split("```").next()).map(str::to_owned).collect()
}

#[test]
fn the_examples_of_the_readme_can_be_run() {
    let examples = examples();
    let [scenario, plan, ..] = examples.as_slice() else { unreachable!("{examples:?}") };
    let scenario = Scenario::from_toml(scenario, file).unwrap();
    write(1, &scenario).prepare().unwrap();
    let plan = Plan::from_toml(plan).unwrap().resolved(file).unwrap();
    plan.prepare().unwrap_or_else(|errors| unreachable!("{errors}"));
}
