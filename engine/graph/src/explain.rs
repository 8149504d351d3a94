//! Why things stand as they do, for one event: its consequence graph.
//!
//! In: a program, the events of the log in order, and the trigger to explain. Out:
//! [`Consequences`], as text in the seed's form and as JSON.
//! Never: remembered while events come: it is built on demand, by replaying the log with a probe.
//! Promise: it says what the evaluator says, since it is the evaluator that says it.
//! Start reading at [`Explainer`].

mod breach;
mod lived;
pub(crate) mod print;
pub(crate) mod probe;
mod record;
mod seen;

use std::sync::Arc;

use homeostat_intent::lowered::{Performer, Strength};
use homeostat_log::Event;
use homeostat_log::control::GapKind;
use homeostat_world::{Position, Timestamp};
use serde::Serialize;

use crate::change::{Change, Fulfilment, ObligationId};
use crate::datum::Truth;
use crate::draw;
use crate::evaluator::Evaluator;
use crate::evolve::Retroactive;
use crate::occasion::{Began, ObligationName, name_of};
use crate::program::{ClauseIndex, GuardIndex, ItemPlan, Opens, Program, at};
use crate::view::KeyView;
pub use breach::Breach;
use lived::{Life, Lived};
pub(crate) use print::length;
use probe::{Asked, Probe};
pub use probe::{Tested, Used};
pub use record::Record;
use seen::{Seen, instance_of};

/// By which clock time passes while a log is replayed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum TimeLine {
    /// When each event was appended: what the engine saw as it ran.
    #[default]
    Recorded,
    /// The newest event time so far: for logs that were imported as history.
    EventTime,
}

/// What should have followed from one event or occasion, and what did.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Consequences {
    /// Its place; of an occasion, the event with which it began. A tick has none.
    pub position: Option<Position>,
    /// What opened the block, and since when, when that is not simply an event.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub occasion: Option<String>,
    /// Its type under the spec's name; of an occasion, the heading of its block.
    pub event: String,
    /// The instance that it is about.
    pub instance: Option<String>,
    /// Everything else that it carries, as JSON text values.
    pub fields: Vec<(String, serde_json::Value)>,
    /// Up to where the log was read.
    pub read_to: Position,
    /// The instant at which this is so.
    pub as_of: Timestamp,
    /// What it is besides something that happened.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub record: Option<Record>,
    /// What it brought about, in the order of the text; what it broke, last.
    pub consequences: Vec<Consequence>,
    /// What is missing.
    pub gaps: Vec<Gap>,
}

/// A duty or a guard.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Consequence {
    /// Something owed.
    Duty(Box<Duty>),
    /// Something that depends.
    Guard(Guard),
    /// The same for each of several instances.
    Each(Each),
    /// What must always hold and did not since.
    Breach(Box<Breach>),
}

/// One `for each` for this event.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Each {
    /// As written.
    pub text: String,
    /// Those that were there when it was reached, in the order of their names.
    pub rounds: Vec<Round>,
}

/// What it calls for for one instance.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Round {
    /// Whom.
    pub instance: String,
    /// What stands inside.
    pub body: Vec<Consequence>,
}

/// One duty for this event.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Duty {
    /// `slug@position`.
    pub id: String,
    /// How hard it is.
    pub strength: Strength,
    /// The call, with the values of its arguments.
    pub call: String,
    /// Its deadline as a length.
    pub within: Option<String>,
    /// Since when it is owed.
    pub activated: Option<Timestamp>,
    /// Until when.
    pub due: Option<Timestamp>,
    /// Where it stands.
    pub status: Status,
    /// The version that asks for it, if that came after its trigger, and how far it has come.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retroactive: Option<Retroactive>,
    /// Any of these event types satisfies it.
    pub satisfied_by: Vec<String>,
    /// What such an event must carry.
    pub keys: Vec<KeyView>,
    /// What it requires and does not have.
    pub waiting_for: Vec<String>,
    /// Events that nearly satisfied it; the first few.
    pub near_misses: Vec<NearMiss>,
    /// What is owed in its place once it has lapsed.
    pub fallback: Option<Box<Self>>,
}

