//! Runs a Plan without faults on the real doors.
//!
//! In: a Plan. Out: a [`Run`]. Never: a fault; the harness's own director makes those, on stages.
//! Promise: the same nodes as in every lane, the same two looks at the end, a graceful stop, and
//! the log read anew from its directory after everything else is gone.
//! Start reading at [`run`].

use std::path::Path;

use homeostat_sim_harness::director::{DIRECTOR, head_of};
use homeostat_sim_harness::history::{Recorder, What};
use homeostat_sim_harness::nodes::client::Client;
use homeostat_sim_harness::nodes::engine::{Condition, Engine, State};
use homeostat_sim_harness::nodes::{ENGINE, client_name};
use homeostat_sim_harness::oracle::{Evidence, FinalLog, SLACK};
use homeostat_sim_harness::plan::Version;
use homeostat_sim_harness::run::{Run, Setup, history_of};
use homeostat_sim_harness::trouble::Trouble;
use homeostat_sim_harness::{Doors, Plan};
use homeostat_world::{Chance, Clock, Duration, TaskHandle, Tasks};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::oneshot;

use crate::clock::{FastClock, SPEED};
use crate::disk::RealDisk;
use crate::doors::RealDoors;

/// How long the engine may take to stop: a minute of the machine's own clock.
const STOP_WITHIN: Duration = Duration::from_secs(60 * SPEED);

/// Runs `plan`, which has no faults.
///
/// # Errors
/// When it has faults, when the machine gives no room or threads, and why the log cannot be read
/// afterwards.
pub(crate) fn run(plan: &Plan, setup: &Setup) -> Result<Run, String> {
    if let Some(first) = plan.faults.first() {
        return Err(format!(
            "lane `tokio` runs Plans without faults, and this one has `{}`, the first of them \
             `{}`; run it in `native`, or take its faults out",
            plan.faults.len(),
            first.kind.name()
        ));
    }
    let directory = tempfile::Builder::new()
        .prefix("homeostat-sim-")
        .tempdir()
        .map_err(|error| format!("cannot make a directory for the log: {error}"))?;
    let recorder = Recorder::default();
    let clock = FastClock::new(plan.start);
    let runtime = runtime()?;
    let doors = RealDoors::new(ENGINE, clock.clone(), runtime.handle().clone());
    let audit = doors.audit().clone();
    let live = live(plan, setup, directory.path(), &recorder, doors);
    let lived = runtime.block_on(Box::pin(live));
    // Whatever is left of clients and connections must not hold the log.
    runtime.shutdown_timeout(STOP_WITHIN.to_std());
    let history = history_of(&recorder, audit.read(|audit| audit.panics().to_vec()));
    lived?;
    let (disk, head) = RealDisk::open(directory.path())?;
    let log = self::runtime()?.block_on(FinalLog::read(disk, head))?;
    let lasted = clock.now().since(plan.start);
    let trace = history.hash();
    let evidence = Evidence { plan: plan.clone(), setup: setup.clone(), history, log };
    Ok(Run { evidence, trace, lasted })
}

fn runtime() -> Result<Runtime, String> {
    let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build();
    runtime.map_err(|error| format!("cannot start threads: {error}"))
}

/// One life of the engine and of its clients, from the start of the Plan to its end.
async fn live(
    plan: &Plan,
    setup: &Setup,
    directory: &Path,
    recorder: &Recorder,
    doors: RealDoors,
) -> Result<(), String> {
    let (disk, head) = RealDisk::open(directory)?;
    let clock = doors.clock();
    recorder.record(clock.now(), ENGINE, What::Opens { head: head_of(&disk), checkpoint: None });
    let condition = Condition::default();
    let (stop, stopped) = oneshot::channel();
    let engine = Engine {
        clock: clock.clone(),
        disk: disk.clone(),
        head,
        setup: setup.clone(),
        version: Version::Same,
        chance: Chance::from_u64(plan.seed),
        checkpoint_every: plan.checkpoint_every,
        recorder: recorder.clone(),
        condition: condition.clone(),
        stop: stopped,
    };
    let engine = doors.tasks().spawn("main", engine.run(doors.clone()));
    let end = plan.start + plan.active + plan.settle;
    for number in 1..=plan.clients {
        let doors = doors.of(&client_name(number));
        let steps = plan.steps.iter().filter(|step| step.client == number).cloned().collect();
        let client = Client {
            number,
            clock: clock.clone(),
            start: plan.start,
            end: end - SLACK,
            steps,
            recorder: recorder.clone(),
            trouble: Trouble::default(),
            later: plan.later.clone(),
        };
        // Its end is in the History; the runtime ends what has not ended.
        drop(doors.tasks().spawn("main", client.run(doors.clone())));
    }
    for at in [end - SLACK, end] {
        clock.sleep_until(at).await;
        let (up, position) = (condition.state() == State::Up, head_of(&disk));
        let now = clock.now();
        recorder.record(now, DIRECTOR, What::Looked { up, position, engine_now: now });
    }
    // An engine that has ended by itself hears nothing.
    let _heard = stop.send(());
    tokio::select! {
        _end = engine.join() => Ok(()),
        () = clock.sleep_until(clock.now() + STOP_WITHIN) => {
            Err(format!("the engine did not stop within {STOP_WITHIN}"))
        }
    }
}
