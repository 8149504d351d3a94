//! The open obligations: found by id, and by clause and keys.
//!
//! In: obligations to keep and to forget. Out: the same, by either index.
//! Never: keeps an obligation that is closed. Triggers come in the order of the log, so the index by
//! id is a list that is appended to, searched by halves, and cleared of the dead when they dominate;
//! one text as the key is a place in a list, any other key a place in a hash table.
//! Promise: memory follows the most obligations that were open at once.
//! Start reading at [`Open::insert`].

use std::collections::{BTreeMap, BTreeSet};

use hashbrown::HashTable;

use crate::change::ObligationId;
use crate::datum::{Datum, mix};
use crate::occasion::FIRST;
use crate::program::{ClauseIndex, Program, at};
use homeostat_world::Position;

/// No place in the store.
pub(crate) const NOWHERE: u32 = u32::MAX;
/// No such time.
pub(crate) const NEVER: i64 = i64::MAX;

/// One open obligation, in one line of the processor's cache: whoever looks at one looks at it all.
#[derive(Debug)]
#[repr(align(64))]
pub(crate) struct Obligation {
    pub(crate) trigger: u64,
    pub(crate) activated: i64,
    pub(crate) due: i64,
    pub(crate) values: Values,
    /// What only a duty with a fallback, or a fallback, has.
    chain: Option<Box<Chain>>,
    pub(crate) clause: u32,
    previous: u32,
    next: u32,
    pub(crate) depth: u16,
    pub(crate) gap_open: bool,
    pub(crate) stage: Stage,
}

const _: () = assert!(size_of::<Option<Obligation>>() == 64);

/// How far an open obligation has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    /// Asked for by a version that came after its trigger, and not owed yet.
    Queued,
    Active,
    /// Its deadline has passed.
    Overdue,
    /// Its deadline has passed, and its fallback is owed instead.
    Lapsed,
}

/// An obligation's place in its chain of fallbacks.
#[derive(Debug)]
pub(crate) struct Chain {
    /// The lapsed obligation that it stands for.
    pub(crate) up: u32,
    /// The fallback that stands for it.
    pub(crate) down: u32,
    /// The trigger's fields, kept for the fallback's arguments.
    pub(crate) frame: Option<Frame>,
}

/// The trigger's fields as its block reads them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Frame {
    /// The trigger's type.
    pub(crate) event_type: u32,
    pub(crate) values: Box<[Datum]>,
}

/// One value in place, more on the heap.
#[derive(Clone, Debug)]
pub(crate) enum Values {
    None,
    One(Datum),
    Many(Box<List>),
}

/// Behind one pointer, so that the obligation stays small.
#[derive(Clone, Debug)]
pub(crate) struct List(Box<[Datum]>);

/// The first and last of the obligations of one clause that have the same keys.
#[derive(Clone, Copy, Debug)]
struct Ends {
    head: u32,
    tail: u32,
}

const NO_ENDS: Ends = Ends { head: NOWHERE, tail: NOWHERE };

/// An entry of the index by id. Living while the generation is the place's.
#[derive(Clone, Copy, Debug)]
struct Entry {
    trigger: u64,
    clause: u32,
    slot: u32,
    generation: u32,
}

/// The obligations of one clause that have the same keys, oldest activation first.
#[derive(Debug)]
struct Bucket {
    hash: u64,
    ends: Ends,
}

/// The store. See the module's opening.
#[derive(Debug, Default)]
pub(crate) struct Open {
    slots: Vec<Option<Obligation>>,
    /// How often each place has been given up. Apart from the slots, since timers ask for nothing
    /// else.
    generations: Vec<u32>,
    free: Vec<u32>,
    /// By id, ascending, those that came in that order and were triggered by events.
    by_id: Vec<Entry>,
    /// The same of those that have an occasion: their numbers run beside the positions.
    by_occasion: Vec<Entry>,
    /// By id, those that came later than their neighbours: fallbacks, and duties under guards.
    by_id_late: BTreeMap<(u64, u32), u32>,
    /// For each clause, by the symbol of its only key.
    by_symbol: Vec<Vec<Ends>>,
    by_keys: HashTable<Bucket>,
    /// Of clauses with several keys: the clause, the word of one key, the place.
    by_part: BTreeSet<(u32, u64, u32)>,
}

/// The index by id may hold this many dead entries before it is worth looking.
const DEAD_ENTRIES: usize = 4_096;

