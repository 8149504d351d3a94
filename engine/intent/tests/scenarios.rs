//! `scenario "x" { … }`: what it lowers to, and what is said about one that is wrong.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests say what they expect")]

use homeostat_intent::lowered::{
    Expected, Length, Literal, SCENARIO_START, Scenario, ScenarioAct, ScenarioEvent, ScenarioKind,
    ScenarioLink,
};
use homeostat_intent::{Loaded, Severity, Source, load};

const ORDERS: &str = r#"
entity customer { has: tier }
entity order { belongs_to: customer  has: total }
entity alert { belongs_to: customer  state open: from created until closed }
event order.placed as order_logged
event order.shipped
event alert.created
event alert.closed
event customer.noted
action ship(order) { satisfied_by: order.shipped }
action insure(order) { satisfied_by: order.shipped | order.insured }
action apologise(customer) { satisfied_by: customer.told }
action greet(order, customer) { satisfied_by: customer.greeted }
when order.placed {
  must: ship(order)
    within: 2d
    fallback: apologise(order.customer)
  must: greet(order, order.customer)
  if order.total > 100 {
    must dear: insure(order)
      within: 1d
  }
}
when customer.noted {
  must: apologise(customer)
}
"#;

fn loaded(scenarios: &str) -> Loaded {
    let text = format!("{ORDERS}{scenarios}");
    load(&[Source { name: "test.intent".to_owned(), text }])
}

fn scenario(steps: &str) -> Scenario {
    let loaded = loaded(&format!("scenario \"s\" {{\n{steps}\n}}\n"));
    assert_eq!(said(&loaded), Vec::<String>::new(), "{steps}");
    loaded.spec.scenarios[0].clone()
}

fn said(loaded: &Loaded) -> Vec<String> {
    let found = loaded.diagnostics.iter().filter(|found| found.severity <= Severity::Warning);
    found.map(|found| format!("{} {}", found.code, found.message)).collect()
}

fn wrong(steps: &str) -> Vec<String> {
    said(&loaded(&format!("scenario \"s\" {{\n{steps}\n}}\n")))
}

fn events(scenario: &Scenario) -> Vec<&ScenarioEvent> {
    let steps = scenario.steps.iter();
    steps
        .filter_map(|step| match &step.what {
            ScenarioAct::Event(event) => Some(event),
            ScenarioAct::Expect(_) | ScenarioAct::Resume => None,
        })
        .collect()
}

fn seconds(seconds: i64) -> Length {
    Length::from_micros(seconds * 1_000_000)
}

