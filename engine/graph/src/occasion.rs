//! Occasions: what an obligation was triggered by, where that is not simply an event.
//!
//! In: where it began (an event or a tick), the block, the instances it is bound to. Out: a number
//! above every position, and a name: `17~c1`, `2026-03-02T09:00:00Z~r1`.
//! Never: keeps an occasion that no obligation and no undecided guard is of, beyond the next input;
//! until then what was said of it can still be named.
//! Promise: numbers are given out in the order of creation and never again, so that positions come
//! before occasions and occasions in the order in which they came about.
//! Start reading at [`Occasions::create`].

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{self, Write};
use std::hash::BuildHasher;
use std::str::FromStr;

use foldhash::fast::FixedState;
use hashbrown::HashTable;
use homeostat_world::{Position, Timestamp};
use serde::Serialize;

use crate::change::ObligationId;
use crate::datum::Datum;
use crate::evaluator::Evaluator;
use crate::instances;
use crate::intern::Symbols;
use crate::program::{ClauseIndex, Program, at};
use crate::state::State;
use crate::table::Table;

/// Triggers from this number on are occasions; below it they are positions of events.
pub(crate) const FIRST: u64 = 1 << 63;
/// The number of an occasion that went before a version took over from its own. No other gets it.
pub(crate) const GONE: u64 = u64::MAX;

/// Where something that is owed began.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Began {
    /// With an event: the trigger, or the one since which a condition has held.
    Event(Position),
    /// With a tick of the calendar.
    Tick(Timestamp),
}

/// One occasion.
#[derive(Clone, Debug)]
pub(crate) struct Occasion {
    pub(crate) began: Began,
    /// The block, or the body of the `for each`, that it is an occasion for.
    pub(crate) block: u32,
    /// The instances that it is bound to, the outermost first.
    pub(crate) instances: Box<[Datum]>,
    /// The triggers around it, when it is of a `for each`: the outermost first.
    pub(crate) around: Box<[u64]>,
    /// The local date of a tick, in days since 1970-01-01.
    pub(crate) date: i64,
    /// The last event when its block was entered, for a `for each` the block around it.
    pub(crate) entered: u64,
    /// How many obligations and undecided triggers are of it.
    uses: u32,
    hash: u64,
}

/// Every occasion in use.
#[derive(Debug)]
pub(crate) struct Occasions {
    next: u64,
    table: BTreeMap<u64, Occasion>,
    by_name: HashTable<u64>,
    /// For each instance, of whatever entity, the occasions that are bound to it.
    by_instance: Table<BTreeSet<u64>>,
    /// The trigger around, and the occasion inside.
    inside: BTreeSet<(u64, u64)>,
    /// Those that were out of use at some moment of this input.
    idle: Vec<u64>,
    hasher: FixedState,
}

/// The name of an obligation, read: the clause, and what triggered it. It can be had of one that is
/// long closed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ObligationName {
    /// The clause.
    pub clause: ClauseIndex,
    /// Where it began.
    pub began: Began,
    /// The instances that it is bound to, the outermost first.
    pub instances: Vec<String>,
}

impl Default for Occasions {
    fn default() -> Self {
        Self {
            next: FIRST,
            table: BTreeMap::new(),
            by_name: HashTable::new(),
            by_instance: Table::default(),
            inside: BTreeSet::new(),
            idle: Vec::new(),
            hasher: FixedState::default(),
        }
    }
}

impl Occasions {
    /// A new occasion; gives its number. It goes with the next input unless it is used.
    pub(crate) fn create(
        &mut self,
        began: Began,
        block: u32,
        instances: &[Datum],
        around: &[u64],
        symbols: &mut Symbols,
    ) -> u64 {
        let number = self.next;
        self.put(number, began, block, (instances, around), symbols);
        self.next += 1;
        number
    }

