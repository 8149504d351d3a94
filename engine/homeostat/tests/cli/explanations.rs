//! `homeostat explain` of what is no duty of an event: violations, bounds, enrichments, tombstones, ticks,
//! rounds; of a log and of a server alike.

use crate::bench::{Bench, golden};
use crate::serve::Server;

const SPEC: &str = r#"
time_zone: "UTC"
entity rep { has: preferred_time }
entity customer { belongs_to: rep  has: email, phone }
entity visit { belongs_to: customer  has: mood }
event customer.created
event customer.changed
event customer.erased
event visit.made
event visit.read
event rep.hired
event http.served
metric response_time from http.served { duration }
action follow_up(visit) { satisfied_by: visit.followed_up  by: human }
action plan(rep) { satisfied_by: rep.planned  by: human }
action greet(customer) { satisfied_by: customer.greeted  by: human }
always { assert reachable: every(customer) has email AND phone }
invariant response_time < 500ms
when visit.made {
  if visit.mood = sour { must: follow_up(visit) using inferred within: 1d }
}
every day at rep.preferred_time { must: plan(rep) within: 1h }
when rep.hired {
  for each customer with customer.rep = rep { should: greet(customer) within: 2d }
}
"#;

const EVENTS: &str = r#"
{"specversion":"1.0","id":"1","source":"crm","type":"customer.created","data":{"customer":"c1","rep":"r1","email":"a@b"}}
{"specversion":"1.0","id":"2","source":"crm","type":"visit.made","subject":"visit/v0","data":{"customer":"c1"}}
{"specversion":"1.0","id":"3","source":"crm","type":"visit.read","kind":"enrichment","enrichesid":"2","enrichessource":"crm","confidence":"0.8","subject":"visit/v1","data":{"mood":"sour"}}
{"specversion":"1.0","id":"4","source":"crm","type":"visit.made","subject":"visit/v1","data":{"customer":"c1"}}
{"specversion":"1.0","id":"5","source":"crm","type":"http.served","data":{"duration":0.75}}
{"specversion":"1.0","id":"6","source":"crm","type":"rep.hired","data":{"rep":"r1","preferred_time":"00:00"}}
{"specversion":"1.0","id":"7","source":"crm","type":"customer.changed","data":{"customer":"c1","email":"c@d"}}
{"specversion":"1.0","id":"8","source":"crm","type":"customer.erased","kind":"tombstone","data":{"customer":"c1"}}
"#;

/// What stands in an answer whatever the clock says.
fn without_times(text: &str) -> String {
    let year = |word: &str| word.starts_with("20") && word.contains('T') && word.contains('Z');
    let line = |line: &str| {
        let words = line.split(' ');
        let words = words.map(|word| if year(word) { "[time]" } else { word });
        words.collect::<Vec<_>>().join(" ")
    };
    text.lines().map(line).collect::<Vec<_>>().join("\n")
}

#[test]
fn a_server_and_its_log_explain_alike() {
    let bench = Bench::new();
    bench.write("spec.intent", SPEC);
    let server = Server::start(&bench, &["--spec", "spec.intent"]);
    let on_server = ["--server", server.url.as_str()];
    let append = [&["append", "-", "--format", "json"][..], &on_server].concat();
    let appended = bench.run_with_input(&append, EVENTS.trim_start()).fine().json();
    settled(&bench, &on_server);
    let at = |id: &str| {
        let entries = appended["appended"].as_array().unwrap();
        entries.iter().find(|it| it["id"] == id).unwrap()["position"].as_u64().unwrap()
    };
    let topics = [
        format!("reachable@{}~c1", at("1")),
        format!("response_time@{}", at("5")),
        format!("greet@{}~c1", at("6")),
        at("1").to_string(),
        at("3").to_string(),
        at("8").to_string(),
    ];
    let explain = |place: &[&str], topic: &str, format: &str| {
        let run = bench.run(&[&["explain", topic, "--format", format][..], place].concat());
        run.fine().stdout
    };
    let ask = |place: &[&str], format: &str| {
        let told: Vec<String> = topics.iter().map(|topic| explain(place, topic, format)).collect();
        told
    };
    let (text, json) = (ask(&on_server, "text"), ask(&on_server, "json"));
    let never = [&["explain", "response_time@1"][..], &on_server].concat();
    bench.run(&never).ended(2).says("response_time@1");
    assert_eq!(server.stop().code(), Some(0));
    let offline = ["--log", "log"];
    // The graph is the same; what stands ahead of it is a server's table or a log's lines.
    let graph = |text: &str| {
        let from = ["Event:", "Occasion:"].into_iter().filter_map(|it| text.find(it)).min();
        without_times(&text[from.unwrap()..])
    };
    for ((topic, server), log) in topics.iter().zip(&text).zip(ask(&offline, "text")) {
        assert_eq!(graph(server), graph(&log), "{topic}");
    }
    for ((topic, server), log) in topics.iter().zip(&json).zip(ask(&offline, "json")) {
        let parsed = |text: &str| {
            let mut json: serde_json::Value = serde_json::from_str(text).unwrap();
            // What each read up to, and by when, is its own.
            json.as_object_mut().unwrap().retain(|name, _| name != "read_to" && name != "as_of");
            json
        };
        assert_eq!(parsed(server), parsed(&log), "{topic}");
    }
    let shown: Vec<String> = text.iter().map(|it| graph(it)).collect();
    golden("explain-violations", &shown.join("\n\n"));
    let never = bench.run(&["explain", "response_time@3", "--log", "log"]);
    never.ended(2).says("`response_time@3` names is not violated since position `3`");
}

