//! `homeostat explain`: the page of a code, the consequences of an event, or the story of a gap.
//!
//! In: a code, a position or a gap's id; for the last two a log or a running server.

mod deeds;

use std::path::{Path, PathBuf};

use homeostat_graph::explain::{Breach, Consequence, Duty};
use homeostat_graph::{Began, Consequences};
use homeostat_intent::lowered::Strength;
use homeostat_world::Position;
use serde_json::{Value, json};

use super::place::Where;
use super::{Outcome, help_code};
use crate::context::{Context, Place};
use crate::explained::coloured;
use crate::failure::Failure;
use crate::offline::Past;
use crate::remote::Remote;
use crate::screen::{paint, painted};

/// Explain a code, an event's consequences, or a gap
///
/// A code such as S0301 gives its page; without anything, all codes are listed. A position such as
/// 12 (or e12) gives what should have followed from that event, and what did. A gap such as
/// `acknowledge_to_rep@12` or `plan_day@2026-03-02T09:00:00Z~r1` gives the same for the event or the
/// tick that called for it, with the events that nearly closed it; one of what must always hold, such
/// as `every_customer_has_email@12~c1`, which values broke it, since which event, and what mends it.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// A code, a position, or a gap
    #[arg(value_name = "CODE|POSITION|GAP")]
    what: Option<String>,
    /// List all codes, one line each
    #[arg(long, conflicts_with = "what")]
    list: bool,
    #[command(flatten)]
    at: Where,
    /// Spec files or folders of them [default: the spec that the log itself holds]
    #[arg(long, value_name = "SPEC", num_args = 1.., env = "HOMEOSTAT_SPEC", hide_env_values = true)]
    spec: Vec<PathBuf>,
}

const EXAMPLES: &str = "\
Examples:
  homeostat explain            Every code with its title
  homeostat explain S0301
  homeostat explain 12 --log data
  homeostat explain acknowledge_to_rep@12 --log data --spec specs/
  homeostat explain 12 --server http://127.0.0.1:7171";

/// Runs the verb.
pub(crate) fn run(args: &Args, context: &mut Context) -> Result<Outcome, Failure> {
    let Some(what) = args.what.as_deref().filter(|_| !args.list) else {
        return help_code::list(context);
    };
    let topic = match Asked::of(what)? {
        Asked::Code => return help_code::page(what, context),
        Asked::Event(position) => Topic::Event(position),
        // A question about the past is no obligation of its own: it came with its version.
        Asked::Gap(gap, Began::Event(position)) if homeostat_graph::asked_at(&gap).is_some() => {
            Topic::Event(position)
        }
        Asked::Gap(gap, began) => Topic::Gap(gap, began),
    };
    match args.at.place(context)? {
        Place::Server(server) => of_server(&server, &topic, context),
        Place::Log(folder) => of_log(args, &folder, &topic, context),
    }
}

/// What is to be explained.
enum Asked {
    Code,
    Event(Position),
    Gap(String, Began),
}

/// The same, without codes.
enum Topic {
    Event(Position),
    /// Its id, and where it began.
    Gap(String, Began),
}

impl Topic {
    fn gap(&self) -> Option<(&str, Began)> {
        match self {
            Self::Event(_) => None,
            Self::Gap(gap, began) => Some((gap, *began)),
        }
    }
}

impl Asked {
    fn of(what: &str) -> Result<Self, Failure> {
        if let Some((_, occasion)) = what.split_once('@')
            && let Some(Ok(began)) = occasion.split('~').next().map(str::parse)
        {
            return Ok(Self::Gap(what.to_owned(), began));
        }
        if let Ok(position) = what.strip_prefix('e').unwrap_or(what).parse() {
            return Ok(Self::Event(position));
        }
        let digits = what.strip_prefix(['S', 's']).unwrap_or_default();
        if !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return Ok(Self::Code);
        }
        Err(Failure::new(format_args!("`{what}` is no code, position or gap")).help(
            "give a code such as `S0102`, a position such as `12`, or a gap such as `ship@12`",
        ))
    }
}

