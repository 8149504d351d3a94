//! Questions that read the log: answered in tasks of their own, so that the loop goes on.
//!
//! In: a question and where its answer goes. Out: a task. Never: holds the loop up; changes anything.
//! Promise: an answer is of the log as it was when the question was taken.
//! Start reading at [`Loop::explain`].

use std::sync::Arc;

use homeostat_agents::Runner;
use homeostat_graph::{Consequences, Explainer, TimeLine};
use homeostat_log::{Event, LogError, Reader};
use homeostat_world::limits::APPEND_EVENTS_MAX;
use homeostat_world::{Clock, Position, Store, Tasks, Timestamp};
use tokio::sync::oneshot;

use super::Loop;
use crate::handle::{AskError, ReadQuery, Topic};
use crate::versions::{self, Inquiry, VersionError};

/// Events that a long read takes in before it lets others run: well under a millisecond.
pub(super) const YIELD_EVERY: u64 = 512;

impl<S, C, T, R> Loop<S, C, T, R>
where
    S: Store,
    C: Clock,
    T: Tasks,
    R: Runner,
{
    pub(super) fn explain(
        &self,
        topic: Topic,
        reply: oneshot::Sender<Result<Consequences, AskError>>,
        now: Timestamp,
    ) {
        let (reader, program, tasks) =
            (self.log.reader(), self.machine.program(), self.tasks.clone());
        let head = reader.head().position;
        // A question about the past is no obligation of its own: it came with its version.
        let topic = match topic {
            Topic::Gap(gap) => {
                homeostat_graph::asked_at(&gap).map_or(Topic::Gap(gap), Topic::Event)
            }
            event @ Topic::Event(_) => event,
        };
        let none = match &topic {
            Topic::Event(position) => AskError::NoSuchPosition { asked: *position, head },
            Topic::Gap(gap) => AskError::NoSuchGap(gap.clone()),
        };
        let explainer = match topic {
            Topic::Event(position) if position == Position::ZERO || position > head => None,
            Topic::Event(position) => Some(Explainer::new(program, position, TimeLine::Recorded)),
            Topic::Gap(gap) => {
                let name = program.parse_name(&gap);
                name.map(|name| Explainer::of(program, &name, TimeLine::Recorded))
            }
        };
        let Some(explainer) = explainer else {
            drop(reply.send(Err(none)));
            return;
        };
        let (versions, spec) = (self.machine.versions().to_vec(), Arc::clone(&self.spec));
        self.tasks.spawn("explain", async move {
            let told = async {
                let specs = versions::follow(&reader, &versions, &spec)?;
                let mut inquiry = Inquiry::new(explainer, &specs, TimeLine::Recorded)?;
                for (nth, event) in (1_u64..).zip(reader.read(Position::new(1))) {
                    inquiry.see(&event?)?;
                    if nth.is_multiple_of(YIELD_EVERY) {
                        tasks.yield_now().await;
                    }
                }
                Ok(inquiry.finish(Some(now)))
            };
            let told: Result<_, VersionError> = told.await;
            let answer = match told {
                Ok(found) => found.ok_or(none),
                Err(error) => Err(AskError::Log(error.to_string())),
            };
            // Whoever asked may have gone.
            drop(reply.send(answer));
        });
    }

    pub(super) fn read(
        &self,
        query: ReadQuery,
        reply: oneshot::Sender<Result<Vec<Event>, AskError>>,
    ) {
        let reader = self.log.reader();
        self.tasks.spawn("read", async move {
            let events = events(&reader, &query).map_err(|error| AskError::Log(error.to_string()));
            // Whoever asked may have gone.
            drop(reply.send(events));
        });
    }
}

fn events<S: Store>(reader: &Reader<S>, query: &ReadQuery) -> Result<Vec<Event>, LogError> {
    let limit = query.limit.min(APPEND_EVENTS_MAX);
    match &query.subject {
        Some(subject) => reader.by_subject(subject, query.from).take(limit).collect(),
        None => reader.read(query.from).take(limit).collect(),
    }
}
