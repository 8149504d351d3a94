//! Mends texts: applies the fixes that findings carry, until none is left that may be applied.
//!
//! In: the sources of a spec, and whether guesses may be applied too. Out: [`Mended`]: the sources
//! as mended, what was done to them, and what is left to say.
//! Never: applies half of a fix, or two that overlap in one round; writes anywhere.
//! Promise: mending does not add a mistake (a round that would is taken apart and the fix that
//! does it left out), and mending what is mended changes nothing. Start reading at [`mend`].

use crate::diagnostic::{Code, Diagnostic, Edit, Fix, Severity};
use crate::lower::Options;
use crate::source::{Lines, Source, Span};
use crate::{Loaded, load_with};

/// A fix may bring about the next one, as a brace brings its block to light. More rounds than this,
/// and two fixes undo one another.
const ROUNDS_MAX: usize = 32;
/// Fixes of one round that are tried one by one, each with a load of the whole spec.
const SINGLE_MAX: usize = 64;

/// What mending made of a spec.
#[derive(Clone, Debug)]
pub struct Mended {
    /// The sources, in their order.
    pub sources: Vec<Source>,
    /// What was done, in the order of rounds and places.
    pub applied: Vec<Applied>,
    /// The spec as mended, with what is left to say.
    pub loaded: Loaded,
}

impl Mended {
    /// How many of the findings that are left carry a guess.
    #[must_use]
    pub fn guesses_left(&self) -> usize {
        let fixes = self.loaded.diagnostics.iter().filter_map(|found| found.fix.as_ref());
        fixes.filter(|fix| fix.guess).count()
    }
}

/// One fix that was applied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Applied {
    /// The finding that it removed.
    pub code: Code,
    /// What it did.
    pub title: String,
    /// Which source.
    pub source: u32,
    /// On which line, from 1, of the text as it was then.
    pub line: usize,
}

/// Mends `sources`. Guesses are applied only when `guesses` says so.
#[must_use]
pub fn mend(sources: &[Source], options: Options, guesses: bool) -> Mended {
    let mut mended = Mended {
        sources: sources.to_vec(),
        applied: Vec::new(),
        loaded: load_with(sources, options),
    };
    for _ in 0..ROUNDS_MAX {
        let chosen = chosen(&mended.loaded.diagnostics, guesses);
        let Some(round) = round(&mended, &chosen, options) else { break };
        mended.applied.extend(round.applied);
        mended.sources = round.sources;
        mended.loaded = round.loaded;
    }
    mended
}

/// One source's text with `edits`, which do not overlap.
#[must_use]
pub fn edited(text: &str, edits: &[Edit]) -> String {
    let mut edits: Vec<&Edit> = edits.iter().collect();
    edits.sort_by_key(|edit| (edit.span.start, edit.span.end));
    let mut changed = text.to_owned();
    for edit in edits.into_iter().rev() {
        let range = edit.span.range();
        if changed.get(range.clone()).is_some() {
            changed.replace_range(range, &edit.replacement);
        }
    }
    changed
}

/// The fixes that may be applied together, in the order of their places.
fn chosen(found: &[Diagnostic], guesses: bool) -> Vec<(&Diagnostic, &Fix)> {
    let mut taken: Vec<Span> = Vec::new();
    let mut chosen = Vec::new();
    for found in found {
        let Some(fix) = found.fix.as_ref().filter(|fix| guesses || !fix.guess) else { continue };
        let free = fix.edits.iter().all(|edit| !taken.iter().any(|span| touch(*span, edit.span)));
        if free && !fix.edits.is_empty() {
            taken.extend(fix.edits.iter().map(|edit| edit.span));
            chosen.push((found, fix));
        }
    }
    chosen
}

/// Whether two places overlap or meet: two insertions at one place have no order.
fn touch(one: Span, other: Span) -> bool {
    one.source == other.source && one.start <= other.end && other.start <= one.end
}

/// All chosen fixes at once; or, when together they make things worse, those that do not.
fn round(before: &Mended, chosen: &[(&Diagnostic, &Fix)], options: Options) -> Option<Mended> {
    if chosen.is_empty() {
        return None;
    }
    let all = tried(before, chosen, options);
    if better(before, &all, chosen) {
        return Some(all);
    }
    let mut kept: Vec<(&Diagnostic, &Fix)> = Vec::new();
    let mut best = None;
    for fix in chosen.iter().take(SINGLE_MAX) {
        kept.push(*fix);
        let some = tried(before, &kept, options);
        if better(best.as_ref().unwrap_or(before), &some, &kept) {
            best = Some(some);
        } else {
            kept.pop();
        }
    }
    best
}

