//! What links, resets and crashes do to connections.

use std::io::ErrorKind;
use std::sync::{Arc, Mutex};

use homeostat_sim_harness::stage::Link;
use homeostat_sim_harness::{Doors, Stage};
use homeostat_world::{Clock, Duration, Listener, Net, Tasks};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::talk::{CUT, Notes, echo, link, set, talk};
use crate::{DAWN, after, finish, turmoil};

/// Hosts take turns in a step, so what one hands to another may take a step more on each way.
const TURNS: i64 = 2;

/// Exactly this happened, never earlier and hardly later.
fn check(notes: &[(i64, String)], expected: &[(i64, &str)]) {
    let near = |(at, what): &(i64, String), (then, text): &(i64, &str)| {
        what == text && (*then..=then + TURNS).contains(at)
    };
    let same = notes.len() == expected.len()
        && notes.iter().zip(expected).all(|(note, expected)| near(note, expected));
    assert!(same, "{notes:?}, expected about {expected:?}");
}

/// The same of what happened last.
fn check_last(notes: &Notes, expected: (i64, &str)) {
    check(notes.all().as_slice().last_chunk::<1>().unwrap(), &[expected]);
}

#[test]
fn bytes_take_the_latency_of_each_way() {
    for seed in 0..8 {
        let (mut turmoil, notes) = (turmoil(seed), Notes::default());
        turmoil.set_link("client", "server", link(3));
        turmoil.set_link("server", "client", link(10));
        echo(&mut turmoil, &notes);
        talk(&mut turmoil, &notes, &[20]);
        turmoil.run_until(after(100));
        check(
            &notes.all(),
            &[(13, "client: connected"), (23, "server: 4"), (33, "client: answered")],
        );
        turmoil.crash("client");
        turmoil.run_until(after(200));
        check_last(&notes, (103, "server: end"));
    }
}

#[test]
fn bytes_stay_in_order_and_whole_whatever_the_jitter_and_the_buffers() {
    let run = |seed| {
        let mut turmoil = turmoil(seed);
        let jitter = Duration::from_millis(40);
        set(&mut turmoil, Link { jitter, ..Link::default() });
        let sent: Vec<u8> = (0..75_000).flat_map(u32::to_le_bytes).collect();
        let expected = sent.clone();
        turmoil.start("server", |doors| async move {
            let mut listener = doors.net().listen("server:80").await.unwrap();
            let (mut stream, _) = listener.accept().await.unwrap();
            for part in sent.chunks(7_001) {
                stream.write_all(part).await.unwrap();
            }
            stream.shutdown().await.unwrap();
            stream.shutdown().await.unwrap();
            assert_eq!(stream.write_all(b"x").await.unwrap_err().kind(), ErrorKind::BrokenPipe);
            let mut word = String::new();
            // A half that is closed leaves the other half open.
            stream.read_to_string(&mut word).await.unwrap();
            assert_eq!(word, "thanks");
        });
        let heard = finish(&mut turmoil, "client", Duration::from_secs(60), |doors| async move {
            let mut stream = doors.net().connect("server:80").await.unwrap();
            let mut heard = Vec::new();
            stream.read_to_end(&mut heard).await.unwrap();
            let took = doors.clock().now().since(DAWN);
            stream.write_all(b"thanks").await.unwrap();
            (heard, took)
        });
        let (heard, took) = heard.unwrap();
        assert!(heard == expected, "bytes differ");
        assert_eq!(turmoil.panics(), []);
        took
    };
    assert_eq!(run(1), run(1));
    assert_ne!(run(1), run(2), "jitter is by chance");
}

#[test]
fn a_writer_waits_for_room_and_the_end_of_a_full_connection_is_not_lost() {
    let mut turmoil = turmoil(1);
    let written = Arc::new(Mutex::new(0));
    let count = Arc::clone(&written);
    turmoil.start("server", |doors| async move {
        let mut listener = doors.net().listen("server:80").await.unwrap();
        let (mut stream, _) = listener.accept().await.unwrap();
        doors.clock().sleep_until(after(100)).await;
        let mut some = vec![0; 10_000];
        stream.read_exact(&mut some).await.unwrap();
        doors.clock().sleep_until(after(300)).await;
        assert_eq!(stream.read_to_end(&mut some).await.unwrap(), 64 << 10);
    });
    turmoil.start("client", |doors| async move {
        let mut stream = doors.net().connect("server:80").await.unwrap();
        while *count.lock().unwrap() < (64 << 10) + 10_000 {
            // Small segments: as many as there can be.
            let some = stream.write(&[7; 5]).await.unwrap();
            *count.lock().unwrap() += some;
        }
        stream.shutdown().await.unwrap();
        drop(stream);
    });
    turmoil.run_until(after(99));
    assert_eq!(*written.lock().unwrap(), 64 << 10);
    turmoil.run_until(after(200));
    assert_eq!(*written.lock().unwrap(), (64 << 10) + 10_000);
    turmoil.run_until(after(1_000));
    assert_eq!(turmoil.panics(), []);
}

