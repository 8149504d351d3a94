//! Watches: conditions over instances, looked at again whenever what they read has changed. What has
//! held since when is an episode; held blocks are entered and assertions violated by them.
//!
//! In: the values, counts and lives that an event changed, and how far time has come. Out: blocks
//! entered, violations opened and closed.
//! Never: looks at an instance that nothing of an event concerns.
//! Promise: one episode at a time for each watch and instance; watches are looked at in their order,
//! the instances of each by name. Start reading at [`State::look`].

mod episodes;
mod violation;

use homeostat_intent::lowered::Length;
use homeostat_world::{Timestamp, canary};

use crate::calendar;
use crate::datum::{Datum, Truth};
use crate::guards::Scene;
use crate::instances::by_name;
use crate::open::NOWHERE;
use crate::program::watched::{Ends, Reader, WatchPlan, Watched};
use crate::program::{NO_TYPE, Program, at};
use crate::state::{Sink, State};
pub(crate) use episodes::{Alarm, Episode, Standing, Watches};

/// The one row of a watch over the system as a whole.
pub(crate) const WHOLE: Datum = Datum::Null;

/// What made watches be looked at: an event, or time alone at the last event.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cause {
    pub(crate) position: u64,
    pub(crate) time: i64,
    pub(crate) depth: u16,
}

impl State {
    /// Looks again at every watch that what has changed concerns. At the first event that is not the
    /// engine's own, the system as a whole is looked at, whatever that says.
    pub(crate) fn look(&mut self, program: &Program, cause: Cause, event: bool, sink: Sink<'_>) {
        let mut affected = std::mem::take(&mut self.watches.affected);
        self.collect_affected(program, &mut affected);
        if event && !std::mem::replace(&mut self.watches.begun, true) {
            affected.extend(program.whole.iter().map(|&watch| (watch, WHOLE)));
        }
        // Numbers come first, and change what others read.
        let numbers = u32::try_from(program.numbers.len()).unwrap_or(NOWHERE);
        self.watches.changed_numbers.clear();
        for &(watch, instance) in affected.iter().filter(|(watch, _)| *watch < numbers) {
            self.recount_number(program, watch, instance);
        }
        for &number in &self.watches.changed_numbers {
            let readers = at(&program.readers.numbers, number);
            affected.extend(readers.iter().map(|&watch| (watch, WHOLE)));
        }
        affected.retain(|(watch, _)| *watch >= numbers);
        if affected.len() > 1 {
            let symbols = &self.symbols;
            affected.sort_by(|a, b| a.0.cmp(&b.0).then_with(|| by_name(a.1, b.1, symbols)));
            affected.dedup();
        }
        for &(watch, instance) in &affected {
            self.look_at(program, watch, instance, cause, sink);
        }
        affected.clear();
        self.watches.affected = affected;
    }

    fn collect_affected(&self, program: &Program, affected: &mut Vec<(u32, Datum)>) {
        for (column, instance, old) in self.columns.replaced() {
            let readers = at(&program.readers.columns, column);
            if readers.is_empty() {
                continue;
            }
            let new = self.columns.cell(column, instance);
            for &Reader { watch, ref way } in readers {
                let inferred = at(&program.watches, watch).inferred;
                if old.layer(inferred) != new.layer(inferred) {
                    self.walk_back(way, instance, &mut |found| affected.push((watch, found)));
                }
            }
        }
        for (count, owner) in self.counts.replaced() {
            for &Reader { watch, ref way } in at(&program.readers.counts, count) {
                self.walk_back(way, owner, &mut |found| affected.push((watch, found)));
            }
        }
        for news in self.instances.news() {
            let watches = &at(&program.tracked, news.tracked).watches;
            affected.extend(watches.iter().map(|&watch| (watch, news.instance)));
        }
    }

    /// From an instance whose value has changed back to those that read it, in no order that means
    /// anything.
    pub(crate) fn walk_back(&self, way: &[u32], instance: Datum, found: &mut impl FnMut(Datum)) {
        let Some((&inverse, rest)) = way.split_first() else {
            found(instance);
            return;
        };
        for member in at(&self.watches.inverses, inverse).members(instance) {
            self.walk_back(rest, member, found);
        }
    }

    /// Whether what is watched holds for an instance now.
    fn holds_for(&mut self, program: &Program, plan: &WatchPlan, instance: Datum) -> bool {
        let alive = plan.tracked.is_none_or(|it| self.instances.since(it, instance).is_some());
        let erased = plan.always(program).is_some_and(|it| it.ends == Ends::AfterErasure);
        if !alive && !erased {
            return false;
        }
        let Some(test) = plan.test(program) else { return true };
        let mut scene = std::mem::take(&mut self.watches.scene);
        fill(&mut scene, plan, instance);
        let truth = self.test(program, test, &scene, NO_TYPE, plan.inferred);
        self.watches.scene = scene;
        truth == Truth::True
    }

    /// Counts an instance in a number, or no longer.
    pub(crate) fn recount_number(&mut self, program: &Program, watch: u32, instance: Datum) {
        let plan = at(&program.watches, watch);
        let Watched::Number(number) = plan.of else { return };
        let holds = self.holds_for(program, plan, instance);
        if self.watches.count_in(number, instance, holds, &mut self.symbols) {
            self.watches.changed_numbers.push(number);
        }
    }

