//! `homeostat contract`: what must hold, who says so, whether it does; and a person's or a command's word about it.
//!
//! In: a running server or a log that nobody serves; an answer from flags. Out: a table; a report in the log.
//! Never: takes a finding about a log that nobody serves. Start reading at [`run`].

use anstyle::Style;
use homeostat_api::wire::{Contract, Finding, Judge, Proposition, Reported, Verdict};
use homeostat_host::Answer;
use homeostat_world::Duration;
use serde_json::json;

use super::Outcome;
use super::place::Where;
use crate::commands::{self, CHECK_TIME};
use crate::context::{Context, Place};
use crate::decisions::in_one_line;
use crate::failure::Failure;
use crate::remote::Remote;
use crate::screen::{paint, painted};
use crate::table::{Align, Table};
use crate::{offline, running};

/// Tell what must hold, who says so, and whether it does
///
/// With a proposition and an answer, writes down what you found of it: the spec says whom it asks.
/// Exits with 1 when something is violated.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// Only this proposition
    #[arg(value_name = "NAME")]
    name: Option<String>,
    #[command(flatten)]
    at: Where,
    /// It holds
    #[arg(long, requires = "name", group = "answer")]
    holds: bool,
    /// It does not hold
    #[arg(long, requires = "name", group = "answer")]
    violated: bool,
    /// It could not be told
    #[arg(long, requires = "name", group = "answer")]
    unsure: bool,
    /// What was found
    #[arg(long, value_name = "TEXT", requires = "answer")]
    reason: Option<String>,
    /// Who says so
    #[arg(long, value_name = "NAME", env = "HOMEOSTAT_BY", hide_env_values = true)]
    by: Option<String>,
    /// Run the commands that the spec names, here and now, and write down what they say
    #[arg(long, conflicts_with = "answer")]
    run: bool,
    /// How long each may take [default: 10m]
    #[arg(long, value_name = "TIME", requires = "run")]
    check_time: Option<Duration>,
}

const EXAMPLES: &str = "\
Examples:
  homeostat contract --server http://127.0.0.1:7171
  homeostat contract --log data --format json
  homeostat contract no_dark_patterns --holds --by maria --reason 'walked through the checkout'
  homeostat contract --run                         Run every `check: \"…\"` of the spec here
  homeostat contract backups_restore --run --check-time 1h";

/// How much of somebody's words a table shows; JSON has them all.
const WORDS: usize = 60;

/// Runs the verb.
pub(crate) fn run(args: &Args, context: &mut Context) -> Result<Outcome, Failure> {
    let place = args.at.place(context)?;
    let answers = args.holds || args.violated || args.unsure;
    match place {
        Place::Server(server) if args.run => run_commands(args, &server, context),
        Place::Server(server) if answers => say(args, &server, context),
        Place::Log(_) if args.run || answers => Err(Failure::new(
            "what is found of a proposition goes to a running engine, and a log was named",
        )
        .help("name it with `--server URL`; `homeostat serve` starts one")),
        Place::Server(server) => {
            let contract = Remote::new(&server)?.ask(async |line| line.contract().await)?;
            show(args, contract, context)
        }
        Place::Log(folder) => show(args, offline::contract(context, &folder)?, context),
    }
}

fn show(args: &Args, contract: Contract, context: &mut Context) -> Result<Outcome, Failure> {
    let contract = Contract { propositions: chosen(args, contract)? };
    let propositions = &contract.propositions;
    let violated = propositions.iter().any(|it| it.verdict == Verdict::Violated);
    if context.screen.is_json() {
        context.screen.json(&contract)?;
        return Ok(Outcome::found_if(violated));
    }
    if propositions.is_empty() {
        context.screen.line("the contract says nothing; `invariant …` in a spec does")?;
        return Ok(Outcome::Fine);
    }
    let mut table = Table::new([
        ("proposition", Align::Left),
        ("stands", Align::Left),
        ("judged by", Align::Left),
        ("value", Align::Right),
        ("since", Align::Left),
        ("what was said", Align::Left),
    ]);
    for proposition in propositions {
        table.row(row(proposition));
    }
    context.screen.text(table.show())?;
    if propositions.iter().any(|it| it.judge == Judge::Nobody) {
        context.screen.note(
            "what nobody judges never counts as kept; bind it with `{ check: \"…\" }` or `{ review: human }`",
        );
    }
    Ok(Outcome::found_if(violated))
}

