//! One group of append requests: what is admitted, what is refused, what was there before.
//!
//! In: requests, a snapshot, the time. Out: one batch for the store, a receipt or refusal for each
//! request. Never: writes; the [`Log`](crate::Log) commits the batch whole.
//! Promise: a request is admitted whole or not at all, and sees the requests admitted before it in
//! the same group. Start reading at [`Group::admit`].

mod settle;

use bytes::Bytes;
use hashbrown::HashMap;
use homeostat_world::limits::{
    APPEND_EVENTS_MAX, COMMIT_BYTES_MAX, COMMIT_EVENTS_MAX, EVENT_BYTES_MAX, NAME_BYTES_MAX,
};
use homeostat_world::{Batch, Position, Snapshot, Timestamp, canary};

use crate::cloudevents::{self, CloudEventError};
use crate::codec::{self, Draft, HEADER_BYTES, Header};
use crate::event::{Actor, Event, NewEvent};
use crate::fault::{Damage, DamageReason, LogError};
use crate::index::{self, EVENTS, IdKey};
use crate::reader;
use crate::witness::Head;
use settle::Earlier;

/// Events that are appended together or not at all.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Append {
    /// The events, in order.
    pub events: Vec<NewEvent>,
    /// What must be true of the log for them to be appended.
    pub expect: Expect,
}

/// What a writer expects of the log.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Expect {
    /// Nothing.
    #[default]
    Any,
    /// That its head is here.
    Head(Position),
    /// That the last event about a subject is here; none when there must be no event about it.
    Subject {
        /// Which subject.
        subject: String,
        /// Its last event.
        last: Option<Position>,
    },
}

/// What became of a group of requests.
#[derive(Debug, Default)]
pub struct Appended {
    /// One answer for each request, in their order.
    pub receipts: Vec<Result<Receipt, Refusal>>,
    /// The events that the log has grown by, in order.
    pub events: Vec<Event>,
}

/// An admitted request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// One entry for each event of the request, in their order.
    pub entries: Vec<Entry>,
}

/// Where an event stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its position.
    pub position: Position,
    /// When it was recorded.
    pub recorded: Timestamp,
    /// Whether it had been stored before: the same event sent twice.
    pub duplicate: bool,
}

/// Why a request is not granted. Nothing of it was appended.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The log has moved on, or was never there.
    #[error(
        "append refused at position `{expected}`: head is `{found}`; \
         read from position `{expected}` and try again"
    )]
    Head {
        /// The head that the writer expected.
        expected: Position,
        /// The head.
        found: Position,
    },
    /// The subject has moved on, or was never there.
    #[error(
        "append refused: last event about `{subject}` is {}, expected {}; read its events and try again",
        place(*found), place(*expected)
    )]
    Subject {
        /// Which subject.
        subject: String,
        /// The position that the writer expected.
        expected: Option<Position>,
        /// Its last position.
        found: Option<Position>,
    },
    /// The id was used for something else.
    #[error(
        "append refused: id `{id}` of source `{source_name}` already names the event at position \
         `{position}`, which differs in `{field}`; use a new id for a new event"
    )]
    Conflict {
        /// The source.
        source_name: String,
        /// The id.
        id: String,
        /// Where it stands.
        position: Position,
        /// The first attribute in which they differ.
        field: &'static str,
    },
    /// An event is not fit to be stored.
    #[error("append refused for event `{index}` of the request: {reason}")]
    Event {
        /// The how-manieth of the request, from 0.
        index: usize,
        /// What is wrong with it.
        reason: CloudEventError,
    },
    /// Too many events in one request.
    #[error(
        "append refused: request has `{found}` events, at most `{limit}` fit; send it in parts"
    )]
    TooMany {
        /// How many there are.
        found: usize,
        /// The bound.
        limit: usize,
    },
    /// Too many bytes in one request.
    #[error("append refused: request has `{found}` bytes, at most `{limit}` fit; send it in parts")]
    TooLarge {
        /// How many there are.
        found: usize,
        /// The bound.
        limit: usize,
    },
    /// The group is full; the next one has room.
    #[error("append refused: too much arrived at once; send it again")]
    GroupFull,
}

fn place(position: Option<Position>) -> String {
    position.map_or_else(|| "at no position".to_owned(), |position| format!("at `{position}`"))
}

/// What a record takes besides its texts and payload: the header, thirteen fields and their lengths.
const RECORD_OVERHEAD_MAX: usize = HEADER_BYTES + 13 * 10;

impl Append {
    /// Bytes that it takes in the log at most.
    #[must_use]
    pub fn size_max(&self) -> usize {
        let size = |event: &NewEvent| {
            let optional =
                [&event.subject, &event.cause].map(|it| it.as_ref().map_or(0, String::len));
            let actor = match &event.actor {
                Actor::World | Actor::Engine => 0,
                Actor::Agent(name) | Actor::Human(name) => name.len(),
            };
            let named = event.id.len() + event.source.len() + event.r#type.len() + actor;
            // What a link does not name yet is filled in when it is admitted.
            let link = event.enriches.as_ref().map_or(0, |link| match &link.name {
                Some(name) => name.id.len() + name.source.len(),
                None => 2 * NAME_BYTES_MAX,
            });
            named
                + link
                + optional.iter().sum::<usize>()
                + event.data.as_bytes().len()
                + RECORD_OVERHEAD_MAX
        };
        self.events.iter().map(size).sum()
    }