    /// Puts an occasion in place under its number, for a restore.
    pub(crate) fn put(
        &mut self,
        number: u64,
        began: Began,
        block: u32,
        (instances, around): (&[Datum], &[u64]),
        symbols: &mut Symbols,
    ) {
        assert!(number >= FIRST, "occasions are numbered above positions");
        for instance in instances {
            instance.retain(symbols);
            match self.by_instance.get_mut(*instance) {
                Some(numbers) => {
                    numbers.insert(number);
                }
                None => self.by_instance.insert(*instance, BTreeSet::from([number])),
            }
        }
        self.inside.extend(around.iter().map(|outer| (*outer, number)));
        let (instances, around) = (instances.into(), around.into());
        let mut new =
            Occasion { began, block, instances, around, date: 0, entered: 0, uses: 0, hash: 0 };
        new.hash = self.hasher.hash_one((block, new.name(symbols)));
        let table = &self.table;
        let hash_of = |number: &u64| table.get(number).map_or(0, |occasion| occasion.hash);
        self.by_name.insert_unique(new.hash, number, hash_of);
        let before = self.table.insert(number, new);
        assert!(before.is_none(), "a number is given out once");
        self.idle.push(number);
    }

    /// Says behind which event its block was entered.
    pub(crate) fn set_entered(&mut self, number: u64, entered: u64) {
        if let Some(occasion) = self.table.get_mut(&number) {
            occasion.entered = entered;
        }
    }

    /// Says of which local date a tick is.
    pub(crate) fn set_date(&mut self, number: u64, date: i64) {
        if let Some(occasion) = self.table.get_mut(&number) {
            occasion.date = date;
        }
    }

    /// One more obligation or undecided trigger is of it. Positions are not counted.
    pub(crate) fn enter(&mut self, trigger: u64) {
        if trigger >= FIRST
            && let Some(occasion) = self.table.get_mut(&trigger)
        {
            occasion.uses += 1;
        }
    }

    /// One less.
    pub(crate) fn leave(&mut self, trigger: u64) {
        if trigger >= FIRST
            && let Some(occasion) = self.table.get_mut(&trigger)
        {
            assert!(occasion.uses > 0, "an occasion is left as often as it is entered");
            occasion.uses -= 1;
            if occasion.uses == 0 {
                self.idle.push(trigger);
            }
        }
    }

    /// The next input begins: what the last one left out of use goes.
    pub(crate) fn settle(&mut self, symbols: &mut Symbols) {
        while let Some(number) = self.idle.pop() {
            // It may have fallen out of use more than once, and is gone after the first.
            if self.table.get(&number).is_none_or(|occasion| occasion.uses > 0) {
                continue;
            }
            let Some(gone) = self.table.remove(&number) else { continue };
            if let Ok(found) = self.by_name.find_entry(gone.hash, |found| *found == number) {
                found.remove();
            }
            for outer in &gone.around {
                self.inside.remove(&(*outer, number));
            }
            for instance in &gone.instances {
                self.unbind(number, *instance);
                instance.release(symbols);
            }
        }
    }

    fn unbind(&mut self, number: u64, instance: Datum) {
        let Some(numbers) = self.by_instance.get_mut(instance) else { return };
        numbers.remove(&number);
        if numbers.is_empty() {
            self.by_instance.remove(instance);
        }
    }

    /// Whether [`Self::settle`] has anything to do.
    pub(crate) fn is_settled(&self) -> bool {
        self.idle.is_empty()
    }

    /// The occasion of a number.
    pub(crate) fn get(&self, number: u64) -> Option<&Occasion> {
        self.table.get(&number)
    }

    /// The number of the occasion for `block` that is named so.
    pub(crate) fn find(&self, block: u32, name: &str, symbols: &Symbols) -> Option<u64> {
        let hash = self.hasher.hash_one((block, name));
        let found = self.by_name.find(hash, |number| {
            self.table
                .get(number)
                .is_some_and(|occasion| occasion.block == block && occasion.name(symbols) == name)
        });
        found.copied()
    }

    /// An occasion and those of every `for each` inside it.
    pub(crate) fn of(&self, number: u64) -> Vec<u64> {
        let itself = self.table.contains_key(&number).then_some(number);
        let inside = self.inside.range((number, 0)..=(number, u64::MAX));
        itself.into_iter().chain(inside.map(|(_, inner)| *inner)).collect()
    }

