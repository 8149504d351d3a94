//! `kill -9` on `serve` under load, at random instants; then every acknowledged event is accounted for.
//!
//! Each round starts the real binary on the same log, lets writers append, kills it, and reads the
//! log as a stranger would, through `homeostat verify` and `homeostat export`.
//!
//! Promise checked: what was acknowledged stands at its acknowledged position; nothing is stored
//! twice, though writers resend what they are in doubt about; positions have no hole; the chain
//! verifies; no gap has two agents at once; an agent that was alive is recorded as lost.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use serde_json::Value;

use crate::Findings;
use crate::arguments::number_after;
use crate::binary::binary_of;
use crate::chance::Lcg;

const WRITERS: u64 = 8;
const SPECS: [&str; 2] =
    ["scenarios/specs/crm/customer_platform.intent", "scenarios/specs/crm/declarations.intent"];
const AGENTS: &str = "scenarios/agents/crm.toml";

/// What writers know: each id they sent, and the position that was acknowledged, if one was.
type Ledger = Arc<Mutex<BTreeMap<String, Option<u64>>>>;

pub(crate) fn run(root: &Path, arguments: &[String]) -> Result<Findings, String> {
    let rounds = number_after(arguments, "--rounds")?.unwrap_or(50);
    let seed = number_after(arguments, "--seed")?.unwrap_or(1);
    let binary = binary_of(root, "homeostat")?;
    let folder = std::env::temp_dir().join(format!("homeostat-kill-{}", std::process::id()));
    fs::create_dir_all(&folder)
        .map_err(|error| format!("cannot create {}: {error}", folder.display()))?;
    let log = folder.join("log");
    let ledger = Ledger::default();
    let mut chance = Lcg(seed);
    let mut findings = Findings::new();
    let mut next_id = 0;
    for round in 1..=rounds {
        let mut server = Server::start(root, &binary, &log)?;
        let lifetime = Duration::from_millis(20 + chance.below(700));
        let address = server.address.clone();
        next_id = load(&address, &ledger, next_id, lifetime, || server.kill());
        let acknowledged = known(&ledger).values().filter(|position| position.is_some()).count();
        let stored = account(&binary, &log, &ledger, &mut findings)?;
        println!(
            "round {round}/{rounds}: killed after {lifetime:?}, {acknowledged} acknowledged in all, \
             {stored} events in the log, {} findings",
            findings.len()
        );
        if !findings.is_empty() {
            findings.push(format!("the log is kept at {}", log.display()));
            return Ok(findings);
        }
    }
    // A last start must settle what the kills left behind, and a stop must leave no agent alive.
    Server::start(root, &binary, &log)?.stop()?;
    account(&binary, &log, &ledger, &mut findings)?;
    every_agent_ended(&binary, &log, &mut findings)?;
    if findings.is_empty() {
        fs::remove_dir_all(&folder)
            .map_err(|error| format!("cannot remove {}: {error}", folder.display()))?;
    }
    Ok(findings)
}

/// A running `homeostat serve`.
struct Server {
    child: Child,
    address: String,
}

impl Server {
    fn start(root: &Path, binary: &Path, log: &Path) -> Result<Self, String> {
        let mut command = Command::new(binary);
        command.arg("serve").arg("--log").arg(log).args([
            "--listen",
            "127.0.0.1:0",
            "--format",
            "json",
        ]);
        for spec in SPECS {
            command.arg("--spec").arg(root.join(spec));
        }
        command.arg("--agents").arg(root.join(AGENTS));
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| format!("cannot start {}: {error}", binary.display()))?;
        let mut line = String::new();
        if let Some(stdout) = child.stdout.take() {
            BufReader::new(stdout)
                .read_line(&mut line)
                .map_err(|error| format!("cannot read from serve: {error}"))?;
        }
        let address = serde_json::from_str::<Value>(&line)
            .ok()
            .and_then(|ready| ready.get("address").and_then(Value::as_str).map(str::to_owned))
            .ok_or_else(|| format!("serve did not become ready, it said `{}`", line.trim()))?;
        let address = address.trim_start_matches("http://").trim_end_matches('/').to_owned();
        Ok(Self { child, address })
    }

    fn kill(&mut self) {
        // Already gone is as good.
        drop(self.child.kill());
        drop(self.child.wait());
    }

    fn stop(mut self) -> Result<(), String> {
        Command::new("kill")
            .args(["-TERM", &self.child.id().to_string()])
            .status()
            .map_err(|error| format!("cannot send SIGTERM: {error}"))?;
        let status =
            self.child.wait().map_err(|error| format!("cannot wait for serve: {error}"))?;
        if status.success() { Ok(()) } else { Err(format!("serve stopped with {status}")) }
    }
}

