//! The grammar inside blocks: duties, guards, groups, assertions, settings.
//!
//! In: the cursor before a `{`. Out: a [`SyntaxKind::Body`] with statements.
//! Never: lets one bad statement swallow the next; a statement begins with its keyword on a line.
//! Promise: a missing brace is reported once and the statements after it are still read.

use super::Parser;
use super::items::Place;
use crate::codes;
use crate::tree::SyntaxKind;

pub(crate) const STRENGTHS: [&str; 3] = ["must", "should", "could"];

impl Parser<'_> {
    /// `must`, `each must`, `if`, `assert`, `within` and `fallback` in their places, or an item
    /// keyword, first on its line: the points where reading can start again.
    pub(super) fn begins_statement(&self) -> bool {
        self.starts_line(0) && (self.begins_duty() || self.begins_item())
    }

    pub(super) fn begins_duty(&self) -> bool {
        match self.word(0) {
            Some(word) if STRENGTHS.contains(&word) || word == "assert" => {
                self.kind(1) == Some(SyntaxKind::Colon)
                    || (self.kind(1) == Some(SyntaxKind::Word) && !self.starts_line(1))
            }
            Some("each") => self.word(1).is_some_and(|word| STRENGTHS.contains(&word)),
            Some("within" | "fallback") => self.kind(1) == Some(SyntaxKind::Colon),
            Some("if") => self.kind(1) != Some(SyntaxKind::Colon),
            _ => false,
        }
    }

    /// `{ … }` of the given place.
    pub(super) fn body(&mut self, place: Place) {
        let opener = self.current_span();
        let indent = self.lines.start(self.lines.line(opener.start));
        let opener_indent = self.indent_after(indent);
        if !self.at(SyntaxKind::LeftBrace) {
            let end = self.previous_end();
            let fault = self.missing_fault("`{`");
            // When the statements follow all the same, only the brace was forgotten.
            if self.starts_line(0) && self.begins_duty() {
                self.report(fault.fix("put a `{` here", self.span(end, end), " {"));
            } else {
                self.report(fault);
                if !self.skip_to_brace() {
                    return;
                }
            }
        }
        if !self.enter() {
            return;
        }
        self.start(SyntaxKind::Body);
        self.eat(SyntaxKind::LeftBrace);
        loop {
            if self.at_end() {
                self.unclosed(opener, "{");
                break;
            }
            if self.at(SyntaxKind::RightBrace) {
                let close = self.current_span();
                if self.starts_line(0)
                    && close.start - self.lines.start(self.lines.line(close.start)) < opener_indent
                {
                    self.suspect.get_or_insert(opener);
                }
                self.bump();
                break;
            }
            if place != Place::Items
                && self.starts_line(0)
                && self.begins_item()
                && !self.for_each_here(place)
            {
                self.left_open(place);
                break;
            }
            let before = self.at;
            self.statement(place);
            if self.at == before {
                self.skip_statement();
            }
        }
        self.finish();
        self.leave();
    }

    /// Skips to a `{` further on in the same line: what stands between is the fault.
    fn skip_to_brace(&mut self) -> bool {
        let mut ahead = 0;
        while !self.starts_line(ahead) && self.kind(ahead) != Some(SyntaxKind::LeftBrace) {
            ahead += 1;
        }
        if self.starts_line(ahead) {
            return false;
        }
        self.start(SyntaxKind::Error);
        while ahead > 0 {
            self.bump();
            ahead -= 1;
        }
        self.finish();
        true
    }

    fn for_each_here(&self, place: Place) -> bool {
        place == Place::Duties && self.at_word("for")
    }

    /// How far the first token of the line that begins at `start` is indented.
    fn indent_after(&self, start: u32) -> u32 {
        let index = self.significant.partition_point(|(index, _)| {
            self.tokens.get(*index).is_some_and(|t| u32::try_from(t.start).is_ok_and(|s| s < start))
        });
        let token = self.significant.get(index).and_then(|(index, _)| self.tokens.get(*index));
        token.and_then(|t| u32::try_from(t.start).ok()).map_or(0, |at| at.saturating_sub(start))
    }

    fn left_open(&mut self, place: Place) {
        let word = self.word(0).unwrap_or_default();
        let message = format!("`{word}` cannot stand inside {}", place.name());
        self.misplaced(codes::MISPLACED, message, "close the block above with `}` first");
        self.owed_closes += 1;
    }

    fn statement(&mut self, place: Place) {
        match place {
            Place::Items => self.item(),
            Place::Scenario => self.step(),
            Place::Duties => self.duty_statement(),
            Place::Settings => match (self.word(0), self.kind(1)) {
                (Some(_), Some(SyntaxKind::Colon)) => self.setting(),
                (Some("state"), _) => self.state(),
                _ => self.missing("a setting such as `name: value`, or `}`"),
            },
        }
    }

    pub(super) fn duty_statement(&mut self) {
        match self.word(0) {
            Some("each") if !self.colon_follows() => self.duty(),
            Some(word) if STRENGTHS.contains(&word) => self.duty(),
            Some("assert") => self.assertion(),
            Some("if") if !self.colon_follows() => self.guard(),
            Some("for") if !self.colon_follows() => self.for_each(),
            Some("within") if self.group_follows() => self.group(),
            Some(_) if self.colon_follows() => {
                self.setting();
                // A misspelt `must:` may have its deadline below; it belongs to it all the same.
                self.modifiers();
            }
            _ => self.missing("a duty such as `must: action(…)`, an `if`, or `}`"),
        }
    }

    fn colon_follows(&self) -> bool {
        self.kind(1) == Some(SyntaxKind::Colon)
    }

    /// `[each] must [label]: f(x) within: d fallback: g`.
    pub(super) fn duty(&mut self) {
        self.start(SyntaxKind::Duty);
        self.eat_word("each");
        if self.word(0).is_some_and(|word| STRENGTHS.contains(&word)) {
            self.bump();
        } else {
            self.missing("`must`, `should` or `could`");
        }
        self.label();
        self.colon();
        self.called();
        self.modifiers();
        self.finish();
    }

    /// A name between keyword and colon.
    fn label(&mut self) {
        if self.at(SyntaxKind::Word) && self.colon_follows() && !self.starts_line(0) {
            self.bump();
        }
    }

    /// `f` or `f(x)`.
    fn called(&mut self) {
        if self.at(SyntaxKind::Word) && !self.begins_statement() {
            self.path_or_call();
        } else {
            self.missing("an action such as `notify(customer)`");
        }
    }

    fn modifiers(&mut self) {
        loop {
            match self.word(0) {
                Some("within") if !self.group_follows() => {
                    self.start(SyntaxKind::Within);
                    self.bump();
                    self.colon();
                    self.operand();
                    self.finish();
                }
                Some("fallback") => {
                    self.start(SyntaxKind::Fallback);
                    self.bump();
                    self.colon();
                    self.called();
                    if self.enter() {
                        self.modifiers();
                        self.leave();
                    }
                    self.finish();
                }
                Some("using") => {
                    self.start(SyntaxKind::Using);
                    self.bump();
                    if !self.eat_word("inferred") {
                        self.missing("`inferred`");
                    }
                    self.finish();
                }
                _ => return,
            }
        }
    }

    /// Whether `within: d {` stands here. Bounded, since a length has few parts.
    fn group_follows(&self) -> bool {
        if self.word(0) != Some("within") || !self.colon_follows() {
            return false;
        }
        let mut ahead = 2;
        while self.kind(ahead) == Some(SyntaxKind::Number) && ahead < 8 {
            ahead += 1;
        }
        ahead > 2 && self.kind(ahead) == Some(SyntaxKind::LeftBrace)
    }

    fn group(&mut self) {
        self.start(SyntaxKind::Group);
        self.start(SyntaxKind::Within);
        self.bump();
        self.colon();
        self.operand();
        self.finish();
        self.body(Place::Duties);
        self.finish();
    }

    fn guard(&mut self) {
        self.start(SyntaxKind::If);
        self.bump();
        self.expression();
        if self.at_word("using") {
            self.modifiers();
        }
        self.body(Place::Duties);
        self.finish();
    }

    fn assertion(&mut self) {
        self.start(SyntaxKind::Assert);
        self.bump();
        self.label();
        self.colon();
        self.lasting();
        self.finish();
    }

    /// `name: value, value unless condition`.
    pub(super) fn setting(&mut self) {
        self.start(SyntaxKind::Setting);
        self.bump();
        self.colon();
        self.expression();
        while self.at(SyntaxKind::Comma) || self.at(SyntaxKind::Pipe) {
            self.bump();
            if self.starts_line(0) && (self.colon_follows() || self.at(SyntaxKind::RightBrace)) {
                break;
            }
            self.expression();
        }
        if self.at_word("unless") {
            self.start(SyntaxKind::Unless);
            self.bump();
            self.expression();
            self.finish();
        }
        self.finish();
    }
}
