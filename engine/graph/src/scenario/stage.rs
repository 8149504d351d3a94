//! One scenario on stage: its events are made and applied, time comes to each step, and each
//! expectation is held against what is so at its instant.
//!
//! In: a program and a scenario. Out: the expectations that did not hold, and what was reached.
//! Never: lets time pass beyond a step before the step is taken.
//! Promise: at an expectation everything above it has happened, what was due before its instant is
//! missed, and what is due at it is not. Start reading at [`Stage::play`].

use std::collections::BTreeMap;
use std::sync::Arc;

use homeostat_intent::lowered::{
    Expectation, Length, Literal, Scenario, ScenarioAct, ScenarioEvent, ScenarioKind, ScenarioLink,
    ScenarioStep,
};
use homeostat_log::{Actor, Confidence, Data, Event, EventName, Kind, Link, NewEvent};
use homeostat_world::{Position, Timestamp};
use serde_json::{Map, Value};

use super::coverage::Reached;
use super::owed::Ledger;
use super::{Failure, found};
use crate::calendar;
use crate::change::Change;
use crate::evaluator::Evaluator;
use crate::explain::length;
use crate::program::Program;

/// Who produced the events of a scenario.
const SOURCE: &str = "scenario";

/// See the module's opening.
#[derive(Debug)]
pub(super) struct Stage<'s> {
    scenario: &'s Scenario,
    evaluator: Evaluator,
    /// Everything that was appended, in order.
    pub(super) log: Vec<Event>,
    pub(super) ledger: Ledger,
    reached: Reached,
    /// How far time has come.
    pub(super) now: Timestamp,
    /// The position of each event that has a name.
    positions: BTreeMap<&'s str, Position>,
}

impl<'s> Stage<'s> {
    pub(super) fn new(program: Arc<Program>, scenario: &'s Scenario) -> Self {
        let reached = Reached::new(&program);
        Self {
            scenario,
            evaluator: Evaluator::new(program),
            log: Vec::new(),
            ledger: Ledger::default(),
            reached,
            now: Timestamp::from_micros(scenario.start),
            positions: BTreeMap::new(),
        }
    }

    /// Plays it to its end and says which expectations did not hold, and why.
    pub(super) fn play(&mut self) -> Vec<Failure> {
        let mut failures = Vec::new();
        self.begin();
        for step in &self.scenario.steps {
            if let Some(expected) = self.take(step) {
                failures.push(Failure {
                    at: length(step.at),
                    expected: expected.text.clone(),
                    found: found::instead(self, expected),
                    span: step.span,
                });
            }
        }
        self.reached.end(&self.ledger);
        failures
    }

    /// Plays it up to the first expectation that does not hold. True when there is one.
    pub(super) fn fails(&mut self) -> bool {
        self.begin();
        self.scenario.steps.iter().any(|step| self.take(step).is_some())
    }

    /// The calendar begins to tick with the first instant that is known.
    fn begin(&mut self) {
        self.evaluator.advance(self.now, &mut |_| {});
    }

