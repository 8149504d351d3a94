//! What a spec declares: events, entities, measures, thresholds, actions, settings.
//!
//! In: item nodes of all sources. Out: [`Names`](super::names::Names), filled.
//! Never: reads a block of duties.
//! Promise: an entity may be declared in parts; everything else once. Start at [`Lowering::declare`].

use super::Lowering;
use super::literals::Written;
use super::names::{Action, KnownMeasure, Parameter};
use crate::ast::{self, Node, Setting, view};
use crate::codes;
use crate::diagnostic::{Diagnostic, nearest, one_slip};
use crate::lowered::{Attribute, Direction, Measure, Metric, Performer, State, Threshold};
use crate::source::Span;
use crate::tree::{SyntaxKind, SyntaxNode, SyntaxToken};

impl Lowering {
    /// Reads all declarations. Events first, since the others name them.
    pub(super) fn declare(&mut self, items: &[(u32, SyntaxNode)]) {
        let passes: [&[SyntaxKind]; 4] = [
            &[SyntaxKind::Event, SyntaxKind::System],
            &[SyntaxKind::Entity],
            &[SyntaxKind::Threshold, SyntaxKind::Setting, SyntaxKind::LimitsItem],
            &[SyntaxKind::Measure, SyntaxKind::Metric, SyntaxKind::Action],
        ];
        for (source, item) in items.iter().filter(|(_, i)| i.kind() == SyntaxKind::Entity) {
            self.source = *source;
            if let Some(name) = item.word(1) {
                self.names.add_entity(name.text(), true, self.at(&name));
            }
        }
        for kinds in passes {
            for (source, item) in items.iter().filter(|(_, item)| kinds.contains(&item.kind())) {
                self.source = *source;
                self.declaration(item);
            }
        }
    }

    fn declaration(&mut self, item: &SyntaxNode) {
        match item.kind() {
            SyntaxKind::Event => self.event(item),
            SyntaxKind::System => {
                let name = item.tokens().nth(1).filter(|t| t.kind() != SyntaxKind::LeftBrace);
                if let (None, Some(name)) = (&self.spec.name, name) {
                    self.spec.name = Some(ast::unquoted(name.text()));
                }
            }
            SyntaxKind::Entity => self.entity(item),
            SyntaxKind::Measure => self.measure(item),
            SyntaxKind::Metric => self.metric(item),
            SyntaxKind::Threshold => self.threshold(item),
            SyntaxKind::Action => self.action(item),
            SyntaxKind::Setting => self.setting(item, false),
            SyntaxKind::LimitsItem => {
                for setting in item.statements() {
                    self.setting(&setting, true);
                }
            }
            _ => {}
        }
    }

    pub(super) fn twice(&mut self, what: &str, name: &str, span: Span, before: Span) {
        self.push(
            Diagnostic::error(
                codes::DECLARED_TWICE,
                span,
                format!("{what} `{name}` is declared twice"),
            )
            .label("declared again here")
            .also(before, "first declared here")
            .help("keep one of the two, or rename one"),
        );
    }

    /// The event names below a node, with their places: paths and texts.
    pub(super) fn event_names(&mut self, names: &SyntaxNode) -> Vec<(String, Span)> {
        let mut found = Vec::new();
        for node in names.children() {
            let span = self.span(&node);
            match node.kind() {
                SyntaxKind::Path => {
                    let words = ast::segments(&node);
                    let words: Vec<&str> = words.iter().map(SyntaxToken::text).collect();
                    found.push((words.join("."), span));
                }
                SyntaxKind::Literal => {
                    if let Some(Written::Text(text)) = self.literal(&node) {
                        found.push((text, span));
                    }
                }
                _ => self.push(Diagnostic::error(
                    codes::WRONG_KIND,
                    span,
                    format!("expected the name of an event, found `{}`", node.flat()),
                )),
            }
        }
        found
    }

