//! A disk as a loss of power may leave it: follows a process call by call, and knows at every instant
//! what is safe and what is not.
//!
//! In: [`Call`]s. Out: at any instant a directory with all that was synced by then, and by chance
//! some of what was not: of each file's later writes a first part with the last one torn at any
//! byte, or any of their pages; of later changes of names a first part, or any of them.
//! Promise: what was synced is never lost, and nothing appears that was not written. A sync makes
//! safe what had returned when it began. Start reading at [`Disk::apply`] and [`Disk::leave`].

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use super::trace::Call;
use crate::chance::Lcg;

/// What holds of the names of files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Names {
    /// As a file system with a journal has it: names change in their order, and a sync of any file
    /// makes all earlier changes of names safe.
    Ordered,
    /// As POSIX has it: only a sync of the directory makes a change of its names safe.
    Loose,
}

/// The disk below one directory.
#[derive(Clone, Debug)]
pub(crate) struct Disk {
    names: Names,
    root: PathBuf,
    nodes: Vec<Node>,
    /// Changes of names that are not safe.
    renames: Vec<Rename>,
    open: BTreeMap<u64, Open>,
}

type Id = usize;

#[derive(Clone, Debug)]
enum Node {
    Folder { safe: BTreeMap<String, Id>, now: BTreeMap<String, Id> },
    Data { safe: Content, pending: Vec<Change>, length: u64 },
}

/// The bytes of a file. What is not there up to its length is zeros.
#[derive(Clone, Debug, Default)]
struct Content {
    bytes: Vec<u8>,
    length: u64,
}

#[derive(Clone, Debug)]
struct Change {
    line: usize,
    what: What,
}

#[derive(Clone, Debug)]
enum What {
    Write { at: u64, bytes: Rc<[u8]> },
    Length(u64),
}

/// Names that change together.
#[derive(Clone, Debug)]
struct Rename {
    line: usize,
    /// Folder, name, and what it names from then on.
    entries: Vec<(Id, String, Option<Id>)>,
}

#[derive(Clone, Debug)]
struct Open {
    node: Id,
    at: u64,
    append: bool,
}

/// Bytes that a disk writes at once.
const PAGE: usize = 4096;

impl Content {
    fn apply(&mut self, what: &What) {
        match what {
            What::Write { at, bytes } => self.write(*at, bytes),
            What::Length(length) => {
                self.length = *length;
                self.bytes.truncate(size(*length));
            }
        }
    }

    fn write(&mut self, at: u64, bytes: &[u8]) {
        let (start, end) = (size(at), size(at) + bytes.len());
        if self.bytes.len() < end {
            self.bytes.resize(end, 0);
        }
        if let Some(target) = self.bytes.get_mut(start..end) {
            target.copy_from_slice(bytes);
        }
        self.length = self.length.max(end as u64);
    }
}

