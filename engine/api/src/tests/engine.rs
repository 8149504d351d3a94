//! Status, health, metrics, and the description of the API.

use homeostat_world::Clock;
use http::Method;
use serde_json::{Value, json};

use super::golden;
use super::house::{House, created};
use crate::operation::Operation;
use crate::problem::Code;

#[tokio::test(start_paused = true)]
async fn status_counts_what_is_in_the_log() {
    let house = House::open().await;
    house.append(&format!("{}\n{}", created("a"), created("b"))).await;
    house.pass("6s").await;
    let status = house.get("/v1/status").await.json();
    assert_eq!(status["health"], json!({"state": "ok"}));
    assert_eq!(status["spec"], json!("desk"));
    assert_eq!(status["totals"]["events"]["primary"], json!(2));
    assert_eq!(status["totals"]["deadlines_missed"], json!(2));
    assert_eq!(
        (&status["gaps"]["open"], &status["gaps"]["by_strength"]["must"]),
        (&json!(2), &json!(2))
    );
    assert_eq!(status["gaps"]["by_state"]["escalated"], json!(2));
    assert_eq!(status["breakers"].as_object().map(serde_json::Map::len), Some(5));
    assert_eq!(status["clauses"].as_array().map(Vec::len), Some(1));
}

#[tokio::test(start_paused = true)]
async fn health_and_readiness_follow_the_engine() {
    let house = House::open().await;
    assert_eq!(house.get("/healthz").await.json(), json!({"status": "ok"}));
    assert_eq!(house.get("/readyz").await.json(), json!({"status": "ok"}));
    let house = house.stop_engine().await;
    assert_eq!(house.get("/healthz").await.json(), json!({"status": "stopping"}));
    for path in ["/readyz", "/v1/status", "/v1/gaps", "/metrics", "/v1/events/1/consequences"] {
        let heard = house.get(path).await;
        assert_eq!((heard.status, heard.code().as_str()), (503, "stopping"), "{path}");
        assert_eq!(heard.header("retry-after"), Some("2"), "{path}");
    }
    let heard = house.post("/v1/events", "application/json", created("a").as_bytes()).await;
    assert_eq!((heard.status, heard.code().as_str()), (503, "stopping"));
}

#[tokio::test(start_paused = true)]
async fn a_full_disk_stops_appends_and_leaves_reads() {
    let house = House::open().await;
    let at = house.append(&created("a")).await["events"][0]["position"].as_u64().unwrap();
    house.pass("1s").await;
    house.store.shatter();
    for _ in 0..2 {
        let heard = house.post("/v1/events", "application/json", created("b").as_bytes()).await;
        assert_eq!((heard.status, heard.code().as_str()), (503, "read-only"), "{}", heard.body);
        assert_eq!(heard.header("retry-after"), Some("30"));
    }
    let unready = house.get("/readyz").await;
    assert_eq!((unready.status, unready.code().as_str()), (503, "read-only"));
    assert_eq!(
        house.get("/healthz").await.status,
        200,
        "alive, so that nobody restarts it for nothing"
    );
    assert_eq!(house.get("/v1/status").await.json()["health"]["state"], json!("read_only"));
    assert_eq!(house.get(&format!("/v1/events/{at}")).await.status, 200);
    assert!(house.get("/metrics").await.body.contains("homeostat_read_only 1\n"));
    let missing = house.get("/v1/events?subject=interaction/b").await.json();
    assert_eq!(missing["events"], json!([]), "what was not acknowledged is not there");

    let began = house.clock.now();
    let events = [homeostat_log::cloudevents::read(&created("c")).unwrap()];
    let refused = house.client().append(&events, &homeostat_log::Expect::Any).await.unwrap_err();
    assert_eq!(refused.problem().unwrap().code, "read-only");
    assert_eq!(house.clock.now(), began, "the client does not wait for what only a person ends");
}

#[tokio::test(start_paused = true)]
async fn metrics_are_open_metrics_of_engine_and_server() {
    let house = House::open().await;
    house.append(&created("a")).await;
    house.pass("6s").await;
    house.get("/v1/gaps").await;
    house.get("/nothing/here").await;
    house.ask("HEAD /v1/status", &[], b"").await;
    let heard = house.get("/metrics").await;
    let media_type = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    assert_eq!(heard.header("content-type"), Some(media_type));
    golden("metrics", &heard.body);
}

#[tokio::test(start_paused = true)]
async fn answers_carry_the_date_of_the_clock_door() {
    let house = House::open().await;
    house.pass("61s").await;
    assert_eq!(house.get("/").await.header("date"), Some("Mon, 02 Mar 2026 09:01:01 GMT"));
}

#[tokio::test(start_paused = true)]
async fn the_index_lists_every_operation() {
    let house = House::open().await;
    let index = house.get("/").await;
    assert_eq!(index.header("content-type"), Some("text/plain; charset=utf-8"));
    golden("index", &index.body);
}

#[tokio::test(start_paused = true)]
async fn the_open_api_document_and_the_routes_are_the_same() {
    let house = House::open().await;
    let document = house.get("/openapi.json").await.json();
    golden("openapi", &serde_json::to_string_pretty(&document).unwrap());

    let mut described = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for method in item.as_object().unwrap().keys() {
            described.push(format!("{} {path}", method.to_uppercase()));
        }
    }
    let mut listed = Vec::new();
    for operation in Operation::ALL {
        let (method, path, _) = operation.route();
        listed.push(format!("{method} {path}"));
    }
    described.sort();
    listed.sort();
    assert_eq!(described, listed, "the list of operations and the document");

    // What the router really answers: every path of the list with every method.
    for operation in Operation::ALL {
        let (_, path, _) = operation.route();
        let concrete =
            path.replace("{position}", "1").replace("{id}", "a@1").replace("{name}", "check");
        for method in [Method::GET, Method::POST, Method::PUT, Method::DELETE, Method::PATCH] {
            let heard = house.ask(&format!("{method} {concrete}"), &[], b"").await;
            let served = heard.status != 405;
            assert_eq!(served, described.contains(&format!("{method} {path}")), "{method} {path}");
        }
    }
}

#[test]
fn every_reference_of_the_document_leads_somewhere() {
    fn references(value: &Value, found: &mut Vec<String>) {
        match value {
            Value::Object(members) => {
                if let Some(Value::String(to)) = members.get("$ref") {
                    found.push(to.clone());
                }
                members.values().for_each(|value| references(value, found));
            }
            Value::Array(values) => values.iter().for_each(|value| references(value, found)),
            _ => {}
        }
    }
    let document = serde_json::to_value(crate::document()).unwrap();
    let mut found = Vec::new();
    references(&document, &mut found);
    assert!(!found.is_empty());
    for reference in found {
        let pointer = reference.strip_prefix('#').unwrap();
        assert!(document.pointer(pointer).is_some(), "{reference}");
    }
}

#[test]
fn codes_are_unique_and_problems_speak_as_the_house_does() {
    let mut texts: Vec<_> = Code::ALL.iter().map(|code| code.text()).collect();
    texts.sort_unstable();
    texts.dedup();
    assert_eq!(texts.len(), Code::ALL.len());
    let list: String = Code::ALL
        .iter()
        .map(|code| format!("{} {} {}\n", code.status().as_u16(), code.text(), code.title()))
        .collect();
    golden("codes", &list);
    for code in Code::ALL {
        assert!(!code.title().ends_with('.'), "{}", code.text());
        let text = code.text();
        assert!(
            text.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-' || byte == b'8'),
            "{text}"
        );
    }
}
