//! Watches one trigger while events are applied: what its guards read and what that came to, and
//! whom its `for each` went through.
//!
//! In: decisions and rounds, as they come. Out: [`Decision`]s, [`Round`]s.
//! Never: changes what it watches; an evaluator without a probe pays one test for it.
//! Promise: the values are those that decided. Start reading at [`State::record_decision`].

use homeostat_intent::lowered::Direction;
use homeostat_world::Position;
use serde::Serialize;

use crate::change::ObligationId;
use crate::datum::{Datum, Truth, compare, crosses, holds};
use crate::evaluator::Evaluator;
use crate::guards::{Moment, Scene, exists};
use crate::instances::name;
use crate::occasion::{Began, ObligationName};
use crate::program::{GuardIndex, NO_BLOCK, Opens, PathRead, Program, Read, Test, at};
use crate::state::State;

/// What was asked about, and what was seen of it.
#[derive(Clone, Debug)]
pub(crate) struct Probe {
    pub(crate) asked: Asked,
    /// The trigger, once it is there.
    pub(crate) trigger: Option<u64>,
    pub(crate) decisions: Vec<Decision>,
    pub(crate) rounds: Vec<Round>,
    /// Where what the event in question says stands, while nothing newer was said there.
    pub(crate) cells: Vec<(u32, Datum)>,
    /// Who read it there.
    pub(crate) used: Vec<Used>,
}

/// Something that an enrichment was used for.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "as", rename_all = "snake_case")]
pub enum Used {
    /// A guard `using inferred` read it.
    Guard {
        /// As written.
        condition: String,
        /// What called for its block: an event, or an occasion.
        trigger: String,
        /// At which event it was decided.
        at: Position,
        /// How.
        decided: Truth,
    },
    /// It satisfied a duty.
    Satisfied {
        /// Which.
        duty: String,
    },
    /// What must always hold no longer did.
    Broke {
        /// The gap.
        gap: String,
    },
    /// What must always hold did again.
    Mended {
        /// The gap.
        gap: String,
    },
}

/// What is to be explained.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Asked {
    /// Everything that an event triggers.
    Event(u64),
    /// What a block that no event triggers calls for on one occasion.
    Occasion { block: u32, began: Began, instances: Vec<String> },
    /// One violation of what must always hold.
    Breach(ObligationName),
}

/// A body of a `for each` that was entered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Round {
    pub(crate) block: u32,
    pub(crate) trigger: u64,
    /// The trigger around it.
    pub(crate) outer: u64,
    pub(crate) instance: String,
    /// What stands behind the `@` of its obligations' names.
    pub(crate) name: String,
}

/// One guard, decided.
#[derive(Clone, Debug)]
pub(crate) struct Decision {
    pub(crate) guard: GuardIndex,
    pub(crate) trigger: u64,
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

impl Asked {
    /// Whether it is about `trigger`, for which `block` was entered.
    pub(crate) fn is_about(
        &self,
        program: &Program,
        state: &State,
        trigger: u64,
        block: u32,
    ) -> bool {
        // What the contract bounds stands in no block.
        if block == NO_BLOCK {
            return false;
        }
        let root = program.root(block);
        let occasion = state.occasions.get(trigger);
        match self {
            Self::Event(position) => {
                let first = occasion.map_or(trigger, |it| it.around.first().copied().unwrap_or(0));
                matches!(at(&program.blocks, root).opens, Opens::Events) && first == *position
            }
            Self::Occasion { block, began, instances } => {
                let same = match occasion {
                    Some(occasion) => {
                        let names = occasion.instances.iter().map(|it| name(*it, &state.symbols));
                        occasion.began == *began
                            && occasion.instances.len() >= instances.len()
                            && names.zip(instances).all(|(found, asked)| found == *asked)
                    }
                    None => instances.is_empty() && *began == Began::Event(Position::new(trigger)),
                };
                same && root == *block
            }
            Self::Breach(_) => false,
        }
    }

    /// Whether it is about a violation: the one that is asked about, or one that began with the event.
    pub(crate) fn is_about_breach(&self, evaluator: &Evaluator, id: ObligationId) -> bool {
        match self {
            Self::Breach(name) => {
                name.clause == id.clause && evaluator.show(id) == name.show(evaluator.program())
            }
            Self::Event(position) => evaluator
                .origin(id)
                .is_some_and(|(began, _)| began == Began::Event(Position::new(*position))),
            Self::Occasion { .. } => false,
        }
    }
}

impl State {
    /// Whether somebody wants to know about a trigger, for which `block` was entered.
    fn is_asked_about(&self, program: &Program, trigger: u64, block: u32) -> bool {
        self.probe.as_ref().is_some_and(|probe| probe.asked.is_about(program, self, trigger, block))
    }

