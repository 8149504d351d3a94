//! Small specs and logs, drawn so that keys, times and types collide.
//!
//! In: [`Dice`]. Out: a [`Case`], and smaller, shuffled and repeated ones made of it.
//! Never: draws from anything but the dice. Start reading at [`Case::generate`].

use homeostat_intent::lowered::{
    Argument, Attribute, Block, ClauseId, Comparison, Condition, Direction, Duty, Entity,
    EventType, Expr, ForEach, Guard, Hop, Item, Length, Literal, Measure, Path, Performer,
    Requirement, Role, Spec, SpecHash, State, Strength, Trigger,
};
use homeostat_intent::source::Span;
use homeostat_log::{Actor, Data, Event, Kind, NewEvent};
use homeostat_world::{Position, Timestamp};

use super::super::Step;
use super::dice::Dice;

/// A spec and what happens under it.
#[derive(Clone, Debug)]
pub struct Case {
    /// The spec.
    pub spec: Spec,
    /// What happens, in order.
    pub steps: Vec<Step>,
}

const TRIGGERS: [&str; 5] =
    ["order.created", "order.moved", "score.updated", "customer.changed", "done"];
const SATISFIERS: [&str; 5] =
    ["done", "done.again", "order.moved", "score.updated", "order.created"];
const LENGTHS: [i64; 5] = [0, 1_000_000, 2_000_000, 3_000_000, 5_000_000];

/// What a spec's drawing keeps track of.
struct Drawing<'d, 'b> {
    draw: &'d mut Dice<'b>,
    clauses: u64,
    /// The clauses of the block that is drawn.
    in_block: Vec<ClauseId>,
}

impl Case {
    /// A spec of the drawer's own, and a log for it.
    #[must_use]
    pub fn generate(dice: &mut Dice<'_>) -> Self {
        let spec = spec(dice);
        Self::under(spec, dice)
    }

    /// A log for a given spec. It speaks of orders, customers and scores: whatever else the spec
    /// knows never happens.
    #[must_use]
    pub fn under(spec: Spec, dice: &mut Dice<'_>) -> Self {
        let slugs: Vec<String> = spec.duties().map(|duty| duty.slug.clone()).collect();
        let steps = steps(dice, &slugs);
        Self { spec, steps }
    }

    /// Where to stop and restore: one place, a few, or all.
    #[must_use]
    pub fn restarts(&self, dice: &mut Dice<'_>) -> Vec<usize> {
        let every = dice.one(&[1, 3, 8, 1_000]);
        (0..self.steps.len()).filter(|_| dice.below(every) == 0).collect()
    }

    /// This case with its events in another order of arrival. What happened when is the same, so
    /// some of it is told late.
    #[must_use]
    pub fn shuffled(&self, dice: &mut Dice<'_>) -> Self {
        let mut arrivals: Vec<NewEvent> = self.events().map(|it| it.event.clone()).collect();
        for place in (1..arrivals.len()).rev() {
            let other = dice.below(place as u64 + 1);
            arrivals.swap(place, usize::try_from(other).unwrap_or(place));
        }
        let mut case = self.clone();
        for (step, arrival) in case.events_mut().zip(arrivals) {
            step.event = arrival;
        }
        case.numbered()
    }

