//! What the log says, read by scanning it backwards: attributes, states, measures, grants.
//!
//! In: the events so far. Out: the last value that was carried, what an event is about.
//! Never: remembers a value.
//! Promise: "last" is always by position; nothing that was said of an instance before its tombstone
//! is read after it. Start reading at [`Log::attribute`].

use homeostat_intent::lowered::{Duty, Requirement, Spec, State};
use homeostat_log::{Event, Kind};

use super::carried::{Carried, Field, carried, field, instance, known, names, subject};
use super::meaning::agrees_on_keys;

/// All events that are not the engine's own, and what was erased when.
pub(super) struct Log<'a> {
    pub(super) spec: &'a Spec,
    pub(super) events: Vec<&'a Event>,
    /// Entity and instance, and how many events there were when it was erased.
    pub(super) erased: Vec<(usize, String, String)>,
    /// What checkers said.
    pub(super) reports: Vec<Report>,
}

/// What a checker said of an instance, or of the system as a whole.
pub(super) struct Report {
    /// How many events there were.
    pub(super) events: usize,
    pub(super) checker: String,
    /// Entity and instance.
    pub(super) of: Option<(String, String)>,
    pub(super) holds: bool,
}

/// A point of the log to read as of: after so many events, and so many erasures.
#[derive(Clone, Copy, Debug)]
pub(super) struct AsOf {
    pub(super) events: usize,
    pub(super) erasures: usize,
}

/// How to read: as of when, and whether what enrichments say counts.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reading {
    pub(super) as_of: AsOf,
    pub(super) inferred: bool,
}

impl<'a> Log<'a> {
    pub(super) fn new(spec: &'a Spec) -> Self {
        Self { spec, events: Vec::new(), erased: Vec::new(), reports: Vec::new() }
    }

    /// As of now.
    pub(super) fn now(&self) -> AsOf {
        AsOf { events: self.events.len(), erasures: self.erased.len() }
    }

    /// The spec's name for an event type.
    pub(super) fn canonical<'n>(&'n self, name: &'n str) -> &'n str {
        let known =
            self.spec.events.iter().find(|event| {
                event.name == name || event.aliases.iter().any(|alias| alias == name)
            });
        known.map_or(name, |event| &event.name)
    }

