//! The contract: invariants, and what each is checked by. Capabilities and bounds are beside it.
//!
//! In: `invariant` items, after everything that can be asserted is known. Out: [`Invariant`]s.
//! Never: lets a proposition that nobody checks pass for one that holds.
//! Promise: whatever has the same name is checked by the same checker. Start reading at
//! [`Lowering::contract`].

mod capabilities;
mod checks;
mod targets;

use std::collections::BTreeMap;

use super::Lowering;
use super::conditions::comparison;
use super::literals::Written;
use crate::ast::{self, Call, Node, Setting, view};
use crate::codes;
use crate::diagnostic::{Diagnostic, nearest};
use crate::lowered::{Aggregate, BUILT_INS, Checker, Invariant, Metric, Proposition};
use crate::source::Span;
use crate::tree::{SyntaxKind, SyntaxNode, SyntaxToken};

/// Who checks what, by name, as the invariants say it, and where each invariant stands.
#[derive(Debug, Default)]
pub(super) struct Checkers {
    said: BTreeMap<String, Checker>,
    places: BTreeMap<String, Span>,
}

/// A rule of an entity that is not built in: a proposition of that name.
#[derive(Clone, Debug)]
pub(super) struct NamedRule {
    pub(super) entity: String,
    pub(super) name: String,
    pub(super) span: Span,
}

impl Lowering {
    pub(super) fn contract(&mut self, items: &[(u32, SyntaxNode)]) {
        let invariants: Vec<_> =
            items.iter().filter(|(_, item)| item.kind() == SyntaxKind::Invariant).collect();
        for (source, item) in &invariants {
            self.source = *source;
            self.checker_said(item);
        }
        for (source, item) in &invariants {
            self.source = *source;
            self.invariant(item);
        }
        for rule in std::mem::take(&mut self.named_rules) {
            self.named_rule(&rule);
        }
        for (source, item) in items {
            self.source = *source;
            match item.kind() {
                SyntaxKind::Capability => self.capability(item),
                SyntaxKind::Optimise => self.target(item),
                _ => {}
            }
        }
        self.check_contract();
    }

    /// `{ check: "./check-consent" }` or `{ review: human }`.
    fn checker_said(&mut self, item: &SyntaxNode) {
        let Some(said) = item.first_child().filter(|said| said.kind() != SyntaxKind::Body) else {
            return;
        };
        let mut checker: Option<(Checker, Span)> = None;
        for statement in item.statements() {
            let Some(setting) = view::<Setting>(&statement) else { continue };
            let Some(key) = setting.key() else { continue };
            let Some(found) = self.checker_setting(&key, &setting.values()) else { continue };
            let span = self.span(&statement);
            match &checker {
                None => checker = Some((found, span)),
                Some((_, before)) => {
                    let message = format!("`{}` is checked twice", said.flat());
                    self.push(
                        Diagnostic::error(codes::SET_TWICE, span, message)
                            .also(*before, "first said here")
                            .help("keep one of the two"),
                    );
                }
            }
        }
        if let Some((checker, _)) = checker
            && said.kind() == SyntaxKind::Path
        {
            self.checkers.said.entry(dotted(&said)).or_insert(checker);
        }
    }

    fn checker_setting(&mut self, key: &SyntaxToken, values: &[SyntaxNode]) -> Option<Checker> {
        let value = values.first()?;
        match key.text() {
            "check" => {
                let literal = value.kind() == SyntaxKind::Literal;
                if let Some(Written::Text(command)) = literal.then(|| self.literal(value)).flatten()
                    && !command.trim().is_empty()
                {
                    return Some(Checker::Command(command));
                }
                let message = format!("expected a command in quotes, found `{}`", value.flat());
                self.push(
                    Diagnostic::error(codes::WRONG_KIND, self.span(value), message)
                        .help("write for example `check: \"./check-consent\"`"),
                );
                None
            }
            "review" if value.flat() == "human" => Some(Checker::Review),
            "review" => {
                self.unknown_choice(values, "who reviews it", &["human"]);
                None
            }
            other => {
                let other = other.to_owned();
                self.unknown_key(key, &other, "an invariant", &["check", "review"]);
                None
            }
        }
    }

