//! Samples, a little damaged: what readers meet when somebody slipped, or a byte did.
//!
//! In: samples, pieces that mean something to the reader, dice. Out: bytes or a text near a sample.
//! Never: knows a format. Promise: the same dice give the same bytes. Start reading at [`mutated`].

use homeostat_graph::reference::agreement::Dice;

/// More than this would only be slow to read.
const BYTES_MAX: usize = 4_096;
/// Edits of one sample at most: more of them leave nothing to recognise.
const EDITS_MAX: u64 = 8;

/// A text near one of the samples, or a heap of pieces, or anything at all.
#[must_use]
pub fn text(samples: &[&str], pieces: &[&str], dice: &mut Dice<'_>) -> String {
    let samples: Vec<&[u8]> = samples.iter().map(|sample| sample.as_bytes()).collect();
    String::from_utf8_lossy(&bytes(&samples, pieces, dice)).into_owned()
}

/// Bytes near one of the samples, or a heap of pieces, or anything at all.
#[must_use]
pub fn bytes(samples: &[&[u8]], pieces: &[&str], dice: &mut Dice<'_>) -> Vec<u8> {
    match dice.below(8) {
        0 => raw(dice),
        1 => heap(pieces, dice),
        _ => mutated(dice.one(samples), pieces, dice),
    }
}

fn raw(dice: &mut Dice<'_>) -> Vec<u8> {
    let mut bytes = Vec::new();
    while !dice.is_empty() && bytes.len() < BYTES_MAX {
        bytes.push(u8::try_from(dice.below(256)).unwrap_or(0));
    }
    bytes
}

fn heap(pieces: &[&str], dice: &mut Dice<'_>) -> Vec<u8> {
    let mut bytes = Vec::new();
    while !dice.is_empty() && bytes.len() < BYTES_MAX {
        bytes.extend_from_slice(dice.one(pieces).as_bytes());
    }
    bytes
}

/// `sample` with a few edits.
#[must_use]
pub fn mutated(sample: &[u8], pieces: &[&str], dice: &mut Dice<'_>) -> Vec<u8> {
    let mut bytes = sample.to_vec();
    for _ in 0..dice.below(EDITS_MAX + 1) {
        let at = place(bytes.len(), dice);
        let upto = (at + place(48, dice)).min(bytes.len());
        match dice.below(6) {
            0 => drop(bytes.drain(at..upto)),
            1 => {
                let copy = bytes.get(at..upto).unwrap_or_default().to_vec();
                let to = place(bytes.len(), dice);
                bytes.splice(to..to, copy);
            }
            2 => {
                let byte = u8::try_from(dice.below(256)).unwrap_or(0);
                if let Some(found) = bytes.get_mut(at) {
                    *found = byte;
                }
            }
            3 => bytes.truncate(at),
            4 => drop(bytes.splice(at..upto, dice.one(pieces).bytes())),
            _ => drop(bytes.splice(at..at, dice.one(pieces).bytes())),
        }
    }
    bytes
}

fn place(length: usize, dice: &mut Dice<'_>) -> usize {
    usize::try_from(dice.below(length as u64 + 1)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dice_that_have_run_out_leave_a_sample_as_it_is() {
        assert_eq!(mutated(b"sample", &["x"], &mut Dice::of_bytes(&[])), b"sample");
    }

    #[test]
    fn samples_change_and_keep_a_likeness() {
        let near: Vec<Vec<u8>> = (0..200)
            .map(|seed| mutated(b"must: charge(order)", &["within: "], &mut Dice::of_seed(seed)))
            .collect();
        let count = |wanted: &str| {
            near.iter().filter(|text| String::from_utf8_lossy(text).contains(wanted)).count()
        };
        assert!(count("charge") > 50 && count("must: charge(order)") < 120);
        assert!(count("within") > 50);
    }
}
