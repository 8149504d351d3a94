//! One round of the loop: gather, commit, acknowledge, look, act.
//!
//! The order of the steps and the reasons for it stand in the crate's `drive` module.
//! Promise: every request that was taken is answered, whatever happens to the commit.
//! Start reading at [`Loop::run`].

use std::sync::Arc;

use homeostat_agents::{Runner, Verdict as Judgement};
use homeostat_conductor::Decision;
use homeostat_graph::Began;
use homeostat_intent::Spec;
use homeostat_intent::lowered::Checker;
use homeostat_log::{Actor, Event};
use homeostat_log::{Append, Control, Expect, LogError, NewEvent, Receipt, Refusal, cloudevents};
use homeostat_world::limits::{COMMIT_BYTES_MAX, COMMIT_EVENTS_MAX, COMMIT_QUEUE_MAX};
use homeostat_world::{
    Batch, Clock, Durability, Position, Store, TaskHandle, Tasks, Timestamp, canary,
};
use serde_json::Value as Json;
use tokio::sync::oneshot;

use super::Loop;
use super::adopt::Wish;
use super::effects::{Effect, Finished};
use super::start::StartError;
use crate::checkpoint;
use crate::contract::{ReportError, Reported};
use crate::handle::{AdoptError, AppendError, DecideError, Evolved, Proposal, Request, Verdict};
use crate::status::{Health, Status};

/// Events about the trigger's subject that an agent is told of, the first ones after the trigger.
const CONTEXT_EVENTS_MAX: usize = 20;
/// For the context of a tick, at most so many events of the log are looked back on.
const CONTEXT_LOOKS_BACK: u64 = 10_000;

/// What goes into one commit, and where the answers go.
#[derive(Default)]
pub(super) struct Round {
    appends: Vec<Append>,
    destinations: Vec<Destination>,
    events: usize,
    bytes: usize,
    /// Control events so far: their ids are numbered by commit.
    controls: u32,
}

/// Who waits for a receipt.
pub(super) enum Destination {
    /// The engine itself: these follow once it is durable.
    Engine(Vec<Effect>),
    /// An agent's claim, whose end stands in it.
    Claim(String),
    /// A producer.
    Client(oneshot::Sender<Result<Receipt, AppendError>>),
    /// A person who decided.
    Person(oneshot::Sender<Result<Position, DecideError>>),
    /// Somebody who says what a check found.
    Checker(oneshot::Sender<Result<Reported, ReportError>>),
    /// A person who adopted a version, with what it does and its spec.
    Adoption(Box<(Proposal, Arc<Spec>)>, oneshot::Sender<Result<Evolved, AdoptError>>),
}

impl Round {
    pub(super) fn push(&mut self, append: Append, destination: Destination) {
        self.events += append.events.len();
        self.bytes += append.size_max();
        self.appends.push(append);
        self.destinations.push(destination);
    }

    /// Takes what would follow once the engine's own records are durable.
    fn effects(&mut self) -> Vec<Effect> {
        let of = |destination: &mut Destination| match destination {
            Destination::Engine(effects) => std::mem::take(effects),
            _ => Vec::new(),
        };
        self.destinations.iter_mut().flat_map(of).collect()
    }

    /// Whether `request` fits in. One that fits nowhere is let into an empty round, where the log
    /// says why.
    fn has_room_for(&self, request: &Request) -> bool {
        let Request::Append(append, _) = request else { return true };
        self.appends.is_empty()
            || (self.events + append.events.len() <= COMMIT_EVENTS_MAX
                && self.bytes + append.size_max() <= COMMIT_BYTES_MAX)
    }
}

