//! `expect [no] gap f(x)`: what a scenario says must have come of a clause.
//!
//! In: expectation nodes and what the spec has. Out: [`Expectation`]s with their clauses found.
//! Never: lets an expectation by that cannot fail or cannot hold, where that is certain.
//! Promise: the clauses of a lowered expectation exist and have as many instances as it names.
//! Start reading at [`Lowering::expectation`].

use super::known::{Known, KnownClause};
use super::{Story, meant};
use crate::ast::{Call, Node, view};
use crate::codes;
use crate::diagnostic::{Diagnostic, Severity};
use crate::lower::Lowering;
use crate::lowered::{Expectation, Expected};
use crate::source::Span;
use crate::tree::{SyntaxKind, SyntaxNode};

impl Lowering {
    pub(super) fn expectation(
        &mut self,
        node: &SyntaxNode,
        known: &Known,
        story: &mut Story,
    ) -> Option<Expectation> {
        // Even one that is wrong shows that the scenario was meant to expect something.
        story.expects = true;
        let mut words = node.words().skip(1);
        let first = words.next()?;
        let second = words.next();
        let negated = second.is_some() && first.text() == "no";
        let word = second.unwrap_or(first);
        let span = self.at(&word);
        let Some(state) = Expected::ALL.into_iter().find(|state| state.word() == word.text())
        else {
            let fault = Diagnostic::error(
                codes::UNKNOWN_EXPECTED,
                span,
                format!("`{}` is nothing that can be expected of a clause", word.text()),
            );
            let all = Expected::ALL.map(Expected::word);
            let help = format!("that is `{}`", all.join("`, `"));
            self.push(meant(fault, word.text(), span, all, help));
            return None;
        };
        let called =
            node.children().find(|c| matches!(c.kind(), SyntaxKind::Call | SyntaxKind::Path))?;
        let call = view::<Call>(&called);
        let path = call.as_ref().map_or_else(|| Some(called.clone()), Call::name)?;
        let (clause, place) = (path.flat(), self.span(&path));
        let instances = self.instances(call.as_ref())?;
        let candidates = known.named(&clause);
        if candidates.is_empty() {
            self.unknown_clause(&clause, place, known);
            return None;
        }
        let fitting = self.fitting(&clause, &candidates, &instances, self.span(&called))?;
        self.never(state, negated, &fitting, self.span(node), story);
        Some(Expectation {
            negated,
            state,
            clause,
            slugs: fitting.iter().map(|clause| clause.slug.clone()).collect(),
            instances,
            text: node.flat(),
        })
    }

    fn unknown_clause(&mut self, clause: &str, span: Span, known: &Known) {
        if !self.sound {
            return;
        }
        let fault = Diagnostic::error(
            codes::UNKNOWN_CLAUSE,
            span,
            format!("no clause of this spec is named `{clause}`"),
        );
        let help = "name a duty by its action, label or slug, or an assertion by its label";
        self.push(meant(fault, clause, span, known.names(), help.to_owned()));
    }

    /// What stands in the parentheses, as texts.
    fn instances(&mut self, call: Option<&Call>) -> Option<Vec<String>> {
        let mut found = Vec::new();
        for argument in call.map(Call::arguments).unwrap_or_default() {
            let value = argument.value()?;
            if argument.name().is_some() {
                self.push(
                    Diagnostic::error(
                        codes::WRONG_INSTANCES,
                        self.span(argument.node()),
                        "an expectation names instances by their order, not by name",
                    )
                    .help("write the instances of the clause's keys in order, as in `notify(c1)`"),
                );
                return None;
            }
            found.push(self.instance(&value)?);
        }
        Some(found)
    }

    fn instance(&mut self, node: &SyntaxNode) -> Option<String> {
        use crate::lower::literals::Written;
        match node.kind() {
            SyntaxKind::Path => Some(node.flat()),
            SyntaxKind::Literal => match self.literal(node)? {
                Written::Text(text) => Some(text),
                Written::Number(_) => Some(node.flat()),
                _ => self.no_instance(node),
            },
            _ => self.no_instance(node),
        }
    }

    fn no_instance(&mut self, node: &SyntaxNode) -> Option<String> {
        self.push(
            Diagnostic::error(
                codes::WRONG_INSTANCES,
                self.span(node),
                format!("expected the name of an instance, found `{}`", node.flat()),
            )
            .help("an instance is a word, a number or a text, as in `notify(c1)`"),
        );
        None
    }

    /// The clauses that have as many instances as are named. With none named, all.
    fn fitting<'k>(
        &mut self,
        name: &str,
        candidates: &[&'k KnownClause],
        instances: &[String],
        span: Span,
    ) -> Option<Vec<&'k KnownClause>> {
        let count = instances.len();
        let fits = |clause: &&&KnownClause| {
            count == 0 || count == clause.keys.len() || count == clause.bound.len()
        };
        let fitting: Vec<&KnownClause> = candidates.iter().filter(fits).copied().collect();
        if !fitting.is_empty() {
            return Some(fitting);
        }
        let clause = candidates.first()?;
        let of = if clause.keys.is_empty() { &clause.bound } else { &clause.keys };
        let expected = match of.as_slice() {
            [] => "no instance".to_owned(),
            [one] => format!("one instance, of `{one}`"),
            several => format!("{} instances, of `{}`", several.len(), several.join("`, `")),
        };
        self.push(
            Diagnostic::error(
                codes::WRONG_INSTANCES,
                span,
                format!("`{name}` is owed for {expected}; found {count}"),
            )
            .help("write the instances of its keys in order, or none for any obligation of it"),
        );
        None
    }

    /// Says of an expectation that it can never hold, or, with `no`, that it always does.
    fn never(
        &mut self,
        state: Expected,
        negated: bool,
        clauses: &[&KnownClause],
        span: Span,
        story: &Story,
    ) {
        let whys: Vec<&'static str> =
            clauses.iter().filter_map(|clause| why_never(state, clause, story)).collect();
        let (Some(why), true) = (whys.first(), whys.len() == clauses.len()) else { return };
        if negated && *why == NOT_TRIGGERED {
            // That nothing follows from other events is worth a line in a story.
            return;
        }
        let severity = if negated { Severity::Warning } else { Severity::Error };
        let says = if negated { "this always holds" } else { "this can never hold" };
        let message = format!("{says}: {why}");
        self.push(
            Diagnostic::new(codes::NEVER_CHECKED, severity, span, message)
                .help("expect what can become of the clause, or leave the line out"),
        );
    }
}

const NOT_TRIGGERED: &str = "no event above triggers its block";

/// Why no obligation of the clause can be in that state at this point of the story.
fn why_never(state: Expected, clause: &KnownClause, story: &Story) -> Option<&'static str> {
    let can = clause.can;
    if !can.open {
        return Some("what it says is checked outside of any scenario");
    }
    let impossible = match state {
        Expected::Overdue | Expected::Late if !can.miss => Some("it has no deadline"),
        Expected::Overdue if can.lapse => {
            Some("when its deadline passes, it lapses to its fallback")
        }
        Expected::Lapsed if !can.lapse => Some("it has no fallback"),
        Expected::Withdrawn if !can.withdraw => Some("nothing in a scenario withdraws it"),
        Expected::Fulfilled if !can.end => Some("what violated it once violates it for good"),
        Expected::Void if !story.erased => Some("no event above is a tombstone"),
        _ => None,
    };
    let triggered = clause.triggers.is_empty()
        || story.events.values().any(|(name, _)| clause.triggers.contains(name));
    impossible.or((!triggered).then_some(NOT_TRIGGERED))
}
