//! Replaces the text of a file as a whole.
//!
//! In: a path, the text that was read there, the text to write. Out: the file with the new text.
//! Never: touches a file that holds anything else than what was read; changes a link into a file.
//! Promise: whoever reads the file meanwhile sees the old text or the new one, and a failure leaves
//! the old one. Start reading at [`all`].

use std::io::Write;
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use crate::failure::Failure;

/// One file to be replaced.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Replacement<'a> {
    /// Where.
    pub(crate) path: &'a Path,
    /// What was read there.
    pub(crate) before: &'a str,
    /// What is to stand there.
    pub(crate) after: &'a str,
}

/// Replaces all of them, or none where one has changed since it was read.
pub(crate) fn all(files: &[Replacement<'_>]) -> Result<(), Failure> {
    // First all new texts are on the disk beside the old ones, so that a full disk is noticed
    // before anything is replaced. Then all old ones are looked at, immediately before the first
    // is replaced.
    let written: Vec<Written> = files.iter().map(Written::aside).collect::<Result<_, _>>()?;
    for file in files {
        unchanged(file)?;
    }
    written.into_iter().try_for_each(Written::put)
}

/// A new text beside the file that it is for.
struct Written {
    path: PathBuf,
    aside: NamedTempFile,
}

impl Written {
    fn aside(file: &Replacement<'_>) -> Result<Self, Failure> {
        let failed = |error| cannot_write(file.path, &error);
        // Through a link, so that the link stays one.
        let path = file.path.canonicalize().map_err(failed)?;
        let folder = path.parent().unwrap_or(Path::new("."));
        let mut aside = NamedTempFile::new_in(folder).map_err(failed)?;
        aside.write_all(file.after.as_bytes()).map_err(failed)?;
        let permissions = std::fs::metadata(&path).map_err(failed)?.permissions();
        aside.as_file().set_permissions(permissions).map_err(failed)?;
        aside.as_file().sync_data().map_err(failed)?;
        Ok(Self { path, aside })
    }

    fn put(self) -> Result<(), Failure> {
        let Self { path, aside } = self;
        aside.persist(&path).map_err(|error| cannot_write(&path, &error.error))?;
        Ok(())
    }
}

fn unchanged(file: &Replacement<'_>) -> Result<(), Failure> {
    let now = std::fs::read(file.path).map_err(|error| cannot_write(file.path, &error))?;
    if now == file.before.as_bytes() {
        return Ok(());
    }
    Err(Failure::new(format_args!(
        "`{}` has changed since it was read, so no file was changed",
        file.path.display()
    ))
    .help("save it, and run this again"))
}

fn cannot_write(path: &Path, error: &std::io::Error) -> Failure {
    Failure::new(format_args!("cannot write `{}`: {error}", path.display()))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test says what it expects")]
mod tests {
    use super::*;

    #[test]
    fn a_file_with_other_contents_meanwhile_stays_and_so_do_the_others() {
        let folder = tempfile::tempdir().unwrap();
        let (one, two) = (folder.path().join("one"), folder.path().join("two"));
        std::fs::write(&one, "1").unwrap();
        std::fs::write(&two, "somebody else's").unwrap();
        let files = [
            Replacement { path: &one, before: "1", after: "one" },
            Replacement { path: &two, before: "2", after: "two" },
        ];
        assert!(all(&files).is_err());
        assert_eq!(std::fs::read_to_string(&one).unwrap(), "1");
        assert_eq!(std::fs::read_to_string(&two).unwrap(), "somebody else's");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2);
        std::fs::write(&two, "2").unwrap();
        assert!(all(&files).is_ok());
        assert_eq!(std::fs::read_to_string(&two).unwrap(), "two");
    }
}
