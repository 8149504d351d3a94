//! The words that the kernel speaks to the conductor: facts of the graph, severity, offers of agents.
//!
//! In: nothing. Out: plain data. Never: a type of the graph or of the agents; the kernel translates.
//! Promise: everything that the conductor needs to know of a clause stands in [`ClauseFacts`].
//! Start reading at [`Fact`].

use homeostat_intent::lowered::{Performer, Strength};
use homeostat_log::control::{GapKind, GapOutcome};
use homeostat_world::Timestamp;
use serde::{Deserialize, Serialize};

/// What the graph found out.
///
/// The facts that an event leads to are passed before the control events that stand behind it in
/// the log, live and in a replay alike.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fact {
    /// What should have happened and what happened differ from now on.
    GapOpened {
        /// Its id, `slug@trigger position`.
        gap: String,
        /// The clause behind it.
        clause: ClauseFacts,
        /// What sort of gap.
        kind: GapKind,
        /// When the obligation is due, if it has a deadline.
        due: Option<Timestamp>,
        /// How many agents deep its trigger is.
        depth: u16,
        /// When the gap opened.
        opened: Timestamp,
    },
    /// The deadline of an obligation passed.
    DeadlineMissed {
        /// Whose.
        gap: String,
        /// The deadline.
        due: Timestamp,
    },
    /// They no longer differ.
    GapClosed {
        /// Which.
        gap: String,
        /// How it ended.
        outcome: GapOutcome,
    },
    /// A new version of the spec says other things of a clause; its open gaps go by that from now on.
    ClauseRestated {
        /// The clause.
        clause: ClauseFacts,
    },
}

/// What the conductor knows of a clause.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClauseFacts {
    /// Its identity, in hex.
    pub clause: String,
    /// Its readable name.
    pub slug: String,
    /// The action that closes its gaps.
    pub action: String,
    /// How urgent its gaps are.
    pub severity: Severity,
    /// Who is expected to act.
    pub performer: Performer,
    /// Whether the action works on the outside, where a second try may do it twice.
    pub external: bool,
}

/// How urgent a gap is, the most urgent first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Something that must always hold does not. Above every duty.
    Invariant,
    /// A hard duty.
    Must,
    /// A soft one.
    Should,
    /// An opportunity.
    Could,
}

impl From<Strength> for Severity {
    fn from(strength: Strength) -> Self {
        match strength {
            Strength::Invariant => Self::Invariant,
            Strength::Must => Self::Must,
            Strength::Should => Self::Should,
            Strength::Could => Self::Could,
        }
    }
}

/// That some agent is there for an action, and on what terms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Offer {
    /// What one run may cost at most, in millionths of a dollar.
    pub cost_max: u64,
}
