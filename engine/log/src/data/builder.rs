//! Builds a payload field by field.
//!
//! In: names and values. Out: [`Data`]. Never: fails on a plain value.
//! Promise: the order of the calls does not matter, except that the last value of a name wins.
//! Start reading at [`DataBuilder`].

use std::collections::BTreeMap;

use homeostat_world::limits::DATA_DEPTH_MAX;

use super::{Data, DataError, Value, check, json};
use crate::cbor;

/// A payload in the making: `Data::builder().text("customer", "c1").int("trend", 42).build()`.
#[derive(Clone, Debug, Default)]
pub struct DataBuilder {
    fields: BTreeMap<String, Vec<u8>>,
}

impl DataBuilder {
    /// Sets `name` to a text.
    #[must_use]
    pub fn text(self, name: &str, text: &str) -> Self {
        self.field(name, |out| cbor::write_text(out, text))
    }

    /// Sets `name` to a whole number.
    #[must_use]
    pub fn int(self, name: &str, number: i64) -> Self {
        self.field(name, |out| cbor::write_int(out, number))
    }

    /// Sets `name` to a number; one that is not finite is nothing, as in JSON.
    #[must_use]
    pub fn float(self, name: &str, number: f64) -> Self {
        self.field(name, |out| {
            if number.is_finite() {
                cbor::write_float(out, number);
            } else {
                cbor::write_null(out);
            }
        })
    }

    /// Sets `name` to true or false.
    #[must_use]
    pub fn truth(self, name: &str, truth: bool) -> Self {
        self.field(name, |out| cbor::write_truth(out, truth))
    }

    /// Sets `name` to nothing.
    #[must_use]
    pub fn null(self, name: &str) -> Self {
        self.field(name, cbor::write_null)
    }

    /// Sets `name` to a value of another payload.
    ///
    /// # Errors
    /// When a list or map is too deep or not one of a payload.
    pub fn value(self, name: &str, value: Value<'_>) -> Result<Self, DataError> {
        Ok(match value {
            Value::Null => self.null(name),
            Value::Truth(truth) => self.truth(name, truth),
            Value::Int(number) => self.int(name, number),
            Value::Float(number) => self.float(name, number),
            Value::Text(text) => self.text(name, text),
            Value::Nested(bytes) => {
                check::check_value(bytes, 1)?;
                self.field(name, |out| out.extend_from_slice(bytes))
            }
        })
    }

    /// Sets `name` to any JSON value.
    ///
    /// # Errors
    /// When it is nested deeper than [`DATA_DEPTH_MAX`].
    pub fn json(self, name: &str, value: &serde_json::Value) -> Result<Self, DataError> {
        const _: () = assert!(DATA_DEPTH_MAX > 1);
        let mut written = Vec::new();
        json::write_value(value, 1, &mut written)?;
        Ok(self.field(name, |out| *out = written))
    }

    /// The payload.
    #[must_use]
    pub fn build(self) -> Data {
        let mut out = Vec::new();
        cbor::write_map_head(&mut out, self.fields.len());
        for (name, value) in &self.fields {
            cbor::write_text(&mut out, name);
            out.extend_from_slice(value);
        }
        Data::trusted(out)
    }

    fn field(mut self, name: &str, write: impl FnOnce(&mut Vec<u8>)) -> Self {
        let mut value = Vec::new();
        write(&mut value);
        self.fields.insert(name.to_owned(), value);
        self
    }
}
