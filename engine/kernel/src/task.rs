//! What an agent is told, gathered from the graph and the log.
//!
//! In: an open obligation, its clause, why it is owed, events around it. Out: a [`Task`].
//! Never: decides what an agent may do; the clause does. Promise: what the graph would accept as
//! closing the gap is exactly what the task allows. Start reading at [`task`].

use std::sync::Arc;

use homeostat_agents::{Agreement, Argument, Key, Situation, Task, Violated};
use homeostat_graph::{Clause, Ground, KeyView, ObligationView, Program};
use homeostat_log::control::GapKind;
use serde_json::Value as Json;

/// What the agents of one version are all told.
#[derive(Debug)]
pub(crate) struct Common {
    /// What must hold whatever an agent does, as written.
    must_hold: Arc<Vec<String>>,
}

/// Of what must hold at most so much stands in a brief; the rest is counted.
const MUST_HOLD_MAX: usize = 64;

impl Common {
    pub(crate) fn of(program: &Program) -> Self {
        let mut must_hold = program.must_hold();
        let more = must_hold.len().saturating_sub(MUST_HOLD_MAX);
        if more > 0 {
            must_hold.truncate(MUST_HOLD_MAX);
            must_hold.push(format!("and {more} more, in the spec"));
        }
        Self { must_hold: Arc::new(must_hold) }
    }
}

/// The task of closing the gap of `obligation`, which is of `kind` for the reason of `ground`.
pub(crate) fn task(
    (program, common): (&Program, &Common),
    obligation: &ObligationView,
    (gap, kind, ground): (String, GapKind, Option<Ground>),
    context: Vec<Json>,
) -> Task {
    let clause = program.clause(obligation.id.clause);
    // What always holds stands in the spec as it is told; a duty has its strength before its call.
    let told = match clause.strength {
        _ if clause.is_watched() => clause.text.clone(),
        strength => format!("{}: {}", strength.word(), clause.text),
    };
    Task {
        gap,
        goal: clause.text.clone(),
        action: clause.action.clone(),
        clause: told,
        due: obligation.due,
        depth: obligation.depth,
        arguments: obligation
            .bindings
            .iter()
            .map(|(name, value)| Argument {
                name: name.clone(),
                text: name.clone(),
                value: value.clone(),
            })
            .collect(),
        // A key that is not known can be carried by no event: the cause alone names the gap then.
        keys: obligation.keys.iter().filter(|key| !key.value.is_null()).map(key).collect(),
        agree: obligation
            .agree
            .iter()
            .map(|(field, value)| Agreement { field: field.clone(), value: value.clone() })
            .collect(),
        satisfied_by: clause.satisfied_by.clone(),
        inferred: clause.using_inferred,
        requires: obligation.waiting_for.clone(),
        context,
        situation: situation(clause, obligation, kind, ground),
        must_hold: Arc::clone(&common.must_hold),
    }
}

fn situation(
    clause: &Clause,
    obligation: &ObligationView,
    kind: GapKind,
    ground: Option<Ground>,
) -> Situation {
    let Some(Ground { because, resolved_when, violation }) = ground else {
        return Situation::default();
    };
    let since = obligation.activated;
    let mut words = match &violation {
        Some(violation) => {
            let mut words = format!("See to it that this holds again: {because}.");
            let lines = violation.lines();
            if !lines.is_empty() {
                words.push_str(&format!(" Found: {}.", lines.join("; ")));
            }
            words
        }
        None => {
            let call = match arguments(obligation) {
                given if given.is_empty() => clause.action.clone(),
                given => format!("{}, with {given}", clause.action),
            };
            format!("Do {call}: {because}.")
        }
    };
    words.push_str(&format!(" It is a gap of kind {}, owed since {since}", kind.word()));
    match obligation.due {
        Some(due) => words.push_str(&format!(", due {due}.")),
        None => words.push_str(", without a deadline."),
    }
    words.push_str(&format!(" It is closed when {resolved_when}."));
    if !obligation.waiting_for.is_empty() {
        let missing = obligation.waiting_for.join("`, `");
        words.push_str(&format!(" Nothing counts before `{missing}` is held."));
    }
    Situation {
        kind: kind.word().to_owned(),
        in_words: words,
        because,
        since: Some(since),
        resolved_when,
        violated: violation.map(|it| Violated {
            says: it.says,
            entity: it.entity,
            instance: it.instance,
            since: it.since.get(),
            found: it.found.iter().filter_map(|it| serde_json::to_value(it).ok()).collect(),
        }),
    }
}

/// `interaction i1, urgency high`.
fn arguments(obligation: &ObligationView) -> String {
    let plain = |value: &Json| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let known = obligation.bindings.iter().filter(|(_, value)| !value.is_null());
    let given: Vec<String> =
        known.map(|(name, value)| format!("{name} {}", plain(value))).collect();
    given.join(", ")
}

fn key(key: &KeyView) -> Key {
    Key { entity: key.entity.clone(), fields: key.fields.clone(), value: key.value.clone() }
}

#[cfg(test)]
mod tests;
