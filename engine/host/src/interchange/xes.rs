//! Reads XES, the XML of event logs (IEEE 1849): a file of cases, each a list of events.
//!
//! In: XML, plain or gzip. Out: one record per event, in file order, with the number of its case.
//! Never: trusts nesting or size; guesses a value that it cannot read.
//! Promise: an event that lacks something is refused alone; XML that breaks off is an error.
//!
//! It does not stand on the crate `process_mining`, which the tests hold it against: that reader
//! panics on `<event/>`, ends silently where a file is cut between two tags, and turns a number
//! that it cannot read into 0. Here a log is the input of an append-only store, so none of that
//! may pass unseen. Start reading at [`Xes::next`].

use std::borrow::Cow;
use std::collections::{BTreeMap, VecDeque};

use homeostat_world::Timestamp;
use homeostat_world::limits::DATA_DEPTH_MAX;
use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event as Xml};
use serde_json::Value as Json;

use super::fields::{Cell, Fields};
use super::file::Lines;
use super::refusal::{Refusal, Rejected};
use super::{Broken, Options, Record, RecordReader, Unmapped};

/// What names the type of an event, and the id of a case.
const NAME: &str = "concept:name";
/// When an event happened.
const TIME: &str = "time:timestamp";

/// Nesting of attributes in attributes. Reading recurses once a level, so it must have an end; a
/// payload may not nest deeper anyway.
const ATTRIBUTE_DEPTH_MAX: usize = DATA_DEPTH_MAX / 2;

pub(crate) struct Xes {
    reader: Reader<Lines>,
    buffer: Vec<u8>,
    options: Options,
    /// The number of each case, and how many events of it were seen: a case may be split over
    /// several traces, and its events still need ids that differ.
    cases: BTreeMap<String, (usize, u64)>,
    traces: u64,
    ready: VecDeque<Record>,
    place: Place,
}

/// Where the reading is, seen from the element `<log>`.
enum Place {
    Before,
    Inside,
    After,
}

/// What the next tag is.
enum Tag {
    Open(Element),
    Close,
    EndOfFile,
}

/// An opening tag.
struct Element {
    name: Cow<'static, str>,
    key: String,
    value: Option<String>,
    flaw: Option<Refusal>,
}

/// An event as the file has it, before its case is known: that may be named after it.
struct Raw {
    line: u64,
    r#type: Option<String>,
    time: Option<Timestamp>,
    fields: Fields,
    flaw: Option<Refusal>,
    text: Vec<u8>,
}

impl Xes {
    pub(crate) fn new(lines: Lines, options: &Options) -> Self {
        let mut reader = Reader::from_reader(lines);
        reader.config_mut().expand_empty_elements = true;
        Self {
            reader,
            buffer: Vec::new(),
            options: options.clone(),
            cases: BTreeMap::new(),
            traces: 0,
            ready: VecDeque::new(),
            place: Place::Before,
        }
    }

    fn tag(&mut self) -> Result<Tag, Broken> {
        loop {
            self.buffer.clear();
            self.reader.get_mut().new_record();
            match self.reader.read_event_into(&mut self.buffer) {
                Ok(Xml::Start(start)) => return Ok(Tag::Open(Element::read(&start))),
                Ok(Xml::End(_)) => return Ok(Tag::Close),
                Ok(Xml::Eof) => return Ok(Tag::EndOfFile),
                Ok(_) => {}
                Err(quick_xml::Error::Io(error)) => return Err(self.broken(error.to_string())),
                Err(error) => {
                    return Err(self.broken(format!("it is not well-formed XML: {error}")));
                }
            }
        }
    }

    fn broken(&self, what: String) -> Broken {
        Broken { line: self.reader.get_ref().line(), what }
    }

    fn ends_inside(&self, element: &str) -> Broken {
        self.broken(format!("the file ends inside `<{element}>`; is it complete?"))
    }

    /// Reads over everything until the element that was just opened closes.
    fn skip(&mut self, element: &str) -> Result<(), Broken> {
        let mut open = 1_usize;
        while open > 0 {
            match self.tag()? {
                Tag::Open(_) => open += 1,
                Tag::Close => open -= 1,
                Tag::EndOfFile => return Err(self.ends_inside(element)),
            }
        }
        Ok(())
    }

