#![expect(clippy::unwrap_used, reason = "a test may fail")]

use bolero::check;
use homeostat_world::{Position, Timestamp};

use super::*;

const LINE: &str = r#"{"specversion":"1.0","id":"e1","source":"/crm","type":"interaction.created","time":"2026-03-01T09:30:00Z","subject":"interaction/i1","data":{"customer":"c1","trend":42}}"#;

fn with(attribute: &str) -> String {
    LINE.replacen('{', &format!("{{{attribute},"), 1)
}

#[test]
fn an_event_reads_back_from_what_it_writes() {
    let mut new = read(LINE).unwrap();
    assert_eq!(read(&write_new(&new)).unwrap(), new);
    new.actor = Actor::Agent("a7".to_owned());
    new.kind = Kind::Control;
    new.cause = Some("acknowledge_to_rep@41".to_owned());
    new.depth = 3;
    let event = Event {
        position: Position::new(u64::MAX),
        recorded: Timestamp::from_micros(1_772_357_400_000_001),
        event: new,
    };
    assert_eq!(read_exported(&write(&event)).unwrap(), event);
}

#[test]
fn the_written_form_is_a_cloud_event() {
    let event = Event {
        position: Position::new(41),
        recorded: Timestamp::from_micros(1_772_357_400_000_001),
        event: read(LINE).unwrap(),
    };
    assert_eq!(
        write(&event),
        LINE.replace(
            r#""data":"#,
            r#""datacontenttype":"application/json","position":"41","recorded":"2026-03-01T09:30:00.000001Z","data":"#
        )
    );
}

#[test]
fn an_event_without_time_or_data_is_taken() {
    let new =
        read(r#"{"specversion":"1.0","id":"1","source":"s","type":"t","data":null}"#).unwrap();
    assert_eq!(new.time, UNTIMED);
    assert_eq!(new.data, Data::default());
}

#[test]
fn each_fault_is_named_with_what_helps() {
    let error = |text: &str| read(text).unwrap_err().to_string();
    let replaced = |from: &str, to: &str| error(&LINE.replacen(from, to, 1));
    let long = "x".repeat(NAME_BYTES_MAX + 1);
    let messages = [
        error(""),
        error("[]"),
        error("{"),
        error("{}"),
        error(&format!("{LINE} x")),
        replaced(r#""id":"e1","#, ""),
        replaced(r#""id":"e1""#, r#""id":5"#),
        replaced(r#""id":"e1""#, r#""id":"""#),
        replaced(r#""id":"e1""#, r#""id":"a\u0000b""#),
        replaced(r#""id":"e1""#, &format!(r#""id":"{long}""#)),
        replaced(r#""source":"/crm","#, ""),
        replaced(r#""1.0""#, r#""0.3""#),
        replaced("2026-03-01T09:30:00Z", "yesterday"),
        replaced(r#"{"customer":"c1","trend":42}"#, "[1]"),
        replaced(r#""trend":42"#, r#""customer":42"#),
        error(&with(r#""id":"e2""#)),
        error(&with(r#""kind":"control""#)),
        error(&with(r#""kind":"secondary""#)),
        error(&with(r#""actor":"human/eve""#)),
        error(&with(r#""depth":1"#)),
        error(&with(r#""position":"7""#)),
        error(&with(r#""recorded":"2026-03-01T09:30:00Z""#)),
        error(&with(r#""dataschema":"s""#)),
        error(&with(r#""data_base64":"AA==""#)),
        error(&with(r#""datacontenttype":"text/xml""#)),
        error(&with(r#""kind":"enrichment""#)),
        error(&with(r#""kind":"enrichment","enriches":"41""#)),
        error(&with(r#""kind":"enrichment","confidence":0.5"#)),
        error(&with(r#""kind":"enrichment","enriches":"e0","confidence":0.5"#)),
        error(&with(r#""kind":"enrichment","enriches":41,"confidence":1.5"#)),
        error(&with(r#""kind":"enrichment","enriches":41,"enrichesid":"e0","confidence":0.5"#)),
        error(&with(r#""kind":"enrichment","enrichessource":"/crm","confidence":0.5"#)),
        error(&with(r#""enriches":41,"confidence":0.5"#)),
        error(&LINE.replacen("42", &format!("\"{}\"", "x".repeat(EVENT_BYTES_MAX)), 1)),
    ];
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("../../../../snapshots/log");
    settings.set_prepend_module_to_snapshot(false);
    settings.bind(|| insta::assert_snapshot!("refused-cloud-events", messages.join("\n")));
}

#[test]
fn an_enrichment_names_its_source_and_how_sure_it_is() {
    let enriching = |link: &str| with(&format!(r#""kind":"enrichment",{link}"#));
    let link = |text: &str| read(&enriching(text)).map(|new| *new.enriches.unwrap());
    let sure = crate::Confidence::new(0.95).unwrap();
    let named = |source: &str| crate::Link::to_named(source.to_owned(), "e0".to_owned(), sure);
    let place = Ok(crate::Link::to(Position::new(41), sure));
    assert_eq!(link(r#""enriches":41,"confidence":0.95"#), place);
    assert_eq!(link(r#""enriches":"41","confidence":"0.95""#), place);
    assert_eq!(link(r#""enrichesid":"e0","confidence":"0.95""#), Ok(named("/crm")));
    let elsewhere = r#""enrichesid":"e0","enrichessource":"/erp","confidence":0.95"#;
    assert_eq!(link(elsewhere), Ok(named("/erp")));
    let new = read(&enriching(elsewhere)).unwrap();
    assert!(write_new(&new).contains(elsewhere.replace("0.95", "\"0.95\"").as_str()));
}

#[test]
fn any_text_is_either_refused_or_kept() {
    check!().for_each(|text: &[u8]| {
        let Ok(text) = std::str::from_utf8(text) else { return };
        if let Ok(new) = read(text) {
            assert_eq!(read(&write_new(&new)).unwrap(), new);
        }
    });
}
