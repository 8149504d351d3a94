//! The conductor's state as bytes.
//!
//! In: state. Out: bytes, and state again. Never: what is under way to the log, which a restart must forget.
//! Promise: equal folds give equal bytes, whatever was looked at or decided in between.
//! Start reading at [`Conductor::checkpoint`].

use std::collections::{BTreeMap, VecDeque};

use homeostat_intent::lowered::Limits;
use homeostat_log::control::GapOutcome;
use homeostat_world::{Position, canary};
use serde::{Deserialize, Serialize};

use crate::breakers::Tripped;
use crate::conductor::{AtWork, Conductor};
use crate::gap::{Gap, GapKey};
use crate::ledger::Ledger;

/// The shape of the bytes. A change of shape raises it, and an older checkpoint is refused: the
/// log is replayed instead.
const VERSION: u32 = 1;

/// What is written. It is read back as [`Stored`], once its version has been.
#[derive(Serialize)]
struct Written<'c> {
    version: u32,
    position: Position,
    gaps: Vec<(&'c GapKey, &'c Gap)>,
    agents: &'c BTreeMap<String, AtWork>,
    ledger: &'c Ledger,
    unsaid: &'c VecDeque<(GapKey, GapOutcome)>,
    tripped: Tripped,
}

#[derive(Deserialize)]
struct Stored {
    position: Position,
    gaps: Vec<(GapKey, Gap)>,
    agents: BTreeMap<String, AtWork>,
    ledger: Ledger,
    unsaid: VecDeque<(GapKey, GapOutcome)>,
    tripped: Tripped,
}

/// Why bytes are no checkpoint of a conductor.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    /// They are damaged or of something else.
    #[error("the conductor's checkpoint cannot be read: {0}; delete it and replay the log")]
    Unreadable(#[from] serde_json::Error),
    /// Another version of the engine wrote them.
    #[error(
        "the conductor's checkpoint has version {found}, expected {VERSION}; delete it and replay the log"
    )]
    Version {
        /// The version that they name.
        found: u32,
    },
}

impl Conductor {
    /// The state as bytes: equal states, equal bytes.
    #[must_use]
    pub fn checkpoint(&self) -> Vec<u8> {
        let written = Written {
            version: VERSION,
            position: self.position,
            gaps: self.gaps.iter().collect(),
            agents: &self.agents,
            ledger: &self.ledger,
            unsaid: &self.unsaid,
            tripped: self.tripped,
        };
        // Texts, numbers, lists and maps with text keys always have a JSON form.
        serde_json::to_vec(&written).unwrap_or_default()
    }

    /// The state that `bytes` hold, under `limits`.
    ///
    /// # Errors
    /// See [`RestoreError`].
    pub fn restore(limits: Limits, bytes: &[u8]) -> Result<Self, RestoreError> {
        #[derive(Deserialize)]
        struct Versioned {
            version: u32,
        }
        let Versioned { version } = serde_json::from_slice(bytes)?;
        if version != VERSION {
            return Err(RestoreError::Version { found: version });
        }
        let stored: Stored = serde_json::from_slice(bytes)?;
        let mut conductor = Self::new(limits);
        conductor.position = stored.position;
        conductor.gaps = stored.gaps.into_iter().collect();
        if !canary::planted("checkpoint_without_agents_at_work") {
            conductor.agents = stored.agents;
        }
        if !canary::planted("checkpoint_without_what_was_spent") {
            conductor.ledger = stored.ledger;
        }
        conductor.ledger.recount();
        if !canary::planted("checkpoint_without_what_closed_unsaid") {
            conductor.unsaid = stored.unsaid;
        }
        conductor.tripped = stored.tripped;
        conductor.gaps.values_mut().for_each(forget_what_is_planted);
        conductor.rebuild();
        Ok(conductor)
    }
}

/// What planted defects leave out of a checkpoint.
fn forget_what_is_planted(gap: &mut Gap) {
    if canary::planted("checkpoint_without_what_was_opened") {
        gap.written = None;
    }
    if canary::planted("checkpoint_without_what_was_missed") {
        gap.missed_written = false;
    }
    if canary::planted("checkpoint_without_rests") {
        gap.rested_from = None;
    }
}
