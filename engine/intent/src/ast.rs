//! Typed views of the tree: what a construct consists of, without its punctuation.
//!
//! In: nodes of the tree. Out: names, values and parts, each optional, since any may be missing.
//! Never: judges; see `lower`.
//! Promise: a view never fails, and its texts are texts of the source. Start reading at [`Node`].

use rowan::ast::AstNode as _;

use crate::source::Span;
use crate::tree::{Intent, SyntaxKind, SyntaxNode, SyntaxToken};

macro_rules! views {
    ($($name:ident),* $(,)?) => {$(
        #[derive(Clone, Debug, PartialEq, Eq, Hash)]
        pub(crate) struct $name(SyntaxNode);

        impl rowan::ast::AstNode for $name {
            type Language = Intent;
            fn can_cast(kind: SyntaxKind) -> bool {
                kind == SyntaxKind::$name
            }
            fn cast(node: SyntaxNode) -> Option<Self> {
                Self::can_cast(node.kind()).then_some(Self(node))
            }
            fn syntax(&self) -> &SyntaxNode {
                &self.0
            }
        }

        impl Node for $name {
            fn node(&self) -> &SyntaxNode {
                &self.0
            }
        }
    )*};
}

views!(Setting, Duty, Call, Arg,);

/// What every node can be asked.
pub(crate) trait Node {
    fn node(&self) -> &SyntaxNode;

    /// Its own tokens that mean something.
    fn tokens(&self) -> impl Iterator<Item = SyntaxToken> {
        let own = self.node().children_with_tokens().filter_map(rowan::NodeOrToken::into_token);
        own.filter(|token| !token.kind().is_trivia())
    }

    /// Its own words, keywords included.
    fn words(&self) -> impl Iterator<Item = SyntaxToken> {
        self.tokens().filter(|token| token.kind() == SyntaxKind::Word)
    }

    fn word(&self, index: usize) -> Option<SyntaxToken> {
        self.words().nth(index)
    }

    fn has_word(&self, word: &str) -> bool {
        self.words().any(|token| token.text() == word)
    }

    /// Whether it is the setting of this name.
    fn is_set(&self, name: &str) -> bool {
        self.node().kind() == SyntaxKind::Setting
            && self.word(0).is_some_and(|key| key.text() == name)
    }

    fn child(&self, kind: SyntaxKind) -> Option<SyntaxNode> {
        self.node().children().find(|child| child.kind() == kind)
    }

    /// The direct child nodes of the body.
    fn statements(&self) -> Vec<SyntaxNode> {
        self.child(SyntaxKind::Body).map(|body| body.children().collect()).unwrap_or_default()
    }

    /// Its text on one line.
    fn flat(&self) -> String {
        flat(self.node())
    }
}

impl Node for SyntaxNode {
    fn node(&self) -> &SyntaxNode {
        self
    }
}

/// A view of `node`, when it is of that kind.
pub(crate) fn view<T: rowan::ast::AstNode<Language = Intent>>(node: &SyntaxNode) -> Option<T> {
    T::cast(node.clone())
}

/// Where a node stands.
pub(crate) fn node_span(source: u32, node: &SyntaxNode) -> Span {
    let range = node.text_range();
    Span { source, start: range.start().into(), end: range.end().into() }
}

/// Where a token stands.
pub(crate) fn token_span(source: u32, token: &SyntaxToken) -> Span {
    let range = token.text_range();
    Span { source, start: range.start().into(), end: range.end().into() }
}

/// The tokens below a node that mean something, in order.
pub(crate) fn meaning(node: &SyntaxNode) -> impl Iterator<Item = SyntaxToken> {
    let all = node.descendants_with_tokens().filter_map(rowan::NodeOrToken::into_token);
    all.filter(|token| !token.kind().is_trivia())
}

/// A node's text on one line, without comments, as a person would write it.
pub(crate) fn flat(node: &SyntaxNode) -> String {
    flat_tokens(meaning(node))
}

/// The tokens of a block before its body, those that mean something.
pub(crate) fn header(node: &SyntaxNode) -> impl Iterator<Item = SyntaxToken> {
    let body = |child: &SyntaxNode| matches!(child.kind(), SyntaxKind::Body | SyntaxKind::Object);
    let end = node.children().find(body).map(|body| body.text_range().start());
    meaning(node).take_while(move |token| end.is_none_or(|end| token.text_range().start() < end))
}

