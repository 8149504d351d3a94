//! Reads a state back, and checks every number in it against the program.
//!
//! In: bytes. Out: a state. Never: trusts a place, a count or a clause that the program does not
//! have: damaged bytes are an error and no panic later.
//! Promise: see `checkpoint`. Start reading at [`state`].

use homeostat_world::{Position, Timestamp, canary};
use minicbor::Decoder;
use minicbor::data::Type;

use super::RestoreError;
use crate::bounds::{Kept, Spent, Told};
use crate::columns::Cell;
use crate::datum::Datum;
use crate::evolve::stored;
use crate::guards::{Fate, Pending, Scene};
use crate::intern::Symbols;
use crate::occasion::{Began, FIRST};
use crate::open::{Frame, NEVER, NOWHERE, Obligation, Stage, Values};
use crate::program::watched::Watched;
use crate::program::{NO_TYPE, Program};
use crate::state::State;
use crate::view::{GuardTally, Tally};
use crate::watch::{Episode, Standing};
use crate::zones::Tick;

pub(crate) type Read<T> = Result<T, RestoreError>;

pub(super) fn state(program: &Program, bytes: &[u8]) -> Read<State> {
    let mut from = Decoder::new(bytes);
    expect_len(&mut from, 20, "checkpoint")?;
    let version = from.u64()?;
    if version != super::VERSION {
        return Err(RestoreError::Version { found: version });
    }
    let hash = from.bytes()?;
    if hash != program.hash.0 {
        let found = hash.iter().map(|byte| format!("{byte:02x}")).collect();
        return Err(RestoreError::Spec { found, expected: program.hash.to_string() });
    }
    let mut state = State::new(program);
    state.position = from.u64()?;
    state.now = from.i64()?;
    expect_len(&mut from, program.clauses.len(), "clauses")?;
    for tally in &mut state.tallies {
        *tally = Tally::from_counts(counts(&mut from)?);
    }
    expect_len(&mut from, program.guards.len(), "guards")?;
    for tally in &mut state.guard_tallies {
        *tally = GuardTally::from_counts(counts(&mut from)?);
    }
    // Timers are set from here on, so time must stand where it stood.
    let now = state.now;
    state.wheel.pass(now, |_| true, |_| (0, 0));
    state.watches.pass(now);
    occasions(&mut from, program, &mut state)?;
    obligations(&mut from, program, &mut state)?;
    pending(&mut from, program, &mut state)?;
    columns(&mut from, program, &mut state)?;
    granted(&mut from, program, &mut state)?;
    instances(&mut from, program, &mut state)?;
    ticks(&mut from, program, &mut state)?;
    episodes(&mut from, program, &mut state)?;
    bounds(&mut from, program, &mut state)?;
    let restored = state.occasions.count();
    state.occasions.settle(&mut state.symbols);
    if state.occasions.count() != restored {
        return Err(malformed("an occasion that nothing is of"));
    }
    stored::read(&mut from, program, &mut state)?;
    state.symbols.settle();
    if from.position() != bytes.len() {
        return Err(malformed("bytes after its end"));
    }
    Ok(state)
}

fn occasions(from: &mut Decoder<'_>, program: &Program, state: &mut State) -> Read<()> {
    let next = from.u64()?;
    let mut last = FIRST - 1;
    for _ in 0..len(from)? {
        expect_len(from, 8, "occasion")?;
        let (number, block) = (from.u64()?, from.u32()?);
        let (entered, is_tick) = (from.u64()?, from.bool()?);
        let began = if is_tick {
            Began::Tick(Timestamp::from_micros(from.i64()?))
        } else {
            Began::Event(Position::new(from.u64()?))
        };
        let date = from.i64()?;
        let instances = data(from, &mut state.symbols)?;
        let mut around = Vec::new();
        for _ in 0..len(from)? {
            around.push(from.u64()?);
        }
        let plan = program.blocks.get(block as usize);
        if plan.is_none_or(|plan| plan.bound.len() != instances.len()) {
            return Err(malformed("an occasion that does not fit its block"));
        }
        if number <= last || number >= next {
            return Err(malformed("an occasion out of its order"));
        }
        last = number;
        state.occasions.put(number, began, block, (&instances, &around), &mut state.symbols);
        state.occasions.set_date(number, date);
        state.occasions.set_entered(number, entered);
        // The occasion holds them now; this reading lets go.
        for instance in instances {
            instance.release(&mut state.symbols);
        }
    }
    if next < FIRST {
        return Err(malformed("occasions among the positions"));
    }
    state.occasions.go_on_from(next);
    Ok(())
}

