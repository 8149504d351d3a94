//! The consequence graph: what should follow, has followed, is due.
//!
//! In: a lowered spec, then events in position order and how far time has come. Out: changes.
//! Never: reads a clock, starts anything, scans the log for one event.
//! Promise: the same spec and log give the same changes; `reference` says which, by scanning.
//! Start reading at [`Evaluator`]; what a spec compiles to is in [`Program`].
mod bounds;
mod calendar;
mod change;
mod checkpoint;
mod columns;
mod compile;
mod contract;
mod counts;
mod datum;
mod deadlines;
pub mod draw;
mod erasure;
mod evaluator;
mod evolve;
pub mod explain;
mod fact;
#[cfg(test)]
mod fixtures;
mod ground;
mod guards;
mod instances;
mod intern;
mod inverse;
mod occasion;
mod open;
mod program;
pub mod reference;
mod rules;
mod satisfy;
pub mod scenario;
mod state;
mod table;
mod ticks;
mod tree;
mod view;
mod watch;
mod wheel;
mod zones;

pub use change::{Change, Fulfilment, ObligationId};
pub use checkpoint::RestoreError;
pub use compile::CompileError;
pub use contract::{Breach, Standing, Verdict};
pub use datum::Truth;
pub use evaluator::{Evaluator, Footprint};
pub use evolve::{
    Adoption, BACKFILL, BackfillView, ClausePreview, Preview, Retroactive,
    Standing as BackfillStanding, asked_at, question,
};
pub use explain::{Consequences, Explainer, TimeLine};
pub use fact::{Fact, Fields, LineError};
pub use ground::{Ground, Violation};
pub use occasion::{Began, ObligationName};
pub use program::bounds::{Judge, Sort};
pub use program::{Clause, ClauseIndex, GuardIndex, Program};
pub use view::{
    ClauseSummary, GuardSummary, GuardTally, KeyView, ObligationState, ObligationView, Summary,
    Tally,
};
