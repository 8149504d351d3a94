//! How everything that the contract says stands now.
//!
//! In: the state of an evaluator. Out: a [`Standing`] for each invariant, property and target.
//! Never: takes what nobody has judged for something that holds.
//! Promise: the order is the text's; what somebody outside of the graph has to judge, and has not, is
//! undetermined here. Start reading at [`Evaluator::contract`].

use std::collections::BTreeMap;

use homeostat_log::Value;
use homeostat_world::Position;
use serde::Serialize;

use crate::bounds::{Kept, Spent};
use crate::change::ObligationId;
use crate::datum::Datum;
use crate::evaluator::Evaluator;

use crate::program::bounds::{Judge, Sort, StandPlan, StandardPlan};
use crate::program::{ClauseIndex, Program, at};
use crate::watch::Standing as Lasting;

/// Whether a proposition holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It does.
    Holds,
    /// It does not.
    Violated,
    /// Nobody has said so, or nothing has been sampled yet.
    Undetermined,
}

/// One line of the contract, and how it stands.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Standing {
    /// The invariant's or target's readable name, the property's name.
    pub name: String,
    /// As written; of a property, whose it is.
    pub text: String,
    /// What sort of promise it is.
    pub sort: Sort,
    /// Who judges it.
    pub judge: Judge,
    /// `unless q`: what excuses a property, and who judges that.
    pub unless: Option<(String, Judge)>,
    /// How it stands.
    pub verdict: Verdict,
    /// What is held to the bound: the newest sample or the figure over the newest ones, in the metric's
    /// unit; what the newest period of a budget has cost, in dollars.
    pub value: Option<f64>,
    /// What violates it now: the oldest episode.
    pub violation: Option<Breach>,
}

/// Since when something that the contract says is violated.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Breach {
    /// The event since which it is; none where a person has let it go and nothing keeps count any more.
    pub since: Option<Position>,
    /// The open gap; none where a person has let it go.
    pub gap: Option<String>,
    /// How many instances violate it; 1 for what is about the system.
    pub instances: u64,
}

/// What of a judge's word stands in the evaluator.
#[derive(Debug)]
struct Judged {
    verdict: Verdict,
    value: Option<f64>,
    violation: Option<Breach>,
}

/// The instances that violate an assertion.
#[derive(Debug, Default)]
struct Violating {
    instances: u64,
    /// Since when the oldest does.
    oldest: Option<u64>,
    /// Since when the oldest does that nobody has let go, and the trigger of what is owed.
    owed: Option<(u64, u64)>,
}

impl Verdict {
    /// `p unless q` is `p OR q`.
    const fn unless(self, excuse: Self) -> Self {
        match (self, excuse) {
            (Self::Holds, _) | (_, Self::Holds) => Self::Holds,
            (Self::Violated, Self::Violated) => Self::Violated,
            _ => Self::Undetermined,
        }
    }

    const fn answered(holds: Option<bool>) -> Self {
        match holds {
            Some(true) => Self::Holds,
            Some(false) => Self::Violated,
            None => Self::Undetermined,
        }
    }
}

impl Judged {
    const fn just(verdict: Verdict) -> Self {
        Self { verdict, value: None, violation: None }
    }
}

impl Evaluator {
    /// Everything that the contract says, and how it stands now.
    #[must_use]
    pub fn contract(&self) -> Vec<Standing> {
        let violating = self.violating();
        self.program().contract.iter().map(|plan| self.standing(plan, &violating)).collect()
    }

    fn standing(&self, plan: &StandPlan, violating: &BTreeMap<u32, Violating>) -> Standing {
        let Judged { verdict, value, violation } = self.judged(&plan.judge, violating);
        let excuse = plan.unless.as_ref().map(|(_, judge)| self.judged(judge, violating).verdict);
        Standing {
            name: plan.name.clone(),
            text: plan.text.clone(),
            sort: plan.sort,
            judge: plan.judge.clone(),
            unless: plan.unless.clone(),
            verdict: excuse.map_or(verdict, |excuse| verdict.unless(excuse)),
            value,
            violation,
        }
    }

