//! What came of many seeds, for people and for machines.
//!
//! In: one [`Result`] for each seed. Out: JSON and `JUnit` XML. Never: a time that is not given.
//! Promise: seeds come in their order, however they were run. Start reading at [`Report`].

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};

use crate::oracle::Violation;

/// What came of some seeds of one scenario.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// Which scenario.
    pub scenario: String,
    /// In which lane.
    pub lane: String,
    /// In order of seed.
    pub results: Vec<Result>,
}

/// What came of one seed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Result {
    /// Which.
    pub seed: u64,
    /// Names the run; none when it could not be run to its end.
    pub trace: Option<String>,
    /// Events in the log at the end.
    pub events: u64,
    /// How long the run was, in virtual microseconds.
    pub virtual_micros: i64,
    /// Every promise that it broke.
    pub violations: Vec<Violation>,
    /// The command that runs it again, when it broke any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replay: Option<String>,
}

impl Report {
    /// How many seeds broke a promise.
    #[must_use]
    pub fn failed(&self) -> usize {
        self.results.iter().filter(|result| !result.violations.is_empty()).count()
    }

    /// As JSON.
    #[must_use]
    pub fn to_json(&self) -> String {
        // Texts, numbers and lists always have a JSON form.
        serde_json::to_string_pretty(self).unwrap_or_default()
    }

    /// As `JUnit` XML: a test case for each seed.
    #[must_use]
    pub fn to_junit(&self) -> String {
        let mut xml = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
        let (tests, failures) = (self.results.len(), self.failed());
        let suite = escape(&format!("{} ({})", self.scenario, self.lane));
        // Writing to a string does not fail.
        let _written = writeln!(
            xml,
            "<testsuites tests=\"{tests}\" failures=\"{failures}\">\n  <testsuite name=\"{suite}\" tests=\"{tests}\" failures=\"{failures}\">"
        );
        for result in &self.results {
            let _written = write_case(&mut xml, &suite, result);
        }
        xml.push_str("  </testsuite>\n</testsuites>\n");
        xml
    }
}

fn write_case(xml: &mut String, suite: &str, result: &Result) -> std::fmt::Result {
    let seed = result.seed;
    if result.violations.is_empty() {
        return writeln!(xml, "    <testcase classname=\"{suite}\" name=\"seed {seed}\"/>");
    }
    writeln!(xml, "    <testcase classname=\"{suite}\" name=\"seed {seed}\">")?;
    for violation in &result.violations {
        let (oracle, what) = (escape(&violation.oracle), escape(&violation.what));
        let replay = escape(result.replay.as_deref().unwrap_or_default());
        writeln!(xml, "      <failure type=\"{oracle}\" message=\"{what}\">{replay}</failure>")?;
    }
    writeln!(xml, "    </testcase>")
}

/// Text as XML has it. Characters that XML cannot hold at all become spaces.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\n' => escaped.push_str("&#10;"),
            control if control.is_control() => escaped.push(' '),
            other => escaped.push(other),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report() -> Report {
        let violation =
            Violation { oracle: "chain".to_owned(), what: "e3 <is> \"torn\" & gone".to_owned() };
        let fine = Result { seed: 1, trace: Some("ab".to_owned()), ..Result::default() };
        let broken = Result { seed: 2, violations: vec![violation], ..Result::default() };
        Report {
            scenario: "crm".to_owned(),
            lane: "native".to_owned(),
            results: vec![fine, broken],
        }
    }

    #[test]
    fn json_reads_back_equal() {
        let read: std::result::Result<Report, _> = serde_json::from_str(&report().to_json());
        assert_eq!(read.ok(), Some(report()));
    }

    #[test]
    fn junit_counts_failures_and_escapes_what_xml_reserves() {
        let xml = report().to_junit();
        assert!(xml.contains("tests=\"2\" failures=\"1\""), "{xml}");
        assert!(xml.contains("message=\"e3 &lt;is&gt; &quot;torn&quot; &amp; gone\""), "{xml}");
    }
}
