//! Who judges what the contract says, as the text alone tells.
//!
//! In: a spec. Out: each invariant, property and target with its judge. Start reading at [`bindings`].

use anstyle::Style;
use homeostat_api::wire::Judge;
use homeostat_intent::Spec;
use homeostat_intent::lowered::{Goal, Proposition};
use serde::Serialize;

use crate::screen::paint;
use crate::table::{Align, Table};

/// One thing that the contract says, and who judges it.
#[derive(Debug, Serialize)]
pub(crate) struct Binding {
    /// Its name.
    name: String,
    /// As written.
    text: String,
    /// Who judges it.
    judge: Judge,
    /// What excuses a property, and who judges that.
    unless: Option<(String, Judge)>,
}

/// Everything that the contract says, in the order of its sorts and of the text.
pub(crate) fn bindings(spec: &Spec) -> Vec<Binding> {
    let of = |name: &str, checker: &_| Judge::of_checker(name, Clone::clone(checker));
    let invariants = spec.invariants.iter().map(|it| Binding {
        name: it.slug.clone(),
        text: it.text.clone(),
        judge: match &it.says {
            Proposition::Metric { .. } => Judge::Samples,
            Proposition::Named(checker) => of(&it.slug, checker),
        },
        unless: None,
    });
    let capabilities = spec.capabilities.iter();
    let properties = capabilities.flat_map(|capability| {
        capability.properties.iter().map(|it| Binding {
            name: it.name.clone(),
            text: format!("property of {}", capability.name),
            judge: of(&it.name, &it.checker),
            unless: it.unless.as_ref().map(|(name, checker)| (name.clone(), of(name, checker))),
        })
    });
    let targets = spec.targets.iter().map(|it| Binding {
        name: it.slug.clone(),
        text: it.text.clone(),
        judge: match it.goal {
            Goal::Budget(_) => Judge::Samples,
            Goal::Minimise | Goal::Maximise | Goal::Level(_) => Judge::Promotion,
        },
        unless: None,
    });
    invariants.chain(properties).chain(targets).collect()
}

/// They as a table.
pub(crate) fn table(bindings: &[Binding]) -> Table {
    let mut table = Table::new([
        ("the contract", Align::Left),
        ("judged by", Align::Left),
        ("as written", Align::Left),
    ]);
    for Binding { name, text, judge, unless } in bindings {
        let style = if *judge == Judge::Nobody { paint::CARE } else { Style::new() };
        let (name, judged) = match unless {
            Some((excuse, other)) => {
                (format!("{name} unless {excuse}"), format!("{judge}; or {other}"))
            }
            None => (name.clone(), judge.to_string()),
        };
        table.row([(name, paint::NAME), (judged, style), (text.clone(), paint::DIM)]);
    }
    table
}
