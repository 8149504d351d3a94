//! Reads JSON Lines: one CloudEvent a line, from a producer or from an export of a log.
//!
//! In: text, a line at a time. Out: one record per line that is not blank, in file order.
//! Promise: a bad line is refused alone, however long it is. Start at [`JsonLines::next`].

use std::io::{self, BufRead};

use homeostat_log::cloudevents::{self, CloudEventError};
use homeostat_log::{Kind, NewEvent};
use homeostat_world::limits::EVENT_BYTES_MAX;

use super::file::{Lines, RECORD_BYTES_MAX};
use super::refusal::{Refusal, Rejected};
use super::{Broken, Options, Record, RecordReader};

pub(crate) struct JsonLines {
    lines: Lines,
    line: Vec<u8>,
    engine_events: bool,
}

impl JsonLines {
    pub(crate) fn new(lines: Lines, options: &Options) -> Self {
        Self { lines, line: Vec::new(), engine_events: options.engine_events }
    }

    /// Reads one line and says how long it is, its end included; none at the end of the file. Of a
    /// line beyond the bound, the rest is read over.
    fn read_line(&mut self) -> io::Result<Option<usize>> {
        self.line.clear();
        let mut length = 0_usize;
        loop {
            self.lines.new_record();
            let buffer = self.lines.fill_buf()?;
            if buffer.is_empty() {
                return Ok((length > 0).then_some(length));
            }
            let end = memchr::memchr(b'\n', buffer);
            let take = end.map_or(buffer.len(), |end| end + 1);
            let room = RECORD_BYTES_MAX.saturating_sub(self.line.len()).min(take);
            self.line.extend_from_slice(buffer.get(..room).unwrap_or_default());
            self.lines.consume(take);
            length += take;
            if end.is_some() {
                return Ok(Some(length));
            }
        }
    }
}

impl RecordReader for JsonLines {
    fn next(&mut self) -> Result<Option<Record>, Broken> {
        loop {
            let number = self.lines.line();
            let length = match self.read_line() {
                Ok(Some(length)) => length,
                Ok(None) => return Ok(None),
                Err(error) => return Err(Broken { line: number, what: error.to_string() }),
            };
            let raw = self.line.trim_ascii();
            if raw.is_empty() {
                continue;
            }
            let made = if length > RECORD_BYTES_MAX {
                Err(Refusal::TooLong { found: length, limit: EVENT_BYTES_MAX })
            } else {
                std::str::from_utf8(raw).map_err(|_| Refusal::NotUtf8).and_then(event)
            };
            return Ok(Some(match made {
                Ok(event) if event.kind == Kind::Control && !self.engine_events => Record::LeftOut,
                Ok(event) => Record::Event { case: None, event, line: number },
                Err(reason) => Record::Rejected(Rejected::new(number, reason, raw)),
            }));
        }
    }
}

/// The event of a line, whether a producer wrote it or a log.
fn event(line: &str) -> Result<NewEvent, Refusal> {
    let read = match cloudevents::read(line) {
        // Only a log writes these attributes, so this line says that a log wrote it.
        Err(own @ (CloudEventError::Forbidden(_) | CloudEventError::Control)) => {
            match cloudevents::read_exported(line) {
                // None did: then the attribute is what is wrong, not that there are too few.
                Err(CloudEventError::Missing("position" | "recorded")) => Err(own),
                exported => exported.map(|stored| stored.event),
            }
        }
        other => other,
    };
    read.map_err(|error| match error {
        CloudEventError::TooLarge { found, limit } => Refusal::TooLong { found, limit },
        other => Refusal::NotAnEvent(other.to_string()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVENT: &str = r#"{"specversion":"1.0","id":"e1","source":"/crm","type":"a.b","time":"2026-03-01T09:30:00Z","data":{"n":1}}"#;

    fn read(text: impl Into<Vec<u8>>, engine_events: bool) -> Vec<String> {
        let options = Options { engine_events, ..Options::default() };
        let lines = Lines::over(io::Cursor::new(text.into()));
        let Ok(lines) = lines else { return vec!["cannot be opened".to_owned()] };
        let mut reader = JsonLines::new(lines, &options);
        let mut found = Vec::new();
        loop {
            found.push(match reader.next() {
                Ok(Some(Record::Event { event, line, .. })) => format!("{line}: {}", event.id),
                Ok(Some(Record::Rejected(rejected))) => rejected.to_string(),
                Ok(Some(Record::LeftOut)) => "left out".to_owned(),
                Ok(None) => return found,
                Err(broken) => {
                    found.push(format!("broken at line {}: {}", broken.line, broken.what));
                    return found;
                }
            });
        }
    }

    #[test]
    fn bad_lines_are_refused_alone_with_their_number() {
        let mut text = format!("{EVENT}\n\n{{\"id\":1\n   \n").into_bytes();
        text.extend(b"\xff\xfe not text\n[]\n");
        text.extend(EVENT.as_bytes());
        assert_eq!(
            read(text, false),
            [
                "1: e1",
                "line 3: attribute `id` is malformed: invalid type: integer `1`, expected a text",
                "line 5: it is not UTF-8 text; convert the file, for example with `iconv -f latin1 -t utf-8`",
                "line 6: event is a list; expected a JSON object",
                "7: e1",
            ]
        );
    }

    #[test]
    fn an_attribute_of_the_engine_in_a_line_that_no_log_wrote_is_named() {
        let with = |attribute: &str| EVENT.replace("\"data\"", &format!("{attribute},\"data\""));
        assert_eq!(
            read(
                [with("\"recorded\":\"2026-03-01T09:30:00Z\""), with("\"kind\":\"control\""),]
                    .join("\n"),
                false
            ),
            [
                "line 1: attribute `recorded` is set by the engine; leave it out",
                "line 2: `kind` is `control`, which only the engine appends; expected `primary`, `enrichment` or `tombstone`",
            ]
        );
    }

    #[test]
    fn a_byte_order_mark_and_the_line_ends_of_windows_do_no_harm() {
        assert_eq!(read(format!("\u{feff}{EVENT}\r\n{EVENT}\r\n"), false), ["1: e1", "2: e1"]);
    }

    #[test]
    fn a_line_of_two_megabytes_or_of_any_length_is_refused_and_the_next_one_is_read() {
        let long = EVENT.replace("\"n\":1", &format!("\"n\":\"{}\"", "x".repeat(2_000_000)));
        let endless = "x".repeat(3 * RECORD_BYTES_MAX);
        assert_eq!(
            read(format!("{long}\n{endless}\n{EVENT}\n"), false),
            [
                "line 1: it has 2000106 bytes; an event may have 1048576",
                "line 2: it has 25165825 bytes; an event may have 1048576",
                "3: e1",
            ]
        );
    }

    #[test]
    fn the_engines_own_events_are_left_out_unless_they_are_asked_for() {
        let own = EVENT.replacen(
            '{',
            r#"{"kind":"control","actor":"engine","position":"7","recorded":"2026-03-01T09:30:00Z","#,
            1,
        );
        assert_eq!(read(own.clone(), false), ["left out"]);
        assert_eq!(read(own, true), ["1: e1"]);
    }
}
