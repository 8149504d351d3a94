//! What versions ask of events of before them: held back, waiting its turn, in flight, done.
//!
//! In: adoptions, ends of obligations, a person's word. Out: retroactive obligations activated, a
//! bounded number at once.
//! Never: holds an obligation itself; those stand in the store of open ones, at
//! [`Stage::Queued`](crate::open::Stage) until they are owed.
//! Promise: it is part of the state, so that a restart goes on where it was; an empty backlog costs
//! nothing. Start reading at [`State::start_more`].

use std::collections::{BTreeMap, BTreeSet};

use homeostat_intent::lowered::{ASKED_OF_THE_PAST, Backfill as Policy, Strength};
use homeostat_log::control::GapOutcome;
use homeostat_world::{Position, Timestamp, canary};
use serde::Serialize;

use super::preview::reaches_outside;
use crate::change::{Change, ObligationId};
use crate::deadlines::deadline;
use crate::evaluator::Evaluator;
use crate::guards::{Moment, Scene, end_fates};
use crate::occasion::{Began, Occasion};
use crate::open::{NEVER, Stage};
use crate::program::{ClauseIndex, ItemPlan, Program, at};
use crate::state::{Sink, State};

/// An obligation, by trigger and clause.
pub(crate) type Owed = (u64, u32);

/// Everything retroactive.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Backlog {
    /// One for each adoption, in order.
    pub(crate) backfills: Vec<Backfill>,
    /// How many are held, waiting or in flight, over all of them.
    pub(crate) unfinished: usize,
    /// How many are in flight.
    pub(crate) in_flight: usize,
}

/// What one version asked of events of before it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Backfill {
    /// Where the version was adopted.
    pub(crate) position: u64,
    pub(crate) policy: Policy,
    /// The clauses that it added.
    pub(crate) clauses: BTreeSet<u32>,
    /// Those that wait for a person's word.
    pub(crate) held: BTreeSet<Owed>,
    /// Those that wait for their turn.
    pub(crate) waiting: BTreeSet<Owed>,
    /// Those that are owed now.
    pub(crate) in_flight: BTreeSet<Owed>,
    /// Those that were fulfilled, before or after they were owed.
    pub(crate) done: u64,
    /// Those that ended otherwise.
    pub(crate) dropped: u64,
    /// What a person said about those that were held.
    pub(crate) word: Option<Word>,
}

/// How far a backfill has come.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct BackfillView {
    /// Where the version was adopted.
    pub position: Position,
    /// What it says about events of before it.
    #[serde(serialize_with = "policy_word")]
    pub policy: Policy,
    /// All that it asked of them.
    pub total: u64,
    /// Fulfilled.
    pub done: u64,
    /// Ended otherwise: waived, withdrawn, void.
    pub dropped: u64,
    /// Owed now.
    pub in_flight: u64,
    /// Waiting for their turn.
    pub waiting: u64,
    /// Waiting for a person's word.
    pub held: u64,
}

/// That an obligation is retroactive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Retroactive {
    /// Where the version was adopted that asks for it.
    pub adopted: Position,
    /// How far it has come.
    pub standing: Standing,
}

/// How far a retroactive obligation has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// It waits for a person's word.
    Held,
    /// It waits for its turn.
    Waiting,
    /// It is owed.
    InFlight,
}

/// What a person said about what is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Word {
    Backfill,
    Waive,
}

/// The slug of the gap that stands for what is held of a version.
pub const SLUG: &str = ASKED_OF_THE_PAST;

impl Backlog {
    /// Whether nothing retroactive is open.
    pub(crate) fn is_idle(&self) -> bool {
        self.unfinished == 0
    }

    /// Whether the obligation is retroactive and owed.
    pub(crate) fn is_in_flight(&self, owed: Owed) -> bool {
        self.in_flight > 0 && self.backfills.iter().any(|it| it.in_flight.contains(&owed))
    }

