//! The past, examined when a version of the spec is adopted: a million old events, beside their bound:
//! the same events applied under the old version, as any start does.
//!
//! The new version asks for one more thing of every order, for one more assertion, and has one clause
//! less: there are 500,000 retroactive obligations, as many withdrawn and as many kept. The goal: seconds.
//!
//! Run: `cargo bench -p homeostat-benches --bench past`.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a bench may fail, and says what came of its events"
)]

use std::sync::Arc;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use homeostat_benches::{Orders, program};
use homeostat_graph::{Adoption, Evaluator, Program};
use homeostat_intent::lowered::Backfill;
use homeostat_log::Event;

const EVENTS: u64 = 1_000_000;

const OLD: &str = "
entity customer
entity order { belongs_to: customer  has: amount, note  state unpaid: from created until paid }
event order.created
event order.paid
action ship(order) { satisfied_by: order.shipped  by: system }
action thank(customer) { satisfied_by: customer.thanked  by: system }
always { assert small: every(order.amount) < 90 }
when order.created { must: ship(order) within: 5s  could: thank(order.customer) }
";

fn new_version() -> String {
    let less = OLD.replace("could: thank(order.customer)", "must: pack(order)");
    format!(
        "{less}
        action pack(order) {{ satisfied_by: order.paid  by: system }}
        always {{ assert noted: every(order) has note }}"
    )
}

/// An evaluator that has lived through all of it.
fn lived(program: &Arc<Program>, events: &[Event]) -> Evaluator {
    let mut evaluator = Evaluator::new(Arc::clone(program));
    for event in events {
        evaluator.advance(event.recorded, &mut |_| {});
        evaluator.on_event(event, &mut |_| {});
    }
    evaluator
}

fn examined(program: &Arc<Program>, events: &[Event]) -> Evaluator {
    let mut evaluator = Evaluator::examining(Arc::clone(program));
    events.iter().for_each(|event| evaluator.examine(event));
    evaluator
}

/// Examines the past and takes over; gives how many changes that makes.
fn adopt(old: &Evaluator, program: &Arc<Program>, events: &[Event]) -> u64 {
    let mut evaluator = examined(program, events);
    let adoption = Adoption {
        position: evaluator.position(),
        at: events.last().unwrap().recorded,
        policy: Backfill::Sequential,
    };
    let (mut withdrawn, mut said) = (0, 0);
    evaluator.succeed(old, adoption, &mut |_| withdrawn += 1, &mut |_| said += 1);
    withdrawn + said
}

fn bench(criterion: &mut Criterion) {
    let (old, new) = (program(OLD), program(&new_version()));
    let events = Orders::new(EVENTS, EVENTS / 2).events();
    let before = lived(&old, &events);
    let preview = examined(&new, &events).preview(&before);
    println!(
        "{} retroactive, {} withdrawn, {} kept; {} changes at once",
        preview.retroactive(),
        preview.withdrawn(),
        preview.carried,
        adopt(&before, &new, &events)
    );
    let mut group = criterion.benchmark_group("graph::past");
    group.sample_size(10).throughput(Throughput::Elements(EVENTS));
    group.bench_function("bound: applied under the old version", |b| {
        b.iter(|| lived(&old, &events));
    });
    group.bench_function("examined for the new version", |b| b.iter(|| examined(&new, &events)));
    group.bench_function("examined, and the new version takes over", |b| {
        b.iter(|| adopt(&before, &new, &events));
    });
    group.finish();
}

criterion_group!(past, bench);
criterion_main!(past);
