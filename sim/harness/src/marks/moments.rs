//! Marks that take more than one line of the log or of the History to see: things that happen when
//! troubles meet.
//!
//! Start reading at [`MARKS`]; each predicate below answers for one of them.

use std::collections::{BTreeMap, BTreeSet};

use homeostat_graph::{Change, Fulfilment, Truth};
use homeostat_log::control::{BUDGET_WINDOW, Decision, Ending};
use homeostat_log::{Actor, Control, Event};
use homeostat_world::{Duration, Timestamp};

use super::seen::Seen;
use super::{Mark, Sign};
use crate::converged::event_at;
use crate::history::What;
use crate::nodes::ENGINE;
use crate::oracle::Evidence;
use crate::plan::{Fault, FaultKind};

macro_rules! moment {
    ($name:literal, $sentence:literal, $predicate:expr) => {
        Mark { name: $name, sentence: $sentence, sign: Sign::Moment($predicate) }
    };
}

pub(super) const MARKS: &[Mark] = &[
    moment!("no-fault-at-all", "a run had no fault", |seen| seen.evidence.plan.faults.is_empty()),
    moment!("sent-again", "a request that was not answered was sent again", sent_again),
    moment!(
        "deduplicated",
        "an acknowledged event was sent again, and was where it had been",
        deduplicated
    ),
    moment!(
        "cut-before-commit",
        "a power cut took a request that was stored only when it was sent again",
        cut_before_commit
    ),
    moment!(
        "stale-log-noticed",
        "the log had lost what was acknowledged, and the engine refused it",
        stale_log_noticed
    ),
    moment!("crash-in-recovery", "a crash hit recovery", crash_in_recovery),
    moment!(
        "checkpoint-restored",
        "a checkpoint was restored after a crash, and events after it were replayed",
        |seen| restored(seen, false)
    ),
    moment!("checkpoint-after-power-cut", "a checkpoint was restored after a power cut", |seen| {
        restored(seen, true)
    }),
    moment!(
        "start-from-nothing",
        "the engine was started again before it had a checkpoint",
        |seen| { says(seen, |what| matches!(what, What::Opens { head: 1.., checkpoint: None })) }
    ),
    moment!(
        "deadline-while-down",
        "a deadline fell while the engine was down",
        deadline_while_down
    ),
    moment!("event-while-down", "something happened while the engine was down", event_while_down),
    moment!("late-event", "an event was recorded long after it happened", |seen| {
        clients_events(seen).any(|event| event.recorded.since(event.event.time) > MINUTE)
    }),
    moment!("event-from-the-future", "an event bore a time that had not come", |seen| {
        clients_events(seen).any(|event| event.event.time > event.recorded)
    }),
    moment!("decided-twice", "an escalated gap was decided twice", decided_twice),
    moment!("decided-too-late", "a person decided about a gap that was no longer theirs", |seen| {
        says(
            seen,
            |what| matches!(what, What::Decided { gap, position: None, .. } if !gap.is_empty()),
        )
    }),
    moment!(
        "retry-helped",
        "an agent did its work after a person had let agents try again",
        retry_helped
    ),
    moment!(
        "retry-in-vain",
        "a gap was escalated again after a person had let agents try again",
        retry_in_vain
    ),
    moment!("wrong-claim", "an agent claimed what its brief does not allow", |seen| {
        ended(seen, |reason| reason.contains("may not append") || reason.contains(" expected `"))
    }),
    moment!("overspent", "an agent cost more than it may", |seen| {
        ended(seen, |reason| reason.contains("its `cost_max`"))
    }),
    moment!("no-claim", "an agent printed what is no claim, or nothing", |seen| {
        ended(seen, |reason| reason.contains("without a claim") || reason.starts_with("line "))
    }),
    moment!("late-claim", "an agent's claim arrived after its death", late_claim),
    moment!(
        "chain-of-agents",
        "an agent's event opened a gap that another agent closed",
        chain_of_agents
    ),
    moment!(
        "guard-by-late-answer",
        "a guard was decided by an answer that came late",
        guard_by_late_answer
    ),
    moment!("guard-by-agent", "a guard was decided by what an agent did", |seen| guard_by(
        seen,
        |event| matches!(event.event.actor, Actor::Agent(_))
    )),
    moment!(
        "fallback-compensated",
        "a fallback was fulfilled in the place of what lapsed",
        |seen| changed(seen, |change| matches!(change, Change::Compensated { .. }))
    ),
    moment!("just-in-time", "something happened in the very microsecond of its deadline", |seen| {
        edge(seen, Duration::ZERO)
    }),
    moment!("just-missed", "something happened one microsecond after its deadline", |seen| {
        edge(seen, Duration::from_micros(1))
    }),
    moment!("one-for-several", "one event fulfilled several duties", one_for_several),
    moment!(
        "budget-came-back",
        "an agent was started after the spending of an hour before had been forgotten",
        budget_came_back
    ),
    moment!("two-at-once", "two agents were at work at once", two_at_once),
    moment!("alias", "an event came under another name than the spec's own", alias),
    moment!("unknown-type", "an event came that the spec does not know", |seen| {
        let program = &seen.evidence.setup.program;
        clients_events(seen).any(|event| program.canonical_type(&event.event.r#type).is_none())
    }),
    Mark {
        name: "huge-event",
        sentence: "a large event was stored",
        sign: Sign::Event(|event, _| event.event.data.to_json().to_string().len() > 16 << 10),
    },
];

const MINUTE: Duration = Duration::from_secs(60);
const HALF_A_SECOND: Duration = Duration::from_millis(500);

fn says(seen: &Seen<'_>, wanted: impl Fn(&What) -> bool) -> bool {
    seen.evidence.history.lines.iter().any(|line| wanted(&line.what))
}

fn changed(seen: &Seen<'_>, wanted: impl Fn(&Change) -> bool) -> bool {
    seen.changes.iter().any(|(_, change)| wanted(change))
}

fn ended(seen: &Seen<'_>, wanted: impl Fn(&str) -> bool) -> bool {
    seen.evidence.controls().any(|(_, control)| {
        matches!(control, Control::AgentEnded { ending: Ending::Failed, reason, .. } if wanted(reason))
    })
}

fn clients_events<'a>(seen: &Seen<'a>) -> impl Iterator<Item = &'a Event> {
    seen.evidence.log.events.iter().filter(|event| event.event.actor == Actor::World)
}

