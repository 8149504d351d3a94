//! Answers about a place or a document: hover, completion, definitions, outline, layout.
//!
//! In: a spec, the document's number in it, a byte. Out: the protocol's JSON.
//! Never: changes anything; see `actions` for what offers edits.

use homeostat_intent::analysis::{CompletionKind, Entry, EntryKind, Text};
use homeostat_intent::{Span, codes, format, parse};
use lsp_server::ErrorCode;
use serde_json::{Value, json};

use super::documents::{Spec, range};
use super::protocol::{At, DocumentSymbol, Location, TextEdit};
use super::server::{Answer, Refused, location, value};

pub(super) fn hover(spec: &Spec, source: u32, offset: u32, _: &At) -> Answer {
    let hover = spec.analysis.hover(source, offset);
    let mut parts: Vec<String> = hover.iter().map(|hover| hover.text.clone()).collect();
    let mut spans: Vec<Span> = hover.iter().map(|hover| hover.span).collect();
    // The page of a finding is shown where the finding is.
    for found in spec.analysis.diagnostics() {
        let span = found.primary.span;
        let here = span.source == source && (span.start..=span.end).contains(&offset);
        if let Some(page) = codes::page(found.code.as_str()).filter(|_| here) {
            let text = page.explanation.replace('\n', " ");
            parts.push(format!("**{}**: {}\n\n{text}", page.code, page.title));
            spans.push(span);
        }
    }
    let Some(span) = spans.first() else { return Ok(Value::Null) };
    let text = Text::new(spec.text(source));
    Ok(json!({
        "contents": { "kind": "markdown", "value": parts.join("\n\n---\n\n") },
        "range": range(&text, *span),
    }))
}

pub(super) fn completion(spec: &Spec, source: u32, offset: u32, _: &At) -> Answer {
    let text = Text::new(spec.text(source));
    let offers = spec.analysis.complete(source, offset);
    let items = offers.iter().enumerate().map(|(index, offer)| {
        json!({
            "label": offer.label,
            "kind": completion_kind(offer.kind),
            "documentation": { "kind": "markdown", "value": offer.detail },
            // Editors sort by this, and else by the letters.
            "sortText": format!("{index:04}"),
            "filterText": offer.label,
            "textEdit": { "range": range(&text, offer.replace), "newText": offer.insert },
        })
    });
    Ok(json!({ "isIncomplete": false, "items": items.collect::<Vec<Value>>() }))
}

const fn completion_kind(kind: CompletionKind) -> u8 {
    match kind {
        CompletionKind::Keyword => 14,
        CompletionKind::Choice => 20,
        CompletionKind::Event => 23,
        CompletionKind::Entity => 7,
        CompletionKind::Attribute => 5,
        CompletionKind::State => 20,
        CompletionKind::Measure => 12,
        CompletionKind::Threshold => 21,
        CompletionKind::Action => 3,
        CompletionKind::Parameter => 6,
        CompletionKind::Clause => 18,
    }
}

pub(super) fn definition(spec: &Spec, source: u32, offset: u32, _: &At) -> Answer {
    locations(spec, &spec.analysis.definitions(source, offset))
}

pub(super) fn references(spec: &Spec, source: u32, offset: u32, at: &At) -> Answer {
    let declarations = at.context.include_declaration;
    locations(spec, &spec.analysis.references(source, offset, declarations))
}

fn locations(spec: &Spec, spans: &[Span]) -> Answer {
    let locations: Vec<Location> = spans.iter().map(|span| location(spec, *span)).collect();
    value(locations)
}

pub(super) fn highlight(spec: &Spec, source: u32, offset: u32, _: &At) -> Answer {
    let text = Text::new(spec.text(source));
    let places = spec.analysis.references(source, offset, true).into_iter();
    let own = places.filter(|span| span.source == source);
    value(own.map(|span| json!({ "range": range(&text, span) })).collect::<Vec<Value>>())
}

pub(super) fn prepare_rename(spec: &Spec, source: u32, offset: u32, _: &At) -> Answer {
    let (span, name) = spec
        .analysis
        .renamable(source, offset)
        .map_err(|refusal| Refused(ErrorCode::RequestFailed, refusal.to_string()))?;
    let text = Text::new(spec.text(source));
    Ok(json!({ "range": range(&text, span), "placeholder": name }))
}

pub(super) fn symbols(spec: &Spec, source: u32) -> Answer {
    let text = Text::new(spec.text(source));
    let entries = spec.analysis.outline(source);
    value(entries.iter().map(|entry| symbol(&text, entry)).collect::<Vec<_>>())
}

fn symbol(text: &Text<'_>, entry: &Entry) -> DocumentSymbol {
    let kind = match entry.kind {
        EntryKind::System => 3,
        EntryKind::Entity => 5,
        EntryKind::Attribute => 8,
        EntryKind::State => 22,
        EntryKind::Event => 24,
        EntryKind::Measure => 13,
        EntryKind::Setting => 14,
        EntryKind::Action => 12,
        EntryKind::Block => 2,
        EntryKind::Duty => 6,
        EntryKind::Assertion => 17,
        EntryKind::Contract => 11,
        EntryKind::Scenario => 4,
    };
    DocumentSymbol {
        name: entry.name.clone(),
        kind,
        range: range(text, entry.span),
        selection_range: range(text, entry.place),
        children: entry.children.iter().map(|child| symbol(text, child)).collect(),
    }
}

/// A text that cannot be read is left as it is.
pub(super) fn formatting(spec: &Spec, source: u32) -> Answer {
    let before = spec.text(source);
    if !parse(before).faults.is_empty() {
        return Ok(Value::Null);
    }
    value(difference(before, &format(before), source))
}

/// The one edit that makes `after` of `before`: what both begin and end with stays.
pub(super) fn difference(before: &str, after: &str, source: u32) -> Vec<TextEdit> {
    if before == after {
        return Vec::new();
    }
    let head = common(before.chars().zip(after.chars()));
    let (rest_before, rest_after) =
        (before.get(head..).unwrap_or_default(), after.get(head..).unwrap_or_default());
    let tail = common(rest_before.chars().rev().zip(rest_after.chars().rev()));
    let narrow = |offset: usize| u32::try_from(offset).unwrap_or(u32::MAX);
    let span = Span { source, start: narrow(head), end: narrow(before.len() - tail) };
    let new_text = rest_after.get(..rest_after.len() - tail).unwrap_or_default().to_owned();
    vec![TextEdit { range: range(&Text::new(before), span), new_text }]
}

/// How many bytes are the same, from the first pair on.
fn common(pairs: impl Iterator<Item = (char, char)>) -> usize {
    pairs.take_while(|(one, other)| one == other).map(|(one, _)| one.len_utf8()).sum()
}

#[cfg(test)]
#[expect(clippy::indexing_slicing, reason = "a test says what it expects")]
mod tests {
    use super::*;

    #[test]
    fn only_what_differs_is_replaced() {
        let edits = difference("must:  f(é)\n", "must: f(é)\n", 0);
        assert_eq!(edits.len(), 1);
        assert_eq!((edits[0].range.start.character, edits[0].range.end.character), (6, 7));
        assert_eq!(edits[0].new_text, "");
        assert!(difference("a", "a", 0).is_empty());
        assert_eq!(difference("aa", "aaa", 0)[0].new_text, "a");
    }
}
