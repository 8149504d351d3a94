//! A Plan as people read it: TOML in and out.
//!
//! In: a text, or a [`Plan`]. Out: the other. Never: opens a file; who has one passes a reader.
//! Promise: the same Plan gives the same bytes in every build, one line for each event, and the
//! long texts of files last. Start reading at [`Plan::to_toml`].

use std::fmt::Write as _;

use homeostat_log::Kind;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use super::{Action, Fault, Plan, PlanError, PlanErrors, PlannedEvent, Step, Text, VERSION};

/// The first lines of a Plan.
#[derive(Serialize)]
struct Head<'a> {
    version: u32,
    seed: u64,
    start: homeostat_world::Timestamp,
    active: homeostat_world::Duration,
    settle: homeostat_world::Duration,
    checkpoint_every: u64,
    clients: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    story: Option<&'a str>,
}

impl Plan {
    /// Reads a Plan. Steps and faults are put in order of time.
    ///
    /// # Errors
    /// When it is no TOML, of another version, or says what a Plan cannot say. Whether it makes
    /// sense as a whole is for [`Plan::prepare`] to find.
    pub fn from_toml(text: &str) -> Result<Self, PlanErrors> {
        let table: toml::Table = read(text)?;
        match table.get("version").map(toml::Value::as_integer) {
            Some(Some(version)) if version == i64::from(VERSION) => {}
            Some(Some(version)) => {
                let message = format!("unknown version `{version}`, expected `{VERSION}`");
                let help = "this build reads no other; replay it with the build that wrote it";
                return Err(PlanError::new("version", message).help(help).into());
            }
            _ => {
                let message = format!("no version was found, expected `version = {VERSION}`");
                return Err(PlanError::new("version", message).into());
            }
        }
        let mut plan: Self = read(text)?;
        plan.sort();
        Ok(plan)
    }

    /// The Plan with every file's text in it, so that it still means the same when the files
    /// change. `read` gets names relative to the Plan's own file.
    ///
    /// # Errors
    /// What `read` says, for each file that it cannot read.
    pub fn resolved(
        mut self,
        mut read: impl FnMut(&str) -> Result<String, String>,
    ) -> Result<Self, PlanErrors> {
        let mut errors = Vec::new();
        let files = self.spec.iter_mut().chain(&mut self.later);
        for text in files.chain(std::iter::once(&mut self.agents)) {
            if text.text.is_some() {
                continue;
            }
            match read(&text.name) {
                Ok(found) => text.text = Some(found),
                Err(why) => errors.push(
                    PlanError::new(format!("file `{}`", text.name), why)
                        .help("names are relative to the Plan's own file"),
                ),
            }
        }
        if errors.is_empty() { Ok(self) } else { Err(PlanErrors(errors)) }
    }

    /// Writes a Plan.
    #[must_use]
    pub fn to_toml(&self) -> String {
        let head = Head {
            version: self.version,
            seed: self.seed,
            start: self.start,
            active: self.active,
            settle: self.settle,
            checkpoint_every: self.checkpoint_every,
            clients: self.clients,
            story: self.story.as_deref(),
        };
        let mut out = flat(&head);
        if !self.expect.is_empty() {
            out.push_str("\n[expect]\n");
            out.push_str(&flat(&self.expect));
        }
        for fault in &self.faults {
            out.push_str("\n[[fault]]\n");
            out.push_str(&flat::<Fault>(fault));
        }
        for step in &self.steps {
            write_step(step, &mut out);
        }
        for text in &self.spec {
            out.push_str("\n[[spec]]\n");
            write_text(text, &mut out);
        }
        for text in &self.later {
            out.push_str("\n[[later]]\n");
            write_text(text, &mut out);
        }
        out.push_str("\n[agents]\n");
        write_text(&self.agents, &mut out);
        out
    }
}

pub(crate) fn read<'de, T: Deserialize<'de>>(text: &'de str) -> Result<T, PlanErrors> {
    toml::from_str(text).map_err(|error: toml::de::Error| {
        let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
        let line = 1 + before.matches('\n').count();
        let message = error.message().trim_end().replace('\n', ", ");
        PlanError::new(format!("line {line}"), message).into()
    })
}

/// What has no tables inside, one field a line. Texts, numbers and truth values always have a
/// TOML form.
fn flat<T: Serialize>(fields: &T) -> String {
    toml::to_string(fields).unwrap_or_default()
}

