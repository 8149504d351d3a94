#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may fail")]

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use homeostat_log::{Append, Data, Head, Kind, Log, LogError, NewEvent, witness as slots};
use homeostat_world::store::contract;
use homeostat_world::{Position, Timestamp};
use tempfile::TempDir;

use super::*;

fn block<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(work)
}

fn event(n: u64) -> NewEvent {
    NewEvent {
        id: n.to_string(),
        source: "/test".to_owned(),
        kind: Kind::Primary,
        r#type: "interaction.created".to_owned(),
        time: Timestamp::from_micros(1_000),
        subject: Some(format!("customer/c{}", n % 7)),
        cause: None,
        actor: homeostat_log::Actor::World,
        depth: 0,
        enriches: None,
        data: Data::builder().text("note", &format!("{n:0>200}")).build(),
    }
}

fn open_with(dir: &Path, options: &LogDirOptions) -> Result<Log<FjallStore>, String> {
    let (store, witness, head) = open_log_dir(dir, options).map_err(|error| error.to_string())?;
    let log = block(Log::open(store, head)).map_err(|error| error.to_string())?;
    Ok(log.with_witness(Box::new(witness)))
}

fn open(dir: &Path) -> Result<Log<FjallStore>, String> {
    open_with(dir, &LogDirOptions::default())
}

fn add(log: &mut Log<FjallStore>, events: std::ops::Range<u64>) -> Result<Head, LogError> {
    for n in events {
        let request = vec![Append::one(event(n))];
        block(log.append(request, Timestamp::from_micros(2_000), Durability::Power))?;
    }
    Ok(log.head())
}

/// A closed directory with 100 events, the last 50 of them in the journal only.
fn filled() -> (TempDir, Head) {
    let dir = tempfile::tempdir().unwrap();
    let mut log = open(dir.path()).unwrap();
    add(&mut log, 0..50).unwrap();
    log.store().settle().unwrap();
    let head = add(&mut log, 50..100).unwrap();
    (dir, head)
}

fn journal_of(dir: &Path) -> PathBuf {
    let mut journals: Vec<_> = fs::read_dir(dir.join("store"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|it| it == "jnl"))
        .collect();
    journals.sort();
    journals.pop().unwrap()
}

/// Changes the bytes of a file.
fn edit(path: &Path, change: impl FnOnce(&mut Vec<u8>)) {
    let mut bytes = fs::read(path).unwrap();
    change(&mut bytes);
    fs::write(path, bytes).unwrap();
}

/// Every file of the database with its bytes, to see whether anything was touched.
fn files(dir: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.insert(path.clone(), fs::read(&path).unwrap());
        }
    }
    found
}

/// The refusal of a directory that nobody has touched by trying.
fn refused(dir: &Path) -> String {
    let before = files(&dir.join("store"));
    let error = open(dir).unwrap_err();
    assert_eq!(files(&dir.join("store")), before, "a refused directory stays as it was");
    error.replace(&*dir.to_string_lossy(), "LOG")
}

#[test]
fn the_store_on_disk_keeps_the_contract() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _witness, _) = open_log_dir(dir.path(), &LogDirOptions::default()).unwrap();
    block(contract::keeps_the_contract(&store, 600)).unwrap();
}

#[test]
fn a_log_reads_back_after_it_was_closed() {
    let (dir, head) = filled();
    let log = open(dir.path()).unwrap();
    assert_eq!(log.head(), head);
    let verified = log.reader().verify(Position::ZERO, |_| ()).unwrap();
    assert_eq!((verified.events, verified.index_faults), (100, 0));
    assert_eq!(log.reader().by_subject("customer/c3", Position::ZERO).count(), 14);
}

#[test]
fn the_scan_of_a_journal_finds_the_last_position() {
    let (dir, _) = filled();
    let journal = journal::scan(&journal_of(dir.path())).unwrap();
    assert_eq!(journal.last, Some(Position::new(100)));
    assert!(!journal.torn);
}

