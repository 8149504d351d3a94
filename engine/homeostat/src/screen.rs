//! What a person or a program sees: results on standard output, everything else on standard error.
//!
//! Never: decides whether there are colours by itself; `--color`, `NO_COLOR` and the terminal do.
//! Promise: with `--format json` standard output holds JSON and nothing else.
//! Start reading at [`Screen`].

use std::fmt;
use std::io::{self, IsTerminal, Write};

use anstream::{AutoStream, ColorChoice};
use anstyle::{AnsiColor, Style};
use clap::ValueEnum as _;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use serde::{Deserialize, Serialize};

use crate::failure::Failure;

/// `--format`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Format {
    // Without a doc, so that help stays short: text is for people, JSON for programs.
    #[default]
    Text,
    Json,
    // Of verbs that test: what CI services read.
    #[serde(skip)]
    Junit,
    // Of verbs that draw.
    #[serde(skip)]
    Mermaid,
    #[serde(skip)]
    Dot,
    #[serde(skip)]
    Svg,
}

impl Format {
    /// The formats that every verb has.
    pub(crate) fn usual() -> impl TypedValueParser<Value = Self> {
        Self::among(&["text", "json"])
    }

    /// Those of a verb that has more.
    pub(crate) fn among(words: &'static [&'static str]) -> impl TypedValueParser<Value = Self> {
        PossibleValuesParser::new(words).try_map(|word| Self::from_str(&word, false))
    }
}

/// `--color`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Color {
    // Auto means: on a terminal, unless NO_COLOR is set.
    #[default]
    Auto,
    Always,
    Never,
}

impl Color {
    /// What the streams are told.
    pub(crate) const fn choice(self) -> ColorChoice {
        match self {
            Self::Auto => ColorChoice::Auto,
            Self::Always => ColorChoice::Always,
            Self::Never => ColorChoice::Never,
        }
    }
}

/// Colours by meaning. A stream without colours strips them again.
pub(crate) mod paint {
    use super::{AnsiColor, Style};

    /// What went wrong.
    pub(crate) const BAD: Style = AnsiColor::Red.on_default().bold();
    /// What needs care.
    pub(crate) const CARE: Style = AnsiColor::Yellow.on_default().bold();
    /// What went well.
    pub(crate) const GOOD: Style = AnsiColor::Green.on_default();
    /// What can be done.
    pub(crate) const HELP: Style = AnsiColor::Cyan.on_default().bold();
    /// Names and identities.
    pub(crate) const NAME: Style = AnsiColor::Cyan.on_default();
    /// Headings.
    pub(crate) const HEAD: Style = Style::new().bold();
    /// What matters less.
    pub(crate) const DIM: Style = Style::new().dimmed();
}

/// `text` in `style`, and back to normal after it.
pub(crate) fn painted(style: Style, text: impl fmt::Display) -> String {
    format!("{style}{text}{style:#}")
}

/// Standard output and standard error, as the person asked for them.
#[derive(Debug)]
pub(crate) struct Screen {
    out: AutoStream<io::Stdout>,
    err: AutoStream<io::Stderr>,
    format: Format,
    /// -1 quiet, 0 as usual, 1 and more with details.
    verbosity: i8,
}

impl Screen {
    /// A screen on this process's own streams.
    pub(crate) fn new(color: Color, format: Format, verbosity: i8) -> Self {
        Self {
            out: AutoStream::new(io::stdout(), color.choice()),
            err: AutoStream::new(io::stderr(), color.choice()),
            format,
            verbosity,
        }
    }

    /// What results are printed as.
    pub(crate) const fn format(&self) -> Format {
        self.format
    }

    /// Whether results are printed as JSON.
    pub(crate) fn is_json(&self) -> bool {
        self.format == Format::Json
    }

    /// Whether a person watches standard error, so that a progress bar has somebody to see it.
    pub(crate) fn shows_progress(&self) -> bool {
        self.verbosity >= 0 && io::stderr().is_terminal()
    }

