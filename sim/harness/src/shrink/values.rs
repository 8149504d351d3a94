//! The single changes that make a Plan plainer.
//!
//! In: a Plan or a part of it. Out: the same, changed in one respect. Never: asks whether it still
//! fails; that is `shrink`'s. Promise: each makes its part smaller or leaves it, so that making
//! smaller ends. Start reading at [`SIMPLER`].

use std::collections::BTreeSet;

use homeostat_world::Duration;
use serde_json::Value as Json;

use crate::plan::{Action, FaultKind, Plan, PlannedEvent, Ways};

/// So many events that no checkpoint is made.
pub(super) const NEVER: u64 = 1_000_000;

/// What can be made plainer about a fault. Each makes something less or gives it its first value.
pub(super) const SIMPLER: [fn(&mut FaultKind); 8] = [
    |kind| {
        if let FaultKind::Crash { power, .. } = kind {
            *power = false;
        }
    },
    |kind| {
        if let FaultKind::Crash { after_commits, .. } = kind {
            *after_commits = None;
        }
    },
    |kind| {
        if let FaultKind::Partition { ways, .. } = kind {
            *ways = Ways::Both;
        }
    },
    |kind| {
        if let FaultKind::Slow { jitter, .. } = kind {
            *jitter = Duration::ZERO;
        }
    },
    |kind| {
        if let FaultKind::ClockJump { by_micros, .. } = kind {
            let round = *by_micros / 1_000_000 * 1_000_000;
            *by_micros = if round == 0 { *by_micros } else { round };
        }
    },
    |kind| match kind {
        FaultKind::Crash { after_commits: Some(count), .. }
        | FaultKind::StaleLog { commits: count, .. }
        | FaultKind::StalePad { writes: count, .. } => *count = 1,
        FaultKind::BitRot { nth, .. } => *nth = 0,
        _ => {}
    },
    |kind| {
        if let FaultKind::Adopt { restart_after, .. } | FaultKind::StaleLog { restart_after, .. } =
            kind
        {
            *restart_after = Duration::ZERO;
        }
    },
    |kind| {
        // A kill is plainer than a stop that waits for others.
        if let FaultKind::Restart { restart_after } = kind {
            let restart_after = *restart_after;
            *kind = FaultKind::Crash { restart_after, power: false, after_commits: None };
        }
    },
];

/// Halves how long a fault lasts, in whole milliseconds.
pub(super) fn halve(kind: &mut FaultKind) {
    let (midway, Some(length)) = (kind.midway(), kind.lasts_mut()) else { return };
    let half = Duration::from_micros(length.as_micros() / 2_000 * 1_000);
    // What happens in the middle of it must still find room.
    if half > Duration::ZERO && midway.is_none_or(|midway| midway <= half) {
        *length = half;
    }
}

/// Down to a whole number of `unit` microseconds.
pub(super) const fn rounded(at: Duration, unit: i64) -> Duration {
    Duration::from_micros(at.as_micros() / unit * unit)
}

/// Up to a whole second, at least one.
pub(super) fn next_second(at: Duration) -> Duration {
    let seconds = at.as_micros().saturating_add(999_999) / 1_000_000;
    Duration::from_secs(seconds.max(1))
}

/// A value of the same sort that says as little as possible.
pub(super) fn plain(value: &Json) -> Json {
    match value {
        Json::Bool(_) => Json::from(false),
        Json::Number(_) => Json::from(0),
        Json::String(_) => Json::from(""),
        Json::Array(_) => Json::Array(Vec::new()),
        Json::Object(_) => Json::Object(serde_json::Map::new()),
        Json::Null => Json::Null,
    }
}

/// When the last step is taken and the last fault has ended.
pub(super) fn last_moment(plan: &Plan) -> Duration {
    let steps = plan.steps.iter().map(|step| step.at);
    let faults = plan.faults.iter().map(crate::plan::Fault::ends);
    steps.chain(faults).max().unwrap_or(Duration::ZERO)
}

