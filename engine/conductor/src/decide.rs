//! What to do now: the control events that the log lacks, agents to spawn, agents to stop.
//!
//! In: the time, and which agents are on offer. Out: [`Decision`]s, most urgent gaps first, a bounded number.
//! Never: says the same thing twice while it is under way; exceeds a breaker, agents under way counted in.
//! Promise: nothing more to decide means an empty answer, so whoever calls until then has done all there is.
//! Start reading at [`Conductor::decide`].

use homeostat_log::Control;
use homeostat_log::control::{Escalation, GapOutcome};
use homeostat_world::{Timestamp, canary};

use crate::breakers::Held;
use crate::conductor::Conductor;
use crate::fact::Offer;
use crate::gap::{GapKey, Missing, Place};
use crate::ledger::hourly;

/// Decisions in one answer; bounds one append. Those of one gap are never split.
pub const DECISIONS_MAX: usize = 1_024;

/// One thing to do now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Append this; it takes effect when it comes back through `on_control`.
    Record(Control),
    /// Spawn an agent: append its `agent.spawned`, then start it.
    Spawn(Spawn),
    /// Stop an agent whose gap has closed.
    Stop {
        /// Which.
        agent: String,
        /// Its gap.
        gap: String,
    },
}

/// An agent to spawn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spawn {
    /// For which gap.
    pub gap: String,
    /// The action that would close it.
    pub action: String,
    /// The how-manieth agent of this gap, from 1.
    pub attempt: u32,
    /// What it may cost at most, in millionths of a dollar.
    pub cost_max: u64,
}

type Offers<'a> = dyn Fn(&str) -> Option<Offer> + 'a;

impl Conductor {
    /// Everything that is to be done now, at most [`DECISIONS_MAX`] (and the rest of one gap) at a
    /// time: append, pass back what was appended, and ask again until the answer is empty.
    ///
    /// `offers` says, for an action, whether an agent is there for it and on what terms.
    pub fn decide(&mut self, now: Timestamp, offers: &Offers<'_>) -> Vec<Decision> {
        self.now = self.now.max(now);
        let mut decisions = Vec::new();
        self.stop_needless(&mut decisions);
        self.write_what_is_missing(&mut decisions);
        self.wake_rested();
        self.man_the_unmanned(offers);
        self.look_at_fresh(offers, &mut decisions);
        let held = self.dispatch(offers, &mut decisions);
        self.note_breakers(held, &mut decisions);
        decisions
    }

    /// The next instant at which there may be something to decide though nothing happened.
    #[must_use]
    pub fn next_wake(&self) -> Option<Timestamp> {
        let rested = self.queues.resting.first().map(|(until, _)| *until);
        let rested = rested.filter(|_| !canary::planted("nobody_wakes_a_rested_gap"));
        let waits = !self.queues.ready.is_empty()
            && hourly(&self.limits).is_some()
            && !canary::planted("nobody_wakes_when_money_is_back");
        let relief = self.ledger.next_relief().filter(|_| waits);
        rested.into_iter().chain(relief).min()
    }

    fn stop_needless(&mut self, decisions: &mut Vec<Decision>) {
        for agent in &self.needless {
            if decisions.len() >= DECISIONS_MAX {
                return;
            }
            let Some(at_work) = self.agents.get(agent) else { continue };
            if self.stopping.insert(agent.clone()) {
                let (agent, gap) = (agent.clone(), at_work.gap.clone());
                decisions.push(Decision::Stop { agent, gap });
            }
        }
    }

    fn write_what_is_missing(&mut self, decisions: &mut Vec<Decision>) {
        while decisions.len() < DECISIONS_MAX {
            let Some(key) = self.queues.unwritten.first().cloned() else { return };
            let Some(gap) = self.gaps.get(&key) else { return };
            let missing = gap.missing();
            assert!(!missing.is_nothing(), "gap `{}` lacks nothing in the log", key.name());
            if let (true, Some(stated)) = (missing.opened, &gap.stated) {
                decisions.push(Decision::Record(Control::GapOpened {
                    gap: key.name().to_owned(),
                    clause: stated.clause.clause.clone(),
                    kind: stated.kind,
                    due: stated.due,
                    depth: stated.depth,
                }));
            }
            push_rest(&key, missing, decisions);
            self.change_known(&key, |gap| {
                gap.flight.opened |= missing.opened;
                gap.flight.missed |= missing.missed.is_some();
                gap.flight.closed |= missing.closed.is_some();
            });
        }
    }

    fn wake_rested(&mut self) {
        while let Some((until, _)) = self.queues.resting.first() {
            if *until > self.now {
                return;
            }
            let Some((_, key)) = self.queues.resting.pop_first() else { return };
            self.queues.fresh.insert(key.clone());
            if let Some(gap) = self.gaps.get_mut(&key) {
                gap.place = Place::Fresh;
            }
        }
    }

