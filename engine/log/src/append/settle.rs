//! Which event an enrichment enriches, found at append.
//!
//! In: an event on its way into a log, and what stands before it. Out: its link with both names of the source, or why
//! it cannot have it. Never: lets an enrichment point at nothing, at what comes after it, at an erasure or at a decision
//! of the engine. Promise: whatever stands in the log as a link names an event before it.
//! Start reading at [`Group::settle`].

use homeostat_world::{Position, Snapshot};

use super::{Group, Planned, Stored, Table};
use crate::cloudevents::CloudEventError;
use crate::event::NewEvent;
use crate::fault::LogError;
use crate::index::{self, IdKey};
use crate::link::{self, EventName, Link, LinkError};
use crate::reader;

/// The part of a request that is planned already.
pub(super) struct Earlier<'r> {
    pub(super) events: &'r [NewEvent],
    pub(super) planned: &'r [Planned],
    /// Where in it an id stands.
    pub(super) own: &'r Table<IdKey, usize>,
}

impl<P: Snapshot> Group<P> {
    /// Completes the link of `event`, the next one after `earlier`; or says what is wrong with it.
    pub(super) fn settle(
        &self,
        event: &mut NewEvent,
        earlier: &Earlier<'_>,
    ) -> Result<Result<(), CloudEventError>, LogError> {
        if let Err(reason) = link::check(event) {
            return Ok(Err(reason));
        }
        let Some(link) = event.enriches.as_deref_mut() else { return Ok(Ok(())) };
        let found = match &link.name {
            Some(name) => self.by_name(name, earlier)?,
            None => self.by_position(link.position.unwrap_or_default(), earlier)?,
        };
        Ok(complete(link, found).map_err(Into::into))
    }

    fn by_name(
        &self,
        name: &EventName,
        earlier: &Earlier<'_>,
    ) -> Result<Option<(Position, NewEvent)>, LogError> {
        let key = index::id_key(&name.source, &name.id);
        let found = match earlier.own.get(&key) {
            Some(at) => earlier.at(*at),
            None => self.stored(&key)?.map(|stored| match stored {
                Stored::InGroup(event) => (event.position, event.event.clone()),
                Stored::InLog(event) => (event.position, event.event),
            }),
        };
        // Equal hashes of different names are not expected to occur; if they do, it is not found.
        Ok(found.filter(|(_, event)| event.source == name.source && event.id == name.id))
    }

    fn by_position(
        &self,
        position: Position,
        earlier: &Earlier<'_>,
    ) -> Result<Option<(Position, NewEvent)>, LogError> {
        if position > self.head.position {
            let places = 0..earlier.planned.len();
            return Ok(places.filter_map(|at| earlier.at(at)).find(|(at, _)| *at == position));
        }
        if position > self.before {
            let index = position.get() - self.before.get() - 1;
            let event = usize::try_from(index).ok().and_then(|index| self.events.get(index));
            return Ok(event.map(|event| (position, event.event.clone())));
        }
        Ok(reader::get(&self.snapshot, position)?.map(|event| (position, event.event)))
    }
}

impl Earlier<'_> {
    fn at(&self, index: usize) -> Option<(Position, NewEvent)> {
        let position = match self.planned.get(index)? {
            Planned::Duplicate(entry) => entry.position,
            Planned::New(position, ..) => *position,
        };
        Some((position, self.events.get(index)?.clone()))
    }
}

fn complete(link: &mut Link, found: Option<(Position, NewEvent)>) -> Result<(), LinkError> {
    let Some((position, event)) = found else { return Err(LinkError::Unknown(link.target())) };
    link::enrichable(event.kind).map_err(|what| LinkError::NotEnrichable { position, what })?;
    link.position = Some(position);
    link.name = Some(EventName { source: event.source, id: event.id });
    Ok(())
}

#[cfg(test)]
mod tests;
