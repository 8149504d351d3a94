//! The order in which the cases of a file enter the log.
//!
//! A file of cases lists one case after the other; a log lists what happened when it happened. So
//! the cases are merged by time, and yet the events of one case keep the order of the file: it is
//! what "later in the same case" means there, and some files have an event a little older than the
//! one before it (clocks differ, a form is filed after the fact). Sorting by time alone would let
//! such an answer come before its question. Not merging at all would let time jump back years at
//! each new case, and every deadline of the cases after it would pass before they are read.
//!
//! In: events with their case. Out: the same events, reordered. Never: loses or changes one.
//! Promise: stable, and the same file gives the same order. Start at [`merged_by_time`].

use homeostat_log::NewEvent;
use homeostat_world::Timestamp;

/// The number of a case in its file, from 0, and an event of it with the line where it stands.
pub(crate) type OfCase = (usize, u64, NewEvent);

/// Sorts by the newest time that the event's case has reached, ties in file order.
pub(crate) fn merged_by_time(
    events: Vec<OfCase>,
) -> impl ExactSizeIterator<Item = (u64, NewEvent)> {
    let mut reached: Vec<Timestamp> = Vec::new();
    let mut keyed: Vec<(Timestamp, u64, NewEvent)> = Vec::with_capacity(events.len());
    for (case, line, event) in events {
        if reached.len() <= case {
            reached.resize(case + 1, Timestamp::MIN);
        }
        let mut at = event.time;
        if let Some(reached) = reached.get_mut(case) {
            at = at.max(*reached);
            *reached = at;
        }
        keyed.push((at, line, event));
    }
    keyed.sort_by_key(|(at, ..)| *at);
    keyed.into_iter().map(|(_, line, event)| (line, event))
}

#[cfg(test)]
mod tests {
    use super::*;

    use homeostat_log::{Actor, Data, Kind};

    fn event(case: usize, at: i64) -> OfCase {
        let event = NewEvent {
            id: format!("{case}@{at}"),
            source: "test".to_owned(),
            kind: Kind::Primary,
            r#type: "t".to_owned(),
            time: Timestamp::from_micros(at),
            subject: None,
            cause: None,
            actor: Actor::World,
            depth: 0,
            enriches: None,
            data: Data::default(),
        };
        (case, 0, event)
    }

    fn merged(events: &[(usize, i64)]) -> Vec<String> {
        let events = events.iter().map(|(case, at)| event(*case, *at)).collect();
        merged_by_time(events).map(|(_, event)| event.id).collect()
    }

    #[test]
    fn cases_are_merged_by_time_and_ties_keep_the_order_of_the_file() {
        let file = [(0, 10), (0, 30), (0, 30), (1, 5), (1, 30), (2, 20)];
        assert_eq!(merged(&file), ["1@5", "0@10", "2@20", "0@30", "0@30", "1@30"]);
    }

    #[test]
    fn an_event_older_than_the_one_before_it_stays_behind_it() {
        let file = [(0, 10), (0, 40), (0, 20), (0, 50), (1, 30), (1, 45)];
        assert_eq!(merged(&file), ["0@10", "1@30", "0@40", "0@20", "1@45", "0@50"]);
    }

    #[test]
    fn the_rows_of_a_case_need_not_stand_together() {
        let file = [(0, 10), (1, 11), (0, 9), (1, 8), (0, 12)];
        assert_eq!(merged(&file), ["0@10", "0@9", "1@11", "1@8", "0@12"]);
    }
}
