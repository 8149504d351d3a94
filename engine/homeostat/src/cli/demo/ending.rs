//! The end of the demo: one event's consequences, the day in numbers, what to try next.

use homeostat_kernel::Status;
use homeostat_world::Position;
use serde_json::json;

use super::stage::Stage;
use crate::context::Context;
use crate::decisions::time_of_day;
use crate::failure::Failure;
use crate::screen::{paint, painted};

/// Shows all of it.
pub(crate) async fn show(
    context: &mut Context,
    stage: &Stage,
    hero: Option<Position>,
) -> Result<(), Failure> {
    let status = stage.status().await?;
    if context.screen.is_json() {
        return context.screen.json_line(&json!({
            "type": "demo.ended",
            "log": stage.folder,
            "explained": hero,
            "status": status,
        }));
    }
    if let Some(position) = hero {
        let explanation = stage.handle.explain(position).await.map_err(Failure::new)?;
        context.screen.line("")?;
        context.screen.line(painted(
            paint::HEAD,
            format_args!("What should have followed from e{position}, and what did"),
        ))?;
        context.screen.line("")?;
        context.screen.text(crate::explained::coloured(&explanation.to_string()))?;
    }
    totals(context, &status)?;
    what_next(context, stage, hero)
}

/// One line on how things stand.
pub(crate) fn status_line(status: &Status) -> String {
    let gaps = &status.conductor;
    painted(
        paint::DIM,
        format_args!(
            "{}  {} events  {} open gaps, {} with people  {} agents  ${:.2}",
            time_of_day(status.now),
            status.head,
            gaps.gaps_open,
            gaps.by_state.escalated,
            gaps.agents_at_work,
            dollars(status.totals.agents_cost),
        ),
    )
}

fn totals(context: &mut Context, status: &Status) -> Result<(), Failure> {
    let totals = &status.totals;
    let counted = |counts: &std::collections::BTreeMap<String, u64>| {
        let parts: Vec<String> = counts
            .iter()
            .filter(|(_, count)| **count > 0)
            .map(|(name, count)| format!("{count} {}", name.replace('_', " ")))
            .collect();
        parts.join(", ")
    };
    let events: std::collections::BTreeMap<String, u64> =
        totals.events.iter().map(|(kind, count)| ((*kind).to_owned(), *count)).collect();
    let breakers = &status.conductor;
    let rows = [
        ("events", format!("{} ({})", status.head, counted(&events))),
        (
            "gaps",
            format!(
                "{} opened, {} still open; closed: {}",
                totals.gaps_opened,
                breakers.gaps_open,
                counted(&totals.gaps_closed)
            ),
        ),
        ("deadlines", format!("{} missed", totals.deadlines_missed)),
        (
            "agents",
            format!(
                "{} spawned; ended: {}; ${:.2} spent",
                totals.agents_spawned,
                counted(&totals.agents_ended),
                dollars(totals.agents_cost)
            ),
        ),
        (
            "people",
            format!(
                "{} gaps escalated, {} still wait for a word",
                totals.gaps_escalated, breakers.by_state.escalated
            ),
        ),
    ];
    context.screen.line("")?;
    context.screen.line(painted(paint::HEAD, "The day in numbers"))?;
    for (name, value) in rows {
        context.screen.line(format_args!("  {name:<10} {value}"))?;
    }
    Ok(())
}

fn what_next(context: &mut Context, stage: &Stage, hero: Option<Position>) -> Result<(), Failure> {
    let log = stage.folder.display();
    let hero = hero.unwrap_or_else(|| Position::new(1));
    context.screen.line("")?;
    context.screen.line(format_args!("{} {log}", painted(paint::HEAD, "The log is kept in")))?;
    context.screen.line("Try next:")?;
    for command in [
        format!("homeostat gaps --log {log}"),
        format!("homeostat explain {hero} --log {log}"),
        format!("homeostat verify --log {log}"),
        format!("homeostat serve --log {log} --spec-from-log"),
    ] {
        context.screen.line(format_args!("  {}", painted(paint::NAME, command)))?;
    }
    Ok(())
}

/// Millionths of a dollar in dollars, for showing.
fn dollars(micros: u64) -> f64 {
    // A day's cost is far below where a float would lose a cent.
    #[expect(clippy::cast_precision_loss, reason = "shown with two digits")]
    let micros = micros as f64;
    micros / 1e6
}
