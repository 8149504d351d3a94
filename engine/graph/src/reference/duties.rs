//! What is owed: how an obligation comes to be, what satisfies it, and how it ends.
//!
//! In: a duty and an occasion, then events. Out: verdicts.
//! Never: two ends of one obligation.
//! Promise: an obligation is open while it, or the last fallback in its place, is owed.
//! Start reading at [`History::owe`], then [`History::satisfy`].

use homeostat_intent::lowered::{Duty, Performer, Role};
use homeostat_log::control::{GapKind, GapOutcome};
use homeostat_log::{Event, Kind};
use homeostat_world::Timestamp;

use super::calendar::after;
use super::carried::{Carried, instance};
use super::history::History;
use super::meaning::{agrees_on_keys, agrees_on_the_rest};
use super::{Standing, Verdict};
use crate::change::Fulfilment;

/// One obligation that ever was.
#[derive(Clone)]
pub(super) struct Owed<'a> {
    pub(super) duty: &'a Duty,
    /// Its place in the order of the text.
    pub(super) clause: usize,
    pub(super) occasion: usize,
    pub(super) block: usize,
    /// What each argument came to when it was activated.
    pub(super) arguments: Vec<Option<Carried>>,
    /// The places of its primary and of its fallback among all obligations.
    pub(super) replaces: Option<usize>,
    pub(super) replaced_by: Option<usize>,
    /// Whether it follows from events of before its clause was adopted, and is in a queue, in force,
    /// or has been dropped.
    pub(super) backfill: Option<Queued>,
    /// Whether its clause is of a version that was in force before.
    pub(super) past: bool,
    pub(super) verdict: Verdict,
}

/// Where a retroactive obligation is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Queued {
    /// Waiting for a person's word about the adoption at this position.
    Asked(u64),
    /// Waiting for its turn; what was asked by an earlier adoption comes first.
    Next(u64),
    /// Owed like any other.
    InForce,
    /// Dropped before it was ever owed.
    Dropped,
}

impl Owed<'_> {
    /// Whether it has a verdict: not what is only queued.
    pub(super) fn is_shown(&self) -> bool {
        matches!(self.backfill, None | Some(Queued::InForce))
    }

    fn is_queued(&self) -> bool {
        matches!(self.backfill, Some(Queued::Asked(_) | Queued::Next(_)))
    }
}

impl<'a> History<'a> {
    /// A block or guard is entered and says that a duty is owed: from now on, or, if a later version
    /// asks it of the past, when its turn comes.
    pub(super) fn ask_for(&mut self, duty: &'a Duty, block: usize, occasion: usize) {
        // An edit may put a duty into a guard that waits, after it came to be owed outside of it.
        if self.open_of(duty.id, block, &self.occasion(occasion).text).is_some() {
            return;
        }
        match self.asking_adoption(duty, occasion) {
            None => {
                self.owe(duty, block, occasion, None);
            }
            Some(adoption) => {
                let owed = self.bind(duty, block, occasion, None);
                self.queue(owed, adoption);
            }
        }
    }

    /// A duty is owed since the moment's time. Gives its place.
    pub(super) fn owe(
        &mut self,
        duty: &'a Duty,
        block: usize,
        occasion: usize,
        backfill: Option<Queued>,
    ) -> usize {
        self.owed.push(self.bind(duty, block, occasion, backfill));
        let place = self.owed.len() - 1;
        self.activate(place, self.moment.at);
        place
    }

