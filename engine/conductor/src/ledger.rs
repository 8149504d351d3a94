//! What agents have cost within the last hour.
//!
//! In: costs, as agents end. Out: what is spent within the window at an instant. Never: reservations of agents at
//! work; the conductor adds those. Promise: looking at a later instant changes nothing that a checkpoint holds.
//! Start reading at [`Ledger::spent`].

use std::collections::VecDeque;

use homeostat_intent::lowered::Limits;
use homeostat_log::control::BUDGET_WINDOW;
use homeostat_world::{Timestamp, canary};
use serde::{Deserialize, Serialize};

use crate::gap::fixed;

/// Costs in the order in which agents ended.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Ledger {
    entries: VecDeque<(Timestamp, u64)>,
    /// How many entries at the front had left the window when it was last looked at. Not part of
    /// the fold: it depends on when somebody looked.
    #[serde(skip)]
    passed: usize,
    /// The sum of the entries behind those.
    #[serde(skip)]
    sum: u64,
}

impl Ledger {
    /// Writes down what an agent cost that ended `at`.
    pub(crate) fn charge(&mut self, at: Timestamp, cost: u64) {
        if cost > 0 {
            self.entries.push_back((at, cost));
            self.sum = self.sum.saturating_add(cost);
        }
    }

    /// Forgets what no later instant can count. `recorded` comes from the log, so that a replay
    /// forgets the same.
    pub(crate) fn forget_before(&mut self, recorded: Timestamp) {
        self.look(recorded);
        while self.entries.front().is_some_and(|(at, _)| recorded.since(*at) >= BUDGET_WINDOW) {
            self.entries.pop_front();
            self.passed = self.passed.saturating_sub(1);
        }
    }

    /// What agents that ended within the hour before `now` have cost.
    pub(crate) fn spent(&mut self, now: Timestamp) -> u64 {
        self.look(now);
        if canary::planted("money_forgotten_by_a_look") {
            self.entries.drain(..std::mem::take(&mut self.passed));
        }
        self.sum
    }

    /// The same without moving on.
    pub(crate) fn spent_as_of(&self, now: Timestamp) -> u64 {
        let within = self.entries.iter().filter(|(at, _)| now.since(*at) < BUDGET_WINDOW);
        within.fold(0, |sum, (_, cost)| sum.saturating_add(*cost))
    }

    /// When the next cost leaves the window, of those that were in it at the last look.
    pub(crate) fn next_relief(&self) -> Option<Timestamp> {
        self.entries.get(self.passed).map(|(at, _)| *at + BUDGET_WINDOW)
    }

    /// Counts again after a restore.
    pub(crate) fn recount(&mut self) {
        self.passed = 0;
        self.sum = self.entries.iter().fold(0, |sum, (_, cost)| sum.saturating_add(*cost));
    }

    fn look(&mut self, now: Timestamp) {
        while let Some((at, cost)) = self.entries.get(self.passed) {
            if now.since(*at) < BUDGET_WINDOW {
                break;
            }
            self.passed += 1;
            self.sum = self.sum.saturating_sub(*cost);
        }
    }
}

/// The bound for an hour, in millionths of a dollar, from a budget per any length of time.
pub(crate) fn hourly(limits: &Limits) -> Option<u64> {
    let budget = limits.total_compute_budget?;
    let per = fixed(budget.per).as_micros();
    if per <= 0 {
        return Some(budget.micro_dollars);
    }
    let scaled =
        i128::from(budget.micro_dollars) * i128::from(BUDGET_WINDOW.as_micros()) / i128::from(per);
    Some(u64::try_from(scaled).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use homeostat_intent::lowered::{Budget, Length};
    use homeostat_world::Duration;

    use super::*;

    fn at(minutes: i64) -> Timestamp {
        Timestamp::EPOCH + Duration::from_secs(minutes * 60)
    }

    #[test]
    fn a_cost_counts_for_an_hour_and_not_at_its_end() {
        let mut ledger = Ledger::default();
        ledger.charge(at(0), 7);
        ledger.charge(at(30), 5);
        assert_eq!(ledger.spent(at(59)), 12);
        assert_eq!(ledger.next_relief(), Some(at(60)));
        assert_eq!(ledger.spent(at(60)), 5);
        assert_eq!(ledger.spent_as_of(at(60)), 5);
        assert_eq!(ledger.spent(at(90)), 0);
        assert_eq!(ledger.next_relief(), None);
    }

    #[test]
    fn looking_later_does_not_change_what_is_kept() {
        let mut looked = Ledger::default();
        let mut plain = Ledger::default();
        for ledger in [&mut looked, &mut plain] {
            ledger.charge(at(0), 7);
            ledger.charge(at(30), 5);
        }
        looked.spent(at(85));
        looked.forget_before(at(70));
        plain.forget_before(at(70));
        assert_eq!(looked.entries, plain.entries);
        assert_eq!((looked.spent(at(85)), plain.spent(at(85))), (5, 5));
    }

    #[test]
    fn a_monthly_budget_is_scaled_to_the_hour() {
        let mut limits = Limits::default();
        assert_eq!(hourly(&limits), None);
        let per = Length { months: 1, micros: 0 };
        limits.total_compute_budget = Some(Budget { micro_dollars: 720_000_000, per });
        assert_eq!(hourly(&limits), Some(1_000_000));
    }
}