    fn judged(&self, judge: &Judge, violating: &BTreeMap<u32, Violating>) -> Judged {
        let (program, bounds) = (self.program(), &self.state.bounds);
        match *judge {
            Judge::Standard(index) => {
                let plan = program.standards.get(index as usize);
                let kept = bounds.standards.get(index as usize);
                plan.zip(kept).map_or(Judged::just(Verdict::Undetermined), |(plan, kept)| {
                    self.of_standard(plan, *kept)
                })
            }
            Judge::Budget(index) => {
                let plan = program.budgets.get(index as usize);
                let periods = bounds.budgets.get(index as usize);
                let newest = periods.and_then(|periods| periods.values().next_back());
                let over = periods.and_then(|it| it.values().find(|it| it.kept != Kept::Within));
                let verdict = Verdict::answered(Some(over.is_none()));
                #[expect(
                    clippy::cast_precision_loss,
                    reason = "a budget is far below 2^53 millionths"
                )]
                let dollars = |spent: &Spent| spent.sum as f64 / 1e6;
                let violation =
                    plan.zip(over).and_then(|(plan, over)| self.violation(plan.clause, over.kept));
                Judged { verdict, value: newest.map(dollars), violation }
            }
            Judge::Assertion(clause) => {
                let violation = violating.get(&clause).map(|it| self.breach_of(clause, it));
                let verdict = Verdict::answered(Some(violation.is_none()));
                Judged { verdict, value: None, violation }
            }
            Judge::Outside(place, _) => {
                let told = bounds.told.get(place as usize).copied().unwrap_or_default();
                let clause = program.told.get(place as usize).and_then(|plan| plan.clause);
                let violation = clause.and_then(|clause| self.violation(clause, told.kept));
                Judged { verdict: Verdict::answered(told.holds), value: None, violation }
            }
            Judge::Nobody | Judge::Promotion => Judged::just(Verdict::Undetermined),
        }
    }

    fn of_standard(&self, plan: &StandardPlan, kept: Kept) -> Judged {
        let samples = self.state.bounds.metrics.get(plan.metric as usize);
        let value = samples.and_then(|it| it.current(plan.aggregate));
        let verdict = match kept {
            Kept::Within => Verdict::answered(value.map(|_| true)),
            Kept::Violated(_) | Kept::Silent => Verdict::Violated,
        };
        Judged { verdict, value, violation: self.violation(plan.clause, kept) }
    }

    fn violation(&self, clause: u32, kept: Kept) -> Option<Breach> {
        let since = match kept {
            Kept::Within => return None,
            Kept::Violated(since) => Some(since),
            Kept::Silent => None,
        };
        let gap = since.and_then(|since| self.open_gap_of(clause, since));
        Some(Breach { since: since.map(Position::new), gap, instances: 1 })
    }

    /// The instances that violate each assertion now, also those where a person let that go.
    fn violating(&self) -> BTreeMap<u32, Violating> {
        let program = self.program();
        let mut violating: BTreeMap<u32, Violating> = BTreeMap::new();
        for episode in self.state.watches.all().filter(|it| it.standing != Lasting::Lasting) {
            let plan = program.watches.get(episode.watch as usize);
            let Some(always) = plan.and_then(|plan| plan.always(program)) else { continue };
            let of = violating.entry(always.clause).or_default();
            of.instances += 1;
            of.oldest = of.oldest.into_iter().chain([episode.since]).min();
            if let Lasting::Violated(trigger) = episode.standing {
                of.owed = of.owed.into_iter().chain([(episode.since, trigger)]).min();
            }
        }
        violating
    }

    fn breach_of(&self, clause: u32, violating: &Violating) -> Breach {
        let gap = violating.owed.and_then(|(_, trigger)| self.open_gap_of(clause, trigger));
        let since = violating.oldest.map(Position::new);
        Breach { since, gap, instances: violating.instances }
    }

    /// Whether events have told of this instance of an entity that something is asked about.
    pub fn knows(&mut self, entity: &str, name: &str) -> bool {
        let Some(&entity) = self.program().entity_names.get(entity) else { return false };
        let tracked = at(&self.program().entities, entity).tracked;
        let state = &mut self.state;
        let instance = Datum::take(Value::Text(name), &mut state.symbols);
        let instance = instance.as_instance(&state.symbols);
        let is_known = tracked.is_some_and(|it| state.instances.since(it, instance).is_some());
        // A name that nothing else holds is let go again.
        state.symbols.settle();
        is_known
    }

    fn open_gap_of(&self, clause: u32, trigger: u64) -> Option<String> {
        let id = ObligationId { clause: ClauseIndex(clause), trigger: Position::new(trigger) };
        self.obligation(id).filter(|it| it.gap_open).map(|it| it.name)
    }
}

impl Program {
    /// The name of everything that the contract says or lets excuse something, and who judges it.
    pub fn propositions(&self) -> impl Iterator<Item = (&str, &Judge)> {
        self.contract.iter().flat_map(|plan| {
            let excuse = plan.unless.as_ref().map(|(name, judge)| (name.as_str(), judge));
            [(plan.name.as_str(), &plan.judge)].into_iter().chain(excuse)
        })
    }

    /// Whether an assertion over the entity asks a checker of that name.
    #[must_use]
    pub fn asks_about(&self, check: &str, entity: &str) -> bool {
        let Some(&entity) = self.entity_names.get(entity) else { return false };
        self.reported.iter().any(|plan| plan.checker == check && plan.entity == entity)
    }

    /// What assertions ask checkers about, instance by instance.
    pub fn asked_about(&self) -> impl Iterator<Item = String> {
        self.reported.iter().map(|plan| plan.checker.clone())
    }
}
