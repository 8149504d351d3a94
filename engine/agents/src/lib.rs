//! The life of one ephemeral agent: brief, budget, claim, end.
