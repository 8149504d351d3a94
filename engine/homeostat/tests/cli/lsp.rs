//! `homeostat lsp` as an editor meets it: over standard input and output, with the real binary.

use std::io::{BufRead, BufReader, Read, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Stdio};

use serde_json::{Value, json};

use crate::bench::Bench;

const DECLARATIONS: &str = "\
entity customer { has: tier }
entity order {
  belongs_to: customer
  has: total
}
event order.placed as order_placed
event order.shipped
threshold large: 1000 rising
action ship(order) { satisfied_by: order.shipped }
";

const BLOCKS: &str = "\
# → 𝄞 what follows
when order.placed {
  must: ship(order)
    within: 2d
  if order.total crosses threshold.large {
    must: ship(order, reason: order.customer)
  }
}
";

/// An editor that has started the server in the folder of a bench.
struct Editor {
    bench: Bench,
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
    requests: i64,
    /// The newest findings by document, as the server published them.
    findings: std::collections::BTreeMap<String, Value>,
    /// The version that the newest findings are of.
    version: Option<i64>,
}

impl Editor {
    fn new(bench: Bench, options: &Value) -> Self {
        let mut child = bench
            .command(&["lsp", "--stdio"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let input = child.stdin.take();
        let output = BufReader::new(child.stdout.take().unwrap());
        let findings = std::collections::BTreeMap::new();
        let mut editor = Self { bench, child, input, output, requests: 0, findings, version: None };
        let root = editor.uri("");
        let capabilities = json!({ "workspace": { "workspaceEdit": { "documentChanges": true } } });
        let answer = editor.ask(
            "initialize",
            json!({
                "processId": null,
                "rootUri": root.trim_end_matches('/'),
                "capabilities": capabilities,
                "initializationOptions": options,
            }),
        );
        assert_eq!(answer["serverInfo"]["name"], "homeostat", "{answer}");
        editor.tell("initialized", json!({}));
        editor
    }

    fn path(&self, name: &str) -> PathBuf {
        self.bench.path(name).canonicalize().unwrap_or_else(|_| self.bench.path(name))
    }

    fn uri(&self, name: &str) -> String {
        format!("file://{}", self.bench.path(name).display())
    }

    fn send(&mut self, message: &Value) {
        let text = message.to_string();
        let input = self.input.as_mut().unwrap();
        write!(input, "Content-Length: {}\r\n\r\n{text}", text.len()).unwrap();
        input.flush().unwrap();
    }

    fn tell(&mut self, method: &str, params: Value) {
        self.send(&json!({ "jsonrpc": "2.0", "method": method, "params": params }));
    }

    /// Asks, and reads until the answer comes: its result, or its error.
    fn ask(&mut self, method: &str, params: Value) -> Value {
        self.requests += 1;
        let id = self.requests;
        self.send(&json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params }));
        loop {
            let message = self.read();
            if message["id"] == id {
                let error = message["error"].clone();
                return if error.is_null() { message["result"].clone() } else { error };
            }
        }
    }

    /// Reads one message; findings are kept.
    fn read(&mut self) -> Value {
        let mut length = 0;
        loop {
            let mut line = String::new();
            assert!(self.output.read_line(&mut line).unwrap() > 0, "the server has gone");
            if line == "\r\n" {
                break;
            }
            if let Some(value) = line.strip_prefix("Content-Length: ") {
                length = value.trim().parse().unwrap();
            }
        }
        let mut body = vec![0; length];
        self.output.read_exact(&mut body).unwrap();
        let message: Value = serde_json::from_slice(&body).unwrap();
        if message["method"] == "textDocument/publishDiagnostics" {
            let uri = message["params"]["uri"].as_str().unwrap().to_owned();
            self.findings.insert(uri, message["params"]["diagnostics"].clone());
            self.version = message["params"]["version"].as_i64();
        }
        message
    }

    /// Opens a document with a text that need not be on the disk.
    fn open(&mut self, name: &str, text: &str) {
        let uri = self.uri(name);
        let document = json!({ "uri": uri, "languageId": "intent", "version": 1, "text": text });
        self.tell("textDocument/didOpen", json!({ "textDocument": document }));
    }

