#![expect(clippy::unwrap_used, reason = "a failed step fails the test")]

use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use homeostat_world::MemoryStore;
use tempfile::TempDir;

use std::io::Write;

use super::*;

/// A store in memory never waits, so one poll is a whole run.
fn now_or_never<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => unreachable!("a store in memory never waits"),
    }
}

struct Bench {
    folder: TempDir,
    log: Log<MemoryStore>,
    seen: Vec<Progress>,
}

impl Bench {
    fn new() -> Self {
        let log = now_or_never(Log::open(MemoryStore::default(), None)).unwrap();
        Self { folder: tempfile::tempdir().unwrap(), log, seen: Vec::new() }
    }

    fn file(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    }

    fn import(&mut self, path: &Path, options: &Options) -> Result<Report, ImportError> {
        let seen = &mut self.seen;
        now_or_never(import(
            &mut self.log,
            path,
            options,
            &mut || Timestamp::from_micros(1_800_000_000_000_000),
            &mut |progress| seen.push(*progress),
        ))
    }

    fn ids(&self) -> Vec<String> {
        let events = self.log.reader().read(Position::ZERO.next());
        events.map(|event| event.unwrap().event.id).collect()
    }
}

fn line(id: &str, r#type: &str) -> String {
    format!(
        r#"{{"specversion":"1.0","id":"{id}","source":"/crm","type":"{type}","time":"2026-03-01T09:30:00Z","data":{{"n":1}}}}"#
    )
}

