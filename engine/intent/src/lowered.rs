//! A spec as meant: names resolved, defaults filled in, every construct that is evaluated today.
//!
//! This is the contract between the language and the rooms that evaluate it (`engine/graph`,
//! `engine/conductor`): they see these types and never the text. Lists stand in the order of the
//! text. All that the language has is here.

mod always;
mod contract;
mod limits;
mod scenario;
mod time;

use serde::{Deserialize, Serialize};

pub use always::{Assertion, Check, Origin};
pub use contract::{
    AGGREGATE_SAMPLES, Aggregate, BUILT_INS, Capability, Checker, Goal, Invariant, Metric,
    Property, Proposition, Target,
};
pub use limits::{Budget, Limits};
pub use scenario::{
    Expectation, Expected, SCENARIO_START, Scenario, ScenarioAct, ScenarioEvent, ScenarioKind,
    ScenarioLink, ScenarioStep,
};
pub use time::{At, CatchUp, Held, Period, Schedule, Trigger};

use crate::source::Span;

/// One loaded intent spec, from one or several files.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Spec {
    /// The name after `system`, when one stands there.
    pub name: Option<String>,
    /// BLAKE3 over the meaning-bearing tokens: the same for any layout and any comments.
    pub hash: SpecHash,
    /// Declared and inferred entities.
    pub entities: Vec<Entity>,
    /// Every event type that the spec names or that follows from it, with its other names.
    pub events: Vec<EventType>,
    /// Declared and inferred measures.
    pub measures: Vec<Measure>,
    /// Declared thresholds.
    pub thresholds: Vec<Threshold>,
    /// `when`, `every` and `on` blocks, duties inside.
    pub blocks: Vec<Block>,
    /// `always` assertions and the rules of entities.
    pub assertions: Vec<Assertion>,
    /// What is sampled, declared or inferred from invariants and `optimise`.
    pub metrics: Vec<Metric>,
    /// `invariant …`.
    pub invariants: Vec<Invariant>,
    /// `capability …`.
    pub capabilities: Vec<Capability>,
    /// `optimise …`.
    pub targets: Vec<Target>,
    /// What a new version of this spec does about events of before it.
    pub backfill: Backfill,
    /// `scenario …`.
    pub scenarios: Vec<Scenario>,
    /// The breaker settings, defaults filled in.
    pub limits: Limits,
    /// `time_zone: "Europe/London"`.
    pub time_zone: Option<String>,
    /// What the text says that this version of the engine does not evaluate: nothing at present.
    pub unevaluated: Vec<Unevaluated>,
    /// Clauses of earlier versions that this one does not have, whose names stay theirs. Empty until
    /// [`Spec::keep_slugs`].
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub retired: Vec<Retired>,
}

/// A clause of an earlier version, by its name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Retired {
    /// Its identity.
    pub clause: ClauseId,
    /// The name that it had, and has again should it come back.
    pub slug: String,
}

/// Names a version of a spec.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SpecHash(pub [u8; 32]);

/// Names a clause across edits: a hash of its label, or else of its path and normalised text.
/// Comments, layout and the order of other clauses do not change it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ClauseId(pub u64);

/// A kind of thing that events are about.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Entity {
    /// `customer`.
    pub name: String,
    /// Attributes, declared by `has:` and `belongs_to:` or inferred from use.
    pub attributes: Vec<Attribute>,
    /// States, declared by `state s: from a until b` or inferred.
    pub states: Vec<State>,
    /// Whether the text declares it.
    pub declared: bool,
}

/// One attribute of an entity.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Attribute {
    /// `customer`, `interactions`.
    pub name: String,
    /// The entity that a value names, for entity-typed attributes.
    pub entity: Option<String>,
    /// Written `x[]`, or the inverse of a `belongs_to`.
    pub many: bool,
}

/// A state of an entity: held from one event until another.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct State {
    /// `unacknowledged`.
    pub name: String,
    /// Canonical event types that begin it.
    pub from: Vec<String>,
    /// Canonical event types that end it.
    pub until: Vec<String>,
}

