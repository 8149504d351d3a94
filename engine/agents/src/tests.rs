#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod life;
mod mock;

use std::sync::Arc;

use homeostat_log::Control;
use homeostat_log::control::Ending;
use homeostat_world::{Duration, Timestamp};
use serde_json::{Value as Json, json};

use crate::*;

/// An agent at work on the acknowledgement of interaction `i1`.
struct Desk {
    agents: Agents,
    brief: Brief,
}

const FILE: &str = r#"
[[agent]]
name = "scribe"
for = "*"
kind = "mock"
time = "10s"
cost_max = 0.10
cost_per_run = 0.01
may_append = ["follow_up.planned"]
"#;

fn now() -> Timestamp {
    Timestamp::EPOCH + Duration::from_secs(1_000)
}

fn order() -> Order {
    Order { gap: "ack@41".to_owned(), attempt: 1, cost_max: 100_000 }
}

fn task() -> Task {
    Task {
        gap: "ack@41".to_owned(),
        goal: "ack(interaction)".to_owned(),
        action: "ack".to_owned(),
        clause: "must: ack(interaction) within: 5s".to_owned(),
        due: Some(now() + Duration::from_secs(5)),
        depth: 1,
        arguments: vec![Argument {
            name: "urgency".to_owned(),
            text: "high".to_owned(),
            value: json!("high"),
        }],
        keys: vec![Key {
            entity: "interaction".to_owned(),
            fields: vec!["interaction".to_owned(), "about".to_owned()],
            value: json!("i1"),
        }],
        agree: vec![Agreement { field: "stars".to_owned(), value: json!(5) }],
        satisfied_by: vec![
            "interaction.acknowledged".to_owned(),
            "interaction.answered".to_owned(),
        ],
        inferred: false,
        requires: Vec::new(),
        situation: Situation::default(),
        must_hold: Arc::new(vec!["invariant response_time < 500ms".to_owned()]),
        context: vec![json!({
            "type": "interaction.created", "position": "41", "subject": "interaction/i1",
            "data": { "mood": "sour" },
        })],
    }
}

impl Desk {
    fn new(file: &str) -> Self {
        let file = Arc::new(AgentsFile::parse(file).unwrap());
        let mut agents = Agents::new(file);
        let spawned = agents.spawn(order(), task(), now()).unwrap();
        agents.on_control(&spawned.control);
        Self { agents, brief: spawned.brief }
    }

    fn hear(&mut self, outcome: &Outcome) -> Verdict {
        self.agents.on_outcome(&self.brief.agent, outcome, now())
    }
}

fn said(lines: &[&str]) -> Outcome {
    Outcome { lines: lines.iter().map(|line| (*line).to_owned()).collect(), finish: Finish::Done }
}

/// The ending, its reason, its cost and the number of events.
fn ended(verdict: Verdict) -> (Ending, String, u64, usize) {
    match verdict {
        Verdict::Ended { events, control: Control::AgentEnded { ending, reason, cost, .. } } => {
            (ending, reason, cost, events.len())
        }
        other => panic!("expected an end, found {other:?}"),
    }
}

/// What one fresh agent comes to that says this.
fn comes_to(lines: &[&str]) -> (Ending, String, u64, usize) {
    ended(Desk::new(FILE).hear(&said(lines)))
}

fn append(r#type: &str, data: &Json) -> String {
    json!({ "append": { "type": r#type, "data": data } }).to_string()
}
