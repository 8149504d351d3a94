#![expect(clippy::unwrap_used, reason = "tests")]

use super::*;

fn errors(text: &str) -> String {
    AgentsFile::parse(text).unwrap_err().to_string()
}

fn agent(rest: &str) -> String {
    format!("[[agent]]\nname = \"a\"\nfor = \"*\"\n{rest}\n")
}

#[test]
fn an_agent_that_names_an_action_goes_before_the_one_for_any() {
    let file = AgentsFile::parse(
        "[[agent]]\nname = \"any\"\nfor = \"*\"\nkind = \"mock\"\n\
         [[agent]]\nname = \"scorer\"\nfor = [\"score\", \"rescore\"]\nkind = \"mock\"\n",
    )
    .unwrap();
    let name = |action: &str| file.member_for(action).map(|member| member.name.as_str());
    assert_eq!(
        (name("score"), name("rescore"), name("ack")),
        (Some("scorer"), Some("scorer"), Some("any"))
    );
    assert_eq!(AgentsFile::default().member_for("score"), None);
}

#[test]
fn defaults_hold_where_an_agent_says_nothing() {
    let file = AgentsFile::parse(
        "[defaults]\ntime = \"5s\"\ncost_max = 0.1\ncost_per_run = 0.01\n\
         [[agent]]\nname = \"a\"\nfor = \"x\"\nkind = \"mock\"\n\
         [[agent]]\nname = \"b\"\nfor = \"y\"\nkind = \"mock\"\ntime = \"1m\"\ncost_max = 1\n",
    )
    .unwrap();
    let terms = |name: &str| {
        let member = file.member(name).unwrap();
        (member.time, member.cost_max, member.cost_per_run)
    };
    assert_eq!(terms("a"), (Duration::from_secs(5), 100_000, 10_000));
    assert_eq!(terms("b"), (Duration::from_secs(60), 1_000_000, 10_000));
}

#[test]
fn a_command_is_taken_as_it_stands() {
    let text = agent(
        "kind = \"command\"\ncommand = [\"python3\", \"a b.py\"]\nenv = { X = \"1\" }\npass_env = [\"KEY\"]\ncwd = \"work\"",
    );
    let file = AgentsFile::parse(&text).unwrap();
    let Kind::Command(command) = &file.members().first().unwrap().kind else {
        unreachable!("it is a command");
    };
    assert_eq!(command.argv, ["python3", "a b.py"]);
    assert_eq!(command.pass_env, ["KEY"]);
    assert_eq!(command.cwd.as_deref(), Some("work"));
}

#[test]
fn a_mistake_of_toml_itself_names_its_line() {
    assert!(errors("[[agent]]\nname = \"a\nfor = 1").starts_with("line 2: "));
    let unknown = errors(&agent("kind = \"mock\"\ntkaes = \"1s\""));
    assert!(
        unknown.starts_with("line 5: unknown field `tkaes`, expected one of `name`"),
        "{unknown}"
    );
    assert!(errors("[[agent]]\nname = \"a\"\nkind = \"mock\"").contains("missing field `for`"));
}

#[test]
fn every_mistake_is_found_in_one_pass_and_says_what_to_do() {
    let text = r#"
[defaults]
cost_max = -1

[[agent]]
name = "a/b"
for = []
kind = "mock"
takes = ["2s", "1s"]
plan = ["resolve", "resolv"]
chance = { resolve = 1 }

[[agent]]
name = "twice"
for = ["score"]
kind = "mock"
time = "soon"
chance = { resolve = 0 }
append = { data = { trend = { from = 9, to = 1 } } }
command = ["true"]

[[agent]]
name = "twice"
for = ["score", "*"]
kind = "command"
plan = "resolve"
cost_per_run = 2
cost_max = 1

[[agent]]
name = "third"
for = "score"
kind = "magic"

[[agent]]
name = "fourth"
for = "score"
kind = "mock"
plan = []
"#;
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("../../../../snapshots/agents");
    settings.set_prepend_module_to_snapshot(false);
    settings.bind(|| insta::assert_snapshot!("bad-agents-file", errors(text)));
}

#[test]
fn every_example_of_the_format_page_is_accepted() {
    let page = include_str!("../../agents-file.md");
    let examples: Vec<&str> = page
        .split("```toml\n")
        .skip(1)
        .filter_map(|rest| rest.split_once("```").map(|(example, _)| example))
        .collect();
    assert!(examples.len() >= 3, "the page has {} examples", examples.len());
    for example in examples {
        AgentsFile::parse(example).unwrap();
    }
}

#[test]
fn the_scenario_of_the_customer_platform_has_agents_that_fail_stall_and_ask() {
    let text = include_str!("../../../../scenarios/agents/crm.toml");
    let file = AgentsFile::parse(text).unwrap();
    let deeds: Vec<Deed> = file
        .members()
        .iter()
        .filter_map(|member| match &member.kind {
            Kind::Mock(Script { plan: Plan::Cycle(deeds), .. }) => Some(deeds.clone()),
            Kind::Mock(Script { plan: Plan::Weighted(weights), .. }) => {
                Some(weights.keys().copied().collect())
            }
            Kind::Command(_) => None,
        })
        .flatten()
        .collect();
    for deed in [Deed::Resolve, Deed::Fail, Deed::Stall, Deed::NeedsHuman, Deed::WrongKey] {
        assert!(deeds.contains(&deed), "nobody does {deed:?}");
    }
    for action in [
        "update_engagement_score",
        "acknowledge_to_rep",
        "alert_rep",
        "log_alert_event",
        "notify_account_manager",
        "share_history",
        "setup_notification_channel",
        "escalate_to_sales_director",
    ] {
        assert!(file.member_for(action).is_some(), "nobody does `{action}`");
    }
}