/// An event type under its canonical name.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct EventType {
    /// `interaction.created`: the name that the rest of the lowered spec uses.
    pub name: String,
    /// Other names that a log uses for it: `interaction_logged`, `Request SUBMITTED by EMPLOYEE`.
    pub aliases: Vec<String>,
    /// The entity whose instance the event is about: the part before the dot, if it is one.
    pub entity: Option<String>,
}

/// A value derived from the log for an entity instance: the newest event of one of `from` that
/// carries the instance's key gives the attributes.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Measure {
    /// `engagement`.
    pub name: String,
    /// The entity it is taken of: `customer`.
    pub entity: String,
    /// Canonical event types that carry it: `engagement.updated`.
    pub from: Vec<String>,
    /// `trend`, `score`.
    pub attributes: Vec<String>,
}

/// A named level.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Threshold {
    /// `churn_warning`.
    pub name: String,
    /// The level.
    pub value: f64,
    /// What `crosses` means for it, unless the condition says `above` or `below`.
    pub direction: Option<Direction>,
}

/// Which way an edge goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// From above (or undefined) to at or below.
    Falling,
    /// From below (or undefined) to at or above.
    Rising,
}

/// What stands before the `@` in the name of the question what becomes of the past, so that no clause
/// may be called so.
pub const ASKED_OF_THE_PAST: &str = "backfill";

/// `backfill_policy`: what adopting a version does about the triggers that were there before it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Backfill {
    /// They are owed what the new clauses say, in log order, a bounded number at a time.
    Sequential,
    /// Nothing is owed for them.
    ProspectiveOnly,
    /// A person decides. The default, since a silent backfill can reach thousands of people.
    #[default]
    HumanDecision,
}

/// `when … { … }`, `every … { … }`, `on … { … }`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Block {
    /// What triggers it.
    pub trigger: Trigger,
    /// What stands inside, in order.
    pub body: Vec<Item>,
    /// Where it stands.
    pub span: Span,
}

/// One thing inside a block.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub enum Item {
    /// `must: …`
    Duty(Duty),
    /// `if … { … }`
    Guard(Guard),
    /// `for each … { … }`
    ForEach(ForEach),
}

/// `for each entity with condition { body }`: the body once for each live instance, the set frozen
/// when it is reached.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ForEach {
    /// Whose instances.
    pub entity: String,
    /// Which of them; all when none. Its paths may be bound to the instance.
    pub condition: Option<Condition>,
    /// `for each customer with interactions.count > 3`, as written.
    pub text: String,
    /// What follows for each. Paths rooted in the entity are bound to the instance.
    pub body: Vec<Item>,
    /// Where it stands.
    pub span: Span,
}

/// `if condition { body }`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Guard {
    /// What is tested, once.
    pub condition: Condition,
    /// The condition as written, on one line.
    pub text: String,
    /// The duties of the same block that produce what the condition reads. The guard is
    /// decided when each of them is fulfilled; at the trigger when there is none.
    pub awaits: Vec<ClauseId>,
    /// What follows when it holds.
    pub body: Vec<Item>,
    /// Where it stands.
    pub span: Span,
}

/// `must | should | could`, and above them what must always hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Strength {
    /// Assertions and invariants: above every duty.
    Invariant,
    /// A hard gap: an agent at once; promotion waits.
    Must,
    /// A soft gap: low priority.
    Should,
    /// An opportunity, when there is budget to spare.
    Could,
}

impl Strength {
    /// As a spec writes it before a duty.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Invariant => "invariant",
            Self::Must => "must",
            Self::Should => "should",
            Self::Could => "could",
        }
    }
}

/// Who is expected to act.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Performer {
    /// An ephemeral agent (the default): the gap opens at activation, after `settle`.
    Agent,
    /// The world: the gap opens when due passes.
    System,
    /// A person, and any `await_…`: waited for, never given to an agent.
    Human,
}

