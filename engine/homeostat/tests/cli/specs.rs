//! The verbs that work on specs: check, fmt, graph, help-code, explain of a code.

use crate::bench::{Bench, golden, workspace};

/// A small spec without any finding.
pub(crate) const ORDERS: &str = r#"system "orders" {
  entity order {
    has: customer
  }
  event order.placed
  event order.confirmed
  event order.shipped
  event support.called
  action confirm(order) {
    satisfied_by: order.confirmed
    by: system
  }
  action ship(order) {
    satisfied_by: order.shipped
    by: agent
  }
  when order.placed {
    must: confirm(order)
      within: 5s
    should: ship(order)
      within: 2d
  }
}
"#;

/// Ten lines that are wrong, each in its own way.
const TEN_MISTAKES: &str = r#"event order.placed
event order.confirmed
action confirm(order) { satisfied_by: order.confirmed }
threshold low: 45 sideways
threshold high: "forty-five"
limits { max_agents: 5 }
limits { max_concurrent_agents: many }
when order.placed {
  mustt: confirm(order)
  must: confirm(order
    within: 5parsecs
  if order.total crosses threshold.lowe { must: confirm(order) }
  if order.total ><> 5 { must: confirm(order) }
  must confirm(order)
  must: confirm(order) fallback
}
entity { has: x }
entity order {
  has: customer
"#;

#[test]
fn a_good_spec_is_fine() {
    let bench = Bench::new();
    bench.write("orders.intent", ORDERS);
    let run = bench.run(&["check", "orders.intent"]).fine();
    golden("check-good", &run.stdout);
    let json = bench.run(&["check", "orders.intent", "--format", "json"]).fine().json();
    assert_eq!(json["errors"], 0, "{json}");
    assert_eq!(json["spec"]["name"], "orders");
    assert_eq!(json["spec"]["duties"], 2);
}

#[test]
fn many_mistakes_are_all_told_in_one_pass() {
    let bench = Bench::new();
    bench.write("bad.intent", TEN_MISTAKES);
    let run = bench.run(&["check", "bad.intent"]).ended(1);
    golden("check-ten-mistakes", &run.stdout);
    let json = bench.run(&["check", "bad.intent", "--format", "json"]).ended(1).json();
    assert!(json["errors"].as_u64().unwrap() >= 10, "{json}");
    let found = json["diagnostics"].as_array().unwrap();
    assert!(found.iter().all(|one| one["code"].as_str().unwrap().starts_with('S')), "{json}");
}

#[test]
fn warnings_fail_a_check_only_when_they_are_denied() {
    let bench = Bench::new();
    // `ship` is declared nowhere, so it is inferred, with a warning.
    bench
        .write("loose.intent", "event order.placed\nwhen order.placed {\n  must: ship(order)\n}\n");
    bench.run(&["check", "loose.intent"]).fine().shows("warning[");
    bench.run(&["check", "loose.intent", "--deny-warnings"]).ended(1);
    bench.run(&["check", "loose.intent", "--strict"]).ended(1).shows("error[");
}

#[test]
fn a_folder_is_one_spec() {
    let bench = Bench::new();
    let crm = workspace("scenarios/specs/crm");
    bench.run(&["check", crm.to_str().unwrap()]).fine();
}

#[test]
fn a_spec_comes_from_standard_input_too() {
    Bench::new().run_with_input(&["check", "-"], ORDERS).fine();
    Bench::new().run_with_input(&["check", "-"], "when {").ended(1).shows("<stdin>");
}

#[test]
fn what_cannot_be_read_is_said() {
    let bench = Bench::new();
    bench.run(&["check"]).ended(2).says("no spec was named");
    bench.run(&["check", "gone.intent"]).ended(2).says("cannot read `gone.intent`");
    std::fs::create_dir(bench.path("empty")).unwrap();
    bench.run(&["check", "empty"]).ended(2).says("holds no `.intent` file");
    std::fs::write(bench.path("latin.intent"), b"event a\n# caf\xe9\n").unwrap();
    bench
        .run(&["check", "latin.intent"])
        .ended(2)
        .says("is not UTF-8 text: a wrong byte in line 2");
}

#[test]
fn formatting_is_done_once() {
    let bench = Bench::new();
    let path =
        bench.write("a.intent", "event   order.placed\nwhen order.placed{must:ship( order )}\n");
    bench.run(&["fmt", "--check", "a.intent"]).ended(1).shows("a.intent");
    bench.run(&["fmt", "a.intent"]).fine();
    let once = std::fs::read_to_string(&path).unwrap();
    bench.run(&["fmt", "--check", "a.intent"]).fine();
    bench.run(&["fmt", "a.intent"]).fine();
    assert_eq!(std::fs::read_to_string(&path).unwrap(), once);
    golden("fmt", &once);
}

#[test]
fn standard_input_is_formatted_to_standard_output() {
    let run = Bench::new().run_with_input(&["fmt", "-"], ORDERS).fine();
    assert_eq!(run.stdout, ORDERS);
    let json = Bench::new().run_with_input(&["fmt", "-", "--format", "json"], ORDERS).fine().json();
    assert_eq!(json["formatted"], ORDERS);
}

#[test]
fn a_spec_with_mistakes_is_not_formatted() {
    let bench = Bench::new();
    let path = bench.write("bad.intent", "when {\n");
    bench.run(&["fmt", "bad.intent"]).ended(2).says("homeostat check");
    assert_eq!(std::fs::read_to_string(path).unwrap(), "when {\n");
}

#[test]
fn a_graph_is_drawn_in_four_ways() {
    let bench = Bench::new();
    bench.write("orders.intent", ORDERS);
    for drawing in ["text", "mermaid", "dot", "svg"] {
        let run = bench.run(&["graph", "orders.intent", "--format", drawing]).fine();
        let before = bench.run(&["graph", "orders.intent", "--as", drawing]).fine();
        assert_eq!(before.stdout, run.stdout, "as it was asked for before");
        golden(&format!("graph-{drawing}"), &run.stdout);
    }
    let json = bench.run(&["graph", "orders.intent", "--format", "json"]).fine().json();
    assert_eq!(json["blocks"][0]["trigger"]["Events"][0], "order.placed");
}

#[test]
fn a_spec_with_mistakes_has_no_graph() {
    Bench::new().run_with_input(&["graph", "-"], "when {\n").ended(2).says("error[");
}

#[test]
fn every_code_has_a_page() {
    let bench = Bench::new();
    let list = bench.run(&["help-code", "--format", "json"]).fine().json();
    let codes = list.as_array().unwrap();
    assert!(codes.len() > 20);
    let code = codes[0]["code"].as_str().unwrap();
    let page = bench.run(&["help-code", code]).fine().stdout;
    assert_eq!(page, bench.run(&["explain", &code.to_lowercase()]).fine().stdout);
    golden("code", &page);
    bench.run(&["explain", "S9999"]).ended(2).says("`S9999`");
    let listed = bench.run(&["explain"]).fine().stdout;
    assert_eq!(listed.lines().count(), codes.len());
    assert_eq!(listed, bench.run(&["explain", "--list"]).fine().stdout);
    assert_eq!(listed, bench.run(&["help-code"]).fine().stdout);
}

/// Mistakes of every sort: two that leave no choice, one guess, one that nothing can mend.
const MENDABLE: &str = "limits { max_agents_per_gapp: 2 }\nentity order { has: total }\n\
    threshold large: 5\nevent order.placed\naction ship(order)\nwhen order.placed {\n  \
    must ship(order)\n  if order.total > threshold.lagre {\n    must: ship(order)\n  }\n  \
    must: ship(order, order)\n    within: soon\n}\n";

#[test]
fn what_leaves_no_choice_is_mended_and_the_rest_told() {
    let bench = Bench::new();
    let path = bench.write("a.intent", MENDABLE);
    let diff = bench.run(&["check", "--fix", "--diff", "a.intent"]).ended(1);
    golden("check-fix-diff", &format!("{}--\n{}", diff.stdout, diff.stderr));
    assert_eq!(std::fs::read_to_string(&path).unwrap(), MENDABLE);
    let run = bench.run(&["check", "--fix", "a.intent"]).ended(1);
    golden("check-fix", &format!("{}--\n{}", run.stdout, run.stderr));
    let mended = std::fs::read_to_string(&path).unwrap();
    assert!(mended.contains("max_agents_per_gap:") && mended.contains("must: ship(order)\n"));
    assert!(mended.contains("threshold.lagre"), "a name is guessed only on request: {mended}");
    let again = bench.run(&["check", "--fix", "a.intent", "--format", "json"]).ended(1).json();
    assert_eq!((again["mended"].as_array().unwrap().len(), &again["guesses_left"]), (0, &1.into()));
    bench.run(&["check", "--fix", "--guess", "a.intent"]).ended(1).shows("write `large`");
    assert!(std::fs::read_to_string(&path).unwrap().contains("threshold.large"));
}

#[test]
fn mending_a_sound_spec_changes_nothing() {
    let bench = Bench::new();
    let path = bench.write("orders.intent", ORDERS);
    bench.run(&["check", "--fix", "orders.intent"]).fine();
    bench.run(&["check", "--fix", "--diff", "orders.intent"]).fine();
    assert_eq!(std::fs::read_to_string(&path).unwrap(), ORDERS);
}

#[test]
fn standard_input_is_mended_as_a_difference_only() {
    let bench = Bench::new();
    bench.run_with_input(&["check", "--fix", "-"], MENDABLE).ended(2).says("--diff");
    bench
        .run_with_input(&["check", "--fix", "--diff", "-"], MENDABLE)
        .ended(1)
        .shows("+  must: ship");
    bench.run(&["check", "--diff", "a.intent"]).ended(2).says("--fix");
}
