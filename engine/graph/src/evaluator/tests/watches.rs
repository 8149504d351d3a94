//! What has to last, and what must always hold: one episode for each instance.

use homeostat_log::{Actor, Event, Kind};

use crate::fixtures::{Twice, about, at, caused, event, of_kind};

/// An event of one instance: its place, its second, its type and that instance.
fn of(position: u64, second: i64, name: &str, entity: &str, id: &str) -> Event {
    event(position, second, name, &format!(r#"{{"{entity}":"{id}"}}"#))
}

fn control(position: u64, second: i64, name: &str, json: &str) -> Event {
    of_kind(event(position, second, name, json), Kind::Control)
}

const HELD: &str = "
entity alert { state unacknowledged: from created until acknowledged }
action remind(alert) { satisfied_by: alert.reminded  by: system }
when alert.unacknowledged for 10s { must: remind(alert) within: 5s }";

fn alert(position: u64, second: i64, what: &str, id: &str) -> Event {
    of(position, second, &format!("alert.{what}"), "alert", id)
}

#[test]
fn what_has_lasted_enters_its_block_once_an_episode_when_time_is_past_it() {
    let mut told = Twice::new(HELD);
    told.see(&alert(1, 0, "created", "a2")).see(&alert(2, 0, "created", "a10"));
    told.see(&alert(3, 0, "created", "b")).see(&alert(4, 10, "acknowledged", "b"));
    assert_eq!(told.said(), "", "what ends it at the last instant comes in time");
    told.pass(at(11));
    assert_eq!(
        told.said(),
        "remind@2~a10 activated 10 due 15\nremind@1~a2 activated 10 due 15",
        "by name, and since the event by which it began"
    );
    told.see(&alert(5, 12, "reminded", "a2")).pass(at(100));
    assert_eq!(
        told.said(),
        "remind@1~a2 InTime by 5\nremind@2~a10 missed\nremind@2~a10 gap Temporal 15",
        "once, however long it goes on"
    );
    told.see(&alert(6, 100, "acknowledged", "a2")).see(&alert(7, 101, "created", "a2"));
    told.see(&alert(8, 105, "created", "a2")).pass(at(112));
    assert_eq!(told.said(), "remind@7~a2 activated 111 due 116", "a new episode, from its start");
    assert_eq!(told.evaluator().footprint().episodes, 2);
}

#[test]
fn what_had_not_lasted_after_all_takes_back_what_it_brought_about() {
    let mut told = Twice::new(&HELD.replace("within: 5s", "within: 5s fallback: tell(alert)"));
    told.see(&alert(1, 0, "created", "a1")).see(&alert(2, 0, "created", "a2")).pass(at(40)).said();
    told.apply(&alert(3, 10, "acknowledged", "a1"));
    assert_eq!(
        told.said(),
        "remind@1~a1 withdrawn\ntell@1~a1 withdrawn\ntell@1~a1 closed Withdrawn",
        "seen late, and in time"
    );
    told.apply(&alert(4, 11, "acknowledged", "a2"));
    assert_eq!(told.said(), "", "it had lasted");
}

#[test]
fn a_condition_is_looked_at_again_when_anything_on_its_way_changes() {
    let mut told = Twice::new(
        "entity region { has: closed }
         entity customer { belongs_to: region  has: tier }
         entity order { belongs_to: customer  state unpaid: from created until paid }
         action call(order) { satisfied_by: customer.called  by: system }
         when order.unpaid AND order.customer.tier = \"gold\" AND order.customer.region.closed for 5s {
           must: call(order) within: 9s
         }",
    );
    told.see(&event(1, 0, "order.created", r#"{"order":"o1","customer":"c1"}"#));
    told.see(&event(2, 0, "order.created", r#"{"order":"o2","customer":"c2"}"#));
    told.see(&event(3, 0, "customer.moved", r#"{"customer":"c1","region":"r1","tier":"gold"}"#));
    told.see(&event(4, 0, "customer.moved", r#"{"customer":"c2","region":"r1","tier":"tin"}"#));
    told.see(&event(5, 1, "region.told", r#"{"region":"r1","closed":true}"#)).pass(at(7));
    assert_eq!(told.said(), "call@5~o1 activated 6 due 15");
    told.see(&event(6, 7, "customer.moved", r#"{"customer":"c2","tier":"gold"}"#)).pass(at(13));
    assert_eq!(told.said(), "call@6~o2 activated 12 due 21");
    // Another order of the same customer, then another region for both.
    told.see(&event(7, 13, "order.created", r#"{"order":"o3","customer":"c2"}"#));
    told.see(&event(8, 14, "customer.moved", r#"{"customer":"c2","region":"r2"}"#)).pass(at(20));
    assert_eq!(
        told.said(),
        "call@5~o1 missed\ncall@5~o1 gap Temporal 15",
        "the region of the others is not closed"
    );
    told.see(&event(9, 21, "region.told", r#"{"region":"r2","closed":true}"#));
    told.see(&event(10, 21, "region.told", r#"{"region":"r1","closed":false}"#)).pass(at(27));
    assert_eq!(
        told.said(),
        "call@6~o2 missed\ncall@6~o2 gap Temporal 21\n\
         call@9~o2 activated 26 due 35\ncall@9~o3 activated 26 due 35"
    );
}

const EXPLAINED: &str = "
entity deal_score { has: explanation, value }
event deal_score.created  event deal_score.changed
always { assert explained: every(deal_score) has explanation }";

#[test]
fn a_violation_is_one_gap_for_each_instance_until_what_is_asserted_holds() {
    let mut told = Twice::new(EXPLAINED);
    told.see(&of(1, 0, "deal_score.changed", "deal_score", "s1"));
    assert_eq!(told.said(), "", "it was not created");
    told.see(&of(2, 1, "deal_score.created", "deal_score", "s1"));
    told.see(&of(3, 2, "deal_score.created", "deal_score", "s2"));
    assert_eq!(
        told.said(),
        "explained@2~s1 activated 1\nexplained@2~s1 gap Intent 1\n\
         explained@3~s2 activated 2\nexplained@3~s2 gap Intent 2"
    );
    let answer = r#"{"deal_score":"s1","value":3}"#;
    told.see(&caused(event(4, 3, "deal_score.changed", answer), "explained@2~s1"));
    assert_eq!(told.said(), "", "an event that names it does not end it");
    let why = r#"{"deal_score":"s1","explanation":"big"}"#;
    told.see(&caused(event(5, 4, "deal_score.changed", why), "explained@2~s1"));
    assert_eq!(told.said(), "explained@2~s1 InTime by 5\nexplained@2~s1 closed Fulfilled");
    told.see(&event(6, 5, "deal_score.changed", r#"{"deal_score":"s1","explanation":null}"#));
    assert_eq!(told.said(), "explained@6~s1 activated 5\nexplained@6~s1 gap Intent 5");
    let summary = told.evaluator().summary();
    let tally = summary.clauses.first().map(|clause| (clause.slug.as_str(), clause.tally));
    assert!(
        tally.is_some_and(|(slug, t)| (slug, t.triggers, t.met, t.pending) == ("explained", 3, 1, 2))
    );
}

#[test]
fn an_assertion_reads_what_enrichments_say() {
    let mut told = Twice::new(EXPLAINED);
    told.see(&of(1, 0, "deal_score.created", "deal_score", "s1")).said();
    let why = r#"{"deal_score":"s1","explanation":"guessed"}"#;
    told.see(&of_kind(event(2, 4, "deal_score.enriched", why), Kind::Enrichment));
    assert_eq!(told.said(), "explained@1~s1 InTime by 2\nexplained@1~s1 closed Fulfilled");
}

const CRITICAL: &str = "
entity alert { has: level  state critical: from raised until calmed
  state unacknowledged: from created until acknowledged }
always { assert seen: no(alert.critical) is unacknowledged for > 10s }";

#[test]
fn what_must_not_last_is_violated_only_after_its_time_and_by_those_that_are_meant() {
    let mut told = Twice::new(CRITICAL);
    told.see(&alert(1, 0, "created", "a1")).see(&alert(2, 0, "created", "a2"));
    told.see(&alert(3, 5, "raised", "a1")).pass(at(15));
    assert_eq!(told.said(), "", "not strictly longer");
    told.pass(at(16));
    assert_eq!(told.said(), "seen@3~a1 activated 15\nseen@3~a1 gap Temporal 15");
    told.see(&alert(4, 20, "calmed", "a1"));
    assert_eq!(told.said(), "seen@3~a1 InTime by 4\nseen@3~a1 closed Fulfilled");
    told.see(&alert(5, 21, "raised", "a1")).pass(at(40)).said();
    told.apply(&alert(6, 31, "acknowledged", "a1"));
    assert_eq!(told.said(), "seen@5~a1 SeenLate by 6\nseen@5~a1 closed SeenLate");
}

#[test]
fn a_person_lets_a_violation_go_and_it_stays_silent_until_its_episode_ends() {
    let mut told = Twice::new(EXPLAINED);
    told.see(&of(1, 0, "deal_score.created", "deal_score", "s1")).said();
    let waive = r#"{"gap":"explained@1~s1","decision":"waive","by":"ann","reason":"known"}"#;
    told.see(&control(2, 1, "gap.decided", waive));
    assert_eq!(told.said(), "explained@1~s1 waived\nexplained@1~s1 closed Waived");
    told.see(&event(3, 2, "deal_score.changed", r#"{"deal_score":"s1","value":3}"#));
    told.see(&event(4, 3, "deal_score.changed", r#"{"deal_score":"s1","explanation":"x"}"#));
    assert_eq!(told.said(), "");
    told.see(&event(5, 4, "deal_score.changed", r#"{"deal_score":"s1","explanation":null}"#));
    assert_eq!(told.said(), "explained@5~s1 activated 4\nexplained@5~s1 gap Intent 4");
}

#[test]
fn the_system_as_a_whole_is_watched_from_the_first_event_on() {
    let mut told = Twice::new(
        "entity rep { has: busy }
         entity alert { state critical: from raised until calmed }
         always {
           assert staffed: count(rep) >= 2
           assert calm: count(alert.critical) < 2
         }",
    );
    told.see(&event(1, 0, "who.knows", "{}"));
    assert_eq!(told.said(), "staffed@1 activated 0\nstaffed@1 gap Intent 0");
    told.see(&of(2, 1, "rep.hired", "rep", "r1")).see(&of(3, 2, "rep.hired", "rep", "r2"));
    assert_eq!(told.said(), "staffed@1 InTime by 3\nstaffed@1 closed Fulfilled");
    told.see(&alert(4, 3, "raised", "a1")).see(&alert(5, 4, "raised", "a2"));
    told.see(&alert(6, 5, "raised", "a3")).see(&alert(7, 6, "calmed", "a1"));
    assert_eq!(told.said(), "calm@5 activated 4\ncalm@5 gap Intent 4");
    told.see(&alert(8, 7, "calmed", "a3"));
    assert_eq!(told.said(), "calm@5 InTime by 8\ncalm@5 closed Fulfilled");
}

#[test]
fn a_count_on_the_way_makes_its_owner_be_looked_at() {
    let mut told = Twice::new(
        "entity customer { has: limit }
         entity order { belongs_to: customer }
         event order.made
         always { assert few: every(customer.orders.count) <= 2 }",
    );
    let order = |n, id, customer| {
        event(n, 0, "order.made", &format!(r#"{{"order":"{id}","customer":"{customer}"}}"#))
    };
    told.see(&order(1, "o1", "c1")).see(&order(2, "o2", "c1"));
    assert_eq!(told.said(), "");
    told.see(&order(3, "o3", "c1"));
    assert_eq!(told.said(), "few@3~c1 activated 0\nfew@3~c1 gap Intent 0");
    told.see(&order(4, "o1", "c2"));
    assert_eq!(told.said(), "few@3~c1 InTime by 4\nfew@3~c1 closed Fulfilled");
}

const RULES: &str = "
entity interaction { has: mood, timestamp  immutable: true  rule: timestamp_never_in_future }
event interaction.created  event interaction.noted";

#[test]
fn a_later_event_that_says_otherwise_changes_what_is_immutable() {
    let mut told = Twice::new(RULES);
    let noted = |n, json| event(n, 0, "interaction.noted", json);
    told.see(&noted(1, r#"{"interaction":"i1"}"#));
    told.see(&event(2, 0, "interaction.created", r#"{"interaction":"i1","mood":"good"}"#));
    told.see(&noted(3, r#"{"interaction":"i1","mood":"good","by":"ann"}"#));
    let guess = noted(4, r#"{"interaction":"i1","mood":"bad"}"#);
    told.see(&of_kind(guess, Kind::Enrichment));
    assert_eq!(told.said(), "", "the same again, and what was only inferred");
    told.see(&noted(5, r#"{"interaction":"i1","timestamp":7}"#));
    assert_eq!(told.said(), "", "what was not known is filled in");
    told.see(&about(noted(6, r#"{"mood":"bad"}"#), "interaction/i1"));
    assert_eq!(
        told.said(),
        "interaction_immutable@6~i1 activated 0\ninteraction_immutable@6~i1 gap Consistency 0"
    );
    told.see(&noted(7, r#"{"interaction":"i1","mood":"good"}"#));
    assert_eq!(told.said(), "", "it was changed, whatever it is changed to");
    let name = "interaction_immutable@6~i1";
    let waive = format!(r#"{{"gap":"{name}","decision":"waive","by":"ann","reason":"known"}}"#);
    told.see(&control(8, 1, "gap.decided", &waive));
    assert_eq!(told.said(), format!("{name} waived\n{name} closed Waived"));
    told.see(&noted(9, r#"{"interaction":"i1","mood":"good"}"#)).said();
    told.see(&event(10, 2, "interaction.noted", r#"{"interaction":"i1","mood":"odd"}"#));
    assert!(told.said().starts_with("interaction_immutable@10~i1 activated 2\n"), "once more");
}

#[test]
fn what_is_declared_immutable_twice_is_let_go_one_by_one() {
    let parts = "entity interaction { has: mood  immutable: true }
                 entity interaction { immutable: true }
                 event interaction.noted";
    let mut told = Twice::new(parts);
    let noted = |n, json| event(n, 0, "interaction.noted", json);
    told.see(&noted(1, r#"{"interaction":"i1","mood":"good"}"#));
    told.see(&noted(2, r#"{"interaction":"i1","mood":"bad"}"#)).said();
    let name = "interaction_immutable@2~i1";
    let waive = format!(r#"{{"gap":"{name}","decision":"waive","by":"ann","reason":"known"}}"#);
    told.see(&control(3, 1, "gap.decided", &waive));
    assert_eq!(told.said(), format!("{name} waived\n{name} closed Waived"), "not the other one");
}

#[test]
fn an_event_from_the_future_violates_until_its_time_has_passed() {
    let mut told = Twice::new(RULES);
    let created = |n, second, id| of(n, second, "interaction.created", "interaction", id);
    told.apply(&created(1, 50, "i0"));
    assert_eq!(told.said(), "", "no time is known yet");
    told.pass(at(10)).apply(&created(2, 10, "i1")).apply(&created(3, 20, "i2"));
    told.apply(&of(4, 30, "interaction.noted", "interaction", "i2"));
    let name = "timestamp_never_in_future@3~i2";
    assert_eq!(told.said(), format!("{name} activated 10\n{name} gap Consistency 10"));
    told.pass(at(30));
    assert_eq!(told.said(), "");
    told.pass(at(31));
    assert_eq!(told.said(), format!("{name} InTime by 4\n{name} closed Fulfilled"));
}

#[test]
fn an_agent_that_back_dates_has_its_events_at_the_time_they_were_recorded() {
    let mut told = Twice::new(RULES);
    let mut created = of(1, 50, "interaction.created", "interaction", "i0");
    created.event.actor = Actor::Agent("a1".to_owned());
    created.recorded = at(10);
    told.pass(at(10)).apply(&created);
    assert_eq!(told.said(), "");
}

#[test]
fn what_a_checker_reported_last_counts() {
    let mut told = Twice::new(
        "entity interaction { has: mood }
         always { assert shown: every(interaction) is reachable_through_projection }",
    );
    let report = |n, id: &str, holds: bool| {
        let json = format!(
            r#"{{"check":"reachable_through_projection","instance":"interaction/{id}","holds":{holds},"detail":"x"}}"#
        );
        control(n, i64::try_from(n).unwrap_or(0), "check.reported", &json)
    };
    told.see(&report(1, "i1", false));
    assert_eq!(told.said(), "", "nobody knows it");
    told.see(&of(2, 2, "interaction.made", "interaction", "i1")).see(&report(3, "i1", false));
    assert_eq!(told.said(), "shown@3~i1 activated 3\nshown@3~i1 gap Consistency 3");
    told.see(&report(4, "i1", false)).see(&report(5, "i1", true));
    assert_eq!(told.said(), "shown@3~i1 InTime by 5\nshown@3~i1 closed Fulfilled");
}
