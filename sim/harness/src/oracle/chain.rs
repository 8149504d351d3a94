//! Promise: the log is gapless, its hash chain verifies from the first event to the last, and the
//! indexes agree with it, after every crash and loss of power of the Plan and one more at its end.
//!
//! Start reading at [`judge`].

use super::{Evidence, Findings};

pub(super) fn judge(evidence: &Evidence, findings: &mut Findings) {
    for (expected, event) in (1..).zip(&evidence.log.events) {
        let found = event.position.get();
        if found != expected {
            findings.push(format!("position `{found}` stands where `{expected}` is expected"));
            return;
        }
    }
    match &evidence.log.verified {
        Err(why) => findings.push(format!("the log does not verify: {why}")),
        Ok(verified) => {
            let (proved, read) = (verified.events, evidence.log.events.len() as u64);
            if proved != read {
                findings.push(format!("{proved} events were proved whole, and {read} were read"));
            }
            if verified.index_faults > 0 {
                let faults = verified.index_faults;
                findings.push(format!("{faults} indexes do not agree with the log"));
            }
        }
    }
}
