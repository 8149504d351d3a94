//! The turmoil lane: Plans on turmoil's network and tokio's paused clock.
//!
//! In: a Plan. Out: a run of the same nodes as in every lane, each on a tokio runtime of its own.
//! Never: judges; reads the machine's clock or entropy.
//! Promise: same build, same Plan: same bytes.
//!
//! | whose | what |
//! |---|---|
//! | tokio's | the executor, timers, `select!` (seeded), cancelling |
//! | turmoil's | hosts and turns, TCP: segments, their order, ends, resets of what nobody has |
//! | ours | when a message is delivered (`post`): latency, jitter, cut links, each way by itself |
//! | ours | refusals, and how long a dial takes (`net`) |
//! | ours | resets from outside, room in bytes (`line`, `stream`) |
//! | ours | leaps over idle time (`stage`) |
//!
//! Start reading at [`LANE`], then [`Turmoil`].
#![expect(clippy::panic, reason = "a lane that cannot go on has nobody to tell but the run")]

mod line;
mod net;
mod post;
mod stage;
mod stream;
mod tasks;
mod time;
mod world;

use homeostat_sim_harness::Lane;
use homeostat_sim_harness::run::run_on;

pub use net::{TurmoilListener, TurmoilNet};
pub use stage::{Turmoil, TurmoilDoors};
pub use stream::TurmoilStream;
pub use tasks::{TurmoilTask, TurmoilTasks};
pub use time::TurmoilClock;

/// The turmoil lane.
pub const LANE: Lane = Lane {
    name: "turmoil",
    run: |plan, setup| run_on(&mut Turmoil::new(plan.start, plan.seed), plan, setup),
};
