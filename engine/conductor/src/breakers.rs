//! The breakers: what holds agents back now, and the numbers behind it.
//!
//! In: the conductor's state. Out: [`Held`] for the dispatch, `breaker.changed` for the log, [`BreakerReadings`] for
//! people. Never: lets an agent through; `decide` asks first. Promise: agents under way count like agents at work.
//! Start reading at [`Conductor::held`].

use homeostat_log::Control;
use homeostat_log::control::{Breaker, Escalation};
use homeostat_world::canary;
use serde::{Deserialize, Serialize};

use crate::conductor::Conductor;
use crate::decide::{DECISIONS_MAX, Decision};
use crate::gap::fixed;
use crate::ledger::hourly;

/// Which breakers hold agents back, as written or as asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Tripped {
    concurrency: bool,
    budget: bool,
}

impl Tripped {
    pub(crate) fn get(self, breaker: Breaker) -> bool {
        match breaker {
            Breaker::Concurrency => self.concurrency,
            Breaker::Budget => self.budget,
        }
    }

    pub(crate) fn set(&mut self, breaker: Breaker, tripped: bool) {
        match breaker {
            Breaker::Concurrency => self.concurrency = tripped,
            Breaker::Budget => self.budget = tripped,
        }
    }
}

/// What keeps the next gap from its agent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Held {
    concurrency: bool,
    budget: bool,
}

impl Held {
    pub(crate) fn is_held(self) -> bool {
        self.concurrency || self.budget
    }
}

/// One breaker's numbers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct BreakerReading {
    /// Its setting: agents, levels, microseconds, or millionths of a dollar an hour. None: no bound.
    pub limit: Option<u64>,
    /// How much of it is used up now, where that is a number.
    pub used: u64,
    /// Gaps that it keeps from an agent now.
    pub holds: u64,
    /// The same in words.
    pub detail: String,
}

/// All five breakers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct BreakerReadings {
    /// How deep gaps may follow from agents' own events; `used` is the deepest open gap.
    pub max_agent_depth: BreakerReading,
    /// Agents alive at once.
    pub max_concurrent_agents: BreakerReading,
    /// Agents that may fail on one gap; `used` is the most that have.
    pub max_agents_per_gap: BreakerReading,
    /// Rest between two agents of one gap, in microseconds.
    pub cooldown_per_gap: BreakerReading,
    /// What agents may cost in any hour, what they have cost and what is reserved.
    pub total_compute_budget: BreakerReading,
}

impl Conductor {
    /// What keeps an agent of that cost from being spawned now.
    pub(crate) fn held(&mut self, cost_max: u64) -> Held {
        let extra = u64::from(canary::planted("one_agent_too_many"));
        let concurrency =
            self.agents_counted() >= u64::from(self.limits.max_concurrent_agents) + extra;
        let (spent, mut reserved) = (self.ledger.spent(self.now), self.reserved());
        if canary::planted("budget_without_what_is_reserved") {
            reserved = 0;
        }
        let would_be = spent.saturating_add(reserved).saturating_add(cost_max);
        let budget = hourly(&self.limits).is_some_and(|budget| would_be > budget);
        Held { concurrency, budget: budget && cost_max > 0 }
    }

    /// Writes down a breaker that began or ceased to hold.
    pub(crate) fn note_breakers(&mut self, held: Held, decisions: &mut Vec<Decision>) {
        if decisions.len() >= DECISIONS_MAX {
            return; // More is to be decided first; whoever asks again gets to this.
        }
        let now = [(Breaker::Concurrency, held.concurrency), (Breaker::Budget, held.budget)];
        for (breaker, tripped) in now {
            let under_way = self.asked.iter().rev().find(|(asked, _)| *asked == breaker);
            if under_way.map_or(self.tripped.get(breaker), |(_, it)| *it) != tripped {
                self.asked.push_back((breaker, tripped));
                let detail = self.detail(breaker);
                let changed = Control::BreakerChanged { breaker, tripped, detail };
                decisions.push(Decision::Record(changed));
            }
        }
    }