/// The propositions that were asked for.
fn chosen(args: &Args, contract: Contract) -> Result<Vec<Proposition>, Failure> {
    let Some(name) = &args.name else { return Ok(contract.propositions) };
    let all: Vec<&str> = contract.propositions.iter().map(|it| it.name.as_str()).collect();
    if !all.contains(&name.as_str()) {
        let listed = all.iter().map(|it| format!("`{it}`")).collect::<Vec<_>>().join(", ");
        return Err(Failure::new(format_args!("the contract says nothing of `{name}`"))
            .help(format_args!("expected one of {listed}")));
    }
    Ok(contract.propositions.into_iter().filter(|it| it.name == *name).collect())
}

fn row(proposition: &Proposition) -> [(String, Style); 6] {
    let Proposition { name, text: _, kind: _, verdict, judge, unless, value, violation, report } =
        proposition;
    let unless = unless.as_ref().map_or_else(String::new, |it| format!(" unless {}", it.name));
    let judged = match proposition.unless.as_ref() {
        Some(excuse) => format!("{judge}; or {}", excuse.judge),
        None => judge.to_string(),
    };
    let since = match violation {
        None => String::new(),
        Some(it) => {
            let many = if it.instances > 1 {
                format!(", {} instances", it.instances)
            } else {
                String::new()
            };
            match (it.since, &it.gap) {
                (_, Some(gap)) => format!("{gap}{many}"),
                (Some(since), None) => format!("e{since}, let go{many}"),
                (None, None) => format!("let go{many}"),
            }
        }
    };
    let said = report.as_ref().map_or_else(String::new, |it| {
        let by = it.by.as_deref().unwrap_or("the engine");
        format!("e{} {by}: {}", it.position, in_one_line(&it.detail, WORDS))
    });
    [
        (format!("{name}{unless}"), paint::NAME),
        (verdict.to_string(), style_of(*verdict)),
        (judged, Style::new()),
        (value.map_or_else(String::new, |it| it.to_string()), Style::new()),
        (since, Style::new()),
        (said, paint::DIM),
    ]
}

const fn style_of(verdict: Verdict) -> Style {
    match verdict {
        Verdict::Holds => paint::GOOD,
        Verdict::Violated => paint::BAD,
        Verdict::Undetermined => paint::CARE,
    }
}

fn say(args: &Args, server: &str, context: &mut Context) -> Result<Outcome, Failure> {
    let (Some(name), Some(by), Some(reason)) = (&args.name, &args.by, &args.reason) else {
        return Err(Failure::new("what was found needs a name and a reason")
            .help("add `--by NAME` and `--reason TEXT`; both stand in the log for good"));
    };
    let holds = match (args.holds, args.violated) {
        (true, _) => Some(true),
        (_, true) => Some(false),
        _ => None,
    };
    let finding = Finding { instance: None, holds, detail: reason.clone(), by: by.clone() };
    let reported = Remote::new(server)?.ask(async |line| line.report(name, &finding).await)?;
    told(name, &finding, reported, context)?;
    Ok(Outcome::Fine)
}

fn run_commands(args: &Args, server: &str, context: &mut Context) -> Result<Outcome, Failure> {
    let mut remote = Remote::new(server)?;
    let contract = remote.ask(async |line| line.contract().await)?;
    let propositions = chosen(args, contract)?;
    let commands = commands::commands(&propositions);
    if commands.is_empty() {
        return Err(Failure::new("no command judges what was named").help(
            "`homeostat contract` tells who does; in a spec `{ check: \"./command\" }` names one",
        ));
    }
    let (runtime, time) = (running::runtime()?, args.check_time.unwrap_or(CHECK_TIME));
    let mut violated = false;
    for command in commands {
        let Answer { holds, detail } = runtime.block_on(command.run(server, time));
        violated |= holds == Some(false);
        let by = args.by.clone().unwrap_or_else(|| command.line.clone());
        let finding = Finding { instance: None, holds, detail, by };
        let name = &command.name;
        let reported = remote.ask(async |line| line.report(name, &finding).await)?;
        told(name, &finding, reported, context)?;
    }
    Ok(Outcome::found_if(violated))
}

fn told(
    name: &str,
    finding: &Finding,
    reported: Reported,
    context: &mut Context,
) -> Result<(), Failure> {
    let Reported { position, news } = reported;
    if context.screen.is_json() {
        return context.screen.json_line(&json!({
            "proposition": name,
            "holds": finding.holds,
            "detail": finding.detail,
            "by": finding.by,
            "position": position,
            "news": news,
        }));
    }
    let (style, word) = match finding.holds {
        Some(true) => (paint::GOOD, "holds"),
        Some(false) => (paint::BAD, "violated"),
        None => (paint::CARE, "could not be told"),
    };
    let written = match news {
        true => format!("written down as e{position}"),
        false => format!("no news since e{position}"),
    };
    let detail = painted(paint::DIM, in_one_line(&finding.detail, WORDS));
    context.screen.line(format_args!("{} {name}  {detail}  {written}", painted(style, word)))
}