    /// This case with some of its events told again, as new events of the same content.
    #[must_use]
    pub fn repeated(&self, dice: &mut Dice<'_>) -> Self {
        let mut case = self.clone();
        let told: Vec<NewEvent> = self.events().map(|it| it.event.clone()).collect();
        let places: Vec<usize> = (0..self.steps.len())
            .filter(|&place| matches!(self.steps.get(place), Some(Step::Event(_))))
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
            Step::Advance(_) => None,
        })
    }

    fn events_mut(&mut self) -> impl Iterator<Item = &mut Event> {
        self.steps.iter_mut().filter_map(|step| match step {
            Step::Event(event) => Some(&mut **event),
            Step::Advance(_) => None,
        })
    }

    /// Positions without holes, ids without repeats, recorded times that never go back, nor behind
    /// how far time has come.
    fn numbered(mut self) -> Self {
        let mut latest = Timestamp::MIN;
        let mut position = Position::ZERO;
        for step in &mut self.steps {
            match step {
                Step::Advance(now) => latest = latest.max(*now),
                Step::Event(event) => {
                    position = position.next();
                    latest = latest.max(event.recorded);
                    event.position = position;
                    event.event.id = format!("e{position}");
                    event.recorded = latest;
                }
            }
        }
        self
    }

    /// This case with one thing less, in every way.
    #[must_use]
    pub fn smaller(&self) -> Vec<Self> {
        let mut found = Vec::new();
        for place in 0..self.steps.len() {
            let mut smaller = self.clone();
            smaller.steps.remove(place);
            found.push(smaller);
        }
        for place in 0..self.spec.blocks.len() {
            let mut smaller = self.clone();
            smaller.spec.blocks.remove(place);
            found.push(smaller);
            for body in self.spec.blocks.get(place).map(|b| fewer(&b.body)).into_iter().flatten() {
                let mut smaller = self.clone();
                if let Some(block) = smaller.spec.blocks.get_mut(place) {
                    block.body = body;
                }
                found.push(smaller);
            }
        }
        found
    }
}

/// Every way to take one thing out of a body.
fn fewer(items: &[Item]) -> Vec<Vec<Item>> {
    let mut found = Vec::new();
    for (place, item) in items.iter().enumerate() {
        let mut without = items.to_vec();
        without.remove(place);
        found.push(without);
        let mut replaced = Vec::new();
        match item {
            Item::ForEach(each) => {
                for body in fewer(&each.body) {
                    replaced.push(Item::ForEach(ForEach { body, ..each.clone() }));
                }
            }
            Item::Guard(guard) => {
                for body in fewer(&guard.body) {
                    replaced.push(Item::Guard(Guard { body, ..guard.clone() }));
                }
            }
            Item::Duty(duty) => {
                if duty.fallback.is_some() {
                    replaced.push(Item::Duty(Duty { fallback: None, ..duty.clone() }));
                }
                if !duty.requires.is_empty() {
                    replaced.push(Item::Duty(Duty { requires: Vec::new(), ..duty.clone() }));
                }
                for argument in 0..duty.arguments.len() {
                    let mut less = duty.clone();
                    less.arguments.remove(argument);
                    replaced.push(Item::Duty(less));
                }
            }
        }
        for item in replaced {
            let mut changed = items.to_vec();
            if let Some(place) = changed.get_mut(place) {
                *place = item;
            }
            found.push(changed);
        }
    }
    found
}

fn spec(draw: &mut Dice<'_>) -> Spec {
    let event = |name: &str, aliases: &[&str], entity: Option<&str>| EventType {
        name: name.to_owned(),
        aliases: aliases.iter().map(|&alias| alias.to_owned()).collect(),
        entity: entity.map(str::to_owned),
    };
    let entity = |name: &str, attributes: &[(&str, Option<&str>)]| Entity {
        name: name.to_owned(),
        attributes: attributes
            .iter()
            .map(|(name, entity)| Attribute {
                name: (*name).to_owned(),
                entity: entity.map(str::to_owned),
                many: false,
            })
            .collect(),
        states: Vec::new(),
        declared: true,
    };
    let mut spec = Spec {
        hash: SpecHash([7; 32]),
        entities: vec![
            entity("order", &[("customer", Some("customer")), ("note", None), ("amount", None)]),
            entity("customer", &[("vip", None), ("level", None)]),
        ],
        events: vec![
            event("order.created", &["order_logged"], Some("order")),
            event("order.moved", &[], Some("order")),
            event("customer.changed", &["Customer CHANGED by STAFF"], Some("customer")),
            event("score.updated", &[], None),
            event("done", &["finished"], None),
        ],
        measures: vec![Measure {
            name: "score".to_owned(),
            entity: "customer".to_owned(),
            from: vec!["score.updated".to_owned()],
            attributes: vec!["value".to_owned()],
        }],
        ..Spec::default()
    };
    if let Some(order) = spec.entities.first_mut() {
        order.states.push(State {
            name: "open".to_owned(),
            from: vec!["order.created".to_owned(), "order.moved".to_owned()],
            until: vec!["done".to_owned(), "order.moved".to_owned()],
        });
    }
    if draw.chance(30) {
        spec.limits.settle = Length::from_micros(draw.one(&[1_000_000, 2_000_000]));
    }
    spec.limits.default_within = Length::from_micros(2_000_000);
    let mut drawing = Drawing { draw, clauses: 0, in_block: Vec::new() };
    for _ in 0..=drawing.draw.below(2) {
        spec.blocks.push(drawing.block());
    }
    spec
}

