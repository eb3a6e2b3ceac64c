//! Killed at random moments, the same command ends with the same bytes.

use std::process::Stdio;
use std::thread;

use crate::common::Run;
use crate::scenario::{PULL, RACE, RANK, SCORE, Scenario, TUNE};
use crate::{moment, moments, report, strength};

/// Kills the command up to three times in a row, and then lets it finish; as often as the storm is strong.
fn survive(scenario: &Scenario, stream: u64) {
    let (expected, whole) = scenario.undisturbed();
    let mut random = moments(stream);
    let (mut killed, mut over) = (0, 0);
    for trial in 0..strength() {
        let (place, server) = (scenario.place(), scenario.server());
        let mut resume: Vec<&str> = Vec::new();
        for _ in 0..=random.below(3) {
            let mut child = scenario
                .command(&place, server.as_ref())
                .args(&resume)
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .unwrap();
            thread::sleep(moment(&mut random, whole));
            let was_running = child.try_wait().unwrap().is_none();
            // SIGKILL, or what comes nearest.
            child.kill().unwrap();
            child.wait().unwrap();
            killed += usize::from(was_running);
            over += usize::from(!was_running);
            resume = scenario.resume.into_iter().collect();
        }
        let run = Run::from(
            scenario
                .command(&place, server.as_ref())
                .args(&resume)
                .output()
                .unwrap(),
        );
        assert_eq!(run.code, Some(0), "{} after trial {trial}: {run:?}", scenario.name);
        let found = scenario.outputs(&place, &run);
        let different = found.differences(&expected);
        assert!(
            different.is_empty(),
            "{} after trial {trial}: {different:?} differ: {run:?}",
            scenario.name
        );
    }
    report(
        scenario.name,
        "killed, then run to the end",
        &[("killed", killed), ("over before", over), ("equal", strength())],
    );
}

#[test]
fn a_ranking_that_was_killed_ends_as_if_it_were_not() {
    survive(&RANK, 1);
}

#[test]
fn a_race_that_was_killed_ends_as_if_it_were_not() {
    survive(&RACE, 2);
}

#[test]
fn a_tuning_that_was_killed_ends_as_if_it_were_not() {
    survive(&TUNE, 3);
}

#[test]
fn saved_statistics_are_whole_or_not_there_whenever_the_process_is_killed() {
    survive(&SCORE, 4);
}

#[test]
fn a_download_that_was_killed_ends_as_if_it_were_not() {
    survive(&PULL, 5);
}
