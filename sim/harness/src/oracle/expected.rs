//! Not a promise of the engine: what whoever wrote the scenario expects of spec and agents, whatever
//! goes wrong. Gaps of the duties under `closed` are closed at the end; deadlines of those under
//! `in_time` are met.
//!
//! From the log alone. Start reading at [`judge`].

use homeostat_log::Control;

use super::told::Told;
use super::{Evidence, Findings};
use crate::plan::any_means;

pub(super) fn judge(evidence: &Evidence, findings: &mut Findings) {
    let expect = &evidence.plan.expect;
    if expect.is_empty() {
        return;
    }
    let means = |words: &[String], gap: &str| {
        let clause = evidence.setup.clause_of(gap);
        clause.is_some_and(|clause| any_means(words, &clause.slug, clause.strength))
    };
    let mut told = Told::default();
    for (event, control) in evidence.controls() {
        if let Control::DeadlineMissed { gap, due } = control
            && means(&expect.in_time, gap)
        {
            let attempts = told.gaps.get(gap).map_or(0, |known| known.attempts);
            let at = event.position;
            findings.push(format!("e{at}: `{gap}` missed {due}, after {attempts} agents"));
        }
        told.take(control, event.recorded);
    }
    for (gap, known) in told.gaps.iter().filter(|(gap, _)| means(&expect.closed, gap)) {
        if known.opened > known.closed {
            let whose = match known.escalated {
                Some(reason) => format!("lies with people ({reason:?})"),
                None => "is still open".to_owned(),
            };
            findings.push(format!("`{gap}` {whose} after {} agents", known.attempts));
        }
    }
}
