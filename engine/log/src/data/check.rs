//! Checks that bytes are a payload as this engine writes them.
//!
//! In: bytes from a store. Out: nothing, or what is wrong. Never: trusts a length.
//! Promise: whatever passes can be read by every function of [`super`]. Start at [`check`].

use homeostat_world::limits::DATA_DEPTH_MAX;
use minicbor::Decoder;
use minicbor::data::Type;

use super::DataError;
use crate::cbor;

/// Whether `bytes` are exactly one payload.
pub(super) fn check(bytes: &[u8]) -> Result<(), DataError> {
    let mut decoder = Decoder::new(bytes);
    map(&mut decoder, 1)?;
    if decoder.position() == bytes.len() { Ok(()) } else { Err(malformed("bytes follow the map")) }
}

/// Whether `bytes` are exactly one value that may stand at nesting `depth`.
pub(super) fn check_value(bytes: &[u8], depth: usize) -> Result<(), DataError> {
    let mut decoder = Decoder::new(bytes);
    value(&mut decoder, depth)?;
    if decoder.position() == bytes.len() {
        Ok(())
    } else {
        Err(malformed("bytes follow the value"))
    }
}

/// Whether a payload, or a map inside one, stands at `decoder`; moves it past that.
pub(super) fn map(decoder: &mut Decoder<'_>, depth: usize) -> Result<(), DataError> {
    if depth > DATA_DEPTH_MAX {
        return Err(DataError::TooDeep { limit: DATA_DEPTH_MAX });
    }
    let count = decoder.map().map_err(cbor)?.ok_or_else(indefinite)?;
    let mut before: Option<&str> = None;
    // A forged count cannot make this long: each round reads at least two bytes or fails.
    for _ in 0..count {
        let name = cbor::read_text(decoder).map_err(cbor)?;
        if before.is_some_and(|before| before >= name) {
            return Err(malformed("names are not in ascending order"));
        }
        before = Some(name);
        value(decoder, depth)?;
    }
    Ok(())
}

fn value(decoder: &mut Decoder<'_>, depth: usize) -> Result<(), DataError> {
    match decoder.datatype().map_err(cbor)? {
        Type::Null => decoder.null().map_err(cbor),
        Type::Bool => decoder.bool().map(drop).map_err(cbor),
        Type::String => cbor::read_text(decoder).map(drop).map_err(cbor),
        Type::U8
        | Type::U16
        | Type::U32
        | Type::U64
        | Type::I8
        | Type::I16
        | Type::I32
        | Type::I64 => decoder.i64().map(drop).map_err(cbor),
        Type::F64 => match decoder.f64().map_err(cbor)? {
            number if number.is_finite() => Ok(()),
            _ => Err(malformed("a number is not finite")),
        },
        Type::Map => map(decoder, depth + 1),
        Type::Array if depth >= DATA_DEPTH_MAX => Err(DataError::TooDeep { limit: DATA_DEPTH_MAX }),
        Type::Array => {
            let count = decoder.array().map_err(cbor)?.ok_or_else(indefinite)?;
            (0..count).try_for_each(|_| value(decoder, depth + 1))
        }
        other => Err(malformed(&format!("a value of type {other} has no meaning here"))),
    }
}

fn malformed(reason: &str) -> DataError {
    DataError::Malformed(reason.to_owned())
}

fn indefinite() -> DataError {
    malformed("a length is indefinite")
}

#[expect(clippy::needless_pass_by_value, reason = "the shape that `map_err` wants")]
fn cbor(error: minicbor::decode::Error) -> DataError {
    DataError::Malformed(error.to_string())
}
