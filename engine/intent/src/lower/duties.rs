//! What stands inside a block: duties, groups, guards, `for each`.
//!
//! In: the bodies of blocks. Out: [`Item`]s.
//! Never: evaluates.
//! Promise: a duty with a wrong part is still lowered when the rest has a meaning, so that later
//! checks see it. Start reading at [`Lowering::body`].

use std::collections::BTreeMap;

use super::names::Action;
use super::values::{Place, entity_of, last_name};
use super::{Lowering, ranges};
use crate::ast::{self, Arg, Call, Node, view};
use crate::codes;
use crate::diagnostic::{Diagnostic, nearest};
use crate::lowered::{
    Argument, Duty, Expr, ForEach, Guard, Item, Length, Performer, Requirement, Role, Strength,
};
use crate::source::Span;
use crate::tree::{SyntaxKind, SyntaxNode, SyntaxToken};

/// What surrounds the statement that is being read.
#[derive(Clone, Debug, Default)]
pub(super) struct Scope {
    /// The trigger, the `for each`es and the guards' conditions, as identities have them.
    pub(super) path: Vec<String>,
    /// The deadline of the group.
    pub(super) within: Option<Length>,
    /// What is known of values because a guard around has tested them.
    pub(super) known: ranges::Known,
    /// Whether the calendar triggers: a duty without a deadline is then due at the next tick.
    pub(super) periodic: bool,
    /// How long a round of the block is, and where that is written.
    pub(super) period: Option<(Length, Span)>,
}

/// Calls seen in one body, to notice repeats: where, and with which deadline.
pub(super) type Seen = BTreeMap<String, (Span, Option<Length>)>;

impl Lowering {
    pub(super) fn body(&mut self, owner: &SyntaxNode, scope: &Scope, seen: &mut Seen) -> Vec<Item> {
        let mut found = Vec::new();
        for statement in owner.statements() {
            self.statement(&statement, scope, seen, &mut found);
        }
        found
    }

    fn statement(
        &mut self,
        node: &SyntaxNode,
        scope: &Scope,
        seen: &mut Seen,
        found: &mut Vec<Item>,
    ) {
        match node.kind() {
            SyntaxKind::Duty => {
                if let Some(duty) = self.duty(node, scope) {
                    self.group_reading(node, &duty, scope);
                    self.repeated(node, &duty, seen);
                    found.push(Item::Duty(duty));
                }
            }
            SyntaxKind::Group => {
                let within = self.within(node, scope).or(scope.within);
                let inner = Scope { within, ..scope.clone() };
                found.extend(self.body(node, &inner, seen));
            }
            SyntaxKind::If => found.extend(self.guard(node, scope).map(Item::Guard)),
            SyntaxKind::ForEach => found.extend(self.for_each(node, scope).map(Item::ForEach)),
            SyntaxKind::Assert => self.push(
                Diagnostic::error(
                    codes::MISPLACED,
                    self.span(node),
                    "`assert` must stand inside `always { … }`",
                )
                .help("an assertion is always checked; a `when` block says what must follow"),
            ),
            // Read with the heading of its block.
            SyntaxKind::Setting if scope.periodic && node.is_set("catch_up") => {}
            SyntaxKind::Setting => self.stray_setting(node),
            _ => {}
        }
    }

    fn stray_setting(&mut self, node: &SyntaxNode) {
        let Some(key) = node.word(0) else { return };
        let words = ["must", "should", "could", "within", "fallback", "assert"];
        let (name, span) = (key.text().to_owned(), self.at(&key));
        if words.contains(&name.as_str()) {
            self.push(
                Diagnostic::error(
                    codes::MISPLACED,
                    span,
                    format!("`{name}` belongs to the duty directly above it, and there is none"),
                )
                .help("put it below the duty that it is meant for"),
            );
            return;
        }
        let fault = Diagnostic::error(
            codes::UNKNOWN_SETTING,
            span,
            format!("expected `must`, `should`, `could` or `if`, found `{name}`"),
        );
        self.push(fault.did_you_mean_word(span, nearest(&name, words)));
    }

