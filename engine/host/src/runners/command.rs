//! Runs an agent as a program: the brief on its standard input, claims on its standard output.
//!
//! In: a brief. Out: its lines, bounded, and how it stopped. Never: a shell, or the engine's environment beyond a
//! short list. Promise: the program is in a group of its own; when the run is over the group is dead, and whatever
//! left it but kept its mark.
//! Start reading at [`CommandRunner`].

use std::future::Future;
use std::io;
use std::pin::pin;
use std::process::{ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use homeostat_agents::{AgentsFile, Brief, CommandLine, Finish, Kind, Outcome, Runner};
use homeostat_world::Clock;
use homeostat_world::limits::AGENT_OUTPUT_BYTES_MAX;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, ChildStdin, Command};

use super::group::Group;
use super::leftovers::{LogMark, Mark};

/// Variables that every program needs to find its way, and that hold no secrets.
pub(super) const ENV_KEPT: [&str; 6] = ["PATH", "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR"];
/// Bytes at the end of standard error that are kept to explain a failure.
const STDERR_KEPT: usize = 400;
/// How long output may still be read once the program has ended and its group is killed. Only a
/// child that left the group and lost its mark can hold the pipe open that long.
pub(super) const DRAIN: Duration = Duration::from_millis(250);

/// Runs the commands of an agents file.
#[derive(Clone, Debug)]
pub struct CommandRunner<C> {
    file: Arc<AgentsFile>,
    clock: C,
    log: LogMark,
}

impl<C: Clock> CommandRunner<C> {
    /// The commands of `file`, marked as agents of `log`; `clock` tells when a deadline has passed.
    #[must_use]
    pub const fn new(file: Arc<AgentsFile>, clock: C, log: LogMark) -> Self {
        Self { file, clock, log }
    }
}

impl<C: Clock> Runner for CommandRunner<C> {
    async fn run<S>(&self, brief: Brief, stop: S) -> Outcome
    where
        S: Future<Output = ()> + Send + 'static,
    {
        let line = match self.file.member(&brief.member).map(|member| &member.kind) {
            Some(Kind::Command(line)) => line,
            _ => {
                let why = format!("agent `{}` is no command of the agents file", brief.member);
                return Outcome::silent(Finish::NotStarted(why));
            }
        };
        let mark = self.log.agent(&brief.agent);
        let (child, input) = match start(line, &brief, &mark) {
            Ok(started) => started,
            Err(why) => return Outcome::silent(Finish::NotStarted(why)),
        };
        let deadline = self.clock.sleep_until(brief.budget.deadline);
        supervise(child, mark, input, stop, deadline).await
    }
}

fn start(line: &CommandLine, brief: &Brief, mark: &Mark) -> Result<(Child, Vec<u8>), String> {
    let (program, arguments) = line.argv.split_first().ok_or("the command is empty")?;
    let mut input = serde_json::to_vec(brief).map_err(|error| error.to_string())?;
    input.push(b'\n');
    let mut command = Command::new(program);
    command.args(arguments).env_clear();
    for name in ENV_KEPT.into_iter().chain(line.pass_env.iter().map(String::as_str)) {
        if let Some(value) = std::env::var_os(name) {
            command.env(name, value);
        }
    }
    command.envs(&line.env);
    // Last, since no agents file may hide its agents.
    command.env("HOMEOSTAT_GAP", &brief.gap).envs(mark.variables());
    if let Some(cwd) = &line.cwd {
        command.current_dir(cwd);
    }
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.process_group(0).kill_on_drop(true);
    let child = command.spawn().map_err(|error| not_started(program, line, &error))?;
    Ok((child, input))
}

fn not_started(program: &str, line: &CommandLine, error: &io::Error) -> String {
    if let Some(cwd) = line.cwd.as_ref().filter(|cwd| !std::path::Path::new(cwd).is_dir()) {
        return format!(
            "command `{program}` was not started: there is no folder `{cwd}`; correct `cwd` in the agents file"
        );
    }
    match error.kind() {
        io::ErrorKind::NotFound => format!(
            "command `{program}` was not found; install it, or correct `command` in the agents file"
        ),
        io::ErrorKind::PermissionDenied => {
            format!("command `{program}` may not be run; make it executable")
        }
        _ if error.raw_os_error() == Some(nix::errno::Errno::ENOEXEC as i32) => {
            format!("command `{program}` is no program; name its interpreter in a first line `#!`")
        }
        _ => format!("command `{program}` was not started: {error}"),
    }
}

/// What ended a run.
enum End {
    Exited(io::Result<ExitStatus>),
    TooMuch,
    Stopped,
    TimedOut,
}

/// More output than anybody will read.
struct TooMuch;

