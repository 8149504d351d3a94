//! Suites: named lists of what to run, for people and for CI.
//!
//! In: `scenarios/suites.toml`. Out: [`Suites`]. Never: runs anything; opens no file.
//! Promise: a suite that reads has seeds to run. Start reading at [`Suites::from_toml`].

use std::collections::BTreeMap;
use std::ops::Range;

use serde::{Deserialize, Deserializer};

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
    /// What it writes and runs.
    #[serde(default, rename = "run")]
    pub runs: Vec<Run>,
    /// Plans that it runs as they are, relative to the file of suites.
    #[serde(default)]
    pub plans: Vec<String>,
}

/// A scenario and its seeds.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Run {
    /// The scenario's file, relative to the file of suites.
    pub scenario: String,
    /// Which seeds: `0..200`, the last one not included.
    #[serde(deserialize_with = "seeds")]
    pub seeds: Range<u64>,
}

impl Suites {
    /// Reads a file of suites.
    ///
    /// # Errors
    /// When it is no TOML, or a suite has nothing to run.
    pub fn from_toml(text: &str) -> Result<Self, PlanErrors> {
        let suites: Self = crate::plan::read(text)?;
        for (name, suite) in &suites.0 {
            if suite.runs.is_empty() && suite.plans.is_empty() {
                let error = PlanError::new(format!("suite `{name}`"), "it has nothing to run");
                return Err(error.help("give it a `[[name.run]]` or `plans`").into());
            }
        }
        Ok(suites)
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

fn seeds<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Range<u64>, D::Error> {
    let text = String::deserialize(deserializer)?;
    parse_seeds(&text).map_err(serde::de::Error::custom)
}
