//! The event log: envelope, append, streams, replay, hash chain.
//!
//! In: new events and what their writers expect. Out: positions, and events in order.
//! Never: decides what an event means; assigns a time of its own.
//! Promise: what is acknowledged is never lost, reordered or stored twice, and damage is noticed.
mod cbor;
pub mod cloudevents;
pub mod codec;
pub mod control;
pub mod data;
pub mod event;
pub mod witness;

pub use codec::ChainHash;
pub use control::Control;
pub use data::{Data, DataBuilder, DataError, Value};
pub use event::{Actor, Event, Kind, NewEvent, UNTIMED};
pub use witness::Head;
