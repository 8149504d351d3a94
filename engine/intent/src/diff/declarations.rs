//! What two versions declare otherwise: entities, events, measures, thresholds, settings.
//!
//! In: two specs. Out: [`DeclarationDiff`]s. Never: tells of what merely follows from use: an event
//! that a new clause names is no declaration.
//! Promise: in the order of their sorts, then of their names. Start reading at [`diff`].

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value as Json;

use super::DeclarationDiff;
use super::clauses::meaning;
use crate::lowered::Spec;

pub(super) fn diff(old: &Spec, new: &Spec) -> Vec<DeclarationDiff> {
    let (before, after) = (declared(old), declared(new));
    let mut found = Vec::new();
    for (key, means) in &before {
        let now = after.get(key);
        if now != Some(means) {
            let to = now.map(Json::to_string);
            found.push((key, Some(means.to_string()), to));
        }
    }
    let added = after.iter().filter(|(key, _)| !before.contains_key(*key));
    found.extend(added.map(|(key, means)| (key, None, Some(means.to_string()))));
    found.sort();
    found
        .into_iter()
        .map(|((_, what), from, to)| DeclarationDiff { what: what.clone(), from, to })
        .collect()
}

/// Everything declared, by sort and name.
fn declared(spec: &Spec) -> BTreeMap<(u8, String), Json> {
    let mut all = BTreeMap::new();
    let mut add = |sort: u8, what: String, means: Json| drop(all.insert((sort, what), means));
    for entity in spec.entities.iter().filter(|entity| entity.declared) {
        add(0, format!("entity {}", entity.name), meaning(entity));
    }
    // An event that has one name only is known by being used.
    for event in spec.events.iter().filter(|event| !event.aliases.is_empty()) {
        add(1, format!("event {}", event.name), meaning(&event.aliases));
    }
    for measure in &spec.measures {
        add(2, format!("measure {}", measure.name), meaning(measure));
    }
    for threshold in &spec.thresholds {
        add(3, format!("threshold {}", threshold.name), meaning(threshold));
    }
    for metric in &spec.metrics {
        add(4, format!("metric {}", metric.name), meaning(metric));
    }
    for capability in &spec.capabilities {
        add(5, format!("capability {}", capability.name), meaning(capability));
    }
    settings(spec, &mut add);
    all
}

fn settings(spec: &Spec, add: &mut impl FnMut(u8, String, Json)) {
    if let Json::Object(limits) = meaning(&spec.limits) {
        for (name, value) in limits {
            add(6, name, value);
        }
    }
    let rest: [(&str, &dyn Said); 3] =
        [("name", &spec.name), ("time_zone", &spec.time_zone), ("backfill_policy", &spec.backfill)];
    for (name, value) in rest {
        add(7, name.to_owned(), value.said());
    }
}

/// Something that has a meaning, whatever its type.
trait Said {
    fn said(&self) -> Json;
}

impl<T: Serialize> Said for T {
    fn said(&self) -> Json {
        meaning(self)
    }
}
