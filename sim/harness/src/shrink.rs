//! Makes a failing Plan small: what is left is what the failure needs.
//!
//! In: a Plan that fails, and whoever can say whether another still does. Out: a smaller Plan that
//! still fails. Never: draws by chance; tries a Plan that makes no sense; asks more often than its
//! budget allows. Promise: what it gives back is the Plan it got, or one of which it was told that
//! it still fails; and where the budget lasts, none of the single changes below makes it smaller.
//! Start reading at [`shrink`].

mod values;

use homeostat_world::Duration;

use crate::plan::{Action, Plan, PlannedEvent};

/// Delta debugging: faults go first, then steps, events, clients and agents, then what is said of
/// those that are left. `budget` is how often `still_fails` may be asked.
#[must_use]
pub fn shrink(plan: &Plan, still_fails: impl FnMut(&Plan) -> bool, budget: usize) -> Plan {
    let mut shrinker = Shrinker { best: plan.clone(), still_fails, left: budget };
    // Ends: every accepted change drops something or makes a number, text or length smaller.
    loop {
        let before = shrinker.best.clone();
        shrinker.faults();
        shrinker.steps();
        shrinker.events();
        shrinker.clients();
        shrinker.agents();
        shrinker.fields();
        shrinker.values();
        shrinker.lengths();
        if shrinker.best == before || shrinker.left == 0 {
            return shrinker.best;
        }
    }
}

struct Shrinker<F> {
    /// The smallest that still fails.
    best: Plan,
    still_fails: F,
    left: usize,
}

impl<F: FnMut(&Plan) -> bool> Shrinker<F> {
    /// Takes what `change` makes of the best, if that still fails.
    fn attempt(&mut self, change: impl FnOnce(&mut Plan)) -> bool {
        let mut candidate = self.best.clone();
        change(&mut candidate);
        if self.left == 0 || candidate == self.best || candidate.check().is_err() {
            return false;
        }
        self.left -= 1;
        let fails = (self.still_fails)(&candidate);
        if fails {
            self.best = candidate;
        }
        fails
    }

    /// Drops parts of a list: half of it, then quarters, down to single ones.
    fn drop_parts<T: Clone>(
        &mut self,
        get: impl Fn(&Plan) -> Vec<T>,
        set: impl Fn(&mut Plan, Vec<T>),
    ) {
        let mut size = get(&self.best).len();
        while size > 0 && self.left > 0 {
            let mut from = 0;
            loop {
                let items = get(&self.best);
                if from >= items.len() {
                    break;
                }
                let part = from..from.saturating_add(size);
                let rest = |(nth, item)| (!part.contains(&nth)).then_some(item);
                let rest: Vec<T> = items.into_iter().enumerate().filter_map(rest).collect();
                if !self.attempt(|plan| set(plan, rest)) {
                    from += size;
                }
            }
            size /= 2;
        }
    }

    fn faults(&mut self) {
        self.drop_parts(|plan| plan.faults.clone(), |plan, faults| plan.faults = faults);
    }

    fn steps(&mut self) {
        self.drop_parts(|plan| plan.steps.clone(), |plan, steps| plan.steps = steps);
    }

    /// Drops events of requests. A request without any would be no step, and those are dropped by
    /// themselves.
    fn events(&mut self) {
        for nth in 0..self.best.steps.len() {
            let get = |plan: &Plan| match plan.steps.get(nth).map(|step| &step.action) {
                Some(Action::Append { events, .. }) => events.clone(),
                _ => Vec::new(),
            };
            self.drop_parts(get, |plan, kept: Vec<PlannedEvent>| {
                if let Some(step) = plan.steps.get_mut(nth)
                    && let Action::Append { events, .. } = &mut step.action
                {
                    *events = kept;
                }
            });
        }
    }

    /// Everything by one client; else as many clients as there is work for.
    fn clients(&mut self) {
        let alone = self.attempt(|plan| {
            values::rename_clients(plan, |_| 1);
            plan.clients = 1;
        });
        if alone {
            return;
        }
        // One client's work goes to the one before it, from the last client on.
        for client in (2..=self.best.clients).rev() {
            self.attempt(|plan| {
                values::rename_clients(plan, |it| if it >= client { it - 1 } else { it });
                plan.clients -= 1;
            });
        }
        let used = values::clients_used(&self.best);
        self.attempt(|plan| {
            let number = |client: u32| used.iter().take_while(|it| **it < client).count() + 1;
            values::rename_clients(plan, |it| u32::try_from(number(it)).unwrap_or(it));
            plan.clients = u32::try_from(used.len()).unwrap_or(plan.clients).max(1);
        });
    }

