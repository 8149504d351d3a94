//! Lines that others wrote: events, facts, decisions, briefs, claims, agents files, times.
//!
//! The log's codec, payloads, and `cloudevents::read` have targets of their own in `engine/log`,
//! what agents say has one in `engine/agents`.

use std::fmt::Display;
use std::str::FromStr;
use std::sync::Arc;

use homeostat_agents::{AgentsFile, Brief, Claim};
use homeostat_graph::{Evaluator, Fact, Program};
use homeostat_log::{Control, Data, Event, Kind, NewEvent, UNTIMED, Value, cloudevents};
use homeostat_sim_fuzz::{Dice, mutate, samples};
use homeostat_world::{Duration, Position, Timestamp};

/// Pieces that mean something in JSON.
const JSON: [&str; 30] = [
    "{",
    "}",
    "[",
    "]",
    "\"",
    ":",
    ",",
    "null",
    "true",
    "-1",
    "1e999",
    "0.1",
    "18446744073709551616",
    "\\u0000",
    "\\ud800",
    "\\",
    "\n",
    " ",
    "é",
    "\"id\":",
    "\"type\":",
    "\"data\":",
    "\"time\":",
    "\"2026-03-01T09:30:00Z\"",
    "\"kind\":\"control\"",
    "\"actor\":\"agent/a\"",
    "\"depth\":70000",
    "\"position\":\"1\"",
    "\"cause\":\"d1@1\"",
    "\u{0}",
];

/// Events as others write them.
const EVENTS: [&str; 3] = [
    r#"{"specversion":"1.0","id":"e1","source":"/crm","type":"interaction.created","time":"2026-03-01T09:30:00Z","subject":"interaction/i1","data":{"customer":"c1","trend":42,"tags":["a",null]}}"#,
    r#"{"specversion":"1.0","id":"9.0","source":"homeostat","type":"gap.opened","time":"2026-03-01T09:30:00Z","kind":"control","actor":"engine","depth":2,"position":"41","recorded":"2026-03-01T09:30:00.000001Z","datacontenttype":"application/json","data":{"gap":"ack@9","clause":"0123456789abcdef","kind":"temporal","due":null,"depth":2}}"#,
    r#"{"specversion":"1.0","id":"e2","source":"s","type":"t","cause":"ack@9","time":"2026-03-01T09:30:00+01:00","data":{}}"#,
];

fn json(samples: &[&str], bytes: &[u8]) -> String {
    mutate::text(samples, &JSON, &mut Dice::of_bytes(bytes))
}

#[test]
fn any_exported_line_is_an_event_or_is_refused() {
    target!(800).for_each(|bytes: &[u8]| {
        let text = json(&EVENTS, bytes);
        match cloudevents::read_exported(&text) {
            Ok(event) => {
                let again = cloudevents::read_exported(&cloudevents::write(&event)).unwrap();
                assert_eq!(again, event, "{text}");
                decision_is_read(&event);
            }
            Err(error) => assert!(!error.to_string().is_empty()),
        }
    });
}

/// Control events that another version wrote, or a hand.
fn decision_is_read(event: &Event) {
    let mut event = event.clone();
    event.event.kind = Kind::Control;
    if let Some(Ok(control)) = Control::from_event(&event) {
        let new = control.to_new_event(event.event.time, Position::new(1), 0).unwrap();
        let written = Event { event: new, ..event };
        assert_eq!(Control::from_event(&written), Some(Ok(control)));
    }
}

