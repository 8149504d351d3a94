//! Texts as dense numbers, counted: a text is kept exactly as long as something open names it.
//!
//! In: texts. Out: [`Symbol`]s, equal when the texts are equal.
//! Never: keeps a text that nothing holds, so memory follows open obligations and not events.
//! Promise: every `intern` and `retain` is answered by one `release`; ids are reused after that.
//! Start reading at [`Symbols::intern`].

use std::hash::{BuildHasher, Hasher};

use foldhash::fast::FixedState;
use hashbrown::HashTable;

/// A text, by number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Symbol(pub(crate) u32);

/// The texts in use.
#[derive(Debug, Default)]
pub(crate) struct Symbols {
    table: HashTable<u32>,
    entries: Vec<Entry>,
    free: Vec<u32>,
    hasher: FixedState,
}

#[derive(Debug)]
struct Entry {
    hash: u64,
    holders: u32,
    text: Text,
}

/// Most identifiers are short: they lie in the table itself, without an allocation of their own.
#[derive(Debug)]
enum Text {
    Short(u8, [u8; SHORT]),
    Long(Box<str>),
}

const SHORT: usize = 22;

impl Symbols {
    /// The symbol of `text`, held once more.
    pub(crate) fn intern(&mut self, text: &str) -> Symbol {
        let mut hasher = self.hasher.build_hasher();
        hasher.write(text.as_bytes());
        let hash = hasher.finish();
        let entries = &mut self.entries;
        let found = self
            .table
            .find(hash, |&at| {
                entries.get(at as usize).is_some_and(|entry| entry.text.bytes() == text.as_bytes())
            })
            .copied();
        if let Some(at) = found {
            if let Some(entry) = entries.get_mut(at as usize) {
                entry.holders += 1;
            }
            return Symbol(at);
        }
        let entry = Entry { hash, holders: 1, text: Text::new(text) };
        let at = if let Some(at) = self.free.pop() {
            if let Some(place) = entries.get_mut(at as usize) {
                *place = entry;
            }
            at
        } else {
            let at = u32::try_from(entries.len()).unwrap_or(u32::MAX);
            assert!(at < u32::MAX, "fewer than four thousand million texts are open at once");
            entries.push(entry);
            at
        };
        let entries = &self.entries;
        self.table
            .insert_unique(hash, at, |&at| entries.get(at as usize).map_or(0, |entry| entry.hash));
        Symbol(at)
    }

    /// Holds `symbol` once more.
    pub(crate) fn retain(&mut self, symbol: Symbol) {
        if let Some(entry) = self.entries.get_mut(symbol.0 as usize) {
            assert!(entry.holders > 0, "only a text that is held can be held again");
            entry.holders += 1;
        }
    }

    /// Lets go of `symbol` once; the last to let go removes the text.
    pub(crate) fn release(&mut self, symbol: Symbol) {
        let Some(entry) = self.entries.get_mut(symbol.0 as usize) else { return };
        assert!(entry.holders > 0, "a text is released as often as it is held");
        entry.holders -= 1;
        if entry.holders > 0 {
            return;
        }
        entry.text = Text::Short(0, [0; SHORT]);
        if let Ok(found) = self.table.find_entry(entry.hash, |&at| at == symbol.0) {
            found.remove();
        }
        self.free.push(symbol.0);
    }

    /// The text behind `symbol`.
    pub(crate) fn text(&self, symbol: Symbol) -> &str {
        self.entries
            .get(symbol.0 as usize)
            .and_then(|entry| std::str::from_utf8(entry.text.bytes()).ok())
            .unwrap_or_default()
    }

    /// How many texts are held.
    pub(crate) fn len(&self) -> usize {
        self.table.len()
    }

    /// Bytes set aside for texts and their index.
    pub(crate) fn bytes(&self) -> usize {
        let long: usize = self
            .entries
            .iter()
            .map(|entry| match &entry.text {
                Text::Short(..) => 0,
                Text::Long(text) => text.len(),
            })
            .sum();
        self.entries.capacity() * size_of::<Entry>()
            + self.free.capacity() * size_of::<u32>()
            + self.table.allocation_size()
            + long
    }
}

impl Text {
    fn new(text: &str) -> Self {
        let bytes = text.as_bytes();
        let mut short = [0; SHORT];
        match (short.get_mut(..bytes.len()), u8::try_from(bytes.len())) {
            (Some(place), Ok(len)) => {
                place.copy_from_slice(bytes);
                Self::Short(len, short)
            }
            _ => Self::Long(text.into()),
        }
    }

    fn bytes(&self) -> &[u8] {
        match self {
            Self::Short(len, bytes) => bytes.get(..usize::from(*len)).unwrap_or_default(),
            Self::Long(text) => text.as_bytes(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_texts_are_one_symbol_and_it_reads_back() {
        let mut symbols = Symbols::default();
        let long = "a text that is too long to lie in the table itself";
        for text in ["c1", "", "ünïcode", long] {
            let first = symbols.intern(text);
            assert_eq!(symbols.intern(text), first);
            assert_eq!(symbols.text(first), text);
        }
        assert_eq!(symbols.len(), 4);
    }

    #[test]
    fn the_last_to_let_go_removes_the_text_and_its_place_is_used_again() {
        let mut symbols = Symbols::default();
        let c1 = symbols.intern("c1");
        symbols.retain(c1);
        symbols.release(c1);
        assert_eq!(symbols.intern("c1"), c1);
        symbols.release(c1);
        symbols.release(c1);
        assert_eq!(symbols.len(), 0);
        let other = symbols.intern("c2");
        assert_eq!((other.0, symbols.text(other)), (c1.0, "c2"));
    }

    #[test]
    fn a_million_texts_one_after_the_other_take_the_room_of_one() {
        let mut symbols = Symbols::default();
        for n in 0..1_000_000_u32 {
            let symbol = symbols.intern(&format!("customer-{n}"));
            symbols.release(symbol);
        }
        assert!(symbols.bytes() < 1_024, "{} bytes", symbols.bytes());
    }
}
