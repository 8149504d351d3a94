//! A node's own clock: wrong, never backwards, and its sleeps with it.

use std::sync::{Arc, Mutex};

use homeostat_sim_harness::skew::{Skew, SkewedClock};
use homeostat_sim_harness::{Doors, Stage};
use homeostat_world::{Clock, Duration};

use crate::{DAWN, after, native};

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn a_clock_jumps_ahead_and_stays_ahead_until_its_node_starts_again() {
    let (mut native, skew) = (native(1), Skew::new());
    let turned = skew.clone();
    let read = native.finish("node", Duration::from_secs(60), |doors| async move {
        let inner = doors.clock();
        let clock = SkewedClock::new(inner.clone(), turned.clone());
        let mut read = Vec::new();
        for (at, jump) in [(0, 0), (1, 10), (2, -7), (3, 0), (8, 0), (9, 0), (10, -20)] {
            inner.sleep_until(DAWN + Duration::from_secs(at)).await;
            read.push(clock.now().since(DAWN).as_micros() / 1_000_000);
            turned.jump(Duration::from_secs(jump));
            read.push(clock.now().since(DAWN).as_micros() / 1_000_000);
        }
        let restarted = SkewedClock::new(inner, turned);
        read.push(restarted.now().since(DAWN).as_micros() / 1_000_000);
        read
    });
    let expected = [0, 0, 1, 11, 12, 12, 13, 13, 18, 18, 19, 19, 20, 20, -7];
    assert_eq!(read.unwrap(), expected);
}

/// When, by true time in milliseconds, a sleep of two seconds ends, if the clock jumps at one.
fn sleep_with_jump(by: Duration) -> i64 {
    let (mut native, skew) = (native(1), Skew::new());
    skew.jump(Duration::from_secs(100));
    let (woken, turned) = (Arc::new(Mutex::new(None)), skew.clone());
    let told = Arc::clone(&woken);
    native.start("node", |doors| async move {
        let clock = SkewedClock::new(doors.clock(), turned);
        let at = clock.now() + SECOND + SECOND;
        clock.sleep_until(at).await;
        assert!(clock.now() >= at);
        *told.lock().unwrap() = Some(doors.clock().now());
    });
    native.run_until(DAWN + SECOND);
    skew.jump(by);
    native.run_until(after(60_000));
    assert_eq!(native.panics(), []);
    let woken = woken.lock().unwrap().unwrap();
    woken.since(DAWN).as_micros() / 1_000
}

#[test]
fn a_sleep_follows_the_clock_that_it_is_on() {
    assert_eq!(sleep_with_jump(Duration::ZERO), 2_000);
    assert_eq!(sleep_with_jump(Duration::from_millis(300)), 1_700);
    assert_eq!(sleep_with_jump(Duration::from_secs(5)), 1_000);
    assert_eq!(sleep_with_jump(Duration::from_secs(-5)), 2_000);
}

#[test]
fn a_clock_that_drifts_is_followed_both_ways_and_stays_as_wrong_as_it_is() {
    let (mut native, skew) = (native(1), Skew::new());
    let read = native.finish("node", Duration::from_secs(600), |doors| async move {
        let inner = doors.clock();
        let clock = SkewedClock::new(inner.clone(), skew.clone());
        let mut read = Vec::new();
        for (at, ppm) in [(10, 100_000), (20, 0), (30, -200_000), (40, 250_000), (44, 0), (50, 0)] {
            inner.sleep_until(DAWN + Duration::from_secs(at)).await;
            read.push(clock.now().since(DAWN).as_micros() / 1_000);
            skew.drift(inner.now(), ppm);
            assert_eq!(clock.now().since(DAWN).as_micros() / 1_000, *read.last().unwrap());
        }
        read
    });
    assert_eq!(read.unwrap(), [10_000, 21_000, 31_000, 39_000, 44_000, 50_000]);
}

/// When, by true time in microseconds, a sleep of ten seconds ends, if the clock drifts at one.
fn sleep_with_drift(ppm: i64) -> i64 {
    let (mut native, skew) = (native(1), Skew::new());
    let (woken, turned) = (Arc::new(Mutex::new(None)), skew.clone());
    let told = Arc::clone(&woken);
    native.start("node", |doors| async move {
        let clock = SkewedClock::new(doors.clock(), turned);
        let at = clock.now() + Duration::from_secs(10);
        clock.sleep_until(at).await;
        // Not before, and at the first microsecond of true time at which it may.
        assert!(clock.now() >= at && clock.now().since(at) <= Duration::from_micros(1));
        *told.lock().unwrap() = Some(doors.clock().now());
    });
    native.run_until(DAWN + SECOND);
    skew.drift(DAWN + SECOND, ppm);
    native.run_until(after(600_000));
    assert_eq!(native.panics(), []);
    let woken = woken.lock().unwrap().unwrap();
    woken.since(DAWN).as_micros()
}

#[test]
fn a_sleep_follows_a_clock_that_drifts_to_the_microsecond() {
    assert_eq!(sleep_with_drift(0), 10_000_000);
    assert_eq!(sleep_with_drift(500_000), 7_000_000);
    assert_eq!(sleep_with_drift(-500_000), 19_000_000);
    assert_eq!(sleep_with_drift(1), 9_999_992);
    assert_eq!(sleep_with_drift(-7), 10_000_064);
}
