//! Gaps and decisions.

use serde_json::json;

use super::house::{House, created};

async fn gap(house: &House, name: &str) -> String {
    let answer = house.append(&created(name)).await;
    let at = answer["events"][0]["position"].as_u64().unwrap();
    let page = house.get("/v1/gaps?limit=1000").await.json();
    let gaps = page["gaps"].as_array().unwrap();
    let of = |gap: &&serde_json::Value| gap["id"].as_str().unwrap().ends_with(&format!("@{at}"));
    gaps.iter().find(of).unwrap()["id"].as_str().unwrap().to_owned()
}

#[tokio::test(start_paused = true)]
async fn a_gap_is_listed_with_what_is_known_of_it() {
    let house = House::open().await;
    let id = gap(&house, "a").await;
    let one = house.get(&format!("/v1/gaps/{id}")).await.json();
    assert_eq!(one["id"], json!(id));
    assert_eq!(
        (one["action"].clone(), one["strength"].clone()),
        (json!("acknowledge"), json!("must"))
    );
    assert_eq!((one["kind"].clone(), one["overdue"].clone()), (json!("reaction"), json!(false)));
    let escaped = house.get(&format!("/v1/gaps/{}", id.replace('@', "%40"))).await.json();
    assert_eq!(escaped["id"], one["id"]);

    house.pass("6s").await;
    let one = house.get(&format!("/v1/gaps/{id}")).await.json();
    assert_eq!(one["overdue"], json!(true), "its deadline has passed");

    let done = created("a-ack").replace("interaction.created", "interaction.acknowledged");
    house.append(&done.replace("\"interaction\":\"a-ack\"", "\"interaction\":\"a\"")).await;
    house.pass("1s").await;
    let closed = house.get(&format!("/v1/gaps/{id}")).await;
    assert_eq!((closed.status, closed.code().as_str()), (404, "no-such-gap"));
}

#[tokio::test(start_paused = true)]
async fn gaps_are_filtered_and_paged() {
    let house = House::open().await;
    let mut ids = Vec::new();
    for name in ["a", "b", "c"] {
        ids.push(gap(&house, name).await);
    }
    let first = house.get("/v1/gaps?limit=2").await.json();
    assert_eq!(
        (first["gaps"].as_array().map(Vec::len), first["matching"].clone()),
        (Some(2), json!(3))
    );
    let next = first["next"].as_str().unwrap();
    let rest = house.get(&format!("/v1/gaps?limit=2&after={next}")).await.json();
    assert_eq!(rest["gaps"].as_array().map(Vec::len), Some(1));
    assert_eq!(rest.get("next"), None);
    let mut seen: Vec<_> = [&first, &rest]
        .iter()
        .flat_map(|page| page["gaps"].as_array().unwrap())
        .map(|gap| gap["id"].as_str().unwrap().to_owned())
        .collect();
    seen.sort();
    ids.sort();
    assert_eq!(seen, ids, "each gap once");

    for (query, count) in [
        ("strength=must", 3),
        ("strength=could", 0),
        ("kind=reaction&action=acknowledge", 3),
        ("action=else", 0),
        ("kind=temporal", 0),
    ] {
        let page = house.get(&format!("/v1/gaps?{query}")).await.json();
        assert_eq!(page["gaps"].as_array().map(Vec::len), Some(count), "{query}");
    }
    for (query, status, code) in [
        ("strength=hard", 400, "bad-parameter"),
        ("limit=none", 400, "bad-parameter"),
        ("state=open&state=open", 400, "bad-parameter"),
        ("after=acknowledge@999", 410, "cursor-gone"),
    ] {
        let heard = house.get(&format!("/v1/gaps?{query}")).await;
        assert_eq!((heard.status, heard.code().as_str()), (status, code), "{query}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_person_decides_about_a_gap() {
    let house = House::open().await;
    let id = gap(&house, "a").await;
    house.pass("1s").await;
    let escalated = house.get("/v1/gaps?state=escalated").await.json();
    assert_eq!(escalated["gaps"][0]["escalation"], json!("no_agent"));

    let path = format!("/v1/gaps/{id}/decision");
    let waive = br#"{"decision":"waive","by":"ada","reason":"the customer called"}"#;
    let decided = house.post(&path, "application/json", waive).await;
    assert_eq!(decided.status, 200, "{}", decided.body);
    let at = decided.json()["position"].as_u64().unwrap();
    let record = house.get(&format!("/v1/events/{at}")).await.json();
    assert_eq!(
        (record["type"].clone(), record["data"]["by"].clone()),
        (json!("gap.decided"), json!("ada"))
    );
    house.pass("1s").await;
    let again = house.post(&path, "application/json", waive).await;
    assert_eq!((again.status, again.code().as_str()), (404, "no-such-gap"));
}

#[tokio::test(start_paused = true)]
async fn a_decision_names_its_maker_and_its_ground() {
    let house = House::open().await;
    let path = format!("/v1/gaps/{}/decision", gap(&house, "a").await);
    let long = format!(r#"{{"decision":"waive","by":"ada","reason":"{}"}}"#, "x".repeat(5_000));
    let huge = format!(r#"{{"decision":"waive","by":"ada","reason":"{}"}}"#, "x".repeat(70_000));
    for (body, status, code, field) in [
        (r#"{"decision":"waive","by":"ada"}"#, 422, "invalid-decision", None),
        (r#"{"decision":"shrug","by":"ada","reason":"r"}"#, 422, "invalid-decision", None),
        (r#"{"decision":"waive","by":"","reason":"r"}"#, 422, "invalid-decision", Some("by")),
        (
            r#"{"decision":"waive","by":"ada","reason":" "}"#,
            422,
            "invalid-decision",
            Some("reason"),
        ),
        (r#"{"decision":"waive","by":"ada","reason":"r","at":1}"#, 422, "invalid-decision", None),
        ("[]", 422, "invalid-decision", None),
        ("", 400, "malformed-json", None),
        ("{", 400, "malformed-json", None),
        (&long, 422, "invalid-decision", Some("reason")),
        (&huge, 413, "body-too-large", None),
    ] {
        let heard = house.post(&path, "application/json", body.as_bytes()).await;
        assert_eq!((heard.status, heard.code().as_str()), (status, code), "{body:.80}");
        assert_eq!(heard.json().get("field").and_then(|field| field.as_str()), field, "{body:.80}");
    }
    let form = house.post(&path, "application/x-www-form-urlencoded", b"decision=waive").await;
    assert_eq!((form.status, form.code().as_str()), (415, "unsupported-media-type"));
}
