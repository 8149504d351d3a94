//! Occasions: what set a block off, and for which instances.
//!
//! In: an event, a tick, or a condition that has lasted. Out: an [`Occasion`], whose text stands
//! after the `@` of the names of its obligations.
//! Never: two occasions of one block and one text.
//! Promise: `17` is an event, `17~a1` an instance since that event or bound at it, and a time a tick.
//! Start reading at [`Occasion`].

use homeostat_log::Event;
use homeostat_world::Timestamp;
use jiff::civil::Date;

use super::carried::encoded;
use super::history::History;
use super::log::AsOf;
use super::meaning::Scene;

/// What set a block off, or one round of a `for each` in it.
#[derive(Clone)]
pub(super) struct Occasion<'a> {
    /// `17`, `17~a1`, `2026-03-02T09:00:00Z~r1`.
    pub(super) text: String,
    /// Obligations of events come first, by position, then the others, by when they came to be.
    pub(super) order: (bool, u64),
    /// The event that triggered the block.
    pub(super) trigger: Option<&'a Event>,
    /// The tick that did, and the local date that it is of.
    pub(super) tick: Option<(Timestamp, Date)>,
    /// Entities and their bound instances, the innermost last.
    pub(super) bound: Vec<(String, String)>,
    /// The log just before it was reached, and then.
    pub(super) edge: (AsOf, AsOf),
    /// The last event when the block was entered.
    pub(super) entered: u64,
    /// The occasion that the `for each` was reached on.
    pub(super) within: Option<usize>,
}

impl<'a> History<'a> {
    /// Takes down the occasion that an event is.
    pub(super) fn occasion_of(&mut self, event: &'a Event) -> usize {
        let position = event.position.get();
        self.begin(Occasion {
            text: position.to_string(),
            order: (false, position),
            entered: position,
            trigger: Some(event),
            tick: None,
            bound: Vec::new(),
            edge: (self.moment.before, self.log.now()),
            within: None,
        })
    }

    /// Takes down an occasion that is no event: `began` is a position or a time.
    pub(super) fn occasion_since(
        &mut self,
        began: &str,
        tick: Option<(Timestamp, Date)>,
        bound: Option<(&str, &str)>,
    ) -> usize {
        let now = self.log.now();
        self.begin(Occasion {
            text: text(began, bound.map(|(_, instance)| instance)),
            order: (true, self.occasions.len() as u64),
            entered: self.moment.position,
            trigger: None,
            tick,
            bound: bound.into_iter().map(|(e, i)| (e.to_owned(), i.to_owned())).collect(),
            edge: (now, now),
            within: None,
        })
    }

    /// Takes down one round of a `for each`.
    pub(super) fn occasion_within(&mut self, outer: usize, entity: &str, instance: &str) -> usize {
        let Some(around) = self.occasions.get(outer) else { return outer };
        let mut bound = around.bound.clone();
        bound.push((entity.to_owned(), instance.to_owned()));
        self.begin(Occasion {
            text: text(&around.text, Some(instance)),
            order: (true, self.occasions.len() as u64),
            bound,
            edge: (self.moment.before, self.log.now()),
            within: Some(outer),
            ..around.clone()
        })
    }

    fn begin(&mut self, occasion: Occasion<'a>) -> usize {
        self.occasions.push(occasion);
        self.occasions.len() - 1
    }

    pub(super) fn occasion(&self, number: usize) -> &Occasion<'a> {
        match self.occasions.get(number) {
            Some(occasion) => occasion,
            None => unreachable!("occasions are numbered by their places"),
        }
    }

    /// The texts of an occasion and of those around it, the outermost last.
    pub(super) fn texts(&self, occasion: usize) -> Vec<&str> {
        let mut texts = Vec::new();
        let mut next = Some(occasion);
        while let Some(number) = next {
            texts.push(self.occasion(number).text.as_str());
            next = self.occasion(number).within;
        }
        texts
    }
}

impl Occasion<'_> {
    /// What expressions may refer to on this occasion.
    pub(super) fn scene(&self, inferred: bool) -> Scene<'_> {
        Scene { trigger: self.trigger, bound: &self.bound, edge: Some(self.edge), inferred }
    }

    /// Whether the instance is bound on it.
    pub(super) fn binds(&self, entity: &str, instance: &str) -> bool {
        self.bound.iter().any(|(of, name)| of == entity && name == instance)
    }
}

/// An occasion's text: where it began, and the instance.
pub(super) fn text(began: &str, instance: Option<&str>) -> String {
    match instance {
        None => began.to_owned(),
        Some(instance) => format!("{began}~{}", encoded(instance)),
    }
}