    fn invariant(&mut self, item: &SyntaxNode) {
        let Some(said) = item.first_child() else { return };
        let span = self.heading_span(item);
        match said.kind() {
            SyntaxKind::Path => self.named_invariant(&dotted(&said), &said.flat(), span),
            SyntaxKind::Compare => {
                if let Some((slug, says)) = self.metric_invariant(&said) {
                    let id = self.slugs.clause(&["invariant", &ast::normalised(&said)]);
                    let slug = self.slugs.slug(&slug);
                    self.spec.invariants.push(Invariant {
                        id,
                        slug,
                        text: said.flat(),
                        says,
                        span,
                    });
                }
                if let Some(body) = item.child(SyntaxKind::Body) {
                    self.push(
                        Diagnostic::error(
                            codes::WRONG_KIND,
                            self.span(&body),
                            "a metric is checked by its samples",
                        )
                        .help("leave the braces out"),
                    );
                }
            }
            SyntaxKind::Body | SyntaxKind::Error => {}
            _ => self.no_invariant(&said),
        }
    }

    fn no_invariant(&mut self, said: &SyntaxNode) {
        let message = format!("expected a name or a bound of a metric, found `{}`", said.flat());
        self.push(
            Diagnostic::error(codes::WRONG_KIND, self.span(said), message)
                .help("what must hold of instances is asserted: `always { assert: … }`"),
        );
    }

    fn named_invariant(&mut self, name: &str, text: &str, span: Span) {
        if let Some(before) = self.checkers.places.insert(name.to_owned(), span) {
            return self.twice("invariant", name, span, before);
        }
        let checker = self.checker(name);
        if checker == Checker::Unbound {
            self.checked_by_nobody("invariant", name, span);
        }
        let slug = match &checker {
            // The same proposition has one name.
            Checker::Assertion(slug) => slug.clone(),
            _ => self.slugs.slug(name),
        };
        let id = self.slugs.clause(&["invariant", name]);
        let says = Proposition::Named(checker);
        self.spec.invariants.push(Invariant { id, slug, text: text.to_owned(), says, span });
    }

    /// `rule: name` of an entity, unless an assertion or invariant of that name says it.
    fn named_rule(&mut self, rule: &NamedRule) {
        let NamedRule { entity, name, span } = rule;
        if self.checkers.places.contains_key(name) {
            return;
        }
        let checker = self.checker(name);
        if matches!(checker, Checker::Assertion(_)) {
            return;
        }
        if checker == Checker::Unbound {
            self.checked_by_nobody("rule", name, *span);
        }
        let id = self.slugs.clause(&["entity", entity, "rule", name]);
        let slug = self.slugs.slug(name);
        let (text, says) = (format!("rule: {name}"), Proposition::Named(checker));
        self.spec.invariants.push(Invariant { id, slug, text, says, span: *span });
    }

    /// Who checks the proposition of this name.
    fn checker(&self, name: &str) -> Checker {
        if let Some(said) = self.checkers.said.get(name) {
            return said.clone();
        }
        if BUILT_INS.contains(&name) {
            return Checker::BuiltIn(name.to_owned());
        }
        match self.spec.assertions.iter().find(|assertion| assertion.slug == name) {
            Some(assertion) => Checker::Assertion(assertion.slug.clone()),
            None => Checker::Unbound,
        }
    }

    fn checked_by_nobody(&mut self, what: &str, name: &str, span: Span) {
        if !self.sound {
            return;
        }
        let slugs = self.spec.assertions.iter().map(|assertion| assertion.slug.as_str());
        let rules = super::rules::RULES.iter().copied().filter(|_| what == "rule");
        let best = nearest(name, slugs.chain(rules)).map(str::to_owned);
        let assert = format!("assert it, as in `always {{ assert {name}: … }}`");
        let help = match best {
            Some(best) => format!("did you mean `{best}`? else {assert}"),
            None => {
                format!("{assert}, or name who checks it: `invariant {name} {{ review: human }}`")
            }
        };
        let message = format!("{what} `{name}` is checked by nobody, so it never counts as kept");
        self.push(Diagnostic::warning(codes::UNCHECKED, span, message).help(help));
    }

    fn metric_invariant(&mut self, said: &SyntaxNode) -> Option<(String, Proposition)> {
        let mut sides = said.children();
        let (left, right) = (sides.next()?, sides.next()?);
        let (metric, aggregate) = self.sampled(&left)?;
        let negated = said.words().any(|word| word.text().eq_ignore_ascii_case("not"));
        let op = said.tokens().next().as_ref().map(comparison)?;
        let op = if negated { crate::lowered::Comparison::NotEqual } else { op };
        let bound = self.bound(&right, &metric)?;
        let word = metric.replace('.', "_");
        let slug = match aggregate {
            Aggregate::Each => word,
            Aggregate::Percentile(rank) => format!("p{rank}_{word}"),
            Aggregate::Mean => format!("mean_{word}"),
        };
        Some((slug, Proposition::Metric { metric, aggregate, op, bound }))
    }

