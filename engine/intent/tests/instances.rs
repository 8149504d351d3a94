//! Lowering of what is bound to instances: lasting conditions, the calendar, `for each`, `always`.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests know their specs"
)]

use homeostat_intent::lowered::{
    Argument, Assertion, At, Block, CatchUp, Check, Comparison, Condition, Duty, Expr, ForEach,
    Held, Item, Length, Literal, Origin, Path, Period, Role, Schedule, Spec, Trigger,
};
use homeostat_intent::{Severity, Source, load};

fn spec(text: &str) -> Spec {
    let loaded = load(&[Source { name: "test.intent".to_owned(), text: text.to_owned() }]);
    let errors: Vec<_> =
        loaded.diagnostics.iter().filter(|found| found.severity == Severity::Error).collect();
    assert!(errors.is_empty(), "{errors:#?}");
    assert_eq!(loaded.spec.unevaluated, []);
    loaded.spec
}

fn errors(text: &str) -> Vec<String> {
    let loaded = load(&[Source { name: "test.intent".to_owned(), text: text.to_owned() }]);
    let errors = loaded.diagnostics.iter().filter(|found| found.severity == Severity::Error);
    errors.map(|found| format!("{} {}", found.code, found.message)).collect()
}

fn duty<'a>(spec: &'a Spec, slug: &str) -> &'a Duty {
    spec.duties().find(|duty| duty.slug == slug).unwrap()
}

fn held(block: &Block) -> &Held {
    let Trigger::Held(held) = &block.trigger else { panic!("{:?}", block.trigger) };
    held
}

fn schedule(block: &Block) -> &Schedule {
    let Trigger::Every(schedule) = &block.trigger else { panic!("{:?}", block.trigger) };
    schedule
}

fn for_each(item: &Item) -> &ForEach {
    let Item::ForEach(each) = item else { panic!("{item:?}") };
    each
}

/// A path as text, a bound root marked: `*alert.rep`.
fn path(path: &Path) -> String {
    let mut text = format!("{}{}", if path.bound { "*" } else { "" }, path.root);
    for hop in &path.hops {
        text.push('.');
        text.push_str(&hop.attribute);
    }
    text
}

fn expr(value: &Expr) -> String {
    match value {
        Expr::Path(of) => path(of),
        Expr::Measure { measure, of, attribute } => format!("{measure}({}).{attribute}", path(of)),
        Expr::Count { of, member, through } => format!("#{member}({through} = {})", path(of)),
        Expr::Instances { entity, condition } => match condition {
            Some(condition) => format!("#{entity}({})", said(condition)),
            None => format!("#{entity}"),
        },
        Expr::Literal(Literal::Number(value)) => value.to_string(),
        Expr::Literal(Literal::Truth(value)) => value.to_string(),
        Expr::Literal(Literal::Text(value)) => format!("{value:?}"),
        Expr::Literal(Literal::Length(value)) => format!("{}us", value.micros),
        Expr::Symbol(name) => name.clone(),
        Expr::Threshold(name) => format!("threshold {name}"),
        Expr::Call(text) => format!("call {text}"),
    }
}

fn said(condition: &Condition) -> String {
    let all = |parts: &[Condition]| parts.iter().map(said).collect::<Vec<_>>();
    match condition {
        Condition::And(parts) => format!("({})", all(parts).join(" and ")),
        Condition::Or(parts) => format!("({})", all(parts).join(" or ")),
        Condition::Not(inner) => format!("not {}", said(inner)),
        Condition::Compare { left, op, right, .. } => {
            let op = match op {
                Comparison::Equal => "=",
                Comparison::NotEqual => "!=",
                Comparison::Less => "<",
                Comparison::LessOrEqual => "<=",
                Comparison::Greater => ">",
                Comparison::GreaterOrEqual => ">=",
            };
            format!("{} {op} {}", expr(left), expr(right))
        }
        Condition::Crosses { value, .. } => format!("{} crosses", expr(value)),
        Condition::Holds { value, .. } => expr(value),
        Condition::Exists { value, .. } => format!("{} exists", expr(value)),
    }
}

