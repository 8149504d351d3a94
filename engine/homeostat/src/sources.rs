//! Finds and reads what a person names on the command line: spec files, folders of them, `-`.
//!
//! Promise: a folder's files come in the order of their names, whatever the file system says.

use std::io::Read;
use std::path::{Path, PathBuf};

use homeostat_intent::Source;

use crate::failure::Failure;

/// What messages call standard input.
pub(crate) const STDIN: &str = "<stdin>";
/// The ending of a spec file.
pub(crate) const ENDING: &str = "intent";
/// Bytes of one spec file; a longer one is surely something else.
const SPEC_BYTES_MAX: u64 = 16 << 20;
/// How deep folders are searched, so that a link that leads back up ends somewhere.
const FOLDER_DEPTH_MAX: usize = 16;

/// Reads every spec file that `paths` name: files as they are, folders with all `*.intent` below
/// them, `-` for standard input.
pub(crate) fn read_specs(paths: &[PathBuf]) -> Result<Vec<Source>, Failure> {
    if paths.is_empty() {
        return Err(Failure::new("no spec was named").help(
            "name a file or folder of `.intent` files, or set `spec = [\"…\"]` in homeostat.toml",
        ));
    }
    let mut files = Vec::new();
    for path in paths {
        if path.is_dir() {
            let before = files.len();
            collect(path, FOLDER_DEPTH_MAX, &mut files)?;
            if files.len() == before {
                return Err(Failure::new(format_args!(
                    "the folder `{}` holds no `.{ENDING}` file",
                    path.display()
                )));
            }
        } else {
            files.push(path.clone());
        }
    }
    files.iter().map(|path| read_spec(path)).collect()
}

/// Reads one text, `-` for standard input.
pub(crate) fn read_text(path: &Path, bytes_max: u64) -> Result<String, Failure> {
    let mut bytes = Vec::new();
    let limit = bytes_max.saturating_add(1);
    let read = if path == Path::new("-") {
        std::io::stdin().lock().take(limit).read_to_end(&mut bytes)
    } else {
        std::fs::File::open(path).and_then(|file| file.take(limit).read_to_end(&mut bytes))
    };
    read.map_err(|error| Failure::new(format_args!("cannot read `{}`: {error}", path.display())))?;
    if bytes.len() as u64 > bytes_max {
        return Err(Failure::new(format_args!(
            "`{}` is longer than {bytes_max} bytes",
            path.display()
        )));
    }
    String::from_utf8(bytes).map_err(|error| {
        let valid = error.utf8_error().valid_up_to();
        let line = error
            .as_bytes()
            .iter()
            .take(valid)
            .filter(|byte| **byte == b'\n')
            .count()
            .saturating_add(1);
        Failure::new(format_args!(
            "`{}` is not UTF-8 text: a wrong byte in line {line} (byte {valid})",
            path.display()
        ))
        .help("save the file as UTF-8")
    })
}

/// The spec files that a file or folder stands for, in their order, for who cannot stop at a
/// failure: it is told in words.
pub(crate) fn spec_files(path: &Path) -> Result<Vec<PathBuf>, String> {
    if !path.is_dir() {
        return Ok(vec![path.to_path_buf()]);
    }
    let mut files = Vec::new();
    collect(path, FOLDER_DEPTH_MAX, &mut files).map_err(Failure::into_words)?;
    Ok(files)
}

/// The text of one spec file, for the same.
pub(crate) fn read_spec_text(path: &Path) -> Result<String, String> {
    read_text(path, SPEC_BYTES_MAX).map_err(Failure::into_words)
}

fn read_spec(path: &Path) -> Result<Source, Failure> {
    let text = read_text(path, SPEC_BYTES_MAX)?;
    let name = if path == Path::new("-") { STDIN.to_owned() } else { path.display().to_string() };
    Ok(Source { name, text })
}

fn collect(folder: &Path, depth: usize, files: &mut Vec<PathBuf>) -> Result<(), Failure> {
    let unreadable = |error| {
        Failure::new(format_args!("cannot read the folder `{}`: {error}", folder.display()))
    };
    if depth == 0 {
        return Err(Failure::new(format_args!(
            "folders nest deeper than {FOLDER_DEPTH_MAX} at `{}`",
            folder.display()
        ))
        .help("does a link lead back up?"));
    }
    let mut entries = std::fs::read_dir(folder)
        .map_err(unreadable)?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<Vec<_>, _>>()
        .map_err(unreadable)?;
    entries.sort();
    for entry in entries {
        if entry.is_dir() {
            collect(&entry, depth.saturating_sub(1), files)?;
        } else if entry.extension().is_some_and(|ending| ending == ENDING) {
            files.push(entry);
        }
    }
    Ok(())
}
