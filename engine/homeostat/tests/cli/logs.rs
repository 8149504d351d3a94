//! The verbs that work on a log that nobody serves: import, export, append, verify, gaps, explain.

use std::process::Stdio;

use crate::bench::{Bench, golden};
use crate::specs::ORDERS;

/// Five orders: confirmed in time, confirmed late, never confirmed, not due yet, unreadable.
pub(crate) const EVENTS: &str = r#"{"specversion":"1.0","id":"1","source":"shop","type":"order.placed","time":"2026-03-02T09:00:00Z","subject":"order/o1","data":{"order":"o1"}}
{"specversion":"1.0","id":"2","source":"shop","type":"order.confirmed","time":"2026-03-02T09:00:05Z","subject":"order/o1","data":{"order":"o1"}}
{"specversion":"1.0","id":"3","source":"shop","type":"order.placed","time":"2026-03-02T10:00:00Z","subject":"order/o2","data":{"order":"o2"}}
{"specversion":"1.0","id":"4","source":"shop","type":"order.confirmed","time":"2026-03-02T10:00:06Z","subject":"order/o2","data":{"order":"o2"}}
{"specversion":"1.0","id":"5","source":"shop","type":"order.placed","time":"2026-03-02T11:00:00Z","subject":"order/o3","data":{"order":"o3"}}
{"specversion":"1.0","id":"6","source":"shop","type":"order.placed","time":"2026-03-02T11:30:00Z","subject":"order/o4","data":{"order":"o4"}}
"#;

/// A bench with the orders spec and the log of [`EVENTS`].
pub(crate) fn with_orders() -> Bench {
    let bench = Bench::new();
    bench.write("orders.intent", ORDERS);
    bench.write("events.jsonl", EVENTS);
    bench.run(&["import", "events.jsonl", "--log", "log"]).fine();
    bench
}

#[test]
fn an_import_reports_what_it_did_and_a_second_one_stores_nothing_twice() {
    let bench = Bench::new();
    bench.write("events.jsonl", EVENTS);
    let first = bench.run(&["import", "events.jsonl", "--log", "log", "--format", "json"]).fine();
    assert_eq!(first.json()["appended"], 6);
    let second = bench.run(&["import", "events.jsonl", "--log", "log", "--format", "json"]).fine();
    assert_eq!(second.json()["appended"], 0);
    assert_eq!(second.json()["already_there"], 6);
    let text = bench.run(&["import", "events.jsonl", "--log", "log"]).fine();
    golden("import-again", &text.stdout);
}

#[test]
fn standard_input_is_imported_as_json_lines() {
    let bench = Bench::new();
    let run = bench.run_with_input(&["import", "-", "--log", "log", "--format", "json"], EVENTS);
    assert_eq!(run.fine().json()["appended"], 6);
}

#[test]
fn bad_lines_stop_nothing_and_are_kept() {
    let bench = Bench::new();
    let bad = format!("{EVENTS}{{\"specversion\":\"1.0\"}}\nnot json\n");
    bench.write("events.jsonl", &bad);
    let run = bench.run(&["import", "events.jsonl", "--log", "log"]).ended(1);
    golden("import-rejects", &run.stdout);
    let kept = std::fs::read_to_string(bench.path("events.jsonl.rejected.jsonl")).unwrap();
    assert_eq!(kept.lines().count(), 2, "{kept}");
    assert!(kept.contains("not json"), "{kept}");
}

#[test]
fn a_table_is_imported_with_a_mapping() {
    let bench = Bench::new();
    bench.write("t.csv", "nr;what;when;total\no1;order.placed;2.3.2026 09:00;12.5\n");
    let run = bench.run(&[
        "import",
        "t.csv",
        "--log",
        "log",
        "--case",
        "order",
        "--delimiter",
        ";",
        "--column",
        "case=nr",
        "--column",
        "type=what",
        "--column",
        "time=when",
        "--number",
        "total",
        "--map",
        "total=amount",
        "--time-format",
        "%d.%m.%Y %H:%M",
        "--time-zone",
        "Europe/London",
    ]);
    run.fine();
    let line = bench.run(&["export", "--log", "log"]).fine().stdout;
    let event: serde_json::Value = serde_json::from_str(&line).unwrap();
    assert_eq!(event["type"], "order.placed");
    assert_eq!(event["subject"], "order/o1");
    assert_eq!(event["data"]["amount"], 12.5);
    assert_eq!(event["time"], "2026-03-02T09:00:00Z");
}

#[test]
fn what_is_exported_comes_back_as_the_same_events() {
    let bench = with_orders();
    let first = bench.run(&["export", "--log", "log"]).fine().stdout;
    assert_eq!(first.lines().count(), 6);
    bench.run(&["export", "--log", "log", "-o", "copy.jsonl.gz"]).fine();
    bench.run(&["import", "copy.jsonl.gz", "--log", "other", "--engine-events"]).fine();
    let second = bench.run(&["export", "--log", "other"]).fine().stdout;
    let plain = |text: &str| {
        text.lines()
            .map(|line| {
                let mut event: serde_json::Value = serde_json::from_str(line).unwrap();
                event.as_object_mut().unwrap().remove("recorded");
                event
            })
            .collect::<Vec<_>>()
    };
    assert_eq!(plain(&first), plain(&second));
}

#[test]
fn a_log_is_exported_as_a_table_and_as_xes() {
    let bench = with_orders();
    let table = bench.run(&["export", "--log", "log", "--as", "csv"]).fine().stdout;
    assert_eq!(table.lines().count(), 7, "{table}");
    bench.run(&["export", "--log", "log", "-o", "log.xes", "--case", "order"]).fine();
    let xes = std::fs::read_to_string(bench.path("log.xes")).unwrap();
    assert!(xes.contains("order.confirmed"), "{xes}");
}