    fn trace(&mut self) -> Result<(), Broken> {
        let mut name = None;
        let mut of_case = Fields::default();
        let mut events = Vec::new();
        let mut flaw = None;
        loop {
            match self.tag()? {
                Tag::Open(element) if element.name == "event" => events.push(self.event()?),
                Tag::Open(element) if element.key == NAME => {
                    name.clone_from(&element.value);
                    flaw = flaw.or(element.flaw);
                    self.skip("trace")?;
                }
                Tag::Open(mut element) => {
                    element.key = format!("case:{}", element.key);
                    self.field(element, &mut of_case, &mut flaw)?;
                }
                Tag::Close => break,
                Tag::EndOfFile => return Err(self.ends_inside("trace")),
            }
        }
        self.traces += 1;
        // A case without a name is named by its place, so that its events still belong together.
        let name = name.unwrap_or_else(|| format!("trace-{}", self.traces));
        let number = self.cases.len();
        let (number, seen) = self.cases.entry(name.clone()).or_insert((number, 0));
        for mut raw in events {
            *seen += 1;
            raw.flaw = raw.flaw.or_else(|| flaw.clone());
            self.ready.push_back(raw.into_record(&name, *number, *seen, &of_case, &self.options));
        }
        Ok(())
    }

    fn event(&mut self) -> Result<Raw, Broken> {
        let lines = self.reader.get_mut();
        let mut raw = Raw {
            line: lines.line(),
            r#type: None,
            time: None,
            fields: Fields::default(),
            flaw: None,
            text: Vec::new(),
        };
        lines.keep();
        loop {
            match self.tag()? {
                Tag::Open(element) if element.key == NAME && raw.r#type.is_none() => {
                    raw.r#type = element.value;
                    raw.flaw = raw.flaw.or(element.flaw);
                    self.skip("event")?;
                }
                Tag::Open(element) if element.key == TIME && raw.time.is_none() => {
                    let read = element.value.map(|text| self.options.time.read(&text)).transpose();
                    raw.flaw = raw.flaw.or(element.flaw).or_else(|| read.as_ref().err().cloned());
                    raw.time = read.unwrap_or_default();
                    self.skip("event")?;
                }
                Tag::Open(element) => {
                    self.field(element, &mut raw.fields, &mut raw.flaw)?;
                }
                Tag::Close => break,
                Tag::EndOfFile => return Err(self.ends_inside("event")),
            }
        }
        raw.flaw = raw.flaw.or_else(|| match (&raw.r#type, raw.time) {
            (None, _) => Some(Refusal::Missing(NAME.to_owned())),
            (_, None) => Some(Refusal::Missing(TIME.to_owned())),
            _ => None,
        });
        if raw.flaw.is_some() {
            raw.text = [b"<event>".as_slice(), self.reader.get_ref().kept()].concat();
        }
        Ok(raw)
    }

    /// Reads an attribute and what stands inside it, into a field or several. A list becomes a list
    /// of one-field objects and a container an object; inside any other, `a` in `b` becomes the
    /// field `b/a`.
    fn attribute(
        &mut self,
        mut element: Element,
        depth: usize,
        into: &mut Vec<(String, Cell)>,
        flaw: &mut Option<Refusal>,
    ) -> Result<(), Broken> {
        let mut inner = Vec::new();
        let cell = element.cell();
        *flaw = flaw.take().or(element.flaw.take());
        loop {
            match self.tag()? {
                Tag::Open(_) if depth >= ATTRIBUTE_DEPTH_MAX => {
                    flaw.get_or_insert(Refusal::BadValue {
                        name: element.key.clone(),
                        found: "nested".to_owned(),
                        expected: "attributes nested less deeply",
                    });
                    self.skip(&element.name)?;
                }
                Tag::Open(child) => self.attribute(child, depth + 1, &mut inner, flaw)?,
                Tag::Close => break,
                Tag::EndOfFile => return Err(self.ends_inside(&element.name)),
            }
        }
        match element.name.as_ref() {
            "container" => {
                let mut unique = Fields::default();
                inner.into_iter().for_each(|(name, cell)| unique.add(name, cell));
                let object = unique.into_iter().map(|(name, cell)| (name, cell.into_json()));
                into.push((element.key, Cell::Nested(object.collect())));
            }
            "list" => {
                let one = |(name, cell): (String, Cell)| {
                    Json::Object(std::iter::once((name, cell.into_json())).collect())
                };
                into.push((element.key, Cell::Nested(inner.into_iter().map(one).collect())));
            }
            // XES 2 wraps the elements of a list in `<values>`, which has no key.
            _ if element.key.is_empty() => into.extend(inner),
            _ => {
                let prefix = &element.key;
                let inner =
                    inner.into_iter().map(|(name, cell)| (format!("{prefix}/{name}"), cell));
                into.extend(cell.map(|cell| (prefix.clone(), cell)).into_iter().chain(inner));
            }
        }
        Ok(())
    }

    /// Reads an attribute of an event or a case, whose names must differ.
    fn field(
        &mut self,
        element: Element,
        into: &mut Fields,
        flaw: &mut Option<Refusal>,
    ) -> Result<(), Broken> {
        let mut read = Vec::new();
        self.attribute(element, 1, &mut read, flaw)?;
        read.into_iter().for_each(|(name, cell)| into.add(name, cell));
        Ok(())
    }
}

