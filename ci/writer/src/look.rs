//! Opens images of a log, and says what each holds.
//!
//! In: directories, one a line. Out: one line of JSON for each. Never: judges.
//! Promise: a panic inside is said like anything else. Start reading at [`run`].

use std::any::Any;
use std::io::BufRead;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use homeostat_host::FjallStore;
use homeostat_log::{Append, Data, Kind, Log, NewEvent};
use homeostat_world::{Durability, Position, Timestamp};
use serde_json::{Value, json};

use crate::{block_on, open};

/// Looks at every directory that standard input names.
///
/// # Errors
/// When standard input cannot be read.
pub(crate) fn run() -> Result<(), String> {
    for line in std::io::stdin().lock().lines() {
        let line = line.map_err(|error| format!("cannot read standard input: {error}"))?;
        println!("{}", look(Path::new(&line)));
    }
    Ok(())
}

/// What is in `directory`, and whether a log that was opened from it goes on.
fn look(directory: &Path) -> Value {
    let found = match quietly(|| found(directory)) {
        Ok(found) => found,
        Err(why) => return json!({ "refused": why }),
    };
    let goes_on = quietly(|| goes_on(directory));
    json!({ "head": found.0, "chain": found.1, "goes_on": goes_on.err() })
}

/// The head of the log, all of which was verified, and its chain hash.
fn found(directory: &Path) -> Result<(u64, String), String> {
    let log = open(directory)?;
    verify(&log)?;
    Ok((log.head().position.get(), log.head().chain.to_string()))
}

/// Appends to the log and opens it once more.
fn goes_on(directory: &Path) -> Result<(), String> {
    let mut log = open(directory)?;
    let before = log.head().position;
    let event = NewEvent {
        id: format!("after {before}"),
        source: "ci/images".to_owned(),
        kind: Kind::Primary,
        r#type: "interaction.created".to_owned(),
        time: Timestamp::from_micros(1_000),
        subject: None,
        cause: None,
        actor: homeostat_log::Actor::World,
        depth: 0,
        enriches: None,
        data: Data::builder().build(),
    };
    let (request, now) = (vec![Append::one(event)], Timestamp::from_micros(2_000_000_000));
    block_on(log.append(request, now, Durability::Power)).map_err(|error| error.to_string())?;
    drop(log);
    let log = open(directory)?;
    verify(&log)?;
    let (head, wanted) = (log.head().position, before.next());
    if head == wanted {
        Ok(())
    } else {
        Err(format!("the log ends at `{head}`, expected `{wanted}` after one more event"))
    }
}

fn verify(log: &Log<FjallStore>) -> Result<(), String> {
    let verified =
        log.reader().verify(Position::ZERO, |_| ()).map_err(|error| error.to_string())?;
    match verified.index_faults {
        0 => Ok(()),
        faults => Err(format!("`{faults}` entries of the indexes do not agree with the log")),
    }
}

/// The same without a panic. fjall panics in some places on what it does not expect.
fn quietly<T>(work: impl FnOnce() -> Result<T, String>) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|payload| Err(said(payload.as_ref())))
}

fn said(payload: &(dyn Any + Send)) -> String {
    let text = payload.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| payload.downcast_ref::<&str>().copied());
    format!("panicked: {}", text.unwrap_or("something that is no text"))
}
