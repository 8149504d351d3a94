//! What is reported, and what is no news.

use super::*;

fn violation(instance: Option<&str>) -> Violation {
    Violation { instance: instance.map(str::to_owned), detail: "49 of 50 rows".to_owned() }
}

fn found(check: &'static str, found: Found) -> Checked {
    let found = BTreeMap::from([(check, found)]);
    Checked { position: Position::new(41), at: Timestamp::EPOCH, found }
}

fn violations(instances: &[Option<&str>]) -> Found {
    Found::Violations(instances.iter().map(|instance| violation(*instance)).collect())
}

/// `control` as the log has it.
fn written(control: &Control) -> Event {
    let event = control.to_new_event(Timestamp::EPOCH, Position::new(41), 1);
    let event = event.unwrap_or_else(|error| unreachable!("{error}"));
    Event { position: Position::new(42), recorded: Timestamp::EPOCH, event }
}

/// Writes down what is news, as the loop does.
fn report(reports: &mut Reports, checked: &Checked) -> Vec<(Option<String>, bool)> {
    let news = reports.news(checked, |check| check == "asked");
    let mut told = Vec::new();
    for control in news {
        reports.on_control(&control, &written(&control));
        if let Control::CheckReported { instance, holds, .. } = control {
            told.push((instance, holds.unwrap_or_default()));
        }
    }
    told
}

fn named(instance: &str, holds: bool) -> (Option<String>, bool) {
    (Some(instance.to_owned()), holds)
}

#[test]
fn only_what_differs_from_the_last_report_is_news() {
    let mut reports = Reports::default();
    let nothing = found("rows", violations(&[]));
    assert!(report(&mut reports, &nothing).is_empty(), "nothing was wrong before either");
    let both = found("rows", violations(&[Some("deal/d1"), Some("deal/d2")]));
    let told = report(&mut reports, &both);
    assert_eq!(told, [named("deal/d1", false), named("deal/d2", false)]);
    assert!(report(&mut reports, &both).is_empty(), "it is known");
    let other = found("rows", violations(&[Some("deal/d2"), Some("deal/d3")]));
    let told = report(&mut reports, &other);
    assert_eq!(told, [named("deal/d3", false), named("deal/d1", true)]);
    let standing: Vec<_> = reports.standing("rows").map(|(instance, _)| instance).collect();
    assert_eq!(standing, [Some("deal/d2"), Some("deal/d3")]);
    report(&mut reports, &nothing);
    assert!(!reports.any());
    let whole = found("rows", violations(&[None]));
    assert_eq!(report(&mut reports, &whole), [(None, false)]);
    assert!(report(&mut reports, &whole).is_empty());
    let kept = serde_json::to_vec(&reports).unwrap_or_default();
    assert_eq!(serde_json::from_slice::<Reports>(&kept).ok().as_ref(), Some(&reports));
}

#[test]
fn what_cannot_be_told_neither_breaks_nor_mends_anything() {
    let mut reports = Reports::default();
    report(&mut reports, &found("rows", violations(&[None])));
    let unknown = found("rows", Found::Undetermined("no disk".to_owned()));
    assert!(report(&mut reports, &unknown).is_empty());
    assert!(report(&mut reports, &found("columns", violations(&[]))).is_empty());
    assert_eq!(reports.standing("rows").count(), 1);
}

#[test]
fn more_than_can_be_said_at_once_is_said_the_next_time() {
    let mut reports = Reports::default();
    let names: Vec<String> = (0..=CHECK_REPORTS_MAX).map(|n| format!("deal/{n}")).collect();
    let all: Vec<Option<&str>> = names.iter().map(|name| Some(name.as_str())).collect();
    let all = found("rows", violations(&all));
    assert_eq!(report(&mut reports, &all).len(), CHECK_REPORTS_MAX);
    assert_eq!(report(&mut reports, &all).len(), 1);
    assert_eq!(report(&mut reports, &all).len(), 0);
}

#[test]
fn that_all_is_well_is_said_once_and_only_to_whom_it_may_concern() {
    let mut reports = Reports::default();
    assert!(report(&mut reports, &found("rows", violations(&[]))).is_empty(), "nobody asks");
    let unknown = found("asked", Found::Undetermined("no disk".to_owned()));
    assert!(report(&mut reports, &unknown).is_empty());
    let well = found("asked", violations(&[]));
    assert_eq!(report(&mut reports, &well), [(None, true)]);
    assert!(report(&mut reports, &well).is_empty(), "it is known");
    assert_eq!(reports.answer("asked").and_then(|it| it.holds), Some(true));
    assert!(!reports.any());
}