/// Where a duty stands.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "is", rename_all = "snake_case")]
pub enum Status {
    /// It is not owed: its guard was not entered, or what it replaces has not lapsed.
    NotOwed,
    /// Its trigger came before the version that would ask for it, and that does not.
    NotAsked,
    /// A version that came after its trigger asks for it, and it is not owed yet.
    Queued,
    /// Owed; nothing is missing yet.
    Waiting,
    /// Owed, and missing.
    Gap {
        /// What sort of gap.
        gap: GapKind,
        /// Whether its deadline has passed.
        overdue: bool,
    },
    /// It happened.
    Fulfilled {
        /// The event.
        by: Position,
        /// In time or not.
        outcome: Fulfilment,
    },
    /// Due passed, and the fallback is owed instead.
    Lapsed,
    /// No longer owed, since what it stands for happened.
    Withdrawn,
    /// Due passed, and the fallback was fulfilled.
    Compensated,
    /// A person let it go.
    Waived,
    /// What it was about was erased.
    Void,
}

/// One guard for this event.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Guard {
    /// As written.
    pub condition: String,
    /// How it was decided; null while it is not.
    pub decided: Option<Truth>,
    /// At which event.
    pub at: Option<Position>,
    /// The values that decided it.
    pub tested: Vec<Tested>,
    /// The duties that it waits for, or waited for.
    pub awaits: Vec<String>,
    /// What stands inside.
    pub body: Vec<Consequence>,
}

/// An event of the right type that did not satisfy a duty.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct NearMiss {
    /// Its place.
    pub position: Position,
    /// Its type under the spec's name.
    pub event: String,
    /// What was off.
    pub why: String,
}

/// Something missing, in words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Gap {
    /// `slug@position`.
    pub id: String,
    /// What is missing for whom.
    pub missing: String,
    /// How grave that is.
    pub severity: String,
    /// What happens about it.
    pub response: String,
}

/// Of which trigger the items of a block are explained.
struct Within {
    trigger: Position,
    /// What stands behind the `@` of its obligations' names.
    name: String,
}

/// Replays a log with an eye on one event or occasion. Feed it every event in order, then ask.
#[derive(Debug)]
pub struct Explainer {
    evaluator: Evaluator,
    time_line: TimeLine,
    newest: Timestamp,
    seen: Seen,
    /// On a log with several versions, what they made of it.
    lived: Option<Lived>,
}

impl Explainer {
    /// Watches for the event at `trigger`.
    #[must_use]
    pub fn new(program: Arc<Program>, trigger: Position, time_line: TimeLine) -> Self {
        Self::about(program, Asked::Event(trigger.get()), time_line)
    }

    /// Watches for what an obligation of this name belongs to: its event, or the tick or the lasting
    /// condition that opened its block.
    #[must_use]
    pub fn of(program: Arc<Program>, name: &ObligationName, time_line: TimeLine) -> Self {
        if program.clause(name.clause).watched {
            return Self::about(program, Asked::Breach(name.clone()), time_line);
        }
        let block = program.root(program.clause(name.clause).block);
        let plan = at(&program.blocks, block);
        let asked = match (&plan.opens, name.began) {
            (Opens::Events, Began::Event(position)) => Asked::Event(position.get()),
            (_, began) => {
                let instances = name.instances.iter().take(plan.bound.len()).cloned().collect();
                Asked::Occasion { block, began, instances }
            }
        };
        Self::about(program, asked, time_line)
    }

    fn about(program: Arc<Program>, asked: Asked, time_line: TimeLine) -> Self {
        let trigger = match asked {
            Asked::Event(position) => Some(position),
            Asked::Occasion { .. } | Asked::Breach(_) => None,
        };
        let mut evaluator = Evaluator::new(program);
        let (decisions, rounds) = (Vec::new(), Vec::new());
        let (cells, used) = (Vec::new(), Vec::new());
        let probe = Probe { asked: asked.clone(), trigger, decisions, rounds, cells, used };
        evaluator.state.probe = Some(Box::new(probe));
        Self { evaluator, time_line, newest: Timestamp::MIN, seen: Seen::new(asked), lived: None }
    }

    /// Takes in what the evaluator said that goes through every version of the log. What is owed, since
    /// when and how it ended is then told by that one; why, by the newest version alone.
    pub fn hear(&mut self, changes: &[Change], evaluator: &Evaluator) {
        self.lived.get_or_insert_default().note(changes, evaluator, &self.seen.asked);
    }

