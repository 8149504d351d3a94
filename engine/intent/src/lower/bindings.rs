//! What the first name of a path stands for: a field of the trigger, an instance that the block is
//! bound to, or an attribute of that instance.
//!
//! In: a name, in the block that is being read. Out: [`Root`].
//! Never: looks at what a log carries.
//! Promise: the innermost binding of an entity wins. Start reading at [`Lowering::root`].

use super::Lowering;
use super::names::Names;
use super::values::Place;
use crate::codes;
use crate::diagnostic::Diagnostic;
use crate::lowered::{Argument, Duty, Expr, Path, Role};
use crate::source::Span;

/// What surrounds the expression that is being read.
#[derive(Clone, Debug, Default)]
pub(super) struct Bindings {
    /// Whether an event triggers, whose fields all other roots are.
    pub(super) fields: bool,
    /// The entities that the events are about: never read as another instance's attribute.
    pub(super) about: Vec<String>,
    /// The entities that an instance is bound for, outermost first.
    pub(super) bound: Vec<String>,
    /// The condition of a `for each` is read, where a bare name belongs to its entity.
    pub(super) filter: bool,
    /// An assertion over the system as a whole is read: instances may be counted.
    pub(super) global: bool,
}

/// What a root is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Root {
    /// A field of the trigger event.
    Field,
    /// The bound instance of the entity of that name.
    Bound,
    /// An attribute of the bound instance of this entity.
    AttributeOf(String),
    /// There is neither a trigger event nor a bound instance.
    Nothing,
}

impl Bindings {
    /// An event triggers, and nothing is bound yet.
    pub(super) fn event() -> Self {
        Self { fields: true, ..Self::default() }
    }

    /// No event triggers; an instance may be bound.
    pub(super) fn instance(entity: Option<&str>) -> Self {
        let bound = entity.into_iter().map(str::to_owned).collect();
        Self { bound, ..Self::default() }
    }
}

impl Names {
    /// Whether something says that an entity has this attribute or state.
    pub(super) fn has(&self, entity: &str, name: &str) -> bool {
        self.attribute(entity, name).is_some() || self.state(entity, name).is_some()
    }
}

impl Lowering {
    pub(super) fn root(&self, name: &str, place: Place) -> Root {
        let Bindings { fields, about, bound, filter, .. } = &self.bindings;
        if bound.iter().any(|entity| entity == name) {
            return Root::Bound;
        }
        let Some(inner) = bound.last() else {
            return if *fields { Root::Field } else { Root::Nothing };
        };
        if *fields {
            // `with customer.region = region`: on the right stands the trigger's.
            let trigger_s = place == Place::Named || about.iter().any(|entity| entity == name);
            let own = self.names.has(inner, name) && !trigger_s;
            let own = *filter && (own || !self.names.is_entity(name));
            return if own { Root::AttributeOf(inner.clone()) } else { Root::Field };
        }
        let owner = bound.iter().rev().find(|entity| self.names.has(entity, name));
        Root::AttributeOf(owner.unwrap_or(inner).clone())
    }

    /// Nothing can give the path a value: a periodic block over no instance reads it.
    pub(super) fn unbound(&mut self, name: &str, span: Span) {
        self.push(
            Diagnostic::error(
                codes::UNBOUND,
                span,
                format!("nothing says which `{name}` is meant"),
            )
            .help(format!("put it into `for each {name} {{ … }}`")),
        );
    }

    /// Binds a duty to the instances around it that none of its arguments names: an event that
    /// carries another instance of such an entity does not satisfy it.
    pub(super) fn bind(&self, duty: &mut Duty) {
        for (index, entity) in self.bindings.bound.iter().enumerate() {
            let shadowed = self.bindings.bound.iter().skip(index + 1).any(|inner| inner == entity);
            let named = duty.arguments.iter().any(|argument| match &argument.value {
                Expr::Path(path) => path.bound && path.hops.is_empty() && path.root == *entity,
                _ => false,
            });
            if shadowed || named {
                continue;
            }
            duty.arguments.push(Argument {
                name: Some(entity.clone()),
                text: String::new(),
                role: Role::Agree { field: entity.clone() },
                value: Expr::Path(Path {
                    root: entity.clone(),
                    bound: true,
                    entity: Some(entity.clone()),
                    hops: Vec::new(),
                }),
            });
        }
    }
}
