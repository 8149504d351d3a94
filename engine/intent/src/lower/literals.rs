//! Written values: numbers, lengths of time, money, names of events.
//!
//! In: literal nodes. Out: values, or a finding that says what was expected.
//! Never: rounds; a value that does not fit is an error.
//! Promise: a unit that is not known is named together with those that are.

use super::Lowering;
use crate::ast::{self, Node};
use crate::codes;
use crate::diagnostic::{Diagnostic, nearest};
use crate::lowered::{Budget, Length, Literal};
use crate::source::Span;
use crate::tree::{SyntaxKind, SyntaxNode};
use crate::units;

/// A written literal, before anything is asked of it.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Written {
    Number(f64),
    Length(Length),
    Text(String),
    /// Dollars in millionths, and the period when one is given.
    Money(u64, Option<Length>),
    /// `$X`
    Hole(String),
    /// `09:30`, `...`
    Other(String),
}

/// A hundred years: longer than any deadline that can be meant, short enough to add to any time.
const LENGTH_MICROS_MAX: i64 = 100 * 366 * 86_400_000_000;

impl Lowering {
    /// Reads a literal node; says what is wrong with it.
    pub(super) fn literal(&mut self, node: &SyntaxNode) -> Option<Written> {
        let span = self.span(node);
        let tokens: Vec<_> = node.tokens().collect();
        let negative = tokens.first().is_some_and(|t| t.kind() == SyntaxKind::Minus);
        let first = tokens.get(usize::from(negative))?;
        let text = first.text();
        match first.kind() {
            // `5 minutes`: the parser has said what is wrong with it.
            SyntaxKind::Number if node.words().next().is_some() => None,
            SyntaxKind::Number => {
                let parts: Vec<&str> = tokens
                    .iter()
                    .filter(|t| t.kind() == SyntaxKind::Number)
                    .map(rowan::SyntaxToken::text)
                    .collect();
                let written = self.number(&parts, span)?;
                match (negative, written) {
                    (true, Written::Number(value)) => Some(Written::Number(-value)),
                    (true, Written::Length(_)) => {
                        self.push(Diagnostic::error(
                            codes::WRONG_KIND,
                            span,
                            format!(
                                "expected a length of time, found the negative `{}`",
                                node.flat()
                            ),
                        ));
                        None
                    }
                    (_, written) => Some(written),
                }
            }
            SyntaxKind::Money => {
                let dollars: f64 = text.trim_start_matches('$').replace('_', "").parse().ok()?;
                let micros = (dollars * 1e6).round();
                if !(0.0..9e18).contains(&micros) {
                    self.push(Diagnostic::error(
                        codes::WRONG_KIND,
                        span,
                        format!("`{text}` is more money than there is"),
                    ));
                    return None;
                }
                #[expect(
                    clippy::cast_possible_truncation,
                    clippy::cast_sign_loss,
                    reason = "the range was checked just above"
                )]
                let micros = micros as u64;
                Some(Written::Money(micros, self.period(node)))
            }
            SyntaxKind::Hole => Some(Written::Hole(text.to_owned())),
            SyntaxKind::Text | SyntaxKind::OpenText => Some(Written::Text(ast::unquoted(text))),
            _ => Some(Written::Other(text.to_owned())),
        }
    }

    pub(super) fn number(&mut self, parts: &[&str], span: Span) -> Option<Written> {
        let mut total = Length::default();
        let mut plain = None;
        for part in parts {
            let digits = part.trim_end_matches(|c: char| c.is_ascii_alphabetic() || c == '%');
            let unit = part.strip_prefix(digits).unwrap_or_default();
            let value: f64 = digits.replace('_', "").parse().ok()?;
            match unit {
                "" => plain = Some(value),
                "%" => plain = Some(value / 100.0),
                _ => {
                    let length = self.length_part(value, unit, span)?;
                    total.months = total.months.saturating_add(length.months);
                    total.micros = total.micros.saturating_add(length.micros);
                }
            }
        }
        match plain {
            Some(value) if parts.len() == 1 => Some(Written::Number(value)),
            Some(_) => None,
            None => Some(Written::Length(total)),
        }
    }

    fn length_part(&mut self, value: f64, unit: &str, span: Span) -> Option<Length> {
        let unknown = || {
            let fault = Diagnostic::error(
                codes::UNKNOWN_UNIT,
                span,
                format!("unknown unit `{unit}`"),
            )
            .help("the units are `us`, `ms`, `s`, `m`, `h`, `d`, `w`, `mo` (month) and `y` (year)");
            match units::meant(unit) {
                Some(short) => {
                    let unit = Span { start: span.end.saturating_sub(length(unit)), ..span };
                    fault.fix(format!("write `{short}`"), unit, short)
                }
                None => fault,
            }
        };
        if let Some(months) = unit_months(unit) {
            let count = value * f64::from(months);
            if count.fract() != 0.0 || count > 1_200.0 {
                self.push(
                    Diagnostic::error(
                        codes::WRONG_KIND,
                        span,
                        "expected whole months, at most 1200 of them",
                    )
                    .help("write shorter lengths in `d` or `w`"),
                );
                return None;
            }
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "whole and between 0 and 1200"
            )]
            return Some(Length { months: count as u32, micros: 0 });
        }
        let Some(micros) = unit_micros(unit) else {
            self.push(unknown());
            return None;
        };
        #[expect(clippy::cast_precision_loss, reason = "units are far below 2^52")]
        let total = value * micros as f64;
        #[expect(clippy::cast_precision_loss, reason = "a bound, not a measurement")]
        if total > LENGTH_MICROS_MAX as f64 {
            self.push(Diagnostic::error(
                codes::WRONG_KIND,
                span,
                "expected a length of at most 100 years",
            ));
            return None;
        }
        #[expect(clippy::cast_possible_truncation, reason = "bounded just above")]
        let micros = total.round() as i64;
        Some(Length::from_micros(micros))
    }

    /// The `month` of `$200/month`.
    fn period(&mut self, node: &SyntaxNode) -> Option<Length> {
        let slash = node.tokens().skip_while(|t| t.kind() != SyntaxKind::Slash).nth(1)?;
        let span = self.at(&slash);
        match slash.kind() {
            SyntaxKind::Number => match self.number(&[slash.text()], span)? {
                Written::Length(length) => Some(length),
                _ => None,
            },
            _ => {
                let length = named_period(slash.text());
                if length.is_none() {
                    let all = ["minute", "hour", "day", "week", "month", "year"];
                    self.push(
                        Diagnostic::error(
                            codes::UNKNOWN_UNIT,
                            span,
                            format!("unknown period `{}`", slash.text()),
                        )
                        .help(format!("the periods are `{}`", all.join("`, `")))
                        .did_you_mean_word(span, nearest(slash.text(), all)),
                    );
                }
                length
            }
        }
    }

    /// A length of time, where nothing else will do.
    pub(super) fn length(&mut self, node: &SyntaxNode, of_what: &str) -> Option<Length> {
        let span = self.span(node);
        let wrong = |found: String| {
            Diagnostic::error(
                codes::WRONG_KIND,
                span,
                format!("expected a length of time for {of_what}, found {found}"),
            )
        };
        if node.kind() != SyntaxKind::Literal {
            self.push(
                wrong(format!("`{}`", node.flat())).help("write for example `5s`, `1m` or `24h`"),
            );
            return None;
        }
        match self.literal(node)? {
            Written::Length(length) => Some(length),
            Written::Hole(name) => {
                self.open_value(span, &name);
                None
            }
            Written::Number(_) => {
                let text = node.flat();
                self.push(
                    wrong(format!("the number `{text}` without a unit"))
                        .help(format!(
                            "say which unit: `{text}s`, `{text}m`, `{text}h` or `{text}d`"
                        ))
                        .guess(format!("write `{text}s`"), span, format!("{text}s")),
                );
                None
            }
            _ => {
                self.push(
                    wrong(format!("`{}`", node.flat()))
                        .help("write for example `5s`, `1m` or `24h`"),
                );
                None
            }
        }
    }

    /// A hole was used where a value is needed.
    pub(super) fn open_value(&mut self, span: Span, name: &str) {
        self.push(
            Diagnostic::error(codes::OPEN_VALUE, span, format!("`{name}` has no value yet"))
                .label("a value is needed here")
                .help(format!("write the value in place of `{name}`")),
        );
    }

    pub(super) fn budget(&mut self, micro_dollars: u64, per: Option<Length>) -> Budget {
        Budget { micro_dollars, per: per.unwrap_or(Length::from_micros(3_600_000_000)) }
    }
}

