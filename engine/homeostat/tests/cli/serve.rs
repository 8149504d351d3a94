//! The engine as a process: starting, answering, refusing, stopping.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, ExitStatus, Stdio};

use crate::bench::{Bench, golden};
use crate::logs::with_orders;
use crate::specs::ORDERS;

/// A running `homeostat serve`.
pub(crate) struct Server {
    pub(crate) child: Child,
    pub(crate) url: String,
}

impl Server {
    #[track_caller]
    pub(crate) fn start(bench: &Bench, arguments: &[&str]) -> Self {
        let usual = ["serve", "--log", "log", "--listen", "127.0.0.1:0", "--format", "json"];
        let mut child = bench
            .command(&[&usual[..], arguments].concat())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        let ready: serde_json::Value = serde_json::from_str(&line).unwrap_or_else(|_| {
            let mut said = String::new();
            child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
            panic!("it does not get ready: {said}")
        });
        assert_eq!(ready["type"], "ready");
        Self { child, url: ready["address"].as_str().unwrap().to_owned() }
    }

    pub(crate) fn signal(&self, name: &str) {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args([name, &id]).status().unwrap().success());
    }

    /// Asks it to stop, and waits.
    pub(crate) fn stop(mut self) -> ExitStatus {
        self.signal("-TERM");
        self.child.wait().unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // A test that failed leaves nobody behind.
        drop(self.child.kill());
    }
}

fn with_spec() -> Bench {
    let bench = Bench::new();
    bench.write("orders.intent", ORDERS);
    bench
}

pub(crate) const PLACED: [&str; 7] =
    ["append", "--type", "order.placed", "--data", "order=o1", "--id", "1"];

#[test]
fn a_server_takes_events_shows_gaps_and_stops_gracefully() {
    let bench = with_spec();
    let server = Server::start(&bench, &["--spec", "orders.intent"]);
    let on_server = ["--server", server.url.as_str()];
    bench.run(&[&PLACED[..], &on_server].concat()).fine().shows("appended e2  order.placed  1");
    bench.run(&[&PLACED[..], &on_server].concat()).fine().shows("already there e2");
    let gaps = bench.run(&[&["gaps", "--format", "json"][..], &on_server].concat()).fine().json();
    assert_eq!(gaps["gaps"][0]["id"], "ship@2", "{gaps}");
    bench.run(&[&["gaps", "--summary"][..], &on_server].concat()).fine().shows("ship");
    bench.run(&[&["gaps", "--fail-on", "should"][..], &on_server].concat()).ended(1);
    bench.run(&[&["explain", "2"][..], &on_server].concat()).fine().shows("SHOULD ship(o1)");
    let story = bench.run(&[&["explain", "ship@2"][..], &on_server].concat());
    story.fine().shows("escalated").shows("needs a human ship@2  no agent");
    let wrong = bench.run(&[&["explain", "sihp@2"][..], &on_server].concat());
    wrong.ended(2).says("calls for `sihp@2`");
    let summary = bench.run(&[&["gaps", "--summary"][..], &on_server].concat());
    summary.fine().shows("2d");
    bench.run(&[&["gaps", "--as-of", "now"][..], &on_server].concat()).ended(2).says("`--as-of`");
    bench.run(&[&["explain", "99"][..], &on_server].concat()).ended(2).says("`99`");
    assert_eq!(server.stop().code(), Some(0));
    bench.run(&["verify", "--log", "log"]).fine();
}

#[test]
fn people_decide_about_gaps_that_no_agent_can_close() {
    let bench = with_spec();
    let server = Server::start(&bench, &["--spec", "orders.intent"]);
    let on_server = ["--server", server.url.as_str()];
    bench.run(&[&PLACED[..], &on_server].concat()).fine();
    let review = |arguments: &[&str]| bench.run(&[&["review"], arguments, &on_server].concat());
    // No agents file was given, so the gap goes to people.
    review(&[]).fine().shows("ship@2").shows("no agent");
    review(&["ship@2"]).ended(2).says("no verdict");
    review(&["ship@2", "--waive"]).ended(2).says("a name and a reason");
    review(&["ship@99", "--waive"]).ended(2).says("no open gap `ship@99`");
    review(&["ship@2", "--waive", "--retry"]).ended(2);
    let waived = review(&["ship@2", "--waive", "--by", "maria", "--reason", "sold out"]);
    waived.fine().shows("waive ship@2");
    review(&[]).fine().shows("nothing waits for a person");
    assert_eq!(server.stop().code(), Some(0));
}

#[test]
fn a_directory_in_use_is_refused_with_the_process_that_has_it() {
    let bench = with_spec();
    let server = Server::start(&bench, &["--spec", "orders.intent"]);
    let id = format!("process `{}`", server.child.id());
    for arguments in [
        &["serve", "--log", "log", "--spec", "orders.intent"][..],
        &["verify", "--log", "log"],
        &["gaps", "--log", "log"],
        &["append", "--log", "log", "--type", "t"],
    ] {
        bench.run(arguments).ended(2).says(&id).says("help: ");
    }
    assert_eq!(server.stop().code(), Some(0));
}

