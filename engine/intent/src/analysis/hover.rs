//! What is said about the thing under the cursor, in Markdown.
//!
//! In: a place. Out: a text and the place that it is about.
//! Never: repeats a finding; the editor shows those itself.
//! Start reading at [`Analysis::hover`].

use super::Analysis;
use super::place::token_at;
use super::symbols::{Kind, Symbol};
use crate::ast;
use crate::lowered::{Direction, Duty, Entity};
use crate::source::Span;
use crate::tree::{SyntaxKind, SyntaxToken};
use crate::words::{WORDS, Word};

/// A text about a place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hover {
    /// What it is about.
    pub span: Span,
    /// In Markdown.
    pub text: String,
}

impl Analysis {
    /// What there is to say about a place.
    #[must_use]
    pub fn hover(&self, source: u32, offset: u32) -> Option<Hover> {
        if let Some(here) = self.at(source, offset) {
            return Some(Hover { span: here.span, text: self.about(&here.symbol) });
        }
        let token = token_at(self.tree(source)?, offset)?;
        let span = ast::token_span(source, &token);
        let text = match token.kind() {
            SyntaxKind::Word => {
                let word = word_here(&token)?;
                format!("**{}**: {}", word.word, word.help)
            }
            SyntaxKind::Number => in_words(token.text())?,
            SyntaxKind::Hole => format!("`{}`: a value that is still to be decided", token.text()),
            _ => return None,
        };
        Some(Hover { span, text })
    }

    fn about(&self, symbol: &Symbol) -> String {
        let name = &symbol.name;
        let mut text = format!("**{}** `{name}`", symbol.kind.word());
        let more = match symbol.kind {
            Kind::Entity => self.known.entities.get(name).map(entity),
            Kind::Attribute => self.attribute(&symbol.owner, name),
            Kind::State => self.state(&symbol.owner, name),
            Kind::Event | Kind::Alias => Some(self.event(name)),
            Kind::Measure => self.known.measures.get(name).map(|measure| {
                let (from, values) = (list(&measure.from), list(&measure.attributes));
                format!(" of `{}`\n\nread from the newest {from}: {values}", measure.entity)
            }),
            Kind::Value => Some(format!(" `{}`", symbol.owner)),
            Kind::Threshold => self.known.thresholds.get(name).map(|level| {
                let way = match level.direction {
                    Some(Direction::Falling) => ", crossed coming down to it",
                    Some(Direction::Rising) => ", crossed coming up to it",
                    None => "",
                };
                format!(": {}{way}", level.value)
            }),
            Kind::Action => Some(self.action(name)),
            Kind::Parameter => Some(format!(" of `{}`", symbol.owner)),
            Kind::Label => self.labelled(name),
            Kind::Metric => {
                self.spec().metrics.iter().find(|metric| metric.name == *name).map(|metric| {
                    format!("\n\nsampled from {}: {}", list(&metric.samples), list(&metric.fields))
                })
            }
            Kind::Invariant | Kind::Capability | Kind::Step => None,
        };
        text.push_str(&more.unwrap_or_default());
        if self.all(symbol).all(|found| !found.definition) && symbol.kind != Kind::Step {
            text.push_str("\n\ndeclared nowhere; inferred from its use");
        }
        text
    }

    fn attribute(&self, entity: &str, name: &str) -> Option<String> {
        let (of, many) = self.known.attribute(entity, name)?;
        let many = if many { "many of them" } else { "one value" };
        Some(match of {
            Some(of) => format!(" of `{entity}`: {many}, each the name of `{of}`"),
            None => format!(" of `{entity}`: {many}"),
        })
    }

    fn state(&self, entity: &str, name: &str) -> Option<String> {
        let known = self.known.entities.get(entity)?;
        let state = known.states.iter().find(|state| state.name == name)?;
        let mut text = format!(" of `{entity}`\n\nfrom {}", list(&state.from));
        if !state.until.is_empty() {
            text.push_str(&format!(" until {}", list(&state.until)));
        }
        Some(text)
    }