    /// These events, whatever the log holds.
    #[must_use]
    pub const fn new(events: Vec<NewEvent>) -> Self {
        Self { events, expect: Expect::Any }
    }

    /// One event, whatever the log holds.
    #[must_use]
    pub fn one(event: NewEvent) -> Self {
        Self::new(vec![event])
    }

    /// The same, if the log is as expected.
    #[must_use]
    pub fn expecting(self, expect: Expect) -> Self {
        Self { expect, ..self }
    }
}

type Table<K, V> = HashMap<K, V, foldhash::fast::FixedState>;

/// The requests of one commit.
pub(crate) struct Group<P> {
    pub(crate) snapshot: P,
    recorded: Timestamp,
    /// The head as it will be.
    pub(crate) head: Head,
    pub(crate) batch: Batch,
    pub(crate) events: Vec<Event>,
    /// The last event, stored before, that some receipt names.
    pub(crate) oldest_answer: Position,
    before: Position,
    bytes: usize,
    ids: Table<IdKey, Position>,
    last: Table<String, Position>,
}

/// One event of a request before it is admitted.
enum Planned {
    /// It is stored already.
    Duplicate(Entry),
    /// It will stand here, unless the request is refused.
    New(Position, IdKey, Draft),
}

impl<P: Snapshot> Group<P> {
    pub(crate) fn new(snapshot: P, head: Head, now: Timestamp) -> Self {
        Self {
            snapshot,
            // The engine's clock never goes backwards in the log, even over restarts.
            recorded: if canary::planted("raw_clock") { now } else { now.max(head.recorded) },
            head,
            batch: Batch::new(),
            events: Vec::new(),
            oldest_answer: Position::ZERO,
            before: head.position,
            bytes: 0,
            ids: Table::default(),
            last: Table::default(),
        }
    }

    /// Adds one request, or says why not. Nothing of a refused request stays behind.
    pub(crate) fn admit(
        &mut self,
        mut request: Append,
    ) -> Result<Result<Receipt, Refusal>, LogError> {
        if request.events.len() > APPEND_EVENTS_MAX {
            let found = request.events.len();
            return Ok(Err(Refusal::TooMany { found, limit: APPEND_EVENTS_MAX }));
        }
        let (planned, size) = match self.plan(&mut request.events)? {
            Ok(plan) => plan,
            Err(refusal) => return Ok(Err(refusal)),
        };
        let fresh = planned.iter().filter(|it| matches!(it, Planned::New(..))).count();
        // A request that is stored already is answered as it was then, whatever it expected: the
        // first answer may have been lost on its way.
        if (fresh > 0 || planned.is_empty())
            && let Some(refusal) = self.unmet(&request.expect)?
        {
            return Ok(Err(refusal));
        }
        if size > COMMIT_BYTES_MAX {
            return Ok(Err(Refusal::TooLarge { found: size, limit: COMMIT_BYTES_MAX }));
        }
        if self.bytes + size > COMMIT_BYTES_MAX || self.events.len() + fresh > COMMIT_EVENTS_MAX {
            return Ok(Err(Refusal::GroupFull));
        }
        self.bytes += size;
        let entries = planned
            .into_iter()
            .zip(request.events)
            .map(|(planned, event)| match planned {
                Planned::Duplicate(entry) => {
                    self.oldest_answer = self.oldest_answer.max(entry.position);
                    entry
                }
                Planned::New(position, key, draft) => self.add(position, key, draft, event),
            })
            .collect();
        Ok(Ok(Receipt { entries }))
    }

    /// Decides for each event whether it is new, and where it will stand.
    fn plan(
        &self,
        events: &mut [NewEvent],
    ) -> Result<Result<(Vec<Planned>, usize), Refusal>, LogError> {
        let mut planned = Vec::with_capacity(events.len());
        let mut size = 0;
        let mut next = self.head.position.next();
        // Ids that stand twice in the request itself: the index of the first.
        let mut own: Table<IdKey, usize> = Table::default();
        for index in 0..events.len() {
            let (before, rest) = events.split_at_mut(index);
            let Some(event) = rest.first_mut() else { break };
            let earlier = Earlier { events: before, planned: &planned, own: &own };
            let settled = match cloudevents::check_bounds(event) {
                Ok(()) => self.settle(event, &earlier)?,
                Err(reason) => Err(reason),
            };
            if let Err(reason) = settled {
                return Ok(Err(Refusal::Event { index, reason }));
            }
            let key = index::id_key(&event.source, &event.id);
            let earlier =
                own.get(&key).and_then(|first| Some((planned.get(*first)?, before.get(*first)?)));
            let (entry, differs) = match earlier {
                Some((Planned::New(position, ..), first)) => {
                    let (position, recorded) = (*position, self.recorded);
                    (Entry { position, recorded, duplicate: true }, difference(first, event))
                }
                Some((Planned::Duplicate(entry), first)) => (*entry, difference(first, event)),
                None => match self.stored(&key)? {
                    Some(stored) => stored.against(event),
                    None => {
                        let draft = Draft::new(event);
                        if draft.size() > EVENT_BYTES_MAX {
                            let (found, limit) = (draft.size(), EVENT_BYTES_MAX);
                            let reason = CloudEventError::TooLarge { found, limit };
                            return Ok(Err(Refusal::Event { index, reason }));
                        }
                        size += draft.size();
                        own.insert(key, index);
                        planned.push(Planned::New(next, key, draft));
                        next = next.next();
                        continue;
                    }
                },
            };
            if let Some(field) = differs {
                return Ok(Err(Refusal::Conflict {
                    source_name: event.source.clone(),
                    id: event.id.clone(),
                    position: entry.position,
                    field,
                }));
            }
            planned.push(Planned::Duplicate(entry));
        }
        Ok(Ok((planned, size)))
    }

