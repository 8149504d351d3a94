//! The same Plan is the same run in another process, where addresses, hashes and the machine's
//! clock differ.

use std::process::Command;

use homeostat_sim_harness::run::run_and_judge;
use homeostat_sim_turmoil::LANE;

use crate::plans::{every_fault, of_seed};

/// What the runs are called; every scenario of the house is among them.
fn traces() -> Vec<String> {
    let seeds = ["crm.toml", "claims.toml", "permits.toml"];
    let mut plans: Vec<_> =
        seeds.into_iter().flat_map(|name| (20..24).map(|seed| of_seed(name, seed))).collect();
    plans.push(every_fault(1));
    let trace = |plan| run_and_judge(LANE, plan).unwrap().run.unwrap().trace;
    plans.iter().map(|plan| format!("{MARK}{}", trace(plan))).collect()
}

/// Begins the lines that are compared.
const MARK: &str = "trace of a run: ";

#[test]
#[ignore = "the other test runs it in a process of its own"]
#[expect(clippy::print_stdout, reason = "the other process reads it")]
fn say_the_traces() {
    traces().iter().for_each(|trace| println!("\n{trace}"));
}

#[test]
#[expect(clippy::disallowed_methods, reason = "two processes are what it is about")]
fn another_process_makes_the_same_runs() {
    let this = std::env::current_exe().unwrap();
    let name = "processes::say_the_traces";
    let said = Command::new(this).args(["--exact", name, "--ignored", "--nocapture"]).output();
    let said = said.unwrap();
    assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
    let there = String::from_utf8(said.stdout).unwrap();
    let there: Vec<&str> = there.lines().filter(|line| line.starts_with(MARK)).collect();
    assert_eq!(there, traces());
}
