//! What changes documents: renaming, and the fixes that findings carry.
//!
//! In: a spec and what is asked. Out: edits for the editor to apply, in all documents of the spec.
//! Never: offers half of a fix. Promise: edits carry the versions that they were made for, where the
//! editor understands them, so that none is applied to another text.

use std::collections::BTreeMap;

use homeostat_intent::analysis::Text;
use homeostat_intent::diagnostic::Edit;
use homeostat_intent::{Diagnostic, Options, Span, fixes};
use lsp_server::ErrorCode;
use serde_json::{Value, json};

use super::answers::difference;
use super::documents::{Spec, byte, range};
use super::protocol::{Range, TextEdit};
use super::server::{Answer, Refused, value};

pub(super) fn rename(spec: &Spec, source: u32, offset: u32, name: &str, versioned: bool) -> Answer {
    let edits = spec
        .analysis
        .rename(source, offset, name)
        .map_err(|refusal| Refused(ErrorCode::RequestFailed, refusal.to_string()))?;
    Ok(workspace_edit(spec, &edits, versioned))
}

/// What can be done about the findings in a range.
pub(super) fn offered(spec: &Spec, source: u32, asked: Range, versioned: bool) -> Answer {
    let text = spec.text(source);
    let asked = Span { source, start: byte(text, asked.start), end: byte(text, asked.end) };
    let mut offers = Vec::new();
    for found in spec.analysis.diagnostics() {
        let span = found.primary.span;
        if span.source != source || span.start > asked.end || asked.start > span.end {
            continue;
        }
        if let Some(fix) = &found.fix {
            let edit = workspace_edit(spec, &fix.edits, versioned);
            offers.push(offer(spec, found, &fix.title, !fix.guess, &edit));
        }
        if let Some((title, edit)) = spec.analysis.declaring(found) {
            let edit = workspace_edit(spec, &[edit], versioned);
            offers.push(offer(spec, found, &title, false, &edit));
        }
    }
    offers.extend(mend_all(spec, versioned));
    value(offers)
}

fn offer(spec: &Spec, found: &Diagnostic, title: &str, preferred: bool, edit: &Value) -> Value {
    let text = Text::new(spec.text(found.primary.span.source));
    json!({
        "title": title,
        "kind": "quickfix",
        "isPreferred": preferred,
        "diagnostics": [{
            "range": range(&text, found.primary.span),
            "message": found.message,
            "code": found.code.as_str(),
            "source": "homeostat",
        }],
        "edit": edit,
    })
}

/// Everything that leaves no choice, as `homeostat check --fix` would.
fn mend_all(spec: &Spec, versioned: bool) -> Option<Value> {
    let mended = fixes::mend(spec.analysis.sources(), Options::default(), false);
    if mended.applied.is_empty() {
        return None;
    }
    let mut changes: BTreeMap<u32, Vec<TextEdit>> = BTreeMap::new();
    for (source, after) in (0_u32..).zip(&mended.sources) {
        let edits = difference(spec.text(source), &after.text, source);
        if !edits.is_empty() {
            changes.insert(source, edits);
        }
    }
    Some(json!({
        "title": "mend all that leaves no choice",
        "kind": "source.fixAll",
        "edit": in_documents(spec, changes, versioned),
    }))
}

fn workspace_edit(spec: &Spec, edits: &[Edit], versioned: bool) -> Value {
    let mut changes: BTreeMap<u32, Vec<TextEdit>> = BTreeMap::new();
    for edit in edits {
        let text = Text::new(spec.text(edit.span.source));
        let new = TextEdit { range: range(&text, edit.span), new_text: edit.replacement.clone() };
        changes.entry(edit.span.source).or_default().push(new);
    }
    in_documents(spec, changes, versioned)
}

fn in_documents(spec: &Spec, changes: BTreeMap<u32, Vec<TextEdit>>, versioned: bool) -> Value {
    if !versioned {
        let changes: BTreeMap<&str, Vec<TextEdit>> =
            changes.into_iter().map(|(source, edits)| (spec.uri(source), edits)).collect();
        return json!({ "changes": changes });
    }
    let documents = changes.into_iter().map(|(source, edits)| {
        let version = usize::try_from(source).ok().and_then(|at| spec.versions.get(at));
        json!({
            "textDocument": { "uri": spec.uri(source), "version": version.copied().flatten() },
            "edits": edits,
        })
    });
    json!({ "documentChanges": documents.collect::<Vec<Value>>() })
}
