//! What a client's connections can suffer beside their links, and a node that is paused.

use std::io::ErrorKind;
use std::sync::{Arc, Mutex};

use homeostat_sim_harness::gate::{Gate, GatedDoors};
use homeostat_sim_harness::native::{Native, NativeDoors};
use homeostat_sim_harness::plan::Gone;
use homeostat_sim_harness::trouble::{Trouble, TroubledNet, TroubledStream};
use homeostat_sim_harness::{Doors, Stage};
use homeostat_world::{Clock, Duration, Listener, Net, Tasks, conformance};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::{DAWN, after, native};

/// What a server heard, connection by connection: words, and how it ended.
type Heard = Arc<Mutex<Vec<Vec<String>>>>;

/// A server that answers every word with another.
fn server(native: &mut Native) -> Heard {
    let heard = Heard::default();
    let hears = Arc::clone(&heard);
    native.start("server", |doors| async move {
        let mut listener = doors.net().listen("server:80").await.unwrap();
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let (nth, hears) = (hears.lock().unwrap().len(), Arc::clone(&hears));
            hears.lock().unwrap().push(Vec::new());
            drop(doors.tasks().spawn("answer", async move {
                let note = |word: String| hears.lock().unwrap().get_mut(nth).unwrap().push(word);
                let mut word = [0; 4];
                loop {
                    match stream.read_exact(&mut word).await {
                        Ok(_) => note(String::from_utf8(word.to_vec()).unwrap()),
                        Err(error) => return note(format!("{:?}", error.kind())),
                    }
                    stream.write_all(b"well").await.unwrap_or(());
                }
            }));
        }
    });
    heard
}

type Stream = TroubledStream<NativeDoors>;

/// What a client heard, with milliseconds since the dawn.
type Told = Arc<Mutex<Vec<(i64, String)>>>;

/// A client that says `ping`, hears the answer, suffers `trouble` at one second, says `pong` at two,
/// and tells what it heard then, and when.
fn talk(turn: impl FnOnce(&Trouble)) -> (Heard, Told) {
    let (mut native, trouble) = (native(1), Trouble::default());
    let (heard, told) = (server(&mut native), Told::default());
    let (tells, troubled) = (Arc::clone(&told), trouble.clone());
    native.start("client", |doors| async move {
        let net = TroubledNet::new(doors.clone(), troubled);
        let mut stream: Stream = net.connect("server:80").await.unwrap();
        for (second, word) in [(0, b"ping"), (2, b"pong")] {
            doors.clock().sleep_until(DAWN + Duration::from_secs(second)).await;
            let mut answer = [0; 4];
            let heard = match stream.write_all(word).await {
                Err(error) => Err(error),
                Ok(()) => stream.read_exact(&mut answer).await,
            };
            let heard = heard.map_or_else(
                |error| format!("{:?}", error.kind()),
                |_| String::from_utf8(answer.to_vec()).unwrap(),
            );
            let millis = doors.clock().now().since(DAWN).as_micros() / 1_000;
            tells.lock().unwrap().push((millis, heard));
        }
        std::future::pending::<()>().await;
    });
    native.run_until(after(1_000));
    turn(&trouble);
    native.run_until(after(50_000));
    assert_eq!(native.panics(), []);
    (heard, told)
}

fn words(told: &Told) -> Vec<String> {
    told.lock().unwrap().iter().map(|(_, word)| word.clone()).collect()
}

fn heard(heard: &Heard) -> Vec<Vec<String>> {
    heard.lock().unwrap().clone()
}

fn list(words: &[&str]) -> Vec<String> {
    words.iter().map(|&word| word.to_owned()).collect()
}

#[test]
fn without_trouble_it_is_the_net_below() {
    let (server, client) = talk(|_| {});
    assert_eq!(
        (heard(&server), words(&client)),
        (vec![list(&["ping", "pong"])], list(&["well", "well"]))
    );
    for seed in 0..10 {
        let done = native(seed).finish("node", Duration::from_secs(60), |doors| async move {
            let net = TroubledNet::new(doors.clone(), Trouble::default());
            conformance::net_keeps_the_contract(&net, &doors.tasks(), "node:0").await.unwrap();
        });
        assert_eq!(done, Some(()), "seed {seed}");
    }
}

#[test]
fn a_duplicated_request_arrives_on_two_connections_and_is_answered_once() {
    let (server, client) = talk(|trouble| trouble.set_duplicates(true));
    assert_eq!(heard(&server), [list(&["ping", "pong"]), list(&["pong"])]);
    assert_eq!(words(&client), ["well", "well"]);
}

