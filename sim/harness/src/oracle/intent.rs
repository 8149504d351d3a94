//! Promise: one spec is in force on a log. It is adopted once, before anything is decided by it,
//! however often it is given; another one is refused and leaves the log as it was.
//!
//! Start reading at [`judge`].

use homeostat_log::Control;

use super::{Evidence, Findings};

pub(super) fn judge(evidence: &Evidence, findings: &mut Findings) {
    let planned = evidence.setup.spec.hash.to_string();
    let mut adopted = 0;
    for (event, control) in evidence.controls() {
        let position = event.position;
        match control {
            Control::IntentAdopted { hash, .. } => {
                adopted += 1;
                if adopted > 1 {
                    findings.push(format!("e{position} adopts a spec, and one was in force"));
                }
                if *hash != planned {
                    findings.push(format!("e{position} adopts `{hash}`, the Plan has `{planned}`"));
                }
            }
            _ if adopted == 0 => {
                findings.push(format!("e{position} decides something, and no spec is in force"));
            }
            _ => {}
        }
    }
}
