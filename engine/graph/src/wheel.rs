//! Deadlines in the order of time: a hierarchical timing wheel that never cancels.
//!
//! In: timers, and how far time has come. Out: the timers that it passed, in exact order.
//! Never: looks for a timer to remove it: whether it still counts is asked when its time comes, or
//! when dead ones outnumber the living.
//! Promise: a timer fires when time is strictly past it; equal times fire by trigger, then clause.
//! Start reading at [`Wheel::insert`], then [`Wheel::pass`].

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use homeostat_world::canary;

/// A timer: when, and for which place of the store of open obligations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Timer {
    /// When.
    pub(crate) time: i64,
    /// The place of its obligation.
    pub(crate) slot: u32,
    /// Which of the obligations that had this place.
    pub(crate) generation: u32,
}

/// A timer that is due now, with what orders it among the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Ready {
    pub(crate) time: i64,
    pub(crate) trigger: u64,
    pub(crate) clause: u32,
    pub(crate) slot: u32,
    pub(crate) generation: u32,
}

/// Sixty-four slots a level; a slot of one level is a whole turn of the level below.
const SLOT_BITS: u32 = 6;
const SLOTS: usize = 1 << SLOT_BITS;
/// A slot of the lowest level is about a millisecond; inside it the order is made exact by a heap.
const TICK_BITS: u32 = 10;
/// Enough levels for the whole time line: 9 × 6 + 10 bits = 64.
const LEVELS: usize = 9;

/// The wheel. See the module's opening.
#[derive(Debug)]
pub(crate) struct Wheel {
    /// For each level, which of its slots hold timers.
    occupied: [u64; LEVELS],
    levels: [[Slot; SLOTS]; LEVELS],
    ready: BinaryHeap<Reverse<Ready>>,
    /// Everything up to this tick has been moved to `ready`.
    cursor: u64,
    waiting: usize,
    /// The emptied list of the slot that was moved last, for its room.
    spare: Vec<Timer>,
}

#[derive(Debug, Default)]
struct Slot {
    timers: Vec<Timer>,
    earliest: i64,
}

impl Wheel {
    pub(crate) fn new() -> Self {
        Self {
            occupied: [0; LEVELS],
            levels: std::array::from_fn(|_| std::array::from_fn(|_| Slot::default())),
            ready: BinaryHeap::new(),
            cursor: 0,
            waiting: 0,
            spare: Vec::new(),
        }
    }

    /// Sets a timer. `order` gives its trigger and clause, and is asked only if it is due already.
    pub(crate) fn insert(&mut self, timer: Timer, order: impl FnOnce() -> (u64, u32)) {
        let tick = tick_of(timer.time);
        if tick <= self.cursor {
            let (trigger, clause) = order();
            let Timer { time, slot, generation } = timer;
            self.ready.push(Reverse(Ready { time, trigger, clause, slot, generation }));
            return;
        }
        let level = (63 - (tick ^ self.cursor).leading_zeros()) / SLOT_BITS;
        let index = (tick >> (level * SLOT_BITS)) & (SLOTS as u64 - 1);
        #[expect(clippy::cast_possible_truncation, reason = "the index is below sixty-four")]
        let (level, place) = (level as usize, index as usize);
        let slot = self.levels.get_mut(level).and_then(|slots| slots.get_mut(place));
        let (Some(slot), Some(occupied)) = (slot, self.occupied.get_mut(level)) else { return };
        let was_empty = *occupied & (1 << index) == 0;
        *occupied |= 1 << index;
        slot.earliest = if was_empty { timer.time } else { slot.earliest.min(timer.time) };
        slot.timers.push(timer);
        self.waiting += 1;
    }

