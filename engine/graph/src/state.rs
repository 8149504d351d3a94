//! Everything an evaluator knows at one position of the log, and how one event changes it.
//!
//! In: facts, in position order. Out: changes, by way of the sink.
//! Never: reads the log again, and never lets time pass (see `deadlines`).
//! Promise: an event is applied in one order: what it says, what it satisfies, which guards that
//! decides, what it triggers; so it never satisfies what it has itself brought about.
//! Start reading at [`State::apply`].

use std::collections::{BTreeMap, BTreeSet};

use foldhash::fast::FixedState;
use hashbrown::HashSet;
use homeostat_log::{Kind, Value};
use homeostat_world::{Timestamp, canary};

use crate::bounds::Bounds;
use crate::change::Change;
use crate::columns::Columns;
use crate::counts::Counts;
use crate::datum::Datum;
use crate::evolve::backlog::Backlog;
use crate::explain::probe::Probe;
use crate::fact::Fact;
use crate::guards::{Pending, Scene};
use crate::instances::Instances;
use crate::intern::Symbols;
use crate::occasion::Occasions;
use crate::open::{NEVER, Open};
use crate::program::{Constant, EntityPlan, Program, TypePlan, at};
use crate::ticks::Ticks;
use crate::view::{GuardTally, Tally};
use crate::watch::{Cause, Watches};
use crate::wheel::Wheel;

/// Whoever listens.
pub(crate) type Sink<'s> = &'s mut dyn FnMut(Change);

/// See the module's opening.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) now: i64,
    pub(crate) position: u64,
    pub(crate) symbols: Symbols,
    pub(crate) constants: Vec<Datum>,
    pub(crate) columns: Columns,
    pub(crate) instances: Instances,
    pub(crate) counts: Counts,
    pub(crate) watches: Watches,
    pub(crate) bounds: Bounds,
    /// For each requirement, the keys that it is held for.
    pub(crate) granted: Vec<HashSet<Box<[Datum]>, FixedState>>,
    pub(crate) occasions: Occasions,
    pub(crate) open: Open,
    /// What versions ask of events of before them.
    pub(crate) backlog: Backlog,
    /// Whether this is an examination of a log for a version that is not in force.
    pub(crate) examines: bool,
    pub(crate) wheel: Wheel,
    /// Triggers with undecided guards, by trigger and block.
    pub(crate) pending: BTreeMap<(u64, u32), Pending>,
    /// Of these, those whose guards await what blocks around them owe: the trigger around, the body,
    /// the trigger that waits.
    pub(crate) listening: BTreeSet<(u64, u32, u64)>,
    pub(crate) ticks: Ticks,
    pub(crate) tallies: Vec<Tally>,
    pub(crate) guard_tallies: Vec<GuardTally>,
    /// This event's values, by field.
    pub(crate) fields: Vec<Datum>,
    touched: Vec<u32>,
    /// How many obligations and occasions erasures have looked at in this life.
    pub(crate) looked_at: u64,
    /// Room that is used again for every trigger, match and activation.
    pub(crate) scene: Scene,
    pub(crate) matches: Vec<Match>,
    pub(crate) room: Vec<Datum>,
    /// Who wants to know why, when somebody does.
    pub(crate) probe: Option<Box<Probe>>,
}

/// An open obligation that this event satisfies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Match {
    pub(crate) trigger: u64,
    pub(crate) clause: u32,
    pub(crate) slot: u32,
    pub(crate) generation: u32,
}

impl State {
    pub(crate) fn new(program: &Program) -> Self {
        let mut symbols = Symbols::default();
        let constants = program
            .constants
            .iter()
            .map(|constant| match constant {
                Constant::Number(number) => Datum::number(*number),
                Constant::Truth(truth) => Datum::Truth(*truth),
                Constant::Text(text) => Datum::Text(symbols.intern(text)),
            })
            .collect();
        Self {
            now: -NEVER,
            position: 0,
            symbols,
            constants,
            columns: Columns::new(program.columns.len()),
            instances: Instances::new(program.tracked.len()),
            counts: Counts::new(program.counts.len()),
            watches: Watches::new(program),
            bounds: Bounds::new(program),
            granted: program.requirements.iter().map(|_| HashSet::default()).collect(),
            occasions: Occasions::default(),
            open: Open::default(),
            backlog: Backlog::default(),
            examines: false,
            wheel: Wheel::new(),
            pending: BTreeMap::new(),
            listening: BTreeSet::new(),
            ticks: Ticks::new(program.periodic.len()),
            tallies: vec![Tally::default(); program.clauses.len()],
            guard_tallies: vec![GuardTally::default(); program.guards.len()],
            fields: vec![Datum::Absent; program.fields.len()],
            touched: Vec::new(),
            looked_at: 0,
            scene: Scene::default(),
            matches: Vec::new(),
            room: Vec::new(),
            probe: None,
        }
    }

