//! Bad input: a clear error each, with the place and the remedy, nothing lost, no panic.

use crate::bench::{Bench, golden};
use crate::logs::{EVENTS, with_orders};
use crate::specs::ORDERS;

#[test]
fn a_place_to_work_on_must_be_named_once() {
    let bench = Bench::new();
    bench.run(&["gaps"]).ended(2).says("neither a log nor a server was named");
    bench
        .run(&["gaps", "--log", "a", "--server", "http://127.0.0.1:1"])
        .ended(2)
        .says("both a log and a server were named");
    bench.run(&["verify"]).ended(2).says("no log was named");
}

#[test]
fn a_log_that_is_not_there_is_not_made_by_looking_at_it() {
    let bench = Bench::new();
    bench.write("orders.intent", ORDERS);
    for arguments in [
        &["verify", "--log", "nowhere"][..],
        &["export", "--log", "nowhere"],
        &["gaps", "--log", "nowhere", "--spec", "orders.intent"],
        &["explain", "1", "--log", "nowhere", "--spec", "orders.intent"],
    ] {
        bench.run(arguments).ended(2).says("nowhere");
        assert!(!bench.path("nowhere").exists(), "{arguments:?} made it");
    }
}

#[test]
fn a_folder_that_is_no_log_is_refused_and_left_alone() {
    let bench = Bench::new();
    bench.write("mine/letter.txt", "dear");
    bench.write("events.jsonl", EVENTS);
    bench.run(&["verify", "--log", "mine"]).ended(2).says("mine");
    bench.run(&["import", "events.jsonl", "--log", "mine"]).ended(2).says("mine");
    assert_eq!(std::fs::read_dir(bench.path("mine")).unwrap().count(), 1);
}

#[test]
fn a_file_is_no_log() {
    let bench = Bench::new();
    bench.write("events.jsonl", EVENTS);
    let import = bench.run(&["import", "events.jsonl", "--log", "events.jsonl"]);
    import.ended(2).says("`events.jsonl` is a file, and a log is a directory");
}

#[test]
fn a_gap_verb_without_any_spec_says_where_one_could_come_from() {
    let bench = with_orders();
    bench.run(&["gaps", "--log", "log"]).ended(2).says("--spec");
}

#[test]
fn an_oversized_event_is_refused_before_anything_is_stored() {
    let bench = Bench::new();
    let huge = format!(
        "{{\"specversion\":\"1.0\",\"id\":\"1\",\"source\":\"s\",\"type\":\"t\",\"data\":{{\"x\":\"{}\"}}}}\n",
        "y".repeat(2 << 20)
    );
    bench.write("huge.jsonl", &huge);
    bench.run(&["append", "huge.jsonl", "--log", "log"]).ended(2).says("1048576");
    bench.run(&["import", "huge.jsonl", "--log", "log"]).ended(1);
    assert_eq!(bench.run(&["export", "--log", "log"]).fine().stdout, "");
}

#[test]
fn a_malformed_event_is_refused_with_its_line() {
    let bench = Bench::new();
    for (name, text, message) in [
        ("a", "{\"specversion\":\"1.0\"}\n", "a:1: event has no `id`"),
        ("b", "\n{\"specversion\":\"1.0\",\"id\":\"1\"\n", "b:3: event is not valid JSON"),
        ("c", "", "`c` holds no event"),
        ("d", "[{\"specversion\":\"0.3\",\"id\":\"1\",\"source\":\"s\",\"type\":\"t\"}]", "d:1: "),
        ("e", "7", "e:1: event is a number"),
    ] {
        bench.write(name, text);
        bench.run(&["append", name, "--log", "log"]).ended(2).says(message);
    }
}

#[test]
fn a_flipped_bit_is_found_and_nothing_goes_on_before_a_remedy() {
    let bench = with_orders();
    let flipped = flip_in_every_file(&bench, b"order/o2");
    assert!(flipped > 0, "no file of the log holds the text");
    let run = bench.run(&["verify", "--log", "log"]).ended(1);
    run.shows("damaged log is damaged at position `1`: the batch of positions `1` to `6` in ")
        .shows("  help: everything before it is whole, restore the directory from a backup");
    let json = bench.run(&["verify", "--log", "log", "--format", "json"]).ended(1).json();
    assert_eq!(json["position"], 1);
    bench.run(&["export", "--log", "log"]).ended(2).says("restore the directory");
}

