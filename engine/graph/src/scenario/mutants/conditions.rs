//! Mutants of conditions: comparisons and crossings turned round, levels moved, parts dropped.
//!
//! In: conditions. Out: at most one change, by way of the hand.
//! Never: changes what is read.
//! Promise: a comparison is turned round as a whole and moved by its edge, so that `<` becomes
//! both `>=` and `<=`.

use homeostat_intent::Span;
use homeostat_intent::lowered::{Comparison, Condition, Direction, Expr, Item, Literal, Spec};

use super::{Hand, Site};

impl Hand {
    /// `whole` says that the condition is all of what is tested, which is negated elsewhere.
    pub(super) fn condition(&mut self, condition: &mut Condition, site: &Site, whole: bool) {
        if self.done() {
            return;
        }
        match condition {
            Condition::And(_) | Condition::Or(_) => self.parts(condition, site),
            Condition::Not(part) => {
                if self.takes() {
                    let part = std::mem::replace(&mut **part, Condition::And(Vec::new()));
                    *condition = part;
                    self.make(site, "`NOT` dropped");
                } else {
                    self.condition(part, site, false);
                }
            }
            Condition::Compare { left, op, right, text } => {
                self.comparison(left, op, right, text, site);
            }
            Condition::Crosses { level, threshold, direction, text, .. } => {
                if self.takes() {
                    let (now, word) = match direction {
                        Direction::Falling => (Direction::Rising, "rising"),
                        Direction::Rising => (Direction::Falling, "falling"),
                    };
                    *direction = now;
                    self.make(site, format!("`{text}` turned round to {word}"));
                } else if threshold.is_none()
                    && let Some(moved) = self.shifted(*level, "level", site)
                {
                    *level = moved;
                }
            }
            Condition::Holds { text, .. } | Condition::Exists { text, .. } => {
                if !whole && self.takes() {
                    let change = format!("`{text}` turned round");
                    let part = std::mem::replace(condition, Condition::And(Vec::new()));
                    *condition = Condition::Not(Box::new(part));
                    self.make(site, change);
                }
            }
        }
    }

    fn parts(&mut self, condition: &mut Condition, site: &Site) {
        let is_and = matches!(condition, Condition::And(_));
        if self.takes() {
            let (Condition::And(parts) | Condition::Or(parts)) = condition else { return };
            let parts = std::mem::take(parts);
            *condition = if is_and { Condition::Or(parts) } else { Condition::And(parts) };
            let change = if is_and { "`AND` turned into `OR`" } else { "`OR` turned into `AND`" };
            return self.make(site, change);
        }
        let (Condition::And(parts) | Condition::Or(parts)) = condition else { return };
        for index in 0..parts.len() {
            if parts.len() > 1 && self.takes() {
                let part = parts.remove(index);
                return self.make(site, format!("part `{}` dropped", text_of(&part)));
            }
        }
        for part in parts {
            self.condition(part, site, false);
        }
    }

    fn comparison(
        &mut self,
        left: &mut Expr,
        op: &mut Comparison,
        right: &mut Expr,
        text: &str,
        site: &Site,
    ) {
        let turned = [Some(op.negated()), at_the_edge(*op)];
        for now in turned.into_iter().flatten() {
            if self.takes() {
                self.make(site, format!("`{text}`: `{}` turned into `{}`", sign(*op), sign(now)));
                *op = now;
            }
        }
        // Of an amount that is compared in order; a number that is one name of several is none.
        let ordered = !matches!(op, Comparison::Equal | Comparison::NotEqual);
        for side in [left, right] {
            if let Expr::Literal(Literal::Number(number)) = side
                && ordered
                && let Some(moved) = self.shifted(*number, &format!("in `{text}`, bound"), site)
            {
                *number = moved;
            } else if let Expr::Literal(Literal::Length(length)) = side
                && ordered
            {
                self.length(length, &format!("in `{text}`, bound"), site);
            }
        }
    }

