//! Day 1 and Day 30 of the seed: a duty that 5,000 earlier interactions never had is adopted while the
//! engine runs, and is made up for some at a time, through a crash.

use std::fmt::Write as _;

use serde_json::Value;

use crate::bench::{Bench, golden};
use crate::serve::Server;

const INTERACTIONS: usize = 5_000;
/// What one append may have.
const AT_ONCE: usize = 1_000;

/// How long between two looks.
const POLLED: std::time::Duration = std::time::Duration::from_millis(20);

const DAY_1: &str = "\
entity customer
entity interaction
event interaction.created
event engagement.updated
event competitors.checked
action update_engagement_score(customer) { satisfied_by: engagement.updated }
action check_competitor_mentions(customer) { satisfied_by: competitors.checked }
max_backfill_in_flight: 50

when interaction.created {
  must: update_engagement_score(customer)
}
";

/// Quick, so that a test need not wait.
const AGENTS: &str = r#"
[[agent]]
name = "analyst"
for = ["check_competitor_mentions"]
kind = "mock"
takes = "1ms"
"#;

fn day_30(policy: &str) -> String {
    let score = "  must: update_engagement_score(customer)\n";
    let check = "  must: check_competitor_mentions(customer)   # NEW\n";
    let spec = DAY_1.replace(score, &format!("{score}{check}"));
    format!("{spec}\nwhen intent.evolved {{\n  backfill_policy: {policy}\n}}\n")
}

fn with_interactions() -> Bench {
    let bench = Bench::new();
    bench.write("day1.intent", DAY_1);
    bench.write("day30.intent", &day_30("sequential"));
    bench.write("asking.intent", &day_30("human_decision"));
    bench.write("agents.toml", AGENTS);
    let mut lines = Vec::new();
    for n in 0..INTERACTIONS {
        for (id, kind) in [("i", "interaction.created"), ("u", "engagement.updated")] {
            let mut line = String::new();
            write!(
                line,
                r#"{{"specversion":"1.0","id":"{id}{n}","source":"/crm","type":"{kind}","data":{{"interaction":"i{n}","customer":"c{}"}}}}"#,
                n % 700
            )
            .unwrap();
            lines.push(line);
        }
    }
    for (nth, part) in lines.chunks(AT_ONCE).enumerate() {
        bench.write(&format!("part{nth}.jsonl"), &part.join("\n"));
    }
    bench
}

fn backfill(bench: &Bench, place: &[&str]) -> Value {
    let versions = [&["versions", "--format", "json"], place].concat();
    let versions = bench.run(&versions).fine().json();
    versions["versions"].as_array().unwrap().last().unwrap()["backfill"].clone()
}

fn number(value: &Value) -> usize {
    usize::try_from(value.as_u64().unwrap()).unwrap()
}

