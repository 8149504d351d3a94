//! Writes a state as CBOR, everything in an order of its own.
//!
//! In: a state. Out: bytes. Never: writes in the order of a hash table.
//! Promise: see `checkpoint`. Start reading at [`state`].

use homeostat_world::canary;
use minicbor::Encoder;
use minicbor::encode::Error;

use crate::bounds::Kept;
use crate::columns::Cell;
use crate::datum::Datum;
use crate::evolve::stored;
use crate::guards::{Fate, Pending};
use crate::intern::Symbols;
use crate::occasion::Began;
use crate::open::{NOWHERE, Obligation, Stage};
use crate::program::Program;
use crate::state::State;
use crate::view::{GuardTally, Tally};
use crate::watch::Standing;

pub(crate) type Bytes = Encoder<Vec<u8>>;
pub(crate) type Written = Result<(), Error<std::convert::Infallible>>;

pub(super) fn state(program: &Program, state: &State) -> Vec<u8> {
    let mut bytes = Encoder::new(Vec::new());
    if let Err(error) = whole(&mut bytes, program, state) {
        unreachable!("writing to memory does not fail, but: {error}");
    }
    bytes.into_writer()
}

fn whole(bytes: &mut Bytes, program: &Program, state: &State) -> Written {
    bytes.array(20)?.u64(super::VERSION)?.bytes(&program.hash.0)?;
    bytes.u64(state.position)?.i64(state.now)?;
    bytes.array(count(state.tallies.len()))?;
    for tally in &state.tallies {
        counts(bytes, &tally.to_counts())?;
    }
    bytes.array(count(state.guard_tallies.len()))?;
    for tally in &state.guard_tallies {
        counts(bytes, &tally.to_counts())?;
    }
    occasions(bytes, state)?;
    let mut open: Vec<&Obligation> = state.open.places().map(|(_, open)| open).collect();
    open.sort_unstable_by_key(|obligation| obligation.id());
    bytes.array(count(open.len()))?;
    for one in open {
        obligation(bytes, one, state)?;
    }
    bytes.array(count(state.pending.len()))?;
    for (key, one) in &state.pending {
        pending(bytes, *key, one, &state.symbols)?;
    }
    columns(bytes, program, state)?;
    granted(bytes, state)?;
    instances(bytes, program, state)?;
    ticks(bytes, state)?;
    episodes(bytes, program, state)?;
    bounds(bytes, state)?;
    stored::write(bytes, &state.backlog)
}

fn occasions(bytes: &mut Bytes, state: &State) -> Written {
    bytes.u64(state.occasions.next())?;
    bytes.array(count(state.occasions.used().count()))?;
    for (number, occasion) in state.occasions.used() {
        bytes.array(8)?.u64(number)?.u32(occasion.block)?.u64(occasion.entered)?;
        match occasion.began {
            Began::Event(position) => bytes.bool(false)?.u64(position.get())?.i64(0)?,
            Began::Tick(time) => bytes.bool(true)?.i64(time.as_micros())?.i64(occasion.date)?,
        };
        data(bytes, &occasion.instances, &state.symbols)?;
        bytes.array(count(occasion.around.len()))?;
        for around in &occasion.around {
            bytes.u64(*around)?;
        }
    }
    Ok(())
}

fn obligation(bytes: &mut Bytes, open: &Obligation, state: &State) -> Written {
    bytes.array(9)?.u64(open.trigger)?.u32(open.clause)?;
    bytes.i64(open.activated)?.i64(open.due)?.u16(open.depth)?;
    let stage = match open.stage {
        Stage::Active => 0,
        Stage::Overdue => 1,
        Stage::Lapsed => 2,
        Stage::Queued => 3,
    };
    let flags = u8::from(open.gap_open) | stage << 1;
    bytes.u8(flags)?;
    // A chain of fallbacks is of one trigger, so the clause alone names the next.
    match open.down() {
        NOWHERE => bytes.null()?,
        down => bytes.u32(state.open.get(down).clause)?,
    };
    data(bytes, open.values.as_slice(), &state.symbols)?;
    match open.frame() {
        None => {
            bytes.null()?;
        }
        Some(frame) => {
            bytes.array(2)?.u32(frame.event_type)?;
            data(bytes, &frame.values, &state.symbols)?;
        }
    }
    Ok(())
}

