//! Promise: every agent that is spawned ends exactly once. While the engine runs, none is alive much
//! longer than its deadline; after a graceful stop none is alive at all.
//!
//! Start reading at [`judge`].

use std::collections::BTreeMap;

use homeostat_log::Control;
use homeostat_world::{Duration, Timestamp};

use super::told::Told;
use super::{Evidence, Findings};
use crate::history::What;

/// How long after its deadline an agent's end must stand in the log, once faults are over.
const GRACE: Duration = Duration::from_secs(2);

pub(super) fn judge(evidence: &Evidence, findings: &mut Findings) {
    let mut looks: Vec<_> = evidence.looks().collect();
    looks.reverse();
    let mut told = Told::default();
    let mut spawned: BTreeMap<&str, Timestamp> = BTreeMap::new();
    for (event, control) in evidence.controls() {
        while let Some(look) = looks.pop_if(|look| look.position < event.position.get()) {
            overdue(&told, look.engine_now, findings);
        }
        let position = event.position;
        match control {
            Control::AgentSpawned { agent, .. } if told.agents.contains_key(agent) => {
                findings.push(format!("e{position} spawns agent `{agent}` a second time"));
            }
            Control::AgentSpawned { agent, .. } => {
                spawned.insert(agent, event.recorded);
            }
            Control::AgentEnded { agent, gap, .. } => match told.agents.get(agent) {
                None => findings.push(format!("e{position} ends agent `{agent}`, who never was")),
                Some(known) if known.ended > 0 => {
                    findings.push(format!("e{position} ends agent `{agent}` a second time"));
                }
                Some(known) if known.gap != *gap => findings.push(format!(
                    "e{position} ends agent `{agent}` of `{gap}`, who was spawned for `{}`",
                    known.gap
                )),
                Some(known) => {
                    let since = spawned.get(agent.as_str()).copied().unwrap_or(event.recorded);
                    outlived(evidence, agent, (since, known.deadline, event.recorded), findings);
                }
            },
            _ => {}
        }
        told.take(control, event.recorded);
    }
    for look in looks.iter().rev() {
        overdue(&told, look.engine_now, findings);
    }
    let stopped = evidence.history.lines.iter().any(|line| line.what == What::Stopped);
    for (agent, _) in told.alive().filter(|_| stopped) {
        findings
            .push(format!("agent `{agent}` has no end, although the engine stopped gracefully"));
    }
}

/// An engine that records anything after the deadline has seen that it passed, and ends the agent
/// in the same commit at the latest. What was recorded before or with the spawn proves nothing: the
/// engine's clock may have been set back behind it.
fn outlived(
    evidence: &Evidence,
    agent: &str,
    (spawned, deadline, ended): (Timestamp, Timestamp, Timestamp),
    findings: &mut Findings,
) {
    let events = &evidence.log.events;
    let before_its_end = events.partition_point(|event| event.recorded < ended);
    let Some(last) = before_its_end.checked_sub(1).and_then(|last| events.get(last)) else {
        return;
    };
    let seen = last.recorded;
    if seen > spawned && seen > deadline + GRACE {
        findings.push(format!(
            "agent `{agent}` ended at {ended}, e{} was recorded at {seen}, and its deadline was {deadline}",
            last.position
        ));
    }
}

fn overdue(told: &Told, engine_now: Timestamp, findings: &mut Findings) {
    for (name, agent) in told.alive() {
        if agent.deadline + GRACE < engine_now {
            findings.push(format!(
                "agent `{name}` is alive at {engine_now} although its deadline was {}",
                agent.deadline
            ));
        }
    }
}
