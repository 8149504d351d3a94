//! Promise: each missed deadline is recorded once, never before it has passed (due itself is still
//! in time), and with the due that its gap has.
//!
//! That none is left out is for `liveness`. Start reading at [`judge`].

use homeostat_log::Control;

use super::told::Told;
use super::{Evidence, Findings};

pub(super) fn judge(evidence: &Evidence, findings: &mut Findings) {
    let mut told = Told::default();
    for (event, control) in evidence.controls() {
        if let Control::DeadlineMissed { gap, due } = control {
            let (position, recorded) = (event.position, event.recorded);
            if recorded <= *due {
                findings.push(format!(
                    "e{position} says that `{gap}` missed {due}, recorded at {recorded}, when that had not passed"
                ));
            }
            let known = told.gaps.get(gap);
            if known.is_some_and(|known| known.missed > 0) {
                findings.push(format!("e{position} says again that `{gap}` missed its deadline"));
            }
            let stated = known.filter(|known| known.opened > 0);
            if stated.is_some_and(|stated| stated.due != Some(*due)) {
                findings.push(format!(
                    "e{position} says that `{gap}` missed {due}, which it never had"
                ));
            }
        }
        told.take(control, event.recorded);
    }
}
