//! What came of many runs, for people and for machines.
//!
//! In: one [`Result`] for each run, and the marks they reached. Out: JSON and `JUnit` XML.
//! Never: a time that is not given.
//! Promise: runs come in the order that they were asked for, however they were run.
//! Start reading at [`Report`].

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde::{Deserialize, Serialize};

use crate::marks;
use crate::oracle::Violation;

/// What came of a scenario's seeds, or of a suite.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// Which scenario or suite.
    pub name: String,
    /// In the order that they were asked for.
    pub results: Vec<Result>,
    /// How often each mark was reached.
    pub marks: Vec<MarkCount>,
}

/// What came of one run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Result {
    /// The scenario's or the Plan's file.
    pub of: String,
    /// Which seed of the scenario; none for a Plan.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seed: Option<u64>,
    /// In which lane.
    pub lane: String,
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

/// How often a mark was reached.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MarkCount {
    /// Which.
    pub name: String,
    /// In how many runs.
    pub runs: u64,
    /// Whether the suite must reach it.
    pub wanted: bool,
}

impl Result {
    /// Its name within what it is of: `seed 7`, or `plan`.
    #[must_use]
    pub fn case(&self) -> String {
        self.seed.map_or_else(|| "plan".to_owned(), |seed| format!("seed {seed}"))
    }

    /// Its name, in full.
    #[must_use]
    pub fn name(&self) -> String {
        format!("{} {} ({})", self.of, self.case(), self.lane)
    }
}

impl Report {
    /// How many runs broke a promise.
    #[must_use]
    pub fn failed(&self) -> usize {
        self.results.iter().filter(|result| !result.violations.is_empty()).count()
    }

    /// The marks that had to be reached and were not, each with its sentence.
    pub fn never_reached(&self) -> impl Iterator<Item = (&str, &'static str)> {
        self.marks.iter().filter(|mark| mark.wanted && mark.runs == 0).map(|mark| {
            let sentence = marks::named(&mark.name).map_or("", |known| known.sentence);
            (mark.name.as_str(), sentence)
        })
    }

    /// As JSON.
    #[must_use]
    pub fn to_json(&self) -> String {
        // Texts, numbers and lists always have a JSON form.
        serde_json::to_string_pretty(self).unwrap_or_default()
    }

    /// As `JUnit` XML: a test case for each run, a suite for each scenario and lane, and one for
    /// the marks that had to be reached.
    #[must_use]
    pub fn to_junit(&self) -> String {
        let mut groups: BTreeMap<(&str, &str), Vec<&Result>> = BTreeMap::new();
        for result in &self.results {
            groups.entry((&result.of, &result.lane)).or_default().push(result);
        }
        let (unreached, wanted) = (self.never_reached().count(), self.wanted().count());
        let (tests, failures) = (self.results.len() + wanted, self.failed() + unreached);
        let name = escape(&self.name);
        let mut xml = format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"{name}\" tests=\"{tests}\" failures=\"{failures}\">\n"
        );
        for ((of, lane), results) in groups {
            let suite = escape(&format!("{of} ({lane})"));
            let failed = results.iter().filter(|result| !result.violations.is_empty()).count();
            open_suite(&mut xml, &suite, results.len(), failed);
            results.iter().for_each(|result| write_case(&mut xml, &suite, result));
            xml.push_str("  </testsuite>\n");
        }
        if wanted > 0 {
            open_suite(&mut xml, "marks", wanted, unreached);
            self.wanted().for_each(|mark| write_mark(&mut xml, mark));
            xml.push_str("  </testsuite>\n");
        }
        xml.push_str("</testsuites>\n");
        xml
    }

    fn wanted(&self) -> impl Iterator<Item = &MarkCount> {
        self.marks.iter().filter(|mark| mark.wanted)
    }
}

// Writing to a string does not fail, here and below.
fn open_suite(xml: &mut String, name: &str, tests: usize, failures: usize) {
    let _written =
        writeln!(xml, "  <testsuite name=\"{name}\" tests=\"{tests}\" failures=\"{failures}\">");
}

fn write_case(xml: &mut String, suite: &str, result: &Result) {
    let case = result.case();
    if result.violations.is_empty() {
        let _written = writeln!(xml, "    <testcase classname=\"{suite}\" name=\"{case}\"/>");
        return;
    }
    let _written = writeln!(xml, "    <testcase classname=\"{suite}\" name=\"{case}\">");
    for violation in &result.violations {
        let (oracle, what) = (escape(&violation.oracle), escape(&violation.what));
        let replay = escape(result.replay.as_deref().unwrap_or_default());
        let _written =
            writeln!(xml, "      <failure type=\"{oracle}\" message=\"{what}\">{replay}</failure>");
    }
    xml.push_str("    </testcase>\n");
}

fn write_mark(xml: &mut String, mark: &MarkCount) {
    let name = escape(&mark.name);
    let _written = if mark.runs > 0 {
        writeln!(xml, "    <testcase classname=\"marks\" name=\"{name}\"/>")
    } else {
        writeln!(
            xml,
            "    <testcase classname=\"marks\" name=\"{name}\"><failure type=\"mark\" message=\"no run reached it\"/></testcase>"
        )
    };
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
        let of = |of: &str, seed, violations| Result {
            of: of.to_owned(),
            seed,
            lane: "native".to_owned(),
            trace: Some("ab".to_owned()),
            violations,
            ..Result::default()
        };
        let mark = |name: &str, runs| MarkCount { name: name.to_owned(), runs, wanted: true };
        Report {
            name: "suite smoke".to_owned(),
            results: vec![of("crm.toml", Some(1), vec![]), of("a.toml", None, vec![violation])],
            marks: vec![mark("gap-late", 3), mark("gap-waived", 0)],
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
        assert!(xml.contains("name=\"suite smoke\" tests=\"4\" failures=\"2\""), "{xml}");
        assert!(xml.contains("name=\"a.toml (native)\" tests=\"1\" failures=\"1\""), "{xml}");
        assert!(xml.contains("message=\"e3 &lt;is&gt; &quot;torn&quot; &amp; gone\""), "{xml}");
        assert!(xml.contains("name=\"gap-waived\"><failure"), "{xml}");
    }

    #[test]
    fn a_mark_that_no_run_reached_is_named_with_its_sentence() {
        let report = report();
        let never: Vec<_> = report.never_reached().collect();
        assert_eq!(never, [("gap-waived", "a person let a gap go")]);
    }
}