#[test]
fn day_30_asks_5000_interactions_of_day_1_and_goes_on_where_it_was_after_a_crash() {
    let bench = with_interactions();
    let mut server = Server::start(&bench, &["--spec", "day1.intent", "--agents", "agents.toml"]);
    let on = ["--server", server.url.as_str()];
    for nth in 0..2 * INTERACTIONS / AT_ONCE {
        bench.run(&[&["append", &format!("part{nth}.jsonl")][..], &on].concat()).fine();
    }
    let diff = bench.run(&[&["diff", "day30.intent"][..], &on].concat());
    golden("evolution-diff", &diff.ended(1).stdout);
    bench.run(&[&["adopt", "day30.intent"][..], &on].concat()).ended(2).says("a person's name");
    let ask = bench.run(&[&["adopt", "day30.intent", "--by", "maria"][..], &on].concat());
    ask.ended(2).says("nobody was there to say yes");
    bench.run(&[&["versions"][..], &on].concat()).fine().shows("the first");
    let adopted = [&["adopt", "day30.intent", "--by", "maria", "--yes"][..], &on].concat();
    bench.run(&adopted).fine().shows("5000 retroactive").shows("adopted version");

    // It is killed in the middle.
    while number(&backfill(&bench, &on)["done"]) < 100 {
        std::thread::sleep(POLLED);
    }
    server.child.kill().unwrap();
    server.child.wait().unwrap();
    let left = backfill(&bench, &["--log", "log"]);
    let done = number(&left["done"]);
    assert!((100..INTERACTIONS).contains(&done), "{left}");
    assert!(number(&left["in_flight"]) <= 50, "{left}");
    assert_eq!(done + number(&left["in_flight"]) + number(&left["waiting"]), INTERACTIONS);
    // What the last one owes is not owed yet, and nobody is late with it.
    let adopted = number(&left["adopted"]);
    let before =
        (1..adopted).rev().map(|it| bench.run(&["explain", &it.to_string(), "--log", "log"]));
    let last = before.take(100).find(|it| it.stdout.contains("check_competitor_mentions"));
    last.unwrap().shows("waits for its turn").shows("asked of the past by the version of e");
    bench.run(&["serve", "--log", "log", "--spec", "day1.intent"]).ended(2).says("homeostat adopt");

    let server = Server::start(&bench, &["--spec", "day30.intent", "--agents", "agents.toml"]);
    let on = ["--server", server.url.as_str()];
    let mut last = 0;
    while last < INTERACTIONS {
        let now = backfill(&bench, &on);
        assert!(number(&now["in_flight"]) <= 50 && last <= number(&now["done"]), "{now}");
        last = number(&now["done"]);
        std::thread::sleep(POLLED);
    }
    assert_eq!(server.stop().code(), Some(0));
    bench.run(&["gaps", "--log", "log"]).fine().shows("no gap is open");
    let explained = bench.run(&["explain", "2", "--log", "log"]);
    explained
        .fine()
        .shows("MUST check_competitor_mentions(c0)")
        .shows("asked of the past by the version of e")
        .shows(", owed since ");
    bench.run(&["verify", "--log", "log"]).fine();
}

#[test]
fn a_person_who_is_asked_about_the_past_lets_it_be_owed_or_lets_it_go() {
    let bench = with_interactions();
    let server = Server::start(&bench, &["--spec", "day1.intent"]);
    let on = ["--server", server.url.as_str()];
    bench.run(&[&["append", "part0.jsonl"][..], &on].concat()).fine();
    let adopted = [&["adopt", "asking.intent", "--by", "maria", "--yes"][..], &on].concat();
    let adopted = bench.run(&adopted);
    adopted.fine().shows("500 retroactive").says("500 wait for a word");
    let asked = backfill(&bench, &on);
    assert_eq!((number(&asked["held"]), number(&asked["total"])), (500, 500));
    let gap = format!("backfill@{}", asked["adopted"]);
    let review = |arguments: &[&str]| bench.run(&[&["review"], arguments, &on].concat());
    review(&[]).fine().shows(&gap);
    let word = ["--by", "maria", "--reason", "r"];
    review(&[&[gap.as_str()][..], &word].concat()).ended(2).says("add `--backfill` or `--waive`");
    review(&[&[gap.as_str(), "--retry"][..], &word].concat())
        .ended(2)
        .says("`backfill` or `waive`");
    bench.run(&[&["explain", &gap][..], &on].concat()).fine().shows("intent.evolved");
    let explain = || bench.run(&[&["explain", "2"][..], &on].concat());
    explain().fine().shows("waits for a person's word");
    review(&[&[gap.as_str(), "--waive"][..], &word].concat()).fine().shows("waive");
    assert_eq!(number(&backfill(&bench, &on)["dropped"]), 500);
    review(&[]).fine().shows("nothing waits for a person");
    explain().fine().shows("waived by a person");
    assert_eq!(server.stop().code(), Some(0));
}

#[test]
fn two_texts_are_compared_without_a_log_and_on_one() {
    let bench = with_interactions();
    bench.run(&["diff", "day1.intent", "day1.intent"]).fine().shows("nothing differs");
    let diff = bench.run(&["diff", "day1.intent", "day30.intent"]);
    diff.ended(1).shows("+ must: check_competitor_mentions(customer)");
    bench.run(&["append", "part0.jsonl", "--log", "log"]).fine();
    let on_log = ["diff", "day1.intent", "day30.intent", "--log", "log", "--format", "json"];
    let preview = bench.run(&on_log).ended(1).json();
    assert_eq!(preview["retroactive"], 500, "{preview}");
    bench.run(&["diff", "day30.intent", "--log", "log"]).ended(2).says("it was never served");
    bench.run(&["diff", "day1.intent", "gone.intent"]).ended(2).says("gone.intent");
}
