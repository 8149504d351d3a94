//! What holds whatever happens: the limits, one agent a gap, the fold, and that everything ends.

use std::collections::{BTreeMap, VecDeque};

use bolero::TypeGenerator;
use homeostat_intent::lowered::{Budget, Length, Limits, Performer};
use homeostat_log::Control;
use homeostat_log::control::{Decision as Word, Ending, GapKind, GapOutcome};
use homeostat_world::{Duration, Timestamp};

use super::stage::{Stage, clause, offer, spawned};
use crate::*;

const BUDGET: u64 = 4_000_000;
const HOUR: i64 = 3_600;

#[derive(TypeGenerator, Clone, Copy, Debug)]
enum Step {
    Open {
        severity: u8,
        sort: u8,
        due: u8,
        depth: u8,
    },
    Miss {
        which: u8,
    },
    Close {
        which: u8,
    },
    /// Seconds, or rarely minutes up to some hours.
    Wait {
        time: u8,
    },
    /// A whole round: decide, and everything returns.
    Round,
    /// The kernel asks; what it hears is appended after a while.
    Decide,
    /// The next few appends return.
    Return {
        count: u8,
    },
    End {
        which: u8,
        ending: u8,
        dollars: u8,
    },
    Person {
        which: u8,
        retry: bool,
    },
    /// Appends under way are lost, and the engine goes on.
    FailAppend,
    /// Appends under way are lost, and the engine starts anew.
    Restart,
}

/// What the test knows by itself.
struct World {
    stage: Stage,
    opened: Vec<String>,
    open: BTreeMap<String, Known>,
    under_way: VecDeque<Decision>,
    alive: BTreeMap<String, u64>,
    costs: Vec<(Timestamp, u64)>,
}

#[derive(Clone, Default)]
struct Known {
    human: bool,
    external: bool,
    depth: u16,
    failures: u32,
    tries: u32,
    excused: bool,
    asked: bool,
    rested_from: Option<Timestamp>,
}

fn limits() -> Limits {
    let per = Length::from_micros(HOUR * 1_000_000);
    Limits {
        max_agent_depth: 2,
        max_concurrent_agents: 3,
        max_agents_per_gap: 2,
        cooldown_per_gap: Length::from_micros(30_000_000),
        total_compute_budget: Some(Budget { micro_dollars: BUDGET, per }),
        ..Limits::default()
    }
}

impl World {
    fn new() -> Self {
        Self {
            stage: Stage::new(limits()),
            opened: Vec::new(),
            open: BTreeMap::new(),
            under_way: VecDeque::new(),
            alive: BTreeMap::new(),
            costs: Vec::new(),
        }
    }

    fn step(&mut self, step: Step) {
        match step {
            Step::Open { severity, sort, due, depth } => self.open(severity, sort, due, depth),
            Step::Miss { which } => {
                if let Some(gap) = pick(self.open.keys(), which) {
                    let due = self.stage.now;
                    self.stage.pass_fact(Fact::DeadlineMissed { gap, due });
                }
            }
            Step::Close { which } => {
                if let Some(gap) = pick(self.open.keys(), which) {
                    self.open.remove(&gap);
                    self.stage.close(&gap);
                }
            }
            Step::Wait { time } if time < 224 => self.stage.wait(i64::from(time / 8)),
            Step::Wait { time } => self.stage.wait(i64::from(time - 223) * 240),
            Step::Round => {
                self.decide();
                while !self.under_way.is_empty() {
                    self.one_returns();
                }
            }
            Step::Decide => self.decide(),
            Step::Return { count } => {
                for _ in 0..count % 8 {
                    self.one_returns();
                }
            }
            Step::End { which, ending, dollars } => {
                if let Some(agent) = pick(self.alive.keys(), which) {
                    const ENDINGS: [Ending; 5] = [
                        Ending::Failed,
                        Ending::TimedOut,
                        Ending::Resolved,
                        Ending::NeedsHuman,
                        Ending::Lost,
                    ];
                    let ending = ENDINGS[usize::from(ending) % ENDINGS.len()];
                    self.end(&agent, ending, u64::from(dollars));
                }
            }
            Step::Person { which, retry } => {
                if let Some(gap) = pick(self.open.keys(), which) {
                    self.person(&gap, retry);
                }
            }
            Step::FailAppend => {
                self.under_way.clear();
                self.stage.conductor.forget_in_flight();
            }
            Step::Restart => {
                self.under_way.clear();
                self.stage.restart();
                for agent in self.alive.keys().cloned().collect::<Vec<_>>() {
                    self.end(&agent, Ending::Lost, 0);
                }
            }
        }
    }

