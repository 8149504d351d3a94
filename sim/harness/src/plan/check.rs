//! Whether a Plan makes sense, and what its files mean.
//!
//! In: a [`Plan`]. Out: its spec and agents, ready to run, or every mistake in it.
//! Never: stops at the first mistake. Promise: what [`Plan::prepare`] accepts can be run in every
//! lane. Start reading at [`Plan::prepare`].

use std::fmt;

use homeostat_agents::{AgentsFile, Kind};
use homeostat_intent::{Severity, Source, Spec, render};
use homeostat_world::Duration;
use homeostat_world::limits::APPEND_EVENTS_MAX;
use serde_json::Value as Json;

use super::{Action, Fault, FaultKind, Plan, PlannedEvent, Step, Text, VERSION, Version};
use crate::meaning;

/// What a run needs of a Plan's files.
#[derive(Clone, Debug)]
pub struct Prepared {
    /// The spec's files.
    pub sources: Vec<Source>,
    /// What they mean together.
    pub spec: Spec,
    /// Another version of it with its files, if the Plan has one.
    pub later: Option<(Vec<Source>, Spec)>,
    /// Who can be spawned.
    pub agents: AgentsFile,
}

/// One mistake in a Plan or a scenario.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlanError {
    /// What it is about: `line 3`, `fault crash at 5s`.
    pub place: String,
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub help: Option<String>,
}

/// Every mistake in a Plan or a scenario.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct PlanErrors(pub Vec<PlanError>);

/// Clients that a Plan may have. More of them only make a run slow.
const CLIENTS_MAX: u32 = 64;
/// How often one request may be sent.
const TIMES_MAX: u32 = 100;
/// The shortest rest of a slow peer: each byte costs a turn of the executor.
const PAUSE_MIN: Duration = Duration::from_millis(1);
/// The most that a clock may drift, in millionths: half as fast again, or half as fast.
const PPM_MAX: i64 = 500_000;
/// How many commits or writes a disk may fall back.
pub(crate) const BACK_MAX: u32 = 64;
/// The longest run: ten years, so that sums of times stay far inside the time line.
const LENGTH_MAX: Duration = Duration::from_secs(3_660 * 86_400);

impl Plan {
    /// Loads the spec and the agents, and checks everything else.
    ///
    /// # Errors
    /// Every mistake.
    pub fn prepare(&self) -> Result<Prepared, PlanErrors> {
        let mut errors = self.check().err().map_or_else(Vec::new, |errors| errors.0);
        let sources = sources(&self.spec, &mut errors);
        let spec = load_spec(&sources, &mut errors);
        let later = if self.later.is_empty() {
            None
        } else {
            let sources = self::sources(&self.later, &mut errors);
            load_spec(&sources, &mut errors).map(|spec| (sources, spec))
        };
        let agents = has_text(&self.agents.name, self.agents.text.as_deref(), &mut errors)
            .and_then(|text| load_agents(&self.agents.name, text, &mut errors));
        if let Some(spec) = &spec {
            self.expect.check(spec, &mut errors);
        }
        match (spec, agents) {
            (Some(spec), Some(agents)) if errors.is_empty() => {
                Ok(Prepared { sources, spec, later, agents })
            }
            _ => Err(PlanErrors(errors)),
        }
    }

    /// Checks everything that needs no file: quick, for whoever changes Plans.
    ///
    /// # Errors
    /// Every mistake.
    pub fn check(&self) -> Result<(), PlanErrors> {
        let mut checking = Checking { plan: self, errors: Vec::new() };
        checking.head();
        for step in &self.steps {
            checking.step(step);
        }
        for fault in &self.faults {
            checking.fault(fault);
        }
        checking.outages();
        if checking.errors.is_empty() { Ok(()) } else { Err(PlanErrors(checking.errors)) }
    }
}

fn sources(files: &[Text], errors: &mut Vec<PlanError>) -> Vec<Source> {
    let source = |file: &Text| {
        let text = has_text(&file.name, file.text.as_deref(), errors)?;
        Some(Source { name: file.name.clone(), text: text.to_owned() })
    };
    files.iter().filter_map(source).collect()
}

fn has_text<'a>(name: &str, text: Option<&'a str>, errors: &mut Vec<PlanError>) -> Option<&'a str> {
    if text.is_none() {
        let error = PlanError::new(format!("file `{name}`"), "its text was not read");
        errors.push(error.help("resolve the Plan's files first, or give `text`"));
    }
    text
}

/// The spec of `sources`, unless there are errors in it.
pub(crate) fn load_spec(sources: &[Source], errors: &mut Vec<PlanError>) -> Option<Spec> {
    if sources.is_empty() {
        errors.push(PlanError::new("spec", "no file is named, expected at least one"));
        return None;
    }
    if let Some(spec) = meaning::known(sources) {
        return Some(spec);
    }
    let mut loaded = homeostat_intent::load(sources);
    if !loaded.has_errors() {
        meaning::remember(sources, &loaded.spec);
        return Some(loaded.spec);
    }
    loaded.diagnostics.retain(|found| found.severity == Severity::Error);
    let found = render::text(&loaded.diagnostics, sources, false);
    let error = PlanError::new("spec", format!("the spec does not load\n{}", found.trim_end()));
    errors.push(error.help("`homeostat check` shows all that is to be said about it"));
    None
}