    fn change(&mut self, name: &str, version: i64, changes: Value) {
        let document = json!({ "uri": self.uri(name), "version": version });
        self.tell(
            "textDocument/didChange",
            json!({ "textDocument": document, "contentChanges": changes }),
        );
    }

    /// Reads until findings of this document come, and gives their codes.
    fn codes(&mut self, name: &str) -> Vec<String> {
        let uri = self.uri(name);
        self.findings.remove(&uri);
        while !self.findings.contains_key(&uri) {
            self.read();
        }
        self.known_codes(name)
    }

    /// The codes of the findings of this version: those of earlier ones may come before.
    fn codes_of(&mut self, name: &str, version: i64) -> Vec<String> {
        loop {
            let codes = self.codes(name);
            if self.version == Some(version) {
                return codes;
            }
        }
    }

    /// The codes of the newest findings that have come.
    fn known_codes(&self, name: &str) -> Vec<String> {
        let found = self.findings[&self.uri(name)].as_array().unwrap();
        found.iter().map(|one| one["code"].as_str().unwrap().to_owned()).collect()
    }

    /// Asks about the place behind the first `before` in a text.
    fn about(&mut self, method: &str, name: &str, text: &str, before: &str, more: Value) -> Value {
        let at = text.find(before).unwrap() + before.len();
        let position = place(text, at);
        let mut params = json!({ "textDocument": { "uri": self.uri(name) }, "position": position });
        for (key, value) in more.as_object().unwrap() {
            params[key] = value.clone();
        }
        self.ask(&format!("textDocument/{method}"), params)
    }

    /// `shutdown`, `exit`, and how the server ended.
    fn leave(mut self) -> i32 {
        assert!(self.ask("shutdown", Value::Null).is_null());
        self.tell("exit", Value::Null);
        self.gone()
    }

    /// How the server ended, and that it did so quietly.
    fn gone(mut self) -> i32 {
        drop(self.input.take());
        let status = self.child.wait().unwrap();
        let mut said = String::new();
        self.child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
        assert_eq!(said, "");
        status.code().unwrap()
    }
}

/// Lines and units of UTF-16 before a byte.
fn place(text: &str, at: usize) -> Value {
    let before = &text[..at];
    let line = before.matches('\n').count();
    let row = before.rsplit('\n').next().unwrap();
    json!({ "line": line, "character": row.encode_utf16().count() })
}

fn shown(position: &Value) -> String {
    let one = |field: &str| position[field].as_u64().unwrap() + 1;
    format!("{}:{}", one("line"), one("character"))
}

/// A range as `line:column-line:column`, from 1, with the file.
fn spot(location: &Value) -> String {
    let file = location["uri"].as_str().unwrap_or_default().rsplit('/').next().unwrap().to_owned();
    let range = &location["range"];
    format!("{file} {}-{}", shown(&range["start"]), shown(&range["end"]))
}

/// The text with the edits of a document in a workspace edit.
fn applied(text: &str, edits: &Value) -> String {
    let mut lines: Vec<usize> = vec![0];
    lines.extend(text.match_indices('\n').map(|(at, _)| at + 1));
    let byte = |position: &Value| {
        let start = lines[usize::try_from(position["line"].as_u64().unwrap()).unwrap()];
        let mut units = position["character"].as_u64().unwrap();
        let mut at = start;
        for c in text[start..].chars() {
            if units == 0 {
                break;
            }
            units -= c.len_utf16() as u64;
            at += c.len_utf8();
        }
        at
    };
    let mut places: Vec<(usize, usize, String)> = (edits.as_array().unwrap().iter())
        .map(|edit| {
            let range = &edit["range"];
            let new = edit["newText"].as_str().unwrap().to_owned();
            (byte(&range["start"]), byte(&range["end"]), new)
        })
        .collect();
    places.sort();
    let mut text = text.to_owned();
    for (start, end, new) in places.into_iter().rev() {
        text.replace_range(start..end, &new);
    }
    text
}

