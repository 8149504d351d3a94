//! Lowering of the contract and of evolution: invariants, capabilities, bounds, policies.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests know their specs"
)]

use homeostat_intent::lowered::{
    Aggregate, Backfill, Budget, Checker, Comparison, Goal, Invariant, Length, Proposition, Spec,
};
use homeostat_intent::{Loaded, Severity, Source, load};

fn loaded(text: &str) -> Loaded {
    load(&[Source { name: "test.intent".to_owned(), text: text.to_owned() }])
}

fn found(text: &str, severity: Severity) -> Vec<String> {
    let loaded = loaded(text);
    let found = loaded.diagnostics.iter().filter(|found| found.severity == severity);
    found.map(|found| format!("{} {}", found.code, found.message)).collect()
}

fn spec(text: &str) -> Spec {
    assert_eq!(found(text, Severity::Error), Vec::<String>::new(), "{text}");
    loaded(text).spec
}

fn metric(invariant: &Invariant) -> (&str, Aggregate, Comparison, f64) {
    let Proposition::Metric { metric, aggregate, op, bound } = &invariant.says else {
        panic!("{invariant:?}")
    };
    (metric, *aggregate, *op, *bound)
}

fn checkers(spec: &Spec) -> Vec<(&str, &Checker)> {
    let named = spec.invariants.iter().filter_map(|invariant| match &invariant.says {
        Proposition::Named(checker) => Some((invariant.slug.as_str(), checker)),
        Proposition::Metric { .. } => None,
    });
    named.collect()
}

#[test]
fn a_metric_is_bounded_in_plain_numbers() {
    let spec = spec(
        "threshold most: 12
         invariant response_time < 500ms
         invariant p95(response_time) <= 0.5
         invariant mean(response_time) <= 2m
         invariant median(cost) < $3.50
         invariant uptime >= 99%
         invariant queue is not 3
         invariant http.latency > -5
         invariant queue_length < threshold.most",
    );
    let seen: Vec<_> = spec.invariants.iter().map(metric).collect();
    assert_eq!(
        seen,
        [
            ("response_time", Aggregate::Each, Comparison::Less, 0.5),
            ("response_time", Aggregate::Percentile(95), Comparison::LessOrEqual, 0.5),
            ("response_time", Aggregate::Mean, Comparison::LessOrEqual, 120.0),
            ("cost", Aggregate::Percentile(50), Comparison::Less, 3.5),
            ("uptime", Aggregate::Each, Comparison::GreaterOrEqual, 0.99),
            ("queue", Aggregate::Each, Comparison::NotEqual, 3.0),
            ("http.latency", Aggregate::Each, Comparison::Greater, -5.0),
            ("queue_length", Aggregate::Each, Comparison::Less, 12.0),
        ]
    );
    let slugs: Vec<&str> = spec.invariants.iter().map(|i| i.slug.as_str()).collect();
    assert_eq!(
        slugs,
        [
            "response_time",
            "p95_response_time",
            "mean_response_time",
            "p50_cost",
            "uptime",
            "queue",
            "http_latency",
            "queue_length"
        ]
    );
    assert_eq!(spec.invariants[1].text, "p95(response_time) <= 0.5");
}

#[test]
fn a_metric_is_sampled_by_what_is_declared_or_by_any_of_its_names() {
    let spec = spec(
        "event http.served
         event queue_sampled
         metric response_time from http.served | rpc.served { duration, took }
         metric load from probe.made
         invariant response_time < 500ms
         invariant load < 4
         invariant queue < 100
         invariant heat < 90",
    );
    let seen: Vec<(&str, Vec<&str>, Vec<&str>)> = (spec.metrics.iter())
        .map(|metric| {
            let all = |list: &'static str, from: &[String]| {
                assert!(!from.is_empty(), "{list}");
            };
            all("samples", &metric.samples);
            (
                metric.name.as_str(),
                metric.samples.iter().map(String::as_str).collect(),
                metric.fields.iter().map(String::as_str).collect(),
            )
        })
        .collect();
    assert_eq!(
        seen,
        [
            ("response_time", vec!["http.served", "rpc.served"], vec!["duration", "took"]),
            ("load", vec!["probe.made"], vec!["load", "value"]),
            ("queue", vec!["queue_sampled"], vec!["queue", "value"]),
            ("heat", vec!["heat.sampled"], vec!["heat", "value"]),
        ]
    );
    let aliases =
        |name: &str| spec.events.iter().find(|event| event.name == name).unwrap().aliases.clone();
    assert_eq!(aliases("heat.sampled"), ["heat", "heat_sampled", "heat.measured", "heat_measured"]);
    assert_eq!(
        aliases("queue_sampled"),
        ["queue.sampled", "queue", "queue.measured", "queue_measured"]
    );
}

