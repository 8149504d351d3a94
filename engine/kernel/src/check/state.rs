//! The state fold against replay: is what the engine knows what its log says?
//!
//! In: the engine's state at a position, and the events up to there. Out: at most one violation. Never: the engine's
//! own memory; a second machine is built from the log alone. Promise: equal states have equal bytes, so a single wrong
//! bit of gaps, deadlines, remembered values, agents, budgets or counts is found. Start reading at [`StateCheck::of`].

use std::collections::VecDeque;
use std::sync::Arc;

use homeostat_agents::AgentsFile;
use homeostat_graph::CompileError;
use homeostat_intent::Spec;
use homeostat_log::{ChainHash, Control, Event, LogError, Reader};
use homeostat_world::{Position, Snapshot, Store, Timestamp};

use super::difference::difference;
use super::{Checker, Found, Violation};
use crate::checkpoint::{self, Saved};
use crate::machine::Machine;
use crate::versions::{self, Next};

/// Compares the engine's state with that of a replay from the first event.
#[derive(Debug)]
pub struct StateCheck {
    /// What the engine has.
    kept: Kept,
    /// What a replay gives.
    replayed: Machine,
    /// The versions of the spec that take over on the way, each examining the log until then.
    ahead: VecDeque<Next>,
    /// Why it cannot be told.
    stopped: Option<String>,
}

/// A machine's state at one position and moment, as bytes.
#[derive(Debug)]
struct Kept {
    bytes: Vec<u8>,
    position: Position,
    /// Until when it has let deadlines pass: it may have looked at its clock since the last event.
    time: Timestamp,
    chain: ChainHash,
}

impl StateCheck {
    /// How `check.reported` and specs call it.
    pub const NAME: &'static str = "state_matches_replay";

    /// A check of `machine` as it is now. `chain` is the log's at its position; `blank` has seen nothing, under the
    /// first version of the spec and the same agents; `later` are the other versions that were in force.
    #[must_use]
    pub fn of(machine: &Machine, blank: Machine, later: VecDeque<Next>, chain: ChainHash) -> Self {
        let kept = Kept {
            bytes: machine.checkpoint(&chain),
            position: machine.applied(),
            time: machine.time(),
            chain,
        };
        Self { kept, replayed: blank, ahead: later, stopped: None }
    }

    /// A check of the state that an engine saved in the store of a log; none where none is saved. `given` is the spec of a
    /// log that holds none itself.
    ///
    /// # Errors
    /// Why what is saved is no state of this log. The next start passes it over.
    pub fn of_saved<S: Store>(
        reader: &Reader<S>,
        snapshot: &impl Snapshot,
        given: &Spec,
    ) -> Result<Option<Self>, String> {
        let file = Arc::new(AgentsFile::default());
        let Some(Saved { machine, specs, chain }) =
            checkpoint::saved(reader, snapshot, given, &file)?
        else {
            return Ok(None);
        };
        let unclear = |error: CompileError| error.to_string();
        let first = specs.first().ok_or("it is of no version")?;
        let blank = machine.blank(first).map_err(unclear)?;
        let later = versions::later(&specs).map_err(unclear)?;
        Ok(Some(Self::of(&machine, blank, later, chain)))
    }

    /// As of which position.
    #[must_use]
    pub const fn position(&self) -> Position {
        self.kept.position
    }
}

impl Checker for StateCheck {
    fn name(&self) -> &'static str {
        Self::NAME
    }

    fn see(&mut self, event: &Event) {
        if self.stopped.is_some() || event.position > self.kept.position {
            return;
        }
        if Control::is_evolution(event)
            && let Some(next) = self.ahead.pop_front()
        {
            self.replayed.prepare(next);
        }
        self.ahead.iter_mut().for_each(|next| next.see(event));
        if let Err(error) = self.replayed.apply(event) {
            self.stopped = Some(error.to_string());
        }
    }

    fn proved(&mut self, proof: Result<u64, &LogError>) {
        if let Err(error) = proof {
            self.stopped.get_or_insert_with(|| format!("the log cannot be replayed: {error}"));
        }
    }

    fn found(self: Box<Self>) -> Found {
        let Self { kept, mut replayed, stopped, ahead: _ } = *self;
        if let Some(why) = stopped {
            return Found::Undetermined(why);
        }
        replayed.advance(kept.time);
        let bytes = replayed.checkpoint(&kept.chain);
        let program = replayed.program();
        let violation = (bytes != kept.bytes).then(|| Violation {
            instance: None,
            detail: difference(&kept.bytes, &bytes, &program),
        });
        Found::Violations(violation.into_iter().collect())
    }
}
