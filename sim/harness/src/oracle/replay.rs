//! Promise: all state is a fold of the log. Replays from zero end in the same bytes, also when one
//! looks at the clock on the way; a restart from the state at any position ends in the same bytes;
//! the newest checkpoint that the engine left on its disk is what a replay up to its position gives;
//! a look at the clock between two events changes nothing.
//!
//! Start reading at [`judge`].

use homeostat_log::{ChainHash, Control, Event};
use homeostat_world::Position;

use super::evidence::Checkpoint;
use super::follow::Follower;
use super::{Evidence, Findings};

/// Restarts that are tried, spread over the log.
const CUTS: usize = 4;

pub(super) fn judge(evidence: &Evidence, findings: &mut Findings) {
    let events = &evidence.log.events;
    let mut follower = Follower::new(evidence);
    let mut rest = events.as_slice();
    // The states to restart from are taken on the way of the first replay; the second one shows
    // that taking them changed nothing.
    let mut cuts = Vec::new();
    for nth in 1..=CUTS {
        let upto = events.len() * nth / (CUTS + 1);
        let (before, after) = rest.split_at(upto + rest.len() - events.len());
        replay(&mut follower, before, false);
        cuts.push((follower.machine.checkpoint(&ChainHash::ZERO), after));
        rest = after;
    }
    let end = state_after(evidence, follower, rest, false);
    if second_replay(evidence, findings) != end {
        findings.push("a second replay from zero ends in different bytes");
    }
    if state_after(evidence, Follower::new(evidence), events, true) != end {
        findings.push("a replay with looks at the clock between events ends in different bytes");
    }
    for (cut, after) in cuts {
        let at = events.len() - after.len();
        match Follower::restored(evidence, &cut, Position::new(at as u64)) {
            Ok(follower) => {
                if state_after(evidence, follower, after, false) != end {
                    findings.push(format!("a restart at e{at} ends in other bytes than none"));
                }
            }
            Err(why) => findings.push(format!("no restart at e{at}: {why}")),
        }
    }
}

/// Replays from zero; where the engine left its checkpoint, that must be the state. What the
/// replay ends in.
fn second_replay(evidence: &Evidence, findings: &mut Findings) -> Vec<u8> {
    let (mut follower, events) = (Follower::new(evidence), &evidence.log.events);
    let Some(stored) = &evidence.log.checkpoint else {
        return state_after(evidence, follower, events, false);
    };
    let upto = usize::try_from(stored.position).unwrap_or(usize::MAX).min(events.len());
    let (before, after) = events.split_at(upto);
    replay(&mut follower, before, false);
    // The comparison looks at the clock, and no event follows the last one to bring both as far.
    let end = after.is_empty().then(|| follower.machine.checkpoint(&ChainHash::ZERO));
    compare(evidence, stored, &mut follower, findings);
    end.unwrap_or_else(|| state_after(evidence, follower, after, false))
}

/// Compares the engine's checkpoint with the machine that a replay to there gave.
fn compare(
    evidence: &Evidence,
    stored: &Checkpoint,
    follower: &mut Follower<'_>,
    findings: &mut Findings,
) {
    let position = Position::new(stored.position);
    let found = match Follower::restored(evidence, &stored.bytes, position) {
        Ok(found) => found.machine,
        Err(why) => {
            findings
                .push(format!("the engine's checkpoint of e{} is none: {why}", stored.position));
            return;
        }
    };
    // The engine may have looked at its clock since the last event; the checkpoint says until when.
    follower.machine.advance(found.time());
    let (stored_again, replayed) =
        (found.checkpoint(&stored.chain), follower.machine.checkpoint(&stored.chain));
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
    mut follower: Follower<'_>,
    events: &[Event],
    looks: bool,
) -> Vec<u8> {
    replay(&mut follower, events, looks);
    let machine = follower.machine;
    assert!(
        machine.applied().get() <= evidence.log.events.len() as u64,
        "a replay ends with the log"
    );
    machine.checkpoint(&ChainHash::ZERO)
}

fn replay(follower: &mut Follower<'_>, events: &[Event], looks: bool) {
    for event in events {
        if looks && !Control::is_resumption(event) {
            // As a living engine does: it looks when it wakes and decides before it appends. The
            // first thing that it appends says how long it was not living.
            let machine = &mut follower.machine;
            machine.advance(event.recorded);
            if !machine.decide(event.recorded).is_empty() {
                machine.forget_in_flight();
            }
        }
        let applied = follower.apply(event);
        assert!(applied.is_ok(), "control events are read while the evidence is gathered");
    }
}