impl<S, C, T, R> Loop<S, C, T, R>
where
    S: Store,
    C: Clock,
    T: Tasks,
    R: Runner,
{
    /// Writes down what this life has to say first, and decides for the first time.
    pub(super) async fn open(&mut self) -> Result<(), StartError> {
        let mut round = Round::default();
        for control in std::mem::take(&mut self.opening) {
            self.push_control(&mut round, &control, Vec::new());
        }
        if !round.appends.is_empty() {
            let (now, durability) = (self.recording_time(), self.settings.durability);
            let appended = self.log.append(round.appends, now, durability).await?;
            self.show(&appended.events);
        }
        if let Some(every) = self.settings.check_every {
            let now = self.clock.now();
            self.next_check = Some(now + every);
            let in_doubt = self.starts_from_checkpoint || self.machine.reports().any();
            let is_own = |checker: &Checker| matches!(checker, Checker::BuiltIn(_));
            if in_doubt || self.machine.lacks_answers(is_own) {
                self.begin_check(now);
            }
        }
        self.look();
        Ok(())
    }

    /// Runs until told to stop, or until nobody can ask for anything any more.
    pub(super) async fn run(mut self: Box<Self>, mut stop: oneshot::Receiver<()>) {
        loop {
            let (mut finished, mut request) = (None, None);
            let (mut checked, mut considered) = (None, None);
            if self.carried.is_empty() && self.held.is_none() {
                let wake = [self.machine.next_wake(), self.next_check()].into_iter().flatten();
                let wake = wake.min().filter(|_| self.health == Health::Ok);
                let clock = self.clock.clone();
                let pause = async move {
                    match wake {
                        Some(at) => clock.sleep_until(at).await,
                        None => std::future::pending().await,
                    }
                };
                tokio::select! {
                    biased;
                    _ = &mut stop => break,
                    outcome = self.outcomes.recv() => finished = outcome,
                    found = self.checked.recv() => checked = found,
                    version = self.considered.recv() => considered = version,
                    asked = self.requests.recv() => match asked {
                        Some(asked) => request = Some(asked),
                        None => break,
                    },
                    () = pause => {}
                }
            } else if stop.try_recv().is_ok() {
                break;
            }
            if let Some(checked) = checked.or_else(|| self.checked.try_recv().ok()) {
                self.take_check(checked);
            }
            let mut round = self.gather(finished, request);
            if let Some(considered) = considered.or_else(|| self.considered.try_recv().ok()) {
                self.gather_considered(&mut round, considered);
            }
            self.commit(round).await;
            self.check_if_due(self.clock.now());
            self.look();
        }
        self.close().await;
    }

    /// Takes what waits: the engine's own decisions first, then agents, then everybody else.
    fn gather(&mut self, finished: Option<Finished>, request: Option<Request>) -> Round {
        let now = self.clock.now();
        let mut round = Round::default();
        if self.health == Health::Ok {
            self.gather_decisions(&mut round, now);
            for expired in self.machine.agents.expire(now) {
                self.push_control(&mut round, &expired.control, vec![Effect::Stop(expired.agent)]);
            }
        }
        let mut finished = finished;
        while let Some(it) = finished.take().or_else(|| self.outcomes.try_recv().ok()) {
            self.gather_outcome(&mut round, &it, now);
        }
        let mut request = self.held.take().or(request);
        // Bounded, because producers may send as fast as this takes.
        for _ in 0..COMMIT_QUEUE_MAX {
            let Some(it) = request.take().or_else(|| self.requests.try_recv().ok()) else { break };
            if !round.has_room_for(&it) {
                self.held = Some(it);
                break;
            }
            self.gather_request(&mut round, it, now);
        }
        round
    }

    fn gather_decisions(&mut self, round: &mut Round, now: Timestamp) {
        for decision in std::mem::take(&mut self.carried) {
            match decision {
                Decision::Record(control) => self.push_control(round, &control, Vec::new()),
                Decision::Stop { agent, .. } => {
                    let stopped = self.machine.agents.stop(&agent);
                    if canary::planted("stopped_without_a_record") {
                        self.carry_out(Effect::Stop(agent));
                    } else if let Some(control) = stopped {
                        self.push_control(round, &control, vec![Effect::Stop(agent)]);
                    }
                }
                Decision::Spawn(spawn) => {
                    let context = self.context_of(&spawn.gap);
                    if let Some(spawned) = self.machine.spawn(spawn, context, now) {
                        let start = Effect::Start(Box::new(spawned.brief));
                        self.push_control(round, &spawned.control, vec![start]);
                    }
                }
            }
        }
    }

    fn gather_outcome(&mut self, round: &mut Round, finished: &Finished, now: Timestamp) {
        let Finished { agent, outcome } = finished;
        self.alive.remove(agent);
        if self.health != Health::Ok {
            // Nothing can be written; the next start records the agent as lost.
            return;
        }
        match self.machine.judge(agent, outcome, now) {
            Judgement::Ended { mut events, control } => {
                let Some(end) = self.control_event(round, &control) else { return };
                events.push(end);
                let append = Append { events, expect: Expect::Any };
                round.push(append, Destination::Claim(agent.clone()));
            }
            Judgement::Late { agent, note } => {
                tracing::debug!(agent, note, "an outcome came too late and counts for nothing");
            }
        }
    }

    fn gather_request(&mut self, round: &mut Round, request: Request, now: Timestamp) {
        // Whoever asked may have gone; then the answer is of no use to anybody.
        match request {
            Request::Append(append, reply) => match &self.health {
                Health::Ok => round.push(append, Destination::Client(reply)),
                Health::ReadOnly { reason } => {
                    drop(reply.send(Err(AppendError::ReadOnly(reason.clone()))));
                }
            },
            Request::Decide(verdict, reply) => match self.decided(&verdict) {
                Ok(control) => match self.control_event(round, &control) {
                    Some(mut event) => {
                        event.actor = Actor::Human(verdict.by);
                        let append = Append { events: vec![event], expect: Expect::Any };
                        round.push(append, Destination::Person(reply));
                    }
                    None => drop(reply.send(Err(DecideError::Unknown(verdict.gap)))),
                },
                Err(error) => drop(reply.send(Err(error))),
            },
            Request::Check(reply) => self.wish_to_check.push(reply),
            Request::NextCheck(reply) => self.await_check.push(reply),
            Request::Contract(reply) => drop(reply.send(self.machine.contract())),
            Request::Report(finding, reply) => self.gather_report(round, finding, reply),
            Request::Preview(sources, reply) => self.consider(Wish::Preview(sources, reply)),
            Request::Adopt(adoption, reply) => self.consider(Wish::Adopt(adoption, reply)),
            Request::Versions(reply) => drop(reply.send(self.versions())),
            Request::Status(reply) => drop(reply.send(self.status(now))),
            Request::Gaps(reply) => drop(reply.send(self.machine.gaps())),
            Request::Gap(id, reply) => drop(reply.send(self.machine.conductor.gap(&id))),
            Request::Explain(topic, reply) => self.explain(topic, reply, now),
            Request::Read(query, reply) => self.read(query, reply),
        }
    }

    fn decided(&self, verdict: &Verdict) -> Result<Control, DecideError> {
        use homeostat_conductor::GapState;
        use homeostat_log::control::Decision as Word;
        if let Health::ReadOnly { reason } = &self.health {
            return Err(AppendError::ReadOnly(reason.clone()).into());
        }
        let gap = self
            .machine
            .conductor
            .gap(&verdict.gap)
            .ok_or_else(|| DecideError::Unknown(verdict.gap.clone()))?;
        let is_question = homeostat_graph::asked_at(&verdict.gap).is_some();
        if verdict.decision == Word::Retry && is_question {
            return Err(DecideError::Backfill(verdict.gap.clone()));
        }
        if verdict.decision == Word::Retry && gap.state != GapState::Escalated {
            return Err(DecideError::NotEscalated(verdict.gap.clone()));
        }
        if verdict.decision == Word::Backfill && !is_question {
            return Err(DecideError::NotBackfill(verdict.gap.clone()));
        }
        Ok(Control::GapDecided {
            gap: verdict.gap.clone(),
            decision: verdict.decision,
            by: verdict.by.clone(),
            reason: verdict.reason.clone(),
        })
    }

    /// Step 2 to 5.
    async fn commit(&mut self, mut round: Round) {
        if round.appends.is_empty() {
            return;
        }
        if canary::planted("effect_before_its_record") {
            round.effects().into_iter().for_each(|effect| self.carry_out(effect));
        }
        let (now, mut durability) = (self.recording_time(), self.settings.durability);
        if canary::planted("acknowledged_before_it_is_synced") {
            durability = Durability::Process;
        }
        match self.log.append(round.appends, now, durability).await {
            Ok(appended) => {
                let mut effects = Vec::new();
                let mut refused = Vec::new();
                let mut adopted = None;
                for (destination, receipt) in round.destinations.into_iter().zip(appended.receipts)
                {
                    if let (Destination::Adoption(version, _), Ok(_)) = (&destination, &receipt) {
                        adopted = Some(Arc::clone(&version.1));
                    }
                    acknowledge(destination, receipt, &mut effects, &mut refused);
                }
                self.show(&appended.events);
                if let Some(spec) = adopted {
                    assert!(self.machine.program().spec_hash() == spec.hash, "it is in force");
                    self.spec = spec;
                    self.check_for_answers(now);
                }
                self.machine.forget_next();
                for (agent, refusal) in refused {
                    self.record_refusal(&agent, &refusal);
                }
                for effect in effects {
                    self.carry_out(effect);
                }
                self.checkpoint_if_due(appended.events.len()).await;
            }
            Err(error) => self.fail(round.destinations, &error),
        }
    }

    /// The clock's time, or the machine's if that has come further: a checkpoint may have looked
    /// beyond the end of the log with a clock that was set back since, and what had passed by then
    /// must not be recorded as of before.
    fn recording_time(&self) -> Timestamp {
        let raw = canary::planted("raw_clock")
            || canary::planted("clock_forgotten_by_a_restart")
            || canary::planted("recorded_before_what_was_seen");
        if raw { self.clock.now() } else { self.clock.now().max(self.machine.time()) }
    }

    /// The log did not take what an agent wanted to append, so the agent has failed.
    fn record_refusal(&mut self, agent: &str, refusal: &Refusal) {
        if let Some(control) = self.machine.agents.on_refusal(agent, &refusal.to_string()) {
            self.carried.push(Decision::Record(control));
        }
    }

    fn show(&mut self, events: &[Event]) {
        for event in events {
            if let Err(error) = self.machine.apply(event) {
                unreachable!("this engine wrote the control event itself: {error}");
            }
        }
    }

    /// Lets deadlines pass and decides; what is decided goes into the next round.
    fn look(&mut self) {
        if self.health != Health::Ok {
            return;
        }
        let now = self.clock.now();
        assert!(
            !canary::planted("time_must_not_go_back") || now >= self.machine.time(),
            "time goes on"
        );
        self.machine.advance(now);
        self.carried.extend(self.machine.decide(now));
    }

    /// A commit failed: nobody is acknowledged any more, everybody is told why.
    fn fail(&mut self, destinations: Vec<Destination>, error: &LogError) {
        let reason = error.to_string();
        tracing::error!(reason, "the log no longer takes writes; reading goes on");
        for destination in destinations {
            let error = AppendError::ReadOnly(reason.clone());
            match destination {
                Destination::Client(reply) => drop(reply.send(Err(error))),
                Destination::Person(reply) => drop(reply.send(Err(error.into()))),
                Destination::Checker(reply) => drop(reply.send(Err(error.into()))),
                Destination::Adoption(_, reply) => drop(reply.send(Err(error.into()))),
                Destination::Engine(_) | Destination::Claim(_) => {}
            }
        }
        self.machine.forget_in_flight();
        self.carried.clear();
        self.health = Health::ReadOnly { reason };
    }

    async fn checkpoint_if_due(&mut self, events: usize) {
        self.since_checkpoint += events as u64;
        if self.since_checkpoint >= self.settings.checkpoint_every {
            self.checkpoint(Durability::Process).await;
        }
    }

    async fn checkpoint(&mut self, durability: Durability) {
        let mut batch = Batch::new();
        checkpoint::save(&self.machine, &self.log.head(), &mut batch);
        self.since_checkpoint = 0;
        if let Err(error) = self.store.commit(batch, durability).await {
            self.fail(Vec::new(), &error.into());
        }
    }

    /// What waits is committed and answered; agents are stopped and recorded as lost.
    async fn close(mut self: Box<Self>) {
        self.requests.close();
        if let Some(task) = self.considering.take() {
            // Whoever wants a version adopted can ask the next life.
            task.cancel();
            task.join().await;
        }
        loop {
            let round = self.gather(None, None);
            let is_last = round.appends.is_empty();
            self.commit(round).await;
            if is_last && self.held.is_none() && self.requests.is_empty() {
                break;
            }
        }
        self.stop_checking().await;
        self.stop_all_agents().await;
        if self.health != Health::Ok {
            return;
        }
        let mut round = Round::default();
        for control in self.machine.agents.lost() {
            self.push_control(&mut round, &control, Vec::new());
        }
        self.commit(round).await;
        // A state that is ahead of the log is not what a replay of it gives.
        if self.health == Health::Ok && !self.machine.is_ahead_of_log() {
            self.checkpoint(Durability::Power).await;
        }
    }

    fn push_control(&mut self, round: &mut Round, control: &Control, effects: Vec<Effect>) {
        if let Some(event) = self.control_event(round, control) {
            let append = Append { events: vec![event], expect: Expect::Any };
            round.push(append, Destination::Engine(effects));
        }
    }

    pub(super) fn control_event(&self, round: &mut Round, control: &Control) -> Option<NewEvent> {
        let after = self.log.head().position;
        round.controls += 1;
        match control.to_new_event(self.clock.now(), after, round.controls) {
            Ok(event) => Some(event),
            Err(error) => {
                tracing::error!(%error, "a decision cannot be written down and is not carried out");
                None
            }
        }
    }

    /// What a gap began with, and what happened since about its subject and the instances that it
    /// is bound to. A tick is no event: for it, what happened lately.
    fn context_of(&self, gap: &str) -> Vec<Json> {
        let graph = &self.machine.graph;
        let origin = graph.parse_id(gap).and_then(|id| graph.origin(id));
        let Some((began, instances)) = origin else { return Vec::new() };
        let reader = self.log.reader();
        let mut context = Vec::new();
        let mut subjects: Vec<String> =
            instances.into_iter().map(|(entity, name)| format!("{entity}/{name}")).collect();
        let since = match began {
            Began::Event(position) => {
                // An agent whose context cannot be read still has its brief.
                let Ok(Some(trigger)) = reader.get(position) else { return Vec::new() };
                context.push(cloudevents::to_json(&trigger));
                subjects.extend(trigger.event.subject);
                position.next()
            }
            Began::Tick(_) => {
                let head = reader.head().position.get();
                Position::new(head.saturating_sub(CONTEXT_LOOKS_BACK) + 1)
            }
        };
        subjects.dedup();
        for subject in &subjects {
            let since = reader.by_subject(subject, since).take(CONTEXT_EVENTS_MAX);
            context.extend(since.flatten().map(|event| cloudevents::to_json(&event)));
        }
        context
    }

    fn status(&self, now: Timestamp) -> Status {
        let head = self.log.head();
        Status {
            health: self.health.clone(),
            now,
            head: head.position,
            recorded: head.recorded,
            spec: self.spec.name.clone(),
            spec_hash: self.spec.hash.to_string(),
            backfills: self.machine.graph.backfills().collect(),
            conductor: self.machine.conductor.status(),
            clauses: self.machine.graph.summary().clauses,
            totals: self.machine.totals.clone(),
        }
    }
}