fn pending(bytes: &mut Bytes, key: (u64, u32), one: &Pending, symbols: &Symbols) -> Written {
    bytes.array(8)?.u64(key.0)?.u32(key.1)?.u32(one.event_type)?.u16(one.depth)?;
    data(bytes, &one.scene.frame, symbols)?;
    data(bytes, &one.scene.watched, symbols)?;
    bytes.array(count(one.scene.fates.len()))?;
    for fate in &one.scene.fates {
        bytes.u8(match fate {
            Fate::Open => 0,
            Fate::Fulfilled => 1,
            Fate::Ended => 2,
        })?;
    }
    bytes.array(count(one.scene.waiting.len()))?;
    for guard in &one.scene.waiting {
        bytes.u32(*guard)?;
    }
    Ok(())
}

fn columns(bytes: &mut Bytes, program: &Program, state: &State) -> Written {
    bytes.array(count(program.columns.len()))?;
    for column in 0..program.columns.len() {
        let mut rows: Vec<(Vec<u8>, Cell)> = Vec::new();
        for (instance, cell) in state.columns.all(column) {
            rows.push((encoded(&[instance], &state.symbols)?, cell));
        }
        rows.sort_unstable_by(|a, b| a.0.cmp(&b.0));
        bytes.array(count(rows.len()))?;
        for (instance, cell) in rows {
            bytes.array(2)?.bytes(&instance)?;
            data(bytes, &[cell.primary, cell.inferred], &state.symbols)?;
        }
    }
    Ok(())
}

fn granted(bytes: &mut Bytes, state: &State) -> Written {
    bytes.array(count(state.granted.len()))?;
    for granted in &state.granted {
        let mut rows = Vec::new();
        for keys in granted {
            rows.push(encoded(keys, &state.symbols)?);
        }
        if !canary::planted("checkpoint_in_the_order_of_its_table") {
            rows.sort_unstable();
        }
        bytes.array(count(rows.len()))?;
        for row in rows {
            bytes.bytes(&row)?;
        }
    }
    Ok(())
}

fn instances(bytes: &mut Bytes, program: &Program, state: &State) -> Written {
    bytes.array(count(program.tracked.len()))?;
    for tracked in 0..program.tracked.len() {
        let mut rows = Vec::new();
        for (instance, since) in state.instances.all(tracked) {
            rows.push((encoded(&[instance], &state.symbols)?, since));
        }
        rows.sort_unstable();
        bytes.array(count(rows.len()))?;
        for (instance, since) in rows {
            bytes.array(2)?.bytes(&instance)?.u64(since)?;
        }
    }
    Ok(())
}

fn ticks(bytes: &mut Bytes, state: &State) -> Written {
    let mut rows = Vec::new();
    for (periodic, instance, last) in state.ticks.last() {
        rows.push((periodic, encoded(&[instance], &state.symbols)?, last));
    }
    rows.sort_unstable();
    bytes.array(count(rows.len()))?;
    for (periodic, instance, last) in rows {
        bytes.array(4)?.u32(periodic)?.bytes(&instance)?.i64(last.time)?.i64(last.date)?;
    }
    Ok(())
}

