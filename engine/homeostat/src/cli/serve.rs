//! `homeostat serve`: log, conductor, agents and HTTP API in one process.
//!
//! In: a log directory, a spec, agents. Out: an address on standard output when it is ready.
//! Promise: SIGINT and SIGTERM stop it gracefully; a second one at once.

mod settings;
mod signals;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use homeostat_agents::AgentsFile;
use homeostat_api::ServeLimits;
use homeostat_host::{HostRunner, LogMark, SystemClock, TokioNet, TokioTasks, os_chance};
use homeostat_intent::lowered::BUILT_INS;
use homeostat_intent::{Source, Spec};
use homeostat_kernel::drive::Parts;
use homeostat_kernel::{Engine, Handle, Health, StartError};
use homeostat_world::tasks::TaskEnd;
use homeostat_world::{Duration, Listener, Net, TaskHandle, Tasks};
use serde_json::json;

use super::Outcome;
use crate::config::{CheckEvery, Durability};
use crate::context::Context;
use crate::failure::Failure;
use crate::running::{self, OpenLog, Purpose};
use crate::screen::{paint, painted};
use crate::{commands, offline, sources, specs};
use settings::Effective;

/// Run the engine: log, conductor, agents and HTTP API
///
/// Prints the address when it is ready. Stops gracefully on SIGINT and SIGTERM, at once on the
/// second. Another spec than the one in force on the log is refused unless a person adopts it.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// The log directory; it is created when it is not there
    #[arg(long, value_name = "DIR", env = "HOMEOSTAT_LOG", hide_env_values = true)]
    log: Option<PathBuf>,
    /// Spec files or folders of them
    #[arg(long, value_name = "SPEC", num_args = 1.., env = "HOMEOSTAT_SPEC", hide_env_values = true)]
    spec: Vec<PathBuf>,
    /// Serve with the spec that the log itself holds
    #[arg(long, conflicts_with = "spec")]
    spec_from_log: bool,
    /// Which agent does what; without it every gap goes to people
    #[arg(long, value_name = "FILE", env = "HOMEOSTAT_AGENTS", hide_env_values = true)]
    agents: Option<PathBuf>,
    /// The address to listen on; port 0 takes a free one [default: 127.0.0.1:7171]
    #[arg(long, value_name = "HOST:PORT", env = "HOMEOSTAT_LISTEN", hide_env_values = true)]
    listen: Option<String>,
    /// What an acknowledged event survives: loss of power, or a crash of this process only
    /// [default: power]
    #[arg(long, value_enum, env = "HOMEOSTAT_DURABILITY", hide_env_values = true)]
    #[arg(value_name = "SURVIVES")]
    durability: Option<Durability>,
    /// How often to check the state and the log against each other, as in `12h`; `never` only when
    /// asked for [default: 1d]
    #[arg(long, env = "HOMEOSTAT_CHECK_EVERY", hide_env_values = true, value_name = "TIME")]
    check_every: Option<CheckEvery>,
    /// Run the commands that the spec names as checkers (`{ check: "…" }`), here, at the start and with
    /// each check: whoever may adopt a spec then runs programs on this machine
    #[arg(long, env = "HOMEOSTAT_RUN_CHECKS", hide_env_values = true)]
    run_checks: bool,
    /// How long each may take [default: 10m]
    #[arg(long, env = "HOMEOSTAT_CHECK_TIME", hide_env_values = true, value_name = "TIME")]
    check_time: Option<Duration>,
    /// Adopt the spec even though the log already holds events: what they call for is due at once,
    /// and agents act on it
    #[arg(long)]
    adopt_history: bool,
    /// Adopt the spec in the place of the one that is in force on the log; takes `--by`
    #[arg(long, requires = "by", conflicts_with = "spec_from_log")]
    adopt: bool,
    /// Who adopts it
    #[arg(long, value_name = "NAME", requires = "adopt")]
    by: Option<String>,
    /// Take the log as it is from now on, although events that were acknowledged are missing
    #[arg(long)]
    accept_loss: bool,
    /// Print every setting and where it came from, and stop
    #[arg(long)]
    print_config: bool,
}

/// Bytes of an agents file; a longer one is surely something else.
const AGENTS_BYTES_MAX: u64 = 4 << 20;

const EXAMPLES: &str = "\
Examples:
  homeostat serve --log data --spec specs/ --agents agents.toml
  homeostat serve --log data --spec-from-log --listen 0.0.0.0:8080
  homeostat serve --print-config
  curl -d '{\"specversion\":\"1.0\",\"id\":\"1\",\"source\":\"me\",\"type\":\"interaction.created\"}' \\
      -H 'content-type: application/cloudevents+json' http://127.0.0.1:7171/v1/events";

