//! The task door of the turmoil lane: tasks of the tokio runtime that turmoil gives each host.
//!
//! In: futures with names. Out: tokio tasks whose polls and panics are taken down.
//! Never: lets a panic reach tokio, which would shut the host's runtime down.
//! Promise: what the Tasks door promises. Start reading at [`Place::spawn`].

use std::future::Future;
use std::sync::Arc;

use homeostat_world::tasks::TaskEnd;
use homeostat_world::{TaskHandle, Tasks};
use tokio::runtime::Handle;
use tokio::task::JoinHandle;

use crate::world::{NodeId, World, lock};

/// A node in one of its lives, seen from inside.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    pub(crate) world: Arc<World>,
    pub(crate) node: NodeId,
    pub(crate) name: Arc<str>,
    /// The number of the life.
    pub(crate) life: u64,
    pub(crate) runtime: Handle,
}

impl Place {
    /// Starts a task here. On a node that has gone it is dropped unseen.
    pub(crate) fn spawn<F>(&self, name: &str, work: F) -> TurmoilTask
    where
        F: Future<Output = ()> + Send + 'static,
    {
        if !lock(&self.world.nodes).is_in(self.node, self.life) {
            return TurmoilTask(None);
        }
        let world = Arc::clone(&self.world);
        let watched = self.world.audit.watch(&self.name, name, move || world.polled(), work);
        TurmoilTask(Some(self.runtime.spawn(watched)))
    }
}

/// Starts tasks on one node.
#[derive(Clone, Debug)]
pub struct TurmoilTasks {
    place: Place,
}

impl TurmoilTasks {
    pub(crate) const fn new(place: Place) -> Self {
        Self { place }
    }
}

/// One started task. None: it was never begun, since its node had gone.
#[derive(Debug)]
pub struct TurmoilTask(Option<JoinHandle<TaskEnd>>);

impl Tasks for TurmoilTasks {
    type Handle = TurmoilTask;

    fn spawn<F>(&self, name: &str, work: F) -> TurmoilTask
    where
        F: Future<Output = ()> + Send + 'static,
    {
        self.place.spawn(name, work)
    }

    async fn yield_now(&self) {
        tokio::task::yield_now().await;
    }
}

impl TaskHandle for TurmoilTask {
    fn cancel(&self) {
        if let Some(task) = &self.0 {
            task.abort();
        }
    }

    async fn join(self) -> TaskEnd {
        let Some(task) = self.0 else { return TaskEnd::Cancelled };
        match task.await {
            Ok(end) => end,
            Err(error) if error.is_cancelled() => TaskEnd::Cancelled,
            // Only a destructor that panics while its task is cancelled comes here.
            Err(_) => TaskEnd::Panicked,
        }
    }
}
