#![expect(clippy::unwrap_used, reason = "a failed step fails the test")]

use std::fmt::Write;
use std::io::Cursor;

use super::*;

fn read_bytes(xml: impl Into<Vec<u8>>) -> String {
    let options = Options {
        source: Some("import:test.xes".to_owned()),
        case: Some("claim".to_owned()),
        rename: [("(case)_Amount".to_owned(), "amount".to_owned())].into(),
        ..Options::default()
    };
    let mut reader = Xes::new(Lines::over(Cursor::new(xml.into())).unwrap(), &options);
    let mut shown = String::new();
    loop {
        match reader.next() {
            Ok(Some(Record::Event { case, event, line })) => writeln!(
                shown,
                "line {line}, case {}: {} {:?} {} {} {}",
                case.unwrap(),
                event.id,
                event.r#type,
                event.time,
                event.subject.unwrap(),
                event.data
            ),
            Ok(Some(Record::Rejected(rejected))) => {
                writeln!(shown, "{rejected}\n    {}", rejected.raw.replace(['\n', '\t'], ""))
            }
            Ok(Some(Record::LeftOut)) => writeln!(shown, "left out"),
            Ok(None) => return shown,
            Err(broken) => {
                writeln!(shown, "broken at line {}: {}", broken.line, broken.what).unwrap();
                return shown;
            }
        }
        .unwrap();
    }
}

fn in_log(inner: &str) -> String {
    read_bytes(format!("<?xml version=\"1.0\"?>\n<log>\n{inner}\n</log>\n"))
}

const NAMED: &str = r#"<string key="concept:name" value="Pay"/>"#;
const TIMED: &str = r#"<date key="time:timestamp" value="2017-01-09T09:49:50.000+01:00"/>"#;

#[test]
fn a_file_becomes_events_with_everything_that_it_says() {
    let file = include_str!("small.xes");
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("../../../../../snapshots/interchange");
    settings.set_prepend_module_to_snapshot(false);
    settings.bind(|| insta::assert_snapshot!("xes-read", read_bytes(file)));
}

#[test]
fn an_event_that_lacks_something_is_refused_alone() {
    let shown = in_log(&format!(
        "<trace><string key=\"concept:name\" value=\"c1\"/>\n\
         <event/>\n\
         <event>{NAMED}</event>\n\
         <event>{NAMED}<date key=\"time:timestamp\" value=\"yesterday\"/></event>\n\
         <event>{NAMED}{TIMED}<int key=\"n\" value=\"1.5\"/></event>\n\
         <event>{NAMED}{TIMED}<string key=\"n\" value=\"&nonsense;\"/></event>\n\
         <event>{NAMED}{TIMED}</event></trace>"
    ));
    let lines: Vec<&str> = shown.lines().filter(|line| !line.starts_with("    ")).collect();
    assert_eq!(
        lines,
        [
            "line 4: it has no `concept:name`",
            "line 5: it has no `time:timestamp`",
            "line 6: `yesterday` is no time here; expected a time such as `2026-03-01T09:30:00Z`, or a pattern for it (`--time-format`)",
            "line 7: `n` is `1.5`; expected a whole number",
            "line 8: its XML is wrong: at 1..9: unrecognized entity `nonsense`",
            "line 9, case 0: c1/6 \"Pay\" 2017-01-09T08:49:50Z claim/c1 {\"claim\":\"c1\"}",
        ],
        "{shown}"
    );
    assert!(
        shown.contains("<event><string key=\"concept:name\" value=\"Pay\"/></event>"),
        "{shown}"
    );
}

#[test]
fn text_that_is_not_utf8_is_refused_where_it_stands() {
    let mut xml =
        format!("<log><trace><event>{NAMED}{TIMED}<string key=\"k\" value=\"").into_bytes();
    xml.extend(b"caf\xe9\"/></event><event>");
    xml.extend(format!("{NAMED}{TIMED}</event></trace></log>").bytes());
    let shown = read_bytes(xml);
    assert!(shown.starts_with("line 1: it is not UTF-8 text"), "{shown}");
    assert!(shown.contains("trace-1/2"), "{shown}");
}

