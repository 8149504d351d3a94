//! Ticks: blocks that the calendar triggers, once for the system or once for each living instance.
//!
//! In: how far time has come, and what events change of instances' times and zones. Out: blocks entered,
//! each with the tick as its occasion.
//! Never: looks at an instance that an event does not concern, or ticks before the first instant that
//! is known.
//! Promise: a block ticks once on a local date, whatever becomes of preferences; of ticks that fell
//! into a time in which the engine was down those run that the block catches up with.
//! Start reading at [`State::reschedule`], then [`State::tick`].

use std::collections::BTreeMap;

use homeostat_intent::lowered::{CatchUp, Period};
use homeostat_world::{Timestamp, canary};

use crate::datum::Datum;
use crate::instances::name;
use crate::intern::Symbols;
use crate::occasion::{Began, FIRST};
use crate::open::NEVER;
use crate::program::{Opens, Program, TickAt, TickPlan, at};
use crate::state::{Sink, State};
use crate::table::Table;
use crate::zones::{Tick, Zone, time_of_day};

/// Every periodic block's next ticks.
#[derive(Debug, Default)]
pub(crate) struct Ticks {
    rows: Vec<Rows>,
    /// When, then the place among the periodic blocks, then the instance by name.
    alarms: BTreeMap<(i64, u32, Box<str>), Datum>,
    /// How many have run in this life.
    pub(crate) run: u64,
    /// How often the next one was looked for in this life.
    pub(crate) looked_for: u64,
}

/// Of one periodic block.
#[derive(Debug, Default)]
struct Rows {
    /// When it ticks for no instance.
    alone: Row,
    /// When it ticks for each.
    each: Table<Row>,
}

/// Of one periodic block and one instance.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Row {
    /// The newest that ran or was passed over.
    last: Option<Tick>,
    next: Option<Tick>,
}

/// A tick whose time has come.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Due {
    pub(crate) time: i64,
    periodic: u32,
    instance: Option<Datum>,
}

impl Ticks {
    /// For as many blocks as are periodic.
    pub(crate) fn new(periodic: usize) -> Self {
        let rows = (0..periodic).map(|_| Rows::default()).collect();
        Self { rows, alarms: BTreeMap::new(), run: 0, looked_for: 0 }
    }

    /// The first tick that is still to come.
    pub(crate) fn earliest(&self) -> Option<i64> {
        self.alarms.first_key_value().map(|((time, ..), _)| *time)
    }

    /// The first tick strictly before `now`.
    pub(crate) fn due(&self, now: i64) -> Option<Due> {
        let ((time, periodic, _), instance) = self.alarms.first_key_value()?;
        let instance = (*instance != Datum::Absent).then_some(*instance);
        (*time < now).then_some(Due { time: *time, periodic: *periodic, instance })
    }

    /// The newest tick of each instance for which one ran, with the block's place among the
    /// periodic ones, in no order.
    pub(crate) fn last(&self) -> impl Iterator<Item = (u32, Datum, Tick)> {
        self.rows.iter().zip(0..).flat_map(|(rows, periodic)| {
            let with_last = rows.each.iter().filter_map(|(of, row)| Some((of, row.last?)));
            with_last.map(move |(instance, last)| (periodic, instance, last))
        })
    }

    /// Puts the newest tick of an instance in place, for a restore.
    pub(crate) fn put_last(
        &mut self,
        periodic: u32,
        instance: Datum,
        last: Tick,
        symbols: &mut Symbols,
    ) {
        self.set(periodic, Some(instance), Row { last: Some(last), next: None }, symbols);
    }

    fn get(&self, periodic: u32, instance: Option<Datum>) -> Row {
        let Some(rows) = self.rows.get(periodic as usize) else { return Row::default() };
        instance.map_or(rows.alone, |instance| rows.each.get(instance).copied().unwrap_or_default())
    }

    /// Puts a row in place, and its alarm. A row of nothing goes.
    fn set(&mut self, periodic: u32, instance: Option<Datum>, new: Row, symbols: &mut Symbols) {
        let old = self.get(periodic, instance).next;
        if old != new.next {
            let key = |tick: Tick, symbols: &Symbols| {
                let name = instance.map(|instance| name(instance, symbols).into());
                (tick.time, periodic, name.unwrap_or_default())
            };
            if let Some(old) = old {
                self.alarms.remove(&key(old, symbols));
            }
            if let Some(next) = new.next {
                self.alarms.insert(key(next, symbols), instance.unwrap_or_default());
            }
        }
        let Some(rows) = self.rows.get_mut(periodic as usize) else { return };
        let Some(instance) = instance else {
            rows.alone = new;
            return;
        };
        if new == Row::default() {
            if rows.each.remove(instance).is_some() {
                instance.release(symbols);
            }
            return;
        }
        match rows.each.get_mut(instance) {
            Some(row) => *row = new,
            None => rows.each.insert(instance.retain(symbols), new),
        }
    }

