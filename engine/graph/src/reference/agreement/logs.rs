//! Logs, drawn so that keys, times and types collide: events in and out of time, enrichments,
//! tombstones, samples, reports, people's words, downtimes, and new versions of the spec.
//!
//! In: [`Dice`] and a spec. Out: steps.
//! Never: a position or a recorded time that goes back, or an enrichment of nothing.
//! Start reading at [`Telling::steps`].

use homeostat_intent::lowered::Spec;
use homeostat_log::{Actor, Confidence, Data, Event, EventName, Kind, Link, NewEvent};
use homeostat_world::{Position, Timestamp};
use serde_json::{Value as Json, json};

use super::super::Step;
use super::dice::Dice;
use super::versions::Versions;
use super::words::{Setting, Words};

/// What the drawing of a log keeps track of.
pub(super) struct Telling<'d, 'b> {
    dice: &'d mut Dice<'b>,
    words: Words,
    setting: Setting,
    versions: Versions,
    slugs: Vec<String>,
    now: i64,
    position: u64,
    /// What has been said so far that can be enriched.
    enrichable: Vec<u64>,
    /// Where versions were adopted.
    adopted: Vec<u64>,
}

impl<'d, 'b> Telling<'d, 'b> {
    pub(super) fn new(
        dice: &'d mut Dice<'b>,
        words: Words,
        setting: Setting,
        versions: Versions,
    ) -> Self {
        let slugs = slugs(versions.newest());
        Self {
            dice,
            words,
            setting,
            versions,
            slugs,
            now: setting.start,
            position: 0,
            enrichable: Vec::new(),
            adopted: Vec::new(),
        }
    }

    pub(super) fn steps(mut self) -> Vec<Step> {
        let unit = self.setting.unit;
        let mut steps = Vec::new();
        for _ in 0..4 + self.dice.below(24) {
            self.now += self.dice.one(&[0, 0, unit / 2, unit, unit + 1, 2 * unit]);
            let was_down = self.words.ticks && self.dice.chance(8);
            if was_down {
                self.now += self.dice.one(&[3, 8, 30]) * unit;
            }
            self.position += 1;
            if was_down || self.words.ticks && self.dice.chance(5) {
                steps.push(Step::Resume(self.instant()));
            } else if self.dice.chance(80) {
                steps.push(Step::Advance(self.instant()));
            }
            let (event, version) = self.happening();
            steps.push(Step::Event(Box::new(event)));
            steps.extend(version.map(|version| Step::Evolve(Box::new(version))));
        }
        if self.dice.chance(80) {
            self.now += self.dice.one(&[0, 1, 3 * unit, 5 * unit + 1, 26 * unit]);
            steps.push(Step::Advance(self.instant()));
        }
        steps
    }

    fn instant(&self) -> Timestamp {
        Timestamp::from_micros(self.now)
    }

    /// One event, and the version of the spec that it adopts, if it does.
    fn happening(&mut self) -> (Event, Option<Spec>) {
        let Words { assertions, contract, tombstones, evolution, .. } = self.words;
        let words_of_people = if assertions || evolution { 9 } else { 5 };
        if evolution && self.dice.chance(15) {
            let version = self.versions.next(self.dice);
            self.slugs.extend(slugs(&version));
            let event = self.control("intent.evolved", &json!({ "by": "ann" }));
            self.adopted.push(self.position);
            (event, Some(version))
        } else if !self.adopted.is_empty() && self.dice.chance(20) {
            (self.word(), None)
        } else if self.dice.chance(words_of_people) {
            (self.waiver(), None)
        } else if (assertions && self.dice.chance(12)) || (contract && self.dice.chance(10)) {
            (self.report(), None)
        } else if tombstones && self.dice.chance(10) {
            (self.erasure(), None)
        } else {
            (self.event(), None)
        }
    }

    /// The name that an obligation might have.
    fn obligation(&mut self) -> String {
        let place = self.dice.below(self.slugs.len().max(1) as u64);
        let slug = usize::try_from(place).ok().and_then(|place| self.slugs.get(place));
        let slug = slug.map_or("d1", String::as_str).to_owned();
        let position = 1 + self.dice.below(self.position);
        let bound = if self.words == Words::PLAIN || self.dice.chance(60) {
            ""
        } else {
            self.dice.one(&["~o1", "~7", "~c1", "~-2"])
        };
        format!("{slug}@{position}{bound}")
    }

