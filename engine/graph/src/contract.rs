//! How everything that the contract says stands now.
//!
//! In: the state of an evaluator. Out: a [`Standing`] for each invariant, property and target.
//! Never: takes what nobody has judged for something that holds.
//! Promise: the order is the text's; what somebody outside of the graph has to judge is undetermined
//! here. Start reading at [`Evaluator::contract`].

use serde::Serialize;

use crate::bounds::Kept;
use crate::evaluator::Evaluator;
use crate::program::at;
use crate::program::bounds::{Judge, Sort};
use crate::state::State;
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
}

impl Verdict {
    /// `p unless q` is `p OR q`.
    fn unless(self, excuse: Self) -> Self {
        match (self, excuse) {
            (Self::Holds, _) | (_, Self::Holds) => Self::Holds,
            (Self::Violated, Self::Violated) => Self::Violated,
            _ => Self::Undetermined,
        }
    }
}

impl Evaluator {
    /// Everything that the contract says, and how it stands now.
    #[must_use]
    pub fn contract(&self) -> Vec<Standing> {
        let program = self.program();
        let verdict = |judge: &Judge| self.verdict(judge);
        let one = |plan: &crate::program::bounds::StandPlan| {
            let own = verdict(&plan.judge);
            let excuse = plan.unless.as_ref().map(|(_, judge)| verdict(judge));
            Standing {
                name: plan.name.clone(),
                text: plan.text.clone(),
                sort: plan.sort,
                judge: plan.judge.clone(),
                unless: plan.unless.clone(),
                verdict: excuse.map_or(own, |excuse| own.unless(excuse)),
            }
        };
        program.contract.iter().map(one).collect()
    }

    fn verdict(&self, judge: &Judge) -> Verdict {
        let state: &State = &self.state;
        match *judge {
            Judge::Standard(index) => {
                let plan = self.program().standards.get(index as usize);
                let samples = plan.and_then(|plan| state.bounds.metrics.get(plan.metric as usize));
                match state.bounds.standards.get(index as usize) {
                    Some(Kept::Within) if samples.is_some_and(|it| it.last.is_some()) => {
                        Verdict::Holds
                    }
                    Some(Kept::Violated(_) | Kept::Silent) => Verdict::Violated,
                    _ => Verdict::Undetermined,
                }
            }
            Judge::Budget(index) => {
                let periods = state.bounds.budgets.get(index as usize);
                let over = |it: &crate::bounds::Spent| it.kept != Kept::Within;
                let is_over = periods.is_some_and(|periods| periods.values().any(over));
                if is_over { Verdict::Violated } else { Verdict::Holds }
            }
            Judge::Assertion(clause) => {
                if self.is_violated(clause) {
                    Verdict::Violated
                } else {
                    Verdict::Holds
                }
            }
            Judge::Outside(place, _) => {
                match state.bounds.told.get(place as usize).and_then(|told| told.holds) {
                    Some(true) => Verdict::Holds,
                    Some(false) => Verdict::Violated,
                    None => Verdict::Undetermined,
                }
            }
            Judge::Nobody | Judge::Promotion => Verdict::Undetermined,
        }
    }

    /// Whether any instance violates an assertion now, also where a person let that go.
    fn is_violated(&self, clause: u32) -> bool {
        let program = self.program();
        self.state.watches.all().any(|episode| {
            let plan = at(&program.watches, episode.watch);
            let ours = plan.always(program).is_some_and(|always| always.clause == clause);
            ours && episode.standing != Lasting::Lasting
        })
    }
}
