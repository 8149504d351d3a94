//! Agents whose engine was killed: the next one ends them before it does anything else.

use std::io::Read;
use std::path::Path;
use std::time::Duration;

use crate::bench::Bench;
use crate::serve::{PLACED, Server};
use crate::specs::ORDERS;

/// Works on and on, in a group and a session that no signal to its engine reaches.
const SLEEPER: &str = r#"
[[agent]]
name = "shipper"
for = "ship"
kind = "command"
command = ["sh", "-c", "setsid sh -c 'trap \"\" TERM; echo $$ >> agents.pid; sleep 100' & trap '' TERM; sleep 100"]
"#;

/// Ids of the agents that have started, oldest first, once there are `count`.
fn started(bench: &Bench, count: usize) -> Vec<String> {
    for _ in 0..1_000 {
        let text = std::fs::read_to_string(bench.path("agents.pid")).unwrap_or_default();
        if text.ends_with('\n') && text.lines().count() >= count {
            return text.lines().map(str::to_owned).collect();
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    panic!("no {count} agents were started")
}

fn is_alive(id: &str) -> bool {
    let stat = std::fs::read_to_string(Path::new("/proc").join(id).join("stat"));
    // A zombie is dead; whoever adopted it has not looked yet.
    stat.is_ok_and(|stat| {
        stat.rsplit_once(')').is_some_and(|(_, rest)| !rest.trim().starts_with('Z'))
    })
}

#[test]
fn an_agent_does_not_outlive_the_engine_that_was_killed_once_the_next_one_starts() {
    let bench = Bench::new();
    bench.write("agents.toml", SLEEPER);
    // The next agent is sent soon, since this test waits for it.
    bench.write("orders.intent", &format!("limits {{ cooldown_per_gap: 1s }}\n{ORDERS}"));
    let arguments = ["--spec", "orders.intent", "--agents", "agents.toml"];
    let mut first = Server::start(&bench, &arguments);
    bench.run(&[&PLACED[..], &["--server", first.url.as_str()]].concat()).fine();
    let orphan = started(&bench, 1).remove(0);
    first.signal("-KILL");
    first.child.wait().unwrap();
    assert!(is_alive(&orphan), "the agent should survive its engine, or this test shows nothing");

    let mut second = Server::start(&bench, &arguments);
    assert!(!is_alive(&orphan), "the agent {orphan} of the first engine is still at work");
    // The gap is still open, so that it is given to another agent, which is alone with it.
    let successor = started(&bench, 2).remove(1);
    assert!(is_alive(&successor));
    second.signal("-TERM");
    assert_eq!(second.child.wait().unwrap().code(), Some(0));
    assert!(!is_alive(&successor), "the agent {successor} outlived a graceful stop");
    let mut said = String::new();
    second.child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    assert!(said.contains("that agents of an earlier engine left behind"), "{said}");

    let exported = bench.run(&["export", "--log", "log"]).fine().stdout;
    let ends: Vec<serde_json::Value> = exported
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap())
        .filter(|event| event["type"].as_str().unwrap().ends_with("agent.ended"))
        .collect();
    assert_eq!(ends[0]["data"]["agent"], "ship@2/1", "{exported}");
    assert_eq!(ends[0]["data"]["ending"], "lost", "{exported}");
    bench.run(&["verify", "--log", "log"]).fine();
}
