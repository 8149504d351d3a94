//! What the language decides: keys and agreement, what guards wait for, identities, inference.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests may stop at the first surprise"
)]

use homeostat_intent::lowered::{
    ClauseId, Condition, Direction, Duty, Expr, Guard, Item, Length, Performer, Role, Spec,
};
use homeostat_intent::{Options, Severity, Source, load, load_with};

fn spec(text: &str) -> Spec {
    let loaded = load(&[Source { name: "spec.intent".to_owned(), text: text.to_owned() }]);
    let errors: Vec<_> =
        loaded.diagnostics.iter().filter(|found| found.severity == Severity::Error).collect();
    assert!(errors.is_empty(), "{errors:?}");
    loaded.spec
}

fn codes(text: &str) -> Vec<&'static str> {
    let loaded = load(&[Source { name: "spec.intent".to_owned(), text: text.to_owned() }]);
    loaded.diagnostics.iter().map(|found| found.code.as_str()).collect()
}

fn duty<'a>(spec: &'a Spec, slug: &str) -> &'a Duty {
    spec.duties().find(|duty| duty.slug == slug).unwrap()
}

fn guards(spec: &Spec) -> Vec<&Guard> {
    fn collect<'a>(items: &'a [Item], found: &mut Vec<&'a Guard>) {
        for item in items {
            if let Item::Guard(guard) = item {
                found.push(guard);
                collect(&guard.body, found);
            }
        }
    }
    let mut found = Vec::new();
    spec.blocks.iter().for_each(|block| collect(&block.body, &mut found));
    found
}

fn seconds(count: i64) -> Option<Length> {
    Some(Length::from_micros(count * 1_000_000))
}

#[test]
fn entity_typed_arguments_are_keys_values_must_agree_and_words_are_guidance() {
    let spec = spec(
        "entity order { belongs_to: customer  has: total, lines[] }
         entity customer
         entity line
         event order.placed
         when order.placed {
           must: ship(order, to: order.customer, total: order.total, gift: true, how: quickly,
                      lines: order.lines, note: letter(order), order.currency)
         }",
    );
    let roles: Vec<Role> =
        duty(&spec, "ship").arguments.iter().map(|argument| argument.role.clone()).collect();
    let key = |entity: &str, fields: &[&str]| Role::Key {
        entity: entity.to_owned(),
        fields: fields.iter().map(|field| (*field).to_owned()).collect(),
    };
    let agree = |field: &str| Role::Agree { field: field.to_owned() };
    assert_eq!(
        roles,
        [
            key("order", &["order"]),
            key("customer", &["to", "customer"]),
            agree("total"),
            agree("gift"),
            Role::Guidance,
            Role::Guidance,
            Role::Guidance,
            agree("currency"),
        ]
    );
}

#[test]
fn a_parameter_gives_its_name_and_entity_to_the_argument_in_its_place() {
    let spec = spec(
        "entity rep
         entity deal { has: owner }
         event deal.won
         action praise(who: rep, why) { satisfied_by: rep.praised }
         when deal.won { must: praise(deal.owner, deal.size) }",
    );
    let roles: Vec<&Role> = duty(&spec, "praise").arguments.iter().map(|a| &a.role).collect();
    assert_eq!(
        roles,
        [
            &Role::Key {
                entity: "rep".to_owned(),
                fields: vec!["who".to_owned(), "rep".to_owned()]
            },
            &Role::Agree { field: "why".to_owned() },
        ]
    );
}

#[test]
fn a_guard_waits_for_what_its_own_block_must_produce_and_for_nothing_else() {
    let spec = spec(
        "entity customer
         entity visit { belongs_to: customer }
         event visit.made
         event score.updated
         measure score(customer) from score.updated { now }
         action rate(customer) { satisfied_by: score.updated }
         action rate_visit(visit) { satisfied_by: score.updated }
         action greet(visit) { satisfied_by: visit.greeted }
         when visit.made {
           must: greet(visit)
           must: rate(visit.customer)
           must: rate_visit(visit)
           should: rate(visit.customer, again: true)
           if score(visit.customer).now < 5 { must: greet(visit, twice: true) }
           if visit.customer.vip { 
             if score(visit.customer).now > 5 OR visit.customer.vip { must: greet(visit, loudly: true) }
           }
         }
         when visit.ended {
           if score(visit.customer).now < 5 { must: greet(visit) }
         }",
    );
    let rate = duty(&spec, "rate").id;
    let awaits: Vec<Vec<ClauseId>> = guards(&spec).iter().map(|g| g.awaits.clone()).collect();
    assert_eq!(awaits, [vec![rate], vec![], vec![rate], vec![]]);
}