/// The agents of `text`, unless there are errors in it.
pub(crate) fn load_agents(
    name: &str,
    text: &str,
    errors: &mut Vec<PlanError>,
) -> Option<AgentsFile> {
    let place = format!("agents file `{name}`");
    let agents = match AgentsFile::parse(text) {
        Ok(agents) => agents,
        Err(mistakes) => {
            errors.push(PlanError::new(place, mistakes.to_string()));
            return None;
        }
    };
    let program = agents.members().iter().find(|member| matches!(member.kind, Kind::Command(_)));
    if let Some(member) = program {
        let message = format!("agent `{}` is a program, expected `mock`", member.name);
        errors.push(PlanError::new(place, message).help("a simulation runs no programs"));
        return None;
    }
    Some(agents)
}

struct Checking<'a> {
    plan: &'a Plan,
    errors: Vec<PlanError>,
}

impl Checking<'_> {
    fn fail(&mut self, place: impl Into<String>, message: impl Into<String>) {
        self.errors.push(PlanError::new(place, message));
    }

    fn head(&mut self) {
        let plan = self.plan;
        if plan.version != VERSION {
            let message = format!("unknown version `{}`, expected `{VERSION}`", plan.version);
            self.fail("version", message);
        }
        if i64::try_from(plan.seed).is_err() {
            let message = format!("`{}` is too large, expected at most {}", plan.seed, i64::MAX);
            self.fail("seed", message);
        }
        if !(1..=CLIENTS_MAX).contains(&plan.clients) {
            let message = format!("`{}` clients, expected 1 to {CLIENTS_MAX}", plan.clients);
            self.fail("clients", message);
        }
        if plan.checkpoint_every == 0 {
            self.fail("checkpoint_every", "a checkpoint after no event, expected 1 or more");
        }
        for (place, length) in [("active", plan.active), ("settle", plan.settle)] {
            if length <= Duration::ZERO || length > LENGTH_MAX {
                let message = format!("`{length}`, expected more than nothing, at most ten years");
                self.fail(place, message);
            }
        }
    }

    fn step(&mut self, step: &Step) {
        let place = format!("step at `{}`", step.at);
        self.time(&place, step.at, Duration::ZERO);
        self.client(&place, step.client);
        if matches!(step.action, Action::Adopt) {
            self.has_later(&place);
        }
        let (Action::Append { times, .. } | Action::Decide { times, .. }) = &step.action else {
            return;
        };
        if !(1..=TIMES_MAX).contains(times) {
            self.fail(&place, format!("sent `{times}` times, expected 1 to {TIMES_MAX}"));
        }
        if let Action::Decide { thinks, .. } = &step.action {
            self.time(&place, step.at, *thinks);
        }
        let Action::Append { events, .. } = &step.action else { return };
        if events.is_empty() || events.len() > APPEND_EVENTS_MAX {
            let message = format!("`{}` events, expected 1 to {APPEND_EVENTS_MAX}", events.len());
            self.fail(&place, message);
        }
        for event in events {
            self.event(event);
        }
    }

    fn event(&mut self, event: &PlannedEvent) {
        let place = format!("event `{}`", event.id);
        for (what, text) in [("id", &event.id), ("type", &event.r#type)] {
            if text.is_empty() {
                self.fail(&place, format!("its {what} is empty"));
            }
        }
        let far = |time: Duration| {
            time.as_micros().unsigned_abs() > LENGTH_MAX.as_micros().unsigned_abs()
        };
        if event.time.is_some_and(far) {
            self.fail(&place, "its time is more than ten years from the start");
        }
        for (name, value) in &event.data {
            if !is_toml(value) || name.starts_with("$__toml") {
                let error = PlanError::new(&place, format!("`{name}` has no form in a Plan"));
                self.errors.push(error.help(
                    "a Plan holds texts, whole numbers of 64 bit, finite ones, truth values, lists and tables; write a time as text",
                ));
            }
        }
    }

    fn fault(&mut self, fault: &Fault) {
        let place = format!("fault `{}` at `{}`", fault.kind.name(), fault.at);
        self.time(&place, fault.at, fault.kind.lasts());
        if let Some(client) = fault.kind.client() {
            self.client(&place, client);
        }
        if let Some(node) = fault.kind.node() {
            self.node(&place, node);
        }
        if let Some(midway) = fault.kind.midway() {
            self.not_negative(&place, "restart_after", midway);
            if midway > fault.kind.lasts() {
                let lasts = fault.kind.lasts();
                self.fail(
                    &place,
                    format!("it starts the engine after `{midway}`, and is over after `{lasts}`"),
                );
            }
        }
        if matches!(fault.kind, FaultKind::Adopt { spec: Version::Later, .. }) {
            self.has_later(&place);
        }
        match &fault.kind {
            FaultKind::Slow { latency, jitter, .. } => {
                self.not_negative(&place, "latency", *latency);
                self.not_negative(&place, "jitter", *jitter);
            }
            FaultKind::SlowSync { latency, .. } => self.not_negative(&place, "latency", *latency),
            FaultKind::SlowPeer { pause, .. } if *pause < PAUSE_MIN => {
                self.fail(&place, format!("pause is `{pause}`, expected `{PAUSE_MIN}` or more"));
            }
            FaultKind::ClockDrift { ppm, .. } if ppm.unsigned_abs() > PPM_MAX.unsigned_abs() => {
                self.fail(&place, format!("ppm is `{ppm}`, expected -{PPM_MAX} to {PPM_MAX}"));
            }
            FaultKind::Crash { after_commits: Some(0), .. } => {
                self.fail(&place, "after_commits is `0`, expected 1 or more, or nothing");
            }
            FaultKind::StaleLog { commits: back, .. }
            | FaultKind::StalePad { writes: back, .. }
                if !(1..=BACK_MAX).contains(back) =>
            {
                self.fail(&place, format!("`{back}` are gone, expected 1 to {BACK_MAX}"));
            }
            _ => {}
        }
    }

    fn has_later(&mut self, place: &str) {
        if self.plan.later.is_empty() {
            let error = PlanError::new(place, "there is no later version to adopt");
            self.errors.push(error.help("give its files in `[[later]]`"));
        }
    }

    fn node(&mut self, place: &str, node: &str) {
        let number = node.strip_prefix("client-").and_then(|it| it.parse().ok());
        match number {
            Some(client) => self.client(place, client),
            None if node == "engine" => {}
            None => {
                let message = format!("unknown node `{node}`, expected `engine` or `client-1` …");
                self.fail(place, message);
            }
        }
    }

    /// Two faults that stop the engine never overlap: what the second means would be a guess.
    fn outages(&mut self) {
        let mut outages: Vec<&Fault> =
            self.plan.faults.iter().filter(|fault| fault.kind.stops_engine()).collect();
        outages.sort_by_key(|fault| fault.at);
        for pair in outages.windows(2) {
            let [first, second] = pair else { continue };
            if second.at < first.ends() {
                let place = format!("fault `{}` at `{}`", second.kind.name(), second.at);
                let message = format!(
                    "the engine is down already, by `{}` from `{}` to `{}`",
                    first.kind.name(),
                    first.at,
                    first.ends()
                );
                let error = PlanError::new(place, message);
                self.errors.push(error.help("let it begin when the other ends, or later"));
            }
        }
    }

    fn client(&mut self, place: &str, client: u32) {
        let clients = self.plan.clients;
        if !(1..=clients).contains(&client) {
            self.fail(place, format!("unknown client `{client}`, expected 1 to {clients}"));
        }
    }

    fn time(&mut self, place: &str, at: Duration, lasts: Duration) {
        let active = self.plan.active;
        self.not_negative(place, "its length", lasts);
        let ends = at.as_micros().checked_add(lasts.as_micros()).map(Duration::from_micros);
        if at < Duration::ZERO || ends.is_none_or(|ends| ends > active) {
            let error =
                PlanError::new(place, format!("it is not over within `active`, `{active}`"));
            self.errors.push(error.help("move it, shorten it, or let the run be active longer"));
        }
    }

    fn not_negative(&mut self, place: &str, what: &str, length: Duration) {
        if length < Duration::ZERO {
            self.fail(place, format!("{what} is `{length}`, expected nothing or more"));
        }
    }
}

/// Whether TOML can say it.
fn is_toml(value: &Json) -> bool {
    match value {
        Json::Null => false,
        Json::Bool(_) | Json::String(_) => true,
        Json::Number(number) => number.is_i64() || number.is_f64(),
        Json::Array(items) => items.iter().all(is_toml),
        Json::Object(map) => map.values().all(is_toml),
    }
}

impl PlanError {
    pub(crate) fn new(place: impl Into<String>, message: impl Into<String>) -> Self {
        Self { place: place.into(), message: message.into(), help: None }
    }

    pub(crate) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

impl From<PlanError> for PlanErrors {
    fn from(error: PlanError) -> Self {
        Self(vec![error])
    }
}

impl fmt::Display for PlanError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.message)?;
        self.help.as_ref().map_or(Ok(()), |help| write!(f, "\n  help: {help}"))
    }
}

impl fmt::Display for PlanErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut separator = "";
        self.0.iter().try_for_each(|error| {
            write!(f, "{separator}{error}")?;
            separator = "\n";
            Ok(())
        })
    }
}
