//! Crash images: what a loss of power at any instant may leave of a log, opened by the real store.
//!
//! A writer on the real store runs under `strace`, which sees every write, sync and rename in
//! order, and every acknowledgement among them. `disk` follows the trace and lays down images of
//! the directory as it could be found after a cut: during the very first opening, in the middle of
//! commits, of tables being written and of journals being replaced, and while a log that had lost
//! its power before is recovered. Each is opened by the host's store.
//!
//! Promise checked: an image opens; it ends at or after everything acknowledged by then, with the
//! very events that the writer wrote; a request is there whole or not at all; the chain and the
//! indexes agree; it can be appended to and opened again. A writer that acknowledges without a
//! sync is caught, or the check is blind, which is a finding like any other.

mod disk;
mod looker;
mod recording;
mod trace;

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::Findings;
use crate::arguments::number_after;
use crate::binary::binary_of;
use crate::chance::Lcg;
use disk::Names;
use looker::Looker;
use recording::{Base, Promise, Recording};

/// Findings after which the rest says nothing new.
const FINDINGS_MAX: usize = 5;
/// Images that are taken of one recovery.
const IMAGES_OF_A_RECOVERY: u64 = 10;
/// Images of a journal that is replaced, which take long: only a long run has them.
const IMAGES_OF_A_NEW_JOURNAL: u64 = 30;
/// Images of a long run, at least.
const LONG: u64 = 200;

/// `cargo ci images`.
pub(crate) fn run(root: &Path, arguments: &[String]) -> Result<Findings, String> {
    let rounds = number_after(arguments, "--rounds")?.unwrap_or(400);
    let seed = number_after(arguments, "--seed")?.unwrap_or(1);
    let only_canary = arguments.iter().any(|argument| argument == "--canary");
    let mut bench = Bench::new(binary_of(root, "homeostat-ci-writer")?, seed)?;
    let promise = if only_canary { Promise::Process } else { Promise::Power };
    let mut findings = bench.look_at(promise, rounds)?;
    if !only_canary && findings.is_empty() {
        println!("and of a writer that acknowledges without a sync:");
        let planted = bench.look_at(Promise::Process, (rounds / 4).max(20))?;
        if !planted.iter().any(|finding| finding.contains(LOST)) {
            findings.push("a writer that acknowledges without a sync was not caught".to_owned());
        }
    }
    if findings.is_empty() || only_canary {
        fs::remove_dir_all(&bench.folder)
            .map_err(|error| format!("cannot remove {}: {error}", bench.folder.display()))?;
    } else {
        findings.push(format!("traces and images are kept in {}", bench.folder.display()));
    }
    Ok(findings)
}

/// Says in a finding that something acknowledged is gone.
const LOST: &str = "was acknowledged";

/// Where it all happens.
#[derive(Debug)]
struct Bench {
    writer: PathBuf,
    folder: PathBuf,
    seed: u64,
    chance: Lcg,
    /// Names are taken once.
    taken: u64,
}

/// What images of one recording showed.
#[derive(Debug, Default)]
struct Counts {
    images: u64,
    /// Cut before the first acknowledgement.
    early: u64,
    /// With more than was acknowledged.
    longer: u64,
    /// Cut while a log that had lost its power before was at work again.
    again: u64,
    /// Cut around the time when a journal was replaced by a new one.
    replaced: u64,
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { images, early, longer, again, replaced } = self;
        write!(
            f,
            "{images} images: {early} cut before anything was acknowledged, {again} while a log that \
             had lost its power before was recovered or at work again, {replaced} around a change of \
             journals; {longer} kept more than was acknowledged"
        )
    }
}

impl Bench {
    fn new(writer: PathBuf, seed: u64) -> Result<Self, String> {
        // Syncs of a disk in memory cost nothing, and it is the trace that says what is safe.
        let memory = Path::new("/dev/shm");
        let place = if memory.is_dir() { memory.to_owned() } else { std::env::temp_dir() };
        let folder = place.join(format!("homeostat-images-{}", std::process::id()));
        fs::create_dir_all(&folder)
            .map_err(|error| format!("cannot create {}: {error}", folder.display()))?;
        Ok(Self { writer, folder, seed, chance: Lcg(seed), taken: 0 })
    }

    /// A path that nobody has used.
    fn fresh(&mut self, name: &str) -> PathBuf {
        self.taken += 1;
        self.folder.join(format!("{name}-{}", self.taken))
    }