    fn event(&mut self, item: &SyntaxNode) {
        let mut lists = item.children().filter(|c| c.kind() == SyntaxKind::Names);
        let Some(name) = lists.next() else { return };
        let aliases = lists.next();
        let Some((name, span)) = self.event_names(&name).into_iter().next() else { return };
        let before = self.names.events.get(&name).and_then(|known| known.declared);
        if let Some(before) = before {
            return self.twice("event", &name, span, before);
        }
        let canonical = self.names.event(&name);
        if canonical != name {
            let owner = self.names.events.get(&canonical).and_then(|known| known.declared);
            return self.twice("event", &name, span, owner.unwrap_or(span));
        }
        if let Some(known) = self.names.events.get_mut(&canonical) {
            known.declared = Some(span);
        }
        let Some(aliases) = aliases else { return };
        for (alias, place) in self.event_names(&aliases) {
            if let Some(owner) = self.names.alias(&canonical, &alias) {
                let before = self.names.events.get(&owner).and_then(|known| known.declared);
                self.twice("the name", &alias, place, before.unwrap_or(place));
            }
        }
    }

    fn entity(&mut self, item: &SyntaxNode) {
        let Some(name) = item.word(1).map(|word| word.text().to_owned()) else { return };
        for statement in item.statements() {
            match statement.kind() {
                SyntaxKind::State => self.state(&name, &statement),
                SyntaxKind::Setting => self.entity_setting(&name, &statement),
                _ => {}
            }
        }
    }

    fn entity_setting(&mut self, entity: &str, node: &SyntaxNode) {
        let Some(setting) = view::<Setting>(node) else { return };
        let Some(key) = setting.key() else { return };
        match key.text() {
            "has" => {
                for value in setting.values() {
                    self.has(entity, &value);
                }
            }
            "belongs_to" => {
                for value in setting.values() {
                    self.belongs_to(entity, &value);
                }
            }
            "rule" => {
                for value in setting.values() {
                    self.rule_declares(entity, &value);
                }
            }
            // What it asks for is lowered with the rules.
            "immutable" => {}
            other => self.unknown_key(
                &key,
                other,
                "an entity",
                &["has", "belongs_to", "immutable", "rule", "state"],
            ),
        }
    }

    pub(super) fn unknown_key(&mut self, key: &SyntaxToken, name: &str, of: &str, known: &[&str]) {
        let span = self.at(key);
        let fault = Diagnostic::error(
            codes::UNKNOWN_SETTING,
            span,
            format!("unknown setting `{name}` of {of}"),
        );
        let best = nearest(name, known.iter().copied());
        self.push(match best {
            Some(_) => fault.did_you_mean_word(span, best),
            None => fault.help(format!("{of} has `{}`", known.join("`, `"))),
        });
    }

    fn has(&mut self, entity: &str, value: &SyntaxNode) {
        if value.kind() != SyntaxKind::Path {
            let span = self.span(value);
            self.push(Diagnostic::error(
                codes::WRONG_KIND,
                span,
                format!("expected the name of an attribute, found `{}`", value.flat()),
            ));
            return;
        }
        let Some(name) = value.word(0).map(|word| word.text().to_owned()) else { return };
        let many = value.tokens().any(|t| t.kind() == SyntaxKind::LeftBracket);
        let of = if many { singular(&name) } else { name.clone() };
        let typed = self.names.is_entity(&of).then_some(of);
        self.names.add_attribute(entity, Attribute { name, entity: typed, many });
    }

    fn belongs_to(&mut self, entity: &str, value: &SyntaxNode) {
        let Some(owner) = value.word(0) else { return };
        let (name, span) = (owner.text().to_owned(), self.at(&owner));
        self.entity_used(&name, span);
        let attribute = Attribute { name: name.clone(), entity: Some(name.clone()), many: false };
        self.names.add_attribute(entity, attribute);
        let declared = self.names.entities.get(&name).is_some_and(|known| {
            let mut attributes = known.entity.attributes.iter();
            attributes.any(|a| a.many && singular(&a.name) == entity)
        });
        if !declared {
            let inverse = Attribute {
                name: format!("{entity}s"),
                entity: Some(entity.to_owned()),
                many: true,
            };
            self.names.add_attribute(&name, inverse);
        }
    }

