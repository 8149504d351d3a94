//! What differs between two states, in words that a person can look up.
//!
//! In: the bytes of the state that was kept and of the one that a replay gave. Out: a text: each part that differs, with
//! the first few things in it, what is kept of each and what a replay gives.
//! Never: says that there is no difference; that is decided by the bytes. Promise: names obligations, clauses, gaps and
//! agents, not places; only where none of these differs the place is said. Start reading at [`difference`].

use std::collections::BTreeMap;
use std::sync::Arc;

use homeostat_graph::{Evaluator, ObligationView, Program};
use serde::Serialize;
use serde_json::{Map, Value as Json};

use crate::checkpoint::sections;

/// Of each part at most so much is said; the rest is counted.
const SAID_MAX: usize = 5;

/// What differs. `program` is the one in force in both.
pub(super) fn difference(kept: &[u8], replayed: &[u8], program: &Arc<Program>) -> String {
    let (kept, replayed) = (sections(kept), sections(replayed));
    let mut told = Vec::new();
    for ((part, kept), (_, replayed)) in kept.iter().zip(&replayed) {
        if kept == replayed {
            continue;
        }
        let mut found = match *part {
            "graph" => of_graphs(kept, replayed, program),
            _ => of_json(kept, replayed),
        };
        if found.is_empty() {
            found.push(place(kept, replayed));
        }
        let more = found.len().saturating_sub(SAID_MAX);
        found.truncate(SAID_MAX);
        if more > 0 {
            found.push(format!("and {more} more"));
        }
        told.push(format!("in the {part}: {}", found.join(", ")));
    }
    if told.is_empty() {
        return "the state is not what a replay gives, in its shape".to_owned();
    }
    format!("the state is not what a replay gives: {}", told.join("; "))
}

fn place(kept: &[u8], replayed: &[u8]) -> String {
    let at = kept.iter().zip(replayed).position(|(a, b)| a != b);
    let at = at.unwrap_or(kept.len().min(replayed.len()));
    let (kept, replayed) = (kept.len(), replayed.len());
    format!("from byte {at} on ({kept} bytes kept, {replayed} replayed)")
}

/// Two parts that are written as JSON, by the paths of their values.
fn of_json(kept: &[u8], replayed: &[u8]) -> Vec<String> {
    let read = |bytes: &[u8]| serde_json::from_slice::<Json>(bytes).ok();
    let mut found = Vec::new();
    if let (Some(kept), Some(replayed)) = (read(kept), read(replayed)) {
        compare("", Some(&kept), Some(&replayed), &mut found);
    }
    found
}

fn compare(path: &str, kept: Option<&Json>, replayed: Option<&Json>, found: &mut Vec<String>) {
    match (kept, replayed) {
        (kept, replayed) if kept == replayed => {}
        (Some(Json::Object(kept)), Some(Json::Object(replayed))) => {
            for name in names(kept, replayed) {
                let below = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                compare(&below, kept.get(&name), replayed.get(&name), found);
            }
        }
        (Some(Json::Array(kept)), Some(Json::Array(replayed))) => {
            for nth in 0..kept.len().max(replayed.len()) {
                let below = format!("{path}[{nth}]");
                compare(&below, kept.get(nth), replayed.get(nth), found);
            }
        }
        (kept, replayed) => {
            let said = |it: Option<&Json>| it.map_or("nothing".to_owned(), short);
            found.push(format!("`{path}` is {}, a replay gives {}", said(kept), said(replayed)));
        }
    }
}

fn names(kept: &Map<String, Json>, replayed: &Map<String, Json>) -> Vec<String> {
    let mut names: Vec<String> = kept.keys().chain(replayed.keys()).cloned().collect();
    names.sort_unstable();
    names.dedup();
    names
}

/// A value of any size in a few words.
fn short(value: &Json) -> String {
    const CHARS: usize = 60;
    let text = value.to_string();
    match text.char_indices().nth(CHARS) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text,
    }
}

/// Two states of the graph: what is owed, how clauses and guards have fared, how far time has come.
fn of_graphs(kept: &[u8], replayed: &[u8], program: &Arc<Program>) -> Vec<String> {
    let read = |bytes: &[u8]| Evaluator::restore(Arc::clone(program), bytes).ok();
    let (Some(kept), Some(replayed)) = (read(kept), read(replayed)) else { return Vec::new() };
    let mut found = Vec::new();
    let open = |of: &Evaluator| -> BTreeMap<String, ObligationView> {
        of.open().map(|view| (view.name.clone(), view)).collect()
    };
    let (ours, theirs) = (open(&kept), open(&replayed));
    for name in ours.keys().chain(theirs.keys().filter(|name| !ours.contains_key(*name))) {
        match (ours.get(name), theirs.get(name)) {
            (Some(_), None) => found.push(format!("`{name}` is owed, after a replay it is not")),
            (None, Some(_)) => found.push(format!("`{name}` is not owed, after a replay it is")),
            (kept, replayed) => {
                compare(name, json(&kept).as_ref(), json(&replayed).as_ref(), &mut found)
            }
        }
    }
    let (ours, theirs) = (kept.summary(), replayed.summary());
    for (ours, theirs) in ours.clauses.iter().zip(&theirs.clauses) {
        let of = format!("counts of `{}`", ours.slug);
        compare(&of, json(ours).as_ref(), json(theirs).as_ref(), &mut found);
    }
    for (ours, theirs) in ours.guards.iter().zip(&theirs.guards) {
        let of = format!("counts of `if {}`", ours.condition);
        compare(&of, json(ours).as_ref(), json(theirs).as_ref(), &mut found);
    }
    let stands = |of: &Evaluator| {
        let lines = of.contract().into_iter();
        lines.map(|it| (it.name, json(&it.verdict).unwrap_or_default())).collect::<Map<_, _>>()
    };
    let (ours, theirs) = (Json::Object(stands(&kept)), Json::Object(stands(&replayed)));
    compare("contract", Some(&ours), Some(&theirs), &mut found);
    let (ours, theirs) = (json(&kept.now()), json(&replayed.now()));
    compare("the time", ours.as_ref(), theirs.as_ref(), &mut found);
    found
}

fn json(value: &impl Serialize) -> Option<Json> {
    serde_json::to_value(value).ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn json_is_told_apart_by_the_paths_of_its_values() {
        let kept =
            json!({ "gaps": { "ship@2": { "attempts": 1, "agent": null } }, "seen": [1, 2] });
        let replayed =
            json!({ "gaps": { "ship@2": { "attempts": 0 } , "pay@3": {} }, "seen": [1] });
        let bytes = |json: &Json| serde_json::to_vec(json).unwrap_or_default();
        assert_eq!(
            of_json(&bytes(&kept), &bytes(&replayed)),
            [
                "`gaps.pay@3` is nothing, a replay gives {}",
                "`gaps.ship@2.agent` is null, a replay gives nothing",
                "`gaps.ship@2.attempts` is 1, a replay gives 0",
                "`seen[1]` is 2, a replay gives nothing",
            ]
        );
    }

    #[test]
    fn what_no_name_tells_apart_is_told_by_its_place() {
        assert_eq!(place(b"abc", b"abd"), "from byte 2 on (3 bytes kept, 3 replayed)");
        assert_eq!(place(b"ab", b"abd"), "from byte 2 on (2 bytes kept, 3 replayed)");
    }
}
