//! The contract on the command line: who judges what, how it stands, and a word about it.

use std::time::Duration;

use serde_json::Value;

use crate::bench::{Bench, golden};
use crate::serve::Server;

const SPEC: &str = r#"system "shop" {
  entity order { has: total }
  event order.placed
  event http.served
  action ship(order) { satisfied_by: order.shipped }
  when order.placed {
    could: ship(order)
  }
  always { assert totals_known: every(order) has total }

  metric response_time from http.served { duration }
  metric cost from http.served { cost }

  invariant response_time < 500ms
  invariant totals_known
  invariant event_log_intact
  invariant backups_restore { check: "sh restore.sh" }
  invariant no_dark_patterns { review: human }
  invariant nobody_looks

  capability sell {
    accepts: order.placed
    produces: order.shipped
    property: works_offline unless backups_restore
  }

  optimise cost within budget($200/month)
  optimise response_time minimise
}
"#;

fn bench() -> Bench {
    let bench = Bench::new();
    bench.write("shop.intent", SPEC);
    // As a script of the writer's would: it says what it saw, and its exit code is its answer.
    bench.write(
        "restore.sh",
        "echo \"restored $(cat copies) of 3 for $HOMEOSTAT_CHECK\"\n[ \"$(cat copies)\" = 3 ]",
    );
    bench.write("copies", "3");
    bench
}

fn stands(bench: &Bench, place: &[&str], name: &str) -> Value {
    let run = bench.run(&[&["contract", name, "--format", "json"], place].concat());
    run.json()["propositions"][0].clone()
}

/// How a proposition stands once that is `verdict`: however slow the machine is, at some time it has been looked at.
fn until(bench: &Bench, place: &[&str], name: &str, verdict: &str) -> Value {
    loop {
        let stands = stands(bench, place, name);
        if stands["verdict"] == verdict {
            return stands;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn check_lists_who_judges_what() {
    let bench = bench();
    golden("check-contract", &bench.run(&["check", "shop.intent"]).fine().stdout);
    let json = bench.run(&["check", "shop.intent", "--format", "json"]).fine().json();
    let of = |name: &str| {
        let lines = json["contract"].as_array().unwrap();
        lines.iter().find(|it| it["name"] == name).unwrap()["judge"]["kind"].clone()
    };
    assert_eq!((of("backups_restore"), of("nobody_looks")), ("command".into(), "nobody".into()));
}

#[test]
fn a_contract_is_judged_by_samples_commands_people_and_the_engine() {
    let bench = bench();
    let server = Server::start(&bench, &["--spec", "shop.intent", "--check-every", "1h"]);
    let on = ["--server", server.url.as_str()];
    let run = |arguments: &[&str]| bench.run(&[arguments, &on].concat());
    let append = |kind: &str, data: &str, id: &str| {
        run(&["append", "--type", kind, "--data", data, "--id", id]).fine();
    };
    until(&bench, &on, "event_log_intact", "holds");
    append("http.served", "duration=0.25", "1");
    run(&["contract"]).fine().shows("undetermined");
    append("http.served", "duration=0.75", "2");
    append("order.placed", "order=o1", "3");
    append("order.placed", "order=o2", "4");

    // A person's word takes a name and a reason, and goes to whom it concerns.
    let by = ["--by", "maria", "--reason", "the button is hidden"];
    run(&["contract", "no_dark_patterns", "--violated"]).ended(2).says("a name and a reason");
    run(&[&["contract", "event_log_intact", "--holds"][..], &by].concat())
        .ended(2)
        .says("the engine's own check");
    run(&[&["contract", "nobody_looks", "--holds"][..], &by].concat()).ended(2).says("asks nobody");
    run(&[&["contract", "no_dark_patterns", "--violated"][..], &by].concat())
        .fine()
        .shows("violated no_dark_patterns  the button is hidden  written down as e");
    let named = stands(&bench, &on, "no_dark_patterns");
    assert_eq!((&named["verdict"], &named["report"]["by"]), (&"violated".into(), &"maria".into()));

    // A command is run where the person is, and only what is news is written down.
    run(&["contract", "no_dark_patterns", "--run"]).ended(2).says("no command judges");
    run(&["contract", "--run"])
        .fine()
        .shows("holds backups_restore  restored 3 of 3")
        .shows("as e");
    run(&["contract", "--run"]).fine().shows("no news since e");
    bench.write("copies", "2");
    let found = run(&["contract", "--run"]);
    found.ended(1).shows("violated backups_restore  restored 2 of 3 for backups_restore");
    bench.write("restore.sh", "exit 7");
    run(&["contract", "--run"]).fine().shows("could not be told backups_restore  it ended with");

    let told = run(&["contract"]).ended(1);
    golden("contract", &told.stdout);
    run(&["contract", "no_such_thing"]).ended(2).says("`no_such_thing`").says("`nobody_looks`");
    run(&["gaps", "--kind", "consistency"]).shows("no_dark_patterns@");
    assert_eq!(server.stop().code(), Some(0));

    // The same of a log that nobody serves.
    let offline = bench.run(&["contract", "--log", "log"]).ended(1);
    assert_eq!(offline.stdout, told.stdout);
    bench
        .run(&[&["contract", "no_dark_patterns", "--holds", "--log", "log"][..], &by].concat())
        .ended(2)
        .says("goes to a running engine");
    bench.run(&["verify", "--log", "log"]).fine();
}

#[test]
fn an_engine_that_may_runs_the_commands_itself_and_a_breach_becomes_a_gap() {
    let bench = bench();
    let server = Server::start(
        &bench,
        &["--spec", "shop.intent", "--run-checks", "--check-every", "1s", "--check-time", "5s"],
    );
    let on = ["--server", server.url.as_str()];
    let holds = until(&bench, &on, "backups_restore", "holds");
    assert_eq!(holds["report"]["by"], "sh restore.sh");
    assert_eq!(holds["report"]["detail"], "restored 3 of 3 for backups_restore");
    bench.write("copies", "1");
    let gap = until(&bench, &on, "backups_restore", "violated")["violation"]["gap"]
        .as_str()
        .unwrap()
        .to_owned();
    let gaps = || bench.run(&[&["gaps", "--format", "json"][..], &on].concat()).json();
    while gaps()["gaps"].as_array().unwrap().iter().all(|it| it["id"] != gap.as_str()) {
        std::thread::sleep(Duration::from_millis(20));
    }
    bench.write("copies", "3");
    until(&bench, &on, "backups_restore", "holds");
    while gaps()["gaps"].as_array().unwrap().iter().any(|it| it["id"] == gap.as_str()) {
        std::thread::sleep(Duration::from_millis(20));
    }
    assert_eq!(server.stop().code(), Some(0));
}

#[test]
fn without_leave_no_command_runs() {
    let bench = bench();
    bench.write("restore.sh", "touch ran");
    let server = Server::start(&bench, &["--spec", "shop.intent", "--check-every", "1s"]);
    let on = ["--server", server.url.as_str()];
    // What the engine judges itself it has judged by then.
    until(&bench, &on, "event_log_intact", "holds");
    assert_eq!(stands(&bench, &on, "backups_restore")["verdict"], "undetermined");
    assert_eq!(server.stop().code(), Some(0));
    assert!(!bench.path("ran").exists(), "nobody has said that commands may run here");
}
