//! The documents that are open, and the specs that they belong to.
//!
//! In: what the editor opens, changes and closes; the files beside it. Out: [`Spec`]s, each the
//! files that `homeostat check` would read together, analysed.
//! Never: prefers the disk to the editor for a document that is open.
//! Promise: the text of an open document is what the editor has, byte for byte.
//! Start reading at [`Documents::spec_of`].

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use homeostat_intent::analysis::{Analysis, Point, Text};
use homeostat_intent::{Source, Span};

use super::protocol::{Change, Position, Range};
use super::uri;
use crate::config;
use crate::sources;

/// One open document.
#[derive(Clone, Debug)]
struct Document {
    text: String,
    version: i64,
}

/// The files of one spec, and what is known of them.
#[derive(Debug)]
pub(super) struct Spec {
    /// The addresses, in the order of the analysis's sources.
    pub(super) uris: Vec<String>,
    /// The versions of those that are open.
    pub(super) versions: Vec<Option<i64>>,
    pub(super) analysis: Analysis,
    /// Files that could not be read, and why.
    pub(super) unread: Vec<(String, String)>,
}

impl Spec {
    /// The number of a document among the sources.
    pub(super) fn source(&self, uri: &str) -> Option<u32> {
        let at = self.uris.iter().position(|other| other == uri)?;
        u32::try_from(at).ok()
    }

    /// The text of a source.
    pub(super) fn text(&self, source: u32) -> &str {
        let source = usize::try_from(source).ok().and_then(|at| self.analysis.sources().get(at));
        source.map_or("", |source| source.text.as_str())
    }

    pub(super) fn uri(&self, source: u32) -> &str {
        let uri = usize::try_from(source).ok().and_then(|at| self.uris.get(at));
        uri.map_or("", String::as_str)
    }
}

/// Everything that is open.
#[derive(Debug, Default)]
pub(super) struct Documents {
    open: BTreeMap<String, Document>,
    /// What the editor was told to take as the spec, made absolute.
    told: Vec<PathBuf>,
    /// The folders of the workspace: settings are looked for no further up.
    roots: Vec<PathBuf>,
    specs: BTreeMap<Vec<PathBuf>, Rc<Spec>>,
}

impl Documents {
    pub(super) fn new(roots: Vec<PathBuf>, told: &[String]) -> Self {
        let base = roots.first().cloned().unwrap_or_default();
        let told = told.iter().map(|path| base.join(path)).collect();
        Self { told, roots, ..Self::default() }
    }

    pub(super) fn open(&mut self, uri: String, text: String, version: i64) {
        self.open.insert(uri, Document { text, version });
        self.forget();
    }

    /// Changes a document. Answers false when it is not open.
    pub(super) fn change(&mut self, uri: &str, version: Option<i64>, changes: Vec<Change>) -> bool {
        let Some(document) = self.open.get_mut(uri) else { return false };
        for change in changes {
            match change.range {
                None => document.text = change.text,
                Some(range) => {
                    let place = bytes(&document.text, range);
                    document.text.replace_range(place, &change.text);
                }
            }
        }
        document.version = version.unwrap_or(document.version);
        self.forget();
        true
    }

    pub(super) fn close(&mut self, uri: &str) {
        self.open.remove(uri);
        self.forget();
    }

    /// What is known of the files may be out of date.
    pub(super) fn forget(&mut self) {
        self.specs.clear();
    }

    pub(super) fn is_open(&self, uri: &str) -> bool {
        self.open.contains_key(uri)
    }

    /// The specs of all open documents.
    pub(super) fn specs(&mut self) -> Vec<Rc<Spec>> {
        let uris: Vec<String> = self.open.keys().cloned().collect();
        let mut specs: Vec<Rc<Spec>> = Vec::new();
        for uri in uris {
            let spec = self.spec_of(&uri);
            if !specs.iter().any(|other| Rc::ptr_eq(other, &spec)) {
                specs.push(spec);
            }
        }
        specs
    }

    /// The spec that a document belongs to.
    pub(super) fn spec_of(&mut self, uri: &str) -> Rc<Spec> {
        let Some(path) = uri::path(uri) else { return self.alone(uri) };
        let roots = self.read_with(&path);
        if let Some(known) = self.specs.get(&roots) {
            return Rc::clone(known);
        }
        let spec = Rc::new(self.load(&roots, &path));
        self.specs.insert(roots, Rc::clone(&spec));
        spec
    }

