//! Texts as dense numbers, counted: a text is kept exactly as long as something open names it.
//!
//! In: texts. Out: [`Symbol`]s, equal when the texts are equal.
//! Never: keeps a text that nothing holds beyond the end of an event, so memory follows open
//! obligations and not events.
//! Promise: every `retain` is answered by one `release`; ids are reused after that. A text that is
//! only looked at is not counted at all: most events come and go without touching a count.
//! Start reading at [`Symbols::look_up`], then [`Symbols::settle`].

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
    /// Those that nothing held at some moment of this event.
    idle: Vec<u32>,
    hasher: FixedState,
}

/// Half a line of the processor's cache, so that one look tells.
#[derive(Debug)]
#[repr(align(32))]
struct Entry {
    text: Text,
    /// How often it is held.
    holders: u32,
}

const _: () = assert!(size_of::<Entry>() == 32);

/// Most identifiers are short, and need no allocation of their own.
#[derive(Debug)]
enum Text {
    Gone,
    Short(u8, [u8; SHORT]),
    Long(Box<str>),
}

const SHORT: usize = 22;

impl Symbols {
    /// The symbol of `text`. It lasts until the event is settled; whoever keeps it holds it.
    pub(crate) fn look_up(&mut self, text: &str) -> Symbol {
        let bytes = text.as_bytes();
        let hash = hash_of(&self.hasher, bytes);
        let entries = &self.entries;
        let found = self.table.find(hash, |&at| {
            entries.get(at as usize).is_some_and(|entry| entry.text.bytes() == bytes)
        });
        match found {
            Some(&at) => Symbol(at),
            None => self.add(text, hash),
        }
    }

    fn add(&mut self, text: &str, hash: u64) -> Symbol {
        let at = self.free.pop().unwrap_or_else(|| {
            self.entries.push(Entry { text: Text::Gone, holders: 0 });
            u32::try_from(self.entries.len() - 1).unwrap_or(u32::MAX)
        });
        assert!(at < u32::MAX, "fewer than four thousand million texts are open at once");
        if let Some(entry) = self.entries.get_mut(at as usize) {
            entry.text = Text::new(text);
        }
        let (entries, hasher) = (&self.entries, &self.hasher);
        self.table.insert_unique(hash, at, |&at| {
            entries.get(at as usize).map_or(0, |entry| hash_of(hasher, entry.text.bytes()))
        });
        self.idle.push(at);
        Symbol(at)
    }

    /// The symbol of `text`, held.
    pub(crate) fn intern(&mut self, text: &str) -> Symbol {
        let symbol = self.look_up(text);
        self.retain(symbol);
        symbol
    }

    /// Holds `symbol` once more.
    pub(crate) fn retain(&mut self, symbol: Symbol) {
        if let Some(entry) = self.entries.get_mut(symbol.0 as usize) {
            entry.holders += 1;
        }
    }

    /// Lets go of `symbol` once. The text goes when the event is settled, unless it is held again.
    pub(crate) fn release(&mut self, symbol: Symbol) {
        let Some(entry) = self.entries.get_mut(symbol.0 as usize) else { return };
        assert!(entry.holders > 0, "a text is released as often as it is held");
        entry.holders -= 1;
        if entry.holders == 0 {
            self.idle.push(symbol.0);
        }
    }

    /// The event is over: forgets every text that nothing holds.
    pub(crate) fn settle(&mut self) {
        while let Some(at) = self.idle.pop() {
            let Some(entry) = self.entries.get_mut(at as usize) else { continue };
            // It may have become idle more than once, and is gone after the first.
            if entry.holders > 0 || matches!(entry.text, Text::Gone) {
                continue;
            }
            let hash = hash_of(&self.hasher, entry.text.bytes());
            entry.text = Text::Gone;
            if let Ok(found) = self.table.find_entry(hash, |&found| found == at) {
                found.remove();
            }
            self.free.push(at);
        }
    }

    /// The text behind `symbol`.
    pub(crate) fn text(&self, symbol: Symbol) -> &str {
        self.entries
            .get(symbol.0 as usize)
            .and_then(|entry| std::str::from_utf8(entry.text.bytes()).ok())
            .unwrap_or_default()
    }

    /// The first byte of a text, at less cost than the text.
    pub(crate) fn first_byte(&self, symbol: Symbol) -> Option<u8> {
        self.entries.get(symbol.0 as usize)?.text.bytes().first().copied()
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
                Text::Short(..) | Text::Gone => 0,
                Text::Long(text) => text.len(),
            })
            .sum();
        self.entries.capacity() * size_of::<Entry>()
            + (self.free.capacity() + self.idle.capacity()) * size_of::<u32>()
            + self.table.allocation_size()
            + long
    }
}

fn hash_of(hasher: &FixedState, bytes: &[u8]) -> u64 {
    let mut hasher = hasher.build_hasher();
    hasher.write(bytes);
    hasher.finish()
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
            Self::Gone => &[],
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
    fn a_text_that_nothing_holds_goes_with_the_event_and_its_place_is_used_again() {
        let mut symbols = Symbols::default();
        let c1 = symbols.intern("c1");
        symbols.settle();
        assert_eq!(symbols.look_up("c1"), c1);
        symbols.release(c1);
        symbols.retain(c1);
        symbols.release(c1);
        assert_eq!((symbols.text(c1), symbols.len()), ("c1", 1));
        symbols.settle();
        assert_eq!(symbols.len(), 0);
        let other = symbols.look_up("c2");
        assert_eq!((other.0, symbols.text(other)), (c1.0, "c2"));
        symbols.settle();
        assert_eq!(symbols.len(), 0);
    }

    #[test]
    fn a_million_texts_one_after_the_other_take_the_room_of_one() {
        let mut symbols = Symbols::default();
        for n in 0..1_000_000_u32 {
            let symbol = symbols.intern(&format!("customer-{n}"));
            symbols.release(symbol);
            symbols.settle();
        }
        assert!(symbols.bytes() < 1_024, "{} bytes", symbols.bytes());
    }
}