fn tried(before: &Mended, fixes: &[(&Diagnostic, &Fix)], options: Options) -> Mended {
    let mut sources = before.sources.clone();
    for (index, source) in (0_u32..).zip(&mut sources) {
        let edits = fixes.iter().flat_map(|(_, fix)| &fix.edits);
        let own: Vec<Edit> = edits.filter(|edit| edit.span.source == index).cloned().collect();
        source.text = edited(&source.text, &own);
    }
    let applied = fixes.iter().map(|(found, fix)| {
        let span = found.primary.span;
        let source = usize::try_from(span.source).ok().and_then(|at| before.sources.get(at));
        let line = source.map_or(1, |source| Lines::new(&source.text).line(span.start));
        Applied { code: found.code, title: fix.title.clone(), source: span.source, line }
    });
    Mended { applied: applied.collect(), loaded: load_with(&sources, options), sources }
}

/// Whether `after` is another text with no more mistakes, and none where a fix was applied.
fn better(before: &Mended, after: &Mended, fixes: &[(&Diagnostic, &Fix)]) -> bool {
    let errors = after.loaded.diagnostics.iter().filter(|found| found.severity == Severity::Error);
    let places: Vec<Span> = errors.map(|found| found.primary.span).collect();
    after.sources != before.sources
        && burden(&after.loaded) <= burden(&before.loaded)
        && !changed(fixes).iter().any(|span| places.iter().any(|place| touch(*span, *place)))
}

/// Where the replacements of `fixes` stand in the text that they make.
fn changed(fixes: &[(&Diagnostic, &Fix)]) -> Vec<Span> {
    let mut edits: Vec<&Edit> = fixes.iter().flat_map(|(_, fix)| &fix.edits).collect();
    edits.sort_by_key(|edit| edit.span);
    let mut shift = 0_i64;
    let mut source = 0;
    let mut places = Vec::new();
    for edit in edits {
        if edit.span.source != source {
            (source, shift) = (edit.span.source, 0);
        }
        let long = i64::try_from(edit.replacement.len()).unwrap_or(i64::MAX);
        let moved = |offset: i64| u32::try_from(offset.max(0)).unwrap_or(u32::MAX);
        let start = i64::from(edit.span.start).saturating_add(shift);
        places.push(Span { source, start: moved(start), end: moved(start.saturating_add(long)) });
        shift = shift.saturating_add(long).saturating_sub((edit.span.end - edit.span.start).into());
    }
    places
}

/// What must not grow: first what cannot be read, since mending that brings other mistakes to
/// light, then all errors.
fn burden(loaded: &Loaded) -> (usize, usize) {
    let errors = loaded.diagnostics.iter().filter(|found| found.severity == Severity::Error);
    let unread = errors.clone().filter(|found| found.code.as_str().starts_with("S00"));
    (unread.count(), errors.count())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, guesses: bool, expected: &str) -> Mended {
        let source = Source { name: "a.intent".to_owned(), text: text.to_owned() };
        let mended = mend(&[source], Options::default(), guesses);
        let texts: Vec<&str> = mended.sources.iter().map(|source| source.text.as_str()).collect();
        assert_eq!(texts, [expected]);
        let again = mend(&mended.sources, Options::default(), guesses);
        assert_eq!(again.applied, []);
        mended
    }

    #[test]
    fn words_of_the_language_are_put_right_and_names_only_on_request() {
        let text = "limits { max_agents_per_gapp: 2 }\nthreshold large: 5\nentity order { has: total }\n\
            event order.placed\naction review(order)\nwhen order.placed {\n  \
            if order.total > threshold.lrage {\n    mustt: review(order)\n      within: 5 minutes\n  }\n}\n";
        let words = text.replace("gapp", "gap").replace("mustt", "must").replace("5 minutes", "5m");
        let mended = check(text, false, &words);
        assert_eq!(mended.applied.len(), 3, "{:?}", mended.applied);
        assert_eq!(mended.guesses_left(), 1);
        let mended = check(text, true, &words.replace("lrage", "large"));
        assert_eq!(mended.applied.len(), 4);
        assert_eq!(mended.loaded.diagnostics, []);
    }

    #[test]
    fn one_fix_brings_the_next_to_light() {
        let mended = check(
            "event a.b\nentity a\naction c(a)\nwhen a.b\n  must c(a)\n}\n",
            false,
            "event a.b\nentity a\naction c(a)\nwhen a.b {\n  must: c(a)\n}\n",
        );
        assert_eq!(mended.applied.len(), 2);
        assert!(!mended.loaded.has_errors());
    }

    #[test]
    fn a_fix_that_would_make_things_worse_is_left_out() {
        // `settle` exists already, so that the word that is meant is another mistake.
        let text = "limits { settle: 5s }\nlimits { settel: 5s }\n";
        let mended = check(text, false, text);
        assert!(mended.loaded.has_errors() && mended.applied.is_empty());
    }

    #[test]
    fn edits_are_applied_from_the_last_to_the_first() {
        let edit = |start, end, text: &str| Edit {
            span: Span { source: 0, start, end },
            replacement: text.to_owned(),
        };
        assert_eq!(edited("abc", &[edit(0, 1, "xyz"), edit(2, 3, ""), edit(1, 1, "-")]), "xyz-b");
    }
}