fn of_log(
    args: &Args,
    folder: &Path,
    topic: &Topic,
    context: &mut Context,
) -> Result<Outcome, Failure> {
    let past = Past::open(context, folder, &args.spec)?;
    let consequences = of_past(&past, topic)?;
    let Some((gap, began)) = topic.gap() else {
        if context.screen.is_json() {
            context.screen.json(&serde_json::to_value(&consequences).unwrap_or_default())?;
        } else {
            context.screen.text(coloured(&consequences.to_string()))?;
        }
        return Ok(Outcome::Fine);
    };
    let deeds = deeds::of_log(&past.reader, gap)?;
    if context.screen.is_json() {
        let json = serde_json::to_value(&consequences).unwrap_or_default();
        context.screen.json(&with_deeds(&json, gap, began, &deeds)?)?;
        return Ok(Outcome::Fine);
    }
    let named = named(&consequences.consequences, gap).ok_or_else(|| not_owed(gap, began))?;
    let strength = match named {
        Named::Duty(duty) => {
            story(gap, duty, context)?;
            duty.strength
        }
        Named::Breach(breach) => {
            story_of_breach(breach, context)?;
            breach.strength
        }
    };
    deeds::show(&deeds, strength, &mut context.screen)?;
    context.screen.line("")?;
    context.screen.text(coloured(&consequences.to_string()))?;
    Ok(Outcome::Fine)
}

fn of_past(past: &Past, topic: &Topic) -> Result<Consequences, Failure> {
    match topic {
        Topic::Event(position) => past.explain(*position)?.ok_or_else(|| past.no_event(*position)),
        Topic::Gap(gap, began) => {
            let name = past.program.parse_name(gap).ok_or_else(|| {
                no_such_gap(gap).help(
                    "`homeostat graph` shows the duties of a spec, `homeostat gaps` the open gaps",
                )
            })?;
            let found = past.explain_gap(&name)?;
            let watched = past.program.clause(name.clause).is_watched();
            found.ok_or_else(|| match began {
                Began::Event(position) if watched && past.reader.head().position >= *position => {
                    not_violated(gap, *position)
                }
                Began::Event(position) if past.reader.head().position < *position => {
                    past.no_event(*position)
                }
                _ => not_owed(gap, *began),
            })
        }
    }
}

fn no_such_gap(gap: &str) -> Failure {
    Failure::new(format_args!("no duty of the spec is called as in `{gap}`"))
}

fn not_violated(gap: &str, position: Position) -> Failure {
    Failure::new(format_args!("what `{gap}` names is not violated since position `{position}`"))
        .help(format_args!("`homeostat explain {position}` shows what that event broke"))
}

fn not_owed(gap: &str, began: Began) -> Failure {
    match began {
        Began::Event(position) => Failure::new(format_args!(
            "the event at position `{position}` does not call for `{gap}`"
        ))
        .help(format_args!("`homeostat explain {position}` shows what it calls for")),
        Began::Tick(time) => Failure::new(format_args!("no tick at `{time}` calls for `{gap}`"))
            .help("`homeostat gaps` lists the open gaps"),
    }
}

/// What a gap's id names.
enum Named<'a> {
    Duty(&'a Duty),
    Breach(&'a Breach),
}

/// The duty or the violation with this id, among the consequences and their fallbacks.
fn named<'a>(consequences: &'a [Consequence], id: &str) -> Option<Named<'a>> {
    consequences.iter().find_map(|consequence| match consequence {
        Consequence::Guard(guard) => named(&guard.body, id),
        Consequence::Each(each) => each.rounds.iter().find_map(|it| named(&it.body, id)),
        Consequence::Breach(breach) => (breach.id == id).then_some(Named::Breach(breach)),
        Consequence::Duty(duty) => {
            std::iter::successors(Some(&**duty), |duty| duty.fallback.as_deref())
                .find(|duty| duty.id == id)
                .map(Named::Duty)
        }
    })
}