/// Runs writers against `address` for `lifetime`, then `kill`. Gives the next unused id.
fn load(
    address: &str,
    ledger: &Ledger,
    first_id: u64,
    lifetime: Duration,
    kill: impl FnOnce(),
) -> u64 {
    let stop = Arc::new(AtomicBool::new(false));
    let next_id = Arc::new(AtomicU64::new(first_id));
    let in_doubt: Vec<String> = known(ledger)
        .iter()
        .filter(|(_, position)| position.is_none())
        .map(|(id, _)| id.clone())
        .collect();
    let writers: Vec<_> = (0..WRITERS)
        .map(|writer| {
            let (address, ledger) = (address.to_owned(), Arc::clone(ledger));
            let (stop, next_id) = (Arc::clone(&stop), Arc::clone(&next_id));
            let mut resend: Vec<String> =
                in_doubt.iter().skip(writer as usize).step_by(WRITERS as usize).cloned().collect();
            thread::spawn(move || {
                let Ok(mut stream) = TcpStream::connect(&address) else { return };
                while !stop.load(Ordering::Relaxed) {
                    let id = resend
                        .pop()
                        .unwrap_or_else(|| next_id.fetch_add(1, Ordering::Relaxed).to_string());
                    known(&ledger).entry(id.clone()).or_default();
                    let Some(position) = append(&mut stream, &id) else { return };
                    known(&ledger).insert(id, Some(position));
                }
            })
        })
        .collect();
    thread::sleep(lifetime);
    kill();
    stop.store(true, Ordering::Relaxed);
    for writer in writers {
        drop(writer.join());
    }
    next_id.load(Ordering::Relaxed)
}

fn known(ledger: &Ledger) -> std::sync::MutexGuard<'_, BTreeMap<String, Option<u64>>> {
    ledger.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Sends one event; its position when it was acknowledged.
fn append(stream: &mut TcpStream, id: &str) -> Option<u64> {
    let body = format!(
        r#"{{"specversion":"1.0","id":"{id}","source":"ci/kill","type":"interaction_logged","subject":"interaction/i{id}","time":"2026-03-02T09:00:00Z","data":{{"interaction":"i{id}","customer":"c{}"}}}}"#,
        id.len()
    );
    let head = format!(
        "POST /v1/events HTTP/1.1\r\nHost: ci\r\nContent-Type: application/cloudevents+json\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(format!("{head}{body}").as_bytes()).ok()?;
    let answer = response(stream)?;
    first_position(&serde_json::from_slice(&answer).ok()?)
}

/// The body of one HTTP/1.1 response with a content length and status 2xx.
fn response(stream: &mut TcpStream) -> Option<Vec<u8>> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).ok()?;
        head.extend(byte);
    }
    let head = String::from_utf8(head).ok()?.to_ascii_lowercase();
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length:"))
        .and_then(|value| value.trim().parse().ok())?;
    let mut body = vec![0; length];
    stream.read_exact(&mut body).ok()?;
    head.starts_with("http/1.1 2").then_some(body)
}

/// Finds `position` wherever the answer carries it.
fn first_position(answer: &Value) -> Option<u64> {
    match answer {
        Value::Object(members) => members
            .get("position")
            .and_then(Value::as_u64)
            .or_else(|| members.values().find_map(first_position)),
        Value::Array(members) => members.iter().find_map(first_position),
        _ => None,
    }
}

