//! What a suite is made of: its scenarios and Plans, read and ready to run.
//!
//! In: the file of suites and a name. Out: [`Selected`]. Never: runs anything.
//! Promise: Plans in a folder are found by looking into it, in order of their names.
//! Start reading at [`selected`].

use std::path::{Path, PathBuf};

use homeostat_sim_harness::write::{Suite, SuiteRun, Suites, What};
use homeostat_sim_harness::{Lane, marks};

use crate::batch::{Group, Source};
use crate::lanes::{self, Lanes};
use crate::{files, run};

/// Where suites are.
#[derive(Debug, clap::Args)]
pub(crate) struct House {
    /// The file of suites
    #[arg(long, value_name = "FILE", default_value = "scenarios/suites.toml")]
    pub(crate) suites: PathBuf,
}

/// What is to be run.
#[derive(Debug)]
pub(crate) struct Selected {
    pub(crate) name: String,
    pub(crate) work: Vec<Group>,
    /// The marks that must be reached.
    pub(crate) wanted: Vec<&'static str>,
}

/// Reads the file of suites.
pub(crate) fn suites(house: &House) -> Result<Suites, String> {
    let path = &house.suites;
    let text = files::read(path)?;
    Suites::from_toml(&text).map_err(|errors| files::said_of(path, &errors))
}

/// What the suite of that name runs; of its lanes only those in `only`. A suite of which only a
/// part is run need not reach its marks.
pub(crate) fn selected(
    name: &str,
    house: &House,
    only: Option<&Lanes>,
) -> Result<Selected, String> {
    let suites = suites(house)?;
    let suite = suites.find(name).map_err(|errors| files::said_of(&house.suites, &errors))?;
    let folder = house.suites.parent().unwrap_or(Path::new(""));
    let mut work = Vec::new();
    for run in &suite.runs {
        let mut lanes = Vec::new();
        for name in &run.lanes {
            lanes.extend(lanes::parse(name)?.0);
        }
        if let Some(only) = only {
            lanes.retain(|lane| only.has(lane.name));
        }
        if !lanes.is_empty() {
            work.extend(groups(run, folder, &lanes)?);
        }
    }
    if work.is_empty() {
        return Err(format!("suite `{name}` has nothing to run in these lanes"));
    }
    let wanted = if only.is_some() { Vec::new() } else { wanted(suite) };
    Ok(Selected { name: format!("suite {name}"), work, wanted })
}

fn wanted(suite: &Suite) -> Vec<&'static str> {
    marks::all().map(|mark| mark.name).filter(|name| suite.wants(name)).collect()
}

fn groups(run: &SuiteRun, folder: &Path, lanes: &[Lane]) -> Result<Vec<Group>, String> {
    let group = |of: &str, source| Group {
        of: of.to_owned(),
        source,
        lanes: lanes.to_vec(),
        agree: run.agree,
    };
    match &run.what {
        What::Seeds { scenario, seeds } => {
            let source = run::scenario(&folder.join(scenario))?;
            Ok(vec![group(scenario, Source::Seeds(Box::new(source), seeds.clone()))])
        }
        What::Plans(name) => plans(&folder.join(name))?
            .iter()
            .map(|path| {
                let of = path.strip_prefix(folder).unwrap_or(path).display().to_string();
                Ok(group(&of, Source::Plan(Box::new(files::plan(path)?))))
            })
            .collect(),
    }
}

/// The file itself, or every Plan in the folder.
pub(crate) fn plans(path: &Path) -> Result<Vec<PathBuf>, String> {
    if !path.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let cannot = |error: std::io::Error| format!("cannot look into `{}`: {error}", path.display());
    let mut found = Vec::new();
    for entry in std::fs::read_dir(path).map_err(cannot)? {
        let file = entry.map_err(cannot)?.path();
        if file.extension().is_some_and(|extension| extension == "toml") {
            found.push(file);
        }
    }
    found.sort();
    Ok(found)
}
