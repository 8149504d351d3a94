//! What counts as a difference, what it is called, and that names outlive edits.
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests may stop at the first surprise")]

use super::{Diff, Edit, diff};
use crate::lowered::{Length, Spec};
use crate::source::Source;

fn spec(text: &str) -> Spec {
    let loaded = crate::load(&[Source { name: "spec.intent".to_owned(), text: text.to_owned() }]);
    assert!(!loaded.has_errors(), "{:?}", loaded.diagnostics);
    loaded.spec
}

const DAY_1: &str = "
entity customer
entity interaction { belongs_to: customer  has: mood }
event interaction.created
action update_score(customer) { satisfied_by: score.updated }
action acknowledge(interaction) { satisfied_by: interaction.acknowledged }
action tell(interaction) { satisfied_by: director.told }
when interaction.created {
  must: update_score(interaction.customer)
  must ack: acknowledge(interaction)
    within: 5s
    fallback: tell(interaction)
      within: 1h
  if interaction.mood is bad { should: call_back(interaction) }
}
";

fn edited(from: &str, to: &str) -> Diff {
    assert!(DAY_1.contains(from), "{from}");
    diff(&spec(DAY_1), &spec(&DAY_1.replace(from, to)))
}

fn edits_of<'d>(diff: &'d Diff, slug: &str) -> &'d [Edit] {
    &diff.clauses.iter().find(|clause| clause.slug == slug).unwrap().edits
}

fn seconds(count: i64) -> Option<Length> {
    Some(Length::from_micros(count * 1_000_000))
}

#[test]
fn comments_layout_and_order_are_no_difference() {
    let same = diff(&spec(DAY_1), &spec(&DAY_1.replace("when", "# hello\n\n  when")));
    assert!(same.is_empty());
    assert_eq!(same.counts().unchanged, 4);
    let line = "  must: update_score(interaction.customer)\n";
    let last = DAY_1
        .replace(line, "")
        .replace("call_back(interaction) }\n", &format!("call_back(interaction) }}\n{line}"));
    let moved = diff(&spec(DAY_1), &spec(&last));
    assert_ne!(moved.from, moved.to);
    assert!(moved.is_empty(), "{moved}");
}

#[test]
fn what_is_new_and_what_is_gone() {
    let added = edited("  must ack", "  must: check_mentions(interaction)\n  must ack");
    assert_eq!(edits_of(&added, "check_mentions"), [Edit::Added]);
    assert_eq!((added.counts().added, added.counts().unchanged), (1, 4));
    let removed = edited("  must: update_score(interaction.customer)\n", "");
    assert_eq!(edits_of(&removed, "update_score"), [Edit::Removed]);
    assert_eq!(removed.clauses.last().unwrap().slug, "update_score");
}

#[test]
fn deadlines_are_shortened_and_loosened() {
    let shorter = edited("within: 5s", "within: 2s");
    let [Edit::Shortened { from, to }] = edits_of(&shorter, "acknowledge") else { panic!() };
    assert_eq!((*from, *to), (seconds(5), seconds(2)));
    assert!(edits_of(&shorter, "tell").is_empty());
    let looser = edited("within: 1h", "within: 1mo");
    assert!(matches!(edits_of(&looser, "tell"), [Edit::Loosened { .. }]));
    let first = edited("(interaction.customer)", "(interaction.customer)\n within: 1d");
    assert!(matches!(edits_of(&first, "update_score"), [Edit::Shortened { from: None, .. }]));
}

