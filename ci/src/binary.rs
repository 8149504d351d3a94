//! Builds a program of this workspace and says where it is.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

/// The debug binary of `package`, built now if need be.
pub(crate) fn binary_of(root: &Path, package: &str) -> Result<PathBuf, String> {
    binary_with(root, package, &[])
}

/// The same with other settings in cargo's environment, such as flags and a folder of their own.
pub(crate) fn binary_with(
    root: &Path,
    package: &str,
    settings: &[(&str, &str)],
) -> Result<PathBuf, String> {
    let output = Command::new(env!("CARGO"))
        .args(["build", "--quiet", "--package", package, "--message-format", "json"])
        .current_dir(root)
        .envs(settings.iter().copied())
        .stderr(Stdio::inherit())
        .output()
        .map_err(|error| format!("cannot run cargo build: {error}"))?;
    String::from_utf8_lossy(&output.stdout)
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .filter_map(|message| message.get("executable").and_then(Value::as_str).map(PathBuf::from))
        .next_back()
        .ok_or_else(|| format!("cargo build of `{package}` made no binary"))
}
