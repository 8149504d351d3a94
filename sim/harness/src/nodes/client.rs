//! A client's node: sends what the Plan has for it, and keeps at it until it is answered.
//!
//! In: steps. Out: requests over the engine's HTTP, and what came of them in the History.
//! Never: takes silence for an answer; sends other bytes the second time.
//! Promise: every append ends as acknowledged, rejected, or, at the end of the run, in doubt.
//! Start reading at [`Client::run`].

use homeostat_api::wire::{DecisionRequest, State};
use homeostat_api::{ClientError, GapFilter, Patience};
use homeostat_log::control::Decision;
use homeostat_log::{Actor, Data, Expect, Kind, NewEvent};
use homeostat_world::{Clock, Duration, Tasks, Timestamp};
use serde_json::Value as Json;

use super::{ENGINE_ADDRESS, SOURCE, client_name};
use crate::history::{Recorder, What};
use crate::plan::{Action, PlannedEvent, Step};
use crate::stage::Doors;

/// One client.
#[derive(Debug)]
pub struct Client<C> {
    /// Its number, from 1.
    pub number: u32,
    /// Its own clock.
    pub clock: C,
    /// When the Plan begins.
    pub start: Timestamp,
    /// When it gives up.
    pub end: Timestamp,
    /// What it does, in order of time.
    pub steps: Vec<Step>,
    /// Where it says what happens.
    pub recorder: Recorder,
}

/// A client of the API over the doors of a node.
type Api<D, C> = homeostat_api::Client<<D as Doors>::Net, C>;

/// One call of the API client: short, since the loop around it tries again until the end.
const PATIENCE: Patience = Patience {
    tries: 3,
    timeout: Duration::from_secs(5),
    pause: Duration::from_millis(100),
    pause_max: Duration::from_secs(2),
};
/// Between two calls.
const PAUSE: Duration = Duration::from_millis(500);

impl<C: Clock> Client<C> {
    /// Does every step, in order; a step waits for the answer to the one before.
    pub async fn run<D: Doors>(mut self, doors: D) {
        let Ok(mut api) = open(&doors, &self.clock) else { return };
        for step in std::mem::take(&mut self.steps) {
            // The Plan's times are the true clock's, so that a skewed client still does its part.
            doors.clock().sleep_until(self.start + step.at).await;
            match step.action {
                Action::Append { events, times } => {
                    self.append(&doors, &mut api, &events, times).await;
                }
                Action::Decide { nth, decision } => {
                    self.decide(&doors, &mut api, nth, decision).await;
                }
            }
        }
    }

    async fn append<D: Doors>(
        &self,
        doors: &D,
        api: &mut Api<D, C>,
        planned: &[PlannedEvent],
        times: u32,
    ) {
        let (node, ids) = (client_name(self.number), ids(planned));
        let say = |what| self.recorder.record(doors.clock().now(), &node, what);
        say(What::Sent { ids: ids.clone() });
        let events: Result<Vec<NewEvent>, String> =
            planned.iter().map(|event| self.event(event)).collect();
        let events = match events {
            Ok(events) => events,
            Err(why) => return say(What::Rejected { ids, why }),
        };
        for _ in 1..times {
            self.send_besides(doors, &events);
        }
        loop {
            let why = match api.append(&events, &Expect::Any).await {
                Ok(answer) => return say(acknowledged(ids, &answer)),
                Err(error) if is_final(&error) => {
                    return say(What::Rejected { ids, why: error.to_string() });
                }
                Err(error) => error.to_string(),
            };
            let now = doors.clock().now();
            if now + PAUSE >= self.end {
                return say(What::InDoubt { ids, why });
            }
            say(What::SentAgain { ids: ids.clone(), why });
            doors.clock().sleep_until(now + PAUSE).await;
        }
    }

    /// Sends the same request once more, at the same time, on a connection of its own.
    fn send_besides<D: Doors>(&self, doors: &D, events: &[NewEvent]) {
        let (recorder, node, events) =
            (self.recorder.clone(), client_name(self.number), events.to_vec());
        let (clock, tasks, doors) = (self.clock.clone(), doors.tasks(), doors.clone());
        drop(tasks.spawn("duplicate", async move {
            let Ok(mut api) = open(&doors, &clock) else { return };
            // Without an answer it is as if it had not been sent: the first request goes on.
            if let Ok(answer) = api.append(&events, &Expect::Any).await {
                let ids = events.into_iter().map(|event| event.id).collect();
                recorder.record(doors.clock().now(), &node, acknowledged(ids, &answer));
            }
        }));
    }

    async fn decide<D: Doors>(&self, doors: &D, api: &mut Api<D, C>, nth: u32, decision: Decision) {
        let node = client_name(self.number);
        let (gap, outcome, position) = match self.decided(api, nth, decision).await {
            Ok((gap, position)) => (gap, format!("{decision:?}"), Some(position)),
            Err((gap, why)) => (gap, why, None),
        };
        let what = What::Decided { gap, outcome, position };
        self.recorder.record(doors.clock().now(), &node, what);
    }

    async fn decided<N: homeostat_world::Net>(
        &self,
        api: &mut homeostat_api::Client<N, C>,
        nth: u32,
        decision: Decision,
    ) -> Result<(String, u64), (String, String)> {
        let state = Some(State::Escalated.text().to_owned());
        let filter = GapFilter { state, ..GapFilter::default() };
        let page = api.gaps(&filter).await.map_err(|error| (String::new(), error.to_string()))?;
        let chosen = usize::try_from(nth).ok().and_then(|nth| nth.checked_rem(page.gaps.len()));
        let Some(gap) = chosen.and_then(|nth| page.gaps.into_iter().nth(nth)) else {
            return Err((String::new(), "nothing is escalated".to_owned()));
        };
        let (by, reason) = (client_name(self.number), "as the Plan has it".to_owned());
        let request = DecisionRequest { decision: decision.into(), by, reason };
        match api.decide(&gap.id, &request).await {
            Ok(position) => Ok((gap.id, position.get())),
            Err(error) => Err((gap.id, error.to_string())),
        }
    }

    fn event(&self, planned: &PlannedEvent) -> Result<NewEvent, String> {
        let data = Data::from_json(&Json::Object(planned.data.clone()));
        Ok(NewEvent {
            id: planned.id.clone(),
            source: SOURCE.to_owned(),
            kind: Kind::Primary,
            r#type: planned.r#type.clone(),
            time: planned.time.map_or_else(|| self.clock.now(), |time| self.start + time),
            subject: planned.subject.clone(),
            cause: None,
            actor: Actor::World,
            depth: 0,
            data: data.map_err(|error| error.to_string())?,
        })
    }
}

fn open<D: Doors, C: Clock>(doors: &D, clock: &C) -> Result<Api<D, C>, ClientError> {
    let url = format!("http://{ENGINE_ADDRESS}");
    homeostat_api::Client::new(doors.net(), clock.clone(), &url, PATIENCE)
}

fn ids(planned: &[PlannedEvent]) -> Vec<String> {
    planned.iter().map(|event| event.id.clone()).collect()
}

fn acknowledged(ids: Vec<String>, answer: &homeostat_api::wire::Appended) -> What {
    let positions = answer.events.iter().map(|entry| entry.position.get());
    What::Acknowledged { events: ids.into_iter().zip(positions).collect() }
}

/// Whether the engine has said no, rather than "not now": from 500 on it is the engine's trouble,
/// and an operator ends it.
fn is_final(error: &ClientError) -> bool {
    error.problem().is_some_and(|problem| problem.status < 500 && problem.status != 408)
}
