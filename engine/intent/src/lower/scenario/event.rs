//! The events of a scenario: `e1: { type: interaction.created, customer: c1, … }`.
//!
//! In: records. Out: [`ScenarioEvent`]s and the `time` that each says.
//! Never: lets an event go by that the spec cannot notice, unless nothing else can be proven.
//! Promise: `type`, `time`, `kind`, `subject`, `actor`, `cause`, `enriches`, `confidence` and `data` are
//! the envelope, every other field is payload; a field of the payload that has such a name stands in `data: { … }`.
//! Start reading at [`Lowering::scenario_event`].

use super::known::Known;
use super::{Story, meant, twice};
use crate::ast::{self, Node};
use crate::codes;
use crate::diagnostic::{Diagnostic, one_slip};
use crate::lower::Lowering;
use crate::lower::literals::{Written, plain};
use crate::lowered::{Length, Literal, ScenarioEvent, ScenarioKind, ScenarioLink};
use crate::source::Span;
use crate::tree::{SyntaxKind, SyntaxNode, SyntaxToken};

/// The kinds that a scenario can say.
const KINDS: [(&str, ScenarioKind); 4] = [
    ("primary", ScenarioKind::Primary),
    ("enrichment", ScenarioKind::Enrichment),
    ("tombstone", ScenarioKind::Tombstone),
    ("control", ScenarioKind::Control),
];

/// The engine's own events that say something to a spec: what a checker found, what a person
/// decided about a gap.
const CONTROL: [&str; 2] = ["check.reported", "gap.decided"];

/// Who can be the `actor`.
const ACTORS: [&str; 3] = ["world", "agent", "human"];

/// What a record says, field by field.
#[derive(Default)]
struct Said {
    r#type: Option<(String, Span)>,
    time: Option<Length>,
    kind: Option<ScenarioKind>,
    subject: Option<String>,
    by_agent: bool,
    cause: Option<(SyntaxNode, Span)>,
    enriches: Option<(SyntaxNode, Span)>,
    confidence: Option<(f64, Span)>,
    fields: Vec<(String, Literal)>,
}

