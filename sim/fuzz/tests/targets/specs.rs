//! Generated specs: formatting keeps their meaning, and what checks also evaluates.

use std::sync::Arc;

use homeostat_graph::explain::{Explainer, TimeLine};
use homeostat_graph::reference::agreement::{Case, disagreement, shown, shrink};
use homeostat_graph::{Program, draw};
use homeostat_intent::{Loaded, Source, format, load};
use homeostat_sim_fuzz::{Dice, SpecText};
use homeostat_world::Position;
use serde_json::Value as Json;

use crate::texts::is_read;

#[test]
fn a_generated_spec_is_read_and_formatted_without_a_change_of_meaning() {
    target!(600).with_arbitrary::<SpecText>().for_each(|spec| {
        is_read(&spec.text);
        let (before, after) = (loaded(&spec.text), loaded(&format(&spec.text)));
        assert_eq!(before.spec.hash, after.spec.hash);
        let (meant, means) = (meaning(&before), meaning(&after));
        let parts = meant.lines().zip(means.lines()).find(|(meant, means)| meant != means);
        assert_eq!((parts, meant.len()), (None, means.len()), "formatting changed the meaning");
        let codes = |it: &Loaded| -> Vec<&str> {
            it.diagnostics.iter().map(|found| found.code.as_str()).collect()
        };
        assert_eq!(codes(&before), codes(&after), "formatting changed what is to be said");
    });
}

#[test]
fn a_spec_that_checks_is_evaluated_as_the_reference_does() {
    target!(500).with_arbitrary::<SpecText>().for_each(|spec| {
        let loaded = loaded(&spec.text);
        if loaded.has_errors() {
            return;
        }
        let mut dice = Dice::of_bytes(&spec.rest);
        let case = Case::under(loaded.spec, &mut dice);
        let restarts = case.restarts(&mut dice);
        agrees(case.clone(), &restarts);
        agrees(case.shuffled(&mut dice).repeated(&mut dice), &restarts);
        is_explained(&case, dice.below(8));
    });
}

/// The evaluator and the reference see the same in a case.
pub(crate) fn agrees(case: Case, restarts: &[usize]) {
    if disagreement(&case, restarts).is_some() {
        let case = shrink(case, restarts);
        let difference = disagreement(&case, restarts).unwrap_or_default();
        panic!("the evaluator differs from the reference\n{difference}\n{}", shown(&case));
    }
}

/// What people are shown of a case can be made.
fn is_explained(case: &Case, nth: u64) {
    let program = Arc::new(Program::compile(&case.spec).unwrap());
    for drawn in [draw::text(&program), draw::mermaid(&program), draw::dot(&program)] {
        assert!(!drawn.is_empty() || case.spec.blocks.is_empty());
    }
    for time_line in [TimeLine::Recorded, TimeLine::EventTime] {
        let mut explainer = Explainer::new(Arc::clone(&program), Position::new(nth + 1), time_line);
        for event in case.events() {
            explainer.see(event);
        }
        let there = case.events().count() as u64 > nth;
        let explained = explainer.finish(None);
        assert_eq!(explained.is_some(), there);
        drop(explained.map(|it| (it.to_string(), serde_json::to_string(&it).unwrap())));
    }
}

fn loaded(text: &str) -> Loaded {
    load(&[Source { name: "spec.intent".to_owned(), text: text.to_owned() }])
}

/// The spec without the places where it stands in its text, and with the texts that people are
/// shown in lower case: the formatter writes `AND` where `and` stood.
fn meaning(loaded: &Loaded) -> String {
    let mut spec = serde_json::to_value(&loaded.spec).unwrap();
    forget_layout(&mut spec);
    serde_json::to_string_pretty(&spec).unwrap()
}

fn forget_layout(value: &mut Json) {
    match value {
        Json::Object(map) => {
            map.remove("span");
            for shown in ["text", "what"] {
                if let Some(Json::String(text)) = map.get_mut(shown) {
                    *text = text.to_lowercase();
                }
            }
            map.values_mut().for_each(forget_layout);
        }
        Json::Array(items) => items.iter_mut().for_each(forget_layout),
        _ => {}
    }
}
