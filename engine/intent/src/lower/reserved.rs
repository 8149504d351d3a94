//! Names that the engine keeps for itself.
//!
//! In: the lowered spec, and the labels of its duties. Out: a finding for each clause that goes by
//! such a name. Never: gives a clause another name.
//! Promise: the name of a gap means one thing. Start reading at [`Lowering::check_reserved`].

use super::Lowering;
use crate::codes;
use crate::diagnostic::Diagnostic;
use crate::lowered::{ASKED_OF_THE_PAST, Invariant};
use crate::source::Span;

impl Lowering {
    /// The question what becomes of the past is the gap `backfill@17`, so no clause may be called so.
    pub(super) fn check_reserved(&mut self) {
        let is_reserved = |slug: &String| slug == ASKED_OF_THE_PAST;
        let duties: Vec<Span> = self
            .spec
            .duties()
            .filter(|duty| {
                is_reserved(&duty.slug) || self.labels.get(&duty.slug).is_some_and(is_reserved)
            })
            .map(|duty| duty.span)
            .collect();
        let assertions = self.spec.assertions.iter();
        let assertions = assertions.filter(|it| is_reserved(&it.slug)).map(|it| it.span);
        // An invariant that an assertion of its name checks is that assertion.
        let own = |it: &&Invariant| {
            is_reserved(&it.slug) && !self.spec.assertions.iter().any(|other| other.slug == it.slug)
        };
        let invariants = self.spec.invariants.iter().filter(own).map(|it| it.span);
        let found: Vec<Span> = duties.into_iter().chain(assertions).chain(invariants).collect();
        for span in found {
            let message = format!("`{ASKED_OF_THE_PAST}` is the engine's own name for a gap");
            self.push(
                Diagnostic::error(codes::RESERVED, span, message)
                    .help("call the action, the label or the invariant something else"),
            );
        }
    }
}
