//! What the cases have reached, so that a generator gone dull is noticed.
//!
//! In: cases and their verdicts. Out: how often each thing came up, and what did so too rarely.
//! Never: judges a verdict. Start reading at [`Coverage::rare`].

use std::collections::BTreeMap;
use std::fmt;

use homeostat_intent::lowered::{Check, Goal, Item, Spec, Trigger};
use homeostat_log::Kind;
use homeostat_log::control::GapKind;

use super::super::{Standing, Step, Verdict, Verdicts};
use super::cases::Case;
use crate::Truth;
use crate::change::Fulfilment;

/// In 2,500 cases everything comes up at least as often.
const ENOUGH: u64 = 20;

/// How often each thing has come up.
#[derive(Clone, Debug, Default)]
pub struct Coverage(BTreeMap<&'static str, u64>);

impl Coverage {
    fn note(&mut self, what: &'static str) {
        *self.0.entry(what).or_default() += 1;
    }

    /// Counts what another has seen, too.
    pub fn add(&mut self, other: &Self) {
        for (what, count) in &other.0 {
            *self.0.entry(what).or_default() += count;
        }
    }

    /// Counts what came up in a case.
    pub(super) fn count(&mut self, case: &Case, verdicts: &Verdicts) {
        for step in &case.steps {
            match step {
                Step::Resume(_) => self.note("a downtime"),
                Step::Evolve(_) => self.note("an adoption"),
                Step::Event(event) => match event.event.kind {
                    Kind::Enrichment => self.note("an enrichment"),
                    Kind::Tombstone => self.note("a tombstone"),
                    Kind::Primary | Kind::Control => {}
                },
                Step::Advance(_) => {}
            }
        }
        for ((occasion, slug), verdict) in &verdicts.obligations {
            self.name(occasion, slug, &case.spec);
            self.verdict(*verdict);
            if slug == "backfill" {
                self.note(match verdict.standing {
                    Standing::Owed => "a backfill that waits",
                    Standing::Waived => "a backfill let be",
                    Standing::Withdrawn => "a backfill without a rest",
                    _ => "a backfill let begin",
                });
            }
        }
        for decided in verdicts.guards.values() {
            self.note(match decided {
                None => "a guard undecided",
                Some(Truth::True) => "a guard true",
                Some(Truth::False) => "a guard false",
                Some(Truth::Unknown) => "a guard unknown",
            });
        }
    }

    /// What an obligation was triggered by, or what sort of violation it is.
    fn name(&mut self, occasion: &str, slug: &str, spec: &Spec) {
        if let Some(assertion) = spec.assertions.iter().find(|it| it.slug == slug) {
            return self.note(match &assertion.check {
                Check::Holds(_) if assertion.over.is_none() => "violated: the system",
                Check::Holds(_) => "violated: holds",
                Check::NoLonger { .. } => "violated: no longer",
                Check::Reported { .. } => "violated: reported",
                Check::Immutable => "violated: immutable",
                Check::NeverInFuture => "violated: never in future",
                Check::Shredded { .. } => "violated: shredded",
            });
        }
        if let Some(invariant) = spec.invariants.iter().find(|it| it.slug == slug) {
            return self.note(match invariant.reported_as() {
                Some(_) => "violated: what is checked outside",
                None => "violated: a metric's bound",
            });
        }
        if spec.targets.iter().any(|it| it.slug == slug && matches!(it.goal, Goal::Budget(_))) {
            return self.note("violated: a budget");
        }
        let rounds = occasion.matches('~').count();
        if occasion.contains('T') {
            self.note(match rounds {
                0 => "owed since a tick",
                1 => "owed since a tick, bound",
                _ => "owed since a tick, bound twice",
            });
        } else if rounds > 0 {
            let of = spec.blocks.iter().find(|block| holds(slug, &block.body));
            let held = of.is_some_and(|block| matches!(block.trigger, Trigger::Held(_)));
            self.note(match (held, rounds) {
                (true, 1) => "owed since something lasted",
                (true, _) => "owed since something lasted, in a round",
                (false, 1) => "owed in a round",
                (false, _) => "owed in a round of a round",
            });
        }
    }

    fn verdict(&mut self, verdict: Verdict) {
        self.note(match verdict.standing {
            Standing::Owed if verdict.missed => "overdue",
            Standing::Owed => "owed",
            Standing::Lapsed => "lapsed",
            Standing::Withdrawn => "withdrawn",
            Standing::Compensated => "compensated",
            Standing::Waived => "waived",
            Standing::Void => "void",
            Standing::Fulfilled(_, Fulfilment::InTime) => "fulfilled in time",
            Standing::Fulfilled(_, Fulfilment::SeenLate) => "fulfilled, seen late",
            Standing::Fulfilled(_, Fulfilment::Late) => "fulfilled late",
        });
        if let Some((kind, _)) = verdict.gap {
            self.note(match kind {
                GapKind::Reaction => "a gap of reaction",
                GapKind::Temporal => "a gap of time",
                GapKind::Consistency => "a gap of consistency",
                GapKind::Intent => "a gap of intent",
                GapKind::Quality => "a gap of quality",
            });
        }
    }

    /// What should come up and came up too rarely, with how often it did.
    #[must_use]
    pub fn rare(&self) -> Vec<String> {
        let often = |what: &&str| self.0.get(what).copied().unwrap_or(0);
        expected()
            .into_iter()
            .filter(|what| often(what) < ENOUGH)
            .map(|what| format!("{what}: {}", often(&what)))
            .collect()
    }
}

/// Everything that a generator has to reach.
fn expected() -> Vec<&'static str> {
    [&PLAIN[..], &ROUNDS, &LASTED, &TICKED, &ERASED, &ASSERTED, &BOUNDED, &EVOLVED].concat()
}

