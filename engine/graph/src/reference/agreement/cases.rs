//! A spec and what happens under it: drawn, shuffled, repeated, made smaller.
//!
//! In: [`Dice`]. Out: a [`Case`].
//! Never: draws from anything but the dice. Start reading at [`Case::generate`].

use std::collections::BTreeMap;

use homeostat_intent::lowered::Spec;
use homeostat_log::{Data, Event, Kind, Link, NewEvent};
use homeostat_world::{Position, Timestamp};

use super::super::{Step, evaluate};
use super::dice::Dice;
use super::drawing::Drawing;
use super::fewer;
use super::logs::{self, Telling};
use super::versions::Versions;
use super::words::{Setting, Words};

/// A spec and what happens under it.
#[derive(Clone, Debug)]
pub struct Case {
    /// The spec.
    pub spec: Spec,
    /// What happens, in order.
    pub steps: Vec<Step>,
}

impl Case {
    /// A spec of the drawer's own, and a log for it.
    #[must_use]
    pub fn generate(dice: &mut Dice<'_>) -> Self {
        Self::of(Words::ALL, dice)
    }

    /// The same with some constructs only.
    #[must_use]
    pub fn of(allowed: Words, dice: &mut Dice<'_>) -> Self {
        let words = allowed.draw(dice);
        let setting = Setting::draw(words, dice);
        let mut drawing = Drawing::new(dice, words, setting);
        let spec = drawing.spec();
        let versions = Versions::new(spec.clone(), drawing.clauses, words, setting);
        let steps = Telling::new(dice, words, setting, versions).steps();
        let case = Self { spec, steps };
        if words != Words::PLAIN && dice.chance(60) { case.aimed(dice) } else { case }
    }

    /// A log for a given spec. It speaks of orders, customers and scores: whatever else the spec
    /// knows never happens.
    #[must_use]
    pub fn under(spec: Spec, dice: &mut Dice<'_>) -> Self {
        let words = Words { evolution: false, ..Words::ALL };
        let setting = Setting::under(&spec, dice);
        let versions = Versions::new(spec.clone(), 0, words, setting);
        let steps = Telling::new(dice, words, setting, versions).steps();
        Self { spec, steps }
    }

    /// This case with causes, and words of people, that are about gaps which there really are.
    fn aimed(mut self, dice: &mut Dice<'_>) -> Self {
        let verdicts = evaluate(&self.spec, &self.steps);
        let names: Vec<String> =
            verdicts.obligations.keys().map(|(text, slug)| format!("{slug}@{text}")).collect();
        if names.is_empty() {
            return self;
        }
        // There is one question for many gaps, and only a word about it answers it.
        let asked = |name: &&String| name.starts_with("backfill@");
        let questions: Vec<String> = names.iter().filter(asked).cloned().collect();
        for event in self.events_mut() {
            let is_word = event.event.r#type == "gap.decided";
            let ask = is_word && !questions.is_empty() && dice.chance(50);
            let among = if ask { &questions } else { &names };
            let place = usize::try_from(dice.below(among.len() as u64)).unwrap_or(0);
            let name = among.get(place).cloned().unwrap_or_default();
            if event.event.cause.is_some() && dice.chance(60) {
                event.event.cause = Some(name);
            } else if is_word && dice.chance(80) {
                let is_backfill = name.starts_with("backfill@") && dice.chance(50);
                let decision = if is_backfill { "backfill" } else { "waive" };
                let word = serde_json::json!({ "gap": name, "decision": decision, "by": "ann" });
                event.event.data = Data::from_json(&word).unwrap_or_default();
            }
        }
        self
    }

    /// Where to stop and restore: one place, a few, or all.
    #[must_use]
    pub fn restarts(&self, dice: &mut Dice<'_>) -> Vec<usize> {
        let every = dice.one(&[1, 3, 8, 1_000]);
        (0..self.steps.len()).filter(|_| dice.below(every) == 0).collect()
    }

    /// This case with its events in another order of arrival. What happened when is the same, so
    /// some of it is told late. What adopts a version stays in its place, and an enrichment is told
    /// again once what it enriches has come, since the log refuses it before.
    #[must_use]
    pub fn shuffled(&self, dice: &mut Dice<'_>) -> Self {
        let mut arrivals: Vec<NewEvent> = self.told().map(|it| it.event.clone()).collect();
        for place in (1..arrivals.len()).rev() {
            let other = dice.below(place as u64 + 1);
            arrivals.swap(place, usize::try_from(other).unwrap_or(place));
        }
        let mut case = self.clone();
        let moved = case.events_mut().filter(|event| !adopts(event));
        for (step, arrival) in moved.zip(accepted(arrivals)) {
            step.event = arrival;
        }
        case.numbered()
    }