#[test]
fn a_directory_in_use_names_the_process_that_has_it() {
    let dir = tempfile::tempdir().unwrap();
    let _log = open(dir.path()).unwrap();
    let error = open(dir.path()).unwrap_err();
    let pid = std::process::id();
    assert!(error.contains(&format!("is in use by process `{pid}`; ask that one")), "{error}");
}

#[test]
fn a_path_without_a_log_is_refused_when_none_is_to_be_made() {
    let dir = tempfile::tempdir().unwrap();
    let options = LogDirOptions { create: false, ..LogDirOptions::default() };
    let error = open_with(&dir.path().join("nowhere"), &options).unwrap_err();
    assert!(error.ends_with("/nowhere` holds no log; check the path"), "{error}");
}

#[test]
fn a_crash_in_the_first_opening_leaves_a_directory_that_opens() {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir_all(dir.path().join("store.new/keyspaces")).unwrap();
    fs::write(dir.path().join("store.new/0.jnl"), b"half").unwrap();
    witness::create(&dir.path().join("witness")).unwrap();
    assert!(open(dir.path()).is_ok());
}

#[test]
fn a_cut_journal_is_refused_before_anything_is_changed() {
    let (dir, _) = filled();
    let journal = journal_of(dir.path());
    let whole = journal::scan(&journal).unwrap().whole;
    edit(&journal, |bytes| bytes.truncate(usize::try_from(whole / 2).unwrap()));
    let error = refused(dir.path());
    let expected = "journals in `LOG/store` end at position `50`, but position `100` was acknowledged: \
                    up to `50` events are missing; restore the directory from a backup, or go on with \
                    what is left by opening it once with `--accept-loss`; the journals were copied \
                    to `LOG/doubtful`";
    assert_eq!(error, expected);
}

#[test]
fn a_journal_with_a_zeroed_tail_is_refused_before_anything_is_changed() {
    let (dir, _) = filled();
    let journal = journal_of(dir.path());
    let whole = usize::try_from(journal::scan(&journal).unwrap().whole).unwrap();
    edit(&journal, |bytes| bytes[whole / 2..].fill(0));
    assert!(refused(dir.path()).contains("position `100` was acknowledged: up to `50` events are"));
}

#[test]
fn a_journal_that_is_all_zeros_is_noticed_by_the_witness() {
    let (dir, _) = filled();
    edit(&journal_of(dir.path()), |bytes| bytes.fill(0));
    let error = open(dir.path()).unwrap_err();
    assert!(
        error.contains("ends at position `50`, but position `100` was acknowledged"),
        "{error}"
    );
}

#[test]
fn a_deleted_journal_is_refused_by_name() {
    let (dir, _) = filled();
    fs::remove_file(journal_of(dir.path())).unwrap();
    let error = refused(dir.path());
    assert!(
        error.ends_with(
            ".jnl` is missing; a database always has a journal; restore the directory from a backup"
        ),
        "{error}"
    );
}

#[test]
fn a_flipped_bit_in_a_journal_is_refused() {
    let (dir, _) = filled();
    let journal = journal_of(dir.path());
    let whole = usize::try_from(journal::scan(&journal).unwrap().whole).unwrap();
    let sound = fs::read(&journal).unwrap();
    // In what says how long a change is, and in what a change says.
    for (at, found) in [
        (whole / 2 + 20, "end at position `50`, but position `100` was acknowledged"),
        (whole - 20, "log is damaged at position `100`: the batch of positions `100` to `100` in"),
    ] {
        edit(&journal, |bytes| bytes[at] ^= 1);
        let flipped = fs::read(&journal).unwrap();
        let error = open(dir.path()).unwrap_err();
        assert_eq!(fs::read(&journal).unwrap(), flipped, "a refused journal stays as it was");
        assert!(error.contains(found), "{error}");
        assert!(error.contains("restore the directory from a backup"), "{error}");
        fs::write(&journal, &sound).unwrap();
    }
}