    /// Looks at one instance of a watch.
    pub(crate) fn look_at(
        &mut self,
        program: &Program,
        watch: u32,
        instance: Datum,
        cause: Cause,
        sink: Sink<'_>,
    ) {
        let plan = at(&program.watches, watch);
        let holds = self.holds_for(program, plan, instance);
        let known = self.watches.find(watch, instance);
        match (holds, known) {
            (true, None)
                if canary::planted("violations_hide_each_other")
                    && self.watches.all().any(|other| other.watch == watch) => {}
            (true, None) => self.begin_episode(program, watch, instance, cause, sink),
            (false, Some(place)) => self.end_episode(program, place, cause, sink),
            (true, Some(place)) => self.set_end(program, place),
            (false, None) => {}
        }
    }

    fn begin_episode(
        &mut self,
        program: &Program,
        watch: u32,
        instance: Datum,
        cause: Cause,
        sink: Sink<'_>,
    ) {
        let plan = at(&program.watches, watch);
        let episode = Episode {
            watch,
            instance: instance.retain(&mut self.symbols),
            since: cause.position,
            at: cause.time,
            depth: cause.depth,
            standing: Standing::Lasting,
        };
        let place = self.watches.begin(episode);
        match plan.lasting {
            Some(lasting) => self.watches.set_alarm(place, plan.alarm(cause.time, lasting)),
            // What lies in the future is found now, and not at its own time.
            None if plan.ends_with_time(program) => self.violate(program, place, self.now, sink),
            None => self.violate(program, place, cause.time, sink),
        }
        self.set_end(program, place);
    }

    /// What ends when time has come that far gets an alarm for it.
    fn set_end(&mut self, program: &Program, place: u32) {
        let episode = self.watches.get(place);
        let plan = at(&program.watches, episode.watch);
        if let Some(column) = plan.always(program).and_then(|always| always.ends.column())
            && let Datum::Int(until) = self.columns.get(column, episode.instance, false)
        {
            self.watches.set_alarm(place, until);
        }
    }

    /// Goes on with an episode that a checkpoint held.
    pub(crate) fn keep_episode(&mut self, program: &Program, episode: Episode) {
        let plan = at(&program.watches, episode.watch);
        let lasts = episode.standing == Standing::Lasting;
        let place = self.watches.begin(episode);
        if let Some(lasting) = plan.lasting.filter(|_| lasts) {
            self.watches.set_alarm(place, plan.alarm(episode.at, lasting));
        }
        self.set_end(program, place);
    }

    /// Counts every number anew, after a restore: it follows from all the rest.
    pub(crate) fn count_numbers(&mut self, program: &Program) {
        for (plan, watch) in program.watches.iter().zip(0..) {
            let (Watched::Number(_), Some(tracked)) = (plan.of, plan.tracked) else { continue };
            for instance in self.instances.in_order(tracked, &self.symbols).to_vec() {
                self.recount_number(program, watch, instance);
            }
        }
    }

    /// The alarm of an episode: it has lasted, or time has come to where it ends.
    pub(crate) fn episode_alarm(
        &mut self,
        program: &Program,
        place: u32,
        time: i64,
        sink: Sink<'_>,
    ) {
        let episode = *self.watches.get(place);
        let plan = at(&program.watches, episode.watch);
        let always = plan.always(program);
        if let Some(column) = always.and_then(|always| always.ends.column()) {
            self.end_by_time(program, column, episode.instance, time, sink);
        } else if always.is_some() {
            self.violate(program, place, time, sink);
        } else {
            self.enter_held(program, place, time, sink);
        }
    }

    /// Time has passed what lay in the future, unless something lies further on.
    fn end_by_time(
        &mut self,
        program: &Program,
        column: u32,
        instance: Datum,
        time: i64,
        sink: Sink<'_>,
    ) {
        if self.columns.get(column, instance, false) != Datum::Int(time) {
            return;
        }
        self.clear(program, column, instance);
        let cause = Cause { position: self.position, time, depth: 0 };
        self.look(program, cause, false, sink);
        self.forget_event();
    }

    /// Time has come to `now`, and this is the next alarm of an episode strictly before it.
    pub(crate) fn next_episode_alarm(&mut self, now: i64) -> Option<Alarm> {
        let Self { watches, symbols, .. } = self;
        watches.next_alarm(now, symbols)
    }
}

impl WatchPlan {
    /// When something that began to hold at `start` has lasted.
    pub(crate) fn alarm(&self, start: i64, lasting: Length) -> i64 {
        calendar::after(Timestamp::from_micros(start), lasting).as_micros()
    }

    fn ends_with_time(&self, program: &Program) -> bool {
        self.always(program).is_some_and(|always| always.ends.column().is_some())
    }
}

impl Ends {
    /// The column that says when time ends it.
    pub(crate) fn column(self) -> Option<u32> {
        if let Self::WithTime(column) = self { Some(column) } else { None }
    }
}

/// The frame of a watch that looks at an instance.
pub(crate) fn fill(scene: &mut Scene, plan: &WatchPlan, instance: Datum) {
    scene.frame.clear();
    scene.frame.resize(plan.frame as usize, Datum::Absent);
    if let Some(place) = scene.frame.first_mut() {
        *place = instance;
    }
}
