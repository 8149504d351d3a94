//! Works on a log that nobody serves.
//!
//! In: a log directory. Out: its events, the spec that it holds, the state that follows from both.
//! Never: changes a log that is only looked at. Start reading at [`Past`].

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use homeostat_graph::{
    Change, Consequences, Evaluator, Explainer, ObligationName, ObligationView, Program, TimeLine,
};
use homeostat_host::SystemClock;
use homeostat_host::store::FjallStore;
use homeostat_intent::{Source, Spec};
use homeostat_kernel::versions::{self, Inquiry, Next, Succession};
use homeostat_kernel::{Proposal, Version, VersionView};
use homeostat_log::control::GapKind;
use homeostat_log::{Append, Event, Kind, LogError, Reader, Receipt};
use homeostat_world::{Clock, Durability, Position, Store, Timestamp};

use crate::context::Context;
use crate::failure::Failure;
use crate::running::{self, Purpose};
use crate::{sources, specs};

/// The moment that deadlines are judged at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AsOf {
    /// The newest time among the events.
    Newest,
    /// The present.
    Now,
    /// Another.
    At(Timestamp),
}

impl std::str::FromStr for AsOf {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "newest" => Ok(Self::Newest),
            "now" => Ok(Self::Now),
            _ => text
                .parse()
                .map(Self::At)
                .map_err(|error| format!("{error}, or one of the words `newest` and `now`")),
        }
    }
}

/// A log and the spec to judge it by.
#[derive(Debug)]
pub(crate) struct Past {
    /// The events.
    pub(crate) reader: Reader<FjallStore>,
    /// The newest version of the spec, compiled.
    pub(crate) program: Arc<Program>,
    /// Every version that was in force, as the log itself holds them; or the one spec that was named,
    /// which judges the whole log.
    specs: Vec<Spec>,
    /// By which clock its time passes: the engine's for a log that was served from the start, the
    /// producers' for one that was imported as history.
    time_line: TimeLine,
}

/// What follows from a log up to a moment.
#[derive(Debug)]
pub(crate) struct Judged {
    /// The state.
    pub(crate) evaluator: Evaluator,
    /// The moment.
    pub(crate) as_of: Timestamp,
    /// Events that count.
    pub(crate) events: u64,
    kinds: Kinds,
}

/// Of which kind each open gap is, by its name: the state knows that it is open, its opening says more.
#[derive(Debug, Default)]
struct Kinds {
    of: BTreeMap<String, GapKind>,
}

impl Kinds {
    /// Hears what an evaluator has said since its last input.
    fn hear(&mut self, said: &[Change], evaluator: &Evaluator) {
        for change in said {
            if let Change::GapOpened { id, kind, .. } = *change {
                self.of.insert(evaluator.show(id), kind);
            }
        }
    }
}

impl Judged {
    /// Of which kind the gap of an obligation is.
    pub(crate) fn kind(&self, gap: &ObligationView) -> &'static str {
        self.kinds.of.get(&gap.name).map_or("", |kind| kind.word())
    }
}

impl Past {
    /// Opens the log in `folder` to look at it, with the named specs or else with the one that the
    /// log itself holds.
    pub(crate) fn open(
        context: &mut Context,
        folder: &Path,
        named: &[PathBuf],
    ) -> Result<Self, Failure> {
        let paths = context.spec_paths(named).to_vec();
        Self::open_under(context, folder, &paths)
    }

    /// The same with exactly the named specs, whatever the settings say.
    pub(crate) fn open_under(
        context: &mut Context,
        folder: &Path,
        paths: &[PathBuf],
    ) -> Result<Self, Failure> {
        let given = match paths.is_empty() {
            true => None,
            false => Some(sources::read_specs(paths)?),
        };
        let runtime = running::runtime()?;
        let reader = runtime.block_on(running::open_log(folder, Purpose::Look))?.log.reader();
        let specs = match given {
            Some(sources) => vec![specs::understood(context, &sources)?],
            None => adopted_specs(&reader, folder)?,
        };
        Self::under(reader, specs)
    }

    /// A log judged by these versions.
    fn under(reader: Reader<FjallStore>, specs: Vec<Spec>) -> Result<Self, Failure> {
        let newest = specs.last().ok_or_else(|| Failure::new("there is no spec to judge by"))?;
        let program = Arc::new(Program::compile(newest).map_err(Failure::new)?);
        let first = reader.get(Position::new(1))?;
        let time_line = match first {
            Some(event) if event.event.kind == Kind::Control => TimeLine::Recorded,
            // A version takes over by the clock of an engine.
            _ if specs.len() > 1 => TimeLine::Recorded,
            _ => TimeLine::EventTime,
        };
        Ok(Self { reader, program, specs, time_line })
    }

    /// Shows every event to a fresh evaluator, in order, each at the newest time among those so
    /// far.
    pub(crate) fn judge(&self, as_of: AsOf) -> Result<Judged, Failure> {
        let life = Succession::new(&self.specs, self.time_line);
        let mut life = life.map_err(Failure::new)?;
        let (mut events, mut kinds) = (0, Kinds::default());
        let mut hear = |said: &[Change], evaluator: &Evaluator| kinds.hear(said, evaluator);
        for event in self.until(as_of) {
            life.see(&event?, &mut hear).map_err(Failure::new)?;
            events += 1;
        }
        let as_of = match as_of {
            AsOf::Newest if events == 0 => Timestamp::EPOCH,
            AsOf::Newest => life.newest(),
            AsOf::Now => SystemClock::new().now(),
            AsOf::At(at) => at,
        };
        let evaluator = life.end(as_of, &mut hear);
        Ok(Judged { evaluator, as_of, events, kinds })
    }