#[test]
fn a_writer_without_room_hears_that_its_reader_has_gone() {
    let (mut turmoil, notes) = (turmoil(1), Notes::default());
    let told = notes.clone();
    turmoil.start("server", |doors| async move {
        let mut listener = doors.net().listen("server:80").await.unwrap();
        let _held = listener.accept().await.unwrap();
        std::future::pending::<()>().await;
    });
    turmoil.start("client", |doors| async move {
        let mut stream = doors.net().connect("server:80").await.unwrap();
        loop {
            if let Err(error) = stream.write(&[7; 5_000]).await {
                return told.note(doors.clock().now(), format!("{:?}", error.kind()));
            }
            doors.tasks().yield_now().await;
            doors.clock().sleep_until(doors.clock().now() + Duration::from_millis(1)).await;
        }
    });
    turmoil.run_until(after(500));
    notes.check(&[]);
    turmoil.crash("server");
    turmoil.run_until(after(1_000));
    check(&notes.all(), &[(501, "BrokenPipe")]);
}

#[test]
fn a_cut_link_holds_bytes_until_the_heal_and_tells_nobody() {
    let (mut turmoil, notes) = (turmoil(1), Notes::default());
    set(&mut turmoil, link(1));
    echo(&mut turmoil, &notes);
    talk(&mut turmoil, &notes, &[10, 20, 30]);
    turmoil.run_until(after(15));
    turmoil.set_link("client", "server", CUT);
    turmoil.run_until(after(50_000));
    let before = [(2, "client: connected"), (11, "server: 4"), (12, "client: answered")];
    check(&notes.all(), &before);
    turmoil.set_link("client", "server", link(5));
    turmoil.run_until(after(60_000));
    let healed = [(50_005, "server: 4"), (50_006, "client: answered")];
    let next = [(50_011, "server: 4"), (50_012, "client: answered")];
    check(&notes.all(), &[&before[..], &healed[..], &next[..]].concat());
}

#[test]
fn what_is_under_way_when_a_link_is_cut_waits_too() {
    let (mut turmoil, notes) = (turmoil(1), Notes::default());
    set(&mut turmoil, link(10));
    echo(&mut turmoil, &notes);
    talk(&mut turmoil, &notes, &[30]);
    turmoil.run_until(after(45));
    // The request has arrived, the answer has not.
    turmoil.set_link("server", "client", CUT);
    turmoil.run_until(after(100));
    check(&notes.all(), &[(20, "client: connected"), (40, "server: 4")]);
    turmoil.set_link("server", "client", link(10));
    turmoil.run_until(after(200));
    check_last(&notes, (110, "client: answered"));
}

#[test]
fn connecting_over_a_cut_link_hangs_until_the_heal() {
    let (mut turmoil, notes) = (turmoil(1), Notes::default());
    set(&mut turmoil, CUT);
    echo(&mut turmoil, &notes);
    talk(&mut turmoil, &notes, &[]);
    turmoil.run_until(after(10_000));
    turmoil.set_link("client", "server", link(1));
    turmoil.run_until(after(11_000));
    notes.check(&[]);
    turmoil.set_link("server", "client", link(1));
    turmoil.run_until(after(12_000));
    check(&notes.all(), &[(11_001, "client: connected")]);
}

#[test]
fn a_dial_that_was_given_up_before_a_cut_link_reaches_nobody() {
    let (mut turmoil, notes) = (turmoil(1), Notes::default());
    set(&mut turmoil, CUT);
    let told = notes.clone();
    turmoil.start("server", |doors| async move {
        let mut listener = doors.net().listen("0.0.0.0:80").await.unwrap();
        drop(listener.accept().await.unwrap());
        told.note(doors.clock().now(), "somebody came");
    });
    turmoil.start("client", |doors| async move {
        let (net, clock) = (doors.net(), doors.clock());
        tokio::select! {
            biased;
            _ = net.connect("server:80") => panic!("over a cut link"),
            () = clock.sleep_until(after(10)) => {}
        }
    });
    turmoil.run_until(after(20));
    set(&mut turmoil, Link::default());
    turmoil.run_until(after(30));
    assert_eq!((notes.all(), turmoil.panics()), (vec![], vec![]));
}

#[test]
fn nobody_listening_a_dead_node_and_a_refusing_link_refuse() {
    let (mut turmoil, notes) = (turmoil(1), Notes::default());
    set(&mut turmoil, link(2));
    talk(&mut turmoil, &notes, &[]);
    turmoil.run_until(after(10));
    check_last(&notes, (4, "client: ConnectionRefused"));

    turmoil.start("server", |_| std::future::pending());
    talk(&mut turmoil, &notes, &[]);
    turmoil.run_until(after(20));
    check_last(&notes, (14, "client: ConnectionRefused"));

    echo(&mut turmoil, &notes);
    turmoil.set_link("client", "server", Link { refuses: true, ..link(2) });
    talk(&mut turmoil, &notes, &[]);
    turmoil.run_until(after(30));
    check_last(&notes, (24, "client: ConnectionRefused"));

    turmoil.set_link("client", "server", link(2));
    talk(&mut turmoil, &notes, &[]);
    turmoil.run_until(after(40));
    check_last(&notes, (34, "client: connected"));

    turmoil.crash("server");
    talk(&mut turmoil, &notes, &[]);
    turmoil.run_until(after(50));
    check_last(&notes, (44, "client: ConnectionRefused"));
}

