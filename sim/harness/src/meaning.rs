//! What a spec's files mean, remembered: the seeds of a scenario share theirs, and so do the Plans
//! that a shrinker tries.
//!
//! In: the files. Out: the spec, when they are the last ones that were loaded. Never: remembers
//! more than one spec for each thread, or one with errors.
//! Promise: what is remembered is what loading the files afresh would give. Start reading at
//! [`known`].

use std::cell::RefCell;

use homeostat_intent::{Source, Spec};

thread_local! {
    static LAST: RefCell<Option<(Vec<Source>, Spec)>> = const { RefCell::new(None) };
}

/// What `sources` mean, if nothing else was loaded since they were.
pub(crate) fn known(sources: &[Source]) -> Option<Spec> {
    LAST.with_borrow(|last| {
        let (of, spec) = last.as_ref()?;
        (of == sources).then(|| spec.clone())
    })
}

/// Takes down what `sources` mean.
pub(crate) fn remember(sources: &[Source], spec: &Spec) {
    LAST.set(Some((sources.to_vec(), spec.clone())));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(text: &str) -> Vec<Source> {
        vec![Source { name: "x.intent".to_owned(), text: text.to_owned() }]
    }

    #[test]
    fn only_the_last_files_are_known_and_mean_what_they_did() {
        let (first, second) = (files("when a.b { must: c() }"), files("when a.b { should: c() }"));
        let spec = homeostat_intent::load(&first).spec;
        remember(&first, &spec);
        assert_eq!(known(&first), Some(spec));
        assert_eq!(known(&second), None);
        remember(&second, &homeostat_intent::load(&second).spec);
        assert_eq!(known(&first), None);
        assert_ne!(known(&second), None);
    }
}