    fn waiver(&mut self) -> Event {
        let gap = self.obligation();
        let decision = self.dice.one(&["waive", "waive", "waive", "retry"]);
        let word = json!({ "gap": gap, "decision": decision, "by": "ann", "reason": "" });
        self.control("gap.decided", &word)
    }

    /// What a person says about what a version asks of the past.
    fn word(&mut self) -> Event {
        let adopted = self.dice.one(&self.adopted);
        let decision = self.dice.one(&["backfill", "waive"]);
        let gap = format!("backfill@{adopted}");
        let word = json!({ "gap": gap, "decision": decision, "by": "ann", "reason": "" });
        self.control("gap.decided", &word)
    }

    fn report(&mut self) -> Event {
        let of = self.dice.one(&["order/o1", "order/7", "customer/c1", "customer/-2", ""]);
        let instance = if of.is_empty() { Json::Null } else { of.into() };
        let holds = self.dice.chance(40);
        let report =
            json!({ "check": "looks", "instance": instance, "holds": holds, "detail": "" });
        if self.words.contract && self.dice.chance(60) {
            return self.answer();
        }
        self.control("check.reported", &report)
    }

    /// What a checker says of the system as a whole; it may be unable to tell.
    fn answer(&mut self) -> Event {
        let check = if self.dice.chance(20) {
            "event_log_intact".to_owned()
        } else {
            let invariants = &self.versions.newest().invariants;
            let named: Vec<&str> = invariants.iter().filter_map(|it| it.reported_as()).collect();
            let place = usize::try_from(self.dice.below(named.len().max(1) as u64));
            let check = place.ok().and_then(|place| named.get(place));
            check.map_or("d1", |check| check).to_owned()
        };
        let holds = self.dice.one(&[Some(true), Some(false), Some(false), None]);
        let answer = json!({ "check": check, "instance": null, "holds": holds, "detail": "" });
        self.control("check.reported", &answer)
    }

    fn control(&mut self, name: &str, payload: &Json) -> Event {
        let mut event = bare(self.position, self.now, name, payload);
        event.event.kind = Kind::Control;
        event.event.actor = Actor::Engine;
        event
    }

    fn erasure(&mut self) -> Event {
        let name = self.dice.one(&["customer.erased", "order.erased", "key.shredded", "done"]);
        let mut event = bare(self.position, self.now, name, &json!({}));
        event.event.kind = Kind::Tombstone;
        let subjects = ["order/o1", "order/7", "customer/c1", "customer/c1", "customer/-2"];
        event.event.subject = Some(self.dice.one(&subjects).to_owned());
        event
    }

    fn event(&mut self) -> Event {
        let name = self.name();
        let payload = self.payload();
        let mut event = bare(self.position, self.now, name, &payload);
        let inner = &mut event.event;
        if self.dice.chance(20) {
            let subjects = ["order/o1", "order/7", "customer/c1", "customer/-2", "odd"];
            inner.subject = Some(self.dice.one(&subjects).to_owned());
        }
        inner.enriches = if self.dice.chance(10) { self.link() } else { None };
        inner.kind = match &inner.enriches {
            Some(_) => Kind::Enrichment,
            None if self.words.tombstones && self.dice.chance(5) => Kind::Tombstone,
            None => Kind::Primary,
        };
        if inner.kind != Kind::Tombstone {
            self.enrichable.push(self.position);
        }
        if self.dice.chance(15) {
            let cause = self.obligation();
            inner.cause =
                Some(if self.dice.chance(10) { "no obligation".to_owned() } else { cause });
        }
        if self.dice.chance(20) {
            inner.actor = Actor::Agent("a1".to_owned());
        }
        if self.dice.chance(30) {
            let unit = self.setting.unit;
            let late = self.dice.one(&[-1, 1, unit / 2, unit, 2 * unit, 6 * unit, -2 * unit]);
            inner.time = Timestamp::from_micros(self.now - late);
        }
        event
    }

