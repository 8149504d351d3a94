use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::ALL;
use crate::oracle;

/// How a site reads in the engine.
const SITE: &str = "canary::planted(\"";

#[test]
fn every_oracle_has_a_canary_and_every_canary_an_oracle() {
    let oracles: BTreeSet<&str> = oracle::ALL.iter().map(|it| it.name).collect();
    let hunted: BTreeSet<&str> = ALL.iter().map(|it| it.oracle).collect();
    assert_eq!(oracles, hunted);
    let names: BTreeSet<&str> = ALL.iter().map(|it| it.name).collect();
    assert_eq!(names.len(), ALL.len(), "names are used once");
}

#[test]
fn what_is_planted_in_the_engine_is_what_is_hunted() {
    let mut planted: BTreeMap<String, PathBuf> = BTreeMap::new();
    let engine = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../engine");
    for file in sources(&engine) {
        for (nth, part) in read(&file).split(SITE).enumerate() {
            if nth > 0
                && let Some((name, _)) = part.split_once('"')
            {
                planted.insert(name.to_owned(), file.clone());
            }
        }
    }
    let hunted: BTreeSet<&str> = ALL.iter().map(|it| it.name).collect();
    let found: BTreeSet<&str> = planted.keys().map(String::as_str).collect();
    assert_eq!(found, hunted, "sites: {planted:#?}");
}

#[test]
fn an_ordinary_build_plants_nothing() {
    use homeostat_world::canary::{POSSIBLE, plant, planted};
    let name = ALL.first().map(|it| it.name);
    let did = plant(name);
    let there = name.is_some_and(planted);
    let gone = plant(None);
    assert_eq!((did, there, gone), (POSSIBLE, POSSIBLE, POSSIBLE));
}

#[expect(clippy::disallowed_methods, reason = "a test reads the files that it is about")]
fn read(path: &Path) -> String {
    std::fs::read_to_string(path)
        .unwrap_or_else(|error| unreachable!("{}: {error}", path.display()))
}

fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut pending = vec![folder.to_owned()];
    while let Some(folder) = pending.pop() {
        for entry in std::fs::read_dir(&folder).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() {
                pending.push(path);
            } else if path.extension().is_some_and(|it| it == "rs") {
                found.push(path);
            }
        }
    }
    found
}
