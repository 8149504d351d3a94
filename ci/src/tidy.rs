//! The house's own rules that no compiler knows: sizes, openings, maps that tell the truth.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use crate::Findings;

/// Lines of one Rust file, tests excluded. Beyond this a file has outgrown one idea.
const FILE_LINES_MAX: usize = 800;

/// What does not belong into landed text. Spelled apart so that this file passes its own check.
const BANNED: [&str; 4] = [
    concat!("TO", "DO"),
    concat!("FIX", "ME"),
    concat!("XX", "X:"),
    concat!("../", "shared/design"),
];

pub(crate) fn check(root: &Path) -> Result<Findings, String> {
    let mut findings = Findings::new();
    for path in files(root, &["engine", "sim", "benches", "ci"], "rs")? {
        check_source(root, &path, &mut findings)?;
    }
    check_paths_exist(root, "ARCHITECTURE.md", &mut findings)?;
    check_paths_exist(root, "README.md", &mut findings)?;
    check_map_lines(root, &mut findings)?;
    check_snapshots_are_used(root, &mut findings)?;
    Ok(findings)
}

fn check_source(root: &Path, path: &Path, findings: &mut Findings) -> Result<(), String> {
    let text = read(path)?;
    let shown = shown(root, path);
    let is_test = shown.contains("/tests/") || shown.ends_with("/tests.rs");
    let lines = text.lines().take_while(|line| *line != "#[cfg(test)]").count();
    if !is_test && lines > FILE_LINES_MAX {
        findings
            .push(format!("{shown}: {lines} lines, at most {FILE_LINES_MAX}; split it by ideas"));
    }
    if !is_test && !text.starts_with("//!") {
        findings.push(format!("{shown}: does not open with `//!`; say what it does in one breath"));
    }
    if ["mod.rs", "util.rs", "utils.rs", "helpers.rs", "common.rs", "misc.rs", "types.rs", "imp.rs"]
        .iter()
        .any(|name| path.ends_with(name))
    {
        findings.push(format!("{shown}: a name that says nothing; name it after what it does"));
    }
    for (number, line) in text.lines().enumerate() {
        if let Some(word) = BANNED.iter().find(|word| line.contains(**word)) {
            findings.push(format!(
                "{shown}:{}: `{word}` may not land; do it, or say why not",
                number + 1
            ));
        }
    }
    Ok(())
}

/// Every path in backticks that a map names exists.
fn check_paths_exist(root: &Path, map: &str, findings: &mut Findings) -> Result<(), String> {
    let text = read(&root.join(map))?;
    for (number, line) in text.lines().enumerate() {
        for quoted in line.split('`').skip(1).step_by(2) {
            let first = quoted.split('/').next().unwrap_or_default();
            let is_path = quoted.contains('/')
                && ["engine", "sim", "scenarios", "snapshots", "benches", "ci"].contains(&first)
                && !quoted.contains(['*', '<', '{', ' ']);
            if is_path && !root.join(quoted).exists() {
                findings.push(format!("{map}:{}: `{quoted}` does not exist", number + 1));
            }
        }
    }
    Ok(())
}

/// ARCHITECTURE.md describes each room with the very words that its crate doc opens with.
fn check_map_lines(root: &Path, findings: &mut Findings) -> Result<(), String> {
    let map = read(&root.join("ARCHITECTURE.md"))?;
    let engine = root.join("engine");
    for room in subfolders(&engine)? {
        let library = room.join("src/lib.rs");
        let source = if library.exists() { library } else { room.join("src/main.rs") };
        let text = read(&source)?;
        let opening = text.lines().next().unwrap_or_default().trim_start_matches("//!").trim();
        if opening.is_empty() || !map.contains(opening) {
            let shown = shown(root, &source);
            findings.push(format!(
                "ARCHITECTURE.md: does not say `{opening}`, the first line of {shown}"
            ));
        }
    }
    Ok(())
}

/// A golden whose test has gone is a lie that nobody checks: its file name must stand in some test.
fn check_snapshots_are_used(root: &Path, findings: &mut Findings) -> Result<(), String> {
    let mut sources = String::new();
    for path in files(root, &["engine", "sim", "ci"], "rs")? {
        sources.push_str(&read(&path)?);
    }
    let data: BTreeSet<String> = files(root, &["scenarios"], "intent")?
        .iter()
        .filter_map(|path| path.file_stem().map(|stem| stem.to_string_lossy().into_owned()))
        .collect();
    for path in files(root, &["snapshots"], "snap")? {
        let stem =
            path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
        let named = sources.contains(&format!("\"{stem}\"")) || data.contains(&stem);
        let composed = stem
            .split(['-', '@', '.'])
            .next()
            .is_some_and(|head| sources.contains(&format!("\"{head}")));
        if !named && !composed {
            findings.push(format!("{}: no test names this golden; delete it", shown(root, &path)));
        }
    }
    Ok(())
}

fn files(root: &Path, folders: &[&str], extension: &str) -> Result<Vec<PathBuf>, String> {
    let mut found = Vec::new();
    let mut pending: Vec<PathBuf> = folders.iter().map(|folder| root.join(folder)).collect();
    while let Some(folder) = pending.pop() {
        if !folder.exists() {
            continue;
        }
        for entry in entries(&folder)? {
            if entry.is_dir() {
                if !entry.ends_with("target") {
                    pending.push(entry);
                }
            } else if entry.extension().is_some_and(|found| found == extension) {
                found.push(entry);
            }
        }
    }
    found.sort();
    Ok(found)
}

fn subfolders(folder: &Path) -> Result<Vec<PathBuf>, String> {
    Ok(entries(folder)?.into_iter().filter(|entry| entry.join("Cargo.toml").exists()).collect())
}

fn entries(folder: &Path) -> Result<Vec<PathBuf>, String> {
    let listing = fs::read_dir(folder)
        .map_err(|error| format!("cannot list {}: {error}", folder.display()))?;
    let mut entries: Vec<PathBuf> = listing.flatten().map(|entry| entry.path()).collect();
    entries.sort();
    Ok(entries)
}

fn read(path: &Path) -> Result<String, String> {
    fs::read_to_string(path).map_err(|error| format!("cannot read {}: {error}", path.display()))
}

fn shown(root: &Path, path: &Path) -> String {
    path.strip_prefix(root).unwrap_or(path).display().to_string()
}