fn checked(assertion: &Assertion) -> String {
    let over = assertion.over.as_deref().unwrap_or("-");
    let filter = assertion.filter.as_ref().map(|f| format!(" [{}]", said(f))).unwrap_or_default();
    let check = match &assertion.check {
        Check::Holds(condition) => said(condition),
        Check::NoLonger { condition, longest } => {
            format!("{} no longer than {}s", said(condition), longest.micros / 1_000_000)
        }
        Check::Reported { checker } => format!("reported by {checker}"),
        Check::Immutable => "immutable".to_owned(),
        Check::NeverInFuture => "never in future".to_owned(),
        Check::Shredded { by } => format!("shredded by {}", by.join(" or ")),
    };
    format!("{over}{filter}: {check}")
}

fn assertions(text: &str) -> Vec<String> {
    spec(text).assertions.iter().map(checked).collect()
}

const ALERT: &str = "entity alert { has: rep, critical state open: from raised until closed }
    entity rep { has: phone }
    event alert.raised ";

#[test]
fn a_condition_that_lasts_is_bound_to_an_instance() {
    let spec = spec(&format!(
        "{ALERT} when alert.open for 4h {{
           if rep.phone exists {{ must: tell(rep) }}
           must: note(urgency: high)
         }}"
    ));
    let block = &spec.blocks[0];
    let held = held(block);
    assert_eq!(held.entity, "alert");
    assert_eq!(said(&held.condition), "*alert.open");
    assert_eq!(
        (held.lasting, held.text.as_str()),
        (Length::from_micros(14_400_000_000), "alert.open")
    );
    assert_eq!(block.trigger.bound(), Some("alert"));
    let Item::Guard(guard) = &block.body[0] else { panic!("expected a guard") };
    assert_eq!(said(&guard.condition), "*alert.rep.phone exists");
    assert_eq!(expr(&duty(&spec, "tell").arguments[0].value), "*alert.rep");
}

#[test]
fn any_condition_over_one_entity_can_last_and_all_of_it_does() {
    let spec = spec(
        "entity customer { has: balance, tier state idle: from left until returned }
         event engagement.updated
         measure engagement(customer) from engagement.updated { trend }
         when customer.balance < 0 AND tier is not gold for 7d { must: a(customer) }
         when engagement(customer).trend < 40 for 1w { must: b(customer) }
         when customer is idle for 1h 30m { must: c(customer) }
         when NOT (customer.idle OR customer.balance > 5) for 1mo { must: d(customer) }",
    );
    let seen: Vec<String> = spec.blocks.iter().map(|block| said(&held(block).condition)).collect();
    assert_eq!(
        seen,
        [
            "(*customer.balance < 0 and *customer.tier != gold)",
            "engagement(*customer).trend < 40",
            "*customer.idle",
            "not (*customer.idle or *customer.balance > 5)",
        ]
    );
    assert_eq!(held(&spec.blocks[3]).lasting, Length { months: 1, micros: 0 });
}

#[test]
fn an_undeclared_state_of_a_trigger_is_inferred() {
    let spec = spec("when alert.unacknowledged for 4h { must: re_alert }");
    let state = &spec.entities[0].states[0];
    assert_eq!(state.from, ["alert.created"]);
    assert_eq!(state.until, ["alert.acknowledged"]);
}

#[test]
fn what_triggers_nothing_says_that_a_time_is_missing() {
    let cases = [
        ("when customer.balance < 0 { must: f }", "S0306 expected an event, found a condition"),
        (
            "entity a { state s: from b until c } when a.s { must: f }",
            "S0306 expected an event, found a state",
        ),
        ("when a.b AND c.d { must: f }", "S0306"),
        ("when a.b | c.d for 4h { must: f }", "S0306"),
        ("when true for 4h { must: f }", "S0113"),
        ("entity a { has: b } when a.b for 0s { must: f }", "S0305"),
        ("entity a { has: b } when a.b for > 4h { must: f }", "S0202"),
        ("entity a { has: b } when a.b crosses above 4 for 4h { must: f }", "S0007"),
        ("entity a { has: b } when a.b < 1 AND a.b > 2 for 4h { must: f }", "S0401"),
        ("entity a event a.b when a.b { if a.c for 4h { must: f } }", "S0007"),
    ];
    for (text, expected) in cases {
        let found = errors(text);
        assert!(found.len() == 1 && found[0].starts_with(expected), "{text}: {found:?}");
    }
}