    /// The canonical type of an event.
    pub(super) fn type_of<'n>(&'n self, event: &'n Event) -> &'n str {
        self.canonical(&event.event.r#type)
    }

    /// Whether an event is of one of these canonical types.
    pub(super) fn is_one_of(&self, event: &Event, types: &[String]) -> bool {
        let name = self.type_of(event);
        types.iter().any(|known| known == name)
    }

    /// The entity that an event is about by its type.
    pub(super) fn entity_of(&self, event: &Event) -> Option<&str> {
        let name = self.type_of(event);
        let declared = self.spec.events.iter().find(|known| known.name == name);
        if let Some(entity) = declared.and_then(|event| event.entity.as_deref()) {
            return Some(entity);
        }
        let (entity, _) = name.split_once('.')?;
        let known = self.spec.entities.iter().find(|known| known.name == entity)?;
        Some(&known.name)
    }

    /// Whether an event is about an instance of the entity, by its type or its subject.
    pub(super) fn is_about(&self, event: &Event, entity: &str) -> bool {
        self.entity_of(event) == Some(entity) || subject(event).is_some_and(|(of, _)| of == entity)
    }

    /// Whether an event is the one that creates an instance of the entity.
    pub(super) fn creates(&self, event: &Event, entity: &str) -> bool {
        self.entity_of(event) == Some(entity) && self.type_of(event) == format!("{entity}.created")
    }

    /// The last value of an attribute that an event about the instance carried, or whether the
    /// state of that name is held.
    pub(super) fn attribute(
        &self,
        entity: &str,
        instance: &Carried,
        attribute: &str,
        reading: Reading,
    ) -> Option<Carried> {
        if let Some(state) = self.state(entity, attribute) {
            return self.is_in(state, entity, instance, reading);
        }
        let of_instance =
            |event: &Event| self.is_about(event, entity) && names(event, entity, instance);
        self.last(self.said_of(entity, instance, reading), of_instance, attribute)
    }

    pub(super) fn state(&self, entity: &str, name: &str) -> Option<&State> {
        let declared = self.spec.entities.iter().find(|declared| declared.name == entity)?;
        declared.states.iter().find(|state| state.name == name)
    }

    /// A state is held from an event that begins it until one that ends it. Before either nothing
    /// is known of it.
    fn is_in(
        &self,
        state: &State,
        entity: &str,
        instance: &Carried,
        reading: Reading,
    ) -> Option<Carried> {
        let newest = self.said_of(entity, instance, reading).find(|event| {
            let changes = self.is_one_of(event, &state.from) || self.is_one_of(event, &state.until);
            changes && names(event, entity, instance)
        })?;
        Some(Carried::Truth(self.is_one_of(newest, &state.from)))
    }

    /// What the newest event of the measure for this instance says in a field.
    pub(super) fn measure(
        &self,
        measure: &str,
        instance: &Carried,
        attribute: &str,
        reading: Reading,
    ) -> Option<Carried> {
        let declared = self.spec.measures.iter().find(|declared| declared.name == measure)?;
        let entity = &declared.entity;
        let of_instance =
            |event: &Event| self.is_one_of(event, &declared.from) && names(event, entity, instance);
        self.last(self.said_of(entity, instance, reading), of_instance, attribute)
    }

    fn last<'e>(
        &self,
        events: impl Iterator<Item = &'e Event>,
        of_instance: impl Fn(&Event) -> bool,
        attribute: &str,
    ) -> Option<Carried> {
        let mut fields =
            events.filter(|event| of_instance(event)).map(|event| field(event, attribute));
        known(fields.find(|field| !matches!(field, Field::NotCarried))?)
    }

    /// The events that may say something of an instance, the newest first: none from before its
    /// last tombstone.
    fn said_of(
        &self,
        entity: &str,
        of: &Carried,
        reading: Reading,
    ) -> impl Iterator<Item = &'a Event> {
        let Reading { as_of, inferred } = reading;
        let name = instance(of);
        let erased = self.erased.iter().take(as_of.erasures);
        let since = erased
            .filter(|(_, kind, erased)| kind == entity && Some(erased) == name.as_ref())
            .map(|(events, ..)| *events)
            .max()
            .unwrap_or(0);
        let events: Vec<&Event> =
            self.events.iter().take(as_of.events).skip(since).copied().collect();
        let counts = move |event: &&Event| inferred || event.event.kind != Kind::Enrichment;
        events.into_iter().rev().filter(counts)
    }

    /// Whether a requirement is held for these keys: the newest event that grants or ends it and
    /// agrees on them grants it.
    pub(super) fn is_held(
        &self,
        requirement: &Requirement,
        duty: &Duty,
        arguments: &[Option<Carried>],
    ) -> bool {
        let newest = self.events.iter().rev().find(|event| {
            let concerns = self.is_one_of(event, &requirement.from)
                || self.is_one_of(event, &requirement.until);
            concerns
                && event.event.kind != Kind::Enrichment
                && agrees_on_keys(event, duty, arguments)
        });
        newest.is_some_and(|event| self.is_one_of(event, &requirement.from))
    }

    /// The number that a sample of a metric carries: in the first of its fields that has one.
    pub(super) fn sample(&self, event: &Event, types: &[String], fields: &[String]) -> Option<f64> {
        if event.event.kind != Kind::Primary || !self.is_one_of(event, types) {
            return None;
        }
        fields.iter().find_map(|name| match carried(event, name) {
            Some(Carried::Number(number)) => Some(number),
            _ => None,
        })
    }
}