/// What an obligation or an undecided trigger is of is there, and is used once more.
fn enter_occasion(state: &mut State, trigger: u64, block: u32) -> Read<()> {
    if trigger >= FIRST && state.occasions.get(trigger).is_none_or(|it| it.block != block) {
        return Err(malformed("an occasion that is missing"));
    }
    state.occasions.enter(trigger);
    Ok(())
}

fn obligations(from: &mut Decoder<'_>, program: &Program, state: &mut State) -> Read<()> {
    let mut chains = Vec::new();
    for _ in 0..len(from)? {
        expect_len(from, 9, "obligation")?;
        let (trigger, clause) = (from.u64()?, from.u32()?);
        let plan =
            program.clauses.get(clause as usize).ok_or_else(|| malformed("no such clause"))?;
        let (activated, due, depth) = (from.i64()?, from.i64()?, from.u16()?);
        let flags = from.u8()?;
        let down = if from.datatype()? == Type::Null {
            from.null()?;
            None
        } else {
            Some(from.u32()?)
        };
        let values = data(from, &mut state.symbols)?;
        if values.len() != plan.bound.len() {
            return Err(malformed("an obligation with values that its clause does not have"));
        }
        let mut new = Obligation::new(clause, trigger, activated, due, Values::new(&values));
        new.depth = depth;
        new.gap_open = flags & 1 != 0;
        new.stage = match flags >> 1 {
            0 => Stage::Active,
            1 => Stage::Overdue,
            2 => Stage::Lapsed,
            3 => Stage::Queued,
            _ => return Err(malformed("an unknown stage")),
        };
        if from.datatype()? == Type::Null {
            from.null()?;
        } else {
            expect_len(from, 2, "frame")?;
            let event_type = from.u32()?;
            let values = data(from, &mut state.symbols)?;
            check_frame(program, plan.block, event_type, values.len())?;
            new.chain_mut().frame = Some(Frame { event_type, values: values.into() });
        }
        // Overdue, it was so before a version gave it a fallback.
        let lapses = match new.stage {
            Stage::Active => due != NEVER,
            Stage::Queued => plan.within.is_some(),
            Stage::Overdue | Stage::Lapsed => false,
        };
        let has_frame = lapses && plan.fallback.is_some();
        if down.is_some() != (new.stage == Stage::Lapsed) || has_frame != new.frame().is_some() {
            return Err(malformed("an obligation that contradicts itself"));
        }
        if state.open.find(new.id()).is_some() {
            return Err(malformed("an obligation that stands there twice"));
        }
        enter_occasion(state, trigger, plan.block)?;
        let id = new.id();
        let slot = state.open.insert(new, program);
        if !(canary::planted("restart_without_timers_of_gaps") && flags & 1 != 0) {
            state.set_timer(program, slot);
        }
        if let Some(clause) = down {
            if plan.fallback.is_none_or(|fallback| fallback.0 != clause) {
                return Err(malformed("a fallback of another clause"));
            }
            chains.push((
                slot,
                crate::change::ObligationId { clause: crate::program::ClauseIndex(clause), ..id },
            ));
        }
    }
    for (up, id) in chains {
        let down = state.open.find(id).ok_or_else(|| malformed("a fallback that is missing"))?;
        state.open.get_mut(up).chain_mut().down = down;
        state.open.get_mut(down).chain_mut().up = up;
    }
    Ok(())
}

fn check_frame(program: &Program, block: u32, event_type: u32, values: usize) -> Read<()> {
    let block = program.blocks.get(block as usize).filter(|block| block.frame.len() == values);
    let is_typed = program.types.get(event_type as usize).is_some();
    if block.is_none_or(|it| !is_typed && (event_type != NO_TYPE || !it.triggers.is_empty())) {
        return Err(malformed("a trigger's fields that do not fit its block"));
    }
    Ok(())
}

fn pending(from: &mut Decoder<'_>, program: &Program, state: &mut State) -> Read<()> {
    for _ in 0..len(from)? {
        expect_len(from, 8, "pending trigger")?;
        let (key, event_type, depth) = ((from.u64()?, from.u32()?), from.u32()?, from.u16()?);
        let frame = data(from, &mut state.symbols)?;
        let watched = data(from, &mut state.symbols)?;
        check_frame(program, key.1, event_type, frame.len())?;
        let mut fates = Vec::new();
        for _ in 0..len(from)? {
            fates.push(match from.u8()? {
                0 => Fate::Open,
                1 => Fate::Fulfilled,
                2 => Fate::Ended,
                _ => return Err(malformed("an unknown fate")),
            });
        }
        let mut waiting = Vec::new();
        for _ in 0..len(from)? {
            let guard = from.u32()?;
            if program.guards.get(guard as usize).is_none_or(|plan| plan.block != key.1) {
                return Err(malformed("a guard of another block"));
            }
            waiting.push(guard);
        }
        let block = program.blocks.get(key.1 as usize);
        let fits = block
            .is_some_and(|b| b.awaited.len() == fates.len() && b.watched.len() == watched.len());
        if !fits {
            return Err(malformed("a pending trigger that does not fit its block"));
        }
        enter_occasion(state, key.0, key.1)?;
        let scene = Scene { frame, watched, fates, waiting };
        if block.is_some_and(|block| block.listens)
            && let Some(occasion) = state.occasions.get(key.0)
        {
            state.listening.extend(occasion.around.iter().map(|&outer| (outer, key.1, key.0)));
        }
        state.pending.insert(key, Pending { event_type, depth, scene });
    }
    Ok(())
}

