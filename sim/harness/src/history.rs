//! What happened in a run, line by line.
//!
//! In: remarks of nodes and of the director. Out: JSON Lines, a readable story, a hash.
//! Never: a time that is not virtual. Promise: lines are numbered in the order in which they came.
//! Start reading at [`Recorder`].

use std::sync::{Arc, Mutex, PoisonError};

use homeostat_world::Timestamp;
use serde::{Deserialize, Serialize};

use crate::audit::Polled;

/// One line.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Line {
    /// Its number, from 1.
    pub step: u64,
    /// Virtual time.
    pub at: Timestamp,
    /// Who: `engine`, `client-1`, `director`.
    pub node: String,
    /// What.
    #[serde(flatten)]
    pub what: What,
}

/// What can happen.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "what", rename_all = "snake_case")]
pub enum What {
    /// The engine is about to read its disk.
    Opens {
        /// The last position on it.
        head: u64,
        /// The position of the newest checkpoint on it; none: there is none.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        checkpoint: Option<u64>,
    },
    /// A node started.
    Started,
    /// A node was stopped by a fault.
    Crashed,
    /// A node could not start.
    Refused {
        /// Why.
        why: String,
    },
    /// A fault began or ended.
    Fault {
        /// In words.
        text: String,
    },
    /// A client sent a request.
    Sent {
        /// The ids of its events.
        ids: Vec<String>,
    },
    /// A client was told that its events stand there.
    Acknowledged {
        /// Id and position, in the order of the request.
        events: Vec<(String, u64)>,
    },
    /// A client was told no, for good.
    Rejected {
        /// The ids of its events.
        ids: Vec<String>,
        /// Why.
        why: String,
    },
    /// A client had no answer that counts, and sends the same again.
    SentAgain {
        /// The ids of its events.
        ids: Vec<String>,
        /// Why.
        why: String,
    },
    /// A client gave up, and is in doubt.
    InDoubt {
        /// The ids of its events.
        ids: Vec<String>,
        /// Why.
        why: String,
    },
    /// A person decided about a gap.
    Decided {
        /// Which.
        gap: String,
        /// What, and what came of it.
        outcome: String,
        /// Where the decision stands in the log, when it was taken.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        position: Option<u64>,
    },
    /// Somebody adopted a version of the spec, or had the engine check itself.
    Asked {
        /// For what, and what came of it.
        outcome: String,
        /// Where the adoption stands in the log, when it was taken.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        position: Option<u64>,
    },
    /// A person said whether a proposition holds.
    Reported {
        /// Which.
        check: String,
        /// Whether it does; none where that could not be told.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        holds: Option<bool>,
        /// Where that stands in the log; or why it was not taken.
        outcome: Result<u64, String>,
    },
    /// An agent's run came to its end, whether the engine still asks for it or not.
    Answered {
        /// Which agent.
        agent: String,
        /// How many lines it printed.
        lines: u64,
    },
    /// A client read the log.
    Shown {
        /// From which position on.
        from: u64,
        /// What it was shown: positions, and what names the event there.
        events: Vec<(u64, String)>,
        /// Why it was shown nothing.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        why: Option<String>,
    },
    /// A task of a node panicked: a defect of the code in it.
    Panicked {
        /// Which task.
        task: String,
        /// What it said.
        why: String,
    },
    /// An agent began its work.
    Works {
        /// Which.
        agent: String,
    },
    /// The director looked how far the engine is.
    Looked {
        /// Whether it runs.
        up: bool,
        /// The last position on its disk.
        position: u64,
        /// Its own clock.
        engine_now: Timestamp,
    },
    /// A node stopped as asked.
    Stopped,
}

/// All lines of a run.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct History {
    /// In order.
    pub lines: Vec<Line>,
    /// Every poll of every task, where they were asked for. They are no part of the hash: the
    /// lane's own is.
    pub polls: Vec<Polled>,
}

/// Takes lines from anywhere in a run. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Recorder {
    lines: Arc<Mutex<Vec<Line>>>,
}

impl Recorder {
    /// Writes a line.
    pub fn record(&self, at: Timestamp, node: &str, what: What) {
        let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        let step = lines.len() as u64 + 1;
        lines.push(Line { step, at, node: node.to_owned(), what });
    }

    /// Everything that was written so far.
    #[must_use]
    pub fn history(&self) -> History {
        let lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner).clone();
        History { lines, polls: Vec::new() }
    }
}

impl Line {
    /// As JSON, on one line.
    #[must_use]
    pub fn to_json(&self) -> String {
        // Texts, numbers and lists always have a JSON form.
        serde_json::to_string(self).unwrap_or_default()
    }
}

impl History {
    /// As JSON Lines.
    #[must_use]
    pub fn to_json_lines(&self) -> String {
        let mut text = String::new();
        for line in &self.lines {
            text.push_str(&line.to_json());
            text.push('\n');
        }
        text
    }

    /// Names the run: equal histories, equal hashes.
    #[must_use]
    pub fn hash(&self) -> String {
        blake3::hash(self.to_json_lines().as_bytes()).to_hex().to_string()
    }
}
