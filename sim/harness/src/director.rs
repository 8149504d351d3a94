//! The director: drives a stage through a Plan.
//!
//! In: a stage, a Plan. Out: lines of the History, and the log that is left at the end.
//! Never: does anything that the Plan does not say, except what an operator would: it starts the
//! engine again after a disk fault, and at the end of `active` whenever it is not well.
//! Promise: every fault begins and ends at its time; at `active` all have ended. The last thing that
//! happens to the disk is a loss of power, so that what oracles read is what was promised to last.
//! Start reading at [`direct`].

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::{Arc, Mutex, PoisonError};

use homeostat_log::index::EVENTS;
use homeostat_log::witness;
use homeostat_world::{Chance, Clock, Duration, Snapshot, Store, Timestamp};
use tokio::sync::oneshot;

use crate::disk::{SYNC_LATENCY, SimDisk};
use crate::history::{Recorder, What};
use crate::nodes::client::Client;
use crate::nodes::engine::{Condition, Engine, State};
use crate::nodes::{ENGINE, client_name};
use crate::oracle::{FinalLog, SLACK, checkpoint_on};
use crate::plan::{Fault, FaultKind, Plan, Ways};
use crate::run::Setup;
use crate::skew::{Skew, SkewedClock};
use crate::stage::{Doors, Link, Stage};

/// How long a graceful stop may take, and how long reading the log at the end.
const ENDING: Duration = Duration::from_secs(60);

type ClockOf<S> = <<S as Stage>::Doors as Doors>::Clock;

/// Runs `plan` on `stage` to its end, and reads what is left on the disk.
///
/// # Errors
/// Why the log that is left cannot be read.
pub fn direct<S: Stage>(
    stage: &mut S,
    plan: &Plan,
    setup: &Setup,
    recorder: &Recorder,
) -> Result<FinalLog, String> {
    let chance = Chance::from_u64(plan.seed);
    let mut director = Director {
        stage,
        plan,
        setup,
        recorder,
        disk: SimDisk::new(&chance),
        chance,
        engine: None,
        engine_clock: None,
        skews: BTreeMap::new(),
        in_force: Vec::new(),
    };
    director.open();
    director.act();
    director.settle();
    director.close()
}

struct Director<'a, S: Stage> {
    stage: &'a mut S,
    plan: &'a Plan,
    setup: &'a Setup,
    recorder: &'a Recorder,
    chance: Chance,
    disk: SimDisk,
    engine: Option<Life>,
    /// The clock of the engine's newest life.
    engine_clock: Option<SkewedClock<ClockOf<S>>>,
    /// How wrong the nodes' clocks are; a restart does not set a clock right.
    skews: BTreeMap<String, Skew>,
    in_force: Vec<FaultKind>,
}

/// One life of the engine.
struct Life {
    condition: Condition,
    stop: oneshot::Sender<()>,
}

