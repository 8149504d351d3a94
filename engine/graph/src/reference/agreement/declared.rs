//! What every drawn spec declares: orders, customers, scores and samples.
//!
//! In: [`Dice`]. Out: a spec without a clause. Start reading at [`declarations`].

use homeostat_intent::lowered::{
    Attribute, Backfill, Entity, EventType, Measure, Metric, Spec, SpecHash, State,
};

use super::dice::Dice;
use super::words::Words;

pub(super) fn declarations(dice: &mut Dice<'_>, words: Words) -> Spec {
    let mut spec = Spec {
        hash: SpecHash([7; 32]),
        entities: entities(),
        events: events(),
        measures: vec![Measure {
            name: "score".to_owned(),
            entity: "customer".to_owned(),
            from: vec!["score.updated".to_owned()],
            attributes: vec!["value".to_owned()],
        }],
        metrics: vec![Metric {
            name: "speed".to_owned(),
            samples: vec!["speed.sampled".to_owned()],
            fields: vec!["speed".to_owned(), "value".to_owned()],
        }],
        ..Spec::default()
    };
    // Without it a customer is alive since the first word of it.
    if dice.chance(40) {
        spec.events.push(event("customer.created", &[], Some("customer")));
    }
    if words.ticks || words.contract {
        let zones = [None, Some("Europe/London"), Some("America/Sao_Paulo"), Some("Pacific/Apia")];
        spec.time_zone = dice.one(&zones).map(str::to_owned);
    }
    if words.evolution {
        let policies = [Backfill::HumanDecision, Backfill::Sequential, Backfill::ProspectiveOnly];
        spec.backfill = dice.one(&policies);
        spec.limits.max_backfill_in_flight = dice.one(&[1, 2, 10]);
    }
    spec
}

fn entities() -> Vec<Entity> {
    let entity = |name: &str, attributes: &[(&str, Option<&str>)]| Entity {
        name: name.to_owned(),
        attributes: attributes
            .iter()
            .map(|(name, entity)| Attribute {
                name: (*name).to_owned(),
                entity: entity.map(str::to_owned),
                many: false,
            })
            .collect(),
        states: Vec::new(),
        declared: true,
    };
    let mut order =
        entity("order", &[("customer", Some("customer")), ("note", None), ("amount", None)]);
    order.states.push(State {
        name: "open".to_owned(),
        from: vec!["order.created".to_owned(), "order.moved".to_owned()],
        until: vec!["done".to_owned(), "order.moved".to_owned()],
    });
    let mut customer =
        entity("customer", &[("vip", None), ("level", None), ("at", None), ("time_zone", None)]);
    customer.attributes.push(Attribute {
        name: "orders".to_owned(),
        entity: Some("order".to_owned()),
        many: true,
    });
    vec![order, customer]
}

fn events() -> Vec<EventType> {
    vec![
        event("order.created", &["order_logged"], Some("order")),
        event("order.moved", &[], Some("order")),
        event("customer.changed", &["Customer CHANGED by STAFF"], Some("customer")),
        event("score.updated", &[], None),
        event("done", &["finished"], None),
        event("done.again", &[], None),
        event("access.granted", &[], None),
        event("access.revoked", &[], None),
        event("speed.sampled", &[], None),
        event("key.shredded", &[], None),
    ]
}

fn event(name: &str, aliases: &[&str], entity: Option<&str>) -> EventType {
    EventType {
        name: name.to_owned(),
        aliases: aliases.iter().map(|&alias| alias.to_owned()).collect(),
        entity: entity.map(str::to_owned),
    }
}
