//! Evolution: what becomes of everything when a new version of the spec is adopted.
//!
//! In: the new version. Out: what is owed under it, and what it asks of the past.
//! Never: asks of the past what deadlines or ticks would have brought about: in the replay there are
//! none.
//! Promise: a clause that is in both versions goes on as if nothing had happened.
//! Start reading at [`History::adopt`].

use homeostat_intent::lowered::{
    Argument, Backfill as Policy, ClauseId, Duty, Guard, Proposition, Role, Spec,
};
use homeostat_log::Kind;
use homeostat_log::control::{GapKind, GapOutcome};
use homeostat_world::Timestamp;

use super::Standing;
use super::backfill::Backfill;
use super::carried::Carried;
use super::duties::Owed;
use super::episodes::{Of, violated};
use super::guards::{Reached, guard_number};
use super::history::{History, Moment};
use super::occasions::Occasion;
use super::pairing::{block_of, guards_of, holds, periodic_of, same, stands_in};
use super::ticks::Ticked;

impl<'a> History<'a> {
    /// Puts a new version in force, the one that the last event adopts, when time has come to that.
    pub(super) fn adopt(&mut self, spec: &'a Spec) {
        let Some(adopting) = self.told.last() else { return };
        let at = adopting.recorded;
        self.advance(at);
        let replay = self.replay(spec, at);
        self.moment = Moment { at, before: self.log.now(), ..self.moment };
        let open: Vec<usize> = (0..self.owed.len()).filter(|&place| self.is_open(place)).collect();
        let asked = self.asked_of_the_past(&replay);
        let guards = (self.guards_that_wait(&replay), self.guards_since_ticks(spec));
        self.ticked = self.ticks_under(spec);
        self.take_episodes(&replay, at);
        self.keep(&open, &replay);
        self.take_the_rest(replay, asked, guards);
        self.look(None);
        // Somebody else may judge a proposition now.
        self.look_at_reports();
        for place in 0..self.guards.len() {
            self.decide_if_ready(place);
        }
        self.refill();
    }

