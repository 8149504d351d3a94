//! What a scenario expects of its own spec and agents is judged with everything else.

use homeostat_sim_harness::Plan;
use homeostat_sim_harness::oracle::judge;
use homeostat_sim_harness::plan::Expect;

use crate::desk::{calm, evidence};

fn expecting(closed: &[&str], in_time: &[&str]) -> Plan {
    let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
    Plan {
        expect: Expect { closed: words(closed), in_time: words(in_time), covered: false },
        ..calm(2)
    }
}

/// The names of the oracles that complain.
fn broken(closed: &[&str], in_time: &[&str]) -> Vec<String> {
    let violations = judge(&evidence(&expecting(closed, in_time)));
    violations.into_iter().map(|violation| violation.oracle).collect()
}

#[test]
fn a_duty_that_nobody_does_breaks_what_is_expected_of_it_and_no_promise() {
    assert_eq!(broken(&[], &[]), [""; 0]);
    for broken in [broken(&["confirm"], &[]), broken(&["could"], &[])] {
        assert!(!broken.is_empty());
        assert!(broken.iter().all(|oracle| oracle == "closed"), "{broken:?}");
    }
    let late = broken(&[], &["acknowledge"]);
    assert!(!late.is_empty());
    assert!(late.iter().all(|oracle| oracle == "in_time"), "{late:?}");
}

#[test]
fn an_expectation_of_a_duty_that_the_spec_does_not_have_is_a_mistake() {
    let errors = expecting(&["confrim"], &["must"]).prepare().unwrap_err().to_string();
    assert!(errors.contains("`confrim`") && errors.contains("`confirm`"), "{errors}");
}

#[test]
fn expectations_are_read_back_as_they_were_written() {
    let plan = expecting(&["confirm", "should"], &["acknowledge"]);
    assert_eq!(Plan::from_toml(&plan.to_toml()).unwrap(), plan);
}
