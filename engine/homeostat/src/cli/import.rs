//! `homeostat import`: puts the events of a file into a log.
//!
//! Promise: a bad record stops nothing; it is counted, shown, and kept in a file. A second run goes
//! on where the first was interrupted, and stores nothing twice.

mod bar;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use homeostat_host::SystemClock;
use homeostat_host::interchange::{self, Columns, Format, Options, Progress, Report, TimeFormat};
use homeostat_world::Clock;

use super::Outcome;
use crate::context::Context;
use crate::failure::Failure;
use crate::running::{self, Purpose};
use crate::screen::{paint, painted};
use bar::Bar;

/// Put the events of a file into a log
///
/// Reads CloudEvents JSON Lines, CSV with a header, and XES, each also gzipped. Bad records are
/// counted and written to a file beside; then the exit code is 1. Import again after a break: what
/// is already there is not stored twice.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// The file, or `-` for JSON Lines on standard input
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// The log directory; it is created when it is not there
    #[arg(long, value_name = "DIR", env = "HOMEOSTAT_LOG", hide_env_values = true)]
    log: Option<PathBuf>,
    /// What the file is, when its name does not say
    #[arg(long = "as", value_enum, value_name = "FORMAT")]
    form: Option<Form>,
    /// What the cases of the file are: each event gets a field of this name, and the subject
    /// `ENTITY/<case id>` (CSV, XES) [default: case]
    #[arg(long, value_name = "ENTITY")]
    case: Option<String>,
    /// The `source` of the events (CSV, XES) [default: import:<file name>]
    #[arg(long, value_name = "SOURCE")]
    source: Option<String>,
    /// Which column holds a part of the event: case, id, type, time or subject (CSV)
    #[arg(long = "column", value_name = "PART=NAME", value_parser = pair)]
    columns: Vec<(String, String)>,
    /// A column whose values are numbers (CSV)
    #[arg(long = "number", value_name = "COLUMN")]
    numbers: Vec<String>,
    /// A column whose values are true or false (CSV)
    #[arg(long = "truth", value_name = "COLUMN")]
    truths: Vec<String>,
    /// What stands between two values (CSV) [default: ,]
    #[arg(long, value_name = "CHARACTER")]
    delimiter: Option<char>,
    /// Give a field another name, which a spec can say (CSV, XES)
    #[arg(long = "map", value_name = "FIELD=NAME", value_parser = pair)]
    renames: Vec<(String, String)>,
    /// How times are written, as in `%d.%m.%Y %H:%M` [default: ISO 8601]
    #[arg(long, value_name = "PATTERN")]
    time_format: Option<String>,
    /// The zone of times that name none, as in `Europe/London`
    #[arg(long, value_name = "ZONE")]
    time_zone: Option<String>,
    /// Take the engine's own events too, to restore a log from its export (JSON Lines)
    #[arg(long)]
    engine_events: bool,
    /// Where refused records are written [default: <FILE>.rejected.jsonl]
    #[arg(long, value_name = "FILE")]
    rejects: Option<PathBuf>,
}

/// `--as`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Form {
    Jsonl,
    Csv,
    Xes,
}

const EXAMPLES: &str = "\
Examples:
  homeostat import events.jsonl --log data
  homeostat import claims.xes.gz --log claims.log --case declaration
  homeostat import permits.csv --log permits.log --case permit --column type=activity \\
      --column time=when --time-format '%d.%m.%Y %H:%M' --time-zone Europe/Amsterdam";

fn pair(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("expected the form `NAME=VALUE`")?;
    Ok((name.to_owned(), value.to_owned()))
}

/// Runs the verb.
pub(crate) fn run(args: &Args, context: &mut Context) -> Result<Outcome, Failure> {
    let folder = context.log_dir(args.log.as_ref())?;
    let options = options(args)?;
    let file = if args.file == Path::new("-") { Path::new("/dev/stdin") } else { &args.file };
    // Before the log is made: a file that is not there leaves no empty log behind.
    if let Err(error) = std::fs::metadata(file) {
        return Err(Failure::new(format_args!("cannot read `{}`: {error}", file.display())));
    }
    let report = running::runtime()?.block_on(async {
        let mut opened = running::open_log(&folder, Purpose::Write).await?;
        let clock = SystemClock::new();
        let mut bar = Bar::new(&context.screen);
        let mut now = || clock.now();
        let mut progress = |progress: &Progress| bar.show(progress);
        let log = &mut opened.log;
        let report = interchange::import(log, file, &options, &mut now, &mut progress);
        Box::pin(report).await.map_err(|error| running::with_remedy(&error.to_string()))
    })?;
    let rejected = report.rejected > 0;
    if context.screen.is_json() {
        context.screen.json(&report)?;
    } else {
        show(context, &args.file, &report)?;
    }
    Ok(Outcome::found_if(rejected))
}

