//! What a run converged to: no part of it is a lane's own, and what differs is said.

use homeostat_log::Control;
use homeostat_sim_harness::converged::Converged;
use homeostat_sim_harness::lane::NATIVE;
use homeostat_sim_harness::oracle::Evidence;
use homeostat_sim_harness::run::run_and_judge;
use homeostat_sim_harness::write::write;

use crate::smoke::scenario;

fn evidence(seed: u64) -> Evidence {
    let judged = run_and_judge(NATIVE, &write(seed, &scenario("lanes.toml"))).unwrap();
    judged.run.unwrap().evidence
}

#[test]
fn chance_that_decides_nothing_changes_no_end() {
    let scenario = scenario("lanes.toml");
    let mut open = 0;
    for seed in [1, 2, 3, 4] {
        let mut plan = write(seed, &scenario);
        let first = run_and_judge(NATIVE, &plan).unwrap().run.unwrap();
        // Other tasks go first, other links jitter, a power cut leaves another part.
        plan.seed += 1_000;
        let second = run_and_judge(NATIVE, &plan).unwrap().run.unwrap();
        assert_ne!(first.trace, second.trace);
        let (first, second) = (Converged::of(&first.evidence), Converged::of(&second.evidence));
        assert_eq!(first.difference(&second), None, "seed {seed}");
        open += first.lines.iter().filter(|line| line.starts_with("open: ")).count();
    }
    assert!(open > 0, "ends at which nothing stands open are equal too easily");
}

#[test]
fn a_gap_that_stays_open_is_an_other_end() {
    let mut evidence = evidence(1);
    let expected = Converged::of(&evidence);
    let closes = |it: &Control| matches!(it, Control::GapClosed { .. });
    let at = evidence.log.controls.iter().position(|(_, it)| closes(it)).unwrap();
    evidence.log.controls.remove(at);
    let difference = expected.difference(&Converged::of(&evidence)).unwrap();
    assert_eq!(difference.only_first, Vec::<String>::new());
    assert_eq!(difference.only_second.len(), 1);
    assert!(difference.to_string().starts_with("only in the second: open: "), "{difference}");
}

#[test]
fn a_gap_that_was_not_given_to_people_is_an_other_end() {
    let mut evidence = (1..20).map(evidence).find(|evidence| {
        evidence.log.controls.iter().any(|(_, it)| matches!(it, Control::GapEscalated { .. }))
            && Converged::of(evidence).lines.iter().any(|line| line.ends_with(", escalated"))
    });
    let evidence = evidence.as_mut().unwrap();
    let expected = Converged::of(evidence);
    evidence.log.controls.retain(|(_, it)| !matches!(it, Control::GapEscalated { .. }));
    let difference = expected.difference(&Converged::of(evidence)).unwrap();
    assert!(difference.only_first.iter().all(|line| line.ends_with(", escalated")));
    assert_eq!(difference.only_first.len(), difference.only_second.len());
}
