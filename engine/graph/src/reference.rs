//! The executable meaning: the formulas of the language, evaluated by scanning the whole log.
//!
//! In: a spec, and what happened: events applied and instants reached, in order. Out: a verdict for
//! every obligation and every guard that ever was.
//! Never: indexes, caches or shares code with the incremental evaluator. Quadratic and proud of it.
//! Promise: where the two differ, this one is what the language says. (Numbers are floats here, so
//! whole numbers beyond 2^53 are outside of it.) Start reading at [`evaluate`].

#[cfg(any(test, feature = "agreement"))]
pub mod agreement;
mod meaning;

use std::collections::BTreeMap;

use homeostat_intent::lowered::{Duty, Guard, Item, Length, Performer, Spec};
use homeostat_log::control::{GapKind, GapOutcome};
use homeostat_log::{Event, Kind, Value};
use homeostat_world::{Duration, Timestamp};

use crate::change::Fulfilment;
use crate::datum::Truth;
use meaning::{Carried, Log};

/// One thing that happens to an evaluator.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// An event is applied.
    Event(Box<Event>),
    /// Time comes to this instant.
    Advance(Timestamp),
}

/// What became of everything.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Verdicts {
    /// By trigger and slug.
    pub obligations: BTreeMap<(u64, String), Verdict>,
    /// By trigger and the guard's number in the order of the text; none while undecided.
    pub guards: BTreeMap<(u64, u32), Option<Truth>>,
}

/// What became of one obligation.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Verdict {
    /// Since when it was owed.
    pub activated: Timestamp,
    /// Until when.
    pub due: Option<Timestamp>,
    /// Where it stands.
    pub standing: Standing,
    /// Whether its deadline passed before it ended.
    pub missed: bool,
    /// The gap that it opened, and since when.
    pub gap: Option<(GapKind, Timestamp)>,
    /// How that gap ended.
    pub closed: Option<GapOutcome>,
}

/// Where an obligation stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Owed.
    Owed,
    /// Its fallback took its place.
    Lapsed,
    /// It happened, at this position.
    Fulfilled(u64, Fulfilment),
    /// No longer owed.
    Withdrawn,
    /// Its fallback was fulfilled.
    Compensated,
    /// A person let it go.
    Waived,
}

/// What became of every obligation and guard of `spec` after `steps`.
#[must_use]
pub fn evaluate(spec: &Spec, steps: &[Step]) -> Verdicts {
    let mut history = History {
        spec,
        log: Log { spec, events: Vec::new() },
        clauses: spec.duties().collect(),
        owed: Vec::new(),
        guards: Vec::new(),
    };
    for step in steps {
        match step {
            Step::Advance(now) => history.advance(*now),
            Step::Event(event) if event.event.kind == Kind::Control => history.control(event),
            Step::Event(event) => history.apply(event),
        }
    }
    let name = |owed: &Owed<'_>| (owed.trigger(), owed.duty.slug.clone());
    Verdicts {
        obligations: history.owed.iter().map(|owed| (name(owed), owed.verdict)).collect(),
        guards: history.guards.iter().map(|g| ((g.trigger(), g.number), g.decided)).collect(),
    }
}

/// One obligation that ever was.
struct Owed<'a> {
    duty: &'a Duty,
    /// Its place in the order of the text.
    clause: usize,
    trigger: &'a Event,
    block: usize,
    /// What each argument came to when it was activated.
    arguments: Vec<Option<Carried>>,
    /// The places of its primary and of its fallback among all obligations.
    replaces: Option<usize>,
    replaced_by: Option<usize>,
    verdict: Verdict,
}

/// One guard that was ever reached.
struct Reached<'a> {
    guard: &'a Guard,
    number: u32,
    trigger: &'a Event,
    block: usize,
    decided: Option<Truth>,
}

struct History<'a> {
    spec: &'a Spec,
    log: Log<'a>,
    clauses: Vec<&'a Duty>,
    owed: Vec<Owed<'a>>,
    guards: Vec<Reached<'a>>,
}

/// What time alone can do to an obligation.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Alarm {
    Settled,
    Deadline,
}

