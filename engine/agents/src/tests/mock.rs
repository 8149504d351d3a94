//! Agents that act out a script.

use std::future::{Future, pending, ready};
use std::pin::pin;
use std::sync::{Mutex, PoisonError};
use std::task::{Context, Poll, Waker};

use homeostat_world::{Chance, Clock};

use super::*;

fn desk(script: &str) -> Desk {
    Desk::new(&format!("{FILE}{script}\n"))
}

fn play(desk: &Desk, seed: u64) -> Performance {
    let Kind::Mock(script) = &desk.agents.file().member("scribe").unwrap().kind else {
        panic!("the scribe is a mock");
    };
    rehearse(&desk.brief, script, &Chance::from_u64(seed))
}

/// What the first performance of a script comes to.
fn comes_to(script: &str) -> (Ending, String, u64, usize) {
    let mut desk = desk(script);
    let outcome = play(&desk, 1).outcome;
    ended(desk.hear(&outcome))
}

#[test]
fn each_deed_comes_to_its_end() {
    let cases = [
        ("resolve", Ending::Resolved, "appended `interaction.acknowledged`"),
        ("fail", Ending::Failed, "gave up, as its script has it"),
        ("needs_human", Ending::NeedsHuman, "cannot decide about `ack(interaction)` alone"),
        (
            "wrong_key",
            Ending::Failed,
            "`interaction` of `interaction.acknowledged` is `somebody-else`, expected `i1`",
        ),
        (
            "forbidden_type",
            Ending::Failed,
            "may not append `forbidden.by_its_brief`, expected `interaction.acknowledged` or `interaction.answered` or `follow_up.planned`",
        ),
        ("silent", Ending::Failed, "ended without a claim"),
        ("overspend", Ending::Failed, "cost $1.110000, expected at most $0.100000, its `cost_max`"),
        ("crash", Ending::Failed, "crashed, as its script has it"),
        ("lie", Ending::Failed, "ended without a claim"),
        (
            "presume",
            Ending::Failed,
            "`interaction.acknowledged` enriches the event at position `18446744073709551615`, expected one of its brief's context",
        ),
        (
            "smuggle",
            Ending::Failed,
            "may not append `forbidden.by_its_brief`, expected `interaction.acknowledged` or `interaction.answered` or `follow_up.planned`",
        ),
        (
            "echo",
            Ending::Resolved,
            "appended `interaction.acknowledged`, `interaction.acknowledged`",
        ),
        ("hoard", Ending::Resolved, "appended `interaction.acknowledged`"),
        ("contradict", Ending::Resolved, "appended `interaction.acknowledged`"),
        ("leak", Ending::Resolved, "appended `interaction.acknowledged`"),
    ];
    for (deed, ending, reason) in cases {
        let (found, why, ..) = comes_to(&format!("plan = \"{deed}\""));
        assert_eq!((found, why.as_str()), (ending, reason), "{deed}");
    }
    for deed in ["garbage", "forge"] {
        let (ending, reason, ..) = comes_to(&format!("plan = \"{deed}\""));
        assert!(ending == Ending::Failed && reason.starts_with("line 1 is no claim"), "{reason}");
    }
    let (.., cost, _) = comes_to("plan = \"hoard\"");
    assert_eq!(cost, 100_000, "nine tenths, and a tenth for the run");
    assert_eq!(play(&desk("plan = \"stall\""), 1).takes, None);
}

