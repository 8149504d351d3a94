//! The command line: what can be typed, and the way from there to a verb's own file.
//!
//! In: arguments and environment. Out: an exit code. Start reading at [`Verb`].

mod adopt;
mod append;
mod check;
mod completions;
mod contract;
mod demo;
mod diff;
mod explain;
mod export;
mod fmt;
mod gaps;
mod graph;
mod help_code;
mod import;
mod lsp;
mod place;
mod review;
mod serve;
mod sim;
mod test;
mod verify;
mod versions;

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use anstyle::{AnsiColor, Style};
use clap::builder::Styles;
use clap::{ArgAction, CommandFactory, FromArgMatches, Parser, Subcommand, ValueEnum};

use crate::config;
use crate::context::Context;
use crate::failure::Failure;
use crate::logging::{self, LogFormat};
use crate::screen::{Color, Format, Screen};

/// Everything that can be typed.
#[derive(Debug, Parser)]
#[command(
    name = "homeostat",
    version,
    about = ABOUT,
    long_about = None,
    max_term_width = 100,
    styles = STYLES,
    after_help = EXAMPLES,
    subcommand_value_name = "VERB",
    subcommand_help_heading = "Verbs",
)]
pub(crate) struct Cli {
    #[command(flatten)]
    global: GlobalArgs,
    #[command(subcommand)]
    verb: Verb,
}

// One text for `-h` and `--help`: with a longer one beside it clap spreads every option over lines.
const ABOUT: &str = "\
Keeps a running system converged on what people declared that it should do.

Write an intent spec and send events: homeostat finds what should have followed and has not, gives
each such gap to an ephemeral agent, and to a person when agents cannot close it.";

const EXAMPLES: &str = "\
Examples:
  homeostat demo                                   See it work, in twenty seconds
  homeostat check specs/                           Find the mistakes in a folder of specs
  homeostat import claims.xes.gz --log claims.log  Put recorded events into a log
  homeostat gaps --log claims.log --spec specs/ --summary
  homeostat serve --log live.log --spec specs/     Run the engine with its HTTP API

Exit codes: 0 fine, 1 found something, 2 could not run.";

const STYLES: Styles = Styles::styled()
    .header(AnsiColor::Green.on_default().bold())
    .usage(AnsiColor::Green.on_default().bold())
    .literal(AnsiColor::Cyan.on_default().bold())
    .placeholder(AnsiColor::Cyan.on_default())
    .error(AnsiColor::Red.on_default().bold())
    .valid(AnsiColor::Green.on_default())
    .invalid(AnsiColor::Yellow.on_default())
    .context(Style::new().dimmed());

/// What every verb takes.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Global options")]
struct GlobalArgs {
    /// What results are printed as [default: text]
    #[arg(long, global = true, value_parser = Format::usual(), value_name = "FORMAT")]
    #[arg(env = "HOMEOSTAT_FORMAT", hide_env_values = true)]
    format: Option<Format>,
    /// When to use colours; auto respects the terminal and NO_COLOR [default: auto]
    #[arg(long, global = true, value_enum, value_name = "WHEN", env = "HOMEOSTAT_COLOR")]
    #[arg(hide_env_values = true)]
    color: Option<Color>,
    /// Say more about what is being done
    #[arg(long, short, global = true, action = ArgAction::Count, conflicts_with = "quiet")]
    verbose: u8,
    /// Say nothing but results, warnings and errors
    #[arg(long, short, global = true)]
    quiet: bool,
    /// Read settings from this file instead of ./homeostat.toml
    #[arg(long, global = true, value_name = "FILE", env = "HOMEOSTAT_CONFIG")]
    #[arg(hide_env_values = true)]
    config: Option<PathBuf>,
    /// Which of the engine's messages to show: error, warn, info, debug, trace, or `target=level`
    #[arg(long, global = true, value_name = "LEVEL", env = "HOMEOSTAT_LOG_LEVEL")]
    #[arg(hide_env_values = true)]
    log_level: Option<String>,
    /// What the engine's messages look like [default: text]
    #[arg(long, global = true, value_enum, value_name = "FORMAT", env = "HOMEOSTAT_LOG_FORMAT")]
    #[arg(hide_env_values = true)]
    log_format: Option<LogFormat>,
}

/// What homeostat can be asked to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    Demo(demo::Args),
    Check(check::Args),
    Fmt(fmt::Args),
    Test(test::Args),
    Graph(graph::Args),
    Explain(explain::Args),
    Import(import::Args),
    Export(export::Args),
    Append(append::Args),
    Gaps(gaps::Args),
    Review(review::Args),
    Contract(contract::Args),
    Diff(diff::Args),
    Adopt(adopt::Args),
    Versions(versions::Args),
    Verify(verify::Args),
    Serve(serve::Args),
    Sim(sim::Args),
    Lsp(lsp::Args),
    Completions(completions::Args),
    HelpCode(help_code::Args),
}

/// How a verb ended when it could run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Nothing to complain about.
    Fine,
    /// It looked for something wrong, and found it.
    Found,
}

impl Outcome {
    /// [`Found`](Self::Found) if so.
    pub(crate) const fn found_if(found: bool) -> Self {
        if found { Self::Found } else { Self::Fine }
    }
}