    /// The version that added `clause` after a block was entered at this position.
    fn asking(&mut self, entered: u64, clause: u32) -> Option<&mut Backfill> {
        let mut all = self.backfills.iter_mut();
        all.find(|it| entered < it.position && it.clauses.contains(&clause))
    }

    /// Counts again what can be counted.
    pub(crate) fn recount(&mut self) {
        let open = |it: &Backfill| it.held.len() + it.waiting.len() + it.in_flight.len();
        self.unfinished = self.backfills.iter().map(open).sum();
        self.in_flight = self.backfills.iter().map(|it| it.in_flight.len()).sum();
    }

    /// How far an obligation has come that may be retroactive.
    pub(crate) fn standing(&self, owed: Owed) -> Option<Retroactive> {
        if self.is_idle() {
            return None;
        }
        self.backfills.iter().find_map(|it| {
            let standing = match () {
                () if it.held.contains(&owed) => Standing::Held,
                () if it.waiting.contains(&owed) => Standing::Waiting,
                () if it.in_flight.contains(&owed) => Standing::InFlight,
                () => return None,
            };
            Some(Retroactive { adopted: Position::new(it.position), standing })
        })
    }

    pub(crate) fn views(&self) -> impl Iterator<Item = BackfillView> {
        self.backfills.iter().map(|it| {
            let [held, waiting, in_flight] =
                [&it.held, &it.waiting, &it.in_flight].map(|set| set.len() as u64);
            BackfillView {
                position: Position::new(it.position),
                policy: it.policy,
                total: it.done + it.dropped + held + waiting + in_flight,
                done: it.done,
                dropped: it.dropped,
                in_flight,
                waiting,
                held,
            }
        })
    }

    /// An obligation has ended. Gives the adoption whose last held one it was.
    fn note_end(&mut self, owed: Owed, fulfilled: bool) -> Option<u64> {
        let it = self.backfills.iter_mut().find(|it| {
            it.in_flight.contains(&owed) || it.waiting.contains(&owed) || it.held.contains(&owed)
        })?;
        if it.in_flight.remove(&owed) {
            self.in_flight -= 1;
        }
        it.waiting.remove(&owed);
        let was_held = it.held.remove(&owed);
        self.unfinished -= 1;
        *if fulfilled { &mut it.done } else { &mut it.dropped } += 1;
        (was_held && it.held.is_empty()).then_some(it.position)
    }

    /// The next one whose turn it is: of the earliest adoption, in the order of the log.
    fn next(&mut self) -> Option<Owed> {
        let it = self.backfills.iter_mut().find(|it| !it.waiting.is_empty())?;
        let owed = it.waiting.pop_first()?;
        it.in_flight.insert(owed);
        self.in_flight += 1;
        Some(owed)
    }
}

impl Backfill {
    pub(crate) fn new(position: u64, policy: Policy) -> Self {
        Self {
            position,
            policy,
            clauses: BTreeSet::new(),
            held: BTreeSet::new(),
            waiting: BTreeSet::new(),
            in_flight: BTreeSet::new(),
            done: 0,
            dropped: 0,
            word: None,
        }
    }

    /// Takes an obligation of before the adoption. False if nothing is owed for it.
    pub(crate) fn take(&mut self, owed: Owed, external: bool) -> bool {
        let waits = match (self.policy, self.word) {
            (Policy::ProspectiveOnly, _) if !canary::planted("the_past_is_never_let_be") => {
                return false;
            }
            (Policy::Sequential, _) if !external => true,
            (_, None) => canary::planted("nobody_is_asked_about_the_past"),
            (_, Some(Word::Backfill)) => true,
            (_, Some(Word::Waive)) => return false,
        };
        if waits {
            self.waiting.insert(owed)
        } else {
            self.held.insert(owed)
        };
        true
    }
}

impl Evaluator {
    /// Whether an open obligation is retroactive, and how far it has come.
    #[must_use]
    pub fn retroactive(&self, id: ObligationId) -> Option<Retroactive> {
        self.state.backlog.standing((id.trigger.get(), id.clause.0))
    }