    /// The event that was stored under `key`, in this group or before it.
    fn stored(&self, key: &IdKey) -> Result<Option<Stored<'_>>, LogError> {
        if let Some(position) = self.ids.get(key) {
            let index = position.get() - self.before.get() - 1;
            let event = usize::try_from(index).ok().and_then(|index| self.events.get(index));
            return Ok(event.map(Stored::InGroup));
        }
        let Some(position) = index::find(&self.snapshot, key)? else { return Ok(None) };
        if canary::planted("ids_remembered_too_shortly") && position.get() + 16 < self.before.get()
        {
            return Ok(None);
        }
        let event = reader::get(&self.snapshot, position)?
            .ok_or_else(|| Damage::at(position, DamageReason::Missing))?;
        Ok(Some(Stored::InLog(Box::new(event))))
    }

    fn unmet(&self, expect: &Expect) -> Result<Option<Refusal>, LogError> {
        Ok(match expect {
            Expect::Any => None,
            Expect::Head(expected) => (*expected != self.head.position)
                .then_some(Refusal::Head { expected: *expected, found: self.head.position }),
            Expect::Subject { subject, last } => {
                let found = match self.last.get(subject.as_str()) {
                    Some(position) => Some(*position),
                    None => index::last_of(&self.snapshot, subject)?,
                };
                (found != *last).then(|| Refusal::Subject {
                    subject: subject.clone(),
                    expected: *last,
                    found,
                })
            }
        })
    }

    fn add(&mut self, position: Position, key: IdKey, draft: Draft, new: NewEvent) -> Entry {
        assert!(position == self.head.position.next(), "positions are gapless");
        let new = NewEvent { time: codec::settled_time(&new, self.recorded), ..new };
        let header = Header {
            kind: new.kind,
            time: new.time,
            recorded: self.recorded,
            previous: self.head.chain,
        };
        let (record, chain) = draft.place(position, &header);
        self.batch.put(EVENTS, Bytes::copy_from_slice(&position.to_key()), record);
        index::put(&mut self.batch, &new, key, position);
        if canary::planted("one_subject_key_a_commit")
            && let Some(subject) = &new.subject
            && self.last.contains_key(subject)
        {
            self.batch.remove(index::SUBJECTS, index::subject_key(subject, position));
        }
        self.ids.insert(key, position);
        if let Some(subject) = &new.subject {
            self.last.insert(subject.clone(), position);
        }
        self.head = Head { position, chain, recorded: self.recorded };
        self.events.push(Event { position, recorded: self.recorded, event: new });
        Entry { position, recorded: self.recorded, duplicate: false }
    }
}

/// An event that has the same id as a new one.
enum Stored<'g> {
    InGroup(&'g Event),
    InLog(Box<Event>),
}

impl Stored<'_> {
    /// The answer for `new`, and the first attribute in which it differs.
    fn against(&self, new: &NewEvent) -> (Entry, Option<&'static str>) {
        let stored = match self {
            Self::InGroup(event) => event,
            Self::InLog(event) => &**event,
        };
        let (position, recorded) = (stored.position, stored.recorded);
        (Entry { position, recorded, duplicate: true }, difference(&stored.event, new))
    }
}

/// The first attribute in which `new` is another event than `stored`. An event without a time of
/// its own agrees with any, since the log gave the first one its time.
fn difference(stored: &NewEvent, new: &NewEvent) -> Option<&'static str> {
    use crate::event::UNTIMED;
    // Equal hashes of different ids are not expected to occur; if they do, it is no duplicate.
    let differs = [
        ("id", stored.id != new.id || stored.source != new.source),
        ("type", stored.r#type != new.r#type),
        ("kind", stored.kind != new.kind),
        ("time", stored.time != new.time && stored.time != UNTIMED && new.time != UNTIMED),
        ("subject", stored.subject != new.subject),
        ("cause", stored.cause != new.cause),
        ("actor", stored.actor != new.actor),
        ("depth", stored.depth != new.depth),
        ("enriches", stored.enriches != new.enriches),
        ("data", stored.data != new.data && !canary::planted("same_id_is_enough")),
    ];
    differs.into_iter().find_map(|(field, differs)| differs.then_some(field))
}
