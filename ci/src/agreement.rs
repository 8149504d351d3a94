//! Holds the incremental evaluator equal to the reference on many generated specs and logs.
//!
//! In: how many cases, and the first seed. Out: how often each construct came up, or the smallest
//! case that the two see differently. Never: a debug build; a million cases take minutes without.
//! Promise: the same numbers give the same cases. Start reading at [`run`].

use std::path::Path;
use std::process::Command;

use crate::Findings;
use crate::arguments::number_after;

/// As many as the tests of `engine/graph` run, which are the first seeds.
const CASES: u64 = 10_000;

pub(crate) fn run(root: &Path, arguments: &[String]) -> Result<Findings, String> {
    let cases = number_after(arguments, "--cases")?.unwrap_or(CASES);
    let from = number_after(arguments, "--from")?.unwrap_or(0);
    let status = Command::new(env!("CARGO"))
        .args(["run", "--quiet", "--release", "--package", "homeostat-ci-agreement", "--"])
        .args([cases.to_string(), from.to_string()])
        .current_dir(root)
        .status()
        .map_err(|error| format!("cannot run cargo run: {error}"))?;
    let mut findings = Findings::new();
    if !status.success() {
        findings.push(
            "the evaluators differ, as said above; see engine/graph/src/reference.rs".to_owned(),
        );
    }
    Ok(findings)
}
