//! Scenarios: small stories inside a spec that say what must come of them.

use serde::Serialize;

use super::{Length, Literal};
use crate::source::Span;

/// `scenario "x" { … }`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Scenario {
    /// Its name.
    pub name: String,
    /// Its steps in the order of the text.
    pub steps: Vec<ScenarioStep>,
    /// Where it stands.
    pub span: Span,
}

/// One line of a scenario.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ScenarioStep {
    /// When, from the scenario's start.
    pub at: Length,
    /// What happens or is expected.
    pub what: ScenarioAct,
    /// Where it stands.
    pub span: Span,
}

/// What a line of a scenario says.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub enum ScenarioAct {
    /// `given e1: { … }`, `at 4s e2: { … }`: an event is appended.
    Event(ScenarioEvent),
    /// `at 6s expect gap f(x)`.
    Expect(Expectation),
}

/// An event of a scenario.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ScenarioEvent {
    /// `e1`, by which other lines may name it.
    pub name: String,
    /// Its type, canonical.
    pub r#type: String,
    /// Its time from the start, when it differs from the step's (a late event).
    pub time: Option<Length>,
    /// `kind: enrichment | tombstone`; primary when nothing is said.
    pub kind: Option<String>,
    /// `subject: "customer/c1"`.
    pub subject: Option<String>,
    /// `actor: agent`: the event is an agent's.
    pub by_agent: bool,
    /// `cause: e1`: it answers the obligations of that event for the duty that it satisfies.
    pub cause: Option<String>,
    /// The rest of its fields, as payload.
    pub fields: Vec<(String, Literal)>,
}

/// `expect [no] gap f(x)`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Expectation {
    /// `expect no …`.
    pub negated: bool,
    /// What is expected of it.
    pub state: Expected,
    /// The action, label, slug or assertion that is meant.
    pub clause: String,
    /// Its instances, as written: `i1`. Compared with the keys of an obligation, in order.
    pub arguments: Vec<String>,
    /// As written, on one line.
    pub text: String,
}

/// What a scenario can expect of a clause.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Expected {
    /// A gap is open.
    Gap,
    /// It is owed and not yet due.
    Active,
    /// It is owed and due has passed.
    Overdue,
    /// It was fulfilled, in time or late.
    Fulfilled,
    /// It was fulfilled after due.
    Late,
    /// Its fallback took its place.
    Lapsed,
    /// It is no longer owed.
    Withdrawn,
    /// Its subject was erased.
    Void,
}
