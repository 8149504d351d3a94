//! Questions that read the log: answered in tasks of their own, so that the loop goes on.
//!
//! In: a question and where its answer goes. Out: a task. Never: holds the loop up; changes anything.
//! Promise: an answer is of the log as it was when the question was taken.
//! Start reading at [`Loop::explain`].

use homeostat_agents::Runner;
use homeostat_graph::{Change, Consequences, Evaluator, Explainer, TimeLine};
use homeostat_log::{Event, LogError, Reader};
use homeostat_world::limits::APPEND_EVENTS_MAX;
use homeostat_world::{Clock, Position, Store, Tasks, Timestamp};
use tokio::sync::oneshot;

use super::Loop;
use crate::handle::{AskError, ReadQuery, Topic};
use crate::versions::{self, Succession, VersionError};

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
        let Some(mut explainer) = explainer else {
            drop(reply.send(Err(none)));
            return;
        };
        let mut life = match self.life() {
            Ok(life) => life,
            Err(error) => {
                drop(reply.send(Err(AskError::Log(error.to_string()))));
                return;
            }
        };
        self.tasks.spawn("explain", async move {
            let mut answer = Ok(());
            for (nth, event) in (1_u64..).zip(reader.read(Position::new(1))) {
                let seen = event.map_err(VersionError::from).and_then(|event| {
                    explainer.see(&event);
                    let life = life.as_mut();
                    let mut hear = |said: &[Change], by: &Evaluator| explainer.hear(said, by);
                    life.map_or(Ok(()), |life| life.see(&event, &mut hear))
                });
                if let Err(error) = seen {
                    answer = Err(AskError::Log(error.to_string()));
                    break;
                }
                if nth.is_multiple_of(YIELD_EVERY) {
                    tasks.yield_now().await;
                }
            }
            if let Some(life) = life {
                let evaluator = life.end(now, &mut |said, by| explainer.hear(said, by));
                explainer.settle(&evaluator);
            }
            let answer = answer.and_then(|()| explainer.finish(Some(now)).ok_or(none));
            // Whoever asked may have gone.
            drop(reply.send(answer));
        });
    }

    /// The log's way through its versions, if there are several.
    fn life(&self) -> Result<Option<Succession>, VersionError> {
        let versions = self.machine.versions();
        if versions.len() < 2 {
            return Ok(None);
        }
        let specs = versions::follow(&self.log.reader(), versions, &self.spec)?;
        Ok(Some(Succession::new(&specs, TimeLine::Recorded)?))
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
