//! Runs the targets of `sim/fuzz` under libFuzzer, which comes with bolero's sources.
//!
//! In: a part of a target's name, seconds for each. Out: how many inputs were tried, and what broke.
//! Never: another toolchain; the coverage pass is in the stable compiler, and no sanitizer is used,
//! since there is no unsafe code here. `cargo bolero` does the same where it is installed.
//! Promise: the corpus stays in `target/fuzz` and grows from run to run; what broke a target is
//! kept in `sim/fuzz/kept/<target>`, and the plain test runs it first ever after.
//! Start reading at [`run`].

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::Findings;
use crate::arguments::number_after;

/// What libFuzzer needs to see of the code; the first two flags are read by bolero.
const COVERAGE: [&str; 8] = [
    "--cfg fuzzing",
    "--cfg fuzzing_libfuzzer",
    "-Cpasses=sancov-module",
    "-Cllvm-args=-sanitizer-coverage-level=4",
    "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
    "-Cllvm-args=-sanitizer-coverage-pc-table",
    "-Cllvm-args=-sanitizer-coverage-trace-compares",
    "-Cllvm-args=-sanitizer-coverage-stack-depth",
];
/// What every build of this workspace has: `RUSTFLAGS` replaces what `.cargo/config.toml` says.
const HOUSE: [&str; 2] = ["--cfg madsim", "--cfg tokio_unstable"];

const FOLDER: &str = "target/fuzz";
const PACKAGE: &str = "homeostat-sim-fuzz";
/// Longer than this, and an input is taken for one that never ends.
const INPUT_SECONDS_MAX: u64 = 30;

pub(crate) fn run(root: &Path, arguments: &[String]) -> Result<Findings, String> {
    let seconds = number_after(arguments, "--seconds")?.unwrap_or(60);
    let wanted = arguments.first().filter(|first| !first.starts_with("--"));
    let program = build(root)?;
    let all = targets(root, &program)?;
    let chosen: Vec<&String> =
        all.iter().filter(|name| wanted.is_none_or(|wanted| name.contains(wanted))).collect();
    if chosen.is_empty() {
        let wanted = wanted.map_or("", String::as_str);
        return Err(format!("no target is named `{wanted}`; there are\n  {}", all.join("\n  ")));
    }
    let mut findings = Findings::new();
    for target in chosen {
        fuzz(root, &program, target, seconds, &mut findings)?;
    }
    Ok(findings)
}

/// The program with all targets, which knows what an input reached. It has a target folder of its
/// own, so that ordinary builds stay as they are.
fn build(root: &Path) -> Result<PathBuf, String> {
    println!("building {PACKAGE} with coverage in {FOLDER}; the first time takes minutes");
    let output = Command::new(env!("CARGO"))
        .args(["test", "--no-run", "--package", PACKAGE, "--test", "targets"])
        // With a target named, its flags do not reach build scripts, which could not be linked.
        .args(["--target", &host()?, "--target-dir", FOLDER, "--message-format", "json"])
        .env("RUSTFLAGS", [COVERAGE.as_slice(), HOUSE.as_slice()].concat().join(" "))
        .env("BOLERO_FUZZER", "libfuzzer")
        .current_dir(root)
        .stderr(Stdio::inherit())
        .output()
        .map_err(|error| format!("cannot run cargo test: {error}"))?;
    String::from_utf8_lossy(&output.stdout)
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .filter_map(|message| message.get("executable").and_then(Value::as_str).map(PathBuf::from))
        .next_back()
        .ok_or_else(|| format!("cargo test of `{PACKAGE}` made no program"))
}

/// The machine's own target triple.
fn host() -> Result<String, String> {
    let output = Command::new("rustc")
        .arg("-vV")
        .output()
        .map_err(|error| format!("cannot run rustc: {error}"))?;
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    let host = told.lines().find_map(|line| line.strip_prefix("host: "));
    host.map(str::to_owned).ok_or_else(|| "rustc does not say its host".to_owned())
}

