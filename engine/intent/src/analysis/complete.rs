//! What could stand under the cursor, with what it is.
//!
//! In: a place. Out: completions, each with the place that it replaces.
//! Never: offers what cannot stand there as far as the words before tell.
//! Promise: the order is that of usefulness here, and the same every time. Start reading at
//! [`Analysis::complete`].

use super::Analysis;
use super::place::{Cursor, Spot, spot};
use crate::source::Span;
use crate::words::{self, Place};

/// What a completion is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CompletionKind {
    /// A word of the language.
    Keyword,
    /// One of a few values.
    Choice,
    /// An event type.
    Event,
    /// An entity.
    Entity,
    /// An attribute, or a value of a measure.
    Attribute,
    /// A state.
    State,
    /// A measure.
    Measure,
    /// A threshold.
    Threshold,
    /// An action.
    Action,
    /// The name of an argument.
    Parameter,
    /// A label or slug.
    Clause,
}

/// One thing that could stand here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Completion {
    /// What is offered.
    pub label: String,
    /// What it is.
    pub kind: CompletionKind,
    /// What is written, in place of `replace`.
    pub insert: String,
    /// What it replaces: the part that is typed.
    pub replace: Span,
    /// What it is, in a few words of Markdown.
    pub detail: String,
}

impl Analysis {
    /// What could stand at a place.
    #[must_use]
    pub fn complete(&self, source: u32, offset: u32) -> Vec<Completion> {
        let Some(tree) = self.tree(source) else { return Vec::new() };
        let cursor = spot(tree, offset);
        let mut offers = Offers {
            analysis: self,
            cursor: &cursor,
            replace: Span { source, start: cursor.start, end: offset.max(cursor.start) },
            found: Vec::new(),
        };
        offers.all();
        offers.found
    }
}

struct Offers<'a> {
    analysis: &'a Analysis,
    cursor: &'a Cursor,
    replace: Span,
    found: Vec<Completion>,
}

