//! Stories: a trigger, what came before it, and what became of each of its duties.
//!
//! In: a spec and its shapes, chance. Out: [`Moment`]s. Never: waits for the engine; what agents
//! will do is not known here, so most of their duties are left to them.
//! Promise: deadlines are met exactly, missed by one microsecond, met early, and missed for good,
//! each now and then; a deadline that is longer than the run is met by a trigger that happened
//! before the start. Start reading at [`moments`].

use std::collections::BTreeMap;

use homeostat_intent::Spec;
use homeostat_intent::lowered::{
    Argument, Block, ClauseId, Duty, Expr, Item, Length, Literal, Performer, Role,
};
use homeostat_log::Kind;
use homeostat_world::Duration;
use serde_json::{Map, Value as Json};

use super::shape::{Shape, Shapes, Sort};
use super::standing;
use super::{Draw, Wants};

/// One event, when it happened and when it is sent, in microseconds from the start.
#[derive(Clone, Debug)]
pub(super) struct Moment {
    /// When it happened. None: the client's clock says.
    pub(super) time: Option<i64>,
    /// When it is sent.
    pub(super) sent: i64,
    pub(super) r#type: String,
    pub(super) subject: Option<String>,
    pub(super) data: Map<String, Json>,
    pub(super) kind: Kind,
    /// Of an enrichment: which of the moments it says more about, by its place among them, and how
    /// sure it is.
    pub(super) enriches: Option<(usize, f64)>,
}

/// What becomes of a duty, as far as the world has a hand in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    /// In time, somewhere.
    Met,
    /// In the very last microsecond.
    JustMet,
    /// One microsecond later.
    JustMissed,
    /// Later.
    Late,
    /// An event of the right type about another instance.
    Astray,
    /// Nothing.
    Left,
}

/// Writes about as many moments as are wanted.
pub(super) fn moments(spec: &Spec, shapes: &Shapes, wants: &Wants, draw: &mut Draw) -> Vec<Moment> {
    let events_max = usize::try_from(wants.events).unwrap_or(usize::MAX);
    let pool = if wants.load.hot_key { 2 } else { draw.below(4) + 2 };
    let mut teller = Teller { shapes, wants, draw, pool, fresh: BTreeMap::new(), told: Vec::new() };
    let bursts = if wants.load.bursts { teller.draw.count(1, 2) } else { 0 };
    for _ in 0..bursts {
        teller.burst(spec);
    }
    // Bounded: each turn tells at least one moment.
    let topics = standing::topics(spec);
    while teller.told.len() < events_max {
        match teller.draw.one_of(&topics) {
            Some(topic) if teller.draw.percent(92) => teller.topic(spec, topic),
            _ => teller.noise(),
        }
        teller.aside(spec);
    }
    teller.told.truncate(events_max);
    if wants.load.huge {
        teller.huge();
    }
    teller.told
}

pub(super) struct Teller<'a> {
    pub(super) shapes: &'a Shapes,
    wants: &'a Wants,
    pub(super) draw: &'a mut Draw,
    /// How many instances of each entity there are besides those that are created.
    pool: u64,
    /// How many instances of each entity were created so far.
    fresh: BTreeMap<String, u64>,
    pub(super) told: Vec<Moment>,
}

/// Which instance each entity is in one story.
pub(super) type Ids = BTreeMap<String, String>;

/// A story as far as it is told.
pub(super) struct Scene {
    pub(super) ids: Ids,
    /// When the trigger happened.
    pub(super) time: i64,
    /// When it was sent.
    pub(super) sent: i64,
    /// The trigger's payload.
    pub(super) data: Map<String, Json>,
    /// When the world fulfilled what.
    pub(super) done: BTreeMap<ClauseId, i64>,
}

/// Of so many events that have a subject one says there alone what it is about.
const SUBJECT_ALONE: usize = 7;
pub(super) const SECOND: i64 = 1_000_000;
/// The length of a huge text.
const HUGE_BYTES: usize = 32 << 10;

