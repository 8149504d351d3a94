//! `homeostat append`: adds events, to a running server or to a log that nobody serves.
//!
//! Promise: all of them or none; sent twice they are stored once, as long as their ids are the same.
//! Start reading at [`run`].

mod compose;

use std::path::{Path, PathBuf};

use homeostat_log::{Append, Expect, NewEvent};
use homeostat_world::limits::{APPEND_EVENTS_MAX, COMMIT_BYTES_MAX};
use homeostat_world::{Position, Timestamp};
use serde_json::json;

use super::Outcome;
use super::place::Where;
use crate::context::{Context, Place};
use crate::failure::Failure;
use crate::remote::Remote;
use crate::screen::{paint, painted};
use crate::{offline, sources};

/// Append events to a log
///
/// Takes CloudEvents 1.0 from a file or standard input (one object, an array, or JSON Lines), or
/// one event put together from flags. All are appended, or none.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// A file of CloudEvents, or `-` for standard input
    #[arg(value_name = "FILE", required_unless_present = "type", conflicts_with = "type")]
    file: Option<PathBuf>,
    #[command(flatten)]
    at: Where,
    /// Refuse unless the log ends at this position
    #[arg(long, value_name = "POSITION")]
    expect_head: Option<Position>,
    #[command(flatten)]
    one: compose::OneEvent,
}

const EXAMPLES: &str = "\
Examples:
  homeostat append events.jsonl --server http://127.0.0.1:7171
  producer | homeostat append - --log data
  homeostat append --type interaction.created --subject interaction/i1 \\
      --data interaction=i1 --data customer=c1 --data sentiment=negative --log data";

/// Runs the verb.
pub(crate) fn run(args: &Args, context: &mut Context) -> Result<Outcome, Failure> {
    let events = match &args.file {
        Some(file) => read(file)?,
        None => vec![args.one.compose()?],
    };
    let names: Vec<(String, String)> =
        events.iter().map(|event| (event.r#type.clone(), event.id.clone())).collect();
    let expect = args.expect_head.map_or(Expect::Any, Expect::Head);
    let entries = match args.at.place(context)? {
        Place::Server(server) => {
            let appended =
                Remote::new(&server)?.ask(async |line| line.append(&events, &expect).await)?;
            let stored = |it: &homeostat_api::wire::Entry| Stored {
                position: it.position,
                recorded: it.recorded,
                duplicate: it.duplicate,
            };
            appended.events.iter().map(stored).collect::<Vec<_>>()
        }
        Place::Log(log) => {
            let receipt = offline::append(&log, Append { events, expect })?;
            let stored = |it: &homeostat_log::Entry| Stored {
                position: it.position,
                recorded: it.recorded,
                duplicate: it.duplicate,
            };
            receipt.entries.iter().map(stored).collect()
        }
    };
    show(context, &names, &entries)?;
    Ok(Outcome::Fine)
}

/// Where an event stands now.
struct Stored {
    position: Position,
    recorded: Timestamp,
    duplicate: bool,
}

fn show(
    context: &mut Context,
    names: &[(String, String)],
    entries: &[Stored],
) -> Result<(), Failure> {
    if context.screen.is_json() {
        let appended: Vec<serde_json::Value> = names
            .iter()
            .zip(entries)
            .map(|((r#type, id), entry)| {
                json!({
                    "id": id,
                    "type": r#type,
                    "position": entry.position,
                    "recorded": entry.recorded,
                    "duplicate": entry.duplicate,
                })
            })
            .collect();
        return context.screen.json(&json!({ "appended": appended }));
    }
    for ((r#type, id), entry) in names.iter().zip(entries) {
        let word = if entry.duplicate {
            painted(paint::DIM, "already there")
        } else {
            painted(paint::GOOD, "appended")
        };
        context.screen.line(format_args!("{word} e{}  {type}  {id}", entry.position))?;
    }
    Ok(())
}

/// The events of a file: one JSON object, an array of them, or one after the other.
fn read(file: &Path) -> Result<Vec<NewEvent>, Failure> {
    let text = sources::read_text(file, COMMIT_BYTES_MAX as u64)?;
    let name = file.display();
    let mut events = Vec::new();
    let mut values =
        serde_json::Deserializer::from_str(&text).into_iter::<&serde_json::value::RawValue>();
    while let Some(value) = values.next() {
        let end = values.byte_offset();
        let value = value.map_err(|error| {
            Failure::new(format_args!("{name}:{}: event is not valid JSON: {error}", error.line()))
                .help("give one CloudEvents object, an array of them, or one a line")
        })?;
        let line = text
            .bytes()
            .take(end.saturating_sub(value.get().len()))
            .filter(|byte| *byte == b'\n')
            .count()
            .saturating_add(1);
        let objects: Vec<&serde_json::value::RawValue> = if value.get().starts_with('[') {
            serde_json::from_str(value.get()).map_err(|error| {
                Failure::new(format_args!("{name}:{line}: the array is not valid JSON: {error}"))
            })?
        } else {
            vec![value]
        };
        for (index, object) in objects.iter().enumerate() {
            let nth = match objects.len() {
                1 => String::new(),
                _ => format!("event {} of the array: ", index.saturating_add(1)),
            };
            events.push(homeostat_log::cloudevents::read(object.get()).map_err(|error| {
                Failure::new(format_args!("{name}:{line}: {nth}{error}"))
                    .help("nothing was appended")
            })?);
        }
    }
    if events.is_empty() {
        return Err(Failure::new(format_args!("`{name}` holds no event")));
    }
    if events.len() > APPEND_EVENTS_MAX {
        return Err(Failure::new(format_args!(
            "`{name}` holds {} events, at most {APPEND_EVENTS_MAX} are appended at once",
            events.len()
        ))
        .help("`homeostat import` takes any number"));
    }
    Ok(events)
}
