//! Canaries: defects planted in the engine, each with the oracle that must catch it.
//!
//! In: the Plans of a scenario's seeds or a kept one, and a build that can plant defects. Out: the seed whose run the oracle complained
//! of, and the smallest Plan of which it still does. Never: plants anything in another build; counts
//! a defect as caught when only another oracle noticed it.
//! Promise: after a hunt nothing is planted. The sites are `canary::planted("…")` in the engine; a
//! test holds them against [`ALL`]. Start reading at [`hunt`].

mod list;

use homeostat_world::canary;

pub use list::ALL;

use crate::plan::Plan;
use crate::run::Judged;
use crate::shrink::shrink;

/// One defect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Canary {
    /// Its name at its site in the engine.
    pub name: &'static str,
    /// The oracle that must catch it.
    pub oracle: &'static str,
    /// What is wrong then.
    pub defect: &'static str,
    /// The scenario whose seeds it is hunted with, in `scenarios/`; or a kept Plan, `seeds/…` or
    /// `plans/…`, for what only a handful of steps at their very times brings to light.
    pub scenario: &'static str,
}

/// A run that gave a defect away.
#[derive(Clone, Debug)]
pub struct Caught {
    /// Its seed.
    pub seed: u64,
    /// What the oracle said.
    pub what: String,
    /// Its Plan.
    pub plan: Plan,
}

/// Runs and judges a Plan.
pub type Judge<'a> = dyn FnMut(&Plan) -> Result<Judged, String> + 'a;

/// Runs the Plans of seeds from 0 on with the defect planted, until its oracle complains or `go_on`
/// says no.
///
/// # Errors
/// When this build cannot plant defects, or a Plan cannot be run.
pub fn hunt(
    canary: &Canary,
    plan_of: impl Fn(u64) -> Plan,
    judge: &mut Judge<'_>,
    mut go_on: impl FnMut(u64) -> bool,
) -> Result<Option<Caught>, String> {
    let _planted = Planted::plant(canary)?;
    let mut seed = 0;
    while go_on(seed) {
        let plan = plan_of(seed);
        if let Some(what) = complaint(canary, &judge(&plan)?) {
            return Ok(Some(Caught { seed, what, plan }));
        }
        seed += 1;
    }
    Ok(None)
}

/// The smallest Plan found of which the oracle still complains, with the defect planted.
///
/// # Errors
/// When this build cannot plant defects.
pub fn shrunk(
    canary: &Canary,
    plan: &Plan,
    judge: &mut Judge<'_>,
    budget: usize,
) -> Result<Plan, String> {
    let _planted = Planted::plant(canary)?;
    let still_fails =
        |plan: &Plan| judge(plan).is_ok_and(|judged| complaint(canary, &judged).is_some());
    Ok(shrink(plan, still_fails, budget))
}

/// What the canary's own oracle says of a run.
fn complaint(canary: &Canary, judged: &Judged) -> Option<String> {
    let own = judged.violations.iter().find(|it| it.oracle == canary.oracle);
    own.map(|violation| violation.what.clone())
}

/// A defect in place, taken away when this goes.
struct Planted;

impl Planted {
    fn plant(canary: &Canary) -> Result<Self, String> {
        if canary::plant(Some(canary.name)) {
            return Ok(Self);
        }
        Err("this build cannot plant defects; `cargo ci canaries` builds one that can, in \
             `target/canary`, and runs it"
            .to_owned())
    }
}

impl Drop for Planted {
    fn drop(&mut self) {
        // It was possible a moment ago.
        let _possible = canary::plant(None);
    }
}

#[cfg(test)]
mod tests;
