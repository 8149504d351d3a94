//! Promise: once faults are over and the Plan's `settle` has passed, the engine is up, every request
//! of the Plan has been answered, whatever was to be decided stands in the log, and every open gap is
//! escalated, a person's, worked on, resting, or held back by a breaker that the log names.
//!
//! The director looks twice, [`SLACK`] apart: what was to be decided at the first look must be in
//! the log at the second. Start reading at [`judge`].

use homeostat_conductor::Decision;
use homeostat_intent::lowered::Performer;
use homeostat_log::control::Breaker;
use homeostat_log::{Control, Event};
use homeostat_world::{Duration, Position};

use super::evidence::Look;
use super::follow::Follower;
use super::limits::fixed;
use super::told::{Told, ToldGap, gap_of};
use super::{Evidence, Findings};
use crate::history::What;
use crate::plan::Action;

/// How long the engine may take from "to be decided" to "in the log", when nothing is wrong.
pub const SLACK: Duration = Duration::from_secs(2);

pub(super) fn judge(evidence: &Evidence, findings: &mut Findings) {
    answered(evidence, findings);
    let looks: Vec<Look> = evidence.looks().collect();
    let [first, second] = looks.as_slice() else {
        findings.push(format!("the director looked {} times, expected 2", looks.len()));
        return;
    };
    if !(first.up && second.up) {
        findings.push("the engine is not up although faults are over");
        return;
    }
    decided(evidence, *first, findings);
    nothing_is_forgotten(evidence, *first, *second, findings);
}

/// Every request has its answer.
fn answered(evidence: &Evidence, findings: &mut Findings) {
    for step in &evidence.plan.steps {
        let Action::Append { events, .. } = &step.action else { continue };
        let node = format!("client-{}", step.client);
        let same = |ids: &mut dyn Iterator<Item = &String>| ids.eq(events.iter().map(|it| &it.id));
        let has_answer = evidence.history.lines.iter().any(|line| {
            line.node == node
                && match &line.what {
                    What::Acknowledged { events } => same(&mut events.iter().map(|(id, _)| id)),
                    What::Rejected { ids, .. } => same(&mut ids.iter()),
                    _ => false,
                }
        });
        if !has_answer {
            let first = events.first().map_or("nothing", |event| &event.id);
            findings
                .push(format!("the request of {node} at {} (`{first}` …) has no answer", step.at));
        }
    }
}

/// What a machine that has seen the log up to the first look would decide is in the log.
fn decided(evidence: &Evidence, look: Look, findings: &mut Findings) {
    let upto = usize::try_from(look.position).unwrap_or(usize::MAX);
    let mut follower = Follower::new(evidence);
    for event in evidence.log.events.iter().take(upto) {
        if follower.apply(event).is_err() {
            return;
        }
    }
    let mut machine = follower.machine;
    machine.advance(look.engine_now);
    let later: Vec<&Control> = after(evidence, look.position).map(|(_, control)| control).collect();
    for decision in machine.decide(look.engine_now) {
        let done = later.iter().any(|control| answers(control, &decision));
        if !done {
            findings.push(format!(
                "at {} it was to be decided, and nothing came of it: {decision:?}",
                look.engine_now
            ));
        }
    }
}

fn answers(control: &Control, decision: &Decision) -> bool {
    match decision {
        Decision::Record(Control::BreakerChanged { breaker, .. }) => {
            matches!(control, Control::BreakerChanged { breaker: of, .. } if of == breaker)
        }
        Decision::Record(wanted) => gap_of(wanted).is_some() && gap_of(wanted) == gap_of(control),
        Decision::Spawn(spawn) => gap_of(control) == Some(spawn.gap.as_str()),
        Decision::Stop { gap, .. } => gap_of(control) == Some(gap.as_str()),
    }
}

fn after(evidence: &Evidence, position: u64) -> impl Iterator<Item = (&Event, &Control)> {
    evidence.controls().filter(move |(event, _)| event.position.get() > position)
}

/// From the log alone: somebody or something has each open gap.
fn nothing_is_forgotten(evidence: &Evidence, first: Look, second: Look, findings: &mut Findings) {
    let mut told = Told::default();
    let upto = |event: &Event| event.position.get() <= second.position;
    for (event, control) in evidence.controls().filter(|(event, _)| upto(event)) {
        told.take(control, event.recorded);
    }
    let held = [Breaker::Concurrency, Breaker::Budget]
        .iter()
        .any(|breaker| told.tripped.get(breaker) == Some(&true));
    for (name, gap) in told.gaps.iter().filter(|(_, gap)| gap.opened > 0 && gap.closed == 0) {
        let moves = after(evidence, first.position).any(|(_, it)| gap_of(it) == Some(name));
        let clause = evidence.setup.clause_of(name);
        let is_a_persons =
            is_asked(name) || clause.is_some_and(|clause| clause.performer == Performer::Human);
        if !(moves || is_a_persons || held || is_somebodys(evidence, gap, second)) {
            findings.push(format!("gap `{name}` is open and forgotten: {gap:?}"));
        }
    }
}

fn is_somebodys(evidence: &Evidence, gap: &ToldGap, look: Look) -> bool {
    let (spec, _) = evidence.version_at(Position::new(look.position));
    let cooldown = fixed(spec.limits.cooldown_per_gap);
    let rests = gap.rested_from.is_some_and(|from| from + cooldown + SLACK >= look.engine_now);
    gap.escalated.is_some() || gap.agent.is_some() || gap.waived || rests
}

/// Whether a gap stands for what a version asks of earlier events, which a person decides.
fn is_asked(gap: &str) -> bool {
    homeostat_graph::asked_at(gap).is_some()
}
