//! What sort of thing may stand under the cursor.
//!
//! In: a tree and a place. Out: a [`Spot`], and the part of a name that is typed already.
//! Never: needs the text to be sound; it goes by the words before the cursor and the `{` around.
//! Start reading at [`spot`].

use rowan::{TextSize, TokenAtOffset};

use crate::ast::Node;
use crate::tree::{SyntaxKind, SyntaxNode, SyntaxToken};
use crate::words::Place;

/// What may stand here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Spot {
    /// The first word of a line, of one of these sorts.
    Words(Vec<Place>),
    /// One of these words.
    Choice(&'static [&'static str]),
    /// An event's name, of which `before` stands already: `order.`.
    Event {
        before: String,
    },
    Entity,
    Action,
    /// After `threshold.`.
    Threshold,
    /// After a dot: the names before it.
    Member(Vec<String>),
    /// After the dot behind `m(…)`.
    Value {
        measure: String,
    },
    /// A condition, or a value in one.
    Condition,
    /// After a whole value in a condition.
    Operator,
    /// Behind `(` or `,` of an action's call.
    Argument {
        action: String,
    },
    /// What a duty of a scenario's expectation is called.
    Clause,
    Nothing,
}

/// A spot, the block around it, and what is typed.
#[derive(Clone, Debug)]
pub(super) struct Cursor {
    pub(super) spot: Spot,
    /// Where the part that is typed begins.
    pub(super) start: u32,
    /// The entity whose attributes may be named bare, by the blocks around.
    pub(super) bound: Option<String>,
    /// The events' entities that trigger the block around.
    pub(super) trigger: Vec<String>,
}