#[test]
fn a_label_follows_a_clause_to_another_place_and_another_call() {
    let moved = edited(
        "when interaction.created {\n  must: update_score(interaction.customer)\n  must ack",
        "when interaction.created { must: update_score(interaction.customer) }
         when interaction.reopened { must ack",
    );
    assert!(matches!(edits_of(&moved, "acknowledge"), [Edit::Moved { from }]
        if from.trigger == "when interaction.created"));
    let other = edited("ack: acknowledge", "ack: answer");
    let [Edit::Rewritten { from }] = edits_of(&other, "answer") else { panic!("{other}") };
    assert_eq!(from, "must: acknowledge(interaction)");
    let softer = edited("must ack", "should ack");
    assert!(matches!(edits_of(&softer, "acknowledge"), [Edit::Rewritten { .. }]), "{softer}");
}

#[test]
fn the_same_call_under_other_conditions_is_a_pair() {
    let changed = edited("interaction.mood is bad", "interaction.mood is angry");
    let counts = changed.counts();
    assert_eq!((counts.added, counts.removed, counts.guard_changed), (1, 1, 1));
    let text = changed.to_string();
    let says = "condition changed from `interaction.mood is bad` to `interaction.mood is angry`";
    assert_eq!(text.matches(says).count(), 2, "{text}");
}

#[test]
fn a_declaration_that_gives_a_clause_another_meaning_is_told() {
    let wider =
        edited("interaction.acknowledged", "interaction.acknowledged | interaction.answered");
    let [Edit::Redefined { what }] = edits_of(&wider, "acknowledge") else { panic!("{wider}") };
    assert_eq!(what, &["what satisfies it"]);
    let level = "threshold low: 45 falling  measure score(customer) from score.updated { value }
        when interaction.closed { if score(interaction.customer).value crosses threshold.low {
        must: alert(interaction) } }";
    let text = format!("{DAY_1}{level}");
    let lower = diff(&spec(&text), &spec(&text.replace("low: 45", "low: 20")));
    assert!(matches!(edits_of(&lower, "alert"), [Edit::Redefined { .. }]), "{lower}");
    assert_eq!(lower.declarations.first().unwrap().what, "threshold low");
}

#[test]
fn settings_are_compared_one_by_one() {
    let limits = edited("entity customer\n", "entity customer\nlimits { settle: 2s }\n");
    let [settle] = limits.declarations.as_slice() else { panic!("{limits}") };
    assert_eq!(settle.what, "settle");
    assert!(limits.clauses.iter().all(|clause| clause.edits.is_empty()));
}

#[test]
fn a_diff_reads_like_one_of_version_control() {
    let both =
        diff(
            &spec(DAY_1),
            &spec(&DAY_1.replace("within: 5s", "within: 2s").replace(
                "  must: update_score(interaction.customer)\n",
                "  must: check(customer)\n",
            )),
        );
    assert_eq!(
        both.to_string(),
        "\
+ must: check(customer), when interaction.created
~ must: acknowledge(interaction) within 2s, when interaction.created
    deadline shortened from 5s to 2s
- must: update_score(interaction.customer), when interaction.created
  2 clauses are unchanged
"
    );
}

#[test]
fn names_stay_with_their_clauses_from_version_to_version() {
    let text = |calls: &[&str]| {
        let duties: Vec<String> = calls.iter().map(|call| format!("must: {call}")).collect();
        format!("when a.b {{ {} }}", duties.join("\n"))
    };
    let names =
        |spec: &Spec| spec.duties().map(|d| format!("{} {}", d.slug, d.text)).collect::<Vec<_>>();
    let first = spec(&text(&["f(a)", "f(a, x: 1)"]));
    assert_eq!(names(&first), ["f f(a)", "f.2 f(a, x: 1)"]);

    let mut second = spec(&text(&["f(a, y: 2)", "f(a, x: 1)"]));
    second.keep_slugs(&first);
    assert_eq!(names(&second), ["f.3 f(a, y: 2)", "f.2 f(a, x: 1)"]);

    // `f` stays the name of the clause that is gone, and comes back with it.
    let mut third = spec(&text(&["f(a, z: 3)", "f(a)"]));
    third.keep_slugs(&second);
    assert_eq!(names(&third), ["f.4 f(a, z: 3)", "f f(a)"]);
    assert_eq!(third.retired.len(), 2);
    assert!(diff(&second, &third).clauses.iter().any(|clause| clause.slug == "f.2"));
}
