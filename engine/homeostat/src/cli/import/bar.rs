//! How far an import is, for whoever watches standard error.

use homeostat_host::interchange::{Progress, Stage};
use indicatif::{ProgressBar, ProgressStyle};

use crate::screen::Screen;

/// A progress bar that shows nothing where nobody watches.
#[derive(Debug)]
pub(crate) struct Bar {
    bar: ProgressBar,
    stage: Option<Stage>,
}

impl Bar {
    /// A bar on standard error, if that is a terminal and was not silenced.
    pub(crate) fn new(screen: &Screen) -> Self {
        let bar =
            if screen.shows_progress() { ProgressBar::no_length() } else { ProgressBar::hidden() };
        Self { bar, stage: None }
    }

    /// Shows how far the import is.
    pub(crate) fn show(&mut self, progress: &Progress) {
        if self.stage != Some(progress.stage) {
            self.stage = Some(progress.stage);
            self.bar.reset();
            self.bar.set_style(style(progress.stage));
        }
        match progress.stage {
            Stage::Reading => {
                self.bar.set_length(progress.bytes_total);
                self.bar.set_position(progress.bytes);
            }
            Stage::Storing => {
                if let Some(total) = progress.to_store {
                    self.bar.set_length(total);
                }
                self.bar.set_position(progress.stored);
            }
            Stage::Done => self.bar.finish_and_clear(),
        }
        self.bar.set_message(match progress.rejected {
            0 => format!("{} records", progress.read),
            rejected => format!("{} records, {rejected} refused", progress.read),
        });
    }
}

fn style(stage: Stage) -> ProgressStyle {
    let template = match stage {
        Stage::Reading => "reading {bar:30} {bytes}/{total_bytes} {msg} {eta}",
        Stage::Storing | Stage::Done => "storing {bar:30} {human_pos}/{human_len} {msg} {eta}",
    };
    // Both templates are right, so the usual look is never seen.
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}
