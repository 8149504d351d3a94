//! What whoever wrote a scenario expects of the spec and the agents in it, beyond what the engine
//! promises.
//!
//! In: words of TOML. Out: whether a clause is meant. Never: judges; `oracle/expected` does.
//! Promise: a word that names nothing in the spec is a mistake. Start reading at [`Expect`].

use homeostat_intent::Spec;
use homeostat_intent::lowered::Strength;
use serde::{Deserialize, Serialize};

use super::PlanError;

/// What is expected. A word is a duty's name, or `must`, `should` or `could` for all of that
/// strength.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expect {
    /// Whose gaps are all closed at the end: none is open, none lies with people.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub closed: Vec<String>,
    /// Whose deadlines are all met.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub in_time: Vec<String>,
    /// Whether every clause of the spec is triggered, met and missed at least once.
    #[serde(default, skip_serializing_if = "is_not")]
    pub covered: bool,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
const fn is_not(said: &bool) -> bool {
    !*said
}

impl Expect {
    /// Whether nothing is.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Finds words that name nothing in `spec`.
    pub(crate) fn check(&self, spec: &Spec, errors: &mut Vec<PlanError>) {
        let named = |word: &str| spec.duties().any(|duty| means(word, &duty.slug, duty.strength));
        for (field, words) in [("closed", &self.closed), ("in_time", &self.in_time)] {
            for word in words.iter().filter(|word| !named(word)) {
                let message = format!("no duty of the spec is `{word}`");
                let slugs: Vec<String> =
                    spec.duties().map(|duty| format!("`{}`", duty.slug)).collect();
                let help =
                    format!("name one of {}, or all `must`, `should` or `could`", slugs.join(", "));
                errors.push(PlanError::new(format!("expect.{field}"), message).help(help));
            }
        }
    }
}

/// Whether one of `words` means the duty of that name and strength.
pub(crate) fn any_means(words: &[String], slug: &str, strength: Strength) -> bool {
    words.iter().any(|word| means(word, slug, strength))
}

fn means(word: &str, slug: &str, strength: Strength) -> bool {
    word == strength.word() || word == slug
}