    fn open(&mut self, severity: u8, sort: u8, due: u8, depth: u8) {
        const SEVERITIES: [Severity; 4] =
            [Severity::Invariant, Severity::Must, Severity::Should, Severity::Could];
        const ACTIONS: [&str; 6] = ["ack", "dear", "free", "nobody", "mail", "await_reply"];
        let action = ACTIONS[usize::from(sort) % ACTIONS.len()];
        let (human, external) = (action == "await_reply", action == "mail");
        let gap = format!("{action}@{}", self.opened.len() + 1);
        let clause = ClauseFacts {
            severity: SEVERITIES[usize::from(severity) % SEVERITIES.len()],
            performer: if human { Performer::Human } else { Performer::Agent },
            external,
            ..clause(action)
        };
        let depth = u16::from(depth % 4);
        let due = (due > 0).then(|| self.stage.now + Duration::from_secs(i64::from(due)));
        let (kind, opened) = (GapKind::Reaction, self.stage.now);
        let fact = Fact::GapOpened { gap: gap.clone(), clause, kind, due, depth, opened };
        self.stage.pass_fact(fact);
        self.opened.push(gap.clone());
        self.open.insert(gap, Known { human, external, depth, ..Known::default() });
    }

    fn decide(&mut self) {
        let now = self.stage.now;
        let decisions = self.stage.conductor.decide(now, &offer);
        assert!(self.stage.conductor.decide(now, &offer).is_empty(), "decided twice");
        for decision in decisions {
            if let Decision::Spawn(spawn) = &decision {
                self.check_spawn(spawn);
            }
            self.under_way.push_back(decision);
            self.check_limits();
        }
        let wake = self.stage.conductor.next_wake();
        assert!(wake.is_none_or(|wake| wake > now), "wakes at {wake:?}, and it is {now}");
    }

    /// Whether this agent may be spawned now, by the letter of each breaker.
    fn check_spawn(&self, spawn: &Spawn) {
        let limits = limits();
        let known = &self.open[&spawn.gap];
        assert!(!known.human, "{spawn:?} takes what a person is to do");
        assert!(known.failures < limits.max_agents_per_gap, "{spawn:?} after {}", known.failures);
        assert!(!known.asked, "{spawn:?} while a person is asked");
        assert!(known.excused || u32::from(known.depth) < limits.max_agent_depth, "{spawn:?}");
        assert!(!known.external || known.tries == 0, "{spawn:?} may do it twice");
        assert_ne!(spawn.action, "nobody");
        if let Some(from) = known.rested_from {
            assert!(self.stage.now.since(from) >= Duration::from_secs(30), "{spawn:?} too soon");
        }
        let prefix = format!("{}/", spawn.gap);
        assert!(!self.alive.keys().any(|agent| agent.starts_with(&prefix)), "{spawn:?} is second");
        let twice = |it: &Decision| matches!(it, Decision::Spawn(it) if it.gap == spawn.gap);
        assert!(!self.under_way.iter().any(twice), "{spawn:?} is under way");
    }

    /// The breakers that bind all agents together, at this instant.
    fn check_limits(&self) {
        let coming = self.under_way.iter().filter_map(|decision| match decision {
            Decision::Spawn(spawn) => Some(spawn.cost_max),
            _ => None,
        });
        let reserved: Vec<u64> = self.alive.values().copied().chain(coming).collect();
        assert!(reserved.len() <= 3, "{} agents at once", reserved.len());
        let recent = |at: &Timestamp| self.stage.now.since(*at) < Duration::from_secs(HOUR);
        let spent: u64 = self.costs.iter().filter(|(at, _)| recent(at)).map(|(_, cost)| cost).sum();
        let all = spent + reserved.iter().sum::<u64>();
        assert!(all <= BUDGET, "{all} of {BUDGET} within the hour");
    }

