//! What must always be true: assertions, and the rules of entities.
//!
//! In: an event, or that a version was adopted. Out: episodes of violation.
//! Never: calls something violated that cannot be known.
//! Promise: an instance violates an assertion once at a time; what was erased violates nothing but
//! the rule that its keys are to be shredded. Start reading at [`History::look_at_assertion`].

use homeostat_intent::lowered::{Assertion, Check};
use homeostat_log::control::GapKind;
use homeostat_log::{Event, Kind, Value};

use super::calendar::after;
use super::carried::{carried, instance_in, same_instance, value_of};
use super::episodes::{Of, violated};
use super::history::{History, text};
use super::log::{Log, Reading, Report};
use crate::change::Fulfilment;
use crate::datum::Truth;

impl<'a> History<'a> {
    /// Looks at every instance, in the order of their text.
    pub(super) fn look_at_assertion(&mut self, assertion: &'a Assertion, event: Option<&'a Event>) {
        let of = Of::Assertion(assertion);
        let mut instances = self.candidates(of, assertion.over.as_deref());
        if let Some((entity, instance)) = event.and_then(|event| self.log.erases(event))
            && assertion.over.as_ref() == Some(&entity)
        {
            instances.push(Some(instance));
            instances.sort();
            instances.dedup();
        }
        for instance in instances {
            let open = self.open_episode(of, instance.as_deref());
            let is_so = self.is_violated(assertion, instance.as_deref(), event, open.is_some());
            match (open, is_so) {
                (None, true) => self.begin_episode(of, instance.clone(), kind(&assertion.check)),
                (Some(place), false) => {
                    self.end_episode(place, self.how_it_ended(place, assertion))
                }
                _ => {}
            }
            if is_so && let (Check::NeverInFuture, Some(event)) = (&assertion.check, event) {
                self.wait_for(event, of, instance.as_deref());
            }
        }
    }

    /// What checkers reported changes what the assertions say that are theirs.
    pub(super) fn look_at_reports(&mut self) {
        for assertion in &self.spec.assertions {
            if let Check::Reported { .. } = assertion.check {
                self.look_at_assertion(assertion, None);
            }
        }
        for invariant in &self.spec.invariants {
            if let Some(check) = invariant.reported_as() {
                let of = Of::Invariant(invariant);
                match (self.open_episode(of, None), self.log.last_answer(check, None)) {
                    (None, Some(false)) => {
                        self.begin_episode(of, None, Some(GapKind::Consistency));
                    }
                    (Some(place), Some(true)) => self.end_episode(place, Fulfilment::InTime),
                    _ => {}
                }
            }
        }
    }

    /// Whether what the assertion does not allow is so, or, for what may be so for a while, whether
    /// it has begun to be so.
    fn is_violated(
        &self,
        assertion: &Assertion,
        instance: Option<&str>,
        event: Option<&Event>,
        is_open: bool,
    ) -> bool {
        let entity = assertion.over.as_deref();
        if let Check::Shredded { by } = &assertion.check {
            return match (entity, instance, event) {
                (Some(entity), Some(instance), Some(event)) => {
                    let shreds = self.log.shreds(event, by, entity, instance);
                    let erased = (entity.to_owned(), instance.to_owned());
                    !shreds && (is_open || self.log.erases(event) == Some(erased))
                }
                _ => is_open,
            };
        }
        if !self.is_alive_or_global(entity, instance) {
            return false;
        }
        let bound = || entity.zip(instance).map(|(e, i)| (e.to_owned(), i.to_owned()));
        let of = |condition| self.holds_of(condition, bound().into_iter().collect(), true);
        let is_meant = || assertion.filter.as_ref().is_none_or(|it| of(it) == Truth::True);
        match (&assertion.check, entity.zip(instance)) {
            (Check::Holds(condition), _) => is_meant() && of(condition) == Truth::False,
            (Check::NoLonger { condition, .. }, _) => is_meant() && of(condition) == Truth::True,
            (Check::Reported { checker }, of) => is_meant() && self.log.last_report(checker, of),
            (Check::Immutable, Some((entity, instance))) => {
                let changes = |event| self.changes(event, entity, instance);
                is_open || is_meant() && event.is_some_and(changes)
            }
            (Check::NeverInFuture, Some((entity, instance))) => {
                let is_early = |event| self.is_early(event, entity, instance);
                is_open || is_meant() && event.is_some_and(is_early)
            }
            _ => false,
        }
    }

