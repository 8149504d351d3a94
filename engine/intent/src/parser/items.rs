//! The grammar of what may stand bare in a file or inside `system { … }`.
//!
//! In: the cursor. Out: item nodes under the root.
//! Never: treats a word as keyword that is followed by `:`; that is a setting.
//! Promise: keywords are contextual, so all of them are also names elsewhere.

use super::Parser;
use crate::codes;
use crate::diagnostic::{Diagnostic, nearest};
use crate::tree::SyntaxKind;

/// What a `{ … }` may hold.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Items,
    Duties,
    Settings,
    Scenario,
}

impl Place {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Items => "a system",
            Self::Duties => "a block of duties",
            Self::Settings => "a block of settings",
            Self::Scenario => "a scenario",
        }
    }
}

pub(crate) const ITEMS: [&str; 19] = [
    "action",
    "always",
    "capability",
    "entity",
    "event",
    "every",
    "for",
    "invariant",
    "limits",
    "measure",
    "metric",
    "on",
    "optimise",
    "optimize",
    "scenario",
    "state",
    "system",
    "threshold",
    "when",
];

impl Parser<'_> {
    pub(super) fn root(&mut self) {
        // Not `start`: trivia before the first token belongs inside the root.
        self.builder.start_node(rowan::SyntaxKind(SyntaxKind::Root as u16));
        while !self.at_end() {
            let before = self.at;
            if self.at(SyntaxKind::RightBrace) {
                self.stray_brace();
                continue;
            }
            self.item();
            if self.at == before {
                self.skip_statement();
            }
        }
        self.trivia();
        self.finish();
    }

    fn stray_brace(&mut self) {
        if self.owed_closes > 0 {
            self.owed_closes -= 1;
        } else {
            let span = self.current_span();
            let fault = Diagnostic::error(codes::STRAY, span, "`}` closes nothing")
                .help("remove it, or look for a block above that was closed too early")
                .guess("remove it", span, "");
            self.report(fault);
        }
        self.start(SyntaxKind::Error);
        self.bump();
        self.finish();
    }

    /// Whether a keyword that begins an item stands here.
    pub(super) fn begins_item(&self) -> bool {
        let Some(word) = self.word(0) else { return false };
        if !ITEMS.contains(&word) || self.starts_line(1) && !matches!(word, "always" | "limits") {
            return false;
        }
        match self.kind(1) {
            Some(SyntaxKind::LeftBrace) => matches!(word, "always" | "limits" | "system"),
            Some(SyntaxKind::Word) => !matches!(word, "always" | "limits" | "state"),
            Some(SyntaxKind::Text) => matches!(word, "system" | "event" | "scenario" | "when"),
            Some(SyntaxKind::Number) => word == "every",
            _ => false,
        }
    }

    pub(super) fn item(&mut self) {
        let Some(word) = self.word(0) else {
            return self.missing("a declaration such as `entity`, `when` or `must`");
        };
        if self.kind(1) == Some(SyntaxKind::Colon) && !self.begins_duty() {
            return if self.kind(2) == Some(SyntaxKind::LeftBrace) {
                self.record()
            } else {
                self.setting()
            };
        }
        match word {
            "system" => self.system(),
            "entity" | "capability" | "action" => self.named(word),
            "event" => self.event(),
            "measure" => self.measure(),
            "metric" => self.metric(),
            "threshold" => self.threshold(),
            "limits" => self.simple(SyntaxKind::LimitsItem, Place::Settings),
            "always" => self.simple(SyntaxKind::Always, Place::Duties),
            "when" => self.when(),
            "every" => self.every(),
            "on" => self.on_day(),
            "for" => self.for_each(),
            "invariant" => self.invariant(),
            "optimise" | "optimize" => self.optimise(),
            "scenario" => self.scenario(),
            _ if self.begins_duty() || word == "must" => self.homeless_duty(word),
            _ => self.unknown_item(word),
        }
    }

    fn homeless_duty(&mut self, word: &str) {
        self.misplaced(
            codes::MISPLACED,
            format!("`{word}` must stand inside a block"),
            "put it into `when some.event { … }`, which says what it follows from",
        );
        self.duty_statement();
        // More of them are the same mistake.
        while self.starts_line(0) && self.begins_duty() {
            let before = self.at;
            self.duty_statement();
            if self.at == before {
                break;
            }
        }
    }

    fn unknown_item(&mut self, word: &str) {
        let span = self.current_span();
        let fault = Diagnostic::error(
            codes::UNEXPECTED,
            span,
            format!(
                "expected a declaration such as `entity` or `when`, found `{}`",
                super::shortened(word)
            ),
        );
        let fault = fault.did_you_mean_word(span, nearest(word, ITEMS));
        self.report(fault);
        self.skip_statement();
    }

    fn simple(&mut self, kind: SyntaxKind, place: Place) {
        self.start(kind);
        self.bump();
        self.body(place);
        self.finish();
    }

    fn system(&mut self) {
        self.start(SyntaxKind::System);
        self.bump();
        self.text_or_word("the system's name, as in `system \"shop\"`");
        self.body(Place::Items);
        self.finish();
    }

    fn text_or_word(&mut self, what: &str) {
        match self.kind(0) {
            Some(SyntaxKind::Text | SyntaxKind::Word) => self.bump(),
            Some(SyntaxKind::OpenText) => {
                let fault = super::open_text(self.current_span());
                self.report(fault);
                self.bump();
            }
            _ => self.missing(what),
        }
    }

    /// `entity x { … }`, `capability x { … }`, `action f(p) { … }`; the body may be left out.
    fn named(&mut self, word: &str) {
        self.start(match word {
            "entity" => SyntaxKind::Entity,
            "capability" => SyntaxKind::Capability,
            _ => SyntaxKind::Action,
        });
        self.bump();
        self.expect(SyntaxKind::Word, &format!("the name of the {word}"));
        if word == "action" && self.at(SyntaxKind::LeftParen) {
            self.parameters();
        }
        // Without a body, the next item may follow on the same line.
        let next = self.word(0).is_some() && self.kind(1) != Some(SyntaxKind::Colon);
        if self.at(SyntaxKind::LeftBrace) || !(self.starts_line(0) || next) {
            self.body(Place::Settings);
        }
        self.finish();
    }

    fn parameters(&mut self) {
        let opener = self.current_span();
        self.start(SyntaxKind::Params);
        self.bump();
        while self.at(SyntaxKind::Word) {
            self.start(SyntaxKind::Param);
            self.bump();
            if self.eat(SyntaxKind::Colon) {
                self.expect(SyntaxKind::Word, "an entity");
            }
            self.finish();
            if !self.eat(SyntaxKind::Comma) {
                break;
            }
        }
        if !self.eat(SyntaxKind::RightParen) {
            if self.at_end() || self.starts_line(0) {
                self.unclosed(opener, "(");
            } else {
                self.missing("`,` or `)`");
                self.start(SyntaxKind::Error);
                while !self.at_end() && !self.starts_line(0) && !self.at(SyntaxKind::RightParen) {
                    self.bump();
                }
                self.finish();
                self.eat(SyntaxKind::RightParen);
            }
        }
        self.finish();
    }

    /// `a.b | "any text"`, in one node.
    fn names(&mut self, separators: &[SyntaxKind]) {
        self.start(SyntaxKind::Names);
        loop {
            match self.kind(0) {
                Some(SyntaxKind::Word) if !self.begins_statement() => self.path_or_call(),
                Some(SyntaxKind::Text | SyntaxKind::OpenText) => self.operand(),
                _ => self.missing("the name of an event"),
            }
            if !self.kind(0).is_some_and(|kind| separators.contains(&kind)) {
                break;
            }
            self.bump();
        }
        self.finish();
    }

    fn event(&mut self) {
        self.start(SyntaxKind::Event);
        self.bump();
        self.names(&[]);
        if self.eat_word("as") {
            self.names(&[SyntaxKind::Pipe, SyntaxKind::Comma]);
        }
        self.finish();
    }

    fn measure(&mut self) {
        self.start(SyntaxKind::Measure);
        self.bump();
        self.expect(SyntaxKind::Word, "the name of the measure");
        if self.at(SyntaxKind::LeftParen) {
            self.parameters();
        } else {
            self.missing("`(` and the entity that is measured");
        }
        if self.eat_word("from") {
            self.names(&[SyntaxKind::Pipe]);
        } else {
            self.missing("`from` and the event that carries the measure");
        }
        if self.at(SyntaxKind::LeftBrace) {
            self.object();
        }
        self.finish();
    }

    /// `metric response_time from http.served { duration }`.
    fn metric(&mut self) {
        self.start(SyntaxKind::Metric);
        self.bump();
        self.expect(SyntaxKind::Word, "the name of the metric");
        if self.eat_word("from") {
            self.names(&[SyntaxKind::Pipe]);
        } else {
            self.missing("`from` and the event that carries a sample");
        }
        if self.at(SyntaxKind::LeftBrace) {
            self.object();
        }
        self.finish();
    }

    fn threshold(&mut self) {
        self.start(SyntaxKind::Threshold);
        self.bump();
        self.expect(SyntaxKind::Word, "the name of the threshold");
        self.colon();
        self.operand();
        if self.at_word("falling") || self.at_word("rising") {
            self.bump();
        }
        self.finish();
    }

    pub(super) fn state(&mut self) {
        self.start(SyntaxKind::State);
        self.bump();
        self.expect(SyntaxKind::Word, "the name of the state");
        self.colon();
        if self.eat_word("from") {
            self.names(&[SyntaxKind::Pipe]);
        } else {
            self.missing("`from` and the event that begins the state");
        }
        if self.eat_word("until") {
            self.names(&[SyntaxKind::Pipe]);
        }
        self.finish();
    }

    fn when(&mut self) {
        self.start(SyntaxKind::When);
        self.bump();
        self.start(SyntaxKind::Trigger);
        self.lasting();
        while self.eat(SyntaxKind::Pipe) {
            self.lasting();
        }
        self.finish();
        self.body(Place::Duties);
        self.finish();
    }

    fn every(&mut self) {
        self.start(SyntaxKind::Every);
        self.bump();
        if !self.eat(SyntaxKind::Number) {
            self.expect(SyntaxKind::Word, "a period such as `day` or `15m`");
        }
        if self.eat_word("on") {
            self.expect(SyntaxKind::Word, "a day such as `friday`");
        }
        if self.eat_word("at") {
            self.expression();
        }
        self.body(Place::Duties);
        self.finish();
    }

    fn on_day(&mut self) {
        self.start(SyntaxKind::On);
        self.bump();
        self.expect(SyntaxKind::Word, "a day such as `friday`");
        if self.eat_word("at") {
            self.expression();
        }
        self.body(Place::Duties);
        self.finish();
    }

    pub(super) fn for_each(&mut self) {
        self.start(SyntaxKind::ForEach);
        self.bump();
        if !self.eat_word("each") {
            self.missing("`each`");
        }
        self.expect(SyntaxKind::Word, "the name of an entity");
        if self.eat_word("with") {
            self.expression();
        }
        self.body(Place::Duties);
        self.finish();
    }

    fn invariant(&mut self) {
        self.start(SyntaxKind::Invariant);
        self.bump();
        self.expression();
        if self.at(SyntaxKind::LeftBrace) {
            self.body(Place::Settings);
        }
        self.finish();
    }

    fn optimise(&mut self) {
        self.start(SyntaxKind::Optimise);
        self.bump();
        self.expect(SyntaxKind::Word, "what to optimise");
        if self.at_word("within") {
            self.start(SyntaxKind::Bound);
            self.bump();
            self.operand();
            self.finish();
        } else if !self.starts_line(0) {
            self.expect(SyntaxKind::Word, "`minimise`, `maximise`, a level, or `within` a budget");
        }
        self.finish();
    }

    fn scenario(&mut self) {
        self.start(SyntaxKind::Scenario);
        self.bump();
        self.text_or_word("the scenario's name");
        self.body(Place::Scenario);
        self.finish();
    }

    /// `given e1: {…}`, `at 4s e2: {…}`, `at 6s expect gap f(x)`, `resume at 3d`, `start: "…"`.
    pub(super) fn step(&mut self) {
        match self.word(0) {
            Some("start") if self.kind(1) == Some(SyntaxKind::Colon) => return self.setting(),
            Some("resume") => {
                self.start(SyntaxKind::Resume);
                self.bump();
                if !self.eat_word("at") {
                    self.missing("`at` and a time such as `3d`");
                }
                self.operand();
            }
            Some("given") => {
                self.start(SyntaxKind::Given);
                self.bump();
                self.record_or_missing();
            }
            Some("at") => {
                self.start(SyntaxKind::At);
                self.bump();
                self.operand();
                if self.at_word("expect") { self.expectation() } else { self.record_or_missing() }
            }
            Some("expect") => return self.expectation(),
            _ => return self.missing("`given`, `at`, `expect`, `resume`, or `}`"),
        }
        self.finish();
    }

    fn expectation(&mut self) {
        self.start(SyntaxKind::Expect);
        self.bump();
        if self.at_word("no") && self.kind(1) == Some(SyntaxKind::Word) {
            self.bump();
        }
        self.expect(SyntaxKind::Word, "`gap` or a state such as `fulfilled`");
        if self.at(SyntaxKind::Word) && !self.starts_line(0) {
            self.clause();
        } else {
            self.missing("a duty such as `notify(c1)`");
        }
        self.finish();
    }

    /// `f(x)`, `f`, and the slug of a repeated duty, `f.2(x)`.
    fn clause(&mut self) {
        let checkpoint = self.checkpoint();
        self.start(SyntaxKind::Path);
        self.bump();
        while self.eat(SyntaxKind::Dot) {
            if !self.eat(SyntaxKind::Number) {
                self.expect(SyntaxKind::Word, "a name after `.`");
            }
        }
        self.finish();
        if self.at(SyntaxKind::LeftParen) && !self.starts_line(0) {
            self.start_at(checkpoint, SyntaxKind::Call);
            self.arguments();
            self.finish();
        }
    }

    fn record_or_missing(&mut self) {
        if self.at(SyntaxKind::Word) {
            self.record()
        } else {
            self.missing("an event such as `e1: { … }`")
        }
    }

    fn record(&mut self) {
        self.start(SyntaxKind::Record);
        self.bump();
        self.colon();
        self.object();
        self.finish();
    }
}
