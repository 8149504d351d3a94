//! Asks a running engine over HTTP.
//!
//! In: a server's address. Out: its answers, or what it says is wrong. Start reading at [`Remote`].

use homeostat_api::{Client, ClientError, Patience};
use homeostat_host::{SystemClock, TokioNet};
use tokio::runtime::Runtime;

use crate::failure::Failure;
use crate::running;

/// The client that the command line uses.
pub(crate) type Line = Client<TokioNet, SystemClock>;

/// A server, and the runtime that talks to it.
#[derive(Debug)]
pub(crate) struct Remote {
    line: Line,
    runtime: Runtime,
}

/// A person waits: better a message soon than an answer after half a minute of trying.
const TRIES: u32 = 3;

impl Remote {
    /// Prepares to talk to `server`; connects with the first question.
    pub(crate) fn new(server: &str) -> Result<Self, Failure> {
        let patience = Patience { tries: TRIES, ..Patience::default() };
        let line = Client::new(TokioNet, SystemClock::new(), server, patience)?;
        Ok(Self { line, runtime: running::runtime()? })
    }

    /// Asks, and waits for the answer.
    pub(crate) fn ask<T>(
        &mut self,
        question: impl AsyncFnOnce(&mut Line) -> Result<T, ClientError>,
    ) -> Result<T, Failure> {
        let answer = self.runtime.block_on(question(&mut self.line));
        answer.map_err(Failure::from)
    }
}

impl From<ClientError> for Failure {
    fn from(error: ClientError) -> Self {
        let help = error.problem().and_then(|problem| problem.help.clone());
        let failure = Self::new(&error);
        match help {
            Some(help) => failure.help(help),
            None => failure,
        }
    }
}
