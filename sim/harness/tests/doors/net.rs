//! The network: bytes, back-pressure, latency, cut links, refusals, resets, crashed peers.

use std::io::ErrorKind;
use std::sync::{Arc, Mutex};

use homeostat_sim_harness::stage::Link;
use homeostat_sim_harness::{Doors, Stage};
use homeostat_world::{Clock, Duration, Listener, Net};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::talk::{CUT, Notes, echo, link, set, talk};
use crate::{DAWN, after, native};

#[test]
fn bytes_take_the_latency_of_each_way() {
    let (mut native, notes) = (native(1), Notes::default());
    native.set_link("client", "server", link(3));
    native.set_link("server", "client", link(10));
    echo(&mut native, &notes);
    talk(&mut native, &notes, &[20]);
    native.run_until(after(100));
    notes.check(&[(13, "client: connected"), (23, "server: 4"), (33, "client: answered")]);
    native.crash("client");
    native.run_until(after(200));
    assert_eq!(notes.all().last().unwrap(), &(103, "server: ConnectionReset".to_owned()));
}

#[test]
fn bytes_stay_in_order_and_whole_whatever_the_jitter_and_the_buffers() {
    let run = |seed| {
        let mut native = native(seed);
        let jitter = Duration::from_millis(40);
        set(&mut native, Link { jitter, ..Link::default() });
        let sent: Vec<u8> = (0..75_000).flat_map(u32::to_le_bytes).collect();
        let expected = sent.clone();
        native.start("server", |doors| async move {
            let mut listener = doors.net().listen("server:80").await.unwrap();
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
        let heard = native.finish("client", Duration::from_secs(60), |doors| async move {
            let mut stream = doors.net().connect("server:80").await.unwrap();
            let mut heard = Vec::new();
            stream.read_to_end(&mut heard).await.unwrap();
            stream.write_all(b"thanks").await.unwrap();
            heard
        });
        assert!(heard.unwrap() == expected, "bytes differ");
        let took = native.now().since(DAWN);
        native.run_until(after(10_000));
        assert_eq!(native.panics(), []);
        took
    };
    assert_eq!(run(1), run(1));
    assert_ne!(run(1), run(2), "jitter is by chance");
}

#[test]
fn a_writer_waits_until_its_reader_has_made_room() {
    let mut native = native(1);
    let written = Arc::new(Mutex::new(0));
    let count = Arc::clone(&written);
    native.start("server", |doors| async move {
        let mut listener = doors.net().listen("server:80").await.unwrap();
        let (mut stream, _) = listener.accept().await.unwrap();
        doors.clock().sleep_until(after(100)).await;
        let mut some = vec![0; 10_000];
        stream.read_exact(&mut some).await.unwrap();
        std::future::pending::<()>().await;
    });
    native.start("client", |doors| async move {
        let mut stream = doors.net().connect("server:80").await.unwrap();
        loop {
            let some = stream.write(&[7; 5_000]).await.unwrap();
            *count.lock().unwrap() += some;
        }
    });
    native.run_until(after(99));
    assert_eq!(*written.lock().unwrap(), 64 << 10);
    native.run_until(after(200));
    assert_eq!(*written.lock().unwrap(), (64 << 10) + 10_000);
}

#[test]
fn a_cut_link_holds_bytes_until_the_heal_and_tells_nobody() {
    let (mut native, notes) = (native(1), Notes::default());
    set(&mut native, link(1));
    echo(&mut native, &notes);
    talk(&mut native, &notes, &[10, 20, 30]);
    native.run_until(after(15));
    native.set_link("client", "server", CUT);
    native.run_until(after(50_000));
    let before = [(2, "client: connected"), (11, "server: 4"), (12, "client: answered")];
    notes.check(&before);
    native.set_link("client", "server", link(5));
    native.run_until(after(60_000));
    let healed = [(50_005, "server: 4"), (50_006, "client: answered")];
    let next = [(50_011, "server: 4"), (50_012, "client: answered")];
    notes.check(&[&before[..], &healed[..], &next[..]].concat());
}

#[test]
fn what_is_under_way_when_a_link_is_cut_waits_too() {
    let (mut native, notes) = (native(1), Notes::default());
    set(&mut native, link(10));
    echo(&mut native, &notes);
    talk(&mut native, &notes, &[30]);
    native.run_until(after(45));
    // The request has arrived, the answer has not.
    native.set_link("server", "client", CUT);
    native.run_until(after(100));
    notes.check(&[(20, "client: connected"), (40, "server: 4")]);
    native.set_link("server", "client", link(10));
    native.run_until(after(200));
    assert_eq!(notes.all().last().unwrap(), &(110, "client: answered".to_owned()));
}

#[test]
fn connecting_over_a_cut_link_hangs_until_the_heal() {
    let (mut native, notes) = (native(1), Notes::default());
    set(&mut native, CUT);
    echo(&mut native, &notes);
    talk(&mut native, &notes, &[]);
    native.run_until(after(10_000));
    notes.check(&[]);
    native.set_link("client", "server", link(1));
    native.run_until(after(11_000));
    notes.check(&[]);
    native.set_link("server", "client", link(1));
    native.run_until(after(12_000));
    notes.check(&[(11_001, "client: connected")]);
}

#[test]
fn a_dial_that_was_given_up_before_a_cut_link_reaches_nobody() {
    let (mut native, notes) = (native(1), Notes::default());
    set(&mut native, CUT);
    let told = notes.clone();
    native.start("server", |doors| async move {
        let mut listener = doors.net().listen("0.0.0.0:80").await.unwrap();
        assert_eq!(listener.address(), "server:80");
        drop(listener.accept().await.unwrap());
        told.note(doors.clock().now(), "somebody came");
    });
    native.start("client", |doors| async move {
        let (net, clock) = (doors.net(), doors.clock());
        tokio::select! {
            biased;
            _ = net.connect("server:80") => panic!("over a cut link"),
            () = clock.sleep_until(after(10)) => {}
        }
    });
    native.run_until(after(20));
    set(&mut native, Link::default());
    native.run_until(after(30));
    assert_eq!((notes.all(), native.panics()), (vec![], vec![]));
}

#[test]
fn nobody_listening_a_dead_node_and_a_refusing_link_refuse() {
    let (mut native, notes) = (native(1), Notes::default());
    set(&mut native, link(2));
    talk(&mut native, &notes, &[]);
    native.run_until(after(10));
    notes.check(&[(4, "client: ConnectionRefused")]);

    echo(&mut native, &notes);
    native.set_link("client", "server", Link { refuses: true, ..link(2) });
    talk(&mut native, &notes, &[]);
    native.run_until(after(20));
    assert_eq!(notes.all().last().unwrap(), &(14, "client: ConnectionRefused".to_owned()));

    native.set_link("client", "server", link(2));
    talk(&mut native, &notes, &[]);
    native.run_until(after(30));
    assert_eq!(notes.all().last().unwrap(), &(24, "client: connected".to_owned()));

    native.crash("server");
    talk(&mut native, &notes, &[]);
    native.run_until(after(40));
    assert_eq!(notes.all().last().unwrap(), &(34, "client: ConnectionRefused".to_owned()));
}

#[test]
fn a_link_that_refuses_leaves_the_connections_that_stand() {
    let (mut native, notes) = (native(1), Notes::default());
    echo(&mut native, &notes);
    talk(&mut native, &notes, &[50]);
    native.run_until(after(40));
    set(&mut native, Link { refuses: true, ..Link::default() });
    native.run_until(after(60));
    assert_eq!(notes.all().last().unwrap(), &(51, "client: answered".to_owned()));
}

#[test]
fn a_reset_is_seen_at_both_ends() {
    let (mut native, notes) = (native(1), Notes::default());
    echo(&mut native, &notes);
    talk(&mut native, &notes, &[10, 20]);
    native.run_until(after(15));
    native.reset("server", "client");
    native.run_until(after(30));
    let all = notes.all();
    assert!(all.contains(&(15, "server: ConnectionReset".to_owned())), "{all:?}");
    assert!(all.contains(&(20, "client: ConnectionReset".to_owned())), "{all:?}");
    talk(&mut native, &notes, &[]);
    native.run_until(after(40));
    assert_eq!(notes.all().last().unwrap(), &(31, "client: connected".to_owned()));
}

#[test]
fn a_crashed_peer_is_a_reset_after_the_latency() {
    let (mut native, notes) = (native(1), Notes::default());
    set(&mut native, link(7));
    echo(&mut native, &notes);
    talk(&mut native, &notes, &[100]);
    native.run_until(after(103));
    native.crash("server");
    native.run_until(after(200));
    notes.check(&[(14, "client: connected"), (110, "client: ConnectionReset")]);
}

#[test]
fn a_peer_that_crashes_behind_a_cut_link_leaves_a_half_open_connection() {
    let (mut native, notes) = (native(1), Notes::default());
    set(&mut native, link(7));
    echo(&mut native, &notes);
    talk(&mut native, &notes, &[100]);
    native.run_until(after(50));
    set(&mut native, CUT);
    native.crash("server");
    native.run_until(after(90));
    echo(&mut native, &notes);
    native.run_until(after(60_000));
    notes.check(&[(14, "client: connected")]);
    set(&mut native, link(7));
    native.run_until(after(61_000));
    notes.check(&[(14, "client: connected"), (60_007, "client: ConnectionReset")]);
}

#[test]
fn an_end_that_is_dropped_is_an_end_to_its_reader_and_an_error_to_its_writer() {
    let mut native = native(1);
    native.start("server", |doors| async move {
        let mut listener = doors.net().listen("server:80").await.unwrap();
        let (mut stream, _) = listener.accept().await.unwrap();
        stream.write_all(b"bye").await.unwrap();
        drop(stream);
        // The listener is gone with this task.
    });
    let kinds = native.finish("client", Duration::from_secs(1), |doors| async move {
        let mut stream = doors.net().connect("server:80").await.unwrap();
        let mut heard = String::new();
        stream.read_to_string(&mut heard).await.unwrap();
        assert_eq!(heard, "bye");
        stream.write_all(b"hello?").await.unwrap();
        doors.clock().sleep_until(after(100)).await;
        let broken = stream.write_all(b"hello?").await.unwrap_err().kind();
        let again = doors.net().connect("server:80").await.unwrap_err().kind();
        (broken, again)
    });
    assert_eq!(kinds, Some((ErrorKind::ConnectionReset, ErrorKind::ConnectionRefused)));
}

#[test]
fn a_port_is_bound_once_and_free_again_when_let_go() {
    let mut native = native(1);
    native.finish("server", Duration::from_secs(1), |doors| async move {
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
    native.run_until(after(10));
    assert_eq!(native.panics(), []);
}
