//! What opens a block: `when <event>`, `when <condition> for <time>`, `when intent.evolved`.
//!
//! In: `when` items. Out: [`Block`]s, and the policy for what was there before a new version.
//! Never: takes a condition that may hold for no time for a trigger.
//! Promise: the trigger's text is part of the identity of every clause in the block. Start reading
//! at [`Lowering::when`].

use super::Lowering;
use super::bindings::Bindings;
use super::collections::first_root;
use super::duties::{Scope, Seen};
use crate::ast::{self, Node};
use crate::codes;
use crate::diagnostic::{Diagnostic, nearest};
use crate::lowered::{Block, Condition, Held, Length, Trigger};
use crate::source::Span;
use crate::tree::{SyntaxKind, SyntaxNode};

/// What stands after `when`.
pub(super) enum When {
    /// Names of events.
    Events,
    /// `x for 4h`.
    Held(SyntaxNode),
    /// `intent.evolved`.
    Evolved,
    /// Something that is no trigger.
    Other,
}

pub(super) fn kind_of_trigger(trigger: &SyntaxNode) -> When {
    let mut parts = trigger.children();
    let (Some(first), second) = (parts.next(), parts.next()) else { return When::Other };
    if first.kind() == SyntaxKind::Held && second.is_none() {
        return When::Held(first);
    }
    let event = |c: SyntaxNode| matches!(c.kind(), SyntaxKind::Path | SyntaxKind::Literal);
    if !trigger.children().all(event) {
        return When::Other;
    }
    let own = |c: SyntaxNode| c.word(0).is_some_and(|word| word.text() == "intent");
    if trigger.children().any(own) { When::Evolved } else { When::Events }
}

impl Lowering {
    pub(super) fn when(&mut self, item: &SyntaxNode) {
        let Some(trigger) = item.child(SyntaxKind::Trigger) else { return };
        match kind_of_trigger(&trigger) {
            When::Events => self.when_events(item, &trigger),
            When::Held(held) => self.when_held(item, &held),
            When::Evolved => self.when_evolved(item, &trigger),
            When::Other => {
                let (span, text) = (self.span(&trigger), trigger.flat());
                self.no_lasting(span, &text, "a condition");
                // What stands inside is read for its own faults.
                self.body(item, &Scope::default(), &mut Seen::new());
            }
        }
    }

    fn no_lasting(&mut self, span: Span, text: &str, what: &str) {
        self.push(
            Diagnostic::error(
                codes::NO_LASTING,
                span,
                format!("expected an event, found {what}: `{text}`"),
            )
            .help("to wait for what lasts, say how long, as in `when alert.unacknowledged for 4h`"),
        );
    }

    fn when_events(&mut self, item: &SyntaxNode, trigger: &SyntaxNode) {
        let mut triggers = Vec::new();
        for (name, span) in &self.event_names(trigger) {
            if self.is_state(name) {
                self.no_lasting(*span, name, "a state");
                continue;
            }
            let canonical = self.trigger(name, *span);
            if !triggers.contains(&canonical) {
                triggers.push(canonical);
            }
        }
        let scope = Scope { path: vec![triggers.join("|")], ..Scope::default() };
        let about = triggers.iter().filter_map(|name| self.names.entity_of_event(name));
        self.bindings.about = about.collect();
        let body = self.body(item, &scope, &mut Seen::new());
        self.bindings = Bindings::event();
        if !triggers.is_empty() {
            let trigger = Trigger::Events(triggers);
            self.spec.blocks.push(Block { trigger, body, span: self.heading_span(item) });
        }
    }

    /// Whether `alert.unacknowledged` is a declared state and no event.
    fn is_state(&self, name: &str) -> bool {
        let Some((entity, state)) = name.rsplit_once('.') else { return false };
        self.names.known_event(name).is_none() && self.names.state(entity, state).is_some()
    }

    fn trigger(&mut self, name: &str, span: Span) -> String {
        let known = self.names.known_event(name).and_then(|name| self.names.events.get(&name));
        let known = known.is_some_and(|event| event.declared.is_some() || event.produced);
        let canonical = self.names.event(name);
        if !known {
            let events = self.names.events.iter().filter(|e| e.declared.is_some() || e.produced);
            let best = nearest(name, events.map(|e| e.event.name.as_str())).map(str::to_owned);
            self.inferred_name(
                codes::INFERRED_EVENT,
                span,
                format!("event `{name}` is declared nowhere; the log is expected to bring it"),
                best.as_deref(),
                format!("event {name}"),
            );
            // Said once, however many blocks it triggers.
            self.names.produced_event(&canonical);
        }
        canonical
    }