#[test]
fn a_truncated_log_is_refused_with_a_remedy() {
    let bench = with_orders();
    let mut cut = 0;
    for path in files_below(&bench.path("log")) {
        let bytes = std::fs::read(&path).unwrap();
        if find(&bytes, b"order/o4").is_some() {
            let end = find(&bytes, b"order/o4").unwrap();
            std::fs::write(&path, &bytes[..end]).unwrap();
            cut += 1;
        }
    }
    assert!(cut > 0, "no file of the log holds the text");
    let run = bench.run(&["verify", "--log", "log"]).ended(1);
    run.shows("position `6` was acknowledged: up to `6` events are missing")
        .shows("  help: restore");
    let json = bench.run(&["verify", "--log", "log", "--format", "json"]).ended(1).json();
    assert_eq!(json["whole"], false);
    assert_eq!(json["position"], 1);
    // Nobody goes on with what is left by accident, only by word.
    bench.run(&["append", "--log", "log", "--type", "t"]).ended(2).says("help: ");
    bench.run(&["verify", "--log", "log", "--accept-loss"]).fine();
    bench.run(&["append", "--log", "log", "--type", "t"]).fine().shows("appended e1");
}

#[test]
fn a_zeroed_tail_is_refused_wherever_it_starts() {
    let bench = with_orders();
    let journal = bench.path("log/store/0.jnl");
    let whole = std::fs::read(&journal).unwrap();
    for zeros in (0..whole.len()).step_by(61) {
        let mut bytes = whole.clone();
        bytes[zeros..].fill(0);
        std::fs::write(&journal, &bytes).unwrap();
        let run = bench.run(&["verify", "--log", "log"]).ended(1);
        run.shows("position `6` was acknowledged").shows("help: restore");
        assert_eq!(std::fs::read(&journal).unwrap(), bytes, "a refused journal stays as it was");
    }
    std::fs::write(&journal, &whole).unwrap();
    bench.run(&["verify", "--log", "log"]).fine();
}

#[test]
fn a_file_of_an_unknown_kind_is_not_guessed_at() {
    let bench = Bench::new();
    bench.write("events.dat", EVENTS);
    let run = bench.run(&["import", "events.dat", "--log", "log"]).ended(2);
    golden("import-unknown-kind", &run.stderr);
    bench.run(&["import", "events.dat", "--as", "jsonl", "--log", "log"]).fine();
    bench.run(&["import", "gone.jsonl", "--log", "log"]).ended(2).says("gone.jsonl");
    bench
        .run(&["import", "events.dat", "--as", "csv", "--column", "colour=x", "--log", "log"])
        .ended(2)
        .says("`colour`");
}

fn files_below(folder: &std::path::Path) -> Vec<std::path::PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(files_below(&path));
        } else {
            files.push(path);
        }
    }
    files
}

fn find(bytes: &[u8], text: &[u8]) -> Option<usize> {
    bytes.windows(text.len()).position(|window| window == text)
}

/// Flips a bit wherever `text` is stored; how often that was.
fn flip_in_every_file(bench: &Bench, text: &[u8]) -> usize {
    let mut flipped = 0;
    for path in files_below(&bench.path("log")) {
        let mut bytes = std::fs::read(&path).unwrap();
        while let Some(at) = find(&bytes, text) {
            bytes[at + 6] ^= 1;
            flipped += 1;
        }
        std::fs::write(&path, bytes).unwrap();
    }
    flipped
}

#[test]
fn a_code_that_is_cut_short_or_lacks_a_zero_is_told_with_those_that_may_be_meant() {
    let bench = Bench::new();
    bench
        .run(&["explain", "S301"])
        .ended(2)
        .says("did you mean `S0301`, a fallback can never run?");
    let family = bench.run(&["explain", "S10"]).ended(2);
    family.says("those that begin so are `S1001`, `S1002`");
    bench.run(&["explain", "S9999"]).ended(2).says("`homeostat explain` lists all codes");
}

#[test]
fn of_several_files_none_is_laid_out_when_one_cannot_be_read() {
    let bench = Bench::new();
    let sound = "when   a.made {\n must: b }\n";
    bench.write("specs/a.intent", sound);
    bench.write("specs/b.intent", "when {\n");
    bench.write("specs/c.intent", "entity {\n");
    let run = bench.run(&["fmt", "specs"]).ended(2);
    run.says("b.intent`, `").says("c.intent` have syntax errors, so every file is left as it is");
    assert_eq!(std::fs::read_to_string(bench.path("specs/a.intent")).unwrap(), sound);
}
