//! What the contract says, who has to be asked about it, and what they answered.
//!
//! In: the state of the machine, and findings of those who look at what the engine cannot see. Out: every line of the
//! contract with what was last said of it; whether a finding may stand in the log, and whether it is news.
//! Never: takes the word of somebody about what others judge: the engine's own checks and the assertions are nobody
//! else's to answer.
//! Promise: a finding has an author, and counts only from the position on at which the log has it.
//! Start reading at [`Machine::contract`], then [`Machine::take_finding`].

use std::collections::BTreeSet;

use homeostat_graph::{Judge, Standing};
use homeostat_intent::lowered::{BUILT_INS, Checker};
use homeostat_log::{Control, LogError, Reader};
use homeostat_world::{Position, Store};
use serde::Serialize;

use crate::check::{Report, Reports};
use crate::handle::AppendError;
use crate::machine::Machine;

/// One line of the contract, and what was last said of it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Proposition {
    /// How it stands.
    #[serde(flatten)]
    pub standing: Standing,
    /// What whoever checks it outside of the evaluator has said last.
    pub report: Option<Report>,
}

/// What somebody outside of the engine found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What they looked at: a proposition of the contract, or what an assertion asks a checker.
    pub check: String,
    /// Of which instance, as `page/p1`; none for the system as a whole.
    pub instance: Option<String>,
    /// Whether it holds; none when they could not tell.
    pub holds: Option<bool>,
    /// What they found, readable.
    pub detail: String,
    /// Who they are.
    pub by: String,
}

/// What became of a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Reported {
    /// Where the log says so.
    pub position: Position,
    /// Whether it does so since now.
    pub is_news: bool,
}

/// Why a finding is not taken. Nothing was written then.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// The spec asks nobody about it.
    #[error("the spec asks nobody about `{check}`; expected {}", listed(.known))]
    Unknown {
        /// What was named.
        check: String,
        /// What it does ask somebody about.
        known: Vec<String>,
    },
    /// The engine looks itself.
    #[error(
        "`{0}` is the engine's own check, nobody else answers for it; `homeostat contract` shows how it stands"
    )]
    Own(String),
    /// An assertion says so.
    #[error("`{0}` is what the assertion of that name says, nobody else answers for it")]
    Assertion(String),
    /// There is no such instance.
    #[error("there is no instance `{0}`; expected `entity/name` of one that events have told of")]
    NoInstance(String),
    /// Of an instance it has to be told.
    #[error("of `{0}` it has to be told whether it holds; expected true or false")]
    Untold(String),
    /// Its event cannot be made.
    #[error("the finding has no form in the log")]
    Unwritable,
    /// It could not be written down.
    #[error(transparent)]
    Append(#[from] AppendError),
}

fn listed(names: &[String]) -> String {
    match names {
        [] => "nothing, it names neither a command nor a person for any proposition".to_owned(),
        names => names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", "),
    }
}

impl From<Finding> for Control {
    fn from(finding: Finding) -> Self {
        let Finding { check, instance, holds, detail, by } = finding;
        Self::CheckReported { check, instance, holds, detail, by: Some(by) }
    }
}

/// By which name the log says what somebody outside of the evaluator found.
fn reported_as<'s>(name: &'s str, judge: &'s Judge) -> Option<&'s str> {
    match judge {
        Judge::Outside(_, checker) => checker.reported_as(name),
        _ => None,
    }
}

/// Each line with what `log` last says of it: of a log that no engine has open.
///
/// # Errors
/// When the log cannot be read.
pub fn propositions<S: Store>(
    log: &Reader<S>,
    contract: Vec<Standing>,
) -> Result<Vec<Proposition>, LogError> {
    let said = |standing: Standing| {
        let check = reported_as(&standing.name, &standing.judge);
        let report = check.map(|check| last_report(log, check)).transpose()?.flatten();
        Ok(Proposition { standing, report })
    };
    contract.into_iter().map(said).collect()
}