fn shop() -> Editor {
    let bench = Bench::new();
    bench.write("shop/declarations.intent", DECLARATIONS);
    bench.write("shop/blocks.intent", BLOCKS);
    Editor::new(bench, &json!({}))
}

const OPEN: &str = "shop/blocks.intent";

#[test]
fn a_folder_is_one_spec_as_check_reads_it() {
    let mut editor = shop();
    editor.open(OPEN, BLOCKS);
    assert_eq!(editor.codes(OPEN), Vec::<String>::new());
    // Taken alone, nothing of it would be declared.
    editor.bench.write("shop/declarations.intent", "");
    editor.tell("workspace/didChangeWatchedFiles", json!({ "changes": [] }));
    assert!(editor.codes(OPEN).contains(&"S0102".to_owned()));
    assert_eq!(editor.leave(), 0);
}

#[test]
fn findings_follow_what_is_typed_and_lose_nothing() {
    let mut editor = shop();
    editor.open(OPEN, BLOCKS);
    editor.codes(OPEN);
    // In the first line, behind a character of two units: `what` becomes `xhat` and back.
    let at = |character| json!({ "line": 0, "character": character });
    let range = |from, to| json!({ "start": at(from), "end": at(to) });
    editor.change(OPEN, 2, json!([{ "range": range(7, 8), "text": "x" }]));
    editor.change(
        OPEN,
        3,
        json!([{ "range": range(7, 8), "text": "" }, { "range": range(7, 7), "text": "w" }]),
    );
    let spoilt = BLOCKS.replace("must: ship(order)\n", "must ship(order)\n");
    editor.change(OPEN, 4, json!([{ "text": spoilt }]));
    let codes = editor.codes_of(OPEN, 4);
    assert_eq!(codes, ["S0001"], "{:?}", editor.findings);
    let found = editor.findings[&editor.uri(OPEN)][0].clone();
    assert_eq!(found["severity"], 1);
    assert!(found["message"].as_str().unwrap().contains("expected `:`"), "{found}");
    assert!(found["data"]["page"]["title"].is_string(), "the code's page comes along: {found}");
    editor.change(OPEN, 5, json!([{ "text": BLOCKS }]));
    assert_eq!(editor.codes_of(OPEN, 5), Vec::<String>::new());
    let close = json!({ "textDocument": { "uri": editor.uri(OPEN) } });
    editor.tell("textDocument/didClose", close);
    assert_eq!(editor.leave(), 0);
}

#[test]
fn a_burst_of_changes_is_judged_at_its_end() {
    let mut editor = shop();
    editor.open(OPEN, BLOCKS);
    editor.codes(OPEN);
    for version in 2..400 {
        let text = if version % 2 == 0 { "when {" } else { BLOCKS };
        editor.change(OPEN, version, json!([{ "text": text }]));
    }
    let symbols = editor
        .ask("textDocument/documentSymbol", json!({ "textDocument": { "uri": editor.uri(OPEN) } }));
    assert_eq!(symbols[0]["name"], "when order.placed", "{symbols}");
    assert_eq!(editor.leave(), 0);
}

#[test]
fn names_lead_to_their_declarations_and_uses_in_other_files() {
    let mut editor = shop();
    editor.open(OPEN, BLOCKS);
    let found = editor.about("definition", OPEN, BLOCKS, "threshold.la", json!({}));
    assert_eq!(spot(&found[0]), "declarations.intent 8:11-8:16", "{found}");
    let found = editor.about("definition", OPEN, BLOCKS, "when order.pl", json!({}));
    assert_eq!(spot(&found[0]), "declarations.intent 6:7-6:19", "{found}");
    let context = json!({ "context": { "includeDeclaration": true } });
    let found = editor.about("references", OPEN, BLOCKS, "must: sh", context);
    let places: Vec<String> = found.as_array().unwrap().iter().map(spot).collect();
    assert_eq!(
        places,
        ["blocks.intent 3:9-3:13", "blocks.intent 6:11-6:15", "declarations.intent 9:8-9:12"]
    );
    let found = editor.about("documentHighlight", OPEN, BLOCKS, "must: sh", json!({}));
    assert_eq!(found.as_array().unwrap().len(), 2);
    let hover = editor.about("hover", OPEN, BLOCKS, "must: sh", json!({}));
    let text = hover["contents"]["value"].as_str().unwrap();
    assert!(text.contains("satisfied_by: order.shipped") && text.contains("within 2d"), "{text}");
    let offers = editor.about("completion", OPEN, BLOCKS, "order.customer", json!({}));
    assert!(offers["items"].as_array().unwrap().iter().any(|item| item["label"] == "customer"));
    assert_eq!(editor.leave(), 0);
}