#[test]
fn a_case_that_is_split_over_two_traces_stays_one_case_with_ids_that_differ() {
    let trace = format!("<trace><event>{NAMED}{TIMED}</event>{NAMED}</trace>");
    let shown = in_log(&format!("{trace}<trace/>{trace}"));
    let ids: Vec<&str> = shown.split_whitespace().filter(|word| word.starts_with("Pay/")).collect();
    assert_eq!(ids, ["Pay/1", "Pay/2"], "{shown}");
    assert_eq!(shown.matches("case 0:").count(), 2, "{shown}");
}

#[test]
fn a_file_that_is_cut_anywhere_is_broken_and_never_just_shorter() {
    let file = include_str!("small.xes");
    let whole = read_bytes(file);
    assert!(!whole.contains("broken"));
    let end = file.rfind("</log>").unwrap();
    for cut in 1..end {
        if let Some(head) = file.get(..cut) {
            let shown = read_bytes(head);
            assert!(shown.contains("broken at line"), "cut at {cut}: {shown}");
        }
    }
}

#[test]
fn what_is_no_xes_is_named() {
    for (text, told) in [
        ("", "it holds no `<log>`"),
        ("just words", "it holds no `<log>`"),
        ("<html><body/></html>", "`<html>` stands where `<log>` was expected"),
        ("<log><trace></log>", "not well-formed XML"),
        ("<log", "not well-formed XML"),
    ] {
        let shown = read_bytes(text);
        assert!(shown.starts_with("broken at line 1: ") && shown.contains(told), "{text}: {shown}");
    }
}

#[test]
fn endless_nesting_is_refused_and_the_stack_survives() {
    let deep = 100_000;
    let nested = format!("{}{}", "<container key=\"k\">".repeat(deep), "</container>".repeat(deep));
    let shown = in_log(&format!("<trace><event>{NAMED}{TIMED}{nested}</event></trace>"));
    assert!(shown.starts_with("line 3: `k` is `nested`"), "{}", shown.get(..200).unwrap());
}

#[test]
fn any_bytes_are_read_to_an_end() {
    let file = include_bytes!("small.xes");
    // Every byte of a good file in turn is replaced by one that means something in XML.
    for at in 0..file.len() {
        for byte in [b'<', b'>', b'"', b'/', b'&', 0, 0xff] {
            let mut bytes = file.to_vec();
            if let Some(place) = bytes.get_mut(at) {
                *place = byte;
            }
            assert!(!read_bytes(bytes).is_empty());
        }
    }
}

#[test]
fn process_mining_reads_the_same_from_a_good_file() {
    use process_mining::core::event_data::case_centric::AttributeValue;
    use process_mining::core::event_data::case_centric::xes::{XESImportOptions, import_xes_slice};

    let file = include_str!("small.xes");
    let log = import_xes_slice(file.as_bytes(), false, XESImportOptions::default()).unwrap();
    let name = |attributes: &[process_mining::core::event_data::case_centric::Attribute]| {
        attributes.iter().find_map(|attribute| match &attribute.value {
            AttributeValue::String(text) if attribute.key == NAME => Some(text.clone()),
            _ => None,
        })
    };
    let mut theirs = Vec::new();
    for trace in &log.traces {
        for event in &trace.events {
            theirs.push((name(&trace.attributes).unwrap(), name(&event.attributes).unwrap()));
        }
    }
    let options = Options::default();
    let mut reader = Xes::new(Lines::over(Cursor::new(file)).unwrap(), &options);
    let mut ours = Vec::new();
    while let Some(record) = reader.next().unwrap() {
        if let Record::Event { event, .. } = record {
            let case = event.data.get("case").unwrap().as_str().unwrap().to_owned();
            ours.push((case, event.r#type));
        }
    }
    assert_eq!(ours, theirs);
}
