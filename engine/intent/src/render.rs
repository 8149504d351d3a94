//! Findings as a person reads them, and as a program does.
//!
//! In: diagnostics and the sources that they speak of. Out: text as `rustc` prints it, or
//! [`Finding`]s that serialise with lines and columns.
//! Never: writes anywhere, asks whether there is a terminal.
//! Promise: each finding shows only the lines that it speaks of, so the cost of a report does not
//! grow with the square of a file. Start reading at [`text`].

use annotate_snippets::renderer::DecorStyle;
use annotate_snippets::{AnnotationKind, Group, Level, Patch, Renderer, Snippet};
use serde::Serialize;

use crate::diagnostic::{Code, Diagnostic, Fix, Severity};
use crate::source::{Lines, Source, Span};

/// All findings as text, a blank line between any two.
#[must_use]
pub fn text(diagnostics: &[Diagnostic], sources: &[Source], colour: bool) -> String {
    let renderer = if colour { Renderer::styled() } else { Renderer::plain() };
    let renderer = renderer.decor_style(DecorStyle::Ascii);
    let files: Vec<File<'_>> = sources.iter().map(File::new).collect();
    let mut report = String::new();
    for found in diagnostics {
        if !report.is_empty() {
            report.push_str("\n\n");
        }
        report.push_str(&renderer.render(&groups(found, &files)));
    }
    if !report.is_empty() {
        report.push('\n');
    }
    report
}

struct File<'a> {
    source: &'a Source,
    lines: Lines,
}

impl<'a> File<'a> {
    fn new(source: &'a Source) -> Self {
        Self { source, lines: Lines::new(&source.text) }
    }

    /// The text of the lines from the first to the last span, where it begins, and its line.
    fn excerpt(&self, spans: &[Span]) -> (&'a str, u32, usize) {
        let first = spans.iter().map(|span| span.start).min().unwrap_or_default();
        let last = spans.iter().map(|span| span.end).max().unwrap_or_default();
        let line = self.lines.line(first);
        let start = self.lines.start(line);
        let rest = self.source.text.get(wide(last)..).unwrap_or_default();
        let end = wide(last) + rest.find('\n').unwrap_or(rest.len());
        (self.source.text.get(wide(start)..end).unwrap_or_default(), start, line)
    }
}

fn wide(offset: u32) -> usize {
    usize::try_from(offset).unwrap_or(usize::MAX)
}

fn groups<'a>(found: &'a Diagnostic, files: &[File<'a>]) -> Vec<Group<'a>> {
    let level = match found.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
        Severity::Note => Level::NOTE,
    };
    let mut group = level
        .primary_title(found.message.as_str())
        .id(found.code.as_str())
        .elements(std::iter::empty::<Snippet<'_, annotate_snippets::Annotation<'_>>>());
    let mut sources = vec![found.primary.span.source];
    for label in &found.secondary {
        if !sources.contains(&label.span.source) {
            sources.push(label.span.source);
        }
    }
    for source in sources {
        let Some(file) = files.get(wide(source)) else { continue };
        group = group.element(snippet(found, file, source));
    }
    let Some(fix) = &found.fix else {
        if let Some(help) = &found.help {
            group = group.element(Level::HELP.message(help.as_str()));
        }
        return vec![group];
    };
    let title = found.help.as_deref().unwrap_or(&fix.title);
    match patch(fix, title, files) {
        Some(help) => vec![group, help],
        None => vec![group.element(Level::HELP.message(title))],
    }
}

fn snippet<'a>(
    found: &'a Diagnostic,
    file: &File<'a>,
    source: u32,
) -> Snippet<'a, annotate_snippets::Annotation<'a>> {
    let secondary = found.secondary.iter().map(|label| (AnnotationKind::Context, label));
    let labels: Vec<_> = std::iter::once((AnnotationKind::Primary, &found.primary))
        .chain(secondary)
        .filter(|(_, label)| label.span.source == source)
        .collect();
    let spans: Vec<Span> = labels.iter().map(|(_, label)| label.span).collect();
    let (text, start, line) = file.excerpt(&spans);
    let mut snippet = Snippet::source(text).line_start(line).path(file.source.name.as_str());
    for (kind, label) in labels {
        let annotation = kind.span(within(label.span, start));
        let said = (!label.text.is_empty()).then_some(label.text.as_str());
        snippet = snippet.annotation(annotation.label(said));
    }
    snippet
}

