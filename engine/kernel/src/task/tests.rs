//! What an agent is told for every kind of gap, word for word.
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::sync::Arc;

use homeostat_agents::AgentsFile;
use homeostat_conductor::Spawn;
use homeostat_graph::Program;
use homeostat_intent::{Source, Spec};
use homeostat_log::control::{AdoptedSource, BackfillPolicy, Changes};
use homeostat_log::{Actor, Control, Data, Event, Kind, NewEvent};
use homeostat_world::{Duration, Timestamp};
use serde_json::{Value as Json, json};

use crate::Machine;

/// A machine, and everything that it was shown.
struct Desk {
    machine: Machine,
    spec: Arc<Spec>,
    events: Vec<Event>,
}

const ANYBODY: &str = "[[agent]]\nname = \"anybody\"\nfor = \"*\"\nkind = \"mock\"";

/// So many seconds after nine in the morning of the second of March 2026, a Monday.
fn at(seconds: i64) -> Timestamp {
    Timestamp::from_micros(1_772_442_000_000_000) + Duration::from_secs(seconds)
}

fn spec(text: &str) -> Spec {
    let loaded = homeostat_intent::load(&[source(text)]);
    assert!(!loaded.has_errors(), "{:?}", loaded.diagnostics);
    loaded.spec
}

fn source(text: &str) -> Source {
    Source { name: "test.intent".to_owned(), text: text.to_owned() }
}

impl Desk {
    fn new(text: &str) -> Self {
        let spec = Arc::new(spec(text));
        let program = Arc::new(Program::compile(&spec).unwrap());
        let file = Arc::new(AgentsFile::parse(ANYBODY).unwrap_or_else(|it| panic!("{it}")));
        let machine = Machine::new(program, spec.limits.clone(), file);
        Self { machine, spec, events: Vec::new() }
    }

    fn show(&mut self, second: i64, event: NewEvent) -> &mut Self {
        let position = self.machine.applied().next();
        let event = Event { position, recorded: at(second), event };
        let earlier = self.events.clone();
        let earlier = || earlier.into_iter().map(Ok);
        crate::versions::show(&mut self.machine, &mut self.spec, &event, None, earlier).unwrap();
        self.events.push(event);
        self
    }

    fn see(&mut self, second: i64, name: &str, data: &Json) -> &mut Self {
        self.see_as(Kind::Primary, (second, second), name, data)
    }

    /// An event of any kind, seen at one second and of another.
    fn see_as(&mut self, kind: Kind, (seen, of): (i64, i64), name: &str, data: &Json) -> &mut Self {
        let event = NewEvent {
            id: format!("e{}", self.events.len() + 1),
            source: "test".to_owned(),
            kind,
            r#type: name.to_owned(),
            time: at(of),
            subject: None,
            cause: None,
            actor: Actor::World,
            depth: 0,
            enriches: None,
            data: Data::from_json(data).unwrap(),
        };
        self.show(seen, event)
    }

    fn adopt(&mut self, second: i64, text: &str) -> &mut Self {
        let next = spec(text);
        let control = Control::IntentEvolved {
            hash: next.hash.to_string(),
            name: None,
            sources: vec![AdoptedSource { name: "test.intent".to_owned(), text: text.to_owned() }],
            by: "ada".to_owned(),
            from: self.spec.hash.to_string(),
            policy: BackfillPolicy::Sequential,
            changes: Changes::default(),
        };
        let event = control.to_new_event(at(second), self.machine.applied(), 1).unwrap();
        self.show(second, event)
    }

    fn action_of(&self, gap: &str) -> String {
        self.machine.conductor.gap(gap).unwrap().action
    }

    /// The briefs of all open gaps, as far as they say what there is to do.
    fn briefs(&mut self, second: i64) -> String {
        self.machine.advance(at(second));
        let mut told = String::new();
        let gaps: Vec<String> = self.machine.gaps().into_iter().map(|gap| gap.id).collect();
        for gap in gaps {
            let action = self.action_of(&gap);
            let spawn = Spawn { gap: gap.clone(), action, attempt: 1, cost_max: 0 };
            let Some(spawned) = self.machine.spawn(spawn, Vec::new(), at(second)) else {
                panic!("`{gap}` is open")
            };
            let mut brief = serde_json::to_value(&spawned.brief).unwrap();
            for noise in ["protocol", "agent", "member", "attempt", "budget", "context", "depth"] {
                brief.as_object_mut().unwrap().remove(noise);
            }
            let constraints = brief.get_mut("constraints").unwrap().as_object_mut().unwrap();
            constraints.retain(|name, value| !name.ends_with("_max") && !is_empty(value));
            told.push_str(&serde_json::to_string_pretty(&brief).unwrap());
            told.push('\n');
        }
        told
    }
}

fn is_empty(value: &Json) -> bool {
    value.is_null() || value == &json!([]) || value == &json!(false)
}

fn golden(name: &str, text: &str) {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("../../../../snapshots/kernel");
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!(name, text));
}

const ORDERS: &str = r#"
entity customer { has: tier }
entity order { belongs_to: customer  has: total }
event order.placed
action ship(order) { satisfied_by: order.shipped | order.sent }
action apologise(customer) { satisfied_by: customer.told }
when order.placed {
  must: ship(order, speed: high, requires: consent)
    within: 10s
    fallback: apologise(order.customer)
      within: 1h
}
always { assert totals_known: every(order) has total }
invariant response_time < 500ms
invariant no_dark_patterns { review: human }
capability sell { accepts: order.placed  property: no_dark_patterns unless totals_known }
"#;

