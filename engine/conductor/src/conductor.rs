//! The machine's memory: a fold of the graph's facts and of the control events of the log.
//!
//! In: [`Fact`]s and [`Control`]s, in log order. Out: state, from which `decide` takes what is missing.
//! Never: takes a decision for done before it comes back from the log. Promise: what was decided and never came back
//! is the only thing that a restart forgets. Start reading at [`Conductor::on_fact`].

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use homeostat_intent::lowered::Limits;
use homeostat_log::Control;
use homeostat_log::control::{Breaker, Decision as Word, Ending, GapOutcome};
use homeostat_world::{Position, Timestamp, canary};
use serde::{Deserialize, Serialize};

use crate::breakers::Tripped;
use crate::fact::{ClauseFacts, Fact};
use crate::gap::{Gap, GapKey, LastEnd, Stated};
use crate::ledger::Ledger;
use crate::queues::Queues;

/// Compares what should stand in the log with what does, and says what to append, whom to spawn
/// and whom to stop.
#[derive(Debug)]
pub struct Conductor {
    pub(crate) limits: Limits,
    pub(crate) gaps: BTreeMap<GapKey, Gap>,
    /// Every agent at work, by its id.
    pub(crate) agents: BTreeMap<String, AtWork>,
    pub(crate) ledger: Ledger,
    /// Gaps that closed before the log said that they had opened, the newest last. If that word
    /// was under way, it still arrives, and needs its `gap.closed`.
    pub(crate) unsaid: VecDeque<(GapKey, GapOutcome)>,
    /// What the log says of the breakers.
    pub(crate) tripped: Tripped,
    /// How far the log was read.
    pub(crate) position: Position,

    // Not part of the fold from here on.
    pub(crate) queues: Queues,
    /// Spawns under way to the log, with what each reserves.
    pub(crate) spawning: BTreeMap<GapKey, u64>,
    /// Agents at work on gaps that have closed.
    pub(crate) needless: BTreeSet<String>,
    /// Those of them that were told to stop.
    pub(crate) stopping: BTreeSet<String>,
    /// Changes of breakers under way to the log, in order.
    pub(crate) asked: VecDeque<(Breaker, bool)>,
    /// The latest instant that was passed in.
    pub(crate) now: Timestamp,
}

/// One agent at work.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct AtWork {
    pub(crate) gap: String,
    pub(crate) cost_max: u64,
}

/// Gaps remembered that closed unsaid. More than can be under way to the log at once.
const UNSAID_MAX: usize = 4_096;
const _: () = assert!(UNSAID_MAX > crate::decide::DECISIONS_MAX);

