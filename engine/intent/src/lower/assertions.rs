//! `always { assert: … }`: what must hold at all times, of each instance or of the whole system.
//!
//! In: `always` items. Out: [`Assertion`]s.
//! Never: asserts two things at once; every assertion has one entity, or none.
//! Promise: what stands in `every(…)` or `no(…)` is either a value of the instance or says which
//! instances are meant, and a reader can tell which. Start reading at [`Lowering::always`].

use super::Lowering;
use super::bindings::Bindings;
use super::collections::{first_root, only_path};
use super::triggers::has_edge;
use crate::ast::{self, Call, Node, view};
use crate::codes;
use crate::diagnostic::Diagnostic;
use crate::lowered::{Assertion, Check, Condition, Expr, Length, Literal, Origin, Path};
use crate::source::Span;
use crate::tree::{SyntaxKind, SyntaxNode, SyntaxToken};

/// The checker outside the graph that an assertion can name.
const CHECKERS: [&str; 1] = ["reachable_through_projection"];

/// `every(customer.encryption_key)`, `no(alert.critical)`.
#[derive(Clone)]
pub(super) struct Quantified {
    pub(super) call: SyntaxNode,
    /// Whether it is `every`.
    pub(super) every: bool,
    /// The entity and what stands behind it.
    pub(super) words: Vec<SyntaxToken>,
}

/// What is said of each instance of a quantified assertion.
struct Subject {
    quantified: Quantified,
    entity: String,
    /// The value that is spoken of: the instance, or an attribute of it.
    value: Vec<SyntaxToken>,
    /// Which instances are meant.
    filter: Vec<SyntaxToken>,
}

/// How the last predicate was joined to its word: a further bare word is meant in the same way.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Manner {
    Has,
    Is,
}

/// The quantified calls below an expression, in order.
pub(super) fn quantified(said: &SyntaxNode) -> impl Iterator<Item = Quantified> {
    said.descendants().filter_map(|node| {
        let call = view::<Call>(&node)?;
        let name = call.name().filter(|path| path.words().count() == 1)?.word(0)?;
        if !matches!(name.text(), "every" | "no") {
            return None;
        }
        let mut words = only_path(&call).map(|path| ast::segments(&path)).unwrap_or_default();
        if !words.is_empty() {
            words.extend(call.attributes());
        }
        Some(Quantified { every: name.text() == "every", words, call: node })
    })
}

/// Whether something is said of a value besides that it is there: `exists AND valid`.
pub(super) fn has_adjectives(said: &SyntaxNode) -> bool {
    let mut parts = said.children();
    said.kind() == SyntaxKind::And
        && parts.next().is_some_and(|first| first.kind() == SyntaxKind::Exists)
        && parts.any(|part| is_word(&part))
}

/// Whether a bare name stands here.
fn is_word(node: &SyntaxNode) -> bool {
    let named = node.word(0).is_some_and(|word| !matches!(word.text(), "true" | "false"));
    named && node.kind() == SyntaxKind::Path && node.words().count() == 1
}

/// The entity whose instances an assertion without `every` or `no` is about.
pub(super) fn instance_of(lowering: &Lowering, said: &SyntaxNode) -> Option<SyntaxToken> {
    let counts = |node: &SyntaxNode| {
        let call = view::<Call>(node)?;
        let name = call.name()?.word(0)?;
        let counted = only_path(&call);
        (name.text() == "count" && call.attributes().is_empty())
            .then(|| !counted.is_some_and(|path| lowering.counts_collection(&path)))
    };
    let mut walk = said.preorder();
    while let Some(event) = walk.next() {
        let rowan::WalkEvent::Enter(node) = event else { continue };
        if counts(&node) == Some(true) {
            walk.skip_subtree();
        } else if node.kind() == SyntaxKind::Path
            && let Some(root) = first_root(&node)
        {
            let dotted = node.words().count() > 1;
            let of_measure = node.parent().is_some_and(|arg| arg.kind() == SyntaxKind::Arg);
            let tested = node.parent().is_some_and(|parent| {
                matches!(parent.kind(), SyntaxKind::Has | SyntaxKind::Exists | SyntaxKind::Compare)
            });
            if dotted || of_measure || (tested && node.prev_sibling().is_none()) {
                return Some(root);
            }
        }
    }
    None
}

impl Lowering {
    pub(super) fn always(&mut self, item: &SyntaxNode) {
        for statement in item.statements() {
            match statement.kind() {
                SyntaxKind::Assert => self.assert(&statement),
                SyntaxKind::Error => {}
                _ => {
                    let word = statement.word(0).map(|w| w.text().to_owned()).unwrap_or_default();
                    let message = format!("`{word}` cannot stand in `always`");
                    self.push(
                        Diagnostic::error(codes::MISPLACED, self.span(&statement), message)
                            .help("only `assert: …` stands there; duties stand in `when` or `every` blocks"),
                    );
                }
            }
        }
    }

