//! The lane of the real doors: fault-free Plans on tokio, loopback sockets and fjall, time sped up.
//!
//! What `homeostat serve` runs on, with two differences: the clock makes [`SPEED`] seconds of one,
//! and names stand for ports. So it shows that the simulated lanes come to the end that the real
//! world comes to.
//! In: a Plan without faults. Out: its evidence. Never: a fault; the real world has no handle for it.
//! Promise: none about bytes. Threads and sockets take turns as they like, so no two runs are alike
//! and the trace says nothing; only what a Plan converges to can be compared.
//! Start reading at [`LANE`], then `director`.

mod clock;
mod director;
mod disk;
mod doors;

use homeostat_sim_harness::Lane;

pub use clock::SPEED;

/// The real doors.
pub const LANE: Lane = Lane { name: "tokio", run: director::run };
