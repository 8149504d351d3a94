//! What must always be true: assertions, and the rules of entities.

use serde::Serialize;

use super::{ClauseId, Condition, Length};
use crate::source::Span;

/// One `assert`, or one rule of an entity. It opens a gap for each instance that violates it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Assertion {
    /// Its identity across edits.
    pub id: ClauseId,
    /// Its readable name, unique in the spec: its label, the rule's name, or its text in words.
    pub slug: String,
    /// As written, on one line.
    pub text: String,
    /// Whose instances it is about. None: the system as a whole.
    pub over: Option<String>,
    /// Which of them, as in `no(alert.critical)`; all when none.
    pub filter: Option<Condition>,
    /// What is asserted of each.
    pub check: Check,
    /// Where it comes from.
    pub origin: Origin,
    /// Where it stands.
    pub span: Span,
}

/// Where an assertion stands in the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// `always { assert: … }`.
    Always,
    /// `rule: …` or `immutable: true` of an entity.
    Rule,
}

/// What is asserted. An assertion is violated where it is found false; what cannot be known
/// violates nothing. Conditions of assertions read what enrichments say.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub enum Check {
    /// It holds: `every(x) has y`, `every(x.k) exists AND valid`, `no(q) is p`, comparisons.
    Holds(Condition),
    /// `no(q) is p for > D`: the condition never holds for longer than this.
    NoLonger {
        /// What may hold for a while.
        condition: Condition,
        /// How long: violated at the first instant after t + longest.
        longest: Length,
    },
    /// What a checker outside the graph last reported of the instance (`check.reported`):
    /// `every(x) is reachable_through_projection`.
    Reported {
        /// The checker's name.
        checker: String,
    },
    /// `immutable: true`: no later primary event about the instance changes an attribute of it.
    Immutable,
    /// `timestamp_never_in_future`: no event about the instance has a time later than the time at
    /// which it was applied. The violation ends when that time has come.
    NeverInFuture,
    /// `deletion_means_crypto_shred`: after the instance's tombstone one of these events about it
    /// must follow.
    Shredded {
        /// Canonical event types.
        by: Vec<String>,
    },
}