/// The names of all targets, as the program gives them to `cargo bolero`.
fn targets(root: &Path, program: &Path) -> Result<Vec<String>, String> {
    let output = Command::new(program)
        .args(["--nocapture", "--test-threads", "1"])
        .env("CARGO_BOLERO_SELECT", "all")
        .current_dir(root)
        .output()
        .map_err(|error| format!("cannot run {}: {error}", program.display()))?;
    let mut names: Vec<String> = String::from_utf8_lossy(&output.stdout)
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .filter_map(|told| told.get("test_name").and_then(Value::as_str).map(str::to_owned))
        .collect();
    names.sort();
    Ok(names)
}

fn fuzz(
    root: &Path,
    program: &Path,
    target: &str,
    seconds: u64,
    findings: &mut Findings,
) -> Result<(), String> {
    // A `::` in a file's name is not for every system.
    let name = target.replace("::", "-");
    let (corpus, kept) = (format!("{FOLDER}/corpus/{name}"), format!("sim/fuzz/kept/{name}"));
    for folder in [&corpus, &kept] {
        fs::create_dir_all(root.join(folder))
            .map_err(|error| format!("cannot create {folder}: {error}"))?;
    }
    let told = format!("{FOLDER}/{name}.log");
    let log = fs::File::create(root.join(&told))
        .map_err(|error| format!("cannot create {told}: {error}"))?;
    let said = log.try_clone().map_err(|error| format!("cannot write {told}: {error}"))?;
    let engine = format!(
        "{corpus} {kept} -artifact_prefix={kept}/ -max_total_time={seconds} -max_len=4096 \
         -len_control=0 -print_final_stats=1"
    );
    let child = Command::new(program)
        .args([target, "--exact", "--nocapture", "--quiet", "--test-threads", "1"])
        .env("BOLERO_TEST_NAME", target)
        .env("BOLERO_LIBTEST_HARNESS", "1")
        .env("BOLERO_LIBFUZZER_ARGS", engine)
        .current_dir(root)
        .stdout(log)
        .stderr(said)
        .spawn()
        .map_err(|error| format!("cannot run {}: {error}", program.display()))?;
    let status = ended(child, seconds)?;
    // Stays when something is in it.
    drop(fs::remove_dir(root.join(&kept)));
    let report =
        fs::read(root.join(&told)).map_err(|error| format!("cannot read {told}: {error}"))?;
    let report = String::from_utf8_lossy(&report);
    println!("{}", summary(target, &report, seconds));
    if !status.success() {
        let input = report.lines().find_map(|line| line.split_once("Test unit written to "));
        let input = input.map_or("no input was written", |(_, input)| input);
        findings.push(format!(
            "{target}: broken by {input}, see {told}; `cargo test -p {PACKAGE} {target}` runs it again"
        ));
    }
    Ok(())
}

/// How the engine ended. Its own limit for one input does not work here, since the test harness
/// runs a target beside the main thread, so an input that never ends is caught from outside: the
/// engine keeps the input that it is at when it is aborted.
fn ended(mut child: Child, seconds: u64) -> Result<ExitStatus, String> {
    let deadline = Instant::now() + Duration::from_secs(seconds + INPUT_SECONDS_MAX);
    let failed = |error: std::io::Error| format!("cannot wait for libFuzzer: {error}");
    let mut aborted = false;
    loop {
        if let Some(status) = child.try_wait().map_err(failed)? {
            return Ok(status);
        }
        if Instant::now() > deadline && !aborted {
            aborted = true;
            let pid = child.id().to_string();
            Command::new("kill").args(["-ABRT", &pid]).status().map_err(failed)?;
        }
        thread::sleep(Duration::from_millis(200));
    }
}

/// One line about a run.
fn summary(target: &str, report: &str, seconds: u64) -> String {
    let stat = |name: &str| {
        let line = report.lines().rev().find(|line| line.starts_with(name))?;
        line.rsplit(' ').next().map(str::to_owned)
    };
    let reached = |name: &str| {
        let line = report.lines().rev().find(|line| line.contains(name))?;
        line.split(name).nth(1)?.split_whitespace().next().map(str::to_owned)
    };
    let inputs = stat("stat::number_of_executed_units:").unwrap_or_else(|| "?".to_owned());
    let edges = reached(" cov: ").unwrap_or_else(|| "?".to_owned());
    let corpus = reached(" corp: ").unwrap_or_else(|| "?".to_owned());
    format!("{target}: {inputs} inputs in {seconds} s, {edges} edges reached, corpus {corpus}")
}
