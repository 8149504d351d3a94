//! What an edit does to what is owed: kept, withdrawn, asked of the past, some at a time.

mod violations;

use std::sync::Arc;

use homeostat_intent::lowered::{Backfill as Policy, Spec};
use homeostat_log::{Event, Kind};
use homeostat_world::Timestamp;

use super::{Adoption, BackfillView, Preview};
use crate::fixtures::{at, caused, event, line, spec};
use crate::{Change, Evaluator, Program};

/// A log, the version in force, and what was said.
struct Story {
    spec: Spec,
    evaluator: Evaluator,
    log: Vec<Event>,
    lines: Vec<String>,
}

fn compiled(spec: &Spec) -> Arc<Program> {
    match Program::compile(spec) {
        Ok(program) => Arc::new(program),
        Err(error) => unreachable!("{error}"),
    }
}

impl Story {
    fn new(text: &str) -> Self {
        let spec = spec(text);
        let evaluator = Evaluator::new(compiled(&spec));
        Self { spec, evaluator, log: Vec::new(), lines: Vec::new() }
    }

    fn next(&self) -> u64 {
        self.log.len() as u64 + 1
    }

    fn see(&mut self, event: Event) -> &mut Self {
        self.pass(event.recorded);
        let mut changes = Vec::new();
        self.evaluator.on_event(&event, &mut |change| changes.push(change));
        self.lines.extend(changes.into_iter().map(|change| line(&self.evaluator, change)));
        self.log.push(event);
        self
    }

    fn add(&mut self, second: i64, name: &str, json: &str) -> &mut Self {
        let new = event(self.next(), second, name, json);
        self.see(new)
    }

    fn control(&mut self, second: i64, name: &str, json: &str) -> &mut Self {
        let mut new = event(self.next(), second, name, json);
        new.event.kind = Kind::Control;
        self.see(new)
    }

    fn pass(&mut self, now: Timestamp) -> &mut Self {
        let mut changes = Vec::new();
        self.evaluator.advance(now, &mut |change| changes.push(change));
        self.lines.extend(changes.into_iter().map(|change| line(&self.evaluator, change)));
        self
    }

    /// A version of the spec that has examined the log.
    fn examined(&self, text: &str) -> (Spec, Evaluator) {
        let mut next = spec(text);
        next.limits.max_backfill_in_flight = 2;
        next.keep_slugs(&self.spec);
        let mut evaluator = Evaluator::examining(compiled(&next));
        self.log.iter().for_each(|event| evaluator.examine(event));
        (next, evaluator)
    }

    fn preview(&self, text: &str) -> Preview {
        self.examined(text).1.preview(&self.evaluator)
    }

    fn adopt(&mut self, second: i64, policy: Policy, text: &str) -> &mut Self {
        self.control(second, "intent.evolved", "{}");
        let (next, mut evaluator) = self.examined(text);
        let position = evaluator.position();
        let adoption = Adoption { position, at: at(second), policy };
        let mut before: Vec<Change> = Vec::new();
        let mut after: Vec<Change> = Vec::new();
        evaluator.succeed(
            &self.evaluator,
            adoption,
            &mut |change| before.push(change),
            &mut |change| after.push(change),
        );
        self.lines.extend(before.into_iter().map(|change| line(&self.evaluator, change)));
        self.lines.extend(after.into_iter().map(|change| line(&evaluator, change)));
        (self.spec, self.evaluator) = (next, evaluator);
        self
    }

    fn said(&mut self) -> String {
        std::mem::take(&mut self.lines).join("\n")
    }

    fn progress(&self) -> BackfillView {
        match self.evaluator.backfills().last() {
            Some(view) => view,
            None => unreachable!("a version was adopted"),
        }
    }

    /// Goes on from a checkpoint instead.
    fn restart(&mut self) -> &mut Self {
        let bytes = self.evaluator.checkpoint();
        let program = Arc::clone(self.evaluator.program());
        match Evaluator::restore(program, &bytes) {
            Ok(restored) => self.evaluator = restored,
            Err(error) => unreachable!("{error}"),
        }
        assert_eq!(self.evaluator.checkpoint(), bytes);
        self
    }
}