#[test]
fn a_lost_answer_is_of_a_request_that_got_through() {
    let (server, client) = talk(|trouble| trouble.set_loses_answers(true));
    assert_eq!(heard(&server), [list(&["ping", "pong", "UnexpectedEof"])]);
    assert_eq!(words(&client), ["well", "ConnectionReset"]);
}

#[test]
fn a_slow_peer_takes_a_rest_after_each_byte_it_writes_and_reads() {
    let pause = Duration::from_millis(100);
    let (server, client) = talk(|trouble| trouble.set_pause(Some(pause)));
    assert_eq!(heard(&server), [list(&["ping", "pong"])]);
    // Four bytes out with three rests between them, and four in with three.
    let last = client.lock().unwrap().last().cloned().unwrap();
    assert!((2_600..2_700).contains(&last.0), "{last:?}");
    assert_eq!(last.1, "well");
}

#[test]
fn a_connection_that_is_gone_for_the_client_stays_open_for_the_server() {
    let (server, client) = talk(|trouble| trouble.lose_connections(Gone::Client));
    assert_eq!(heard(&server), [list(&["ping"])]);
    assert_eq!(words(&client), ["well", "ConnectionReset"]);
}

#[test]
fn a_connection_that_is_gone_for_the_server_takes_what_the_client_says_and_answers_nothing() {
    let (server, client) = talk(|trouble| trouble.lose_connections(Gone::Engine));
    assert_eq!(heard(&server), [list(&["ping", "UnexpectedEof"])]);
    assert_eq!(words(&client), ["well"]);
}

#[test]
fn a_connection_that_is_gone_between_them_is_gone_for_neither() {
    let (server, client) = talk(|trouble| trouble.lose_connections(Gone::Between));
    assert_eq!(heard(&server), [list(&["ping"])]);
    assert_eq!(words(&client), ["well"]);
}

#[test]
fn who_waits_for_an_answer_hears_of_a_connection_that_vanishes() {
    let (mut native, trouble) = (native(1), Trouble::default());
    native.start("server", |doors| async move {
        let mut listener = doors.net().listen("server:80").await.unwrap();
        let _held = listener.accept().await.unwrap();
        std::future::pending::<()>().await;
    });
    let troubled = trouble.clone();
    let told = Arc::new(Mutex::new(None));
    let tells = Arc::clone(&told);
    native.start("client", |doors| async move {
        let net = TroubledNet::new(doors.clone(), troubled);
        let mut stream: Stream = net.connect("server:80").await.unwrap();
        let heard = stream.read(&mut [0; 4]).await.map_err(|error| error.kind());
        *tells.lock().unwrap() = Some((doors.clock().now(), heard));
    });
    native.run_until(after(700));
    trouble.lose_connections(Gone::Client);
    native.run_until(after(5_000));
    assert_eq!(*told.lock().unwrap(), Some((after(700), Err(ErrorKind::ConnectionReset))));
}

#[test]
fn a_paused_node_does_nothing_and_then_goes_on_with_its_timers_late() {
    let (mut native, gate) = (native(1), Gate::default());
    let ticks = Arc::new(Mutex::new(Vec::new()));
    let told = Arc::clone(&ticks);
    native.start("node", |doors| {
        let doors = GatedDoors::new(doors, gate.clone());
        gate.before(async move {
            let (clock, tasks) = (doors.clock(), doors.tasks());
            let inner = clock.clone();
            let ticker = tasks.spawn("ticker", async move {
                for second in 1..=5 {
                    inner.sleep_until(DAWN + Duration::from_secs(second)).await;
                    told.lock().unwrap().push(inner.now().since(DAWN).as_micros() / 1_000);
                }
            });
            homeostat_world::TaskHandle::join(ticker).await;
        })
    });
    native.run_until(after(1_500));
    gate.close();
    native.run_until(after(3_500));
    assert_eq!(*ticks.lock().unwrap(), [1_000]);
    gate.open();
    native.run_until(after(9_000));
    assert_eq!(*ticks.lock().unwrap(), [1_000, 3_500, 3_500, 4_000, 5_000]);
    assert_eq!((native.tasks_alive(), native.panics()), (0, vec![]));
}

#[test]
fn gated_tasks_keep_the_contract() {
    for seed in 0..10 {
        let done = native(seed).finish("node", Duration::from_secs(60), |doors| async move {
            let doors = GatedDoors::new(doors, Gate::default());
            conformance::tasks_keep_the_contract(&doors.tasks()).await;
        });
        assert_eq!(done, Some(()), "seed {seed}");
    }
}
