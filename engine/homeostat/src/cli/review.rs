//! `homeostat review`: the gaps that agents could not close, and a person's word about them.
//!
//! In: a running server, and a verdict from flags or from the terminal. Out: a decision in the log.

use std::io::IsTerminal;

use anstyle::Style;
use homeostat_api::GapFilter;
use homeostat_api::wire::{Decision, DecisionRequest, Gap, State, Strength};
use serde_json::json;

use super::Outcome;
use crate::context::Context;
use crate::decisions::in_one_line;
use crate::failure::Failure;
use crate::remote::Remote;
use crate::screen::{paint, painted};
use crate::table::{Align, Table};

/// Decide about gaps that agents could not close
///
/// Without a gap, lists those that wait for a person. With one, writes down what you decide about
/// it; on a terminal you are asked when no verdict is given.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// The gap, as in `acknowledge_to_rep@12`
    #[arg(value_name = "GAP")]
    gap: Option<String>,
    /// The engine that runs there
    #[arg(long, value_name = "URL", env = "HOMEOSTAT_SERVER", hide_env_values = true)]
    server: Option<String>,
    /// Let agents try again, as often as the first time
    #[arg(long, requires = "gap", group = "verdict")]
    retry: bool,
    /// It is no longer owed
    #[arg(long, requires = "gap", group = "verdict")]
    waive: bool,
    /// What a new version asks of earlier events is owed, some at a time; for a gap `backfill@…`
    #[arg(long, requires = "gap", group = "verdict")]
    backfill: bool,
    /// Why
    #[arg(long, value_name = "TEXT", requires = "gap")]
    reason: Option<String>,
    /// Who decides
    #[arg(
        long,
        value_name = "NAME",
        requires = "gap",
        env = "HOMEOSTAT_BY",
        hide_env_values = true
    )]
    by: Option<String>,
}

const EXAMPLES: &str = "\
Examples:
  homeostat review --server http://127.0.0.1:7171
  homeostat review alert_rep@12 --retry --by maria --reason 'the mail server is back'
  homeostat review backfill@5012 --backfill --by maria --reason 'they shall have it too'
  homeostat review alert_rep@12 --waive --by maria --reason 'the customer has left'";

/// Runs the verb.
pub(crate) fn run(args: &Args, context: &mut Context) -> Result<Outcome, Failure> {
    let server = context.server(args.server.as_ref())?;
    let mut remote = Remote::new(&server)?;
    match &args.gap {
        None => list(&mut remote, context),
        Some(id) => decide(args, id, &mut remote, context),
    }
}

fn list(remote: &mut Remote, context: &mut Context) -> Result<Outcome, Failure> {
    let mut waiting = Vec::new();
    for state in [State::Escalated, State::Waiting] {
        let filter = GapFilter { state: Some(state.text().to_owned()), ..GapFilter::default() };
        waiting.extend(remote.ask(async |line| line.gaps(&filter).await)?.gaps);
    }
    if context.screen.is_json() {
        context.screen.json(&json!({ "gaps": waiting }))?;
        return Ok(Outcome::Fine);
    }
    if waiting.is_empty() {
        context.screen.line("nothing waits for a person")?;
        return Ok(Outcome::Fine);
    }
    context.screen.text(gap_table(&waiting).show())?;
    context.screen.note("`homeostat review GAP` decides about one of them");
    Ok(Outcome::Fine)
}

fn decide(
    args: &Args,
    id: &str,
    remote: &mut Remote,
    context: &mut Context,
) -> Result<Outcome, Failure> {
    let gap = remote.ask(async |line| line.gap(id).await)?.ok_or_else(|| {
        Failure::new(format_args!("no open gap `{id}`"))
            .help("`homeostat review` lists those that wait for a person, `homeostat gaps` all")
    })?;
    let decision = match (args.retry, args.waive, args.backfill) {
        (true, ..) => Decision::Retry,
        (_, true, _) => Decision::Waive,
        (.., true) => Decision::Backfill,
        _ => match asked_about(&gap, args, context)? {
            Some(request) => return write_down(id, &request, remote, context),
            None => return Ok(Outcome::Fine),
        },
    };
    let (Some(by), Some(reason)) = (&args.by, &args.reason) else {
        return Err(Failure::new("a decision needs a name and a reason")
            .help("add `--by NAME` and `--reason TEXT`; both stand in the log for good"));
    };
    let request = DecisionRequest { decision, by: by.clone(), reason: reason.clone() };
    write_down(id, &request, remote, context)
}

