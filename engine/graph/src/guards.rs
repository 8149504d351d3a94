//! Triggers and guards: what an event brings about, at once or when its guards are decided.
//!
//! In: a trigger, or the fulfilment of a duty that a guard awaits. Out: guards decided, duties
//! activated. Never: decides a guard twice.
//! Promise: a guard that can no longer be decided is dropped, and with it the memory of its
//! trigger. Start reading at [`State::trigger`].

use homeostat_world::{Position, canary};

use crate::change::{Change, ObligationId};
use crate::datum::{Datum, Truth, compare, crosses, holds};
use crate::fact::Fact;
use crate::occasion::Began;
use crate::program::{
    BlockPlan, ClauseIndex, GuardIndex, ItemPlan, NO_TYPE, Opens, PathRead, Program, Read, Test, at,
};
use crate::state::{Sink, State};

/// What a block's evaluation for one trigger needs at hand.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Scene {
    /// The trigger's fields, in the order of the block's frame.
    pub(crate) frame: Vec<Datum>,
    /// What its crossings watch, as it was just before the trigger.
    pub(crate) watched: Vec<Datum>,
    /// What became of the duties that guards await.
    pub(crate) fates: Vec<Fate>,
    /// Guards that are reached and not decided.
    pub(crate) waiting: Vec<u32>,
}

/// A trigger with undecided guards.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Pending {
    pub(crate) event_type: u32,
    pub(crate) depth: u16,
    pub(crate) scene: Scene,
}

/// What became of an awaited duty.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It may still be fulfilled.
    Open,
    /// It was.
    Fulfilled,
    /// It never will be.
    Ended,
}

/// Where a block's evaluation stands.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moment {
    pub(crate) trigger: u64,
    pub(crate) event_type: u32,
    pub(crate) depth: u16,
    /// The event at which this is decided.
    pub(crate) position: u64,
    /// Its time: what is activated now counts from here.
    pub(crate) at: i64,
}

impl State {
    /// Enters every block that the event triggers.
    pub(crate) fn trigger(
        &mut self,
        program: &Program,
        fact: &Fact<'_>,
        event_type: u32,
        sink: Sink<'_>,
    ) {
        let plan = at(&program.types, event_type);
        let moment = Moment {
            trigger: fact.position.get(),
            event_type,
            depth: fact.depth,
            position: fact.position.get(),
            at: fact.time.as_micros(),
        };
        for &index in &plan.triggers {
            let block = at(&program.blocks, index);
            let mut scene = std::mem::take(&mut self.scene);
            scene.frame.clear();
            let carried =
                |&field: &u32| self.fields.get(field as usize).copied().unwrap_or_default();
            scene.frame.extend(block.frame.iter().map(carried));
            self.set_out(program, block, event_type, &mut scene);
            self.enter(program, &block.body, moment, &mut scene, sink);
            self.leave(index, moment, scene);
        }
    }

    /// Enters a block that no event triggers: a condition over `instance` has lasted, or a tick came.
    /// Gives the number of its occasion, which is the trigger of what is owed now.
    pub(crate) fn enter_block(
        &mut self,
        program: &Program,
        index: u32,
        (began, instance): (Began, Option<Datum>),
        moment: (i64, u16),
        sink: Sink<'_>,
    ) -> u64 {
        let trigger = self.open_occasion(index, began, instance);
        self.enter_opened(program, index, (trigger, instance), moment, sink);
        trigger
    }

    /// The trigger of a block that no event triggers: a position will do where it is for no instance.
    pub(crate) fn open_occasion(
        &mut self,
        index: u32,
        began: Began,
        instance: Option<Datum>,
    ) -> u64 {
        match (began, instance) {
            (Began::Event(position), None) => position.get(),
            _ => {
                let (instances, symbols) = (instance.as_slice(), &mut self.symbols);
                let trigger = self.occasions.create(began, index, instances, &[], symbols);
                self.occasions.set_entered(trigger, self.position);
                trigger
            }
        }
    }

