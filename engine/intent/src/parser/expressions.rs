//! The grammar of values and conditions.
//!
//! In: the cursor. Out: expression nodes. `NOT` binds before `AND`, `AND` before `OR`; predicates
//! (`<`, `is`, `crosses`, `has`, `exists`, `for`) bind before all three.
//! Never: reads a `{` as an object inside a condition, where it begins a block.
//! Promise: chains (`a AND b AND …`, `a.b.c…`) are flat nodes, so that only brackets and `NOT` nest.

use super::Parser;
use crate::codes;
use crate::diagnostic::Diagnostic;
use crate::tree::SyntaxKind;
use crate::units;

/// How many predicates may follow one operand.
const PREDICATES_MAX: usize = 4;

impl Parser<'_> {
    /// A condition, and after it the time that all of it has to last: `a AND b for > 4h`.
    pub(super) fn lasting(&mut self) {
        let checkpoint = self.checkpoint();
        let outer = std::mem::replace(&mut self.lasting_ends, true);
        self.expression();
        self.lasting_ends = outer;
        if self.at_word("for") && self.length_follows(1) {
            self.start_at(checkpoint, SyntaxKind::Held);
            self.predicate_tail(SyntaxKind::Held);
            self.finish();
        }
    }

    /// A condition or value.
    pub(super) fn expression(&mut self) {
        if !self.enter() {
            return;
        }
        self.chain(SyntaxKind::Or, &["OR", "or"], |parser| {
            parser.chain(SyntaxKind::And, &["AND", "and"], Self::negation);
        });
        self.leave();
    }

    fn chain(&mut self, kind: SyntaxKind, words: &[&str], mut part: impl FnMut(&mut Self)) {
        let checkpoint = self.checkpoint();
        part(self);
        let joins = |parser: &Self| {
            parser.word(0).is_some_and(|word| words.contains(&word))
                || (kind == SyntaxKind::And && parser.at_ampersand())
        };
        if !joins(self) {
            return;
        }
        self.start_at(checkpoint, kind);
        while joins(self) {
            if self.at_ampersand() {
                let fault = super::unknown(self.current_span(), "&");
                self.report(fault.fix("write `AND`", self.current_span(), "AND"));
                self.bump();
                if self.at_ampersand() {
                    self.bump();
                }
            } else {
                self.bump();
            }
            part(self);
        }
        self.finish();
    }

    fn at_ampersand(&self) -> bool {
        self.token(0).is_some_and(|t| t.kind == SyntaxKind::Unknown && t.text.starts_with('&'))
    }

    fn negation(&mut self) {
        if !(self.at_word("NOT") || self.at_word("not")) {
            return self.predicate();
        }
        if !self.enter() {
            return;
        }
        self.start(SyntaxKind::Not);
        self.bump();
        self.negation();
        self.finish();
        self.leave();
    }

    fn predicate(&mut self) {
        let checkpoint = self.checkpoint();
        self.operand();
        let mut compared = false;
        // Bounded, since each predicate wraps what stands before it: no sound text has more than
        // two, as in `no(x) is late for > 24h`.
        for _ in 0..PREDICATES_MAX {
            let kind = match (self.kind(0), self.word(0)) {
                (
                    Some(
                        SyntaxKind::Less
                        | SyntaxKind::LessEqual
                        | SyntaxKind::Greater
                        | SyntaxKind::GreaterEqual
                        | SyntaxKind::Equal
                        | SyntaxKind::EqualEqual
                        | SyntaxKind::NotEqual,
                    ),
                    _,
                )
                | (_, Some("is")) => SyntaxKind::Compare,
                (_, Some("crosses")) => SyntaxKind::Crosses,
                (_, Some("has")) if self.kind(1) != Some(SyntaxKind::Colon) => SyntaxKind::Has,
                (_, Some("exists")) => SyntaxKind::Exists,
                (_, Some("for")) if !self.lasting_ends && self.length_follows(1) => {
                    SyntaxKind::Held
                }
                _ => return,
            };
            if compared && kind == SyntaxKind::Compare {
                self.chained_comparison();
            }
            compared |= kind == SyntaxKind::Compare;
            self.start_at(checkpoint, kind);
            self.predicate_tail(kind);
            self.finish();
        }
    }

    fn predicate_tail(&mut self, kind: SyntaxKind) {
        let is = self.at_word("is");
        self.bump();
        match kind {
            SyntaxKind::Crosses => {
                if self.at_word("above") || self.at_word("below") {
                    self.bump();
                }
                self.operand();
            }
            SyntaxKind::Exists => {}
            SyntaxKind::Held => {
                if self.at(SyntaxKind::Greater) || self.at(SyntaxKind::GreaterEqual) {
                    self.bump();
                }
                self.operand();
            }
            _ => {
                if is && (self.at_word("not") || self.at_word("NOT")) {
                    self.bump();
                }
                self.operand();
            }
        }
    }

    fn chained_comparison(&mut self) {
        let fault = Diagnostic::error(
            codes::CHAINED,
            self.current_span(),
            "a comparison has two sides, found a third",
        )
        .help("write `a < b AND b < c`");
        self.report(fault);
    }

    fn length_follows(&self, ahead: usize) -> bool {
        let more = matches!(self.kind(ahead), Some(SyntaxKind::Greater | SyntaxKind::GreaterEqual));
        let length = self.kind(ahead + usize::from(more));
        matches!(length, Some(SyntaxKind::Number | SyntaxKind::Hole))
    }

    /// A literal, path, call, list, or anything in parentheses.
    pub(super) fn operand(&mut self) {
        match self.kind(0) {
            Some(SyntaxKind::Word) if !self.begins_statement() => self.path_or_call(),
            Some(SyntaxKind::Number | SyntaxKind::Money | SyntaxKind::Hole | SyntaxKind::Minus) => {
                self.number()
            }
            Some(SyntaxKind::Text | SyntaxKind::TimeOfDay | SyntaxKind::Ellipsis) => {
                self.start(SyntaxKind::Literal);
                self.bump();
                self.finish();
            }
            Some(SyntaxKind::OpenText) => {
                let fault = super::open_text(self.current_span());
                self.report(fault);
                self.start(SyntaxKind::Literal);
                self.bump();
                self.finish();
            }
            Some(SyntaxKind::LeftParen) => self.parenthesis(),
            Some(SyntaxKind::LeftBracket) => self.list(),
            _ => self.missing("a value"),
        }
    }

    /// `45`, `-3`, `1h 30m`, `$200/month`, `$X/hour`.
    fn number(&mut self) {
        self.start(SyntaxKind::Literal);
        if self.eat(SyntaxKind::Minus) && !self.at(SyntaxKind::Number) {
            self.missing("a number");
            self.finish();
            return;
        }
        let unit = |text: &str| text.ends_with(|c: char| c.is_ascii_alphabetic());
        let length = self.token(0).is_some_and(|t| t.kind == SyntaxKind::Number && unit(t.text));
        let money = self.at(SyntaxKind::Money) || self.at(SyntaxKind::Hole);
        let plain = self.token(0).is_some_and(|t| t.kind == SyntaxKind::Number && !unit(t.text));
        self.bump();
        if plain && !self.starts_line(0) {
            self.parted_unit();
        }
        while length
            && !self.starts_line(0)
            && self.token(0).is_some_and(|t| t.kind == SyntaxKind::Number && unit(t.text))
        {
            self.bump();
        }
        if money && self.eat(SyntaxKind::Slash) && !self.eat(SyntaxKind::Number) {
            self.expect(SyntaxKind::Word, "a period such as `month`");
        }
        self.finish();
    }

    /// `5 minutes`: the unit stands right behind its number.
    fn parted_unit(&mut self) {
        let Some(short) = self.word(0).and_then(units::meant) else { return };
        if self.kind(1) == Some(SyntaxKind::Colon) {
            return;
        }
        let word = self.word(0).unwrap_or_default();
        let end = self.previous_end();
        let unit = self.current_span();
        let gap = crate::Span { start: self.span(end, end).start, ..unit };
        let fault = Diagnostic::error(
            codes::UNKNOWN_UNIT,
            unit,
            format!("expected the unit right behind the number, found `{word}`"),
        )
        .help(format!("write `{short}` right behind the number"))
        .fix(format!("write `{short}`"), gap, short);
        self.report(fault);
        self.bump();
    }

    fn parenthesis(&mut self) {
        let opener = self.current_span();
        self.start(SyntaxKind::Paren);
        self.bump();
        let outer = std::mem::replace(&mut self.lasting_ends, false);
        self.expression();
        self.lasting_ends = outer;
        self.close(SyntaxKind::RightParen, opener, "(");
        self.finish();
    }

    /// Takes the closing bracket; skips what stands before it on the same line.
    fn close(&mut self, kind: SyntaxKind, opener: crate::Span, symbol: &str) {
        if self.eat(kind) {
            return;
        }
        if self.at_end() || self.begins_statement() || self.at(SyntaxKind::RightBrace) {
            return self.unclosed(opener, symbol);
        }
        self.missing(if symbol == "(" { "`)`" } else { "`]`" });
        self.start(SyntaxKind::Error);
        while !self.at_end() && !self.starts_line(0) && !self.at(kind) && !self.at_brace() {
            self.bump();
        }
        self.finish();
        self.eat(kind);
    }

    fn at_brace(&self) -> bool {
        self.at(SyntaxKind::LeftBrace) || self.at(SyntaxKind::RightBrace)
    }

    fn list(&mut self) {
        if !self.enter() {
            return;
        }
        let opener = self.current_span();
        self.start(SyntaxKind::List);
        self.bump();
        while !self.at_end() && !self.at(SyntaxKind::RightBracket) {
            let before = self.at;
            self.value();
            if !self.eat(SyntaxKind::Comma) || self.at == before {
                break;
            }
        }
        self.close(SyntaxKind::RightBracket, opener, "[");
        self.finish();
        self.leave();
    }

    /// `a.b.c`, `a[]`, `f(x)`, `m(e).a.b`.
    pub(super) fn path_or_call(&mut self) {
        let checkpoint = self.checkpoint();
        self.start(SyntaxKind::Path);
        self.bump();
        self.dots();
        if self.at(SyntaxKind::LeftBracket) && self.kind(1) == Some(SyntaxKind::RightBracket) {
            self.bump();
            self.bump();
        }
        self.finish();
        if self.at(SyntaxKind::LeftParen) && !self.starts_line(0) {
            self.start_at(checkpoint, SyntaxKind::Call);
            self.arguments();
            self.dots();
            self.finish();
        }
    }

    fn dots(&mut self) {
        while self.at(SyntaxKind::Dot) {
            self.bump();
            if !self.starts_line(0) || self.at_end() {
                self.expect(SyntaxKind::Word, "a name after `.`");
            } else {
                self.missing("a name after `.`");
            }
        }
    }

    /// `(a, name: b)`.
    pub(super) fn arguments(&mut self) {
        if !self.enter() {
            return;
        }
        let opener = self.current_span();
        self.start(SyntaxKind::Args);
        self.bump();
        loop {
            if self.eat(SyntaxKind::RightParen) {
                break;
            }
            if self.at_end() || self.at_brace() || self.begins_statement() {
                self.unclosed(opener, "(");
                break;
            }
            let faults = self.faults.len();
            let before = self.at;
            self.start(SyntaxKind::Arg);
            if self.kind(0) == Some(SyntaxKind::Word) && self.kind(1) == Some(SyntaxKind::Colon) {
                self.bump();
                self.bump();
            }
            self.value();
            self.finish();
            if self.eat(SyntaxKind::Comma) || self.at(SyntaxKind::RightParen) {
                continue;
            }
            if self.at_end() || self.begins_statement() || self.at(SyntaxKind::LeftBrace) {
                continue;
            }
            // An argument on the next line most likely misses only the comma before it.
            let next_line = self.at > before && self.starts_line(0) && self.at(SyntaxKind::Word);
            if self.faults.len() == faults {
                let end = self.previous_end();
                let fault = self.missing_fault("`,` or `)`");
                let comma = self.span(end, end);
                self.report(if next_line {
                    fault.fix("put a `,` here", comma, ",")
                } else {
                    fault
                });
            }
            if next_line {
                continue;
            }
            self.skip_argument();
        }
        self.finish();
        self.leave();
    }

    fn skip_argument(&mut self) {
        self.start(SyntaxKind::Error);
        while !self.at_end() && !self.at_brace() && !self.at(SyntaxKind::RightParen) {
            if self.at(SyntaxKind::Comma) || self.begins_statement() {
                break;
            }
            if self.at(SyntaxKind::LeftParen) || self.at(SyntaxKind::LeftBracket) {
                self.skip_group();
            } else {
                self.bump();
            }
        }
        self.finish();
        self.eat(SyntaxKind::Comma);
    }

    /// A value where an object may stand too.
    pub(super) fn value(&mut self) {
        if self.at(SyntaxKind::LeftBrace) { self.object() } else { self.expression() }
    }

    /// `{ type: call, c1, data: { … } }`.
    pub(super) fn object(&mut self) {
        let opener = self.current_span();
        if !self.enter() {
            return;
        }
        self.start(SyntaxKind::Object);
        self.expect(SyntaxKind::LeftBrace, "`{`");
        loop {
            if self.eat(SyntaxKind::RightBrace) {
                break;
            }
            if self.at_end() {
                self.unclosed(opener, "{");
                break;
            }
            let before = self.at;
            self.start(SyntaxKind::Field);
            if self.kind(0) == Some(SyntaxKind::Word) && self.kind(1) == Some(SyntaxKind::Colon) {
                self.bump();
                self.bump();
            }
            self.value();
            self.finish();
            if self.eat(SyntaxKind::Comma) || self.at(SyntaxKind::RightBrace) {
                continue;
            }
            self.missing("`,` or `}`");
            if self.at == before {
                self.start(SyntaxKind::Error);
                self.bump();
                self.finish();
            }
        }
        self.finish();
        self.leave();
    }
}
