//! The proving ground: Plans, simulated doors, nodes, faults, oracles, shrinking.
//!
//! In: a seed or a [`Plan`]. Out: a [`History`], and what the oracles say of it.
//! Never: reads the machine's clock or entropy; imported by the engine.
//! Promise: same build, same Plan, same lane: same bytes.
pub mod audit;
pub mod canaries;
pub mod converged;
pub mod coverage;
pub mod director;
pub mod disk;
pub mod gate;
pub mod history;
pub mod lane;
pub mod marks;
mod meaning;
pub mod native;
pub mod nodes;
pub mod oracle;
pub mod plan;
pub mod report;
pub mod run;
pub mod shrink;
pub mod skew;
pub mod stage;
pub mod story;
pub mod trouble;
pub mod workload;
pub mod write;

pub use history::History;
pub use lane::Lane;
pub use plan::Plan;
pub use stage::{Doors, Stage};