/// Runs the verb.
pub(crate) fn run(args: &Args, context: &mut Context) -> Result<Outcome, Failure> {
    let effective = Effective::of(args, context);
    if args.print_config {
        return effective.print(context).map(|()| Outcome::Fine);
    }
    let folder = effective.log.clone().map_or_else(|| context.log_dir(None), Ok)?;
    let given = match args.spec_from_log {
        true => None,
        false => Some(sources::read_specs(&effective.spec)?),
    };
    let agents = read_agents(effective.agents.as_deref())?;
    let runtime = running::runtime()?;
    let end = runtime.block_on(serve(args, &effective, &folder, given, agents, context));
    // Whatever still runs is of no use to anybody any more: what counts is in the log.
    runtime.shutdown_timeout(std::time::Duration::from_millis(100));
    end
}

async fn serve(
    args: &Args,
    effective: &Effective,
    folder: &Path,
    given: Option<Vec<Source>>,
    agents: AgentsFile,
    context: &mut Context,
) -> Result<Outcome, Failure> {
    // Before anything else, so that no signal finds the process unprepared.
    let (first, second) = signals::listen()?;
    let (opened, spec, sources) = prepare(args, folder, given, context).await?;
    warn_of_idle_agents(&agents, &spec, context);
    let mark = without_leftovers(folder, context)?;
    // Before the engine starts, so that a taken address leaves nothing behind in the log.
    let listener = TokioNet.listen(&effective.listen).await.map_err(|error| {
        Failure::new(format_args!("cannot listen on `{}`: {error}", effective.listen))
            .help("choose another address with `--listen HOST:PORT`; port 0 takes a free one")
    })?;
    let clock = SystemClock::new();
    let tasks = TokioTasks::new(tokio::runtime::Handle::current());
    let chance = os_chance().map_err(|error| {
        Failure::new(format_args!("the operating system gives no randomness: {error}"))
    })?;
    let runner = HostRunner::new(Arc::new(agents.clone()), clock.clone(), chance, mark);
    let settings = homeostat_kernel::Settings {
        durability: effective.durability.into(),
        adopt_history: args.adopt_history,
        check_every: effective.check_every.0,
        adopt_other: args.adopt,
        adopted_by: adopted_by(args)?,
        ..Default::default()
    };
    let parts = Parts {
        log: opened.log,
        store: opened.store,
        clock: clock.clone(),
        tasks: tasks.clone(),
        runner,
        spec,
        sources,
        agents,
        settings,
    };
    let (handle, engine) = Box::pin(Engine::start(parts)).await.map_err(not_started)?;
    ready(context, &handle, &listener.address(), folder).await?;
    let checking = effective.run_checks.then(|| {
        let server = format!("http://{}", listener.address());
        let work = commands::keep_answering(handle.clone(), server, effective.check_time);
        tasks.spawn("commands", work)
    });
    let api = homeostat_api::serve(
        listener,
        handle.clone(),
        clock,
        tasks,
        ServeLimits::default(),
        stop_of(first, handle.clone()),
    );
    let graceful = async move {
        let served = api.await;
        let health = handle.status().await.map(|status| status.health);
        if let Some(checking) = checking {
            // A command that is under way ends with it, and has found nothing.
            checking.cancel();
            checking.join().await;
        }
        let end = engine.stop().await;
        (served, health, end)
    };
    tokio::select! {
        biased;
        (served, health, end) = graceful => {
            if end != TaskEnd::Done {
                return Err(Failure::new("the engine broke down, which is a defect of homeostat")
                    .help("everything acknowledged is in the log; start again, and report what it said last"));
            }
            if served.cut > 0 {
                let cut = served.cut;
                context.screen.warn(format_args!("{cut} connections did not finish in time"));
            }
            if let Ok(Health::ReadOnly { reason }) = health {
                let why = format_args!("stopped; the log had taken no writes since one failed: {reason}");
                return Err(Failure::new(why).help(
                    "everything acknowledged is in the log; see to the disk, then start again",
                ));
            }
            context.screen.note("stopped; everything acknowledged is in the log");
            Ok(Outcome::Fine)
        }
        () = second.arrives() => Err(Failure::new("stopped at once, on the second signal")
            .help("everything acknowledged is in the log; the next start records agents that were at work as lost")),
    }
}

/// In whose name a spec is put in force.
fn adopted_by(args: &Args) -> Result<String, Failure> {
    match &args.by {
        Some(name) if name.trim().is_empty() => {
            Err(Failure::new("`--by` names nobody")
                .help("adopting a version takes a person's name"))
        }
        Some(name) => Ok(name.clone()),
        None => Ok(homeostat_kernel::Settings::default().adopted_by),
    }
}

/// Ready on the first signal, or when the engine is gone: without it there is nothing to serve.
async fn stop_of(first: signals::Signal, engine: Handle) {
    tokio::select! {
        biased;
        () = first.arrives() => {}
        () = engine.closed() => {}
    }
}