    /// Drops agents, then what makes one of them special. Not where the Plan expects something of
    /// them: without them that is no wonder.
    fn agents(&mut self) {
        if !self.best.expect.is_empty() {
            return;
        }
        self.drop_parts(|plan| values::agents(plan).unwrap_or_default(), values::set_agents);
        let count = values::agents(&self.best).map_or(0, |agents| agents.len());
        for nth in 0..count {
            for key in ["append", "may_append", "chance", "plan", "takes", "cost_max"] {
                self.attempt(|plan| {
                    let Some(mut agents) = values::agents(plan) else { return };
                    let agent = agents.get_mut(nth).and_then(toml::Value::as_table_mut);
                    // Written anew only where something goes.
                    if agent.is_some_and(|agent| agent.remove(key).is_some()) {
                        values::set_agents(plan, agents);
                    }
                });
            }
        }
    }

    /// Drops what events say beside their type.
    fn fields(&mut self) {
        for place in values::event_places(&self.best) {
            let names = |plan: &Plan| {
                let event = values::event(plan, place);
                event.map(|event| event.data.keys().cloned().collect()).unwrap_or_default()
            };
            self.drop_parts(names, |plan, kept: Vec<String>| {
                if let Some(event) = values::event_mut(plan, place) {
                    let data = std::mem::take(&mut event.data);
                    event.data = data.into_iter().filter(|(name, _)| kept.contains(name)).collect();
                }
            });
            self.attempt(|plan| {
                if let Some(event) = values::event_mut(plan, place) {
                    event.subject = None;
                }
            });
            self.attempt(|plan| {
                if let Some(event) = values::event_mut(plan, place) {
                    event.time = None;
                }
            });
        }
    }

    /// Makes what is left plain.
    fn values(&mut self) {
        for place in values::event_places(&self.best) {
            let event = values::event(&self.best, place);
            let names: Vec<String> =
                event.map(|event| event.data.keys().cloned().collect()).unwrap_or_default();
            for name in names {
                self.attempt(|plan| {
                    let event = values::event_mut(plan, place);
                    if let Some(value) = event.and_then(|event| event.data.get_mut(&name)) {
                        *value = values::plain(value);
                    }
                });
            }
        }
        for nth in 0..self.best.steps.len() {
            self.attempt(|plan| {
                if let Some(step) = plan.steps.get_mut(nth) {
                    match &mut step.action {
                        Action::Append { times, .. } => *times = 1,
                        Action::Decide { nth, thinks, times, .. } => {
                            (*nth, *thinks, *times) = (0, Duration::ZERO, 1);
                        }
                        Action::Read { from, .. } => *from = 1,
                        Action::Adopt
                        | Action::Answer { .. }
                        | Action::Check
                        | Action::Report { .. } => {}
                    }
                }
            });
        }
        for nth in 0..self.best.faults.len() {
            for simpler in values::SIMPLER {
                self.attempt(|plan| {
                    if let Some(fault) = plan.faults.get_mut(nth) {
                        simpler(&mut fault.kind);
                    }
                });
            }
        }
    }

    /// Closes the idle times between one thing and the next, or halves them.
    fn gaps(&mut self) {
        let mut nth = 1;
        // Closing a gap makes two moments one, so their number is looked at anew.
        while let [before, after, ..] =
            values::moments(&self.best).get(nth - 1..).unwrap_or_default()
        {
            let (before, after) = (before.as_micros(), after.as_micros());
            if self.attempt(|plan| values::close(plan, after, after - before)) {
                continue;
            }
            let mut gap = after - before;
            // Bounded: each turn halves the gap, down to a millisecond.
            while gap >= 2_000 {
                let half = gap / 2;
                let from = before + gap;
                if !self.attempt(|plan| values::close(plan, from, half)) {
                    break;
                }
                gap -= half;
            }
            nth += 1;
        }
    }

    /// Makes times short and round.
    fn lengths(&mut self) {
        self.attempt(values::begin_at_once);
        self.gaps();
        for unit in [1_000_000, 1_000] {
            for nth in 0..self.best.steps.len() {
                self.attempt(|plan| {
                    if let Some(step) = plan.steps.get_mut(nth) {
                        step.at = values::rounded(step.at, unit);
                    }
                    plan.sort();
                });
            }
            for nth in 0..self.best.faults.len() {
                self.attempt(|plan| {
                    if let Some(fault) = plan.faults.get_mut(nth) {
                        fault.at = values::rounded(fault.at, unit);
                    }
                    plan.sort();
                });
            }
        }
        for nth in 0..self.best.faults.len() {
            // Bounded: each turn halves a length, down to a millisecond.
            while self.attempt(|plan| {
                if let Some(fault) = plan.faults.get_mut(nth) {
                    values::halve(&mut fault.kind);
                }
            }) {}
        }
        let ends = values::last_moment(&self.best);
        self.attempt(|plan| plan.active = plan.active.min(values::next_second(ends)));
        // What is expected to come to its end is given the time to.
        let settles = self.best.expect.is_empty();
        while settles
            && self.attempt(|plan| {
                let half = Duration::from_micros(plan.settle.as_micros() / 2);
                plan.settle = values::next_second(half).min(plan.settle);
            })
        {}
        self.attempt(|plan| plan.checkpoint_every = plan.checkpoint_every.max(values::NEVER));
    }
}

#[cfg(test)]
mod tests;
