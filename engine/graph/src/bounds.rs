//! Metrics: what events sample, held against what the contract bounds.
//!
//! In: samples, and how far time has come. Out: violations opened and closed, as for any obligation.
//! Never: goes through more samples than an aggregate is taken of.
//! Promise: money is counted in millionths of a dollar, so that sums are exact; a sample counts in the
//! calendar period of its time, unless time has passed that period's end.
//! Start reading at [`State::sample`].

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

use homeostat_intent::lowered::{AGGREGATE_SAMPLES, Aggregate, Comparison};
use homeostat_world::{Position, Timestamp, canary};

use crate::change::{Change, Fulfilment, ObligationId};
use crate::datum::Datum;
use crate::open::{NEVER, Obligation, Values};
use crate::program::bounds::MetricPlan;
use crate::program::{ClauseIndex, Program, TypePlan, at};
use crate::satisfy::End;
use crate::state::{Sink, State};
use crate::watch::Cause;

/// What is known of every metric.
#[derive(Debug, Default)]
pub(crate) struct Bounds {
    pub(crate) metrics: Vec<Samples>,
    /// For each standard, how it stands.
    pub(crate) standards: Vec<Kept>,
    /// For each budget, its periods that are not over and have samples, by their start.
    pub(crate) budgets: Vec<BTreeMap<i64, Spent>>,
    /// For each proposition that somebody outside judges, what was last said of it.
    pub(crate) told: Vec<Told>,
    /// When periods end: the time, the budget, the start.
    ends: BTreeSet<(i64, u32, i64)>,
}

/// The newest samples of one metric.
#[derive(Debug, Default)]
pub(crate) struct Samples {
    /// The newest; none before the first.
    pub(crate) last: Option<f64>,
    pub(crate) newest: VecDeque<f64>,
    sorted: Vec<f64>,
}

/// What one period has cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Spent {
    pub(crate) end: i64,
    pub(crate) sum: i64,
    pub(crate) kept: Kept,
}

/// What a checker outside of the graph said of a proposition, and what came of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Told {
    /// Whether it holds; none while nobody has said so, or the last one who looked could not tell.
    pub(crate) holds: Option<bool>,
    pub(crate) kept: Kept,
}

/// How a bound stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Kept {
    #[default]
    Within,
    /// Since the sample at this position.
    Violated(u64),
    /// A person has let it go, until it is kept again.
    Silent,
}

impl Bounds {
    pub(crate) fn new(program: &Program) -> Self {
        Self {
            metrics: program.metrics.iter().map(|_| Samples::default()).collect(),
            standards: vec![Kept::Within; program.standards.len()],
            budgets: program.budgets.iter().map(|_| BTreeMap::new()).collect(),
            told: vec![Told::default(); program.told.len()],
            ends: BTreeSet::new(),
        }
    }

    /// No period that has samples ends earlier than this.
    pub(crate) fn earliest(&self) -> Option<i64> {
        self.ends.first().map(|(end, ..)| *end)
    }

    /// Puts a period in place.
    pub(crate) fn put(&mut self, budget: u32, start: i64, spent: Spent) {
        self.ends.insert((spent.end, budget, start));
        if let Some(periods) = self.budgets.get_mut(budget as usize) {
            periods.insert(start, spent);
        }
    }

    /// Bytes set aside.
    pub(crate) fn bytes(&self) -> usize {
        let kept = |it: &Samples| it.newest.capacity() + it.sorted.capacity();
        let samples: usize = self.metrics.iter().map(kept).sum();
        samples * size_of::<f64>() + 2 * self.ends.len() * size_of::<(i64, Spent)>()
    }
}

impl Samples {
    /// Takes in a sample, and lets the oldest go when there are enough.
    pub(crate) fn add(&mut self, value: f64, plan: &MetricPlan) {
        self.last = Some(value);
        if !plan.kept {
            return;
        }
        let gone =
            if self.newest.len() < AGGREGATE_SAMPLES { None } else { self.newest.pop_front() };
        self.newest.push_back(value);
        if plan.sorted {
            if let Some(gone) = gone {
                let place = self.sorted.partition_point(|it| it.total_cmp(&gone).is_lt());
                self.sorted.remove(place);
            }
            let place = self.sorted.partition_point(|it| it.total_cmp(&value).is_lt());
            self.sorted.insert(place, value);
        }
    }