#[test]
fn a_day_s_time_may_be_an_attribute_of_each_instance() {
    let spec = spec(
        "time_zone: \"UTC\"
         entity rep { has: preferred_time, active }
         every day at rep.preferred_time { if rep.active { should: ask(rep) } must: log }",
    );
    let block = &spec.blocks[0];
    let At::Of(at) = &schedule(block).at else { panic!("{block:?}") };
    assert_eq!((path(at).as_str(), block.trigger.bound()), ("*rep.preferred_time", Some("rep")));
    assert_eq!(schedule(block).text, "every day at rep.preferred_time");
    let named = |duty: &Duty| duty.arguments.iter().map(|a| expr(&a.value)).collect::<Vec<_>>();
    assert_eq!(named(duty(&spec, "ask")), ["*rep"]);
    // Nothing names the rep, so an event that carries another one does not do.
    let log = duty(&spec, "log");
    assert_eq!(named(log), ["*rep"]);
    let Argument { name, role, text, .. } = &log.arguments[0];
    assert_eq!((name.as_deref(), text.as_str()), (Some("rep"), ""));
    assert_eq!(*role, Role::Agree { field: "rep".to_owned() });
}

#[test]
fn periods_times_and_missed_ticks() {
    let spec = spec(
        "time_zone: \"UTC\"
         catch_up: all
         every day { must: a }
         every week at 16:00 { must: b }
         every week on friday at \"07:05:09\" { must: c catch_up: none }
         on sunday { must: d }
         every month { catch_up: latest must: e }
         every 15m { must: f }
         every hour { must: g }
         every 2w { must: h }",
    );
    let seen: Vec<(Period, i64, CatchUp)> = spec
        .blocks
        .iter()
        .map(|block| match schedule(block) {
            Schedule { period, at: At::Time(at), catch_up, .. } => (*period, *at, *catch_up),
            other => panic!("{other:?}"),
        })
        .collect();
    let second = 1_000_000;
    assert_eq!(
        seen,
        [
            (Period::Day, 0, CatchUp::All),
            (Period::Week(1), 57_600 * second, CatchUp::All),
            (Period::Week(5), 25_509 * second, CatchUp::None),
            (Period::Week(7), 0, CatchUp::All),
            (Period::Month, 0, CatchUp::Latest),
            (Period::Fixed(900 * second), 0, CatchUp::All),
            (Period::Fixed(3_600 * second), 0, CatchUp::All),
            (Period::Fixed(14 * 86_400 * second), 0, CatchUp::All),
        ]
    );
    assert!(spec.blocks.iter().all(|block| block.trigger.is_periodic()));
}

#[test]
fn what_is_no_period_or_time_is_said() {
    let zone = "time_zone: \"UTC\"\n";
    let cases = [
        ("every fortnight { must: f }", "S0201"),
        ("every year { must: f }", "S0201"),
        ("every 3mo { must: f }", "S0202"),
        ("every 0s { must: f }", "S0305"),
        ("every day at 25:00 { must: f }", "S0202"),
        ("every day at noon { must: f }", "S0202"),
        ("every 15m at 09:00 { must: f }", "S0202"),
        ("every day on friday { must: f }", "S0202"),
        ("every week on fryday { must: f }", "S0201"),
        ("every day { must: f catch_up: some }", "S0202"),
        ("every day { must: f catch_up: all catch_up: none }", "S0904"),
        ("entity a every day { must: f(a) }", "S0113"),
        ("entity a for each a { must: f(a) }", "S0007"),
        ("entity a event a.b when a.b { must: f(a) catch_up: all }", "S0103"),
    ];
    for (text, expected) in cases {
        let found = errors(&format!("{zone}{text}"));
        assert!(found.len() == 1 && found[0].starts_with(expected), "{text}: {found:?}");
    }
}

