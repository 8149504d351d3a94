//! The entities that blocks name, found before any block is lowered.
//!
//! In: block items. Out: inferred entities, each said once.
//! Never: lowers; an attribute or state is inferred where it is read.
//! Promise: a name means the same above and below its first use. Start reading at
//! [`Lowering::infer_entities`].

use super::Lowering;
use super::assertions;
use super::bindings::{Bindings, Root};
use super::collections::first_root;
use super::schedules::timed_by;
use super::triggers::{When, kind_of_trigger};
use super::values::Place;
use crate::ast::{self, Node};
use crate::tree::{SyntaxKind, SyntaxNode, SyntaxToken};

impl Lowering {
    pub(super) fn infer_entities(&mut self, items: &[(u32, SyntaxNode)]) {
        for (source, item) in items {
            self.source = *source;
            match item.kind() {
                SyntaxKind::When => self.infer_in_when(item),
                SyntaxKind::Every | SyntaxKind::On => {
                    let root = timed_by(item).and_then(|path| path.word(0));
                    self.infer_around(item, root);
                }
                SyntaxKind::Always => {
                    for statement in item.statements() {
                        self.infer_in_assertion(&statement);
                    }
                }
                _ => {}
            }
        }
    }

    fn infer_in_when(&mut self, item: &SyntaxNode) {
        let Some(trigger) = item.child(SyntaxKind::Trigger) else { return };
        match kind_of_trigger(&trigger) {
            When::Events => {
                for path in trigger.children().filter(|c| c.kind() == SyntaxKind::Path) {
                    self.infer_from_event(&path);
                }
                self.infer_in(item);
            }
            When::Held(held) => {
                let root = held.first_child().as_ref().and_then(first_root);
                self.infer_around(item, root);
            }
            When::Evolved | When::Other => {}
        }
    }

    /// A block that is bound to the instance that `root` names.
    fn infer_around(&mut self, item: &SyntaxNode, root: Option<SyntaxToken>) {
        if let Some(root) = &root {
            self.entity_used(root.text(), self.at(root));
        }
        self.bindings = Bindings::instance(root.as_ref().map(SyntaxToken::text));
        self.infer_in(item);
        self.bindings = Bindings::event();
    }

    fn infer_from_event(&mut self, path: &SyntaxNode) {
        let words = ast::segments(path);
        let before = words.len().checked_sub(2).and_then(|index| words.get(index));
        let full = words.iter().map(SyntaxToken::text).collect::<Vec<_>>().join(".");
        let alias = self.names.known_event(&full).is_some_and(|name| name != full);
        if let Some(word) = before.filter(|_| !alias)
            && self.names.measures.get(word.text()).is_none()
        {
            self.entity_used(word.text(), self.at(word));
        }
    }

    fn infer_in(&mut self, node: &SyntaxNode) {
        for child in node.children() {
            match child.kind() {
                SyntaxKind::Path => self.infer_entity(&child),
                SyntaxKind::ForEach => self.infer_in_for_each(&child),
                SyntaxKind::Trigger if self.bindings.fields => {}
                SyntaxKind::Setting | SyntaxKind::Object => {}
                _ => self.infer_in(&child),
            }
        }
    }

    fn infer_in_for_each(&mut self, node: &SyntaxNode) {
        let Some(name) = node.word(2) else { return };
        self.entity_used(name.text(), self.at(&name));
        self.bindings.bound.push(name.text().to_owned());
        for child in node.children() {
            self.bindings.filter = child.kind() != SyntaxKind::Body;
            match child.kind() {
                SyntaxKind::Path => self.infer_entity(&child),
                _ => self.infer_in(&child),
            }
        }
        self.bindings.filter = false;
        self.bindings.bound.pop();
    }

    fn infer_entity(&mut self, path: &SyntaxNode) {
        let words = ast::segments(path);
        let Some(first) = words.first() else { return };
        let parent = path.parent();
        let kind = parent.as_ref().map(SyntaxNode::kind);
        let is_name =
            matches!(kind, Some(SyntaxKind::Call | SyntaxKind::Duty | SyntaxKind::Fallback));
        // In `x has y`, y is an attribute of x.
        let had = kind == Some(SyntaxKind::Has) && path.prev_sibling().is_some();
        if is_name || had || first.text() == "threshold" {
            return;
        }
        if let [_, second, ..] = words.as_slice() {
            let requires = parent
                .as_ref()
                .is_some_and(|arg| arg.word(0).is_some_and(|w| w.text() == "requires"));
            let entity = match self.root(first.text(), Place::Condition) {
                Root::Field | Root::Nothing => true,
                Root::Bound => false,
                Root::AttributeOf(owner) => {
                    !self.names.has(&owner, first.text())
                        && second.text() != "count"
                        && !self.bindings.fields
                }
            };
            if entity && !requires {
                self.entity_used(first.text(), self.at(first));
            }
            return;
        }
        if self.is_positional(parent.as_ref()) && !matches!(first.text(), "true" | "false") {
            self.entity_used(first.text(), self.at(first));
        }
    }

    /// Whether an argument of a duty's or measure's call stands without a name.
    fn is_positional(&self, argument: Option<&SyntaxNode>) -> bool {
        let Some(argument) = argument.filter(|node| node.kind() == SyntaxKind::Arg) else {
            return false;
        };
        let call = argument.parent().and_then(|args| args.parent());
        let counts = call.is_some_and(|call| {
            let owed = call.parent().is_some_and(|owner| {
                matches!(owner.kind(), SyntaxKind::Duty | SyntaxKind::Fallback)
            });
            owed || call.words().next().is_some()
        });
        counts && argument.words().next().is_none()
    }

    /// The entities of an assertion: what it quantifies over, and a value that is said to be so.
    fn infer_in_assertion(&mut self, statement: &SyntaxNode) {
        let Some(said) = statement.first_child().filter(|_| statement.kind() == SyntaxKind::Assert)
        else {
            return;
        };
        let quantified: Vec<_> = assertions::quantified(&said).collect();
        for subject in &quantified {
            if let Some(entity) = subject.words.first() {
                self.entity_used(entity.text(), self.at(entity));
            }
        }
        if let Some(subject) = quantified.first()
            && let [owner, value] = subject.words.as_slice()
            && assertions::has_adjectives(&said)
        {
            self.entity_used(value.text(), self.at(value));
            self.names.retype(owner.text(), value.text(), value.text());
        }
        let root = match quantified.first() {
            Some(subject) => subject.words.first().cloned(),
            None => assertions::instance_of(self, &said),
        };
        if let Some(root) = root {
            self.infer_around(statement, Some(root));
        }
    }
}
