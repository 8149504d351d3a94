//! The contract: invariants, capabilities, and the bounds that may be optimised.

use serde::{Deserialize, Serialize};

use super::{Budget, ClauseId, Comparison};
use crate::source::Span;

/// A number that the log samples: the value of each event of its types.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Metric {
    /// `response_time`.
    pub name: String,
    /// Canonical event types that carry a sample: `response_time.sampled`.
    pub samples: Vec<String>,
    /// The fields of the value; the first that an event carries as a number counts. Lengths of time
    /// are seconds, money is dollars.
    pub fields: Vec<String>,
}

/// One `invariant`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Invariant {
    /// Its identity across edits.
    pub id: ClauseId,
    /// Its readable name, unique in the spec; the assertion's own where an assertion says the same.
    pub slug: String,
    /// As written, on one line.
    pub text: String,
    /// What it says.
    pub says: Proposition,
    /// Where it stands.
    pub span: Span,
}

/// What an invariant says.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub enum Proposition {
    /// `response_time < 500ms`, `p95(response_time) < 500ms`: true of every sample.
    Metric {
        /// The metric's name.
        metric: String,
        /// What is compared: each sample, or an aggregate.
        aggregate: Aggregate,
        /// How.
        op: Comparison,
        /// With what: seconds for a length of time, dollars for money.
        bound: f64,
    },
    /// `contact_requires_consent`: true when its checker says so.
    Named(Checker),
}

/// What is compared with the bound of a metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Aggregate {
    /// Each sample.
    Each,
    /// `p95(m)`: the nearest-rank percentile (1 to 100) of the newest [`AGGREGATE_SAMPLES`].
    Percentile(u8),
    /// `mean(m)`: of the newest [`AGGREGATE_SAMPLES`].
    Mean,
}

/// How many of the newest samples an aggregate is taken of.
pub const AGGREGATE_SAMPLES: usize = 1_000;

/// The propositions that the engine itself can judge, by their names.
///
/// * `event_log_intact`: every event that was acknowledged is there, unchanged and in order: the chain
///   of hashes reaches from the first event to the head, and the indexes name exactly these events.
/// * `customer_data_never_lost`: the same; nothing that was appended is kept anywhere else.
/// * `state_matches_replay`: what the engine knows is what a replay of the log from its first event gives.
pub const BUILT_INS: [&str; 3] =
    ["customer_data_never_lost", "event_log_intact", "state_matches_replay"];

/// Who says whether a named proposition holds.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Checker {
    /// The engine itself, by one of the names in [`BUILT_INS`].
    BuiltIn(String),
    /// The assertion of the same name, by its slug.
    Assertion(String),
    /// An external command: `{ check: "./check-consent" }`. Exit 0 holds, 1 does not.
    Command(String),
    /// `{ review: human }`.
    Review,
    /// Nobody: undetermined, never passed.
    Unbound,
}

impl Checker {
    /// Whether somebody has to be asked, a command or a person; what is left the engine finds out itself.
    #[must_use]
    pub const fn is_asked(&self) -> bool {
        matches!(self, Self::Command(_) | Self::Review)
    }

    /// By which name the log's `check.reported` says what this checker found of the proposition of
    /// that name. None: nothing there is about it.
    #[must_use]
    pub fn reported_as<'n>(&'n self, name: &'n str) -> Option<&'n str> {
        match self {
            // It is the same question.
            Self::BuiltIn(own) if own == "customer_data_never_lost" => Some("event_log_intact"),
            Self::BuiltIn(own) => Some(own),
            Self::Command(_) | Self::Review => Some(name),
            Self::Assertion(_) | Self::Unbound => None,
        }
    }
}

impl Invariant {
    /// By which name the log says what a checker outside of the evaluators found of it.
    #[must_use]
    pub fn reported_as(&self) -> Option<&str> {
        match &self.says {
            Proposition::Named(checker) => checker.reported_as(&self.slug),
            Proposition::Metric { .. } => None,
        }
    }
}

/// `capability x { … }`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Capability {
    /// Its name.
    pub name: String,
    /// Event types that it takes, as written.
    pub accepts: Vec<String>,
    /// Event types or measures that it gives, as written.
    pub produces: Vec<String>,
    /// `property: p unless q`.
    pub properties: Vec<Property>,
    /// Where it stands.
    pub span: Span,
}

/// `property: p unless q`, which is `p OR q` at each instant.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Property {
    /// The proposition.
    pub name: String,
    /// Who says whether it holds.
    pub checker: Checker,
    /// What excuses it.
    pub unless: Option<(String, Checker)>,
    /// Where it stands.
    pub span: Span,
}

/// `optimise …`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Target {
    /// Its identity across edits.
    pub id: ClauseId,
    /// Its readable name, unique in the spec.
    pub slug: String,
    /// As written, on one line.
    pub text: String,
    /// What is optimised: the metric's name.
    pub metric: String,
    /// How.
    pub goal: Goal,
    /// Where it stands.
    pub span: Span,
}

/// What an `optimise` asks for.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub enum Goal {
    /// `within budget($200/month)`: the metric's samples of the current period, added up, stay
    /// within this. A breach is a quality gap of strength could.
    Budget(Budget),
    /// `minimise`: a draft must not be worse than what is live. Judged at promotion.
    Minimise,
    /// `maximise`, likewise.
    Maximise,
    /// A level that a person or a checker judges, such as `WCAG_AA`. Judged at promotion.
    Level(String),
}
