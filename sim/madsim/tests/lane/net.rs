//! The network: latency, cut links, refusals, resets, crashed peers. Bytes are `conformance`'s.

use std::io::ErrorKind;

use homeostat_sim_harness::stage::Link;
use homeostat_sim_harness::{Doors, Stage};
use homeostat_sim_madsim::Madsim;
use homeostat_world::{Clock, Duration, Listener, Net};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::talk::{CUT, Notes, echo, link, set, talk};
use crate::world::{after, finish, madsim};

/// When `what` happened last, in milliseconds.
fn when(notes: &Notes, what: &str) -> Option<i64> {
    notes.all().into_iter().rev().find(|(_, it)| it == what).map(|(at, _)| at)
}

/// Who talks from the fifth millisecond on.
fn started(seed: u64, link: Link, times_ms: &[i64]) -> (Madsim, Notes) {
    let (mut stage, notes) = (madsim(seed), Notes::default());
    set(&mut stage, link);
    echo(&mut stage, &notes);
    stage.run_until(after(5));
    talk(&mut stage, &notes, times_ms);
    (stage, notes)
}

#[test]
fn bytes_take_the_latency_of_each_way() {
    let (mut stage, notes) = started(1, link(1), &[100]);
    stage.set_link("client", "server", link(3));
    stage.set_link("server", "client", link(10));
    stage.run_until(after(200));
    let connected = when(&notes, "client: connected").unwrap();
    assert!((5 + 13..5 + 13 + 3).contains(&connected), "{connected}");
    let all = notes.all();
    assert_eq!(all.last().unwrap(), &(113, "client: answered".to_owned()), "{all:?}");
    assert_eq!(when(&notes, "server: 4"), Some(103));
}

#[test]
fn links_begin_with_a_small_latency() {
    let (mut stage, notes) = started(1, Link::default(), &[100]);
    stage.run_until(after(200));
    let answered = when(&notes, "client: answered").unwrap();
    assert!((102..104).contains(&answered), "a millisecond each way is madsim's least: {answered}");
}

#[test]
fn bytes_stay_in_order_and_whole_whatever_the_jitter_and_the_buffers() {
    let run = |seed| {
        let mut stage = madsim(seed);
        let jitter = Duration::from_millis(40);
        set(&mut stage, Link { jitter, ..Link::default() });
        let sent: Vec<u8> = (0..75_000).flat_map(u32::to_le_bytes).collect();
        let expected = sent.clone();
        stage.start("server", |doors| async move {
            let mut listener = doors.net().listen("0.0.0.0:80").await.unwrap();
            assert_eq!(listener.address(), "server:80");
            let (mut stream, _) = listener.accept().await.unwrap();
            for part in sent.chunks(7_001) {
                stream.write_all(part).await.unwrap();
            }
            stream.shutdown().await.unwrap();
            assert_eq!(stream.write_all(b"x").await.unwrap_err().kind(), ErrorKind::BrokenPipe);
            let mut word = String::new();
            // A half that is closed leaves the other half open.
            stream.read_to_string(&mut word).await.unwrap();
            assert_eq!(word, "thanks");
        });
        stage.run_until(after(5));
        let heard = finish(&mut stage, "client", Duration::from_secs(60), |doors| async move {
            let mut stream = doors.net().connect("server:80").await.unwrap();
            let mut heard = Vec::new();
            stream.read_to_end(&mut heard).await.unwrap();
            stream.write_all(b"thanks").await.unwrap();
            (doors.clock().now(), heard)
        });
        let (took, heard) = heard.unwrap();
        assert!(heard == expected, "bytes differ");
        assert_eq!(stage.panics(), []);
        took
    };
    assert_eq!(run(1), run(1));
    assert_ne!(run(1), run(2), "jitter is by chance");
}

#[test]
fn a_cut_link_holds_bytes_until_the_heal_and_tells_nobody() {
    let (mut stage, notes) = started(1, link(1), &[10, 20, 30]);
    stage.run_until(after(15));
    stage.set_link("client", "server", CUT);
    stage.run_until(after(2_000));
    let before = notes.all();
    assert_eq!(before.last().unwrap().1, "client: answered", "{before:?}");
    assert_eq!(before.len(), 3, "{before:?}");
    stage.set_link("client", "server", link(5));
    stage.run_until(after(60_000));
    let all = notes.all();
    assert_eq!(all.len(), 7, "{all:?}");
    let late = all.get(3).unwrap().0;
    assert!((2_005..5_000).contains(&late), "after the heal, and soon: {all:?}");
}

