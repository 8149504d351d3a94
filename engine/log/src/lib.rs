//! The event log: envelope, append, streams, replay, hash chain.
//!
//! In: new events and what their writers expect. Out: positions, and events in order.
//! Never: decides what an event means; assigns a time of its own.
//! Promise: what is acknowledged is never lost, reordered or stored twice, and damage is noticed.
//! Start reading at [`Log`]; the stored form is described in `format.md`.
pub mod append;
mod cbor;
pub mod cloudevents;
pub mod codec;
pub mod control;
pub mod data;
pub mod event;
pub mod fault;
pub mod index;
pub mod link;
mod log;
pub mod reader;
pub mod witness;

pub use append::{Append, Appended, Entry, Expect, Receipt, Refusal};
pub use codec::ChainHash;
pub use control::Control;
pub use data::{Data, DataBuilder, DataError, Value};
pub use event::{Actor, Event, Kind, NewEvent, UNTIMED};
pub use fault::{Damage, DamageReason, LogError};
pub use link::{Confidence, EventName, Link, LinkError};
pub use log::Log;
pub use reader::{Proof, Read, Reader, Step, Stream, Verified};
pub use witness::Head;
