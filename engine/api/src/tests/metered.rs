//! The page about metrics says what the engine serves, no more and no less.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use homeostat_world::Duration;
use http::StatusCode;
use serde_json::json;

use super::house::{House, created};
use crate::meter::Meter;
use crate::metrics;
use crate::operation::Operation;
use crate::wire::{Ending, Kind, State, Status, Strength};

const PAGE: &str = include_str!("../../metrics.md");

/// One metric: its type, its labels, its help.
type Said = (String, BTreeSet<String>, String);

/// Every metric of the page.
fn documented() -> BTreeMap<String, Said> {
    let rows = PAGE.lines().filter(|line| line.starts_with("| `homeostat_"));
    let cells = |row: &str| -> Vec<String> {
        row.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect()
    };
    let plain = |text: &str| text.trim().trim_matches('`').to_owned();
    rows.map(|row| {
        let cells = cells(row);
        let [name, kind, unit, labels, help] = cells.as_slice() else {
            panic!("five cells: {row}")
        };
        assert!(!unit.is_empty(), "{name} has a unit");
        let labels = labels.split(',').map(plain).filter(|label| !label.is_empty());
        (plain(name), (kind.clone(), labels.collect(), help.clone()))
    })
    .collect()
}

/// Every metric of the answer.
fn served(text: &str) -> BTreeMap<String, Said> {
    let mut found: BTreeMap<String, Said> = BTreeMap::new();
    for line in text.lines() {
        let mut words = line.splitn(4, ' ');
        match (words.next(), words.next(), words.next(), words.next()) {
            (Some("#"), Some("HELP"), Some(name), Some(help)) => {
                found.entry(name.to_owned()).or_default().2 = help.to_owned();
            }
            (Some("#"), Some("TYPE"), Some(name), Some(kind)) => {
                found.entry(name.to_owned()).or_default().0 = kind.to_owned();
            }
            _ => {}
        }
        let Some((name, rest)) = line.split_once('{').filter(|_| !line.starts_with('#')) else {
            continue;
        };
        let (labels, _) = rest.split_once("} ").unwrap();
        let of = ["_total", "_bucket", "_sum", "_count"];
        let family = of.iter().find_map(|end| name.strip_suffix(end)).unwrap_or(name);
        let family = found.get_mut(family).unwrap();
        for label in labels.split("\",") {
            family.1.insert(label.split_once('=').unwrap().0.to_owned());
        }
    }
    found
}

/// A status in which nothing is empty, so that every metric has its labels.
async fn full_status() -> Status {
    let house = House::open().await;
    house.append(&created("a")).await;
    let mut status = house.get("/v1/status").await.json();
    status["totals"]["gaps_closed"] = json!({ "fulfilled": 1 });
    status["totals"]["agents_ended"] = json!({ "resolved": 1 });
    serde_json::from_value(status).unwrap()
}

#[tokio::test(start_paused = true)]
async fn every_metric_is_documented_as_it_is_served() {
    let meter = Arc::new(Meter::new());
    meter.observe(Some(Operation::Status), StatusCode::OK, Duration::from_micros(1));
    let text = metrics::page(full_status().await, &[], &meter).unwrap();
    assert_eq!(documented(), served(&text));
}

#[test]
fn the_values_of_labels_are_documented() {
    let section = PAGE.split("## What the labels say").nth(1).unwrap();
    let row = |label: &str| {
        let line = section.lines().find(|line| line.starts_with(&format!("| {label} |")));
        line.unwrap_or_else(|| panic!("a row for {label}")).to_owned()
    };
    for (label, words) in [
        ("`kind` of gaps", Kind::TEXTS),
        ("`strength`", Strength::TEXTS),
        ("`state`", State::TEXTS),
        ("`ending`", Ending::TEXTS),
    ] {
        for word in words {
            assert!(row(label).contains(&format!("`{word}`")), "{word} of {label}");
        }
    }
}

#[test]
fn alerts_speak_of_metrics_that_there_are() {
    let known = documented();
    let examples = PAGE.split("```promql\n").skip(1);
    let examples: Vec<&str> = examples.map(|it| it.split("```").next().unwrap()).collect();
    assert!(examples.len() >= 5, "{examples:?}");
    for example in examples {
        let words = example.split(|it: char| !it.is_ascii_alphanumeric() && it != '_');
        let named: Vec<&str> = words.filter(|it| it.starts_with("homeostat_")).collect();
        assert!(!named.is_empty(), "{example}");
        for name in named {
            let (kind, end) = match ["_total", "_bucket"].iter().find(|end| name.ends_with(**end)) {
                Some(&"_total") => ("counter", "_total"),
                Some(_) => ("histogram", "_bucket"),
                None => ("gauge", ""),
            };
            let metric = known.get(name.strip_suffix(end).unwrap());
            assert_eq!(metric.map(|metric| metric.0.as_str()), Some(kind), "{name}");
        }
    }
}
