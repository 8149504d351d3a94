//! Checks: whether what the system keeps is what its log says.
//!
//! In: the events of the log up to a position, and what the system kept there. Out: what does not agree, and which of
//! that is news to the log. Never: reads a clock or the store; changes what it checks; trusts what it checks.
//! Promise: a check is a pure fold of the log up to its position. Its result takes effect only as `check.reported` in the
//! log, and stands there only where it differs from what was reported last.
//! Start reading at [`Checker`], then [`Reports::news`].

mod log;
mod look;
mod state;

use std::collections::BTreeMap;

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

/// What the log says that does not hold: a fold of `check.reported`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reports {
    /// By check and instance; of the system as a whole under no name, since keys of JSON are texts.
    violated: BTreeMap<String, BTreeMap<String, Report>>,
}

/// One thing that was reported as not holding, and not yet as holding again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// Where that stands in the log.
    pub position: Position,
    /// What was found.
    pub detail: String,
}

impl Reports {
    /// Takes in a control event of the log.
    pub(crate) fn on_control(&mut self, control: &Control, position: Position) {
        let Control::CheckReported { check, instance, holds, detail } = control else { return };
        let instance = instance.clone().unwrap_or_default();
        let of = self.violated.entry(check.clone()).or_default();
        if *holds {
            of.remove(&instance);
        } else {
            let report = Report { position, detail: detail.clone() };
            of.entry(instance).or_insert(report);
        }
        self.violated.retain(|_, of| !of.is_empty());
    }

    /// What the log says that `check` found and that still stands, by instance.
    pub fn standing(&self, check: &str) -> impl Iterator<Item = (Option<&str>, &Report)> {
        let of = self.violated.get(check).into_iter().flatten();
        of.map(|(instance, report)| (Some(instance.as_str()).filter(|it| !it.is_empty()), report))
    }

    /// Whether anything was found that still stands.
    #[must_use]
    pub fn any(&self) -> bool {
        !self.violated.is_empty()
    }

    /// What the log lacks of what was found, at most [`CHECK_REPORTS_MAX`] for each check; the next run finds the rest.
    #[must_use]
    pub fn news(&self, checked: &Checked) -> Vec<Control> {
        let mut news = Vec::new();
        for (&check, found) in &checked.found {
            // What could not be told changes nothing that was reported.
            let Found::Violations(violations) = found else { continue };
            let now: BTreeMap<&str, &str> = violations
                .iter()
                .map(|it| (it.instance.as_deref().unwrap_or_default(), it.detail.as_str()))
                .collect();
            let before = self.violated.get(check);
            let report = |instance: &str, holds, detail: String| {
                let instance = (!instance.is_empty()).then(|| instance.to_owned());
                Control::CheckReported { check: check.to_owned(), instance, holds, detail }
            };
            let known = |instance: &str| before.is_some_and(|of| of.contains_key(instance));
            let broken = now.iter().filter(|(instance, _)| !known(instance));
            let broken =
                broken.map(|(instance, detail)| report(instance, false, (*detail).to_owned()));
            let mended =
                before.into_iter().flatten().filter(|(it, _)| !now.contains_key(it.as_str()));
            let mended = mended.map(|(instance, _)| {
                report(instance, true, format!("agrees with the log up to e{}", checked.position))
            });
            news.extend(broken.chain(mended).take(CHECK_REPORTS_MAX));
        }
        news
    }
}

#[cfg(test)]
mod tests;
