//! A client's node: sends what the Plan has for it, and keeps at it until it is answered.
//!
//! In: steps. Out: requests over the engine's HTTP, and what came of them in the History.
//! Never: takes silence for an answer; sends other bytes the second time.
//! Promise: every append ends as acknowledged, rejected, or, at the end of the run, in doubt. A
//! reading and a decision are asked for once, however that goes, apart from what the engine's own
//! client tries again.
//! Start reading at [`Client::run`].

use homeostat_api::wire::{AdoptionRequest, DecisionRequest, Finding, SpecText, State};
use homeostat_api::{ClientError, GapFilter, Patience};
use homeostat_graph::asked_at;
use homeostat_log::control::Decision;
use homeostat_log::{Actor, Data, Expect, NewEvent};
use homeostat_world::{Clock, Duration, Net, Position, Tasks, Timestamp};
use serde_json::Value as Json;

use super::{ENGINE_ADDRESS, SOURCE, client_name};
use crate::history::{Recorder, What};
use crate::oracle::digest;
use crate::plan::{Action, PlannedEvent, Step, Text};
use crate::stage::Doors;
use crate::trouble::{Trouble, TroubledNet};

/// One client.
#[derive(Clone, Debug)]
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
    /// What is wrong with its connections.
    pub trouble: Trouble,
    /// The files of the version that it may adopt.
    pub later: Vec<Text>,
}

/// A client of the API over the doors of a node.
type Api<D, C> = homeostat_api::Client<TroubledNet<D>, C>;

