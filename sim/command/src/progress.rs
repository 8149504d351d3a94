//! How far the runs are, on standard error.
//!
//! Never: on standard output, where results go. Start reading at [`Progress::new`].

use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

/// A bar on a terminal, nothing elsewhere.
#[derive(Debug)]
pub(crate) struct Progress(ProgressBar);

impl Progress {
    pub(crate) fn new(runs: u64) -> Self {
        let bar = ProgressBar::new(runs);
        let style = "{bar:30} {pos}/{len} runs  {per_sec}  {elapsed}  {msg}";
        // The template is a constant; a wrong one would only cost its looks.
        bar.set_style(ProgressStyle::with_template(style).unwrap_or(ProgressStyle::default_bar()));
        bar.enable_steady_tick(Duration::from_millis(200));
        Self(bar)
    }

    pub(crate) fn more(&self, runs: u64) {
        self.0.inc(runs);
    }

    /// Says something without tearing the bar.
    pub(crate) fn say(&self, text: &str) {
        self.0.suspend(|| eprintln!("{text}"));
    }

    pub(crate) fn end(self) {
        self.0.finish_and_clear();
    }
}
