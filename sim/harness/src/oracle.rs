//! The oracles: what must hold in every run, one promise per file.
//!
//! In: [`Evidence`], which is the Plan, the History, the final log and the final disk.
//! Out: [`Violation`]s. Never: asks the engine under test; replays on a machine of its own at most.
//! Promise: the same evidence gives the same verdicts. Start reading at [`judge`]; each file below
//! opens with its promise.

mod acknowledged;
mod agents_end;
mod brief;
mod chain;
mod clock;
mod deadlines;
mod dispatch;
mod evidence;
mod expected;
mod follow;
mod intent;
mod limits;
mod liveness;
mod meaning;
mod panics;
mod replay;
mod shown;
mod told;

use std::panic::{AssertUnwindSafe, catch_unwind};

use serde::{Deserialize, Serialize};

pub(crate) use evidence::checkpoint_on;
pub use evidence::{Checkpoint, Evidence, FinalLog, Verified};
pub use liveness::SLACK;
pub use shown::digest;
pub(crate) use told::Told;

/// One promise.
#[derive(Clone, Copy, Debug)]
pub struct Oracle {
    /// Its name.
    pub name: &'static str,
    /// What must hold.
    pub promise: &'static str,
    judge: fn(&Evidence, &mut Findings),
}

/// All of them, the most fundamental first.
pub const ALL: &[Oracle] = &[
    Oracle {
        name: "panics",
        promise: "nothing panics, and an engine that is started starts unless a fault keeps it from that",
        judge: panics::judge,
    },
    Oracle {
        name: "chain",
        promise: "the log is gapless, its chain verifies, its indexes agree with it",
        judge: chain::judge,
    },
    Oracle {
        name: "acknowledged",
        promise: "what was acknowledged stands where it was said, as it was sent, once, in order",
        judge: acknowledged::judge,
    },
    Oracle {
        name: "shown",
        promise: "what anybody was shown of the log stands there as it was shown",
        judge: shown::judge,
    },
    Oracle {
        name: "intent",
        promise: "one spec is adopted, once, and another is refused",
        judge: intent::judge,
    },
    Oracle { name: "clock", promise: "recorded times never go backwards", judge: clock::judge },
    Oracle {
        name: "replay",
        promise: "a restart anywhere gives the same state, and equal states give equal bytes",
        judge: replay::judge,
    },
    Oracle {
        name: "dispatch",
        promise: "no gap is dispatched twice at once, nor before it opened or after it closed",
        judge: dispatch::judge,
    },
    Oracle { name: "limits", promise: "the breakers hold at every instant", judge: limits::judge },
    Oracle { name: "agents_end", promise: "every agent ends, once", judge: agents_end::judge },
    Oracle {
        name: "brief",
        promise: "agents append only what their brief allows, while they are alive",
        judge: brief::judge,
    },
    Oracle {
        name: "deadlines",
        promise: "a missed deadline is recorded once, and never before it has passed",
        judge: deadlines::judge,
    },
    Oracle {
        name: "meaning",
        promise: "the gaps and missed deadlines of the log are those that the language finds in it",
        judge: meaning::judge,
    },
    Oracle {
        name: "liveness",
        promise: "once faults are over every request is answered and no open gap is forgotten",
        judge: liveness::judge,
    },
];

/// One broken promise.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Violation {
    /// Whose.
    pub oracle: String,
    /// How it was broken.
    pub what: String,
}

/// Violations of one oracle at most: the first ones explain the rest.
const VIOLATIONS_MAX: usize = 5;

/// Takes what an oracle finds.
#[derive(Debug)]
struct Findings {
    oracle: &'static str,
    found: Vec<Violation>,
}

impl Findings {
    fn push(&mut self, what: impl Into<String>) {
        if self.found.len() < VIOLATIONS_MAX {
            let (oracle, what) = (self.oracle.to_owned(), what.into());
            self.found.push(Violation { oracle, what });
        }
    }
}

/// What the Plan itself expects of spec and agents: no promises of the engine, and so not in [`ALL`].
pub const EXPECTED: &[Oracle] = &[
    Oracle {
        name: "closed",
        promise: "in the end the gaps of the duties that the scenario names are closed",
        judge: expected::closed,
    },
    Oracle {
        name: "in_time",
        promise: "the duties that the scenario names are done within their deadline",
        judge: expected::in_time,
    },
    Oracle {
        name: "covered",
        promise: "every clause of the spec is triggered, met and missed where the scenario asks for that",
        judge: expected::covered,
    },
];

/// Every promise that the run broke, and every expectation of the Plan.
#[must_use]
pub fn judge(evidence: &Evidence) -> Vec<Violation> {
    ALL.iter().chain(EXPECTED).flat_map(|oracle| oracle.judge(evidence)).collect()
}

impl Oracle {
    /// How the run broke this promise.
    #[must_use]
    pub fn judge(&self, evidence: &Evidence) -> Vec<Violation> {
        let mut findings = Findings { oracle: self.name, found: Vec::new() };
        // A replay runs the engine's own assertions, and one that fails is a finding too.
        let judged = catch_unwind(AssertUnwindSafe(|| (self.judge)(evidence, &mut findings)));
        if let Err(payload) = judged {
            findings.push(format!("panicked while judging: {}", said(payload.as_ref())));
        }
        findings.found
    }
}

/// What a panic said.
#[must_use]
pub fn said(payload: &(dyn std::any::Any + Send)) -> String {
    let text = payload.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| payload.downcast_ref::<&str>().copied());
    text.unwrap_or("something that is no text").to_owned()
}