fn columns(from: &mut Decoder<'_>, program: &Program, state: &mut State) -> Read<()> {
    expect_len(from, program.columns.len(), "columns")?;
    for column in 0..u32::try_from(program.columns.len()).unwrap_or(NOWHERE) {
        for _ in 0..len(from)? {
            expect_len(from, 2, "value")?;
            let instance = data(&mut Decoder::new(from.bytes()?), &mut state.symbols)?;
            let cell = data(from, &mut state.symbols)?;
            let (&[instance], &[primary, inferred]) = (instance.as_slice(), cell.as_slice()) else {
                return Err(malformed("a value without its instance"));
            };
            state.columns.put(column, instance, Cell { primary, inferred }, &mut state.symbols);
            state.point(program, column, instance);
            // The column holds them now; this reading lets go.
            for datum in [instance, primary, inferred] {
                datum.release(&mut state.symbols);
            }
        }
    }
    Ok(())
}

fn granted(from: &mut Decoder<'_>, program: &Program, state: &mut State) -> Read<()> {
    expect_len(from, program.requirements.len(), "requirements")?;
    for granted in &mut state.granted {
        for _ in 0..len(from)? {
            let keys = data(&mut Decoder::new(from.bytes()?), &mut state.symbols)?;
            granted.insert(keys.into());
        }
    }
    Ok(())
}

fn instances(from: &mut Decoder<'_>, program: &Program, state: &mut State) -> Read<()> {
    expect_len(from, program.tracked.len(), "tracked entities")?;
    for tracked in 0..u32::try_from(program.tracked.len()).unwrap_or(NOWHERE) {
        for _ in 0..len(from)? {
            expect_len(from, 2, "instance")?;
            let instance = data(&mut Decoder::new(from.bytes()?), &mut state.symbols)?;
            let since = from.u64()?;
            let &[instance @ (Datum::Text(_) | Datum::Int(_))] = instance.as_slice() else {
                return Err(malformed("an instance without its name"));
            };
            state.begin(program, tracked, instance, since);
            // It is held as alive now; this reading lets go.
            instance.release(&mut state.symbols);
        }
    }
    state.instances.settle(&mut state.symbols);
    state.counts.settle(&mut state.symbols);
    Ok(())
}

fn ticks(from: &mut Decoder<'_>, program: &Program, state: &mut State) -> Read<()> {
    for _ in 0..len(from)? {
        expect_len(from, 4, "tick")?;
        let periodic = from.u32()?;
        let instance = data(&mut Decoder::new(from.bytes()?), &mut state.symbols)?;
        let last = Tick { time: from.i64()?, date: from.i64()? };
        let &[instance @ (Datum::Text(_) | Datum::Int(_))] = instance.as_slice() else {
            return Err(malformed("a tick without its instance"));
        };
        if program.periodic.get(periodic as usize).is_none() {
            return Err(malformed("a tick of no periodic block"));
        }
        state.ticks.put_last(periodic, instance, last, &mut state.symbols);
        // Its row holds it now; this reading lets go.
        instance.release(&mut state.symbols);
    }
    if state.has_begun() {
        state.begin_ticks(program);
    }
    Ok(())
}

fn episodes(from: &mut Decoder<'_>, program: &Program, state: &mut State) -> Read<()> {
    state.watches.begun = from.bool()?;
    expect_len(from, program.watches.len(), "watches")?;
    for (watch, plan) in (0..).zip(&program.watches) {
        for _ in 0..len(from)? {
            expect_len(from, 6, "episode")?;
            let instance = data(&mut Decoder::new(from.bytes()?), &mut state.symbols)?;
            let &[instance] = instance.as_slice() else {
                return Err(malformed("an episode without its instance"));
            };
            let (since, time, depth) = (from.u64()?, from.i64()?, from.u16()?);
            let always = plan.always(program).is_some();
            let standing = match (from.u8()?, from.u64()?, always) {
                (0, _, _) if plan.lasting.is_some() => Standing::Lasting,
                (1, trigger, false) => Standing::Entered(trigger),
                (2, trigger, true) => Standing::Violated(trigger),
                (3, _, true) => Standing::Silent,
                _ => return Err(malformed("an episode that stands nowhere")),
            };
            let named = plan.tracked.is_some() == instance.is_name();
            if !named || matches!(plan.of, Watched::Number(_)) {
                return Err(malformed("an episode of what has none"));
            }
            if state.watches.find(watch, instance).is_some() {
                return Err(malformed("an episode that stands there twice"));
            }
            state.keep_episode(
                program,
                Episode { watch, instance, since, at: time, depth, standing },
            );
        }
    }
    state.count_numbers(program);
    Ok(())
}

