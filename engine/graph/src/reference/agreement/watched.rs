//! Assertions, rules, metrics and budgets, drawn.
//!
//! In: [`Drawing`]. Out: clauses that watch something. Start reading at [`Drawing::assertion`].

use homeostat_intent::lowered::{
    Aggregate, Assertion, Budget, Check, Checker, Comparison, Condition, Expr, Goal, Invariant,
    Length, Literal, Origin, Proposition, Spec, Target,
};
use homeostat_intent::source::Span;

use super::drawing::Drawing;

impl Drawing<'_, '_> {
    pub(super) fn assertion(&mut self) -> Assertion {
        let (id, slug) = self.clause("a");
        let over = self.dice.one(&[Some("order"), Some("customer"), Some("customer"), None]);
        self.bound = over.map(str::to_owned).into_iter().collect();
        self.by_event = false;
        let check = match over {
            None => self.of_the_system(),
            Some(_) => self.of_each(),
        };
        // The rules of an entity are about all of its instances.
        let is_rule =
            matches!(check, Check::Immutable | Check::NeverInFuture | Check::Shredded { .. });
        let filtered = over.is_some() && !is_rule && self.dice.chance(40);
        let filter = filtered.then(|| self.lasting(0));
        Assertion {
            id,
            text: slug.clone(),
            slug,
            over: over.map(str::to_owned),
            filter,
            origin: if is_rule { Origin::Rule } else { Origin::Always },
            check,
            span: Span::default(),
        }
    }

    fn of_each(&mut self) -> Check {
        match self.dice.below(16) {
            0 | 1 => Check::Holds(self.lasting(0)),
            2 | 3 => {
                Check::NoLonger { condition: self.lasting(0), longest: self.length(&[0, 1, 2, 3]) }
            }
            // Often, since they are rarely broken: only by a report, a change, an erasure.
            4..=7 => Check::Reported { checker: "looks".to_owned() },
            8..=10 => Check::Immutable,
            11 | 12 => Check::Shredded { by: vec!["key.shredded".to_owned(), "done".to_owned()] },
            _ => Check::NeverInFuture,
        }
    }

    /// Of the system as a whole: how many there are.
    fn of_the_system(&mut self) -> Check {
        let entity = self.dice.one(&["order", "customer"]).to_owned();
        self.bound = vec![entity.clone()];
        let condition = if self.dice.chance(60) { Some(Box::new(self.lasting(0))) } else { None };
        let left = Expr::Instances { entity, condition };
        let op = self.dice.one(&[Comparison::LessOrEqual, Comparison::Equal, Comparison::Greater]);
        let most = Literal::Number(self.dice.one(&[0.0, 1.0, 2.0]));
        let few = Condition::Compare { left, op, right: Expr::Literal(most), text: String::new() };
        if self.dice.chance(25) {
            Check::NoLonger { condition: few, longest: self.length(&[0, 1, 2]) }
        } else {
            Check::Holds(few)
        }
    }

    pub(super) fn contract(&mut self, spec: &mut Spec) {
        if self.dice.chance(70) {
            let invariant = self.invariant();
            spec.invariants.push(invariant);
        }
        if self.dice.chance(60) {
            let target = self.target();
            spec.targets.push(target);
        }
    }

    pub(super) fn invariant(&mut self) -> Invariant {
        let (id, slug) = self.clause("i");
        if self.dice.chance(35) {
            let checker = match self.dice.below(6) {
                0 => Checker::BuiltIn("event_log_intact".to_owned()),
                1 => Checker::BuiltIn("customer_data_never_lost".to_owned()),
                2 | 3 => Checker::Command("./look".to_owned()),
                4 => Checker::Review,
                _ => Checker::Unbound,
            };
            let says = Proposition::Named(checker);
            return Invariant { id, text: slug.clone(), slug, says, span: Span::default() };
        }
        let aggregate = self.dice.one(&[
            Aggregate::Each,
            Aggregate::Each,
            Aggregate::Percentile(50),
            Aggregate::Percentile(95),
            Aggregate::Mean,
        ]);
        let op = self.dice.one(&[Comparison::Less, Comparison::LessOrEqual, Comparison::Equal]);
        let metric = "speed".to_owned();
        let says = Proposition::Metric { metric, aggregate, op, bound: 2.0 };
        Invariant { id, text: slug.clone(), slug, says, span: Span::default() }
    }

    pub(super) fn target(&mut self) -> Target {
        let (id, slug) = self.clause("t");
        let unit = self.setting.unit;
        let per = match self.dice.below(6) {
            0 => Length { months: 1, micros: 0 },
            1 => Length::from_micros(86_400_000_000),
            2 => Length::from_micros(7 * 86_400_000_000),
            _ => Length::from_micros(self.dice.one(&[2, 4]) * unit),
        };
        let goal = Goal::Budget(Budget { micro_dollars: 3_000_000, per });
        let metric = "speed".to_owned();
        Target { id, text: slug.clone(), slug, metric, goal, span: Span::default() }
    }
}