    fn assert(&mut self, statement: &SyntaxNode) {
        let Some(said) = statement.first_child() else { return };
        let label = statement.word(1).map(|label| label.text().to_owned());
        let normal = ast::normalised(&said);
        let id = match &label {
            Some(label) => self.slugs.clause(&["assert", "label", label]),
            None => self.slugs.clause(&["assert", &normal]),
        };
        let slug = self.slugs.slug(&label.unwrap_or_else(|| in_words(&said)));
        let lowered = self.assertion(&said);
        self.bindings = Bindings::event();
        let Some((over, filter, check)) = lowered else { return };
        let (text, span) = (said.flat(), self.span(statement));
        let origin = Origin::Always;
        self.spec.assertions.push(Assertion { id, slug, text, over, filter, check, origin, span });
    }

    fn assertion(
        &mut self,
        said: &SyntaxNode,
    ) -> Option<(Option<String>, Option<Condition>, Check)> {
        let all: Vec<Quantified> = quantified(said).collect();
        let Some(first) = all.first() else { return self.plain(said) };
        let subject = self.spoken_of(first)?;
        if let Some(other) = all.iter().find(|other| other.call.flat() != first.call.flat()) {
            self.push(
                Diagnostic::error(
                    codes::MISPLACED,
                    self.span(&other.call),
                    format!("this assertion is about `{}` already", first.call.flat()),
                )
                .help("write two assertions"),
            );
            return None;
        }
        self.entity_used(&subject.entity, self.span(&first.call));
        self.bindings = Bindings::instance(Some(&subject.entity));
        let filter = match subject.filter.as_slice() {
            [] => None,
            words => Some(self.filter(&subject.entity, words)?),
        };
        let check =
            if first.every { self.every(said, &subject)? } else { self.no(said, &subject)? };
        Some((Some(subject.entity), filter, check))
    }

    /// An assertion without quantifier: a condition over one entity, or over counts alone.
    fn plain(&mut self, said: &SyntaxNode) -> Option<(Option<String>, Option<Condition>, Check)> {
        let root = instance_of(self, said);
        let over = root.as_ref().map(|root| root.text().to_owned());
        if let (Some(entity), Some(root)) = (&over, &root) {
            self.entity_used(entity, self.at(root));
        }
        self.bindings = Bindings { global: over.is_none(), ..Bindings::instance(over.as_deref()) };
        let condition = self.lasting_condition(said)?;
        Some((over, None, Check::Holds(condition)))
    }

    fn filter(&mut self, entity: &str, words: &[SyntaxToken]) -> Option<Condition> {
        let value = self.follow(entity, true, words)?;
        let text: Vec<&str> = words.iter().map(SyntaxToken::text).collect();
        Some(Condition::Holds { value, text: format!("{entity}.{}", text.join(".")) })
    }

    /// Tells a value from a filter: `every(order.total) > 0` against `no(alert.critical) is late`.
    fn spoken_of(&mut self, quantified: &Quantified) -> Option<Subject> {
        let Some((entity, rest)) = quantified.words.split_first() else {
            self.push(
                Diagnostic::error(
                    codes::WRONG_KIND,
                    self.span(&quantified.call),
                    format!("expected one entity or attribute, found `{}`", quantified.call.flat()),
                )
                .help("write for example `every(customer)` or `no(alert.critical)`"),
            );
            return None;
        };
        let entity = entity.text().to_owned();
        let tested = quantified.call.parent();
        let predicate = tested.as_ref().map(SyntaxNode::kind);
        let op = tested.as_ref().and_then(|tested| tested.tokens().next());
        let compared = predicate == Some(SyntaxKind::Compare)
            && op.is_some_and(|op| op.kind() != SyntaxKind::Word);
        let own_word = tested.as_ref().and_then(|tested| tested.children().nth(1));
        let own_word = own_word.filter(is_word).and_then(|path| path.word(0));
        let says_of_instance = own_word.is_some_and(|word| {
            self.names.has(&entity, word.text()) || CHECKERS.contains(&word.text())
        });
        let plain = match rest {
            [attribute] => {
                let name = attribute.text();
                let typed = self.names.attribute(&entity, name).is_some_and(|a| a.entity.is_some());
                self.names.state(&entity, name).is_some() || (says_of_instance && !typed)
            }
            _ => false,
        };
        let by_filter = if quantified.every { plain } else { !compared };
        let (value, filter) =
            if by_filter { (Vec::new(), rest.to_vec()) } else { (rest.to_vec(), Vec::new()) };
        Some(Subject { quantified: quantified.clone(), entity, value, filter })
    }

