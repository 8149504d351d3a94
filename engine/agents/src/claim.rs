//! What an agent says: one claim a line.
//!
//! In: a line of output. Out: a [`Claim`], or what is wrong with the line. Never: judges a claim; `judge` does.
//! Promise: a line is one JSON object with one of five names, and nothing else is guessed into one.
//! Start reading at [`Claim::read`].

use homeostat_log::Confidence;
use homeostat_log::link::Place;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

/// One thing that an agent says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Claim {
    /// It wants this event appended.
    Append(ClaimedEvent),
    /// It asks for a person, and says why. Nothing that it claimed is appended.
    NeedsHuman(String),
    /// It gives up, and says why. Nothing that it claimed is appended.
    Failed(String),
    /// It cost that much more, in dollars.
    CostUsd(f64),
    /// Something for the record.
    Note(String),
}

/// An event as an agent claims it. Everything else of its envelope is the engine's to fill in.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClaimedEvent {
    /// Its type.
    pub r#type: String,
    /// Its payload, an object.
    pub data: Json,
    /// When it happened, RFC 3339, for the record: deadlines are measured by when it is recorded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time: Option<String>,
    /// The position of the event that it enriches, one of the brief's context: what it says is then
    /// marked as inferred. A number, or digits as the context has them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enriches: Option<Place>,
    /// How sure it is of that, from 0 to 1. Said together with `enriches`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confidence: Option<Confidence>,
}

/// What is wrong with a line.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "line {line} is no claim: {reason}; expected one JSON object with `append`, `needs_human`, `failed`, `cost_usd` or `note`"
)]
pub struct ClaimError {
    /// Which line of the output, from 1.
    pub line: usize,
    /// What the JSON reader says.
    pub reason: String,
}

impl Claim {
    /// Reads one line, the `line`-th from 1.
    ///
    /// # Errors
    /// When the line is no claim.
    pub fn read(text: &str, line: usize) -> Result<Self, ClaimError> {
        serde_json::from_str(text).map_err(|error| ClaimError { line, reason: error.to_string() })
    }

    /// As a line of output.
    #[must_use]
    pub fn write(&self) -> String {
        // A claim has text keys only, so it always has a JSON form.
        serde_json::to_string(self).unwrap_or_default()
    }
}
