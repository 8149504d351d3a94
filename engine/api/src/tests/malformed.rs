//! Whatever is sent, there is an answer with a status and a code, and the server goes on.

use std::fmt::Write;

use super::golden;
use super::house::{House, created};

/// Name, content type, body.
fn bodies() -> Vec<(&'static str, &'static str, Vec<u8>)> {
    let json = "application/json";
    let lines = "application/x-ndjson";
    let good = created("a");
    let swap = |from: &str, to: &str| good.replace(from, to).into_bytes();
    let deep = format!("{}1{}", "[".repeat(100_000), "]".repeat(100_000));
    vec![
        ("empty body", json, Vec::new()),
        ("blank body", json, b" \n\t".to_vec()),
        ("empty batch", json, b"[]".to_vec()),
        ("empty lines", lines, b"\n\n".to_vec()),
        ("truncated object", json, good.as_bytes()[..40].to_vec()),
        ("truncated batch", json, format!("[{good},").into_bytes()),
        ("trailing comma", json, format!("[{good},]").into_bytes()),
        ("two objects", json, format!("{good}{good}").into_bytes()),
        ("batch and more", json, format!("[{good}] x").into_bytes()),
        ("not JSON", json, b"<event/>".to_vec()),
        ("not UTF-8", json, b"{\"id\":\"\xff\"}".to_vec()),
        ("UTF-16", json, b"\xff\xfe{\0}\0".to_vec()),
        ("a number", json, b"17".to_vec()),
        ("a text", json, b"\"event\"".to_vec()),
        ("null", json, b"null".to_vec()),
        ("a batch of numbers", json, b"[1,2]".to_vec()),
        (
            "an object where a batch is said",
            "application/cloudevents-batch+json",
            good.clone().into(),
        ),
        (
            "a batch where an object is said",
            "application/cloudevents+json",
            format!("[{good}]").into(),
        ),
        ("no attributes", json, b"{}".to_vec()),
        ("wrong version", json, swap("\"1.0\"", "\"0.3\"")),
        ("version as number", json, swap("\"1.0\"", "1.0")),
        ("no id", json, swap("\"id\":\"a\",", "")),
        ("empty id", json, swap("\"id\":\"a\"", "\"id\":\"\"")),
        ("id is a number", json, swap("\"id\":\"a\"", "\"id\":7")),
        ("id twice", json, swap("\"id\":\"a\"", "\"id\":\"a\",\"id\":\"b\"")),
        ("long id", json, swap("\"id\":\"a\"", &format!("\"id\":\"{}\"", "x".repeat(2_000)))),
        ("id with a control character", json, swap("\"id\":\"a\"", "\"id\":\"a\\u0000\"")),
        ("lone surrogate", json, swap("\"id\":\"a\"", "\"id\":\"\\ud800\"")),
        ("time without zone", json, swap("\"id\"", "\"time\":\"2026-03-01T09:00:00\",\"id\"")),
        ("data is a list", json, swap("{\"interaction\":\"a\"}", "[1]")),
        ("data too deep", json, swap("{\"interaction\":\"a\"}", &format!("{{\"x\":{deep}}}"))),
        ("all too deep", json, deep.clone().into_bytes()),
        ("a number beyond all bounds", json, swap("\"a\"}", "1e999}")),
        ("binary data", json, swap("\"id\"", "\"data_base64\":\"AA==\",\"id\"")),
        (
            "other content type of data",
            json,
            swap("\"id\"", "\"datacontenttype\":\"text/xml\",\"id\""),
        ),
        ("unknown attribute", json, swap("\"id\"", "\"colour\":\"red\",\"id\"")),
        ("an actor of its own", json, swap("\"id\"", "\"actor\":\"engine\",\"id\"")),
        ("a control event", json, swap("\"id\"", "\"kind\":\"control\",\"id\"")),
        ("a position of its own", json, swap("\"id\"", "\"position\":\"1\",\"id\"")),
        ("second line broken", lines, format!("{good}\n{{").into_bytes()),
        ("second element broken", json, format!("[{good},{{}}]").into_bytes()),
    ]
}

#[tokio::test(start_paused = true)]
async fn every_malformed_body_has_an_answer_of_its_own() {
    let house = House::open().await;
    let mut report = String::new();
    for (name, content_type, body) in bodies() {
        let heard = house.post("/v1/events", content_type, &body).await;
        let code = heard.code();
        let problem: crate::Problem = serde_json::from_str(&heard.body).unwrap();
        assert!((400..500).contains(&heard.status), "{name}: {}", heard.body);
        let place = [problem.index.map(|index| format!("index {index}")), problem.field]
            .into_iter()
            .flatten()
            .collect::<Vec<_>>()
            .join(", ");
        let detail: String = problem.detail.chars().take(160).collect();
        writeln!(report, "{name}: {} {code} [{place}]\n  {detail}", heard.status).unwrap();
    }
    golden("malformed-bodies", &report);
    let after = house.append(&created("after")).await;
    assert_eq!(after["events"][0]["duplicate"], false, "the server goes on, and nothing was kept");
    let ids = house.get("/v1/events?subject=interaction/a").await.json();
    assert_eq!(ids["events"].as_array().map(Vec::len), Some(0));
}