    /// An obligation with what its arguments come to now.
    fn bind(
        &self,
        duty: &'a Duty,
        block: usize,
        occasion: usize,
        backfill: Option<Queued>,
    ) -> Owed<'a> {
        let scene = self.occasion(occasion).scene(duty.using_inferred);
        let value = |expr| self.log.value(expr, scene, self.log.now());
        let clause = self.clauses.iter().position(|clause| std::ptr::eq(*clause, duty));
        Owed {
            duty,
            clause: clause.unwrap_or(usize::MAX),
            occasion,
            block,
            arguments: duty.arguments.iter().map(|argument| value(&argument.value)).collect(),
            replaces: None,
            replaced_by: None,
            backfill,
            past: false,
            verdict: Verdict {
                activated: self.moment.at,
                due: None,
                standing: Standing::Owed,
                missed: false,
                gap: None,
                closed: None,
            },
        }
    }

    /// The clock of an obligation begins to run.
    pub(super) fn activate(&mut self, place: usize, at: Timestamp) {
        let due = self.due(place, at);
        if let Some(owed) = self.owed.get_mut(place) {
            owed.verdict.activated = at;
            owed.verdict.due = due;
        }
        if self.gap_from(place) == Some(at) {
            self.open_gap(place, self.gap_kind(place), at);
        }
    }

    fn due(&self, place: usize, at: Timestamp) -> Option<Timestamp> {
        let owed = self.owed.get(place)?;
        let fallbacks = self.clauses.iter().filter_map(|clause| clause.fallback.as_deref());
        let is_fallback = fallbacks.into_iter().any(|fallback| std::ptr::eq(fallback, owed.duty));
        match owed.duty.within {
            Some(within) => Some(after(at, within)),
            None if is_fallback => Some(after(at, self.spec.limits.default_within)),
            None => self.tick_after(owed.block, owed.occasion, at),
        }
    }

    /// What a gap is called that opens before its deadline; afterwards it is temporal. A block that
    /// time sets off has no other, and what follows from events of before its clause was adopted is
    /// a gap of intent.
    fn gap_kind(&self, place: usize) -> GapKind {
        let Some(owed) = self.owed.get(place) else { return GapKind::Reaction };
        if owed.backfill.is_some() {
            GapKind::Intent
        } else if self.occasion(owed.occasion).trigger.is_some() {
            GapKind::Reaction
        } else {
            GapKind::Temporal
        }
    }

    /// Since when a gap is open while no deadline has passed. None when only the deadline opens it.
    pub(super) fn gap_from(&self, place: usize) -> Option<Timestamp> {
        let owed = self.owed.get(place)?;
        let settled = after(owed.verdict.activated, self.spec.limits.settle);
        match (owed.duty.by, owed.verdict.due) {
            (Performer::Agent, _) | (Performer::System, None) => Some(settled),
            (Performer::Human, None) => Some(owed.verdict.activated),
            (Performer::System | Performer::Human, Some(_)) => None,
        }
    }

    fn open_gap(&mut self, place: usize, kind: GapKind, at: Timestamp) {
        if let Some(owed) = self.owed.get_mut(place)
            && owed.verdict.gap.is_none()
        {
            owed.verdict.gap = Some((kind, at));
        }
    }

    /// An obligation has settled: its gap opens.
    pub(super) fn settle(&mut self, place: usize, at: Timestamp) {
        self.open_gap(place, self.gap_kind(place), at);
    }

    /// A deadline passes.
    pub(super) fn miss(&mut self, place: usize, due: Timestamp) {
        let kind = match self.gap_kind(place) {
            GapKind::Reaction => GapKind::Temporal,
            kind => kind,
        };
        let Some(owed) = self.owed.get_mut(place) else { return };
        owed.verdict.missed = true;
        let (duty, block, occasion) = (owed.duty, owed.block, owed.occasion);
        let backfill = owed.backfill;
        let Some(fallback) = &duty.fallback else {
            self.open_gap(place, kind, due);
            return;
        };
        self.end(place, Standing::Lapsed);
        let next = self.owe(fallback, block, occasion, backfill);
        if let Some(owed) = self.owed.get_mut(place) {
            owed.replaced_by = Some(next);
        }
        if let Some(owed) = self.owed.get_mut(next) {
            owed.replaces = Some(place);
        }
    }

    /// Satisfies whatever an event satisfies, by occasion and then in the order of the text.
    pub(super) fn satisfy(&mut self, event: &'a Event) {
        let mut found: Vec<usize> = (0..self.owed.len())
            .filter(|&place| self.is_open(place) && self.satisfies(event, place))
            .collect();
        // What is not owed yet comes last, so that it takes nothing from what is.
        let queued = |place: usize| self.owed.get(place).is_some_and(Owed::is_queued);
        found.sort_by_key(|&place| (queued(place), self.order(place)));
        let mut taken: Vec<usize> = Vec::new();
        found.retain(|&place| {
            let Some(owed) = self.owed.get(place) else { return false };
            let again = owed.duty.each && taken.contains(&owed.clause);
            taken.push(owed.clause);
            event.event.cause.is_some() || !again
        });
        for place in found {
            if self.is_open(place) {
                self.fulfil(place, event);
            }
        }
    }

    fn satisfies(&self, event: &Event, place: usize) -> bool {
        let Some(owed) = self.owed.get(place) else { return false };
        let duty = owed.duty;
        if event.event.kind == Kind::Enrichment && !duty.using_inferred {
            return false;
        }
        let answers = match &event.event.cause {
            Some(cause) => *cause == self.name(place),
            None => {
                self.log.is_one_of(event, &duty.satisfied_by)
                    && agrees_on_keys(event, duty, &owed.arguments)
                    && agrees_on_the_rest(event, duty, &owed.arguments)
            }
        };
        answers && duty.requires.iter().all(|r| self.log.is_held(r, duty, &owed.arguments))
    }

    fn fulfil(&mut self, place: usize, event: &'a Event) {
        let Some(owed) = self.owed.get(place) else { return };
        let (due, missed) = (owed.verdict.due, owed.verdict.missed);
        let outcome = match due {
            Some(due) if event.effective_time() > due => Fulfilment::Late,
            _ if missed => Fulfilment::SeenLate,
            _ => Fulfilment::InTime,
        };
        let (mut up, mut down) = (owed.replaces, owed.replaced_by);
        self.end(place, Standing::Fulfilled(event.position.get(), outcome));
        while let Some(place) = up {
            self.end(place, Standing::Compensated);
            up = self.owed.get(place).and_then(|owed| owed.replaces);
        }
        while let Some(place) = down {
            self.end(place, Standing::Withdrawn);
            down = self.owed.get(place).and_then(|owed| owed.replaced_by);
        }
        self.decide_what_waited(place);
    }

    /// An obligation ends, and its gap with it. What was only queued leaves no verdict.
    pub(super) fn end(&mut self, place: usize, standing: Standing) {
        let Some(owed) = self.owed.get_mut(place) else { return };
        let queued = owed.backfill;
        if owed.is_queued() {
            owed.backfill = Some(Queued::Dropped);
        }
        owed.verdict.standing = standing;
        if owed.verdict.gap.is_some() && owed.verdict.closed.is_none() {
            owed.verdict.closed = outcome(standing);
        }
        if let Some(Queued::Asked(adoption)) = queued {
            self.waits_no_longer(adoption, standing);
        }
    }

    /// Ends every stage of these that is open, and what else of their chains of fallbacks is.
    pub(super) fn end_chains(&mut self, places: &[usize], standing: Standing) {
        for &place in places {
            let mut chain = vec![place];
            while let Some(up) = chain.first().and_then(|&it| self.owed.get(it)?.replaces) {
                chain.insert(0, up);
            }
            while let Some(down) = chain.last().and_then(|&it| self.owed.get(it)?.replaced_by) {
                chain.push(down);
            }
            chain.retain(|&stage| self.is_open(stage));
            chain.into_iter().for_each(|stage| self.end(stage, standing));
        }
    }

    /// Nothing is owed any longer of which the instance is a key, or that is bound to it.
    pub(super) fn void_obligations(&mut self, entity: &str, name: &str) {
        let concerned: Vec<usize> = (0..self.owed.len())
            .filter(|&place| self.is_open(place) && self.concerns(place, entity, name))
            .collect();
        self.end_chains(&concerned, Standing::Void);
        for place in 0..self.guards.len() {
            let Some(reached) = self.guards.get(place) else { continue };
            let is_bound = self.occasion(reached.occasion).binds(entity, name);
            if let Some(reached) = self.guards.get_mut(place) {
                reached.dropped |= is_bound;
            }
        }
    }

    fn concerns(&self, place: usize, entity: &str, name: &str) -> bool {
        let Some(owed) = self.owed.get(place) else { return false };
        let is_key = owed.duty.arguments.iter().zip(&owed.arguments).any(|(argument, value)| {
            matches!(&argument.role, Role::Key { entity: of, .. } if of == entity)
                && value.as_ref().and_then(instance).as_deref() == Some(name)
        });
        is_key || self.occasion(owed.occasion).binds(entity, name)
    }

    /// An obligation is open while it, or the last fallback in its place, is owed.
    pub(super) fn is_open(&self, place: usize) -> bool {
        self.owed.get(place).is_some_and(|owed| self.is_chain_open(owed))
    }

    /// The same of one that is at hand.
    pub(super) fn is_chain_open(&self, owed: &Owed<'a>) -> bool {
        match owed.verdict.standing {
            Standing::Owed => true,
            Standing::Lapsed => owed.replaced_by.is_some_and(|next| self.is_open(next)),
            _ => false,
        }
    }

    pub(super) fn order(&self, place: usize) -> ((bool, u64), usize) {
        let owed = self.owed.get(place);
        owed.map_or(((true, u64::MAX), 0), |it| (self.occasion(it.occasion).order, it.clause))
    }

    /// `slug@occasion`.
    pub(super) fn name(&self, place: usize) -> String {
        let owed = self.owed.get(place);
        owed.map_or_else(String::new, |owed| {
            format!("{}@{}", owed.duty.slug, self.occasion(owed.occasion).text)
        })
    }

    /// What a duty was to produce has been produced when it is fulfilled, or when a fallback in its
    /// place is that one of the same events satisfies.
    pub(super) fn is_produced(&self, owed: &Owed<'a>) -> bool {
        let events = &owed.duty.satisfied_by;
        let mut stage = Some(owed);
        while let Some(current) = stage {
            let same = std::ptr::eq(current, owed)
                || current.duty.satisfied_by.iter().any(|name| events.contains(name));
            if same && matches!(current.verdict.standing, Standing::Fulfilled(..)) {
                return true;
            }
            stage = current.replaced_by.and_then(|next| self.owed.get(next));
        }
        false
    }
}

/// How the gap of an obligation ends that ends so.
fn outcome(standing: Standing) -> Option<GapOutcome> {
    Some(match standing {
        Standing::Owed => return None,
        Standing::Lapsed | Standing::Compensated => GapOutcome::Lapsed,
        Standing::Fulfilled(_, Fulfilment::InTime) => GapOutcome::Fulfilled,
        Standing::Fulfilled(_, Fulfilment::SeenLate) => GapOutcome::SeenLate,
        Standing::Fulfilled(_, Fulfilment::Late) => GapOutcome::Late,
        Standing::Withdrawn => GapOutcome::Withdrawn,
        Standing::Waived => GapOutcome::Waived,
        Standing::Void => GapOutcome::Void,
    })
}
