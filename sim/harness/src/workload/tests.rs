//! What traffic written from specs looks like, and that agents written for them can be spawned.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeSet;

use homeostat_agents::AgentsFile;
use homeostat_intent::Source;
use homeostat_intent::lowered::Performer;
use homeostat_log::Kind;

use super::*;
use crate::plan::{Action, PlannedEvent};

fn load(texts: &[&str]) -> Spec {
    let source = |text: &&str| Source { name: "x.intent".to_owned(), text: (*text).to_owned() };
    let loaded = homeostat_intent::load(&texts.iter().map(source).collect::<Vec<_>>());
    assert!(!loaded.has_errors(), "{:?}", loaded.diagnostics);
    loaded.spec
}

fn crm() -> Spec {
    load(&[
        include_str!("../../../../scenarios/specs/crm/customer_platform.intent"),
        include_str!("../../../../scenarios/specs/crm/declarations.intent"),
    ])
}

fn specs() -> Vec<Spec> {
    vec![
        crm(),
        load(&[include_str!("../../../../scenarios/specs/claims/domestic.intent")]),
        load(&[include_str!("../../../../scenarios/specs/claims/international.intent")]),
        load(&[include_str!("../../../../scenarios/specs/permits/receipt.intent")]),
        load(&["when a.created { must: b(a)\n within: 5s }"]),
        load(&["entity a"]),
    ]
}

fn wants(load: Load) -> Wants {
    let start = homeostat_world::Timestamp::from_micros(1_772_442_000_000_000);
    Wants { start, active: Duration::from_secs(60), clients: 3, events: 40, load, people: true }
}

const ALL: Load =
    Load { duplicates: true, shuffled: true, late: true, bursts: true, hot_key: true, huge: true };

fn events(steps: &[Step]) -> Vec<PlannedEvent> {
    let of = |step: &Step| match &step.action {
        Action::Append { events, .. } => events.clone(),
        _ => Vec::new(),
    };
    steps.iter().flat_map(of).collect()
}

#[test]
fn the_same_seed_gives_the_same_traffic_and_another_gives_another() {
    for spec in specs() {
        let write = |seed| steps(&spec, &wants(ALL), &Chance::from_u64(seed));
        assert_eq!(write(1), write(1));
        assert_ne!(write(1), write(2));
    }
}

#[test]
fn as_many_events_are_sent_as_are_wanted_each_within_the_run() {
    for spec in specs() {
        for seed in 0..20 {
            let quiet = steps(&spec, &wants(Load::default()), &Chance::from_u64(seed));
            assert_eq!(events(&quiet).len(), 40);
            let ids: BTreeSet<String> = events(&quiet).into_iter().map(|it| it.id).collect();
            assert_eq!(ids.len(), 40);
            let loud = steps(&spec, &wants(ALL), &Chance::from_u64(seed));
            for step in quiet.iter().chain(&loud) {
                assert!(step.at >= Duration::ZERO && step.at <= Duration::from_secs(60));
                assert!((1..=3).contains(&step.client));
            }
            assert!(loud.is_sorted_by_key(|step| step.at));
        }
    }
}

