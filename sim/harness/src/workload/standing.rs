//! Stories about what stands rather than happens: conditions that last, instances that violate what must
//! always hold and are put right, samples, erasure, and what is only inferred.
//!
//! In: a spec, its shapes, chance. Out: more [`Moment`](super::story::Moment)s.
//! Never: decides whether a condition is true; values lie around what it compares with, so that it
//! now is and now is not.
//! Promise: what has to last ends before, in, and after the microsecond in which it has lasted, and
//! never, each now and then. Start reading at [`topics`] and [`Teller::topic`].

use std::collections::{BTreeMap, BTreeSet};

use homeostat_intent::Spec;
use homeostat_intent::lowered::{
    Assertion, Block, Check, Condition, Expr, Goal, Held, Item, Metric, Proposition, State, Trigger,
};
use homeostat_log::Kind;
use serde_json::{Map, Value as Json};

use super::Wants;
use super::shape::{each_expr, each_path};
use super::story::{Ids, SECOND, Scene, Teller, micros};

/// What a story can be about.
#[derive(Clone, Copy, Debug)]
pub(super) enum Topic<'s> {
    Block(&'s Block),
    Assertion(&'s Assertion),
    Metric(&'s Metric),
}

/// Everything in a spec that a story can be about.
pub(super) fn topics(spec: &Spec) -> Vec<Topic<'_>> {
    let is_bounded = |metric: &&Metric| {
        let measured = spec.invariants.iter().any(
            |it| matches!(&it.says, Proposition::Metric { metric: of, .. } if *of == metric.name),
        );
        let budget = |goal: &Goal| matches!(goal, Goal::Budget(_));
        measured || spec.targets.iter().any(|it| it.metric == metric.name && budget(&it.goal))
    };
    let blocks = spec.blocks.iter().map(Topic::Block);
    let metrics = spec.metrics.iter().filter(is_bounded).map(Topic::Metric);
    blocks.chain(spec.assertions.iter().map(Topic::Assertion)).chain(metrics).collect()
}

/// The entities whose instances something in the spec looks at by itself.
pub(super) fn watched(spec: &Spec) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for block in &spec.blocks {
        found.extend(block.trigger.bound().map(str::to_owned));
        quantified(&block.body, &mut found);
    }
    found.extend(spec.assertions.iter().filter_map(|it| it.over.clone()));
    found
}

fn quantified(items: &[Item], into: &mut BTreeSet<String>) {
    for item in items {
        match item {
            Item::Duty(_) => {}
            Item::Guard(guard) => quantified(&guard.body, into),
            Item::ForEach(each) => {
                into.insert(each.entity.clone());
                quantified(&each.body, into);
            }
        }
    }
}

/// The conditions of an assertion.
pub(super) fn conditions(assertion: &Assertion) -> Vec<&Condition> {
    let own = match &assertion.check {
        Check::Holds(condition) | Check::NoLonger { condition, .. } => Some(condition),
        _ => None,
    };
    assertion.filter.iter().chain(own).collect()
}

/// Times of the day that lie in the run, on the clocks of zones that are whole hours from UTC.
pub(super) fn times(wants: &Wants) -> Vec<Json> {
    const DAY: i64 = 86_400;
    let (begins, lasts) = (wants.start.as_micros() / SECOND, wants.active.as_micros() / SECOND);
    let mut times = Vec::new();
    for hours in [0, 1, 10, 11] {
        for part in [lasts / 5, lasts / 2, lasts * 4 / 5] {
            let second = (begins + part + hours * 3_600).rem_euclid(DAY);
            let (hour, minute, second) = (second / 3_600, second / 60 % 60, second % 60);
            times.push(Json::from(format!("{hour:02}:{minute:02}:{second:02}")));
        }
    }
    times
}

