//! What was done about a gap: the engine's decisions about it, from its stream in the log.
//!
//! In: a log or a server. Out: one line for each decision, the oldest first.
//! Start reading at [`Deed`].

use homeostat_host::store::FjallStore;
use homeostat_intent::lowered::Strength;
use homeostat_log::{Control, Event, Reader, cloudevents};
use homeostat_world::{Position, Timestamp};
use serde::Serialize;

use crate::decisions;
use crate::failure::Failure;
use crate::remote::Remote;
use crate::screen::{Screen, paint, painted};

/// One decision about a gap.
#[derive(Debug, Serialize)]
pub(super) struct Deed {
    position: Position,
    recorded: Timestamp,
    #[serde(flatten)]
    what: Control,
}

/// Deeds of one answer of a server.
const PAGE: usize = 500;

/// The stream that holds everything about a gap, its agents included.
fn stream(gap: &str) -> String {
    format!("gap/{gap}")
}

impl Deed {
    /// None when it is no decision that this version knows.
    fn of(event: &Event) -> Option<Self> {
        let what = Control::from_event(event)?.ok()?;
        Some(Self { position: event.position, recorded: event.recorded, what })
    }
}

/// What a log tells of `gap`.
pub(super) fn of_log(reader: &Reader<FjallStore>, gap: &str) -> Result<Vec<Deed>, Failure> {
    let mut deeds = Vec::new();
    for event in reader.by_subject(&stream(gap), Position::new(1)) {
        deeds.extend(Deed::of(&event?));
    }
    Ok(deeds)
}

/// What a server tells of `gap`.
pub(super) fn of_server(remote: &mut Remote, gap: &str) -> Result<Vec<Deed>, Failure> {
    let (mut deeds, mut from) = (Vec::new(), Some(Position::new(1)));
    let stream = stream(gap);
    while let Some(next) = from {
        let page = remote.ask(async |line| line.events(next, PAGE, Some(&stream)).await)?;
        for event in &page.events {
            let event = cloudevents::read_exported(event.get()).map_err(Failure::new)?;
            deeds.extend(Deed::of(&event));
        }
        from = page.next;
    }
    Ok(deeds)
}

/// Shows them, the oldest first.
pub(super) fn show(deeds: &[Deed], strength: Strength, screen: &mut Screen) -> Result<(), Failure> {
    for Deed { position, recorded, what } in deeds {
        let (symbol, words) = decisions::in_words(what, *recorded, |_| strength);
        let place = painted(paint::DIM, format_args!("e{position}"));
        screen
            .line(format_args!("  {}  {place}  {symbol} {words}", painted(paint::DIM, recorded)))?;
    }
    Ok(())
}
