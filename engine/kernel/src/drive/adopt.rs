//! Versions of the spec that people want to adopt while the engine runs, or see what they would do.
//!
//! In: texts and a name. Out: what a version would change, or its event in the log and the machine
//! evaluating it. Never: holds the loop up while the log is examined; lets two versions be considered
//! at once; adopts without a person's name.
//! Promise: a version is adopted in the place of the one that it was compared with, or not at all.
//! Start reading at [`Loop::consider`].

use std::sync::Arc;

use homeostat_agents::Runner;
use homeostat_intent::{Source, Spec, render};
use homeostat_log::{Actor, Append, Expect, Reader};
use homeostat_world::{Clock, Position, Store, Tasks};
use tokio::sync::oneshot;

use super::Loop;
use super::queries::YIELD_EVERY;
use super::round::{Destination, Round};
use crate::handle::{AdoptError, Adoption, AppendError, Evolved, Proposal, VersionView};
use crate::status::Health;
use crate::versions::{Next, evolved};

/// What somebody wants of a version.
#[derive(Debug)]
pub(super) enum Wish {
    /// To know what it would do.
    Preview(Vec<Source>, oneshot::Sender<Result<Proposal, AdoptError>>),
    /// To put it in force.
    Adopt(Adoption, oneshot::Sender<Result<Evolved, AdoptError>>),
}

/// A version that has examined the log, or why it cannot be considered.
#[derive(Debug)]
pub(super) struct Considered {
    wish: Wish,
    next: Result<Box<Next>, AdoptError>,
}

impl Wish {
    fn sources(&self) -> &[Source] {
        match self {
            Self::Preview(sources, _) => sources,
            Self::Adopt(adoption, _) => &adoption.sources,
        }
    }

    fn refuse(self, error: AdoptError) {
        // Whoever asked may have gone.
        match self {
            Self::Preview(_, reply) => drop(reply.send(Err(error))),
            Self::Adopt(_, reply) => drop(reply.send(Err(error))),
        }
    }
}

impl<S, C, T, R> Loop<S, C, T, R>
where
    S: Store,
    C: Clock,
    T: Tasks,
    R: Runner,
{
    /// Lets a version examine the log, in a task of its own.
    pub(super) fn consider(&mut self, wish: Wish) {
        if let Err(error) = self.may_consider(&wish) {
            return wish.refuse(error);
        }
        let (reader, tasks) = (self.log.reader(), self.tasks.clone());
        let (before, answer) = (Arc::clone(&self.spec), self.considered_in.clone());
        let task = self.tasks.spawn("consider", async move {
            let next = examined(&reader, &tasks, &before, wish.sources()).await;
            // The loop may have ended meanwhile; then nobody waits for an answer any more.
            drop(answer.send(Considered { wish, next: next.map(Box::new) }).await);
        });
        self.considering = Some(task);
    }

    fn may_consider(&self, wish: &Wish) -> Result<(), AdoptError> {
        if self.considering.is_some() {
            return Err(AdoptError::Busy);
        }
        let Wish::Adopt(adoption, _) = wish else { return Ok(()) };
        if let Health::ReadOnly { reason } = &self.health {
            return Err(AppendError::ReadOnly(reason.clone()).into());
        }
        if adoption.by.trim().is_empty() {
            return Err(AdoptError::Nobody);
        }
        self.is_expected(adoption)
    }

    /// Whether the version in force is the one that whoever adopts has seen.
    fn is_expected(&self, adoption: &Adoption) -> Result<(), AdoptError> {
        let found = self.spec.hash.to_string();
        match &adoption.expected {
            Some(expected) if *expected != found => {
                Err(AdoptError::Expected { expected: expected.clone(), found })
            }
            _ => Ok(()),
        }
    }

    /// A version has examined the log: it sees the rest, and is adopted or compared.
    pub(super) fn gather_considered(&mut self, round: &mut Round, considered: Considered) {
        self.considering = None;
        let Considered { wish, next } = considered;
        let next = next.and_then(|mut next| {
            for event in self.log.reader().read(next.position().next()) {
                next.see(&event.map_err(|error| AdoptError::Log(error.to_string()))?);
            }
            Ok(next)
        });
        let next = match next {
            Ok(next) => next,
            Err(error) => return wish.refuse(error),
        };
        match wish {
            Wish::Preview(_, reply) => drop(reply.send(Ok(self.proposal(&next)))),
            Wish::Adopt(adoption, reply) => self.gather_adoption(round, adoption, *next, reply),
        }
    }

    fn gather_adoption(
        &mut self,
        round: &mut Round,
        adoption: Adoption,
        next: Next,
        reply: oneshot::Sender<Result<Evolved, AdoptError>>,
    ) {
        let proposal = self.proposal(&next);
        let wish = Wish::Adopt(adoption, reply);
        // It may be another one by now.
        if let Err(error) = self.may_consider(&wish) {
            return wish.refuse(error);
        }
        let Wish::Adopt(adoption, reply) = wish else { return };
        if proposal.diff.from == proposal.diff.to {
            drop(reply.send(Err(AdoptError::InForce(proposal.diff.to.to_string()))));
            return;
        }
        let control = evolved(next.spec(), &adoption.sources, &adoption.by, &proposal.diff);
        let Some(mut event) = self.control_event(round, &control) else {
            drop(reply.send(Err(AdoptError::Unwritable)));
            return;
        };
        event.actor = Actor::Human(adoption.by);
        let spec = Arc::clone(next.spec());
        self.machine.prepare(next);
        let append = Append { events: vec![event], expect: Expect::Any };
        round.push(append, Destination::Adoption(Box::new((proposal, spec)), reply));
    }

    fn proposal(&self, next: &Next) -> Proposal {
        next.proposal(&self.machine.graph, &self.spec)
    }

    /// Every version that was put in force, with what it asked of the past and how far that is.
    pub(super) fn versions(&self) -> Vec<VersionView> {
        let graph = &self.machine.graph;
        let view = |version: &crate::versions::Version| {
            let backfill = graph.backfills().find(|it| it.position == version.position);
            let left = graph.backfill_left(version.position);
            VersionView { version: version.clone(), backfill, left }
        };
        self.machine.versions().iter().map(view).collect()
    }
}

/// Loads a version and shows it all of the log, letting others run in between.
async fn examined<S: Store, T: Tasks>(
    reader: &Reader<S>,
    tasks: &T,
    before: &Spec,
    sources: &[Source],
) -> Result<Next, AdoptError> {
    let loaded = homeostat_intent::load(sources);
    if loaded.has_errors() {
        let errors = loaded.errors().count();
        let findings = render::text(&loaded.diagnostics, sources, false);
        return Err(AdoptError::Spec { errors, findings });
    }
    let mut next = Next::new(loaded.spec, before)?;
    let head: Position = reader.head().position;
    for (nth, event) in (1_u64..).zip(reader.read(Position::new(1))) {
        let event = event.map_err(|error| AdoptError::Log(error.to_string()))?;
        if event.position > head {
            break;
        }
        next.see(&event);
        if nth.is_multiple_of(YIELD_EVERY) {
            tasks.yield_now().await;
        }
    }
    Ok(next)
}
