//! Files of other formats: every record is an event or a reject, and a second import adds nothing.

use std::io::Write;

use homeostat_host::interchange::{Columns, Format, ImportError, Options, import};
use homeostat_log::Log;
use homeostat_sim_fuzz::{Dice, mutate};
use homeostat_world::{MemoryStore, Position, Timestamp};

use crate::stores::ready;

const JSON_LINES: &str = r#"{"specversion":"1.0","id":"e1","source":"s","type":"order.created","time":"2026-03-01T09:30:00Z","data":{"order":"o1"}}
{"specversion":"1.0","id":"e2","source":"s","type":"order.moved","time":"2026-03-01T09:31:00Z","data":{"order":"o1","n":[1,2.5]}}
"#;
const TABLE: &str = "case,activity,time,amount\no1,\"Order, CREATED\",2026-03-01 09:30:00,5\no1,Order MOVED,2026-03-01T09:31:00Z,\"5\"\"1\"\no2,Order CREATED,01.03.2026 09:32,\n";
const XES: &str = include_str!("../../../../engine/host/src/interchange/xes/small.xes");

#[test]
fn any_file_is_imported_or_refused_and_a_second_time_adds_nothing() {
    let pieces = [
        "\n",
        "\r\n",
        "\"",
        ",",
        ";",
        "\t",
        "<",
        "/>",
        "</trace>",
        "<trace>",
        "<event>",
        "&lt;",
        "&#0;",
        "<string key=\"concept:name\" value=\"x\"/>",
        "<date key=\"time:timestamp\" value=\"\"/>",
        "]]>",
        "<!--",
        "<![CDATA[",
        "<!DOCTYPE x [<!ENTITY a \"b\">]>",
        "&a;",
        "{",
        "}",
        "null",
        "2026-03-01",
        "99999999999999999999",
        "\u{0}",
        "\u{feff}",
    ];
    target!(250).for_each(|bytes: &[u8]| {
        let mut dice = Dice::of_bytes(bytes);
        let (format, sample, ending) = dice.one(&[
            (Format::JsonLines, JSON_LINES, ".jsonl"),
            (Format::Csv, TABLE, ".csv"),
            (Format::Xes, XES, ".xes"),
        ]);
        let said = dice.chance(50);
        let text = mutate::bytes(&[sample.as_bytes()], &pieces, &mut dice);
        let mut file = tempfile::Builder::new().suffix(ending).tempfile().unwrap();
        file.write_all(&text).unwrap();
        let named = |name: &str| said.then(|| name.to_owned());
        let options = Options {
            format: Some(format),
            source: Some("fuzz".to_owned()),
            case: named("order"),
            columns: Columns { case: named("case"), ..Columns::default() },
            ..Options::default()
        };
        let store = MemoryStore::default();
        let mut log = ready(Log::open(store, None)).unwrap();
        let mut now = || Timestamp::from_micros(1_772_442_000_000_000);
        let mut run = |log: &mut Log<MemoryStore>| {
            ready(import(log, file.path(), &options, &mut now, &mut |_| {}))
        };
        let first = run(&mut log);
        let head = log.head().position;
        log.reader().verify(Position::new(1), |_| {}).unwrap();
        let again = run(&mut log);
        assert_eq!(log.head().position, head, "a second import stored something");
        match (first, again) {
            (Ok(first), Ok(again)) => {
                assert_eq!(first.appended, head.get());
                assert_eq!(again.appended, 0);
                assert_eq!(again.already_there, first.appended + first.already_there);
            }
            (Err(first), Err(again)) => {
                assert!(!matches!(first, ImportError::Log { .. }), "{first}");
                assert!(!first.to_string().is_empty() && !again.to_string().is_empty());
            }
            (first, again) => panic!("once {first:?}, then {again:?}"),
        }
    });
}
