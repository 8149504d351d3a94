//! The madsim lane: its doors, its links, whole runs, and that runs repeat.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

#[cfg(madsim)]
mod conformance;
#[cfg(madsim)]
#[path = "../../../harness/tests/run/desk.rs"]
mod desk;
#[cfg(madsim)]
mod executor;
#[cfg(madsim)]
mod machine;
#[cfg(madsim)]
mod net;
#[cfg(madsim)]
mod runs;
#[cfg(madsim)]
#[path = "../../../harness/tests/stage/talk.rs"]
mod talk;
#[cfg(madsim)]
mod world;

#[cfg(madsim)]
use world::{DAWN, after};

#[test]
fn the_flags_that_bring_this_lane_are_in_force() {
    let lane = if cfg!(madsim) { "built" } else { "missing" };
    let help = "unset `RUSTFLAGS`, so that the flags in `.cargo/config.toml` count";
    assert_eq!(
        lane, "built",
        "without `--cfg madsim` this lane and its tests are not there; {help}"
    );
}
