//! `homeostat export`: writes a log as a file that other tools read.

use std::io::{BufWriter, ErrorKind};
use std::path::PathBuf;

use homeostat_host::interchange::{self, ExportError, ExportOptions, Exported, Format};
use indicatif::ProgressBar;

use super::Outcome;
use super::import::Form;
use crate::context::Context;
use crate::failure::Failure;
use crate::running::{self, Purpose};

/// Write the events of a log to a file
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// The log directory
    #[arg(long, value_name = "DIR", env = "HOMEOSTAT_LOG", hide_env_values = true)]
    log: Option<PathBuf>,
    /// What to write [default: what the file's name says, or else jsonl]
    #[arg(long = "as", value_enum, value_name = "FORMAT")]
    form: Option<Form>,
    /// The entity whose instances are the cases (CSV, XES) [default: the subject]
    #[arg(long, value_name = "ENTITY")]
    case: Option<String>,
    /// Leave out the engine's own events
    #[arg(long)]
    without_engine_events: bool,
    /// The file; gzipped when its name ends in `.gz` [default: standard output]
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
}

const EXAMPLES: &str = "\
Examples:
  homeostat export --log data                       CloudEvents, one a line, on standard output
  homeostat export --log data -o backup.jsonl.gz    `import --engine-events` restores it
  homeostat export --log data -o claims.xes.gz      For process mining tools";

/// Runs the verb.
pub(crate) fn run(args: &Args, context: &mut Context) -> Result<Outcome, Failure> {
    let folder = context.log_dir(args.log.as_ref())?;
    let runtime = running::runtime()?;
    let opened = runtime.block_on(running::open_log(&folder, Purpose::Look))?;
    let reader = opened.log.reader();
    let options = ExportOptions {
        format: args.form.map(Form::format),
        case: args.case.clone(),
        without_engine_events: args.without_engine_events,
    };
    let done = match &args.output {
        Some(file) => {
            let bar = match context.screen.shows_progress() {
                true => ProgressBar::new(reader.head().position.get()),
                false => ProgressBar::hidden(),
            };
            let done = interchange::export(&reader, file, &options, &mut |done, _| {
                bar.set_position(done);
            });
            bar.finish_and_clear();
            done
        }
        None => {
            let format = options.format.unwrap_or(Format::JsonLines);
            let mut out = BufWriter::new(std::io::stdout().lock());
            interchange::export_to(&reader, format, &options, &mut out, &mut |_, _| {})
        }
    };
    tell(args, &done.map_err(not_exported)?, context)?;
    Ok(Outcome::Fine)
}

/// Standard output holds the events when no file does, so this goes to standard error then.
fn tell(args: &Args, done: &Exported, context: &mut Context) -> Result<(), Failure> {
    let left_out = match done.left_out {
        0 => String::new(),
        count => format!(", {count} left out"),
    };
    match &args.output {
        Some(_) if context.screen.is_json() => context.screen.json(done),
        Some(file) => context.screen.line(format_args!(
            "wrote {} events to {}{left_out}",
            done.events,
            file.display()
        )),
        None => {
            context.screen.note(format_args!("wrote {} events{left_out}", done.events));
            Ok(())
        }
    }
}

fn not_exported(error: ExportError) -> Failure {
    match &error {
        ExportError::Output(output) if output.kind() == ErrorKind::BrokenPipe => {
            Failure::ReaderGone
        }
        _ => running::with_remedy(&error.to_string()),
    }
}