#[test]
fn a_guard_waits_for_the_events_of_a_state_that_it_reads() {
    let spec = spec(
        "entity alert { state open: from raised until closed }
         event alert.raised
         action close(alert) { satisfied_by: alert.closed }
         action archive(alert) { satisfied_by: alert.archived }
         when alert.raised {
           must: close(alert)
           if NOT alert.open { must: archive(alert) }
           if alert is open { could: archive(alert) }
         }",
    );
    let close = duty(&spec, "close").id;
    for guard in guards(&spec) {
        assert_eq!(guard.awaits, [close], "{}", guard.text);
    }
    assert!(matches!(&guards(&spec)[1].condition, Condition::Holds { .. }));
}

#[test]
fn clause_identities_survive_comments_layout_neighbours_and_new_deadlines() {
    let before = spec(
        "entity a event a.b action f(a) action g(a)
         when a.b { must: f(a) within: 5s if a.x > 1 and a.y { must: g(a) } }",
    );
    let after = spec(
        "entity a event a.b action f(a) action g(a) action h(a)
         # A comment.
         when a.b {
           must: h(a)
           if a.x > 1
              AND a.y {
             must: g( a )   # another
           }
           must: f(a)
             within: 1h
         }",
    );
    for slug in ["f", "g"] {
        assert_eq!(duty(&before, slug).id, duty(&after, slug).id, "{slug}");
    }
    assert_ne!(duty(&before, "f").id, duty(&before, "g").id);
    assert_ne!(before.hash, after.hash);
    let guarded = spec(
        "entity a event a.b action f(a) action g(a)
         when a.b { must: f(a) if a.x > 2 and a.y { must: g(a) } }",
    );
    assert_eq!(duty(&before, "f").id, duty(&guarded, "f").id);
    assert_ne!(duty(&before, "g").id, duty(&guarded, "g").id);
}

#[test]
fn a_label_is_an_identity_of_its_own() {
    let one = spec("entity a event a.b action f(a) when a.b { must ack: f(a) within: 5s }");
    let other = spec("entity a event a.c action f(a) when a.c { should ack: f(a, loud: true) }");
    assert_eq!(duty(&one, "f").id, duty(&other, "f").id);
}

#[test]
fn every_clause_has_its_own_slug_and_identity() {
    let spec = spec(
        "entity a event a.b action f(a)
         when a.b { must: f(a) must: f(a) must: f(a) within: 1h fallback: f(a) within: 2h fallback: f(a) }",
    );
    let slugs: Vec<&str> = spec.duties().map(|duty| duty.slug.as_str()).collect();
    assert_eq!(slugs, ["f", "f.2", "f.3", "f.4", "f.5"]);
    let mut ids: Vec<ClauseId> = spec.duties().map(|duty| duty.id).collect();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 5);
}

#[test]
fn a_hash_counts_what_means_something() {
    let hash = |text: &str| spec(text).hash;
    assert_eq!(hash("entity a { has: b }"), hash("# c\nentity a {\n  has: b\n}\n→ note"));
    assert_ne!(hash("entity a { has: b }"), hash("entity a { has: c }"));
}

#[test]
fn deadlines_belong_to_the_duty_above_or_to_the_group_around() {
    let spec = spec(
        "entity a event a.b action f(a) action g(a) action h(a) action i(a)
         default_within: 3h
         when a.b {
           within: 1h 30m {
             must: f(a)
             must: g(a) within: 5s
           }
           must: h(a)
             within: 24h
             fallback: i(a)
         }",
    );
    assert_eq!(duty(&spec, "f").within, seconds(5_400));
    assert_eq!(duty(&spec, "g").within, seconds(5));
    assert_eq!(duty(&spec, "h").within, seconds(86_400));
    assert_eq!(duty(&spec, "i").within, seconds(10_800));
    assert_eq!(duty(&spec, "h").fallback.as_ref().unwrap().slug, "i");
}

#[test]
fn months_and_years_stay_calendar_lengths() {
    let spec = spec("entity a event a.b action f(a) when a.b { must: f(a) within: 1y 2mo 3d }");
    let within = duty(&spec, "f").within.unwrap();
    assert_eq!((within.months, within.micros), (14, 3 * 86_400_000_000));
}

