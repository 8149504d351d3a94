//! The demo: everything that it promises to show is really in its log.

use std::collections::BTreeSet;

use crate::bench::{Bench, golden};

#[test]
fn the_demo_shows_every_breaker_and_every_end_of_an_agent() {
    let bench = Bench::new();
    let run = bench.run(&["demo", "--speed", "3", "--format", "json", "--log", "log"]).fine();
    let lines: Vec<serde_json::Value> =
        run.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let seen: BTreeSet<String> = lines
        .iter()
        .map(|line| {
            let of = |name: &str| line["data"][name].as_str().unwrap_or_default().to_owned();
            match line["type"].as_str().unwrap() {
                "gap.escalated" => format!("escalated {}", of("reason")),
                "agent.ended" => format!("agent {}", of("ending")),
                "breaker.changed" => format!("{} {}", of("breaker"), line["data"]["tripped"]),
                "gap.closed" => format!("closed {}", of("outcome")),
                other => other.to_owned(),
            }
        })
        .collect();
    for expected in [
        "agent failed",
        "agent needs_human",
        "agent resolved",
        "agent timed_out",
        "budget false",
        "budget true",
        "closed fulfilled",
        "closed late",
        "closed waived",
        "concurrency false",
        "concurrency true",
        "deadline.missed",
        "escalated agent_asked",
        "escalated agents_exhausted",
        "escalated too_deep",
        "gap.decided",
        "gap.opened",
        "intent.adopted",
    ] {
        assert!(seen.contains(expected), "no `{expected}` among {seen:#?}");
    }
    let end = lines.last().unwrap();
    assert_eq!(end["type"], "demo.ended");
    // The log is whole and can be looked at with the other verbs, which find the spec in it.
    bench.run(&["verify", "--log", "log"]).fine();
    let explained = end["explained"].to_string();
    let graph = bench.run(&["explain", &explained, "--log", "log"]).fine().stdout;
    golden("demo-consequences", &without_positions(&graph));
}

#[test]
fn the_demo_in_text_ends_with_what_to_try_next() {
    let bench = Bench::new();
    let run = bench.run(&["demo", "--speed", "20", "--log", "log"]).fine();
    assert!(!run.stdout.contains('\u{1b}'), "no colours and no cursor tricks in a pipe");
    run.shows("gap opened").shows("The day in numbers").shows("homeostat explain");
    bench.run(&["demo", "--log", "log"]).ended(2).says("is not empty");
    bench.run(&["demo", "--speed", "0.1"]).ended(2).says("from 0.9 to 20");
}

/// Positions depend on how fast the agents are, so they are left out.
fn without_positions(text: &str) -> String {
    let mut shown = String::new();
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        shown.push(letter);
        if letter == 'e' && shown.ends_with("event e") {
            let mut any = false;
            while letters.next_if(char::is_ascii_digit).is_some() {
                any = true;
            }
            if any {
                shown.push_str("[n]");
            }
        }
    }
    shown
}
