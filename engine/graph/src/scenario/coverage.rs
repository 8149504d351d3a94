//! Which clauses of a spec its scenarios reach: triggered, fulfilled, missed; guards entered and
//! not; assertions violated and kept again.
//!
//! In: a spec, and what each scenario reached. Out: [`Coverage`].
//! Never: counts what cannot be reached, as a violation that ends where none can.
//! Promise: clauses stand in the order of the text, blocks first. Start reading at [`Coverage`].

use homeostat_intent::Span;
use homeostat_intent::lowered::{Check, Duty, Goal, Guard, Item, Proposition, Spec};
use serde::Serialize;

use super::owed::{Gap, Ledger};
use crate::change::Change;
use crate::datum::Truth;
use crate::program::{ClauseIndex, GuardIndex, Program};

/// What the scenarios of a spec reach.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Coverage {
    /// Every duty, fallback, guard, assertion, bound and reported proposition of the contract.
    pub clauses: Vec<Covered>,
}

/// One clause, and what of it was reached.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Covered {
    /// Its slug; a guard's condition.
    pub name: String,
    /// What sort of clause.
    pub sort: Sort,
    /// What can be reached of it, and whether it was.
    pub facets: Vec<(Facet, bool)>,
    /// Where it stands.
    #[serde(skip)]
    pub span: Span,
    #[serde(skip)]
    of: Option<Of>,
}

/// The sorts of clauses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Sort {
    /// `must`, `should`, `could`.
    Duty,
    /// `fallback`.
    Fallback,
    /// `if`.
    Guard,
    /// `assert`, and the rules of entities.
    Assertion,
    /// A bound on a metric: `invariant m < 500ms`, a budget.
    Bound,
    /// An invariant that a check, a command or a person judges.
    Proposition,
}

/// What can be reached of a clause.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Facet {
    /// It is owed.
    Triggered,
    /// It is fulfilled.
    Fulfilled,
    /// Its deadline passes unmet; without a deadline, a scenario ends with its gap open.
    Missed,
    /// A guard is found true.
    Entered,
    /// A guard is found false or unknown.
    NotEntered,
    /// An assertion is violated, a bound broken, a proposition said not to hold.
    Violated,
    /// The violation ends.
    Restored,
}

/// What it is in the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Of {
    Clause(ClauseIndex),
    Guard(GuardIndex),
}

/// What one scenario reached, by the numbers of the program.
#[derive(Clone, Debug)]
pub(super) struct Reached {
    clauses: Vec<OfClause>,
    guards: Vec<OfGuard>,
}

#[derive(Clone, Copy, Debug, Default)]
struct OfClause {
    triggered: bool,
    fulfilled: bool,
    missed: bool,
    left_open: bool,
}

#[derive(Clone, Copy, Debug, Default)]
struct OfGuard {
    entered: bool,
    not_entered: bool,
}

impl Coverage {
    pub(super) fn of(spec: &Spec, program: &Program) -> Self {
        let mut coverage = Self { clauses: Vec::new() };
        let mut guards = 0;
        for block in &spec.blocks {
            coverage.items(&block.body, program, &mut guards);
        }
        for assertion in &spec.assertions {
            let mut facets = vec![Facet::Violated];
            // What an event has changed stays changed.
            if assertion.check != Check::Immutable {
                facets.push(Facet::Restored);
            }
            let of = program.clause_named(&assertion.slug);
            coverage.add_clause(&assertion.slug, Sort::Assertion, &facets, assertion.span, of);
        }
        let both = [Facet::Violated, Facet::Restored];
        for invariant in &spec.invariants {
            let sort = match invariant.says {
                Proposition::Metric { .. } => Sort::Bound,
                Proposition::Named(_) if invariant.reported_as().is_some() => Sort::Proposition,
                // What an assertion says is counted there, and what nobody says cannot be reached.
                Proposition::Named(_) => continue,
            };
            let of = program.clause_named(&invariant.slug);
            coverage.add_clause(&invariant.slug, sort, &both, invariant.span, of);
        }
        for target in &spec.targets {
            if let Goal::Budget(_) = target.goal {
                let of = program.clause_named(&target.slug);
                coverage.add_clause(&target.slug, Sort::Bound, &both, target.span, of);
            }
        }
        coverage
    }

    fn items(&mut self, items: &[Item], program: &Program, guards: &mut u32) {
        for item in items {
            match item {
                Item::Duty(duty) => {
                    let mut stage = Some((duty, Sort::Duty));
                    while let Some((duty, sort)) = stage {
                        self.duty(duty, sort, program);
                        stage = duty.fallback.as_deref().map(|next| (next, Sort::Fallback));
                    }
                }
                Item::Guard(guard) => {
                    self.guard(guard, program, guards);
                    self.items(&guard.body, program, guards);
                }
                Item::ForEach(each) => self.items(&each.body, program, guards),
            }
        }
    }

