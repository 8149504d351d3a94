#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may fail")]

use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use bolero::{TypeGenerator, check};
use bytes::Bytes;
use homeostat_world::limits::{APPEND_EVENTS_MAX, EVENT_BYTES_MAX};
use homeostat_world::pad::SLOT_BYTES;
use homeostat_world::{MemoryStore, StoreError};

use super::*;
use crate::append::{Entry, Expect, Refusal};
use crate::data::Data;
use crate::event::{Actor, Event, Kind, NewEvent, UNTIMED};
use crate::index::{IDS, SUBJECTS};

/// Runs what never waits: the store in memory is always ready.
fn ready<T>(work: impl Future<Output = T>) -> T {
    match pin!(work).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(done) => done,
        Poll::Pending => unreachable!("a store in memory does not wait"),
    }
}

fn event(id: &str, subject: Option<&str>) -> NewEvent {
    NewEvent {
        id: id.to_owned(),
        source: "/test".to_owned(),
        kind: Kind::Primary,
        r#type: "interaction.created".to_owned(),
        time: Timestamp::from_micros(1_000),
        subject: subject.map(str::to_owned),
        cause: None,
        actor: Actor::World,
        depth: 0,
        enriches: None,
        data: Data::builder().text("customer", "c1").build(),
    }
}

fn open(store: &MemoryStore) -> Log<MemoryStore> {
    ready(Log::open(store.clone(), None)).unwrap()
}

fn at(micros: i64) -> Timestamp {
    Timestamp::from_micros(micros)
}

fn append(log: &mut Log<MemoryStore>, requests: Vec<Append>) -> Appended {
    ready(log.append(requests, at(5_000), Durability::Power)).unwrap()
}

fn one(log: &mut Log<MemoryStore>, request: Append) -> Result<Vec<Entry>, Refusal> {
    append(log, vec![request]).receipts.remove(0).map(|receipt| receipt.entries)
}

fn positions(events: impl Iterator<Item = Result<Event, LogError>>) -> Vec<u64> {
    events.map(|event| event.unwrap().position.get()).collect()
}

fn filled(count: u64) -> MemoryStore {
    let store = MemoryStore::default();
    let mut log = open(&store);
    for n in 0..count {
        let subject = format!("customer/c{}", n % 3);
        one(&mut log, Append::one(event(&n.to_string(), Some(&subject)))).unwrap();
    }
    store
}

/// Changes what is stored behind the log's back.
fn damage(store: &MemoryStore, position: u64, change: impl FnOnce(&mut Vec<u8>)) {
    let key = Position::new(position).to_key();
    let mut value = store.snapshot().get(EVENTS, &key).unwrap().unwrap().to_vec();
    change(&mut value);
    let mut batch = Batch::new();
    batch.put(EVENTS, Bytes::copy_from_slice(&key), value);
    ready(store.commit(batch, Durability::Process)).unwrap();
}

fn remove(store: &MemoryStore, position: u64) {
    let mut batch = Batch::new();
    batch.remove(EVENTS, Bytes::copy_from_slice(&Position::new(position).to_key()));
    ready(store.commit(batch, Durability::Process)).unwrap();
}

#[test]
fn positions_are_gapless_from_one_and_streams_follow_a_subject() {
    let store = filled(3_000);
    let reader = open(&store).reader();
    assert_eq!(positions(reader.read(Position::ZERO)), (1..=3_000).collect::<Vec<_>>());
    assert_eq!(positions(reader.read(Position::new(2_999))), [2_999, 3_000]);
    let stream = positions(reader.by_subject("customer/c1", Position::new(10)));
    assert_eq!(stream, (11..=3_000).step_by(3).collect::<Vec<_>>());
    assert!(positions(reader.by_subject("customer/c", Position::ZERO)).is_empty());
    assert_eq!(reader.find("/test", "41").unwrap().unwrap().position.get(), 42);
    assert!(reader.find("/other", "41").unwrap().is_none());
    assert!(reader.get(Position::new(3_001)).unwrap().is_none());
}