    /// Enters a block on an occasion that was just opened, at an instant and so many agents deep.
    pub(crate) fn enter_opened(
        &mut self,
        program: &Program,
        index: u32,
        (trigger, instance): (u64, Option<Datum>),
        (at_time, depth): (i64, u16),
        sink: Sink<'_>,
    ) {
        let block = at(&program.blocks, index);
        let position = self.position;
        let moment = Moment { trigger, event_type: NO_TYPE, depth, position, at: at_time };
        if self.probe.is_some() {
            self.record_opening(program, trigger, index);
        }
        let mut scene = std::mem::take(&mut self.scene);
        scene.frame.clear();
        scene.frame.resize(block.frame.len(), Datum::Absent);
        for (bound, instance) in block.bound.iter().zip(instance) {
            if let Some(place) = scene.frame.get_mut(bound.place as usize) {
                *place = instance;
            }
        }
        self.set_out(program, block, NO_TYPE, &mut scene);
        self.enter(program, &block.body, moment, &mut scene, sink);
        self.leave(index, moment, scene);
    }

    /// Makes the rest of a scene ready whose frame is.
    fn set_out(
        &mut self,
        program: &Program,
        block: &BlockPlan,
        event_type: u32,
        scene: &mut Scene,
    ) {
        scene.watched.clear();
        for (read, inferred) in &block.watched {
            let before = self.read_before(program, read, &scene.frame, event_type, *inferred);
            scene.watched.push(before);
        }
        scene.fates.clear();
        scene.fates.resize(block.awaited.len(), Fate::Open);
        scene.waiting.clear();
    }

    /// Keeps the scene of a block that was entered as long as guards of it wait.
    fn leave(&mut self, index: u32, moment: Moment, scene: Scene) {
        if scene.waiting.is_empty() {
            self.scene = scene;
            return;
        }
        for datum in scene.frame.iter().chain(&scene.watched) {
            datum.retain(&mut self.symbols);
        }
        self.occasions.enter(moment.trigger);
        let pending = Pending { event_type: moment.event_type, depth: moment.depth, scene };
        self.pending.insert((moment.trigger, index), pending);
    }

    fn enter(
        &mut self,
        program: &Program,
        items: &[ItemPlan],
        moment: Moment,
        scene: &mut Scene,
        sink: Sink<'_>,
    ) {
        for item in items {
            match *item {
                ItemPlan::Duty(clause) => {
                    if !scene.fates.is_empty() {
                        set_fates(program, clause, scene, Fate::Open);
                    }
                    let as_usual = self.backlog.backfills.is_empty()
                        || !self.is_owed_since_before(clause, moment.trigger)
                            && !self.queue_if_retroactive(program, clause, moment, scene, sink);
                    if as_usual {
                        self.activate(program, clause, moment, &scene.frame, sink);
                    }
                }
                ItemPlan::Guard(guard) => {
                    if let Some(tally) = self.guard_tallies.get_mut(guard as usize) {
                        tally.undecided += 1;
                    }
                    self.reach(program, guard, moment, scene, sink);
                }
                ItemPlan::Each(body) => self.for_each(program, body, moment, scene, sink),
            }
        }
    }

    /// Whether a duty is owed for this trigger already: an edit may put it into a guard that waits.
    fn is_owed_since_before(&self, clause: u32, trigger: u64) -> bool {
        let id = ObligationId { clause: ClauseIndex(clause), trigger: Position::new(trigger) };
        self.open.find(id).is_some()
    }

    /// Decides a guard, or has it wait for what it awaits; lets it be if that can never come.
    fn reach(
        &mut self,
        program: &Program,
        guard: u32,
        moment: Moment,
        scene: &mut Scene,
        sink: Sink<'_>,
    ) {
        let awaits = &at(&program.guards, guard).awaits;
        let planted = canary::planted("guards_do_not_wait");
        if planted || awaits.iter().all(|&place| fate(scene, place) == Fate::Fulfilled) {
            self.decide(program, guard, moment, scene, sink);
        } else if self.is_in_vain(awaits, scene) {
            end_fates(program, &at(&program.guards, guard).body, scene);
        } else {
            scene.waiting.push(guard);
        }
    }

    /// Whether something that is awaited can never come. An examination does not know: under the
    /// version in force something else may have come of it.
    fn is_in_vain(&self, awaits: &[u32], scene: &Scene) -> bool {
        !self.examines && awaits.iter().any(|&place| fate(scene, place) == Fate::Ended)
    }

