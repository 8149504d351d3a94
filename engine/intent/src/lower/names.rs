//! Every name of a spec: what is declared, and what had to be inferred.
//!
//! In: declarations and uses. Out: the lists of the lowered spec, in the order of the text.
//! Never: reports; its callers know where a name was written.
//! Promise: an event has one canonical name, whichever of its names is asked for.

use std::collections::BTreeMap;

use crate::lowered::{
    Attribute, Entity, EventType, Measure, Metric, Performer, Spec, State, Threshold,
};
use crate::source::Span;

/// Things by name that keep the order of their arrival.
#[derive(Debug)]
pub(super) struct Table<T> {
    list: Vec<T>,
    places: BTreeMap<String, usize>,
}

impl<T> Default for Table<T> {
    fn default() -> Self {
        Self { list: Vec::new(), places: BTreeMap::new() }
    }
}

impl<T> Table<T> {
    pub(super) fn get(&self, name: &str) -> Option<&T> {
        self.list.get(*self.places.get(name)?)
    }

    pub(super) fn get_mut(&mut self, name: &str) -> Option<&mut T> {
        self.list.get_mut(*self.places.get(name)?)
    }

    /// Adds, unless the name is there already.
    pub(super) fn add(&mut self, name: &str, thing: T) {
        if !self.places.contains_key(name) {
            self.places.insert(name.to_owned(), self.list.len());
            self.list.push(thing);
        }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &T> {
        self.list.iter()
    }

    pub(super) fn keys(&self) -> impl Iterator<Item = &str> {
        self.places.keys().map(String::as_str)
    }
}

/// An event type, and where `event` declares it.
#[derive(Debug)]
pub(super) struct KnownEvent {
    pub(super) event: EventType,
    pub(super) declared: Option<Span>,
    /// Where something names it as what it produces or reads.
    pub(super) produced: bool,
}

/// What `action f(p) { … }` says.
#[derive(Clone, Debug, Default)]
pub(super) struct Action {
    pub(super) declared: Option<Span>,
    pub(super) parameters: Vec<Parameter>,
    pub(super) satisfied_by: Vec<String>,
    pub(super) by: Option<Performer>,
    pub(super) external: bool,
}

/// One parameter of an action, with the entity that it names.
#[derive(Clone, Debug)]
pub(super) struct Parameter {
    pub(super) name: String,
    pub(super) entity: Option<String>,
}

#[derive(Debug)]
pub(super) struct KnownMeasure {
    pub(super) measure: Measure,
    pub(super) declared: Option<Span>,
}

#[derive(Debug)]
pub(super) struct KnownEntity {
    pub(super) entity: Entity,
    pub(super) span: Span,
}

#[derive(Debug, Default)]
pub(super) struct Names {
    pub(super) entities: Table<KnownEntity>,
    pub(super) events: Table<KnownEvent>,
    pub(super) measures: Table<KnownMeasure>,
    /// Metrics, and where each is declared.
    pub(super) metrics: Table<(Metric, Option<Span>)>,
    pub(super) thresholds: Table<(Threshold, Span)>,
    pub(super) actions: Table<Action>,
    /// Another name of an event to its canonical one.
    aliases: BTreeMap<String, String>,
}

impl Names {
    /// The canonical name of an event that the spec knows under this name, or under the same name
    /// with `_` in place of `.`.
    pub(super) fn known_event(&self, name: &str) -> Option<String> {
        if let Some(canonical) = self.aliases.get(name) {
            return Some(canonical.clone());
        }
        if self.events.get(name).is_some() {
            return Some(name.to_owned());
        }
        None
    }

    /// The event that an undeclared action of this name most plainly means: the event of that
    /// type, or the only one whose dotted name reads the same.
    pub(super) fn event_of_action(&self, action: &str) -> Option<String> {
        self.known_event(action).or_else(|| {
            let mut same = self.events.iter().filter(|e| e.event.name.replace('.', "_") == action);
            let first = same.next()?;
            same.next().is_none().then(|| first.event.name.clone())
        })
    }

    /// The canonical name for `name`, which becomes known if it was not.
    pub(super) fn event(&mut self, name: &str) -> String {
        if let Some(known) = self.known_event(name) {
            return known;
        }
        let event = EventType { name: name.to_owned(), aliases: Vec::new(), entity: None };
        self.events.add(name, KnownEvent { event, declared: None, produced: false });
        name.to_owned()
    }

