//! The episodes that last, their alarms, and the numbers and inverses that watches need.
//!
//! In: episodes to keep and to forget, alarms to set. Out: the same; alarms in order.
//! Never: looks for an alarm to remove it: whether it still counts is asked when its time comes, or
//! when dead ones outnumber the living.
//! Promise: alarms of one time come out by watch, then by the name of the instance.
//! Start reading at [`Watches::begin`], then [`Watches::next_alarm`].

use crate::datum::Datum;
use crate::guards::Scene;
use crate::instances::by_name;
use crate::intern::Symbols;
use crate::inverse::Inverse;
use crate::open::NOWHERE;
use crate::program::Program;
use crate::table::Table;
use crate::wheel::{Ready, Timer, Wheel};

/// What holds for one instance of a watch, and since when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Episode {
    pub(crate) watch: u32,
    pub(crate) instance: Datum,
    /// The event since which it holds.
    pub(crate) since: u64,
    /// The time of that event.
    pub(crate) at: i64,
    /// How many agents deep that event is.
    pub(crate) depth: u16,
    pub(crate) standing: Standing,
}

/// What came of an episode so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// Nothing: it has not lasted long enough.
    Lasting,
    /// Its block was entered, with this trigger.
    Entered(u64),
    /// It violates what is asserted, by an obligation of this trigger.
    Violated(u64),
    /// A person has let it go: nothing is said of it until it ends.
    Silent,
}

/// An episode's alarm whose time has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Alarm {
    pub(crate) time: i64,
    pub(crate) watch: u32,
    pub(crate) place: u32,
    generation: u32,
}

/// Everything that watches remember.
#[derive(Debug)]
pub(crate) struct Watches {
    episodes: Vec<Option<Episode>>,
    generations: Vec<u32>,
    free: Vec<u32>,
    /// For each watch, where the episode of an instance is.
    places: Vec<Table<u32>>,
    alarms: Wheel,
    /// Alarms of one time and watch, the last by name first.
    batch: Vec<Alarm>,
    pub(crate) inverses: Vec<Inverse>,
    /// Whether an event has come that is not the engine's own.
    pub(crate) begun: bool,
    /// For each number, the instances that are counted in it.
    numbers: Vec<Table<()>>,
    /// Room that is used again for every event.
    pub(super) affected: Vec<(u32, Datum)>,
    pub(super) changed_numbers: Vec<u32>,
    pub(super) scene: Scene,
}

/// The wheel may hold this many dead alarms before it is worth looking.
const DEAD_ALARMS: usize = 8_192;

impl Watches {
    pub(crate) fn new(program: &Program) -> Self {
        Self {
            episodes: Vec::new(),
            generations: Vec::new(),
            free: Vec::new(),
            places: program.watches.iter().map(|_| Table::default()).collect(),
            alarms: Wheel::new(),
            batch: Vec::new(),
            inverses: (0..program.inverses).map(|_| Inverse::default()).collect(),
            begun: false,
            numbers: program.numbers.iter().map(|_| Table::default()).collect(),
            affected: Vec::new(),
            changed_numbers: Vec::new(),
            scene: Scene::default(),
        }
    }

    /// Keeps an episode, whose instance's name is held for it; gives its place.
    pub(crate) fn begin(&mut self, episode: Episode) -> u32 {
        let place = self.free.pop().unwrap_or_else(|| {
            self.episodes.push(None);
            self.generations.push(0);
            u32::try_from(self.episodes.len() - 1).unwrap_or(NOWHERE)
        });
        assert!(place != NOWHERE, "fewer than four thousand million episodes last at once");
        if let Some(room) = self.episodes.get_mut(place as usize) {
            assert!(room.is_none(), "a free place holds nothing");
            *room = Some(episode);
        }
        if let Some(places) = self.places.get_mut(episode.watch as usize) {
            places.insert(episode.instance, place);
        }
        place
    }

    /// Forgets an episode.
    pub(crate) fn end(&mut self, place: u32, symbols: &mut Symbols) -> Episode {
        let episode = self.episodes.get_mut(place as usize).and_then(Option::take);
        let Some(episode) = episode else {
            unreachable!("place `{place}` is named only while it holds an episode");
        };
        if let Some(places) = self.places.get_mut(episode.watch as usize) {
            places.remove(episode.instance);
        }
        if let Some(generation) = self.generations.get_mut(place as usize) {
            *generation = generation.wrapping_add(1);
        }
        self.free.push(place);
        episode.instance.release(symbols);
        episode
    }

    /// The place of an instance's episode.
    pub(crate) fn find(&self, watch: u32, instance: Datum) -> Option<u32> {
        self.places.get(watch as usize)?.get(instance).copied()
    }

    pub(crate) fn get(&self, place: u32) -> &Episode {
        let Some(episode) = self.episodes.get(place as usize).and_then(Option::as_ref) else {
            unreachable!("place `{place}` is named only while it holds an episode");
        };
        episode
    }