    fn every(&mut self, said: &SyntaxNode, subject: &Subject) -> Option<Check> {
        if said.kind() == SyntaxKind::Held {
            self.push(
                Diagnostic::error(
                    codes::MISPLACED,
                    self.span(said),
                    "`for` cannot stand behind `every(…)`",
                )
                .help("say what must not last, as in `no(alert) is unacknowledged for > 24h`"),
            );
            return None;
        }
        if let Some(checker) = checker(said, subject) {
            return Some(Check::Reported { checker });
        }
        self.predicate(said, subject).map(Check::Holds)
    }

    fn no(&mut self, said: &SyntaxNode, subject: &Subject) -> Option<Check> {
        if said.kind() != SyntaxKind::Held {
            let condition = self.predicate(said, subject)?;
            return Some(Check::Holds(Condition::Not(Box::new(condition))));
        }
        let condition = self.predicate(&said.first_child()?, subject);
        let (longest, more) = self.lasting(said)?;
        self.check_strict(said, longest, more);
        Some(Check::NoLonger { condition: condition?, longest })
    }

    fn check_strict(&mut self, held: &SyntaxNode, longest: Length, more: bool) {
        let Some(value) = held.children().nth(1).filter(|_| !more && longest != Length::default())
        else {
            return;
        };
        let (place, text) = (self.span(&value), value.flat());
        let at_least = held.tokens().find(|token| token.kind() == SyntaxKind::GreaterEqual);
        let (replaced, by) = match at_least {
            Some(at_least) => (self.at(&at_least), ">"),
            None => (Span { end: place.start, ..place }, "> "),
        };
        self.push(
            Diagnostic::error(
                codes::WRONG_KIND,
                place,
                format!("an assertion is violated after `{text}`, not at it"),
            )
            .help(format!("write `for > {text}`"))
            .fix(format!("write `for > {text}`"), replaced, by),
        );
    }

    fn predicate(&mut self, said: &SyntaxNode, subject: &Subject) -> Option<Condition> {
        let mut manner = Manner::Is;
        let condition = self.said(said, subject, &mut manner)?;
        if has_edge(&condition) {
            self.push(Diagnostic::error(
                codes::MISPLACED,
                self.span(said),
                "`crosses` cannot stand here: it compares with the moment before a trigger",
            ));
            return None;
        }
        // What must not be and never is, asserts nothing: that is said with the contract.
        if subject.quantified.every {
            self.check_truth(&condition, &mut super::ranges::Known::new(), self.span(said));
        }
        Some(condition)
    }

    /// A condition in which the quantified call stands for the value that is spoken of.
    fn said(
        &mut self,
        node: &SyntaxNode,
        subject: &Subject,
        manner: &mut Manner,
    ) -> Option<Condition> {
        match node.kind() {
            SyntaxKind::And | SyntaxKind::Or => {
                let parts: Vec<_> =
                    node.children().map(|part| self.said(&part, subject, manner)).collect();
                let parts = parts.into_iter().collect::<Option<Vec<_>>>()?;
                let and = node.kind() == SyntaxKind::And;
                Some(if and { Condition::And(parts) } else { Condition::Or(parts) })
            }
            SyntaxKind::Not => {
                let inner = self.said(&node.first_child()?, subject, manner)?;
                Some(Condition::Not(Box::new(inner)))
            }
            SyntaxKind::Paren => self.said(&node.first_child()?, subject, manner),
            SyntaxKind::Call if is_subject(node) => self.bare_subject(node, subject),
            SyntaxKind::Exists if node.first_child().as_ref().is_some_and(is_subject) => {
                *manner = Manner::Is;
                match subject.value.as_slice() {
                    [] => self.bare_subject(node, subject),
                    _ => {
                        let value = self.value_of(subject, node)?;
                        Some(Condition::Exists { value, text: node.flat() })
                    }
                }
            }
            SyntaxKind::Has if node.first_child().as_ref().is_some_and(is_subject) => {
                *manner = Manner::Has;
                self.attributed(&node.children().nth(1)?, subject, node.flat())
            }
            SyntaxKind::Compare if node.first_child().as_ref().is_some_and(is_subject) => {
                *manner = Manner::Is;
                self.said_to_be(node, subject)
            }
            SyntaxKind::Path if is_word(node) => match manner {
                Manner::Has => self.attributed(node, subject, node.flat()),
                Manner::Is => self.adjective(node, subject, node.flat()),
            },
            _ => self.condition(node),
        }
    }