/// Waits until nothing more is decided about any gap: there are no agents, so all lie with people.
fn settled(bench: &Bench, on_server: &[&str]) {
    for _ in 0..50 {
        let gaps =
            bench.run(&[&["gaps", "--format", "json"][..], on_server].concat()).fine().json();
        let gaps = gaps["gaps"].as_array().unwrap();
        if gaps.iter().all(|gap| gap["state"] != "open") {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    panic!("gaps stay open");
}

/// A spec with a gap of every kind, and the events that open them.
const KINDS: &str = r#"
entity order { has: total }
event order.placed
event http.served
metric response_time from http.served { duration }
action ship(order) { satisfied_by: order.shipped }
action weigh(order) { satisfied_by: order.weighed  by: system }
always { assert totals_known: every(order) has total }
invariant response_time < 500ms
invariant backups_restore { check: "./restore" }
when order.placed {
  must: ship(order) within: 2d
  should: weigh(order) within: 1us
}
"#;

#[test]
fn gaps_of_one_kind_are_shown_from_a_log_and_from_a_server() {
    let bench = Bench::new();
    bench.write("spec.intent", &KINDS.replace("1us", "1ms"));
    let server = Server::start(&bench, &["--spec", "spec.intent"]);
    let on_server = ["--server", server.url.as_str()];
    let events = r#"
{"specversion":"1.0","id":"1","source":"shop","type":"order.placed","data":{"order":"o1"}}
{"specversion":"1.0","id":"2","source":"shop","type":"http.served","data":{"duration":0.75}}
"#;
    bench.run_with_input(&[&["append", "-"][..], &on_server].concat(), events.trim_start()).fine();
    settled(&bench, &on_server);
    std::thread::sleep(std::time::Duration::from_millis(50));
    let ids = |place: &[&str], kind: &str| {
        let run = bench.run(&[&["gaps", "--kind", kind, "--format", "json"][..], place].concat());
        let json = run.fine().json();
        let gaps = json["gaps"].as_array().unwrap().clone();
        assert!(gaps.iter().all(|gap| gap["kind"] == kind), "{json}");
        let id = |gap: &serde_json::Value| {
            gap["id"].as_str().unwrap().split('@').next().unwrap().to_owned()
        };
        gaps.iter().map(id).collect::<Vec<_>>()
    };
    let expected = [
        ("reaction", vec!["ship"]),
        ("temporal", vec!["weigh"]),
        ("consistency", vec![]),
        ("intent", vec!["totals_known"]),
        ("quality", vec!["response_time"]),
    ];
    for (kind, ours) in &expected {
        assert_eq!(ids(&on_server, kind), *ours, "{kind}");
    }
    bench
        .run(&[&["gaps", "--kind", "consistency"][..], &on_server].concat())
        .fine()
        .shows("no consistency gap is open");
    assert_eq!(server.stop().code(), Some(0));
    let offline = ["--log", "log", "--as-of", "now"];
    for (kind, ours) in &expected {
        assert_eq!(ids(&offline, kind), *ours, "{kind}");
    }
    let table = bench.run(&["gaps", "--log", "log", "--kind", "intent"]).fine();
    table.shows("totals_known@").shows("intent");
    let wrong = bench.run(&["gaps", "--log", "log", "--kind", "hard"]).ended(2);
    wrong.says("[possible values: reaction, temporal, consistency, intent, quality]");
    bench
        .run(&["gaps", "--log", "log", "--kind", "intent", "--summary"])
        .ended(2)
        .says("--summary");
}
