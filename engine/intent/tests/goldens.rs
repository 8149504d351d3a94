//! Goldens: what is said about each bad spec, and the customer platform as lowered.
#![expect(clippy::unwrap_used, clippy::disallowed_methods, reason = "tests read their fixtures")]

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use homeostat_intent::lowered::{Duty, Item, Spec};
use homeostat_intent::{Source, load, render};

fn specs() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scenarios/specs")
}

fn read(path: &str) -> Source {
    let text = std::fs::read_to_string(specs().join(path)).unwrap();
    Source { name: path.to_owned(), text }
}

fn golden(name: &str, text: &str) {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("../../../snapshots/intent");
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!(name, text));
}

#[test]
fn every_bad_spec_is_told_what_is_wrong() {
    let mut names: Vec<String> = std::fs::read_dir(specs().join("bad"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_str().unwrap().to_owned())
        .collect();
    names.sort();
    assert!(names.len() >= 25);
    for name in names {
        let sources = [read(&format!("bad/{name}"))];
        let found = load(&sources).diagnostics;
        assert!(!found.is_empty(), "{name}");
        let stem = name.trim_end_matches(".intent").replace('_', "-");
        golden(&format!("bad-{stem}"), &render::text(&found, &sources, false));
    }
}

#[test]
fn ten_errors_give_ten_messages_in_one_pass() {
    let sources = [read("bad/ten_errors.intent")];
    let found = load(&sources).diagnostics;
    let errors = found.iter().filter(|d| d.severity == homeostat_intent::Severity::Error);
    assert_eq!(errors.count(), 10, "{}", render::text(&found, &sources, false));
    let json = serde_json::to_string_pretty(&render::findings(&found, &sources)).unwrap();
    golden("ten-errors-json", &json);
}

#[test]
fn colour_changes_nothing_but_colour() {
    let sources = [read("bad/ten_errors.intent")];
    let found = load(&sources).diagnostics;
    let coloured = render::text(&found, &sources, true);
    assert!(coloured.contains("\u{1b}["));
    let mut plain = String::new();
    let mut rest = coloured.as_str();
    while let Some((before, after)) = rest.split_once("\u{1b}[") {
        plain.push_str(before);
        rest = after.split_once('m').unwrap().1;
    }
    plain.push_str(rest);
    assert_eq!(plain, render::text(&found, &sources, false));
}

#[test]
fn the_customer_platform_lowers_to_what_it_says() {
    let sources = [read("crm/customer_platform.intent"), read("crm/declarations.intent")];
    golden("customer-platform-lowered", &outline(&load(&sources).spec));
}

/// The lowered spec as an outline: every decision that the language took, on a line each.
fn outline(spec: &Spec) -> String {
    let mut out = format!("system {:?}\n", spec.name);
    for entity in &spec.entities {
        writeln!(out, "entity {}", entity.name).unwrap();
        for a in &entity.attributes {
            let many = if a.many { "[]" } else { "" };
            let of = a.entity.as_ref().map(|e| format!(": {e}")).unwrap_or_default();
            writeln!(out, "  {}{many}{of}", a.name).unwrap();
        }
        for state in &entity.states {
            writeln!(out, "  state {} from {:?} until {:?}", state.name, state.from, state.until)
                .unwrap();
        }
    }
    for event in &spec.events {
        writeln!(out, "event {} {:?} about {:?}", event.name, event.aliases, event.entity).unwrap();
    }
    for m in &spec.measures {
        writeln!(out, "measure {}({}) from {:?} {:?}", m.name, m.entity, m.from, m.attributes)
            .unwrap();
    }
    for t in &spec.thresholds {
        writeln!(out, "threshold {} {} {:?}", t.name, t.value, t.direction).unwrap();
    }
    for block in &spec.blocks {
        writeln!(out, "when {:?}", block.trigger).unwrap();
        body(&mut out, spec, &block.body, 1);
    }
    for a in &spec.assertions {
        writeln!(out, "always {} #{} {:?}: {}", a.slug, a.id, a.origin, a.text).unwrap();
        writeln!(out, "  of every {:?} with {:?}\n  {:?}", a.over, a.filter, a.check).unwrap();
    }
    writeln!(out, "{:?}\ntime zone {:?}", spec.limits, spec.time_zone).unwrap();
    for later in &spec.unevaluated {
        writeln!(out, "not evaluated yet: {}", later.what).unwrap();
    }
    out
}

fn body(out: &mut String, spec: &Spec, items: &[Item], depth: usize) {
    let indent = "  ".repeat(depth);
    for item in items {
        match item {
            Item::Duty(d) => duty(out, d, depth, "owed"),
            Item::ForEach(each) => {
                writeln!(out, "{indent}{}\n{indent}  = {:?}", each.text, each.condition).unwrap();
                body(out, spec, &each.body, depth + 1);
            }
            Item::Guard(guard) => {
                writeln!(out, "{indent}if {}", guard.text).unwrap();
                writeln!(out, "{indent}  = {:?}", guard.condition).unwrap();
                let slug = |id| spec.duties().find(|d| d.id == id).unwrap().slug.clone();
                let awaits: Vec<String> = guard.awaits.iter().map(|id| slug(*id)).collect();
                writeln!(out, "{indent}  decided after {awaits:?}").unwrap();
                body(out, spec, &guard.body, depth + 1);
            }
        }
    }
}

fn duty(out: &mut String, duty: &Duty, depth: usize, word: &str) {
    let indent = "  ".repeat(depth);
    writeln!(out, "{indent}{word} {:?} {} #{} {}", duty.strength, duty.slug, duty.id, duty.text)
        .unwrap();
    writeln!(
        out,
        "{indent}  by {:?}, external {}, within {:?}",
        duty.by, duty.external, duty.within
    )
    .unwrap();
    writeln!(out, "{indent}  satisfied by {:?}", duty.satisfied_by).unwrap();
    for a in &duty.arguments {
        writeln!(out, "{indent}  {:?} {} : {:?} = {:?}", a.name, a.text, a.role, a.value).unwrap();
    }
    for r in &duty.requires {
        writeln!(out, "{indent}  requires {} from {:?} until {:?}", r.name, r.from, r.until)
            .unwrap();
    }
    if let Some(fallback) = &duty.fallback {
        self::duty(out, fallback, depth + 1, "else owed");
    }
}

#[test]
fn the_customer_platform_formats_to_a_regular_layout() {
    let text = read("crm/customer_platform.intent").text;
    golden("customer-platform-formatted", &homeostat_intent::format(&text));
    let text = read("seed/breakers.intent").text;
    assert_eq!(homeostat_intent::format(&text), text);
}