impl<'a> History<'a> {
    fn apply(&mut self, event: &'a Event) {
        self.log.events.push(event);
        for place in self.satisfied_by(event) {
            if self.is_open(place) {
                self.fulfil(place, event);
            }
        }
        if event.event.kind == Kind::Enrichment {
            return;
        }
        let name = self.log.canonical(&event.event.r#type).to_owned();
        for (block, written) in self.spec.blocks.iter().enumerate() {
            if written.trigger.events().contains(&name) {
                self.enter(&written.body, block, event, event.effective_time(), event);
            }
        }
    }

    /// The open obligations that an event satisfies, by trigger and then in the order of the text.
    fn satisfied_by(&self, event: &Event) -> Vec<usize> {
        let mut found: Vec<usize> = (0..self.owed.len())
            .filter(|&place| self.is_open(place) && self.satisfies(event, place))
            .collect();
        found.sort_by_key(|&place| self.order(place));
        let mut taken: Vec<usize> = Vec::new();
        found.retain(|&place| {
            let Some(owed) = self.owed.get(place) else { return false };
            let again = owed.duty.each && taken.contains(&owed.clause);
            taken.push(owed.clause);
            event.event.cause.is_some() || !again
        });
        found
    }

    fn satisfies(&self, event: &Event, place: usize) -> bool {
        let Some(owed) = self.owed.get(place) else { return false };
        let duty = owed.duty;
        if event.event.kind == Kind::Enrichment && !duty.using_inferred {
            return false;
        }
        let answers = match &event.event.cause {
            Some(cause) => *cause == format!("{}@{}", duty.slug, owed.trigger()),
            None => {
                let name = self.log.canonical(&event.event.r#type);
                duty.satisfied_by.iter().any(|satisfier| satisfier == name)
                    && meaning::agrees_on_keys(event, duty, &owed.arguments)
                    && meaning::agrees_on_the_rest(event, duty, &owed.arguments)
            }
        };
        answers && duty.requires.iter().all(|r| self.log.is_held(r, duty, &owed.arguments))
    }

    fn fulfil(&mut self, place: usize, event: &'a Event) {
        let Some(owed) = self.owed.get(place) else { return };
        let (due, missed) = (owed.verdict.due, owed.verdict.missed);
        let time = event.effective_time();
        let outcome = match due {
            Some(due) if time > due => Fulfilment::Late,
            _ if missed => Fulfilment::SeenLate,
            _ => Fulfilment::InTime,
        };
        let closed = match outcome {
            Fulfilment::InTime => GapOutcome::Fulfilled,
            Fulfilment::SeenLate => GapOutcome::SeenLate,
            Fulfilment::Late => GapOutcome::Late,
        };
        let (mut up, mut down) = (owed.replaces, owed.replaced_by);
        self.end(place, Standing::Fulfilled(event.position.get(), outcome), closed);
        while let Some(place) = up {
            self.end(place, Standing::Compensated, GapOutcome::Lapsed);
            up = self.owed.get(place).and_then(|owed| owed.replaces);
        }
        while let Some(place) = down {
            self.end(place, Standing::Withdrawn, GapOutcome::Withdrawn);
            down = self.owed.get(place).and_then(|owed| owed.replaced_by);
        }
        self.decide_what_waited(place, event);
    }

    fn end(&mut self, place: usize, standing: Standing, outcome: GapOutcome) {
        if let Some(owed) = self.owed.get_mut(place) {
            owed.verdict.standing = standing;
            if owed.verdict.gap.is_some() && owed.verdict.closed.is_none() {
                owed.verdict.closed = Some(outcome);
            }
        }
    }

    /// An obligation is open while it, or the last fallback in its place, is owed.
    fn is_open(&self, place: usize) -> bool {
        self.owed.get(place).is_some_and(|owed| match owed.verdict.standing {
            Standing::Owed => true,
            Standing::Lapsed => owed.replaced_by.is_some_and(|next| self.is_open(next)),
            _ => false,
        })
    }

    fn order(&self, place: usize) -> (u64, usize) {
        self.owed.get(place).map_or((u64::MAX, 0), |owed| (owed.trigger(), owed.clause))
    }

    /// Enters the items of a block or guard: duties are owed since `at`, guards are reached.
    fn enter(
        &mut self,
        items: &'a [Item],
        block: usize,
        trigger: &'a Event,
        at: Timestamp,
        event: &'a Event,
    ) {
        for item in items {
            match item {
                Item::Duty(duty) => {
                    self.owe(duty, block, trigger, at);
                }
                Item::ForEach(_) => {}
                Item::Guard(guard) => {
                    let number = guard_number(self.spec, guard);
                    self.guards.push(Reached { guard, number, trigger, block, decided: None });
                    self.decide_if_ready(self.guards.len() - 1, event);
                }
            }
        }
    }

    fn owe(&mut self, duty: &'a Duty, block: usize, trigger: &'a Event, at: Timestamp) -> usize {
        let upto = self.log.events.len();
        let arguments = duty
            .arguments
            .iter()
            .map(|argument| self.log.value(&argument.value, trigger, upto, duty.using_inferred))
            .collect();
        let clause = self.clauses.iter().position(|clause| clause.slug == duty.slug);
        let is_fallback = self.clauses.iter().any(|clause| {
            clause.fallback.as_ref().is_some_and(|fallback| fallback.slug == duty.slug)
        });
        let within = if is_fallback {
            duty.within.or(Some(self.spec.limits.default_within))
        } else {
            duty.within
        };
        let verdict = Verdict {
            activated: at,
            due: within.map(|within| after(at, within)),
            standing: Standing::Owed,
            missed: false,
            gap: None,
            closed: None,
        };
        self.owed.push(Owed {
            duty,
            clause: clause.unwrap_or(usize::MAX),
            trigger,
            block,
            arguments,
            replaces: None,
            replaced_by: None,
            verdict,
        });
        let place = self.owed.len() - 1;
        if self.gap_from(place) == Some(at) {
            self.open_gap(place, GapKind::Reaction, at);
        }
        place
    }

    /// Since when a gap is open while no deadline has passed. None when only the deadline opens it.
    fn gap_from(&self, place: usize) -> Option<Timestamp> {
        let owed = self.owed.get(place)?;
        let settled = after(owed.verdict.activated, self.spec.limits.settle);
        match (owed.duty.by, owed.verdict.due) {
            (Performer::Agent, _) | (Performer::System, None) => Some(settled),
            (Performer::Human, None) => Some(owed.verdict.activated),
            (Performer::System | Performer::Human, Some(_)) => None,
        }
    }

    fn open_gap(&mut self, place: usize, kind: GapKind, at: Timestamp) {
        if let Some(owed) = self.owed.get_mut(place)
            && owed.verdict.gap.is_none()
        {
            owed.verdict.gap = Some((kind, at));
        }
    }

    fn decide_what_waited(&mut self, fulfilled: usize, event: &'a Event) {
        let Some(owed) = self.owed.get(fulfilled) else { return };
        let (trigger, block) = (owed.trigger(), owed.block);
        for place in 0..self.guards.len() {
            let waits = self.guards.get(place).is_some_and(|reached| {
                reached.decided.is_none() && reached.trigger() == trigger && reached.block == block
            });
            if waits {
                self.decide_if_ready(place, event);
            }
        }
    }

    /// What a duty was to produce has been produced when it is fulfilled, or when a fallback in its
    /// place is that one of the same events satisfies.
    fn is_produced(&self, owed: &Owed<'a>) -> bool {
        let events = &owed.duty.satisfied_by;
        let mut stage = Some(owed);
        while let Some(current) = stage {
            let same = std::ptr::eq(current, owed)
                || current.duty.satisfied_by.iter().any(|name| events.contains(name));
            if same && matches!(current.verdict.standing, Standing::Fulfilled(..)) {
                return true;
            }
            stage = current.replaced_by.and_then(|next| self.owed.get(next));
        }
        false
    }

    /// Decides a guard if what every duty that it awaits was to produce has been produced for its
    /// trigger.
    fn decide_if_ready(&mut self, place: usize, event: &'a Event) {
        let Some(reached) = self.guards.get(place) else { return };
        let (guard, trigger, block) = (reached.guard, reached.trigger, reached.block);
        let ready = guard.awaits.iter().all(|id| {
            self.owed.iter().any(|owed| {
                owed.duty.id == *id
                    && owed.block == block
                    && owed.trigger() == trigger.position.get()
                    && self.is_produced(owed)
            })
        });
        if !ready {
            return;
        }
        let inferred = meaning::reads_inferred(&guard.body);
        let truth = self.log.truth(&guard.condition, trigger, inferred);
        if let Some(reached) = self.guards.get_mut(place) {
            reached.decided = Some(truth);
        }
        if truth == Truth::True {
            self.enter(&guard.body, block, trigger, event.effective_time(), event);
        }
    }

    /// Everything that falls strictly before `now` happens, the earliest first.
    fn advance(&mut self, now: Timestamp) {
        while let Some((time, place, alarm)) = self.next_alarm().filter(|(time, ..)| *time < now) {
            match alarm {
                Alarm::Settled => self.open_gap(place, GapKind::Reaction, time),
                Alarm::Deadline => self.miss(place, time),
            }
        }
    }

    fn next_alarm(&self) -> Option<(Timestamp, usize, Alarm)> {
        let alarms = (0..self.owed.len()).filter_map(|place| {
            let owed = self.owed.get(place)?;
            let verdict = owed.verdict;
            if verdict.standing != Standing::Owed {
                return None;
            }
            let settled = self.gap_from(place).filter(|_| verdict.gap.is_none() && !verdict.missed);
            let deadline = verdict.due.filter(|_| !verdict.missed);
            match (settled, deadline) {
                (Some(settled), Some(due)) if settled >= due => Some((due, place, Alarm::Deadline)),
                (Some(settled), _) => Some((settled, place, Alarm::Settled)),
                (None, due) => Some((due?, place, Alarm::Deadline)),
            }
        });
        alarms.min_by_key(|&(time, place, _)| (time, self.order(place)))
    }

    fn miss(&mut self, place: usize, due: Timestamp) {
        let Some(owed) = self.owed.get_mut(place) else { return };
        owed.verdict.missed = true;
        let (duty, block, trigger) = (owed.duty, owed.block, owed.trigger);
        let Some(fallback) = &duty.fallback else {
            self.open_gap(place, GapKind::Temporal, due);
            return;
        };
        self.end(place, Standing::Lapsed, GapOutcome::Lapsed);
        let next = self.owe(fallback, block, trigger, due);
        if let Some(owed) = self.owed.get_mut(place) {
            owed.replaced_by = Some(next);
        }
        if let Some(owed) = self.owed.get_mut(next) {
            owed.replaces = Some(place);
        }
    }

    /// A person's word ends what is owed.
    fn control(&mut self, event: &Event) {
        let text = |name| match event.event.data.get(name) {
            Some(Value::Text(text)) => Some(text.to_owned()),
            _ => None,
        };
        if event.event.r#type != "gap.decided" || text("decision").as_deref() != Some("waive") {
            return;
        }
        let named = |owed: &Owed<'_>| format!("{}@{}", owed.duty.slug, owed.trigger());
        let gap = text("gap");
        let place = self
            .owed
            .iter()
            .position(|owed| owed.verdict.standing == Standing::Owed && Some(named(owed)) == gap);
        if let Some(place) = place {
            self.end(place, Standing::Waived, GapOutcome::Waived);
        }
    }
}

impl Owed<'_> {
    fn trigger(&self) -> u64 {
        self.trigger.position.get()
    }
}

