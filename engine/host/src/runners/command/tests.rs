#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::path::Path;
use std::time::Duration as StdDuration;

use homeostat_agents::{Agents, Order, Task, Verdict};
use homeostat_log::Control;
use homeostat_log::control::Ending;
use nix::sys::signal::kill;
use nix::unistd::Pid;

use super::*;
use crate::SystemClock;

/// Runs a shell script as the only agent there is, and holds what it says against its brief.
async fn run_script(script: &str, time: &str) -> (Outcome, Ending, String, usize) {
    run_argv(&["sh", "-c", script], time, std::future::pending()).await
}

async fn run_argv(
    argv: &[&str],
    time: &str,
    stop: impl Future<Output = ()> + Send + 'static,
) -> (Outcome, Ending, String, usize) {
    let text = format!(
        "[[agent]]\nname = \"a\"\nfor = \"*\"\nkind = \"command\"\ntime = \"{time}\"\ncommand = {argv:?}\nenv = {{ GIVEN = \"yes\", HOMEOSTAT_AGENT = \"forged\" }}\n"
    );
    let file = Arc::new(AgentsFile::parse(&text).unwrap());
    let clock = SystemClock::new();
    let mut agents = Agents::new(Arc::clone(&file));
    let order = Order { gap: "ack@7".to_owned(), attempt: 1, cost_max: 0 };
    let task = Task {
        gap: "ack@7".to_owned(),
        action: "ack".to_owned(),
        satisfied_by: vec!["acked".to_owned()],
        ..Task::default()
    };
    let spawned = agents.spawn(order, task, clock.now()).unwrap();
    agents.on_control(&spawned.control);
    // Each test has a log of its own, so that none clears away what another has started.
    let log = tempfile::tempdir().unwrap();
    let mark = LogMark::of(log.path()).unwrap();
    let outcome = CommandRunner::new(file, clock.clone(), mark).run(spawned.brief, stop).await;
    let verdict = agents.on_outcome(&spawned.agent, &outcome, clock.now());
    let Verdict::Ended { events, control: Control::AgentEnded { ending, reason, .. } } = verdict
    else {
        panic!("expected an end, found {verdict:?}");
    };
    (outcome, ending, reason, events.len())
}

fn is_alive(pid: &str) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    // A zombie is dead; whoever adopted it has not looked yet.
    let is_zombie = stat.rsplit_once(')').is_some_and(|(_, rest)| rest.trim().starts_with('Z'));
    kill(Pid::from_raw(pid.parse().unwrap()), None).is_ok() && !is_zombie
}

async fn assert_dies(file: &Path) {
    let pid = std::fs::read_to_string(file).unwrap().trim().to_owned();
    for _ in 0..200 {
        if !is_alive(&pid) {
            return;
        }
        tokio::time::sleep(StdDuration::from_millis(10)).await;
    }
    panic!("process {pid} outlived its agent");
}

const CLAIM: &str = r#"{"append":{"type":"acked","data":{"by":"sh"}}}"#;

#[tokio::test]
async fn a_program_that_claims_what_it_may_resolves_its_gap() {
    let script = format!("read brief; echo '{CLAIM}'; echo noise >&2");
    let (_, ending, reason, events) = run_script(&script, "20s").await;
    assert_eq!((ending, reason.as_str(), events), (Ending::Resolved, "appended `acked`", 1));
}

#[tokio::test]
async fn a_program_reads_its_brief_and_only_the_environment_it_was_given() {
    let script = r#"read brief
        case "$brief" in *'"gap":"ack@7"'*) ;; *) echo '{"failed":"no brief"}'; exit;; esac
        [ -z "$CARGO_MANIFEST_DIR" ] || { echo '{"failed":"sees the engine"}'; exit; }
        echo '{"needs_human":"'$GIVEN $HOMEOSTAT_AGENT'"}'"#;
    let (_, ending, reason, _) = run_script(script, "20s").await;
    assert_eq!((ending, reason.as_str()), (Ending::NeedsHuman, "yes ack@7/1"));
}

#[tokio::test]
async fn a_program_that_ignores_its_brief_may_still_do_its_work() {
    let (_, ending, ..) = run_script(&format!("exec <&-; echo '{CLAIM}'"), "20s").await;
    assert_eq!(ending, Ending::Resolved);
}

