//! Specs and logs for tests, written as short as they can be.

use std::sync::Arc;

use homeostat_intent::Source;
use homeostat_intent::lowered::Spec;
use homeostat_log::{Actor, Data, Event, Kind, NewEvent};
use homeostat_world::{Position, Timestamp};

use crate::{Change, Evaluator, Program};

/// A spec from its text. Warnings are fine; errors are the test's mistake.
pub(crate) fn spec(text: &str) -> Spec {
    let source = Source { name: "test.intent".to_owned(), text: text.to_owned() };
    let loaded = homeostat_intent::load(&[source]);
    assert!(!loaded.has_errors(), "{:#?}", loaded.diagnostics);
    loaded.spec
}

pub(crate) fn program(text: &str) -> Arc<Program> {
    compiled(&spec(text))
}

pub(crate) fn compiled(spec: &Spec) -> Arc<Program> {
    match Program::compile(spec) {
        Ok(program) => Arc::new(program),
        Err(error) => unreachable!("{error}"),
    }
}

/// `at(5)` is five seconds after the epoch.
pub(crate) fn at(seconds: i64) -> Timestamp {
    Timestamp::from_micros(seconds * 1_000_000)
}

/// An event of the world: its place, its second, its type, its payload as JSON.
pub(crate) fn event(position: u64, second: i64, name: &str, json: &str) -> Event {
    let data = match Data::from_json_text(json) {
        Ok(data) => data,
        Err(error) => unreachable!("{json}: {error}"),
    };
    Event {
        position: Position::new(position),
        recorded: at(second),
        event: NewEvent {
            id: format!("e{position}"),
            source: "test".to_owned(),
            kind: Kind::Primary,
            r#type: name.to_owned(),
            time: at(second),
            subject: None,
            cause: None,
            actor: Actor::World,
            depth: 0,
            enriches: None,
            data,
        },
    }
}

/// The same event about `entity/id`.
pub(crate) fn about(mut event: Event, subject: &str) -> Event {
    event.event.subject = Some(subject.to_owned());
    event
}

/// The same event as another kind of record.
pub(crate) fn of_kind(mut event: Event, kind: Kind) -> Event {
    event.event.kind = kind;
    event
}

pub(crate) fn caused(mut event: Event, cause: &str) -> Event {
    event.event.cause = Some(cause.to_owned());
    event
}

/// An evaluator that says what it does, a line for each change.
pub(crate) struct Told {
    pub(crate) evaluator: Evaluator,
    pub(crate) lines: Vec<String>,
}

impl Told {
    pub(crate) fn new(text: &str) -> Self {
        Self::of(&spec(text))
    }

    pub(crate) fn of(spec: &Spec) -> Self {
        Self { evaluator: Evaluator::new(compiled(spec)), lines: Vec::new() }
    }

    /// Lets time come to the event's, then applies it.
    pub(crate) fn see(&mut self, event: &Event) -> &mut Self {
        self.pass(event.event.time);
        self.apply(event)
    }

    /// Applies an event without letting time come to its own.
    pub(crate) fn apply(&mut self, event: &Event) -> &mut Self {
        let mut changes = Vec::new();
        self.evaluator.on_event(event, &mut |change| changes.push(change));
        self.tell(changes)
    }

    pub(crate) fn pass(&mut self, now: Timestamp) -> &mut Self {
        let mut changes = Vec::new();
        self.evaluator.advance(now, &mut |change| changes.push(change));
        self.tell(changes)
    }

    fn tell(&mut self, changes: Vec<Change>) -> &mut Self {
        self.lines.extend(changes.into_iter().map(|change| line(&self.evaluator, change)));
        self
    }

    /// What was said since the last time it was asked, a line each.
    pub(crate) fn said(&mut self) -> String {
        std::mem::take(&mut self.lines).join("\n")
    }
}

/// One change in one line; seconds since the epoch.
pub(crate) fn line(evaluator: &Evaluator, change: Change) -> String {
    let name = change.obligation().map(|id| evaluator.show(id)).unwrap_or_default();
    let second = |at: Timestamp| at.as_micros() / 1_000_000;
    match change {
        Change::GuardDecided { guard, trigger, at, truth } => {
            format!(
                "guard `{}` of {trigger}: {truth:?} at {at}",
                evaluator.program().guard_text(guard)
            )
        }
        Change::Activated { at, due: Some(due), .. } => {
            format!("{name} activated {} due {}", second(at), second(due))
        }
        Change::Activated { at, due: None, .. } => format!("{name} activated {}", second(at)),
        Change::GapOpened { kind, at, .. } => format!("{name} gap {kind:?} {}", second(at)),
        Change::DeadlineMissed { .. } => format!("{name} missed"),
        Change::Fulfilled { by, outcome, .. } => format!("{name} {outcome:?} by {by}"),
        Change::Lapsed { fallback, .. } => format!("{name} lapsed to {}", evaluator.show(fallback)),
        Change::Withdrawn { .. } => format!("{name} withdrawn"),
        Change::Compensated { .. } => format!("{name} compensated"),
        Change::Waived { .. } => format!("{name} waived"),
        Change::Voided { .. } => format!("{name} void"),
        Change::GapClosed { outcome, .. } => format!("{name} closed {outcome:?}"),
        Change::BackfillAsked { adopted, strength, count, .. } => {
            format!("backfill@{adopted} asked for {count}, {strength:?}")
        }
        Change::BackfillDecided { adopted, outcome } => {
            format!("backfill@{adopted} decided {outcome:?}")
        }
    }
}

/// Two evaluators that see the same: one runs through, the other is restarted from its checkpoint
/// before everything that happens. They must say the same.
pub(crate) struct Twice {
    spec: Spec,
    straight: Told,
    restarted: Told,
}

impl Twice {
    pub(crate) fn new(text: &str) -> Self {
        Self::of(spec(text))
    }

    pub(crate) fn of(spec: Spec) -> Self {
        let (straight, restarted) = (Told::of(&spec), Told::of(&spec));
        Self { spec, straight, restarted }
    }

    fn restart(&mut self) {
        let bytes = self.restarted.evaluator.checkpoint();
        match Evaluator::restore(compiled(&self.spec), &bytes) {
            Ok(again) => self.restarted.evaluator = again,
            Err(error) => unreachable!("{error}"),
        }
        assert!(self.restarted.evaluator.checkpoint() == bytes, "the same state again");
    }

    /// Lets time come to the event's, then applies it.
    pub(crate) fn see(&mut self, event: &Event) -> &mut Self {
        self.restart();
        self.straight.see(event);
        self.restarted.see(event);
        self
    }

    /// Applies an event without letting time come to its own.
    pub(crate) fn apply(&mut self, event: &Event) -> &mut Self {
        self.restart();
        self.straight.apply(event);
        self.restarted.apply(event);
        self
    }

    pub(crate) fn pass(&mut self, now: Timestamp) -> &mut Self {
        self.restart();
        self.straight.pass(now);
        self.restarted.pass(now);
        self
    }

    pub(crate) fn evaluator(&self) -> &Evaluator {
        &self.straight.evaluator
    }

    /// What both said since the last time they were asked, a line each.
    pub(crate) fn said(&mut self) -> String {
        let said = self.straight.said();
        assert_eq!(self.restarted.said(), said, "a restart makes no difference");
        let hashes = [&self.straight, &self.restarted].map(|told| told.evaluator.state_hash());
        assert!(hashes[0] == hashes[1], "equal states have equal hashes");
        said
    }
}
