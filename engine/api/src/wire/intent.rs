//! Versions of the spec: those that were in force, and one that somebody wants to be.
//!
//! In: the kernel's views of versions. Out: the same facts for `/v1/intent`.
//! Never: decides anything. Start reading at [`Version`] and [`Proposal`].

use std::collections::BTreeMap;

use homeostat_graph::{BackfillView, ClausePreview};
use homeostat_kernel::versions::Evolution;
use homeostat_log::control::Changes;
use homeostat_world::{Position, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::words::Policy;

/// The versions that were put in force on the log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Versions {
    /// All of them, the one in force last.
    pub versions: Vec<Version>,
}

/// One version that was put in force.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Version {
    /// Where the log says so.
    #[schema(value_type = u64)]
    pub position: Position,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    pub adopted: Timestamp,
    /// The hash of the spec, in hex.
    pub hash: String,
    /// Its name.
    pub name: Option<String>,
    /// Who adopted it.
    pub by: String,
    /// The hash of the version before; null for the first.
    pub from: Option<String>,
    /// What it changed, in numbers, by the kind of change; null for the first.
    pub changes: Option<BTreeMap<String, u64>>,
    /// What it asked of events of before it, and how far that has come.
    pub backfill: Option<Backfill>,
    /// What of that has not ended, by the names of clauses.
    pub left: BTreeMap<String, u64>,
}

/// What a version asked of events of before it, and how far that has come.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Backfill {
    /// Where the version was adopted.
    #[schema(value_type = u64)]
    pub adopted: Position,
    /// What it says about events of before it.
    pub policy: Policy,
    /// All that it asked of them.
    pub total: u64,
    /// Fulfilled.
    pub done: u64,
    /// Ended otherwise: waived, withdrawn, void.
    pub dropped: u64,
    /// Owed now; never more than `max_backfill_in_flight`.
    pub in_flight: u64,
    /// Waiting for their turn.
    pub waiting: u64,
    /// Waiting for a person's word.
    pub held: u64,
}

/// One file of a spec.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SpecText {
    /// Its name, for messages.
    #[schema(min_length = 1, max_length = 1024, example = "orders.intent")]
    pub name: String,
    /// What it says.
    pub text: String,
}

/// A version that a person wants to be in force.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AdoptionRequest {
    /// All files of the spec.
    #[schema(min_items = 1)]
    pub sources: Vec<SpecText>,
    /// Who adopts it; not needed for a dry run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(min_length = 1, max_length = 1024, example = "ada")]
    pub by: Option<String>,
    /// The hash of the version that has to be in force, as whoever adopts has seen it; any, when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected: Option<String>,
}

/// What a version changes, or would change.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Proposal {
    /// Where the log says that it is in force; null when it was only a dry run.
    #[schema(value_type = Option<u64>)]
    pub position: Option<Position>,
    /// The hash of the version before.
    pub from: String,
    /// The hash of this version.
    pub to: String,
    /// What it says about events of before it.
    pub policy: Policy,
    /// What it changes, in numbers, by the kind of change.
    pub changes: BTreeMap<String, u64>,
    /// The same for people, a line for each clause that differs.
    pub text: String,
    /// The same for programs: clauses and declarations.
    #[schema(value_type = serde_json::Map<String, serde_json::Value>)]
    pub diff: serde_json::Value,
    /// The new clauses, with what they ask of earlier events.
    pub added: Vec<Asked>,
    /// The clauses that are gone, with what is withdrawn.
    pub removed: Vec<Asked>,
    /// Obligations that go on as they are.
    pub carried: u64,
    /// Gaps that open by what it asks of earlier events, sooner or later.
    pub retroactive: u64,
    /// Those of them that work on the outside, and so wait for a person's word whatever the policy.
    pub external: u64,
    /// Obligations that it withdraws.
    pub withdrawn: u64,
}

/// One clause and a number of obligations.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Asked {
    /// Its identity, in hex.
    pub clause: String,
    /// Its readable name.
    pub slug: String,
    /// How many obligations.
    pub obligations: u64,
    /// Whether it, or a fallback of it, works on the outside.
    pub external: bool,
}

impl From<homeostat_kernel::VersionView> for Version {
    fn from(view: homeostat_kernel::VersionView) -> Self {
        let homeostat_kernel::VersionView { version, backfill, left } = view;
        let homeostat_kernel::Version { position, adopted, hash, name, by, evolution } = version;
        let (from, changes) = match evolution {
            Some(Evolution { from, policy: _, changes }) => (Some(from), Some(numbers(changes))),
            None => (None, None),
        };
        let backfill = backfill.map(Into::into);
        Self { position, adopted, hash, name, by, from, changes, backfill, left }
    }
}

impl From<BackfillView> for Backfill {
    fn from(view: BackfillView) -> Self {
        let BackfillView { position, policy, total, done, dropped, in_flight, waiting, held } =
            view;
        let policy = policy.into();
        Self { adopted: position, policy, total, done, dropped, in_flight, waiting, held }
    }
}

impl Proposal {
    /// A proposal, adopted at `position` or only looked at.
    #[must_use]
    pub fn of(proposal: homeostat_kernel::Proposal, position: Option<Position>) -> Self {
        let changes = numbers(proposal.changes());
        let homeostat_kernel::Proposal { diff, preview } = proposal;
        Self {
            position,
            from: diff.from.to_string(),
            to: diff.to.to_string(),
            policy: diff.backfill.into(),
            changes,
            text: diff.to_string(),
            // Texts, numbers and maps with text keys always have a JSON form.
            diff: serde_json::to_value(&diff).unwrap_or_default(),
            retroactive: preview.retroactive(),
            external: preview.external(),
            withdrawn: preview.withdrawn(),
            carried: preview.carried,
            added: preview.added.into_iter().map(Into::into).collect(),
            removed: preview.removed.into_iter().map(Into::into).collect(),
        }
    }
}

/// By the names that the log has for them.
fn numbers(changes: Changes) -> BTreeMap<String, u64> {
    serde_json::to_value(changes).and_then(serde_json::from_value).unwrap_or_default()
}

impl From<ClausePreview> for Asked {
    fn from(preview: ClausePreview) -> Self {
        let ClausePreview { clause, slug, strength: _, obligations, external } = preview;
        Self { clause: clause.to_string(), slug, obligations, external }
    }
}