fn sent_again(seen: &Seen<'_>) -> bool {
    says(seen, |what| matches!(what, What::SentAgain { .. }))
}

fn deduplicated(seen: &Seen<'_>) -> bool {
    let mut told: BTreeSet<&(String, u64)> = BTreeSet::new();
    let lines = seen.evidence.history.lines.iter();
    let acknowledged = lines.filter_map(|line| match &line.what {
        What::Acknowledged { events } => Some(events),
        _ => None,
    });
    acknowledged.flatten().any(|event| !told.insert(event))
}

/// When the engine lost its power.
fn power_cuts(evidence: &Evidence) -> impl Iterator<Item = Timestamp> {
    let is_cut = |fault: &&Fault| matches!(fault.kind, FaultKind::Crash { power: true, .. });
    evidence.plan.faults.iter().filter(is_cut).map(|fault| evidence.plan.start + fault.at)
}

/// A request was on its way for half a second at most when the power went, and is in the log as of
/// a later time.
fn cut_before_commit(seen: &Seen<'_>) -> bool {
    let evidence = seen.evidence;
    let recorded: BTreeMap<&str, Timestamp> =
        clients_events(seen).map(|event| (event.event.id.as_str(), event.recorded)).collect();
    let cuts: Vec<Timestamp> = power_cuts(evidence).collect();
    evidence.history.lines.iter().any(|line| {
        let What::Sent { ids } = &line.what else { return false };
        let met = |cut: &&Timestamp| line.at <= **cut && cut.since(line.at) < HALF_A_SECOND;
        let later = |cut: &Timestamp| {
            ids.first().and_then(|id| recorded.get(id.as_str())).is_some_and(|at| at > cut)
        };
        cuts.iter().filter(met).any(later)
    })
}