    /// Moves time to `now`. `alive` says whether a timer still counts, `order` gives its trigger
    /// and clause. After this, [`Self::pop`] hands out what has passed.
    pub(crate) fn pass(
        &mut self,
        now: i64,
        alive: impl Fn(&Timer) -> bool,
        order: impl Fn(&Timer) -> (u64, u32),
    ) {
        let target = tick_of(now);
        if target <= self.cursor {
            return;
        }
        while let Some((level, index)) = self.first_slot() {
            let start = self.start_of(level, index);
            if start > target {
                break;
            }
            self.cursor = self.cursor.max(start);
            let mut timers = self.empty(level, index);
            for timer in timers.drain(..) {
                if alive(&timer) {
                    self.insert(timer, || order(&timer));
                }
            }
            self.spare = timers;
        }
        self.cursor = self.cursor.max(target);
    }

    /// The next timer strictly before `now`, in order. It may be dead: the caller looks.
    pub(crate) fn pop(&mut self, now: i64) -> Option<Ready> {
        let reached = if canary::planted("missed_at_due") { now + 1 } else { now };
        if self.ready.peek().is_some_and(|Reverse(ready)| ready.time < reached) {
            return self.ready.pop().map(|Reverse(ready)| ready);
        }
        None
    }

    /// The next timer, if it is of the same time and trigger as one that was handed out.
    pub(crate) fn pop_same(&mut self, as_this: Ready) -> Option<Ready> {
        let Reverse(ready) = self.ready.peek()?;
        let same = (ready.time, ready.trigger) == (as_this.time, as_this.trigger);
        if same { self.ready.pop().map(|Reverse(ready)| ready) } else { None }
    }

    /// No living timer is earlier than this. (A dead one may be the reason for it.)
    pub(crate) fn earliest(&self) -> Option<i64> {
        let ready = self.ready.peek().map(|Reverse(ready)| ready.time);
        let waiting = self
            .first_slot()
            .and_then(|(level, index)| Some(self.levels.get(level)?.get(index)?.earliest));
        match (ready, waiting) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        }
    }

    /// How many timers it holds, dead ones counted.
    pub(crate) fn len(&self) -> usize {
        self.waiting + self.ready.len()
    }

    /// Drops every dead timer. Worth its price when they outnumber the living.
    pub(crate) fn compact(&mut self, alive: impl Fn(&Timer) -> bool) {
        self.waiting = 0;
        for (slots, occupied) in self.levels.iter_mut().zip(&mut self.occupied) {
            for (index, slot) in slots.iter_mut().enumerate() {
                if *occupied & (1 << index) == 0 {
                    slot.timers = Vec::new();
                    continue;
                }
                slot.timers.retain(&alive);
                if slot.timers.capacity() > 4 * slot.timers.len() {
                    slot.timers.shrink_to(2 * slot.timers.len());
                }
                self.waiting += slot.timers.len();
                slot.earliest = slot.timers.iter().map(|timer| timer.time).min().unwrap_or(0);
                if slot.timers.is_empty() {
                    *occupied &= !(1 << index);
                }
            }
        }
        self.ready.retain(|Reverse(ready)| {
            let Ready { time, slot, generation, .. } = *ready;
            alive(&Timer { time, slot, generation })
        });
        self.ready.shrink_to(self.ready.len() * 2);
        self.spare = Vec::new();
    }

    /// Bytes set aside.
    pub(crate) fn bytes(&self) -> usize {
        let slots: usize = self.levels.iter().flatten().map(|slot| slot.timers.capacity()).sum();
        size_of::<Self>()
            + (slots + self.spare.capacity()) * size_of::<Timer>()
            + self.ready.capacity() * size_of::<Ready>()
    }

    /// The earliest slot: lower levels come before higher ones, since every timer of a level
    /// shares all higher digits with the cursor.
    fn first_slot(&self) -> Option<(usize, usize)> {
        let occupied = self.occupied.iter().enumerate().find(|(_, occupied)| **occupied != 0);
        occupied.map(|(level, occupied)| (level, occupied.trailing_zeros() as usize))
    }

    fn start_of(&self, level: usize, index: usize) -> u64 {
        let shift = SLOT_BITS * u32::try_from(level).unwrap_or(0);
        let above = self.cursor.checked_shr(shift + SLOT_BITS).unwrap_or(0);
        let above = above.checked_shl(shift + SLOT_BITS).unwrap_or(0);
        above | ((index as u64) << shift)
    }

    fn empty(&mut self, level: usize, index: usize) -> Vec<Timer> {
        let spare = std::mem::take(&mut self.spare);
        if let Some(occupied) = self.occupied.get_mut(level) {
            *occupied &= !(1 << index);
        }
        let slot = self.levels.get_mut(level).and_then(|slots| slots.get_mut(index));
        let Some(slot) = slot else { return spare };
        let timers = std::mem::replace(&mut slot.timers, spare);
        self.waiting -= timers.len();
        timers
    }
}

