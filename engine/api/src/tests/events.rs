//! Appending and reading.

use homeostat_world::limits::{APPEND_EVENTS_MAX, EVENT_BYTES_MAX};
use serde_json::json;

use super::house::{House, created};

#[tokio::test(start_paused = true)]
async fn one_event_a_batch_and_lines_are_all_appended() {
    let house = House::open().await;
    let (a, b) = (created("a"), created("b"));
    let one = house.post("/v1/events", "application/cloudevents+json; charset=UTF-8", a.as_bytes());
    let one = one.await.json();
    let first = one["events"][0]["position"].as_u64().unwrap();
    assert_eq!(one["events"][0]["duplicate"], json!(false));
    assert_eq!(one["events"][0]["recorded"], json!("2026-03-02T09:00:00Z"));

    let batch = format!("[{b},{}]", created("c"));
    let batch = house.post("/v1/events", "Application/CloudEvents-Batch+JSON", batch.as_bytes());
    let batch = batch.await.json();
    let position = |answer: &serde_json::Value, n: usize| answer["events"][n]["position"].as_u64();
    assert!(position(&batch, 0) > Some(first));
    assert_eq!(
        position(&batch, 1),
        position(&batch, 0).map(|b| b + 1),
        "a batch is not torn apart"
    );

    let lines = format!("\n{}\r\n\n{}", created("d"), created("e"));
    assert_eq!(house.append(&lines).await["events"].as_array().map(Vec::len), Some(2));
    let either = format!(" \n[{}]", created("f"));
    assert_eq!(house.post("/v1/events", "application/json", either.as_bytes()).await.status, 200);
    let either = format!(" \n{}", created("g"));
    assert_eq!(house.post("/v1/events", "application/json", either.as_bytes()).await.status, 200);
}

#[tokio::test(start_paused = true)]
async fn the_same_event_twice_is_stored_once_and_answered_alike() {
    let house = House::open().await;
    let first = house.append(&created("a")).await;
    let again = house.append(&format!("{}\n{}", created("a"), created("b"))).await;
    assert_eq!(again["events"][0]["position"], first["events"][0]["position"]);
    assert_eq!(again["events"][0]["recorded"], first["events"][0]["recorded"]);
    assert_eq!(again["events"][0]["duplicate"], json!(true));
    assert_eq!(again["events"][1]["duplicate"], json!(false));

    let other = created("a").replace("interaction/a", "interaction/z");
    let refused = house.post("/v1/events", "application/json", other.as_bytes()).await;
    assert_eq!((refused.status, refused.code().as_str()), (409, "id-reused"));
    assert_eq!(refused.json()["field"], json!("subject"));
}

#[tokio::test(start_paused = true)]
async fn a_request_is_taken_whole_or_not_at_all() {
    let house = House::open().await;
    let torn = format!("{}\n{}\n{{\"id\":1}}\n", created("a"), created("b"));
    let refused = house.post("/v1/events", "application/x-ndjson", torn.as_bytes()).await;
    assert_eq!((refused.status, refused.json()["index"].clone()), (422, json!(2)));
    let both = house.append(&format!("{}\n{}", created("a"), created("b"))).await;
    assert_eq!(both["events"][0]["duplicate"], json!(false), "nothing was kept of the first try");
}

