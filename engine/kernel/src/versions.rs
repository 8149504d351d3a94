//! The versions of the spec that were put in force on a log, and the way from one to the next.
//!
//! In: adoptions as the log has them. Out: the spec of each, with the names that its clauses had; an
//! evaluator that has examined the log under it.
//! Never: takes a text for a version that it is not: its hash has to be what the log says.
//! Promise: whoever follows a log through its versions, live or in a replay, comes by the same specs.
//! Start reading at [`Next`], then [`show`].

use std::collections::VecDeque;
use std::sync::Arc;

use homeostat_graph::{
    Change, CompileError, Consequences, Evaluator, Explainer, Program, TimeLine,
};
use homeostat_intent::lowered::Backfill;
use homeostat_intent::{Diff, Source, Spec};
use homeostat_log::control::{AdoptedSource, BackfillPolicy, Changes, ControlError};
use homeostat_log::{Control, Event, Kind, LogError, Reader};
use homeostat_world::{Position, Store, Timestamp};
use serde::{Deserialize, Serialize};

use crate::handle::Proposal;
use crate::machine::Machine;

/// A version that was put in force, as the log has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Version {
    /// Where the log says so.
    pub position: Position,
    /// When.
    pub adopted: Timestamp,
    /// The hash of the spec, in hex.
    pub hash: String,
    /// Its name.
    pub name: Option<String>,
    /// Who adopted it.
    pub by: String,
    /// What it changed; nothing for the first.
    pub evolution: Option<Evolution>,
}

/// How a version differs from the one before.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Evolution {
    /// The hash of that one.
    pub from: String,
    /// What it says about events of before it.
    pub policy: BackfillPolicy,
    /// What it changed, in numbers.
    pub changes: Changes,
}

/// A version that is about to take over: it has seen all of the log so far.
#[derive(Debug)]
pub struct Next {
    pub(crate) spec: Arc<Spec>,
    pub(crate) evaluator: Evaluator,
}

/// A log's way through its versions, from its first event on.
#[derive(Debug)]
pub struct Succession {
    evaluator: Evaluator,
    /// Those that have not taken over yet, the next one first.
    later: VecDeque<Next>,
    time_line: TimeLine,
    newest: Timestamp,
}

/// Explains something of a log: by the newest version why, and by all of them what became of it.
#[derive(Debug)]
pub struct Inquiry {
    explainer: Explainer,
    /// None where there is one version, whose replay the explainer itself is.
    life: Option<Succession>,
}

/// Why a version cannot be followed.
#[derive(Debug, thiserror::Error)]
pub enum VersionError {
    /// The text that the log holds is not what it was adopted as.
    #[error(
        "version `{hash}` of the spec, adopted at position `{position}`, is not understood any more: {reason}; \
         it may come from another version of homeostat, use that one to read this log"
    )]
    Unreadable {
        /// Its hash.
        hash: String,
        /// Where it was adopted.
        position: Position,
        /// Why.
        reason: String,
    },
    /// It cannot be evaluated.
    #[error(transparent)]
    Spec(#[from] CompileError),
    /// The log cannot be read.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The log holds a control event of another version of the engine.
    #[error(transparent)]
    Control(#[from] ControlError),
    /// A version was to be adopted that nobody prepared.
    #[error(
        "version `{hash}` takes over at position `{position}`, and nothing has examined the log for it"
    )]
    Unprepared {
        /// Its hash.
        hash: String,
        /// Where.
        position: Position,
    },
}

impl Version {
    /// The adoption that a control event records, with the texts of the spec.
    #[must_use]
    pub fn of(event: &Event, control: &Control) -> Option<(Self, Vec<Source>)> {
        let (hash, name, sources, by, evolution) = match control {
            Control::IntentAdopted { hash, name, sources, by } => (hash, name, sources, by, None),
            Control::IntentEvolved { hash, name, sources, by, from, policy, changes } => {
                let evolution =
                    Evolution { from: from.clone(), policy: *policy, changes: *changes };
                (hash, name, sources, by, Some(evolution))
            }
            _ => return None,
        };
        let version = Self {
            position: event.position,
            adopted: event.recorded,
            hash: hash.clone(),
            name: name.clone(),
            by: by.clone(),
            evolution,
        };
        let source = |it: &AdoptedSource| Source { name: it.name.clone(), text: it.text.clone() };
        Some((version, sources.iter().map(source).collect()))
    }

