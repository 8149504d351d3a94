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
    let found = match evidence.setup.restored(&stored.bytes) {
        Ok(found) => found,
        Err(why) => {
            findings
                .push(format!("the engine's checkpoint of e{} is none: {why}", stored.position));
            return;
        }
    };
    // The engine may have looked at its clock since the last event; the checkpoint says until when.
    machine.advance(found.time());
    let (stored_again, replayed) =
        (found.checkpoint(&stored.chain), machine.checkpoint(&stored.chain));
    if stored_again != stored.bytes {
        let part = first_difference(&stored.bytes, &stored_again);
        findings.push(format!("a checkpoint read and written again is another: {part}"));
    }
    if replayed != stored.bytes {
        let (position, part) = (stored.position, first_difference(&stored.bytes, &replayed));
        findings.push(format!(
            "the engine's checkpoint of e{position} is not what a replay to there gives: {part}"
        ));
    }
}

/// Where two checkpoints part, as people can read it: most of their bytes are text.
fn first_difference(stored: &[u8], replayed: &[u8]) -> String {
    const AROUND: usize = 60;
    let at = stored.iter().zip(replayed).position(|(a, b)| a != b);
    let at = at.unwrap_or(stored.len().min(replayed.len()));
    let near = |bytes: &[u8]| {
        let (from, to) = (at.saturating_sub(AROUND), (at + AROUND).min(bytes.len()));
        String::from_utf8_lossy(bytes.get(from..to).unwrap_or_default()).escape_debug().to_string()
    };
    let (stored, replayed) = (near(stored), near(replayed));
    format!("byte {at}: stored `{stored}`, replayed `{replayed}`")
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
