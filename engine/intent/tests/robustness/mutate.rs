//! Texts near a text: what a slip of the pen, an editor gone wrong or a bad disk makes of a spec.
//!
//! In: a corpus, a sequence of choices. Out: mutated texts, and how often each sort was used.
//! Never: draws from anything but the sequence. Promise: the same seed gives the same texts.

use std::collections::BTreeMap;

use crate::pieces::PIECES;

/// A linear congruential sequence: the same mutations on every run and machine.
pub(crate) struct Sequence(pub(crate) u64);

impl Sequence {
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let wide = (self.0 >> 33) as usize;
        wide % bound.max(1)
    }

    fn one<'a>(&mut self, list: &[&'a str]) -> &'a str {
        list[self.below(list.len())]
    }
}

/// Makes one text another.
type Edit = fn(&mut Sequence, &Corpus, &mut Vec<char>);

/// Every sort of mutation, by name.
const SORTS: [(&str, Edit); 9] = [
    ("deletion", deletion),
    ("duplication", duplication),
    ("swap", swap),
    ("insertion", insertion),
    ("truncation", truncation),
    ("splice", splice),
    ("byte noise", noise),
    ("nesting", nesting),
    ("unicode", unicode),
];

/// The texts that are mutated.
pub(crate) struct Corpus(Vec<Vec<char>>);

impl Corpus {
    pub(crate) fn new(texts: &[String]) -> Self {
        Self(texts.iter().map(|text| text.chars().collect()).collect())
    }

    /// A part of a text, so that most of the time goes into different texts and not into long ones.
    fn window(&self, sequence: &mut Sequence) -> &[char] {
        let text = &self.0[sequence.below(self.0.len())];
        let start = sequence.below(text.len());
        let end = (start + 40 + sequence.below(500)).min(text.len());
        &text[start..end]
    }

    /// A mutated text. `used` counts the sorts.
    pub(crate) fn mutated(
        &self,
        sequence: &mut Sequence,
        used: &mut BTreeMap<&'static str, usize>,
    ) -> String {
        let mut chars = self.window(sequence).to_vec();
        for _ in 0..=sequence.below(6) {
            let (name, edit) = SORTS[sequence.below(SORTS.len())];
            edit(sequence, self, &mut chars);
            *used.entry(name).or_default() += 1;
        }
        chars.into_iter().collect()
    }
}

/// A part of the text, of at most so many characters.
fn part(sequence: &mut Sequence, chars: &[char], most: usize) -> std::ops::Range<usize> {
    let at = sequence.below(chars.len() + 1);
    at..(at + sequence.below(most)).min(chars.len())
}

fn deletion(sequence: &mut Sequence, _: &Corpus, chars: &mut Vec<char>) {
    let most = if sequence.below(2) == 0 { 2 } else { 30 };
    let gone = part(sequence, chars, most);
    chars.drain(gone);
}

fn duplication(sequence: &mut Sequence, _: &Corpus, chars: &mut Vec<char>) {
    let copied = part(sequence, chars, 60);
    let copy = chars[copied].to_vec();
    let place = sequence.below(chars.len() + 1);
    chars.splice(place..place, copy);
}

fn swap(sequence: &mut Sequence, _: &Corpus, chars: &mut Vec<char>) {
    let (mut one, mut other) = (part(sequence, chars, 20), part(sequence, chars, 20));
    if other.start < one.start {
        std::mem::swap(&mut one, &mut other);
    }
    one.end = one.end.min(other.start);
    let (first, second) = (chars[one.clone()].to_vec(), chars[other.clone()].to_vec());
    chars.splice(other, first);
    chars.splice(one, second);
}

fn insertion(sequence: &mut Sequence, _: &Corpus, chars: &mut Vec<char>) {
    for _ in 0..=sequence.below(3) {
        let at = sequence.below(chars.len() + 1);
        let piece = sequence.one(&PIECES);
        chars.splice(at..at, piece.chars());
    }
}

fn truncation(sequence: &mut Sequence, _: &Corpus, chars: &mut Vec<char>) {
    let at = sequence.below(chars.len() + 1);
    if sequence.below(4) == 0 {
        chars.drain(..at);
    } else {
        chars.truncate(at);
    }
}

/// The beginning of this text and the end of another.
fn splice(sequence: &mut Sequence, corpus: &Corpus, chars: &mut Vec<char>) {
    let at = sequence.below(chars.len() + 1);
    chars.truncate(at);
    chars.extend(corpus.window(sequence));
}

/// Bytes that are anything, read as a text as well as they can be.
fn noise(sequence: &mut Sequence, _: &Corpus, chars: &mut Vec<char>) {
    let mut bytes = chars.iter().collect::<String>().into_bytes();
    for _ in 0..=sequence.below(8) {
        let at = sequence.below(bytes.len().max(1));
        let byte = u8::try_from(sequence.below(256)).unwrap();
        if let Some(old) = bytes.get_mut(at) {
            *old = byte;
        }
    }
    *chars = String::from_utf8_lossy(&bytes).chars().collect();
}

fn nesting(sequence: &mut Sequence, _: &Corpus, chars: &mut Vec<char>) {
    let open = sequence.one(&OPENINGS);
    let deep = 1 + sequence.below(120);
    let at = sequence.below(chars.len() + 1);
    let mut piece: Vec<char> = open.repeat(deep).chars().collect();
    if sequence.below(2) == 0 {
        let close = if open.contains('{') { "}" } else { ")" };
        piece.extend(close.repeat(deep).chars());
    }
    chars.splice(at..at, piece);
}

fn unicode(sequence: &mut Sequence, _: &Corpus, chars: &mut Vec<char>) {
    for _ in 0..=sequence.below(4) {
        let at = sequence.below(chars.len() + 1);
        let piece = sequence.one(&LETTERS);
        chars.splice(at..at, piece.chars());
    }
}

const OPENINGS: [&str; 9] =
    ["(", "[", "{", "f(", "NOT ", "if x {\n", "a: {", "when a.b {\n", "within: 5s {\n"];

/// Letters of other scripts, marks, directions, blanks and ends of lines that are none here.
const LETTERS: [&str; 18] = [
    "é",
    "é",
    "ß",
    "名",
    "أ",
    "𝄞",
    "👩‍👩‍👧",
    "\u{feff}",
    "\u{a0}",
    "\u{200b}",
    "\u{202e}",
    "\u{2028}",
    "\u{85}",
    "\0",
    "\r",
    "“",
    "’",
    "→",
];