impl Conductor {
    /// Knows of nothing yet.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            gaps: BTreeMap::new(),
            agents: BTreeMap::new(),
            ledger: Ledger::default(),
            unsaid: VecDeque::new(),
            tripped: Tripped::default(),
            position: Position::ZERO,
            queues: Queues::default(),
            spawning: BTreeMap::new(),
            needless: BTreeSet::new(),
            stopping: BTreeSet::new(),
            asked: VecDeque::new(),
            now: Timestamp::MIN,
        }
    }

    /// Takes in what the graph found out, at the time `at`.
    ///
    /// Pass the facts of an event before the control events behind it, and do not call `decide`
    /// before a replay has come to the end of the log.
    pub fn on_fact(&mut self, fact: Fact, at: Timestamp) {
        self.now = self.now.max(at);
        match fact {
            Fact::GapOpened { gap, clause, kind, due, depth, opened } => {
                let stated = Stated { clause, kind, due, depth, opened };
                self.change(&GapKey::new(&gap), |gap| gap.stated = Some(stated));
            }
            Fact::DeadlineMissed { gap, due } => {
                self.change(&GapKey::new(&gap), |gap| gap.missed = Some(due));
            }
            Fact::GapClosed { gap, outcome } => self.close(&GapKey::new(&gap), outcome),
            Fact::ClauseRestated { clause } => self.restate(&clause),
        }
    }

    fn restate(&mut self, clause: &ClauseFacts) {
        let is_of =
            |gap: &Gap| gap.stated.as_ref().is_some_and(|it| it.clause.clause == clause.clause);
        let of_clause = self.gaps.iter().filter(|(_, gap)| is_of(gap));
        let keys: Vec<GapKey> = of_clause.map(|(key, _)| key.clone()).collect();
        for key in keys {
            self.change_known(&key, |gap| {
                if let Some(stated) = &mut gap.stated {
                    stated.clause.clone_from(clause);
                }
            });
        }
    }

    /// Takes in a control event of the log. Each decision takes effect here and nowhere else.
    pub fn on_control(&mut self, control: &Control, position: Position, recorded: Timestamp) {
        self.now = self.now.max(recorded);
        self.position = self.position.max(position);
        match control {
            Control::GapOpened { gap, .. } => self.opened_is_written(&GapKey::new(gap), recorded),
            Control::DeadlineMissed { gap, .. } => self.missed_is_written(&GapKey::new(gap)),
            Control::GapClosed { gap, .. } => self.forget(&GapKey::new(gap)),
            Control::AgentSpawned { agent, gap, attempt, cost_max, .. } => {
                let at_work = AtWork { gap: gap.clone(), cost_max: *cost_max };
                self.agent_is_at_work(agent, at_work, *attempt);
            }
            Control::AgentEnded { agent, ending, reason, cost, .. } => {
                let last = LastEnd { ending: *ending, reason: reason.clone() };
                self.agent_has_ended(agent, last, *cost, recorded);
            }
            Control::GapEscalated { gap, reason } => {
                self.change_known(&GapKey::new(gap), |gap| {
                    gap.escalated = Some(*reason);
                    gap.asks = false;
                    gap.flight.escalated = false;
                });
            }
            Control::GapDecided { gap, decision, .. } => {
                self.change_known(&GapKey::new(gap), |gap| match decision {
                    Word::Retry => gap.take_up_again(),
                    // The graph says that the gap of a backfill is closed, however it was decided.
                    Word::Waive | Word::Backfill => gap.waived = true,
                });
            }
            Control::BreakerChanged { breaker, tripped, .. } => {
                self.tripped.set(*breaker, *tripped);
                if self.asked.front() == Some(&(*breaker, *tripped)) {
                    self.asked.pop_front();
                }
            }
            // What a check found comes back through the graph, as a fact.
            Control::IntentAdopted { .. }
            | Control::IntentEvolved { .. }
            | Control::EngineResumed {}
            | Control::CheckReported { .. } => {}
        }
        self.ledger.forget_before(recorded);
    }

    /// The breaker settings in force.
    #[must_use]
    pub const fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Puts other breaker settings in force. What is at work goes on; the next decisions obey.
    pub fn set_limits(&mut self, limits: Limits) {
        self.limits = limits;
        self.rebuild();
    }

    /// Takes back what was decided and will never come back, because the append failed: the next
    /// `decide` says it again. A restart does the same.
    pub fn forget_in_flight(&mut self) {
        for gap in self.gaps.values_mut() {
            gap.flight = crate::gap::Flight::default();
        }
        self.spawning.clear();
        self.stopping.clear();
        self.asked.clear();
        self.rebuild();
    }

    /// Sets up again everything that is not part of the fold.
    pub(crate) fn rebuild(&mut self) {
        self.queues = Queues::default();
        self.needless.clear();
        for gap in self.gaps.values_mut() {
            gap.place = crate::gap::Place::Nowhere;
        }
        let keys: Vec<GapKey> = self.gaps.keys().cloned().collect();
        for key in &keys {
            self.change_known(key, |_| {});
        }
        for (agent, at_work) in &self.agents {
            let gap = self.gaps.get(&GapKey::new(&at_work.gap));
            if gap.is_none_or(|gap| gap.outcome.is_some()) {
                self.needless.insert(agent.clone());
            }
        }
    }

    /// Changes a gap, which may be new, and moves it to where it then belongs.
    fn change(&mut self, key: &GapKey, change: impl FnOnce(&mut Gap)) {
        if !self.gaps.contains_key(key) {
            self.gaps.insert(key.clone(), Gap::default());
        }
        self.change_known(key, change);
    }

    /// Changes a gap, if it is known, and moves it to where it then belongs.
    pub(crate) fn change_known(&mut self, key: &GapKey, change: impl FnOnce(&mut Gap)) {
        let Some(gap) = self.gaps.get_mut(key) else { return };
        self.queues.leave(key, gap);
        change(gap);
        gap.place = gap.place_under(&self.limits);
        self.queues.enter(key, gap);
    }

    /// Drops all knowledge of a gap. An agent that still works on it is to be stopped.
    fn forget(&mut self, key: &GapKey) {
        // A spawn that was decided stands before `gap.closed` in the log or was given up.
        self.spawning.remove(key);
        if let Some(gap) = self.gaps.remove(key) {
            self.queues.leave(key, &gap);
            self.needless.extend(gap.agent);
        }
    }

    fn close(&mut self, key: &GapKey, outcome: GapOutcome) {
        let Some(gap) = self.gaps.get(key) else { return };
        if gap.stated.is_none() && gap.written.is_none() {
            return;
        }
        if gap.written.is_none() && gap.missed.is_none() {
            // It opened and closed before anybody could write or act: nothing to tell. This is
            // what keeps a log that was imported whole from doubling.
            self.forget(key);
            self.unsaid.push_back((key.clone(), outcome));
            if self.unsaid.len() > UNSAID_MAX {
                self.unsaid.pop_front();
            }
            return;
        }
        self.needless.extend(gap.agent.clone());
        self.change_known(key, |gap| gap.outcome = Some(outcome));
    }

    fn opened_is_written(&mut self, key: &GapKey, recorded: Timestamp) {
        let unsaid = match self.gaps.contains_key(key) {
            true => None,
            false => self.unsaid.iter().position(|(unsaid, _)| unsaid == key),
        };
        let outcome = unsaid.and_then(|index| self.unsaid.remove(index)).map(|(_, it)| it);
        self.change(key, |gap| {
            gap.written = Some(recorded);
            gap.outcome = gap.outcome.or(outcome);
            gap.flight.opened = false;
        });
    }

    fn missed_is_written(&mut self, key: &GapKey) {
        let Some(gap) = self.gaps.get(key) else { return };
        if gap.stated.is_none() && gap.written.is_none() {
            // A deadline without a gap, such as that of a duty whose fallback took over.
            self.forget(key);
            return;
        }
        self.change_known(key, |gap| {
            gap.missed_written = true;
            gap.flight.missed = false;
        });
    }

    fn agent_is_at_work(&mut self, agent: &str, at_work: AtWork, attempt: u32) {
        let key = GapKey::new(&at_work.gap);
        self.spawning.remove(&key);
        self.agents.insert(agent.to_owned(), at_work);
        if self.gaps.get(&key).is_none_or(|gap| gap.outcome.is_some()) {
            self.needless.insert(agent.to_owned());
        }
        self.change_known(&key, |gap| {
            gap.agent = Some(agent.to_owned());
            gap.attempts = gap.attempts.max(attempt);
            gap.tries = gap.tries.saturating_add(1);
            gap.escalated = None;
            gap.flight.spawned = false;
        });
    }

    fn agent_has_ended(&mut self, agent: &str, last: LastEnd, cost: u64, recorded: Timestamp) {
        // An agent ends once. Whatever else claims its end changes nothing.
        let Some(at_work) = self.agents.remove(agent) else { return };
        self.needless.remove(agent);
        self.stopping.remove(agent);
        self.ledger.charge(recorded, cost);
        if canary::planted("gap_lost_with_its_agent") && last.ending == Ending::Lost {
            if let Some(gap) = self.gaps.get_mut(&GapKey::new(&at_work.gap)) {
                gap.agent = None;
            }
            return;
        }
        self.change_known(&GapKey::new(&at_work.gap), |gap| {
            gap.agent = None;
            gap.rested_from = Some(recorded);
            match last.ending {
                Ending::Failed | Ending::TimedOut => gap.failures = gap.failures.saturating_add(1),
                // Its events stand before its end in the log. If they had closed the gap, the
                // graph would have said so by now: it has failed, whatever it believes.
                Ending::Resolved
                    if gap.outcome.is_none() && !canary::planted("agents_are_believed") =>
                {
                    gap.failures = gap.failures.saturating_add(1);
                }
                Ending::NeedsHuman => gap.asks = true,
                Ending::Resolved | Ending::Lost | Ending::Stopped => {}
            }
            gap.last = Some(last);
        });
    }

    /// Whether the log says that a breaker holds agents back.
    #[must_use]
    pub fn is_tripped(&self, breaker: Breaker) -> bool {
        self.tripped.get(breaker)
    }
}

impl Gap {
    /// A person wants agents to try again, as often as the first time.
    fn take_up_again(&mut self) {
        self.failures = 0;
        self.tries = 0;
        self.asks = false;
        self.escalated = None;
        self.excused = true;
    }
}
