//! What each fault does to the world when it begins, in its middle, and when it ends.
//!
//! In: a fault, the faults in force. Out: turned doors, stopped and started engines.
//! Never: waits. Promise: what ends leaves nothing behind but what it says: a clock stays as wrong
//! as it is, a connection that is gone stays gone. Start reading at [`Director::begin`].

use homeostat_world::Duration;

use super::{Director, FaultKind, State};
use crate::disk::SYNC_LATENCY;
use crate::nodes::{ENGINE, client_name};
use crate::plan::{Version, Ways};
use crate::stage::{Link, Stage};

impl<S: Stage> Director<'_, S> {
    pub(super) fn begin(&mut self, kind: &FaultKind) {
        self.say(format!("{} begins: {kind:?}", kind.name()));
        self.in_force.push(kind.clone());
        match kind {
            FaultKind::Crash { after_commits: Some(count), .. } => {
                self.disk.hold_after(Some(*count));
            }
            FaultKind::Crash { power, .. } => self.crash_engine(*power),
            FaultKind::Restart { .. } | FaultKind::Adopt { .. } => self.ask_to_stop(),
            FaultKind::Reset { client } => self.stage.reset(&client_name(*client), ENGINE),
            FaultKind::DiskFull { .. } => self.disk.set_full(true),
            FaultKind::DiskError { on, .. } => self.disk.set_failing(Some(*on)),
            FaultKind::SlowSync { latency, .. } => self.disk.set_sync_latency(*latency),
            FaultKind::BitRot { of, nth, .. } => {
                if !self.disk.rot(*of, *nth) {
                    self.say("there is nothing to rot".to_owned());
                }
            }
            FaultKind::StaleLog { commits, .. } => {
                self.stop_engine();
                if !self.disk.lose_synced(*commits) {
                    self.say("nothing synced was there to lose".to_owned());
                }
            }
            FaultKind::StalePad { writes, .. } => {
                self.stop_engine();
                self.disk.lose_pad(*writes);
            }
            FaultKind::ClockJump { node, by_micros } => {
                self.skew(node).jump(Duration::from_micros(*by_micros));
            }
            FaultKind::ClockDrift { node, ppm, .. } => self.skew(node).drift(self.now(), *ppm),
            FaultKind::Pause { node, .. } => {
                if let Some(gate) = self.gates.get(node) {
                    gate.close();
                }
            }
            FaultKind::HalfOpen { client, gone } => {
                self.troubles.entry(*client).or_default().lose_connections(*gone);
            }
            FaultKind::Partition { .. }
            | FaultKind::Slow { .. }
            | FaultKind::Refuse { .. }
            | FaultKind::Duplicate { .. }
            | FaultKind::LostAnswers { .. }
            | FaultKind::SlowPeer { .. } => {}
        }
        self.link(kind);
    }

    /// The engine is started in the middle of a fault.
    pub(super) fn midway(&mut self, kind: &FaultKind) {
        if !self.in_force.contains(kind) {
            return;
        }
        self.crash_engine(false);
        match kind {
            FaultKind::Adopt { spec, .. } => self.start_engine(*spec),
            _ => self.start_engine(Version::Same),
        }
    }

    pub(super) fn end(&mut self, kind: &FaultKind) {
        let Some(at) = self.in_force.iter().position(|it| it == kind) else { return };
        self.in_force.remove(at);
        if kind.lasts() > Duration::ZERO {
            self.say(format!("{} ends", kind.name()));
        }
        self.lift(kind);
    }

    /// Ends a fault that is no longer in force.
    pub(super) fn lift(&mut self, kind: &FaultKind) {
        match kind {
            FaultKind::Crash { power, after_commits: Some(_), .. } => {
                // Where so many commits never came, it stops now.
                self.crash_engine(*power);
                self.disk.hold_after(None);
            }
            FaultKind::DiskFull { .. } => self.disk.set_full(false),
            // One that met no commit is over too, or it would hit the next life, faults or no.
            FaultKind::DiskError { .. } => self.disk.set_failing(None),
            FaultKind::SlowSync { .. } => self.disk.set_sync_latency(SYNC_LATENCY),
            FaultKind::BitRot { .. } => self.disk.heal_rot(),
            FaultKind::ClockDrift { node, .. } => self.skew(node).drift(self.now(), 0),
            FaultKind::Pause { node, .. } => {
                if let Some(gate) = self.gates.get(node) {
                    gate.open();
                }
            }
            _ => {}
        }
        match kind {
            // Nobody touches an engine that runs.
            FaultKind::StaleLog { .. } | FaultKind::Adopt { .. } => {
                let refused = self.state() == State::Ended;
                if matches!(kind, FaultKind::StaleLog { .. }) {
                    self.disk.restore(refused);
                }
                self.mend();
            }
            FaultKind::BitRot { .. } => self.restart_engine(),
            _ if kind.stops_engine() => self.restart_engine(),
            _ => {}
        }
        self.link(kind);
    }

    /// Sets the links and the connections of the client that a fault is about, as all faults in
    /// force have them.
    fn link(&mut self, kind: &FaultKind) {
        let Some(client) = kind.client() else { return };
        let (mut to, mut from) = (Link::default(), Link::default());
        let (mut duplicates, mut loses, mut pause) = (false, false, None);
        for kind in self.in_force.iter().filter(|kind| kind.client() == Some(client)) {
            match kind {
                FaultKind::Partition { ways, .. } => {
                    to.open &= *ways == Ways::FromEngine;
                    from.open &= *ways == Ways::ToEngine;
                }
                FaultKind::Slow { latency, jitter, .. } => {
                    for link in [&mut to, &mut from] {
                        link.latency = link.latency.max(*latency);
                        link.jitter = link.jitter.max(*jitter);
                    }
                }
                FaultKind::Refuse { .. } => to.refuses = true,
                FaultKind::Duplicate { .. } => duplicates = true,
                FaultKind::LostAnswers { .. } => loses = true,
                FaultKind::SlowPeer { pause: rest, .. } => pause = pause.max(Some(*rest)),
                _ => {}
            }
        }
        let node = client_name(client);
        self.stage.set_link(&node, ENGINE, to);
        self.stage.set_link(ENGINE, &node, from);
        let trouble = self.troubles.entry(client).or_default();
        trouble.set_duplicates(duplicates);
        trouble.set_loses_answers(loses);
        trouble.set_pause(pause);
    }
}
