//! Asks a program whether a proposition of the contract holds: exit 0 says yes, 1 says no, anything else says nothing.
//!
//! In: a command as the spec writes it. Out: an [`Answer`] with its first words. Never: a shell; longer than its time;
//! more of its output than a person reads. Promise: when the answer is there, or its future is dropped, no process of the
//! program's group is left alive, and what did not answer is not taken for a yes.
//! Start reading at [`ask`].

use std::pin::pin;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::{Child, Command};

use super::command::{DRAIN, ENV_KEPT};
use super::group::Group;

/// Bytes of each stream that are kept. What comes after is read and thrown away, so that the program does not block.
const KEPT: usize = 4 << 10;
/// Characters of its words that go into an answer.
const WORDS: usize = 200;

/// What a program says of a proposition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// Whether it holds; none when that was not said.
    pub holds: Option<bool>,
    /// In its words, or why there are none.
    pub detail: String,
}

/// Runs `command`, its words apart at spaces, and gives it `time`. Besides what every program needs to find its way its
/// environment is `variables`.
pub async fn ask(command: &str, variables: &[(&str, String)], time: Duration) -> Answer {
    let mut words = command.split_whitespace();
    let Some(program) = words.next() else { return unsaid("the command is empty".to_owned()) };
    let mut run = Command::new(program);
    run.args(words).env_clear();
    for name in ENV_KEPT {
        if let Some(value) = std::env::var_os(name) {
            run.env(name, value);
        }
    }
    run.envs(variables.iter().map(|(name, value)| (name, value)));
    run.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    run.process_group(0).kill_on_drop(true);
    match run.spawn() {
        Ok(child) => hear(child, time).await,
        Err(error) => unsaid(format!("command `{program}` was not started: {error}")),
    }
}

async fn hear(mut child: Child, time: Duration) -> Answer {
    let mut group = Group::unmarked(&child);
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let mut talk = pin!(async { tokio::join!(beginning(stdout), beginning(stderr)) });
    let mut talked = None;
    let end = tokio::time::timeout(time, async {
        loop {
            tokio::select! {
                biased;
                said = &mut talk, if talked.is_none() => talked = Some(said),
                status = child.wait() => return status,
            }
        }
    });
    let end = end.await;
    match end {
        // Whoever it started and left behind ends with it.
        Ok(_) => group.kill(),
        Err(_) => group.end(&mut child).await,
    }
    if talked.is_none() {
        talked = tokio::time::timeout(DRAIN, &mut talk).await.ok();
    }
    let (said, complained) = talked.unwrap_or_default();
    match end {
        Err(_) => unsaid(format!("it had not ended after {} s and was killed", time.as_secs())),
        Ok(Err(error)) => unsaid(format!("its end was not seen: {error}")),
        Ok(Ok(status)) => answer(status, &said, &complained),
    }
}

fn answer(status: ExitStatus, said: &[u8], complained: &[u8]) -> Answer {
    let holds = match status.code() {
        Some(0) => Some(true),
        Some(1) => Some(false),
        _ => None,
    };
    let said = [said, complained].map(|bytes| String::from_utf8_lossy(bytes).into_owned());
    let line = said.iter().flat_map(|text| text.lines()).map(str::trim).find(|it| !it.is_empty());
    let line: String = line.unwrap_or_default().chars().take(WORDS).collect();
    let detail = match (holds, line.is_empty()) {
        (Some(_), _) => line,
        (None, true) => format!("it ended with {status}, and neither 0 nor 1"),
        (None, false) => format!("it ended with {status}, and neither 0 nor 1: {line}"),
    };
    Answer { holds, detail }
}

fn unsaid(detail: String) -> Answer {
    Answer { holds: None, detail }
}

/// The first bytes of a stream, which is read to its end.
async fn beginning(from: Option<impl AsyncRead + Unpin>) -> Vec<u8> {
    let mut kept = Vec::new();
    let Some(mut from) = from else { return kept };
    let mut chunk = vec![0; KEPT];
    // A pipe that fails has ended.
    while let Ok(count @ 1..) = from.read(&mut chunk).await {
        let room = KEPT.saturating_sub(kept.len()).min(count);
        kept.extend_from_slice(chunk.get(..room).unwrap_or_default());
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn asked(script: &str) -> Answer {
        let folder = tempfile::tempdir().unwrap_or_else(|error| unreachable!("{error}"));
        let path = folder.path().join("check");
        let written = std::fs::write(&path, script);
        assert!(written.is_ok(), "{written:?}");
        let variables = [("HOMEOSTAT_SERVER", "http://here".to_owned())];
        ask(&format!("sh {} one two", path.display()), &variables, Duration::from_secs(2)).await
    }

    fn said(holds: Option<bool>, detail: &str) -> Answer {
        Answer { holds, detail: detail.to_owned() }
    }

    #[tokio::test]
    async fn its_exit_code_is_the_answer_and_its_first_line_the_reason() {
        let told = "echo; echo \"$HOMEOSTAT_SERVER $1 $2\"; echo more";
        assert_eq!(asked(told).await, said(Some(true), "http://here one two"));
        assert_eq!(asked("echo no >&2; exit 1").await, said(Some(false), "no"));
        let crashed = asked("echo broken; exit 3").await;
        let expected = "it ended with exit status: 3, and neither 0 nor 1: broken";
        assert_eq!(crashed, said(None, expected));
        assert_eq!(asked("kill -9 $$").await.holds, None);
    }

    #[tokio::test]
    async fn what_does_not_answer_in_time_is_killed_and_says_nothing() {
        let slow = "sleep 60 & echo $!; wait";
        let expected = "it had not ended after 2 s and was killed";
        assert_eq!(asked(slow).await, said(None, expected));
    }

    #[tokio::test]
    async fn what_prints_without_end_neither_blocks_nor_fills_memory() {
        let answer = asked("head -c 3000000 /dev/zero | tr '\\0' 'x'; exit 1").await;
        assert_eq!((answer.holds, answer.detail.len()), (Some(false), WORDS));
    }

    #[tokio::test]
    async fn what_is_not_there_says_nothing() {
        let answer = ask("./no-such-check", &[], Duration::from_secs(1)).await;
        assert_eq!(answer.holds, None);
        assert!(answer.detail.starts_with("command `./no-such-check` was not started"));
        assert_eq!(ask("  ", &[], Duration::from_secs(1)).await.detail, "the command is empty");
    }
}
