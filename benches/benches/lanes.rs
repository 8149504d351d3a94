//! Lanes: seeds and virtual seconds per CPU second, and beside them what the bare executor takes
//! for as many polls. The difference is the engine under test, the HTTP between the nodes, the
//! simulated disk and the oracles.
//!
//! CPU time and not wall time, since other work on the machine takes turns with this. A lane's
//! first seed is not counted. Goals, of the small scenario: 1,000 seeds and 5,000 virtual seconds a
//! CPU second in `native`, madsim within a fifth of that.
//!
//! Run: `cargo bench -p homeostat-benches --bench lanes`; with `--cpu 10` each lane has ten CPU
//! seconds for each scenario instead of three.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a bench may fail, and prints what it saw"
)]

use std::path::Path;
use std::time::Duration;

use homeostat_sim_harness::lane::NATIVE;
use homeostat_sim_harness::native::{Native, Order};
use homeostat_sim_harness::oracle::judge;
use homeostat_sim_harness::run::Setup;
use homeostat_sim_harness::write::{Scenario, write};
use homeostat_sim_harness::{Doors, Lane, Plan, Stage};
use homeostat_world::{Chance, Clock};
use nix::sys::resource::{UsageWho, getrusage};

/// The small one, and a day of a customer platform.
const SCENARIOS: [&str; 2] = ["parcels", "crm"];
/// CPU seconds for each lane and scenario.
const CPU_SECONDS: f64 = 3.0;
/// Seeds whose polls are counted for the bound.
const COUNTED: u64 = 20;
/// Tasks of the empty world of the bound.
const SLEEPERS: i64 = 4;

fn lanes() -> Vec<Lane> {
    let mut lanes = vec![NATIVE, homeostat_sim_turmoil::LANE];
    #[cfg(madsim)]
    lanes.push(homeostat_sim_madsim::LANE);
    lanes
}

/// The CPU time that this process has used.
fn cpu() -> f64 {
    let usage = getrusage(UsageWho::RUSAGE_SELF).unwrap();
    let micros = |time: nix::sys::time::TimeVal| {
        Duration::new(
            u64::try_from(time.tv_sec()).unwrap(),
            u32::try_from(time.tv_usec()).unwrap() * 1_000,
        )
    };
    (micros(usage.user_time()) + micros(usage.system_time())).as_secs_f64()
}

fn scenario(name: &str) -> Scenario {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scenarios");
    let read =
        |name: &str| std::fs::read_to_string(folder.join(name)).map_err(|error| error.to_string());
    Scenario::from_toml(&read(&format!("{name}.toml")).unwrap(), read).unwrap()
}

/// What some seeds took, in CPU seconds, and what they were.
#[derive(Default)]
struct Spent {
    writing: f64,
    running: f64,
    judging: f64,
    seeds: f64,
    events: f64,
    /// Virtual seconds, most of which are the time to settle.
    lasted: f64,
    /// Virtual seconds in which clients and faults are at work.
    active: f64,
}

impl Spent {
    fn total(&self) -> f64 {
        self.writing + self.running + self.judging
    }

    fn seed(&mut self, lane: Lane, scenario: &Scenario, seed: u64) {
        let began = cpu();
        let plan = write(seed, scenario);
        let setup = Setup::of(&plan).unwrap();
        let written = cpu();
        let run = (lane.run)(&plan, &setup).unwrap();
        let ran = cpu();
        let violations = judge(&run.evidence);
        if let Some(first) = violations.first() {
            // It took its time all the same; what broke is for `homeostat sim run` to say.
            println!("lanes: seed {seed} in {} broke `{}`", lane.name, first.oracle);
        }
        self.events += run.evidence.log.events.len() as f64;
        self.lasted += run.lasted.to_std().as_secs_f64();
        self.active += plan.active.to_std().as_secs_f64();
        self.seeds += 1.0;
        drop((run, setup, plan));
        self.writing += written - began;
        self.running += ran - written;
        self.judging += cpu() - ran;
    }

    fn said(&self, scenario: &str, lane: &str) -> String {
        let (total, seeds) = (self.total(), self.seeds);
        let share = |part: f64| 100.0 * part / total;
        format!(
            "lanes::{scenario}/{lane}: {:.0} seeds, {:.0} virtual s ({:.0} active) a CPU second; \
             a seed: {:.0} events, {:.2} ms, of which writing {:.0}%, running {:.0}%, judging {:.0}%",
            seeds / total,
            self.lasted / total,
            self.active / total,
            self.events / seeds,
            1_000.0 * total / seeds,
            share(self.writing),
            share(self.running),
            share(self.judging),
        )
    }
}

/// Polls of one run in the native lane.
fn polls(plan: &Plan) -> usize {
    let mut setup = Setup::of(plan).unwrap();
    setup.keeps_polls = true;
    (NATIVE.run)(plan, &setup).unwrap().evidence.history.polls.len()
}

/// An empty world: a few tasks that sleep and wake as often as a seed's tasks are polled.
fn bound(plan: &Plan, polls: usize) {
    let chance = Chance::from_u64(plan.seed);
    let mut native = Native::new(plan.start, &chance, Order::Shuffled);
    let naps = i64::try_from(polls).unwrap() / SLEEPERS;
    let nap = homeostat_world::Duration::from_micros(plan.active.as_micros() / naps.max(1));
    for sleeper in 0..SLEEPERS {
        native.start(&format!("sleeper-{sleeper}"), |doors| async move {
            let clock = doors.clock();
            for _ in 0..naps {
                clock.sleep_until(clock.now() + nap).await;
            }
        });
    }
    native.run_until(plan.start + plan.active);
}

fn bound_said(name: &str, scenario: &Scenario) -> String {
    let plans: Vec<(Plan, usize)> = (0..COUNTED)
        .map(|seed| write(seed, scenario))
        .map(|plan| {
            let polls = polls(&plan);
            (plan, polls)
        })
        .collect();
    let (began, mut rounds) = (cpu(), 0.0);
    while cpu() - began < CPU_SECONDS / 3.0 {
        plans.iter().for_each(|(plan, polls)| bound(plan, *polls));
        rounds += 1.0;
    }
    let took = cpu() - began;
    let seeds = rounds * COUNTED as f64;
    let polls = plans.iter().map(|(_, polls)| *polls as f64).sum::<f64>() / COUNTED as f64;
    format!(
        "lanes::{name}/bound: native's bare executor with as many polls ({polls:.0} a seed): \
         {:.0} seeds a CPU second, {:.0} ns a poll",
        seeds / took,
        1e9 * took / (polls * seeds)
    )
}

/// CPU seconds for each lane, and whether this is a bench at all: `cargo test` only tries it.
fn seconds() -> f64 {
    let args: Vec<String> = std::env::args().collect();
    let given = args.iter().skip_while(|arg| *arg != "--cpu").nth(1);
    let given = given.map(|text| text.parse().unwrap());
    if args.iter().any(|arg| arg == "--bench") { given.unwrap_or(CPU_SECONDS) } else { 0.0 }
}

fn main() {
    let seconds = seconds();
    for name in SCENARIOS {
        let scenario = scenario(name);
        for lane in lanes() {
            Spent::default().seed(lane, &scenario, 0);
            let (mut spent, mut seed) = (Spent::default(), 1);
            while spent.seeds < 1.0 || spent.total() < seconds {
                spent.seed(lane, &scenario, seed);
                seed += 1;
            }
            println!("{}", spent.said(name, lane.name));
        }
        println!("{}", bound_said(name, &scenario));
    }
}