#[test]
fn a_link_that_refuses_leaves_the_connections_that_stand() {
    let (mut turmoil, notes) = (turmoil(1), Notes::default());
    echo(&mut turmoil, &notes);
    talk(&mut turmoil, &notes, &[50]);
    turmoil.run_until(after(40));
    set(&mut turmoil, Link { refuses: true, ..Link::default() });
    turmoil.run_until(after(60));
    check_last(&notes, (51, "client: answered"));
}

#[test]
fn a_reset_is_seen_at_both_ends_and_by_dials() {
    let (mut turmoil, notes) = (turmoil(1), Notes::default());
    echo(&mut turmoil, &notes);
    talk(&mut turmoil, &notes, &[10, 20]);
    turmoil.run_until(after(15));
    turmoil.reset("server", "client");
    turmoil.run_until(after(30));
    let all = notes.all();
    assert!(all.iter().any(|it| it.1 == "server: ConnectionReset" && it.0 <= 16), "{all:?}");
    assert!(all.contains(&(20, "client: ConnectionReset".to_owned())), "{all:?}");

    set(&mut turmoil, link(100));
    talk(&mut turmoil, &notes, &[]);
    turmoil.run_until(after(50));
    turmoil.reset("client", "server");
    turmoil.run_until(after(60));
    check_last(&notes, (50, "client: ConnectionReset"));

    set(&mut turmoil, link(1));
    talk(&mut turmoil, &notes, &[]);
    turmoil.run_until(after(70));
    check_last(&notes, (62, "client: connected"));
    assert_eq!(turmoil.panics(), []);
}

#[test]
fn a_crashed_peer_is_an_end_after_the_latency() {
    let (mut turmoil, notes) = (turmoil(1), Notes::default());
    set(&mut turmoil, link(7));
    echo(&mut turmoil, &notes);
    talk(&mut turmoil, &notes, &[100]);
    turmoil.run_until(after(103));
    turmoil.crash("server");
    turmoil.run_until(after(200));
    check(&notes.all(), &[(14, "client: connected"), (110, "client: UnexpectedEof")]);
}

#[test]
fn a_peer_that_crashes_behind_a_cut_link_leaves_a_half_open_connection() {
    let (mut turmoil, notes) = (turmoil(1), Notes::default());
    set(&mut turmoil, link(7));
    echo(&mut turmoil, &notes);
    talk(&mut turmoil, &notes, &[100]);
    turmoil.run_until(after(50));
    set(&mut turmoil, CUT);
    turmoil.crash("server");
    turmoil.run_until(after(90));
    echo(&mut turmoil, &notes);
    turmoil.run_until(after(60_000));
    check(&notes.all(), &[(14, "client: connected")]);
    set(&mut turmoil, link(7));
    turmoil.run_until(after(61_000));
    check(&notes.all(), &[(14, "client: connected"), (60_007, "client: UnexpectedEof")]);
}

#[test]
fn what_comes_for_an_earlier_life_is_answered_by_a_reset() {
    let (mut turmoil, notes) = (turmoil(1), Notes::default());
    echo(&mut turmoil, &notes);
    talk(&mut turmoil, &notes, &[100]);
    turmoil.run_until(after(50));
    // The end of the first life does not get through, what the client says then does.
    turmoil.set_link("server", "client", CUT);
    turmoil.crash("server");
    echo(&mut turmoil, &notes);
    turmoil.run_until(after(150));
    check(&notes.all(), &[(2, "client: connected")]);
    turmoil.set_link("server", "client", link(1));
    turmoil.run_until(after(200));
    let (at, what) = notes.all().pop().unwrap();
    assert_eq!(at, 151, "{what}");
    assert!(["client: ConnectionReset", "client: UnexpectedEof"].contains(&&*what), "{what}");
}

#[test]
fn a_port_is_bound_once_and_free_again_when_let_go() {
    let mut turmoil = turmoil(1);
    let done = finish(&mut turmoil, "server", Duration::from_secs(1), |doors| async move {
        let net = doors.net();
        let first = net.listen("server:80").await.unwrap();
        let taken = net.listen("server:80").await.unwrap_err();
        assert_eq!(taken.kind(), ErrorKind::AddrInUse);
        let chosen = net.listen("server:0").await.unwrap();
        assert_ne!(chosen.address(), first.address());
        assert!(!chosen.address().ends_with(":0"));
        drop(first);
        net.listen("server:80").await.unwrap();
        let elsewhere = net.listen("client:80").await.unwrap_err();
        assert_eq!(elsewhere.kind(), ErrorKind::AddrNotAvailable);
        for wrong in ["server", "server:x", ""] {
            assert_eq!(net.connect(wrong).await.unwrap_err().kind(), ErrorKind::InvalidInput);
        }
    });
    assert_eq!((done, turmoil.panics()), (Some(()), vec![]));
}
