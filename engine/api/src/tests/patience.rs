//! Slow clients, full houses, and stopping.

use homeostat_world::{Clock, Duration, Net};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::house::{ADDRESS, House, created};
use crate::ServeLimits;

#[tokio::test(start_paused = true)]
async fn a_head_that_comes_byte_by_byte_is_cut_off() {
    let house = House::open().await;
    let mut stream = house.net.connect(ADDRESS).await.unwrap();
    let began = house.clock.now();
    let head = format!("GET / HTTP/1.1\r\nhost: {}", "x".repeat(1_000));
    let mut cut = false;
    for byte in head.bytes() {
        house.pass("1s").await;
        if stream.write_all(&[byte]).await.is_err() {
            cut = true;
            break;
        }
    }
    let took = house.clock.now().since(began);
    assert!(cut && took <= Duration::from_secs(62), "{took}");
}

#[tokio::test(start_paused = true)]
async fn an_idle_connection_is_closed_and_a_used_one_starts_anew() {
    let house = House::open().await;
    let mut stream = house.net.connect(ADDRESS).await.unwrap();
    let mut heard = [0; 4_096];
    for _ in 0..3 {
        house.pass("50s").await;
        stream.write_all(b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
        let count = stream.read(&mut heard).await.unwrap();
        assert!(heard[..count].starts_with(b"HTTP/1.1 200 "));
    }
    let before = house.clock.now();
    assert_eq!(stream.read(&mut heard).await.unwrap(), 0, "closed");
    assert_eq!(house.clock.now().since(before), Duration::from_secs(60));
    let metrics = house.get("/metrics").await.body;
    assert!(metrics.contains("homeostat_http_connection_timeouts_total 1\n"), "{metrics}");
}

#[tokio::test(start_paused = true)]
async fn a_body_that_does_not_end_is_answered_with_408() {
    let house = House::open().await;
    let began = house.clock.now();
    let head = "POST /v1/events HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n";
    let heard = house.raw(format!("{head}content-length: 50\r\n\r\n{{").as_bytes()).await;
    assert!(heard.starts_with("HTTP/1.1 408 ") && heard.contains("body-timeout"), "{heard}");
    assert_eq!(house.clock.now().since(began), Duration::from_secs(60));
}

#[tokio::test(start_paused = true)]
async fn no_more_connections_than_allowed_are_served_at_once() {
    let house = House::with(ServeLimits { connections_max: 2, ..ServeLimits::default() }).await;
    let first = house.net.connect(ADDRESS).await.unwrap();
    let _second = house.net.connect(ADDRESS).await.unwrap();
    house.pass("1s").await;
    let mut third = house.net.connect(ADDRESS).await.unwrap();
    let ask = b"GET /healthz HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
    third.write_all(ask).await.unwrap();
    let mut heard = [0; 16];
    tokio::select! {
        biased;
        _ = third.read(&mut heard) => panic!("a third connection was served"),
        () = house.pass("5s") => {}
    }
    drop(first);
    third.read_exact(&mut heard).await.unwrap();
    assert!(heard.starts_with(b"HTTP/1.1 200 "), "served once there is room");
}

#[tokio::test(start_paused = true)]
async fn pipelined_requests_are_answered_in_order() {
    let house = House::open().await;
    let mut text = String::new();
    for n in 0..50 {
        let body = created(&format!("p{n}"));
        let close = if n == 49 { "connection: close\r\n" } else { "" };
        text.push_str(&format!(
            "POST /v1/events HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n{close}content-length: {}\r\n\r\n{body}",
            body.len()
        ));
    }
    let heard = house.raw(text.as_bytes()).await;
    let positions: Vec<u64> = heard
        .split("\"position\":")
        .skip(1)
        .map(|rest| rest.split(',').next().unwrap().parse().unwrap())
        .collect();
    assert_eq!(positions.len(), 50);
    assert!(positions.is_sorted(), "{positions:?}");
}

#[tokio::test(start_paused = true)]
async fn stopping_finishes_what_is_in_flight_and_closes_the_idle() {
    let house = House::open().await;
    let mut idle = house.net.connect(ADDRESS).await.unwrap();
    idle.write_all(b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    let mut heard = vec![0; 4_096];
    let _read = idle.read(&mut heard).await.unwrap();
    let _fresh = house.net.connect(ADDRESS).await.unwrap();
    let mut busy = house.net.connect(ADDRESS).await.unwrap();
    let body = created("late");
    let head = format!(
        "POST /v1/events HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    busy.write_all(head.as_bytes()).await.unwrap();
    house.pass("1s").await;

    let (net, clock) = (house.net.clone(), house.clock);
    let late = async {
        clock.sleep_until(clock.now() + Duration::from_secs(1)).await;
        assert!(net.connect(ADDRESS).await.is_err(), "nothing more is accepted");
        busy.write_all(body.as_bytes()).await.unwrap();
        let mut answer = String::new();
        busy.read_to_string(&mut answer).await.unwrap();
        answer
    };
    let (served, answer) = tokio::join!(house.stop(), late);
    assert_eq!(served.cut, 0);
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    assert_eq!(idle.read(&mut heard).await.unwrap(), 0, "the idle connection is closed");
}

#[tokio::test(start_paused = true)]
async fn stopping_cuts_what_does_not_finish_within_the_grace_time() {
    let house = House::open().await;
    let mut stuck = house.net.connect(ADDRESS).await.unwrap();
    let head = "POST /v1/events HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n";
    stuck.write_all(format!("{head}content-length: 50\r\n\r\n{{").as_bytes()).await.unwrap();
    house.pass("1s").await;
    let clock = house.clock;
    let before = clock.now();
    let served = house.stop().await;
    assert_eq!(served.cut, 1);
    assert_eq!(clock.now().since(before), Duration::from_secs(5));
    assert_eq!(stuck.read(&mut [0; 16]).await.unwrap_or(0), 0);
}

#[tokio::test(start_paused = true)]
async fn appends_of_many_connections_share_commits() {
    let house = House::open().await;
    let before = house.store.commits();
    let writers: Vec<_> = (0..16)
        .map(|writer| {
            let mut client = house.client();
            tokio::runtime::Handle::current().spawn(async move {
                for n in 0..25 {
                    // A type that no clause speaks of, so that every commit is the writers' own.
                    let text = created(&format!("w{writer}-{n}")).replace("interaction.", "note.");
                    let event = homeostat_log::cloudevents::read(&text).unwrap();
                    client.append(&[event], &homeostat_log::Expect::Any).await.unwrap();
                }
            })
        })
        .collect();
    for writer in writers {
        writer.await.unwrap();
    }
    let commits = house.store.commits() - before;
    assert!(commits <= 400 / 8, "400 requests of 16 connections took {commits} commits");
}