    /// Its spec: `given`, if that is the one, or else read from the texts in the log. The clauses of
    /// `before` and of all versions before that keep their names.
    ///
    /// # Errors
    /// When the texts are not what was adopted.
    pub fn spec(
        &self,
        sources: &[Source],
        before: Option<&Spec>,
        given: Option<&Spec>,
    ) -> Result<Spec, VersionError> {
        let mut spec = match given.filter(|given| given.hash.to_string() == self.hash) {
            Some(given) => given.clone(),
            None => self.read(sources)?,
        };
        if let Some(before) = before {
            spec.keep_slugs(before);
        }
        Ok(spec)
    }

    fn read(&self, sources: &[Source]) -> Result<Spec, VersionError> {
        let loaded = homeostat_intent::load(sources);
        let unreadable = |reason: String| VersionError::Unreadable {
            hash: self.hash.clone(),
            position: self.position,
            reason,
        };
        if loaded.has_errors() {
            let errors = homeostat_intent::render::text(&loaded.diagnostics, sources, false);
            return Err(unreadable(errors));
        }
        if loaded.spec.hash.to_string() != self.hash {
            return Err(unreadable(format!("its text has the hash `{}`", loaded.spec.hash)));
        }
        Ok(loaded.spec)
    }

    /// The evolution that it is, for the graph; none for the first version.
    #[must_use]
    pub fn adoption(&self) -> Option<homeostat_graph::Adoption> {
        let policy = match self.evolution.as_ref()?.policy {
            BackfillPolicy::Sequential => Backfill::Sequential,
            BackfillPolicy::ProspectiveOnly => Backfill::ProspectiveOnly,
            BackfillPolicy::HumanDecision => Backfill::HumanDecision,
        };
        Some(homeostat_graph::Adoption { position: self.position, at: self.adopted, policy })
    }
}

impl Next {
    /// A version that has seen nothing yet. The clauses of `before` keep their names.
    ///
    /// # Errors
    /// When it cannot be evaluated.
    pub fn new(mut spec: Spec, before: &Spec) -> Result<Self, CompileError> {
        spec.keep_slugs(before);
        let evaluator = Evaluator::examining(Arc::new(Program::compile(&spec)?));
        Ok(Self { spec: Arc::new(spec), evaluator })
    }

    /// Takes in the next event of the log.
    pub fn see(&mut self, event: &Event) {
        self.evaluator.examine(event);
    }

    /// The last position that it has seen.
    #[must_use]
    pub fn position(&self) -> Position {
        self.evaluator.position()
    }

    /// Its spec.
    #[must_use]
    pub fn spec(&self) -> &Arc<Spec> {
        &self.spec
    }

    /// What it would change if it took over from `old`, which has seen the same events, under `before`.
    #[must_use]
    pub fn proposal(&self, old: &Evaluator, before: &Spec) -> Proposal {
        Proposal {
            diff: homeostat_intent::diff(before, &self.spec),
            preview: self.evaluator.preview(old),
        }
    }

    /// Takes over from `old` by `adoption`, which both have seen.
    /// `sink` hears what becomes so by that.
    #[must_use]
    pub fn take_over(
        mut self,
        old: &Evaluator,
        adoption: homeostat_graph::Adoption,
        sink: &mut impl FnMut(Change),
    ) -> Evaluator {
        self.evaluator.succeed(old, adoption, &mut |_| {}, sink);
        self.evaluator
    }
}

impl Succession {
    /// Under the first of `specs`, with the others to come.
    ///
    /// # Errors
    /// When one of them cannot be evaluated.
    pub fn new(specs: &[Spec], time_line: TimeLine) -> Result<Self, CompileError> {
        let [first, ..] = specs else {
            unreachable!("a log is followed under one version at least")
        };
        Ok(Self {
            evaluator: Evaluator::new(Arc::new(Program::compile(first)?)),
            later: later(specs)?,
            time_line,
            newest: Timestamp::MIN,
        })
    }