    /// Enters a body once for each instance that is alive now and passes its filter, in the order of
    /// their names: nothing that comes later joins them.
    fn for_each(
        &mut self,
        program: &Program,
        index: u32,
        moment: Moment,
        outer: &Scene,
        sink: Sink<'_>,
    ) {
        let block = at(&program.blocks, index);
        let (Opens::Each(each), Some(own)) = (&block.opens, block.bound.last()) else {
            unreachable!("the body of a `for each` is bound to its instance");
        };
        let Some(tracked) = at(&program.entities, each.entity).tracked else { return };
        let instances = self.instances.in_order(tracked, &self.symbols).to_vec();
        let (began, date, mut bound, mut around) = match self.occasions.get(moment.trigger) {
            Some(it) => (it.began, it.date, it.instances.to_vec(), it.around.to_vec()),
            None => (Began::Event(Position::new(moment.trigger)), 0, Vec::new(), Vec::new()),
        };
        let entered = self.occasions.get(moment.trigger).map_or(moment.trigger, |it| it.entered);
        around.push(moment.trigger);
        for instance in instances {
            let mut scene = std::mem::take(&mut self.scene);
            scene.frame.clone_from(&outer.frame);
            if let Some(place) = scene.frame.get_mut(own.place as usize) {
                *place = instance;
            }
            self.set_out(program, block, moment.event_type, &mut scene);
            scene.fates.clone_from(&outer.fates);
            let belongs = each.filter.as_ref().is_none_or(|filter| {
                let truth = self.test(program, filter, &scene, moment.event_type, each.inferred);
                truth == Truth::True
            });
            if !belongs {
                self.scene = scene;
                continue;
            }
            bound.push(instance);
            let trigger = self.occasions.create(began, index, &bound, &around, &mut self.symbols);
            self.occasions.set_date(trigger, date);
            self.occasions.set_entered(trigger, entered);
            bound.pop();
            if self.probe.is_some() {
                self.record_round(program, index, (moment.trigger, trigger));
            }
            let moment = Moment { trigger, ..moment };
            self.enter(program, &block.body, moment, &mut scene, sink);
            if block.listens && !scene.waiting.is_empty() {
                self.listening.extend(around.iter().map(|&outer| (outer, index, trigger)));
            }
            self.leave(index, moment, scene);
        }
    }

    fn decide(
        &mut self,
        program: &Program,
        guard: u32,
        moment: Moment,
        scene: &mut Scene,
        sink: Sink<'_>,
    ) {
        let plan = at(&program.guards, guard);
        let inferred = plan.inferred || canary::planted("what_is_inferred_counts_as_seen");
        let truth = self.test(program, &plan.test, scene, moment.event_type, inferred);
        if let Some(tally) = self.guard_tallies.get_mut(guard as usize) {
            tally.undecided -= 1;
            *match truth {
                Truth::True => &mut tally.entered,
                Truth::False => &mut tally.not_entered,
                Truth::Unknown => &mut tally.unknown,
            } += 1;
        }
        sink(Change::GuardDecided {
            guard: GuardIndex(guard),
            trigger: Position::new(moment.trigger),
            at: Position::new(moment.position),
            truth,
        });
        self.record_decision(program, guard, moment, scene, truth);
        if truth == Truth::True {
            self.enter(program, &plan.body, moment, scene, sink);
        } else {
            end_fates(program, &plan.body, scene);
        }
    }

