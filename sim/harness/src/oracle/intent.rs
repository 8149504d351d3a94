//! Promise: one spec is in force on a log. It is adopted once, before anything is decided by it,
//! however often it is given; another one is refused and leaves the log as it was, unless a person
//! adopts it: then the log says who, and in the place of which.
//!
//! Start reading at [`judge`].

use homeostat_log::{Actor, Control};

use super::{Evidence, Findings};
use crate::history::What;
use crate::plan::{Action, FaultKind, Version};

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
    evolved(evidence, &planned, findings);
    told(evidence, findings);
}

/// The Plan's later version takes the place of the first, once, by the word of a person.
fn evolved(evidence: &Evidence, planned: &str, findings: &mut Findings) {
    let later = evidence.setup.later.as_ref().map(|later| later.spec.hash.to_string());
    let plan = &evidence.plan;
    let by_a_step = plan.steps.iter().any(|step| matches!(step.action, Action::Adopt));
    let at_a_start =
        |kind: &FaultKind| matches!(kind, FaultKind::Adopt { spec: Version::Later, .. });
    let is_asked_for = by_a_step || plan.faults.iter().any(|fault| at_a_start(&fault.kind));
    let mut count = 0;
    for (event, control) in evidence.controls() {
        let Control::IntentEvolved { hash, from, by, .. } = control else { continue };
        let position = event.position;
        count += 1;
        if !is_asked_for {
            findings.push(format!("e{position} adopts a version that nobody asked for"));
        }
        if count > 1 {
            findings.push(format!("e{position} adopts a version that was in force"));
        }
        if Some(hash) != later.as_ref() || from != planned {
            findings.push(format!("e{position} adopts `{hash}` in the place of `{from}`"));
        }
        let actor = &event.event.actor;
        if !matches!(actor, Actor::Engine) && *actor != Actor::Human(by.clone()) {
            findings.push(format!("e{position} is adopted by `{by}`, and `{actor}` wrote it"));
        }
    }
}

/// Who was told that a version is in force finds it there.
fn told(evidence: &Evidence, findings: &mut Findings) {
    let there = evidence.takes_over_at().map(|position| position.get());
    for line in &evidence.history.lines {
        let What::Asked { position: Some(position), .. } = &line.what else { continue };
        if there != Some(*position) {
            let node = &line.node;
            findings.push(format!("{node} was told that a version is in force since e{position}"));
        }
    }
}
