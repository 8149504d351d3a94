//! One event put together from flags.
//!
//! In: `--type interaction.created --data customer=c1`. Out: the event. Promise: a value that reads
//! as JSON is that value, any other is a text.

use homeostat_log::event::UNTIMED;
use homeostat_log::{Actor, Confidence, Data, Kind, Link, NewEvent};
use homeostat_world::{Position, Timestamp};
use rand_core::Rng;
use serde_json::{Map, Value};

use crate::failure::Failure;

/// The flags of one event.
#[derive(Debug, clap::Args)]
pub(crate) struct OneEvent {
    /// The event's type, as in `interaction.created`
    #[arg(long, value_name = "TYPE", help_heading = "One event from flags")]
    r#type: Option<String>,
    /// What it is about, as in `interaction/i1`
    #[arg(long, value_name = "ENTITY/ID", help_heading = "One event from flags")]
    #[arg(requires = "type")]
    subject: Option<String>,
    /// A field of its data; numbers, true, false, null and JSON are read as such
    #[arg(long, value_name = "NAME=VALUE", help_heading = "One event from flags")]
    #[arg(requires = "type", value_parser = field)]
    data: Vec<(String, Value)>,
    /// Its id, unique in its source; send the same id again and it is stored once [default: random]
    #[arg(long, value_name = "ID", help_heading = "One event from flags", requires = "type")]
    id: Option<String>,
    /// Who produced it [default: homeostat-cli]
    #[arg(long, value_name = "URI", help_heading = "One event from flags", requires = "type")]
    source: Option<String>,
    /// When it happened, as in `2026-03-01T09:30:00Z` [default: when it is recorded]
    #[arg(long, value_name = "TIME", help_heading = "One event from flags", requires = "type")]
    time: Option<Timestamp>,
    /// The obligation that it answers, as in `acknowledge_to_rep@12`
    #[arg(long, value_name = "GAP", help_heading = "One event from flags", requires = "type")]
    cause: Option<String>,
    /// The position of an event that this one enriches: it is then kept as inferred, not as happened
    #[arg(long, value_name = "POSITION", help_heading = "One event from flags")]
    #[arg(requires = "type", requires = "confidence")]
    enriches: Option<Position>,
    /// How sure the enrichment is, from 0 to 1
    #[arg(long, value_name = "NUMBER", help_heading = "One event from flags")]
    #[arg(requires = "enriches", value_parser = confidence)]
    confidence: Option<Confidence>,
}

impl OneEvent {
    /// The event.
    pub(crate) fn compose(&self) -> Result<NewEvent, Failure> {
        let fields: Map<String, Value> = self.data.iter().cloned().collect();
        let id = match &self.id {
            Some(id) => id.clone(),
            None => random_id()?,
        };
        let enriches = self.enriches.zip(self.confidence).map(|(of, sure)| Link::to(of, sure));
        Ok(NewEvent {
            id,
            source: self.source.clone().unwrap_or_else(|| "homeostat-cli".to_owned()),
            kind: if enriches.is_some() { Kind::Enrichment } else { Kind::Primary },
            r#type: self.r#type.clone().unwrap_or_default(),
            time: self.time.unwrap_or(UNTIMED),
            subject: self.subject.clone(),
            cause: self.cause.clone(),
            actor: Actor::World,
            depth: 0,
            enriches: enriches.map(Box::new),
            data: Data::from_json(&Value::Object(fields)).map_err(Failure::new)?,
        })
    }
}

fn random_id() -> Result<String, Failure> {
    let chance = homeostat_host::os_chance().map_err(|error| {
        Failure::new(format_args!("the operating system gives no randomness: {error}"))
            .help("give the event an id with `--id`")
    })?;
    let mut ids = chance.stream("event ids");
    Ok(format!("{:016x}{:016x}", ids.next_u64(), ids.next_u64()))
}

fn confidence(text: &str) -> Result<Confidence, String> {
    let number = text.parse().ok().and_then(Confidence::new);
    number.ok_or_else(|| "expected a number from 0 to 1".to_owned())
}

fn field(text: &str) -> Result<(String, Value), String> {
    let (name, value) = text.split_once('=').ok_or("expected the form `NAME=VALUE`")?;
    if name.is_empty() {
        return Err("the name before `=` is empty".to_owned());
    }
    let value = serde_json::from_str(value).unwrap_or_else(|_| Value::String(value.to_owned()));
    Ok((name.to_owned(), value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_that_reads_as_json_is_that_value() {
        let read = |text| field(text).map(|(_, value)| value);
        assert_eq!(read("a=42"), Ok(Value::from(42)));
        assert_eq!(read("a=true"), Ok(Value::from(true)));
        assert_eq!(read("a=c1"), Ok(Value::from("c1")));
        assert_eq!(read("a=\"42\""), Ok(Value::from("42")));
        assert_eq!(read("a=x=y"), Ok(Value::from("x=y")));
        assert!(read("a").is_err());
        assert!(read("=1").is_err());
    }
}