impl Teller<'_> {
    pub(super) fn active(&self) -> i64 {
        self.wants.active.as_micros()
    }

    /// A trigger and what becomes of its duties.
    pub(super) fn story(&mut self, block: &Block) {
        let Some(trigger) = self.draw.one_of(block.trigger.events()).cloned() else {
            return self.noise();
        };
        let sent = self.draw.between(0, self.active().saturating_mul(4) / 5);
        let time = sent.saturating_sub(self.backdate(block, sent));
        let ids = self.ids(&trigger);
        self.before(block, &ids, time, sent);
        let data = self.tell(&trigger, &ids, Some(time), sent, Map::new());
        let mut scene = Scene { ids, time, sent, data, done: BTreeMap::new() };
        self.after(&block.body, time, &mut scene);
    }

    /// How long before it was sent the trigger happened: so long that one of the block's
    /// deadlines falls into the run, if it would not otherwise.
    fn backdate(&mut self, block: &Block, sent: i64) -> i64 {
        let mut lengths = Vec::new();
        collect_lengths(&block.body, &mut lengths);
        let room = self.active().saturating_sub(sent);
        match self.draw.one_of(&lengths).copied() {
            Some(length) if length > room && self.draw.percent(75) => {
                length.saturating_sub(self.draw.between(1, room.max(1)))
            }
            Some(length) if self.draw.percent(15) => self.draw.between(0, length),
            _ => 0,
        }
    }

    /// What the block's duties require is granted, or not, or taken back; measures have a value
    /// from which they can cross.
    fn before(&mut self, block: &Block, ids: &Ids, time: i64, sent: i64) {
        let mut needed = Vec::new();
        collect_required(&block.body, &mut needed);
        for (from, until) in needed {
            let early = self.draw.between(0, 20 * SECOND);
            if self.draw.percent(65)
                && let Some(event) = self.draw.one_of(&from).cloned()
            {
                self.tell(&event, ids, Some(time - early), (sent - early).max(0), Map::new());
                if self.draw.percent(20)
                    && let Some(event) = self.draw.one_of(&until).cloned()
                {
                    self.tell(
                        &event,
                        ids,
                        Some(time - early / 2),
                        (sent - early / 2).max(0),
                        Map::new(),
                    );
                }
            }
        }
        let mut awaited = Vec::new();
        collect_awaited(&block.body, &mut awaited);
        for event in awaited {
            if self.draw.percent(60) {
                let early = self.draw.between(1, 5 * SECOND);
                self.tell(&event, ids, Some(time - early), (sent - early).max(0), Map::new());
            }
        }
    }

    /// What becomes of the duties of `items`, which were activated at `from`.
    pub(super) fn after(&mut self, items: &[Item], from: i64, scene: &mut Scene) {
        for item in items {
            match item {
                Item::Duty(duty) => self.duty(duty, from, scene),
                Item::ForEach(each) => {
                    // For one of the instances: which there are is not known here.
                    let id = self.id(&each.entity);
                    let before = scene.ids.insert(each.entity.clone(), id);
                    self.after(&each.body, from, scene);
                    if let Some(before) = before {
                        scene.ids.insert(each.entity.clone(), before);
                    }
                }
                Item::Guard(guard) => {
                    // A guard is decided when the last of what it awaits is there. Where agents
                    // bring that, the time is not known here, and a little later is a good guess.
                    let done = guard.awaits.iter().map(|id| scene.done.get(id).copied());
                    let decided =
                        done.map(|time| time.unwrap_or(scene.time + SECOND)).max().unwrap_or(from);
                    self.after(&guard.body, decided.max(from), scene);
                }
            }
        }
    }

    fn duty(&mut self, duty: &Duty, from: i64, scene: &mut Scene) {
        let within = duty.within.map(micros);
        let fate = self.fate(duty.by, within.is_some());
        let usual = within.unwrap_or(10 * SECOND);
        let due = from.saturating_add(usual);
        let time = match fate {
            Fate::Left => None,
            Fate::Met => Some(from + self.draw.between(1, usual.max(1))),
            Fate::Astray => Some(from + self.draw.between(1, usual.max(1))),
            Fate::JustMet => Some(due),
            Fate::JustMissed => Some(due + 1),
            Fate::Late => Some(due + self.draw.between(2, (usual / 2).clamp(2, 60 * SECOND))),
        };
        if let Some(time) = time
            && time <= self.active()
            && let Some(event) = self.draw.one_of(&duty.satisfied_by).cloned()
        {
            let data = self.arguments(duty, scene, fate == Fate::Astray);
            let sent = time.max(scene.sent);
            self.tell(&event, &scene.ids, Some(time), sent, data);
            if fate != Fate::Astray {
                scene.done.insert(duty.id, time);
            }
        }
        if let Some(fallback) = &duty.fallback
            && within.is_some()
            && !matches!(fate, Fate::Met | Fate::JustMet)
        {
            self.duty(fallback, due, scene);
        }
    }

    fn fate(&mut self, by: Performer, has_deadline: bool) -> Fate {
        let left = match by {
            Performer::Agent => 60,
            Performer::System | Performer::Human => 20,
        };
        let edge = if has_deadline { 12 } else { 0 };
        let choices = [
            (Fate::Left, left),
            (Fate::Met, 30),
            (Fate::JustMet, edge),
            (Fate::JustMissed, edge),
            (Fate::Late, edge),
            (Fate::Astray, 6),
        ];
        self.draw.weighted(&choices).unwrap_or(Fate::Left)
    }

    /// The fields by which an event is taken for what `duty` asks.
    fn arguments(&mut self, duty: &Duty, scene: &Scene, astray: bool) -> Map<String, Json> {
        let mut data = Map::new();
        let mut astray = astray;
        for argument in &duty.arguments {
            match &argument.role {
                Role::Key { entity, fields } => {
                    let Some(field) = self.draw.one_of(fields) else { continue };
                    let owed = owed(argument, scene, entity);
                    // One key off is enough to miss.
                    let id = if std::mem::take(&mut astray) {
                        self.other_id(entity, owed.as_deref())
                    } else {
                        owed.unwrap_or_else(|| self.id(entity))
                    };
                    data.insert(field.clone(), Json::from(id));
                }
                Role::Agree { field } => {
                    let value = match &argument.value {
                        Expr::Literal(Literal::Number(it)) => Some(super::shape::number(*it)),
                        Expr::Literal(Literal::Text(text)) | Expr::Symbol(text) => {
                            Some(Json::from(text.as_str()))
                        }
                        Expr::Literal(Literal::Truth(truth)) => Some(Json::from(*truth)),
                        Expr::Path(path) if path.bound && path.hops.is_empty() => {
                            let entity = path.entity.as_ref();
                            entity
                                .and_then(|it| scene.ids.get(it))
                                .map(|id| Json::from(id.as_str()))
                        }
                        Expr::Path(path) if path.hops.is_empty() => {
                            scene.data.get(&path.root).cloned()
                        }
                        _ => None,
                    };
                    if self.draw.percent(10) {
                        data.insert(field.clone(), Json::from("other"));
                    } else if let Some(value) = value
                        && self.draw.percent(50)
                    {
                        data.insert(field.clone(), value);
                    }
                }
                Role::Guidance => {}
            }
        }
        data
    }

    /// Many triggers in one instant.
    fn burst(&mut self, spec: &Spec) {
        let Some(block) = self.draw.one_of(&spec.blocks) else { return };
        let Some(trigger) = self.draw.one_of(block.trigger.events()).cloned() else { return };
        let at = self.draw.between(0, self.active().saturating_mul(4) / 5);
        for _ in 0..self.draw.count(6, 20).min(self.wants.events) {
            let ids = self.ids(&trigger);
            self.tell(&trigger, &ids, Some(at), at, Map::new());
        }
    }

    /// An event by itself: of any type, known or not.
    pub(super) fn noise(&mut self) {
        let sent = self.draw.between(0, self.active());
        let names: Vec<&String> = self.shapes.types.keys().collect();
        let known = self.draw.one_of(&names).map(|name| (*name).clone());
        let name = match known {
            Some(name) if self.draw.percent(80) => name,
            _ => "weather.observed".to_owned(),
        };
        let ids = self.ids(&name);
        let time = self.draw.percent(50).then_some(sent);
        self.tell(&name, &ids, time, sent, Map::new());
    }

    /// One of the events becomes large.
    fn huge(&mut self) {
        let count = u64::try_from(self.told.len()).unwrap_or(0);
        let nth = usize::try_from(self.draw.below(count)).unwrap_or(0);
        if let Some(moment) = self.told.get_mut(nth) {
            moment.data.insert("ballast".to_owned(), Json::from("x".repeat(HUGE_BYTES)));
        }
    }

    /// Which instances a story about an event of that type is about.
    pub(super) fn ids(&mut self, event: &str) -> Ids {
        let mut entities: Vec<String> = Vec::new();
        let shape = self.shapes.types.get(event);
        for sort in shape.iter().flat_map(|shape| shape.fields.values()) {
            if let Sort::Id(entity) = sort {
                entities.push(entity.clone());
            }
        }
        let mut ids: Ids = entities.into_iter().map(|it| (it.clone(), self.id(&it))).collect();
        if let Some(Shape { entity: Some(entity), creates: true, .. }) = shape
            && self.draw.percent(75)
        {
            let count = self.fresh.entry(entity.clone()).or_default();
            *count += 1;
            ids.insert(entity.clone(), format!("{entity}-new-{count}"));
        }
        ids
    }

    pub(super) fn id(&mut self, entity: &str) -> String {
        let hot = self.wants.load.hot_key && self.draw.percent(85);
        let nth = if hot { 1 } else { self.draw.below(self.pool) + 1 };
        format!("{entity}-{nth}")
    }

    fn other_id(&mut self, entity: &str, owed: Option<&str>) -> String {
        let id = self.id(entity);
        if owed == Some(id.as_str()) { format!("{entity}-elsewhere") } else { id }
    }

    /// Tells an event; `given` goes before what its shape says. Its payload.
    pub(super) fn tell(
        &mut self,
        event: &str,
        ids: &Ids,
        time: Option<i64>,
        sent: i64,
        given: Map<String, Json>,
    ) -> Map<String, Json> {
        let shape = self.shapes.types.get(event).cloned().unwrap_or_default();
        let mut data = given;
        let given: Vec<String> = data.keys().cloned().collect();
        for (name, sort) in &shape.fields {
            if given.contains(name) {
                continue;
            }
            match sort {
                // What need not be told is not, now and then: an attribute may be missing.
                Sort::Id(entity)
                    if shape.entity.as_ref() != Some(entity)
                        && shape.of_entity.contains(name)
                        && self.draw.percent(15) => {}
                Sort::Id(entity) => {
                    // A key that an argument was given under its own name is not given twice, so
                    // that an event that goes astray does not name the right instance as well.
                    if given.is_empty() || !given.iter().any(|it| same_entity(&shape, it, entity)) {
                        let id = ids.get(entity).cloned().unwrap_or_else(|| self.id(entity));
                        data.insert(name.clone(), Json::from(id));
                    }
                }
                Sort::Value(values) => {
                    if self.draw.percent(90)
                        && let Some(value) = self.draw.one_of(values)
                    {
                        data.insert(name.clone(), value.clone());
                    }
                }
            }
        }
        let subject = shape.entity.as_ref().and_then(|entity| {
            let id = data.get(entity).and_then(Json::as_str)?;
            self.draw.percent(85).then(|| format!("{entity}/{id}"))
        });
        let r#type = match self.draw.one_of(&shape.aliases) {
            Some(alias) if self.draw.percent(35) => alias.clone(),
            _ => event.to_owned(),
        };
        let mut told = data.clone();
        // Some producers name what an event is about in its subject and nowhere else.
        if let Some(entity) = shape.entity.as_ref().filter(|_| subject.is_some())
            && self.told.len() % SUBJECT_ALONE == SUBJECT_ALONE - 1
        {
            told.remove(entity);
        }
        let kind = Kind::Primary;
        self.told.push(Moment { time, sent, r#type, subject, data: told, kind, enriches: None });
        data
    }
}

