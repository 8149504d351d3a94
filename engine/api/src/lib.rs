//! The HTTP API and its client, over the Net door.
