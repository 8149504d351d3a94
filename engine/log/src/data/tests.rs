#![expect(clippy::unwrap_used, reason = "a test may fail")]

use bolero::check;
use serde_json::json;

use super::*;

#[test]
fn json_reads_back_what_it_wrote() {
    let value = json!({
        "customer": "c1", "trend": 42, "low": -5, "least": i64::MIN, "score": 0.25, "open": true,
        "gone": null, "tags": ["a", 1, [], {}], "rep": {"name": "Ada", "zones": ["GMT"]},
    });
    let data = Data::from_json(&value).unwrap();
    assert_eq!(data.to_json(), value);
    assert_eq!(Data::from_json_text(&value.to_string()).unwrap(), data);
    assert_eq!(Data::from_bytes(Bytes::copy_from_slice(data.as_bytes())).unwrap(), data);
}

#[test]
fn fields_are_read_without_their_neighbours() {
    let data = Data::from_json_text(r#"{"z":1,"a":{"b":[1,2.5,"x"]},"m":"text"}"#).unwrap();
    assert_eq!(data.get("z"), Some(Value::Int(1)));
    assert_eq!(data.get("m").and_then(Value::as_str), Some("text"));
    assert_eq!(data.get("n"), None);
    let list = data.get("a").unwrap().get("b").unwrap();
    let elements: Vec<_> = list.elements().collect();
    assert_eq!(elements, [Value::Int(1), Value::Float(2.5), Value::Text("x")]);
    assert_eq!(data.fields().map(|(name, _)| name).collect::<Vec<_>>(), ["a", "m", "z"]);
}

#[test]
fn the_order_of_names_does_not_change_the_bytes() {
    let a = Data::from_json_text(r#"{"b":1,"a":2,"nest":{"y":1,"x":2}}"#).unwrap();
    let b = Data::from_json_text(r#"{"nest":{"x":2,"y":1},"a":2,"b":1}"#).unwrap();
    let built = Data::builder().int("b", 1).int("a", 2).json("nest", &json!({"x": 2, "y": 1}));
    assert_eq!(a, b);
    assert_eq!(a, built.unwrap().build());
}

#[test]
fn maps_and_lists_of_any_length_keep_their_head_right() {
    for count in [0_usize, 1, 23, 24, 255, 256, 70_000] {
        let map: serde_json::Map<_, _> =
            (0..count).map(|n| (format!("f{n}"), json!([n, n.to_string()]))).collect();
        let value = json!({ "map": map, "list": (0..count).collect::<Vec<_>>() });
        let data = Data::from_json_text(&value.to_string()).unwrap();
        assert_eq!(data.to_json(), value, "{count}");
    }
}

#[test]
fn whole_numbers_beyond_64_bits_become_floats() {
    let data = Data::from_json_text(r#"{"n":18446744073709551615}"#).unwrap();
    assert_eq!(data.get("n"), Some(Value::Float(18_446_744_073_709_551_615.0)));
}

#[test]
fn what_is_no_object_is_refused_by_name() {
    let error = |text: &str| Data::from_json_text(text).unwrap_err().to_string();
    assert_eq!(error("[1]"), "data is a list; expected a JSON object");
    assert_eq!(error(" null"), "data is null; expected a JSON object");
    assert_eq!(
        error(r#"{"b":1,"a":1,"a":2}"#),
        "data is not valid JSON: name `a` stands twice in one object at line 1 column 19"
    );
    assert!(error("{").starts_with("data is not valid JSON: EOF"));
    let found = Data::from_json(&json!("text")).unwrap_err().to_string();
    assert_eq!(found, "data is a text; expected a JSON object");
}

#[test]
fn nesting_is_bounded_on_every_way_in() {
    use homeostat_world::limits::DATA_DEPTH_MAX;
    let nested =
        |levels: usize| format!("{{\"a\":{}{}}}", "[".repeat(levels - 1), "]".repeat(levels - 1));
    let deepest = Data::from_json_text(&nested(DATA_DEPTH_MAX)).unwrap();
    assert!(Data::from_bytes(Bytes::copy_from_slice(deepest.as_bytes())).is_ok());
    let too_deep = Err(DataError::TooDeep { limit: DATA_DEPTH_MAX });
    assert_eq!(Data::from_json_text(&nested(DATA_DEPTH_MAX + 1)), too_deep);
    let tree: serde_json::Value = serde_json::from_str(&nested(DATA_DEPTH_MAX + 1)).unwrap();
    assert_eq!(Data::from_json(&tree), too_deep);
    let inner = tree.get("a").unwrap();
    assert_eq!(Data::builder().json("a", inner).map(DataBuilder::build), too_deep);
    let mut bytes = vec![0xa1, 0x61, b'a'];
    bytes.extend(std::iter::repeat_n(0x81, DATA_DEPTH_MAX));
    bytes.push(0x80);
    assert_eq!(Data::from_bytes(bytes.into()), too_deep);
}

#[test]
fn any_bytes_are_either_refused_or_readable() {
    check!().for_each(|bytes: &[u8]| {
        if let Ok(data) = Data::from_bytes(Bytes::copy_from_slice(bytes)) {
            let json = data.to_json();
            assert_eq!(Data::from_json(&json).unwrap().to_json(), json);
        }
    });
}

#[test]
fn any_text_means_the_same_as_its_tree() {
    check!().for_each(|text: &[u8]| {
        let Ok(text) = std::str::from_utf8(text) else { return };
        if let Ok(data) = Data::from_json_text(text) {
            assert_eq!(serde_json::from_str::<serde_json::Value>(text).unwrap(), data.to_json());
        }
    });
}
