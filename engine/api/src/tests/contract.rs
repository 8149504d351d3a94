//! The contract: how it stands, what is reported of it, and by whom it may not be.

use serde_json::{Value, json};

use super::house::{House, SPEC};
use crate::wire::{Finding, PropositionKind, Verdict};

const CONTRACT: &str = r#"
    invariant event_log_intact
    invariant nobody_looks
    invariant backups_restore { check: "./restore --all" }
    invariant no_dark_patterns { review: human }
    capability sell { property: fair unless no_dark_patterns }
"#;

async fn house() -> House {
    let (body, end) = SPEC.rsplit_once('}').unwrap();
    House::open_with(&format!("{body}{CONTRACT}}}{end}")).await
}

async fn said(house: &House, name: &str, finding: &Value) -> (u16, Value) {
    let body = finding.to_string().into_bytes();
    let answer = house.post(&format!("/v1/checks/{name}"), "application/json", &body).await;
    (answer.status, answer.json())
}

async fn line(house: &House, name: &str) -> Value {
    let contract = house.get("/v1/contract").await.json();
    let lines = contract["propositions"].as_array().unwrap();
    lines.iter().find(|it| it["name"] == name).unwrap().clone()
}

#[tokio::test(start_paused = true)]
async fn the_contract_tells_who_judges_what_and_how_it_stands() {
    let house = house().await;
    let contract = house.get("/v1/contract").await.json();
    let told: Vec<(&str, &str, &str)> = contract["propositions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| {
            let of = |name: &str| it[name].as_str().unwrap();
            (of("name"), it["judge"]["kind"].as_str().unwrap(), of("verdict"))
        })
        .collect();
    assert_eq!(
        told,
        [
            ("event_log_intact", "engine", "undetermined"),
            ("nobody_looks", "nobody", "undetermined"),
            ("backups_restore", "command", "undetermined"),
            ("no_dark_patterns", "person", "undetermined"),
            ("fair", "nobody", "undetermined"),
        ]
    );
    assert_eq!(line(&house, "backups_restore").await["judge"]["command"], "./restore --all");
    let excuse = json!({ "name": "no_dark_patterns", "judge": { "kind": "person" } });
    assert_eq!(line(&house, "fair").await["unless"], excuse);
}

#[tokio::test(start_paused = true)]
async fn a_finding_stands_in_the_log_and_opens_and_closes_a_gap() {
    let house = house().await;
    let no = json!({ "holds": false, "detail": "the button is hidden", "by": "maria" });
    let (status, answer) = said(&house, "no_dark_patterns", &no).await;
    assert_eq!((status, &answer["news"]), (200, &json!(true)), "{answer}");
    let found = line(&house, "no_dark_patterns").await;
    let gap = format!("no_dark_patterns@{}", answer["position"]);
    assert_eq!((&found["verdict"], &found["violation"]["gap"]), (&json!("violated"), &json!(gap)));
    assert_eq!(found["report"]["by"], "maria");
    house.pass("1s").await;
    let gaps = house.get("/v1/gaps?kind=consistency").await.json();
    assert_eq!(gaps["gaps"][0]["id"], json!(gap), "{gaps}");
    let unsure = json!({ "holds": null, "detail": "I could not log in", "by": "maria" });
    assert_eq!(said(&house, "no_dark_patterns", &unsure).await.0, 200);
    assert_eq!(line(&house, "no_dark_patterns").await["verdict"], "violated", "that mends nothing");
    let yes = json!({ "holds": true, "detail": "it is there now", "by": "maria" });
    assert_eq!(said(&house, "no_dark_patterns", &yes).await.0, 200);
    assert_eq!(line(&house, "fair").await["verdict"], "holds", "as its excuse does");
    house.pass("1s").await;
    assert_eq!(house.get("/v1/gaps").await.json()["matching"], 0);
}

#[tokio::test(start_paused = true)]
async fn what_is_not_theirs_or_no_finding_is_refused_and_says_why() {
    let house = house().await;
    let yes = json!({ "holds": true, "detail": "fine", "by": "maria" });
    let without = |field: &str| {
        let mut finding = yes.clone();
        finding.as_object_mut().unwrap().remove(field);
        finding
    };
    let with = |field: &str, value: Value| {
        let mut finding = yes.clone();
        finding[field] = value;
        finding
    };
    for (name, finding, status, code) in [
        ("event_log_intact", yes.clone(), 409, "not-yours"),
        ("nobody_looks", yes.clone(), 404, "no-such-check"),
        ("backups", yes.clone(), 404, "no-such-check"),
        ("backups_restore", without("holds"), 422, "invalid-finding"),
        ("backups_restore", without("by"), 422, "invalid-finding"),
        ("backups_restore", with("by", json!(" ")), 422, "invalid-finding"),
        ("backups_restore", with("holds", json!("yes")), 422, "invalid-finding"),
        ("backups_restore", with("detail", json!("")), 422, "invalid-finding"),
        ("backups_restore", with("why", json!("?")), 422, "invalid-finding"),
    ] {
        let (found, problem) = said(&house, name, &finding).await;
        assert_eq!(
            (found, &problem["code"]),
            (status, &json!(code)),
            "{name} {finding}: {problem}"
        );
        assert!(problem["help"].is_string() || problem["field"].is_string(), "{problem}");
    }
    let (_, problem) = said(&house, "backups", &yes).await;
    let detail = problem["detail"].as_str().unwrap();
    assert!(detail.contains("`backups_restore`, `no_dark_patterns`"), "{detail}");
}

#[tokio::test(start_paused = true)]
async fn the_client_reads_the_contract_and_reports() {
    let house = house().await;
    let mut client = house.client();
    let contract = client.contract().await.unwrap();
    let [first, ..] = contract.propositions.as_slice() else { panic!("expected propositions") };
    assert_eq!((first.kind, first.verdict), (PropositionKind::Invariant, Verdict::Undetermined));
    let finding = Finding {
        instance: None,
        holds: Some(true),
        detail: "restored 3 of 3".to_owned(),
        by: "cron".to_owned(),
    };
    assert!(client.report("backups_restore", &finding).await.unwrap().news);
    assert!(!client.report("backups_restore", &finding).await.unwrap().news);
}
