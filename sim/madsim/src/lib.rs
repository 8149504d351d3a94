//! The madsim lane: Plans on madsim's executor and network.