/// One duty clause.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Duty {
    /// Its identity across edits.
    pub id: ClauseId,
    /// Its readable name, unique in the spec: the action's name, with `.2`, `.3` … for repeats.
    pub slug: String,
    /// How hard it is.
    pub strength: Strength,
    /// `each must:` one event satisfies one obligation only.
    pub each: bool,
    /// The action's name.
    pub action: String,
    /// The call as written, on one line: `update_engagement_score(interaction.customer)`.
    pub text: String,
    /// Canonical event types, any of which satisfies it.
    pub satisfied_by: Vec<String>,
    /// The arguments, `requires:` excepted.
    pub arguments: Vec<Argument>,
    /// `requires: x`: satisfaction counts only while x is held.
    pub requires: Vec<Requirement>,
    /// The deadline, from the activation's time.
    pub within: Option<Length>,
    /// What is owed instead when due passes. Its own `within` is filled in from `default_within`.
    pub fallback: Option<Box<Duty>>,
    /// Who is expected to do it.
    pub by: Performer,
    /// `effect: external`: never repeated or backfilled without a human's word.
    pub external: bool,
    /// `using inferred`: enrichments may be read.
    pub using_inferred: bool,
    /// Where it stands.
    pub span: Span,
}

/// One argument of a duty's call.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Argument {
    /// As written before the colon, when it is.
    pub name: Option<String>,
    /// As written, on one line. Empty where nothing is written: a duty is bound to the instances
    /// around it that no argument names.
    pub text: String,
    /// What it is there for.
    pub role: Role,
    /// What it evaluates to when the duty is activated.
    pub value: Expr,
}

/// What an argument does for satisfaction.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub enum Role {
    /// Entity-typed: the satisfying event must carry the same instance, in the first of `fields`
    /// that it has (the argument's own name, then the entity's).
    Key {
        /// The entity that the value names.
        entity: String,
        /// Fields of the satisfying event to look in, in order.
        fields: Vec<String>,
    },
    /// Must agree if the satisfying event carries `field`.
    Agree {
        /// The argument's own name, or the last name of its path.
        field: String,
    },
    /// Nothing that a log carries: told to the agent, never compared.
    Guidance,
}

/// `requires: x`. It is held for an obligation while the newest event of `from` or `until` that
/// agrees on every key argument is one of `from`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Requirement {
    /// `data_access_authorisation`.
    pub name: String,
    /// Canonical event types that grant it: `x`, `x.granted`, `x_granted`, or as declared.
    pub from: Vec<String>,
    /// Canonical event types that end it: `x.revoked`, `x_revoked`, `x.expired`, or as declared.
    pub until: Vec<String>,
}

/// An expression that is evaluated against the trigger and the state of the log.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub enum Expr {
    /// A number, text, truth value or length of time, as written.
    Literal(Literal),
    /// A bare word that names nothing in the spec: `churn_risk_rising`, `high`.
    Symbol(String),
    /// `interaction.customer.has_account_manager`.
    Path(Path),
    /// `engagement(interaction.customer).trend`.
    Measure {
        /// The measure's name.
        measure: String,
        /// Whose: an entity-typed path.
        of: Path,
        /// Which attribute.
        attribute: String,
    },
    /// `threshold.churn_warning` used as a plain number.
    Threshold(String),
    /// `customer.interactions.count`: how many live instances of `member` name this instance in
    /// their attribute `through`. A bare collection is read as the same number.
    Count {
        /// Whose collection.
        of: Path,
        /// The entity of the members.
        member: String,
        /// Their attribute that names the owner.
        through: String,
    },
    /// `count(alert.critical)`: how many live instances of an entity there are for which the
    /// condition, bound to the instance, holds. Only in assertions over the system as a whole.
    Instances {
        /// Which entity.
        entity: String,
        /// Which of them; all when none.
        condition: Option<Box<Condition>>,
    },
    /// Any other call: the agent is told, nothing is computed.
    Call(String),
}

/// A value written in a spec.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub enum Literal {
    /// `45`, `0.95`, `95%` (as 0.95).
    Number(f64),
    /// `"text"`.
    Text(String),
    /// `true`, `false`.
    Truth(bool),
    /// `4h`.
    Length(Length),
}

