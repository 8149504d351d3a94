//! The kinds of tokens and nodes in the lossless tree, and the tree's types.
//!
//! In: nothing. Out: [`SyntaxKind`], [`SyntaxNode`] and their relatives, over `rowan`.
//! Never: drops a byte; whitespace, comments and notes are tokens like any other.
//! Promise: the text of a tree is the text that was parsed.

macro_rules! kinds {
    ($($(#[doc = $doc:literal])* $name:ident,)*) => {
        /// What a token or node is. Tokens stand first, nodes after [`SyntaxKind::Root`].
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u16)]
        pub enum SyntaxKind { $($(#[doc = $doc])* $name,)* }

        const KINDS: &[SyntaxKind] = &[$(SyntaxKind::$name,)*];
    };
}

kinds! {
    /// Blanks and line ends.
    Whitespace,
    /// `# …` to the end of its line.
    Comment,
    /// `→ …` over its indented lines.
    Note,
    /// A word: keyword or name, as the place decides.
    Word,
    /// `45`, `0.95`, `5s`, `95%`.
    Number,
    /// `09:30`.
    TimeOfDay,
    /// `$200`.
    Money,
    /// `$X`.
    Hole,
    /// `"text"`.
    Text,
    /// A text that misses its closing quote.
    OpenText,
    /// `{`
    LeftBrace,
    /// `}`
    RightBrace,
    /// `(`
    LeftParen,
    /// `)`
    RightParen,
    /// `[`
    LeftBracket,
    /// `]`
    RightBracket,
    /// `:`
    Colon,
    /// `,`
    Comma,
    /// `.`
    Dot,
    /// `...` or `…`
    Ellipsis,
    /// `|`
    Pipe,
    /// `/`
    Slash,
    /// `-`
    Minus,
    /// `=`
    Equal,
    /// `==`
    EqualEqual,
    /// `!=`
    NotEqual,
    /// `<`
    Less,
    /// `<=`
    LessEqual,
    /// `>`
    Greater,
    /// `>=`
    GreaterEqual,
    /// Anything that no token begins with.
    Unknown,

    /// A whole file.
    Root,
    /// `system "x" { … }`
    System,
    /// `{ … }`
    Body,
    /// `entity x { … }`
    Entity,
    /// `state s: from a until b`
    State,
    /// `event x as y`
    Event,
    /// `measure m(e) from x { a, b }`
    Measure,
    /// `metric m from x { a }`
    Metric,
    /// `threshold t: 45 falling`
    Threshold,
    /// `action a(p) { … }`
    Action,
    /// The parameters of a measure or action.
    Params,
    /// One of them.
    Param,
    /// `limits { … }`
    LimitsItem,
    /// `name: value, value`
    Setting,
    /// `when … { … }`
    When,
    /// What stands between `when` and `{`.
    Trigger,
    /// `a.b | c`: one or several event names.
    Names,
    /// `every … { … }`
    Every,
    /// `on friday { … }`
    On,
    /// `for each x with p { … }`
    ForEach,
    /// `always { … }`
    Always,
    /// `assert: …`
    Assert,
    /// `invariant …`
    Invariant,
    /// `capability x { … }`
    Capability,
    /// `optimise …`
    Optimise,
    /// `scenario "x" { … }`
    Scenario,
    /// `given e1: { … }`
    Given,
    /// `at 4s …`
    At,
    /// `expect gap f(x)`
    Expect,
    /// `resume at 3d`
    Resume,
    /// `e1: { … }`
    Record,
    /// `must: f(x) within: d fallback: g`
    Duty,
    /// `within: d` of a duty
    Within,
    /// `fallback: g(x) …`
    Fallback,
    /// `using inferred`
    Using,
    /// `within: d { … }`
    Group,
    /// `if c { … }`
    If,
    /// `unless c`
    Unless,
    /// A literal value.
    Literal,
    /// `a.b.c`, also `x[]`
    Path,
    /// `f(args)`, also `m(e).a.b`
    Call,
    /// `( … )` of a call
    Args,
    /// `name: value` or `value` in a call
    Arg,
    /// `(x)`
    Paren,
    /// `NOT x`
    Not,
    /// `a AND b AND c`
    And,
    /// `a OR b OR c`
    Or,
    /// `a < b`, `a is b`
    Compare,
    /// `v crosses t`
    Crosses,
    /// `x has y`
    Has,
    /// `x exists`
    Exists,
    /// `x for > d`
    Held,
    /// `a within b` as a bound
    Bound,
    /// `[a, b]`
    List,
    /// `{ a: b, c }`
    Object,
    /// `a: b` in an object
    Field,
    /// What could not be read.
    Error,
}

impl SyntaxKind {
    /// Whether it means nothing: blanks, comments, notes.
    #[must_use]
    pub const fn is_trivia(self) -> bool {
        matches!(self, Self::Whitespace | Self::Comment | Self::Note)
    }
}

/// The language, for `rowan`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Intent {}

impl rowan::Language for Intent {
    type Kind = SyntaxKind;

    fn kind_from_raw(raw: rowan::SyntaxKind) -> SyntaxKind {
        KINDS.get(usize::from(raw.0)).copied().unwrap_or(SyntaxKind::Error)
    }

    fn kind_to_raw(kind: SyntaxKind) -> rowan::SyntaxKind {
        rowan::SyntaxKind(kind as u16)
    }
}

/// A node of the tree.
pub type SyntaxNode = rowan::SyntaxNode<Intent>;
/// A token of the tree.
pub type SyntaxToken = rowan::SyntaxToken<Intent>;
/// Either.
pub type SyntaxElement = rowan::SyntaxElement<Intent>;
