//! Promise: whatever anybody was shown of the log stands there for good, at that position, as it was
//! shown, and pages have no holes. Also while a disk fails or a record rots: then nothing is shown
//! rather than something else.
//!
//! Start reading at [`judge`].

use homeostat_log::cloudevents;
use serde_json::Value as Json;

use super::{Evidence, Findings};
use crate::history::What;

pub(super) fn judge(evidence: &Evidence, findings: &mut Findings) {
    for line in &evidence.history.lines {
        let What::Shown { from, events, .. } = &line.what else { continue };
        for (expected, (position, shown)) in ((*from).max(1)..).zip(events) {
            if *position != expected {
                findings.push(format!(
                    "step {}: e{position} was shown where e{expected} is expected",
                    line.step
                ));
                break;
            }
            let index = usize::try_from(position - 1).unwrap_or(usize::MAX);
            let stands = evidence.log.events.get(index).map(|it| digest(&cloudevents::to_json(it)));
            if stands.as_ref().map(|(_, name)| name) != Some(shown) {
                findings.push(format!(
                    "step {}: e{position} was shown, and stands otherwise or not at all",
                    line.step
                ));
            }
        }
    }
}

/// The position of an event as the API shows it, and what names all of it. Position 0: it has none.
#[must_use]
pub fn digest(event: &Json) -> (u64, String) {
    // Numbers of that size are texts in a CloudEvent.
    let position = event.get("position").and_then(Json::as_str);
    let position = position.and_then(|text| text.parse().ok()).unwrap_or_default();
    (position, blake3::hash(event.to_string().as_bytes()).to_hex().chars().take(16).collect())
}
