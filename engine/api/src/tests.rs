//! The API against a real engine in memory, over a network in memory, in paused time.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod client;
mod contract;
mod described;
mod doors;
mod engine;
mod events;
mod gaps;
mod house;
mod intent;
mod malformed;
mod metered;
mod patience;

/// Goldens of this room.
fn golden(name: &str, text: &str) {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("../../../snapshots/api");
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!(name, text));
}
