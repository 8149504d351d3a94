//! A writer that does to a log what the engine does: groups of requests in one commit, now and then
//! a checkpoint that is not synced, and what fjall does by itself after many megabytes (tables,
//! new journals), asked for.
//!
//! In: a directory, a seed, how many batches. Out: a log, and remarks on standard output.
//! Promise: equal seeds write equal events. Start reading at [`run`].

use std::io::Write;
use std::path::Path;
use std::thread;
use std::time::Duration;

use bytes::Bytes;
use homeostat_host::FjallStore;
use homeostat_log::{Actor, Append, Data, Kind, Log, NewEvent};
use homeostat_world::{Batch, Chance, Durability, Space, Store, Timestamp};
use rand_core::Rng;

use crate::{block_on, open};

/// The space of the kernel's checkpoints.
const CHECKPOINTS: Space = Space("checkpoints");
/// The witness is synced once a second: a life of three seconds sees that.
const PAUSE: Duration = Duration::from_millis(20);

/// What an acknowledgement is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Promise {
    /// It is kept: the events are synced.
    Power,
    /// The planted defect: it is given for what only the operating system has.
    Process,
}

/// Appends `batches` groups of requests to the log in `directory`.
///
/// # Errors
/// Why the log cannot be opened or written.
pub(crate) fn run(
    directory: &Path,
    seed: &str,
    batches: &str,
    promise: &str,
) -> Result<(), String> {
    let number = |text: &str| text.parse().map_err(|_| format!("`{text}` is no number"));
    let (seed, batches): (u64, u64) = (number(seed)?, number(batches)?);
    let promise = match promise {
        "power" => Promise::Power,
        "process" => Promise::Process,
        other => return Err(format!("no promise `{other}`")),
    };
    let mut log = open(directory)?;
    let mut writer = Writer { chance: Box::new(Chance::from_u64(seed).stream("writer")), promise };
    // What opening found is durable, or it would not have been shown.
    say("durable", &[log.head().position.get()])?;
    for batch in 1..=batches {
        writer.append(&mut log)?;
        if writer.one_in(6) {
            writer.checkpoint(log.store())?;
        }
        if batch % 16 == 0 {
            log.store().settle().map_err(|error| error.to_string())?;
        }
        thread::sleep(PAUSE);
    }
    Ok(())
}

/// Makes a log in `directory` whose journal fjall replaces when little more has been written, and
/// leaves it with everything in tables.
///
/// # Errors
/// Why the log cannot be opened or written.
pub(crate) fn fill(directory: &Path, seed: &str) -> Result<(), String> {
    let seed = seed.parse().map_err(|_| format!("`{seed}` is no number"))?;
    let mut log = open(directory)?;
    let chance = Box::new(Chance::from_u64(seed).stream("filler"));
    let mut writer = Writer { chance, promise: Promise::Power };
    writer.append(&mut log)?;
    // fjall replaces a journal of more than 64 MB with the next table that it writes.
    for size in std::iter::repeat_n(1_000_000, 63).chain([680_000]) {
        writer.store(log.store(), size)?;
    }
    writer.append(&mut log)?;
    log.store().settle().map_err(|error| error.to_string())
}

struct Writer {
    chance: Box<dyn Rng>,
    promise: Promise,
}

impl Writer {
    /// A few requests in one commit, and the acknowledgement of them.
    fn append(&mut self, log: &mut Log<FjallStore>) -> Result<(), String> {
        let mut next = log.head().position.get() + 1;
        let mut requests = Vec::new();
        for _ in 0..1 + self.below(3) {
            let events: Vec<NewEvent> =
                (next..next + 1 + self.below(3)).map(|position| self.event(position)).collect();
            let last = next + events.len() as u64 - 1;
            say("request", &[next, last])?;
            next = last + 1;
            requests.push(Append::new(events));
        }
        let durability = match self.promise {
            Promise::Power => Durability::Power,
            Promise::Process => Durability::Process,
        };
        let now = Timestamp::from_micros(1_000_000 + i64::try_from(next).unwrap_or_default());
        block_on(log.append(requests, now, durability)).map_err(|error| error.to_string())?;
        say("durable", &[log.head().position.get()])
    }

    /// What the kernel writes now and then, and nobody waits for.
    fn checkpoint(&mut self, store: &FjallStore) -> Result<(), String> {
        let size = 1_000 + self.below(60_000);
        self.store(store, size)
    }

    fn store(&mut self, store: &FjallStore, size: u64) -> Result<(), String> {
        let mut batch = Batch::new();
        let bytes = self.noise(size);
        batch.put(CHECKPOINTS, Bytes::from_static(b"newest"), bytes);
        block_on(store.commit(batch, Durability::Process)).map_err(|error| error.to_string())
    }

    fn event(&mut self, position: u64) -> NewEvent {
        // Mostly small; some take more than a page of the disk, which can be torn between pages.
        let length = if self.one_in(5) { self.below(20_000) } else { self.below(400) };
        let noise = self.noise(length);
        let note: String = noise.iter().map(|byte| char::from(b'a' + byte % 26)).collect();
        NewEvent {
            id: position.to_string(),
            source: "ci/images".to_owned(),
            kind: Kind::Primary,
            r#type: "interaction.created".to_owned(),
            time: Timestamp::from_micros(1_000),
            subject: Some(format!("customer/c{}", position % 7)),
            cause: None,
            actor: Actor::World,
            depth: 0,
            enriches: None,
            data: Data::builder().text("note", &note).build(),
        }
    }

    /// Bytes that no compression makes shorter: what is one page long stays one page long.
    fn noise(&mut self, length: u64) -> Vec<u8> {
        (0..length).map(|_| self.chance.next_u32().to_le_bytes()[0]).collect()
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.chance.next_u64() % bound
    }

    fn one_in(&mut self, count: u64) -> bool {
        self.below(count) == 0
    }
}

/// One remark in one write, so that a trace shows it at its instant.
fn say(word: &str, numbers: &[u64]) -> Result<(), String> {
    let numbers: Vec<String> = numbers.iter().map(ToString::to_string).collect();
    let line = format!("{word} {}\n", numbers.join(" "));
    let mut output = std::io::stdout().lock();
    output
        .write_all(line.as_bytes())
        .and_then(|()| output.flush())
        .map_err(|error| format!("cannot speak: {error}"))
}
