#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may fail")]

use std::fmt::Write as _;

use bolero::check;

use super::*;

fn full() -> NewEvent {
    NewEvent {
        id: "e1".to_owned(),
        source: "/crm".to_owned(),
        kind: Kind::Enrichment,
        r#type: "interaction.created".to_owned(),
        time: Timestamp::from_micros(1_772_357_400_000_000),
        subject: Some("interaction/i1".to_owned()),
        cause: Some("acknowledge_to_rep@41".to_owned()),
        actor: Actor::Agent("a7".to_owned()),
        depth: 3,
        enriches: None,
        data: Data::from_json_text(
            r#"{"customer":"c1","trend":42,"score":0.5,"tags":[true,null]}"#,
        )
        .unwrap(),
    }
}

/// An enrichment as it is appended since there are links.
fn linked() -> NewEvent {
    let name = EventName { source: "/crm".to_owned(), id: "e0".to_owned() };
    let position = Some(Position::new(41));
    let confidence = Confidence::from_millionths(950_000).unwrap();
    let link = Link { position, name: Some(name), confidence };
    NewEvent { enriches: Some(Box::new(link)), ..full() }
}

fn place(event: &NewEvent) -> (Bytes, ChainHash) {
    let header = Header {
        kind: event.kind,
        time: event.time,
        recorded: Timestamp::from_micros(1_772_357_400_000_001),
        previous: ChainHash([7; 32]),
    };
    Draft::new(event).place(Position::new(42), &header)
}

#[test]
fn a_record_reads_back_equal() {
    let mut events = vec![full(), full(), full(), linked()];
    events[1].actor = Actor::Human("Ada".to_owned());
    events[2] = NewEvent {
        kind: Kind::Primary,
        subject: None,
        cause: None,
        actor: Actor::World,
        depth: 0,
        enriches: None,
        data: Data::default(),
        ..full()
    };
    for event in events {
        let (bytes, _) = place(&event);
        let (read, header) = decode(Position::new(42), &bytes).unwrap();
        assert_eq!(read.event, event);
        assert_eq!(header.previous, ChainHash([7; 32]));
        assert_eq!(decode_header(&bytes), Ok(header));
    }
}

#[test]
fn the_stored_form_is_frozen() {
    frozen("record", &full());
    frozen("record-linked", &linked());
}

fn frozen(name: &str, event: &NewEvent) {
    let (bytes, chain) = place(event);
    let mut shown = String::new();
    for line in bytes.chunks(16) {
        let hex: Vec<_> = line.iter().map(|byte| format!("{byte:02x}")).collect();
        let text: String = line
            .iter()
            .map(|byte| if byte.is_ascii_graphic() { char::from(*byte) } else { '.' })
            .collect();
        writeln!(shown, "{:47}  {text}", hex.join(" ")).unwrap();
    }
    writeln!(shown, "chain {chain}").unwrap();
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("../../../../snapshots/log");
    settings.set_prepend_module_to_snapshot(false);
    settings.bind(|| insta::assert_snapshot!(name, shown));
}

#[test]
fn a_field_of_a_later_version_is_passed_over() {
    let (bytes, _) = place(&full());
    let mut grown = bytes.to_vec();
    grown[HEADER_BYTES] += 1;
    cbor::write_head(&mut grown, 0, 99);
    cbor::write_text(&mut grown, "later");
    let (read, _) = decode(Position::new(42), &Bytes::from(grown)).unwrap();
    assert_eq!(read.event, full());
}

#[test]
fn a_link_that_is_not_whole_is_damage() {
    for (name, write) in [(10, 41_u64), (11, 2_000_000)] {
        let mut grown = place(&full()).0.to_vec();
        grown[HEADER_BYTES] += 1;
        cbor::write_head(&mut grown, 0, name);
        cbor::write_head(&mut grown, 0, write);
        let error = decode(Position::new(42), &Bytes::from(grown)).unwrap_err();
        assert_eq!(error.to_string(), "record is malformed: a link is not whole");
    }
}

#[test]
fn a_record_of_a_later_format_is_refused_by_number() {
    let mut bytes = place(&full()).0.to_vec();
    bytes[0] = 2;
    assert_eq!(
        decode(Position::new(42), &bytes.clone().into()).unwrap_err(),
        CodecError::Format(2)
    );
    bytes[0] = FORMAT;
    bytes[9] = 5;
    assert_eq!(decode(Position::new(42), &bytes.into()).unwrap_err(), CodecError::Sealed(5));
}

#[test]
fn the_chain_depends_on_every_bit_and_on_the_position() {
    let (bytes, hash) = place(&full());
    assert_ne!(chain(Position::new(43), &bytes), hash);
    for at in 0..bytes.len() {
        let mut flipped = bytes.to_vec();
        flipped[at] ^= 1;
        assert_ne!(chain(Position::new(42), &flipped), hash);
    }
}

#[test]
fn any_damage_is_refused_or_readable_without_panic() {
    let (bytes, _) = place(&linked());
    for at in 0..bytes.len() {
        for bit in 0..8 {
            let mut flipped = bytes.to_vec();
            flipped[at] ^= 1 << bit;
            if let Ok((event, _)) = decode(Position::new(42), &flipped.into()) {
                drop(event.event.data.to_json());
            }
        }
        assert!(decode(Position::new(42), &bytes.slice(..at)).is_err());
    }
    check!().for_each(|body: &[u8]| {
        let mut record = bytes.slice(..HEADER_BYTES).to_vec();
        record.extend_from_slice(body);
        if let Ok((event, _)) = decode(Position::new(42), &record.into()) {
            drop(event.event.data.to_json());
        }
    });
}
