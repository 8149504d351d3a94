//! Every verb explains itself.

use crate::bench::{Bench, golden};

const VERBS: [&str; 16] = [
    "demo",
    "check",
    "fmt",
    "test",
    "graph",
    "explain",
    "import",
    "export",
    "append",
    "gaps",
    "review",
    "verify",
    "serve",
    "lsp",
    "completions",
    "help-code",
];

#[test]
fn the_command_explains_itself() {
    golden("help", &Bench::new().run(&["--help"]).fine().stdout);
}

#[test]
fn every_verb_explains_itself_with_examples() {
    let bench = Bench::new();
    let overview = bench.run(&["--help"]).fine().stdout;
    for verb in VERBS {
        assert!(overview.contains(&format!("  {verb} ")), "{verb} is missing: {overview}");
        let help = bench.run(&[verb, "--help"]).fine().stdout;
        assert!(help.contains("Examples:\n  homeostat"), "{verb} shows no example");
        // The global options are the same everywhere; `help.snap` holds them.
        let own = help.split("Global options:").next().unwrap();
        let examples = help.split("Examples:").nth(1).unwrap();
        golden(&format!("help-{verb}"), &format!("{own}[global options]\n\nExamples:{examples}"));
    }
}

#[test]
fn help_goes_to_standard_output_and_usage_errors_do_not() {
    let bench = Bench::new();
    assert_eq!(bench.run(&["check", "--help"]).fine().stderr, "");
    assert_eq!(bench.run(&["check", "--nonsense"]).ended(2).stdout, "");
}
