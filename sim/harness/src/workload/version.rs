//! Another version of any spec: what people might make of it while it is in force.
//!
//! In: the files of a spec, chance. Out: the files of another version, and what they mean.
//! Never: changes who does what, since what is known of a gap by its name must hold for both; a
//! version with errors. Promise: it asks for something new of events that there may be already, under
//! each of the policies now and then; deadlines and duties of the first may be other or gone.
//! Start reading at [`later`].

use homeostat_intent::lowered::EventType;
use homeostat_intent::{Source, Spec};

use super::Draw;

/// The name of the file that a later version has besides.
const MORE: &str = "later.intent";

/// Writes another version of the spec in `sources`; none, if the changes that were drawn do not load.
#[must_use]
pub(crate) fn later(
    sources: &[Source],
    spec: &Spec,
    draw: &mut Draw,
) -> Option<(Vec<Source>, Spec)> {
    let mut files = sources.to_vec();
    for change in [hurried, dropped] {
        if draw.percent(50) {
            let changed = change(&files, draw);
            if let Some(changed) = changed.filter(|it| !homeostat_intent::load(it).has_errors()) {
                files = changed;
            }
        }
    }
    let (asks, [policy, most]) = (asks(spec, draw), settings(draw));
    // A spec says each of its settings once, and may have said them.
    let candidates = [policy.clone() + &most, policy.clone(), most.clone(), String::new()];
    candidates.into_iter().find_map(|settings| {
        let mut files = files.clone();
        files.push(Source { name: MORE.to_owned(), text: settings + &asks });
        let loaded = homeostat_intent::load(&files);
        (!loaded.has_errors()).then_some((files, loaded.spec))
    })
}

/// One deadline is another.
fn hurried(files: &[Source], draw: &mut Draw) -> Option<Vec<Source>> {
    let is_deadline = |line: &str| line.trim_start().starts_with("within: ");
    let lengths = ["1s", "9s", "1m", "2h"];
    let other = draw.one_of(&lengths).copied().unwrap_or("9s");
    with_line(files, draw, is_deadline, |lines, place| {
        if let Some(line) = lines.get_mut(place) {
            let indent = line.len() - line.trim_start().len();
            *line = format!("{}within: {other}", " ".repeat(indent));
        }
    })
}

/// One duty is gone, with what is said of it. Where more hangs on it the version has errors, and is not
/// taken.
fn dropped(files: &[Source], draw: &mut Draw) -> Option<Vec<Source>> {
    let is_duty = |line: &str| {
        let line = line.trim();
        let strengths = ["must: ", "should: ", "could: "];
        strengths.iter().any(|strength| line.starts_with(strength)) && !line.ends_with('(')
    };
    with_line(files, draw, is_duty, |lines, place| {
        let is_of_it = |line: &String| {
            let line = line.trim_start();
            line.starts_with("within: ") || line.starts_with("fallback: ")
        };
        let more = lines.iter().skip(place + 1).take_while(|line| is_of_it(line)).count();
        lines.drain(place..=place + more);
    })
}

/// The files with a change at one of the lines that are `wanted`.
fn with_line(
    files: &[Source],
    draw: &mut Draw,
    wanted: impl Fn(&str) -> bool,
    change: impl Fn(&mut Vec<String>, usize),
) -> Option<Vec<Source>> {
    let lines = |file: &Source| file.text.lines().map(str::to_owned).collect::<Vec<_>>();
    let places: Vec<(usize, usize)> = files
        .iter()
        .enumerate()
        .flat_map(|(nth, file)| lines(file).into_iter().enumerate().map(move |it| (nth, it)))
        .filter(|(_, (_, line))| wanted(line))
        .map(|(nth, (place, _))| (nth, place))
        .collect();
    let (nth, place) = draw.one_of(&places).copied()?;
    let mut files = files.to_vec();
    let file = files.get_mut(nth)?;
    let mut lines = lines(file);
    change(&mut lines, place);
    file.text = lines.join("\n") + "\n";
    Some(files)
}

/// What is asked for besides, of an event that the spec asks for something already.
fn asks(spec: &Spec, draw: &mut Draw) -> String {
    let triggers = |event: &&EventType| {
        spec.blocks.iter().any(|block| block.trigger.events().contains(&event.name))
    };
    let events: Vec<&EventType> = spec.events.iter().filter(triggers).collect();
    let strength = draw.one_of(&["must", "should", "could"]).copied().unwrap_or("must");
    let within = draw.count(3, 40);
    let deadline =
        if draw.percent(60) { format!("\n    within: {within}s") } else { String::new() };
    let effect = if draw.percent(15) { "\n  effect: external" } else { "" };
    let Some(event) = draw.one_of(&events) else { return String::new() };
    let of = event.entity.as_ref().map_or(String::new(), |entity| format!("({entity})"));
    format!(
        "when {} {{\n  {strength}: look_again{of}{deadline}\n}}\n\
         action look_again{of} {{\n  satisfied_by: looked.again{effect}\n}}\n",
        event.name
    )
}

/// What is said about events of before, and how much of that is owed at once.
fn settings(draw: &mut Draw) -> [String; 2] {
    let policies = ["sequential", "sequential", "prospective_only", "human_decision"];
    let policy = draw.one_of(&policies).copied().unwrap_or("sequential");
    let in_flight = draw.count(1, 3);
    [
        format!("backfill_policy: {policy}\n"),
        format!("limits {{\n  max_backfill_in_flight: {in_flight}\n}}\n"),
    ]
}
