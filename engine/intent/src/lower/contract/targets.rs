//! `optimise …`: budgets, what is to be small or large, levels.
//!
//! In: `optimise` items. Out: [`Target`]s; a budget of the cost becomes the breaker's too.
//! Never: overrides a budget that the breakers have of their own.
//! Promise: a target without a way to judge it is an error. Start reading at [`Lowering::target`].

use crate::ast::{self, Call, Node, view};
use crate::codes;
use crate::diagnostic::Diagnostic;
use crate::lower::Lowering;
use crate::lower::literals::Written;
use crate::lowered::{Budget, Goal, Target};
use crate::tree::{SyntaxKind, SyntaxNode};

impl Lowering {
    pub(super) fn target(&mut self, item: &SyntaxNode) {
        let Some(name) = item.word(1) else { return };
        let (metric, place) = (name.text().to_owned(), self.at(&name));
        let span = self.span(item);
        let goal = match (item.child(SyntaxKind::Bound), item.word(2)) {
            (Some(bound), _) => self.budget_of(&bound).map(Goal::Budget),
            (None, Some(word)) => Some(match word.text() {
                "minimise" | "minimize" => Goal::Minimise,
                "maximise" | "maximize" => Goal::Maximise,
                level => Goal::Level(level.to_owned()),
            }),
            (None, None) => {
                self.push(
                    Diagnostic::error(
                        codes::WRONG_KIND,
                        span,
                        format!("nothing says what is best for `{metric}`"),
                    )
                    .help("write `minimise`, `maximise`, a level, or `within budget($200/month)`"),
                );
                None
            }
        };
        let Some(goal) = goal else { return };
        // A level is judged by a person or a checker; all else is sampled.
        if !matches!(goal, Goal::Level(_)) {
            self.metric_used(&metric, place);
        }
        if let Goal::Budget(budget) = &goal
            && metric == "cost"
        {
            self.set.limits.total_compute_budget.get_or_insert(*budget);
        }
        let text = item.flat();
        let said = text.split_once(' ').map_or(text.as_str(), |(_, said)| said);
        let id = self.slugs.clause(&["optimise", &ast::normalised(item)]);
        let slug = self.slugs.slug(&format!("optimise_{metric}"));
        self.spec.targets.push(Target { id, slug, text: said.to_owned(), metric, goal, span });
    }

    /// `budget($200/month)`.
    fn budget_of(&mut self, bound: &SyntaxNode) -> Option<Budget> {
        let operand = bound.first_child()?;
        let call = view::<Call>(&operand).filter(|call| {
            call.name().is_some_and(|name| name.flat() == "budget") && call.attributes().is_empty()
        });
        let arguments = call.map(|call| call.arguments()).unwrap_or_default();
        let value = match arguments.as_slice() {
            [only] if only.name().is_none() => only.value(),
            _ => None,
        };
        let value = value.filter(|value| value.kind() == SyntaxKind::Literal);
        let place = self.span(value.as_ref().unwrap_or(&operand));
        let written = match &value {
            Some(value) => self.literal(value)?,
            None => Written::Other(operand.flat()),
        };
        match written {
            Written::Money(micro_dollars, Some(per)) if micro_dollars > 0 => {
                Some(Budget { micro_dollars, per })
            }
            Written::Hole(hole) => {
                self.push(
                    Diagnostic::warning(
                        codes::OPEN_BUDGET,
                        place,
                        format!("`{hole}` has no value yet, so nothing is held within this budget"),
                    )
                    .help(format!("write an amount in place of `{hole}`, as in `$200/month`")),
                );
                None
            }
            _ => {
                let message = format!("expected money per time, found `{}`", operand.flat());
                self.push(
                    Diagnostic::error(codes::WRONG_KIND, place, message)
                        .help("write for example `within budget($200/month)`; a bound of another kind is an invariant: `invariant latency < 200ms`"),
                );
                None
            }
        }
    }
}
