//! What the contract bounds: metrics that the log samples, and the propositions that somebody judges.
//!
//! In: nothing. Out: plans, as `compile` fills them in. Never: sees an event.
//! Promise: every invariant, property and target of the spec is here, whoever checks it.
//! Start reading at [`MetricPlan`], then [`StandPlan`].

use homeostat_intent::lowered::{Aggregate, Checker, Comparison, Length};
use serde::Serialize;

/// A number that events sample.
#[derive(Debug)]
pub(crate) struct MetricPlan {
    /// The fields of the value; the first that carries a number counts.
    pub(crate) fields: Vec<u32>,
    /// Whether an aggregate of it is bounded, so that samples are kept.
    pub(crate) kept: bool,
    /// Whether its samples are kept in order too.
    pub(crate) sorted: bool,
}

/// `response_time < 500ms`, `p95(response_time) < 500ms`.
#[derive(Debug)]
pub(crate) struct StandardPlan {
    pub(crate) clause: u32,
    pub(crate) metric: u32,
    pub(crate) aggregate: Aggregate,
    pub(crate) op: Comparison,
    pub(crate) bound: f64,
}

/// `cost within budget($200/month)`.
#[derive(Debug)]
pub(crate) struct BudgetPlan {
    pub(crate) clause: u32,
    pub(crate) metric: u32,
    /// In millionths of a dollar.
    pub(crate) most: i64,
    /// Each calendar period of this length.
    pub(crate) per: Length,
}

/// A proposition that somebody outside of the graph judges, by `check.reported`.
#[derive(Debug)]
pub(crate) struct ToldPlan {
    /// The name that its checker goes by there.
    pub(crate) check: String,
    /// The invariant's clause; none for what only a property of a capability says.
    pub(crate) clause: Option<u32>,
}

/// Something that the contract says.
#[derive(Debug)]
pub(crate) struct StandPlan {
    /// The invariant's or target's slug, the property's name.
    pub(crate) name: String,
    /// As written; the capability around a property.
    pub(crate) text: String,
    pub(crate) sort: Sort,
    pub(crate) judge: Judge,
    /// What excuses it: its name, and who judges that.
    pub(crate) unless: Option<(String, Judge)>,
}

/// What sort of promise it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Sort {
    /// `invariant …`
    Invariant,
    /// `property: …` of a capability.
    Property,
    /// `optimise …`
    Target,
}

/// Who says whether it holds.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Judge {
    /// Samples of a metric, by the number of the standard.
    Standard(u32),
    /// Samples of a metric, by the number of the budget.
    Budget(u32),
    /// An assertion, by its clause.
    Assertion(u32),
    /// Somebody outside of the graph, by the number of what is told.
    Outside(u32, Checker),
    /// Nobody.
    Nobody,
    /// A comparison of a draft with what is live, when one is to be promoted.
    Promotion,
}