    pub(crate) fn get_mut(&mut self, place: u32) -> &mut Episode {
        let Some(episode) = self.episodes.get_mut(place as usize).and_then(Option::as_mut) else {
            unreachable!("place `{place}` is named only while it holds an episode");
        };
        episode
    }

    /// Every episode, in no order that means anything.
    pub(crate) fn all(&self) -> impl Iterator<Item = &Episode> {
        self.episodes.iter().flatten()
    }

    /// The episodes of one watch, with their places, in no order that means anything.
    pub(crate) fn of(&self, watch: u32) -> impl Iterator<Item = (u32, Datum)> {
        let places = (0..).zip(&self.episodes);
        places.filter_map(move |(place, episode)| {
            let episode = episode.as_ref().filter(|it| it.watch == watch)?;
            Some((place, episode.instance))
        })
    }

    /// Time comes back to an episode when it is strictly past this.
    pub(crate) fn set_alarm(&mut self, place: u32, time: i64) {
        let watch = self.get(place).watch;
        let generation = self.generation(place);
        let timer = Timer { time, slot: place, generation };
        self.alarms.insert(timer, || (u64::from(watch), 0));
        if self.alarms.len() > 4 * self.len() + DEAD_ALARMS {
            let generations = &self.generations;
            self.alarms
                .compact(|timer| generations.get(timer.slot as usize) == Some(&timer.generation));
        }
    }

    /// Moves the alarms on to `now`.
    pub(crate) fn pass(&mut self, now: i64) {
        let Self { alarms, generations, episodes, .. } = self;
        alarms.pass(
            now,
            |timer| generations.get(timer.slot as usize) == Some(&timer.generation),
            |timer| {
                let episode = episodes.get(timer.slot as usize).and_then(Option::as_ref);
                (episode.map_or(0, |episode| u64::from(episode.watch)), 0)
            },
        );
    }

    /// The next living alarm strictly before `now`; it stays the next until it is taken.
    pub(crate) fn next_alarm(&mut self, now: i64, symbols: &Symbols) -> Option<Alarm> {
        loop {
            while let Some(alarm) = self.batch.last().copied() {
                if self.generation(alarm.place) == alarm.generation {
                    return Some(alarm);
                }
                self.batch.pop();
            }
            let first = self.alarms.pop(now)?;
            self.batch.extend(self.living(first));
            while let Some(next) = self.alarms.pop_same(first) {
                self.batch.extend(self.living(next));
            }
            let (batch, episodes) = (&mut self.batch, &self.episodes);
            let instance = |alarm: &Alarm| {
                let episode = episodes.get(alarm.place as usize).and_then(Option::as_ref);
                episode.map_or(Datum::Absent, |episode| episode.instance)
            };
            batch.sort_by(|a, b| by_name(instance(b), instance(a), symbols));
        }
    }

    /// Takes the alarm that is next.
    pub(crate) fn take_alarm(&mut self) {
        self.batch.pop();
    }

    fn living(&self, ready: Ready) -> Option<Alarm> {
        let Ready { time, slot: place, generation, .. } = ready;
        let episode = self.episodes.get(place as usize)?.as_ref()?;
        let alarm = Alarm { time, watch: episode.watch, place, generation };
        (self.generation(place) == generation).then_some(alarm)
    }

    /// No living alarm is earlier than this.
    pub(crate) fn earliest(&self) -> Option<i64> {
        let batch = self.batch.last().map(|alarm| alarm.time);
        match (batch, self.alarms.earliest()) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        }
    }

    fn generation(&self, place: u32) -> u32 {
        self.generations.get(place as usize).copied().unwrap_or(0)
    }

    /// Counts an instance in a number (`true`) or not; says whether that is new.
    pub(crate) fn count_in(
        &mut self,
        number: u32,
        instance: Datum,
        holds: bool,
        symbols: &mut Symbols,
    ) -> bool {
        let Some(table) = self.numbers.get_mut(number as usize) else { return false };
        match (holds, table.get(instance).is_some()) {
            (true, false) => table.insert(instance.retain(symbols), ()),
            (false, true) => {
                table.remove(instance);
                instance.release(symbols);
            }
            _ => return false,
        }
        true
    }

    /// How many instances a number counts.
    pub(crate) fn number(&self, number: u32) -> Datum {
        let count = self.numbers.get(number as usize).map_or(0, Table::len);
        Datum::Int(i64::try_from(count).unwrap_or(i64::MAX))
    }

    /// How many episodes last.
    pub(crate) fn len(&self) -> usize {
        self.episodes.len() - self.free.len()
    }

    /// Bytes set aside.
    pub(crate) fn bytes(&self) -> usize {
        let places: usize = self.places.iter().map(Table::bytes).sum();
        let numbers: usize = self.numbers.iter().map(Table::bytes).sum();
        let inverses: usize = self.inverses.iter().map(Inverse::bytes).sum();
        places
            + numbers
            + inverses
            + self.episodes.capacity() * size_of::<Option<Episode>>()
            + (self.generations.capacity() + self.free.capacity()) * size_of::<u32>()
            + self.alarms.bytes()
    }
}
