//! Writes a log as a table: the parts of an event, then one column per field of the data.
//!
//! Two passes: the columns must be known before the first row. A nested value is written as JSON.

use std::collections::BTreeSet;
use std::io::Write;

use ::csv::WriterBuilder;
use homeostat_log::{Event, Value};
use homeostat_world::Store;

use super::{ExportError, Exported, Walk, case_of};

/// The parts of an event, under the names that CloudEvents has for them.
const PARTS: [&str; 13] = [
    "position",
    "recorded",
    "id",
    "source",
    "type",
    "time",
    "subject",
    "kind",
    "cause",
    "actor",
    "depth",
    "enriches",
    "confidence",
];

pub(super) fn write<S: Store>(
    walk: &mut Walk<'_, S>,
    out: &mut dyn Write,
) -> Result<Exported, ExportError> {
    let mut fields = BTreeSet::new();
    walk.events(|event| {
        for (name, _) in event.event.data.fields() {
            if !fields.contains(name) {
                fields.insert(name.to_owned());
            }
        }
        Ok(())
    })?;
    let entity = walk.options.case.clone();
    let mut rows = WriterBuilder::new().from_writer(out);
    // With cases, the parts that process mining tools look for have the names that they know.
    let part_name = |part: &&'static str| match (*part, &entity) {
        ("type", Some(_)) => "concept:name",
        ("time", Some(_)) => "time:timestamp",
        (part, _) => part,
    };
    let mut header: Vec<String> = Vec::new();
    header.extend(entity.as_ref().map(|_| "case:concept:name".to_owned()));
    header.extend(PARTS.iter().map(|part| part_name(part).to_owned()));
    for name in &fields {
        // A field that has the name of a part keeps apart from it.
        let taken = header.iter().any(|column| column == name);
        header.push(if taken { format!("data.{name}") } else { name.clone() });
    }
    let failed = |error: ::csv::Error| ExportError::Output(error.into());
    rows.write_record(&header).map_err(failed)?;
    let done = walk.events(|event| {
        let case = entity.as_ref().map(|entity| case_of(&event, Some(entity)).unwrap_or_default());
        let values =
            fields.iter().map(|name| event.event.data.get(name).map_or_else(String::new, text));
        rows.write_record(case.into_iter().chain(parts(&event)).chain(values)).map_err(failed)
    })?;
    rows.flush()?;
    Ok(done)
}

fn parts(event: &Event) -> [String; PARTS.len()] {
    let new = &event.event;
    let kind = serde_json::to_value(new.kind).ok();
    let link = new.enriches.as_deref();
    let enriches = link.and_then(|link| link.position).map(|position| position.to_string());
    [
        event.position.to_string(),
        event.recorded.to_string(),
        new.id.clone(),
        new.source.clone(),
        new.r#type.clone(),
        new.time.to_string(),
        new.subject.clone().unwrap_or_default(),
        kind.and_then(|kind| kind.as_str().map(str::to_owned)).unwrap_or_default(),
        new.cause.clone().unwrap_or_default(),
        new.actor.to_string(),
        new.depth.to_string(),
        enriches.unwrap_or_default(),
        link.map_or_else(String::new, |link| link.confidence.to_string()),
    ]
}

fn text(value: Value<'_>) -> String {
    match value {
        Value::Null => String::new(),
        Value::Text(text) => text.to_owned(),
        other => other.to_json().to_string(),
    }
}
