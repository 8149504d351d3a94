//! Marks of what stands rather than happens: conditions that last, the calendar, what must always hold,
//! instances, erasure, and what is only inferred.
//!
//! Start reading at [`MARKS`]; each predicate below answers for one of them.

use std::collections::BTreeSet;

use homeostat_graph::{Change, ObligationId, asked_at};
use homeostat_intent::lowered::{Block, Duty, Item, Strength, Trigger};
use homeostat_log::control::{GapKind, GapOutcome};
use homeostat_log::{Actor, Control, Event, Kind};
use homeostat_world::Position;

use super::seen::Seen;
use super::{Mark, Sign};
use crate::history::What;

macro_rules! standing {
    ($name:literal, $sentence:literal, $predicate:expr) => {
        Mark { name: $name, sentence: $sentence, sign: Sign::Moment($predicate) }
    };
}

pub(super) const MARKS: &[Mark] = &[
    standing!("held", "a condition lasted, and its block was entered", |seen| {
        owed_in(seen, |block| matches!(block.trigger, Trigger::Held(_)))
    }),
    standing!(
        "held-after-all-not",
        "a condition turned out not to have lasted, and what it asked for was withdrawn",
        held_after_all_not
    ),
    standing!("tick", "the calendar opened a block", |seen| {
        owed_in(seen, |block| block.trigger.is_periodic())
    }),
    standing!("tick-of-an-instance", "the calendar opened a block for an instance", |seen| {
        owed_in(seen, |block| block.trigger.is_periodic() && block.trigger.bound().is_some())
    }),
    standing!(
        "tick-on-a-skipped-night",
        "the calendar opened a block in an hour that the local clock skips",
        |seen| ticked(seen, &["2026-03-29T01:"])
    ),
    standing!(
        "tick-on-a-repeated-night",
        "the calendar opened a block in an hour that the local clock shows twice",
        |seen| ticked(seen, &["2026-04-04T15:", "2026-10-25T00:", "2026-10-25T01:"])
    ),
    standing!(
        "tick-made-up-for",
        "a tick that fell while the engine was down was made up for",
        tick_made_up_for
    ),
    standing!("for-each", "a duty was owed for each of several instances", |seen| {
        let inside: BTreeSet<&str> = duties(seen, |_| true, true).collect();
        activated(seen).any(|id| inside.contains(slug(seen, id)))
    }),
    standing!("violation", "an instance violated what must always hold", |seen| {
        violations(seen, |change| matches!(change, Change::GapOpened { .. }))
    }),
    standing!("violation-ended", "what must always hold was kept again", |seen| {
        violations(seen, |change| matches!(change, Change::Fulfilled { .. }))
    }),
    standing!("violation-again", "an instance violated the same thing a second time", |seen| {
        let mut known = BTreeSet::new();
        activated(seen).any(|id| is_invariant(seen, id) && !known.insert(id.clause.0))
    }),
    standing!("target-missed", "what was used of a budget came to more than that", |seen| {
        opened(seen, GapKind::Quality, Strength::Could)
    }),
    standing!("bound-broken", "a sample broke the bound of its metric", |seen| {
        opened(seen, GapKind::Quality, Strength::Invariant)
    }),
    standing!("past-asked-about", "a version waited for a word about the past", |seen| {
        seen.evidence.controls().any(|(_, control)| {
            matches!(control, Control::GapOpened { gap, .. } if asked_at(gap).is_some())
        })
    }),
    standing!("past-made-up-for", "what a version asked of the past was done", past_made_up_for),
    standing!(
        "back-under-another-version",
        "an engine came back after a version had taken over",
        |seen| {
            seen.evidence.takes_over_at().is_some_and(|at| {
                seen.evidence
                    .history
                    .lines
                    .iter()
                    .any(|line| matches!(&line.what, What::Opens { head, .. } if *head >= at.get()))
            })
        }
    ),
    standing!(
        "back-amid-the-past",
        "an engine came back while a version asked of the past",
        |seen| { back_amid_the_past(seen) }
    ),
    standing!("adopted-at-a-start", "whoever started the engine adopted a version by it", |seen| {
        seen.evidence.takes_over_at().is_some_and(|at| {
            seen.evidence
                .log
                .events
                .iter()
                .any(|event| event.position == at && event.event.actor == Actor::Engine)
        })
    }),
    standing!("adopted-already", "a version was refused, since it is in force", |seen| {
        seen.evidence.history.lines.iter().any(
            |line| matches!(&line.what, What::Asked { outcome, .. } if outcome.contains("in force")),
        )
    }),
    Mark {
        name: "erased",
        sentence: "an instance was erased",
        sign: Sign::Event(|event, _| event.event.kind == Kind::Tombstone),
    },
    Mark {
        name: "inferred",
        sentence: "something was inferred about an event",
        sign: Sign::Event(|event, _| event.event.kind == Kind::Enrichment),
    },
    standing!(
        "inferred-of-nothing",
        "an inference about an event that is not there was refused",
        |seen| {
            seen.evidence.history.lines.iter().any(
                |line| matches!(&line.what, What::Rejected { why, .. } if why.contains("enriches")),
            )
        }
    ),
];