    /// To an event before this one, as the log completes it. None when there is none.
    fn link(&mut self) -> Option<Box<Link>> {
        let place = self.dice.below(self.enrichable.len().max(1) as u64);
        let source = usize::try_from(place).ok().and_then(|place| self.enrichable.get(place))?;
        let confidence = self.dice.one(&[0, 1, 500_000, 950_000, 1_000_000]);
        Some(Box::new(Link {
            position: Some(Position::new(*source)),
            name: Some(EventName { source: SOURCE.to_owned(), id: id(*source) }),
            confidence: Confidence::from_millionths(confidence)?,
        }))
    }

    fn name(&mut self) -> &'static str {
        if self.words.contract && self.dice.chance(25) {
            return "speed.sampled";
        }
        if self.words.tombstones && self.dice.chance(3) {
            return "key.shredded";
        }
        if self.words != Words::PLAIN && self.dice.chance(8) {
            return "customer.created";
        }
        self.dice.one(&[
            "order.created",
            "order_logged",
            "order.moved",
            "order.moved",
            "score.updated",
            "score.updated",
            "customer.changed",
            "Customer CHANGED by STAFF",
            "customer.renamed",
            "done",
            "done",
            "finished",
            "done.again",
            "access.granted",
            "access.revoked",
            "elsewhere",
        ])
    }

    fn payload(&mut self) -> Json {
        let numbers = [1.into(), 1.5.into(), 2.into(), 2.0.into(), 3.into(), Json::Null];
        let text = |texts: &[&str]| texts.iter().map(|&t| t.into()).collect::<Vec<Json>>();
        let mut json = serde_json::Map::new();
        let mut put = |percent: u64, name: &str, values: &[Json]| {
            if self.dice.chance(percent) {
                let place = usize::try_from(self.dice.below(values.len() as u64)).unwrap_or(0);
                json.insert(name.to_owned(), values.get(place).cloned().unwrap_or_default());
            }
        };
        put(75, "order", &["o1".into(), "o1".into(), "7".into(), 7.into()]);
        put(75, "customer", &["c1".into(), "c1".into(), "-2".into(), (-2.0).into()]);
        put(10, "who", &[1.into(), "c1".into(), "-2".into(), Json::Null]);
        put(40, "note", &text(&["n1", "n2", ""]));
        put(60, "value", &numbers);
        put(40, "level", &numbers);
        put(40, "amount", &numbers);
        put(30, "vip", &[true.into(), false.into(), json!([]), json!([1])]);
        if self.words.contract {
            put(50, "speed", &[1.into(), 1.5.into(), 2.into(), 3.into(), "fast".into()]);
        }
        if self.words.ticks {
            let times = text(&["01:30", "02:15:30", "00:00", "22:45", "23:30", "9:30", "24:00"]);
            put(35, "at", &times);
            put(15, "time_zone", &text(&["Europe/London", "Pacific/Apia", "Nowhere", "UTC"]));
        }
        Json::Object(json)
    }
}

/// Who tells all of it.
const SOURCE: &str = "cases";

/// How the teller calls the event at a position.
pub(super) fn id(position: u64) -> String {
    format!("e{position}")
}

/// Every name that a gap may begin with.
fn slugs(spec: &Spec) -> Vec<String> {
    let duties = spec.duties().map(|duty| &duty.slug);
    let assertions = spec.assertions.iter().map(|assertion| &assertion.slug);
    let invariants = spec.invariants.iter().map(|invariant| &invariant.slug);
    let targets = spec.targets.iter().map(|target| &target.slug);
    duties.chain(assertions).chain(invariants).chain(targets).cloned().collect()
}

fn bare(position: u64, now: i64, name: &str, payload: &Json) -> Event {
    let data = match Data::from_json(payload) {
        Ok(data) => data,
        Err(error) => unreachable!("{payload}: {error}"),
    };
    Event {
        position: Position::new(position),
        recorded: Timestamp::from_micros(now),
        event: NewEvent {
            id: id(position),
            source: SOURCE.to_owned(),
            kind: Kind::Primary,
            r#type: name.to_owned(),
            time: Timestamp::from_micros(now),
            subject: None,
            cause: None,
            actor: Actor::World,
            depth: 0,
            enriches: None,
            data,
        },
    }
}
