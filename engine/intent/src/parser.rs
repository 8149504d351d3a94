//! Tokens to a lossless tree, whatever the tokens.
//!
//! In: a text. Out: [`Parse`]: the tree, and what could not be read.
//! Never: fails, drops a byte, or recurses deeper than [`DEPTH_MAX`].
//! Promise: the tree's text is the input; at most one fault per line. This file holds the cursor
//! and the recovery; the grammar is in `items`, `duties` and `expressions`. Start reading at [`parse`].

mod duties;
mod expressions;
mod items;

#[cfg(test)]
pub(crate) use duties::STRENGTHS;
#[cfg(test)]
pub(crate) use items::ITEMS;

use std::collections::BTreeSet;

use rowan::{Checkpoint, GreenNode, GreenNodeBuilder, Language};

use crate::codes;
use crate::diagnostic::{Code, Diagnostic};
use crate::lexer::{Token, tokens};
use crate::source::{Lines, Span};
use crate::tree::{Intent, SyntaxKind, SyntaxNode};

/// How deep blocks, parentheses and lists may nest: more than any person writes, less than the
/// stack of a small thread holds.
pub const DEPTH_MAX: usize = 64;

/// A parsed text.
#[derive(Clone, Debug)]
pub struct Parse {
    green: GreenNode,
    /// What could not be read, in the order of the text.
    pub faults: Vec<Diagnostic>,
}

impl Parse {
    /// The root of the tree.
    #[must_use]
    pub fn tree(&self) -> SyntaxNode {
        SyntaxNode::new_root(self.green.clone())
    }
}

/// Parses one text. Spans in the faults carry source number 0.
#[must_use]
pub fn parse(text: &str) -> Parse {
    parse_source(text, 0)
}

pub(crate) fn parse_source(text: &str, source: u32) -> Parse {
    let mut parser = Parser::new(text, source);
    parser.root();
    // A bracket that is never closed is noticed at the end and reported where it was opened.
    parser.faults.sort_by_key(|fault| fault.primary.span);
    Parse { green: parser.builder.finish(), faults: parser.faults }
}

struct Parser<'a> {
    tokens: Vec<Token<'a>>,
    /// Indices of the tokens that are not trivia, and whether each is the first of its line.
    significant: Vec<(usize, bool)>,
    /// Next significant token.
    at: usize,
    /// Next token to put into the tree.
    emitted: usize,
    builder: GreenNodeBuilder<'static>,
    faults: Vec<Diagnostic>,
    /// The lines that have a fault.
    faulty: BTreeSet<usize>,
    source: u32,
    lines: Lines,
    depth: usize,
    /// Whether `for 4h` ends the whole condition that is read, not its last part.
    lasting_ends: bool,
    /// Blocks that were left before their `}`: so many stray ones are forgiven.
    owed_closes: usize,
    /// After a fault that leaves the rest without structure nothing more is reported.
    silent: bool,
    /// The first block whose `}` stood further left than its opening line.
    suspect: Option<Span>,
}

impl<'a> Parser<'a> {
    fn new(text: &'a str, source: u32) -> Self {
        let tokens = tokens(text);
        let mut significant = Vec::new();
        let mut first = true;
        for (index, token) in tokens.iter().enumerate() {
            if token.kind.is_trivia() {
                first |= token.text.contains('\n');
            } else {
                significant.push((index, first));
                first = false;
            }
        }
        Self {
            tokens,
            significant,
            at: 0,
            emitted: 0,
            builder: GreenNodeBuilder::new(),
            faults: Vec::new(),
            faulty: BTreeSet::new(),
            source,
            lines: Lines::new(text),
            depth: 0,
            lasting_ends: false,
            owed_closes: 0,
            silent: false,
            suspect: None,
        }
    }

    // Looking ahead.