impl Drawing<'_, '_> {
    fn block(&mut self) -> Block {
        self.in_block.clear();
        let mut triggers = vec![self.draw.one(&TRIGGERS).to_owned()];
        if self.draw.chance(25) {
            triggers.push(self.draw.one(&TRIGGERS).to_owned());
        }
        Block { trigger: Trigger::Events(triggers), body: self.items(0), span: Span::default() }
    }

    fn items(&mut self, depth: u64) -> Vec<Item> {
        let count = 1 + self.draw.below(if depth == 0 { 3 } else { 2 });
        (0..count)
            .map(|_| {
                if depth < 2 && self.draw.chance(45) {
                    Item::Guard(self.guard(depth))
                } else {
                    Item::Duty(self.duty(0))
                }
            })
            .collect()
    }

    fn guard(&mut self, depth: u64) -> Guard {
        let condition = self.condition(0);
        let mut awaits = Vec::new();
        for _ in 0..2 {
            if !self.in_block.is_empty() && self.draw.chance(45) {
                let known = self.in_block.clone();
                let id = self.draw.one(&known);
                if !awaits.contains(&id) {
                    awaits.push(id);
                }
            }
        }
        let text = format!("{condition:?}");
        Guard { condition, text, awaits, body: self.items(depth + 1), span: Span::default() }
    }

    fn condition(&mut self, depth: u64) -> Condition {
        let text = String::new();
        match self.draw.below(if depth < 2 { 9 } else { 6 }) {
            0..=2 => Condition::Crosses {
                value: self.watched(),
                level: 2.0,
                threshold: None,
                direction: self.draw.one(&[Direction::Falling, Direction::Rising]),
                text,
            },
            3 => Condition::Holds { value: self.expr(), text },
            4 | 5 => Condition::Compare {
                left: self.expr(),
                op: self.draw.one(&[
                    Comparison::Equal,
                    Comparison::NotEqual,
                    Comparison::Less,
                    Comparison::LessOrEqual,
                    Comparison::Greater,
                    Comparison::GreaterOrEqual,
                ]),
                right: self.expr(),
                text,
            },
            6 => Condition::Not(Box::new(self.condition(depth + 1))),
            7 => Condition::And(vec![self.condition(depth + 1), self.condition(depth + 1)]),
            _ => Condition::Or(vec![self.condition(depth + 1), self.condition(depth + 1)]),
        }
    }

    fn watched(&mut self) -> Expr {
        match self.draw.below(4) {
            0 | 1 => self.score(),
            2 => Expr::Path(path("order", Some("order"), &[("amount", None)])),
            _ => Expr::Path(customer_path(self.draw, &[("level", None)])),
        }
    }

    fn score(&mut self) -> Expr {
        Expr::Measure {
            measure: "score".to_owned(),
            of: customer_path(self.draw, &[]),
            attribute: "value".to_owned(),
        }
    }

    fn expr(&mut self) -> Expr {
        match self.draw.below(10) {
            0 => self.score(),
            9 => Expr::Path(path("order", Some("order"), &[("open", None)])),
            1 => Expr::Literal(Literal::Number(2.0)),
            2 => Expr::Literal(Literal::Truth(true)),
            3 => Expr::Symbol("n1".to_owned()),
            4 => Expr::Path(path("note", None, &[])),
            5 => Expr::Path(path("order", Some("order"), &[("note", None)])),
            6 => Expr::Path(customer_path(self.draw, &[("vip", None)])),
            7 => Expr::Path(customer_path(self.draw, &[("level", None)])),
            _ => Expr::Path(path("value", None, &[])),
        }
    }