#[test]
fn a_flipped_bit_in_a_stored_record_is_reported_with_its_position() {
    let (dir, _) = filled();
    let table = fs::read_dir(dir.path().join("store/keyspaces/1/tables"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .max_by_key(|path| path.metadata().unwrap().len())
        .unwrap();
    edit(&table, |bytes| bytes[900] ^= 4);
    let log = open(dir.path()).unwrap();
    let error = log.reader().verify(Position::ZERO, |_| ()).unwrap_err();
    let LogError::Damaged(damage) = error else { unreachable!("{error}") };
    assert!((1..=50).contains(&damage.position.get()), "{damage}");
    assert!(damage.to_string().contains("a block does not match its checksum"), "{damage}");
    assert!(log.reader().read(Position::ZERO).any(|event| event.is_err()));
}

#[test]
fn a_deleted_version_marker_is_refused_with_the_way_to_put_it_back() {
    let (dir, head) = filled();
    let marker = dir.path().join("store/version");
    fs::remove_file(&marker).unwrap();
    assert_eq!(
        refused(dir.path()),
        "`LOG/store/version` is missing; restore it from a backup, or, when nothing else is \
         missing, write it anew: `printf 'FJL\\003'`"
    );
    fs::write(marker, b"FJL\x03").unwrap();
    assert_eq!(open(dir.path()).unwrap().head(), head);
}

#[test]
fn a_marker_of_another_version_is_refused() {
    let (dir, _) = filled();
    fs::write(dir.path().join("store/version"), b"FJL\x04").unwrap();
    assert!(refused(dir.path()).contains("is not the marker of a database of this version"));
}

#[test]
fn a_deleted_keyspace_is_refused() {
    let (dir, _) = filled();
    fs::remove_dir_all(dir.path().join("store/keyspaces/1")).unwrap();
    assert!(refused(dir.path()).starts_with("`LOG/store/keyspaces/1/current` is missing"));
}

#[test]
fn a_folder_among_the_tables_is_refused() {
    let (dir, _) = filled();
    fs::create_dir(dir.path().join("store/keyspaces/1/tables/99")).unwrap();
    let expected =
        "`LOG/store/keyspaces/1/tables/99` does not belong to the database; move it away";
    assert_eq!(refused(dir.path()), expected);
}

#[test]
fn a_deleted_store_is_not_made_anew() {
    let (dir, _) = filled();
    fs::remove_dir_all(dir.path().join("store")).unwrap();
    let error = open(dir.path()).unwrap_err();
    assert!(error.contains("store` is missing; the witness says that it held events"), "{error}");
}

#[test]
fn a_witness_ahead_of_the_log_refuses_it_until_the_loss_is_accepted() {
    let (dir, head) = filled();
    let ahead = Head { position: Position::new(103), ..head };
    edit(&dir.path().join("witness"), |bytes| bytes[..64].copy_from_slice(&slots::encode(&ahead)));
    assert!(refused(dir.path()).contains("position `103` was acknowledged: up to `3` events"));
    let accept = LogDirOptions { accept_loss: true, ..LogDirOptions::default() };
    assert_eq!(open_with(dir.path(), &accept).unwrap().head(), head);
    assert_eq!(open(dir.path()).unwrap().head(), head);
}

#[test]
fn a_missing_witness_refuses_the_log_until_it_is_accepted() {
    let (dir, head) = filled();
    fs::remove_file(dir.path().join("witness")).unwrap();
    assert!(refused(dir.path()).contains("nothing proves where the log ends"));
    let accept = LogDirOptions { accept_loss: true, ..LogDirOptions::default() };
    assert_eq!(open_with(dir.path(), &accept).unwrap().head(), head);
    assert_eq!(open(dir.path()).unwrap().head(), head);
}

#[test]
fn a_torn_slot_of_the_witness_is_mended_before_the_other_one_can_be_torn() {
    let (dir, head) = filled();
    let witness = dir.path().join("witness");
    let tear = |slot: usize| edit(&witness, |bytes| bytes[slot + 20..slot + 64].fill(0));
    // Two losses of power, and an opening in between that wrote nothing else.
    tear(512);
    drop(open_log_dir(dir.path(), &LogDirOptions::default()).unwrap());
    tear(0);
    assert_eq!(open(dir.path()).unwrap().head(), head);
}

#[test]
fn half_a_new_witness_is_no_witness_and_harms_nobody() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("witness.new"), b"half").unwrap();
    let head = add(&mut open(dir.path()).unwrap(), 0..3).unwrap();
    fs::write(dir.path().join("witness.new"), b"half").unwrap();
    assert_eq!(open(dir.path()).unwrap().head(), head);
}