    /// Those in use, in the order of their numbers.
    pub(crate) fn used(&self) -> impl Iterator<Item = (u64, &Occasion)> {
        let all = self.table.iter().map(|(number, occasion)| (*number, occasion));
        all.filter(|(_, occasion)| occasion.uses > 0)
    }

    /// Of these, those that are bound to an instance of that name, of whatever entity.
    pub(crate) fn bound_to(&self, instance: Datum) -> impl Iterator<Item = (u64, &Occasion)> {
        let numbers = self.by_instance.get(instance).into_iter().flatten();
        let all = numbers.filter_map(|number| Some((*number, self.table.get(number)?)));
        all.filter(|(_, occasion)| occasion.uses > 0)
    }

    /// How many there are, those out of use counted until they go.
    pub(crate) fn count(&self) -> usize {
        self.table.len()
    }

    /// The next number that will be given out.
    pub(crate) fn next(&self) -> u64 {
        self.next
    }

    /// Goes on numbering from `next`, for a restore.
    pub(crate) fn go_on_from(&mut self, next: u64) {
        self.next = next;
    }

    /// Bytes set aside.
    pub(crate) fn bytes(&self) -> usize {
        let lists: usize = self
            .table
            .values()
            .map(|it| size_of_val::<[Datum]>(&it.instances) + size_of_val::<[u64]>(&it.around))
            .sum();
        lists
            + self.table.len() * size_of::<(u64, Occasion)>()
            + self.by_name.allocation_size()
            + self.by_instance.bytes()
            + self.table.values().map(|it| it.instances.len()).sum::<usize>() * size_of::<u64>()
            + self.inside.len() * size_of::<(u64, u64)>()
            + self.idle.capacity() * size_of::<u64>()
    }
}

impl Occasion {
    /// What stands behind the `@` of its obligations' names.
    pub(crate) fn name(&self, symbols: &Symbols) -> String {
        let names = self.instances.iter().map(|instance| instances::name(*instance, symbols));
        name_of(self.began, names)
    }
}

impl fmt::Display for Began {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Event(position) => position.fmt(f),
            Self::Tick(time) => time.fmt(f),
        }
    }
}

impl FromStr for Began {
    type Err = <Timestamp as FromStr>::Err;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.parse() {
            Ok(position) if position < FIRST => Ok(Self::Event(Position::new(position))),
            _ => Ok(Self::Tick(text.parse()?)),
        }
    }
}

impl State {
    /// `slug@17`, `slug@17~c1`, `slug@2026-03-02T09:00:00Z~r1`.
    pub(crate) fn show(&self, program: &Program, id: ObligationId) -> String {
        let slug = &program.clause(id.clause).slug;
        let trigger = id.trigger.get();
        if trigger < FIRST {
            return format!("{slug}@{trigger}");
        }
        match self.occasions.get(trigger) {
            Some(occasion) => format!("{slug}@{}", occasion.name(&self.symbols)),
            None => format!("{slug}@(over)"),
        }
    }

    /// Reads such a name back. None when the spec has no such clause, or nothing that is open has
    /// such an occasion; any position will do.
    pub(crate) fn parse_id(&self, program: &Program, text: &str) -> Option<ObligationId> {
        let (slug, trigger) = text.split_once('@')?;
        let clause = program.clause_named(slug)?;
        let number = match trigger.parse() {
            Ok(position) if position < FIRST => position,
            Ok(_) => return None,
            Err(_) => self.occasions.find(program.clause(clause).block, trigger, &self.symbols)?,
        };
        Some(ObligationId { clause, trigger: Position::new(number) })
    }
}

impl Evaluator {
    /// `slug@position`; for what is triggered by no event alone, `slug@17~c1` or
    /// `slug@2026-03-02T09:00:00Z~r1`. What the last input said can be named until the next.
    #[must_use]
    pub fn show(&self, id: ObligationId) -> String {
        self.state.show(self.program(), id)
    }

    /// Reads a name back. None when the spec has no such clause, or when it names an occasion of
    /// which nothing is open any more: see [`Program::parse_name`].
    #[must_use]
    pub fn parse_id(&self, text: &str) -> Option<ObligationId> {
        self.state.parse_id(self.program(), text)
    }