fn stale_log_noticed(seen: &Seen<'_>) -> bool {
    let (mut told, mut is_stale) = (0, false);
    seen.evidence.history.lines.iter().any(|line| {
        match &line.what {
            What::Acknowledged { events } => {
                told = events.iter().map(|(_, at)| *at).fold(told, u64::max);
            }
            What::Opens { head, .. } => is_stale = *head < told,
            What::Refused { .. } => return is_stale,
            What::Started => is_stale = false,
            _ => {}
        }
        false
    })
}

/// The engine was stopped after it had begun to read its disk and before it was up.
fn crash_in_recovery(seen: &Seen<'_>) -> bool {
    let mut recovering = false;
    seen.evidence.history.lines.iter().any(|line| {
        match &line.what {
            What::Opens { head, .. } => recovering = *head > 0,
            What::Crashed => return recovering,
            What::Started => recovering = false,
            _ => {}
        }
        false
    })
}

/// The engine came back after a crash with a checkpoint that is older than its log.
fn restored(seen: &Seen<'_>, after_power_cut: bool) -> bool {
    let cut = |at: Timestamp| power_cuts(seen.evidence).any(|cut| cut == at);
    let mut crashed = false;
    let mut restores = false;
    seen.evidence.history.lines.iter().any(|line| {
        match &line.what {
            What::Crashed => crashed = !after_power_cut || cut(line.at),
            What::Opens { head, checkpoint } => {
                restores = crashed && checkpoint.is_some_and(|at| at < *head);
            }
            What::Started => return restores,
            _ => {}
        }
        false
    })
}

/// From when until when no engine was up.
fn downs(evidence: &Evidence) -> Vec<(Timestamp, Timestamp)> {
    let (mut downs, mut since) = (Vec::new(), None);
    for line in &evidence.history.lines {
        match &line.what {
            What::Crashed | What::Stopped | What::Refused { .. } => {
                since.get_or_insert(line.at);
            }
            What::Started => downs.extend(since.take().map(|since| (since, line.at))),
            _ => {}
        }
    }
    downs
}

fn deadline_while_down(seen: &Seen<'_>) -> bool {
    let downs = downs(seen.evidence);
    seen.evidence.controls().any(|(event, control)| {
        let Control::DeadlineMissed { due, .. } = control else { return false };
        downs.iter().any(|(from, to)| from < due && due < to && event.recorded >= *to)
    })
}

fn event_while_down(seen: &Seen<'_>) -> bool {
    let downs = downs(seen.evidence);
    clients_events(seen).any(|event| {
        let time = event.event.time;
        downs.iter().any(|(from, to)| *from < time && time < *to && event.recorded >= *to)
    })
}

fn decided_twice(seen: &Seen<'_>) -> bool {
    let mut decided = BTreeSet::new();
    seen.evidence.history.lines.iter().any(|line| {
        let What::Decided { gap, .. } = &line.what else { return false };
        !gap.is_empty() && !decided.insert(gap)
    })
}

/// The gaps for which a person said `retry`, and what came of them afterwards.
fn after_retry(seen: &Seen<'_>, wanted: fn(&Control) -> Option<&String>) -> bool {
    let mut retried = BTreeSet::new();
    seen.evidence.controls().any(|(_, control)| {
        if let Control::GapDecided { gap, decision: Decision::Retry, .. } = control {
            retried.insert(gap);
        }
        wanted(control).is_some_and(|gap| retried.contains(gap))
    })
}

fn retry_helped(seen: &Seen<'_>) -> bool {
    after_retry(seen, |control| match control {
        Control::AgentEnded { gap, ending: Ending::Resolved, .. } => Some(gap),
        _ => None,
    })
}

fn retry_in_vain(seen: &Seen<'_>) -> bool {
    after_retry(seen, |control| match control {
        Control::GapEscalated { gap, .. } => Some(gap),
        _ => None,
    })
}