    /// What is compared with a bound now; none before the first sample.
    pub(crate) fn current(&self, aggregate: Aggregate) -> Option<f64> {
        self.last.map(|last| self.aggregate(aggregate, last))
    }

    fn aggregate(&self, aggregate: Aggregate, value: f64) -> f64 {
        match aggregate {
            Aggregate::Each => value,
            Aggregate::Percentile(percent) => {
                let rank = (usize::from(percent) * self.sorted.len()).div_ceil(100);
                self.sorted.get(rank.saturating_sub(1)).copied().unwrap_or(value)
            }
            Aggregate::Mean => {
                // Added up from the oldest: a running sum would drift.
                let sum: f64 = self.newest.iter().sum();
                #[expect(clippy::cast_precision_loss, reason = "at most a thousand samples")]
                let count = self.newest.len() as f64;
                sum / count
            }
        }
    }
}

impl State {
    /// Takes in what an event samples.
    pub(crate) fn sample(
        &mut self,
        program: &Program,
        plan: &TypePlan,
        cause: Cause,
        sink: Sink<'_>,
    ) {
        let mut values = Vec::new();
        for &metric in &plan.samples {
            let metric_plan = at(&program.metrics, metric);
            let carried = metric_plan.fields.iter().map(|&field| *at(&self.fields, field));
            let Some(value) = carried.into_iter().find_map(Datum::as_number) else { continue };
            if let Some(samples) = self.bounds.metrics.get_mut(metric as usize) {
                samples.add(value, metric_plan);
            }
            values.push((metric, value));
        }
        let sampled = |metric| values.iter().find(|(it, _)| *it == metric).map(|(_, value)| *value);
        for (plan, index) in program.standards.iter().zip(0..) {
            if let Some(value) = sampled(plan.metric) {
                self.hold_to(program, index, value, cause, sink);
            }
        }
        for (plan, index) in program.budgets.iter().zip(0..) {
            if let Some(value) = sampled(plan.metric) {
                self.spend(program, index, value, cause, sink);
            }
        }
    }

    /// Holds a metric to its standard after a sample.
    fn hold_to(&mut self, program: &Program, index: u32, value: f64, cause: Cause, sink: Sink<'_>) {
        let plan = at(&program.standards, index);
        let value = at(&self.bounds.metrics, plan.metric).aggregate(plan.aggregate, value);
        let kept = is_kept(value, plan.op, plan.bound);
        let Some(standing) = self.bounds.standards.get(index as usize).copied() else { return };
        let new = match (kept, standing) {
            (true, Kept::Within) | (false, Kept::Violated(_) | Kept::Silent) => return,
            (false, Kept::Within) => self.breach(program, plan.clause, cause, sink),
            (true, Kept::Silent) => Kept::Within,
            (true, Kept::Violated(_)) if canary::planted("a_bound_stays_broken") => return,
            (true, Kept::Violated(since)) => {
                self.keep_again(program, plan.clause, since, cause.position, sink);
                Kept::Within
            }
        };
        if let Some(standing) = self.bounds.standards.get_mut(index as usize) {
            *standing = new;
        }
    }

    /// Adds a sample to what its period has cost.
    fn spend(&mut self, program: &Program, index: u32, value: f64, cause: Cause, sink: Sink<'_>) {
        let plan = at(&program.budgets, index);
        let Some((start, end)) = program.zone.period(plan.per, cause.time) else { return };
        if end < self.now {
            return;
        }
        let known = self.bounds.budgets.get(index as usize).and_then(|it| it.get(&start));
        let new = Spent { end, sum: 0, kept: Kept::Within };
        let mut spent = known.copied().unwrap_or(new);
        spent.sum = spent.sum.saturating_add(micro(value));
        // What was too much stays so until the period is over, whatever comes back.
        if spent.kept == Kept::Within && spent.sum > plan.most {
            spent.kept = self.breach(program, plan.clause, cause, sink);
        }
        self.bounds.put(index, start, spent);
    }

    /// The first period whose end is strictly before `now` is over.
    pub(crate) fn end_period(&mut self, program: &Program, sink: Sink<'_>) {
        let Some((_, budget, start)) = self.bounds.ends.pop_first() else { return };
        let periods = self.bounds.budgets.get_mut(budget as usize);
        let Some(spent) = periods.and_then(|periods| periods.remove(&start)) else { return };
        if let Kept::Violated(since) = spent.kept {
            let clause = at(&program.budgets, budget).clause;
            self.keep_again(program, clause, since, self.position, sink);
        }
    }

