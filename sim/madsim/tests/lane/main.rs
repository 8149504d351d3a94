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
    assert!(
        cfg!(madsim),
        "without `--cfg madsim` this lane and its tests are not built; unset `RUSTFLAGS`, so that \
         `.cargo/config.toml` counts"
    );
}