impl Values {
    pub(crate) fn new(values: &[Datum]) -> Self {
        match *values {
            [] => Self::None,
            [one] => Self::One(one),
            _ => Self::Many(Box::new(List(values.into()))),
        }
    }

    pub(crate) fn as_slice(&self) -> &[Datum] {
        match self {
            Self::None => &[],
            Self::One(value) => std::slice::from_ref(value),
            Self::Many(list) => &list.0,
        }
    }
}

impl Obligation {
    pub(crate) fn new(clause: u32, trigger: u64, activated: i64, due: i64, values: Values) -> Self {
        Self {
            trigger,
            activated,
            due,
            values,
            chain: None,
            clause,
            previous: NOWHERE,
            next: NOWHERE,
            depth: 0,
            gap_open: false,
            stage: Stage::Active,
        }
    }

    pub(crate) fn id(&self) -> ObligationId {
        ObligationId { clause: ClauseIndex(self.clause), trigger: Position::new(self.trigger) }
    }

    /// The lapsed obligation that it stands for.
    pub(crate) fn up(&self) -> u32 {
        self.chain.as_ref().map_or(NOWHERE, |chain| chain.up)
    }

    /// The fallback that stands for it.
    pub(crate) fn down(&self) -> u32 {
        self.chain.as_ref().map_or(NOWHERE, |chain| chain.down)
    }

    /// The trigger's fields, when a fallback may need them.
    pub(crate) fn frame(&self) -> Option<&Frame> {
        self.chain.as_ref()?.frame.as_ref()
    }

    pub(crate) fn chain_mut(&mut self) -> &mut Chain {
        let alone = || Box::new(Chain { up: NOWHERE, down: NOWHERE, frame: None });
        self.chain.get_or_insert_with(alone)
    }

    /// Its key values.
    pub(crate) fn keys(&self, program: &Program) -> &[Datum] {
        let count = at(&program.clauses, self.clause).keys.len();
        self.values.as_slice().get(..count).unwrap_or_default()
    }
}

impl Open {
    /// Keeps an obligation; gives its place.
    pub(crate) fn insert(&mut self, obligation: Obligation, program: &Program) -> u32 {
        let (trigger, clause) = (obligation.trigger, obligation.clause);
        let slot = self.free.pop().unwrap_or_else(|| {
            self.slots.push(None);
            self.generations.push(0);
            u32::try_from(self.slots.len() - 1).unwrap_or(NOWHERE)
        });
        assert!(slot != NOWHERE, "fewer than four thousand million obligations are open at once");
        let Some(place) = self.slots.get_mut(slot as usize) else { return NOWHERE };
        assert!(place.is_none(), "a free place holds nothing");
        let obligation = place.insert(obligation);
        let keys = obligation.keys(program);
        if keys.len() > 1 {
            self.by_part.extend(keys.iter().map(|key| (clause, key.word(), slot)));
        }
        if matchable(keys) {
            self.link(slot, program);
        }
        self.index(Entry { trigger, clause, slot, generation: self.generation(slot) });
        slot
    }

    fn index(&mut self, entry: Entry) {
        let id = (entry.trigger, entry.clause);
        let most = 2 * self.len() + DEAD_ENTRIES;
        let list = if id.0 < FIRST { &mut self.by_id } else { &mut self.by_occasion };
        if list.last().is_some_and(|last| (last.trigger, last.clause) >= id) {
            self.by_id_late.insert(id, entry.slot);
            return;
        }
        list.push(entry);
        if list.len() > most {
            let generations = &self.generations;
            list.retain(|entry| {
                generations.get(entry.slot as usize).is_some_and(|g| *g == entry.generation)
            });
        }
    }

    /// The ends of the list that an obligation belongs to, made if there is none.
    fn ends_mut(&mut self, slot: u32, program: &Program) -> &mut Ends {
        let Some(obligation) = held(&self.slots, slot) else { unreachable!("just kept") };
        let clause = obligation.clause;
        if let &[Datum::Text(symbol)] = obligation.keys(program) {
            let clause = clause as usize;
            if self.by_symbol.len() <= clause {
                self.by_symbol.resize_with(clause + 1, Vec::new);
            }
            let Some(lists) = self.by_symbol.get_mut(clause) else { unreachable!("just made") };
            let place = symbol.0 as usize;
            if lists.len() <= place {
                lists.resize(place + 1, NO_ENDS);
            }
            let Some(ends) = lists.get_mut(place) else { unreachable!("just made") };
            return ends;
        }
        let slots = &self.slots;
        let hash = hash_keys(clause, obligation.keys(program));
        let same = |bucket: &Bucket| {
            held(slots, bucket.ends.head).is_some_and(|head| same_keys(head, obligation, program))
        };
        let entry = self.by_keys.entry(hash, same, |bucket| bucket.hash);
        &mut entry.or_insert(Bucket { hash, ends: NO_ENDS }).into_mut().ends
    }