/// What a person says about a gap.
#[derive(Clone, Copy, Debug)]
struct Word {
    nth: u32,
    decision: Decision,
    thinks: Duration,
    times: u32,
}

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
    /// Does every step, in order; a step waits for the answer to the one before. People decide
    /// beside that, since nobody waits for them.
    pub async fn run<D: Doors>(mut self, doors: D) {
        let net = TroubledNet::new(doors.clone(), self.trouble.clone());
        let Ok(mut api) = open(&net, &self.clock) else { return };
        for step in std::mem::take(&mut self.steps) {
            // The Plan's times are the true clock's, so that a skewed client still does its part.
            doors.clock().sleep_until(self.start + step.at).await;
            match step.action {
                Action::Append { events, times } => {
                    self.append(&doors, &net, &mut api, &events, times).await;
                }
                Action::Decide { nth, decision, thinks, times } => {
                    self.decide(&doors, &net, Word { nth, decision, thinks, times });
                }
                Action::Read { from, limit } => self.read(&doors, &mut api, from, limit).await,
                Action::Adopt => self.adopt(&doors, &mut api).await,
                Action::Answer { decision } => self.answer(&doors, &mut api, decision).await,
                Action::Check => self.check(&doors, &mut api).await,
                Action::Report { check, holds } => {
                    self.report(&doors, &mut api, check, holds).await;
                }
            }
        }
    }

    async fn append<D: Doors>(
        &self,
        doors: &D,
        net: &TroubledNet<D>,
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
            self.send_besides(doors, net, &events);
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
    fn send_besides<D: Doors>(&self, doors: &D, net: &TroubledNet<D>, events: &[NewEvent]) {
        let (recorder, node, events) =
            (self.recorder.clone(), client_name(self.number), events.to_vec());
        let (clock, net) = (self.clock.clone(), net.clone());
        let (tasks, doors) = (doors.tasks(), doors.clone());
        drop(tasks.spawn("duplicate", async move {
            let Ok(mut api) = open(&net, &clock) else { return };
            // Without an answer it is as if it had not been sent: the first request goes on.
            if let Ok(answer) = api.append(&events, &Expect::Any).await {
                let ids = events.into_iter().map(|event| event.id).collect();
                recorder.record(doors.clock().now(), &node, acknowledged(ids, &answer));
            }
        }));
    }

    /// A person looks, thinks, and says it, as often as the Plan has it.
    fn decide<D: Doors>(&self, doors: &D, net: &TroubledNet<D>, word: Word) {
        let (person, doors_there, net) = (self.clone(), doors.clone(), net.clone());
        drop(doors.tasks().spawn("person", async move {
            let Ok(mut api) = open(&net, &person.clock) else { return };
            let clock = doors_there.clock();
            let node = client_name(person.number);
            let say = |gap, outcome, position| {
                let what = What::Decided { gap, outcome, position };
                person.recorder.record(clock.now(), &node, what);
            };
            let gap = match escalated(&mut api, word.nth).await {
                Ok(gap) => gap,
                Err(why) => return say(String::new(), why, None),
            };
            clock.sleep_until(clock.now() + word.thinks).await;
            for _ in 0..word.times {
                let (by, reason) = (client_name(person.number), "as the Plan has it".to_owned());
                let request = DecisionRequest { decision: word.decision.into(), by, reason };
                match api.decide(&gap, &request).await {
                    Ok(position) => {
                        say(gap.clone(), format!("{:?}", word.decision), Some(position.get()));
                    }
                    Err(error) => say(gap.clone(), error.to_string(), None),
                }
            }
        }));
    }

    /// Reads a page, once, and takes down what it was shown.
    async fn read<D: Doors>(&self, doors: &D, api: &mut Api<D, C>, from: u64, limit: u32) {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let (events, why) = match api.events(Position::new(from), limit, None).await {
            Ok(page) => (page.events.iter().map(|event| shown(event.get())).collect(), None),
            Err(error) => (Vec::new(), Some(error.to_string())),
        };
        let what = What::Shown { from, events, why };
        self.recorder.record(doors.clock().now(), &client_name(self.number), what);
    }

    /// Adopts the Plan's later version, and asks again until it is in force or refused.
    async fn adopt<D: Doors>(&self, doors: &D, api: &mut Api<D, C>) {
        let text = |file: &Text| {
            let text = file.text.clone().unwrap_or_default();
            SpecText { name: file.name.clone(), text }
        };
        let (by, sources) = (client_name(self.number), self.later.iter().map(text).collect());
        let request = AdoptionRequest { sources, by: Some(by), expected: None };
        loop {
            let why = match api.adopt(&request).await {
                Ok(taken) => {
                    let position = taken.position.map(Position::get);
                    return self.asked(doors, "adopts a version".to_owned(), position);
                }
                Err(error) if is_final(&error) => {
                    return self.asked(doors, format!("is refused a version: {error}"), None);
                }
                Err(error) => error.to_string(),
            };
            let now = doors.clock().now();
            if now + PAUSE >= self.end {
                return self.asked(doors, format!("gives up a version: {why}"), None);
            }
            doors.clock().sleep_until(now + PAUSE).await;
        }
    }

    /// Answers what a version asks of earlier events, if it does.
    async fn answer<D: Doors>(&self, doors: &D, api: &mut Api<D, C>, decision: Decision) {
        let say = |gap, outcome, position| {
            let what = What::Decided { gap, outcome, position };
            self.recorder.record(doors.clock().now(), &client_name(self.number), what);
        };
        let asked = match api.gaps(&GapFilter::default()).await {
            Ok(page) => page.gaps.into_iter().map(|gap| gap.id).find(|it| asked_at(it).is_some()),
            Err(error) => return say(String::new(), error.to_string(), None),
        };
        let Some(gap) = asked else {
            return say(String::new(), "no version asks anything".to_owned(), None);
        };
        let (by, reason) = (client_name(self.number), "as the Plan has it".to_owned());
        let request = DecisionRequest { decision: decision.into(), by, reason };
        match api.decide(&gap, &request).await {
            Ok(position) => say(gap, format!("{decision:?}"), Some(position.get())),
            Err(error) => say(gap, error.to_string(), None),
        }
    }

    /// Has the engine check what it keeps, once.
    async fn check<D: Doors>(&self, doors: &D, api: &mut Api<D, C>) {
        let outcome = match api.check().await {
            Ok(begun) => format!("has the engine check itself up to e{}", begun.position),
            Err(error) => format!("cannot have the engine check itself: {error}"),
        };
        self.asked(doors, outcome, None);
    }

    /// Says what was found of a proposition, once.
    async fn report<D: Doors>(
        &self,
        doors: &D,
        api: &mut Api<D, C>,
        check: String,
        holds: Option<bool>,
    ) {
        let by = client_name(self.number);
        let finding =
            Finding { instance: None, holds, detail: "as the Plan has it".to_owned(), by };
        let outcome = match api.report(&check, &finding).await {
            Ok(reported) => Ok(reported.position.get()),
            Err(error) => Err(error.to_string()),
        };
        let what = What::Reported { check, holds, outcome };
        self.recorder.record(doors.clock().now(), &client_name(self.number), what);
    }

    fn asked<D: Doors>(&self, doors: &D, outcome: String, position: Option<u64>) {
        let what = What::Asked { outcome, position };
        self.recorder.record(doors.clock().now(), &client_name(self.number), what);
    }

    fn event(&self, planned: &PlannedEvent) -> Result<NewEvent, String> {
        let data = Data::from_json(&Json::Object(planned.data.clone()));
        Ok(NewEvent {
            id: planned.id.clone(),
            source: SOURCE.to_owned(),
            kind: planned.kind,
            r#type: planned.r#type.clone(),
            time: planned.time.map_or_else(|| self.clock.now(), |time| self.start + time),
            subject: planned.subject.clone(),
            cause: None,
            actor: Actor::World,
            depth: 0,
            enriches: planned.link(SOURCE)?.map(Box::new),
            data: data.map_err(|error| error.to_string())?,
        })
    }
}

fn open<D: Doors, C: Clock>(net: &TroubledNet<D>, clock: &C) -> Result<Api<D, C>, ClientError> {
    let url = format!("http://{ENGINE_ADDRESS}");
    homeostat_api::Client::new(net.clone(), clock.clone(), &url, PATIENCE)
}

/// The `nth` of the gaps that lie with people, modulo their number; or why there is none.
async fn escalated<N: Net, C: Clock>(
    api: &mut homeostat_api::Client<N, C>,
    nth: u32,
) -> Result<String, String> {
    let state = Some(State::Escalated.text().to_owned());
    let filter = GapFilter { state, ..GapFilter::default() };
    let page = api.gaps(&filter).await.map_err(|error| error.to_string())?;
    let chosen = usize::try_from(nth).ok().and_then(|nth| nth.checked_rem(page.gaps.len()));
    let gap = chosen.and_then(|nth| page.gaps.into_iter().nth(nth));
    gap.map(|gap| gap.id).ok_or_else(|| "nothing is escalated".to_owned())
}

/// What names an event that was shown.
fn shown(event: &str) -> (u64, String) {
    // The client has read it as JSON already.
    digest(&serde_json::from_str(event).unwrap_or_default())
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
