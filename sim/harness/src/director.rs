//! The director: drives a stage through a Plan.
//!
//! In: a stage, a Plan. Out: lines of the History, and the log that is left at the end.
//! Never: does anything that the Plan does not say, except what an operator would: it starts the
//! engine again after a disk fault, and at the end of `active` whenever it is not well.
//! Promise: every fault begins and ends at its time; at `active` all have ended. The last thing that
//! happens to the disk is a loss of power, so that what oracles read is what was promised to last.
//! Start reading at [`direct`]; what each fault does is in `director/faults.rs`.

mod faults;

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::{Arc, Mutex, PoisonError};

use homeostat_log::index::EVENTS;
use homeostat_log::witness;
use homeostat_world::{Chance, Clock, Duration, Snapshot, Store, Timestamp};
use tokio::sync::oneshot;

use crate::disk::SimDisk;
use crate::gate::{Gate, GatedDoors};
use crate::history::{Recorder, What};
use crate::nodes::client::Client;
use crate::nodes::engine::{Condition, Engine, State};
use crate::nodes::{ENGINE, client_name};
use crate::oracle::{FinalLog, SLACK, checkpoint_on};
use crate::plan::{BACK_MAX, Fault, FaultKind, Plan, Version};
use crate::run::Setup;
use crate::skew::{Skew, SkewedClock};
use crate::stage::{Doors, Stage};
use crate::trouble::Trouble;

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
        gates: BTreeMap::new(),
        troubles: BTreeMap::new(),
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
    /// What holds the tasks of the nodes' newest lives back.
    gates: BTreeMap<String, Gate>,
    /// What is wrong with the clients' connections.
    troubles: BTreeMap<u32, Trouble>,
    in_force: Vec<FaultKind>,
}

/// One life of the engine.
struct Life {
    condition: Condition,
    /// None: it has been asked to stop.
    stop: Option<oneshot::Sender<()>>,
}

