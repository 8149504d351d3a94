//! Payloads in the making: the fields of one record of a file, before they become event data.
//!
//! In: names and values as a file has them. Out: [`Data`]. Promise: nothing is lost when a file
//! names a field twice; the second becomes `name#2`.

use homeostat_log::{Data, DataError};
use serde_json::Value as Json;

/// One value.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Cell {
    Text(String),
    Int(i64),
    Float(f64),
    Truth(bool),
    Nested(Json),
}

impl Cell {
    pub(crate) fn into_json(self) -> Json {
        match self {
            Self::Text(text) => Json::from(text),
            Self::Int(number) => Json::from(number),
            Self::Float(number) => Json::from(number),
            Self::Truth(truth) => Json::from(truth),
            Self::Nested(json) => json,
        }
    }
}

/// The fields of one record, in the order of the file.
#[derive(Clone, Debug, Default)]
pub(crate) struct Fields(Vec<(String, Cell)>);

impl Fields {
    /// Adds a field, under another name if this one is taken.
    pub(crate) fn add(&mut self, name: String, cell: Cell) {
        if self.0.iter().all(|(taken, _)| *taken != name) {
            return self.0.push((name, cell));
        }
        let mut nth = 2_u32;
        let free = loop {
            let free = format!("{name}#{nth}");
            if self.0.iter().all(|(taken, _)| *taken != free) {
                break free;
            }
            nth += 1;
        };
        self.0.push((free, cell));
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &Cell)> {
        self.0.iter().map(|(name, cell)| (name.as_str(), cell))
    }

    pub(crate) fn into_iter(self) -> impl Iterator<Item = (String, Cell)> {
        self.0.into_iter()
    }

    pub(crate) fn into_data(self) -> Result<Data, DataError> {
        let mut data = Data::builder();
        for (name, cell) in &self.0 {
            data = match cell {
                Cell::Text(text) => data.text(name, text),
                Cell::Int(number) => data.int(name, *number),
                Cell::Float(number) => data.float(name, *number),
                Cell::Truth(truth) => data.truth(name, *truth),
                Cell::Nested(json) => data.json(name, json)?,
            };
        }
        Ok(data.build())
    }
}
