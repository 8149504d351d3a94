//! Promise: nothing panics, and an engine that is started starts, unless a fault that is in force
//! meanwhile keeps it from that. Where the disk holds damage, the refusal names the place and the remedy.
//!
//! Survives: any fault of the Plan. Start reading at [`judge`].

use super::{Evidence, Findings};
use crate::history::{Line, What};
use crate::plan::{Fault, FaultKind};

pub(super) fn judge(evidence: &Evidence, findings: &mut Findings) {
    for line in &evidence.history.lines {
        match &line.what {
            What::Panicked { task, why } => {
                findings
                    .push(format!("step {}: `{task}` on {} panicked: {why}", line.step, line.node));
            }
            What::Refused { why } => refused(evidence, line, why, findings),
            _ => {}
        }
    }
}

fn refused(evidence: &Evidence, line: &Line, why: &str, findings: &mut Findings) {
    let from_start = |line: &Line| line.at.since(evidence.plan.start);
    // A start that began under a fault may say no after its end, since a slow disk takes its time.
    let began = evidence.history.lines.iter().rfind(|it| {
        it.step < line.step && it.node == line.node && matches!(it.what, What::Opens { .. })
    });
    let (began, said) = (from_start(began.unwrap_or(line)), from_start(line));
    let met = |fault: &&Fault| fault.kind.may_refuse() && fault.is_in_force(began, said);
    let mut excuses = evidence.plan.faults.iter().filter(met).map(|it| &it.kind).peekable();
    let (step, node) = (line.step, &line.node);
    if excuses.peek().is_none() {
        findings.push(format!("step {step}: {node} did not start: {why}"));
    } else if excuses.all(FaultKind::is_damage)
        && !(why.contains("position") && why.contains("restore"))
    {
        findings.push(format!(
            "step {step}: {node} did not start, and did not say where the damage is and what to do: {why}"
        ));
    }
}
