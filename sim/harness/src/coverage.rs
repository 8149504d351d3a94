//! What became of each clause of a spec in a run: how often it was triggered, met and missed.
//!
//! In: [`Evidence`]. Out: [`Coverage`], a line for each duty, guard, `for each`, assertion, bound and
//! proposition that somebody is asked about.
//! Never: asks the engine that ran; an evaluator of its own reads the log again. Leaves out what
//! cannot be reached without saying why.
//! Promise: clauses stand in the order of the text, blocks first, then what must always hold.
//! Start reading at [`Coverage::of`].

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use homeostat_graph::{Change, ClauseIndex, Fulfilment, Truth};
use homeostat_intent::lowered::{BUILT_INS, Check, Checker, Duty, Goal, Item, Proposition};

use crate::marks;
use crate::oracle::Evidence;

/// What became of the clauses of a spec.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Coverage {
    /// Each clause.
    pub rows: Vec<Row>,
}

/// What became of one clause.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// `duty`, `fallback`, `guard`, `assertion`, `bound`, `proposition`.
    pub sort: &'static str,
    /// Its slug; a guard's condition.
    pub name: String,
    /// What can become of it.
    pub facets: Vec<Facet>,
}

/// One thing that can become of a clause.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facet {
    /// `triggered`, `met`, `missed` and their like.
    pub word: &'static str,
    /// How often it did.
    pub count: u64,
    /// What the word means here, or why it cannot become of this clause.
    pub note: Option<&'static str>,
    /// Whether it can.
    pub possible: bool,
}

/// How often what happened to one clause.
#[derive(Clone, Copy, Debug, Default)]
struct Counts {
    triggered: u64,
    in_time: u64,
    fulfilled: u64,
    missed: u64,
    left_open: u64,
}

/// What a log says, by the numbers of the program.
#[derive(Debug, Default)]
struct Tally {
    clauses: BTreeMap<u32, Counts>,
    /// How often each guard was entered, and how often not.
    guards: BTreeMap<u32, (u64, u64)>,
}

const UNDONE: &str = "no deadline: left undone at the end";
const NEXT_TICK: &str = "due at the next tick";
const STAYS: &str = "what an event has changed stays changed, until it is waived or erased";
const SOUND: &str =
    "the engine's own check: an engine that keeps what it promises never violates it";
const NO_CHECKER: &str = "nobody reports it: a checker of that name is not built";

impl Coverage {
    /// What became of the clauses of the spec of a run.
    #[must_use]
    pub fn of(evidence: &Evidence) -> Self {
        let tally = Tally::of(evidence);
        let spec = &evidence.setup.spec;
        let mut coverage = Self { rows: Vec::new() };
        let mut guards = 0;
        for block in &spec.blocks {
            let periodic = block.trigger.is_periodic();
            coverage.items(&block.body, evidence, &tally, periodic, &mut guards);
        }
        for assertion in &spec.assertions {
            let counts = tally.of_clause(evidence, &assertion.slug);
            let mut facets = violation(counts);
            if let Check::Reported { checker } = &assertion.check
                && !BUILT_INS.contains(&checker.as_str())
            {
                facets.iter_mut().for_each(|facet| facet.is_impossible(NO_CHECKER));
            }
            if let (Check::Immutable, Some(restored)) = (&assertion.check, facets.get_mut(1)) {
                restored.is_impossible(STAYS);
            }
            coverage.add("assertion", &assertion.slug, facets);
        }
        for invariant in &spec.invariants {
            let slug = &invariant.slug;
            let mut facets = violation(tally.of_clause(evidence, slug));
            match &invariant.says {
                Proposition::Metric { .. } => coverage.add("bound", slug, facets),
                Proposition::Named(Checker::BuiltIn(_)) => {
                    facets.iter_mut().for_each(|facet| facet.is_impossible(SOUND));
                    coverage.add("proposition", slug, facets);
                }
                Proposition::Named(Checker::Command(_) | Checker::Review) => {
                    coverage.add("proposition", slug, facets);
                }
                // What an assertion says is counted there; what nobody says cannot be reached.
                Proposition::Named(Checker::Assertion(_) | Checker::Unbound) => {}
            }
        }
        let budgets = spec.targets.iter().filter(|it| matches!(it.goal, Goal::Budget(_)));
        for slug in budgets.map(|it| &it.slug) {
            coverage.add("bound", slug, violation(tally.of_clause(evidence, slug)));
        }
        coverage
    }

