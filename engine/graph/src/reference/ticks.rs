//! Ticks: what the calendar triggers, once for each period and instance.
//!
//! In: the instances that there are and what is said of them. Out: the next tick.
//! Never: a tick that a preference, changed after today's, would give a second time on a date.
//! Promise: ticks begin with the first instant that is known, and none is found twice.
//! Start reading at [`History::next_tick_of`].

use homeostat_intent::lowered::{At, CatchUp, Path, Schedule, Trigger};
use homeostat_world::{Duration, Timestamp};
use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::calendar::{next_tick, time_of_day, zone};
use super::carried::{Carried, value_of};
use super::history::History;
use super::log::Reading;
use super::meaning::{Scene, reads_inferred};

/// A tick that time has come past.
#[derive(Clone)]
pub(super) struct Ticked {
    pub(super) block: usize,
    pub(super) instance: Option<String>,
    pub(super) at: Timestamp,
    pub(super) date: Date,
}

/// A tick that is still to come.
pub(super) struct Tick {
    pub(super) block: usize,
    pub(super) instance: Option<String>,
    pub(super) at: Timestamp,
    pub(super) date: Date,
}

impl<'a> History<'a> {
    /// The next tick at or after `from` of every periodic block, for each of its instances.
    pub(super) fn next_ticks(&self, from: Timestamp) -> Vec<Tick> {
        let mut ticks = Vec::new();
        for (block, instance) in self.periodic() {
            let last = self.last_tick(block, instance.as_deref());
            if let Some((at, date)) = self.next_tick_of(block, instance.as_deref(), from, last) {
                ticks.push(Tick { block, instance, at, date });
            }
        }
        ticks
    }

    /// Every periodic block with each instance that it ticks for; none where it is for no instance.
    fn periodic(&self) -> Vec<(usize, Option<String>)> {
        let mut found = Vec::new();
        for (block, written) in self.spec.blocks.iter().enumerate() {
            match (&written.trigger, written.trigger.bound()) {
                (Trigger::Every(_), None) => found.push((block, None)),
                (Trigger::Every(_), Some(entity)) => {
                    let alive = self.log.alive(entity, self.log.now());
                    found.extend(alive.into_iter().map(|instance| (block, Some(instance))));
                }
                _ => {}
            }
        }
        found
    }

    fn last_tick(&self, block: usize, instance: Option<&str>) -> Option<(Timestamp, Date)> {
        let of_these = |it: &&Ticked| it.block == block && it.instance.as_deref() == instance;
        self.ticked.iter().filter(of_these).map(|it| (it.at, it.date)).max()
    }

    /// The first tick of a block for an instance at or after `from` and later than `last`, by what
    /// is said of the instance now.
    fn next_tick_of(
        &self,
        block: usize,
        instance: Option<&str>,
        from: Timestamp,
        last: Option<(Timestamp, Date)>,
    ) -> Option<(Timestamp, Date)> {
        let schedule = self.schedule(block)?;
        let clock = self.clock(block, instance);
        let of_day = match (&schedule.at, instance) {
            (At::Time(of_day), _) => *of_day,
            (At::Of(path), Some(instance)) => match self.said(block, path, instance)? {
                Carried::Text(text) => time_of_day(&text)?,
                _ => return None,
            },
            (At::Of(_), None) => return None,
        };
        next_tick(schedule.period, of_day, &clock, from, last)
    }

    fn schedule(&self, block: usize) -> Option<&'a Schedule> {
        match &self.spec.blocks.get(block)?.trigger {
            Trigger::Every(schedule) => Some(schedule),
            _ => None,
        }
    }

    /// The local clock of an instance: of the zone that it says, else of the system's, else UTC.
    fn clock(&self, block: usize, instance: Option<&str>) -> TimeZone {
        let entity = self.spec.blocks.get(block).and_then(|block| block.trigger.bound());
        let own = instance.zip(entity).and_then(|(instance, entity)| {
            let declared = self.spec.entities.iter().find(|declared| declared.name == entity)?;
            declared.attributes.iter().find(|attribute| attribute.name == "time_zone")?;
            let reading = Reading { as_of: self.log.now(), inferred: self.block_infers(block) };
            match self.log.attribute(entity, &value_of(instance), "time_zone", reading)? {
                Carried::Text(name) => zone(&name),
                _ => None,
            }
        });
        own.unwrap_or_else(|| self.system_clock())
    }

    pub(super) fn system_clock(&self) -> TimeZone {
        self.spec.time_zone.as_deref().and_then(zone).unwrap_or(TimeZone::UTC)
    }

    fn said(&self, block: usize, path: &Path, instance: &str) -> Option<Carried> {
        let bound = [(path.entity.clone()?, instance.to_owned())];
        let inferred = self.block_infers(block);
        let scene = Scene { trigger: None, bound: &bound, edge: None, inferred };
        self.log.path(path, path.hops.len(), scene, self.log.now())
    }

    fn block_infers(&self, block: usize) -> bool {
        self.spec.blocks.get(block).is_some_and(|block| reads_inferred(&block.body))
    }

    /// A tick comes: the block is entered.
    pub(super) fn tick(&mut self, tick: Tick) {
        let Tick { block, instance, at, date } = tick;
        let spec = self.spec;
        let Some(written) = spec.blocks.get(block) else { return };
        let bound = written.trigger.bound().zip(instance.as_deref());
        let occasion = self.occasion_since(&at.to_string(), Some((at, date)), bound);
        self.ticked.push(Ticked { block, instance, at, date });
        self.enter(&written.body, block, occasion);
    }

    /// The deadline of a duty that states none in a periodic block: the first tick after its
    /// trigger and after `at`, for the same instance.
    pub(super) fn tick_after(
        &self,
        block: usize,
        occasion: usize,
        at: Timestamp,
    ) -> Option<Timestamp> {
        let occasion = self.occasion(occasion);
        let tick = occasion.tick?;
        let entity = self.spec.blocks.get(block).and_then(|block| block.trigger.bound());
        let instance = entity.and_then(|_| occasion.bound.first()).map(|(_, name)| name.as_str());
        let from = at + Duration::from_micros(1);
        self.next_tick_of(block, instance, from, Some(tick)).map(|(at, _)| at)
    }

    /// Passes over the ticks before `now` that fell into a time in which the engine was down and
    /// that their blocks do not catch up with. They count as ticks of their dates.
    pub(super) fn pass_over(&mut self, from: Timestamp, now: Timestamp) {
        for (block, instance) in self.periodic() {
            let Some(schedule) = self.schedule(block) else { continue };
            let mut missed = Vec::new();
            let mut last = self.last_tick(block, instance.as_deref());
            while let Some(tick) = self.next_tick_of(block, instance.as_deref(), from, last)
                && tick.0 < now
            {
                missed.push(tick);
                last = Some(tick);
            }
            let runs = match schedule.catch_up {
                CatchUp::All => missed.len(),
                CatchUp::Latest => 1,
                CatchUp::None => 0,
            };
            missed.truncate(missed.len().saturating_sub(runs));
            for (at, date) in missed {
                self.ticked.push(Ticked { block, instance: instance.clone(), at, date });
            }
        }
    }

    /// An instance that was erased is forgotten with its ticks.
    pub(super) fn forget_ticks(&mut self, entity: &str, instance: &str) {
        let spec = self.spec;
        self.ticked.retain(|tick| {
            let of = spec.blocks.get(tick.block).and_then(|block| block.trigger.bound());
            of != Some(entity) || tick.instance.as_deref() != Some(instance)
        });
    }
}
