//! Durable group commit with 16 writers, beside its bound: the same bytes in the same groups,
//! written and fdatasync'ed to a bare file. The goal is 60% of the bound.
//!
//! There are two bare files, because they differ in what a sync has to write: one that grows with
//! each group, which is what the first journal after an opening does, and one that was made long
//! enough before, which is what fjall does for every later journal.
//!
//! Log and bare files take turns within one measurement, because a shared disk changes its mood.
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
use homeostat_benches::interaction;
use homeostat_host::{FjallStore, LogDirOptions, open_log_dir};
use homeostat_log::codec::Draft;
use homeostat_log::{Append, Log, NewEvent};
use homeostat_world::limits::COMMIT_QUEUE_MAX;
use homeostat_world::{Durability, Timestamp};
use tokio::sync::{mpsc, oneshot};

const WRITERS: u64 = 16;
/// Events of one turn.
const EVENTS: u64 = 4_096;
/// What fjall gives its later journals in advance.
const PREALLOCATED: u64 = 64 << 20;

fn event(writer: u64, n: u64) -> NewEvent {
    interaction(&format!("{writer}-{n}"), n)
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
    // All events are about as long, and encoding each once more would not be the log's time.
    let event_size = Draft::new(&event(WRITERS, EVENTS)).size();
    let mut groups = Vec::new();
    let mut sent = Vec::new();
    while queue.recv_many(&mut sent, COMMIT_QUEUE_MAX).await > 0 {
        let (requests, waiting): (Vec<_>, Vec<_>) = sent.drain(..).unzip();
        let size = requests.len() * event_size;
        let now = Timestamp::from_micros(1_772_357_400_000_000);
        let done = log.append(requests, now, Durability::Power).await.unwrap();
        assert_eq!(done.events.len(), waiting.len(), "every event is new");
        groups.push(size);
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

/// A bound: the same groups, written and synced.
struct Bare {
    file: File,
    at: u64,
    /// Where it starts again at the front.
    end: u64,
}

impl Bare {
    fn new(path: &Path, length: u64, end: u64) -> Self {
        let file = File::create(path).unwrap();
        file.set_len(length).unwrap();
        file.sync_all().unwrap();
        Self { file, at: 0, end }
    }

    fn write(&mut self, groups: &[usize]) -> Duration {
        let bytes = vec![7_u8; groups.iter().copied().max().unwrap_or(0)];
        let start = Instant::now();
        for size in groups {
            let group = bytes.get(..*size).unwrap();
            if self.at + group.len() as u64 > self.end {
                self.at = 0;
            }
            self.file.write_all_at(group, self.at).unwrap();
            self.file.sync_data().unwrap();
            self.at += group.len() as u64;
        }
        start.elapsed()
    }
}

/// How long the log, the growing and the prepared file took for the same groups.
type Times = [Duration; 3];

fn bench(criterion: &mut Criterion) {
    // On the disk of the build, not in a /tmp that may be memory.
    let directory = tempfile::tempdir_in(Path::new(env!("CARGO_TARGET_TMPDIR"))).unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
    let path = directory.path().join("log");
    let (store, witness, head) = open_log_dir(&path, &LogDirOptions::default()).unwrap();
    let log = runtime.block_on(Log::open(store, head)).unwrap();
    let mut log = Some(log.with_witness(Box::new(witness)));
    let mut growing = Bare::new(&directory.path().join("growing"), 0, u64::MAX);
    let mut prepared = Bare::new(&directory.path().join("prepared"), PREALLOCATED, PREALLOCATED);

    let mut first = 0;
    let mut turns: Vec<Times> = Vec::new();
    let mut groups = 0;
    let mut one_turn = || {
        let (back, turn) = runtime.block_on(turn(log.take().unwrap(), first));
        log = Some(back);
        first += EVENTS / WRITERS;
        groups += turn.groups.len();
        let times = [turn.took, growing.write(&turn.groups), prepared.write(&turn.groups)];
        turns.push(times);
        times
    };
    let mut group = criterion.benchmark_group("log::append");
    group.sample_size(10).throughput(Throughput::Elements(EVENTS));
    let names = [
        "writers=16 durability=power",
        "bound: same groups to a growing file, fdatasync",
        "bound: same groups to a prepared file, fdatasync",
    ];
    for (which, name) in names.into_iter().enumerate() {
        group.bench_function(name, |bencher| {
            bencher.iter_custom(|turns| {
                (0..turns).filter_map(|_| one_turn().get(which).copied()).sum()
            });
        });
    }
    group.finish();
    println!("log::append: {} turns of {EVENTS} events in {groups} groups", turns.len());
    report("growing", &turns, |[log, growing, _]| (log, growing));
    report("prepared", &turns, |[log, _, prepared]| (log, prepared));
}

/// The ratio over all turns and its spread: on a shared machine one turn says little.
fn report(name: &str, turns: &[Times], pick: fn(Times) -> (Duration, Duration)) {
    let pairs: Vec<(f64, f64)> = turns
        .iter()
        .map(|times| pick(*times))
        .map(|(log, bare)| (log.as_secs_f64(), bare.as_secs_f64()))
        .collect();
    let log: f64 = pairs.iter().map(|pair| pair.0).sum();
    let bare: f64 = pairs.iter().map(|pair| pair.1).sum();
    let mut ratios: Vec<f64> = pairs.iter().map(|(log, bare)| 100.0 * bare / log).collect();
    ratios.sort_by(f64::total_cmp);
    let quartile = |n: usize| ratios.get(ratios.len() * n / 4).copied().unwrap_or(f64::NAN);
    println!(
        "log::append beside a {name} file: log {log:.2} s, file {bare:.2} s: {:.0}% of the bound \
         (goal 60%); turns: quarter {:.0}%, half {:.0}%, three quarters {:.0}%",
        100.0 * bare / log,
        quartile(1),
        quartile(2),
        quartile(3),
    );
}

criterion_group!(benches, bench);
criterion_main!(benches);
