//! A length of time that may be before the start: `-3d 12h`.
//!
//! In: a text. Out: a [`Duration`], and the text again. Never: used for how long something takes.
//! Promise: what is written reads back equal. Start reading at [`deserialize`].

use homeostat_world::Duration;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

#[expect(clippy::ref_option, reason = "serde passes references")]
pub(super) fn serialize<S: Serializer>(
    time: &Option<Duration>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    time.serialize(serializer)
}

pub(super) fn deserialize<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Duration>, D::Error> {
    let Some(text) = Option::<String>::deserialize(deserializer)? else { return Ok(None) };
    let (sign, length) = text.strip_prefix('-').map_or((1, text.as_str()), |rest| (-1, rest));
    let length: Duration = length.parse().map_err(serde::de::Error::custom)?;
    Ok(Some(Duration::from_micros(length.as_micros().saturating_mul(sign))))
}
