//! `homeostat gaps`: what should have happened and has not.
//!
//! In: a log and a spec, or a running server. Out: the open gaps, or counts per duty.

mod counts;

use std::path::{Path, PathBuf};

use anstyle::Style;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use homeostat_api::GapFilter;
use homeostat_api::wire::{self, State};
use homeostat_graph::{ObligationState, ObligationView};
use homeostat_intent::lowered::{Performer, Strength};
use serde_json::json;

use super::place::Where;
use super::versions::backfill_note;
use super::{Outcome, review};
use crate::context::{Context, Place};
use crate::decisions::hard;
use crate::failure::Failure;
use crate::offline::{AsOf, Judged, Past};
use crate::remote::Remote;
use crate::screen::{paint, painted};
use crate::table::{Align, Table};
use counts::Counts;

/// Show what should have happened and has not
///
/// From a log that nobody serves it is worked out anew, as of the newest event unless `--as-of`
/// says otherwise; a running server is asked.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    #[command(flatten)]
    at: Where,
    /// Spec files or folders of them [default: the spec that the log itself holds]
    #[arg(long, value_name = "SPEC", num_args = 1.., env = "HOMEOSTAT_SPEC", hide_env_values = true)]
    spec: Vec<PathBuf>,
    /// Count per duty: triggers, met, late, never, pending, missed deadlines
    #[arg(long)]
    summary: bool,
    /// The moment that deadlines are judged at: newest (event), now, or a time
    #[arg(long, value_name = "TIME", default_value = "newest")]
    as_of: AsOf,
    /// Show at most so many, the nearest due first
    #[arg(long, value_name = "N", default_value_t = 50)]
    #[arg(value_parser = clap::value_parser!(u16).range(1..))]
    limit: u16,
    /// Show only gaps of this kind
    #[arg(long, value_name = "KIND", value_parser = kinds(), conflicts_with = "summary")]
    kind: Option<wire::Kind>,
    /// Exit with 1 when there is an open gap at least this hard
    #[arg(long, value_enum, value_name = "STRENGTH")]
    fail_on: Option<FailOn>,
}

/// How hard a gap must be for `--fail-on`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, clap::ValueEnum)]
enum FailOn {
    Must,
    Should,
    Could,
}

/// The kinds of gaps, as the API writes them.
fn kinds() -> impl TypedValueParser<Value = wire::Kind> {
    let known = PossibleValuesParser::new(wire::Kind::TEXTS.iter().copied());
    known.try_map(|text| {
        let kind = wire::Kind::ALL.iter().find(|kind| kind.text() == text);
        kind.copied().ok_or("no kind of gaps")
    })
}

const EXAMPLES: &str = "\
Examples:
  homeostat gaps --log claims.log --spec specs/claims.intent --summary
  homeostat gaps --log claims.log --kind consistency       What is not as its rules say
  homeostat gaps --log claims.log --spec specs/claims.intent --as-of 2018-01-01T00:00:00Z
  homeostat gaps --log data --as-of now --fail-on must     For scripts: exits with 1
  homeostat gaps --server http://127.0.0.1:7171";

/// Runs the verb.
pub(crate) fn run(args: &Args, context: &mut Context) -> Result<Outcome, Failure> {
    match args.at.place(context)? {
        Place::Server(server) => of_server(args, &server, context),
        Place::Log(folder) => of_log(args, &folder, context),
    }
}

fn of_log(args: &Args, folder: &Path, context: &mut Context) -> Result<Outcome, Failure> {
    let past = Past::open(context, folder, &args.spec)?;
    let judged = past.judge(args.as_of)?;
    let newest = match args.as_of {
        AsOf::Newest => ", the newest event",
        AsOf::Now | AsOf::At(_) => "",
    };
    context.screen.note(format_args!("{} events, as of {}{newest}", judged.events, judged.as_of));
    let of_kind =
        |gap: &ObligationView| args.kind.is_none_or(|kind| judged.kind(gap) == kind.text());
    let gaps: Vec<ObligationView> = judged
        .evaluator
        .open()
        .filter(|obligation| obligation.gap_open && of_kind(obligation))
        .collect();
    let strengths =
        gaps.iter().map(|gap| judged.evaluator.program().clause(gap.id.clause).strength.into());
    let found = fails(args.fail_on, strengths);
    match (args.summary, context.screen.is_json()) {
        (true, _) => counts::show(&of_duties(&judged), past_facts(&judged), context)?,
        (false, true) => context.screen.json(&list_json(&judged, &gaps))?,
        (false, false) => {
            list(args, &judged, &gaps, context)?;
            for left in judged.evaluator.backfills().filter(|left| left.waiting + left.held > 0) {
                context.screen.note(backfill_note(&left.into()));
            }
        }
    }
    Ok(Outcome::found_if(found))
}

