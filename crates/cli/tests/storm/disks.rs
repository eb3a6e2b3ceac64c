//! Full disks and read-only caches.

#![cfg(unix)]

use std::ffi::OsStr;
use std::fs;
use std::path::Path;
use std::process::Command;

use crate::common::{Place, Run};
use crate::report;
use crate::scenario::{RANK, SCORE, Scenario, TUNE};

/// The command under a limit of `kilobytes` for every file that it writes: writes beyond fail, as they do on a full disk.
fn limited(scenario: &Scenario, place: &Place, kilobytes: usize) -> Run {
    let command = scenario.command(place, None);
    // Without the trap, the signal of the limit would end the process.
    let script = format!("trap '' XFSZ; ulimit -f {}; exec \"$@\"", 2 * kilobytes);
    let mut shell = Command::new("sh");
    shell
        .args(["-c", &script, "sh"])
        .arg(command.get_program())
        .args(command.get_args());
    take_over(&mut shell, &command);
    Run::from(shell.output().unwrap())
}

/// The folder and the environment of another command.
fn take_over(command: &mut Command, other: &Command) {
    command.current_dir(other.get_current_dir().unwrap());
    for (name, value) in other.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
}

#[test]
fn a_ranking_on_a_full_disk_is_that_without_a_cache_and_says_so() {
    let (expected, _) = RANK.undisturbed();
    let mut noted = 0;
    for kilobytes in [0, 1, 4, 16] {
        let place = RANK.place();
        let run = limited(&RANK, &place, kilobytes);
        if run.code == Some(0) {
            let different = RANK.outputs(&place, &run).differences(&expected);
            assert!(different.is_empty(), "{kilobytes} kB: {different:?} differ: {run:?}");
            assert!(
                run.stderr.contains("cache") || run.stderr.contains("memory"),
                "{kilobytes} kB: {run:?}"
            );
            noted += 1;
        } else {
            // The ranking itself did not fit: named, and no half of it is there.
            assert_eq!(run.code, Some(2), "{run:?}");
            assert!(run.stderr.contains("ranking.json"), "{run:?}");
            assert!(!place.path("ranking/ranking.json").exists(), "{run:?}");
        }
        // With room, the same command goes on from what is kept.
        let _ = fs::remove_dir_all(place.path("ranking"));
        let run = Run::from(RANK.command(&place, None).output().unwrap());
        assert_eq!(run.code, Some(0), "{run:?}");
        assert!(RANK.outputs(&place, &run).differences(&expected).is_empty(), "{run:?}");
    }
    report(
        RANK.name,
        "full disk, at 4 sizes",
        &[("ranked", noted), ("named", 4 - noted)],
    );
}

#[test]
fn what_cannot_be_written_is_named_and_no_half_of_it_stays() {
    for (scenario, kilobytes, file) in [(&SCORE, 8, "s.stats"), (&TUNE, 2, "tuned")] {
        let (expected, _) = scenario.undisturbed();
        let place = scenario.place();
        let run = limited(scenario, &place, kilobytes);
        assert_eq!(run.code, Some(2), "{run:?}");
        assert!(run.stderr.contains(file), "{run:?}");
        assert!(!place.path("saved/s.stats").exists() && !place.path("tuned/model.onnx").exists());
        // With room, the same command ends as if nothing had been.
        let resume = scenario.resume.filter(|_| place.path("tuned/checkpoints").exists());
        let run = Run::from(scenario.command(&place, None).args(resume).output().unwrap());
        assert_eq!(run.code, Some(0), "{run:?}");
        let different = scenario.outputs(&place, &run).differences(&expected);
        assert!(different.is_empty(), "{different:?} differ: {run:?}");
        report(scenario.name, "full disk", &[("named, then equal", 1)]);
    }
}

#[test]
fn a_cache_that_cannot_be_written_costs_time_and_nothing_else() {
    let (expected, _) = RANK.undisturbed();
    let place = RANK.place();
    fs::write(place.path("a_file"), b"").unwrap();
    // A folder that nobody can make, root included; a folder within a file.
    let within = place.path("a_file/cache");
    for cache in ["/proc/ranktune", within.to_str().unwrap()] {
        let _ = fs::remove_dir_all(place.path("ranking"));
        let run = Run::from(
            RANK.command(&place, None)
                .env("RANKTUNE_CACHE", cache)
                .output()
                .unwrap(),
        );
        assert_eq!(run.code, Some(0), "{run:?}");
        assert!(run.stderr.contains("features are not cached"), "{run:?}");
        assert!(RANK.outputs(&place, &run).differences(&expected).is_empty(), "{run:?}");
    }
    report(RANK.name, "cache that cannot be made", &[("equal", 2)]);
}

/// The command with a mount of its own over `folder`, made by `mount`; `None` where this user may not mount.
fn mounted(scenario: &Scenario, place: &Place, mount: &str, folder: &Path) -> Option<Run> {
    let script = format!("{mount} && exec \"$@\"");
    let within = |program: &str, arguments: &[&OsStr]| {
        let mut command = Command::new("unshare");
        command
            .args(["-m", "sh", "-c", &script, "sh"])
            .arg(program)
            .args(arguments);
        command.env("FOLDER", folder);
        command
    };
    if !within("true", &[]).output().is_ok_and(|output| output.status.success()) {
        return None;
    }
    let command = scenario.command(place, None);
    let arguments: Vec<&OsStr> = command.get_args().collect();
    let mut inner = within(command.get_program().to_str()?, &arguments);
    take_over(&mut inner, &command);
    Some(Run::from(inner.output().unwrap()))
}

#[test]
fn a_cache_that_became_read_only_still_serves() {
    let (expected, _) = RANK.undisturbed();
    let place = RANK.place();
    Run::from(RANK.command(&place, None).output().unwrap()).assert_code(0);
    let folder = place.path("cache");
    let read_only = "mount --bind \"$FOLDER\" \"$FOLDER\" && mount -o remount,ro,bind \"$FOLDER\"";
    let Some(run) = mounted(&RANK, &place, read_only, &folder) else {
        ranktune_testing::skip("this user may not mount a folder read-only");
        return;
    };
    assert_eq!(run.code, Some(0), "{run:?}");
    assert!(run.stderr.contains("from the cache"), "{run:?}");
    assert!(RANK.outputs(&place, &run).differences(&expected).is_empty(), "{run:?}");
    report(RANK.name, "read-only cache", &[("equal, from the cache", 1)]);
}

#[test]
fn a_small_disk_that_fills_up_costs_the_cache_and_nothing_else() {
    let (expected, _) = RANK.undisturbed();
    let place = RANK.place();
    let folder = place.path("cache");
    fs::create_dir_all(&folder).unwrap();
    let small = "mount -t tmpfs -o size=16k tmpfs \"$FOLDER\"";
    let Some(run) = mounted(&RANK, &place, small, &folder) else {
        ranktune_testing::skip("this user may not mount a small disk");
        return;
    };
    assert_eq!(run.code, Some(0), "{run:?}");
    assert!(run.stderr.contains("free space there"), "{run:?}");
    assert!(RANK.outputs(&place, &run).differences(&expected).is_empty(), "{run:?}");
    report(RANK.name, "cache on a disk of 16 kB", &[("equal", 1)]);
}
