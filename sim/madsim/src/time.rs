//! The clock door on madsim's timers.
//!
//! In: instants to wait for. Out: wakes. Never: wakes whoever has given up waiting.
//! Promise: what the Clock door promises, to the microsecond; madsim's own sleeps last a millisecond
//! at least. Start reading at [`MadClock`].

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Wake, Waker};

use homeostat_world::{Clock, Timestamp};

use crate::world::World;

/// Virtual time as nodes see it, the same for all of them.
#[derive(Clone, Debug)]
pub struct MadClock {
    world: Arc<World>,
}

impl MadClock {
    pub(crate) const fn new(world: Arc<World>) -> Self {
        Self { world }
    }
}

impl Clock for MadClock {
    fn now(&self) -> Timestamp {
        self.world.now()
    }

    fn sleep_until(&self, at: Timestamp) -> impl Future<Output = ()> + Send {
        Sleep::new(Arc::clone(&self.world), at)
    }
}

/// A wait for an instant.
#[derive(Debug)]
pub(crate) struct Sleep {
    world: Arc<World>,
    at: Timestamp,
    /// What the timer rings, once there is one.
    bell: Option<Arc<Bell>>,
}

/// Stands between a timer, which madsim never takes back, and who waits now.
#[derive(Debug)]
struct Bell {
    waiting: Mutex<Option<Waker>>,
}

impl Bell {
    fn set(&self, waiting: Option<Waker>) -> Option<Waker> {
        let mut held = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::replace(&mut *held, waiting)
    }
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        if let Some(waiting) = self.set(None) {
            waiting.wake();
        }
    }
}

impl Sleep {
    pub(crate) const fn new(world: Arc<World>, at: Timestamp) -> Self {
        Self { world, at, bell: None }
    }
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if self.world.now() >= self.at {
            return Poll::Ready(());
        }
        let waiting = Some(context.waker().clone());
        if let Some(bell) = &self.bell {
            drop(bell.set(waiting));
            return Poll::Pending;
        }
        let bell = Arc::new(Bell { waiting: Mutex::new(waiting) });
        self.world.ring(self.at, &Waker::from(Arc::clone(&bell)));
        self.bell = Some(bell);
        Poll::Pending
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        if let Some(bell) = &self.bell {
            drop(bell.set(None));
        }
    }
}
