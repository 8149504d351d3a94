//! One run of checks: a walk over the log with everybody who wants to see it.
//!
//! In: a proof of the log, checkers. Out: what each found. Never: takes long over one step.
//! Promise: each checker sees every event that the proof proves, once and in order, and hears how the proof ended.
//! Start reading at [`Look::step`].

use std::collections::BTreeMap;

use homeostat_log::{LogError, Proof, Step, Verified};
use homeostat_world::{Position, Snapshot};

use super::{Checker, Found};

/// A run of checks that is under way.
pub struct Look<P> {
    proof: Option<Proof<P>>,
    checkers: Vec<Box<dyn Checker>>,
    end: Option<Result<Verified, LogError>>,
}

/// What one step went over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stepped {
    /// The event at this position.
    Event(Position),
    /// Keys of the indexes.
    Indexes,
}

impl<P: Snapshot> Look<P> {
    /// Before the first event. A proof that could not begin is heard as one that broke off.
    #[must_use]
    pub fn new(proof: Result<Proof<P>, LogError>, checkers: Vec<Box<dyn Checker>>) -> Self {
        let mut look = Self { proof: None, checkers, end: None };
        match proof {
            Ok(proof) => look.proof = Some(proof),
            Err(error) => look.end_with(Err(error)),
        }
        look
    }

    /// Goes on; none at the end.
    pub fn step(&mut self) -> Option<Stepped> {
        match self.proof.as_mut()?.step() {
            Ok(Step::Event(event)) => {
                self.checkers.iter_mut().for_each(|checker| checker.see(&event));
                return Some(Stepped::Event(event.position));
            }
            Ok(Step::Indexes) => return Some(Stepped::Indexes),
            Ok(Step::Whole(verified)) => self.end_with(Ok(verified)),
            Err(error) => self.end_with(Err(error)),
        }
        None
    }

    /// How the proof ended, once it has.
    #[must_use]
    pub const fn end(&self) -> Option<&Result<Verified, LogError>> {
        self.end.as_ref()
    }

    /// What each checker found, by its name. To be asked at the end.
    #[must_use]
    pub fn found(self) -> BTreeMap<&'static str, Found> {
        assert!(self.proof.is_none(), "the log was walked to its end, or to where it is damaged");
        self.checkers.into_iter().map(|checker| (checker.name(), checker.found())).collect()
    }

    fn end_with(&mut self, end: Result<Verified, LogError>) {
        self.proof = None;
        let heard = end.as_ref().map(|verified| verified.index_faults);
        self.checkers.iter_mut().for_each(|checker| checker.proved(heard));
        self.end = Some(end);
    }
}

impl<P> std::fmt::Debug for Look<P> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.checkers.iter().map(|checker| checker.name())).finish()
    }
}