#[test]
fn of_a_duty_the_event_that_called_for_it_and_its_answer() {
    let mut desk = Desk::new(ORDERS);
    desk.see(0, "order.placed", &json!({ "order": "o1", "customer": "c1", "total": 7 }));
    golden("brief-reaction", &desk.briefs(5));
    golden("brief-fallback", &desk.briefs(20));
}

#[test]
fn of_a_tick_a_lasting_state_and_a_round_what_opened_it() {
    let mut desk = Desk::new(
        r#"
        time_zone: "UTC"
        entity rep { has: preferred_time }
        entity alert { belongs_to: rep  state unacknowledged: from created until acknowledged }
        event alert.created
        event rep.hired
        action remind(alert) { satisfied_by: alert.reminded }
        action plan(rep) { satisfied_by: rep.planned }
        action poll { satisfied_by: mailbox.polled }
        when alert.unacknowledged for 1h { must: remind(alert) }
        every day at rep.preferred_time { must: plan(rep) }
        every week { for each rep with rep.preferred_time exists { should: poll within: 1d } }
        always { assert late: no(alert) is unacknowledged for > 2h }
        "#,
    );
    desk.see(0, "rep.hired", &json!({ "rep": "r1", "preferred_time": "09:30" }));
    desk.see(1, "alert.created", &json!({ "alert": "a1", "rep": "r1" }));
    golden("brief-temporal", &desk.briefs(7 * 86_400));
}

#[test]
fn of_what_must_be_true_the_values_that_make_it_false() {
    let mut desk = Desk::new(
        r#"
        entity customer { has: email, phone, balance  rule: balance >= -1000 }
        entity region { has: name }
        event customer.created
        event customer.changed
        event region.opened
        always {
          assert: every(customer) has email AND phone
          assert few: count(region) < 2
        }
        "#,
    );
    desk.see(0, "customer.created", &json!({ "customer": "c1", "email": "a@b", "balance": 5 }));
    desk.see(1, "customer.changed", &json!({ "customer": "c1", "balance": -2000 }));
    desk.see(2, "region.opened", &json!({ "region": "north" }));
    desk.see(3, "region.opened", &json!({ "region": "south" }));
    golden("brief-intent", &desk.briefs(10));
}

#[test]
fn of_what_a_version_asks_of_the_past_which_version_and_which_event() {
    let before = "entity order { has: total }\nevent order.placed\nwhen order.placed { must: ship(order) }\naction ship(order) { satisfied_by: order.shipped }\n";
    let check = "action check(order) { satisfied_by: order.checked }\nbackfill_policy: sequential\nalways { assert: every(order) has total }\n";
    let after = before.replace("{ must: ship(order) }", "{ must: ship(order) must: check(order) }");
    let mut desk = Desk::new(before);
    desk.see(0, "order.placed", &json!({ "order": "o1" }));
    desk.see(1, "order.shipped", &json!({ "order": "o1" }));
    desk.adopt(5, &format!("{after}{check}"));
    golden("brief-retroactive", &desk.briefs(10));
}

#[test]
fn of_rules_and_propositions_who_found_it_and_what_mends_it() {
    let mut desk = Desk::new(
        r#"
        entity visit { has: mood  immutable: true  rule: timestamp_never_in_future  rule: deletion_means_crypto_shred }
        event visit.made
        event visit.changed
        event visit.erased
        always { assert: every(visit) is reachable_through_projection }
        invariant backups_restore { check: "./restore-a-backup" }
        "#,
    );
    let visit = json!({ "visit": "v1", "mood": "good" });
    desk.see_as(Kind::Primary, (0, 3_600), "visit.made", &visit);
    desk.see(1, "visit.changed", &json!({ "visit": "v1", "mood": "bad" }));
    let unreachable = json!({ "check": "reachable_through_projection", "instance": "visit/v1", "holds": false, "detail": "" });
    desk.see_as(Kind::Control, (2, 2), "check.reported", &unreachable);
    let broken = json!({ "check": "backups_restore", "instance": null, "holds": false, "detail": "exit status 1" });
    desk.see_as(Kind::Control, (3, 3), "check.reported", &broken);
    desk.see(4, "visit.made", &json!({ "visit": "v2", "mood": "good" }));
    desk.see_as(Kind::Tombstone, (5, 5), "visit.erased", &json!({ "visit": "v2" }));
    golden("brief-consistency", &desk.briefs(10));
}

#[test]
fn of_bounds_the_sample_and_the_bound() {
    let mut desk = Desk::new(
        r#"
        event http.served
        metric response_time from http.served { duration }
        metric cost from http.served { cost }
        invariant response_time < 500ms
        invariant p95(response_time) <= 200ms
        invariant mean(response_time) <= 200ms
        optimise cost within budget($200/month)
        "#,
    );
    desk.see(0, "http.served", &json!({ "duration": 0.1, "cost": 150 }));
    desk.see(1, "http.served", &json!({ "duration": 0.75, "cost": 60.5 }));
    golden("brief-quality", &desk.briefs(10));
}