    /// This case with some of its events told again, as new events of the same content.
    #[must_use]
    pub fn repeated(&self, dice: &mut Dice<'_>) -> Self {
        let mut case = self.clone();
        let told: Vec<NewEvent> = self.told().map(|it| it.event.clone()).collect();
        let places: Vec<usize> = (0..self.steps.len())
            .filter(|&place| match self.steps.get(place) {
                Some(Step::Event(event)) => !adopts(event),
                _ => false,
            })
            .collect();
        for _ in 0..dice.below(4) {
            if told.is_empty() {
                break;
            }
            let first = usize::try_from(dice.below(told.len() as u64)).unwrap_or(0);
            let again =
                first + usize::try_from(dice.below((told.len() - first) as u64)).unwrap_or(0);
            let place = places.get(again).copied().unwrap_or(0);
            if let (Some(event), Some(Step::Event(at))) = (told.get(first), self.steps.get(place)) {
                let copy = Event { event: event.clone(), ..(**at).clone() };
                case.steps.insert(place + 1, Step::Event(Box::new(copy)));
            }
        }
        case.numbered()
    }

    /// What is appended, in order.
    pub fn events(&self) -> impl Iterator<Item = &Event> {
        self.steps.iter().filter_map(|step| match step {
            Step::Event(event) => Some(&**event),
            Step::Advance(_) | Step::Resume(_) | Step::Evolve(_) => None,
        })
    }

    /// The same without what adopts versions.
    fn told(&self) -> impl Iterator<Item = &Event> {
        self.events().filter(|event| !adopts(event))
    }

    fn events_mut(&mut self) -> impl Iterator<Item = &mut Event> {
        self.steps.iter_mut().filter_map(|step| match step {
            Step::Event(event) => Some(&mut **event),
            Step::Advance(_) | Step::Resume(_) | Step::Evolve(_) => None,
        })
    }

    /// Positions without holes, ids without repeats, recorded times that never go back, nor behind
    /// how far time has come; and enrichments of the same events as before.
    fn numbered(mut self) -> Self {
        let mut latest = Timestamp::MIN;
        let mut position = Position::ZERO;
        // Of what is told twice the first counts.
        let mut places: BTreeMap<String, Position> = BTreeMap::new();
        for step in &mut self.steps {
            match step {
                Step::Advance(now) | Step::Resume(now) => latest = latest.max(*now),
                Step::Evolve(_) => {}
                Step::Event(event) => {
                    position = position.next();
                    latest = latest.max(event.recorded);
                    event.position = position;
                    event.recorded = latest;
                    let inner = &mut event.event;
                    let told = std::mem::replace(&mut inner.id, logs::id(position.get()));
                    places.entry(told).or_insert(position);
                    let link = inner.enriches.as_deref_mut();
                    if let Some(Link { position, name: Some(name), .. }) = link
                        && let Some(place) = places.get(&name.id)
                    {
                        name.id = logs::id(place.get());
                        *position = Some(*place);
                    }
                }
            }
        }
        self
    }

    /// This case with one thing less, in every way.
    #[must_use]
    pub fn smaller(&self) -> Vec<Self> {
        let mut found = Vec::new();
        for (place, step) in self.steps.iter().enumerate() {
            if let Some(without) = self.without(place) {
                found.push(without);
            }
            let smaller: Vec<Step> = match step {
                Step::Event(event) => {
                    let events = fewer::events(event);
                    events.into_iter().map(|event| Step::Event(Box::new(event))).collect()
                }
                Step::Evolve(spec) => {
                    let specs = fewer::specs(spec);
                    specs.into_iter().map(|spec| Step::Evolve(Box::new(spec))).collect()
                }
                Step::Resume(now) => vec![Step::Advance(*now)],
                Step::Advance(_) => Vec::new(),
            };
            for step in smaller {
                let mut case = self.clone();
                if let Some(place) = case.steps.get_mut(place) {
                    *place = step;
                }
                found.push(case);
            }
        }
        let specs = fewer::specs(&self.spec);
        found.extend(specs.into_iter().map(|spec| Self { spec, ..self.clone() }));
        found
    }

    /// This case without a step; without the version that it adopts, if it does.
    fn without(&self, place: usize) -> Option<Self> {
        let mut case = self.clone();
        match self.steps.get(place)? {
            Step::Evolve(_) => return None,
            Step::Event(event) if adopts(event) => {
                if let Some(Step::Evolve(_)) = case.steps.get(place + 1) {
                    case.steps.remove(place + 1);
                }
            }
            _ => {}
        }
        case.steps.remove(place);
        Some(case)
    }
}

/// In the order in which a log takes them: what enriches an event that has not come yet is told
/// again right behind it.
fn accepted(arrivals: Vec<NewEvent>) -> Vec<NewEvent> {
    let mut early: Vec<NewEvent> = Vec::new();
    let mut taken: Vec<NewEvent> = Vec::new();
    for arrival in arrivals {
        if !follows(&arrival, &taken) {
            early.push(arrival);
            continue;
        }
        taken.push(arrival);
        // Bounded: each round takes one of those that came too early.
        while let Some(place) = early.iter().position(|event| follows(event, &taken)) {
            taken.push(early.remove(place));
        }
    }
    assert!(early.is_empty(), "every enrichment has its source in the case");
    taken
}

/// Whether what an event enriches, if it does, is among those before it.
fn follows(event: &NewEvent, before: &[NewEvent]) -> bool {
    let source = event.enriches.as_ref().and_then(|link| link.name.as_ref());
    source.is_none_or(|source| before.iter().any(|event| event.id == source.id))
}

fn adopts(event: &Event) -> bool {
    event.event.kind == Kind::Control && event.event.r#type == "intent.evolved"
}
