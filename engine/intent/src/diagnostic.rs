//! What is to be said about a text: code, severity, message, places, help and fix.
//!
//! In: findings of the parser and the checker. Out: [`Diagnostic`], and the list cut down to what
//! a person can use: at most one error per line, nothing that only follows from another.
//! Never: prints; see `render`.
//! Promise: the order is the order of the text. Start reading at [`Diagnostic`].

use serde::Serialize;

use crate::source::Span;

/// A stable name of a kind of finding, `S0102`. Its page is in [`crate::codes`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Code(pub(crate) &'static str);

impl Code {
    /// `S0102`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        self.0
    }
}

impl std::fmt::Display for Code {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.0)
    }
}

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Provably wrong: the spec is not put in force.
    Error,
    /// Probably not meant.
    Warning,
    /// Worth knowing.
    Note,
}

/// One finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// Which kind.
    pub code: Code,
    /// How bad.
    pub severity: Severity,
    /// What, as a lowercase fragment.
    pub message: String,
    /// Where.
    pub primary: Label,
    /// Other places that matter.
    pub secondary: Vec<Label>,
    /// What a person can do.
    pub help: Option<String>,
    /// The same, for a machine.
    pub fix: Option<Fix>,
    /// A declaration of what had to be inferred: put into the spec, it removes the finding too.
    pub declaration: Option<String>,
}

/// A place and what to say beside it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Label {
    /// The place.
    pub span: Span,
    /// What to say there; may be empty.
    pub text: String,
}

/// A change that removes the finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fix {
    /// What it does: `write `falling``.
    pub title: String,
    /// The edits, which do not overlap.
    pub edits: Vec<Edit>,
    /// Whether it guesses what was meant: a likely name among many, a deadline. Nothing applies a
    /// guess unasked; what the text leaves no choice about is no guess.
    pub guess: bool,
}

/// One replaced range. An empty range inserts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edit {
    /// What is replaced.
    pub span: Span,
    /// By what.
    pub replacement: String,
}

impl Diagnostic {
    pub(crate) fn new(
        code: Code,
        severity: Severity,
        span: Span,
        message: impl Into<String>,
    ) -> Self {
        Self {
            code,
            severity,
            message: message.into(),
            primary: Label { span, text: String::new() },
            secondary: Vec::new(),
            help: None,
            fix: None,
            declaration: None,
        }
    }

    pub(crate) fn error(code: Code, span: Span, message: impl Into<String>) -> Self {
        Self::new(code, Severity::Error, span, message)
    }

    pub(crate) fn warning(code: Code, span: Span, message: impl Into<String>) -> Self {
        Self::new(code, Severity::Warning, span, message)
    }

    pub(crate) fn note(code: Code, span: Span, message: impl Into<String>) -> Self {
        Self::new(code, Severity::Note, span, message)
    }

    pub(crate) fn label(mut self, text: impl Into<String>) -> Self {
        self.primary.text = text.into();
        self
    }

    pub(crate) fn also(mut self, span: Span, text: impl Into<String>) -> Self {
        self.secondary.push(Label { span, text: text.into() });
        self
    }

    pub(crate) fn help(mut self, text: impl Into<String>) -> Self {
        self.help = Some(text.into());
        self
    }

    /// A change about which the text leaves no choice.
    pub(crate) fn fix(
        mut self,
        title: impl Into<String>,
        span: Span,
        replacement: impl Into<String>,
    ) -> Self {
        let edit = Edit { span, replacement: replacement.into() };
        self.fix = Some(Fix { title: title.into(), edits: vec![edit], guess: false });
        self
    }

    /// A change that a person should have looked at.
    pub(crate) fn guess(
        self,
        title: impl Into<String>,
        span: Span,
        replacement: impl Into<String>,
    ) -> Self {
        let mut guessed = self.fix(title, span, replacement);
        if let Some(fix) = &mut guessed.fix {
            fix.guess = true;
        }
        guessed
    }

