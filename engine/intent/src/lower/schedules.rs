//! Periodic blocks: `every day at rep.preferred_time`, `every 15m`, `on friday at 16:00`.
//!
//! In: `every` and `on` items. Out: [`Block`]s.
//! Never: knows a calendar; which instant a local time is, is for the evaluators.
//! Promise: a block over an attribute's time is bound to the attribute's instance. Start reading at
//! [`Lowering::periodic`].

use super::Lowering;
use super::bindings::Bindings;
use super::duties::{Scope, Seen};
use super::literals::{Written, bounds, named_period};
use super::values::Place;
use crate::ast::{self, Node, Setting, view};
use crate::codes;
use crate::diagnostic::{Diagnostic, nearest};
use crate::lowered::{At, Block, CatchUp, Expr, Length, Period, Schedule, Trigger};
use crate::source::Span;
use crate::tree::{SyntaxKind, SyntaxNode, SyntaxToken};

const PERIODS: [&str; 6] = ["second", "minute", "hour", "day", "week", "month"];

const DAYS: [&str; 7] =
    ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];

/// The words of a periodic block's heading.
struct Heading {
    /// `day`, `15m`; none for `on friday`.
    period: Option<SyntaxToken>,
    /// The word after `on`.
    day: Option<SyntaxToken>,
    /// What stands after `at`.
    at: Option<SyntaxNode>,
}

impl Heading {
    fn of(item: &SyntaxNode) -> Self {
        let tokens: Vec<SyntaxToken> = item.tokens().collect();
        let on = tokens.iter().position(|token| token.text() == "on");
        let every = item.kind() == SyntaxKind::Every;
        Self {
            period: tokens.get(1).filter(|_| every).cloned(),
            day: on.and_then(|on| tokens.get(on + 1)).cloned(),
            at: item.children().find(|child| child.kind() != SyntaxKind::Body),
        }
    }
}

/// The time of day that a periodic block is bound to: the path after `at`.
pub(super) fn timed_by(item: &SyntaxNode) -> Option<SyntaxNode> {
    Heading::of(item).at.filter(|at| at.kind() == SyntaxKind::Path)
}

impl Lowering {
    pub(super) fn periodic(&mut self, item: &SyntaxNode) {
        let heading = Heading::of(item);
        let period = self.period_of(&heading);
        let at = match &heading.at {
            Some(at) => self.time_of_day(at),
            None => Some(At::Time(0)),
        };
        if let (Some((Period::Fixed(_), _)), Some(at)) = (period, &heading.at) {
            self.push(
                Diagnostic::error(
                    codes::WRONG_KIND,
                    self.span(at),
                    "`at` is a time of the day, and this period has no days",
                )
                .help("write `every day at …`, `every week at …` or `every month at …`"),
            );
        }
        let bound = match &at {
            Some(At::Of(path)) => path.entity.clone(),
            _ => None,
        };
        let heading_span = self.heading_span(item);
        self.check_zone(period.map(|(period, _)| period), bound.as_deref(), heading_span);
        self.bindings = Bindings::instance(bound.as_deref());
        let place = heading.period.as_ref().or(heading.day.as_ref()).map(|word| self.at(word));
        let scope = Scope {
            path: vec![ast::normal_heading(item)],
            period: period.map(|(_, length)| (length, place.unwrap_or(heading_span))),
            periodic: true,
            ..Scope::default()
        };
        let catch_up = self.catch_up_of(item);
        let body = self.body(item, &scope, &mut Seen::new());
        self.bindings = Bindings::event();
        let (Some((period, _)), Some(at)) = (period, at) else { return };
        let schedule = Schedule { period, at, catch_up, text: ast::heading(item) };
        let trigger = Trigger::Every(schedule);
        self.spec.blocks.push(Block { trigger, body, span: heading_span });
    }

    /// How often, and how long that is.
    fn period_of(&mut self, heading: &Heading) -> Option<(Period, Length)> {
        let week = named_period("week")?;
        let Some(token) = &heading.period else {
            return Some((Period::Week(self.weekday(heading.day.as_ref()?)?), week));
        };
        let found = self.period_named(token)?;
        let Some(day) = &heading.day else { return Some(found) };
        let weekday = self.weekday(day)?;
        if found.0 == Period::Week(1) {
            return Some((Period::Week(weekday), week));
        }
        self.push(
            Diagnostic::error(
                codes::WRONG_KIND,
                self.at(day),
                format!("`on {}` is a day of the week", day.text()),
            )
            .help(format!("write `every week on {}`", day.text())),
        );
        None
    }

    fn period_named(&mut self, token: &SyntaxToken) -> Option<(Period, Length)> {
        let span = self.at(token);
        let length = match token.kind() {
            SyntaxKind::Number => match self.number(&[token.text()], span)? {
                Written::Length(length) => Some(length),
                _ => None,
            },
            _ => named_period(token.text()).filter(|_| PERIODS.contains(&token.text())),
        };
        let Some(length) = length else {
            self.unknown_period(token);
            return None;
        };
        let period = match (token.text(), length) {
            ("day", _) => Period::Day,
            ("week", _) => Period::Week(1),
            (_, Length { months: 1, micros: 0 }) => Period::Month,
            (_, Length { months: 0, micros: 0 }) => {
                self.push(Diagnostic::error(
                    codes::NO_TIME,
                    span,
                    "a period of no time never ends",
                ));
                return None;
            }
            (_, Length { months: 0, micros }) => Period::Fixed(micros),
            _ => {
                self.push(
                    Diagnostic::error(
                        codes::WRONG_KIND,
                        span,
                        "expected a period of fixed length or `month`",
                    )
                    .help("write for example `every month`, `every 4w` or `every 90d`"),
                );
                return None;
            }
        };
        Some((period, length))
    }

