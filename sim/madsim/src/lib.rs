//! The madsim lane: Plans on madsim's executor, timers and network.
//!
//! In: a Plan. Out: a run of it. Never: judges; tokio's timers, tasks or threads, which madsim forbids.
//! Promise: same build, same Plan: same bytes. The crate is empty without `--cfg madsim`, which
//! `.cargo/config.toml` sets; a test says so when an environment's `RUSTFLAGS` has taken it away.
//!
//! What is madsim's: which task runs next, the 50 to 100 nanoseconds that each poll takes, timers, the
//! end of a stopped node's tasks, ports, the ordered channels under connections with at least one
//! millisecond for each packet, and the clogging of links: a packet sent on a cut link is tried again
//! after 1, 2, 4 … milliseconds (10 seconds at most), so it comes up to as long after the heal as the
//! cut lasted. What is on its way when a link is cut still arrives.
//!
//! What is ours: the start of time; sleeps to the microsecond (madsim's last a millisecond at least);
//! dials that wait before a cut link; refusals; latency and jitter of each link, of which madsim's
//! millisecond is a part; back-pressure; half-closed streams; resets; that the end of a crashed peer,
//! which is a clean one here, takes the latency and does not pass a cut link.
//!
//! Loss is 0: streams are reliable. madsim draws the order of tasks from one stream of chance, so each
//! call of `run_until`, itself a task, moves the draws after it: a Plan with one fault more has another
//! order of tasks from there on.
//!
//! madsim brings functions of its own in the place of libc's clock, entropy, affinity and thread starts.
//! Outside of a call of the stage they hand on to libc, on every thread; they find it by `dlsym`, so a
//! program with this lane cannot be linked statically.
//! Start reading at [`Madsim`].
#![cfg(madsim)]

mod net;
mod stage;
mod stream;
mod tasks;
mod time;
mod world;

use homeostat_sim_harness::Lane;
use homeostat_sim_harness::run::run_on;
use homeostat_world::Chance;

pub use net::{MadListener, MadNet};
pub use stage::{MadDoors, Madsim};
pub use stream::MadStream;
pub use tasks::{MadTask, MadTasks};
pub use time::MadClock;

/// madsim's executor and network.
pub const LANE: Lane = Lane {
    name: "madsim",
    run: |plan, setup| {
        let chance = Chance::from_u64(plan.seed);
        run_on(&mut Madsim::new(plan.start, &chance), plan, setup)
    },
};
