//! Promise: at every instant no more agents are alive than may be, none is spawned for a gap too
//! deep, too soon after the last, after too many failures, for an escalated gap, a second time on
//! the outside without a person's word, or over the budget of an hour.
//!
//! From the log alone, with its own arithmetic. Start reading at [`judge`].

use homeostat_intent::lowered::{Length, Limits};
use homeostat_log::control::{BUDGET_WINDOW, Escalation};
use homeostat_log::{Control, Event};
use homeostat_world::{Duration, Timestamp};

use super::told::{Told, ToldGap};
use super::{Evidence, Findings};

pub(super) fn judge(evidence: &Evidence, findings: &mut Findings) {
    let mut told = Told::default();
    for (event, control) in evidence.controls() {
        let limits = &evidence.version_at(event.position).0.limits;
        if let Control::AgentSpawned { gap, cost_max, .. } = control {
            let at = event.position;
            let mut say = |what: String| findings.push(format!("e{at}: {what}"));
            if let Some(known) = told.gaps.get(gap) {
                of_the_gap(limits, known, gap, event, &mut say);
                let external = evidence.setup.clause_of(gap).is_some_and(|clause| clause.external);
                if external && known.tries > 0 {
                    say(format!("`{gap}` works on the outside and is tried a second time"));
                }
            }
            of_all(limits, &told, *cost_max, event.recorded, &mut say);
        }
        told.take(control, event.recorded);
    }
}

fn of_the_gap(
    limits: &Limits,
    known: &ToldGap,
    gap: &str,
    event: &Event,
    say: &mut impl FnMut(String),
) {
    let (depth, depth_max) = (u32::from(known.depth), limits.max_agent_depth);
    if depth >= depth_max && !known.excused {
        say(format!("`{gap}` has depth {depth} of {depth_max} and gets an agent"));
    }
    let (failures, failures_max) = (known.failures, limits.max_agents_per_gap);
    if failures >= failures_max {
        say(format!("`{gap}` gets an agent after {failures} of {failures_max} have failed"));
    }
    if let Some(rested_from) = known.rested_from {
        let until = rested_from + fixed(limits.cooldown_per_gap);
        if event.recorded < until {
            let at = event.recorded;
            say(format!("`{gap}` gets an agent at {at} and should rest until {until}"));
        }
    }
    if let Some(reason) = known.escalated.filter(|reason| *reason != Escalation::NoAgent) {
        say(format!("`{gap}` gets an agent while it lies with people: {reason:?}"));
    }
}

fn of_all(
    limits: &Limits,
    told: &Told,
    cost_max: u64,
    at: Timestamp,
    say: &mut impl FnMut(String),
) {
    let (alive, alive_max) = (told.alive().count() + 1, limits.max_concurrent_agents);
    if alive as u64 > u64::from(alive_max) {
        say(format!("{alive} agents are alive, at most {alive_max} may be"));
    }
    let Some(budget) = budget(limits).filter(|_| cost_max > 0) else { return };
    let recent = told.costs.iter().filter(|(ended, _)| at.since(*ended) < BUDGET_WINDOW);
    let spent: u64 = recent.map(|(_, cost)| cost).sum();
    let reserved: u64 = told.alive().map(|(_, agent)| agent.cost_max).sum();
    if spent + reserved + cost_max > budget {
        say(format!(
            "{spent} spent, {reserved} reserved and {cost_max} asked for are over the {budget} of an hour"
        ));
    }
}

/// What an hour may cost, in millionths of a dollar.
fn budget(limits: &Limits) -> Option<u64> {
    let budget = limits.total_compute_budget?;
    let per = fixed(budget.per).as_micros();
    if per <= 0 {
        return Some(budget.micro_dollars);
    }
    let hour = i128::from(BUDGET_WINDOW.as_micros());
    u64::try_from(i128::from(budget.micro_dollars) * hour / i128::from(per)).ok()
}

/// A month is 30 days here.
pub(super) fn fixed(length: Length) -> Duration {
    const MONTH: i64 = 30 * 24 * 3_600 * 1_000_000;
    Duration::from_micros(length.micros + i64::from(length.months) * MONTH)
}