    fn guard(&mut self, node: &SyntaxNode, scope: &Scope) -> Option<Guard> {
        let tested = node.children().find(|c| c.kind() != SyntaxKind::Body)?;
        let condition = self.condition(&tested);
        let mut path = scope.path.clone();
        path.push(ast::normalised(&tested));
        let mut inner = Scope { path, ..scope.clone() };
        if let Some(condition) = &condition {
            self.check_truth(condition, &mut inner.known, self.span(&tested));
        }
        let body = self.body(node, &inner, &mut Seen::new());
        Some(Guard {
            condition: condition?,
            text: tested.flat(),
            awaits: Vec::new(),
            body,
            span: self.heading_span(node),
        })
    }

    /// `for each customer with interactions.count > 3 { … }`.
    fn for_each(&mut self, node: &SyntaxNode, scope: &Scope) -> Option<ForEach> {
        let name = node.word(2)?;
        let entity = name.text().to_owned();
        self.entity_used(&entity, self.at(&name));
        let mut path = scope.path.clone();
        path.push(ast::normal_heading(node));
        let mut inner = Scope { path, ..scope.clone() };
        // What the guards around know of this entity, they know of another instance.
        inner.known.retain(|text, _| !text.split(['.', '(', ')']).any(|name| name == entity));
        self.bindings.bound.push(entity.clone());
        let tested = node.children().find(|c| c.kind() != SyntaxKind::Body);
        let outer = std::mem::replace(&mut self.bindings.filter, true);
        let condition = tested.as_ref().map(|tested| (self.condition(tested), self.span(tested)));
        self.bindings.filter = outer;
        if let Some((Some(condition), span)) = &condition {
            self.check_truth(condition, &mut inner.known, *span);
        }
        let body = self.body(node, &inner, &mut Seen::new());
        self.bindings.bound.pop();
        let condition = match condition {
            Some((condition, _)) => Some(condition?),
            None => None,
        };
        let text = ast::heading(node);
        Some(ForEach { entity, condition, text, body, span: self.heading_span(node) })
    }

    /// The length after a node's `within:`.
    fn within(&mut self, node: &SyntaxNode, scope: &Scope) -> Option<Length> {
        let mut all = node.children().filter(|c| c.kind() == SyntaxKind::Within);
        let within = all.next()?;
        if let Some(second) = all.next() {
            let span = self.span(&second);
            self.push(
                Diagnostic::error(
                    codes::SET_TWICE,
                    span,
                    "a duty has one deadline, found a second",
                )
                .also(self.span(&within), "the first"),
            );
        }
        let value = within.first_child()?;
        let length = self.length(&value, "`within`")?;
        if length == Length::default() {
            self.push(
                Diagnostic::error(
                    codes::NO_TIME,
                    self.span(&value),
                    "a deadline of nothing can never be kept",
                )
                .help("give it the time that it may take, or leave `within` out"),
            );
        }
        self.check_period(&within, length, scope);
        Some(length)
    }

    fn duty(&mut self, node: &SyntaxNode, scope: &Scope) -> Option<Duty> {
        let view = view::<ast::Duty>(node)?;
        let strength = match view.strength()?.text() {
            "must" => Strength::Must,
            "should" => Strength::Should,
            _ => Strength::Could,
        };
        let call = ast::called(node)?;
        let within = self.within(node, scope).or(scope.within);
        let label = view.label().map(|label| label.text().to_owned());
        let said = ast::normalised(&call);
        let mut parts: Vec<&str> = Vec::new();
        match &label {
            Some(label) => parts.extend(["label", label]),
            None => {
                parts.extend(scope.path.iter().map(String::as_str));
                parts.extend([strength.word(), &said]);
            }
        }
        let id = self.slugs.clause(&parts);
        let mut duty = self.called(&call, strength)?;
        duty.id = id;
        duty.each = view.has_word("each");
        duty.within = within;
        duty.using_inferred = node.child(SyntaxKind::Using).is_some();
        duty.span = self.span(node);
        if let Some(label) = &label {
            self.labels.insert(duty.slug.clone(), label.clone());
        }
        self.check_cooldown(node, within);
        duty.fallback = self.fallback(node, &duty, &parts, scope).map(Box::new);
        Some(duty)
    }