#[test]
fn connecting_over_a_cut_link_hangs_until_the_heal() {
    let (mut stage, notes) = started(1, CUT, &[]);
    stage.run_until(after(10_000));
    notes.check(&[]);
    stage.set_link("client", "server", link(1));
    stage.run_until(after(11_000));
    notes.check(&[]);
    stage.set_link("server", "client", link(1));
    stage.run_until(after(12_000));
    let at = when(&notes, "client: connected").unwrap();
    assert!((11_000..11_003).contains(&at), "{at}");
}

#[test]
fn a_link_that_is_cut_while_a_dial_is_on_its_way_holds_the_dial() {
    for micros in (0..4_000).step_by(100) {
        let (mut stage, notes) = started(1, link(1), &[]);
        stage.run_until(after(5) + Duration::from_micros(micros));
        set(&mut stage, CUT);
        stage.run_until(after(1_000));
        set(&mut stage, link(1));
        stage.run_until(after(2_000));
        let all = notes.all();
        let ends: Vec<_> = all.iter().filter(|it| it.1 != "client: connected").collect();
        assert!(ends.is_empty() && all.len() == 1, "{micros}: {all:?}");
    }
}

#[test]
fn a_dial_that_was_given_up_before_a_cut_link_reaches_nobody() {
    let (mut stage, notes) = (madsim(1), Notes::default());
    set(&mut stage, CUT);
    let told = notes.clone();
    stage.start("server", |doors| async move {
        let mut listener = doors.net().listen("server:80").await.unwrap();
        drop(listener.accept().await.unwrap());
        told.note(doors.clock().now(), "somebody came");
    });
    stage.start("client", |doors| async move {
        let (net, clock) = (doors.net(), doors.clock());
        tokio::select! {
            biased;
            _ = net.connect("server:80") => panic!("over a cut link"),
            () = clock.sleep_until(after(10)) => {}
        }
    });
    stage.run_until(after(20));
    set(&mut stage, Link::default());
    stage.run_until(after(30));
    assert_eq!((notes.all(), stage.panics()), (vec![], vec![]));
}

#[test]
fn nobody_listening_a_dead_node_and_a_refusing_link_refuse() {
    let (mut stage, notes) = (madsim(1), Notes::default());
    set(&mut stage, link(2));
    let last = |notes: &Notes| notes.all().last().unwrap().1.clone();
    talk(&mut stage, &notes, &[]);
    stage.run_until(after(20));
    assert_eq!(last(&notes), "client: ConnectionRefused");

    echo(&mut stage, &notes);
    stage.run_until(after(30));
    stage.set_link("client", "server", Link { refuses: true, ..link(2) });
    talk(&mut stage, &notes, &[]);
    stage.run_until(after(40));
    assert_eq!(when(&notes, "client: ConnectionRefused"), Some(34));

    stage.set_link("client", "server", link(2));
    talk(&mut stage, &notes, &[]);
    stage.run_until(after(50));
    assert_eq!(last(&notes), "client: connected");

    stage.crash("server");
    talk(&mut stage, &notes, &[]);
    stage.run_until(after(60));
    assert_eq!(last(&notes), "client: ConnectionRefused");
}

#[test]
fn a_link_that_refuses_leaves_the_connections_that_stand() {
    let (mut stage, notes) = started(1, link(1), &[50]);
    stage.run_until(after(40));
    set(&mut stage, Link { refuses: true, ..link(1) });
    stage.run_until(after(60));
    assert_eq!(when(&notes, "client: answered"), Some(52));
}

#[test]
fn a_reset_is_seen_at_both_ends() {
    let (mut stage, notes) = started(1, link(1), &[10, 20]);
    stage.run_until(after(15));
    stage.reset("server", "client");
    stage.run_until(after(30));
    assert_eq!(when(&notes, "server: ConnectionReset"), Some(15));
    assert_eq!(when(&notes, "client: ConnectionReset"), Some(20));
    talk(&mut stage, &notes, &[]);
    stage.run_until(after(40));
    assert!(when(&notes, "client: connected").unwrap() >= 30, "the next one stands");
}