    fn unknown_period(&mut self, token: &SyntaxToken) {
        let span = self.at(token);
        let fault = Diagnostic::error(
            codes::UNKNOWN_UNIT,
            span,
            format!("unknown period `{}`", token.text()),
        );
        let all = PERIODS.join("`, `");
        self.push(
            fault
                .help(format!("the periods are `{all}`, or a length such as `15m`"))
                .did_you_mean_word(span, nearest(token.text(), PERIODS)),
        );
    }

    fn weekday(&mut self, word: &SyntaxToken) -> Option<u8> {
        let number = (1..).zip(DAYS).find(|(_, day)| *day == word.text());
        if number.is_none() {
            let span = self.at(word);
            self.push(
                Diagnostic::error(
                    codes::UNKNOWN_UNIT,
                    span,
                    format!("expected a day of the week, found `{}`", word.text()),
                )
                .help(format!("the days are `{}`", DAYS.join("`, `")))
                .did_you_mean_word(span, nearest(&word.text().to_lowercase(), DAYS)),
            );
        }
        number.map(|(number, _)| number)
    }

    fn time_of_day(&mut self, node: &SyntaxNode) -> Option<At> {
        if node.kind() == SyntaxKind::Path && node.words().count() > 1 {
            let root = node.word(0)?;
            self.entity_used(root.text(), self.at(&root));
            self.bindings = Bindings::instance(Some(root.text()));
            let value = self.read(node, Place::Condition);
            self.bindings = Bindings::event();
            return match value? {
                Expr::Path(path) => Some(At::Of(path)),
                _ => {
                    self.no_time_of_day(node);
                    None
                }
            };
        }
        let text = match self.literal_of(node) {
            Some(Written::Text(text) | Written::Other(text)) => text,
            _ => String::new(),
        };
        let time = time_of_day(&text);
        if time.is_none() {
            self.no_time_of_day(node);
        }
        time.map(At::Time)
    }

    fn literal_of(&mut self, node: &SyntaxNode) -> Option<Written> {
        if node.kind() == SyntaxKind::Literal { self.literal(node) } else { None }
    }

    fn no_time_of_day(&mut self, node: &SyntaxNode) {
        self.push(
            Diagnostic::error(
                codes::WRONG_KIND,
                self.span(node),
                format!("expected a time of the day, found `{}`", node.flat()),
            )
            .help("write for example `09:30`, or an attribute that holds it: `rep.preferred_time`"),
        );
    }

    fn catch_up_of(&mut self, item: &SyntaxNode) -> CatchUp {
        let mut settings = item.statements().into_iter().filter(|node| node.is_set("catch_up"));
        let Some(first) = settings.next() else { return self.set.catch_up };
        if let Some(second) = settings.next() {
            self.push(
                Diagnostic::error(codes::SET_TWICE, self.span(&second), "`catch_up` is set twice")
                    .also(self.span(&first), "first set here")
                    .help("keep one of the two"),
            );
        }
        self.catch_up(&first).unwrap_or(self.set.catch_up)
    }

    /// `catch_up: latest | all | none`, one of them.
    pub(super) fn catch_up(&mut self, node: &SyntaxNode) -> Option<CatchUp> {
        let values = view::<Setting>(node)?.values();
        let words: Vec<String> = values.iter().map(Node::flat).collect();
        let chosen = match words.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
            ["latest"] => CatchUp::Latest,
            ["all"] => CatchUp::All,
            ["none"] => CatchUp::None,
            _ => {
                self.unknown_choice(&values, "which missed ticks run", &["latest", "all", "none"]);
                return None;
            }
        };
        Some(chosen)
    }

    /// A block by the calendar that nothing gives a zone runs by UTC, which is seldom meant.
    fn check_zone(&mut self, period: Option<Period>, bound: Option<&str>, span: Span) {
        let by_calendar = matches!(period, Some(Period::Day | Period::Week(_) | Period::Month));
        let own = bound.is_some_and(|entity| self.names.attribute(entity, "time_zone").is_some());
        if by_calendar && !own && self.spec.time_zone.is_none() && self.sound {
            self.push(
                Diagnostic::warning(
                    codes::NO_ZONE,
                    span,
                    "nothing says in which time zone, so this goes by UTC",
                )
                .help("write for example `time_zone: \"Europe/London\"` or `time_zone: \"UTC\"`"),
            );
        }
    }

    /// A deadline in a periodic block that is no shorter than its period.
    pub(super) fn check_period(&mut self, within: &SyntaxNode, length: Length, scope: &Scope) {
        let Some((period, place)) = scope.period else { return };
        if bounds(length).0 >= bounds(period).1 {
            let span = self.span(within);
            self.push(
                Diagnostic::warning(
                    codes::OVER_PERIOD,
                    span,
                    "this deadline is no shorter than the period of its block",
                )
                .also(place, "the next round begins before it is due"),
            );
        }
    }
}

/// `09:30` or `09:30:15` in microseconds since midnight.
fn time_of_day(text: &str) -> Option<i64> {
    let mut seconds = 0;
    let parts: Vec<&str> = text.split(':').collect();
    if !(2..=3).contains(&parts.len()) {
        return None;
    }
    for (part, (below, unit)) in parts.iter().zip([(24, 3_600), (60, 60), (60, 1)]) {
        let digits = !part.is_empty() && part.len() <= 2;
        let digits = digits && part.chars().all(|c| c.is_ascii_digit());
        let value: i64 = part.parse().ok().filter(|value| digits && *value < below)?;
        seconds += value * unit;
    }
    Some(seconds * 1_000_000)
}
