#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

mod breakers;
mod life;
mod property;
mod stage;