fn list(
    args: &Args,
    judged: &Judged,
    gaps: &[ObligationView],
    context: &mut Context,
) -> Result<(), Failure> {
    if gaps.is_empty() {
        return context.screen.line(painted(paint::GOOD, none_open(args)));
    }
    let mut table = Table::new([
        ("gap", Align::Left),
        ("kind", Align::Left),
        ("strength", Align::Left),
        ("by", Align::Left),
        ("due", Align::Left),
        ("about", Align::Left),
    ]);
    for gap in gaps.iter().take(args.limit.into()) {
        let clause = judged.evaluator.program().clause(gap.id.clause);
        let (style, strength) = hard(clause.strength);
        let due_style = match gap.state {
            ObligationState::Queued | ObligationState::Active => Style::new(),
            ObligationState::Overdue | ObligationState::Lapsed => paint::BAD,
        };
        table.row([
            (gap.name.clone(), Style::new()),
            (judged.kind(gap).to_owned(), Style::new()),
            (strength.to_owned(), style),
            (performer(clause.performer).to_owned(), Style::new()),
            (gap.due.map_or_else(|| "-".to_owned(), |due| due.to_string()), due_style),
            (about(gap), paint::DIM),
        ]);
    }
    context.screen.text(table.show())?;
    if gaps.len() > usize::from(args.limit) {
        context.screen.note(format_args!(
            "{} of {} are shown; `--limit N` shows more, `--summary` counts them",
            args.limit,
            gaps.len()
        ));
    }
    Ok(())
}

fn none_open(args: &Args) -> String {
    match args.kind {
        Some(kind) => format!("no {kind} gap is open"),
        None => "no gap is open".to_owned(),
    }
}

/// What the gap is about: the values of its keys, and what it waits for.
fn about(gap: &ObligationView) -> String {
    let keys = gap.keys.iter().map(|key| match key.value.as_str() {
        Some(text) => format!("{}: {text}", key.entity),
        None => format!("{}: {}", key.entity, key.value),
    });
    let waits = gap.waiting_for.iter().map(|name| format!("waiting for {name}"));
    keys.chain(waits).collect::<Vec<_>>().join(", ")
}

fn list_json(judged: &Judged, gaps: &[ObligationView]) -> serde_json::Value {
    let gaps: Vec<serde_json::Value> = gaps
        .iter()
        .map(|gap| {
            let clause = judged.evaluator.program().clause(gap.id.clause);
            json!({
                "id": gap.name,
                "kind": judged.kind(gap),
                "action": clause.action,
                "text": clause.text,
                "strength": clause.strength,
                "by": performer(clause.performer),
                "state": gap.state,
                "since": gap.activated,
                "due": gap.due,
                "keys": gap.keys,
                "waiting_for": gap.waiting_for,
            })
        })
        .collect();
    let backfills: Vec<wire::Backfill> = judged.evaluator.backfills().map(Into::into).collect();
    json!({ "as_of": judged.as_of, "events": judged.events, "gaps": gaps, "backfills": backfills })
}

fn of_duties(judged: &Judged) -> Vec<Counts> {
    let summary = judged.evaluator.summary();
    summary.clauses.into_iter().map(|clause| Counts::from(&clause.into())).collect()
}

fn past_facts(judged: &Judged) -> serde_json::Value {
    let guards = judged.evaluator.summary().guards;
    json!({ "as_of": judged.as_of, "events": judged.events, "guards": guards })
}

fn of_server(args: &Args, server: &str, context: &mut Context) -> Result<Outcome, Failure> {
    context.no_flags_for_server(&["spec", "as_of"])?;
    let mut remote = Remote::new(server)?;
    if args.summary {
        let status = remote.ask(async |line| line.status().await)?;
        let counts: Vec<Counts> = status.clauses.iter().map(Counts::from).collect();
        counts::show(&counts, json!({ "now": status.now, "head": status.head }), context)?;
        return Ok(Outcome::Fine);
    }
    let kind = args.kind.map(|kind| kind.text().to_owned());
    let filter = GapFilter { limit: Some(args.limit.into()), kind, ..GapFilter::default() };
    let page = remote.ask(async |line| line.gaps(&filter).await)?;
    let strengths = page.gaps.iter().map(|gap| gap.strength.into());
    let found = fails(args.fail_on, strengths);
    if context.screen.is_json() {
        context.screen.json(&json!({ "gaps": page.gaps, "matching": page.matching }))?;
    } else if page.gaps.is_empty() {
        context.screen.line(painted(paint::GOOD, none_open(args)))?;
    } else {
        context.screen.text(review::gap_table(&page.gaps).show())?;
        let shown = page.gaps.len();
        if page.matching > shown {
            context.screen.note(format_args!(
                "{shown} of {} are shown; `--limit N` shows more, `--summary` counts them",
                page.matching
            ));
        }
        let escalated = page.gaps.iter().filter(|gap| gap.state == State::Escalated).count();
        if escalated > 0 {
            let of_these = if page.matching > shown { " of these" } else { "" };
            let (wait, them) = if escalated == 1 { ("waits", "it") } else { ("wait", "them") };
            context.screen.note(format_args!(
                "{escalated}{of_these} {wait} for a person; `homeostat review` decides about {them}"
            ));
        }
    }
    Ok(Outcome::found_if(found))
}

fn fails(fail_on: Option<FailOn>, mut gaps: impl Iterator<Item = FailOn>) -> bool {
    fail_on.is_some_and(|least| gaps.any(|strength| strength <= least))
}

impl From<Strength> for FailOn {
    fn from(strength: Strength) -> Self {
        match strength {
            Strength::Invariant | Strength::Must => Self::Must,
            Strength::Should => Self::Should,
            Strength::Could => Self::Could,
        }
    }
}

impl From<wire::Strength> for FailOn {
    fn from(strength: wire::Strength) -> Self {
        match strength {
            wire::Strength::Invariant | wire::Strength::Must => Self::Must,
            wire::Strength::Should => Self::Should,
            wire::Strength::Could => Self::Could,
        }
    }
}

const fn performer(performer: Performer) -> &'static str {
    match performer {
        Performer::Agent => "agent",
        Performer::System => "system",
        Performer::Human => "human",
    }
}