    /// Takes in the next event of the log: time passes to it, it happens, and a version takes over if
    /// it says so. `hear` is told after each of the three what came of it, and of whom that is.
    ///
    /// # Errors
    /// When the event is of another version of the engine.
    pub fn see(
        &mut self,
        event: &Event,
        hear: &mut impl FnMut(&[Change], &Evaluator),
    ) -> Result<(), VersionError> {
        let mut said = Vec::new();
        let mut sink = |change| said.push(change);
        match self.time_line {
            TimeLine::Recorded => {
                self.newest = self.newest.max(event.recorded);
                self.evaluator.pass_to(event, &mut sink);
            }
            TimeLine::EventTime => {
                self.newest = self.newest.max(event.effective_time());
                self.evaluator.advance(self.newest, &mut sink);
            }
        }
        hear(&said, &self.evaluator);
        said.clear();
        self.evaluator.on_event(event, &mut |change| said.push(change));
        hear(&said, &self.evaluator);
        if self.later.is_empty() {
            return Ok(());
        }
        self.later.iter_mut().for_each(|next| next.see(event));
        if let Some((version, _)) = adoption(event)?
            && let Some(adoption) = version.adoption()
            && let Some(next) = self.later.pop_front()
        {
            said.clear();
            self.evaluator =
                next.take_over(&self.evaluator, adoption, &mut |change| said.push(change));
            hear(&said, &self.evaluator);
        }
        Ok(())
    }

    /// The newest time that was seen.
    #[must_use]
    pub fn newest(&self) -> Timestamp {
        self.newest
    }

    /// Lets it be `now`, without an engine since the last event: what one would make of it that starts
    /// then. Gives the evaluator of the last version.
    #[must_use]
    pub fn end(
        mut self,
        now: Timestamp,
        hear: &mut impl FnMut(&[Change], &Evaluator),
    ) -> Evaluator {
        let mut said = Vec::new();
        self.evaluator.resume(now, &mut |change| said.push(change));
        hear(&said, &self.evaluator);
        self.evaluator
    }
}

impl Inquiry {
    /// With an explainer under the last of `specs`.
    ///
    /// # Errors
    /// When one of them cannot be evaluated.
    pub fn new(
        explainer: Explainer,
        specs: &[Spec],
        time_line: TimeLine,
    ) -> Result<Self, CompileError> {
        let several = specs.len() > 1;
        let life = several.then(|| Succession::new(specs, time_line)).transpose()?;
        Ok(Self { explainer, life })
    }

    /// Takes in the next event of the log.
    ///
    /// # Errors
    /// As [`Succession::see`].
    pub fn see(&mut self, event: &Event) -> Result<(), VersionError> {
        let Self { explainer, life } = self;
        explainer.see(event);
        let mut hear = |said: &[Change], by: &Evaluator| explainer.hear(said, by);
        life.as_mut().map_or(Ok(()), |life| life.see(event, &mut hear))
    }

    /// What was asked about, as it stands with an engine that is up; see [`Explainer::finish`].
    #[must_use]
    pub fn finish(self, now: Option<Timestamp>) -> Option<Consequences> {
        let Self { mut explainer, life } = self;
        if let Some(Succession { mut evaluator, .. }) = life {
            let mut said = Vec::new();
            if let Some(now) = now {
                evaluator.advance(now, &mut |change| said.push(change));
            }
            explainer.hear(&said, &evaluator);
            explainer.settle(&evaluator);
        }
        explainer.finish(now)
    }
}

/// Shows the next event of a log to a machine. If it puts a version in force, that version examines
/// `earlier`, all events before, first. `spec` is the one in force, and becomes the next.
///
/// # Errors
/// When the version cannot be followed or the log cannot be read.
pub fn show<I>(
    machine: &mut Machine,
    spec: &mut Arc<Spec>,
    event: &Event,
    given: Option<&Spec>,
    earlier: impl FnOnce() -> I,
) -> Result<(), VersionError>
where
    I: Iterator<Item = Result<Event, LogError>>,
{
    if !Control::is_evolution(event) {
        return machine.apply(event);
    }
    let Some((version, sources)) = adoption(event)? else { return Ok(()) };
    let mut next = Next::new(version.spec(&sources, Some(spec), given)?, spec)?;
    for seen in earlier() {
        let seen = seen?;
        if seen.position >= event.position {
            break;
        }
        next.see(&seen);
    }
    let after = Arc::clone(next.spec());
    machine.prepare(next);
    machine.apply(event)?;
    *spec = after;
    Ok(())
}