/// The same for what must always hold and did not.
fn story_of_breach(breach: &Breach, context: &mut Context) -> Result<(), Failure> {
    let (screen, violation) = (&mut context.screen, &breach.violation);
    screen.line(format_args!("{}  {}", painted(paint::HEAD, &breach.id), violation.says))?;
    let kind = breach.gap.map(|gap| format!(", a gap of kind {}", gap.word())).unwrap_or_default();
    screen.line(format_args!(
        "  violated by {} since {}{kind}",
        violation.whose(),
        breach.activated
    ))?;
    screen.line(format_args!("  mended when {}", breach.mended_when))?;
    Ok(())
}

/// What a gap is about, ahead of the graph that it stands in.
fn story(gap: &str, duty: &Duty, context: &mut Context) -> Result<(), Failure> {
    let screen = &mut context.screen;
    screen.line(format_args!("{}  {}", painted(paint::HEAD, gap), duty.call))?;
    if let Some(since) = duty.activated {
        let due =
            duty.due.map_or_else(|| "without a deadline".to_owned(), |due| format!("due {due}"));
        screen.line(format_args!("  owed since {since}, {due}"))?;
    }
    screen.line(format_args!("  satisfied by {}", duty.satisfied_by.join(" or ")))?;
    for key in &duty.keys {
        let fields = key.fields.join(" or ");
        screen.line(format_args!("    with {fields} = {}", key.value))?;
    }
    for name in &duty.waiting_for {
        screen.line(format_args!("  {} {name}", painted(paint::CARE, "waiting for")))?;
    }
    for miss in &duty.near_misses {
        screen.line(format_args!(
            "  {} e{} {}: {}",
            painted(paint::CARE, "near miss"),
            miss.position,
            miss.event,
            miss.why
        ))?;
    }
    Ok(())
}

/// The duty of a gap as JSON has it, with what was done about it.
fn with_deeds(
    consequences: &Value,
    gap: &str,
    began: Began,
    deeds: &[deeds::Deed],
) -> Result<Value, Failure> {
    let mut duty = json_named(consequences, gap).ok_or_else(|| not_owed(gap, began))?.clone();
    if let Some(duty) = duty.as_object_mut() {
        duty.insert("deeds".to_owned(), json!(deeds));
    }
    Ok(duty)
}

/// The part of `json` that has this id, however deep it lies.
fn json_named<'a>(json: &'a Value, id: &str) -> Option<&'a Value> {
    match json {
        Value::Object(fields) if fields.get("id").is_some_and(|own| own == id) => Some(json),
        Value::Object(fields) => fields.values().find_map(|part| json_named(part, id)),
        Value::Array(parts) => parts.iter().find_map(|part| json_named(part, id)),
        _ => None,
    }
}

fn of_server(server: &str, topic: &Topic, context: &mut Context) -> Result<Outcome, Failure> {
    context.no_flags_for_server(&["spec"])?;
    let mut remote = Remote::new(server)?;
    if context.screen.is_json() || topic.gap().is_some() {
        let json = remote.ask(async |line| match topic {
            Topic::Event(position) => line.consequences_json(*position).await,
            Topic::Gap(gap, _) => line.gap_consequences_json(gap).await,
        })?;
        let Some((gap, began)) = topic.gap() else {
            context.screen.json(&json)?;
            return Ok(Outcome::Fine);
        };
        let deeds = deeds::of_server(&mut remote, gap)?;
        let duty = with_deeds(&json, gap, began, &deeds)?;
        if context.screen.is_json() {
            context.screen.json(&duty)?;
            return Ok(Outcome::Fine);
        }
        if let Some(open) = remote.ask(async |line| line.gap(gap).await)? {
            context.screen.text(super::review::gap_table(&[open]).show())?;
        }
        let strength = duty.get("strength").cloned().and_then(|it| serde_json::from_value(it).ok());
        deeds::show(&deeds, strength.unwrap_or(Strength::Must), &mut context.screen)?;
        context.screen.line("")?;
    }
    let text = remote.ask(async |line| match topic {
        Topic::Event(position) => line.consequences_text(*position).await,
        Topic::Gap(gap, _) => line.gap_consequences_text(gap).await,
    })?;
    context.screen.text(coloured(&text))?;
    Ok(Outcome::Fine)
}