const ROUNDS: [&str; 2] = ["owed in a round", "owed in a round of a round"];
const LASTED: [&str; 2] =
    ["owed since something lasted", "owed since something lasted, in a round"];
const TICKED: [&str; 4] = [
    "a downtime",
    "owed since a tick",
    "owed since a tick, bound",
    "owed since a tick, bound twice",
];
const ERASED: [&str; 2] = ["a tombstone", "void"];
const BOUNDED: [&str; 4] = [
    "a gap of quality",
    "violated: a metric's bound",
    "violated: what is checked outside",
    "violated: a budget",
];

const PLAIN: [&str; 16] = [
    "an enrichment",
    "a guard undecided",
    "a guard true",
    "a guard false",
    "a guard unknown",
    "overdue",
    "owed",
    "lapsed",
    "withdrawn",
    "compensated",
    "waived",
    "fulfilled in time",
    "fulfilled, seen late",
    "fulfilled late",
    "a gap of reaction",
    "a gap of time",
];
const ASSERTED: [&str; 8] = [
    "a gap of consistency",
    "violated: the system",
    "violated: holds",
    "violated: no longer",
    "violated: reported",
    "violated: immutable",
    "violated: never in future",
    "violated: shredded",
];
const EVOLVED: [&str; 6] = [
    "an adoption",
    "a gap of intent",
    "a backfill that waits",
    "a backfill let be",
    "a backfill let begin",
    "a backfill without a rest",
];

fn holds(slug: &str, items: &[Item]) -> bool {
    items.iter().any(|item| match item {
        Item::Guard(guard) => holds(slug, &guard.body),
        Item::ForEach(each) => holds(slug, &each.body),
        Item::Duty(duty) => {
            let mut stages = std::iter::successors(Some(duty), |it| it.fallback.as_deref());
            stages.any(|stage| stage.slug == slug)
        }
    })
}

impl fmt::Display for Coverage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|(what, count)| writeln!(f, "{count:>9} {what}"))
    }
}
