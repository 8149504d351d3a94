//! Whatever the text: no panic, no lost byte, no second fault on a line, no meaning changed by
//! formatting. Inputs are the corpus, mutated by a fixed sequence of pseudo-random choices.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::disallowed_methods,
    reason = "tests read their fixtures and may stop at the first surprise"
)]

use std::collections::BTreeSet;
use std::path::Path;

use homeostat_intent::{Severity, Source, format, load, parse, render};

/// A linear congruential sequence: the same mutations on every run and machine.
struct Sequence(u64);

impl Sequence {
    fn below(&mut self, bound: usize) -> usize {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let wide = (self.0 >> 33) as usize;
        wide % bound.max(1)
    }
}

fn corpus() -> Vec<String> {
    let specs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scenarios/specs");
    let mut found = Vec::new();
    for folder in ["seed", "crm", "bad"] {
        let mut paths: Vec<_> =
            std::fs::read_dir(specs.join(folder)).unwrap().map(|e| e.unwrap().path()).collect();
        paths.sort();
        found.extend(paths.iter().map(|path| std::fs::read_to_string(path).unwrap()));
    }
    assert!(found.len() > 30);
    found
}

const PIECES: [&str; 40] = [
    "{",
    "}",
    "(",
    ")",
    "[",
    "]",
    ":",
    ",",
    ".",
    "|",
    "\"",
    "#",
    "→",
    "\n",
    "\n  ",
    " ",
    "must: ",
    "when ",
    "if ",
    " AND ",
    " crosses ",
    "within: ",
    "fallback: ",
    "5s",
    "45",
    "$X",
    "…",
    "=",
    "<",
    "entity ",
    "é",
    "\t",
    "\r\n",
    "each ",
    "requires: ",
    "not ",
    "-",
    "/",
    "for each ",
    "12:30",
];

fn mutated(sequence: &mut Sequence, texts: &[String]) -> String {
    let mut chars: Vec<char> = texts[sequence.below(texts.len())].chars().collect();
    // A window, so that most of the time goes into different texts and not into long ones.
    let start = sequence.below(chars.len());
    let end = (start + 40 + sequence.below(500)).min(chars.len());
    chars = chars[start..end].to_vec();
    for _ in 0..=sequence.below(6) {
        let at = sequence.below(chars.len() + 1);
        match sequence.below(4) {
            0 if at < chars.len() => {
                chars.remove(at);
            }
            1 => {
                let to = (at + sequence.below(30)).min(chars.len());
                chars.drain(at..to);
            }
            2 => {
                let to = (at + sequence.below(60)).min(chars.len());
                let copy = chars[at..to].to_vec();
                let place = sequence.below(chars.len() + 1);
                chars.splice(place..place, copy);
            }
            _ => {
                let piece = PIECES[sequence.below(PIECES.len())];
                chars.splice(at..at, piece.chars());
            }
        }
    }
    chars.into_iter().collect()
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
    if thorough {
        let shown = render::text(&loaded.diagnostics, &sources, false);
        assert_eq!(shown.is_empty(), loaded.diagnostics.is_empty());
        assert_eq!(render::findings(&loaded.diagnostics, &sources).len(), loaded.diagnostics.len());
    }
}

#[test]
fn any_mutation_of_the_corpus_is_read_without_panic_loss_or_cascade() {
    let texts = corpus();
    let mut sequence = Sequence(7);
    for round in 0..20_000 {
        check(&mutated(&mut sequence, &texts), round % 20 == 0);
    }
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
