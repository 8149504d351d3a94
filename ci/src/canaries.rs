//! Shows that no oracle is blind: builds an engine in which defects can be planted, and has each
//! caught by the oracle that is there for it.
//!
//! In: `homeostat-sim canaries`, built with the feature `canary`.
//! Out: survivors, Plans that stayed large, seeds that fail with nothing planted; the table of
//! `sim/README.md`. Never: plants anything in an ordinary build.
//! Promise: what the table says was seen by this very run. Start reading at [`run`].

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::io::{BufRead, BufReader};
use std::num::NonZero;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;

use serde_json::Value;

use crate::Findings;
use crate::binary::binary_with;

/// A Plan with more faults than this was not made small.
const FAULTS_MAX: u64 = 5;
const PAGE: &str = "sim/README.md";
const BEGINS: &str = "<!-- canaries: what follows is written by `cargo ci canaries --write` -->";
const ENDS: &str = "<!-- canaries end -->";

pub(crate) fn run(root: &Path, arguments: &[String]) -> Result<Findings, String> {
    println!("building homeostat-sim with defects; the first time takes minutes");
    let program = binary_with(root, "homeostat-sim", "homeostat-world/canary")?;
    let has = |flag: &str| arguments.iter().any(|it| it == flag);
    let named: Vec<String> = arguments.iter().filter(|it| !it.starts_with("--")).cloned().collect();
    let names =
        if named.is_empty() { listed(root, &program, has("--quick"))? } else { named.clone() };
    let rows = hunted(root, &program, &names)?;
    let findings: Findings = rows.iter().filter_map(finding).collect();
    if has("--write") && named.is_empty() && !has("--quick") && findings.is_empty() {
        write(root, &table(&rows))?;
    }
    Ok(findings)
}

/// Every canary; or the first one of each oracle.
fn listed(root: &Path, program: &Path, quick: bool) -> Result<Vec<String>, String> {
    let listed = Command::new(program)
        .args(["canaries", "--list"])
        .current_dir(root)
        .output()
        .map_err(|error| format!("cannot run {}: {error}", program.display()))?;
    let mut seen = BTreeSet::new();
    let text = String::from_utf8_lossy(&listed.stdout).into_owned();
    let words = text.lines().map(|line| line.split_whitespace());
    Ok(words
        .filter_map(|mut words| Some((words.next()?.to_owned(), words.next()?.to_owned())))
        .filter(|(oracle, _)| seen.insert(oracle.clone()) || !quick)
        .map(|(_, name)| name)
        .collect())
}

/// Hunts them in as many processes as there are cores, since a defect is planted in all of a process.
/// Their rows, in the order of `names`, and then what is not of one canary.
fn hunted(root: &Path, program: &Path, names: &[String]) -> Result<Vec<Value>, String> {
    let cores = thread::available_parallelism().map_or(1, NonZero::get);
    // Neighbours in the list are alike, and so is what they cost.
    let part = |nth: usize| names.iter().skip(nth).step_by(cores).cloned().collect::<Vec<_>>();
    let parts: Vec<Vec<String>> = (0..cores).map(part).filter(|part| !part.is_empty()).collect();
    let mut rows = Vec::new();
    thread::scope(|scope| {
        let hunts: Vec<_> =
            parts.iter().map(|part| scope.spawn(|| hunt(root, program, part))).collect();
        for hunt in hunts {
            rows.extend(hunt.join().map_err(|_panic| "a hunt broke off".to_owned())??);
        }
        Ok::<_, String>(())
    })?;
    let place = |row: &Value| {
        let place = names.iter().position(|name| name == text(row, "canary"));
        place.unwrap_or(names.len())
    };
    rows.sort_by_key(place);
    Ok(rows)
}

/// Runs one hunt and tells of each row as it comes.
fn hunt(root: &Path, program: &Path, names: &[String]) -> Result<Vec<Value>, String> {
    let mut child = Command::new(program)
        .args(["canaries", "--format", "json"])
        .args(names)
        .current_dir(root)
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|error| format!("cannot run {}: {error}", program.display()))?;
    let mut rows = Vec::new();
    for line in child.stdout.take().into_iter().flat_map(|out| BufReader::new(out).lines()) {
        let line = line.map_err(|error| format!("cannot read what the hunt says: {error}"))?;
        let row: Value = serde_json::from_str(&line)
            .map_err(|error| format!("the hunt says `{line}`, which is no JSON: {error}"))?;
        println!("{}", progress(&row));
        rows.push(row);
    }
    let status = child.wait().map_err(|error| format!("cannot wait for the hunt: {error}"))?;
    // Exit code 1 means survivors, which are findings; anything else is no result at all.
    match status.code() {
        Some(0 | 1) if !rows.is_empty() => Ok(rows),
        _ => Err(format!("`homeostat-sim canaries` ended with {status}")),
    }
}

