//! A spec compiled for evaluation: every name a number, every event type with what it touches.
//!
//! In: lookups by number or name. Out: plans, which say what to read and whom to ask.
//! Never: changes after [`Program::compile`] (see `compile`), and never sees an event.
//! Promise: a clause's number is its place in [`Spec::duties`], so equal specs number alike.
//! Start reading at [`Program`], then [`TypePlan`].

pub(crate) mod bounds;
pub(crate) mod watched;

use bounds::{BudgetPlan, MetricPlan, StandPlan, StandardPlan, ToldPlan};
use foldhash::fast::FixedState;
use hashbrown::HashMap;
use homeostat_intent::lowered::{
    CatchUp, ClauseId, Comparison, Direction, Length, Performer, Period, SpecHash, Strength,
};
use homeostat_log::control::GapKind;
use serde::Serialize;
use watched::{AlwaysPlan, NumberPlan, Readers, ReportedPlan, RulesPlan, WatchPlan};

use crate::zones::Zone;

/// The number of a clause.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct ClauseIndex(pub u32);

/// The number of a guard.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct GuardIndex(pub u32);

/// A compiled spec. Immutable; shared by every evaluator of it.
#[derive(Debug)]
pub struct Program {
    pub(crate) name: Option<String>,
    pub(crate) hash: SpecHash,
    pub(crate) settle: Length,
    /// Retroactive obligations that are owed at once.
    pub(crate) in_flight_max: usize,
    /// Whether any clause reads an attribute of an entity.
    pub(crate) remembers: bool,
    /// Canonical names and aliases.
    pub(crate) type_names: HashMap<Box<str>, u32, FixedState>,
    pub(crate) types: Vec<TypePlan>,
    pub(crate) fields: Vec<Box<str>>,
    pub(crate) entity_names: HashMap<Box<str>, u32, FixedState>,
    pub(crate) entities: Vec<EntityPlan>,
    /// The entities that something quantifies over.
    pub(crate) tracked: Vec<TrackedPlan>,
    /// Inverse collections that something counts.
    pub(crate) counts: Vec<CountPlan>,
    pub(crate) numbers: Vec<NumberPlan>,
    /// In the order in which they are looked at.
    pub(crate) watches: Vec<WatchPlan>,
    /// Those of the system as a whole.
    pub(crate) whole: Vec<u32>,
    pub(crate) readers: Readers,
    /// How many columns are followed the other way round.
    pub(crate) inverses: u32,
    pub(crate) reported: Vec<ReportedPlan>,
    /// Whether some entity has rules that events tell something.
    pub(crate) has_rules: bool,
    pub(crate) metrics: Vec<MetricPlan>,
    pub(crate) standards: Vec<StandardPlan>,
    pub(crate) budgets: Vec<BudgetPlan>,
    pub(crate) told: Vec<ToldPlan>,
    /// Everything that the contract says, in the order of the text.
    pub(crate) contract: Vec<StandPlan>,
    /// The system's clock.
    pub(crate) zone: Zone,
    pub(crate) columns: Vec<ColumnPlan>,
    pub(crate) blocks: Vec<BlockPlan>,
    /// The blocks that the calendar opens.
    pub(crate) periodic: Vec<u32>,
    pub(crate) guards: Vec<GuardPlan>,
    pub(crate) clauses: Vec<Clause>,
    pub(crate) slugs: HashMap<Box<str>, u32, FixedState>,
    pub(crate) requirements: Vec<RequirementPlan>,
    pub(crate) constants: Vec<Constant>,
}

