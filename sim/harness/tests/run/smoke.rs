//! A few seeds of each scenario that comes with the house, as `homeostat sim run` would run them.

use std::path::Path;

use homeostat_sim_harness::history::What;
use homeostat_sim_harness::lane::NATIVE;
use homeostat_sim_harness::run::run_and_judge;
use homeostat_sim_harness::story::story;
use homeostat_sim_harness::write::{Scenario, write};

#[expect(clippy::disallowed_methods, reason = "a test reads the files that it is about")]
pub(crate) fn scenario(name: &str) -> Scenario {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scenarios");
    let read = |name: &str| {
        std::fs::read_to_string(folder.join(name)).map_err(|error| format!("{name}: {error}"))
    };
    Scenario::from_toml(&read(name).unwrap(), read).unwrap_or_else(|errors| panic!("{errors}"))
}

/// Runs seeds, and says how often the engine was stopped in all of them.
fn crashes_in(name: &str, seeds: std::ops::Range<u64>) -> usize {
    let scenario = scenario(name);
    let mut crashes = 0;
    for seed in seeds {
        let judged = run_and_judge(NATIVE, &write(seed, &scenario)).unwrap();
        let told = judged.run.as_ref().map(|run| story(&run.evidence)).unwrap_or_default();
        assert!(judged.violations.is_empty(), "{name} {seed}: {:#?}\n{told}", judged.violations);
        let lines = judged.run.into_iter().flat_map(|run| run.evidence.history.lines);
        crashes += lines.filter(|line| line.what == What::Crashed).count();
    }
    crashes
}

#[test]
fn twenty_seeds_keep_every_promise() {
    assert!(crashes_in("crm.toml", 0..10) > 0, "no seed stopped the engine");
    assert!(crashes_in("claims.toml", 0..5) > 0, "no seed stopped the engine");
    assert!(crashes_in("permits.toml", 0..4) > 0, "no seed stopped the engine");
    assert_eq!(crashes_in("calm.toml", 0..1), 0, "calm is calm");
}
