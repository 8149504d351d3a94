//! `capability x { accepts, produces, property }`: what a system can do, held against the rest.
//!
//! In: `capability` items. Out: [`Capability`]s.
//! Never: says that a capability is there; that is for whoever promotes a system.
//! Promise: what a capability names keeps the name that the text gives it. Start reading at
//! [`Lowering::capability`].

use super::dotted;
use crate::ast::{self, Node, Setting, view};
use crate::codes;
use crate::diagnostic::Diagnostic;
use crate::lower::Lowering;
use crate::lowered::{Capability, Checker, Property};
use crate::source::Span;
use crate::tree::{SyntaxKind, SyntaxNode};

impl Lowering {
    pub(super) fn capability(&mut self, item: &SyntaxNode) {
        let Some(name) = item.word(1) else { return };
        let (name, place) = (name.text().to_owned(), self.at(&name));
        let before = self.spec.capabilities.iter().find(|known| known.name == name);
        if let Some(before) = before.map(|known| known.span) {
            return self.twice("capability", &name, place, before);
        }
        let span = self.heading_span(item);
        let mut capability = Capability {
            name,
            accepts: Vec::new(),
            produces: Vec::new(),
            properties: Vec::new(),
            span,
        };
        for statement in item.statements() {
            self.capability_setting(&statement, &mut capability);
        }
        self.spec.capabilities.push(capability);
    }

    fn capability_setting(&mut self, node: &SyntaxNode, capability: &mut Capability) {
        let Some(setting) = view::<Setting>(node) else { return };
        let Some(key) = setting.key() else { return };
        match key.text() {
            "accepts" => {
                for value in setting.values() {
                    let Some(event) = self.type_named(&value) else { continue };
                    self.check_accepted(&event, self.span(&value));
                    capability.accepts.push(event);
                }
            }
            "produces" => {
                for value in setting.values() {
                    let Some(event) = self.type_named(&value) else { continue };
                    self.check_produced(&event, self.span(&value));
                    capability.produces.push(event);
                }
            }
            "property" => {
                let unless = node.child(SyntaxKind::Unless).and_then(|unless| unless.first_child());
                for value in setting.values() {
                    let property = self.property(node, &value, unless.as_ref());
                    capability.properties.extend(property);
                }
            }
            other => {
                let other = other.to_owned();
                let known = ["accepts", "produces", "property"];
                self.unknown_key(&key, &other, "a capability", &known);
            }
        }
    }

    fn type_named(&mut self, value: &SyntaxNode) -> Option<String> {
        match value.kind() {
            SyntaxKind::Path => Some(dotted(value)),
            SyntaxKind::Literal if value.flat().starts_with('"') => {
                Some(ast::unquoted(&value.flat()))
            }
            _ => {
                let message = format!("expected the name of an event, found `{}`", value.flat());
                self.push(Diagnostic::error(codes::WRONG_KIND, self.span(value), message));
                None
            }
        }
    }

    fn property(
        &mut self,
        statement: &SyntaxNode,
        value: &SyntaxNode,
        unless: Option<&SyntaxNode>,
    ) -> Option<Property> {
        let name = self.proposition(value)?;
        let excuse = match unless {
            Some(unless) => Some(self.proposition(unless)?),
            None => None,
        };
        let checker = self.checker(&name);
        let unless = excuse.map(|excuse| {
            let checker = self.checker(&excuse);
            (excuse, checker)
        });
        let excused = unless.as_ref().is_some_and(|(_, checker)| *checker != Checker::Unbound);
        if checker == Checker::Unbound && !excused {
            self.checked_by_nobody("property", &name, self.span(value));
        }
        Some(Property { name, checker, unless, span: self.span(statement) })
    }

    fn proposition(&mut self, node: &SyntaxNode) -> Option<String> {
        if node.kind() == SyntaxKind::Path {
            return Some(dotted(node));
        }
        let message = format!("expected the name of a property, found `{}`", node.flat());
        self.push(
            Diagnostic::error(codes::WRONG_KIND, self.span(node), message)
                .help("assert the condition under a name, and use the name here"),
        );
        None
    }

    /// Something must happen about what is accepted.
    fn check_accepted(&mut self, name: &str, span: Span) {
        let event = self.names.known_event(name);
        let mut triggers = self.spec.blocks.iter().flat_map(|block| block.trigger.events());
        let triggers = event.is_some_and(|event| triggers.any(|trigger| *trigger == event));
        if !triggers && self.sound {
            self.push(
                Diagnostic::warning(
                    codes::NOT_ACCEPTED,
                    span,
                    format!("`{name}` is accepted, and nothing follows from it"),
                )
                .help(format!("say what must follow: `when {name} {{ … }}`")),
            );
        }
    }

    /// Something must bring about what is produced.
    fn check_produced(&mut self, name: &str, span: Span) {
        let event = self.names.event_of_action(name);
        let owed =
            |event: &String| self.spec.duties().any(|duty| duty.satisfied_by.contains(event));
        let measured = self.names.measures.iter().any(|known| {
            let measure = &known.measure;
            let attribute = name.strip_prefix(measure.name.as_str());
            let attribute = attribute.map(|rest| rest.trim_start_matches(['_', '.']));
            let named = attribute.is_some_and(|rest| {
                rest.is_empty() || measure.attributes.iter().any(|attribute| attribute == rest)
            });
            named && measure.from.iter().any(owed)
        });
        if !measured && !event.as_ref().is_some_and(owed) && self.sound {
            self.push(
                Diagnostic::warning(
                    codes::NOT_GIVEN,
                    span,
                    format!("`{name}` is produced, and no duty brings it about"),
                )
                .help(format!("declare an action that is satisfied by `{name}`, and owe it")),
            );
        }
    }
}
