//! What a block brings about: duties at once, guards when they can be decided, and a round for each
//! instance.
//!
//! In: an occasion. Out: obligations, guards and how they were decided.
//! Never: decides a guard twice.
//! Promise: a guard is decided when each duty that it awaits, of its own scope or one around it, has
//! produced what it was to produce. Start reading at [`History::trigger`].

use homeostat_intent::lowered::{ClauseId, Guard, Item, Spec};
use homeostat_log::Event;

use super::duties::Owed;
use super::history::History;
use super::meaning::reads_inferred;
use super::pairing::{stages, stands_in};
use crate::datum::Truth;

/// One guard that was ever reached.
#[derive(Clone)]
pub(super) struct Reached<'a> {
    pub(super) guard: &'a Guard,
    /// Its place in the order of the text.
    pub(super) number: u32,
    pub(super) occasion: usize,
    pub(super) block: usize,
    pub(super) decided: Option<Truth>,
    /// It never will be decided: what it is bound to was erased, or what it awaits never comes.
    pub(super) dropped: bool,
    /// The duties that it awaits and that were met before the spec was adopted.
    pub(super) met_before_adoption: Vec<ClauseId>,
    /// The occasion on which it was reached under the version before, while another takes over.
    pub(super) since_before: Option<usize>,
}

impl Reached<'_> {
    /// Whether it may still be decided.
    pub(super) fn waits(&self) -> bool {
        self.decided.is_none() && !self.dropped
    }
}

impl<'a> History<'a> {
    /// Enters every block that an event triggers.
    pub(super) fn trigger(&mut self, event: &'a Event) {
        let spec = self.spec;
        for (block, written) in spec.blocks.iter().enumerate() {
            if self.log.is_one_of(event, written.trigger.events()) {
                let occasion = self.occasion_of(event);
                self.enter(&written.body, block, occasion);
            }
        }
    }

    /// Enters the items of a block, guard or round: duties are owed, guards are reached, and a
    /// `for each` is gone through with the instances that there are now.
    pub(super) fn enter(&mut self, items: &'a [Item], block: usize, occasion: usize) {
        for item in items {
            match item {
                Item::Duty(duty) => self.ask_for(duty, block, occasion),
                Item::Guard(guard) => {
                    self.guards.push(Reached {
                        guard,
                        number: guard_number(self.spec, guard),
                        occasion,
                        block,
                        decided: None,
                        dropped: false,
                        met_before_adoption: Vec::new(),
                        since_before: None,
                    });
                    self.decide_if_ready(self.guards.len() - 1);
                }
                Item::ForEach(each) => {
                    let inferred = reads_inferred(&each.body);
                    let alive = self.log.alive(&each.entity, self.log.now());
                    for instance in alive {
                        let round = self.occasion_within(occasion, &each.entity, &instance);
                        let scene = self.occasion(round).scene(inferred);
                        let holds = |it| self.log.truth(it, scene) == Truth::True;
                        if each.condition.as_ref().is_none_or(holds) {
                            self.enter(&each.body, block, round);
                        }
                    }
                }
            }
        }
    }

    /// Decides the guards of the same trigger and block that waited for a duty which is fulfilled.
    pub(super) fn decide_what_waited(&mut self, fulfilled: usize) {
        let Some(owed) = self.owed.get(fulfilled) else { return };
        let (occasion, block) = (owed.occasion, owed.block);
        let root = self.texts(occasion).last().map(|text| (*text).to_owned());
        for place in 0..self.guards.len() {
            let waits = self.guards.get(place).is_some_and(|reached| {
                reached.waits()
                    && reached.block == block
                    && self.texts(reached.occasion).last().copied() == root.as_deref()
            });
            if waits {
                self.decide_if_ready(place);
            }
        }
    }

    /// The obligations of a duty that a guard may wait for: of its own scope, or of one around it, and
    /// not of an earlier version whose clause was withdrawn.
    pub(super) fn awaited(
        &self,
        reached: &Reached<'a>,
        id: ClauseId,
    ) -> impl Iterator<Item = &Owed<'a>> {
        let (block, scopes) = (reached.block, self.texts(reached.occasion));
        self.owed.iter().filter(move |owed| {
            owed.duty.id == id
                && !owed.past
                && owed.block == block
                && scopes.contains(&self.occasion(owed.occasion).text.as_str())
        })
    }

    /// Whether a guard may still be decided, and nothing that it awaits can never come.
    pub(super) fn still_waits(&self, reached: &Reached<'a>) -> bool {
        reached.waits()
            && reached.guard.awaits.iter().all(|id| {
                reached.met_before_adoption.contains(id) || self.may_be_produced(reached, *id)
            })
    }

    /// Whether a duty has produced what it was to produce, or it or what it stands in for is owed, or
    /// a guard around it may still be entered.
    fn may_be_produced(&self, reached: &Reached<'a>, id: ClauseId) -> bool {
        let mut known = self.awaited(reached, id).peekable();
        if known.peek().is_some() {
            return known.any(|owed| self.is_produced(owed) || self.is_chain_open(owed));
        }
        let scopes = self.texts(reached.occasion);
        let is_around = |occasion: usize, block: usize| {
            block == reached.block && scopes.contains(&self.occasion(occasion).text.as_str())
        };
        let lapses = self.owed.iter().any(|owed| {
            is_around(owed.occasion, owed.block)
                && stages(owed.duty).any(|stage| stage.id == id)
                && self.is_chain_open(owed)
        });
        lapses
            || self.guards.iter().any(|other| {
                is_around(other.occasion, other.block)
                    && stands_in(id, &other.guard.body)
                    && self.still_waits(other)
            })
    }

    /// Decides a guard if what every duty that it awaits was to produce has been produced.
    pub(super) fn decide_if_ready(&mut self, place: usize) {
        let Some(reached) = self.guards.get(place) else { return };
        let (guard, block, occasion) = (reached.guard, reached.block, reached.occasion);
        let ready = guard.awaits.iter().all(|id| {
            reached.met_before_adoption.contains(id)
                || self.awaited(reached, *id).any(|owed| self.is_produced(owed))
        });
        if !reached.waits() || !ready {
            return;
        }
        let scene = self.occasion(occasion).scene(reads_inferred(&guard.body));
        let truth = self.log.truth(&guard.condition, scene);
        if let Some(reached) = self.guards.get_mut(place) {
            reached.decided = Some(truth);
        }
        if truth == Truth::True {
            self.enter(&guard.body, block, occasion);
        }
    }
}

/// The place of a guard among all guards, outer before inner, in the order of the text.
pub(super) fn guard_number(spec: &Spec, guard: &Guard) -> u32 {
    fn walk(items: &[Item], guard: &Guard, count: &mut u32) -> bool {
        items.iter().any(|item| match item {
            Item::Duty(_) => false,
            Item::ForEach(each) => walk(&each.body, guard, count),
            Item::Guard(found) if std::ptr::eq(found, guard) => true,
            Item::Guard(found) => {
                *count += 1;
                walk(&found.body, guard, count)
            }
        })
    }
    let mut count = 0;
    let found = spec.blocks.iter().any(|block| walk(&block.body, guard, &mut count));
    assert!(found, "a guard that was reached is in the spec");
    count
}