impl Offers<'_> {
    fn all(&mut self) {
        match &self.cursor.spot {
            Spot::Words(places) => {
                for place in places {
                    self.words(*place);
                }
                if places.contains(&Place::Setting) {
                    self.words(Place::Limit);
                }
            }
            Spot::Choice(words) => {
                for word in *words {
                    self.offer(word, CompletionKind::Choice, word, "");
                }
            }
            Spot::Event { before } => self.events(before),
            Spot::Entity => self.entities(),
            Spot::Action => self.actions(),
            Spot::Threshold => self.thresholds(""),
            Spot::Member(names) => self.members(names),
            Spot::Value { measure } => self.values(measure),
            Spot::Condition => self.condition(),
            Spot::Operator => {
                for word in words::of(Place::Condition) {
                    if !matches!(word.word, "NOT" | "above" | "below") {
                        self.offer(word.word, CompletionKind::Keyword, word.word, word.help);
                    }
                }
            }
            Spot::Argument { action } => self.arguments(action),
            Spot::Clause => self.clauses(),
            Spot::Nothing => {}
        }
    }

    fn offer(&mut self, label: &str, kind: CompletionKind, insert: &str, detail: &str) {
        if self.found.iter().any(|other| other.label == label && other.kind == kind) {
            return;
        }
        self.found.push(Completion {
            label: label.to_owned(),
            kind,
            insert: insert.to_owned(),
            replace: self.replace,
            detail: detail.to_owned(),
        });
    }

    fn words(&mut self, place: Place) {
        let only_inside = ["for", "state", "inferred", "optimize"];
        for word in words::of(place) {
            if only_inside.contains(&word.word) {
                continue;
            }
            let colon = place.has_keys()
                || matches!(
                    word.word,
                    "must" | "should" | "could" | "assert" | "within" | "fallback"
                );
            let insert = if colon { format!("{}: ", word.word) } else { format!("{} ", word.word) };
            self.offer(word.word, CompletionKind::Keyword, &insert, word.help);
        }
        match place {
            Place::Entity => self.offer(
                "state",
                CompletionKind::Keyword,
                "state ",
                "a state, held from one event until another",
            ),
            Place::Duty => {
                self.offer(
                    "for each",
                    CompletionKind::Keyword,
                    "for each ",
                    "once for each live instance",
                );
            }
            _ => {}
        }
    }

    /// Events whose names go on from `before`.
    fn events(&mut self, before: &str) {
        let analysis = self.analysis;
        for (name, canonical) in analysis.known.event_names() {
            let Some(rest) = name.strip_prefix(before) else { continue };
            let plain = name.split('.').all(|part| {
                !part.is_empty() && part.chars().all(|c| c == '_' || c.is_alphanumeric())
            });
            let detail = if canonical == name {
                String::new()
            } else {
                format!("the same as `{canonical}`")
            };
            if plain {
                self.offer(rest, CompletionKind::Event, rest, &detail);
            } else if before.is_empty() {
                self.offer(name, CompletionKind::Event, &format!("\"{name}\""), &detail);
            }
        }
    }

    fn entities(&mut self) {
        let analysis = self.analysis;
        for name in analysis.known.entities.keys() {
            self.offer(name, CompletionKind::Entity, name, "entity");
        }
    }

    fn actions(&mut self) {
        let analysis = self.analysis;
        for (name, action) in &analysis.known.actions {
            let parameters: Vec<&str> =
                action.parameters.iter().map(|(name, _)| name.as_str()).collect();
            let insert = match parameters.as_slice() {
                [] => name.clone(),
                _ => format!("{name}({})", parameters.join(", ")),
            };
            self.offer(name, CompletionKind::Action, &insert, &action.settings.join(", "));
        }
        for duty in analysis.spec().duties() {
            self.offer(&duty.action, CompletionKind::Action, &duty.action, "declared nowhere");
        }
    }

    fn thresholds(&mut self, prefix: &str) {
        let analysis = self.analysis;
        for (name, level) in &analysis.known.thresholds {
            let label = format!("{prefix}{name}");
            self.offer(&label, CompletionKind::Threshold, &label, &level.value.to_string());
        }
    }

    /// What may follow the dot behind these names.
    fn members(&mut self, names: &[String]) {
        let known = &self.analysis.known;
        let Some((root, rest)) = names.split_first() else { return };
        let bound = self.cursor.bound.as_deref();
        let (mut current, rest) = match bound {
            Some(bound) if !known.is_entity(root) => (Some(bound.to_owned()), names),
            _ => (Some(root.clone()), rest),
        };
        let mut many = false;
        for name in rest {
            let Some(entity) = current.take() else { return };
            if let Some((of, collection)) = known.attribute(&entity, name) {
                current = of.map(str::to_owned);
                many = collection;
            }
        }
        let Some(entity) = current else { return };
        if many {
            self.offer("count", CompletionKind::Attribute, "count", "how many there are");
        }
        self.attributes(&entity);
    }

    fn attributes(&mut self, entity: &str) {
        let analysis = self.analysis;
        let Some(known) = analysis.known.entities.get(entity) else { return };
        for attribute in &known.attributes {
            let detail = match (&attribute.entity, attribute.many) {
                (Some(of), true) => format!("many `{of}`"),
                (Some(of), false) => format!("a `{of}`"),
                (None, _) => format!("attribute of `{entity}`"),
            };
            self.offer(&attribute.name, CompletionKind::Attribute, &attribute.name, &detail);
        }
        for state in &known.states {
            let detail = format!("state of `{entity}`");
            self.offer(&state.name, CompletionKind::State, &state.name, &detail);
        }
    }

    fn values(&mut self, measure: &str) {
        let analysis = self.analysis;
        for name in analysis.known.measures.get(measure).iter().flat_map(|m| &m.attributes) {
            let detail = format!("value of `{measure}`");
            self.offer(name, CompletionKind::Attribute, name, &detail);
        }
    }

    fn condition(&mut self) {
        let analysis = self.analysis;
        if let Some(bound) = &self.cursor.bound {
            self.attributes(bound);
        }
        for entity in &self.cursor.trigger {
            if analysis.known.is_entity(entity) {
                self.offer(entity, CompletionKind::Entity, entity, "of the trigger");
            }
        }
        for (name, measure) in &analysis.known.measures {
            let insert = format!("{name}({})", measure.entity);
            let detail = format!("measure of `{}`", measure.entity);
            self.offer(name, CompletionKind::Measure, &insert, &detail);
        }
        self.entities();
        self.thresholds("threshold.");
        self.offer("NOT", CompletionKind::Keyword, "NOT ", "it does not hold");
    }

    fn arguments(&mut self, action: &str) {
        let analysis = self.analysis;
        for (name, _) in analysis.known.actions.get(action).iter().flat_map(|a| &a.parameters) {
            let insert = format!("{name}: ");
            self.offer(&format!("{name}:"), CompletionKind::Parameter, &insert, "parameter");
        }
        for entity in self.cursor.trigger.iter().chain(&self.cursor.bound) {
            self.offer(entity, CompletionKind::Entity, entity, "of the trigger");
        }
        self.entities();
        self.offer(
            "requires:",
            CompletionKind::Parameter,
            "requires: ",
            "what must hold for it to count",
        );
    }

    fn clauses(&mut self) {
        let analysis = self.analysis;
        for label in &analysis.known.labels {
            self.offer(label, CompletionKind::Clause, label, "label");
        }
        for duty in analysis.spec().duties() {
            self.offer(&duty.slug, CompletionKind::Clause, &duty.slug, &duty.text);
        }
        for assertion in &analysis.spec().assertions {
            self.offer(&assertion.slug, CompletionKind::Clause, &assertion.slug, &assertion.text);
        }
    }
}