    /// Every threshold, wherever it is read.
    pub(super) fn thresholds(&mut self, spec: &mut Spec) {
        for index in 0..spec.thresholds.len() {
            let Some(threshold) = spec.thresholds.get(index) else { return };
            let name = threshold.name.clone();
            let site = Site { clause: format!("threshold {name}"), span: first_use(spec, &name) };
            let what = "level";
            let value = threshold.value;
            let Some(moved) = self.shifted(value, what, &site) else { continue };
            if let Some(threshold) = spec.thresholds.get_mut(index) {
                threshold.value = moved;
            }
            for condition in conditions(spec) {
                set_level(condition, &name, moved);
            }
        }
    }
}

/// The same comparison with its edge on the other side.
pub(super) fn at_the_edge(op: Comparison) -> Option<Comparison> {
    match op {
        Comparison::Equal | Comparison::NotEqual => None,
        Comparison::Less => Some(Comparison::LessOrEqual),
        Comparison::LessOrEqual => Some(Comparison::Less),
        Comparison::Greater => Some(Comparison::GreaterOrEqual),
        Comparison::GreaterOrEqual => Some(Comparison::Greater),
    }
}

pub(super) fn sign(op: Comparison) -> &'static str {
    match op {
        Comparison::Equal => "=",
        Comparison::NotEqual => "!=",
        Comparison::Less => "<",
        Comparison::LessOrEqual => "<=",
        Comparison::Greater => ">",
        Comparison::GreaterOrEqual => ">=",
    }
}

fn text_of(condition: &Condition) -> String {
    match condition {
        Condition::And(parts) => parts.iter().map(text_of).collect::<Vec<_>>().join(" AND "),
        Condition::Or(parts) => parts.iter().map(text_of).collect::<Vec<_>>().join(" OR "),
        Condition::Not(part) => format!("NOT {}", text_of(part)),
        Condition::Compare { text, .. }
        | Condition::Crosses { text, .. }
        | Condition::Holds { text, .. }
        | Condition::Exists { text, .. } => text.clone(),
    }
}

/// Every condition of the spec's blocks.
fn conditions(spec: &mut Spec) -> Vec<&mut Condition> {
    fn inside<'c>(items: &'c mut [Item], found: &mut Vec<&'c mut Condition>) {
        for item in items {
            match item {
                Item::Duty(_) => {}
                Item::Guard(guard) => {
                    found.push(&mut guard.condition);
                    inside(&mut guard.body, found);
                }
                Item::ForEach(each) => {
                    found.extend(&mut each.condition);
                    inside(&mut each.body, found);
                }
            }
        }
    }
    let mut found = Vec::new();
    for block in &mut spec.blocks {
        inside(&mut block.body, &mut found);
    }
    found
}

fn set_level(condition: &mut Condition, name: &str, value: f64) {
    match condition {
        Condition::And(parts) | Condition::Or(parts) => {
            for part in parts {
                set_level(part, name, value);
            }
        }
        Condition::Not(part) => set_level(part, name, value),
        Condition::Crosses { level, threshold, .. } if threshold.as_deref() == Some(name) => {
            *level = value;
        }
        _ => {}
    }
}

/// The guard that first reads a threshold: a threshold itself has no place in the lowered spec.
fn first_use(spec: &Spec, name: &str) -> Option<Span> {
    fn inside(items: &[Item], name: &str) -> Option<Span> {
        items.iter().find_map(|item| match item {
            Item::Duty(_) => None,
            Item::Guard(guard) if guard.text.contains(name) => Some(guard.span),
            Item::Guard(guard) => inside(&guard.body, name),
            Item::ForEach(each) if each.text.contains(name) => Some(each.span),
            Item::ForEach(each) => inside(&each.body, name),
        })
    }
    spec.blocks.iter().find_map(|block| inside(&block.body, name))
}
