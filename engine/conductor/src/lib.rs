//! Gaps: their life, kinds, severity, dispatch order, breakers.