    fn duty(&mut self, depth: u64) -> Duty {
        self.clauses += 1;
        let id = ClauseId(self.clauses);
        let slug = format!("d{}", self.clauses);
        let mut satisfied_by = vec![self.draw.one(&SATISFIERS).to_owned()];
        if self.draw.chance(40) {
            satisfied_by.push(self.draw.one(&SATISFIERS).to_owned());
        }
        let within = if self.draw.chance(75) { Some(self.draw.one(&LENGTHS)) } else { None };
        let mut duty = Duty {
            id,
            slug: slug.clone(),
            strength: self.draw.one(&[Strength::Must, Strength::Must, Strength::Should]),
            each: self.draw.chance(20),
            action: slug.clone(),
            text: slug,
            satisfied_by,
            arguments: self.arguments(),
            requires: Vec::new(),
            within: within.map(Length::from_micros),
            fallback: None,
            by: self.draw.one(&[Performer::Agent, Performer::System, Performer::Human]),
            external: false,
            using_inferred: self.draw.chance(20),
            span: Span::default(),
        };
        if self.draw.chance(15) {
            duty.requires.push(Requirement {
                name: "access".to_owned(),
                from: vec!["access.granted".to_owned()],
                until: vec!["access.revoked".to_owned()],
            });
        }
        self.in_block.push(id);
        if depth < 2 && self.draw.chance(35) {
            duty.fallback = Some(Box::new(self.duty(depth + 1)));
        }
        duty
    }

    fn arguments(&mut self) -> Vec<Argument> {
        let mut arguments = Vec::new();
        let argument = |role, value| Argument { name: None, text: String::new(), role, value };
        if self.draw.chance(55) {
            let role = Role::Key { entity: "order".to_owned(), fields: vec!["order".to_owned()] };
            arguments.push(argument(role, Expr::Path(path("order", Some("order"), &[]))));
        }
        if self.draw.chance(25) {
            let role = Role::Agree { field: "note".to_owned() };
            let value = match self.draw.below(3) {
                0 => Expr::Path(path("note", None, &[])),
                1 => Expr::Path(path("order", Some("order"), &[("note", None)])),
                _ => Expr::Symbol("n1".to_owned()),
            };
            arguments.push(argument(role, value));
        }
        if self.draw.chance(45) {
            let fields = vec!["who".to_owned(), "customer".to_owned()];
            let role = Role::Key { entity: "customer".to_owned(), fields };
            arguments.push(argument(role, Expr::Path(customer_path(self.draw, &[]))));
        }
        if self.draw.chance(15) {
            arguments.push(argument(Role::Guidance, self.expr()));
        }
        arguments
    }
}

fn path(root: &str, entity: Option<&str>, hops: &[(&str, Option<&str>)]) -> Path {
    let hop = |(attribute, entity): &(&str, Option<&str>)| Hop {
        attribute: (*attribute).to_owned(),
        entity: entity.map(str::to_owned),
    };
    Path {
        root: root.to_owned(),
        bound: false,
        entity: entity.map(str::to_owned),
        hops: hops.iter().map(hop).collect(),
    }
}

/// The trigger's customer, directly or through its order.
fn customer_path(draw: &mut Dice<'_>, more: &[(&str, Option<&str>)]) -> Path {
    if draw.chance(50) {
        path("customer", Some("customer"), more)
    } else {
        let hops: Vec<_> =
            std::iter::once(&("customer", Some("customer"))).chain(more).copied().collect();
        path("order", Some("order"), &hops)
    }
}

fn steps(draw: &mut Dice<'_>, slugs: &[String]) -> Vec<Step> {
    let mut steps = Vec::new();
    let mut now = 0_i64;
    let mut position = 0;
    for _ in 0..4 + draw.below(24) {
        now += draw.one(&[0, 0, 500_000, 1_000_000, 1_000_001, 2_000_000]);
        position += 1;
        if draw.chance(80) {
            steps.push(Step::Advance(Timestamp::from_micros(now)));
        }
        let event = if draw.chance(5) {
            waiver(draw, position, now, slugs)
        } else {
            event(draw, position, now, slugs)
        };
        steps.push(Step::Event(Box::new(event)));
    }
    if draw.chance(80) {
        now += draw.one(&[0, 1, 3_000_000, 5_000_001, 60_000_000]);
        steps.push(Step::Advance(Timestamp::from_micros(now)));
    }
    steps
}

