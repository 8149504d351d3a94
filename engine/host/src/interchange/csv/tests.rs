#![expect(clippy::unwrap_used, reason = "a failed step fails the test")]

use std::io::Cursor;

use super::super::TimeFormat;
use super::super::time_text::zone;
use super::*;

fn options() -> Options {
    Options {
        source: Some("import:test.csv".to_owned()),
        case: Some("application".to_owned()),
        ..Options::default()
    }
}

fn read(text: impl Into<Vec<u8>>, options: &Options) -> Vec<String> {
    let lines = Lines::over(Cursor::new(text.into())).unwrap();
    let mut table = match Table::new(lines, options) {
        Ok(table) => table,
        Err(error) => return vec![error.to_string()],
    };
    let mut found = Vec::new();
    loop {
        found.push(match table.next() {
            Ok(Some(Record::Event { event, line, .. })) => format!(
                "{line}: {} {} {} {} {}",
                event.id,
                event.r#type,
                event.time,
                event.subject.unwrap_or_default(),
                event.data
            ),
            Ok(Some(Record::Rejected(rejected))) => format!("{rejected} | {}", rejected.raw),
            Ok(Some(Record::LeftOut)) => "left out".to_owned(),
            Ok(None) => return found,
            Err(broken) => {
                found.push(format!("broken at line {}: {}", broken.line, broken.what));
                return found;
            }
        });
    }
}

#[test]
fn the_columns_of_process_mining_tools_are_known() {
    let text = "case:channel,case:concept:name,concept:name,org:group,time:timestamp\n\
                Internet,case-1,Confirmation,Group 1,2011-10-11 13:45:40.276000+02:00\n\
                Desk,case-2,Confirmation,,2011-10-12 08:26:25.398000+02:00\n\
                Internet,case-1,\"Check, twice\",Group 4,2011-10-12 08:26:25+02:00\n";
    assert_eq!(
        read(text, &options()),
        [
            r#"2: case-1/1 Confirmation 2011-10-11T11:45:40.276Z application/case-1 {"application":"case-1","case:channel":"Internet","org:group":"Group 1"}"#,
            r#"3: case-2/1 Confirmation 2011-10-12T06:26:25.398Z application/case-2 {"application":"case-2","case:channel":"Desk"}"#,
            r#"4: case-1/2 Check, twice 2011-10-12T06:26:25Z application/case-1 {"application":"case-1","case:channel":"Internet","org:group":"Group 4"}"#,
        ]
    );
}

#[test]
fn a_mapping_says_what_is_what_and_which_columns_are_numbers() {
    let mut options = options();
    options.time = TimeFormat {
        pattern: Some("%d.%m.%Y %H:%M".to_owned()),
        zone: Some(zone("Europe/Berlin").unwrap()),
    };
    options.rename = [("Betrag EUR".to_owned(), "amount".to_owned())].into();
    options.columns = Columns {
        id: Some("Nr".to_owned()),
        r#type: Some("Vorgang".to_owned()),
        time: Some("Zeit".to_owned()),
        numbers: vec!["Betrag EUR".to_owned(), "Seiten".to_owned()],
        truths: vec!["Eilig".to_owned()],
        delimiter: Some(b';'),
        ..Columns::default()
    };
    let text = "Nr;Vorgang;Zeit;Betrag EUR;Seiten;Eilig;Text\n\
                7;bezahlt;05.07.2026 07:15;12.5;3;TRUE;007\n\
                8;bezahlt;05.07.2026 07:16;zwölf;3;TRUE;\n\
                9;bezahlt;05.07.2026 07:17;1;3;ja;\n";
    assert_eq!(
        read(text, &options),
        [
            r#"2: 7 bezahlt 2026-07-05T05:15:00Z  {"Eilig":true,"Seiten":3,"Text":"007","amount":12.5}"#,
            "line 3: `Betrag EUR` is `zwölf`; expected a number | 8;bezahlt;05.07.2026 07:16;zwölf;3;TRUE;",
            "line 4: `Eilig` is `ja`; expected `true` or `false` | 9;bezahlt;05.07.2026 07:17;1;3;ja;",
        ]
    );
}

#[test]
fn a_column_that_is_not_there_is_an_error_that_shows_the_header() {
    let mut options = options();
    assert_eq!(
        read("when,what\n1,2\n", &options),
        [
            "no column holds the type of an event; the header has `when`, `what`; name one with `--column type=NAME`"
        ]
    );
    options.columns.r#type = Some("event".to_owned());
    assert_eq!(
        read("when,what\n1,2\n", &options),
        ["there is no column `event`; the header has `when`, `what`"]
    );
    assert_eq!(read("", &options), ["it has no header line that can be read: it is empty"]);
}

#[test]
fn a_bad_row_is_refused_alone_and_changes_no_other_id() {
    let good = "case_id,type,time\nc1,a,2026-01-01T00:00:00Z\nc1,b,2026-01-02T00:00:00Z\n";
    let mut bad = b"case_id,type,time\nc1,a,2026-01-01 00:00:00\nc1,b,2026-01-02T00:00:00Z\n\
        c1,c\n,d,2026-01-02T00:00:00Z\nc1,,2026-01-02T00:00:00Z\nc1,caf\xe9,2026-01-02T00:00:00Z\n"
        .to_vec();
    bad.extend(b"c1,e,2026-01-02T00:00:00Z");
    let second = r#"3: c1/2 b 2026-01-02T00:00:00Z application/c1 {"application":"c1"}"#;
    assert_eq!(read(good, &options()).last().unwrap(), second);
    assert_eq!(
        read(bad, &options()),
        [
            "line 2: `2026-01-01 00:00:00` is no time here; expected a time with a zone, or the zone of this file (`--time-zone`) | c1,a,2026-01-01 00:00:00",
            second,
            "line 4: it has 2 fields; the header has 3 | c1,c",
            "line 5: it has no `case` | ,d,2026-01-02T00:00:00Z",
            "line 6: it has no `type` | c1,,2026-01-02T00:00:00Z",
            "line 7: it is not UTF-8 text; convert the file, for example with `iconv -f latin1 -t utf-8` | c1,caf\u{fffd},2026-01-02T00:00:00Z",
            r#"8: c1/6 e 2026-01-02T00:00:00Z application/c1 {"application":"c1"}"#,
        ]
    );
}

#[test]
fn a_quotation_mark_that_is_never_closed_does_not_eat_the_memory() {
    let mut text = String::from("id,type,time\n1,a,2026-01-01T00:00:00Z\n2,\"a,");
    text.push_str(&"x".repeat(9 << 20));
    let found = read(text, &options());
    assert_eq!(found.len(), 2);
    let last = found.last().unwrap();
    assert!(last.contains("a quotation mark or a tag was probably left open"), "{last}");
}

#[test]
fn rows_without_case_or_id_are_named_by_their_place() {
    let text = "type,time\na,2026-01-01T00:00:00Z\na,2026-01-01T00:00:00Z\n";
    assert_eq!(
        read(text, &options()),
        ["2: row/1 a 2026-01-01T00:00:00Z  {}", "3: row/2 a 2026-01-01T00:00:00Z  {}"]
    );
}
