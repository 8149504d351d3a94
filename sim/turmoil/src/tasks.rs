//! The task door of the turmoil lane: tasks of the tokio runtime that turmoil gives each host.
//!
//! In: futures with names. Out: tokio tasks whose polls and panics are taken down.
//! Never: lets a panic reach tokio, which would shut the host's runtime down.
//! Promise: what the Tasks door promises; and the tasks of a node that crashes are dropped in the
//! order in which they began. tokio's own order hangs on numbers that it shares out among all
//! runtimes of the process, and the order in which connections end is seen by their peers.
//! Start reading at [`Place::spawn`].

use std::collections::BTreeMap;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

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
        let work: Work = Arc::new(Mutex::new(Some(Box::pin(watched))));
        let id = lock(&self.world.tasks).insert(self.node, Arc::clone(&work));
        TurmoilTask(Some(self.runtime.spawn(Task { place: self.clone(), id, work })))
    }
}

/// What a task does. None once it is over.
type Work = Arc<Mutex<Option<Pin<Box<dyn Future<Output = TaskEnd> + Send>>>>>;

/// The tasks that have not ended, by node and in the order in which they began.
#[derive(Default)]
pub(crate) struct Table {
    last: u64,
    tasks: BTreeMap<(NodeId, u64), Work>,
}

impl Table {
    fn insert(&mut self, node: NodeId, work: Work) -> u64 {
        self.last += 1;
        self.tasks.insert((node, self.last), work);
        self.last
    }

    fn take_all(&mut self, node: NodeId) -> Vec<Work> {
        let gone = self.tasks.extract_if((node, 0)..=(node, u64::MAX), |_, _| true);
        gone.map(|(_, work)| work).collect()
    }
}

/// A task as tokio has it.
struct Task {
    place: Place,
    id: u64,
    work: Work,
}

impl Future for Task {
    type Output = TaskEnd;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<TaskEnd> {
        let mut work = lock(&self.work);
        // Only a crash takes it away, and after that nothing is polled.
        let Some(running) = work.as_mut() else { return Poll::Ready(TaskEnd::Cancelled) };
        running.as_mut().poll(context)
    }
}

impl Drop for Task {
    /// Done, cancelled, or the first that tokio drops of a node that has crashed: then it takes the
    /// others with it, each in its turn. This is inside turmoil, so that their connections can end.
    fn drop(&mut self) {
        let Place { world, node, life, .. } = &self.place;
        let crashed = !lock(&world.nodes).is_in(*node, *life);
        let gone = if crashed {
            lock(&world.tasks).take_all(*node)
        } else {
            lock(&world.tasks).tasks.remove(&(*node, self.id)).into_iter().collect()
        };
        for work in gone {
            let work = lock(&work).take();
            // Destructors may panic, and others have theirs to run.
            drop(catch_unwind(AssertUnwindSafe(|| drop(work))));
        }
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