#[test]
fn a_duty_of_a_periodic_block_needs_no_deadline_for_its_fallback() {
    let text = "time_zone: \"UTC\" every day { must: report fallback: apologise }";
    let spec = spec(text);
    assert_eq!(duty(&spec, "report").within, None);
    assert_eq!(duty(&spec, "apologise").within, Some(Length::from_micros(86_400_000_000)));
    assert_eq!(errors("event a.b when a.b { must: report fallback: apologise }").len(), 1);
}

#[test]
fn the_body_of_a_for_each_is_bound_to_its_instance() {
    let spec = spec(
        "time_zone: \"UTC\"
         entity customer { has: interactions[], tier, owner }
         entity interaction { belongs_to: customer }
         every week {
           for each customer with interactions.count > 3 AND tier = gold {
             must: review(customer)
             if customer.owner = \"x\" { must: tell(owner: customer.owner) }
           }
         }",
    );
    let each = for_each(&spec.blocks[0].body[0]);
    assert_eq!(each.entity, "customer");
    assert_eq!(each.text, "for each customer with interactions.count > 3 AND tier = gold");
    assert_eq!(
        said(each.condition.as_ref().unwrap()),
        "(#interaction(customer = *customer) > 3 and *customer.tier = gold)"
    );
    assert_eq!(duty(&spec, "review").arguments.len(), 1);
    let tell = duty(&spec, "tell");
    assert_eq!(expr(&tell.arguments[0].value), "*customer.owner");
    assert_eq!(tell.arguments[1].name.as_deref(), Some("customer"));
}

#[test]
fn a_for_each_in_an_event_block_reads_the_trigger_and_its_instance() {
    let spec = spec(
        "entity region { has: name, big }
         entity customer { has: region, tier }
         entity rep { has: customer }
         event region.closed
         when region.closed {
           for each customer with customer.region = region AND tier > region.name AND NOT region.big {
             must: move(customer, from: region)
             for each rep with rep.customer = customer { should: call(rep) }
           }
         }",
    );
    let outer = for_each(&spec.blocks[0].body[0]);
    assert_eq!(
        said(outer.condition.as_ref().unwrap()),
        "(*customer.region = region and *customer.tier > region.name and not region.big)"
    );
    let inner = for_each(&outer.body[1]);
    assert_eq!(said(inner.condition.as_ref().unwrap()), "*rep.customer = *customer");
    let values =
        |slug| duty(&spec, slug).arguments.iter().map(|a| expr(&a.value)).collect::<Vec<_>>();
    assert_eq!(values("move"), ["*customer", "region"]);
    assert_eq!(values("call"), ["*rep", "*customer"]);
}

