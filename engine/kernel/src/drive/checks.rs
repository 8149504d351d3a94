//! Runs the checks in a task of their own, and writes down what is news: of them, and of whoever checks what the engine
//! cannot see.
//!
//! In: the time, or somebody's wish. Out: `check.reported` where a check differs from what the log says it found.
//! Never: holds the loop up for longer than it takes to write a checkpoint; runs twice at once; repairs what it finds.
//! Promise: a check is of the log and of the state at one position, whatever happens meanwhile.
//! Start reading at [`Loop::begin_check`].

use homeostat_agents::Runner;
use homeostat_conductor::Decision;
use homeostat_intent::lowered::Checker as Judging;
use homeostat_log::{Actor, Append, ChainHash, Control, Expect};
use homeostat_world::{Clock, Position, Store, TaskHandle, Tasks, Timestamp};
use tokio::sync::oneshot;

use super::Loop;
use super::queries::YIELD_EVERY;
use super::round::{Destination, Round};
use crate::check::{Checked, Checker, LogCheck, Look, StateCheck, Stepped};
use crate::contract::{Finding, ReportError, Reported};
use crate::handle::{AppendError, CheckBegun};
use crate::status::Health;
use crate::versions::{self, VersionError};

/// A check that is under way.
#[derive(Debug)]
pub(super) struct Checking<H> {
    begun: CheckBegun,
    task: H,
}

impl<S, C, T, R> Loop<S, C, T, R>
where
    S: Store,
    C: Clock,
    T: Tasks,
    R: Runner,
{
    /// When the next check is due by itself.
    pub(super) fn next_check(&self) -> Option<Timestamp> {
        self.next_check.filter(|_| self.checking.is_none())
    }

    /// Begins what is due or was asked for. To be called between rounds, when the machine has seen all that is in the
    /// log and nothing of the next round.
    pub(super) fn check_if_due(&mut self, now: Timestamp) {
        if !self.wish_to_check.is_empty() || self.next_check().is_some_and(|at| at <= now) {
            let begun = self.begin_check(now);
            for reply in std::mem::take(&mut self.wish_to_check) {
                // Whoever asked may have gone; the check goes on.
                drop(reply.send(begun.clone()));
            }
        }
    }

    /// A version took over: what it asks and nobody has answered is looked at now, where checks are made at all.
    pub(super) fn check_for_answers(&mut self, now: Timestamp) {
        // A command is run with a check; a person is not.
        let is_looked_at = |checker: &Judging| !matches!(checker, Judging::Review);
        if self.settings.check_every.is_some() && self.machine.lacks_answers(is_looked_at) {
            self.next_check = Some(now);
        }
    }

    /// Begins a check of the present state, unless one is under way.
    pub(super) fn begin_check(&mut self, now: Timestamp) -> CheckBegun {
        if let Some(checking) = &self.checking {
            return checking.begun.clone();
        }
        self.next_check = self.settings.check_every.map(|every| now + every);
        let head = self.log.head();
        assert!(self.machine.applied() == head.position, "a check is of the head");
        let mut checkers: Vec<Box<dyn Checker>> = Vec::new();
        match self.state_check(head.chain) {
            Ok(check) => checkers.push(Box::new(check)),
            Err(error) => tracing::warn!(%error, "the state is not checked"),
        }
        checkers.push(Box::new(LogCheck::default()));
        let checks = checkers.iter().map(|checker| checker.name().to_owned()).collect();
        let begun = CheckBegun { position: head.position, checks };
        for reply in self.await_check.drain(..) {
            // Whoever waits may have gone.
            drop(reply.send(begun.clone()));
        }
        // Taken here, so that it reaches exactly as far as the state does.
        let mut look = Look::new(self.log.reader().prove(Position::new(1)), checkers);
        let (checked, tasks) = (self.checked_in.clone(), self.tasks.clone());
        let task = self.tasks.spawn("check", async move {
            for nth in 1_u64.. {
                let Some(stepped) = look.step() else { break };
                if stepped == Stepped::Indexes || nth.is_multiple_of(YIELD_EVERY) {
                    tasks.yield_now().await;
                }
            }
            let found = look.found();
            // The loop may have ended; then the next start checks again.
            drop(checked.send(Checked { position: head.position, at: now, found }).await);
        });
        self.checking = Some(Checking { begun: begun.clone(), task });
        begun
    }

    /// A check of the present state, by a replay through every version that was in force.
    fn state_check(&self, chain: ChainHash) -> Result<StateCheck, VersionError> {
        let specs = versions::follow(&self.log.reader(), self.machine.versions(), &self.spec)?;
        let first = specs.first().unwrap_or(&self.spec);
        let blank = self.machine.blank(first)?;
        Ok(StateCheck::of(&self.machine, blank, versions::later(&specs)?, chain))
    }

    /// Takes in what a check found. What the log lacks of it goes into the next round.
    pub(super) fn take_check(&mut self, checked: Checked) {
        self.checking = None;
        let asked = self.machine.asked();
        let news = self.machine.reports().news(&checked, |check| asked.contains(check));
        for control in &news {
            if let Control::CheckReported { holds: Some(true), .. } = control {
                tracing::info!(?control, "a check found that all is well, and had not said so");
            } else {
                tracing::warn!(?control, "a check found another answer than the last one");
            }
        }
        if self.health == Health::Ok {
            self.carried.extend(news.into_iter().map(Decision::Record));
        }
        self.last_check = Some(checked);
    }

    /// What somebody outside found, where it is news.
    pub(super) fn gather_report(
        &mut self,
        round: &mut Round,
        finding: Finding,
        reply: oneshot::Sender<Result<Reported, ReportError>>,
    ) {
        if let Health::ReadOnly { reason } = &self.health {
            drop(reply.send(Err(AppendError::ReadOnly(reason.clone()).into())));
            return;
        }
        // Whoever reports may have gone; then the answer is of no use to anybody.
        match self.machine.take_finding(&finding) {
            Ok(None) => {
                let by = finding.by.clone();
                match self.control_event(round, &finding.into()) {
                    Some(mut event) => {
                        event.actor = Actor::Human(by);
                        let append = Append { events: vec![event], expect: Expect::Any };
                        round.push(append, Destination::Checker(reply));
                    }
                    None => drop(reply.send(Err(ReportError::Unwritable))),
                }
            }
            Ok(Some(position)) => {
                drop(reply.send(Ok(Reported { position, is_news: false })));
            }
            Err(error) => drop(reply.send(Err(error))),
        }
    }

    /// Stops a check that is under way, and waits until it has.
    pub(super) async fn stop_checking(&mut self) {
        if let Some(checking) = self.checking.take() {
            checking.task.cancel();
            checking.task.join().await;
        }
    }
}