    fn token(&self, ahead: usize) -> Option<Token<'a>> {
        let (index, _) = self.significant.get(self.at + ahead)?;
        self.tokens.get(*index).copied()
    }

    fn kind(&self, ahead: usize) -> Option<SyntaxKind> {
        self.token(ahead).map(|token| token.kind)
    }

    fn at(&self, kind: SyntaxKind) -> bool {
        self.kind(0) == Some(kind)
    }

    fn at_end(&self) -> bool {
        self.at >= self.significant.len()
    }

    /// The word `ahead`, or nothing when something else stands there.
    fn word(&self, ahead: usize) -> Option<&'a str> {
        self.token(ahead).filter(|token| token.kind == SyntaxKind::Word).map(|token| token.text)
    }

    fn at_word(&self, word: &str) -> bool {
        self.word(0) == Some(word)
    }

    /// Whether the token `ahead` is the first of its line.
    fn starts_line(&self, ahead: usize) -> bool {
        self.significant.get(self.at + ahead).is_none_or(|(_, first)| *first)
    }

    // Building.

    fn trivia(&mut self) {
        let until = self.significant.get(self.at).map_or(self.tokens.len(), |(index, _)| *index);
        self.emit(until);
    }

    fn emit(&mut self, until: usize) {
        while self.emitted < until {
            if let Some(token) = self.tokens.get(self.emitted) {
                self.builder.token(Intent::kind_to_raw(token.kind), token.text);
            }
            self.emitted += 1;
        }
    }

    fn bump(&mut self) {
        if let Some((index, _)) = self.significant.get(self.at).copied() {
            self.at += 1;
            self.emit(index + 1);
        }
    }

    fn start(&mut self, kind: SyntaxKind) {
        self.trivia();
        self.builder.start_node(Intent::kind_to_raw(kind));
    }

    fn checkpoint(&mut self) -> Checkpoint {
        self.trivia();
        self.builder.checkpoint()
    }

    fn start_at(&mut self, checkpoint: Checkpoint, kind: SyntaxKind) {
        self.builder.start_node_at(checkpoint, Intent::kind_to_raw(kind));
    }

    fn finish(&mut self) {
        self.builder.finish_node();
    }

    fn eat(&mut self, kind: SyntaxKind) -> bool {
        let there = self.at(kind);
        if there {
            self.bump();
        }
        there
    }

    fn eat_word(&mut self, word: &str) -> bool {
        let there = self.at_word(word);
        if there {
            self.bump();
        }
        there
    }

    fn expect(&mut self, kind: SyntaxKind, what: &str) -> bool {
        let there = self.eat(kind);
        if !there {
            self.missing(what);
        }
        there
    }

    /// A colon, with the fix that puts it there.
    fn colon(&mut self) {
        if self.eat(SyntaxKind::Colon) {
            return;
        }
        let end = self.previous_end();
        let fault = self.missing_fault("`:`");
        self.report(fault.fix("put a `:` here", self.span(end, end), ":"));
    }

    // Reporting and recovering.

    fn span(&self, start: usize, end: usize) -> Span {
        Span::new(self.source, start, end)
    }

    fn previous_end(&self) -> usize {
        let before = self.at.checked_sub(1).and_then(|at| self.significant.get(at));
        before.and_then(|(index, _)| self.tokens.get(*index)).map_or(0, Token::end)
    }

    fn current_span(&self) -> Span {
        match self.token(0) {
            Some(token) => self.span(token.start, token.end()),
            None => self.span(self.previous_end(), self.previous_end()),
        }
    }

    fn report(&mut self, fault: Diagnostic) {
        let line = self.lines.line(fault.primary.span.start);
        if !self.silent && self.faulty.insert(line) {
            self.faults.push(fault);
        }
    }

    /// Says that `what` should stand here. Where a line ends too early, the place is its end.
    fn missing(&mut self, what: &str) {
        let fault = self.missing_fault(what);
        self.report(fault);
    }

    fn missing_fault(&self, what: &str) -> Diagnostic {
        let end = self.span(self.previous_end(), self.previous_end());
        let expected = |span, found: &str| {
            Diagnostic::error(codes::UNEXPECTED, span, format!("expected {what}, found {found}"))
                .label(format!("expected {what}"))
        };
        match self.token(0) {
            None => expected(end, "the end of the file"),
            Some(token) if token.kind == SyntaxKind::OpenText => open_text(self.current_span()),
            Some(token) if token.kind == SyntaxKind::Unknown => {
                unknown(self.current_span(), token.text)
            }
            Some(_) if self.starts_line(0) && self.at > 0 => expected(end, "the end of the line"),
            Some(token) => expected(self.current_span(), &format!("`{}`", shortened(token.text))),
        }
    }

    fn misplaced(&mut self, code: Code, message: String, help: &str) {
        let fault = Diagnostic::error(code, self.current_span(), message).help(help);
        self.report(fault);
    }

    /// Skips what cannot be read, up to something that begins a statement on its own line, a `}`
    /// or the end. A whole `{ … }` is skipped with what it belongs to.
    fn skip_statement(&mut self) {
        self.start(SyntaxKind::Error);
        let begin = self.at;
        while !self.at_end() && !self.at(SyntaxKind::RightBrace) {
            if self.at > begin && self.starts_line(0) && self.begins_statement() {
                break;
            }
            if self.at(SyntaxKind::LeftBrace) {
                self.skip_group();
                break;
            }
            self.bump();
        }
        self.finish();
    }

    /// Skips one balanced group, iteratively, since this is also the way out of deep nesting.
    fn skip_group(&mut self) {
        let mut open = 0_usize;
        loop {
            match self.kind(0) {
                None => return,
                Some(SyntaxKind::LeftBrace | SyntaxKind::LeftParen | SyntaxKind::LeftBracket) => {
                    open += 1
                }
                Some(
                    SyntaxKind::RightBrace | SyntaxKind::RightParen | SyntaxKind::RightBracket,
                ) => open = open.saturating_sub(1),
                Some(_) => {}
            }
            self.bump();
            if open == 0 {
                return;
            }
        }
    }

    /// Counts one level of nesting. When there are too many, says so once, skips the group that
    /// begins here, and answers false.
    fn enter(&mut self) -> bool {
        if self.depth < DEPTH_MAX {
            self.depth += 1;
            return true;
        }
        self.misplaced(
            codes::TOO_DEEP,
            format!("nested deeper than {DEPTH_MAX} levels"),
            "give the inner part a name or a block of its own",
        );
        self.start(SyntaxKind::Error);
        self.skip_group();
        self.finish();
        // The levels around may be left open by what was skipped.
        self.silent |= self.at_end();
        false
    }

    fn leave(&mut self) {
        self.depth = self.depth.saturating_sub(1);
    }

    fn unclosed(&mut self, opener: Span, symbol: &str) {
        let span = self.suspect.filter(|_| symbol == "{").unwrap_or(opener);
        let close = match symbol {
            "{" => "}",
            "(" => ")",
            _ => "]",
        };
        let fault = Diagnostic::error(codes::UNCLOSED, span, format!("`{symbol}` is never closed"))
            .label("opened here")
            .help(format!("put `{close}` where it ends"));
        self.report(fault);
        self.silent = self.silent || self.at_end();
    }
}

fn open_text(span: Span) -> Diagnostic {
    let end = Span { start: span.end, ..span };
    Diagnostic::error(codes::OPEN_TEXT, span, "text is never closed")
        .help("put `\"` where it ends")
        .guess("close the text at the end of the line", end, "\"")
}

fn unknown(span: Span, text: &str) -> Diagnostic {
    let fault = Diagnostic::error(
        codes::UNKNOWN_CHARACTER,
        span,
        format!("`{}` means nothing here", shortened(text)),
    );
    match text {
        "“" | "”" | "'" | "’" => fault.help("texts stand between `\"` and `\"`"),
        "&" => fault.help("write `AND`"),
        "!" => fault.help("write `NOT`"),
        ";" => fault.help("no `;` is needed: a new line or keyword ends a statement"),
        _ => fault,
    }
}

fn shortened(text: &str) -> String {
    let mut all = text.chars();
    let start: String = all.by_ref().take(40).collect();
    if all.next().is_some() { format!("{start}…") } else { start }
}
