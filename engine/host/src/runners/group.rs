//! A process group: an agent's process and its children; and, by their mark, the children that left the group.
//!
//! Promise: whoever drops it unfinished kills the group and what left it. A child that hides its mark as well is not
//! found; keeping such a child in takes a sandbox, which is a later room's business.
//! Start reading at [`Group`].

use std::time::Duration;

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use tokio::process::Child;

use super::leftovers::{Cleared, Mark};

/// How long a group that was asked to end may take before it is made to.
const GRACE: Duration = Duration::from_millis(500);

/// The group of a child that was spawned with `process_group(0)`.
#[derive(Debug)]
pub(super) struct Group {
    leader: Option<Pid>,
    /// What finds those that left the group, until they have been looked for.
    mark: Option<Mark>,
}

impl Group {
    pub(super) fn of(child: &Child, mark: Mark) -> Self {
        let mut group = Self::unmarked(child);
        group.mark = Some(mark);
        group
    }

    /// That of a child that is no agent, so that nobody who left it could be known by a mark.
    pub(super) fn unmarked(child: &Child) -> Self {
        let leader = child.id().and_then(|id| i32::try_from(id).ok()).map(Pid::from_raw);
        Self { leader, mark: None }
    }

    /// Asks the group to end, and makes it end after [`GRACE`]. Returns when its leader is reaped.
    pub(super) async fn end(&mut self, child: &mut Child) {
        self.signal(Signal::SIGTERM);
        let asked = tokio::time::timeout(GRACE, child.wait()).await;
        // Also when the leader has ended well: its children need not have.
        self.kill();
        if asked.is_err() {
            // SIGKILL cannot be refused, so this wait is for the kernel alone.
            if let Err(error) = child.wait().await {
                tracing::warn!(%error, "an agent's process could not be reaped");
            }
        }
    }

    /// Kills what is left of the group.
    pub(super) fn kill(&mut self) {
        self.signal(Signal::SIGKILL);
        self.leader = None;
    }

    /// Kills what left the group. Last, so that nobody is left in the group who could start more.
    pub(super) async fn clear(&mut self) {
        if let Some(mark) = self.mark.take() {
            warn_of_survivors(mark.clear_aside().await);
        }
    }

    fn signal(&self, signal: Signal) {
        let Some(leader) = self.leader else { return };
        match killpg(leader, signal) {
            // ESRCH: nobody is left, which is what was wanted.
            Ok(()) | Err(nix::errno::Errno::ESRCH) => {}
            Err(error) => {
                tracing::warn!(%leader, %signal, %error, "an agent could not be signalled")
            }
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.kill();
        if let Some(mark) = self.mark.take() {
            warn_of_survivors(mark.clear_in_passing());
        }
    }
}

fn warn_of_survivors(cleared: Cleared) {
    if cleared.left > 0 {
        tracing::warn!(left = cleared.left, "processes of an agent did not die in time");
    }
}
