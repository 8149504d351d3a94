//! The lanes, by name.
//!
//! In: what was typed after `--lane`. Out: [`Lanes`]. Start reading at [`ALL`].

use homeostat_sim_harness::Lane;
use homeostat_sim_harness::lane::NATIVE;

/// Every lane, the daily one first.
pub(crate) const ALL: &[Lane] = &[
    NATIVE,
    homeostat_sim_turmoil::LANE,
    // The crate is empty without the flag; its own test says so when it is gone.
    #[cfg(madsim)]
    homeostat_sim_madsim::LANE,
    homeostat_sim_tokio::LANE,
];

/// The lanes that can have faults: what `all` means. The real one has to be asked for by name.
const WITH_FAULTS: [&str; 3] = ["native", "turmoil", "madsim"];

/// Lanes that were asked for: one at least, each once.
#[derive(Clone, Debug)]
pub(crate) struct Lanes(pub(crate) Vec<Lane>);

impl Lanes {
    /// The lane of one run.
    pub(crate) fn first(&self) -> Lane {
        self.0.first().copied().unwrap_or(NATIVE)
    }

    /// Whether one of them has that name.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.0.iter().any(|lane| lane.name == name)
    }

    /// As `--lane` takes them.
    pub(crate) fn text(&self) -> String {
        let names: Vec<&str> = self.0.iter().map(|lane| lane.name).collect();
        names.join(",")
    }
}

/// Reads `native`, `native,madsim` or `all`.
pub(crate) fn parse(text: &str) -> Result<Lanes, String> {
    let mut lanes: Vec<Lane> = Vec::new();
    for name in text.split(',').map(str::trim) {
        let found: Vec<Lane> = if name == "all" {
            ALL.iter().filter(|lane| WITH_FAULTS.contains(&lane.name)).copied().collect()
        } else {
            vec![named(name)?]
        };
        for lane in found {
            if !lanes.iter().any(|known| known.name == lane.name) {
                lanes.push(lane);
            }
        }
    }
    Ok(Lanes(lanes))
}

/// The lane of that name.
pub(crate) fn named(name: &str) -> Result<Lane, String> {
    ALL.iter().find(|lane| lane.name == name).copied().ok_or_else(|| {
        let known: Vec<String> = ALL.iter().map(|lane| format!("`{}`", lane.name)).collect();
        format!("there is no lane `{name}`, expected {} or `all`", known.join(", "))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lanes_are_named_once_each() {
        let text = |typed: &str| parse(typed).map(|lanes| lanes.text());
        assert_eq!(text("native"), Ok("native".to_owned()));
        assert_eq!(text("native, native"), Ok("native".to_owned()));
        assert!(text("all").is_ok_and(|all| all.starts_with("native")));
        assert!(text("nativ").is_err_and(|why| why.contains("expected `native`")));
        assert!(text("").is_err());
    }
}
