//! The intent language: text to checked, lowered spec; formatter; diagnostics.
//!
//! In: the texts of a spec's files. Out: a [`lowered::Spec`] and a list of diagnostics.
//! Never: reads a file, knows an event log.
//! Promise: no input makes it panic, and every byte of the input is kept in the tree.
pub mod lowered;
pub mod source;

pub use lowered::Spec;
pub use source::{Source, Span};
