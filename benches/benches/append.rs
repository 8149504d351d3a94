//! Durable group commit with 16 writers, beside its bound: the same bytes in the same groups,
//! written and fdatasync'ed to a bare file. The goal is 60% of the bound.
//!
//! Log and bare file take turns within one measurement, because a shared disk changes its mood.
//! Run: `cargo bench -p homeostat-benches --bench append`.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a bench may fail, and prints the ratio"
)]

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::time::{Duration, Instant};

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use homeostat_host::{FjallStore, LogDirOptions, open_log_dir};
use homeostat_log::codec::Draft;
use homeostat_log::{Actor, Append, Data, Kind, Log, NewEvent};
use homeostat_world::limits::COMMIT_QUEUE_MAX;
use homeostat_world::{Durability, Timestamp};
use tokio::sync::{mpsc, oneshot};

const WRITERS: u64 = 16;
/// Events of one turn.
const EVENTS: u64 = 4_096;
/// What fjall gives its journals in advance, so the bare file gets it too.
const PREALLOCATED: u64 = 64 << 20;

fn event(writer: u64, n: u64) -> NewEvent {
    NewEvent {
        id: format!("{writer}-{n}"),
        source: "/bench/crm".to_owned(),
        kind: Kind::Primary,
        r#type: "interaction.created".to_owned(),
        time: Timestamp::from_micros(1_772_357_400_000_000),
        subject: Some(format!("interaction/{writer}-{n}")),
        cause: None,
        actor: Actor::World,
        depth: 0,
        data: Data::builder()
            .text("customer", &format!("c{}", n % 1_000))
            .int("trend", 42)
            .text("note", "called about the renewal, wants a quote before the end of the month")
            .build(),
    }
}

/// What the writers have sent and what the committer made of it.
struct Turn {
    took: Duration,
    /// Bytes of each group.
    groups: Vec<usize>,
}

type Sent = (Append, oneshot::Sender<()>);

/// Commits whatever is queued, again and again, and acknowledges it.
async fn commit(log: &mut Log<FjallStore>, mut queue: mpsc::Receiver<Sent>) -> Vec<usize> {
    let mut groups = Vec::new();
    let mut sent = Vec::new();
    while queue.recv_many(&mut sent, COMMIT_QUEUE_MAX).await > 0 {
        let (requests, waiting): (Vec<_>, Vec<_>) = sent.drain(..).unzip();
        let now = Timestamp::from_micros(1_772_357_400_000_000);
        let done = log.append(requests, now, Durability::Power).await.unwrap();
        groups.push(done.events.iter().map(|event| Draft::new(&event.event).size()).sum());
        waiting.into_iter().for_each(|writer| writer.send(()).unwrap());
    }
    groups
}

async fn turn(mut log: Log<FjallStore>, first: u64) -> (Log<FjallStore>, Turn) {
    let (queue, received) = mpsc::channel::<Sent>(COMMIT_QUEUE_MAX);
    let start = Instant::now();
    for writer in 0..WRITERS {
        let queue = queue.clone();
        tokio::spawn(async move {
            for n in 0..EVENTS / WRITERS {
                let (done, acknowledged) = oneshot::channel();
                queue.send((Append::one(event(writer, first + n)), done)).await.unwrap();
                acknowledged.await.unwrap();
            }
        });
    }
    drop(queue);
    let groups = commit(&mut log, received).await;
    (log, Turn { took: start.elapsed(), groups })
}

/// The bound: the same groups, written and synced.
fn bare(file: &File, from: u64, groups: &[usize]) -> (u64, Duration) {
    let bytes = vec![7_u8; groups.iter().copied().max().unwrap_or(0)];
    let mut at = from;
    let start = Instant::now();
    for size in groups {
        let group = bytes.get(..*size).unwrap();
        // Starts again at the front before the end: the file stays as long as it was made.
        if at + group.len() as u64 > PREALLOCATED {
            at = 0;
        }
        file.write_all_at(group, at).unwrap();
        file.sync_data().unwrap();
        at += group.len() as u64;
    }
    (at, start.elapsed())
}

fn bench(criterion: &mut Criterion) {
    // On the disk of the build, not in a /tmp that may be memory.
    let directory = tempfile::tempdir_in(Path::new(env!("CARGO_TARGET_TMPDIR"))).unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
    let path = directory.path().join("log");
    let (store, witness, head) = open_log_dir(&path, &LogDirOptions::default()).unwrap();
    let log = runtime.block_on(Log::open(store, head)).unwrap();
    let mut log = Some(log.with_witness(Box::new(witness)));
    let file = File::create(directory.path().join("bare")).unwrap();
    file.set_len(PREALLOCATED).unwrap();
    file.sync_all().unwrap();

    let (mut first, mut at) = (0, 0);
    let (mut in_log, mut in_bare, mut groups, mut events) = (Duration::ZERO, Duration::ZERO, 0, 0);
    let mut one_turn = || {
        let (back, turn) = runtime.block_on(turn(log.take().unwrap(), first));
        log = Some(back);
        first += EVENTS / WRITERS;
        let (reached, bound) = bare(&file, at, &turn.groups);
        at = reached;
        in_log += turn.took;
        in_bare += bound;
        groups += turn.groups.len();
        events += EVENTS;
        (turn.took, bound)
    };
    let mut group = criterion.benchmark_group("log::append");
    group.sample_size(10).throughput(Throughput::Elements(EVENTS));
    group.bench_function("writers=16 durability=power", |bencher| {
        bencher.iter_custom(|turns| (0..turns).map(|_| one_turn().0).sum());
    });
    group.bench_function("bound: same groups to a bare file, fdatasync", |bencher| {
        bencher.iter_custom(|turns| (0..turns).map(|_| one_turn().1).sum());
    });
    group.finish();
    let (log_s, bare_s) = (in_log.as_secs_f64(), in_bare.as_secs_f64());
    println!(
        "log::append: {events} events in {groups} groups; log {log_s:.2} s, bare file {bare_s:.2} s: \
         {:.0}% of the bound (goal 60%)",
        100.0 * bare_s / log_s
    );
}

criterion_group!(benches, bench);
criterion_main!(benches);
