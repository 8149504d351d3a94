//! Checks: whether what the system keeps is what its log says.
//!
//! In: the events of the log up to a position, and what the system kept there. Out: what does not agree, and which of
//! that is news to the log. Never: reads a clock or the store; changes what it checks; trusts what it checks.
//! Promise: a check is a pure fold of the log up to its position. Its result takes effect only as `check.reported` in the
//! log, and stands there only where it differs from what was reported last.
//! Start reading at [`Checker`], then [`Reports::news`].

mod difference;
mod log;
mod look;
mod state;

use std::collections::{BTreeMap, BTreeSet};

use homeostat_log::control::Control;
use homeostat_log::{Event, LogError};
use homeostat_world::limits::CHECK_REPORTS_MAX;
use homeostat_world::{Position, Timestamp};
use serde::{Deserialize, Serialize};

pub use log::LogCheck;
pub use look::{Look, Stepped};
pub use state::StateCheck;

/// Compares something that is kept with the log that it follows from, as of one position.
pub trait Checker: Send {
    /// Its name: what `check.reported` and assertions call it.
    fn name(&self) -> &'static str;

    /// Takes in the next event of the log: each one, from the first to the position of the check.
    fn see(&mut self, event: &Event);

    /// Hears how the proof that the log is whole ended, after the last event or where it broke off.
    fn proved(&mut self, proof: Result<u64, &LogError>);

    /// What was found, at last.
    fn found(self: Box<Self>) -> Found;
}

/// What a check found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// Everything that does not hold; all else does.
    Violations(Vec<Violation>),
    /// It could not be told, and why.
    Undetermined(String),
}

/// One thing that does not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// What it is about, as `interaction/i1`; none for the system as a whole.
    pub instance: Option<String>,
    /// What is there and what the log says, readable.
    pub detail: String,
}

/// What one run of all checks found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checked {
    /// As of which position.
    pub position: Position,
    /// When it began, by the engine's clock.
    pub at: Timestamp,
    /// Each check by its name.
    pub found: BTreeMap<&'static str, Found>,
}

/// What the log says that was found: a fold of `check.reported`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reports {
    /// The last answer about the system as a whole, by check.
    answers: BTreeMap<String, Report>,
    /// What does not hold of instances, by check and instance.
    violated: BTreeMap<String, BTreeMap<String, Report>>,
}

/// What somebody said that a check found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// Where that stands in the log.
    pub position: Position,
    /// When it was written down.
    pub at: Timestamp,
    /// Whether it holds; none when they could not tell.
    pub holds: Option<bool>,
    /// What was found, readable.
    pub detail: String,
    /// Who said so; none for the engine.
    pub by: Option<String>,
}

impl Reports {
    /// Takes in a control event of the log, and what it says.
    pub fn on_control(&mut self, control: &Control, event: &Event) {
        let Control::CheckReported { check, instance, holds, detail, by } = control else { return };
        let (position, at, by) = (event.position, event.recorded, by.clone());
        let report = Report { position, at, holds: *holds, detail: detail.clone(), by };
        match (instance, holds) {
            (None, _) => {
                self.answers.insert(check.clone(), report);
            }
            (Some(instance), Some(false)) => {
                let of = self.violated.entry(check.clone()).or_default();
                of.entry(instance.clone()).or_insert(report);
            }
            (Some(instance), Some(true)) => {
                if let Some(of) = self.violated.get_mut(check) {
                    of.remove(instance);
                }
                self.violated.retain(|_, of| !of.is_empty());
            }
            // Of an instance that could not be told nothing is known that was not known before.
            (Some(_), None) => {}
        }
    }

    /// What was last said of the system as a whole.
    #[must_use]
    pub fn answer(&self, check: &str) -> Option<&Report> {
        self.answers.get(check)
    }

    /// What `check` found that does not hold and that still stands, by instance; none for the system.
    pub fn standing(&self, check: &str) -> impl Iterator<Item = (Option<&str>, &Report)> {
        let whole = self.answer(check).filter(|it| it.holds == Some(false));
        let of = self.violated.get(check).into_iter().flatten();
        let of = of.map(|(instance, report)| (Some(instance.as_str()), report));
        whole.map(|report| (None, report)).into_iter().chain(of)
    }

    /// Whether anything was found not to hold that still stands.
    #[must_use]
    pub fn any(&self) -> bool {
        let violated = |it: &Report| it.holds == Some(false);
        !self.violated.is_empty() || self.answers.values().any(violated)
    }

    /// What the log lacks of what was found, at most [`CHECK_REPORTS_MAX`] for each check; the next run finds the rest.
    /// That all is well is news where the contract asks `is_asked` for it and nobody has said so before.
    #[must_use]
    pub fn news(&self, checked: &Checked, is_asked: impl Fn(&str) -> bool) -> Vec<Control> {
        let mut news = Vec::new();
        for (&check, found) in &checked.found {
            // What could not be told changes nothing that was reported.
            let Found::Violations(violations) = found else { continue };
            let now: BTreeMap<&str, &str> = violations
                .iter()
                .map(|it| (it.instance.as_deref().unwrap_or_default(), it.detail.as_str()))
                .collect();
            let before: BTreeSet<&str> =
                self.standing(check).map(|(instance, _)| instance.unwrap_or_default()).collect();
            let report = |instance: &str, holds, detail: String| {
                let instance = (!instance.is_empty()).then(|| instance.to_owned());
                let check = check.to_owned();
                Control::CheckReported { check, instance, holds: Some(holds), detail, by: None }
            };
            let well = |instance: &str| {
                report(instance, true, format!("agrees with the log up to e{}", checked.position))
            };
            let broken = now.iter().filter(|(instance, _)| !before.contains(*instance));
            let broken =
                broken.map(|(instance, detail)| report(instance, false, (*detail).to_owned()));
            let mended = before.iter().filter(|it| !now.contains_key(*it)).map(|it| well(it));
            let is_first = now.is_empty() && self.answer(check).is_none() && is_asked(check);
            let first = is_first.then(|| well(""));
            news.extend(broken.chain(mended).chain(first).take(CHECK_REPORTS_MAX));
        }
        news
    }
}

#[cfg(test)]
mod tests;
