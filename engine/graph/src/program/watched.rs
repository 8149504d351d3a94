//! What is watched: conditions over each instance of an entity, or over the system, and which values
//! concern them.
//!
//! In: nothing. Out: plans, as `compile` fills them in. Never: sees an event.
//! Promise: watches are numbered in the order in which they are looked at: numbers that others read,
//! held blocks, assertions. Start reading at [`WatchPlan`].

use homeostat_intent::lowered::Length;

use super::{Program, Test, at};

/// A condition that is looked at again whenever what it reads has changed.
#[derive(Debug)]
pub(crate) struct WatchPlan {
    pub(crate) of: Watched,
    /// The watched entity's number among those that are tracked; none for the system as a whole.
    pub(crate) tracked: Option<u32>,
    /// Whether it reads what enrichments say.
    pub(crate) inferred: bool,
    /// How long it has to last before anything comes of it.
    pub(crate) lasting: Option<Length>,
    /// How many places its frame has. The instance is at the first.
    pub(crate) frame: u32,
}

/// What becomes of a watch that is true.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Watched {
    /// It is counted, for a number that other watches read.
    Number(u32),
    /// A held block is entered, or an assertion is violated.
    Block(u32),
}

/// How many instances of an entity there are for which a condition holds.
#[derive(Debug)]
pub(crate) struct NumberPlan {
    pub(crate) entity: u32,
    /// All living instances when none.
    pub(crate) test: Option<Test>,
    pub(crate) frame: u32,
}

/// An assertion: its violation is what is watched.
#[derive(Debug)]
pub(crate) struct AlwaysPlan {
    pub(crate) clause: u32,
    /// Whose instances; none: the system as a whole.
    pub(crate) entity: Option<u32>,
    pub(crate) violated: Test,
    pub(crate) longest: Option<Length>,
    pub(crate) ends: Ends,
    /// What finds it.
    pub(crate) found: Found,
}

/// What finds a violation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// The values that a condition reads.
    Values,
    /// A checker outside of the graph.
    Reported(String),
    /// Events about the instance.
    Rule,
}

/// How a violation comes to its end, besides that what is asserted holds again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ends {
    /// With the instance.
    WithInstance,
    /// The same, and with a person's word: this column then forgets what it was.
    WithWord(u32),
    /// The same, and once time has passed what this column says.
    WithTime(u32),
    /// It is about erased instances, and outlives them.
    AfterErasure,
}

/// A watch that a changed value concerns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Reader {
    pub(crate) watch: u32,
    /// The inverses to follow from the value's instance to the watched ones.
    pub(crate) way: Vec<u32>,
}

/// Which watches a change concerns.
#[derive(Debug, Default)]
pub(crate) struct Readers {
    /// By column.
    pub(crate) columns: Vec<Vec<Reader>>,
    /// By count.
    pub(crate) counts: Vec<Vec<Reader>>,
    /// By number: watches of the system as a whole.
    pub(crate) numbers: Vec<Vec<u32>>,
}

/// What rules say of an entity: columns that hold what they found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct RulesPlan {
    /// Whether an attribute of the instance was changed after it was there: one for each rule that
    /// forbids it, since a person lets it go for one of them.
    pub(crate) changed: Vec<u32>,
    /// Until when an event about the instance lies in the future.
    pub(crate) future: Option<u32>,
    /// Whether the erased instance is still to be shredded.
    pub(crate) unshredded: Option<u32>,
}

/// A checker outside the graph, and the column of what it reported.
#[derive(Debug)]
pub(crate) struct ReportedPlan {
    pub(crate) checker: String,
    pub(crate) entity: u32,
    pub(crate) column: u32,
}

impl WatchPlan {
    /// What has to hold; none when being alive is enough.
    pub(crate) fn test<'p>(&self, program: &'p Program) -> Option<&'p Test> {
        use super::Opens;
        match self.of {
            Watched::Number(number) => at(&program.numbers, number).test.as_ref(),
            Watched::Block(block) => match &at(&program.blocks, block).opens {
                Opens::Held(held) => Some(&held.test),
                Opens::Always(always) => Some(&always.violated),
                Opens::Events | Opens::Every(_) | Opens::Each(_) => None,
            },
        }
    }

    /// The assertion, when it is one.
    pub(crate) fn always<'p>(&self, program: &'p Program) -> Option<&'p AlwaysPlan> {
        use super::Opens;
        let Watched::Block(block) = self.of else { return None };
        match &at(&program.blocks, block).opens {
            Opens::Always(always) => Some(always),
            Opens::Held(_) | Opens::Events | Opens::Every(_) | Opens::Each(_) => None,
        }
    }
}
