//! How a bound of the contract is broken: by samples, by what a period has cost, by what a checker said.
//!
//! In: a violated bound. Out: the same as for an assertion. Never: remembers more than the bound does.
//! Start reading at [`Evaluator::bounded`].

use homeostat_intent::lowered::{Aggregate, Checker};
use homeostat_world::{Position, Timestamp};

use super::{Told, Violation};
use crate::bounds::Kept;
use crate::change::ObligationId;
use crate::datum::Truth;
use crate::evaluator::Evaluator;
use crate::explain::print::length;
use crate::explain::probe::Tested;
use crate::program::bounds::Judge;
use crate::program::{Clause, at};

impl Evaluator {
    /// How an invariant or a target is violated.
    pub(super) fn bounded(&self, clause: &Clause, id: ObligationId) -> Option<Told> {
        let of = |index: &u32| *index == id.clause.0;
        let program = self.program();
        if let Some(plan) = program.standards.iter().find(|it| of(&it.clause)) {
            let samples = at(&self.state.bounds.metrics, plan.metric);
            let value = samples.current(plan.aggregate)?;
            let said = match plan.aggregate {
                Aggregate::Each => "the newest sample".to_owned(),
                Aggregate::Percentile(50) => {
                    format!("the median of the newest {} samples", samples.newest.len())
                }
                Aggregate::Percentile(percent) => {
                    format!("percentile {percent} of the newest {} samples", samples.newest.len())
                }
                Aggregate::Mean => {
                    format!("the mean of the newest {} samples", samples.newest.len())
                }
            };
            let found = compared(clause, value, plan.bound);
            let because = format!(
                "`{}` is broken since event e{}: {said} is {value}",
                clause.text, id.trigger
            );
            let resolved = "a sample comes with which the bound is kept".to_owned();
            return Some((
                violation(clause, id.trigger, vec![found]),
                because,
                by(clause, resolved),
            ));
        }
        if let Some((plan, place)) =
            program.budgets.iter().zip(0_usize..).find(|(it, _)| of(&it.clause))
        {
            let periods = self.state.bounds.budgets.get(place)?;
            let since = Kept::Violated(id.trigger.get());
            let spent = periods.values().find(|spent| spent.kept == since)?;
            let (sum, most) = (dollars(spent.sum), dollars(plan.most));
            let end = Timestamp::from_micros(spent.end);
            let because = format!(
                "`{}` is broken since event e{}: what was sampled in this period of {} comes to {sum}",
                clause.text,
                id.trigger,
                length(plan.per),
            );
            let found = compared(clause, sum, most);
            let resolved = format!("the period ends, at {end}: what it has cost it has cost");
            return Some((violation(clause, id.trigger, vec![found]), because, resolved));
        }
        let plan = program.told.iter().find(|it| it.clause == Some(id.clause.0))?;
        let told =
            Tested::Holds { text: clause.text.clone(), value: false.into(), truth: Truth::False };
        let judge = self.judge_of(clause);
        let because = format!(
            "`{}` does not hold: {judge} reported so at event e{}",
            clause.text, id.trigger
        );
        let resolved =
            format!("{judge} reports that it holds (`check.reported` of `{}`)", plan.check);
        Some((violation(clause, id.trigger, vec![told]), because, resolved))
    }

    /// Who judges an invariant, in words.
    fn judge_of(&self, clause: &Clause) -> String {
        let stand = self.program().contract.iter().find(|it| it.name == clause.slug);
        match stand.map(|it| &it.judge) {
            Some(Judge::Outside(_, Checker::Command(command))) => {
                format!("the command `{command}`")
            }
            Some(Judge::Outside(_, Checker::Review)) => "a person".to_owned(),
            Some(Judge::Outside(_, Checker::BuiltIn(_))) => "the engine itself".to_owned(),
            _ => "its checker".to_owned(),
        }
    }
}

fn violation(clause: &Clause, since: Position, found: Vec<Tested>) -> Violation {
    let says = clause.text.clone();
    Violation { says, entity: None, instance: None, since, since_time: None, found }
}

fn compared(clause: &Clause, value: f64, bound: f64) -> Tested {
    let text = clause.text.clone();
    Tested::Compare { text, left: value.into(), right: bound.into(), truth: Truth::False }
}

fn by(clause: &Clause, what: String) -> String {
    match clause.satisfied_by.as_slice() {
        [] => what,
        types => format!("{what}: an event of `{}`", types.join("` or `")),
    }
}

#[expect(clippy::cast_precision_loss, reason = "for people; more than a thousand million dollars")]
fn dollars(micro: i64) -> f64 {
    micro as f64 / 1e6
}