    /// Applies one event. An event at or before the last position was applied already, and is
    /// passed over, so that a replay may begin anywhere at or before it.
    pub(crate) fn apply(&mut self, program: &Program, fact: &Fact<'_>, sink: Sink<'_>) {
        if fact.position.get() <= self.position {
            return;
        }
        self.position = fact.position.get();
        let is_control = fact.kind == Kind::Control
            || (canary::planted("anybody_reports_checks") && *fact.r#type == *"check.reported");
        if is_control {
            self.control(program, fact, sink);
        } else {
            self.take_in(program, fact, sink);
        }
        let (position, time) = (fact.position.get(), fact.time.as_micros());
        let cause = Cause { position, time, depth: fact.depth };
        if !program.watches.is_empty() {
            self.look(program, cause, !is_control, sink);
        }
        if !program.metrics.is_empty()
            && fact.kind == Kind::Primary
            && let Some(&plan) = program.type_names.get(&*fact.r#type)
        {
            self.sample(program, at(&program.types, plan), cause, sink);
        }
        if !self.backlog.is_idle() {
            self.start_more(program, fact.time.as_micros(), sink);
        }
        self.forget_event();
    }

    fn take_in(&mut self, program: &Program, fact: &Fact<'_>, sink: Sink<'_>) {
        let event_type = program.type_names.get(&*fact.r#type).copied();
        let plan = event_type.map(|index| at(&program.types, index));
        let inferred = fact.kind == Kind::Enrichment;
        if plan.is_some() || program.remembers {
            self.remember(program, fact, plan, inferred);
        }
        let satisfies = plan.is_some_and(|plan| !plan.satisfies.is_empty());
        if fact.cause.is_some() || satisfies {
            self.satisfy(program, fact, plan, sink);
        }
        if fact.kind == Kind::Tombstone {
            self.erase(program, fact, plan, sink);
        }
        if let (Some(event_type), Some(plan)) = (event_type, plan)
            && !inferred
            && !plan.triggers.is_empty()
        {
            self.trigger(program, fact, event_type, sink);
        }
        if !program.periodic.is_empty() && !self.examines {
            self.follow_instances(program);
        }
    }

    /// Reads the fields that some clause reads, and remembers what later events will ask for.
    fn remember(
        &mut self,
        program: &Program,
        fact: &Fact<'_>,
        plan: Option<&TypePlan>,
        inferred: bool,
    ) {
        let subject = fact.subject.as_deref().and_then(|subject| subject.split_once('/'));
        let (mut by_type, mut by_subject) = (None, None);
        if program.remembers {
            by_type = match plan {
                Some(plan) => plan.entity,
                None => fact
                    .r#type
                    .split_once('.')
                    .and_then(|(entity, _)| program.entity_names.get(entity).copied()),
            };
            by_subject = subject
                .and_then(|(entity, _)| program.entity_names.get(entity).copied())
                .filter(|entity| by_type != Some(*entity));
        }
        let about = [by_type, by_subject].map(|entity| entity.map(|e| at(&program.entities, e)));
        self.take_fields(fact, plan, about);
        if let Some((entity, id)) = subject
            && let Some(field) = wanted(entity, plan, about)
            && !at(&self.fields, field).is_known()
            && !canary::planted("subject_names_no_instance")
        {
            self.take(field, Value::Text(id));
        }
        for entity in about.into_iter().flatten() {
            let Some(instance) = entity.field.map(|field| *at(&self.fields, field)) else {
                continue;
            };
            for &(_, field, column) in &entity.attributes {
                self.set(program, column, instance, *at(&self.fields, field), inferred);
            }
        }
        if !program.tracked.is_empty() && fact.kind == Kind::Primary {
            self.mention(program, plan, about);
        }
        if program.has_rules {
            self.find_out(program, fact, about);
        }
        let Some(plan) = plan else { return };
        for &(column, instance, value) in &plan.measures {
            let (instance, value) = (*at(&self.fields, instance), *at(&self.fields, value));
            self.set(program, column, instance, value, inferred);
        }
        for &(column, instance, begins) in &plan.states {
            let instance = *at(&self.fields, instance);
            self.set(program, column, instance, Datum::Truth(begins), inferred);
        }
        self.shred(program, plan, fact.kind);
        if !inferred {
            for &(requirement, grants) in &plan.grants {
                self.grant(program, requirement, grants);
            }
        }
    }

    /// An event that the spec knows, or that is about an instance, makes what it names alive.
    fn mention(
        &mut self,
        program: &Program,
        plan: Option<&TypePlan>,
        about: [Option<&EntityPlan>; 2],
    ) {
        let known = plan.map_or(&[][..], |plan| &plan.mentions);
        let by_place = about.into_iter().flatten().filter_map(|entity| entity.tracked);
        let by_place = by_place.filter(|&tracked| !at(&program.tracked, tracked).created);
        for tracked in known.iter().copied().chain(by_place) {
            let instance = *at(&self.fields, at(&program.tracked, tracked).field);
            if matches!(instance, Datum::Text(_) | Datum::Int(_)) {
                let instance = instance.as_instance(&self.symbols);
                self.begin(program, tracked, instance, self.position);
            }
        }
    }

    /// An instance is alive since this position, if it was not before; its owners count it.
    pub(crate) fn begin(&mut self, program: &Program, tracked: u32, instance: Datum, since: u64) {
        if !self.instances.begin(tracked, instance, since, &mut self.symbols) {
            return;
        }
        for &count in &at(&program.tracked, tracked).counts {
            self.count_member(program, count, instance, true);
        }
    }

    /// A member begins (`true`) or ceases to count for whom it names.
    pub(crate) fn count_member(
        &mut self,
        program: &Program,
        count: u32,
        member: Datum,
        more: bool,
    ) {
        let owners = self.columns.cell(at(&program.counts, count).column, member);
        for inferred in [false, true] {
            self.count_owner(count, owners.layer(inferred), inferred, more);
        }
    }

    /// Whether time has come to anywhere yet.
    pub(crate) fn has_begun(&self) -> bool {
        self.now >= Timestamp::MIN.as_micros()
    }

    fn take_fields(
        &mut self,
        fact: &Fact<'_>,
        plan: Option<&TypePlan>,
        about: [Option<&EntityPlan>; 2],
    ) {
        fact.fields.each(&mut |name, value| {
            if let Some(field) = wanted(name, plan, about) {
                self.take(field, value);
            }
        });
    }

    fn take(&mut self, field: u32, value: Value<'_>) {
        let datum = Datum::take(value, &mut self.symbols);
        let Some(place) = self.fields.get_mut(field as usize) else { return };
        if std::mem::replace(place, datum) == Datum::Absent {
            self.touched.push(field);
        }
    }

    pub(crate) fn set(
        &mut self,
        program: &Program,
        column: u32,
        instance: Datum,
        value: Datum,
        inferred: bool,
    ) {
        if instance.is_name() && value != Datum::Absent {
            let instance = instance.as_instance(&self.symbols);
            self.columns.set(column, instance, value, inferred, &mut self.symbols);
            if self.probe.is_some() {
                self.record_said(column, instance, inferred);
            }
            self.follow_up(program, column, instance);
        }
    }

    /// Forgets what was said of an instance, for good.
    pub(crate) fn clear(&mut self, program: &Program, column: u32, instance: Datum) {
        if self.columns.clear(column, instance, &mut self.symbols) {
            self.follow_up(program, column, instance);
        }
    }

    /// Keeps in step what is kept beside a column: who names whom, and how many.
    fn follow_up(&mut self, program: &Program, column: u32, instance: Datum) {
        let plan = at(&program.columns, column);
        if let Some(count) = plan.counted {
            self.recount(program, count, instance);
        }
        if plan.inverses != [None; 2] {
            self.point(program, column, instance);
        }
    }

    /// Turns the inverses of a column to whom an instance names in it now.
    pub(crate) fn point(&mut self, program: &Program, column: u32, instance: Datum) {
        for (inverse, inferred) in at(&program.columns, column).inverses.iter().zip([false, true]) {
            let Some(inverse) = *inverse else { continue };
            let owner = self.columns.get(column, instance, inferred);
            let owner = if owner.is_name() { owner } else { Datum::Absent };
            let owner = owner.as_instance(&self.symbols);
            if let Some(inverse) = self.watches.inverses.get_mut(inverse as usize) {
                inverse.point(instance, owner, &mut self.symbols);
            }
        }
    }

    /// A member may name another owner than it did: its last change is the newest of this event.
    fn recount(&mut self, program: &Program, count: u32, member: Datum) {
        let plan = at(&program.counts, count);
        if self.instances.since(plan.tracked, member).is_none() {
            return;
        }
        let (old, new) = (self.columns.last_replaced(), self.columns.cell(plan.column, member));
        for inferred in [false, true] {
            let (old, new) = (old.layer(inferred), new.layer(inferred));
            if old != new {
                self.count_owner(count, old, inferred, false);
                self.count_owner(count, new, inferred, true);
            }
        }
    }

    /// A member names this owner, in one layer, from now on (`true`) or no longer.
    fn count_owner(&mut self, count: u32, owner: Datum, inferred: bool, more: bool) {
        if owner.is_name() {
            let owner = owner.as_instance(&self.symbols);
            self.counts.add(count, owner, inferred, more, &mut self.symbols);
        }
    }

    fn grant(&mut self, program: &Program, requirement: u32, grants: bool) {
        let plan = at(&program.requirements, requirement);
        let mut keys = std::mem::take(&mut self.room);
        if self.carried_keys(plan.keys.iter().map(Vec::as_slice), &mut keys)
            && let Some(granted) = self.granted.get_mut(requirement as usize)
        {
            if grants && !granted.contains(keys.as_slice()) {
                keys.iter().for_each(|key| {
                    key.retain(&mut self.symbols);
                });
                granted.insert(keys.as_slice().into());
            } else if !grants
                && !canary::planted("granted_for_ever")
                && granted.remove(keys.as_slice())
            {
                keys.iter().for_each(|key| key.release(&mut self.symbols));
            }
        }
        self.room = keys;
    }

    /// Gathers, for each key, what this event carries in the first of its fields that it has.
    /// False when it lacks a key.
    pub(crate) fn carried_keys<'k>(
        &self,
        keys: impl Iterator<Item = &'k [u32]>,
        into: &mut Vec<Datum>,
    ) -> bool {
        into.clear();
        for fields in keys {
            let carried = fields.iter().map(|&field| *at(&self.fields, field));
            match carried.into_iter().find(|datum| datum.is_known()) {
                Some(datum) if datum.is_name() => into.push(datum.as_instance(&self.symbols)),
                _ => return false,
            }
        }
        true
    }

    pub(crate) fn forget_event(&mut self) {
        for &field in &self.touched {
            if let Some(place) = self.fields.get_mut(field as usize) {
                *place = Datum::Absent;
            }
        }
        self.touched.clear();
        self.columns.settle(&mut self.symbols);
        self.instances.settle(&mut self.symbols);
        self.counts.settle(&mut self.symbols);
    }
}

/// The number of a field that is read from an event of this type or about these entities.
fn wanted(name: &str, plan: Option<&TypePlan>, about: [Option<&EntityPlan>; 2]) -> Option<u32> {
    let by_type = plan
        .and_then(|plan| plan.wanted.iter().find(|(wanted, _)| &**wanted == name))
        .map(|(_, field)| *field);
    by_type.or_else(|| {
        about.into_iter().flatten().find_map(|entity| {
            if &*entity.name == name {
                return entity.field;
            }
            let found = entity.attributes.iter().find(|(attribute, ..)| &**attribute == name);
            found.map(|(_, field, _)| *field)
        })
    })
}
