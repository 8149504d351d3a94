//! The open obligations: found by id, and by clause and keys.
//!
//! In: obligations to keep and to forget. Out: the same, by either index.
//! Never: keeps an obligation that is closed, nor a key that nothing open has.
//! Promise: memory follows the most obligations that were open at once.
//! Start reading at [`Open::insert`].

use hashbrown::HashTable;

use crate::change::ObligationId;
use crate::datum::{Datum, mix};
use crate::program::{ClauseIndex, Program, at};
use homeostat_world::Position;

/// No place in the store.
pub(crate) const NOWHERE: u32 = u32::MAX;
/// No such time.
pub(crate) const NEVER: i64 = i64::MAX;

/// One open obligation.
#[derive(Debug)]
pub(crate) struct Obligation {
    pub(crate) trigger: u64,
    pub(crate) activated: i64,
    pub(crate) due: i64,
    /// When its next timer fires.
    pub(crate) timer: i64,
    pub(crate) values: Values,
    /// The trigger's fields, kept for the fallback's arguments.
    pub(crate) frame: Option<Box<Frame>>,
    pub(crate) clause: u32,
    /// The lapsed obligation that it stands for.
    pub(crate) up: u32,
    /// The fallback that stands for it.
    pub(crate) down: u32,
    previous: u32,
    next: u32,
    pub(crate) depth: u16,
    pub(crate) gap_open: bool,
    /// Its deadline has passed.
    pub(crate) overdue: bool,
    pub(crate) lapsed: bool,
}

/// The trigger's fields as its block reads them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Frame {
    /// The trigger's type.
    pub(crate) event_type: u32,
    pub(crate) values: Box<[Datum]>,
}

/// Few values in place, more on the heap.
#[derive(Clone, Debug)]
pub(crate) enum Values {
    Few(u8, [Datum; 2]),
    Many(Box<[Datum]>),
}

#[derive(Debug, Default)]
struct Slot {
    generation: u32,
    obligation: Option<Obligation>,
}

/// The obligations of one clause that have the same keys, oldest activation first.
#[derive(Debug)]
struct Bucket {
    hash: u64,
    head: u32,
    tail: u32,
}

/// The store. See the module's opening.
#[derive(Debug, Default)]
pub(crate) struct Open {
    slots: Vec<Slot>,
    free: Vec<u32>,
    by_id: HashTable<u32>,
    by_keys: HashTable<Bucket>,
}

impl Values {
    pub(crate) fn new(values: &[Datum]) -> Self {
        match *values {
            [] => Self::Few(0, [Datum::Absent; 2]),
            [one] => Self::Few(1, [one, Datum::Absent]),
            [one, two] => Self::Few(2, [one, two]),
            _ => Self::Many(values.into()),
        }
    }

    pub(crate) fn as_slice(&self) -> &[Datum] {
        match self {
            Self::Few(count, values) => values.get(..usize::from(*count)).unwrap_or_default(),
            Self::Many(values) => values,
        }
    }
}

impl Obligation {
    pub(crate) fn new(clause: u32, trigger: u64, activated: i64, due: i64, values: Values) -> Self {
        Self {
            trigger,
            activated,
            due,
            timer: NEVER,
            values,
            frame: None,
            clause,
            up: NOWHERE,
            down: NOWHERE,
            previous: NOWHERE,
            next: NOWHERE,
            depth: 0,
            gap_open: false,
            overdue: false,
            lapsed: false,
        }
    }

    pub(crate) fn id(&self) -> ObligationId {
        ObligationId { clause: ClauseIndex(self.clause), trigger: Position::new(self.trigger) }
    }

    /// Its key values.
    pub(crate) fn keys(&self, program: &Program) -> &[Datum] {
        let count = at(&program.clauses, self.clause).keys.len();
        self.values.as_slice().get(..count).unwrap_or_default()
    }
}

impl Open {
    /// Keeps an obligation; gives its place and generation.
    pub(crate) fn insert(&mut self, obligation: Obligation, program: &Program) -> (u32, u32) {
        let id_hash = hash_id(obligation.clause, obligation.trigger);
        let keys_hash = matchable(obligation.keys(program))
            .then(|| hash_keys(obligation.clause, obligation.keys(program)));
        let slot = self.free.pop().unwrap_or_else(|| {
            self.slots.push(Slot::default());
            u32::try_from(self.slots.len() - 1).unwrap_or(NOWHERE)
        });
        assert!(slot != NOWHERE, "fewer than four thousand million obligations are open at once");
        let Some(place) = self.slots.get_mut(slot as usize) else { return (NOWHERE, 0) };
        assert!(place.obligation.is_none(), "a free place holds nothing");
        place.obligation = Some(obligation);
        let generation = place.generation;
        let slots = &self.slots;
        self.by_id.insert_unique(id_hash, slot, |&slot| {
            held(slots, slot).map_or(0, |held| hash_id(held.clause, held.trigger))
        });
        if let Some(hash) = keys_hash {
            self.link(slot, hash, program);
        }
        (slot, generation)
    }

    fn link(&mut self, slot: u32, hash: u64, program: &Program) {
        let slots = &self.slots;
        let Some(new) = held(slots, slot) else { return };
        let bucket = self.by_keys.find_mut(hash, |bucket| {
            held(slots, bucket.head).is_some_and(|head| same_keys(head, new, program))
        });
        let Some(bucket) = bucket else {
            self.by_keys
                .insert_unique(hash, Bucket { hash, head: slot, tail: slot }, |bucket| bucket.hash);
            return;
        };
        let tail = std::mem::replace(&mut bucket.tail, slot);
        self.get_mut(tail).next = slot;
        self.get_mut(slot).previous = tail;
    }

