//! Values in arguments and conditions: paths, measures, thresholds, symbols, literals.
//!
//! In: expression nodes. Out: [`Expr`], entity by entity; entities, attributes, measures and states
//! that nothing declares are inferred here.
//! Never: computes.
//! Promise: a name is inferred, and said to be, once. Start reading at [`Lowering::value`].

use super::Lowering;
use super::bindings::Root;
use super::literals::{Written, plain};
use super::names::KnownMeasure;
use crate::ast::{self, Call, Node, view};
use crate::codes;
use crate::diagnostic::{Diagnostic, nearest};
use crate::lowered::{Attribute, Expr, Hop, Literal, Measure, Path, State};
use crate::source::Span;
use crate::tree::{SyntaxKind, SyntaxNode, SyntaxToken};

/// Where a value stands, which decides what a bare word is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// `f(x)`: an entity.
    Positional,
    /// `f(reason: x)`, or the right side of a comparison: an entity if it is one, else a symbol.
    Named,
    /// A condition, or its left side: a field of the trigger.
    Condition,
}

impl Lowering {
    /// Lowers a value; nothing where a finding says why not.
    pub(super) fn value(&mut self, node: &SyntaxNode, place: Place) -> Option<Expr> {
        match node.kind() {
            SyntaxKind::Literal => {
                let written = self.literal(node)?;
                if let Written::Hole(name) = &written {
                    self.open_value(self.span(node), name);
                }
                plain(&written).map(Expr::Literal)
            }
            SyntaxKind::Path => self.path(node, place),
            SyntaxKind::Call => Some(self.call(node)),
            SyntaxKind::Paren => self.value(&node.first_child()?, place),
            _ => Some(Expr::Call(node.flat())),
        }
    }

    fn path(&mut self, node: &SyntaxNode, place: Place) -> Option<Expr> {
        let words = ast::segments(node);
        let (first, rest) = words.split_first()?;
        let name = first.text();
        if rest.is_empty() {
            match name {
                "true" | "false" => return Some(Expr::Literal(Literal::Truth(name == "true"))),
                _ if place == Place::Named && !self.names.is_entity(name) => {
                    return Some(Expr::Symbol(name.to_owned()));
                }
                _ => {}
            }
        }
        if name == "threshold" && !self.names.is_entity("threshold") {
            return self.threshold_value(rest);
        }
        match self.root(name, place) {
            Root::Field => {
                if place == Place::Positional || !rest.is_empty() {
                    self.entity_used(name, self.at(first));
                }
                self.follow(name, false, rest)
            }
            Root::Bound => self.follow(name, true, rest),
            Root::AttributeOf(owner) => {
                // What has attributes itself is an entity, unless it is a collection that is counted.
                let counted = rest.len() == 1 && rest.iter().all(|word| word.text() == "count");
                let known = counted || self.names.has(&owner, name);
                if !known && (place == Place::Positional || !rest.is_empty()) {
                    self.entity_used(name, self.at(first));
                }
                self.follow(&owner, true, &words)
            }
            Root::Nothing => {
                self.unbound(name, self.at(first));
                None
            }
        }
    }

    fn threshold_value(&mut self, rest: &[SyntaxToken]) -> Option<Expr> {
        let name = rest.first()?;
        let (text, span) = (name.text(), self.at(name));
        if self.names.thresholds.get(text).is_some() {
            return Some(Expr::Threshold(text.to_owned()));
        }
        let best = nearest(text, self.names.thresholds.keys()).map(str::to_owned);
        if best.is_none() && !self.sound {
            return None;
        }
        let fault = Diagnostic::error(
            codes::UNKNOWN_THRESHOLD,
            span,
            format!("threshold `{text}` has no value"),
        );
        self.push(match best {
            Some(best) => fault.did_you_mean(span, Some(&best)),
            None => fault.help(format!("declare it, as in `threshold {text}: 45 falling`")),
        });
        None
    }

    /// Follows attributes from a root.
    pub(super) fn follow(&mut self, root: &str, bound: bool, rest: &[SyntaxToken]) -> Option<Expr> {
        let entity = self.names.is_entity(root).then(|| root.to_owned());
        let path = Path { root: root.to_owned(), bound, entity, hops: Vec::new() };
        self.follow_from(path, rest)
    }

