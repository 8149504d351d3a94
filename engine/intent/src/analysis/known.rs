//! The names of a spec by what they are, for looking up: those of the lowered spec, and what it
//! does not keep, the actions, labels and metrics as written.
//!
//! Never: infers; what the lowering inferred is in the lowered spec.

use std::collections::{BTreeMap, BTreeSet};

use crate::ast::{self, Node, Setting, view};
use crate::lowered::{Entity, EventType, Measure, Spec, Threshold};
use crate::tree::{SyntaxKind, SyntaxNode, SyntaxToken};

/// An action as declared.
#[derive(Clone, Debug, Default)]
pub(super) struct Action {
    /// Names and, where a colon stands, entities.
    pub(super) parameters: Vec<(String, Option<String>)>,
    /// Its settings on one line each, as written.
    pub(super) settings: Vec<String>,
}

/// Everything that has a name.
#[derive(Clone, Debug, Default)]
pub(super) struct Known {
    pub(super) entities: BTreeMap<String, Entity>,
    /// By canonical name.
    pub(super) events: BTreeMap<String, EventType>,
    /// Any name of an event to its canonical one.
    names: BTreeMap<String, String>,
    pub(super) measures: BTreeMap<String, Measure>,
    pub(super) thresholds: BTreeMap<String, Threshold>,
    pub(super) actions: BTreeMap<String, Action>,
    pub(super) labels: BTreeSet<String>,
    pub(super) metrics: BTreeSet<String>,
    pub(super) invariants: BTreeSet<String>,
}

impl Known {
    pub(super) fn of(spec: &Spec, trees: &[SyntaxNode]) -> Self {
        let mut known = Self::default();
        for entity in &spec.entities {
            known.entities.insert(entity.name.clone(), entity.clone());
        }
        for event in &spec.events {
            known.names.insert(event.name.clone(), event.name.clone());
            for alias in &event.aliases {
                known.names.insert(alias.clone(), event.name.clone());
            }
            known.events.insert(event.name.clone(), event.clone());
        }
        for measure in &spec.measures {
            known.measures.insert(measure.name.clone(), measure.clone());
        }
        for threshold in &spec.thresholds {
            known.thresholds.insert(threshold.name.clone(), threshold.clone());
        }
        for node in trees.iter().flat_map(SyntaxNode::descendants) {
            known.note(&node);
        }
        known
    }

    /// What the lowered spec does not keep by name.
    fn note(&mut self, node: &SyntaxNode) {
        match node.kind() {
            SyntaxKind::Action => self.action(node),
            SyntaxKind::Duty | SyntaxKind::Assert => {
                self.labels.extend(label(node).map(|word| word.text().to_owned()));
            }
            SyntaxKind::Optimise | SyntaxKind::Metric => {
                self.metrics.extend(node.word(1).map(|word| word.text().to_owned()));
            }
            SyntaxKind::Invariant => match invariant(node) {
                Some((word, true)) => drop(self.metrics.insert(word.text().to_owned())),
                Some((word, false)) => drop(self.invariants.insert(word.text().to_owned())),
                None => {}
            },
            _ => {}
        }
    }

    fn action(&mut self, node: &SyntaxNode) {
        let Some(name) = node.word(1) else { return };
        let mut action = Action::default();
        let params = node.child(SyntaxKind::Params);
        for param in params.iter().flat_map(SyntaxNode::children) {
            let words: Vec<String> = param.words().map(|word| word.text().to_owned()).collect();
            if let Some((first, rest)) = words.split_first() {
                action.parameters.push((first.clone(), rest.first().cloned()));
            }
        }
        let settings = node.statements();
        let settings = settings.iter().filter(|node| view::<Setting>(node).is_some());
        action.settings = settings.map(Node::flat).collect();
        self.actions.entry(name.text().to_owned()).or_insert(action);
    }

    pub(super) fn is_entity(&self, name: &str) -> bool {
        self.entities.contains_key(name)
    }

    /// The canonical name of an event.
    pub(super) fn canonical(&self, name: &str) -> Option<&str> {
        self.names.get(name).map(String::as_str)
    }

    /// All names of events, canonical or not.
    pub(super) fn event_names(&self) -> impl Iterator<Item = (&str, &str)> {
        self.names.iter().map(|(name, canonical)| (name.as_str(), canonical.as_str()))
    }

    pub(super) fn has_attribute(&self, entity: &str, name: &str) -> bool {
        let entity = self.entities.get(entity);
        entity.is_some_and(|entity| entity.attributes.iter().any(|a| a.name == name))
    }

    pub(super) fn has_state(&self, entity: &str, name: &str) -> bool {
        let entity = self.entities.get(entity);
        entity.is_some_and(|entity| entity.states.iter().any(|state| state.name == name))
    }

    /// The entity that an attribute's value names, and whether it is a collection.
    pub(super) fn attribute(&self, entity: &str, name: &str) -> Option<(Option<&str>, bool)> {
        let attributes = &self.entities.get(entity)?.attributes;
        let found = attributes.iter().find(|attribute| attribute.name == name)?;
        Some((found.entity.as_deref(), found.many))
    }
}

/// The label of a duty or an assertion.
pub(super) fn label(node: &SyntaxNode) -> Option<SyntaxToken> {
    match node.kind() {
        SyntaxKind::Duty => view::<ast::Duty>(node)?.label(),
        _ => node.word(1),
    }
}

/// The word that an invariant is about, and whether it is a metric.
pub(super) fn invariant(node: &SyntaxNode) -> Option<(SyntaxToken, bool)> {
    let said = node.children().find(|child| child.kind() != SyntaxKind::Body)?;
    match said.kind() {
        SyntaxKind::Path => Some((only_word(&said)?, false)),
        SyntaxKind::Compare => {
            let left = said.first_child()?;
            let path = match left.kind() {
                SyntaxKind::Path => left,
                _ => left.descendants().filter(|node| node.kind() == SyntaxKind::Path).last()?,
            };
            Some((only_word(&path)?, true))
        }
        _ => None,
    }
}

/// The word of a path that has one only.
pub(super) fn only_word(path: &SyntaxNode) -> Option<SyntaxToken> {
    let mut words = path.words();
    let first = words.next()?;
    words.next().is_none().then_some(first)
}