#[test]
fn a_plan_is_gone_through_by_attempt_and_starts_over() {
    let mut desk = desk(r#"plan = ["silent", "resolve"]"#);
    let mut lines = |attempt: u32| {
        desk.brief.attempt = attempt;
        play(&desk, 1).outcome.lines.len()
    };
    assert_eq!([lines(1), lines(2), lines(3), lines(4)], [0, 1, 0, 1]);
}

#[test]
fn a_template_is_filled_from_the_brief_over_the_keys_of_the_gap() {
    let desk = desk(
        r#"append = { type = "interaction.answered", data = { text = "{urgency}: {interaction} is {trigger.mood}", nth = "{attempt}", score = { from = 3, to = 3 }, tags = ["{gap}"] } }"#,
    );
    let outcome = play(&desk, 1).outcome;
    let line: Json = serde_json::from_str(outcome.lines.first().unwrap()).unwrap();
    assert_eq!(
        line,
        json!({ "append": { "type": "interaction.answered", "data": {
            "interaction": "i1", "text": "high: i1 is sour", "nth": 1, "score": 3, "tags": ["ack@41"]
        } } })
    );
}

#[test]
fn a_template_can_be_an_enrichment_of_the_trigger() {
    let desk = desk(r#"append = { inferred = 0.95, data = { mood = "sour" } }"#);
    let outcome = play(&desk, 1).outcome;
    let line: Json = serde_json::from_str(outcome.lines.first().unwrap()).unwrap();
    assert_eq!(
        line,
        json!({ "append": {
            "type": "interaction.acknowledged", "data": { "interaction": "i1", "mood": "sour" },
            "enriches": 41, "confidence": 0.95,
        } })
    );
}

#[test]
fn a_template_that_names_what_the_brief_lacks_fails_and_says_so() {
    let (ending, reason, ..) = comes_to(r#"append = { data = { text = "{colour}" } }"#);
    assert_eq!(ending, Ending::Failed);
    assert_eq!(reason, "its script names `{colour}`, which the brief does not have");
}

#[test]
fn the_same_seed_gives_the_same_performance_and_another_agent_draws_apart() {
    let script = r#"takes = ["1ms", "10s"]
append = { data = { score = { from = 0, to = 1000000 } } }"#;
    let mut desk = desk(script);
    assert_eq!(play(&desk, 7), play(&desk, 7));
    assert_ne!(play(&desk, 7), play(&desk, 8));
    let first = play(&desk, 7);
    desk.brief.agent = "ack@42/1".to_owned();
    assert_ne!(play(&desk, 7), first);
}

#[test]
fn weights_are_kept_and_ranges_are_not_left() {
    let script = r#"chance = { resolve = 3, silent = 1 }
takes = ["100ms", "200ms"]
append = { data = { whole = { from = -2, to = 2 }, part = { from = 0.5, to = 1 } } }"#;
    let mut desk = desk(script);
    let (mut silent, mut seen) = (0, std::collections::BTreeSet::new());
    for nth in 0..1_000 {
        desk.brief.agent = format!("ack@{nth}/1");
        let Performance { takes, outcome, .. } = play(&desk, 3);
        let takes = takes.unwrap();
        assert!(Duration::from_millis(100) <= takes && takes <= Duration::from_millis(200));
        let Some(line) = outcome.lines.first() else {
            silent += 1;
            continue;
        };
        let line: Json = serde_json::from_str(line).unwrap();
        let data = &line["append"]["data"];
        seen.insert(data["whole"].as_i64().unwrap());
        let part = data["part"].as_f64().unwrap();
        assert!((0.5..=1.0).contains(&part), "{part}");
    }
    assert_eq!(seen.into_iter().collect::<Vec<_>>(), [-2, -1, 0, 1, 2]);
    assert!((200..300).contains(&silent), "{silent} of 1000, expected about 250");
}

/// A clock that stands still until it is moved.
#[derive(Clone, Debug)]
struct Hand(Arc<Mutex<Timestamp>>);

impl Hand {
    fn turn(&self, by: Duration) {
        let mut now = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *now = *now + by;
    }
}

impl Clock for Hand {
    fn now(&self) -> Timestamp {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn sleep_until(&self, at: Timestamp) -> impl Future<Output = ()> + Send {
        let clock = self.clone();
        std::future::poll_fn(
            move |_| {
                if clock.now() >= at { Poll::Ready(()) } else { Poll::Pending }
            },
        )
    }
}

fn runner(script: &str) -> (MockRunner<Hand>, Brief, Hand) {
    let desk = desk(script);
    let file = Arc::new(desk.agents.file().clone());
    let clock = Hand(Arc::new(Mutex::new(now())));
    (MockRunner::new(file, clock.clone(), Chance::from_u64(1)), desk.brief, clock)
}

#[test]
fn a_mock_takes_its_time_by_the_clock_that_it_is_given() {
    let (runner, brief, clock) = runner("takes = \"2s\"");
    let mut run = pin!(runner.run(brief, pending()));
    let mut look = || run.as_mut().poll(&mut Context::from_waker(Waker::noop()));
    assert!(look().is_pending());
    clock.turn(Duration::from_millis(1_999));
    assert!(look().is_pending());
    clock.turn(Duration::from_millis(1));
    let Poll::Ready(outcome) = look() else { panic!("two seconds have passed") };
    assert_eq!((outcome.finish, outcome.lines.len()), (Finish::Done, 1));
}

#[test]
fn a_mock_that_stalls_ends_at_its_deadline_or_when_told() {
    let (stalling, brief, clock) = runner("plan = \"stall\"");
    let mut run = pin!(stalling.run(brief.clone(), pending()));
    let mut look = || run.as_mut().poll(&mut Context::from_waker(Waker::noop()));
    assert!(look().is_pending());
    clock.turn(Duration::from_secs(10));
    assert_eq!(look(), Poll::Ready(Outcome::silent(Finish::TimedOut)));
    let mut run = pin!(stalling.run(brief, ready(())));
    let told = run.as_mut().poll(&mut Context::from_waker(Waker::noop()));
    assert_eq!(told, Poll::Ready(Outcome::silent(Finish::Stopped)));
}

#[test]
fn a_late_mock_is_deaf_to_its_end_and_answers_after_it() {
    let (late, brief, clock) = runner("plan = \"late\"\ntakes = \"2s\"");
    let mut run = pin!(late.run(brief, ready(())));
    let mut look = || run.as_mut().poll(&mut Context::from_waker(Waker::noop()));
    assert!(look().is_pending());
    clock.turn(Duration::from_secs(2));
    let Poll::Ready(outcome) = look() else { panic!("two seconds have passed") };
    assert_eq!((outcome.finish, outcome.lines.len()), (Finish::Done, 1));
}

#[test]
fn contradictors_say_the_least_or_the_most_and_a_leaker_all_that_it_was_told() {
    let script = r#"plan = "contradict"
append = { data = { score = { from = 10, to = 90 } } }"#;
    let mut desk = desk(script);
    let mut seen = std::collections::BTreeSet::new();
    for nth in 0..50 {
        desk.brief.agent = format!("ack@{nth}/1");
        let outcome = play(&desk, 3).outcome;
        let line: Json = serde_json::from_str(outcome.lines.first().unwrap()).unwrap();
        seen.insert(line["append"]["data"]["score"].as_i64().unwrap());
    }
    assert_eq!(seen.into_iter().collect::<Vec<_>>(), [10, 90]);
    let leaker = super::Desk::new(&format!("{FILE}plan = \"leak\"\n"));
    let outcome = play(&leaker, 1).outcome;
    let line: Json = serde_json::from_str(outcome.lines.first().unwrap()).unwrap();
    assert_eq!(line["append"]["data"]["told"], Json::Array(leaker.brief.context.to_vec()));
}

#[test]
fn an_agent_that_is_not_in_the_file_is_not_started() {
    let (runner, mut brief, _) = runner("");
    brief.member = "ghost".to_owned();
    let mut run = pin!(runner.run(brief, pending()));
    let Poll::Ready(outcome) = run.as_mut().poll(&mut Context::from_waker(Waker::noop())) else {
        panic!("there is nothing to wait for");
    };
    let why = "agent `ghost` is no mock of the agents file".to_owned();
    assert_eq!(outcome.finish, Finish::NotStarted(why));
}