    /// What the adoption at `position` asked for and is not done, by the names of clauses.
    #[must_use]
    pub fn backfill_left(&self, position: Position) -> BTreeMap<String, u64> {
        let of = self.state.backlog.backfills.iter().find(|it| it.position == position.get());
        let mut left = BTreeMap::new();
        if let Some(it) = of {
            for &(_, clause) in it.held.iter().chain(&it.waiting).chain(&it.in_flight) {
                *left
                    .entry(self.program().clause(ClauseIndex(clause)).slug.clone())
                    .or_default() += 1;
            }
        }
        left
    }

    /// The first `most` of those that wait for a person's word since the adoption at `position`.
    #[must_use]
    pub fn held_back(&self, position: Position, most: usize) -> Vec<ObligationId> {
        let of = self.state.backlog.backfills.iter().find(|it| it.position == position.get());
        let held = of.into_iter().flat_map(|it| &it.held).take(most);
        held.map(|&(trigger, clause)| ObligationId {
            clause: ClauseIndex(clause),
            trigger: Position::new(trigger),
        })
        .collect()
    }
}

impl State {
    /// How far an open obligation has come. None when there is none, or no such clause.
    pub(crate) fn stage_of(&self, program: &Program, (trigger, clause): Owed) -> Option<Stage> {
        program.clauses.get(clause as usize)?;
        let id = ObligationId { clause: ClauseIndex(clause), trigger: Position::new(trigger) };
        self.open.find(id).map(|slot| self.open.get(slot).stage)
    }

    /// An obligation has ended, in whatever way.
    pub(crate) fn note_retroactive_end(&mut self, owed: Owed, fulfilled: bool, sink: Sink<'_>) {
        if self.backlog.is_idle() {
            return;
        }
        if let Some(position) = self.backlog.note_end(owed, fulfilled) {
            let outcome = if fulfilled { GapOutcome::Fulfilled } else { GapOutcome::Withdrawn };
            sink(Change::BackfillDecided { adopted: Position::new(position), outcome });
        }
    }

    /// Activates what waits for its turn, as far as the limit lets it.
    pub(crate) fn start_more(&mut self, program: &Program, fallback_time: i64, sink: Sink<'_>) {
        // The clock of what is owed now starts when it is owed, whatever time its event had.
        let now = if self.now > -NEVER { self.now } else { fallback_time };
        let all_at_once = canary::planted("the_past_all_at_once");
        while all_at_once || self.backlog.in_flight < program.in_flight_max {
            let Some((trigger, clause)) = self.backlog.next() else { return };
            let id = ObligationId { clause: ClauseIndex(clause), trigger: Position::new(trigger) };
            let Some(slot) = self.open.find(id) else {
                unreachable!("what waits for its turn stands in the store");
            };
            self.activate_queued(program, slot, now, sink);
        }
    }

    fn activate_queued(&mut self, program: &Program, slot: u32, now: i64, sink: Sink<'_>) {
        let obligation = self.open.get_mut(slot);
        assert!(obligation.stage == Stage::Queued, "what waits for its turn is not owed yet");
        let clause = at(&program.clauses, obligation.clause);
        obligation.stage = Stage::Active;
        obligation.activated = now;
        obligation.due = clause.within.map_or(NEVER, |within| crate::deadlines::later(now, within));
        let (id, due, depth) = (obligation.id(), obligation.due, obligation.depth);
        if let Some(tally) = self.tallies.get_mut(id.clause.0 as usize) {
            tally.triggers += 1;
            tally.pending += 1;
        }
        let at = Timestamp::from_micros(now);
        sink(Change::Activated { id, at, due: deadline(due), depth });
        self.open_or_wait(program, slot, sink);
    }

