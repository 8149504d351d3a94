//! Marks that one control event shows: every sort of decision that the engine can take.
//!
//! Promise: a new variant of an ending, outcome, reason or breaker has no mark until it stands here,
//! and the test beside this list says so. Start reading at [`MARKS`].

use homeostat_log::Control;
use homeostat_log::control::{
    BackfillPolicy, Breaker, Decision, Ending, Escalation, GapKind, GapOutcome,
};

use super::{Mark, Sign};

macro_rules! control {
    ($name:literal, $sentence:literal, $pattern:pat) => {
        Mark {
            name: $name,
            sentence: $sentence,
            sign: Sign::Control(|control| matches!(control, $pattern)),
        }
    };
}

pub(super) const MARKS: &[Mark] = &[
    control!("intent-adopted", "a spec was put in force", Control::IntentAdopted { .. }),
    control!(
        "evolved-sequential",
        "a version took over that asks for the past a little at a time",
        Control::IntentEvolved { policy: BackfillPolicy::Sequential, .. }
    ),
    control!(
        "evolved-prospective",
        "a version took over that lets the past be",
        Control::IntentEvolved { policy: BackfillPolicy::ProspectiveOnly, .. }
    ),
    control!(
        "evolved-asking",
        "a version took over that leaves the past to a person",
        Control::IntentEvolved { policy: BackfillPolicy::HumanDecision, .. }
    ),
    control!(
        "engine-resumed",
        "an engine started again on a log whose spec goes by the calendar",
        Control::EngineResumed {}
    ),
    control!(
        "gap-of-reaction",
        "a gap opened because something happened and its consequence had not",
        Control::GapOpened { kind: GapKind::Reaction, .. }
    ),
    control!(
        "gap-of-time",
        "a gap opened because its deadline passed",
        Control::GapOpened { kind: GapKind::Temporal, .. }
    ),
    control!(
        "gap-of-consistency",
        "a gap opened because what the system holds is not what its log says",
        Control::GapOpened { kind: GapKind::Consistency, .. }
    ),
    control!(
        "gap-of-intent",
        "a gap opened because what must hold did not, or was asked for only since",
        Control::GapOpened { kind: GapKind::Intent, .. }
    ),
    control!(
        "gap-of-quality",
        "a gap opened because what was measured was not as good as it must be",
        Control::GapOpened { kind: GapKind::Quality, .. }
    ),
    control!(
        "gap-void",
        "a gap closed because what it was about was erased",
        Control::GapClosed { outcome: GapOutcome::Void, .. }
    ),
    control!(
        "gap-fulfilled",
        "a gap closed in time",
        Control::GapClosed { outcome: GapOutcome::Fulfilled, .. }
    ),
    control!(
        "gap-seen-late",
        "a gap closed by an answer in time that was recorded after the deadline",
        Control::GapClosed { outcome: GapOutcome::SeenLate, .. }
    ),
    control!(
        "gap-late",
        "a gap closed after its deadline",
        Control::GapClosed { outcome: GapOutcome::Late, .. }
    ),
    control!(
        "gap-lapsed",
        "a gap closed because its fallback took its place",
        Control::GapClosed { outcome: GapOutcome::Lapsed, .. }
    ),
    control!(
        "gap-withdrawn",
        "a fallback was withdrawn by a late primary",
        Control::GapClosed { outcome: GapOutcome::Withdrawn, .. }
    ),
    control!(
        "gap-waived",
        "a person let a gap go",
        Control::GapClosed { outcome: GapOutcome::Waived, .. }
    ),
    control!("deadline-missed", "a deadline was missed", Control::DeadlineMissed { .. }),
    control!("agent-first", "a gap got its first agent", Control::AgentSpawned { attempt: 1, .. }),
    control!("agent-again", "a gap got a second agent", Control::AgentSpawned { attempt: 2.., .. }),
    control!(
        "agent-resolved",
        "an agent did its work",
        Control::AgentEnded { ending: Ending::Resolved, .. }
    ),
    control!(
        "agent-needs-human",
        "an agent asked for a person",
        Control::AgentEnded { ending: Ending::NeedsHuman, .. }
    ),
    control!(
        "agent-failed",
        "an agent gave up, crashed or claimed what it may not",
        Control::AgentEnded { ending: Ending::Failed, .. }
    ),
    control!(
        "agent-timed-out",
        "an agent was over its time",
        Control::AgentEnded { ending: Ending::TimedOut, .. }
    ),
    control!(
        "agent-lost",
        "the engine was stopped while an agent was at work",
        Control::AgentEnded { ending: Ending::Lost, .. }
    ),
    control!(
        "agent-stopped",
        "a gap closed while its agent was at work",
        Control::AgentEnded { ending: Ending::Stopped, .. }
    ),
    control!(
        "escalated-exhausted",
        "as many agents failed as may",
        Control::GapEscalated { reason: Escalation::AgentsExhausted, .. }
    ),
    control!(
        "escalated-too-deep",
        "a gap reached its depth limit",
        Control::GapEscalated { reason: Escalation::TooDeep, .. }
    ),
    control!(
        "escalated-asked",
        "a gap went to people because its agent asked for it",
        Control::GapEscalated { reason: Escalation::AgentAsked, .. }
    ),
    control!(
        "escalated-no-agent",
        "a gap went to people because nobody does its action",
        Control::GapEscalated { reason: Escalation::NoAgent, .. }
    ),
    control!(
        "escalated-external",
        "what works on the outside was tried once, and is a person's now",
        Control::GapEscalated { reason: Escalation::ExternalEffect, .. }
    ),
    control!(
        "escalated-over-budget",
        "one agent alone may cost more than an hour's budget",
        Control::GapEscalated { reason: Escalation::OverBudget, .. }
    ),
    control!(
        "decided-retry",
        "a person let agents try, or try again",
        Control::GapDecided { decision: Decision::Retry, .. }
    ),
    control!(
        "decided-backfill",
        "a person said that what a version asks of the past is to be done",
        Control::GapDecided { decision: Decision::Backfill, .. }
    ),
    control!(
        "decided-waive",
        "a person said that something is no longer owed",
        Control::GapDecided { decision: Decision::Waive, .. }
    ),
    control!(
        "check-fails",
        "a check found something that is not as the log says",
        Control::CheckReported { holds: Some(false), .. }
    ),
    control!(
        "check-holds",
        "a check found that what was not as the log says is so again",
        Control::CheckReported { holds: Some(true), .. }
    ),
    control!(
        "check-undetermined",
        "a person could not tell whether something holds",
        Control::CheckReported { holds: None, .. }
    ),
    control!(
        "concurrency-held",
        "the concurrency breaker held an agent back",
        Control::BreakerChanged { breaker: Breaker::Concurrency, tripped: true, .. }
    ),
    control!(
        "concurrency-let-go",
        "the concurrency breaker let go again",
        Control::BreakerChanged { breaker: Breaker::Concurrency, tripped: false, .. }
    ),
    control!(
        "budget-held",
        "the budget breaker held an agent back",
        Control::BreakerChanged { breaker: Breaker::Budget, tripped: true, .. }
    ),
    control!(
        "budget-let-go",
        "the budget breaker let go again",
        Control::BreakerChanged { breaker: Breaker::Budget, tripped: false, .. }
    ),
];