impl Lowering {
    /// Reads a record as an event, with the time that it says.
    pub(super) fn scenario_event(
        &mut self,
        record: &SyntaxNode,
        known: &Known,
        story: &mut Story,
    ) -> Option<(ScenarioEvent, Option<Length>)> {
        let name = record.word(0)?;
        let (name, span) = (name.text().to_owned(), self.at(&name));
        let mut said = Said::default();
        for field in record.child(SyntaxKind::Object)?.children() {
            if field.kind() == SyntaxKind::Field {
                self.event_field(&field, false, known, &mut said);
            }
        }
        let Some((r#type, at)) = said.r#type.take() else {
            self.push(
                Diagnostic::error(codes::WRONG_EVENT, span, format!("event `{name}` has no type"))
                    .help("say what happened, as in `type: interaction.created`"),
            );
            return None;
        };
        let (r#type, kind) = self.event_type(r#type, said.kind, said.subject.is_some(), at)?;
        let cause = match said.cause {
            Some((node, span)) => Some(self.cause(&node, span, &r#type, known, story)?),
            None => None,
        };
        let enriches = self.link(kind, said.enriches, said.confidence, story)?;
        let event = ScenarioEvent {
            name: name.clone(),
            r#type: r#type.clone(),
            time: None,
            kind,
            subject: said.subject,
            by_agent: said.by_agent,
            cause,
            enriches,
            fields: said.fields,
        };
        if let Some((_, before)) = story.events.get(&name) {
            self.push(twice("event", &name, span, *before));
            return None;
        }
        if matches!(kind, ScenarioKind::Tombstone | ScenarioKind::Control) {
            story.not_enrichable.insert(name.clone());
        }
        story.events.insert(name, (r#type, span));
        story.erased |= kind == ScenarioKind::Tombstone;
        Some((event, said.time))
    }

    fn event_field(&mut self, field: &SyntaxNode, data: bool, known: &Known, said: &mut Said) {
        let (Some(name), Some(value)) = (field.word(0), field.first_child()) else {
            return self.push(
                Diagnostic::error(
                    codes::WRONG_EVENT,
                    self.span(field),
                    format!("expected `name: value`, found `{}`", field.flat()),
                )
                .help("say which field of the event has this value"),
            );
        };
        let (name, span) = (name.text().to_owned(), self.span(&value));
        match name.as_str() {
            "type" if !data => {
                said.r#type = self.words_of(&value).map(|text| (text, span));
            }
            "time" if !data => said.time = self.length(&value, "`time`"),
            "kind" if !data => {
                let kinds = KINDS.map(|(word, _)| word);
                if let Some(word) = self.one_of("kind", &value, &kinds) {
                    let found = KINDS.iter().find(|(known, _)| *known == word);
                    said.kind = found.map(|(_, kind)| *kind);
                }
            }
            "actor" if !data => {
                said.by_agent = self.one_of("actor", &value, &ACTORS).as_deref() == Some("agent");
            }
            "subject" if !data => said.subject = self.subject(&value, span),
            "cause" if !data => said.cause = Some((value, span)),
            "enriches" if !data => said.enriches = Some((value, span)),
            "confidence" if !data => {
                said.confidence = self.confidence(&value, span).map(|sure| (sure, span));
            }
            "data" if !data && value.kind() == SyntaxKind::Object => {
                for field in value.children().filter(|c| c.kind() == SyntaxKind::Field) {
                    self.event_field(&field, true, known, said);
                }
            }
            _ => {
                self.likely_field(&name, field, known);
                if let Some(value) = self.field_value(&value, span) {
                    said.fields.push((name, value));
                }
            }
        }
    }

    /// The text of a path or of a quoted text.
    fn words_of(&mut self, node: &SyntaxNode) -> Option<String> {
        if node.kind() == SyntaxKind::Path {
            let words = ast::segments(node);
            let words: Vec<&str> = words.iter().map(SyntaxToken::text).collect();
            return Some(words.join("."));
        }
        let written = (node.kind() == SyntaxKind::Literal).then(|| self.literal(node)).flatten();
        if let Some(Written::Text(text)) = written {
            return Some(text);
        }
        let message = format!("expected a name, found `{}`", node.flat());
        self.push(Diagnostic::error(codes::WRONG_KIND, self.span(node), message));
        None
    }

    fn one_of(&mut self, field: &str, node: &SyntaxNode, known: &[&str]) -> Option<String> {
        let word = self.words_of(node)?;
        if known.contains(&word.as_str()) {
            return Some(word);
        }
        let span = self.span(node);
        let fault = Diagnostic::error(
            codes::WRONG_EVENT,
            span,
            format!("unknown {field} `{word}` of an event"),
        );
        let help = format!("expected one of `{}`", known.join("`, `"));
        self.push(meant(fault, &word, span, known.iter().copied(), help));
        None
    }

    fn subject(&mut self, node: &SyntaxNode, span: Span) -> Option<String> {
        let text = self.words_of(node)?;
        let entity = text.split_once('/').map(|(entity, _)| entity);
        if entity.is_some_and(|entity| self.names.is_entity(entity)) {
            return Some(text);
        }
        let fault = Diagnostic::error(
            codes::WRONG_EVENT,
            span,
            format!("subject `{text}` names no instance of an entity of this spec"),
        );
        self.push(
            fault.help("write the entity and its instance, as in `subject: \"customer/c1\"`"),
        );
        None
    }

    /// How sure an enrichment is.
    fn confidence(&mut self, node: &SyntaxNode, span: Span) -> Option<f64> {
        let written = (node.kind() == SyntaxKind::Literal).then(|| self.literal(node)).flatten();
        let number = written.as_ref().and_then(plain);
        match number {
            Some(Literal::Number(sure)) if (0.0..=1.0).contains(&sure) => Some(sure),
            _ => {
                let message = format!("confidence `{}` is no number from 0 to 1", node.flat());
                let fault = Diagnostic::error(codes::WRONG_EVENT, span, message);
                self.push(fault.help("say how sure the enrichment is, as in `confidence: 0.8`"));
                None
            }
        }
    }

    /// `enriches: e1, confidence: 0.8`. None inside when nothing is said of it.
    fn link(
        &mut self,
        kind: ScenarioKind,
        enriches: Option<(SyntaxNode, Span)>,
        confidence: Option<(f64, Span)>,
        story: &Story,
    ) -> Option<Option<ScenarioLink>> {
        let said = enriches.as_ref().map(|(_, span)| ("enriches", *span));
        let said = said.or(confidence.map(|(_, span)| ("confidence", span)));
        let Some((field, span)) = said else { return Some(None) };
        if kind != ScenarioKind::Enrichment {
            let message = format!("`{field}` stands in an event that is no enrichment");
            let fault = Diagnostic::error(codes::WRONG_EVENT, span, message);
            self.push(
                fault
                    .help("add `kind: enrichment`, or put a field of this name into `data: { … }`"),
            );
            return None;
        }
        let Some((node, span)) = enriches else {
            let message = "an enrichment that says how sure it is says of what, too";
            let fault = Diagnostic::error(codes::WRONG_EVENT, span, message);
            self.push(fault.help("name the event that it enriches, as in `enriches: e1`"));
            return None;
        };
        let event = self.words_of(&node)?;
        if !story.events.contains_key(&event) {
            let message = format!("no event named `{event}` stands above this one");
            let fault = Diagnostic::error(codes::WRONG_EVENT, span, message);
            let names = story.events.keys().map(String::as_str);
            let help = "an enrichment is of an event of the same scenario, as in `enriches: e1`";
            self.push(meant(fault, &event, span, names, help.to_owned()));
            return None;
        }
        if story.not_enrichable.contains(&event) {
            let message =
                format!("`{event}` is a tombstone or the engine's own, and cannot be enriched");
            let fault = Diagnostic::error(codes::WRONG_EVENT, span, message);
            self.push(fault.help("name an event of the world, of an agent, or another enrichment"));
            return None;
        }
        Some(Some(ScenarioLink { event, confidence: confidence.map_or(1.0, |(sure, _)| sure) }))
    }

    /// A value of the payload.
    fn field_value(&mut self, node: &SyntaxNode, span: Span) -> Option<Literal> {
        let value = match node.kind() {
            SyntaxKind::Literal => {
                let written = self.literal(node)?;
                if let Written::Hole(name) = &written {
                    self.open_value(span, name);
                }
                plain(&written)?
            }
            SyntaxKind::Path => match self.words_of(node)?.as_str() {
                "true" => Literal::Truth(true),
                "false" => Literal::Truth(false),
                word => Literal::Text(word.to_owned()),
            },
            _ => {
                self.push(
                    Diagnostic::error(
                        codes::WRONG_KIND,
                        span,
                        format!("expected a value, found `{}`", node.flat()),
                    )
                    .help("a field of an event is a word, a text, a number, a length of time, `true` or `false`"),
                );
                return None;
            }
        };
        if matches!(value, Literal::Length(length) if length.months > 0) {
            self.push(
                Diagnostic::error(
                    codes::WRONG_EVENT,
                    span,
                    "months and years have no fixed length, so no event carries one",
                )
                .help("write it in days, as in `30d`"),
            );
            return None;
        }
        Some(value)
    }

    /// The canonical type and the kind of an event. Nothing when the spec cannot notice it.
    fn event_type(
        &mut self,
        name: String,
        kind: Option<ScenarioKind>,
        has_subject: bool,
        span: Span,
    ) -> Option<(String, ScenarioKind)> {
        if let Some(known) = self.names.known_event(&name) {
            return Some((known, kind.unwrap_or_default()));
        }
        let own = CONTROL.contains(&name.as_str());
        if own || kind == Some(ScenarioKind::Control) {
            if own && kind.is_none_or(|kind| kind == ScenarioKind::Control) {
                return Some((name, ScenarioKind::Control));
            }
            let fault = Diagnostic::error(
                codes::WRONG_EVENT,
                span,
                format!("`{name}` is no control event that a scenario can bring"),
            );
            let help = format!("those are `{}`", CONTROL.join("` and `"));
            self.push(meant(fault, &name, span, CONTROL, help));
            return None;
        }
        let entity = self.names.entity_of_event(&name);
        if entity.is_some() || has_subject || !self.sound {
            // It may say something of an instance, whatever its name.
            let events: Vec<&str> = self.names.events.keys().collect();
            if let Some(best) = one_slip(&name, events).map(str::to_owned) {
                let message = format!("nothing in this spec names an event `{name}`");
                let fault = Diagnostic::warning(codes::UNKNOWN_EVENT, span, message);
                self.push(fault.did_you_mean(span, Some(&best)));
            }
            return Some((name, kind.unwrap_or_default()));
        }
        let fault = Diagnostic::error(
            codes::UNKNOWN_EVENT,
            span,
            format!("nothing in this spec names an event `{name}`"),
        );
        let events: Vec<String> = self.names.events.keys().map(str::to_owned).collect();
        let help = format!("if it is meant to change nothing, declare it: `event {name}`");
        self.push(meant(fault, &name, span, events.iter().map(String::as_str), help));
        None
    }

    /// `cause: e1` or `cause: "f@e1"`, as `slug@e1`.
    fn cause(
        &mut self,
        node: &SyntaxNode,
        span: Span,
        r#type: &str,
        known: &Known,
        story: &Story,
    ) -> Option<String> {
        let said = self.words_of(node)?;
        let (clause, trigger) = match said.split_once('@') {
            Some((clause, trigger)) => (Some(clause), trigger),
            None => (None, said.as_str()),
        };
        let event = trigger.split('~').next().unwrap_or(trigger);
        let on_the_calendar =
            event.starts_with(|c: char| c.is_ascii_digit()) && event.contains('T');
        let Some((cause_type, _)) = story.events.get(event) else {
            if clause.is_some() && on_the_calendar {
                return Some(said);
            }
            let fault = Diagnostic::error(
                codes::WRONG_CAUSE,
                span,
                format!("no event named `{event}` stands above this one"),
            );
            let names = story.events.keys().map(String::as_str);
            let help = "a cause is an event of the same scenario, as in `cause: e1`".to_owned();
            // The word is the whole value only where no clause stands before it.
            let fault = if clause.is_none() {
                meant(fault, event, span, names, help)
            } else {
                fault.help(help)
            };
            self.push(fault);
            return None;
        };
        if let Some(clause) = clause {
            return self.named_cause(clause, trigger, span, known);
        }
        let answered: Vec<&str> = known
            .clauses
            .iter()
            .filter(|clause| {
                clause.triggers.contains(cause_type)
                    && clause.satisfied_by.iter().any(|name| name == r#type)
            })
            .map(|clause| clause.slug.as_str())
            .collect();
        match answered.as_slice() {
            [slug] => Some(format!("{slug}@{trigger}")),
            [] => {
                self.push(
                    Diagnostic::error(
                        codes::WRONG_CAUSE,
                        span,
                        format!("`{type}` satisfies no duty that `{event}` triggers"),
                    )
                    .help("an event names as its cause what it is an answer to"),
                );
                None
            }
            several => {
                self.push(
                    Diagnostic::error(
                        codes::WRONG_CAUSE,
                        span,
                        format!("`{type}` satisfies several duties that `{event}` triggers"),
                    )
                    .help(format!(
                        "say which one: `cause: \"{}@{event}\"`",
                        several.join(&format!("@{event}\"` or `cause: \""))
                    )),
                );
                None
            }
        }
    }

    /// `f@e1` with the clause by its slug.
    fn named_cause(
        &mut self,
        clause: &str,
        trigger: &str,
        span: Span,
        known: &Known,
    ) -> Option<String> {
        if let [one] = known.named(clause).as_slice() {
            return Some(format!("{}@{trigger}", one.slug));
        }
        if known.clauses.iter().any(|known| known.slug == clause) {
            return Some(format!("{clause}@{trigger}"));
        }
        let fault = Diagnostic::error(
            codes::UNKNOWN_CLAUSE,
            span,
            format!("no clause of this spec is named `{clause}`"),
        );
        self.push(fault.help("name a duty by its action, label or slug"));
        None
    }

    /// Says of a field that no clause reads that its name is one slip away from one that is read.
    fn likely_field(&mut self, name: &str, field: &SyntaxNode, known: &Known) {
        let Some(token) = field.word(0) else { return };
        if known.fields.contains(name) {
            return;
        }
        let best = one_slip(name, known.fields.iter().map(String::as_str));
        if best.is_some() {
            let span = self.at(&token);
            let message = format!("nothing in this spec reads a field `{name}`");
            let fault = Diagnostic::warning(codes::WRONG_EVENT, span, message);
            self.push(fault.did_you_mean(span, best));
        }
    }
}
