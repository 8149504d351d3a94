//! The log itself: is every event there that it ever acknowledged, unchanged and in order?
//!
//! In: the proof that the log is whole. Out: at most one violation. Never: repairs anything.
//! Promise: holds only where each event up to the position is there, decodable and chained to the one before, the chain
//! ends in the head that the engine knows, and both indexes name exactly these events. Start reading at [`LogCheck`].

use homeostat_log::{Event, LogError};

use super::{Checker, Found, Violation};

/// Hears the proof of the log out.
#[derive(Debug, Default)]
pub struct LogCheck {
    proof: Option<Result<u64, String>>,
}

impl LogCheck {
    /// How `check.reported` and specs call it.
    pub const NAME: &'static str = "event_log_intact";
}

impl Checker for LogCheck {
    fn name(&self) -> &'static str {
        Self::NAME
    }

    /// The events are the proof's own.
    fn see(&mut self, _: &Event) {}

    fn proved(&mut self, proof: Result<u64, &LogError>) {
        self.proof = Some(proof.map_err(ToString::to_string));
    }

    fn found(self: Box<Self>) -> Found {
        let detail = match self.proof {
            None => return Found::Undetermined("the proof was not heard out".to_owned()),
            Some(Ok(0)) => return Found::Violations(Vec::new()),
            Some(Ok(faults)) => format!(
                "{faults} of 2 indexes do not agree with the log; `homeostat verify --rebuild-indexes` mends them"
            ),
            Some(Err(damage)) => damage,
        };
        Found::Violations(vec![Violation { instance: None, detail }])
    }
}
