//! Promise: what the log says of gaps and deadlines is what the language says of the log. The
//! reference evaluator, which scans and shares nothing with the engine's, is shown the same events:
//! every gap and every missed deadline that it finds stands in the log, every gap that it sees
//! closed is closed there with the same outcome, and the log holds no others.
//!
//! Not for logs of more than [`EVENTS_MAX`] events: the reference is quadratic.
//! Start reading at [`judge`].

use std::collections::BTreeMap;

use homeostat_graph::reference::{Step, Verdict, evaluate};
use homeostat_log::Control;
use homeostat_log::control::GapOutcome;

use super::{Evidence, Findings};

/// Longer logs are left to the other oracles.
const EVENTS_MAX: usize = 1_000;

/// What the log says of one gap.
#[derive(Clone, Copy, Debug, Default)]
struct Said {
    opened: bool,
    missed: bool,
    closed: Option<GapOutcome>,
}

pub(super) fn judge(evidence: &Evidence, findings: &mut Findings) {
    // As of the first look: what it implies has had time to come into the log by the end.
    let Some(look) = evidence.looks().next() else { return };
    let upto = usize::try_from(look.position).unwrap_or(usize::MAX);
    if upto > EVENTS_MAX {
        return;
    }
    let mut steps = Vec::new();
    for event in evidence.log.events.iter().take(upto) {
        // What an engine says first after it was down says how long it was.
        steps.push(if Control::is_resumption(event) {
            Step::Resume(event.recorded)
        } else {
            Step::Advance(event.recorded)
        });
        steps.push(Step::Event(Box::new(event.clone())));
        if let Some(later) = evidence.setup.later.as_ref().filter(|_| Control::is_evolution(event))
        {
            steps.push(Step::Evolve(Box::new(later.spec.clone())));
        }
    }
    steps.push(Step::Advance(look.engine_now));
    let verdicts: BTreeMap<String, Verdict> = evaluate(&evidence.setup.spec, &steps)
        .obligations
        .into_iter()
        .map(|((occasion, slug), verdict)| (format!("{slug}@{occasion}"), verdict))
        .collect();
    let (by_then, by_the_end) = (said(evidence, look.position), said(evidence, u64::MAX));
    for (gap, verdict) in &verdicts {
        complete(gap, verdict, by_the_end.get(gap).copied().unwrap_or_default(), findings);
    }
    for (gap, said) in &by_then {
        sound(gap, verdicts.get(gap), *said, findings);
    }
}

fn said(evidence: &Evidence, upto: u64) -> BTreeMap<String, Said> {
    let mut gaps: BTreeMap<String, Said> = BTreeMap::new();
    for (_, control) in evidence.controls().filter(|(event, _)| event.position.get() <= upto) {
        match control {
            Control::GapOpened { gap, .. } => gaps.entry(gap.clone()).or_default().opened = true,
            Control::DeadlineMissed { gap, .. } => {
                gaps.entry(gap.clone()).or_default().missed = true;
            }
            Control::GapClosed { gap, outcome } => {
                gaps.entry(gap.clone()).or_default().closed = Some(*outcome);
            }
            _ => {}
        }
    }
    gaps
}

/// What the language implies is in the log.
fn complete(gap: &str, verdict: &Verdict, said: Said, findings: &mut Findings) {
    let is_open = verdict.gap.is_some() && verdict.closed.is_none();
    if is_open && !said.opened {
        findings.push(format!("`{gap}` is a gap, and the log does not say so: {verdict:?}"));
    }
    if verdict.missed && !said.missed {
        findings
            .push(format!("`{gap}` missed its deadline, and the log does not say so: {verdict:?}"));
    }
    // One that opened and closed before anybody could write is not worth a word.
    if said.opened && verdict.closed.is_some() && said.closed != verdict.closed {
        findings.push(format!(
            "`{gap}` closed as {:?}, the log says {:?}",
            verdict.closed, said.closed
        ));
    }
}

/// What the log said by then is what the language implies.
fn sound(gap: &str, verdict: Option<&Verdict>, said: Said, findings: &mut Findings) {
    let Some(verdict) = verdict else {
        findings.push(format!("the log speaks of `{gap}`, which never was"));
        return;
    };
    if said.opened && verdict.gap.is_none() {
        findings.push(format!("the log opens `{gap}`, which is no gap: {verdict:?}"));
    }
    if said.missed && !verdict.missed {
        findings.push(format!("the log says that `{gap}` missed its deadline: {verdict:?}"));
    }
    if said.closed.is_some() && said.closed != verdict.closed {
        findings.push(format!("the log closes `{gap}` as {:?}: {verdict:?}", said.closed));
    }
}