#[test]
fn a_torn_tail_that_was_never_acknowledged_is_cut_and_kept_aside() {
    let (dir, head) = filled();
    let journal = journal_of(dir.path());
    let whole = usize::try_from(journal::scan(&journal).unwrap().whole).unwrap();
    // The start of one more batch, as a loss of power leaves it.
    edit(&journal, |bytes| {
        bytes.truncate(whole);
        bytes.extend_from_slice(&[1, 3, 0, 0, 0, 9, 9, 0, 0, 0, 0, 0, 0, 2, 0, 0, 1, 0]);
    });
    let torn = fs::read(&journal).unwrap();
    assert_eq!(open(dir.path()).unwrap().head(), head);
    let kept: Vec<_> = fs::read_dir(dir.path().join("doubtful")).unwrap().collect();
    assert_eq!(fs::read(kept[0].as_ref().unwrap().path()).unwrap(), torn);
}

/// Fills a sector with zeros that lies inside the last `length` bytes of what was written.
fn unwrite_a_sector(journal: &Path, length: usize) {
    let whole = usize::try_from(journal::scan(journal).unwrap().whole).unwrap();
    let sector = (whole - length / 2).next_multiple_of(512);
    edit(journal, |bytes| bytes[sector..sector + 512].fill(0));
}

#[test]
fn a_batch_with_a_page_that_was_never_written_is_cut_and_kept_aside() {
    let (dir, head) = filled();
    let log = open(dir.path()).unwrap();
    let noise: Vec<u8> = (0_u32..20_000)
        .flat_map(|n| blake3::hash(&n.to_le_bytes()).as_bytes()[..1].to_vec())
        .collect();
    let mut batch = Batch::new();
    batch.put(Space("checkpoints"), Bytes::from_static(b"newest"), noise);
    block(log.store().commit(batch, Durability::Process)).unwrap();
    drop(log);
    let journal = journal_of(dir.path());
    unwrite_a_sector(&journal, 20_000);
    let torn = fs::read(&journal).unwrap();
    let mut log = open(dir.path()).unwrap();
    assert_eq!(log.head(), head);
    let kept: Vec<_> = fs::read_dir(dir.path().join("doubtful")).unwrap().collect();
    assert_eq!(fs::read(kept[0].as_ref().unwrap().path()).unwrap(), torn);
    add(&mut log, 10_000..10_001).unwrap();
}

#[test]
fn a_page_of_zeros_in_an_acknowledged_batch_is_refused() {
    let (dir, _) = filled();
    let mut log = open(dir.path()).unwrap();
    let long: String =
        (0_u32..400).map(|n| blake3::hash(&n.to_le_bytes()).to_hex().to_string()).collect();
    let event = NewEvent { data: Data::builder().text("note", &long).build(), ..event(100) };
    block(log.append(vec![Append::one(event)], Timestamp::from_micros(2_000), Durability::Power))
        .unwrap();
    drop(log);
    let journal = journal_of(dir.path());
    unwrite_a_sector(&journal, long.len());
    let error = refused(dir.path());
    assert!(error.contains("log is damaged at position `101`: the batch of positions"), "{error}");
}