#[test]
fn the_same_event_sent_twice_is_stored_once_and_answered_alike() {
    let store = MemoryStore::default();
    let mut log = open(&store);
    let first = one(&mut log, Append::one(event("a", None))).unwrap();
    let again =
        ready(log.append(vec![Append::one(event("a", None))], at(9_000), Durability::Power));
    let entry = again.unwrap().receipts.remove(0).unwrap().entries[0];
    assert_eq!(entry, Entry { duplicate: true, ..first[0] });
    assert_eq!(log.head().position.get(), 1);
}

#[test]
fn a_duplicate_inside_one_request_or_one_group_is_stored_once() {
    let mut log = open(&MemoryStore::default());
    let twice = Append::new(vec![event("a", None), event("a", None), event("b", None)]);
    let appended = append(&mut log, vec![twice, Append::one(event("b", None))]);
    let all: Vec<_> = appended
        .receipts
        .into_iter()
        .flat_map(|receipt| receipt.unwrap().entries)
        .map(|entry| (entry.position.get(), entry.duplicate))
        .collect();
    assert_eq!(all, [(1, false), (1, true), (2, false), (2, true)]);
    assert_eq!(appended.events.len(), 2);
}

#[test]
fn an_event_without_a_time_gets_that_of_its_recording_and_is_known_when_sent_again() {
    let mut log = open(&MemoryStore::default());
    let untimed = NewEvent { time: UNTIMED, ..event("a", None) };
    let appended = append(&mut log, vec![Append::one(untimed.clone())]);
    assert_eq!(appended.events[0].event.time, at(5_000));
    assert!(one(&mut log, Append::one(untimed)).unwrap()[0].duplicate);
}