/// A block's text before its body, on one line.
pub(crate) fn heading(node: &SyntaxNode) -> String {
    flat_tokens(header(node))
}

fn flat_tokens(tokens: impl Iterator<Item = SyntaxToken>) -> String {
    let mut line = String::new();
    let mut end = None;
    let mut glued = true;
    for token in tokens {
        let tight = matches!(
            token.kind(),
            SyntaxKind::RightParen | SyntaxKind::RightBracket | SyntaxKind::Comma | SyntaxKind::Dot
        );
        let start = token.text_range().start();
        if !glued && !tight && end.is_some_and(|end| end != start) {
            line.push(' ');
        }
        line.push_str(token.text());
        glued = matches!(
            token.kind(),
            SyntaxKind::LeftParen | SyntaxKind::LeftBracket | SyntaxKind::Dot
        );
        end = Some(token.text_range().end());
    }
    line
}

/// A node's text with one blank between any two tokens and `AND`, `OR`, `NOT` in upper case: the
/// form that identities are made of.
pub(crate) fn normalised(node: &SyntaxNode) -> String {
    normal_tokens(meaning(node))
}

/// A block's text before its body in the same form.
pub(crate) fn normal_heading(node: &SyntaxNode) -> String {
    normal_tokens(header(node))
}

fn normal_tokens(tokens: impl Iterator<Item = SyntaxToken>) -> String {
    let words: Vec<String> = tokens.map(|token| normal_token(&token)).collect();
    words.join(" ")
}

/// A token's text as it counts for identities.
pub(crate) fn normal_token(token: &SyntaxToken) -> String {
    let connective = matches!(token.text(), "and" | "or" | "not")
        && token.parent().is_some_and(|parent| {
            matches!(
                parent.kind(),
                SyntaxKind::And | SyntaxKind::Or | SyntaxKind::Not | SyntaxKind::Compare
            )
        });
    if connective { token.text().to_uppercase() } else { token.text().to_owned() }
}

/// A path's names: `interaction.customer` gives two.
pub(crate) fn segments(path: &SyntaxNode) -> Vec<SyntaxToken> {
    path.words().collect()
}

/// What a quoted text says.
pub(crate) fn unquoted(text: &str) -> String {
    let inner = text.strip_prefix('"').unwrap_or(text);
    let inner = inner.strip_suffix('"').unwrap_or(inner);
    let mut said = String::new();
    let mut escaped = false;
    for c in inner.chars() {
        if c == '\\' && !escaped {
            escaped = true;
            continue;
        }
        said.push(match c {
            'n' if escaped => '\n',
            't' if escaped => '\t',
            c => c,
        });
        escaped = false;
    }
    said
}

impl Duty {
    pub(crate) fn label(&self) -> Option<SyntaxToken> {
        let skip = if self.has_word("each") { 2 } else { 1 };
        self.word(skip)
    }

    pub(crate) fn strength(&self) -> Option<SyntaxToken> {
        self.words().find(|token| token.text() != "each")
    }
}

/// The action that a duty or fallback calls.
pub(crate) fn called(node: &SyntaxNode) -> Option<SyntaxNode> {
    node.children().find(|child| matches!(child.kind(), SyntaxKind::Call | SyntaxKind::Path))
}

impl Call {
    /// The name before the arguments.
    pub(crate) fn name(&self) -> Option<SyntaxNode> {
        self.child(SyntaxKind::Path)
    }

    pub(crate) fn arguments(&self) -> Vec<Arg> {
        let args = self.child(SyntaxKind::Args);
        args.map(|args| args.children().filter_map(Arg::cast).collect()).unwrap_or_default()
    }

    /// The names after the closing parenthesis.
    pub(crate) fn attributes(&self) -> Vec<SyntaxToken> {
        self.words().collect()
    }
}

impl Arg {
    pub(crate) fn name(&self) -> Option<SyntaxToken> {
        self.word(0)
    }

    pub(crate) fn value(&self) -> Option<SyntaxNode> {
        self.node().first_child()
    }
}

impl Setting {
    pub(crate) fn key(&self) -> Option<SyntaxToken> {
        self.word(0)
    }

    pub(crate) fn values(&self) -> Vec<SyntaxNode> {
        let part = |kind: SyntaxKind| {
            matches!(
                kind,
                SyntaxKind::Unless | SyntaxKind::Within | SyntaxKind::Fallback | SyntaxKind::Using
            )
        };
        self.node().children().filter(|child| !part(child.kind())).collect()
    }
}
