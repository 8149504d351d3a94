//! Episodes: what has been so since an event and still is.
//!
//! In: what is so after each event. Out: blocks that are triggered when it has lasted, and
//! violations, which are gaps for as long as it is so.
//! Never: two episodes at once of one clause and instance (a budget's periods excepted).
//! Promise: an episode is named by the position since which it is so. Start reading at
//! [`History::look`].

use homeostat_intent::lowered::{
    Assertion, Check, Condition, Held, Invariant, Length, Target, Trigger,
};
use homeostat_log::Event;
use homeostat_log::control::{GapKind, GapOutcome};
use homeostat_world::Timestamp;

use super::calendar::after;
use super::history::History;
use super::meaning::{Scene, reads_inferred};
use super::occasions::text;
use super::{Name, Standing, Verdict};
use crate::change::Fulfilment;
use crate::datum::Truth;

/// What an episode is of.
#[derive(Clone, Copy)]
pub(super) enum Of<'a> {
    /// A block that is triggered when a condition has lasted: its place in the text.
    Held(usize),
    Assertion(&'a Assertion),
    Invariant(&'a Invariant),
    Budget(&'a Target),
}

/// See the opening.
#[derive(Clone)]
pub(super) struct Episode<'a> {
    pub(super) of: Of<'a>,
    /// None for what is so of the system as a whole.
    pub(super) instance: Option<String>,
    /// The position since which it is so.
    pub(super) since: u64,
    /// The time of that event.
    pub(super) from: Timestamp,
    /// When time alone ends it, once it is past.
    pub(super) until: Option<Timestamp>,
    /// Whether it has lasted as long as it takes to trigger its block.
    pub(super) fired: bool,
    pub(super) over: bool,
    /// Whether its clause is of a version that was in force before.
    pub(super) past: bool,
    /// What became of it, if it is or was a violation.
    pub(super) violation: Option<Verdict>,
}

impl<'a> History<'a> {
    /// Looks, after an event, at what is so and what is not any more: blocks that wait for something
    /// to last, then assertions, then the contract, each for its instances in the order of their text.
    pub(super) fn look(&mut self, event: Option<&'a Event>) {
        let spec = self.spec;
        for (block, written) in spec.blocks.iter().enumerate() {
            if let Trigger::Held(held) = &written.trigger {
                self.look_at_held(block, held, reads_inferred(&written.body));
            }
        }
        for assertion in &spec.assertions {
            self.look_at_assertion(assertion, event);
        }
        if let Some(event) = event {
            self.look_at_contract(event);
        }
    }

    fn look_at_held(&mut self, block: usize, held: &'a Held, inferred: bool) {
        for instance in self.candidates(Of::Held(block), Some(&held.entity)) {
            let bound = instance.iter().map(|it| (held.entity.clone(), it.clone())).collect();
            let is_so = self.is_alive_or_global(Some(&held.entity), instance.as_deref())
                && self.holds_of(&held.condition, bound, inferred) == Truth::True;
            match (self.open_episode(Of::Held(block), instance.as_deref()), is_so) {
                (None, true) => self.begin_episode(Of::Held(block), instance, None),
                (Some(place), false) => self.end_held(place, block, held.lasting),
                _ => {}
            }
        }
    }

    /// What a condition comes to for what is bound, where there is no trigger.
    pub(super) fn holds_of(
        &self,
        condition: &Condition,
        bound: Vec<(String, String)>,
        inferred: bool,
    ) -> Truth {
        self.log.truth(condition, Scene { trigger: None, bound: &bound, edge: None, inferred })
    }

    /// The instances to look at: those that are alive, and those with an open episode. For the
    /// system as a whole there is one, and nothing is so of it before the first event.
    pub(super) fn candidates(&self, of: Of<'a>, entity: Option<&str>) -> Vec<Option<String>> {
        let Some(entity) = entity else {
            return if self.log.events.is_empty() { Vec::new() } else { vec![None] };
        };
        let mut names = self.log.alive(entity, self.log.now());
        let open = self.episodes.iter().filter(|it| !it.over && it.of.is(of));
        names.extend(open.filter_map(|it| it.instance.clone()));
        names.into_iter().map(Some).collect()
    }

    pub(super) fn is_alive_or_global(&self, entity: Option<&str>, instance: Option<&str>) -> bool {
        entity.zip(instance).is_none_or(|(entity, name)| self.log.is_alive(entity, name))
    }

    pub(super) fn open_episode(&self, of: Of<'a>, instance: Option<&str>) -> Option<usize> {
        self.episodes
            .iter()
            .position(|it| !it.over && it.of.is(of) && it.instance.as_deref() == instance)
    }

    /// Something is so since the moment, and a violation at once if that is a kind of gap.
    pub(super) fn begin_episode(
        &mut self,
        of: Of<'a>,
        instance: Option<String>,
        violation: Option<GapKind>,
    ) {
        self.episodes.push(Episode {
            of,
            instance,
            since: self.moment.position,
            from: self.moment.at,
            until: None,
            fired: false,
            over: false,
            past: false,
            violation: violation.map(|kind| violated(kind, self.moment.at)),
        });
    }

    /// It is not so any more: what was a violation is fulfilled by the event of the moment.
    pub(super) fn end_episode(&mut self, place: usize, outcome: Fulfilment) {
        let by = self.moment.position;
        let closed = match outcome {
            Fulfilment::SeenLate => GapOutcome::SeenLate,
            Fulfilment::InTime | Fulfilment::Late => GapOutcome::Fulfilled,
        };
        let Some(episode) = self.episodes.get_mut(place) else { return };
        episode.over = true;
        if let Some(verdict) = &mut episode.violation {
            verdict.end(Standing::Fulfilled(by, outcome), closed);
        }
    }

    /// A condition does not hold any more. If it was told so late that its block has been triggered
    /// although it had not lasted, what followed from that is not owed.
    fn end_held(&mut self, place: usize, block: usize, lasting: Length) {
        let Some(episode) = self.episodes.get_mut(place) else { return };
        episode.over = true;
        if episode.fired && self.moment.at <= after(episode.from, lasting) {
            let began = text(&episode.since.to_string(), episode.instance.as_deref());
            let opened: Vec<usize> = (0..self.owed.len())
                .filter(|&place| {
                    self.owed.get(place).is_some_and(|owed| {
                        owed.block == block && self.texts(owed.occasion).contains(&began.as_str())
                    }) && self.is_open(place)
                })
                .collect();
            self.end_chains(&opened, Standing::Withdrawn);
        }
    }

    /// When an episode next does something by time alone.
    pub(super) fn lasts_until(&self, episode: &Episode<'a>) -> Option<Timestamp> {
        if episode.over {
            return None;
        }
        match episode.of {
            Of::Held(block) => match &self.spec.blocks.get(block)?.trigger {
                Trigger::Held(held) if !episode.fired => Some(after(episode.from, held.lasting)),
                _ => None,
            },
            Of::Assertion(Assertion { check: Check::NoLonger { longest, .. }, .. }) => {
                episode.violation.is_none().then(|| after(episode.from, *longest))
            }
            _ => episode.until,
        }
    }

    /// Time has come past that instant.
    pub(super) fn has_lasted(&mut self, place: usize, at: Timestamp) {
        let Some(episode) = self.episodes.get_mut(place) else { return };
        match episode.of {
            Of::Held(block) => {
                episode.fired = true;
                self.fire(place, block);
            }
            Of::Assertion(Assertion { check: Check::NoLonger { .. }, .. }) => {
                episode.violation = Some(violated(GapKind::Temporal, at));
            }
            _ => self.end_episode(place, Fulfilment::InTime),
        }
    }

    /// A condition has lasted: its block is entered for the instance.
    pub(super) fn fire(&mut self, place: usize, block: usize) {
        let spec = self.spec;
        let Some(written) = spec.blocks.get(block) else { return };
        let Some(episode) = self.episodes.get(place).cloned() else { return };
        let bound = written.trigger.bound().zip(episode.instance.as_deref());
        let occasion = self.occasion_since(&episode.since.to_string(), None, bound);
        self.enter(&written.body, block, occasion);
    }

    /// Nothing is so of an instance that was erased. That its keys were to be shredded stays.
    pub(super) fn void_episodes(&mut self, entity: &str, instance: &str) {
        let spec = self.spec;
        for episode in &mut self.episodes {
            let over = match episode.of {
                Of::Held(block) => spec.blocks.get(block).and_then(|it| it.trigger.bound()),
                Of::Assertion(Assertion { check: Check::Shredded { .. }, .. }) => None,
                Of::Assertion(assertion) => assertion.over.as_deref(),
                Of::Invariant(_) | Of::Budget(_) => None,
            };
            if !episode.over
                && over == Some(entity)
                && episode.instance.as_deref() == Some(instance)
            {
                episode.over = true;
                if let Some(verdict) = &mut episode.violation {
                    verdict.end(Standing::Void, GapOutcome::Void);
                }
            }
        }
    }

    /// A person lets a violation go: it stays silent until its episode ends. That something
    /// immutable was changed ends with that word. False if there is no such violation.
    pub(super) fn waive_violation(&mut self, gap: &str) -> bool {
        let named = self.episodes.iter_mut().find(|episode| {
            let is_owed = |verdict: &Verdict| verdict.standing == Standing::Owed;
            episode.violation.as_ref().is_some_and(is_owed)
                && format!("{}@{}", episode.of.slug(), episode.text()) == gap
        });
        let Some(episode) = named else { return false };
        if let Some(verdict) = &mut episode.violation {
            verdict.end(Standing::Waived, GapOutcome::Waived);
        }
        if let Of::Assertion(Assertion { check: Check::Immutable, .. }) = episode.of {
            episode.over = true;
        }
        true
    }

    /// Every violation that ever was, with its name, and whether it counts for the version in force.
    pub(super) fn violations(&self) -> impl Iterator<Item = (Name, Verdict, bool)> {
        self.episodes.iter().filter_map(|episode| {
            let name = (episode.text(), episode.of.slug().to_owned());
            Some((name, episode.violation?, !episode.past))
        })
    }

    /// Blocks come before assertions, these before the contract; then the order of the text.
    pub(super) fn place_in_text(&self, of: Of<'a>) -> (u8, usize) {
        let spec = self.spec;
        let number = |found: Option<usize>| found.unwrap_or(usize::MAX);
        match of {
            Of::Held(block) => (0, block),
            Of::Assertion(it) => (1, number(spec.assertions.iter().position(|a| a.id == it.id))),
            Of::Invariant(it) => (2, number(spec.invariants.iter().position(|i| i.id == it.id))),
            Of::Budget(it) => (3, number(spec.targets.iter().position(|t| t.id == it.id))),
        }
    }
}

impl Episode<'_> {
    fn text(&self) -> String {
        text(&self.since.to_string(), self.instance.as_deref())
    }
}

