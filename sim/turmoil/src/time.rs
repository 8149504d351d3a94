//! The clock door of the turmoil lane.
//!
//! In: the time that the stage has set, tokio's timers. Out: the present, waits.
//! Never: reads tokio's `Instant`, which has its origin in the machine's clock.
//! Promise: what the Clock door promises, in steps of a millisecond: tokio's timers know nothing
//! finer. Start reading at [`TurmoilClock`].

use std::sync::Arc;

use homeostat_world::{Clock, Duration, Timestamp};

use crate::world::World;

/// Virtual time as nodes see it, the same for all of them.
#[derive(Clone, Debug)]
pub struct TurmoilClock {
    world: Arc<World>,
}

/// One wait of tokio's timer lasts at most this long: it counts in 36 bits of milliseconds.
const WAIT_MAX: Duration = Duration::from_secs(365 * 86_400);

impl TurmoilClock {
    pub(crate) const fn new(world: Arc<World>) -> Self {
        Self { world }
    }
}

impl Clock for TurmoilClock {
    fn now(&self) -> Timestamp {
        self.world.now()
    }

    #[expect(clippy::disallowed_methods, reason = "this is the door that others are sent to")]
    async fn sleep_until(&self, at: Timestamp) {
        loop {
            let now = self.now();
            if now >= at {
                return;
            }
            let wait = at.since(now).min(WAIT_MAX);
            // The wait is tokio's; the stage only has to know that nothing happens before.
            let _written = self.world.sleep(now + wait);
            tokio::time::sleep(wait.to_std()).await;
        }
    }
}
