//! Generated specs with logs: the incremental evaluator says what the reference says, whatever is
//! shuffled, told again, or interrupted; also when the log itself has kept the events.

use homeostat_graph::reference::Step;
use homeostat_graph::reference::agreement::Case;
use homeostat_log::{Append, Event, Log};
use homeostat_sim_fuzz::Dice;
use homeostat_world::{Durability, MemoryStore, Position};

use crate::specs::agrees;
use crate::stores::ready;

#[test]
fn the_evaluator_says_what_the_reference_says() {
    target!(1_500).for_each(|bytes: &[u8]| {
        let mut dice = Dice::of_bytes(bytes);
        let case = Case::generate(&mut dice);
        let restarts = case.restarts(&mut dice);
        agrees(case, &restarts);
    });
}

#[test]
fn a_shuffled_log_with_repeats_is_evaluated_alike() {
    target!(1_000).for_each(|bytes: &[u8]| {
        let (choices, changes) = bytes.split_at(bytes.len() / 4 * 3);
        let case = Case::generate(&mut Dice::of_bytes(choices));
        let mut dice = Dice::of_bytes(changes);
        let mut case = if dice.chance(70) { case.shuffled(&mut dice) } else { case };
        case = case.repeated(&mut dice);
        let restarts = case.restarts(&mut dice);
        agrees(case, &restarts);
    });
}

/// Requests are sent again and again, some before others were answered; the log keeps each event
/// once, and what it gives back is evaluated as what was sent.
#[test]
fn a_log_that_was_told_things_twice_is_evaluated_as_if_once() {
    target!(500).for_each(|bytes: &[u8]| {
        let (choices, changes) = bytes.split_at(bytes.len() / 4 * 3);
        let mut case = Case::generate(&mut Dice::of_bytes(choices));
        let mut dice = Dice::of_bytes(changes);
        let sent: Vec<Event> = case.events().cloned().collect();
        let kept = kept_by_a_log(&sent, &mut dice);
        assert_eq!(kept, sent, "the log gives back something else than it was told");
        let mut kept = kept.into_iter();
        for step in &mut case.steps {
            if let Step::Event(event) = step {
                **event = kept.next().unwrap();
            }
        }
        let restarts = case.restarts(&mut dice);
        agrees(case, &restarts);
    });
}

/// What a log holds after `sent` was appended, one event after the other and some of them again.
fn kept_by_a_log(sent: &[Event], dice: &mut Dice<'_>) -> Vec<Event> {
    let store = MemoryStore::default();
    let mut log = ready(Log::open(store.clone(), None)).unwrap();
    for (place, event) in sent.iter().enumerate() {
        let mut requests = vec![one(event, dice)];
        while dice.chance(25) {
            let earlier = usize::try_from(dice.below(place as u64 + 1)).unwrap();
            requests.push(one(sent.get(earlier).unwrap(), dice));
        }
        let durability = dice.one(&[Durability::Power, Durability::Process]);
        let appended = ready(log.append(requests, event.recorded, durability)).unwrap();
        for receipt in appended.receipts {
            receipt.unwrap();
        }
        if dice.chance(10) {
            log = ready(Log::open(store.clone(), None)).unwrap();
        }
    }
    log.reader().verify(Position::new(1), |_| {}).unwrap();
    log.reader().read(Position::new(1)).map(|event| event.unwrap()).collect()
}

/// A request to append an event. What it enriches is named by its place, its id or both.
fn one(event: &Event, dice: &mut Dice<'_>) -> Append {
    let mut event = event.event.clone();
    if let Some(link) = &mut event.enriches {
        match dice.below(3) {
            0 => link.position = None,
            1 => link.name = None,
            _ => {}
        }
    }
    Append { events: vec![event], ..Append::default() }
}
