//! Occurrences in blocks: calls of duties, their arguments, conditions.
//!
//! In: statements and expressions. Out: occurrences, as the lowering resolves the same names.
//! Never: infers; a root that is no entity of the lowered spec has no attributes.
//! Start reading at [`Walk::statement`].

use super::declarations::{Scope, Walk, event_text};
use super::known::only_word;
use super::symbols::{Form, Kind, Symbol};
use crate::ast::{self, Call, Node, view};
use crate::lower::singular;
use crate::tree::{SyntaxKind, SyntaxNode, SyntaxToken};

/// Calls that the language itself knows: what stands in them is read, they name nothing.
const BUILT_IN: [&str; 5] = ["every", "no", "mean", "budget", "count"];

impl Walk<'_> {
    pub(super) fn statement(&mut self, node: &SyntaxNode, scope: &Scope) {
        match node.kind() {
            SyntaxKind::When => self.when(node),
            SyntaxKind::Every | SyntaxKind::On => {
                let at = node.children().find(|child| child.kind() == SyntaxKind::Path);
                let root = at.as_ref().and_then(|path| path.word(0));
                let bound = root.map(|word| word.text().to_owned());
                self.header_and_body(node, &Scope { bound, ..scope.clone() });
            }
            SyntaxKind::ForEach => {
                let entity = node.words().nth(2);
                if let Some(entity) = &entity {
                    self.entity_word(entity);
                }
                let bound = entity.map(|word| word.text().to_owned());
                self.header_and_body(node, &Scope { bound, ..scope.clone() });
            }
            SyntaxKind::Assert => {
                self.label(node);
                let bound = quantified(node);
                for child in node.children() {
                    self.read(&child, &Scope { bound: bound.clone(), ..scope.clone() });
                }
            }
            SyntaxKind::Duty => {
                self.label(node);
                self.duty(node, scope);
            }
            SyntaxKind::Fallback => self.duty(node, scope),
            SyntaxKind::Record | SyntaxKind::Setting => {}
            _ => self.header_and_body(node, scope),
        }
    }

    fn header_and_body(&mut self, node: &SyntaxNode, scope: &Scope) {
        for child in node.children() {
            if child.kind() == SyntaxKind::Body {
                for statement in child.children() {
                    self.statement(&statement, scope);
                }
            } else {
                self.read(&child, scope);
            }
        }
    }

    fn when(&mut self, node: &SyntaxNode) {
        let Some(trigger) = node.child(SyntaxKind::Trigger) else { return };
        let mut scope = Scope::default();
        for part in trigger.children() {
            if matches!(part.kind(), SyntaxKind::Path | SyntaxKind::Literal) {
                self.event_name(&part, None, false);
            } else {
                let root = part.descendants().find(|inner| inner.kind() == SyntaxKind::Path);
                scope.bound = root.and_then(|path| path.word(0)).map(|w| w.text().to_owned());
                self.read(&part, &scope);
            }
        }
        for body in node.children().filter(|child| child.kind() == SyntaxKind::Body) {
            for statement in body.children() {
                self.statement(&statement, &scope);
            }
        }
    }

    /// The call of a duty or fallback, and what belongs to it.
    fn duty(&mut self, node: &SyntaxNode, scope: &Scope) {
        let call = ast::called(node);
        if let Some(call) = &call {
            self.called(call, scope);
        }
        for child in node.children().filter(|child| Some(child) != call.as_ref()) {
            if child.kind() == SyntaxKind::Fallback {
                self.duty(&child, scope);
            }
        }
    }

    fn called(&mut self, node: &SyntaxNode, scope: &Scope) {
        let call = view::<Call>(node);
        let path = match &call {
            Some(call) => call.name(),
            None => Some(node.clone()),
        };
        let Some(path) = path else { return };
        let name = event_text(&path);
        let span = ast::node_span(self.source, &path);
        self.put(span, Symbol::new(Kind::Action, &name), false, Form::Whole);
        if !self.known.actions.contains_key(&name) {
            // An action that nothing declares is satisfied by the event of its name.
            let event = self.known.event_names().find(|(event, _)| event.replace('.', "_") == name);
            if let Some((event, _)) = event {
                let symbol = self.event_symbol(event);
                self.put(span, symbol, false, Form::Derived);
            }
        }
        for argument in call.iter().flat_map(Call::arguments) {
            self.argument(&argument, &name, scope);
        }
    }

    fn argument(&mut self, argument: &ast::Arg, action: &str, scope: &Scope) {
        let name = argument.name();
        if let Some(word) = &name {
            let declared = self.known.actions.get(action);
            if self.known.is_entity(word.text()) {
                self.entity_word(word);
            } else if declared.is_some_and(|a| a.parameters.iter().any(|(p, _)| p == word.text())) {
                self.add(word, Symbol::of(Kind::Parameter, action, word.text()), false);
            }
        }
        let Some(value) = argument.value() else { return };
        if name.is_some_and(|word| word.text() == "requires") {
            return self.requirement(&value);
        }
        self.read(&value, scope);
    }

    /// What a duty requires: a state, or events that grant it.
    fn requirement(&mut self, value: &SyntaxNode) {
        if value.kind() != SyntaxKind::Path {
            for part in value.children() {
                self.requirement(&part);
            }
            return;
        }
        let name = event_text(value);
        let span = ast::node_span(self.source, value);
        let short = name.rsplit('.').next().unwrap_or(&name);
        let owner = self.known.entities.keys().find(|e| self.known.has_state(e, short)).cloned();
        if let Some(owner) = owner {
            return self.put(span, Symbol::of(Kind::State, &owner, short), false, Form::Whole);
        }
        let forms = ["granted", "revoked", "expired"]
            .iter()
            .flat_map(|suffix| [format!("{name}.{suffix}"), format!("{name}_{suffix}")]);
        for form in forms.chain([name.clone()]) {
            if self.known.canonical(&form).is_some() {
                let symbol = self.event_symbol(&form);
                let form = if form == name { Form::Whole } else { Form::Derived };
                self.put(span, symbol, false, form);
            }
        }
    }

    /// A value or condition.
    pub(super) fn read(&mut self, node: &SyntaxNode, scope: &Scope) {
        match node.kind() {
            SyntaxKind::Path => drop(self.path(node, scope)),
            SyntaxKind::Call => self.call(node, scope),
            SyntaxKind::Compare => self.compare(node, scope),
            SyntaxKind::Arg => {
                if let Some(value) = view::<ast::Arg>(node).and_then(|arg| arg.value()) {
                    self.read(&value, scope);
                }
            }
            SyntaxKind::Has => {
                let mut sides = node.children();
                if let Some(left) = sides.next() {
                    self.read(&left, scope);
                }
                for side in sides {
                    self.property(&side, scope);
                }
            }
            _ => {
                for child in node.children() {
                    self.read(&child, scope);
                }
            }
        }
    }

    /// `every(x) has y`: an attribute of x.
    fn property(&mut self, node: &SyntaxNode, scope: &Scope) {
        match &scope.bound {
            Some(bound) => self.read_bound(node, bound),
            None => self.read(node, scope),
        }
    }

    /// A path whose first name is an attribute or state of `entity`.
    pub(super) fn read_bound(&mut self, node: &SyntaxNode, entity: &str) {
        let words = ast::segments(node);
        let named = words.first().is_some_and(|word| {
            self.known.has_attribute(entity, word.text())
                || self.known.has_state(entity, word.text())
        });
        if named {
            self.hops(&words, entity);
        } else {
            drop(self.path(node, &Scope::default()));
        }
    }

    fn compare(&mut self, node: &SyntaxNode, scope: &Scope) {
        let mut sides = node.children();
        let (left, right) = (sides.next(), sides.next());
        let entity = match &left {
            Some(left) if left.kind() == SyntaxKind::Path => self.path(left, scope),
            Some(left) => {
                self.read(left, scope);
                quantified(left)
            }
            None => None,
        };
        let Some(right) = right else { return };
        let is = node.tokens().next().is_some_and(|op| op.text() == "is");
        if is
            && let (Some(entity), Some(word)) = (entity, only_word(&right))
            && self.known.has_state(&entity, word.text())
        {
            return self.add(&word, Symbol::of(Kind::State, &entity, word.text()), false);
        }
        self.read(&right, scope);
    }

    /// A path; answers the entity that its value names.
    fn path(&mut self, node: &SyntaxNode, scope: &Scope) -> Option<String> {
        let words = ast::segments(node);
        let (first, rest) = words.split_first()?;
        let name = first.text();
        if name == "threshold" && !self.known.is_entity(name) {
            let level = rest.first()?;
            self.add(level, Symbol::new(Kind::Threshold, level.text()), false);
            return None;
        }
        if self.known.is_entity(name) {
            self.entity_word(first);
            return self.hops(rest, name);
        }
        let bound = scope.bound.as_deref()?;
        self.hops(&words, bound)
    }

    /// Attribute after attribute, from an entity on.
    fn hops(&mut self, words: &[SyntaxToken], entity: &str) -> Option<String> {
        let mut current = Some(entity.to_owned());
        let mut many = false;
        for word in words {
            let owner = current.take()?;
            let name = word.text();
            if many && name == "count" {
                many = false;
                continue;
            }
            if self.known.has_state(&owner, name) {
                self.add(word, Symbol::of(Kind::State, &owner, name), false);
                continue;
            }
            let Some((of, collection)) = self.known.attribute(&owner, name) else { continue };
            let of = of.map(str::to_owned);
            many = collection;
            if of.as_deref() == Some(name) {
                self.entity_word(word);
            } else {
                self.add(word, Symbol::of(Kind::Attribute, &owner, name), false);
                let single = singular(name);
                if collection && of.as_deref() == Some(single.as_str()) {
                    let span = ast::token_span(self.source, word);
                    self.put(span, Symbol::new(Kind::Entity, &single), false, Form::Plural);
                }
            }
            current = of;
        }
        current
    }

    fn call(&mut self, node: &SyntaxNode, scope: &Scope) {
        let Some(call) = view::<Call>(node) else { return };
        let name = call.name().and_then(|path| only_word(&path));
        if let Some(word) = name.filter(|word| !BUILT_IN.contains(&word.text()))
            && self.known.measures.contains_key(word.text())
        {
            let measure = word.text().to_owned();
            self.add(&word, Symbol::new(Kind::Measure, &measure), false);
            if let Some(attribute) = call.attributes().first() {
                self.add(attribute, Symbol::of(Kind::Value, &measure, attribute.text()), false);
            }
        }
        for argument in call.arguments() {
            if let Some(value) = argument.value() {
                self.read(&value, scope);
            }
        }
    }
}

/// The entity of `every(x)`, `no(x.p)` below a node.
fn quantified(node: &SyntaxNode) -> Option<String> {
    let calls = node.descendants().filter_map(|inner| view::<Call>(&inner));
    let mut calls = calls.filter(|call| {
        let name = call.name().and_then(|path| only_word(&path));
        name.is_some_and(|word| matches!(word.text(), "every" | "no"))
    });
    let value = calls.next()?.arguments().first()?.value()?;
    Some(value.descendants().find(|n| n.kind() == SyntaxKind::Path)?.word(0)?.text().to_owned())
}