fn options(args: &Args) -> Result<Options, Failure> {
    let mut columns = Columns {
        numbers: args.numbers.clone(),
        truths: args.truths.clone(),
        ..Columns::default()
    };
    for (part, name) in &args.columns {
        let column = match part.as_str() {
            "case" => &mut columns.case,
            "id" => &mut columns.id,
            "type" => &mut columns.r#type,
            "time" => &mut columns.time,
            "subject" => &mut columns.subject,
            _ => {
                return Err(Failure::new(format_args!("an event has no part `{part}`")).help(
                    "map one of case, id, type, time and subject; all other columns become data",
                ));
            }
        };
        *column = Some(name.clone());
    }
    if let Some(delimiter) = args.delimiter {
        let byte = u8::try_from(delimiter).map_err(|_| {
            Failure::new(format_args!("`{delimiter}` cannot stand between values"))
                .help("use one character such as `,`, `;` or a tab")
        })?;
        columns.delimiter = Some(byte);
    }
    let zone = args.time_zone.as_deref().map(interchange::zone).transpose();
    let from_input = args.file == Path::new("-");
    let rejects = args.rejects.clone().or_else(|| {
        // Of standard input, only what the person asks for is written somewhere.
        (!from_input).then(|| {
            let mut name = args.file.clone().into_os_string();
            name.push(".rejected.jsonl");
            name.into()
        })
    });
    Ok(Options {
        format: args.form.map(Form::format).or(from_input.then_some(Format::JsonLines)),
        source: args.source.clone(),
        case: args.case.clone(),
        time: TimeFormat { pattern: args.time_format.clone(), zone: zone.map_err(Failure::new)? },
        columns,
        rename: args.renames.iter().cloned().collect::<BTreeMap<_, _>>(),
        engine_events: args.engine_events,
        rejects,
    })
}

impl Form {
    /// The same for the reader of files.
    pub(crate) const fn format(self) -> Format {
        match self {
            Self::Jsonl => Format::JsonLines,
            Self::Csv => Format::Csv,
            Self::Xes => Format::Xes,
        }
    }
}

/// The refused records that are shown; all are in the file of rejects.
const REJECTED_SHOWN: usize = 5;

fn show(context: &mut Context, file: &Path, report: &Report) -> Result<(), Failure> {
    let screen = &mut context.screen;
    screen.line(format_args!(
        "{} {} events of {}, {} already there, {} refused",
        painted(paint::GOOD, "appended"),
        report.appended,
        file.display(),
        report.already_there,
        report.rejected,
    ))?;
    if report.left_out > 0 {
        screen.line(format_args!(
            "{} of the engine's own events were left out; `--engine-events` restores them into an \
             empty log",
            report.left_out
        ))?;
    }
    if let (Some(first), Some(last)) = (report.first_time, report.last_time) {
        screen.line(format_args!("from {first} to {last}, {} types", report.types.len()))?;
    }
    for (r#type, count) in &report.types {
        screen.detail(format_args!("  {count:>8}  {type}"));
    }
    if report.rejected == 0 {
        return Ok(());
    }
    for (reason, count) in &report.reasons {
        screen.line(format_args!("  {count:>8}  {}", painted(paint::BAD, reason)))?;
    }
    for rejected in report.first_rejected.iter().take(REJECTED_SHOWN) {
        let (file, line) = (file.display(), rejected.line);
        screen.line(format_args!("  {file}:{line}: {}", rejected.reason))?;
    }
    if let Some(rejects) = &report.rejects {
        screen.line(format_args!("refused records are in {}", rejects.display()))?;
    }
    Ok(())
}
