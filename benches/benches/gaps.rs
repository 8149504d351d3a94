//! Gap throughput: events to gaps, each beside its bound measured in the same run.
//!
//! * p1: `created(x)` must be followed by `ack(x)` within 5 s.
//! * p2: a running score per customer that crosses 45 must be followed by `alert(customer)` within
//!   60 s.
//!
//! A million events, 100,000 keys, 1% violations; one core. Goals: p1 in memory five million events
//! a second; from JSON Lines to gaps one million. Bounds: in memory, a hand-written hash table and
//! timer queue that do only that property; from JSON Lines, parsing alone.
//!
//! Run: `cargo bench -p homeostat-benches --bench gaps`.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "a bench may fail, and its bound is written to be as quick as it can be"
)]

use std::borrow::Cow;
use std::collections::VecDeque;
use std::hint::black_box;
use std::sync::Arc;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use foldhash::fast::FixedState;
use hashbrown::HashMap;
use homeostat_graph::{Change, Evaluator, Fact, Fields, Program};
use homeostat_intent::Source;
use homeostat_log::{Actor, Data, Event, Kind, NewEvent, Value};
use homeostat_world::{Duration, Position, Timestamp};

const EVENTS: usize = 1_000_000;
const KEYS: u64 = 100_000;
const START: i64 = 1_772_323_200_000_000;

const P1: &str = "
entity order { has: note }
action ack(order) { satisfied_by: order.acknowledged  by: system }
when order.created { must: ack(order) within: 5s }
";

const P2: &str = "
entity customer { has: note }
event score.updated
measure score(customer) from score.updated { value }
threshold hot: 45 rising
action alert(customer) { satisfied_by: customer.alerted  by: system }
when score.updated {
  if score(customer).value crosses threshold.hot { must: alert(customer) within: 60s }
}
";

/// One event of a workload, before it has a form.
#[derive(Clone, Copy)]
struct Happening {
    micros: i64,
    opens: bool,
    key: u64,
    score: i64,
}

struct Draw(u64);

impl Draw {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }
}

/// Creations 10 µs apart, so that some hundred thousand wait at once; acknowledged within 4 s, but
/// one in a hundred.
fn p1() -> Vec<Happening> {
    let mut draw = Draw(1);
    let mut happenings = Vec::new();
    let mut n = 0_i64;
    while happenings.len() < EVENTS {
        let (micros, key) = (n * 10, draw.below(KEYS));
        happenings.push(Happening { micros, opens: true, key, score: 0 });
        if draw.below(100) != 0 {
            let micros = micros + i64::try_from(draw.below(400_000)).unwrap();
            happenings.push(Happening { micros, opens: false, key, score: 0 });
        }
        n += 1;
    }
    happenings.sort_by_key(|happening| happening.micros);
    happenings.truncate(EVENTS);
    happenings
}

/// Scores walk up and down in steps of five; a crossing is answered at once, but one in a hundred.
fn p2() -> Vec<Happening> {
    let mut draw = Draw(2);
    let mut scores = vec![20_i64; usize::try_from(KEYS).unwrap()];
    let mut happenings = Vec::new();
    let mut micros = 0;
    while happenings.len() < EVENTS {
        micros += 100;
        let key = draw.below(KEYS);
        let score = &mut scores[usize::try_from(key).unwrap()];
        let before = *score;
        *score = (before + if draw.below(2) == 0 { 5 } else { -5 }).clamp(0, 90);
        happenings.push(Happening { micros, opens: true, key, score: *score });
        if before < 45 && *score >= 45 && draw.below(100) != 0 {
            happenings.push(Happening { micros: micros + 50, opens: false, key, score: 0 });
        }
    }
    happenings
}

struct Names {
    opens: &'static str,
    closes: &'static str,
    key: &'static str,
    value: Option<&'static str>,
}

const P1_NAMES: Names =
    Names { opens: "order.created", closes: "order.acknowledged", key: "order", value: None };
const P2_NAMES: Names = Names {
    opens: "score.updated",
    closes: "customer.alerted",
    key: "customer",
    value: Some("value"),
};

fn program(text: &str) -> Arc<Program> {
    let source = Source { name: "bench.intent".to_owned(), text: text.to_owned() };
    Arc::new(Program::compile(&homeostat_intent::load(&[source]).spec).unwrap())
}

fn count(gaps: &mut u64) -> impl FnMut(Change) {
    move |change| *gaps += u64::from(matches!(change, Change::GapOpened { .. }))
}

/// An event in memory as a reader leaves it: everything of it lies together, one after the other.
struct Row<'a> {
    name: &'static str,
    time: Timestamp,
    fields: [(&'static str, Value<'a>); 2],
    count: usize,
}

