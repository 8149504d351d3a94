//! Promise: all state is a fold of the log. Two replays from zero end in the same bytes; a restart
//! from the state at any position ends in the same bytes; the newest checkpoint that the engine left
//! on its disk is what a replay up to its position gives; a look at the clock between two events
//! changes nothing.
//!
//! Start reading at [`judge`].

use homeostat_kernel::Machine;
use homeostat_log::{ChainHash, Event};

use super::{Evidence, Findings};

/// Restarts that are tried, spread over the log.
const CUTS: usize = 4;

pub(super) fn judge(evidence: &Evidence, findings: &mut Findings) {
    let events = &evidence.log.events;
    let end = state_after(evidence, evidence.setup.machine(), events, false);
    if state_after(evidence, evidence.setup.machine(), events, false) != end {
        findings.push("two replays from zero end in different bytes");
    }
    if state_after(evidence, evidence.setup.machine(), events, true) != end {
        findings.push("a replay with looks at the clock between events ends in different bytes");
    }
    for nth in 1..=CUTS {
        let (before, after) = events.split_at(events.len() * nth / (CUTS + 1));
        let cut = state_after(evidence, evidence.setup.machine(), before, false);
        match evidence.setup.restored(&cut) {
            Ok(machine) => {
                if state_after(evidence, machine, after, false) != end {
                    let at = before.len();
                    findings.push(format!("a restart at e{at} ends in other bytes than none"));
                }
            }
            Err(why) => findings.push(format!("no restart at e{}: {why}", before.len())),
        }
    }
    let Some(stored) = &evidence.log.checkpoint else { return };
    let upto = usize::try_from(stored.position).unwrap_or(usize::MAX).min(events.len());
    let (before, _) = events.split_at(upto);
    let mut machine = evidence.setup.machine();
    feed(&mut machine, before, false, findings);
    if machine.checkpoint(&stored.chain) != stored.bytes {
        findings.push(format!(
            "the engine's checkpoint of e{} is not what a replay to there gives",
            stored.position
        ));
    }
}

fn state_after(
    evidence: &Evidence,
    mut machine: Machine,
    events: &[Event],
    looks: bool,
) -> Vec<u8> {
    let mut unread = Findings { oracle: "replay", found: Vec::new() };
    feed(&mut machine, events, looks, &mut unread);
    assert!(unread.found.is_empty(), "control events are read while the evidence is gathered");
    assert!(
        machine.applied().get() <= evidence.log.events.len() as u64,
        "a replay ends with the log"
    );
    machine.checkpoint(&ChainHash::ZERO)
}

fn feed(machine: &mut Machine, events: &[Event], looks: bool, findings: &mut Findings) {
    for event in events {
        if looks {
            // As a living engine does: it looks when it wakes and decides before it appends.
            machine.advance(event.recorded);
            machine.decide(event.recorded);
            machine.forget_in_flight();
        }
        if let Err(error) = machine.apply(event) {
            findings.push(error.to_string());
            return;
        }
    }
}