#[test]
fn a_crashed_peer_is_an_end_after_the_latency() {
    let (mut stage, notes) = started(1, link(7), &[100]);
    stage.run_until(after(103));
    stage.crash("server");
    stage.run_until(after(200));
    let all = notes.all();
    assert_eq!(all.last().unwrap(), &(110, "client: UnexpectedEof".to_owned()), "{all:?}");

    let (mut stage, notes) = started(1, link(7), &[100]);
    stage.run_until(after(150));
    stage.crash("client");
    stage.run_until(after(200));
    assert_eq!(when(&notes, "server: end"), Some(157));
}

#[test]
fn a_peer_that_crashes_behind_a_cut_link_leaves_a_half_open_connection() {
    let (mut stage, notes) = started(1, link(7), &[100]);
    stage.run_until(after(50));
    set(&mut stage, CUT);
    stage.crash("server");
    stage.run_until(after(90));
    echo(&mut stage, &notes);
    stage.run_until(after(60_000));
    assert_eq!(notes.all().len(), 1, "connected, and nothing since");
    set(&mut stage, link(7));
    stage.run_until(after(61_000));
    let all = notes.all();
    assert_eq!(all.last().unwrap().1, "client: UnexpectedEof", "{all:?}");
    assert!(all.last().unwrap().0 >= 60_000, "{all:?}");
}

#[test]
fn a_writer_waits_until_its_reader_has_made_room_and_fails_when_it_goes() {
    let (mut stage, notes) = (madsim(1), Notes::default());
    stage.start("server", |doors| async move {
        let mut listener = doors.net().listen("server:80").await.unwrap();
        let (mut stream, _) = listener.accept().await.unwrap();
        doors.clock().sleep_until(after(100)).await;
        let mut some = vec![0; 10_000];
        stream.read_exact(&mut some).await.unwrap();
        doors.clock().sleep_until(after(200)).await;
    });
    stage.run_until(after(5));
    let told = notes.clone();
    stage.start("client", |doors| async move {
        let mut stream = doors.net().connect("server:80").await.unwrap();
        let mut written = 0;
        let kind = loop {
            match stream.write(&[7; 5_000]).await {
                Ok(some) => written += some,
                Err(error) => break error.kind(),
            }
            told.note(doors.clock().now(), written.to_string());
        };
        told.note(doors.clock().now(), format!("{kind:?}"));
    });
    stage.run_until(after(99));
    assert_eq!(notes.all().last().unwrap().1, (64 << 10).to_string());
    stage.run_until(after(150));
    assert_eq!(notes.all().last().unwrap().1, ((64 << 10) + 10_000).to_string());
    stage.run_until(after(300));
    assert_eq!(notes.all().last().unwrap(), &(200, "ConnectionReset".to_owned()));
}

#[test]
fn a_listener_that_goes_ends_those_who_wait_to_be_accepted() {
    let (mut stage, notes) = (madsim(1), Notes::default());
    stage.start("server", |doors| async move {
        let listener = doors.net().listen("server:80").await.unwrap();
        doors.clock().sleep_until(after(100)).await;
        drop(listener);
        doors.net().listen("server:80").await.unwrap();
    });
    stage.run_until(after(5));
    let told = notes.clone();
    stage.start("client", |doors| async move {
        let mut stream = doors.net().connect("server:80").await.unwrap();
        while stream.write(&[7; 5_000]).await.is_ok() {}
        told.note(doors.clock().now(), "fails");
    });
    stage.run_until(after(200));
    assert_eq!((when(&notes, "fails"), stage.panics()), (Some(100), vec![]));
}

#[test]
fn addresses_that_are_none_or_of_somebody_else_are_said_to_be() {
    let mut stage = madsim(1);
    finish(&mut stage, "server", Duration::from_secs(1), |doors| async move {
        let net = doors.net();
        let first = net.listen("server:80").await.unwrap();
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
        let unknown = net.connect("nobody:80").await.unwrap_err();
        assert_eq!(unknown.kind(), ErrorKind::ConnectionRefused);
    })
    .unwrap();
    assert_eq!(stage.panics(), []);
}
