//! Specs, drawn small: blocks, guards and duties over a handful of names.
//!
//! In: [`Dice`], and which constructs may be used. Out: a [`Spec`].
//! Never: a path that the place where it stands does not allow: what is bound is read as bound, and
//! the fields of a trigger are read only where there is one.
//! Promise: names of clauses are never given twice, also not over the versions of one spec.
//! Start reading at [`Drawing::spec`]. What expressions are drawn is in `expressions`, what
//! assertions and bounds in `watched`.

use homeostat_intent::lowered::{
    Argument, At, Block, CatchUp, ClauseId, Duty, Expr, ForEach, Guard, Held, Item, Length, Path,
    Performer, Period, Requirement, Role, Schedule, Spec, Strength, Trigger,
};
use homeostat_intent::source::Span;

use super::declared::declarations;
use super::dice::Dice;
use super::words::{Setting, Words};

const TRIGGERS: [&str; 5] =
    ["order.created", "order.moved", "score.updated", "customer.changed", "done"];
const SATISFIERS: [&str; 5] =
    ["done", "done.again", "order.moved", "score.updated", "order.created"];

/// What a spec's drawing keeps track of.
pub(super) struct Drawing<'d, 'b> {
    pub(super) dice: &'d mut Dice<'b>,
    pub(super) words: Words,
    pub(super) setting: Setting,
    /// The number that the last clause was given.
    pub(super) clauses: u64,
    /// The clauses of each scope that is open: of the block, and of every `for each` inside.
    pub(super) scopes: Vec<Vec<ClauseId>>,
    /// The entities that are bound, the innermost last.
    pub(super) bound: Vec<String>,
    /// Whether an event is the trigger.
    pub(super) by_event: bool,
}

impl<'d, 'b> Drawing<'d, 'b> {
    pub(super) fn new(dice: &'d mut Dice<'b>, words: Words, setting: Setting) -> Self {
        Self {
            dice,
            words,
            setting,
            clauses: 0,
            scopes: Vec::new(),
            bound: Vec::new(),
            by_event: false,
        }
    }

    pub(super) fn spec(&mut self) -> Spec {
        let mut spec = declarations(self.dice, self.words);
        let unit = self.setting.unit;
        if self.dice.chance(30) {
            spec.limits.settle = Length::from_micros(self.dice.one(&[unit, 2 * unit]));
        }
        spec.limits.default_within = Length::from_micros(2 * unit);
        for _ in 0..=self.dice.below(2) {
            spec.blocks.push(self.block());
        }
        if self.words.assertions {
            for _ in 0..=self.dice.below(3) {
                spec.assertions.push(self.assertion());
            }
        }
        if self.words.contract {
            self.contract(&mut spec);
        }
        spec
    }

    /// A number that no clause has, and the name that goes with it.
    pub(super) fn clause(&mut self, letter: &str) -> (ClauseId, String) {
        self.clauses += 1;
        (ClauseId(self.clauses), format!("{letter}{}", self.clauses))
    }

    /// A length of some units, or none.
    pub(super) fn length(&mut self, of: &[i64]) -> Length {
        Length::from_micros(self.dice.one(of) * self.setting.unit)
    }

    pub(super) fn block(&mut self) -> Block {
        let (held, ticks) = (self.words.held, self.words.ticks);
        let trigger = match self.dice.below(5) {
            0 | 1 if held => Trigger::Held(self.held()),
            2 | 3 if ticks => Trigger::Every(self.schedule()),
            _ => self.events(),
        };
        self.enter(&trigger);
        let body = self.items(0);
        Block { trigger, body, span: Span::default() }
    }

    /// Stands inside a block with this trigger.
    pub(super) fn enter(&mut self, trigger: &Trigger) {
        self.scopes = vec![Vec::new()];
        self.bound = trigger.bound().map(str::to_owned).into_iter().collect();
        self.by_event = !trigger.events().is_empty();
    }

    fn events(&mut self) -> Trigger {
        let mut triggers = vec![self.dice.one(&TRIGGERS).to_owned()];
        if self.dice.chance(25) {
            triggers.push(self.dice.one(&TRIGGERS).to_owned());
        }
        Trigger::Events(triggers)
    }

    fn held(&mut self) -> Held {
        let entity = self.dice.one(&["order", "customer"]).to_owned();
        (self.bound, self.by_event) = (vec![entity.clone()], false);
        let condition = self.lasting(0);
        let lasting = self.length(&[0, 1, 1, 2, 3]);
        Held { entity, text: format!("{condition:?}"), condition, lasting }
    }

    fn schedule(&mut self) -> Schedule {
        let unit = self.setting.unit;
        let period = match self.dice.below(8) {
            0..=2 => Period::Fixed(self.dice.one(&[1, 2, 3, 6]) * unit),
            3 => Period::Week(self.dice.one(&[1, 7, 6])),
            4 => Period::Month,
            _ => Period::Day,
        };
        let daily = !matches!(period, Period::Fixed(_));
        let at = if daily && self.dice.chance(60) {
            let entity = self.dice.one(&["customer", "customer", "order"]);
            let hops: &[_] = if entity == "customer" {
                &[("at", None)]
            } else {
                &[("customer", Some("customer")), ("at", None)]
            };
            At::Of(Path { bound: true, ..super::expressions::path(entity, Some(entity), hops) })
        } else {
            let half_hours = if daily { self.dice.below(48) } else { 0 };
            At::Time(i64::try_from(half_hours).unwrap_or(0) * 1_800_000_000)
        };
        let catch_up = self.dice.one(&[CatchUp::Latest, CatchUp::All, CatchUp::None]);
        Schedule { text: format!("{period:?} at {at:?}"), period, at, catch_up }
    }