    fn when_held(&mut self, item: &SyntaxNode, held: &SyntaxNode) {
        let Some(root) = held.first_child().as_ref().and_then(first_root) else {
            let message = "nothing says whose condition has to last".to_owned();
            self.push(
                Diagnostic::error(codes::UNBOUND, self.span(held), message)
                    .help("name an entity, as in `when alert.unacknowledged for 4h`"),
            );
            return;
        };
        let entity = root.text().to_owned();
        self.entity_used(&entity, self.at(&root));
        self.bindings = Bindings::instance(Some(&entity));
        let lowered = self.held(held, entity);
        let scope = Scope { path: vec![ast::normalised(held)], ..Scope::default() };
        let body = self.body(item, &scope, &mut Seen::new());
        self.bindings = Bindings::event();
        if let Some(held) = lowered {
            let trigger = Trigger::Held(held);
            self.spec.blocks.push(Block { trigger, body, span: self.heading_span(item) });
        }
    }

    fn held(&mut self, node: &SyntaxNode, entity: String) -> Option<Held> {
        let tested = node.first_child()?;
        let condition = self.lasting_condition(&tested);
        let (lasting, more) = self.lasting(node)?;
        if more {
            self.push(
                Diagnostic::error(
                    codes::WRONG_KIND,
                    self.span(node),
                    "a block is triggered when the time is reached, not after it",
                )
                .help("leave the `>` out"),
            );
        }
        Some(Held { entity, condition: condition?, text: node.first_child()?.flat(), lasting })
    }

    /// A condition that is watched, not decided at one moment.
    pub(super) fn lasting_condition(&mut self, node: &SyntaxNode) -> Option<Condition> {
        let condition = self.condition(node)?;
        if has_edge(&condition) {
            self.push(
                Diagnostic::error(
                    codes::MISPLACED,
                    self.span(node),
                    "`crosses` cannot stand here: it compares with the moment before a trigger",
                )
                .help("compare with `<`, `<=`, `>` or `>=`"),
            );
            return None;
        }
        self.check_truth(&condition, &mut super::ranges::Known::new(), self.span(node));
        Some(condition)
    }

    /// The length after `for`, and whether it has to be exceeded.
    pub(super) fn lasting(&mut self, held: &SyntaxNode) -> Option<(Length, bool)> {
        let value = held.children().nth(1)?;
        let more = held.tokens().any(|token| token.kind() == SyntaxKind::Greater);
        let length = self.length(&value, "`for`")?;
        if length == Length::default() {
            self.push(
                Diagnostic::error(codes::NO_TIME, self.span(&value), "nothing lasts for no time")
                    .help("give it the time that it has to last"),
            );
        }
        Some((length, more))
    }

    /// `when intent.evolved { backfill_policy: … }`.
    fn when_evolved(&mut self, item: &SyntaxNode, trigger: &SyntaxNode) {
        if trigger.flat() != "intent.evolved" {
            let span = self.span(trigger);
            let fault = Diagnostic::error(
                codes::MISPLACED,
                span,
                format!("`{}` is the engine's own and triggers no block", trigger.flat()),
            );
            return self.push(
                fault.help("`when intent.evolved { backfill_policy: … }` is all that there is"),
            );
        }
        for statement in item.statements() {
            let key = statement.word(0).filter(|_| statement.kind() == SyntaxKind::Setting);
            match key {
                Some(key) if key.text() == "backfill_policy" => self.backfill(&statement),
                Some(key) => {
                    let name = key.text().to_owned();
                    self.unknown_key(&key, &name, "`when intent.evolved`", &["backfill_policy"]);
                }
                None => self.push(
                    Diagnostic::error(
                        codes::MISPLACED,
                        self.span(&statement),
                        "only `backfill_policy` stands in `when intent.evolved`",
                    )
                    .help("what a new version asks for stands in its own blocks"),
                ),
            }
        }
    }
}

pub(super) fn has_edge(condition: &Condition) -> bool {
    match condition {
        Condition::And(parts) | Condition::Or(parts) => parts.iter().any(has_edge),
        Condition::Not(inner) => has_edge(inner),
        Condition::Crosses { .. } => true,
        _ => false,
    }
}