fn text<'r>(row: &'r Value, key: &str) -> &'r str {
    row.get(key).and_then(Value::as_str).unwrap_or_default()
}

fn number(row: &Value, key: &str) -> u64 {
    row.get(key).and_then(Value::as_u64).unwrap_or_default()
}

fn seconds(row: &Value) -> String {
    format!("{:.2}", row.get("cpu_seconds").and_then(Value::as_f64).unwrap_or_default())
}

fn progress(row: &Value) -> String {
    if row.get("control").is_some() {
        let (name, seeds, failed) =
            (text(row, "control"), number(row, "seeds"), number(row, "failed"));
        return format!("{name}: {failed} of {seeds} seeds fail with nothing planted");
    }
    let (oracle, name) = (text(row, "oracle"), text(row, "canary"));
    let (seeds, spent) = (number(row, "seeds"), seconds(row));
    match row.get("caught").filter(|caught| !caught.is_null()) {
        None => format!("{oracle}: {name} SURVIVED {seeds} seeds, {spent} s"),
        Some(small) => {
            let faults = counted(number(small, "faults"), "fault");
            let seeds = counted(seeds, "seed");
            format!("{oracle}: {name} caught after {seeds}, {spent} s; {faults} left")
        }
    }
}

fn finding(row: &Value) -> Option<String> {
    let seeds = number(row, "seeds");
    if row.get("control").is_some() {
        let (name, failed) = (text(row, "control"), number(row, "failed"));
        return (failed > 0)
            .then(|| format!("{name}: {failed} of {seeds} seeds fail with nothing planted"));
    }
    let (oracle, name, defect) = (text(row, "oracle"), text(row, "canary"), text(row, "defect"));
    let Some(small) = row.get("caught").filter(|caught| !caught.is_null()) else {
        return Some(format!(
            "oracle `{oracle}` is blind: {defect} (`{name}`), and it did not complain in {seeds} seeds"
        ));
    };
    let faults = number(small, "faults");
    (faults > FAULTS_MAX).then(|| {
        format!("`{name}`: the Plan keeps {faults} faults, at most {FAULTS_MAX} are wanted")
    })
}

/// The page's table.
fn table(rows: &[Value]) -> String {
    let mut page = String::from(
        "| oracle | defect | scenario, lane | seeds | CPU s | what is left of the Plan |\n\
         |---|---|---|---|---|---|\n",
    );
    for row in rows.iter().filter(|row| row.get("canary").is_some()) {
        let Some(small) = row.get("caught") else { continue };
        // Writing to a String cannot fail.
        writeln!(
            page,
            "| `{}` | {} | {}, {} | {} | {} | {}, {}, {} |",
            text(row, "oracle"),
            text(row, "defect"),
            text(row, "scenario"),
            text(row, "lane"),
            number(row, "seeds"),
            seconds(row),
            counted(number(small, "faults"), "fault"),
            counted(number(small, "steps"), "step"),
            counted(number(small, "events"), "event"),
        )
        .unwrap_or_default();
    }
    page
}

fn counted(count: u64, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
}

/// Puts the table between its marks.
fn write(root: &Path, table: &str) -> Result<(), String> {
    let path = root.join(PAGE);
    let page = fs::read_to_string(&path).map_err(|error| format!("cannot read {PAGE}: {error}"))?;
    let parts = page.split_once(BEGINS).and_then(|(head, rest)| {
        let (_, tail) = rest.split_once(ENDS)?;
        Some((head, tail))
    });
    let (head, tail) = parts.ok_or_else(|| {
        format!("{PAGE} has no place for the table: expected `{BEGINS}` and, below it, `{ENDS}`")
    })?;
    fs::write(&path, format!("{head}{BEGINS}\n\n{table}\n{ENDS}{tail}"))
        .map_err(|error| format!("cannot write {PAGE}: {error}"))?;
    println!("the table in {PAGE} is written");
    Ok(())
}
