//! What an event carries: values in fields, and the names of instances.
//!
//! In: an event and a name. Out: a value, or that there is none.
//! Never: looks at another event. (Numbers are floats here, so whole numbers beyond 2^53 are
//! outside of it.) Start reading at [`field`].

use homeostat_log::{Event, Value};

/// A value that an event carries or the spec writes.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Carried {
    Truth(bool),
    Number(f64),
    Text(String),
    Nested { empty: bool },
}

/// What a field of an event says.
pub(super) enum Field {
    NotCarried,
    /// It says that nothing is known.
    Null,
    Is(Carried),
}

/// What an event says in a field: what its payload carries, else the id in its subject.
pub(super) fn field(event: &Event, name: &str) -> Field {
    let carried = event.event.data.get(name);
    if let Some(value) = carried.filter(|value| *value != Value::Null) {
        #[expect(clippy::cast_precision_loss, reason = "see the opening of this file")]
        return Field::Is(match value {
            Value::Truth(truth) => Carried::Truth(truth),
            Value::Int(number) => Carried::Number(number as f64),
            Value::Float(number) => Carried::Number(number),
            Value::Text(text) => Carried::Text(text.to_owned()),
            Value::Nested(cbor) => Carried::Nested { empty: cbor.len() <= 1 },
            Value::Null => return Field::Null,
        });
    }
    match subject(event) {
        Some((entity, id)) if entity == name => Field::Is(Carried::Text(id.to_owned())),
        _ if carried.is_some() => Field::Null,
        _ => Field::NotCarried,
    }
}

/// The same, when it is a value.
pub(super) fn carried(event: &Event, name: &str) -> Option<Carried> {
    known(field(event, name))
}

pub(super) fn known(field: Field) -> Option<Carried> {
    if let Field::Is(carried) = field { Some(carried) } else { None }
}

/// The subject `customer/c1` in two parts.
pub(super) fn subject(event: &Event) -> Option<(&str, &str)> {
    event.event.subject.as_deref()?.split_once('/')
}

/// Whether the event's field of that entity's name names the instance.
pub(super) fn names(event: &Event, entity: &str, instance: &Carried) -> bool {
    match carried(event, entity) {
        None | Some(Carried::Nested { .. }) => false,
        Some(carried) => same_instance(&carried, instance),
    }
}

/// The instance of an entity that the event's field of that name names.
pub(super) fn instance_in(event: &Event, entity: &str) -> Option<String> {
    instance(&carried(event, entity)?)
}

/// A whole number and its text name the same instance.
pub(super) fn same_instance(a: &Carried, b: &Carried) -> bool {
    match (a, b) {
        (Carried::Number(number), Carried::Text(text))
        | (Carried::Text(text), Carried::Number(number)) => {
            whole(*number).is_some_and(|number| number == *text)
        }
        _ => a == b,
    }
}

/// The instance that a value names: a text, or a whole number by its digits. Nothing else names
/// one that could be watched.
pub(super) fn instance(value: &Carried) -> Option<String> {
    match value {
        Carried::Text(text) => Some(text.clone()),
        Carried::Number(number) => whole(*number),
        Carried::Truth(_) | Carried::Nested { .. } => None,
    }
}

/// An instance as a value: the number, if its name is one.
pub(super) fn value_of(instance: &str) -> Carried {
    let number = instance.parse::<f64>().ok().map(|number| number + 0.0);
    match number.filter(|number| whole(*number).is_some_and(|digits| digits == instance)) {
        Some(number) => Carried::Number(number),
        None => Carried::Text(instance.to_owned()),
    }
}

fn whole(number: f64) -> Option<String> {
    (number.is_finite() && number.fract() == 0.0).then(|| (number + 0.0).to_string())
}

/// An instance as it stands in the name of an obligation, which splits at `@` and `~`.
pub(super) fn encoded(instance: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.:".contains(&byte);
    let mut text = String::new();
    for byte in instance.bytes() {
        if plain(byte) {
            text.push(char::from(byte));
        } else {
            text.push_str(&format!("%{byte:02X}"));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_whole_number_and_its_digits_are_one_instance() {
        assert_eq!(value_of("7"), Carried::Number(7.0));
        assert_eq!(value_of("-2"), Carried::Number(-2.0));
        for other in ["07", "-0", "1.5", "1e3", "inf", "c1", ""] {
            assert_eq!(value_of(other), Carried::Text(other.to_owned()), "{other}");
        }
        assert_eq!(instance(&Carried::Number(7.0)), Some("7".to_owned()));
        assert_eq!(instance(&Carried::Number(1.5)), None);
    }

    #[test]
    fn what_would_split_a_name_is_encoded() {
        assert_eq!(encoded("a-1_b.c:d"), "a-1_b.c:d");
        assert_eq!(encoded("a@b~ü/"), "a%40b%7E%C3%BC%2F");
    }
}