/// By the true clock, so only where the engine's own was right.
fn late_claim(seen: &Seen<'_>) -> bool {
    let own = |fault: &Fault| match &fault.kind {
        FaultKind::ClockJump { node, .. } | FaultKind::ClockDrift { node, .. } => node == ENGINE,
        _ => false,
    };
    if seen.evidence.plan.faults.iter().any(own) {
        return false;
    }
    let mut answered = BTreeMap::new();
    for line in &seen.evidence.history.lines {
        if let What::Answered { agent, lines: 1.. } = &line.what {
            answered.insert(agent, line.at);
        }
    }
    seen.evidence.controls().any(|(event, control)| match control {
        Control::AgentEnded { agent, .. } => {
            answered.get(agent).is_some_and(|at| *at > event.recorded)
        }
        _ => false,
    })
}

fn chain_of_agents(seen: &Seen<'_>) -> bool {
    let mut deep = BTreeSet::new();
    seen.evidence.controls().any(|(_, control)| match control {
        Control::GapOpened { gap, depth: 1.., .. } => {
            deep.insert(gap);
            false
        }
        Control::AgentEnded { gap, ending: Ending::Resolved, .. } => deep.contains(gap),
        _ => false,
    })
}

fn guard_by(seen: &Seen<'_>, wanted: impl Fn(&Event) -> bool) -> bool {
    changed(seen, |change| match change {
        Change::GuardDecided { trigger, at, truth: Truth::True | Truth::False, .. } => {
            at != trigger && event_at(seen.evidence, at.get()).is_some_and(&wanted)
        }
        _ => false,
    })
}

fn guard_by_late_answer(seen: &Seen<'_>) -> bool {
    let late: BTreeSet<u64> = seen
        .changes
        .iter()
        .filter_map(|(_, change)| match change {
            Change::Fulfilled { by, outcome: Fulfilment::Late, .. } => Some(by.get()),
            _ => None,
        })
        .collect();
    guard_by(seen, |event| late.contains(&event.position.get()))
}

/// Something was fulfilled exactly `after` its deadline.
fn edge(seen: &Seen<'_>, after: Duration) -> bool {
    let mut dues = BTreeMap::new();
    seen.changes.iter().any(|(_, change)| match change {
        Change::Activated { id, due: Some(due), .. } => {
            dues.insert(*id, *due);
            false
        }
        Change::Fulfilled { id, by, .. } => {
            let due = dues.get(id).copied();
            let by = event_at(seen.evidence, by.get());
            due.zip(by).is_some_and(|(due, by)| by.effective_time() == due + after)
        }
        _ => false,
    })
}

fn one_for_several(seen: &Seen<'_>) -> bool {
    let mut used = BTreeSet::new();
    changed(seen, |change| matches!(change, Change::Fulfilled { .. }))
        && seen.changes.iter().any(|(_, change)| match change {
            Change::Fulfilled { by, .. } => !used.insert(by.get()),
            _ => false,
        })
}

fn budget_came_back(seen: &Seen<'_>) -> bool {
    let mut first = None;
    seen.evidence.setup.spec.limits.total_compute_budget.is_some()
        && seen.evidence.controls().any(|(event, control)| match control {
            Control::AgentEnded { cost: 1.., .. } => {
                first.get_or_insert(event.recorded);
                false
            }
            Control::AgentSpawned { .. } => {
                first.is_some_and(|first| event.recorded.since(first) >= BUDGET_WINDOW)
            }
            _ => false,
        })
}

fn two_at_once(seen: &Seen<'_>) -> bool {
    let mut alive = BTreeSet::new();
    seen.evidence.controls().any(|(_, control)| {
        match control {
            Control::AgentSpawned { agent, .. } => {
                alive.insert(agent);
            }
            Control::AgentEnded { agent, .. } => {
                alive.remove(agent);
            }
            _ => {}
        }
        alive.len() > 1
    })
}

fn alias(seen: &Seen<'_>) -> bool {
    let program = &seen.evidence.setup.program;
    clients_events(seen).any(|event| {
        let name = event.event.r#type.as_str();
        program.canonical_type(name).is_some_and(|canonical| canonical != name)
    })
}