impl Reached<'_> {
    fn trigger(&self) -> u64 {
        self.trigger.position.get()
    }
}

/// The place of a guard among all guards, outer before inner, in the order of the text.
fn guard_number(spec: &Spec, guard: &Guard) -> u32 {
    fn walk(items: &[Item], guard: &Guard, count: &mut u32) -> bool {
        items.iter().any(|item| {
            let Item::Guard(found) = item else { return false };
            if std::ptr::eq(found, guard) {
                return true;
            }
            *count += 1;
            walk(&found.body, guard, count)
        })
    }
    let mut count = 0;
    let found = spec.blocks.iter().any(|block| walk(&block.body, guard, &mut count));
    assert!(found, "a guard that was reached is in the spec");
    count
}

/// The instant `length` after `start`, by another calendar than the evaluator's.
fn after(start: Timestamp, length: Length) -> Timestamp {
    let micros = Duration::from_micros(length.micros);
    if length.months == 0 {
        return start + micros;
    }
    let moved = jiff::Timestamp::from_microsecond(start.as_micros()).and_then(|start| {
        let months = jiff::Span::new().try_months(length.months)?;
        start.to_zoned(jiff::tz::TimeZone::UTC).checked_add(months)
    });
    moved.map_or(Timestamp::MAX, |it| Timestamp::from_micros(it.timestamp().as_microsecond()))
        + micros
}
