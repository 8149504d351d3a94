//! What an agent is told, gathered from the graph and the log.
//!
//! In: an open obligation, its clause, events around it. Out: a [`Task`].
//! Never: decides what an agent may do; the clause does. Promise: what the graph would accept as
//! closing the gap is exactly what the task allows. Start reading at [`task`].

use homeostat_agents::{Agreement, Argument, Key, Task};
use homeostat_graph::{KeyView, ObligationView, Program};
use homeostat_intent::lowered::Strength;
use serde_json::Value as Json;

/// The task of closing the gap of `obligation`.
pub(crate) fn task(
    program: &Program,
    obligation: &ObligationView,
    gap: String,
    context: Vec<Json>,
) -> Task {
    let clause = program.clause(obligation.id.clause);
    let strength = match clause.strength {
        Strength::Invariant => "invariant",
        Strength::Must => "must",
        Strength::Should => "should",
        Strength::Could => "could",
    };
    Task {
        gap,
        goal: clause.text.clone(),
        action: clause.action.clone(),
        clause: format!("{strength}: {}", clause.text),
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
    }
}

fn key(key: &KeyView) -> Key {
    Key { entity: key.entity.clone(), fields: key.fields.clone(), value: key.value.clone() }
}