    fn link(&mut self, slot: u32, program: &Program) {
        let ends = self.ends_mut(slot, program);
        let tail = std::mem::replace(&mut ends.tail, slot);
        if tail == NOWHERE {
            ends.head = slot;
            return;
        }
        self.get_mut(tail).next = slot;
        self.get_mut(slot).previous = tail;
    }

    /// Forgets the obligation at `slot` and hands it out.
    pub(crate) fn remove(&mut self, slot: u32, program: &Program) -> Obligation {
        let Some(obligation) = held(&self.slots, slot) else {
            unreachable!("place `{slot}` is named only while it holds an obligation");
        };
        let id = (obligation.trigger, obligation.clause);
        let keys = obligation.keys(program);
        if keys.len() > 1 {
            for key in keys {
                self.by_part.remove(&(id.1, key.word(), slot));
            }
        }
        if matchable(keys) {
            self.unlink(slot, program);
        }
        if !self.by_id_late.is_empty() && self.by_id_late.get(&id) == Some(&slot) {
            self.by_id_late.remove(&id);
        }
        let obligation = self.slots.get_mut(slot as usize).and_then(Option::take);
        let Some(obligation) = obligation else { unreachable!("just read") };
        if let Some(generation) = self.generations.get_mut(slot as usize) {
            *generation = generation.wrapping_add(1);
        }
        self.free.push(slot);
        obligation
    }

    fn unlink(&mut self, slot: u32, program: &Program) {
        let obligation = self.get(slot);
        let (previous, next) = (obligation.previous, obligation.next);
        if previous == NOWHERE && next == NOWHERE {
            self.unlink_last(slot, program);
            return;
        }
        if previous == NOWHERE || next == NOWHERE {
            let ends = self.ends_mut(slot, program);
            if previous == NOWHERE {
                ends.head = next;
            } else {
                ends.tail = previous;
            }
        }
        if previous != NOWHERE {
            self.get_mut(previous).next = next;
        }
        if next != NOWHERE {
            self.get_mut(next).previous = previous;
        }
    }

    /// The list goes with its last obligation.
    fn unlink_last(&mut self, slot: u32, program: &Program) {
        let Some(obligation) = held(&self.slots, slot) else { unreachable!("just read") };
        if let &[Datum::Text(_)] = obligation.keys(program) {
            *self.ends_mut(slot, program) = NO_ENDS;
            return;
        }
        let hash = hash_keys(obligation.clause, obligation.keys(program));
        match self.by_keys.find_entry(hash, |bucket| bucket.ends.head == slot) {
            Ok(found) => drop(found.remove()),
            Err(_) => unreachable!("an obligation with keys is in a bucket"),
        }
    }

    /// The obligation at `slot`, which must hold one.
    pub(crate) fn get(&self, slot: u32) -> &Obligation {
        let Some(obligation) = held(&self.slots, slot) else {
            unreachable!("place `{slot}` is named only while it holds an obligation");
        };
        obligation
    }

    /// The obligation at `slot`, which must hold one.
    pub(crate) fn get_mut(&mut self, slot: u32) -> &mut Obligation {
        let place = self.slots.get_mut(slot as usize);
        let Some(obligation) = place.and_then(Option::as_mut) else {
            unreachable!("place `{slot}` is named only while it holds an obligation");
        };
        obligation
    }

    /// Whether the place still holds the obligation of `generation`.
    pub(crate) fn is_living(&self, slot: u32, generation: u32) -> bool {
        self.generations.get(slot as usize) == Some(&generation)
    }

    /// Which of the obligations that had this place is there now.
    pub(crate) fn generation(&self, slot: u32) -> u32 {
        self.generations.get(slot as usize).copied().unwrap_or(0)
    }

    /// The place of an obligation.
    pub(crate) fn find(&self, id: ObligationId) -> Option<u32> {
        let id = (id.trigger.get(), id.clause.0);
        let list = if id.0 < FIRST { &self.by_id } else { &self.by_occasion };
        let place = list.partition_point(|entry| (entry.trigger, entry.clause) < id);
        let found = list.get(place).filter(|entry| {
            (entry.trigger, entry.clause) == id && self.is_living(entry.slot, entry.generation)
        });
        found.map(|entry| entry.slot).or_else(|| self.by_id_late.get(&id).copied())
    }

