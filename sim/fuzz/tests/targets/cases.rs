//! Feeds a target: with fixed inputs as a plain test, with a fuzzing engine's under `cargo ci fuzz`.
//!
//! In: the target and how many inputs a plain run takes. Out: a panic with the smallest input that
//! still fails. Never: entropy of the machine, so a plain run is the same everywhere.
//! Promise: what stands in `sim/fuzz/kept/<target>` is run first, every time.
//! Start reading at [`target!`]: bolero's own `check!()` would take other inputs in every run.

use bolero::bolero_engine::{Test, driver, input, panic};
use bolero::{DefaultEngine, Engine, TargetLocation};
use homeostat_sim_fuzz::Dice;

/// A target under the name of the function that it stands in, with so many inputs in a plain run.
macro_rules! target {
    ($inputs:expr) => {{
        let location = bolero::TargetLocation {
            package_name: env!("CARGO_PKG_NAME"),
            manifest_dir: env!("CARGO_MANIFEST_DIR"),
            module_path: module_path!(),
            file: file!(),
            line: line!(),
            item_path: bolero::__item_path__!(),
            test_name: None,
        };
        if !location.should_run() {
            return;
        }
        bolero::TestTarget::new($crate::cases::Cases::new(location, $inputs))
    }};
}

/// The inputs of one target.
pub(crate) struct Cases {
    location: TargetLocation,
    inputs: u64,
}

impl Cases {
    pub(crate) fn new(location: TargetLocation, inputs: u64) -> Self {
        Self { location, inputs }
    }

    /// What broke something once, by name.
    #[expect(clippy::disallowed_methods, reason = "a test reads the inputs that were kept for it")]
    fn kept(&self, name: &str) -> Vec<(String, Vec<u8>)> {
        let folder = std::path::Path::new(self.location.manifest_dir).join("kept");
        let folder = folder.join(name.replace("::", "-"));
        let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
        let mut kept: Vec<(String, Vec<u8>)> = entries
            .map(|entry| entry.unwrap().path())
            .map(|path| (path.display().to_string(), std::fs::read(&path).unwrap()))
            .collect();
        kept.sort();
        kept
    }
}

impl<T: Test> Engine<T> for Cases
where
    T::Value: std::fmt::Debug,
{
    type Output = ();

    #[expect(clippy::disallowed_methods, reason = "a fuzzing engine announces itself so")]
    fn run(self, mut test: T, options: driver::Options) {
        if std::env::var("BOLERO_TEST_NAME").is_ok() {
            return DefaultEngine::new(self.location).run(test, options);
        }
        let name = self.location.item_path();
        panic::set_hook();
        panic::forward_panic(false);
        let fixed = (0..self.inputs).map(|nth| (format!("input {nth}"), fixed(&name, nth)));
        for (place, bytes) in self.kept(&name).into_iter().chain(fixed) {
            let tried = test.test(&mut input::Bytes::new(&bytes, &options));
            let Err(error) = tried else { continue };
            let smallest = test.shrink(bytes, None, &options);
            panic::forward_panic(true);
            match smallest {
                Some(failure) => panic!("{place}: {failure:#}"),
                None => panic!("{place}: {error:#}, and not again"),
            }
        }
        panic::forward_panic(true);
    }
}

/// The `nth` input of a plain run: most are short, some are long.
fn fixed(name: &str, nth: u64) -> Vec<u8> {
    let seed = name.bytes().fold(nth, |sum, byte| sum.wrapping_mul(31).wrapping_add(byte.into()));
    let mut dice = Dice::of_seed(seed);
    let most = dice.one(&[16, 64, 256, 1_024, 4_096]);
    (0..dice.below(most)).map(|_| u8::try_from(dice.below(256)).unwrap()).collect()
}
