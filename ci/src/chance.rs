//! Chance for checks: instants and tears are drawn from it, so that a seed repeats them.

/// Knuth's MMIX generator (TAOCP 2, 3.3.4): good enough to choose instants, and seeded.
#[derive(Clone, Debug)]
pub(crate) struct Lcg(pub(crate) u64);

impl Lcg {
    /// A number below `bound`, which is more than 0.
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }
}
