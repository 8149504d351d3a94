//! What a run converged to: the part of its end that must be the same in every lane.
//!
//! In: [`Evidence`]. Out: [`Converged`]: the gaps that stand open, and all that was ever due.
//! Never: a position, a time or an agent's number; those are a lane's own.
//! Promise: for Plans whose outcome does not hang on a race (`sim/README.md`, "What lanes agree on"),
//! every lane gives the same. Start reading at [`Converged::of`].
//!
//! Two sorts of what was due count only where they stand open at the end. A fallback: whether the
//! answer was seen before the deadline is a race between a clock and a network. And what followed
//! from an agent's event: whether the agent or somebody else was first is a race too.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use homeostat_graph::{Began, Change, Evaluator, ObligationId, ObligationName};
use homeostat_log::{Actor, Control, Event};

use crate::oracle::{Evidence, Told};

/// What a run converged to, in words, one for each thing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Converged {
    /// In order.
    pub lines: BTreeSet<String>,
}

/// Where two of them differ.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Difference {
    /// What only the first has.
    pub only_first: Vec<String>,
    /// What only the second has.
    pub only_second: Vec<String>,
}

impl Converged {
    /// What this run converged to.
    #[must_use]
    pub fn of(evidence: &Evidence) -> Self {
        let mut names = Names { evidence, events: BTreeMap::new() };
        let mut lines = BTreeSet::new();
        let due = due(evidence);
        for (name, keys) in &due {
            let is_primary = evidence.setup.program.clause(name.clause).fallback_of.is_none();
            let by_world = match name.began {
                Began::Event(position) => event_at(evidence, position.get())
                    .is_some_and(|trigger| trigger.event.actor == Actor::World),
                Began::Tick(_) => true,
            };
            if is_primary && by_world {
                lines.insert(format!("due: {}{keys}", names.obligation(name)));
            }
        }
        let mut told = Told::default();
        for (event, control) in evidence.controls() {
            told.take(control, event.recorded);
        }
        for (gap, state) in told.gaps.iter().filter(|(_, it)| it.opened > 0 && it.closed == 0) {
            let Some(name) = evidence.setup.program.parse_name(gap) else { continue };
            let keys = due.get(&name).map_or("", String::as_str);
            let whose = if state.escalated.is_some() { ", escalated" } else { "" };
            lines.insert(format!("open: {}{keys}{whose}", names.obligation(&name)));
        }
        Self { lines }
    }

    /// Where the two differ; none where they do not.
    #[must_use]
    pub fn difference(&self, other: &Self) -> Option<Difference> {
        let only =
            |first: &Self, second: &Self| first.lines.difference(&second.lines).cloned().collect();
        let found = Difference { only_first: only(self, other), only_second: only(other, self) };
        (found != Difference::default()).then_some(found)
    }
}

/// Everything that was ever owed, each with its keys in words.
fn due(evidence: &Evidence) -> BTreeMap<ObligationName, String> {
    let mut evaluator = Evaluator::new(Arc::clone(&evidence.setup.program));
    let mut due = BTreeMap::new();
    for event in &evidence.log.events {
        let mut fresh = Vec::new();
        let mut sink = |change| {
            if let Change::Activated { id, .. } = change {
                fresh.push(id);
            }
        };
        evaluator.pass_to(event, &mut sink);
        evaluator.on_event(event, &mut sink);
        for id in fresh {
            if let Some(name) = evaluator.program().parse_name(&evaluator.show(id)) {
                due.insert(name, keys(&evaluator, id));
            }
        }
    }
    due
}

fn keys(evaluator: &Evaluator, id: ObligationId) -> String {
    // One that an event owes and fulfils at once has gone by now, in every lane alike.
    let view = evaluator.obligation(id);
    let keys = view.into_iter().flat_map(|view| view.keys);
    keys.map(|key| format!(" {}={}", key.argument, key.value)).collect()
}

/// Names that mean the same in every lane.
struct Names<'a> {
    evidence: &'a Evidence,
    /// Of events, by position.
    events: BTreeMap<u64, String>,
}

impl Names<'_> {
    fn obligation(&mut self, name: &ObligationName) -> String {
        let slug = self.evidence.setup.program.clause(name.clause).slug.clone();
        let began = match name.began {
            Began::Event(position) => self.event(position.get()),
            tick @ Began::Tick(_) => tick.to_string(),
        };
        let instances = name.instances.iter().map(|instance| format!("~{instance}"));
        format!("{slug}@{began}{}", instances.collect::<String>())
    }

    /// A client's event by its id; an agent's by what it was spawned for, since the id of an agent
    /// holds a position.
    fn event(&mut self, position: u64) -> String {
        if let Some(known) = self.events.get(&position) {
            return known.clone();
        }
        let event = event_at(self.evidence, position);
        let Some(event) = event.map(|event| &event.event) else { return format!("e{position}") };
        let name = match &event.actor {
            Actor::Agent(agent) => {
                let gap =
                    self.gap_of(agent).and_then(|gap| self.evidence.setup.program.parse_name(gap));
                let gap = gap.map_or_else(|| agent.clone(), |gap| self.obligation(&gap));
                let nth = event.id.rsplit('/').next().unwrap_or_default();
                format!("({gap} {} {nth})", event.r#type)
            }
            _ => event.id.clone(),
        };
        self.events.insert(position, name.clone());
        name
    }

    fn gap_of(&self, agent: &str) -> Option<&str> {
        self.evidence.controls().find_map(|(_, control)| match control {
            Control::AgentSpawned { agent: of, gap, .. } if of == agent => Some(gap.as_str()),
            _ => None,
        })
    }
}

/// The event at that position.
pub(crate) fn event_at(evidence: &Evidence, position: u64) -> Option<&Event> {
    let nth = usize::try_from(position.checked_sub(1)?).ok()?;
    evidence.log.events.get(nth)
}

impl std::fmt::Display for Difference {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        /// Of each side at most: the first ones explain the rest.
        const SHOWN: usize = 3;
        let mut separator = "";
        for (side, lines) in
            [("only in the first", &self.only_first), ("only in the second", &self.only_second)]
        {
            for line in lines.iter().take(SHOWN) {
                write!(f, "{separator}{side}: {line}")?;
                separator = "; ";
            }
            if lines.len() > SHOWN {
                write!(f, "; and {} more {side}", lines.len() - SHOWN)?;
            }
        }
        Ok(())
    }
}