    fn fallback(
        &mut self,
        node: &SyntaxNode,
        primary: &Duty,
        parts: &[&str],
        scope: &Scope,
    ) -> Option<Duty> {
        let fallback = node.child(SyntaxKind::Fallback)?;
        if primary.within.is_none() && !scope.periodic {
            let keyword = fallback.word(0).map_or(self.span(&fallback), |word| self.at(&word));
            let own = fallback.child(SyntaxKind::Within).is_some();
            self.push(
                Diagnostic::error(
                    codes::IDLE_FALLBACK,
                    keyword,
                    format!("this fallback can never run: `{}` has no deadline", primary.action),
                )
                .help(if own {
                    "the `within` below it is the fallback's own; put one above `fallback`"
                } else {
                    "put a `within` above `fallback`"
                }),
            );
        }
        let call = ast::called(&fallback)?;
        let said = ast::normalised(&call);
        let mut path = parts.to_vec();
        path.extend(["fallback", &said]);
        let id = self.slugs.clause(&path);
        let mut duty = self.called(&call, primary.strength)?;
        duty.id = id;
        // Its time begins when the primary's has passed, so no period is held against it.
        duty.within = self.within(&fallback, &Scope::default());
        duty.using_inferred = fallback.child(SyntaxKind::Using).is_some();
        duty.span = self.span(&fallback);
        // Settings are read before any block, so the limit is known here.
        duty.within = duty.within.or(Some(self.set.limits.default_within));
        duty.fallback = self.fallback(&fallback, &duty, &path, scope).map(Box::new);
        Some(duty)
    }

    /// The part of a duty that its call says.
    fn called(&mut self, node: &SyntaxNode, strength: Strength) -> Option<Duty> {
        let call = view::<Call>(node);
        let path = match &call {
            Some(call) => call.name()?,
            None => node.clone(),
        };
        let words = ast::segments(&path);
        let words: Vec<&str> = words.iter().map(SyntaxToken::text).collect();
        let name = words.join(".");
        let action = self.action_of(&name, self.span(&path));
        let mut duty = Duty {
            id: crate::lowered::ClauseId(0),
            slug: self.slugs.slug(&name),
            strength,
            each: false,
            text: node.flat(),
            satisfied_by: action.satisfied_by.clone(),
            arguments: Vec::new(),
            requires: Vec::new(),
            within: None,
            fallback: None,
            by: action.by.unwrap_or(if name.starts_with("await_") {
                Performer::Human
            } else {
                Performer::Agent
            }),
            external: action.external,
            using_inferred: false,
            span: self.span(node),
            action: name,
        };
        let arguments = call.map(|call| call.arguments()).unwrap_or_default();
        self.check_count(&duty.action, &action, &arguments);
        for (index, argument) in arguments.iter().enumerate() {
            self.argument(argument, index, &action, &mut duty);
        }
        self.bind(&mut duty);
        Some(duty)
    }

    fn action_of(&mut self, name: &str, span: Span) -> Action {
        if let Some(known) = self.names.actions.get(name) {
            return known.clone();
        }
        let known = self.names.event_of_action(name);
        let event = known.unwrap_or_else(|| name.to_owned());
        let event = self.names.produced_event(&event);
        let best = nearest(name, self.names.actions.keys()).map(str::to_owned);
        self.inferred_name(
            codes::INFERRED_ACTION,
            span,
            format!("action `{name}` is declared nowhere; it is satisfied by event `{event}`"),
            best.as_deref(),
            format!("action {name} {{ satisfied_by: {event} }}"),
        );
        let action = Action { satisfied_by: vec![event], ..Action::default() };
        self.names.actions.add(name, action.clone());
        action
    }

