//! Agents from spawn to end.
//!
//! In: orders of the conductor (through the kernel), outcomes of runs, control events of the log, the time.
//! Out: briefs, `agent.spawned` and `agent.ended` to append, checked events. Never: keeps anything of an agent that has
//! ended. Promise: who is alive is a fold of the log; whoever is left when the engine stops or starts is lost. Start reading at [`Agents::spawn`].

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use homeostat_log::control::Ending;
use homeostat_log::{Control, NewEvent};
use homeostat_world::limits::{AGENT_EVENT_BYTES_MAX, AGENT_EVENTS_MAX};
use homeostat_world::{Timestamp, canary};
use serde::{Deserialize, Serialize};

use crate::brief::{Brief, Budget, Constraints, PROTOCOL, Task};
use crate::file::{AgentsFile, Member};
use crate::judge::{GAP_CLOSED, judge, over_time, shorten};
use crate::runner::Outcome;

/// Every agent that is alive.
#[derive(Debug)]
pub struct Agents {
    file: Arc<AgentsFile>,
    alive: BTreeMap<String, Life>,
    /// Spawned by us; the log has not said so yet.
    spawning: BTreeMap<String, Brief>,
    /// When those of them that are ours are over their time.
    deadlines: BTreeSet<(Timestamp, String)>,
}

/// One agent, as the log has it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Life {
    gap: String,
    attempt: u32,
    deadline: Timestamp,
    cost_max: u64,
    /// None for an agent of an earlier life of the engine.
    #[serde(skip)]
    brief: Option<Box<Brief>>,
    /// Its end is decided and on its way to the log.
    #[serde(skip)]
    ending: bool,
}

/// An agent is wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    /// For which gap.
    pub gap: String,
    /// The how-manieth agent of this gap, from 1.
    pub attempt: u32,
    /// What it may cost at most, in millionths of a dollar.
    pub cost_max: u64,
}

/// An agent about to be.
#[derive(Clone, Debug, PartialEq)]
pub struct Spawned {
    /// Its id.
    pub agent: String,
    /// To append, and to pass to `on_control`, before anything is run.
    pub control: Control,
    /// To hand to the runner after that.
    pub brief: Brief,
}

/// No agent of the file does the action.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no agent is configured for `{action}`; add one to the agents file, or `for = \"*\"`")]
pub struct NoAgent {
    /// The action.
    pub action: String,
}

/// What an outcome came to.
#[derive(Clone, Debug, PartialEq)]
pub enum Verdict {
    /// The agent has ended: append the events, then the control event, in one batch.
    Ended {
        /// What it appends; empty unless it resolved its gap.
        events: Vec<NewEvent>,
        /// Its end.
        control: Control,
    },
    /// It had ended before: nothing of this counts.
    Late {
        /// Which agent.
        agent: String,
        /// What came too late, for the record.
        note: String,
    },
}

/// An agent over its time.
#[derive(Clone, Debug, PartialEq)]
pub struct Expired {
    /// Which: to be killed.
    pub agent: String,
    /// To append.
    pub control: Control,
}

/// One agent as people see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AgentView {
    /// Its id.
    pub agent: String,
    /// Its gap.
    pub gap: String,
    /// Which agent of the agents file it is, unless it is of an earlier life of the engine.
    pub member: Option<String>,
    /// The how-manieth agent of this gap.
    pub attempt: u32,
    /// When it is killed.
    pub deadline: Timestamp,
    /// What it may cost, in millionths of a dollar.
    pub cost_max: u64,
}