/// Where the first event of a request stands.
fn position_of(receipt: &Receipt) -> Position {
    receipt.entries.first().map(|it| it.position).unwrap_or_default()
}

fn acknowledge(
    destination: Destination,
    receipt: Result<Receipt, Refusal>,
    effects: &mut Vec<Effect>,
    refused: &mut Vec<(String, Refusal)>,
) {
    match (destination, receipt) {
        (Destination::Engine(after), Ok(_)) => effects.extend(after),
        (Destination::Engine(_), Err(refusal)) => {
            unreachable!("the engine's own record was refused: {refusal}")
        }
        (Destination::Claim(_), Ok(_)) => {}
        (Destination::Claim(agent), Err(refusal)) => refused.push((agent, refusal)),
        (Destination::Client(reply), Err(_)) if canary::planted("refusals_are_not_answered") => {
            drop(reply);
        }
        // Whoever asked may have gone; the events are in the log all the same.
        (Destination::Client(reply), receipt) => drop(reply.send(receipt.map_err(Into::into))),
        (Destination::Adoption(version, reply), receipt) => {
            let evolved = receipt.map_err(|refusal| AdoptError::Append(refusal.into()));
            let evolved = evolved
                .map(|receipt| Evolved { position: position_of(&receipt), proposal: version.0 });
            drop(reply.send(evolved));
        }
        (Destination::Checker(reply), receipt) => {
            let reported =
                receipt.map(|receipt| Reported { position: position_of(&receipt), is_news: true });
            drop(reply.send(reported.map_err(|refusal| ReportError::Append(refusal.into()))));
        }
        (Destination::Person(reply), receipt) => {
            let position = receipt
                .map(|receipt| position_of(&receipt))
                .map_err(|refusal| DecideError::Append(refusal.into()));
            drop(reply.send(position));
        }
    }
}
