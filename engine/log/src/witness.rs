//! The head witness: where the log ended, kept outside the store, so that a store that comes back
//! shorter is noticed.
//!
//! In: a [`Head`]. Out: one slot of a small file, and the head that such a file witnesses.
//! Never: writes; the [`Pad`](homeostat_world::Pad) door does.
//! Promise: a torn or flipped slot is not believed, and the other one still is; what is believed
//! was durable in the log when it was written. Start reading at [`encode`].

use homeostat_world::pad::SLOT_BYTES;
use homeostat_world::{Position, Timestamp};

use crate::codec::ChainHash;

/// The end of a log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Head {
    /// The last position; [`Position::ZERO`] for an empty log.
    pub position: Position,
    /// Names everything up to there.
    pub chain: ChainHash,
    /// When the last event was recorded. No later one is recorded earlier.
    pub recorded: Timestamp,
}

const MAGIC: [u8; 4] = *b"HSW1";

/// One slot: `HSW1`, position, recorded (both big-endian), chain hash, BLAKE3 of all that cut to
/// the 12 bytes that are left.
#[must_use]
pub fn encode(head: &Head) -> [u8; SLOT_BYTES] {
    let mut slot = Vec::with_capacity(SLOT_BYTES);
    slot.extend_from_slice(&MAGIC);
    slot.extend_from_slice(&head.position.to_key());
    slot.extend_from_slice(&head.recorded.as_micros().to_be_bytes());
    slot.extend_from_slice(&head.chain.0);
    let check = *blake3::hash(&slot).as_bytes();
    slot.extend_from_slice(&check);
    slot.first_chunk::<SLOT_BYTES>().copied().unwrap_or([0; SLOT_BYTES])
}

/// The newest head that `slots` witness; none when not one of them is whole.
pub fn decode<'a>(slots: impl IntoIterator<Item = &'a [u8]>) -> Option<Head> {
    slots.into_iter().filter_map(decode_slot).max_by_key(|head| head.position)
}

fn decode_slot(slot: &[u8]) -> Option<Head> {
    let (magic, rest) = slot.split_first_chunk::<4>()?;
    let (position, rest) = rest.split_first_chunk::<8>()?;
    let (recorded, rest) = rest.split_first_chunk::<8>()?;
    let (chain, _) = rest.split_first_chunk::<32>()?;
    let head = Head {
        position: Position::new(u64::from_be_bytes(*position)),
        chain: ChainHash(*chain),
        recorded: Timestamp::from_micros(i64::from_be_bytes(*recorded)),
    };
    (*magic == MAGIC && slot == encode(&head)).then_some(head)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(position: u64) -> Head {
        Head {
            position: Position::new(position),
            chain: ChainHash([9; 32]),
            recorded: Timestamp::from_micros(7),
        }
    }

    #[test]
    fn the_newest_whole_slot_counts() {
        let (old, new) = (encode(&head(41)), encode(&head(42)));
        assert_eq!(decode([&old[..], &new[..]]), Some(head(42)));
        assert_eq!(decode([&new[..], &old[..]]), Some(head(42)));
        assert_eq!(decode([&old[..], &[0; SLOT_BYTES][..]]), Some(head(41)));
    }

    #[test]
    fn a_torn_or_flipped_slot_is_not_believed() {
        let (old, new) = (encode(&head(41)), encode(&head(42)));
        for at in 0..SLOT_BYTES {
            let mut flipped = new;
            if let Some(byte) = flipped.get_mut(at) {
                *byte ^= 0x10;
            }
            assert_eq!(decode([&old[..], &flipped[..]]), Some(head(41)), "{at}");
            let mut torn = old;
            if let (Some(torn), Some(new)) = (torn.get_mut(..at), new.get(..at)) {
                torn.copy_from_slice(new);
            }
            let believed = decode([&torn[..]]);
            assert!(believed.is_none_or(|it| it == head(41) || it == head(42)), "{at}");
        }
    }
}
