//! The machine inside the loop: graph, conductor and agents, and the messages between them.
//!
//! In: events of the log in order, outcomes of agents, the clock. Out: what to append next, and
//! what to do once that is in the log.
//! Never: reads a clock, touches the log, waits.
//! Promise: the state is a fold of the log alone. Whether the machine lived through the events or
//! was shown them after a restart makes no difference. Start reading at [`Machine::apply`].

mod evolve;

use std::sync::Arc;

use homeostat_agents::{Agents, AgentsFile, Outcome, Spawned, Verdict};
use homeostat_conductor::{Conductor, Decision, Fact, GapView, Offer, Spawn};
use homeostat_graph::{Change, CompileError, Evaluator, Program};
use homeostat_intent::Spec;
use homeostat_intent::lowered::Limits;
use homeostat_log::{ChainHash, Control, Event};
use homeostat_world::{Position, Timestamp};
use serde_json::Value as Json;

use crate::check::Reports;
use crate::checkpoint;
use crate::status::Totals;
use crate::task::{Common, task};
use crate::versions::{Next, Version, VersionError};

/// Graph, conductor and agents, kept in step.
#[derive(Debug)]
pub struct Machine {
    program: Arc<Program>,
    /// What every agent is told.
    common: Common,
    pub(crate) graph: Evaluator,
    pub(crate) conductor: Conductor,
    pub(crate) agents: Agents,
    pub(crate) totals: Totals,
    /// What checks found.
    pub(crate) reports: Reports,
    /// The last position that was applied.
    pub(crate) applied: Position,
    /// How many ticks had run when the last event was applied.
    ticks_run: u64,
    /// Every version that was put in force, the newest last.
    pub(crate) versions: Vec<Version>,
    /// The version that is about to take over.
    next: Option<Box<Next>>,
    /// Filled and emptied by each call; kept so that an event need not allocate.
    changes: Vec<Change>,
}

impl Machine {
    /// A machine that has seen nothing.
    #[must_use]
    pub fn new(program: Arc<Program>, limits: Limits, file: Arc<AgentsFile>) -> Self {
        Self::from_parts(
            Evaluator::new(Arc::clone(&program)),
            Conductor::new(limits),
            Agents::new(file),
            program,
        )
    }

    pub(crate) fn from_parts(
        graph: Evaluator,
        conductor: Conductor,
        agents: Agents,
        program: Arc<Program>,
    ) -> Self {
        let (totals, applied) = (Totals::default(), Position::ZERO);
        let (ticks_run, changes) = (graph.ticks_run(), Vec::new());
        let (reports, versions, next) = (Reports::default(), Vec::new(), None);
        let common = Common::of(&program);
        Self {
            program,
            common,
            graph,
            conductor,
            agents,
            totals,
            reports,
            applied,
            ticks_run,
            versions,
            next,
            changes,
        }
    }

    /// A machine under `spec` and the same agents that has seen nothing.
    ///
    /// # Errors
    /// When the spec cannot be evaluated.
    pub fn blank(&self, spec: &Spec) -> Result<Self, CompileError> {
        let program = Arc::new(Program::compile(spec)?);
        Ok(Self::new(program, spec.limits.clone(), self.agents.shared_file()))
    }

    /// The state as bytes: equal states, equal bytes. `chain` is the log's at [`Self::applied`].
    #[must_use]
    pub fn checkpoint(&self, chain: &ChainHash) -> Vec<u8> {
        checkpoint::encode(self, chain)
    }

    /// The machine that `bytes` hold. The program must be of the version that was in force then.
    ///
    /// # Errors
    /// Why they are none.
    pub fn restore(
        program: &Arc<Program>,
        limits: &Limits,
        file: &Arc<AgentsFile>,
        bytes: &[u8],
    ) -> Result<Self, String> {
        checkpoint::decode(bytes, program, limits, file)
    }

    /// The compiled spec in force.
    #[must_use]
    pub fn program(&self) -> Arc<Program> {
        Arc::clone(&self.program)
    }

    /// The last position that was applied.
    #[must_use]
    pub const fn applied(&self) -> Position {
        self.applied
    }

    /// What checks found that does not hold, as the log has it.
    #[must_use]
    pub const fn reports(&self) -> &Reports {
        &self.reports
    }

    /// How far time has come: by the log, or by a look at the clock since.
    #[must_use]
    pub fn time(&self) -> Timestamp {
        self.graph.now().unwrap_or(Timestamp::MIN)
    }