    fn agents_counted(&self) -> u64 {
        (self.agents.len() + self.spawning.len()) as u64
    }

    /// What agents at work and under way may still cost.
    fn reserved(&self) -> u64 {
        let at_work = self.agents.values().map(|agent| agent.cost_max);
        at_work.chain(self.spawning.values().copied()).fold(0, u64::saturating_add)
    }

    fn detail(&self, breaker: Breaker) -> String {
        let waiting = self.queues.ready.len();
        match breaker {
            Breaker::Concurrency => {
                let (alive, limit) = (self.agents_counted(), self.limits.max_concurrent_agents);
                format!("{alive} of {limit} agents at work, {waiting} {} waiting", gaps(waiting))
            }
            Breaker::Budget => {
                let spent = dollars(self.ledger.spent_as_of(self.now));
                let reserved = dollars(self.reserved());
                let bound = hourly(&self.limits).map_or("no bound".to_owned(), dollars);
                format!(
                    "{spent} spent and {reserved} reserved of {bound} an hour, {waiting} {} waiting",
                    gaps(waiting)
                )
            }
        }
    }

    /// The numbers behind every breaker.
    #[must_use]
    pub fn breakers(&self) -> BreakerReadings {
        let open = || self.gaps.values().filter(|gap| gap.outcome.is_none());
        let escalated =
            |why: Escalation| open().filter(|gap| gap.escalated == Some(why)).count() as u64;
        let ready = self.queues.ready.len() as u64;
        let held_by = |breaker: Breaker| if self.tripped.get(breaker) { ready } else { 0 };
        let deepest = open().filter_map(|gap| gap.stated.as_ref()).map(|stated| stated.depth).max();
        let depth_limit = u64::from(self.limits.max_agent_depth);
        let failures = open().map(|gap| gap.failures).max().unwrap_or(0);
        let failures_limit = u64::from(self.limits.max_agents_per_gap);
        let cooldown = fixed(self.limits.cooldown_per_gap);
        let resting = self.queues.resting.len() as u64;
        let reading = |limit, used, holds, detail| BreakerReading { limit, used, holds, detail };
        BreakerReadings {
            max_agent_depth: reading(
                Some(depth_limit),
                u64::from(deepest.unwrap_or(0)),
                escalated(Escalation::TooDeep),
                format!("deepest open gap {} of {depth_limit}", deepest.unwrap_or(0)),
            ),
            max_concurrent_agents: reading(
                Some(u64::from(self.limits.max_concurrent_agents)),
                self.agents_counted(),
                held_by(Breaker::Concurrency),
                self.detail(Breaker::Concurrency),
            ),
            max_agents_per_gap: reading(
                Some(failures_limit),
                u64::from(failures),
                escalated(Escalation::AgentsExhausted),
                format!("most failures on one gap {failures} of {failures_limit}"),
            ),
            cooldown_per_gap: reading(
                u64::try_from(cooldown.as_micros()).ok(),
                0,
                resting,
                format!("{resting} {} resting for {cooldown}", gaps(self.queues.resting.len())),
            ),
            total_compute_budget: reading(
                hourly(&self.limits),
                self.ledger.spent_as_of(self.now).saturating_add(self.reserved()),
                held_by(Breaker::Budget),
                self.detail(Breaker::Budget),
            ),
        }
    }
}

fn gaps(count: usize) -> &'static str {
    if count == 1 { "gap" } else { "gaps" }
}

/// Millionths of a dollar as people write money: two digits, more only where they say something.
fn dollars(micro: u64) -> String {
    let (whole, part) = (micro / 1_000_000, micro % 1_000_000);
    let digits = format!("{part:06}");
    let kept = digits.trim_end_matches('0');
    format!("${whole}.{kept:0<2}")
}

#[cfg(test)]
mod tests {
    use super::dollars;

    #[test]
    fn money_reads_as_people_write_it() {
        let shown: Vec<String> =
            [0, 1_500_000, 2_000_000, 12_345, 1].into_iter().map(dollars).collect();
        assert_eq!(shown, ["$0.00", "$1.50", "$2.00", "$0.012345", "$0.000001"]);
    }
}