    fn state(&mut self, entity: &str, node: &SyntaxNode) {
        let Some(name) = node.word(1).map(|word| word.text().to_owned()) else { return };
        if self.names.state(entity, &name).is_some() {
            let span = self.span(node);
            return self.twice("state", &name, span, span);
        }
        let lists: Vec<SyntaxNode> =
            node.children().filter(|c| c.kind() == SyntaxKind::Names).collect();
        let mut sides = [Vec::new(), Vec::new()];
        for (side, list) in sides.iter_mut().zip(&lists) {
            for (event, span) in self.event_names(list) {
                // `from created` inside `entity alert` means `alert.created`.
                let full = match (event.contains('.'), self.names.known_event(&event)) {
                    (false, None) => format!("{entity}.{event}"),
                    _ => event,
                };
                side.push(self.produced_named(&full, span));
            }
        }
        let [from, until] = sides;
        self.names.add_state(entity, State { name, from, until });
    }

    fn measure(&mut self, item: &SyntaxNode) {
        let Some(name) = item.word(1) else { return };
        let (name, span) = (name.text().to_owned(), self.at(&name));
        let before = self.names.measures.get(&name).and_then(|known| known.declared);
        if let Some(before) = before {
            return self.twice("measure", &name, span, before);
        }
        let params = item.child(SyntaxKind::Params);
        let entity =
            params.and_then(|params| params.children().next()).and_then(|p| p.words().last());
        let Some(entity) = entity else { return };
        self.entity_used(entity.text(), self.at(&entity));
        let from = item.child(SyntaxKind::Names);
        let from = from.map(|names| self.event_names(&names)).unwrap_or_default();
        let from = from.iter().map(|(event, span)| self.event_named(event, *span)).collect();
        let attributes = object_names(item);
        let measure =
            Measure { name: name.clone(), entity: entity.text().to_owned(), from, attributes };
        self.names.measures.add(&name, KnownMeasure { measure, declared: Some(span) });
    }

    fn metric(&mut self, item: &SyntaxNode) {
        let Some(name) = item.word(1) else { return };
        let (name, span) = (name.text().to_owned(), self.at(&name));
        let before = self.names.metrics.get(&name).and_then(|(_, place)| *place);
        if let Some(before) = before {
            return self.twice("metric", &name, span, before);
        }
        let from = item.child(SyntaxKind::Names);
        let from = from.map(|names| self.event_names(&names)).unwrap_or_default();
        let samples = from.iter().map(|(event, span)| self.event_named(event, *span)).collect();
        let mut fields = object_names(item);
        if fields.is_empty() {
            fields = vec![name.clone(), "value".to_owned()];
        }
        self.names.metrics.add(&name, (Metric { name: name.clone(), samples, fields }, Some(span)));
    }

    fn threshold(&mut self, item: &SyntaxNode) {
        let Some(name) = item.word(1) else { return };
        let (name, span) = (name.text().to_owned(), self.at(&name));
        let before = self.names.thresholds.get(&name).map(|(_, place)| *place);
        if let Some(before) = before {
            return self.twice("threshold", &name, span, before);
        }
        let Some(node) = item.children().next() else { return };
        let place = self.span(&node);
        let written = if node.kind() == SyntaxKind::Literal {
            self.literal(&node)
        } else {
            Some(Written::Other(node.flat()))
        };
        let value = match written {
            Some(Written::Number(value)) => value,
            Some(Written::Hole(hole)) => {
                self.open_value(place, &hole);
                f64::NAN
            }
            None => f64::NAN,
            Some(_) => {
                self.push(Diagnostic::error(
                    codes::WRONG_KIND,
                    place,
                    format!("expected a number for threshold `{name}`, found `{}`", node.flat()),
                ));
                // Declared all the same, so that its uses are not reported too.
                f64::NAN
            }
        };
        let direction = match item.word(2).as_ref().map(SyntaxToken::text) {
            Some("falling") => Some(Direction::Falling),
            Some("rising") => Some(Direction::Rising),
            _ => None,
        };
        self.names
            .thresholds
            .add(&name, (Threshold { name: name.clone(), value, direction }, span));
    }

