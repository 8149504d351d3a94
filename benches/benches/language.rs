//! The intent language: ten thousand lines parsed, and checked (loaded, lowered, linted).
//!
//! Goals: 20 ms to parse them, 100 ms to check them, on one core. Bounds of the same run: a walk over
//! the bytes that finds words and lines, which any parser has to do; for checking, parsing alone.
//! The text is drawn, but speaks as people do: 115 kinds of things, each with its
//! entities, events, actions, measures, blocks of every sort, assertions and comments. No name in it
//! is wrong. The last figure is for the same text with one action a part misspelt, so that for each of
//! them all others are looked through for what was meant.
//!
//! Run: `cargo bench -p homeostat-benches --bench language`.
#![expect(clippy::unwrap_used, reason = "a bench may fail")]

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use homeostat_intent::{Source, load, parse};

const LINES: usize = 10_000;

const AREAS: [&str; 16] = [
    "retail", "export", "travel", "campus", "clinic", "harbour", "museum", "library", "transit",
    "housing", "market", "factory", "airport", "theatre", "energy", "garden",
];
const THINGS: [&str; 10] = [
    "order",
    "invoice",
    "claim",
    "permit",
    "visit",
    "booking",
    "ticket",
    "shipment",
    "loan",
    "complaint",
];

/// One kind of thing, `@` by name.
const PART: &str = r#"
# ─── @: what is kept of it ───

entity @ {
  belongs_to: @_owner
  has: total, urgency, received_at
  has: @_notes[]
  state unanswered: from created until answered | withdrawn
  rule: total >= 0
}

entity @_owner {
  has: tier, balance
  has: preferred_time
}

entity @_note {
  belongs_to: @
  has: text, written_by
  immutable: true     # what was written stays
}

event @.created as @_received
event @.answered
event @.withdrawn
event @.escalated as "@ ESCALATED by SUPERVISOR"
event @_load.updated

measure @_load(@_owner) from @_load.updated { waiting, oldest }

threshold @_too_many: 45 rising

action answer_@(@) {
  satisfied_by: @.answered | @.withdrawn
  by: agent
}

action tell_@_owner(@_owner) {
  satisfied_by: @_owner.told
  by: agent
  effect: external
}

action supervise_@(@) {
  satisfied_by: @.escalated
  by: human
}

action review_@_owner(@_owner) {
  satisfied_by: @_owner.reviewed
  by: system
}

# What must follow.
when @.created {
  must answer: answer_@(@)
    within: 2d
    fallback: supervise_@(@)
      within: 4h

  if @_load(@.@_owner).waiting crosses threshold.@_too_many
      AND NOT @.@_owner.tier = basic {
    should: tell_@_owner(@.@_owner, reason: many_waiting)
      within: 1d
  }

  if @.total >= 1000 AND @.urgency is high OR @.@_owner.balance < 0 {
    must: review_@_owner(@.@_owner)
      within: 8h
  }
}

when @.unanswered for 3d {
  must remind: tell_@_owner(@.@_owner, reason: still_waiting)
    within: 12h
}

every week on monday at 09:00 {
  for each @_owner with balance < 0 AND tier = gold {
    could: review_@_owner(@_owner)
  }
}

always {
  assert: every(@) has total
  assert @_not_forgotten: no(@) is unanswered for > 14d
}
"#;

/// How a kind of thing is called.
fn name(nth: usize) -> Option<String> {
    let area = AREAS.get(nth % AREAS.len())?;
    let thing = THINGS.get(nth / AREAS.len())?;
    Some(format!("{area}_{thing}"))
}

/// As many parts as fill the lines.
fn spec() -> String {
    let mut text = String::from("time_zone: \"Europe/London\"\n");
    let mut nth = 0;
    while text.lines().count() < LINES {
        text += &PART.replace('@', &name(nth).unwrap());
        nth += 1;
    }
    text
}

/// The same with one action a part misspelt where it is owed.
fn misspelt() -> String {
    spec().replace("could: review_", "could: reveiw_")
}

fn source(text: String) -> Source {
    Source { name: "large.intent".to_owned(), text }
}

fn bench(criterion: &mut Criterion) {
    let spec = source(spec());
    let loaded = load(std::slice::from_ref(&spec));
    assert!(loaded.diagnostics.is_empty(), "{:?}", loaded.diagnostics.first());
    let lines = spec.text.lines().count();
    let mut group = criterion.benchmark_group(format!("intent::language/lines={lines}"));
    group.sample_size(20).throughput(Throughput::Elements(lines as u64));
    group.bench_function("bound: words and lines of the text", |bencher| {
        bencher.iter(|| {
            let words = spec.text.split(|letter: char| !letter.is_alphanumeric());
            black_box((words.filter(|word| !word.is_empty()).count(), spec.text.lines().count()))
        });
    });
    group.bench_function("parse", |bencher| bencher.iter(|| parse(black_box(&spec.text))));
    group.bench_function("check", |bencher| {
        bencher.iter(|| load(std::slice::from_ref(black_box(&spec))));
    });
    let misspelt = source(misspelt());
    let found = load(std::slice::from_ref(&misspelt)).diagnostics;
    let meant = |help: &String| help.starts_with("did you mean `review_");
    assert!(found.iter().all(|it| it.help.as_ref().is_some_and(meant)), "{:?}", found.first());
    group.bench_function(format!("check, {} names misspelt", found.len()), |bencher| {
        bencher.iter(|| load(std::slice::from_ref(black_box(&misspelt))));
    });
    group.finish();
}

criterion_group!(benches, bench);
criterion_main!(benches);