#[tokio::test]
async fn garbage_on_standard_output_fails_the_agent_and_appends_nothing() {
    let script = format!("echo '{CLAIM}'; echo 'Done! Anything else?'");
    let (_, ending, reason, events) = run_script(&script, "20s").await;
    assert_eq!((ending, events), (Ending::Failed, 0));
    assert!(reason.starts_with("line 2 is no claim"), "{reason}");
    let (_, ending, reason, _) = run_script(r"printf '\377\376\n'", "20s").await;
    assert_eq!((ending, reason.as_str()), (Ending::Failed, "printed bytes that are no UTF-8 text"));
}

#[tokio::test]
async fn a_program_that_never_stops_printing_is_killed() {
    let (outcome, ending, reason, _) = run_script("yes '{\"note\":\"again\"}'", "20s").await;
    assert_eq!((ending, reason.as_str()), (Ending::Failed, "printed more than 1048576 bytes"));
    let kept: usize = outcome.lines.iter().map(String::len).sum();
    assert!(kept <= AGENT_OUTPUT_BYTES_MAX);
}

#[tokio::test]
async fn too_many_lines_are_not_believed() {
    let (_, ending, reason, _) = run_script("yes '' | head -n 2000", "20s").await;
    assert_eq!(ending, Ending::Failed);
    assert!(reason.contains("2000 lines"), "{reason}");
}

#[tokio::test]
async fn a_stalling_program_dies_at_its_deadline_with_its_children() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("pid");
    // The program and its child both refuse to be asked politely.
    let script = format!(
        "trap '' TERM; sh -c 'trap \"\" TERM; echo $$ > {}; while :; do sleep 1; done' & wait; sleep 60",
        file.display()
    );
    let (outcome, ending, reason, _) = run_script(&script, "600ms").await;
    assert_eq!((outcome.finish, ending), (Finish::TimedOut, Ending::TimedOut));
    assert!(reason.starts_with("had not ended by"), "{reason}");
    assert_dies(&file).await;
}

/// A script that starts a child in a session of its own, which refuses to be asked politely and
/// writes its id to `file`, and goes on once that stands there.
fn escape_to(file: &Path) -> String {
    format!(
        "setsid sh -c 'trap \"\" TERM; echo $$ > {0}; sleep 300' & \
         while [ ! -s {0} ]; do sleep 0.01; done",
        file.display()
    )
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_child_that_left_the_group_dies_at_the_deadline() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("pid");
    let script = format!("trap '' TERM; {}; sleep 60", escape_to(&file));
    let (outcome, ..) = run_script(&script, "2s").await;
    assert_eq!(outcome.finish, Finish::TimedOut);
    // The run does not return before.
    assert!(!is_alive(std::fs::read_to_string(&file).unwrap().trim()));
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_child_that_left_the_group_dies_with_a_program_that_ended_well() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("pid");
    let script = format!("{}; echo '{CLAIM}'", escape_to(&file));
    let (_, ending, ..) = run_script(&script, "20s").await;
    assert_eq!(ending, Ending::Resolved);
    assert!(!is_alive(std::fs::read_to_string(&file).unwrap().trim()));
}

#[tokio::test]
async fn a_program_that_is_told_to_stop_may_clean_up() {
    let folder = tempfile::tempdir().unwrap();
    let (ready, cleaned) = (folder.path().join("ready"), folder.path().join("cleaned"));
    let script = format!(
        "trap 'echo yes > {}; exit' TERM; echo $$ > {}; while :; do sleep 0.05; done",
        cleaned.display(),
        ready.display()
    );
    let stop = {
        let ready = ready.clone();
        async move {
            while !ready.exists() {
                tokio::time::sleep(StdDuration::from_millis(10)).await;
            }
        }
    };
    let (_, ending, ..) = run_argv(&["sh", "-c", &script], "20s", stop).await;
    assert_eq!(ending, Ending::Stopped);
    assert_eq!(std::fs::read_to_string(cleaned).unwrap(), "yes\n");
    assert_dies(&ready).await;
}