    /// The same, for an event that something in the spec produces.
    pub(super) fn produced_event(&mut self, name: &str) -> String {
        let canonical = self.event(name);
        if let Some(known) = self.events.get_mut(&canonical) {
            known.produced = true;
        }
        canonical
    }

    /// Gives an event another name. Answers the canonical name that owns it already, if one does.
    pub(super) fn alias(&mut self, canonical: &str, alias: &str) -> Option<String> {
        if let Some(owner) = self.known_event(alias)
            && owner != canonical
        {
            return Some(owner);
        }
        if alias != canonical && !self.aliases.contains_key(alias) {
            self.aliases.insert(alias.to_owned(), canonical.to_owned());
            if let Some(known) = self.events.get_mut(canonical) {
                known.event.aliases.push(alias.to_owned());
            }
        }
        None
    }

    /// The event for an inferred name: the first of `names` that is known, or else the first of
    /// them, with the others as its aliases.
    pub(super) fn event_in_any_form(&mut self, names: &[String]) -> Option<String> {
        if let Some(known) = names.iter().find_map(|name| self.known_event(name)) {
            return Some(known);
        }
        let (first, others) = names.split_first()?;
        let canonical = self.event(first);
        for other in others {
            self.alias(&canonical, other);
        }
        Some(canonical)
    }

    pub(super) fn is_entity(&self, name: &str) -> bool {
        self.entities.get(name).is_some()
    }

    pub(super) fn add_entity(&mut self, name: &str, declared: bool, span: Span) {
        let entity =
            Entity { name: name.to_owned(), attributes: Vec::new(), states: Vec::new(), declared };
        self.entities.add(name, KnownEntity { entity, span });
    }

    pub(super) fn attribute(&self, entity: &str, name: &str) -> Option<&Attribute> {
        self.entities.get(entity)?.entity.attributes.iter().find(|a| a.name == name)
    }

    pub(super) fn add_attribute(&mut self, entity: &str, attribute: Attribute) {
        if self.attribute(entity, &attribute.name).is_none()
            && let Some(known) = self.entities.get_mut(entity)
        {
            known.entity.attributes.push(attribute);
        }
    }

    /// Says which entity the values of an attribute name, where nothing said so before.
    pub(super) fn retype(&mut self, entity: &str, attribute: &str, names: &str) {
        let Some(known) = self.entities.get_mut(entity) else { return };
        for own in known.entity.attributes.iter_mut().filter(|own| own.name == attribute) {
            own.entity.get_or_insert_with(|| names.to_owned());
        }
    }

    pub(super) fn state(&self, entity: &str, name: &str) -> Option<&State> {
        self.entities.get(entity)?.entity.states.iter().find(|s| s.name == name)
    }

    /// A state of any entity.
    pub(super) fn any_state(&self, name: &str) -> Option<&State> {
        self.entities.iter().flat_map(|e| &e.entity.states).find(|s| s.name == name)
    }

    pub(super) fn add_state(&mut self, entity: &str, state: State) {
        if let Some(known) = self.entities.get_mut(entity) {
            known.entity.states.push(state);
        }
    }

    /// The entity that an event of this name is about: what stands before the last dot.
    pub(super) fn entity_of_event(&self, name: &str) -> Option<String> {
        let (before, _) = name.rsplit_once('.')?;
        let last = before.rsplit('.').next()?;
        self.is_entity(last).then(|| last.to_owned())
    }

    /// Writes the lists of the lowered spec.
    pub(super) fn fill(self, spec: &mut Spec) {
        let entity_of: Vec<Option<String>> =
            self.events.iter().map(|e| self.entity_of_event(&e.event.name)).collect();
        spec.entities = self.entities.list.into_iter().map(|known| known.entity).collect();
        spec.events = (self.events.list.into_iter().zip(entity_of))
            .map(|(known, entity)| EventType { entity, ..known.event })
            .collect();
        spec.measures = self.measures.list.into_iter().map(|known| known.measure).collect();
        spec.metrics = self.metrics.list.into_iter().map(|(metric, _)| metric).collect();
        spec.thresholds = self.thresholds.list.into_iter().map(|(level, _)| level).collect();
    }
}