#[test]
fn a_name_is_renamed_in_all_files() {
    let mut editor = shop();
    editor.open(OPEN, BLOCKS);
    let place = editor.about("prepareRename", OPEN, BLOCKS, "if ord", json!({}));
    assert_eq!(place["placeholder"], "order");
    let name = json!({ "newName": "sale" });
    let edit = editor.about("rename", OPEN, BLOCKS, "if ord", name);
    let changes = edit["documentChanges"].as_array().unwrap();
    assert_eq!(changes.len(), 2, "{edit}");
    for change in changes {
        let uri = change["textDocument"]["uri"].as_str().unwrap();
        let (before, version) = match uri.rsplit('/').next() {
            Some("blocks.intent") => (BLOCKS, json!(1)),
            _ => (DECLARATIONS, Value::Null),
        };
        assert_eq!(change["textDocument"]["version"], version);
        let after = applied(before, &change["edits"]);
        assert_eq!(
            after,
            before
                .replace("order_placed", "kept")
                .replace("order", "sale")
                .replace("kept", "order_placed")
        );
    }
    let refused = editor.about("rename", OPEN, BLOCKS, "if ord", json!({ "newName": "customer" }));
    assert!(refused["message"].as_str().unwrap().contains("already an entity"), "{refused}");
    let refused = editor.about("prepareRename", OPEN, BLOCKS, "with", json!({}));
    assert_eq!(refused["message"], "this is not a name");
    assert_eq!(editor.leave(), 0);
}

#[test]
fn fixes_and_declarations_are_offered_where_they_help() {
    let mut editor = shop();
    let spoilt = BLOCKS.replace("threshold.large", "threshold.lagre").replace("2d", "2 days");
    editor.open(OPEN, &spoilt);
    assert_eq!(editor.codes(OPEN), ["S0201", "S0102"]);
    let all =
        json!({ "start": { "line": 0, "character": 0 }, "end": { "line": 9, "character": 0 } });
    let asked = json!({
        "textDocument": { "uri": editor.uri(OPEN) },
        "range": all,
        "context": { "diagnostics": [] },
    });
    let offers = editor.ask("textDocument/codeAction", asked);
    let titles: Vec<&str> =
        offers.as_array().unwrap().iter().map(|offer| offer["title"].as_str().unwrap()).collect();
    assert_eq!(titles, ["write `d`", "write `large`", "mend all that leaves no choice"]);
    assert_eq!(offers[0]["isPreferred"], true);
    assert_eq!(offers[1]["isPreferred"], false);
    let mended = applied(&spoilt, &offers[2]["edit"]["documentChanges"][0]["edits"]);
    assert_eq!(mended, spoilt.replace("2 days", "2d"));
    assert_eq!(editor.leave(), 0);
}

#[test]
fn documents_are_laid_out_and_outlined() {
    let mut editor = shop();
    let loose = BLOCKS.replace("  must", "     must").replace("order)\n", "order  )\n");
    editor.open(OPEN, &loose);
    let asked = json!({
        "textDocument": { "uri": editor.uri(OPEN) },
        "options": { "tabSize": 2, "insertSpaces": true },
    });
    let edits = editor.ask("textDocument/formatting", asked.clone());
    assert_eq!(applied(&loose, &edits), BLOCKS);
    let outline = editor.ask("textDocument/documentSymbol", asked.clone());
    assert_eq!(outline[0]["children"][0]["name"], "must: ship(order)");
    // What cannot be read is left as it is.
    editor.change(OPEN, 2, json!([{ "text": "when {" }]));
    assert!(editor.ask("textDocument/formatting", asked).is_null());
    assert_eq!(editor.leave(), 0);
}

