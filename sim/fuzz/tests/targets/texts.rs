//! Any text is read: nothing panics, nothing is lost, nothing is said twice.

use std::collections::BTreeSet;

use homeostat_intent::{Loaded, Severity, Source, format, load, parse, render};
use homeostat_sim_fuzz::{Dice, mutate, samples};

use crate::pieces::PIECES;

#[test]
fn any_text_is_read() {
    target!(1_500).for_each(|bytes: &[u8]| {
        let text = mutate::text(&samples::SPECS, &PIECES, &mut Dice::of_bytes(bytes));
        is_read(&text);
    });
}

/// Two files that make one spec: places of one never point into the other.
#[test]
fn any_two_texts_are_read_together() {
    target!(400).for_each(|bytes: &[u8]| {
        let mut dice = Dice::of_bytes(bytes);
        let mut text = || mutate::text(&samples::SPECS, &PIECES, &mut dice);
        let sources =
            ["a.intent", "b.intent"].map(|name| Source { name: name.to_owned(), text: text() });
        places_are_inside(&load(&sources), &sources);
    });
}

/// What must hold of every text.
pub(crate) fn is_read(text: &str) {
    let parsed = parse(text);
    assert_eq!(parsed.tree().text().to_string(), text, "the tree does not say what the text says");
    let lines: Vec<usize> =
        parsed.faults.iter().map(|fault| line(text, fault.primary.span.start)).collect();
    let distinct: BTreeSet<&usize> = lines.iter().collect();
    assert_eq!(lines.len(), distinct.len(), "two faults on one line of\n{text}");
    let sources = [Source { name: "any.intent".to_owned(), text: text.to_owned() }];
    let loaded = load(&sources);
    assert!(parsed.faults.is_empty() || loaded.has_errors(), "a fault is no error in\n{text}");
    places_are_inside(&loaded, &sources);
    let formatted = format(text);
    assert_eq!(format(&formatted), formatted, "formatting twice is not formatting once\n{text}");
    assert_eq!(words(&formatted), words(text), "formatting changed what is said\n{text}");
}

/// Errors stand alone on their line, and every place and fix lies inside its text.
fn places_are_inside(loaded: &Loaded, sources: &[Source]) {
    let mut lines = BTreeSet::new();
    for found in &loaded.diagnostics {
        let place = found.primary.span;
        let source = sources.get(usize::try_from(place.source).unwrap()).unwrap();
        if found.severity == Severity::Error {
            let line = (place.source, line(&source.text, place.start));
            assert!(lines.insert(line), "two errors on one line: {found:?}\n{}", source.text);
        }
        let edits = found.fix.iter().flat_map(|fix| &fix.edits).map(|edit| edit.span);
        let labels = found.secondary.iter().map(|label| label.span);
        for span in edits.chain(labels).chain([place]) {
            let source = sources.get(usize::try_from(span.source).unwrap()).unwrap();
            let inside = source.text.get(span.range()).is_some();
            assert!(inside, "{span:?} of {found:?} is not in\n{}", source.text);
        }
    }
    let shown = render::text(&loaded.diagnostics, sources, false);
    assert_eq!(shown.is_empty(), loaded.diagnostics.is_empty());
    assert_eq!(render::findings(&loaded.diagnostics, sources).len(), loaded.diagnostics.len());
}

fn line(text: &str, offset: u32) -> usize {
    let upto = usize::try_from(offset).unwrap();
    text.bytes().take(upto).filter(|byte| *byte == b'\n').count()
}

/// What means something, without its layout.
fn words(text: &str) -> Vec<String> {
    let tokens = parse(text).tree().descendants_with_tokens().filter_map(|it| it.into_token());
    tokens.filter(|it| !it.kind().is_trivia()).map(|it| it.text().to_lowercase()).collect()
}
