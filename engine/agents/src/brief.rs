//! What an agent is told: its goal, what it may do, what it may use up.
//!
//! In: a [`Task`], which the kernel gathers. Out: a [`Brief`], as JSON on the agent's standard input.
//! Never: secrets, or the whole log; an agent is told what its gap is about. Promise: everything that the judge later
//! holds against an agent stands in its brief. Start reading at [`Brief`].

use std::sync::Arc;

use homeostat_world::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

/// The version of the brief and of the claims. It rises when an old agent would misread a new brief.
pub const PROTOCOL: u32 = 1;

/// What there is to do: gathered by the kernel from the graph and the log.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Task {
    /// The gap's id, `slug@trigger position`.
    pub gap: String,
    /// The call as written: `acknowledge_to_rep(interaction)`.
    pub goal: String,
    /// The action's name.
    pub action: String,
    /// The whole clause as written: `must: acknowledge_to_rep(interaction) within: 5s`.
    pub clause: String,
    /// When it is due.
    pub due: Option<Timestamp>,
    /// How many agents deep the gap is.
    pub depth: u16,
    /// The arguments of the call and their values.
    pub arguments: Vec<Argument>,
    /// What a satisfying event must carry.
    pub keys: Vec<Key>,
    /// What a satisfying event must not contradict.
    pub agree: Vec<Agreement>,
    /// The event types any of which closes the gap.
    pub satisfied_by: Vec<String>,
    /// Whether an enrichment counts too, or only what happened in the world.
    pub inferred: bool,
    /// What must hold for an event to count, in words.
    pub requires: Vec<String>,
    /// The events behind the gap as CloudEvents, the trigger first.
    pub context: Vec<Json>,
    /// Why it is a gap, and what would close it.
    pub situation: Situation,
    /// What must hold whatever is done, as written.
    pub must_hold: Arc<Vec<String>>,
}

/// Why a gap is one: what called for it or what is violated, since when, and what would end it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Situation {
    /// `reaction`, `temporal`, `consistency`, `intent` or `quality`.
    pub kind: String,
    /// The whole of it in words: what is to be done, why, since when, by when, and what ends it.
    pub in_words: String,
    /// What called for it, or what is violated and how.
    pub because: String,
    /// Since when it is owed.
    pub since: Option<Timestamp>,
    /// What ends it.
    pub resolved_when: String,
    /// What must always hold and does not, when that is what the gap is about.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub violated: Option<Violated>,
}

/// What must always hold and does not.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Violated {
    /// As written.
    pub says: String,
    /// Of which entity; none: of the system as a whole.
    pub entity: Option<String>,
    /// Of which instance.
    pub instance: Option<String>,
    /// The position of the event since which it is so.
    pub since: u64,
    /// The values that make it so: each with what it is the value of, and what that comes to.
    pub found: Vec<Json>,
}

/// One argument of the call.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Argument {
    /// Its name: as written before the colon, or else the last name of its path.
    pub name: String,
    /// As written.
    pub text: String,
    /// Its value, where the log gave it one.
    pub value: Json,
}

/// What a satisfying event must carry: the instance that the gap is about.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Key {
    /// The entity that the value names.
    pub entity: String,
    /// The fields that may carry it; the first that is there counts.
    pub fields: Vec<String>,
    /// The value it must have.
    pub value: Json,
}

/// What a satisfying event must not contradict.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Agreement {
    /// The field, which may be left out.
    pub field: String,
    /// The value it must have where it is there.
    pub value: Json,
}

/// All that one agent is told.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Brief {
    /// [`PROTOCOL`].
    pub protocol: u32,
    /// The agent's id, `gap/attempt`.
    pub agent: String,
    /// Which agent of the agents file it is.
    pub member: String,
    /// The gap to close.
    pub gap: String,
    /// The how-manieth agent of this gap, from 1.
    pub attempt: u32,
    /// The call as written; of what must always hold, that.
    pub goal: String,
    /// Why it is a gap, and what would close it.
    #[serde(default)]
    pub situation: Situation,
    /// The action's name.
    pub action: String,
    /// How many agents deep the gap is; what the agent appends is one deeper.
    pub depth: u16,
    /// The arguments of the call and their values.
    pub arguments: Vec<Argument>,
    /// The events behind the gap as CloudEvents, the trigger first. Shared, since they are most of
    /// a brief and the runner has a copy of what the judge keeps.
    pub context: Arc<Vec<Json>>,
    /// What it must keep to.
    pub constraints: Constraints,
    /// What it may use up.
    pub budget: Budget,
}

/// What an agent must keep to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Constraints {
    /// The whole clause as written.
    pub clause: String,
    /// When it is due.
    pub due: Option<Timestamp>,
    /// What must hold for its event to count, in words.
    pub requires: Vec<String>,
    /// The event types any of which closes the gap.
    pub may_append: Vec<String>,
    /// Whether an enrichment of one of these types closes the gap too.
    #[serde(default)]
    pub inferred: bool,
    /// Event types that it may append besides, by the agents file.
    pub may_also_append: Vec<String>,
    /// What an event of `may_append` must carry.
    pub keys: Vec<Key>,
    /// What it must not contradict.
    pub agree: Vec<Agreement>,
    /// Events at most.
    pub events_max: usize,
    /// Bytes of one event's data at most, as JSON.
    pub event_bytes_max: usize,
    /// What must hold whatever is done: the assertions, rules and invariants of the spec, as written.
    #[serde(default)]
    pub must_hold: Arc<Vec<String>>,
}

/// What an agent may use up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Budget {
    /// When it is killed.
    pub deadline: Timestamp,
    /// What it may cost, in millionths of a dollar.
    pub cost_max_micro_dollars: u64,
}

impl Brief {
    /// The value that a name stands for in templates: a key by its entity or field, an argument,
    /// `gap`, `agent`, `attempt`, or `trigger.<field>` of the trigger's data.
    pub(crate) fn lookup(&self, name: &str) -> Option<Json> {
        if let Some(field) = name.strip_prefix("trigger.") {
            return self.context.first()?.get("data")?.get(field).cloned();
        }
        let keys = &self.constraints.keys;
        let named = |key: &&Key| key.entity == name || key.fields.iter().any(|it| it == name);
        let key = keys.iter().find(named).map(|key| key.value.clone());
        let argument = || self.arguments.iter().find(|it| it.name == name);
        key.or_else(|| argument().map(|it| it.value.clone())).or_else(|| match name {
            "gap" => Some(self.gap.clone().into()),
            "agent" => Some(self.agent.clone().into()),
            "attempt" => Some(self.attempt.into()),
            _ => None,
        })
    }
}
