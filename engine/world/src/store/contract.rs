//! The contract of the store door, as a check that every implementation runs: memory, disk,
//! simulation.
//!
//! In: an empty store. Out: nothing, or a panic that says what the store did otherwise than the
//! model. Never: draws ambient chance, so that a failure repeats.
//! Start reading at [`keeps_the_contract`].

use std::collections::BTreeMap;
use std::ops::Bound;

use bytes::Bytes;
use rand_core::Rng;

use super::{Batch, Durability, Snapshot, Space, Store, StoreError};
use crate::chance::Chance;

const SPACES: [Space; 2] = [Space("contract-a"), Space("contract-b")];

type Model = BTreeMap<(Space, Vec<u8>), Vec<u8>>;

/// Runs `steps` random commits against `store`, which must be empty in the spaces `contract-a` and
/// `contract-b`, and compares every read with an ordered map.
///
/// # Errors
/// When the store reports one; it has no reason to.
///
/// # Panics
/// When the store breaks the contract.
pub async fn keeps_the_contract<S: Store>(store: &S, steps: usize) -> Result<(), StoreError> {
    let mut chance = Chance::from_u64(1).stream("contract");
    let mut model = Model::new();
    // A snapshot from the start and one from the middle must stay what they were.
    let mut held = vec![(store.snapshot(), model.clone())];
    for step in 0..steps {
        let mut batch = Batch::new();
        for _ in 0..chance.next_u32() % 5 {
            change(&mut chance, &mut batch, &mut model);
        }
        let sync = step % 16 == 0;
        let durability = if sync { Durability::Power } else { Durability::Process };
        store.commit(batch, durability).await?;
        if step % 64 == 0 {
            same(&store.snapshot(), &model, &mut chance)?;
        }
        if step == steps / 2 {
            held.push((store.snapshot(), model.clone()));
        }
    }
    held.push((store.snapshot(), model));
    for (snapshot, model) in held {
        for _ in 0..64 {
            same(&snapshot, &model, &mut chance)?;
        }
    }
    Ok(())
}

/// One put or removal, of a key that is often there already; the last change of a key wins.
fn change(chance: &mut impl Rng, batch: &mut Batch, model: &mut Model) {
    let space = if chance.next_u32().is_multiple_of(2) { SPACES[0] } else { SPACES[1] };
    let key = key(chance);
    if chance.next_u32().is_multiple_of(4) {
        batch.remove(space, Bytes::copy_from_slice(&key));
        model.remove(&(space, key));
    } else {
        let length = usize::from(chance.next_u32().to_le_bytes()[0]);
        let value = vec![chance.next_u32().to_le_bytes()[0]; length];
        batch.put(space, Bytes::copy_from_slice(&key), value.clone());
        model.insert((space, key), value);
    }
}

fn key(chance: &mut impl Rng) -> Vec<u8> {
    let bytes = chance.next_u32().to_le_bytes();
    let length = 1 + bytes[0] % 3;
    bytes.into_iter().skip(1).take(length.into()).map(|byte| byte % 6).collect()
}

/// Whether a snapshot and the model answer alike: a key, a range, and the range from its end.
fn same<P: Snapshot>(snapshot: &P, model: &Model, chance: &mut impl Rng) -> Result<(), StoreError> {
    for space in SPACES {
        let (low, high) = (key(chance), key(chance));
        let found = snapshot.get(space, &low)?.map(|value| value.to_vec());
        assert_eq!(found.as_ref(), model.get(&(space, low.clone())), "get {space:?} {low:?}");
        let bounds = [
            (Bound::Unbounded, Bound::Unbounded),
            (Bound::Included(&low[..]), Bound::Included(&high[..])),
            (Bound::Included(&low[..]), Bound::Excluded(&high[..])),
            (Bound::Excluded(&low[..]), Bound::Unbounded),
            (Bound::Unbounded, Bound::Excluded(&high[..])),
        ];
        for (from, to) in bounds {
            let inside = |key: &[u8]| {
                (match from {
                    Bound::Included(low) => key >= low,
                    Bound::Excluded(low) => key > low,
                    Bound::Unbounded => true,
                }) && match to {
                    Bound::Included(high) => key <= high,
                    Bound::Excluded(high) => key < high,
                    Bound::Unbounded => true,
                }
            };
            let mut wanted: Vec<_> = model
                .iter()
                .filter(|((its, key), _)| *its == space && inside(key))
                .map(|((_, key), value)| (key.clone(), value.clone()))
                .collect();
            let read = |pair: Result<(Bytes, Bytes), StoreError>| {
                pair.map(|(key, value)| (key.to_vec(), value.to_vec()))
            };
            let found: Vec<_> =
                snapshot.range(space, from, to).map(read).collect::<Result<_, _>>()?;
            assert_eq!(found, wanted, "range {space:?} {from:?} {to:?}");
            let found: Vec<_> =
                snapshot.range(space, from, to).rev().map(read).collect::<Result<_, _>>()?;
            wanted.reverse();
            assert_eq!(found, wanted, "range from its end {space:?} {from:?} {to:?}");
        }
    }
    Ok(())
}
