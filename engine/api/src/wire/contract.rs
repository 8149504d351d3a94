//! The contract: what it says, how that stands, and what somebody found.
//!
//! In: the kernel's view of it. Out: the same facts for `/v1/contract` and `/v1/checks`.
//! Never: decides anything. Start reading at [`Proposition`], then [`Finding`].

use homeostat_graph::Judge as Judging;
use homeostat_intent::lowered::Checker;
use homeostat_kernel::check::Report as Reporting;
use homeostat_world::{Position, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::words::{PropositionKind, Verdict};

/// Everything that the contract says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Contract {
    /// Its propositions, in the order of the text.
    pub propositions: Vec<Proposition>,
}

/// One thing that the contract says, and how it stands.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Proposition {
    /// Its name: that of the invariant, the property or the target.
    pub name: String,
    /// As written; of a property, the capability around it.
    pub text: String,
    /// What sort of promise it is.
    pub kind: PropositionKind,
    /// Whether it holds.
    pub verdict: Verdict,
    /// Who says so.
    pub judge: Judge,
    /// What excuses a property.
    pub unless: Option<Excuse>,
    /// What is held to a bound: the newest sample or the figure over the newest ones, in the metric's unit;
    /// what the newest period of a budget has cost, in dollars.
    pub value: Option<f64>,
    /// Since when it is violated.
    pub violation: Option<Violation>,
    /// What whoever is asked has said last.
    pub report: Option<Report>,
}

/// Who says whether a proposition holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Judge {
    /// Samples of a metric.
    Samples,
    /// The assertion of the same name.
    Assertion,
    /// The engine itself, by one of its checks.
    Engine {
        /// Which check, as `check.reported` calls it.
        check: String,
    },
    /// An external command.
    Command {
        /// As the spec writes it.
        command: String,
    },
    /// A person.
    Person,
    /// Nobody: that a draft is promoted waits for a person.
    Nobody,
    /// A comparison of a draft with what is live, when one is to be promoted.
    Promotion,
}

/// What excuses a property.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Excuse {
    /// Its name.
    pub name: String,
    /// Who says whether it holds.
    pub judge: Judge,
}

/// Since when something is violated.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Violation {
    /// The event since which it is; null where a person has let it go.
    #[schema(value_type = Option<u64>)]
    pub since: Option<Position>,
    /// The open gap; null where a person has let it go.
    pub gap: Option<String>,
    /// How many instances violate it.
    pub instances: u64,
}

/// What somebody said of a proposition.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Report {
    /// Where the log says so.
    #[schema(value_type = u64)]
    pub position: Position,
    /// When it was written down.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// Whether it holds; null when they could not tell.
    pub holds: Option<bool>,
    /// What they found.
    pub detail: String,
    /// Who; null for the engine.
    pub by: Option<String>,
}

/// What somebody outside of the engine found of a proposition.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Finding {
    /// Of which instance, as `page/p1`; none for the system as a whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 1024)]
    pub instance: Option<String>,
    /// Whether it holds; null when that could not be told.
    #[schema(required)]
    #[serde(deserialize_with = "Option::deserialize")]
    pub holds: Option<bool>,
    /// What was found.
    #[schema(min_length = 1, max_length = 4096)]
    pub detail: String,
    /// Who found it.
    #[schema(min_length = 1, max_length = 1024, example = "maria")]
    pub by: String,
}

/// What became of a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Reported {
    /// Where the log says so.
    #[schema(value_type = u64)]
    pub position: Position,
    /// Whether it does so since now; what a command answers is written down only where it differs.
    pub news: bool,
}

impl From<homeostat_kernel::Proposition> for Proposition {
    fn from(proposition: homeostat_kernel::Proposition) -> Self {
        let homeostat_kernel::Proposition { standing, report } = proposition;
        // Taken apart by name, so that a new field below is a decision here.
        let homeostat_graph::Standing {
            name,
            text,
            sort,
            judge,
            unless,
            verdict,
            value,
            violation,
        } = standing;
        let judge = Judge::of(&name, judge);
        let unless = unless.map(|(name, judge)| Excuse { judge: Judge::of(&name, judge), name });
        let violation = violation.map(|it| {
            let homeostat_graph::Breach { since, gap, instances } = it;
            Violation { since, gap, instances }
        });
        let report = report.map(|it| {
            let Reporting { position, at, holds, detail, by } = it;
            Report { position, at, holds, detail, by }
        });
        let (kind, verdict) = (sort.into(), verdict.into());
        Self { name, text, kind, verdict, judge, unless, value, violation, report }
    }
}

impl Judge {
    fn of(name: &str, judge: Judging) -> Self {
        match judge {
            Judging::Standard(_) | Judging::Budget(_) => Self::Samples,
            Judging::Assertion(_) => Self::Assertion,
            Judging::Outside(_, checker) => Self::of_checker(name, checker),
            Judging::Nobody => Self::Nobody,
            Judging::Promotion => Self::Promotion,
        }
    }

    /// The same for what the spec alone says.
    #[must_use]
    pub fn of_checker(name: &str, checker: Checker) -> Self {
        match checker {
            Checker::BuiltIn(_) => {
                Self::Engine { check: checker.reported_as(name).unwrap_or(name).to_owned() }
            }
            Checker::Command(command) => Self::Command { command },
            Checker::Review => Self::Person,
            Checker::Assertion(_) => Self::Assertion,
            Checker::Unbound => Self::Nobody,
        }
    }
}

impl std::fmt::Display for Judge {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Samples => f.write_str("samples"),
            Self::Assertion => f.write_str("assertion"),
            Self::Engine { check } => write!(f, "engine, {check}"),
            Self::Command { command } => write!(f, "command, {command}"),
            Self::Person => f.write_str("a person"),
            Self::Nobody => f.write_str("nobody"),
            Self::Promotion => f.write_str("at promotion"),
        }
    }
}

impl From<homeostat_kernel::Reported> for Reported {
    fn from(reported: homeostat_kernel::Reported) -> Self {
        let homeostat_kernel::Reported { position, is_news } = reported;
        Self { position, news: is_news }
    }
}