#[test]
fn broken_texts_and_requests_are_answered() {
    let mut editor = shop();
    editor.open(OPEN, "when order.placed {\n  must: ship(\n  # é𝄞 \"\n");
    assert!(!editor.codes(OPEN).is_empty());
    for character in 0..14 {
        for method in ["hover", "completion", "definition", "references", "prepareRename"] {
            let params = json!({
                "textDocument": { "uri": editor.uri(OPEN) },
                "position": { "line": 1, "character": character },
            });
            editor.ask(&format!("textDocument/{method}"), params);
        }
    }
    let far = json!({
        "textDocument": { "uri": editor.uri(OPEN) },
        "position": { "line": 4_000_000, "character": 4_000_000 },
    });
    assert!(editor.ask("textDocument/hover", far).is_null());
    let unknown = json!({
        "textDocument": { "uri": "file:///nowhere.intent" },
        "position": { "line": 0, "character": 0 },
    });
    let refused = editor.ask("textDocument/hover", unknown);
    assert_eq!(refused["code"], -32602, "{refused}");
    assert_eq!(editor.ask("textDocument/hover", json!(["no"]))["code"], -32602);
    assert_eq!(editor.ask("homeostat/nonsense", json!({}))["code"], -32601);
    editor.tell("textDocument/didChange", json!("no"));
    editor.tell("$/cancelRequest", json!({ "id": 1 }));
    let nothing = editor
        .ask("textDocument/documentSymbol", json!({ "textDocument": { "uri": editor.uri(OPEN) } }));
    assert!(nothing.is_array());
    assert_eq!(editor.leave(), 0);
}

#[test]
fn settings_say_which_files_make_a_spec() {
    let bench = Bench::new();
    bench.write("homeostat.toml", "spec = [\"names\", \"deep/blocks.intent\"]\n");
    bench.write("names/all.intent", DECLARATIONS);
    bench.write("deep/blocks.intent", BLOCKS);
    bench.write("deep/other.intent", "event order.placed\nevent order.placed\n");
    let mut editor = Editor::new(bench, &json!({}));
    editor.open("deep/blocks.intent", BLOCKS);
    assert_eq!(editor.codes("deep/blocks.intent"), Vec::<String>::new());
    assert!(!editor.findings.contains_key(&editor.uri("deep/other.intent")));
    assert_eq!(editor.leave(), 0);
    let bench = Bench::new();
    bench.write("a/names.intent", DECLARATIONS);
    bench.write("b/blocks.intent", BLOCKS);
    let mut editor = Editor::new(bench, &json!({ "spec": ["a", "b"] }));
    editor.open("b/blocks.intent", BLOCKS);
    assert_eq!(editor.codes("b/blocks.intent"), Vec::<String>::new());
    assert_eq!(editor.leave(), 0);
}

#[test]
fn a_file_that_cannot_be_read_is_told_at_its_place() {
    let mut editor = shop();
    std::fs::write(editor.path("shop").join("latin.intent"), b"# caf\xe9\n").unwrap();
    editor.open(OPEN, BLOCKS);
    assert_eq!(editor.codes("shop/latin.intent"), ["unread"]);
    assert_eq!(editor.leave(), 0);
}

#[test]
fn a_document_that_is_no_file_is_a_spec_of_its_own() {
    let mut editor = shop();
    let document =
        json!({ "uri": "untitled:1", "languageId": "intent", "version": 1, "text": DECLARATIONS });
    editor.tell("textDocument/didOpen", json!({ "textDocument": document }));
    let asked = json!({ "textDocument": { "uri": "untitled:1" } });
    let outline = editor.ask("textDocument/documentSymbol", asked);
    assert_eq!(outline[0]["name"], "customer");
    assert_eq!(editor.leave(), 0);
}