fn bounds(from: &mut Decoder<'_>, program: &Program, state: &mut State) -> Read<()> {
    expect_len(from, program.metrics.len(), "metrics")?;
    for (samples, plan) in state.bounds.metrics.iter_mut().zip(&program.metrics) {
        expect_len(from, 2, "samples")?;
        let last = from.datatype()? != Type::Null;
        let last = if last { Some(from.f64()?) } else { from.null().map(|()| None)? };
        for _ in 0..len(from)? {
            samples.add(from.f64()?, plan);
        }
        samples.last = last;
    }
    expect_len(from, program.standards.len(), "invariants")?;
    for standing in &mut state.bounds.standards {
        *standing = kept(from)?;
    }
    expect_len(from, program.told.len(), "propositions")?;
    for told in &mut state.bounds.told {
        expect_len(from, 2, "proposition")?;
        let holds = match from.u8()? {
            0 => None,
            1 => Some(true),
            2 => Some(false),
            _ => return Err(malformed("an unknown answer of a checker")),
        };
        *told = Told { holds, kept: kept(from)? };
    }
    expect_len(from, program.budgets.len(), "budgets")?;
    for budget in 0..u32::try_from(program.budgets.len()).unwrap_or(NOWHERE) {
        for _ in 0..len(from)? {
            expect_len(from, 4, "period")?;
            let (start, end, sum) = (from.i64()?, from.i64()?, from.i64()?);
            state.bounds.put(budget, start, Spent { end, sum, kept: kept(from)? });
        }
    }
    Ok(())
}

fn kept(from: &mut Decoder<'_>) -> Read<Kept> {
    if from.datatype()? == Type::Null {
        from.null()?;
        return Ok(Kept::Silent);
    }
    let since = from.u64()?;
    Ok(if since == 0 { Kept::Within } else { Kept::Violated(since) })
}

/// Reads a list of values; each text is held once more.
fn data(from: &mut Decoder<'_>, symbols: &mut Symbols) -> Read<Vec<Datum>> {
    let mut list = Vec::new();
    for _ in 0..len(from)? {
        list.push(match from.datatype()? {
            Type::Undefined => {
                from.undefined()?;
                Datum::Absent
            }
            Type::Null => {
                from.null()?;
                Datum::Null
            }
            Type::Bool => Datum::Truth(from.bool()?),
            Type::F64 => Datum::Float(from.f64()?.to_bits()),
            Type::String => Datum::Text(symbols.intern(from.str()?)),
            Type::Array => {
                expect_len(from, 1, "nested value")?;
                Datum::Nested { empty: from.bool()? }
            }
            _ => Datum::Int(from.i64()?),
        });
    }
    Ok(list)
}

fn counts<const N: usize>(from: &mut Decoder<'_>) -> Read<[u64; N]> {
    expect_len(from, N, "counts")?;
    let mut counts = [0; N];
    for count in &mut counts {
        *count = from.u64()?;
    }
    Ok(counts)
}

pub(crate) fn len(from: &mut Decoder<'_>) -> Read<u64> {
    from.array()?.ok_or_else(|| malformed("a list without its length"))
}

pub(crate) fn expect_len(from: &mut Decoder<'_>, expected: usize, what: &str) -> Read<()> {
    let found = len(from)?;
    if found != expected as u64 {
        return Err(RestoreError::Malformed(format!(
            "{what}: `{found}` parts; expected `{expected}`"
        )));
    }
    Ok(())
}

pub(crate) fn malformed(what: &str) -> RestoreError {
    RestoreError::Malformed(what.to_owned())
}

impl Tally {
    fn from_counts(counts: [u64; 12]) -> Self {
        let [
            triggers,
            met,
            seen_late,
            late,
            overdue,
            pending,
            lapsed,
            withdrawn,
            compensated,
            waived,
            void,
            missed,
        ] = counts;
        Self {
            triggers,
            met,
            seen_late,
            late,
            overdue,
            pending,
            lapsed,
            withdrawn,
            compensated,
            waived,
            void,
            missed,
        }
    }
}

impl GuardTally {
    fn from_counts([undecided, entered, not_entered, unknown]: [u64; 4]) -> Self {
        Self { undecided, entered, not_entered, unknown }
    }
}
