#![expect(clippy::unwrap_used, reason = "a failed step fails the test")]

use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use homeostat_log::control::{Breaker, Decision};
use homeostat_log::{Append, Confidence, Control, Data, Link, Log, NewEvent};
use homeostat_world::{Durability, MemoryStore, Timestamp};
use serde_json::json;

use super::super::{Options, import};
use super::*;

/// A store in memory never waits, so one poll is a whole run.
fn now_or_never<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => unreachable!("a store in memory never waits"),
    }
}

fn event(n: i64, subject: Option<&str>, data: &serde_json::Value) -> NewEvent {
    NewEvent {
        id: format!("e{n}"),
        source: "/crm".to_owned(),
        kind: Kind::Primary,
        r#type: "claim.sent".to_owned(),
        time: Timestamp::from_micros(1_700_000_000_000_000 + n * 1_000_000),
        subject: subject.map(str::to_owned),
        cause: None,
        actor: homeostat_log::Actor::World,
        depth: 0,
        enriches: None,
        data: Data::from_json(data).unwrap(),
    }
}

/// A log with a bit of everything, the engine's own events among it.
fn sample() -> Log<MemoryStore> {
    let mut log = now_or_never(Log::open(MemoryStore::default(), None)).unwrap();
    let mut by_agent =
        event(3, Some("claim/c2"), &json!({"claim": "c2", "note": "a\n\"b\" <c> & é"}));
    by_agent.actor = homeostat_log::Actor::Agent("a1".to_owned());
    by_agent.cause = Some("acknowledge@1".to_owned());
    by_agent.depth = 1;
    let link = Link::to(Position::new(1), Confidence::new(0.95).unwrap());
    let inferred = NewEvent {
        kind: Kind::Enrichment,
        enriches: Some(Box::new(link)),
        ..event(2, None, &json!({}))
    };
    let at = Timestamp::from_micros(1_700_000_003_000_000);
    let controls = [
        Control::GapDecided {
            gap: "acknowledge@1".to_owned(),
            decision: Decision::Waive,
            by: "ada".to_owned(),
            reason: "done by phone".to_owned(),
        },
        Control::BreakerChanged {
            breaker: Breaker::Budget,
            tripped: true,
            detail: "spent".to_owned(),
        },
    ];
    let mut events = vec![
        event(
            1,
            Some("claim/c1"),
            &json!({"claim": "c1", "amount": 12, "ratio": 3.0, "case:kind": "home"}),
        ),
        inferred,
        by_agent,
        event(
            4,
            Some("claim/c1"),
            &json!({"claim": "c1", "urgent": true, "tags": [{"t": "x"}, {"t": "y"}], "trip": {"to": "Gent", "days": 2}}),
        ),
    ];
    for (n, control) in (0..).zip(&controls) {
        events.push(control.to_new_event(at, Position::new(4), n).unwrap());
    }
    let requests = events.into_iter().map(Append::one).collect();
    let appended = now_or_never(log.append(requests, at, Durability::Process)).unwrap();
    assert!(appended.receipts.iter().all(Result::is_ok));
    log
}

fn written(log: &Log<MemoryStore>, format: Format, options: &ExportOptions) -> (String, Exported) {
    let mut out = Vec::new();
    let done = export_to(&log.reader(), format, options, &mut out, &mut |_, _| {}).unwrap();
    (String::from_utf8(out).unwrap(), done)
}

fn events(log: &Log<MemoryStore>) -> Vec<NewEvent> {
    log.reader().read(Position::new(1)).map(|event| event.unwrap().event).collect()
}

fn imported(path: &Path, options: &Options) -> Log<MemoryStore> {
    let mut log = now_or_never(Log::open(MemoryStore::default(), None)).unwrap();
    let mut now = || Timestamp::from_micros(1_800_000_000_000_000);
    let report = now_or_never(import(&mut log, path, options, &mut now, &mut |_| {})).unwrap();
    assert_eq!(report.rejected, 0, "{report:?}");
    log
}

