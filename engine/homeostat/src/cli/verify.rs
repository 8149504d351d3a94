//! `homeostat verify`: walks a log from its first event to its last and proves that it is whole.

use std::path::PathBuf;

use homeostat_host::store::OpenError;
use homeostat_intent::Spec;
use homeostat_kernel::check::{Checker, Found, Look, StateCheck, Stepped};
use homeostat_log::{LogError, Reader, Verified};
use homeostat_world::{Position, Store};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;

use super::Outcome;
use crate::context::Context;
use crate::failure::Failure;
use crate::running::{self, Purpose};
use crate::screen::{paint, painted};

/// Prove that a log is whole
///
/// Reads every event, follows the hash chain, and compares the end with what was last
/// acknowledged. Exits with 1 when something is damaged, and says where and what to do.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// The log directory
    #[arg(long, value_name = "DIR", env = "HOMEOSTAT_LOG", hide_env_values = true)]
    log: Option<PathBuf>,
    /// Also replay the log, and compare with the state that the engine saved last
    #[arg(long)]
    state: bool,
    /// Build the indexes anew if they do not agree with the log
    #[arg(long)]
    rebuild_indexes: bool,
    /// Take the log as it is from now on, although events that were acknowledged are missing
    #[arg(long)]
    accept_loss: bool,
}

const EXAMPLES: &str = "\
Examples:
  homeostat verify --log data
  homeostat verify --log data --state          Also: is the saved state what the log says?
  homeostat verify --log data --format json
  homeostat verify --log data --accept-loss    After damage, when there is no backup";

/// Runs the verb.
pub(crate) fn run(args: &Args, context: &mut Context) -> Result<Outcome, Failure> {
    let folder = context.log_dir(args.log.as_ref())?;
    let purpose = if args.accept_loss { Purpose::AcceptLoss } else { Purpose::Look };
    let runtime = running::runtime()?;
    let opened = match runtime.block_on(running::open_proven(&folder, purpose)) {
        Ok(opened) => opened,
        Err(running::Unopened::Dir(error)) if is_damage(&error) => {
            return damaged(context, place_of(&error), &error.to_string());
        }
        Err(running::Unopened::Log(error)) => {
            return damaged(context, position_of(&error), &error.to_string());
        }
        Err(other) => return Err(other.into()),
    };
    let running::OpenLog { mut log, store } = opened;
    let reader = log.reader();
    let mut checkers: Vec<Box<dyn Checker>> = Vec::new();
    let mut state = None;
    if args.state {
        match saved_state(&reader, &store) {
            Ok(check) => {
                state = Some(format!("as of e{} ", check.position()));
                checkers.push(Box::new(check));
            }
            Err(why) => state = Some(why),
        }
    }
    let mut look = Look::new(reader.prove(Position::new(1)), checkers);
    let bar = progress(context, reader.head().position);
    while let Some(step) = look.step() {
        if let Stepped::Event(position) = step {
            bar.set_position(position.get());
        }
    }
    bar.finish_and_clear();
    let verified = match look.end() {
        Some(Ok(verified)) => *verified,
        Some(Err(error)) => return damaged(context, position_of(error), &error.to_string()),
        None => return Err(Failure::new("the proof did not end")),
    };
    let faults = verified.index_faults;
    if faults > 0 && args.rebuild_indexes {
        runtime.block_on(log.rebuild_indexes())?;
        context.screen.note("rebuilt the indexes");
    } else if faults > 0 {
        let text = format!(
            "{faults} of 2 indexes do not agree with the log, which is whole; \
             `homeostat verify --rebuild-indexes` builds them anew"
        );
        return damaged(context, None, &text);
    }
    match look.found().remove(StateCheck::NAME) {
        Some(Found::Violations(violations)) => {
            if let Some(violation) = violations.first() {
                return differs(context, &violation.detail);
            }
            state = state.map(|as_of| format!("{as_of}matches a replay"));
        }
        Some(Found::Undetermined(why)) => state = Some(format!("cannot be compared: {why}")),
        None => {}
    }
    show(context, &verified, state)?;
    Ok(Outcome::Fine)
}