    /// All that would have come about if the new version had been in force from the start, without
    /// deadlines and without ticks.
    fn replay(&self, spec: &'a Spec, now: Timestamp) -> History<'a> {
        let mut replay = History::new(spec);
        replay.is_replay = true;
        for event in &self.told {
            let is_word = event.event.kind == Kind::Control && event.event.r#type == "gap.decided";
            replay.advance(event.recorded);
            if !is_word {
                replay.apply(event);
            }
        }
        replay.advance(now);
        replay
    }

    /// Every open obligation whose clause the new version has goes on under it; the others are
    /// withdrawn.
    fn keep(&mut self, open: &[usize], replay: &History<'a>) {
        for &place in open {
            let duty = self.owed.get(place).map(|owed| owed.duty);
            let kept = duty.and_then(|duty| replay.clauses.iter().position(|it| it.id == duty.id));
            let Some(clause) = kept else {
                self.end(place, Standing::Withdrawn);
                continue;
            };
            let Some(duty) = replay.clauses.get(clause).copied() else { continue };
            let block = block_of(duty.id, replay.spec).unwrap_or(usize::MAX);
            let text = self.owed.get(place).map(|owed| self.occasion(owed.occasion).text.clone());
            let found = text.and_then(|text| replay.open_of(duty.id, block, &text));
            let Some(owed) = self.owed.get_mut(place) else { continue };
            owed.arguments = match found.and_then(|place| replay.owed.get(place)) {
                Some(found) => found.arguments.clone(),
                None => carried_over(owed, duty),
            };
            (owed.duty, owed.clause, owed.block) = (duty, clause, block);
            (owed.replaces, owed.replaced_by) = (None, None);
        }
        for owed in &mut self.owed {
            owed.past |= !replay.clauses.iter().any(|it| it.id == owed.duty.id);
        }
        let kept = |place: &usize| self.owed.get(*place).is_some_and(|it| !it.past);
        for place in open.iter().copied().filter(kept).collect::<Vec<_>>() {
            self.link(place, open);
        }
    }

    /// What is owed instead of a lapsed duty is what the new version says. If that is not owed, the
    /// duty is again.
    fn link(&mut self, place: usize, open: &[usize]) {
        let Some(owed) = self.owed.get(place) else { return };
        if owed.verdict.standing != Standing::Lapsed {
            return;
        }
        let (block, due) = (owed.block, owed.verdict.due);
        let text = &self.occasion(owed.occasion).text;
        let instead = owed.duty.fallback.as_ref().map(|fallback| fallback.id);
        let instead = open.iter().copied().find(|&other| {
            self.owed.get(other).is_some_and(|it| {
                Some(it.duty.id) == instead
                    && it.block == block
                    && self.occasion(it.occasion).text == *text
            })
        });
        if let Some(other) = instead.and_then(|other| self.owed.get_mut(other)) {
            other.replaces = Some(place);
        }
        let Some(owed) = self.owed.get_mut(place) else { return };
        owed.replaced_by = instead;
        if instead.is_none() {
            owed.verdict.standing = Standing::Owed;
            owed.verdict.gap = due.map(|due| (GapKind::Temporal, due));
            owed.verdict.closed = None;
        }
    }

    /// The open obligation of a clause on an occasion.
    pub(super) fn open_of(&self, id: ClauseId, block: usize, text: &str) -> Option<usize> {
        (0..self.owed.len()).find(|&place| {
            self.owed.get(place).is_some_and(|owed| {
                owed.duty.id == id
                    && owed.block == block
                    && self.occasion(owed.occasion).text == text
            }) && self.is_open(place)
        })
    }

    /// What the replay finds owed that this version has not asked for: by clauses that it does not
    /// have, and by others where it has yet to decide whether they are.
    fn asked_of_the_past(&self, replay: &History<'a>) -> Vec<Owed<'a>> {
        let is_asked = |owed: &&Owed<'a>| {
            let id = owed.duty.id;
            if owed.verdict.standing != Standing::Owed {
                return false;
            }
            if !self.clauses.iter().any(|duty| duty.id == id) {
                return true;
            }
            let block = block_of(id, self.spec);
            let scopes = replay.texts(owed.occasion);
            let is_known = |block| scopes.first().and_then(|text| self.open_of(id, block, text));
            let waits = self.guards.iter().any(|reached| {
                Some(reached.block) == block
                    && stands_in(id, &reached.guard.body)
                    && scopes.contains(&self.occasion(reached.occasion).text.as_str())
                    && self.still_waits(reached)
            });
            waits && block.and_then(is_known).is_none()
        };
        replay.owed.iter().filter(is_asked).cloned().collect()
    }

    /// The guards that go on waiting, as of the occasions of the replay: those that both versions
    /// wait for, and new ones over new clauses. What the old version has judged is not judged again.
    fn guards_that_wait(&self, replay: &History<'a>) -> Vec<Reached<'a>> {
        let mut found = Vec::new();
        for reached in replay.guards.iter().filter(|reached| reached.waits()) {
            let mut reached = reached.clone();
            reached.met_before_adoption = replay.met(&reached);
            let Some(guard) = counterpart(reached.guard, replay.spec, self.spec) else {
                let body = &reached.guard.body;
                let is_new = !self.clauses.iter().any(|duty| stands_in(duty.id, body));
                if is_new && replay.spec.backfill != Policy::ProspectiveOnly {
                    found.push(reached);
                }
                continue;
            };
            let text = &replay.occasion(reached.occasion).text;
            let was = self.guards.iter().find(|it| {
                std::ptr::eq(it.guard, guard)
                    && self.occasion(it.occasion).text == *text
                    && self.still_waits(it)
            });
            if let Some(was) = was {
                reached.met_before_adoption.extend(self.met(was));
                reached.since_before = Some(was.occasion);
                found.push(reached);
            }
        }
        found
    }

    /// The guards that wait since a tick, which the replay does not know, as those of the new version.
    fn guards_since_ticks(&self, spec: &'a Spec) -> Vec<Reached<'a>> {
        let since_tick = |it: &&Reached<'a>| self.occasion(it.occasion).tick.is_some();
        let waiting = self.guards.iter().filter(since_tick).filter(|it| self.still_waits(it));
        let under_new = waiting.filter_map(|reached| {
            let (guard, number, block) =
                place_of(counterpart(reached.guard, self.spec, spec)?, spec)?;
            let met_before_adoption = self.met(reached);
            Some(Reached { guard, number, block, met_before_adoption, ..reached.clone() })
        });
        under_new.collect()
    }

    /// The duties that a guard awaits and that are met.
    fn met(&self, reached: &Reached<'a>) -> Vec<ClauseId> {
        let awaits = reached.guard.awaits.iter().copied();
        awaits
            .filter(|id| {
                reached.met_before_adoption.contains(id)
                    || self.awaited(reached, *id).any(|it| self.is_produced(it))
            })
            .collect()
    }

    /// Clauses that watch something and are in both versions keep their episodes. What a new one
    /// finds violated is a gap of intent since now.
    fn take_episodes(&mut self, replay: &History<'a>, at: Timestamp) {
        let (old, new) = (watches(self.spec), watches(replay.spec));
        let same = |a: Of<'a>, b: Of<'a>| a.is(b) && a.text() == b.text();
        let kept = |of: Of<'a>| {
            let in_old = old.iter().any(|it| same(*it, of));
            new.iter().copied().find(|it| in_old && same(*it, of))
        };
        self.episodes.retain(|episode| !matches!(episode.of, Of::Held(_)));
        for episode in &mut self.episodes {
            if let Some(of) = kept(episode.of).filter(|_| !episode.past) {
                episode.of = of;
                continue;
            }
            (episode.over, episode.past) = (true, true);
            if let Some(verdict) = &mut episode.violation {
                verdict.end(Standing::Withdrawn, GapOutcome::Withdrawn);
            }
        }
        for episode in replay.episodes.iter().filter(|episode| !episode.over) {
            if kept(episode.of).is_none() {
                let mut episode = episode.clone();
                episode.violation = episode.violation.map(|_| violated(GapKind::Intent, at));
                self.episodes.push(episode);
            }
        }
    }

    /// The log as the new version reads it, the guards that wait, and what it asks of the past.
    fn take_the_rest(
        &mut self,
        replay: History<'a>,
        asked: Vec<Owed<'a>>,
        (mut guards, since_ticks): (Vec<Reached<'a>>, Vec<Reached<'a>>),
    ) {
        let shift = self.occasions.len();
        self.occasions.extend(replay.occasions.into_iter().map(|occasion| Occasion {
            within: occasion.within.map(|within| within + shift),
            order: match occasion.order {
                (true, number) => (true, number + shift as u64),
                event => event,
            },
            ..occasion
        }));
        let added = replay.clauses.iter().map(|duty| duty.id);
        let added = added.filter(|id| !self.clauses.iter().any(|duty| duty.id == *id)).collect();
        (self.spec, self.log, self.clauses) = (replay.spec, replay.log, replay.clauses);
        self.backfills.push(Backfill {
            position: self.moment.position,
            policy: self.spec.backfill,
            clauses: added,
            word: None,
            asked: None,
        });
        for mut owed in asked {
            owed.occasion += shift;
            (owed.verdict.gap, owed.verdict.closed) = (None, None);
            self.queue(owed, self.backfills.len() - 1);
        }
        for reached in &mut guards {
            reached.occasion = reached.since_before.take().unwrap_or(reached.occasion + shift);
        }
        guards.extend(since_ticks);
        guards.retain(|reached| self.can_be_decided(reached));
        self.guards = guards;
    }

    /// Whether each duty that a guard awaits is met, or owed still.
    fn can_be_decided(&self, reached: &Reached<'a>) -> bool {
        let text = |owed: &Owed<'a>| &self.occasion(owed.occasion).text;
        reached.guard.awaits.iter().all(|id| {
            reached.met_before_adoption.contains(id)
                || self
                    .awaited(reached, *id)
                    .any(|it| self.open_of(*id, it.block, text(it)).is_some())
        })
    }

    /// Ticks that were, as ticks of the blocks of the new version.
    fn ticks_under(&self, spec: &Spec) -> Vec<Ticked> {
        let (ours, theirs) = (periodic_of(self.spec), periodic_of(spec));
        let pairs = same(&ours, &theirs, |(_, body)| body, |(_, body)| body);
        let moved = self.ticked.iter().filter_map(|tick| {
            let place = ours.iter().position(|(_, (block, _))| *block == tick.block)?;
            let (_, now) = pairs.iter().find(|(ours, _)| *ours == place)?;
            let (_, (block, _)) = theirs.get(*now)?;
            Some(Ticked { block: *block, ..tick.clone() })
        });
        moved.collect()
    }
}

/// The arguments of an obligation as those of another version of its duty: by their names, if that
/// has others.
fn carried_over(owed: &Owed<'_>, duty: &Duty) -> Vec<Option<Carried>> {
    let named = |duty: &Duty| duty.arguments.iter().map(name_of).collect::<Vec<_>>();
    let (from, to) = (named(owed.duty), named(duty));
    if from == to {
        return owed.arguments.clone();
    }
    let value = |name: &Option<String>| {
        let place = from.iter().position(|other| name.is_some() && other == name)?;
        owed.arguments.get(place).cloned().flatten()
    };
    to.iter().map(value).collect()
}

/// What an argument that is compared is called: as it is written, else by the field that carries it.
fn name_of(argument: &Argument) -> Option<String> {
    let field = match &argument.role {
        Role::Key { fields, .. } => fields.first(),
        Role::Agree { field } => Some(field),
        Role::Guidance => return None,
    };
    argument.name.as_ref().or(field).cloned()
}

/// The same guard in another version.
fn counterpart<'s>(guard: &Guard, ours: &Spec, theirs: &'s Spec) -> Option<&'s Guard> {
    let (ours, theirs) = (guards_of(ours), guards_of(theirs));
    let place = ours.iter().position(|(_, it)| std::ptr::eq(*it, guard))?;
    let pairs = same(&ours, &theirs, |guard| &guard.body, |guard| &guard.body);
    let (_, now) = pairs.into_iter().find(|(ours, _)| *ours == place)?;
    theirs.get(now).map(|(_, guard)| *guard)
}

/// A guard with its number and the place of its block.
fn place_of<'s>(guard: &'s Guard, spec: &'s Spec) -> Option<(&'s Guard, u32, usize)> {
    let block = spec.blocks.iter().position(|block| holds(guard, &block.body))?;
    Some((guard, guard_number(spec, guard), block))
}

/// Every clause of a spec that watches something.
fn watches(spec: &Spec) -> Vec<Of<'_>> {
    let assertions = spec.assertions.iter().map(Of::Assertion);
    // What nobody checks, and what an assertion says, is no clause of its own.
    let invariants = spec
        .invariants
        .iter()
        .filter(|it| matches!(it.says, Proposition::Metric { .. }) || it.reported_as().is_some());
    let invariants = invariants.map(Of::Invariant);
    assertions.chain(invariants).chain(spec.targets.iter().map(Of::Budget)).collect()
}
