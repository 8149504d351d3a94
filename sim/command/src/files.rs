//! Plans and scenarios as files.
//!
//! In: paths. Out: Plans and scenarios with the text of every file that they name in them.
//! Promise: names inside a file are relative to that file. Start reading at [`plan`].

use std::path::Path;

use homeostat_sim_harness::Plan;

/// Bytes of one file at most; a larger one is surely something else.
const BYTES_MAX: u64 = 64 << 20;

/// The Plan in a file.
pub(crate) fn plan(path: &Path) -> Result<Plan, String> {
    let text = read(path)?;
    let plan = Plan::from_toml(&text).map_err(|errors| said_of(path, &errors))?;
    plan.resolved(beside(path)).map_err(|errors| said_of(path, &errors))
}

/// Reads the files that stand beside `path`.
pub(crate) fn beside(path: &Path) -> impl Fn(&str) -> Result<String, String> {
    let folder = path.parent().unwrap_or(Path::new("")).to_owned();
    move |name| read(&folder.join(name))
}

/// A file's text.
pub(crate) fn read(path: &Path) -> Result<String, String> {
    let cannot = |why: String| format!("cannot read `{}`: {why}", path.display());
    let size = std::fs::metadata(path).map_err(|error| cannot(error.to_string()))?.len();
    if size > BYTES_MAX {
        return Err(cannot(format!("it has {size} bytes, expected at most {BYTES_MAX}")));
    }
    std::fs::read_to_string(path).map_err(|error| cannot(error.to_string()))
}

/// Writes a file.
pub(crate) fn save(path: &Path, text: &str) -> Result<(), String> {
    std::fs::write(path, text)
        .map_err(|error| format!("cannot write `{}`: {error}", path.display()))
}

/// What is wrong with a file.
pub(crate) fn said_of(path: &Path, errors: &impl std::fmt::Display) -> String {
    format!("`{}`: {errors}", path.display())
}
