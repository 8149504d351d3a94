//! Texts of specs: every construct of the language, most of them well put, some with a slip.
//!
//! In: dice. Out: a [`SpecText`].
//! Never: a name beyond a small vocabulary, the same that the agreement's logs speak of, so that
//! what is owed is also met. Promise: the same dice give the same text.
//! Start reading at [`SpecText::draw`].

mod declarations;
mod duties;
mod passive;

use std::fmt;

use arbitrary::{Arbitrary, Unstructured};
use homeostat_graph::reference::agreement::Dice;

/// A text that says something in the language, or nearly.
#[derive(Clone, PartialEq, Eq)]
pub struct SpecText {
    /// The text.
    pub text: String,
    /// Bytes that were not used: whoever needs more choices takes them.
    pub rest: Vec<u8>,
}

impl SpecText {
    /// A text. How much it says depends on how much the dice say.
    #[must_use]
    pub fn draw(dice: &mut Dice<'_>) -> String {
        let mut writer = Writer { dice, text: String::new(), indent: 0, labels: 0 };
        writer.file();
        let text = writer.text;
        slipped(text, dice)
    }
}

impl<'a> Arbitrary<'a> for SpecText {
    fn arbitrary(input: &mut Unstructured<'a>) -> arbitrary::Result<Self> {
        let bytes = input.bytes(input.len())?;
        // Text and log draw from both halves, so that a change in one does not move the other.
        let (text, rest) = bytes.split_at(bytes.len() / 2);
        let text = Self::draw(&mut Dice::of_bytes(text));
        Ok(Self { text, rest: rest.to_vec() })
    }
}

impl fmt::Debug for SpecText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a spec and {} bytes for its log\n{}", self.rest.len(), self.text)
    }
}

/// What a slip puts in the place of a word.
const SLIPS: [&str; 22] = [
    "order",
    "customer",
    "score",
    "value",
    "threshold",
    "low",
    "done",
    "must",
    "within",
    "2",
    "5s",
    "open",
    "if",
    "is",
    "NOT",
    "$X",
    "\"n1\"",
    "unknown_name",
    "by",
    "created",
    "until",
    "",
];

/// The text with a word or two in a wrong place: what the checker is there for.
fn slipped(mut text: String, dice: &mut Dice<'_>) -> String {
    if !dice.chance(25) {
        return text;
    }
    for _ in 0..=dice.below(2) {
        let word = |letter: char| letter.is_alphanumeric() || letter == '_';
        let starts: Vec<usize> = text
            .char_indices()
            .filter(|&(at, letter)| {
                word(letter) && !text.get(..at).is_some_and(|before| before.ends_with(word))
            })
            .map(|(at, _)| at)
            .collect();
        if starts.is_empty() {
            break;
        }
        let start = dice.one(&starts);
        let rest = text.get(start..).unwrap_or_default();
        let end = start + rest.find(|letter| !word(letter)).unwrap_or(rest.len());
        text.replace_range(start..end, dice.one(&SLIPS));
    }
    text
}

/// A text that grows.
struct Writer<'d, 'b> {
    dice: &'d mut Dice<'b>,
    text: String,
    indent: usize,
    labels: u32,
}

impl Writer<'_, '_> {
    fn file(&mut self) {
        if self.dice.chance(30) {
            self.line("system \"shop\" {");
            self.indent += 1;
            self.items();
            self.indent -= 1;
            self.line("}");
        } else {
            self.items();
        }
    }

    fn items(&mut self) {
        self.declarations();
        for _ in 0..=self.dice.below(3) {
            self.when();
        }
        while self.dice.chance(30) {
            self.passive();
        }
    }

    /// One line, laid out and annotated as people do it.
    fn line(&mut self, line: &str) {
        if self.dice.chance(6) {
            self.text.push_str(self.dice.one(&["\n", "\n\n", "# why it is so\n", "\t\n"]));
        }
        for _ in 0..self.indent {
            self.text.push_str(if self.dice.chance(4) { "\t" } else { "  " });
        }
        if self.dice.chance(6) {
            let parts: Vec<&str> = line.split(' ').collect();
            self.text.push_str(&parts.join(self.dice.one(&["  ", "\t", " "])));
        } else {
            self.text.push_str(line);
        }
        if self.dice.chance(5) {
            self.text.push_str(self.dice.one(&[
                "  # said twice",
                "  → a note",
                " ",
                "  → see # 3",
            ]));
        }
        self.text.push('\n');
    }

    /// A line, what stands in its braces, and the closing one.
    fn block(&mut self, head: &str, body: impl FnOnce(&mut Self)) {
        self.line(&format!("{head} {{"));
        self.indent += 1;
        body(self);
        self.indent -= 1;
        self.line("}");
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use homeostat_intent::{Diagnostic, Severity, Source, load};

    use super::*;

    /// A generator that nearly always errs would only try the first lines of the checker, and one
    /// that forgets a construct would never try it.
    #[test]
    fn most_texts_load_and_together_they_say_everything() {
        let texts: Vec<String> =
            (0..400).map(|seed| SpecText::draw(&mut Dice::of_seed(seed))).collect();
        let mut errors = BTreeMap::<String, usize>::new();
        let mut wrong = 0;
        for text in &texts {
            let loaded = load(&[Source { name: String::new(), text: text.clone() }]);
            let of_code = |it: &&Diagnostic| it.severity == Severity::Error;
            for error in loaded.diagnostics.iter().filter(of_code) {
                *errors.entry(format!("{} {}", error.code, error.message)).or_default() += 1;
            }
            wrong += usize::from(loaded.has_errors());
        }
        assert!((20..160).contains(&wrong), "{wrong} of 400 have errors: {errors:#?}");
        let all = texts.join("\n");
        for construct in [
            "system \"",
            "entity ",
            "belongs_to",
            "state ",
            "event ",
            " as \"",
            "measure ",
            "threshold ",
            " falling",
            " rising",
            "action ",
            "satisfied_by:",
            "by: human",
            "effect:",
            "limits {",
            "time_zone",
            "when ",
            "must: ",
            "should: ",
            "could: ",
            "each must",
            "within: ",
            "fallback: ",
            "using inferred",
            "requires: ",
            "if ",
            " crosses ",
            " crosses above ",
            " AND ",
            " OR ",
            "NOT ",
            " is not ",
            "[]",
            "invariant ",
            "capability ",
            "optimise ",
            "every ",
            "on friday",
            "for each ",
            "always {",
            "assert",
            " for ",
            "backfill_policy",
            "catch_up",
            "scenario ",
            "given ",
            "expect ",
            "immutable",
            "rule:",
            "unless",
            "$200/month",
            "$X",
            "95%",
            "1mo",
            "→",
            "#",
            " exists",
        ] {
            assert!(all.contains(construct), "no text says `{construct}`");
        }
    }
}
