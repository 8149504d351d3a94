//! Settings that stand bare or in `limits { … }`: the breakers, the time zone.
//!
//! In: `name: value`. Out: [`Limits`], the time zone, and findings.
//! Never: lets a breaker be switched off by a value of nought.
//! Promise: what is not set has its default. Start reading at [`Lowering::setting`].

use std::collections::BTreeMap;

use super::Lowering;
use super::literals::{Written, bounds};
use crate::ast::{Node, Setting, view};
use crate::codes;
use crate::diagnostic::{Diagnostic, nearest};
use crate::lowered::{Length, Limits};
use crate::source::Span;
use crate::tree::{SyntaxKind, SyntaxNode};

/// What has been set so far, and where.
#[derive(Debug, Default)]
pub(super) struct Set {
    pub(super) limits: Limits,
    places: BTreeMap<String, Span>,
}

impl Set {
    /// Where a setting was written, if it was.
    pub(super) fn place(&self, name: &str) -> Option<Span> {
        self.places.get(name).copied()
    }
}

const LIMITS: [&str; 7] = [
    "max_agent_depth",
    "max_concurrent_agents",
    "max_agents_per_gap",
    "cooldown_per_gap",
    "total_compute_budget",
    "settle",
    "default_within",
];

impl Lowering {
    /// One setting at the top level or in `limits { … }`.
    pub(super) fn setting(&mut self, node: &SyntaxNode, in_limits: bool) {
        let Some(setting) = view::<Setting>(node) else { return };
        let Some(key) = setting.key() else { return };
        let Some(value) = setting.values().into_iter().next() else { return };
        let (name, span) = (key.text().to_owned(), self.at(&key));
        let known = LIMITS.contains(&name.as_str()) || (!in_limits && name == "time_zone");
        if !known {
            if !in_limits && matches!(name.as_str(), "catch_up" | "backfill_policy") {
                self.unevaluated(name, self.span(node));
            } else {
                let others = LIMITS.into_iter().chain((!in_limits).then_some("time_zone"));
                let fault = Diagnostic::error(
                    codes::UNKNOWN_SETTING,
                    span,
                    format!("unknown setting `{name}`"),
                );
                let best = nearest(&name, others);
                self.push(if best.is_some() {
                    fault.did_you_mean(span, best)
                } else {
                    fault
                        .help(format!("the settings are `{}` and `time_zone`", LIMITS.join("`, `")))
                });
            }
            return;
        }
        if let Some(before) = self.set.places.insert(name.clone(), span) {
            self.push(
                Diagnostic::error(codes::SET_TWICE, span, format!("`{name}` is set twice"))
                    .label("set again here")
                    .also(before, "first set here")
                    .help("keep one of the two"),
            );
            return;
        }
        self.apply(&name, &value);
    }

    fn apply(&mut self, name: &str, value: &SyntaxNode) {
        match name {
            "max_agent_depth" => {
                if let Some(count) = self.count(name, value) {
                    self.set.limits.max_agent_depth = count;
                }
            }
            "max_concurrent_agents" => {
                if let Some(count) = self.count(name, value) {
                    self.set.limits.max_concurrent_agents = count;
                }
            }
            "max_agents_per_gap" => {
                if let Some(count) = self.count(name, value) {
                    self.set.limits.max_agents_per_gap = count;
                }
            }
            "cooldown_per_gap" => {
                if let Some(length) = self.length(value, "`cooldown_per_gap`") {
                    self.set.limits.cooldown_per_gap = length;
                }
            }
            "settle" => {
                if let Some(length) = self.length(value, "`settle`") {
                    self.set.limits.settle = length;
                }
            }
            "default_within" => {
                if let Some(length) = self.length(value, "`default_within`") {
                    self.nonzero(name, length, value);
                    self.set.limits.default_within = length;
                }
            }
            "total_compute_budget" => self.compute_budget(value),
            _ => self.time_zone(value),
        }
    }