fn write_step(step: &Step, out: &mut String) {
    out.push_str("\n[[step]]\n");
    let Action::Append { events, times } = &step.action else {
        out.push_str(&flat(step));
        return;
    };
    let head = Step {
        at: step.at,
        client: step.client,
        action: Action::Append { events: Vec::new(), times: *times },
    };
    // The list of events is written below, one to a line.
    for line in flat(&head).lines().filter(|line| !line.starts_with("events")) {
        out.push_str(line);
        out.push('\n');
    }
    out.push_str("events = [\n");
    for event in events {
        out.push_str("  ");
        write_event(event, out);
        out.push_str(",\n");
    }
    out.push_str("]\n");
}

fn write_event(event: &PlannedEvent, out: &mut String) {
    out.push_str("{ id = ");
    write_string(&event.id, out);
    out.push_str(", type = ");
    write_string(&event.r#type, out);
    if let Some(time) = event.time {
        out.push_str(", time = ");
        write_string(&time.to_string(), out);
    }
    if let Some(subject) = &event.subject {
        out.push_str(", subject = ");
        write_string(subject, out);
    }
    if event.kind != Kind::Primary {
        // The kinds are words, which always have a JSON form.
        let word = serde_json::to_value(event.kind).unwrap_or_default();
        out.push_str(", kind = ");
        write_string(word.as_str().unwrap_or_default(), out);
    }
    if let Some(id) = &event.enriches {
        out.push_str(", enriches = ");
        write_string(id, out);
    }
    if let Some(confidence) = event.confidence {
        // Written with its point, since a whole number is none to TOML.
        let _written = write!(out, ", confidence = {confidence:?}");
    }
    if !event.data.is_empty() {
        out.push_str(", data = ");
        write_map(&event.data, out);
    }
    out.push_str(" }");
}

fn write_map(map: &serde_json::Map<String, Json>, out: &mut String) {
    // Sorted here, since the order of a JSON map depends on a feature that any crate may turn on.
    let mut fields: Vec<_> = map.iter().filter(|(_, value)| !value.is_null()).collect();
    fields.sort_by_key(|(name, _)| *name);
    let mut separator = "{ ";
    for (name, value) in &fields {
        out.push_str(separator);
        let bare = |letter: char| letter.is_ascii_alphanumeric() || letter == '_' || letter == '-';
        if !name.is_empty() && name.chars().all(bare) {
            out.push_str(name);
        } else {
            write_string(name, out);
        }
        out.push_str(" = ");
        write_value(value, out);
        separator = ", ";
    }
    out.push_str(if fields.is_empty() { "{}" } else { " }" });
}

fn write_value(value: &Json, out: &mut String) {
    match value {
        // TOML has no word for nothing; `Plan::check` refuses it.
        Json::Null => {}
        Json::Bool(truth) => out.push_str(if *truth { "true" } else { "false" }),
        Json::Number(number) => {
            // The debug form of a float keeps its point, so it reads back as a float.
            let text = match number.as_f64() {
                Some(float) if number.is_f64() => format!("{float:?}"),
                _ => number.to_string(),
            };
            out.push_str(&text);
        }
        Json::String(text) => write_string(text, out),
        Json::Array(items) => {
            let mut separator = "[";
            for item in items.iter().filter(|item| !item.is_null()) {
                out.push_str(separator);
                write_value(item, out);
                separator = ", ";
            }
            out.push_str(if separator == "[" { "[]" } else { "]" });
        }
        Json::Object(map) => write_map(map, out),
    }
}

fn write_text(text: &Text, out: &mut String) {
    out.push_str("name = ");
    write_string(&text.name, out);
    out.push('\n');
    let Some(text) = &text.text else { return };
    out.push_str("text = ");
    let plain = |letter: char| matches!(letter, '\n' | '\t') || !letter.is_control();
    if text.contains("'''") || text.ends_with('\'') || !text.chars().all(plain) {
        write_string(text, out);
    } else {
        out.push_str("'''\n");
        out.push_str(text);
        out.push_str("'''");
    }
    out.push('\n');
}

/// A basic string on one line.
fn write_string(text: &str, out: &mut String) {
    out.push('"');
    for letter in text.chars() {
        match letter {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            control if control.is_control() => {
                // Writing to a String cannot fail.
                write!(out, "\\u{:04X}", u32::from(control)).unwrap_or_default();
            }
            letter => out.push(letter),
        }
    }
    out.push('"');
}
