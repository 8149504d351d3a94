//! The client against the real server, and against servers that misbehave.

use homeostat_log::{Expect, NewEvent, cloudevents};
use homeostat_world::{Clock, Duration, Listener, Net, Position, Tasks};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::mpsc;

use super::doors::{MemoryNet, PausedClock, TestTasks};
use super::house::{ADDRESS, House, created};
use crate::wire::{Decision, DecisionRequest, State, Strength};
use crate::{Client, ClientError, GapFilter, Patience};

fn event(name: &str) -> NewEvent {
    cloudevents::read(&created(name)).unwrap()
}

#[tokio::test(start_paused = true)]
async fn everything_the_server_offers_can_be_asked() {
    let house = House::open().await;
    let mut client = house.client();
    let appended = client.append(&[event("a"), event("b")], &Expect::Any).await.unwrap();
    let [first, second] = appended.events[..] else { panic!("{appended:?}") };
    assert!(!first.duplicate && second.position == first.position.next());
    let again = client.append(&[event("a")], &Expect::Any).await.unwrap();
    assert_eq!((again.events[0].position, again.events[0].duplicate), (first.position, true));

    let page = client.events(first.position, 1, None).await.unwrap();
    assert_eq!((page.events.len(), page.next), (1, Some(second.position)));
    let page = client.events(Position::new(1), 10, Some("interaction/b")).await.unwrap();
    let read = cloudevents::read_exported(page.events[0].get()).unwrap();
    assert_eq!((read.position, read.event.id.as_str()), (second.position, "b"));

    house.pass("1s").await;
    let filter = GapFilter { state: Some("escalated".to_owned()), ..GapFilter::default() };
    let gaps = client.gaps(&filter).await.unwrap().gaps;
    assert_eq!(gaps.len(), 2);
    let gap = client.gap(&gaps[0].id).await.unwrap().unwrap();
    assert_eq!((gap.state, gap.strength), (State::Escalated, Strength::Must));
    assert_eq!(client.gap("acknowledge@999").await.unwrap(), None);

    let text = client.consequences_text(first.position).await.unwrap();
    assert!(text.starts_with("Event: interaction.created("), "{text}");
    assert!(client.consequences_json(first.position).await.unwrap().is_object());
    assert_eq!(client.gap_consequences_text(&gap.id).await.unwrap(), text);
    assert!(client.gap_consequences_json(&gap.id).await.unwrap().is_object());
    assert!(client.gap_consequences_text("acknowledge@999").await.is_err());

    let decision = DecisionRequest {
        decision: Decision::Waive,
        by: "ada".to_owned(),
        reason: "done by telephone".to_owned(),
    };
    let at = client.decide(&gap.id, &decision).await.unwrap();
    let status = client.status().await.unwrap();
    assert!(at > second.position && status.head >= at);
    assert_eq!(status.totals.events.get("primary"), Some(&2));
}

#[tokio::test(start_paused = true)]
async fn a_refusal_keeps_the_servers_own_words() {
    let house = House::open().await;
    let mut client = house.client();
    client.append(&[event("a")], &Expect::Any).await.unwrap();
    let stale = Expect::Head(Position::new(1_000));
    let error = client.append(&[event("b")], &stale).await.unwrap_err();
    let problem = error.problem().unwrap();
    assert_eq!((problem.code.as_str(), problem.status), ("expectation-failed", 409));
    assert!(error.to_string().contains("`1000`"), "{error}");
    let subject = Expect::Subject { subject: "interaction/a".to_owned(), last: None };
    let error = client.append(&[event("b")], &subject).await.unwrap_err();
    assert_eq!(error.problem().unwrap().code, "expectation-failed");
    let fresh = Expect::Subject { subject: "interaction/b".to_owned(), last: None };
    client.append(&[event("b")], &fresh).await.unwrap();
}

/// A server that answers each connection by a script: what to send after the head has come.
async fn scripted(net: &MemoryNet, answers: Vec<&'static str>) -> mpsc::UnboundedReceiver<String> {
    let mut listener = net.listen(ADDRESS).await.unwrap();
    let (heard, requests) = mpsc::unbounded_channel();
    drop(TestTasks.spawn("scripted", async move {
        for answer in answers {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut bytes = vec![0; 16_384];
            let count = stream.read(&mut bytes).await.unwrap();
            heard.send(String::from_utf8(bytes[..count].to_vec()).unwrap()).unwrap();
            if answer == "silence" {
                std::future::pending::<()>().await;
            }
            stream.write_all(answer.as_bytes()).await.unwrap();
        }
    }));
    requests
}