    /// Takes in how things stand with that evaluator at the end.
    pub fn settle(&mut self, evaluator: &Evaluator) {
        self.lived.get_or_insert_default().settle(evaluator, &self.seen.asked);
    }

    /// Applies the next event of the log.
    pub fn see(&mut self, event: &Event) {
        match self.time_line {
            TimeLine::Recorded => self.pass_to(event),
            TimeLine::EventTime => self.pass(event.effective_time()),
        }
        self.seen.before(event, &self.evaluator);
        let mut changes = Vec::new();
        self.evaluator.on_event(event, &mut |change| changes.push(change));
        self.seen.after(event, &changes, &self.evaluator);
    }

    fn pass_to(&mut self, event: &Event) {
        self.newest = self.newest.max(event.recorded);
        let mut changes: Vec<Change> = Vec::new();
        self.evaluator.pass_to(event, &mut |change| changes.push(change));
        self.seen.note(&changes, &self.evaluator);
    }

    fn pass(&mut self, time: Timestamp) {
        self.newest = self.newest.max(time);
        let mut changes: Vec<Change> = Vec::new();
        self.evaluator.advance(self.newest, &mut |change| changes.push(change));
        self.seen.note(&changes, &self.evaluator);
    }

    /// The consequence graph as it stands now. `now` is the instant to judge deadlines by; none
    /// takes the newest time of the log. None when what was asked about was not among what was seen.
    #[must_use]
    pub fn finish(mut self, now: Option<Timestamp>) -> Option<Consequences> {
        if let Some(now) = now {
            self.pass(now);
        }
        let program = Arc::clone(self.evaluator.program());
        let mut found = match &self.seen.asked {
            Asked::Event(_) => self.of_event(&program)?,
            Asked::Occasion { block, began, instances } => {
                self.of_occasion(&program, *block, *began, instances)?
            }
            Asked::Breach(_) => self.of_breach()?,
        };
        self.collect_gaps(&program, &found.consequences, &mut found.gaps);
        Some(found)
    }

