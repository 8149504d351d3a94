//! What the rules of entities find out from events: changes of what must not change, times that lie
//! in the future, erased instances that are shredded, and what checkers outside report.
//!
//! In: events, after what they say is remembered. Out: values of columns that only watches read.
//! Never: decides that anything is violated: watches do.
//! Promise: a rule speaks of instances that are alive. Start reading at [`State::find_out`].

use homeostat_log::{Kind, Value};

use crate::datum::Datum;
use crate::fact::Fact;
use crate::program::{EntityPlan, Program, TypePlan, at};
use crate::state::{Sink, State};
use crate::watch::Cause;

impl State {
    /// What an event about instances of these entities tells their rules.
    pub(crate) fn find_out(
        &mut self,
        program: &Program,
        fact: &Fact<'_>,
        about: [Option<&EntityPlan>; 2],
    ) {
        for entity in about.into_iter().flatten() {
            let (Some(tracked), Some(field)) = (entity.tracked, entity.field) else { continue };
            let instance = *at(&self.fields, field);
            if !instance.is_name() {
                continue;
            }
            let instance = instance.as_instance(&self.symbols);
            if self.instances.since(tracked, instance).is_none() {
                continue;
            }
            if !entity.rules.changed.is_empty()
                && fact.kind == Kind::Primary
                && self.is_changed(entity, instance)
            {
                for &column in &entity.rules.changed {
                    self.set(program, column, instance, Datum::Truth(true), false);
                }
            }
            if let Some(column) = entity.rules.future {
                self.note_future(program, fact, column, instance);
            }
        }
    }

    /// Whether this event gave a declared attribute of the instance another value than it had.
    fn is_changed(&self, entity: &EntityPlan, instance: Datum) -> bool {
        self.columns.replaced().any(|(column, of, old)| {
            let fixed = entity.fixed.iter().find(|(fixed, _)| *fixed == column);
            let new = self.columns.get(column, instance, false);
            of == instance && fixed.is_some_and(|(_, names)| self.differs(old.primary, new, *names))
        })
    }

    /// Filling in what was not known is no change, nor is another way to write an instance's name.
    fn differs(&self, old: Datum, new: Datum, names: bool) -> bool {
        let same =
            old == new || names && old.as_instance(&self.symbols) == new.as_instance(&self.symbols);
        old.is_known() && new.is_known() && !same
    }

    fn note_future(&mut self, program: &Program, fact: &Fact<'_>, column: u32, instance: Datum) {
        let time = fact.time.as_micros();
        let known = self.columns.get(column, instance, false);
        let is_later = if let Datum::Int(until) = known { until < time } else { true };
        // Before time has first come to anywhere nothing is in its future.
        if self.has_begun() && time > self.now && is_later {
            self.set(program, column, instance, Datum::Int(time), false);
        }
    }

    /// An event that shreds ends the wait of an erased instance.
    pub(crate) fn shred(&mut self, program: &Program, plan: &TypePlan, kind: Kind) {
        if kind == Kind::Enrichment {
            return;
        }
        for &(column, field) in &plan.shreds {
            let instance = *at(&self.fields, field);
            if instance.is_name() {
                let instance = instance.as_instance(&self.symbols);
                self.clear(program, column, instance);
            }
        }
    }

    /// `check.reported`: what a checker outside the graph found of an instance, or of the system.
    pub(crate) fn reported(&mut self, program: &Program, fact: &Fact<'_>, sink: Sink<'_>) {
        let (mut checker, mut about, mut holds) = (None, None, None);
        fact.fields.each(&mut |name, value| match (name, value) {
            ("check", Value::Text(text)) => checker = Some(text.to_owned()),
            ("instance", Value::Text(text)) => about = Some(text.to_owned()),
            ("holds", Value::Truth(truth)) => holds = Some(truth),
            _ => {}
        });
        let Some(checker) = checker else { return };
        let Some(about) = about.filter(|about| !about.is_empty()) else {
            let (position, time) = (fact.position.get(), fact.time.as_micros());
            let cause = Cause { position, time, depth: fact.depth };
            return self.tell(program, (&checker, holds), cause, sink);
        };
        let Some(holds) = holds else { return };
        let Some((entity, id)) = about.split_once('/') else { return };
        let Some(&entity) = program.entity_names.get(entity) else { return };
        let instance = Datum::take(Value::Text(id), &mut self.symbols).as_instance(&self.symbols);
        let tracked = at(&program.entities, entity).tracked;
        if tracked.and_then(|tracked| self.instances.since(tracked, instance)).is_none() {
            return;
        }
        for plan in &program.reported {
            if plan.checker == checker && plan.entity == entity {
                self.set(program, plan.column, instance, Datum::Truth(holds), false);
            }
        }
    }
}
