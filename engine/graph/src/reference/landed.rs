//! What of the language the incremental evaluator has, while it is being built. What it does not have
//! is taken out of a spec before the two are compared.
//!
//! In: a spec. Out: the part of it that both evaluate.
//! Never: outlives the last construct. Start reading at [`landed`].

use homeostat_intent::lowered::{Item, Spec, Trigger};

pub(super) const EACH: bool = true;
pub(super) const HELD: bool = true;
pub(super) const TICKS: bool = true;
#[cfg(any(test, feature = "agreement"))]
pub(super) const TOMBSTONES: bool = true;
pub(super) const ASSERTIONS: bool = true;
pub(super) const CONTRACT: bool = true;
/// `every day at order.customer.at`: times that are more than one attribute away.
#[cfg(any(test, feature = "agreement"))]
pub(super) const FAR_TIMES: bool = true;
#[cfg(any(test, feature = "agreement"))]
pub(super) const EVOLUTION: bool = true;

/// The part of a spec that both evaluators evaluate.
#[must_use]
pub fn landed(mut spec: Spec) -> Spec {
    spec.blocks.retain_mut(|block| {
        if !EACH {
            without_rounds(&mut block.body);
        }
        match &block.trigger {
            Trigger::Events(_) => true,
            Trigger::Held(_) => HELD,
            Trigger::Every(_) => TICKS,
        }
    });
    if !ASSERTIONS {
        spec.assertions.clear();
    }
    if !CONTRACT {
        spec.invariants.clear();
        spec.targets.clear();
    }
    spec
}

fn without_rounds(items: &mut Vec<Item>) {
    items.retain_mut(|item| match item {
        Item::Duty(_) => true,
        Item::ForEach(_) => false,
        Item::Guard(guard) => {
            without_rounds(&mut guard.body);
            true
        }
    });
}
