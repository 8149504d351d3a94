//! Suites: named lists of what to run, for people and for CI.
//!
//! In: `scenarios/suites.toml`. Out: [`Suites`]. Never: runs anything; opens no file.
//! Promise: a suite that reads has something to run, and names no mark that there is not.
//! Start reading at [`Suites::from_toml`].

use std::collections::BTreeMap;
use std::ops::Range;

use serde::{Deserialize, Deserializer};

use crate::marks;
use crate::plan::{PlanError, PlanErrors};

/// All suites, by name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Suites(pub BTreeMap<String, Suite>);

/// One suite.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Suite {
    /// What it is for, in a sentence.
    pub about: String,
    /// What it runs.
    #[serde(default, rename = "run")]
    pub runs: Vec<Run>,
    /// The marks that it must reach. None: all that there are.
    pub marks: Option<Vec<String>>,
}

/// Seeds of a scenario, or Plans as they are; each in some lanes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Run {
    /// What.
    pub what: What,
    /// In which lanes, by name.
    pub lanes: Vec<String>,
    /// Whether all lanes must come to the same end.
    pub agree: bool,
}

/// What is run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// Seeds of a scenario.
    Seeds {
        /// The scenario's file, relative to the file of suites.
        scenario: String,
        /// Which.
        seeds: Range<u64>,
    },
    /// Plans: a file, or a folder for every Plan in it, relative to the file of suites.
    Plans(String),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawRun {
    scenario: Option<String>,
    #[serde(default, deserialize_with = "seeds")]
    seeds: Option<Range<u64>>,
    plans: Option<String>,
    #[serde(default = "native")]
    lanes: Vec<String>,
    #[serde(default)]
    agree: bool,
}

fn native() -> Vec<String> {
    vec![crate::lane::NATIVE.name.to_owned()]
}

impl<'de> Deserialize<'de> for Run {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = RawRun::deserialize(deserializer)?;
        let what = match (raw.scenario, raw.seeds, raw.plans) {
            (Some(scenario), Some(seeds), None) => What::Seeds { scenario, seeds },
            (None, None, Some(plans)) => What::Plans(plans),
            _ => {
                let expected = "expected `scenario` and `seeds`, or `plans`";
                return Err(serde::de::Error::custom(expected));
            }
        };
        Ok(Self { what, lanes: raw.lanes, agree: raw.agree })
    }
}

impl Suites {
    /// Reads a file of suites.
    ///
    /// # Errors
    /// When it is no TOML, a suite has nothing to run, or it names a mark that there is not.
    pub fn from_toml(text: &str) -> Result<Self, PlanErrors> {
        let suites: Self = crate::plan::read(text)?;
        let mut errors = Vec::new();
        for (name, suite) in &suites.0 {
            let place = format!("suite `{name}`");
            if suite.runs.iter().all(|run| run.lanes.is_empty()) {
                let error = PlanError::new(place.clone(), "it has nothing to run");
                errors.push(error.help(format!("give it a `[[{name}.run]]` with a lane")));
            }
            let named = suite.marks.iter().flatten();
            for mark in named.filter(|mark| marks::named(mark).is_none()) {
                let error = PlanError::new(place.clone(), format!("there is no mark `{mark}`"));
                errors.push(error.help("`homeostat sim suites --marks` lists them"));
            }
        }
        if errors.is_empty() { Ok(suites) } else { Err(PlanErrors(errors)) }
    }

    /// The suite of that name.
    ///
    /// # Errors
    /// When there is none, with those that there are.
    pub fn find(&self, name: &str) -> Result<&Suite, PlanErrors> {
        self.0.get(name).ok_or_else(|| {
            let known: Vec<String> = self.0.keys().map(|it| format!("`{it}`")).collect();
            let message =
                format!("there is none of that name, expected one of {}", known.join(", "));
            PlanError::new(format!("suite `{name}`"), message).into()
        })
    }
}

impl Suite {
    /// Whether it must reach that mark.
    #[must_use]
    pub fn wants(&self, mark: &str) -> bool {
        self.marks.as_ref().is_none_or(|marks| marks.iter().any(|it| it == mark))
    }
}

/// Reads a range of seeds, `0..1000`, or one seed, `7`. The command line reads them alike.
///
/// # Errors
/// When it is neither, or has no seed in it.
pub fn parse_seeds(text: &str) -> Result<Range<u64>, String> {
    let wrong = || format!("`{text}` is no range of seeds, expected the form `0..1000` or `7`");
    let number = |text: &str| text.trim().parse::<u64>().map_err(|_| wrong());
    let (from, to) = match text.split_once("..") {
        Some((from, to)) => (number(from)?, number(to)?),
        None => {
            let seed = number(text)?;
            (seed, seed.checked_add(1).ok_or_else(wrong)?)
        }
    };
    if from < to { Ok(from..to) } else { Err(wrong()) }
}

fn seeds<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Range<u64>>, D::Error> {
    let text = String::deserialize(deserializer)?;
    parse_seeds(&text).map(Some).map_err(serde::de::Error::custom)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;

    #[test]
    fn what_cannot_be_run_is_no_suite() {
        let refused = |text: &str, why: &str| {
            let error = Suites::from_toml(text).unwrap_err().to_string();
            assert!(error.contains(why), "{error}");
        };
        refused("[a]\nabout = \"x\"", "it has nothing to run");
        refused("[a]\nabout = \"x\"\n[[a.run]]\nplans = \"p\"\nlanes = []", "nothing to run");
        let both = "[a]\nabout = \"x\"\n[[a.run]]\nplans = \"p\"\nscenario = \"s\"\nseeds = \"1\"";
        refused(both, "expected `scenario` and `seeds`, or `plans`");
        let mark = "[a]\nabout = \"x\"\nmarks = [\"moon\"]\n[[a.run]]\nplans = \"p\"";
        refused(mark, "there is no mark `moon`");
    }

    #[test]
    fn a_suite_that_names_no_marks_wants_them_all() {
        let text = "[a]\nabout = \"x\"\n[[a.run]]\nplans = \"p\"";
        let suites = Suites::from_toml(text).unwrap();
        let all = suites.find("a").unwrap();
        assert!(marks::all().all(|mark| all.wants(mark.name)));
        let text =
            format!("{text}\n[b]\nabout = \"y\"\nmarks = [\"gap-late\"]\n[[b.run]]\nplans = \"p\"");
        let suites = Suites::from_toml(&text).unwrap();
        let one = suites.find("b").unwrap();
        assert!(one.wants("gap-late") && !one.wants("gap-waived"));
        assert_eq!(one.runs.first().map(|run| run.lanes.clone()), Some(native()));
    }
}
