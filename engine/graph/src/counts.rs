//! How many living members each owner has: inverse collections as numbers that are kept.
//!
//! In: which owner a member names, as it changes, and members that begin or cease to live. Out: the
//! number now, and the number just before this event. Never: goes through an owner's members.
//! Promise: like columns, in two layers: what enrichments say of a member's owner counts only where
//! enrichments are read. Start reading at [`Counts::add`], then [`Counts::get`].

use crate::datum::Datum;
use crate::intern::Symbols;
use crate::table::Table;

/// The numbers of one owner: by primary events alone, and with enrichments.
type Numbers = [u32; 2];

/// Every count of a program.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    counts: Vec<Table<Numbers>>,
    /// What this event replaced, in order.
    replaced: Vec<(u32, Datum, Numbers)>,
}

impl Counts {
    /// For as many counts as the program has.
    pub(crate) fn new(counts: usize) -> Self {
        Self { counts: (0..counts).map(|_| Table::default()).collect(), replaced: Vec::new() }
    }

    /// One member more (`true`) or less names this owner, in one layer.
    pub(crate) fn add(
        &mut self,
        count: u32,
        owner: Datum,
        inferred: bool,
        more: bool,
        symbols: &mut Symbols,
    ) {
        let Some(table) = self.counts.get_mut(count as usize) else { return };
        let mut numbers = table.get(owner).copied().unwrap_or_default();
        self.replaced.push((count, owner.retain(symbols), numbers));
        let [primary, with_inferred] = &mut numbers;
        let number = if inferred { with_inferred } else { primary };
        assert!(more || *number > 0, "a member that goes was counted");
        *number = if more { *number + 1 } else { *number - 1 };
        self.put(count, owner, numbers, symbols);
    }

    /// Puts numbers in place; used by `add` and by a restore. An owner without members has no row.
    pub(crate) fn put(
        &mut self,
        count: u32,
        owner: Datum,
        numbers: Numbers,
        symbols: &mut Symbols,
    ) {
        let Some(table) = self.counts.get_mut(count as usize) else { return };
        if numbers == [0, 0] {
            if table.remove(owner).is_some() {
                owner.release(symbols);
            }
            return;
        }
        match table.get_mut(owner) {
            Some(place) => *place = numbers,
            None => table.insert(owner.retain(symbols), numbers),
        }
    }

    /// How many living members name this owner.
    pub(crate) fn get(&self, count: u32, owner: Datum, inferred: bool) -> Datum {
        let table = self.counts.get(count as usize);
        let numbers = table.and_then(|table| table.get(owner)).copied().unwrap_or_default();
        layer(numbers, inferred)
    }

    /// How many did just before this event.
    pub(crate) fn before(&self, count: u32, owner: Datum, inferred: bool) -> Datum {
        let old = self.replaced.iter().find(|(of, whose, _)| *of == count && *whose == owner);
        old.map_or_else(|| self.get(count, owner, inferred), |(.., old)| layer(*old, inferred))
    }

    /// Whose numbers this event changed, in order; an owner may come more than once.
    pub(crate) fn replaced(&self) -> impl Iterator<Item = (u32, Datum)> {
        self.replaced.iter().map(|(count, owner, _)| (*count, *owner))
    }

    /// The event is over.
    pub(crate) fn settle(&mut self, symbols: &mut Symbols) {
        for (_, owner, _) in &self.replaced {
            owner.release(symbols);
        }
        self.replaced.clear();
    }

    /// Bytes set aside.
    pub(crate) fn bytes(&self) -> usize {
        self.counts.iter().map(Table::bytes).sum()
    }
}

fn layer([primary, with_inferred]: Numbers, inferred: bool) -> Datum {
    Datum::Int(i64::from(if inferred { with_inferred } else { primary }))
}