/// A fault begins, starts the engine in its middle, or ends.
#[derive(Clone, Copy)]
enum Turn<'p> {
    Begins(&'p Fault),
    IsMidway(&'p Fault),
    Ends(&'p Fault),
}

/// How often the director looks whether the disk holds the engine at a step: an engine that it
/// holds is killed so much later at most, and does nothing meanwhile.
const SLICE: Duration = Duration::from_millis(1);

impl<S: Stage> Director<'_, S> {
    fn open(&mut self) {
        let goes_back = |fault: &Fault| {
            matches!(fault.kind, FaultKind::StaleLog { .. } | FaultKind::StalePad { .. })
        };
        if self.plan.faults.iter().any(goes_back) {
            self.disk.remember(usize::try_from(BACK_MAX).unwrap_or(usize::MAX));
        }
        for fault in self.plan.faults.iter().filter(|fault| is_from_the_start(fault)) {
            self.begin(&fault.kind);
        }
        self.start_engine(Version::Same);
        for number in 1..=self.plan.clients {
            self.start_client(number);
        }
    }

    fn start_client(&mut self, number: u32) {
        let node = client_name(number);
        let steps = self.plan.steps.iter().filter(|step| step.client == number);
        let steps: Vec<_> = steps.cloned().collect();
        let (start, recorder) = (self.plan.start, self.recorder.clone());
        let end = self.plan.start + self.plan.active + self.plan.settle - SLACK;
        let (skew, gate) = (self.skew(&node), self.new_gate(&node));
        let trouble = self.troubles.entry(number).or_default().clone();
        let later = self.plan.later.clone();
        self.stage.start(&node, |doors| {
            let clock = SkewedClock::new(doors.clock(), skew);
            let client = Client { number, clock, start, end, steps, recorder, trouble, later };
            gate.before(client.run(GatedDoors::new(doors, gate.clone())))
        });
    }

    /// The faults of the Plan, each at its time.
    fn act(&mut self) {
        let plan = self.plan;
        let mut turns: Vec<(Duration, Turn<'_>)> = Vec::new();
        for fault in &plan.faults {
            if !is_from_the_start(fault) {
                turns.push((fault.at, Turn::Begins(fault)));
            }
            turns.extend(fault.midway().map(|at| (at, Turn::IsMidway(fault))));
            turns.push((fault.ends(), Turn::Ends(fault)));
        }
        // Stable: what stands at one time happens in the order of the Plan, and nothing ends before
        // it began.
        turns.sort_by_key(|(at, _)| *at);
        for (at, turn) in turns {
            if at >= plan.active {
                break;
            }
            self.run_until(plan.start + at);
            match turn {
                Turn::Begins(fault) => self.begin(&fault.kind),
                Turn::IsMidway(fault) => self.midway(&fault.kind),
                Turn::Ends(fault) => self.end(&fault.kind),
            }
        }
        self.run_until(plan.start + plan.active);
        while !self.in_force.is_empty() {
            let kind = self.in_force.remove(0);
            self.lift(&kind);
        }
        self.mend();
    }

    /// Runs on, and kills an engine that its disk holds at a step.
    fn run_until(&mut self, at: Timestamp) {
        let power = self.in_force.iter().find_map(|kind| match kind {
            FaultKind::Crash { power, after_commits: Some(_), .. } => Some(*power),
            _ => None,
        });
        if let Some(power) = power {
            while self.engine.is_some() && self.stage.now() < at {
                self.stage.run_until(at.min(self.stage.now() + SLICE));
                if self.disk.is_held() {
                    self.crash_engine(power);
                }
            }
        }
        self.stage.run_until(at);
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
        self.ask_to_stop();
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

    fn skew(&mut self, node: &str) -> Skew {
        self.skews.entry(node.to_owned()).or_default().clone()
    }

    /// The gate of a new life of `node`, open.
    fn new_gate(&mut self, node: &str) -> Gate {
        let gate = Gate::default();
        self.gates.insert(node.to_owned(), gate.clone());
        gate
    }

    fn start_engine(&mut self, version: Version) {
        let image = self.disk.image();
        let opens = What::Opens { head: head_of(&image), checkpoint: checkpoint_on(&image) };
        self.recorder.record(self.stage.now(), ENGINE, opens);
        let condition = Condition::default();
        let (stop, stopped) = oneshot::channel();
        let (recorder, setup) = (self.recorder.clone(), self.setup.clone());
        let (chance, checkpoint_every) = (self.chance.clone(), self.plan.checkpoint_every);
        let (skew, disk) = (self.skew(ENGINE), self.disk.clone());
        let (gate, shown, mut own) = (self.new_gate(ENGINE), condition.clone(), None);
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
                version,
                chance,
                checkpoint_every,
                recorder,
                condition,
                stop,
            };
            gate.before(engine.run(GatedDoors::new(doors, gate.clone())))
        });
        self.engine_clock = own;
        self.engine = Some(Life { condition, stop: Some(stop) });
    }

    fn ask_to_stop(&mut self) {
        if let Some(stop) = self.engine.as_mut().and_then(|life| life.stop.take()) {
            // An engine that has ended by itself hears nothing.
            let _heard = stop.send(());
        }
    }

    fn state(&self) -> State {
        self.engine.as_ref().map_or(State::Ended, |life| life.condition.state())
    }

    fn crash_engine(&mut self, power: bool) {
        if self.stop_engine() {
            self.disk.crash(power);
        }
    }

    /// Ends the present life of the engine, if it has not ended by itself. False: there was none.
    fn stop_engine(&mut self) -> bool {
        let state = self.state();
        if self.engine.take().is_none() {
            return false;
        }
        self.stage.crash(ENGINE);
        if state != State::Ended {
            self.recorder.record(self.stage.now(), ENGINE, What::Crashed);
        }
        true
    }

    /// Starts the engine, after a stop if it runs. What stopped it may still be in force for
    /// another reason: then that one's end starts it.
    fn restart_engine(&mut self) {
        if self.in_force.iter().any(FaultKind::stops_engine) {
            return;
        }
        self.crash_engine(false);
        self.start_engine(Version::Same);
    }

    /// As an operator would who finds the engine not well.
    fn mend(&mut self) {
        if self.state() == State::Ended {
            self.restart_engine();
        }
    }

    fn look(&mut self) {
        let up = self.state() == State::Up;
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

/// A clock that is wrong at the start is so before its node looks at it.
fn is_from_the_start(fault: &Fault) -> bool {
    let turns_clock =
        matches!(fault.kind, FaultKind::ClockJump { .. } | FaultKind::ClockDrift { .. });
    turns_clock && fault.at == Duration::ZERO
}

/// The director's name in the History.
pub const DIRECTOR: &str = "director";

/// The last position on a disk.
#[must_use]
pub fn head_of(disk: &impl Store) -> u64 {
    let snapshot = disk.snapshot();
    let last = snapshot.range(EVENTS, Bound::Unbounded, Bound::Unbounded).next_back();
    let key = last.and_then(Result::ok).map(|(key, _)| key);
    key.and_then(|key| key.first_chunk().copied()).map_or(0, u64::from_be_bytes)
}
