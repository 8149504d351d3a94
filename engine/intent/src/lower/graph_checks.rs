//! What can be proven of the spec as a whole: endless chains, measures that nothing produces,
//! deadlines that cannot work.
//!
//! In: the lowered blocks. Out: findings S0303, S05xx.
//! Never: follows a guarded duty, since the guard may end the chain.
//! Promise: what is reported as an error happens on every run. Start at [`Lowering::check_graph`].

use std::collections::{BTreeMap, BTreeSet};

use super::Lowering;
use super::literals::bounds;
use crate::ast::Node;
use crate::codes;
use crate::diagnostic::Diagnostic;
use crate::lowered::{Duty, Item, Length, Strength};
use crate::source::Span;
use crate::tree::{SyntaxKind, SyntaxNode};

/// One duty that always follows from an event.
struct Step {
    action: String,
    /// The only event that satisfies it.
    event: String,
    bounded: bool,
    span: Span,
}

impl Lowering {
    pub(super) fn check_graph(&mut self) {
        let mut steps: BTreeMap<String, Vec<Step>> = BTreeMap::new();
        for block in &self.spec.blocks {
            for trigger in block.trigger.events() {
                let own = steps.entry(trigger.clone()).or_default();
                own.extend(block.body.iter().filter_map(step));
            }
        }
        if !self.endless(&steps) {
            self.too_long(&steps);
        }
    }

    /// A cycle of musts that no guard interrupts: each round starts the next.
    fn endless(&mut self, steps: &BTreeMap<String, Vec<Step>>) -> bool {
        let mut done = BTreeSet::new();
        let mut found: Option<Diagnostic> = None;
        for start in steps.keys() {
            // Depth first, with the trail in a list: chains can be as long as the spec.
            let mut trail: Vec<(&str, usize)> = vec![(start, 0)];
            while let Some((event, next)) = trail.last_mut() {
                let Some(step) = steps.get(*event).and_then(|own| own.get(*next)) else {
                    done.insert((*event).to_owned());
                    trail.pop();
                    continue;
                };
                *next += 1;
                let at = trail.iter().position(|(event, _)| *event == step.event);
                if let Some(at) = at {
                    let cycle: Vec<(&str, &Step)> = trail
                        .get(at..)
                        .unwrap_or_default()
                        .iter()
                        .filter_map(|(event, next)| {
                            let taken = next.checked_sub(1)?;
                            Some((*event, steps.get(*event)?.get(taken)?))
                        })
                        .collect();
                    if !cycle.iter().any(|(_, step)| step.bounded) {
                        found = found.or_else(|| Some(endless_fault(&cycle)));
                    }
                } else if steps.contains_key(&step.event) && !done.contains(&step.event) {
                    trail.push((&step.event, 0));
                }
            }
        }
        let any = found.is_some();
        self.found.extend(found);
        any
    }

    /// The longest chain of duties that only follow from one another.
    fn too_long(&mut self, steps: &BTreeMap<String, Vec<Step>>) {
        let most = usize::try_from(self.spec.limits.max_agent_depth).unwrap_or(usize::MAX);
        let mut level: BTreeSet<&str> = steps.keys().map(String::as_str).collect();
        let mut last = None;
        // A cycle with a deadline would go on; one level beyond the limit is proof enough.
        for _ in 0..=most {
            let mut next = BTreeSet::new();
            last = None;
            for step in level.iter().filter_map(|event| steps.get(*event)).flatten() {
                last = Some((step.action.clone(), step.span));
                next.insert(step.event.as_str());
            }
            level = next;
        }
        if let Some((action, span)) = last {
            self.push(
                Diagnostic::warning(
                    codes::CHAIN_TOO_LONG,
                    span,
                    format!(
                        "`{action}` lies more than {most} duties deep, so it always goes to a human"
                    ),
                )
                .help("raise `max_agent_depth`, or shorten the chain of blocks"),
            );
        }
    }

    /// A deadline that ends before a second agent may try.
    pub(super) fn check_cooldown(&mut self, node: &SyntaxNode, within: Option<Length>) {
        let Some(set) = self.set.place("cooldown_per_gap") else { return };
        let Some(within) = within else { return };
        if bounds(within).1 < bounds(self.set.limits.cooldown_per_gap).0 {
            let place = node.child(SyntaxKind::Within).map_or(self.span(node), |w| self.span(&w));
            self.push(
                Diagnostic::warning(
                    codes::UNDER_COOLDOWN,
                    place,
                    "this deadline is shorter than the cool-down, so only one agent can try in time",
                )
                .also(set, "the cool-down is set here")
                .help("lengthen the deadline or shorten `cooldown_per_gap`"),
            );
        }
    }

    /// Measures that conditions read and nothing is declared to bring.
    pub(super) fn check_measure_source(&mut self, name: &str, span: Span) {
        let Some(known) = self.names.measures.get(name) else { return };
        let Some(declared) = known.declared else { return };
        let produced = known.measure.from.iter().any(|event| {
            let event = self.names.events.get(event);
            event.is_some_and(|event| event.declared.is_some() || event.produced)
        });
        if !produced {
            let from = known.measure.from.join("`, `");
            self.push(
                Diagnostic::warning(
                    codes::NOT_PRODUCED,
                    span,
                    format!(
                        "measure `{name}` never has a value: nothing declares or produces `{from}`"
                    ),
                )
                .also(declared, "declared here")
                .help("declare the event, or an action that is satisfied by it"),
            );
        }
    }
}

fn step(item: &Item) -> Option<Step> {
    let Item::Duty(duty) = item else { return None };
    let Duty { strength: Strength::Must, satisfied_by, .. } = duty else { return None };
    // With alternatives another event may end the chain.
    let [event] = satisfied_by.as_slice() else { return None };
    Some(Step {
        action: duty.action.clone(),
        event: event.clone(),
        bounded: duty.within.is_some(),
        span: duty.span,
    })
}

fn endless_fault(cycle: &[(&str, &Step)]) -> Diagnostic {
    let events: Vec<&str> = cycle.iter().map(|(event, _)| *event).collect();
    let names = events.join("` → `");
    let first = events.first().copied().unwrap_or_default();
    let span = cycle.last().map(|(_, step)| step.span).unwrap_or_default();
    let mut fault = Diagnostic::error(
        codes::ENDLESS,
        span,
        format!("these duties never end: `{names}` → `{first}`"),
    )
    .help("put a condition around one of them, or give one a deadline");
    for (_, step) in cycle.iter().rev().skip(1) {
        fault = fault.also(step.span, format!("which owes `{}`", step.action));
    }
    fault
}
