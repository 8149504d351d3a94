//! Runs the commands that the contract names, and says what they found.
//!
//! In: the contract as an engine sees it. Out: an answer for each proposition that a command judges.
//! Never: runs a command because a spec names it: whoever starts this process says that it may.
//! Promise: one command at a time, in the order of the text, each no longer than its time; what it starts
//! ends with it. Start reading at [`commands`], then [`keep_answering`].

use homeostat_api::wire::{Excuse, Judge, Proposition};
use homeostat_host::{Answer, ask};
use homeostat_kernel::{Finding, Handle};
use homeostat_world::Duration;

/// A proposition and the command that judges it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Command {
    /// The proposition.
    pub(crate) name: String,
    /// As the spec writes it.
    pub(crate) line: String,
}

/// How long a command may take when nobody says otherwise.
pub(crate) const CHECK_TIME: Duration = Duration::from_secs(600);

/// Every command that the contract names, each proposition once.
pub(crate) fn commands(contract: &[Proposition]) -> Vec<Command> {
    let mut found: Vec<Command> = Vec::new();
    let judges = contract.iter().flat_map(|it| {
        let excuse = it.unless.as_ref().map(|Excuse { name, judge }| (name, judge));
        [(&it.name, &it.judge)].into_iter().chain(excuse)
    });
    for (name, judge) in judges {
        if let Judge::Command { command } = judge
            && !found.iter().any(|it| it.name == *name)
        {
            found.push(Command { name: name.clone(), line: command.clone() });
        }
    }
    found
}

impl Command {
    /// Runs it; `server` is where it can ask an engine.
    pub(crate) async fn run(&self, server: &str, time: Duration) -> Answer {
        let variables =
            [("HOMEOSTAT_CHECK", self.name.clone()), ("HOMEOSTAT_SERVER", server.to_owned())];
        let Answer { holds, detail } = ask(&self.line, &variables, time.to_std()).await;
        let detail = match detail.is_empty() {
            true => "it said nothing".to_owned(),
            false => detail,
        };
        Answer { holds, detail }
    }
}

/// Runs every command now, and again whenever the engine checks what it keeps, until it stops.
pub(crate) async fn keep_answering(handle: Handle, server: String, time: Duration) {
    loop {
        // Asked for before the commands run, so that none is missed that begins meanwhile.
        let (next, ()) = tokio::join!(handle.next_check(), answer_all(&handle, &server, time));
        if next.is_err() {
            return;
        }
    }
}

async fn answer_all(handle: &Handle, server: &str, time: Duration) {
    let Ok(contract) = handle.contract().await else { return };
    let contract: Vec<Proposition> = contract.into_iter().map(Into::into).collect();
    for command in commands(&contract) {
        let Answer { holds, detail } = command.run(server, time).await;
        let Command { name: check, line: by } = command;
        let finding = Finding { check, instance: None, holds, detail, by };
        if let Err(error) = handle.report(finding).await {
            // A version that asks no more of it may have taken over, or the engine stops.
            tracing::warn!(%error, "what a command found is not in the log");
        }
    }
}
