//! Opens files for import: gzip is seen through, bytes and lines are counted, no record is endless.
//!
//! In: a path. Out: [`Lines`], a buffered reader that knows which line it stands in.
//! Never: holds more of a file than one buffer (and one record, while asked to keep it).
//! Promise: a record longer than [`RECORD_BYTES_MAX`] is an error and never eats the memory.
//! Start reading at [`open`].

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use flate2::bufread::MultiGzDecoder;

/// Bytes of one record of a file: a line, a row, an event. Eight times what the log takes, since
/// text formats spell things out; what is longer is a missing quote or not such a file at all.
pub(crate) const RECORD_BYTES_MAX: usize = 8 << 20;

const BUFFER_BYTES: usize = 256 << 10;
const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];

/// What editors put before text to say that it is Unicode.
const UTF8_MARK: [u8; 3] = [0xef, 0xbb, 0xbf];
const UTF16_MARKS: [[u8; 2]; 2] = [[0xff, 0xfe], [0xfe, 0xff]];

/// How much of a file has been read, as it lies on the disk. Cheap to clone and to ask.
#[derive(Clone, Debug, Default)]
pub(crate) struct BytesRead(Arc<AtomicU64>);

impl BytesRead {
    pub(crate) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// A file that is open for import.
pub(crate) struct Opened {
    /// Its text, unpacked.
    pub(crate) lines: Lines,
    /// How much of it has been read.
    pub(crate) read: BytesRead,
    /// Its size on the disk.
    pub(crate) size: u64,
}

/// Opens `path`. Whether it is packed is seen by its first bytes, whatever its name says.
pub(crate) fn open(path: &Path) -> io::Result<Opened> {
    let file = File::open(path)?;
    let facts = file.metadata()?;
    if facts.is_dir() {
        return Err(io::Error::new(io::ErrorKind::IsADirectory, "it is a directory"));
    }
    let read = BytesRead::default();
    let counted = Counted { inner: file, read: read.clone() };
    let lines = Lines::over(BufReader::with_capacity(BUFFER_BYTES, counted))?;
    Ok(Opened { lines, read, size: facts.len() })
}

struct Counted<R> {
    inner: R,
    read: BytesRead,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let n = self.inner.read(into)?;
        self.read.0.fetch_add(n as u64, Ordering::Relaxed);
        Ok(n)
    }
}

/// A buffered reader that counts lines, bounds records and can keep the text of the one it is in.
pub(crate) struct Lines {
    inner: Box<dyn BufRead + Send>,
    line: u64,
    record_bytes: usize,
    kept: Option<Vec<u8>>,
}

impl Lines {
    /// Reads from `inner`, unpacking it if it is gzip.
    pub(crate) fn over(mut inner: impl BufRead + Send + 'static) -> io::Result<Self> {
        // A pipe may hand over one byte at first, but files fill the whole buffer.
        let packed = inner.fill_buf()?.starts_with(&GZIP_MAGIC);
        let inner: Box<dyn BufRead + Send> = if packed {
            Box::new(BufReader::with_capacity(BUFFER_BYTES, MultiGzDecoder::new(inner)))
        } else {
            Box::new(inner)
        };
        let mut lines = Self { inner, line: 1, record_bytes: 0, kept: None };
        let start = lines.fill_buf()?;
        if UTF16_MARKS.iter().any(|mark| start.starts_with(mark)) {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                "it is UTF-16 text; convert it, for example with `iconv -f utf-16 -t utf-8`",
            ));
        }
        if start.starts_with(&UTF8_MARK) {
            lines.consume(UTF8_MARK.len());
        }
        Ok(lines)
    }

    /// The line that the next byte belongs to, from 1.
    pub(crate) fn line(&self) -> u64 {
        self.line
    }

    /// Says that a record ends here, so that the next one may be as long again.
    pub(crate) fn new_record(&mut self) {
        self.record_bytes = 0;
    }

    /// Keeps a copy of everything from here on, and forgets what was kept before.
    pub(crate) fn keep(&mut self) {
        self.kept.get_or_insert_default().clear();
    }

    /// What was read since [`Self::keep`].
    pub(crate) fn kept(&self) -> &[u8] {
        self.kept.as_deref().unwrap_or_default()
    }
}

impl BufRead for Lines {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.record_bytes > RECORD_BYTES_MAX {
            return Err(io::Error::other(format!(
                "one record is longer than {} MiB; a quotation mark or a tag was probably left open",
                RECORD_BYTES_MAX >> 20
            )));
        }
        self.inner.fill_buf()
    }

    fn consume(&mut self, n: usize) {
        // What is consumed was filled before, so this reads nothing and cannot fail.
        if let Some(eaten) = self.inner.fill_buf().ok().and_then(|buffer| buffer.get(..n)) {
            self.line += memchr::memchr_iter(b'\n', eaten).count() as u64;
            if let Some(kept) = &mut self.kept {
                kept.extend_from_slice(eaten);
            }
        }
        self.record_bytes += n;
        self.inner.consume(n);
    }
}

impl Read for Lines {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let n = self.fill_buf()?.read(into)?;
        self.consume(n);
        Ok(n)
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed step fails the test")]
    use super::*;

    use std::io::Write;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    fn packed(text: &str) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(text.as_bytes()).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn gzip_is_seen_by_its_first_bytes_and_all_its_members_are_read() {
        let mut two = packed("a\nb\n");
        two.extend(packed("c\n"));
        let mut lines = Lines::over(io::Cursor::new(two)).unwrap();
        let mut text = String::new();
        lines.read_to_string(&mut text).unwrap();
        assert_eq!(text, "a\nb\nc\n");
        assert_eq!(lines.line(), 4);
    }

    #[test]
    fn an_endless_record_is_an_error_and_a_new_record_may_be_as_long_again() {
        let mut lines =
            Lines::over(BufReader::new(io::repeat(b'x').take(3 * RECORD_BYTES_MAX as u64)))
                .unwrap();
        let mut sink = vec![0; RECORD_BYTES_MAX];
        lines.read_exact(&mut sink).unwrap();
        lines.new_record();
        lines.read_exact(&mut sink).unwrap();
        let error = lines.read_exact(&mut sink).unwrap_err();
        assert!(error.to_string().contains("longer than 8 MiB"), "{error}");
    }

    #[test]
    fn the_text_of_a_record_can_be_kept() {
        let mut lines = Lines::over(io::Cursor::new("before<event>it</event>after")).unwrap();
        lines.consume(6);
        lines.keep();
        lines.consume(15);
        assert_eq!(lines.kept(), b"<event>it</even");
    }
}
