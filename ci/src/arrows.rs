//! The floors of the house: a room may need only rooms on floors strictly below its own.
//!
//! This list is the one place that says so; the check reads `cargo metadata`.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::Findings;

/// From the ground up. `conductor` and `agents` share a floor, so neither can see the other: the
/// kernel carries messages between the machines.
const FLOORS: [&[&str]; 7] = [
    &["homeostat-world", "homeostat-intent"],
    &["homeostat-log"],
    &["homeostat-graph"],
    &["homeostat-conductor", "homeostat-agents"],
    &["homeostat-kernel"],
    &["homeostat-api", "homeostat-host"],
    &["homeostat"],
];

/// Rooms that may hold doors to the real world; nothing below the top floor may need these crates.
const REAL_WORLD: [&str; 3] = ["fjall", "nix", "process_mining"];

/// Engine crates at most; more rooms than this and nobody finds anything.
const ROOMS_MAX: usize = 12;

pub(crate) fn check(root: &Path) -> Result<Findings, String> {
    let metadata = metadata(root)?;
    let mut findings = Findings::new();
    let mut rooms = 0;
    for package in list(&metadata, "packages") {
        let name = text(package, "name");
        let manifest = text(package, "manifest_path");
        if !manifest.contains("/engine/") {
            continue;
        }
        rooms += 1;
        let Some(floor) = floor_of(name) else {
            findings.push(format!(
                "{manifest}: `{name}` stands on no floor; add it in ci/src/arrows.rs"
            ));
            continue;
        };
        let folder =
            manifest.trim_end_matches("/Cargo.toml").rsplit('/').next().unwrap_or_default();
        if name != "homeostat" && name != format!("homeostat-{folder}") {
            findings.push(format!(
                "{manifest}: folder `{folder}` holds package `{name}`; the path is the name"
            ));
        }
        for dependency in list(package, "dependencies") {
            let needs = text(dependency, "name");
            // Tests may look anywhere below the binary; what ships may not.
            if dependency.get("kind").and_then(Value::as_str) == Some("dev") {
                continue;
            }
            if needs.starts_with("homeostat-sim") {
                findings.push(format!("{manifest}: `{name}` needs `{needs}`; nothing in engine needs the proving ground"));
            }
            if floor_of(needs).is_some_and(|below| below >= floor) {
                findings.push(format!(
                    "{manifest}: `{name}` needs `{needs}`, which is not on a floor below"
                ));
            }
            let may_be_real = matches!(name, "homeostat-host" | "homeostat");
            if REAL_WORLD.contains(&needs) && !may_be_real {
                findings.push(format!("{manifest}: `{name}` needs `{needs}`; the real world enters through engine/host"));
            }
        }
    }
    if rooms > ROOMS_MAX {
        findings.push(format!("engine: {rooms} crates, at most {ROOMS_MAX}"));
    }
    Ok(findings)
}

fn floor_of(name: &str) -> Option<usize> {
    FLOORS.iter().position(|floor| floor.contains(&name))
}

fn metadata(root: &Path) -> Result<Value, String> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--no-deps", "--format-version", "1"])
        .current_dir(root)
        .output()
        .map_err(|error| format!("cannot run cargo metadata: {error}"))?;
    serde_json::from_slice(&output.stdout)
        .map_err(|error| format!("cannot read cargo metadata: {error}"))
}

fn list<'a>(value: &'a Value, key: &str) -> &'a [Value] {
    value.get(key).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value.get(key).and_then(Value::as_str).unwrap_or_default()
}
