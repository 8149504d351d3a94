//! Specs as verbs need them: understood, or told what is wrong with them.

use homeostat_intent::{Loaded, Severity, Source, Spec, render};

use crate::context::Context;
use crate::failure::Failure;

/// Findings by severity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Counts {
    /// Provably wrong.
    pub(crate) errors: usize,
    /// Probably not meant.
    pub(crate) warnings: usize,
    /// Worth knowing.
    pub(crate) notes: usize,
}

impl Counts {
    /// Those of a loaded spec.
    pub(crate) fn of(loaded: &Loaded) -> Self {
        let count =
            |severity| loaded.diagnostics.iter().filter(|found| found.severity == severity).count();
        Self {
            errors: count(Severity::Error),
            warnings: count(Severity::Warning),
            notes: count(Severity::Note),
        }
    }

    /// `2 errors, 1 warning`; nothing when there are neither.
    pub(crate) fn words(self) -> String {
        let part = |count: usize, name: &str| match count {
            0 => None,
            1 => Some(format!("1 {name}")),
            count => Some(format!("{count} {name}s")),
        };
        let parts =
            [part(self.errors, "error"), part(self.warnings, "warning"), part(self.notes, "note")];
        parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
    }
}

/// The spec that `sources` make together. What is wrong with it goes to standard error; warnings
/// only with `--verbose`, since `homeostat check` is there for them.
pub(crate) fn understood(context: &mut Context, sources: &[Source]) -> Result<Spec, Failure> {
    let mut loaded = homeostat_intent::load(sources);
    let wrong = loaded.has_errors();
    if wrong {
        loaded.diagnostics.retain(|found| found.severity == Severity::Error);
    }
    let color = context.screen.err_has_color();
    let findings = render::text(&loaded.diagnostics, sources, color);
    if wrong {
        context.screen.say(findings.trim_end());
        return Err(Failure::new(format_args!("the spec has {}", Counts::of(&loaded).words()))
            .help("`homeostat explain CODE` tells more about one, `homeostat check` shows all"));
    }
    context.screen.detail(findings.trim_end());
    Ok(loaded.spec)
}
