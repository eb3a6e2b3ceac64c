//! Names of others on a terminal.

#![cfg(unix)]

mod common;

use common::{Place, image_model, write_images, write_model};

/// Clears the screen, sets the title, and goes back to the start of the line.
const NAME: &str = "a\u{1b}[2J\u{1b}]0;title\u{7}b\r";

#[test]
fn names_with_control_characters_are_printed_without_them_and_stay_in_json() {
    let place = Place::new();
    write_model(&place.path("hub").join(NAME), &image_model(1, 4, 5));
    write_images(&place.path("data"), &["apple", "pear\u{1b}[2J"], 12);
    let rank = ["rank", "--hub", "hub", "--data", "data"];
    let ranked = place.run(&[&rank[..], &["--format", "json"]].concat());
    assert_eq!(ranked.assert_code(0).json()["models"][0]["name"], NAME);
    let runs = [
        ranked,
        place.run(&rank),
        place.run(&[&rank[..], &["--format", "markdown"]].concat()),
        place.run(&["hub", "list", "hub"]),
        place.run(&["hub", "inspect", "hub"]),
        place.run(&["rank", "--hub", NAME, "--data", "data"]),
        place.run(&["rank", "--hub", "hub", "--data", NAME]),
    ];
    for run in runs {
        let is_control = |letter: char| letter.is_control() && letter != '\n';
        assert!(
            !run.stdout.contains(is_control) && !run.stderr.contains(is_control),
            "{run:?}"
        );
    }
}