/// What an event of one type touches.
#[derive(Debug, Default)]
pub(crate) struct TypePlan {
    pub(crate) name: Box<str>,
    pub(crate) entity: Option<u32>,
    /// Whether it is the entity's `created`: nothing about the instance can be known before it.
    pub(crate) creates: bool,
    /// The fields that are read from it, and their numbers.
    pub(crate) wanted: Vec<(Box<str>, u32)>,
    /// Measures that it carries: column, field of the instance, field of the value.
    pub(crate) measures: Vec<(u32, u32, u32)>,
    /// States that it begins (`true`) or ends: column, field of the instance.
    pub(crate) states: Vec<(u32, u32, bool)>,
    pub(crate) satisfies: Vec<u32>,
    pub(crate) triggers: Vec<u32>,
    /// Requirements that it grants (`true`) or ends.
    pub(crate) grants: Vec<(u32, bool)>,
    /// Which tracked entities it makes an instance alive of, if it names one.
    pub(crate) mentions: Vec<u32>,
    /// Erased instances that it shreds: column, field of the instance.
    pub(crate) shreds: Vec<(u32, u32)>,
    /// Metrics that it samples.
    pub(crate) samples: Vec<u32>,
}

/// An entity that something quantifies over: which of its instances are alive is remembered.
#[derive(Debug)]
pub(crate) struct TrackedPlan {
    /// The field that names the instance.
    pub(crate) field: u32,
    /// Whether only its `created` event makes an instance alive, since the spec knows one.
    pub(crate) created: bool,
    /// The counts whose members are its instances.
    pub(crate) counts: Vec<u32>,
    /// What is watched of its instances.
    pub(crate) watches: Vec<u32>,
}

/// How many living instances of one entity name an owner in one attribute.
#[derive(Debug)]
pub(crate) struct CountPlan {
    /// The members' entity.
    pub(crate) member: u32,
    /// Its number among the tracked entities.
    pub(crate) tracked: u32,
    /// The attribute that names the owner.
    pub(crate) column: u32,
}

/// What any event about an instance of one entity touches.
#[derive(Debug, Default)]
pub(crate) struct EntityPlan {
    pub(crate) name: Box<str>,
    /// The field that names the instance, when some clause reads attributes of it.
    pub(crate) field: Option<u32>,
    /// The attributes that some clause reads: name, field, column.
    pub(crate) attributes: Vec<(Box<str>, u32, u32)>,
    /// Its number among the tracked entities.
    pub(crate) tracked: Option<u32>,
    /// Everything that is remembered of an instance, and erased with it.
    pub(crate) columns: Vec<u32>,
    pub(crate) rules: RulesPlan,
    /// The attributes that must not change, when it is immutable, and whether they name instances.
    pub(crate) fixed: Vec<(u32, bool)>,
}

/// One remembered value per instance.
#[derive(Debug)]
pub(crate) struct ColumnPlan {
    /// `customer.has_account_manager`, `engagement(customer).trend`.
    pub(crate) name: String,
    /// The count whose members name their owner in it.
    pub(crate) counted: Option<u32>,
    /// The inverses of its two layers, by primary events alone and with enrichments.
    pub(crate) inverses: [Option<u32>; 2],
}

/// A block, or the body of a `for each`: what is entered for one trigger.
#[derive(Debug)]
pub(crate) struct BlockPlan {
    /// Canonical trigger names, for people.
    pub(crate) triggers: Vec<String>,
    pub(crate) opens: Opens,
    /// The instances that an occasion of it is bound to, the outermost first.
    pub(crate) bound: Vec<BoundPlan>,
    /// The trigger's fields that the block reads, [`UNCARRIED`] at the places of bound instances.
    /// Its frames hold their values in this order, which all bodies of one block share.
    pub(crate) frame: Vec<u32>,
    pub(crate) body: Vec<ItemPlan>,
    /// What its guards' crossings watch, read just before the trigger; with the layer to read.
    pub(crate) watched: Vec<(Read, bool)>,
    /// The clauses that some guard of the block, or of a `for each` inside or around, awaits: the
    /// bodies of one block share the list.
    pub(crate) awaited: Vec<u32>,
    /// Whether a guard of it awaits a duty of a block around.
    pub(crate) listens: bool,
}

