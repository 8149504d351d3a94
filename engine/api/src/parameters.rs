//! Query parameters and `Accept`, each read once and by name.
//!
//! In: the request's head. Out: typed values, or a problem that names the parameter.
//! Never: ignores a parameter it does not know, since a misspelt filter would silently match all.
//! Start reading at [`Parameters::take`].

use std::fmt::Display;
use std::str::FromStr;

use axum::Json;
use axum::extract::{FromRequestParts, Query};
use axum::response::{IntoResponse, Response};
use homeostat_graph::Consequences;
use http::HeaderMap;
use http::header::ACCEPT;
use http::request::Parts;

use crate::problem::{Code, Problem};

/// The parameters of a query that nobody has taken yet.
#[derive(Debug)]
pub(crate) struct Parameters {
    left: Vec<(String, String)>,
    known: Vec<&'static str>,
}

impl<S: Sync> FromRequestParts<S> for Parameters {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let Query(left) = Query::try_from_uri(&parts.uri).map_err(|error| {
            Problem::new(Code::BadParameter, format!("the query is not readable: {error}"))
        })?;
        Ok(Self { left, known: Vec::new() })
    }
}

impl Parameters {
    /// The parameter `name`, when it is there.
    pub(crate) fn take<T>(&mut self, name: &'static str) -> Result<Option<T>, Problem>
    where
        T: FromStr<Err: Display>,
    {
        self.known.push(name);
        let mut values = self.left.extract_if(.., |(found, _)| found == name);
        let first = values.next();
        let more = values.count();
        let Some((_, text)) = first else { return Ok(None) };
        if more > 0 {
            let detail = format!("parameter `{name}` stands {} times; expected once", more + 1);
            return Err(Problem::new(Code::BadParameter, detail).field(name));
        }
        text.parse().map(Some).map_err(|error| bad(name, &text, &error))
    }

    /// A count between 1 and `most`, or `default`.
    pub(crate) fn count(
        &mut self,
        name: &'static str,
        default: usize,
        most: usize,
    ) -> Result<usize, Problem> {
        match self.take::<usize>(name)? {
            None => Ok(default),
            Some(count) if (1..=most).contains(&count) => Ok(count),
            Some(count) => {
                let detail =
                    format!("parameter `{name}` is `{count}`; expected a number from 1 to {most}");
                Err(Problem::new(Code::BadParameter, detail).field(name))
            }
        }
    }

    /// One of `choices`, when the parameter is there.
    pub(crate) fn choice(
        &mut self,
        name: &'static str,
        choices: &[&'static str],
    ) -> Result<Option<&'static str>, Problem> {
        let Some(text) = self.take::<String>(name)? else { return Ok(None) };
        match choices.iter().find(|choice| **choice == text) {
            Some(choice) => Ok(Some(choice)),
            None => {
                let choices = choices.join("`, `");
                let detail = format!("parameter `{name}` is `{text}`; expected one of `{choices}`");
                Err(Problem::new(Code::BadParameter, detail).field(name))
            }
        }
    }

    /// Nothing may be left.
    pub(crate) fn finish(self) -> Result<(), Problem> {
        let Some((name, _)) = self.left.first() else { return Ok(()) };
        let problem = Problem::new(Code::BadParameter, format!("unknown parameter `{name}`"))
            .field(name.clone());
        Err(if self.known.is_empty() {
            problem.help("this path takes no parameters")
        } else {
            problem.help(format!("this path takes `{}`", self.known.join("`, `")))
        })
    }
}

pub(crate) fn bad(name: &'static str, text: &str, error: &impl Display) -> Problem {
    let detail = format!("parameter `{name}` is `{text}`: {error}");
    Problem::new(Code::BadParameter, detail).field(name)
}

/// What should have followed, and what did, as the request wants it written.
pub(crate) fn explained(explanation: Consequences, format: Format) -> Response {
    match format {
        Format::Text => explanation.to_string().into_response(),
        Format::Json => Json(explanation).into_response(),
    }
}

/// How an answer is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    /// For people.
    Text,
    /// For programs.
    Json,
}

/// What `?format=` says, or else `Accept`, or else text.
pub(crate) fn format(parameters: &mut Parameters, headers: &HeaderMap) -> Result<Format, Problem> {
    match parameters.choice("format", &["text", "json"])? {
        Some("json") => Ok(Format::Json),
        Some(_) => Ok(Format::Text),
        None => accepted(headers),
    }
}

fn accepted(headers: &HeaderMap) -> Result<Format, Problem> {
    let mut ranges = headers
        .get_all(ACCEPT)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(range)
        .peekable();
    if ranges.peek().is_none() {
        return Ok(Format::Text);
    }
    let ranges: Vec<_> = ranges.collect();
    let json = weight(&ranges, "application", "json");
    let text = weight(&ranges, "text", "plain");
    if json <= 0.0 && text <= 0.0 {
        return Err(Problem::new(
            Code::NotAcceptable,
            "`Accept` allows neither `text/plain` nor `application/json`",
        )
        .field("accept")
        .help("ask for one of the two, or add `?format=text` or `?format=json`"));
    }
    Ok(if json > text { Format::Json } else { Format::Text })
}

/// One range of `Accept`: type, subtype and weight.
fn range(text: &str) -> (&str, &str, f32) {
    let mut parts = text.split(';');
    let (kind, subtype) =
        parts.next().unwrap_or_default().trim().split_once('/').unwrap_or(("", ""));
    let weight = parts
        .filter_map(|part| part.trim().strip_prefix("q="))
        .find_map(|q| q.parse::<f32>().ok())
        .unwrap_or(1.0);
    (kind, subtype, weight)
}

/// What the most precise range that covers `kind/subtype` gives it.
fn weight(ranges: &[(&str, &str, f32)], kind: &str, subtype: &str) -> f32 {
    let mut best = (0, 0.0);
    for (range_kind, range_subtype, weight) in ranges {
        let precision = if range_kind.eq_ignore_ascii_case(kind) {
            if range_subtype.eq_ignore_ascii_case(subtype) {
                3
            } else if *range_subtype == "*" {
                2
            } else {
                0
            }
        } else {
            u8::from(*range_kind == "*" && *range_subtype == "*")
        };
        if precision > best.0 {
            best = (precision, *weight);
        }
    }
    best.1
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accept(text: &'static str) -> Result<Format, u16> {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, http::HeaderValue::from_static(text));
        accepted(&headers).map_err(|problem| problem.status)
    }

    #[test]
    fn the_most_precise_and_heaviest_range_decides() {
        assert_eq!(accept("*/*"), Ok(Format::Text));
        assert_eq!(accept("application/json"), Ok(Format::Json));
        assert_eq!(accept("Application/JSON; q=0.5"), Ok(Format::Json));
        assert_eq!(accept("text/plain;q=0.2, application/*;q=0.3"), Ok(Format::Json));
        assert_eq!(accept("application/json;q=0, */*"), Ok(Format::Text));
        assert_eq!(accept("text/html, */*;q=0.1"), Ok(Format::Text));
        assert_eq!(accept("image/png"), Err(406));
        assert_eq!(accept("text/plain;q=0"), Err(406));
    }
}