/// A check of the state that the engine saved last, or what is to be said where there is none.
fn saved_state<S: Store>(reader: &Reader<S>, store: &S) -> Result<StateCheck, String> {
    // Every version stands in the log; a state of none fits no log.
    match StateCheck::of_saved(reader, &store.snapshot(), &Spec::default()) {
        Ok(Some(check)) => Ok(check),
        Ok(None) => Err("none is saved".to_owned()),
        Err(why) => Err(format!(
            "what is saved cannot be compared, and the next start passes it over: {why}"
        )),
    }
}

fn progress(context: &Context, head: Position) -> ProgressBar {
    let bar = match context.screen.shows_progress() {
        true => ProgressBar::new(head.get()),
        false => ProgressBar::hidden(),
    };
    if let Ok(style) =
        ProgressStyle::with_template("verifying {bar:30} {human_pos}/{human_len} {eta}")
    {
        bar.set_style(style);
    }
    bar
}

/// `state` is there when it was asked for.
fn show(context: &mut Context, verified: &Verified, state: Option<String>) -> Result<(), Failure> {
    let head = verified.head;
    if context.screen.is_json() {
        let mut shown = json!({
            "whole": true,
            "events": verified.events,
            "bytes": verified.bytes,
            "head": head.position,
            "chain": head.chain.to_string(),
        });
        if let (Some(word), Some(shown)) = (state, shown.as_object_mut()) {
            shown.insert("state".to_owned(), word.into());
        }
        return context.screen.json(&shown);
    }
    context.screen.line(format_args!(
        "{} {} events, {} bytes, chained to e{}",
        painted(paint::GOOD, "whole"),
        verified.events,
        verified.bytes,
        head.position,
    ))?;
    if let Some(word) = state {
        context.screen.line(format_args!("state: {word}"))?;
    }
    context.screen.detail(format_args!("chain {}", head.chain));
    Ok(())
}

/// The log is whole, and what was saved beside it is not what it says.
fn differs(context: &mut Context, detail: &str) -> Result<Outcome, Failure> {
    let remedy = "start the engine: it finds the same, says so in the log and replays the log whole at the next start";
    if context.screen.is_json() {
        let shown = json!({ "whole": true, "state": detail, "help": remedy });
        context.screen.json(&shown)?;
    } else {
        context.screen.line(format_args!("{} {detail}", painted(paint::BAD, "differs")))?;
        context.screen.line(format_args!("  {}: {remedy}", painted(paint::HELP, "help")))?;
    }
    Ok(Outcome::Found)
}

/// Damage is what this verb looks for, so it is a finding and not a failure.
fn damaged(
    context: &mut Context,
    position: Option<Position>,
    text: &str,
) -> Result<Outcome, Failure> {
    let (what, remedy) = text.split_once("; ").unwrap_or((text, "restore the log from a backup"));
    if context.screen.is_json() {
        context.screen.json(&json!({
            "whole": false,
            "position": position,
            "damage": what,
            "help": remedy,
        }))?;
    } else {
        context.screen.line(format_args!("{} {what}", painted(paint::BAD, "damaged")))?;
        context.screen.line(format_args!("  {}: {remedy}", painted(paint::HELP, "help")))?;
    }
    Ok(Outcome::Found)
}

/// Whether the directory shows that something was lost or changed, rather than that it cannot be
/// looked at.
const fn is_damage(error: &OpenError) -> bool {
    matches!(
        error,
        OpenError::Missing { .. }
            | OpenError::Stray { .. }
            | OpenError::Version { .. }
            | OpenError::Short { .. }
            | OpenError::NoWitness { .. }
            | OpenError::Batch { .. }
            | OpenError::Store { .. }
    )
}

const fn place_of(error: &OpenError) -> Option<Position> {
    match error {
        OpenError::Short { found, .. } => Some(found.next()),
        OpenError::Batch { first, .. } => Some(*first),
        _ => None,
    }
}

fn position_of(error: &LogError) -> Option<Position> {
    match error {
        LogError::Damaged(damage) => Some(damage.position),
        LogError::Short { found, .. } => Some(found.next()),
        _ => None,
    }
}