fn patch<'a>(fix: &'a Fix, title: &'a str, files: &[File<'a>]) -> Option<Group<'a>> {
    let source = fix.edits.first()?.span.source;
    let file = files.get(wide(source))?;
    let spans: Vec<Span> = fix.edits.iter().map(|edit| edit.span).collect();
    let (text, start, line) = file.excerpt(&spans);
    let mut snippet = Snippet::source(text).line_start(line).path(file.source.name.as_str());
    for edit in &fix.edits {
        snippet = snippet.patch(Patch::new(within(edit.span, start), edit.replacement.as_str()));
    }
    Some(Level::HELP.secondary_title(title).element(snippet))
}

fn within(span: Span, start: u32) -> std::ops::Range<usize> {
    wide(span.start.saturating_sub(start))..wide(span.end.saturating_sub(start))
}

/// One finding for programs. Lines and columns count from 1, columns in characters.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Finding<'a> {
    /// `S0102`.
    pub code: Code,
    /// How bad.
    pub severity: Severity,
    /// What.
    pub message: &'a str,
    /// Where.
    pub place: Place<'a>,
    /// Other places that matter.
    pub also: Vec<Place<'a>>,
    /// What a person can do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub help: Option<&'a str>,
    /// What a program can do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fix: Option<Change<'a>>,
}

/// A place in a file.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Place<'a> {
    /// The source's name.
    pub file: &'a str,
    /// First line.
    pub line: usize,
    /// First column.
    pub column: usize,
    /// Last line.
    pub end_line: usize,
    /// One past the last column.
    pub end_column: usize,
    /// First byte, from 0.
    pub start: u32,
    /// One past the last byte.
    pub end: u32,
    /// What to say there.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub label: &'a str,
}

/// A change that removes the finding.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Change<'a> {
    /// What it does.
    pub title: &'a str,
    /// The replacements.
    pub edits: Vec<Replacement<'a>>,
}

/// One replaced range.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Replacement<'a> {
    /// What is replaced; empty to insert.
    pub place: Place<'a>,
    /// By what.
    pub replacement: &'a str,
}

/// All findings for programs; serialise them as JSON.
#[must_use]
pub fn findings<'a>(diagnostics: &'a [Diagnostic], sources: &'a [Source]) -> Vec<Finding<'a>> {
    let files: Vec<File<'_>> = sources.iter().map(File::new).collect();
    diagnostics.iter().map(|found| finding(found, &files)).collect()
}

/// A place in the sources, for whoever speaks of one without a finding.
#[must_use]
pub fn place(span: Span, sources: &[Source]) -> Place<'_> {
    let files: Vec<File<'_>> = sources.iter().map(File::new).collect();
    placed(span, "", &files)
}

fn finding<'a>(found: &'a Diagnostic, files: &[File<'a>]) -> Finding<'a> {
    let also = found.secondary.iter().map(|label| placed(label.span, &label.text, files)).collect();
    let fix = found.fix.as_ref().map(|fix| Change {
        title: &fix.title,
        edits: (fix.edits.iter())
            .map(|edit| Replacement {
                place: placed(edit.span, "", files),
                replacement: &edit.replacement,
            })
            .collect(),
    });
    Finding {
        code: found.code,
        severity: found.severity,
        message: &found.message,
        place: placed(found.primary.span, &found.primary.text, files),
        also,
        help: found.help.as_deref(),
        fix,
    }
}

fn placed<'a>(span: Span, label: &'a str, files: &[File<'a>]) -> Place<'a> {
    let file = files.get(wide(span.source));
    let position = |offset: u32| {
        file.map_or((0, 0), |file| {
            let line = file.lines.line(offset);
            let before = file.source.text.get(wide(file.lines.start(line))..wide(offset));
            (line, before.map_or(0, |text| text.chars().count()) + 1)
        })
    };
    let ((line, column), (end_line, end_column)) = (position(span.start), position(span.end));
    let file = file.map_or("", |file| file.source.name.as_str());
    Place { file, line, column, end_line, end_column, start: span.start, end: span.end, label }
}