#[test]
fn collections_are_counted_wherever_a_number_is_asked_for() {
    let spec = spec(
        "entity customer { has: deals[] }
         entity visit { belongs_to: customer has: lines[] }
         event visit.made
         when visit.made {
           if visit.customer.visits.count > 3 { must: a(visit) }
           if count(visit.customer.visits) > 3 { must: b(visit) }
           if visit.customer has deals { must: c(visit) }
           if visit.customer.deals { must: d(visit, all: visit.customer.deals) }
           if visit.notes.count = 0 { must: e(visit) }
         }",
    );
    let conditions: Vec<String> = spec.blocks[0]
        .body
        .iter()
        .map(|item| match item {
            Item::Guard(guard) => said(&guard.condition),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(
        conditions,
        [
            "#visit(customer = visit.customer) > 3",
            "#visit(customer = visit.customer) > 3",
            "#deal(customer = visit.customer) exists",
            "#deal(customer = visit.customer)",
            "#note(visit = visit) = 0",
        ]
    );
    // What is told to an agent stays a collection.
    assert_eq!(expr(&duty(&spec, "d").arguments[1].value), "visit.customer.deals");
    let deal = spec.entities.iter().find(|entity| entity.name == "deal").unwrap();
    assert_eq!(deal.attributes[0].entity.as_deref(), Some("customer"));
}

#[test]
fn a_collection_has_no_value_but_its_number() {
    let found = errors(
        "entity customer { has: visits[] } entity visit { belongs_to: customer has: mood }
         event customer.left
         when customer.left { if customer.visits.mood = good { must: f(customer) } }",
    );
    assert!(found[0].starts_with("S0202"), "{found:?}");
}

#[test]
fn every_form_of_assertion_has_its_meaning() {
    let seen = assertions(
        "entity customer { has: email, phone, balance, visits[] state active: from joined until left }
         entity visit { belongs_to: customer }
         entity alert { has: critical state unread: from created until read }
         event engagement.updated
         measure engagement(customer) from engagement.updated { score }
         always {
           assert: every(visit) is reachable_through_projection
           assert: every(customer.encryption_key) exists AND valid
           assert: no(alert.critical) is unread for > 24h
           assert: no(alert.critical) is unread AND critical for > 1h
           assert: no(alert) is unread
           assert: no(alert.critical)
           assert: every(customer) has email AND phone
           assert: every(customer) has email OR is_robot
           assert: every(customer) is active AND trusted
           assert: every(customer) is not active
           assert: every(customer.balance) >= 0
           assert: every(customer.active) has email
           assert: no(customer.balance) < 0
           assert: no(customer.active) has phone
           assert: every(customer).balance >= 1
           assert: customer.balance >= 2
           assert: engagement(customer).score < 100 OR NOT customer.active
           assert: customer.visits.count < 1000
           assert: count(customer.visits) < 1001
           assert: count(alert.critical) < 5
           assert: count(alert) >= count(alert.critical AND alert.unread)
           assert: every(customer.visits) > 3
         }",
    );
    let expected = [
        "visit: reported by reachable_through_projection",
        "customer: (*customer.encryption_key exists and *customer.encryption_key.valid)",
        "alert [*alert.critical]: *alert.unread no longer than 86400s",
        "alert [*alert.critical]: (*alert.unread and *alert.critical) no longer than 3600s",
        "alert: not *alert.unread",
        "alert [*alert.critical]: not true",
        "customer: (*customer.email exists and *customer.phone exists)",
        "customer: (*customer.email exists or *customer.is_robot exists)",
        "customer: (*customer.active and *customer.trusted)",
        "customer: not *customer.active",
        "customer: *customer.balance >= 0",
        "customer [*customer.active]: *customer.email exists",
        "customer: not *customer.balance < 0",
        "customer [*customer.active]: not *customer.phone exists",
        "customer: *customer.balance >= 1",
        "customer: *customer.balance >= 2",
        "customer: (engagement(*customer).score < 100 or not *customer.active)",
        "customer: #visit(customer = *customer) < 1000",
        "customer: #visit(customer = *customer) < 1001",
        "-: #alert(*alert.critical) < 5",
        "-: #alert >= #alert((*alert.critical and *alert.unread))",
        "customer: #visit(customer = *customer) > 3",
    ];
    for (seen, expected) in seen.iter().zip(expected) {
        assert_eq!(seen, expected);
    }
    assert_eq!(seen.len(), expected.len());
}

#[test]
fn a_value_that_is_said_to_be_so_is_an_entity() {
    let spec = spec(
        "entity customer always { assert: every(customer.encryption_key) exists AND valid AND unrevoked }",
    );
    let key = spec.entities.iter().find(|entity| entity.name == "encryption_key").unwrap();
    assert_eq!(
        (key.attributes[0].name.as_str(), key.states[0].name.as_str()),
        ("valid", "unrevoked")
    );
    let customer = &spec.entities[0].attributes[0];
    assert_eq!(customer.entity.as_deref(), Some("encryption_key"));
}

#[test]
fn assertions_are_known_by_label_or_by_their_words() {
    let text = "entity alert { has: critical, level } entity rule_less
        always {
          assert late: no(alert.critical) is unread for > 24h
          assert: no(alert.critical) is unread for > 24h
          assert: alert.level >= -5 AND alert.level != 3
          assert late: count(alert) < 5
        }";
    let first = spec(text);
    let slugs: Vec<&str> = first.assertions.iter().map(|a| a.slug.as_str()).collect();
    assert_eq!(
        slugs,
        [
            "late",
            "no_alert_critical_is_unread_for_24h",
            "alert_level_at_least_minus_5_and_alert_level_is_not_3",
            "late.2",
        ]
    );
    let moved = spec(
        "entity alert { has: critical, level }
         always { assert: no( alert.critical ) is unread for > 24h # c
         }",
    );
    assert_eq!(first.assertions[1].id, moved.assertions[0].id);
    assert_ne!(first.assertions[0].id, moved.assertions[0].id);
    assert_eq!(first.assertions[1].text, "no(alert.critical) is unread for > 24h");
}

#[test]
fn what_cannot_be_asserted_is_said() {
    let head = "entity a { has: b, c } entity d { has: e }\n";
    let cases = [
        ("every(a) exists", "S0702"),
        ("every(a)", "S0202"),
        ("every()", "S0202"),
        ("every(a) has b AND every(d) has e", "S0007"),
        ("no(a) is b for 24h", "S0202 an assertion is violated after `24h`"),
        ("no(a) is b for > 0s", "S0305"),
        ("every(a) is b for > 24h", "S0007"),
        ("a.b < 3 for > 24h", "S0007"),
        ("a.b crosses above 3", "S0007"),
        ("a.b < 3 AND a.b > 4", "S0401"),
        ("a.b < count(d)", "S0405"),
        ("likely(a)", "S0405"),
    ];
    for (text, expected) in cases {
        let found = errors(&format!("{head}always {{ assert: {text} }}"));
        assert!(found.len() == 1 && found[0].starts_with(expected), "{text}: {found:?}");
    }
    assert_eq!(errors("always { must: f }").len(), 1);
}

#[test]
fn rules_of_entities_are_assertions() {
    let spec = spec(
        "entity customer {
           has: balance, verified
           rule: always_has_encryption_key
           rule: deletion_means_crypto_shred
           rule: balance >= 0
           rule: verified
         }
         entity note { immutable: true rule: timestamp_never_in_future }
         entity other { immutable: false }",
    );
    let seen: Vec<(&str, String)> =
        spec.assertions.iter().map(|a| (a.slug.as_str(), checked(a))).collect();
    let expected = [
        ("always_has_encryption_key", "customer: *customer.encryption_key exists"),
        (
            "deletion_means_crypto_shred",
            "customer: shredded by customer.shredded or encryption_key.shredded",
        ),
        ("balance_at_least_0", "customer: *customer.balance >= 0"),
        ("customer_verified", "customer: *customer.verified"),
        ("note_immutable", "note: immutable"),
        ("timestamp_never_in_future", "note: never in future"),
    ];
    let seen: Vec<(&str, &str)> = seen.iter().map(|(slug, text)| (*slug, text.as_str())).collect();
    assert_eq!(seen, expected);
    assert!(spec.assertions.iter().all(|a| a.origin == Origin::Rule));
    assert_eq!(spec.assertions[2].text, "rule: balance >= 0");
}

#[test]
fn clauses_are_known_by_the_trigger_and_the_for_each_around_them() {
    let id = |text: &str| {
        duty(&spec(&format!("time_zone: \"UTC\" entity a {{ has: b, c }} {text}")), "f").id
    };
    let weekly = id("every week { for each a with b { must: f(a) } }");
    assert_eq!(
        weekly,
        id("every week {\n  # again\n  must: g\n  for each a with b {\n must: f(a) within: 1h } }")
    );
    assert_ne!(weekly, id("every day { for each a with b { must: f(a) } }"));
    assert_ne!(weekly, id("every week { for each a with c { must: f(a) } }"));
    let held = id("when a.b for 4h { must: f(a) }");
    assert_eq!(held, id("when  a.b\n for 4h { must: f( a ) }"));
    assert_ne!(held, id("when a.b for 5h { must: f(a) }"));
}
