//! Mutants of blocks: clauses, fallbacks and guards dropped, deadlines and alternatives changed.
//!
//! In: blocks. Out: at most one change, by way of the hand.
//! Never: changes what a duty is called or whom it is about.
//! Promise: a guard is taken away both with its body and without.

use homeostat_intent::lowered::{Block, Condition, Duty, Guard, Item, Trigger};

use super::{Hand, Site};

impl Hand {
    pub(super) fn block(&mut self, block: &mut Block) {
        self.idle = (!owes(&block.body)).then_some("nothing is owed inside the block");
        let site = |clause: &str| Site { clause: clause.to_owned(), span: Some(block.span) };
        match &mut block.trigger {
            Trigger::Events(names) => {
                let site = site(&format!("when {}", names.join(" | ")));
                self.alternatives(names, "trigger", &site);
            }
            Trigger::Held(held) => {
                let site = site(&format!("when {}", held.text));
                self.length(&mut held.lasting, "held for", &site);
                self.condition(&mut held.condition, &site, true);
            }
            Trigger::Every(schedule) => {
                let site = site(&schedule.text);
                self.schedule(schedule, &site);
            }
        }
        self.body(&mut block.body);
        self.idle = None;
    }

    fn body(&mut self, items: &mut Vec<Item>) {
        for index in 0..items.len() {
            self.whole(items, index);
            if self.done() {
                return;
            }
            match items.get_mut(index) {
                Some(Item::Duty(duty)) => self.duty(duty),
                Some(Item::Guard(guard)) => self.guard(guard),
                Some(Item::ForEach(each)) => {
                    let site = Site { clause: each.text.clone(), span: Some(each.span) };
                    if let Some(condition) = &mut each.condition {
                        self.condition(condition, &site, true);
                    }
                    if !self.done() && each.condition.is_some() && self.takes() {
                        each.condition = None;
                        self.make(&site, "widened to every instance");
                    }
                    self.body(&mut each.body);
                }
                None => {}
            }
        }
    }

    /// Drops an item, or a guard around its body.
    fn whole(&mut self, items: &mut Vec<Item>, index: usize) {
        match items.get(index) {
            Some(Item::Duty(duty)) => {
                let site = Site { clause: duty.slug.clone(), span: Some(duty.span) };
                if self.takes() {
                    items.remove(index);
                    self.make(&site, "dropped");
                }
            }
            Some(Item::Guard(guard)) => {
                let site = guard_site(guard);
                let body = guard.body.clone();
                let before = self.idle;
                if !owes(&body) {
                    self.idle = Some("nothing is owed inside the guard");
                }
                if self.takes() {
                    items.remove(index);
                    self.make(&site, "dropped with what is inside");
                } else if self.takes() {
                    items.splice(index..=index, body);
                    self.make(&site, "dropped, what is inside kept");
                }
                self.idle = before;
            }
            Some(Item::ForEach(each)) => {
                let site = Site { clause: each.text.clone(), span: Some(each.span) };
                if self.takes() {
                    items.remove(index);
                    self.make(&site, "dropped with what is inside");
                }
            }
            None => {}
        }
    }

    fn guard(&mut self, guard: &mut Guard) {
        let before = self.idle;
        if !owes(&guard.body) {
            self.idle = Some("nothing is owed inside the guard");
        }
        let site = guard_site(guard);
        // A comparison turned round is the same as its guard negated.
        let compares = matches!(guard.condition, Condition::Compare { .. });
        if !compares && self.takes() {
            let condition = std::mem::replace(&mut guard.condition, Condition::And(Vec::new()));
            guard.condition = Condition::Not(Box::new(condition));
            self.make(&site, "negated");
        } else {
            self.condition(&mut guard.condition, &site, true);
        }
        self.idle = before;
        if !self.done() {
            self.body(&mut guard.body);
        }
    }

    fn duty(&mut self, duty: &mut Duty) {
        let site = Site { clause: duty.slug.clone(), span: Some(duty.span) };
        if let Some(within) = &mut duty.within {
            self.length(within, "deadline", &site);
        }
        if duty.each && self.takes() {
            duty.each = false;
            self.make(&site, "`each` dropped");
        }
        for index in 0..duty.requires.len() {
            if self.takes() {
                let requirement = duty.requires.remove(index);
                return self.make(&site, format!("`requires: {}` dropped", requirement.name));
            }
        }
        if duty.using_inferred && self.takes() {
            duty.using_inferred = false;
            self.make(&site, "`using inferred` dropped");
        }
        self.alternatives(&mut duty.satisfied_by, "satisfier", &site);
        if self.done() {
            return;
        }
        if let Some(fallback) = &duty.fallback
            && self.takes()
        {
            let change = format!("fallback `{}` dropped", fallback.slug);
            duty.fallback = None;
            return self.make(&site, change);
        }
        if let Some(fallback) = &mut duty.fallback {
            self.duty(fallback);
        }
    }
}

fn guard_site(guard: &Guard) -> Site {
    Site { clause: format!("if {}", guard.text), span: Some(guard.span) }
}

/// Whether anything inside is owed.
fn owes(items: &[Item]) -> bool {
    items.iter().any(|item| match item {
        Item::Duty(_) => true,
        Item::Guard(guard) => owes(&guard.body),
        Item::ForEach(each) => owes(&each.body),
    })
}
