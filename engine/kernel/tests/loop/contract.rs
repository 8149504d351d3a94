//! What the contract says is answered by whoever it names, and by nobody else.

use homeostat_graph::Verdict;
use homeostat_kernel::{Adoption, Finding, Handle, ReportError};
use homeostat_log::control::GapKind;
use homeostat_log::{Actor, Control};
use homeostat_world::Duration;

use crate::doors::{SPEC, WILLING, World, event};

const CONTRACT: &str = r#"
    entity page
    event page.made
    always { assert shown: every(page) is reachable_through_projection }
    invariant event_log_intact
    invariant shown
    invariant backups_restore { check: "./restore" }
    invariant no_dark_patterns { review: human }
    capability sell { property: fair unless no_dark_patterns }
"#;

fn world() -> World {
    World::new(&format!("{SPEC}{CONTRACT}"), WILLING)
}

fn finding(check: &str, holds: Option<bool>, by: &str) -> Finding {
    Finding {
        check: check.to_owned(),
        instance: None,
        holds,
        detail: "as I saw it".to_owned(),
        by: by.to_owned(),
    }
}

fn of_page(page: &str, holds: bool) -> Finding {
    let check = "reachable_through_projection";
    Finding { instance: Some(format!("page/{page}")), ..finding(check, Some(holds), "crawler") }
}

async fn verdict(handle: &Handle, name: &str) -> Verdict {
    let contract = handle.contract().await.unwrap();
    contract.iter().find(|it| it.standing.name == name).unwrap().standing.verdict
}

async fn gap(handle: &Handle, name: &str) -> Option<GapKind> {
    let gaps = handle.gaps().await.unwrap();
    gaps.iter().find(|it| it.slug == name).map(|it| it.kind)
}

#[tokio::test(start_paused = true)]
async fn a_person_answers_for_what_is_theirs_and_stands_in_the_log_each_time() {
    let world = world();
    let (handle, running) = world.start().await;
    assert_eq!(verdict(&handle, "no_dark_patterns").await, Verdict::Undetermined);
    assert_eq!(verdict(&handle, "fair").await, Verdict::Undetermined);
    for (holds, expected) in [
        (Some(false), Verdict::Violated),
        (None, Verdict::Violated),
        (Some(true), Verdict::Holds),
        (Some(true), Verdict::Holds),
        (None, Verdict::Undetermined),
    ] {
        let reported = handle.report(finding("no_dark_patterns", holds, "maria")).await.unwrap();
        assert!(reported.is_news, "a person's word is theirs each time");
        assert_eq!(verdict(&handle, "no_dark_patterns").await, expected, "after {holds:?}");
        world.wait(1).await;
        let open = gap(&handle, "no_dark_patterns").await;
        let violated = expected == Verdict::Violated;
        assert_eq!(open, violated.then_some(GapKind::Consistency), "after {holds:?}");
    }
    let contract = handle.contract().await.unwrap();
    let line = contract.iter().find(|it| it.standing.name == "no_dark_patterns").unwrap();
    let report = line.report.as_ref().unwrap();
    assert_eq!((report.holds, report.by.as_deref()), (None, Some("maria")));
    let events = world.events().await;
    let said = events.iter().find(|it| it.position == report.position).unwrap();
    assert_eq!(said.event.actor, Actor::Human("maria".to_owned()));
    running.stop().await;
    // All of it is a fold of the log.
    let (again, running) = world.start().await;
    assert_eq!(again.contract().await.unwrap(), contract);
    running.stop().await;
}

#[tokio::test(start_paused = true)]
async fn what_a_command_answers_is_written_down_where_it_is_news() {
    let (world, by) = (world(), "./restore");
    let (handle, running) = world.start().await;
    let mut news = Vec::new();
    for holds in [Some(true), Some(true), None, None, Some(false), Some(false), Some(true)] {
        let reported = handle.report(finding("backups_restore", holds, by)).await.unwrap();
        news.push(reported.is_news);
    }
    assert_eq!(news, [true, false, true, false, true, false, true]);
    assert_eq!(verdict(&handle, "backups_restore").await, Verdict::Holds);
    running.stop().await;
}

#[tokio::test(start_paused = true)]
async fn nobody_answers_for_what_is_not_theirs() {
    let world = world();
    let (handle, running) = world.start().await;
    let before = world.events().await.len();
    let refused =
        async |check: &str| handle.report(finding(check, Some(true), "maria")).await.unwrap_err();
    for own in ["event_log_intact", "state_matches_replay"] {
        assert!(matches!(refused(own).await, ReportError::Own(_)), "{own}");
    }
    assert!(matches!(refused("shown").await, ReportError::Assertion(_)));
    for unknown in ["fair", "backups"] {
        let error = refused(unknown).await.to_string();
        let known =
            "expected `backups_restore`, `no_dark_patterns`, `reachable_through_projection`";
        assert!(error.ends_with(known), "{error}");
    }
    assert_eq!(world.events().await.len(), before, "nothing of it is in the log");
    running.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_checker_of_instances_is_heard_about_those_that_are_there() {
    let world = world();
    let (handle, running) = world.start().await;
    let no_page = handle.report(of_page("p1", false)).await.unwrap_err();
    assert!(matches!(no_page, ReportError::NoInstance(_)), "{no_page}");
    let made = event(&world, "page.made", "1", &serde_json::json!({ "page": "p1" }));
    handle.append(made).await.unwrap();
    let untold = handle.report(Finding { holds: None, ..of_page("p1", true) }).await.unwrap_err();
    assert!(matches!(untold, ReportError::Untold(_)), "{untold}");
    let mut news = Vec::new();
    for holds in [true, false, false, true, true] {
        news.push(handle.report(of_page("p1", holds)).await.unwrap().is_news);
        let expected = if holds { Verdict::Holds } else { Verdict::Violated };
        assert_eq!(verdict(&handle, "shown").await, expected);
    }
    assert_eq!(news, [false, true, false, true, false], "what is not known to be violated holds");
    running.stop().await;
}

#[tokio::test(start_paused = true)]
async fn what_the_engine_itself_judges_is_known_soon_after_it_is_asked() {
    let asks = |text: &str| homeostat_intent::Source {
        name: "test.intent".to_owned(),
        text: format!("{SPEC}{text}"),
    };
    let mut world = World::new(SPEC, WILLING);
    world.settings.check_every = Some(Duration::from_secs(86_400));
    let (handle, running) = world.start().await;
    world.wait(1).await;
    let waiting = tokio::join!(handle.next_check(), async {
        let sources = vec![asks(CONTRACT)];
        let adoption = Adoption { sources, by: "ada".to_owned(), expected: None };
        handle.adopt(adoption).await.unwrap();
    });
    assert_eq!(waiting.0.unwrap().checks, ["state_matches_replay", "event_log_intact"]);
    world.wait(1).await;
    assert_eq!(verdict(&handle, "event_log_intact").await, Verdict::Holds);
    running.stop().await;
    let said = |control: &Control| matches!(control, Control::CheckReported { holds, .. } if *holds == Some(true));
    let controls = world.events().await;
    let controls = controls.iter().filter_map(Control::from_event).map(Result::unwrap);
    assert_eq!(controls.filter(said).count(), 1, "once, and only what the contract asks");
}