#[test]
fn a_story_lowers_to_steps_in_order() {
    let s = scenario(
        r#"start: "2026-03-28T12:00:00Z"
  given e1: { type: order_logged, order: o1, total: 120, time: 10s }
  at 1m e2: { type: order.shipped, order: o1, time: 30s, actor: agent }
  expect fulfilled ship(o1)
  at 3d expect no gap dear(o1)
  resume at 1w"#,
    );
    assert_eq!(s.start, 1_774_699_200_000_000);
    let times: Vec<Length> = s.steps.iter().map(|step| step.at).collect();
    assert_eq!(
        times,
        [seconds(10), seconds(60), seconds(60), seconds(3 * 86_400), seconds(7 * 86_400)]
    );
    let [e1, e2] = events(&s)[..] else { unreachable!() };
    assert_eq!((e1.r#type.as_str(), e1.time), ("order.placed", None), "its canonical name");
    assert_eq!(e1.fields[1], ("total".to_owned(), Literal::Number(120.0)));
    assert_eq!((e2.time, e2.by_agent), (Some(seconds(30)), true));
    let ScenarioAct::Expect(expected) = &s.steps[3].what else { unreachable!() };
    assert!(expected.negated);
    assert_eq!(expected.state, Expected::Gap);
    assert_eq!(expected.slugs, ["insure"], "by its label");
    assert_eq!(expected.instances, ["o1"]);
    assert_eq!(s.steps[4].what, ScenarioAct::Resume);
}

#[test]
fn a_scenario_that_does_not_say_when_starts_at_a_fixed_noon() {
    let s = scenario("given e1: { type: order.placed, order: o1 }\n  at 1s expect active ship(o1)");
    assert_eq!(s.start, SCENARIO_START);
}

#[test]
fn an_enrichment_names_what_it_enriches_and_how_sure_it_is() {
    let s = scenario(
        r#"given e1: { type: order.placed, order: o1 }
  at 1s e2: { type: order.read, order: o1, kind: enrichment, enriches: e1, confidence: 80% }
  at 2s e3: { type: order.read, order: o1, kind: enrichment, enriches: e2, data: { confidence: high } }
  expect active ship(o1)"#,
    );
    let [_, e2, e3] = events(&s)[..] else { unreachable!() };
    let link = |event: &str, confidence| Some(ScenarioLink { event: event.to_owned(), confidence });
    assert_eq!(e2.enriches, link("e1", 0.8));
    assert_eq!(e2.fields.len(), 1, "the rest is payload");
    assert_eq!(e3.enriches, link("e2", 1.0));
    assert_eq!(e3.fields.last().map(|(name, _)| name.as_str()), Some("confidence"));
}

#[test]
fn an_enrichment_of_nothing_or_of_more_than_can_be_is_an_error() {
    let check = |event: &str| {
        wrong(&format!(
            "given e1: {{ type: order.placed, order: o1 }}\n  at 1s x1: {{ type: customer.erased, customer: c1, kind: tombstone }}\n  at 2s e2: {{ type: order.read, order: o1, {event} }}\n  expect active ship(o1)"
        ))
    };
    for (event, message) in [
        ("enriches: e1", "`enriches` stands in an event that is no enrichment"),
        ("confidence: 0.8", "`confidence` stands in an event that is no enrichment"),
        (
            "kind: enrichment, confidence: 0.8",
            "an enrichment that says how sure it is says of what, too",
        ),
        (
            "kind: enrichment, enriches: e1, confidence: 1.5",
            "confidence `1.5` is no number from 0 to 1",
        ),
        (
            "kind: enrichment, enriches: e1, confidence: high",
            "confidence `high` is no number from 0 to 1",
        ),
        ("kind: enrichment, enriches: e7", "no event named `e7` stands above this one"),
        ("kind: enrichment, enriches: e2", "no event named `e2` stands above this one"),
        (
            "kind: enrichment, enriches: x1",
            "`x1` is a tombstone or the engine's own, and cannot be enriched",
        ),
    ] {
        assert_eq!(check(event), [format!("S1008 {message}")], "{event}");
    }
}

#[test]
fn an_event_has_an_envelope_and_a_payload() {
    let s = scenario(
        r#"given e1: {
    type: order.placed, subject: "order/o1", kind: enrichment,
    customer: c1, total: 12.5, wait: 2m, note: "two words", paid: false,
    data: { type: express, time: 09:30 }
  }
  at 1s e2: { type: check.reported, check: shown, instance: "order/o1", holds: true }
  expect no gap ship(o1)"#,
    );
    let [e1, e2] = events(&s)[..] else { unreachable!() };
    assert_eq!((e1.subject.as_deref(), e1.kind), (Some("order/o1"), ScenarioKind::Enrichment));
    let text = |text: &str| Literal::Text(text.to_owned());
    let expected = [
        ("customer", text("c1")),
        ("total", Literal::Number(12.5)),
        ("wait", Literal::Length(seconds(120))),
        ("note", text("two words")),
        ("paid", Literal::Truth(false)),
        ("type", text("express")),
        ("time", text("09:30")),
    ];
    assert_eq!(e1.fields, expected.map(|(name, value)| (name.to_owned(), value)));
    assert_eq!(e2.kind, ScenarioKind::Control, "only the engine reports checks");
}

#[test]
fn a_cause_names_the_one_duty_that_its_event_triggered() {
    let s = scenario(
        r#"given e1: { type: order.placed, order: o1, total: 200 }
  at 1s e2: { type: order.insured, order: o1, cause: e1 }
  at 2s e3: { type: order.shipped, order: o1, cause: "dear@e1" }
  at 3s e4: { type: order.shipped, order: o1, cause: "ship@e1" }
  expect fulfilled ship(o1)"#,
    );
    let causes: Vec<_> = events(&s).iter().map(|event| event.cause.clone()).collect();
    let slug = |slug: &str| Some(slug.to_owned());
    assert_eq!(causes, [None, slug("insure@e1"), slug("insure@e1"), slug("ship@e1")]);
    assert_eq!(
        wrong(
            "given e1: { type: order.placed, order: o1 }\n  at 1s e2: { type: order.shipped, cause: e1 }\n  at 1s e3: { type: customer.told, cause: e9 }\n  at 1s e4: { type: order.placed, cause: e1 }\n  at 2s e5: { type: customer.told, cause: \"shipp@e1\" }\n  at 3d expect lapsed ship(o1)"
        ),
        [
            "S1010 `order.shipped` satisfies several duties that `e1` triggers",
            "S1010 no event named `e9` stands above this one",
            "S1010 `order.placed` satisfies no duty that `e1` triggers",
            "S1001 no clause of this spec is named `shipp`",
        ]
    );
}

#[test]
fn a_name_means_every_clause_that_has_it_and_as_many_instances() {
    let s = scenario(
        "given e1: { type: order.placed, order: o1, customer: c1 }\n  given e2: { type: customer.noted, customer: c2 }\n  at 3d expect gap apologise(c1)\n  expect gap apologise.2(c1)\n  expect gap greet(o1, c1)\n  expect gap greet",
    );
    let slugs: Vec<Vec<String>> = s
        .steps
        .iter()
        .filter_map(|step| match &step.what {
            ScenarioAct::Expect(expected) => Some(expected.slugs.clone()),
            ScenarioAct::Event(_) | ScenarioAct::Resume => None,
        })
        .collect();
    assert_eq!(
        slugs,
        [vec!["apologise", "apologise.2"], vec!["apologise.2"], vec!["greet"], vec!["greet"]]
    );
    assert_eq!(
        wrong("given e1: { type: order.placed, order: o1 }\n  at 3d expect gap greet(o1)"),
        ["S1005 `greet` is owed for 2 instances, of `order`, `customer`; found 1"]
    );
}

#[test]
fn what_can_never_hold_is_an_error_and_what_always_does_a_warning() {
    let placed = "given e1: { type: order.placed, order: o1, customer: c1 }\n";
    let check = |line: &str| wrong(&format!("{placed}  at 3d expect {line}"));
    assert_eq!(
        check("overdue ship(o1)"),
        ["S1004 this can never hold: when its deadline passes, it lapses to its fallback"]
    );
    assert_eq!(check("lapsed insure(o1)"), ["S1004 this can never hold: it has no fallback"]);
    assert_eq!(check("late greet(o1, c1)"), ["S1004 this can never hold: it has no deadline"]);
    assert_eq!(check("no late greet(o1, c1)"), ["S1004 this always holds: it has no deadline"]);
    assert_eq!(
        check("withdrawn ship(o1)"),
        ["S1004 this can never hold: nothing in a scenario withdraws it"]
    );
    assert_eq!(
        check("void ship(o1)"),
        ["S1004 this can never hold: no event above is a tombstone"]
    );
    assert_eq!(
        check("gap apologise.2(c1)"),
        ["S1004 this can never hold: no event above triggers its block"]
    );
    assert_eq!(check("no gap apologise.2(c1)"), Vec::<String>::new(), "a story may show that");
    let erased = "  at 1h e2: { type: customer.erased, customer: c1, kind: tombstone }\n";
    assert_eq!(
        wrong(&format!("{placed}{erased}  at 3d expect void greet(o1, c1)")),
        Vec::<String>::new()
    );
}

#[test]
fn steps_stand_in_the_order_of_their_times() {
    let placed = "given e1: { type: order.placed, order: o1 }\n";
    assert_eq!(
        wrong(&format!(
            "{placed}  at 2s expect active ship(o1)\n  at 1s e2: {{ type: order.shipped, order: o1 }}"
        )),
        ["S1003 this step is earlier than the one above it"]
    );
    assert_eq!(
        wrong(&format!(
            "{placed}  at 2s expect active ship(o1)\n  at 2s e2: {{ type: order.shipped, order: o1 }}"
        )),
        ["S1003 this step stands below an expectation of the same instant"]
    );
    // Which of the two is longer depends on the month.
    let months =
        format!("{placed}  at 30d expect lapsed ship(o1)\n  at 1mo expect lapsed ship(o1)");
    assert_eq!(wrong(&months), Vec::<String>::new());
}

#[test]
fn names_that_nothing_has_are_told_with_the_likely_one() {
    let text = "scenario \"s\" {\n  given e1: { type: ordr.placed, order: o1, ordr: x, kynd: y }\n  at 1s e2: { type: order.shiped, ordre: o1, actor: agnt }\n  at 2s expect gapp ship(o1)\n  at 3s expect gap shipp(o1)\n}\n";
    let loaded = loaded(text);
    let help: Vec<(String, String)> = loaded
        .diagnostics
        .iter()
        .filter(|found| found.severity <= Severity::Warning)
        .map(|found| (found.code.to_string(), found.help.clone().unwrap_or_default()))
        .collect();
    let mean = |code: &str, name: &str| (code.to_owned(), format!("did you mean `{name}`?"));
    assert_eq!(
        help,
        [
            mean("S1002", "order.placed"),
            mean("S1008", "agent"),
            mean("S1009", "gap"),
            mean("S1001", "ship"),
        ],
        "at most one error a line, and no warning beside it"
    );
    assert_eq!(
        wrong("given e1: { type: order.shiped, ordr: o1 }\n  at 1s expect no gap ship(o1)"),
        [
            "S1002 nothing in this spec names an event `order.shiped`",
            "S1008 nothing in this spec reads a field `ordr`",
        ]
    );
}

#[test]
fn names_stand_for_one_thing_and_a_start_is_an_instant() {
    let e1 = "given e1: { type: order.placed, order: o1 }\n";
    let expect = "  at 1s expect active ship(o1)\n";
    let loaded = loaded(&format!(
        "scenario \"s\" {{\n{e1}{expect}}}\nscenario \"s\" {{\n{e1}  {e1}{expect}}}\n"
    ));
    assert_eq!(
        said(&loaded),
        ["S1006 there are two scenarios named `s`", "S1006 there are two events named `e1`",]
    );
    assert_eq!(
        wrong(&format!("start: \"noon\"\n{e1}{expect}")),
        ["S0202 expected an instant in quotes for `start`, found `\"noon\"`"]
    );
    assert_eq!(
        wrong(&format!(
            "start: \"2026-01-01T00:00:00Z\"\nstart: \"2026-01-02T00:00:00Z\"\n{e1}{expect}"
        )),
        ["S0904 `start` is set twice"]
    );
    assert_eq!(wrong(e1), ["S1007 scenario `s` expects nothing, so it cannot fail"]);
}

#[test]
fn a_scenario_is_no_part_of_a_spec_s_version() {
    let version = |scenarios: &str| loaded(scenarios).spec.hash;
    let story = "scenario \"s\" {\n  given e1: { type: order.placed, order: o1 }\n  at 1s expect active ship(o1)\n}\n";
    assert_eq!(version(""), version(story));
    assert_ne!(version(""), version("event order.packed\n"));
    let other = |text: &str| load(&[Source { name: String::new(), text: text.to_owned() }]);
    assert_eq!(
        other(&format!("system \"x\" {{ event a.b }}\n{story}")).spec.hash,
        other("system \"x\" { event a.b }").spec.hash
    );
    // A file that holds nothing but scenarios adds nothing.
    let spec = Source { name: "a".to_owned(), text: ORDERS.to_owned() };
    let stories = Source { name: "b".to_owned(), text: story.to_owned() };
    let both = load(&[spec, stories]);
    assert_eq!(both.spec.hash, version(""));
    assert_eq!(both.spec.scenarios.len(), 1);
    let _ = both.spec.scenarios.first().unwrap();
}