#[test]
fn deadlines_are_just_met_and_just_missed_even_those_longer_than_the_run() {
    let spec = load(&[include_str!("../../../../scenarios/specs/permits/receipt.intent")]);
    // Confirmations are owed within a week; the run lasts a minute.
    let week = Duration::from_secs(7 * 86_400).as_micros();
    let mut found = BTreeSet::new();
    for seed in 0..40 {
        let all = events(&steps(&spec, &wants(Load::default()), &Chance::from_u64(seed)));
        let triggers = ["application.confirmed", "Confirmation of receipt"];
        let answers =
            ["application.confirmation_sent", "T05 Print and send confirmation of receipt"];
        for trigger in all.iter().filter(|it| triggers.contains(&it.r#type.as_str())) {
            for answer in all.iter().filter(|it| answers.contains(&it.r#type.as_str())) {
                let (Some(from), Some(to)) = (trigger.time, answer.time) else { continue };
                if trigger.data.get("application") == answer.data.get("application") {
                    found.insert(to.as_micros() - from.as_micros() - week);
                }
            }
        }
    }
    assert!(found.contains(&0), "none is exactly due");
    assert!(found.contains(&1), "none is one microsecond late");
    assert!(found.iter().any(|by| *by < -1) && found.iter().any(|by| *by > 1));
}

#[test]
fn every_duty_of_the_crm_is_asked_for_and_answered_by_somebody_in_some_run() {
    let spec = crm();
    let mut types = BTreeSet::new();
    for seed in 0..60 {
        let all = events(&steps(&spec, &wants(Load::default()), &Chance::from_u64(seed)));
        types.extend(all.into_iter().map(|event| event.r#type));
    }
    let known_as = |name: &str| {
        let event = spec.events.iter().find(|event| event.name == name);
        let aliases = event.map(|event| event.aliases.clone()).unwrap_or_default();
        std::iter::once(name.to_owned()).chain(aliases).collect::<Vec<_>>()
    };
    let seen = |name: &String| known_as(name).iter().any(|name| types.contains(name));
    let told_of = |entity: &str| {
        let prefix = format!("{entity}.");
        types.iter().any(|name| name.starts_with(&prefix))
    };
    for block in &spec.blocks {
        match block.trigger.bound() {
            // What lasts, and what the calendar asks of an instance, needs the instance.
            Some(entity) => assert!(told_of(entity), "{entity}"),
            None if block.trigger.is_periodic() => {}
            None => {
                assert!(block.trigger.events().iter().any(seen), "{:?}", block.trigger.events())
            }
        }
    }
    for entity in spec.assertions.iter().filter_map(|assertion| assertion.over.as_deref()) {
        assert!(told_of(entity), "{entity}");
    }
    for duty in spec.duties() {
        assert!(duty.satisfied_by.iter().any(seen), "{}", duty.slug);
    }
}

#[test]
fn a_measure_is_on_both_sides_of_its_threshold_and_on_it() {
    let spec = crm();
    let all = events(&steps(&spec, &wants(Load::default()), &Chance::from_u64(3)));
    let mut more = all;
    for seed in 4..100 {
        more.extend(events(&steps(&spec, &wants(Load::default()), &Chance::from_u64(seed))));
    }
    let trends: Vec<f64> =
        more.iter().filter_map(|event| event.data.get("trend")?.as_f64()).collect();
    for level in [45.0, 20.0] {
        assert!(trends.contains(&level));
        assert!(trends.contains(&(level + 0.001)) && trends.contains(&(level - 0.001)));
    }
}

#[test]
fn what_is_sent_again_is_sent_by_the_same_client_with_the_same_content() {
    let spec = crm();
    let (mut at_once, mut later, mut more) = (0, 0, 0);
    for seed in 0..20 {
        let all = steps(&spec, &wants(ALL), &Chance::from_u64(seed));
        let mut known: std::collections::BTreeMap<String, (u32, PlannedEvent)> = Default::default();
        for step in &all {
            let Action::Append { events, times } = &step.action else { continue };
            at_once += u32::from(*times > 1);
            for event in events {
                let mut event = event.clone();
                more += u32::from(event.data.remove(super::arrival::SAYS_MORE).is_some());
                let now = (step.client, event.clone());
                if let Some(before) = known.insert(event.id.clone(), now.clone()) {
                    assert_eq!(before, now);
                    assert!(event.time.is_some());
                    later += 1;
                }
            }
        }
    }
    assert!(
        at_once > 0 && later > more && more > 0,
        "{at_once} at once, {later} later, {more} say more"
    );
}

#[test]
fn agents_can_be_spawned_for_everything_that_agents_do() {
    for spec in specs() {
        let text = agents_file(&spec, &Chance::from_u64(1), false);
        let file = AgentsFile::parse(&text).unwrap();
        for duty in spec.duties().filter(|duty| duty.by != Performer::Human) {
            assert!(file.member_for(&duty.action).is_some(), "{}", duty.action);
        }
    }
}

#[test]
fn every_deed_is_done_by_some_agent_of_some_seed_and_every_file_is_accepted() {
    let spec = crm();
    let mut all = String::new();
    for seed in 0..100 {
        let text = agents_file(&spec, &Chance::from_u64(seed), true);
        AgentsFile::parse(&text).unwrap_or_else(|errors| unreachable!("{errors}\n{text}"));
        all += &text;
    }
    for deed in [
        "resolve",
        "fail",
        "stall",
        "silent",
        "crash",
        "garbage",
        "wrong_key",
        "forbidden_type",
        "overspend",
        "needs_human",
        "lie",
        "forge",
        "smuggle",
        "echo",
        "hoard",
        "contradict",
        "leak",
        "late",
        "may_append",
        "cost_max = ",
    ] {
        assert!(all.contains(deed), "{deed}");
    }
}

#[test]
fn what_has_to_last_ends_in_its_last_microsecond_and_just_before_and_after_and_never() {
    let spec = load(&["entity alert { state open: from created until closed }\n\
        when alert.open for 10s { must: shout(alert) }"]);
    let mut found = BTreeSet::new();
    let mut never = 0;
    for seed in 0..40 {
        let all = events(&steps(&spec, &wants(Load::default()), &Chance::from_u64(seed)));
        for begun in all.iter().filter(|event| event.r#type == "alert.created") {
            let own = |event: &&PlannedEvent| {
                event.r#type == "alert.closed" && event.data.get("alert") == begun.data.get("alert")
            };
            let ends: Vec<_> = all.iter().filter(own).collect();
            never += u32::from(ends.is_empty());
            for end in ends {
                let (Some(from), Some(to)) = (begun.time, end.time) else { continue };
                found.insert(to.as_micros() - from.as_micros() - 10_000_000);
            }
        }
    }
    assert!(never > 0, "all end");
    for by in [-1, 0, 1] {
        assert!(found.contains(&by), "none ends {by} microseconds after it has lasted");
    }
}

#[test]
fn instances_are_erased_and_what_is_inferred_names_an_event_that_is_there() {
    let spec = crm();
    let (mut erased, mut inferred, mut ahead) = (0, 0, 0);
    for seed in 0..20 {
        let all = events(&steps(&spec, &wants(Load::default()), &Chance::from_u64(seed)));
        let ids: BTreeSet<&String> = all.iter().map(|event| &event.id).collect();
        for event in &all {
            erased += u32::from(event.kind == Kind::Tombstone);
            if event.kind == Kind::Enrichment {
                inferred += 1;
                assert!(event.enriches.as_ref().is_some_and(|of| ids.contains(of)), "{event:?}");
                assert!(event.link("clients").is_ok_and(|link| link.is_some()), "{event:?}");
            }
            ahead += u32::from(event.time.is_some_and(|it| it > Duration::from_secs(60)));
        }
    }
    assert!(erased > 10 && inferred > 10 && ahead > 0, "{erased} {inferred} {ahead}");
}

#[test]
fn another_version_asks_of_the_past_by_each_policy_and_lets_go_of_duties_now_and_then() {
    let text = include_str!("../../../../scenarios/specs/words/every_word.intent");
    let sources = [Source { name: "every_word.intent".to_owned(), text: text.to_owned() }];
    let spec = homeostat_intent::load(&sources).spec;
    let duties = |spec: &Spec| spec.duties().map(|duty| duty.slug.clone()).collect::<BTreeSet<_>>();
    let (mut policies, mut dropped) = (BTreeSet::new(), 0);
    for seed in 0..40 {
        let mut draw = Draw::new(&Chance::from_u64(seed), "versions");
        let (files, later) = super::later(&sources, &spec, &mut draw).unwrap();
        assert_eq!(homeostat_intent::load(&files).spec.hash, later.hash);
        assert!(duties(&later).contains("look_again"), "seed {seed}");
        policies.insert(format!("{:?}", later.backfill));
        dropped += u32::from(!duties(&later).is_superset(&duties(&spec)));
    }
    assert_eq!(policies.len(), 3, "{policies:?}");
    assert!(dropped > 0);
}
