//! The one ordered loop (input, decide, append, effects) and its async shell.
