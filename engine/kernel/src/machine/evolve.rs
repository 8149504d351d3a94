//! The machine at an adoption: the version that was prepared takes over.
//!
//! In: a prepared version, then the event that puts it in force. Out: the same machine, evaluating
//! that version. Never: reads the log; whoever prepares does.
//! Promise: what is withdrawn is told under the old version, before anything of the new one.
//! Start reading at [`Machine::prepare`].

use std::sync::Arc;

use homeostat_conductor::{ClauseFacts, Fact};
use homeostat_graph::{Adoption, BACKFILL, Clause, question};
use homeostat_intent::lowered::{Performer, Strength};
use homeostat_log::control::GapKind;
use homeostat_log::{Control, Event};
use homeostat_world::{Position, Timestamp};

use super::Machine;
use crate::task::Common;
use crate::versions::{Next, Version, VersionError};

impl Machine {
    /// Keeps a version ready that has seen every event so far; it sees each further one, until the
    /// event comes that puts it in force.
    pub fn prepare(&mut self, next: Next) {
        assert!(next.position() == self.applied, "a version has seen all of the log");
        self.next = Some(Box::new(next));
    }

    /// The version that was prepared is not adopted after all.
    pub fn forget_next(&mut self) {
        self.next = None;
    }

    /// Every version that was put in force so far, the newest last.
    #[must_use]
    pub fn versions(&self) -> &[Version] {
        &self.versions
    }

    /// Takes note of an adoption. An evolution takes over from the version in force.
    pub(super) fn adopt(&mut self, event: &Event, control: &Control) -> Result<(), VersionError> {
        let Some((version, _)) = Version::of(event, control) else { return Ok(()) };
        if let Some(adoption) = version.adoption() {
            let next = self.next.take();
            let Some(next) = next.filter(|it| it.spec.hash.to_string() == version.hash) else {
                let (hash, position) = (version.hash, version.position);
                return Err(VersionError::Unprepared { hash, position });
            };
            self.hand_over(*next, adoption);
        }
        self.versions.push(version);
        Ok(())
    }

    fn hand_over(&mut self, next: Next, adoption: Adoption) {
        let Next { spec, evaluator: mut graph } = next;
        let at = adoption.at;
        let (mut withdrawn, mut changes) = (Vec::new(), Vec::new());
        graph.succeed(&self.graph, adoption, &mut |change| withdrawn.push(change), &mut |change| {
            changes.push(change)
        });
        self.pass_on(withdrawn, at);
        let old = std::mem::replace(&mut self.program, Arc::clone(graph.program()));
        self.common = Common::of(&self.program);
        self.graph = graph;
        self.conductor.set_limits(spec.limits.clone());
        for (_, before) in old.clauses() {
            let now = self.program.clauses().find(|(_, clause)| clause.id == before.id);
            let Some((_, now)) = now else { continue };
            let facts = clause_facts(now);
            if facts != clause_facts(before) {
                self.conductor.on_fact(Fact::ClauseRestated { clause: facts }, at);
            }
        }
        self.pass_on(changes, at);
    }

    /// What the conductor hears when a person's word is needed about what a version asks of the past.
    pub(super) fn backfill_asked(adopted: Position, at: Timestamp, strength: Strength) -> Fact {
        Fact::GapOpened {
            gap: question(adopted),
            clause: ClauseFacts {
                clause: format!("{:016x}", 0),
                slug: BACKFILL.to_owned(),
                action: BACKFILL.to_owned(),
                severity: strength.into(),
                performer: Performer::Human,
                external: true,
            },
            kind: GapKind::Intent,
            due: None,
            depth: 0,
            opened: at,
        }
    }
}

/// What the conductor knows of a clause.
pub(super) fn clause_facts(clause: &Clause) -> ClauseFacts {
    ClauseFacts {
        clause: clause.id.to_string(),
        slug: clause.slug.clone(),
        action: clause.action.clone(),
        severity: clause.strength.into(),
        performer: clause.performer,
        external: clause.external,
    }
}
