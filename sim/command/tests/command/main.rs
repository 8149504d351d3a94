//! The command, run as people run it: processes of its own, files, exit codes.
#![expect(clippy::unwrap_used, reason = "a test may fail")]

mod suites;
mod tutorial;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn scenarios() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scenarios")
}

fn sim(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_homeostat-sim")).args(arguments).output().unwrap()
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

fn written(seed: &str, folder: &Path) -> String {
    let plan = folder.join("plan.toml").display().to_string();
    let scenario = scenarios().join("crm.toml").display().to_string();
    let output = sim(&["write", &scenario, "--seed", seed, "-o", &plan]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    plan
}

#[test]
fn two_runs_of_a_plan_in_two_processes_give_equal_bytes() {
    let folder = tempfile::tempdir().unwrap();
    for seed in ["3", "4", "5"] {
        let plan = written(seed, folder.path());
        let (first, second) =
            (sim(&["replay", "--history", &plan]), sim(&["replay", "--history", &plan]));
        assert_eq!(stdout(&first), stdout(&second));
        assert!(stdout(&first).contains(" of virtual time, trace "), "{first:?}");
        let compared = sim(&["diff", &plan]);
        assert_eq!(compared.status.code(), Some(0), "{compared:?}");
        assert!(stdout(&compared).contains(" lines, all equal"), "{compared:?}");
    }
}

#[test]
fn a_plan_that_is_written_is_the_plan_that_its_seed_runs() {
    let folder = tempfile::tempdir().unwrap();
    let plan = written("6", folder.path());
    let scenario = scenarios().join("crm.toml").display().to_string();
    let replayed = stdout(&sim(&["replay", &plan]));
    let keep = folder.path().display().to_string();
    let ran = sim(&["run", &scenario, "--seeds", "6", "--format", "json", "--keep", &keep]);
    let report: serde_json::Value = serde_json::from_str(&stdout(&ran)).unwrap();
    let trace = report.pointer("/results/0/trace").and_then(|it| it.as_str()).unwrap();
    assert!(replayed.contains(trace), "{replayed}\n{trace}");
}

#[test]
fn results_are_the_same_with_one_job_and_with_two() {
    let folder = tempfile::tempdir().unwrap();
    let scenario = scenarios().join("crm.toml").display().to_string();
    let keep = folder.path().display().to_string();
    let run = |jobs| {
        let json = ["--format", "json", "--go-on", "--keep", &keep];
        stdout(&sim(&[&["run", &scenario, "--seeds", "0..6", "--jobs", jobs], &json[..]].concat()))
    };
    assert_eq!(run("1"), run("2"));
}

#[test]
fn what_cannot_be_run_is_said_with_exit_code_two() {
    let missing = sim(&["replay", "no-such-plan.toml"]);
    assert_eq!(missing.status.code(), Some(2), "{missing:?}");
    let said = String::from_utf8(missing.stderr).unwrap();
    assert!(said.starts_with("error: cannot read `no-such-plan.toml`"), "{said}");
    let scenario = scenarios().join("crm.toml").display().to_string();
    assert_eq!(sim(&["run", &scenario, "--seeds", "5..5"]).status.code(), Some(2));
    assert_eq!(sim(&["dance"]).status.code(), Some(2));
}

#[test]
fn a_plan_that_keeps_its_promises_has_nothing_to_shrink() {
    let folder = tempfile::tempdir().unwrap();
    let plan = scenarios().join("plans/power_cut_while_storing.toml").display().to_string();
    let small = folder.path().join("small.toml").display().to_string();
    let output = sim(&["shrink", &plan, "-o", &small]);
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("there is nothing to shrink"), "{said}");
}

#[test]
fn an_ordinary_build_plants_no_defects_and_says_which_build_does() {
    let scenarios = scenarios().display().to_string();
    let output = sim(&["canaries", "raw_clock", "--scenarios", &scenarios]);
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    assert!(stderr(&output).contains("`cargo ci canaries`"), "{output:?}");
}