    /// Where an obligation began, and the instances that it is bound to with their entities, the
    /// outermost first. None when it is over.
    #[must_use]
    pub fn origin(&self, id: ObligationId) -> Option<(Began, Vec<(String, String)>)> {
        if id.trigger.get() < FIRST {
            return Some((Began::Event(id.trigger), Vec::new()));
        }
        let program = self.program();
        let occasion = self.state.occasions.get(id.trigger.get())?;
        let bound = &at(&program.blocks, occasion.block).bound;
        let instances = bound.iter().zip(&occasion.instances).map(|(bound, instance)| {
            let entity = at(&program.entities, bound.entity).name.to_string();
            (entity, instances::name(*instance, &self.state.symbols).into_owned())
        });
        Some((occasion.began, instances.collect()))
    }
}

impl Program {
    /// Reads a name of an obligation, whether or not it was ever owed. None when the spec has no
    /// such clause or the rest is no trigger.
    #[must_use]
    pub fn parse_name(&self, text: &str) -> Option<ObligationName> {
        let (slug, trigger) = text.split_once('@')?;
        let clause = self.clause_named(slug)?;
        let mut parts = trigger.split('~');
        let began = parts.next()?.parse().ok()?;
        let instances: Option<Vec<String>> = parts.map(decode).collect();
        Some(ObligationName { clause, began, instances: instances? })
    }
}

impl ObligationName {
    /// The name as written.
    #[must_use]
    pub fn show(&self, program: &Program) -> String {
        let occasion = name_of(self.began, &self.instances);
        format!("{}@{occasion}", program.clause(self.clause).slug)
    }
}

/// What stands behind the `@` of names: where it began, and the instances that it is bound to.
pub(crate) fn name_of(
    began: Began,
    instances: impl IntoIterator<Item = impl AsRef<str>>,
) -> String {
    let mut name = began.to_string();
    for instance in instances {
        name.push('~');
        encode(instance.as_ref(), &mut name);
    }
    name
}

/// Writes an instance so that a name splits at `@` and `~`, and stays one word in a shell.
fn encode(instance: &str, into: &mut String) {
    for byte in instance.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.:".contains(&byte) {
            into.push(char::from(byte));
        } else {
            let written = write!(into, "%{byte:02X}");
            assert!(written.is_ok(), "memory can be written to");
        }
    }
}

fn decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|it| u8::try_from(it).ok());
        let (high, low) = (digit(rest.next()?)?, digit(rest.next()?)?);
        bytes.push(high << 4 | low);
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instance_of_any_name_is_written_as_one_word_and_read_back() {
        for name in ["c1", "", "a b", "o'clock@9~", "ünïcode", "100%", "A-1_b.c:d"] {
            let mut written = String::new();
            encode(name, &mut written);
            assert!(!written.contains(['@', '~', ' ']), "{written}");
            assert_eq!(decode(&written).as_deref(), Some(name));
        }
        assert_eq!(decode("%4"), None);
        assert_eq!(decode("%FF"), None, "no text");
    }

    #[test]
    fn an_occasion_is_found_by_its_name_while_it_is_used_and_until_the_next_input() {
        let (mut occasions, mut symbols) = (Occasions::default(), Symbols::default());
        let c1 = Datum::Text(symbols.look_up("c 1"));
        let began = Began::Event(Position::new(17));
        let number = occasions.create(began, 3, &[c1, Datum::Int(5)], &[17], &mut symbols);
        assert_eq!(number, FIRST);
        occasions.enter(number);
        occasions.settle(&mut symbols);
        symbols.settle();
        assert_eq!(occasions.find(3, "17~c%201~5", &symbols), Some(number));
        assert_eq!(occasions.find(2, "17~c%201~5", &symbols), None, "another block's");
        occasions.leave(number);
        assert_eq!(occasions.find(3, "17~c%201~5", &symbols), Some(number));
        assert_eq!(occasions.used().count(), 0);
        occasions.settle(&mut symbols);
        symbols.settle();
        assert_eq!(occasions.find(3, "17~c%201~5", &symbols), None);
        assert_eq!(symbols.len(), 0);
        assert_eq!(occasions.create(began, 3, &[], &[], &mut symbols), FIRST + 1);
    }
}
