//! Text to tokens. Every byte belongs to exactly one token.
//!
//! In: a text. Out: tokens with their places, trivia included.
//! Never: fails; what no token begins with becomes [`SyntaxKind::Unknown`].
//! Promise: the tokens' texts, put together, are the text. Start reading at [`tokens`].

use logos::{Lexer, Logos};

use crate::tree::SyntaxKind;

/// One token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Token<'a> {
    pub(crate) kind: SyntaxKind,
    pub(crate) text: &'a str,
    pub(crate) start: usize,
}

impl Token<'_> {
    pub(crate) fn end(&self) -> usize {
        self.start + self.text.len()
    }
}

/// Splits `text` into tokens.
pub(crate) fn tokens(text: &str) -> Vec<Token<'_>> {
    let mut found: Vec<Token<'_>> = Vec::new();
    for (raw, range) in Raw::lexer(text).spanned() {
        let kind = raw.map_or(SyntaxKind::Unknown, kind_of);
        let slice = text.get(range.clone()).unwrap_or_default();
        if !slice.is_empty() {
            found.push(Token { kind, text: slice, start: range.start });
        }
    }
    found
}

#[derive(Logos, Clone, Copy, Debug, PartialEq, Eq)]
enum Raw {
    #[regex(r"[ \t\r\n\u{feff}\u{a0}]+")]
    Whitespace,
    #[regex(r"#[^\n]*", allow_greedy = true)]
    Comment,
    #[token("→", note)]
    Note,
    #[regex(r"[\p{L}_][\p{L}\p{M}\p{N}_]*")]
    Word,
    #[regex(r"[0-9][0-9_]*(\.[0-9]+)?([a-zA-Z]+|%)?")]
    Number,
    #[regex(r"[0-9][0-9]?:[0-9][0-9]")]
    TimeOfDay,
    #[regex(r"\$[0-9][0-9_]*(\.[0-9]+)?")]
    Money,
    #[regex(r"\$[A-Za-z_][A-Za-z0-9_]*")]
    Hole,
    #[regex(r#""([^"\\\n]|\\[^\n])*""#)]
    Text,
    #[regex(r#""([^"\\\n]|\\[^\n])*\\?"#)]
    OpenText,
    #[token("{")]
    LeftBrace,
    #[token("}")]
    RightBrace,
    #[token("(")]
    LeftParen,
    #[token(")")]
    RightParen,
    #[token("[")]
    LeftBracket,
    #[token("]")]
    RightBracket,
    #[token(":")]
    Colon,
    #[token(",")]
    Comma,
    #[token(".")]
    Dot,
    #[token("...")]
    #[token("…")]
    Ellipsis,
    #[token("|")]
    Pipe,
    #[token("/")]
    Slash,
    #[token("-")]
    Minus,
    #[token("=")]
    Equal,
    #[token("==")]
    EqualEqual,
    #[token("!=")]
    NotEqual,
    #[token("<")]
    Less,
    #[token("<=")]
    LessEqual,
    #[token(">")]
    Greater,
    #[token(">=")]
    GreaterEqual,
}

fn kind_of(raw: Raw) -> SyntaxKind {
    match raw {
        Raw::Whitespace => SyntaxKind::Whitespace,
        Raw::Comment => SyntaxKind::Comment,
        Raw::Note => SyntaxKind::Note,
        Raw::Word => SyntaxKind::Word,
        Raw::Number => SyntaxKind::Number,
        Raw::TimeOfDay => SyntaxKind::TimeOfDay,
        Raw::Money => SyntaxKind::Money,
        Raw::Hole => SyntaxKind::Hole,
        Raw::Text => SyntaxKind::Text,
        Raw::OpenText => SyntaxKind::OpenText,
        Raw::LeftBrace => SyntaxKind::LeftBrace,
        Raw::RightBrace => SyntaxKind::RightBrace,
        Raw::LeftParen => SyntaxKind::LeftParen,
        Raw::RightParen => SyntaxKind::RightParen,
        Raw::LeftBracket => SyntaxKind::LeftBracket,
        Raw::RightBracket => SyntaxKind::RightBracket,
        Raw::Colon => SyntaxKind::Colon,
        Raw::Comma => SyntaxKind::Comma,
        Raw::Dot => SyntaxKind::Dot,
        Raw::Ellipsis => SyntaxKind::Ellipsis,
        Raw::Pipe => SyntaxKind::Pipe,
        Raw::Slash => SyntaxKind::Slash,
        Raw::Minus => SyntaxKind::Minus,
        Raw::Equal => SyntaxKind::Equal,
        Raw::EqualEqual => SyntaxKind::EqualEqual,
        Raw::NotEqual => SyntaxKind::NotEqual,
        Raw::Less => SyntaxKind::Less,
        Raw::LessEqual => SyntaxKind::LessEqual,
        Raw::Greater => SyntaxKind::Greater,
        Raw::GreaterEqual => SyntaxKind::GreaterEqual,
    }
}

/// Extends a note over its line and the following lines that are indented deeper than its arrow.
/// A blank line ends it. The arrow's own column is looked up once per line at most, since a note
/// runs to the end of its line: the whole stays linear.
fn note(lexer: &mut Lexer<'_, Raw>) {
    let source = lexer.source();
    let start = lexer.span().start;
    let line_start = source.get(..start).and_then(|s| s.rfind('\n')).map_or(0, |at| at + 1);
    let column = source.get(line_start..start).map_or(0, |s| s.chars().count());
    let rest = lexer.remainder();
    let mut length = rest.find('\n').unwrap_or(rest.len());
    while let Some(next) = rest.get(length + 1..) {
        let line = next.get(..next.find('\n').unwrap_or(next.len())).unwrap_or_default();
        let indent = line.chars().take_while(|c| matches!(c, ' ' | '\t')).count();
        if line.trim().is_empty() || indent <= column {
            break;
        }
        length += 1 + line.len();
    }
    lexer.bump(length);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> String {
        let all = tokens(text);
        assert_eq!(all.iter().map(|t| t.text).collect::<String>(), text);
        all.iter()
            .filter(|t| t.kind != SyntaxKind::Whitespace)
            .map(|t| format!("{:?} {}", t.kind, t.text))
            .collect::<Vec<_>>()
            .join("\n")
    }

    #[test]
    fn units_money_and_holes_are_single_tokens() {
        assert_eq!(
            shown("500ms 95% $200/month $X 09:30 x:5"),
            "Number 500ms\nNumber 95%\nMoney $200\nSlash /\nWord month\nHole $X\nTimeOfDay 09:30\n\
             Word x\nColon :\nNumber 5"
        );
    }

    #[test]
    fn a_note_runs_over_deeper_lines_and_no_further() {
        let text = "a: 5\n  → one\n     two\n\n     three\nb: 6";
        assert_eq!(
            shown(text),
            "Word a\nColon :\nNumber 5\nNote → one\n     two\nWord three\nWord b\nColon :\nNumber 6"
        );
    }

    #[test]
    fn an_open_text_ends_with_its_line() {
        assert_eq!(shown("\"abc\nd"), "OpenText \"abc\nWord d");
        assert_eq!(shown("\"abc\\\nd"), "OpenText \"abc\\\nWord d");
        assert_eq!(shown("\"a\\\"b\""), "Text \"a\\\"b\"");
    }

    #[test]
    fn unknown_bytes_are_kept() {
        assert_eq!(shown("a @ b"), "Word a\nUnknown @\nWord b");
    }
}