impl<'a> Row<'a> {
    fn fields(&self) -> &[(&'static str, Value<'a>)] {
        &self.fields[..self.count]
    }
}

/// Every event's key as text of its own, in the order of the events.
fn texts(happenings: &[Happening]) -> String {
    happenings.iter().map(|happening| format!("key-{:06}", happening.key)).collect()
}

const TEXT: usize = "key-000000".len();

fn rows<'a>(happenings: &[Happening], names: &Names, texts: &'a str) -> Vec<Row<'a>> {
    let row = |(place, happening): (usize, &Happening)| {
        let key = &texts[place * TEXT..(place + 1) * TEXT];
        let value = names.value.filter(|_| happening.opens);
        Row {
            name: if happening.opens { names.opens } else { names.closes },
            time: Timestamp::from_micros(START + happening.micros),
            fields: [
                (names.key, Value::Text(key)),
                (value.unwrap_or_default(), Value::Int(happening.score)),
            ],
            count: 1 + usize::from(value.is_some()),
        }
    };
    happenings.iter().enumerate().map(row).collect()
}

fn in_memory(program: &Arc<Program>, rows: &[Row<'_>]) -> u64 {
    let mut evaluator = Evaluator::new(Arc::clone(program));
    let mut gaps = 0;
    let mut sink = count(&mut gaps);
    for (position, Row { name, time, .. }, fields) in
        (1..).zip(rows).map(|(p, row)| (p, row, row.fields()))
    {
        evaluator.advance(*time, &mut sink);
        let fact = Fact {
            position: Position::new(position),
            time: *time,
            kind: Kind::Primary,
            depth: 0,
            r#type: Cow::Borrowed(name),
            subject: None,
            cause: None,
            fields: Fields::List(fields),
        };
        evaluator.on_fact(&fact, &mut sink);
    }
    drop(sink);
    gaps
}

/// Only what p1 needs: text to number, number to the open creation, and a queue of deadlines.
fn bound_p1(rows: &[Row<'_>]) -> u64 {
    let mut numbers: HashMap<&str, u32, FixedState> = HashMap::default();
    let mut open: Vec<u64> = Vec::new();
    let mut queue: VecDeque<(i64, u32, u64)> = VecDeque::new();
    let mut gaps = 0;
    for (position, Row { name, time, .. }, fields) in
        (1_u64..).zip(rows).map(|(p, row)| (p, row, row.fields()))
    {
        let now = time.as_micros();
        while let Some(&(due, number, opened)) = queue.front()
            && due < now
        {
            queue.pop_front();
            gaps += u64::from(open[number as usize] >= opened && open[number as usize] != 0);
        }
        let Value::Text(key) = fields[0].1 else { continue };
        let next = u32::try_from(numbers.len()).unwrap();
        let number = *numbers.entry(key).or_insert(next);
        if number == next {
            open.push(0);
        }
        if *name == "order.created" {
            open[number as usize] = position;
            queue.push_back((now + 5_000_000, number, position));
        } else {
            open[number as usize] = 0;
        }
    }
    gaps
}

/// Only what p2 needs. A customer's state is the last score, and since when an alert is owed.
fn bound_p2(rows: &[Row<'_>]) -> u64 {
    const NOTHING: i64 = i64::MAX;
    let mut numbers: HashMap<&str, u32, FixedState> = HashMap::default();
    let mut states: Vec<(i64, i64)> = Vec::new();
    let mut queue: VecDeque<(i64, u32)> = VecDeque::new();
    let mut gaps = 0;
    for Row { name, time, fields, .. } in rows {
        let now = time.as_micros();
        while let Some(&(since, number)) = queue.front()
            && since + 60_000_000 < now
        {
            queue.pop_front();
            gaps += u64::from(states[number as usize].1 <= since);
        }
        let Value::Text(key) = fields[0].1 else { continue };
        let next = u32::try_from(numbers.len()).unwrap();
        let number = *numbers.entry(key).or_insert(next);
        if number == next {
            states.push((i64::MIN, NOTHING));
        }
        let state = &mut states[number as usize];
        if *name == "score.updated" {
            let Value::Int(score) = fields[1].1 else { continue };
            let crossed = state.0 < 45 && score >= 45;
            state.0 = score;
            if crossed {
                state.1 = state.1.min(now);
                queue.push_back((now, number));
            }
        } else {
            state.1 = NOTHING;
        }
    }
    gaps
}

fn events(rows: &[Row<'_>]) -> Vec<Event> {
    let event = |(position, row): (u64, &Row<'_>)| {
        let (Row { name, time, .. }, fields) = (row, row.fields());
        let mut data = Data::builder();
        for (field, value) in fields {
            data = match value {
                Value::Text(text) => data.text(field, text),
                Value::Int(number) => data.int(field, *number),
                _ => data,
            };
        }
        Event {
            position: Position::new(position),
            recorded: *time,
            event: NewEvent {
                id: format!("e{position}"),
                source: "/bench".to_owned(),
                kind: Kind::Primary,
                r#type: (*name).to_owned(),
                time: *time,
                subject: None,
                cause: None,
                actor: Actor::World,
                depth: 0,
                enriches: None,
                data: data.build(),
            },
        }
    };
    (1..).zip(rows).map(event).collect()
}

fn from_events(program: &Arc<Program>, events: &[Event]) -> u64 {
    let mut evaluator = Evaluator::new(Arc::clone(program));
    let mut gaps = 0;
    let mut sink = count(&mut gaps);
    for event in events {
        evaluator.advance(event.recorded, &mut sink);
        evaluator.on_event(event, &mut sink);
    }
    drop(sink);
    gaps
}

fn lines(rows: &[Row<'_>]) -> String {
    let mut text = String::new();
    for (position, Row { name, time, .. }, fields) in
        (1..).zip(rows).map(|(p, row)| (p, row, row.fields()))
    {
        let mut data = Vec::new();
        for (field, value) in fields {
            match value {
                Value::Text(text) => data.push(format!("\"{field}\":\"{text}\"")),
                Value::Int(number) => data.push(format!("\"{field}\":{number}")),
                _ => {}
            }
        }
        let data = data.join(",");
        text.push_str(&format!(
            "{{\"specversion\":\"1.0\",\"id\":\"e{position}\",\"source\":\"/bench/crm\",\"type\":\"{name}\",\
             \"time\":\"{time}\",\"data\":{{{data}}}}}\n"
        ));
    }
    text
}

fn from_lines(program: &Arc<Program>, text: &str) -> u64 {
    let mut evaluator = Evaluator::new(Arc::clone(program));
    let mut gaps = 0;
    let mut sink = count(&mut gaps);
    for (position, line) in (1..).zip(text.lines()) {
        let fact = Fact::from_json_line(Position::new(position), line).unwrap();
        evaluator.advance(fact.time, &mut sink);
        evaluator.on_fact(&fact, &mut sink);
    }
    drop(sink);
    gaps
}

/// Parsing alone: the envelope, and every field of the payload.
fn parse_only(text: &str) -> usize {
    let mut read = 0;
    for line in text.lines() {
        let fact = Fact::from_json_line(Position::new(1), line).unwrap();
        fact.fields.each(&mut |name, value| {
            black_box((name, value));
            read += 1;
        });
        black_box(fact.time + Duration::from_micros(1));
    }
    read
}

fn bench(criterion: &mut Criterion) {
    let (p1, p2) = (p1(), p2());
    let (texts1, texts2) = (texts(&p1), texts(&p2));
    let (p1, p2) = (rows(&p1, &P1_NAMES, &texts1), rows(&p2, &P2_NAMES, &texts2));
    let (first, second) = (program(P1), program(P2));
    let mut group = criterion.benchmark_group("graph::gaps");
    group.sample_size(10).throughput(Throughput::Elements(EVENTS as u64));
    group.bench_function("p1 bound: hash table and timer alone", |b| b.iter(|| bound_p1(&p1)));
    group.bench_function("p1 in memory", |b| b.iter(|| in_memory(&first, &p1)));
    group.bench_function("p2 bound: hash table and timer alone", |b| b.iter(|| bound_p2(&p2)));
    group.bench_function("p2 in memory", |b| {
        assert_eq!(bound_p2(&p2), in_memory(&second, &p2), "both find the same gaps of p2");
        b.iter(|| in_memory(&second, &p2));
    });
    // What is measured is made where it is measured: a filter then leaves out the making of the rest,
    // which a profiler would wait for.
    group.bench_function("p1 from events as the log reads them", |b| {
        let stored = events(&p1);
        assert_eq!(from_events(&first, &stored), in_memory(&first, &p1));
        b.iter(|| from_events(&first, &stored));
    });
    for (name, program, rows) in [("p1", &first, &p1), ("p2", &second, &p2)] {
        group.bench_function(format!("{name} bound: JSON Lines parsed alone"), |b| {
            let text = lines(rows);
            b.iter(|| parse_only(&text));
        });
        group.bench_function(format!("{name} from JSON Lines"), |b| {
            let text = lines(rows);
            assert_eq!(from_lines(program, &text), in_memory(program, rows));
            b.iter(|| from_lines(program, &text));
        });
    }
    group.finish();
}

criterion_group!(gaps, bench);
criterion_main!(gaps);
