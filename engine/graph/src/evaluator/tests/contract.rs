//! How the contract stands: who judges what, and that nothing unjudged counts as kept.

use homeostat_log::{Event, Kind};
use homeostat_world::Position;

use crate::fixtures::{Twice, event, of_kind};
use crate::{Breach, Verdict};

const CONTRACT: &str = r#"
entity order { has: total }
event order.placed
event http.served
metric speed from http.served { duration }
always { assert totals_known: every(order) has total }
invariant speed < 2
invariant totals_known
invariant event_log_intact
invariant customer_data_never_lost
invariant backups_restore { check: "./restore" }
invariant no_dark_patterns { review: human }
invariant nobody_looks
capability sell {
  accepts: order.placed
  property: no_dark_patterns unless backups_restore
}"#;

fn control(position: u64, name: &str, json: &str) -> Event {
    let second = i64::try_from(position).unwrap_or(0);
    of_kind(event(position, second, name, json), Kind::Control)
}

/// What a checker says of the system: true, false, or null where it could not tell.
fn says(position: u64, check: &str, holds: &str) -> Event {
    let json = format!(r#"{{"check":"{check}","instance":null,"holds":{holds},"detail":""}}"#);
    control(position, "check.reported", &json)
}

fn waive(position: u64, gap: &str) -> Event {
    let json = format!(r#"{{"gap":"{gap}","decision":"waive","by":"ann","reason":""}}"#);
    control(position, "gap.decided", &json)
}

fn verdict(told: &Twice, name: &str) -> Vec<Verdict> {
    let standing = told.evaluator().contract();
    standing.iter().filter(|it| it.name == name).map(|it| it.verdict).collect()
}

#[test]
fn before_anything_was_seen_only_what_the_graph_itself_watches_holds() {
    let told = Twice::new(CONTRACT);
    let contract = told.evaluator().contract();
    let holding = contract.iter().filter(|it| it.verdict == Verdict::Holds);
    assert_eq!(holding.map(|it| it.name.as_str()).collect::<Vec<_>>(), ["totals_known"]);
    assert!(contract.iter().all(|it| it.verdict != Verdict::Violated));
}

#[test]
fn an_assertion_that_a_person_let_go_is_still_violated() {
    let mut told = Twice::new(CONTRACT);
    told.see(&event(1, 1, "order.placed", r#"{"order":"o1"}"#));
    assert_eq!(verdict(&told, "totals_known"), [Verdict::Violated]);
    told.see(&waive(2, "totals_known@1~o1"));
    assert_eq!(verdict(&told, "totals_known"), [Verdict::Violated], "waived, not mended");
    told.see(&event(3, 3, "order.placed", r#"{"order":"o1","total":5}"#));
    assert_eq!(verdict(&told, "totals_known"), [Verdict::Holds]);
}

#[test]
fn a_bound_that_a_person_let_go_is_still_violated_until_a_sample_keeps_it() {
    let mut told = Twice::new(CONTRACT);
    told.see(&event(1, 1, "http.served", r#"{"duration":3}"#)).see(&waive(2, "speed@1"));
    assert_eq!(verdict(&told, "speed"), [Verdict::Violated]);
    told.see(&event(3, 3, "http.served", r#"{"duration":1}"#));
    assert_eq!(verdict(&told, "speed"), [Verdict::Holds]);
}

#[test]
fn what_is_checked_outside_opens_a_gap_while_it_does_not_hold() {
    let mut told = Twice::new(CONTRACT);
    told.see(&says(1, "backups_restore", "false")).see(&says(2, "backups_restore", "false"));
    let gap = "backups_restore@1";
    assert_eq!(told.said(), format!("{gap} activated 1\n{gap} gap Consistency 1"), "once");
    assert_eq!(verdict(&told, "backups_restore"), [Verdict::Violated]);
    told.see(&says(3, "backups_restore", "null"));
    assert_eq!(told.said(), "", "that it could not be told ends nothing");
    assert_eq!(verdict(&told, "backups_restore"), [Verdict::Violated]);
    told.see(&says(4, "backups_restore", "true"));
    assert_eq!(told.said(), format!("{gap} InTime by 4\n{gap} closed Fulfilled"));
    assert_eq!(verdict(&told, "backups_restore"), [Verdict::Holds]);
    told.see(&says(5, "backups_restore", "null"));
    assert_eq!(verdict(&told, "backups_restore"), [Verdict::Undetermined]);
}

#[test]
fn two_propositions_may_hang_on_one_check_and_a_waiver_lets_one_of_them_go() {
    let mut told = Twice::new(CONTRACT);
    told.see(&says(1, "event_log_intact", "false"));
    let said = told.said();
    for name in ["event_log_intact@1", "customer_data_never_lost@1"] {
        assert!(said.contains(&format!("{name} gap Consistency 1")), "{said}");
    }
    told.see(&waive(2, "event_log_intact@1")).see(&says(3, "event_log_intact", "false"));
    assert_eq!(told.said(), "event_log_intact@1 waived\nevent_log_intact@1 closed Waived");
    assert_eq!(verdict(&told, "event_log_intact"), [Verdict::Violated], "waived, not mended");
    told.see(&says(4, "event_log_intact", "true")).said();
    told.see(&says(5, "event_log_intact", "false"));
    assert!(told.said().contains("event_log_intact@5 gap"), "a new episode");
}

#[test]
fn what_nobody_checks_stays_undetermined_whatever_the_log_says_of_it() {
    let mut told = Twice::new(CONTRACT);
    told.see(&says(1, "nobody_looks", "true"));
    assert_eq!(verdict(&told, "nobody_looks"), [Verdict::Undetermined]);
    told.see(&says(2, "nobody_looks", "false"));
    assert_eq!(
        (told.said(), verdict(&told, "nobody_looks")),
        (String::new(), vec![Verdict::Undetermined])
    );
}

#[test]
fn a_property_is_one_or_the_other_and_shares_the_checker_of_its_invariant() {
    let both = "no_dark_patterns";
    let mut told = Twice::new(CONTRACT);
    told.see(&says(1, both, "false"));
    assert_eq!(verdict(&told, both), [Verdict::Violated, Verdict::Undetermined]);
    told.see(&says(2, "backups_restore", "true"));
    assert_eq!(verdict(&told, both), [Verdict::Violated, Verdict::Holds]);
    told.see(&says(3, "backups_restore", "false"));
    assert_eq!(verdict(&told, both), [Verdict::Violated, Verdict::Violated]);
}

fn standing(told: &Twice, name: &str) -> (Option<f64>, Option<Breach>) {
    let contract = told.evaluator().contract();
    let found = contract.into_iter().find(|it| it.name == name);
    found.map(|it| (it.value, it.violation)).unwrap_or_default()
}

fn since(position: u64, gap: Option<&str>, instances: u64) -> Option<Breach> {
    let gap = gap.map(str::to_owned);
    Some(Breach { since: Some(Position::new(position)), gap, instances })
}

#[test]
fn a_violation_says_since_when_it_is_and_which_gap_stands_for_it() {
    let mut told = Twice::new(CONTRACT);
    told.see(&event(1, 1, "http.served", r#"{"duration":1}"#));
    assert_eq!(standing(&told, "speed"), (Some(1.0), None));
    told.see(&event(2, 2, "http.served", r#"{"duration":3}"#));
    assert_eq!(standing(&told, "speed"), (Some(3.0), since(2, Some("speed@2"), 1)));
    told.see(&event(3, 3, "order.placed", r#"{"order":"o1"}"#)).see(&event(
        4,
        4,
        "order.placed",
        r#"{"order":"o2"}"#,
    ));
    let both = since(3, Some("totals_known@3~o1"), 2);
    assert_eq!(standing(&told, "totals_known"), (None, both));
    told.see(&waive(5, "totals_known@3~o1"));
    let other = since(3, Some("totals_known@4~o2"), 2);
    assert_eq!(standing(&told, "totals_known"), (None, other), "let go, not mended");
    told.see(&says(6, "backups_restore", "false"));
    assert_eq!(standing(&told, "backups_restore"), (None, since(6, Some("backups_restore@6"), 1)));
    told.see(&waive(7, "backups_restore@6"));
    let silent = Breach { since: None, gap: None, instances: 1 };
    assert_eq!(standing(&told, "backups_restore"), (None, Some(silent)));
}
