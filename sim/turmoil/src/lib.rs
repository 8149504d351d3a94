//! The turmoil lane: Plans on turmoil's network and tokio's paused clock.
