//! Opens images in a process of its own, since fjall may take a process with it.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde_json::{Value, json};

/// A `homeostat-ci-writer look` that waits for directories.
#[derive(Debug)]
pub(crate) struct Looker {
    program: PathBuf,
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Looker {
    pub(crate) fn start(program: &Path) -> Result<Self, String> {
        let cannot = || format!("cannot start {}", program.display());
        let mut child = Command::new(program)
            .arg("look")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| format!("{}: {error}", cannot()))?;
        let input = child.stdin.take().ok_or_else(cannot)?;
        let output = BufReader::new(child.stdout.take().ok_or_else(cannot)?);
        Ok(Self { program: program.to_owned(), child, input, output })
    }

    /// What opening `directory` gives.
    pub(crate) fn look(&mut self, directory: &Path) -> Result<Value, String> {
        let mut answer = String::new();
        let asked = writeln!(self.input, "{}", directory.display());
        let heard = asked.and_then(|()| self.output.read_line(&mut answer));
        if heard.is_ok_and(|bytes| bytes > 0) {
            return serde_json::from_str(&answer)
                .map_err(|error| format!("the looker said `{}`: {error}", answer.trim()));
        }
        let end = self.child.wait().map_or_else(|error| error.to_string(), |end| end.to_string());
        *self = Self::start(&self.program.clone())?;
        Ok(json!({ "refused": format!("the process that opened it ended with {end}") }))
    }
}

impl Drop for Looker {
    fn drop(&mut self) {
        // Already gone is as good.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
