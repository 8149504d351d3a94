//! Tasks of the native lane: the table of those alive, the queue of those that can run, handles.
//!
//! Promise: what the Tasks door promises; a task that is woken twice before it runs runs once.
//! Start reading at [`Table`].

use std::collections::{BTreeMap, VecDeque};
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Poll, Wake, Waker};

use homeostat_world::{TaskHandle, Tasks};
use rand_core::Rng;

pub(super) use homeostat_world::tasks::TaskEnd;

use super::world::{NodeId, Place, World};

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct TaskId(pub(super) u64);

type Work = Pin<Box<dyn Future<Output = ()> + Send>>;

/// All tasks that have not ended.
#[derive(Default)]
pub(super) struct Table {
    tasks: BTreeMap<TaskId, Task>,
    last: u64,
}

struct Task {
    node: NodeId,
    name: String,
    /// None while it is polled.
    future: Option<Work>,
    waker: Waker,
    alarm: Arc<Alarm>,
    end: Arc<End>,
    cancelled: bool,
}

/// A task on its way to be polled.
pub(super) struct Picked {
    pub(super) future: Work,
    pub(super) waker: Waker,
    pub(super) cancelled: bool,
}

/// A task whose node has gone.
pub(super) struct Gone {
    pub(super) future: Option<Work>,
    pub(super) end: Arc<End>,
}

impl Table {
    pub(super) fn insert(
        &mut self,
        node: NodeId,
        name: &str,
        future: Work,
        end: Arc<End>,
        ready: &Arc<Ready>,
    ) -> (TaskId, Waker) {
        self.last += 1;
        let id = TaskId(self.last);
        let ready = Arc::clone(ready);
        let alarm = Arc::new(Alarm { id, queued: AtomicBool::new(false), ready });
        let waker = Waker::from(Arc::clone(&alarm));
        let task = Task {
            node,
            name: name.to_owned(),
            future: Some(future),
            waker: waker.clone(),
            alarm,
            end,
            cancelled: false,
        };
        self.tasks.insert(id, task);
        (id, waker)
    }

    /// Takes a task out to be polled. None when it has ended.
    pub(super) fn pick(&mut self, id: TaskId) -> Option<Picked> {
        let task = self.tasks.get_mut(&id)?;
        // From here on a wake means one more poll, even one that comes during this poll.
        task.alarm.queued.store(false, Ordering::Relaxed);
        let future = task.future.take()?;
        Some(Picked { future, waker: task.waker.clone(), cancelled: task.cancelled })
    }

    pub(super) fn put_back(&mut self, id: TaskId, future: Work) {
        // Nobody stops a node while a task is polled, so the task is still there.
        if let Some(task) = self.tasks.get_mut(&id) {
            task.future = Some(future);
        }
    }

    pub(super) fn remove(&mut self, id: TaskId) -> Option<Arc<End>> {
        self.tasks.remove(&id).map(|task| task.end)
    }

    pub(super) fn take_all(&mut self, node: NodeId) -> Vec<Gone> {
        let gone = self.tasks.extract_if(.., |_, task| task.node == node);
        gone.map(|(_, task)| Gone { future: task.future, end: task.end }).collect()
    }

    pub(super) fn names(&self, id: TaskId) -> Option<(NodeId, &str)> {
        self.tasks.get(&id).map(|task| (task.node, task.name.as_str()))
    }

    pub(super) fn len(&self) -> usize {
        self.tasks.len()
    }

    fn cancel(&mut self, id: TaskId) -> Option<Waker> {
        let task = self.tasks.get_mut(&id)?;
        task.cancelled = true;
        Some(task.waker.clone())
    }
}

/// The tasks that can run.
#[derive(Debug, Default)]
pub(super) struct Ready {
    queue: Mutex<VecDeque<TaskId>>,
}

impl Ready {
    /// The next task: the first, or any one of them when there is chance to choose by.
    pub(super) fn pick(&self, chance: Option<&mut (dyn Rng + Send + 'static)>) -> Option<TaskId> {
        let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        match chance {
            Some(chance) if queue.len() > 1 => {
                let drawn = chance.next_u64() % (queue.len() as u64);
                queue.swap_remove_front(usize::try_from(drawn).unwrap_or(0))
            }
            _ => queue.pop_front(),
        }
    }
}

/// Wakes one task.
struct Alarm {
    id: TaskId,
    queued: AtomicBool,
    ready: Arc<Ready>,
}

impl Wake for Alarm {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if !self.queued.swap(true, Ordering::Relaxed) {
            let mut queue = self.ready.queue.lock().unwrap_or_else(PoisonError::into_inner);
            queue.push_back(self.id);
        }
    }
}

/// Where a task's end is told.
#[derive(Debug, Default)]
pub(super) struct End {
    told: Mutex<(Option<TaskEnd>, Option<Waker>)>,
}

impl End {
    pub(super) fn set(&self, how: TaskEnd) {
        let waiting = {
            let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
            told.0 = Some(how);
            told.1.take()
        };
        if let Some(waker) = waiting {
            waker.wake();
        }
    }

    async fn wait(&self) -> TaskEnd {
        poll_fn(|context| {
            let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
            match told.0 {
                Some(how) => Poll::Ready(how),
                None => {
                    told.1 = Some(context.waker().clone());
                    Poll::Pending
                }
            }
        })
        .await
    }
}

/// Starts tasks on one node.
#[derive(Clone, Debug)]
pub struct SimTasks {
    place: Place,
}

impl SimTasks {
    pub(super) const fn new(place: Place) -> Self {
        Self { place }
    }
}

/// One started task.
#[derive(Debug)]
pub struct SimTask {
    world: Arc<World>,
    /// None: it was never begun, since its node had gone.
    id: Option<TaskId>,
    end: Arc<End>,
}

impl SimTask {
    pub(super) const fn new(world: Arc<World>, id: Option<TaskId>, end: Arc<End>) -> Self {
        Self { world, id, end }
    }
}

impl Tasks for SimTasks {
    type Handle = SimTask;

    fn spawn<F>(&self, name: &str, work: F) -> SimTask
    where
        F: Future<Output = ()> + Send + 'static,
    {
        self.place.spawn(name, work)
    }

    async fn yield_now(&self) {
        let mut yielded = false;
        poll_fn(|context| {
            if yielded {
                return Poll::Ready(());
            }
            yielded = true;
            context.waker().wake_by_ref();
            Poll::Pending
        })
        .await;
    }
}

impl TaskHandle for SimTask {
    fn cancel(&self) {
        let waker = self.id.and_then(|id| self.world.lock().tasks.cancel(id));
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    async fn join(self) -> TaskEnd {
        self.end.wait().await
    }
}
