//! What a run's log says to the language: each change of an obligation or guard, where it happened,
//! and which words of the spec had a part in it.
//!
//! In: evidence. Out: [`Seen`]. Never: asks the engine that ran; an evaluator of its own reads the
//! log again. Start reading at [`Seen::of`].

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use homeostat_graph::{Change, ClauseIndex, Evaluator, Truth};
use homeostat_intent::lowered::{Duty, Guard, Item};

use super::words;
use crate::oracle::Evidence;

/// One run, read again.
#[derive(Debug)]
pub(super) struct Seen<'a> {
    pub(super) evidence: &'a Evidence,
    /// What became so, and the position of the event that was applied last.
    pub(super) changes: Vec<(u64, Change)>,
    /// The words of the language that had a part in it.
    pub(super) words: BTreeSet<&'static str>,
}

impl<'a> Seen<'a> {
    pub(super) fn of(evidence: &'a Evidence) -> Self {
        let changes = changes(evidence);
        let words = words_of(evidence, &changes);
        Self { evidence, changes, words }
    }
}

/// What became so, and the position of the event that was applied last.
pub(super) fn changes(evidence: &Evidence) -> Vec<(u64, Change)> {
    let mut evaluator = Evaluator::new(Arc::clone(&evidence.setup.program));
    let mut changes = Vec::new();
    // Of the first version: what another one makes of clauses and their numbers is not read here.
    let upto = evidence.takes_over_at();
    for event in evidence.log.events.iter().take_while(|event| Some(event.position) != upto) {
        let at = event.position.get();
        evaluator.pass_to(event, &mut |change| changes.push((at - 1, change)));
        evaluator.on_event(event, &mut |change| changes.push((at, change)));
    }
    changes
}

fn words_of(evidence: &Evidence, changes: &[(u64, Change)]) -> BTreeSet<&'static str> {
    let spec = &evidence.setup.spec;
    let duties: Vec<&Duty> = spec.duties().collect();
    let guards = guards(spec.blocks.iter().flat_map(|block| &block.body));
    // A clause is looked at once, however often it comes up.
    let mut activated = BTreeSet::new();
    let mut decided: BTreeMap<u32, BTreeSet<&'static str>> = BTreeMap::new();
    for (_, change) in changes {
        match change {
            Change::Activated { id, .. } => {
                activated.insert(id.clause.0);
            }
            Change::GuardDecided { guard, truth, .. } => {
                decided.entry(guard.0).or_default().insert(truth_word(*truth));
            }
            _ => {}
        }
    }
    let mut words = BTreeSet::new();
    let nth = |number: &u32| usize::try_from(*number).unwrap_or(usize::MAX);
    for number in &activated {
        if let Some(duty) = duties.get(nth(number)) {
            let clause = evidence.setup.program.clause(ClauseIndex(*number));
            words::of_duty(spec, clause, duty, &mut words);
        }
    }
    for (number, truths) in &decided {
        words.extend(truths);
        if let Some(guard) = guards.get(nth(number)) {
            words::of_guard(spec, guard, &mut words);
        }
    }
    words
}

const fn truth_word(truth: Truth) -> &'static str {
    match truth {
        Truth::True => "guard-true",
        Truth::False => "guard-false",
        Truth::Unknown => "guard-unknown",
    }
}

/// Every guard, outer before inner, as the evaluator numbers them.
pub(super) fn guards<'s>(items: impl Iterator<Item = &'s Item>) -> Vec<&'s Guard> {
    let mut found = Vec::new();
    for item in items {
        match item {
            Item::Guard(guard) => {
                found.push(guard);
                found.extend(guards(guard.body.iter()));
            }
            Item::ForEach(each) => found.extend(guards(each.body.iter())),
            Item::Duty(_) => {}
        }
    }
    found
}
