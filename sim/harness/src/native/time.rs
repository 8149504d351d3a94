//! Virtual time: the agenda of what is due when, and the clock door on it.
//!
//! Promise: to the microsecond; what is due at one instant comes in the order in which it was
//! asked for. Start reading at [`Agenda`].

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use homeostat_world::{Clock, Timestamp};

use super::wire::{ConnectionId, Side};
use super::world::World;

/// What is to happen, by time.
#[derive(Default)]
pub(super) struct Agenda {
    entries: BTreeMap<Key, Due>,
    last: u64,
}

type Key = (Timestamp, u64);

pub(super) enum Due {
    /// Somebody has slept enough.
    Wake(Waker),
    /// Bytes may have come to one end of a connection.
    Arrival(ConnectionId, Side),
}

impl Agenda {
    pub(super) fn at(&mut self, at: Timestamp, due: Due) -> Key {
        self.last += 1;
        let key = (at, self.last);
        self.entries.insert(key, due);
        key
    }

    /// When the next entry is due.
    pub(super) fn next(&self) -> Option<Timestamp> {
        self.entries.first_key_value().map(|(key, _)| key.0)
    }

    /// The next entry, if it is due by `now`.
    pub(super) fn take(&mut self, now: Timestamp) -> Option<Due> {
        let first = self.entries.first_entry()?;
        (first.key().0 <= now).then(|| first.remove())
    }
}

/// Virtual time as nodes see it, the same for all of them.
#[derive(Clone, Debug)]
pub struct SimClock {
    world: Arc<World>,
}

impl SimClock {
    pub(super) const fn new(world: Arc<World>) -> Self {
        Self { world }
    }
}

impl Clock for SimClock {
    fn now(&self) -> Timestamp {
        self.world.now()
    }

    fn sleep_until(&self, at: Timestamp) -> impl Future<Output = ()> + Send {
        Sleep { world: Arc::clone(&self.world), at, key: None }
    }
}

struct Sleep {
    world: Arc<World>,
    at: Timestamp,
    /// Its place in the agenda, once it has been polled.
    key: Option<Key>,
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if self.world.now() >= self.at {
            return Poll::Ready(());
        }
        let (world, at) = (Arc::clone(&self.world), self.at);
        let mut state = world.lock();
        let due = Due::Wake(context.waker().clone());
        let outdated = match self.key {
            // It keeps its place; only who is woken may have changed.
            Some(key) => state.agenda.entries.insert(key, due),
            None => {
                self.key = Some(state.agenda.at(at, due));
                None
            }
        };
        drop(state);
        drop(outdated);
        Poll::Pending
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        if let Some(key) = self.key {
            let due = self.world.lock().agenda.entries.remove(&key);
            drop(due);
        }
    }
}
