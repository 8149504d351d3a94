//! `homeostat demo`: a day at the seed's customer platform, on a real log, in under twenty seconds.
//!
//! In: a seed. Out: a scrolling feed of what happens, the consequences of one event, totals, and a
//! log to look at afterwards.
//! Never: pretends; every line is an event of the log that the real engine wrote.
//! Promise: ends by itself in under twenty seconds. Start reading at [`run`], then `story`.

mod clock;
mod ending;
mod feed;
mod stage;
mod story;

use std::path::PathBuf;
use std::time::Duration as Watched;

use homeostat_log::Event;
use homeostat_world::Chance;

use super::Outcome;
use crate::context::Context;
use crate::failure::Failure;
use feed::Feed;
use stage::Stage;

/// See it work: a day at a customer platform, in under twenty seconds
///
/// Runs the real engine on a fresh log: events of a CRM day flow in, gaps open, mock agents close
/// them, some of those fail, and the breakers hold them back. Then shows the consequences of one
/// event, and where the log lies.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// Which day to show: the same seed gives the same events
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// How fast to show it, from 0.9 to 20
    #[arg(long, value_name = "TIMES", default_value_t = 1.0, value_parser = speed)]
    speed: f64,
    /// A folder for the log that is not there yet [default: a fresh one for temporary files]
    #[arg(long, value_name = "DIR")]
    log: Option<PathBuf>,
    /// No status line and no colours, for recordings and slow terminals
    #[arg(long)]
    plain: bool,
}

const EXAMPLES: &str = "\
Examples:
  homeostat demo
  homeostat demo --seed 7 --speed 2
  homeostat demo --format json | jq .type    Every event of the log as it comes
  homeostat demo --log demo.log && homeostat gaps --log demo.log";

/// The engine is left to itself after this long, whatever has become of the day.
const CUT_OFF: Watched = Watched::from_secs(18);
/// How often the log is looked at for new events.
const GLANCE: Watched = Watched::from_millis(40);

fn speed(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        // Slower than this would not fit into the twenty seconds that are promised.
        Ok(speed) if (0.9..=20.0).contains(&speed) => Ok(speed),
        _ => Err("expected a number from 0.9 to 20".to_owned()),
    }
}

/// Runs the verb.
pub(crate) fn run(args: &Args, context: &mut Context) -> Result<Outcome, Failure> {
    if args.plain {
        context.screen.plain();
    }
    let folder = stage::folder(args.log.as_deref())?;
    let runtime = crate::running::runtime()?;
    runtime.block_on(play(args, context, folder))?;
    Ok(Outcome::Fine)
}

async fn play(args: &Args, context: &mut Context, folder: PathBuf) -> Result<(), Failure> {
    let chance = Chance::from_u64(args.seed);
    let day = story::day(&chance)?;
    let stage = Stage::open(folder, &day, args.speed, chance).await?;
    introduce(context, &stage, args)?;
    let teller = tokio::spawn(story::tell(day, stage.handle.clone(), stage.clock.clone()));
    let shown = tokio::time::timeout(CUT_OFF, show(context, &stage, args.plain)).await;
    teller.abort();
    let hero = match teller.await {
        Ok(told) => told?,
        // Cut off: the day was not told to its end, and there is no event to look at closely.
        Err(_) => None,
    };
    if let Ok(shown) = shown {
        shown?;
    }
    ending::show(context, &stage, hero).await?;
    stage.close().await;
    Ok(())
}

fn introduce(context: &mut Context, stage: &Stage, args: &Args) -> Result<(), Failure> {
    if context.screen.is_json() {
        return Ok(());
    }
    context.screen.line(format_args!(
        "A day at the customer platform of `{}`, seed {}. Times are of that day (UTC).",
        stage.spec.name.as_deref().unwrap_or("an unnamed system"),
        args.seed
    ))?;
    context.screen.line(
        "● from the world   + by an agent   → agent spawned   ← agent failed   ✗ gap opened   \
         ✓ gap closed",
    )?;
    context.screen.line("! deadline missed   ▲ for a person   ▼ a person's word   ■ breaker")?;
    context.screen.line("")
}

/// Shows the log as it grows, until the day is over.
async fn show(context: &mut Context, stage: &Stage, plain: bool) -> Result<(), Failure> {
    let mut feed = Feed::new(&stage.spec);
    let screen = &context.screen;
    let status_line = !plain && !screen.is_json() && screen.out_is_terminal();
    let mut next = homeostat_world::Position::new(1);
    loop {
        let over = stage.is_over();
        let events = stage.read(next).await?;
        if status_line && !events.is_empty() {
            context.screen.clear_line()?;
        }
        for event in &events {
            show_event(context, &mut feed, event)?;
            next = event.position.next();
        }
        if status_line {
            context.screen.clear_line()?;
            let line = ending::status_line(&stage.status().await?);
            context.screen.text(line)?;
        }
        context.screen.flush()?;
        if over {
            break;
        }
        tokio::time::sleep(GLANCE).await;
    }
    if status_line {
        context.screen.clear_line()?;
    }
    Ok(())
}

fn show_event(context: &mut Context, feed: &mut Feed, event: &Event) -> Result<(), Failure> {
    if context.screen.is_json() {
        return context.screen.json_line(&homeostat_log::cloudevents::to_json(event));
    }
    let Some(line) = feed.line(event) else { return Ok(()) };
    if let Some(leap) = feed.leap(event) {
        context.screen.line(leap)?;
    }
    context.screen.line(line)
}
