//! What lies on a disk may be damaged anywhere: a log and its checkpoint say so, or stay readable.

use std::future::Future;
use std::ops::Bound;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use homeostat_agents::AgentsFile;
use homeostat_conductor::Conductor;
use homeostat_graph::reference::agreement::Case;
use homeostat_graph::{Evaluator, Program};
use homeostat_intent::lowered::Limits;
use homeostat_kernel::Machine;
use homeostat_log::index::{EVENTS, IDS, SUBJECTS};
use homeostat_log::{Append, ChainHash, Log, witness};
use homeostat_sim_fuzz::{Dice, mutate, samples};
use homeostat_world::{Batch, Durability, MemoryStore, Position, Snapshot, Store};

/// Runs what never waits: the store in memory is always ready.
pub(crate) fn ready<T>(work: impl Future<Output = T>) -> T {
    match pin!(work).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(done) => done,
        Poll::Pending => unreachable!("a store in memory does not wait"),
    }
}

/// A log of a few events, and what they mean.
fn written() -> (MemoryStore, Case) {
    let case = Case::generate(&mut Dice::of_seed(11));
    let store = MemoryStore::default();
    let mut log = ready(Log::open(store.clone(), None)).unwrap();
    for event in case.events() {
        let request = Append::one(event.event.clone());
        let appended = ready(log.append(vec![request], event.recorded, Durability::Power)).unwrap();
        assert!(appended.receipts.iter().all(Result::is_ok), "{:?}", appended.receipts);
    }
    (store, case)
}

/// Every byte of every space may be another, and any key may be there or gone.
#[test]
fn a_log_with_any_damage_is_refused_or_readable() {
    let (store, _) = written();
    target!(250).for_each(|bytes: &[u8]| {
        let mut dice = Dice::of_bytes(bytes);
        let store = store.fork();
        let mut batch = Batch::new();
        for _ in 0..=dice.below(3) {
            let space = dice.one(&[EVENTS, EVENTS, EVENTS, SUBJECTS, IDS]);
            let pairs: Vec<_> = store
                .snapshot()
                .range(space, Bound::Unbounded, Bound::Unbounded)
                .map(|pair| pair.unwrap())
                .collect();
            let place = usize::try_from(dice.below(pairs.len() as u64)).unwrap();
            let (key, value) = pairs.get(place).unwrap().clone();
            match dice.below(4) {
                0 => batch.remove(space, key),
                1 => batch.put(space, mutate::mutated(&key, &["\0", "/"], &mut dice), value),
                _ => batch.put(space, key, mutate::mutated(&value, &["\u{18}", "é"], &mut dice)),
            }
        }
        ready(store.commit(batch, Durability::Power)).unwrap();
        let Ok(mut log) = ready(Log::open(store, None)) else { return };
        let reader = log.reader();
        let read = |from: u64| reader.read(Position::new(from)).take_while(Result::is_ok).count();
        assert!(read(1) <= usize::try_from(log.head().position.get()).unwrap_or(usize::MAX));
        drop(reader.verify(Position::new(1), |_| {}));
        drop(reader.find("cases", "e1"));
        for subject in ["order/o1", "customer/c1"] {
            let about = reader.by_subject(subject, Position::new(1)).take_while(Result::is_ok);
            assert!(about.count() < 1_000, "a stream without an end");
        }
        if ready(log.rebuild_indexes()).is_ok() {
            drop(reader.verify(Position::new(1), |_| {}));
        }
    });
}

#[test]
fn any_slot_is_the_witness_or_is_not_believed() {
    let head = homeostat_log::Head {
        position: Position::new(41),
        chain: ChainHash([9; 32]),
        recorded: homeostat_world::Timestamp::from_micros(7),
    };
    let slot = witness::encode(&head);
    target!(400).for_each(|bytes: &[u8]| {
        let damaged = mutate::bytes(&[&slot], &["HSW1"], &mut Dice::of_bytes(bytes));
        if let Some(believed) = witness::decode([damaged.as_slice()]) {
            assert_eq!(witness::encode(&believed).as_slice(), damaged);
        }
    });
}

/// A checkpoint saves time only, so one that is damaged in a way nobody notices would cost a state.
#[test]
fn any_checkpoint_is_the_machine_that_wrote_it_or_is_refused() {
    let (_, case) = written();
    let program = Arc::new(Program::compile(&case.spec).unwrap());
    let agents = Arc::new(AgentsFile::parse(samples::AGENTS).unwrap());
    let limits = Limits::default();
    let mut machine = Machine::new(Arc::clone(&program), limits.clone(), Arc::clone(&agents));
    for event in case.events().take_while(|it| it.event.kind != homeostat_log::Kind::Control) {
        machine.apply(event).unwrap();
    }
    let whole = machine.checkpoint(&ChainHash([3; 32]));
    let evaluator = run(&program, &case).checkpoint();
    target!(300).for_each(|bytes: &[u8]| {
        let mut dice = Dice::of_bytes(bytes);
        let pieces = ["\"", "1", "-1", "null", "{}", "[]", ",", "18446744073709551615"];
        let damaged = mutate::bytes(&[&whole], &pieces, &mut dice);
        if let Ok(restored) = Machine::restore(&program, &limits, &agents, &damaged) {
            let again = restored.checkpoint(&ChainHash([3; 32]));
            let restored = Machine::restore(&program, &limits, &agents, &again).unwrap();
            assert_eq!(restored.checkpoint(&ChainHash([3; 32])), again);
        }
        let damaged = mutate::bytes(&[&evaluator], &["\u{1a}"], &mut dice);
        let restored = Evaluator::restore(Arc::clone(&program), &damaged);
        assert!(damaged == evaluator || restored.is_err(), "a damaged state is believed");
        let json = mutate::text(&[r#"{"version":1}"#], &pieces, &mut dice);
        drop(Conductor::restore(limits.clone(), json.as_bytes()));
        drop(homeostat_agents::Agents::restore(Arc::clone(&agents), json.as_bytes()));
    });
}

/// The body of an evaluator's checkpoint under a checksum that fits: a reader that trusts its own
/// writer too much would fall over a version that wrote something else.
#[test]
fn any_state_under_a_right_checksum_is_restored_or_refused() {
    let (_, case) = written();
    let program = Arc::new(Program::compile(&case.spec).unwrap());
    let whole = run(&program, &case).checkpoint();
    let (body, _) = whole.split_last_chunk::<32>().unwrap();
    target!(500).for_each(|bytes: &[u8]| {
        let pieces = ["\u{0}", "\u{1a}\u{7f}\u{7f}\u{7f}\u{7f}", "\u{1}"];
        let mut damaged = mutate::bytes(&[body], &pieces, &mut Dice::of_bytes(bytes));
        let sum = blake3::hash(&damaged);
        damaged.extend_from_slice(sum.as_bytes());
        if let Ok(restored) = Evaluator::restore(Arc::clone(&program), &damaged) {
            let again = restored.checkpoint();
            let restored = Evaluator::restore(Arc::clone(&program), &again).unwrap();
            assert_eq!(restored.checkpoint(), again, "what restores does not restore again");
        }
    });
}

fn run(program: &Arc<Program>, case: &Case) -> Evaluator {
    let mut evaluator = Evaluator::new(Arc::clone(program));
    for event in case.events() {
        evaluator.pass_to(event, &mut |_| {});
        evaluator.on_event(event, &mut |_| {});
    }
    evaluator
}
