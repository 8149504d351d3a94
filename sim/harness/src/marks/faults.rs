//! Marks of faults: each kind was in force while something was under way that it could harm.
//!
//! In: the Plan's faults, and when requests were sent and answered. Never: counts a fault that
//! nobody could feel. Start reading at [`met`].

use homeostat_world::Timestamp;

use super::{Mark, Sign};
use crate::history::What;
use crate::nodes::client_name;
use crate::oracle::Evidence;
use crate::plan::{Fault, FaultKind};

macro_rules! fault {
    ($kind:literal, $sentence:literal) => {
        Mark { name: concat!("fault-", $kind), sentence: $sentence, sign: Sign::Fault($kind) }
    };
}

pub(super) const MARKS: &[Mark] = &[
    fault!("crash", "the engine was killed while a request was under way or work was to do"),
    fault!("partition", "a link was cut while a request was under way"),
    fault!("slow", "a link was slow while a request was under way"),
    fault!("refuse", "a connection was refused that a request asked for"),
    fault!("reset", "a connection broke that a request was on"),
    fault!("disk_full", "a commit found no room"),
    fault!("disk_error", "a commit failed"),
    fault!("slow_sync", "a sync was slow while a request was under way"),
    fault!("clock_jump", "a clock jumped, and something was recorded after it"),
    fault!("clock_drift", "a clock ran at a wrong rate, and something was recorded after it"),
    fault!("pause", "a node was paused while a request was under way"),
    fault!("restart", "the engine was stopped as asked while a request was under way"),
    fault!("adopt", "the engine was started under some spec while a request was under way"),
    fault!("half_open", "a connection was gone for one end while a request was under way"),
    fault!("duplicate", "a request arrived twice"),
    fault!("lost_answers", "an answer got lost"),
    fault!("slow_peer", "a request came byte by byte"),
    fault!("bit_rot", "a record had rotted while a request was under way"),
    fault!("stale_log", "the log had lost what was synced while a request was under way"),
    fault!("stale_pad", "the witness was an old one while a request was under way"),
];

/// Whether a fault of that kind was in force while it could be felt: a request of its client, or of
/// any where it is the engine's, was under way.
pub(super) fn met(evidence: &Evidence, kind: &str) -> bool {
    let faults = evidence.plan.faults.iter().filter(|fault| fault.kind.name() == kind);
    faults.into_iter().any(|fault| felt(evidence, fault))
}

fn felt(evidence: &Evidence, fault: &Fault) -> bool {
    let start = evidence.plan.start;
    let (from, to) = (start + fault.at, start + fault.ends());
    let last = evidence.log.events.last().map(|event| event.recorded);
    match &fault.kind {
        FaultKind::ClockJump { .. } | FaultKind::ClockDrift { .. } => {
            last.is_some_and(|last| last > from)
        }
        kind => under_way(evidence, kind.client(), from, to),
    }
}

/// Whether a request had been sent and not answered at some time from `from` to `to`.
fn under_way(evidence: &Evidence, client: Option<u32>, from: Timestamp, to: Timestamp) -> bool {
    let node = client.map(client_name);
    let lines = &evidence.history.lines;
    let of_it = |name: &str| node.as_ref().map_or(name != "director", |node| node == name);
    lines.iter().enumerate().any(|(nth, line)| {
        let What::Sent { ids } = &line.what else { return false };
        if !of_it(&line.node) || line.at > to {
            return false;
        }
        let answered = lines.iter().skip(nth + 1).find(|later| {
            later.node == line.node
                && match &later.what {
                    What::Acknowledged { events } => events.iter().map(|(id, _)| id).eq(ids),
                    What::Rejected { ids: of, .. } | What::InDoubt { ids: of, .. } => of == ids,
                    _ => false,
                }
        });
        answered.is_none_or(|answered| answered.at >= from)
    })
}