    /// Bytes set aside.
    pub(crate) fn bytes(&self) -> usize {
        let rows: usize = self.rows.iter().map(|rows| rows.each.bytes()).sum();
        rows + self.alarms.len() * size_of::<((i64, u32, Box<str>), Datum)>()
    }
}

impl State {
    /// Time comes to its first instant, or a state was restored: from now on there are ticks.
    pub(crate) fn begin_ticks(&mut self, program: &Program) {
        for (periodic, &block) in (0..).zip(&program.periodic) {
            match plan_of(program, block).at {
                TickAt::Time(_) => self.reschedule(program, periodic, None, self.now),
                TickAt::Of { entity, .. } => {
                    let Some(tracked) = at(&program.entities, entity).tracked else { continue };
                    for instance in self.instances.in_order(tracked, &self.symbols).to_vec() {
                        self.reschedule(program, periodic, Some(instance), self.now);
                    }
                }
            }
        }
    }

    /// An event is over: instances that it made alive tick from now on, those that it ended do not,
    /// and what it changed of their times counts.
    pub(crate) fn follow_instances(&mut self, program: &Program) {
        if !self.has_begun() {
            return;
        }
        let mut changed: Vec<(u32, Datum)> = Vec::new();
        for (periodic, &block) in (0..).zip(&program.periodic) {
            let TickAt::Of { entity, ref hops, ref ways, zone } = plan_of(program, block).at else {
                continue;
            };
            let tracked = at(&program.entities, entity).tracked;
            for news in self.instances.news().iter().filter(|it| Some(it.tracked) == tracked) {
                if !news.alive {
                    self.ticks.set(
                        periodic,
                        Some(news.instance),
                        Row::default(),
                        &mut self.symbols,
                    );
                }
                changed.push((periodic, news.instance));
            }
            for (column, instance, _) in self.columns.replaced() {
                if zone == Some(column) {
                    changed.push((periodic, instance));
                }
                // What lies further along a path concerns those whose path leads there.
                for (_, way) in hops.iter().zip(ways).filter(|(hop, _)| **hop == Some(column)) {
                    self.walk_back(way, instance, &mut |found| changed.push((periodic, found)));
                }
            }
        }
        for (periodic, instance) in changed {
            self.reschedule(program, periodic, Some(instance), self.now);
        }
    }

    /// Finds the next tick of a block at or after `from`, by what is said of the instance now.
    fn reschedule(&mut self, program: &Program, periodic: u32, instance: Option<Datum>, from: i64) {
        let plan = plan_of(program, *at(&program.periodic, periodic));
        let row = self.ticks.get(periodic, instance);
        self.ticks.looked_for += 1;
        let next = self.next_tick(program, plan, instance, from, row.last);
        self.ticks.set(periodic, instance, Row { next, ..row }, &mut self.symbols);
    }

    /// The first tick at or after `from` and later than `last`: on a later date, if the period is
    /// one of days.
    fn next_tick(
        &self,
        program: &Program,
        plan: &TickPlan,
        instance: Option<Datum>,
        from: i64,
        last: Option<Tick>,
    ) -> Option<Tick> {
        let own_zone;
        let (of_day, zone) = match (&plan.at, instance) {
            (TickAt::Time(of_day), _) => (*of_day, &plan.zone),
            (TickAt::Of { .. }, None) => return None,
            (TickAt::Of { entity, hops, zone, .. }, Some(instance)) => {
                let tracked = at(&program.entities, *entity).tracked?;
                self.instances.since(tracked, instance)?;
                let mut value = instance;
                for hop in hops {
                    value = self.hop(*hop, value, plan.inferred);
                }
                let Datum::Text(text) = value else { return None };
                let zone = self.hop(*zone, instance, plan.inferred);
                own_zone = match zone {
                    Datum::Text(name) => Zone::named(self.symbols.text(name)),
                    _ => None,
                };
                (time_of_day(self.symbols.text(text))?, own_zone.as_ref().unwrap_or(&plan.zone))
            }
        };
        let after = last.map_or(from - 1, |last| last.time.max(from - 1));
        match plan.period {
            Period::Fixed(length) => {
                zone.next_fixed(length, after).map(|time| Tick { time, date: 0 })
            }
            period => zone.next_on(period, of_day, after, last.map(|last| last.date)),
        }
    }

