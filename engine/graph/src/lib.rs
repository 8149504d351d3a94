//! The consequence graph: what should follow, has followed, is due.