    /// Offers `best` in place of what stands at `span`, when there is one: a name of the spec, of
    /// which there may be others as near.
    pub(crate) fn did_you_mean(self, span: Span, best: Option<&str>) -> Self {
        match best {
            Some(best) => self.help(format!("did you mean `{best}`?")).guess(
                format!("write `{best}`"),
                span,
                best,
            ),
            None => self,
        }
    }

    /// The same for a word of the language: all of them are known, so the nearest is the one.
    pub(crate) fn did_you_mean_word(self, span: Span, best: Option<&str>) -> Self {
        let mut offered = self.did_you_mean(span, best);
        if let Some(fix) = &mut offered.fix {
            fix.guess = false;
        }
        offered
    }

    /// For a name that had to be inferred: what may have been meant, and how to declare it.
    pub(crate) fn did_you_mean_or_declare(
        self,
        span: Span,
        best: Option<&str>,
        declaration: String,
    ) -> Self {
        let mut found = match best {
            Some(best) => self
                .guess(format!("write `{best}`"), span, best)
                .help(format!("did you mean `{best}`? else declare it: `{declaration}`")),
            None => self.help(format!("declare it: `{declaration}`")),
        };
        found.declaration = Some(declaration);
        found
    }
}

/// Sorts, and keeps at most one error per line, no warning or note on a line that has an error,
/// and nothing twice. `line_of` says on which line of its source a span begins.
pub(crate) fn tidy(found: &mut Vec<Diagnostic>, line_of: impl Fn(Span) -> usize) {
    found.sort_by(|a, b| {
        let place = |d: &Diagnostic| (d.primary.span.source, line_of(d.primary.span));
        // Syntax first within a line: what could not be read explains what was not understood.
        let rank =
            |d: &Diagnostic| (d.severity, !d.code.0.starts_with("S00"), d.primary.span.start);
        place(a).cmp(&place(b)).then(rank(a).cmp(&rank(b))).then(a.message.cmp(&b.message))
    });
    let mut error_line = None;
    let mut last: Option<(Span, Code, String)> = None;
    found.retain(|d| {
        let place = (d.primary.span.source, line_of(d.primary.span));
        if error_line == Some(place) {
            return false;
        }
        if d.severity == Severity::Error {
            error_line = Some(place);
        }
        let this = (d.primary.span, d.code, d.message.clone());
        let new = last.as_ref() != Some(&this);
        last = Some(this);
        new
    });
}

/// The candidate that `word` is most likely a misspelling of.
pub(crate) fn nearest<'a>(
    word: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    let length = word.chars().count();
    let limit = match length {
        0..=2 => 0,
        3..=5 => 1,
        _ => 2,
    };
    let mut best = None;
    let letters = letters(word);
    for candidate in candidates {
        // Long names are cut short here, so that the table of distances stays small. And a spec may
        // have thousands of names for each that is unknown: what cannot be near is not measured.
        let too_long = length > 64 || candidate.len() > 128;
        let far = word.len().abs_diff(candidate.len()) > 4 * limit;
        if candidate == word || too_long || far || edits_at_least(&letters, candidate) > limit {
            continue;
        }
        let distance = distance(word, candidate);
        if distance <= limit && best.is_none_or(|(least, _)| distance < least) {
            best = Some((distance, candidate));
        }
    }
    best.map(|(_, candidate)| candidate)
}

/// The candidate that differs by one slip of the pen only: for places where a warning is all there
/// is to go by, and two different names may well be alike. Asked of every name that nothing
/// declares, and so in a sound spec too: each candidate costs a look at its two ends.
pub(crate) fn one_slip<'a>(
    word: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    let length = word.chars().count();
    if !(3..=64).contains(&length) {
        return None;
    }
    candidates.into_iter().find(|candidate| slipped_once(word, candidate))
}

/// Whether one letter is missing, too many, another, or has changed places with its neighbour.
fn slipped_once(a: &str, b: &str) -> bool {
    let (a, b) = unlike(a, b);
    let (mut a, mut b) = (a.chars(), b.chars());
    match ((a.next(), a.next(), a.next()), (b.next(), b.next(), b.next())) {
        ((None, ..), (Some(_), None, _)) | ((Some(_), None, _), (None | Some(_), None, _)) => true,
        ((Some(a), Some(b), None), (Some(c), Some(d), None)) => a == d && b == c,
        _ => false,
    }
}