    /// Decides what can be decided now of a trigger whose guards wait.
    pub(crate) fn reconsider(
        &mut self,
        program: &Program,
        key: (u64, u32),
        (position, time): (u64, i64),
        sink: Sink<'_>,
    ) {
        let Some(mut pending) = self.pending.remove(&key) else { return };
        let moment = Moment {
            trigger: key.0,
            event_type: pending.event_type,
            depth: pending.depth,
            position,
            at: time,
        };
        let scene = &mut pending.scene;
        let mut next = 0;
        // Bounded: every round either moves on or takes a guard out, and each enters only once.
        while let Some(&guard) = scene.waiting.get(next) {
            let awaits = &at(&program.guards, guard).awaits;
            if self.is_in_vain(awaits, scene) {
                scene.waiting.remove(next);
                end_fates(program, &at(&program.guards, guard).body, scene);
                next = 0;
            } else if awaits.iter().all(|&place| fate(scene, place) == Fate::Fulfilled) {
                scene.waiting.remove(next);
                self.decide(program, guard, moment, scene, sink);
                next = 0;
            } else {
                next += 1;
            }
        }
        if scene.waiting.is_empty() {
            for datum in scene.frame.iter().chain(&scene.watched) {
                datum.release(&mut self.symbols);
            }
            self.stop_listening(program, key);
            self.occasions.leave(key.0);
        } else {
            self.pending.insert(key, pending);
        }
    }

    /// Nothing of an occasion waits any more for what blocks around it owe.
    pub(crate) fn stop_listening(&mut self, program: &Program, (trigger, index): (u64, u32)) {
        if at(&program.blocks, index).listens
            && let Some(occasion) = self.occasions.get(trigger)
        {
            for &outer in &occasion.around {
                self.listening.remove(&(outer, index, trigger));
            }
        }
    }

    /// The triggers of one body that wait for what `outer` owes, in the order in which they came.
    pub(crate) fn listening_to(&self, outer: u64, index: u32) -> impl Iterator<Item = u64> {
        let all = self.listening.range((outer, index, 0)..=(outer, index, u64::MAX));
        all.map(|(_, _, trigger)| *trigger)
    }

    pub(crate) fn test(
        &self,
        program: &Program,
        test: &Test,
        scene: &Scene,
        event_type: u32,
        inferred: bool,
    ) -> Truth {
        let read = |read| self.read(program, read, &scene.frame, event_type, inferred);
        let part = |part| self.test(program, part, scene, event_type, inferred);
        match test {
            Test::All(parts) => parts.iter().fold(Truth::True, |truth, test| truth.and(part(test))),
            Test::Any(parts) => parts.iter().fold(Truth::False, |truth, test| truth.or(part(test))),
            Test::Not(test) => !part(test),
            Test::Compare { left, op, right, .. } => {
                compare(read(left), *op, read(right), &self.symbols)
            }
            Test::Crosses { value, watched, level, direction, .. } => {
                crosses(*at(&scene.watched, *watched), read(value), *level, *direction)
            }
            Test::Holds { value, .. } => holds(read(value), &self.symbols),
            Test::Exists { value, .. } => exists(value, read(value)),
        }
    }

    /// The value of an expression now.
    pub(crate) fn read(
        &self,
        program: &Program,
        read: &Read,
        frame: &[Datum],
        event_type: u32,
        inferred: bool,
    ) -> Datum {
        match read {
            Read::Nowhere => Datum::Absent,
            Read::Constant(constant) => *at(&self.constants, *constant),
            Read::Path(path) => self.follow(program, path, frame, event_type, inferred),
            Read::Count { of, count } => {
                let owner = self.owner(program, of, frame, event_type, inferred);
                owner.map_or(Datum::Absent, |owner| self.counts.get(*count, owner, inferred))
            }
            Read::Number(number) => self.watches.number(*number),
        }
    }

    /// The instance whose members are counted.
    fn owner(
        &self,
        program: &Program,
        of: &PathRead,
        frame: &[Datum],
        event_type: u32,
        inferred: bool,
    ) -> Option<Datum> {
        let owner = self.follow(program, of, frame, event_type, inferred);
        owner.is_name().then(|| owner.as_instance(&self.symbols))
    }

    fn follow(
        &self,
        program: &Program,
        path: &PathRead,
        frame: &[Datum],
        event_type: u32,
        inferred: bool,
    ) -> Datum {
        let (mut value, rest) = self.start(program, path, &path.hops, frame, event_type, inferred);
        for hop in rest {
            value = self.hop(*hop, value, inferred);
        }
        value
    }

