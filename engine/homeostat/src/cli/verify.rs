//! `homeostat verify`: walks a log from its first event to its last and proves that it is whole.

use std::path::PathBuf;

use homeostat_host::store::OpenError;
use homeostat_log::LogError;
use homeostat_world::Position;
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
    /// Take the log as it is from now on, although events that were acknowledged are missing
    #[arg(long)]
    accept_loss: bool,
}

const EXAMPLES: &str = "\
Examples:
  homeostat verify --log data
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
    let reader = opened.log.reader();
    let bar = match context.screen.shows_progress() {
        true => ProgressBar::new(reader.head().position.get()),
        false => ProgressBar::hidden(),
    };
    if let Ok(style) =
        ProgressStyle::with_template("verifying {bar:30} {human_pos}/{human_len} {eta}")
    {
        bar.set_style(style);
    }
    let verified = reader.verify(Position::new(1), |position| bar.set_position(position.get()));
    bar.finish_and_clear();
    let verified = match verified {
        Ok(verified) => verified,
        Err(error) => return damaged(context, position_of(&error), &error.to_string()),
    };
    let head = reader.head();
    if context.screen.is_json() {
        context.screen.json(&json!({
            "whole": true,
            "events": verified.events,
            "bytes": verified.bytes,
            "head": head.position,
            "chain": head.chain.to_string(),
        }))?;
    } else {
        context.screen.line(format_args!(
            "{} {} events, {} bytes, chained to e{}",
            painted(paint::GOOD, "whole"),
            verified.events,
            verified.bytes,
            head.position,
        ))?;
        context.screen.detail(format_args!("chain {}", head.chain));
    }
    Ok(Outcome::Fine)
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