    /// A whole number from 1.
    fn count(&mut self, name: &str, node: &SyntaxNode) -> Option<u32> {
        let span = self.span(node);
        let written = if node.kind() == SyntaxKind::Literal {
            self.literal(node)?
        } else {
            Written::Other(String::new())
        };
        match written {
            Written::Hole(hole) => {
                self.open_value(span, &hole);
                None
            }
            Written::Number(value) if value >= 1.0 && value.fract() == 0.0 && value <= 1e6 =>
            {
                #[expect(
                    clippy::cast_possible_truncation,
                    clippy::cast_sign_loss,
                    reason = "whole and between 1 and a million"
                )]
                Some(value as u32)
            }
            Written::Number(_) => {
                self.push(
                    Diagnostic::error(
                        codes::NONSENSE_LIMIT,
                        span,
                        format!(
                            "`{name}` must be a whole number from 1 to 1000000, found `{}`",
                            node.flat()
                        ),
                    )
                    .help(if name == "max_concurrent_agents" {
                        "to let no agent act, declare the actions `by: system` or `by: human`"
                    } else {
                        "leave the setting out to have its default"
                    }),
                );
                None
            }
            _ => {
                self.push(Diagnostic::error(
                    codes::WRONG_KIND,
                    span,
                    format!("expected a whole number for `{name}`, found `{}`", node.flat()),
                ));
                None
            }
        }
    }

    fn nonzero(&mut self, name: &str, length: Length, node: &SyntaxNode) {
        if bounds(length).0 == 0 {
            self.push(Diagnostic::error(
                codes::NONSENSE_LIMIT,
                self.span(node),
                format!("`{name}` must be longer than nothing"),
            ));
        }
    }

    fn compute_budget(&mut self, node: &SyntaxNode) {
        let span = self.span(node);
        let written = if node.kind() == SyntaxKind::Literal { self.literal(node) } else { None };
        match written {
            Some(Written::Money(micros, per)) => {
                if micros == 0 {
                    self.push(
                        Diagnostic::error(
                            codes::NONSENSE_LIMIT,
                            span,
                            "a budget of nothing lets no agent act",
                        )
                        .help(
                            "to let no agent act, declare the actions `by: system` or `by: human`",
                        ),
                    );
                }
                self.set.limits.total_compute_budget = Some(self.budget(micros, per));
            }
            Some(Written::Hole(hole)) => self.push(
                Diagnostic::warning(
                    codes::OPEN_BUDGET,
                    span,
                    format!("`{hole}` has no value yet, so agents have no budget that holds them"),
                )
                .help(format!("write an amount in place of `{hole}`, as in `$20/hour`")),
            ),
            Some(_) => self.push(
                Diagnostic::error(
                    codes::WRONG_KIND,
                    span,
                    format!("expected money per time, found `{}`", node.flat()),
                )
                .help("write for example `$20/hour`"),
            ),
            None if node.kind() != SyntaxKind::Literal => self.push(
                Diagnostic::error(
                    codes::WRONG_KIND,
                    span,
                    format!("expected money per time, found `{}`", node.flat()),
                )
                .help("write for example `$20/hour`"),
            ),
            None => {}
        }
    }

    /// The shape of the name only: which zones exist is known to the machine that runs it.
    fn time_zone(&mut self, node: &SyntaxNode) {
        let span = self.span(node);
        let name = match node.kind() {
            SyntaxKind::Literal => match self.literal(node) {
                Some(Written::Text(text)) => text,
                _ => String::new(),
            },
            _ => String::new(),
        };
        let fine = |c: char| c.is_ascii_alphanumeric() || matches!(c, '/' | '_' | '+' | '-');
        if name.is_empty() || !name.chars().all(fine) || name.starts_with('/') {
            self.push(
                Diagnostic::error(
                    codes::WRONG_KIND,
                    span,
                    format!("expected the name of a time zone in quotes, found `{}`", node.flat()),
                )
                .help("write for example `\"Europe/London\"` or `\"UTC\"`"),
            );
        } else {
            self.spec.time_zone = Some(name);
        }
    }
}
