//! Mutated texts in bulk: the robustness test of `engine/intent`, in release, with as many inputs
//! as are asked for.
//!
//! In: how many, and from which seed. Out: what the test says; a finding when it fails.
//! Never: other mutations than the ordinary run's, which does the first few of them.
//! Start reading at [`run`].

use std::path::Path;
use std::process::Command;

use crate::Findings;
use crate::arguments::number_after;

/// What one long run tries.
const INPUTS: u64 = 200_000;

pub(crate) fn run(root: &Path, arguments: &[String]) -> Result<Findings, String> {
    let inputs = number_after(arguments, "--inputs")?.unwrap_or(INPUTS);
    let seed = number_after(arguments, "--seed")?.unwrap_or(7);
    let test = "any_mutation_of_the_corpus_is_read_without_panic_loss_or_cascade";
    let status = Command::new(env!("CARGO"))
        .args(["test", "--release", "--package", "homeostat-intent", "--test", "robustness"])
        .args(["--", "--exact", test, "--nocapture"])
        .env("HOMEOSTAT_MUTATED_INPUTS", inputs.to_string())
        .env("HOMEOSTAT_MUTATED_SEED", seed.to_string())
        .current_dir(root)
        .status()
        .map_err(|error| format!("cannot run cargo test: {error}"))?;
    if status.success() {
        return Ok(Findings::new());
    }
    Ok(vec![format!("a mutated text breaks a promise; the same with `--seed {seed}`, see above")])
}