    /// Takes in the next event of the log.
    ///
    /// Deadlines that passed before it was recorded fire first, so that a replay finds them in
    /// the same order as the clock did.
    ///
    /// # Errors
    /// When it is a control event that this version of the engine does not understand, or puts a
    /// version of the spec in force that was not prepared.
    pub fn apply(&mut self, event: &Event) -> Result<(), VersionError> {
        assert!(
            event.position == self.applied.next(),
            "events are applied in order, without holes"
        );
        let control = Control::from_event(event).transpose()?;
        let mut changes = std::mem::take(&mut self.changes);
        self.graph.pass_to(event, &mut |change| changes.push(change));
        self.pass_on(changes, event.recorded);
        let mut changes = std::mem::take(&mut self.changes);
        self.graph.on_event(event, &mut |change| changes.push(change));
        self.pass_on(changes, event.recorded);
        if let Some(next) = &mut self.next {
            next.see(event);
        }
        if let Some(control) = &control {
            self.adopt(event, control)?;
            self.conductor.on_control(control, event.position, event.recorded);
            self.agents.on_control(control);
            self.reports.on_control(control, event);
        }
        self.totals.count(event, control.as_ref());
        self.applied = event.position;
        self.ticks_run = self.graph.ticks_run();
        Ok(())
    }

    /// Whether a tick has run of which no event of the log knows yet. The next start cannot tell that
    /// it ran: it finds the tick in the time in which the engine was down.
    #[must_use]
    pub fn is_ahead_of_log(&self) -> bool {
        self.graph.ticks_run() != self.ticks_run
    }

    /// Lets every deadline before `now` pass.
    pub fn advance(&mut self, now: Timestamp) {
        let mut changes = std::mem::take(&mut self.changes);
        self.graph.advance(now, &mut |change| changes.push(change));
        self.pass_on(changes, now);
    }

    /// What is to be recorded and done now. Ask again once that is in the log, until there is
    /// nothing left.
    pub fn decide(&mut self, now: Timestamp) -> Vec<Decision> {
        let agents = &self.agents;
        self.conductor.decide(now, &|action| {
            let member = agents.file().member_for(action)?;
            Some(Offer { cost_max: member.cost_max })
        })
    }

    /// Makes the agent that was decided on. `context` is the trigger and what else is about the
    /// gap, as CloudEvents. None when the gap has gone in between.
    pub fn spawn(&mut self, spawn: Spawn, context: Vec<Json>, now: Timestamp) -> Option<Spawned> {
        let id = self.graph.parse_id(&spawn.gap)?;
        let obligation = self.graph.obligation(id)?;
        let kind = self.conductor.gap(&spawn.gap)?.kind;
        let said = (spawn.gap.clone(), kind, self.graph.ground(id));
        let task = task((&self.program, &self.common), &obligation, said, context);
        let order = homeostat_agents::Order {
            gap: spawn.gap,
            attempt: spawn.attempt,
            cost_max: spawn.cost_max,
        };
        self.agents.spawn(order, task, now).ok()
    }

    /// Judges what an agent's run gave.
    pub fn judge(&mut self, agent: &str, outcome: &Outcome, now: Timestamp) -> Verdict {
        self.agents.on_outcome(agent, outcome, now)
    }

    /// When something will be due to be done though nothing happens.
    #[must_use]
    pub fn next_wake(&self) -> Option<Timestamp> {
        [self.graph.next_deadline(), self.conductor.next_wake(), self.agents.next_deadline()]
            .into_iter()
            .flatten()
            .min()
    }

    /// Takes back what was decided and never came to the log.
    pub fn forget_in_flight(&mut self) {
        self.conductor.forget_in_flight();
        self.agents.forget_in_flight();
        self.next = None;
    }

    /// Every open gap, most urgent first.
    #[must_use]
    pub fn gaps(&self) -> Vec<GapView> {
        let mut gaps: Vec<GapView> = self.conductor.gaps().collect();
        // Stable, so that equally urgent ones stay in the order of their triggers.
        gaps.sort_by_key(|gap| (gap.severity, gap.due.is_none(), gap.due));
        gaps
    }

    fn pass_on(&mut self, mut changes: Vec<Change>, at: Timestamp) {
        for change in changes.drain(..) {
            if let Some(fact) = self.fact(change) {
                self.conductor.on_fact(fact, at);
            }
        }
        self.changes = changes;
    }

    /// What the conductor needs to hear of a change; most are the graph's own business.
    fn fact(&self, change: Change) -> Option<Fact> {
        Some(match change {
            Change::GapOpened { id, kind, at, due, depth } => {
                let clause = evolve::clause_facts(self.program.clause(id.clause));
                let gap = self.graph.show(id);
                Fact::GapOpened { gap, clause, kind, due, depth, opened: at }
            }
            Change::BackfillAsked { adopted, at, strength, .. } => {
                Self::backfill_asked(adopted, at, strength)
            }
            Change::BackfillDecided { adopted, outcome } => {
                Fact::GapClosed { gap: homeostat_graph::question(adopted), outcome }
            }
            Change::DeadlineMissed { id, due } => {
                Fact::DeadlineMissed { gap: self.graph.show(id), due }
            }
            Change::GapClosed { id, outcome } => {
                Fact::GapClosed { gap: self.graph.show(id), outcome }
            }
            _ => return None,
        })
    }
}