    /// `no(alert.critical)` and `no(alert.critical) exists`: there is no such instance.
    fn bare_subject(&mut self, node: &SyntaxNode, subject: &Subject) -> Option<Condition> {
        if !subject.quantified.every {
            let value = Expr::Literal(Literal::Truth(true));
            return Some(Condition::Holds { value, text: node.flat() });
        }
        let exists = node.kind() == SyntaxKind::Exists;
        let (code, message) = if exists {
            (codes::VACUOUS, "this is always true: an instance exists as long as it is spoken of")
        } else {
            (codes::WRONG_KIND, "this says nothing of any instance")
        };
        self.push(
            Diagnostic::error(code, self.span(node), message)
                .help("say what must hold, as in `every(customer) has email`"),
        );
        None
    }

    fn path_of(&mut self, subject: &Subject, node: &SyntaxNode) -> Option<Path> {
        let found = self.found.len();
        match self.follow(&subject.entity, true, &subject.value)? {
            Expr::Path(path) => Some(path),
            other => {
                if self.found.len() == found {
                    let message =
                        format!("expected something that has attributes, found {other:?}");
                    self.push(Diagnostic::error(codes::WRONG_KIND, self.span(node), message));
                }
                None
            }
        }
    }

    fn value_of(&mut self, subject: &Subject, node: &SyntaxNode) -> Option<Expr> {
        let found = self.found.len();
        let value = self.follow(&subject.entity, true, &subject.value)?;
        self.tested(node, value, found)
    }

    /// `has y`: an attribute of what is spoken of is there.
    fn attributed(
        &mut self,
        attribute: &SyntaxNode,
        subject: &Subject,
        text: String,
    ) -> Option<Condition> {
        let path = self.path_of(subject, attribute)?;
        let value = self.attribute_of(path, attribute)?;
        Some(Condition::Exists { value, text })
    }

    /// `valid`: a state or attribute of what is spoken of holds.
    fn adjective(
        &mut self,
        word: &SyntaxNode,
        subject: &Subject,
        text: String,
    ) -> Option<Condition> {
        let path = self.path_of(subject, word)?;
        let value = self.attribute_of(path, word)?;
        Some(Condition::Holds { value, text })
    }

    /// `every(x) is active`, `every(x.total) > 0`.
    fn said_to_be(&mut self, node: &SyntaxNode, subject: &Subject) -> Option<Condition> {
        let right = node.children().nth(1)?;
        let is = node.tokens().next().is_some_and(|op| op.kind() == SyntaxKind::Word);
        let found = self.found.len();
        let value = self.follow(&subject.entity, true, &subject.value)?;
        let entity = match &value {
            Expr::Path(path) => super::values::entity_of(path),
            _ => None,
        };
        if is && is_word(&right) && entity.is_some() {
            let negated = node.words().any(|word| word.text().eq_ignore_ascii_case("not"));
            let condition = self.adjective(&right, subject, node.flat())?;
            return Some(if negated { Condition::Not(Box::new(condition)) } else { condition });
        }
        self.compared(node, Some(value), found)
    }
}

fn is_subject(node: &SyntaxNode) -> bool {
    let name = view::<Call>(node).and_then(|call| call.name()).and_then(|path| path.word(0));
    name.is_some_and(|name| matches!(name.text(), "every" | "no"))
}

/// The checker of `every(x) is reachable_through_projection`.
fn checker(said: &SyntaxNode, subject: &Subject) -> Option<String> {
    let right = said.children().nth(1).filter(|_| said.kind() == SyntaxKind::Compare)?;
    let name = right.flat();
    let plain = subject.value.is_empty() && !said.has_word("not");
    (plain && CHECKERS.contains(&name.as_str())).then_some(name)
}

/// An assertion's text as one word: `no_alert_critical_is_unacknowledged_for_24h`.
pub(super) fn in_words(said: &SyntaxNode) -> String {
    let mut words: Vec<String> = Vec::new();
    for token in ast::meaning(said) {
        let held = token.parent().is_some_and(|parent| parent.kind() == SyntaxKind::Held);
        let word = match token.kind() {
            SyntaxKind::Less => "below",
            SyntaxKind::LessEqual => "at_most",
            SyntaxKind::Greater if held => continue,
            SyntaxKind::Greater => "above",
            SyntaxKind::GreaterEqual => "at_least",
            SyntaxKind::Equal | SyntaxKind::EqualEqual => "is",
            SyntaxKind::NotEqual => "is_not",
            SyntaxKind::Minus => "minus",
            _ => token.text(),
        };
        let fine = |c: char| if c.is_alphanumeric() { c.to_ascii_lowercase() } else { '_' };
        let word: String = word.chars().map(fine).collect();
        let word = word.trim_matches('_');
        if !word.is_empty() {
            words.push(word.to_owned());
        }
    }
    words.join("_")
}