fn size(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

impl Disk {
    /// What stands in `root` now, all of it safe.
    pub(crate) fn of(root: &Path, names: Names) -> Result<Self, String> {
        let mut disk = Self {
            names,
            root: root.to_owned(),
            nodes: Vec::new(),
            renames: Vec::new(),
            open: BTreeMap::new(),
        };
        disk.take(root).map_err(|error| format!("cannot read {}: {error}", root.display()))?;
        Ok(disk)
    }

    fn take(&mut self, path: &Path) -> std::io::Result<Id> {
        let node = if path.is_dir() {
            let id = self.add(Node::Folder { safe: BTreeMap::new(), now: BTreeMap::new() });
            let mut entries = BTreeMap::new();
            for entry in fs::read_dir(path)? {
                let entry = entry?;
                let name = entry.file_name().to_string_lossy().into_owned();
                entries.insert(name, self.take(&entry.path())?);
            }
            if let Some(Node::Folder { safe, now }) = self.nodes.get_mut(id) {
                (*safe, *now) = (entries.clone(), entries);
            }
            return Ok(id);
        } else {
            let mut bytes = fs::read(path)?;
            let length = bytes.len() as u64;
            let used = bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
            bytes.truncate(used);
            Node::Data { safe: Content { bytes, length }, pending: Vec::new(), length }
        };
        Ok(self.add(node))
    }

    fn add(&mut self, node: Node) -> Id {
        self.nodes.push(node);
        self.nodes.len() - 1
    }

    /// The process ends, and another one is followed next.
    pub(crate) fn process_ended(&mut self) {
        self.open.clear();
    }

    /// Does what a call did. Gives whether it changed what a loss of power could leave.
    pub(crate) fn apply(&mut self, call: &Call) -> Result<bool, String> {
        self.try_apply(call).ok_or_else(|| {
            let arguments: Vec<_> = (0..call.arguments.len()).map(|at| call.word(at)).collect();
            format!(
                "line {} of the trace: `{}` with {arguments:?} is not understood",
                call.done, call.name
            )
        })
    }

    /// None for a call of a kind that this disk does not know, on one of its files.
    fn try_apply(&mut self, call: &Call) -> Option<bool> {
        match call.name.as_str() {
            "openat" => self.open_at(call),
            "close" => {
                self.open.remove(&call.number(0)?);
                Some(false)
            }
            "fcntl" if call.word(1).is_some_and(|word| !word.starts_with("F_DUP")) => Some(false),
            "dup" | "dup2" | "dup3" | "fcntl" => {
                // Both share one place in the file, which nobody who duplicates makes use of here.
                if let Some(open) = self.open.get(&call.number(0)?).cloned() {
                    self.open.insert(call.returned, open);
                }
                Some(false)
            }
            "lseek" => {
                if let Some(open) = self.open.get_mut(&call.number(0)?) {
                    open.at = call.returned;
                }
                Some(false)
            }
            "read" => {
                if let Some(open) = self.open.get_mut(&call.number(0)?) {
                    open.at += call.returned;
                }
                Some(false)
            }
            "write" => self.write(call, None),
            "pwrite64" => self.write(call, Some(call.number(3)?)),
            "ftruncate" => {
                let Some(open) = self.open.get(&call.number(0)?) else { return Some(false) };
                self.change(open.node, call.done, What::Length(call.number(1)?));
                Some(true)
            }
            "fsync" | "fdatasync" => {
                let Some(open) = self.open.get(&call.number(0)?) else { return Some(false) };
                self.sync(open.node, call.begun);
                Some(true)
            }
            "mkdir" | "unlink" | "rmdir" | "rename" | "renameat" | "renameat2" | "unlinkat"
            | "mkdirat" => self.rename(call),
            _ => self.concerns(call).is_none().then_some(false),
        }
    }

    fn open_at(&mut self, call: &Call) -> Option<bool> {
        let Some((folder, name)) = self.place(call, 0, 1) else { return Some(false) };
        let flags = call.word(2)?;
        let found = self.entry(folder, &name);
        let made = found.is_none();
        let node = match found {
            Some(node) => node,
            None => {
                let (safe, pending, length) = (Content::default(), Vec::new(), 0);
                let node = self.add(Node::Data { safe, pending, length });
                self.name(call.done, vec![(folder, name, Some(node))]);
                node
            }
        };
        let cut = flags.contains("O_TRUNC") && !made;
        if cut {
            self.change(node, call.done, What::Length(0));
        }
        let append = flags.contains("O_APPEND");
        self.open.insert(call.returned, Open { node, at: 0, append });
        Some(made || cut)
    }

    fn write(&mut self, call: &Call, at: Option<u64>) -> Option<bool> {
        let Some(open) = self.open.get(&call.number(0)?) else { return Some(false) };
        let bytes = call.bytes(1)?.get(..size(call.returned))?;
        let Some(Node::Data { length, .. }) = self.nodes.get(open.node) else { return None };
        let start = at.unwrap_or(if open.append { *length } else { open.at });
        let node = open.node;
        self.change(node, call.done, What::Write { at: start, bytes: bytes.into() });
        if at.is_none()
            && let Some(open) = self.open.get_mut(&call.number(0)?)
        {
            open.at = start + call.returned;
        }
        Some(true)
    }

    fn change(&mut self, node: Id, line: usize, what: What) {
        let Some(Node::Data { pending, length, .. }) = self.nodes.get_mut(node) else { return };
        *length = match &what {
            What::Write { at, bytes } => (*length).max(at + bytes.len() as u64),
            What::Length(length) => *length,
        };
        pending.push(Change { line, what });
    }

    /// What was done before the sync began, which was in `line`, is safe.
    fn sync(&mut self, node: Id, line: usize) {
        if let Some(Node::Data { safe, pending, .. }) = self.nodes.get_mut(node) {
            let (done, later) = pending.drain(..).partition(|change| change.line < line);
            *pending = later;
            let done: Vec<Change> = done;
            done.iter().for_each(|change| safe.apply(&change.what));
        }
        let names = self.names;
        let of_this = |rename: &Rename| match names {
            Names::Ordered => true,
            Names::Loose => rename.entries.iter().any(|(folder, ..)| *folder == node),
        };
        let (safe, later): (Vec<_>, Vec<_>) =
            self.renames.drain(..).partition(|rename| rename.line < line && of_this(rename));
        self.renames = later;
        for (folder, name, to) in safe.into_iter().flat_map(|rename| rename.entries) {
            if let Some(Node::Folder { safe, .. }) = self.nodes.get_mut(folder) {
                set(safe, name, to);
            }
        }
    }

    fn rename(&mut self, call: &Call) -> Option<bool> {
        let (from, to) = match call.name.as_str() {
            "mkdir" | "unlink" | "rmdir" => (self.absolute(call, 0), None),
            "mkdirat" | "unlinkat" => (self.place(call, 0, 1), None),
            "rename" => (self.absolute(call, 0), Some(self.absolute(call, 1))),
            _ => (self.place(call, 0, 1), Some(self.place(call, 2, 3))),
        };
        let Some((folder, name)) = from else {
            // Nothing may come in from outside.
            return to.flatten().is_none().then_some(false);
        };
        let entries = match to {
            Some(to) => {
                let (new_folder, new_name) = to?;
                let node = self.entry(folder, &name)?;
                vec![(folder, name, None), (new_folder, new_name, Some(node))]
            }
            None if call.name.starts_with("mkdir") => {
                let made = self.add(Node::Folder { safe: BTreeMap::new(), now: BTreeMap::new() });
                vec![(folder, name, Some(made))]
            }
            None => vec![(folder, name, None)],
        };
        self.name(call.done, entries);
        Some(true)
    }

    fn name(&mut self, line: usize, entries: Vec<(Id, String, Option<Id>)>) {
        for (folder, name, to) in &entries {
            if let Some(Node::Folder { now, .. }) = self.nodes.get_mut(*folder) {
                set(now, name.clone(), *to);
            }
        }
        self.renames.push(Rename { line, entries });
    }

    /// The folder and the name that a path at `path` means, below the folder at `below`. None:
    /// it does not lie on this disk.
    fn place(&self, call: &Call, below: usize, path: usize) -> Option<(Id, String)> {
        let text = call.path(path)?;
        if text.starts_with('/') {
            return self.absolute(call, path);
        }
        self.below(self.open.get(&call.number(below)?)?.node, Path::new(&text))
    }

    fn absolute(&self, call: &Call, path: usize) -> Option<(Id, String)> {
        let text = call.path(path)?;
        self.below(0, Path::new(&text).strip_prefix(&self.root).ok()?)
    }

    fn below(&self, folder: Id, path: &Path) -> Option<(Id, String)> {
        let mut names = path.iter().map(|name| name.to_string_lossy().into_owned());
        // The root itself is its own entry: whoever opens it opens folder 0.
        let Some(mut last) = names.next() else { return Some((folder, String::new())) };
        let mut folder = folder;
        for name in names {
            folder = self.entry(folder, &last)?;
            last = name;
        }
        Some((folder, last))
    }

    fn entry(&self, folder: Id, name: &str) -> Option<Id> {
        match self.nodes.get(folder)? {
            Node::Folder { .. } if name.is_empty() => Some(folder),
            Node::Folder { now, .. } => now.get(name).copied(),
            Node::Data { .. } => None,
        }
    }

    /// Whether a call of an unknown kind is about a file of this disk.
    fn concerns(&self, call: &Call) -> Option<()> {
        let is_open = |at| call.number(at).is_some_and(|number| self.open.contains_key(&number));
        let is_below =
            |at| call.path(at).is_some_and(|path| Path::new(&path).starts_with(&self.root));
        (0..call.arguments.len()).any(|at| is_open(at) || is_below(at)).then_some(())
    }

    /// Writes to `target` what a loss of power now may leave.
    pub(crate) fn leave(&self, target: &Path, chance: &mut Lcg) -> Result<(), String> {
        let mut kept: BTreeMap<Id, BTreeMap<String, Id>> = BTreeMap::new();
        for (id, node) in self.nodes.iter().enumerate() {
            if let Node::Folder { safe, .. } = node {
                kept.insert(id, safe.clone());
            }
        }
        let count = self.renames.len() as u64;
        let first = chance.below(count + 1);
        for (index, rename) in (0_u64..).zip(&self.renames) {
            let stays = match self.names {
                Names::Ordered => index < first,
                Names::Loose => chance.below(2) == 0,
            };
            for (folder, name, to) in rename.entries.iter().filter(|_| stays) {
                set(kept.entry(*folder).or_default(), name.clone(), *to);
            }
        }
        self.write_out(0, target, &kept, chance)
            .map_err(|error| format!("cannot write an image to {}: {error}", target.display()))
    }

    fn write_out(
        &self,
        node: Id,
        target: &Path,
        kept: &BTreeMap<Id, BTreeMap<String, Id>>,
        chance: &mut Lcg,
    ) -> std::io::Result<()> {
        match self.nodes.get(node) {
            Some(Node::Folder { .. }) => {
                fs::create_dir(target)?;
                for (name, child) in kept.get(&node).into_iter().flatten() {
                    self.write_out(*child, &target.join(name), kept, chance)?;
                }
                Ok(())
            }
            Some(Node::Data { safe, pending, .. }) => {
                let content = left_of(safe, pending, chance);
                let mut file = File::create(target)?;
                file.write_all(&content.bytes)?;
                file.set_len(content.length)
            }
            None => Ok(()),
        }
    }
}

fn set(names: &mut BTreeMap<String, Id>, name: String, to: Option<Id>) {
    match to {
        Some(node) => drop(names.insert(name, node)),
        None => drop(names.remove(&name)),
    }
}

/// What may be left of a file.
fn left_of(safe: &Content, pending: &[Change], chance: &mut Lcg) -> Content {
    let mut content = safe.clone();
    let by_pages = chance.below(2) == 0;
    let count = chance.below(pending.len() as u64 + 1);
    for (index, change) in (0_u64..).zip(pending) {
        match &change.what {
            What::Write { at, bytes } if by_pages => pages(&mut content, *at, bytes, chance),
            _ if by_pages || index < count => content.apply(&change.what),
            What::Write { at, bytes } if index == count => {
                let torn = size(chance.below(bytes.len() as u64 + 1));
                content.write(*at, bytes.get(..torn).unwrap_or_default());
            }
            _ => {}
        }
    }
    content
}

/// Each page of a write is there or not. The length of a file is as safe as its last page.
fn pages(content: &mut Content, at: u64, bytes: &[u8], chance: &mut Lcg) {
    let mut rest = bytes;
    let mut start = at;
    while !rest.is_empty() {
        let room = PAGE - size(start) % PAGE;
        let (page, later) = rest.split_at(room.min(rest.len()));
        if chance.below(2) == 0 {
            content.write(start, page);
        }
        start += page.len() as u64;
        rest = later;
    }
}