    /// Follows further attributes, inferring those that nothing declares.
    pub(super) fn follow_from(&mut self, mut path: Path, rest: &[SyntaxToken]) -> Option<Expr> {
        for (index, word) in rest.iter().enumerate() {
            let name = word.text();
            let next = rest.get(index + 1);
            if name == "count" && next.is_none() && self.is_collection(&path) {
                return self.counted(path, self.at(word)).map(Expr::from);
            }
            let mut hop = Hop { attribute: name.to_owned(), entity: None };
            if let Some(of) = entity_of(&path) {
                if next.is_some_and(|next| next.text() == "count") && !self.names.has(&of, name) {
                    self.infer_collection(&of, name, self.at(word));
                } else {
                    self.attribute_used(&of, name, self.at(word));
                }
                let attribute = self.names.attribute(&of, name);
                hop.entity = attribute.and_then(|attribute| attribute.entity.clone());
            }
            path.hops.push(hop);
        }
        Some(Expr::Path(path))
    }

    /// Makes an entity known that something names.
    pub(super) fn entity_used(&mut self, name: &str, span: Span) {
        if self.names.is_entity(name) {
            return;
        }
        let best = nearest(name, self.names.entities.keys()).map(str::to_owned);
        self.names.add_entity(name, false, span);
        self.inferred_name(
            codes::INFERRED_ENTITY,
            span,
            format!("entity `{name}` is declared nowhere; it is inferred from its use here"),
            best.as_deref(),
            format!("entity {name}"),
        );
    }

    /// Makes an attribute known that a path reads: on a declared entity it may be a slip.
    pub(super) fn attribute_used(&mut self, entity: &str, name: &str, span: Span) {
        if self.names.attribute(entity, name).is_some() || self.names.state(entity, name).is_some()
        {
            return;
        }
        if let Some(participle) = name.strip_prefix("un").filter(|rest| rest.len() > 2) {
            let participle = participle.to_owned();
            return self.infer_state(entity, name, &participle, span);
        }
        let typed = self.names.is_entity(name).then(|| name.to_owned());
        let Some(known) = self.names.entities.get(entity) else { return };
        let declared = known.entity.declared;
        let (existing, place) = (known.entity.attributes.iter(), known.span);
        let best = nearest(name, existing.map(|a| a.name.as_str())).map(str::to_owned);
        let attribute = Attribute { name: name.to_owned(), entity: typed, many: false };
        self.names.add_attribute(entity, attribute);
        if !declared || !self.sound {
            return;
        }
        let message = format!("entity `{entity}` declares no attribute `{name}`; it is inferred");
        let fault = if self.options.strict {
            Diagnostic::error(codes::INFERRED_ATTRIBUTE, span, message)
        } else {
            Diagnostic::warning(codes::INFERRED_ATTRIBUTE, span, message)
        };
        let fault = fault.also(place, format!("`{entity}` is declared here"));
        let declaration = format!("entity {entity} {{ has: {name} }}");
        self.push(fault.did_you_mean_or_declare(span, best.as_deref(), declaration));
    }

    fn infer_state(&mut self, entity: &str, name: &str, participle: &str, span: Span) {
        let from = self.names.event(&format!("{entity}.created"));
        let until = self.names.event(&format!("{entity}.{participle}"));
        let known = self.names.entities.get(entity).map(|known| &known.entity.states);
        let known = known.into_iter().flatten().map(|state| state.name.as_str());
        let best = nearest(name, known).map(str::to_owned);
        self.inferred_name(
            codes::INFERRED_STATE,
            span,
            format!("state `{name}` of `{entity}` is inferred: from `{from}` until `{until}`"),
            best.as_deref(),
            format!("entity {entity} {{ state {name}: from created until {participle} }}"),
        );
        let state = State { name: name.to_owned(), from: vec![from], until: vec![until] };
        self.names.add_state(entity, state);
    }

    /// `m(entity).attribute` is a measure; any other call is told to the agent as it stands.
    fn call(&mut self, node: &SyntaxNode) -> Expr {
        let as_written = Expr::Call(node.flat());
        let Some(call) = view::<Call>(node) else { return as_written };
        let Some(name) = call.name().and_then(|path| path.word(0)) else { return as_written };
        let attributes = call.attributes();
        let declared = self.names.measures.get(name.text()).is_some();
        if name.text() == "count" && !declared && attributes.is_empty() {
            return self.count(&call).unwrap_or(as_written);
        }
        if !declared && attributes.is_empty() {
            return as_written;
        }
        let arguments = call.arguments();
        let Some(of) = arguments.first().and_then(crate::ast::Arg::value) else {
            return as_written;
        };
        let Some(Expr::Path(path)) = self.value(&of, Place::Positional) else { return as_written };
        let place = self.span(&of);
        let first = attributes.first().map(SyntaxToken::text);
        let path = self.measured(&name, first, path, place);
        let attribute = self.measured_attribute(name.text(), &attributes, self.span(node));
        match attribute {
            Some(attribute) => {
                Expr::Measure { measure: name.text().to_owned(), of: path, attribute }
            }
            None => as_written,
        }
    }

