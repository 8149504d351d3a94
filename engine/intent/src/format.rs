//! The formatter: one indentation and one spacing, and nothing else changed.
//!
//! In: a text, sound or not. Out: the same tokens, comments and notes in a regular layout.
//! Never: moves a token to another line, drops or adds one that means something.
//! Promise: formatting twice is formatting once, and the meaning (the spec's hash) stays. Start
//! reading at [`format`].

use crate::ast;
use crate::parser::parse;
use crate::tree::{SyntaxKind, SyntaxNode, SyntaxToken};

/// Formats one text.
#[must_use]
pub fn format(text: &str) -> String {
    let mut writer = Writer::default();
    let tree = parse(text).tree();
    for token in tree.descendants_with_tokens().filter_map(rowan::NodeOrToken::into_token) {
        writer.token(&token);
    }
    writer.finish()
}

#[derive(Default)]
struct Writer {
    out: String,
    /// Line ends since the last token, and blanks since the last of them.
    newlines: usize,
    blanks: usize,
    /// The kind and place of the last token.
    last: Option<SyntaxToken>,
    /// For every open bracket, how far the line that it belongs to is indented.
    open: Vec<usize>,
    /// How far the present line is indented.
    indent: usize,
    /// Where each token begins in the input, with the indentation of its line: to find the line
    /// on which a statement with a body began.
    indents: Vec<(u32, usize)>,
    /// The column of the arrow of the note just above: nothing below may be deeper, or it would
    /// become part of the note.
    arrow: Option<usize>,
}

impl Writer {
    fn token(&mut self, token: &SyntaxToken) {
        let kind = token.kind();
        if kind == SyntaxKind::Whitespace {
            let text = token.text();
            self.newlines += text.matches('\n').count();
            let tail = text.rsplit('\n').next().unwrap_or(text);
            self.blanks = tail.chars().count();
            return;
        }
        let starts = self.newlines > 0 || self.last.is_none();
        let arrow = self.arrow.take().filter(|_| starts);
        let closes = is_closer(kind);
        if closes {
            // Popped first, so that a closing bracket stands where its line began.
            let base = self.open.pop().unwrap_or_default();
            if starts {
                self.begin_line(base.min(arrow.unwrap_or(base)), true);
            }
        } else if starts {
            let base = self.open.last().map_or(0, |indent| indent + STEP);
            let indent = match kind {
                SyntaxKind::Note => base + STEP,
                SyntaxKind::Comment => base,
                _ if begins(token) || opens_body(token) => base,
                _ => match header(token) {
                    // A step deeper than the body that follows, wherever that stands, so that the
                    // two are not taken for one; inside brackets no less deep than they ask for.
                    Some(statement) => (self.line_of(&statement) + 2 * STEP).max(base),
                    None => base + STEP + STEP * fallbacks(token),
                },
            };
            self.begin_line(indent.min(arrow.unwrap_or(usize::MAX)), false);
        }
        if !starts {
            let gap = self.gap(token);
            self.out.extend(std::iter::repeat_n(' ', gap));
        }
        self.indents.push((token.text_range().start().into(), self.indent));
        self.write(token);
        if is_opener(kind) {
            self.open.push(self.owner_indent(token));
        }
        self.newlines = 0;
        self.blanks = 0;
        self.last = Some(token.clone());
    }

    fn begin_line(&mut self, indent: usize, closes: bool) {
        if let Some(last) = &self.last {
            let opened = last.kind() == SyntaxKind::LeftBrace;
            let blank = self.newlines > 1 && !closes && !opened;
            self.out.push_str(if blank { "\n\n" } else { "\n" });
        }
        self.indent = indent;
        self.out.extend(std::iter::repeat_n(' ', indent));
    }

    fn write(&mut self, token: &SyntaxToken) {
        match token.kind() {
            SyntaxKind::Comment => self.out.push_str(token.text().trim_end()),
            SyntaxKind::Note => {
                let line = self.out.rsplit('\n').next().unwrap_or_default();
                let column = line.chars().count();
                for (index, line) in token.text().lines().enumerate() {
                    if index > 0 {
                        self.out.push('\n');
                        self.out.extend(std::iter::repeat_n(' ', column + NOTE));
                    }
                    self.out.push_str(line.trim());
                }
                self.arrow = Some(column);
            }
            _ => self.out.push_str(&ast::normal_token(token)),
        }
    }

