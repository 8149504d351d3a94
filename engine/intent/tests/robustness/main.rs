//! Whatever the text: no panic, no lost byte, no second fault on a line, no meaning changed by
//! formatting. Inputs are the corpus, mutated by a fixed sequence of pseudo-random choices.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "tests read their fixtures and may stop at the first surprise"
)]

mod mutate;
mod pieces;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use homeostat_intent::analysis::Analysis;
use homeostat_intent::tree::SyntaxNode;
use homeostat_intent::{Options, Severity, Source, fixes, format, load, parse, render};

use mutate::{Corpus, Sequence};

fn corpus() -> Vec<String> {
    let specs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scenarios/specs");
    let mut found = Vec::new();
    for folder in ["seed", "crm", "bad"] {
        let mut paths: Vec<_> =
            std::fs::read_dir(specs.join(folder)).unwrap().map(|e| e.unwrap().path()).collect();
        paths.retain(|path| path.is_file());
        paths.sort();
        found.extend(paths.iter().map(|path| std::fs::read_to_string(path).unwrap()));
    }
    assert!(found.len() > 30);
    found
}

fn meaning(text: &str) -> Vec<String> {
    let tree = parse(text).tree();
    let tokens = tree.descendants_with_tokens().filter_map(|element| element.into_token());
    tokens.filter(|t| !t.kind().is_trivia()).map(|t| t.text().to_lowercase()).collect()
}

fn check(text: &str, thorough: bool) {
    let parsed = parse(text);
    assert_eq!(parsed.tree().text().to_string(), text);
    let line =
        |offset: u32| text.as_bytes()[..offset as usize].iter().filter(|b| **b == b'\n').count();
    let lines: Vec<usize> = parsed.faults.iter().map(|f| line(f.primary.span.start)).collect();
    let distinct: BTreeSet<usize> = lines.iter().copied().collect();
    assert_eq!(
        lines.len(),
        distinct.len(),
        "two faults on one line of:\n{text}\n{:?}",
        parsed.faults
    );
    let sources = [Source { name: "mutated.intent".to_owned(), text: text.to_owned() }];
    let loaded = load(&sources);
    let errors: Vec<usize> = (loaded.diagnostics.iter())
        .filter(|found| found.severity == Severity::Error)
        .map(|found| line(found.primary.span.start))
        .collect();
    let distinct: BTreeSet<usize> = errors.iter().copied().collect();
    assert_eq!(errors.len(), distinct.len(), "two errors on one line of:\n{text}");
    assert!(parsed.faults.is_empty() || loaded.has_errors());
    let formatted = format(text);
    assert_eq!(meaning(&formatted), meaning(text), "{text}\nbecame\n{formatted}");
    assert_eq!(format(&formatted), formatted, "not idempotent:\n{text}");
    assert_eq!(shape(&formatted), shape(text), "read otherwise once it is laid out:\n{text}");
    if thorough {
        let shown = render::text(&loaded.diagnostics, &sources, false);
        assert_eq!(shown.is_empty(), loaded.diagnostics.is_empty());
        assert_eq!(render::findings(&loaded.diagnostics, &sources).len(), loaded.diagnostics.len());
        mends(&sources);
        is_analysed(text);
    }
}

/// What nodes a text is read as, those that mean something.
fn shape(text: &str) -> Vec<String> {
    let tree: SyntaxNode = parse(text).tree();
    tree.descendants().map(|node| format!("{:?}", node.kind())).collect()
}

/// Mending ends, and what is mended needs no mending.
fn mends(sources: &[Source]) {
    let mended = fixes::mend(sources, Options::default(), true);
    let again = fixes::mend(&mended.sources, Options::default(), true);
    assert_eq!(again.applied, [], "mended twice:\n{}", sources[0].text);
}

/// An editor that stands anywhere in the text gets an answer whose places are inside.
fn is_analysed(text: &str) {
    let sources = vec![Source { name: "mutated.intent".to_owned(), text: text.to_owned() }];
    let analysis = Analysis::of(sources);
    let inside = |span: homeostat_intent::Span| assert!(text.get(span.range()).is_some(), "{text}");
    for (at, _) in text.char_indices().step_by(37) {
        let at = u32::try_from(at).unwrap();
        analysis.complete(0, at).iter().for_each(|offer| inside(offer.replace));
        analysis.hover(0, at).iter().for_each(|hover| inside(hover.span));
        analysis.references(0, at, true).into_iter().for_each(inside);
        let _renamed = analysis.rename(0, at, "another_name");
    }
    analysis.outline(0).iter().for_each(|entry| inside(entry.span));
}

/// How many inputs the ordinary run tries; `cargo ci mutate` tries more.
const INPUTS: usize = 8_000;

#[test]
fn any_mutation_of_the_corpus_is_read_without_panic_loss_or_cascade() {
    let number = |name: &str| std::env::var(name).ok().map(|value| value.parse().unwrap());
    let inputs: usize = number("HOMEOSTAT_MUTATED_INPUTS").unwrap_or(INPUTS);
    let seed: usize = number("HOMEOSTAT_MUTATED_SEED").unwrap_or(7);
    let corpus = Corpus::new(&corpus());
    let mut sequence = Sequence(seed as u64);
    let mut used = BTreeMap::new();
    for round in 0..inputs {
        check(&corpus.mutated(&mut sequence, &mut used), round % 40 == 0);
    }
    assert_eq!(used.len(), 9, "{used:?}");
    println!("{inputs} inputs from seed {seed}: {used:?}");
}

#[test]
fn every_prefix_of_the_customer_platform_is_read() {
    let text = corpus().into_iter().find(|text| text.contains("customer_platform")).unwrap();
    for (at, _) in text.char_indices().step_by(7) {
        check(&text[..at], false);
    }
}

#[test]
fn formatting_changes_no_file_of_the_corpus_in_meaning() {
    for text in corpus() {
        check(&text, true);
        let hash =
            |text: &str| load(&[Source { name: String::new(), text: text.to_owned() }]).spec.hash;
        // The hash counts tokens that mean something, so it also proves that none was moved.
        assert_eq!(hash(&format(&text)), hash(&text));
    }
}

#[test]
fn a_hundred_thousand_brackets_are_refused_once_and_kept() {
    for piece in ["(", "[", "{", "f(", "NOT ", "a: {", "if x {", "a.", "a AND ", "f(a, ", "x < "] {
        for head in ["invariant ", "when a.b {\n", "when a.b {\n  must: f(", "x: "] {
            let text = format!("{head}{}", piece.repeat(100_000 / piece.len()));
            let parsed = parse(&text);
            assert_eq!(parsed.tree().text().len(), u32::try_from(text.len()).unwrap().into());
            assert!(!parsed.faults.is_empty() && parsed.faults.len() < 4, "{head}{piece}");
            let loaded = load(&[Source { name: String::new(), text }]);
            assert!(loaded.has_errors());
        }
    }
}

#[test]
fn many_lines_of_faults_stay_linear_in_number() {
    let text = "must must\n".repeat(5_000);
    let parsed = parse(&text);
    assert!(parsed.faults.len() <= 5_000);
    assert_eq!(parsed.tree().text().to_string(), text);
}