#[test]
fn any_decision_reads_back_or_is_refused() {
    const DECISIONS: [(&str, &str); 5] = [
        (
            "gap.opened",
            r#"{"gap":"a@1","clause":"00","kind":"reaction","due":"2026-03-01T09:30:00Z","depth":1}"#,
        ),
        ("gap.decided", r#"{"gap":"a@1","decision":"waive","by":"ann","reason":""}"#),
        (
            "agent.spawned",
            r#"{"agent":"a@1/1","gap":"a@1","member":"m","attempt":1,"deadline":"2026-03-01T09:30:00Z","cost_max":5,"depth":1}"#,
        ),
        (
            "agent.ended",
            r#"{"agent":"a@1/1","gap":"a@1","ending":"resolved","reason":"","cost":1}"#,
        ),
        ("breaker.changed", r#"{"breaker":"budget","tripped":true,"detail":"$3 of $2"}"#),
    ];
    target!(500).for_each(|bytes: &[u8]| {
        let mut dice = Dice::of_bytes(bytes);
        let (name, data) = dice.one(&DECISIONS);
        let text = mutate::text(&[data], &JSON, &mut dice);
        let Ok(data) = Data::from_json_text(&text) else { return };
        let line = EVENTS.first().unwrap();
        let event = cloudevents::read(line).unwrap();
        let event = NewEvent { kind: Kind::Control, r#type: name.to_owned(), data, ..event };
        let (position, recorded) = (Position::new(9), Timestamp::EPOCH);
        decision_is_read(&Event { position, recorded, event });
    });
}

/// The evaluator's own quick reader takes whatever the log's careful reader takes, and sees in it
/// what the log would store.
#[test]
fn any_line_gives_the_same_fact_by_either_way() {
    target!(800).for_each(|bytes: &[u8]| {
        let text = json(&EVENTS, bytes);
        let (quick, careful) =
            (Fact::from_json_line(Position::new(1), &text), cloudevents::read(&text));
        let Ok(event) = careful else { return };
        // An event without a time gets the log's; other kinds are the log's own reader's to read.
        if event.time == UNTIMED || event.kind != Kind::Primary {
            return;
        }
        let event = Event { position: Position::new(1), recorded: event.time, event };
        let (fact, quick) = (Fact::of(&event), quick.unwrap());
        assert_eq!((&fact.r#type, fact.time), (&quick.r#type, quick.time), "{text}");
        assert_eq!((&fact.subject, &fact.cause), (&quick.subject, &quick.cause), "{text}");
        assert_eq!(fields(&quick), fields(&fact), "{text}");
    });
}

/// What the evaluator sees of a payload: of lists and objects only whether they hold something.
fn fields(fact: &Fact<'_>) -> Vec<String> {
    let mut seen = Vec::new();
    fact.fields.each(&mut |name, value| {
        seen.push(match value {
            Value::Nested(_) => {
                let full = value.elements().next().is_some() || value.fields().next().is_some();
                format!("{name}: something nested, full: {full}")
            }
            value => format!("{name}: {value:?}"),
        });
    });
    seen.sort();
    seen
}

#[test]
fn any_line_of_an_agent_is_a_claim_or_is_refused() {
    const CLAIMS: [&str; 4] = [
        r#"{"append":{"type":"interaction.acknowledged","data":{"interaction":"i1"},"time":"2026-03-01T09:30:00Z"}}"#,
        r#"{"cost_usd":0.0021}"#,
        r#"{"needs_human":"the address is ambiguous"}"#,
        r#"{"note":"tried twice"}"#,
    ];
    target!(600).for_each(|bytes: &[u8]| {
        let text = json(&CLAIMS, bytes);
        match Claim::read(&text, 3) {
            Ok(claim) => assert_eq!(Claim::read(&claim.write(), 1).unwrap(), claim, "{text}"),
            Err(error) => assert!(error.to_string().starts_with("line 3 is no claim")),
        }
    });
}

#[test]
fn any_brief_reads_back_or_is_refused() {
    let page = include_str!("../../../../engine/agents/protocol.md");
    let (_, rest) = page.split_once("```json\n").unwrap();
    let (brief, _) = rest.split_once("```").unwrap();
    assert!(serde_json::from_str::<Brief>(brief).is_ok(), "the sample is a brief");
    target!(600).for_each(|bytes: &[u8]| {
        let text = json(&[brief], bytes);
        if let Ok(brief) = serde_json::from_str::<Brief>(&text) {
            let written = serde_json::to_string(&brief).unwrap();
            assert_eq!(serde_json::from_str::<Brief>(&written).unwrap(), brief, "{text}");
        }
    });
}

#[test]
fn any_agents_file_is_read_or_refused_with_its_lines() {
    const PIECES: [&str; 24] = [
        "[[agent]]\n",
        "[defaults]\n",
        "name = \"a\"\n",
        "for = \"*\"\n",
        "for = ",
        "kind = \"mock\"\n",
        "kind = \"command\"\n",
        "command = []\n",
        "takes = [\"5s\", \"1s\"]\n",
        "takes = ",
        "time = ",
        "\"-1s\"",
        "\"9223372036854775807d\"",
        "cost_max = -1\n",
        "cost_max = 1e300\n",
        "nan",
        "{",
        "}",
        "chance = {}\n",
        "plan = []\n",
        "append = { type = \"\" }\n",
        "=",
        "\"",
        "\n",
    ];
    target!(600).for_each(|bytes: &[u8]| {
        let text = mutate::text(&[samples::AGENTS], &PIECES, &mut Dice::of_bytes(bytes));
        match AgentsFile::parse(&text) {
            Ok(file) => assert!(file.members().iter().all(|member| !member.name.is_empty())),
            Err(errors) => assert!(!errors.to_string().is_empty()),
        }
    });
}

#[test]
fn any_time_length_and_position_reads_back_or_is_refused() {
    const TEXTS: [&str; 6] = [
        "2026-03-29T00:59:59.999999Z",
        "2017-01-09T09:49:50.000+01:00",
        "0000-01-01T00:00:00.000001Z",
        "1d 2h 3m 4s 5ms 6us",
        "-3d",
        "18446744073709551615",
    ];
    let pieces = ["-", "+", ":", "T", "Z", ".", "9", "0", "w", "ms", " ", "60", "[UTC]", "é"];
    target!(1_000).for_each(|bytes: &[u8]| {
        let text = mutate::text(&TEXTS, &pieces, &mut Dice::of_bytes(bytes));
        reads_back::<Timestamp>(&text);
        reads_back::<Duration>(&text);
        reads_back::<Position>(&text);
    });
}

fn reads_back<T: FromStr + Display + PartialEq + std::fmt::Debug>(text: &str)
where
    T::Err: std::fmt::Debug + Display,
{
    match text.parse::<T>() {
        Ok(read) => assert_eq!(read.to_string().parse::<T>().unwrap(), read, "{text}"),
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}

#[test]
fn any_text_names_an_obligation_or_none() {
    let text = "entity a\nevent a.created\nwhen a.created {\n  must x: b(a)\n}\n";
    let source = homeostat_intent::Source { name: String::new(), text: text.to_owned() };
    let program = Program::compile(&homeostat_intent::load(&[source]).spec).unwrap();
    let evaluator = Evaluator::new(Arc::new(program));
    let program = evaluator.program();
    let (_, clause) = program.clauses().next().unwrap();
    let name = format!("{}@41", clause.slug);
    assert!(program.parse_name(&name).is_some());
    target!(600).for_each(|bytes: &[u8]| {
        let pieces = [
            "@",
            "0",
            "1",
            "-",
            "/",
            "é",
            "18446744073709551616",
            "~c1",
            "~%",
            "~%C3%A9",
            "2026-03-02T09:00:00Z",
        ];
        let text = mutate::text(&[&name], &pieces, &mut Dice::of_bytes(bytes));
        if let Some(name) = program.parse_name(&text) {
            assert_eq!(program.parse_name(&name.show(program)), Some(name), "{text}");
        }
        if let Some(id) = evaluator.parse_id(&text) {
            assert_eq!(evaluator.parse_id(&evaluator.show(id)), Some(id), "{text}");
        }
    });
}