#[cfg(test)]
mod tests {
    use super::*;

    /// The mark of each variant. A new one does not compile until it has one.
    const fn of_ending(ending: Ending) -> &'static str {
        match ending {
            Ending::Resolved => "agent-resolved",
            Ending::NeedsHuman => "agent-needs-human",
            Ending::Failed => "agent-failed",
            Ending::TimedOut => "agent-timed-out",
            Ending::Lost => "agent-lost",
            Ending::Stopped => "agent-stopped",
        }
    }

    const fn of_outcome(outcome: GapOutcome) -> &'static str {
        match outcome {
            GapOutcome::Fulfilled => "gap-fulfilled",
            GapOutcome::SeenLate => "gap-seen-late",
            GapOutcome::Late => "gap-late",
            GapOutcome::Lapsed => "gap-lapsed",
            GapOutcome::Withdrawn => "gap-withdrawn",
            GapOutcome::Waived => "gap-waived",
            GapOutcome::Void => "gap-void",
        }
    }

    const fn of_reason(reason: Escalation) -> &'static str {
        match reason {
            Escalation::AgentsExhausted => "escalated-exhausted",
            Escalation::TooDeep => "escalated-too-deep",
            Escalation::AgentAsked => "escalated-asked",
            Escalation::NoAgent => "escalated-no-agent",
            Escalation::ExternalEffect => "escalated-external",
            Escalation::OverBudget => "escalated-over-budget",
        }
    }

    /// The mark of a control event, whatever it is.
    const fn of(control: &Control) -> &'static str {
        match control {
            Control::IntentAdopted { .. } => "intent-adopted",
            Control::IntentEvolved { policy: BackfillPolicy::Sequential, .. } => {
                "evolved-sequential"
            }
            Control::IntentEvolved { policy: BackfillPolicy::ProspectiveOnly, .. } => {
                "evolved-prospective"
            }
            Control::IntentEvolved { policy: BackfillPolicy::HumanDecision, .. } => {
                "evolved-asking"
            }
            Control::EngineResumed {} => "engine-resumed",
            Control::CheckReported { holds: Some(true), .. } => "check-holds",
            Control::CheckReported { holds: Some(false), .. } => "check-fails",
            Control::CheckReported { holds: None, .. } => "check-undetermined",
            Control::GapOpened { kind: GapKind::Reaction, .. } => "gap-of-reaction",
            Control::GapOpened { kind: GapKind::Temporal, .. } => "gap-of-time",
            Control::GapOpened { kind: GapKind::Consistency, .. } => "gap-of-consistency",
            Control::GapOpened { kind: GapKind::Intent, .. } => "gap-of-intent",
            Control::GapOpened { kind: GapKind::Quality, .. } => "gap-of-quality",
            Control::GapClosed { outcome, .. } => of_outcome(*outcome),
            Control::DeadlineMissed { .. } => "deadline-missed",
            Control::AgentSpawned { attempt: 0 | 1, .. } => "agent-first",
            Control::AgentSpawned { .. } => "agent-again",
            Control::AgentEnded { ending, .. } => of_ending(*ending),
            Control::GapEscalated { reason, .. } => of_reason(*reason),
            Control::GapDecided { decision: Decision::Retry, .. } => "decided-retry",
            Control::GapDecided { decision: Decision::Backfill, .. } => "decided-backfill",
            Control::GapDecided { decision: Decision::Waive, .. } => "decided-waive",
            Control::BreakerChanged { breaker: Breaker::Concurrency, tripped, .. } => {
                if *tripped {
                    "concurrency-held"
                } else {
                    "concurrency-let-go"
                }
            }
            Control::BreakerChanged { breaker: Breaker::Budget, tripped, .. } => {
                if *tripped {
                    "budget-held"
                } else {
                    "budget-let-go"
                }
            }
        }
    }

    fn marks_of(control: &Control) -> Vec<&'static str> {
        let shows = |mark: &&Mark| matches!(mark.sign, Sign::Control(wanted) if wanted(control));
        MARKS.iter().filter(shows).map(|mark| mark.name).collect()
    }

    #[test]
    fn every_decision_of_the_engine_has_one_mark() {
        let gap = || "a@1".to_owned();
        let breaker =
            |breaker, tripped| Control::BreakerChanged { breaker, tripped, detail: String::new() };
        let endings = ["resolved", "needs_human", "failed", "timed_out", "lost", "stopped"];
        let ended = endings.map(|ending| {
            let data = serde_json::json!({
                "agent": "a", "gap": "g", "ending": ending, "reason": "", "cost": 0
            });
            serde_json::json!({ "type": "agent.ended", "data": data })
        });
        let read: Vec<Control> =
            ended.into_iter().filter_map(|json| serde_json::from_value(json).ok()).collect();
        assert_eq!(read.len(), endings.len());
        let mut controls = vec![
            Control::GapClosed { gap: gap(), outcome: GapOutcome::Withdrawn },
            Control::GapClosed { gap: gap(), outcome: GapOutcome::SeenLate },
            Control::GapClosed { gap: gap(), outcome: GapOutcome::Void },
            Control::GapEscalated { gap: gap(), reason: Escalation::OverBudget },
            Control::GapEscalated { gap: gap(), reason: Escalation::TooDeep },
            breaker(Breaker::Budget, true),
            breaker(Breaker::Concurrency, false),
        ];
        controls.extend(read);
        for control in &controls {
            assert_eq!(marks_of(control), [of(control)], "{control:?}");
        }
    }
}
