//! What is said of duties as a whole: whom they reach, and what they hand over.
//!
//! In: the lowered blocks. Out: findings S0603 and S0604.
//! Never: says that a duty must not be; these are warnings.
//! Promise: a duty that a condition holds back is not said to reach all. Start reading at
//! [`Lowering::check_duties`].

use super::Lowering;
use crate::codes;
use crate::diagnostic::Diagnostic;
use crate::lowered::{Duty, Expr, Item};

impl Lowering {
    pub(super) fn check_duties(&mut self) {
        let mut found = Vec::new();
        for block in &self.spec.blocks {
            self.check_items(&block.body, None, &mut found);
        }
        self.found.extend(found);
    }

    /// `all` is the entity whose every instance is reached here.
    fn check_items(&self, items: &[Item], all: Option<&str>, found: &mut Vec<Diagnostic>) {
        for item in items {
            match item {
                Item::Guard(guard) => self.check_items(&guard.body, None, found),
                Item::ForEach(each) => {
                    let all = each.condition.is_none().then_some(each.entity.as_str());
                    self.check_items(&each.body, all, found);
                }
                Item::Duty(duty) => {
                    let mut next = Some(duty);
                    while let Some(duty) = next {
                        self.check_reach(duty, all, found);
                        self.check_handed_over(duty, found);
                        next = duty.fallback.as_deref();
                    }
                }
            }
        }
    }

    fn check_reach(&self, duty: &Duty, all: Option<&str>, found: &mut Vec<Diagnostic>) {
        let Some(entity) = all.filter(|_| duty.external) else { return };
        found.push(
            Diagnostic::warning(
                codes::EXTERNAL_TO_ALL,
                duty.span,
                format!("`{}` reaches outside for every `{entity}` that there is", duty.action),
            )
            .help(format!("say which, as in `for each {entity} with …`, or put an `if` around it")),
        );
    }

    fn check_handed_over(&self, duty: &Duty, found: &mut Vec<Diagnostic>) {
        if !duty.requires.is_empty() {
            return;
        }
        let personal = duty.arguments.iter().find_map(|argument| match &argument.value {
            Expr::Path(path) => {
                let owner = self.collector(path).filter(|owner| self.personal.contains(*owner))?;
                Some((argument.text.as_str(), owner))
            }
            _ => None,
        });
        if let Some((text, owner)) = personal {
            found.push(
                Diagnostic::warning(
                    codes::UNAUTHORISED,
                    duty.span,
                    format!(
                        "`{}` hands over `{text}` of a `{owner}`, and nothing has to allow it",
                        duty.action
                    ),
                )
                .help("say what must, as in `requires: consent`"),
            );
        }
    }
}
