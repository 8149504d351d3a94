//! Lanes: the worlds that a Plan can be run in, by name.
//!
//! In: a Plan. Out: a [`Run`]. Never: judges. Promise: what a lane's `run` does depends on the Plan
//! alone. Start reading at [`Lane`]; [`NATIVE`] is this crate's own, `sim/turmoil` and `sim/madsim`
//! bring the others.

use homeostat_world::Chance;

use crate::native::{Native, Order};
use crate::plan::Plan;
use crate::run::{Run, Setup, run_on};

/// One world.
#[derive(Clone, Copy, Debug)]
pub struct Lane {
    /// Its name, as `--lane` takes it.
    pub name: &'static str,
    /// Runs a Plan, whose files have been read. An error is why the log cannot be read afterwards,
    /// which is a finding in itself.
    pub run: fn(&Plan, &Setup) -> Result<Run, String>,
}

/// Our own executor: the daily lane.
pub const NATIVE: Lane = Lane {
    name: "native",
    run: |plan, setup| {
        let chance = Chance::from_u64(plan.seed);
        run_on(&mut Native::new(plan.start, &chance, Order::Shuffled), plan, setup)
    },
};
