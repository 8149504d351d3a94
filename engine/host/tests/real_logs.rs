//! Real logs, from file to gap counts, against counts that an independent script made.
//!
//! The files are not part of this project. They are looked for in `../shared/data` beside the
//! workspace; a test whose file is missing says so and passes.

#![expect(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a test fails by panicking and says loudly what it skips"
)]

use std::collections::BTreeMap;
use std::future::Future;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use homeostat_graph::{Evaluator, Program};
use homeostat_host::interchange::{ExportOptions, Options, Report, export, import};
use homeostat_intent::Source;
use homeostat_log::Log;
use homeostat_world::{MemoryStore, Position, Timestamp};

/// Triggers, met, late, never though due passed, pending.
type Counts = [u64; 5];

#[test]
fn domestic_declarations_have_the_gaps_that_an_independent_count_found() {
    let Some(run) = Run::of("DomesticDeclarations.xes.gz", "declaration") else { return };
    assert_eq!((run.report.appended, run.report.rejected), (55_628, 0));
    run.check(
        "claims/domestic.intent",
        &[
            ("decide_declaration", [11_371, 10_992, 378, 1, 0]),
            ("request_payment", [9_999, 8_991, 981, 27, 0]),
            ("handle_payment_swiftly", [9_914, 3_693, 6_218, 3, 0]),
            ("handle_payment", [9_914, 9_520, 391, 3, 0]),
        ],
    );
}

#[test]
fn international_declarations_have_the_gaps_that_an_independent_count_found() {
    let Some(run) = Run::of("InternationalDeclarations.xes.gz", "declaration") else { return };
    assert_eq!((run.report.appended, run.report.rejected), (70_727, 0));
    run.check(
        "claims/international.intent",
        &[
            ("decide_declaration", [7_951, 7_272, 434, 245, 0]),
            ("request_payment", [5_926, 5_177, 736, 13, 0]),
            ("handle_payment", [6_078, 2_254, 3_824, 0, 0]),
            ("submit_declaration", [6_323, 5_227, 312, 701, 83]),
        ],
    );
}

#[test]
fn permit_applications_have_the_gaps_that_an_independent_count_found() {
    let Some(run) = Run::of("receipt.csv", "application") else { return };
    assert_eq!((run.report.appended, run.report.rejected), (8_577, 0));
    run.check(
        "permits/receipt.intent",
        &[
            ("send_confirmation", [1_434, 1_141, 159, 131, 3]),
            ("approve_confirmation", [1_368, 1_242, 108, 18, 0]),
            ("decide_on_stop", [1_416, 1_321, 65, 30, 0]),
        ],
    );
}

#[test]
fn a_real_log_goes_out_as_xes_and_comes_back_with_every_event_known() {
    let Some(mut run) = Run::of("receipt.csv", "application") else { return };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("receipt.xes.gz");
    let options =
        ExportOptions { case: Some("application".to_owned()), ..ExportOptions::default() };
    let done = export(&run.log.reader(), &path, &options, &mut |_, _| {}).unwrap();
    assert_eq!((done.events, done.cases, done.left_out), (8_577, 1_434, 0));
    // Under the name of the first file, an event that came back changed would be refused, and one
    // that got another id would be new.
    let again = Options {
        case: options.case,
        source: Some("import:receipt.csv".to_owned()),
        ..Options::default()
    };
    let report = run.import(&path, &again);
    assert_eq!((report.already_there, report.appended, report.rejected), (8_577, 0, 0));
}

#[test]
fn process_mining_finds_the_same_cases_and_events_in_a_real_log() {
    use process_mining::core::event_data::case_centric::xes::{
        XESImportOptions, stream_xes_from_path,
    };
    use process_mining::core::event_data::case_centric::{Attribute, AttributeValue};

    let Some(run) = Run::of("DomesticDeclarations.xes.gz", "declaration") else { return };
    let mut ours: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for event in run.log.reader().read(Position::new(1)) {
        let event = event.unwrap().event;
        let case = event.data.get("declaration").unwrap().as_str().unwrap().to_owned();
        ours.entry(case).or_default().push(event.r#type);
    }
    let name = |attributes: &[Attribute]| {
        attributes.iter().find_map(|attribute| match &attribute.value {
            AttributeValue::String(text) if attribute.key == "concept:name" => Some(text.clone()),
            _ => None,
        })
    };
    let path = data("DomesticDeclarations.xes.gz");
    let (mut traces, _) = stream_xes_from_path(path, XESImportOptions::default()).unwrap();
    let mut theirs: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for trace in &mut traces {
        let events = trace.events.iter().map(|event| name(&event.attributes).unwrap());
        theirs.entry(name(&trace.attributes).unwrap()).or_default().extend(events);
    }
    // The same cases, and in each the same events in the same order.
    assert!(ours == theirs);
}

/// A real log, imported.
struct Run {
    log: Log<MemoryStore>,
    report: Report,
}

impl Run {
    /// None, and a word about it, where the file is missing.
    fn of(file: &str, case: &str) -> Option<Self> {
        let path = data(file);
        if !path.exists() {
            eprintln!("SKIPPED: this test needs `{}`, which is not there", path.display());
            return None;
        }
        let log = now_or_never(Log::open(MemoryStore::default(), None)).unwrap();
        let mut run = Self { log, report: Report::default() };
        let options = Options { case: Some(case.to_owned()), ..Options::default() };
        run.report = run.import(&path, &options);
        Some(run)
    }

    fn import(&mut self, path: &Path, options: &Options) -> Report {
        let mut now = || Timestamp::from_micros(1_800_000_000_000_000);
        now_or_never(import(&mut self.log, path, options, &mut now, &mut |_| {})).unwrap()
    }

    /// Evaluates the spec over the log, its time line being that of the events.
    fn check(&self, spec: &str, expected: &[(&str, Counts)]) {
        let path = root().join("scenarios/specs").join(spec);
        let text = std::fs::read_to_string(&path).unwrap();
        let loaded = homeostat_intent::load(&[Source { name: spec.to_owned(), text }]);
        assert!(loaded.diagnostics.is_empty(), "{spec}: {:#?}", loaded.diagnostics);
        let program = Arc::new(Program::compile(&loaded.spec).unwrap());
        let mut evaluator = Evaluator::new(Arc::clone(&program));
        let mut now = Timestamp::MIN;
        for event in self.log.reader().read(Position::new(1)) {
            let event = event.unwrap();
            now = now.max(event.effective_time());
            evaluator.advance(now, &mut |_| {});
            evaluator.on_event(&event, &mut |_| {});
        }
        let found: BTreeMap<String, Counts> = evaluator
            .summary()
            .clauses
            .into_iter()
            .map(|clause| {
                let tally = clause.tally;
                let counts = [tally.triggers, tally.met, tally.late, tally.overdue, tally.pending];
                (clause.slug, counts)
            })
            .collect();
        let expected = expected.iter().map(|(slug, counts)| ((*slug).to_owned(), *counts));
        assert_eq!(found, expected.collect(), "{spec}");
    }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn data(file: &str) -> PathBuf {
    root().join("../shared/data").join(file)
}

/// A store in memory never waits, so one poll is a whole run.
fn now_or_never<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => unreachable!("a store in memory never waits"),
    }
}