const PERIODS: &[&str] = &["hour", "day", "week", "month", "15m"];
const DAYS: &[&str] =
    &["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];
const LENGTHS: &[&str] = &["5s", "1m", "1h", "24h", "7d", "1mo"];
const EXPECTED: &[&str] =
    &["gap", "no", "active", "overdue", "fulfilled", "late", "lapsed", "withdrawn", "void"];
const RULES: &[&str] =
    &["timestamp_never_in_future", "always_has_encryption_key", "deletion_means_crypto_shred"];

/// The token at a place; where two meet, the one that means something.
pub(super) fn token_at(tree: &SyntaxNode, offset: u32) -> Option<SyntaxToken> {
    if TextSize::from(offset) > tree.text_range().end() {
        return None;
    }
    match tree.token_at_offset(TextSize::from(offset)) {
        TokenAtOffset::None => None,
        TokenAtOffset::Single(token) => Some(token),
        TokenAtOffset::Between(left, right) => {
            Some(if right.kind().is_trivia() { left } else { right })
        }
    }
}

/// What may stand at a place.
pub(super) fn spot(tree: &SyntaxNode, offset: u32) -> Cursor {
    let mut cursor =
        Cursor { spot: Spot::Nothing, start: offset, bound: None, trigger: Vec::new() };
    let size = TextSize::from(offset);
    let left = (size <= tree.text_range().end())
        .then(|| tree.token_at_offset(size).left_biased())
        .flatten();
    let typed = left.clone().filter(is_word);
    let silent = left.as_ref().is_some_and(|token| {
        let inside = u32::from(token.text_range().end()) > offset;
        match token.kind() {
            SyntaxKind::Comment | SyntaxKind::OpenText => true,
            SyntaxKind::Note | SyntaxKind::Text => inside,
            SyntaxKind::Number | SyntaxKind::Money | SyntaxKind::Hole => true,
            _ => false,
        }
    });
    if silent {
        return cursor;
    }
    if let Some(token) = &typed {
        cursor.start = token.text_range().start().into();
    }
    let body = around(tree, cursor.start);
    context(body.as_ref(), &mut cursor);
    let before = match &typed {
        Some(token) => token.prev_token(),
        None => left,
    };
    let line = Line::before(before, body.as_ref(), offset);
    if line.word(0) == "for" && line.tokens.len() > 2 {
        cursor.bound = Some(line.word(2).to_owned());
    }
    cursor.spot = line.spot(body.as_ref());
    cursor
}

fn is_word(token: &SyntaxToken) -> bool {
    token.kind() == SyntaxKind::Word
}

/// The innermost `{ … }` around a place.
fn around(tree: &SyntaxNode, offset: u32) -> Option<SyntaxNode> {
    let bodies = tree.descendants().filter(|node| {
        let range = node.text_range();
        let closed = node.last_token().is_some_and(|t| t.kind() == SyntaxKind::RightBrace);
        let (start, end) = (u32::from(range.start()), u32::from(range.end()));
        matches!(node.kind(), SyntaxKind::Body | SyntaxKind::Object)
            && start < offset
            && (if closed {
                offset < end
            } else {
                offset <= end.saturating_add(1) || is_last(node)
            })
    });
    bodies.last()
}

/// Whether nothing that means something follows: what is never closed goes on.
fn is_last(node: &SyntaxNode) -> bool {
    let end = node.text_range().end();
    let root = node.ancestors().last();
    let rest = root
        .into_iter()
        .flat_map(|root| root.descendants_with_tokens().filter_map(rowan::NodeOrToken::into_token));
    !rest.filter(|token| token.text_range().start() >= end).any(|token| !token.kind().is_trivia())
}

/// What the blocks around say about bare names.
fn context(body: Option<&SyntaxNode>, cursor: &mut Cursor) {
    for owner in body.into_iter().flat_map(SyntaxNode::ancestors) {
        match owner.kind() {
            SyntaxKind::ForEach if cursor.bound.is_none() => {
                cursor.bound = owner.words().nth(2).map(|word| word.text().to_owned());
            }
            SyntaxKind::Every | SyntaxKind::On if cursor.bound.is_none() => {
                let at = owner.children().find(|child| child.kind() == SyntaxKind::Path);
                cursor.bound = at.and_then(|path| path.word(0)).map(|word| word.text().to_owned());
            }
            SyntaxKind::When => {
                let trigger = owner.child(SyntaxKind::Trigger);
                for part in trigger.iter().flat_map(SyntaxNode::children) {
                    let path = part.descendants().find(|node| node.kind() == SyntaxKind::Path);
                    cursor
                        .trigger
                        .extend(path.and_then(|p| p.word(0)).map(|w| w.text().to_owned()));
                }
            }
            _ => {}
        }
    }
}

/// The words before the cursor, back to where their statement begins.
struct Line {
    tokens: Vec<SyntaxToken>,
    /// Where, in `tokens`, the innermost open `(` stands.
    open: Option<usize>,
    /// Whether the cursor stands on a line of its own.
    fresh: bool,
}

/// A statement with more words than this is not looked at as a whole.
const TOKENS_MAX: usize = 256;

impl Line {
    fn before(last: Option<SyntaxToken>, body: Option<&SyntaxNode>, cursor: u32) -> Self {
        let mut tokens = Vec::new();
        let mut fresh = last.is_none();
        let mut next = last;
        let mut closed = 0_usize;
        let mut open = None;
        while let Some(token) = next {
            next = token.prev_token();
            if token.kind().is_trivia() {
                // Blanks may go on behind the cursor, where another line may begin.
                let before = cursor.saturating_sub(token.text_range().start().into());
                let before = token.text().get(..usize::try_from(before).unwrap_or(usize::MAX));
                let before = before.unwrap_or(token.text());
                fresh |= tokens.is_empty() && before.contains('\n');
                continue;
            }
            match token.kind() {
                SyntaxKind::RightParen => closed += 1,
                SyntaxKind::LeftParen if closed == 0 => open = open.or(Some(tokens.len())),
                SyntaxKind::LeftParen => closed -= 1,
                SyntaxKind::LeftBrace | SyntaxKind::RightBrace => break,
                _ => {}
            }
            let begins = closed == 0 && starts_line(&token) && begins_statement(&token, body);
            tokens.push(token);
            if begins || tokens.len() >= TOKENS_MAX {
                break;
            }
        }
        let open = open.map(|from_end| tokens.len() - 1 - from_end);
        tokens.reverse();
        Self { tokens, open, fresh }
    }

    fn word(&self, index: usize) -> &str {
        self.tokens.get(index).map_or("", SyntaxToken::text)
    }

    /// The token `back` places before the cursor, from 1.
    fn back(&self, back: usize) -> &str {
        self.tokens.len().checked_sub(back).map_or("", |index| self.word(index))
    }

    fn has(&self, word: &str) -> bool {
        self.tokens.iter().any(|token| token.text() == word)
    }

    fn spot(&self, body: Option<&SyntaxNode>) -> Spot {
        if self.back(1) == "." {
            return self.behind_dot(body);
        }
        if let Some(open) = self.open {
            return self.in_call(open);
        }
        if self.tokens.is_empty() || (self.fresh && self.is_whole()) {
            return first_word(body, !self.tokens.is_empty());
        }
        self.inside(body)
    }

    /// Whether the statement may end here.
    fn is_whole(&self) -> bool {
        let open = [":", ",", "|", "(", "[", "=", "==", "!=", "<", "<=", ">", ">="];
        let last = self.back(1);
        !open.contains(&last) && !is_joint(last)
    }

    fn behind_dot(&self, body: Option<&SyntaxNode>) -> Spot {
        let mut names: Vec<String> = Vec::new();
        let mut at = self.tokens.len();
        while at >= 2 && self.word(at - 1) == "." && self.tokens.get(at - 2).is_some_and(is_word) {
            names.insert(0, self.word(at - 2).to_owned());
            at -= 2;
        }
        if names.is_empty() && self.back(2) == ")" {
            return Spot::Value { measure: self.called_before(self.tokens.len() - 2) };
        }
        if names == ["threshold"] {
            return Spot::Threshold;
        }
        let before = Self { tokens: self.tokens.get(..at).unwrap_or_default().to_vec(), ..*self };
        if before.wants_event(body) {
            return Spot::Event { before: format!("{}.", names.join(".")) };
        }
        Spot::Member(names)
    }

    /// The word before the `(` that the `)` at `close` closes.
    fn called_before(&self, close: usize) -> String {
        let mut depth = 0_usize;
        for at in (0..=close).rev() {
            match self.word(at) {
                ")" => depth += 1,
                "(" if depth == 1 => {
                    return at.checked_sub(1).map_or("", |at| self.word(at)).to_owned();
                }
                "(" => depth = depth.saturating_sub(1),
                _ => {}
            }
        }
        String::new()
    }

    fn wants_event(&self, body: Option<&SyntaxNode>) -> bool {
        matches!(self.inside(body), Spot::Event { .. })
    }

    fn in_call(&self, open: usize) -> Spot {
        let called = open.checked_sub(1).map_or("", |at| self.word(at));
        let duty = ["must", "should", "could", "fallback"].iter().any(|word| self.has(word));
        let names =
            matches!(self.word(0), "measure" | "action") || matches!(called, "every" | "no");
        if names {
            return Spot::Entity;
        }
        match self.back(1) {
            "(" | "," if duty => Spot::Argument { action: called.to_owned() },
            ":" if self.back(2) == "requires" => Spot::Event { before: String::new() },
            "(" | "," | ":" => Spot::Condition,
            last if is_joint(last) => Spot::Condition,
            _ if self.word(0) == "if" => Spot::Operator,
            _ => Spot::Nothing,
        }
    }

    /// In the middle of a statement.
    fn inside(&self, body: Option<&SyntaxNode>) -> Spot {
        let event = || Spot::Event { before: String::new() };
        let last = self.back(1);
        let key = if last == ":" { self.back(2) } else { "" };
        if let Some(spot) = after_colon(key) {
            return spot;
        }
        match (self.word(0), last) {
            ("when", "when") => event(),
            (_, "from" | "until") => event(),
            (
                "when" | "event" | "state" | "measure" | "satisfied_by" | "accepts" | "produces",
                "|" | ",",
            ) => event(),
            ("satisfied_by" | "accepts" | "produces", ":") => event(),
            ("belongs_to", ":" | ",") | ("for", "each") => Spot::Entity,
            ("every", "every") => Spot::Choice(PERIODS),
            ("on", "on") | ("every", "on") => Spot::Choice(DAYS),
            ("every" | "on", "at") => Spot::Entity,
            ("every" | "on", _) => Spot::Choice(&["at", "on"]),
            ("threshold", _) if self.tokens.len() > 3 => Spot::Choice(&["falling", "rising"]),
            ("optimise" | "optimize", _) if self.tokens.len() == 2 => {
                Spot::Choice(&["minimise", "maximise", "within"])
            }
            ("must" | "should" | "could" | "each" | "fallback", ":") => Spot::Action,
            ("each", "each") => Spot::Choice(&["must", "should", "could"]),
            (_, "using") => Spot::Choice(&["inferred"]),
            ("expect" | "at", "expect") => Spot::Choice(EXPECTED),
            ("expect" | "at", "no") => Spot::Choice(EXPECTED.get(..1).unwrap_or_default()),
            ("expect" | "at", _) if self.has("expect") => Spot::Clause,
            ("at", _) if self.tokens.len() > 1 => Spot::Choice(&["expect"]),
            ("resume", "resume") => Spot::Choice(&["at"]),
            ("must" | "should" | "could" | "each", _) if !self.fresh => {
                Spot::Choice(&["within", "fallback", "using"])
            }
            ("if" | "assert" | "for" | "invariant" | "property", _) => self.in_condition(),
            ("when", _) if self.tokens.len() > 1 => Spot::Choice(&["for", "is"]),
            _ if body.is_some_and(|body| body.kind() == SyntaxKind::Object) => Spot::Condition,
            _ => Spot::Nothing,
        }
    }

    fn in_condition(&self) -> Spot {
        match self.back(1) {
            "crosses" => Spot::Choice(&["above", "below", "threshold"]),
            "for" if self.word(0) != "for" => Spot::Choice(LENGTHS),
            last if is_joint(last) => Spot::Condition,
            "if" | "with" | ":" | "invariant" | "unless" => Spot::Condition,
            ">" | "<" | "=" | "==" | "!=" | ">=" | "<=" => Spot::Condition,
            _ => Spot::Operator,
        }
    }
}

/// Words after which something must follow.
fn is_joint(word: &str) -> bool {
    matches!(
        word,
        "AND" | "OR" | "NOT" | "and" | "or" | "not" | "is" | "has" | "crosses" | "above" | "below"
    )
}

/// What stands behind the colon of a key that says it alone.
fn after_colon(key: &str) -> Option<Spot> {
    Some(match key {
        "by" => Spot::Choice(&["agent", "system", "human"]),
        "effect" => Spot::Choice(&["external", "internal"]),
        "immutable" => Spot::Choice(&["true", "false"]),
        "rule" => Spot::Choice(RULES),
        "review" => Spot::Choice(&["human"]),
        "backfill_policy" => Spot::Choice(&["sequential", "prospective_only", "human_decision"]),
        "catch_up" => Spot::Choice(&["latest", "all", "none"]),
        "within" | "cooldown_per_gap" | "settle" | "default_within" => Spot::Choice(LENGTHS),
        "type" => Spot::Event { before: String::new() },
        "kind" => Spot::Choice(&["primary", "enrichment", "tombstone", "control"]),
        "fallback" => Spot::Action,
        _ => return None,
    })
}

/// What may begin a line in the block around.
fn first_word(body: Option<&SyntaxNode>, after_statement: bool) -> Spot {
    let owner = body.filter(|body| body.kind() == SyntaxKind::Body).and_then(SyntaxNode::parent);
    let mut places = match owner.map(|owner| owner.kind()) {
        None if body.is_some() => return Spot::Nothing,
        None | Some(SyntaxKind::System) => vec![Place::Item, Place::Setting],
        Some(SyntaxKind::Entity) => vec![Place::Entity],
        Some(SyntaxKind::Action) => vec![Place::Action],
        Some(SyntaxKind::Capability) => vec![Place::Capability],
        Some(SyntaxKind::Invariant) => vec![Place::Invariant],
        Some(SyntaxKind::LimitsItem) => vec![Place::Limit],
        Some(SyntaxKind::Scenario) => vec![Place::Step],
        Some(_) => vec![Place::Duty],
    };
    if after_statement && places == [Place::Duty] {
        places.push(Place::Modifier);
    }
    Spot::Words(places)
}

fn starts_line(token: &SyntaxToken) -> bool {
    let mut before = token.prev_token();
    while let Some(token) = before {
        if !token.kind().is_trivia() {
            return false;
        }
        if token.text().contains('\n') {
            return true;
        }
        before = token.prev_token();
    }
    true
}

/// Whether a statement of the block around may begin with this word.
fn begins_statement(token: &SyntaxToken, body: Option<&SyntaxNode>) -> bool {
    if !is_word(token) {
        return false;
    }
    let duties = body.and_then(SyntaxNode::parent).is_some_and(|owner| {
        !matches!(
            owner.kind(),
            SyntaxKind::System
                | SyntaxKind::Entity
                | SyntaxKind::Action
                | SyntaxKind::Capability
                | SyntaxKind::Invariant
                | SyntaxKind::LimitsItem
        )
    });
    let mut next = token.next_token();
    while let Some(token) = next.as_ref().filter(|token| token.kind().is_trivia()) {
        next = token.next_token();
    }
    let colon = next.is_some_and(|token| token.kind() == SyntaxKind::Colon);
    let places: &[Place] = if duties {
        &[Place::Duty, Place::Modifier, Place::Step, Place::Item]
    } else {
        &[Place::Item]
    };
    let known = crate::words::WORDS
        .iter()
        .any(|word| word.word == token.text() && places.contains(&word.place));
    known || (colon && !duties)
}
