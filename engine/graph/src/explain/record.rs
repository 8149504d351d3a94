//! What an event is besides something that happened: an enrichment of another, or a tombstone.
//!
//! In: the event that is explained, and what it did. Out: a [`Record`].
//! Never: follows an enrichment's value once something else was said in its place.
//! Promise: everything that a tombstone voided is listed. Start reading at [`Record::of`].

use homeostat_log::{Event, Kind};
use homeostat_world::Position;
use serde::Serialize;

use super::probe::Used;
use super::seen::instance_of;
use crate::program::Program;

/// What an event is besides something that happened.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Record {
    /// It says more about another event, and says that it is inferred.
    Enrichment {
        /// Where the event stands that it enriches.
        of: Option<Position>,
        /// That event as its producer named it: source and id.
        named: Option<String>,
        /// How sure it is, from 0 to 1.
        confidence: Option<f64>,
        /// What read what it says, or came of it.
        used_by: Vec<Used>,
    },
    /// It erased an instance.
    Tombstone {
        /// `customer c1`; none if it names no instance that the spec knows.
        erased: Option<String>,
        /// What was owed for it, or violated by it, and is void.
        voided: Vec<String>,
    },
}

impl Record {
    /// What is known of an event before it is applied.
    pub(super) fn of(event: &Event, program: &Program) -> Option<Self> {
        match event.event.kind {
            Kind::Primary | Kind::Control => None,
            Kind::Enrichment => {
                let link = event.event.enriches.as_deref();
                let named = link.and_then(|link| link.name.as_ref());
                Some(Self::Enrichment {
                    of: link.and_then(|link| link.position),
                    named: named.map(|name| format!("{} of {}", name.id, name.source)),
                    confidence: link.map(|link| link.confidence.get()),
                    used_by: Vec::new(),
                })
            }
            Kind::Tombstone => {
                Some(Self::Tombstone { erased: erased(event, program), voided: Vec::new() })
            }
        }
    }
}

/// Whom a tombstone erases: the instance of its subject, or else that of its type's entity.
fn erased(event: &Event, program: &Program) -> Option<String> {
    let subject = event.event.subject.as_deref().and_then(|subject| subject.split_once('/'));
    let known = |entity: &str| program.entity_names.contains_key(entity);
    if let Some((entity, id)) = subject.filter(|(entity, _)| known(entity)) {
        return Some(format!("{entity} {id}"));
    }
    let name = program.canonical_type(&event.event.r#type).unwrap_or(&event.event.r#type);
    let (entity, _) = name.split_once('.')?;
    Some(format!("{entity} {}", instance_of(event, entity).filter(|_| known(entity))?))
}
