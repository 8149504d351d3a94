//! Builds a program of this workspace and says where it is.
//!
//! Promise: what is built here has the features that the tests have, so that nothing is compiled twice: not the
//! libraries, and not this workspace's own crates. Start reading at [`binary_of`].

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

/// The debug binary `name`, built now if need be.
pub(crate) fn binary_of(root: &Path, name: &str) -> Result<PathBuf, String> {
    // With the tests, since cargo unites the features of all that it builds at once.
    built(root, name, &["--bins", "--tests"])
}

/// The same with a feature. Not where [`binary_of`] says: the next build there puts another in its place.
pub(crate) fn binary_with(root: &Path, name: &str, feature: &str) -> Result<PathBuf, String> {
    let built = built(root, name, &["--bin", name, "--features", feature])?;
    let folder = built.parent().ok_or("a binary lies in a folder")?.join("with-feature");
    let copy = folder.join(name);
    let copied = std::fs::create_dir_all(&folder).and_then(|()| std::fs::copy(&built, &copy));
    copied.map_err(|error| format!("cannot copy `{}` away: {error}", built.display()))?;
    Ok(copy)
}

fn built(root: &Path, name: &str, what: &[&str]) -> Result<PathBuf, String> {
    let output = Command::new(env!("CARGO"))
        .args(["build", "--quiet", "--workspace", "--message-format", "json"])
        .args(what)
        .current_dir(root)
        .stderr(Stdio::inherit())
        .output()
        .map_err(|error| format!("cannot run cargo build: {error}"))?;
    let is_it = |message: &Value| {
        let text = |place| message.pointer(place).and_then(Value::as_str);
        text("/target/name") == Some(name)
            && text("/target/kind/0") == Some("bin")
            && message.pointer("/profile/test").and_then(Value::as_bool) == Some(false)
    };
    String::from_utf8_lossy(&output.stdout)
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .filter(is_it)
        .filter_map(|message| message.get("executable").and_then(Value::as_str).map(PathBuf::from))
        .next_back()
        .ok_or_else(|| format!("cargo build made no binary `{name}`"))
}