/// The first version that was put in force on a log, with its texts.
pub(crate) fn first<S: Store>(
    reader: &Reader<S>,
) -> Result<Option<(Version, Vec<Source>)>, VersionError> {
    adoptions(reader).next().transpose()
}

/// Every version that was put in force on a log, with its texts, the newest last.
///
/// # Errors
/// When the log cannot be read.
pub fn all<S: Store>(reader: &Reader<S>) -> Result<Vec<(Version, Vec<Source>)>, VersionError> {
    adoptions(reader).collect()
}

fn adoptions<S: Store>(
    reader: &Reader<S>,
) -> impl Iterator<Item = Result<(Version, Vec<Source>), VersionError>> {
    let events = reader.read(Position::new(1));
    events.filter_map(|event| {
        event.map_err(VersionError::from).and_then(|event| adoption(&event)).transpose()
    })
}

/// The version that an event puts in force, with its texts; none for any other event.
///
/// # Errors
/// When the event is of another version of the engine.
pub fn adoption(event: &Event) -> Result<Option<(Version, Vec<Source>)>, VersionError> {
    // By the type first: to read every decision of a long log takes long.
    if event.event.kind != Kind::Control || !event.event.r#type.starts_with("intent.") {
        return Ok(None);
    }
    let control = Control::from_event(event).transpose()?;
    Ok(control.and_then(|control| Version::of(event, &control)))
}

/// The specs of `versions`, each with the names that clauses had in those before. `given` is one that
/// need not be read again, if it is among them; without any version it is the only one.
pub(crate) fn follow<S: Store>(
    reader: &Reader<S>,
    versions: &[Version],
    given: &Spec,
) -> Result<Vec<Spec>, VersionError> {
    let mut specs: Vec<Spec> = Vec::with_capacity(versions.len());
    for version in versions {
        let event = reader.get(version.position)?;
        let found = event.as_ref().map(adoption).transpose()?.flatten();
        let Some((found, sources)) = found.filter(|(found, _)| found == version) else {
            return Err(VersionError::Unreadable {
                hash: version.hash.clone(),
                position: version.position,
                reason: "the log has something else there".to_owned(),
            });
        };
        specs.push(found.spec(&sources, specs.last(), Some(given))?);
    }
    if specs.is_empty() {
        specs.push(given.clone());
    }
    Ok(specs)
}

/// Each of `specs` but the first, ready to examine a log and to take over from the one before.
///
/// # Errors
/// When one cannot be evaluated.
pub fn later<C: FromIterator<Next>>(specs: &[Spec]) -> Result<C, CompileError> {
    let pairs = specs.iter().zip(specs.iter().skip(1));
    pairs.map(|(before, spec)| Next::new(spec.clone(), before)).collect()
}

/// The event that puts `spec` in force in the place of another.
pub(crate) fn evolved(spec: &Spec, sources: &[Source], by: &str, diff: &Diff) -> Control {
    Control::IntentEvolved {
        hash: spec.hash.to_string(),
        name: spec.name.clone(),
        sources: texts(sources),
        by: by.to_owned(),
        from: diff.from.to_string(),
        policy: policy_of(spec),
        changes: changes_of(diff),
    }
}

/// Texts as the log has them.
pub(crate) fn texts(sources: &[Source]) -> Vec<AdoptedSource> {
    let text = |it: &Source| AdoptedSource { name: it.name.clone(), text: it.text.clone() };
    sources.iter().map(text).collect()
}

/// A policy as the log has it.
fn policy_of(spec: &Spec) -> BackfillPolicy {
    match spec.backfill {
        Backfill::Sequential => BackfillPolicy::Sequential,
        Backfill::ProspectiveOnly => BackfillPolicy::ProspectiveOnly,
        Backfill::HumanDecision => BackfillPolicy::HumanDecision,
    }
}

/// A diff in numbers, as the log has it.
pub(crate) fn changes_of(diff: &Diff) -> Changes {
    let homeostat_intent::diff::Counts {
        unchanged,
        added,
        removed,
        moved,
        shortened,
        loosened,
        guard_changed,
        rewritten,
        redefined,
    } = diff.counts();
    Changes {
        unchanged,
        added,
        removed,
        moved,
        shortened,
        loosened,
        guard_changed,
        rewritten,
        redefined,
    }
}