#[tokio::test(start_paused = true)]
async fn an_expectation_that_fails_names_both_sides() {
    let house = House::open().await;
    let at = house.append(&created("a")).await["events"][0]["position"].as_u64().unwrap();
    let json = "application/json";
    let put = async |query: &str, headers: &[(&str, &str)], name: &str| {
        let mut all = vec![("content-type", json)];
        all.extend_from_slice(headers);
        house.ask(&format!("POST /v1/events{query}"), &all, created(name).as_bytes()).await
    };
    let stale = put("?expect-head=1000", &[], "b").await;
    assert_eq!((stale.status, stale.code().as_str()), (409, "expectation-failed"));
    assert_eq!(stale.json()["expected"], json!("1000"));
    let head = stale.json()["found"].as_str().unwrap().to_owned();
    assert_eq!(put("", &[("Expect-Head", &head)], "b").await.status, 200);

    let subject = "?expect-subject=interaction/a&expect-last=";
    let wrong = put(&format!("{subject}{}", at + 1), &[], "c").await;
    assert_eq!((wrong.status, wrong.json()["found"].clone()), (409, json!(at.to_string())));
    let new = put("?expect-subject=interaction%2Fc&expect-last=0", &[], "c").await;
    assert_eq!(new.status, 200, "0 stands for a subject without events: {}", new.body);

    for (query, headers) in [
        ("?expect-head=x", &[][..]),
        ("?expect-head=1&expect-head=2", &[]),
        ("?expect-head=1", &[("expect-head", "1")]),
        ("?expect-subject=a", &[]),
        ("?expect-last=1", &[]),
        ("?expect-head=1&expect-subject=a&expect-last=1", &[]),
        ("?expect-heap=1", &[]),
        ("", &[("expect-head", "\u{fc}")]),
    ] {
        let heard = put(query, headers, "d").await;
        assert_eq!((heard.status, heard.code().as_str()), (400, "bad-parameter"), "{query}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_too_large_is_refused_with_413() {
    let house = House::open().await;
    let large =
        created("a").replace("\"a\"}}", &format!("\"{}\"}}}}", "x".repeat(EVENT_BYTES_MAX)));
    let heard = house.post("/v1/events", "application/json", large.as_bytes()).await;
    assert_eq!((heard.status, heard.code().as_str()), (413, "event-too-large"));

    let many = vec!["{}"; APPEND_EVENTS_MAX + 1];
    for (kind, body) in [
        ("application/x-ndjson", many.join("\n").replace("{}", &created("a"))),
        ("application/json", format!("[{}]", many.join(","))),
    ] {
        let heard = house.post("/v1/events", kind, body.as_bytes()).await;
        assert_eq!((heard.status, heard.code().as_str()), (413, "too-many-events"), "{kind}");
    }

    // Declared too large: refused before a byte of it is sent.
    let head = "POST /v1/events HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-type: application/json\r\n";
    let declared = house.raw(format!("{head}content-length: 99999999999\r\n\r\n").as_bytes()).await;
    assert!(declared.starts_with("HTTP/1.1 413 ") && declared.contains("body-too-large"));

    // Not declared: cut off as it passes the bound.
    let chunk = "8000\r\n".to_owned() + &" ".repeat(0x8000) + "\r\n";
    let streamed = format!("{head}transfer-encoding: chunked\r\n\r\n{}", chunk.repeat(600));
    let streamed = house.raw(streamed.as_bytes()).await;
    assert!(streamed.starts_with("HTTP/1.1 413 ") && streamed.contains("body-too-large"));
}

#[tokio::test(start_paused = true)]
async fn events_are_read_in_pages_by_subject_and_alone() {
    let house = House::open().await;
    let lines: Vec<String> = (0..70).map(|n| created(&format!("i{n}"))).collect();
    let appended = house.append(&lines.join("\n")).await;
    let first = appended["events"][0]["position"].as_u64().unwrap();

    let page = house.get(&format!("/v1/events?from={first}&limit=60")).await.json();
    assert_eq!(page["events"].as_array().map(Vec::len), Some(60));
    assert_eq!(page["events"][0]["position"], json!(first.to_string()));
    assert_eq!(page["events"][59]["id"], json!("i59"));
    let next = page["next"].as_u64().unwrap();
    let rest = house.get(&format!("/v1/events?from={next}")).await.json();
    assert_eq!(rest["events"][0]["id"], json!("i60"));
    let mut next = Some(next);
    let mut read = 0;
    while let Some(from) = next {
        let page = house.get(&format!("/v1/events?from={from}&limit=7")).await.json();
        for event in page["events"].as_array().unwrap() {
            assert_eq!(
                event["position"],
                json!((from + read % 7).to_string()),
                "no gap, no overlap"
            );
            read += 1;
        }
        next = page["next"].as_u64();
    }
    let head = house.get("/v1/status").await.json()["head"].as_u64().unwrap();
    assert_eq!(first + 60 + read - 1, head, "the last page is the end of the log");

    let mine = house.get("/v1/events?subject=interaction/i7").await.json();
    assert_eq!(mine["events"].as_array().map(Vec::len), Some(1));
    assert_eq!(mine["events"][0]["data"], json!({"interaction": "i7"}));
    let ahead = house.get("/v1/events?from=1000000").await;
    assert_eq!((ahead.status, ahead.json()), (200, json!({"events": []})));

    let one = house.get(&format!("/v1/events/{first}")).await;
    assert_eq!(one.header("content-type"), Some("application/cloudevents+json; charset=utf-8"));
    assert_eq!(
        (one.json()["id"].clone(), one.json()["specversion"].clone()),
        (json!("i0"), json!("1.0"))
    );
    for (path, status, code) in [
        ("/v1/events/1000000", 404, "no-such-event"),
        ("/v1/events/0", 404, "no-such-event"),
        ("/v1/events/x", 400, "bad-path"),
        ("/v1/events/-1", 400, "bad-path"),
        ("/v1/events/%ff", 400, "bad-path"),
        ("/v1/events?from=0", 400, "bad-parameter"),
        ("/v1/events?from=-1", 400, "bad-parameter"),
        ("/v1/events?limit=0", 400, "bad-parameter"),
        ("/v1/events?limit=1001", 400, "bad-parameter"),
        ("/v1/events?form=1", 400, "bad-parameter"),
        ("/v1/events/1?from=1", 400, "bad-parameter"),
    ] {
        let heard = house.get(path).await;
        assert_eq!((heard.status, heard.code().as_str()), (status, code), "{path}");
    }
}

#[tokio::test(start_paused = true)]
async fn consequences_come_as_text_or_json() {
    let house = House::open().await;
    let at = house.append(&created("a")).await["events"][0]["position"].as_u64().unwrap();
    let path = format!("/v1/events/{at}/consequences");
    // The engine finds that nobody does this, and says so in the answer from then on.
    house.pass("1s").await;
    let text = house.get(&path).await;
    assert_eq!(text.header("content-type"), Some("text/plain; charset=utf-8"));
    assert!(
        text.body.contains("Expected consequences:") && text.body.contains("GAP"),
        "{}",
        text.body
    );

    let accept = [("accept", "application/json")];
    let json = house.ask(&format!("GET {path}"), &accept, b"").await;
    assert_eq!(json.header("content-type"), Some("application/json"));
    assert!(json.json().is_object());
    assert_eq!(house.get(&format!("{path}?format=json")).await.json(), json.json());
    let told = house.ask(&format!("GET {path}?format=text"), &accept, b"").await;
    assert_eq!(told.body, text.body, "the query weighs more than the header");

    let picture = house.ask(&format!("GET {path}"), &[("accept", "image/png")], b"").await;
    assert_eq!((picture.status, picture.code().as_str()), (406, "not-acceptable"));
    let missing = house.get("/v1/events/1000000/consequences").await;
    assert_eq!((missing.status, missing.code().as_str()), (404, "no-such-event"));
    let missing = house.get("/v1/gaps/nobody@1/consequences").await;
    assert_eq!((missing.status, missing.code().as_str()), (404, "no-such-gap"));
    let form = house.get(&format!("{path}?format=xml")).await;
    assert_eq!((form.status, form.code().as_str()), (400, "bad-parameter"));
}
