//! The real world: fjall, tokio, OS randomness, agent processes, files of other formats.
//!
//! Start reading at the module that is named after what you look for; each implements a door of `engine/world`.
