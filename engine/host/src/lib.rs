//! The real world: fjall, tokio, OS randomness, agent processes, files of other formats.