fn write_down(
    id: &str,
    request: &DecisionRequest,
    remote: &mut Remote,
    context: &mut Context,
) -> Result<Outcome, Failure> {
    let position = remote.ask(async |line| line.decide(id, request).await)?;
    if context.screen.is_json() {
        let decided = json!({ "gap": id, "decision": request.decision, "position": position });
        context.screen.json(&decided)?;
    } else {
        let decision = painted(paint::GOOD, request.decision);
        context.screen.line(format_args!("{decision} {id}  written down as e{position}"))?;
    }
    Ok(Outcome::Fine)
}

/// Asks the person at the terminal; none when they leave it as it is.
fn asked_about(
    gap: &Gap,
    args: &Args,
    context: &mut Context,
) -> Result<Option<DecisionRequest>, Failure> {
    if !std::io::stdin().is_terminal() {
        return Err(Failure::new(format_args!("no verdict about `{}` was given", gap.id)).help(
            match asks_of_the_past(gap) {
                true => "add `--backfill` or `--waive`; on a terminal you are asked",
                false => "add `--retry` or `--waive`; on a terminal you are asked",
            },
        ));
    }
    context.screen.say(gap_table(std::slice::from_ref(gap)).show());
    let (question, yes) = match asks_of_the_past(gap) {
        true => ("backfill, waive, or leave it? [b/w/l] ", Decision::Backfill),
        false => ("retry, waive, or leave it? [r/w/l] ", Decision::Retry),
    };
    let decision = loop {
        match context.answer(question)?.as_str() {
            "w" | "waive" => break Decision::Waive,
            "l" | "leave" | "" => return Ok(None),
            word if !word.is_empty() && yes.text().starts_with(word) => break yes,
            _ => {}
        }
    };
    let mut given = |text: &Option<String>, question| match text {
        Some(text) => Ok(text.clone()),
        None => context.answer(question),
    };
    let by = given(&args.by, "your name: ")?;
    let reason = given(&args.reason, "why: ")?;
    Ok(Some(DecisionRequest { decision, by, reason }))
}

/// Whether the gap stands for what a version asks of earlier events.
fn asks_of_the_past(gap: &Gap) -> bool {
    gap.action == Decision::Backfill.text()
}

/// How much of an agent's words a table shows; JSON has them all.
const WHY_COLUMNS: usize = 70;

/// Gaps of a server as a table.
pub(crate) fn gap_table(gaps: &[Gap]) -> Table {
    let mut table = Table::new([
        ("gap", Align::Left),
        ("kind", Align::Left),
        ("strength", Align::Left),
        ("state", Align::Left),
        ("due", Align::Left),
        ("agents", Align::Right),
        ("why", Align::Left),
    ]);
    for gap in gaps {
        let strength = match gap.strength {
            Strength::Invariant | Strength::Must => paint::BAD,
            Strength::Should => paint::CARE,
            Strength::Could => paint::NAME,
        };
        let due = gap.due.map_or_else(|| "-".to_owned(), |due| due.to_string());
        let why = match (gap.escalation, &gap.reason) {
            (Some(escalation), Some(reason)) => {
                format!("{}: {}", words(escalation.text()), in_one_line(reason, WHY_COLUMNS))
            }
            (Some(escalation), None) => words(escalation.text()),
            (None, reason) => in_one_line(reason.as_deref().unwrap_or_default(), WHY_COLUMNS),
        };
        table.row([
            (gap.id.clone(), Style::new()),
            (gap.kind.to_string(), Style::new()),
            (gap.strength.to_string(), strength),
            (gap.state.to_string(), Style::new()),
            (due, if gap.overdue { paint::BAD } else { Style::new() }),
            (gap.attempts.to_string(), Style::new()),
            (why, paint::DIM),
        ]);
    }
    table
}

fn words(name: &str) -> String {
    name.replace('_', " ")
}
