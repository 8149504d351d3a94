//! Why something is owed, and what would mend it: in words, with the values that make it so.
//!
//! In: an open obligation. Out: a [`Ground`], for whoever has to act and for whoever asks why.
//! Never: on the path of events; it is built when asked for.
//! Promise: the values are those that stand now, read as the evaluator reads them.
//! Start reading at [`Evaluator::ground`].

mod bounded;

use homeostat_world::{Position, Timestamp};
use serde::Serialize;

use crate::change::ObligationId;
use crate::datum::Datum;
use crate::draw;
use crate::evaluator::Evaluator;
use crate::explain::print::{length, plain};
use crate::explain::probe::Tested;
use crate::guards::Scene;
use crate::instances;
use crate::occasion::Began;
use crate::program::watched::{AlwaysPlan, Ends, Found, Watched};
use crate::program::{Clause, NO_TYPE, Opens, Program, Read, at};
use crate::view::ObligationView;
use crate::watch::{Episode, fill};

/// Why something is owed.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Ground {
    /// What called for it, or what is violated and how.
    pub because: String,
    /// What ends it.
    pub resolved_when: String,
    /// What is violated, when it says what must always hold.
    pub violation: Option<Violation>,
}

/// What must always hold and does not.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Violation {
    /// What is violated, as written.
    pub says: String,
    /// Of which entity it is violated; none: of the system as a whole.
    pub entity: Option<String>,
    /// Of which instance.
    pub instance: Option<String>,
    /// The event since which it is so.
    pub since: Position,
    /// The time of that event, where it is remembered.
    pub since_time: Option<Timestamp>,
    /// The values that make it so.
    pub found: Vec<Tested>,
}

impl Violation {
    /// `customer c1`, or the system.
    #[must_use]
    pub fn whose(&self) -> String {
        match (&self.entity, &self.instance) {
            (Some(entity), Some(instance)) => format!("{entity} {instance}"),
            _ => "the system as a whole".to_owned(),
        }
    }

    /// The values, a line each.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        self.found.iter().map(crate::explain::print::line).collect()
    }
}

impl Evaluator {
    /// Why an open obligation is owed, and what would end it. None when it is over.
    #[must_use]
    pub fn ground(&self, id: ObligationId) -> Option<Ground> {
        let view = self.obligation(id)?;
        let clause = self.program().clause(id.clause);
        if !clause.watched {
            let because = self.called_by(clause, &view);
            return Some(Ground {
                because,
                resolved_when: answer_to(clause, &view),
                violation: None,
            });
        }
        let (mut violation, because, resolved_when) =
            self.asserted(clause, &view).or_else(|| self.bounded(clause, id))?;
        if violation.since_time.is_none() {
            violation.since_time = Some(view.activated);
        }
        Some(Ground { because, resolved_when, violation: Some(violation) })
    }

    /// What called for a duty.
    fn called_by(&self, clause: &Clause, view: &ObligationView) -> String {
        let program = self.program();
        let Some((began, bound)) = self.origin(view.id) else { return String::new() };
        let block = at(&program.blocks, program.root(clause.block));
        let event = match (began, clause.triggers.as_slice()) {
            (Began::Event(position), [name]) => format!("event e{position}, {name}"),
            (Began::Event(position), _) => format!("event e{position}"),
            (Began::Tick(time), _) => format!("the tick of {time}"),
        };
        let mut text = match (&block.opens, self.retroactive(view.id)) {
            (_, Some(past)) => {
                format!(
                    "the version adopted at e{} asks it of {event}, which came before",
                    past.adopted
                )
            }
            (Opens::Held(held), None) => {
                format!("`{}` has held for {} since {event}", held.text, length(held.lasting))
            }
            (Opens::Every(_), None) => {
                format!("{event} of `{}` calls for it", draw::heading(block))
            }
            _ => format!("{event}, calls for it"),
        };
        if !bound.is_empty() {
            let whose: Vec<String> =
                bound.iter().map(|(entity, name)| format!("{entity} {name}")).collect();
            text.push_str(&format!(" (of {})", whose.join(", ")));
        }
        if let Some(first) = clause.fallback_of {
            let first = &program.clause(first).text;
            text.push_str(&format!(
                "; it is owed in the place of `{first}`, whose deadline has passed"
            ));
        }
        text
    }

    /// How an assertion or a rule is violated.
    fn asserted(&self, clause: &Clause, view: &ObligationView) -> Option<Told> {
        let program = self.program();
        let block = program.blocks.get(clause.block as usize)?;
        let Opens::Always(always) = &block.opens else { return None };
        let mut watches = program.watches.iter().zip(0..);
        let (plan, watch) = watches.find(|(it, _)| it.of == Watched::Block(clause.block))?;
        let (instance, episode) = self.episode_of(watch, view)?;
        let mut scene = Scene::default();
        fill(&mut scene, plan, instance);
        let read = |read: &Read| self.state.read(program, read, &scene.frame, NO_TYPE, true);
        let mut found = Vec::new();
        if always.found == Found::Values {
            self.state.collect_tests(program, &always.violated, &scene, &read, &mut found);
        }
        let until = always.ends.column().map(|it| self.state.columns.get(it, instance, false));
        let entity = always.entity.map(|it| at(&program.entities, it).name.to_string());
        let name =
            entity.as_ref().map(|_| instances::name(instance, &self.state.symbols).into_owned());
        let violation = Violation {
            says: clause.text.clone(),
            entity,
            instance: name,
            since: Position::new(episode.since),
            since_time: Some(Timestamp::from_micros(episode.at)),
            found,
        };
        let because = broken(always, &violation, until);
        let resolved_when = mended(always, clause, &violation, until);
        Some((violation, because, resolved_when))
    }

