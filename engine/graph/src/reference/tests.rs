//! Small stories and what the language says of them, a line for each obligation and violation. The
//! incremental evaluator says the same of each, restarted before every step.

mod versions;

use homeostat_log::{Event, Kind};
use homeostat_world::Timestamp;

use super::agreement::{Case, disagreement};
use super::{Standing, Step, evaluate};
use crate::fixtures::{at, event, spec};

/// A story: what happens, in order.
#[derive(Default)]
struct Story {
    steps: Vec<Step>,
    position: u64,
}

impl Story {
    /// An event at this second, after time has come to it.
    fn at(self, second: i64, name: &str, json: &str) -> Self {
        self.with(second, name, json, |_| {})
    }

    fn with(mut self, second: i64, name: &str, json: &str, change: impl Fn(&mut Event)) -> Self {
        self.position += 1;
        let mut event = event(self.position, second, name, json);
        change(&mut event);
        self.steps.push(Step::Advance(at(second)));
        self.steps.push(Step::Event(Box::new(event)));
        self
    }

    /// One of the engine's own events.
    fn control(self, second: i64, name: &str, json: &str) -> Self {
        self.with(second, name, json, |event| event.event.kind = Kind::Control)
    }

    fn erased(self, second: i64, name: &str, subject: &str) -> Self {
        self.with(second, name, "{}", |event| {
            event.event.kind = Kind::Tombstone;
            event.event.subject = Some(subject.to_owned());
        })
    }

    fn until(mut self, second: i64) -> Self {
        self.steps.push(Step::Advance(at(second)));
        self
    }

    fn up_again(mut self, second: i64) -> Self {
        self.steps.push(Step::Resume(at(second)));
        self
    }

    fn adopted(self, second: i64, text: &str) -> Self {
        let mut story = self.control(second, "intent.evolved", "{}");
        story.steps.push(Step::Evolve(Box::new(spec(text))));
        story
    }
}

/// Evaluates a story and compares what became of everything, line by line.
#[track_caller]
fn check(text: &str, story: &Story, expected: &[&str]) {
    let verdicts = evaluate(&spec(text), &story.steps);
    let lines: Vec<String> = verdicts
        .obligations
        .iter()
        .map(|((occasion, slug), verdict)| {
            let mut line = format!("{slug}@{occasion} since {}", instant(verdict.activated));
            if let Some(due) = verdict.due {
                line.push_str(&format!(" due {}", instant(due)));
            }
            if let Some((kind, since)) = verdict.gap {
                line.push_str(&format!(", {kind:?} gap {}", instant(since)));
            }
            if let Some(closed) = verdict.closed {
                line.push_str(&format!(" closed {closed:?}"));
            }
            if verdict.missed {
                line.push_str(", missed");
            }
            if let Standing::Fulfilled(by, _) = verdict.standing {
                line.push_str(&format!(", by {by}"));
            } else if verdict.standing != Standing::Owed {
                line.push_str(&format!(", {:?}", verdict.standing));
            }
            line
        })
        .collect();
    assert_eq!(lines, expected, "\n{}\n", lines.join("\n"));
    let case = Case { spec: spec(text), steps: story.steps.clone() };
    let everywhere: Vec<usize> = (0..case.steps.len()).collect();
    if let Some(difference) = disagreement(&case, &everywhere) {
        unreachable!("the incremental evaluator differs\n{difference}");
    }
}

/// Seconds since the epoch in the first days of it, else as written.
fn instant(at: Timestamp) -> String {
    if at.as_micros() < 1_000_000_000_000 {
        (at.as_micros() / 1_000_000).to_string()
    } else {
        at.to_string()
    }
}

fn second(text: &str) -> i64 {
    text.parse().map_or(0, |at: Timestamp| at.as_micros() / 1_000_000)
}

const ALERTS: &str = "
    entity alert { belongs_to: rep  state unacknowledged: from created until acknowledged }
    entity rep { has: phone }
    event alert.created
    event alert.acknowledged
    action re_alert(alert) { satisfied_by: alert.repeated }
    when alert.unacknowledged for 4s {
      must: re_alert(alert)
        within: 10s
    }
";

