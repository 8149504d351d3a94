//! A small kernel for tests: appends what is decided, and passes it back.

use homeostat_intent::lowered::{Limits, Performer};
use homeostat_log::Control;
use homeostat_log::control::{Decision as Word, Ending, GapKind, GapOutcome};
use homeostat_world::{Duration, Position, Timestamp};

use crate::*;

/// One thing that was passed to the conductor, so that it can be passed again.
#[derive(Clone, Debug)]
pub(super) enum Passed {
    Fact(Fact, Timestamp),
    Control(Box<Control>, Position, Timestamp),
}

pub(super) struct Stage {
    pub(super) conductor: Conductor,
    pub(super) limits: Limits,
    pub(super) now: Timestamp,
    pub(super) history: Vec<Passed>,
    /// What the actions `free`, `dear` and any other cost at most; `nobody` has no agent.
    pub(super) told: Vec<String>,
    head: u64,
}

pub(super) fn offer(action: &str) -> Option<Offer> {
    match action {
        "nobody" => None,
        "dear" => Some(Offer { cost_max: 3_000_000 }),
        "free" => Some(Offer { cost_max: 0 }),
        _ => Some(Offer { cost_max: 1_000_000 }),
    }
}

pub(super) fn clause(action: &str) -> ClauseFacts {
    ClauseFacts {
        clause: "00000000000000aa".to_owned(),
        slug: action.to_owned(),
        action: action.to_owned(),
        severity: Severity::Must,
        performer: Performer::Agent,
        external: false,
    }
}

impl Stage {
    pub(super) fn new(limits: Limits) -> Self {
        let conductor = Conductor::new(limits.clone());
        let now = Timestamp::EPOCH;
        Self { conductor, limits, now, history: Vec::new(), told: Vec::new(), head: 0 }
    }

    pub(super) fn pass_fact(&mut self, fact: Fact) {
        self.history.push(Passed::Fact(fact.clone(), self.now));
        self.conductor.on_fact(fact, self.now);
    }

    pub(super) fn pass_control(&mut self, control: Control) {
        self.head += 1;
        let position = Position::new(self.head);
        self.conductor.on_control(&control, position, self.now);
        self.history.push(Passed::Control(Box::new(control), position, self.now));
    }

    pub(super) fn open(&mut self, gap: &str) {
        let action = gap.split('@').next().unwrap();
        self.open_with(gap, clause(action), None, 0);
    }

    pub(super) fn open_with(
        &mut self,
        gap: &str,
        clause: ClauseFacts,
        due: Option<i64>,
        depth: u16,
    ) {
        let due = due.map(|seconds| Timestamp::EPOCH + Duration::from_secs(seconds));
        let (gap, kind, opened) = (gap.to_owned(), GapKind::Reaction, self.now);
        self.pass_fact(Fact::GapOpened { gap, clause, kind, due, depth, opened });
    }

    /// Opens a gap of some kind and severity that has no deadline.
    pub(super) fn open_of(&mut self, gap: &str, kind: GapKind, severity: Severity) {
        let clause = ClauseFacts { severity, ..clause("ack") };
        let (gap, due, depth, opened) = (gap.to_owned(), None, 0, self.now);
        self.pass_fact(Fact::GapOpened { gap, clause, kind, due, depth, opened });
    }

    pub(super) fn close(&mut self, gap: &str) {
        let (gap, outcome) = (gap.to_owned(), GapOutcome::Fulfilled);
        self.pass_fact(Fact::GapClosed { gap, outcome });
    }

    pub(super) fn wait(&mut self, seconds: i64) {
        self.now = self.now + Duration::from_secs(seconds);
    }

    /// Decides and appends until nothing is left. Every decision as one readable line.
    pub(super) fn settle(&mut self) -> Vec<String> {
        let mut lines = Vec::new();
        loop {
            let decisions = self.conductor.decide(self.now, &offer);
            if decisions.is_empty() {
                self.told.extend(lines.clone());
                return lines;
            }
            let again = self.conductor.decide(self.now, &offer);
            assert!(
                again.is_empty() || decisions.len() >= DECISIONS_MAX,
                "said again while under way: {:?}",
                again.first()
            );
            for decision in decisions.into_iter().chain(again) {
                lines.push(line(&decision));
                match decision {
                    Decision::Record(control) => self.pass_control(control),
                    Decision::Spawn(spawn) => self.pass_control(spawned(&spawn, self.now)),
                    Decision::Stop { agent, .. } => self.end(&agent, Ending::Stopped, 0),
                }
            }
        }
    }

    /// An agent ends, having cost that many dollars.
    pub(super) fn end(&mut self, agent: &str, ending: Ending, dollars: u64) {
        self.pass_control(Control::AgentEnded {
            agent: agent.to_owned(),
            gap: agent.rsplit_once('/').unwrap().0.to_owned(),
            ending,
            reason: "as the test has it".to_owned(),
            cost: dollars * 1_000_000,
        });
    }

    pub(super) fn person_says(&mut self, decision: Word, gap: &str) {
        self.pass_control(Control::GapDecided {
            gap: gap.to_owned(),
            decision,
            by: "ada".to_owned(),
            reason: String::new(),
        });
    }

    pub(super) fn state(&self, gap: &str) -> Option<GapState> {
        self.conductor.gap(gap).map(|view| view.state)
    }

    /// A conductor that was shown the same from the start.
    pub(super) fn replayed(&self) -> Conductor {
        let mut conductor = Conductor::new(self.limits.clone());
        for passed in self.history.clone() {
            match passed {
                Passed::Fact(fact, at) => conductor.on_fact(fact, at),
                Passed::Control(control, position, recorded) => {
                    conductor.on_control(&control, position, recorded);
                }
            }
        }
        conductor
    }

    /// The engine stops and starts again: what was under way is gone.
    pub(super) fn restart(&mut self) {
        let replayed = self.replayed();
        assert_eq!(
            String::from_utf8(replayed.checkpoint()).unwrap(),
            String::from_utf8(self.conductor.checkpoint()).unwrap(),
        );
        let restored = Conductor::restore(self.limits.clone(), &replayed.checkpoint()).unwrap();
        assert_eq!(restored.checkpoint(), replayed.checkpoint());
        self.conductor = restored;
    }
}

pub(super) fn spawned(spawn: &Spawn, now: Timestamp) -> Control {
    Control::AgentSpawned {
        agent: format!("{}/{}", spawn.gap, spawn.attempt),
        gap: spawn.gap.clone(),
        attempt: spawn.attempt,
        deadline: now + Duration::from_secs(30),
        cost_max: spawn.cost_max,
    }
}

fn line(decision: &Decision) -> String {
    match decision {
        Decision::Record(Control::GapOpened { gap, .. }) => format!("opened {gap}"),
        Decision::Record(Control::DeadlineMissed { gap, .. }) => format!("missed {gap}"),
        Decision::Record(Control::GapClosed { gap, outcome }) => {
            format!("closed {gap} {outcome:?}")
        }
        Decision::Record(Control::GapEscalated { gap, reason }) => {
            format!("escalated {gap} {reason:?}")
        }
        Decision::Record(Control::BreakerChanged { breaker, tripped, detail }) => {
            let verb = if *tripped { "holds" } else { "lets go" };
            format!("{breaker:?} {verb}: {detail}")
        }
        Decision::Record(other) => format!("{other:?}"),
        Decision::Spawn(spawn) => format!("spawn {}/{}", spawn.gap, spawn.attempt),
        Decision::Stop { agent, .. } => format!("stop {agent}"),
    }
}