    fn event(&self, name: &str) -> String {
        let canonical = self.known.canonical(name).unwrap_or(name);
        let mut text = String::new();
        let Some(event) = self.known.events.get(canonical) else { return text };
        if canonical != name {
            text.push_str(&format!(" `{canonical}`"));
        }
        if let Some(entity) = &event.entity {
            text.push_str(&format!(", about `{entity}`"));
        }
        if !event.aliases.is_empty() {
            text.push_str(&format!("\n\nin logs also {}", list(&event.aliases)));
        }
        let triggers = self.spec().blocks.iter();
        let triggers =
            triggers.filter(|b| b.trigger.events().iter().any(|e| e == canonical)).count();
        if triggers > 0 {
            text.push_str(&format!(
                "\n\ntriggers {triggers} block{}",
                if triggers == 1 { "" } else { "s" }
            ));
        }
        let mut satisfies: Vec<String> = (self.spec().duties())
            .filter(|duty| duty.satisfied_by.iter().any(|event| event == canonical))
            .map(|duty| duty.action.clone())
            .collect();
        satisfies.sort();
        satisfies.dedup();
        if !satisfies.is_empty() {
            text.push_str(&format!("\n\nsatisfies {}", list(&satisfies)));
        }
        text
    }

    fn action(&self, name: &str) -> String {
        let mut text = String::new();
        if let Some(action) = self.known.actions.get(name) {
            let parameters = action.parameters.iter().map(|(name, entity)| match entity {
                Some(entity) => format!("{name}: {entity}"),
                None => name.clone(),
            });
            let parameters: Vec<String> = parameters.collect();
            text.push_str(&format!("\n\n```intent\naction {name}({})\n", parameters.join(", ")));
            for setting in &action.settings {
                text.push_str(&format!("  {setting}\n"));
            }
            text.push_str("```");
        }
        let duties: Vec<&Duty> = self.spec().duties().filter(|d| d.action == name).collect();
        if !self.known.actions.contains_key(name)
            && let Some(duty) = duties.first()
        {
            text.push_str(&format!("\n\nsatisfied by {}", list(&duty.satisfied_by)));
        }
        for duty in duties {
            let within = duty.within.map(|length| format!(", within {length}"));
            text.push_str(&format!("\n\n* `{}`{}", duty.slug, within.unwrap_or_default()));
        }
        text
    }

    fn labelled(&self, label: &str) -> Option<String> {
        let here = Symbol::new(Kind::Label, label);
        let place = self.all(&here).find(|found| found.definition)?.span;
        let around = |span: Span| {
            span.source == place.source && span.start <= place.start && place.end <= span.end
        };
        let duty = self.spec().duties().find(|duty| around(duty.span))?;
        Some(format!("\n\n{}, called `{}` in gaps", duty.text, duty.slug))
    }
}

fn entity(entity: &Entity) -> String {
    let mut text = String::new();
    for attribute in &entity.attributes {
        let many = if attribute.many { "[]" } else { "" };
        let of = match &attribute.entity {
            Some(of) if *of != attribute.name => format!(": {of}"),
            _ => String::new(),
        };
        text.push_str(&format!("\n* `{}{many}`{of}", attribute.name));
    }
    for state in &entity.states {
        text.push_str(&format!("\n* state `{}`", state.name));
    }
    if text.is_empty() { text } else { format!("\n{text}") }
}

fn list(names: &[String]) -> String {
    let quoted: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    quoted.join(", ")
}

/// What a word of the language says where it stands.
fn word_here(token: &SyntaxToken) -> Option<&'static Word> {
    let parent = token.parent()?;
    let mut all = WORDS.iter().filter(|word| word.word.eq_ignore_ascii_case(token.text()));
    let setting = parent.kind() == SyntaxKind::Setting;
    // A word that is no name here is a keyword, or the key of a setting.
    let first = ast::meaning(&parent).next()? == *token;
    let names = matches!(
        parent.kind(),
        SyntaxKind::Path
            | SyntaxKind::Arg
            | SyntaxKind::Field
            | SyntaxKind::Record
            | SyntaxKind::Error
    );
    if names || (setting && !first) {
        return None;
    }
    let place = |word: &&Word| word.place.has_keys() == setting;
    all.rfind(place)
}

/// `5s` → `5 seconds`.
fn in_words(text: &str) -> Option<String> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = match text.strip_prefix(digits)? {
        "us" => "microsecond",
        "ms" => "millisecond",
        "s" => "second",
        "m" => "minute",
        "h" => "hour",
        "d" => "day",
        "w" => "week",
        "mo" => "calendar month",
        "y" => "calendar year",
        _ => return None,
    };
    let many = if digits == "1" { "" } else { "s" };
    Some(format!("{digits} {unit}{many}"))
}
