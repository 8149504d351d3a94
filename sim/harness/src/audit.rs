//! What proves that two runs of a Plan were one and the same: every poll of every task, and panics.
//!
//! In: polls. Out: a hash over them, one line for each when asked, every panic.
//! Never: decides anything. Promise: equal runs give equal hashes; a run that polls another task, or
//! at another time, or with another outcome, gives another.
//! Start reading at [`Audit`]; lanes on somebody else's executor wrap their tasks with
//! [`SharedAudit::watch`].

use std::any::Any;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use homeostat_world::Timestamp;
use homeostat_world::tasks::TaskEnd;

use crate::oracle::said;

/// A task that panicked: a defect of the code inside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Panic {
    /// When.
    pub at: Timestamp,
    /// On which node.
    pub node: String,
    /// The task's name.
    pub task: String,
    /// What it said.
    pub message: String,
}

/// One poll of one task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Polled {
    /// Its number, from 1.
    pub step: u64,
    /// Virtual time.
    pub at: Timestamp,
    /// On which node.
    pub node: String,
    /// The task's name.
    pub task: String,
    /// The task's number.
    pub id: u64,
    /// Whether it still has something to wait for.
    pub waits: bool,
}

/// The polls of one run.
#[derive(Debug)]
pub struct Audit {
    steps: u64,
    hash: u64,
    kept: Option<Vec<Polled>>,
    panics: Vec<Panic>,
}

impl Default for Audit {
    fn default() -> Self {
        Self { steps: 0, hash: FNV_OFFSET, kept: None, panics: Vec::new() }
    }
}

impl Audit {
    /// Keeps a line for each poll from now on, to find where two runs part.
    pub fn keep(&mut self) {
        self.kept.get_or_insert_default();
    }

    /// Takes down one poll. `names` gives the node and the task, and is asked only when lines are
    /// kept.
    pub fn polled(
        &mut self,
        at: Timestamp,
        id: u64,
        waits: bool,
        names: impl FnOnce() -> (String, String),
    ) {
        self.steps += 1;
        for word in [at.as_micros().cast_unsigned(), id, u64::from(waits)] {
            self.hash = (self.hash ^ word).wrapping_mul(FNV_PRIME);
        }
        if let Some(kept) = &mut self.kept {
            let (node, task) = names();
            kept.push(Polled { step: self.steps, at, node, task, id, waits });
        }
    }

    /// Takes down a panic, with what it carried.
    pub fn panicked(&mut self, at: Timestamp, node: &str, task: &str, payload: &(dyn Any + Send)) {
        let (node, task, message) = (node.to_owned(), task.to_owned(), said(payload));
        self.panics.push(Panic { at, node, task, message });
    }

    /// The polls since [`Audit::keep`].
    #[must_use]
    pub fn trace(&self) -> &[Polled] {
        self.kept.as_deref().unwrap_or_default()
    }

    /// Names everything that was polled so far: when, which task, how it went.
    #[must_use]
    pub const fn hash(&self) -> u64 {
        self.hash
    }

    /// How many polls there were.
    #[must_use]
    pub const fn steps(&self) -> u64 {
        self.steps
    }

    /// Every panic so far.
    #[must_use]
    pub fn panics(&self) -> &[Panic] {
        &self.panics
    }
}

/// An audit that the tasks of a lane write themselves. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct SharedAudit {
    shared: Arc<Mutex<(Audit, u64)>>,
}

impl SharedAudit {
    /// Wraps a task. It ends with how the work ended, and a panic of the work is taken down and
    /// goes no further. `now` is the lane's virtual time.
    pub fn watch<F, N>(&self, node: &str, task: &str, now: N, work: F) -> Watched<F, N>
    where
        F: Future<Output = ()>,
        N: Fn() -> Timestamp,
    {
        let mut shared = self.lock();
        shared.1 += 1;
        let id = shared.1;
        drop(shared);
        let (audit, node, task) = (self.clone(), node.to_owned(), task.to_owned());
        Watched { audit, id, node, task, now, work: Some(Box::pin(work)) }
    }

    /// Keeps a line for each poll from now on, to find where two runs part.
    pub fn keep(&self) {
        self.lock().0.keep();
    }

    /// Reads the audit.
    pub fn read<R>(&self, read: impl FnOnce(&Audit) -> R) -> R {
        read(&self.lock().0)
    }

    fn lock(&self) -> MutexGuard<'_, (Audit, u64)> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A task whose polls are taken down.
pub struct Watched<F, N> {
    audit: SharedAudit,
    id: u64,
    node: String,
    task: String,
    now: N,
    work: Option<Pin<Box<F>>>,
}

impl<F, N> Future for Watched<F, N>
where
    F: Future<Output = ()>,
    N: Fn() -> Timestamp + Unpin,
{
    type Output = TaskEnd;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<TaskEnd> {
        let Some(work) = self.work.as_mut() else { return Poll::Ready(TaskEnd::Done) };
        let polled = catch_unwind(AssertUnwindSafe(|| work.as_mut().poll(context)));
        let at = (self.now)();
        let waits = matches!(polled, Ok(Poll::Pending));
        let names = || (self.node.clone(), self.task.clone());
        self.audit.lock().0.polled(at, self.id, waits, names);
        let end = match polled {
            Ok(Poll::Pending) => return Poll::Pending,
            Ok(Poll::Ready(())) => TaskEnd::Done,
            Err(payload) => {
                self.audit.lock().0.panicked(at, &self.node, &self.task, payload.as_ref());
                TaskEnd::Panicked
            }
        };
        // Its destructors may panic too, and that is no other end than the one it had.
        let work = self.work.take();
        drop(catch_unwind(AssertUnwindSafe(|| drop(work))));
        Poll::Ready(end)
    }
}

impl<F, N> std::fmt::Debug for Watched<F, N> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Watched").field("node", &self.node).field("task", &self.task).finish()
    }
}

/// FNV-1a with words for bytes (http://www.isthe.com/chongo/tech/comp/fnv/): it only has to tell
/// runs apart that nobody made alike on purpose.
const FNV_OFFSET: u64 = 0xcbf2_9ce4_8422_2325;
const FNV_PRIME: u64 = 0x0100_0000_01b3;
