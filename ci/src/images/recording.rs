//! A writer's life as `strace` saw it: what happened to its disk, and what it said when.
//!
//! In: a directory, how many batches in each life. Out: instants at which the power may be cut, and
//! for each what had been promised by then. Start reading at [`Recording::make`].

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::Bench;
use super::disk::{Disk, Names};
use super::trace::{Call, TRACED, parse};
use crate::chance::Lcg;

/// The log's directory below the directory that is recorded: whether it is there is in question too.
pub(crate) const LOG: &str = "log";

/// What an acknowledgement of the writer is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Promise {
    /// It is given after a sync.
    Power,
    /// The planted defect: it is given without.
    Process,
}

/// Where a recording begins: a directory, and what is known of the log in it.
#[derive(Clone, Debug)]
pub(crate) struct Base {
    path: PathBuf,
    promised: u64,
    requests: Vec<(u64, u64)>,
}

impl Base {
    /// A log whose journal is about to be replaced.
    pub(crate) fn filled(bench: &mut Bench) -> Result<Self, String> {
        let base = Self::empty(bench.fresh("filled"))?;
        let seed = bench.seed.to_string();
        let said = said(&bench.writer, &["fill", &base.path.join(LOG).to_string_lossy(), &seed])?;
        let mut durable =
            said.lines().filter_map(|line| line.strip_prefix("durable ")?.parse().ok());
        Ok(Self { promised: durable.next_back().unwrap_or_default(), ..base })
    }

    /// Nothing.
    pub(crate) fn empty(path: PathBuf) -> Result<Self, String> {
        fs::create_dir(&path)
            .map_err(|error| format!("cannot create {}: {error}", path.display()))?;
        Ok(Self { path, promised: 0, requests: Vec::new() })
    }
}

/// What the writer said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Remark {
    /// It is about to append these together.
    Request(u64, u64),
    /// Everything up to here is acknowledged.
    Durable(u64),
}

impl Remark {
    const fn durable(self) -> Option<u64> {
        match self {
            Self::Durable(position) => Some(position),
            Self::Request(..) => None,
        }
    }
}

/// One recording.
#[derive(Debug)]
pub(crate) struct Recording {
    /// Where the trace of its last life is.
    pub(crate) trace: PathBuf,
    base: Base,
    /// The directory as it was before, for each kind of disk.
    before: [Disk; 2],
    /// The calls of each life. Lines are numbered through.
    lives: Vec<Vec<Call>>,
    /// What was said, and in which line it began to be said.
    remarks: Vec<(usize, Remark)>,
    /// Lines after which something may be left that was not before.
    instants: Vec<usize>,
    chain: Vec<String>,
}

impl Recording {
    /// Runs writers of so many batches, one after the other.
    pub(crate) fn make(
        bench: &mut Bench,
        base: Base,
        promise: Promise,
        batches: &[u64],
    ) -> Result<Self, String> {
        let before = [Disk::of(&base.path, Names::Ordered)?, Disk::of(&base.path, Names::Loose)?];
        let log = base.path.join(LOG);
        let (mut lives, mut remarks, mut trace) = (Vec::new(), Vec::new(), PathBuf::new());
        let mut lines = 0;
        for batches in batches {
            trace = bench.fresh("trace");
            bench.seed += 1;
            let text = traced(bench, &trace, &log, promise, *batches)?;
            let mut calls = parse(&text)?;
            for call in &mut calls {
                call.begun += lines;
                call.done += lines;
            }
            lines += text.lines().count() + 1;
            remarks.extend(calls.iter().filter_map(remark));
            lives.push(calls);
        }
        remarks.sort_by_key(|(line, _)| *line);
        // What an earlier life began to append and the cut took away was never there.
        let opened = remarks.iter().find_map(|(_, remark)| remark.durable()).unwrap_or_default();
        let mut base = base;
        base.requests.retain(|(first, _)| *first <= opened);
        let chain = said(&bench.writer, &["chain", &log.to_string_lossy()])?;
        let chain = chain.lines().map(str::to_owned).collect();
        let instants = Vec::new();
        let mut made = Self { trace, base, before, lives, remarks, instants, chain };
        let mut instants: Vec<usize> = made.remarks.iter().map(|(line, _)| *line).collect();
        made.follow(Names::Ordered, |_, line, changed| {
            instants.extend(changed.then_some(line));
            Ok(())
        })?;
        instants.sort_unstable();
        instants.dedup();
        made.instants = instants;
        Ok(made)
    }

    /// `count` instants in their order; a third of them before anything is acknowledged, which is
    /// the very first opening or a recovery.
    pub(crate) fn instants(&self, count: u64, chance: &mut Lcg) -> Vec<usize> {
        let first = self.remarks.iter().find(|(_, remark)| remark.durable().is_some());
        let opened = first.map_or(0, |(line, _)| *line);
        let early = self.instants.partition_point(|line| *line <= opened);
        let mut drawn: Vec<usize> = (0..count)
            .filter_map(|nth| {
                let among = if nth % 3 == 0 { early } else { self.instants.len() };
                self.instants.get(draw(among, chance)).copied()
            })
            .collect();
        drawn.sort_unstable();
        drawn
    }