    /// Forgets the obligation at `slot` and hands it out.
    pub(crate) fn remove(&mut self, slot: u32, program: &Program) -> Obligation {
        let obligation = self.get(slot);
        let hash = hash_id(obligation.clause, obligation.trigger);
        let linked = matchable(obligation.keys(program));
        if let Ok(found) = self.by_id.find_entry(hash, |&at| at == slot) {
            found.remove();
        }
        if linked {
            self.unlink(slot, program);
        }
        let Some(place) = self.slots.get_mut(slot as usize) else { unreachable!("just read") };
        let Some(obligation) = place.obligation.take() else { unreachable!("just read") };
        place.generation = place.generation.wrapping_add(1);
        self.free.push(slot);
        obligation
    }

    fn unlink(&mut self, slot: u32, program: &Program) {
        let obligation = self.get(slot);
        let (previous, next) = (obligation.previous, obligation.next);
        if previous == NOWHERE || next == NOWHERE {
            let hash = hash_keys(obligation.clause, obligation.keys(program));
            let found =
                self.by_keys.find_entry(hash, |bucket| bucket.head == slot || bucket.tail == slot);
            let Ok(mut found) = found else { unreachable!("an end of a list is in its bucket") };
            if previous == NOWHERE && next == NOWHERE {
                found.remove();
                return;
            }
            let bucket = found.get_mut();
            if previous == NOWHERE {
                bucket.head = next;
            } else {
                bucket.tail = previous;
            }
        }
        if previous != NOWHERE {
            self.get_mut(previous).next = next;
        }
        if next != NOWHERE {
            self.get_mut(next).previous = previous;
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
        let Some(obligation) = place.and_then(|place| place.obligation.as_mut()) else {
            unreachable!("place `{slot}` is named only while it holds an obligation");
        };
        obligation
    }

    /// The obligation at `slot`, if it is still the one of `generation`.
    pub(crate) fn living(&self, slot: u32, generation: u32) -> Option<&Obligation> {
        let place = self.slots.get(slot as usize)?;
        (place.generation == generation).then_some(place.obligation.as_ref()).flatten()
    }

    /// Which of the obligations that had this place is there now.
    pub(crate) fn generation(&self, slot: u32) -> u32 {
        self.slots.get(slot as usize).map_or(0, |place| place.generation)
    }

    /// The place of an obligation.
    pub(crate) fn find(&self, id: ObligationId) -> Option<u32> {
        let (clause, trigger) = (id.clause.0, id.trigger.get());
        let hash = hash_id(clause, trigger);
        let found = self.by_id.find(hash, |&slot| {
            held(&self.slots, slot).is_some_and(|o| o.clause == clause && o.trigger == trigger)
        });
        found.copied()
    }

    /// The places of the open obligations of `clause` that have these keys.
    pub(crate) fn with_keys<'a>(
        &'a self,
        clause: u32,
        keys: &[Datum],
        program: &Program,
    ) -> impl Iterator<Item = u32> + use<'a> {
        let found = self.by_keys.find(hash_keys(clause, keys), |bucket| {
            held(&self.slots, bucket.head)
                .is_some_and(|head| head.clause == clause && head.keys(program) == keys)
        });
        let mut slot = found.map_or(NOWHERE, |bucket| bucket.head);
        std::iter::from_fn(move || {
            let obligation = held(&self.slots, slot)?;
            Some(std::mem::replace(&mut slot, obligation.next))
        })
    }

    /// Every place that holds an obligation, in no order that means anything.
    pub(crate) fn places(&self) -> impl Iterator<Item = (u32, &Obligation)> {
        (0..).zip(&self.slots).filter_map(|(at, slot)| Some((at, slot.obligation.as_ref()?)))
    }

    /// How many are open.
    pub(crate) fn len(&self) -> usize {
        self.by_id.len()
    }

    /// Bytes set aside.
    pub(crate) fn bytes(&self) -> usize {
        let more: usize = self
            .places()
            .map(|(_, obligation)| {
                let values = match &obligation.values {
                    Values::Few(..) => 0,
                    Values::Many(values) => size_of_val::<[Datum]>(values),
                };
                let frame = obligation.frame.as_ref();
                values + frame.map_or(0, |f| size_of::<Frame>() + size_of_val::<[Datum]>(&f.values))
            })
            .sum();
        more + self.slots.capacity() * size_of::<Slot>()
            + self.free.capacity() * size_of::<u32>()
            + self.by_id.allocation_size()
            + self.by_keys.allocation_size()
    }
}

/// Whether an event can agree on these keys: a key that is not known agrees with nothing.
pub(crate) fn matchable(keys: &[Datum]) -> bool {
    keys.iter().all(|key| key.is_name())
}

fn held(slots: &[Slot], slot: u32) -> Option<&Obligation> {
    slots.get(slot as usize)?.obligation.as_ref()
}

fn same_keys(a: &Obligation, b: &Obligation, program: &Program) -> bool {
    a.clause == b.clause && a.keys(program) == b.keys(program)
}

fn hash_id(clause: u32, trigger: u64) -> u64 {
    mix(u64::from(clause), trigger)
}

fn hash_keys(clause: u32, keys: &[Datum]) -> u64 {
    keys.iter().fold(mix(0, u64::from(clause)), |hash, key| mix(hash, key.word()))
}
