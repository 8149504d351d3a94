//! Promise: recorded times never go backwards, whatever the engine's clock does, restarts included.
//!
//! Start reading at [`judge`].

use super::{Evidence, Findings};

pub(super) fn judge(evidence: &Evidence, findings: &mut Findings) {
    for (before, after) in evidence.log.events.iter().zip(evidence.log.events.iter().skip(1)) {
        if after.recorded < before.recorded {
            findings.push(format!(
                "e{} was recorded at {}, before e{} at {}",
                after.position, after.recorded, before.position, before.recorded
            ));
        }
    }
}