#[test]
fn another_event_under_a_known_id_is_refused_by_name() {
    let mut log = open(&filled(1));
    let other = NewEvent { r#type: "interaction.deleted".to_owned(), ..event("0", None) };
    let refusal = one(&mut log, Append::one(other)).unwrap_err();
    assert_eq!(
        refusal.to_string(),
        "append refused: id `0` of source `/test` already names the event at position `1`, which \
         differs in `type`; use a new id for a new event"
    );
}

#[test]
fn expectations_name_what_was_expected_and_found() {
    let mut log = open(&filled(42));
    let head = |n| Append::one(event("new", None)).expecting(Expect::Head(Position::new(n)));
    let refusal = one(&mut log, head(41)).unwrap_err();
    assert_eq!(
        refusal.to_string(),
        "append refused at position `41`: head is `42`; read from position `41` and try again"
    );
    let subject = |last: Option<u64>| {
        Append::one(event("new", Some("customer/c0"))).expecting(Expect::Subject {
            subject: "customer/c0".to_owned(),
            last: last.map(Position::new),
        })
    };
    let refusal = one(&mut log, subject(None)).unwrap_err();
    assert_eq!(
        refusal.to_string(),
        "append refused: last event about `customer/c0` is at `40`, expected at no position; \
         read its events and try again"
    );
    assert_eq!(log.head().position.get(), 42);
    let entry = one(&mut log, subject(Some(40))).unwrap()[0];
    assert_eq!(entry.position.get(), 43);
    // Its answer was lost, so it comes again: the expectation no longer holds, the answer does.
    assert_eq!(one(&mut log, subject(Some(40))).unwrap()[0], Entry { duplicate: true, ..entry });
}

#[test]
fn a_request_sees_those_before_it_in_the_group_and_is_refused_whole() {
    let mut log = open(&MemoryStore::default());
    let about = |id: &str, last: Option<u64>| {
        Append::new(vec![event(id, Some("x")), event(&format!("{id}2"), None)])
            .expecting(Expect::Subject { subject: "x".to_owned(), last: last.map(Position::new) })
    };
    let appended = append(&mut log, vec![about("a", None), about("b", None), about("c", Some(1))]);
    assert!(appended.receipts[0].is_ok() && appended.receipts[2].is_ok());
    assert!(matches!(appended.receipts[1], Err(Refusal::Subject { .. })));
    let ids: Vec<_> = appended.events.iter().map(|event| event.event.id.as_str()).collect();
    assert_eq!(ids, ["a", "a2", "c", "c2"]);
}

#[test]
fn the_clock_of_the_log_never_goes_backwards() {
    let store = filled(1);
    let mut log = open(&store);
    let appended =
        ready(log.append(vec![Append::one(event("x", None))], at(10), Durability::Power)).unwrap();
    assert_eq!(appended.events[0].recorded, at(5_000));
}

#[test]
fn bounds_are_enforced_with_the_numbers() {
    let mut log = open(&MemoryStore::default());
    let text = |size: usize| Data::builder().text("t", &"x".repeat(size)).build();
    let large = NewEvent { data: text(EVENT_BYTES_MAX - 40), ..event("a", None) };
    let refusal = one(&mut log, Append::new(vec![event("b", None), large])).unwrap_err();
    assert!(
        refusal.to_string().starts_with("append refused for event `1` of the request: event has")
    );
    let many = (0..=APPEND_EVENTS_MAX).map(|n| event(&n.to_string(), None)).collect();
    let refusal = one(&mut log, Append::new(many)).unwrap_err();
    assert!(refusal.to_string().contains("`10001` events, at most `10000`"));
    let big = |id: usize| NewEvent { data: text(1_000_000), ..event(&id.to_string(), None) };
    let refusal = one(&mut log, Append::new((0..34).map(big).collect())).unwrap_err();
    assert!(matches!(refusal, Refusal::TooLarge { .. }));
    let halves =
        vec![Append::new((0..20).map(big).collect()), Append::new((20..34).map(big).collect())];
    assert_eq!(append(&mut log, halves).receipts[1], Err(Refusal::GroupFull));
    assert_eq!(log.head().position.get(), 20);
}

#[test]
fn verify_names_the_first_position_that_is_not_whole() {
    let verify = |store: &MemoryStore| open(store).reader().verify(Position::ZERO, |_| ());
    assert_eq!(verify(&filled(100)).unwrap().events, 100);
    let damaged = |store: &MemoryStore| match verify(store) {
        Err(LogError::Damaged(damage)) => damage,
        other => unreachable!("{other:?}"),
    };
    let whole = filled(100);
    let bytes = whole.snapshot().get(EVENTS, &Position::new(41).to_key()).unwrap().unwrap().len();
    for bit in 0..bytes * 8 {
        let store = filled(45);
        damage(&store, 41, |value| value[bit / 8] ^= 1 << (bit % 8));
        // A flip in the hash of the one before casts the doubt on that one.
        let found = damaged(&store).position.get();
        assert!(found == 41 || ((26 * 8..58 * 8).contains(&bit) && found == 40), "{bit}: {found}");
    }
    let store = filled(100);
    remove(&store, 50);
    assert_eq!(damaged(&store), Damage::at(Position::new(50), DamageReason::Missing));
    assert_eq!(
        damaged(&store).to_string(),
        "log is damaged at position `50`: the event is missing; everything before it is whole, \
         restore the log from a backup"
    );
    assert_eq!(positions(open(&store).reader().read(Position::ZERO).take(49)).len(), 49);
    assert!(open(&store).reader().read(Position::ZERO).nth(49).unwrap().is_err());
}

#[test]
fn a_log_that_came_back_shorter_is_refused() {
    let store = filled(42);
    let witness = open(&store).head();
    assert!(ready(Log::open(store.clone(), Some(witness))).is_ok());
    remove(&store, 42);
    remove(&store, 41);
    let error = ready(Log::open(store, Some(witness))).unwrap_err().to_string();
    assert_eq!(
        error,
        "log ends at position `40`, but position `42` was acknowledged: `2` events are missing; \
         restore the log from a backup"
    );
}

#[test]
fn a_log_that_is_another_one_is_refused() {
    let store = filled(42);
    let witness = open(&store).head();
    damage(&store, 42, |value| *value.last_mut().unwrap() ^= 1);
    let error = ready(Log::open(store, Some(witness))).unwrap_err();
    assert!(matches!(error, LogError::Diverged(position) if position.get() == 42));
}

#[test]
fn what_lies_behind_the_witness_is_proved_at_open() {
    let store = filled(42);
    let witness = open(&store).head();
    let mut log = open(&store);
    for n in 100..110 {
        one(&mut log, Append::one(event(&n.to_string(), None))).unwrap();
    }
    assert!(ready(Log::open(store.clone(), Some(witness))).is_ok());
    damage(&store, 45, |value| *value.last_mut().unwrap() ^= 1);
    let error = ready(Log::open(store, Some(witness))).unwrap_err();
    assert!(matches!(error, LogError::Damaged(damage) if damage.position.get() == 45));
}

#[test]
fn stale_or_missing_indexes_are_rebuilt() {
    let reach = |store: &MemoryStore| {
        let reader = open(store).reader();
        assert_eq!(reader.verify(Position::ZERO, |_| ()).unwrap().index_faults, 0);
        positions(reader.by_subject("customer/c1", Position::ZERO)).len()
    };
    let store = filled(300);
    // Missing altogether.
    let mut batch = Batch::new();
    for space in [SUBJECTS, IDS] {
        for pair in
            store.snapshot().range(space, std::ops::Bound::Unbounded, std::ops::Bound::Unbounded)
        {
            batch.remove(space, pair.unwrap().0);
        }
    }
    ready(store.commit(batch, Durability::Process)).unwrap();
    assert_eq!(reach(&store), 100);
    // Ahead of a log that came back shorter.
    for position in 200..=300 {
        remove(&store, position);
    }
    assert_eq!(reach(&store), 66);
    // Faulty in the middle: seen by `verify`, mended on request.
    let mut batch = Batch::new();
    batch.remove(SUBJECTS, index::subject_key("customer/c1", Position::new(50)));
    ready(store.commit(batch, Durability::Process)).unwrap();
    let mut log = open(&store);
    assert_eq!(log.reader().verify(Position::ZERO, |_| ()).unwrap().index_faults, 1);
    ready(log.rebuild_indexes()).unwrap();
    assert_eq!(reach(&store), 66);
}

/// A pad that remembers, for looking at.
#[derive(Clone, Debug, Default)]
struct Remembered(Arc<Mutex<[Vec<u8>; 2]>>);

impl Pad for Remembered {
    fn write(&self, slot: usize, bytes: &[u8; SLOT_BYTES]) -> Result<(), StoreError> {
        self.0.lock().unwrap()[slot % 2] = bytes.to_vec();
        Ok(())
    }
}

impl Remembered {
    fn head(&self) -> Option<Head> {
        let slots = self.0.lock().unwrap();
        witness::decode(slots.iter().map(Vec::as_slice))
    }
}

#[test]
fn the_witness_never_runs_ahead_of_what_is_durable() {
    let pad = Remembered::default();
    let store = filled(2);
    let mut log = open(&store).with_witness(Box::new(pad.clone()));
    assert_eq!(pad.head(), Some(log.head()));
    one(&mut log, Append::one(event("x", None))).unwrap();
    let durable = log.head();
    assert_eq!(pad.head(), Some(durable));
    let requests = vec![Append::one(event("y", None))];
    ready(log.append(requests, at(9_000), Durability::Process)).unwrap();
    assert_eq!(pad.head(), Some(durable));
    ready(log.sync()).unwrap();
    assert_eq!(pad.head(), Some(log.head()));
}

/// A store whose commits fail when told to.
#[derive(Clone, Debug, Default)]
struct Failing {
    inner: MemoryStore,
    full: Arc<Mutex<bool>>,
}

impl Store for Failing {
    type Snapshot = homeostat_world::store::MemorySnapshot;
    fn snapshot(&self) -> Self::Snapshot {
        self.inner.snapshot()
    }
    async fn commit(&self, batch: Batch, durability: Durability) -> Result<(), StoreError> {
        let full = *self.full.lock().unwrap();
        if full { Err(StoreError::Full) } else { self.inner.commit(batch, durability).await }
    }
}

#[test]
fn a_full_device_loses_nothing_and_the_log_goes_on_when_there_is_room() {
    let store = Failing::default();
    let mut log = ready(Log::open(store.clone(), None)).unwrap();
    let send = |log: &mut Log<Failing>, id: &str| {
        ready(log.append(vec![Append::one(event(id, None))], at(1), Durability::Power))
    };
    send(&mut log, "a").unwrap();
    let head = log.head();
    *store.full.lock().unwrap() = true;
    let error = send(&mut log, "b").unwrap_err();
    assert_eq!(error.to_string(), "no space left on the device");
    assert_eq!(log.head(), head);
    assert_eq!(positions(log.reader().read(Position::ZERO)), [1]);
    *store.full.lock().unwrap() = false;
    assert_eq!(send(&mut log, "b").unwrap().events[0].position.get(), 2);
    assert!(log.reader().verify(Position::ZERO, |_| ()).is_ok());
}

#[test]
fn a_damaged_key_of_a_subject_neither_ends_nor_repeats_its_stream() {
    let store = filled(3);
    let whole = positions(open(&store).reader().by_subject("customer/c1", Position::ZERO));
    assert!(!whole.is_empty());
    // With a byte too many it stands behind all others and ends like the key of the first.
    let mut key = index::subject_key("customer/c1", Position::new(1));
    key.insert(key.len() - 8, 0xff);
    let mut batch = Batch::new();
    batch.put(SUBJECTS, key, Bytes::new());
    ready(store.commit(batch, Durability::Power)).unwrap();
    let mut log = open(&store);
    let stream = log.reader().by_subject("customer/c1", Position::ZERO);
    assert_eq!(positions(stream.take(10)), whole);
    let last = whole.last().copied().map(Position::new);
    let expect = Expect::Subject { subject: "customer/c1".to_owned(), last };
    let request = Append { events: vec![event("next", None)], expect };
    assert!(one(&mut log, request).is_ok());
    assert_eq!(log.reader().verify(Position::ZERO, |_| ()).unwrap().index_faults, 1);
}

/// A store of which one event cannot be read, as a sound store says of a block that has rotted.
#[derive(Clone, Debug)]
struct Rotten {
    inner: MemoryStore,
    position: u64,
}

struct RottenSnapshot {
    inner: homeostat_world::store::MemorySnapshot,
    key: [u8; 8],
}

impl RottenSnapshot {
    fn check(&self, space: homeostat_world::Space, key: &[u8]) -> Result<(), StoreError> {
        if space == EVENTS && key == self.key {
            return Err(StoreError::Damaged("checksum mismatch".to_owned()));
        }
        Ok(())
    }
}

impl Store for Rotten {
    type Snapshot = RottenSnapshot;
    fn snapshot(&self) -> Self::Snapshot {
        let key = Position::new(self.position).to_key();
        RottenSnapshot { inner: self.inner.snapshot(), key }
    }
    async fn commit(&self, batch: Batch, durability: Durability) -> Result<(), StoreError> {
        self.inner.commit(batch, durability).await
    }
}

impl Snapshot for RottenSnapshot {
    fn get(&self, space: homeostat_world::Space, key: &[u8]) -> Result<Option<Bytes>, StoreError> {
        self.check(space, key)?;
        self.inner.get(space, key)
    }
    fn range(
        &self,
        space: homeostat_world::Space,
        from: std::ops::Bound<&[u8]>,
        to: std::ops::Bound<&[u8]>,
    ) -> impl DoubleEndedIterator<Item = Result<(Bytes, Bytes), StoreError>> {
        self.inner.range(space, from, to).map(move |pair| {
            let (key, value) = pair?;
            self.check(space, &key).map(|()| (key, value))
        })
    }
}

#[test]
fn a_record_that_cannot_be_read_is_named_wherever_it_is_met() {
    let (earlier, store) = (open(&filled(40)).head(), filled(42));
    let witness = open(&store).head();
    let named = |error: LogError, position: u64| {
        let text = error.to_string();
        let wanted = format!("log is damaged at position `{position}`: checksum mismatch");
        assert!(text.contains(&wanted) && text.contains("restore the log"), "{text}");
    };
    // The last one, with and without a witness, and the one that was witnessed.
    for (position, witness) in [(42, None), (42, Some(witness)), (40, Some(earlier))] {
        let rotten = Rotten { inner: store.clone(), position };
        named(ready(Log::open(rotten, witness)).unwrap_err(), position);
    }
    let log = ready(Log::open(Rotten { inner: store, position: 7 }, None)).unwrap();
    named(log.reader().chain_at(Position::new(7)).unwrap_err(), 7);
    named(log.reader().get(Position::new(7)).unwrap_err(), 7);
}

/// One step of a random life of a log.
#[derive(Clone, Debug, TypeGenerator)]
enum Step {
    Append(Vec<Vec<Sent>>, Expected),
    Restart,
}

#[derive(Clone, Copy, Debug, TypeGenerator)]
struct Sent {
    #[generator(0..5_u8)]
    id: u8,
    #[generator(0..2_u8)]
    content: u8,
    #[generator(0..3_u8)]
    subject: u8,
}

#[derive(Clone, Copy, Debug, TypeGenerator)]
enum Expected {
    Any,
    Head(#[generator(0..6_u64)] u64),
    Subject(#[generator(0..3_u8)] u8, #[generator(0..6_u64)] u64),
}

impl Sent {
    fn new_event(self) -> NewEvent {
        // The id says half of the content, so that honest repeats are frequent.
        let subject = (self.subject > 0).then(|| format!("s{}", self.subject));
        let data = Data::builder().int("content", self.content.into()).build();
        NewEvent { data, ..event(&self.id.to_string(), subject.as_deref()) }
    }
}

/// The same rules over a list, written to be read: what the log must agree with.
fn model(list: &mut Vec<NewEvent>, request: &Append) -> Result<Vec<(u64, bool)>, ()> {
    let mut grown = list.clone();
    let mut entries = Vec::new();
    for new in &request.events {
        match grown.iter().position(|old| old.id == new.id) {
            Some(index) if grown[index] == *new => entries.push((index as u64 + 1, true)),
            Some(_) => return Err(()),
            None => {
                grown.push(new.clone());
                entries.push((grown.len() as u64, false));
            }
        }
    }
    let met = match &request.expect {
        Expect::Any => true,
        Expect::Head(position) => position.get() == list.len() as u64,
        Expect::Subject { subject, last } => {
            let found = list.iter().rposition(|old| old.subject.as_ref() == Some(subject));
            found.map(|index| Position::new(index as u64 + 1)) == *last
        }
    };
    let repeat = grown.len() == list.len() && !request.events.is_empty();
    if !met && !repeat {
        return Err(());
    }
    *list = grown;
    Ok(entries)
}

#[test]
fn every_life_of_a_log_agrees_with_the_model() {
    check!().with_type::<Vec<Step>>().for_each(|steps| {
        let store = MemoryStore::default();
        let (mut log, mut list) = (open(&store), Vec::new());
        for step in steps {
            let Step::Append(requests, expected) = step else {
                let witness = log.head();
                log = ready(Log::open(store.clone(), Some(witness))).unwrap();
                continue;
            };
            let expect = match *expected {
                Expected::Any => Expect::Any,
                Expected::Head(n) => Expect::Head(Position::new(n)),
                Expected::Subject(s, n) => Expect::Subject {
                    subject: format!("s{s}"),
                    last: (n > 0).then(|| Position::new(n)),
                },
            };
            let requests: Vec<_> = requests
                .iter()
                .map(|sent| Append::new(sent.iter().map(|sent| sent.new_event()).collect()))
                .map(|request| request.expecting(expect.clone()))
                .collect();
            let wanted: Vec<_> = requests.iter().map(|request| model(&mut list, request)).collect();
            let found: Vec<_> = append(&mut log, requests)
                .receipts
                .into_iter()
                .map(|receipt| receipt.map_err(drop))
                .map(|receipt| {
                    let entries = receipt?.entries.into_iter();
                    Ok(entries.map(|entry| (entry.position.get(), entry.duplicate)).collect())
                })
                .collect();
            assert_eq!(found, wanted);
        }
        let stored: Vec<_> =
            log.reader().read(Position::ZERO).map(|it| it.unwrap().event).collect();
        assert_eq!(stored, list);
        let verified = log.reader().verify(Position::ZERO, |_| ()).unwrap();
        assert_eq!((verified.events, verified.index_faults), (list.len() as u64, 0));
    });
}
