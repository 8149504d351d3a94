//! What the benches share: the event that the log's benches write.

use homeostat_log::{Actor, Data, Kind, NewEvent};
use homeostat_world::Timestamp;

/// An interaction of one of a thousand customers, about as long as real ones: its id names it, and
/// its `n` the customer.
#[must_use]
pub fn interaction(id: &str, n: u64) -> NewEvent {
    NewEvent {
        id: id.to_owned(),
        source: "/bench/crm".to_owned(),
        kind: Kind::Primary,
        r#type: "interaction.created".to_owned(),
        time: Timestamp::from_micros(1_772_357_400_000_000),
        subject: Some(format!("interaction/{id}")),
        cause: None,
        actor: Actor::World,
        depth: 0,
        enriches: None,
        data: Data::builder()
            .text("customer", &format!("c{}", n % 1_000))
            .int("trend", 42)
            .text("note", "called about the renewal, wants a quote before the end of the month")
            .build(),
    }
}
