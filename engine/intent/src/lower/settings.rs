//! Settings that stand bare or in `limits { … }`: the breakers, the time zone.
//!
//! In: `name: value`. Out: [`Limits`], the time zone, and findings.
//! Never: lets a breaker be switched off by a value of nought.
//! Promise: what is not set has its default. Start reading at [`Lowering::setting`].

use std::collections::BTreeMap;

use jiff::tz::TimeZoneDatabase;

use super::Lowering;
use super::literals::{Written, bounds};
use crate::ast::{Node, Setting, view};
use crate::codes;
use crate::diagnostic::{Diagnostic, nearest};
use crate::lowered::{Backfill, CatchUp, Length, Limits};
use crate::source::Span;
use crate::tree::{SyntaxKind, SyntaxNode};

/// What has been set so far, and where.
#[derive(Debug, Default)]
pub(super) struct Set {
    pub(super) limits: Limits,
    /// What becomes of missed ticks in blocks that do not say.
    pub(super) catch_up: CatchUp,
    places: BTreeMap<String, Span>,
}

impl Set {
    /// Where a setting was written, if it was.
    pub(super) fn place(&self, name: &str) -> Option<Span> {
        self.places.get(name).copied()
    }
}

const LIMITS: [&str; 8] = [
    "max_agent_depth",
    "max_concurrent_agents",
    "max_agents_per_gap",
    "cooldown_per_gap",
    "total_compute_budget",
    "settle",
    "default_within",
    "max_backfill_in_flight",
];

/// What stands at the top level only.
const BARE: [&str; 3] = ["time_zone", "catch_up", "backfill_policy"];

impl Lowering {
    /// One setting at the top level or in `limits { … }`.
    pub(super) fn setting(&mut self, node: &SyntaxNode, in_limits: bool) {
        let Some(setting) = view::<Setting>(node) else { return };
        let Some(key) = setting.key() else { return };
        let Some(value) = setting.values().into_iter().next() else { return };
        let (name, span) = (key.text().to_owned(), self.at(&key));
        let bare = BARE.iter().filter(|_| !in_limits).copied();
        if !LIMITS.iter().copied().chain(bare.clone()).any(|known| known == name) {
            let fault = Diagnostic::error(
                codes::UNKNOWN_SETTING,
                span,
                format!("unknown setting `{name}`"),
            );
            let best = nearest(&name, LIMITS.into_iter().chain(bare.clone()));
            self.push(if best.is_some() {
                fault.did_you_mean_word(span, best)
            } else {
                let all: Vec<&str> = LIMITS.into_iter().chain(bare).collect();
                fault.help(format!("the settings are `{}`", all.join("`, `")))
            });
            return;
        }
        if name == "backfill_policy" {
            return self.backfill(node);
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
        if name == "catch_up" {
            self.set.catch_up = self.catch_up(node).unwrap_or_default();
        } else {
            self.apply(&name, &value);
        }
    }

    fn apply(&mut self, name: &str, value: &SyntaxNode) {
        match name {
            "max_agent_depth" => {
                if let Some(count) = self.count_limit(name, value) {
                    self.set.limits.max_agent_depth = count;
                }
            }
            "max_concurrent_agents" => {
                if let Some(count) = self.count_limit(name, value) {
                    self.set.limits.max_concurrent_agents = count;
                }
            }
            "max_agents_per_gap" => {
                if let Some(count) = self.count_limit(name, value) {
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
            "max_backfill_in_flight" => {
                if let Some(count) = self.count_limit(name, value) {
                    self.set.limits.max_backfill_in_flight = count;
                }
            }
            "total_compute_budget" => self.compute_budget(value),
            "time_zone" => self.time_zone(value),
            _ => {}
        }
    }

    /// A whole number from 1.
    fn count_limit(&mut self, name: &str, node: &SyntaxNode) -> Option<u32> {
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

    /// `backfill_policy: sequential`, bare or in `when intent.evolved { … }`.
    pub(super) fn backfill(&mut self, node: &SyntaxNode) {
        let values = view::<Setting>(node).map(|setting| setting.values()).unwrap_or_default();
        let words: Vec<String> = values.iter().map(Node::flat).collect();
        let policy = match words.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
            ["sequential"] => Backfill::Sequential,
            ["prospective_only"] => Backfill::ProspectiveOnly,
            ["human_decision"] => Backfill::HumanDecision,
            _ => return self.unknown_policy(&values),
        };
        let span = self.span(node);
        if let Some(before) = self.set.places.insert("backfill_policy".to_owned(), span) {
            self.push(
                Diagnostic::error(codes::POLICY_TWICE, span, "`backfill_policy` is set twice")
                    .label("set again here")
                    .also(before, "first set here")
                    .help("one version of a spec has one policy; keep one of the two"),
            );
            return;
        }
        self.spec.backfill = policy;
    }

    fn unknown_policy(&mut self, values: &[SyntaxNode]) {
        let Some(value) = values.first() else { return };
        let all = ["sequential", "prospective_only", "human_decision"];
        let (span, word) = (self.span(value), value.flat());
        let fault =
            Diagnostic::error(codes::UNKNOWN_POLICY, span, format!("unknown policy `{word}`"));
        self.push(
            fault
                .help(format!("the policies are `{}`", all.join("`, `")))
                .did_you_mean_word(span, nearest(&word, all)),
        );
    }

    fn time_zone(&mut self, node: &SyntaxNode) {
        let span = self.span(node);
        let name = match node.kind() {
            SyntaxKind::Literal => match self.literal(node) {
                Some(Written::Text(text)) => text,
                _ => String::new(),
            },
            _ => String::new(),
        };
        if name.is_empty() {
            return self.push(
                Diagnostic::error(
                    codes::WRONG_KIND,
                    span,
                    format!("expected the name of a time zone in quotes, found `{}`", node.flat()),
                )
                .help("write for example `\"Europe/London\"` or `\"UTC\"`"),
            );
        }
        // The same database that the evaluators read, so that a zone is known here or nowhere.
        let zones = TimeZoneDatabase::bundled();
        match zones.get(&name) {
            Ok(_) => self.spec.time_zone = Some(name),
            Err(_) => {
                let all: Vec<String> = zones.available().map(|zone| zone.to_string()).collect();
                let best = nearest_zone(&name, &all);
                let fault = Diagnostic::error(
                    codes::UNKNOWN_ZONE,
                    span,
                    format!("unknown time zone `{name}`"),
                );
                let quoted = best.map(|best| format!("\"{best}\""));
                self.push(match quoted {
                    Some(quoted) => fault.did_you_mean(span, Some(&quoted)),
                    None => fault.help("write for example `\"Europe/London\"` or `\"UTC\"`"),
                });
            }
        }
    }
}

/// The zone that is meant: by its whole name, or by its city alone.
fn nearest_zone<'a>(name: &str, all: &'a [String]) -> Option<&'a str> {
    let city = |zone: &str| zone.rsplit('/').next().unwrap_or(zone).to_lowercase();
    let written = city(&name.replace(' ', "_"));
    let by_city = all.iter().find(|zone| city(zone) == written);
    let whole = || nearest(name, all.iter().map(String::as_str));
    by_city.map(String::as_str).or_else(whole)
}
