//! The laws of duties, guards and time, one by one, on specs as people write them.

mod contract;
mod each;
mod instances;
mod ticks;
mod tombstones;
mod watches;

use homeostat_log::{Actor, Kind};

use crate::fixtures::{Told, at, caused, event, program};
use crate::{Evaluator, ObligationState};

const ACK: &str = "
entity order { has: note }
action acknowledge(order) { satisfied_by: order.acknowledged  by: system }
when order.created { must: acknowledge(order) within: 5s }
";

const ACK_BY_AGENT: &str = "
entity order { has: note }
action acknowledge(order) { satisfied_by: order.acknowledged }
when order.created { must: acknowledge(order) within: 5s }
";

#[test]
fn due_is_inclusive_and_a_deadline_is_missed_only_when_time_is_past_it() {
    let mut told = Told::new(ACK);
    told.see(&event(1, 0, "order.created", r#"{"order":"o1"}"#));
    told.see(&event(2, 0, "order.created", r#"{"order":"o2"}"#)).said();
    told.see(&event(3, 5, "order.acknowledged", r#"{"order":"o1"}"#));
    assert_eq!(told.said(), "acknowledge@1 InTime by 3");
    told.see(&event(4, 6, "order.acknowledged", r#"{"order":"o2"}"#));
    assert_eq!(
        told.said(),
        "acknowledge@2 missed\nacknowledge@2 gap Temporal 5\nacknowledge@2 Late by 4\nacknowledge@2 closed Late"
    );
    let tally = told.evaluator.summary().clauses.first().map(|clause| clause.tally);
    assert!(
        tally.is_some_and(|t| (t.triggers, t.met, t.late, t.overdue, t.pending) == (2, 1, 1, 0, 0))
    );
}

#[test]
fn an_agents_gap_opens_at_once_and_closes_with_what_was_owed() {
    let mut told = Told::new(ACK_BY_AGENT);
    told.see(&event(1, 0, "order.created", r#"{"order":"o1"}"#));
    assert_eq!(told.said(), "acknowledge@1 activated 0 due 5\nacknowledge@1 gap Reaction 0");
    told.see(&event(2, 1, "order.acknowledged", r#"{"order":"o2"}"#));
    assert_eq!(told.said(), "", "another order's acknowledgement is no answer");
    told.see(&event(3, 2, "order.acknowledged", r#"{"order":"o1"}"#));
    assert_eq!(told.said(), "acknowledge@1 InTime by 3\nacknowledge@1 closed Fulfilled");
    assert_eq!(told.evaluator.open_count(), 0);
}

#[test]
fn what_happened_in_time_and_was_seen_late_closes_the_gap_so() {
    let mut told = Told::new(ACK);
    told.see(&event(1, 0, "order.created", r#"{"order":"o1"}"#)).pass(at(9)).said();
    told.see(&event(2, 4, "order.acknowledged", r#"{"order":"o1"}"#));
    assert_eq!(told.said(), "acknowledge@1 SeenLate by 2\nacknowledge@1 closed SeenLate");
}

#[test]
fn a_late_trigger_keeps_its_original_due() {
    let mut told = Told::new(ACK);
    told.pass(at(100)).see(&event(1, 0, "order.created", r#"{"order":"o1"}"#));
    assert_eq!(told.said(), "acknowledge@1 activated 0 due 5");
    told.pass(at(100));
    assert_eq!(told.said(), "acknowledge@1 missed\nacknowledge@1 gap Temporal 5");
}

#[test]
fn an_agent_cannot_back_date_what_it_did() {
    let mut told = Told::new(ACK);
    told.see(&event(1, 0, "order.created", r#"{"order":"o1"}"#)).said();
    let mut answer = event(2, 3, "order.acknowledged", r#"{"order":"o1"}"#);
    answer.event.actor = Actor::Agent("a1".to_owned());
    answer.recorded = at(8);
    told.see(&answer);
    assert_eq!(told.said(), "acknowledge@1 Late by 2");
}

#[test]
fn an_event_that_names_a_cause_satisfies_only_that_obligation() {
    let mut told = Told::new(ACK);
    told.see(&event(1, 0, "order.created", r#"{"order":"o1"}"#));
    told.see(&event(2, 0, "order.created", r#"{"order":"o1"}"#)).said();
    let answer = event(3, 1, "order.acknowledged", r#"{"order":"o1"}"#);
    told.see(&caused(answer.clone(), "acknowledge@2"));
    assert_eq!(told.said(), "acknowledge@2 InTime by 3");
    let mut again = caused(answer.clone(), "acknowledge@2");
    again.position = 4.to_string().parse().unwrap_or_default();
    told.see(&again);
    assert_eq!(told.said(), "", "what it names is closed, and it answers nothing else");
    let both = event(5, 1, "order.acknowledged", r#"{"order":"o1"}"#);
    told.see(&both);
    assert_eq!(told.said(), "acknowledge@1 InTime by 5");
}

#[test]
fn one_event_answers_all_that_wait_unless_each_wants_its_own() {
    let two = |told: &mut Told| {
        told.see(&event(1, 0, "order.created", r#"{"order":"o1"}"#));
        told.see(&event(2, 0, "order.created", r#"{"order":"o1"}"#)).said();
        told.see(&event(3, 1, "order.acknowledged", r#"{"order":"o1"}"#));
        told.said()
    };
    assert_eq!(two(&mut Told::new(ACK)), "acknowledge@1 InTime by 3\nacknowledge@2 InTime by 3");
    let each = ACK.replace("must:", "each must:");
    assert_eq!(two(&mut Told::new(&each)), "acknowledge@1 InTime by 3");
}

#[test]
fn what_triggers_and_satisfies_answers_the_earlier_and_then_opens_its_own() {
    let mut told = Told::new(
        "entity order { has: note }
         action follow(order) { satisfied_by: order.moved by: system }
         when order.moved { must: follow(order) within: 5s }",
    );
    told.see(&event(1, 0, "order.moved", r#"{"order":"o1"}"#)).said();
    told.see(&event(2, 1, "order.moved", r#"{"order":"o1"}"#));
    assert_eq!(told.said(), "follow@1 InTime by 2\nfollow@2 activated 1 due 6");
}

#[test]
fn an_enrichment_satisfies_nothing_and_triggers_nothing() {
    let mut told = Told::new(ACK);
    told.see(&event(1, 0, "order.created", r#"{"order":"o1"}"#)).said();
    for (position, name) in [(2, "order.acknowledged"), (3, "order.created")] {
        let mut enrichment = event(position, 1, name, r#"{"order":"o1"}"#);
        enrichment.event.kind = Kind::Enrichment;
        told.see(&enrichment);
    }
    assert_eq!(told.said(), "");
}

#[test]
fn the_subject_of_an_event_names_its_instance_when_the_payload_does_not() {
    let mut told = Told::new(ACK);
    let mut created = event(1, 0, "order.created", "{}");
    created.event.subject = Some("order/o1".to_owned());
    told.see(&created).said();
    told.see(&event(2, 1, "order.acknowledged", r#"{"order":"o1"}"#));
    assert_eq!(told.said(), "acknowledge@1 InTime by 2");
}

#[test]
fn a_person_waives_and_nothing_is_owed_any_more() {
    let mut told = Told::new(ACK_BY_AGENT);
    told.see(&event(1, 0, "order.created", r#"{"order":"o1"}"#)).said();
    let mut decided = event(
        2,
        1,
        "gap.decided",
        r#"{"gap":"acknowledge@1","decision":"waive","by":"ann","reason":"gone"}"#,
    );
    decided.event.kind = Kind::Control;
    told.see(&decided);
    assert_eq!(told.said(), "acknowledge@1 waived\nacknowledge@1 closed Waived");
    told.pass(at(100));
    assert_eq!(told.said(), "");
}

const FALLBACK: &str = "
entity order { has: note }
action confirm(order) { satisfied_by: order.confirmed  by: human }
action escalate(order) { satisfied_by: order.escalated }
when order.created { must: confirm(order) within: 5s fallback: escalate(order) }
";

#[test]
fn a_fallback_takes_over_at_due_and_its_fulfilment_compensates() {
    let mut told = Told::new(FALLBACK);
    told.see(&event(1, 0, "order.created", r#"{"order":"o1"}"#)).pass(at(7));
    assert_eq!(
        told.said(),
        "confirm@1 activated 0 due 5\nconfirm@1 missed\nconfirm@1 lapsed to escalate@1\n\
         escalate@1 activated 5 due 86405\nescalate@1 gap Reaction 5"
    );
    told.see(&event(2, 8, "order.escalated", r#"{"order":"o1"}"#));
    assert_eq!(
        told.said(),
        "escalate@1 InTime by 2\nescalate@1 closed Fulfilled\nconfirm@1 compensated"
    );
    assert_eq!(told.evaluator.open_count(), 0);
}

#[test]
fn the_primary_that_still_comes_withdraws_the_fallback() {
    let mut told = Told::new(FALLBACK);
    told.see(&event(1, 0, "order.created", r#"{"order":"o1"}"#)).pass(at(7)).said();
    let states: Vec<_> = told.evaluator.open().map(|view| (view.name, view.state)).collect();
    assert_eq!(
        states,
        [
            ("confirm@1".to_owned(), ObligationState::Lapsed),
            ("escalate@1".to_owned(), ObligationState::Active)
        ]
    );
    told.see(&event(2, 8, "order.confirmed", r#"{"order":"o1"}"#));
    assert_eq!(
        told.said(),
        "confirm@1 Late by 2\nescalate@1 withdrawn\nescalate@1 closed Withdrawn"
    );
}

#[test]
fn a_missed_deadline_stays_counted_when_its_duty_is_withdrawn() {
    let mut told = Told::new(FALLBACK);
    told.see(&event(1, 0, "order.created", r#"{"order":"o1"}"#)).pass(at(100_000)).said();
    told.see(&event(2, 100_001, "order.confirmed", r#"{"order":"o1"}"#)).said();
    let counts: Vec<_> = told
        .evaluator
        .summary()
        .clauses
        .into_iter()
        .map(|clause| (clause.slug, clause.tally.late, clause.tally.withdrawn, clause.tally.missed))
        .collect();
    assert_eq!(counts, [("confirm".to_owned(), 1, 0, 1), ("escalate".to_owned(), 0, 1, 1)]);
}

const CHURN: &str = "
entity customer { has: manager }
entity interaction { belongs_to: customer }
event engagement.updated
measure engagement(customer) from engagement.updated { trend }
threshold warning: 45 falling
action update_score(customer) { satisfied_by: engagement.updated }
action alert(customer) { satisfied_by: alert.raised }
when interaction.created {
  must: update_score(interaction.customer) within: 5s
  if engagement(interaction.customer).trend crosses threshold.warning {
    must: alert(interaction.customer) within: 1m
  }
}
";

#[test]
fn a_guard_waits_for_what_its_own_block_must_produce() {
    let mut told = Told::new(CHURN);
    told.see(&event(1, 0, "engagement.updated", r#"{"customer":"c1","trend":60}"#));
    told.see(&event(2, 1, "interaction.created", r#"{"interaction":"i1","customer":"c1"}"#));
    assert_eq!(told.said(), "update_score@2 activated 1 due 6\nupdate_score@2 gap Reaction 1");
    told.see(&event(3, 3, "engagement.updated", r#"{"customer":"c1","trend":42}"#));
    assert_eq!(
        told.said(),
        "update_score@2 InTime by 3\nupdate_score@2 closed Fulfilled\n\
         guard `engagement(interaction.customer).trend crosses threshold.warning` of 2: True at 3\n\
         alert@2 activated 3 due 63\nalert@2 gap Reaction 3"
    );
    assert_eq!(told.evaluator.footprint().undecided, 0);
    told.see(&event(4, 4, "interaction.created", r#"{"interaction":"i2","customer":"c1"}"#));
    told.see(&event(5, 5, "engagement.updated", r#"{"customer":"c1","trend":41}"#));
    assert!(told.said().contains("of 4: False at 5"), "it was below already");
}

#[test]
fn a_guard_over_what_is_undefined_is_not_entered() {
    let mut told = Told::new(CHURN);
    told.see(&event(1, 1, "interaction.created", r#"{"interaction":"i1","customer":"c1"}"#));
    told.see(&event(2, 3, "engagement.updated", r#"{"customer":"c1"}"#));
    assert!(told.said().contains("of 1: Unknown at 2"));
}

#[test]
fn a_restored_evaluator_is_the_same_state_and_goes_on_alike() {
    let events = [
        event(1, 0, "engagement.updated", r#"{"customer":"c1","trend":60}"#),
        event(2, 1, "interaction.created", r#"{"interaction":"i1","customer":"c1"}"#),
        event(3, 3, "engagement.updated", r#"{"customer":"c1","trend":42}"#),
        event(4, 90, "alert.raised", r#"{"customer":"c1"}"#),
    ];
    let mut straight = Told::new(CHURN);
    let mut restarted = Told::new(CHURN);
    for event in &events {
        straight.see(event);
        restarted.see(event);
        let bytes = restarted.evaluator.checkpoint();
        let again = Evaluator::restore(program(CHURN), &bytes);
        assert!(again.is_ok(), "{again:?}");
        if let Ok(again) = again {
            restarted.evaluator = again;
        }
        assert_eq!(restarted.evaluator.checkpoint(), bytes);
        assert_eq!(restarted.lines, straight.lines);
        assert_eq!(restarted.evaluator.state_hash(), straight.evaluator.state_hash());
    }
}

#[test]
fn damaged_checkpoints_are_refused_and_never_panic() {
    let mut told = Told::new(CHURN);
    told.see(&event(1, 0, "engagement.updated", r#"{"customer":"c1","trend":60}"#));
    told.see(&event(2, 1, "interaction.created", r#"{"interaction":"i1","customer":"c1"}"#));
    let bytes = told.evaluator.checkpoint();
    for cut in 0..bytes.len() {
        let short = bytes.get(..cut).unwrap_or_default();
        assert!(Evaluator::restore(program(CHURN), short).is_err(), "cut at {cut}");
    }
    let program = program(CHURN);
    for place in 0..bytes.len() {
        for bit in 0..8 {
            let mut damaged = bytes.clone();
            if let Some(byte) = damaged.get_mut(place) {
                *byte ^= 1 << bit;
            }
            assert!(Evaluator::restore(std::sync::Arc::clone(&program), &damaged).is_err());
        }
    }
}

const SHARE: &str = "
entity customer { has: rep }
entity rep { has: name }
action share_history(customer, recipient, requires) { satisfied_by: history.shared }
when customer.assigned_rep {
  must: share_history(customer, recipient: rep, requires: access) within: 1h
}
";

#[test]
fn what_is_required_must_be_held_when_it_is_done() {
    let mut told = Told::new(SHARE);
    told.see(&event(1, 0, "customer.assigned_rep", r#"{"customer":"c1","rep":"r1"}"#)).said();
    let view = told.evaluator.open().next();
    assert_eq!(view.map(|view| view.waiting_for), Some(vec!["access".to_owned()]));
    let shared = |position| event(position, 1, "history.shared", r#"{"customer":"c1","rep":"r1"}"#);
    told.see(&shared(2));
    assert_eq!(told.said(), "");
    told.see(&event(3, 2, "access.granted", r#"{"customer":"c1","rep":"r2"}"#)).see(&shared(4));
    assert_eq!(told.said(), "", "another rep's access is no access");
    told.see(&event(5, 2, "access.granted", r#"{"customer":"c1","recipient":"r1"}"#));
    told.see(&event(6, 2, "access.revoked", r#"{"customer":"c1","rep":"r1"}"#)).see(&shared(7));
    assert_eq!(told.said(), "", "it was taken back");
    told.see(&event(8, 2, "access.granted", r#"{"customer":"c1","rep":"r1"}"#)).see(&shared(9));
    assert_eq!(told.said(), "share_history@1 InTime by 9\nshare_history@1 closed Fulfilled");
}

#[test]
fn memory_follows_what_is_open_and_not_what_was() {
    let run = |events: u64| {
        let mut evaluator = Evaluator::new(program(ACK));
        for n in 0..events {
            let id = format!(r#"{{"order":"order-number-{n}"}}"#);
            let second = i64::try_from(n).unwrap_or(0);
            evaluator.advance(at(second), &mut |_| {});
            evaluator.on_event(&event(2 * n + 1, second, "order.created", &id), &mut |_| {});
            evaluator.on_event(&event(2 * n + 2, second, "order.acknowledged", &id), &mut |_| {});
        }
        evaluator.footprint()
    };
    let (few, many) = (run(1_000), run(1_000_000));
    assert_eq!((many.obligations, many.texts, many.values), (0, few.texts, 0));
    assert!(many.bytes <= few.bytes + 1_000_000, "{few:?} {many:?}");
}

#[test]
fn a_whole_number_and_its_text_name_the_same_instance() {
    let mut told = Told::new(
        "entity order
         action pay(order) { satisfied_by: order.paid  by: system }
         measure worth(order) from order.valued { sum }
         when order.created { must: pay(order) within: 5s  if worth(order).sum > 5 { could: look(order) } }",
    );
    told.see(&event(1, 0, "order.valued", r#"{"order":17,"sum":9}"#));
    told.see(&event(2, 0, "order.created", r#"{"order":"17"}"#));
    assert!(told.said().contains("True at 2"), "the measure is found by either name");
    let mut by_subject = event(3, 1, "order.paid", "{}");
    by_subject.event.subject = Some("order/17".to_owned());
    told.see(&by_subject);
    assert_eq!(told.said(), "pay@2 InTime by 3");
    told.see(&event(4, 2, "order.created", r#"{"order":18}"#)).said();
    told.see(&event(5, 3, "order.paid", r#"{"order":"018"}"#));
    assert_eq!(told.said(), "", "another text is another name");
    by_subject.event.subject = Some("order/18".to_owned());
    by_subject.position = 6.to_string().parse().unwrap_or_default();
    told.see(&by_subject);
    assert_eq!(told.said(), "pay@4 InTime by 6");
}

#[test]
fn a_state_is_held_from_what_begins_it_until_what_ends_it_whatever_events_carry() {
    let mut told = Told::new(
        "entity alert { state open: from raised until closed }
         action call(alert) { satisfied_by: alert.called  by: system }
         when alert.raised | alert.poked { if alert is open { should: call(alert) within: 9s } }
         when alert.created { if alert.unread { should: look(alert) within: 9s } }",
    );
    told.see(&event(1, 0, "alert.raised", r#"{"alert":"a1"}"#));
    assert_eq!(told.said(), "guard `alert is open` of 1: True at 1\ncall@1 activated 0 due 9");
    told.see(&event(2, 1, "alert.poked", r#"{"alert":"a2","open":true}"#));
    assert_eq!(told.said(), "guard `alert is open` of 2: False at 2", "nothing began it");
    told.see(&event(3, 2, "alert.closed", r#"{"alert":"a1"}"#));
    told.see(&event(4, 3, "alert.poked", r#"{"alert":"a1"}"#));
    assert_eq!(told.said(), "guard `alert is open` of 4: False at 4");
    let mut created = event(5, 4, "alert.created", "{}");
    created.event.subject = Some("alert/a3".to_owned());
    told.see(&created);
    assert_eq!(
        told.said(),
        "guard `alert.unread` of 5: True at 5\nlook@5 activated 4 due 13\nlook@5 gap Reaction 4"
    );
}

#[test]
fn a_guard_that_waits_is_decided_when_a_fallback_produces_what_it_reads() {
    let text = "
        entity customer
        entity visit { belongs_to: customer }
        measure trend(customer) from trend.updated { value }
        action score(customer) { satisfied_by: trend.updated  by: system }
        action score_by_hand(customer) { satisfied_by: trend.updated  by: human }
        action tell(customer) { satisfied_by: boss.told  by: human }
        action call(customer) { satisfied_by: customer.called  by: system }
        when visit.made {
          must: score(visit.customer) within: 5s fallback: score_by_hand(visit.customer) within: 1h
          if trend(visit.customer).value < 50 { must: call(visit.customer) within: 9s }
        }";
    let visit = event(1, 0, "visit.made", r#"{"visit":"v1","customer":"c1"}"#);
    let updated = event(2, 20, "trend.updated", r#"{"customer":"c1","value":3}"#);
    let mut told = Told::new(text);
    told.see(&visit).pass(at(20)).said();
    told.see(&caused(updated.clone(), "score_by_hand@1"));
    assert!(told.said().contains("True at 2\ncall@1 activated 20 due 29"));

    let other = text.replace("fallback: score_by_hand", "fallback: tell");
    let mut told = Told::new(&other);
    told.see(&visit).pass(at(20)).said();
    told.see(&event(2, 20, "boss.told", r#"{"customer":"c1"}"#));
    assert!(!told.said().contains("guard"), "what it reads was never produced");
}
