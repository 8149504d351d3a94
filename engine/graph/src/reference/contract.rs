//! The contract's bounds: metrics that stay within theirs, budgets that are kept.
//!
//! In: samples. Out: episodes of breach, which are gaps of quality.
//! Never: counts a sample of a period that is over.
//! Promise: a metric breaks its bound from a sample that does until one that does not; a budget from
//! the sample that goes over it until its period is over. Start reading at
//! [`History::look_at_contract`].

use homeostat_intent::lowered::{
    AGGREGATE_SAMPLES, Aggregate, Budget, Comparison, Goal, Invariant, Metric, Proposition, Target,
};
use homeostat_log::Event;
use homeostat_log::control::GapKind;
use homeostat_world::Timestamp;

use super::calendar::period;
use super::episodes::Of;
use super::history::History;
use crate::change::Fulfilment;

impl<'a> History<'a> {
    pub(super) fn look_at_contract(&mut self, event: &'a Event) {
        let spec = self.spec;
        for invariant in &spec.invariants {
            self.look_at_metric(invariant, event);
        }
        for target in &spec.targets {
            if let Goal::Budget(budget) = &target.goal {
                self.look_at_budget(target, *budget, event);
            }
        }
    }

    fn look_at_metric(&mut self, invariant: &'a Invariant, event: &Event) {
        let Proposition::Metric { metric, aggregate, op, bound } = &invariant.says else { return };
        let Some(metric) = self.spec.metrics.iter().find(|it| it.name == *metric) else { return };
        if self.sample_in(event, metric).is_none() {
            return;
        }
        let samples: Vec<f64> =
            self.log.events.iter().filter_map(|event| self.sample_in(event, metric)).collect();
        let newest = samples.get(samples.len().saturating_sub(AGGREGATE_SAMPLES)..);
        let Some(value) = newest.and_then(|newest| aggregated(newest, *aggregate)) else { return };
        let of = Of::Invariant(invariant);
        match (self.open_episode(of, None), keeps(value, *op, *bound)) {
            (None, false) => self.begin_episode(of, None, Some(GapKind::Quality)),
            (Some(place), true) => self.end_episode(place, Fulfilment::InTime),
            _ => {}
        }
    }

    fn look_at_budget(&mut self, target: &'a Target, budget: Budget, event: &Event) {
        let metric = self.spec.metrics.iter().find(|it| it.name == target.metric);
        let Some(metric) = metric else { return };
        let clock = self.system_clock();
        let period_of = |event: &Event| {
            self.sample_in(event, metric)?;
            period(event.effective_time(), budget.per, &clock)
        };
        let Some((start, end)) = period_of(event) else { return };
        let is_over = self.now.is_some_and(|now| end < now);
        let spent: f64 = self
            .log
            .events
            .iter()
            .filter(|event| period_of(event) == Some((start, end)))
            .filter_map(|event| self.sample_in(event, metric))
            .sum();
        #[expect(clippy::cast_precision_loss, reason = "a budget is far below 2^53 millionths")]
        let is_kept = spent <= budget.micro_dollars as f64 / 1e6;
        if !is_over && !is_kept && !self.is_breached(target, end) {
            self.begin_episode(Of::Budget(target), None, Some(GapKind::Quality));
            if let Some(episode) = self.episodes.last_mut() {
                episode.until = Some(end);
            }
        }
    }

    /// Whether the budget of the period that ends then is known to be breached.
    fn is_breached(&self, target: &'a Target, end: Timestamp) -> bool {
        self.episodes
            .iter()
            .any(|it| !it.over && it.of.is(Of::Budget(target)) && it.until == Some(end))
    }

    fn sample_in(&self, event: &Event, metric: &Metric) -> Option<f64> {
        self.log.sample(event, &metric.samples, &metric.fields)
    }
}

/// What is compared with the bound: the newest sample, or a figure over the newest ones.
fn aggregated(newest: &[f64], aggregate: Aggregate) -> Option<f64> {
    match aggregate {
        Aggregate::Each => newest.last().copied(),
        Aggregate::Percentile(percent) => {
            let mut sorted = newest.to_vec();
            sorted.sort_by(f64::total_cmp);
            let rank = (sorted.len() * usize::from(percent)).div_ceil(100);
            sorted.get(rank.saturating_sub(1)).copied()
        }
        Aggregate::Mean => {
            #[expect(clippy::cast_precision_loss, reason = "at most a thousand samples")]
            let count = newest.len() as f64;
            Some(newest.iter().sum::<f64>() / count)
        }
    }
}

fn keeps(value: f64, op: Comparison, bound: f64) -> bool {
    match op {
        #[expect(clippy::float_cmp, reason = "the writer of the spec asked for it")]
        Comparison::Equal => value == bound,
        #[expect(clippy::float_cmp, reason = "the writer of the spec asked for it")]
        Comparison::NotEqual => value != bound,
        Comparison::Less => value < bound,
        Comparison::LessOrEqual => value <= bound,
        Comparison::Greater => value > bound,
        Comparison::GreaterOrEqual => value >= bound,
    }
}