/// Holds the log against the ledger. Gives the number of events in the log.
fn account(
    binary: &Path,
    log: &Path,
    ledger: &Ledger,
    findings: &mut Findings,
) -> Result<usize, String> {
    let verified = Command::new(binary)
        .arg("verify")
        .arg("--log")
        .arg(log)
        .output()
        .map_err(|error| format!("cannot run verify: {error}"))?;
    if !verified.status.success() {
        findings.push(format!("verify: {}", String::from_utf8_lossy(&verified.stderr).trim()));
    }
    let events = export(binary, log)?;
    let mut positions = BTreeMap::new();
    for (index, event) in events.iter().enumerate() {
        let position = event.get("position").and_then(number).unwrap_or_default();
        if position != index as u64 + 1 {
            findings.push(format!("position {position} stands where {} should", index + 1));
            break;
        }
        if text(event, "source") == "ci/kill"
            && let Some(first) = positions.insert(text(event, "id").to_owned(), position)
        {
            findings.push(format!(
                "event `{}` is stored twice, at {first} and {position}",
                text(event, "id")
            ));
        }
    }
    for (id, acknowledged) in known(ledger).iter() {
        if let Some(acknowledged) = acknowledged
            && positions.get(id) != Some(acknowledged)
        {
            let found = positions.get(id);
            findings.push(format!(
                "event `{id}` was acknowledged at {acknowledged} and is found at {found:?}"
            ));
        }
    }
    one_agent_per_gap(&events, findings);
    Ok(events.len())
}

fn one_agent_per_gap(events: &[Value], findings: &mut Findings) {
    let mut working: BTreeMap<&str, &str> = BTreeMap::new();
    for event in events {
        let Some(data) = event.get("data") else { continue };
        match text(event, "type") {
            "agent.spawned" => {
                if let Some(other) = working.insert(text(data, "gap"), text(data, "agent")) {
                    findings.push(format!(
                        "gap `{}` was given to `{}` while `{other}` had it",
                        text(data, "gap"),
                        text(data, "agent")
                    ));
                }
            }
            "agent.ended" => {
                working.remove(text(data, "gap"));
            }
            _ => {}
        }
    }
}

fn every_agent_ended(binary: &Path, log: &Path, findings: &mut Findings) -> Result<(), String> {
    let events = export(binary, log)?;
    let mut alive = BTreeSet::new();
    let mut lost = 0;
    for event in &events {
        let Some(data) = event.get("data") else { continue };
        match text(event, "type") {
            "agent.spawned" => drop(alive.insert(text(data, "agent"))),
            "agent.ended" => {
                lost += usize::from(text(data, "ending") == "lost");
                if !alive.remove(text(data, "agent")) {
                    findings.push(format!("agent `{}` ended without a life", text(data, "agent")));
                }
            }
            _ => {}
        }
    }
    println!("{lost} agents recorded as lost");
    findings.extend(alive.iter().map(|agent| format!("agent `{agent}` never ended")));
    if lost == 0 {
        findings.push("no agent was ever lost, so the kills never met one at work".to_owned());
    }
    Ok(())
}

fn export(binary: &Path, log: &Path) -> Result<Vec<Value>, String> {
    let exported = Command::new(binary)
        .arg("export")
        .arg("--log")
        .arg(log)
        .args(["--as", "jsonl"])
        .output()
        .map_err(|error| format!("cannot run export: {error}"))?;
    if !exported.status.success() {
        return Err(format!("export: {}", String::from_utf8_lossy(&exported.stderr).trim()));
    }
    String::from_utf8_lossy(&exported.stdout)
        .lines()
        .map(|line| {
            serde_json::from_str(line).map_err(|error| format!("export wrote `{line}`: {error}"))
        })
        .collect()
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value.get(key).and_then(Value::as_str).unwrap_or_default()
}

/// CloudEvents extensions may carry a large number as text.
fn number(value: &Value) -> Option<u64> {
    value.as_u64().or_else(|| value.as_str()?.parse().ok())
}
