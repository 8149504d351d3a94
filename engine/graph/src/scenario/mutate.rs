//! How much of a spec its scenarios hold fast: each mutant is run against all of them.
//!
//! In: a spec whose scenarios hold. Out: a [`Mutation`]: every mutant, and whether a scenario
//! noticed it.
//! Never: calls a mutant equivalent that it cannot prove to be.
//! Promise: the same spec gives the same mutants in the same order. Start reading at [`mutate`].

use std::sync::Arc;

use homeostat_intent::lowered::{Scenario, Spec};
use serde::Serialize;

use super::mutants::{self, Mutant};
use super::stage::Stage;
use crate::compile::CompileError;
use crate::program::Program;

/// What became of all mutants.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Mutation {
    /// In the order of the text, blocks first.
    pub mutants: Vec<Tried>,
}

/// One mutant and what became of it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Tried {
    /// What was changed.
    #[serde(flatten)]
    pub mutant: Mutant,
    /// What became of it.
    #[serde(flatten)]
    pub fate: Fate,
}

/// What became of a mutant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "fate", rename_all = "snake_case")]
pub enum Fate {
    /// A scenario noticed it.
    Killed {
        /// The first that did.
        by: String,
    },
    /// No scenario noticed it.
    Survived,
    /// No log can tell it from the spec.
    Equivalent {
        /// The proof.
        why: String,
    },
    /// It is no spec that could be put in force.
    Unviable {
        /// What is wrong with it.
        why: String,
    },
}

impl Mutation {
    /// Those of one fate.
    fn count(&self, of: impl Fn(&Fate) -> bool) -> usize {
        self.mutants.iter().filter(|tried| of(&tried.fate)).count()
    }

    /// How many mutants a scenario noticed.
    #[must_use]
    pub fn killed(&self) -> usize {
        self.count(|fate| matches!(fate, Fate::Killed { .. }))
    }

    /// How many nobody noticed.
    #[must_use]
    pub fn survived(&self) -> usize {
        self.count(|fate| *fate == Fate::Survived)
    }

    /// How many cannot be told from the spec.
    #[must_use]
    pub fn equivalent(&self) -> usize {
        self.count(|fate| matches!(fate, Fate::Equivalent { .. }))
    }

    /// The killed in percent of those that could be, rounded down, so that 100 means all.
    #[must_use]
    pub fn score(&self) -> usize {
        let killed = self.killed();
        (killed * 100).checked_div(killed + self.survived()).unwrap_or(100)
    }
}

/// Makes every mutant of `spec` and runs the scenarios that `chosen` names on it.
///
/// # Errors
/// When the spec itself does not compile.
pub fn mutate(spec: &Spec, chosen: impl Fn(&Scenario) -> bool) -> Result<Mutation, CompileError> {
    let scenarios: Vec<&Scenario> = spec.scenarios.iter().filter(|s| chosen(s)).collect();
    let bare = Spec { scenarios: Vec::new(), ..spec.clone() };
    let original = format!("{:?}", Program::compile(&bare)?);
    let mut tried = Vec::new();
    // Bounded: a spec has finitely many places, and each number takes one.
    while let Some((mutated, mutant)) = mutants::nth(&bare, tried.len()) {
        let fate = fate(&mutated, &mutant, &original, &scenarios);
        tried.push(Tried { mutant, fate });
    }
    Ok(Mutation { mutants: tried })
}

fn fate(mutated: &Spec, mutant: &Mutant, original: &str, scenarios: &[&Scenario]) -> Fate {
    if let Some(why) = mutant.idle {
        return Fate::Equivalent { why: why.to_owned() };
    }
    let program = match Program::compile(mutated) {
        Ok(program) => program,
        Err(error) => return Fate::Unviable { why: error.to_string() },
    };
    if format!("{program:?}") == original {
        return Fate::Equivalent { why: "nothing that is evaluated changes".to_owned() };
    }
    let program = Arc::new(program);
    let notices = |scenario: &&&Scenario| Stage::new(Arc::clone(&program), scenario).fails();
    match scenarios.iter().find(notices) {
        Some(scenario) => Fate::Killed { by: scenario.name.clone() },
        None => Fate::Survived,
    }
}
