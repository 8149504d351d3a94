//! Writes a log as XES: its events by case, each case in the order of the log.
//!
//! Two passes: the first finds which positions belong to which case, the second reads them case by
//! case. Fields called `case:…` become attributes of the case, from its first event that has them.

use std::collections::BTreeMap;
use std::io::{self, Write};

use homeostat_log::{Actor, Event, Kind, Value};
use homeostat_world::{Position, Store};

use super::{ExportError, Exported, Walk, case_of};

const HEAD: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<log xes.version="1849-2016" xes.features="nested-attributes" xmlns="http://www.xes-standard.org/">
	<extension name="Concept" prefix="concept" uri="http://www.xes-standard.org/concept.xesext"/>
	<extension name="Time" prefix="time" uri="http://www.xes-standard.org/time.xesext"/>
	<classifier name="Activity" keys="concept:name"/>
"#;

/// Attributes of a case have this before their name in an event's data.
const OF_CASE: &str = "case:";

struct Case {
    id: String,
    events: Vec<Position>,
}

pub(super) fn write<S: Store>(
    walk: &mut Walk<'_, S>,
    out: &mut dyn Write,
) -> Result<Exported, ExportError> {
    let entity = walk.options.case.clone();
    let mut cases: Vec<Case> = Vec::new();
    let mut by_id: BTreeMap<String, usize> = BTreeMap::new();
    let mut done = Exported::default();
    let seen = walk.events(|event| {
        let id = case_of(&event, entity.as_deref()).filter(|_| event.event.kind != Kind::Control);
        let Some(id) = id else {
            done.left_out += 1;
            return Ok(());
        };
        let next = cases.len();
        let place = *by_id.entry(id.clone()).or_insert(next);
        if place == next {
            cases.push(Case { id, events: Vec::new() });
        }
        if let Some(case) = cases.get_mut(place) {
            case.events.push(event.position);
        }
        Ok(())
    })?;
    done.left_out += seen.left_out;
    out.write_all(HEAD.as_bytes())?;
    for case in &cases {
        done.cases += 1;
        let mut events = Vec::with_capacity(case.events.len());
        for position in &case.events {
            events.extend(walk.reader.get(*position)?);
            done.events += 1;
            walk.show(done.events);
        }
        write_case(out, case, &events, entity.as_deref())?;
    }
    out.write_all(b"</log>\n")?;
    Ok(done)
}

fn write_case(
    out: &mut dyn Write,
    case: &Case,
    events: &[Event],
    entity: Option<&str>,
) -> io::Result<()> {
    out.write_all(b"\t<trace>\n")?;
    attribute(out, 2, "concept:name", Value::Text(&case.id))?;
    let mut of_case: BTreeMap<&str, Value<'_>> = BTreeMap::new();
    for (name, value) in events.iter().flat_map(|event| event.event.data.fields()) {
        if let Some(name) = name.strip_prefix(OF_CASE) {
            of_case.entry(name).or_insert(value);
        }
    }
    for (name, value) in &of_case {
        attribute(out, 2, name, *value)?;
    }
    for event in events {
        let new = &event.event;
        out.write_all(b"\t\t<event>\n")?;
        attribute(out, 3, "concept:name", Value::Text(&new.r#type))?;
        tag(out, 3, "date", "time:timestamp", &new.time.to_string())?;
        if new.actor != Actor::World {
            tag(out, 3, "string", "homeostat:actor", &new.actor.to_string())?;
        }
        if let Some(cause) = &new.cause {
            tag(out, 3, "string", "homeostat:cause", cause)?;
        }
        for (name, value) in new.data.fields() {
            if !name.starts_with(OF_CASE) && Some(name) != entity {
                attribute(out, 3, name, value)?;
            }
        }
        out.write_all(b"\t\t</event>\n")?;
    }
    out.write_all(b"\t</trace>\n")
}

/// Writes one value under the tag of its kind. Nothing is written for null, which XES has not.
fn attribute(out: &mut dyn Write, depth: usize, key: &str, value: Value<'_>) -> io::Result<()> {
    match value {
        Value::Null => Ok(()),
        Value::Truth(truth) => tag(out, depth, "boolean", key, &truth.to_string()),
        Value::Int(number) => tag(out, depth, "int", key, &number.to_string()),
        // With a point even where it is whole, so that it reads back as what it was.
        Value::Float(number) => tag(out, depth, "float", key, &format!("{number:?}")),
        Value::Text(text) => tag(out, depth, "string", key, text),
        Value::Nested(_) if value.is_list() => nested(out, depth, "list", key, |out| {
            value.elements().try_for_each(|element| {
                let mut fields = element.fields();
                match (fields.next(), fields.next()) {
                    (Some((key, value)), None) => attribute(out, depth + 1, key, value),
                    _ => attribute(out, depth + 1, "item", element),
                }
            })
        }),
        Value::Nested(_) => nested(out, depth, "container", key, |out| {
            value.fields().try_for_each(|(key, value)| attribute(out, depth + 1, key, value))
        }),
    }
}

fn tag(out: &mut dyn Write, depth: usize, tag: &str, key: &str, value: &str) -> io::Result<()> {
    indent(out, depth)?;
    writeln!(out, "<{tag} key=\"{}\" value=\"{}\"/>", Escaped(key), Escaped(value))
}

fn nested(
    out: &mut dyn Write,
    depth: usize,
    tag: &str,
    key: &str,
    inner: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> io::Result<()> {
    indent(out, depth)?;
    writeln!(out, "<{tag} key=\"{}\">", Escaped(key))?;
    inner(out)?;
    indent(out, depth)?;
    writeln!(out, "</{tag}>")
}

fn indent(out: &mut dyn Write, depth: usize) -> io::Result<()> {
    (0..depth).try_for_each(|_| out.write_all(b"\t"))
}

/// A text as it may stand between the quotes of an XML attribute.
struct Escaped<'a>(&'a str);

impl std::fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        use std::fmt::Write;
        self.0.chars().try_for_each(|c| match c {
            '&' => f.write_str("&amp;"),
            '<' => f.write_str("&lt;"),
            '>' => f.write_str("&gt;"),
            '"' => f.write_str("&quot;"),
            // As they are, readers turn these into blanks.
            '\n' | '\r' | '\t' => write!(f, "&#{};", u32::from(c)),
            // XML has no way at all to write the other control characters.
            '\0'..='\u{1f}' | '\u{fffe}' | '\u{ffff}' => f.write_char(char::REPLACEMENT_CHARACTER),
            _ => f.write_char(c),
        })
    }
}