const DAY_1: &str = "
entity order { has: note, size }
action ship(order) { satisfied_by: order.shipped }
when order.created { must: ship(order) }
";

fn day_30(more: &str) -> String {
    let check = "must: check(order) within: 5s";
    format!(
        "action check(order) {{ satisfied_by: order.checked }}
         {} {more}",
        DAY_1.replace("must: ship(order)", &format!("must: ship(order)\n {check}"))
    )
}

fn orders(count: i64) -> Story {
    let mut story = Story::new(DAY_1);
    for n in 1..=count {
        story.add(n, "order.created", &format!(r#"{{"order":"o{n}"}}"#));
    }
    story.said();
    story
}

#[test]
fn what_a_new_clause_asks_of_the_past_is_owed_some_at_a_time_in_log_order() {
    let mut story = orders(4);
    story.add(5, "order.checked", r#"{"order":"o2"}"#);
    assert_eq!(story.preview(&day_30("")).retroactive(), 3, "the second was checked by itself");
    story.adopt(100, Policy::Sequential, &day_30(""));
    assert_eq!(
        story.said(),
        "check@1 activated 100 due 105\ncheck@1 gap Intent 100\n\
         check@3 activated 100 due 105\ncheck@3 gap Intent 100"
    );
    let view = story.progress();
    assert_eq!((view.total, view.done, view.in_flight, view.waiting), (3, 0, 2, 1));
    story.restart().add(103, "order.checked", r#"{"order":"o3"}"#);
    assert_eq!(
        story.said(),
        "check@3 InTime by 7\ncheck@3 closed Fulfilled\n\
         check@4 activated 103 due 108\ncheck@4 gap Intent 103"
    );
    story.pass(at(107)).said();
    let tally = story.evaluator.summary().clauses.into_iter().find(|it| it.slug == "check");
    let tally = tally.map(|it| it.tally).unwrap_or_default();
    assert_eq!((tally.triggers, tally.met, tally.overdue, tally.pending), (3, 1, 1, 1));
    assert_eq!(story.progress().done, 1);
}

#[test]
fn what_satisfies_a_queued_obligation_drops_it_before_it_is_owed() {
    let mut story = orders(5);
    story.adopt(100, Policy::Sequential, &day_30("")).said();
    story.restart().add(101, "order.checked", r#"{"order":"o5"}"#);
    assert_eq!(story.said(), "check@5 InTime by 7");
    let answer = event(8, 102, "order.checked", r#"{"order":"o9"}"#);
    story.see(caused(answer, "check@4"));
    assert_eq!(story.said(), "check@4 InTime by 8");
    let view = story.progress();
    assert_eq!((view.total, view.done, view.in_flight, view.waiting), (5, 2, 2, 1));
}

#[test]
fn by_default_a_person_decides_once_about_all_of_it() {
    let backfill = r#"{"gap":"backfill@4","decision":"backfill"}"#;
    let mut story = orders(3);
    story.adopt(100, Policy::HumanDecision, &day_30(""));
    assert_eq!(story.said(), "backfill@4 asked for 3, Must");
    assert_eq!(story.progress().held, 3);
    assert_eq!(story.evaluator.held_back(homeostat_world::Position::new(4), 2).len(), 2);
    story.restart().control(200, "gap.decided", backfill);
    assert_eq!(
        story.said(),
        "backfill@4 decided Fulfilled\n\
         check@1 activated 200 due 205\ncheck@1 gap Intent 200\n\
         check@2 activated 200 due 205\ncheck@2 gap Intent 200"
    );
    story.restart().control(201, "gap.decided", backfill);
    assert_eq!(story.said(), "", "it is decided once");
}

#[test]
fn a_person_can_let_all_of_it_go() {
    let mut story = orders(3);
    story.adopt(100, Policy::HumanDecision, &day_30("")).said();
    story.control(200, "gap.decided", r#"{"gap":"backfill@4","decision":"waive"}"#);
    assert_eq!(
        story.said(),
        "check@1 waived\ncheck@2 waived\ncheck@3 waived\nbackfill@4 decided Waived"
    );
    assert_eq!((story.progress().dropped, story.evaluator.open_count()), (3, 3));
    story.add(300, "order.created", r#"{"order":"o9"}"#);
    assert!(story.said().contains("check@6 activated"), "of new events it is owed");
}

#[test]
fn when_all_that_is_held_has_happened_nobody_is_asked_any_more() {
    let mut story = orders(1);
    story.adopt(100, Policy::HumanDecision, &day_30("")).said();
    story.add(101, "order.checked", r#"{"order":"o1"}"#);
    assert_eq!(story.said(), "check@1 InTime by 3\nbackfill@2 decided Fulfilled");
}

#[test]
fn prospective_only_asks_nothing_of_the_past() {
    let mut story = orders(3);
    story.adopt(100, Policy::ProspectiveOnly, &day_30(""));
    assert_eq!(story.said(), "");
    assert_eq!((story.progress().total, story.evaluator.open_count()), (0, 3));
    story.add(101, "order.created", r#"{"order":"o4"}"#);
    assert!(story.said().contains("check@5 activated 101 due 106"));
}

#[test]
fn what_works_on_the_outside_waits_for_a_person_whatever_the_policy() {
    let mut story = orders(2);
    let mails = day_30("action mail(order) { satisfied_by: order.mailed  effect: external }")
        .replace("within: 5s", "within: 5s\n should: mail(order)");
    story.adopt(100, Policy::Sequential, &mails);
    let said = story.said();
    assert!(said.starts_with("backfill@3 asked for 2, Should\ncheck@1 activated"), "{said}");
    let view = story.progress();
    assert_eq!((view.held, view.in_flight, view.waiting), (2, 2, 0));
}

#[test]
fn a_kept_clause_goes_on_and_a_removed_one_is_withdrawn() {
    let old = "
        entity order
        action ship(order) { satisfied_by: order.shipped }
        action bill(order) { satisfied_by: order.billed }
        when order.created { must: ship(order) within: 1h  must: bill(order) within: 10s }";
    let mut story = Story::new(old);
    story.add(1, "order.created", r#"{"order":"o1"}"#);
    story.add(2, "order.created", r#"{"order":"o2"}"#).pass(at(15)).said();
    let new = old.replace("within: 1h", "within: 5s").replace("must: bill(order) within: 10s", "");
    let preview = story.preview(&new);
    assert_eq!((preview.withdrawn(), preview.carried, preview.retroactive()), (2, 2, 0));
    story.adopt(20, Policy::Sequential, &new);
    assert_eq!(
        story.said(),
        "bill@1 withdrawn\nbill@1 closed Withdrawn\nbill@2 withdrawn\nbill@2 closed Withdrawn"
    );
    // Shortened: what is open keeps its due.
    story.restart().add(21, "order.created", r#"{"order":"o3"}"#);
    assert!(story.said().starts_with("ship@4 activated 21 due 26"));
    story.pass(at(30));
    assert_eq!(story.said(), "ship@4 missed");
    story.pass(at(3_602));
    assert_eq!(story.said(), "ship@1 missed");
    story.add(3_603, "order.shipped", r#"{"order":"o2"}"#);
    assert_eq!(story.said(), "ship@2 missed\nship@2 Late by 5\nship@2 closed Late");
}

const CHAIN: &str = "
entity order
action ship(order) { satisfied_by: order.shipped }
action tell(order) { satisfied_by: boss.told }
action call(order) { satisfied_by: boss.called }
when order.created {
  must: ship(order) within: 10s
    fallback: tell(order) within: 1h
}";

#[test]
fn a_chain_of_fallbacks_survives_an_edit_elsewhere() {
    let mut story = Story::new(CHAIN);
    story.add(1, "order.created", r#"{"order":"o1"}"#).pass(at(20));
    story.add(21, "order.created", r#"{"order":"o2"}"#).said();
    story.adopt(
        22,
        Policy::Sequential,
        &format!("{CHAIN} when order.shipped {{ could: call(order) }}"),
    );
    assert_eq!(story.said(), "");
    story.restart().pass(at(40));
    assert!(story.said().starts_with("ship@2 missed\nship@2 lapsed to tell@2"));
    story.add(41, "order.shipped", r#"{"order":"o1"}"#);
    let said = story.said();
    assert!(
        said.starts_with("ship@1 Late by 4\ntell@1 withdrawn\ntell@1 closed Withdrawn"),
        "{said}"
    );
}

#[test]
fn a_duty_whose_fallback_is_taken_away_is_owed_again() {
    let mut story = Story::new(CHAIN);
    story.add(1, "order.created", r#"{"order":"o1"}"#).pass(at(20)).said();
    story.adopt(22, Policy::Sequential, &CHAIN.replace("fallback: tell", "fallback: call"));
    assert_eq!(story.said(), "tell@1 withdrawn\ntell@1 closed Withdrawn\nship@1 gap Temporal 11");
    story.restart().add(30, "order.created", r#"{"order":"o2"}"#).pass(at(41));
    assert!(story.said().contains("ship@3 lapsed to call@3"));
}

#[test]
fn a_fallback_that_is_added_stands_in_for_what_is_not_due_yet() {
    let bare = CHAIN.replace("fallback: tell(order) within: 1h", "");
    let mut story = Story::new(&bare);
    story.add(1, "order.created", r#"{"order":"o1"}"#);
    story.add(15, "order.created", r#"{"order":"o2"}"#).said();
    story.adopt(20, Policy::Sequential, CHAIN);
    assert_eq!(story.said(), "", "of what is overdue it asks nothing");
    story.restart().pass(at(26));
    assert!(story.said().starts_with("ship@2 missed\nship@2 lapsed to tell@2"));
}

#[test]
fn a_retroactive_duty_has_its_deadline_and_its_fallback_from_when_it_is_owed() {
    let mut story = Story::new("entity order when order.created { must: greet(order) }");
    story.add(1, "order.created", r#"{"order":"o1"}"#).said();
    let new = format!("{CHAIN} when order.created {{ must: greet(order) }}");
    assert_eq!(story.preview(&new).retroactive(), 1);
    story.adopt(100, Policy::Sequential, &new);
    assert_eq!(story.said(), "ship@1 activated 100 due 110\nship@1 gap Intent 100");
    story.restart().pass(at(120));
    assert_eq!(
        story.said(),
        "ship@1 missed\nship@1 lapsed to tell@1\nship@1 closed Lapsed\n\
         tell@1 activated 110 due 3710\ntell@1 gap Intent 110"
    );
    assert_eq!(story.progress().in_flight, 1);
    story.add(130, "boss.told", r#"{"order":"o1"}"#);
    assert_eq!(story.said(), "tell@1 InTime by 3\ntell@1 closed Fulfilled\nship@1 compensated");
    assert_eq!(story.progress().done, 1);
}

const GUARDED: &str = "
entity customer { has: tier }
entity visit { belongs_to: customer }
action score(customer) { satisfied_by: engagement.updated  by: system }
action call(customer) { satisfied_by: customer.called }
measure engagement(customer) from engagement.updated { trend }
when visit.made {
  must: score(visit.customer)
  if engagement(visit.customer).trend < 45 { should: call(visit.customer) }
}";

#[test]
fn the_past_is_asked_only_where_the_guard_was_true_as_of_then() {
    let without = GUARDED
        .replace("if engagement(visit.customer).trend < 45 { should: call(visit.customer) }", "");
    let mut story = Story::new(&without);
    for (n, trend) in [(1, 40), (2, 50), (3, 30)] {
        story.add(n * 10, "visit.made", &format!(r#"{{"visit":"v{n}","customer":"c{n}"}}"#));
        if n < 3 {
            let updated = format!(r#"{{"customer":"c{n}","trend":{trend}}}"#);
            story.add(n * 10 + 1, "engagement.updated", &updated);
        }
    }
    // What it is now is not what it was then.
    story.add(90, "engagement.updated", r#"{"customer":"c1","trend":99}"#).said();
    assert_eq!(story.preview(GUARDED).retroactive(), 1);
    story.adopt(100, Policy::Sequential, GUARDED);
    assert_eq!(story.said(), "call@1 activated 100\ncall@1 gap Intent 100");
    // The third is not scored yet; when it is, the guard is decided, and what it asks is asked of
    // the past.
    story.restart().add(110, "engagement.updated", r#"{"customer":"c3","trend":30}"#);
    let said = story.said();
    assert!(
        said.contains("guard `engagement(visit.customer).trend < 45` of 5: True at 8"),
        "{said}"
    );
    assert!(said.ends_with("call@5 activated 110\ncall@5 gap Intent 110"), "{said}");
    assert_eq!(story.progress().total, 2);
}

#[test]
fn a_guard_that_both_versions_wait_for_is_decided_once() {
    let mut story = Story::new(GUARDED);
    story.add(1, "visit.made", r#"{"visit":"v1","customer":"c1"}"#).said();
    let more = GUARDED.replace("must: score", "could: wave(visit)\n must: score");
    story.adopt(10, Policy::ProspectiveOnly, &more).restart();
    assert_eq!(story.said(), "");
    story.add(11, "engagement.updated", r#"{"customer":"c1","trend":30}"#);
    let said = story.said();
    assert!(said.contains("of 1: True at 3\ncall@1 activated 11"), "{said}");
    let guard = story.evaluator.summary().guards.into_iter().next().map(|it| it.tally);
    assert!(guard.is_some_and(|it| (it.undecided, it.entered) == (0, 1)));
}

#[test]
fn an_edit_that_needs_no_waiting_decides_what_waited() {
    let mut story = Story::new(GUARDED);
    story.add(1, "engagement.updated", r#"{"customer":"c1","trend":30}"#);
    story.add(2, "visit.made", r#"{"visit":"v1","customer":"c1"}"#).said();
    let unscored = GUARDED.replace("must: score(visit.customer)\n", "");
    story.adopt(10, Policy::Sequential, &unscored).restart();
    assert_eq!(
        story.said(),
        "score@2 withdrawn\nscore@2 closed Withdrawn\ncall@2 activated 10\ncall@2 gap Intent 10",
        "the guard reads what is known already"
    );
}

#[test]
fn backfills_outlive_later_versions() {
    let mut story = orders(4);
    story.adopt(100, Policy::Sequential, &day_30("")).pass(at(110)).said();
    story.adopt(110, Policy::Sequential, &day_30("when order.shipped { could: wave(order) }"));
    assert_eq!(story.restart().said(), "");
    story.add(111, "order.checked", r#"{"order":"o1"}"#);
    assert!(story.said().contains("check@3 activated 111"));
    let first = story.evaluator.backfills().next();
    assert!(first.is_some_and(|it| (it.total, it.done, it.waiting) == (4, 1, 1)));
    // The clause goes, and with it what is left to do.
    story.pass(at(120)).said();
    story.adopt(120, Policy::Sequential, DAY_1);
    assert_eq!(
        story.restart().said(),
        "check@2 withdrawn\ncheck@2 closed Withdrawn\ncheck@3 withdrawn\ncheck@3 closed Withdrawn"
    );
    let first = story.evaluator.backfills().next();
    assert!(first.is_some_and(|it| (it.total, it.done, it.dropped) == (4, 1, 3)));
    // And comes back: it asks anew for what nobody ever did.
    story.adopt(130, Policy::Sequential, &day_30(""));
    assert!(story.said().starts_with("check@2 activated 130 due 135"));
}

#[test]
fn each_event_answers_what_is_owed_before_what_is_only_asked() {
    let one = "action check(order) { satisfied_by: order.checked }";
    let each = DAY_1.replace("must: ship(order)", "must: ship(order)\n each must: check(order)");
    let mut story = Story::new(DAY_1);
    for _ in 0..2 {
        story.add(1, "order.created", r#"{"order":"o1"}"#);
    }
    story.said();
    story.adopt(100, Policy::HumanDecision, &format!("{one} {each}"));
    story.add(101, "order.created", r#"{"order":"o1"}"#).said();
    story.add(102, "order.checked", r#"{"order":"o1"}"#);
    assert_eq!(story.said(), "check@4 InTime by 5\ncheck@4 closed Fulfilled");
}

const EACH: &str = "
entity customer { has: tier }
action review(customer) { satisfied_by: customer.reviewed }
action thank(customer) { satisfied_by: customer.thanked }
when quarter.ended {
  for each customer with tier is gold { must: review(customer) within: 10s }
}";

#[test]
fn what_is_owed_for_each_instance_goes_on_and_is_asked_of_the_past_for_each() {
    let mut story = Story::new(EACH);
    for (n, tier) in [(1, "gold"), (2, "tin"), (3, "gold")] {
        story.add(n, "customer.created", &format!(r#"{{"customer":"c{n}","tier":"{tier}"}}"#));
    }
    story.add(4, "quarter.ended", "{}").said();
    let more = EACH.replace("within: 10s", "within: 10s\n must: thank(customer)");
    assert_eq!(story.preview(&more).retroactive(), 2);
    story.adopt(5, Policy::Sequential, &more).restart();
    assert_eq!(
        story.said(),
        "thank@4~c1 activated 5\nthank@4~c1 gap Intent 5\n\
         thank@4~c3 activated 5\nthank@4~c3 gap Intent 5"
    );
    story.add(6, "customer.reviewed", r#"{"customer":"c3"}"#);
    assert_eq!(story.said(), "review@4~c3 InTime by 6\nreview@4~c3 closed Fulfilled");
    story.pass(at(15));
    assert_eq!(story.said(), "review@4~c1 missed");
    story.adopt(16, Policy::Sequential, EACH);
    assert_eq!(
        story.restart().said(),
        "thank@4~c1 withdrawn\nthank@4~c1 closed Withdrawn\n\
         thank@4~c3 withdrawn\nthank@4~c3 closed Withdrawn"
    );
    story.add(17, "customer.reviewed", r#"{"customer":"c1"}"#);
    assert_eq!(story.said(), "review@4~c1 Late by 8\nreview@4~c1 closed Late");
}

const DAILY: &str = "
entity rep { has: tier }
action prompt(rep) { satisfied_by: rep.prompted }
action greet(rep) { satisfied_by: rep.greeted }
every day at rep.preferred_time { should: prompt(rep) within: 1h }
time_zone: \"UTC\"";

#[test]
fn ticks_go_on_after_an_edit_and_are_not_made_up_for() {
    const HOUR: i64 = 3_600;
    let mut story = Story::new(DAILY);
    let rep = r#"{"rep":"r1","preferred_time":"09:00"}"#;
    story.add(HOUR, "rep.created", rep).pass(at(9 * HOUR + 1));
    let prompted = "prompt@1970-01-01T09:00:00Z~r1";
    assert_eq!(
        story.said(),
        format!("{prompted} activated 32400 due 36000\n{prompted} gap Temporal 32400")
    );
    let more = DAILY.replace("within: 1h", "within: 1h\n should: greet(rep)");
    story.adopt(9 * HOUR + 2, Policy::Sequential, &more).restart();
    assert_eq!(story.said(), "", "of ticks that were, nothing is asked");
    // The clock is set forward past nothing: today's tick does not come twice.
    let later = r#"{"rep":"r1","preferred_time":"09:30"}"#;
    story.add(9 * HOUR + 3, "rep.moved", later).pass(at(10 * HOUR + 1));
    assert_eq!(story.said(), format!("{prompted} missed"));
    story.pass(at(34 * HOUR));
    let said = story.said();
    assert!(said.contains("prompt@1970-01-02T09:30:00Z~r1 activated"), "{said}");
    assert!(said.contains("greet@1970-01-02T09:30:00Z~r1 activated"), "{said}");
    story.adopt(34 * HOUR + 1, Policy::Sequential, DAILY).restart().said();
    story.add(34 * HOUR + 2, "rep.prompted", r#"{"rep":"r1"}"#);
    let said = story.said();
    assert!(said.starts_with(&format!("{prompted} Late by 5\n{prompted} closed Late")), "{said}");
}

#[test]
fn memory_holds_nothing_of_the_version_that_is_gone() {
    let mut story = orders(50);
    story.adopt(100, Policy::ProspectiveOnly, &day_30(""));
    for n in 1..=50 {
        story.add(101, "order.shipped", &format!(r#"{{"order":"o{n}"}}"#));
    }
    let footprint = story.evaluator.footprint();
    assert_eq!((footprint.obligations, footprint.undecided), (0, 0));
    let fresh = Evaluator::new(Arc::clone(story.evaluator.program())).footprint();
    assert_eq!(footprint.texts, fresh.texts, "every text that was held is let go");
}
