//! Every code of a finding, and the page that explains it.
//!
//! In: nothing. Out: [`Page`]s: title, explanation, an example that gives the code, and the same
//! example put right.
//! Never: reuses a code for something else.
//! Promise: the examples are tests: the bad one gives exactly its code, the good one nothing.
//! Start reading at [`page`].

mod blocks;
mod contract;
mod limits;
mod names;
mod scenarios;
mod syntax;

use serde::Serialize;

use crate::diagnostic::Code;

/// What is to be known about a code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Page {
    /// Which.
    pub code: Code,
    /// In one line.
    pub title: &'static str,
    /// Why it matters and what to do.
    pub explanation: &'static str,
    /// A spec that gives it. Empty where none can be shown.
    pub bad: &'static str,
    /// The same spec, put right.
    pub good: &'static str,
}

/// The page of a code, written `S0102` or `s0102`.
#[must_use]
pub fn page(code: &str) -> Option<&'static Page> {
    pages().find(|page| page.code.as_str().eq_ignore_ascii_case(code.trim()))
}

/// All pages, in the order of their codes.
pub fn pages() -> impl Iterator<Item = &'static Page> {
    let first = syntax::PAGES.iter().chain(names::PAGES).chain(blocks::PAGES);
    first.chain(contract::PAGES).chain(limits::PAGES).chain(scenarios::PAGES)
}

impl std::fmt::Display for Page {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(f, "{}: {}\n\n{}", self.code, self.title, self.explanation)?;
        if !self.bad.is_empty() {
            writeln!(f, "\nThis gives {}:\n\n{}", self.code, indented(self.bad))?;
            writeln!(f, "\nThis does not:\n\n{}", indented(self.good))?;
        }
        Ok(())
    }
}

fn indented(text: &str) -> String {
    let lines: Vec<String> = text.trim_end().lines().map(|line| format!("    {line}")).collect();
    lines.join("\n")
}

macro_rules! codes {
    ($($name:ident = $text:literal,)*) => {
        $(pub(crate) const $name: Code = Code($text);)*
        /// All codes, in order.
        pub const ALL: &[Code] = &[$($name,)*];
    };
}

codes! {
    UNEXPECTED = "S0001",
    UNCLOSED = "S0002",
    STRAY = "S0003",
    OPEN_TEXT = "S0004",
    UNKNOWN_CHARACTER = "S0005",
    TOO_DEEP = "S0006",
    MISPLACED = "S0007",
    CHAINED = "S0008",
    TOO_LARGE = "S0009",
    UNKNOWN_ATTRIBUTE = "S0101",
    UNKNOWN_THRESHOLD = "S0102",
    UNKNOWN_SETTING = "S0103",
    DECLARED_TWICE = "S0104",
    INFERRED_ENTITY = "S0105",
    INFERRED_ACTION = "S0106",
    INFERRED_MEASURE = "S0107",
    INFERRED_STATE = "S0108",
    INFERRED_EVENT = "S0109",
    INFERRED_ATTRIBUTE = "S0110",
    INFERRED_REQUIREMENT = "S0111",
    LIKELY_MISSPELT = "S0112",
    UNBOUND = "S0113",
    INFERRED_METRIC = "S0114",
    RESERVED = "S0115",
    UNKNOWN_UNIT = "S0201",
    WRONG_KIND = "S0202",
    INCOMPARABLE = "S0203",
    WRONG_ENTITY = "S0204",
    TOO_MANY_ARGUMENTS = "S0205",
    IDLE_FALLBACK = "S0301",
    OVER_PERIOD = "S0302",
    UNDER_COOLDOWN = "S0303",
    GROUP_READING = "S0304",
    NO_TIME = "S0305",
    NO_LASTING = "S0306",
    NO_ZONE = "S0307",
    UNKNOWN_ZONE = "S0308",
    NEVER_TRUE = "S0401",
    TWO_EDGES = "S0402",
    UNREACHABLE = "S0403",
    NO_DIRECTION = "S0404",
    NOT_COMPUTED = "S0405",
    ENDLESS = "S0501",
    NOT_PRODUCED = "S0502",
    CHAIN_TOO_LONG = "S0503",
    NOT_ACCEPTED = "S0504",
    NOT_GIVEN = "S0505",
    DUPLICATE_DUTY = "S0601",
    CONTRADICTORY_DUTY = "S0602",
    EXTERNAL_TO_ALL = "S0603",
    UNAUTHORISED = "S0604",
    UNCHECKED = "S0701",
    VACUOUS = "S0702",
    CONTRADICTION = "S0703",
    UNKNOWN_POLICY = "S0801",
    POLICY_TWICE = "S0802",
    OPEN_BUDGET = "S0901",
    OPEN_VALUE = "S0902",
    NONSENSE_LIMIT = "S0903",
    SET_TWICE = "S0904",
    UNKNOWN_CLAUSE = "S1001",
    UNKNOWN_EVENT = "S1002",
    OUT_OF_ORDER = "S1003",
    NEVER_CHECKED = "S1004",
    WRONG_INSTANCES = "S1005",
    TWO_SCENARIOS = "S1006",
    NO_EXPECTATION = "S1007",
    WRONG_EVENT = "S1008",
    UNKNOWN_EXPECTED = "S1009",
    WRONG_CAUSE = "S1010",
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Options, Source, fixes, load};

    fn codes(text: &str) -> Vec<&'static str> {
        let source = Source { name: "example.intent".to_owned(), text: text.to_owned() };
        let mut found: Vec<_> =
            load(&[source]).diagnostics.iter().map(|found| found.code.as_str()).collect();
        found.dedup();
        found
    }

    #[test]
    fn every_code_has_one_page_and_pages_stand_in_order() {
        let paged: Vec<Code> = pages().map(|page| page.code).collect();
        assert_eq!(paged, ALL);
    }

    #[test]
    fn every_bad_example_gives_exactly_its_code_and_every_good_one_nothing() {
        let mut wrong = Vec::new();
        for page in pages().filter(|page| !page.bad.is_empty()) {
            let (bad, good) = (codes(page.bad), codes(page.good));
            if bad != [page.code.as_str()] || !good.is_empty() {
                wrong.push((page.code, bad, good));
            }
        }
        assert_eq!(wrong, [], "code, what its bad example gives, what its good one gives");
    }

    #[test]
    fn every_fix_of_an_example_removes_its_finding() {
        let mut mends = 0;
        for page in pages() {
            let source = Source { name: String::new(), text: page.bad.to_owned() };
            let mended = fixes::mend(&[source], Options::default(), true);
            if !mended.applied.is_empty() {
                mends += 1;
                let fixed = mended.sources.first().map_or("", |source| source.text.as_str());
                assert!(!codes(fixed).contains(&page.code.as_str()), "{}: {fixed}", page.code);
            }
        }
        assert!(mends > 8, "{mends}");
    }

    #[test]
    fn a_page_is_found_by_its_code_in_either_case() {
        assert_eq!(page("s0102").map(|page| page.code), Some(UNKNOWN_THRESHOLD));
        assert_eq!(page("S9999"), None);
    }
}
