//! Occurrences in declarations and in the heads of blocks; what stands in values is in `reads`.
//!
//! In: the trees of a spec. Out: every place where something is named, in the order of the text.
//! Never: recurses deeper than the parser lets a text nest.
//! Promise: a name occurs here exactly where the lowering reads it as that name. Start reading at
//! [`occurrences`].

use super::known::{Known, invariant, label};
use super::symbols::{Form, Kind, Occurrence, Symbol};
use crate::ast::{self, Node, Setting, view};
use crate::lower::singular;
use crate::source::Span;
use crate::tree::{SyntaxKind, SyntaxNode, SyntaxToken};

/// Every occurrence of every name.
pub(super) fn occurrences(known: &Known, trees: &[SyntaxNode]) -> Vec<Occurrence> {
    let mut all = Vec::new();
    for (source, tree) in (0_u32..).zip(trees) {
        let mut walk = Walk { known, source, found: Vec::new() };
        for item in tree.children() {
            walk.item(&item);
        }
        all.append(&mut walk.found);
    }
    all.sort();
    all.dedup();
    all
}

/// One file's walk.
pub(super) struct Walk<'a> {
    pub(super) known: &'a Known,
    pub(super) source: u32,
    pub(super) found: Vec<Occurrence>,
}

/// What surrounds a node.
#[derive(Clone, Debug, Default)]
pub(super) struct Scope {
    /// The entity whose attributes may be named bare.
    pub(super) bound: Option<String>,
    /// The scenario around.
    pub(super) scenario: String,
}

