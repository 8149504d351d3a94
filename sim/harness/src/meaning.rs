//! What a spec's files mean, remembered: the seeds of a scenario share theirs, and so do the Plans
//! that a shrinker tries.
//!
//! In: the files. Out: the spec, when they are among the last that were loaded. Never: remembers
//! more than two specs for each thread, a Plan's own and its later version, or one with errors.
//! Promise: what is remembered is what loading the files afresh would give. Start reading at
//! [`known`].

use std::cell::RefCell;

use homeostat_intent::{Source, Spec};

/// Files and what they mean.
type Known = (Vec<Source>, Spec);

thread_local! {
    static LAST: RefCell<[Option<Known>; 2]> = const { RefCell::new([None, None]) };
}

/// What `sources` mean, if not more than one other was loaded since they were.
pub(crate) fn known(sources: &[Source]) -> Option<Spec> {
    LAST.with_borrow(|last| {
        let found = last.iter().flatten().find(|(of, _)| of == sources);
        found.map(|(_, spec)| spec.clone())
    })
}

/// Takes down what `sources` mean.
pub(crate) fn remember(sources: &[Source], spec: &Spec) {
    LAST.with_borrow_mut(|last| {
        last.rotate_right(1);
        if let Some(newest) = last.first_mut() {
            *newest = Some((sources.to_vec(), spec.clone()));
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(text: &str) -> Vec<Source> {
        vec![Source { name: "x.intent".to_owned(), text: text.to_owned() }]
    }

    #[test]
    fn only_the_last_two_are_known_and_mean_what_they_did() {
        let (first, second) = (files("when a.b { must: c() }"), files("when a.b { should: c() }"));
        let third = files("when a.b { could: c() }");
        let spec = homeostat_intent::load(&first).spec;
        remember(&first, &spec);
        assert_eq!(known(&first), Some(spec));
        assert_eq!(known(&second), None);
        remember(&second, &homeostat_intent::load(&second).spec);
        assert_eq!(known(&first), Some(homeostat_intent::load(&first).spec));
        remember(&third, &homeostat_intent::load(&third).spec);
        assert_eq!(known(&first), None);
        assert_ne!(known(&second), None);
    }
}