#[test]
fn half_a_copy_of_a_torn_journal_is_no_copy() {
    let (dir, head) = filled();
    let journal = journal_of(dir.path());
    let whole = usize::try_from(journal::scan(&journal).unwrap().whole).unwrap();
    edit(&journal, |bytes| {
        bytes.truncate(whole);
        bytes.extend_from_slice(&[1, 3, 0, 0, 0, 9, 9]);
    });
    let torn = fs::read(&journal).unwrap();
    let number = journal.file_stem().unwrap().to_str().unwrap();
    let name = format!("{:.8}-{number}", blake3::hash(&torn).to_hex().as_str());
    let part = dir.path().join("doubtful").join(format!("{name}.part"));
    // A folder in its place lets the copy be written as little as a full device does.
    fs::create_dir_all(&part).unwrap();
    let error = refused(dir.path());
    assert!(error.contains("no copy of it can be kept in `LOG/doubtful`: "), "{error}");
    assert!(error.ends_with("nothing was changed, make room there and try again"), "{error}");
    fs::remove_dir(&part).unwrap();
    // What a try that was killed leaves is written over.
    fs::write(&part, b"half").unwrap();
    assert_eq!(open(dir.path()).unwrap().head(), head);
    assert_eq!(fs::read(part.with_extension("jnl")).unwrap(), torn);
}

/// Where the child of the next test finds its log.
const FULL_DISK_DIR: &str = "HOMEOSTAT_TEST_FULL_DISK";

#[test]
fn a_full_device_is_reported_and_everything_acknowledged_is_there_afterwards() {
    let (dir, head) = filled();
    // A limit on the size of a file is a full device that needs no rights. It binds a whole
    // process, so the test runs itself again in one of its own.
    let script = "ulimit -f 512; trap '' XFSZ; exec \"$0\" --exact \"$1\" --ignored --nocapture";
    let name = std::thread::current().name().unwrap().replace(
        "a_full_device_is_reported_and_everything_acknowledged_is_there_afterwards",
        "child_that_meets_the_full_device",
    );
    let child = Command::new("sh")
        .args(["-c", script])
        .arg(std::env::current_exe().unwrap())
        .arg(name)
        .env(FULL_DISK_DIR, dir.path())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&child.stdout);
    assert!(child.status.success(), "{said}{}", String::from_utf8_lossy(&child.stderr));
    let acknowledged = said.lines().find_map(|line| line.split_once("acknowledged ")).unwrap().1;
    let acknowledged: u64 = acknowledged.trim().parse().unwrap();
    assert!(acknowledged > head.position.get());
    let mut log = open(dir.path()).unwrap();
    assert!(log.head().position.get() >= acknowledged);
    assert!(log.reader().verify(Position::ZERO, |_| ()).is_ok());
    add(&mut log, 10_000..10_001).unwrap();
}

#[test]
#[ignore = "run by the test of the full device, with a limit on the size of files"]
#[expect(clippy::print_stdout, reason = "tells its parent how far it came")]
fn child_that_meets_the_full_device() {
    let dir = PathBuf::from(std::env::var_os(FULL_DISK_DIR).unwrap());
    let mut log = open(&dir).unwrap();
    let error = add(&mut log, 100..10_000).unwrap_err();
    println!("\nacknowledged {}", log.head().position);
    assert_eq!(error.to_string(), "no space left on the device");
    let again = add(&mut log, 10_000..10_001).unwrap_err().to_string();
    assert_eq!(
        again,
        "the store no longer accepts writes since an earlier one failed: no space left on the \
         device; make room and start again"
    );
    let head = log.head().position;
    assert_eq!(log.reader().read(Position::ZERO).count() as u64, head.get());
}
