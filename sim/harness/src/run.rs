//! One Plan in, one run out.
//!
//! In: a [`Plan`] with the text of its files. Out: a [`Run`]: all that oracles read, and a hash that
//! names the run. Never: judges; `oracle` does.
//! Promise: same build, same Plan, same lane: same bytes. Start reading at [`run_and_judge`].

use std::sync::Arc;

use homeostat_agents::AgentsFile;
use homeostat_graph::{Clause, Program};
use homeostat_intent::{Source, Spec};
use homeostat_world::Duration;

use crate::audit::Panic;
use crate::director::direct;
use crate::history::{History, Line, Recorder, What};
use crate::lane::Lane;
use crate::oracle::{Evidence, Violation, judge};
use crate::plan::Plan;
use crate::stage::Stage;

/// What a Plan names, ready to run. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Setup {
    /// The spec's files.
    pub sources: Vec<Source>,
    /// What they mean.
    pub spec: Spec,
    /// The same, compiled.
    pub program: Arc<Program>,
    /// Another version, which may be adopted in the run.
    pub later: Option<Arc<Later>>,
    /// Who can be spawned.
    pub agents: Arc<AgentsFile>,
    /// Whether the History holds every poll, to find where two runs part. No run is another for it.
    pub keeps_polls: bool,
}

/// Another version of the spec.
#[derive(Clone, Debug)]
pub struct Later {
    /// Its files.
    pub sources: Vec<Source>,
    /// What they mean, with clauses that both versions have by the names of the first.
    pub spec: Spec,
    /// The same, compiled.
    pub program: Arc<Program>,
}

/// One run.
#[derive(Clone, Debug)]
pub struct Run {
    /// All that oracles read.
    pub evidence: Evidence,
    /// Names the run: what was polled, what was said, what is on the disk.
    pub trace: String,
    /// How long it was, in virtual time.
    pub lasted: Duration,
}

impl Setup {
    /// What `plan` names.
    ///
    /// # Errors
    /// Every mistake in the Plan and its files.
    pub fn of(plan: &Plan) -> Result<Self, String> {
        let prepared = plan.prepare().map_err(|errors| errors.to_string())?;
        let compiled =
            |spec: &Spec| Program::compile(spec).map(Arc::new).map_err(|error| error.to_string());
        let program = compiled(&prepared.spec)?;
        let later = prepared.later.map(|(sources, mut spec)| {
            spec.keep_slugs(&prepared.spec);
            let program = compiled(&spec)?;
            Ok::<_, String>(Arc::new(Later { sources, spec, program }))
        });
        Ok(Self {
            sources: prepared.sources,
            spec: prepared.spec,
            program,
            later: later.transpose()?,
            agents: Arc::new(prepared.agents),
            keeps_polls: false,
        })
    }

    /// The clause that a gap is of, in either version: a name means one clause in both, and whoever
    /// writes a later version leaves it who does what.
    pub(crate) fn clause_of(&self, gap: &str) -> Option<&Clause> {
        let later = self.later.as_ref().map(|later| &later.program);
        [&self.program]
            .into_iter()
            .chain(later)
            .find_map(|program| program.parse_name(gap).map(|name| program.clause(name.clause)))
    }
}

/// Runs `plan` on `stage`, which nothing else has used.
///
/// # Errors
/// Why the log cannot be read afterwards.
pub fn run_on<S: Stage>(stage: &mut S, plan: &Plan, setup: &Setup) -> Result<Run, String> {
    let recorder = Recorder::default();
    if setup.keeps_polls {
        stage.keep_polls();
    }
    let log = direct(stage, plan, setup, &recorder);
    let mut history = history_of(&recorder, stage.panics());
    history.polls = stage.polls();
    let log = log.map_err(|why| format!("{why}{}", panics_of(&history.lines)))?;
    let mut hasher = blake3::Hasher::new();
    hasher.update(history.hash().as_bytes());
    hasher.update(log.chain.as_bytes());
    hasher.update(log.checkpoint.as_ref().map_or(&[], |stored| &stored.bytes));
    hasher.update(&stage.trace_hash().to_le_bytes());
    let trace = hasher.finalize().to_hex().to_string();
    let lasted = stage.now().since(plan.start);
    let evidence = Evidence { plan: plan.clone(), setup: setup.clone(), history, log };
    Ok(Run { evidence, trace, lasted })
}

/// All that was said in a run, and then what panicked in it.
#[must_use]
pub fn history_of(recorder: &Recorder, panics: Vec<Panic>) -> History {
    let mut history = recorder.history();
    for Panic { at, node, task, message } in panics {
        let step = history.lines.len() as u64 + 1;
        history.lines.push(Line { step, at, node, what: What::Panicked { task, why: message } });
    }
    history
}

/// Runs `plan` in `lane` and judges it. An engine whose log cannot be read after the run has broken
/// a promise like any other.
///
/// # Errors
/// When the Plan itself cannot be run.
pub fn run_and_judge(lane: Lane, plan: &Plan) -> Result<Judged, String> {
    let setup = Setup::of(plan)?;
    Ok(match (lane.run)(plan, &setup) {
        Ok(run) => {
            let violations = judge(&run.evidence);
            Judged { run: Some(run), violations }
        }
        Err(what) => Judged {
            run: None,
            violations: vec![Violation { oracle: "readable".to_owned(), what }],
        },
    })
}

/// A run and what is wrong with it.
#[derive(Clone, Debug)]
pub struct Judged {
    /// The run; none when it left nothing to judge.
    pub run: Option<Run>,
    /// Every promise that it broke.
    pub violations: Vec<Violation>,
}

fn panics_of(lines: &[Line]) -> String {
    lines
        .iter()
        .filter_map(|line| match &line.what {
            What::Panicked { task, why } => Some(format!("; `{task}` panicked: {why}")),
            What::Refused { why } => Some(format!("; did not start: {why}")),
            _ => None,
        })
        .collect()
}
