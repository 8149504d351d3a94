//! Watches the guards of one trigger while events are applied: what each condition read, and what
//! that came to.
//!
//! In: decisions, as they fall. Out: [`Decision`]s. Never: changes what it watches; an evaluator
//! without a probe pays one test for it.
//! Promise: the values are those that decided. Start reading at [`State::record_decision`].

use homeostat_intent::lowered::Direction;
use serde::Serialize;

use crate::datum::{Datum, Truth, compare, crosses, holds};
use crate::guards::{Moment, Scene, exists};
use crate::program::{GuardIndex, PathRead, Program, Read, Test, at};
use crate::state::State;

/// The decisions of one trigger's guards.
#[derive(Clone, Debug, Default)]
pub(crate) struct Probe {
    pub(crate) trigger: u64,
    pub(crate) decisions: Vec<Decision>,
}

/// One guard, decided.
#[derive(Clone, Debug)]
pub(crate) struct Decision {
    pub(crate) guard: GuardIndex,
    pub(crate) position: u64,
    pub(crate) truth: Truth,
    pub(crate) tested: Vec<Tested>,
}

/// One part of a condition, with the values that decided it.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "test", rename_all = "snake_case")]
pub enum Tested {
    /// Two values compared.
    Compare {
        /// As written.
        text: String,
        /// The left value; null when undefined.
        left: serde_json::Value,
        /// The right value; null when undefined.
        right: serde_json::Value,
        /// What it came to.
        truth: Truth,
    },
    /// An edge.
    Crosses {
        /// As written.
        text: String,
        /// What is watched, with the instance in place: `engagement(c1).trend`.
        value: String,
        /// The value just before the trigger; null when undefined.
        before: serde_json::Value,
        /// The value at the decision; null when undefined.
        after: serde_json::Value,
        /// The level.
        level: f64,
        /// The threshold's name.
        threshold: Option<String>,
        /// Which way.
        direction: Direction,
        /// What it came to.
        truth: Truth,
    },
    /// Whether there is a value.
    Exists {
        /// As written.
        text: String,
        /// The value; null when there is none.
        value: serde_json::Value,
        /// What it came to.
        truth: Truth,
    },
    /// A bare value.
    Holds {
        /// As written.
        text: String,
        /// The value; null when undefined.
        value: serde_json::Value,
        /// What it came to.
        truth: Truth,
    },
}

impl State {
    /// Notes a decision if somebody asked about its trigger.
    pub(crate) fn record_decision(
        &mut self,
        program: &Program,
        guard: u32,
        moment: Moment,
        scene: &Scene,
        truth: Truth,
    ) {
        if self.probe.as_ref().is_none_or(|probe| probe.trigger != moment.trigger) {
            return;
        }
        let plan = at(&program.guards, guard);
        let mut tested = Vec::new();
        let read =
            |read: &Read| self.read(program, read, &scene.frame, moment.event_type, plan.inferred);
        self.collect_tests(program, &plan.test, scene, &read, &mut tested);
        if let Some(probe) = &mut self.probe {
            let position = moment.position;
            probe.decisions.push(Decision { guard: GuardIndex(guard), position, truth, tested });
        }
    }

    fn collect_tests(
        &self,
        program: &Program,
        test: &Test,
        scene: &Scene,
        read: &dyn Fn(&Read) -> Datum,
        into: &mut Vec<Tested>,
    ) {
        let json = |datum: Datum| datum.to_json(&self.symbols);
        match test {
            Test::All(parts) | Test::Any(parts) => {
                for part in parts {
                    self.collect_tests(program, part, scene, read, into);
                }
            }
            Test::Not(part) => self.collect_tests(program, part, scene, read, into),
            Test::Compare { left, op, right, text } => {
                let (left, right) = (read(left), read(right));
                let truth = compare(left, *op, right, &self.symbols);
                let (left, right) = (json(left), json(right));
                into.push(Tested::Compare { text: text.clone(), left, right, truth });
            }
            Test::Crosses { value, watched, level, named, direction, text } => {
                let (before, after) = (*at(&scene.watched, *watched), read(value));
                into.push(Tested::Crosses {
                    text: text.clone(),
                    value: self.watched_name(program, value, text, read),
                    before: json(before),
                    after: json(after),
                    level: *level,
                    threshold: named.clone(),
                    direction: *direction,
                    truth: crosses(before, after, *level, *direction),
                });
            }
            Test::Exists { value: of, text } => {
                let value = read(of);
                let truth = exists(of, value);
                into.push(Tested::Exists { text: text.clone(), value: json(value), truth });
            }
            Test::Holds { value, text } => {
                let value = read(value);
                let truth = holds(value, &self.symbols);
                into.push(Tested::Holds { text: text.clone(), value: json(value), truth });
            }
        }
    }

    /// `engagement(c1).trend` for a measure; an attribute as it is written.
    fn watched_name(
        &self,
        program: &Program,
        value: &Read,
        text: &str,
        read: &dyn Fn(&Read) -> Datum,
    ) -> String {
        let written = text.split_once(" crosses").map_or(text, |(value, _)| value).to_owned();
        let Read::Path(path) = value else { return written };
        let Some((&Some(column), way)) = path.hops.split_last() else { return written };
        let name = &at(&program.columns, column).name;
        let Some((measure, (_, attribute))) =
            name.split_once('(').and_then(|(m, rest)| Some((m, rest.split_once(')')?)))
        else {
            return written;
        };
        let way = Read::Path(PathRead { hops: way.to_vec(), ..path.clone() });
        match read(&way).to_json(&self.symbols) {
            serde_json::Value::String(instance) => format!("{measure}({instance}){attribute}"),
            other => format!("{measure}({other}){attribute}"),
        }
    }
}
