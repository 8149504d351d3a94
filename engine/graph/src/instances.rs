//! Which instances of an entity are alive: what quantifiers, counts and watches range over.
//!
//! In: mentions and tombstones, in position order. Out: whether an instance is alive, since which
//! event, and all of them in the order of their names. Never: knows an entity that nothing in the
//! spec quantifies over. Enrichments make nothing alive.
//! Promise: an instance is alive from its entity's `created` event if the spec knows one, and else
//! from its first mention, until its tombstone; the same again after that.
//! Start reading at [`Instances::begin`].

use std::borrow::Cow;
use std::cmp::Ordering;

use crate::datum::Datum;
use crate::intern::Symbols;
use crate::table::Table;

/// The living instances of every entity that something quantifies over.
#[derive(Debug, Default)]
pub(crate) struct Instances {
    kinds: Vec<Living>,
    /// What this event made alive or ended, in order.
    news: Vec<News>,
}

/// An instance that this event made alive or ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct News {
    /// The number of its entity among those that are tracked.
    pub(crate) tracked: u32,
    pub(crate) instance: Datum,
    pub(crate) alive: bool,
}

/// The living instances of one entity.
#[derive(Debug, Default)]
struct Living {
    /// Since which event.
    since: Table<u64>,
    /// By name, made when somebody asks: deaths empty it, births are appended and sorted in then.
    order: Vec<Datum>,
    sorted: bool,
}

impl Instances {
    /// For as many entities as the program tracks.
    pub(crate) fn new(tracked: usize) -> Self {
        Self { kinds: (0..tracked).map(|_| Living::default()).collect(), news: Vec::new() }
    }

    /// An instance is mentioned, or created: it is alive from now on. False when it was before.
    pub(crate) fn begin(
        &mut self,
        tracked: u32,
        instance: Datum,
        position: u64,
        symbols: &mut Symbols,
    ) -> bool {
        let Some(living) = self.kinds.get_mut(tracked as usize) else { return false };
        if living.since.get(instance).is_some() {
            return false;
        }
        living.since.insert(instance.retain(symbols), position);
        // A list that a death has emptied is made anew when it is needed.
        if living.order.len() + 1 == living.since.len() {
            living.order.push(instance);
            living.sorted = false;
        }
        // Its name is held until the event is done, whatever ends it meanwhile.
        self.news.push(News { tracked, instance: instance.retain(symbols), alive: true });
        true
    }

    /// An instance's tombstone. False when it was not alive.
    pub(crate) fn end(&mut self, tracked: u32, instance: Datum) -> bool {
        let Some(living) = self.kinds.get_mut(tracked as usize) else { return false };
        if living.since.remove(instance).is_none() {
            return false;
        }
        living.order.clear();
        living.sorted = false;
        // The table's hold on the name goes over to the news, until the event is done.
        self.news.push(News { tracked, instance, alive: false });
        true
    }

    /// Since which event an instance is alive; none when it is not.
    pub(crate) fn since(&self, tracked: u32, instance: Datum) -> Option<u64> {
        self.kinds.get(tracked as usize)?.since.get(instance).copied()
    }

    /// Every living instance, in the order of their names.
    pub(crate) fn in_order(&mut self, tracked: u32, symbols: &Symbols) -> &[Datum] {
        let Some(living) = self.kinds.get_mut(tracked as usize) else { return &[] };
        if living.order.len() != living.since.len() {
            living.order.clear();
            living.order.extend(living.since.iter().map(|(instance, _)| instance));
        }
        if !living.sorted {
            // Births lie behind a part that is in order already, which this sort makes use of.
            living.order.sort_by(|a, b| by_name(*a, *b, symbols));
            living.sorted = true;
        }
        &living.order
    }

    /// What this event made alive or ended.
    pub(crate) fn news(&self) -> &[News] {
        &self.news
    }

    /// The event is over.
    pub(crate) fn settle(&mut self, symbols: &mut Symbols) {
        for news in &self.news {
            news.instance.release(symbols);
        }
        self.news.clear();
    }

    /// Every living instance with the event since which it is, in no order.
    pub(crate) fn all(&self, tracked: usize) -> impl Iterator<Item = (Datum, u64)> {
        let rows = self.kinds.get(tracked).into_iter().flat_map(|living| living.since.iter());
        rows.map(|(instance, since)| (instance, *since))
    }

    /// How many are alive.
    pub(crate) fn len(&self) -> usize {
        self.kinds.iter().map(|living| living.since.len()).sum()
    }

    /// Bytes set aside.
    pub(crate) fn bytes(&self) -> usize {
        let living =
            |living: &Living| living.since.bytes() + living.order.capacity() * size_of::<Datum>();
        self.kinds.iter().map(living).sum()
    }
}

/// The name of an instance as a text.
pub(crate) fn name(instance: Datum, symbols: &Symbols) -> Cow<'_, str> {
    match instance {
        Datum::Text(symbol) => Cow::Borrowed(symbols.text(symbol)),
        Datum::Int(number) => Cow::Owned(number.to_string()),
        other => Cow::Owned(other.to_json(symbols).to_string()),
    }
}

/// The order in which instances of one entity are gone through: that of their names as texts.
pub(crate) fn by_name(a: Datum, b: Datum, symbols: &Symbols) -> Ordering {
    name(a, symbols).cmp(&name(b, symbols))
}