fn slug<'s>(seen: &'s Seen<'_>, id: ObligationId) -> &'s str {
    &seen.evidence.setup.program.clause(id.clause).slug
}

fn activated<'s>(seen: &'s Seen<'_>) -> impl Iterator<Item = ObligationId> + 's {
    seen.changes.iter().filter_map(|(_, change)| match change {
        Change::Activated { id, .. } => Some(*id),
        _ => None,
    })
}

fn is_invariant(seen: &Seen<'_>, id: ObligationId) -> bool {
    seen.evidence.setup.program.clause(id.clause).strength == Strength::Invariant
}

/// The names of the duties in some blocks; those inside a `for each` alone, where that is wanted.
fn duties<'s>(
    seen: &'s Seen<'_>,
    wanted: impl Fn(&Block) -> bool + 's,
    each: bool,
) -> impl Iterator<Item = &'s str> + 's {
    let blocks = seen.evidence.setup.spec.blocks.iter().filter(move |block| wanted(block));
    blocks.flat_map(move |block| {
        let mut found = Vec::new();
        collect(&block.body, !each, &mut found);
        found.into_iter().map(|duty| duty.slug.as_str())
    })
}

fn collect<'s>(items: &'s [Item], takes: bool, into: &mut Vec<&'s Duty>) {
    for item in items {
        match item {
            Item::Duty(duty) if takes => into.push(duty),
            Item::Duty(_) => {}
            Item::Guard(guard) => collect(&guard.body, takes, into),
            Item::ForEach(each) => collect(&each.body, true, into),
        }
    }
}

fn owed_in(seen: &Seen<'_>, wanted: impl Fn(&Block) -> bool) -> bool {
    let inside: BTreeSet<&str> = duties(seen, wanted, false).collect();
    activated(seen).any(|id| inside.contains(slug(seen, id)))
}

fn held_after_all_not(seen: &Seen<'_>) -> bool {
    let held = |block: &Block| matches!(block.trigger, Trigger::Held(_));
    let inside: BTreeSet<&str> = duties(seen, held, false).collect();
    seen.changes.iter().any(|(_, change)| match change {
        Change::Withdrawn { id } => inside.contains(slug(seen, *id)),
        _ => false,
    })
}

/// Whether the log has a gap of a tick whose time begins so, in UTC.
fn ticked(seen: &Seen<'_>, times: &[&str]) -> bool {
    seen.evidence.controls().any(|(_, control)| {
        let Control::GapOpened { gap, .. } = control else { return false };
        let occasion = gap.split_once('@').map_or("", |(_, occasion)| occasion);
        times.iter().any(|time| occasion.starts_with(time))
    })
}

/// What became so before an event that says that the engine is back was owed for a tick of before.
fn tick_made_up_for(seen: &Seen<'_>) -> bool {
    let periodic = |block: &Block| block.trigger.is_periodic();
    let inside: BTreeSet<&str> = duties(seen, periodic, false).collect();
    let next = |at: u64| -> Option<&Event> {
        seen.evidence.log.events.get(usize::try_from(at).unwrap_or(usize::MAX))
    };
    seen.changes.iter().any(|(at, change)| match change {
        Change::Activated { id, .. } => {
            next(*at).is_some_and(Control::is_resumption) && inside.contains(slug(seen, *id))
        }
        _ => false,
    })
}

/// The gaps that a version opened about events of before it, each with where that was said.
fn of_the_past<'s>(seen: &'s Seen<'_>) -> impl Iterator<Item = (u64, &'s str)> + 's {
    let at = seen.evidence.takes_over_at().map_or(u64::MAX, Position::get);
    seen.evidence.controls().filter_map(move |(event, control)| match control {
        Control::GapOpened { gap, kind: GapKind::Intent, .. } if asked_at(gap).is_none() => {
            (event.position.get() > at).then_some((event.position.get(), gap.as_str()))
        }
        _ => None,
    })
}

fn past_made_up_for(seen: &Seen<'_>) -> bool {
    let opened: BTreeSet<&str> = of_the_past(seen).map(|(_, gap)| gap).collect();
    seen.evidence.controls().any(|(_, control)| match control {
        Control::GapClosed { gap, outcome: GapOutcome::Fulfilled | GapOutcome::Late } => {
            opened.contains(gap.as_str())
        }
        _ => false,
    })
}

fn back_amid_the_past(seen: &Seen<'_>) -> bool {
    let opened: Vec<u64> = of_the_past(seen).map(|(at, _)| at).collect();
    let (Some(first), Some(last)) = (opened.first(), opened.last()) else { return false };
    seen.evidence
        .history
        .lines
        .iter()
        .any(|line| matches!(&line.what, What::Opens { head, .. } if head >= first && head < last))
}

fn violations(seen: &Seen<'_>, wanted: impl Fn(&Change) -> bool) -> bool {
    seen.changes.iter().any(|(_, change)| {
        wanted(change) && change.obligation().is_some_and(|id| is_invariant(seen, id))
    })
}

fn opened(seen: &Seen<'_>, wanted: GapKind, strength: Strength) -> bool {
    seen.changes.iter().any(|(_, change)| match change {
        Change::GapOpened { id, kind, .. } => {
            *kind == wanted && seen.evidence.setup.program.clause(id.clause).strength == strength
        }
        _ => false,
    })
}