/// Where a value is found: a field of the trigger event, then attributes, hop by hop.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Path {
    /// The trigger's field: usually an entity's name, `interaction`.
    pub root: String,
    /// The root is not carried by the trigger: it is the instance that the block's trigger, a
    /// `for each` around or the assertion is bound to, the innermost of that entity.
    pub bound: bool,
    /// The entity that the root's value names.
    pub entity: Option<String>,
    /// The attributes after it. Each is an attribute of the entity before it.
    pub hops: Vec<Hop>,
}

/// One step of a path.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Hop {
    /// The attribute, or a state of the entity before it (`alert.unacknowledged`), whose value is
    /// then whether it is held.
    pub attribute: String,
    /// The entity that its value names, if it names one.
    pub entity: Option<String>,
}

/// What a guard tests.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub enum Condition {
    /// All of them.
    And(Vec<Condition>),
    /// Any of them.
    Or(Vec<Condition>),
    /// Not that.
    Not(Box<Condition>),
    /// Two values compared.
    Compare {
        /// Left side.
        left: Expr,
        /// How.
        op: Comparison,
        /// Right side.
        right: Expr,
        /// As written.
        text: String,
    },
    /// An edge: the value just before the trigger against the value at the decision.
    Crosses {
        /// What is watched: a measure or an attribute.
        value: Expr,
        /// The level.
        level: f64,
        /// The threshold's name, when it has one.
        threshold: Option<String>,
        /// Which way.
        direction: Direction,
        /// As written.
        text: String,
    },
    /// A bare value: true if it is there and neither false, zero nor empty.
    Holds {
        /// The value.
        value: Expr,
        /// As written.
        text: String,
    },
    /// `x exists`, `x has y`: true if there is a value, false if there is none; never unknown. Of a
    /// collection: whether it has a member.
    Exists {
        /// The value.
        value: Expr,
        /// As written.
        text: String,
    },
}

/// How two values are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
pub enum Comparison {
    /// `=`, `==` or `is`.
    Equal,
    /// `!=`.
    NotEqual,
    /// `<`.
    Less,
    /// `<=`.
    LessOrEqual,
    /// `>`.
    Greater,
    /// `>=`.
    GreaterOrEqual,
}

impl Comparison {
    /// What holds of two values when this does not.
    #[must_use]
    pub const fn negated(self) -> Self {
        match self {
            Self::Equal => Self::NotEqual,
            Self::NotEqual => Self::Equal,
            Self::Less => Self::GreaterOrEqual,
            Self::LessOrEqual => Self::Greater,
            Self::Greater => Self::LessOrEqual,
            Self::GreaterOrEqual => Self::Less,
        }
    }
}

/// A length of time as the language has it: calendar months and a fixed part.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Length {
    /// Calendar months (`1mo`; a year is twelve).
    pub months: u32,
    /// Microseconds.
    pub micros: i64,
}

/// Something that the text says and this version does not evaluate.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Unevaluated {
    /// `every week`, `always`, `capability assign_rep`.
    pub what: String,
    /// Where it stands.
    pub span: Span,
}

impl Spec {
    /// Every duty in the order of the text, fallbacks right after what they replace.
    pub fn duties(&self) -> impl Iterator<Item = &Duty> {
        let mut found = Vec::new();
        for block in &self.blocks {
            collect_duties(&block.body, &mut found);
        }
        found.into_iter()
    }
}

fn collect_duties<'a>(items: &'a [Item], found: &mut Vec<&'a Duty>) {
    for item in items {
        match item {
            Item::Duty(duty) => {
                let mut next = Some(duty);
                while let Some(duty) = next {
                    found.push(duty);
                    next = duty.fallback.as_deref();
                }
            }
            Item::Guard(guard) => collect_duties(&guard.body, found),
            Item::ForEach(each) => collect_duties(&each.body, found),
        }
    }
}

impl Length {
    /// A fixed length.
    #[must_use]
    pub const fn from_micros(micros: i64) -> Self {
        Self { months: 0, micros }
    }
}

impl std::fmt::Display for SpecHash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl std::fmt::Display for ClauseId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl Serialize for SpecHash {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl Serialize for ClauseId {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
