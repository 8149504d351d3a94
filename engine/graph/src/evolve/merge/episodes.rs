//! What is violated, when a version takes over: assertions, rules, metrics' bounds, budgets.
//!
//! In: what either version finds violated. Out: the episodes of kept clauses as the old version has
//! them, and a gap for each violation that a new clause finds.
//! Never: lets a violation wait for its turn: it is no work on the past, it is so now.
//! Promise: what a person let go stays silent, and what lasts is measured from where it began.
//! Start reading at [`Merge::take_episodes`].

use std::collections::BTreeMap;

use homeostat_log::control::GapKind;
use homeostat_world::Timestamp;

use super::super::Adoption;
use super::{Merge, sorted};
use crate::bounds::{Kept, Spent, Told};
use crate::change::Change;
use crate::datum::Datum;
use crate::instances::by_name;
use crate::open::NEVER;
use crate::program::watched::{AlwaysPlan, Ends};
use crate::program::{Program, at};
use crate::state::{Sink, State};
use crate::watch::{Cause, Episode, Standing};

impl Merge<'_> {
    /// Clauses that watch something and are in both versions keep their episodes. What a new one
    /// finds violated is a gap of intent since now.
    pub(super) fn take_episodes(&self, state: &mut State, adoption: Adoption, sink: Sink<'_>) {
        self.open_found(state, adoption.at.as_micros(), sink);
        self.keep_standards(state);
        self.keep_budgets(state);
        let cause =
            Cause { position: adoption.position.get(), time: adoption.at.as_micros(), depth: 0 };
        self.keep_told(state, cause, sink);
        for (watch, always) in assertions(self.new) {
            let kept = self.pairing.before(always.clause);
            let before = kept.and_then(|old| assertions(self.old).find(|it| it.1.clause == old));
            if let Some(before) = before {
                self.keep_episodes(state, before, (watch, always), cause, sink);
            }
        }
    }

    /// Violations of new clauses are owed from now on, whenever they began.
    fn open_found(&self, state: &mut State, now: i64, sink: Sink<'_>) {
        for (slot, (_, clause)) in sorted(state) {
            if !self.is_new_violation(clause) {
                continue;
            }
            let obligation = state.open.get_mut(slot);
            (obligation.activated, obligation.due, obligation.gap_open) = (now, NEVER, false);
            let (id, depth) = (obligation.id(), obligation.depth);
            if let Some(tally) = state.tallies.get_mut(clause as usize) {
                tally.triggers += 1;
                tally.pending += 1;
            }
            sink(Change::Activated { id, at: Timestamp::from_micros(now), due: None, depth });
            state.open_gap(slot, GapKind::Intent, now, sink);
        }
    }

    /// Whether what stands open of a clause is a violation that the old version did not look for.
    pub(super) fn is_new_violation(&self, clause: u32) -> bool {
        at(&self.new.clauses, clause).watched && self.pairing.before(clause).is_none()
    }

    /// Puts the episodes of an assertion in the place of what the examination has of them. An
    /// instance that lives under one of the versions only is looked at anew.
    fn keep_episodes(
        &self,
        state: &mut State,
        (was, before): (u32, &AlwaysPlan),
        (watch, always): (u32, &AlwaysPlan),
        cause: Cause,
        sink: Sink<'_>,
    ) {
        let found: Vec<(u32, Datum)> = state.watches.of(watch).collect();
        let mut seen: Vec<Datum> = Vec::new();
        for (place, instance) in found {
            seen.push(instance.retain(&mut state.symbols));
            state.watches.end(place, &mut state.symbols);
        }
        let mut kept: Vec<Episode> =
            self.before.watches.all().filter(|it| it.watch == was).copied().collect();
        kept.sort_by(|a, b| by_name(a.instance, b.instance, &self.before.symbols));
        for episode in kept {
            let instance = self.moved(state, episode.instance);
            self.take_cell(state, (before, episode.instance), (always, instance));
            let standing = match episode.standing {
                Standing::Violated(trigger) => {
                    let block = at(&self.new.clauses, always.clause).block;
                    Standing::Violated(self.trigger_now(state, trigger, block))
                }
                other => other,
            };
            state.keep_episode(self.new, Episode { watch, instance, standing, ..episode });
        }
        // What is left was found by the examination alone.
        let symbols = &mut state.symbols;
        seen.retain(|&instance| {
            let is_kept = state.watches.find(watch, instance).is_some();
            if is_kept {
                instance.release(symbols);
            }
            !is_kept
        });
        self.forget_findings(state, always, &seen);
        state.forget_event();
        let mut all = seen.clone();
        all.extend(state.watches.of(watch).map(|(_, instance)| instance));
        all.sort_by(|a, b| by_name(*a, *b, &state.symbols));
        for instance in all {
            state.look_at(self.new, watch, instance, cause, sink);
        }
        seen.iter().for_each(|instance| instance.release(&mut state.symbols));
    }

    /// What the old version found by events alone, the new one knows of the instance, too.
    fn take_cell(
        &self,
        state: &mut State,
        (before, was): (&AlwaysPlan, Datum),
        (always, instance): (&AlwaysPlan, Datum),
    ) {
        if let (Some(from), Some(to)) = (cell(before), cell(always)) {
            let value = self.before.columns.get(from, was, false);
            state.set(self.new, to, instance, value, false);
        }
    }

    /// What events alone find is as the old version found it. An examination does not know that a
    /// person has let changes be, and its clock is that of the log, not that of whoever watched.
    fn forget_findings(&self, state: &mut State, always: &AlwaysPlan, instances: &[Datum]) {
        if let Some(column) = cell(always) {
            for &instance in instances {
                state.clear(self.new, column, instance);
            }
        }
    }

    /// A kept bound of a metric stands as it stood.
    fn keep_standards(&self, state: &mut State) {
        for (plan, kept) in self.new.standards.iter().zip(&mut state.bounds.standards) {
            let Some(old) = self.pairing.before(plan.clause) else { continue };
            let place = self.old.standards.iter().position(|before| before.clause == old);
            if let Some(was) = place.and_then(|place| self.before.bounds.standards.get(place)) {
                *kept = *was;
            }
        }
    }

    /// So does a kept proposition, unless somebody else judges it now: then what that one said last
    /// counts, and as long as that is nothing a violation stays.
    fn keep_told(&self, state: &mut State, cause: Cause, sink: Sink<'_>) {
        for (place, plan) in self.new.told.iter().enumerate() {
            let Some(clause) = plan.clause else { continue };
            let Some(old) = self.pairing.before(clause) else { continue };
            let was = self.old.told.iter().position(|before| before.clause == Some(old));
            let was = was.and_then(|was| {
                Some((self.old.told.get(was)?, *self.before.bounds.told.get(was)?))
            });
            let Some((before, was)) = was else { continue };
            let holds = state.bounds.told.get(place).and_then(|told| told.holds);
            let answer = holds.filter(|_| before.check != plan.check);
            let kept = match (answer, was.kept) {
                (Some(false), Kept::Within) => state.breach(self.new, clause, cause, sink),
                (Some(true), Kept::Violated(since)) => {
                    state.keep_again(self.new, clause, since, cause.position, sink);
                    Kept::Within
                }
                (Some(true), Kept::Silent) => Kept::Within,
                (_, kept) => kept,
            };
            if let Some(told) = state.bounds.told.get_mut(place) {
                *told = Told { holds, kept };
            }
        }
    }

    /// So does each period of a kept budget.
    fn keep_budgets(&self, state: &mut State) {
        for (plan, index) in self.new.budgets.iter().zip(0..) {
            let Some(old) = self.pairing.before(plan.clause) else { continue };
            let place = self.old.budgets.iter().position(|before| before.clause == old);
            let Some(was) = place.and_then(|place| self.before.bounds.budgets.get(place)) else {
                continue;
            };
            let found: BTreeMap<i64, Spent> =
                state.bounds.budgets.get(index as usize).cloned().unwrap_or_default();
            for (&start, spent) in &found {
                let kept = was.get(&start).map_or(Kept::Within, |before| before.kept);
                state.bounds.put(index, start, Spent { kept, ..*spent });
            }
            // A period of another clock is over when that clock says so.
            for (&start, spent) in was.iter().filter(|(start, _)| !found.contains_key(start)) {
                if spent.kept != Kept::Within {
                    state.bounds.put(index, start, *spent);
                }
            }
        }
    }
}

/// The assertions of a version, with the watches that look for their violations.
fn assertions(program: &Program) -> impl Iterator<Item = (u32, &AlwaysPlan)> {
    let watches = (0..).zip(&program.watches);
    watches.filter_map(|(watch, plan)| Some((watch, plan.always(program)?)))
}

/// Where it stands that something was found of an instance, if events alone find it.
fn cell(always: &AlwaysPlan) -> Option<u32> {
    match always.ends {
        Ends::WithInstance | Ends::AfterErasure => None,
        Ends::WithWord(column) | Ends::WithTime(column) => Some(column),
    }
}
