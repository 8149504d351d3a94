//! Every setting of `serve` and where it came from: flag, environment, file or default.

use std::path::PathBuf;

use homeostat_world::Duration;
use serde_json::{Map, Value, json};

use super::Args;
use crate::commands::CHECK_TIME;
use crate::config::{CheckEvery, Durability};
use crate::context::{Context, Origin};
use crate::failure::Failure;
use crate::logging::LogFormat;
use crate::screen::{Color, Format};

/// What `serve` runs with.
#[derive(Debug)]
pub(crate) struct Effective {
    /// The log directory.
    pub(crate) log: Option<PathBuf>,
    /// Spec files and folders.
    pub(crate) spec: Vec<PathBuf>,
    /// The agents file.
    pub(crate) agents: Option<PathBuf>,
    /// The address.
    pub(crate) listen: String,
    /// What an acknowledgement promises.
    pub(crate) durability: Durability,
    /// How often it checks what it keeps.
    pub(crate) check_every: CheckEvery,
    /// Whether it runs the commands that the contract names.
    pub(crate) run_checks: bool,
    /// How long each may take.
    pub(crate) check_time: Duration,
}

/// The address when nobody says one.
const LISTEN: &str = "127.0.0.1:7171";

impl Effective {
    /// Flags over environment over file over defaults.
    pub(crate) fn of(args: &Args, context: &Context) -> Self {
        let file = &context.settings;
        let listen = args.listen.clone().or_else(|| file.listen.clone());
        Self {
            log: args.log.clone().or_else(|| file.log.clone()),
            spec: if args.spec_from_log {
                Vec::new()
            } else {
                context.spec_paths(&args.spec).to_vec()
            },
            agents: args.agents.clone().or_else(|| file.agents.clone()),
            listen: listen.unwrap_or_else(|| LISTEN.to_owned()),
            durability: args.durability.or(file.durability).unwrap_or_default(),
            check_every: args.check_every.or(file.check_every).unwrap_or_default(),
            run_checks: args.run_checks || file.run_checks.unwrap_or_default(),
            check_time: args.check_time.or(file.check_time).unwrap_or(CHECK_TIME),
        }
    }

    /// Prints everything as `homeostat.toml` would have it.
    pub(crate) fn print(&self, context: &mut Context) -> Result<(), Failure> {
        let settings = self.all(context);
        if context.screen.is_json() {
            let fields: Map<String, Value> = settings
                .into_iter()
                .map(|(key, value, origin)| (key.into(), json!({ "value": value, "from": origin })))
                .collect();
            return context.screen.json(&fields);
        }
        let mut text = String::new();
        for (key, value, origin) in settings {
            let line = match &value {
                Value::Null => format!("# {key} ="),
                // A JSON text, list of texts or truth value is TOML as it stands.
                value => format!("{key} = {value}"),
            };
            text.push_str(&format!("{line:<44} # {origin}\n"));
        }
        context.screen.text(text)
    }

    fn all(&self, context: &Context) -> Vec<(&'static str, Value, &'static str)> {
        let file = &context.settings;
        let screen = &context.screen;
        let from = |id: &str, in_file: bool| match context.origin(id, in_file) {
            Origin::Flag => "flag",
            Origin::Environment => "environment",
            Origin::File => "file",
            Origin::Default => "default",
        };
        let color: Color = context.global("color").or(file.color).unwrap_or_default();
        let format: Format = screen.format();
        let level: Option<String> = context.global("log_level").or_else(|| file.log_level.clone());
        let lines: LogFormat = context.global("log_format").or(file.log_format).unwrap_or_default();
        vec![
            ("log", json!(self.log), from("log", file.log.is_some())),
            ("spec", json!(self.spec), from("spec", !file.spec.is_empty())),
            ("agents", json!(self.agents), from("agents", file.agents.is_some())),
            ("listen", json!(self.listen), from("listen", file.listen.is_some())),
            ("durability", json!(self.durability), from("durability", file.durability.is_some())),
            (
                "check-every",
                json!(self.check_every),
                from("check_every", file.check_every.is_some()),
            ),
            ("run-checks", json!(self.run_checks), from("run_checks", file.run_checks.is_some())),
            (
                "check-time",
                json!(self.check_time.to_string()),
                from("check_time", file.check_time.is_some()),
            ),
            ("color", json!(color), from("color", file.color.is_some())),
            ("format", json!(format), from("format", file.format.is_some())),
            (
                "log-level",
                json!(level.as_deref().unwrap_or("info")),
                from("log_level", file.log_level.is_some()),
            ),
            ("log-format", json!(lines), from("log_format", file.log_format.is_some())),
        ]
    }
}