/// The instants at which something begins, each once.
pub(super) fn moments(plan: &Plan) -> Vec<Duration> {
    let steps = plan.steps.iter().map(|step| step.at);
    let faults = plan.faults.iter().map(|fault| fault.at);
    let moments: BTreeSet<Duration> = steps.chain(faults).collect();
    moments.into_iter().collect()
}

/// Takes the idle time before the first step or fault away, from everything alike.
pub(super) fn begin_at_once(plan: &mut Plan) {
    if let Some(first) = moments(plan).first() {
        close(plan, first.as_micros(), first.as_micros());
    }
}

/// Lets everything that begins at `from` or later begin sooner, events included.
pub(super) fn close(plan: &mut Plan, from: i64, by: i64) {
    let sooner = |at: Duration| Duration::from_micros(at.as_micros() - by);
    for step in plan.steps.iter_mut().filter(|step| step.at.as_micros() >= from) {
        step.at = sooner(step.at);
        if let Action::Append { events, .. } = &mut step.action {
            for event in events {
                event.time = event.time.map(sooner);
            }
        }
    }
    for fault in plan.faults.iter_mut().filter(|fault| fault.at.as_micros() >= from) {
        fault.at = sooner(fault.at);
    }
}

/// The clients that have work or trouble.
pub(super) fn clients_used(plan: &Plan) -> BTreeSet<u32> {
    let mut used = BTreeSet::new();
    let mut seen = plan.clone();
    rename_clients(&mut seen, |client| {
        used.insert(client);
        client
    });
    used
}

/// Gives clients other numbers.
pub(super) fn rename_clients(plan: &mut Plan, mut name: impl FnMut(u32) -> u32) {
    for step in &mut plan.steps {
        step.client = name(step.client);
    }
    for fault in &mut plan.faults {
        if let Some(client) = fault.kind.client_mut() {
            *client = name(*client);
        }
        if let Some(node) = fault.kind.node_mut() {
            let number = node.strip_prefix("client-").and_then(|it| it.parse().ok());
            if let Some(client) = number {
                *node = format!("client-{}", name(client));
            }
        }
    }
}

/// Step and event within it.
pub(super) type Place = (usize, usize);

/// Where events stand.
pub(super) fn event_places(plan: &Plan) -> Vec<Place> {
    let mut places = Vec::new();
    for (step, it) in plan.steps.iter().enumerate() {
        if let Action::Append { events, .. } = &it.action {
            places.extend((0..events.len()).map(|event| (step, event)));
        }
    }
    places
}

/// The event there.
pub(super) fn event(plan: &Plan, (step, event): Place) -> Option<&PlannedEvent> {
    match &plan.steps.get(step)?.action {
        Action::Append { events, .. } => events.get(event),
        _ => None,
    }
}

/// The event there, to be changed.
pub(super) fn event_mut(plan: &mut Plan, (step, event): Place) -> Option<&mut PlannedEvent> {
    match &mut plan.steps.get_mut(step)?.action {
        Action::Append { events, .. } => events.get_mut(event),
        _ => None,
    }
}

/// The agents of the agents file, as it stands there.
pub(super) fn agents(plan: &Plan) -> Option<Vec<toml::Value>> {
    let table: toml::Table = toml::from_str(plan.agents.text.as_deref()?).ok()?;
    table.get("agent")?.as_array().cloned()
}

/// Writes the agents file anew with these agents; what stands beside them stays.
pub(super) fn set_agents(plan: &mut Plan, agents: Vec<toml::Value>) {
    let Some(text) = plan.agents.text.as_deref() else { return };
    let Ok(mut table) = toml::from_str::<toml::Table>(text) else { return };
    if agents.is_empty() {
        table.remove("agent");
    } else {
        table.insert("agent".to_owned(), toml::Value::Array(agents));
    }
    if let Ok(text) = toml::to_string(&table) {
        plan.agents.text = Some(text);
    }
}
