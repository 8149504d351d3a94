//! Canaries: defects planted on purpose, so that the proving ground can show that it would see them.
//!
//! In: a name. Out: whether that defect is planted in this process. Never: true in a build that was
//! not made for it; there [`planted`] is a constant and its sites are compiled away, and a release
//! that asks for canaries does not compile.
//! Promise: at most one defect is planted at a time, and with none the engine is the ordinary one.
//! Which there are, and who must catch them: `sim/harness/src/canaries.rs`. Start reading at
//! [`planted`].

#[cfg(all(feature = "canary", not(debug_assertions)))]
compile_error!(
    "the feature `canary` plants defects and is for debug builds alone; build without it"
);

/// Whether this build can plant defects at all.
pub const POSSIBLE: bool = cfg!(feature = "canary");

/// Whether the defect `name` is planted.
#[cfg(not(feature = "canary"))]
#[must_use]
pub const fn planted(_name: &str) -> bool {
    false
}

/// Whether the defect `name` is planted.
#[cfg(feature = "canary")]
#[must_use]
pub fn planted(name: &str) -> bool {
    PLANTED.read().unwrap_or_else(std::sync::PoisonError::into_inner).is_some_and(|it| it == name)
}

/// Plants a defect in this whole process, or takes it away. False where that is not possible.
#[cfg(not(feature = "canary"))]
#[must_use]
pub const fn plant(_name: Option<&'static str>) -> bool {
    false
}

/// Plants a defect in this whole process, or takes it away. False where that is not possible.
#[cfg(feature = "canary")]
#[must_use]
pub fn plant(name: Option<&'static str>) -> bool {
    *PLANTED.write().unwrap_or_else(std::sync::PoisonError::into_inner) = name;
    true
}

/// What is planted, for the whole process: a defect that somebody made would be everywhere, too.
#[cfg(feature = "canary")]
static PLANTED: std::sync::RwLock<Option<&'static str>> = std::sync::RwLock::new(None);