#[test]
fn a_whole_log_verifies() {
    let bench = with_orders();
    golden("verify", &bench.run(&["verify", "--log", "log"]).fine().stdout);
    let json = bench.run(&["verify", "--log", "log", "--format", "json"]).fine().json();
    assert_eq!(json["whole"], true);
    assert_eq!(json["head"], 6);
}

#[test]
fn gaps_are_counted_per_duty() {
    let bench = with_orders();
    let summary = ["gaps", "--log", "log", "--spec", "orders.intent", "--summary"];
    let run = bench.run(&summary).fine();
    golden("gaps-summary", &run.stdout);
    assert!(run.stderr.contains("as of 2026-03-02T11:30:00Z"), "{}", run.stderr);
    let json = bench.run(&[&summary[..], &["--format", "json"]].concat()).fine().json();
    let confirm = &json["duties"][0];
    assert_eq!(confirm["duty"], "confirm");
    for (count, expected) in
        [("triggers", 4), ("met", 1), ("late", 1), ("never", 1), ("pending", 1)]
    {
        assert_eq!(confirm[count], expected, "{count}: {json}");
    }
}

#[test]
fn the_moment_of_judgement_can_be_chosen() {
    let bench = with_orders();
    let count = |as_of: &str| {
        let arguments = ["gaps", "--log", "log", "--spec", "orders.intent", "--summary"];
        let run = bench.run(&[&arguments[..], &["--as-of", as_of, "--format", "json"]].concat());
        let json = run.fine().json();
        (
            json["duties"][0]["never"].as_u64().unwrap(),
            json["duties"][0]["pending"].as_u64().unwrap(),
        )
    };
    assert_eq!(count("newest"), (1, 1));
    assert_eq!(count("2026-03-02T11:30:05Z"), (1, 1));
    assert_eq!(count("2026-03-02T11:30:06Z"), (2, 0));
    assert_eq!(count("now"), (2, 0));
    bench
        .run(&["gaps", "--log", "log", "--spec", "orders.intent", "--as-of", "soon"])
        .ended(2)
        .says("`soon`");
}

#[test]
fn open_gaps_are_listed_and_fail_a_run_only_when_asked() {
    let bench = with_orders();
    let arguments = ["gaps", "--log", "log", "--spec", "orders.intent"];
    let run = bench.run(&arguments).fine();
    golden("gaps", &run.stdout);
    bench.run(&[&arguments[..], &["--fail-on", "must"]].concat()).ended(1);
    let json = bench.run(&[&arguments[..], &["--format", "json"]].concat()).fine().json();
    assert!(json["gaps"].as_array().unwrap().iter().any(|gap| gap["id"] == "confirm@5"), "{json}");
}

#[test]
fn the_consequences_of_an_event_are_shown() {
    let bench = with_orders();
    for (position, name) in [("1", "explain-met"), ("e3", "explain-late"), ("5", "explain-gap")] {
        let run = bench.run(&["explain", position, "--log", "log", "--spec", "orders.intent"]);
        golden(name, &run.fine().stdout);
    }
    let gap =
        bench.run(&["explain", "confirm@5", "--log", "log", "--spec", "orders.intent"]).fine();
    golden("explain-of-gap", &gap.stdout);
    bench
        .run(&["explain", "99", "--log", "log", "--spec", "orders.intent"])
        .ended(2)
        .says("no event at position `99`");
    bench
        .run(&["explain", "nonsense", "--log", "log", "--spec", "orders.intent"])
        .ended(2)
        .says("`nonsense`");
}

#[test]
fn events_are_appended_from_flags_files_and_standard_input() {
    let bench = Bench::new();
    let one = bench.run(&[
        "append",
        "--log",
        "log",
        "--type",
        "order.placed",
        "--subject",
        "order/o9",
        "--data",
        "order=o9",
        "--data",
        "total=12",
        "--id",
        "a",
        "--time",
        "2026-03-02T09:00:00Z",
    ]);
    one.fine().shows("appended e1  order.placed  a");
    let again = bench.run(&[
        "append",
        "--log",
        "log",
        "--type",
        "order.placed",
        "--subject",
        "order/o9",
        "--data",
        "order=o9",
        "--data",
        "total=12",
        "--id",
        "a",
        "--time",
        "2026-03-02T09:00:00Z",
    ]);
    again.fine().shows("already there e1");
    let run = bench.run_with_input(&["append", "-", "--log", "log", "--format", "json"], EVENTS);
    let json = run.fine().json();
    assert_eq!(json["appended"].as_array().unwrap().len(), 6);
    assert_eq!(json["appended"][5]["position"], 7);
    let array = "[{\"specversion\":\"1.0\",\"id\":\"x\",\"source\":\"s\",\"type\":\"t\"},\n \
                 {\"specversion\":\"1.0\",\"id\":\"y\",\"source\":\"s\",\"type\":\"t\"}]";
    bench.run_with_input(&["append", "-", "--log", "log"], array).fine().shows("appended e9");
}

#[test]
fn an_expectation_that_is_not_met_appends_nothing() {
    let bench = with_orders();
    bench
        .run(&["append", "--log", "log", "--type", "t", "--expect-head", "3"])
        .ended(2)
        .says("append refused at position `3`: head is `6`");
    bench.run(&["append", "--log", "log", "--type", "t", "--expect-head", "6"]).fine();
}

#[test]
fn a_reader_that_leaves_early_does_not_upset_an_export() {
    let bench = with_orders();
    let mut child = bench
        .command(&["export", "--log", "log"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    assert_eq!(output.status.code(), Some(0));
}
