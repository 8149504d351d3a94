//! What the log last said: one value for each attribute or measure of each instance, kept only
//! where some clause reads it.
//!
//! In: values that events carry. Out: the value now, and the value just before this event.
//! Never: forgets inside an event: what an update replaced can be read until the event is done.
//! Promise: what enrichments say lies in a layer of its own, over what primary events said.
//! Start reading at [`Columns::set`], then [`Columns::get`].

use homeostat_world::canary;

use crate::datum::Datum;
use crate::intern::Symbols;
use crate::table::Table;

/// The two layers of one value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Cell {
    /// By primary events alone.
    pub(crate) primary: Datum,
    /// By whichever came last, enrichments counted.
    pub(crate) inferred: Datum,
}

/// All remembered values.
#[derive(Debug, Default)]
pub(crate) struct Columns {
    columns: Vec<Table<Cell>>,
    /// What this event replaced, in order.
    replaced: Vec<(u32, Datum, Cell)>,
}

impl Columns {
    pub(crate) fn new(count: usize) -> Self {
        let columns = (0..count).map(|_| Table::default()).collect();
        Self { columns, replaced: Vec::new() }
    }

    /// Remembers that `instance` has `value`.
    pub(crate) fn set(
        &mut self,
        column: u32,
        instance: Datum,
        value: Datum,
        inferred: bool,
        symbols: &mut Symbols,
    ) {
        instance.retain(symbols);
        // The old cell's texts are held until the event is done, since crossings read them.
        let Some(values) = self.columns.get_mut(column as usize) else { return };
        if let Some(cell) = values.get_mut(instance)
            && value.is_known()
        {
            self.replaced.push((column, instance, *cell));
            cell.inferred = value.retain(symbols);
            cell.primary = if inferred { cell.primary } else { value };
            cell.primary.retain(symbols);
            return;
        }
        let old = self.cell(column, instance);
        let new = Cell { primary: if inferred { old.primary } else { value }, inferred: value };
        self.replaced.push((column, instance, old));
        self.put(column, instance, new, symbols);
    }

    /// Puts a cell in place without remembering what was there; used by `set` and by a restore.
    pub(crate) fn put(&mut self, column: u32, instance: Datum, cell: Cell, symbols: &mut Symbols) {
        let Some(values) = self.columns.get_mut(column as usize) else { return };
        cell.primary.retain(symbols);
        cell.inferred.retain(symbols);
        if cell.primary.is_known() || cell.inferred.is_known() {
            match values.get_mut(instance) {
                Some(place) => *place = cell,
                None => {
                    values.insert(instance, cell);
                    instance.retain(symbols);
                }
            }
        } else if values.remove(instance).is_some() {
            instance.release(symbols);
        }
    }

    /// Lets go of what this event replaced.
    pub(crate) fn settle(&mut self, symbols: &mut Symbols) {
        for (_, instance, old) in &self.replaced {
            instance.release(symbols);
            old.primary.release(symbols);
            old.inferred.release(symbols);
        }
        self.replaced.clear();
    }

    /// The value now.
    pub(crate) fn get(&self, column: u32, instance: Datum, inferred: bool) -> Datum {
        self.cell(column, instance).layer(inferred)
    }

    /// The value just before this event.
    pub(crate) fn before(&self, column: u32, instance: Datum, inferred: bool) -> Datum {
        let is_old = !canary::planted("crossing_from_the_value_after");
        self.replaced
            .iter()
            .find(|(changed, of, _)| is_old && *changed == column && *of == instance)
            .map_or_else(|| self.get(column, instance, inferred), |(_, _, old)| old.layer(inferred))
    }

    /// Forgets a value, which can still be read as it was until the event is done. False when there
    /// is none.
    pub(crate) fn clear(&mut self, column: u32, instance: Datum, symbols: &mut Symbols) -> bool {
        let old = self.cell(column, instance);
        if old == Cell::default() {
            return false;
        }
        instance.retain(symbols);
        // The row's hold on the old values goes over to what the event replaced.
        self.replaced.push((column, instance, old));
        self.put(column, instance, Cell::default(), symbols);
        true
    }

    /// What this event replaced, in order.
    pub(crate) fn replaced(&self) -> impl Iterator<Item = (u32, Datum, Cell)> {
        self.replaced.iter().copied()
    }

    /// What the last `set` of this event replaced.
    pub(crate) fn last_replaced(&self) -> Cell {
        self.replaced.last().map_or_else(Cell::default, |(.., old)| *old)
    }

    /// Every value of one column, in no order.
    pub(crate) fn all(&self, column: usize) -> impl Iterator<Item = (Datum, Cell)> {
        let rows = self.columns.get(column).into_iter().flat_map(Table::iter);
        rows.map(|(instance, cell)| (instance, *cell))
    }

    /// How many values are remembered.
    pub(crate) fn len(&self) -> usize {
        self.columns.iter().map(Table::len).sum()
    }

    /// Bytes set aside.
    pub(crate) fn bytes(&self) -> usize {
        let tables: usize = self.columns.iter().map(Table::bytes).sum();
        tables + self.replaced.capacity() * size_of::<(u32, Datum, Cell)>()
    }

    /// Both layers of a value.
    pub(crate) fn cell(&self, column: u32, instance: Datum) -> Cell {
        let values = self.columns.get(column as usize);
        values.and_then(|values| values.get(instance)).copied().unwrap_or_default()
    }
}

impl Cell {
    pub(crate) fn layer(self, inferred: bool) -> Datum {
        if inferred { self.inferred } else { self.primary }
    }
}
