//! Spawn, work, resolve, die.

use homeostat_log::{Actor, Confidence, Kind as EventKind, Link};
use homeostat_world::Position;

use super::*;

const GOOD: &str =
    r#"{"append":{"type":"interaction.acknowledged","data":{"interaction":"i1","by":"scribe"}}}"#;

#[test]
fn an_agent_is_told_all_that_it_is_held_to() {
    let desk = Desk::new(FILE);
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("../../../../snapshots/agents");
    settings.set_prepend_module_to_snapshot(false);
    settings.bind(|| insta::assert_json_snapshot!("brief", desk.brief));
    let text = serde_json::to_string(&desk.brief).unwrap();
    assert_eq!(serde_json::from_str::<Brief>(&text).unwrap(), desk.brief);
}

#[test]
fn what_an_agent_appends_carries_the_engines_envelope() {
    let mut desk = Desk::new(FILE);
    let Verdict::Ended { events, control } = desk.hear(&said(&[GOOD])) else {
        panic!("expected an end");
    };
    let event = events.first().unwrap();
    assert_eq!(event.id, "ack@41/1/1");
    assert_eq!(event.source, "homeostat/agent/scribe");
    assert_eq!(event.kind, EventKind::Primary);
    assert_eq!(event.time, now());
    assert_eq!(event.subject.as_deref(), Some("interaction/i1"));
    assert_eq!(event.cause.as_deref(), Some("ack@41"));
    assert_eq!(event.actor, Actor::Agent("ack@41/1".to_owned()));
    assert_eq!(event.depth, 2);
    let ended = Control::AgentEnded {
        agent: "ack@41/1".to_owned(),
        gap: "ack@41".to_owned(),
        ending: Ending::Resolved,
        reason: "appended `interaction.acknowledged`".to_owned(),
        cost: 10_000,
    };
    assert_eq!(control, ended);
    desk.agents.on_control(&control);
    assert_eq!(desk.agents.alive().count(), 0);
}

#[test]
fn a_follow_up_is_no_answer_so_it_names_no_cause() {
    let mut desk = Desk::new(FILE);
    let follow_up = append("follow_up.planned", &json!({ "interaction": "i9" }));
    let Verdict::Ended { events, .. } = desk.hear(&said(&[GOOD, &follow_up])) else {
        panic!("expected an end");
    };
    let causes: Vec<Option<&str>> = events.iter().map(|event| event.cause.as_deref()).collect();
    assert_eq!(causes, [Some("ack@41"), None]);
}