fn client(net: &MemoryNet, clock: PausedClock, tries: u32) -> Client<MemoryNet, PausedClock> {
    let patience = Patience { tries, ..Patience::default() };
    Client::new(net.clone(), clock, &format!("http://{ADDRESS}"), patience).unwrap()
}

const APPENDED: &str = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 83\r\n\r\n{\"events\":[{\"position\":1,\"recorded\":\"2026-03-02T09:00:00Z\",\"duplicate\":false    }]}";
const STOPPING: &str = "HTTP/1.1 503 Service Unavailable\r\ncontent-type: application/problem+json\r\nretry-after: 2\r\nconnection: close\r\ncontent-length: 95\r\n\r\n{\"type\":\"urn:homeostat:problem:stopping\",\"title\":\"t\",\"status\":503,\"code\":\"stopping\",\"detail\":\"d\"}";

#[tokio::test(start_paused = true)]
async fn an_append_survives_a_broken_connection_and_a_restart_of_the_server() {
    let (net, clock) = (MemoryNet::default(), PausedClock::new());
    let mut requests = scripted(&net, vec!["HTTP/1.1 200 OK\r\ncont", STOPPING, APPENDED]).await;
    let began = clock.now();
    let appended = client(&net, clock, 5).append(&[event("a")], &Expect::Any).await.unwrap();
    assert_eq!(appended.events[0].position, Position::new(1));
    let mut bodies = Vec::new();
    while let Ok(request) = requests.try_recv() {
        bodies.push(request.split_once("\r\n\r\n").unwrap().1.to_owned());
    }
    assert_eq!(bodies.len(), 3);
    assert!(bodies.iter().all(|body| *body == bodies[0] && body.contains("\"id\":\"a\"")));
    let waited = clock.now().since(began);
    assert_eq!(waited, Duration::from_millis(2_100), "100 ms by itself, 2 s as it was asked to");
}

#[tokio::test(start_paused = true)]
async fn what_may_not_be_done_twice_is_not_sent_twice() {
    let (net, clock) = (MemoryNet::default(), PausedClock::new());
    let mut requests = scripted(&net, vec!["", APPENDED]).await;
    let expecting = Expect::Head(Position::ZERO);
    let error = client(&net, clock, 5).append(&[event("a")], &expecting).await.unwrap_err();
    assert!(matches!(error, ClientError::Broken { .. }), "{error}");
    requests.recv().await.unwrap();
    assert!(requests.try_recv().is_err(), "one request and no more");
}

#[tokio::test(start_paused = true)]
async fn patience_ends() {
    let clock = PausedClock::new();
    let nobody = client(&MemoryNet::default(), clock, 3).status().await.unwrap_err();
    assert!(matches!(nobody, ClientError::Connect { .. }), "{nobody}");
    assert_eq!(clock.now().since(PausedClock::new().now()), Duration::from_millis(300));

    let net = MemoryNet::default();
    let _requests = scripted(&net, vec!["silence"]).await;
    let silent = client(&net, clock, 1).status().await.unwrap_err();
    assert_eq!(silent.to_string(), "no answer from `engine:7171` within 30s");
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_is_no_api_is_not_understood() {
    let (net, clock) = (MemoryNet::default(), PausedClock::new());
    let page = "HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\n<html>";
    let lost = "HTTP/1.1 404 Not Found\r\ncontent-type: text/html\r\ncontent-length: 0\r\n\r\n";
    let _requests = scripted(&net, vec![page, lost, "SSH-2.0-x\r\n"]).await;
    for status in [Some(200), Some(404), None] {
        let error = client(&net, clock, 1).status().await.unwrap_err();
        match (status, error) {
            (Some(expected), ClientError::NotUnderstood { status, .. }) => {
                assert_eq!(status, expected);
            }
            (None, ClientError::Broken { .. }) => {}
            (_, other) => panic!("{other}"),
        }
    }
}
