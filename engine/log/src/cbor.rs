//! The few CBOR items (RFC 8949) that this room writes, each in its shortest form.
//!
//! In: values. Out: bytes at the end of a buffer. Never: fails, or writes an indefinite length.
//! Promise: one value has one encoding. Reading is minicbor's, with a shorter way for short texts,
//! which are most of what a log holds. Start at [`write_head`].

use minicbor::Decoder;
use minicbor::decode::Error;

/// Major type of a text.
const TEXT: u8 = 3;
/// Major type of a list.
pub(crate) const LIST: u8 = 4;
/// Major type of a map.
pub(crate) const MAP: u8 = 5;

pub(crate) fn write_null(out: &mut Vec<u8>) {
    out.push(0xf6);
}

pub(crate) fn write_truth(out: &mut Vec<u8>, truth: bool) {
    out.push(if truth { 0xf5 } else { 0xf4 });
}

pub(crate) fn write_int(out: &mut Vec<u8>, number: i64) {
    // CBOR writes a negative n as the count -1 - n, which is the bitwise complement.
    if number < 0 {
        write_head(out, 1, (!number).unsigned_abs());
    } else {
        write_head(out, 0, number.unsigned_abs());
    }
}

pub(crate) fn write_float(out: &mut Vec<u8>, number: f64) {
    out.push(0xfb);
    out.extend_from_slice(&number.to_be_bytes());
}

pub(crate) fn write_text(out: &mut Vec<u8>, text: &str) {
    write_head(out, TEXT, text.len() as u64);
    out.extend_from_slice(text.as_bytes());
}

pub(crate) fn write_map_head(out: &mut Vec<u8>, count: usize) {
    write_head(out, MAP, count as u64);
}

/// The head of an item: its major type and its number in as few bytes as hold it.
#[expect(clippy::cast_possible_truncation, reason = "each arm has checked the range")]
pub(crate) fn write_head(out: &mut Vec<u8>, major: u8, number: u64) {
    let major = major << 5;
    match number {
        0..=23 => out.push(major | number as u8),
        24..=0xff => out.extend_from_slice(&[major | 24, number as u8]),
        0x100..=0xffff => {
            out.push(major | 25);
            out.extend_from_slice(&(number as u16).to_be_bytes());
        }
        0x1_0000..=0xffff_ffff => {
            out.push(major | 26);
            out.extend_from_slice(&(number as u32).to_be_bytes());
        }
        _ => {
            out.push(major | 27);
            out.extend_from_slice(&number.to_be_bytes());
        }
    }
}

/// Reads a text: at once when its length stands in its first byte or the next, else minicbor's way.
pub(crate) fn read_text<'a>(decoder: &mut Decoder<'a>) -> Result<&'a str, Error> {
    let rest = decoder.input().get(decoder.position()..).unwrap_or_default();
    let (head, length) = match rest {
        [first @ 0x60..=0x77, ..] => (1, usize::from(first & 0x1f)),
        [0x78, length, ..] => (2, usize::from(*length)),
        _ => return decoder.str(),
    };
    let Some(Ok(text)) = rest.get(head..head + length).map(std::str::from_utf8) else {
        return decoder.str();
    };
    decoder.set_position(decoder.position() + head + length);
    Ok(text)
}
