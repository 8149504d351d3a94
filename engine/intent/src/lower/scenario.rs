//! `scenario "x" { … }`: its steps in order, its events with their types known, its expectations
//! tied to clauses.
//!
//! In: `scenario` items, after everything else of the spec is lowered. Out: [`Scenario`]s.
//! Never: runs one; infers nothing: what a scenario names must be there without it.
//! Promise: a step that is lowered can be run; what cannot be is reported and left out.
//! Start reading at [`Lowering::scenarios`].

mod event;
mod expect;
mod instant;
mod known;

use std::collections::{BTreeMap, BTreeSet};

use super::Lowering;
use super::literals::{Written, bounds};
use crate::ast::{self, Node, Setting, view};
use crate::codes;
use crate::diagnostic::{Diagnostic, nearest};
use crate::lowered::{Length, SCENARIO_START, Scenario, ScenarioAct, ScenarioStep};
use crate::source::Span;
use crate::tree::{SyntaxKind, SyntaxNode};
use known::Known;

/// What is known of a scenario above the step that is being read.
#[derive(Debug, Default)]
struct Story {
    /// The time of the step above.
    clock: Length,
    /// Where an expectation stands at that same time, if one does.
    expected: Option<Span>,
    /// Whether there is any expectation.
    expects: bool,
    /// Its events by name: type, and where each stands.
    events: BTreeMap<String, (String, Span)>,
    /// Those of them that no enrichment can be of.
    not_enrichable: BTreeSet<String>,
    /// Whether an event above erases something.
    erased: bool,
    steps: Vec<ScenarioStep>,
}

impl Lowering {
    /// Lowers every scenario of the spec.
    pub(super) fn scenarios(&mut self, items: &[(u32, SyntaxNode)]) {
        let mut known = None;
        let mut places: BTreeMap<String, Span> = BTreeMap::new();
        for (source, item) in items.iter().filter(|(_, i)| i.kind() == SyntaxKind::Scenario) {
            self.source = *source;
            let token = item.tokens().nth(1).filter(|t| t.kind() != SyntaxKind::LeftBrace);
            let Some(token) = token else { continue };
            let (name, span) = (ast::unquoted(token.text()), self.at(&token));
            if let Some(before) = places.insert(name.clone(), span) {
                self.push(twice("scenario", &name, span, before));
            }
            let known = known.get_or_insert_with(|| Known::of(self));
            let scenario = self.scenario(item, name, known);
            self.spec.scenarios.push(scenario);
        }
    }

    fn scenario(&mut self, item: &SyntaxNode, name: String, known: &Known) -> Scenario {
        let mut story = Story::default();
        let mut start = None;
        for statement in item.statements() {
            if statement.kind() == SyntaxKind::Setting {
                self.start_of(&statement, &mut start);
            } else {
                self.step(&statement, known, &mut story);
            }
        }
        let span = self.heading_span(item);
        if !story.expects && self.sound {
            self.push(
                Diagnostic::warning(
                    codes::NO_EXPECTATION,
                    span,
                    format!("scenario `{name}` expects nothing, so it cannot fail"),
                )
                .help("say what must come of it, as in `at 6s expect gap notify(c1)`"),
            );
        }
        let start = start.map_or(SCENARIO_START, |(start, _)| start);
        Scenario { name, start, steps: story.steps, span }
    }

    fn start_of(&mut self, node: &SyntaxNode, start: &mut Option<(i64, Span)>) {
        let value = view::<Setting>(node).and_then(|setting| setting.values().into_iter().next());
        let Some(value) = value else { return };
        let span = self.span(&value);
        if let Some((_, before)) = start {
            let fault = Diagnostic::error(codes::SET_TWICE, span, "`start` is set twice");
            let fault = fault.also(*before, "first set here").help("keep one of the two");
            return self.push(fault);
        }
        let written = (value.kind() == SyntaxKind::Literal).then(|| self.literal(&value));
        let instant = match written.flatten() {
            Some(Written::Text(text)) => instant::read(&text),
            _ => None,
        };
        match instant {
            Some(instant) => *start = Some((instant, span)),
            None => self.push(
                Diagnostic::error(
                    codes::WRONG_KIND,
                    span,
                    format!("expected an instant in quotes for `start`, found `{}`", value.flat()),
                )
                .help("write for example `\"2026-03-28T12:00:00Z\"`"),
            ),
        }
    }