#[test]
fn json_lines_come_back_as_the_same_events_packed_or_not() {
    let log = sample();
    let folder = tempfile::tempdir().unwrap();
    for name in ["log.jsonl", "log.jsonl.gz"] {
        let path = folder.path().join(name);
        let mut last = (0, 0);
        let done = export(&log.reader(), &path, &ExportOptions::default(), &mut |done, of| {
            last = (done, of);
        });
        assert_eq!(done.unwrap(), Exported { events: 6, cases: 0, left_out: 0 });
        assert_eq!(last, (6, 6));
        let restored = imported(&path, &Options { engine_events: true, ..Options::default() });
        assert_eq!(events(&restored), events(&log));
        let without = imported(&path, &Options::default());
        assert_eq!(events(&without), events(&log).get(..4).unwrap());
    }
    // Nothing is left beside what was asked for.
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2);
}

#[test]
fn a_table_has_a_column_for_every_field_and_a_row_for_every_event() {
    let options = ExportOptions { without_engine_events: true, ..ExportOptions::default() };
    let (table, done) = written(&sample(), Format::Csv, &options);
    assert_eq!(done, Exported { events: 4, cases: 0, left_out: 2 });
    let with_cases = ExportOptions { case: Some("claim".to_owned()), ..options };
    let (by_case, _) = written(&sample(), Format::Csv, &with_cases);
    snapshot("csv-written", &format!("{table}\n{by_case}"));
}

#[test]
fn xes_has_a_trace_for_every_case_and_leaves_out_what_has_none() {
    let options = ExportOptions { case: Some("claim".to_owned()), ..ExportOptions::default() };
    let (xml, done) = written(&sample(), Format::Xes, &options);
    assert_eq!(done, Exported { events: 3, cases: 2, left_out: 3 });
    snapshot("xes-written", &xml);
}

#[test]
fn what_xes_brought_goes_out_as_xes_and_comes_back_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let first = folder.path().join("small.xes");
    std::fs::write(&first, include_bytes!("../xes/small.xes")).unwrap();
    let options = Options { case: Some("claim".to_owned()), ..Options::default() };
    let log = imported(&first, &options);
    let second = folder.path().join("again").join("small.xes.gz");
    std::fs::create_dir(second.parent().unwrap()).unwrap();
    let out = ExportOptions { case: options.case.clone(), ..ExportOptions::default() };
    assert_eq!(export(&log.reader(), &second, &out, &mut |_, _| {}).unwrap().events, 3);
    assert_eq!(events(&imported(&second, &options)), events(&log));
}

#[test]
fn process_mining_reads_the_xes_that_is_written() {
    use process_mining::core::event_data::case_centric::xes::{XESImportOptions, import_xes_slice};

    let options = ExportOptions { case: Some("claim".to_owned()), ..ExportOptions::default() };
    let (xml, _) = written(&sample(), Format::Xes, &options);
    let log = import_xes_slice(xml.as_bytes(), false, XESImportOptions::default()).unwrap();
    let sizes: Vec<usize> = log.traces.iter().map(|trace| trace.events.len()).collect();
    assert_eq!(sizes, [2, 1]);
}

#[test]
fn an_export_that_cannot_be_written_leaves_no_half_file() {
    let log = sample();
    let folder = tempfile::tempdir().unwrap();
    let nowhere = folder.path().join("missing").join("log.jsonl");
    let options = ExportOptions::default();
    let error = export(&log.reader(), &nowhere, &options, &mut |_, _| {}).unwrap_err();
    assert!(error.to_string().contains("log.jsonl` cannot be written"), "{error}");
    let unnamed = folder.path().join("log.txt");
    let error = export(&log.reader(), &unnamed, &options, &mut |_, _| {}).unwrap_err();
    assert!(error.to_string().contains("--as"), "{error}");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

fn snapshot(name: &str, text: &str) {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("../../../../../snapshots/interchange");
    settings.set_prepend_module_to_snapshot(false);
    settings.bind(|| insta::assert_snapshot!(name, text));
}
