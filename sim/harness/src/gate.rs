//! A gate before the tasks of a node: while it is closed nothing of the node runs, as if it had been
//! sent a SIGSTOP.
//!
//! In: doors, and somebody who closes and opens the gate. Out: the same doors, whose tasks wait at
//! the gate. Never: loses a task's turn; whoever was woken while the gate was closed has its turn
//! when it opens. Promise: time, the network and other nodes go on; a node that was stopped for good
//! while its gate was closed stays stopped. Start reading at [`Gate`].

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use homeostat_world::Tasks;

use crate::stage::Doors;

/// Holds back the tasks of one life of a node. Cheap to clone; clones are the same gate.
#[derive(Clone, Debug, Default)]
pub struct Gate {
    shared: Arc<Mutex<Leaf>>,
}

#[derive(Debug, Default)]
struct Leaf {
    closed: bool,
    waiting: Vec<Waker>,
}

impl Gate {
    /// From now on nothing gets through.
    pub fn close(&self) {
        self.lock().closed = true;
    }

    /// Whoever waits may go, in the order in which they came.
    pub fn open(&self) {
        let waiting = {
            let mut leaf = self.lock();
            leaf.closed = false;
            std::mem::take(&mut leaf.waiting)
        };
        waiting.into_iter().for_each(Waker::wake);
    }

    /// Puts the gate before `work`.
    pub fn before<F: Future>(&self, work: F) -> Gated<F> {
        Gated { gate: self.clone(), work: Box::pin(work) }
    }

    fn lock(&self) -> MutexGuard<'_, Leaf> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Work behind a gate.
#[derive(Debug)]
pub struct Gated<F> {
    gate: Gate,
    work: Pin<Box<F>>,
}

impl<F: Future> Future for Gated<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        {
            let mut leaf = self.gate.lock();
            if leaf.closed {
                let waker = context.waker();
                if !leaf.waiting.iter().any(|it| it.will_wake(waker)) {
                    leaf.waiting.push(waker.clone());
                }
                return Poll::Pending;
            }
        }
        self.work.as_mut().poll(context)
    }
}

/// The doors of a node behind its gate.
#[derive(Clone, Debug)]
pub struct GatedDoors<D> {
    inner: D,
    gate: Gate,
}

impl<D> GatedDoors<D> {
    /// Puts `gate` before every task that is started through these doors.
    #[must_use]
    pub const fn new(inner: D, gate: Gate) -> Self {
        Self { inner, gate }
    }
}

impl<D: Doors> Doors for GatedDoors<D> {
    type Clock = D::Clock;
    type Net = D::Net;
    type Tasks = GatedTasks<D::Tasks>;

    fn clock(&self) -> D::Clock {
        self.inner.clock()
    }

    fn net(&self) -> D::Net {
        self.inner.net()
    }

    fn tasks(&self) -> GatedTasks<D::Tasks> {
        GatedTasks { inner: self.inner.tasks(), gate: self.gate.clone() }
    }
}

/// Starts tasks behind a gate.
#[derive(Clone, Debug)]
pub struct GatedTasks<T> {
    inner: T,
    gate: Gate,
}

impl<T: Tasks> Tasks for GatedTasks<T> {
    type Handle = T::Handle;

    fn spawn<F>(&self, name: &str, work: F) -> T::Handle
    where
        F: Future<Output = ()> + Send + 'static,
    {
        self.inner.spawn(name, self.gate.before(work))
    }

    async fn yield_now(&self) {
        self.inner.yield_now().await;
    }
}
