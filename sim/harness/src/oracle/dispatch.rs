//! Promise: a gap opens once and closes once, and has at most one agent at a time, after it opened
//! and before it closed; attempts are counted without holes. A person's gaps have no agents, and
//! are never escalated to people; no gap is while it is closed, or twice without a word in between.
//! Whoever worked was recorded before, and works once: no crash leaves an agent that nobody knows of.
//! No gap gets its agent before one that is more severe and was waiting for its first: a violation goes
//! before every `must`, and that before what is softer.
//!
//! Start reading at [`judge`].

use std::collections::{BTreeMap, BTreeSet};

use homeostat_intent::lowered::{Performer, Strength};
use homeostat_log::{Control, Event};
use homeostat_world::{Position, Timestamp};

use super::told::Told;
use super::{Evidence, Findings};
use crate::history::What;

pub(super) fn judge(evidence: &Evidence, findings: &mut Findings) {
    let mut told = Told::default();
    let mut waiting = Waiting::default();
    for (event, control) in evidence.controls() {
        waiting.take(evidence, event, control, findings);
        match control {
            Control::GapOpened { gap, .. } => {
                let known = told.gaps.get(gap);
                if known.is_some_and(|known| known.opened > 0) {
                    findings.push(format!("e{} opens `{gap}` a second time", event.position));
                }
            }
            Control::GapClosed { gap, .. } => closed(&told, gap, event.position, findings),
            Control::GapEscalated { gap, .. } => {
                escalated(evidence, &told, gap, event.position, findings);
            }
            Control::AgentSpawned { .. } => spawned(evidence, &told, event, control, findings),
            _ => {}
        }
        told.take(control, event.recorded);
    }
    worked(evidence, &told, findings);
}

/// Gaps that an agent may be given and that never had one, by what the log says: nothing holds these
/// back but that nobody is free.
#[derive(Debug, Default)]
struct Waiting<'e>(BTreeMap<&'e str, (Strength, Timestamp)>);

impl<'e> Waiting<'e> {
    /// Takes in the next control event. What was decided and written together has one time, so a gap
    /// counts as waiting from the next time on: whoever decided knew of it then.
    fn take(
        &mut self,
        evidence: &Evidence,
        event: &Event,
        control: &'e Control,
        findings: &mut Findings,
    ) {
        match control {
            Control::GapOpened { gap, depth, .. } => {
                let (spec, program) = evidence.version_at(event.position);
                let Some(name) = program.parse_name(gap) else { return };
                let clause = program.clause(name.clause);
                let is_for_agents = clause.performer == Performer::Agent
                    && evidence.setup.agents.member_for(&clause.action).is_some()
                    && u32::from(*depth) < spec.limits.max_agent_depth;
                if is_for_agents {
                    self.0.insert(gap, (clause.strength, event.recorded));
                }
            }
            Control::AgentSpawned { agent, gap, .. } => {
                self.0.remove(gap.as_str());
                let Some(clause) = evidence.setup.clause_of(gap) else { return };
                // The more severe, the less.
                let goes_before = |(strength, since): &(Strength, Timestamp)| {
                    *strength < clause.strength && *since < event.recorded
                };
                if let Some((other, _)) = self.0.iter().find(|(_, it)| goes_before(it)) {
                    let at = event.position;
                    findings.push(format!(
                        "e{at} spawns `{agent}` for `{gap}` before any for `{other}`, which is more severe"
                    ));
                }
            }
            Control::GapClosed { gap, .. }
            | Control::GapEscalated { gap, .. }
            | Control::GapDecided { gap, .. } => {
                self.0.remove(gap.as_str());
            }
            _ => {}
        }
    }
}

fn worked(evidence: &Evidence, told: &Told, findings: &mut Findings) {
    let mut seen = BTreeSet::new();
    for line in &evidence.history.lines {
        let What::Works { agent } = &line.what else { continue };
        if !told.agents.contains_key(agent) {
            let step = line.step;
            findings.push(format!("step {step}: `{agent}` works, and the log knows nothing of it"));
        }
        if !seen.insert(agent) {
            findings.push(format!("step {}: `{agent}` works a second time", line.step));
        }
    }
}

fn closed(told: &Told, gap: &str, at: Position, findings: &mut Findings) {
    match told.gaps.get(gap) {
        None => findings.push(format!("e{at} closes `{gap}`, which nobody opened")),
        Some(known) if known.opened == 0 && known.missed == 0 => {
            findings.push(format!("e{at} closes `{gap}`, which nobody opened"));
        }
        Some(known) if known.closed > 0 => {
            findings.push(format!("e{at} closes `{gap}` a second time"));
        }
        Some(_) => {}
    }
}

fn escalated(evidence: &Evidence, told: &Told, gap: &str, at: Position, findings: &mut Findings) {
    let open = told.gaps.get(gap).filter(|known| known.opened > 0 && known.closed == 0);
    let Some(known) = open else {
        findings.push(format!("e{at} escalates `{gap}`, which is not open"));
        return;
    };
    if let Some(reason) = known.escalated {
        findings.push(format!("e{at} escalates `{gap}`, which was: {reason:?}"));
    }
    let clause = evidence.setup.clause_of(gap);
    if clause.is_some_and(|clause| clause.performer == Performer::Human) {
        findings.push(format!("e{at} escalates `{gap}`, which is a person's to do anyway"));
    }
}

fn spawned(
    evidence: &Evidence,
    told: &Told,
    event: &Event,
    control: &Control,
    findings: &mut Findings,
) {
    let Control::AgentSpawned { agent, gap, attempt, .. } = control else { return };
    let at = event.position;
    let Some(known) = told.gaps.get(gap).filter(|known| known.opened > 0) else {
        findings.push(format!("e{at} spawns `{agent}` for `{gap}`, which is not open"));
        return;
    };
    if known.closed > 0 {
        findings.push(format!("e{at} spawns `{agent}` for `{gap}`, which has closed"));
    }
    if let Some(other) = &known.agent {
        findings.push(format!("e{at} spawns `{agent}` for `{gap}` while `{other}` works on it"));
    }
    if *attempt != known.attempts + 1 {
        findings.push(format!(
            "e{at} spawns attempt {attempt} for `{gap}`, expected {}",
            known.attempts + 1
        ));
    }
    if known.waived {
        findings.push(format!("e{at} spawns `{agent}` for `{gap}`, which a person let go"));
    }
    match evidence.setup.clause_of(gap) {
        None => findings.push(format!("e{at} spawns `{agent}` for `{gap}` of no clause")),
        Some(clause) if clause.performer == Performer::Human => {
            findings.push(format!("e{at} spawns `{agent}` for `{gap}`, which is a person's to do"));
        }
        Some(clause) if evidence.setup.agents.member_for(&clause.action).is_none() => {
            findings.push(format!("e{at} spawns `{agent}`, and no agent does `{}`", clause.action));
        }
        Some(_) => {}
    }
}