async fn supervise(
    mut child: Child,
    mark: Mark,
    input: Vec<u8>,
    stop: impl Future<Output = ()>,
    deadline: impl Future<Output = ()>,
) -> Outcome {
    let mut group = Group::of(&child, mark);
    let printed = Mutex::new(Vec::new());
    let complaint = Mutex::new(Vec::new());
    let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let mut talk = pin!(async {
        let told = tokio::try_join!(
            feed(stdin, &input),
            gather(stdout, &printed),
            keep_tail(stderr, &complaint)
        );
        told.map(|_| ())
    });
    let (mut stop, mut deadline) = (pin!(stop), pin!(deadline));
    let mut talked = false;
    let mut end = loop {
        tokio::select! {
            biased;
            () = &mut stop => break End::Stopped,
            () = &mut deadline => break End::TimedOut,
            told = &mut talk, if !talked => match told {
                Ok(()) => talked = true,
                Err(TooMuch) => break End::TooMuch,
            },
            status = child.wait() => break End::Exited(status),
        }
    };
    match end {
        // The program is over, and with it whatever it left behind.
        End::Exited(_) => group.kill(),
        _ => group.end(&mut child).await,
    }
    group.clear().await;
    if !talked
        && matches!(end, End::Exited(_))
        && let Ok(Err(TooMuch)) = tokio::time::timeout(DRAIN, &mut talk).await
    {
        end = End::TooMuch;
    }
    finish(end, take(&printed), &take(&complaint))
}

fn finish(end: End, printed: Vec<u8>, complaint: &[u8]) -> Outcome {
    let finish = match end {
        End::Stopped => Finish::Stopped,
        End::TimedOut => Finish::TimedOut,
        End::TooMuch => Finish::Failed(format!("printed more than {AGENT_OUTPUT_BYTES_MAX} bytes")),
        End::Exited(Ok(status)) if status.success() => Finish::Done,
        End::Exited(Ok(status)) => Finish::Failed(explained(&status.to_string(), complaint)),
        End::Exited(Err(error)) => Finish::Failed(format!("its end was not seen: {error}")),
    };
    match String::from_utf8(printed) {
        Ok(text) => Outcome { lines: text.lines().map(str::to_owned).collect(), finish },
        Err(_) if finish == Finish::Done => {
            Outcome::silent(Finish::Failed("printed bytes that are no UTF-8 text".to_owned()))
        }
        Err(_) => Outcome::silent(finish),
    }
}

/// A failure with the last words of standard error.
fn explained(failure: &str, complaint: &[u8]) -> String {
    let complaint = String::from_utf8_lossy(complaint);
    match complaint.trim() {
        "" => failure.to_owned(),
        words => format!("{failure}: {words}"),
    }
}

fn take(bytes: &Mutex<Vec<u8>>) -> Vec<u8> {
    std::mem::take(&mut *bytes.lock().unwrap_or_else(PoisonError::into_inner))
}

/// Gives the program its brief. One that does not want to hear it may still do its work.
async fn feed(stdin: Option<ChildStdin>, input: &[u8]) -> Result<(), TooMuch> {
    if let Some(mut stdin) = stdin
        && let Err(error) = stdin.write_all(input).await
    {
        tracing::debug!(%error, "an agent did not read all of its brief");
    }
    Ok(())
}

async fn gather(from: Option<impl AsyncRead + Unpin>, to: &Mutex<Vec<u8>>) -> Result<(), TooMuch> {
    read(from, |chunk| {
        let mut to = to.lock().unwrap_or_else(PoisonError::into_inner);
        if to.len() + chunk.len() > AGENT_OUTPUT_BYTES_MAX {
            return Err(TooMuch);
        }
        to.extend_from_slice(chunk);
        Ok(())
    })
    .await
}

async fn keep_tail(
    from: Option<impl AsyncRead + Unpin>,
    to: &Mutex<Vec<u8>>,
) -> Result<(), TooMuch> {
    read(from, |chunk| {
        let mut to = to.lock().unwrap_or_else(PoisonError::into_inner);
        to.extend_from_slice(chunk);
        let over = to.len().saturating_sub(STDERR_KEPT);
        to.drain(..over);
        Ok(())
    })
    .await
}

/// Reads to the end, chunk by chunk. A pipe that fails has ended.
async fn read(
    from: Option<impl AsyncRead + Unpin>,
    mut take: impl FnMut(&[u8]) -> Result<(), TooMuch>,
) -> Result<(), TooMuch> {
    let Some(mut from) = from else { return Ok(()) };
    let mut chunk = vec![0; 8 << 10];
    while let Ok(count @ 1..) = from.read(&mut chunk).await {
        take(chunk.get(..count).unwrap_or_default())?;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
