//! `homeostat verify --state` and `--rebuild-indexes`, on logs whose saved state or index was spoiled.

use std::ops::Bound;

use homeostat_host::store::{FjallStore, LogDirOptions, open_log_dir};
use homeostat_kernel::checkpoint::{KEY, SPACE};
use homeostat_log::index::IDS;
use homeostat_world::{Batch, Durability, Snapshot, Store};

use crate::bench::{Bench, golden};
use crate::logs::with_orders;
use crate::serve::{PLACED, Server};
use crate::specs::ORDERS;

/// A log that was served and stopped, so that it has a saved state.
fn served() -> Bench {
    let bench = Bench::new();
    bench.write("orders.intent", ORDERS);
    let server = Server::start(&bench, &["--spec", "orders.intent"]);
    bench.run(&[&PLACED[..], &["--server", &server.url]].concat()).fine();
    assert_eq!(server.stop().code(), Some(0));
    bench
}

/// Another version is adopted, and the engine stopped again.
fn evolved() -> Bench {
    let bench = served();
    bench
        .write("next.intent", &format!("{ORDERS}\nwhen order.placed {{ could: praise(order) }}\n"));
    let server = Server::start(&bench, &["--spec-from-log"]);
    let adopt = ["adopt", "next.intent", "--by", "maria", "--yes", "--server", &server.url];
    bench.run(&adopt).fine();
    let again = ["append", "--type", "order.placed", "--data", "order=o2", "--id", "2"];
    bench.run(&[&again[..], &["--server", &server.url]].concat()).fine();
    assert_eq!(server.stop().code(), Some(0));
    bench
}

/// Does something to the store of a log that nobody has open.
fn spoil(bench: &Bench, change: impl FnOnce(&FjallStore) -> Batch) {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let (store, _witness, _) = open_log_dir(&bench.path("log"), &LogDirOptions::default()).unwrap();
    let batch = change(&store);
    runtime.block_on(store.commit(batch, Durability::Power)).unwrap();
}

/// Turns the digit behind the first `before` in the saved state.
fn spoil_the_state(bench: &Bench, before: &str) {
    spoil(bench, |store| {
        let saved = store.snapshot().get(SPACE, KEY).unwrap().unwrap();
        let before = before.as_bytes();
        let at = saved.windows(before.len()).position(|it| it == before).unwrap() + before.len();
        let mut spoiled = saved.to_vec();
        spoiled[at] = if spoiled[at] == b'1' { b'2' } else { b'1' };
        let mut batch = Batch::new();
        batch.put(SPACE, KEY.to_vec(), spoiled);
        batch
    });
}

#[test]
fn a_saved_state_is_held_against_a_replay_through_all_versions() {
    for bench in [served(), evolved()] {
        let run = bench.run(&["verify", "--log", "log", "--state"]).fine();
        run.shows("whole").shows("matches a replay");
        let json = bench.run(&["verify", "--log", "log", "--state", "--format", "json"]).fine();
        assert!(json.json()["state"].as_str().unwrap().ends_with("matches a replay"));
        spoil_the_state(&bench, "\"gaps_opened\":");
        let run = bench.run(&["verify", "--log", "log", "--state"]).ended(1);
        run.shows("differs").shows("in the counts and reports: `totals.gaps_opened` is ");
        let json = bench.run(&["verify", "--log", "log", "--state", "--format", "json"]).ended(1);
        let json: serde_json::Value = serde_json::from_str(&json.stdout).unwrap();
        assert_eq!(json["whole"], true, "the log itself is");
        assert!(json["state"].as_str().unwrap().contains("a replay gives"), "{json}");
        bench.run(&["verify", "--log", "log"]).fine();
    }
}

#[test]
fn a_log_without_a_saved_state_says_so_and_what_cannot_be_read_is_said() {
    let bench = with_orders();
    bench.run(&["verify", "--log", "log", "--state"]).fine().shows("state: none is saved");
    let bench = served();
    spoil_the_state(&bench, "{\"version\":");
    let run = bench.run(&["verify", "--log", "log", "--state"]).fine();
    run.shows("cannot be compared, and the next start passes it over");
}

#[test]
fn an_index_that_lacks_a_key_is_found_and_built_anew() {
    let bench = with_orders();
    spoil(&bench, |store| {
        let snapshot = store.snapshot();
        let keys = snapshot.range(IDS, Bound::Unbounded, Bound::Unbounded);
        let (key, _) = keys.map(Result::unwrap).find(|(key, _)| key.len() == 16).unwrap();
        let mut batch = Batch::new();
        batch.remove(IDS, key);
        batch
    });
    let run = bench.run(&["verify", "--log", "log"]).ended(1);
    golden("verify-index", &run.stdout);
    let run = bench.run(&["verify", "--log", "log", "--rebuild-indexes"]).fine();
    run.says("rebuilt the indexes");
    bench.run(&["verify", "--log", "log"]).fine().shows("whole 6 events");
    let again = bench.run(&["verify", "--log", "log", "--rebuild-indexes"]).fine();
    assert!(!again.stderr.contains("rebuilt"), "there was nothing to build");
}
