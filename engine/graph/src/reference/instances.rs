//! The instances that there are: what makes one alive, and what erases it.
//!
//! In: the events so far. Out: the names of live instances, in the order of their text.
//! Never: lets an enrichment make something alive.
//! Promise: a tombstone erases one instance at most. Start reading at [`Log::alive`].

use std::collections::BTreeSet;

use homeostat_log::{Event, Kind};

use super::carried::{instance_in, subject};
use super::log::{AsOf, Log};

impl Log<'_> {
    /// The instances of an entity that are alive: created, or mentioned where nothing creates them,
    /// and not erased since.
    pub(super) fn alive(&self, entity: &str, as_of: AsOf) -> BTreeSet<String> {
        let mut alive = BTreeSet::new();
        let erased: Vec<_> =
            self.erased.iter().take(as_of.erasures).filter(|(_, of, _)| of == entity).collect();
        for (place, event) in self.events.iter().take(as_of.events).enumerate() {
            alive.extend(self.brings_to_life(event, entity));
            for (events, _, name) in &erased {
                if *events == place + 1 {
                    alive.remove(name);
                }
            }
        }
        alive
    }

    pub(super) fn is_alive(&self, entity: &str, instance: &str) -> bool {
        self.alive(entity, self.now()).contains(instance)
    }

    /// The instance that an event makes alive, if it is not yet: the one that is created, where the
    /// spec knows an event that creates; else any that is mentioned.
    fn brings_to_life(&self, event: &Event, entity: &str) -> Option<String> {
        if event.event.kind != Kind::Primary {
            return None;
        }
        let creates = format!("{entity}.created");
        let name = self.type_of(event);
        let mentions = if self.spec.events.iter().any(|known| known.name == creates) {
            name == creates
        } else {
            self.spec.events.iter().any(|known| known.name == name) || self.is_about(event, entity)
        };
        if mentions { instance_in(event, entity) } else { None }
    }

    /// The entity and instance that a tombstone erases: what its subject names, else the instance
    /// of the entity that its type is about.
    pub(super) fn erases(&self, event: &Event) -> Option<(String, String)> {
        if event.event.kind != Kind::Tombstone {
            return None;
        }
        if let Some((entity, id)) = subject(event)
            && self.spec.entities.iter().any(|known| known.name == entity)
        {
            return Some((entity.to_owned(), id.to_owned()));
        }
        let entity = self.entity_of(event)?;
        Some((entity.to_owned(), instance_in(event, entity)?))
    }
}
