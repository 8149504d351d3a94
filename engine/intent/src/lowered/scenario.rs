//! Scenarios: small stories inside a spec that say what must come of them.

use serde::Serialize;

use super::{Length, Literal};
use crate::source::Span;

/// `scenario "x" { … }`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Scenario {
    /// Its name.
    pub name: String,
    /// When it begins, in microseconds since 1970 in UTC: `start: "2026-03-28T12:00:00Z"`, or else
    /// [`SCENARIO_START`].
    pub start: i64,
    /// Its steps in the order of the text, which is also the order of their times.
    pub steps: Vec<ScenarioStep>,
    /// Where it stands.
    pub span: Span,
}

/// When a scenario begins that does not say: Wednesday, 7 January 2026, noon in UTC. Far from
/// midnight, from the end of a week and from the nights in which clocks are changed.
pub const SCENARIO_START: i64 = 1_767_787_200_000_000;

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
    /// `resume at 3d`: the engine was down since the step above, and comes back now.
    Resume,
}

/// An event of a scenario.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ScenarioEvent {
    /// `e1`, by which other lines may name it.
    pub name: String,
    /// Its type: canonical, where the spec knows it.
    pub r#type: String,
    /// Its time from the start, when it differs from the step's: it is seen late, or comes from a
    /// clock that runs ahead.
    pub time: Option<Length>,
    /// `kind: …`; primary when nothing is said.
    pub kind: ScenarioKind,
    /// `subject: "customer/c1"`.
    pub subject: Option<String>,
    /// `actor: agent`: the event is an agent's, so that only the step's time counts.
    pub by_agent: bool,
    /// `cause: e1`, `cause: "f@e1"`: the one obligation that it answers, as `slug@e1`, where `e1`
    /// stands for the position of that event. What was not triggered by an event of the scenario
    /// is named as the log names it: `slug@2026-03-02T09:00:00Z~r1`.
    pub cause: Option<String>,
    /// `enriches: e1, confidence: 0.8`: what an enrichment was derived from, and how sure it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enriches: Option<ScenarioLink>,
    /// The rest of its fields, as payload.
    pub fields: Vec<(String, Literal)>,
}

/// Ties an enrichment of a scenario to the event above it that it enriches.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ScenarioLink {
    /// That event's name in the scenario.
    pub event: String,
    /// From 0, a guess, to 1, a certainty; 1 when nothing is said.
    pub confidence: f64,
}

/// What sort of record an event of a scenario is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ScenarioKind {
    /// From the world, or what an agent did in it.
    #[default]
    Primary,
    /// Derived, marked inferred.
    Enrichment,
    /// Erasure.
    Tombstone,
    /// The engine's own: what a checker reported, what a person decided.
    Control,
}

/// `expect [no] gap f(x)`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Expectation {
    /// `expect no …`.
    pub negated: bool,
    /// What is expected of it.
    pub state: Expected,
    /// The action, label, slug or assertion that is meant, as written.
    pub clause: String,
    /// The slugs of the clauses that it means: several when an action is called more than once.
    pub slugs: Vec<String>,
    /// Its instances: `i1`. Compared with the keys of an obligation, in order, and behind them with
    /// the instances that it is bound to. None: any obligation of the clause.
    pub instances: Vec<String>,
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

impl Expected {
    /// All of them, in the order of the reference.
    pub const ALL: [Self; 8] = [
        Self::Gap,
        Self::Active,
        Self::Overdue,
        Self::Fulfilled,
        Self::Late,
        Self::Lapsed,
        Self::Withdrawn,
        Self::Void,
    ];

    /// The word of the language.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Gap => "gap",
            Self::Active => "active",
            Self::Overdue => "overdue",
            Self::Fulfilled => "fulfilled",
            Self::Late => "late",
            Self::Lapsed => "lapsed",
            Self::Withdrawn => "withdrawn",
            Self::Void => "void",
        }
    }
}