    fn action(&mut self, item: &SyntaxNode) {
        let Some(name) = item.word(1) else { return };
        let (name, span) = (name.text().to_owned(), self.at(&name));
        let before = self.names.actions.get(&name).and_then(|known| known.declared);
        if let Some(before) = before {
            return self.twice("action", &name, span, before);
        }
        let mut action = Action { declared: Some(span), ..Action::default() };
        let params = item.child(SyntaxKind::Params);
        for param in params.iter().flat_map(SyntaxNode::children) {
            let words: Vec<SyntaxToken> = param.words().collect();
            let (Some(first), Some(last)) = (words.first(), words.last()) else { continue };
            if words.len() > 1 {
                self.entity_used(last.text(), self.at(last));
            }
            let entity = self.names.is_entity(last.text()).then(|| last.text().to_owned());
            action.parameters.push(Parameter { name: first.text().to_owned(), entity });
        }
        for statement in item.statements() {
            self.action_setting(&mut action, &statement);
        }
        if action.satisfied_by.is_empty() {
            // Declared without an event of its own: the event of its name, as for any action.
            let event = self.names.event_of_action(&name).unwrap_or_else(|| name.clone());
            action.satisfied_by.push(self.names.produced_event(&event));
        }
        self.names.actions.add(&name, action);
    }

    fn action_setting(&mut self, action: &mut Action, node: &SyntaxNode) {
        let Some(setting) = view::<Setting>(node) else { return };
        let Some(key) = setting.key() else { return };
        let values = setting.values();
        match key.text() {
            "satisfied_by" => {
                for (event, span) in self.event_names(node) {
                    let canonical = self.produced_named(&event, span);
                    if !action.satisfied_by.contains(&canonical) {
                        action.satisfied_by.push(canonical);
                    }
                }
            }
            "by" => {
                let word = values.first().map(Node::flat).unwrap_or_default();
                action.by = match word.as_str() {
                    "agent" => Some(Performer::Agent),
                    "system" => Some(Performer::System),
                    "human" => Some(Performer::Human),
                    _ => {
                        self.unknown_choice(&values, "who acts", &["agent", "system", "human"]);
                        None
                    }
                };
            }
            "effect" => match values.first().map(Node::flat).unwrap_or_default().as_str() {
                "external" => action.external = true,
                "internal" => action.external = false,
                _ => self.unknown_choice(&values, "an effect", &["external", "internal"]),
            },
            other => self.unknown_key(&key, other, "an action", &["satisfied_by", "by", "effect"]),
        }
    }

    pub(super) fn unknown_choice(&mut self, values: &[SyntaxNode], what: &str, choices: &[&str]) {
        let Some(value) = values.first() else { return };
        let (span, word) = (self.span(value), value.flat());
        let fault = Diagnostic::error(
            codes::WRONG_KIND,
            span,
            format!("expected {what} (`{}`), found `{word}`", choices.join("`, `")),
        );
        self.push(fault.did_you_mean_word(span, nearest(&word, choices.iter().copied())));
    }

    /// The canonical name of an event that a declaration reads or produces. One letter off an
    /// event that is declared, it is most likely a slip.
    fn event_named(&mut self, name: &str, span: Span) -> String {
        if self.names.known_event(name).is_none() {
            let declared = self.names.events.iter().filter(|known| known.declared.is_some());
            let best = one_slip(name, declared.map(|known| known.event.name.as_str()));
            if let Some(best) = best.map(str::to_owned).filter(|_| self.sound) {
                self.push(
                    Diagnostic::warning(
                        codes::LIKELY_MISSPELT,
                        span,
                        format!("event `{name}` is declared nowhere, and `{best}` is"),
                    )
                    .did_you_mean(span, Some(&best)),
                );
            }
        }
        self.names.event(name)
    }

    fn produced_named(&mut self, name: &str, span: Span) -> String {
        let canonical = self.event_named(name, span);
        self.names.produced_event(&canonical)
    }
}

/// The names in `{ a, b }`.
fn object_names(item: &SyntaxNode) -> Vec<String> {
    let object = item.child(SyntaxKind::Object);
    let fields = object.iter().flat_map(SyntaxNode::children).filter_map(|f| f.first_child());
    fields.filter_map(|path| path.word(0)).map(|word| word.text().to_owned()).collect()
}

/// `interactions` → `interaction`, `companies` → `company`.
pub(crate) fn singular(name: &str) -> String {
    if let Some(stem) = name.strip_suffix("ies") {
        return format!("{stem}y");
    }
    name.strip_suffix('s').unwrap_or(name).to_owned()
}
