//! The result of a test run in the form that CI services read: JUnit's XML.
//!
//! Promise: well-formed whatever the names say; a minimum that was asked for is a case of its own.

use homeostat_graph::scenario::Outcome;
use homeostat_intent::render;

use super::Tested;

/// The whole document.
pub(super) fn document(tested: &Tested<'_>) -> String {
    let mut cases: Vec<(String, bool)> = Vec::new();
    for scenario in &tested.report.scenarios {
        cases.push((case(tested, scenario), !scenario.failures.is_empty()));
    }
    let coverage = tested.report.coverage.percent();
    if let Some(least) = tested.min_coverage {
        cases.push(minimum("coverage", coverage, least, tested.uncovered()));
    }
    if let (Some(least), Some(mutation)) = (tested.min_score, tested.mutation) {
        cases.push(minimum("mutation score", mutation.score(), least, tested.unnoticed()));
    }
    let failed = cases.iter().filter(|(_, failed)| *failed).count();
    let name = escaped(tested.spec.name.as_deref().unwrap_or("spec"));
    let counts = format!("tests=\"{}\" failures=\"{failed}\" errors=\"0\"", cases.len());
    let mut out = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    out.push_str(&format!("<testsuites name=\"homeostat test\" {counts}>\n"));
    out.push_str(&format!("  <testsuite name=\"{name}\" {counts} skipped=\"0\">\n"));
    out.push_str("    <properties>\n");
    out.push_str(&format!("      <property name=\"coverage\" value=\"{coverage}\"/>\n"));
    if let Some(mutation) = tested.mutation {
        let score = mutation.score();
        out.push_str(&format!("      <property name=\"mutation score\" value=\"{score}\"/>\n"));
    }
    out.push_str("    </properties>\n");
    for (case, _) in &cases {
        out.push_str(case);
    }
    out.push_str("  </testsuite>\n</testsuites>\n");
    out
}

fn case(tested: &Tested<'_>, scenario: &Outcome) -> String {
    let place = render::place(scenario.span, tested.sources);
    let (name, file, line) = (escaped(&scenario.name), escaped(place.file), place.line);
    let mut out = format!(
        "    <testcase name=\"{name}\" classname=\"{file}\" file=\"{file}\" line=\"{line}\""
    );
    if scenario.failures.is_empty() {
        out.push_str("/>\n");
        return out;
    }
    out.push_str(">\n");
    for failure in &scenario.failures {
        let message = escaped(&format!("at {} {}", failure.at, failure.expected));
        let mut found = format!("{}\n", tested.place(failure.span));
        for line in &failure.found {
            found.push_str(line);
            found.push('\n');
        }
        out.push_str(&format!(
            "      <failure message=\"{message}\">{}</failure>\n",
            escaped(&found)
        ));
    }
    out.push_str("    </testcase>\n");
    out
}

fn minimum(name: &str, found: usize, least: u8, missed: bool) -> (String, bool) {
    let open = format!("    <testcase name=\"{name}\" classname=\"homeostat test\"");
    if missed {
        let message = format!("{found}%, less than the {least}% asked for");
        (format!("{open}>\n      <failure message=\"{message}\"/>\n    </testcase>\n"), true)
    } else {
        (format!("{open}/>\n"), false)
    }
}

/// A text inside XML: what XML has no way to write is replaced.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\n' | '\t' => out.push(c),
            c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::escaped;

    #[test]
    fn what_xml_cannot_hold_is_replaced() {
        assert_eq!(escaped("a < \"b\" & c\u{1b}"), "a &lt; &quot;b&quot; &amp; c\u{fffd}");
    }
}