    /// Looks again at gaps that no agent was there for, if one is there now.
    fn man_the_unmanned(&mut self, offers: &Offers<'_>) {
        let manned: Vec<String> = self
            .queues
            .unmanned
            .keys()
            .filter(|action| offers(action).is_some())
            .cloned()
            .collect();
        for action in manned {
            for key in self.queues.unmanned.remove(&action).unwrap_or_default() {
                if let Some(gap) = self.gaps.get_mut(&key) {
                    gap.place = Place::Fresh;
                }
                self.queues.fresh.insert(key);
            }
        }
    }

    /// Sends each fresh gap to people or to the queue for agents.
    fn look_at_fresh(&mut self, offers: &Offers<'_>, decisions: &mut Vec<Decision>) {
        while decisions.len() < DECISIONS_MAX {
            let Some(key) = self.queues.fresh.first().cloned() else { return };
            assert!(self.gaps.contains_key(&key), "queued gap `{}` is unknown", key.name());
            match self.person_needed(&key, offers) {
                Some(reason) => self.escalate(&key, reason, decisions),
                None => self.move_to_ready(&key),
            }
        }
    }

    fn move_to_ready(&mut self, key: &GapKey) {
        let Some(gap) = self.gaps.get_mut(key) else { return };
        self.queues.leave(key, gap);
        gap.place = Place::Ready;
        self.queues.enter(key, gap);
    }

    /// Why a gap cannot be given to an agent and never will, unless something changes.
    fn person_needed(&self, key: &GapKey, offers: &Offers<'_>) -> Option<Escalation> {
        let gap = self.gaps.get(key)?;
        let action = &gap.stated.as_ref()?.clause.action;
        if let Some(reason) = gap.needs_person(&self.limits) {
            return Some(reason);
        }
        let Some(offer) = offers(action) else { return Some(Escalation::NoAgent) };
        let over = hourly(&self.limits).is_some_and(|budget| offer.cost_max > budget);
        over.then_some(Escalation::OverBudget)
    }

    fn escalate(&mut self, key: &GapKey, reason: Escalation, decisions: &mut Vec<Decision>) {
        let gap = key.name().to_owned();
        decisions.push(Decision::Record(Control::GapEscalated { gap, reason }));
        self.change_known(key, |gap| gap.flight.escalated = true);
    }

    /// Gives agents to the most urgent gaps while the breakers let it. What holds it back, if
    /// anything does.
    fn dispatch(&mut self, offers: &Offers<'_>, decisions: &mut Vec<Decision>) -> Held {
        while decisions.len() < DECISIONS_MAX {
            let Some(key) = self.queues.ready.first().map(|next| next.key.clone()) else { break };
            if let Some(reason) = self.person_needed(&key, offers) {
                self.escalate(&key, reason, decisions);
                continue;
            }
            let Some(stated) = self.gaps.get(&key).and_then(|gap| gap.stated.as_ref()) else {
                break;
            };
            let action = stated.clause.action.clone();
            let cost_max = offers(&action).map_or(0, |offer| offer.cost_max);
            // Strictly in order: a cheaper gap further back does not overtake, or it would starve
            // the urgent one that waits for the money.
            let held = self.held(cost_max);
            if held.is_held() {
                return held;
            }
            self.spawn(&key, action, cost_max, decisions);
        }
        Held::default()
    }

    fn spawn(&mut self, key: &GapKey, action: String, cost_max: u64, out: &mut Vec<Decision>) {
        let Some(gap) = self.gaps.get(key) else { return };
        let is_free = gap.agent.is_none() || canary::planted("second_agent_when_overdue");
        assert!(is_free, "gap `{}` already has an agent", key.name());
        assert!(!self.spawning.contains_key(key), "gap `{}` is about to have one", key.name());
        let attempts =
            if canary::planted("attempts_counted_anew") { gap.tries } else { gap.attempts };
        let attempt = attempts.saturating_add(1);
        let gap = key.name().to_owned();
        out.push(Decision::Spawn(Spawn { gap, action, attempt, cost_max }));
        self.spawning.insert(key.clone(), cost_max);
        self.change_known(key, |gap| gap.flight.spawned = true);
    }
}

fn push_rest(key: &GapKey, missing: Missing, decisions: &mut Vec<Decision>) {
    if let Some(due) = missing.missed {
        let gap = key.name().to_owned();
        decisions.push(Decision::Record(Control::DeadlineMissed { gap, due }));
    }
    let closed = missing.closed.map(|outcome: GapOutcome| {
        Decision::Record(Control::GapClosed { gap: key.name().to_owned(), outcome })
    });
    decisions.extend(closed);
}
