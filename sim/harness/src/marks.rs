//! Marks: places that a healthy suite must reach now and then. A suite that never gets there tests
//! less than it seems to.
//!
//! In: [`Evidence`] of one run. Out: the names of the marks that it reached.
//! Never: judges a run; asks the engine. Promise: the same evidence reaches the same marks.
//! Start reading at [`Mark`]; the lists are in `controls`, `faults`, `moments`,
//! `standing` and `words`.

mod controls;
mod faults;
mod moments;
mod seen;
mod standing;
mod words;

use homeostat_log::{Control, Event};

use crate::oracle::Evidence;
use seen::Seen;

/// One place.
#[derive(Clone, Copy, Debug)]
pub struct Mark {
    /// Its name.
    pub name: &'static str,
    /// What has happened where it is reached.
    pub sentence: &'static str,
    sign: Sign,
}

/// What a mark is known by.
#[derive(Clone, Copy, Debug)]
enum Sign {
    /// A decision of the engine in the log.
    Control(fn(&Control) -> bool),
    /// A fault of this kind that met something.
    Fault(&'static str),
    /// A word of the language that was evaluated.
    Word(&'static str),
    /// An event of the log.
    Event(fn(&Event, &Evidence) -> bool),
    /// Anything else.
    Moment(fn(&Seen<'_>) -> bool),
}

const LISTS: [&[Mark]; 5] =
    [controls::MARKS, faults::MARKS, moments::MARKS, standing::MARKS, words::MARKS];

/// Every mark.
pub fn all() -> impl Iterator<Item = &'static Mark> {
    LISTS.into_iter().flatten()
}

/// The mark of that name.
#[must_use]
pub fn named(name: &str) -> Option<&'static Mark> {
    all().find(|mark| mark.name == name)
}

/// The names of the marks that a run reached.
#[must_use]
pub fn reached(evidence: &Evidence) -> Vec<&'static str> {
    let seen = Seen::of(evidence);
    all().filter(|mark| mark.is_reached(&seen)).map(|mark| mark.name).collect()
}

/// Everything that became so by the end of a run, as an evaluator that reads its log finds it.
pub(crate) fn changes(evidence: &Evidence) -> Vec<homeostat_graph::Change> {
    seen::changes(evidence).into_iter().map(|(_, change)| change).collect()
}

impl Mark {
    fn is_reached(&self, seen: &Seen<'_>) -> bool {
        let evidence = seen.evidence;
        match self.sign {
            Sign::Control(wanted) => evidence.controls().any(|(_, control)| wanted(control)),
            Sign::Fault(kind) => faults::met(evidence, kind),
            Sign::Word(word) => seen.words.contains(word),
            Sign::Event(wanted) => evidence.log.events.iter().any(|event| wanted(event, evidence)),
            Sign::Moment(wanted) => wanted(seen),
        }
    }
}