/// Opens the log, and finds the spec that it is to be served with.
async fn prepare(
    args: &Args,
    folder: &Path,
    given: Option<Vec<Source>>,
    context: &mut Context,
) -> Result<(OpenLog, Spec, Vec<Source>), Failure> {
    // A spec that is wrong is said before a log is made for it.
    let given = match given {
        Some(sources) => Some((specs::understood(context, &sources)?, sources)),
        None => None,
    };
    let purpose = match (args.accept_loss, args.spec_from_log) {
        (true, _) => Purpose::AcceptLoss,
        (false, true) => Purpose::Look,
        (false, false) => Purpose::Write,
    };
    let opened = running::open_log(folder, purpose).await?;
    let (spec, sources) = match given {
        Some(given) => given,
        None => {
            let sources = offline::adopted_sources(&opened.log.reader(), folder)?;
            (specs::understood(context, &sources)?, sources)
        }
    };
    if !spec.unevaluated.is_empty() {
        let count = spec.unevaluated.len();
        context.screen.note(format_args!(
            "{count} parts of the spec are not evaluated yet; `homeostat check` names them"
        ));
    }
    Ok((opened, spec, sources))
}

/// Kills what agents of an earlier engine left behind. Only once the log is open: its lock proves
/// that no living engine owns them. Before the engine starts, which takes them for lost and may
/// give their gaps to others: two agents must never work on one gap.
fn without_leftovers(folder: &Path, context: &mut Context) -> Result<LogMark, Failure> {
    let mark = LogMark::of(folder).map_err(|error| {
        Failure::new(format_args!("cannot find `{}` any more: {error}", folder.display()))
    })?;
    let cleared = mark.clear_leftovers();
    if cleared.killed > 0 {
        let count = cleared.killed;
        context.screen.note(format_args!(
            "killed {count} processes that agents of an earlier engine left behind"
        ));
    }
    if cleared.left > 0 {
        let count = cleared.left;
        context.screen.warn(format_args!(
            "{count} processes that agents of an earlier engine left behind do not die"
        ));
    }
    Ok(mark)
}

/// Says that the engine is ready, and where.
async fn ready(
    context: &mut Context,
    handle: &Handle,
    address: &str,
    folder: &Path,
) -> Result<(), Failure> {
    let status = handle.status().await.map_err(Failure::new)?;
    let url = format!("http://{address}");
    if context.screen.is_json() {
        context.screen.json_line(&json!({
            "type": "ready",
            "address": url,
            "log": folder,
            "head": status.head,
            "spec": status.spec,
            "spec_hash": status.spec_hash,
        }))?;
    } else {
        context.screen.line(format_args!(
            "homeostat serves `{}` on {}, log {} at e{}",
            status.spec.as_deref().unwrap_or("unnamed"),
            painted(paint::HEAD, url),
            folder.display(),
            status.head,
        ))?;
    }
    context.screen.flush()
}

fn read_agents(path: Option<&Path>) -> Result<AgentsFile, Failure> {
    let Some(path) = path else { return Ok(AgentsFile::default()) };
    let text = sources::read_text(path, AGENTS_BYTES_MAX)?;
    AgentsFile::parse(&text).map_err(|errors| {
        let lines: Vec<String> = errors
            .0
            .iter()
            .map(|error| {
                let help = error.help.as_ref().map_or_else(String::new, |it| format!("; {it}"));
                format!("{}:{}: {}{help}", path.display(), error.line, error.message)
            })
            .collect();
        Failure::new(lines.join("\n       "))
    })
}

/// An agent for an action that no duty of the spec asks for, or for what nothing of it asserts, is most likely misspelt.
fn warn_of_idle_agents(agents: &AgentsFile, spec: &Spec, context: &mut Context) {
    let asked: BTreeSet<&str> = spec
        .duties()
        .map(|duty| duty.action.as_str())
        .chain(spec.assertions.iter().map(|it| it.slug.as_str()))
        .chain(spec.invariants.iter().map(|it| it.slug.as_str()))
        .chain(spec.targets.iter().map(|it| it.slug.as_str()))
        .chain(BUILT_INS)
        .collect();
    for member in agents.members() {
        for action in member.actions.iter().flatten().filter(|it| !asked.contains(it.as_str())) {
            context.screen.warn(format_args!(
                "agent `{}` is for `{action}`, and nothing in the spec asks for that",
                member.name
            ));
        }
    }
}

/// Why the engine does not start, and what the person can do about it.
pub(crate) fn not_started(error: StartError) -> Failure {
    let help = match &error {
        StartError::OtherSpec { .. } => Some(
            "see what it would change with `homeostat diff`; adopt it with `homeostat adopt` on the running engine, \
             or with `--adopt --by NAME` at this start; or serve with the adopted text (`--spec-from-log`)",
        ),
        StartError::History { .. } => Some(
            "`homeostat gaps` shows what is owed; add `--adopt-history` if agents shall act on it",
        ),
        _ => None,
    };
    let failure = Failure::new(error);
    match help {
        Some(help) => failure.help(help),
        None => failure,
    }
}
