//! What the cases have reached, so that a generator gone dull is noticed.
//!
//! In: the verdicts of cases. Out: nothing, or a failed assertion. Never: judges a verdict.
//! Start reading at [`Coverage::is_wide`].

use super::super::{Standing, Verdicts};
use crate::Truth;

/// How often each has come up.
#[derive(Debug, Default)]
pub(super) struct Coverage {
    fulfilled: usize,
    seen_late: usize,
    late: usize,
    lapsed: usize,
    withdrawn: usize,
    compensated: usize,
    waived: usize,
    void: usize,
    overdue: usize,
    guards: [usize; 4],
}

impl Coverage {
    pub(super) fn count(&mut self, verdicts: &Verdicts) {
        for verdict in verdicts.obligations.values() {
            match verdict.standing {
                Standing::Owed => self.overdue += usize::from(verdict.missed),
                Standing::Lapsed => self.lapsed += 1,
                Standing::Withdrawn => self.withdrawn += 1,
                Standing::Compensated => self.compensated += 1,
                Standing::Waived => self.waived += 1,
                Standing::Void => self.void += 1,
                Standing::Fulfilled(_, crate::Fulfilment::InTime) => self.fulfilled += 1,
                Standing::Fulfilled(_, crate::Fulfilment::SeenLate) => self.seen_late += 1,
                Standing::Fulfilled(_, crate::Fulfilment::Late) => self.late += 1,
            }
        }
        for decided in verdicts.guards.values() {
            let [undecided, yes, no, unknown] = &mut self.guards;
            *match decided {
                None => undecided,
                Some(Truth::True) => yes,
                Some(Truth::False) => no,
                Some(Truth::Unknown) => unknown,
            } += 1;
        }
    }

    /// Every ending and every way to decide has come up a hundred times.
    pub(super) fn is_wide(&self) {
        let counts = [
            self.fulfilled,
            self.seen_late,
            self.late,
            self.lapsed,
            self.withdrawn,
            self.compensated,
            self.waived,
            self.overdue,
        ];
        assert!(counts.iter().chain(&self.guards).all(|&count| count >= 100), "{self:?}");
    }
}
