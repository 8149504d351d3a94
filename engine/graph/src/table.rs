//! One value for each instance of an entity, found in one step.
//!
//! In: instances and values. Out: the same. Never: keeps a row that was removed, or hands rows out in
//! an order that means something. Holds no texts: whoever puts an instance in holds its name.
//! Promise: most instances are named by texts, whose symbols are dense: a list by symbol says where
//! the row is. Start reading at [`Table::get`].

use foldhash::fast::FixedState;
use hashbrown::HashMap;

use crate::datum::Datum;

/// See the module's opening.
#[derive(Debug)]
pub(crate) struct Table<T> {
    /// A free row's instance is `Absent`.
    rows: Vec<(Datum, T)>,
    free: Vec<u32>,
    /// For each symbol, the place of its row and one more; zero is none.
    by_symbol: Vec<u32>,
    others: HashMap<Datum, u32, FixedState>,
}

impl<T> Default for Table<T> {
    fn default() -> Self {
        Self {
            rows: Vec::new(),
            free: Vec::new(),
            by_symbol: Vec::new(),
            others: HashMap::default(),
        }
    }
}

impl<T: Default> Table<T> {
    fn place(&self, instance: Datum) -> Option<u32> {
        match instance {
            Datum::Text(symbol) => self.by_symbol.get(symbol.0 as usize)?.checked_sub(1),
            other => self.others.get(&other).copied(),
        }
    }

    /// The value of an instance, when it has one.
    pub(crate) fn get(&self, instance: Datum) -> Option<&T> {
        self.rows.get(self.place(instance)? as usize).map(|(_, value)| value)
    }

    /// The same, to be changed.
    pub(crate) fn get_mut(&mut self, instance: Datum) -> Option<&mut T> {
        let place = self.place(instance)?;
        self.rows.get_mut(place as usize).map(|(_, value)| value)
    }

    /// Puts the value of an instance that has none.
    pub(crate) fn insert(&mut self, instance: Datum, value: T) {
        assert!(instance != Datum::Absent, "a row is of an instance");
        let place = self.free.pop().unwrap_or_else(|| {
            self.rows.push((Datum::Absent, T::default()));
            u32::try_from(self.rows.len() - 1).unwrap_or(u32::MAX)
        });
        assert!(place < u32::MAX, "fewer than four thousand million values are remembered");
        if let Some(row) = self.rows.get_mut(place as usize) {
            *row = (instance, value);
        }
        match instance {
            Datum::Text(symbol) => {
                let symbol = symbol.0 as usize;
                if self.by_symbol.len() <= symbol {
                    self.by_symbol.resize(symbol + 1, 0);
                }
                if let Some(found) = self.by_symbol.get_mut(symbol) {
                    *found = place + 1;
                }
            }
            other => {
                self.others.insert(other, place);
            }
        }
    }

    /// Takes the value of an instance out.
    pub(crate) fn remove(&mut self, instance: Datum) -> Option<T> {
        let place = self.place(instance)?;
        match instance {
            Datum::Text(symbol) => {
                if let Some(found) = self.by_symbol.get_mut(symbol.0 as usize) {
                    *found = 0;
                }
            }
            other => {
                self.others.remove(&other);
            }
        }
        let row = self.rows.get_mut(place as usize)?;
        self.free.push(place);
        Some(std::mem::replace(row, (Datum::Absent, T::default())).1)
    }

    /// Every row, in no order that means anything.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (Datum, &T)> {
        let rows = self.rows.iter().map(|(instance, value)| (*instance, value));
        rows.filter(|(instance, _)| *instance != Datum::Absent)
    }

    /// How many rows there are.
    pub(crate) fn len(&self) -> usize {
        self.rows.len() - self.free.len()
    }

    /// Bytes set aside.
    pub(crate) fn bytes(&self) -> usize {
        self.rows.capacity() * size_of::<(Datum, T)>()
            + (self.free.capacity() + self.by_symbol.capacity()) * size_of::<u32>()
            + self.others.allocation_size()
    }
}