    fn check_count(&mut self, name: &str, action: &Action, arguments: &[Arg]) {
        let Some(declared) = action.declared else { return };
        let positional = arguments.iter().filter(|argument| argument.name().is_none());
        // An action that lists no parameters takes any.
        if action.parameters.is_empty() {
            return;
        }
        if let Some(extra) = positional.clone().nth(action.parameters.len()) {
            self.push(
                Diagnostic::error(
                    codes::TOO_MANY_ARGUMENTS,
                    self.span(extra.node()),
                    format!(
                        "action `{name}` takes {} argument{}, found {}",
                        action.parameters.len(),
                        if action.parameters.len() == 1 { "" } else { "s" },
                        positional.count()
                    ),
                )
                .also(declared, "declared here")
                .help("name the argument, as in `reason: …`, to tell it to the agent"),
            );
        }
    }

    fn argument(&mut self, argument: &Arg, index: usize, action: &Action, duty: &mut Duty) {
        let Some(value) = argument.value() else { return };
        let name = argument.name().map(|name| name.text().to_owned());
        if name.as_deref() == Some("requires") {
            return self.requirements(&value, duty);
        }
        let parameter = match &name {
            Some(name) => action.parameters.iter().find(|p| p.name == *name),
            None => action.parameters.get(index),
        };
        let place = if name.is_some() { Place::Named } else { Place::Positional };
        let lowered = match value.kind() {
            SyntaxKind::Object | SyntaxKind::List => Some(Expr::Call(value.flat())),
            _ => self.value(&value, place),
        };
        let Some(lowered) = lowered else { return };
        let called = name.clone().or_else(|| parameter.map(|p| p.name.clone()));
        let typed = parameter.and_then(|p| p.entity.clone());
        let role = self.role(&lowered, called.as_deref(), typed);
        duty.arguments.push(Argument { name, text: value.flat(), role, value: lowered });
    }

    fn role(&self, value: &Expr, called: Option<&str>, typed: Option<String>) -> Role {
        let agree = |field: Option<&str>| match field {
            Some(field) => Role::Agree { field: field.to_owned() },
            None => Role::Guidance,
        };
        match value {
            Expr::Path(path) if !self.is_collection(path) => {
                let named = called.filter(|name| self.names.is_entity(name)).map(str::to_owned);
                match entity_of(path).or(typed).or(named) {
                    Some(entity) => key(called.unwrap_or_else(|| last_name(path)), entity),
                    None => agree(called.or_else(|| Some(last_name(path)))),
                }
            }
            Expr::Literal(_) => {
                let named = called.filter(|name| self.names.is_entity(name)).map(str::to_owned);
                match typed.or(named) {
                    Some(entity) => key(called.unwrap_or(&entity), entity.clone()),
                    None => agree(called),
                }
            }
            _ => Role::Guidance,
        }
    }

    fn requirements(&mut self, value: &SyntaxNode, duty: &mut Duty) {
        match value.kind() {
            SyntaxKind::And | SyntaxKind::List | SyntaxKind::Paren => {
                for part in value.children() {
                    self.requirements(&part, duty);
                }
            }
            SyntaxKind::Path => {
                let words = ast::segments(value);
                let words: Vec<&str> = words.iter().map(SyntaxToken::text).collect();
                let name = words.join(".");
                let requirement = self.requirement(&name, self.span(value));
                duty.requires.push(requirement);
            }
            _ => self.push(Diagnostic::error(
                codes::WRONG_KIND,
                self.span(value),
                format!("expected the name of what is required, found `{}`", value.flat()),
            )),
        }
    }

