//! `rule: …` and `immutable: true` of entities: what holds for each of their instances.
//!
//! In: entity items. Out: [`Assertion`]s.
//! Never: lets a rule that nothing checks pass for one that holds.
//! Promise: a rule that the engine has built in means the same for every entity. Start reading at
//! [`Lowering::rules`].

use super::Lowering;
use super::bindings::Bindings;
use super::contract::NamedRule;
use crate::ast::{self, Node, Setting, view};
use crate::codes;
use crate::diagnostic::Diagnostic;
use crate::lowered::{Assertion, Attribute, Check, Condition, Expr, Hop, Origin, Path};
use crate::tree::{SyntaxKind, SyntaxNode};

/// The rules that are built in.
pub(super) const RULES: [&str; 3] =
    ["timestamp_never_in_future", "always_has_encryption_key", "deletion_means_crypto_shred"];

/// What an encrypted entity must have.
const KEY: &str = "encryption_key";

impl Lowering {
    pub(super) fn rules(&mut self, item: &SyntaxNode) {
        let Some(entity) = item.word(1).map(|word| word.text().to_owned()) else { return };
        for statement in item.statements() {
            let Some(setting) = view::<Setting>(&statement) else { continue };
            for value in setting.values() {
                let rule = if statement.is_set("rule") {
                    self.rule(&entity, &value)
                } else if statement.is_set("immutable") {
                    self.immutable(&entity, &value)
                } else {
                    None
                };
                if let Some((slug, check)) = rule {
                    self.add_rule(&entity, &statement, &value, &slug, check);
                }
            }
        }
    }

    fn add_rule(
        &mut self,
        entity: &str,
        statement: &SyntaxNode,
        value: &SyntaxNode,
        slug: &str,
        check: Check,
    ) {
        let key = statement.word(0).map(|key| key.text().to_owned()).unwrap_or_default();
        let id = self.slugs.clause(&["entity", entity, &key, &ast::normalised(value)]);
        self.spec.assertions.push(Assertion {
            id,
            slug: self.slugs.slug(slug),
            text: format!("{key}: {}", value.flat()),
            over: Some(entity.to_owned()),
            filter: None,
            check,
            origin: Origin::Rule,
            span: self.span(statement),
        });
    }

    /// The attributes that a built-in rule speaks of, known before anything is inferred.
    pub(super) fn rule_declares(&mut self, entity: &str, value: &SyntaxNode) {
        if value.flat() == "always_has_encryption_key" {
            let typed = self.names.is_entity(KEY).then(|| KEY.to_owned());
            let attribute = Attribute { name: KEY.to_owned(), entity: typed, many: false };
            self.names.add_attribute(entity, attribute);
        }
    }

    fn rule(&mut self, entity: &str, value: &SyntaxNode) -> Option<(String, Check)> {
        if value.kind() != SyntaxKind::Path || value.words().count() > 1 {
            self.bindings = Bindings::instance(Some(entity));
            let condition = self.lasting_condition(value);
            self.bindings = Bindings::event();
            return Some((super::assertions::in_words(value), Check::Holds(condition?)));
        }
        let name = value.flat();
        let check = match name.as_str() {
            "timestamp_never_in_future" => Check::NeverInFuture,
            "always_has_encryption_key" => {
                let value = self.attribute_value(entity, KEY);
                Check::Holds(Condition::Exists { value, text: format!("{entity} has {KEY}") })
            }
            "deletion_means_crypto_shred" => {
                let events = [format!("{entity}.shredded"), format!("{KEY}.shredded")];
                let by = events.iter().map(|event| self.names.event(event)).collect();
                Check::Shredded { by }
            }
            _ => return self.unknown_rule(entity, value),
        };
        if name != "timestamp_never_in_future" {
            self.personal.insert(entity.to_owned());
        }
        Some((name, check))
    }

    /// A rule by a name that is not built in: a state or attribute that must hold.
    fn unknown_rule(&mut self, entity: &str, value: &SyntaxNode) -> Option<(String, Check)> {
        let name = value.flat();
        if self.names.has(entity, &name) {
            let value = self.attribute_value(entity, &name);
            let condition = Condition::Holds { value, text: format!("{entity}.{name}") };
            return Some((format!("{entity}_{name}"), Check::Holds(condition)));
        }
        let (entity, span) = (entity.to_owned(), self.span(value));
        self.named_rules.push(NamedRule { entity, name, span });
        None
    }

    fn immutable(&mut self, entity: &str, value: &SyntaxNode) -> Option<(String, Check)> {
        match value.flat().as_str() {
            "true" => Some((format!("{entity}_immutable"), Check::Immutable)),
            "false" => None,
            other => {
                let message = format!("expected `true` or `false`, found `{other}`");
                self.push(Diagnostic::error(codes::WRONG_KIND, self.span(value), message));
                None
            }
        }
    }

    /// An attribute or state of the bound instance.
    fn attribute_value(&self, entity: &str, name: &str) -> Expr {
        let names = self.names.attribute(entity, name).and_then(|known| known.entity.clone());
        Expr::Path(Path {
            root: entity.to_owned(),
            bound: true,
            entity: Some(entity.to_owned()),
            hops: vec![Hop { attribute: name.to_owned(), entity: names }],
        })
    }
}