    /// A guard that waited since before an adoption is decided now, and asks for what that version
    /// added: that is retroactive, too. False if it is owed like anything else.
    pub(crate) fn queue_if_retroactive(
        &mut self,
        program: &Program,
        clause: u32,
        moment: Moment,
        scene: &mut Scene,
        sink: Sink<'_>,
    ) -> bool {
        let owed = (moment.trigger, clause);
        // Ticks of before an adoption are not made up for, so none of them is retroactive.
        let Some(entered) = self.entered(moment.trigger) else { return false };
        let Some(backfill) = self.backlog.asking(entered, clause) else { return false };
        let held_before = backfill.held.len();
        if !backfill.take(owed, reaches_outside(program, clause)) {
            end_fates(program, &[ItemPlan::Duty(clause)], scene);
            return true;
        }
        let (position, held) = (backfill.position, backfill.held.len());
        self.backlog.unfinished += 1;
        let slot = self.bind(program, clause, moment, &scene.frame);
        let obligation = self.open.get_mut(slot);
        (obligation.stage, obligation.due) = (Stage::Queued, NEVER);
        if held_before == 0 && held > 0 {
            let at = Timestamp::from_micros(moment.at);
            self.ask_for_word(program, position, at, sink);
        }
        true
    }

    /// The last event when the block of a trigger was entered, which may be long after what has held
    /// since began. None for ticks.
    fn entered(&self, trigger: u64) -> Option<u64> {
        match self.occasions.get(trigger) {
            None => Some(trigger),
            Some(Occasion { began: Began::Event(_), entered, .. }) => Some(*entered),
            Some(Occasion { began: Began::Tick(_), .. }) => None,
        }
    }

    /// Says that a person's word is waited for.
    pub(crate) fn ask_for_word(
        &self,
        program: &Program,
        position: u64,
        at: Timestamp,
        sink: Sink<'_>,
    ) {
        let of = self.backlog.backfills.iter().find(|it| it.position == position);
        let Some(held) = of.map(|it| &it.held).filter(|held| !held.is_empty()) else { return };
        let strengths =
            held.iter().map(|&(_, clause)| program.clause(ClauseIndex(clause)).strength);
        let strength = strengths.min().unwrap_or(Strength::Could);
        let (adopted, count) = (Position::new(position), held.len() as u64);
        sink(Change::BackfillAsked { adopted, at, strength, count });
    }

    /// A person's word about what is held since the adoption at `position`.
    pub(crate) fn decide_backfill(
        &mut self,
        program: &Program,
        position: u64,
        word: Word,
        sink: Sink<'_>,
    ) {
        let found = self.backlog.backfills.iter_mut().find(|it| it.position == position);
        let Some(it) = found.filter(|it| !it.held.is_empty()) else { return };
        let held = std::mem::take(&mut it.held);
        it.word = Some(word);
        let adopted = Position::new(position);
        match word {
            Word::Backfill => {
                it.waiting.extend(held);
                sink(Change::BackfillDecided { adopted, outcome: GapOutcome::Fulfilled });
            }
            Word::Waive => {
                it.dropped += held.len() as u64;
                self.backlog.unfinished -= held.len();
                for (trigger, clause) in held {
                    let trigger = Position::new(trigger);
                    let id = ObligationId { clause: ClauseIndex(clause), trigger };
                    sink(Change::Waived { id });
                    self.forget_queued(program, id, sink);
                }
                sink(Change::BackfillDecided { adopted, outcome: GapOutcome::Waived });
            }
        }
    }
}

/// `backfill@17`: the gap of the question what becomes of the past, for the version that was adopted
/// there.
#[must_use]
pub fn question(adopted: Position) -> String {
    format!("{SLUG}@{adopted}")
}

/// Where the version was adopted whose question a gap is, if it is one.
#[must_use]
pub fn asked_at(gap: &str) -> Option<Position> {
    let (slug, position) = gap.split_once('@')?;
    if slug == SLUG { position.parse().ok() } else { None }
}

fn policy_word<S: serde::Serializer>(policy: &Policy, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(policy)
}