    /// A tick comes: its block is entered, and the next one is looked for.
    pub(crate) fn tick(&mut self, program: &Program, due: Due, sink: Sink<'_>) {
        let Due { time, periodic, instance } = due;
        let row = self.ticks.get(periodic, instance);
        let Some(tick) = row.next else { unreachable!("a tick that is due is some block's next") };
        assert!(tick.time == time, "an alarm rings when its tick comes");
        self.ticks.run += 1;
        let ran = Row { last: Some(tick), next: None };
        self.ticks.set(periodic, instance, ran, &mut self.symbols);
        self.reschedule(program, periodic, instance, time + 1);
        let block = *at(&program.periodic, periodic);
        let began = Began::Tick(Timestamp::from_micros(time));
        let trigger = self.open_occasion(block, began, instance);
        self.occasions.set_date(trigger, tick.date);
        self.enter_opened(program, block, (trigger, instance), (time, 0), sink);
    }

    /// The engine was down until `now`: passes over the ticks before that with which their blocks do
    /// not catch up. They count as ticks of their dates.
    pub(crate) fn pass_over_ticks(&mut self, program: &Program, now: i64) {
        for (periodic, &block) in (0..).zip(&program.periodic) {
            let runs = match plan_of(program, block).catch_up {
                CatchUp::All => continue,
                CatchUp::Latest => !canary::planted("nothing_is_made_up_for"),
                CatchUp::None => false,
            };
            let rows = self.ticks.rows.get(periodic as usize);
            let each = rows.into_iter().flat_map(|rows| rows.each.iter().map(|(of, _)| Some(of)));
            for instance in std::iter::once(None).chain(each).collect::<Vec<_>>() {
                self.pass_over(program, periodic, instance, now, runs);
            }
        }
    }

    fn pass_over(
        &mut self,
        program: &Program,
        periodic: u32,
        instance: Option<Datum>,
        now: i64,
        latest_runs: bool,
    ) {
        let plan = plan_of(program, *at(&program.periodic, periodic));
        let mut row = self.ticks.get(periodic, instance);
        let Some(first) = row.next.filter(|next| next.time < now) else { return };
        // Ticks of a short period are not gone through one by one from where the engine stopped.
        let mut step = match plan.period {
            Period::Fixed(length) => length,
            _ => NEVER,
        };
        while let Some(from) = now.checked_sub(step).filter(|from| *from > first.time) {
            let next = self.next_tick(program, plan, instance, from, row.last);
            if next.is_some_and(|next| next.time < now) {
                row.next = next;
                break;
            }
            step = step.saturating_mul(2);
        }
        while let Some(missed) = row.next.filter(|next| next.time < now) {
            let next = self.next_tick(program, plan, instance, missed.time + 1, Some(missed));
            if latest_runs && next.is_none_or(|next| next.time >= now) {
                break;
            }
            row = Row { last: Some(missed), next };
        }
        self.ticks.set(periodic, instance, row, &mut self.symbols);
    }

    /// The deadline of a duty that states none in a periodic block: the next tick of the block after
    /// `activated`, for the same instance.
    pub(crate) fn due_by_tick(
        &self,
        program: &Program,
        block: u32,
        trigger: u64,
        activated: i64,
    ) -> Option<i64> {
        assert!(trigger >= FIRST, "a tick is an occasion");
        let occasion = self.occasions.get(trigger)?;
        let Began::Tick(time) = occasion.began else { return None };
        let last = Tick { time: time.as_micros(), date: occasion.date };
        let plan = plan_of(program, block);
        let instance = match plan.at {
            TickAt::Time(_) => None,
            TickAt::Of { .. } => occasion.instances.first().copied(),
        };
        let next = self.next_tick(program, plan, instance, activated + 1, Some(last));
        next.map(|next| next.time)
    }
}

fn plan_of(program: &Program, block: u32) -> &TickPlan {
    let Opens::Every(plan) = &at(&program.blocks, block).opens else {
        unreachable!("only a periodic block ticks");
    };
    plan
}
