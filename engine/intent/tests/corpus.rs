//! The corpus: every block of the founding text, byte for byte.
#![expect(clippy::unwrap_used, clippy::disallowed_methods, reason = "tests read their fixtures")]

use std::path::{Path, PathBuf};

use homeostat_intent::{Loaded, Severity, Source, load, parse};

fn specs() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scenarios/specs")
}

fn read(path: &str) -> Source {
    let text = std::fs::read_to_string(specs().join(path)).unwrap();
    Source { name: path.to_owned(), text }
}

fn corpus() -> Vec<Source> {
    let mut names: Vec<String> = std::fs::read_dir(specs().join("seed"))
        .unwrap()
        .map(|entry| format!("seed/{}", entry.unwrap().file_name().to_str().unwrap()))
        .collect();
    names.sort();
    assert!(names.len() >= 9, "{names:?}");
    names.iter().map(|name| read(name)).collect()
}

fn messages(loaded: &Loaded, least: Severity) -> Vec<String> {
    let shown = loaded.diagnostics.iter().filter(|found| found.severity <= least);
    shown.map(|found| format!("{} {}", found.code, found.message)).collect()
}

#[test]
fn every_block_of_the_founding_text_parses_without_a_fault_and_keeps_its_bytes() {
    for source in corpus() {
        let parsed = parse(&source.text);
        assert_eq!(parsed.faults, [], "{}", source.name);
        assert_eq!(parsed.tree().text().to_string(), source.text, "{}", source.name);
    }
}

#[test]
fn every_block_of_the_founding_text_loads_but_for_thresholds_that_have_no_value() {
    for source in corpus() {
        let loaded = load(std::slice::from_ref(&source));
        assert_eq!(loaded.spec.unevaluated, [], "{}", source.name);
        let errors = messages(&loaded, Severity::Error);
        if source.name == "seed/customer_platform.intent" {
            assert_eq!(
                errors,
                [
                    "S0102 threshold `churn_warning` has no value",
                    "S0102 threshold `churn_critical` has no value"
                ]
            );
        } else {
            assert_eq!(errors, Vec::<String>::new(), "{}", source.name);
        }
    }
}

#[test]
fn every_spec_of_the_house_but_the_bad_ones_loads_without_error() {
    let mut loaded = 0;
    for folder in std::fs::read_dir(specs()).unwrap() {
        let folder = folder.unwrap().file_name().to_str().unwrap().to_owned();
        // A folder of the corpus or of the platform has files that belong together.
        if ["bad", "seed", "crm"].contains(&folder.as_str()) {
            continue;
        }
        for file in std::fs::read_dir(specs().join(&folder)).unwrap() {
            let name = file.unwrap().file_name().to_str().unwrap().to_owned();
            if name.ends_with(".intent") {
                let found = load(&[read(&format!("{folder}/{name}"))]);
                assert_eq!(messages(&found, Severity::Error), Vec::<String>::new(), "{name}");
                loaded += 1;
            }
        }
    }
    assert!(loaded > 0);
}

#[test]
fn the_customer_platform_and_its_declarations_load_without_error_or_warning() {
    let sources = [read("crm/customer_platform.intent"), read("crm/declarations.intent")];
    assert_eq!(sources[0].text, read("seed/customer_platform.intent").text);
    let loaded = load(&sources);
    assert_eq!(messages(&loaded, Severity::Warning), Vec::<String>::new());
    assert_eq!(loaded.spec.unevaluated, []);
}

#[test]
fn every_example_of_the_reference_loads() {
    let text = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("reference.md"))
        .unwrap();
    let mut examples = Vec::new();
    let mut rest = text.as_str();
    while let Some((_, after)) = rest.split_once("```intent\n") {
        let (example, after) = after.split_once("```").unwrap();
        examples.push(example);
        rest = after;
    }
    assert_eq!(examples.len(), 11);
    for (index, example) in examples.into_iter().enumerate() {
        let source = Source { name: format!("example {index}"), text: example.to_owned() };
        let loaded = load(&[source]);
        assert_eq!(messages(&loaded, Severity::Note), Vec::<String>::new(), "{example}");
        assert_eq!(loaded.spec.unevaluated, []);
    }
}
