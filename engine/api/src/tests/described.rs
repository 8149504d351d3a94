//! What is answered is what the OpenAPI document describes: no field more, no field less.

use serde_json::Value;

use super::house::{House, created};

/// Every way in which `value` differs from `schema`.
fn differences(value: &Value, schema: &Value, document: &Value, at: &str, found: &mut Vec<String>) {
    if let Some(reference) = schema["$ref"].as_str() {
        let schema = document.pointer(reference.trim_start_matches('#')).unwrap();
        return differences(value, schema, document, at, found);
    }
    for choices in ["oneOf", "anyOf"] {
        if let Some(choices) = schema[choices].as_array() {
            let fits = choices.iter().any(|choice| {
                let mut differing = Vec::new();
                differences(value, choice, document, at, &mut differing);
                differing.is_empty()
            });
            if !fits {
                found.push(format!("{at}: `{value}` fits no choice"));
            }
            return;
        }
    }
    let kind = match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    let kinds = match &schema["type"] {
        Value::Array(kinds) => kinds.clone(),
        Value::Null => return,
        one => vec![one.clone()],
    };
    if !kinds.iter().any(|allowed| allowed == kind) {
        found.push(format!("{at}: `{value}` is no {kinds:?}"));
        return;
    }
    if schema["enum"].as_array().is_some_and(|words| !words.contains(value)) {
        found.push(format!("{at}: `{value}` is not among the words"));
    }
    match value {
        Value::Array(values) => {
            for (n, value) in values.iter().enumerate() {
                differences(value, &schema["items"], document, &format!("{at}[{n}]"), found);
            }
        }
        Value::Object(members) => {
            for name in schema["required"].as_array().into_iter().flatten() {
                if !members.contains_key(name.as_str().unwrap()) {
                    found.push(format!("{at}: no `{name}`"));
                }
            }
            for (name, value) in members {
                let at = format!("{at}.{name}");
                match (&schema["properties"][name], &schema["additionalProperties"]) {
                    (Value::Null, Value::Null) => found.push(format!("{at}: not described")),
                    (Value::Null, rest) => differences(value, rest, document, &at, found),
                    (schema, _) => differences(value, schema, document, &at, found),
                }
            }
        }
        _ => {}
    }
}

fn fits(value: &Value, name: &str) {
    let document = serde_json::to_value(crate::document()).unwrap();
    let mut found = Vec::new();
    let schema = &document["components"]["schemas"][name];
    assert!(schema.is_object(), "{name}");
    differences(value, schema, &document, name, &mut found);
    assert!(found.is_empty(), "{found:#?}");
}

#[tokio::test(start_paused = true)]
async fn every_answer_is_as_the_document_describes_it() {
    let house = House::open().await;
    fits(&house.append(&format!("{}\n{}", created("a"), created("b"))).await, "Appended");
    house.pass("6s").await;
    fits(&house.get("/v1/status").await.json(), "Status");
    let gaps = house.get("/v1/gaps?limit=1").await.json();
    fits(&gaps, "GapPage");
    let id = gaps["gaps"][0]["id"].as_str().unwrap();
    fits(&house.get(&format!("/v1/gaps/{id}")).await.json(), "Gap");
    let waive = br#"{"decision":"waive","by":"ada","reason":"r"}"#;
    let decided = house.post(&format!("/v1/gaps/{id}/decision"), "application/json", waive).await;
    fits(&decided.json(), "Decided");
    let page = house.get("/v1/events?limit=1000").await.json();
    let count = page["events"].as_array().unwrap().len();
    assert!(count > 5, "events of the world and of the engine");
    fits(&page, "EventPage");
    fits(&house.get("/v1/intent").await.json(), "Versions");
    let version = serde_json::json!({ "by": "ada", "sources": [{
        "name": "next.intent", "text": super::house::SPEC.replace("5s", "6s") }] });
    let body = version.to_string();
    for path in ["/v1/intent?dry-run=true", "/v1/intent"] {
        let answer = house.post(path, "application/json", body.as_bytes()).await;
        fits(&answer.json(), "Proposal");
    }
    fits(&house.get("/v1/intent").await.json(), "Versions");
    fits(&house.get("/healthz").await.json(), "Word");
    fits(&house.get("/nothing").await.json(), "Problem");
}
