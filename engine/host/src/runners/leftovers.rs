//! Finds and kills what agents left behind: processes that left their group, or outlived their engine.
//!
//! In: marks that every agent carries in its environment and its descendants inherit. Out: how many were killed.
//! Never: this process; a process without the exact marks; one whose environment this user may not read.
//! Promise: returns when a look at every process finds no mark, or after a bounded number of looks.
//! Start reading at [`LogMark`], then `Mark::clear`.

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::errno::Errno;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// The agent that a process belongs to; ids repeat from log to log.
const AGENT: &str = "HOMEOSTAT_AGENT";
/// The log that the agent works for. Not `HOMEOSTAT_LOG`: that one is a setting, which people
/// export and containers are built with, so it would mark processes that are no agents.
const LOG: &str = "HOMEOSTAT_AGENT_LOG";

/// Looks at all processes until giving up. With the pauses between them about two seconds, which
/// is only taken by what cannot die or forks as fast as it is killed.
const LOOKS_MAX: u32 = 100;
/// Looks when a run is dropped, where an async thread waits for it: about 50 ms.
const LOOKS_AT_DROP: u32 = 7;
/// Looks in a row that see nothing before it is believed.
const LOOKS_THAT_PROVE: u32 = 2;
/// Looks in a row that wait for processes which have no environment yet.
const LOOKS_FOR_NEWBORN: u32 = 3;
/// The longest pause between two looks.
const PAUSE_MAX: Duration = Duration::from_millis(20);

/// Marks the agents of one log: its directory, by its canonical path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogMark(PathBuf);

/// What became of the processes with a mark.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[must_use]
pub struct Cleared {
    /// How many were killed.
    pub killed: usize,
    /// How many are still there: not dead in time, or not to be killed by this user.
    pub left: usize,
}

impl LogMark {
    /// The mark of the log in `folder`.
    ///
    /// # Errors
    /// When there is no such folder.
    pub fn of(folder: &Path) -> io::Result<Self> {
        folder.canonicalize().map(Self)
    }

    /// Kills whatever agents of this log left behind. For whoever holds the lock of its directory,
    /// and has not started an agent yet: the lock proves that no living engine owns them.
    ///
    /// Blocks for some milliseconds, and for about two seconds when something does not die.
    pub fn clear_leftovers(&self) -> Cleared {
        Mark { agent: None, log: self.clone() }.clear(LOOKS_MAX)
    }

    /// The mark of one of its agents.
    pub(super) fn agent(&self, id: &str) -> Mark {
        Mark { agent: Some(id.to_owned()), log: self.clone() }
    }
}

/// What a process must carry in its environment to be killed.
#[derive(Clone, Debug)]
pub(super) struct Mark {
    /// One agent, or every one of the log.
    agent: Option<String>,
    log: LogMark,
}

impl Mark {
    /// The variables that make the mark.
    pub(super) fn variables(&self) -> impl Iterator<Item = (&'static str, &OsStr)> {
        let agent = self.agent.as_ref().map(|id| (AGENT, OsStr::new(id)));
        agent.into_iter().chain([(LOG, self.log.0.as_os_str())])
    }

    /// Kills what carries the mark, off the async threads.
    pub(super) async fn clear_aside(self) -> Cleared {
        let mark = self.clone();
        let aside = tokio::task::spawn_blocking(move || mark.clear(LOOKS_MAX)).await;
        // No thread is to be had while the runtime shuts down.
        aside.unwrap_or_else(|_| self.clear_in_passing())
    }

    /// Kills what carries the mark, without much patience.
    pub(super) fn clear_in_passing(&self) -> Cleared {
        self.clear(LOOKS_AT_DROP)
    }

