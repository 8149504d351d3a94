//! Versions of the spec: looked at, adopted, refused.

use serde_json::{Value, json};

use super::house::{House, SPEC, created};
use crate::wire::{AdoptionRequest, Policy, SpecText};

/// With a duty that earlier interactions never had.
fn next(policy: &str) -> String {
    let duty = "must: acknowledge(interaction)";
    assert!(SPEC.contains(duty));
    let more = format!("must: check(interaction)\n    {duty}");
    let check = "action check(interaction) { satisfied_by: interaction.checked }";
    SPEC.replace(duty, &more).replace(
        "  when",
        &format!("  {check}\n  when intent.evolved {{ backfill_policy: {policy} }}\n  when"),
    )
}

fn body(text: &str, by: Option<&str>) -> Vec<u8> {
    let mut body = json!({ "sources": [{ "name": "next.intent", "text": text }] });
    if let Some(by) = by {
        body["by"] = json!(by);
    }
    body.to_string().into_bytes()
}

async fn posted(house: &House, path: &str, body: &[u8]) -> (u16, Value) {
    let answer = house.post(path, "application/json", body).await;
    (answer.status, answer.json())
}

#[tokio::test(start_paused = true)]
async fn a_version_is_looked_at_then_adopted_and_asks_the_past() {
    let house = House::open().await;
    for name in ["a", "b", "c"] {
        house.append(&created(name)).await;
    }
    let text = next("sequential");
    let (status, dry) = posted(&house, "/v1/intent?dry-run=true", &body(&text, None)).await;
    assert_eq!((status, &dry["retroactive"], &dry["position"]), (200, &json!(3), &Value::Null));
    let before = house.get("/v1/intent").await.json();
    assert_eq!(before["versions"].as_array().unwrap().len(), 1, "a dry run adopts nothing");
    assert_eq!(dry["from"], before["versions"][0]["hash"]);

    let (status, adopted) = posted(&house, "/v1/intent", &body(&text, Some("ada"))).await;
    assert_eq!((status, &adopted["changes"]["added"]), (200, &json!(1)), "{adopted}");
    assert!(adopted["text"].as_str().unwrap().contains("+ must: check(interaction)"));
    let after = house.get("/v1/intent").await.json();
    let version = &after["versions"][1];
    assert_eq!((&version["by"], &version["hash"]), (&json!("ada"), &adopted["to"]));
    assert_eq!((&version["backfill"]["total"], &version["left"]["check"]), (&json!(3), &json!(3)));
    house.pass("1s").await;
    let gaps = house.get("/v1/gaps?kind=intent").await.json();
    assert_eq!(gaps["matching"], json!(3), "{gaps}");
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_adopted_is_refused_and_says_why() {
    let house = House::open().await;
    let good = next("sequential");
    let twice = [good.as_str(), "\nwhen { must:"].concat();
    for (path, body, status, code) in [
        ("/v1/intent", body(&good, None), 422, "invalid-adoption"),
        ("/v1/intent", body(&good, Some("  ")), 422, "invalid-adoption"),
        ("/v1/intent", body(&twice, Some("ada")), 422, "invalid-spec"),
        ("/v1/intent?dry-run=true", body(&twice, None), 422, "invalid-spec"),
        ("/v1/intent", body(SPEC, Some("ada")), 409, "in-force"),
        ("/v1/intent", b"{\"sources\":[]}".to_vec(), 422, "invalid-adoption"),
        ("/v1/intent", b"{\"souces\":[]}".to_vec(), 422, "invalid-adoption"),
        ("/v1/intent", b"{".to_vec(), 400, "malformed-json"),
        ("/v1/intent?dry-run=perhaps", body(&good, None), 400, "bad-parameter"),
    ] {
        let (found, answer) = posted(&house, path, &body).await;
        assert_eq!((found, answer["code"].as_str().unwrap()), (status, code), "{answer}");
    }
    let mut client = house.client();
    let sources = vec![SpecText { name: "next.intent".to_owned(), text: good }];
    let stale =
        AdoptionRequest { sources, by: Some("ada".to_owned()), expected: Some("00".repeat(32)) };
    let refused = client.adopt(&stale).await.unwrap_err();
    let problem = refused.problem().unwrap();
    assert_eq!((problem.code.as_str(), &problem.expected), ("other-version", &stale.expected));
    assert_eq!(client.versions().await.unwrap().versions.len(), 1);
    let current = AdoptionRequest { expected: problem.found.clone(), ..stale };
    let adopted = client.adopt(&current).await.unwrap();
    assert_eq!((adopted.policy, adopted.retroactive), (Policy::Sequential, 0));
    assert!(adopted.position.is_some());
}

#[tokio::test(start_paused = true)]
async fn a_person_is_asked_about_the_past_and_says_backfill_or_waive() {
    let house = House::open().await;
    house.append(&created("a")).await;
    let (_, adopted) =
        posted(&house, "/v1/intent", &body(&next("human_decision"), Some("ada"))).await;
    house.pass("1s").await;
    let gap = format!("backfill@{}", adopted["position"]);
    let decision = |word: &str| {
        json!({ "decision": word, "by": "ada", "reason": "r" }).to_string().into_bytes()
    };
    let path = format!("/v1/gaps/{gap}/decision");
    let (status, refused) = posted(&house, &path, &decision("retry")).await;
    assert_eq!((status, refused["code"].as_str().unwrap()), (422, "invalid-decision"));
    let other = house.get("/v1/gaps?action=acknowledge").await.json();
    let other = format!("/v1/gaps/{}/decision", other["gaps"][0]["id"].as_str().unwrap());
    let (status, refused) = posted(&house, &other, &decision("backfill")).await;
    assert_eq!((status, refused["code"].as_str().unwrap()), (422, "invalid-decision"));
    let (status, _) = posted(&house, &path, &decision("backfill")).await;
    assert_eq!(status, 200);
    house.pass("1s").await;
    let gaps = house.get("/v1/gaps?action=check").await.json();
    assert_eq!(gaps["matching"], json!(1));
    assert_eq!(house.get(&format!("/v1/gaps/{gap}")).await.status, 404);
}
