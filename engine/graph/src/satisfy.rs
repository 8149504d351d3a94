//! What an event satisfies, and how an obligation ends.
//!
//! In: the event's fields as `state` has read them. Out: obligations fulfilled, and what stands
//! before or behind them withdrawn or compensated.
//! Never: looks at an obligation of another key.
//! Promise: of one chain of fallbacks, one stage is fulfilled; those before it are compensated and
//! those after it withdrawn. Start reading at [`State::satisfy`].

use homeostat_log::control::GapOutcome;
use homeostat_log::{Kind, Value};
use homeostat_world::{Position, canary};

use crate::change::{Change, Fulfilment, ObligationId};
use crate::evolve::backlog::{self, Word};
use crate::fact::Fact;
use crate::guards::Fate;
use crate::open::{NOWHERE, Obligation, Stage};
use crate::program::{Clause, ClauseIndex, Program, TypePlan, at};
use crate::state::{Match, Sink, State};

/// How an obligation comes to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    Fulfilled(Fulfilment),
    Withdrawn,
    Compensated,
    Waived,
    Voided,
}

impl State {
    /// Finds what the event satisfies, then fulfils it in the order of triggers; what is not owed yet
    /// comes last, since what is owed may bring about more of its kind.
    pub(crate) fn satisfy(
        &mut self,
        program: &Program,
        fact: &Fact<'_>,
        plan: Option<&TypePlan>,
        sink: Sink<'_>,
    ) {
        let mut matches = std::mem::take(&mut self.matches);
        matches.clear();
        let inferred = fact.kind == Kind::Enrichment;
        if let Some(cause) = fact.cause.as_deref() {
            self.match_cause(program, cause, inferred, &mut matches);
        } else if let Some(plan) = plan {
            for &clause in &plan.satisfies {
                if !inferred || at(&program.clauses, clause).using_inferred {
                    self.match_clause(program, clause, &mut matches);
                }
            }
        }
        if matches.len() > 1 {
            matches.sort_unstable_by_key(|it| (self.is_queued(it), *it));
        }
        for found in &matches {
            // An earlier match may have closed this one, as a primary does with its fallback.
            if self.open.is_living(found.slot, found.generation) {
                let time = fact.time.as_micros();
                self.fulfil(program, found.slot, fact.position.get(), time, sink);
            }
        }
        self.matches = matches;
    }

    fn is_queued(&self, found: &Match) -> bool {
        self.open.get(found.slot).stage == Stage::Queued
    }

    fn match_cause(&self, program: &Program, cause: &str, inferred: bool, into: &mut Vec<Match>) {
        let found = self.parse_id(program, cause).and_then(|id| self.open.find(id));
        let Some(slot) = found else { return };
        let clause = at(&program.clauses, self.open.get(slot).clause);
        // What always holds holds again, or does not, whatever an event names.
        if clause.watched {
            return;
        }
        if (!inferred || clause.using_inferred) && self.has_required(program, clause, slot) {
            into.push(self.matched(slot));
        }
    }

    fn match_clause(&mut self, program: &Program, index: u32, into: &mut Vec<Match>) {
        let clause = at(&program.clauses, index);
        let mut keys = std::mem::take(&mut self.room);
        let first = into.len();
        if self.carried_keys(clause.keys.iter().map(|key| key.fields.as_slice()), &mut keys) {
            for slot in self.open.with_keys(index, &keys, program) {
                if canary::planted("late_primary_not_looked_at")
                    && self.open.get(slot).stage == Stage::Lapsed
                {
                    continue;
                }
                if self.agrees(clause, slot) && self.has_required(program, clause, slot) {
                    into.push(self.matched(slot));
                }
            }
        }
        self.room = keys;
        if clause.each && into.len() > first + 1 && !canary::planted("one_event_for_each") {
            // One event for each: the one that waits longest has it, before any that is not owed yet.
            let waits = |it: &&Match| (self.is_queued(it), **it);
            let oldest = into.iter().skip(first).min_by_key(waits).copied();
            into.truncate(first);
            into.extend(oldest);
        }
    }

    fn matched(&self, slot: u32) -> Match {
        let obligation = self.open.get(slot);
        let (trigger, clause) = (obligation.trigger, obligation.clause);
        Match { trigger, clause, slot, generation: self.open.generation(slot) }
    }