impl BlockPlan {
    /// Whether it is the body of a `for each` inside another block.
    pub(crate) fn is_inside(&self) -> bool {
        matches!(self.opens, Opens::Each(_))
    }
}

/// What opens a block.
#[derive(Debug)]
pub(crate) enum Opens {
    /// An event of one of its triggers.
    Events,
    /// A condition over an instance that has lasted.
    Held(HeldPlan),
    /// The calendar.
    Every(Box<TickPlan>),
    /// It is the body of a `for each`, entered for each living instance when it is reached.
    Each(EachPlan),
    /// Nothing enters it: it is an assertion, whose violations are its occasions.
    Always(AlwaysPlan),
}

/// `for each customer with interactions.count > 3`.
#[derive(Debug)]
pub(crate) struct EachPlan {
    pub(crate) entity: u32,
    /// Which of them; all when none.
    pub(crate) filter: Option<Test>,
    /// Whether the filter reads what enrichments say.
    pub(crate) inferred: bool,
    /// The heading as written.
    pub(crate) text: String,
    /// The block around it.
    pub(crate) outer: u32,
}

/// `when alert.unacknowledged for 4h`.
#[derive(Debug)]
pub(crate) struct HeldPlan {
    /// Whose instances are watched.
    pub(crate) entity: u32,
    pub(crate) test: Test,
    /// Whether it reads what enrichments say.
    pub(crate) inferred: bool,
    pub(crate) lasting: Length,
    /// The condition as written.
    pub(crate) text: String,
}

/// `every day at rep.preferred_time`.
#[derive(Debug)]
pub(crate) struct TickPlan {
    pub(crate) period: Period,
    pub(crate) at: TickAt,
    pub(crate) catch_up: CatchUp,
    /// The system's zone, for whom none of its own is known.
    pub(crate) zone: Zone,
    /// Whether it reads what enrichments say.
    pub(crate) inferred: bool,
    /// The heading as written.
    pub(crate) text: String,
}

/// The local time of a tick.
#[derive(Debug)]
pub(crate) enum TickAt {
    /// Microseconds since midnight.
    Time(i64),
    /// What is said of each living instance of an entity.
    Of {
        entity: u32,
        /// The columns from the instance to its time of the day.
        hops: Vec<Option<u32>>,
        /// For each hop, the inverses to follow from whose value it is back to the instance.
        ways: Vec<Vec<u32>>,
        /// The column of its zone, if it has one.
        zone: Option<u32>,
    },
}

/// An instance that a body is bound to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BoundPlan {
    pub(crate) entity: u32,
    /// The frame's place of the instance.
    pub(crate) place: u32,
}

/// No field of an event.
pub(crate) const UNCARRIED: u32 = u32::MAX;
/// No block: the clause is no duty and no assertion.
pub(crate) const NO_BLOCK: u32 = u32::MAX;
/// No event type: the trigger is no event.
pub(crate) const NO_TYPE: u32 = u32::MAX;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ItemPlan {
    Duty(u32),
    Guard(u32),
    /// The number of its body among the blocks.
    Each(u32),
}

#[derive(Debug)]
pub(crate) struct GuardPlan {
    pub(crate) block: u32,
    pub(crate) text: String,
    pub(crate) test: Test,
    /// Places in the block's `awaited`.
    pub(crate) awaits: Vec<u32>,
    pub(crate) body: Vec<ItemPlan>,
    /// Whether it reads what enrichments say.
    pub(crate) inferred: bool,
}

/// A condition, compiled.
#[derive(Debug)]
pub(crate) enum Test {
    All(Vec<Test>),
    Any(Vec<Test>),
    Not(Box<Test>),
    Compare {
        left: Read,
        op: Comparison,
        right: Read,
        text: String,
    },
    Crosses {
        value: Read,
        watched: u32,
        level: f64,
        named: Option<String>,
        direction: Direction,
        text: String,
    },
    Holds {
        value: Read,
        text: String,
    },
    Exists {
        value: Read,
        text: String,
    },
}