impl Teller<'_> {
    /// A story about `topic`.
    pub(super) fn topic(&mut self, spec: &Spec, topic: &Topic<'_>) {
        match topic {
            Topic::Block(block) => match &block.trigger {
                Trigger::Events(_) => self.story(block),
                Trigger::Held(held) => self.held(spec, block, held),
                Trigger::Every(_) => self.calendar(block),
            },
            Topic::Assertion(assertion) => self.assertion(spec, assertion),
            Topic::Metric(metric) => self.samples(metric),
        }
    }

    /// Now and then, beside a story: something is inferred about an event, or somebody is erased.
    pub(super) fn aside(&mut self, spec: &Spec) {
        let watched: Vec<String> = watched(spec).into_iter().collect();
        let infers = !spec.assertions.is_empty() || spec.duties().any(|duty| duty.using_inferred);
        if infers && self.draw.percent(10) {
            self.infer();
        }
        if self.draw.percent(7)
            && let Some(entity) = self.draw.one_of(&watched).cloned()
        {
            let sent = self.draw.between(0, self.active());
            self.erase(&entity, sent);
        }
    }

    /// A condition that has to last, and what follows when it has.
    fn held(&mut self, spec: &Spec, block: &Block, held: &Held) {
        let lasting = micros(held.lasting);
        let (ids, began, sent) = self.episode(spec, &held.entity, &[&held.condition], lasting);
        let time = began.saturating_add(lasting);
        let sent = time.max(sent);
        let mut scene = Scene { ids, time, sent, data: Map::new(), done: BTreeMap::new() };
        self.after(&block.body, time, &mut scene);
    }

    /// What a block that the calendar opens looks at, and what follows at some time in the run.
    fn calendar(&mut self, block: &Block) {
        let mut entities = BTreeSet::from_iter(block.trigger.bound().map(str::to_owned));
        quantified(&block.body, &mut entities);
        let time = self.draw.between(0, self.active());
        let mut ids = Ids::new();
        for entity in entities {
            ids.insert(entity.clone(), self.id(&entity));
            let early = (time - self.draw.between(0, 20 * SECOND)).max(0);
            self.change(&entity, &ids, early, early);
        }
        let mut scene = Scene { ids, time, sent: time, data: Map::new(), done: BTreeMap::new() };
        self.after(&block.body, time, &mut scene);
    }

    /// An instance that may violate an assertion, and may be put right.
    fn assertion(&mut self, spec: &Spec, assertion: &Assertion) {
        let Some(entity) = &assertion.over else { return self.noise() };
        match &assertion.check {
            Check::Holds(_) => {
                let lasting = self.draw.between(SECOND, self.active() / 2 + SECOND);
                self.episode(spec, entity, &conditions(assertion), lasting);
            }
            Check::NoLonger { longest, .. } => {
                self.episode(spec, entity, &conditions(assertion), micros(*longest));
            }
            Check::NeverInFuture => {
                let sent = self.draw.between(0, self.active());
                let ids = Ids::from([(entity.clone(), self.id(entity))]);
                let ahead = self.draw.between(1, 30 * SECOND);
                self.change(entity, &ids, sent.saturating_add(ahead), sent);
            }
            Check::Shredded { by } => {
                let sent = self.draw.between(0, self.active() / 2);
                let id = self.erase(entity, sent);
                if self.draw.percent(60)
                    && let Some(event) = self.draw.one_of(by).cloned()
                {
                    let later = self.draw.between(sent, self.active());
                    let ids = Ids::from([(entity.clone(), id)]);
                    self.tell(&event, &ids, Some(later), later, Map::new());
                }
            }
            Check::Immutable | Check::Reported { .. } => {
                let ids = Ids::from([(entity.clone(), self.id(entity))]);
                if let Check::Reported { checker } = &assertion.check {
                    self.hearsay(checker, entity, &ids);
                }
                for _ in 0..2 {
                    let sent = self.draw.between(0, self.active());
                    self.change(entity, &ids, sent, sent);
                }
            }
        }
    }

    /// Somebody who is no checker says what one would: an event like any other.
    fn hearsay(&mut self, checker: &str, entity: &str, ids: &Ids) {
        let Some(id) = ids.get(entity) else { return };
        let sent = self.draw.between(0, self.active());
        let says = [
            ("check", Json::from(checker)),
            ("instance", Json::from(format!("{entity}/{id}"))),
            ("holds", Json::from(false)),
            ("detail", Json::from("somebody says so")),
        ];
        let says = says.map(|(name, value)| (name.to_owned(), value)).into_iter().collect();
        self.tell("check.reported", ids, Some(sent), sent, says);
    }

    /// What makes a condition true of an instance, perhaps, and what may end that about `lasting`
    /// later. Whose it is, when it began and when that was told.
    fn episode(
        &mut self,
        spec: &Spec,
        entity: &str,
        conditions: &[&Condition],
        lasting: i64,
    ) -> (Ids, i64, i64) {
        let sent = self.draw.between(0, self.active().saturating_mul(4) / 5);
        let room = self.active().saturating_sub(sent).max(1);
        let began = if lasting > room && self.draw.percent(75) {
            sent - lasting + self.draw.between(1, room)
        } else if self.draw.percent(15) {
            sent - self.draw.between(0, lasting)
        } else {
            sent
        };
        let ids = Ids::from([(entity.to_owned(), self.id(entity))]);
        let states = states(spec, entity, conditions);
        self.change(entity, &ids, began, sent);
        for state in &states {
            if let Some(event) = self.draw.one_of(&state.from).cloned() {
                self.tell(&event, &ids, Some(began), sent, Map::new());
            }
        }
        let edges = [0, 0, 1, -1, SECOND, -lasting / 2];
        let by = self.draw.one_of(&edges).copied().unwrap_or(0);
        let ends = began.saturating_add(lasting).saturating_add(by);
        if self.draw.percent(70) && ends <= self.active() {
            let sent = ends.max(sent);
            for state in &states {
                if let Some(event) = self.draw.one_of(&state.until).cloned() {
                    self.tell(&event, &ids, Some(ends), sent, Map::new());
                }
            }
            if states.is_empty() || self.draw.percent(30) {
                self.change(entity, &ids, ends, sent);
            }
        }
        (ids, began, sent)
    }

    /// An event about the instance of `entity`.
    fn change(&mut self, entity: &str, ids: &Ids, time: i64, sent: i64) {
        let types = self.shapes.about(entity);
        let plain = format!("{entity}.changed");
        let event = match self.draw.one_of(&types) {
            Some(event) if self.draw.percent(30) => event.clone(),
            _ => plain,
        };
        self.tell(&event, ids, Some(time), sent, Map::new());
    }

    /// Several samples of a metric.
    fn samples(&mut self, metric: &Metric) {
        for _ in 0..self.draw.count(1, 3) {
            let Some(event) = self.draw.one_of(&metric.samples).cloned() else { return };
            let sent = self.draw.between(0, self.active());
            let ids = self.ids(&event);
            self.tell(&event, &ids, Some(sent), sent, Map::new());
        }
    }

    /// An instance of `entity` is erased, by the event that the spec has for it if it has one. Which
    /// instance.
    fn erase(&mut self, entity: &str, sent: i64) -> String {
        let erases = |name: &String| {
            ["erased", "deleted", "forgotten"].iter().any(|word| name.ends_with(word))
        };
        let known = self.shapes.about(entity).into_iter().find(erases);
        let event = known.unwrap_or_else(|| format!("{entity}.erased"));
        let id = self.id(entity);
        let mut data = Map::new();
        data.insert(entity.to_owned(), Json::from(id.as_str()));
        let ids = Ids::from([(entity.to_owned(), id.clone())]);
        self.tell(&event, &ids, Some(sent), sent, data);
        if let Some(told) = self.told.last_mut() {
            told.kind = Kind::Tombstone;
            told.subject = Some(format!("{entity}/{id}"));
        }
        id
    }

    /// Somebody infers more about an event that was told, and says how sure that is.
    fn infer(&mut self) {
        let count = u64::try_from(self.told.len()).unwrap_or(0);
        let nth = usize::try_from(self.draw.below(count)).unwrap_or(0);
        let Some(of) = self.told.get(nth).filter(|it| it.kind == Kind::Primary).cloned() else {
            return;
        };
        // By its canonical name, so that it carries what such events do.
        let known = |(name, shape): (&String, &super::shape::Shape)| {
            (*name == of.r#type || shape.aliases.contains(&of.r#type)).then(|| name.clone())
        };
        let Some(event) = self.shapes.types.iter().find_map(known) else { return };
        let mut ids = self.ids(&event);
        for (entity, id) in &mut ids {
            if let Some(own) = of.data.get(entity).and_then(Json::as_str) {
                own.clone_into(id);
            }
        }
        let sent = self.draw.between(of.sent, self.active().max(of.sent));
        let sure = self.draw.one_of(&[0.0, 0.25, 0.8, 0.999_999, 1.0]).copied().unwrap_or(0.5);
        self.tell(&event, &ids, Some(sent), sent, Map::new());
        if let Some(told) = self.told.last_mut() {
            told.kind = Kind::Enrichment;
            told.enriches = Some((nth, sure));
        }
    }
}

/// The states of `entity` that the conditions speak of.
fn states<'s>(spec: &'s Spec, entity: &str, conditions: &[&Condition]) -> Vec<&'s State> {
    let mut named = BTreeSet::new();
    let mut note = |expr: &Expr| {
        each_path(expr, &mut |path| {
            named.extend(path.hops.iter().map(|hop| hop.attribute.clone()));
        });
    };
    conditions.iter().for_each(|condition| each_expr(condition, &mut note));
    let of = spec.entities.iter().filter(|it| it.name == entity);
    of.flat_map(|it| &it.states).filter(|state| named.contains(&state.name)).collect()
}