    /// Whether every field that must agree if it is carried does.
    fn agrees(&self, clause: &Clause, slot: u32) -> bool {
        if clause.agrees.is_empty() {
            return true;
        }
        let values = self.open.get(slot).values.as_slice();
        clause.agrees.iter().all(|agree| {
            let (owed, carried) = (*at(values, agree.place), *at(&self.fields, agree.field));
            !owed.is_name()
                || !carried.is_known()
                || owed == carried
                || agree.by_name && owed == carried.as_instance(&self.symbols)
        })
    }

    /// Whether everything that the clause requires is held for this obligation now.
    pub(crate) fn has_required(&self, program: &Program, clause: &Clause, slot: u32) -> bool {
        if clause.requirements.is_empty() {
            return true;
        }
        let keys = self.open.get(slot).keys(program);
        clause.requirements.iter().all(|&requirement| {
            self.granted.get(requirement as usize).is_some_and(|granted| granted.contains(keys))
        })
    }

    fn fulfil(&mut self, program: &Program, slot: u32, by: u64, time: i64, sink: Sink<'_>) {
        let obligation = self.open.get(slot);
        let (id, up, down) = (obligation.id(), obligation.up(), obligation.down());
        let until = obligation.due - i64::from(canary::planted("due_is_too_late"));
        let is_overdue = matches!(obligation.stage, Stage::Overdue | Stage::Lapsed);
        let outcome = match (time <= until, is_overdue) {
            (true, false) => Fulfilment::InTime,
            (true, true) => Fulfilment::SeenLate,
            (false, _) => Fulfilment::Late,
        };
        sink(Change::Fulfilled { id, by: Position::new(by), outcome });
        self.end(program, slot, End::Fulfilled(outcome), sink);
        self.end_chain(program, up, down, sink);
        self.settle_fates(program, id, Some(id.clause), (by, time), sink);
    }

    fn end_chain(&mut self, program: &Program, mut up: u32, mut down: u32, sink: Sink<'_>) {
        while up != NOWHERE {
            let obligation = self.open.get(up);
            let next = obligation.up();
            sink(Change::Compensated { id: obligation.id() });
            self.end(program, up, End::Compensated, sink);
            up = next;
        }
        while down != NOWHERE {
            let obligation = self.open.get(down);
            let next = obligation.down();
            sink(Change::Withdrawn { id: obligation.id() });
            self.end(program, down, End::Withdrawn, sink);
            down = next;
        }
    }

    /// Forgets one obligation, closes its gap if one is open, and counts it.
    pub(crate) fn end(&mut self, program: &Program, slot: u32, end: End, sink: Sink<'_>) {
        let obligation = self.open.remove(slot, program);
        if obligation.gap_open {
            sink(Change::GapClosed { id: obligation.id(), outcome: end.outcome() });
        }
        self.let_go(&obligation);
        let fulfilled = matches!(end, End::Fulfilled(_) | End::Compensated);
        let owed = (obligation.trigger, obligation.clause);
        self.note_retroactive_end(owed, fulfilled, sink);
        let Some(tally) = self.tallies.get_mut(obligation.clause as usize) else { return };
        let Some(place) = tally.place_of(obligation.stage) else { return };
        *place -= 1;
        *match end {
            End::Fulfilled(Fulfilment::Late) => &mut tally.late,
            End::Fulfilled(Fulfilment::InTime) => &mut tally.met,
            End::Fulfilled(Fulfilment::SeenLate) => {
                tally.seen_late += 1;
                &mut tally.met
            }
            End::Withdrawn => &mut tally.withdrawn,
            End::Compensated => &mut tally.compensated,
            End::Waived => &mut tally.waived,
            End::Voided => &mut tally.void,
        } += 1;
    }

    /// Takes out what a person does not want to be owed, before it was.
    pub(crate) fn forget_queued(&mut self, program: &Program, id: ObligationId, sink: Sink<'_>) {
        let Some(slot) = self.open.find(id) else { return };
        let obligation = self.open.remove(slot, program);
        assert!(obligation.stage == Stage::Queued, "what is held is not owed yet");
        self.let_go(&obligation);
        self.settle_fates(program, id, None, (self.position, self.now), sink);
    }

    pub(crate) fn let_go(&mut self, obligation: &Obligation) {
        self.occasions.leave(obligation.trigger);
        for value in obligation.values.as_slice() {
            value.release(&mut self.symbols);
        }
        if let Some(frame) = obligation.frame() {
            for value in &frame.values {
                value.release(&mut self.symbols);
            }
        }
    }

