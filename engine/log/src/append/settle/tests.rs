#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may fail")]

use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use homeostat_world::{Durability, MemoryStore, Position, Timestamp};

use crate::append::{Append, Appended, Refusal};
use crate::cloudevents;
use crate::event::{Event, Kind, NewEvent};
use crate::link::{Confidence, EventName, Link};
use crate::log::Log;

/// Runs what never waits: the store in memory is always ready.
fn ready<T>(work: impl Future<Output = T>) -> T {
    match pin!(work).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(done) => done,
        Poll::Pending => unreachable!("a store in memory does not wait"),
    }
}

fn event(id: &str) -> NewEvent {
    let text =
        format!(r#"{{"specversion":"1.0","id":"{id}","source":"/crm","type":"call.logged"}}"#);
    cloudevents::read(&text).unwrap()
}

fn sure(confidence: f64) -> Confidence {
    Confidence::new(confidence).unwrap()
}

fn enriching(id: &str, link: Link) -> NewEvent {
    NewEvent { kind: Kind::Enrichment, enriches: Some(Box::new(link)), ..event(id) }
}

fn by_name(id: &str, of: &str) -> NewEvent {
    enriching(id, Link::to_named("/crm".to_owned(), of.to_owned(), sure(0.95)))
}

fn by_place(id: &str, of: u64) -> NewEvent {
    enriching(id, Link::to(Position::new(of), sure(0.95)))
}

/// A log with a call at 1, an erasure at 2 and a decision of the engine at 3.
fn log() -> Log<MemoryStore> {
    let mut log = ready(Log::open(MemoryStore::default(), None)).unwrap();
    let erasure = NewEvent { kind: Kind::Tombstone, ..event("erased") };
    let decision = NewEvent { kind: Kind::Control, ..event("decided") };
    let events = [event("e1"), erasure, decision];
    let appended = append(&mut log, events.into_iter().map(Append::one).collect());
    assert!(appended.receipts.iter().all(Result::is_ok));
    log
}

fn append(log: &mut Log<MemoryStore>, requests: Vec<Append>) -> Appended {
    ready(log.append(requests, Timestamp::from_micros(5), Durability::Power)).unwrap()
}

fn refused(log: &mut Log<MemoryStore>, event: NewEvent) -> String {
    let head = log.head();
    let refusal = append(log, vec![Append::one(event)]).receipts.remove(0).unwrap_err();
    assert_eq!(log.head(), head, "nothing is appended");
    refusal.to_string()
}

fn linked(event: &Event) -> (u64, &str, String) {
    let link = event.event.enriches.as_deref().unwrap();
    (link.position.unwrap().get(), &link.name.as_ref().unwrap().id, link.confidence.to_string())
}

#[test]
fn a_link_by_name_and_one_by_position_are_stored_alike() {
    let mut log = log();
    let requests = vec![Append::one(by_name("a", "e1")), Append::one(by_place("b", 1))];
    let appended = append(&mut log, requests);
    for event in &appended.events {
        assert_eq!(linked(event), (1, "e1", "0.95".to_owned()));
        let stored = log.reader().get(event.position).unwrap().unwrap();
        assert_eq!(stored, *event);
    }
    assert_eq!(appended.events.len(), 2);
}

#[test]
fn what_came_before_it_in_its_group_or_request_can_be_enriched() {
    let mut log = log();
    let request = Append::new(vec![event("e4"), by_name("a", "e4"), by_place("b", 4)]);
    let next = vec![by_name("c", "e4"), by_place("d", 4), by_name("e", "a")];
    let mut requests = vec![request];
    requests.extend(next.into_iter().map(Append::one));
    let appended = append(&mut log, requests);
    let links: Vec<_> = appended.events.iter().skip(1).map(|event| linked(event).0).collect();
    assert_eq!(links, [4, 4, 4, 4, 5]);
}

#[test]
fn an_enrichment_that_is_sent_again_is_stored_once_and_a_changed_one_refused() {
    let mut log = log();
    append(&mut log, vec![Append::one(by_name("a", "e1"))]);
    let again = vec![Append::one(by_name("a", "e1")), Append::one(by_place("a", 1))];
    for receipt in append(&mut log, again).receipts {
        assert!(receipt.unwrap().entries[0].duplicate);
    }
    let surer = enriching("a", Link::to(Position::new(1), sure(1.0)));
    assert!(refused(&mut log, surer).contains("which differs in `enriches`"));
}

#[test]
fn each_link_that_cannot_be_is_refused_with_what_is_wrong() {
    let mut log = log();
    let unlinked = NewEvent { kind: Kind::Enrichment, ..event("a") };
    let nothing = Link { position: None, name: None, confidence: sure(0.5) };
    let primary = NewEvent { kind: Kind::Primary, ..by_name("a", "e1") };
    let long = Link::to_named("/crm".to_owned(), "x".repeat(2_000), sure(1.0));
    let messages: Vec<String> = [
        unlinked,
        enriching("a", nothing),
        primary,
        by_name("a", "nobody"),
        by_name("a", "a"),
        by_place("a", 0),
        by_place("a", 4),
        by_place("a", 99),
        by_place("a", 2),
        by_name("a", "decided"),
        enriching("a", long),
    ]
    .into_iter()
    .map(|event| refused(&mut log, event))
    .collect();
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("../../../../../snapshots/log");
    settings.set_prepend_module_to_snapshot(false);
    settings.bind(|| insta::assert_snapshot!("refused-links", messages.join("\n")));
}

#[test]
fn an_export_is_taken_in_by_a_log_where_its_positions_are_others() {
    let mut from = log();
    let appended = append(&mut from, vec![Append::one(by_name("a", "e1"))]);
    let line = cloudevents::write(&appended.events[0]);
    let mut to = ready(Log::open(MemoryStore::default(), None)).unwrap();
    append(&mut to, vec![Append::one(event("other")), Append::one(event("e1"))]);
    let read = cloudevents::read_exported(&line).unwrap();
    let appended = append(&mut to, vec![Append::one(read.event)]);
    assert_eq!(linked(&appended.events[0]), (2, "e1", "0.95".to_owned()));
}

#[test]
fn a_name_counts_and_not_its_hash_alone() {
    let mut log = log();
    let other = EventName { source: "/crm2".to_owned(), id: "e1".to_owned() };
    let link = Link { position: Some(Position::new(1)), name: Some(other), confidence: sure(1.0) };
    let receipt = append(&mut log, vec![Append::one(enriching("a", link))]).receipts.remove(0);
    assert!(matches!(receipt, Err(Refusal::Event { index: 0, .. })));
}