/// Why bytes are no checkpoint of agents.
#[derive(Debug, thiserror::Error)]
#[error("the checkpoint of agents cannot be read: {0}; delete it and replay the log")]
pub struct RestoreError(#[from] serde_json::Error);

impl Agents {
    /// Nobody is alive; `file` says who can be.
    #[must_use]
    pub fn new(file: Arc<AgentsFile>) -> Self {
        let (alive, spawning) = (BTreeMap::new(), BTreeMap::new());
        Self { file, alive, spawning, deadlines: BTreeSet::new() }
    }

    /// Who can be.
    #[must_use]
    pub fn file(&self) -> &AgentsFile {
        &self.file
    }

    /// The same, for another machine under it.
    #[must_use]
    pub fn shared_file(&self) -> Arc<AgentsFile> {
        Arc::clone(&self.file)
    }

    /// Makes an agent for `order`: its id, its brief, and the control event that must stand in
    /// the log before it runs.
    ///
    /// # Errors
    /// When no agent of the file does the task's action.
    pub fn spawn(&mut self, order: Order, task: Task, now: Timestamp) -> Result<Spawned, NoAgent> {
        let Some(member) = self.file.member_for(&task.action) else {
            return Err(NoAgent { action: task.action });
        };
        let agent = format!("{}/{}", order.gap, order.attempt);
        assert!(!self.alive.contains_key(&agent), "agent `{agent}` is alive already");
        let brief = brief(member, &agent, &order, task, now);
        let control = Control::AgentSpawned {
            agent: agent.clone(),
            gap: order.gap,
            attempt: order.attempt,
            deadline: brief.budget.deadline,
            cost_max: order.cost_max,
        };
        self.spawning.insert(agent.clone(), brief.clone());
        Ok(Spawned { agent, control, brief })
    }

    /// Takes in a control event of the log: agents live and die here and nowhere else.
    pub fn on_control(&mut self, control: &Control) {
        match control {
            Control::AgentSpawned { agent, gap, attempt, deadline, cost_max } => {
                let brief = self.spawning.remove(agent).map(Box::new);
                if brief.is_some() {
                    if canary::planted("one_deadline_an_instant") {
                        self.deadlines.retain(|(at, _)| at != deadline);
                    }
                    self.deadlines.insert((*deadline, agent.clone()));
                }
                let (gap, attempt) = (gap.clone(), *attempt);
                let (deadline, cost_max) = (*deadline, *cost_max);
                let life = Life { gap, attempt, deadline, cost_max, brief, ending: false };
                self.alive.insert(agent.clone(), life);
            }
            Control::AgentEnded { agent, .. } => {
                if let Some(life) = self.alive.remove(agent) {
                    self.deadlines.remove(&(life.deadline, agent.clone()));
                }
            }
            _ => {}
        }
    }

    /// Judges what a run gave.
    pub fn on_outcome(&mut self, agent: &str, outcome: &Outcome, now: Timestamp) -> Verdict {
        let Some((life, brief)) = self.at_work(agent) else {
            let (agent, lines) = (agent.to_owned(), outcome.lines.len());
            let finish = &outcome.finish;
            let note = format!("came after its end: {lines} lines, {finish:?}");
            return Verdict::Late { agent, note: shorten(&note) };
        };
        let cost_per_run = self.file.member(&brief.member).map_or(0, |it| it.cost_per_run);
        let judged = judge(brief, outcome, cost_per_run, now);
        let control = Control::AgentEnded {
            agent: agent.to_owned(),
            gap: life.gap.clone(),
            ending: judged.ending,
            reason: judged.reason,
            cost: judged.cost,
        };
        self.is_ending(agent);
        Verdict::Ended { events: judged.events, control }
    }

    /// The log refused what the verdict wanted appended, so the agent has failed: this is the end
    /// to append instead.
    pub fn on_refusal(&mut self, agent: &str, why: &str) -> Option<Control> {
        let life = self.alive.get(agent)?;
        let reason = format!("the log refused its events: {why}");
        Some(ended(agent, life, Ending::Failed, &reason))
    }

    /// Ends an agent whose gap has closed. None if its end is decided already.
    pub fn stop(&mut self, agent: &str) -> Option<Control> {
        let (life, _) = self.at_work(agent)?;
        let control = ended(agent, life, Ending::Stopped, GAP_CLOSED);
        self.is_ending(agent);
        Some(control)
    }

    /// Ends every agent over its time.
    pub fn expire(&mut self, now: Timestamp) -> Vec<Expired> {
        let mut expired = Vec::new();
        while let Some((deadline, agent)) = self.deadlines.first().cloned() {
            if deadline > now {
                break;
            }
            self.deadlines.pop_first();
            let Some((life, brief)) = self.at_work(&agent) else { continue };
            let control = ended(&agent, life, Ending::TimedOut, &over_time(brief));
            self.is_ending(&agent);
            expired.push(Expired { agent, control });
        }
        expired
    }

    /// When the next agent will be over its time.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Timestamp> {
        self.deadlines.first().map(|(deadline, _)| *deadline)
    }

    /// Ends every agent that is alive. After a replay these are agents of an earlier life of the
    /// engine, and nobody can say what they did since; at a stop they are those just killed.
    pub fn lost(&mut self) -> Vec<Control> {
        let mut lost = Vec::new();
        for (agent, life) in &mut self.alive {
            if !life.ending {
                life.ending = true;
                lost.push(ended(
                    agent,
                    life,
                    Ending::Lost,
                    "the engine stopped while it was at work",
                ));
            }
        }
        lost
    }

    /// Takes back spawns that never came to the log, because the append failed.
    pub fn forget_in_flight(&mut self) {
        self.spawning.clear();
    }

    /// Every agent that is alive.
    pub fn alive(&self) -> impl Iterator<Item = AgentView> + '_ {
        self.alive.iter().map(|(agent, life)| AgentView {
            agent: agent.clone(),
            gap: life.gap.clone(),
            member: life.brief.as_ref().map(|brief| brief.member.clone()),
            attempt: life.attempt,
            deadline: life.deadline,
            cost_max: life.cost_max,
        })
    }

    /// The state as bytes: equal states, equal bytes.
    #[must_use]
    pub fn checkpoint(&self) -> Vec<u8> {
        // Texts, numbers and maps with text keys always have a JSON form.
        serde_json::to_vec(&self.alive).unwrap_or_default()
    }

    /// The state that `bytes` hold. Everyone in it is of an earlier life of the engine.
    ///
    /// # Errors
    /// When they are damaged or of something else.
    pub fn restore(file: Arc<AgentsFile>, bytes: &[u8]) -> Result<Self, RestoreError> {
        let mut alive: BTreeMap<String, Life> = serde_json::from_slice(bytes)?;
        for life in alive.values_mut() {
            life.ending = canary::planted("restored_agents_taken_for_ended");
        }
        Ok(Self { alive, ..Self::new(file) })
    }

    /// An agent of ours whose end is not decided yet.
    fn at_work(&self, agent: &str) -> Option<(&Life, &Brief)> {
        let judged_twice = canary::planted("an_end_decided_twice");
        let life = self.alive.get(agent).filter(|life| !life.ending || judged_twice)?;
        Some((life, life.brief.as_deref()?))
    }

    fn is_ending(&mut self, agent: &str) {
        if let Some(life) = self.alive.get_mut(agent) {
            assert!(!life.ending, "the end of agent `{agent}` is decided already");
            life.ending = true;
            self.deadlines.remove(&(life.deadline, agent.to_owned()));
        }
    }
}

