//! What must always be so, what lasts, and what the calendar sets off, beside its bound: the same
//! events under the same spec without the clause that is measured.
//!
//! * `always`: every order has an amount below 100, and none is unpaid for longer than 5 s.
//! * `held`: an order unpaid for 4 s is to be reminded.
//! * `every`: each customer at a local time of its own; something once a second.
//!
//! A million events about 100,000 orders; one core.
//!
//! Run: `cargo bench -p homeostat-benches --bench always`.
#![expect(clippy::print_stdout, reason = "a bench says what came of its events")]

use std::sync::Arc;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use homeostat_benches::{Orders, changes, program};
use homeostat_graph::Change;

const EVENTS: u64 = 1_000_000;

/// What all of them say: the values are remembered, and nothing comes of them.
const BARE: &str = "
entity customer { has: at }
entity order {
  belongs_to: customer
  has: amount
  state unpaid: from created until paid
}
event order.created
event order.paid
action look(order) { satisfied_by: order.seen  by: system }
when order.shown { if order.amount > 1000 AND order.unpaid { must: look(order) } }
";

const ALWAYS: &str = "
always {
  assert small: every(order.amount) < 100
  assert paid: no(order) is unpaid for > 5s
}
";

const HELD: &str = "
action remind(order) { satisfied_by: order.paid  by: system }
when order.unpaid for 4s { must: remind(order) within: 1s }
";

const EVERY: &str = "
time_zone: \"Europe/London\"
action look_in(customer) { satisfied_by: customer.seen  by: system }
every day at customer.at { must: look_in(customer) }
";

const POLL: &str = "
time_zone: \"Europe/London\"
action poll { satisfied_by: mailbox.polled  by: system }
every 1s { must: poll }
";

fn bench(criterion: &mut Criterion) {
    let orders = Orders::new(EVENTS, 100_000);
    let mut group = criterion.benchmark_group("graph::always");
    group.sample_size(10).throughput(Throughput::Elements(EVENTS));
    for (name, more) in [
        ("bound: values remembered alone", ""),
        ("always: a value and what may not last", ALWAYS),
        ("held: what has lasted", HELD),
        ("every: each customer once a day", EVERY),
        ("every: once a second", POLL),
    ] {
        let program = program(&format!("{BARE}{more}"));
        let mut activated = 0;
        changes(&Arc::clone(&program), &orders, |change| {
            activated += u64::from(matches!(change, Change::Activated { .. }));
        });
        println!("{name}: {activated} owed or violated in a million events");
        group.bench_function(name, |b| b.iter(|| changes(&program, &orders, |_| {})));
    }
    group.finish();
}

criterion_group!(always, bench);
criterion_main!(always);
