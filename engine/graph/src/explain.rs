//! Why things stand as they do, for one event: its consequence graph.
pub(crate) mod probe;