    /// Holds the entity of a measure against the path that it is taken of.
    fn measured(
        &mut self,
        word: &SyntaxToken,
        attribute: Option<&str>,
        mut path: Path,
        place: Span,
    ) -> Path {
        let (measure, name) = (word.text(), self.at(word));
        let found = entity_of(&path);
        let known = self.names.measures.get(measure);
        let Some((expected, declared)) = known.map(|k| (k.measure.entity.clone(), k.declared))
        else {
            let entity = found.unwrap_or_else(|| last_name(&path).to_owned());
            self.infer_measure(measure, &entity, attribute, name);
            return path;
        };
        match found {
            Some(found) if found != expected => {
                let mut fault = Diagnostic::error(
                    codes::WRONG_ENTITY,
                    place,
                    format!("measure `{measure}` is taken of `{expected}`, found `{found}`"),
                );
                if let Some(declared) = declared {
                    fault = fault.also(declared, "declared here");
                }
                let owner = self.names.attribute(&found, &expected).is_some();
                self.push(if owner {
                    let written = format!("{}.{expected}", path_text(&path));
                    fault.did_you_mean(place, Some(&written))
                } else {
                    fault
                });
            }
            Some(_) => {}
            // The use tells what the attribute names.
            None => match path.hops.last_mut() {
                Some(hop) => hop.entity = Some(expected),
                None => path.entity = Some(expected),
            },
        }
        path
    }

    fn infer_measure(&mut self, name: &str, entity: &str, attribute: Option<&str>, span: Span) {
        let forms = [format!("{name}.updated"), format!("{name}_updated")];
        let from: Vec<String> = self.names.event_in_any_form(&forms).into_iter().collect();
        let best = nearest(name, self.names.measures.keys()).map(str::to_owned);
        let carried = attribute.map(|attribute| format!(" {{ {attribute} }}")).unwrap_or_default();
        self.inferred_name(
            codes::INFERRED_MEASURE,
            span,
            format!(
                "measure `{name}` is declared nowhere; it is read from `{}`",
                from.join("`, `")
            ),
            best.as_deref(),
            format!("measure {name}({entity}) from {}{carried}", from.join(" | ")),
        );
        let measure = Measure {
            name: name.to_owned(),
            entity: entity.to_owned(),
            from,
            attributes: Vec::new(),
        };
        self.names.measures.add(name, KnownMeasure { measure, declared: None });
    }

    fn measured_attribute(
        &mut self,
        measure: &str,
        written: &[SyntaxToken],
        whole: Span,
    ) -> Option<String> {
        let known = self.names.measures.get_mut(measure)?;
        let place = known.declared;
        let attributes = known.measure.attributes.clone();
        let Some(word) = written.first() else {
            if let [only] = attributes.as_slice() {
                return Some(only.clone());
            }
            self.push(
                Diagnostic::error(
                    codes::UNKNOWN_ATTRIBUTE,
                    whole,
                    format!("expected an attribute of measure `{measure}`, found none"),
                )
                .help(format!("it has `{}`", attributes.join("`, `"))),
            );
            return None;
        };
        let name = word.text().to_owned();
        let Some(place) = place else {
            if !attributes.contains(&name) {
                known.measure.attributes.push(name.clone());
            }
            return Some(name);
        };
        if !attributes.contains(&name) {
            let span = self.at(word);
            let fault = Diagnostic::error(
                codes::UNKNOWN_ATTRIBUTE,
                span,
                format!("unknown attribute `{name}` of measure `{measure}`"),
            )
            .also(place, "declared here");
            let best = nearest(&name, attributes.iter().map(String::as_str));
            self.push(match best {
                Some(_) => fault.did_you_mean(span, best),
                None if attributes.is_empty() => {
                    fault.help(format!("declare it: `measure {measure}(…) from … {{ {name} }}`"))
                }
                None => fault.help(format!("it has `{}`", attributes.join("`, `"))),
            });
        }
        Some(name)
    }
}

/// The entity that a path's value names.
pub(super) fn entity_of(path: &Path) -> Option<String> {
    match path.hops.last() {
        Some(hop) => hop.entity.clone(),
        None => path.entity.clone(),
    }
}

/// The last name of a path.
pub(super) fn last_name(path: &Path) -> &str {
    path.hops.last().map_or(&path.root, |hop| &hop.attribute)
}

fn path_text(path: &Path) -> String {
    let mut text = path.root.clone();
    for hop in &path.hops {
        text.push('.');
        text.push_str(&hop.attribute);
    }
    text
}
