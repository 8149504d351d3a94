//! Backfill: what a new version of the spec asks of what happened before it.
//!
//! In: what it asks, and a person's word. Out: it is owed, in the order of the log, so many at a time.
//! Never: owes what waits for a person's word.
//! Promise: what happens anyway while it waits is not asked for again. Start reading at
//! [`History::queue`], then [`History::refill`].

use homeostat_intent::lowered::{Backfill as Policy, ClauseId, Duty};
use homeostat_log::control::{GapKind, GapOutcome};

use super::duties::{Owed, Queued};
use super::episodes::violated;
use super::history::History;
use super::occasions::Occasion;
use super::pairing::stages;
use super::{Name, Standing, Verdict};
use crate::change::Fulfilment;

/// One adoption and what it asked of the past.
pub(super) struct Backfill {
    pub(super) position: u64,
    pub(super) policy: Policy,
    /// The clauses that it added.
    pub(super) clauses: Vec<ClauseId>,
    /// What a person said: let it begin, or let it be.
    pub(super) word: Option<bool>,
    /// The question to a person, once there is one.
    pub(super) asked: Option<Verdict>,
}

impl<'a> History<'a> {
    /// The adoption that asks for a duty if its block was entered before the clause was adopted.
    /// Ticks of before an adoption are not made up for.
    pub(super) fn asking_adoption(&self, duty: &Duty, occasion: usize) -> Option<usize> {
        let Occasion { entered, tick, .. } = self.occasion(occasion);
        self.backfills.iter().position(|asking| {
            tick.is_none() && *entered < asking.position && asking.clauses.contains(&duty.id)
        })
    }

    /// Asks for something of before an adoption, as the policy of that says.
    pub(super) fn queue(&mut self, mut owed: Owed<'a>, adoption: usize) {
        let external = stages(owed.duty).any(|stage| stage.external);
        let Some(asking) = self.backfills.get(adoption) else { return };
        let queued = match (asking.policy, asking.word) {
            (Policy::ProspectiveOnly, _) => return,
            (Policy::Sequential, _) if !external => Queued::Next(asking.position),
            (_, None) => Queued::Asked(asking.position),
            (_, Some(true)) => Queued::Next(asking.position),
            (_, Some(false)) => return,
        };
        owed.backfill = Some(queued);
        self.owed.push(owed);
        let is_asked =
            |asked: &Option<Verdict>| asked.is_some_and(|it| it.standing == Standing::Owed);
        let at = self.moment.at;
        if let Queued::Asked(_) = queued
            && let Some(asking) = self.backfills.get_mut(adoption)
            && !is_asked(&asking.asked)
        {
            asking.asked = Some(violated(GapKind::Intent, at));
        }
    }

    /// Owes the next ones while there is room.
    pub(super) fn refill(&mut self) {
        let at = self.now.unwrap_or(self.moment.at);
        while self.in_flight() < self.spec.limits.max_backfill_in_flight as usize {
            let waiting =
                self.owed.iter().zip(0..).filter_map(|(owed, place)| match owed.backfill {
                    Some(Queued::Next(adoption)) => Some((adoption, self.order(place), place)),
                    _ => None,
                });
            let Some((_, _, place)) = waiting.min() else { return };
            if let Some(owed) = self.owed.get_mut(place) {
                owed.backfill = Some(Queued::InForce);
            }
            self.activate(place, at);
        }
    }

    /// How many retroactive obligations are owed, with what is owed instead of them counted as one.
    fn in_flight(&self) -> usize {
        let is_start = |place: &usize| {
            self.owed
                .get(*place)
                .is_some_and(|it| it.backfill == Some(Queued::InForce) && it.replaces.is_none())
                && self.is_open(*place)
        };
        (0..self.owed.len()).filter(is_start).count()
    }

    /// Something that waited for a person's word does so no longer. When it was the last, there is
    /// no question any more.
    pub(super) fn waits_no_longer(&mut self, adoption: u64, standing: Standing) {
        if self.asked_by(adoption).next().is_some() {
            return;
        }
        let by = self.moment.position;
        let (standing, closed) = match standing {
            Standing::Fulfilled(..) => {
                (Standing::Fulfilled(by, Fulfilment::InTime), GapOutcome::Fulfilled)
            }
            _ => (Standing::Withdrawn, GapOutcome::Withdrawn),
        };
        for asking in self.backfills.iter_mut().filter(|it| it.position == adoption) {
            if let Some(verdict) = &mut asking.asked {
                verdict.end(standing, closed);
            }
        }
    }

    fn asked_by(&self, adoption: u64) -> impl Iterator<Item = usize> {
        let asked = Some(Queued::Asked(adoption));
        self.owed
            .iter()
            .zip(0..)
            .filter(move |(it, _)| it.backfill == asked)
            .map(|(_, place)| place)
    }

    /// A person lets a backfill begin.
    pub(super) fn release(&mut self, gap: &str) {
        let by = Standing::Fulfilled(self.moment.position, Fulfilment::InTime);
        let Some(adoption) = self.answer(gap, true, by, GapOutcome::Fulfilled) else { return };
        for place in self.asked_by(adoption).collect::<Vec<_>>() {
            if let Some(owed) = self.owed.get_mut(place) {
                owed.backfill = Some(Queued::Next(adoption));
            }
        }
    }

    /// A person lets the past be.
    pub(super) fn waive_backfill(&mut self, gap: &str) {
        let answer = self.answer(gap, false, Standing::Waived, GapOutcome::Waived);
        let Some(adoption) = answer else { return };
        for place in self.asked_by(adoption).collect::<Vec<_>>() {
            self.end(place, Standing::Waived);
        }
    }

    fn answer(
        &mut self,
        gap: &str,
        word: bool,
        standing: Standing,
        closed: GapOutcome,
    ) -> Option<u64> {
        let asking = self.backfills.iter_mut().find(|it| it.name() == gap)?;
        let verdict = asking.asked.as_mut().filter(|it| it.standing == Standing::Owed)?;
        verdict.end(standing, closed);
        asking.word = Some(word);
        Some(asking.position)
    }

    pub(super) fn backfill_gaps(&self) -> impl Iterator<Item = (Name, Verdict, bool)> {
        let name = |asking: &Backfill| (asking.position.to_string(), "backfill".to_owned());
        self.backfills.iter().filter_map(move |asking| Some((name(asking), asking.asked?, true)))
    }
}

impl Backfill {
    fn name(&self) -> String {
        format!("backfill@{}", self.position)
    }
}
