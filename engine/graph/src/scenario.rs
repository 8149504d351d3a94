//! Runs the scenarios of a spec: small logs that it holds itself, with what must come of them.
//!
//! In: a lowered spec. Out: a [`Report`]: each scenario with what was found where something else
//! was expected, and which clauses the scenarios reach.
//! Never: judges by rules of its own: a scenario's events go through the evaluator as a log's do,
//! with time let come to each step before it.
//! Promise: the same spec gives the same report. Start reading at [`run`]; [`mutate`] asks how
//! much the expectations hold fast.

mod coverage;
mod found;
mod mutants;
mod mutate;
mod owed;
mod stage;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use homeostat_intent::Span;
use homeostat_intent::lowered::{Scenario, Spec};
use serde::Serialize;

use crate::compile::CompileError;
use crate::program::Program;
pub use coverage::{Coverage, Covered, Facet, Sort};
pub use mutants::Mutant;
pub use mutate::{Fate, Mutation, Tried, mutate};
use stage::Stage;

/// What became of the scenarios.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report {
    /// In the order of the text.
    pub scenarios: Vec<Outcome>,
    /// What they reach of the spec, together.
    pub coverage: Coverage,
}

/// What became of one scenario.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Outcome {
    /// Its name.
    pub name: String,
    /// How many events it brings.
    pub events: usize,
    /// How many expectations it has.
    pub expectations: usize,
    /// Those that did not hold.
    pub failures: Vec<Failure>,
    /// Where it stands.
    #[serde(skip)]
    pub span: Span,
}

/// An expectation that did not hold.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Failure {
    /// When, from the scenario's start: `6s`.
    pub at: String,
    /// The expectation as written.
    pub expected: String,
    /// What was found instead, a line for each obligation, near miss or reason.
    pub found: Vec<String>,
    /// Where it stands.
    #[serde(skip)]
    pub span: Span,
}

impl Report {
    /// How many scenarios failed.
    #[must_use]
    pub fn failed(&self) -> usize {
        self.scenarios.iter().filter(|scenario| !scenario.failures.is_empty()).count()
    }
}

/// Runs the scenarios that `chosen` names by answering true.
///
/// # Errors
/// When the spec does not compile.
pub fn run(spec: &Spec, chosen: impl Fn(&Scenario) -> bool) -> Result<Report, CompileError> {
    let program = Arc::new(Program::compile(spec)?);
    let mut coverage = Coverage::of(spec, &program);
    let mut scenarios = Vec::new();
    for scenario in spec.scenarios.iter().filter(|scenario| chosen(scenario)) {
        let mut stage = Stage::new(Arc::clone(&program), scenario);
        let failures = stage.play();
        coverage.add(stage.reached());
        scenarios.push(Outcome {
            name: scenario.name.clone(),
            events: stage.events(),
            expectations: stage.expectations(),
            failures,
            span: scenario.span,
        });
    }
    Ok(Report { scenarios, coverage })
}
