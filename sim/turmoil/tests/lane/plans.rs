//! The Plans that the other tests run: written ones, and those of seeds.

use std::path::Path;

use homeostat_sim_harness::Plan;
use homeostat_sim_harness::write::{Scenario, write};

#[expect(clippy::disallowed_methods, reason = "a test reads the files that it is about")]
fn read(name: &str) -> Result<String, String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scenarios");
    std::fs::read_to_string(folder.join(name)).map_err(|error| format!("{name}: {error}"))
}

/// The Plan of a text whose files are named relative to `folder` in the scenarios.
fn plan(text: &str, folder: &str) -> Plan {
    let plan = Plan::from_toml(text).unwrap_or_else(|errors| panic!("{errors}"));
    let resolved = plan.resolved(|name| read(&format!("{folder}{name}")));
    resolved.unwrap_or_else(|errors| panic!("{errors}"))
}

/// One fault of each kind, with another seed.
pub(crate) fn every_fault(seed: u64) -> Plan {
    Plan { seed, ..plan(include_str!("every_fault.toml"), "") }
}

/// The Plans that come with the house.
pub(crate) fn written() -> Vec<(&'static str, Plan)> {
    let names = [
        "deadline_behind_a_partition.toml",
        "power_cut_while_storing.toml",
        "three_outages_in_a_row.toml",
    ];
    let read = |name: &str| read(&format!("plans/{name}")).unwrap();
    names.into_iter().map(|name| (name, plan(&read(name), "plans/"))).collect()
}

/// What a seed writes for a scenario that comes with the house.
pub(crate) fn of_seed(scenario: &str, seed: u64) -> Plan {
    let scenario = Scenario::from_toml(&read(scenario).unwrap(), read);
    write(seed, &scenario.unwrap_or_else(|errors| panic!("{errors}")))
}