#[test]
fn the_exit_code_says_whether_the_editor_took_leave() {
    let mut editor = shop();
    editor.tell("exit", Value::Null);
    assert_eq!(editor.gone(), 1);
    assert_eq!(shop().gone(), 1, "the pipe was closed");
    let mut editor = shop();
    editor.ask("shutdown", Value::Null);
    let refused = editor.ask("textDocument/hover", json!({}));
    assert_eq!(refused["code"], -32600);
    editor.tell("exit", Value::Null);
    assert_eq!(editor.gone(), 0);
}

/// The page beside the extension tells a session; this is the session. With
/// `HOMEOSTAT_WRITE_SESSION=1` it is written anew.
#[test]
fn the_session_that_the_docs_tell_is_a_real_one() {
    let mut told = Vec::new();
    let mut say = |line: String| told.push(line);
    let mut editor = shop();
    let typed = BLOCKS.replace("threshold.large", "threshold.lagre");
    say("# the file is opened with a slip of the pen".to_owned());
    editor.open(OPEN, &typed);
    editor.codes(OPEN);
    for found in editor.findings[&editor.uri(OPEN)].as_array().unwrap() {
        let place = shown(&found["range"]["start"]);
        let message = found["message"].as_str().unwrap().replace('\n', "; ");
        say(format!("finding {} {place}: {message}", found["code"].as_str().unwrap()));
    }
    let range = editor.findings[&editor.uri(OPEN)][0]["range"].clone();
    let asked = json!({ "textDocument": { "uri": editor.uri(OPEN) }, "range": range, "context": { "diagnostics": [] } });
    let offers = editor.ask("textDocument/codeAction", asked);
    say(format!("quick fix: {}", offers[0]["title"].as_str().unwrap()));
    let mended = applied(&typed, &offers[0]["edit"]["documentChanges"][0]["edits"]);
    editor.change(OPEN, 2, json!([{ "text": mended }]));
    say(format!("findings after it: {}", editor.codes(OPEN).len()));
    say("# the cursor rests on `ship`".to_owned());
    let hover = editor.about("hover", OPEN, &mended, "must: sh", json!({}));
    for line in hover["contents"]["value"].as_str().unwrap().lines().filter(|line| !line.is_empty())
    {
        say(format!("hover: {line}"));
    }
    let found = editor.about("definition", OPEN, &mended, "must: sh", json!({}));
    say(format!("definition: {}", spot(&found[0])));
    say("# `must: ` is typed in a new line".to_owned());
    let longer = mended.replace("    within: 2d\n", "    within: 2d\n  must: \n");
    editor.change(OPEN, 3, json!([{ "text": longer }]));
    let offers = editor.about("completion", OPEN, &longer, "2d\n  must: ", json!({}));
    for item in offers["items"].as_array().unwrap() {
        let insert = item["textEdit"]["newText"].as_str().unwrap();
        say(format!("completion: {} → {insert}", item["label"].as_str().unwrap()));
    }
    editor.change(OPEN, 4, json!([{ "text": mended }]));
    say("# `order` is renamed to `sale`".to_owned());
    let edit = editor.about("rename", OPEN, &mended, "if ord", json!({ "newName": "sale" }));
    for change in edit["documentChanges"].as_array().unwrap() {
        let file = change["textDocument"]["uri"].as_str().unwrap().rsplit('/').next().unwrap();
        say(format!("rename: {} places in {file}", change["edits"].as_array().unwrap().len()));
    }
    assert_eq!(editor.leave(), 0);
    let transcript = told.join("\n");
    let page = crate::bench::workspace("engine/homeostat/editors/vscode").join("session.md");
    let text = std::fs::read_to_string(&page).unwrap();
    let (head, rest) = text.split_once("```text\n").unwrap();
    let (_, tail) = rest.split_once("\n```").unwrap();
    let renewed = format!("{head}```text\n{transcript}\n```{tail}");
    if std::env::var_os("HOMEOSTAT_WRITE_SESSION").is_some() {
        std::fs::write(&page, renewed).unwrap();
    } else {
        assert_eq!(text, renewed, "the session goes otherwise; look at it, and write it anew");
    }
}
