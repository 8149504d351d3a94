//! Control events as records of the log, and back.
//!
//! In: a decision. Out: the event to append, or the decision that an event of the log records.
//! Never: invents an id; it follows from the place in the log where the decision was taken.
//! Promise: what was written reads back equal. Start reading at [`Control::to_new_event`].

use homeostat_world::{Position, Timestamp};
use serde::Deserialize;
use serde::de::value::MapDeserializer;
use serde_json::{Map, Value as Json};

use super::Control;
use crate::data::{Data, DataError, Value};
use crate::event::{Actor, Event, Kind, NewEvent};

/// The source of every control event.
pub const CONTROL_SOURCE: &str = "homeostat";

/// Why a control event cannot be written or read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ControlError {
    /// Its payload does not fit into the log.
    #[error("control event cannot be written: {0}")]
    Payload(#[from] DataError),
    /// It cannot be written at all.
    #[error("control event cannot be written: {0}")]
    Unwritable(String),
    /// The log holds a control event that this version of the engine does not understand.
    #[error(
        "control event `{name}` at position `{position}` is not understood: {reason}; \
         it may come from a newer version of homeostat, use that one to read this log"
    )]
    Unreadable {
        /// Its type.
        name: String,
        /// Where it stands.
        position: Position,
        /// What does not fit.
        reason: String,
    },
}

impl Control {
    /// The event that records this decision: the `nth` one taken when the head of the log was
    /// `after`. The two make its id, so a decision that is taken again after a failed append, at
    /// the same head, is stored once.
    ///
    /// # Errors
    /// When a text in it is nested or shaped as no payload can be.
    pub fn to_new_event(
        &self,
        time: Timestamp,
        after: Position,
        nth: u32,
    ) -> Result<NewEvent, ControlError> {
        let json = serde_json::to_value(self)
            .map_err(|error| ControlError::Unwritable(error.to_string()))?;
        let Json::Object(mut parts) = json else {
            return Err(ControlError::Unwritable(format!("{self:?} is no object")));
        };
        let Some(Json::String(r#type)) = parts.remove("type") else {
            return Err(ControlError::Unwritable(format!("{self:?} has no type")));
        };
        let data = parts.remove("data").unwrap_or_else(|| Json::Object(Map::new()));
        Ok(NewEvent {
            id: format!("{after}.{nth}"),
            source: CONTROL_SOURCE.to_owned(),
            kind: Kind::Control,
            r#type,
            time,
            subject: subject(&data),
            cause: None,
            actor: Actor::Engine,
            depth: 0,
            enriches: None,
            data: Data::from_json(&data)?,
        })
    }

    /// Whether `event` says that an engine has started again: what the calendar called for while none
    /// was up is caught up with then.
    #[must_use]
    pub fn is_resumption(event: &Event) -> bool {
        event.event.kind == Kind::Control && event.event.r#type == "engine.resumed"
    }

    /// Whether `event` says that another version of the spec took over.
    #[must_use]
    pub fn is_evolution(event: &Event) -> bool {
        event.event.kind == Kind::Control && event.event.r#type == "intent.evolved"
    }

    /// The decision that `event` records; none when it is not a control event.
    #[must_use]
    pub fn from_event(event: &Event) -> Option<Result<Self, ControlError>> {
        (event.event.kind == Kind::Control).then(|| {
            // The type first: whoever knows it can read the data as it comes.
            let parts = [
                ("type", Value::Text(&event.event.r#type)),
                ("data", Value::Nested(event.event.data.as_bytes())),
            ];
            let parts = MapDeserializer::<_, serde::de::value::Error>::new(parts.into_iter());
            Self::deserialize(parts).map_err(|error| ControlError::Unreadable {
                name: event.event.r#type.clone(),
                position: event.position,
                reason: error.to_string(),
            })
        })
    }
}

/// The stream of a decision, by what it is about: everything about one gap, its agents included,
/// can be read as one stream.
fn subject(data: &Json) -> Option<String> {
    let subjects = [("gap", "gap"), ("breaker", "breaker"), ("agent", "agent"), ("check", "check")];
    subjects
        .into_iter()
        .chain([("hash", "intent")])
        .find_map(|(field, entity)| Some(format!("{entity}/{}", data.get(field)?.as_str()?)))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may fail")]

    use super::*;
    use crate::control::{AdoptedSource, BackfillPolicy, Breaker, Changes, GapKind};

    fn evolved() -> Control {
        Control::IntentEvolved {
            hash: "ab".repeat(32),
            name: Some("crm".to_owned()),
            sources: vec![AdoptedSource {
                name: "a.intent".to_owned(),
                text: "entity a".to_owned(),
            }],
            by: "ada".to_owned(),
            from: "cd".repeat(32),
            policy: BackfillPolicy::Sequential,
            changes: Changes { added: 1, unchanged: 4, ..Changes::default() },
        }
    }

    fn opened() -> Control {
        Control::GapOpened {
            gap: "acknowledge_to_rep@41".to_owned(),
            clause: "0123456789abcdef".to_owned(),
            kind: GapKind::Temporal,
            due: Some(Timestamp::from_micros(1_500_000)),
            depth: 2,
        }
    }

    fn event(new: NewEvent) -> Event {
        Event { position: Position::new(42), recorded: Timestamp::EPOCH, event: new }
    }

    #[test]
    fn a_decision_reads_back_from_the_log() {
        let breaker = Control::BreakerChanged {
            breaker: Breaker::Budget,
            tripped: true,
            detail: "$3 of $2".to_owned(),
        };
        for control in [opened(), breaker, evolved(), Control::EngineResumed {}] {
            let new = control.to_new_event(Timestamp::EPOCH, Position::new(41), 3).unwrap();
            assert_eq!(new.id, "41.3");
            let written = event(new);
            let resumed = matches!(control, Control::EngineResumed {});
            assert_eq!(Control::is_resumption(&written), resumed);
            let evolved = matches!(control, Control::IntentEvolved { .. });
            assert_eq!(Control::is_evolution(&written), evolved);
            assert_eq!(Control::from_event(&written), Some(Ok(control)));
        }
    }

    #[test]
    fn a_decision_about_a_gap_stands_in_the_stream_of_the_gap() {
        let new = opened().to_new_event(Timestamp::EPOCH, Position::ZERO, 0).unwrap();
        assert_eq!(new.r#type, "gap.opened");
        assert_eq!(new.subject.as_deref(), Some("gap/acknowledge_to_rep@41"));
    }

    #[test]
    fn an_event_of_the_world_is_no_decision() {
        let mut new = opened().to_new_event(Timestamp::EPOCH, Position::ZERO, 0).unwrap();
        new.kind = Kind::Primary;
        assert_eq!(Control::from_event(&event(new)), None);
    }

    #[test]
    fn an_unknown_decision_is_named_with_its_position() {
        let mut new = opened().to_new_event(Timestamp::EPOCH, Position::ZERO, 0).unwrap();
        new.r#type = "gap.painted".to_owned();
        let error = Control::from_event(&event(new)).unwrap().unwrap_err().to_string();
        assert!(
            error.starts_with("control event `gap.painted` at position `42` is not understood")
        );
    }
}