/// Whether the field `given` names an instance of `entity` too.
fn same_entity(shape: &Shape, given: &str, entity: &str) -> bool {
    given == entity || shape.fields.get(given) == Some(&Sort::Id(entity.to_owned()))
}

/// The instance that the argument names, where the story knows it.
fn owed(argument: &Argument, scene: &Scene, entity: &str) -> Option<String> {
    let of_trigger = match &argument.value {
        Expr::Path(path) if !path.bound => {
            let field = path.hops.last().map_or(&path.root, |hop| &hop.attribute);
            scene.data.get(field).and_then(Json::as_str).map(str::to_owned)
        }
        _ => None,
    };
    of_trigger.or_else(|| scene.ids.get(entity).cloned())
}

/// A length as microseconds. A month is taken as thirty days: what is due to the microsecond is
/// only hit for lengths without months.
pub(crate) fn micros(length: Length) -> i64 {
    let months = i64::from(length.months).saturating_mul(30 * 86_400 * SECOND);
    Duration::from_micros(length.micros.saturating_add(months)).as_micros()
}

fn collect_lengths(items: &[Item], into: &mut Vec<i64>) {
    for item in items {
        match item {
            Item::Duty(duty) => {
                let mut next = Some(duty);
                let mut sum = 0_i64;
                while let Some(duty) = next {
                    let Some(within) = duty.within else { break };
                    sum = sum.saturating_add(micros(within));
                    into.push(sum);
                    next = duty.fallback.as_deref();
                }
            }
            Item::Guard(guard) => collect_lengths(&guard.body, into),
            Item::ForEach(each) => collect_lengths(&each.body, into),
        }
    }
}

fn collect_required(items: &[Item], into: &mut Vec<(Vec<String>, Vec<String>)>) {
    for item in items {
        match item {
            Item::Duty(duty) => {
                into.extend(duty.requires.iter().map(|it| (it.from.clone(), it.until.clone())));
            }
            Item::Guard(guard) => collect_required(&guard.body, into),
            Item::ForEach(each) => collect_required(&each.body, into),
        }
    }
}

/// What the duties that guards wait for are satisfied by: the values that guards read.
fn collect_awaited(items: &[Item], into: &mut Vec<String>) {
    let awaited = items.iter().filter_map(|item| match item {
        Item::Guard(guard) => Some(&guard.awaits),
        Item::Duty(_) | Item::ForEach(_) => None,
    });
    let ids: Vec<ClauseId> = awaited.flatten().copied().collect();
    for item in items {
        match item {
            Item::Duty(duty) if ids.contains(&duty.id) => {
                into.extend(duty.satisfied_by.first().cloned());
            }
            Item::Duty(_) => {}
            Item::Guard(guard) => collect_awaited(&guard.body, into),
            Item::ForEach(each) => collect_awaited(&each.body, into),
        }
    }
}