#[test]
fn a_claim_that_the_brief_does_not_allow_voids_all_of_them() {
    let large = append("interaction.acknowledged", &json!({ "interaction": "x".repeat(70_000) }));
    let many = vec![GOOD; 17];
    let cases: [(&[&str], &str); 10] = [
        (
            &[GOOD, &append("customer.deleted", &json!({}))],
            "may not append `customer.deleted`, expected `interaction.acknowledged` or `interaction.answered` or `follow_up.planned`",
        ),
        (
            &[&append("interaction.answered", &json!({ "interaction": "i2" }))],
            "`interaction` of `interaction.answered` is `i2`, expected `i1`",
        ),
        (
            &[&append("interaction.answered", &json!({ "interaction": "i2", "about": "i1" }))],
            "`interaction` of `interaction.answered` is `i2`, expected `i1`",
        ),
        (
            &[&append("interaction.answered", &json!({ "by": "me" }))],
            "`interaction.answered` has no `interaction` or `about`, expected `i1`",
        ),
        (
            &[&append("interaction.answered", &json!({ "about": "i1", "stars": 4 }))],
            "`stars` of `interaction.answered` is `4`, expected `5`",
        ),
        (&[&large], "`interaction.acknowledged` has 70018 bytes of data, expected at most 65536"),
        (&many, "claims more than 16 events"),
        (&[GOOD, r#"{"cost_usd":-1}"#], "line 2 has a cost of `-1`, expected dollars from 0"),
        (
            &[GOOD, r#"{"cost_usd":0.5}"#],
            "cost $0.510000, expected at most $0.100000, its `cost_max`",
        ),
        (&[], "ended without a claim"),
    ];
    for (lines, expected) in cases {
        let (ending, reason, _, events) = comes_to(lines);
        assert_eq!((ending, reason.as_str(), events), (Ending::Failed, expected, 0));
    }
}

/// A claim of an enrichment, with what is said of its source.
fn enriching(link: &str) -> String {
    format!(r#"{{"append":{{"type":"interaction.answered","data":{{"about":"i1"}},{link}}}}}"#)
}

#[test]
fn an_agent_enriches_what_its_brief_shows_and_says_how_sure_it_is() {
    for link in [r#""enriches":41,"confidence":0.95"#, r#""enriches":"41","confidence":"0.95""#] {
        let Verdict::Ended { events, .. } = Desk::new(FILE).hear(&said(&[&enriching(link)])) else {
            panic!("expected an end");
        };
        let event = events.first().unwrap();
        assert_eq!(event.kind, EventKind::Enrichment);
        let sure = Confidence::new(0.95).unwrap();
        assert_eq!(event.enriches.as_deref(), Some(&Link::to(Position::new(41), sure)));
        assert_eq!(event.subject.as_deref(), Some("interaction/i1"), "that of its source");
        assert_eq!(event.cause.as_deref(), Some("ack@41"));
        assert_eq!(event.depth, 2);
    }
}

#[test]
fn an_enrichment_that_a_brief_does_not_allow_voids_all_claims() {
    let cases = [
        (
            r#""enriches":40,"confidence":0.95"#,
            "`interaction.answered` enriches the event at position `40`, expected one of its brief's context",
        ),
        (r#""enriches":41"#, "`interaction.answered` has `enriches` and no `confidence`"),
        (r#""confidence":1"#, "`interaction.answered` has `confidence` and no `enriches`"),
    ];
    for (link, expected) in cases {
        let (ending, reason, _, events) = comes_to(&[GOOD, &enriching(link)]);
        assert_eq!((ending, reason.as_str(), events), (Ending::Failed, expected, 0));
    }
    for link in [r#""enriches":41,"confidence":1.5"#, r#""enriches":"e1","confidence":1"#] {
        let (ending, reason, ..) = comes_to(&[GOOD, &enriching(link)]);
        assert_eq!(ending, Ending::Failed);
        assert!(reason.starts_with("line 2 is no claim: `"), "{reason}");
    }
}

#[test]
fn data_that_is_no_object_is_refused() {
    let (ending, reason, ..) = comes_to(&[&append("follow_up.planned", &json!([1]))]);
    assert_eq!(ending, Ending::Failed);
    assert!(reason.starts_with("data of `follow_up.planned` cannot be kept"), "{reason}");
}

#[test]
fn an_agent_can_neither_back_date_nor_choose_its_envelope() {
    let future = r#"{"append":{"type":"interaction.answered","data":{"about":"i1"},"time":"2999-01-01T00:00:00Z"}}"#;
    let Verdict::Ended { events, .. } = Desk::new(FILE).hear(&said(&[future])) else {
        panic!("expected an end");
    };
    assert_eq!(events.first().unwrap().time, now());
    let forged =
        r#"{"append":{"type":"interaction.answered","data":{"about":"i1"},"actor":"human/ada"}}"#;
    let (ending, reason, ..) = comes_to(&[forged]);
    assert_eq!(ending, Ending::Failed);
    assert!(reason.contains("unknown field `actor`"), "{reason}");
}

#[test]
fn costs_add_up_and_are_never_charged_beyond_what_was_reserved() {
    let (_, _, cost, _) = comes_to(&[r#"{"cost_usd":0.02}"#, GOOD, r#"{"cost_usd":0.03}"#]);
    assert_eq!(cost, 60_000);
    let (_, _, cost, _) = comes_to(&[r#"{"cost_usd":1e300}"#, GOOD]);
    assert_eq!(cost, 10_000, "a claim that is not believed costs what any run costs");
    let (_, _, cost, _) = comes_to(&[r#"{"cost_usd":12}"#, GOOD]);
    assert_eq!(cost, 100_000);
}

#[test]
fn asking_for_a_person_appends_nothing_and_is_the_last_word() {
    let (ending, reason, _, events) =
        comes_to(&[GOOD, r#"{"needs_human":"two customers share that name"}"#, GOOD, "junk"]);
    assert_eq!((ending, events), (Ending::NeedsHuman, 0));
    assert_eq!(reason, "two customers share that name; 2 lines after its end were ignored");
}

#[test]
fn long_words_are_cut_between_characters() {
    let why = "é".repeat(400);
    let (_, reason, ..) = comes_to(&[&json!({ "failed": why }).to_string()]);
    assert!(reason.len() <= 512 && reason.ends_with("é…"), "{}", reason.len());
}

#[test]
fn an_agent_over_its_time_is_ended_and_killed_once() {
    let mut desk = Desk::new(FILE);
    let deadline = now() + Duration::from_secs(10);
    assert_eq!(desk.agents.next_deadline(), Some(deadline));
    assert!(desk.agents.expire(deadline - Duration::from_micros(1)).is_empty());
    let expired = desk.agents.expire(deadline);
    let [Expired { agent, control }] = expired.as_slice() else {
        panic!("expected one, found {expired:?}");
    };
    assert_eq!(agent, "ack@41/1");
    assert!(
        matches!(control, Control::AgentEnded { ending: Ending::TimedOut, cost: 100_000, .. }),
        "what it spent is not known, so all is charged: {control:?}"
    );
    assert!(desk.agents.expire(deadline).is_empty());
    assert_eq!(desk.agents.next_deadline(), None);
}

#[test]
fn a_claim_after_its_end_is_ignored_and_marked() {
    let mut desk = Desk::new(FILE);
    assert!(matches!(desk.hear(&said(&[GOOD])), Verdict::Ended { .. }));
    let Verdict::Late { agent, note } = desk.hear(&said(&[GOOD, GOOD])) else {
        panic!("it had ended");
    };
    assert_eq!((agent.as_str(), note.as_str()), ("ack@41/1", "came after its end: 2 lines, Done"));
    assert_eq!(desk.agents.stop("ack@41/1"), None);
    assert!(matches!(
        desk.agents.on_outcome("nobody@1/1", &said(&[GOOD]), now()),
        Verdict::Late { .. }
    ));
}

#[test]
fn an_agent_that_is_told_to_stop_ends_stopped() {
    let mut desk = Desk::new(FILE);
    let control = desk.agents.stop("ack@41/1").unwrap();
    assert!(matches!(control, Control::AgentEnded { ending: Ending::Stopped, .. }));
    desk.agents.on_control(&control);
    assert_eq!(desk.agents.alive().count(), 0);
}

#[test]
fn whoever_was_alive_when_the_engine_stopped_is_lost() {
    let desk = Desk::new(FILE);
    let bytes = desk.agents.checkpoint();
    let file = Arc::new(AgentsFile::parse(FILE).unwrap());
    let mut again = Agents::restore(file, &bytes).unwrap();
    assert_eq!(again.checkpoint(), bytes);
    assert_eq!(again.next_deadline(), None, "nobody waits for an agent of another life");
    assert!(matches!(again.on_outcome("ack@41/1", &said(&[GOOD]), now()), Verdict::Late { .. }));
    let lost = again.lost();
    assert!(matches!(
        lost.as_slice(),
        [Control::AgentEnded { ending: Ending::Lost, cost: 100_000, .. }]
    ));
    assert!(again.lost().is_empty(), "said once");
    lost.iter().for_each(|control| again.on_control(control));
    assert_eq!(again.alive().count(), 0);
}

#[test]
fn a_replay_of_the_log_gives_the_same_bytes() {
    let mut desk = Desk::new(FILE);
    let second = Order { gap: "ack@42".to_owned(), ..order() };
    let spawned = desk.agents.spawn(second, task(), now()).unwrap();
    let mut log = vec![desk_spawned(), spawned.control];
    desk.agents.on_control(log.last().unwrap());
    let Verdict::Ended { control, .. } = desk.hear(&said(&[GOOD])) else {
        panic!("expected an end");
    };
    desk.agents.on_control(&control);
    log.push(control);
    let mut replayed = Agents::new(Arc::new(AgentsFile::default()));
    log.iter().for_each(|control| replayed.on_control(control));
    assert_eq!(replayed.checkpoint(), desk.agents.checkpoint());
}

fn desk_spawned() -> Control {
    Control::AgentSpawned {
        agent: "ack@41/1".to_owned(),
        gap: "ack@41".to_owned(),
        attempt: 1,
        deadline: now() + Duration::from_secs(10),
        cost_max: 100_000,
    }
}

#[test]
fn events_that_the_log_refuses_fail_their_agent() {
    let mut desk = Desk::new(FILE);
    desk.hear(&said(&[GOOD]));
    let control = desk.agents.on_refusal("ack@41/1", "event `x` is stored already").unwrap();
    let Control::AgentEnded { ending, reason, .. } = control else { panic!("expected an end") };
    assert_eq!(ending, Ending::Failed);
    assert_eq!(reason, "the log refused its events: event `x` is stored already");
}

#[test]
fn an_action_that_nobody_does_spawns_nobody() {
    let mut agents = Agents::new(Arc::new(AgentsFile::default()));
    let error = agents.spawn(order(), task(), now()).unwrap_err().to_string();
    assert_eq!(
        error,
        "no agent is configured for `ack`; add one to the agents file, or `for = \"*\"`"
    );
    assert_eq!(agents.alive().count(), 0);
}

#[test]
fn the_examples_of_the_protocol_page_are_a_brief_and_claims() {
    let page = include_str!("../../protocol.md");
    let (_, rest) = page.split_once("```json\n").unwrap();
    let (brief, rest) = rest.split_once("```").unwrap();
    let brief: Brief = serde_json::from_str(brief).unwrap();
    assert_eq!(brief.protocol, PROTOCOL);
    let (_, rest) = rest.split_once("```jsonl\n").unwrap();
    let (claims, _) = rest.split_once("```").unwrap();
    let claims: Vec<Claim> =
        (1..).zip(claims.lines()).map(|(line, text)| Claim::read(text, line).unwrap()).collect();
    assert_eq!(claims.len(), 6, "each of the five names has an example, and so has an enrichment");
}

/// Lines that are claims, nearly claims, or noise.
#[derive(bolero::TypeGenerator, Clone, Debug)]
enum Line {
    Append { r#type: u8, key: u8, stars: u8, enriches: Option<bool> },
    Cost(f64),
    NeedsHuman,
    Failed,
    Note,
    Noise(String),
}

impl Line {
    fn text(&self) -> String {
        const TYPES: [&str; 6] = [
            "interaction.acknowledged",
            "interaction.answered",
            "follow_up.planned",
            "x",
            "gap.decided",
            "check.reported",
        ];
        match self {
            Self::Append { r#type, key, stars, enriches } => {
                let r#type = TYPES.iter().cycle().nth(usize::from(*r#type)).unwrap();
                let key = if key % 4 == 0 { "i2" } else { "i1" };
                let data = json!({ "interaction": key, "stars": 5 - u8::from(*stars == 0) });
                let mut claim = json!({ "append": { "type": r#type, "data": data } });
                if let Some(shown) = enriches {
                    claim["append"]["enriches"] = json!(if *shown { 41 } else { 40 });
                    claim["append"]["confidence"] = json!(0.5);
                }
                claim.to_string()
            }
            Self::Cost(cost) => json!({ "cost_usd": cost }).to_string(),
            Self::NeedsHuman => r#"{"needs_human":"why"}"#.to_owned(),
            Self::Failed => r#"{"failed":"why"}"#.to_owned(),
            Self::Note => r#"{"note":"what"}"#.to_owned(),
            Self::Noise(noise) => noise.clone(),
        }
    }
}

#[test]
fn whatever_an_agent_says_only_what_its_brief_allows_is_appended() {
    bolero::check!().with_type::<Vec<Line>>().with_iterations(2_000).for_each(|lines| {
        let mut desk = Desk::new(FILE);
        let lines = lines.iter().map(Line::text).collect();
        let verdict = desk.hear(&Outcome { lines, finish: Finish::Done });
        let Verdict::Ended { events, control } = verdict else { panic!("expected an end") };
        let Control::AgentEnded { ending, reason, cost, .. } = control else {
            panic!("expected an end");
        };
        assert!(cost <= 100_000 && reason.len() <= 512);
        assert_eq!(ending == Ending::Resolved, !events.is_empty());
        for event in events {
            let closes = event.r#type.starts_with("interaction.");
            assert!(closes || event.r#type == "follow_up.planned");
            assert_eq!(event.cause.is_some(), closes);
            let data = event.data.to_json();
            assert!(!closes || data["interaction"] == "i1" && data["stars"] == 5, "{data}");
            assert_eq!(event.depth, 2);
            let enriched = event.enriches.and_then(|link| link.position);
            assert!(enriched.is_none_or(|position| position.get() == 41), "only what it was shown");
            let inferred = event.kind == EventKind::Enrichment;
            assert_eq!(inferred, enriched.is_some());
            assert!(inferred || event.kind == EventKind::Primary, "{:?}", event.kind);
        }
    });
}
