//! Reads what `strace` wrote down of a process: which files it changed, and what it said.
//!
//! In: the lines of a trace with every text in hexadecimal (`-xx`) and the process of each line
//! (`-f`). Out: [`Call`]s in the order in which they returned, failed ones left out.
//! Never: knows what a call means; `disk` does. Start reading at [`parse`].

use std::collections::BTreeMap;

/// The calls that change files or say where in a file a process is.
pub(crate) const TRACED: &str = "open,creat,openat,close,dup,dup2,dup3,fcntl,lseek,read,write,\
    writev,pwrite64,pwritev,pwritev2,ftruncate,truncate,fallocate,fsync,fdatasync,sync,syncfs,\
    sync_file_range,msync,rename,renameat,renameat2,unlink,unlinkat,mkdir,mkdirat,rmdir,link,linkat,\
    symlink,symlinkat,copy_file_range,sendfile";

/// One call that succeeded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Call {
    /// The line in which it began, from 1.
    pub(crate) begun: usize,
    /// The line in which it returned.
    pub(crate) done: usize,
    /// Its name.
    pub(crate) name: String,
    /// What it was given.
    pub(crate) arguments: Vec<Argument>,
    /// What it returned.
    pub(crate) returned: u64,
}

/// One thing that a call was given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Argument {
    /// A text or bytes.
    Bytes(Vec<u8>),
    /// Anything else, as it stands.
    Word(String),
}

impl Call {
    /// The number that stands at `index`: a descriptor, an offset, a length.
    pub(crate) fn number(&self, index: usize) -> Option<u64> {
        number(self.word(index)?)
    }

    /// The word that stands at `index`: flags, or a number.
    pub(crate) fn word(&self, index: usize) -> Option<&str> {
        match self.arguments.get(index)? {
            Argument::Word(word) => Some(word),
            Argument::Bytes(_) => None,
        }
    }

    /// The bytes that stand at `index`.
    pub(crate) fn bytes(&self, index: usize) -> Option<&[u8]> {
        match self.arguments.get(index)? {
            Argument::Bytes(bytes) => Some(bytes),
            Argument::Word(_) => None,
        }
    }

    /// The path that stands at `index`.
    pub(crate) fn path(&self, index: usize) -> Option<String> {
        Some(String::from_utf8_lossy(self.bytes(index)?).into_owned())
    }
}

/// The calls of a trace, in the order in which they returned.
pub(crate) fn parse(trace: &str) -> Result<Vec<Call>, String> {
    let mut calls = Vec::new();
    // What each thread is in the middle of: the line in which it began, and its text so far.
    let mut begun: BTreeMap<&str, (usize, String)> = BTreeMap::new();
    for (index, line) in trace.lines().enumerate() {
        let number = index + 1;
        let Some((thread, text)) = line.split_once(' ') else { continue };
        let text = text.trim_start();
        if text.starts_with("+++") || text.starts_with("---") {
            continue;
        }
        if let Some(first) = text.strip_suffix("<unfinished ...>") {
            begun.insert(thread, (number, first.to_owned()));
            continue;
        }
        let (since, whole) = match text.strip_prefix("<... ") {
            Some(resumed) => {
                let rest = resumed.split_once("resumed>").map(|(_, rest)| rest);
                let (since, first) = begun.remove(thread).ok_or_else(|| unread(number, line))?;
                (since, first + rest.ok_or_else(|| unread(number, line))?)
            }
            None => (number, text.to_owned()),
        };
        let call = call(&whole).ok_or_else(|| unread(number, line))?;
        calls.extend(call.map(|call| Call { begun: since, done: number, ..call }));
    }
    Ok(calls)
}

fn unread(number: usize, line: &str) -> String {
    let line: String = line.chars().take(120).collect();
    format!("line {number} of the trace is not understood: `{line}`")
}

/// One whole call; none inside when it failed.
fn call(text: &str) -> Option<Option<Call>> {
    let (name, rest) = text.split_once('(')?;
    let (arguments, returned) = rest.rsplit_once(") ")?;
    let returned = returned.trim_start().strip_prefix("= ")?;
    // A call that never returned, since its process ended.
    if returned.starts_with(['-', '?']) {
        return Some(None);
    }
    let returned = number(returned.split([' ', '<']).next()?)?;
    let arguments = arguments.split(", ").map(argument).collect::<Option<_>>()?;
    Some(Some(Call { begun: 0, done: 0, name: name.to_owned(), arguments, returned }))
}

fn argument(text: &str) -> Option<Argument> {
    let text = text.trim();
    let Some(quoted) = text.strip_prefix('"') else {
        return Some(Argument::Word(text.to_owned()));
    };
    // No dots behind the quote: nothing may have been left out.
    let hexadecimal = quoted.strip_suffix('"')?;
    let byte = |pair: &str| u8::from_str_radix(pair, 16).ok();
    let bytes = hexadecimal.split("\\x").skip(1).map(byte).collect::<Option<_>>()?;
    Some(Argument::Bytes(bytes))
}

fn number(text: &str) -> Option<u64> {
    match text.strip_prefix("0x") {
        Some(digits) => u64::from_str_radix(digits, 16).ok(),
        None => text.parse().ok(),
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may fail")]

    use super::*;

    #[test]
    fn a_call_that_another_thread_interrupts_is_put_together() {
        let trace = "7 fsync(5 <unfinished ...>\n\
                     8 write(1, \"\\x61\\x0a\", 2) = 2\n\
                     8 unlink(\"\\x61\") = -1 ENOENT (No such file or directory)\n\
                     7 <... fsync resumed>)              = 0\n\
                     8 +++ exited with 0 +++\n";
        let calls = parse(trace).unwrap();
        let order: Vec<_> =
            calls.iter().map(|call| (call.name.as_str(), call.begun, call.done)).collect();
        assert_eq!(order, [("write", 2, 2), ("fsync", 1, 4)]);
        assert_eq!(calls[0].bytes(1).unwrap(), b"a\n");
        assert_eq!(calls[1].number(0), Some(5));
    }

    #[test]
    fn bytes_that_were_left_out_are_not_guessed() {
        let error = parse("7 write(4, \"\\x61\"..., 9) = 9\n").unwrap_err();
        assert!(error.starts_with("line 1 of the trace is not understood"), "{error}");
    }
}