/// A fault begins or ends.
#[derive(Clone, Copy)]
enum Turn<'p> {
    Begins(&'p Fault),
    Ends(&'p Fault),
}

impl<S: Stage> Director<'_, S> {
    fn open(&mut self) {
        self.start_engine();
        let end = self.plan.start + self.plan.active + self.plan.settle;
        for number in 1..=self.plan.clients {
            let node = client_name(number);
            let steps = self.plan.steps.iter().filter(|step| step.client == number);
            let steps: Vec<_> = steps.cloned().collect();
            let (start, recorder) = (self.plan.start, self.recorder.clone());
            let skew = self.skew(&node);
            self.stage.start(&node, |doors| {
                let clock = SkewedClock::new(doors.clock(), skew);
                let client = Client { number, clock, start, end: end - SLACK, steps, recorder };
                client.run(doors)
            });
        }
    }

    /// The faults of the Plan, each at its time.
    fn act(&mut self) {
        let plan = self.plan;
        let mut turns: Vec<(Duration, Turn<'_>)> = Vec::new();
        for fault in &plan.faults {
            turns.push((fault.at, Turn::Begins(fault)));
            turns.push((fault.ends(), Turn::Ends(fault)));
        }
        // Stable: what stands at one time happens in the order of the Plan, and nothing ends before
        // it began.
        turns.sort_by_key(|(at, _)| *at);
        for (at, turn) in turns {
            if at >= plan.active {
                break;
            }
            self.stage.run_until(plan.start + at);
            match turn {
                Turn::Begins(fault) => self.begin(&fault.kind),
                Turn::Ends(fault) => self.end(&fault.kind),
            }
        }
        self.stage.run_until(plan.start + plan.active);
        for kind in std::mem::take(&mut self.in_force) {
            self.lift(&kind);
        }
        self.mend();
    }

    /// Everything that must converge has time to; then the director looks, twice.
    fn settle(&mut self) {
        let end = self.plan.start + self.plan.active + self.plan.settle;
        self.stage.run_until(end - SLACK);
        self.look();
        self.stage.run_until(end);
        self.look();
    }

    /// A graceful stop, a loss of power, and what is left.
    fn close(&mut self) -> Result<FinalLog, String> {
        if let Some(Life { stop, .. }) = self.engine.take() {
            // An engine that has ended by itself hears nothing.
            let _heard = stop.send(());
        }
        self.stage.run_until(self.stage.now() + ENDING);
        self.stage.crash(ENGINE);
        for number in 1..=self.plan.clients {
            self.stage.crash(&client_name(number));
        }
        self.disk.crash(true);
        let (disk, found) = (self.disk.clone(), Arc::new(Mutex::new(None)));
        let finds = Arc::clone(&found);
        self.stage.start("reader", |doors| async move {
            let head = witness::decode(disk.slots().iter().map(<[u8; _]>::as_slice));
            let read = FinalLog::read(disk.open(doors.clock()), head).await;
            *finds.lock().unwrap_or_else(PoisonError::into_inner) = Some(read);
        });
        self.stage.run_until(self.stage.now() + ENDING);
        let read = found.lock().unwrap_or_else(PoisonError::into_inner).take();
        read.unwrap_or_else(|| Err("reading the log did not come to an end".to_owned()))
    }

    fn begin(&mut self, kind: &FaultKind) {
        self.say(format!("{} begins: {kind:?}", kind.name()));
        self.in_force.push(kind.clone());
        match kind {
            FaultKind::Crash { power, .. } => self.crash_engine(*power),
            FaultKind::Reset { client } => self.stage.reset(&client_name(*client), ENGINE),
            FaultKind::DiskFull { .. } => self.disk.set_full(true),
            FaultKind::DiskError { .. } => self.disk.fail_next_commit(),
            FaultKind::SlowSync { latency, .. } => self.disk.set_sync_latency(*latency),
            FaultKind::ClockJump { node, by_micros } => {
                self.skew(node).jump(Duration::from_micros(*by_micros));
            }
            FaultKind::Partition { .. } | FaultKind::Slow { .. } | FaultKind::Refuse { .. } => {}
        }
        self.link(kind);
    }

    fn end(&mut self, kind: &FaultKind) {
        let Some(at) = self.in_force.iter().position(|it| it == kind) else { return };
        self.in_force.remove(at);
        if kind.lasts() > Duration::ZERO {
            self.say(format!("{} ends", kind.name()));
        }
        self.lift(kind);
    }

    /// Ends a fault that is no longer in force.
    fn lift(&mut self, kind: &FaultKind) {
        match kind {
            FaultKind::DiskFull { .. } => self.disk.set_full(false),
            // One that met no commit is over too, or it would hit the next life, faults or no.
            FaultKind::DiskError { .. } => self.disk.fail_no_commit(),
            FaultKind::SlowSync { .. } => self.disk.set_sync_latency(SYNC_LATENCY),
            _ => {}
        }
        if kind.stops_engine() {
            self.restart_engine();
        }
        self.link(kind);
    }

    /// Sets the links of the client that a fault is about, as all faults in force have them.
    fn link(&mut self, kind: &FaultKind) {
        let Some(client) = kind.client() else { return };
        let (mut to, mut from) = (Link::default(), Link::default());
        for kind in self.in_force.iter().filter(|kind| kind.client() == Some(client)) {
            match kind {
                FaultKind::Partition { ways, .. } => {
                    to.open &= *ways == Ways::FromEngine;
                    from.open &= *ways == Ways::ToEngine;
                }
                FaultKind::Slow { latency, jitter, .. } => {
                    for link in [&mut to, &mut from] {
                        link.latency = link.latency.max(*latency);
                        link.jitter = link.jitter.max(*jitter);
                    }
                }
                FaultKind::Refuse { .. } => to.refuses = true,
                _ => {}
            }
        }
        let node = client_name(client);
        self.stage.set_link(&node, ENGINE, to);
        self.stage.set_link(ENGINE, &node, from);
    }

    fn skew(&mut self, node: &str) -> Skew {
        self.skews.entry(node.to_owned()).or_default().clone()
    }

    fn start_engine(&mut self) {
        let image = self.disk.image();
        let opens = What::Opens { head: head_of(&image), checkpoint: checkpoint_on(&image) };
        self.recorder.record(self.stage.now(), ENGINE, opens);
        let condition = Condition::default();
        let (stop, stopped) = oneshot::channel();
        let (recorder, setup) = (self.recorder.clone(), self.setup.clone());
        let (chance, checkpoint_every) = (self.chance.clone(), self.plan.checkpoint_every);
        let (skew, disk) = (self.skew(ENGINE), self.disk.clone());
        let (shown, mut own) = (condition.clone(), None);
        self.stage.start(ENGINE, |doors| {
            let clock = SkewedClock::new(doors.clock(), skew);
            own = Some(clock.clone());
            let head = witness::decode(disk.slots().iter().map(<[u8; _]>::as_slice));
            let disk = disk.open(doors.clock());
            let (condition, stop) = (shown, stopped);
            let engine = Engine {
                clock,
                disk,
                head,
                setup,
                chance,
                checkpoint_every,
                recorder,
                condition,
                stop,
            };
            engine.run(doors)
        });
        self.engine_clock = own;
        self.engine = Some(Life { condition, stop });
    }

    fn crash_engine(&mut self, power: bool) {
        if self.engine.take().is_none() {
            return;
        }
        self.stage.crash(ENGINE);
        let from = head_of(&self.disk.image());
        self.disk.crash(power);
        self.recorder.record(self.stage.now(), ENGINE, What::Crashed);
        let to = head_of(&self.disk.image());
        if to < from {
            self.recorder.record(self.stage.now(), ENGINE, What::TailLost { from, to });
        }
    }

    /// Starts the engine, after a stop if it runs. What stopped it may still be in force for
    /// another reason: then that one's end starts it.
    fn restart_engine(&mut self) {
        if self.in_force.iter().any(FaultKind::stops_engine) {
            return;
        }
        self.crash_engine(false);
        self.start_engine();
    }

    /// As an operator would who finds the engine not well.
    fn mend(&mut self) {
        let state = self.engine.as_ref().map(|life| life.condition.state());
        if state.is_none_or(|state| state == State::Ended) {
            self.restart_engine();
        }
    }

    fn look(&mut self) {
        let up = self.engine.as_ref().is_some_and(|life| life.condition.state() == State::Up);
        let engine_now = self.engine_clock.as_ref().map_or(self.stage.now(), Clock::now);
        let position = head_of(&self.disk.image());
        let what = What::Looked { up, position, engine_now };
        self.recorder.record(self.stage.now(), DIRECTOR, what);
    }

    fn say(&self, text: String) {
        self.recorder.record(self.now(), DIRECTOR, What::Fault { text });
    }

    fn now(&self) -> Timestamp {
        self.stage.now()
    }
}

/// The director's name in the History.
const DIRECTOR: &str = "director";

/// The last position on a disk.
fn head_of(disk: &impl Store) -> u64 {
    let snapshot = disk.snapshot();
    let last = snapshot.range(EVENTS, Bound::Unbounded, Bound::Unbounded).next_back();
    let key = last.and_then(Result::ok).map(|(key, _)| key);
    key.and_then(|key| key.first_chunk().copied()).map_or(0, u64::from_be_bytes)
}