    fn of_event(&self, program: &Program) -> Option<Consequences> {
        let event = self.seen.event.as_ref()?;
        let name = program.canonical_type(&event.event.r#type).unwrap_or(&event.event.r#type);
        let entity = name.split_once('.').map(|(entity, _)| entity);
        let instance = entity.and_then(|entity| instance_of(event, entity));
        let fields = event
            .event
            .data
            .fields()
            .filter(|(field, _)| instance.is_none() || Some(*field) != entity)
            .map(|(field, value)| (field.to_owned(), value.to_json()))
            .collect();
        let triggered = program.type_names.get(&*event.event.r#type).copied();
        let within = Within { trigger: event.position, name: event.position.to_string() };
        let mut consequences = Vec::new();
        for &block in triggered.map_or(&[][..], |index| &at(&program.types, index).triggers) {
            consequences.extend(self.items(program, &at(&program.blocks, block).body, &within));
        }
        consequences.extend(self.breaches());
        Some(Consequences {
            record: self.record(),
            position: Some(event.position),
            occasion: None,
            event: name.to_owned(),
            instance,
            fields,
            read_to: self.evaluator.position(),
            as_of: self.newest,
            consequences,
            gaps: Vec::new(),
        })
    }

    fn of_occasion(
        &self,
        program: &Program,
        block: u32,
        began: Began,
        instances: &[String],
    ) -> Option<Consequences> {
        let first = self.seen.duties.keys().next().map(|(_, trigger)| trigger.get());
        let trigger = self.evaluator.state.probe.as_ref()?.trigger.or(first)?;
        let plan = at(&program.blocks, block);
        let heading = draw::heading(plan);
        let (position, occasion) = match began {
            Began::Event(position) => {
                (Some(position), format!("{heading}, since event e{position}"))
            }
            Began::Tick(time) => (None, format!("{heading}, the tick of {time}")),
        };
        let (trigger, name) = (Position::new(trigger), name_of(began, instances));
        let within = Within { trigger, name };
        Some(Consequences {
            record: None,
            position,
            occasion: Some(occasion),
            event: heading,
            instance: instances.first().cloned(),
            fields: Vec::new(),
            read_to: self.evaluator.position(),
            as_of: self.newest,
            consequences: self.items(program, &plan.body, &within),
            gaps: Vec::new(),
        })
    }

    /// One violation, from the event that broke what must hold.
    fn of_breach(&self) -> Option<Consequences> {
        let (consequences, first) = (self.breaches(), self.seen.breaches.values().next()?);
        let violation = &first.violation;
        Some(Consequences {
            record: None,
            position: Some(violation.since),
            occasion: Some(first.because.clone()),
            event: violation.says.clone(),
            instance: violation.instance.clone(),
            fields: Vec::new(),
            read_to: self.evaluator.position(),
            as_of: self.newest,
            consequences,
            gaps: Vec::new(),
        })
    }

    fn breaches(&self) -> Vec<Consequence> {
        let now = |(&(clause, trigger), breach): (&(ClauseIndex, Position), &Breach)| {
            let mut breach = breach.clone();
            breach.look(ObligationId { clause, trigger }, &self.evaluator);
            Consequence::Breach(Box::new(breach))
        };
        self.seen.breaches.iter().map(now).collect()
    }

    fn record(&self) -> Option<Record> {
        let mut record = self.seen.record.clone()?;
        if let (Record::Enrichment { used_by, .. }, Some(probe)) =
            (&mut record, &self.evaluator.state.probe)
        {
            used_by.extend(probe.used.iter().cloned());
        }
        Some(record)
    }

    fn items(&self, program: &Program, items: &[ItemPlan], within: &Within) -> Vec<Consequence> {
        let one = |item: &ItemPlan| match *item {
            ItemPlan::Duty(clause) => {
                Consequence::Duty(Box::new(self.duty(program, ClauseIndex(clause), within)))
            }
            ItemPlan::Guard(guard) => {
                Consequence::Guard(self.guard(program, GuardIndex(guard), within))
            }
            ItemPlan::Each(body) => Consequence::Each(self.each(program, body, within)),
        };
        items.iter().map(one).collect()
    }

    fn each(&self, program: &Program, body: u32, within: &Within) -> Each {
        let plan = at(&program.blocks, body);
        let probe = self.evaluator.state.probe.as_ref();
        let rounds = probe.into_iter().flat_map(|probe| &probe.rounds);
        let rounds = rounds.filter(|it| it.block == body && it.outer == within.trigger.get());
        let round = |round: &probe::Round| {
            let (trigger, name) = (Position::new(round.trigger), round.name.clone());
            let body = self.items(program, &plan.body, &Within { trigger, name });
            Round { instance: round.instance.clone(), body }
        };
        Each { text: draw::heading(plan), rounds: rounds.map(round).collect() }
    }

    fn duty(&self, program: &Program, index: ClauseIndex, within: &Within) -> Duty {
        let clause = program.clause(index);
        let name = format!("{}@{}", clause.slug, within.name);
        let seen = self.seen.duties.get(&(index, within.trigger));
        let Life { view, status, retroactive } = match &self.lived {
            Some(lived) => lived.of(&name, seen),
            None => Life {
                view: seen.map(|seen| seen.view.clone()),
                status: seen.map_or(Status::NotOwed, |seen| seen.status.clone()),
                retroactive: None,
            },
        };
        let view = view.as_ref();
        let values = view.map(|view| {
            let mut parts = Vec::new();
            for (_, value) in &view.bindings {
                parts.push(print::plain(value));
            }
            parts.join(", ")
        });
        let call = match values {
            Some(values) if !values.is_empty() => format!("{}({values})", clause.action),
            Some(_) => clause.action.clone(),
            None => clause.text.clone(),
        };
        let id = ObligationId { clause: index, trigger: within.trigger };
        let now = self.evaluator.obligation(id);
        Duty {
            id: name,
            strength: clause.strength,
            call,
            within: clause.within.map(print::length),
            activated: view.map(|view| view.activated),
            due: view.and_then(|view| view.due),
            status,
            retroactive,
            satisfied_by: clause.satisfied_by.clone(),
            keys: view.map(|view| view.keys.clone()).unwrap_or_default(),
            waiting_for: now.map(|view| view.waiting_for).unwrap_or_default(),
            near_misses: seen.map(|seen| seen.near_misses.clone()).unwrap_or_default(),
            fallback: clause.fallback.map(|it| Box::new(self.duty(program, it, within))),
        }
    }

    fn guard(&self, program: &Program, index: GuardIndex, within: &Within) -> Guard {
        let plan = at(&program.guards, index.0);
        let probe = self.evaluator.state.probe.as_ref();
        let decision = probe.and_then(|probe| {
            let ours =
                |it: &&probe::Decision| it.guard == index && it.trigger == within.trigger.get();
            probe.decisions.iter().find(ours)
        });
        let block = at(&program.blocks, plan.block);
        let awaits = plan
            .awaits
            .iter()
            .map(|&place| at(&program.clauses, *at(&block.awaited, place)).slug.clone());
        Guard {
            condition: plan.text.clone(),
            decided: decision.map(|decision| decision.truth),
            at: decision.map(|decision| Position::new(decision.position)),
            tested: decision.map(|decision| decision.tested.clone()).unwrap_or_default(),
            awaits: awaits.collect(),
            body: self.items(program, &plan.body, within),
        }
    }

    fn collect_gaps(&self, program: &Program, from: &[Consequence], gaps: &mut Vec<Gap>) {
        for consequence in from {
            match consequence {
                Consequence::Guard(guard) => self.collect_gaps(program, &guard.body, gaps),
                Consequence::Each(each) => {
                    for round in &each.rounds {
                        self.collect_gaps(program, &round.body, gaps);
                    }
                }
                Consequence::Breach(breach) => {
                    if let Status::Gap { .. } = breach.status {
                        gaps.push(self.gap_of_breach(program, breach));
                    }
                }
                Consequence::Duty(duty) => {
                    let mut next = Some(duty);
                    while let Some(duty) = next {
                        if let Status::Gap { .. } = duty.status {
                            gaps.extend(self.gap_of(program, duty));
                        }
                        next = duty.fallback.as_ref();
                    }
                }
            }
        }
    }

    fn gap_of(&self, program: &Program, duty: &Duty) -> Option<Gap> {
        let index = program.parse_name(&duty.id)?.clause;
        let clause = program.clause(index);
        let mut whose = Vec::new();
        for key in &duty.keys {
            whose.push(format!("{} {}", key.entity, print::plain(&key.value)));
        }
        let mut missing = format!("{} missing", clause.action);
        if !whose.is_empty() {
            missing.push_str(&format!(" for {}", whose.join(", ")));
        }
        let (strength, priority) = severity(duty.strength);
        let severity = match &duty.within {
            Some(within) => format!("{strength}-within-{} ({priority})", within.replace(' ', "-")),
            None => format!("{strength} ({priority})"),
        };
        let seen = self.seen.duties.iter();
        let mut seen =
            seen.filter(|((clause, _), seen)| *clause == index && seen.view.name == duty.id);
        let known = seen.find_map(|(_, seen)| seen.response.clone());
        let response = known.unwrap_or_else(|| match clause.performer {
            _ if !duty.waiting_for.is_empty() => {
                format!("waiting for {}", duty.waiting_for.join(", "))
            }
            Performer::Agent => "spawn agent to resolve".to_owned(),
            Performer::System => "spawn agent to resolve, since the world did not".to_owned(),
            Performer::Human => "waiting for a person".to_owned(),
        });
        Some(Gap { id: duty.id.clone(), missing, severity, response })
    }

    fn gap_of_breach(&self, program: &Program, breach: &Breach) -> Gap {
        let (strength, priority) = severity(breach.strength);
        let known = self.seen.responses.get(&breach.id).cloned();
        let clause = program.parse_name(&breach.id).map(|name| program.clause(name.clause));
        let performer = clause.map_or(Performer::Human, |clause| clause.performer);
        let response = known.unwrap_or_else(|| match performer {
            Performer::Agent | Performer::System => "spawn agent to resolve".to_owned(),
            Performer::Human => "waiting for a person".to_owned(),
        });
        Gap {
            id: breach.id.clone(),
            missing: breach.because.clone(),
            severity: format!("{strength} ({priority})"),
            response,
        }
    }
}

/// How hard something is, and what that means for its turn.
fn severity(strength: Strength) -> (&'static str, &'static str) {
    match strength {
        Strength::Invariant => ("invariant", "above every duty"),
        Strength::Must => ("must", "high priority"),
        Strength::Should => ("should", "low priority"),
        Strength::Could => ("could", "when there is budget to spare"),
    }
}

#[cfg(test)]
mod tests;