    fn clear(&self, looks_max: u32) -> Cleared {
        let wanted: Vec<Vec<u8>> = self.variables().map(entry).collect();
        let mut hunt = Hunt::default();
        let mut quiet = 0;
        // A process can fork between the moment that it is seen and the signal, and between two
        // entries of one look, so only two looks in a row that see none prove that none is left.
        for round in 0..looks_max {
            if round > 0 {
                let pause = Duration::from_millis(1 << round.saturating_sub(1).min(10));
                std::thread::sleep(pause.min(PAUSE_MAX));
            }
            hunt.seen = 0;
            let newborn = match look(&wanted, &mut |pid| hunt.kill(pid)) {
                Ok(newborn) => newborn,
                Err(error) => {
                    tracing::warn!(%error, "what agents left behind cannot be looked for");
                    break;
                }
            };
            quiet = if hunt.seen == 0 { quiet + 1 } else { 0 };
            if quiet >= LOOKS_FOR_NEWBORN || (quiet >= LOOKS_THAT_PROVE && !newborn) {
                break;
            }
        }
        let cleared = Cleared { killed: hunt.killed.len(), left: hunt.seen + hunt.refused.len() };
        if cleared != Cleared::default() {
            tracing::debug!(mark = ?self, ?cleared, "agents left processes behind");
        }
        cleared
    }
}

/// The processes with a mark that were met so far.
#[derive(Debug, Default)]
struct Hunt {
    killed: BTreeSet<Pid>,
    refused: BTreeSet<Pid>,
    /// How many this look saw that can be killed. The killed are seen until they are dead.
    seen: usize,
}

impl Hunt {
    fn kill(&mut self, pid: Pid) {
        if self.refused.contains(&pid) {
            return;
        }
        match kill(pid, Signal::SIGKILL) {
            Ok(()) => drop(self.killed.insert(pid)),
            // It ended by itself meanwhile, and may have started another before that: look again.
            Err(Errno::ESRCH) => {}
            Err(error) => {
                tracing::warn!(%pid, %error, "what an agent left behind cannot be killed");
                self.refused.insert(pid);
                return;
            }
        }
        self.seen += 1;
    }
}

/// A variable as it stands in an environment.
fn entry((name, value): (&str, &OsStr)) -> Vec<u8> {
    let mut entry = OsString::from(name);
    entry.push("=");
    entry.push(value);
    entry.as_bytes().to_owned()
}

/// Hands every process that carries all of `wanted` to `found`, at once, since it may be forking.
/// Says whether some process had no environment yet, as between the steps of `exec`: what it will
/// be is not known.
///
/// Processes come by rising id, and a child's id is above its parent's, so that a row of processes
/// that each start the next and end is met. Those of other users cannot be read; they are passed
/// over, and so is this process.
#[cfg(target_os = "linux")]
fn look(wanted: &[Vec<u8>], found: &mut dyn FnMut(Pid)) -> io::Result<bool> {
    use std::fs::{File, read_dir, read_link};
    use std::io::Read as _;

    let own = i32::try_from(std::process::id()).ok();
    let mut environment = Vec::new();
    let mut newborn = false;
    for process in read_dir("/proc")? {
        let Ok(process) = process else { continue };
        let id = process.file_name().to_str().and_then(|name| name.parse::<i32>().ok());
        let Some(id) = id.filter(|id| Some(*id) != own) else { continue };
        let folder = process.path();
        environment.clear();
        let read = File::open(folder.join("environ"))
            .and_then(|mut file| file.read_to_end(&mut environment));
        // It is another user's, or has ended.
        if read.is_err() {
            continue;
        }
        if environment.is_empty() {
            // The dead and the kernel's own have no program.
            newborn |= read_link(folder.join("exe")).is_ok();
            continue;
        }
        let has = |entry: &Vec<u8>| environment.split(|byte| *byte == 0).any(|it| it == entry);
        if wanted.iter().all(has) {
            found(Pid::from_raw(id));
        }
    }
    Ok(newborn)
}

/// Elsewhere processes do not show their environment, so that nothing is found.
#[cfg(not(target_os = "linux"))]
fn look(_: &[Vec<u8>], _: &mut dyn FnMut(Pid)) -> io::Result<bool> {
    Ok(false)
}

#[cfg(all(test, target_os = "linux"))]
mod tests;
