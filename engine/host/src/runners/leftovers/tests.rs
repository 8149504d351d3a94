#![expect(clippy::unwrap_used, reason = "tests")]

use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

use super::*;

/// A process that an engine left behind; a test that fails leaves none.
struct Leftover(Child);

impl Leftover {
    fn of(log: &TempDir, agent: Option<&str>) -> Self {
        let mut command = Command::new("sh");
        command.args(["-c", "trap '' TERM; echo up; exec sleep 300"]).process_group(0);
        command.env(LOG, log.path().canonicalize().unwrap()).stdout(Stdio::piped());
        if let Some(agent) = agent {
            command.env(AGENT, agent);
        }
        let mut child = command.spawn().unwrap();
        let mut said = [0; 3];
        io::Read::read_exact(child.stdout.as_mut().unwrap(), &mut said).unwrap();
        Self(child)
    }

    fn is_alive(&mut self) -> bool {
        self.0.try_wait().unwrap().is_none()
    }
}

impl Drop for Leftover {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

fn fresh() -> (TempDir, LogMark) {
    let folder = tempfile::tempdir().unwrap();
    let mark = LogMark::of(folder.path()).unwrap();
    (folder, mark)
}

#[test]
fn what_agents_of_this_log_left_behind_is_killed_and_counted() {
    let ((folder, mark), (other_folder, _)) = (fresh(), fresh());
    let mut left = [Leftover::of(&folder, Some("a@1/1")), Leftover::of(&folder, Some("b@2/1"))];
    let mut of_another_log = Leftover::of(&other_folder, Some("a@1/1"));
    assert_eq!(mark.clear_leftovers(), Cleared { killed: 2, left: 0 });
    assert!(left.iter_mut().all(|process| !process.is_alive()));
    assert!(of_another_log.is_alive());
    assert_eq!(mark.clear_leftovers(), Cleared::default());
}

#[test]
fn only_the_agent_that_is_meant_is_killed() {
    let ((folder, mark), (other_folder, _)) = (fresh(), fresh());
    let mut meant = Leftover::of(&folder, Some("a@1/1"));
    let mut others = [
        Leftover::of(&folder, Some("a@1/10")),
        Leftover::of(&folder, None),
        Leftover::of(&other_folder, Some("a@1/1")),
    ];
    assert_eq!(mark.agent("a@1/1").clear_in_passing(), Cleared { killed: 1, left: 0 });
    assert!(!meant.is_alive());
    assert!(others.iter_mut().all(Leftover::is_alive));
}

#[test]
fn a_process_in_a_folder_whose_path_begins_alike_is_left_alone() {
    let (folder, _) = fresh();
    std::fs::create_dir(folder.path().join("deeper")).unwrap();
    let mark = LogMark::of(&folder.path().join("deeper")).unwrap();
    let mut process = Leftover::of(&folder, Some("a@1/1"));
    assert_eq!(mark.clear_leftovers(), Cleared::default());
    assert!(process.is_alive());
}

#[test]
fn a_log_has_one_mark_however_it_is_named() {
    let (folder, mark) = fresh();
    let link = folder.path().join("link");
    std::os::unix::fs::symlink(folder.path(), &link).unwrap();
    assert_eq!(LogMark::of(&link.join(".").join("link")).unwrap(), mark);
    assert!(LogMark::of(&folder.path().join("missing")).is_err());
}

#[test]
fn processes_that_fork_while_they_are_looked_for_are_all_killed() {
    let (folder, mark) = fresh();
    let hare = "[ -e \"$HOMEOSTAT_AGENT_LOG/stop\" ] || { : > \"$HOMEOSTAT_AGENT_LOG/ran\"; setsid sh -c \"$HARE\" & }";
    let mut child = Command::new("sh")
        .args(["-c", hare])
        .env("HARE", hare)
        .env(LOG, folder.path().canonicalize().unwrap())
        .spawn()
        .unwrap();
    child.wait().unwrap();
    // Each one starts the next and ends. One look can come too late for that, several cannot.
    let cleared = mark.clear_leftovers();
    std::fs::remove_file(folder.path().join("ran")).unwrap();
    std::thread::sleep(Duration::from_millis(100));
    let ran_on = folder.path().join("ran").exists();
    std::fs::write(folder.path().join("stop"), "").unwrap();
    assert!(!ran_on && cleared.killed > 0, "{cleared:?}");
}
