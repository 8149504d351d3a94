//! How the obligations of each duty have fared, in a table or as JSON.
//!
//! In: counts of the graph, or of a server. Out: one row per duty.
//! Promise: `never` counts what is overdue at the moment of judgement and may still happen; `missed`
//! counts every deadline that passed unmet, whatever came after.

use anstyle::Style;
use homeostat_api::wire;
use serde::Serialize;
use serde_json::Value;

use crate::context::Context;
use crate::failure::Failure;
use crate::screen::paint;
use crate::table::{Align, Table};

/// The counts of one duty.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Counts {
    duty: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    within: Option<String>,
    triggers: u64,
    met: u64,
    late: u64,
    never: u64,
    pending: u64,
    seen_late: u64,
    lapsed: u64,
    compensated: u64,
    withdrawn: u64,
    waived: u64,
    void: u64,
    missed: u64,
}

impl From<&wire::Clause> for Counts {
    fn from(clause: &wire::Clause) -> Self {
        Self {
            duty: clause.slug.clone(),
            within: clause.within.clone(),
            triggers: clause.triggers,
            met: clause.met,
            late: clause.late,
            never: clause.overdue,
            pending: clause.pending,
            seen_late: clause.seen_late,
            lapsed: clause.lapsed,
            compensated: clause.compensated,
            withdrawn: clause.withdrawn,
            waived: clause.waived,
            void: clause.void,
            missed: clause.missed,
        }
    }
}

/// Shows `counts`; as JSON together with `facts`, an object.
pub(crate) fn show(
    counts: &[Counts],
    mut facts: Value,
    context: &mut Context,
) -> Result<(), Failure> {
    if context.screen.is_json() {
        if let Some(facts) = facts.as_object_mut() {
            facts.insert("duties".to_owned(), serde_json::to_value(counts).unwrap_or_default());
        }
        return context.screen.json(&facts);
    }
    context.screen.text(table(counts).show())
}

fn table(counts: &[Counts]) -> Table {
    let mut table = Table::new([
        ("duty", Align::Left),
        ("within", Align::Right),
        ("triggers", Align::Right),
        ("met", Align::Right),
        ("late", Align::Right),
        ("never", Align::Right),
        ("pending", Align::Right),
        ("missed", Align::Right),
        ("otherwise", Align::Left),
    ]);
    let care = |count: u64, style| if count == 0 { Style::new() } else { style };
    for row in counts {
        table.row([
            (row.duty.clone(), paint::HEAD),
            (row.within.clone().unwrap_or_else(|| "-".to_owned()), Style::new()),
            (row.triggers.to_string(), Style::new()),
            (row.met.to_string(), Style::new()),
            (row.late.to_string(), care(row.late, paint::CARE)),
            (row.never.to_string(), care(row.never, paint::BAD)),
            (row.pending.to_string(), Style::new()),
            (row.missed.to_string(), care(row.missed, paint::CARE)),
            (row.otherwise(), paint::DIM),
        ]);
    }
    table
}

impl Counts {
    fn otherwise(&self) -> String {
        let counts = [
            ("seen late", self.seen_late),
            ("lapsed", self.lapsed),
            ("compensated", self.compensated),
            ("withdrawn", self.withdrawn),
            ("waived", self.waived),
            ("void", self.void),
        ];
        let parts = counts.iter().filter(|(_, count)| *count > 0);
        parts.map(|(name, count)| format!("{count} {name}")).collect::<Vec<_>>().join(", ")
    }
}