/// Where a value is found.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Read {
    /// Nothing that can be computed.
    Nowhere,
    Constant(u32),
    Path(PathRead),
    /// How many members name the instance that the path leads to.
    Count {
        of: PathRead,
        count: u32,
    },
    /// How many instances some condition holds for.
    Number(u32),
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct PathRead {
    /// The frame's place of the root.
    pub(crate) root: u32,
    pub(crate) entity: Option<u32>,
    /// The frame's place of the first attribute: a trigger about the root's instance is asked first.
    pub(crate) own: Option<u32>,
    /// A column for each hop; none where nothing can be known.
    pub(crate) hops: Vec<Option<u32>>,
}

/// A value written in the spec.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Constant {
    Number(f64),
    Text(String),
    Truth(bool),
}

/// One duty, compiled, with the facts that other rooms ask about.
#[derive(Debug)]
pub struct Clause {
    /// Its identity across edits.
    pub id: ClauseId,
    /// Its readable name, unique in the spec.
    pub slug: String,
    /// How hard it is.
    pub strength: Strength,
    /// Who is expected to act.
    pub performer: Performer,
    /// The action's name.
    pub action: String,
    /// The call as written.
    pub text: String,
    /// The deadline, from the activation's time.
    pub within: Option<Length>,
    /// `effect: external`.
    pub external: bool,
    /// Canonical event types, any of which satisfies it.
    pub satisfied_by: Vec<String>,
    /// The names of what it requires.
    pub requires: Vec<String>,
    /// The fallback, when it has one.
    pub fallback: Option<ClauseIndex>,
    /// The duty that it is the fallback of.
    pub fallback_of: Option<ClauseIndex>,
    /// The canonical event types that trigger its block.
    pub triggers: Vec<String>,
    pub(crate) each: bool,
    /// `using inferred`: enrichments satisfy it too.
    pub using_inferred: bool,
    pub(crate) arguments: Vec<ArgumentPlan>,
    /// What is evaluated at activation, the keys first.
    pub(crate) bound: Vec<Read>,
    pub(crate) keys: Vec<KeyPlan>,
    /// What must agree if it is carried.
    pub(crate) agrees: Vec<AgreePlan>,
    pub(crate) requirements: Vec<u32>,
    pub(crate) block: u32,
    /// What sort of gap it opens before any deadline has passed.
    pub(crate) gap: GapKind,
    /// The periodic block whose next tick it is due at, since it states no deadline.
    pub(crate) due_by_tick: Option<u32>,
    /// Its place in the block's `awaited`.
    pub(crate) awaited: Option<u32>,
    /// The bodies inside its block that have a guard that awaits it.
    pub(crate) awaited_inside: Vec<u32>,
    /// It says what always holds: what violates it ends when that holds again, and not with an
    /// event that names it.
    pub(crate) watched: bool,
}

#[derive(Debug)]
pub(crate) struct ArgumentPlan {
    pub(crate) name: String,
    pub(crate) shown: Shown,
}

#[derive(Debug)]
pub(crate) enum Shown {
    /// The value at this place of `bound`.
    Bound(u32),
    /// As written.
    Text(String),
    /// A constant.
    Constant(u32),
}

#[derive(Debug)]
pub(crate) struct AgreePlan {
    /// Its place in `bound`.
    pub(crate) place: u32,
    /// The field of the satisfying event.
    pub(crate) field: u32,
    /// Whether it is an instance that is bound, so that `7` and `"7"` agree.
    pub(crate) by_name: bool,
}

#[derive(Debug)]
pub(crate) struct KeyPlan {
    pub(crate) argument: String,
    pub(crate) entity: String,
    /// Fields of the satisfying event, in the order they are looked in.
    pub(crate) fields: Vec<u32>,
}

#[derive(Debug)]
pub(crate) struct RequirementPlan {
    pub(crate) name: String,
    /// For each key of the clause, the fields of the granting event.
    pub(crate) keys: Vec<Vec<u32>>,
}

