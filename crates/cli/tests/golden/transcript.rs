//! Commands run one after the other, and the record of what they printed.

#![expect(clippy::unwrap_used, reason = "a test that cannot be set up fails")]

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use crate::common::{Place, Run};

/// Times and speeds, with what is written instead.
const FILTERS: [(&str, &str); 8] = [
    (r"(extracted|finished) in \d+\.\d s", "$1 in [TIME]"),
    // The last column of a ranking, after the parameters.
    (r"(?m)(\d [kM]) {2,}\d+(\.\d)?$", "$1  [SPEED]"),
    (
        r"after \d+\.\d s of extraction; (.*) would take \d+\.\d s",
        "after [TIME] of extraction; $1 would take [TIME]",
    ),
    // The last column of the epochs of a training run.
    (r"(?m)^( *\*?\d+ +\d+\.\d{4} +\d+\.\d{4}) +\d+\.\d$", "$1  [TIME]"),
    (
        r"steps of \d+\.\d{3} s, \d+\.\d s in all",
        "steps of [TIME], [TIME] in all",
    ),
    (
        r"(ranking|features|steps|validation|evaluation|other) \d+(\.\d)? s",
        "$1 [TIME]",
    ),
    (r"(?m)(epoch .*), \d+\.\d s$", "$1, [TIME]"),
    (r"ranktune \d+\.\d+\.\d+", "ranktune [VERSION]"),
];

/// A session of commands in a folder of its own, in which `examples` is that of the repository.
pub struct Transcript {
    place: Place,
    text: String,
}

impl Transcript {
    pub fn new() -> Self {
        let place = Place::new();
        std::os::unix::fs::symlink(repository().join("examples"), place.path("examples")).unwrap();
        Self {
            place,
            text: String::new(),
        }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.place.path(name)
    }

    /// Writes a file, and the folders above it.
    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    /// Copies the first `count` digits of a class into a folder.
    pub fn copy_digits(&self, class: usize, count: usize, to: &str) {
        let to = self.path(to);
        fs::create_dir_all(&to).unwrap();
        let from = repository().join(format!("examples/data/digits/train/{class}"));
        let mut files: Vec<PathBuf> = fs::read_dir(from).unwrap().map(|entry| entry.unwrap().path()).collect();
        files.sort();
        assert!(files.len() >= count, "class {class} has {} digits", files.len());
        for file in &files[..count] {
            fs::copy(file, to.join(file.file_name().unwrap())).unwrap();
        }
    }

    /// Runs the binary and records what it printed. Arguments are separated by spaces.
    pub fn run(&mut self, arguments: &str) -> Run {
        let run = self.place.run(&arguments.split_whitespace().collect::<Vec<_>>());
        self.record(arguments, &run, &run.stdout);
        run
    }

    /// As [`run`](Self::run), for a command that prints JSON, of which the keys and the types of their values are recorded.
    pub fn run_json(&mut self, arguments: &str) {
        let run = self.place.run(&arguments.split_whitespace().collect::<Vec<_>>());
        let shape = serde_json::to_string_pretty(&shape(&run.json())).unwrap();
        self.record(arguments, &run, &shape);
    }

    /// Runs commands that the binary has to refuse: with nothing on stdout, and with a message on stderr.
    #[track_caller]
    pub fn refuse(&mut self, commands: &[&str]) {
        for arguments in commands {
            let run = self.run(arguments);
            run.assert_refused(&["error: "]);
        }
    }

    fn record(&mut self, arguments: &str, run: &Run, stdout: &str) {
        let place = self.path("").canonicalize().unwrap();
        let repository = repository().canonicalize().unwrap();
        let plain = |text: &str| {
            text.replace(place.to_str().unwrap(), "[PLACE]")
                .replace(repository.to_str().unwrap(), "[REPOSITORY]")
        };
        let _ = writeln!(self.text, "$ ranktune {arguments}");
        for (name, text) in [("stdout", stdout), ("stderr", &run.stderr)] {
            if !text.is_empty() {
                let _ = writeln!(self.text, "--- {name}\n{}", plain(text).trim_end());
            }
        }
        let code = run.code.map_or_else(|| "none".to_owned(), |code| code.to_string());
        let _ = writeln!(self.text, "--- exit code {code}\n");
    }

    /// Compares the session with the snapshot of this name.
    #[track_caller]
    pub fn check(self, name: &str) {
        insta::with_settings!({
            snapshot_path => "../snapshots",
            prepend_module_to_snapshot => false,
            omit_expression => true,
            filters => FILTERS.to_vec(),
        }, {
            insta::assert_snapshot!(name, self.text);
        });
    }
}

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// A document with the type of each value instead of the value, and of each list the first item.
fn shape(value: &serde_json::Value) -> serde_json::Value {
    use serde_json::Value;
    match value {
        Value::Object(object) => object
            .iter()
            .map(|(key, value)| (key.clone(), shape(value)))
            .collect::<serde_json::Map<_, _>>()
            .into(),
        Value::Array(list) => list.iter().take(1).map(shape).collect(),
        Value::Null => "null".into(),
        Value::Bool(_) => "bool".into(),
        Value::Number(_) => "number".into(),
        Value::String(_) => "string".into(),
    }
}