#[test]
fn a_log_stays_with_the_spec_that_it_was_first_served_with() {
    let bench = with_spec();
    assert_eq!(Server::start(&bench, &["--spec", "orders.intent"]).stop().code(), Some(0));
    bench.write("other.intent", &ORDERS.replace("within: 5s", "within: 6s"));
    bench
        .run(&["serve", "--log", "log", "--spec", "other.intent"])
        .ended(2)
        .says("unknown spec version")
        .says("--spec-from-log");
    // Another layout is the same spec.
    bench.write("same.intent", &ORDERS.replace("  must", "\n\n # a note\n  must"));
    assert_eq!(Server::start(&bench, &["--spec", "same.intent"]).stop().code(), Some(0));
    assert_eq!(Server::start(&bench, &["--spec-from-log"]).stop().code(), Some(0));
    // The verbs that look at a log find the spec there, too.
    bench.run(&["gaps", "--log", "log", "--summary"]).fine().shows("confirm");
}

#[test]
fn recorded_history_is_acted_on_only_when_that_is_asked_for() {
    let bench = with_orders();
    bench
        .run(&["serve", "--log", "log", "--spec", "orders.intent"])
        .ended(2)
        .says("--adopt-history");
    let server = Server::start(&bench, &["--spec", "orders.intent", "--adopt-history"]);
    assert_eq!(server.stop().code(), Some(0));
}

#[test]
fn what_serve_cannot_start_with_is_said_and_leaves_no_log() {
    let bench = with_spec();
    bench.write("bad.intent", "when {\n");
    bench.write("agents.toml", "[[agent]]\nname = \"a\"\nfor = \"*\"\nkind = \"robot\"\n");
    bench.run(&["serve", "--log", "log", "--spec", "bad.intent"]).ended(2).says("error[S00");
    bench
        .run(&["serve", "--log", "log", "--spec", "orders.intent", "--agents", "agents.toml"])
        .ended(2)
        .says("agents.toml:4: unknown kind `robot`");
    bench.run(&["serve", "--log", "log", "--spec-from-log"]).ended(2).says("log");
    assert!(!bench.path("log").exists());
    bench
        .run(&["serve", "--log", "log", "--spec", "orders.intent", "--listen", "nowhere:x"])
        .ended(2)
        .says("cannot listen on `nowhere:x`");
}

#[test]
fn an_agent_for_an_action_that_nobody_asks_for_is_pointed_out() {
    let bench = with_spec();
    bench.write("agents.toml", "[[agent]]\nname = \"a\"\nfor = \"shipp_order\"\nkind = \"mock\"\n");
    let serve = ["serve", "--log", "log", "--spec", "orders.intent", "--agents", "agents.toml"];
    // An address that cannot be had ends it before it begins.
    let ended = bench.run(&[&serve[..], &["--listen", "256.0.0.1:1"]].concat()).ended(2);
    ended.says("agent `a` is for `shipp_order`, and nothing in the spec asks for that");
}

#[test]
fn nobody_listening_is_said_plainly() {
    Bench::new()
        .run(&["gaps", "--server", "http://127.0.0.1:1"])
        .ended(2)
        .says("no connection to `127.0.0.1:1`");
    Bench::new().run(&["gaps", "--server", "ftp://x"]).ended(2).says("is no server address");
}

#[test]
fn the_second_signal_stops_a_server_at_once() {
    let bench = with_spec();
    let mut server = Server::start(&bench, &["--spec", "orders.intent"]);
    // A request that never ends keeps the graceful stop waiting.
    let mut slow = TcpStream::connect(server.url.strip_prefix("http://").unwrap()).unwrap();
    slow.write_all(b"POST /v1/events HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n").unwrap();
    slow.write_all(b"content-type: application/x-ndjson\r\n\r\n{").unwrap();
    // Answered in order, so the slow request has been taken before the signal is sent.
    bench.run(&["gaps", "--server", server.url.as_str()]).fine();
    server.signal("-TERM");
    let mut said = BufReader::new(server.child.stderr.take().unwrap());
    let mut line = String::new();
    while !line.contains("SIGTERM") {
        line.clear();
        assert_ne!(said.read_line(&mut line).unwrap(), 0, "it ended on the first signal");
    }
    server.signal("-INT");
    assert_eq!(server.child.wait().unwrap().code(), Some(2));
    let mut rest = String::new();
    said.read_to_string(&mut rest).unwrap();
    assert!(rest.contains("stopped at once"), "{rest}");
    bench.run(&["verify", "--log", "log"]).fine();
}

#[test]
fn the_settings_in_force_are_printed_with_where_they_come_from() {
    let bench = Bench::new();
    bench.write("homeostat.toml", "listen = \"127.0.0.1:8000\"\ndurability = \"process\"\n");
    let shown = bench
        .command(&["serve", "--print-config", "--log", "data"])
        .env("HOMEOSTAT_LISTEN", "127.0.0.1:9000")
        .output()
        .unwrap();
    golden("print-config", &String::from_utf8(shown.stdout).unwrap());
    let json = bench.run(&["serve", "--print-config", "--format", "json"]).fine().json();
    assert_eq!(json["durability"]["value"], "process");
    assert_eq!(json["durability"]["from"], "file");
    assert_eq!(json["listen"]["value"], "127.0.0.1:8000");
}