/// What `log` last says that a check found of the system as a whole. Reads few events: one for each change of
/// the answer.
///
/// # Errors
/// When the log cannot be read.
pub(crate) fn last_report<S: Store>(
    log: &Reader<S>,
    check: &str,
) -> Result<Option<Report>, LogError> {
    let mut reports = Reports::default();
    for event in log.by_subject(&format!("check/{check}"), Position::new(1)) {
        let event = event?;
        if let Some(Ok(control)) = Control::from_event(&event) {
            reports.on_control(&control, &event);
        }
    }
    Ok(reports.answer(check).cloned())
}

impl Machine {
    /// Everything that the contract says, in the order of the text.
    #[must_use]
    pub fn contract(&self) -> Vec<Proposition> {
        let said = |standing: Standing| {
            let check = reported_as(&standing.name, &standing.judge);
            let report = check.and_then(|check| self.reports().answer(check)).cloned();
            Proposition { standing, report }
        };
        self.graph.contract().into_iter().map(said).collect()
    }

    /// Every check whose answer the contract hangs on.
    pub(crate) fn asked(&self) -> BTreeSet<String> {
        let program = self.program();
        let checks = program.propositions().filter_map(|(name, judge)| reported_as(name, judge));
        checks.map(str::to_owned).collect()
    }

    /// Whether the contract hangs on what one of these checkers could tell, and has not.
    pub(crate) fn lacks_answers(&self, of: impl Fn(&Checker) -> bool) -> bool {
        self.program().propositions().any(|(name, judge)| match judge {
            Judge::Outside(_, checker) if of(checker) => {
                let check = checker.reported_as(name);
                check.is_some_and(|check| self.reports().answer(check).is_none())
            }
            _ => false,
        })
    }

    /// Whether the log already says what was found: then, where. None: it is to be written down.
    ///
    /// # Errors
    /// Why it is not for them to say.
    pub(crate) fn take_finding(
        &mut self,
        finding: &Finding,
    ) -> Result<Option<Position>, ReportError> {
        match &finding.instance {
            Some(instance) => self.of_an_instance(finding, instance),
            None => self.of_the_system(finding),
        }
    }

    fn of_the_system(&self, finding: &Finding) -> Result<Option<Position>, ReportError> {
        let (program, check) = (self.program(), &finding.check);
        let judge = program.propositions().find(|(name, _)| name == check).map(|(_, judge)| judge);
        match judge {
            // A person's word is theirs each time, whatever was said before.
            Some(Judge::Outside(_, Checker::Review)) => Ok(None),
            Some(Judge::Outside(_, Checker::Command(_))) => {
                let last = self.reports().answer(check).filter(|it| it.holds == finding.holds);
                Ok(last.map(|it| it.position))
            }
            Some(Judge::Outside(..)) => Err(ReportError::Own(check.clone())),
            Some(Judge::Assertion(_)) => Err(ReportError::Assertion(check.clone())),
            _ if BUILT_INS.contains(&check.as_str()) => Err(ReportError::Own(check.clone())),
            _ => Err(self.unknown(check)),
        }
    }

    fn of_an_instance(
        &mut self,
        finding: &Finding,
        instance: &str,
    ) -> Result<Option<Position>, ReportError> {
        let (check, no_instance) =
            (&finding.check, || ReportError::NoInstance(instance.to_owned()));
        let (entity, name) = instance.split_once('/').ok_or_else(no_instance)?;
        if !self.program().asks_about(check, entity) {
            return Err(self.unknown(check));
        }
        if !self.graph.knows(entity, name) {
            return Err(no_instance());
        }
        let holds = finding.holds.ok_or_else(|| ReportError::Untold(instance.to_owned()))?;
        let violated = self.reports().standing(check).find(|(it, _)| *it == Some(instance));
        Ok(match (holds, violated) {
            (false, Some((_, known))) => Some(known.position),
            // Whatever is not known to be violated holds.
            (true, None) => Some(self.applied()),
            _ => None,
        })
    }

    fn unknown(&self, check: &str) -> ReportError {
        let program = self.program();
        let asked = program.propositions().filter_map(|(name, judge)| match judge {
            Judge::Outside(_, checker) if checker.is_asked() => Some(name.to_owned()),
            _ => None,
        });
        let known: BTreeSet<String> = asked.chain(program.asked_about()).collect();
        ReportError::Unknown { check: check.to_owned(), known: known.into_iter().collect() }
    }
}
