//! The state fold against replay: is what the engine knows what its log says?
//!
//! In: the engine's state at a position, and the events up to there. Out: at most one violation. Never: the engine's
//! own memory; a second machine is built from the log alone. Promise: equal states have equal bytes, so a single wrong
//! bit of gaps, deadlines, remembered values, agents, budgets or counts is found. Start reading at [`StateCheck::of`].

use std::collections::VecDeque;

use homeostat_log::{ChainHash, Control, Event, LogError};
use homeostat_world::Timestamp;

use super::{Checker, Found, Violation};
use crate::checkpoint::sections;
use crate::machine::Machine;
use crate::versions::Next;

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
        let kept = Kept { bytes: machine.checkpoint(&chain), time: machine.time(), chain };
        Self { kept, replayed: blank, ahead: later, stopped: None }
    }
}

impl Checker for StateCheck {
    fn name(&self) -> &'static str {
        Self::NAME
    }

    fn see(&mut self, event: &Event) {
        if self.stopped.is_some() {
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
        let violation = (bytes != kept.bytes)
            .then(|| Violation { instance: None, detail: difference(&kept.bytes, &bytes) });
        Found::Violations(violation.into_iter().collect())
    }
}

/// Which parts of two states differ, and where the first of them parts from the other.
fn difference(kept: &[u8], replayed: &[u8]) -> String {
    let (kept, replayed) = (sections(kept), sections(replayed));
    let pairs =
        kept.iter().zip(&replayed).map(|((part, kept), (_, replayed))| (part, kept, replayed));
    let mut parts = pairs.filter(|(_, kept, replayed)| kept != replayed);
    let Some((part, kept, replayed)) = parts.next() else {
        return "the state is not what a replay gives, in its shape".to_owned();
    };
    let at = kept.iter().zip(*replayed).position(|(a, b)| a != b);
    let at = at.unwrap_or(kept.len().min(replayed.len()));
    let others: String = parts.map(|(part, ..)| format!(", and in the {part}")).collect();
    format!(
        "the state is not what a replay gives: in the {part} from byte {at} on ({} bytes kept, {} replayed){others}",
        kept.len(),
        replayed.len()
    )
}