fn length(text: &str) -> u32 {
    u32::try_from(text.len()).unwrap_or(u32::MAX)
}

/// A literal as the lowered spec has it; holes and the like have none.
pub(super) fn plain(written: &Written) -> Option<Literal> {
    match written {
        Written::Number(value) => Some(Literal::Number(*value)),
        Written::Length(length) => Some(Literal::Length(*length)),
        Written::Text(text) | Written::Other(text) => Some(Literal::Text(text.clone())),
        #[expect(clippy::cast_precision_loss, reason = "money is shown in dollars")]
        Written::Money(micros, _) => Some(Literal::Number(*micros as f64 / 1e6)),
        Written::Hole(_) => None,
    }
}

fn unit_months(unit: &str) -> Option<u32> {
    match unit {
        "mo" => Some(1),
        "y" => Some(12),
        _ => None,
    }
}

fn unit_micros(unit: &str) -> Option<i64> {
    Some(match unit {
        "us" => 1,
        "ms" => 1_000,
        "s" => 1_000_000,
        "m" => 60_000_000,
        "h" => 3_600_000_000,
        "d" => 86_400_000_000,
        "w" => 604_800_000_000,
        _ => return None,
    })
}

/// The length of `minute`, `hour`, … and of the units' short names.
pub(super) fn named_period(name: &str) -> Option<Length> {
    let fixed = |micros| Some(Length::from_micros(micros));
    match name {
        "second" => fixed(1_000_000),
        "minute" => fixed(60_000_000),
        "hour" => fixed(3_600_000_000),
        "day" => fixed(86_400_000_000),
        "week" => fixed(604_800_000_000),
        "month" => Some(Length { months: 1, micros: 0 }),
        "year" => Some(Length { months: 12, micros: 0 }),
        unit => match unit_months(unit) {
            Some(months) => Some(Length { months, micros: 0 }),
            None => unit_micros(unit).and_then(fixed),
        },
    }
}

/// A length in microseconds, a month taken as 28 days or 31: the shortest and longest it can be.
pub(super) fn bounds(length: Length) -> (i64, i64) {
    let day = 86_400_000_000_i64;
    let months = i64::from(length.months);
    let at = |days: i64| length.micros.saturating_add(months.saturating_mul(days * day));
    (at(28), at(31))
}
