//! The envelope: one immutable record of the log.
//!
//! Outside, an event is a CloudEvents 1.0 JSON object (see `cloudevents`); inside, a fixed clear
//! header and a compact body (see `codec`).

use homeostat_world::{Position, Timestamp};
use serde::{Deserialize, Serialize};

use crate::data::Data;
use crate::link::Link;

/// An event that somebody wants appended.
#[derive(Clone, Debug, PartialEq)]
pub struct NewEvent {
    /// Unique within `source`; the pair is the idempotency id: sent twice, it is stored once.
    pub id: String,
    /// Who produced it: a URI reference, as CloudEvents has it.
    pub source: String,
    /// What sort of record it is.
    pub kind: Kind,
    /// `interaction.created`.
    pub r#type: String,
    /// When it happened, by the producer's clock; [`UNTIMED`] when nobody said.
    pub time: Timestamp,
    /// What it is about, as `entity/id`: the stream it belongs to.
    pub subject: Option<String>,
    /// What it answers: the id of an obligation, as `acknowledge_to_rep@4021`.
    pub cause: Option<String>,
    /// Whose hand appended it.
    pub actor: Actor,
    /// How many agents deep it is: 0 from the world, one more than its cause from an agent.
    pub depth: u16,
    /// Which event it enriches: in an enrichment, and only there. Boxed, since few events are one.
    pub enriches: Option<Box<Link>>,
    /// The payload.
    pub data: Data,
}

/// The time of a new event that has none of its own. The log gives it the moment of its recording,
/// and two events that differ in nothing else are the same event sent twice.
pub const UNTIMED: Timestamp = Timestamp::MIN;

/// An event of the log.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// Its place.
    pub position: Position,
    /// When it was appended, by the engine's clock. Never less than at the position before.
    pub recorded: Timestamp,
    /// What was appended.
    pub event: NewEvent,
}

/// What sort of record an event is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// From the world, or what an agent did in it.
    #[default]
    Primary,
    /// Derived, linked to its source by [`NewEvent::enriches`], marked inferred.
    Enrichment,
    /// Erasure.
    Tombstone,
    /// The engine's own: see [`crate::control`]. Only the engine appends these.
    Control,
}

/// Whose hand appended an event.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub enum Actor {
    /// A producer outside.
    #[default]
    World,
    /// The engine itself.
    Engine,
    /// An agent, by its id. Its `time` never counts, only `recorded`.
    Agent(String),
    /// A person, by name.
    Human(String),
}

impl Event {
    /// The time that deadlines are measured by: when it happened, or, for an agent's event, when
    /// it was recorded, since agents cannot back-date.
    #[must_use]
    pub fn effective_time(&self) -> Timestamp {
        match self.event.actor {
            Actor::Agent(_) => self.recorded,
            _ => self.event.time,
        }
    }
}

impl std::fmt::Display for Actor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::World => f.write_str("world"),
            Self::Engine => f.write_str("engine"),
            Self::Agent(id) => write!(f, "agent/{id}"),
            Self::Human(name) => write!(f, "human/{name}"),
        }
    }
}