/// The end of an agent that was not heard: what it spent is not known, so all of it is charged.
fn ended(agent: &str, life: &Life, ending: Ending, reason: &str) -> Control {
    Control::AgentEnded {
        agent: agent.to_owned(),
        gap: life.gap.clone(),
        ending,
        reason: shorten(reason),
        cost: life.cost_max,
    }
}

fn brief(member: &Member, agent: &str, order: &Order, task: Task, now: Timestamp) -> Brief {
    Brief {
        protocol: PROTOCOL,
        agent: agent.to_owned(),
        member: member.name.clone(),
        gap: order.gap.clone(),
        attempt: order.attempt,
        goal: task.goal,
        situation: task.situation,
        action: task.action,
        depth: task.depth,
        arguments: task.arguments,
        context: Arc::new(task.context),
        constraints: Constraints {
            clause: task.clause,
            due: task.due,
            requires: task.requires,
            may_append: task.satisfied_by,
            inferred: task.inferred,
            may_also_append: member.may_append.clone(),
            keys: task.keys,
            agree: task.agree,
            events_max: AGENT_EVENTS_MAX,
            event_bytes_max: AGENT_EVENT_BYTES_MAX,
            must_hold: task.must_hold,
        },
        budget: Budget { deadline: now + member.time, cost_max_micro_dollars: order.cost_max },
    }
}
