//! What the house itself writes and reads, as the beginnings of what others might send.
//!
//! In: nothing. Out: texts. Never: a file that is read while a target runs.

/// Scenarios, relative to `scenarios/`.
pub const SCENARIOS: [&str; 4] = [
    include_str!("../../../scenarios/crm.toml"),
    include_str!("../../../scenarios/claims.toml"),
    include_str!("../../../scenarios/permits.toml"),
    include_str!("../../../scenarios/calm.toml"),
];

/// The file of suites.
pub const SUITES: &str = include_str!("../../../scenarios/suites.toml");

/// An agents file.
pub const AGENTS: &str = include_str!("../../../scenarios/agents/crm.toml");

/// A Plan.
pub const PLAN: &str = include_str!("../../../scenarios/plans/three_outages_in_a_row.toml");

/// Specs, good and bad.
pub const SPECS: [&str; 10] = [
    include_str!("../../../scenarios/specs/crm/customer_platform.intent"),
    include_str!("../../../scenarios/specs/crm/declarations.intent"),
    include_str!("../../../scenarios/specs/claims/domestic.intent"),
    include_str!("../../../scenarios/specs/permits/receipt.intent"),
    include_str!("../../../scenarios/specs/seed/breakers.intent"),
    include_str!("../../../scenarios/specs/seed/evolution.intent"),
    include_str!("../../../scenarios/specs/seed/crm_system.intent"),
    include_str!("../../../scenarios/specs/bad/ten_errors.intent"),
    include_str!("../../../scenarios/specs/bad/conditions.intent"),
    include_str!("../../../scenarios/specs/bad/open_arguments.intent"),
];

/// Reads what scenarios and Plans name.
///
/// # Errors
/// When it is none of them.
pub fn read(name: &str) -> Result<String, String> {
    let [platform, declarations, domestic, receipt, ..] = SPECS;
    let found = match name.trim_start_matches("../") {
        "specs/crm/customer_platform.intent" => platform,
        "specs/crm/declarations.intent" => declarations,
        "specs/claims/domestic.intent" => domestic,
        "specs/permits/receipt.intent" => receipt,
        "agents/crm.toml" => AGENTS,
        _ => return Err("no such file".to_owned()),
    };
    Ok(found.to_owned())
}
