//! Not promises of the engine: what whoever wrote the scenario expects of spec and agents, whatever
//! goes wrong.
//!
//! `closed`: gaps of these duties are closed at the end, none lies with people. `in_time`: these
//! duties are done within their deadline, counted from when the engine could know of them: whose
//! trigger came late to it gets as much time as any other.
//! `covered`: nothing that can become of a clause is missing from the run: see [`crate::coverage`].
//! From the log alone. Start reading at [`closed`] and [`in_time`].

use std::collections::BTreeMap;

use homeostat_graph::Began;
use homeostat_log::Control;
use homeostat_world::{Duration, Timestamp};

use super::told::Told;
use super::{Evidence, Findings};
use crate::converged::event_at;
use crate::coverage::Coverage;
use crate::plan::any_means;

pub(super) fn closed(evidence: &Evidence, findings: &mut Findings) {
    let mut told = Told::default();
    for (event, control) in evidence.controls() {
        told.take(control, event.recorded);
    }
    let words = &evidence.plan.expect.closed;
    for (gap, known) in told.gaps.iter().filter(|(gap, _)| is_meant(evidence, words, gap)) {
        if known.opened > known.closed {
            let whose = match known.escalated {
                Some(reason) => format!("lies with people ({reason:?})"),
                None => "is still open".to_owned(),
            };
            findings.push(format!("`{gap}` {whose} after {} agents", known.attempts));
        }
    }
}

pub(super) fn in_time(evidence: &Evidence, findings: &mut Findings) {
    let words = &evidence.plan.expect.in_time;
    let mut told = Told::default();
    // Until when those are to be done whose deadline has passed.
    let mut late: BTreeMap<&str, Timestamp> = BTreeMap::new();
    for (event, control) in evidence.controls() {
        told.take(control, event.recorded);
        match control {
            Control::DeadlineMissed { gap, due } if is_meant(evidence, words, gap) => {
                late.insert(gap, *due + delay(evidence, gap));
            }
            Control::GapClosed { gap, .. } => {
                let until = late.get(gap.as_str()).copied();
                if until.is_some_and(|until| event.recorded <= until) {
                    late.remove(gap.as_str());
                }
            }
            _ => {}
        }
    }
    for (gap, until) in late {
        let attempts = told.gaps.get(gap).map_or(0, |known| known.attempts);
        findings.push(format!("`{gap}` was not done by {until}, after {attempts} agents"));
    }
}

pub(super) fn covered(evidence: &Evidence, findings: &mut Findings) {
    if evidence.plan.expect.covered {
        for (clause, facet) in Coverage::of(evidence).missing() {
            findings.push(format!("`{clause}` was never {facet}"));
        }
    }
}

fn is_meant(evidence: &Evidence, words: &[String], gap: &str) -> bool {
    let clause = evidence.setup.clause_of(gap);
    clause.is_some_and(|clause| any_means(words, &clause.slug, clause.strength))
}

/// How late the trigger of a gap came to the engine.
fn delay(evidence: &Evidence, gap: &str) -> Duration {
    let name = evidence.setup.program.parse_name(gap);
    let trigger = name.and_then(|name| match name.began {
        Began::Event(position) => event_at(evidence, position.get()),
        Began::Tick(_) => None,
    });
    let delay = trigger.map(|event| event.recorded.since(event.effective_time()));
    delay.unwrap_or_default().max(Duration::ZERO)
}