    /// `response_time`, `p95(response_time)`: the metric, and what is taken of its samples.
    fn sampled(&mut self, node: &SyntaxNode) -> Option<(String, Aggregate)> {
        let (path, aggregate) = match view::<Call>(node) {
            None if node.kind() == SyntaxKind::Path => (node.clone(), Aggregate::Each),
            None => {
                self.no_invariant(node);
                return None;
            }
            Some(call) => {
                let aggregate = call.name().and_then(|name| aggregate(&name.flat()));
                let (Some(path), Some(aggregate)) =
                    (super::collections::only_path(&call), aggregate)
                else {
                    self.push(
                        Diagnostic::error(
                            codes::WRONG_KIND,
                            self.span(node),
                            format!("expected a metric, found `{}`", node.flat()),
                        )
                        .help("write for example `p95(response_time)` or `mean(response_time)`; what must hold of instances is asserted in `always { … }`"),
                    );
                    return None;
                };
                (path, aggregate)
            }
        };
        let name = dotted(&path);
        let of_entity = path.words().count() > 1
            && path.word(0).is_some_and(|root| self.names.is_entity(root.text()));
        if of_entity && self.names.metrics.get(&name).is_none() {
            self.no_invariant(&path);
            return None;
        }
        self.metric_used(&name, self.span(&path));
        Some((name, aggregate))
    }

    /// A bound as a plain number: seconds, dollars.
    fn bound(&mut self, node: &SyntaxNode, metric: &str) -> Option<f64> {
        let span = self.span(node);
        let written = match node.kind() {
            SyntaxKind::Literal => self.literal(node)?,
            SyntaxKind::Path if node.word(0).is_some_and(|word| word.text() == "threshold") => {
                let value = self.read(node, super::values::Place::Named)?;
                Written::Number(self.level(&value)?)
            }
            _ => Written::Other(node.flat()),
        };
        #[expect(clippy::cast_precision_loss, reason = "bounds are compared with measurements")]
        match written {
            Written::Number(value) => Some(value),
            Written::Length(length) if length.months == 0 => Some(length.micros as f64 / 1e6),
            Written::Money(micros, _) => Some(micros as f64 / 1e6),
            Written::Hole(hole) => {
                self.open_value(span, &hole);
                None
            }
            _ => {
                let message = format!(
                    "expected a number, a length of time or money for `{metric}`, found `{}`",
                    node.flat()
                );
                self.push(
                    Diagnostic::error(codes::WRONG_KIND, span, message)
                        .help("the metric stands on the left, its bound on the right: `response_time < 500ms`"),
                );
                None
            }
        }
    }

    /// Makes a metric known that something bounds or optimises.
    pub(super) fn metric_used(&mut self, name: &str, span: Span) {
        if self.names.metrics.get(name).is_some() {
            return;
        }
        let forms = [".sampled", "", "_sampled", ".measured", "_measured"]
            .map(|suffix| format!("{name}{suffix}"));
        let Some(event) = self.names.event_in_any_form(&forms) else { return };
        for form in &forms {
            // Another event that has this name already keeps it.
            if self.names.known_event(form).is_none() {
                self.names.alias(&event, form);
            }
        }
        let best = nearest(name, self.names.metrics.keys()).map(str::to_owned);
        self.inferred_name(
            codes::INFERRED_METRIC,
            span,
            format!("metric `{name}` is declared nowhere; it is sampled from `{event}`"),
            best.as_deref(),
            format!("metric {name} from {event} {{ value }}"),
        );
        let fields = vec![name.to_owned(), "value".to_owned()];
        let metric = Metric { name: name.to_owned(), samples: vec![event], fields };
        self.names.metrics.add(name, (metric, None));
    }
}

/// A path's names as written, joined by dots.
fn dotted(path: &SyntaxNode) -> String {
    let words = ast::segments(path);
    words.iter().map(SyntaxToken::text).collect::<Vec<_>>().join(".")
}

fn aggregate(name: &str) -> Option<Aggregate> {
    match name {
        "mean" => Some(Aggregate::Mean),
        "median" => Some(Aggregate::Percentile(50)),
        _ => {
            let rank: u8 = name.strip_prefix('p')?.parse().ok()?;
            (1..=100).contains(&rank).then_some(Aggregate::Percentile(rank))
        }
    }
}
