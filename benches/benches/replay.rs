//! Replay: reading a log in order, decode included, one field of each payload read; beside its
//! bound: the raw pairs of the store. The goal is a million events a second.
//!
//! Run: `cargo bench -p homeostat-benches --bench replay`.
#![expect(clippy::unwrap_used, reason = "a bench may fail")]

use std::hint::black_box;
use std::ops::Bound;
use std::path::Path;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use homeostat_benches::interaction;
use homeostat_host::{FjallStore, LogDirOptions, open_log_dir};
use homeostat_log::index::EVENTS;
use homeostat_log::{Append, Log, NewEvent};
use homeostat_world::{Durability, Position, Snapshot, Store, Timestamp};

const COUNT: u64 = 300_000;
const GROUP: u64 = 5_000;

fn event(n: u64) -> NewEvent {
    interaction(&format!("e{n}"), n)
}

fn filled(path: &Path) -> Log<FjallStore> {
    let runtime = tokio::runtime::Builder::new_multi_thread().build().unwrap();
    let (store, _witness, head) = open_log_dir(path, &LogDirOptions::default()).unwrap();
    runtime.block_on(async {
        let mut log = Log::open(store, head).await.unwrap();
        for first in (0..COUNT).step_by(usize::try_from(GROUP).unwrap()) {
            let events = (first..first + GROUP).map(event).collect();
            let now = Timestamp::from_micros(1_772_357_400_000_000);
            log.append(vec![Append::new(events)], now, Durability::Process).await.unwrap();
        }
        log.store().settle().unwrap();
        log
    })
}

fn bench(criterion: &mut Criterion) {
    let directory = tempfile::tempdir_in(Path::new(env!("CARGO_TARGET_TMPDIR"))).unwrap();
    let log = filled(&directory.path().join("log"));
    let reader = log.reader();
    let mut group = criterion.benchmark_group("log::replay");
    group.sample_size(10).throughput(Throughput::Elements(COUNT));
    group.bench_function("decoded, one field read", |bencher| {
        bencher.iter(|| {
            let mut sum = 0;
            for event in reader.read(Position::ZERO) {
                sum += event.unwrap().event.data.get("trend").unwrap().as_i64().unwrap();
            }
            assert_eq!(sum, 42 * i64::try_from(COUNT).unwrap());
        });
    });
    group.bench_function("verified: chain and both indexes", |bencher| {
        bencher.iter(|| {
            let verified = reader.verify(Position::ZERO, |_| ()).unwrap();
            assert_eq!((verified.events, verified.index_faults), (COUNT, 0));
        });
    });
    group.bench_function("bound: raw pairs of the store", |bencher| {
        bencher.iter(|| {
            let snapshot = log.store().snapshot();
            let pairs = snapshot.range(EVENTS, Bound::Unbounded, Bound::Unbounded);
            let mut count = 0;
            for pair in pairs {
                black_box(pair.unwrap());
                count += 1;
            }
            assert_eq!(count, COUNT);
        });
    });
    group.finish();
}

criterion_group!(benches, bench);
criterion_main!(benches);