    /// How many blanks stand between the last token and this one on the same line.
    fn gap(&self, next: &SyntaxToken) -> usize {
        use SyntaxKind as K;
        let Some(last) = &self.last else { return 0 };
        let as_written = self.blanks.min(1);
        let parent = |token: &SyntaxToken| token.parent().map(|node| node.kind());
        if parent(next) == Some(K::Error) || parent(last) == Some(K::Error) {
            return as_written;
        }
        match (last.kind(), next.kind()) {
            // A column of comments stays one.
            (_, K::Comment) => self.blanks.max(2),
            (K::LeftBrace, K::RightBrace) => 0,
            (K::LeftParen | K::LeftBracket, _)
            | (_, K::RightParen | K::RightBracket | K::Comma) => 0,
            (K::Word, K::Dot) | (K::Dot, K::Word) | (K::RightParen, K::Dot) => 0,
            // Closer together they would be one token, as in `12 :30` or `5 .5`.
            (_, K::Dot) | (K::Dot, _) => as_written,
            (K::Word, K::Colon) => 0,
            (_, K::Colon) => as_written,
            (_, K::LeftParen) if matches!(parent(next), Some(K::Args | K::Params)) => 0,
            (_, K::LeftBracket) if parent(next) == Some(K::Path) => 0,
            (K::Slash, _) | (_, K::Slash) if parent(next) == Some(K::Literal) => 0,
            (K::Minus, _) if parent(last) == Some(K::Literal) => 0,
            _ => 1,
        }
    }

    /// A body belongs to the line on which its statement began, whatever lines lie between.
    fn owner_indent(&self, opener: &SyntaxToken) -> usize {
        let body = opener.parent().filter(|node| node.kind() == SyntaxKind::Body);
        let owner = body.and_then(|body| body.parent());
        owner.map_or(self.indent, |owner| self.line_of(&owner))
    }

    /// How far the line is indented on which a statement began.
    fn line_of(&self, statement: &SyntaxNode) -> usize {
        let start: u32 = statement.text_range().start().into();
        let at = self.indents.partition_point(|(place, _)| *place < start);
        self.indents.get(at).map_or(self.indent, |(_, indent)| *indent)
    }

    fn finish(mut self) -> String {
        if !self.out.is_empty() {
            self.out.push('\n');
        }
        self.out
    }
}

const STEP: usize = 2;
/// How far the further lines of a note stand right of its arrow.
const NOTE: usize = 3;

fn is_opener(kind: SyntaxKind) -> bool {
    matches!(kind, SyntaxKind::LeftBrace | SyntaxKind::LeftParen | SyntaxKind::LeftBracket)
}

fn is_closer(kind: SyntaxKind) -> bool {
    matches!(kind, SyntaxKind::RightBrace | SyntaxKind::RightParen | SyntaxKind::RightBracket)
}

/// Whether a token is the first of a statement, argument, field or entry, and not the further
/// line of one.
fn begins(token: &SyntaxToken) -> bool {
    let start = token.text_range().start();
    let first = |node: &SyntaxNode| node.text_range().start() == start;
    let mut nodes = token.parent_ancestors().take_while(first);
    nodes.any(|node| {
        node.parent().is_none_or(|parent| {
            matches!(
                parent.kind(),
                SyntaxKind::Root
                    | SyntaxKind::Body
                    | SyntaxKind::Args
                    | SyntaxKind::Params
                    | SyntaxKind::Object
                    | SyntaxKind::List
            )
        })
    })
}

fn opens_body(token: &SyntaxToken) -> bool {
    token.kind() == SyntaxKind::LeftBrace
        && token.parent().is_some_and(|node| node.kind() == SyntaxKind::Body)
}

/// How many fallbacks a line belongs to that begins with this token: a deadline below a fallback is the
/// fallback's own, and stands under it.
fn fallbacks(token: &SyntaxToken) -> usize {
    let start = token.text_range().start();
    let brackets = [SyntaxKind::Args, SyntaxKind::Body, SyntaxKind::Object, SyntaxKind::List];
    let nodes = token.parent_ancestors().take_while(|node| !brackets.contains(&node.kind()));
    let own = |node: &SyntaxNode| {
        node.kind() == SyntaxKind::Fallback && node.text_range().start() < start
    };
    nodes.filter(own).count()
}

