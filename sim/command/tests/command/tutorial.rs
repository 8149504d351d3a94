//! The tutorial's page says what happens: its files are those of the scenario, its failing seed
//! fails, shrinks to what the page shows, and its mended spec brings about what is expected.

use std::fs;
use std::path::Path;

use crate::{scenarios, sim, stderr, stdout};

const PAGE: &str = include_str!("../../../tutorial.md");

/// Copies the tutorial's files.
fn copied(folder: &Path) {
    for name in ["refunds.intent", "agents.toml", "refunds.toml"] {
        fs::copy(scenarios().join("tutorial").join(name), folder.join(name)).unwrap();
    }
}

#[test]
fn the_page_shows_the_files_as_they_are() {
    for name in ["refunds.intent", "agents.toml", "refunds.toml"] {
        let text = fs::read_to_string(scenarios().join("tutorial").join(name)).unwrap();
        // The first lines of a file say what it is, which the page does in its own words.
        let shown: Vec<&str> = text.lines().skip_while(|line| line.starts_with('#')).collect();
        assert!(PAGE.contains(&shown.join("\n")), "`{name}` is another in `sim/tutorial.md`");
    }
}

#[test]
fn the_tutorial_goes_as_its_page_says() {
    let folder = tempfile::tempdir().unwrap();
    copied(folder.path());
    let path = |name: &str| folder.path().join(name).display().to_string();
    let keep = folder.path().display().to_string();
    let failed = sim(&["run", &path("refunds.toml"), "--seeds", "9", "--keep", &keep]);
    assert_eq!(failed.status.code(), Some(1), "{failed:?}");
    let said = format!("{}{}", stdout(&failed), stderr(&failed));
    assert!(said.contains("in_time: `refund@2` was not done by"), "{said}");
    let failing = path("failing-refunds-9.toml");
    let shrunk = sim(&["shrink", &failing, "-o", &path("small.toml")]);
    let said = stdout(&shrunk);
    assert!(said.contains("2 faults, 1 steps, 1 events from"), "{said}");

    let spec = fs::read_to_string(path("refunds.intent")).unwrap();
    let mended = spec.replace("cooldown_per_gap: 30s", "cooldown_per_gap: 5s");
    fs::write(path("refunds.intent"), mended.replace("within: 60s", "within: 2m")).unwrap();
    let mended = sim(&["run", &path("refunds.toml"), "--seeds", "0..200", "--keep", &keep]);
    assert_eq!(mended.status.code(), Some(0), "{mended:?}");
}
