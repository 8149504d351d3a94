//! What an evaluator tells: small facts about obligations, in the order they came to be.
//!
//! In: nothing. Out: [`Change`], [`ObligationId`].
//! Never: carries text; names are looked up in the program and the evaluator.
//! Promise: `GapClosed` follows `GapOpened` of the same obligation, at most once each.
//! Start reading at [`Change`].

use homeostat_intent::lowered::Strength;
use homeostat_log::control::{GapKind, GapOutcome};
use homeostat_world::{Position, Timestamp};
use serde::Serialize;

use crate::datum::Truth;
use crate::program::{ClauseIndex, GuardIndex};

/// Names one obligation: the clause, and the event that triggered its block. Shown and parsed as
/// `slug@position` by the program. Ordered by trigger, then by clause.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
pub struct ObligationId {
    /// The clause.
    pub clause: ClauseIndex,
    /// The position of the trigger.
    pub trigger: Position,
}

/// How what was owed came to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Fulfilment {
    /// In time.
    InTime,
    /// In time, but applied after the deadline had passed.
    SeenLate,
    /// After due.
    Late,
}

/// One thing that became so.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "change", rename_all = "snake_case")]
pub enum Change {
    /// A guard of a trigger was decided.
    GuardDecided {
        /// Which guard.
        guard: GuardIndex,
        /// Of which trigger.
        trigger: Position,
        /// At which event.
        at: Position,
        /// How.
        truth: Truth,
    },
    /// Something is owed now.
    Activated {
        /// What.
        id: ObligationId,
        /// Since when.
        at: Timestamp,
        /// Until when.
        due: Option<Timestamp>,
        /// How many agents deep its trigger is.
        depth: u16,
    },
    /// What should be and what is differ.
    GapOpened {
        /// Of what.
        id: ObligationId,
        /// What sort.
        kind: GapKind,
        /// Since when.
        at: Timestamp,
        /// When it is due.
        due: Option<Timestamp>,
        /// How many agents deep its trigger is.
        depth: u16,
    },
    /// A deadline passed.
    DeadlineMissed {
        /// Of what.
        id: ObligationId,
        /// Which deadline.
        due: Timestamp,
    },
    /// What was owed happened.
    Fulfilled {
        /// What.
        id: ObligationId,
        /// The event.
        by: Position,
        /// In time or not.
        outcome: Fulfilment,
    },
    /// Due passed and the fallback took its place.
    Lapsed {
        /// What.
        id: ObligationId,
        /// What is owed instead.
        fallback: ObligationId,
    },
    /// A fallback is no longer owed, since what it stands for happened.
    Withdrawn {
        /// What.
        id: ObligationId,
    },
    /// The fallback of a lapsed obligation was fulfilled.
    Compensated {
        /// What.
        id: ObligationId,
    },
    /// A person let it go.
    Waived {
        /// What.
        id: ObligationId,
    },
    /// What it was about was erased.
    Voided {
        /// What.
        id: ObligationId,
    },
    /// They no longer differ.
    GapClosed {
        /// Of what.
        id: ObligationId,
        /// How it ended.
        outcome: GapOutcome,
    },
    /// A version asks something of events of before it, which waits for a person's word.
    BackfillAsked {
        /// Where the version was adopted.
        adopted: Position,
        /// Since when.
        at: Timestamp,
        /// How hard the hardest of it is.
        strength: Strength,
        /// How many obligations.
        count: u64,
    },
    /// That no longer waits for a person's word.
    BackfillDecided {
        /// Where the version was adopted.
        adopted: Position,
        /// Fulfilled: it is owed from now on, some at a time, or all of it has happened. Waived or
        /// withdrawn: it is not.
        outcome: GapOutcome,
    },
}

impl Change {
    /// The obligation that it is about; guards and backfills are about none.
    #[must_use]
    pub fn obligation(&self) -> Option<ObligationId> {
        match *self {
            Self::GuardDecided { .. }
            | Self::BackfillAsked { .. }
            | Self::BackfillDecided { .. } => None,
            Self::Activated { id, .. }
            | Self::GapOpened { id, .. }
            | Self::DeadlineMissed { id, .. }
            | Self::Fulfilled { id, .. }
            | Self::Lapsed { id, .. }
            | Self::Withdrawn { id }
            | Self::Compensated { id }
            | Self::Waived { id }
            | Self::Voided { id }
            | Self::GapClosed { id, .. } => Some(id),
        }
    }
}

impl PartialOrd for ObligationId {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for ObligationId {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.trigger, self.clause).cmp(&(other.trigger, other.clause))
    }
}
