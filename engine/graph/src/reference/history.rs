//! What has come about so far, and in what order one event changes it.
//!
//! In: events, one after the other. Out: obligations, guards, episodes.
//! Never: lets time pass (see `time`).
//! Promise: an event is applied in one order: what it says, what it satisfies, what it erases, which
//! blocks it triggers, and then what is so since it and what no longer is. So it never satisfies
//! what it has itself brought about. Start reading at [`History::apply`].

use homeostat_intent::lowered::{Duty, Spec};
use homeostat_log::{Event, Kind, Value};
use homeostat_world::Timestamp;

use super::backfill::Backfill;
use super::duties::Owed;
use super::episodes::Episode;
use super::guards::Reached;
use super::log::{AsOf, Log};
use super::occasions::Occasion;
use super::ticks::Ticked;
use super::{Standing, Verdict, Verdicts};

pub(super) struct History<'a> {
    pub(super) spec: &'a Spec,
    pub(super) log: Log<'a>,
    /// Everything that was applied, the engine's own events too.
    pub(super) told: Vec<&'a Event>,
    /// Every duty of the spec in the order of the text.
    pub(super) clauses: Vec<&'a Duty>,
    /// How far time has come.
    pub(super) now: Option<Timestamp>,
    /// Whether this finds out what a version would have asked of the past: then there are no
    /// deadlines and no ticks.
    pub(super) is_replay: bool,
    pub(super) moment: Moment,
    pub(super) occasions: Vec<Occasion<'a>>,
    pub(super) owed: Vec<Owed<'a>>,
    pub(super) guards: Vec<Reached<'a>>,
    pub(super) episodes: Vec<Episode<'a>>,
    pub(super) ticked: Vec<Ticked>,
    pub(super) backfills: Vec<Backfill>,
}

/// The instant at which something is brought about.
#[derive(Clone, Copy)]
pub(super) struct Moment {
    /// What is owed from here on is owed since then.
    pub(super) at: Timestamp,
    /// The last position that was applied.
    pub(super) position: u64,
    /// The log just before.
    pub(super) before: AsOf,
}

impl<'a> History<'a> {
    pub(super) fn new(spec: &'a Spec) -> Self {
        let log = Log::new(spec);
        let moment = Moment { at: Timestamp::EPOCH, position: 0, before: log.now() };
        Self {
            spec,
            log,
            told: Vec::new(),
            clauses: spec.duties().collect(),
            now: None,
            is_replay: false,
            moment,
            occasions: Vec::new(),
            owed: Vec::new(),
            guards: Vec::new(),
            episodes: Vec::new(),
            ticked: Vec::new(),
            backfills: Vec::new(),
        }
    }

    /// Applies one event.
    pub(super) fn apply(&mut self, event: &'a Event) {
        self.told.push(event);
        self.moment = Moment {
            at: event.effective_time(),
            position: event.position.get(),
            before: self.log.now(),
        };
        if event.event.kind == Kind::Control {
            self.control(event);
        } else {
            self.log.events.push(event);
            self.satisfy(event);
            if let Some((entity, instance)) = self.log.erases(event) {
                self.erase(&entity, &instance);
            }
            if event.event.kind != Kind::Enrichment {
                self.trigger(event);
            }
            self.look(Some(event));
        }
        self.refill();
    }

    /// The engine's own events do nothing but tell what people decided and what checkers said.
    fn control(&mut self, event: &'a Event) {
        match event.event.r#type.as_str() {
            "gap.decided" => self.decided(event),
            "check.reported" => {
                self.log.report(event);
                self.look_at_reports();
            }
            _ => {}
        }
    }

    /// A person's word about a gap.
    fn decided(&mut self, event: &Event) {
        let (Some(gap), Some(decision)) = (text(event, "gap"), text(event, "decision")) else {
            return;
        };
        match decision {
            "waive" => self.waive(gap),
            "backfill" => self.release(gap),
            _ => {}
        }
    }

    fn waive(&mut self, gap: &str) {
        let is_owed = |verdict: &Verdict| verdict.standing == Standing::Owed;
        let named = (0..self.owed.len()).find(|&place| {
            self.owed.get(place).is_some_and(|owed| owed.is_shown() && is_owed(&owed.verdict))
                && self.name(place) == gap
        });
        if let Some(place) = named {
            self.end(place, Standing::Waived);
        } else if !self.waive_violation(gap) {
            self.waive_backfill(gap);
        }
    }

    /// The instance was erased: nothing is owed for it any more, nothing is so of it, and nothing
    /// that was said of it is read again.
    fn erase(&mut self, entity: &str, instance: &str) {
        self.void_obligations(entity, instance);
        self.void_episodes(entity, instance);
        self.forget_ticks(entity, instance);
        self.log.erased.push((self.log.events.len(), entity.to_owned(), instance.to_owned()));
    }

    pub(super) fn verdicts(&self) -> Verdicts {
        let owed = self.owed.iter().filter(|owed| owed.is_shown()).map(|owed| {
            let name = (self.occasion(owed.occasion).text.clone(), owed.duty.slug.clone());
            (name, owed.verdict, !owed.past)
        });
        let guards = self.guards.iter().map(|reached| {
            ((self.occasion(reached.occasion).text.clone(), reached.number), reached.decided)
        });
        let mut verdicts = Verdicts { guards: guards.collect(), ..Verdicts::default() };
        for (name, verdict, counts) in owed.chain(self.violations()).chain(self.backfill_gaps()) {
            if counts {
                verdicts.past.remove(&name);
            } else {
                verdicts.past.insert(name.clone());
            }
            verdicts.obligations.insert(name, verdict);
        }
        verdicts
    }
}

/// A text in the payload of one of the engine's own events.
pub(super) fn text<'e>(event: &'e Event, field: &str) -> Option<&'e str> {
    match event.event.data.get(field) {
        Some(Value::Text(text)) => Some(text),
        _ => None,
    }
}
