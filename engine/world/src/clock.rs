//! The clock door.

use std::future::Future;

use crate::time::Timestamp;

/// What time it is, and how to wait for another.
///
/// Promise: `now` never goes backwards, whatever the machine's own clock does. Every instant that
/// the engine writes or compares comes from here or from an event.
pub trait Clock: Clone + Send + Sync + 'static {
    /// The present, in microseconds UTC. Never less than an earlier answer of the same clock.
    fn now(&self) -> Timestamp;

    /// Ready at the first moment when `now() >= at`; at once when that has passed.
    ///
    /// Dropping the future cancels the wait.
    fn sleep_until(&self, at: Timestamp) -> impl Future<Output = ()> + Send;
}