/// The name that an obligation would have.
fn obligation(draw: &mut Dice<'_>, slugs: &[String], position: u64) -> String {
    let place = draw.below(slugs.len().max(1) as u64);
    let slug = usize::try_from(place).ok().and_then(|place| slugs.get(place));
    format!("{}@{}", slug.map_or("d1", String::as_str), 1 + draw.below(position))
}

fn waiver(draw: &mut Dice<'_>, position: u64, now: i64, slugs: &[String]) -> Event {
    let gap = obligation(draw, slugs, position);
    let decision = draw.one(&["waive", "waive", "waive", "retry"]);
    let json = serde_json::json!({ "gap": gap, "decision": decision, "by": "ann", "reason": "" });
    let mut event = bare(position, now, "gap.decided", &json);
    event.event.kind = Kind::Control;
    event
}

fn event(draw: &mut Dice<'_>, position: u64, now: i64, slugs: &[String]) -> Event {
    let name = draw.one(&[
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
    ]);
    let mut json = serde_json::Map::new();
    let mut put = |draw: &mut Dice<'_>, percent: u64, name: &str, values: &[serde_json::Value]| {
        if draw.chance(percent) {
            let place = usize::try_from(draw.below(values.len() as u64)).unwrap_or(0);
            json.insert(name.to_owned(), values.get(place).cloned().unwrap_or_default());
        }
    };
    let text = |texts: &[&str]| texts.iter().map(|&t| t.into()).collect::<Vec<_>>();
    let numbers = [1.into(), 1.5.into(), 2.into(), 2.0.into(), 3.into(), serde_json::Value::Null];
    put(draw, 75, "order", &["o1".into(), "o1".into(), "7".into(), 7.into()]);
    put(draw, 75, "customer", &["c1".into(), "c1".into(), "-2".into(), (-2.0).into()]);
    put(draw, 10, "who", &[1.into(), "c1".into(), "-2".into(), serde_json::Value::Null]);
    put(draw, 40, "note", &text(&["n1", "n2", ""]));
    put(draw, 60, "value", &numbers);
    put(draw, 40, "level", &numbers);
    put(draw, 40, "amount", &numbers);
    put(
        draw,
        30,
        "vip",
        &[true.into(), false.into(), serde_json::json!([]), serde_json::json!([1])],
    );
    let mut event = bare(position, now, name, &serde_json::Value::Object(json));
    let inner = &mut event.event;
    if draw.chance(20) {
        inner.subject = Some(
            draw.one(&["order/o1", "order/7", "customer/c1", "customer/-2", "odd"]).to_owned(),
        );
    }
    inner.kind = match draw.below(20) {
        0 | 1 => Kind::Enrichment,
        _ => Kind::Primary,
    };
    if draw.chance(15) {
        let cause = obligation(draw, slugs, position);
        inner.cause = Some(if draw.chance(10) { "no obligation".to_owned() } else { cause });
    }
    if draw.chance(20) {
        inner.actor = Actor::Agent("a1".to_owned());
    }
    if draw.chance(30) {
        let late = draw.one(&[-1, 1, 500_000, 1_000_000, 2_000_000, 6_000_000, -2_000_000]);
        inner.time = Timestamp::from_micros(now - late);
    }
    event
}

fn bare(position: u64, now: i64, name: &str, json: &serde_json::Value) -> Event {
    let data = match Data::from_json(json) {
        Ok(data) => data,
        Err(error) => unreachable!("{json}: {error}"),
    };
    Event {
        position: Position::new(position),
        recorded: Timestamp::from_micros(now),
        event: NewEvent {
            id: format!("e{position}"),
            source: "cases".to_owned(),
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