    /// Takes one step. Gives the expectation when it is one that does not hold.
    fn take(&mut self, step: &'s ScenarioStep) -> Option<&'s Expectation> {
        let at = self.instant(step.at);
        match &step.what {
            ScenarioAct::Event(event) => {
                self.pass(at);
                self.append(event);
                None
            }
            ScenarioAct::Expect(expected) => {
                self.pass(at);
                (!self.holds(expected)).then_some(expected)
            }
            ScenarioAct::Resume => {
                self.resume(at);
                None
            }
        }
    }

    /// Lets time come to an instant, one deadline after the other, so that what is told between
    /// them can be looked at.
    fn pass(&mut self, until: Timestamp) {
        let mut last = None;
        while let Some(next) = self.evaluator.next_deadline().filter(|next| *next < until) {
            // Bounded: a deadline that stays the earliest is left to the last step.
            if last.is_some_and(|last| next <= last) {
                break;
            }
            last = Some(next);
            self.pass_to(next);
        }
        self.pass_to(until);
    }

    fn pass_to(&mut self, until: Timestamp) {
        let mut changes = Vec::new();
        self.now = self.now.max(until);
        self.evaluator.advance(self.now, &mut |change| changes.push(change));
        self.note(&changes);
    }

    /// The engine knew nothing of the time in between.
    fn resume(&mut self, at: Timestamp) {
        let mut changes = Vec::new();
        self.now = self.now.max(at);
        self.evaluator.resume(self.now, &mut |change| changes.push(change));
        self.note(&changes);
    }

    fn append(&mut self, event: &'s ScenarioEvent) {
        let position = Position::new(self.log.len() as u64 + 1);
        let event_of_log = self.event(event, position);
        self.positions.insert(&event.name, position);
        let mut changes = Vec::new();
        self.evaluator.on_event(&event_of_log, &mut |change| changes.push(change));
        self.log.push(event_of_log);
        self.note(&changes);
    }

    fn note(&mut self, changes: &[Change]) {
        self.reached.note(changes);
        self.ledger.note(changes, &self.evaluator, self.now);
    }

    fn holds(&self, expected: &Expectation) -> bool {
        let mut meant = self.ledger.of_clauses(expected);
        let found = meant.any(|owed| owed.is_of(&expected.instances) && owed.is(expected.state));
        found != expected.negated
    }

    /// An event of the scenario as the log would hold it.
    fn event(&self, event: &ScenarioEvent, position: Position) -> Event {
        let kind = match event.kind {
            ScenarioKind::Primary => Kind::Primary,
            ScenarioKind::Enrichment => Kind::Enrichment,
            ScenarioKind::Tombstone => Kind::Tombstone,
            ScenarioKind::Control => Kind::Control,
        };
        let actor = match (kind, event.by_agent) {
            (Kind::Control, _) => Actor::Engine,
            (_, true) => Actor::Agent("agent".to_owned()),
            (_, false) => Actor::World,
        };
        let fields: Map<String, Value> = event
            .fields
            .iter()
            .map(|(name, value)| {
                let names_gap = kind == Kind::Control && name == "gap";
                match value {
                    Literal::Text(gap) if names_gap => (name.clone(), self.answered(gap).into()),
                    value => (name.clone(), json(value)),
                }
            })
            .collect();
        Event {
            position,
            recorded: self.now,
            event: NewEvent {
                id: event.name.clone(),
                source: SOURCE.to_owned(),
                kind,
                r#type: event.r#type.clone(),
                time: event.time.map_or(self.now, |time| self.instant(time)),
                subject: event.subject.clone(),
                cause: event.cause.as_deref().map(|cause| self.answered(cause)),
                actor,
                depth: u16::from(event.by_agent),
                enriches: event.enriches.as_ref().and_then(|link| self.link(link)),
                // Words, numbers and truths do not nest, so that this cannot be refused.
                data: Data::from_json(&Value::Object(fields)).unwrap_or_default(),
            },
        }
    }

    /// What an enrichment was derived from, as the log keeps it.
    fn link(&self, said: &ScenarioLink) -> Option<Box<Link>> {
        let name = EventName { source: SOURCE.to_owned(), id: said.event.clone() };
        Some(Box::new(Link {
            position: self.positions.get(said.event.as_str()).copied(),
            name: Some(name),
            confidence: Confidence::new(said.confidence)?,
        }))
    }

    /// `f@e1` with the position of `e1` in place of its name.
    fn answered(&self, cause: &str) -> String {
        let Some((slug, trigger)) = cause.split_once('@') else { return cause.to_owned() };
        let (event, bound) = trigger.split_at(trigger.find('~').unwrap_or(trigger.len()));
        match self.positions.get(event) {
            Some(position) => format!("{slug}@{position}{bound}"),
            None => cause.to_owned(),
        }
    }

    /// The instant that lies so long behind the start.
    fn instant(&self, at: Length) -> Timestamp {
        calendar::after(Timestamp::from_micros(self.scenario.start), at)
    }

    /// How long an instant lies behind the start, as the scenario writes it.
    pub(super) fn since_start(&self, instant: Timestamp) -> String {
        length(Length::from_micros(instant.as_micros().saturating_sub(self.scenario.start)))
    }

    /// An event by the name that the scenario gives it.
    pub(super) fn name_of(&self, position: Position) -> String {
        let event = self.log.iter().find(|event| event.position == position);
        event.map_or_else(|| position.to_string(), |event| event.event.id.clone())
    }

    pub(super) fn program(&self) -> &Arc<Program> {
        self.evaluator.program()
    }

    pub(super) fn reached(&self) -> &Reached {
        &self.reached
    }

    pub(super) fn events(&self) -> usize {
        self.log.len()
    }

    pub(super) fn expectations(&self) -> usize {
        let expects = |step: &&ScenarioStep| matches!(step.what, ScenarioAct::Expect(_));
        self.scenario.steps.iter().filter(expects).count()
    }
}

/// A value of a scenario's event as JSON has it. A length of time is its seconds, as conditions
/// compare it.
fn json(value: &Literal) -> Value {
    let number = |number: f64| {
        #[expect(clippy::cast_possible_truncation, reason = "whole, and far below 2^63")]
        if number.fract() == 0.0 && number.abs() < 9e15 {
            Value::from(number as i64)
        } else {
            Value::from(number)
        }
    };
    match value {
        Literal::Number(value) => number(*value),
        Literal::Text(text) => Value::from(text.as_str()),
        Literal::Truth(truth) => Value::from(*truth),
        #[expect(clippy::cast_precision_loss, reason = "lengths are far below 2^53 µs")]
        Literal::Length(length) => number(length.micros as f64 / 1e6),
    }
}
