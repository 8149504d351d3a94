//! Panics inside a run are findings: they are reported as such, with where they came from, and not
//! printed by whoever panics.
//!
//! Promise: a panic of this command itself is printed as always. Start reading at [`during`].

use std::cell::{Cell, RefCell};
use std::panic;

thread_local! {
    static QUIET: Cell<bool> = const { Cell::new(false) };
    static PLACES: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
}

/// Puts the hook in place, once.
pub(crate) fn install() {
    let usual = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        if QUIET.get() {
            let place = info.location().map(ToString::to_string).unwrap_or_default();
            PLACES.with_borrow_mut(|places| places.push(place));
        } else {
            usual(info);
        }
    }));
}

/// Does `work`, and returns the places of the panics in it besides.
pub(crate) fn during<T>(work: impl FnOnce() -> T) -> (T, Vec<String>) {
    QUIET.set(true);
    let done = work();
    QUIET.set(false);
    (done, PLACES.with_borrow_mut(std::mem::take))
}
