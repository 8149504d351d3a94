//! What time alone brings about: gaps open, deadlines pass, conditions have lasted, ticks come.
//!
//! In: how far time has come. Out: everything that falls strictly before that, the earliest first.
//! Never: does anything at an instant that time has come to and not past: due is inclusive.
//! Promise: at one instant obligations come first, then what has lasted, then ticks; after each the
//! earliest is looked for anew. Start reading at [`History::advance`].

use homeostat_world::Timestamp;

use super::Standing;
use super::history::{History, Moment};
use super::ticks::Tick;

/// Something that time does.
enum Alarm {
    /// An obligation has settled.
    Settled(usize),
    /// A deadline passes.
    Deadline(usize),
    /// An episode has lasted, or ends by itself.
    Episode(usize),
    Tick(Tick),
}

/// What comes first at one instant: the sort, then the order of occasions or the place in the text,
/// then the clause, then the instance.
type Rank = (u8, (bool, u64), usize, Option<String>);

impl History<'_> {
    /// Lets time come to `now`. An earlier instant than the last changes nothing but what has
    /// become due since.
    pub(super) fn advance(&mut self, now: Timestamp) {
        let last = self.now;
        let now = last.map_or(now, |last| last.max(now));
        self.now = Some(now);
        while let Some((at, alarm)) = self.next_alarm(last).filter(|(at, _)| *at < now) {
            self.moment = Moment { at, position: self.moment.position, before: self.log.now() };
            match alarm {
                Alarm::Settled(place) => self.settle(place, at),
                Alarm::Deadline(place) => self.miss(place, at),
                Alarm::Episode(place) => self.has_lasted(place, at),
                Alarm::Tick(tick) => self.tick(tick),
            }
        }
    }

    /// Lets time come to `now` after the engine was down since it last knew the time.
    pub(super) fn resume(&mut self, now: Timestamp) {
        if let Some(last) = self.now {
            self.pass_over(last, now);
        }
        self.advance(now);
    }

    /// The earliest thing that time does next. Ticks are looked for from `since` on.
    fn next_alarm(&self, since: Option<Timestamp>) -> Option<(Timestamp, Alarm)> {
        let mut alarms: Vec<(Timestamp, Rank, Alarm)> = Vec::new();
        let since = since.filter(|_| !self.is_replay);
        for place in (0..self.owed.len()).filter(|_| !self.is_replay) {
            if let Some((at, alarm)) = self.alarm_of(place) {
                let (order, clause) = self.order(place);
                alarms.push((at, (0, order, clause, None), alarm));
            }
        }
        for (place, episode) in self.episodes.iter().enumerate() {
            if let Some(at) = self.lasts_until(episode) {
                let (sort, number) = self.place_in_text(episode.of);
                let rank = (1 + sort, (false, 0), number, episode.instance.clone());
                alarms.push((at, rank, Alarm::Episode(place)));
            }
        }
        for tick in since.into_iter().flat_map(|since| self.next_ticks(since)) {
            let rank = (u8::MAX, (false, 0), tick.block, tick.instance.clone());
            alarms.push((tick.at, rank, Alarm::Tick(tick)));
        }
        let next = alarms
            .into_iter()
            .min_by(|(a, first, _), (b, second, _)| a.cmp(b).then_with(|| first.cmp(second)));
        next.map(|(at, _, alarm)| (at, alarm))
    }

    /// What time does next to an obligation: its gap opens once it has settled, or its deadline
    /// passes, whichever is first.
    fn alarm_of(&self, place: usize) -> Option<(Timestamp, Alarm)> {
        let owed = self.owed.get(place)?;
        let verdict = owed.verdict;
        if verdict.standing != Standing::Owed || !owed.is_shown() {
            return None;
        }
        let settled = self.gap_from(place).filter(|_| verdict.gap.is_none() && !verdict.missed);
        let deadline = verdict.due.filter(|_| !verdict.missed);
        match (settled, deadline) {
            (Some(settled), Some(due)) if settled >= due => Some((due, Alarm::Deadline(place))),
            (Some(settled), _) => Some((settled, Alarm::Settled(place))),
            (None, due) => Some((due?, Alarm::Deadline(place))),
        }
    }
}
