//! Promise: nothing panics, and an engine that is started starts, unless a fault of its disk keeps
//! it from that.
//!
//! Survives: any fault of the Plan. Start reading at [`judge`].

use super::{Evidence, Findings};
use crate::history::What;
use crate::plan::FaultKind;

pub(super) fn judge(evidence: &Evidence, findings: &mut Findings) {
    let disk_can_fail = evidence.plan.faults.iter().any(|fault| {
        matches!(fault.kind, FaultKind::DiskFull { .. } | FaultKind::DiskError { .. })
    });
    for line in &evidence.history.lines {
        match &line.what {
            What::Panicked { task, why } => {
                findings
                    .push(format!("step {}: `{task}` on {} panicked: {why}", line.step, line.node));
            }
            What::Refused { why } if !disk_can_fail => {
                findings.push(format!("step {}: {} did not start: {why}", line.step, line.node));
            }
            _ => {}
        }
    }
}