    /// Notes that a block was entered that no event triggers.
    pub(crate) fn record_opening(&mut self, program: &Program, trigger: u64, block: u32) {
        if self.is_asked_about(program, trigger, block)
            && let Some(probe) = &mut self.probe
        {
            probe.trigger = Some(trigger);
        }
    }

    /// Notes that the body of a `for each` was entered for an instance.
    pub(crate) fn record_round(
        &mut self,
        program: &Program,
        block: u32,
        (outer, trigger): (u64, u64),
    ) {
        if !self.is_asked_about(program, trigger, block) {
            return;
        }
        let Some(occasion) = self.occasions.get(trigger) else { return };
        let instance = occasion.instances.last().map(|it| name(*it, &self.symbols).into_owned());
        let (instance, name) = (instance.unwrap_or_default(), occasion.name(&self.symbols));
        if let Some(probe) = &mut self.probe {
            probe.rounds.push(Round { block, trigger, outer, instance, name });
        }
    }

    /// Notes where what an enrichment says stands, if somebody asked about it.
    pub(crate) fn record_said(&mut self, column: u32, instance: Datum, inferred: bool) {
        let Some(probe) = &mut self.probe else { return };
        let cell = (column, instance);
        if inferred && probe.asked == Asked::Event(self.position) {
            probe.cells.push(cell);
        } else {
            probe.cells.retain(|it| *it != cell);
        }
    }

    /// Notes that a guard read what the enrichment in question says.
    fn record_use(
        &mut self,
        program: &Program,
        guard: u32,
        moment: Moment,
        scene: &Scene,
        truth: Truth,
    ) {
        let plan = at(&program.guards, guard);
        let Some(probe) = self.probe.as_ref().filter(|it| plan.inferred && !it.cells.is_empty())
        else {
            return;
        };
        let mut reads = Vec::new();
        collect_paths(&plan.test, &mut reads);
        let uses = |path: &PathRead| {
            let cells = self.cells_on(program, path, scene, moment.event_type);
            cells.iter().any(|cell| probe.cells.contains(cell))
        };
        if !reads.into_iter().any(uses) {
            return;
        }
        let trigger = match self.occasions.get(moment.trigger) {
            Some(occasion) => occasion.name(&self.symbols),
            None => format!("e{}", moment.trigger),
        };
        let (condition, at) = (plan.text.clone(), Position::new(moment.position));
        if let Some(probe) = &mut self.probe {
            probe.used.push(Used::Guard { condition, trigger, at, decided: truth });
        }
    }

    /// The places of the values on the way of a path.
    fn cells_on(
        &self,
        program: &Program,
        path: &PathRead,
        scene: &Scene,
        event_type: u32,
    ) -> Vec<(u32, Datum)> {
        let mut cells = Vec::new();
        let mut instance = *at(&scene.frame, path.root);
        for (place, hop) in path.hops.iter().enumerate() {
            let (Some(column), true) = (*hop, instance.is_name()) else { break };
            cells.push((column, instance.as_instance(&self.symbols)));
            // The first may be the trigger's own; the rest is as it is remembered.
            let way = PathRead {
                hops: path.hops.iter().take(place + 1).copied().collect(),
                ..path.clone()
            };
            instance = self.read(program, &Read::Path(way), &scene.frame, event_type, true);
        }
        cells
    }

    /// Notes a decision if somebody asked about its trigger.
    pub(crate) fn record_decision(
        &mut self,
        program: &Program,
        guard: u32,
        moment: Moment,
        scene: &Scene,
        truth: Truth,
    ) {
        self.record_use(program, guard, moment, scene, truth);
        let plan = at(&program.guards, guard);
        if !self.is_asked_about(program, moment.trigger, plan.block) {
            return;
        }
        let mut tested = Vec::new();
        let read =
            |read: &Read| self.read(program, read, &scene.frame, moment.event_type, plan.inferred);
        self.collect_tests(program, &plan.test, scene, &read, &mut tested);
        if let Some(probe) = &mut self.probe {
            let (guard, Moment { trigger, position, .. }) = (GuardIndex(guard), moment);
            probe.decisions.push(Decision { guard, trigger, position, truth, tested });
        }
    }

    /// Every part of a condition, with its values.
    pub(crate) fn collect_tests(
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

/// Every path that a condition reads.
fn collect_paths<'t>(test: &'t Test, into: &mut Vec<&'t PathRead>) {
    let mut note = |read: &'t Read| match read {
        Read::Path(path) | Read::Count { of: path, .. } => into.push(path),
        Read::Nowhere | Read::Constant(_) | Read::Number(_) => {}
    };
    match test {
        Test::All(parts) | Test::Any(parts) => {
            parts.iter().for_each(|part| collect_paths(part, into));
        }
        Test::Not(part) => collect_paths(part, into),
        Test::Compare { left, right, .. } => {
            note(left);
            note(right);
        }
        Test::Crosses { value, .. } | Test::Holds { value, .. } | Test::Exists { value, .. } => {
            note(value);
        }
    }
}