    /// Tells the guards that wait for this chain how it ended.
    pub(crate) fn settle_fates(
        &mut self,
        program: &Program,
        id: ObligationId,
        fulfilled: Option<ClauseIndex>,
        moment: (u64, i64),
        sink: Sink<'_>,
    ) {
        let (trigger, block) = (id.trigger.get(), program.clause(id.clause).block);
        let mut told: Vec<(u64, u32)> = Vec::new();
        let mut stage = Some(program.chain_start(id.clause));
        while let Some(clause) = stage {
            let plan = program.clause(clause);
            stage = plan.fallback;
            let Some(place) = plan.awaited else { continue };
            let produced = fulfilled.is_some_and(|by| program.stands_in(by, clause));
            let new = if produced { Fate::Fulfilled } else { Fate::Ended };
            let mut who = vec![(trigger, block)];
            for &body in &plan.awaited_inside {
                who.extend(self.listening_to(trigger, body).map(|inner| (inner, body)));
            }
            for key in who {
                if let Some(pending) = self.pending.get_mut(&key)
                    && let Some(fate) = pending.scene.fates.get_mut(place as usize)
                    && *fate == Fate::Open
                {
                    *fate = new;
                    if !told.contains(&key) {
                        told.push(key);
                    }
                }
            }
        }
        for key in told {
            self.reconsider(program, key, moment, sink);
        }
    }

    /// The engine's own records say two things to the graph: what a person decided, and what a checker
    /// outside found.
    pub(crate) fn control(&mut self, program: &Program, fact: &Fact<'_>, sink: Sink<'_>) {
        match &*fact.r#type {
            // Nothing was owed under a version that was not in force, so nothing of it was let go.
            "gap.decided" if !self.examines => self.decided(program, fact, sink),
            "check.reported" => self.reported(program, fact, sink),
            _ => {}
        }
    }

    fn decided(&mut self, program: &Program, fact: &Fact<'_>, sink: Sink<'_>) {
        let (mut word, mut id, mut adoption) = (None, None, None);
        fact.fields.each(&mut |name, value| match (name, value) {
            ("decision", Value::Text("waive")) => word = Some(Word::Waive),
            ("decision", Value::Text("backfill")) => word = Some(Word::Backfill),
            ("gap", Value::Text(gap)) => {
                (id, adoption) = (self.parse_id(program, gap), backlog::asked_at(gap));
            }
            _ => {}
        });
        if let (Some(word), Some(position)) = (word, adoption) {
            self.decide_backfill(program, position.get(), word, sink);
            return;
        }
        let slot = id.filter(|_| word == Some(Word::Waive)).and_then(|id| self.open.find(id));
        let Some(slot) = slot else { return };
        let obligation = self.open.get(slot);
        if matches!(obligation.stage, Stage::Lapsed | Stage::Queued) {
            // The fallback of what has lapsed is what is owed now, and has an id of its own; what waits for
            // its turn is not owed yet, and the question that it is a part of has one.
            return;
        }
        let (id, mut up) = (obligation.id(), obligation.up());
        sink(Change::Waived { id });
        self.silence(program, slot);
        self.end(program, slot, End::Waived, sink);
        // What lapsed before it stays lapsed; nothing can stand for it any more.
        while up != NOWHERE {
            let lapsed = self.open.remove(up, program);
            self.let_go(&lapsed);
            self.note_retroactive_end((lapsed.trigger, lapsed.clause), false, sink);
            up = lapsed.up();
        }
        self.settle_fates(program, id, None, (self.position, fact.time.as_micros()), sink);
    }
}

impl End {
    fn outcome(self) -> GapOutcome {
        match self {
            Self::Fulfilled(Fulfilment::InTime) => GapOutcome::Fulfilled,
            Self::Fulfilled(Fulfilment::SeenLate) => GapOutcome::SeenLate,
            Self::Fulfilled(Fulfilment::Late) => GapOutcome::Late,
            // A compensated obligation lapsed, which closed its gap: this cannot be shown.
            Self::Compensated => GapOutcome::Lapsed,
            Self::Withdrawn => GapOutcome::Withdrawn,
            Self::Waived => GapOutcome::Waived,
            Self::Voided => GapOutcome::Void,
        }
    }
}