#[test]
fn a_condition_that_lasts_triggers_once_at_the_end_of_its_length() {
    let story = Story::default()
        .at(1, "alert.created", r#"{"alert":"a1"}"#)
        .at(2, "alert.created", r#"{"alert":"a2"}"#)
        .at(6, "alert.acknowledged", r#"{"alert":"a2"}"#)
        .until(60);
    // a2 was acknowledged at the very end of its four seconds: it has not lasted.
    check(ALERTS, &story, &["re_alert@1~a1 since 5 due 15, Temporal gap 5, missed"]);
}

#[test]
fn what_followed_from_a_condition_that_had_not_lasted_after_all_is_withdrawn() {
    let story = Story::default().at(1, "alert.created", r#"{"alert":"a1"}"#).until(6).with(
        8,
        "alert.acknowledged",
        r#"{"alert":"a1"}"#,
        |event| event.event.time = at(4),
    );
    let expected = "re_alert@1~a1 since 5 due 15, Temporal gap 5 closed Withdrawn, Withdrawn";
    check(ALERTS, &story, &[expected]);
    let story = Story::default()
        .at(1, "alert.created", r#"{"alert":"a1"}"#)
        .until(6)
        .at(8, "alert.acknowledged", r#"{"alert":"a1"}"#)
        .at(9, "alert.repeated", r#"{"alert":"a1"}"#);
    let expected = "re_alert@1~a1 since 5 due 15, Temporal gap 5 closed Fulfilled, by 3";
    check(ALERTS, &story, &[expected]);
}

const REPS: &str = r#"
    time_zone: "Europe/London"
    entity rep { has: preferred_time, time_zone }
    event rep.joined
    action prompt(rep) { satisfied_by: rep.prompted }
    every day at rep.preferred_time { should: prompt(rep) }
"#;

#[test]
fn a_day_has_one_tick_at_a_time_that_is_skipped_or_comes_twice() {
    let start = second("2026-03-28T12:00:00Z");
    let story = Story::default()
        .at(start, "rep.joined", r#"{"rep":"r1","preferred_time":"01:30"}"#)
        .until(second("2026-03-30T12:00:00Z"));
    let expected = [
        "prompt@2026-03-29T01:30:00Z~r1 since 2026-03-29T01:30:00Z due 2026-03-30T00:30:00Z, \
         Temporal gap 2026-03-29T01:30:00Z, missed",
        "prompt@2026-03-30T00:30:00Z~r1 since 2026-03-30T00:30:00Z due 2026-03-31T00:30:00Z, \
         Temporal gap 2026-03-30T00:30:00Z",
    ];
    check(REPS, &story, &expected);
    let start = second("2026-10-24T12:00:00Z");
    let story = Story::default()
        .at(start, "rep.joined", r#"{"rep":"r1","preferred_time":"01:30"}"#)
        .until(second("2026-10-25T12:00:00Z"));
    let expected = "prompt@2026-10-25T00:30:00Z~r1 since 2026-10-25T00:30:00Z \
                    due 2026-10-26T01:30:00Z, Temporal gap 2026-10-25T00:30:00Z";
    check(REPS, &story, &[expected]);
}

#[test]
fn a_preference_that_changes_makes_no_second_tick_on_a_date() {
    let story = Story::default()
        .at(
            second("2026-06-01T00:00:00Z"),
            "rep.joined",
            r#"{"rep":"r1","preferred_time":"09:00","time_zone":"UTC"}"#,
        )
        .at(
            second("2026-06-01T10:00:00Z"),
            "rep.changed",
            r#"{"rep":"r1","preferred_time":"11:00"}"#,
        )
        .at(
            second("2026-06-02T10:00:00Z"),
            "rep.changed",
            r#"{"rep":"r1","preferred_time":"10:30"}"#,
        )
        .until(second("2026-06-02T12:00:00Z"));
    let expected = [
        "prompt@2026-06-01T09:00:00Z~r1 since 2026-06-01T09:00:00Z due 2026-06-02T09:00:00Z, \
         Temporal gap 2026-06-01T09:00:00Z, missed",
        "prompt@2026-06-02T10:30:00Z~r1 since 2026-06-02T10:30:00Z due 2026-06-03T10:30:00Z, \
         Temporal gap 2026-06-02T10:30:00Z",
    ];
    check(REPS, &story, &expected);
}

#[test]
fn after_a_downtime_the_latest_tick_alone_is_caught_up_with() {
    let spec = "every 10s { must: poll }";
    let story = Story::default().at(5, "a.b", "{}").up_again(45).until(51);
    let expected = [
        "poll@1970-01-01T00:00:40Z since 40 due 50, Temporal gap 40, missed",
        "poll@1970-01-01T00:00:50Z since 50 due 60, Temporal gap 50",
    ];
    check(spec, &story, &expected);
}

const SHOP: &str = "
    entity customer { has: orders[], tier  immutable: true }
    entity order { belongs_to: customer  has: note }
    event customer.created
    event order.created
    action review(customer) { satisfied_by: customer.reviewed }
    action erase(customer) { satisfied_by: files.purged }
    when sale.ended {
      for each customer with customer.orders.count > 1 {
        must: review(customer)
          within: 5s
      }
    }
    when customer.forgotten { must: erase(customer) }
    always { assert noted: every(order) has note }
";

#[test]
fn a_round_is_made_for_each_instance_that_there_is_then() {
    let story = Story::default()
        .at(1, "customer.created", r#"{"customer":"c1"}"#)
        .at(2, "order.created", r#"{"order":"o1","customer":"c1","note":"x"}"#)
        .at(3, "order.created", r#"{"order":"o2","customer":"c1","note":"x"}"#)
        .at(4, "sale.ended", "{}")
        .at(5, "customer.created", r#"{"customer":"c2"}"#);
    check(SHOP, &story, &["review@4~c1 since 4 due 9, Reaction gap 4"]);
}

#[test]
fn erasure_voids_what_is_owed_for_the_instance_and_leaves_the_duty_to_erase() {
    let story = Story::default()
        .at(1, "customer.created", r#"{"customer":"c1"}"#)
        .at(2, "order.created", r#"{"order":"o1","customer":"c1"}"#)
        .at(3, "order.created", r#"{"order":"o2","customer":"c1","note":"x"}"#)
        .at(4, "sale.ended", "{}")
        .erased(5, "customer.forgotten", "customer/c1")
        .erased(6, "order.forgotten", "order/o1")
        .at(7, "sale.ended", "{}");
    let expected = [
        "noted@2~o1 since 2, Intent gap 2 closed Void, Void",
        "review@4~c1 since 4 due 9, Reaction gap 4 closed Void, Void",
        "erase@5 since 5, Reaction gap 5",
    ];
    check(SHOP, &story, &expected);
}

#[test]
fn an_instance_that_may_not_change_violates_that_until_somebody_lets_it_go() {
    let story = Story::default()
        .at(1, "customer.created", r#"{"customer":"c1","tier":"a"}"#)
        .at(2, "customer.seen", r#"{"customer":"c1","tier":"a"}"#)
        .at(3, "customer.changed", r#"{"customer":"c1","tier":"b"}"#)
        .at(4, "customer.changed", r#"{"customer":"c1","tier":"a"}"#);
    let lines = evaluate(&spec(SHOP), &story.steps).obligations;
    assert_eq!(lines.len(), 1);
    let slug = lines.keys().next().map(|(_, slug)| slug.clone()).unwrap_or_default();
    let waived = format!(r#"{{"gap":"{slug}@3~c1","decision":"waive"}}"#);
    let story = story.control(5, "gap.decided", &waived).at(
        6,
        "customer.changed",
        r#"{"customer":"c1","tier":"c"}"#,
    );
    let first = format!("{slug}@3~c1 since 3, Consistency gap 3 closed Waived, Waived");
    let second = format!("{slug}@6~c1 since 6, Consistency gap 6");
    check(SHOP, &story, &[&first, &second]);
}

#[test]
fn what_may_last_for_a_while_is_violated_after_that() {
    let spec = "
        entity alert { state open: from created until closed  has: level }
        event alert.created
        event alert.closed
        always { assert late: no(alert.open) is open for > 4s }
    ";
    let story = Story::default()
        .at(1, "alert.created", r#"{"alert":"a1"}"#)
        .at(2, "alert.created", r#"{"alert":"a2"}"#)
        .at(6, "alert.closed", r#"{"alert":"a2"}"#)
        .at(7, "alert.created", r#"{"alert":"a3"}"#)
        .at(20, "alert.closed", r#"{"alert":"a1"}"#)
        .with(21, "alert.closed", r#"{"alert":"a3"}"#, |event| event.event.time = at(11));
    let expected = [
        "late@1~a1 since 5, Temporal gap 5 closed Fulfilled, by 5",
        "late@4~a3 since 11, Temporal gap 11 closed SeenLate, by 6",
    ];
    check(spec, &story, &expected);
}

const DAY_1: &str = "
    entity interaction { belongs_to: customer }
    entity customer
    event interaction.created
    action score(customer) { satisfied_by: score.updated }
    action check_mentions(customer) { satisfied_by: mentions.checked }
    action mail(customer) { satisfied_by: mail.sent  effect: external }
    limits { max_backfill_in_flight: 1 }
    when interaction.created {
      must: score(interaction.customer)
        within: 5s
    }
";

/// Day 1 with more to do, and what is to be done about the past.
fn day_30(policy: &str) -> String {
    let more = "within: 9s
      must: check_mentions(interaction.customer)
        within: 2s
      could: mail(interaction.customer)
    }";
    let policy = format!("when intent.evolved {{ backfill_policy: {policy} }}");
    DAY_1.replace("within: 5s\n    }", more) + &policy
}

fn a_month_of_it() -> Story {
    Story::default()
        .at(1, "interaction.created", r#"{"interaction":"i1","customer":"c1"}"#)
        .at(2, "interaction.created", r#"{"interaction":"i2","customer":"c2"}"#)
        .at(3, "interaction.created", r#"{"interaction":"i3","customer":"c3"}"#)
        .at(4, "mentions.checked", r#"{"customer":"c2"}"#)
}

#[test]
fn a_sequential_backfill_owes_the_past_so_many_at_a_time() {
    let story = a_month_of_it()
        .adopted(5, &day_30("sequential"))
        .at(7, "mentions.checked", r#"{"customer":"c1"}"#)
        .until(60);
    let expected = [
        "check_mentions@1 since 5 due 7, Intent gap 5 closed Fulfilled, by 6",
        "score@1 since 1 due 6, Reaction gap 1, missed",
        "score@2 since 2 due 7, Reaction gap 2, missed",
        "check_mentions@3 since 7 due 9, Intent gap 7, missed",
        "score@3 since 3 due 8, Reaction gap 3, missed",
        "backfill@5 since 5, Intent gap 5",
    ];
    check(DAY_1, &story, &expected);
}

#[test]
fn people_are_asked_before_the_past_is_caught_up_with() {
    let waived = r#"{"gap":"backfill@5","decision":"waive"}"#;
    let asked = a_month_of_it().adopted(5, &day_30("human_decision"));
    let scores = [
        "score@1 since 1 due 6, Reaction gap 1",
        "score@2 since 2 due 7, Reaction gap 2",
        "score@3 since 3 due 8, Reaction gap 3",
    ];
    let lines = |last: &'static str| scores.iter().copied().chain([last]).collect::<Vec<_>>();
    check(DAY_1, &asked, &lines("backfill@5 since 5, Intent gap 5"));
    let story = asked.control(6, "gap.decided", waived);
    check(DAY_1, &story, &lines("backfill@5 since 5, Intent gap 5 closed Waived, Waived"));
}

const SERVICE: &str = r#"
    event http.served
    entity page { has: author }
    event page.published
    metric response_time from http.served { duration }
    metric cost from http.served { cost }
    invariant response_time < 500ms
    invariant p95(response_time) <= 200ms
    optimise cost within budget($3/day)
    optimise response_time minimise
    always {
      assert reachable: every(page) is reachable_through_projection
    }
"#;

fn served(story: Story, second: i64, duration: f64, cost: f64) -> Story {
    story.at(second, "http.served", &format!(r#"{{"duration":{duration},"cost":{cost}}}"#))
}

#[test]
fn a_metric_breaks_its_bound_from_a_sample_that_does_until_one_that_does_not() {
    let mut story = served(Story::default(), 1, 0.2, 0.0);
    story = served(story, 2, 0.5, 0.0);
    story = served(story, 3, 0.9, 0.0);
    story = served(story, 4, 0.4, 0.0);
    let expected = [
        "p95_response_time@2 since 2, Quality gap 2",
        "response_time@2 since 2, Quality gap 2 closed Fulfilled, by 4",
    ];
    check(SERVICE, &story, &expected);
    // The second, third and fourth are five in a hundred of sixty samples, and no more.
    for second in 5..=61 {
        story = served(story, second, 0.1, 0.0);
    }
    let expected = [
        "p95_response_time@2 since 2, Quality gap 2 closed Fulfilled, by 60",
        "response_time@2 since 2, Quality gap 2 closed Fulfilled, by 4",
    ];
    check(SERVICE, &story, &expected);
}

#[test]
fn a_budget_is_broken_until_its_period_is_over() {
    let midnight = 86_400;
    let story = served(Story::default(), 1, 0.1, 2.0);
    let story = served(story, 2, 0.1, 1.0).until(3);
    check(SERVICE, &story, &[]);
    let story = served(served(story, 4, 0.1, 0.5), 5, 0.1, 4.0).until(midnight);
    check(SERVICE, &story, &["optimise_cost@3 since 4, Quality gap 4"]);
    // What is spent on the next day is that day's; the day was over before it.
    let story = served(story, midnight + 1, 0.1, 2.5).until(midnight + 2);
    check(SERVICE, &story, &["optimise_cost@3 since 4, Quality gap 4 closed Fulfilled, by 4"]);
}

#[test]
fn what_a_checker_reported_last_is_so() {
    let report = |holds| {
        format!(
            r#"{{"check":"reachable_through_projection","instance":"page/p1","holds":{holds}}}"#
        )
    };
    let story = Story::default()
        .at(1, "page.published", r#"{"page":"p1"}"#)
        .at(2, "page.published", r#"{"page":"p2"}"#)
        .control(3, "check.reported", &report(true))
        .control(4, "check.reported", &report(false))
        .control(5, "check.reported", &report(false));
    check(SERVICE, &story, &["reachable@4~p1 since 4, Consistency gap 4"]);
    let story = story.control(6, "check.reported", &report(true)).control(
        7,
        "check.reported",
        // Of a page that there is not.
        &report(false).replace("p1", "p3"),
    );
    let expected = "reachable@4~p1 since 4, Consistency gap 4 closed Fulfilled, by 6";
    check(SERVICE, &story, &[expected]);
}
