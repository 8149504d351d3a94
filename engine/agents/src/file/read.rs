//! Reads the agents file: TOML first, then what it means.
//!
//! In: text. Out: members, or mistakes in the order of their lines. Never: stops at the first mistake that is not one
//! of TOML itself. Promise: each mistake names its line, what was found, and what is expected.
//! Start reading at [`read`].

use std::collections::BTreeMap;

use homeostat_world::Duration;
use serde::Deserialize;
use serde_json::Value as Json;
use toml::Spanned;

use super::{CommandLine, Deed, FileError, Kind, Member, Plan, Script, Template};
use crate::judge::micro_dollars;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawFile {
    #[serde(default)]
    defaults: RawDefaults,
    #[serde(default)]
    agent: Vec<Spanned<RawAgent>>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawDefaults {
    time: Option<Spanned<String>>,
    cost_max: Option<Spanned<f64>>,
    cost_per_run: Option<Spanned<f64>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawAgent {
    name: Spanned<String>,
    r#for: Spanned<OneOrMany<String>>,
    kind: Spanned<String>,
    time: Option<Spanned<String>>,
    cost_max: Option<Spanned<f64>>,
    cost_per_run: Option<Spanned<f64>>,
    #[serde(default)]
    may_append: Vec<String>,
    takes: Option<Spanned<OneOrMany<String>>>,
    plan: Option<Spanned<OneOrMany<String>>>,
    chance: Option<Spanned<BTreeMap<String, u32>>>,
    append: Option<Spanned<OneOrMany<Template>>>,
    command: Option<Spanned<Vec<String>>>,
    env: Option<Spanned<BTreeMap<String, String>>>,
    pass_env: Option<Spanned<Vec<String>>>,
    cwd: Option<Spanned<String>>,
}

#[derive(Deserialize)]
#[serde(untagged, expecting = "expected one value or a list of such values")]
enum OneOrMany<T> {
    One(T),
    Many(Vec<T>),
}

impl<T> OneOrMany<T> {
    fn into_vec(self) -> Vec<T> {
        match self {
            Self::One(it) => vec![it],
            Self::Many(them) => them,
        }
    }
}

/// What an agent may take that says nothing about it.
const TIME_DEFAULT: Duration = Duration::from_secs(30);
/// How long a mock takes that says nothing about it.
const TAKES_DEFAULT: Duration = Duration::from_millis(200);
const DEEDS: &str = "`resolve`, `fail`, `stall`, `needs_human`, `wrong_key`, `forbidden_type`, `garbage`, `silent`, `overspend`, `crash`, `lie`, `forge`, `smuggle`, `echo`, `hoard`, `contradict`, `leak`, `late` or `presume`";

/// Reads the members of an agents file.
pub(super) fn read(text: &str) -> Result<Vec<Member>, Vec<FileError>> {
    let mut reading = Reading { text, errors: Vec::new() };
    let raw: RawFile = match toml::from_str(text) {
        Ok(raw) => raw,
        Err(error) => {
            let at = error.span().map_or(0, |span| span.start);
            reading.fault(at, error.message().trim_end().replace('\n', ", "), None);
            return Err(reading.errors);
        }
    };
    let defaults = reading.terms(&raw.defaults, &Terms::default());
    let mut members: Vec<Member> = Vec::new();
    for agent in raw.agent {
        let at = agent.get_ref().name.span().start;
        let taken = agent.get_ref().r#for.span().start;
        let Some(member) = reading.member(agent.into_inner(), &defaults) else { continue };
        if members.iter().any(|other| other.name == member.name) {
            let message = format!("two agents are called `{}`", member.name);
            reading.fault(at, message, Some("give one of them another name"));
        }
        reading.check_taken(taken, &members, &member);
        members.push(member);
    }
    if reading.errors.is_empty() {
        return Ok(members);
    }
    reading.errors.sort_by_key(|error| error.line);
    Err(reading.errors)
}

/// Time and money of an agent.
struct Terms {
    time: Duration,
    cost_max: Option<u64>,
    cost_per_run: u64,
}

impl Default for Terms {
    fn default() -> Self {
        Self { time: TIME_DEFAULT, cost_max: None, cost_per_run: 0 }
    }
}

struct Reading<'a> {
    text: &'a str,
    errors: Vec<FileError>,
}

impl Reading<'_> {
    fn fault(&mut self, at: usize, message: String, help: Option<&str>) {
        let before = self.text.as_bytes().iter().take(at);
        let line = 1 + before.filter(|byte| **byte == b'\n').count();
        self.errors.push(FileError { line, message, help: help.map(str::to_owned) });
    }

    fn terms(&mut self, raw: &RawDefaults, defaults: &Terms) -> Terms {
        let time = raw.time.as_ref().and_then(|time| {
            let length = self.length(time.span().start, time.get_ref())?;
            if length <= Duration::ZERO {
                let message = format!("`time` is `{length}`, expected more than nothing");
                self.fault(time.span().start, message, None);
            }
            Some(length)
        });
        let cost_per_run = self.money("cost_per_run", raw.cost_per_run.as_ref());
        let cost_max = self.money("cost_max", raw.cost_max.as_ref());
        let terms = Terms {
            time: time.unwrap_or(defaults.time),
            cost_max: cost_max.or(defaults.cost_max),
            cost_per_run: cost_per_run.unwrap_or(defaults.cost_per_run),
        };
        if terms.cost_max.is_some_and(|max| max < terms.cost_per_run) {
            let at = raw.cost_per_run.as_ref().or(raw.cost_max.as_ref());
            let message =
                "`cost_per_run` is more than `cost_max`, so every run would be over its budget";
            let help = Some("raise `cost_max`");
            self.fault(at.map_or(0, |it| it.span().start), message.to_owned(), help);
        }
        terms
    }

    fn money(&mut self, name: &str, raw: Option<&Spanned<f64>>) -> Option<u64> {
        let raw = raw?;
        let micro = micro_dollars(*raw.get_ref());
        if micro.is_none() {
            let message = format!("`{name}` is `{}`, expected dollars from 0", raw.get_ref());
            self.fault(raw.span().start, message, None);
        }
        micro
    }

    fn length(&mut self, at: usize, text: &str) -> Option<Duration> {
        text.parse().map_err(|error| self.fault(at, format!("{error}"), None)).ok()
    }

    fn member(&mut self, mut raw: RawAgent, defaults: &Terms) -> Option<Member> {
        let limits = RawDefaults {
            time: raw.time.take(),
            cost_max: raw.cost_max.take(),
            cost_per_run: raw.cost_per_run.take(),
        };
        let terms = self.terms(&limits, defaults);
        let name = raw.name.get_ref().clone();
        if name.is_empty() || name.chars().any(|it| it.is_control() || it == '/') {
            let message = format!("an agent cannot be called `{}`", name.escape_debug());
            let help = "use letters, digits, `-` and `_`; the name stands in the source of events";
            self.fault(raw.name.span().start, message, Some(help));
        }
        let actions = self.actions(&raw.r#for);
        let may_append = std::mem::take(&mut raw.may_append);
        let kind = match raw.kind.get_ref().as_str() {
            "mock" => Kind::Mock(self.mock(raw)),
            "command" => Kind::Command(self.command(raw)),
            other => {
                let message = format!("unknown kind `{other}`, expected `mock` or `command`");
                self.fault(raw.kind.span().start, message, None);
                return None;
            }
        };
        Some(Member {
            name,
            actions,
            kind,
            time: terms.time,
            cost_max: terms.cost_max.unwrap_or(terms.cost_per_run),
            cost_per_run: terms.cost_per_run,
            may_append,
        })
    }

    /// The actions of `for`; none for `"*"`.
    fn actions(&mut self, raw: &Spanned<OneOrMany<String>>) -> Option<Vec<String>> {
        let at = raw.span().start;
        let actions = match raw.get_ref() {
            OneOrMany::One(it) => vec![it.clone()],
            OneOrMany::Many(them) => them.clone(),
        };
        if actions.is_empty() {
            let message = "`for` is empty, so this agent would never work".to_owned();
            self.fault(at, message, Some("name the actions that it does, or `\"*\"` for any"));
        }
        if !actions.iter().any(|it| it == "*") {
            return Some(actions);
        }
        if actions.len() > 1 {
            let message = "`for` names `*` and actions beside it".to_owned();
            self.fault(
                at,
                message,
                Some("`\"*\"` alone means any action that no other agent does"),
            );
        }
        None
    }

    /// Each action has at most one agent.
    fn check_taken(&mut self, at: usize, members: &[Member], member: &Member) {
        let Some(actions) = &member.actions else {
            if let Some(other) = members.iter().find(|other| other.actions.is_none()) {
                let message = format!("agent `{}` is for any action already", other.name);
                self.fault(at, message, Some("name the actions of one of them"));
            }
            return;
        };
        for action in actions {
            let has_it = |other: &&Member| {
                other.actions.as_ref().is_some_and(|actions| actions.contains(action))
            };
            if let Some(other) = members.iter().find(has_it) {
                let message = format!("agent `{}` does `{action}` already", other.name);
                self.fault(at, message, Some("remove it from one of them"));
            }
        }
    }

    fn mock(&mut self, raw: RawAgent) -> Script {
        self.only_for("command", "command", raw.command.as_ref());
        self.only_for("env", "command", raw.env.as_ref());
        self.only_for("pass_env", "command", raw.pass_env.as_ref());
        self.only_for("cwd", "command", raw.cwd.as_ref());
        let takes = raw.takes.map_or((TAKES_DEFAULT, TAKES_DEFAULT), |takes| self.takes(takes));
        let plan = match (raw.plan, raw.chance) {
            (Some(plan), chance) => {
                if let Some(chance) = chance {
                    let message = "`chance` and `plan` exclude each other".to_owned();
                    self.fault(chance.span().start, message, Some("keep one of them"));
                }
                self.cycle(plan)
            }
            (None, Some(chance)) => self.weighted(chance),
            (None, None) => Plan::Cycle(vec![Deed::Resolve]),
        };
        let append = raw.append.map_or_else(Vec::new, |append| self.templates(append));
        Script { takes, plan, append }
    }

    fn command(&mut self, raw: RawAgent) -> CommandLine {
        self.only_for("takes", "mock", raw.takes.as_ref());
        self.only_for("plan", "mock", raw.plan.as_ref());
        self.only_for("chance", "mock", raw.chance.as_ref());
        self.only_for("append", "mock", raw.append.as_ref());
        let at = raw.command.as_ref().map_or(raw.kind.span().start, |it| it.span().start);
        let argv = raw.command.map_or_else(Vec::new, Spanned::into_inner);
        if argv.first().is_none_or(String::is_empty) {
            let message = "a `command` agent needs the program to run".to_owned();
            self.fault(at, message, Some("add `command = [\"python3\", \"agent.py\"]`"));
        }
        CommandLine {
            argv,
            env: raw.env.map(Spanned::into_inner).unwrap_or_default(),
            pass_env: raw.pass_env.map(Spanned::into_inner).unwrap_or_default(),
            cwd: raw.cwd.map(Spanned::into_inner),
        }
    }

    fn only_for<T>(&mut self, field: &str, kind: &str, raw: Option<&Spanned<T>>) {
        if let Some(raw) = raw {
            let message = format!("`{field}` is for agents of kind `{kind}` only");
            self.fault(raw.span().start, message, Some("remove it, or change `kind`"));
        }
    }

    fn takes(&mut self, raw: Spanned<OneOrMany<String>>) -> (Duration, Duration) {
        let at = raw.span().start;
        let texts = raw.into_inner().into_vec();
        let lengths: Vec<Duration> =
            texts.iter().filter_map(|text| self.length(at, text)).collect();
        match lengths.as_slice() {
            [one] if texts.len() == 1 => (*one, *one),
            [least, most] if texts.len() == 2 && least <= most => (*least, *most),
            _ if lengths.len() < texts.len() => (TAKES_DEFAULT, TAKES_DEFAULT),
            _ => {
                let message = "`takes` is no length of time and no range".to_owned();
                let help = "write `\"800ms\"` or `[\"200ms\", \"2s\"]`, the shorter first";
                self.fault(at, message, Some(help));
                (TAKES_DEFAULT, TAKES_DEFAULT)
            }
        }
    }

    fn deed(&mut self, at: usize, name: &str) -> Option<Deed> {
        let deed = serde_json::from_value(Json::from(name)).ok();
        if deed.is_none() {
            self.fault(at, format!("unknown deed `{name}`, expected {DEEDS}"), None);
        }
        deed
    }

    fn cycle(&mut self, raw: Spanned<OneOrMany<String>>) -> Plan {
        let at = raw.span().start;
        let names = raw.into_inner().into_vec();
        if names.is_empty() {
            let message = "`plan` is empty".to_owned();
            self.fault(at, message, Some("leave it out for `resolve` every time"));
        }
        Plan::Cycle(names.iter().filter_map(|name| self.deed(at, name)).collect())
    }

    fn weighted(&mut self, raw: Spanned<BTreeMap<String, u32>>) -> Plan {
        let at = raw.span().start;
        let mut weights = BTreeMap::new();
        for (name, weight) in raw.into_inner() {
            weights.extend(self.deed(at, &name).map(|deed| (deed, weight)));
        }
        if weights.values().all(|weight| *weight == 0) {
            let message = "`chance` gives no deed a weight".to_owned();
            self.fault(at, message, Some("write for example `{ resolve = 9, fail = 1 }`"));
        }
        Plan::Weighted(weights)
    }

    fn templates(&mut self, raw: Spanned<OneOrMany<Template>>) -> Vec<Template> {
        let at = raw.span().start;
        let templates = raw.into_inner().into_vec();
        for (field, value) in templates.iter().flat_map(|template| &template.data) {
            let Json::Object(range) = value else { continue };
            if !(range.contains_key("from") || range.contains_key("to")) {
                continue;
            }
            let end = |name: &str| range.get(name).and_then(Json::as_f64);
            let ordered = end("from").zip(end("to")).is_some_and(|(from, to)| from <= to);
            if !ordered || range.len() != 2 {
                let message = format!("`{field}` is no range of numbers");
                self.fault(at, message, Some("write `{ from = 1, to = 6 }`, the smaller first"));
            }
        }
        templates
    }
}