    /// Records a writer that gives `promise`, and looks at `rounds` images of it: a quarter of
    /// them of recoveries that lose their power too, and in a long run some of a journal that is
    /// replaced by a new one.
    fn look_at(&mut self, promise: Promise, rounds: u64) -> Result<Findings, String> {
        let mut counts = Counts::default();
        let mut findings = Findings::new();
        let mut looker = Looker::start(&self.writer)?;
        let empty = Base::empty(self.fresh("first"))?;
        let first = Recording::make(self, empty, promise, &[40, 30])?;
        let recoveries = rounds / 4 / IMAGES_OF_A_RECOVERY;
        let replaced = if rounds >= LONG { IMAGES_OF_A_NEW_JOURNAL } else { 0 };
        let rounds = rounds - recoveries * IMAGES_OF_A_RECOVERY - replaced;
        // The disk that promises least is the rarer one.
        for (names, count) in [(Names::Ordered, rounds - rounds / 3), (Names::Loose, rounds / 3)] {
            self.cut(&first, names, count, &mut looker, &mut counts, &mut findings)?;
        }
        for _ in 0..recoveries {
            if findings.len() >= FINDINGS_MAX {
                break;
            }
            let base = first.cut_once(self)?;
            let recovery = match Recording::make(self, base, promise, &[12]) {
                Ok(recovery) => recovery,
                Err(why) => {
                    findings.push(format!("a writer cannot go on after a cut: {why}"));
                    break;
                }
            };
            let count = IMAGES_OF_A_RECOVERY;
            self.cut(&recovery, Names::Ordered, count, &mut looker, &mut counts, &mut findings)?;
            counts.again += count;
        }
        if replaced > 0 && findings.is_empty() {
            let base = Base::filled(self)?;
            let recording = Recording::make(self, base, promise, &[40])?;
            if !recording.replaced_a_journal() {
                return Err("no journal was replaced while it was recorded".to_owned());
            }
            let names = Names::Ordered;
            self.cut(&recording, names, replaced, &mut looker, &mut counts, &mut findings)?;
            counts.replaced = replaced;
        }
        println!("{counts}, {} findings", findings.len());
        Ok(findings)
    }

    /// Cuts the power at `count` instants of a recording, and looks at what is left.
    fn cut(
        &mut self,
        recording: &Recording,
        names: Names,
        count: u64,
        looker: &mut Looker,
        counts: &mut Counts,
        findings: &mut Findings,
    ) -> Result<(), String> {
        let instants = recording.instants(count, &mut self.chance);
        let mut next = instants.iter().peekable();
        recording.replay(names, |disk, line| {
            while next.next_if(|instant| **instant <= line).is_some()
                && findings.len() < FINDINGS_MAX
            {
                let image = self.fresh("image");
                disk.leave(&image, &mut self.chance)?;
                let answer = looker.look(&image.join(recording::LOG))?;
                let promised = recording.promised(line);
                counts.images += 1;
                counts.early += u64::from(promised == 0);
                counts.longer += u64::from(head_of(&answer) > promised);
                match judge(recording, line, &answer) {
                    None => fs::remove_dir_all(&image)
                        .map_err(|error| format!("cannot remove {}: {error}", image.display()))?,
                    Some(what) => findings.push(format!(
                        "{}, names {names:?}, cut in line {line} of {}: {what}",
                        image.display(),
                        recording.trace.display()
                    )),
                }
            }
            Ok(())
        })
    }
}

fn head_of(answer: &Value) -> u64 {
    answer.get("head").and_then(Value::as_u64).unwrap_or_default()
}

/// What is wrong with an image of a recording that was cut in `line`.
fn judge(recording: &Recording, line: usize, answer: &Value) -> Option<String> {
    if let Some(why) = answer.get("refused").and_then(Value::as_str) {
        return Some(format!("it does not open: {why}"));
    }
    let (head, promised) = (head_of(answer), recording.promised(line));
    if head < promised {
        return Some(format!("it ends at position {head}, but {promised} {LOST}"));
    }
    let chain = answer.get("chain").and_then(Value::as_str).unwrap_or_default();
    if head > 0 && recording.chain_at(head) != Some(chain) {
        return Some(format!("at position {head} it is another log than the writer's"));
    }
    if let Some((first, last)) = recording.torn_at(line, head) {
        return Some(format!("it ends at position {head}, inside the request {first} to {last}"));
    }
    let goes_on = answer.get("goes_on").and_then(Value::as_str);
    goes_on.map(|why| format!("after it was opened it does not go on: {why}"))
}
