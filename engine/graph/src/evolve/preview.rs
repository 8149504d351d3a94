//! What adopting a version would do, in numbers, before anybody does it.
//!
//! In: the two evaluators. Out: a [`Preview`]. Never: changes either of them.
//! Promise: it counts what [`Evaluator::succeed`] then does. Start reading at [`preview`].

use homeostat_intent::lowered::{ClauseId, Strength};
use serde::Serialize;

use super::merge::Merge;
use crate::open::Stage;
use crate::program::{Program, at};
use crate::state::State;

/// What adopting a version would do.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Preview {
    /// The clauses that are new, with what they ask of earlier events, in the order of the text.
    pub added: Vec<ClausePreview>,
    /// The clauses that are gone, with what would be withdrawn.
    pub removed: Vec<ClausePreview>,
    /// How many obligations go on as they are.
    pub carried: u64,
}

/// One clause and a number of obligations.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ClausePreview {
    /// Its identity.
    pub clause: ClauseId,
    /// Its readable name.
    pub slug: String,
    /// How hard it is.
    pub strength: Strength,
    /// How many obligations.
    pub obligations: u64,
    /// Whether it, or a fallback of it, works on the outside.
    pub external: bool,
}

impl Preview {
    /// How many gaps the version opens by what it asks of earlier events, sooner or later.
    #[must_use]
    pub fn retroactive(&self) -> u64 {
        self.added.iter().map(|clause| clause.obligations).sum()
    }

    /// Those of them that need a person's word whatever the policy.
    #[must_use]
    pub fn external(&self) -> u64 {
        self.added.iter().filter(|clause| clause.external).map(|clause| clause.obligations).sum()
    }

    /// How many obligations it withdraws.
    #[must_use]
    pub fn withdrawn(&self) -> u64 {
        self.removed.iter().map(|clause| clause.obligations).sum()
    }
}

pub(super) fn preview(merge: &Merge<'_>, state: &State) -> Preview {
    let mut added = vec![0; merge.new.clauses.len()];
    for (_, open) in state.open.places() {
        if merge.is_asked(state, (open.trigger, open.clause))
            && let Some(count) = added.get_mut(open.clause as usize)
        {
            *count += 1;
        }
    }
    let (mut removed, mut carried) = (vec![0; merge.old.clauses.len()], 0);
    for (_, open) in merge.before.open.places() {
        match (merge.pairing.after(open.clause), open.stage) {
            (Some(_), _) => carried += 1,
            (None, Stage::Queued) => {}
            (None, _) => {
                if let Some(count) = removed.get_mut(open.clause as usize) {
                    *count += 1;
                }
            }
        }
    }
    let is_gone = |clause: u32| merge.pairing.after(clause).is_none();
    Preview {
        added: counted(merge.new, &added, |clause| merge.pairing.before(clause).is_none()),
        removed: counted(merge.old, &removed, is_gone),
        carried,
    }
}

fn counted(program: &Program, counts: &[u64], always: impl Fn(u32) -> bool) -> Vec<ClausePreview> {
    let all = (0..).zip(counts).filter(|(clause, count)| **count > 0 || always(*clause));
    all.map(|(index, count)| {
        let clause = at(&program.clauses, index);
        ClausePreview {
            clause: clause.id,
            slug: clause.slug.clone(),
            strength: clause.strength,
            obligations: *count,
            external: reaches_outside(program, index),
        }
    })
    .collect()
}

/// Whether a clause or any of its fallbacks works on the outside.
pub(super) fn reaches_outside(program: &Program, clause: u32) -> bool {
    let mut stage = Some(clause);
    while let Some(index) = stage {
        let plan = at(&program.clauses, index);
        if plan.external {
            return true;
        }
        stage = plan.fallback.map(|fallback| fallback.0);
    }
    false
}