    fn duty(&mut self, duty: &Duty, sort: Sort, program: &Program) {
        let facets = [Facet::Triggered, Facet::Fulfilled, Facet::Missed];
        self.add_clause(&duty.slug, sort, &facets, duty.span, program.clause_named(&duty.slug));
    }

    /// Guards are numbered in the order of the text; one that the program lacks is passed over.
    fn guard(&mut self, guard: &Guard, program: &Program, next: &mut u32) {
        let index = GuardIndex(*next);
        let known = program.guards.get(*next as usize).is_some_and(|plan| plan.text == guard.text);
        *next += u32::from(known);
        self.clauses.push(Covered {
            name: guard.text.clone(),
            sort: Sort::Guard,
            facets: vec![(Facet::Entered, false), (Facet::NotEntered, false)],
            span: guard.span,
            of: known.then_some(Of::Guard(index)),
        });
    }

    fn add_clause(
        &mut self,
        name: &str,
        sort: Sort,
        facets: &[Facet],
        span: Span,
        of: Option<ClauseIndex>,
    ) {
        let facets = facets.iter().map(|facet| (*facet, false)).collect();
        let of = of.map(Of::Clause);
        self.clauses.push(Covered { name: name.to_owned(), sort, facets, span, of });
    }

    pub(super) fn add(&mut self, reached: &Reached) {
        for covered in &mut self.clauses {
            let Some(of) = covered.of else { continue };
            for (facet, covers) in &mut covered.facets {
                *covers |= reached.has(of, *facet);
            }
        }
    }

    /// How much there is to reach, and how much of it was reached.
    #[must_use]
    pub fn counts(&self) -> (usize, usize) {
        let all = self.clauses.iter().flat_map(|covered| &covered.facets);
        let reached = all.clone().filter(|(_, covers)| *covers).count();
        (all.count(), reached)
    }

    /// In percent, rounded down, so that 100 means all of it.
    #[must_use]
    pub fn percent(&self) -> usize {
        let (all, reached) = self.counts();
        (reached * 100).checked_div(all).unwrap_or(100)
    }
}

impl Covered {
    /// What was not reached of it.
    pub fn missing(&self) -> impl Iterator<Item = Facet> {
        self.facets.iter().filter(|(_, covers)| !covers).map(|(facet, _)| *facet)
    }
}

impl Facet {
    /// `not entered`.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Triggered => "triggered",
            Self::Fulfilled => "fulfilled",
            Self::Missed => "missed",
            Self::Entered => "entered",
            Self::NotEntered => "not entered",
            Self::Violated => "violated",
            Self::Restored => "restored",
        }
    }
}

impl Sort {
    /// `duty`.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Duty => "duty",
            Self::Fallback => "fallback",
            Self::Guard => "guard",
            Self::Assertion => "assertion",
            Self::Bound => "bound",
            Self::Proposition => "proposition",
        }
    }
}

impl Reached {
    pub(super) fn new(program: &Program) -> Self {
        Self {
            clauses: vec![OfClause::default(); program.clauses.len()],
            guards: vec![OfGuard::default(); program.guards.len()],
        }
    }

    pub(super) fn note(&mut self, changes: &[Change]) {
        for change in changes {
            if let Change::GuardDecided { guard, truth, .. } = *change {
                if let Some(guard) = self.guards.get_mut(guard.0 as usize) {
                    guard.entered |= truth == Truth::True;
                    guard.not_entered |= truth != Truth::True;
                }
                continue;
            }
            let clause = change.obligation().map(|id| id.clause.0 as usize);
            let Some(clause) = clause.and_then(|index| self.clauses.get_mut(index)) else {
                continue;
            };
            match change {
                Change::Activated { .. } => clause.triggered = true,
                Change::Fulfilled { .. } => clause.fulfilled = true,
                Change::DeadlineMissed { .. } => clause.missed = true,
                _ => {}
            }
        }
    }

    /// Takes in what a scenario leaves open at its end.
    pub(super) fn end(&mut self, ledger: &Ledger) {
        for owed in ledger.all.iter().filter(|owed| owed.gap == Gap::Open && owed.due.is_none()) {
            if let Some(clause) = self.clauses.get_mut(owed.id.clause.0 as usize) {
                clause.left_open = true;
            }
        }
    }

    fn has(&self, of: Of, facet: Facet) -> bool {
        match of {
            Of::Clause(index) => self.clauses.get(index.0 as usize).is_some_and(|it| match facet {
                Facet::Triggered | Facet::Violated => it.triggered,
                Facet::Fulfilled | Facet::Restored => it.fulfilled,
                Facet::Missed => it.missed || it.left_open,
                Facet::Entered | Facet::NotEntered => false,
            }),
            Of::Guard(index) => self.guards.get(index.0 as usize).is_some_and(|it| match facet {
                Facet::Entered => it.entered,
                Facet::NotEntered => it.not_entered,
                _ => false,
            }),
        }
    }
}
