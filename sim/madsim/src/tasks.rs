//! The task door on madsim's executor.
//!
//! In: work. Out: polls of it, in an order that madsim draws. Never: lets a panic out of a task.
//! Promise: what the Tasks door promises; every poll and every panic is taken down.
//! Start reading at [`MadTasks`].

use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use homeostat_world::tasks::TaskEnd;
use homeostat_world::{TaskHandle, Tasks};
use madsim::task::JoinHandle;

use crate::world::{Place, World};

/// Starts tasks on one node.
#[derive(Clone, Debug)]
pub struct MadTasks {
    place: Place,
}

impl MadTasks {
    pub(crate) const fn new(place: Place) -> Self {
        Self { place }
    }
}

/// One started task.
#[derive(Debug)]
pub struct MadTask {
    handle: JoinHandle<TaskEnd>,
}

impl Tasks for MadTasks {
    type Handle = MadTask;

    fn spawn<F>(&self, name: &str, work: F) -> MadTask
    where
        F: Future<Output = ()> + Send + 'static,
    {
        spawn(&self.place, name, work)
    }

    async fn yield_now(&self) {
        let mut yielded = false;
        poll_fn(|context| {
            if std::mem::replace(&mut yielded, true) {
                return Poll::Ready(());
            }
            context.waker().wake_by_ref();
            Poll::Pending
        })
        .await;
    }
}

impl TaskHandle for MadTask {
    fn cancel(&self) {
        self.handle.abort();
    }

    async fn join(self) -> TaskEnd {
        self.handle.await.unwrap_or(TaskEnd::Cancelled)
    }
}

/// Starts a task at `place`. When that life of the node is over it is dropped unseen.
pub(crate) fn spawn<F>(place: &Place, name: &str, work: F) -> MadTask
where
    F: Future<Output = ()> + Send + 'static,
{
    let world = Arc::clone(&place.world);
    let now = move || world.now();
    let watched = place.world.audit.watch(&place.name, name, now, work);
    let shell = Shell { world: Arc::clone(&place.world), work: Some(watched) };
    MadTask { handle: place.handle.spawn(shell) }
}

/// What madsim polls and drops: counts polls, and is silent when what it holds panics on its way out.
struct Shell<W> {
    world: Arc<World>,
    work: Option<W>,
}

impl<W> Future for Shell<W>
where
    W: Future<Output = TaskEnd> + Unpin,
{
    type Output = TaskEnd;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<TaskEnd> {
        self.world.pace();
        match &mut self.work {
            Some(work) => Pin::new(work).poll(context),
            None => Poll::Ready(TaskEnd::Done),
        }
    }
}

impl<W> Drop for Shell<W> {
    /// madsim would let such a panic end the whole run, and the task has had its end.
    fn drop(&mut self) {
        let work = self.work.take();
        drop(catch_unwind(AssertUnwindSafe(|| drop(work))));
    }
}