impl Walk<'_> {
    pub(super) fn add(&mut self, word: &SyntaxToken, symbol: Symbol, definition: bool) {
        let span = ast::token_span(self.source, word);
        self.put(span, symbol, definition, Form::Whole);
    }

    pub(super) fn put(&mut self, span: Span, symbol: Symbol, definition: bool, form: Form) {
        self.found.push(Occurrence { span, symbol, definition, form });
    }

    fn define(&mut self, word: Option<SyntaxToken>, kind: Kind) {
        if let Some(word) = word {
            self.add(&word, Symbol::new(kind, word.text()), true);
        }
    }

    /// A word where only an entity may stand.
    pub(super) fn entity_word(&mut self, word: &SyntaxToken) {
        if self.known.is_entity(word.text()) {
            self.add(word, Symbol::new(Kind::Entity, word.text()), false);
        }
    }

    pub(super) fn item(&mut self, item: &SyntaxNode) {
        match item.kind() {
            SyntaxKind::System => {
                for inner in item.statements() {
                    self.item(&inner);
                }
            }
            SyntaxKind::Entity => self.entity(item),
            SyntaxKind::Event => self.event(item),
            SyntaxKind::Measure => self.measure(item),
            SyntaxKind::Threshold => self.define(item.word(1), Kind::Threshold),
            SyntaxKind::Metric => {
                self.define(item.word(1), Kind::Metric);
                for name in item.child(SyntaxKind::Names).iter().flat_map(SyntaxNode::children) {
                    self.event_name(&name, None, false);
                }
            }
            SyntaxKind::Action => self.action(item),
            SyntaxKind::Invariant => self.invariant(item),
            SyntaxKind::Optimise => {
                if let Some(word) = item.word(1) {
                    self.add(&word, Symbol::new(Kind::Metric, word.text()), false);
                }
            }
            SyntaxKind::Capability => self.capability(item),
            SyntaxKind::Scenario => self.scenario(item),
            _ => self.statement(item, &Scope::default()),
        }
    }

    fn entity(&mut self, item: &SyntaxNode) {
        let Some(name) = item.word(1) else { return };
        let entity = name.text().to_owned();
        self.define(Some(name), Kind::Entity);
        for statement in item.statements() {
            if statement.kind() == SyntaxKind::State {
                self.state(&entity, &statement);
                continue;
            }
            let Some(setting) = view::<Setting>(&statement) else { continue };
            let key = setting.key().map(|key| key.text().to_owned()).unwrap_or_default();
            for value in setting.values() {
                match key.as_str() {
                    "has" => self.has(&entity, &value),
                    "belongs_to" => self.belongs_to(&entity, &value),
                    _ => {}
                }
            }
        }
    }

    fn has(&mut self, entity: &str, value: &SyntaxNode) {
        let Some(word) = value.word(0) else { return };
        let many = value.tokens().any(|token| token.kind() == SyntaxKind::LeftBracket);
        let name = word.text();
        let span = ast::token_span(self.source, &word);
        if many {
            self.put(span, Symbol::of(Kind::Attribute, entity, name), true, Form::Whole);
            let of = singular(name);
            if self.known.is_entity(&of) {
                self.put(span, Symbol::new(Kind::Entity, &of), false, Form::Plural);
            }
        } else if self.known.is_entity(name) {
            // An attribute that is named after an entity is a mention of it.
            self.add(&word, Symbol::new(Kind::Entity, name), false);
        } else {
            self.put(span, Symbol::of(Kind::Attribute, entity, name), true, Form::Whole);
        }
    }

    fn belongs_to(&mut self, entity: &str, value: &SyntaxNode) {
        let Some(owner) = value.word(0) else { return };
        self.entity_word(&owner);
        let inverse = format!("{entity}s");
        let span = ast::token_span(self.source, &owner);
        self.put(span, Symbol::of(Kind::Attribute, owner.text(), &inverse), true, Form::Implied);
    }

    fn state(&mut self, entity: &str, node: &SyntaxNode) {
        if let Some(word) = node.word(1) {
            self.add(&word, Symbol::of(Kind::State, entity, word.text()), true);
        }
        for names in node.children().filter(|child| child.kind() == SyntaxKind::Names) {
            for name in names.children() {
                self.event_name(&name, Some(entity), false);
            }
        }
    }

    fn event(&mut self, item: &SyntaxNode) {
        let mut lists = item.children().filter(|child| child.kind() == SyntaxKind::Names);
        for name in lists.next().iter().flat_map(SyntaxNode::children) {
            self.event_name(&name, None, true);
        }
        for alias in lists.next().iter().flat_map(SyntaxNode::children) {
            let symbol = Symbol::new(Kind::Alias, &event_text(&alias));
            self.put(ast::node_span(self.source, &alias), symbol, true, Form::Whole);
        }
    }

    /// The name of an event. Inside an entity its own events may be named without it.
    pub(super) fn event_name(&mut self, node: &SyntaxNode, around: Option<&str>, definition: bool) {
        if !matches!(node.kind(), SyntaxKind::Path | SyntaxKind::Literal) {
            return;
        }
        let span = ast::node_span(self.source, node);
        let text = event_text(node);
        let full = around.map(|entity| format!("{entity}.{text}"));
        let short = full.filter(|_| !text.contains('.') && self.known.canonical(&text).is_none());
        let (name, form) = match short {
            Some(full) => (full, Form::Short),
            None => (text, Form::Whole),
        };
        let symbol = self.event_symbol(&name);
        self.put(span, symbol, definition, form);
        let words = ast::segments(node);
        let before = words.len().checked_sub(2).and_then(|index| words.get(index));
        if let Some(word) = before {
            self.entity_word(word);
        }
    }

    pub(super) fn event_symbol(&self, name: &str) -> Symbol {
        let alias = self.known.canonical(name).is_some_and(|canonical| canonical != name);
        Symbol::new(if alias { Kind::Alias } else { Kind::Event }, name)
    }

    fn measure(&mut self, item: &SyntaxNode) {
        let Some(name) = item.word(1) else { return };
        let measure = name.text().to_owned();
        self.define(Some(name), Kind::Measure);
        let params = item.child(SyntaxKind::Params);
        for param in params.iter().flat_map(SyntaxNode::children) {
            if let Some(word) = param.words().last() {
                self.entity_word(&word);
            }
        }
        for name in item.child(SyntaxKind::Names).iter().flat_map(SyntaxNode::children) {
            self.event_name(&name, None, false);
        }
        for field in item.child(SyntaxKind::Object).iter().flat_map(SyntaxNode::children) {
            if let Some(word) = field.first_child().and_then(|path| path.word(0)) {
                self.add(&word, Symbol::of(Kind::Value, &measure, word.text()), true);
            }
        }
    }

    fn action(&mut self, item: &SyntaxNode) {
        let Some(name) = item.word(1) else { return };
        let action = name.text().to_owned();
        self.define(Some(name), Kind::Action);
        for param in item.child(SyntaxKind::Params).iter().flat_map(SyntaxNode::children) {
            let words: Vec<SyntaxToken> = param.words().collect();
            let (Some(first), typed) = (words.first(), words.get(1)) else { continue };
            if self.known.is_entity(first.text()) {
                self.entity_word(first);
            } else {
                self.add(first, Symbol::of(Kind::Parameter, &action, first.text()), true);
            }
            if let Some(typed) = typed {
                self.entity_word(typed);
            }
        }
        for statement in item.statements() {
            let Some(setting) = view::<Setting>(&statement) else { continue };
            if setting.key().is_some_and(|key| key.text() == "satisfied_by") {
                for value in setting.values() {
                    self.event_name(&value, None, false);
                }
            }
        }
    }

    fn invariant(&mut self, item: &SyntaxNode) {
        if let Some((word, metric)) = invariant(item) {
            let kind = if metric { Kind::Metric } else { Kind::Invariant };
            self.add(&word, Symbol::new(kind, word.text()), !metric);
        }
    }

    fn capability(&mut self, item: &SyntaxNode) {
        self.define(item.word(1), Kind::Capability);
        for statement in item.statements() {
            let Some(setting) = view::<Setting>(&statement) else { continue };
            let key = setting.key().map(|key| key.text().to_owned()).unwrap_or_default();
            if !matches!(key.as_str(), "accepts" | "produces") {
                continue;
            }
            for value in setting.values() {
                let text = event_text(&value);
                let word = value.word(0);
                if self.known.canonical(&text).is_some() {
                    self.event_name(&value, None, false);
                } else if let Some(word) = word.filter(|_| self.known.measures.contains_key(&text))
                {
                    self.add(&word, Symbol::new(Kind::Measure, &text), false);
                }
            }
        }
    }

    fn scenario(&mut self, item: &SyntaxNode) {
        let start: u32 = item.text_range().start().into();
        // A scenario's name may be repeated by mistake; its place may not.
        let scope = Scope { scenario: format!("{}:{start}", self.source), ..Scope::default() };
        for step in item.statements() {
            for node in step.descendants() {
                match node.kind() {
                    SyntaxKind::Record => self.record(&node, &scope),
                    SyntaxKind::Expect => self.expectation(&node),
                    _ => {}
                }
            }
        }
    }

    fn record(&mut self, node: &SyntaxNode, scope: &Scope) {
        if let Some(word) = node.word(0) {
            self.add(&word, Symbol::of(Kind::Step, &scope.scenario, word.text()), true);
        }
        for field in node.child(SyntaxKind::Object).iter().flat_map(SyntaxNode::children) {
            let (Some(key), Some(value)) = (field.word(0), field.first_child()) else { continue };
            match key.text() {
                "type" => self.event_name(&value, None, false),
                "cause" | "enriches" => {
                    if let Some(word) = value.word(0) {
                        self.add(
                            &word,
                            Symbol::of(Kind::Step, &scope.scenario, word.text()),
                            false,
                        );
                    }
                }
                _ => self.entity_word(&key),
            }
        }
    }

    fn expectation(&mut self, node: &SyntaxNode) {
        let path = node.descendants().find(|child| child.kind() == SyntaxKind::Path);
        let Some(word) = path.and_then(|path| path.word(0)) else { return };
        let name = word.text();
        let kind = if self.known.labels.contains(name) {
            Kind::Label
        } else if self.known.invariants.contains(name) {
            Kind::Invariant
        } else {
            Kind::Action
        };
        self.add(&word, Symbol::new(kind, name), false);
    }

    /// The label of a duty or an assertion.
    pub(super) fn label(&mut self, node: &SyntaxNode) {
        self.define(label(node), Kind::Label);
    }
}

/// The name of an event as text: `a.b`, or what stands between quotes.
pub(super) fn event_text(node: &SyntaxNode) -> String {
    match node.kind() {
        SyntaxKind::Literal => ast::unquoted(&node.flat()),
        _ => {
            let words = ast::segments(node);
            words.iter().map(SyntaxToken::text).collect::<Vec<_>>().join(".")
        }
    }
}