    /// One line. What stands deeper than a step is read here too.
    fn step(&mut self, node: &SyntaxNode, known: &Known, story: &mut Story) {
        match node.kind() {
            SyntaxKind::Given => {
                let Some(record) = node.child(SyntaxKind::Record) else { return };
                if let Some((event, time)) = self.scenario_event(&record, known, story) {
                    let at = time.unwrap_or_default();
                    self.add(node, at, ScenarioAct::Event(event), story);
                }
            }
            SyntaxKind::At => {
                let Some(time) = node.first_child() else { return };
                let Some(at) = self.length(&time, "`at`") else { return };
                if let Some(record) = node.child(SyntaxKind::Record)
                    && let Some((mut event, time)) = self.scenario_event(&record, known, story)
                {
                    event.time = time.filter(|time| *time != at);
                    self.add(node, at, ScenarioAct::Event(event), story);
                } else if let Some(expect) = node.child(SyntaxKind::Expect)
                    && let Some(expected) = self.expectation(&expect, known, story)
                {
                    self.add(node, at, ScenarioAct::Expect(expected), story);
                }
            }
            SyntaxKind::Expect => {
                if let Some(expected) = self.expectation(node, known, story) {
                    self.add(node, story.clock, ScenarioAct::Expect(expected), story);
                }
            }
            SyntaxKind::Resume => {
                let Some(time) = node.first_child() else { return };
                if let Some(at) = self.length(&time, "`resume at`") {
                    self.add(node, at, ScenarioAct::Resume, story);
                }
            }
            _ => {}
        }
    }

    /// Adds a step, unless its place in the text contradicts its time.
    fn add(&mut self, node: &SyntaxNode, at: Length, what: ScenarioAct, story: &mut Story) {
        let span = self.span(node);
        // A month is 28 to 31 days long: only what is earlier by any count is reported.
        if bounds(at).1 < bounds(story.clock).0 {
            return self.push(
                Diagnostic::error(codes::OUT_OF_ORDER, span, "this step is earlier than the one above it")
                    .help("put the steps in the order of their times; an event that is seen late carries a `time` of its own"),
            );
        }
        let later = at != story.clock;
        match what {
            ScenarioAct::Expect(_) => story.expected = Some(span),
            _ if later => story.expected = None,
            _ => {
                if let Some(expected) = story.expected {
                    let fault = Diagnostic::error(
                        codes::OUT_OF_ORDER,
                        span,
                        "this step stands below an expectation of the same instant",
                    );
                    return self.push(
                        fault
                            .also(expected, "it sees all that happens at its instant")
                            .help("put it above the expectation, or give one of them another time"),
                    );
                }
            }
        }
        story.clock = at;
        story.steps.push(ScenarioStep { at, what, span });
    }
}

fn twice(what: &str, name: &str, span: Span, before: Span) -> Diagnostic {
    Diagnostic::error(codes::TWO_SCENARIOS, span, format!("there are two {what}s named `{name}`"))
        .label("the second")
        .also(before, "the first")
        .help("give each a name of its own")
}

/// Adds the name that was most likely meant, or else what could be written.
fn meant<'a>(
    fault: Diagnostic,
    word: &str,
    span: Span,
    candidates: impl IntoIterator<Item = &'a str>,
    else_help: String,
) -> Diagnostic {
    match nearest(word, candidates) {
        Some(best) => fault.did_you_mean(span, Some(best)),
        None => fault.help(else_help),
    }
}