#[test]
fn events_are_known_by_any_of_their_names() {
    let spec = spec(
        "entity order
         event order.placed as order_placed | \"Order PLACED\"
         event order.paid as \"Order PAID\"
         action charge(order) { satisfied_by: \"Order PAID\" | order.settled }
         when order_placed | \"Order PLACED\" { must: charge(order) }",
    );
    assert_eq!(spec.blocks[0].trigger.events(), ["order.placed"]);
    assert_eq!(duty(&spec, "charge").satisfied_by, ["order.paid", "order.settled"]);
    let placed = spec.events.iter().find(|event| event.name == "order.placed").unwrap();
    assert_eq!(placed.aliases, ["order_placed", "Order PLACED"]);
    assert_eq!(placed.entity.as_deref(), Some("order"));
}

#[test]
fn what_nothing_declares_is_inferred_and_said() {
    let text = "when order.placed { must: order_paid(order) await: x
                 must: await_answer(order) }
                when order.paid { should: f(order) }";
    let found = codes(
        "when order.placed { must: order_paid(order) }
                       when order.paid { should: f(order) }",
    );
    assert!(found.iter().all(|code| code.starts_with("S01")), "{found:?}");
    assert!(codes(text).contains(&"S0103"));
    let spec = spec(
        "when order.placed { must: await_answer(order) must: order_paid(order) }
                     event order.paid",
    );
    assert_eq!(duty(&spec, "await_answer").by, Performer::Human);
    assert_eq!(duty(&spec, "await_answer").satisfied_by, ["await_answer"]);
    assert_eq!(duty(&spec, "order_paid").satisfied_by, ["order.paid"]);
    assert!(spec.entities.iter().any(|entity| entity.name == "order" && !entity.declared));
}

#[test]
fn strictness_makes_every_inference_an_error() {
    let text = "when order.placed { must: charge(order) }".to_owned();
    let sources = [Source { name: String::new(), text }];
    assert!(!load(&sources).has_errors());
    let strict = load_with(&sources, Options { strict: true });
    assert!(strict.has_errors());
    assert!(strict.diagnostics.iter().all(|found| found.severity == Severity::Error));
}

#[test]
fn a_requirement_is_a_state_or_a_grant() {
    let spec = spec(
        "entity customer { state consent: from consent_given until consent_withdrawn }
         event customer.asked
         event licence_granted
         when customer.asked { must: f(customer, requires: consent AND licence) }",
    );
    let requires = &duty(&spec, "f").requires;
    assert_eq!(requires[0].from, ["customer.consent_given"]);
    assert_eq!(requires[0].until, ["customer.consent_withdrawn"]);
    assert_eq!(requires[1].from, ["licence_granted"]);
    assert_eq!(requires[1].until, ["licence.revoked", "licence.expired"]);
    assert_eq!(duty(&spec, "f").arguments.len(), 1);
}

#[test]
fn a_crossing_takes_its_direction_from_the_condition_or_else_from_the_threshold() {
    let spec = spec(
        "threshold low: 20 falling
         entity tank { has: level }
         event tank.read
         when tank.read {
           if tank.level crosses threshold.low { must: f(tank) }
           if tank.level crosses above threshold.low { must: g(tank) }
           if tank.level crosses below -5 { must: h(tank) }
         }",
    );
    let seen: Vec<(f64, Direction)> = guards(&spec)
        .iter()
        .map(|guard| match &guard.condition {
            Condition::Crosses { level, direction, .. } => (*level, *direction),
            other => panic!("{other:?}"),
        })
        .collect();
    let expected =
        [(20.0, Direction::Falling), (20.0, Direction::Rising), (-5.0, Direction::Falling)];
    assert_eq!(seen, expected);
}

#[test]
fn not_binds_before_and_and_and_before_or() {
    let spec = spec(
        "entity a { has: x, y, z } event a.b
         when a.b { if a.x or not a.y and a.z { must: f(a) } }",
    );
    let Condition::Or(parts) = &guards(&spec)[0].condition else { panic!("expected or") };
    assert!(matches!(parts[0], Condition::Holds { .. }));
    let Condition::And(inner) = &parts[1] else { panic!("expected and") };
    assert!(matches!(inner[0], Condition::Not(_)));
}

#[test]
fn a_measure_names_its_entity_by_use() {
    let spec = spec(
        "entity customer
         entity visit { has: guest }
         event visit.made
         event mood.updated
         measure mood(customer) from mood.updated { level }
         when visit.made { if mood(visit.guest) > 3 { must: f(visit) } }",
    );
    let Condition::Compare { left: Expr::Measure { of, attribute, .. }, .. } =
        &guards(&spec)[0].condition
    else {
        panic!("expected a comparison of a measure")
    };
    assert_eq!(attribute, "level");
    assert_eq!(of.hops[0].entity.as_deref(), Some("customer"));
}

#[test]
fn declarations_may_stand_in_any_file_and_after_their_use() {
    let use_first = Source {
        name: "a.intent".to_owned(),
        text: "when order.placed { must: charge(order) within: 1h }".to_owned(),
    };
    let declared = Source {
        name: "b.intent".to_owned(),
        text: "entity order event order.placed action charge(order) { satisfied_by: order.paid }"
            .to_owned(),
    };
    let loaded = load(&[use_first, declared]);
    assert_eq!(loaded.diagnostics, []);
    assert_eq!(duty(&loaded.spec, "charge").satisfied_by, ["order.paid"]);
}