/// What is left of two words without the letters that they begin and end with alike.
fn unlike<'a>(a: &'a str, b: &'a str) -> (&'a str, &'a str) {
    fn alike(pairs: impl Iterator<Item = (char, char)>) -> usize {
        pairs.take_while(|(a, b)| a == b).map(|(letter, _)| letter.len_utf8()).sum()
    }
    let first = alike(a.chars().zip(b.chars()));
    let (a, b) = (a.get(first..).unwrap_or_default(), b.get(first..).unwrap_or_default());
    let last = alike(a.chars().rev().zip(b.chars().rev()));
    let short = |text: &'a str| text.get(..text.len() - last).unwrap_or_default();
    (short(a), short(b))
}

/// How often each letter stands in a word, letters that share their last five bits together.
fn letters(word: &str) -> [i16; 32] {
    let mut counts = [0; 32];
    for byte in word.bytes() {
        if let Some(count) = counts.get_mut(usize::from(byte & 31)) {
            *count += 1;
        }
    }
    counts
}

/// No fewer edits lie between two ASCII words: each takes away one letter, brings one, or both. An
/// edit of another letter changes up to four bytes.
fn edits_at_least(letters: &[i16; 32], candidate: &str) -> usize {
    let (mut missing, mut extra) = (0_usize, 0_usize);
    for (own, other) in letters.iter().zip(self::letters(candidate)) {
        let more = usize::from(own.abs_diff(other));
        if *own > other { missing += more } else { extra += more }
    }
    let bytes = if candidate.is_ascii() { 1 } else { 4 };
    missing.max(extra) / bytes
}

/// Edits between two words; two swapped neighbours count as one.
fn distance(a: &str, b: &str) -> usize {
    let a: Vec<char> = a.chars().collect();
    let b: Vec<char> = b.chars().collect();
    let mut before: Vec<usize> = Vec::new();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut next = vec![i + 1];
        for (j, y) in b.iter().enumerate() {
            let at =
                |list: &[usize], index: usize| list.get(index).copied().unwrap_or(usize::MAX / 2);
            let mut best = (at(&row, j) + usize::from(x != y)).min(at(&row, j + 1) + 1);
            best = best.min(at(&next, j) + 1);
            let swapped = i > 0 && j > 0 && a.get(i - 1) == Some(y) && b.get(j - 1) == Some(x);
            if swapped {
                best = best.min(at(&before, j - 1) + 1);
            }
            next.push(best);
        }
        before = std::mem::replace(&mut row, next);
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misspelling_is_recognised_and_another_word_is_not() {
        assert_eq!(nearest("trned", ["trend", "score"]), Some("trend"));
        assert_eq!(nearest("mustt", ["must", "could"]), Some("must"));
        assert_eq!(nearest("banana", ["must", "could"]), None);
        assert_eq!(nearest("ab", ["ac"]), None);
    }

    /// Every word of up to five letters, of three that are one, two and three bytes long.
    #[test]
    fn one_slip_is_one_edit() {
        let mut words = vec![String::new()];
        for place in 0.. {
            let Some(word) = words.get(place).filter(|word| word.chars().count() < 5).cloned()
            else {
                break;
            };
            words.extend(['a', 'é', '→'].map(|letter| format!("{word}{letter}")));
        }
        let mut slips = 0;
        for a in &words {
            for b in &words {
                let once = distance(a, b) == 1;
                assert_eq!(slipped_once(a, b), once, "`{a}` and `{b}`");
                slips += usize::from(once);
            }
        }
        assert!(slips > 1_000 && words.len() == 364, "{slips} slips of {}", words.len());
        assert_eq!(one_slip("told", ["tell", "old", "tole"]), Some("old"));
        assert_eq!(one_slip("at", ["it"]), None, "too short to be a slip");
    }
}