    /// The value of a watched expression just before this event: the way to the instance is the
    /// trigger's, the last step is as it was.
    pub(crate) fn read_before(
        &self,
        program: &Program,
        read: &Read,
        frame: &[Datum],
        event_type: u32,
        inferred: bool,
    ) -> Datum {
        let path = match read {
            Read::Path(path) => path,
            Read::Count { of, count } => {
                let owner = self.owner(program, of, frame, event_type, inferred);
                let before = |owner| self.counts.before(*count, owner, inferred);
                return owner.map_or(Datum::Absent, before);
            }
            Read::Nowhere | Read::Constant(_) | Read::Number(_) => return Datum::Absent,
        };
        let Some((last, way)) = path.hops.split_last() else { return Datum::Absent };
        if way.is_empty() && is_own(program, path, event_type) {
            // Nothing was known of an instance before the event that created it.
            let creates = at(&program.types, event_type).creates;
            let last = last.filter(|_| !creates);
            return self.hop_before(last, *at(frame, path.root), inferred);
        }
        let (mut value, rest) = self.start(program, path, way, frame, event_type, inferred);
        for hop in rest {
            value = self.hop(*hop, value, inferred);
        }
        self.hop_before(*last, value, inferred)
    }

    /// The first value of a path, and the hops that are left. A trigger about the root's instance
    /// is asked for the first attribute before what was said earlier.
    fn start<'p>(
        &self,
        program: &Program,
        path: &PathRead,
        hops: &'p [Option<u32>],
        frame: &[Datum],
        event_type: u32,
        inferred: bool,
    ) -> (Datum, &'p [Option<u32>]) {
        let root = *at(frame, path.root);
        let (Some(own), Some((first, rest)), true) =
            (path.own, hops.split_first(), is_own(program, path, event_type))
        else {
            return (root, hops);
        };
        let own = *at(frame, own);
        if own != Datum::Absent || at(&program.types, event_type).creates {
            return (own, rest);
        }
        (self.hop(*first, root, inferred), rest)
    }

    pub(crate) fn hop(&self, column: Option<u32>, instance: Datum, inferred: bool) -> Datum {
        match column {
            Some(column) if instance.is_name() => {
                self.columns.get(column, instance.as_instance(&self.symbols), inferred)
            }
            _ => Datum::Absent,
        }
    }

    fn hop_before(&self, column: Option<u32>, instance: Datum, inferred: bool) -> Datum {
        match column {
            Some(column) if instance.is_name() => {
                self.columns.before(column, instance.as_instance(&self.symbols), inferred)
            }
            _ => Datum::Absent,
        }
    }
}

/// Whether what was read is there: a value, or a member of a collection.
pub(crate) fn exists(read: &Read, value: Datum) -> Truth {
    let empty = match read {
        Read::Count { .. } | Read::Number(_) => value == Datum::Int(0),
        Read::Path(_) | Read::Constant(_) | Read::Nowhere => value == Datum::Nested { empty: true },
    };
    (value.is_known() && !empty).into()
}

/// Whether a trigger of this type is about the instance that the path's root names.
fn is_own(program: &Program, path: &PathRead, event_type: u32) -> bool {
    path.own.is_some()
        && path.entity.is_some()
        && program.types.get(event_type as usize).is_some_and(|plan| path.entity == plan.entity)
}

fn fate(scene: &Scene, place: u32) -> Fate {
    *at(&scene.fates, place)
}

/// The duties of a body that is not entered will never be fulfilled.
pub(crate) fn end_fates(program: &Program, items: &[ItemPlan], scene: &mut Scene) {
    for item in items {
        match *item {
            ItemPlan::Duty(clause) => set_fates(program, clause, scene, Fate::Ended),
            ItemPlan::Guard(guard) => end_fates(program, &at(&program.guards, guard).body, scene),
            // Nothing outside of it awaits what it would have owed.
            ItemPlan::Each(_) => {}
        }
    }
}

/// What may become of a duty and of its fallbacks. What was not owed when a version was adopted had
/// none, and may be owed later.
fn set_fates(program: &Program, clause: u32, scene: &mut Scene, new: Fate) {
    let mut stage = Some(clause);
    while let Some(clause) = stage {
        let plan = at(&program.clauses, clause);
        let place = plan.awaited.and_then(|place| scene.fates.get_mut(place as usize));
        if let Some(fate) = place {
            *fate = new;
        }
        stage = plan.fallback.map(|index| index.0);
    }
}