    fn items(
        &mut self,
        items: &[Item],
        evidence: &Evidence,
        tally: &Tally,
        periodic: bool,
        guards: &mut u32,
    ) {
        for item in items {
            match item {
                Item::Duty(duty) => {
                    let (mut next, mut sort) = (Some(duty), "duty");
                    while let Some(duty) = next {
                        let counts = tally.of_clause(evidence, &duty.slug);
                        let ticks = periodic && sort == "duty";
                        self.add(sort, &duty.slug, fate(duty, counts, ticks));
                        (next, sort) = (duty.fallback.as_deref(), "fallback");
                    }
                }
                Item::Guard(guard) => {
                    let (entered, passed) = tally.guards.get(guards).copied().unwrap_or_default();
                    *guards += 1;
                    let facets =
                        vec![Facet::new("entered", entered), Facet::new("not entered", passed)];
                    self.add("guard", &guard.text, facets);
                    self.items(&guard.body, evidence, tally, periodic, guards);
                }
                Item::ForEach(each) => {
                    self.items(&each.body, evidence, tally, periodic, guards);
                }
            }
        }
    }

    fn add(&mut self, sort: &'static str, name: &str, facets: Vec<Facet>) {
        self.rows.push(Row { sort, name: name.to_owned(), facets });
    }

    /// What never became of a clause, though it could: the clause and the word.
    pub fn missing(&self) -> impl Iterator<Item = (&str, &'static str)> {
        self.rows.iter().flat_map(|row| {
            let never = row.facets.iter().filter(|facet| facet.possible && facet.count == 0);
            never.map(|facet| (row.name.as_str(), facet.word))
        })
    }

    /// How much can be reached, and how much of it was.
    #[must_use]
    pub fn counts(&self) -> (usize, usize) {
        let facets = self.rows.iter().flat_map(|row| &row.facets);
        let possible = facets.filter(|facet| facet.possible).count();
        (possible, possible - self.missing().count())
    }

    /// In percent, rounded down, so that 100 means all of it.
    #[must_use]
    pub fn percent(&self) -> usize {
        let (possible, reached) = self.counts();
        (reached * 100).checked_div(possible).unwrap_or(100)
    }
}

impl fmt::Display for Coverage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for row in &self.rows {
            writeln!(f, "{:<10} {}", row.sort, row.name)?;
            for facet in &row.facets {
                let note = facet.note.map_or_else(String::new, |note| format!("  ({note})"));
                let count = if facet.possible { facet.count.to_string() } else { "-".to_owned() };
                writeln!(f, "{:>10} {}{note}", count, facet.word)?;
            }
        }
        let (possible, reached) = self.counts();
        let never = self.rows.iter().flat_map(|row| &row.facets).filter(|it| !it.possible).count();
        writeln!(
            f,
            "coverage: {reached} of {possible} ({}%), {never} that cannot be",
            self.percent()
        )
    }
}

impl Facet {
    const fn new(word: &'static str, count: u64) -> Self {
        Self { word, count, note: None, possible: true }
    }

    const fn is_impossible(&mut self, why: &'static str) {
        self.note = Some(why);
        self.possible = false;
    }
}

/// What can become of a duty.
fn fate(duty: &Duty, counts: Counts, ticks: bool) -> Vec<Facet> {
    let mut missed = Facet::new("missed", counts.missed);
    match (duty.within, ticks) {
        (Some(_), _) => {}
        (None, true) => missed.note = Some(NEXT_TICK),
        (None, false) => {
            missed = Facet { count: counts.left_open, note: Some(UNDONE), ..missed };
        }
    }
    vec![Facet::new("triggered", counts.triggered), Facet::new("met", counts.in_time), missed]
}

/// What can become of what must always hold.
fn violation(counts: Counts) -> Vec<Facet> {
    vec![Facet::new("violated", counts.triggered), Facet::new("kept again", counts.fulfilled)]
}

impl Tally {
    fn of(evidence: &Evidence) -> Self {
        let mut tally = Self::default();
        let mut open = BTreeSet::new();
        for change in marks::changes(evidence) {
            tally.note(&change);
            match change {
                Change::GapOpened { id, .. } => {
                    open.insert((id.trigger, id.clause.0));
                }
                Change::GapClosed { id, .. } => {
                    open.remove(&(id.trigger, id.clause.0));
                }
                _ => {}
            }
        }
        for (_, clause) in open {
            tally.clauses.entry(clause).or_default().left_open += 1;
        }
        tally
    }

    fn note(&mut self, change: &Change) {
        if let Change::GuardDecided { guard, truth, .. } = change {
            let (entered, passed) = self.guards.entry(guard.0).or_default();
            *(if *truth == Truth::True { entered } else { passed }) += 1;
        }
        let Some(id) = change.obligation() else { return };
        let counts = self.clauses.entry(id.clause.0).or_default();
        match change {
            Change::Activated { .. } => counts.triggered += 1,
            Change::DeadlineMissed { .. } => counts.missed += 1,
            Change::Fulfilled { outcome, .. } => {
                counts.fulfilled += 1;
                counts.in_time += u64::from(*outcome != Fulfilment::Late);
            }
            _ => {}
        }
    }

    fn of_clause(&self, evidence: &Evidence, slug: &str) -> Counts {
        let clause = evidence.setup.program.clause_named(slug);
        let counts = clause.and_then(|ClauseIndex(number)| self.clauses.get(&number));
        counts.copied().unwrap_or_default()
    }
}
