//! Names that survive editing: the hash of a spec, the identity and the slug of a clause.
//!
//! In: trees and normalised texts. Out: [`SpecHash`], [`ClauseId`], slugs.
//! Never: counts blanks, comments, notes or scenarios.
//! Promise: reordering other clauses changes no identity. Two clauses that say the same in the
//! same place are told apart by their order, since nothing else is left.

use std::collections::BTreeMap;

use crate::ast;
use crate::lowered::{ClauseId, SpecHash};
use crate::tree::{SyntaxKind, SyntaxNode, SyntaxToken};

/// BLAKE3 over the tokens that mean something, file by file. Scenarios say nothing of the system
/// that runs: writing another one makes no new version, and a file of nothing else counts as none.
pub(super) fn spec_hash(trees: &[SyntaxNode]) -> SpecHash {
    let mut hasher = blake3::Hasher::new();
    for tree in trees {
        let (mut scenarios, mut others) = (false, false);
        for token in ast::meaning(tree) {
            if in_scenario(&token) {
                scenarios = true;
                continue;
            }
            others = true;
            hasher.update(ast::normal_token(&token).as_bytes());
            // No token holds a zero byte that is not an error, so tokens cannot run together.
            hasher.update(&[0]);
        }
        if others || !scenarios {
            hasher.update(&[1]);
        }
    }
    SpecHash(*hasher.finalize().as_bytes())
}

fn in_scenario(token: &SyntaxToken) -> bool {
    token.parent_ancestors().any(|node| node.kind() == SyntaxKind::Scenario)
}

/// Gives out identities and slugs, each once.
#[derive(Debug, Default)]
pub(super) struct Slugs {
    used: BTreeMap<String, u32>,
    clauses: BTreeMap<u64, u32>,
}

impl Slugs {
    /// `notify`, then `notify.2`, `notify.3`.
    pub(super) fn slug(&mut self, action: &str) -> String {
        let count = self.used.entry(action.to_owned()).or_default();
        *count += 1;
        if *count == 1 { action.to_owned() } else { format!("{action}.{count}") }
    }

    /// The identity of a clause that says `parts`.
    pub(super) fn clause(&mut self, parts: &[&str]) -> ClauseId {
        let id = digest(parts, 0);
        let repeats = self.clauses.entry(id).or_default();
        *repeats += 1;
        if *repeats == 1 { ClauseId(id) } else { ClauseId(digest(parts, *repeats)) }
    }
}

fn digest(parts: &[&str], repeat: u32) -> u64 {
    let mut hasher = blake3::Hasher::new();
    for part in parts {
        hasher.update(part.as_bytes());
        hasher.update(&[0]);
    }
    hasher.update(&repeat.to_le_bytes());
    let mut first = [0; 8];
    hasher.finalize_xof().fill(&mut first);
    u64::from_le_bytes(first)
}