    /// Takes in what a checker said of the system as a whole. That it could not tell ends no
    /// violation, and nothing holds by it.
    pub(crate) fn tell(
        &mut self,
        program: &Program,
        (check, holds): (&str, Option<bool>),
        cause: Cause,
        sink: Sink<'_>,
    ) {
        for (plan, place) in program.told.iter().zip(0..).filter(|(plan, _)| plan.check == check) {
            let Some(told) = self.bounds.told.get(place).copied() else { continue };
            let kept = match (holds, told.kept, plan.clause) {
                (Some(false), Kept::Within, Some(clause)) => {
                    self.breach(program, clause, cause, sink)
                }
                (Some(true), Kept::Violated(since), Some(clause)) => {
                    self.keep_again(program, clause, since, cause.position, sink);
                    Kept::Within
                }
                (Some(true), ..) => Kept::Within,
                (_, kept, _) => kept,
            };
            let holds = match (holds, told.holds) {
                (None, Some(false)) => Some(false),
                _ => holds,
            };
            if let Some(told) = self.bounds.told.get_mut(place) {
                *told = Told { holds, kept };
            }
        }
    }

    pub(crate) fn breach(
        &mut self,
        program: &Program,
        clause: u32,
        cause: Cause,
        sink: Sink<'_>,
    ) -> Kept {
        let mut new = Obligation::new(clause, cause.position, cause.time, NEVER, Values::new(&[]));
        new.depth = cause.depth;
        self.open_violation(program, new, sink);
        Kept::Violated(cause.position)
    }

    pub(crate) fn keep_again(
        &mut self,
        program: &Program,
        clause: u32,
        since: u64,
        by: u64,
        sink: Sink<'_>,
    ) {
        let id = ObligationId { clause: ClauseIndex(clause), trigger: Position::new(since) };
        let Some(slot) = self.open.find(id) else { return };
        let outcome = Fulfilment::InTime;
        sink(Change::Fulfilled { id, by: Position::new(by), outcome });
        self.end(program, slot, End::Fulfilled(outcome), sink);
    }

    /// What always holds is violated: that it holds again is owed at once.
    pub(crate) fn open_violation(&mut self, program: &Program, new: Obligation, sink: Sink<'_>) {
        let (id, depth, time) = (new.id(), new.depth, new.activated);
        self.occasions.enter(id.trigger.get());
        let slot = self.open.insert(new, program);
        if let Some(tally) = self.tallies.get_mut(id.clause.0 as usize) {
            tally.triggers += 1;
            tally.pending += 1;
        }
        sink(Change::Activated { id, at: Timestamp::from_micros(time), due: None, depth });
        self.open_gap(slot, program.clause(id.clause).gap, time, sink);
    }

    /// A person lets a violation of a bound go: nothing more is said until it is kept again.
    pub(crate) fn silence_bound(&mut self, program: &Program, id: ObligationId) {
        let since = Kept::Violated(id.trigger.get());
        for (plan, kept) in program.standards.iter().zip(&mut self.bounds.standards) {
            if plan.clause == id.clause.0 && *kept == since {
                *kept = Kept::Silent;
            }
        }
        for (plan, told) in program.told.iter().zip(&mut self.bounds.told) {
            if plan.clause == Some(id.clause.0) && told.kept == since {
                told.kept = Kept::Silent;
            }
        }
        for (plan, periods) in program.budgets.iter().zip(&mut self.bounds.budgets) {
            for spent in periods.values_mut() {
                if plan.clause == id.clause.0 && spent.kept == since {
                    spent.kept = Kept::Silent;
                }
            }
        }
    }
}

fn is_kept(value: f64, op: Comparison, bound: f64) -> bool {
    match op {
        Comparison::Equal => value.partial_cmp(&bound) == Some(Ordering::Equal),
        Comparison::NotEqual => value.partial_cmp(&bound) != Some(Ordering::Equal),
        Comparison::Less => value < bound,
        Comparison::LessOrEqual => value <= bound,
        Comparison::Greater => value > bound,
        Comparison::GreaterOrEqual => value >= bound,
    }
}

/// Dollars in millionths, to the nearest.
fn micro(dollars: f64) -> i64 {
    let micro = (dollars * 1e6).round();
    #[expect(clippy::cast_possible_truncation, reason = "such a conversion saturates")]
    let micro = micro as i64;
    micro
}
