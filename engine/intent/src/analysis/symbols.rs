//! What can be named, and one place where it is.

use crate::source::Span;

/// What sort of thing a name is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// `entity order`
    Entity,
    /// `has: total`, of an entity
    Attribute,
    /// `state open: …`, of an entity
    State,
    /// `event order.placed`
    Event,
    /// `event order.placed as order_placed`
    Alias,
    /// `measure engagement(customer)`
    Measure,
    /// `{ trend }` of a measure
    Value,
    /// `threshold low`
    Threshold,
    /// `action ship(order)`
    Action,
    /// `(order)` of an action
    Parameter,
    /// `must ack: …`, `assert late: …`
    Label,
    /// `response_time` in `invariant response_time < 500ms`
    Metric,
    /// `invariant contact_requires_consent`
    Invariant,
    /// `capability assign_rep`
    Capability,
    /// `given e1: { … }`, of a scenario
    Step,
}

impl Kind {
    /// In words.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Entity => "entity",
            Self::Attribute => "attribute",
            Self::State => "state",
            Self::Event => "event",
            Self::Alias => "other name of an event",
            Self::Measure => "measure",
            Self::Value => "value of a measure",
            Self::Threshold => "threshold",
            Self::Action => "action",
            Self::Parameter => "parameter",
            Self::Label => "label",
            Self::Metric => "metric",
            Self::Invariant => "invariant",
            Self::Capability => "capability",
            Self::Step => "event of a scenario",
        }
    }
}

/// One thing that has a name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Symbol {
    /// What it is.
    pub kind: Kind,
    /// Whose: the entity of an attribute, the measure of a value; empty where names are global.
    pub owner: String,
    /// Its name.
    pub name: String,
}

impl Symbol {
    pub(super) fn new(kind: Kind, name: &str) -> Self {
        Self { kind, owner: String::new(), name: name.to_owned() }
    }

    pub(super) fn of(kind: Kind, owner: &str, name: &str) -> Self {
        Self { kind, owner: owner.to_owned(), name: name.to_owned() }
    }
}

/// How a name is written where it occurs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Form {
    /// As it is, or between quotes.
    Whole,
    /// An entity as the plural of its name: `interactions[]`.
    Plural,
    /// An event of the entity around, without the entity: `from created`.
    Short,
    /// Another word that means it by a rule: `requires: consent` for `consent.granted`.
    Derived,
    /// Not written here at all: the collection that `belongs_to` gives the other entity.
    Implied,
}

/// One place where a symbol is named.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Occurrence {
    /// Where.
    pub span: Span,
    /// What.
    pub symbol: Symbol,
    /// Whether it is declared here.
    pub definition: bool,
    pub(super) form: Form,
}

impl Occurrence {
    /// Whether the name itself stands here, so that a cursor can be on it.
    #[must_use]
    pub fn is_written(&self) -> bool {
        !matches!(self.form, Form::Implied | Form::Plural)
    }
}
