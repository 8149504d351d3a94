//! The backlog as part of a checkpoint.
//!
//! In: a backlog, or bytes and a state that its obligations were read into. Out: bytes, or a backlog.
//! Never: takes up an obligation that does not stand in the store at the stage that it says.
//! Promise: see `checkpoint`. Start reading at [`write`].

use std::collections::BTreeSet;

use homeostat_intent::lowered::Backfill as Policy;
use homeostat_world::canary;
use minicbor::Decoder;

use super::backlog::{Backfill, Backlog, Word};
use crate::checkpoint::read::{Read, expect_len, len, malformed};
use crate::checkpoint::write::{Bytes, Written, count};
use crate::open::Stage;
use crate::program::Program;
use crate::state::State;

pub(crate) fn write(bytes: &mut Bytes, backlog: &Backlog) -> Written {
    bytes.array(count(backlog.backfills.len()))?;
    for one in &backlog.backfills {
        bytes.array(9)?.u64(one.position)?;
        bytes.u8(match one.policy {
            Policy::Sequential => 0,
            Policy::ProspectiveOnly => 1,
            Policy::HumanDecision => 2,
        })?;
        bytes.u8(match one.word {
            None => 0,
            Some(Word::Backfill) => 1,
            Some(Word::Waive) => 2,
        })?;
        bytes.u64(one.done)?.u64(one.dropped)?;
        bytes.array(count(one.clauses.len()))?;
        for clause in &one.clauses {
            bytes.u32(*clause)?;
        }
        let nothing = BTreeSet::new();
        let forgets = canary::planted("checkpoint_without_what_is_in_flight");
        let in_flight = if forgets { &nothing } else { &one.in_flight };
        for set in [&one.held, &one.waiting, in_flight] {
            bytes.array(count(2 * set.len()))?;
            for (trigger, clause) in set {
                bytes.u64(*trigger)?.u32(*clause)?;
            }
        }
    }
    Ok(())
}

/// What is queued in the store stands in one set of the backlog, and nothing else does.
pub(crate) fn read(from: &mut Decoder<'_>, program: &Program, state: &mut State) -> Read<()> {
    let mut queued = 0;
    for _ in 0..len(from)? {
        expect_len(from, 9, "backfill")?;
        let position = from.u64()?;
        let policy = match from.u8()? {
            0 => Policy::Sequential,
            1 => Policy::ProspectiveOnly,
            2 => Policy::HumanDecision,
            _ => return Err(malformed("an unknown policy")),
        };
        let mut one = Backfill::new(position, policy);
        one.word = match from.u8()? {
            0 => None,
            1 => Some(Word::Backfill),
            2 => Some(Word::Waive),
            _ => return Err(malformed("an unknown word on a backfill")),
        };
        (one.done, one.dropped) = (from.u64()?, from.u64()?);
        for _ in 0..len(from)? {
            one.clauses.insert(from.u32()?);
        }
        for (set, is_queued) in
            [(&mut one.held, true), (&mut one.waiting, true), (&mut one.in_flight, false)]
        {
            for _ in 0..len(from)? / 2 {
                let owed = (from.u64()?, from.u32()?);
                let stage = state.stage_of(program, owed);
                if stage.is_none_or(|stage| (stage == Stage::Queued) != is_queued) {
                    return Err(malformed("a backfill of something that is not so"));
                }
                queued += u64::from(is_queued && set.insert(owed));
                set.insert(owed);
            }
        }
        state.backlog.backfills.push(one);
    }
    let stands = state.open.places().filter(|(_, open)| open.stage == Stage::Queued).count();
    if stands as u64 != queued {
        return Err(malformed("something queued that no backfill knows of"));
    }
    state.backlog.recount();
    Ok(())
}
