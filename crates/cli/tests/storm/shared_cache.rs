//! One cache for several processes, a cache that vanishes or has the wrong time, and files that change.

use std::fs::{self, File};
use std::path::PathBuf;
use std::process::Stdio;
use std::thread;
use std::time::{Duration, SystemTime};

use crate::common::{Place, Run, image_model, write_model};
use crate::scenario::{PULL, RANK, Scenario};
use crate::{moment, moments, report, strength};

/// Several processes of one command at once, on one cache.
fn together(scenario: &Scenario, processes: usize) {
    let (expected, _) = scenario.undisturbed();
    for _ in 0..strength().div_ceil(2) {
        let (place, server) = (scenario.place(), scenario.server());
        let children: Vec<_> = (0..processes)
            .map(|_| {
                let mut command = scenario.command(&place, server.as_ref());
                command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
            })
            .collect();
        for child in children {
            let run = Run::from(child.wait_with_output().unwrap());
            assert_eq!(run.code, Some(0), "{run:?}");
            let different = scenario.outputs(&place, &run).differences(&expected);
            assert!(different.is_empty(), "{different:?} differ: {run:?}");
        }
    }
    report(
        scenario.name,
        "processes on one cache",
        &[("processes, all equal", processes)],
    );
}

#[test]
fn two_and_four_processes_rank_on_one_cache() {
    together(&RANK, 2);
    together(&RANK, 4);
}

#[test]
fn two_and_four_processes_download_into_one_cache() {
    together(&PULL, 2);
    together(&PULL, 4);
}

#[test]
fn a_cache_that_vanishes_while_a_ranking_runs_changes_nothing() {
    let (expected, whole) = RANK.undisturbed();
    let mut random = moments(6);
    for _ in 0..strength() {
        let place = RANK.place();
        let child = RANK
            .command(&place, None)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        thread::sleep(moment(&mut random, whole));
        let _ = fs::remove_dir_all(place.path("cache"));
        let run = Run::from(child.wait_with_output().unwrap());
        assert_eq!(run.code, Some(0), "{run:?}");
        let different = RANK.outputs(&place, &run).differences(&expected);
        assert!(different.is_empty(), "{different:?} differ: {run:?}");
    }
    report(RANK.name, "cache deleted while it runs", &[("equal", strength())]);
}

fn entries(place: &Place) -> Vec<PathBuf> {
    let folders = fs::read_dir(place.path("cache/features-2")).unwrap();
    let files = folders.flat_map(|folder| fs::read_dir(folder.unwrap().path()).unwrap());
    files.map(|file| file.unwrap().path()).collect()
}

#[test]
fn a_clock_that_jumps_changes_nothing() {
    let (expected, _) = RANK.undisturbed();
    let place = RANK.place();
    let run = || Run::from(RANK.command(&place, None).output().unwrap());
    run().assert_code(0);
    let year = Duration::from_secs(365 * 24 * 3600);
    for time in [SystemTime::now() + 50 * year, SystemTime::UNIX_EPOCH + year] {
        for path in entries(&place) {
            File::options()
                .write(true)
                .open(&path)
                .unwrap()
                .set_modified(time)
                .unwrap();
        }
        let again = run();
        assert_eq!(again.code, Some(0), "{again:?}");
        assert!(
            RANK.outputs(&place, &again).differences(&expected).is_empty(),
            "{again:?}"
        );
        assert!(again.stderr.contains("from the cache"), "{again:?}");
    }
    report(RANK.name, "cache from the past and the future", &[("equal", 2)]);
}

/// Replaces `file` at a random moment by `other`. The ranking is that of the old file, that of the new one, or an error that names the
/// file. Afterwards, with the old file again, the ranking is the old one: no feature of the new file was kept as one of the old.
fn changes(what: &str, file: &str, other: &[u8], stream: u64) {
    let (expected, whole) = RANK.undisturbed();
    let with_other = {
        let place = RANK.place();
        fs::write(place.path(file), other).unwrap();
        let run = Run::from(RANK.command(&place, None).output().unwrap());
        run.assert_code(0);
        RANK.outputs(&place, &run)
    };
    assert!(
        !with_other.differences(&expected).is_empty(),
        "the change changes nothing"
    );
    let mut random = moments(stream);
    let (mut old, mut new, mut named) = (0, 0, 0);
    for _ in 0..strength() {
        let place = RANK.place();
        let original = fs::read(place.path(file)).unwrap();
        let child = RANK
            .command(&place, None)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        thread::sleep(moment(&mut random, whole));
        let beside = place.path("replacement");
        fs::write(&beside, other).unwrap();
        fs::rename(&beside, place.path(file)).unwrap();
        let run = Run::from(child.wait_with_output().unwrap());
        let name = file.rsplit('/').next().unwrap();
        if run.code == Some(0) {
            let found = RANK.outputs(&place, &run);
            if found.differences(&expected).is_empty() {
                old += 1;
            } else {
                assert!(
                    found.differences(&with_other).is_empty(),
                    "neither the old nor the new ranking: {run:?}"
                );
                new += 1;
            }
        } else {
            assert!(run.stderr.contains(name) && run.stderr.contains("changed"), "{run:?}");
            named += 1;
        }
        fs::write(place.path(file), &original).unwrap();
        let _ = fs::remove_dir_all(place.path("ranking"));
        let run = Run::from(RANK.command(&place, None).output().unwrap());
        assert_eq!(run.code, Some(0), "{run:?}");
        assert!(
            RANK.outputs(&place, &run).differences(&expected).is_empty(),
            "features of another file were kept: {run:?}"
        );
    }
    report(
        RANK.name,
        what,
        &[("as before", old), ("as after", new), ("named", named)],
    );
}

#[test]
fn an_image_that_changes_while_it_is_read_is_never_used_as_the_old_one() {
    let pixels: Vec<u8> = (0..20 * 20 * 3).map(|at| (at % 251) as u8).collect();
    let mut png = Vec::new();
    let mut encoder = png::Encoder::new(&mut png, 20, 20);
    encoder.set_color(png::ColorType::Rgb);
    encoder.write_header().unwrap().write_image_data(&pixels).unwrap();
    changes("an image replaced while it runs", "data/plum/059.png", &png, 7);
}

#[test]
fn a_model_that_changes_while_it_is_read_is_never_used_as_the_old_one() {
    let place = Place::new();
    write_model(&place.path("other"), &image_model(99, 24, 5));
    let other = fs::read(place.path("other/model.onnx")).unwrap();
    changes("a model replaced while it runs", "hub/wide/model.onnx", &other, 8);
}