    pub(super) fn items(&mut self, depth: u64) -> Vec<Item> {
        let count = 1 + self.dice.below(if depth == 0 { 3 } else { 2 });
        (0..count).map(|_| self.item(depth)).collect()
    }

    fn item(&mut self, depth: u64) -> Item {
        if self.words.each && depth < 3 && self.dice.chance(25) {
            Item::ForEach(self.for_each(depth))
        } else if depth < 2 && self.dice.chance(45) {
            Item::Guard(self.guard(depth))
        } else {
            Item::Duty(self.duty(0))
        }
    }

    fn for_each(&mut self, depth: u64) -> ForEach {
        let entity = self.dice.one(&["order", "customer"]).to_owned();
        self.bound.push(entity.clone());
        let condition = if self.dice.chance(60) { Some(self.lasting(0)) } else { None };
        self.scopes.push(Vec::new());
        let body = self.items(depth + 1);
        self.scopes.pop();
        self.bound.pop();
        let text = format!("{entity} {condition:?}");
        ForEach { entity, condition, text, body, span: Span::default() }
    }

    fn guard(&mut self, depth: u64) -> Guard {
        let condition = self.condition(0);
        let known: Vec<ClauseId> = self.scopes.concat();
        let mut awaits = Vec::new();
        for _ in 0..2 {
            if !known.is_empty() && self.dice.chance(45) {
                let id = self.dice.one(&known);
                if !awaits.contains(&id) {
                    awaits.push(id);
                }
            }
        }
        let text = format!("{condition:?}");
        Guard { condition, text, awaits, body: self.items(depth + 1), span: Span::default() }
    }

    pub(super) fn duty(&mut self, depth: u64) -> Duty {
        let (id, slug) = self.clause("d");
        let mut satisfied_by = vec![self.dice.one(&SATISFIERS).to_owned()];
        if self.dice.chance(40) {
            satisfied_by.push(self.dice.one(&SATISFIERS).to_owned());
        }
        let within = self.dice.chance(75);
        let within = within.then(|| self.length(&[0, 1, 2, 3, 5]));
        let mut duty = Duty {
            id,
            slug: slug.clone(),
            strength: self.dice.one(&[Strength::Must, Strength::Must, Strength::Should]),
            each: self.dice.chance(20),
            action: slug.clone(),
            text: slug,
            satisfied_by,
            arguments: self.arguments(),
            requires: Vec::new(),
            within,
            fallback: None,
            by: self.dice.one(&[Performer::Agent, Performer::System, Performer::Human]),
            external: self.words.evolution && self.dice.chance(25),
            using_inferred: self.dice.chance(20),
            span: Span::default(),
        };
        if self.dice.chance(15) {
            duty.requires.push(Requirement {
                name: "access".to_owned(),
                from: vec!["access.granted".to_owned()],
                until: vec!["access.revoked".to_owned()],
            });
        }
        if let Some(scope) = self.scopes.last_mut() {
            scope.push(id);
        }
        if depth < 2 && self.dice.chance(35) {
            duty.fallback = Some(Box::new(self.duty(depth + 1)));
        }
        duty
    }

    fn arguments(&mut self) -> Vec<Argument> {
        let mut arguments = Vec::new();
        let mut add = |role, value| {
            arguments.push(Argument { name: None, text: String::new(), role, value });
        };
        if self.dice.chance(55)
            && let Some(path) = self.order(&[])
        {
            let fields = vec!["order".to_owned()];
            add(Role::Key { entity: "order".to_owned(), fields }, Expr::Path(path));
        }
        if self.dice.chance(25) {
            let note = self.note();
            add(Role::Agree { field: "note".to_owned() }, note);
        }
        if self.dice.chance(45)
            && let Some(path) = self.customer(&[])
        {
            let fields = vec!["who".to_owned(), "customer".to_owned()];
            add(Role::Key { entity: "customer".to_owned(), fields }, Expr::Path(path));
        }
        if self.dice.chance(15) {
            add(Role::Guidance, self.expr());
        }
        // Whatever is bound and not named is an argument all the same.
        for entity in self.bound.clone() {
            let is_named = arguments.iter().any(|argument: &Argument| {
                matches!(&argument.role, Role::Key { entity: of, .. } if *of == entity)
            });
            if !is_named {
                arguments.push(Argument {
                    name: Some(entity.clone()),
                    text: String::new(),
                    role: Role::Agree { field: entity.clone() },
                    value: Expr::Path(Path {
                        bound: true,
                        ..super::expressions::path(&entity, Some(&entity), &[])
                    }),
                });
            }
        }
        arguments
    }
}