fn episodes(bytes: &mut Bytes, program: &Program, state: &State) -> Written {
    bytes.bool(state.watches.begun)?.array(count(program.watches.len()))?;
    for watch in 0..count(program.watches.len()) {
        let mut rows = Vec::new();
        for episode in state.watches.all().filter(|it| u64::from(it.watch) == watch) {
            rows.push((encoded(&[episode.instance], &state.symbols)?, *episode));
        }
        rows.sort_unstable_by(|a, b| a.0.cmp(&b.0));
        bytes.array(count(rows.len()))?;
        for (instance, episode) in rows {
            bytes.array(6)?.bytes(&instance)?.u64(episode.since)?.i64(episode.at)?;
            let (standing, trigger) = match episode.standing {
                Standing::Lasting => (0, 0),
                Standing::Entered(trigger) => (1, trigger),
                Standing::Violated(trigger) => (2, trigger),
                Standing::Silent => (3, 0),
            };
            bytes.u16(episode.depth)?.u8(standing)?.u64(trigger)?;
        }
    }
    Ok(())
}

fn bounds(bytes: &mut Bytes, state: &State) -> Written {
    bytes.array(count(state.bounds.metrics.len()))?;
    for samples in &state.bounds.metrics {
        bytes.array(2)?;
        match samples.last {
            Some(last) => bytes.f64(last)?,
            None => bytes.null()?,
        };
        bytes.array(count(samples.newest.len()))?;
        for value in &samples.newest {
            bytes.f64(*value)?;
        }
    }
    bytes.array(count(state.bounds.standards.len()))?;
    for standing in &state.bounds.standards {
        kept(bytes, *standing)?;
    }
    bytes.array(count(state.bounds.told.len()))?;
    for told in &state.bounds.told {
        bytes.array(2)?.u8(told.holds.map_or(0, |holds| if holds { 1 } else { 2 }))?;
        kept(bytes, told.kept)?;
    }
    bytes.array(count(state.bounds.budgets.len()))?;
    for periods in &state.bounds.budgets {
        bytes.array(count(periods.len()))?;
        for (start, spent) in periods {
            bytes.array(4)?.i64(*start)?.i64(spent.end)?.i64(spent.sum)?;
            kept(bytes, spent.kept)?;
        }
    }
    Ok(())
}

fn kept(bytes: &mut Bytes, kept: Kept) -> Written {
    match kept {
        Kept::Within => bytes.u64(0)?,
        Kept::Violated(since) => bytes.u64(since)?,
        Kept::Silent => bytes.null()?,
    };
    Ok(())
}

fn encoded(list: &[Datum], symbols: &Symbols) -> Result<Vec<u8>, Error<std::convert::Infallible>> {
    let mut bytes = Encoder::new(Vec::new());
    data(&mut bytes, list, symbols)?;
    Ok(bytes.into_writer())
}

fn data(bytes: &mut Bytes, list: &[Datum], symbols: &Symbols) -> Written {
    bytes.array(count(list.len()))?;
    for datum in list {
        match *datum {
            Datum::Absent => bytes.undefined()?,
            Datum::Null => bytes.null()?,
            Datum::Truth(truth) => bytes.bool(truth)?,
            Datum::Int(number) => bytes.i64(number)?,
            Datum::Float(bits) => bytes.f64(f64::from_bits(bits))?,
            Datum::Text(symbol) => bytes.str(symbols.text(symbol))?,
            Datum::Nested { empty } => bytes.array(1)?.bool(empty)?,
        };
    }
    Ok(())
}

fn counts(bytes: &mut Bytes, counts: &[u64]) -> Written {
    bytes.array(count(counts.len()))?;
    for number in counts {
        bytes.u64(*number)?;
    }
    Ok(())
}

pub(crate) fn count(len: usize) -> u64 {
    len as u64
}

impl Tally {
    fn to_counts(self) -> [u64; 12] {
        [
            self.triggers,
            self.met,
            self.seen_late,
            self.late,
            self.overdue,
            self.pending,
            self.lapsed,
            self.withdrawn,
            self.compensated,
            self.waived,
            self.void,
            self.missed,
        ]
    }
}

impl GuardTally {
    fn to_counts(self) -> [u64; 4] {
        [self.undecided, self.entered, self.not_entered, self.unknown]
    }
}