    /// What `spec` would change if it took over at the end of the log.
    pub(crate) fn proposal(&self, spec: &Spec) -> Result<Proposal, Failure> {
        let before = self.specs.last().ok_or_else(|| Failure::new("no version is in force"))?;
        let mut next = Next::new(spec.clone(), before).map_err(Failure::new)?;
        for event in self.until(AsOf::Newest) {
            next.see(&event?);
        }
        Ok(next.proposal(&self.judge(AsOf::Newest)?.evaluator, before))
    }

    /// What should have followed from the event at `position`, and what did; none when there is no
    /// such event.
    pub(crate) fn explain(&self, position: Position) -> Result<Option<Consequences>, Failure> {
        self.explained(Explainer::new(Arc::clone(&self.program), position, self.time_line))
    }

    /// The same for what called for an obligation; none when nothing in the log did.
    pub(crate) fn explain_gap(
        &self,
        name: &ObligationName,
    ) -> Result<Option<Consequences>, Failure> {
        self.explained(Explainer::of(Arc::clone(&self.program), name, self.time_line))
    }

    fn explained(&self, explainer: Explainer) -> Result<Option<Consequences>, Failure> {
        let inquiry = Inquiry::new(explainer, &self.specs, self.time_line);
        let mut inquiry = inquiry.map_err(Failure::new)?;
        for event in self.until(AsOf::Newest) {
            inquiry.see(&event?).map_err(Failure::new)?;
        }
        Ok(inquiry.finish(None))
    }

    /// That the log does not have this event.
    pub(crate) fn no_event(&self, position: Position) -> Failure {
        let head = self.reader.head().position;
        Failure::new(format_args!("no event at position `{position}`; the log ends at `{head}`"))
    }

    /// The events that had happened by then, in order.
    fn until(&self, as_of: AsOf) -> impl Iterator<Item = Result<Event, LogError>> {
        let happened = move |event: &Result<Event, LogError>| match (as_of, event) {
            (AsOf::At(at), Ok(event)) => self.time_of(event) <= at,
            _ => true,
        };
        self.reader.read(Position::new(1)).filter(happened)
    }

    fn time_of(&self, event: &Event) -> Timestamp {
        match self.time_line {
            TimeLine::Recorded => event.recorded,
            TimeLine::EventTime => event.effective_time(),
        }
    }
}

/// Appends to the log in `folder`, durably.
pub(crate) fn append(folder: &Path, request: Append) -> Result<Receipt, Failure> {
    running::runtime()?.block_on(async {
        let mut opened = running::open_log(folder, Purpose::Write).await?;
        let now = SystemClock::new().now();
        let appended = opened.log.append(vec![request], now, Durability::Power).await;
        let appended = appended?;
        let answer = appended.receipts.into_iter().next();
        answer
            .ok_or_else(|| Failure::new("the log gave no answer"))?
            .map_err(|refusal| running::with_remedy(&refusal.to_string()))
    })
}

/// The versions that were in force on the log in `folder`, with what each asked of the past.
pub(crate) fn versions(folder: &Path) -> Result<Vec<homeostat_api::wire::Version>, Failure> {
    let runtime = running::runtime()?;
    let reader = runtime.block_on(running::open_log(folder, Purpose::Look))?.log.reader();
    let found = versions::all(&reader).map_err(Failure::new)?;
    let past = Past::under(reader, specs_of(&found, folder)?)?;
    let evaluator = past.judge(AsOf::Newest)?.evaluator;
    let view = |version: Version| {
        let backfill = evaluator.backfills().find(|it| it.position == version.position);
        let left = evaluator.backfill_left(version.position);
        VersionView { version, backfill, left }.into()
    };
    Ok(found.into_iter().map(|(version, _)| view(version)).collect())
}

/// Everything that the contract says, as it stands at the end of the log in `folder`.
pub(crate) fn contract(
    context: &mut Context,
    folder: &Path,
) -> Result<homeostat_api::wire::Contract, Failure> {
    let past = Past::open_under(context, folder, &[])?;
    let standing = past.judge(AsOf::Newest)?.evaluator.contract();
    let propositions = homeostat_kernel::contract::propositions(&past.reader, standing)?;
    Ok(homeostat_api::wire::Contract {
        propositions: propositions.into_iter().map(Into::into).collect(),
    })
}

/// Every version of the spec that was in force on the log, the newest last.
fn adopted_specs<S: Store>(reader: &Reader<S>, folder: &Path) -> Result<Vec<Spec>, Failure> {
    specs_of(&versions::all(reader).map_err(Failure::new)?, folder)
}

/// The specs of these versions of a log.
fn specs_of(versions: &[(Version, Vec<Source>)], folder: &Path) -> Result<Vec<Spec>, Failure> {
    let mut specs: Vec<Spec> = Vec::new();
    for (version, sources) in versions {
        specs.push(version.spec(sources, specs.last(), None).map_err(Failure::new)?);
    }
    if specs.is_empty() {
        return Err(never_served(folder));
    }
    Ok(specs)
}

/// The texts of the version of the spec that is in force on the log.
pub(crate) fn adopted_sources<S: Store>(
    reader: &Reader<S>,
    folder: &Path,
) -> Result<Vec<Source>, Failure> {
    let newest = versions::all(reader).map_err(Failure::new)?.pop();
    newest.map(|(_, sources)| sources).ok_or_else(|| never_served(folder))
}

fn never_served(folder: &Path) -> Failure {
    Failure::new(format_args!("the log `{}` holds no spec, it was never served", folder.display()))
        .help("name one with `--spec SPEC`")
}