fn packed(text: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn an_import_reports_what_it_took_and_what_it_refused_and_why() {
    let mut bench = Bench::new();
    let text =
        [line("1", "a"), "nonsense".to_owned(), line("2", "b"), "{}".to_owned(), line("3", "a")];
    let file = bench.file("day.jsonl", text.join("\n"));
    let rejects = bench.folder.path().join("day.rejected.jsonl");
    let options = Options { rejects: Some(rejects.clone()), ..Options::default() };
    let report = bench.import(&file, &options).unwrap();
    assert_eq!((report.read, report.appended, report.already_there, report.rejected), (5, 3, 0, 2));
    assert_eq!(report.reasons, [("not an event", 2)].into());
    assert_eq!(report.types, [("a".to_owned(), 2), ("b".to_owned(), 1)].into());
    assert_eq!(report.first_time.unwrap().to_string(), "2026-03-01T09:30:00Z");
    assert_eq!(report.rejects.as_deref(), Some(rejects.as_path()));
    assert_eq!(report.bytes, std::fs::metadata(&file).unwrap().len());
    assert_eq!(bench.ids(), ["1", "2", "3"]);
    let written = std::fs::read_to_string(&rejects).unwrap();
    let first: serde_json::Value = serde_json::from_str(written.lines().next().unwrap()).unwrap();
    assert_eq!(first.get("line").unwrap(), 2);
    assert_eq!(first.get("raw").unwrap(), "nonsense");
    assert_eq!(written.lines().count(), 2);
    assert_eq!(bench.seen.last().unwrap().stage, Stage::Done);
}

#[test]
fn importing_again_stores_nothing_twice_and_forgets_old_rejects() {
    let mut bench = Bench::new();
    let rejects = bench.folder.path().join("rejects.jsonl");
    let options = Options { rejects: Some(rejects.clone()), ..Options::default() };
    let broken = bench.file("day.jsonl", [line("1", "a"), "x".to_owned()].join("\n"));
    assert_eq!(bench.import(&broken, &options).unwrap().rejected, 1);
    let mended = bench.file("day.jsonl", [line("1", "a"), line("2", "a")].join("\n"));
    let report = bench.import(&mended, &options).unwrap();
    assert_eq!((report.appended, report.already_there, report.rejected), (1, 1, 0));
    assert!(!rejects.exists());
    assert_eq!(bench.ids(), ["1", "2"]);
}

#[test]
fn an_import_that_broke_off_goes_on_where_it_stopped() {
    let mut bench = Bench::new();
    let lines: Vec<String> = (0..25_000).map(|n| line(&n.to_string(), "a")).collect();
    let whole = packed(lines.join("\n").as_bytes());
    let cut = bench.file("all.jsonl.gz", whole.get(..whole.len() / 2).unwrap());
    let error = bench.import(&cut, &Options::default()).unwrap_err();
    let ImportError::Broken { report, .. } = &error else { unreachable!("{error}") };
    assert!(report.appended > 1_000, "{report:?}");
    assert_eq!(bench.ids().len() as u64, report.appended);
    assert!(error.to_string().contains("import it again"), "{error}");
    let whole = bench.file("all.jsonl.gz", whole);
    let again = bench.import(&whole, &Options::default()).unwrap();
    assert_eq!(again.already_there, report.appended);
    assert_eq!(again.already_there + again.appended, 25_000);
    assert_eq!(bench.ids(), (0..25_000).map(|n| n.to_string()).collect::<Vec<_>>());
}

#[test]
fn a_file_of_cases_that_is_cut_short_leaves_nothing_behind() {
    let mut bench = Bench::new();
    let whole = packed(include_bytes!("../xes/small.xes"));
    for cut in [1, 5, 30, whole.len() / 2, whole.len() - 9, whole.len() - 1] {
        let file = bench.file("small.xes.gz", whole.get(..cut).unwrap());
        let error = bench.import(&file, &Options::default()).unwrap_err();
        assert!(error.to_string().contains("small.xes.gz` cannot be read"), "{cut}: {error}");
        assert_eq!(bench.log.head().position, Position::ZERO, "{cut}");
    }
    let file = bench.file("small.xes.gz", whole);
    assert_eq!(bench.import(&file, &Options::default()).unwrap().appended, 3);
    // The second case happened between the two events of the first.
    assert_eq!(bench.ids(), ["c1/1", "c2/1", "c1/2"]);
}

#[test]
fn a_packed_file_brings_the_same_events_as_the_plain_one() {
    let mut bench = Bench::new();
    let plain = bench.file("small.xes", include_bytes!("../xes/small.xes"));
    let gz = bench.file("small.xes.gz", packed(include_bytes!("../xes/small.xes")));
    assert_eq!(bench.import(&gz, &Options::default()).unwrap().appended, 3);
    assert_eq!(bench.import(&plain, &Options::default()).unwrap().already_there, 3);
    let other = Options { source: Some("import:other".to_owned()), ..Options::default() };
    assert_eq!(bench.import(&plain, &other).unwrap().appended, 3);
}

#[test]
fn an_id_that_another_event_has_is_refused_with_the_reason_of_the_log() {
    let mut bench = Bench::new();
    let file = bench.file("a.jsonl", [line("1", "a"), line("1", "b"), line("2", "b")].join("\n"));
    let report = bench.import(&file, &Options::default()).unwrap();
    assert_eq!((report.appended, report.rejected), (2, 1));
    let rejected = report.first_rejected.first().unwrap();
    assert_eq!((rejected.line, rejected.reason.kind()), (2, "not taken by the log"));
    assert!(rejected.raw.contains(r#""type":"b""#), "{rejected:?}");
}

#[test]
fn what_no_event_may_hold_is_refused_and_the_rest_is_taken() {
    let mut bench = Bench::new();
    let long = "x".repeat(2_000_000);
    let csv = format!(
        "id,type,time,note\n1,a,2026-01-01T00:00:00Z,{long}\n2,{long},2026-01-01T00:00:00Z,\n3,a,2026-01-01T00:00:00Z,\n"
    );
    let file = bench.file("a.csv", csv);
    let report = bench.import(&file, &Options::default()).unwrap();
    assert_eq!((report.appended, report.rejected), (1, 2), "{report:?}");
    assert!(report.first_rejected.iter().all(|rejected| rejected.raw.len() < 100_000));
}

#[test]
fn what_cannot_be_imported_at_all_is_told_with_the_remedy() {
    let mut bench = Bench::new();
    let mut error = |name: &str, bytes: &[u8], options: &Options| {
        let file = bench.file(name, bytes);
        let text = bench.import(&file, options).unwrap_err().to_string();
        text.replace(&bench.folder.path().display().to_string(), "")
    };
    let options = Options::default();
    let mut shown = vec![
        error("a.txt", b"", &options),
        error("a.csv", b"", &options),
        error("b.csv", b"when,what\n", &options),
        error("a.xes", b"<html/>", &options),
        error("b.xes", b"\xff\xfe<\0l\0o\0g\0", &options),
        error("c.xes", b"<log><trace></log>", &options),
        error("a.xes.gz", b"\x1f\x8b\x08 no gzip after all", &options),
    ];
    let missing = bench.folder.path().join("missing.jsonl");
    let text = bench.import(&missing, &options).unwrap_err().to_string();
    shown.push(text.replace(&bench.folder.path().display().to_string(), ""));
    let folder = bench.folder.path().join("folder.jsonl");
    std::fs::create_dir(&folder).unwrap();
    let text = bench.import(&folder, &options).unwrap_err().to_string();
    shown.push(text.replace(&bench.folder.path().display().to_string(), ""));
    let file = bench.file("good.jsonl", line("1", "a"));
    bench.import(&file, &options).unwrap();
    let restore = Options { engine_events: true, ..Options::default() };
    shown.push(bench.import(&file, &restore).unwrap_err().to_string());
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("../../../../../snapshots/interchange");
    settings.set_prepend_module_to_snapshot(false);
    settings.bind(|| insta::assert_snapshot!("import-errors", shown.join("\n")));
}
