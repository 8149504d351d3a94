//! What changes between two versions of a spec, clause by clause.
//!
//! In: two loaded specs. Out: a [`Diff`], which can be printed and serialised.
//! Never: reads a log; what an edit does to obligations is the graph's to say.
//! Promise: clauses are told apart by their identity alone, so comments, layout and the order of
//! clauses are no difference, and two specs with the same meaning differ in nothing.
//! Start reading at [`diff`].

mod clauses;
mod declarations;
mod print;
mod slugs;
#[cfg(test)]
mod tests;

use serde::Serialize;

use crate::lowered::{Backfill, ClauseId, Length, Spec, SpecHash, Strength};

/// What changes from one version of a spec to the next.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Diff {
    /// The version before.
    pub from: SpecHash,
    /// The version after.
    pub to: SpecHash,
    /// What the version after says about events of before it.
    pub backfill: Backfill,
    /// Every clause of the version after in its order, then the removed ones in the order that
    /// they had.
    pub clauses: Vec<ClauseDiff>,
    /// What is declared otherwise: entities, events, measures, thresholds, settings.
    pub declarations: Vec<DeclarationDiff>,
}

/// One clause and what becomes of it. Without edits it is unchanged.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ClauseDiff {
    /// Its identity.
    pub id: ClauseId,
    /// Its readable name, in the version that has it; the later one if both do.
    pub slug: String,
    /// What sort of clause.
    pub kind: ClauseKind,
    /// How hard it is.
    pub strength: Strength,
    /// As written.
    pub text: String,
    /// Where it stands.
    pub place: Place,
    /// Its deadline, when it has one.
    pub within: Option<Length>,
    /// Whether it works on the outside, so that nothing of before is done without a person's word.
    pub external: bool,
    /// What becomes of it.
    pub edits: Vec<Edit>,
}

/// The sorts of clauses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ClauseKind {
    /// `must`, `should`, `could`.
    Duty,
    /// `fallback`.
    Fallback,
    /// `assert`, or a rule of an entity.
    Assertion,
    /// `invariant`.
    Invariant,
    /// `optimise`.
    Target,
}

/// Where a clause stands.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Place {
    /// `when interaction.created`; nothing for what is not inside a block.
    pub trigger: String,
    /// The conditions around it, outside in.
    pub guards: Vec<String>,
    /// The clause that it is the fallback of, by name.
    pub fallback_of: Option<String>,
}

/// One thing that becomes of a clause.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "edit", rename_all = "snake_case")]
pub enum Edit {
    /// It is new.
    Added,
    /// It is gone.
    Removed,
    /// It stands under other triggers or conditions.
    Moved {
        /// Where it stood.
        from: Place,
    },
    /// Its deadline is nearer, or it has one now.
    Shortened {
        /// Before.
        from: Option<Length>,
        /// After.
        to: Option<Length>,
    },
    /// Its deadline is further away, or it has none any more.
    Loosened {
        /// Before.
        from: Option<Length>,
        /// After.
        to: Option<Length>,
    },
    /// The same call stands under other conditions: it is a new clause and an old one that is gone,
    /// and each of them says this beside.
    GuardChanged {
        /// The conditions before.
        from: Vec<String>,
        /// The conditions after.
        to: Vec<String>,
    },
    /// The same label stands before something else.
    Rewritten {
        /// What it said.
        from: String,
    },
    /// It reads as it did, and declarations elsewhere give it another meaning.
    Redefined {
        /// What of it, in words.
        what: Vec<String>,
    },
}

/// A declaration that differs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DeclarationDiff {
    /// `threshold churn_warning`, `max_agent_depth`.
    pub what: String,
    /// Its meaning before, as compact JSON; nothing when it is new.
    pub from: Option<String>,
    /// Its meaning after; nothing when it is gone.
    pub to: Option<String>,
}

/// A diff in numbers. A clause counts in each of its edits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[expect(missing_docs, reason = "the fields are the variants of `Edit`, and no edit")]
pub struct Counts {
    pub unchanged: u64,
    pub added: u64,
    pub removed: u64,
    pub moved: u64,
    pub shortened: u64,
    pub loosened: u64,
    pub guard_changed: u64,
    pub rewritten: u64,
    pub redefined: u64,
}

/// What changes from `old` to `new`.
#[must_use]
pub fn diff(old: &Spec, new: &Spec) -> Diff {
    Diff {
        from: old.hash,
        to: new.hash,
        backfill: new.backfill,
        clauses: clauses::diff(old, new),
        declarations: declarations::diff(old, new),
    }
}

impl Diff {
    /// Whether nothing differs.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.declarations.is_empty() && self.clauses.iter().all(|clause| clause.edits.is_empty())
    }

    /// It in numbers. Of a call under other conditions the pair counts once.
    #[must_use]
    pub fn counts(&self) -> Counts {
        let mut counts = Counts::default();
        for clause in &self.clauses {
            counts.unchanged += u64::from(clause.edits.is_empty());
            for edit in &clause.edits {
                match edit {
                    Edit::Added => counts.added += 1,
                    Edit::Removed => counts.removed += 1,
                    Edit::Moved { .. } => counts.moved += 1,
                    Edit::Shortened { .. } => counts.shortened += 1,
                    Edit::Loosened { .. } => counts.loosened += 1,
                    Edit::GuardChanged { .. } => counts.guard_changed += u64::from(clause.is_new()),
                    Edit::Rewritten { .. } => counts.rewritten += 1,
                    Edit::Redefined { .. } => counts.redefined += 1,
                }
            }
        }
        counts
    }
}

impl ClauseDiff {
    /// Whether only the version after has it.
    #[must_use]
    pub fn is_new(&self) -> bool {
        self.edits.contains(&Edit::Added)
    }

    /// Whether only the version before has it.
    #[must_use]
    pub fn is_gone(&self) -> bool {
        self.edits.contains(&Edit::Removed)
    }
}