#[tokio::test]
async fn dropping_a_run_kills_the_program_and_its_children() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("pid");
    let script = format!("sh -c 'echo $$ > {}; sleep 60' & wait", file.display());
    drop_once_written(&file, run_script(&script, "60s")).await;
    assert_dies(&file).await;
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn dropping_a_run_kills_a_child_that_left_the_group() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("pid");
    let script = format!("{}; sleep 60", escape_to(&file));
    drop_once_written(&file, run_script(&script, "60s")).await;
    assert_dies(&file).await;
}

async fn drop_once_written<T>(file: &Path, run: impl Future<Output = T>) {
    let is_written = || std::fs::read_to_string(file).is_ok_and(|pid| pid.ends_with('\n'));
    let written = async {
        while !is_written() {
            tokio::time::sleep(StdDuration::from_millis(10)).await;
        }
    };
    tokio::select! {
        biased;
        _ = run => panic!("the run should not end by itself"),
        () = written => {}
    }
}

#[tokio::test]
async fn a_command_that_does_not_exist_is_named() {
    let stop = std::future::pending();
    let (_, ending, reason, _) = run_argv(&["no-such-agent"], "20s", stop).await;
    assert_eq!(ending, Ending::Failed);
    assert_eq!(
        reason,
        "command `no-such-agent` was not found; install it, or correct `command` in the agents file"
    );
}

#[tokio::test]
async fn a_file_that_cannot_be_run_is_named_with_the_remedy() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("agent");
    std::fs::write(&path, "echo no interpreter named\n").unwrap();
    let name = path.to_str().unwrap();
    let (_, _, reason, _) = run_argv(&[name], "20s", std::future::pending()).await;
    assert_eq!(reason, format!("command `{name}` may not be run; make it executable"));
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    let (_, ending, reason, _) = run_argv(&[name], "20s", std::future::pending()).await;
    let expected =
        format!("command `{name}` is no program; name its interpreter in a first line `#!`");
    assert_eq!((ending, reason), (Ending::Failed, expected));
}

#[tokio::test]
async fn a_bad_exit_is_explained_by_the_last_words_and_voids_every_claim() {
    let script = format!("echo '{CLAIM}'; echo 'no such model' >&2; exit 3");
    let (_, ending, reason, events) = run_script(&script, "20s").await;
    assert_eq!(
        (ending, reason.as_str(), events),
        (Ending::Failed, "exit status: 3: no such model", 0)
    );
}

#[tokio::test]
async fn what_comes_after_the_end_of_the_program_does_not_count() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("pid");
    // The child holds standard output open and would print once more.
    let script = format!(
        "echo '{CLAIM}'; sh -c 'echo $$ > {0}; sleep 5; echo \"{{}}\"' & \
         while [ ! -s {0} ]; do sleep 0.01; done",
        file.display()
    );
    let (outcome, ending, ..) = run_script(&script, "20s").await;
    assert_eq!((outcome.lines.len(), ending), (1, Ending::Resolved));
    assert_dies(&file).await;
}

#[tokio::test]
async fn a_claim_after_the_last_word_is_ignored_and_marked() {
    let script = format!("echo '{{\"failed\":\"gave up\"}}'; echo '{CLAIM}'");
    let (_, ending, reason, events) = run_script(&script, "20s").await;
    assert_eq!(
        (ending, reason.as_str(), events),
        (Ending::Failed, "gave up; 1 line after its end was ignored", 0)
    );
}

#[tokio::test]
async fn a_brief_larger_than_a_pipe_does_not_deadlock_with_output_of_that_size() {
    let line = r#"{"note":"0123456789012345678901234567890123456789"}"#;
    let script =
        format!("i=0; while [ $i -lt 500 ]; do echo '{line}'; i=$((i+1)); done; cat > /dev/null");
    let brief = "x".repeat(300_000);
    let mut command = Command::new("sh");
    command.args(["-c", &script]).stdin(Stdio::piped()).stdout(Stdio::piped()).process_group(0);
    let child = command.spawn().unwrap();
    let never = std::future::pending();
    let log = tempfile::tempdir().unwrap();
    let mark = LogMark::of(log.path()).unwrap().agent("ack@7/1");
    let outcome = supervise(child, mark, brief.into_bytes(), never, std::future::pending()).await;
    assert_eq!((outcome.lines.len(), outcome.finish), (500, Finish::Done));
}
