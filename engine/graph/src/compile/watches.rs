//! Watches: what held blocks and assertions look at, and which changes make them look again.
//!
//! In: assertions, and the blocks that are held. Out: [`WatchPlan`]s, with readers for every value
//! that one of them reads, and inverses for the way back from a value to the watched instances.
//! Never: makes an event about one instance look at all of them.
//! Promise: assertions are clauses, numbered behind all duties in the order of the text.
//! Start reading at [`Compiler::always`], then [`Compiler::watches`].

use homeostat_intent::lowered::{Assertion, Check, Comparison, Strength};
use homeostat_log::control::GapKind;

use super::{ColumnKey, CompileError, Compiler, InBlock, number};
use crate::program::watched::{
    AlwaysPlan, Ends, Found, Reader, Readers, ReportedPlan, WatchPlan, Watched,
};
use crate::program::{
    ArgumentPlan, BlockPlan, Clause, Constant, EntityPlan, KeyPlan, Opens, PathRead, Read, Shown,
    Test, TypePlan,
};

impl Compiler<'_> {
    /// An assertion: a block that nothing enters, whose occasions are its violations, and its clause.
    pub(super) fn always(&mut self, assertion: &Assertion) -> Result<(), CompileError> {
        let index = number(self.program.blocks.len(), "blocks")?;
        let gap = match &assertion.check {
            Check::Holds(_) => GapKind::Intent,
            Check::NoLonger { .. } => GapKind::Temporal,
            _ => GapKind::Consistency,
        };
        let mut inside = self.outside(index, gap);
        let over = assertion.over.as_deref();
        if let Some(entity) = over {
            self.bind(entity, &mut inside)?;
        }
        let mut ends = Ends::WithInstance;
        let mut parts = Vec::new();
        if let Some(filter) = &assertion.filter {
            parts.push(self.test(filter, true, &mut inside)?);
        }
        parts.push(self.violated(assertion, &mut ends, &mut inside)?);
        let violated = Test::All(parts);
        let clause = self.assertion_clause(assertion, &mut inside)?;
        let entity = over.map(|entity| self.entity(entity)).transpose()?;
        let longest = match &assertion.check {
            Check::NoLonger { longest, .. } => Some(*longest),
            _ => None,
        };
        let found = match &assertion.check {
            Check::Holds(_) | Check::NoLonger { .. } => Found::Values,
            Check::Reported { checker } => Found::Reported(checker.clone()),
            Check::Immutable | Check::NeverInFuture | Check::Shredded { .. } => Found::Rule,
        };
        self.program.blocks.push(BlockPlan {
            triggers: Vec::new(),
            opens: Opens::Always(AlwaysPlan { clause, entity, violated, longest, ends, found }),
            bound: inside.bound,
            frame: inside.frame,
            body: Vec::new(),
            watched: inside.watched,
            awaited: Vec::new(),
            listens: false,
        });
        Ok(())
    }

    /// What a condition is compiled in that no event triggers.
    pub(super) fn outside(&self, index: u32, gap: GapKind) -> InBlock {
        InBlock {
            index,
            trigger_types: Vec::new(),
            gap,
            periodic: None,
            bound: Vec::new(),
            frame: Vec::new(),
            watched: Vec::new(),
            awaited: Vec::new(),
        }
    }

    /// The condition under which an instance that passes the filter violates the assertion.
    fn violated(
        &mut self,
        assertion: &Assertion,
        ends: &mut Ends,
        inside: &mut InBlock,
    ) -> Result<Test, CompileError> {
        let text = assertion.text.clone();
        let entity = || {
            let unbound = || CompileError::NotBound(assertion.text.clone());
            assertion.over.as_deref().ok_or_else(unbound)
        };
        Ok(match &assertion.check {
            Check::Holds(condition) => Test::Not(Box::new(self.test(condition, true, inside)?)),
            Check::NoLonger { condition, .. } => self.test(condition, true, inside)?,
            Check::Reported { checker } => {
                let entity = self.entity(entity()?)?;
                let column = self.column(ColumnKey::Found(entity, checker.clone()))?;
                let checker = checker.clone();
                self.program.reported.push(ReportedPlan { checker, entity, column });
                let (left, right) = (own(entity, column), self.constant(Constant::Truth(false))?);
                Test::Compare { left, op: Comparison::Equal, right, text }
            }
            Check::Immutable => {
                let name = entity()?;
                let entity = self.entity(name)?;
                let finds = match self.plan_mut(entity).rules.changed.len() {
                    0 => "changed".to_owned(),
                    others => format!("changed, {}", others + 1),
                };
                let (entity, column) = self.rule(name, &finds)?;
                self.remember_all(entity)?;
                *ends = Ends::WithWord(column);
                self.plan_mut(entity).rules.changed.push(column);
                Test::Holds { value: own(entity, column), text }
            }
            Check::NeverInFuture => {
                let (entity, column) = self.rule(entity()?, "in the future until")?;
                *ends = Ends::WithTime(column);
                self.plan_mut(entity).rules.future = Some(column);
                Test::Exists { value: own(entity, column), text }
            }
            Check::Shredded { by } => {
                let name = entity()?;
                let (entity, column) = self.rule(name, "to be shredded")?;
                *ends = Ends::AfterErasure;
                let plan = self.plan_mut(entity);
                plan.rules.unshredded = Some(column);
                // What is found after the erasure is not erased with the instance.
                plan.columns.retain(|erased| *erased != column);
                for by in by {
                    let by = self.event_type(by)?;
                    let field = self.want(by, name)?;
                    if let Some(plan) = self.program.types.get_mut(by as usize) {
                        plan.shreds.push((column, field));
                    }
                }
                Test::Holds { value: own(entity, column), text }
            }
        })
    }

    /// The column of what a rule finds out about instances of an entity.
    fn rule(&mut self, entity: &str, finds: &str) -> Result<(u32, u32), CompileError> {
        let entity = self.entity(entity)?;
        let column = self.column(ColumnKey::Found(entity, finds.to_owned()))?;
        Ok((entity, column))
    }

    /// Every declared attribute of an entity gets a column, so that a change of it is seen.
    fn remember_all(&mut self, entity: u32) -> Result<(), CompileError> {
        let spec = self.spec;
        let name = self.plan_mut(entity).name.clone();
        let declared = spec.entities.iter().find(|declared| *declared.name == *name);
        let attributes = declared.map_or(&[][..], |declared| &declared.attributes);
        for attribute in attributes.iter().filter(|attribute| !attribute.many) {
            if self.state(entity, &attribute.name).is_none() {
                let column = self.column(ColumnKey::Attribute(entity, attribute.name.clone()))?;
                self.plan_mut(entity).fixed.push((column, attribute.entity.is_some()));
            }
        }
        Ok(())
    }

    fn plan_mut(&mut self, entity: u32) -> &mut EntityPlan {
        let Some(plan) = self.program.entities.get_mut(entity as usize) else {
            unreachable!("entity `{entity}` was numbered by this compiler");
        };
        plan
    }

    fn assertion_clause(
        &mut self,
        assertion: &Assertion,
        inside: &mut InBlock,
    ) -> Result<u32, CompileError> {
        let mut clause = Clause::bare(assertion.id, &assertion.slug, &assertion.text);
        clause.strength = Strength::Invariant;
        clause.using_inferred = true;
        clause.block = inside.index;
        clause.gap = inside.gap;
        clause.watched = true;
        if let Some(entity) = &assertion.over {
            clause.bound.push(whole_path());
            clause.keys.push(KeyPlan {
                argument: entity.clone(),
                entity: entity.clone(),
                fields: vec![self.field(entity)?],
            });
            let shown = Shown::Bound(0);
            clause.arguments.push(ArgumentPlan { name: entity.clone(), shown });
        }
        self.add_clause(clause)
    }

    /// Numbers what is watched, and says which values concern it. After all else is known.
    pub(super) fn watches(&mut self) -> Result<(), CompileError> {
        self.program.readers = Readers {
            columns: vec![Vec::new(); self.program.columns.len()],
            counts: vec![Vec::new(); self.program.counts.len()],
            numbers: vec![Vec::new(); self.program.numbers.len()],
        };
        let mut plans: Vec<WatchPlan> = Vec::new();
        for (plan, index) in self.program.numbers.iter().zip(0..) {
            plans.push(WatchPlan {
                of: Watched::Number(index),
                tracked: self.tracked(plan.entity),
                inferred: true,
                lasting: None,
                frame: plan.frame,
            });
        }
        for (plan, index) in self.program.blocks.iter().zip(0..) {
            let (entity, inferred, lasting) = match &plan.opens {
                Opens::Held(held) => (Some(held.entity), held.inferred, Some(held.lasting)),
                Opens::Always(always) => (always.entity, true, always.longest),
                Opens::Events | Opens::Every(_) | Opens::Each(_) => continue,
            };
            plans.push(WatchPlan {
                of: Watched::Block(index),
                tracked: entity.and_then(|entity| self.tracked(entity)),
                inferred,
                lasting,
                frame: number(plan.frame.len(), "fields")?,
            });
        }
        for (plan, index) in plans.iter().zip(0..) {
            let mut reads = Vec::new();
            if let Some(test) = plan.test(&self.program) {
                collect_reads(test, &mut reads);
            }
            for read in &reads {
                self.reader(index, plan.inferred, read)?;
            }
            if let Some(always) = plan.always(&self.program) {
                let clause = always.clause;
                self.satisfied_by(clause, &reads);
            }
            let tracked = plan.tracked.and_then(|t| self.program.tracked.get_mut(t as usize));
            if let Some(tracked) = tracked {
                tracked.watches.push(index);
            } else {
                self.program.whole.push(index);
            }
        }
        self.program.watches = plans;
        Ok(())
    }

    fn tracked(&self, entity: u32) -> Option<u32> {
        self.program.entities.get(entity as usize)?.tracked
    }

    /// A watch is concerned by every value on the way of what it reads.
    fn reader(&mut self, watch: u32, inferred: bool, read: &Read) -> Result<(), CompileError> {
        let (path, count) = match read {
            Read::Path(path) => (path, None),
            Read::Count { of, count } => (of, Some(*count)),
            Read::Number(number) => {
                let readers = self.program.readers.numbers.get_mut(*number as usize);
                readers.into_iter().for_each(|readers| readers.push(watch));
                return Ok(());
            }
            Read::Constant(_) | Read::Nowhere => return Ok(()),
        };
        let mut way = Vec::new();
        for (place, hop) in path.hops.iter().enumerate() {
            // Where nothing can be known, nothing behind it can change.
            let Some(column) = *hop else { return Ok(()) };
            let readers = self.program.readers.columns.get_mut(column as usize);
            note(readers, Reader { watch, way: way.clone() });
            if place + 1 < path.hops.len() || count.is_some() {
                way.insert(0, self.inverse(column, inferred)?);
            }
        }
        if let Some(count) = count {
            let readers = self.program.readers.counts.get_mut(count as usize);
            note(readers, Reader { watch, way });
        }
        Ok(())
    }

    /// Who names an instance in a column, in the layer that is read.
    pub(super) fn inverse(&mut self, column: u32, inferred: bool) -> Result<u32, CompileError> {
        let index = self.program.inverses;
        let Some(plan) = self.program.columns.get_mut(column as usize) else { return Ok(index) };
        let place = if inferred { &mut plan.inverses[1] } else { &mut plan.inverses[0] };
        if let Some(known) = *place {
            return Ok(known);
        }
        *place = Some(index);
        self.program.inverses += 1;
        Ok(index)
    }

    /// Names the event types that feed what an assertion reads.
    fn satisfied_by(&mut self, clause: u32, reads: &[Read]) {
        let mut feed = vec![false; self.program.types.len()];
        self.feeds(reads, &mut feed);
        let types = self.program.types.iter().zip(feed).filter(|(_, feeds)| *feeds);
        let names: Vec<String> = types.map(|(plan, _)| plan.name.to_string()).collect();
        if let Some(clause) = self.program.clauses.get_mut(clause as usize) {
            clause.satisfied_by = names;
        }
    }

    fn feeds(&self, reads: &[Read], feed: &mut [bool]) {
        for read in reads {
            let (path, count) = match read {
                Read::Path(path) => (path, None),
                Read::Count { of, count } => (of, self.program.counts.get(*count as usize)),
                Read::Number(number) => {
                    let Some(plan) = self.program.numbers.get(*number as usize) else { continue };
                    let mut inner = Vec::new();
                    plan.test.iter().for_each(|test| collect_reads(test, &mut inner));
                    self.feeds(&inner, feed);
                    self.feed_of(|plan_of| plan_of.entity == Some(plan.entity), feed);
                    continue;
                }
                Read::Constant(_) | Read::Nowhere => continue,
            };
            let columns = path.hops.iter().flatten().copied();
            for column in columns.chain(count.map(|count| count.column)) {
                let entity = self.columns.iter().find_map(|(key, index)| match key {
                    ColumnKey::Attribute(entity, _) if *index == column => Some(*entity),
                    _ => None,
                });
                let is_state = |plan: &TypePlan| plan.states.iter().any(|(c, ..)| *c == column);
                let state = self.program.types.iter().any(is_state);
                self.feed_of(
                    |plan| {
                        is_state(plan)
                            || plan.measures.iter().any(|(c, ..)| *c == column)
                            || plan.shreds.iter().any(|(c, _)| *c == column)
                            || !state && entity.is_some() && plan.entity == entity
                    },
                    feed,
                );
            }
        }
    }

    fn feed_of(&self, feeds: impl Fn(&TypePlan) -> bool, feed: &mut [bool]) {
        for (plan, place) in self.program.types.iter().zip(feed) {
            *place |= feeds(plan);
        }
    }
}

/// The watched instance itself.
fn whole_path() -> Read {
    Read::Path(PathRead { root: 0, entity: None, own: None, hops: Vec::new() })
}

/// A value of the watched instance.
fn own(entity: u32, column: u32) -> Read {
    Read::Path(PathRead { root: 0, entity: Some(entity), own: None, hops: vec![Some(column)] })
}

fn note(readers: Option<&mut Vec<Reader>>, reader: Reader) {
    if let Some(readers) = readers
        && !readers.contains(&reader)
    {
        readers.push(reader);
    }
}

fn collect_reads(test: &Test, into: &mut Vec<Read>) {
    match test {
        Test::All(parts) | Test::Any(parts) => {
            for part in parts {
                collect_reads(part, into);
            }
        }
        Test::Not(part) => collect_reads(part, into),
        Test::Compare { left, right, .. } => into.extend([left.clone(), right.clone()]),
        Test::Crosses { value, .. } | Test::Holds { value, .. } | Test::Exists { value, .. } => {
            into.push(value.clone());
        }
    }
}