    fn requirement(&mut self, name: &str, span: Span) -> Requirement {
        let short = name.rsplit('.').next().unwrap_or(name);
        if let Some(state) = self.names.any_state(short) {
            let (from, until) = (state.from.clone(), state.until.clone());
            return Requirement { name: name.to_owned(), from, until };
        }
        let forms = |suffix: &str| [format!("{name}.{suffix}"), format!("{name}_{suffix}")];
        let [dotted, joined] = forms("granted");
        let grants = [dotted, joined, name.to_owned()];
        let known = grants.iter().any(|form| self.names.known_event(form).is_some());
        let from: Vec<String> = self.names.event_in_any_form(&grants).into_iter().collect();
        let ends = [forms("revoked"), forms("expired")];
        let until: Vec<String> =
            ends.iter().filter_map(|forms| self.names.event_in_any_form(forms)).collect();
        if !known {
            self.inferred(
                codes::INFERRED_REQUIREMENT,
                span,
                format!(
                    "nothing declares when `{name}` holds; it is read from `{}` until `{}`",
                    from.join("`, `"),
                    until.join("` or `")
                ),
                format!("declare the events: `event {name}.granted` and `event {name}.revoked`"),
            );
        }
        Requirement { name: name.to_owned(), from, until }
    }

    /// Says of a duty without deadline right above one with a deadline that it has none, since
    /// that is easily read as a group.
    fn group_reading(&mut self, node: &SyntaxNode, duty: &Duty, scope: &Scope) {
        let own = node.child(SyntaxKind::Within).is_some() || scope.periodic;
        if own || duty.within.is_some() || duty.strength != Strength::Must {
            return;
        }
        let Some(next) = node.next_sibling().filter(|next| next.kind() == SyntaxKind::Duty) else {
            return;
        };
        let Some(within) = next.child(SyntaxKind::Within) else { return };
        let text = within.flat();
        let before = node.first_token().and_then(|token| token.prev_token());
        let column = before.map_or(0, |blanks| {
            blanks.text().rsplit('\n').next().map_or(0, |tail| tail.chars().count())
        });
        let indent = " ".repeat(column + 2);
        let end = self.span(node).end;
        let place = Span { source: self.source, start: end, end };
        self.push(
            Diagnostic::note(
                codes::GROUP_READING,
                self.span(node),
                format!(
                    "`{}` has no deadline; the one below it is for the duty below only",
                    duty.action
                ),
            )
            .also(self.span(&within), "for the duty directly above it")
            .help("give each its own deadline, or write `within: … { … }` around both")
            .guess(
                format!("give it the same deadline, `{text}`"),
                place,
                format!("\n{indent}{text}"),
            ),
        );
    }

    fn repeated(&mut self, node: &SyntaxNode, duty: &Duty, seen: &mut Seen) {
        let Some(call) = ast::called(node) else { return };
        let said = ast::normalised(&call);
        let Some((before, within)) = seen.get(&said) else {
            seen.insert(said, (duty.span, duty.within));
            return;
        };
        let fault = if *within == duty.within {
            Diagnostic::warning(
                codes::DUPLICATE_DUTY,
                duty.span,
                format!("`{}` is owed twice for the same event", duty.text),
            )
            .help("one event satisfies both; remove one, or write `each must:` where two are meant")
        } else {
            Diagnostic::warning(
                codes::CONTRADICTORY_DUTY,
                duty.span,
                format!("`{}` is owed twice, with different deadlines", duty.text),
            )
            .help("the shorter deadline decides; keep that one")
        };
        let before = *before;
        if !duty.each {
            self.push(fault.also(before, "first asked for here"));
        }
    }
}

fn key(called: &str, entity: String) -> Role {
    let mut fields = vec![called.to_owned()];
    if called != entity {
        fields.push(entity.clone());
    }
    Role::Key { entity, fields }
}
