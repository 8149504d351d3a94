//! The Visual Studio Code extension, held against the language and against itself, without a network.

use std::collections::BTreeSet;
use std::path::PathBuf;

use homeostat_intent::words::{Place, of};
use homeostat_intent::{Source, load};
use serde_json::Value;

use crate::bench::workspace;

fn folder() -> PathBuf {
    workspace("engine/homeostat/editors/vscode")
}

fn json(name: &str) -> Value {
    serde_json::from_str(&std::fs::read_to_string(folder().join(name)).unwrap()).unwrap()
}

fn grammar() -> Value {
    json("syntaxes/intent.tmLanguage.json")
}

/// The words between the first `\b(` and its `)` in the pattern of a rule.
fn listed(grammar: &Value, rule: &str) -> BTreeSet<String> {
    let pattern = grammar["repository"][rule]["patterns"][0]["match"].as_str().unwrap();
    let (_, rest) = pattern.split_once("\\b(").unwrap();
    let (words, _) = rest.split_once(')').unwrap();
    words.split('|').map(str::to_owned).collect()
}

fn words(places: &[Place]) -> BTreeSet<String> {
    places.iter().flat_map(|place| of(*place)).map(|word| word.word.to_owned()).collect()
}

#[test]
fn the_grammar_knows_the_words_of_the_language_and_no_others() {
    let grammar = grammar();
    for (rule, places) in [
        ("items", vec![Place::Item]),
        ("blocks", vec![Place::Duty]),
        ("modifiers", vec![Place::Modifier]),
        ("steps", vec![Place::Step]),
        ("inside", vec![Place::Inside]),
        (
            "settings",
            vec![
                Place::Entity,
                Place::Action,
                Place::Capability,
                Place::Invariant,
                Place::Limit,
                Place::Setting,
            ],
        ),
    ] {
        assert_eq!(listed(&grammar, rule), words(&places), "{rule}");
    }
    // Connectives may be written small.
    let mut conditions = words(&[Place::Condition]);
    conditions.extend(["and", "or", "not"].map(str::to_owned));
    assert_eq!(listed(&grammar, "conditions"), conditions);
}

#[test]
fn the_grammar_s_units_are_those_that_are_read() {
    let grammar = grammar();
    let pattern = grammar["repository"]["lengths"]["patterns"][0]["match"].as_str().unwrap();
    let units = pattern.rsplit_once('(').unwrap().1.split_once(')').unwrap().0;
    let units: BTreeSet<&str> = units.split('|').collect();
    let read = |unit: &str| {
        let text = format!("limits {{ settle: 5{unit} }}\n");
        !load(&[Source { name: String::new(), text }]).has_errors()
    };
    assert!(units.iter().all(|unit| read(unit)), "{units:?}");
    for unit in ["us", "ms", "s", "m", "h", "d", "w", "mo", "y", "min", "sec", "n", "q"] {
        assert_eq!(read(unit), units.contains(unit), "{unit}");
    }
}

#[test]
fn every_rule_of_the_grammar_is_used_and_there() {
    let grammar = grammar();
    let rules: BTreeSet<String> =
        grammar["repository"].as_object().unwrap().keys().cloned().collect();
    let mut used = BTreeSet::new();
    let mut pending = vec![&grammar];
    while let Some(value) = pending.pop() {
        match value {
            Value::Object(fields) => {
                if let Some(include) = fields.get("include").and_then(Value::as_str) {
                    used.insert(include.trim_start_matches('#').to_owned());
                }
                pending.extend(fields.values());
            }
            Value::Array(list) => pending.extend(list),
            _ => {}
        }
    }
    assert_eq!(rules, used);
}

#[test]
fn what_the_manifest_names_exists() {
    let manifest = json("package.json");
    let there = |path: &Value| {
        let path = path.as_str().unwrap();
        assert!(folder().join(path).is_file(), "{path}");
    };
    there(&manifest["main"]);
    let gives = &manifest["contributes"];
    let language = &gives["languages"][0];
    assert_eq!(language["extensions"][0], ".intent");
    there(&language["configuration"]);
    there(&gives["grammars"][0]["path"]);
    assert_eq!(gives["grammars"][0]["language"], language["id"]);
    assert_eq!(gives["grammars"][0]["scopeName"], grammar()["scopeName"]);
    json("language-configuration.json");
    let program = std::fs::read_to_string(folder().join("extension.js")).unwrap();
    for command in gives["commands"].as_array().unwrap() {
        let name = command["command"].as_str().unwrap();
        assert!(program.contains(&format!("registerCommand('{name}'")), "{name}");
    }
    let settings = gives["configuration"]["properties"].as_object().unwrap();
    for name in settings.keys() {
        let short = name.strip_prefix("homeostat.").unwrap();
        assert!(program.contains(&format!("get('{short}')")), "{name}");
    }
    let got = program.matches("get('").count();
    assert!(got >= settings.len());
    for needed in program.split("require('").skip(1).filter_map(|rest| rest.split('\'').next()) {
        let package = needed.split('/').next().unwrap();
        let known = needed.starts_with("node:")
            || package == "vscode"
            || manifest["dependencies"].get(package).is_some();
        assert!(known, "`{needed}` is no dependency");
    }
}