impl Of<'_> {
    pub(super) fn is(self, other: Of<'_>) -> bool {
        match (self, other) {
            (Of::Held(a), Of::Held(b)) => a == b,
            (Of::Assertion(a), Of::Assertion(b)) => a.id == b.id,
            (Of::Invariant(a), Of::Invariant(b)) => a.id == b.id,
            (Of::Budget(a), Of::Budget(b)) => a.id == b.id,
            _ => false,
        }
    }

    fn slug(&self) -> &str {
        match self {
            Of::Held(_) => "",
            Of::Assertion(assertion) => &assertion.slug,
            Of::Invariant(invariant) => &invariant.slug,
            Of::Budget(target) => &target.slug,
        }
    }

    /// As written.
    pub(super) fn text(&self) -> &str {
        match self {
            Of::Held(_) => "",
            Of::Assertion(assertion) => &assertion.text,
            Of::Invariant(invariant) => &invariant.text,
            Of::Budget(target) => &target.text,
        }
    }
}

/// A violation, with a gap from the first instant.
pub(super) fn violated(kind: GapKind, at: Timestamp) -> Verdict {
    Verdict {
        activated: at,
        due: None,
        standing: Standing::Owed,
        missed: false,
        gap: Some((kind, at)),
        closed: None,
    }
}

impl Verdict {
    /// What is owed ends, and its gap with it. What has ended does not.
    pub(super) fn end(&mut self, standing: Standing, closed: GapOutcome) {
        if self.standing == Standing::Owed {
            self.standing = standing;
            self.closed = self.gap.map(|_| closed);
        }
    }
}