/// The exit code of a verb that could not run.
const COULD_NOT_RUN: u8 = 2;

/// The whole program.
pub(crate) fn main() -> ExitCode {
    let arguments: Vec<OsString> = std::env::args_os().collect();
    let asked_color = color_in(&arguments);
    let command = Cli::command().color(match asked_color {
        Color::Auto => clap::ColorChoice::Auto,
        Color::Always => clap::ColorChoice::Always,
        Color::Never => clap::ColorChoice::Never,
    });
    let parsed = command
        .try_get_matches_from(arguments)
        .and_then(|matches| Ok((Cli::from_arg_matches(&matches)?, matches)));
    let (cli, matches) = match parsed {
        Ok(parsed) => parsed,
        Err(error) => {
            // Also the way of `--help` and `--version`, which are no errors: clap knows the code.
            drop(error.print());
            return ExitCode::from(if error.use_stderr() { COULD_NOT_RUN } else { 0 });
        }
    };
    // Whatever goes wrong before the settings are known is said in the plainest way.
    let mut screen = Screen::new(asked_color, cli.global.format.unwrap_or_default(), 0);
    let settings = match config::read(cli.global.config.as_deref()) {
        Ok(settings) => settings,
        Err(failure) => return ended(&mut screen, Err(failure)),
    };
    let verbosity = match (cli.global.quiet, cli.global.verbose) {
        (true, _) => -1,
        (false, count) => i8::try_from(count).unwrap_or(i8::MAX),
    };
    screen = Screen::new(
        cli.global.color.or(settings.color).unwrap_or_default(),
        cli.global.format.or(settings.format).unwrap_or_default(),
        verbosity,
    );
    if let Err(failure) = start_logging(&cli, &settings, &screen) {
        return ended(&mut screen, Err(failure));
    }
    let verb_matches = matches.subcommand().map(|(_, matches)| matches.clone()).unwrap_or_default();
    let mut context = Context { screen, settings, matches: verb_matches };
    let end = run(cli.verb, &mut context);
    let end = end.and_then(|outcome| context.screen.flush().map(|()| outcome));
    ended(&mut context.screen, end)
}

fn run(verb: Verb, context: &mut Context) -> Result<Outcome, Failure> {
    match verb {
        Verb::Demo(args) => demo::run(&args, context),
        Verb::Check(args) => check::run(&args, context),
        Verb::Fmt(args) => fmt::run(&args, context),
        Verb::Test(args) => test::run(&args, context),
        Verb::Graph(args) => graph::run(&args, context),
        Verb::Explain(args) => explain::run(&args, context),
        Verb::Import(args) => import::run(&args, context),
        Verb::Export(args) => export::run(&args, context),
        Verb::Append(args) => append::run(&args, context),
        Verb::Gaps(args) => gaps::run(&args, context),
        Verb::Review(args) => review::run(&args, context),
        Verb::Contract(args) => contract::run(&args, context),
        Verb::Diff(args) => diff::run(&args, context),
        Verb::Adopt(args) => adopt::run(&args, context),
        Verb::Versions(args) => versions::run(&args, context),
        Verb::Verify(args) => verify::run(&args, context),
        Verb::Serve(args) => serve::run(&args, context),
        Verb::Sim(args) => sim::run(&args, context),
        Verb::Lsp(args) => lsp::run(&args, context),
        Verb::Completions(args) => completions::run(&args, context),
        Verb::HelpCode(args) => help_code::run(&args, context),
    }
}

fn ended(screen: &mut Screen, end: Result<Outcome, Failure>) -> ExitCode {
    match end {
        Ok(Outcome::Found) => ExitCode::from(1),
        Ok(Outcome::Fine) | Err(Failure::ReaderGone) => ExitCode::SUCCESS,
        Err(Failure::Said { message, help }) => {
            screen.failure(&message, help.as_deref());
            ExitCode::from(COULD_NOT_RUN)
        }
        Err(Failure::AlreadySaid) => ExitCode::from(COULD_NOT_RUN),
    }
}

/// The engine speaks of itself on `serve`; other verbs say what they do themselves.
fn start_logging(cli: &Cli, settings: &config::Settings, screen: &Screen) -> Result<(), Failure> {
    let usual = match (&cli.verb, cli.global.quiet, cli.global.verbose) {
        (Verb::Serve(_), false, 0) => "info",
        (_, _, 0) => "off",
        (_, _, 1) => "info",
        (_, _, 2) => "debug",
        _ => "trace",
    };
    let level = cli.global.log_level.as_deref().or(settings.log_level.as_deref());
    let format = cli.global.log_format.or(settings.log_format).unwrap_or_default();
    logging::start(level.unwrap_or(usual), format, screen.err_has_color())
}

/// What `--color` says, before the arguments are known to be good, so that the message about bad
/// ones is coloured as asked.
fn color_in(arguments: &[OsString]) -> Color {
    let mut arguments = arguments.iter().filter_map(|argument| argument.to_str());
    let mut asked = None;
    while let Some(argument) = arguments.next() {
        if argument == "--color" {
            asked = arguments.next();
        } else if let Some(value) = argument.strip_prefix("--color=") {
            asked = Some(value);
        }
    }
    asked.and_then(|value| Color::from_str(value, false).ok()).unwrap_or_default()
}