#[test]
fn a_proposition_is_bound_to_whoever_checks_it() {
    let spec = spec(
        "entity contact { has: consent rule: deletion_means_crypto_shred rule: reachable rule: tidy }
         always {
           assert consented: every(contact) has consent
           assert tidy: every(contact) has consent
         }
         invariant consented
         invariant deletion_means_crypto_shred
         invariant customer_data_never_lost
         invariant no_spam { review: human }
         invariant auth_required { check: \"./check-auth\" }
         invariant explainable",
    );
    let command = Checker::Command("./check-auth".to_owned());
    let assertion = |slug: &str| Checker::Assertion(slug.to_owned());
    assert_eq!(
        checkers(&spec),
        [
            ("consented", &assertion("consented")),
            ("deletion_means_crypto_shred", &assertion("deletion_means_crypto_shred")),
            ("customer_data_never_lost", &Checker::BuiltIn("customer_data_never_lost".to_owned())),
            ("no_spam", &Checker::Review),
            ("auth_required", &command),
            ("explainable", &Checker::Unbound),
            // A rule of an entity that nothing says otherwise.
            ("reachable", &Checker::Unbound),
        ]
    );
    assert_eq!(spec.invariants[6].text, "rule: reachable");
}

#[test]
fn what_nobody_checks_is_said() {
    let said = found(
        "entity a { rule: timestamp_never_in_futur }
         invariant contact_requires_consent
         capability c { property: p property: p unless q property: r unless s }
         invariant s { review: human }",
        Severity::Warning,
    );
    let expected = [
        "S0701 rule `timestamp_never_in_futur` is checked by nobody, so it never counts as kept",
        "S0701 invariant `contact_requires_consent` is checked by nobody, so it never counts as kept",
        "S0701 property `p` is checked by nobody, so it never counts as kept",
        "S0701 property `p` is checked by nobody, so it never counts as kept",
    ];
    assert_eq!(said, expected);
}

#[test]
fn a_capability_keeps_its_names_and_knows_who_checks_its_properties() {
    let spec = spec(
        "entity order
         event order.placed
         event engagement.updated
         measure engagement(order) from engagement.updated { score }
         action charge(order) { satisfied_by: order.paid }
         action rate(order) { satisfied_by: engagement.updated }
         when order.placed { must: charge(order) must: rate(order) }
         invariant works_offline { check: \"./offline\" }
         capability sell {
           accepts: order.placed, \"Order placed\"
           produces: order_paid, engagement_score
           property: works_offline
           property: data_stays unless compliance_allows
         }",
    );
    let sell = &spec.capabilities[0];
    assert_eq!(sell.accepts, ["order.placed", "Order placed"]);
    assert_eq!(sell.produces, ["order_paid", "engagement_score"]);
    assert_eq!(sell.properties[0].checker, Checker::Command("./offline".to_owned()));
    assert_eq!(sell.properties[1].name, "data_stays");
    assert_eq!(sell.properties[1].unless, Some(("compliance_allows".to_owned(), Checker::Unbound)));
}

#[test]
fn what_a_capability_takes_and_gives_is_held_against_the_blocks() {
    let said = found(
        "entity order event order.placed event order.moved event order.gone
         action charge(order) { satisfied_by: order.paid }
         when order.placed { must: charge(order) }
         capability sell {
           accepts: order.placed
           accepts: order.moved
           produces: order.paid
           produces: order.gone
         }",
        Severity::Warning,
    );
    assert_eq!(
        said,
        [
            "S0504 `order.moved` is accepted, and nothing follows from it",
            "S0505 `order.gone` is produced, and no duty brings it about",
        ]
    );
}

#[test]
fn bounds_say_what_is_best() {
    let spec = spec(
        "optimise cost within budget($200/month)
         optimise latency minimise
         optimize throughput maximize
         optimise accessibility WCAG_AA",
    );
    let goals: Vec<(&str, &Goal)> =
        spec.targets.iter().map(|target| (target.metric.as_str(), &target.goal)).collect();
    let month = Length { months: 1, micros: 0 };
    let budget = Budget { micro_dollars: 200_000_000, per: month };
    assert_eq!(
        goals,
        [
            ("cost", &Goal::Budget(budget)),
            ("latency", &Goal::Minimise),
            ("throughput", &Goal::Maximise),
            ("accessibility", &Goal::Level("WCAG_AA".to_owned())),
        ]
    );
    // What a person judges is not sampled.
    let metrics: Vec<&str> = spec.metrics.iter().map(|metric| metric.name.as_str()).collect();
    assert_eq!(metrics, ["cost", "latency", "throughput"]);
    assert_eq!(spec.limits.total_compute_budget, Some(budget));
    assert_eq!(spec.targets[0].text, "cost within budget($200/month)");
    assert_eq!(spec.targets[0].slug, "optimise_cost");
}

#[test]
fn a_budget_of_the_breakers_own_stays() {
    let text = "total_compute_budget: $20/hour optimise cost within budget($200/month)";
    let own = spec(text).limits.total_compute_budget.unwrap();
    assert_eq!(own.micro_dollars, 20_000_000);
    let other = spec("optimise hosting within budget($200/month)");
    assert_eq!(other.limits.total_compute_budget, None);
}

#[test]
fn what_is_no_contract_is_said() {
    let cases = [
        ("invariant p0(m) < 3", "S0202"),
        ("invariant p101(m) < 3", "S0202"),
        ("invariant p95() < 3", "S0202"),
        ("invariant m < fast", "S0202"),
        ("invariant m < 1mo", "S0202"),
        ("invariant m < $X", "S0902"),
        ("invariant 3 < m", "S0202"),
        ("invariant a AND b", "S0202"),
        ("entity a { has: b } invariant a.b < 3", "S0202"),
        ("invariant m < 3 { review: human }", "S0202"),
        ("invariant x { review: machine }", "S0202"),
        ("invariant x { check: tests }", "S0202"),
        ("invariant x { chek: \"tests\" }", "S0103"),
        ("invariant x { check: \"a\"\n review: human }", "S0904"),
        ("invariant x { review: human }\ninvariant x", "S0104"),
        ("capability c { accept: a.b }", "S0103"),
        ("capability c { property: 3 }", "S0202"),
        ("capability c\ncapability c", "S0104"),
        ("optimise latency", "S0202"),
        ("optimise cost within 200ms", "S0202"),
        ("optimise cost within budget($200)", "S0202"),
        ("optimise cost within budget(200)", "S0202"),
        ("metric m from a.b\nmetric m from a.c", "S0104"),
    ];
    for (text, expected) in cases {
        let found = found(text, Severity::Error);
        assert!(found.len() == 1 && found[0].starts_with(expected), "{text}: {found:?}");
    }
    assert!(found("optimise cost within budget($X/month)", Severity::Warning)[0].contains("`$X`"));
}

#[test]
fn no_clause_is_called_what_the_engine_calls_a_gap_of_its_own() {
    let declared = "entity order { has: total }\nevent order.placed\n";
    let placed = |body: &str| format!("{declared}when order.placed {{ {body} }}");
    let cases = [
        placed("must: backfill(order)"),
        placed("must backfill: ship(order)"),
        placed("must: ship(order) within: 1h fallback: backfill(order)"),
        format!("{declared}always {{ assert backfill: every(order) has total }}"),
        format!(
            "{declared}always {{ assert backfill: every(order) has total }} invariant backfill"
        ),
        "invariant backfill { review: human }".to_owned(),
        "invariant backfill < 3".to_owned(),
    ];
    for text in cases {
        let found = found(&text, Severity::Error);
        assert!(found.len() == 1 && found[0].starts_with("S0115"), "{text}: {found:?}");
    }
    // Only the name itself means another gap.
    assert_eq!(found(&placed("must: backfill_orders(order)"), Severity::Error), [""; 0]);
}

#[test]
fn what_cannot_be_kept_together_is_said_once() {
    let cases = [
        ("invariant m < 5\ninvariant m > 9", 1),
        ("invariant p95(m) < 5\ninvariant p95(m) > 9", 1),
        ("invariant m < 5\ninvariant mean(m) > 9", 1),
        ("invariant p50(m) < 5\ninvariant p95(m) > 9", 0),
        ("invariant m < 5\ninvariant m <= 4\ninvariant m > 4", 1),
        ("invariant m < 5\ninvariant n > 9", 0),
        ("entity a { has: b }\nalways {\nassert: a.b < 5\nassert: a.b > 9\n}", 1),
        ("entity a { has: b }\nalways {\nassert: a.b < 5\nassert: no(a.b) < 5\n}", 1),
        ("entity a { has: b, c }\nalways {\nassert: every(a.b) < 5\nassert: every(a.c) > 9\n}", 0),
        ("entity a { has: b rule: b < 5 }\nalways {\nassert: a.b > 9\n}", 1),
    ];
    for (text, expected) in cases {
        let found = found(text, Severity::Error);
        let clashes = found.iter().filter(|found| found.starts_with("S0703")).count();
        assert_eq!((clashes, found.len()), (expected, expected), "{text}: {found:?}");
    }
}

#[test]
fn what_nothing_can_violate_is_said() {
    let head = "entity a { has: b, cs[] } entity c { belongs_to: a }\n";
    let vacuous = [
        "count(c) >= 0",
        "a.cs.count > -1",
        "NOT count(c) < 0",
        "a.b < 3 OR a.cs.count >= 0",
        "a exists",
        "no(a.cs) < 0 for > 3h",
        "no(a.cs) < 0",
    ];
    for text in vacuous {
        let found = found(&format!("{head}always {{\nassert: {text}\n}}"), Severity::Error);
        assert!(found.len() == 1 && found[0].starts_with("S0702"), "{text}: {found:?}");
    }
    for text in ["count(c) > 0", "a.cs.count < 5", "no(a) is b", "a.b exists"] {
        assert_eq!(found(&format!("{head}always {{ assert: {text} }}"), Severity::Error).len(), 0);
    }
}

#[test]
fn a_policy_says_what_a_new_version_does_about_old_events() {
    let policy = |text: &str| spec(text).backfill;
    assert_eq!(policy(""), Backfill::HumanDecision);
    assert_eq!(policy("backfill_policy: prospective_only"), Backfill::ProspectiveOnly);
    let block = "when intent.evolved { backfill_policy: sequential } max_backfill_in_flight: 3";
    assert_eq!(policy(block), Backfill::Sequential);
    assert_eq!(spec(block).limits.max_backfill_in_flight, 3);
    assert_eq!(spec(block).blocks.len(), 0);
    let cases = [
        ("backfill_policy: all", "S0801"),
        ("when intent.evolved { backfill_policy: sequential | human_decision }", "S0801"),
        (
            "backfill_policy: sequential\nwhen intent.evolved { backfill_policy: sequential }",
            "S0802",
        ),
        ("when intent.evolved { must: announce }", "S0007"),
        ("when intent.evolved { policy: sequential }", "S0103"),
        ("when intent.adopted { backfill_policy: sequential }", "S0007"),
        ("limits { max_backfill_in_flight: 0 }", "S0903"),
        ("limits { backfill_policy: sequential }", "S0103"),
    ];
    for (text, expected) in cases {
        let found = found(text, Severity::Error);
        assert!(found.len() == 1 && found[0].starts_with(expected), "{text}: {found:?}");
    }
}

#[test]
fn a_zone_that_does_not_exist_is_an_error() {
    for zone in ["UTC", "Europe/London", "America/Argentina/Buenos_Aires"] {
        assert_eq!(spec(&format!("time_zone: \"{zone}\"")).time_zone.as_deref(), Some(zone));
    }
    let help = |zone: &str| {
        let loaded = loaded(&format!("time_zone: \"{zone}\""));
        assert_eq!(loaded.diagnostics[0].code.as_str(), "S0308");
        loaded.diagnostics[0].help.clone().unwrap()
    };
    assert_eq!(help("Europe/Lodnon"), "did you mean `\"Europe/London\"`?");
    assert_eq!(help("New York"), "did you mean `\"America/New_York\"`?");
    assert!(help("nowhere").starts_with("write for example"));
}
