//! Renames a symbol in all sources of a spec, or says why not.
//!
//! In: a place, the new name. Out: edits that do not overlap.
//! Never: changes what the spec says but for the name: what another word reads by a rule, such as
//! `requires: consent` the event `consent.granted`, cannot be renamed alone.
//! Promise: after the edits the spec has as many findings as before, of the same codes, and the
//! new name occurs wherever the old one did; else it is refused. Start at [`Analysis::rename`].

use super::Analysis;
use super::symbols::{Form, Kind, Occurrence, Symbol};
use crate::diagnostic::Edit;
use crate::fixes::edited;
use crate::lexer;
use crate::lower::singular;
use crate::source::{Source, Span};
use crate::tree::SyntaxKind;

/// Why something is not renamed, as a fragment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal(pub String);

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Refusal {}

impl Analysis {
    /// The place of the name that would be renamed, and what it is now.
    ///
    /// # Errors
    /// When there is no name, or one that cannot be renamed.
    pub fn renamable(&self, source: u32, offset: u32) -> Result<(Span, String), Refusal> {
        let here =
            self.at(source, offset).ok_or_else(|| Refusal("this is not a name".to_owned()))?;
        let linked = self.all(&here.symbol).any(|found| {
            self.occurrences.iter().any(|other| {
                other.form == Form::Plural
                    && other.span == found.span
                    && here.symbol.kind == Kind::Attribute
            })
        });
        if linked {
            return Err(Refusal(format!(
                "`{}` is named after the entity `{}`; rename that",
                here.symbol.name,
                singular(&here.symbol.name)
            )));
        }
        if let Some(derived) = self.all(&here.symbol).find(|found| found.form == Form::Derived) {
            return Err(Refusal(format!(
                "`{}` is read by its name, as `{}`; rename both by hand",
                here.symbol.name,
                self.text(derived.span)
            )));
        }
        Ok((here.span, here.symbol.name.clone()))
    }

    /// The edits that give the symbol at a place another name.
    ///
    /// # Errors
    /// When the place or the name will not do, or the spec would say something else afterwards.
    pub fn rename(&self, source: u32, offset: u32, name: &str) -> Result<Vec<Edit>, Refusal> {
        self.renamable(source, offset)?;
        let Some(here) = self.at(source, offset) else { return Ok(Vec::new()) };
        let name = new_name(here, name)?;
        let symbol = Symbol { name: name.clone(), ..here.symbol.clone() };
        if symbol == here.symbol {
            return Ok(Vec::new());
        }
        if self.taken(&symbol) {
            return Err(Refusal(format!(
                "there is already {} `{name}`",
                with_article(symbol.kind)
            )));
        }
        let mut edits: Vec<Edit> = Vec::new();
        for found in self.all(&here.symbol) {
            let Some(replacement) = written(found, &name)? else { continue };
            if !edits.iter().any(|edit| edit.span == found.span) {
                edits.push(Edit { span: found.span, replacement });
            }
        }
        self.unchanged_by(&edits, &here.symbol, &symbol)?;
        Ok(edits)
    }

    /// Whether something has the new name already. Events and their other names share one space.
    fn taken(&self, symbol: &Symbol) -> bool {
        let event = |kind| matches!(kind, Kind::Event | Kind::Alias);
        self.occurrences.iter().any(|found| {
            let other = &found.symbol;
            other.name == symbol.name
                && other.owner == symbol.owner
                && (other.kind == symbol.kind || event(other.kind) && event(symbol.kind))
        })
    }

    /// Loads the spec as it would be, and compares.
    fn unchanged_by(&self, edits: &[Edit], old: &Symbol, new: &Symbol) -> Result<(), Refusal> {
        let sources = (0_u32..).zip(&self.sources).map(|(index, source)| {
            let own: Vec<Edit> =
                edits.iter().filter(|edit| edit.span.source == index).cloned().collect();
            Source { name: source.name.clone(), text: edited(&source.text, &own) }
        });
        let after = Self::of(sources.collect());
        let codes = |analysis: &Self| {
            let mut codes: Vec<&str> =
                analysis.diagnostics().iter().map(|found| found.code.as_str()).collect();
            codes.sort_unstable();
            codes.join(" ")
        };
        let places = |analysis: &Self, symbol: &Symbol| {
            analysis.all(symbol).filter(|found| found.form != Form::Implied).count()
        };
        let same = codes(self) == codes(&after)
            && places(self, old) == places(&after, new)
            && places(&after, old) == 0;
        if same {
            return Ok(());
        }
        Err(Refusal(format!("with the name `{}` the spec would say something else", new.name)))
    }
}

/// The new name of a symbol: a word, or for an event words with dots or any text.
fn new_name(here: &Occurrence, name: &str) -> Result<String, Refusal> {
    let name = name.trim();
    let event = matches!(here.symbol.kind, Kind::Event | Kind::Alias);
    let name = match here.form {
        // The cursor stood on `created` of `alert.created`.
        Form::Short if !name.contains('.') => match here.symbol.name.rsplit_once('.') {
            Some((entity, _)) => format!("{entity}.{name}"),
            None => name.to_owned(),
        },
        _ => name.to_owned(),
    };
    let fine = if event {
        !name.is_empty() && !name.contains(['"', '\\']) && !name.chars().any(char::is_control)
    } else {
        is_word(&name)
    };
    if fine {
        return Ok(name);
    }
    Err(Refusal(format!("`{name}` cannot be the name of {}", with_article(here.symbol.kind))))
}

fn is_word(name: &str) -> bool {
    matches!(lexer::tokens(name).as_slice(), [one] if one.kind == SyntaxKind::Word)
}

/// Whether a name of an event needs no quotes.
fn is_dotted(name: &str) -> bool {
    name.split('.').all(is_word)
}

/// How an occurrence is written with the new name; nothing where the name does not stand.
fn written(found: &Occurrence, name: &str) -> Result<Option<String>, Refusal> {
    Ok(match found.form {
        Form::Implied | Form::Derived => None,
        Form::Plural => {
            let many = plural(name);
            if singular(&many) != name {
                return Err(Refusal(format!("`{name}` has no plural that the language knows")));
            }
            Some(many)
        }
        Form::Short => {
            let entity = found.symbol.name.rsplit_once('.').map_or("", |(entity, _)| entity);
            let rest = name.strip_prefix(entity).and_then(|rest| rest.strip_prefix('.'));
            let short = rest.filter(|rest| is_word(rest)).unwrap_or(name);
            Some(if is_dotted(short) { short.to_owned() } else { format!("\"{short}\"") })
        }
        Form::Whole => {
            let bare = !matches!(found.symbol.kind, Kind::Event | Kind::Alias) || is_dotted(name);
            Some(if bare { name.to_owned() } else { format!("\"{name}\"") })
        }
    })
}

fn plural(name: &str) -> String {
    match name.strip_suffix('y') {
        Some(stem) if !stem.ends_with(['a', 'e', 'i', 'o', 'u']) => format!("{stem}ies"),
        _ => format!("{name}s"),
    }
}

fn with_article(kind: Kind) -> String {
    let word = kind.word();
    let article = if word.starts_with(['a', 'e', 'i', 'o', 'u']) { "an" } else { "a" };
    format!("{article} {word}")
}