    fn one_returns(&mut self) {
        match self.under_way.pop_front() {
            Some(Decision::Record(control)) => self.stage.pass_control(control),
            Some(Decision::Spawn(spawn)) => {
                let now = self.stage.now;
                self.alive.insert(format!("{}/{}", spawn.gap, spawn.attempt), spawn.cost_max);
                if let Some(known) = self.open.get_mut(&spawn.gap) {
                    known.tries += 1;
                }
                self.stage.pass_control(spawned(&spawn, now));
            }
            Some(Decision::Stop { agent, .. }) if self.alive.contains_key(&agent) => {
                self.end(&agent, Ending::Stopped, 0);
            }
            Some(Decision::Stop { .. }) | None => {}
        }
    }

    fn end(&mut self, agent: &str, ending: Ending, dollars: u64) {
        let cost_max = self.alive.remove(agent).unwrap();
        let dollars = dollars.min(cost_max / 1_000_000);
        self.costs.push((self.stage.now, dollars * 1_000_000));
        if let Some(known) = self.open.get_mut(agent.rsplit_once('/').unwrap().0) {
            known.rested_from = Some(self.stage.now);
            let failed = matches!(ending, Ending::Failed | Ending::TimedOut | Ending::Resolved);
            known.failures += u32::from(failed);
            known.asked |= ending == Ending::NeedsHuman;
        }
        self.stage.end(agent, ending, dollars);
    }

    fn person(&mut self, gap: &str, retry: bool) {
        self.stage.person_says(if retry { Word::Retry } else { Word::Waive }, gap);
        if retry {
            let known = self.open.get_mut(gap).unwrap();
            (known.failures, known.tries, known.excused, known.asked) = (0, 0, true, false);
        } else {
            self.open.remove(gap);
            let outcome = GapOutcome::Waived;
            self.stage.pass_fact(Fact::GapClosed { gap: gap.to_owned(), outcome });
        }
    }

    fn check_fold(&self) {
        let replayed = self.stage.replayed();
        assert_eq!(replayed.checkpoint(), self.stage.conductor.checkpoint());
    }

    /// From here on nothing new happens and every agent fails: each gap must come to rest.
    fn converge(&mut self) {
        for _ in 0..3 * (self.opened.len() + 2) {
            self.stage.wait(HOUR + 30);
            loop {
                self.decide();
                if self.under_way.is_empty() {
                    break;
                }
                while !self.under_way.is_empty() {
                    self.one_returns();
                }
            }
            for agent in self.alive.keys().cloned().collect::<Vec<_>>() {
                self.end(&agent, Ending::Failed, 1);
            }
        }
        self.decide();
        for gap in self.stage.conductor.gaps() {
            assert!(self.open.contains_key(&gap.id), "`{}` is closed", gap.id);
            let rests = matches!(gap.state, GapState::Escalated | GapState::Waiting);
            assert!(rests, "{gap:?} is left alone");
        }
        assert_eq!(self.stage.conductor.gaps().count(), self.open.len(), "an open gap was lost");
        self.check_log();
    }

    /// Each gap has one opening and at most one closing in the log, in that order.
    fn check_log(&self) {
        let mut said: BTreeMap<&str, &str> = BTreeMap::new();
        for passed in &self.stage.history {
            let super::stage::Passed::Control(control, ..) = passed else { continue };
            match control.as_ref() {
                Control::GapOpened { gap, .. } => {
                    assert_eq!(said.insert(gap, "opened"), None, "`{gap}` opened twice");
                }
                Control::GapClosed { gap, .. } => {
                    assert_eq!(said.insert(gap, "closed"), Some("opened"), "`{gap}`");
                }
                _ => {}
            }
        }
        for (gap, word) in said {
            assert_eq!(word == "opened", self.open.contains_key(gap), "`{gap}` is {word}");
        }
    }
}

fn pick<'a>(of: impl ExactSizeIterator<Item = &'a String>, which: u8) -> Option<String> {
    let nth = usize::from(which).checked_rem(of.len())?;
    of.into_iter().nth(nth).cloned()
}

#[test]
fn limits_hold_the_fold_is_exact_and_every_gap_comes_to_rest() {
    bolero::check!().with_type::<Vec<Step>>().with_iterations(1_500).with_max_len(512).for_each(
        |steps: &Vec<Step>| {
            let mut world = World::new();
            for (nth, step) in steps.iter().enumerate() {
                world.step(*step);
                if nth % 16 == 0 {
                    world.check_fold();
                }
            }
            world.check_fold();
            world.converge();
        },
    );
}