impl RecordReader for Xes {
    fn next(&mut self) -> Result<Option<Record>, Broken> {
        loop {
            if let Some(record) = self.ready.pop_front() {
                return Ok(Some(record));
            }
            match self.tag()? {
                Tag::Open(element) => match (&self.place, element.name.as_ref()) {
                    (Place::Inside, "trace") => self.trace()?,
                    (Place::Before, "log") => self.place = Place::Inside,
                    (Place::Before, other) => {
                        return Err(self.broken(format!(
                            "`<{other}>` stands where `<log>` was expected; this is not XES"
                        )));
                    }
                    (_, other) => self.skip(other)?,
                },
                Tag::Close => self.place = Place::After,
                Tag::EndOfFile => {
                    return match self.place {
                        Place::After => Ok(None),
                        Place::Inside => Err(self.ends_inside("log")),
                        Place::Before => Err(self.broken("it holds no `<log>`".to_owned())),
                    };
                }
            }
        }
    }
}

/// The tag's name; the names that nearly all tags have cost nothing.
fn tag_name(name: &[u8]) -> Cow<'static, str> {
    const USUAL: [&str; 6] = ["string", "date", "event", "int", "float", "boolean"];
    match USUAL.iter().find(|usual| usual.as_bytes() == name) {
        Some(usual) => Cow::Borrowed(usual),
        None => Cow::Owned(String::from_utf8_lossy(name).into_owned()),
    }
}

impl Element {
    fn read(start: &BytesStart<'_>) -> Self {
        let name = tag_name(start.local_name().as_ref());
        let mut element = Self { name, key: String::new(), value: None, flaw: None };
        for attribute in start.attributes().with_checks(false) {
            let attribute = match attribute {
                Ok(attribute) => attribute,
                Err(error) => {
                    element.flaw = Some(Refusal::NotAnEvent(format!("its XML is wrong: {error}")));
                    break;
                }
            };
            let of_key = attribute.key.as_ref() == b"key";
            if !of_key && attribute.key.as_ref() != b"value" {
                continue;
            }
            let text = match std::str::from_utf8(&attribute.value) {
                Ok(text) => match quick_xml::escape::unescape(text) {
                    Ok(text) => text.into_owned(),
                    Err(error) => {
                        element.flaw =
                            Some(Refusal::NotAnEvent(format!("its XML is wrong: {error}")));
                        text.to_owned()
                    }
                },
                Err(_) => {
                    element.flaw = Some(Refusal::NotUtf8);
                    String::from_utf8_lossy(&attribute.value).into_owned()
                }
            };
            if of_key {
                element.key = text;
            } else {
                element.value = Some(text);
            }
        }
        element
    }

    /// The value as its tag says it is meant; none where the tag has none.
    fn cell(&mut self) -> Option<Cell> {
        let text = self.value.take()?;
        let (cell, expected) = match self.name.as_ref() {
            "int" => (text.trim().parse().ok().map(Cell::Int), "a whole number"),
            // A payload cannot hold what is not finite; as a text it is at least not lost.
            "float" => match text.trim().parse::<f64>() {
                Ok(number) if number.is_finite() => (Some(Cell::Float(number)), ""),
                Ok(_) => (Some(Cell::Text(text.clone())), ""),
                Err(_) => (None, "a number"),
            },
            "boolean" => match text.trim() {
                "true" | "1" => (Some(Cell::Truth(true)), ""),
                "false" | "0" => (Some(Cell::Truth(false)), ""),
                _ => (None, "`true` or `false`"),
            },
            _ => return Some(Cell::Text(text)),
        };
        if cell.is_none() {
            self.flaw.get_or_insert(Refusal::BadValue {
                name: self.key.clone(),
                found: super::refusal::shortened(&text, 60),
                expected,
            });
        }
        cell
    }
}

impl Raw {
    fn into_record(
        self,
        case: &str,
        number: usize,
        index: u64,
        of_case: &Fields,
        options: &Options,
    ) -> Record {
        let Self { line, r#type, time, fields, flaw, text } = self;
        let mut event = Unmapped {
            case: Some(case.to_owned()),
            id: format!("{case}/{index}"),
            r#type: r#type.unwrap_or_default(),
            time: time.unwrap_or_default(),
            subject: None,
            fields,
        };
        for (name, cell) in of_case.iter() {
            event.fields.add(name.to_owned(), cell.clone());
        }
        let made = match flaw {
            Some(flaw) => Err(flaw),
            None => event.into_event(options),
        };
        match made {
            Ok(event) => Record::Event { case: Some(number), event, line },
            Err(reason) => Record::Rejected(Rejected::new(line, reason, &text)),
        }
    }
}

#[cfg(test)]
mod tests;