/// The statement, where a token stands between the keyword of a block and its `{`.
fn header(token: &SyntaxToken) -> Option<SyntaxNode> {
    let mut nodes = token.parent_ancestors();
    let statement = nodes.find(|node| {
        node.parent()
            .is_none_or(|parent| matches!(parent.kind(), SyntaxKind::Root | SyntaxKind::Body))
    });
    statement.filter(|node| {
        matches!(
            node.kind(),
            SyntaxKind::If
                | SyntaxKind::When
                | SyntaxKind::Every
                | SyntaxKind::On
                | SyntaxKind::ForEach
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Source, load};

    fn check(text: &str, expected: &str) {
        let formatted = format(text);
        assert_eq!(formatted, expected);
        assert_eq!(format(&formatted), formatted);
        let hash =
            |text: &str| load(&[Source { name: String::new(), text: text.to_owned() }]).spec.hash;
        assert_eq!(hash(&formatted), hash(text));
    }

    #[test]
    fn a_duty_s_parts_stand_deeper_than_it_and_connectives_in_capitals() {
        check(
            "when a.b{\nif x.y   crosses\nz and w{\nmust:f( a ,b:c )\n  within :5s\nfallback:g(\nq,\n)\n}\n\n\n\n}",
            "when a.b {\n  if x.y crosses\n      z AND w {\n    must: f(a, b: c)\n      within: 5s\n      fallback: g(\n        q,\n      )\n  }\n}\n",
        );
    }

    #[test]
    fn what_belongs_to_a_fallback_stands_under_it() {
        check(
            "when a.b {\nmust: f\nwithin: 5s\nfallback: g(\nx\n)\nwithin: 1m\nfallback: h\nwithin: 1h\nmust: k\n}\n",
            "when a.b {\n  must: f\n    within: 5s\n    fallback: g(\n      x\n    )\n      within: 1m\n      fallback: h\n        within: 1h\n  must: k\n}\n",
        );
    }

    #[test]
    fn comments_and_notes_survive() {
        check(
            "a: 5   # five\n    → note one\n        more of it  \nb: {x:1}# six\n# last",
            "a: 5   # five\n  → note one\n     more of it\nb: { x: 1 }  # six\n# last\n",
        );
    }

    #[test]
    fn blank_lines_are_kept_one_at_a_time() {
        check(
            "\n\nentity a\n\n\n\nentity b {\n\n  has: c\n\n}\n",
            "entity a\n\nentity b {\n  has: c\n}\n",
        );
        check("", "");
        check("# only\r\n", "# only\n");
    }

    #[test]
    fn money_lists_and_signs_are_tight() {
        check(
            "entity a { has: b [ ] , c }\nt: $200 / month\nthreshold x: - 5\n",
            "entity a { has: b[], c }\nt: $200/month\nthreshold x: -5\n",
        );
    }

    #[test]
    fn blocks_by_the_calendar_and_what_must_hold_are_laid_out_like_others() {
        check(
            "metric  m   from a.b|c.d{x,y}\nevery day at a.t{for each b with c>3\nand d{must:f(b)}}\nwhen a.s and b\nfor 4h{must:f}\nalways{assert l :no(a.s)is b for>24h}",
            "metric m from a.b | c.d { x, y }\nevery day at a.t { for each b with c > 3\n    AND d { must: f(b) } }\nwhen a.s AND b\n    for 4h { must: f }\nalways { assert l: no(a.s) is b for > 24h }\n",
        );
    }

    #[test]
    fn a_broken_header_stands_a_step_deeper_than_its_body() {
        check(
            "every day {\nfor each b with c > 3\nAND d {\nmust: f(b)\n}\n}\n",
            "every day {\n  for each b with c > 3\n      AND d {\n    must: f(b)\n  }\n}\n",
        );
        // Also where the statement began on another's line: its body stands by that line, too.
        check(
            "every day { for each b with c > 3\nAND d {\nmust: f(b)\n} }\n",
            "every day { for each b with c > 3\n    AND d {\n  must: f(b)\n} }\n",
        );
        check(
            "when a.b {\nif (c\nOR d)\nAND (e\nOR f) {\nmust: g\n}\n}\n",
            "when a.b {\n  if (c\n      OR d)\n      AND (e\n        OR f) {\n    must: g\n  }\n}\n",
        );
    }

    #[test]
    fn a_line_below_a_note_never_becomes_part_of_it() {
        check(
            "when a {\n  must: f(\n    → note\n    b\n  )\n}\n",
            "when a {\n  must: f(\n      → note\n    b\n  )\n}\n",
        );
    }
}