    /// The places of the open obligations of one trigger, by clause.
    pub(crate) fn of_trigger(&self, trigger: u64) -> Vec<u32> {
        let list = if trigger < FIRST { &self.by_id } else { &self.by_occasion };
        let first = list.partition_point(|entry| entry.trigger < trigger);
        let entries = list.iter().skip(first).take_while(|entry| entry.trigger == trigger);
        let living = entries.filter(|entry| self.is_living(entry.slot, entry.generation));
        let mut found: Vec<u32> = living.map(|entry| entry.slot).collect();
        let late = self.by_id_late.range((trigger, 0)..=(trigger, u32::MAX));
        found.extend(late.map(|(_, slot)| *slot));
        found.sort_unstable_by_key(|&slot| self.get(slot).clause);
        found
    }

    /// The places of the open obligations of `clause` that have these keys.
    pub(crate) fn with_keys<'a>(
        &'a self,
        clause: u32,
        keys: &[Datum],
        program: &Program,
    ) -> impl Iterator<Item = u32> + use<'a> {
        let mut slot = if let &[Datum::Text(symbol)] = keys {
            let lists = self.by_symbol.get(clause as usize);
            lists.and_then(|lists| lists.get(symbol.0 as usize)).map_or(NOWHERE, |ends| ends.head)
        } else {
            let found = self.by_keys.find(hash_keys(clause, keys), |bucket| {
                held(&self.slots, bucket.ends.head)
                    .is_some_and(|head| head.clause == clause && head.keys(program) == keys)
            });
            found.map_or(NOWHERE, |bucket| bucket.ends.head)
        };
        std::iter::from_fn(move || {
            let obligation = held(&self.slots, slot)?;
            Some(std::mem::replace(&mut slot, obligation.next))
        })
    }

    /// The places of the open obligations of `clause`, which has several keys, that may have this as
    /// one of them.
    pub(crate) fn with_part(&self, clause: u32, key: Datum) -> impl Iterator<Item = u32> {
        let parts = self.by_part.range((clause, key.word(), 0)..=(clause, key.word(), u32::MAX));
        parts.map(|(.., slot)| *slot)
    }

    /// Every place that holds an obligation, in no order that means anything.
    pub(crate) fn places(&self) -> impl Iterator<Item = (u32, &Obligation)> {
        (0..).zip(&self.slots).filter_map(|(at, slot)| Some((at, slot.as_ref()?)))
    }

    /// How many are open.
    pub(crate) fn len(&self) -> usize {
        self.slots.len() - self.free.len()
    }

    /// Bytes set aside.
    pub(crate) fn bytes(&self) -> usize {
        let more: usize = self
            .places()
            .map(|(_, obligation)| {
                let values = match &obligation.values {
                    Values::None | Values::One(_) => 0,
                    Values::Many(list) => size_of::<List>() + size_of_val::<[Datum]>(&list.0),
                };
                let frame = obligation.frame().map_or(0, |f| size_of_val::<[Datum]>(&f.values));
                let chain = obligation.chain.as_ref().map_or(0, |_| size_of::<Chain>());
                values + frame + chain
            })
            .sum();
        let by_symbol: usize = self.by_symbol.iter().map(Vec::capacity).sum();
        more + self.slots.capacity() * size_of::<Option<Obligation>>()
            + (self.generations.capacity() + self.free.capacity()) * size_of::<u32>()
            + (self.by_id.capacity() + self.by_occasion.capacity()) * size_of::<Entry>()
            + self.by_id_late.len() * 3 * size_of::<u64>()
            + by_symbol * size_of::<Ends>()
            + self.by_keys.allocation_size()
            + self.by_part.len() * size_of::<(u32, u64, u32)>()
    }
}

/// Whether an event can agree on these keys: a key that is not known agrees with nothing.
pub(crate) fn matchable(keys: &[Datum]) -> bool {
    keys.iter().all(|key| key.is_name())
}

fn held(slots: &[Option<Obligation>], slot: u32) -> Option<&Obligation> {
    slots.get(slot as usize)?.as_ref()
}

fn same_keys(a: &Obligation, b: &Obligation, program: &Program) -> bool {
    a.clause == b.clause && a.keys(program) == b.keys(program)
}

fn hash_keys(clause: u32, keys: &[Datum]) -> u64 {
    keys.iter().fold(mix(0, u64::from(clause)), |hash, key| mix(hash, key.word()))
}