    /// Shows the disk after each line in which something was changed or said.
    pub(crate) fn replay(
        &self,
        names: Names,
        mut see: impl FnMut(&Disk, usize) -> Result<(), String>,
    ) -> Result<(), String> {
        self.follow(names, |disk, line, _| see(disk, line))
    }

    fn follow(
        &self,
        names: Names,
        mut see: impl FnMut(&Disk, usize, bool) -> Result<(), String>,
    ) -> Result<(), String> {
        let [ordered, loose] = &self.before;
        let mut disk = if names == Names::Ordered { ordered.clone() } else { loose.clone() };
        for calls in &self.lives {
            for call in calls {
                let changed = disk.apply(call)?;
                see(&disk, call.done, changed)?;
            }
            disk.process_ended();
        }
        Ok(())
    }

    /// An image of some instant at which the log was at work, to go on from.
    pub(crate) fn cut_once(&self, bench: &mut Bench) -> Result<Base, String> {
        let at = self.instants.get(draw(self.instants.len(), &mut bench.chance)).copied();
        let line = at.ok_or("the recording has no instants")?;
        let path = bench.fresh("base");
        let mut left = false;
        self.replay(Names::Ordered, |disk, now| {
            if now >= line && !left {
                left = true;
                disk.leave(&path, &mut bench.chance)?;
            }
            Ok(())
        })?;
        let requests = self.requests(line).collect();
        Ok(Base { path, promised: self.promised(line), requests })
    }

    /// Whether a journal was replaced by a new one, and removed.
    pub(crate) fn replaced_a_journal(&self) -> bool {
        let removes = |call: &Call| {
            call.name == "unlink" && call.path(0).is_some_and(|path| path.ends_with(".jnl"))
        };
        self.lives.iter().flatten().any(removes)
    }

    /// The last position that was acknowledged when the power was cut in `line`.
    pub(crate) fn promised(&self, line: usize) -> u64 {
        let said = self.remarks.iter().filter(|(begun, _)| *begun <= line);
        let durable = said.filter_map(|(_, remark)| remark.durable());
        durable.fold(self.base.promised, u64::max)
    }

    /// The request that the log would be torn in, if it ended at `head`.
    pub(crate) fn torn_at(&self, line: usize, head: u64) -> Option<(u64, u64)> {
        self.requests(line).find(|(first, last)| (*first..*last).contains(&head))
    }

    fn requests(&self, line: usize) -> impl Iterator<Item = (u64, u64)> {
        let said = self.remarks.iter().filter(move |(begun, _)| *begun <= line);
        let own = said.filter_map(|(_, remark)| match remark {
            Remark::Request(first, last) => Some((*first, *last)),
            Remark::Durable(_) => None,
        });
        self.base.requests.iter().copied().chain(own)
    }

    /// The chain hash of a position, as the writer's own log has it.
    pub(crate) fn chain_at(&self, position: u64) -> Option<&str> {
        let index = usize::try_from(position.checked_sub(1)?).ok()?;
        self.chain.get(index).map(String::as_str)
    }
}

fn draw(bound: usize, chance: &mut Lcg) -> usize {
    usize::try_from(chance.below((bound as u64).max(1))).unwrap_or_default()
}

/// Runs one writer to its end under `strace`.
fn traced(
    bench: &Bench,
    trace: &Path,
    log: &Path,
    promise: Promise,
    batches: u64,
) -> Result<String, String> {
    let promise = match promise {
        Promise::Power => "power",
        Promise::Process => "process",
    };
    let output = Command::new("strace")
        .args(["-f", "-q", "-xx", "-s", "16777216", "-e", "signal=none", "-e", "raw=read", "-e"])
        .arg(format!("trace={TRACED}"))
        .arg("-o")
        .arg(trace)
        .arg(&bench.writer)
        .arg("write")
        .arg(log)
        .args([&bench.seed.to_string(), &batches.to_string(), promise])
        .output()
        .map_err(|error| {
            format!("cannot run strace: {error}; install it, as in `apt-get install strace`")
        })?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(format!("the writer at {} failed: {}", log.display(), said.trim()));
    }
    fs::read_to_string(trace).map_err(|error| format!("cannot read {}: {error}", trace.display()))
}

/// What a call says, if it says something.
fn remark(call: &Call) -> Option<(usize, Remark)> {
    if call.name != "write" || call.number(0) != Some(1) {
        return None;
    }
    let text = String::from_utf8_lossy(call.bytes(1)?).into_owned();
    let mut words = text.split_whitespace();
    let word = words.next()?;
    let mut number = || words.next()?.parse().ok();
    let remark = match word {
        "request" => Remark::Request(number()?, number()?),
        "durable" => Remark::Durable(number()?),
        _ => return None,
    };
    Some((call.begun, remark))
}

/// What the writer's program says when it is asked to do `words`.
fn said(writer: &Path, words: &[&str]) -> Result<String, String> {
    let output = Command::new(writer)
        .args(words)
        .output()
        .map_err(|error| format!("cannot run {}: {error}", writer.display()))?;
    if !output.status.success() {
        let why = String::from_utf8_lossy(&output.stderr);
        return Err(format!("`{}` failed: {}", words.join(" "), why.trim()));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