impl Clause {
    /// Whether it says what must always hold, and is no duty.
    #[must_use]
    pub fn is_watched(&self) -> bool {
        self.watched
    }

    /// A clause that says no more than its name yet.
    pub(crate) fn bare(id: ClauseId, slug: &str, text: &str) -> Self {
        Self {
            id,
            slug: slug.to_owned(),
            strength: Strength::Must,
            performer: Performer::Agent,
            action: slug.to_owned(),
            text: text.to_owned(),
            within: None,
            external: false,
            satisfied_by: Vec::new(),
            requires: Vec::new(),
            fallback: None,
            fallback_of: None,
            triggers: Vec::new(),
            each: false,
            using_inferred: false,
            arguments: Vec::new(),
            bound: Vec::new(),
            keys: Vec::new(),
            agrees: Vec::new(),
            requirements: Vec::new(),
            block: NO_BLOCK,
            gap: GapKind::Reaction,
            due_by_tick: None,
            awaited: None,
            awaited_inside: Vec::new(),
            watched: false,
        }
    }
}

impl Program {
    /// The spec's name.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// The hash of the spec that it was compiled from.
    #[must_use]
    pub fn spec_hash(&self) -> SpecHash {
        self.hash
    }

    /// Every clause with its number, in the order of the text.
    pub fn clauses(&self) -> impl Iterator<Item = (ClauseIndex, &Clause)> {
        self.clauses.iter().zip(0..).map(|(clause, index)| (ClauseIndex(index), clause))
    }

    /// One clause. A number of another program is a broken invariant.
    #[must_use]
    pub fn clause(&self, index: ClauseIndex) -> &Clause {
        at(&self.clauses, index.0)
    }

    /// The clause that has this slug.
    #[must_use]
    pub fn clause_named(&self, slug: &str) -> Option<ClauseIndex> {
        self.slugs.get(slug).map(|&index| ClauseIndex(index))
    }

    /// A guard's condition as written.
    #[must_use]
    pub fn guard_text(&self, index: GuardIndex) -> &str {
        &at(&self.guards, index.0).text
    }

    /// Whether the calendar opens any of its blocks.
    #[must_use]
    pub fn is_periodic(&self) -> bool {
        !self.periodic.is_empty()
    }

    /// The canonical name of an event type that the spec knows by any name.
    #[must_use]
    pub fn canonical_type(&self, name: &str) -> Option<&str> {
        self.type_names.get(name).map(|&index| &*at(&self.types, index).name)
    }

    /// The block of the text that a body stands in, itself included.
    pub(crate) fn root(&self, block: u32) -> u32 {
        let mut root = block;
        while let Opens::Each(each) = &at(&self.blocks, root).opens {
            root = each.outer;
        }
        root
    }

    /// Whether fulfilling `by`, of the same chain, produces what `awaited` was to produce: it is that
    /// duty, or a fallback of it that one of the same events satisfies.
    pub(crate) fn stands_in(&self, by: ClauseIndex, awaited: ClauseIndex) -> bool {
        let mut stage = Some(by);
        while let Some(index) = stage {
            if index == awaited {
                let events = &self.clause(awaited).satisfied_by;
                return by == awaited
                    || self.clause(by).satisfied_by.iter().any(|name| events.contains(name));
            }
            stage = self.clause(index).fallback_of;
        }
        false
    }

    /// The first duty of the chain of fallbacks that `clause` belongs to.
    pub(crate) fn chain_start(&self, clause: ClauseIndex) -> ClauseIndex {
        let mut first = clause;
        while let Some(before) = self.clause(first).fallback_of {
            first = before;
        }
        first
    }
}

/// An element by a number that this program gave out itself.
pub(crate) fn at<T>(items: &[T], index: u32) -> &T {
    let Some(item) = items.get(index as usize) else {
        unreachable!("a program's numbers are places in its own lists; `{index}` is not");
    };
    item
}