    fn episode_of(&self, watch: u32, view: &ObligationView) -> Option<(Datum, Episode)> {
        let slot = self.state.open.find(view.id)?;
        let values = self.state.open.get(slot).values.as_slice();
        let instance = values.first().copied().unwrap_or(crate::watch::WHOLE);
        let place = self.state.watches.find(watch, instance)?;
        Some((instance, *self.state.watches.get(place)))
    }
}

/// A violation, how it is one, and what mends it.
type Told = (Violation, String, String);

fn broken(always: &AlwaysPlan, violation: &Violation, until: Option<Datum>) -> String {
    let (says, whose, since) = (&violation.says, violation.whose(), violation.since);
    let how = match (&always.found, always.ends) {
        (Found::Reported(checker), _) => {
            format!("the checker `{checker}` reported at event e{since} that it is not")
        }
        (_, Ends::WithWord(_)) => format!("event e{since} changed what must not change"),
        (_, Ends::WithTime(_)) => {
            let until = until.and_then(instant).map(|it| format!(", until {it}"));
            format!("event e{since} about it lies in the future{}", until.unwrap_or_default())
        }
        (_, Ends::AfterErasure) => {
            format!("event e{since} erased it, and nothing has shredded it since")
        }
        (Found::Values | Found::Rule, Ends::WithInstance) => match always.longest {
            Some(longest) => {
                format!(
                    "what it forbids has held for longer than {} since event e{since}",
                    length(longest)
                )
            }
            None => format!("it is not so since event e{since}"),
        },
    };
    format!("`{says}` is violated by {whose}: {how}")
}

fn mended(
    always: &AlwaysPlan,
    clause: &Clause,
    violation: &Violation,
    until: Option<Datum>,
) -> String {
    let whose = violation.whose();
    let by = |what: &str| match clause.satisfied_by.as_slice() {
        [] => what.to_owned(),
        types => format!("{what}; an event of `{}` can make it so", types.join("` or `")),
    };
    match (&always.found, always.ends) {
        (Found::Reported(checker), _) => {
            format!("the checker `{checker}` reports that it is so of {whose}")
        }
        (_, Ends::WithWord(_)) => {
            format!("a person lets the change go, or {whose} is erased: no event takes it back")
        }
        (_, Ends::WithTime(_)) => match until.and_then(instant) {
            Some(until) => format!("time has passed {until}"),
            None => "time has come to that event".to_owned(),
        },
        (_, Ends::AfterErasure) => by(&format!("an event says that {whose} is shredded")),
        (Found::Values | Found::Rule, Ends::WithInstance) => match always.longest {
            Some(_) => by(&format!("what it forbids of {whose} no longer holds")),
            None => by(&format!("it is so again of {whose}")),
        },
    }
}

fn instant(datum: Datum) -> Option<Timestamp> {
    if let Datum::Int(micros) = datum { Some(Timestamp::from_micros(micros)) } else { None }
}

/// What ends a duty.
fn answer_to(clause: &Clause, view: &ObligationView) -> String {
    let mut text = match clause.satisfied_by.as_slice() {
        [] => format!("an event names `{}` as its cause", view.name),
        types => format!("an event of `{}` comes", types.join("` or `")),
    };
    let known = view.keys.iter().filter(|key| !key.value.is_null());
    let keys: Vec<String> =
        known.map(|key| format!("`{}` {}", key.fields.join("` or `"), plain(&key.value))).collect();
    if !keys.is_empty() {
        text.push_str(&format!(" with {}", keys.join(" and ")));
    }
    if !clause.requires.is_empty() {
        text.push_str(&format!(", while `{}` is held", clause.requires.join("` and `")));
    }
    text
}

impl Program {
    /// What must always hold, as written: assertions, rules, invariants and what capabilities promise.
    #[must_use]
    pub fn must_hold(&self) -> Vec<String> {
        let asserted = self.clauses.iter().filter(|it| it.watched && at_assertion(self, it));
        let asserted = asserted.map(|it| it.text.clone());
        let promised = self.contract.iter().map(|it| match it.sort {
            crate::program::bounds::Sort::Property => format!("{}, {}", it.name, it.text),
            _ => it.text.clone(),
        });
        let mut all: Vec<String> = Vec::new();
        for text in asserted.chain(promised) {
            if !all.contains(&text) {
                all.push(text);
            }
        }
        all
    }
}

fn at_assertion(program: &Program, clause: &Clause) -> bool {
    let block = program.blocks.get(clause.block as usize);
    block.is_some_and(|block| matches!(block.opens, Opens::Always(_)))
}
