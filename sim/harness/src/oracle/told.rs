//! What the log tells of gaps and agents, folded control event by control event.
//!
//! In: control events in order. Out: what stood at each moment. Never: looks at the conductor; this
//! is a second opinion, kept apart from it on purpose.
//! Promise: only what the log says. Start reading at [`Told::take`].

use std::collections::BTreeMap;

use homeostat_log::Control;
use homeostat_log::control::{Breaker, Decision, Ending, Escalation};
use homeostat_world::Timestamp;

/// What was told so far.
#[derive(Debug, Default)]
pub(crate) struct Told {
    pub(crate) gaps: BTreeMap<String, ToldGap>,
    pub(crate) agents: BTreeMap<String, ToldAgent>,
    /// What agents that ended have cost, and when they ended.
    pub(crate) costs: Vec<(Timestamp, u64)>,
    /// Breakers that hold.
    pub(crate) tripped: BTreeMap<Breaker, bool>,
}

/// What was told of a gap.
#[derive(Debug, Default)]
pub(crate) struct ToldGap {
    pub(crate) opened: u32,
    pub(crate) closed: u32,
    pub(crate) depth: u16,
    pub(crate) due: Option<Timestamp>,
    pub(crate) missed: u32,
    /// The agent at work.
    pub(crate) agent: Option<String>,
    pub(crate) attempts: u32,
    /// Agents since the last `retry`.
    pub(crate) tries: u32,
    /// Those of them that did not close it though they ended by themselves or were over their time.
    pub(crate) failures: u32,
    /// When the last agent ended.
    pub(crate) rested_from: Option<Timestamp>,
    pub(crate) escalated: Option<Escalation>,
    /// A person said `retry`.
    pub(crate) excused: bool,
    pub(crate) waived: bool,
}

/// What was told of an agent.
#[derive(Clone, Debug)]
pub(crate) struct ToldAgent {
    pub(crate) gap: String,
    pub(crate) deadline: Timestamp,
    pub(crate) cost_max: u64,
    pub(crate) ended: u32,
}

impl Told {
    /// Takes in the next control event, recorded `at`.
    pub(crate) fn take(&mut self, control: &Control, at: Timestamp) {
        match control {
            Control::GapOpened { gap, due, depth, .. } => {
                let gap = self.gap(gap);
                gap.opened += 1;
                (gap.due, gap.depth) = (*due, *depth);
            }
            Control::GapClosed { gap, .. } => self.gap(gap).closed += 1,
            Control::DeadlineMissed { gap, .. } => self.gap(gap).missed += 1,
            Control::AgentSpawned { agent, gap, attempt, deadline, cost_max } => {
                let told = self.gap(gap);
                told.agent = Some(agent.clone());
                told.attempts = *attempt;
                told.tries += 1;
                told.escalated = None;
                let (gap, deadline, cost_max) = (gap.clone(), *deadline, *cost_max);
                let told = ToldAgent { gap, deadline, cost_max, ended: 0 };
                self.agents.insert(agent.clone(), told);
            }
            Control::AgentEnded { agent, gap, ending, cost, .. } => {
                if let Some(agent) = self.agents.get_mut(agent) {
                    agent.ended += 1;
                }
                self.costs.push((at, *cost));
                let gap = self.gap(gap);
                gap.agent = gap.agent.take().filter(|at_work| at_work != agent);
                gap.rested_from = Some(at);
                let failed = matches!(ending, Ending::Failed | Ending::TimedOut | Ending::Resolved);
                gap.failures += u32::from(failed);
            }
            Control::GapEscalated { gap, reason } => self.gap(gap).escalated = Some(*reason),
            Control::GapDecided { gap, decision: Decision::Retry, .. } => {
                let gap = self.gap(gap);
                (gap.failures, gap.tries, gap.escalated, gap.excused) = (0, 0, None, true);
            }
            Control::GapDecided { gap, decision: Decision::Waive, .. } => {
                self.gap(gap).waived = true;
            }
            Control::BreakerChanged { breaker, tripped, .. } => {
                self.tripped.insert(*breaker, *tripped);
            }
            // Of a version's backfill nothing is said that agents would have to obey.
            Control::GapDecided { decision: Decision::Backfill, .. }
            | Control::IntentAdopted { .. }
            | Control::IntentEvolved { .. }
            | Control::EngineResumed {}
            | Control::CheckReported { .. } => {}
        }
    }

    fn gap(&mut self, gap: &str) -> &mut ToldGap {
        self.gaps.entry(gap.to_owned()).or_default()
    }

    /// Everyone who was spawned and has not ended.
    pub(crate) fn alive(&self) -> impl Iterator<Item = (&String, &ToldAgent)> {
        self.agents.iter().filter(|(_, agent)| agent.ended == 0)
    }
}

/// The gap that a control event is about.
pub(crate) fn gap_of(control: &Control) -> Option<&str> {
    match control {
        Control::GapOpened { gap, .. }
        | Control::GapClosed { gap, .. }
        | Control::DeadlineMissed { gap, .. }
        | Control::AgentSpawned { gap, .. }
        | Control::AgentEnded { gap, .. }
        | Control::GapEscalated { gap, .. }
        | Control::GapDecided { gap, .. } => Some(gap),
        Control::IntentAdopted { .. }
        | Control::IntentEvolved { .. }
        | Control::EngineResumed {}
        | Control::CheckReported { .. }
        | Control::BreakerChanged { .. } => None,
    }
}