    /// The files and folders that a file is read with: those that the editor was told, else those
    /// of the nearest `homeostat.toml`, where the file is among them; else its own folder.
    fn read_with(&self, path: &Path) -> Vec<PathBuf> {
        let among = |paths: &[PathBuf]| paths.iter().any(|root| path.starts_with(root));
        if among(&self.told) {
            return self.told.clone();
        }
        let folder = path.parent().unwrap_or(Path::new("/"));
        for above in folder.ancestors() {
            let settings = config::read(Some(&above.join(config::FILE)));
            if let Ok(settings) = settings
                && among(&settings.spec)
            {
                return settings.spec;
            }
            if self.roots.iter().any(|root| root == above) {
                break;
            }
        }
        vec![folder.to_path_buf()]
    }

    fn load(&self, roots: &[PathBuf], asked: &Path) -> Spec {
        let mut files: BTreeSet<PathBuf> = BTreeSet::new();
        let mut unread = Vec::new();
        for root in roots {
            match sources::spec_files(root) {
                Ok(found) => files.extend(found),
                Err(error) => unread.push((uri::of(root), error)),
            }
        }
        // What is open and not saved yet belongs to its folder all the same.
        let open: BTreeMap<PathBuf, &String> =
            self.open.keys().filter_map(|uri| Some((uri::path(uri)?, uri))).collect();
        let here = |path: &&PathBuf| {
            roots.iter().any(|root| path.starts_with(root))
                && path.extension().is_some_and(|ending| ending == sources::ENDING)
        };
        files.extend(open.keys().filter(here).cloned());
        files.insert(asked.to_path_buf());
        let mut spec = Parts { unread, ..Parts::default() };
        for path in files {
            let address = open.get(&path).map_or_else(|| uri::of(&path), |uri| (*uri).clone());
            match self.open.get(&address) {
                Some(document) => {
                    spec.add(address, &path, document.text.clone(), Some(document.version));
                }
                None => match sources::read_spec_text(&path) {
                    Ok(text) => spec.add(address, &path, text, None),
                    Err(error) => spec.unread.push((address, error)),
                },
            }
        }
        spec.analysed()
    }

    /// A document that is no file: a spec of its own.
    fn alone(&self, uri: &str) -> Rc<Spec> {
        let mut spec = Parts::default();
        if let Some(document) = self.open.get(uri) {
            let version = Some(document.version);
            spec.add(uri.to_owned(), Path::new(uri), document.text.clone(), version);
        }
        Rc::new(spec.analysed())
    }
}

/// A spec that is being put together.
#[derive(Default)]
struct Parts {
    uris: Vec<String>,
    versions: Vec<Option<i64>>,
    sources: Vec<Source>,
    unread: Vec<(String, String)>,
}

impl Parts {
    fn add(&mut self, uri: String, path: &Path, text: String, version: Option<i64>) {
        self.uris.push(uri);
        self.versions.push(version);
        self.sources.push(Source { name: path.display().to_string(), text });
    }

    fn analysed(self) -> Spec {
        let analysis = Analysis::of(self.sources);
        Spec { uris: self.uris, versions: self.versions, analysis, unread: self.unread }
    }
}

/// The byte at a place of a text.
pub(super) fn byte(text: &str, position: Position) -> u32 {
    Text::new(text).offset(Point { line: position.line, column: position.character })
}

fn bytes(text: &str, range: Range) -> std::ops::Range<usize> {
    let wide = |offset: u32| usize::try_from(offset).unwrap_or(usize::MAX);
    let (start, end) = (wide(byte(text, range.start)), wide(byte(text, range.end)));
    start..end.max(start)
}

/// A span as the editor counts.
pub(super) fn range(text: &Text<'_>, span: Span) -> Range {
    let at = |offset| {
        let point = text.point(offset);
        Position { line: point.line, character: point.column }
    };
    Range { start: at(span.start), end: at(span.end) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(line: u32, from: u32, to: u32, text: &str) -> Change {
        let at = |character| Position { line, character };
        Change { range: Some(Range { start: at(from), end: at(to) }), text: text.to_owned() }
    }

    #[test]
    fn changes_are_applied_one_after_the_other_and_lose_nothing() {
        let mut documents = Documents::default();
        documents.open("untitled:1".to_owned(), "a\r\n→ 𝄞b\n".to_owned(), 1);
        let changes = vec![change(1, 4, 5, "xy"), change(0, 1, 1, "!"), change(1, 2, 4, "")];
        assert!(documents.change("untitled:1", Some(2), changes));
        let spec = documents.spec_of("untitled:1");
        assert_eq!(spec.text(0), "a!\r\n→ xy\n");
        assert_eq!(spec.versions, [Some(2)]);
        assert!(!documents.change("untitled:2", None, Vec::new()));
    }

    #[test]
    fn a_range_that_ends_before_it_begins_replaces_nothing() {
        let mut documents = Documents::default();
        documents.open("untitled:1".to_owned(), "abc".to_owned(), 1);
        documents.change("untitled:1", None, vec![change(0, 2, 1, "-")]);
        assert_eq!(documents.spec_of("untitled:1").text(0), "ab-c");
    }
}