    /// Whether standard output is a terminal, so that a line can be written over.
    pub(crate) fn out_is_terminal(&self) -> bool {
        io::stdout().is_terminal()
    }

    /// Whether standard output shows colours.
    pub(crate) fn out_has_color(&self) -> bool {
        self.out.current_choice() != ColorChoice::Never
    }

    /// Whether standard error shows colours.
    pub(crate) fn err_has_color(&self) -> bool {
        self.err.current_choice() != ColorChoice::Never
    }

    /// Prints `text` as it is on standard output.
    pub(crate) fn text(&mut self, text: impl fmt::Display) -> Result<(), Failure> {
        write!(self.out, "{text}").map_err(output_failed)
    }

    /// Prints one line on standard output.
    pub(crate) fn line(&mut self, text: impl fmt::Display) -> Result<(), Failure> {
        writeln!(self.out, "{text}").map_err(output_failed)
    }

    /// Prints one JSON document, laid out for reading, on standard output.
    pub(crate) fn json(&mut self, value: &impl Serialize) -> Result<(), Failure> {
        let text = serde_json::to_string_pretty(value).map_err(not_json)?;
        self.line(text)
    }

    /// Prints one JSON document on one line of standard output.
    pub(crate) fn json_line(&mut self, value: &impl Serialize) -> Result<(), Failure> {
        let text = serde_json::to_string(value).map_err(not_json)?;
        self.line(text)
    }

    /// Makes what was printed visible now.
    pub(crate) fn flush(&mut self) -> Result<(), Failure> {
        self.out.flush().map_err(output_failed)
    }

    /// Says something on standard error, unless `--quiet`.
    pub(crate) fn note(&mut self, text: impl fmt::Display) {
        if self.verbosity >= 0 {
            self.say(text);
        }
    }

    /// Says something on standard error with `--verbose`.
    pub(crate) fn detail(&mut self, text: impl fmt::Display) {
        if self.verbosity > 0 {
            self.say(text);
        }
    }

    /// Says that something needs care, even with `--quiet`.
    pub(crate) fn warn(&mut self, text: impl fmt::Display) {
        self.say(format_args!("{}: {text}", painted(paint::CARE, "warning")));
    }

    /// Says something on standard error, whatever was asked.
    pub(crate) fn say(&mut self, text: impl fmt::Display) {
        // A standard error that nobody reads must not stop the work.
        drop(writeln!(self.err, "{text}"));
    }

    /// Says something on standard error without ending the line, to wait for an answer.
    pub(crate) fn ask(&mut self, question: &str) {
        drop(write!(self.err, "{question}").and_then(|()| self.err.flush()));
    }

    /// No colours from here on.
    pub(crate) fn plain(&mut self) {
        self.out = AutoStream::never(io::stdout());
        self.err = AutoStream::never(io::stderr());
    }

    /// Empties the line that the cursor stands in. Only for a terminal.
    pub(crate) fn clear_line(&mut self) -> Result<(), Failure> {
        // Past the stream that strips escapes: a terminal without colours still has a cursor.
        self.out.flush().and_then(|()| io::stdout().write_all(b"\r\x1b[2K")).map_err(output_failed)
    }

    /// Says why the verb could not run.
    pub(crate) fn failure(&mut self, message: &str, help: Option<&str>) {
        if self.is_json() {
            self.say(serde_json::json!({ "error": message, "help": help }));
            return;
        }
        self.say(format_args!("{}: {message}", painted(paint::BAD, "error")));
        if let Some(help) = help {
            self.say(format_args!("  {}: {help}", painted(paint::HELP, "help")));
        }
    }
}

fn output_failed(error: io::Error) -> Failure {
    if error.kind() == io::ErrorKind::BrokenPipe {
        return Failure::ReaderGone;
    }
    Failure::new(format_args!("cannot write to standard output: {error}"))
}

fn not_json(error: serde_json::Error) -> Failure {
    Failure::new(format_args!("the result cannot be written as JSON: {error}"))
}