#[tokio::test(start_paused = true)]
async fn content_types_that_are_not_read_are_named() {
    let house = House::open().await;
    let body = created("a");
    for headers in [
        &[][..],
        &[("content-type", "text/plain")],
        &[("content-type", "application/json; charset=latin1")],
        &[("content-type", "application/json"), ("content-encoding", "gzip")],
        &[("content-type", "")],
    ] {
        let heard = house.ask("POST /v1/events", headers, body.as_bytes()).await;
        let expected = (415, "unsupported-media-type");
        assert_eq!((heard.status, heard.code().as_str()), expected, "{headers:?}");
    }
    let heard = house.ask("POST /v1/events", &[("content-type", "text/plain")], b"x").await;
    golden("problem", &serde_json::to_string_pretty(&heard.json()).unwrap());
}

#[tokio::test(start_paused = true)]
async fn heads_that_are_no_http_are_refused_before_any_handler() {
    let house = House::open().await;
    let post = "POST /v1/events HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n";
    let many: String = (0..200).map(|n| format!("x-{n}: 1\r\n")).collect();
    for (name, text, status) in [
        ("negative length", format!("{post}content-length: -1\r\n\r\n"), 400),
        ("length is no number", format!("{post}content-length: ten\r\n\r\n"), 400),
        ("two lengths", format!("{post}content-length: 1\r\ncontent-length: 2\r\n\r\nxx"), 400),
        ("unknown transfer coding", format!("{post}transfer-encoding: rot13\r\n\r\n"), 400),
        ("not HTTP", "hello\r\n\r\n".to_owned(), 400),
        ("a binary greeting", "\u{16}\u{3}\u{1}\0\u{5}\r\n\r\n".to_owned(), 400),
        ("too many headers", format!("{post}{many}\r\n"), 431),
        ("a long header", format!("{post}x: {}\r\n\r\n", "y".repeat(100_000)), 431),
        ("a long target", format!("GET /{} HTTP/1.1\r\n\r\n", "y".repeat(70_000)), 431),
    ] {
        let heard = house.raw(text.as_bytes()).await;
        let found = heard.split(' ').nth(1).and_then(|word| word.parse::<u16>().ok());
        assert!(found.is_some_and(|found| (400..500).contains(&found)), "{name}: {heard:?}");
        assert_eq!(found, Some(status), "{name}");
    }
    let chunked = format!("{post}connection: close\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n");
    let heard = house.raw(chunked.as_bytes()).await;
    assert!(heard.starts_with("HTTP/1.1 400 ") && heard.contains("body-unreadable"), "{heard}");
    assert_eq!(house.get("/healthz").await.status, 200);
}

#[tokio::test(start_paused = true)]
async fn paths_and_methods_that_are_not_served_are_problems_too() {
    let house = House::open().await;
    let nothing = house.get("/v2/events").await;
    assert_eq!((nothing.status, nothing.code().as_str()), (404, "no-such-route"));
    let long = house.get(&format!("/{}", "é".repeat(2_000).replace('é', "%C3%A9"))).await;
    assert_eq!((long.status, long.code().as_str()), (404, "no-such-route"));
    assert!(long.body.len() < 1_000, "the path is not echoed whole");
    for (head, allow) in [
        ("DELETE /v1/events", "GET,HEAD,POST"),
        ("PUT /v1/gaps/a@1/decision", "POST"),
        ("POST /metrics", "GET,HEAD"),
        ("BREW /", "GET,HEAD"),
    ] {
        let heard = house.ask(head, &[], b"").await;
        assert_eq!((heard.status, heard.code().as_str()), (405, "method-not-allowed"), "{head}");
        let mut allowed: Vec<_> = heard.header("allow").unwrap().split(',').collect();
        allowed.sort_unstable();
        assert_eq!(allowed.join(","), allow, "{head}");
    }
}

#[test]
fn a_body_with_flipped_cut_or_doubled_bytes_is_read_or_refused_and_never_breaks_the_reader() {
    use homeostat_world::Chance;
    use rand_core::Rng;

    use crate::intake::{self, Form};

    let mut draw = Chance::from_u64(7).stream("malformed bodies");
    let mut below = |bound: usize| usize::try_from(draw.next_u64()).unwrap() % bound;
    let good = format!("[{},\n{}]", created("a"), created("b"));
    let (mut read, mut refused) = (0, 0);
    for _ in 0..20_000 {
        let mut body = good.clone().into_bytes();
        for _ in 0..=below(3) {
            let at = below(body.len());
            match below(4) {
                0 => body[at] ^= 1 << below(8),
                1 => body.truncate(at + 1),
                2 => body.insert(at, b"\"\\{}[],:0\n\xff"[below(11)]),
                _ => drop(body.remove(at)),
            }
            if body.is_empty() {
                break;
            }
        }
        for form in [Form::Either, Form::Lines] {
            match intake::events(form, &body) {
                Ok(events) => read += usize::from(!events.is_empty()),
                Err(problem) => {
                    assert!((400..500).contains(&problem.status), "{problem}");
                    refused += 1;
                }
            }
        }
    }
    assert!(read > 100 && refused > 10_000, "both ways are taken: {read} read, {refused} refused");
}
