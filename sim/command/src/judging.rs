//! Runs and judges one Plan, and can break determinism on purpose.
//!
//! Never: lets a panic of a run end the command; it is a finding. Start reading at
//! [`Judging::judged`].

use homeostat_sim_harness::oracle::{Violation, said};
use homeostat_sim_harness::run::{Judged, Setup, run_and_judge};
use homeostat_sim_harness::{Lane, Plan};

use crate::quiet;

/// How Plans are run.
#[derive(Clone, Copy, Debug, Default, clap::Args)]
pub(crate) struct Judging {
    /// Mixes the number of this process into chance, so that no two processes agree: the tests see
    /// with it that a break of determinism is found.
    #[arg(long, hide = true)]
    pub(crate) break_determinism: bool,
}

impl Judging {
    /// Runs and judges a Plan.
    pub(crate) fn judged(self, lane: Lane, plan: &Plan) -> Result<Judged, String> {
        let plan = self.meddled(plan);
        let work = std::panic::AssertUnwindSafe(|| run_and_judge(lane, &plan));
        let (done, places) = quiet::during(|| std::panic::catch_unwind(work));
        let mut judged = done.unwrap_or_else(|payload| {
            let what = format!("the run itself panicked: {}", said(payload.as_ref()));
            let violations = vec![Violation { oracle: "harness".to_owned(), what }];
            Ok(Judged { run: None, violations })
        })?;
        if let (Some(first), false) = (judged.violations.first_mut(), places.is_empty()) {
            first.what.push_str(&format!(" (panics at {})", places.join(", ")));
        }
        Ok(judged)
    }

    /// Everything that two equal runs agree on, line by line, with the hash of the run at the end.
    pub(crate) fn lines(self, lane: Lane, plan: &Plan) -> Result<Vec<String>, String> {
        let plan = self.meddled(plan);
        let mut setup = Setup::of(&plan)?;
        setup.keeps_polls = true;
        let run = (lane.run)(&plan, &setup)?;
        let mut lines = homeostat_sim_harness::story::lines(&run.evidence);
        lines.push(format!("the trace is {}", run.trace));
        Ok(lines)
    }

    /// The flag again, for another process.
    pub(crate) fn flags(self) -> Option<&'static str> {
        self.break_determinism.then_some("--break-determinism")
    }

    fn meddled(self, plan: &Plan) -> Plan {
        let mut plan = plan.clone();
        if self.break_determinism {
            plan.seed = (plan.seed ^ u64::from(std::process::id())) & (u64::MAX >> 1);
        }
        plan
    }
}