/// The time line starts below zero; flipping the sign bit keeps the order in unsigned numbers.
fn tick_of(time: i64) -> u64 {
    (time.cast_unsigned() ^ (1 << 63)) >> TICK_BITS
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pass(wheel: &mut Wheel, now: i64) -> Vec<i64> {
        wheel.pass(now, |_| true, |timer| (u64::from(timer.slot), 0));
        std::iter::from_fn(|| wheel.pop(now)).map(|ready| ready.time).collect()
    }

    #[test]
    fn a_timer_fires_only_when_time_is_strictly_past_it() {
        let mut wheel = Wheel::new();
        assert!(pass(&mut wheel, 0).is_empty());
        wheel.insert(Timer { time: 5_000_000, slot: 0, generation: 0 }, || (0, 0));
        assert_eq!(wheel.earliest(), Some(5_000_000));
        assert!(pass(&mut wheel, 5_000_000).is_empty());
        assert_eq!(pass(&mut wheel, 5_000_001), [5_000_000]);
        assert_eq!(wheel.len(), 0);
    }

    #[test]
    fn timers_come_out_as_from_a_sorted_list_whatever_the_steps() {
        let mut state = 1_u64;
        let mut draw = |bound: u64| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (state >> 33) % bound
        };
        for _ in 0..200 {
            let (mut wheel, mut list, mut now) = (Wheel::new(), Vec::new(), -3_000_000_i64);
            wheel.pass(now, |_| true, |_| (0, 0));
            for slot in 0..200_u32 {
                let reach = 1_u64 << draw(44);
                let time = now + i64::try_from(draw(reach)).unwrap_or(0) - 5;
                wheel.insert(Timer { time, slot, generation: 0 }, || (u64::from(slot), 0));
                list.push((time, slot));
                list.sort_unstable();
                assert!(wheel.earliest().is_some_and(|earliest| {
                    list.first().is_some_and(|&(first, _)| earliest <= first)
                }));
                if draw(3) == 0 {
                    let reach = 1_u64 << draw(40);
                    now += i64::try_from(draw(reach)).unwrap_or(0);
                    let due = list.partition_point(|&(time, _)| time < now);
                    let expected: Vec<i64> = list.drain(..due).map(|(time, _)| time).collect();
                    assert_eq!(pass(&mut wheel, now), expected);
                }
            }
            wheel.compact(|_| true);
            let rest: Vec<i64> = list.drain(..).map(|(time, _)| time).collect();
            assert_eq!(pass(&mut wheel, i64::MAX), rest);
        }
    }

    #[test]
    fn dead_timers_leave_no_room_behind_when_it_is_compacted() {
        let mut wheel = Wheel::new();
        wheel.pass(0, |_| true, |_| (0, 0));
        for n in 0..100_000_u32 {
            let timer = Timer { time: i64::from(n) * 997, slot: n, generation: 0 };
            wheel.insert(timer, || (0, 0));
        }
        wheel.compact(|timer| timer.slot < 10);
        assert_eq!(wheel.len(), 10);
        assert!(wheel.bytes() < size_of::<Wheel>() + 2_000);
    }
}
