//! What the scenarios of a spec can speak of: its clauses with what can become of each, and the
//! fields that it reads.
//!
//! In: the spec as lowered so far, all but its scenarios. Out: [`Known`].
//! Never: guesses: a fact is kept only where every obligation of the clause has it.
//! Promise: clauses stand in the order of the text. Start reading at [`Known::of`].

use std::collections::{BTreeMap, BTreeSet};

use crate::lower::Lowering;
use crate::lowered::{
    Block, Check, Checker, Duty, Expr, Goal, Item, Proposition, Role, Spec, Trigger,
};

/// See the module's opening.
#[derive(Debug, Default)]
pub(super) struct Known {
    pub(super) clauses: Vec<KnownClause>,
    /// Every field that the spec may read from an event.
    pub(super) fields: BTreeSet<String>,
}

/// One clause, as far as expectations ask about it.
#[derive(Clone, Debug, Default)]
pub(super) struct KnownClause {
    pub(super) slug: String,
    pub(super) label: Option<String>,
    pub(super) action: String,
    /// The entities of its keys, in order.
    pub(super) keys: Vec<String>,
    /// The entities that it is bound to, outside in.
    pub(super) bound: Vec<String>,
    /// The event types that it takes to be owed; none when it is not events that trigger it.
    pub(super) triggers: Vec<String>,
    pub(super) satisfied_by: Vec<String>,
    /// What can become of it.
    pub(super) can: Can,
}

/// What can become of a clause at all.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Can {
    /// It has a deadline.
    pub(super) miss: bool,
    /// Its fallback takes its place when the deadline passes.
    pub(super) lapse: bool,
    /// Something other than a new version of the spec withdraws it.
    pub(super) withdraw: bool,
    /// It can be fulfilled, or its violation can end.
    pub(super) end: bool,
    /// The graph says when it is violated; a checker outside does for the others.
    pub(super) open: bool,
}

impl Known {
    pub(super) fn of(lowering: &Lowering) -> Self {
        let spec = &lowering.spec;
        let mut known = Self::default();
        for block in &spec.blocks {
            let bound: Vec<String> = block.trigger.bound().map(str::to_owned).into_iter().collect();
            known.items(&block.body, block, &bound);
        }
        known.assertions(spec);
        known.contract(spec);
        for clause in &mut known.clauses {
            clause.label = label_of(&lowering.labels, &clause.slug);
        }
        known.fields = fields(lowering);
        known
    }

    /// The clauses that a name means: one by its slug or label, or all that call an action.
    pub(super) fn named(&self, name: &str) -> Vec<&KnownClause> {
        let one = |clause: &&KnownClause| clause.slug == name;
        let labelled = |clause: &&KnownClause| clause.label.as_deref() == Some(name);
        let called: Vec<&KnownClause> =
            self.clauses.iter().filter(|clause| clause.action == name).collect();
        let labelled = self.clauses.iter().find(labelled);
        match labelled {
            Some(clause) => vec![clause],
            None if called.is_empty() => self.clauses.iter().find(one).into_iter().collect(),
            None => called,
        }
    }

    /// Every name that an expectation may use.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.clauses.iter().flat_map(|clause| {
            let label = clause.label.as_deref();
            [Some(clause.slug.as_str()), Some(clause.action.as_str()), label].into_iter().flatten()
        })
    }

    fn items(&mut self, items: &[Item], block: &Block, bound: &[String]) {
        for item in items {
            match item {
                Item::Duty(duty) => {
                    let mut stage = Some((duty, false));
                    while let Some((duty, is_fallback)) = stage {
                        self.clauses.push(clause(duty, is_fallback, block, bound));
                        stage = duty.fallback.as_deref().map(|fallback| (fallback, true));
                    }
                }
                Item::Guard(guard) => self.items(&guard.body, block, bound),
                Item::ForEach(each) => {
                    let mut inner = bound.to_vec();
                    inner.push(each.entity.clone());
                    self.items(&each.body, block, &inner);
                }
            }
        }
    }

    fn assertions(&mut self, spec: &Spec) {
        for assertion in &spec.assertions {
            let keys: Vec<String> = assertion.over.iter().cloned().collect();
            self.clauses.push(KnownClause {
                slug: assertion.slug.clone(),
                action: assertion.slug.clone(),
                keys,
                can: Can {
                    end: !matches!(assertion.check, Check::Immutable),
                    open: true,
                    ..Can::default()
                },
                ..KnownClause::default()
            });
        }
    }

    fn contract(&mut self, spec: &Spec) {
        for invariant in &spec.invariants {
            let open = match &invariant.says {
                Proposition::Metric { .. } => true,
                // The assertion of that name is the clause.
                Proposition::Named(Checker::Assertion(_)) => continue,
                Proposition::Named(_) => invariant.reported_as().is_some(),
            };
            let can = Can { end: open, open, ..Can::default() };
            let (slug, action) = (invariant.slug.clone(), invariant.slug.clone());
            self.clauses.push(KnownClause { slug, action, can, ..KnownClause::default() });
        }
        for target in spec.targets.iter().filter(|t| matches!(t.goal, Goal::Budget(_))) {
            let can = Can { end: true, open: true, ..Can::default() };
            let (slug, action) = (target.slug.clone(), target.slug.clone());
            self.clauses.push(KnownClause { slug, action, can, ..KnownClause::default() });
        }
    }
}

fn clause(duty: &Duty, is_fallback: bool, block: &Block, bound: &[String]) -> KnownClause {
    let keys = duty.arguments.iter().filter_map(|argument| match &argument.role {
        Role::Key { entity, .. } => Some(entity.clone()),
        Role::Agree { .. } | Role::Guidance => None,
    });
    let miss = duty.within.is_some() || block.trigger.is_periodic();
    KnownClause {
        slug: duty.slug.clone(),
        label: None,
        action: duty.action.clone(),
        keys: keys.collect(),
        bound: bound.to_vec(),
        triggers: block.trigger.events().to_vec(),
        satisfied_by: duty.satisfied_by.clone(),
        can: Can {
            miss,
            lapse: miss && duty.fallback.is_some(),
            withdraw: is_fallback || matches!(block.trigger, Trigger::Held(_)),
            end: true,
            open: true,
        },
    }
}

fn label_of(labels: &BTreeMap<String, String>, slug: &str) -> Option<String> {
    labels.get(slug).cloned()
}

fn fields(lowering: &Lowering) -> BTreeSet<String> {
    let mut known = BTreeSet::new();
    for entity in lowering.names.entities.iter() {
        known.insert(entity.entity.name.clone());
        known.extend(entity.entity.attributes.iter().map(|a| a.name.clone()));
    }
    for measure in lowering.names.measures.iter() {
        known.extend(measure.measure.attributes.iter().cloned());
    }
    for argument in lowering.spec.duties().flat_map(|duty| &duty.arguments) {
        match &argument.role {
            Role::Key { fields, .. } => known.extend(fields.iter().cloned()),
            Role::Agree { field } => {
                known.insert(field.clone());
            }
            Role::Guidance => {}
        }
        if let Expr::Path(path) = &argument.value {
            known.insert(path.root.clone());
        }
    }
    known.extend(lowering.spec.metrics.iter().flat_map(|metric| metric.fields.iter().cloned()));
    // What control events carry.
    known.extend(["check", "instance", "holds", "gap", "decision"].map(str::to_owned));
    known
}