    /// Whether an event gives an attribute of the instance another value than it last had.
    fn changes(&self, event: &Event, entity: &str, instance: &str) -> bool {
        let declared = self.spec.entities.iter().find(|declared| declared.name == entity);
        let attributes = declared.map_or(&[][..], |declared| &declared.attributes);
        event.event.kind == Kind::Primary
            && self.log.is_about(event, entity)
            && instance_in(event, entity).as_deref() == Some(instance)
            && attributes.iter().filter(|attribute| !attribute.many).any(|attribute| {
                let reading = Reading { as_of: self.moment.before, inferred: false };
                let name = &attribute.name;
                let last = self.log.attribute(entity, &value_of(instance), name, reading);
                match (last, carried(event, name)) {
                    (Some(last), Some(new)) if attribute.entity.is_some() => {
                        !same_instance(&last, &new)
                    }
                    (Some(last), Some(new)) => last != new,
                    _ => false,
                }
            })
    }

    /// Whether an event about the instance has a time that is still to come.
    fn is_early(&self, event: &Event, entity: &str, instance: &str) -> bool {
        self.log.is_about(event, entity)
            && instance_in(event, entity).as_deref() == Some(instance)
            && self.now.is_some_and(|now| event.effective_time() > now)
    }

    /// A time in the future is a violation since it was seen, until it has come.
    fn wait_for(&mut self, event: &Event, of: Of<'a>, instance: Option<&str>) {
        let Of::Assertion(Assertion { over: Some(entity), .. }) = of else { return };
        let early = instance.is_some_and(|instance| self.is_early(event, entity, instance));
        let (now, is_new) = (self.now, self.moment.position);
        let place = self.open_episode(of, instance);
        if let Some(episode) = place.and_then(|place| self.episodes.get_mut(place))
            && early
        {
            episode.until = episode.until.max(Some(event.effective_time()));
            if let Some(now) = now.filter(|_| episode.since == is_new) {
                episode.violation = Some(violated(GapKind::Consistency, now));
            }
        }
    }

    /// What may be so for a while may turn out, late, not to have been so for longer.
    fn how_it_ended(&self, place: usize, assertion: &Assertion) -> Fulfilment {
        match (&assertion.check, self.episodes.get(place)) {
            (Check::NoLonger { longest, .. }, Some(episode))
                if self.moment.at <= after(episode.from, *longest) =>
            {
                Fulfilment::SeenLate
            }
            _ => Fulfilment::InTime,
        }
    }
}

impl<'a> Log<'a> {
    /// Takes down what a checker said, if it is of something that is alive.
    pub(super) fn report(&mut self, event: &'a Event) {
        let (Some(checker), Some(Value::Truth(holds))) =
            (text(event, "check"), event.event.data.get("holds"))
        else {
            return;
        };
        let of = match text(event, "instance").filter(|instance| !instance.is_empty()) {
            None => None,
            Some(instance) => match instance.split_once('/') {
                Some((entity, name)) if self.is_alive(entity, name) => {
                    Some((entity.to_owned(), name.to_owned()))
                }
                _ => return,
            },
        };
        let (events, checker) = (self.events.len(), checker.to_owned());
        self.reports.push(Report { events, checker, of, holds });
    }

    /// Whether a checker last said of an instance, since it was last erased, that it does not hold.
    fn last_report(&self, checker: &str, of: Option<(&str, &str)>) -> bool {
        self.last_answer(checker, of) == Some(false)
    }

    /// What a checker last said of an instance since it was last erased.
    fn last_answer(&self, checker: &str, of: Option<(&str, &str)>) -> Option<bool> {
        let erased = self.erased.iter().filter(|(_, entity, name)| {
            of.is_some_and(|(of, instance)| entity == of && name == instance)
        });
        let since = erased.map(|(events, ..)| *events).max().unwrap_or(0);
        let last = self.reports.iter().rev().find(|report| {
            let about = report.of.as_ref().map(|(entity, name)| (entity.as_str(), name.as_str()));
            report.events >= since && report.checker == checker && about == of
        });
        last.map(|report| report.holds)
    }

    /// Whether an event says that what is left of the instance is unreadable now.
    fn shreds(&self, event: &Event, by: &[String], entity: &str, instance: &str) -> bool {
        matches!(event.event.kind, Kind::Primary | Kind::Tombstone)
            && self.is_one_of(event, by)
            && instance_in(event, entity).as_deref() == Some(instance)
    }
}

/// The gap that a violation is from its first instant; none for what may be so for a while.
pub(super) fn kind(check: &Check) -> Option<GapKind> {
    match check {
        Check::NoLonger { .. } => None,
        Check::Holds(_) => Some(GapKind::Intent),
        Check::Reported { .. }
        | Check::Immutable
        | Check::NeverInFuture
        | Check::Shredded { .. } => Some(GapKind::Consistency),
    }
}
