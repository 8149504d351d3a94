//! Real logs of travel expense claims, imported and judged: counts that an independent script made.
//!
//! The logs are no part of the project; where they are missing these tests say so and pass.

use std::path::{Path, PathBuf};

use crate::bench::{Bench, workspace};

/// Duty, triggers, met, late, never, pending.
type Row = (&'static str, u64, u64, u64, u64, u64);

const DOMESTIC: [Row; 4] = [
    ("decide_declaration", 11_371, 10_992, 378, 1, 0),
    ("request_payment", 9_999, 8_991, 981, 27, 0),
    ("handle_payment", 9_914, 9_520, 391, 3, 0),
    ("handle_payment_swiftly", 9_914, 3_693, 6_218, 3, 0),
];
const INTERNATIONAL: [Row; 4] = [
    ("submit_declaration", 6_323, 5_227, 312, 701, 83),
    ("decide_declaration", 7_951, 7_272, 434, 245, 0),
    ("request_payment", 5_926, 5_177, 736, 13, 0),
    ("handle_payment", 6_078, 2_254, 3_824, 0, 0),
];

#[test]
fn every_count_of_the_domestic_claims_agrees() {
    agrees("DomesticDeclarations.xes.gz", "domestic.intent", &DOMESTIC);
}

#[test]
fn every_count_of_the_international_claims_agrees() {
    agrees("InternationalDeclarations.xes.gz", "international.intent", &INTERNATIONAL);
}

fn agrees(file: &str, spec: &str, rows: &[Row]) {
    let Some(file) = data(file) else { return };
    let bench = Bench::new();
    let spec = workspace("scenarios/specs/claims").join(spec);
    let import = ["import", file.to_str().unwrap(), "--log", "log", "--case", "declaration"];
    bench.run(&import).fine();
    let json = bench
        .run(&[
            "gaps",
            "--log",
            "log",
            "--spec",
            spec.to_str().unwrap(),
            "--summary",
            "--format",
            "json",
        ])
        .fine()
        .json();
    let duties = json["duties"].as_array().unwrap();
    let found: Vec<_> = duties
        .iter()
        .map(|duty| {
            let count = |name: &str| duty[name].as_u64().unwrap();
            (
                duty["duty"].as_str().unwrap(),
                count("triggers"),
                count("met"),
                count("late"),
                count("never"),
                count("pending"),
            )
        })
        .collect();
    assert_eq!(found, rows);
}

/// A file of the data that lies beside the project, where it does.
#[expect(clippy::print_stderr, reason = "a test that did not run must be seen")]
fn data(file: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data").join(file);
    if path.exists() {
        return Some(path);
    }
    eprintln!("SKIPPED: `{}` is not there, so its counts were not compared", path.display());
    None
}
